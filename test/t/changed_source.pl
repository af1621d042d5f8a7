# The tables under a dataset change in one session while others serve and train: no call fails that would not have
# failed for the plain statement, and none sees half a change.
#
# RECSYS_SWAPS (60): how often the tables are changed.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use PostgreSQL::Test::Utils;
use Recsys;
use Test::More;

my $node = new_server('changed', 'fsync = off');
add_school($node);
my $etl = session($node);
my $reader = session($node);
my $trainer = session($node);
my $answers = $reader->query($school_answers);


# Waits until a session waits for a lock.
sub wait_for_lock
{
	my ($session) = @_;
	wait_until('the session waits for a lock', sub {
		$node->safe_psql('postgres', "SELECT count(*) FROM pg_locks WHERE pid = $session->{pid} AND NOT granted") });
	return;
}

# --- while ratings are replaced ------------------------------------------------------------------------------

$etl->query(q{CREATE TABLE kept AS TABLE ratings; CREATE TABLE spare AS TABLE ratings;
	CREATE SCHEMA stage; CREATE SCHEMA gone; CREATE TABLE stage.ratings AS TABLE ratings});
my $rounds = $ENV{RECSYS_SWAPS} // 60;
my %ways = (
	'dropped and created' => 'DROP TABLE ratings; CREATE TABLE ratings AS TABLE kept',
	'created with other types' => q{DROP TABLE ratings; CREATE TABLE ratings AS SELECT rating::numeric, course_id::bigint,
		user_id::smallint, rated_at FROM kept; COMMIT; DROP TABLE ratings; CREATE TABLE ratings AS TABLE kept},
	'swapped by rename' => q{ALTER TABLE ratings RENAME TO other; ALTER TABLE spare RENAME TO ratings; ALTER TABLE other RENAME TO spare},
	'swapped by SET SCHEMA' => q{ALTER TABLE public.ratings SET SCHEMA gone; ALTER TABLE stage.ratings SET SCHEMA public;
		ALTER TABLE gone.ratings SET SCHEMA stage});
my $users = $reader->query(q{SELECT count(*) FROM recommend_all('knn', 1) WHERE source = 'knn'});
my $serve = join ";\n", (map { "SELECT 1 / (count(*) = 5)::int FROM recommend_courses(7, '$_', 5)" } qw(knn demographic popular)),
	q{SELECT predict_rating(7, '7', 'users')}, q{SELECT 1 / (count(*) > 0)::int FROM recsys_models};
my $train = q{SELECT 1 / (ratings = 500)::int FROM train_model('trained', 'knn', dataset => 'school')};
my $same = $school_answers =~ s/'school'/'school' AND model <> 'trained'/r;
for my $way (sort keys %ways)
{
	# A call that waited while its table was created still has its statement's snapshot, in which the table is empty.
	my $all = $way =~ /swapped/ ? q{SELECT 1 / (count(*) = USERS)::int FROM recommend_all('knn', 1)
		WHERE source = 'knn'} =~ s/USERS/$users/r : 'SELECT';
	$reader->begin(join ";\n", ($serve, $all) x $rounds);
	$trainer->begin(join ";\n", ($train, $serve) x ($rounds / 4));
	$etl->query("DO 'BEGIN FOR i IN 1 .. 4 * $rounds LOOP $ways{$way}; COMMIT; END LOOP; END'");
	my $errors = join '', map { ($_->finish)[1] } $reader, $trainer;
	is($errors, '', "ratings are $way while others serve and train");
	answers($reader, $same, $answers, "$way: the same answers afterwards");
}

# --- while somebody waits ------------------------------------------------------------------------------------

$etl->query(q{CREATE TABLE courses_kept AS TABLE courses;
	CREATE VIEW ratings_view AS SELECT * FROM ratings; CREATE VIEW courses_view AS SELECT * FROM courses;
	SELECT register_dataset('views', 'ratings_view', 'courses_view')});
for my $dataset (qw(school views))
{
	$etl->query('BEGIN; TRUNCATE ratings, courses');
	$trainer->begin("SELECT ratings, courses FROM train_model('reloaded', 'knn', dataset => '$dataset')");
	wait_for_lock($trainer);
	answers($reader, q{SELECT count(*) > 5 FROM recsys_models}, 't', "$dataset: the list of models waits for nobody");
	$etl->query('INSERT INTO ratings TABLE kept; INSERT INTO courses TABLE courses_kept; COMMIT');
	is($trainer->finish, '500|30', "$dataset: training that waited for a reload reads what was loaded");
	$etl->query(q{SELECT drop_model('reloaded')});
}

$etl->query(q{CREATE OR REPLACE FUNCTION plain(OUT n int) LANGUAGE plpgsql AS
	$$BEGIN SELECT count(*) INTO n FROM recommend_courses(7, 'knn', 5) WHERE source = 'knn'; END$$; DROP VIEW ratings_view CASCADE});
$reader->query('SELECT plain()');
$reader->query('BEGIN; SELECT 1');
$etl->query('ALTER TABLE ratings ALTER user_id TYPE text; ALTER TABLE users ALTER id TYPE text');
answers($reader, 'SELECT plain()', '5', 'a type changed after the transaction began');
$reader->query('COMMIT; BEGIN; SELECT 1');
$etl->query('ALTER TABLE ratings RENAME TO stale; ALTER TABLE kept RENAME TO ratings; ALTER TABLE users ALTER id TYPE int USING id::int');
answers($reader, 'SELECT plain()', '5', 'tables swapped after the transaction began');
$reader->query('COMMIT');
answers($reader, $same, $answers, 'the same answers');

# --- foreign tables ------------------------------------------------------------------------------------------

SKIP:
{
	skip 'postgres_fdw is not installed', 4
		if !$node->safe_psql('postgres', q{SELECT count(*) FROM pg_available_extensions WHERE name = 'postgres_fdw'});
	my ($host, $port) = ($node->host, $node->port);
	$etl->query(qq{CREATE EXTENSION postgres_fdw;
		CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '$host', port '$port', dbname 'postgres');
		CREATE USER MAPPING FOR CURRENT_USER SERVER far;
		CREATE SCHEMA remote; ALTER TABLE ratings SET SCHEMA remote; ALTER TABLE courses SET SCHEMA remote;
		IMPORT FOREIGN SCHEMA remote LIMIT TO (ratings, courses) FROM SERVER far INTO public});
	answers($reader, $same, $answers, 'foreign tables give the same answers');
	answers($trainer, q{SELECT ratings, courses FROM train_model('reloaded', 'knn', dataset => 'school')}, '500|30', 'and train');
	$etl->query(q{SELECT drop_model('reloaded')});
	$etl->query("ALTER SERVER far OPTIONS (SET port '1')");
	raises($reader, q{SELECT * FROM recommend_courses(7, 'knn')}, '08001', 'could not connect to server "far"', 'a server that is not there');
	$etl->query('DROP EXTENSION postgres_fdw CASCADE; ALTER TABLE remote.ratings SET SCHEMA public; ALTER TABLE remote.courses SET SCHEMA public');
	answers($reader, $same, $answers, 'tables of this server again');
}

# --- the extension -------------------------------------------------------------------------------------------

$reader->query(q{PREPARE prepared AS SELECT count(*) FROM recommend_courses(7, 'knn', 5); EXECUTE prepared});
$etl->query('ALTER SCHEMA recsys RENAME TO renamed');
$reader->query('SET search_path = public, renamed');
$trainer->query('SET search_path = public, renamed');
answers($reader, $same, $answers, 'its schema renamed by another session');
answers($trainer, q{SELECT count(*) FROM train_model('trained', 'popular', dataset => 'school')}, '1', 'which the next one trains in');
answers($reader, 'EXECUTE prepared', '5', 'a prepared statement');
$etl->query('ALTER SCHEMA renamed RENAME TO recsys');
$_->query('RESET search_path') for $reader, $trainer;
answers($reader, $same, $answers, 'and back');

$reader->query('BEGIN; EXECUTE prepared');
$etl->begin('CREATE MATERIALIZED VIEW ready AS SELECT * FROM recommend_all(\'knn\'); DROP EXTENSION course_recsys CASCADE');
$reader->query('COMMIT');
$etl->finish;
raises($reader, 'EXECUTE prepared', '42883', 'function recommend_courses.* does not exist', 'DROP EXTENSION CASCADE elsewhere: a prepared statement');
raises($reader, 'SELECT plain()', '42883', 'function recommend_courses.* does not exist', 'a kept plan');
$etl->query(q{CREATE EXTENSION course_recsys SCHEMA recsys; SELECT register_dataset('school', 'ratings', 'courses')});
raises($reader, 'EXECUTE prepared', '42704', 'model "knn" does not exist', 'created again: no model');
$etl->query(q{SELECT train_model('knn', dataset => 'school')});
answers($reader, 'EXECUTE prepared', '5', 'trained again');
answers($reader, 'SELECT plain()', '5', 'a kept plan goes on');

$_->quit for $etl, $reader, $trainer;
$node->stop;
done_testing();
