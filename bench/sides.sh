# sides.sh: measures this extension and other libraries in a virtual environment, and judges the answers of both.

source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

venv=build/bench-venv threads=2 sample=2000

# Tables of results, the processor time of the session (utime and stime), and the quality of the answers in
# bench.answer: nDCG@10 (binary gain, every held-out row counts, mean over users of the sample with held-out rows) of
# rankings, RMSE of ratings.
make_tables() {
	quiet_psql -o /dev/null -v sample="$sample" <<-'END'
		CREATE SCHEMA bench;
		CREATE TABLE bench.result (case_name text, side text, name text, seconds float8, processor float8, fit_seconds float8,
		    answer_us float8, quality text);
		CREATE TABLE bench.result_line (seconds float8, processor float8, answer_us float8, quality text, name text);
		CREATE VIEW bench.held AS SELECT * FROM data.held WHERE user_id < :sample;
		CREATE FUNCTION bench.processor() RETURNS float8 LANGUAGE plpgsql AS $$
		BEGIN
		    RETURN (SELECT (f[14]::bigint + f[15]::bigint) / 100.0
		        FROM string_to_array(pg_read_file('/proc/self/stat'), ' ') AS f);
		END $$;
		CREATE FUNCTION bench.ndcg() RETURNS float8 LANGUAGE plpgsql AS $$
		BEGIN
		    RETURN (WITH wanted AS (SELECT user_id, count(*) AS n FROM bench.held WHERE user_id IN (SELECT user_id FROM data.train) GROUP BY 1),
		        gained AS (SELECT user_id, sum(1 / log(2, rank + 1)) AS gain
		            FROM bench.answer JOIN bench.held USING (user_id, course_id) GROUP BY 1)
		    SELECT avg(coalesce(gain, 0) / (SELECT sum(1 / log(2, i + 1)) FROM generate_series(1, least(n, 10)) AS i))
		    FROM wanted LEFT JOIN gained USING (user_id));
		END $$;
		CREATE FUNCTION bench.quality() RETURNS text LANGUAGE plpgsql AS $$
		BEGIN
		    IF EXISTS (SELECT FROM bench.answer WHERE rank IS NOT NULL) THEN
		        RETURN 'nDCG ' || round(bench.ndcg()::numeric, 4);
		    END IF;
		    RETURN (SELECT 'RMSE ' || round(sqrt(avg((a.rating - h.rating) ^ 2))::numeric, 4)
		        FROM bench.answer a JOIN bench.held h USING (user_id, course_id));
		END $$;
	END
}

# --- this extension -----------------------------------------------------------------------------------

# The answers of a model for the sample: ten courses each, or ratings of the held-out rows.
answers_of() {
	if [ "$2" = rating ]; then
		printf '%s' "SELECT user_id, NULL::int AS rank, course_id, predict_rating(user_id, course_id, '$1') AS rating FROM bench.held"
	else
		printf '%s' "SELECT u AS user_id, r.rank, r.course_id, NULL::float8 AS rating
			FROM generate_series(0, least($sample, $users) - 1) AS u, recommend_courses(u, '$1') AS r"
	fi
}

# Runs a statement in a new session and prints the seconds that it takes, by the clock and of all threads together.
measure() {
	quiet_psql -At -F ', ' <<-END | tail -n 1
		SET course_recsys.threads = $threads;
		SELECT clock_timestamp() AS start, bench.processor() AS used \gset
		\o /dev/null
		$1;
		\o
		SELECT extract(epoch FROM clock_timestamp() - :'start'::timestamptz), bench.processor() - :used;
	END
}

# Measures one method once. Arguments: case, method, parameters, dataset, kind of answers (ranking or rating).
run_method() {
	local case=$1 method=$2 params=$3 dataset=$4 kind=$5 trained asked answered
	trained=$(measure "SELECT train_model('$case', '$method', '$params', '$dataset')")
	answered=$(time_statement "SELECT recommend_courses(0, '$case'); CREATE TABLE bench.answer AS $(answers_of "$case" "$kind");")
	asked=$([ "$kind" = rating ] && echo "(SELECT count(*) FROM bench.answer)" || echo "least($sample, $users)")
	quiet_psql -c "INSERT INTO bench.result SELECT '$case', 'own', '$method', $trained, fit_seconds,
		1e6 * $answered / $asked, bench.quality()
		FROM recsys_model_versions WHERE model = '$case' ORDER BY version DESC LIMIT 1" -c 'DROP TABLE bench.answer'
}

# --- the other libraries ------------------------------------------------------------------------------

# Makes the virtual environment; each package by itself, so that one that fails does not take others with it.
install_peers() {
	local package packages='numpy scipy implicit scikit-learn scikit-surprise libmf mlxtend'
	[[ ${cases:-} != *nn_* ]] || packages+=' torch'
	[ -x "$venv/bin/python" ] || python3 -m venv "$venv" || return 0
	for package in $packages; do
		"$venv/bin/pip" show -q "$package" >/dev/null 2>&1 ||
			run_job "$venv/bin/pip" install -q "$package" >"$directory/pip.log" 2>&1 ||
			say "$package could not be installed: $(tail -n 1 "$directory/pip.log")"
	done
}

# Threads of the numerical library below: implicit wants one, since it has threads of its own.
blas_threads() {
	case $1 in
		nmf | product | kmeans | pca | nn_*) echo "$threads" ;;
		*) echo 1 ;;
	esac
}

# Measures one library once. Arguments: case of the table, case of peers.py, data, parameters.
run_peer() {
	local case=$1 peer=$2 data=$3 line
	shift 3
	line=$(OMP_NUM_THREADS=$threads OPENBLAS_NUM_THREADS=$(blas_threads "$peer") \
		"$venv/bin/python" bench/peers.py "$peer" "$data" "$directory/answers" "threads=$threads" "sample=$sample" \
		"$@" 2>"$directory/peer.log" | tail -n 1) || line=
	if [ "$(tr -cd '\t' <<<"$line" | wc -c)" -ne 4 ]; then
		quiet_psql -c "INSERT INTO bench.result (case_name, side, name) VALUES ('$case', 'peer',
			\$\$$peer: not measured ($(grep -v '^ ' "$directory/peer.log" | tail -n 1 | cut -c 1-60))\$\$)"
		return
	fi
	quiet_psql -c 'CREATE TABLE bench.answer (user_id int, rank int, course_id text, rating float8)' \
		-c "\\copy bench.answer FROM '$directory/answers'" \
		-c "\\copy bench.result_line FROM pstdin" <<<"$line"
	quiet_psql -c "INSERT INTO bench.result SELECT '$case', 'peer', name, seconds, processor, NULL, answer_us,
		COALESCE(nullif(quality, '-'), bench.quality()) FROM bench.result_line" \
		-c 'TRUNCATE bench.result_line; DROP TABLE bench.answer'
}
