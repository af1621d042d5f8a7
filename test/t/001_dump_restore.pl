# A database with the extension survives pg_dump and restore: same schema, same version, datasets and models with it.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use PostgreSQL::Test::Utils;
use Recsys;
use Test::More;

my $node = new_server('dump', 'fsync = off');
add_dataset($node, 'plain', 3_000, 2_000, 150_000);
$node->safe_psql('postgres', q{
	SELECT train_model('items', 'knn', dataset => 'plain');
	SELECT train_model('items', 'knn', '{"neighbors": 20}', 'plain');
	SELECT train_model('users', 'knn', '{"user_based": true}', 'plain');
	SELECT train_model('genres', 'user_profile', dataset => 'plain', publish => false)});

my $installed = q{SELECT extnamespace::regnamespace, extversion FROM pg_extension WHERE extname = 'course_recsys'};
my $versions = q{SELECT string_agg(concat_ws(' ', model, version, published, published_at, owner, params, fingerprint, bytes, build),
	',' ORDER BY model, version) FROM recsys_model};
my $contents = q{SELECT md5(string_agg(md5(data), '' ORDER BY build, chunk)) FROM recsys_model_data};
my $serve = q{SELECT string_agg(course_id || ' ' || title || ' ' || score, ',') FROM recommend_courses(7, 'items', 20)};
my %source = map { $_ => scalar $node->safe_psql('postgres', $_) } $installed, $versions, $contents, $serve;
like($source{$installed}, qr/^recsys\|\d+\.\d+\.\d+$/, 'the extension is in the source');
is($node->safe_psql('postgres', 'SELECT count(*) > 4 FROM recsys_model_data'), 't', 'its models have several chunks');

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
		[ $versions, 'the same models' ], [ $contents, 'the same bytes' ], [ $serve, 'the same answers' ];
	answers($session, q{SELECT version FROM train_model('items', 'knn', dataset => 'plain')}, 3, "$name: training makes the next version");
	answers($session, q{SELECT rollback_model('items')}, 2, "$name: which can be rolled back");
	answers($session, $serve, $source{$serve}, "$name: to what was restored");
	$session->quit;
}

my $base = $node->basedir;
my @psql = ('psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1');

$node->command_ok([ 'pg_dump', '-f', "$base/plain.sql", 'postgres' ], 'pg_dump succeeds');
check_equal(restored('plain', 'a script', @psql, '-f', "$base/plain.sql", 'plain'), 'a script');

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

$node->stop;
done_testing();
