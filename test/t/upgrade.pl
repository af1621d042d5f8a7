# pg_upgrade moves models as files, beside an extension that it creates empty: the new server has the same versions, the
# same bytes and the same answers, trains on, and its caches hear of it.
use strict;
use warnings;
use FindBin;
use lib $FindBin::RealBin;
use PostgreSQL::Test::Utils;
use Recsys;
use Test::More;

my $old = new_server('old', 'fsync = off');
add_school($old);
my $bin = $old->config_data('--bindir');
my $stored = q{SELECT md5(string_agg(d::text, ',' ORDER BY d.name)) FROM recsys_dataset AS d;
	SELECT md5(string_agg(m::text, ',' ORDER BY model, version)) FROM recsys_model AS m;
	SELECT md5(string_agg(md5(data), ',' ORDER BY build, chunk)) FROM recsys_model_data};
my $definitions = q{SELECT string_agg(o, E'\n' ORDER BY o)
		FROM (SELECT concat_ws(' ', pg_describe_object(classid, objid, objsubid), deptype) AS o FROM pg_depend
			WHERE refclassid = 'pg_extension'::regclass
			AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'course_recsys')) AS o;
	SELECT string_agg(concat_ws(' ', c.relname, COALESCE(c.relacl, acldefault('r', c.relowner)), a.attname, a.attstorage), E'\n' ORDER BY c.relname, a.attnum) FROM pg_class AS c
		JOIN pg_attribute AS a ON a.attrelid = c.oid WHERE c.relnamespace = 'recsys'::regnamespace AND a.attnum > 0;
	SELECT string_agg(concat_ws(' ', tgrelid::regclass, tgname, tgenabled), E'\n' ORDER BY tgname) FROM pg_trigger
		WHERE NOT tgisinternal;
	SELECT extversion, extnamespace::regnamespace, (SELECT string_agg(r::regclass::text, ',') FROM unnest(extconfig) AS r)
		FROM pg_extension WHERE extname = 'course_recsys'};
my %before = map { $_ => scalar $old->safe_psql('postgres', $_) } $stored, $definitions, $school_answers;
like($before{$definitions}, qr/recsys_model_truncate A/, 'triggers always fire');
like($before{$school_answers}, qr/^knn 1 .*^users 2 /ms, 'models answer');
my $lists = $old->safe_psql('postgres', q{SELECT count(*) FROM recsys_model});
cmp_ok($lists, '>', 4, 'there are models');
$old->stop;

my $new = PostgreSQL::Test::Cluster->new('new');
$new->init;
$new->append_conf('postgresql.conf', "search_path = 'public, recsys'\nfsync = off\n");
$new->command_ok([ "$bin/pg_upgrade", '--no-sync', '-b', $bin, '-B', $bin, '-d', $old->data_dir, '-D', $new->data_dir,
	'-s', $new->host, '-p', $old->port, '-P', $new->port, '-U', scalar getpwuid($<) ], 'pg_upgrade');
$new->start;

my $reader = session($new);
my $writer = session($new);
answers($reader, $definitions, $before{$definitions}, 'the extension and its objects are the same');
answers($reader, $stored, $before{$stored}, 'datasets, versions and bytes are the same');
answers($reader, $school_answers, $before{$school_answers}, 'so are all answers');

my $methods = $writer->query('SELECT count(*) FROM recsys_methods()');
is($writer->query(q{SELECT count(*) FROM recsys_methods(), train_model(method, method, dataset => 'school') AS t WHERE t.version = 3}), $methods,
	'every method trains its next version');
is($reader->query(q{SELECT string_agg(DISTINCT version::text, ',') FROM recsys_models WHERE model <> 'users'}), '3', 'which is published');
my $seen = $reader->query($school_answers);
isnt($seen, $before{$school_answers}, 'and served in a session that had the version before');
answers($writer, $school_answers, $seen, 'as in the one that trained');
$writer->query(q{SELECT rollback_model(method) FROM recsys_methods()});
is($reader->query($school_answers), $before{$school_answers} =~ s/^(popular|knn) 2/$1 2/mr, 'rolled back: the answers of before');
answers($writer, q{SELECT register_dataset('school', 'ratings', 'courses', time_column => 'rated_at')}, '', 'the dataset is replaced');
$writer->query('DROP EXTENSION course_recsys; CREATE EXTENSION course_recsys SCHEMA recsys');
raises($reader, q{SELECT * FROM recommend_courses(1, 'knn')}, '42704', 'model "knn" does not exist', 'the extension can be dropped and created');
$_->quit for $reader, $writer;
$new->stop;
done_testing();
