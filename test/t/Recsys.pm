# Recsys.pm: what the server-level tests share: a server with the extension and a generated dataset, and
# sessions that run statements while the test does something else.
package Recsys;

use strict;
use warnings;
use Exporter 'import';
use IPC::Run ();
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);

our @EXPORT = qw(new_server add_dataset add_whole_dataset add_school $school_answers methods left_behind session
	wait_until is_back raises answers);

# What a test dies of is said where its results are, and not in its log alone.
$SIG{__DIE__} = sub { Test::More::diag("died: $_[0]") unless $^S };

# Starts a server with the extension in schema "recsys", which is on the search path.
sub new_server
{
	my ($name, @settings) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);
	$node->init(allows_streaming => 1);
	$node->append_conf('postgresql.conf', join("\n", "search_path = 'public, recsys'", 'max_wal_size = 4GB',
		"course_recsys.max_memory = '1GB'", @settings, ''));
	$node->start;
	$node->safe_psql('postgres', 'CREATE SCHEMA recsys; CREATE EXTENSION course_recsys SCHEMA recsys');
	return $node;
}

# SQL for a number from 0 to n - 1 that depends on i and the stream only.
sub drawn
{
	my ($stream, $n) = @_;
	return "((hashint8(i * 64 + $stream) & 16777215)::bigint * $n >> 24)";
}

# Creates and registers a dataset: tables ratings_NAME and courses_NAME, few popular courses, three genres.
sub add_dataset
{
	my ($node, $name, $users, $courses, $ratings) = @_;
	my ($user, $course, $among) = (drawn(1, $users), drawn(2, 4096), drawn(3, $courses));
	$node->safe_psql('postgres', qq{
		CREATE TABLE courses_$name AS SELECT i AS id, 'Course ' || i AS title,
			(i % 7 = 0)::int AS g1, (i % 5 = 0)::int AS g2, (i % 3 = 0)::int AS g3
			FROM generate_series(1, $courses) AS i;
		ALTER TABLE courses_$name ADD PRIMARY KEY (id);
		CREATE TABLE ratings_$name AS SELECT ($user)::int AS user_id, (1 + ($course * $among >> 12))::int AS course_id,
			(1 + @{[drawn(4, 5)]})::real AS rating FROM generate_series(1::bigint, $ratings) AS i;
		CREATE INDEX ON ratings_$name (user_id);
		ANALYZE courses_$name, ratings_$name;
		SELECT register_dataset('$name', 'ratings_$name', 'courses_$name', genre_columns => '{g1,g2,g3}')});
}

# The same with descriptions and attributes of users: every method can be trained on it.
sub add_whole_dataset
{
	my ($node, $name, $users, $courses, $ratings) = @_;
	add_dataset($node, $name, $users, $courses, $ratings);
	$node->safe_psql('postgres', qq{
		ALTER TABLE courses_$name ADD description text;
		UPDATE courses_$name SET description = 'topic' || id % 40 || ' field' || id % 11 || ' level' || id % 3;
		CREATE TABLE users_$name AS SELECT i AS id, i % 7 AS age, i % 3 AS country FROM generate_series(1, $users) AS i;
		ALTER TABLE users_$name ADD PRIMARY KEY (id);
		VACUUM ANALYZE courses_$name, users_$name;
		SELECT register_dataset('$name', 'ratings_$name', 'courses_$name', genre_columns => '{g1,g2,g3}',
			users => 'users_$name', user_feature_columns => '{age,country}')});
}

# Names of all methods.
sub methods
{
	my ($node) = @_;
	return split /\n/, $node->safe_psql('postgres', 'SELECT method FROM recsys_methods()');
}

# What only runs that were stopped can leave, counted: versions whose data are not whole, data of no version, two published
# versions of a model, our locks (class 3) of a session or a lost transaction, runs in progress.
sub left_behind
{
	return q{SELECT
		(SELECT count(*) FROM recsys_model m WHERE bytes IS DISTINCT FROM
			(SELECT sum(length(data)) FROM recsys_model_data d WHERE d.build = m.build)) AS incomplete,
		(SELECT count(*) FROM recsys_model_data d WHERE NOT EXISTS (SELECT FROM recsys_model m WHERE m.build = d.build)) AS stray,
		(SELECT count(*) FROM (SELECT FROM recsys_model WHERE published GROUP BY model HAVING count(*) > 1) p) AS twice,
		(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory') AS locks,
		(SELECT count(*) FROM recsys_progress) AS runs};
}

# Creates a small school with all that any method reads, dataset "school", and models of every method: two versions
# each, of "knn" the second rolled back, of "unpublished" none published. The tables are in a schema that exists.
sub add_school
{
	my ($node, $in) = @_;
	$in //= 'public';
	$node->safe_psql('postgres', qq{
		SET search_path = $in, recsys;
		CREATE TABLE users AS SELECT i AS id, CASE WHEN i % 3 = 0 THEN 'north' END AS region FROM generate_series(1, 60) AS i;
		CREATE TABLE courses AS SELECT i AS id, 'Course ' || i AS title, 'word' || i % 4 || ' topic' || i % 7 AS description,
			i % 2 AS odd, i % 3 = 0 AS third FROM generate_series(1, 30) AS i;
		CREATE TABLE ratings AS SELECT (@{[drawn(1, 60)]})::int + 1 AS user_id, (@{[drawn(2, 30)]})::int + 1 AS course_id,
			(@{[drawn(3, 5)]})::real + 1 AS rating, timestamptz '2024-01-01 00:00+00' + i * interval '1 hour' AS rated_at
			FROM generate_series(1::bigint, 600) AS i;
		CREATE INDEX ON ratings (user_id);
		ANALYZE users, courses, ratings;
		SELECT register_dataset('school', 'ratings', 'courses', time_column => 'rated_at', genre_columns => '{odd,third}',
			users => 'users', user_feature_columns => '{region}');
		SELECT train_model(method, method, dataset => 'school') FROM recsys_methods(), generate_series(1, 2);
		SELECT train_model('users', 'knn', '{"user_based": true}', 'school') FROM generate_series(1, 2);
		SELECT train_model('unpublished', 'knn', dataset => 'school', publish => false);
		SELECT rollback_model('knn')});
	return;
}

# All that the models of the school answer.
our $school_answers = q{SELECT string_agg(concat_ws(' ', m.model, m.version,
		(SELECT md5(string_agg(r::text, ',' ORDER BY r.user_id COLLATE "C", r.rank)) FROM recommend_all(m.model, 30, false) AS r),
		(SELECT md5(string_agg(r::text, ',' ORDER BY u, r.rank)) FROM generate_series(1, 61) AS u, recommend_courses(u, m.model, 30) AS r),
		CASE WHEN t.predicts_ratings THEN (SELECT md5(string_agg(predict_rating(u, '7', m.model)::text, ',' ORDER BY u))
			FROM generate_series(1, 61) AS u) END), E'\n' ORDER BY m.model COLLATE "C")
	FROM recsys_models AS m JOIN recsys_methods() AS t USING (method) WHERE m.dataset = 'school'};

# Waits until the code returns true; fails the test run after a minute, or as many seconds as are given.
sub wait_until
{
	my ($what, $code, $seconds) = @_;
	my $end = time + ($seconds // 60);
	until ($code->())
	{
		die "timed out waiting until $what\n" if time > $end;
		sleep 0.005;
	}
}

# Does the server take sessions?  (poll_query_until writes to its psql, which may have been refused and be gone: a broken
# pipe then ends the test.)
sub is_back
{
	my ($node) = @_;
	my ($out, $err);
	return IPC::Run::run([ $node->installed_command('psql'), '-XAtc', 'SELECT pg_is_in_recovery()', '-d', $node->connstr('postgres') ],
		'<', '/dev/null', '>', \$out, '2>', \$err) && $out eq "f\n";
}

# Runs sql in a session and compares the SQLSTATE, and the text that psql shows of the error.
sub raises
{
	my ($session, $sql, $state, $text, $name) = @_;
	my (undef, $error) = $session->query($sql);
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	like($error, qr/^ERROR:  \Q$state\E: .*$text/s, $name);
}

# Runs sql in a session and compares its rows.
sub answers
{
	my ($session, $sql, $expected, $name) = @_;
	my ($rows, $error) = $session->query($sql);
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is("$rows$error", $expected, $name);
}

# Opens a session: a psql that stays.
sub session
{
	my ($node, %options) = @_;
	my $self = bless { in => '', out => '', err => '', n => 0 }, 'Recsys::Session';
	my $connection = $node->connstr($options{database} // 'postgres') . " user=" . ($options{user} // getpwuid($<));
	$self->{timer} = IPC::Run::timeout(180);
	$self->{psql} = IPC::Run::start(
		[ $node->installed_command('psql'), '-XAtq', '-v', 'VERBOSITY=verbose', '-d', $connection ],
		'<', \$self->{in}, '>', \$self->{out}, '2>', \$self->{err}, $self->{timer});
	$self->{pid} = $self->query('SELECT pg_backend_pid()');
	return $self;
}

package Recsys::Session;

# Sends statements without waiting for them.
sub begin
{
	my ($self, $sql) = @_;
	$self->{timer}->start(180);
	$self->{n}++;
	$self->{in} .= "$sql\n;\n\\echo end $self->{n}\n\\warn end $self->{n}\n";
	$self->{psql}->pump_nb while length $self->{in} && $self->{psql}->pumpable;
	return;
}

# Have they come to their end?
sub ended
{
	my ($self) = @_;
	$self->{psql}->pump_nb if $self->{psql}->pumpable;
	return $self->{out} =~ /(?:^|\n)end $self->{n}\n/;
}

# Waits for them; returns rows and errors, which are also all that there is when the connection is lost.
sub finish
{
	my ($self) = @_;
	my $end = qr/(?:^|(?<=\n))end $self->{n}\n/;
	while ($self->{out} !~ $end || $self->{err} !~ $end)
	{
		last unless $self->{psql}->pumpable;
		$self->{psql}->pump;
	}
	my ($out, $err) = map { s/$end//r } @$self{qw(out err)};
	@$self{qw(out err)} = ('', '');
	chomp $out;
	return wantarray ? ($out, $err) : $out;
}

# Both; in scalar context the rows alone, and then an error is fatal.
sub query
{
	my ($self, $sql) = @_;
	$self->begin($sql);
	my ($out, $err) = $self->finish;
	die "\"$sql\" failed: $err\n" if !wantarray && $err =~ /^(?:ERROR|FATAL)/m;
	return wantarray ? ($out, $err) : $out;
}

# A size in the status of the session's process, in MB: VmHWM is the peak of the resident set, VmSize the address space.
sub memory
{
	my ($self, $field) = @_;
	open my $file, '<', "/proc/$self->{pid}/status" or die "cannot read the status of $self->{pid}: $!\n";
	my ($kb) = map { /^$field:\s+(\d+) kB/ } <$file>;
	return $kb / 1024;
}

# Forgets the peak of the resident set; returns the present size.
sub forget_peak
{
	my ($self) = @_;
	open my $file, '>', "/proc/$self->{pid}/clear_refs" or die "cannot open clear_refs of $self->{pid}: $!\n";
	print $file "5\n";
	close $file or die "cannot write clear_refs of $self->{pid}: $!\n";
	return $self->memory('VmHWM');
}

# Ends the session.
sub quit
{
	my ($self) = @_;
	eval { $self->{in} .= "\\q\n"; $self->{psql}->finish; };
	return;
}

1;
