# A hot standby serves models, sees new versions as they are replayed, and cannot train until it is promoted.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Recsys;
use Test::More;

my $primary = new_server('primary');
$primary->safe_psql('postgres', q{
	CREATE TABLE courses (id int PRIMARY KEY, title text);
	INSERT INTO courses SELECT i, 'Course ' || i FROM generate_series(1, 5) AS i;
	CREATE TABLE ratings (user_id int, course_id int, rating real);
	INSERT INTO ratings SELECT u, c, 3 FROM generate_series(1, 9) AS u, generate_series(1, 3) AS c WHERE u >= c * 2;
	SELECT register_dataset('default', 'ratings', 'courses');
	SELECT train_model('m', 'popular');
	CREATE SCHEMA school});
add_school($primary, 'school');
$primary->backup('base');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'base', has_streaming => 1);
$standby->append_conf('postgresql.conf', "hot_standby_feedback = on\n");
$standby->start;

my $writer = session($primary);
my $reader = session($standby);
my $serve = "SELECT score, title FROM recommend_courses(NULL::bigint, 'm', 1)";

# The standby has replayed all that the primary has done.
sub replay
{
	$primary->wait_for_catchup($standby, 'replay', $primary->lsn('insert'));
}

# Trains m on one rating more of the most popular course.
sub train_next
{
	$writer->query('INSERT INTO ratings SELECT max(user_id) + 1, 1, 3 FROM ratings');
	return $writer->query("SELECT version FROM train_model('m', 'popular')");
}

replay();
answers($reader, $serve, '8|Course 1', 'the standby serves');
answers($reader, q{SELECT count(*) FROM recommend_courses(9, 'm', 10, exclude_seen => false)}, '5', 'a user with ratings, too');

is(train_next(), 2, 'the primary trains');
replay();
answers($reader, $serve, '9|Course 1', 'the new version is served in the open session');

$reader->query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM ratings');
train_next();
replay();
like($reader->query($serve), qr/^(9|10)\|/, 'REPEATABLE READ: the version of before or after');
$reader->query('COMMIT');
answers($reader, $serve, '10|Course 1', 'the new version in the next transaction');

$writer->query("SELECT rollback_model('m')");
replay();
answers($reader, $serve, '9|Course 1', 'rollback_model');
$writer->query("UPDATE courses SET title = 'New ' || id; SELECT train_model('other', 'knn')");
replay();
answers($reader, $serve, '9|New 1', 'tables of the standby are read as they are now');
answers($reader, q{SELECT count(*) FROM recommend_all('other', 2)}, '20', 'recommend_all');

# --- every method, in one session on the standby ------------------------------------------------------------

# Both servers answer the same.
sub same_answers
{
	my ($name) = @_;
	replay();
	answers($reader, $school_answers, scalar $writer->query($school_answers), $name);
}

same_answers('all models answer as on the primary');
$writer->query(q{SELECT train_model(method, method, '{"random_state": 7}', 'school') FROM recsys_methods()});
same_answers('new versions of all methods');
$writer->query('SELECT rollback_model(method) FROM recsys_methods()');
same_answers('rolled back');
$writer->query(q{SELECT publish_model('unpublished', 1)});
same_answers('published');
$writer->query(q{CREATE TABLE school.kept AS TABLE school.ratings; DROP TABLE school.ratings});
replay();
raises($reader, q{SELECT * FROM recommend_courses(7, 'knn')}, '42P01', 'relation school\.ratings of dataset "school" does not exist',
	'ratings dropped on the primary');
$writer->query('CREATE UNLOGGED TABLE school.ratings AS TABLE school.kept');
replay();
raises($reader, q{SELECT * FROM recommend_courses(7, 'knn')}, '0A000', 'cannot access temporary or unlogged relations during recovery',
	'an unlogged table is not on the standby');
$writer->query('ALTER TABLE school.ratings SET LOGGED');
same_answers('a logged one is');
$writer->query('ALTER TABLE school.ratings RENAME TO stale; ALTER TABLE school.kept RENAME TO ratings');
same_answers('swapped by rename');
$writer->query('ALTER TABLE school.ratings ALTER user_id TYPE bigint, ALTER rating TYPE numeric');
same_answers('types changed');
$writer->query('ALTER SCHEMA recsys RENAME TO renamed');
replay();
$_->query('SET search_path = public, renamed') for $reader, $writer;
$writer->query(q{SELECT train_model('knn', dataset => 'school')});
same_answers('the schema of the extension renamed, and trained');
$writer->query('ALTER SCHEMA renamed RENAME TO recsys');
replay();
$_->query('RESET search_path') for $reader, $writer;
same_answers('and back');
answers($reader, q{SELECT count(*) FROM recsys_progress}, '0', 'recsys_progress can be read');
answers($reader, q{SELECT count(*) FROM recsys_methods(), estimate_training(method, dataset => 'school') WHERE phase = 'total'},
	scalar $writer->query('SELECT count(*) FROM recsys_methods()'), 'estimate_training, too');

# --- what writes ----------------------------------------------------------------------------------------------

my $read_only = 'cannot execute %s\(\) in a read-only transaction';
raises($reader, q{SELECT train_model('m', 'popular')}, '25006', sprintf($read_only, 'train_model'), 'train_model is refused');
raises($reader, q{SELECT rollback_model('m')}, '25006', sprintf($read_only, 'rollback_model'), 'rollback_model');
raises($reader, q{SELECT publish_model('m', 1)}, '25006', sprintf($read_only, 'publish_model'), 'publish_model');
raises($reader, q{SELECT drop_model('m')}, '25006', sprintf($read_only, 'drop_model'), 'drop_model');
raises($reader, q{SELECT register_dataset('default', 'ratings')}, '25006', sprintf($read_only, 'register_dataset'), 'register_dataset');
raises($reader, q{SELECT drop_dataset('default')}, '25006', sprintf($read_only, 'drop_dataset'), 'drop_dataset');
raises($reader, q{SELECT * FROM evaluate_method('knn', dataset => 'school', options => '{"store": true}')}, '25006',
	'cannot execute evaluate_method\(\) with the option "store" in a read-only transaction', 'storing an evaluation');
is($reader->query(q{SELECT count(*) FROM recsys_methods() AS m, evaluate_method(m.method, '{}', 'school') WHERE metric = 'ndcg' AND value >= 0}),
	$reader->query('SELECT count(*) FROM recsys_methods()'), 'a standby evaluates every method');
raises($writer, q{BEGIN READ ONLY; SELECT train_model('m', 'popular')}, '25006', sprintf($read_only, 'train_model'),
	'train_model in a read-only transaction of the primary');
$writer->query('ROLLBACK');

$writer->query("SELECT drop_model('other')");
replay();
raises($reader, q{SELECT * FROM recommend_courses(1, 'other')}, '42704', 'model "other" does not exist', 'drop_model on the primary');

$writer->quit;
$primary->stop;
$standby->promote;
answers($reader, $serve, '9|New 1', 'the promoted standby serves in the same session');
is($reader->query(q{SELECT version FROM train_model('m', 'popular')}), 4, 'and trains the next version');
answers($reader, $serve, '10|New 1', 'which is served');
answers($reader, q{SELECT count(*) FROM recsys_methods(), train_model(method, method, dataset => 'school') AS t WHERE t.version >= 4},
	scalar $reader->query('SELECT count(*) FROM recsys_methods()'), 'every method trains its next version');
answers($reader, q{SELECT count(DISTINCT m.model) FROM recsys_models AS m, recommend_courses(7, m.model) WHERE m.dataset = 'school'},
	scalar $reader->query(q{SELECT count(*) FROM recsys_models WHERE dataset = 'school'}), 'and all are served');
answers($reader, q{SELECT register_dataset('default', 'ratings')}, '', 'register_dataset');
$reader->quit;
$standby->stop;
done_testing();
