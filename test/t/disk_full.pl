# The disk is full while a run loads, fits or saves, while many users are answered, and while WAL is written: an error
# that says so, no half model; the old version is served; when there is room again, training works.  Every method.
#
# A library that is preloaded into the server makes its writes fail (full_disk.c): exact, and without a disk of our own.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Recsys;
use Test::More;

my $library = "$PostgreSQL::Test::Utils::tmp_check/full_disk.so";
my $compiler = $ENV{CC} // 'cc';
plan skip_all => 'needs Linux' unless $^O eq 'linux';
plan skip_all => 'needs a C compiler'
	if system("$compiler -shared -fPIC -O1 -Wall -Werror -o $library $FindBin::RealBin/full_disk.c -ldl") != 0;
my $order = "$PostgreSQL::Test::Utils::tmp_check/full_disk";
my $node;
{
	local $ENV{LD_PRELOAD} = $library;
	local $ENV{FULL_DISK} = $order;
	# Small segments of WAL: a model needs a new one.
	$node = PostgreSQL::Test::Cluster->new('disk_full');
	$node->init(extra => ['--wal-segsize=1']);
	$node->append_conf('postgresql.conf', "search_path = 'public, recsys'\nshared_buffers = 16MB\nmin_wal_size = 2MB
max_wal_size = 4MB\nrestart_after_crash = on\nwork_mem = 64kB\ncourse_recsys.max_memory = '256MB'\nautovacuum = off\n");
	$node->start;
}
$node->safe_psql('postgres', 'CREATE SCHEMA recsys; CREATE EXTENSION course_recsys SCHEMA recsys');
add_whole_dataset($node, 'plain', 3_000, 900, 30_000);
$node->safe_psql('postgres', q{
	CREATE VIEW ratings_sorted AS SELECT * FROM ratings_plain ORDER BY rating, course_id;
	SELECT register_dataset('sorted', 'ratings_sorted', 'courses_plain', genre_columns => '{g1,g2,g3}',
		users => 'users_plain', user_feature_columns => '{age,country}')});
my @methods = methods($node);
my ($session, $watcher) = (session($node), session($node));
my %expected;

# From now on writes to files with this in their path fail, but for the first few.
sub fill
{
	my ($pattern, $skip) = @_;
	open my $file, '>', "$order.new" or die "cannot write $order.new: $!\n";
	print $file "$skip $pattern";
	close $file or die "cannot write $order.new: $!\n";
	rename "$order.new", $order or die "cannot make $order: $!\n";
	return;
}

# There is room again.
sub make_room
{
	unlink $order;
	return;
}

# What a model answers, in one line.
sub answer
{
	my ($method) = @_;
	return qq{SELECT string_agg(u || ' ' || course_id || ' ' || COALESCE(score, -1), ',' ORDER BY u, rank)
		FROM unnest('{5,77,999999}'::int[]) AS u, recommend_courses(u, 'm_$method')};
}

# SQL that trains the model of a method.
sub training
{
	my ($method, $dataset) = @_;
	my $params = $method eq 'knn' ? '{"user_based": true}' : '{}';
	return "SELECT version FROM train_model('m_$method', '$method', '$params', '$dataset', wait => false)";
}

# After a failure: the session that met it and another one serve the version of before; nothing is left; training works.
sub all_well
{
	my ($method, $version, $name) = @_;
	answers($_, answer($method), $expected{$method}, "$name: the old version is served") for $session, $watcher;
	is($watcher->query(left_behind()), '0|0|0|0|0', "$name: nothing is left");
	is($session->query(training($method, 'plain')), $version, "$name: training works, with the next number");
	is($session->query(answer($method)), $expected{$method}, "$name: the new version answers the same");
	return;
}

# Where the chunks and their parts out of line go: relations are full when they have to grow.
my $growing = sub {
	return $watcher->query(q{SELECT pg_relation_filepath(reltoastrelid) FROM pg_class WHERE oid = 'recsys.recsys_model_data'::regclass}) };
my $full = 'could not (?:extend|write to) file .*No space left on device';

my %version;
for my $method (@methods)
{
	$version{$method} = $session->query(training($method, 'plain'));
	$expected{$method} = $session->query(answer($method));
	$watcher->query(answer($method));
}

for my $method (@methods)
{
	# Loading: a sort of the ratings that spills.
	fill('pgsql_tmp', 0);
	raises($session, training($method, 'sorted'), '53100', $full, "$method, full while loading: the server's error");
	make_room();
	all_well($method, ++$version{$method}, "$method, full while loading");

	# Saving: at once, and after some of the pages.
	for my $skip (0, 3)
	{
		$watcher->query('VACUUM recsys_model_data; VACUUM FULL recsys_model_data');
		fill($growing->(), $skip);
		my (undef, $error) = $session->query(training($method, 'plain'));
		make_room();
		# A small model may need fewer pages than there are.
		if ($error eq '')
		{
			$version{$method}++;
			isnt($skip, 0, "$method: the model needs a page at least");
		}
		like($error, qr/^ERROR:  53100: $full/, "$method, full after $skip pages of saving: the server's error") if $error ne '';
		all_well($method, ++$version{$method}, "$method, full after $skip pages of saving");
	}

	# Fitting needs no disk: what is full then is met when saving.
	$watcher->query('VACUUM FULL recsys_model_data');
	fill('/base/', 0);
	my (undef, $error) = $session->query("SET client_min_messages = error; " . training($method, 'plain'));
	make_room();
	like($error, qr/^ERROR:  53100: $full/, "$method, the whole data directory is full: the server's error");
	all_well($method, ++$version{$method}, "$method, the whole data directory is full");
}

# Rows for many users go to a file when they exceed work_mem.
for my $method (@methods)
{
	fill('pgsql_tmp', 0);
	raises($session, "SELECT count(*) FROM recommend_all('m_$method', 5)", '53100', $full, "$method, recommend_all on a full disk");
	make_room();
	is($session->query("SELECT count(*) > 10000 FROM recommend_all('m_$method', 5)"), 't', "$method, recommend_all with room");
	is($session->query(answer($method)), $expected{$method}, "$method: and one user");
}
is(join(' ', glob $node->data_dir . '/base/pgsql_tmp/*'), '', 'no temporary file is left');

# --- WAL -------------------------------------------------------------------------------------------------

# No room for a new file of WAL: the server cannot go on, restarts, and must find everything whole when there is room.
# Files that lie ready are used up first, so the methods train in turn until one fails.
$watcher->query('CHECKPOINT');
my %committed = %version;
my ($runs, $rows, $failed) = (0, '', '');
fill('pg_wal/xlogtemp', 0);
while ($failed eq '' && $runs < 500)
{
	my $method = $methods[$runs++ % @methods];
	($rows, $failed) = $session->query(training($method, 'plain'));
	$committed{$method} = $rows if $failed eq '';
}
like($failed, qr/No space left on device|57P02|server closed the connection/, "no room for WAL: run $runs ends by an error of the server");
make_room();
$_->quit for $session, $watcher;
# Until the postmaster has collected the session's process, it may not know yet, and new sessions would soon be ended.
wait_until('the postmaster knows', sub { !-e "/proc/$session->{pid}" });
wait_until('the server is back or down', sub { !-e $node->data_dir . '/postmaster.pid' || is_back($node) });
unless (-e $node->data_dir . '/postmaster.pid')
{
	local $ENV{LD_PRELOAD} = $library;
	local $ENV{FULL_DISK} = $order;
	$node->_update_pid(0);
	$node->start;
}
($session, $watcher) = (session($node), session($node));
for my $method (@methods)
{
	# The run that met the error may have been committed without its client being told.
	$version{$method} = $watcher->query("SELECT max(version) FROM recsys_model WHERE model = 'm_$method'");
	cmp_ok($version{$method} - $committed{$method}, '>=', 0, "$method: what was committed is there");
	all_well($method, $version{$method} + 1, "$method, after there was no room for WAL");
}

$_->quit for $session, $watcher;
$node->stop;
done_testing();
