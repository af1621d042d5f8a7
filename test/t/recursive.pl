# Relations and policies that call the extension's functions: from within a call, of the same and of other models, while
# other sessions retrain, roll back and publish all of them.  No crash, no answer mixed from two versions, no memory held.
#
# RECSYS_RECURSIVE_SECONDS: how long sessions work against each other.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Recsys;
use Test::More;
use Time::HiRes 'time';

my $seconds = $ENV{RECSYS_RECURSIVE_SECONDS} // 3;
my $node = new_server('recursive', 'fsync = off', 'jit = off', 'shared_buffers = 16MB', 'max_stack_depth = 1MB');
add_whole_dataset($node, 'plain', 200, 60, 3_000);
my @methods = methods($node);

# Versions of model "inner" are told apart by which courses its popularity counts: all scores of a version are in ratings
# of one weight, so an answer that mixes two versions has scores of two weights.
$node->safe_psql('postgres', q{
	CREATE TABLE weight (w int); INSERT INTO weight VALUES (1);
	CREATE TABLE inner_ratings AS SELECT u AS user_id, c AS course_id, 3::real AS rating
		FROM generate_series(1, 8) AS u, generate_series(1, 60) AS c;
	CREATE VIEW weighted_ratings AS SELECT user_id * 1000 + n AS user_id, course_id, rating
		FROM inner_ratings, weight, generate_series(1, w) AS n;
	ANALYZE weight, inner_ratings;
	SELECT register_dataset('weighted', 'weighted_ratings', 'courses_plain');
	SELECT train_model('inner', 'popular', dataset => 'weighted');
	SELECT train_model('rater', 'knn', dataset => 'plain');

	-- A view of courses that asks other models for some rows, one that trains a model, and those that ask the model itself.
	CREATE VIEW asking_courses AS SELECT c.* FROM courses_plain c
		WHERE CASE WHEN c.id = 1 THEN (SELECT count(*) FROM recommend_courses(c.id, 'inner', 2)) ELSE 2 END = 2
			AND CASE WHEN c.id = 2 THEN predict_rating(c.id, '5', 'rater') ELSE 3 END BETWEEN 1 AND 5;
	CREATE FUNCTION train_inside() RETURNS bigint LANGUAGE sql VOLATILE AS
		$$ SELECT count(*) FROM train_model('inside_' || current_user, 'popular', dataset => 'plain', wait => false) $$;
	CREATE VIEW training_courses AS SELECT c.* FROM courses_plain c, (SELECT train_inside() OFFSET 0) t;
	CREATE VIEW own_courses AS SELECT c.* FROM courses_plain c WHERE (SELECT count(*) FROM recommend_courses(1, 'own', 1)) = 1;
	CREATE VIEW own_ratings AS SELECT * FROM ratings_plain r WHERE (SELECT count(*) FROM recommend_courses(r.user_id, 'own_by_ratings', 1)) = 1;

	-- Ratings under a policy that asks a model.
	CREATE ROLE pupil LOGIN;
	GRANT SELECT ON pg_backend_memory_contexts TO pupil;
	GRANT EXECUTE ON FUNCTION pg_get_backend_memory_contexts() TO pupil;
	GRANT USAGE ON SCHEMA recsys TO pupil;
	CREATE TABLE guarded AS TABLE ratings_plain;
	CREATE INDEX ON guarded (user_id);
	CREATE POLICY asks ON guarded FOR SELECT TO pupil USING (
		course_id::text IN (SELECT course_id FROM recommend_courses(1, 'inner', 60, exclude_seen => false)));
	ALTER TABLE guarded ENABLE ROW LEVEL SECURITY;
	GRANT SELECT ON guarded, courses_plain, users_plain, ratings_plain, weighted_ratings, asking_courses, training_courses,
		inner_ratings, weight TO pupil;
	SELECT register_dataset('asking', 'ratings_plain', 'asking_courses', genre_columns => '{g1,g2}',
		users => 'users_plain', user_feature_columns => '{age,country}');
	SELECT register_dataset('training', 'ratings_plain', 'training_courses', genre_columns => '{g1,g2}',
		users => 'users_plain', user_feature_columns => '{age,country}');
	SELECT register_dataset('guarded', 'guarded', 'courses_plain', genre_columns => '{g1,g2,g3}',
		users => 'users_plain', user_feature_columns => '{age,country}')});

my ($writer, $reader) = (session($node), session($node));
my $pupil = session($node, user => 'pupil');
my $held = q{SELECT count(*) FROM pg_backend_memory_contexts WHERE name IN ('course_recsys job', 'course_recsys stored model')};

for my $method (@methods)
{
	for my $dataset ('asking', 'training', 'guarded')
	{
		is($writer->query("SELECT version FROM train_model('${dataset}_$method', '$method', dataset => '$dataset')"), 1,
			"$method: training on the dataset \"$dataset\"");
		is($_->query("SELECT count(*) FROM recommend_courses(5, '${dataset}_$method', 5)"), 5, "$method on \"$dataset\": an answer")
			for $writer, $reader, $pupil;
	}
}

# --- a call within itself ----------------------------------------------------------------------------------

$node->safe_psql('postgres', q{
	SELECT register_dataset('own', 'ratings_plain', 'courses_plain');
	SELECT train_model('own', 'popular', dataset => 'own');
	SELECT register_dataset('own', 'ratings_plain', 'own_courses');
	SELECT register_dataset('own_by_ratings', 'ratings_plain', 'courses_plain');
	SELECT train_model('own_by_ratings', 'knn', dataset => 'own_by_ratings');
	SELECT register_dataset('own_by_ratings', 'own_ratings', 'courses_plain')});
for my $sql ("SELECT * FROM recommend_courses(1, 'own', 3)", "SELECT * FROM recommend_all('own', 3)",
	"SELECT * FROM recommend_courses(1, 'own_by_ratings', 3)", "SELECT predict_rating(1, '5', 'own_by_ratings')",
	"SELECT * FROM recommend_all('own_by_ratings', 3)", "SELECT train_model('own', 'popular', dataset => 'own')",
	"SELECT train_model('own_by_ratings', 'knn', dataset => 'own_by_ratings')",
	"SELECT * FROM explain_recommendation(1, '5', 'own_by_ratings')")
{
	raises($reader, $sql, '54001', 'stack depth limit exceeded', "$sql, of a dataset that asks the model itself");
	is($reader->query($held), 0, 'no memory of the calls is held');
	is($reader->query("SELECT count(*) FROM recommend_courses(5, 'asking_$methods[0]', 5)"), 5, 'the session lives on');
}

# A run that starts the same run: it holds the lock itself, so it does not wait, and goes as deep as the stack.
$node->safe_psql('postgres', q{
	CREATE FUNCTION train_self() RETURNS bigint LANGUAGE sql VOLATILE AS
		$$ SELECT count(*) FROM train_model('self', 'popular', dataset => 'self') $$;
	CREATE VIEW self_ratings AS SELECT r.* FROM inner_ratings r, (SELECT train_self() OFFSET 0) t;
	SELECT register_dataset('self', 'self_ratings')});
raises($reader, q{SELECT train_model('self', 'popular', dataset => 'self')}, '54001', 'stack depth limit exceeded',
	'training that trains itself');
is($reader->query(left_behind()), '0|0|0|0|0', 'nothing is left of it');
is($reader->query("SELECT count(*) FROM recsys_model WHERE model = 'self'"), 0, 'nor a version');

# A run whose data publish another version of its own model, once: numbers are given once.
$node->safe_psql('postgres', q{
	CREATE TABLE once (done boolean); INSERT INTO once VALUES (false);
	CREATE FUNCTION train_once() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
	BEGIN
		UPDATE once SET done = true WHERE NOT done;
		IF FOUND THEN RETURN (SELECT count(*) FROM train_model('twice', 'popular', dataset => 'twice')); END IF;
		RETURN 0;
	END $$;
	CREATE VIEW twice_ratings AS SELECT r.* FROM inner_ratings r, (SELECT train_once() OFFSET 0) t;
	SELECT register_dataset('twice', 'twice_ratings')});
answers($reader, q{SELECT version FROM train_model('twice', 'popular', dataset => 'twice')}, '2',
	'training within training of one model: the outer run ends last');
answers($reader, q{SELECT string_agg(version || CASE WHEN published THEN '*' ELSE '' END, ',' ORDER BY version)
	FROM recsys_model WHERE model = 'twice'}, '1,2*', 'and is the one that is served');
is($reader->query(left_behind()), '0|0|0|0|0', 'both are whole');

# --- while others retrain ----------------------------------------------------------------------------------

# Statements of the writers, sent again and again.
my @writing = (
	q{UPDATE weight SET w = 1 + w % 3; SELECT version FROM train_model('inner', 'popular', dataset => 'weighted')},
	q{SELECT rollback_model('inner')}, q{SELECT version FROM train_model('rater', 'knn', dataset => 'plain')},
	(map { my $m = $_; map { "SELECT version FROM train_model('${_}_$m', '$m', dataset => '$_')" } 'asking', 'training', 'guarded' } @methods),
	q{SELECT publish_model('inner', (SELECT max(version) FROM recsys_model WHERE model = 'inner'))});

# Answers that cannot be mixed: popularity counts eight ratings a course and unit of weight.
my $whole = q{SELECT count(*) = 60 AND min(score) = max(score) AND min(score) IN (8, 16, 24)
	FROM recommend_courses(NULL::int, 'inner', 60, exclude_seen => false)};
my @reading = ($whole, map { my $m = $_; map { "SELECT count(*) = 5 FROM recommend_courses(5, '${_}_$m', 5)" } 'asking', 'training', 'guarded' } @methods);

my @writers = ($writer, session($node));
my @readers = ($reader, $pupil, session($node));
my %said;
my %next = (map({ $_ => 7 * $_ } 0 .. 4));
my ($trained, $answered) = (0, 0);
my $memory = q{SELECT sum(total_bytes) FROM pg_backend_memory_contexts};
my %before;
my $asked = 0;      # statements of each reader

# What a session said to what it was sent, counted by kind.
sub take
{
	my ($kind, $session) = @_;
	my ($out, $err) = $session->finish;
	$said{$kind . ': ' . ($err =~ /^(ERROR:  \w+: [^\n]*)/m ? $1 : $kind eq 'answer' ? $out : 'done')}++;
	$kind eq 'answer' ? $answered++ : $trained++;
	return;
}

# A session that has not asked all yet has models still to load: so at least two rounds, however slow the machine.
my $end = time + $seconds;
while (time < $end || $asked < 2 * @reading)
{
	$writers[$_]->begin($writing[$next{$_}++ % @writing]) for 0, 1;
	for (1 .. 4)
	{
		$readers[$_]->begin($reading[$next{$_ + 2}++ % @reading]) for 0 .. 2;
		take('answer', $_) for @readers;
		$asked++;
	}
	take('change', $_) for @writers;
	%before = map { $_ => scalar $_->query($memory) } @readers if !%before && $asked >= @reading;
}
note("$_ ($said{$_} times)") for sort keys %said;
note("$trained changes, $answered answers");
cmp_ok($said{'answer: t'}, '==', $answered, 'every answer is whole and of one version');
# Two writers may roll back what the other has withdrawn already.
is(join(', ', grep { !/^change: (done|ERROR:  55000: model "inner" has no earlier version)/ && !/^answer: t$/ } sort keys %said), '',
	'no change fails but for want of a version to roll back to');
is($_->query($held), 0, 'no memory of calls is held') for @readers, @writers;
cmp_ok($_->query($memory) - $before{$_}, '<', 262144, 'sessions have not grown') for @readers;
is($reader->query(left_behind()), '0|0|0|0|0', 'nothing is left');
$_->quit for @writers, @readers;
$node->stop;
done_testing();
