# lib.sh: what the benchmarks share: medians, the private server, made-up data, time and memory of a session.

source "$(dirname "${BASH_SOURCE[0]}")/../scripts/lib.sh"

# Middle one of the numbers on standard input.
median() {
	sort -g | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }'
}

# Prints a row: what, value, and the ratio to a reference.
report() {
	awk -v what="$1" -v value="$2" -v reference="${3:-}" 'BEGIN {
		printf "%-44s %10.3f", what, value
		if (reference != "") printf "   ratio %.2f", value / reference
		printf "\n" }'
}

# psql without a caller's settings, which stops at an error.
quiet_psql() {
	PGOPTIONS="-c client_min_messages=warning" psql -X -q -v ON_ERROR_STOP=1 "$@"
}

# Builds the extension and starts the private server. Arguments: lines for postgresql.conf.
begin_bench() {
	begin
	prepare_extension
	make_directory
	create_server 'shared_buffers = 1GB' 'max_wal_size = 8GB' 'fsync = off' 'course_recsys.max_memory = 12GB' \
		'course_recsys.cache_size = 1GB' "shared_preload_libraries = 'course_recsys'" "$@"
	cc -std=c11 -O2 -o "$directory/synthetic" bench/synthetic.c -lm
	quiet_psql -c 'CREATE EXTENSION course_recsys'
}

# What the machine is, for whoever reads the figures.
describe_machine() {
	printf '%s cores, %s GB of memory, %s; PostgreSQL %s; load average %s\n' "$(nproc)" \
		"$(awk '/^MemTotal/ { printf "%.0f", $2 / 1048576 }' /proc/meminfo)" \
		"$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" \
		"$(psql -X -At -c 'SHOW server_version')" "$(cut -d ' ' -f 1-3 /proc/loadavg)"
}

# Made-up ratings in a schema: train, held (a tenth), courses and users with attributes, and three datasets: SCHEMA,
# SCHEMA_taken (every rating counts 1) and SCHEMA_all (also genres, words and attributes, for methods that want them).
# The binary copy stays in SCHEMA.bin.
make_ratings() {
	local schema=$1 users=$2 courses=$3 rows=$4
	quiet_psql -c "DROP SCHEMA IF EXISTS $schema CASCADE; CREATE SCHEMA $schema; CREATE UNLOGGED TABLE $schema.raw
		(user_id int, course_id text, rating real, held_out boolean)"
	"$directory/synthetic" ratings "$users" "$courses" "$rows" 1 "$directory/$schema.bin" |
		quiet_psql -c "COPY $schema.raw FROM STDIN"
	quiet_psql -o /dev/null -v schema="$schema" -v name="$schema" <<-'END'
		SET search_path = :schema, public;
		CREATE TABLE train AS SELECT user_id, course_id, rating FROM raw WHERE NOT held_out
		    ORDER BY hashint8extended(user_id::bigint * 1000003 + hashtext(course_id), 3);
		CREATE INDEX ON train (user_id) INCLUDE (course_id, rating);
		CREATE TABLE held AS SELECT user_id, course_id, rating FROM raw WHERE held_out;
		ALTER TABLE held ADD PRIMARY KEY (user_id, course_id);
		CREATE TABLE courses AS SELECT course_id, 'Title of ' || course_id AS title,
		        'Words w' || n % 97 || ' v' || n % 89 || ' u' || n % 83 || ' t' || n % 7 AS description,
		        n % 3 = 0 AS maths, n % 5 = 0 AS languages, n % 7 = 0 AS law
		    FROM (SELECT course_id, substr(course_id, 2)::int AS n FROM raw GROUP BY 1) AS c;
		ALTER TABLE courses ADD PRIMARY KEY (course_id);
		CREATE TABLE users AS SELECT user_id, 'country ' || user_id % 30 AS country FROM raw GROUP BY 1;
		ALTER TABLE users ADD PRIMARY KEY (user_id);
		DROP TABLE raw;
		VACUUM ANALYZE train, held, courses, users;
		SELECT register_dataset(:'name', 'train', 'courses'),
		    register_dataset(:'name' || '_taken', 'train', 'courses', rating_column => NULL),
		    register_dataset(:'name' || '_all', 'train', 'courses', users => 'users',
		        user_feature_columns => '{country}', genre_columns => '{maths,languages,law}');
	END
}

# Seconds that a statement takes in a new session.
time_statement() {
	psql -X -q -At -v ON_ERROR_STOP=1 <<-END | sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' | tail -n 1 | awk '{ print $1 / 1000 }'
		\o /dev/null
		\timing on
		$1
	END
}

# One number of the newest version of a model.
version_number() {
	psql -X -At -c "SELECT $2 FROM recsys_model_versions WHERE model = '$1' ORDER BY version DESC LIMIT 1"
}

# Does the extension have the method?
has_method() {
	[ "$(psql -X -At -c "SELECT count(*) FROM recsys_methods() WHERE method = '$1'")" -gt 0 ]
}

# Does it have the function?
has_function() {
	[ "$(psql -X -At -c "SELECT count(*) FROM pg_proc WHERE proname = '$1'")" -gt 0 ]
}
