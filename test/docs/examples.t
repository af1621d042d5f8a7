#!/usr/bin/perl
# examples.t: the examples of the documents do what the documents say.
#
# The ```sql blocks of a document run in order in one psql session over the sample platform. A ```text
# block that follows one directly is its output: it is compared field by field; numbers may differ in
# their sixth digit, and what differs from run to run (seconds and the like) may have any value. After
# "```text approximate", only the number of lines and the column names count. Blocks opened by "```sql fails"
# must print an error, no other one may. Blocks opened by "```sql not run" are not run.
#
# README.md begins with an empty database that has the sample platform; the other documents with the
# tour of examples/demo.sql done.
#
# Needs a running server and a superuser in the PG* environment; makes databases named docs_*.
# DOCS_UPDATE=1 writes the real output into the documents instead.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Documents;
use Test::More;

my %varies = map { $_ => 1 } qw(seconds load_seconds fit_seconds elapsed pid build trained_at published_at
	registered_at);

# The fields of a line of psql's aligned output, by the widths in the line of dashes.
sub fields
{
	my ($line, $dashes) = @_;
	my @fields;
	my $at = 0;
	for my $column (split /\+/, $dashes)
	{
		push @fields, $at < length $line ? substr($line, $at, length $column) : '';
		$at += length($column) + 1;
	}
	s/^\s+|\s+$//g for @fields;
	return @fields;
}

# Output as a list of items to compare: fields of tables, with "?" for what varies, and other lines.
sub items
{
	my ($approximate, @lines) = @_;
	my ($dashes, @names, @items);
	for my $i (0 .. $#lines)
	{
		my $next = $lines[ $i + 1 ] // '';
		if ($next =~ /^-[-+]*$/)
		{
			$dashes = $next;
			@names = fields($lines[$i], $dashes);
			push @items, @names;
		}
		elsif ($lines[$i] =~ /^-[-+]*$/ && defined $dashes)
		{
			push @items, '--';
		}
		elsif (defined $dashes && $lines[$i] =~ /^ / && $lines[$i] ne '')
		{
			my @values = fields($lines[$i], $dashes);
			push @items, map { $approximate || $varies{ $names[$_] } ? '?' : $values[$_] } 0 .. $#values;
		}
		else
		{
			undef $dashes;
			push @items, $lines[$i] =~ s/\s+$//r;
		}
	}
	pop @items while @items && $items[-1] eq '';
	return @items;
}

# Are two items the same, numbers but for rounding?
sub same_item
{
	my ($a, $b) = @_;
	return 1 if $a eq $b;
	my $number = qr/^-?\d+(\.\d+)?(e[-+]?\d+)?$/;
	return 0 unless $a =~ $number && $b =~ $number && "$a$b" =~ /\./;
	return abs($a - $b) <= 1e-5 * (abs($a) > abs($b) ? abs($a) : abs($b));
}

# Is the output the expected one?
sub same_output
{
	my ($approximate, $expected, $got) = @_;
	my @expected = items($approximate, @$expected);
	my @got = items($approximate, @$got);
	return @expected == @got && !grep { !same_item($expected[$_], $got[$_]) } 0 .. $#got;
}

# Pairs every block that is run with the block of its output, if there is one.
sub examples
{
	my @blocks = blocks(@_);
	my @examples;
	for my $i (0 .. $#blocks)
	{
		next unless $blocks[$i]{info} =~ /^sql( fails)?$/;
		my $next = $blocks[ $i + 1 ];
		push @examples, {
			sql => $blocks[$i],
			output => $next && $next->{adjacent} && $next->{info} =~ /^text/ ? $next : undef
		};
	}
	return @examples;
}

# Runs the examples of one document; sets {got} of each to the lines printed.
sub run_examples
{
	my ($database, @examples) = @_;
	my $script = '';
	$script .= "\\echo <<$_>>\n" . join("\n", @{ $examples[$_]{sql}{text} }) . "\n" for 0 .. $#examples;
	my @parts = split /^<<\d+>>\n/m, run_script($database, $script), -1;
	die "psql ended early: ", $parts[-1] if @parts != @examples + 1;
	shift @parts;
	for my $example (@examples)
	{
		my @got = map { s/\s+$//r } split /\n/, shift @parts;
		pop @got while @got && $got[-1] eq '';
		$example->{got} = \@got;
	}
}

# Compares one example with its output.
sub check_example
{
	my ($file, $example) = @_;
	my $output = $example->{output};
	my @got = @{ $example->{got} };
	my $name = "$file:" . ($example->{sql}{begin} + 1);
	my $failed = grep { /^(ERROR|FATAL|\S*psql)/ } @got;
	ok($example->{sql}{info} eq 'sql fails' ? $failed : !$failed, "$name " . $example->{sql}{info} =~ s/^sql$/runs/r)
		or diag(join "\n", @got);
	return if !$output;
	my $approximate = $output->{info} =~ /approximate/ ? 1 : 0;
	$example->{differs} = !same_output($approximate, $output->{text}, \@got);
	ok(!$example->{differs} || $ENV{DOCS_UPDATE}, "$name prints what it says")
		or diag("expected:\n", (map { "  $_\n" } @{ $output->{text} }), "got:\n", map { "  $_\n" } @got);
}

# Writes the output of examples that differ into the document, from the end, so that line numbers stay.
sub update_document
{
	my ($file, $lines, @examples) = @_;
	for my $example (reverse grep { $_->{differs} } @examples)
	{
		my $output = $example->{output};
		splice @$lines, $output->{begin} + 1, $output->{end} - $output->{begin} - 1, @{ $example->{got} };
	}
	write_document($file, @$lines);
}

# A new database, in place of an older one.
sub make_database
{
	my ($name, $template) = @_;
	run_script('postgres', "DROP DATABASE IF EXISTS $name;");
	my $output = run_script('postgres', "CREATE DATABASE $name TEMPLATE $template;"
			. "ALTER DATABASE $name SET client_min_messages = warning;");
	die $output if $output =~ /ERROR/;
}

run_script('postgres', 'DROP DATABASE IF EXISTS docs_run; DROP ROLE IF EXISTS visitor, web_app, analyst, trainer, night_shift, kiosk, dumper;');
make_database('docs_sample', 'template1');
my $output = run_script('docs_sample', join "\n", read_document('examples/sample_platform.sql'));
unlike($output, qr/ERROR/, 'the sample platform loads');
make_database('docs_tour', 'docs_sample');
$output = run_script('docs_tour', join "\n", read_document('examples/demo.sql'));
unlike($output, qr/ERROR/, 'examples/demo.sql runs') or diag($output);

for my $file (document_files())
{
	my @lines = read_document($file);
	my @examples = examples(@lines) or next;
	make_database('docs_run', $file eq 'README.md' ? 'docs_sample' : 'docs_tour');
	run_script('postgres', 'ALTER DATABASE docs_run SET search_path = public, recsys');
	run_examples('docs_run', @examples);
	check_example($file, $_) for @examples;
	update_document($file, \@lines, @examples) if $ENV{DOCS_UPDATE};
}
run_script('postgres', "DROP DATABASE $_;") for qw(docs_run docs_tour docs_sample);
done_testing();
