# Documents.pm: what the tests of the documents share: the files, their fenced blocks, and psql.
package Documents;

use strict;
use warnings;
use Exporter 'import';
use File::Basename 'dirname';
use File::Temp;

our @EXPORT = qw(document_files read_document write_document blocks query run_script);

# The project's folder becomes the working directory.
chdir dirname(__FILE__) . '/../..' or die "cannot enter the project: $!\n";

# All documents, README.md first.
sub document_files
{
	return ('README.md', sort glob 'docs/*.md');
}

# The lines of a file, without line ends.
sub read_document
{
	my ($file) = @_;
	open my $handle, '<:encoding(UTF-8)', $file or die "cannot read \"$file\": $!\n";
	chomp(my @lines = <$handle>);
	return @lines;
}

# Replaces a file.
sub write_document
{
	my ($file, @lines) = @_;
	open my $handle, '>:encoding(UTF-8)', $file or die "cannot write \"$file\": $!\n";
	print $handle "$_\n" for @lines;
	close $handle or die "cannot write \"$file\": $!\n";
}

# The fenced blocks of a document, in order, as hashes: info (what follows the opening fence), begin and
# end (indexes of the fences), text (array of lines), heading (the one above), adjacent (nothing but empty
# lines since the block before).
sub blocks
{
	my @lines = @_;
	my ($block, @found);
	my ($heading, $adjacent) = ('', 0);
	for my $i (0 .. $#lines)
	{
		if ($block)
		{
			if ($lines[$i] =~ /^```\s*$/)
			{
				$block->{end} = $i;
				push @found, $block;
				($block, $adjacent) = (undef, 1);
			}
			else
			{
				push @{ $block->{text} }, $lines[$i];
			}
		}
		elsif ($lines[$i] =~ /^```(.*?)\s*$/)
		{
			$block = { info => $1, begin => $i, text => [], heading => $heading, adjacent => $adjacent };
		}
		elsif ($lines[$i] =~ /\S/)
		{
			$heading = $1 if $lines[$i] =~ /^#+ (.*)/;
			$adjacent = 0;
		}
	}
	die "a block that begins in line ", $block->{begin} + 1, " does not end\n" if $block;
	return @found;
}

# Runs SQL in a database; everything that psql prints, errors included, in the order in which it came.
sub run_script
{
	my ($database, $sql) = @_;
	my $input = File::Temp->new;
	binmode $input, ':encoding(UTF-8)';
	print $input $sql;
	close $input;
	open my $psql, '-|:encoding(UTF-8)', "psql -X -q -d $database <$input 2>&1"
		or die "cannot run psql: $!\n";
	local $/;
	return scalar(<$psql>) // '';
}

# The rows of a query, each an array of texts; dies on errors.
sub query
{
	my ($database, $sql) = @_;
	my $output = run_script($database, "\\set ON_ERROR_STOP 1\n\\pset format unaligned\n"
			. "\\pset fieldsep '\\x1f'\n\\pset recordsep '\\x1e'\n\\pset tuples_only on\n$sql;\n");
	die $output if $? != 0;
	chomp $output;
	return map { [ split /\x1f/, $_, -1 ] } split /\x1e/, $output =~ s/\x1e\z//r;
}

1;
