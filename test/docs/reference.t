#!/usr/bin/perl
# reference.t: the reference is complete and true.
#
# docs/sql-reference.md has every function, aggregate, view and table of the extension in a ```signature
# block, and nothing else: names, arguments, defaults, results, volatility, parallel label, cost, rows,
# privileges. "a|b" in the type of an argument stands for one function with a and one with b. The table
# of settings and, in docs/methods.md, the tables of parameters must agree with the server. Links
# between the documents lead somewhere. The messages in the table of symptoms of docs/operating.md are messages
# of the source, under the SQLSTATE that stands before them.
#
# Needs a running server and a superuser in the PG* environment; makes a database docs_reference.
use strict;
use warnings;
use FindBin;
use lib $FindBin::Bin;
use Documents;
use Test::More;

my $database = 'docs_reference';

# One spelling of types and white space.
sub canonical
{
	my ($text) = @_;
	$text =~ s/\s+/ /g;
	$text =~ s/^ | $//g;
	$text =~ s/\( /(/g;
	$text =~ s/ \)/)/g;
	$text =~ s/ \(/(/g;
	$text =~ s/\bint\b/integer/g;
	$text =~ s/\bfloat8\b/double precision/g;
	$text =~ s/\btimestamptz\b/timestamp with time zone/g;
	$text =~ s/(DEFAULT (?:'[^']*'|-?\w+))::[^,)]+/$1/g;
	return $text;
}

# A signature with alternatives as all that it stands for.
sub expand
{
	my ($text) = @_;
	return $text unless $text =~ /^(.*?)(\w+(?:\|\w+)+)(.*)$/s;
	my ($before, $types, $after) = ($1, $2, $3);
	return map { expand("$before$_$after") } split /\|/, $types;
}

# The members of the extension of one catalog.
my $members = q{SELECT objid FROM pg_depend WHERE deptype = 'e' AND refclassid = 'pg_extension'::regclass
	AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'course_recsys') AND classid =};

# Signatures of all functions and aggregates.
sub real_functions
{
	return map { canonical($_->[0]) } query($database, qq{
		SELECT CASE prokind WHEN 'a' THEN 'AGGREGATE ' ELSE '' END || proname
			|| '(' || pg_get_function_arguments(oid) || ') RETURNS ' || pg_get_function_result(oid)
			|| CASE WHEN prokind = 'a' THEN '' ELSE ' '
				|| CASE provolatile WHEN 'i' THEN 'IMMUTABLE' WHEN 's' THEN 'STABLE' ELSE 'VOLATILE' END
				|| CASE WHEN proisstrict THEN ' STRICT' ELSE '' END END
			|| ' PARALLEL ' || CASE proparallel WHEN 's' THEN 'SAFE' WHEN 'r' THEN 'RESTRICTED' ELSE 'UNSAFE' END
			|| CASE WHEN prokind = 'a' THEN '' ELSE ' COST ' || procost::int END
			|| CASE WHEN proretset THEN ' ROWS ' || prorows::int ELSE '' END
			|| CASE WHEN has_function_privilege('docs_nobody', oid, 'EXECUTE') THEN '' ELSE ' NOT FOR PUBLIC' END
		FROM pg_proc WHERE oid IN ($members 'pg_proc'::regclass)});
}

# The same of views and tables.
sub real_relations
{
	return map { canonical($_->[0]) } query($database, qq{
		SELECT CASE relkind WHEN 'v' THEN 'VIEW ' ELSE 'TABLE ' END || relname || '('
			|| (SELECT string_agg(quote_ident(attname) || ' ' || format_type(atttypid, NULL), ', ' ORDER BY attnum)
				FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0) || ')'
			|| CASE WHEN has_table_privilege('docs_nobody', oid, 'SELECT') THEN '' ELSE ' NOT FOR PUBLIC' END
		FROM pg_class c WHERE relkind IN ('r', 'v') AND oid IN ($members 'pg_class'::regclass)});
}

# What docs/sql-reference.md says there is.
sub documented
{
	my @signatures;
	for my $block (grep { $_->{info} eq 'signature' } blocks(read_document('docs/sql-reference.md')))
	{
		push @signatures, map { expand(canonical($_)) } split /\n\s*\n/, join "\n", @{ $block->{text} };
	}
	return @signatures;
}

# Compares two lists as sets, naming what is too much and what is missing.
sub same_set
{
	my ($got, $real, $name) = @_;
	my %got = map { $_ => 1 } @$got;
	my %real = map { $_ => 1 } @$real;
	ok(@$real > 0, "$name: there are some");
	is(join("\n", grep { !$real{$_} } sort keys %got), '', "$name: nothing is documented that does not exist");
	is(join("\n", grep { !$got{$_} } sort keys %real), '', "$name: everything is documented");
}

# Rows of the table below a heading whose first column has this name, as arrays of cells without markup.
sub table_rows
{
	my ($heading, $first, @lines) = @_;
	my ($below, $inside, @rows);
	my $before = '';
	for my $line (@lines)
	{
		$below = $1 eq $heading if $line =~ /^##+ (.*)/;
		$inside = $below && $line =~ /^\| $first \|/ if $line =~ /^\|/ && $before !~ /^\|/;
		$before = $line;
		next unless $inside && $line =~ /^\| `/;
		my @cells = map { s/^\s+|\s+$//gr } split /(?<!\\)\|/, $line =~ s/^\||\|\s*$//gr;
		push @rows, [ map { s/`//gr } @cells ];
	}
	return @rows;
}

# The table of settings: name, default, least, greatest.
sub check_settings
{
	my @documented = map { join ' | ', @$_[ 0 .. 3 ] } table_rows('Settings', 'name', read_document('docs/sql-reference.md'));
	my @real = map { join ' | ', @$_ } query($database,
		q{LOAD 'course_recsys'; SELECT name, boot_val || coalesce(' ' || unit, ''), min_val, max_val FROM pg_settings
		WHERE name LIKE 'course\_recsys.%'});
	same_set(\@documented, \@real, 'settings');
}

# Parameters of one method: name, type, default, range or choices.
sub real_params
{
	my ($method) = @_;
	return map { join ' | ', @$_ } query($database, qq{
		SELECT param, type, coalesce(default_value, 'null'),
			coalesce(array_to_string(choices, ', '), min_value || ' to ' || max_value, '')
		FROM recsys.recsys_method_params('$method')});
}

# The tables of parameters in docs/methods.md.
sub check_methods
{
	my @lines = read_document('docs/methods.md');
	my @common = table_rows('Parameters of all methods', 'parameter', @lines);
	my @sizes = map { $_->[0] } table_rows('Sizes', 'method', read_document('docs/operating.md'));
	for my $method (map { $_->[0] } query($database, 'SELECT method FROM recsys.recsys_methods()'))
	{
		my @rows = (table_rows($method, 'parameter', @lines), @common);
		my @documented = map { join ' | ', @$_[ 0 .. 3 ] } @rows;
		same_set(\@documented, [ real_params($method) ], "parameters of $method");
		ok((grep { $_ eq $method } @sizes), "docs/operating.md tells the size of $method");
		check_aliases($method, @rows);
	}
}

# Every alias that docs/methods.md names is taken; there is no dataset, so that is what the call ends with.
sub check_aliases
{
	my ($method, @rows) = @_;
	for my $row (grep { $_->[4] =~ /Alias/ } @rows)
	{
		my ($aliases) = $row->[4] =~ /Alias(?:es)?: (.*)/;
		my $default = $row->[1] =~ /choice|text/ && $row->[2] ne 'null' ? qq{"$row->[2]"} : $row->[2];
		for my $alias (split /, /, $aliases)
		{
			like(run_script($database, qq{SELECT recsys.estimate_training('$method', '{"$alias": $default}');}),
				qr/dataset "default" does not exist/, "$method takes $alias for $row->[0]");
		}
	}
}

# The anchor that a heading gets.
sub anchor
{
	my ($heading) = @_;
	$heading = lc $heading =~ s/`//gr;
	return $heading =~ s/[^\w\- ]//gr =~ s/ /-/gr;
}

# Every link to a file or heading of the project leads there.
sub check_links
{
	my ($file) = @_;
	my @broken;
	for my $line (read_document($file))
	{
		while ($line =~ /\]\(([^)\s]+)\)/g)
		{
			my $link = $1;
			my ($path, $place) = split /#/, $link, 2;
			next if $path =~ /^https?:/;
			$path = $path eq '' ? $file : ($file =~ m{^(.*/)} ? $1 : '') . $path;
			$path =~ s{[^/]+/\.\./}{}g;
			if (!-e $path) { push @broken, $link; next }
			next unless defined $place;
			push @broken, $link
				unless grep { /^#+ (.*)/ && anchor($1) eq $place } read_document($path);
		}
	}
	is(join("\n", @broken), '', "links of $file lead somewhere");
}

# How the source names the SQLSTATEs of the symptoms; errors of src/core by their status.
my %conditions = (
	'0A000' => 'ERRCODE_FEATURE_NOT_SUPPORTED|RECSYS_UNSUPPORTED',
	'38000' => 'RECSYS_EXTERNAL', '53200' => 'RECSYS_NO_MEMORY',
	'40001' => 'ERRCODE_T_R_SERIALIZATION_FAILURE', '42501' => 'ERRCODE_INSUFFICIENT_PRIVILEGE',
	'42P01' => 'ERRCODE_UNDEFINED_TABLE', '53400' => 'ERRCODE_CONFIGURATION_LIMIT_EXCEEDED|RECSYS_OVER_LIMIT',
	'55000' => 'ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE', 'XX001' => 'ERRCODE_DATA_CORRUPTED|RECSYS_CORRUPT');

# The calls of the source that raise errors with this SQLSTATE, one string each.
sub raised_errors
{
	my ($state) = @_;
	my $condition = $conditions{$state} or return;
	return map { (join "\n", read_document($_)) =~ /(?:errcode\(|env_fail\(env, |child_fail\(child, )(?:$condition)\b(.*?);/gs } glob 'src/*/*.c';
}

# Every "SQLSTATE `message`" among the symptoms.
sub check_symptoms
{
	my $n = 0;
	for my $symptom (map { /^\| (\w{5}) `([^`]+)` \|/ ? [ $1, $2 ] : () } read_document('docs/operating.md'))
	{
		my ($state, $message) = @$symptom;
		my $pattern = join '.*', map { quotemeta } split / ?\.\.\. ?/, $message;
		ok((grep { /$pattern/s } raised_errors($state)), "symptom $state $message: raised by the source");
		$n++;
	}
	cmp_ok($n, '>', 5, 'there are such symptoms');
}

# The method that docs/internals.md shows compiles; its first C block is a whole file.
sub check_example_method
{
	my ($block) = grep { $_->{info} eq 'c' } blocks(read_document('docs/internals.md'));
	open my $compiler, '|-', ($ENV{CC} || 'cc')
		. ' -std=c11 -D_GNU_SOURCE -Isrc -Wall -Wextra -Werror -fsyntax-only -x c -' or die "cannot run cc: $!\n";
	print $compiler "$_\n" for @{ $block->{text} };
	close $compiler;
	is($?, 0, 'the method of docs/internals.md compiles');
}

run_script('postgres', "DROP DATABASE IF EXISTS $database; DROP ROLE IF EXISTS docs_nobody;");
my $output = run_script('postgres', "CREATE DATABASE $database TEMPLATE template0; CREATE ROLE docs_nobody;");
die $output if $output =~ /ERROR/;
$output = run_script($database, 'CREATE SCHEMA recsys; CREATE EXTENSION course_recsys SCHEMA recsys;');
die $output if $output =~ /ERROR/;

my @documented = documented();
same_set([ grep { !/^(VIEW|TABLE) / } @documented ], [ real_functions() ], 'functions');
same_set([ grep { /^(VIEW|TABLE) / } @documented ], [ real_relations() ], 'relations');
check_settings();
check_methods();
check_example_method();
check_symptoms();
check_links($_) for document_files(), 'CHANGELOG.md';
run_script('postgres', "DROP DATABASE $database; DROP ROLE docs_nobody;");
done_testing();
