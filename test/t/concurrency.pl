# Sessions that serve while others train, publish, roll back, drop and maintain the tables: no error, no statement whose
# rows come from two versions, no memory that grows with the number of versions.
#
# Models are trained on one of two sides of the data in turn, A and B, which differ in everything that a model learns and
# in nothing that is read when it serves.  So every answer of every model is one of two, taken beforehand while nothing
# else runs; an answer that is neither is a mixture.
#
# RECSYS_CONCURRENCY_SECONDS (12) sets how long the clients run; below 10, sessions are measured too seldom.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use PostgreSQL::Test::Utils;
use Recsys;
use Test::More;
use Time::HiRes 'time';

my $seconds = $ENV{RECSYS_CONCURRENCY_SECONDS} // 12;
my $scripts = PostgreSQL::Test::Utils::tempdir();
my $node = new_server('concurrency', 'fsync = off', 'max_connections = 40', 'autovacuum_naptime = 1', 'log_autovacuum_min_duration = 0');

$node->safe_psql('postgres', q{
	-- What serving reads: 40 users of two age bands with 8 of 30 courses each.
	CREATE TABLE own_ratings AS SELECT u AS user_id, 1 + (u * 7 + c * (1 + u % 3)) % 30 AS course_id,
		(1 + (u + c) % 5)::real AS rating, 1700000000 + u * 86400 + c AS at
		FROM generate_series(1, 40) AS u, generate_series(1, 8) AS c;
	CREATE INDEX ON own_ratings (user_id);
	-- What only training reads: other users, who take neighbouring courses on side A and distant ones on side B.
	CREATE TABLE other_ratings AS SELECT side, 1000 + u AS user_id,
		CASE side WHEN 'A' THEN 1 + (u + c) % 30 ELSE 1 + (u * u + c * 7) % 30 END AS course_id,
		(1 + (u * c + ascii(side)) % 5)::real AS rating, 1700000000 + u * 86400 + c AS at
		FROM (VALUES ('A'), ('B')) AS s (side), generate_series(1, 150) AS u, generate_series(1, 6) AS c
		WHERE side = 'A' OR u <= 110;
	CREATE FUNCTION side() RETURNS text STABLE LANGUAGE sql AS $$ SELECT current_setting('concurrency.side', true) $$;
	CREATE VIEW ratings AS SELECT user_id, course_id, rating, at FROM own_ratings
		UNION ALL SELECT user_id, course_id, rating, at FROM other_ratings WHERE side = side();
	CREATE VIEW courses AS SELECT i AS id, 'Course ' || i AS title,
		CASE side() WHEN 'B' THEN 'about ' || (ARRAY['graphs', 'poems', 'rivers'])[1 + i % 3] || ' and ' || 'word' || i % 4
			ELSE 'about ' || (ARRAY['graphs', 'poems', 'rivers'])[1 + i / 3 % 3] || ' and ' || 'word' || i % 5 END AS description,
		CASE side() WHEN 'B' THEN i % 3 = 0 ELSE i % 2 = 0 END AS g1, CASE side() WHEN 'B' THEN i % 5 < 2 ELSE i % 7 < 3 END AS g2
		FROM generate_series(1, 30) AS i;
	CREATE TABLE users AS SELECT i AS user_id, CASE WHEN i % 2 = 0 THEN 'young' ELSE 'old' END AS age
		FROM generate_series(1, 1200) AS i;
	ALTER TABLE users ADD PRIMARY KEY (user_id);
	ANALYZE own_ratings, other_ratings, users;
	CREATE FUNCTION register(name text) RETURNS void LANGUAGE sql AS $$
		SELECT register_dataset(name, 'ratings', 'courses', time_column => 'at', genre_columns => '{g1,g2}',
			users => 'users', user_feature_columns => '{age}') $$;
	SELECT register(name) FROM unnest('{main,again}'::text[]) AS name;

	-- All methods; two models that keep as little as possible; one that is dropped, one whose dataset is dropped with it.
	CREATE TABLE tried AS
		SELECT method AS model, method, '{}'::jsonb AS params, 'main' AS dataset FROM recsys_methods()
		UNION ALL SELECT 'short ' || method, method, '{"keep_versions": 1}', 'main' FROM recsys_methods() WHERE method IN ('knn', 'popular')
		UNION ALL SELECT 'users', 'knn', '{"user_based": true}', 'main'
		UNION ALL VALUES ('dropped', 'knn', '{}'::jsonb, 'main'), ('again', 'user_profile', '{}', 'again');
	CREATE TABLE statement (kind text, sql text);
	INSERT INTO statement VALUES
		('recommend_courses', 'SELECT u, r.* FROM generate_series(1, 8) AS u, recommend_courses(u, %L, 5, exclude_seen => false) AS r'),
		('recommend_for', 'SELECT c, r.* FROM generate_series(1, 5) AS c, recommend_for(ARRAY[c::text, (c + 3)::text], %L, 6) AS r'),
		('recommend_all', 'SELECT r.* FROM recommend_all(%L, 2) AS r'),
		('recommend_users', 'SELECT c, r.* FROM generate_series(1, 3) AS c, recommend_users(c, %L, 8) AS r'),
		('similar_courses', 'SELECT c, r.* FROM generate_series(1, 6) AS c, similar_courses(c, %L, 5) AS r'),
		('similar_users', 'SELECT u, r.* FROM generate_series(1, 3) AS u, similar_users(u, %L, 5) AS r'),
		('explain', 'SELECT u, c, r.* FROM generate_series(1, 3) AS u, generate_series(1, 4) AS c, explain_recommendation(u, c, %L) AS r'),
		('predict_rating', 'SELECT u, c, predict_rating(u, c, %L) FROM generate_series(1, 4) AS u, generate_series(1, 5) AS c');

	-- The answers on both sides.
	CREATE TABLE answer (model text, kind text, side text, digest text, PRIMARY KEY (model, kind, side));
	CREATE FUNCTION digest(kind text, model text) RETURNS text LANGUAGE plpgsql AS $$
	DECLARE
		found text;
	BEGIN
		EXECUTE format((SELECT 'SELECT md5(string_agg(a::text, chr(10) ORDER BY a::text)) FROM (' || sql || ') AS a'
			FROM statement s WHERE s.kind = digest.kind), model) INTO found;
		RETURN found;
	EXCEPTION WHEN feature_not_supported THEN
		RETURN NULL;
	END $$;
	CREATE FUNCTION train(tried, side text) RETURNS int LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM set_config('concurrency.side', side, false);
		RETURN (SELECT version FROM train_model($1.model, $1.method, $1.params, $1.dataset));
	END $$;
	CREATE FUNCTION take_answers(now_side text) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM train(t, now_side) FROM tried AS t;
		PERFORM set_config('concurrency.side', '', false);
		INSERT INTO answer SELECT t.model, s.kind, now_side, d FROM tried t, statement s, digest(s.kind, t.model) AS d
			WHERE d IS NOT NULL;
	END $$;
	SELECT take_answers('A'), take_answers('B');

	-- The side of an answer; raises for a mixture.  Sequences count, also what is rolled back.
	CREATE SEQUENCE "answers of A";
	CREATE SEQUENCE "answers of B";
	CREATE FUNCTION side_of(asked_model text, asked_kind text, answered text) RETURNS int LANGUAGE plpgsql AS $$
	DECLARE
		of_side text := (SELECT side FROM answer WHERE model = asked_model AND kind = asked_kind AND digest = answered);
	BEGIN
		IF of_side IS NULL THEN
			RAISE EXCEPTION 'mixed versions: % of model %', asked_kind, asked_model;
		END IF;
		PERFORM nextval(format('%I', 'answers of ' || of_side));
		RETURN ascii(of_side);
	END $$;

	-- Raises unless a statement saw as many models as there are at any time.
	CREATE FUNCTION all_there(seen int, expected int) RETURNS int LANGUAGE plpgsql AS $$
	BEGIN
		IF seen <> expected THEN
			RAISE EXCEPTION 'recsys_models shows % models of %', seen, expected;
		END IF;
		RETURN seen;
	END $$;

	-- What this session holds: memory contexts without those of statements that the client has prepared, those of models,
	-- and what the kernel counts of its own.
	CREATE TABLE held (pid int, at float8, contexts bigint, models int, rss_kb bigint);
	CREATE FUNCTION hold() RETURNS void LANGUAGE sql AS $$
		INSERT INTO held SELECT pg_backend_pid(), extract(epoch FROM clock_timestamp()),
			sum(total_bytes) FILTER (WHERE name NOT LIKE 'CachedPlan%'),
			count(*) FILTER (WHERE name = 'course_recsys model'),
			substring(pg_read_file('/proc/self/status') FROM 'RssAnon:\s+(\d+)')::bigint
			FROM pg_backend_memory_contexts $$;
});

my $control = session($node);
is($control->query(q{SELECT string_agg(model || ' ' || kind, ', ') FROM answer a
	WHERE side = 'A' AND digest = (SELECT digest FROM answer b WHERE (b.model, b.kind, b.side) = (a.model, a.kind, 'B'))}), '',
	'every answer tells on which side its model was trained');
cmp_ok($control->query('SELECT count(*) FROM answer'), '>=', 2 * 5 * $control->query('SELECT count(*) FROM recsys_methods()'),
	'every method answers');

# --- clients -------------------------------------------------------------------------------------------

my $n_scripts = 0;

# Writes a script for pgbench.
sub script
{
	my ($text) = @_;
	my $file = "$scripts/" . ++$n_scripts . '.sql';
	open my $handle, '>', $file or die "cannot write \"$file\": $!\n";
	print $handle $text;
	close $handle or die "cannot write \"$file\": $!\n";
	return $file;
}

# Starts clients that run scripts, given as texts with weights, until the time is over. Each has a thread: pgbench waits
# for PREPARE, and would wait for ever when that is behind a lock that waits for another client of the same thread.
sub start_clients
{
	my ($what, $n, $protocol, @weighted) = @_;
	my $self = { what => $what, out => '', timer => IPC::Run::timeout($seconds + 120) };
	my @files;
	while (my ($text, $weight) = splice @weighted, 0, 2)
	{
		push @files, '-f', script($text) . "\@$weight";
	}
	$self->{run} = IPC::Run::start(
		[ $node->installed_command('pgbench'), '-n', '-c', $n, '-j', $n, '-T', $seconds, '-M', $protocol,
			@files, $node->connstr('postgres') ], '>', \$self->{out}, '2>&1', $self->{timer});
	return $self;
}

# Waits for them: no client was stopped by an error.
sub finish_clients
{
	my ($self) = @_;
	$self->{run}->finish;
	my ($n) = $self->{out} =~ /transactions actually processed: (\d+)/;
	ok($self->{run}->result == 0 && $self->{out} !~ /ERROR|FATAL|aborted/ && $n, "$self->{what}: no error")
		or diag(join "\n", grep { !/^(SQL script|progress| - |transaction type)/ } split /\n/, $self->{out});
	note("$self->{what}: ", $n // 0, ' transactions');
}

# The statement of a client: it fails on an answer that is a mixture.
sub checked
{
	my ($model, $kind, $sql) = @_;
	$sql =~ s/%L/'$model'/;
	return "SELECT side_of('$model', '$kind', (SELECT md5(string_agg(a::text, chr(10) ORDER BY a::text)) FROM ($sql) AS a)) AS side";
}

# The scripts of those who serve, no more than pgbench takes: all answers of a model, each a transaction of its own; and
# two of them in one transaction with one snapshot.  Each run of a script measures its session, so that a slow machine,
# which runs few, measures as often for each of them.
sub serving_scripts
{
	my $models = $control->query('SELECT count(*) FROM tried');
	my @scripts = ("SELECT hold();\nSELECT all_there(count(*)::int, $models) FROM recsys_models;\n", 5);
	my %of_model;
	for my $row (split /\n/, $control->query(q{SELECT model, kind, sql FROM answer JOIN statement USING (kind) WHERE side = 'A'}))
	{
		my ($model, $kind, $sql) = split /\|/, $row, 3;
		push @{ $of_model{$model} }, checked($model, $kind, $sql);
	}
	for my $model (sort keys %of_model)
	{
		my ($first, $last) = @{ $of_model{$model} }[ 0, -1 ];
		push @scripts, join('', map { "$_;\n" } 'SELECT hold()', @{ $of_model{$model} }), 4;
		push @scripts, "SELECT hold();\nBEGIN ISOLATION LEVEL REPEATABLE READ;\n$first \\gset a_\n\\sleep 20 ms\n$last \\gset b_\n"
			. "\\if :a_side <> :b_side\nDO \$\$ BEGIN RAISE EXCEPTION 'two versions of $model in a transaction'; END \$\$;\n\\endif\n"
			. "COMMIT;\n", 1;
	}
	return @scripts;
}

my @training = map { ("SELECT train(t, '$_') FROM tried AS t WHERE model = 'knn';\n", 2,
	map({ my $side = $_; map { ("SELECT train(t, '$side') FROM tried AS t WHERE model = '$_';\n", 1) }
		split /\n/, $control->query("SELECT model FROM tried WHERE model NOT IN ('knn', 'dropped', 'again')") } $_)) } 'A', 'B';

# There may be nothing to roll back to, and the version may have been pruned a moment ago.  What to change is chosen in a
# transaction of its own: one that reads a table and then writes it can deadlock with REINDEX, here as anywhere.
$control->query(q{
	CREATE FUNCTION change(chosen text, to_version int) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		IF to_version IS NULL THEN
			PERFORM rollback_model(chosen);
		ELSE
			PERFORM publish_model(chosen, to_version);
		END IF;
	EXCEPTION WHEN object_not_in_prerequisite_state OR undefined_object THEN
		IF SQLERRM !~ 'no earlier version to roll back to|has no version' THEN
			RAISE;
		END IF;
	END $$});
my $changing = q{
SELECT quote_literal(model) AS model, CASE WHEN random() < 0.5 THEN 'NULL' ELSE version::text END AS version
	FROM recsys_model_versions WHERE model <> 'dropped' ORDER BY random() LIMIT 1 \gset
SELECT change(:model, :version);
};
my @dropping = map { (qq{
BEGIN;
SELECT drop_model('dropped');
SELECT train(t, '$_') FROM tried AS t WHERE model = 'dropped';
COMMIT;
}, 3, qq{
BEGIN;
SELECT drop_model('again');
SELECT drop_dataset('again');
SELECT register('again');
SELECT train(t, '$_') FROM tried AS t WHERE model = 'again';
COMMIT;
}, 1, "SELECT register('main');\n", 1) } 'A', 'B';
my @maintaining = map { ("SET search_path = recsys, public;\n$_\n\\sleep 30 ms\n", 1) } (
	(map { ("VACUUM FULL $_;", "VACUUM (FREEZE, ANALYZE) $_;", "REINDEX TABLE $_;", "REINDEX TABLE CONCURRENTLY $_;") }
		'recsys_model', 'recsys_model_data', 'recsys_dataset', 'own_ratings'),
	'CLUSTER recsys_model USING recsys_model_pkey;', 'CLUSTER recsys_model_data USING recsys_model_data_pkey;',
	"CREATE INDEX CONCURRENTLY more ON recsys_model (trained_at);\nDROP INDEX CONCURRENTLY more;",
	"CREATE INDEX more_ratings ON own_ratings (course_id);\nDROP INDEX more_ratings;", 'ANALYZE;');

my @serving = serving_scripts();
my @clients = (
	start_clients('serving, simple protocol', 3, 'simple', @serving),
	start_clients('serving, prepared statements', 5, 'prepared', @serving),
	start_clients('training', 1, 'simple', @training),
	start_clients('rolling back and publishing', 1, 'simple', "$changing\\sleep 5 ms\n", 1),
	start_clients('dropping', 1, 'simple', map { /\n/ ? "$_\\sleep 5 ms\n" : $_ } @dropping),
	start_clients('maintaining', 1, 'simple', @maintaining));
finish_clients($_) for @clients;

my ($of_a, $of_b) = map { scalar $control->query(qq{SELECT last_value FROM "answers of $_"}) } 'A', 'B';
cmp_ok($_->[0], '>', 10 * $seconds, "answers of side $_->[1] were served: $_->[0]") for [ $of_a, 'A' ], [ $of_b, 'B' ];
note('newest versions: ', $control->query(q{SELECT string_agg(model || ' ' || version, ', ' ORDER BY model) FROM
	(SELECT model, max(version) AS version FROM recsys_model GROUP BY model) v}));

# Of each session, the least of the second quarter of its life against the least of the last.
my $growth = q{SELECT count(*), max(late - early) FROM (
	SELECT pid, min(SIZE) FILTER (WHERE life BETWEEN 0.25 AND 0.5) AS early, min(SIZE) FILTER (WHERE life > 0.75) AS late
	FROM (SELECT *, (at - min(at) OVER w) / nullif(max(at) OVER w - min(at) OVER w, 0) AS life FROM held
		WINDOW w AS (PARTITION BY pid)) h GROUP BY pid) s WHERE early IS NOT NULL AND late IS NOT NULL};
for my $case ([ 'contexts', 1024 * 1024, 'memory contexts' ], [ 'rss_kb', 6 * 1024, 'resident set' ])
{
	my ($size, $bound, $what) = @$case;
	my ($sessions, $grown) = split /\|/, $control->query($growth =~ s/SIZE/$size/gr);
	cmp_ok($sessions, '>=', 4, "$what: sessions that were measured early and late");
	cmp_ok($grown, '<', $bound, "$what: no session that served has grown: $grown");
}


# --- the life of a session through many versions --------------------------------------------------------

my $versions = 1000;

# A model that is trained again when all who follow it have served the version before; each version has one rating more.
$node->safe_psql('postgres', q{
	TRUNCATE held;
	CREATE TABLE few_ratings AS SELECT u AS user_id, 1 + (u + c) % 5 AS course_id, 3::real AS rating
		FROM generate_series(1, 9) AS u, generate_series(1, 2) AS c;
	CREATE INDEX ON few_ratings (user_id);
	CREATE FUNCTION breaks() RETURNS boolean VOLATILE LANGUAGE plpgsql AS $$
	BEGIN
		IF current_setting('concurrency.breaks', true) = 'on' THEN
			RAISE EXCEPTION 'the relation of courses breaks';
		END IF;
		RETURN false;
	END $$;
	CREATE VIEW few_courses AS SELECT i AS id, 'Course ' || i AS title FROM generate_series(1, 5) AS i WHERE NOT breaks();
	SELECT register_dataset('few', 'few_ratings', 'few_courses');
	CREATE FUNCTION served() RETURNS float8 VOLATILE LANGUAGE sql AS
		$$ SELECT score FROM recommend_courses(NULL::bigint, 'living', 1) $$;

	CREATE SEQUENCE made;
	CREATE SEQUENCE "follows by transactions" MINVALUE 0;
	CREATE SEQUENCE "follows in a transaction" MINVALUE 0;
	CREATE SEQUENCE "follows through errors" MINVALUE 0;
	CREATE PROCEDURE wait_for(sequence text, version int) LANGUAGE plpgsql AS $$
	DECLARE
		reached bigint := 0;
		started timestamptz := clock_timestamp();
	BEGIN
		WHILE reached < version LOOP
			IF clock_timestamp() > started + interval '30 s' THEN
				RAISE EXCEPTION 'waited for version % of "%"', version, sequence;
			END IF;
			EXECUTE format('SELECT last_value FROM %I', sequence) INTO reached;
			PERFORM pg_sleep(0.001) WHERE reached < version;
		END LOOP;
	END $$;
	CREATE PROCEDURE wait_for_followers(version int) LANGUAGE plpgsql AS $$
	BEGIN
		CALL wait_for('follows by transactions', version);
		CALL wait_for('follows in a transaction', version);
		CALL wait_for('follows through errors', version);
	END $$;
	CREATE PROCEDURE train_many(versions int) LANGUAGE plpgsql AS $$
	BEGIN
		CALL wait_for_followers(1);
		FOR v IN 2 .. versions LOOP
			INSERT INTO few_ratings VALUES (100 + v, 1, 3);
			PERFORM train_model('living', 'popular', dataset => 'few');
			COMMIT;
			PERFORM setval('made', v);
			CALL wait_for_followers(v);
		END LOOP;
	END $$;
	CREATE PROCEDURE follow(name text, versions int) LANGUAGE plpgsql AS $$
	DECLARE
		score float8;
		before float8 := served();
	BEGIN
		PERFORM setval(format('%I', name), 1);
		FOR v IN 2 .. versions LOOP
			CALL wait_for('made', v);
			IF name = 'follows by transactions' THEN
				COMMIT;
			ELSIF name = 'follows through errors' THEN
				PERFORM set_config('concurrency.breaks', 'on', false);
				BEGIN
					EXECUTE 'SELECT served()' INTO score;
					RAISE EXCEPTION SQLSTATE 'P9999' USING MESSAGE = 'no error';
				EXCEPTION WHEN raise_exception THEN
					PERFORM set_config('concurrency.breaks', '', false);
				END;
			END IF;
			SELECT served() INTO score;
			IF score <> before + 1 THEN
				RAISE EXCEPTION '% met % after %', name, score, before;
			END IF;
			before := score;
			PERFORM hold() WHERE v IN (100, versions);
			PERFORM setval(format('%I', name), v);
		END LOOP;
	END $$;
	SELECT train_model('living', 'popular', dataset => 'few')});

my $started = time;
my %follower = map { $_ => session($node) } 'follows by transactions', 'follows in a transaction', 'follows through errors';
my $writer = session($node);
my $idle = session($node);
my $idle_in_transaction = session($node);
my $repeatable = session($node);
my $cursor = session($node);
$_->query('SELECT served(), hold()') for $idle, $idle_in_transaction, $repeatable, $cursor;
$idle_in_transaction->query('BEGIN');
my $first = $idle_in_transaction->query('SELECT served()');
$repeatable->query('BEGIN ISOLATION LEVEL REPEATABLE READ');
is($repeatable->query('SELECT served()'), $first, 'all begin with the same version');
$cursor->query(q{BEGIN; DECLARE c CURSOR FOR SELECT r.score FROM generate_series(1, 1000) AS u, recommend_courses(NULL::bigint, 'living', 1) AS r});
is($cursor->query('FETCH 2 FROM c'), "$first\n$first", 'also a cursor');

$follower{$_}->begin("CALL follow('$_', $versions)") for sort keys %follower;
$writer->begin("CALL train_many($versions)");
for my $session ($writer, map { $follower{$_} } sort keys %follower)
{
	my (undef, $error) = $session->finish;
	is($error, '', "$versions versions: no error, and every version met");
}
note(sprintf '%d versions with three followers: %.1f s', $versions, time - $started);

my $last = $first + $versions - 1;
is($cursor->query('FETCH 2 FROM c'), "$first\n$first", 'a cursor that was open all the time goes on with its version');
$cursor->query('COMMIT');
is($repeatable->query('SELECT served()'), $first, 'so does a transaction of REPEATABLE READ that had used it');
$repeatable->query('COMMIT');
is($_->query('SELECT served()'), $last, 'the next statement serves the version of now') for $cursor, $repeatable, $idle;
is($idle_in_transaction->query('SELECT served()'), $last, 'also in a transaction of READ COMMITTED that was open all the time');
$idle_in_transaction->query('COMMIT');
$_->query('SELECT hold()') for $cursor, $repeatable, $idle, $idle_in_transaction;

my $lived = $control->query(q{SELECT string_agg(contexts || ' ' || rss, ', ') FROM (SELECT max(contexts) - min(contexts) AS contexts,
	max(rss_kb) - min(rss_kb) AS rss FROM held GROUP BY pid) h});
note("bytes of contexts and kB of the resident set more, of each session: $lived");
is($control->query('SELECT count(DISTINCT pid) || \' \' || count(*) FROM held'), '7 14', 'all sessions were measured twice');
is($control->query('SELECT max(models) FROM held'), 1, 'no session holds more than one version');
is($control->query('SELECT max(grown) < 262144 FROM (SELECT max(contexts) - min(contexts) AS grown FROM held GROUP BY pid) h'), 't',
	'no memory contexts have grown');
is($control->query('SELECT max(grown) < 4096 FROM (SELECT max(rss_kb) - min(rss_kb) AS grown FROM held GROUP BY pid) h'), 't',
	'no resident set has grown');
$_->quit for values %follower, $writer, $idle, $idle_in_transaction, $repeatable, $cursor;

# --- maintenance during a training ----------------------------------------------------------------------

# REINDEX may not come between what a training reads of the registry and what it writes there.
$node->safe_psql('postgres', q{
	CREATE FUNCTION slowly() RETURNS boolean VOLATILE LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(1.5); RETURN true; END';
	CREATE VIEW slow_ratings AS SELECT * FROM few_ratings WHERE user_id > 1 OR course_id <> 3 OR slowly();
	SELECT register_dataset('slow', 'slow_ratings', 'few_courses')});
my ($trainer, $keeper, $reader) = map { session($node) } 1 .. 3;
$trainer->begin(q{SELECT version FROM train_model('slow', 'popular', dataset => 'slow')});
wait_until('the training reads its ratings', sub {
	$control->query(qq{SELECT count(*) FROM pg_stat_activity WHERE pid = $trainer->{pid} AND wait_event = 'PgSleep'}) });
$keeper->begin('REINDEX TABLE recsys.recsys_model');
wait_until('REINDEX waits', sub {
	$control->query(qq{SELECT count(*) FROM pg_locks WHERE pid = $keeper->{pid} AND NOT granted}) });
is($reader->query('SELECT served()'), $last, 'REINDEX that waits for a training: serving goes on');
is(join('', $trainer->finish), '1', 'the training ends well');
is(join('', $keeper->finish), '', 'and so does REINDEX');
$_->quit for $trainer, $keeper, $reader;

# --- a dataset that changes while a training waits ------------------------------------------------------

$node->safe_psql('postgres', q{
	CREATE TABLE fewer_ratings AS SELECT * FROM few_ratings WHERE user_id < 5;
	SELECT register_dataset('moved', 'few_ratings', 'few_courses')});
my ($before, $waiting, $registrar) = map { session($node) } 1 .. 3;
my $train_moved = q{SELECT users FROM train_model('moved', 'popular', dataset => 'moved')};
$before->query("BEGIN; $train_moved");
for my $case ([ $waiting, $train_moved ], [ $registrar, q{SELECT register_dataset('moved', 'fewer_ratings', 'few_courses')} ])
{
	my ($session, $sql) = @$case;
	$session->begin($sql);
	wait_until('it waits', sub { $control->query(qq{SELECT count(*) FROM pg_locks WHERE pid = $session->{pid} AND NOT granted}) });
}
$before->query('COMMIT');
is(join('', $registrar->finish), '', 'the dataset is registered with other ratings');
is(join('', $waiting->finish), '4', 'a training that waited meanwhile reads those');
$_->quit for $before, $waiting, $registrar;

# --- the size of the tables -----------------------------------------------------------------------------

$node->safe_psql('postgres', q{
	CREATE TABLE wide_courses AS SELECT i AS id FROM generate_series(1, 4000) AS i;
	SELECT register_dataset('wide', 'few_ratings', 'wide_courses');
	CREATE PROCEDURE train_wide(versions int) LANGUAGE plpgsql AS $$
	BEGIN
		FOR v IN 1 .. versions LOOP
			PERFORM train_model('wide', 'popular', dataset => 'wide');
			COMMIT;
		END LOOP;
	END $$});
my @sizes;
for my $round (1 .. 5)
{
	$control->query('CALL train_wide(30)');
	$control->query("VACUUM recsys.$_") for 'recsys_model', 'recsys_model_data';
	push @sizes, scalar $control->query(q{SELECT pg_total_relation_size('recsys.recsys_model_data') / 1024});
}
note("size of recsys_model_data after each 30 versions of ",
	$control->query(q{SELECT bytes / 1024 FROM recsys_models WHERE model = 'wide'}), " kB, vacuumed, in kB: @sizes");
cmp_ok($sizes[-1], '<', $sizes[0] * 1.3, 'vacuum frees the room of old versions, and it is used again');
wait_until('autovacuum has come to the data of models', sub {
	$control->query(q{SELECT pg_stat_clear_snapshot(); SELECT sum(autovacuum_count) > 0 FROM pg_stat_all_tables WHERE relid IN
		(SELECT unnest(ARRAY[oid, reltoastrelid]) FROM pg_class WHERE oid = 'recsys.recsys_model_data'::regclass)}) =~ /t$/ });
pass('autovacuum comes by itself');

$control->quit;
$node->stop;
done_testing();
