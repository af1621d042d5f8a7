# PREPARE TRANSACTION after training: the lock stays with the prepared transaction, also over a restart and a crash;
# COMMIT PREPARED publishes in all open sessions, ROLLBACK PREPARED leaves nothing.  Every method.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Recsys;
use Test::More;

my $node = new_server('prepared', 'fsync = off', 'max_prepared_transactions = 10', 'shared_buffers = 16MB');
add_whole_dataset($node, 'plain', 400, 60, 4_000);
my ($first, $second, $watcher);
my @methods = methods($node);
my $held = 'SELECT count(*) FROM pg_locks WHERE locktype = \'advisory\' AND mode = \'ExclusiveLock\'';

# Opens the three sessions.
sub connect_all
{
	($first, $second, $watcher) = map { session($node) } 1 .. 3;
	return;
}

# Starts the server again, after an orderly stop or a crash.
sub restart
{
	my ($mode) = @_;
	$_->quit for $first, $second, $watcher;
	$node->stop($mode);
	$node->start;
	connect_all();
	return;
}

# SQL that trains the model of a method.
sub training
{
	my ($method) = @_;
	return "SELECT version FROM train_model('m_$method', '$method', dataset => 'plain')";
}

# What a model answers, in one line.
sub answer
{
	my ($method) = @_;
	return qq{SELECT string_agg(u || ' ' || course_id || ' ' || COALESCE(score, -1), ',' ORDER BY u, rank)
		FROM unnest('{5,77,999999}'::int[]) AS u, recommend_courses(u, 'm_$method')};
}

# What the first and the second version of each model answer.
my (%old, %new);

# What is served, in all three sessions, to a session that has it cached.
sub all_serve
{
	my ($method, $expected, $name) = @_;
	answers($_, answer($method), $expected, $name) for $first, $second, $watcher;
	return;
}

# Version 1 of each model learns from half of the courses' texts and the ratings, and version 2 from others; the ratings
# that are served stay as they are.
connect_all();
$first->query(q{CREATE TABLE all_ratings AS TABLE ratings_plain; CREATE TABLE all_courses AS TABLE courses_plain});
my $change = q{UPDATE ratings_plain SET rating = 6 - rating WHERE user_id % 3 = 0;
	DELETE FROM ratings_plain WHERE user_id % 2 = 0 AND course_id < 9;
	UPDATE courses_plain SET description = 'topic' || id % 2, g1 = 1 - g1 WHERE id % 3 = 0};
my $restore = q{DELETE FROM ratings_plain; INSERT INTO ratings_plain TABLE all_ratings;
	UPDATE courses_plain c SET description = a.description, g1 = a.g1 FROM all_courses a WHERE a.id = c.id};
for my $method (@methods)
{
	is($first->query(training($method)), 1, "$method: version 1");
	$old{$method} = $first->query(answer($method));
	$first->query("BEGIN; $change; " . training($method) . "; $restore");
	$new{$method} = $first->query(answer($method));
	$first->query('ROLLBACK');
	isnt($new{$method}, $old{$method}, "$method: the two versions answer differently");
	all_serve($method, $old{$method}, "$method: the first is served");
}

for my $method (@methods)
{
	$first->query("BEGIN; $change");
	is($first->query(training($method)), 2, "$method: training in a transaction");
	$first->query($restore);
	is($first->query(answer($method)), $new{$method}, "$method: which serves the new version");
	$first->query("PREPARE TRANSACTION '$method'");
	all_serve($method, $old{$method}, "$method: prepared, the old version is served, also by the session that trained");
	is($watcher->query($held), 1, "$method: the lock stays");
	is($watcher->query('SELECT count(*) FROM recsys_progress'), 0, "$method: no run is shown");
	is($_->query("SELECT count(*) FROM train_model('m_$method', '$method', dataset => 'plain', wait => false)"), 0,
		"$method: wait => false skips") for $first, $second;
	raises($second, "SET lock_timeout = '20ms'; " . training($method), '55P03', 'lock timeout', "$method: others wait");
	$second->query('RESET lock_timeout');
	$watcher->query("COMMIT PREPARED '$method'");
	all_serve($method, $new{$method}, "$method: COMMIT PREPARED publishes in every session");
	is($watcher->query($held), 0, "$method: the lock is gone");

	$first->query("BEGIN; SELECT rollback_model('m_$method'); PREPARE TRANSACTION '$method'");
	all_serve($method, $new{$method}, "$method: a prepared rollback_model changes nothing");
	$watcher->query("ROLLBACK PREPARED '$method'");
	all_serve($method, $new{$method}, "$method: nor does its ROLLBACK PREPARED");
	$first->query("BEGIN; SELECT rollback_model('m_$method'); PREPARE TRANSACTION '$method'");
	$watcher->query("COMMIT PREPARED '$method'");
	all_serve($method, $old{$method}, "$method: COMMIT PREPARED of rollback_model does");
	is($second->query(training($method)), 3, "$method: training goes on with the next number");
	$second->query("SELECT publish_model('m_$method', 1)");
}

# --- over a restart -------------------------------------------------------------------------------------

my ($kept, $dropped, $other) = (@methods, @methods)[0 .. 2];
for my $mode ('fast', 'immediate')
{
	$first->query("BEGIN; $change; " . training($kept) . "; $restore; PREPARE TRANSACTION 'kept'");
	$second->query("BEGIN; SELECT drop_model('m_$dropped'); PREPARE TRANSACTION 'dropped'");
	$second->query("BEGIN; SELECT version FROM train_model('fresh', '$other', dataset => 'plain'); PREPARE TRANSACTION 'fresh'");
	restart($mode);
	is($watcher->query($held), 3, "stop -m $mode: the locks are there again");
	answers($_, answer($kept), $old{$kept}, "stop -m $mode: the old version is served") for $first, $second;
	answers($second, answer($dropped), $old{$dropped}, "stop -m $mode: as is the one to be dropped");
	is($first->query("SELECT count(*) FROM train_model('m_$kept', '$kept', dataset => 'plain', wait => false)"), 0,
		"stop -m $mode: wait => false skips");
	is($first->query("SELECT count(*) FROM train_model('fresh', '$other', dataset => 'plain', wait => false)"), 0,
		"stop -m $mode: also for a model that is not there yet");
	$second->begin("SELECT version > 3 FROM train_model('m_$kept', '$kept', dataset => 'plain')");
	wait_until('the second session waits', sub {
		$watcher->query("SELECT phase FROM recsys_progress WHERE pid = $second->{pid}") eq 'waiting' });
	$watcher->query("COMMIT PREPARED 'kept'");
	is($second->finish, 't', "stop -m $mode: a session that waited trains after COMMIT PREPARED");
	$second->query("SELECT rollback_model('m_$kept')");
	answers($_, answer($kept), $new{$kept}, "stop -m $mode: the prepared version is served") for $first, $second;
	$watcher->query("ROLLBACK PREPARED 'dropped'");
	answers($second, answer($dropped), $old{$dropped}, "stop -m $mode: ROLLBACK PREPARED of drop_model");
	$watcher->query("ROLLBACK PREPARED 'fresh'");
	raises($first, "SELECT * FROM recommend_courses(1, 'fresh')", '42704', 'model "fresh"', "stop -m $mode: a model that was never committed");
	is($first->query("BEGIN; SELECT version FROM train_model('fresh', '$other', dataset => 'plain', wait => false); ROLLBACK"), 1,
		"stop -m $mode: its name is free");
	$first->query("SELECT publish_model('m_$kept', (SELECT max(version) FROM recsys_model WHERE model = 'm_$kept'))");
	is($first->query(answer($kept)), $old{$kept}, "stop -m $mode: the version of the data as they are");
}

is($watcher->query(left_behind()), '0|0|0|0|0', 'nothing is left');
$_->quit for $first, $second, $watcher;
$node->stop;
done_testing();
