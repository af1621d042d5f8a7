# A model whose stored rows are damaged is refused with an error that names what is wrong; the session lives on, and
# training again repairs it.  Damage is done to the rows by hand, as a superuser.
#
# RECSYS_DAMAGE_ROUNDS and RECSYS_DAMAGE_SEED: how many forged models of each method are tried, and which.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use Recsys;
use Test::More;

my $rounds = $ENV{RECSYS_DAMAGE_ROUNDS} // 60;
my $node = new_server('damage', 'fsync = off');
add_dataset($node, 'plain', 5_000, 3_000, 200_000);
my $admin = session($node);
my $reader = session($node);

my $serve = q{SELECT count(*) FROM recommend_courses(7, 'm', 5)};
$admin->query(q{SELECT train_model('m', 'knn', dataset => 'plain')});
is($admin->query('SELECT count(*) > 2 FROM recsys_model_data'), 't', 'the model has several chunks');
is($reader->query($serve), 5, 'it answers');
$admin->query('CREATE TABLE good AS SELECT * FROM recsys_model_data; CREATE TABLE good_model AS SELECT * FROM recsys_model');

# Puts the good rows back.
sub repair
{
	$admin->query('BEGIN; TRUNCATE recsys_model_data, recsys_model; INSERT INTO recsys_model SELECT * FROM good_model;
		INSERT INTO recsys_model_data SELECT * FROM good; COMMIT');
}

# Damages the rows with sql and expects an error of every function that reads the model, in a session that has not
# seen it; then the rows are put back and the same session serves.
sub damaged
{
	my ($name, $sql, $state, $text) = @_;
	my $session = session($node);
	$admin->query($sql);
	raises($session, $serve, $state, $text, $name);
	raises($session, $_, $state, $text, "$name: $_") for q{SELECT count(*) FROM similar_courses('1', 'm')},
		q{SELECT predict_rating(7, '1', 'm')}, q{SELECT count(*) FROM recommend_all('m', 1)};
	repair();
	is($session->query($serve), 5, "$name: the session serves the model when it is whole again");
	$session->quit;
}

# SQL that flips one bit of a byte of a chunk.
sub flip
{
	my ($chunk, $byte) = @_;
	return "UPDATE recsys_model_data SET data = set_byte(data, $byte, get_byte(data, $byte) # 1) WHERE chunk = $chunk";
}

my $incomplete = 'data of model "m" version 1 is not complete.*Train the model again, or roll back to another version';
my $corrupt = 'model data is damaged';

damaged('a chunk less', 'DELETE FROM recsys_model_data WHERE chunk = 1', 'XX001', $incomplete);
damaged('the last chunk less', 'DELETE FROM recsys_model_data WHERE chunk = (SELECT max(chunk) FROM recsys_model_data)',
	'XX001', $incomplete);
damaged('no chunk', 'TRUNCATE recsys_model_data', 'XX001', $incomplete);
damaged('a truncated chunk', 'UPDATE recsys_model_data SET data = substr(data, 1, 1000) WHERE chunk = 1', 'XX001', $incomplete);
damaged('an empty chunk', q{UPDATE recsys_model_data SET data = '' WHERE chunk = 0}, 'XX001', $incomplete);
damaged('a longer chunk', q{UPDATE recsys_model_data SET data = data || '\x00' WHERE chunk = 1}, 'XX001', $incomplete);
damaged('a chunk too many', q{INSERT INTO recsys_model_data SELECT build, max(chunk) + 1, '\x00' FROM recsys_model_data GROUP BY 1},
	'XX001', $incomplete);
damaged('chunks swapped', 'UPDATE recsys_model_data SET chunk = chunk - 2 WHERE chunk < 2;
	UPDATE recsys_model_data SET chunk = -1 - chunk WHERE chunk < 0', 'XX001', $corrupt);
damaged('a chunk twice', 'UPDATE recsys_model_data SET data = (SELECT data FROM good WHERE chunk = 0) WHERE chunk = 1', 'XX001', $corrupt);
damaged('a gap in the numbers', 'UPDATE recsys_model_data SET chunk = chunk + 100 WHERE chunk >= 2', 'XX001', $incomplete);
damaged('the length too small', 'UPDATE recsys_model SET bytes = bytes - 1', 'XX001', $incomplete);
damaged('the length too large', 'UPDATE recsys_model SET bytes = bytes + 1', 'XX001', $incomplete);
damaged('no length', 'UPDATE recsys_model SET bytes = 0', 'XX001', $incomplete);
damaged('a negative length', 'UPDATE recsys_model SET bytes = -1', 'XX001', $incomplete);
damaged('an absurd length', 'UPDATE recsys_model SET bytes = 9223372036854775807', '53400', 'exceeds course_recsys.cache_size');
damaged('another build', q{UPDATE recsys_model SET build = '00000000-0000-4000-8000-000000000000'}, 'XX001', $incomplete);

damaged("a bit of byte $_ of the header", flip(0, $_), 'XX001', $corrupt) for 0, 8, 16, 23, 24, 28;
damaged("a bit of byte $_ of the directory", flip(0, $_), 'XX001', $corrupt) for 64, 96, 112;
damaged("a bit of chunk $_->[0]", flip(@$_), 'XX001', $corrupt) for [ 0, 5000 ], [ 1, 0 ], [ 2, 1_000_000 ];

# Any bit of the first 400 bytes (header and directory), in one statement each: an error of a known kind, no crash.
my %states;
my $session = session($node);
for my $byte (map { 7 * $_ } 0 .. 56)
{
	$admin->query(flip(0, $byte));
	my (undef, $error) = $session->query($serve);
	$states{$error =~ /^ERROR:  (\w+)/ ? $1 : 'none'}++;
	repair();
}
is(join(',', grep { !/^(XX001|0A000)$/ } keys %states), '', 'a bit anywhere in header and directory');
is($session->query($serve), 5, 'the session lives on');
$session->quit;

# --- damage with the right checksum: what a newer version or a forger would write ------------------------

my @crc_table = map { my $c = $_; $c = $c & 1 ? ($c >> 1) ^ 0x82F63B78 : $c >> 1 for 1 .. 8; $c } 0 .. 255;

# CRC-32C of a string.
sub crc32c
{
	my ($text) = @_;
	my $crc = 0xFFFFFFFF;
	$crc = $crc_table[($crc ^ $_) & 255] ^ ($crc >> 8) for unpack 'C*', $text;
	return $crc ^ 0xFFFFFFFF;
}

# Stores bytes as the one chunk of model "small", as a build of its own, with their checksum: over all bytes, its own, 28 to 31, being 0.
sub store_bytes
{
	my ($bytes) = @_;
	substr($bytes, 28, 4) = "\0" x 4;
	substr($bytes, 28, 4) = pack 'V', crc32c($bytes);
	$admin->query(q{WITH m AS (SELECT build, gen_random_uuid() AS fresh FROM recsys_model WHERE model = 'small' AND published),
		d AS (UPDATE recsys_model_data d SET build = fresh, data = decode('} . unpack('H*', $bytes) . q{', 'hex')
			FROM m WHERE d.build = m.build)
		UPDATE recsys_model o SET build = fresh FROM m WHERE o.build = m.build});
	return;
}

# The bytes of model "small".
sub read_bytes
{
	return pack 'H*', $admin->query(q{SELECT encode(data, 'hex') FROM recsys_model_data
		WHERE build = (SELECT build FROM recsys_model WHERE model = 'small' AND published)});
}

add_dataset($node, 'small', 60, 40, 500);
my $small = q{SELECT count(*) FROM recommend_courses(7, 'small', 5)};
my %outcomes;
srand($ENV{RECSYS_DAMAGE_SEED} // 1);
for my $params ([ 'knn', '{}' ], [ 'knn', '{"user_based": true}' ], [ 'popular', '{}' ], [ 'user_profile', '{}' ])
{
	my ($method, $json) = @$params;
	$admin->query(qq{SELECT train_model('small', '$method', '$json', 'small')});
	my $bytes = read_bytes();
	store_bytes($bytes);
	is($reader->query($small), 5, "$method $json: the bytes as they were, with our checksum");

	my $newer = $bytes;
	substr($newer, 12, 4) = pack 'V', 1 + unpack 'V', substr $bytes, 12, 4;
	store_bytes($newer);
	raises($reader, $small, '0A000', 'model format \d+ is newer than \d+.*Update course_recsys', "$method $json: a newer format");
	substr($newer, 8, 4) = reverse substr $bytes, 8, 4;
	store_bytes($newer);
	raises($reader, $small, '0A000', 'model was written on a machine of another byte order', "$method $json: another byte order");

	for my $round (1 .. $rounds)
	{
		my $forged = $bytes;
		for (0 .. rand 3)
		{
			my $at = 32 + int rand length($bytes) - 32;
			substr($forged, $at, 1) = chr int rand 256;
		}
		store_bytes($forged);
		for my $sql ($small, q{SELECT count(*) FROM recommend_all('small', 3)}, q{SELECT count(*) FROM similar_courses('3', 'small')},
			q{SELECT count(*) FROM explain_recommendation(7, '3', 'small')}, q{SELECT predict_rating(7, '3', 'small') IS NOT NULL})
		{
			my ($rows, $error) = $reader->query($sql);
			$outcomes{$error =~ /^ERROR:  (\w+)/ ? $1 : $error eq '' ? 'answer' : $error}++;
		}
	}
}
is(join(',', grep { !/^(answer|XX001|0A000|42804)$/ } sort keys %outcomes), '', 'forged bytes: an answer or an error of a known kind');
cmp_ok($outcomes{XX001}, '>', $rounds, 'forged bytes: many are noticed');
note("forged bytes: $_ $outcomes{$_}") for sort keys %outcomes;

# --- repair ---------------------------------------------------------------------------------------------

is($admin->query(q{SELECT version > 1 FROM train_model('small', 'knn', dataset => 'small')}), 't', 'training again');
is($reader->query($small), 5, 'repairs the model, in a session that saw it damaged');
$admin->query(flip(1, 17));
is($admin->query(q{SELECT version FROM train_model('m', 'knn', dataset => 'plain')}), 2, 'training a damaged model');
my $fresh = session($node);
is($fresh->query($serve), 5, 'repairs it');
raises($admin, q{SELECT rollback_model('m'); SELECT count(*) FROM recommend_courses(7, 'm', 5)}, 'XX001', $corrupt,
	'going back to the damaged version');
is($reader->query('SELECT pg_backend_pid()'), $reader->{pid}, 'the session that met all this is still the same');

$_->quit for $admin, $reader, $fresh;
$node->stop;
done_testing();
