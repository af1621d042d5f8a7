# Scheduled retraining under the real pg_cron, with the statements and settings of docs/scheduling.md.
#
# pg_cron's shortest interval is a minute, so all cases run at the same two ticks: each has a job and a model of its
# own. One server runs jobs over connections, a second one in background workers.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin, "$FindBin::RealBin/../docs";
use Documents qw(read_document blocks);
use Recsys;
use Test::More;
use Time::HiRes qw(sleep time);

my $sharedir = `pg_config --sharedir`;
chomp $sharedir;
plan skip_all => 'pg_cron is not installed for this server: package postgresql-NN-cron'
	unless -e "$sharedir/extension/pg_cron.control";

my @blocks = blocks(read_document('docs/scheduling.md'));
my $user = getpwuid($<);

# A block of docs/scheduling.md: the one of this kind, under this heading, that matches.
sub block
{
	my ($heading, $info, $pattern) = @_;
	my @found = grep { $_->{heading} eq $heading && $_->{info} eq $info && join("\n", @{ $_->{text} }) =~ $pattern } @blocks;
	die "docs/scheduling.md has not one block \"$info\" under \"$heading\" that matches $pattern\n" if @found != 1;
	return join "\n", @{ $found[0]{text} };
}

# A statement of the page.
sub statement
{
	my ($heading, $pattern) = @_;
	return block($heading, 'sql not run', $pattern) =~ s/;\s*\z//r;
}

# The job of the page for another model, every minute.
sub job
{
	my ($model, $arguments) = @_;
	my $job = statement('The job', qr/cron\.schedule/);
	$job =~ s/'0 3 \* \* \*'/'* * * * *'/ or die "the job has another schedule\n";
	$job =~ s/retrain knn/retrain $model/ or die "the job has another name\n";
	$job =~ s/train_model\('knn'/train_model('$model'$arguments/ or die "the job trains another model\n";
	return $job;
}

# A server with the settings of the page.
sub cron_server
{
	my ($name, @settings) = @_;
	my $node = new_server($name, 'fsync = off', 'max_connections = 40');
	my $conf = block('Install pg_cron', 'conf', qr/cron/);
	my $socket = $node->host;
	$conf =~ s{/var/run/postgresql}{$socket} or die "the page has another socket directory\n";
	my $hba = block('Install pg_cron', 'hba', qr/peer/);
	my $ident = block('Install pg_cron', 'ident', qr/trainer/) =~ s/\bpostgres\b/$user/r;
	my $others = PostgreSQL::Test::Utils::slurp_file($node->data_dir . '/pg_hba.conf');
	unlink $node->data_dir . '/pg_hba.conf';
	$node->append_conf('pg_hba.conf', "$hba\n" . $hba =~ s/trainer/hasty/r . "\n" . $hba =~ s/trainer/small/r . "\n$others");
	$node->append_conf('pg_ident.conf', join '', map { "$_\n" } $ident, $ident =~ s/trainer/hasty/r, $ident =~ s/trainer/small/r);
	$node->append_conf('postgresql.conf', join "\n", $conf, @settings, '');
	$node->restart;
	add_dataset($node, 'main', 300, 40, 3000);
	my $roles = statement('A role that trains', qr/CREATE ROLE/) =~ s/ON ratings, courses/ON ratings_main, courses_main/r;
	$node->safe_psql('postgres', statement('Install pg_cron', qr/CREATE EXTENSION/));
	$node->safe_psql('postgres', $roles);
	$node->safe_psql('postgres', q{
		SELECT register_dataset('default', 'ratings_main', 'courses_main');
		CREATE TABLE ratings_gone AS TABLE ratings_main;
		GRANT SELECT ON ratings_gone TO trainer;
		SELECT register_dataset('gone', 'ratings_gone', 'courses_main')});
	return $node;
}

# Waits until a tick has made the n-th run of the models' jobs and these have ended.
sub await_runs
{
	my ($session, $n, @models) = @_;
	my $jobs = join ', ', map { "'retrain $_'" } @models;
	wait_until("run $n of @models has ended", sub {
		sleep 0.2;
		$session->query(qq{SELECT bool_and($n <= (SELECT count(*) FROM cron.job_run_details d
			WHERE d.jobid = j.jobid AND d.end_time IS NOT NULL)) FROM cron.job j WHERE jobname IN ($jobs)}) eq 't' }, 150);
}

# The n-th run of a model's job: status, first line of the message, whether it ended within 30 seconds.
sub run
{
	my ($session, $model, $n) = @_;
	return $session->query(qq{
		SELECT d.status, regexp_replace(split_part(d.return_message, E'\\n', 1), ' +', ' ', 'g'),
			d.end_time - d.start_time < interval '30 s'
		FROM cron.job_run_details d JOIN cron.job j USING (jobid)
		WHERE j.jobname = 'retrain $model' ORDER BY d.runid OFFSET $n - 1 LIMIT 1});
}

# The versions of a model, the published one with a star.
sub versions
{
	my ($session, $model) = @_;
	return $session->query(qq{SELECT string_agg(version || CASE WHEN published THEN '*' ELSE '' END, ',' ORDER BY version)
		FROM recsys_model_versions WHERE model = '$model'});
}

# How many backends train a model at the moment.
sub running
{
	my ($session, $model) = @_;
	return $session->query(qq{SELECT count(*) FROM recsys_progress WHERE model = '$model'});
}

my $node = cron_server('connections');
my $workers = cron_server('workers', 'cron.use_background_workers = on', 'max_worker_processes = 20');

# --- jobs and models -----------------------------------------------------------------------------------

$node->safe_psql('postgres', q{
	-- A relation of ratings that takes its time when it is read, as long as there is a row in the table "slow".
	CREATE TABLE slow (seconds float8);
	INSERT INTO slow VALUES (120);
	CREATE FUNCTION wait_if_slow() RETURNS boolean LANGUAGE plpgsql AS
		'BEGIN PERFORM pg_sleep(seconds) FROM public.slow; RETURN true; END';
	CREATE VIEW ratings_slow AS SELECT * FROM ratings_main WHERE user_id > 0 OR wait_if_slow();
	SELECT register_dataset('slow', 'ratings_slow', 'courses_main');
	CREATE ROLE hasty LOGIN;
	CREATE ROLE small LOGIN;
	GRANT USAGE ON SCHEMA recsys, cron TO hasty, small;
	GRANT SELECT ON ratings_main, courses_main, ratings_slow, slow TO trainer, hasty, small});
# The settings of the page, with values that stop a run.
my @limits = split /(?<=;)\n/, block('Limits for a run', 'sql not run', qr/ALTER ROLE/);
is(scalar(@limits), 3, 'the page sets three limits');
$node->safe_psql('postgres', $_) for @limits;
$node->safe_psql('postgres', $limits[0] =~ s/trainer/hasty/r =~ s/'1h'/'1s'/r);
$node->safe_psql('postgres', $limits[1] =~ s/trainer/small/r =~ s/'1GB'/'64kB'/r);

my $admin = session($node);
my $trainer = session($node, user => 'trainer');
my $reader = session($node);

is($trainer->query(q{SELECT version FROM train_model('knn')}), 1, 'the trainer trains a model');
is($trainer->query(qq{SELECT version FROM train_model('$_', 'popular')}), 1, "and a model $_") for 'overlap', 'counted';
like($reader->query(q{SELECT rank, course_id FROM recommend_courses(1, 'knn', 1)}), qr/^1\|\d+$/, 'an open session serves the model');
my $before = $reader->query(q{SELECT score FROM recommend_courses(NULL::bigint, 'counted', 1)});

my $worker_admin = session($workers);
my $worker_trainer = session($workers, user => 'trainer');
is($worker_trainer->query(q{SELECT version FROM train_model('knn')}), 1, 'background workers: a model');

# The data change: course 1 gets many ratings more.
$_->safe_psql('postgres', q{
	INSERT INTO ratings_main SELECT 1000 + i, 1, 5 FROM generate_series(1, 2000) AS i;
	DROP TABLE ratings_gone}) for $node, $workers;

# One who trains, and has not committed when the tick comes.
my $holder = session($node, user => 'trainer');
$holder->query(q{BEGIN; SELECT version FROM train_model('overlap', 'popular')});

# No tick while the jobs are being made.
sleep 0.2 while time % 60 > 50 || time % 60 < 2;
my %arguments = (
	knn => '', counted => ", 'popular'", overlap => ", 'popular'",
	gone => ", 'popular', dataset => 'gone'", slow => ", 'popular', dataset => 'slow'");
$trainer->query(job($_, $arguments{$_})) for sort keys %arguments;
my $hasty = session($node, user => 'hasty');
$hasty->query(job('hasty', ", 'popular', dataset => 'slow'"));
my $small = session($node, user => 'small');
$small->query(job('small', ", 'knn'"));
$worker_trainer->query(job($_, $arguments{$_})) for 'knn', 'gone';

# --- the first tick ------------------------------------------------------------------------------------

wait_until('the slow run runs', sub {
	sleep 0.1;
	running($admin, 'slow') && $admin->query(q{SELECT count(*) FROM cron.job_run_details d JOIN cron.job j USING (jobid)
		WHERE j.jobname = 'retrain slow' AND d.status = 'running'}) }, 150);
like($trainer->query(statement('Stop a run', qr/pg_cancel_backend/) =~ s/retrain knn/retrain slow/r), qr/^t$/,
	'the trainer cancels a run that is going on');
await_runs($admin, 1, keys %arguments, 'hasty', 'small');
await_runs($worker_admin, 1, 'knn', 'gone');

is(run($admin, 'knn', 1), 'succeeded|1 row|t', 'changed data: the run says that it made a row');
is(versions($admin, 'knn'), '1,2*', 'and published a new version');
is(run($admin, 'counted', 1), 'succeeded|1 row|t', 'another model at the same tick');
cmp_ok($reader->query(q{SELECT score FROM recommend_courses(NULL::bigint, 'counted', 1)}), '>', $before + 1500,
	'a session that was open all the time serves the new version');
is($reader->query(q{SELECT owner FROM recsys_models WHERE model = 'knn'}), 'trainer', 'it is the version of the job\'s role');
is(run($admin, 'overlap', 1), 'succeeded|0 rows|t', 'a training that has not committed: the run skips at once');
is(versions($admin, 'overlap'), '1*', 'and makes no version');
is(run($admin, 'gone', 1), 'failed|ERROR: relation public.ratings_gone of dataset "gone" does not exist|t',
	'a dropped table: the error is in the history of runs');
like($admin->query(q{SELECT return_message FROM cron.job_run_details d JOIN cron.job j USING (jobid) WHERE j.jobname = 'retrain gone'}),
	qr/HINT:  Create the relation again/, 'with its hint');
is(run($admin, 'slow', 1), 'failed|ERROR: canceling statement due to user request|t', 'a run that was cancelled');
is(run($admin, 'hasty', 1), 'failed|ERROR: canceling statement due to statement timeout|t', 'statement_timeout of the role');
is(run($admin, 'small', 1), 'failed|ERROR: memory required exceeds the limit|t', 'course_recsys.max_memory of the role');
is($admin->query(q{SELECT count(*) FROM recsys_model_versions WHERE model IN ('gone', 'slow', 'hasty', 'small')}), 0,
	'failed runs leave no version');
is($admin->query('SELECT count(*) FROM recsys_progress'), 0, 'and no training run');

is(run($worker_admin, 'knn', 1), 'succeeded|SELECT 1|t', 'background workers: a new version');
is(versions($worker_admin, 'knn'), '1,2*', 'and it is published');
is(run($worker_admin, 'gone', 1), 'failed|ERROR: relation public.ratings_gone of dataset "gone" does not exist|t',
	'background workers: a failing run');
for my $case ([ $node, 'connections' ], [ $workers, 'background workers' ])
{
	my ($server, $what) = @$case;
	like(PostgreSQL::Test::Utils::slurp_file($server->logfile), qr/ERROR: +relation public\.ratings_gone of dataset "gone" does not exist/,
		"$what: the error is in the server's log");
}

# --- the queries of the page ---------------------------------------------------------------------------

my $checked = $admin->query('SELECT jobname, status, version, published FROM ('
		. statement('Check the runs', qr/recsys_model_versions/) . ') AS q');
like($checked, qr/^retrain knn\|succeeded\|2\|t$/m, 'the query of runs shows the version that a run published');
like($checked, qr/^retrain gone\|failed\|\|$/m, 'and a run that failed');
my $alert = statement('Alerts', qr/last_error/);
my $alerts = $admin->query($alert);
like($alerts, qr/^retrain gone\|\|ERROR: +relation public\.ratings_gone/m, 'the alert names the failing job and its error');
like($alerts, qr/^retrain $_\|\|/m, "the alert names the job $_") for 'hasty', 'small', 'slow';
unlike($alerts, qr/^retrain (knn|overlap|counted)/m, 'and none that succeeded');
my $stale = statement('Alerts', qr/8 days/);
is($admin->query($stale), '', 'no model is old');
$admin->query(q{BEGIN; UPDATE recsys_model SET trained_at = trained_at - interval '9 days' WHERE model = 'counted'});
like($admin->query($stale), qr/^counted\|2\|/, 'the query of old models finds one');
$admin->query('ROLLBACK');

# --- until the second tick: nothing changes, except what was in the way ---------------------------------

$holder->query('ROLLBACK');
$admin->query(q{CREATE TABLE ratings_gone AS TABLE ratings_main; GRANT SELECT ON ratings_gone TO trainer; DELETE FROM slow});
is($trainer->query(q{SELECT count(*) FROM train_model('slow', 'popular', dataset => 'slow', wait => false)}), 1,
	'the cancelled run holds no lock');
like($trainer->query(statement('Keep the history short', qr/DELETE/)), qr/^\d+$/, 'a job that clears the history');
my ($delete) = statement('Keep the history short', qr/DELETE/) =~ /\$\$(.*)\$\$/s;
$trainer->query($delete);
is($trainer->query('SELECT count(*) > 0 FROM cron.job_run_details'), 't', 'which does not delete young runs');

await_runs($admin, 2, keys %arguments, 'hasty', 'small');
await_runs($worker_admin, 2, 'knn', 'gone');
is(run($admin, 'knn', 2), 'succeeded|0 rows|t', 'unchanged data: the run makes no row');
is(versions($admin, 'knn'), '1,2*', 'and no version');
is(run($worker_admin, 'knn', 2), 'succeeded|SELECT 0|t', 'background workers: unchanged data');
is(versions($worker_admin, 'knn'), '1,2*', 'and no version');
is(run($admin, 'overlap', 2), 'succeeded|1 row|t', 'after the other transaction has ended, the run trains');
is(versions($admin, 'overlap'), '1,2*', 'and publishes');
is(run($admin, 'gone', 2), 'succeeded|1 row|t', 'the table is there again: the run succeeds');
is(run($admin, 'slow', 2), 'succeeded|0 rows|t', 'trained by hand meanwhile: nothing to do');
is(run($worker_admin, 'gone', 2), 'failed|ERROR: relation public.ratings_gone of dataset "gone" does not exist|t',
	'background workers: what fails goes on failing');

is($trainer->query(statement('Stop a run', qr/unschedule/)), 't', 'the job is taken away');
is($trainer->query(q{SELECT count(*) FROM cron.job WHERE jobname = 'retrain knn'}), 0, 'and is gone');

$_->quit for $admin, $trainer, $reader, $holder, $hasty, $small, $worker_admin, $worker_trainer;
$_->stop for $node, $workers;
done_testing();
