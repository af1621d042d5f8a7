# Every method under limits that are too small: of memory (course_recsys.max_memory, maintenance_work_mem), from the least
# upwards until training succeeds; of the address space, so that malloc fails; of threads.  What does not fit is refused with
# an error that says what is needed, the session lives on, and the memory taken stays within the limit.
#
# RECSYS_LIMITS_FACTOR: by what a limit is raised from try to try; 1.1 makes a long run.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use POSIX 'ceil';
use Recsys;
use Test::More;

plan skip_all => 'needs /proc' unless -w '/proc/self/clear_refs';

# How the hint of an error goes on after the setting that it names.
my @hints = (
	'; -1 means "maintenance_work_mem".',
	', or train on fewer courses: "ease" needs 8 bytes for every pair of courses.',
	', or lower the parameter "max_rows".');
my $factor = $ENV{RECSYS_LIMITS_FACTOR} // 2;
my $allowance = 12;             # MB besides the limit: caches, plans, buffers, stacks of threads
my $node = new_server('limits', 'fsync = off', 'shared_buffers = 4MB', 'course_recsys.threads = 2', 'autovacuum = off',
	'client_min_messages = error');        # rules need more than these data: a warning
add_whole_dataset($node, 'plain', 5_000, 800, 50_000);
$node->safe_psql('postgres', q{
	CREATE TABLE ratings_text AS SELECT 'user ' || md5(user_id::text) AS user_id, course_id, rating FROM ratings_plain;
	ANALYZE ratings_text;
	SELECT register_dataset('text', 'ratings_text', 'courses_plain')});

# What is trained: every method, and those whose data or model are large for other reasons.
my @cases = map { [ $_, $_, '{}', 'plain' ] } methods($node);
push @cases, [ 'by_user', 'knn', '{"user_based": true}', 'plain' ], [ 'text', 'popular', '{}', 'text' ];
my $session;

# SQL that trains a case.
sub training
{
	my ($case) = @_;
	return sprintf q{SELECT ratings > 30000 FROM train_model('%s', '%s', '%s', '%s')}, @$case;
}

# What a model answers, in one line.
sub answer
{
	my ($case) = @_;
	my $user = $case->[3] eq 'text' ? q{'user ' || md5(u::text)} : 'u';
	return qq{SELECT string_agg(u || ' ' || course_id || ' ' || COALESCE(score, -1), ',' ORDER BY u, rank)
		FROM unnest('{5,77,999999}'::int[]) AS u, recommend_courses($user, '$case->[0]')};
}

# The session that was is left; a new one has read what it will read.
sub fresh_session
{
	$session->quit if $session;
	$session = session($node);
	$session->query('SELECT count(*) FROM recsys_models; SELECT count(*), sum(rating) FROM ratings_plain;
		SELECT count(*) FROM ratings_text; SELECT count(*) FROM courses_plain; SELECT count(*) FROM users_plain;
		SELECT to_tsvector(\'english\', \'libraries of the server\')');
	return;
}

# Raises the setting from half a MB until sql succeeds.  Each failure is the error of the limit; the peak stays within the
# limit and the allowance.  Returns what the setting was then, and the number of tries.
sub raise_until_enough
{
	my ($name, $setting, $sql) = @_;
	my ($limit, $tries, $wrong, $over) = (0.5 / $factor, 0, '', 0);
	my ($rows, $error) = ('', 'none yet');
	while ($error ne '' && $limit < 100)
	{
		$limit = ceil(10 * $factor * $limit) / 10;
		$tries++;
		$session->query("SET $setting = '${limit}MB'");
		my $before = $session->forget_peak;
		($rows, $error) = $session->query($sql);
		my $taken = $session->memory('VmHWM') - $before;
		$over = $taken - $limit if $taken - $limit > $over;
		next if $error eq '';
		$wrong ||= $error unless $error =~ /^ERROR:  53400: memory required exceeds the limit$/m
			&& $error =~ /^DETAIL:  This needs at least (\d+\.\d) MB; the limit is @{[sprintf '%.1f', $limit]} MB\.$/m && $1 >= $limit
			&& grep { index($error, qq{HINT:  Increase the setting "course_recsys.max_memory"$_\n}) >= 0 } @hints;
	}
	is($wrong, '', "$name: each failure gives need, limit and setting");
	is($error, '', "$name: succeeds in the end");
	cmp_ok($over, '<', $allowance, sprintf '%s: enough with %.1f MB after %d tries; at most %.1f MB above the limit', $name,
		$limit, $tries, $over > 0 ? $over : 0);
	$session->query("RESET $setting");
	return $limit;
}

# --- settings ---------------------------------------------------------------------------------------------

my %expected;
for my $case (@cases)
{
	fresh_session();
	my $name = join ' ', @$case[0, 2];
	my $limit = raise_until_enough("$name, max_memory", 'course_recsys.max_memory', training($case));
	is($session->query("SELECT count(*) FROM recsys_model WHERE model = '$case->[0]'"), 1, "$name: the failures left no version");
	is($session->query(left_behind()), '0|0|0|0|0', "$name: nor anything else");
	$expected{$case->[0]} = $session->query(answer($case));
	my $all = $case->[3] eq 'text' ? 'text' : $case->[0];
	raise_until_enough("$name, recommend_all", 'course_recsys.max_memory', "SELECT count(*) > 100 FROM recommend_all('$all', 2)");
	# The server's own setting holds when there is none, and is enough where that was.
	$session->query('SET course_recsys.max_memory = -1');
	if ($limit > 1)
	{
		raises($session, 'SET maintenance_work_mem = \'1MB\'; ' . training($case), '53400', 'the limit is 1\.0 MB', "$name: maintenance_work_mem");
	}
	answers($session, "SET maintenance_work_mem = '@{[$limit < 1 ? 1 : $limit]}MB'; " . training($case), 't', "$name: maintenance_work_mem that is enough");
}

# The process of a library is within the limit, too: trees with a leaf for each row, for which there is no room.
$session->query(q{RESET ALL; SET course_recsys.max_memory = '40MB'});
raises($session, q{SELECT * FROM train_model('deep', 'embedding_classification', '{"estimator": "random_forest", "max_depth": 20,
	"min_leaf": 1, "embedding": {"method": "svd", "params": {"solver": "als", "iterations": 2}}}', 'plain')}, '53400',
	qr/DETAIL:  The process of estimator "random_forest" may take .*\nHINT:  Increase .*, or lower the parameter "max_rows"\./,
	'a process without room');

# The least setting of all: what reads a table in a stream still answers.
$session->query(q{RESET ALL; SET course_recsys.max_memory = 0});
raises($session, training($cases[0]), '53400', 'the limit is 0\.0 MB', 'a limit of nothing');
for my $sql ("user_profiles('plain')", "recommend_all('popular', 1)", "recommend_users(5, 'popular', 3)", "similar_users(5, 'by_user')")
{
	my ($rows, $error) = $session->query("SELECT count(*) > 0 FROM $sql");
	like($rows . $error, qr/^t$|^ERROR:  53400: memory required exceeds the limit/, "$sql with a limit of nothing");
}
is($session->query(answer($_)), $expected{$_->[0]}, "$_->[0]: one user is answered whatever the limit of a run") for @cases;

# --- the address space ----------------------------------------------------------------------------------

# Limits a resource of the session's process.
sub limit_process
{
	my ($limit) = @_;
	return system('prlimit', '--pid', $session->{pid}, $limit) == 0;
}

SKIP:
{
	skip 'needs prlimit', 1 if system('prlimit --version > /dev/null 2>&1') != 0;
	for my $case (@cases)
	{
		my $name = join ' ', @$case[0, 2];
		my ($error, $more, $failures, $wrong) = ('none yet', 0, 0, '');
		fresh_session();
		$session->query(answer($case));
		my $pid = $session->{pid};
		while ($error ne '' && $more < 600)
		{
			limit_process(sprintf '--as=%d:', ($session->memory('VmSize') + $more) * 1024 * 1024) or die "prlimit failed\n";
			(undef, $error) = $session->query(training($case));
			limit_process('--as=unlimited:');
			$failures++ if $error ne '';
			$wrong ||= $error if $error !~ /^(?:ERROR:  53200: out of memory\n|$)/;
			last if $wrong ne '';
			is($session->query('SELECT pg_backend_pid()'), $pid, "$name: the session lives on") if $error ne '' && $failures == 1;
			$more = $more == 0 ? 0.25 : $more * $factor;
		}
		is($wrong, '', "$name: malloc fails: out of memory, nothing else");
		cmp_ok($failures, '>', 0, sprintf '%s: malloc failed in %d runs, until there were %.0f MB more', $name, $failures, $more);
		is($session->query(answer($case)), $expected{$case->[0]}, "$name: answers as before");
		is($session->query(left_behind()), '0|0|0|0|0', "$name: nothing is left");
	}

	# Serving: a model that cannot be loaded, and answers for all.
	for my $case (@cases)
	{
		fresh_session();
		my ($name, $wrong, $failures) = ($case->[0], '', 0);
		for my $more (0.05, 0.1, 0.3, 1, 3, 10)
		{
			for my $sql (answer($case), "SELECT count(*) FROM recommend_all('$name', 2)")
			{
				limit_process(sprintf '--as=%d:', ($session->memory('VmSize') + $more) * 1024 * 1024);
				my (undef, $error) = $session->query($sql);
				limit_process('--as=unlimited:');
				$failures++ if $error ne '';
				$wrong ||= $error if $error !~ /^(?:ERROR:  53200: out of memory\n|$)/;
			}
		}
		is($wrong, '', "$name: malloc fails while serving: out of memory, nothing else ($failures times)");
		is($session->query(answer($case)), $expected{$name}, "$name: answers when there is memory");
	}

	# --- threads ----------------------------------------------------------------------------------------

	skip 'the superuser is free of the limit of processes', 1 if $< == 0;
	for my $case (@cases)
	{
		fresh_session();
		$session->query('SET course_recsys.threads = 8');
		limit_process('--nproc=1:') or die "prlimit failed\n";
		my ($rows, $error) = $session->query(training($case));
		# A method whose estimator is fitted in a process of its own needs one.
		if ($error =~ /^ERROR:  53200: could not start the process of estimator/)
		{
			my $estimators = "SELECT count(*) FROM recsys_method_params('$case->[1]') WHERE param = 'estimator'";
			is($session->query($estimators), 1, "$case->[0]: says that it needs a process");
		}
		else
		{
			is("$rows$error", 't', "$case->[0]: trains when no thread can be started");
		}
		is($session->query(answer($case)), $expected{$case->[0]}, "$case->[0]: to the same model");
		answers($session, "SELECT count(*) > 100 FROM recommend_all('$case->[0]', 2)", 't', "$case->[0]: and answers for all");
	}
}

$session->quit;
$node->stop;
done_testing();
