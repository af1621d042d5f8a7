# Several sessions train and change models at the same time, at every isolation level: whoever comes second waits, skips
# or gets an error that says so; version numbers are given once; nothing is left of whoever loses.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Recsys;
use Test::More;

my @levels = ('READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE');
my $node = new_server('isolation', 'fsync = off', 'deadlock_timeout = 100ms', 'shared_buffers = 16MB');
add_whole_dataset($node, 'plain', 400, 60, 4_000);
my @methods = methods($node);
my ($first, $second, $watcher) = map { session($node) } 1 .. 3;

# Trains a model, by default without a condition.
sub training
{
	my ($model, $method, $more) = @_;
	return "SELECT version FROM train_model('$model', '$method', dataset => 'plain'" . ($more // '') . ')';
}

# Waits until a session waits for a lock.
sub waits
{
	my ($session) = @_;
	wait_until("session $session->{pid} waits for a lock", sub {
		$watcher->query("SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $session->{pid}") eq 't' });
	return;
}

# The error of a session that waited.
sub ends_with
{
	my ($session, $state, $text, $name) = @_;
	my (undef, $error) = $session->finish;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	like($error, qr/^ERROR:  \Q$state\E: .*$text/s, $name);
}

# versions|published of a model
sub versions
{
	my ($model) = @_;
	return $watcher->query("SELECT string_agg(version || CASE WHEN published THEN '*' ELSE '' END, ',' ORDER BY version)
		FROM recsys_model WHERE model = '$model'");
}

# Nothing is held or half done.
sub all_well
{
	my ($name) = @_;
	is($watcher->query(left_behind()), '0|0|0|0|0', "$name: nothing is left");
}

# --- two trainings, all pairs of levels, all methods in turn ---------------------------------------------

my $pair = 0;
for my $one (@levels)
{
	for my $two (@levels)
	{
		for my $early (0, 1)        # did the second take its snapshot before the first committed?
		{
			my $method = $methods[$pair++ % @methods];
			my $model = "pair$pair";
			my $name = "$one, then $two" . ($early ? ' with a snapshot of before' : '') . ", $method";
			is($first->query(training($model, $method)), 1, "$name: version 1");
			$first->query("BEGIN ISOLATION LEVEL $one");
			$second->query("BEGIN ISOLATION LEVEL $two");
			$second->query('SELECT count(*) FROM ratings_plain') if $early;
			is($first->query(training($model, $method)), 2, "$name: the first trains");
			is($second->query(training($model, $method, ', wait => false')), '', "$name: wait => false skips");
			$second->begin(training($model, $method));
			waits($second);
			is($watcher->query("SELECT phase FROM recsys_progress WHERE pid = $second->{pid}"), 'waiting', "$name: the second waits");
			$first->query('COMMIT');
			if ($two eq 'READ COMMITTED')
			{
				is($second->finish, 3, "$name: the second makes the next version");
				$second->query('COMMIT');
				is(versions($model), '2,3*', "$name: both were kept");
			}
			else
			{
				# Having waited, it would train on data older than those of the version that it replaces.
				my (undef, $error) = $second->finish;
				like($error, qr/^ERROR:  40001: could not serialize access due to concurrent change of model "$model".*Retry/s,
					"$name: 40001");
				$second->query('ROLLBACK');
				is(versions($model), '1,2*', "$name: the first one's version");
				is($second->query("BEGIN ISOLATION LEVEL $two; " . training($model, $method) . '; COMMIT'), 3, "$name: a retry trains");
			}
		}
	}
}
all_well('pairs');

# The first rolls back: the second goes on as if there had been nobody.
for my $level (@levels)
{
	$first->query("BEGIN ISOLATION LEVEL $level; " . training('undone', 'popular'));
	$second->query("BEGIN ISOLATION LEVEL $level; SELECT count(*) FROM ratings_plain");
	$second->begin(training('undone', 'popular'));
	waits($second);
	$first->query('ROLLBACK');
	is($second->finish, 1, "$level: the first rolled back, the second has its number");
	$second->query('ROLLBACK');
}
is(versions('undone'), '', 'both rolled back');

# 40001 comes before anything is loaded: here, loading would fail.
$first->query('CREATE TABLE doomed AS SELECT user_id, course_id, rating FROM ratings_plain');
$first->query("SELECT register_dataset('doomed', 'doomed')");
$first->query("SELECT version FROM train_model('early', 'popular', dataset => 'doomed')");
for my $level (@levels[1, 2])
{
	$second->query("BEGIN ISOLATION LEVEL $level; SELECT 1 FROM ratings_plain LIMIT 1");
	$first->query("SELECT version FROM train_model('early', 'popular', dataset => 'doomed')");
	$second->query('INSERT INTO doomed VALUES (1, 1, NULL)');
	raises($second, "SELECT train_model('early', 'popular', dataset => 'doomed')", '40001', 'model "early"',
		"$level: a snapshot that is older than the version fails before loading");
	$second->query('ROLLBACK');
	$second->query("BEGIN ISOLATION LEVEL $level; SELECT 1 FROM ratings_plain LIMIT 1");
	$first->query("SELECT rollback_model('early')");
	raises($second, "SELECT publish_model('early', 1)", '40001', 'model "early"', "$level: publish_model after rollback_model");
	$second->query('ROLLBACK');
	$second->query("BEGIN ISOLATION LEVEL $level; SELECT 1 FROM ratings_plain LIMIT 1");
	$first->query("SELECT drop_model('early')");
	raises($second, "SELECT drop_model('early')", '40001', 'model "early"', "$level: drop_model after drop_model");
	$second->query('ROLLBACK');
	$first->query("SELECT version FROM train_model('early', 'popular', dataset => 'doomed')");
}

# --- deadlocks ------------------------------------------------------------------------------------------

for my $level (@levels)
{
	$_->query("BEGIN ISOLATION LEVEL $level") for $first, $second;
	$first->query(training('dead1', 'popular'));
	$second->query(training('dead2', 'popular'));
	$first->begin(training('dead2', 'popular'));
	waits($first);
	$second->begin(training('dead1', 'popular'));
	my @errors = map { (($_->finish)[1]) } $first, $second;
	is(scalar(grep { /^ERROR:  40P01: deadlock detected/ } @errors), 1, "$level: of two in opposite order one is told of a deadlock");
	is(scalar(grep { $_ eq '' } @errors), 1, "$level: the other one trains");
	$_->query('COMMIT') for $first, $second;
	all_well("$level, deadlock");
	is(versions('dead1') eq '' || versions('dead2') eq '', '', "$level: the winner has trained both");
	$first->query("SELECT drop_model('dead1'), drop_model('dead2')");
}

# --- training against everything else --------------------------------------------------------------------

for my $level (@levels)
{
	# The change, the versions after training and it, and the number that training after it has.
	my @others = (
		[ "SELECT drop_model('busy')", '', 1 ],
		[ "SELECT rollback_model('busy')", '1,2*,3', 3 ],
		[ "SELECT publish_model('busy', 1)", '1*,2,3', 3 ],
		[ training('busy', 'popular', ', publish => false'), '2,3*,4', 4 ]);
	for my $other (@others)
	{
		my ($sql, $after, $number) = @$other;
		$first->query(training('busy', 'popular')) for 1 .. 2;
		$first->query("BEGIN ISOLATION LEVEL $level; " . training('busy', 'popular', q{, params => '{"keep_versions": 3}'}));
		$second->begin($sql);
		waits($second);
		answers($watcher, "SELECT DISTINCT source FROM recommend_courses(1, 'busy')", 'popular', 'readers do not wait');
		$first->query('COMMIT');
		my ($rows, $error) = $second->finish;
		is($error, '', "$level training, $sql waits and works");
		my $state = versions('busy');
		is($state, $after, "$level training, $sql: it came after the training");
		all_well("$level training, $sql");
		$first->query("SELECT drop_model('busy')") if $state ne '';

		# The other way round.
		$first->query(training('busy', 'popular')) for 1 .. 2;
		$first->query("BEGIN; $sql");
		$second->query("BEGIN ISOLATION LEVEL $level; SELECT 1 FROM ratings_plain LIMIT 1");
		is($second->query(training('busy', 'knn', ', wait => false')), '', "$level: wait => false does not wait for $sql");
		$second->begin(training('busy', 'knn'));
		waits($second);
		$first->query('COMMIT');
		($rows, $error) = $second->finish;
		if ($level eq 'READ COMMITTED')
		{
			is($rows . $error, $number, "$level: training after $sql has the next number");
		}
		else
		{
			like($error, qr/^ERROR:  40001/, "$level: training after $sql with a snapshot of before: 40001");
		}
		$second->query('ROLLBACK');
		all_well("$sql, $level training");
		$first->query("SELECT drop_model('busy')") if versions('busy') ne '';
	}

	# The dataset of the run: training waits for a change of it and uses what is there then, never what it had in its cache,
	# which knows 60 courses, whether rated or not.
	my $train_other = "SELECT version, courses FROM train_model('on_other', 'popular', dataset => 'other')";
	for my $sql (q{SELECT register_dataset('other', 'ratings_plain')}, q{SELECT drop_dataset('other')})
	{
		$first->query(q{SELECT register_dataset('other', 'ratings_plain', 'courses_plain')});
		$first->query("BEGIN ISOLATION LEVEL $level");
		is($first->query($train_other), '1|60', "$level: training");
		$second->begin($sql);
		waits($second);
		$first->query('COMMIT');
		my (undef, $error) = $second->finish;
		like($error, $sql =~ /drop/ ? qr/^ERROR:  2BP01: .*"other"/ : qr/^$/, "$level training, $sql waits; a dataset in use stays");
		$first->query("SELECT drop_model('on_other'); SELECT register_dataset('other', 'ratings_plain', 'courses_plain')");

		is($second->query("BEGIN; $train_other; ROLLBACK"), '1|60', 'the second session knows the dataset');
		$first->query("BEGIN; $sql");
		$second->query("BEGIN ISOLATION LEVEL $level");
		$second->begin($train_other);
		waits($second);
		$first->query('COMMIT');
		my ($rows, $failed) = $second->finish;
		if ($level ne 'READ COMMITTED')
		{
			like($failed, $sql =~ /drop/ ? qr/^ERROR:  42704: dataset "other"/ : qr/^ERROR:  40001: .*dataset "other".*Retry/s,
				"$level: training waits for $sql and fails");
		}
		else
		{
			like($rows . $failed, $sql =~ /drop/ ? qr/^ERROR:  42704: dataset "other" does not exist/ : qr/^1\|59$/,
				"$level: training waits for $sql and uses what is there then");
		}
		$second->query('ROLLBACK');
	}
	$first->query(q{SELECT register_dataset('other', 'ratings_plain', 'courses_plain')});
	$second->query("BEGIN ISOLATION LEVEL $level; SELECT register_dataset('other', 'ratings_plain')");
	is($second->query("$train_other; $train_other"), "1|59\n2|59", "$level: datasets of the own transaction");
	is($second->query(q{SELECT count(*) FROM recsys_model WHERE model = 'on_other' AND source->>'courses' IS NULL}), 2,
		"$level: they are written down");
	$second->query("SELECT drop_model('on_other'); SELECT drop_dataset('other'); COMMIT");

	# Datasets of after the transaction's snapshot.
	$second->query("BEGIN ISOLATION LEVEL $level; SELECT 1 FROM ratings_plain LIMIT 1");
	$first->query(q{SELECT register_dataset('other', 'ratings_plain', 'courses_plain')});
	if ($level ne 'READ COMMITTED')
	{
		raises($second, "SAVEPOINT s; $_", '40001', 'could not serialize access due to concurrent change of dataset "other"',
			"$level: $_ of a dataset that is newer than the snapshot"), $second->query('ROLLBACK TO s')
			for $train_other, q{SELECT drop_dataset('other')};
	}
	else
	{
		is($second->query($train_other), '1|60', "$level: a new dataset");
	}
	$second->query('ROLLBACK');
	all_well("$level, datasets");
}

# --- lock_timeout, idle transactions ---------------------------------------------------------------------

$first->query('BEGIN; ' . training('busy', 'popular'));
raises($second, "SET lock_timeout = '20ms'; " . training('busy', 'popular'), '55P03', 'lock timeout', 'lock_timeout ends the wait');
raises($second, "SELECT drop_model('dead1')", '42704', '"dead1"', 'no lock is asked for a model that is not there');
$second->query('RESET lock_timeout');
$first->query('ROLLBACK');
my $idle = session($node);
$idle->query("SET idle_in_transaction_session_timeout = '50ms'; BEGIN; " . training('busy', 'popular'));
is($second->query(training('busy', 'popular')), 1, 'a transaction that idles too long gives the lock back');
$idle->quit;
all_well('timeouts');

# --- transactions that end between --------------------------------------------------------------------

$first->query(q{
	CREATE PROCEDURE retrain_all(fail_at int) LANGUAGE plpgsql AS $$
	BEGIN
		FOR i IN 1 .. 4 LOOP
			PERFORM train_model('steps', 'popular', '{"keep_versions": 10}', 'plain');
			PERFORM * FROM recommend_courses(1, 'steps');
			IF i % 2 = 0 THEN COMMIT; ELSE
				BEGIN
					PERFORM train_model('steps', 'knn', '{"keep_versions": 10}', 'plain');
					PERFORM * FROM recommend_courses(1, 'steps');
					RAISE division_by_zero;
				EXCEPTION WHEN division_by_zero THEN NULL;
				END;
				IF i = fail_at THEN ROLLBACK; END IF;
			END IF;
		END LOOP;
	END $$});
$first->query('CALL retrain_all(0)');
is(versions('steps'), '1,2,3,4*', 'a procedure that commits between');
answers($_, "SELECT DISTINCT source FROM recommend_courses(1, 'steps')", 'popular', 'the right version is served') for $first, $second;
$first->query('CALL retrain_all(3)');
is(versions('steps'), '1,2,3,4,5,6,7*', 'a procedure that rolls one step back');

my $all = $first->query("SELECT * FROM recommend_all('steps', 2)");
$first->query("BEGIN; DECLARE held SCROLL CURSOR WITH HOLD FOR SELECT * FROM recommend_all('steps', 2); FETCH 1 FROM held");
$second->query("SELECT drop_model('steps')");
$first->query('MOVE BACKWARD ALL FROM held; COMMIT');
raises($first, "SELECT * FROM recommend_all('steps', 2)", '42704', 'model "steps" does not exist', 'the model was dropped while a cursor is open');
is($first->query('FETCH ALL FROM held'), $all, 'a cursor WITH HOLD gives what there was');
$first->query('CLOSE held');
all_well('cursor');

$_->quit for $first, $second, $watcher;
$node->stop;
done_testing();
