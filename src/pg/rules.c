/*
 * rules.c
 *		Frequent item sets and association rules of a dataset.
 *
 * The ratings are loaded as for training.  Item sets are in memory, within the
 * limit of jobs, until they are in order; rules are not: each goes to the result,
 * which lies in work_mem and then on disk, as it is made.
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "pg/dataset.h"
#include "pg/env_pg.h"
#include "pg/keys.h"
#include "pg/load.h"
#include "pg/population.h"
#include "pg/rules.h"

/* The frequent sets of a dataset, and what their rows are made with. */
typedef struct Mining
{
	Call	   *call;
	Job		   *job;
	TrainingSet set;
	Itemsets	itemsets;
	Datum	   *ids;			/* per course: its id as text; 0: not yet made */
	Datum	   *elements;		/* room for the courses of a row */
	MemoryContext row;			/* memory of one row */
} Mining;

/* Loads and mines.  SPI is connected until mining_end. */
static void
mining_begin(Mining *m, Call *call, const char *name, const ItemsetOptions *options,
			 ItemsetMiner miner)
{
	Dataset    *dataset = open_readable(name);
	LoadRequest request = {.may_be_empty = true};
	int32_t		longest = 0;

	memset(m, 0, sizeof(*m));
	m->call = call;
	m->job = job_create(name);
	m->row = AllocSetContextCreate(CurrentMemoryContext, "course_recsys row",
								   ALLOCSET_DEFAULT_SIZES);
	SPI_connect();
	load_training_set(m->job, dataset, &request, &m->set);
	if (m->set.by_user.n_rows == 0)
		return;
	env_check(&m->job->env, itemsets_mine(&m->job->env, &m->set, options, miner, &m->itemsets));
	for (int64 i = 0; i < m->itemsets.n; i++)
		longest = Max(longest, m->itemsets.sets[i].n);
	m->ids = job_take(m->job, m->set.courses.n_keys, sizeof(Datum));
	m->elements = job_take(m->job, longest, sizeof(Datum));
}

/* Frees all. */
static void
mining_end(Mining *m)
{
	SPI_finish();
	job_end(m->job);
}

/* Id of a course; made once, in the memory of the call. */
static Datum
course_text(Mining *m, int32_t course)
{
	MemoryContext old;

	if (m->ids[course] == (Datum) 0)
	{
		old = MemoryContextSwitchTo(m->call->context);
		m->ids[course] = CStringGetTextDatum(key_text(m->set.courses.kind,
													  idmap_key(&m->set.courses, course)));
		MemoryContextSwitchTo(old);
	}
	return m->ids[course];
}

/* Courses as text[]. */
static Datum
course_array(Mining *m, const int32_t *courses, int32_t n)
{
	for (int32_t i = 0; i < n; i++)
		m->elements[i] = course_text(m, courses[i]);
	return PointerGetDatum(construct_array(m->elements, n, TEXTOID, -1, false, TYPALIGN_INT));
}

/* Rows of frequent_itemsets. */
void
frequent_itemset_rows(Call *call, const char *dataset, const ItemsetOptions *options,
					  ItemsetMiner miner)
{
	Mining		m;
	MemoryContext old;

	mining_begin(&m, call, dataset, options, miner);
	old = MemoryContextSwitchTo(m.row);
	for (int64 i = 0; i < m.itemsets.n; i++)
	{
		const Itemset *set = &m.itemsets.sets[i];
		bool		nulls[3] = {false};
		Datum		values[] = {
			course_array(&m, set->courses, set->n),
			Float8GetDatum((double) set->count / m.itemsets.n_baskets), Int64GetDatum(set->count)
		};

		CHECK_FOR_INTERRUPTS();
		call_row(call, values, nulls);
		MemoryContextReset(m.row);
	}
	MemoryContextSwitchTo(old);
	mining_end(&m);
}

/* One row of association_rules: both sides, then the measures in the order of Measure. */
static RecsysStatus
emit_rule(Env *env, void *arg, const Rule *rule)
{
	Mining	   *m = arg;
	bool		nulls[2 + N_MEASURES] = {false};
	Datum		values[2 + N_MEASURES];

	values[0] = course_array(m, rule->antecedents, rule->n_antecedents);
	values[1] = course_array(m, rule->consequents, rule->n_consequents);
	for (int i = 0; i < N_MEASURES; i++)
		values[2 + i] = Float8GetDatum(rule_measure((Measure) i, &rule->counts));
	call_row(m->call, values, nulls);
	MemoryContextReset(m->row);
	return RECSYS_OK;
}

/* Rows of association_rules. */
void
association_rule_rows(Call *call, const char *dataset, const ItemsetOptions *options,
					  ItemsetMiner miner, const RuleOptions *rules)
{
	Mining		m;
	MemoryContext old;
	Env		   *env;

	mining_begin(&m, call, dataset, options, miner);
	env = &m.job->env;
	env_check(env, itemsets_index(env, &m.itemsets));
	old = MemoryContextSwitchTo(m.row);
	env_check(env, rules_generate(env, &m.itemsets, rules, emit_rule, &m));
	MemoryContextSwitchTo(old);
	mining_end(&m);
}
