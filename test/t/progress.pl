# recsys_progress shows other sessions what a training run is doing, to those who may know, and no longer than it runs.
#
# Gates make a run wait in the phase of interest: functions inside the dataset's relations (and a trigger on the
# table of the chunks) that wait for an advisory lock of the test.  They are stable and take a column, so that neither
# the planner calls them nor a query that does not need their result.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Recsys;
use Test::More;

my ($loading, $preparing, $saving) = (1, 2, 3);     # keys of the gates
my $name = 'model ' . 'x' x 57;                     # 63 bytes

my $node = new_server('progress', 'fsync = off');
add_dataset($node, 'plain', 20_000, 2_000, 600_000);
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
	CREATE VIEW courses_gated AS SELECT id, title, g1 * gate($preparing + 0 * id) AS g1, g2, g3 FROM courses_plain;
	CREATE TABLE ratings_bad AS SELECT user_id, course_id, NULLIF(rating, 5) AS rating FROM ratings_plain;
	GRANT SELECT ON ratings_gated, courses_gated, ratings_plain, courses_plain, ratings_bad TO trainer;
	SELECT register_dataset('gated', 'ratings_gated', 'courses_gated', genre_columns => '{g1,g2,g3}');
	SELECT register_dataset('bad', 'ratings_bad')});

my $trainer = session($node, user => 'trainer');
my $watcher = session($node);
my $other = session($node, user => 'other');
my $holder = session($node);
$holder->query("SELECT pg_advisory_lock(k) FROM generate_series(1, 3) AS k");

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

# Fitting has no gate: it is long enough to be met.
$trainer->begin("SELECT count(*) FROM train_model('fit', 'knn', dataset => 'gated')");
is(at_phase('fitting', 0, 'model'), 'fit', 'fitting');
is($trainer->finish, 1, 'that run ends well, too');

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

$_->quit for $trainer, $watcher, $other, $holder;
$node->stop;
done_testing();
