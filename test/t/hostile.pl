# Every function, aggregate, operator and cast that the catalog lists as the extension's, with hostile arguments: no
# crash, no internal error, no call above a bound of time, messages in style, no leak when repeated.
# RECSYS_HOSTILE_CALLS, RECSYS_HOSTILE_SEED and RECSYS_HOSTILE_REPEATS (of a call, for leaks),
# RECSYS_HOSTILE_MANY (calls in one statement) make longer and other runs; the seed repeats one.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Hostile       qw(pick chance literal);
use HostileTables qw(draw_dataset preparation training_of);
use List::Util 'min';
use Recsys;
use Test::More;
use Time::HiRes qw(sleep time);

plan skip_all => 'needs /proc' unless -w '/proc/self/clear_refs';

my $seed    = $ENV{RECSYS_HOSTILE_SEED}    // 1;
my $calls   = $ENV{RECSYS_HOSTILE_CALLS}   // 100_000;
my $repeats = $ENV{RECSYS_HOSTILE_REPEATS} // 100;
my $many    = $ENV{RECSYS_HOSTILE_MANY}    // 10_000;
my $slow    = 10;      # seconds that one call may take, on a loaded machine
my $largest = 1200;    # MB that the session may have at its peak: arguments of MBs, states up to 256 MB
my $leak    = 2048;    # bytes in use that repeating a call may add
my $stream  = 48;      # MB that a statement of many calls may add at its peak

my $node = new_server(
	'hostile',
	'fsync = off',
	'shared_buffers = 64MB',
	'course_recsys.threads = 2',
	'autovacuum = off',
	"course_recsys.max_memory = '64MB'",
	'jit = off',
	'restart_after_crash = on',
	'log_statement = none'
);

# Tables with known keys and models of every method; good arguments name them.
$node->safe_psql(
	'postgres',
	preparation() . q{;
	CREATE SCHEMA school;
	CREATE TABLE school.courses AS SELECT 'c' || i AS course_id, 'Course ' || i AS title, 'about topic ' || i % 3 AS description,
		i % 2 AS g1, i % 3 AS g2 FROM generate_series(1, 12) AS i;
	CREATE TABLE school.users AS SELECT i AS user_id, i % 3 AS level FROM generate_series(1, 24) AS i;
	CREATE TABLE school.ratings AS SELECT i % 20 + 1 AS user_id, 'c' || 1 + i * 7 % 11 AS course_id, (1 + i % 5)::real AS rating,
		timestamptz '2024-01-01' + i * interval '1 hour' AS rated_at FROM generate_series(1, 90) AS i;
	CREATE TABLE school.texts AS SELECT 'k' || user_id AS user_id, substr(course_id, 2)::int AS course_id, rating FROM school.ratings;
	CREATE TABLE school.uuids AS SELECT lpad(user_id::text, 32, '0')::uuid AS user_id, course_id, rating FROM school.ratings;
	CREATE TABLE school.terms AS SELECT course_id, 'w' || i % 3 AS term, i AS weight FROM school.courses, generate_series(1, 4) AS i;
	CREATE TABLE school.exposures AS SELECT i % 20 AS user_id, 'v' || i % 20 % 2 AS variant, i % 7 = 0 AS converted, 'e' AS experiment
		FROM generate_series(1, 60) AS i;
	CREATE TABLE school.empty (LIKE school.ratings);
	CREATE TABLE school.no_columns ();
	CREATE TABLE school.parts (LIKE school.ratings) PARTITION BY LIST (user_id);
	CREATE TABLE school.part PARTITION OF school.parts DEFAULT;
	CREATE VIEW school.view AS SELECT * FROM school.ratings;
	CREATE VIEW school.fails AS SELECT user_id / 0 AS user_id, course_id, rating FROM school.ratings;
	CREATE SEQUENCE school.seq;
	CREATE TYPE school.pair AS (a int, b text);
	CREATE TYPE school.mood AS ENUM ('good', 'bad');
	SELECT register_dataset('ints', 'school.ratings', 'school.courses', time_column => 'rated_at', genre_columns => '{g1,g2}',
		users => 'school.users', user_feature_columns => '{level}');
	SELECT register_dataset('texts', 'school.texts'), register_dataset('uuids', 'school.uuids', 'school.courses', genre_columns => '{g1}'),
		register_dataset(E'O''Brien "x" \\\\ %s', 'school.ratings', rating_column => NULL);
	SELECT train_model(method || ' of ' || dataset, method, '{}', dataset) FROM recsys_methods(), unnest('{ints,texts,uuids}'::text[]) AS dataset
		WHERE method IN ('popular', 'knn') OR dataset = 'ints';
	SELECT train_model('ints twice', 'knn', '{}', 'ints') FROM generate_series(1, 3);
	CREATE TEMP TABLE builds AS SELECT build, md5(model || version)::uuid AS known FROM recsys_model;
	UPDATE recsys_model AS m SET build = known FROM builds AS b WHERE b.build = m.build;
	UPDATE recsys_model_data AS d SET build = known FROM builds AS b WHERE b.build = d.build;
	CREATE TABLE school.held AS SELECT * FROM school.ratings WHERE user_id % 4 = 0;
	SELECT count(*) FROM evaluate_method('knn', dataset => 'ints', options => '{"store": true}');
	UPDATE recsys_evaluation SET evaluation = md5(dataset)::uuid;
	CREATE ROLE visitor;
	GRANT USAGE ON SCHEMA recsys, school TO visitor;
	GRANT USAGE, CREATE ON SCHEMA hostile TO visitor;
	GRANT USAGE ON FOREIGN SERVER hostile TO visitor;
	GRANT SELECT ON ALL TABLES IN SCHEMA school TO visitor;
	CREATE VIEW school.recurses AS SELECT r.user_id, r.course_id, c.score::real AS rating FROM school.ratings AS r,
		recommend_courses(r.user_id, 'knn of ints', 1) AS c;}
);

# Runs the statements of a group one after the other, as if each had a session after those before it, and undoes them
# all.  A row each: SQLSTATE, milliseconds, message.
$node->safe_psql(
	'postgres', q{
	CREATE FUNCTION hostile.attack(statements text[]) RETURNS SETOF text LANGUAGE plpgsql AS $$
	DECLARE
		answers text[] := '{}';
		who name := current_user;
		message text;
		state text;
		begun timestamptz;
		statement text;
	BEGIN
		BEGIN
			FOREACH statement IN ARRAY statements LOOP
				begun := clock_timestamp();
				BEGIN
					EXECUTE statement;
					state := '00000';
					message := '';
				EXCEPTION WHEN query_canceled OR OTHERS THEN
					GET STACKED DIAGNOSTICS state = RETURNED_SQLSTATE, message = MESSAGE_TEXT;
				END;
				IF current_user <> who THEN
					state := 'XXWHO';
				END IF;
				answers := answers || format('%s %s %s', state, round(1000 * extract(epoch FROM clock_timestamp() - begun)),
					regexp_replace(CASE WHEN length(message) > 300 THEN left(message, 150) || ' ... ' || right(message, 50) ELSE message END,
						'[\n\r]', ' ', 'g'));
				EXIT WHEN state <> '00000' AND statement LIKE '/* needed */%';
			END LOOP;
			RAISE SQLSTATE 'UNDO0';
		EXCEPTION WHEN SQLSTATE 'UNDO0' THEN
			NULL;
		END;
		RETURN QUERY SELECT unnest(answers);
	END $$;
	CREATE PROCEDURE hostile.repeat(statement text, times int) LANGUAGE plpgsql AS $$
	BEGIN
		FOR i IN 1 .. times LOOP
			BEGIN
				EXECUTE statement;
			EXCEPTION WHEN OTHERS THEN
				NULL;
			END;
			ROLLBACK;
		END LOOP;
	END $$}
);

# Objects that join the extension: what the catalog lists is attacked, of every kind, and an internal error is seen.
$node->safe_psql(
	'postgres', q{
	CREATE FUNCTION hostile.planted(a int, VARIADIC b text[]) RETURNS text LANGUAGE plpgsql AS
		$$ BEGIN IF b[1] LIKE '%\%%' THEN RAISE 'planted' USING ERRCODE = 'XX000'; END IF; RETURN a; END $$;
	CREATE FUNCTION hostile.as_pair(text) RETURNS school.pair LANGUAGE sql AS $$ SELECT length($1), $1 $$;
	CREATE CAST (text AS school.pair) WITH FUNCTION hostile.as_pair(text);
	CREATE FUNCTION hostile.same(anyarray, anyelement) RETURNS bool LANGUAGE sql AS $$ SELECT $2 = ANY ($1) $$;
	CREATE OPERATOR hostile.<@> (LEFTARG = anyarray, RIGHTARG = anyelement, FUNCTION = hostile.same);
	ALTER EXTENSION course_recsys ADD FUNCTION hostile.planted(int, text[]);
	ALTER EXTENSION course_recsys ADD CAST (text AS school.pair);
	ALTER EXTENSION course_recsys ADD OPERATOR hostile.<@> (anyarray, anyelement)}
);

my $session;

# A session that hears nothing but errors.
sub connect_again
{
	$session->quit if $session;
	$session = session($node);
	$session->query('SET client_min_messages = error; SET synchronous_commit = off');
	return;
}
connect_again();

# The same after a crash: the server may accept a session and only then end all.
sub reconnect
{
	wait_until(
		'the server is back',
		sub {
			eval { connect_again(); sleep 0.5; $session->query('SELECT 1') }
		}
	);
	return;
}

# Rows of a query, as lists of columns.
sub table
{
	my ($sql) = @_;
	return map { [split /\x1f/, $_, -1] } split /\n/, $session->query("\\pset fieldsep '\\x1f'\n$sql");
}

# Every function, aggregate, operator and cast of the extension.
sub objects
{
	my $members = q{SELECT d.objid FROM pg_depend AS d JOIN pg_extension AS e ON d.refclassid = 'pg_extension'::regclass
		AND d.refobjid = e.oid AND d.deptype = 'e' WHERE e.extname = 'course_recsys' AND d.classid =};
	my @rows = table(
		qq{
		SELECT p.oid::regprocedure::text, p.prokind::text, format('%s.%I', p.pronamespace::regnamespace, p.proname),
			array_to_json(p.proargtypes::regtype[]), p.proretset::int, p.prorettype::regtype,
			p.pronargdefaults, (p.provariadic <> 0)::int, p.procost, (p.provolatile = 'v')::int, coalesce(a.aggnumdirectargs, 0),
			(SELECT coalesce(json_agg(coalesce(nullif(p.proargnames[i], ''), '')), '[]') FROM generate_subscripts(p.proargnames, 1) AS i
				WHERE coalesce(p.proargmodes[i], 'i') IN ('i', 'b', 'v'))
		FROM pg_proc AS p LEFT JOIN pg_aggregate AS a ON a.aggfnoid = p.oid WHERE p.oid IN ($members 'pg_proc'::regclass)
		UNION ALL SELECT o.oid::regoperator::text, 'operator', format('OPERATOR(%s.%s)', oprnamespace::regnamespace, oprname),
			to_json(array_remove(ARRAY[oprleft, oprright], 0)::regtype[]), 0, oprresult::regtype, 0, 0, 1, 0, 0, '[]'
		FROM pg_operator AS o WHERE o.oid IN ($members 'pg_operator'::regclass)
		UNION ALL SELECT format('cast of %s to %s', castsource::regtype, casttarget::regtype), 'cast', '', to_json(ARRAY[castsource::regtype]), 0,
			casttarget::regtype, 0, 0, 1, 0, 0, '[]'
		FROM pg_cast AS c WHERE c.oid IN ($members 'pg_cast'::regclass) ORDER BY 1}
	);
	return map {
		my %object;
		@object{qw(id kind name types set result defaults variadic cost writes direct names)} = @$_;
		@object{qw(types names)}                                                              = map {
			[map { s/^"|"$//gr =~ s/\\"/"/gr } /"(?:[^"\\]|\\.)*"/g]
		} @object{qw(types names)};
		\%object;
	} @rows;
}

# States of the aggregates, made by their own transition functions from a few good rows.
sub states
{
	my ($hostile, @objects) = @_;
	my %transition = map { $_->[0] => 1 }
		table(q{SELECT aggtransfn::oid::regprocedure FROM pg_aggregate WHERE aggtranstype = 'bytea'::regtype});
	my @states;
	for my $object (grep { $transition{ $_->{id} } } @objects)
	{
		my $state = 'NULL::bytea';
		for my $row (1 .. 3)
		{
			my @args = map { $hostile->value($_, '', 1, {}) } @{ $object->{types} }[1 .. $#{ $object->{types} }];
			$state = "$object->{name}(" . join(', ', $state, @args) . ')';
			push @states, $session->query("SELECT encode($state, 'hex')");
		}
	}
	return @states;
}

# One column of a query as a list.
sub column
{
	return map { $_->[0] } table(@_);
}

my $planted = qr/^internal error XX000: planted: .*hostile\.planted/;
my (%count, %state, %time, @failures, %good, %bad);
my ($run, $lost) = (0, '');
my @slowest = ([0, 'SELECT 1']) x 10;

# What is wrong with the answer to a call, if anything.
sub complaint
{
	my ($state, $ms, $message) = @_;
	return "internal error $state: $message"
		if $state =~ /^XX/ || $message =~ /cache lookup failed|^unexpected |^unrecognized .* type/;
	return "took $ms ms" if $ms > 1000 * $slow;
	return "not in style: $message"
		if $state ne '00000' && ($message =~ /^[A-Z][a-z]/ || $message =~ /[^.]\.$/ || $message eq '');
	return;
}

# Counts the answer to a call; keeps a good call (fast, with all arguments) and a failing one of each object to repeat.
sub tally
{
	my ($call, $state, $ms) = @_;
	$run++;
	$state{$state}++;
	push @slowest, [$ms, $call->{sql}] if $ms > $slowest[0][0];
	@slowest = (sort { $a->[0] <=> $b->[0] } @slowest)[-10 .. -1] if @slowest > 50;
	my $id = $call->{id};
	$time{ $id // 'datasets' } += $ms;
	return unless defined $id;
	$count{$id}{ $state eq '00000' ? 'good' : 'bad' }++;
	return if length $call->{sql} > 2000 || $call->{sql} =~ /repeat\(|array_fill/;

	if ($state eq '00000')
	{
		my $merit = ($call->{args} ? 1000 : 0) + ($call->{sql} !~ /NULL/ ? 500 : 0) - $ms;
		$good{$id} = { %$call, merit => $merit } if !$good{$id} || $merit > $good{$id}{merit};
	}
	elsif ($state !~ /^42/ || !$bad{$id})
	{
		$bad{$id} = $call;
	}
	return;
}

# Runs groups of calls in one statement; returns the rows, one list for each group, or nothing if that failed.
sub send_groups
{
	my ($role, $seconds, @groups) = @_;
	my $values = join ', ', map {
		"($_, ARRAY[" . join(', ', map { literal($_->{sql}) } @{ $groups[$_] }) . '])'
	} 0 .. $#groups;
	my ($rows, $error) = $session->query("BEGIN; SET LOCAL ROLE $role; SET LOCAL statement_timeout = '${seconds}s';\n"
			. "SELECT g || ' ' || a FROM (VALUES $values) AS v(g, s), hostile.attack(s) AS a;\nROLLBACK");
	my @answers;
	/^(\d+) (\S+) (\d+) (.*)/ and push @{ $answers[$1] }, [$2, $3, $4] for split /\n/, $rows;
	$lost = $error =~ s/\n.*//sr;
	return $lost eq '' ? @answers : ();
}

# Keeps what is wrong with a call, and prints it with the line of SQL that repeats it.
sub complain
{
	my ($complaint, $role, @calls) = @_;
	push @failures, join '; ', "$complaint: SET ROLE $role", map { $_->{sql} } @calls;
	diag($failures[-1]) unless $failures[-1] =~ /$planted/;
	return;
}

# Runs one group that did not come back with others, alone; returns what was wrong.
sub run_alone
{
	my ($role, $group) = @_;
	my $begun   = time;
	my @answers = send_groups($role, $slow, $group);
	return @answers if @answers;
	my $what = time - $begun > $slow - 0.1 ? 'not cancelled within a second' : "session lost ($lost)";
	$what = '' if time - $begun > $slow - 0.1 && time - $begun < $slow + 1;
	reconnect();
	complain($what || 'too slow', $role, @$group);
	return;
}

# Runs groups of calls and judges every answer; a failure is printed as one line of SQL that repeats it.
sub attack
{
	my ($role, @groups) = @_;
	my @answers = send_groups($role, 30, @groups);
	if (!@answers)
	{
		reconnect();
		@answers = map { (run_alone($role, $_))[0] } @groups;
	}
	for my $g (0 .. $#groups)
	{
		for my $i (0 .. $#{ $answers[$g] // [] })
		{
			my ($state, $ms, $message) = @{ $answers[$g][$i] };
			my $complaint = complaint($state, $ms, $message);
			complain($complaint, $role, @{ $groups[$g] }[0 .. $i]) if $complaint;
			tally($groups[$g][$i], $state, $ms);
		}
	}
	return;
}

# Good arguments: by name and type where the same name has several, by name, by type, and for any other text.
sub good_values
{
	my %good = (
		model                => [column('SELECT DISTINCT model FROM recsys_model ORDER BY 1')],
		dataset              => [column('SELECT name FROM recsys_dataset ORDER BY 1')],
		method               => [column('SELECT method FROM recsys_methods()')],
		user_id              => [1,    2,    20,   24, 'k1', 'k7', '00000000-0000-0000-0000-000000000003'],
		course_id            => ['c1', 'c2', 'c9', 3],
		user_column          => ['user_id'],
		course_column        => ['course_id'],
		rating_column        => ['rating'],
		time_column          => ['rated_at'],
		courses_key          => ['course_id'],
		title_column         => ['title'],
		description_column   => ['description'],
		genre_columns        => [qw(g1 g2)],
		user_feature_columns => ['level'],
		strategy             => [qw(score active random random user course leave_k_out)],
		metric               => [qw(ndcg recall rmse confidence lift)],
		algorithm            => [qw(fpgrowth apriori)],
		'min_support double precision'   => [0.1, 0.5, 1],
		'min_threshold double precision' => [0, 0.5, 1],
		text_column          => ['title'],
		experiment           => ['e'],
		control              => [qw(v0 v1)],
		variant_column       => ['variant'],
		outcome_column       => ['converted'],
		experiment_column    => ['experiment'],
		vectors              => ['SELECT ARRAY[i, i % 7, i % 3]::float8[] FROM generate_series(1, 60) i'],
		'ratings regclass'   => ['school.ratings', 'school.view'],
		'courses regclass'   => ['school.courses'],
		'users regclass'     => ['school.users'],
		'terms regclass'     => ['school.terms'],
		'test regclass'      => ['school.held'],
		'exposures regclass' => ['school.exposures'],
		regclass             => ['school.ratings', 'school.courses'],
		regconfig            => ['english',        'simple'],
		name => [qw(user_id course_id rating title)],
		'test_size double precision' => [0.1, 0.25, 0.5],
		'confidence double precision' => [0.5, 0.95],
		'evaluation uuid'            => [column('SELECT evaluation FROM recsys_evaluation')],
		uuid => ['00000000-0000-0000-0000-000000000003', column('SELECT build FROM recsys_model ORDER BY 1 LIMIT 3')]
	);
	$good{methods}                        = [qw(popular knn bias association_rules)];	# all at once must fit the data
	$good{'name text'}                    = ['new', grep { /O'Brien/ } @{ $good{dataset} }];
	@good{qw(courses candidates exclude)} = ($good{course_id}) x 3;
	$good{''} = [map { ref $good{$_} ? @{ $good{$_} } : () } qw(model dataset method user_id course_id strategy)];
	return \%good;
}

srand $seed;
diag("RECSYS_HOSTILE_SEED=$seed RECSYS_HOSTILE_CALLS=$calls RECSYS_HOSTILE_REPEATS=$repeats");

my @objects = objects();
my @params  = map {
	my %param;
	@param{qw(method param type default min max choices)} = @$_;
	$param{choices} = [$param{choices} =~ /(\w+)/g];
	\%param;
} table(
	q{SELECT m.method, param, type, CASE WHEN type IN ('integer', 'float') THEN default_value END, min_value, max_value, choices
	FROM recsys_methods() AS m, recsys_method_params(m.method)}
);
my $hostile = Hostile->new(
	good   => good_values(),
	params => \@params
);
$hostile->{states} = [states($hostile, @objects)];
cmp_ok(scalar @{ $hostile->{states} }, '>=', 12, 'states of aggregates to change');

# Cheap functions are called more often; the dear ones are those that write, or read whole tables.
my @weighted = map { my $object = $_; ($object) x ($object->{writes} || $object->{cost} > 5000 ? 1 : 4) } @objects;
my @serving  = grep {
	grep { /^(?:model|dataset)$/ } @{ $_->{names} }
} @objects;
my @methods = @{ $hostile->{good}{method} };

my $begun = time;
while ($run < $calls)
{
	my @groups = map {
		[map { $hostile->draw(pick(@weighted)) } 1 .. (chance(0.05) ? pick(2, 3, 5) : 1)]
	} 1 .. 300;
	push @groups, [draw_dataset($hostile, \@serving, \@methods, 30)];
	last if @failures - grep({ /$planted/ } @failures) > 20;
	attack(pick('NONE', 'NONE', 'NONE', 'visitor'), @groups);
}
@slowest = sort { $b->[0] <=> $a->[0] } @slowest;
diag(sprintf '%d calls in %.0f s, the longest %d ms: %s', $run, time - $begun, @{ $slowest[0] });
diag(join ', ', map { "$_: $state{$_}" } sort { $state{$b} <=> $state{$a} } sort keys %state);
my @dear = (sort { $time{$b} <=> $time{$a} } keys %time)[0 .. 4];
diag('most time in ' . join ', ', map { sprintf '%s: %.1f s', $_, $time{$_} / 1000 } @dear);
cmp_ok(scalar(grep { /$planted/ } @failures), '>', 0, 'the planted internal error was found');
@failures = grep { !/$planted/ } @failures;
is(scalar @failures, 0, 'no crash, no internal error, no call too slow, every message in style');
cmp_ok($state{'00000'}, '>', 0.2 * $run, 'a fifth of the calls do what they are made for');

# What cannot be called from SQL at all: arguments of type "internal".  A short run does not meet everything.
my @callable = map { $_->{id} } grep { "@{ $_->{types} }" !~ /internal/ } @objects;
SKIP: {
	skip 'a short run', 1 if $calls < 50_000;
	is(join(', ', grep { !$count{$_}{good} } @callable, map { training_of($_) } @methods),
		'', 'every object was called well at least once');
}
answers($session, 'SELECT count(*) > 5 FROM recsys_models', 't', 'the tables are as before');

# The slowest calls end soon after they are cancelled.
sub late
{
	my ($ms, $sql) = @_;
	my $begun     = time;
	my @cancelled = $session->query("BEGIN; SET LOCAL statement_timeout = " . int($ms / 3) . ";\n$sql");
	my $late      = time - $begun - $ms / 3000;
	my @undone    = $session->query('ROLLBACK');
	return $late;
}
my @late = map { my $late = late(@$_); $late > 1 ? "$late s: $_->[1]" : () } grep { $_->[0] > 30 } @slowest[0 .. 9];
is(join("\n", @late), '', 'a call is cancelled within a second');
cmp_ok($session->memory('VmHWM'), '<', $largest, sprintf 'memory of the sessions stayed below %d MB', $largest);

# Memory of the session as its contexts count it.
sub used
{
	return $session->query('SELECT sum(used_bytes) FROM pg_backend_memory_contexts');
}

# Repeats a call, a few times in each statement, which has three minutes; returns how many bytes more are in use afterwards.
sub repeated
{
	my ($call, $times) = @_;
	my $before = used();
	for (my $left = $times; $left > 0; $left -= 100)
	{
		$session->query('CALL hostile.repeat(' . literal($call->{sql}) . ', ' . min($left, 100) . ')');
	}
	return used() - $before;
}

# One good and one failing call of every object, repeated in a session, each time in a transaction of its own.
# Caches grow once, leaks again and again.
connect_again();
my @leaks;
for my $call (
	map {
		grep { defined } $good{ $_->{id} }, $bad{ $_->{id} }
	} @objects
	)
{
	repeated($call, 20);
	my $more = repeated($call, $repeats);
	$more = repeated($call, $repeats) if $more > $leak;
	push @leaks, "$more bytes: $call->{sql}" if $more > $leak;
}
is(join("\n", @leaks), '', "nothing leaks in $repeats repetitions");

# Many calls in one statement: for each function, with arguments that differ in every row as far as the planner knows,
# and for each aggregate over many groups.
sub many_calls
{
	my ($object, $call) = @_;
	my @args  = @{ $call->{args} };
	my $times = int $many / (1 + int $object->{cost} / 200);
	my $row   = 'SELECT ' . join ', ', map { "$args[$_] AS a$_" } 0 .. $#args;
	my $list  = join ', ', map { "CASE WHEN i > 0 THEN a$_ END" } 0 .. $#args;
	my $from  = "FROM generate_series(1, $times) AS i, ($row OFFSET 0) AS t";
	return "SELECT count(c) FROM (SELECT $object->{name}($list) AS c $from GROUP BY i % 1000) AS g"
		if $object->{kind} eq 'a';
	return "SELECT count(*) $from, LATERAL $object->{name}($list) AS r" if $object->{set};
	return "SELECT count(*) FROM (SELECT $object->{name}($list) $from OFFSET 0) AS g";
}

my @grown;
for my $object (
	grep {
			"@{ $_->{types} }" !~ /internal/
			&& $_->{kind} =~ /^[fa]$/
			&& !$_->{variadic}
			&& @{ $_->{types} }
			&& $good{ $_->{id} }{args}
	} @objects
	)
{
	my $sql = many_calls($object, $good{ $object->{id} });
	my @warm =
		$session->query('BEGIN; ' . many_calls({ %$object, cost => 1e9 }, $good{ $object->{id} }) . '; ROLLBACK');
	my $before = $session->forget_peak;
	my ($rows, $error) = $session->query("BEGIN; SET LOCAL work_mem = '4MB'; $sql");
	my @undone = $session->query('ROLLBACK');
	my $more   = $session->memory('VmHWM') - $before;
	push @grown, "$error: $sql" if $error && !$object->{writes};
	push @grown, sprintf '%.0f MB: %s', $more, $sql if $more > $stream;
}
is(join("\n", @grown), '', "no memory is kept from call to call of a statement");

connect_again();
$session->query(q{SELECT count(*) FROM school.ratings AS r, LATERAL recommend_courses(r.user_id, 'knn of ints') AS c});
my $before = $session->forget_peak;
is(
	$session->query(
		qq{SELECT count(*) / 10 FROM generate_series(1, $many) AS u, LATERAL recommend_courses(u % 20 + 1, 'knn of ints', 1) AS c}
	) * 10,
	int($many / 10) * 10,
	"recommend_courses of $many users in one statement"
);
cmp_ok($session->memory('VmHWM') - $before, '<', 16, 'which keeps no memory from user to user');

$session->quit;
$node->stop;
my $log = PostgreSQL::Test::Utils::slurp_file($node->logfile);
unlike(
	$log,
	qr/was terminated by signal|PANIC:  |TRAP: |server process .* exited|WARNING:  [^"]* leak/,
	'no process of the server was lost, no buffer, snapshot or file was left open'
);
done_testing();
