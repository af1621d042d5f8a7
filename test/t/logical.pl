# Logical replication.  A subscriber that trains on replicated ratings sees new rows at once.  A subscriber that also gets
# the extension's tables serves the publisher's models, and its open sessions see each new version.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use PostgreSQL::Test::Utils;
use Recsys;
use Test::More;

my $publisher = new_server('publisher', 'fsync = off', 'wal_level = logical');
my $subscriber = new_server('subscriber', 'fsync = off');
add_school($publisher);
$publisher->safe_psql('postgres', q{
	ALTER TABLE ratings REPLICA IDENTITY FULL;
	ALTER TABLE courses REPLICA IDENTITY FULL});
my $schema = $publisher->safe_psql('postgres', q{SELECT string_agg(format('CREATE TABLE public.%I (%s)', t,
	(SELECT string_agg(format('%I %s', attname, format_type(atttypid, atttypmod)), ', ' ORDER BY attnum) FROM pg_attribute
		WHERE attrelid = t::regclass AND attnum > 0)), ';') FROM unnest('{ratings,courses,users}'::text[]) AS t});
my $from = $publisher->connstr('postgres') . ' user=' . getpwuid($<);

# Creates a subscription to the publication of the same name in a database, and waits until all tables are copied.
sub subscribe
{
	my ($name, $database) = @_;
	$subscriber->safe_psql($database, qq{CREATE SUBSCRIPTION $name CONNECTION \$\$$from\$\$ PUBLICATION $name});
	wait_until("$name is copied", sub {
		$subscriber->safe_psql($database, q{SELECT bool_and(srsubstate IN ('r', 's')) FROM pg_subscription_rel}) eq 't' });
	applied($name);
	return;
}

# The subscriber has applied all that the publisher has done.
sub applied
{
	my ($subscription) = @_;
	$publisher->wait_for_catchup($subscription);
}

# --- ratings -----------------------------------------------------------------------------------------------

# In a database of its own.
$subscriber->safe_psql('postgres', 'CREATE DATABASE own');
$subscriber->safe_psql('own', "CREATE SCHEMA recsys; CREATE EXTENSION course_recsys SCHEMA recsys; $schema");
$publisher->safe_psql('postgres', 'CREATE PUBLICATION tables FOR TABLE ratings, courses, users');
subscribe('tables', 'own');
my $own = session($subscriber, database => 'own');
my $writer = session($publisher);
$own->query(q{SELECT register_dataset('school', 'ratings', 'courses', time_column => 'rated_at', genre_columns => '{odd,third}',
	users => 'users', user_feature_columns => '{region}')});
my $methods = $own->query('SELECT count(*) FROM recsys_methods()');
is($own->query(q{SELECT count(*) FROM recsys_methods(), train_model(method, method, dataset => 'school')}), $methods,
	'every method is trained on replicated tables');
my $same = q{SELECT md5(string_agg(r::text, ',' ORDER BY m.method, u, r.rank)) FROM recsys_methods() AS m,
	generate_series(1, 61) AS u, recommend_courses(u, m.method, 30) AS r};
$writer->query(q{SELECT publish_model('knn', 2)});
answers($own, $same, scalar $writer->query($same), 'and answers as on the publisher');
my $seen = q{SELECT string_agg(DISTINCT source, ',') FROM recommend_courses(1000, 'knn')};
answers($own, $seen, 'popular', 'a user without ratings');
$writer->query(q{INSERT INTO ratings SELECT 1000, i, 5, now() FROM generate_series(1, 5) AS i});
applied('tables');
answers($own, $seen, 'knn', 'ratings that arrive are used at once');
answers($own, $same, scalar $writer->query($same), 'on both servers');
$writer->query('DELETE FROM ratings WHERE user_id = 1000');
applied('tables');
answers($own, $seen, 'popular', 'and gone when they are deleted');
$writer->query(q{CREATE TABLE kept AS TABLE ratings; TRUNCATE ratings});
applied('tables');
answers($own, q{SELECT string_agg(DISTINCT source, ',') FROM recommend_courses(7, 'knn')}, 'popular', 'TRUNCATE arrives');
$writer->query(q{INSERT INTO ratings TABLE kept; DROP TABLE kept});
applied('tables');
answers($own, $same, scalar $writer->query($same), 'and the rows that follow');
$own->query('ALTER SUBSCRIPTION tables DISABLE; ALTER TABLE ratings ALTER user_id TYPE bigint; ALTER SUBSCRIPTION tables ENABLE');
answers($own, $same, scalar $writer->query($same), 'a wider key on the subscriber');
$own->query('DROP SUBSCRIPTION tables');
$own->quit;

# --- models --------------------------------------------------------------------------------------------------

$subscriber->safe_psql('postgres', $schema);
$publisher->safe_psql('postgres', 'CREATE PUBLICATION everything FOR ALL TABLES');
my $reader = session($subscriber);
raises($reader, q{SELECT * FROM recommend_courses(1, 'knn')}, '42704', 'model "knn" does not exist', 'no model yet');
subscribe('everything', 'postgres');

# Both servers give the same answers.
sub same_answers
{
	my ($name) = @_;
	applied('everything');
	answers($reader, $school_answers, scalar $writer->query($school_answers), $name);
}

same_answers('models that were copied are served, in a session that asked before');
is($writer->query(q{SELECT count(*) FROM recsys_methods(), train_model(method, method, '{"random_state": 7}', 'school')}), $methods,
	'the publisher trains');
same_answers('new versions');
$writer->query(q{SELECT rollback_model(method) FROM recsys_methods()});
same_answers('rollback_model');
$writer->query(q{SELECT publish_model('unpublished', 1)});
same_answers('publish_model');
$writer->query(q{UPDATE courses SET title = 'New ' || title; DELETE FROM ratings WHERE user_id = 3});
same_answers('changes of the data');
$writer->query(q{BEGIN; SELECT train_model('knn', dataset => 'school'); SELECT recommend_courses(1, 'knn'); ROLLBACK});
same_answers('a training that was rolled back');
$writer->query(q{SELECT drop_model('unpublished')});
applied('everything');
raises($reader, q{SELECT * FROM recommend_courses(1, 'unpublished')}, '42704', 'model "unpublished" does not exist', 'drop_model');
$writer->query(q{CREATE VIEW good_courses AS SELECT * FROM courses WHERE id > 10});
$reader->query(q{CREATE VIEW good_courses AS SELECT * FROM courses WHERE id > 10});
$writer->query(q{SELECT register_dataset('school', 'ratings', 'good_courses', time_column => 'rated_at', genre_columns => '{odd,third}',
	users => 'users', user_feature_columns => '{region}')});
same_answers('a dataset that was replaced');
$writer->query('TRUNCATE recsys_model, recsys_model_data');
applied('everything');
raises($reader, q{SELECT * FROM recommend_courses(1, 'knn')}, '42704', 'model "knn" does not exist', 'TRUNCATE of the models');
$writer->query(q{SELECT train_model('knn', dataset => 'school')});
same_answers('trained again from the first version');

# The subscriber has a model of its own name: both go on.
is($reader->query(q{SELECT version FROM train_model('mine', 'popular', dataset => 'school')}), 1, 'the subscriber trains a model of its own');
$writer->query(q{SELECT train_model('knn', dataset => 'school')});
applied('everything');
is($reader->query(q{SELECT string_agg(model || version, ',' ORDER BY model) FROM recsys_models}), 'knn2,mine1', 'beside those that arrive');

$_->quit for $reader, $writer;
$subscriber->safe_psql('postgres', 'DROP SUBSCRIPTION everything');
$_->stop for $subscriber, $publisher;
done_testing();
