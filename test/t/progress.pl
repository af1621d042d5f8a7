# recsys_progress shows other sessions what a training run is doing, to those who may know, and no longer than it runs.
#
# Gates make a run wait in the phase of interest: functions inside the dataset's relations (and a trigger on the
# table of the chunks) that wait for an advisory lock of the test.  They are stable and take a column, so that neither
# the planner calls them nor a query that does not need their result.  Fitting has no gate: a sampler, which looks as
# often as it can, meets it, for every method, and sees whether the counters only rise.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Recsys;
use Test::More;

my ($loading, $preparing, $saving, $courses) = (1 .. 4);    # keys of the gates
my $name = 'model ' . 'x' x 57;                     # 63 bytes

my $node = new_server('progress', 'fsync = off');
add_dataset($node, 'plain', 20_000, 2_000, 200_000);
$node->safe_psql('postgres', qq{
	CREATE ROLE trainer LOGIN; CREATE ROLE colleague LOGIN IN ROLE trainer; CREATE ROLE other LOGIN;
	CREATE ROLE monitor LOGIN IN ROLE pg_read_all_stats;
	CREATE DATABASE elsewhere;
	GRANT USAGE ON SCHEMA recsys TO PUBLIC;
	CREATE FUNCTION gate(key int) RETURNS int STABLE LANGUAGE plpgsql AS \$\$
	BEGIN
		PERFORM pg_advisory_lock_shared(key);
		PERFORM pg_advisory_unlock_shared(key);
		RETURN 1;
	END \$\$;
	CREATE FUNCTION gate_saving() RETURNS trigger LANGUAGE plpgsql AS \$\$
	BEGIN PERFORM gate($saving); RETURN NEW; END \$\$;
	CREATE TRIGGER gate BEFORE INSERT ON recsys_model_data FOR EACH ROW EXECUTE FUNCTION gate_saving();
	ALTER TABLE recsys_model_data ENABLE ALWAYS TRIGGER gate;
	CREATE VIEW ratings_gated AS SELECT * FROM
		(SELECT *, row_number() OVER () AS n FROM ratings_plain) r WHERE n <> 50000 OR gate($loading + 0 * user_id) = 1;
	CREATE VIEW courses_gated AS SELECT id, title, g1 * gate($preparing + 0 * id) AS g1, g2, g3 FROM courses_plain
		WHERE id <> 1 OR gate($courses + 0 * id) = 1;
	-- Ratings of text, some of which are no numbers
	CREATE FUNCTION number_or_three(text) RETURNS real STABLE LANGUAGE plpgsql AS \$\$
	BEGIN RETURN \$1::real; EXCEPTION WHEN invalid_text_representation THEN RETURN 3; END \$\$;
	CREATE VIEW ratings_mixed AS SELECT user_id, course_id,
		number_or_three(CASE WHEN n % 40000 = 1 THEN 'good' ELSE rating::text END) AS rating FROM
		(SELECT *, row_number() OVER () AS n FROM ratings_plain LIMIT 60000) r
		WHERE n <> 50000 OR gate($loading + 0 * user_id) = 1;
	-- More ratings than the planner expects
	CREATE FUNCTION many_ratings() RETURNS SETOF ratings_plain STABLE ROWS 20000 LANGUAGE plpgsql AS
		'BEGIN RETURN QUERY SELECT * FROM ratings_plain LIMIT 60000; END';
	CREATE VIEW ratings_many AS SELECT * FROM
		(SELECT *, row_number() OVER () AS n FROM many_ratings()) r
		WHERE (n <> 15000 OR gate($courses + 0 * user_id) = 1) AND (n <> 50000 OR gate($loading + 0 * user_id) = 1);
	-- Something for every method
	CREATE TABLE users_all AS SELECT i AS id, 'of ' || i % 10 AS kind FROM generate_series(0, 19999) AS i;
	CREATE TABLE ratings_bad AS SELECT user_id, course_id, NULLIF(rating, 5) AS rating FROM ratings_plain;
	GRANT SELECT ON ALL TABLES IN SCHEMA public TO trainer;
	SELECT register_dataset('mixed', 'ratings_mixed');
	SELECT register_dataset('many', 'ratings_many');
	SELECT register_dataset('all', 'ratings_plain', 'courses_plain', description_column => 'title',
		genre_columns => '{g1,g2,g3}', users => 'users_all', user_feature_columns => '{kind}');
	SELECT register_dataset('gated', 'ratings_gated', 'courses_gated', genre_columns => '{g1,g2,g3}');
	SELECT register_dataset('bad', 'ratings_bad')});

my $trainer = session($node, user => 'trainer');
my $watcher = session($node);
my $other = session($node, user => 'other');
my $holder = session($node);
$holder->query("SELECT pg_advisory_lock(k) FROM generate_series(1, 4) AS k");

# Waits until the trainer is in a phase, `iteration` steps far, and returns columns of its row.
sub at_phase
{
	my ($phase, $iteration, $columns) = @_;
	my $row;
	wait_until("the phase is $phase", sub {
		$row = $watcher->query("SELECT $columns FROM recsys_progress
			WHERE pid = $trainer->{pid} AND phase = '$phase' AND iteration >= $iteration");
		return $row ne '' });
	return $row;
}

my $rows = 'SELECT count(*) FROM recsys_progress';
my $train = "SELECT model, version FROM train_model('$name', 'user_profile', dataset => 'gated')";

is($watcher->query($rows), 0, 'nothing is shown while nobody trains');
$trainer->begin($train);

is(at_phase('loading', 0, 'iteration'), '0', 'loading: courses are read, before any rating');
$holder->query("SELECT pg_advisory_unlock($courses)");
is(at_phase('loading', 49152, 'model, method, iteration, "of" > 0, loss IS NULL'), "$name|user_profile|49152|t|t",
	'loading: model, method and the rows read so far');
my $elapsed = $watcher->query('SELECT elapsed FROM recsys_progress');
cmp_ok($elapsed, '>', 0, 'elapsed has started');
$watcher->query('SELECT pg_sleep(0.02)');
cmp_ok($watcher->query('SELECT elapsed FROM recsys_progress'), '>', $elapsed + 0.02, 'elapsed goes on');

is($other->query($rows), 0, 'a role without rights does not see the run');
for my $role ('colleague', 'monitor', 'trainer')
{
	my $session = session($node, user => $role);
	is($session->query($rows), 1, "$role sees it");
	$session->quit;
}
is($watcher->query(q{SELECT count(*) FROM pg_stat_progress_vacuum}), 0, "the server's own views do not show it");
$node->safe_psql('elsewhere', 'CREATE SCHEMA recsys; CREATE EXTENSION course_recsys SCHEMA recsys');
is($node->safe_psql('elsewhere', $rows), 0, 'another database does not show it');

my $waiting = session($node, user => 'trainer');
$waiting->begin($train);
wait_until('the second run waits', sub {
	$watcher->query("SELECT phase FROM recsys_progress WHERE pid = $waiting->{pid}") eq 'waiting' });
is($watcher->query('SELECT string_agg(phase, \',\' ORDER BY phase) FROM recsys_progress'), 'loading,waiting',
	'a second run of the same model waits');
is($watcher->query("SELECT wait_event_type, wait_event, pg_blocking_pids(pid) FROM pg_stat_activity WHERE pid = $waiting->{pid}"),
	"Lock|advisory|{$trainer->{pid}}", 'for a lock that the first one holds');
is($watcher->query("SELECT string_agg(pid || ' ' || granted, ',' ORDER BY granted) FROM pg_locks
		WHERE locktype = 'advisory' AND classid = 'recsys_model'::regclass AND objsubid = 3"),
	"$waiting->{pid} false,$trainer->{pid} true", 'which pg_locks shows');
$watcher->query("SELECT pg_cancel_backend($waiting->{pid})");
$waiting->finish;
is($watcher->query($rows), 1, 'it is no longer shown after its cancel');
$waiting->quit;

$holder->query("SELECT pg_advisory_unlock($loading)");
is(at_phase('preparing', 0, 'model'), $name, 'preparing');
$holder->query("SELECT pg_advisory_unlock($preparing)");
is(at_phase('saving', 0, 'iteration, "of"'), '0|1', 'saving: the first of one chunk');
$holder->query("SELECT pg_advisory_unlock($saving)");
is($trainer->finish, "$name|1", 'the run ends well');
is($watcher->query($rows), 0, 'nothing is shown after it');

# Code of others that catches errors, inside a run, does not hide it.
$holder->query("SELECT pg_advisory_lock($loading)");
$trainer->begin(q{SELECT version FROM train_model('mixed', 'popular', dataset => 'mixed')});
is(at_phase('loading', 49152, 'model, method, elapsed > 0'), 'mixed|popular|t', 'a run whose ratings catch errors is shown');
$holder->query("SELECT pg_advisory_unlock($loading)");
is($trainer->finish, 1, 'it ends well');

# A total that turns out too small is not shown any more.
$holder->query("SELECT pg_advisory_lock($loading), pg_advisory_lock($courses)");
$trainer->begin(q{SELECT version FROM train_model('many', 'popular', dataset => 'many')});
is(at_phase('loading', 14336, 'iteration, "of" BETWEEN 15000 AND 20000'), '14336|t', 'the total is what the planner expects');
$holder->query("SELECT pg_advisory_unlock($courses)");
is(at_phase('loading', 49152, '"of" IS NULL'), 't', 'no total once there are more rows');
$holder->query("SELECT pg_advisory_unlock($loading)");
is($trainer->finish, 1, 'it ends well');

# Looks at one session until it has been in all of these phases, for at most two and a half minutes; keeps what changes.  A run is
# known by its start, as far as the clock tells.
$node->safe_psql('postgres', q{
	CREATE TABLE seen (n serial, run int, model text, method text, phase text, iteration bigint, "of" bigint);
	CREATE PROCEDURE watch(watched int, phases text[]) LANGUAGE plpgsql AS $$
	DECLARE
		now_seen record;
		before text;
		started timestamptz := '-infinity';
		run int := 0;
	BEGIN
		TRUNCATE seen;
		WHILE NOT phases <@ ARRAY(SELECT DISTINCT phase FROM seen) AND clock_timestamp() < now() + interval '150 seconds' LOOP
			FOR i IN 1..200 LOOP
				PERFORM pg_stat_clear_snapshot();
				SELECT model, method, phase, iteration, "of", clock_timestamp() - elapsed * interval '1 second' AS started
					INTO now_seen FROM recsys_progress WHERE pid = watched;
				CONTINUE WHEN NOT FOUND;
				IF now_seen.started > started + interval '20 milliseconds' THEN
					run := run + 1;
					started := now_seen.started;
				END IF;
				now_seen.started := NULL;
				CONTINUE WHEN now_seen::text = before;
				before := now_seen::text;
				INSERT INTO seen (run, model, method, phase, iteration, "of")
					VALUES (run, now_seen.model, now_seen.method, now_seen.phase, now_seen.iteration, now_seen."of");
			END LOOP;
		END LOOP;
	END $$});

# Whatever went backwards or beyond its total in what was seen of one session.
my $backwards = q{
	SELECT DISTINCT ON (run) * FROM (SELECT *, lag(row(array_position($1, phase), iteration)) OVER run AS before,
			lag(phase) OVER run AS phase_before, lag("of") OVER run AS of_before
		FROM seen WINDOW run AS (PARTITION BY run ORDER BY n)) s
	WHERE row(array_position($1, phase), iteration) < before OR iteration > "of" OR iteration < 0
		OR array_position($1, phase) IS NULL OR phase = phase_before AND phase <> 'preparing' AND "of" <> of_before};

# Runs sql, a loop, in the trainer until it was seen in all phases but those that are too short, and checks what was
# seen.
sub shows_phases
{
	my ($sql, $method, $name, $short, @phases) = @_;
	my ($list, $needed) = map { "'{" . join(',', @$_) . "}'::text[]" } [ @phases ], [ grep { !/$short/ } @phases ];
	$trainer->begin($sql);
	$watcher->query("CALL watch($trainer->{pid}, $needed)");
	is($watcher->query("SELECT string_agg(DISTINCT phase, ',') FROM seen WHERE phase = ANY ($needed) AND method = '$method'"),
		join(',', sort grep { !/$short/ } @phases), "$name: " . join ', ', grep { !/$short/ } @phases);
	is($watcher->query($backwards =~ s/\$1/$list/gr), '', "$name: phases follow each other and counters rise up to their total");
	$watcher->query("SELECT pg_cancel_backend($trainer->{pid})");
	$trainer->finish;
	is($watcher->query($rows), 0, "$name: nothing is shown after the cancel");
}

# Saving lasts long enough to be met; fitting does with the methods that have something to compute.
$node->safe_psql('postgres', q{
	CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.02); RETURN NEW; END';
	CREATE TRIGGER slow BEFORE INSERT ON recsys_model_data FOR EACH ROW EXECUTE FUNCTION slow();
	ALTER TABLE recsys_model_data ENABLE ALWAYS TRIGGER slow});
my $met = 0;
for my $method (split ' ', $watcher->query('SELECT method FROM recsys_methods()'))
{
	my $train_all = "train_model('$method!', '$method', dataset => 'all')";
	$trainer->query("SELECT version FROM $train_all");
	my $long = $watcher->query("SELECT fit_seconds > 0.05 FROM recsys_model_versions WHERE model = '$method!'") eq 't';
	$met += $long;
	# In FROM it would be called once.
	shows_phases("SELECT ($train_all).version FROM generate_series(1, 1000)", $method, $method,
		$long ? qr/waiting|preparing/ : qr/waiting|preparing|fitting/, qw(waiting loading preparing fitting saving));
}
cmp_ok($met, '>', 0, 'fitting was met');
$node->safe_psql('postgres', 'DROP TRIGGER slow ON recsys_model_data');

# Calls that look at all users are shown, too.
$trainer->query(q{SELECT version FROM train_model('knn', dataset => 'all')});
my %batch = (
	recommend_all => q{recommend_all('knn', 3)},
	recommend_users => q{recommend_users(7, 'knn')},
	similar_users => q{similar_users((SELECT min(user_id) FROM ratings_plain), 'knn')});
for my $function (sort keys %batch)
{
	# Each in a statement of its own would let one end before it is cancelled: a loop of 1,000.
	shows_phases("DO 'BEGIN FOR i IN 1..1000 LOOP PERFORM * FROM " . $batch{$function} =~ s/'/''/gr . "; END LOOP; END'",
		'knn', $function, qr/^$/, qw(loading preparing scoring));
	is($watcher->query(q{SELECT bool_and("of" BETWEEN 19000 AND 20000) FROM seen WHERE phase = 'scoring'}), 't',
		"$function: the total is the number of users");
}

my (undef, $error) = $trainer->query("BEGIN; SELECT train_model('bad', 'popular', dataset => 'bad')");
like($error, qr/22004/, 'a run over a null rating fails');
is($watcher->query($rows), 0, 'nothing is shown after the error, while the transaction is still open');
$trainer->query('ROLLBACK');

# verbose says what was done; without it there is nothing to read.
my $quiet = q{SELECT version FROM train_model('talk', 'popular', '{}', 'gated')};
my $verbose = q{SELECT version FROM train_model('talk', 'popular', '{"verbose": true}', 'gated', if_changed => %s)};
is(($trainer->query($quiet))[1], '', 'no notice by default');
my (undef, $notice) = $trainer->query(sprintf $verbose, 'false');
like($notice, qr/^NOTICE: .*trained model "talk" version 2 from \d+ ratings of \d+ courses by \d+ users\n/,
	'verbose: a notice of what was trained');
like($notice, qr/^DETAIL:  Repeated ratings dropped: \d+\. Loading took [\d.]+ s, fitting [\d.]+ s\. The model has \d+ bytes\.$/m,
	'with its cost');
like(($trainer->query(sprintf $verbose, 'true'))[1], qr/^NOTICE: .*model "talk" is up to date/, 'verbose: up to date');

# Ratings that hardly vary are no good to a measure of how they vary.
$node->safe_psql('postgres', q{CREATE TABLE equal AS SELECT u AS user_id, c AS course_id, CASE WHEN u = 1 THEN 2 ELSE 3 END AS rating
	FROM generate_series(1, 20) AS u, generate_series(1, 5) AS c;
	GRANT SELECT ON equal TO trainer; SELECT register_dataset('equal', 'equal')});
like(($trainer->query(q{SELECT version FROM train_model('equal', 'knn', '{"similarity": "pearson"}', 'equal')}))[1],
	qr/^WARNING:  01000: 95\.0 % of the ratings are 3: .*"similarity"/, 'a warning of ratings that hardly vary');
is(($trainer->query(q{SELECT version FROM train_model('equal', 'knn', '{}', 'equal')}))[1], '', 'none with the defaults');

# Nothing stays of a session that is terminated; crash.pl kills.
$holder->query("SELECT pg_advisory_lock($saving)");
$trainer->begin($train);
at_phase('saving', 0, '1');
$watcher->query("SELECT pg_terminate_backend($trainer->{pid})");
wait_until('the session has ended', sub { $watcher->query("SELECT count(*) FROM pg_stat_activity WHERE pid = $trainer->{pid}") == 0 });
is($watcher->query($rows), 0, 'nothing is shown of a terminated session');

$_->quit for $trainer, $watcher, $other, $holder;
$node->stop;
done_testing();
