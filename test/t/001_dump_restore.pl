# A database with the extension survives pg_dump and restore: same schema, same version.
use strict;
use warnings;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('dump');
$node->init;
$node->start;
$node->safe_psql('postgres', $_) for 'CREATE DATABASE source', 'CREATE DATABASE target';
$node->safe_psql('source', 'CREATE SCHEMA recsys; CREATE EXTENSION course_recsys SCHEMA recsys');

my $dump = $node->basedir . '/source.sql';
$node->command_ok([ 'pg_dump', '-f', $dump, 'source' ], 'pg_dump succeeds');
$node->command_ok([ 'psql', '-X', '-q', '-v', 'ON_ERROR_STOP=1', '-f', $dump, 'target' ], 'restore succeeds');

my $installed = q{SELECT extnamespace::regnamespace, extversion FROM pg_extension WHERE extname = 'course_recsys'};
my $before = $node->safe_psql('source', $installed);
like($before, qr/^recsys\|\d+\.\d+\.\d+$/, 'the extension is in the source');
is($node->safe_psql('target', $installed), $before, 'the target has it in the same schema and version');

$node->stop;
done_testing();
