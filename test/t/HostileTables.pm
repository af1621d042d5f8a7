# HostileTables.pm: draws datasets over tables that nobody expects: any type of column, any name, values at the ends
# of their types, views that fail; trains every method on them and asks the models.
package HostileTables;

use strict;
use warnings;
use Exporter 'import';
use Hostile qw(pick chance literal identifier hostile_name);

our @EXPORT_OK = qw(draw_dataset preparation training_of);

# Types of keys: those that a dataset may have, with the text of key number i, and others.
my %keys = (
	integer                     => 'i',
	bigint                      => 'i::bigint * 1000000007 - 500',
	smallint                    => '(i - 3)',
	text                        => "('k' || i)",
	'character varying(20)'     => "('k' || i)",
	uuid                        => "lpad(to_hex(i), 32, '0')",
	'hostile.positive'          => 'i + 1',
	'hostile.short'             => "('k' || i)",
	'text COLLATE "C"'          => "repeat('é', i)",
	'text COLLATE hostile.same' => "(ARRAY['a', 'A', 'b', 'B'])[1 + i % 4]"
);
my %other_keys = (
	numeric            => 'i',
	'double precision' => "'NaN'",
	'character(10)'    => 'i',
	name               => "('k' || i)",
	bytea              => "'\\x00ff'",
	date               => "'infinity'",
	boolean            => 'true',
	jsonb              => "'{}'",
	'integer[]'        => "'{1}'",
	'school.pair'      => "'(1,a)'",
	'school.mood'      => "'good'",
	int4range          => "'[1,2)'",
	oid                => 'i',
	'"char"'           => "'x'",
	xml                => "'<a/>'",
	inet               => "'::1'",
	regclass           => "'pg_class'",
	point              => "'(1,2)'",
	tsvector           => "'a'",
	money              => 'i'
);

# Ratings by type.
my %ratings = (
	real => [
		'1 + i % 5', 0, -1, "'1e38'", "'-1e38'", "'1e-45'", "'-0'", "'NaN'", "'Infinity'", 'NULL', 'i - 5',
		"CASE WHEN i = 3 THEN 1e38 ELSE 1 END"
	],
	'double precision' => [
		'1 + i % 5',                3,
		"'1e300'",                  "'-1e300'",
		"'4.9e-324'",               "'NaN'",
		"'-Infinity'",              "CASE WHEN i % 2 = 0 THEN 1e300 ELSE -1e300 END",
		"'1.7976931348623157e308'", 'CASE WHEN i = 4 THEN NULL ELSE 1 END',
		"1e15 + i",                 "1 + 1e-15 * i"
	],
	numeric            => ['i % 4',     "'NaN'",    "'1e131071'", "'-1e-16383'", "'1e39'", '0.1'],
	integer            => ['1 + i % 5', 2147483647, '-2147483647 + i', 7],
	bigint             => ['i',         '9223372036854775807', '1 + i % 2'],
	smallint           => ['i % 3',     -32768],
	boolean            => ['i % 2 = 0', 'true'],
	'hostile.positive' => ['1 + i % 3'],
	text               => ['i', "'five'"],
	jsonb              => ["'1'"],
	money              => ['i'],
	interval           => ["'1 day'"],
	'real[]'           => ["'{1}'"],
	'school.mood'      => ["'good'"],
	bytea              => ["'\\x01'"]
);

# Times by type.
my %times = (
	'timestamp with time zone' => [
		"timestamptz '2024-01-01' + i * interval '1 day'",
		"'infinity'",     "'-infinity'", "'4713-01-02 BC'",
		"'294276-12-30'", 'NULL'
	],
	'timestamp without time zone' => [
		"timestamp '2024-01-01' + i * interval '1 hour'",
		"'294276-12-31 23:59:59.999999'",
		"'infinity'", "'4713-01-01 BC'"
	],
	date   => ["date '2024-01-01' + i", "'5874897-12-31'", "'infinity'", "'-infinity'", "'4713-01-01 BC'"],
	bigint => [
		'i', 9223372036854775807, "'-9223372036854775808'",
		'1700000000 + i',
		'CASE WHEN i % 2 = 0 THEN 9223372036854775807 ELSE -9223372036854775807 END'
	],
	integer                  => ['i', -2147483647],
	text                     => ["'yesterday'"],
	'time without time zone' => ["'12:00'"],
	'double precision'       => ["'NaN'"]
);

# Any column: genres, titles, attributes.
my %columns = (
	integer            => ['i % 2',     'NULL', '2147483647'],
	boolean            => ['i % 2 = 0', 'NULL'],
	'double precision' => ['1',         "'NaN'",  "'1e308'", "'-Infinity'"],
	real               => ['i % 3',     "'1e38'", "'-1e38'"],
	numeric            => ['0.5',       "'NaN'",  "'1e400'", "'Infinity'"],
	text               => [
		"'a course of words ' || i",
		"''",
		'NULL',
		"CASE i WHEN 2 THEN repeat('word ', 20000) END",
		"CASE i WHEN 2 THEN repeat('x', 1000000) ELSE 'b' END",
		"E'\\x01%s\\n😀'",
		"CASE i WHEN 1 THEN (SELECT string_agg('w' || g, ' ') FROM generate_series(1, 5000) AS g) END"
	],
	'character varying(5)' => ["'ab'"],
	jsonb                  => ["'{}'"],
	bytea                  => ["'\\x00'"],
	'text[]'               => ["'{a}'"],
	date                   => ["'infinity'"],
	'school.mood'          => ["'good'"],
	'school.pair'          => ["'(1,a)'"],
	'hostile.short'        => ["'abc'"],
	name                   => ["'a'"],
	'character(3)'         => ["'a'"]
);

# What the tables need: domains, a collation under which different keys are equal, where the server can do it.
sub preparation
{
	return
		q{CREATE SCHEMA hostile; CREATE DOMAIN hostile.positive AS int CHECK (VALUE > 0); CREATE DOMAIN hostile.short AS varchar(10);
		CREATE FOREIGN DATA WRAPPER hostile; CREATE SERVER hostile FOREIGN DATA WRAPPER hostile;
		DO $$ BEGIN
			CREATE COLLATION hostile.same (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
		EXCEPTION WHEN OTHERS THEN CREATE COLLATION hostile.same (locale = 'C');
		END $$};
}

# A column: type and the SQL of its value in row i; the first value of a type is a good one.
sub column
{
	my ($types, $good) = @_;
	my $type   = pick(sort keys %$types);
	my @values = ref $types->{$type} ? @{ $types->{$type} } : $types->{$type};
	return ($type, $good ? $values[0] : pick(@values));
}

# One of the named types of `types`.
sub only
{
	my ($types, @names) = @_;
	return { map { $_ => $types->{$_} } @names };
}

# The columns of a dataset: for each kind, type and value.  Of `usual` datasets the types are those that a dataset may
# have, so that training and serving are reached; the values may still be at the ends of their types.
sub column_types
{
	my ($usual) = @_;
	my @numbers = ('real', 'double precision', 'integer', 'numeric', 'boolean');
	return (
		user   => [column(\%keys,                  1)],
		course => [column(\%keys,                  1)],
		title  => [column(only(\%columns, 'text'), chance(0.7))],
		rating => [
			chance(0.5)
			? ('real', '1 + i % 5')
			: column(only(\%ratings, @numbers[0 .. 3], 'bigint', 'smallint'), chance(0.5))
		],
		time => [
			column(
				only(\%times, 'timestamp with time zone', 'timestamp without time zone', 'date', 'bigint'),
				chance(0.6)
			)
		],
		genres  => [map { [column(only(\%columns, @numbers), chance(0.8))] } 1 .. 3],
		feature => [column(only(\%columns, 'text', 'integer', 'boolean'), 1)]
	) if $usual;
	return (
		user    => [column(chance(0.7) ? \%keys : \%other_keys, 1)],
		course  => [column(chance(0.7) ? \%keys : \%other_keys, 1)],
		title   => [column(\%columns, 0)],
		rating  => [column(\%ratings, chance(0.5))],
		time    => [column(\%times,   chance(0.5))],
		genres  => [map { [column(\%columns, 0)] } 1 .. 3],
		feature => [column(\%columns, 0)]
	);
}

# Statements that make a relation of `rows` rows from columns of [name, type, value].  Not always a plain table.
sub relation
{
	my ($name, $rows, @columns) = @_;
	my $names  = join ', ', map { identifier($_->[0]) } @columns;
	my $types  = join ', ', map { identifier($_->[0]) . ' ' . $_->[1] } @columns;
	my $values = join ', ', map { "($_->[2])::" . ($_->[1] =~ s/ COLLATE.*//r) } @columns;
	my $table  = 'hostile.' . identifier($name);
	my $base   = 'hostile.' . identifier("b$name");
	my $fill   = "SELECT $values FROM generate_series(1, $rows) AS r(i)";
	my $kind   = int rand 20;
	return ("CREATE VIEW $table AS SELECT * FROM (SELECT $values FROM generate_series(1, $rows) AS r(i)) AS v($names)")
		if $kind == 0;
	return ("CREATE MATERIALIZED VIEW $table ($names) AS $fill")              if $kind == 1;
	return ("CREATE MATERIALIZED VIEW $table ($names) AS $fill WITH NO DATA") if $kind == 2 && chance(0.3);
	return (
		"CREATE TABLE $base ($types)",
		"INSERT INTO $base $fill",
		"CREATE VIEW $table AS SELECT $names FROM (SELECT *, row_number() OVER () AS place FROM $base) AS b WHERE 1 / (8 - place) IS NOT NULL"
	) if $kind == 3;
	return ("CREATE FOREIGN TABLE $table ($types) SERVER hostile") if $kind == 4 && chance(0.3);
	return (
		"CREATE TABLE $table ($types) PARTITION BY HASH (" . identifier($columns[0][0]) . ')',
		map { "CREATE TABLE " . $base =~ s/"$/$_"/r . " PARTITION OF $table FOR VALUES WITH (MODULUS 2, REMAINDER $_)" }
			0,
		1
	) if $kind == 5;
	my @create =
		$kind == 6
		? (
		"CREATE TABLE $table (dropped1 int, $types, dropped2 text)",
		"ALTER TABLE $table DROP dropped1, DROP dropped2",
		"ALTER TABLE $table ADD added int DEFAULT 5"
		)
		: $kind == 7 ? ("CREATE TABLE $base ($types)", "CREATE TABLE $table () INHERITS ($base)")
		: $kind == 8 ? ("CREATE UNLOGGED TABLE $table ($types)")
		: $kind == 9 ? ("CREATE TABLE $table ($types, made text GENERATED ALWAYS AS ('a') STORED)")
		:              ("CREATE TABLE $table ($types)");
	return (
		@create,
		"INSERT INTO $table ($names) $fill",
		chance(0.2) ? "CREATE INDEX ON $table (" . identifier($columns[0][0]) . ')' : ()
	);
}

# SQL of the key of row i as one of `many`.
sub one_of
{
	my ($key, $many, $step) = @_;
	return $key =~ s/\bi\b/((i * $step) % $many)/gr;
}

# Names of columns that differ.
sub column_names
{
	my %seen;
	return map { my $name = chance(0.5) ? $_ : hostile_name(); $seen{$name}++ ? "$_ 2" : $name } @_;
}

# The argument that names columns: usually those that are there.
sub columns_of
{
	my (@names) = @_;
	@names = map { chance(0.97) ? $_ : hostile_name() } @names;
	return 'ARRAY[' . join(', ', map { literal($_) } @names) . ']::name[]';
}

# SQL of the value, in some columns NULL in the second row.
sub perhaps_null
{
	my ($value) = @_;
	return chance(0.02) ? "CASE WHEN i = 2 THEN NULL ELSE $value END" : $value;
}

# An argument that names a table of ours.
sub table_argument
{
	my ($argument, $name) = @_;
	return ", $argument => " . literal('hostile."' . ($name =~ s/"/""/gr) . '"') . '::regclass';
}

# How many ratings, users and courses, with keys of a megabyte sometimes.
sub sizes
{
	my ($types) = @_;
	my @sizes   = (pick(0, 1, 2, 12, 40, 40, 40, 100), pick(1, 2, 5, 10), pick(1, 2, 7, 13));
	my $huge    = rand;
	($types->{user}, @sizes[0, 1]) = (['text', "repeat(chr(97 + i), 1000000)"], pick(1, 5), pick(1, 3)) if $huge < 0.03;
	($types->{course}, @sizes[0, 2]) = (
		['text', pick("repeat(chr(97 + i), 1000000)", "left('x', i)", "repeat(' ', i)", "chr(i + 1)")],
		pick(1, 5, 20),
		pick(1, 3)
	) if $huge > 0.95;
	return @sizes;
}

# Statements that make the tables of a dataset and register it under a name.
sub tables
{
	my ($dataset) = @_;
	my $usual     = chance(0.8);
	my %types     = column_types($usual);
	my ($rows, $users, $courses)                      = sizes(\%types);
	my ($u, $c, $r, $t)                               = column_names(qw(user_id course_id rating rated_at));
	my ($user_type, $user, $course_type, $course)     = (@{ $types{user} }, @{ $types{course} });
	my ($ratings_table, $courses_table, $users_table) = map { $_ . hostile_name() } qw(r c u);
	my @sql = relation(
		$ratings_table, $rows,
		[$u, $user_type,   perhaps_null(one_of($user,   $users,   1))],
		[$c, $course_type, perhaps_null(one_of($course, $courses, 3))],
		[$r, @{ $types{rating} }],
		[$t, @{ $types{time} }]
	);
	my $arguments =
		literal($dataset)
		. table_argument('ratings', $ratings_table)
		. ', user_column => '
		. literal($u)
		. ', course_column => '
		. literal($c)
		. ', rating_column => '
		. (chance(0.15) ? 'NULL'                            : literal($r))
		. (chance(0.4)  ? ', time_column => ' . literal($t) : '');

	if (chance(0.8))
	{
		my ($key, $title, $description, @genres) =
			column_names(qw(course_id title description), map { "g$_" } 1 .. pick(0, 1, 2, 3));
		push @sql,
			relation(
			$courses_table,
			1 + $courses,
			[$key,         $course_type, one_of($course, 1 + $courses, 1)],
			[$title,       @{ $types{title} }],
			[$description, @{ $types{title} }],
			map { [$genres[$_], @{ $types{genres}[$_] }] } 0 .. $#genres
			);
		$arguments .=
			table_argument('courses', $courses_table)
			. ', courses_key => '
			. literal($key)
			. ', title_column => '
			. literal($title)
			. ', description_column => '
			. literal($description)
			. (@genres ? ', genre_columns => ' . columns_of(@genres) : '');
	}
	if (chance(0.7))
	{
		my ($key, $feature) = column_names('user_id', 'feature');
		push @sql,
			relation(
			$users_table, 1 + $users,
			[$key,     $user_type, one_of($user, 1 + $users, 1)],
			[$feature, @{ $types{feature} }]
			);
		$arguments .= table_argument('users', $users_table) . ', user_feature_columns => ' . columns_of($feature);
	}
	return (@sql, "/* needed */ SELECT recsys.register_dataset($arguments)");
}

# The calls of one dataset: tables, registration, training with every method, calls of the given functions.
sub draw_dataset
{
	my ($hostile, $objects, $methods, $calls) = @_;
	my $dataset  = hostile_name();
	my @models   = map { ["m $_ " . substr(hostile_name(), 0, 20), $_] } @$methods;
	my @tables   = map { { sql => $_ } } tables($dataset);
	my @training = map {
		{
			id  => training_of($_->[1]),
			sql => 'SELECT recsys.train_model('
				. join(', ',
				literal($_->[0]),                              literal($_->[1]),
				$hostile->json('jsonb', $_->[1], chance(0.9)), literal($dataset))
				. ')'
		}
	} @models;
	my @keys = ('k1', 'k2', 1, 2, '00000000-0000-0000-0000-000000000001', '');
	local $hostile->{good} = {
		%{ $hostile->{good} },
		model     => [map { $_->[0] } @models],
		dataset   => [$dataset],
		user_id   => \@keys,
		course_id => \@keys
	};
	return (@tables, @training, map { { sql => $hostile->draw(pick(@$objects))->{sql} } } 1 .. $calls);
}

# How training with a method on such tables is counted.
sub training_of
{
	my ($method) = @_;
	return "training of $method on tables of any kind";
}

1;
