# Training and answers over all users stay within course_recsys.max_memory; what does not fit is refused, before it
# takes memory where that can be known.  Memory is the peak of the backend's resident set, as the kernel counts it.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Recsys;
use Test::More;

plan skip_all => 'needs /proc' unless -w '/proc/self/clear_refs';

my $overhead = 12;              # MB besides the limit: caches, plans, buffers

# Few shared buffers: the resident set counts those that the backend has touched.
my $node = new_server('memory', 'fsync = off', 'shared_buffers = 4MB', 'course_recsys.threads = 2');
add_dataset($node, 'plain', 100_000, 1_000, 1_500_000);
$node->safe_psql('postgres', q{
	SELECT train_model('trained', 'user_profile', dataset => 'plain');
	-- The planner expects ten rows.
	CREATE FUNCTION many_ratings() RETURNS SETOF ratings_plain ROWS 10 LANGUAGE plpgsql AS
		'BEGIN RETURN QUERY SELECT * FROM ratings_plain; END';
	CREATE VIEW ratings_unknown AS SELECT * FROM many_ratings();
	SELECT register_dataset('unknown', 'ratings_unknown');
	CREATE TABLE ratings_stale AS SELECT * FROM ratings_plain;
	SELECT register_dataset('stale', 'ratings_stale')});
$node->safe_psql('postgres', q{
	VACUUM ANALYZE ratings_stale;
	UPDATE pg_class SET reltuples = 20 WHERE relname = 'ratings_stale'});

my $session = session($node);

# Runs sql under a limit, in a new session that has read the tables before, and checks the peak of memory: at most
# `allowed` MB more than before.
sub stays_within
{
	my ($limit, $allowed, $sql, $name) = @_;
	$session->quit;
	$session = session($node);
	$session->query("SELECT count(*), sum(rating) FROM ratings_plain; SELECT count(*) FROM recommend_courses(1, 'trained')");
	$session->query("SET course_recsys.max_memory = '${limit}MB'");
	my $before = $session->forget_peak;
	my ($rows, $error) = $session->query($sql);
	my $taken = $session->memory('VmHWM') - $before;
	cmp_ok($taken, '<', $allowed, sprintf '%s: %.1f MB above the %.1f MB before', $name, $taken, $before);
	return ($rows, $error, $taken);
}

# The error for what does not fit: what is needed, the limit, the setting.
sub refused
{
	my ($error, $limit, $name) = @_;
	like($error, qr/^ERROR:  53400: memory required exceeds the limit$/m, "$name: refused");
	like($error, qr/^DETAIL:  This needs at least \d+\.\d MB; the limit is $limit\.0 MB\.$/m, "$name: need and limit");
	like($error, qr/^HINT:  Increase the setting "course_recsys\.max_memory"/m, "$name: setting");
}

# Trains on a dataset.
sub train
{
	my ($dataset, $method) = @_;
	return "SELECT ratings > 1400000 FROM train_model('m', '$method', dataset => '$dataset')";
}

my ($rows, $error) = stays_within(16, 3, train('plain', 'knn'), 'known not to fit');
refused($error, 16, 'known not to fit');

($rows, $error, my $taken) = stays_within(16, 16 + $overhead, train('stale', 'popular'), 'stale statistics');
refused($error, 16, 'stale statistics');
cmp_ok($taken, '>', 8, 'stale statistics: noticed while loading');

($rows, $error, $taken) = stays_within(16, 16 + $overhead, train('unknown', 'popular'), 'a view of unknown size');
refused($error, 16, 'a view of unknown size');
cmp_ok($taken, '>', 8, 'a view of unknown size: noticed while loading');

my ($need) = $session->query("SELECT ceil(bytes / 1e6) + 8 FROM estimate_training('knn', dataset => 'plain') WHERE phase = 'total'");
($rows, $error) = stays_within($need, $need + $overhead, train('plain', 'knn'), 'what estimate_training() says');
is("$rows$error", 't', 'what estimate_training() says is enough');

($rows, $error) = stays_within(16, 16 + $overhead, "SELECT count(*) FROM recommend_all('trained', 1)", 'recommend_all');
refused($error, 16, 'recommend_all');
($rows, $error) = stays_within(128, 128 + $overhead, "SELECT count(*) >= 99000 FROM recommend_all('trained', 1)", 'recommend_all');
is("$rows$error", 't', 'recommend_all with enough memory answers');

# Without a setting of its own, the server's limit of maintenance commands holds.
($rows, $error) = $session->query("SET course_recsys.max_memory = -1; SET maintenance_work_mem = '16MB'; " . train('plain', 'popular'));
refused($error, 16, 'maintenance_work_mem');
($rows, $error) = $session->query("SET maintenance_work_mem = '512MB'; " . train('plain', 'popular'));
is("$rows$error", 't', 'the session trains afterwards');
is($session->query("SELECT count(*) FROM recsys_model WHERE model = 'm' AND version > 2"), 0, 'what was refused left no version');

$session->quit;
$node->stop;
done_testing();
