# A database with the extension survives pg_dump and restore: same schema, same version, datasets and models with it.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use PostgreSQL::Test::Utils;
use Recsys;
use Test::More;

my $node = new_server('dump', 'fsync = off');
add_dataset($node, 'plain', 3_000, 2_000, 80_000);
$node->safe_psql('postgres', q{
	SELECT train_model('items', 'knn', dataset => 'plain');
	SELECT train_model('items', 'knn', '{"neighbors": 20}', 'plain');
	SELECT train_model('neighbours', 'knn', '{"user_based": true}', 'plain');
	SELECT train_model('genres', 'user_profile', dataset => 'plain', publish => false)});

# Another dataset, models of every method, and a model of a role that is no superuser.
add_school($node);
$node->safe_psql('postgres', q{
	CREATE ROLE trainer LOGIN;
	GRANT USAGE ON SCHEMA recsys TO trainer;
	GRANT SELECT ON ratings, courses, users TO trainer;
	SET ROLE trainer;
	SELECT train_model('hers', 'knn', dataset => 'school');
	SELECT count(*) FROM evaluate_method('knn', dataset => 'school', options => '{"store": true}');
	RESET ROLE;
	CREATE MATERIALIZED VIEW ready AS SELECT * FROM recommend_all('knn', 3)});

my $ready = q{SELECT md5(string_agg(r::text, ',' ORDER BY user_id COLLATE "C", rank)) FROM ready AS r};
my $installed = q{SELECT extnamespace::regnamespace, extversion FROM pg_extension WHERE extname = 'course_recsys'};
my $versions = q{SELECT string_agg(concat_ws(' ', model, version, published, published_at, withdrawn, owner, params, fingerprint, bytes, build),
	',' ORDER BY model, version) FROM recsys_model};
my $contents = q{SELECT md5(string_agg(md5(data), '' ORDER BY build, chunk)) FROM recsys_model_data};
my $serve = q{SELECT string_agg(course_id || ' ' || title || ' ' || score, ',') FROM recommend_courses(7, 'items', 20)};
my $evaluations = q{SELECT md5(string_agg(e::text, ',' ORDER BY e::text)) FROM recsys_evaluations AS e};
my %source = map { $_ => scalar $node->safe_psql('postgres', $_) } $installed, $versions, $contents, $serve, $school_answers, $ready,
	$evaluations;
like($source{$installed}, qr/^recsys\|\d+\.\d+\.\d+$/, 'the extension is in the source');
is($node->safe_psql('postgres', 'SELECT count(*) > 4 FROM recsys_model_data'), 't', 'its models have several chunks');

my $methods = $node->safe_psql('postgres', 'SELECT count(*) FROM recsys_methods()');

# Makes a database, restores into it with the command, and opens a session there.
sub restored
{
	my ($database, $name, @command) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	$node->command_ok([ @command ], "$name: restore succeeds");
	return session($node, database => $database);
}

# The database has what the source has, and goes on from there.
sub check_equal
{
	my ($session, $name) = @_;
	answers($session, $_->[0], $source{$_->[0]}, "$name: $_->[1]") for [ $installed, 'the same schema and version' ],
		[ $versions, 'the same models' ], [ $contents, 'the same bytes' ], [ $serve, 'the same answers' ],
		[ $school_answers, 'the same answers of every method' ], [ $ready, 'the same materialized answers' ],
		[ $evaluations, 'the same stored evaluations' ];
	answers($session, q{SELECT version FROM train_model('items', 'knn', dataset => 'plain')}, 3, "$name: training makes the next version");
	answers($session, q{SELECT rollback_model('items')}, 2, "$name: which can be rolled back");
	answers($session, $serve, $source{$serve}, "$name: to what was restored");
	answers($session, q{SELECT count(*) FROM recsys_methods(), train_model(method, method, dataset => 'school') AS t WHERE t.version = 3},
		$methods, "$name: every method trains its next version");
	answers($session, q{SELECT rollback_model('knn')}, 1, "$name: a version that was withdrawn is not rolled back to");
	$session->quit;
}

my $base = $node->basedir;
my @psql = ('psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1');

$node->command_ok([ 'pg_dump', '-f', "$base/plain.sql", 'postgres' ], 'pg_dump succeeds');
check_equal(restored('plain', 'a script', @psql, '-f', "$base/plain.sql", 'plain'), 'a script');

# All of the server, into another one, where afterwards the owner of a model does not exist.
my $target = PostgreSQL::Test::Cluster->new('target');
$target->init;
$target->append_conf('postgresql.conf', "search_path = 'public, recsys'\nmax_wal_size = 4GB\nfsync = off\n");
$target->start;
$node->safe_psql('postgres', 'DROP DATABASE plain');
$node->command_ok([ 'pg_dumpall', '-f', "$base/all.sql" ], 'pg_dumpall succeeds');
$target->command_ok([ 'psql', '-X', '-q', '-f', "$base/all.sql", 'postgres' ], 'and is restored into another server');
check_equal(session($target), 'all databases');
$target->safe_psql('postgres', 'DROP OWNED BY trainer; DROP ROLE trainer; CREATE ROLE clerk LOGIN; CREATE DATABASE noowner');
$node->command_ok([ 'pg_dump', '-Fc', '-f', "$base/custom", 'postgres' ], 'pg_dump in the custom format succeeds');
$target->command_ok([ 'pg_restore', '--exit-on-error', '--no-owner', '--no-privileges', '-d', 'noowner', "$base/custom" ],
	'the owner is missing: restore succeeds');
$target->safe_psql('noowner', q{GRANT USAGE ON SCHEMA recsys TO clerk; GRANT SELECT ON ratings, courses, users TO clerk});
my $clerk = session($target, database => 'noowner', user => 'clerk');
answers($clerk, q{SELECT count(*), min(source) FROM recommend_courses(7, 'hers', 5)}, '5|hers', 'the owner is missing: the model is served');
raises($clerk, $_, '42501', 'must be owner of model "hers".*role that owns it does not exist.*column "owner"',
	"the owner is missing: the error says so: $_")
	for q{SELECT train_model('hers', 'knn', dataset => 'school')}, q{SELECT rollback_model('hers')}, q{SELECT drop_model('hers')};
is($target->safe_psql('noowner', q{SELECT version FROM train_model('hers', 'knn', dataset => 'school')}), 2, 'the owner is missing: a superuser trains');
$target->safe_psql('noowner', q{UPDATE recsys.recsys_model SET owner = 'clerk' WHERE model = 'hers'});
answers($clerk, q{SELECT version FROM train_model('hers', 'knn', dataset => 'school')}, 3, 'the owner is missing: another role becomes the owner');
answers($clerk, q{SELECT string_agg(DISTINCT owner, ',') FROM recsys_model_versions WHERE model = 'hers'}, 'clerk', 'of all versions');
$clerk->quit;

# Dumped by a role that is no superuser.
$node->safe_psql('postgres', 'CREATE ROLE dumper LOGIN; GRANT USAGE ON SCHEMA public, recsys TO dumper; GRANT SELECT ON ALL TABLES IN SCHEMA public TO dumper');
$node->command_fails_like([ 'pg_dump', '-U', 'dumper', '-f', "$base/never.sql", 'postgres' ], qr/permission denied for table recsys_/,
	'a role that may not read the extension\'s tables cannot dump');
$node->safe_psql('postgres', 'GRANT pg_read_all_data TO dumper');
$node->command_ok([ 'pg_dump', '-U', 'dumper', '-Fc', '-f', "$base/dumper", 'postgres' ], 'a role of pg_read_all_data can');
check_equal(restored('dumped', 'by another role', 'pg_restore', '--exit-on-error', '-d', 'dumped', "$base/dumper"), 'by another role');

# The extension is there, in another schema.
$node->safe_psql('postgres', 'CREATE DATABASE moved');
$node->safe_psql('moved', 'CREATE SCHEMA elsewhere; CREATE EXTENSION course_recsys SCHEMA elsewhere');
$node->command_fails_like([ 'pg_restore', '--exit-on-error', '-d', 'moved', "$base/custom" ], qr/recsys\.\S+.* does not exist/,
	'the extension in another schema: restore says so');
$node->safe_psql('moved', 'DROP SCHEMA public, recsys CASCADE; CREATE SCHEMA public; ALTER SCHEMA elsewhere RENAME TO recsys');
$node->command_ok([ 'pg_restore', '-d', 'moved', '--section=pre-data', '-n', 'public', "$base/custom" ], 'its schema renamed, the tables');
$node->command_ok([ 'pg_restore', '--exit-on-error', '-d', 'moved', '--data-only', '--disable-triggers', "$base/custom" ], 'and the rows without triggers');
my $moved = session($node, database => 'moved');
my $triggers = q{SELECT string_agg(tgenabled::text, '' ORDER BY tgname) FROM pg_trigger WHERE tgname ~ '^recsys_'};
answers($moved, $triggers, 'OOOO', 'triggers are no longer those that always fire');
$moved->query(q{ALTER TABLE recsys_dataset ENABLE ALWAYS TRIGGER recsys_dataset_change; ALTER TABLE recsys_dataset ENABLE ALWAYS TRIGGER recsys_dataset_truncate;
	ALTER TABLE recsys_model ENABLE ALWAYS TRIGGER recsys_model_change; ALTER TABLE recsys_model ENABLE ALWAYS TRIGGER recsys_model_truncate});
answers($moved, $triggers, 'AAAA', 'until that is restored by hand');
answers($moved, $_, $source{$_}, 'the extension in another schema: equal') for $versions, $contents, $school_answers;
$moved->quit;
$node->safe_psql('postgres', "DROP DATABASE $_") for 'dumped', 'moved';

$node->command_ok([ 'pg_dump', '-Fd', '-j2', '-f', "$base/parallel", 'postgres' ], 'pg_dump in parallel succeeds');
my $session = restored('parallel', 'in parallel', 'pg_restore', '-j2', '--exit-on-error', '-d', 'parallel', "$base/parallel");
answers($session, $serve, $source{$serve}, 'in parallel: it serves');

# Into a database that is in use, over what is there.
$session->query(q{SELECT train_model('items', 'popular', dataset => 'plain')});
$node->command_ok([ 'pg_restore', '--clean', '--exit-on-error', '-d', 'parallel', "$base/parallel" ], 'restore over what is there');
check_equal($session, 'restored over what was there');

# Rows alone, as after CREATE EXTENSION by hand.
$node->safe_psql('postgres', 'CREATE DATABASE rows');
$node->safe_psql('rows', 'CREATE SCHEMA recsys; CREATE EXTENSION course_recsys SCHEMA recsys');
$session = session($node, database => 'rows');
raises($session, $serve, '42704', 'model "items" does not exist', 'rows alone: not yet there');
$node->command_ok([ 'pg_restore', '--data-only', '--exit-on-error', '-n', 'recsys', '-d', 'rows', "$base/parallel" ],
	'rows alone: restore succeeds');
raises($session, $serve, '42P01', 'relation public\.ratings_plain of dataset "plain" does not exist', 'rows alone: seen by an open session');
$session->quit;

$node->command_ok([ 'pg_dump', '--schema-only', '-f', "$base/schema.sql", 'postgres' ], 'pg_dump of the schema succeeds');
$session = restored('schema', 'schema only', @psql, '-f', "$base/schema.sql", 'schema');
answers($session, $installed, $source{$installed}, 'schema only: the extension is there');
raises($session, $serve, '42704', 'model "items" does not exist', 'schema only: no model');
$session->quit;

$node->command_ok([ 'pg_dump', '-T', 'ratings_plain', '-f', "$base/without.sql", 'postgres' ], 'pg_dump without the ratings succeeds');
$session = restored('without', 'without the ratings', @psql, '-f', "$base/without.sql", 'without');
answers($session, $versions, $source{$versions}, 'without the ratings: the models are there');
raises($session, $serve, '42P01', 'relation public\.ratings_plain of dataset "plain" does not exist', 'without the ratings: serving says so');
raises($session, q{SELECT train_model('items', dataset => 'plain', method => 'knn')}, '42P01', 'relation public\.ratings_plain of dataset "plain"',
	'without the ratings: training, too');
$session->query('CREATE TABLE ratings_plain (user_id int, course_id int, rating real)');
answers($session, q{SELECT count(*), min(source) FROM recommend_courses(7, 'items', 20)}, '20|popular',
	'an empty table of that name: everybody is a new user');
$session->quit;

$_->stop for $node, $target;
done_testing();
