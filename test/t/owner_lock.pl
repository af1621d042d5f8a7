# Who may not change a dataset or model is told so at once, and never waits for its lock: in the queue it would
# stop everybody behind it.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Recsys;
use Test::More;

my $node = new_server('owner_lock', 'fsync = off');
$node->safe_psql('postgres', q{
	CREATE ROLE owner LOGIN;
	CREATE ROLE stranger LOGIN;
	GRANT USAGE ON SCHEMA recsys TO PUBLIC;
	CREATE TABLE ratings AS SELECT u AS user_id, c AS course_id, 1.0 + (u + c) % 5 AS rating
		FROM generate_series(1, 20) u, generate_series(1, 10) c WHERE (u + c) % 3 > 0;
	GRANT SELECT ON ratings TO PUBLIC;
	SET ROLE owner;
	SELECT register_dataset('default', 'ratings');
	SELECT train_model('knn')});

# The owner keeps all locks of a training run.
my $owner = session($node, user => 'owner');
$owner->query('BEGIN');
$owner->query("SELECT train_model('knn')");
my $stranger = session($node, user => 'stranger');
$stranger->query("SET lock_timeout = '1s'");
for my $call ("register_dataset('default', 'ratings')", "drop_dataset('default')", "train_model('knn')",
	"publish_model('knn', 1)", "rollback_model('knn')", "drop_model('knn')")
{
	raises($stranger, "SELECT $call", '42501', 'must be owner', "$call is refused without waiting");
}
$owner->query('COMMIT');
$_->quit for $owner, $stranger;
done_testing();
