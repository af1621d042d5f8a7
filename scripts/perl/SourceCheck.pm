# SourceCheck.pm: what the check scripts share: the list of files, C text without its comments, and the
# report of what is wrong, one "file:line: text" a line as compilers do.
package SourceCheck;

use strict;
use warnings;
use Exporter 'import';
use File::Basename 'dirname';
use File::Find;

our @EXPORT = qw(enter_tree source_files read_file without_comments line_at complain finish);

my $complaints = 0;

# Goes to the tree named as the first argument of the script, by default the one the script belongs to.
sub enter_tree
{
	my $tree = $ARGV[0] // dirname($0) . '/..';
	chdir $tree or die "$0: cannot enter \"$tree\": $!\n";
}

# All files below the directories (those that exist) whose path matches the pattern, sorted.
sub source_files
{
	my ($pattern, @directories) = @_;
	my @found;
	my @existing = grep { -d } @directories;
	find({ no_chdir => 1, wanted => sub { push @found, $_ if -f && /$pattern/ } }, @existing)
		if @existing;
	return sort @found;
}

# The bytes of a file.
sub read_file
{
	my ($file) = @_;
	open my $handle, '<:raw', $file or die "$0: cannot read \"$file\": $!\n";
	local $/;
	return scalar(<$handle>) // '';
}

# C text with every comment turned into white space, so that offsets and line numbers stay.
sub without_comments
{
	my ($text) = @_;
	$text =~ s{("(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*')|(/\*.*?\*/|//[^\n]*)}
			  {defined $1 ? $1 : $2 =~ s/[^\n]/ /gr}gse;
	return $text;
}

# The line number of an offset.
sub line_at
{
	my ($text, $offset) = @_;
	return 1 + (substr($text, 0, $offset) =~ tr/\n//);
}

# Reports one fault.
sub complain
{
	my ($file, $line, $what) = @_;
	print "$file:$line: $what\n";
	$complaints++;
}

# Exit status of the script: 1 when something was reported.
sub finish
{
	exit($complaints > 0 ? 1 : 0);
}

1;
