# What a session that trains, serves or changes a model holds, and who waits for whom: docs/operating.md says so.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Recsys;
use Test::More;

my $node = new_server('locks', 'fsync = off', 'autovacuum = off');
add_dataset($node, 'plain', 200, 50, 5_000);
$node->safe_psql('postgres', q{
	CREATE MATERIALIZED VIEW ratings_stored AS SELECT * FROM ratings_plain;
	SELECT register_dataset('stored', 'ratings_stored', 'courses_plain');
	SELECT train_model('m', 'knn', dataset => 'stored') FROM generate_series(1, 3);
	SELECT train_model('other', 'popular', dataset => 'stored')});

my $holder = session($node);
my $other = session($node);
$other->query("SET lock_timeout = '30ms'");

# The locks that sql takes and keeps until the end of its transaction, indexes left out: relation or "name of a
# model", "name of a dataset", with the mode.
sub locks_of
{
	my ($sql) = @_;
	$holder->query("BEGIN; DO \$do\$ BEGIN PERFORM $sql; END \$do\$");
	my $locks = $holder->query(q{
		SELECT string_agg(what || ' ' || mode, ', ' ORDER BY what, mode) FROM (
			SELECT CASE locktype WHEN 'advisory' THEN 'name in ' || classid::regclass ELSE relation::regclass::text END AS what, mode
			FROM pg_locks l LEFT JOIN pg_class c ON c.oid = l.relation
			WHERE pid = pg_backend_pid() AND (locktype = 'advisory' AND objsubid = 3 OR relkind IN ('r', 'm')
				AND relnamespace <> 'pg_catalog'::regnamespace)) l});
	$holder->query('ROLLBACK');
	return $locks;
}

my $registry = 'recsys_model AccessShareLock, recsys_model RowExclusiveLock';
my $sources = 'courses_plain AccessShareLock, %sratings_stored AccessShareLock';
$holder->query("SELECT count(*) FROM recommend_courses(1, 'm')");
is(locks_of("recommend_courses(1, 'm')"), sprintf($sources, ''), 'serving from the cache: the tables of the dataset');
is(locks_of("recommend_all('m')"), sprintf($sources, ''), 'serving all users: the same');
is(locks_of("* FROM train_model('m', 'knn', dataset => 'stored')"),
	sprintf($sources, 'name in recsys_dataset ShareLock, name in recsys_model ExclusiveLock, ')
		. ", recsys_dataset AccessShareLock, $registry, recsys_model_data RowExclusiveLock", 'training');
for my $change ("publish_model('m', 2)", "rollback_model('m')")
{
	like(locks_of($change), qr/^name in recsys_model ExclusiveLock, $registry(, recsys_model_data RowExclusiveLock)?$/, $change);
}
is(locks_of("drop_model('m')"), "name in recsys_model ExclusiveLock, $registry, recsys_model_data RowExclusiveLock",
	'drop_model');
is(locks_of("register_dataset('more', 'ratings_stored')"),
	'name in recsys_dataset ExclusiveLock, ratings_stored AccessShareLock, recsys_dataset AccessShareLock, recsys_dataset RowExclusiveLock',
	'register_dataset');
my $fresh = session($node);
is($fresh->query(q{BEGIN; SELECT count(*) FROM recommend_courses(1, 'm');
	SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND relation IN ('recsys_model'::regclass, 'recsys_model_data'::regclass)
		AND mode = 'AccessShareLock'; ROLLBACK}), "10\n2", 'serving for the first time: also the stored model');
$fresh->quit;

# While another session has done `held` in an open transaction: which of these must wait?
sub blocks
{
	my ($held, $name, $waiting, $going_on) = @_;
	$holder->query("BEGIN; DO \$do\$ BEGIN PERFORM $held; END \$do\$");
	for my $expected ([ 1, @$waiting ], [ 0, @$going_on ])
	{
		my ($waits, @statements) = @$expected;
		for my $sql (@statements)
		{
			my $unblockable = $sql =~ /^VACUUM/;
			my (undef, $error) = $other->query($unblockable ? $sql : "BEGIN; $sql");
			is($error =~ /^ERROR:  55P03/ ? 1 : 0, $waits, "$name: " . ($waits ? "waits: $sql" : "goes on: $sql")) or diag($error);
			is($error, '', 'without an error') if !$waits;
			$other->query('ROLLBACK') if !$unblockable;
		}
	}
	$holder->query('ROLLBACK');
}

my $train = "SELECT train_model('m', 'popular', dataset => 'stored')";
my $skip = "SELECT train_model('m', 'popular', dataset => 'stored', wait => false)";
my $serve = "SELECT * FROM recommend_courses(1, 'm')";
my @changes = ("SELECT publish_model('m', 2)", "SELECT rollback_model('m')", "SELECT drop_model('m')");
my @of_dataset = ("SELECT register_dataset('stored', 'ratings_stored', 'courses_plain')", "SELECT drop_dataset('stored')");
my @ddl = ('TRUNCATE courses_plain', 'ALTER TABLE courses_plain ADD COLUMN more int', 'DROP TABLE courses_plain CASCADE',
	'REFRESH MATERIALIZED VIEW ratings_stored', 'LOCK TABLE courses_plain', 'VACUUM FULL courses_plain', 'REINDEX TABLE courses_plain');
my @harmless = ("INSERT INTO courses_plain VALUES (1000, 'New', 0, 0, 0)", 'DELETE FROM courses_plain', 'CREATE INDEX ON courses_plain (title)',
	'VACUUM courses_plain', 'VACUUM ANALYZE recsys_model', 'VACUUM recsys_model_data',
	'SELECT * FROM recsys_models', 'SELECT * FROM recsys_model_versions', 'SELECT * FROM recsys_progress');

blocks("* FROM train_model('m', 'knn', dataset => 'stored')", 'training', [ $train, @changes, @of_dataset, @ddl ],
	[ $serve, $skip, "SELECT train_model('other', 'popular', dataset => 'stored')", @harmless,
		"SELECT register_dataset('more', 'ratings_stored')" ]);
blocks("recommend_courses(1, 'm')", 'serving', \@ddl,
	[ $serve, $train, @changes, $of_dataset[0], @harmless ]);
blocks("publish_model('m', 2)", 'publishing', [ $train, @changes ], [ $serve, $skip, @ddl, @harmless ]);

# Whoever waits for a table makes those wait who come after.
$holder->query("BEGIN; $train");
my $ddl = session($node);
$ddl->begin('TRUNCATE courses_plain');
wait_until('TRUNCATE waits', sub { $node->safe_psql('postgres', "SELECT count(*) FROM pg_locks WHERE pid = $ddl->{pid} AND NOT granted") });
my (undef, $error) = $other->query($serve);
like($error, qr/^ERROR:  55P03/, 'serving waits behind TRUNCATE, which waits for training');
$holder->query('ROLLBACK');
$ddl->finish;

# The snapshot of a run holds vacuum back for as long as its transaction lasts under REPEATABLE READ, and for as long as
# the statement runs otherwise.
my $horizon = "SELECT backend_xmin IS NOT NULL FROM pg_stat_activity WHERE pid = $holder->{pid}";
$holder->query("BEGIN ISOLATION LEVEL REPEATABLE READ; $train");
is($node->safe_psql('postgres', $horizon), 't', 'REPEATABLE READ: the snapshot stays');
$holder->query('COMMIT');
is($node->safe_psql('postgres', $horizon), 'f', 'until the end');
$holder->query("BEGIN; $train");
is($node->safe_psql('postgres', $horizon), 'f', 'READ COMMITTED: it is gone with the statement');
$holder->query('ROLLBACK');

$_->quit for $holder, $other, $ddl;
$node->stop;
done_testing();
