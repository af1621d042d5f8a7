/*
 * population.c
 *		All users of a dataset with their ratings of now, in a model's numbering.
 *
 * Read as for training, by one streamed statement as the caller.  Courses of
 * the model and of the data are both numbered in key order, so a user's courses
 * stay sorted; those that the model does not know are left out.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

#include "pg/history.h"
#include "pg/keys.h"
#include "pg/load.h"
#include "pg/population.h"
#include "pg/query.h"
#include "pg/registry.h"

/* A job that is shown in recsys_progress. */
Job *
population_job_begin(const char *model, const Serving *serving, Progress *progress)
{
	Job		   *job = job_create(model);

	progress_start(progress, registry()->model_rel, model, serving->rec->method->name, PHASE_LOADING);
	job->progress = progress;
	return job;
}

/* Frees all that the job has. */
void
population_job_end(Job *job)
{
	progress_end();
	job_end(job);
}

/* Zeroed memory of the job, or an error. */
void *
job_take(Job *job, int64 n, Size size)
{
	void	   *block = env_alloc_zero(&job->env, n, size);

	if (block == NULL)
		env_check(&job->env, job->env.status);
	return block;
}

/* Memory of the job, or an error. */
static void *
job_alloc_array(Job *job, int64 n, Size size)
{
	void	   *array = env_alloc(&job->env, n, size);

	if (array == NULL)
		env_check(&job->env, job->env.status);
	return array;
}

/* Number in the model of each course of the data, or IDMAP_NONE. */
static int32_t *
map_courses(Job *job, const TrainingSet *set, const Recommender *rec)
{
	int32_t    *map = job_alloc_array(job, set->courses.n_keys, sizeof(int32_t));

	for (int32_t c = 0; c < set->courses.n_keys; c++)
		map[c] = recommender_find(rec, idmap_key(&set->courses, c));
	return map;
}

/* The loaded rows with the model's numbers. */
static void
renumber(Population *p, Job *job, const Recommender *rec)
{
	const Csr  *rows = &p->set.by_user;
	int32_t    *map = map_courses(job, &p->set, rec);
	int64		n = 0;

	p->courses = job_alloc_array(job, rows->n_entries, sizeof(int32_t));
	p->ratings = job_alloc_array(job, rows->n_entries, sizeof(float));
	p->times = rows->times ? job_alloc_array(job, rows->n_entries, sizeof(int64_t)) : NULL;
	for (int32_t u = 0; u < rows->n_rows; u++)
	{
		p->offsets[u] = n;
		for (int64 e = rows->offsets[u]; e < rows->offsets[u + 1]; e++)
		{
			if (map[rows->indexes[e]] == IDMAP_NONE)
				continue;
			p->courses[n] = map[rows->indexes[e]];
			p->ratings[n] = rows->values[e];
			if (p->times)
				p->times[n] = rows->times[e];
			n++;
		}
	}
	for (int32_t u = rows->n_rows; u <= p->n_users; u++)
		p->offsets[u] = n;
	env_free(&job->env, map);
}

/* Carried from user to user of the relation of users. */
typedef struct OthersLoad
{
	Population *population;
	Job		   *job;
	const Serving *serving;
	Oid			key_type;
	bool		with_groups;
	StringInfoData text;
	int32_t		groups_room;
	int32_t    *other_groups;	/* per user of others */
} OthersLoad;

/* Group of the model by the attributes in the row. */
static int32_t
row_group(OthersLoad *load, TupleTableSlot *slot)
{
	const Dataset *dataset = load->serving->dataset;

	resetStringInfo(&load->text);
	for (int i = 0; i < dataset->n_features; i++)
	{
		char	   *value = NULL;

		if (!slot->tts_isnull[i + 1])
			value = TextDatumGetCString(slot->tts_values[i + 1]);
		append_attribute(&load->text, dataset->feature_columns[i], value);
		if (value)
			pfree(value);
	}
	return recommender_find_group(load->serving->rec, load->text.data, load->text.len);
}

/* Remembers the group of user number i of the others. */
static void
set_other_group(OthersLoad *load, int32_t i, int32_t group)
{
	if (i >= load->groups_room)
	{
		load->groups_room = Max(1024, i * 2);
		load->other_groups = env_resize(&load->job->env, load->other_groups, load->groups_room,
										sizeof(int32_t));
		if (load->other_groups == NULL)
			env_check(&load->job->env, load->job->env.status);
	}
	load->other_groups[i] = group;
}

/* One user of the relation of users. */
static void
load_other(TupleTableSlot *slot, void *arg)
{
	OthersLoad *load = arg;
	Population *p = load->population;
	KeyBuffer	buffer;
	Key			key;
	int32_t		user,
				group = -1;

	if (slot->tts_isnull[0])
		raise_null(load->serving->dataset, load->serving->dataset->users,
				   load->serving->dataset->users_key);
	key = key_from_datum(load->key_type, slot->tts_values[0], &buffer);
	if (load->with_groups)
		group = row_group(load, slot);
	user = idmap_find(&p->set.users, key);
	if (user != IDMAP_NONE)
	{
		if (load->with_groups)
			p->groups[user] = group;
		return;
	}
	env_check(&load->job->env, idmap_add(&load->job->env, &p->others, key, &user));
	if (load->with_groups)
		set_other_group(load, user, group);
}

/* Numbers the others in key order, so that answers do not depend on the order of the scan. */
static void
sort_others(OthersLoad *load)
{
	IdMap	   *others = &load->population->others;
	Env		   *env = &load->job->env;
	int32_t    *new_index = job_alloc_array(load->job, others->n_keys, sizeof(int32_t));
	int32_t    *groups;

	env_check(env, idmap_sort(env, others, new_index));
	if (load->with_groups)
	{
		groups = job_alloc_array(load->job, others->n_keys, sizeof(int32_t));
		for (int32_t i = 0; i < others->n_keys; i++)
			groups[new_index[i]] = load->other_groups[i];
		env_free(env, load->other_groups);
		load->other_groups = groups;
	}
	env_free(env, new_index);
}

/* Joins the groups of users with and without ratings. */
static void
join_groups(OthersLoad *load)
{
	Population *p = load->population;
	int32_t		rated = p->set.by_user.n_rows;

	p->groups = env_resize(&load->job->env, p->groups, rated + p->others.n_keys, sizeof(int32_t));
	if (p->groups == NULL)
		env_check(&load->job->env, load->job->env.status);
	memcpy(p->groups + rated, load->other_groups, p->others.n_keys * sizeof(int32_t));
}

/* Reads the relation of users: who has no rating, and (with_groups) the attributes of all. */
static void
load_others(OthersLoad *load)
{
	const Dataset *dataset = load->serving->dataset;
	Population *p = load->population;
	Oid			relid = dataset_relation(dataset, dataset->users);
	int			n_columns = 1 + (load->with_groups ? dataset->n_features : 0);
	Oid		   *types = palloc(sizeof(Oid) * n_columns);
	StringInfoData sql;

	types[0] = load->key_type = dataset_key_type(dataset, dataset->users, relid, dataset->users_key,
												 p->set.users.kind);
	for (int i = 1; i < n_columns; i++)
		types[i] = TEXTOID;
	initStringInfo(&load->text);
	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ");
	append_column(&sql, "u", dataset->users_key, load->key_type);
	if (load->with_groups)
	{
		appendStringInfoString(&sql, ", ");
		append_attributes(&sql, dataset);
		p->groups = job_alloc_array(load->job, p->set.by_user.n_rows, sizeof(int32_t));
		memset(p->groups, 0xff, p->set.by_user.n_rows * sizeof(int32_t));
	}
	appendStringInfo(&sql, " FROM %s AS u", dataset->users);
	query_stream(sql.data, NULL, n_columns, types, load_other, load);
	if (p->others.n_keys == 0)
		return;
	sort_others(load);
	if (load->with_groups)
		join_groups(load);
}

/* Loads within the job's memory. */
void
population_load(Population *p, Job *job, const Serving *serving, bool with_others)
{
	LoadRequest request = {0};
	const Dataset *dataset = serving->dataset;
	OthersLoad	others = {.population = p, .job = job, .serving = serving};
	RatingsColumns columns = ratings_columns(dataset);

	check_course_kind(dataset, serving->rec, &columns);
	memset(p, 0, sizeof(*p));
	load_training_set(job, dataset, &request, &p->set);
	env_check(&job->env, idmap_init(&job->env, &p->others, p->set.users.kind));
	others.with_groups = (serving->rec->needs & NEEDS_GROUPS) && dataset->users &&
		dataset->n_features > 0;
	if (dataset->users && (with_others || others.with_groups))
		load_others(&others);
	p->n_users = p->set.by_user.n_rows + (with_others ? p->others.n_keys : 0);
	p->offsets = job_alloc_array(job, (int64) p->n_users + 1, sizeof(int64_t));
	renumber(p, job, serving->rec);
}

/* Key of one user. */
Key
population_key(const Population *p, int32_t user)
{
	int32_t		rated = p->set.by_user.n_rows;

	return user < rated ? idmap_key(&p->set.users, user) : idmap_key(&p->others, user - rated);
}

/* Key of one user as text. */
char *
population_id(const Population *p, int32_t user)
{
	return key_text(p->set.users.kind, population_key(p, user));
}

/* The history of one user. */
History
population_history(const Population *p, int32_t user)
{
	int64		begin = p->offsets[user];
	History		history = {
		.n = (int32_t) (p->offsets[user + 1] - begin),
		.courses = p->courses + begin,
		.ratings = p->ratings + begin,
		.times = p->times ? p->times + begin : NULL,
		.has_key = true,
		.user_hash = user_key_hash(p->set.users.kind, population_key(p, user)),
		.group = p->groups ? p->groups[user] : -1
	};

	return history;
}
