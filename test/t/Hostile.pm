# Hostile.pm: draws calls of every function, aggregate, operator and cast of the extension, as the catalog has
# them, with hostile and with good arguments.  What is drawn depends on the seed and the catalog alone.
#
# A call is { id, sql, form, args }: what it calls, one line of SQL, and for functions the SQL of each argument.
package Hostile;

use strict;
use warnings;
use Exporter 'import';
use List::Util 'min';

our @EXPORT_OK = qw(pick chance literal identifier hostile_text hostile_name);

# One of a list, at random.
sub pick
{
	return $_[int rand @_];
}

# True with this probability.
sub chance
{
	return rand() < $_[0];
}

# A text as an SQL literal on one line.
sub literal
{
	my ($text) = @_;
	return 'E\'' . ($text =~ s/([\\'])/\\$1/gr =~ s/\n/\\n/gr =~ s/\r/\\r/gr) . '\'';
}

# A name as an SQL identifier on one line.
sub identifier
{
	my ($name) = @_;
	return 'U&"' . ($name =~ s/(["\\])/$1$1/gr =~ s/([\x00-\x1f])/sprintf '\\%04x', ord $1/ger) . '"';
}

# What may go wrong when a text is quoted, formatted, measured, folded or converted.
my @texts = (
	'',                     ' ',
	'\'',                   '"',
	'\\',                   '\'\'; DROP TABLE school.ratings; --',
	'"; SELECT 1/0; --',    '$$',
	'$1',                   '%',
	'%s%n%d',               '%1$s %99999999d',
	"a\nb",                 "tab\there\r\n",
	'NULL',                 'null',
	'0',                    '-1',
	'1e999',                'NaN',
	'١٢',                   'é',
	"e\xCC\x81",            '𝔘𝕟𝕚😀',
	"\xE2\x80\xAEgnp.exe",  "\xEF\xBB\xBFbom",
	'x' x 63,               'x' x 64,
	'x' x 1000,             'ü' x 31,
	'ü' x 32,               '😀' x 16,
	'{}',                   '{1,NULL}',
	'[]',                   '()',
	'pg_catalog',           'pg_class',
	'a.b',                  'a.b.c.d',
	'.',                    '..',
	'"a"."b"',              'SELECT',
	'user',                 '00000000-0000-0000-0000-000000000001',
	'9223372036854775807',  '9223372036854775808',
	'-9223372036854775808', '2147483648',
	"\x01\x7F",             '../../etc/passwd',
	'-0'
);

# SQL of a text that nothing good is expected from.
sub hostile_text
{
	return pick(
		'repeat(\'x\', 3000000)',
		'repeat(E\'\\\\\', 1000000)',
		'repeat(\'😀\', 300000)',
		'repeat(\'%s\', 100000)',
		'repeat(\'a \', 500000)'
	) if chance(0.02);
	return literal(pick(@texts));
}

# A name for a table, a column, a dataset or a model: at most 63 bytes.
sub hostile_name
{
	my @short = grep { length > 0 && length() <= 63 } @texts;
	return pick(@short);
}

my %integers = (
	smallint => 32767,
	integer  => 2147483647,
	bigint   => 9223372036854775807
);
my @floats = (
	"'NaN'",                     "'Infinity'",
	"'-Infinity'",               '0',
	"'-0'",                      "'4.9e-324'",
	"'-4.9e-324'",               "'2.2250738585072014e-308'",
	"'1e-38'",                   "'1.7976931348623157e308'",
	"'-1.7976931348623157e308'", '1e300',
	'1e38',                      '1e-300',
	'0.1',                       '-1',
	'9007199254740993',          '1e154'
);
my %values = (
	boolean            => ['true', 'false'],
	'double precision' => [@floats],
	real               => [
		"'NaN'", "'Infinity'", "'-Infinity'",    '0',
		"'-0'",  "'1e-45'",    "'3.4028235e38'", "'-3.4028235e38'",
		"'1.17549435e-38'"
	],
	numeric => [
		"'NaN'",      "'Infinity'",  "'-Infinity'", '0',
		"'1e131071'", "'-1e131071'", "'1e-16383'",  "'0.1'",
		"'9223372036854775808'"
	],
	uuid => ["'00000000-0000-0000-0000-000000000000'", "'ffffffff-ffff-ffff-ffff-ffffffffffff'"],
	date => ["'infinity'", "'-infinity'", "'4713-01-01 BC'", "'5874897-12-31'", "'2000-02-29'"],
	'timestamp without time zone' =>
		["'infinity'", "'-infinity'", "'4713-01-01 BC'", "'294276-12-31 23:59:59.999999'", "'2000-01-01'"],
	'timestamp with time zone' => ["'infinity'", "'-infinity'", "'4713-01-02 BC'", "'294276-12-30'", "'2000-01-01'"],
	interval => ["'178000000 years'", "'-178000000 years'", "'0'", "'-1 microsecond'", "'2147483647 days'"],
	regclass => [
		0,                          4294967295,
		1,                          "'pg_class'",
		"'pg_class_oid_index'",     "'pg_toast.pg_toast_2619'",
		"'pg_stat_activity'",       "'information_schema.tables'",
		"'recsys.recsys_model'",    "'recsys.recsys_model_data'",
		"'recsys.recsys_progress'", "'school.seq'",
		"'school.pair'",            "'school.empty'",
		"'school.fails'",           "'school.recurses'",
		"'school.parts'",           "'school.no_columns'",
		"'pg_statistic'",           "'pg_largeobject'"
	],
	record => ['ROW()', 'ROW(1, NULL)', "ROW('x', ARRAY[1])"],
);

# Prepares a generator from what the test's server has: rows of its catalog and lists of good values.
# `good` maps the name of an argument, or '' for any other, to texts; `params` are rows of recsys_method_params();
# `states` are aggregate states as hexadecimal digits.
sub new
{
	my ($class, %self) = @_;
	return bless \%self, $class;
}

# An array of a type: empty, huge, with several dimensions, other bounds, NULLs.  Of huge texts not many: a GB of
# arguments is not what is tried.
sub hostile_array
{
	my ($self, $type, $name) = @_;
	my @some  = map { $self->value($type, $name, chance(0.5)) } 1 .. pick(1, 2, 3, 3, 3, 7);
	my $most  = $some[0] =~ /repeat\(/ ? 10 : 1_000_000;
	my $array = "ARRAY[" . join(', ', @some) . "]";
	my $kind  = int rand 14;
	return "'{}'"                  if $kind == 0;
	return "ARRAY[$array, $array]" if $kind == 1;
	return "ARRAY[[[$array]]]"     if $kind == 2;
	return "array_fill($some[0], ARRAY[" . min($most, pick(0, 1, 3, 1000)) . "], ARRAY[" . pick(-5, 0, 2, 2147480000) . '])'
		if $kind == 3;
	return "array_fill(NULL::$type, ARRAY[" . pick(1, 3, 10000) . '])' if $kind == 4;
	return "array_fill($some[0], ARRAY[" . min($most, pick(500, 2000, 20000, chance(0.2) ? 1000000 : 100)) . '])'
		if $kind == 5 && chance(0.3);
	return "array_fill($some[0], ARRAY[2, 3], ARRAY[-1, 7])" if $kind == 6;
	return "array_append($array, NULL)"                      if $kind == 7;
	return $array;
}

# A JSON number, string or anything else, as text of JSON, that a parameter is not made for.
sub hostile_json
{
	my ($self) = @_;
	return pick(
		'null',                           'true',
		'[]',                             '{}',
		'""',                             '"%s%n"',
		'-1',                             '0',
		'1e308',                          '-1e308',
		'1e400',                          '1e-400',
		'0.1',                            '1.5',
		'2147483648',                     '-2147483649',
		'9223372036854775808',            '123456789012345678901234567890',
		'"NaN"',                          '"Infinity"',
		'[1]',                            '[1, 2]',
		'[2, 1]',                         '[null, null]',
		'[1, 2, 3]',                      '["a"]',
		'{"a": {"b": [1, {"c": null}]}}', '"\\\\u00e9"',
		'"\\ud83d\\ude00"',               '"\'"',
		'"\\""',                          '"\\\\"',
		'"' . 'x' x 1000 . '"',           '"infinity"',
		'"-1 day"',                       '"178000000 years"',
		'"pg_catalog.english"'
	);
}

# A value, as text of JSON, that the parameter accepts, or nearly.
sub json_for
{
	my ($self, $param) = @_;
	my @choices = @{ $param->{choices} };
	return '"' . pick(@choices) . '"'                                 if @choices;
	return pick('true', 'false')                                      if $param->{type} eq 'boolean';
	return pick('"1 day"', '"30 days"', '"1 second"', 86400)          if $param->{type} eq 'interval';
	return pick('[1, 1]', '[1, 2]', '[2, 3]')                         if $param->{type} eq 'range';
	return '"' . pick('english', 'simple', 'pg_catalog.german') . '"' if $param->{type} eq 'text';
	my @numbers = grep { defined && length } @$param{qw(min default)};
	push @numbers, $param->{max} if chance(0.1);
	return pick(@numbers ? @numbers : 1);
}

# SQL of a JSON document: parameters of a method, with good or hostile values.
sub json
{
	my ($self, $type, $method, $good) = @_;
	return "'{}'::$type" if $good && chance(0.4);
	if (!$good && chance(0.25))
	{
		return pick(
			"(repeat('[', 10000) || repeat(']', 10000))",
			"(repeat('{\"a\":', 10000) || '1' || repeat('}', 10000))",
			"('{\"a\": \"' || repeat('x', 1000000) || '\"}')",
			"('{\"' || repeat('k', 1000000) || '\": 1}')",
			"(SELECT pg_catalog.jsonb_object_agg(i, i) FROM generate_series(1, 10000) i)"
			)
			. "::$type"
			if chance(0.15);
		return literal($self->hostile_json) . "::$type";
	}
	my @params = grep { !defined $method || !chance(0.9) || $_->{method} eq $method } @{ $self->{params} };
	@params = @{ $self->{params} } unless @params;
	my @members;
	for (1 .. pick(1, 1, 2, 3))
	{
		my $param = pick(@params);
		my $name =
			$good || chance(0.9) ? $param->{param} : pick('', 'nonesuch', "\\u00e9", uc $param->{param}, 'x' x 1000);
		push @members, "\"$name\": " . ($good || chance(0.4) ? $self->json_for($param) : $self->hostile_json);
	}
	return literal('{' . join(', ', @members) . '}') . "::$type";
}

# Options that some function has, with good and hostile values.
sub hostile_options
{
	my ($self, $type) = @_;
	my @members = map {
		my $name = pick(qw(store leave_k latest graded samples users_key score_scale threshold_pct diversity));
		"\"$name\": " . (chance(0.5) ? pick('true', 'false', 1, 2, 3, 0.5, '"user_id"', '"percent"') : $self->hostile_json)
	} 1 .. pick(1, 1, 2, 3);
	return literal('{' . join(', ', @members) . '}') . "::$type";
}

# Bytes of an aggregate state: genuine, or changed, or none at all.
sub state
{
	my ($self, $good) = @_;
	my $bytes = pack 'H*', pick(@{ $self->{states} });
	if (!$good)
	{
		my $place = int rand length $bytes;
		my $kind  = int rand 7;
		substr($bytes, $place, 1) = chr int rand 256 if $kind < 2;
		substr($bytes, $place - $place % 8, 8) = pack 'Q<', pick(0, 1, 2**31, 2**32 - 1, 2**63, 18446744073709551615)
			if $kind == 2;
		substr($bytes, 4 * int rand length($bytes) / 4, 4) = pack 'L<',
			pick(0, 1, 2, 3, 255, 65536, 2**31 - 1, 2**31, 4294967295)
			if $kind == 3;
		$bytes = substr $bytes, 0, $place if $kind == 4;
		$bytes .= chr(int rand 256) x pick(1, 8, 100) if $kind == 5;
		$bytes = join '', map { chr int rand 256 } 1 .. pick(0, 1, 4, 16, 24, 100) if $kind == 6;
	}
	return "'\\x" . unpack('H*', $bytes) . "'::bytea";
}

# A concrete type in place of a polymorphic one; a call uses the same for all of a family, mostly.
sub concrete
{
	my ($self, $type, $call) = @_;
	return $type unless $type =~ /^"?any/;
	my $family = $type =~ /compatible/ ? 'compatible' : 'any';
	$call->{$family} = pick(
		qw(integer bigint text numeric real uuid boolean jsonb date record), 'double precision',
		'school.pair',                                                       'school.mood'
	) if !$call->{$family} || chance(0.1);
	return $type =~ /array/ ? "$call->{$family}\[]" : $type =~ /range/ ? 'int4range' : $call->{$family};
}

# SQL of a value of the type, for the argument of this name.
sub value
{
	my ($self, $type, $name, $good, $call) = @_;
	return 'NULL'        if $type eq 'internal';
	return "NULL::$type" if !$good && chance(0.1);
	if ($type =~ /^(.+)\[\]$/)
	{
		my $element = $1;
		my %seen;
		return
			'ARRAY['
			. join(', ', grep { $element ne 'name' || !$seen{$_}++ } map { $self->value($element, $name, 1) } 1 .. 3)
			. "]::$type"
			if $good;
		return '(' . $self->hostile_array($element, $name) . ")::$type";
	}
	return $self->state($good) if $type eq 'bytea';
	return $good ? "'{}'::$type" : $self->hostile_options($type) if $name eq 'options' && ($good || chance(0.5));
	return $self->json($type, $call->{method}, $good) if $type =~ /^jsonb?$/;
	if ($integers{$type})
	{
		my $most = $integers{$type};
		return (
			$good ? pick(1, 1, 2, 3, 5, 10, 20) : "'" . pick(0, -1, $most, -$most, "-$most" - 1, 1000000 % $most) . "'")
			. "::$type";
	}
	my $known = $self->{good};
	my $texts = $known->{"$name $type"} // ($type eq 'name' ? $known->{$name} : undef) // $known->{$type}
		// $known->{$name} // $known->{''};
	if ($type =~ /^(?:text|character varying|name|unknown|cstring|character)$/)
	{
		my $text = $good || chance($known->{$name} ? 0.6 : 0.2) ? pick(@$texts) : undef;
		$call->{method} = $text if $name eq 'method';
		return (defined $text ? literal($text) : hostile_text()) . "::$type";
	}
	if ($good)
	{
		return literal(pick(@$texts)) . "::$type"    if $known->{$type} || $known->{"$name $type"};
		return pick(0, 1, 2, 2.5, 4, -1) . "::$type" if $type =~ /^(?:double precision|real|numeric)$/;
	}
	return pick(@{ $values{$type} }) . "::$type"                  if $values{$type} && !($type eq 'record' && $good);
	return 'ROW(1, \'a\')' . ($type eq 'record' ? '' : "::$type") if $type =~ /^record$|^school\.pair$/;
	return "'good'::$type"                                        if $type eq 'school.mood';
	return $good ? "NULL::$type" : hostile_text() . "::$type";
}

# A value that the argument is made for.
sub good_value
{
	my ($self, $type, $name) = @_;
	return $self->value($type, $name, 1, {});
}

# Draws the arguments of an object: as SQL, in their order.  Of some calls all are good, of most one is hostile.
sub arguments
{
	my ($self, $object) = @_;
	my @types = @{ $object->{types} };
	my $kind  = rand;
	my $bad   = $kind < 0.4 ? -1 : int rand(@types || 1);
	my $call  = {};
	my @args;
	for my $i (0 .. $#types)
	{
		my $good = $kind < 0.8 ? $i != $bad : chance(0.5);
		push @args, $self->value($self->concrete($types[$i], $call), $object->{names}[$i] // '', $good, $call);
	}
	return @args;
}

# The argument list: by position or by name, defaults left out, arrays of VARIADIC given as one or spread.
sub argument_list
{
	my ($self, $object, @args) = @_;
	my $needed = @args - $object->{defaults};
	my @given  = 0 .. $#args;
	while (@given > $needed && chance(0.4))
	{
		pop @given;
	}
	my @names = @{ $object->{names} };
	if ($object->{variadic})
	{
		my $last = pop @args;
		return join ', ', @args, chance(0.5) ? "VARIADIC $last" : map { "($last)[$_]" } 1 .. pick(1, 2, 3);
	}
	if ($object->{kind} eq 'f' && @names == @args && !(grep { $_ eq '' } @names) && chance(0.2))
	{
		@given = reverse grep { $_ < $needed || chance(0.5) } 0 .. $#args;
		return join ', ', map { "$names[$_] => $args[$_]" } @given;
	}
	return join ', ', @args[@given];
}

# A call of an aggregate whose partial states workers make and combine.
sub draw_parallel
{
	my ($self, $object) = @_;
	my @values = map { [$self->arguments($object)] } 1, 2;
	my $list   = join ', ',
		map { "CASE user_id % 3 WHEN 0 THEN $values[0][$_] ELSE $values[1][$_] END" } 0 .. $#{ $object->{types} };
	return
		"SET LOCAL parallel_setup_cost = 0; SET LOCAL parallel_tuple_cost = 0; SET LOCAL min_parallel_table_scan_size = 0; "
		. "SELECT length(($object->{name}($list))::text) FROM school.ratings"
		. pick('', ' GROUP BY user_id % 3');
}

# A call of an aggregate over a few drawn rows: with DISTINCT, ORDER BY, FILTER, GROUP BY, OVER.
sub draw_aggregate
{
	my ($self, $object) = @_;
	my @types = @{ $object->{types} };
	my $kind  = rand;
	my @rows  = map { [$self->arguments($object)] } 1 .. pick(1, 1, 2, 3, 5);
	@rows = ($rows[0]) x pick(2, 3) if $kind < 0.3;
	my @columns = map { "c$_" } 0 .. $#types;
	my $columns = join ', ', @columns;
	my $rows    = join ', ', map { '(' . join(', ', $_, @{ $rows[$_] }) . ')' } 0 .. $#rows;
	my $name    = $object->{name};
	my $call =
		$object->{direct} && @columns > $object->{direct}
		? "$name("
		. join(', ', @columns[0 .. $object->{direct} - 1])
		. ") WITHIN GROUP (ORDER BY $columns[$object->{direct}])"
		: "$name(" . pick('', '', 'DISTINCT ') . $columns . ((@types && chance(0.3)) ? " ORDER BY $columns" : '') . ')';
	$call .= " FILTER (WHERE " . pick('i > 0', 'false', 'i % 2 = 0', "$columns[0] IS NOT NULL") . ')'
		if @types && chance(0.2);
	my $from = "FROM (VALUES $rows) AS t(" . join(', ', 'i', @columns) . ')';
	$from .= ', generate_series(1, ' . pick(2, 100) . ')' if chance(0.1) && $rows !~ /array_fill|repeat/;
	return "SELECT ($name($columns) OVER ("
		. pick(
		'', 'ORDER BY i',
		'PARTITION BY i % 2',
		'ORDER BY i ROWS 1 PRECEDING',
		'ORDER BY i ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING'
		)
		. "))::text $from"
		if chance(0.15);
	return "SELECT length(($call)::text) $from" . pick('', '', ' GROUP BY i % 2', " GROUP BY GROUPING SETS ((), (i))");
}

# A function of a trigger, called by one of any kind.
sub draw_trigger
{
	my ($self, $object) = @_;
	my $table = pick('school.ratings', 'school.empty', 'school.parts', 'school.view');
	my $when  = $table eq 'school.view' ? 'INSTEAD OF' : pick('BEFORE', 'AFTER');
	my $event = pick('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE');
	my $each  = $table eq 'school.view' ? 'ROW' : $event eq 'TRUNCATE' ? 'STATEMENT' : pick('ROW', 'STATEMENT');
	my %fire  = (
		INSERT   => "INSERT INTO $table SELECT * FROM $table",
		UPDATE   => "UPDATE $table SET rating = rating",
		DELETE   => "DELETE FROM $table",
		TRUNCATE => "TRUNCATE $table"
	);
	my $args = chance(0.5) ? '' : literal(hostile_name());
	return
		"CREATE TRIGGER hostile $when $event ON $table FOR EACH $each EXECUTE FUNCTION $object->{name}($args); $fire{$event}";
}

# One call of an object.
sub draw
{
	my ($self, $object) = @_;
	my ($kind, $name)   = @$object{qw(kind name)};
	my %call = (id => $object->{id});
	return { %call, sql => $self->draw_parallel($object) } if $kind eq 'a' && chance(0.02);
	return {
		%call,
		sql  => $self->draw_aggregate($object),
		args => [map { $self->value($self->concrete($_, {}), '', 1, {}) } @{ $object->{types} }]
		}
		if $kind eq 'a';
	return { %call, sql => $self->draw_trigger($object) } if $object->{result} eq 'trigger' && chance(0.9);
	my @args = $self->arguments($object);
	return { %call, sql => "SELECT (" . join(" $name ", @args > 1 ? @args : ('', @args)) . ')::text' }
		if $kind eq 'operator';
	return { %call, sql => "SELECT CAST($args[0] AS $object->{result})" } if $kind eq 'cast';
	return { %call, sql => "CALL $name(" . join(', ', @args) . ')' }      if $kind eq 'p';
	my $list = $self->argument_list($object, @args);
	my $sql =
		$object->{set}
		? pick(
		"SELECT sum(length(t::text)) FROM $name($list) AS t",
		"SELECT count(*) FROM generate_series(1, 2) AS i, LATERAL $name($list) AS t",
		"SELECT $name($list)",
		"SELECT $name($list) LIMIT 1"
		)
		: $object->{result} eq 'void' || chance(0.2) ? "SELECT $name($list)"
		:                                              "SELECT length($name($list)::text)";
	return {
		%call,
		sql  => $sql,
		args => $list eq join(', ', @args) ? \@args : undef
	};
}

1;
