# A statement that trains or looks at all users stops at once, in every phase, whoever asks for it, and leaves
# nothing behind: no version, no lock, no thread; the session and the next training work.
#
# Times are taken from one clock: from the moment before pg_cancel_backend() to the moment when the backend has
# rolled back and is idle.  RECSYS_CANCEL_TRIES (1) sets the number of tries of each phase.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use POSIX 'ceil';
use Recsys;
use Test::More;
use Time::HiRes 'time';

my $tries = $ENV{RECSYS_CANCEL_TRIES} // 1;
my $bound_ms = 1000;            # a loaded machine may be slow; the figures printed tell more

my $node = new_server('cancel', 'fsync = off', 'shared_buffers = 256MB', 'course_recsys.threads = 4');
add_dataset($node, 'big', 60_000, 3_000, 2_500_000);
add_dataset($node, 'long', 200, 20_000, 200_000);
$node->safe_psql('postgres', q{
	-- Users with text keys: their sorting is part of the phase "preparing".
	CREATE TABLE ratings_text AS SELECT 'user ' || md5((user_id * 8 + course_id % 8)::text) AS user_id, course_id, rating
		FROM ratings_big LIMIT 1500000;
	ANALYZE ratings_text;
	SELECT register_dataset('text', 'ratings_text', 'courses_big');
	CREATE TABLE courses_words AS SELECT i AS id, repeat('word' || i || ' topic' || i % 40 || ' ', 100) AS description
		FROM generate_series(1, 3000) AS i;
	SELECT register_dataset('words', 'ratings_big', 'courses_words', description_column => 'description');
	SELECT train_model('by_genre', 'user_profile', dataset => 'big');
	SELECT train_model('by_user', 'knn', '{"user_based": true}', 'big');

	-- Where the backend is: the phase of its training run, or else its state.
	CREATE FUNCTION place(backend int) RETURNS text LANGUAGE plpgsql AS $$
	BEGIN
		PERFORM pg_stat_clear_snapshot();
		RETURN COALESCE((SELECT phase FROM recsys_progress WHERE pid = backend),
			(SELECT state FROM pg_stat_activity WHERE pid = backend), 'gone');
	END $$;

	-- Waits until the backend is where it should be, then `delay` seconds.
	CREATE FUNCTION await_place(backend int, wanted text, delay float8) RETURNS void LANGUAGE plpgsql AS $$
	BEGIN
		WHILE place(backend) <> wanted LOOP
			PERFORM pg_sleep(0.0005);
		END LOOP;
		PERFORM pg_sleep(delay);
	END $$;

	-- The same, then cancels (or terminates) it at once.  Where it was just before, and the milliseconds from then until it
	-- is idle (or gone); null when its statement had ended already.
	CREATE FUNCTION stop_backend(backend int, wanted text, delay float8, how text, OUT met text, OUT ms float8)
		LANGUAGE plpgsql AS $$
	DECLARE
		asked timestamptz;
		stopped timestamptz;
	BEGIN
		PERFORM await_place(backend, wanted, delay);
		met := place(backend);
		asked := clock_timestamp();
		IF how = 'cancel' THEN PERFORM pg_cancel_backend(backend); ELSE PERFORM pg_terminate_backend(backend); END IF;
		LOOP
			PERFORM pg_stat_clear_snapshot();
			SELECT state_change INTO stopped FROM pg_stat_activity WHERE pid = backend AND state <> 'active';
			EXIT WHEN FOUND AND (how = 'cancel' OR stopped < asked);
			IF NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = backend) THEN
				stopped := clock_timestamp();
				EXIT;
			END IF;
			PERFORM pg_sleep(0.0005);
		END LOOP;
		ms := CASE WHEN stopped >= asked THEN extract(epoch FROM stopped - asked) * 1000 END;
	END $$;
});

my $control = session($node);
my $victim = session($node);
my %times;
my ($tried, $through_after_all) = (0, 0);

# Number of threads of the backend.
sub threads
{
	my ($pid) = @_;
	my @tasks = glob "/proc/$pid/task/*";
	return scalar @tasks;
}

# Nothing is left of a statement that was stopped.
sub check_nothing_left
{
	my ($name) = @_;
	is($control->query(qq{
		SELECT (SELECT count(*) FROM recsys_model WHERE model = 'victim'),
			(SELECT count(*) FROM recsys_model_data d WHERE NOT EXISTS (SELECT FROM recsys_model m WHERE m.build = d.build)),
			(SELECT count(*) FROM recsys_evaluation),
			(SELECT count(*) FROM pg_locks WHERE pid = $victim->{pid}),
			(SELECT count(*) FROM recsys_progress WHERE pid = $victim->{pid})}),
		'0|0|0|0|0', "$name: no version, no data, no evaluation, no lock, no progress is left");
}

# Runs sql in the victim, stops it `delay` seconds into the phase, and checks.  Every try that met a running statement
# counts, under the phase that it met, also one whose statement still came to its end; returns that phase.
sub stop_once
{
	my ($name, $sql, $phase, $how, $delay) = @_;
	$victim->begin($sql);
	my ($found, $ms) = split /\|/, $control->query("SELECT * FROM stop_backend($victim->{pid}, '$phase', $delay, '$how')");
	my (undef, $error) = $victim->finish;
	my $through = $error !~ /ERROR|FATAL/;
	$tried++;

	if (defined $ms && $ms ne '')
	{
		cmp_ok($ms, '<', $bound_ms, "$name, $how while $found: over within $bound_ms ms");
		push @{$times{$found eq $phase ? $name : "$name, met in $found"}}, $ms;
		$through_after_all++ if $through;
	}
	if ($through)
	{
		$control->query('SELECT drop_evaluation(evaluation) FROM recsys_evaluation');
		$control->query("SELECT drop_model('victim')") if $control->query("SELECT count(*) FROM recsys_model WHERE model = 'victim'");
	}
	else
	{
		like($error, $how eq 'cancel' ? qr/57014: canceling statement due to user request/
			: qr/57P01: terminating connection due to administrator command/, "$name, $how: the error says why");
		check_nothing_left("$name, $how");
		is(threads($victim->{pid}), 1, "$name, $how: no thread is left") if $how eq 'cancel';
	}
	$victim = session($node) if $how eq 'terminate';
	return defined $ms && $ms ne '' ? $found : '';
}

# Stops sql `tries` times in one phase, at moments spread over its length.
sub stop_in_phase
{
	my ($name, $sql, $phase, $length, @hows) = @_;
	for my $how (@hows)
	{
		my $done = 0;
		for (my $try = 0; $done < $tries; $try++)
		{
			BAIL_OUT("phase $phase of $name was never met") if $try > 20 * ($tries + 1);
			$done++ if stop_once($name, $sql, $phase, $how, $length * rand() / (1 + $try / (2 * $tries))) eq $phase;
		}
	}
}

my $train_items = "SELECT train_model('victim', 'knn', dataset => 'big')";
my $train_users = q{SELECT train_model('victim', 'knn', '{"user_based": true}', 'big')};
my $train_slowly = "SELECT train_model('victim', 'knn', dataset => 'long')";
my $answer_slowly = "SELECT count(*) FROM recommend_all('by_user', 10)";
my $train_text = "SELECT train_model('victim', 'popular', dataset => 'text')";

# A session holds the lock while others wait.
my $holder = session($node);
$holder->query("BEGIN; SELECT train_model('victim', 'popular', dataset => 'big')");
stop_in_phase('waiting', $train_items, 'waiting', 0.05, 'cancel', 'terminate');
$holder->query('ROLLBACK');
$holder->quit;

stop_in_phase('loading', $train_items, 'loading', 0.25, 'cancel', 'terminate');
stop_in_phase('preparing', $train_items, 'preparing', 0.1, 'cancel', 'terminate');
stop_in_phase('loading, text keys', $train_text, 'loading', 0.3, 'cancel');
stop_in_phase('preparing, text keys', $train_text, 'preparing', 0.5, 'cancel');
stop_in_phase('fitting, by course', $train_items, 'fitting', 0.3, 'cancel', 'terminate');
stop_in_phase('fitting, long rows', $train_slowly, 'fitting', 3, 'cancel');
stop_in_phase('fitting, by user', $train_users, 'fitting', 0.2, 'cancel');
stop_in_phase('saving', $train_users, 'saving', 0.05, 'cancel', 'terminate');
stop_in_phase('recommend_all, loading', "SELECT count(*) FROM recommend_all('by_genre', 10)", 'loading', 0.3, 'cancel');
stop_in_phase('recommend_all', "SELECT count(*) FROM recommend_all('by_genre', 10)", 'scoring', 1, 'cancel', 'terminate');
stop_in_phase('recommend_all, by user', "SELECT count(*) FROM recommend_all('by_user', 10)", 'scoring', 1, 'cancel');
stop_in_phase('recommend_users', "SELECT count(*) FROM recommend_users(1, 'by_genre', 10)", 'scoring', 0.1, 'cancel');
stop_in_phase('user_profiles', "SELECT count(*) FROM user_profiles('big')", 'active', 0.3, 'cancel');
stop_in_phase('similar_users', "SELECT count(*) FROM similar_users(7, 'by_user')", 'loading', 0.4, 'cancel');
my $evaluate = q{SELECT count(*) FROM evaluate_method('knn', dataset => 'big', strategy => 'course', folds => 3, options => '{"store": true}')};
stop_in_phase("evaluate_method, $_->[0]", $evaluate, @$_, 'cancel')
	for [ 'loading', 0.25 ], [ 'preparing', 0.5 ], [ 'fitting', 0.3 ], [ 'scoring', 1 ];
stop_in_phase('tune_method', q{SELECT count(*) FROM tune_method('knn', '{"neighbors": [10, 20, 40]}', 'big')}, 'scoring', 2, 'cancel', 'terminate');

# statement_timeout, at moments spread over runs and answers of every kind, sent by a role that does not own the extension's
# tables: afterwards the role is the one that was set, the session answers, and no memory of a call is held.
$node->safe_psql('postgres', q{
	CREATE ROLE analyst;
	GRANT USAGE ON SCHEMA recsys TO analyst;
	GRANT SELECT ON ratings_big, courses_big, courses_words, pg_backend_memory_contexts TO analyst;
	GRANT EXECUTE ON FUNCTION pg_get_backend_memory_contexts() TO analyst});
my @timed = ([ 'training', $train_users, 800 ], [ 'training, by course', $train_items, 800 ]);
push @timed, [ "recommend_all, $_", "SELECT count(*) FROM recommend_all('$_', 10)", 400 ] for 'by_genre', 'by_user';
push @timed, map { [ $_->[0], "SELECT count(*) FROM $_->[0]($_->[1])", $_->[2] ] } [ 'recommend_users', q{1, 'by_genre'}, 400 ],
	[ 'similar_users', q{7, 'by_user'}, 400 ], [ 'user_profiles', q{'big'}, 400 ], [ 'dataset_summary', q{'big'}, 400 ],
	[ 'enrollment_histogram', q{'big'}, 300 ], [ 'top_courses', q{'big'}, 300 ], [ 'dataset_genres', q{'big'}, 3 ],
	[ 'keyword_counts', q{'words'}, 300 ], [ 'frequent_itemsets', q{'big', 0.01, 2}, 400 ],
	[ 'association_rules', q{'big', 0.01, 'lift', 0, 2, 'apriori'}, 400 ], [ 'recommend_courses', q{5, 'by_user', 3000}, 3 ],
	[ 'similar_courses', q{5, 'by_genre', 3000}, 3 ], [ 'evaluate_method', q{'user_profile', dataset => 'big'}, 3000 ];
$victim->query('SET ROLE analyst');
for my $case (@timed)
{
	my ($name, $sql, $longest) = @$case;
	my $stopped = 0;
	for my $try (1 .. 2 * $tries)
	{
		my $timeout = 1 + int($longest * ($try - rand) / (2 * $tries));
		my (undef, $error) = $victim->query("SET statement_timeout = $timeout; $sql");
		my $ms = $control->query("SELECT extract(epoch FROM state_change - query_start) * 1000 - $timeout
			FROM pg_stat_activity WHERE pid = $victim->{pid}");
		$victim->begin('RESET statement_timeout');
		$victim->finish;
		if ($error eq '')
		{
			$control->query("SELECT drop_model('victim')") if $sql =~ /train/;
			next;
		}
		$stopped++;
		like($error, qr/57014: canceling statement due to statement timeout/, "$name, statement_timeout of $timeout ms: the error says why");
		cmp_ok($ms, '<', $bound_ms, "$name, statement_timeout of $timeout ms: over within $bound_ms ms");
		check_nothing_left("$name, statement_timeout of $timeout ms");
		answers($victim, q{SELECT current_user, (SELECT count(*) FROM recommend_courses(5, 'by_genre', 3)), (SELECT count(*)
			FROM pg_backend_memory_contexts WHERE name IN ('course_recsys job', 'course_recsys stored model'))}, 'analyst|3|0',
			"$name, statement_timeout of $timeout ms: role, answers and memory of the session are well");
		push @{$times{"statement_timeout, $name"}}, $ms;
		push @{$times{'statement_timeout, all'}}, $ms;
	}
	note("$name: $stopped of " . 2 * $tries . ' were stopped by statement_timeout');
}
$victim->query('RESET ROLE');

# DROP DATABASE waits (since PostgreSQL 15) until every backend has closed the files of that database; one that computes
# must not keep it waiting.
for my $case ([ 'training', 'fitting', 0.4, $train_slowly ], [ 'recommend_all', 'scoring', 0.1, $answer_slowly ])
{
	my ($name, $phase, $delay, $sql) = @$case;
	$control->query('CREATE DATABASE doomed');
	$victim->begin($sql);
	$control->query("SELECT await_place($victim->{pid}, '$phase', $delay)");
	cmp_ok(threads($victim->{pid}), '>', 1, 'fitting runs on several threads') if $phase eq 'fitting';
	my $start = time;
	$control->query('DROP DATABASE doomed');
	my $ms = (time - $start) * 1000;
	is($control->query("SELECT state FROM pg_stat_activity WHERE pid = $victim->{pid}"), 'active', "$name goes on");
	cmp_ok($ms, '<', $bound_ms, "$name does not hold up DROP DATABASE");
	push @{$times{"DROP DATABASE, $name"}}, $ms;
	$control->query("SELECT pg_cancel_backend($victim->{pid})");
	$victim->finish;
}

is($victim->query("SELECT version, ratings > 2000000 FROM train_model('after', 'knn', dataset => 'big')"), '1|t',
	'the session trains afterwards');
is(threads($victim->{pid}), 1, 'a training run that ends well leaves no thread');

# The value that this share of the sorted values does not exceed.
sub percentile
{
	my ($share, @sorted) = @_;
	return $sorted[ceil($share * @sorted) - 1];
}

for my $name (sort keys %times)
{
	my @ms = sort { $a <=> $b } @{$times{$name}};
	note(sprintf '%-34s n=%-3d p50 %6.1f  p99 %6.1f  max %6.1f ms', $name, scalar @ms, percentile(0.5, @ms),
		percentile(0.99, @ms), $ms[-1]);
}
note("$tried tries; $through_after_all statements came to their end although asked to stop");

$victim->quit;
$control->quit;
$node->stop;
done_testing();
