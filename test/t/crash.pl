# The backend that trains is killed at any moment, or all processes of the server at once: it comes back with no half
# model, no lock and no file of the run; models answer as before; training works.  Every method in turn.
#
# Chunks are written slowly (a trigger waits), and the statement goes on after training, so that moments of writing and
# those before the commit are met, too.
#
# RECSYS_CRASHES: how many kills, by default one for each model; RECSYS_CRASH_SEED: at which moments.  One in seven is of
# the whole server.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use POSIX ();
use Recsys;
use Test::More;
use Time::HiRes qw(sleep time);

my $node = new_server('crash', 'restart_after_crash = on', 'course_recsys.threads = 2', 'shared_buffers = 16MB',
	'dynamic_shared_memory_type = mmap', 'autovacuum = off');
add_whole_dataset($node, 'plain', 10_000, 1_200, 150_000);

# Sets how long a run writes each part of its model.
sub write_slowly
{
	my ($seconds) = @_;
	$node->safe_psql('postgres', qq{CREATE OR REPLACE FUNCTION write_slowly() RETURNS trigger LANGUAGE plpgsql AS
		'BEGIN PERFORM pg_sleep($seconds); RETURN NEW; END'});
	return;
}

write_slowly(0.02);
$node->safe_psql('postgres', q{
	CREATE TRIGGER slow BEFORE INSERT ON recsys_model_data FOR EACH ROW EXECUTE FUNCTION write_slowly();
	ALTER TABLE recsys_model_data ENABLE ALWAYS TRIGGER slow});

# What is trained: every method, and user-based neighbours, whose model is the largest.
my @cases = map { { model => $_, method => $_, params => '{}' } } methods($node);
push @cases, { model => 'by_user', method => 'knn', params => '{"user_based": true}' };
my $crashes = $ENV{RECSYS_CRASHES} // @cases;

# Trains a case, without waiting for a lock; gives columns of the result.
sub training
{
	my ($case, $columns) = @_;
	return "SELECT $columns FROM train_model('$case->{model}', '$case->{method}', '$case->{params}', 'plain', wait => false)";
}

# What the model answers to three users, one of them unknown.
sub answer
{
	my ($case) = @_;
	return qq{SELECT string_agg(u || ' ' || course_id || ' ' || COALESCE(score, -1), ',' ORDER BY u, rank)
		FROM unnest('{5,77,999999}'::int[]) AS u, recommend_courses(u, '$case->{model}')};
}

for my $case (@cases)
{
	$case->{seconds} = $node->safe_psql('postgres', training($case, 'seconds'));
	$case->{expected} = $node->safe_psql('postgres', answer($case));
	$case->{version} = 1;
	isnt($case->{expected}, '', "$case->{model} answers");
}

# Files of the data directory that belong to no relation, and how many files of shared memory there are (their names change
# with every restart).
sub stray_files
{
	my ($session) = @_;
	my ($database, @nodes) = split /\n/, $session->query(q{SELECT oid FROM pg_database WHERE datname = current_database();
		SELECT pg_relation_filenode(oid) FROM pg_class WHERE pg_relation_filenode(oid) IS NOT NULL});
	my %known = map { $_ => 1 } @nodes;
	my $data = $node->data_dir;
	my @relations = grep { m{/(\d+)(?:_\w+)?(?:\.\d+)?$} && !$known{$1} } glob "$data/base/$database/*";
	my @shared = glob "$data/pg_dynshmem/*";
	return join ' ', @relations, glob("$data/base/pgsql_tmp/*"), scalar @shared;
}

# Processes of the server, the postmaster first.
sub processes
{
	my ($postmaster) = slurp_first_line($node->data_dir . '/postmaster.pid');
	my %parent = map { m{^/proc/(\d+)/stat$} && (stat_parent($_) // 0) == $postmaster ? ($1 => 1) : () } glob '/proc/[0-9]*/stat';
	return ($postmaster, sort keys %parent);
}

# The first line of a file, without its end.
sub slurp_first_line
{
	my ($name) = @_;
	open my $file, '<', $name or return;
	my $line = <$file>;
	chomp $line if defined $line;
	return $line;
}

# Parent of a process, from its line in /proc; undefined when it has ended.
sub stat_parent
{
	my ($name) = @_;
	my $line = slurp_first_line($name) or return;
	return $line =~ /^\d+ \(.*\) \S (\d+)/s ? $1 : undef;
}

# Is the process there, and no zombie?
sub runs
{
	my ($pid) = @_;
	my $line = slurp_first_line("/proc/$pid/stat") // '';
	return $line =~ /^\d+ \(.*\) [^ZX] /s;
}

# Kills the backend, or every process of the server, which is started again then; returns when that was.
sub kill_and_return
{
	my ($pid, $whole) = @_;
	my @killed = $whole ? processes() : ($pid);
	my $start = time;
	kill 'KILL', @killed;
	# A dead backend is known to be dead when the postmaster has collected it; until then there are new sessions, soon
	# to be ended.
	wait_until('the postmaster knows', sub { !-e "/proc/$pid" }) if !$whole;
	if ($whole)
	{
		wait_until('the killed processes are gone', sub { !grep { runs($_) } @killed });
		$node->kill9;           # it is dead; this tells the node
		# Where nobody collects dead processes at once, its number would look taken.
		unlink $node->data_dir . '/postmaster.pid', $node->host . '/.s.PGSQL.' . $node->port . '.lock';
		$node->start;
	}
	return $start;
}

# A run that was committed counts, also when its client was not told any more; when it was told, it must be there.
sub count_committed
{
	my ($case, $session, $told) = @_;
	my $newest = $session->query("SELECT max(version) FROM recsys_model WHERE model = '$case->{model}'");
	$case->{version}++ if $told || $newest == $case->{version} + 1;
	is($newest, $case->{version}, "$case->{model}: the newest version is the last one committed");
}

my $begin = session($node);
my $files = stray_files($begin);
$begin->quit;
my %phases;
my ($longest, $server_kills) = (0, 0);
my $seed = $ENV{RECSYS_CRASH_SEED} // 7;
srand $seed;
for my $crash (1 .. $crashes)
{
	my $case = $cases[$crash % @cases];
	my $whole = $crash % 7 == 0;
	my $victim = session($node);
	my $watcher = session($node);
	$victim->begin('BEGIN; ' . training($case, 'version') . '; SELECT pg_sleep(0.02) IS NULL; COMMIT; SELECT \'committed\'');
	sleep rand $case->{seconds};
	my $phase = $watcher->query("SELECT COALESCE((SELECT phase FROM recsys_progress),
		(SELECT 'trained, ' || state FROM pg_stat_activity WHERE pid = $victim->{pid}))");
	my $start = kill_and_return($victim->{pid}, $whole);
	my ($rows) = $victim->finish;
	$_->quit for $victim, $watcher;
	$phases{$phase}++;
	$server_kills++ if $whole;

	wait_until('the server is back', sub { is_back($node) }, 180);
	$longest = time - $start if time - $start > $longest;
	my $name = ($whole ? 'server' : 'backend') . " killed, $case->{model} $phase";
	my $session = session($node);
	count_committed($case, $session, $rows =~ /^committed$/m);
	is($session->query(left_behind()), '0|0|0|0|0', "$name: nothing is left");
	is($session->query(answer($_)), $_->{expected}, "$name: $_->{model} answers as before") for @cases;
	is(stray_files($session), $files, "$name: no file is left");
	is($session->query(training($case, 'version')), ++$case->{version}, "$name: training works at once, with the next number");
	is($session->query(answer($case)), $case->{expected}, "$name: the new version answers the same");
	$session->quit;
}
note("$crashes kills (seed $seed), $server_kills of them of the whole server; back after at most "
	. sprintf('%.1f s', $longest));
note("killed while $_: $phases{$_}") for sort keys %phases;

# --- stopped otherwise ----------------------------------------------------------------------------------

my $bound = 1;                  # seconds within which a backend that trains must be gone

# Trains until a run is seen in that phase: on a loaded machine one may pass through it unseen.
sub begin_run
{
	my ($phase) = @_;
	my $victim = session($node);
	my $watcher = session($node);
	my $met = 0;
	until ($met)
	{
		$victim->begin(training($cases[-1], 'version'));
		wait_until("a run is $phase", sub {
			$met = $watcher->query('SELECT phase FROM recsys_progress') eq $phase;
			return $met || $victim->ended });
		$cases[-1]{version} = $victim->finish unless $met;
	}
	$watcher->quit;
	return $victim;
}

# Stops by the code while training, and checks how long the backend stays and what is left.
sub stop_by
{
	my ($name, $phase, $code, $error) = @_;
	my $victim = begin_run($phase);
	my $start = time;
	my $pid = fork() // die "cannot fork: $!\n";
	if ($pid == 0)
	{
		open STDOUT, '>', '/dev/null';
		open STDERR, '>', '/dev/null';
		$code->($victim->{pid});
		POSIX::_exit(0);
	}
	wait_until("the backend is gone", sub { !runs($victim->{pid}) });
	my $seconds = time - $start;
	waitpid $pid, 0;
	cmp_ok($seconds, '<', $bound, sprintf '%s while %s: gone after %.0f ms', $name, $phase, 1000 * $seconds);
	my (undef, $said) = $victim->finish;
	like($said, $error, "$name while $phase: the client is told");
	$victim->quit;
	if (!-e $node->data_dir . '/postmaster.pid')
	{
		$node->_update_pid(0);
		$node->start;
	}
	wait_until('the server is back', sub { is_back($node) }, 180);
	my $session = session($node);
	is($session->query(left_behind()), '0|0|0|0|0', "$name while $phase: nothing is left");
	is($session->query(answer($cases[-1])), $cases[-1]{expected}, "$name while $phase: it answers as before");
	is(stray_files($session), $files, "$name while $phase: no file is left");
	$session->quit;
}

# pg_ctl stop in a mode; -w waits until the server is down.
sub pg_ctl_stop
{
	my ($mode) = @_;
	return system $node->installed_command('pg_ctl'), 'stop', '-D', $node->data_dir, '-m', $mode, '-w';
}

# So long that no run ends before a program that stops the server has been started.
write_slowly(1);
for my $phase ('loading', 'fitting', 'saving')
{
	stop_by('SIGTERM', $phase, sub { kill 'TERM', $_[0] }, qr/57P01: terminating connection due to administrator command/);
	stop_by('SIGQUIT', $phase, sub { kill 'QUIT', $_[0] }, qr/57P02|server closed the connection/);
	stop_by('pg_ctl stop -m fast', $phase, sub { pg_ctl_stop('fast') }, qr/57P01: terminating connection due to administrator command/);
	stop_by('pg_ctl stop -m immediate', $phase, sub { pg_ctl_stop('immediate') }, qr/57P01|57P02|server closed the connection/);
}
write_slowly(0.02);
is($node->safe_psql('postgres', training($cases[-1], 'version')), ++$cases[-1]{version}, 'training works, with the next number');

# Only the postmaster is killed: a backend that computes for long must not hold up the next start. While it reads tables, it
# goes on as every backend does.
add_dataset($node, 'long', 200, 20_000, 200_000);
for my $case ([ 'training', q{SELECT train_model('long', 'knn', dataset => 'long')},
		q{SELECT phase FROM recsys_progress}, 'fitting' ],
	[ 'recommend_all', q{SELECT count(*) FROM generate_series(1, 1000) AS i, LATERAL recommend_all('by_user', 1 + i * 0)},
		q{SELECT state FROM pg_stat_activity WHERE query LIKE '%LATERAL%' AND pid <> pg_backend_pid()}, 'active' ])
{
	my ($name, $sql, $query, $state) = @$case;
	my $victim = session($node);
	my $watcher = session($node);
	$victim->begin($sql);
	wait_until("$name runs", sub { $watcher->query($query) eq $state });
	sleep 0.2;
	my $start = time;
	$node->kill9;
	wait_until("$name ends", sub { !runs($victim->{pid}) });
	cmp_ok(time - $start, '<', 5 * $bound, sprintf '%s whose postmaster was killed: gone after %.0f ms', $name, 1000 * (time - $start));
	$_->quit for $victim, $watcher;
	unlink $node->data_dir . '/postmaster.pid', $node->host . '/.s.PGSQL.' . $node->port . '.lock';
	$node->start;
	is($node->safe_psql('postgres', left_behind()), '0|0|0|0|0', "$name whose postmaster was killed: nothing is left");
	is($node->safe_psql('postgres', answer($cases[-1])), $cases[-1]{expected}, "$name whose postmaster was killed: models answer as before");
}

$node->stop;
done_testing();
