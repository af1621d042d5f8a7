# Sessions keep models and datasets that they have used.  Whatever changes them, and whoever does it, every session
# serves the right version afterwards, and none before; the memory that they keep is bounded.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Recsys;
use Test::More;

my $node = new_server('cache', 'fsync = off');
$node->safe_psql('postgres', q{
	CREATE TABLE courses (id int PRIMARY KEY, title text);
	INSERT INTO courses SELECT i, 'Course ' || i FROM generate_series(1, 5) AS i;
	CREATE TABLE ratings (user_id int, course_id int, rating real);
	INSERT INTO ratings SELECT u, c, 3 FROM generate_series(1, 9) AS u, generate_series(1, 3) AS c WHERE u >= c * 2;
	CREATE TABLE other_courses AS SELECT id, 'Other ' || id AS title FROM courses;
	SELECT register_dataset('default', 'ratings', 'courses')});

my $writer = session($node);
my $reader = session($node);

# A version is told from the others by the number of ratings of the most popular course.
my $serve = "SELECT score FROM recommend_courses(NULL::bigint, 'm', 1)";
my $train = "SELECT version FROM train_model('m', 'popular')";

# Trains m on one rating more.
sub train_next
{
	my ($session) = @_;
	$session->query('INSERT INTO ratings SELECT max(user_id) + 1, 1, 3 FROM ratings');
	return $session->query($train);
}

# --- versions -------------------------------------------------------------------------------------------

is(train_next($writer), 1, 'the first version');
answers($reader, $serve, '9', 'it is served in another session');

$writer->query('BEGIN');
is(train_next($writer), 2, 'a second version in an open transaction');
answers($writer, $serve, '10', 'its own session serves it');
answers($reader, $serve, '9', 'another session does not, before commit');
$writer->query('COMMIT');
answers($reader, $serve, '10', 'it does after commit');

$writer->query('BEGIN');
train_next($writer);
answers($writer, $serve, '11', 'a third version in an open transaction');
$writer->query('ROLLBACK');
answers($writer, $serve, '10', 'its own session serves the second again after rollback');
answers($reader, $serve, '10', 'and so does another session');

$writer->query('BEGIN; SAVEPOINT s');
is(train_next($writer), 3, 'the number of a version that was rolled back is given again');
answers($writer, $serve, '11', 'in a subtransaction');
$writer->query('ROLLBACK TO s');
answers($writer, $serve, '10', 'served again after the rollback of the subtransaction');
$writer->query('COMMIT');

$writer->query('INSERT INTO ratings SELECT 100 + i, 1, 3 FROM generate_series(1, 10) AS i');
is($writer->query($train), 3, 'and again: the same number, other contents');
answers($_, $serve, '20', 'the new contents are served') for $writer, $reader;

is($writer->query("SELECT rollback_model('m')"), 2, 'rollback_model');
answers($reader, $serve, '10', 'the version before is served');
$writer->query("SELECT publish_model('m', 3)");
answers($reader, $serve, '20', 'publish_model: the newer one is served');
is($writer->query("SELECT version FROM train_model('m', 'popular', publish => false)"), 4, 'publish => false');
answers($reader, $serve, '20', 'it is not served');

# --- a reader with an old snapshot ----------------------------------------------------------------------

$reader->query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM ratings');
train_next($writer);
like($reader->query($serve), qr/^(20|21)$/, 'REPEATABLE READ: the version of before or after');
$reader->query('COMMIT');
answers($reader, $serve, '21', 'the new version in the next transaction');

my $late = session($node);
$late->query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM ratings');
train_next($writer);
answers($late, $serve, '22', 'first use after a commit that the snapshot does not see: the version of now');
$late->query('COMMIT');
answers($late, $serve, '22', 'and it stays');
$late->quit;

# --- datasets -------------------------------------------------------------------------------------------

my $title = "SELECT title FROM recommend_courses(NULL::bigint, 'm', 1)";
answers($reader, $title, 'Course 1', 'title from the table of courses');
$writer->query("BEGIN; SELECT register_dataset('default', 'ratings', 'other_courses')");
answers($reader, $title, 'Course 1', 'a replaced dataset is not used before commit');
$writer->query('COMMIT');
answers($reader, $title, 'Other 1', 'it is after commit');
$writer->query('ALTER TABLE other_courses RENAME TO others; ALTER TABLE courses RENAME TO other_courses;
	ALTER TABLE others RENAME TO courses');
answers($reader, $title, 'Course 1', 'tables that were swapped');
$writer->query('ALTER TABLE courses RENAME TO others');
raises($reader, $title, '42P01', 'relation public\.courses of dataset "default" does not exist',
	'a table that the model was trained on is gone');
$writer->query('ALTER TABLE other_courses RENAME TO courses');
raises($reader, $title, '42P01', 'relation public\.other_courses of dataset "default" does not exist', 'a table that is gone');
$writer->query("SELECT register_dataset('default', 'ratings', 'courses')");
answers($reader, $title, 'Course 1', 'the dataset is registered with another one');

# --- changes by hand ------------------------------------------------------------------------------------

answers($reader, $serve, '22', 'the newest version is served');
$writer->query('BEGIN; UPDATE recsys_model SET published = false;
	UPDATE recsys_model SET published = true WHERE version = (SELECT min(version) FROM recsys_model); COMMIT');
answers($reader, $serve, '21', 'UPDATE by hand of the published version');
$writer->query("UPDATE recsys_dataset SET courses = 'public.others'");
answers($reader, $title, 'Other 1', 'UPDATE by hand of the dataset');
$writer->query('BEGIN; TRUNCATE recsys_dataset');
raises($writer, $serve, '42704', 'dataset "default" does not exist', 'TRUNCATE of the datasets');
$writer->query('ROLLBACK');
answers($_, $serve, '21', 'and its rollback') for $writer, $reader;
$writer->query('BEGIN; DELETE FROM recsys_model; COMMIT');
raises($reader, $serve, '42704', 'model "m" does not exist', 'DELETE by hand of the models');
is(train_next($writer), 1, 'trained again');
answers($reader, $serve, '23', 'and served');
$writer->query("BEGIN; SET LOCAL session_replication_role = replica; DELETE FROM recsys_model; COMMIT");
raises($reader, $serve, '42704', 'model "m" does not exist', 'DELETE as a logical subscriber does it');

$writer->query($train);
answers($reader, $serve, '23', 'trained once more');
$writer->query('TRUNCATE recsys_model');
raises($reader, $serve, '42704', 'model "m" does not exist', 'TRUNCATE of the models');
$writer->query($train);
$writer->query("SELECT drop_model('m')");
raises($reader, $serve, '42704', 'model "m" does not exist', 'drop_model');

# --- the extension itself -------------------------------------------------------------------------------

$writer->query($train);
answers($reader, $serve, '23', 'a model before the extension is dropped');
$writer->query('DROP EXTENSION course_recsys');
raises($reader, $serve, '42883', 'function recommend_courses.* does not exist', 'DROP EXTENSION');
$writer->query('CREATE EXTENSION course_recsys SCHEMA recsys');
raises($reader, $serve, '42704', 'model "m" does not exist', 'CREATE EXTENSION: no model is left');
$writer->query("SELECT register_dataset('default', 'ratings', 'courses')");
is(train_next($writer), 1, 'trained under the same name');
answers($_, $serve, '24', 'and served') for $reader, $writer;
$writer->query('DROP EXTENSION course_recsys; CREATE SCHEMA elsewhere; CREATE EXTENSION course_recsys SCHEMA elsewhere');
$writer->query("SET search_path = elsewhere, public; SELECT register_dataset('default', 'ratings', 'courses'); $train");
$reader->query('SET search_path = elsewhere, public');
answers($reader, $serve, '24', 'the extension in another schema');
$writer->query('ALTER SCHEMA elsewhere RENAME TO third; SET search_path = third, public');
$reader->query('SET search_path = third, public');
answers($_, $serve, '24', 'its schema renamed') for $reader, $writer;
$writer->query($train);
$writer->query('DROP EXTENSION course_recsys; CREATE EXTENSION course_recsys SCHEMA recsys');
$_->query('RESET search_path') for $reader, $writer;
$writer->query("SELECT register_dataset('default', 'ratings', 'courses')");

# --- two sessions train one model ----------------------------------------------------------------------

my $second = session($node);
$writer->query("BEGIN; $train");
is($second->query("SELECT count(*) FROM train_model('m', 'popular', wait => false)"), 0, 'wait => false: no row');
$second->begin($train);
wait_until('the second session waits', sub {
	$reader->query("SELECT count(*) FROM recsys_progress WHERE pid = $second->{pid} AND phase = 'waiting'") });
$writer->query('COMMIT');
is($second->finish, 2, 'READ COMMITTED: the second waits and makes the next version');

$second->query('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1');
$writer->query("BEGIN; $train");
$second->begin($train);
wait_until('the second session waits', sub {
	$reader->query("SELECT count(*) FROM recsys_progress WHERE pid = $second->{pid} AND phase = 'waiting'") });
$writer->query('COMMIT');
my (undef, $error) = $second->finish;
like($error, qr/^ERROR:  40001: could not serialize access due to concurrent change of model "m"/, 'REPEATABLE READ: 40001');
$second->query('ROLLBACK');
$second->query('BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT 1');
is($second->query($train), 4, 'SERIALIZABLE without a conflict');
$second->query('COMMIT');
is($reader->query(q{SELECT string_agg(version || CASE WHEN published THEN '*' ELSE '' END, ',' ORDER BY version)
	FROM recsys_model}), '3,4*', 'one version is published, the two newest are kept');

# --- memory ---------------------------------------------------------------------------------------------

my $memory = 'SELECT sum(total_bytes) FROM pg_backend_memory_contexts';
my %before;
for my $version (1 .. 300)
{
	$writer->query($train);
	$reader->query($serve);
	my @refused = $second->query(qq{SELECT count(*) FROM recommend_courses(NULL::bigint, 'unknown $version', 1)});
	%before = map { $_ => scalar $_->query($memory) } $writer, $reader, $second if $version == 50;
}
for my $case ([ $writer, 'that trained 250 versions' ], [ $reader, 'that served 250 versions' ],
	[ $second, 'that asked for 250 unknown models' ])
{
	my ($session, $what) = @$case;
	cmp_ok($session->query($memory) - $before{$session}, '<', 4096, "a session $what has not grown");
}

# Four models of 0.4 MB, a budget of 1 MB.
$writer->query(q{
	CREATE TABLE many_courses AS SELECT i AS id, 'Many ' || i AS title FROM generate_series(1, 8000) AS i;
	CREATE TABLE many_ratings AS SELECT u AS user_id, 1 + (u * 37 + c) % 8000 AS course_id, 3::real AS rating
		FROM generate_series(1, 200) AS u, generate_series(1, 40) AS c;
	CREATE INDEX ON many_ratings (user_id);
	SELECT register_dataset('many', 'many_ratings', 'many_courses')});
$writer->query("SELECT train_model('many$_', 'popular', dataset => 'many')") for 1 .. 4;
my $models = q{SELECT count(*), sum(total_bytes) < 1300000 FROM pg_backend_memory_contexts WHERE name = 'course_recsys model'};
$reader->query(q{SET course_recsys.cache_size = '1MB'});
for my $i (1 .. 12)
{
	my $model = 'many' . (1 + $i % 4);
	$reader->query(qq{SELECT count(*) FROM recommend_courses(7, '$model', 5)}) eq '5' or fail("an answer of $model");
}
like($reader->query($models), qr/^[12]\|t$/, 'a small budget holds few models');
is($reader->query(q{SELECT count(DISTINCT course_id) FROM recommend_courses(7, 'many1', 20)}), 20, 'and all of them answer');
$writer->query(q{CREATE TABLE huge_courses AS SELECT i AS id FROM generate_series(1, 40000) AS i;
	SELECT register_dataset('huge', 'many_ratings', 'huge_courses')});
raises($reader, q{SELECT train_model('huge', 'popular', dataset => 'huge')}, '53400',
	'model "huge" of \d+ bytes exceeds course_recsys\.cache_size.*1024 kB.*course_recsys\.cache_size', 'training a model above the budget');
$writer->query(q{SELECT train_model('huge', 'popular', dataset => 'huge')});
raises($reader, q{SELECT * FROM recommend_courses(7, 'huge', 5)}, '53400',
	'model "huge" of \d+ bytes exceeds course_recsys\.cache_size', 'serving a model above the budget');
is($reader->query(q{SELECT count(*) FROM recommend_courses(7, 'many1', 5)}), 5, 'the session lives on');
is($writer->query(q{SELECT count(*) FROM recommend_courses(7, 'huge', 5)}), 5, 'a session with more room serves it');

# --- a relation of courses that recommends -------------------------------------------------------------

# The inner calls load two other models, of other courses, into a budget for two, while the outer one is in use; and they
# are retrained meanwhile.
$writer->query(q{
	CREATE TABLE far_courses AS SELECT id + 1000000 AS id FROM many_courses;
	CREATE TABLE far_ratings AS SELECT user_id, course_id + 1000000 AS course_id, rating FROM many_ratings;
	CREATE INDEX ON far_ratings (user_id);
	SELECT register_dataset('far', 'far_ratings', 'far_courses');
	SELECT train_model('far' || i, 'popular', dataset => 'far') FROM generate_series(1, 2) AS i;
	CREATE VIEW good_courses AS SELECT c.id, c.title FROM many_courses c
		WHERE (c.id + 1000000)::text IN (SELECT r.course_id FROM recommend_courses(9, 'far1', 60) r)
			AND (SELECT count(*) FROM recommend_courses(9, 'far2', 3)) = 3;
	SELECT register_dataset('outer', 'many_ratings', 'good_courses')});
$writer->query(q{SELECT train_model('outer', 'popular', dataset => 'outer')});
my $outer = q{SELECT count(*), bool_and(title = 'Many ' || course_id), max(course_id::int) < 1000000
	FROM recommend_courses(7, 'outer', 20)};
is($reader->query($outer), '20|t|t', 'a call within a call');
my %seen;
for my $round (1 .. 15)
{
	$writer->begin("SELECT train_model(m, 'popular', dataset => d) FROM (VALUES ('far1', 'far'), ('outer', 'outer')) v(m, d)");
	$seen{join '', $reader->query($outer)}++ for 1 .. 4;
	my (undef, $failed) = $writer->finish;
	is($failed, '', 'training meanwhile') if $failed ne '';
}
is(join(',', keys %seen), '20|t|t', 'while another session trains both models');
$writer->query(q{
	CREATE OR REPLACE VIEW good_courses AS SELECT c.id, c.title FROM many_courses c
		WHERE c.id::text IN (SELECT r.course_id FROM recommend_courses(9, 'outer', 5) r)});
raises($reader, $outer, '54001', 'stack depth limit exceeded', 'a call within itself');
is($reader->query($serve), '24', 'the session lives on');
like($reader->query($models), qr/\|t$/, 'models that were in use are free again');

$_->quit for $writer, $reader, $second;
$node->stop;
done_testing();
