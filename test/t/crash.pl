# The backend that trains is killed at any moment: the server comes back, with no half model and no lock, and trains.
# RECSYS_CRASHES sets how often.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Recsys;
use Test::More;
use Time::HiRes 'sleep';

my $crashes = $ENV{RECSYS_CRASHES} // 10;
my $node = new_server('crash', 'restart_after_crash = on', 'course_recsys.threads = 2');
add_dataset($node, 'plain', 20_000, 1_500, 400_000);
my $train = q{SELECT version FROM train_model('m', 'knn', '{"user_based": true}', 'plain')};
my $seconds = $node->safe_psql('postgres', $train =~ s/version/seconds/r);
my $answer = q{SELECT string_agg(course_id || ' ' || score, ',' ORDER BY rank) FROM recommend_courses(5, 'm')};
my $expected = $node->safe_psql('postgres', $answer);
my $version = 1;
my %phases;

srand 7;
for my $crash (1 .. $crashes)
{
	my $victim = session($node);
	my $watcher = session($node);
	$victim->begin($train);
	sleep 1.1 * $seconds * ($crash - rand) / $crashes;
	my $phase = $watcher->query("SELECT phase FROM recsys_progress") || 'none';
	kill 'KILL', $victim->{pid};
	my ($done) = $victim->finish;
	$_->quit for $victim, $watcher;
	$phases{$phase}++;

	$node->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die "the server did not come back\n";
	# A run that was through counts, also when its client was not told any more.
	my $published = $node->safe_psql('postgres', 'SELECT max(version) FROM recsys_model WHERE published');
	$version++ if $done ne '' || $published == $version + 1;
	is($node->safe_psql('postgres', q{
		SELECT (SELECT string_agg(version::text, ',') FROM recsys_model WHERE published),
			(SELECT count(*) FROM recsys_model_data d WHERE NOT EXISTS (SELECT FROM recsys_model m WHERE m.build = d.build)),
			(SELECT count(*) FROM recsys_model m
				WHERE bytes <> (SELECT sum(length(data)) FROM recsys_model_data d WHERE d.build = m.build)),
			(SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'), (SELECT count(*) FROM recsys_progress)}),
		"$version|0|0|0|0", "killed while $phase: the old version, whole; no lock, no progress");
	is($node->safe_psql('postgres', $answer), $expected, "killed while $phase: it answers as before");
	next if $crash % 5;
	is($node->safe_psql('postgres', $train), ++$version, 'training works');
	is($node->safe_psql('postgres', $answer), $expected, 'and the new version answers the same');
}
note("killed while $_: $phases{$_}") for sort keys %phases;

$node->stop;
done_testing();
