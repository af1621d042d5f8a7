/*
 * hybrid.c
 *		Several methods as one.
 *
 * The parts are trained on the same ratings and lie, as whole models, in the model
 * of the hybrid: it is one block of bytes, refitted inside the folds of an
 * evaluation, published and rolled back like any other.  With s_p(c) the score of
 * part p for course c, w_p its weight and u the user's courses that are not rated,
 *
 *	weighted	sum of w_p (s_p(c) - min) / (max - min), min and max of s_p over u
 *	rank_fusion	sum of w_p / (rank_constant + place of c by s_p in u)
 *	switching	s_p(c) of the first part p that has a score for any course of u
 *	mixed		1 / place, in a list that takes the best course of each part in turn
 *	ladder		1 / place, in a list with all courses of the first part, then those that only
 *				the second has a score for, and so on
 *
 * A part that has no score for a course adds nothing; a course without a score of
 * any part has none.  In mixed and ladder, rated courses come after all others.
 *
 * rank_fusion is reciprocal rank fusion: Cormack, Clarke and Buettcher,
 * "Reciprocal Rank Fusion outperforms Condorcet and Individual Rank Learning
 * Methods", SIGIR 2009, who use the constant 60.  The strategies follow Burke,
 * "Hybrid Recommender Systems: Survey and Experiments" (UMUAI 12, 2002).  ladder is
 * for cold starts: a personal method, then one by content, then clusters, then
 * popular by weighted mean, then chance (popular, score random).
 *
 * Weights that are not given are learned: see hybrid_learn.c.  The parts are then
 * fitted twice, once without the held-out ratings.
 *
 * Ratings are predicted when all parts predict: by the mean of their estimates,
 * with the weights of the parts.  A score is explained by the reasons of the parts
 * that it comes from, in proportion; what a part cannot explain is the part's own
 * share.
 *
 * Cost: that of the parts, one after the other, in fit (memory: the largest of
 * them and the finished models) and in each call; where places count, a sort of the
 * courses for each part.
 */
#include <stdio.h>
#include <string.h>

#include "core/methods/hybrid.h"
#include "core/methods/methods.h"
#include "core/methods/support.h"
#include "core/parts.h"

/* A part adds up to something only if its reasons do not cancel each other out to less than this share. */
#define LEAST_SUM 1e-3

static const ParamDef hybrid_params[] = {
	{.name = "models", .aliases = "parts", .type = PARAM_PARTS,
		.offset = offsetof(HybridParams, models), .default_text = "[\"als\", \"knn\"]",
		.description = "The methods that are combined, 2 to 8, each with its own parameters and name."},
	{.name = "strategy", .type = PARAM_CHOICE, .offset = offsetof(HybridParams, strategy),
		.default_text = "weighted", .choices = "weighted rank_fusion switching mixed ladder",
		.description = "How they are combined: by scores, by places, the first that has an answer, in turn, "
	"or one after the other."},
	{.name = "weights", .type = PARAM_NUMBERS, .offset = offsetof(HybridParams, weights),
		.default_text = "null", .min = 0, .max = 1e6,
		.description = "Weight of each part in weighted and rank_fusion; null: learned on held-out ratings."},
	{.name = "rank_constant", .type = PARAM_FLOAT, .offset = offsetof(HybridParams, rank_constant),
		.default_text = "60", .min = 0, .max = 1e6,
		.description = "Strategy rank_fusion: the larger, the less the first places count more than the next."},
};

/* ---------------------------------------------------------------- parts */

/* The parts, with the parameters that hold for all of them. */
static RecsysStatus
hybrid_parts(Env *env, const void *params, MethodPart *parts, int *n)
{
	const HybridParams *p = params;

	TRY(parts_read(env, "models", p->models, strlen(p->models), parts, n));
	for (int i = 0; i < *n; i++)
		*(CommonParams *) parts[i].params = p->common;
	return RECSYS_OK;
}

/* Weights that do not fit the parts or the strategy. */
static RecsysStatus
check_weights(Env *env, const HybridParams *params, int n_parts)
{
	double		sum = 0;

	if (params->weights.n == 0)
		return RECSYS_OK;
	if (!hybrid_is_weighted(params->strategy))
	{
		env_fail(env, RECSYS_BAD_ARGUMENT, "parameter \"weights\" has no meaning for this \"strategy\"");
		return env_hint(env, "Leave it out, or choose \"weighted\" or \"rank_fusion\".");
	}
	if (params->weights.n != n_parts)
	{
		env_fail(env, RECSYS_BAD_ARGUMENT, "parameter \"weights\" must have %d numbers, not %d", n_parts,
				 (int) params->weights.n);
		return env_hint(env, "Give one weight for each of \"models\", or null to learn them.");
	}
	for (int i = 0; i < n_parts; i++)
		sum += params->weights.values[i];
	if (sum > 0)
		return RECSYS_OK;
	env_fail(env, RECSYS_BAD_ARGUMENT, "parameter \"weights\" must not be all 0");
	return env_hint(env, "Give null to learn them.");
}

/* The weights, then what each part asks for. */
static RecsysStatus
hybrid_check(Env *env, const TrainingSet *set, const void *params)
{
	MethodPart	parts[METHOD_PARTS_MAX];
	int			n;

	TRY(hybrid_parts(env, params, parts, &n));
	TRY(check_weights(env, params, n));
	for (int i = 0; i < n; i++)
		TRY(recommender_check(env, parts[i].method, parts[i].params, set));
	return RECSYS_OK;
}

/* ---------------------------------------------------------------- estimate */

/* Adds up the parts; what is held while the last one is fitted, the others being finished. */
static void
estimate_parts(const Shape *shape, const MethodPart *parts, int n, Estimate *estimate)
{
	memset(estimate, 0, sizeof(*estimate));
	for (int i = 0; i < n; i++)
	{
		Estimate	own;

		part_estimate(shape, &parts[i], &own);
		estimate->bytes = fmax(estimate->bytes, estimate->model_bytes + own.bytes);
		estimate->model_bytes += own.model_bytes;
		estimate->seconds += own.seconds;
		estimate->library_bytes = fmax(estimate->library_bytes, own.library_bytes);
		estimate->n_losses += own.n_losses;
	}
}

/* With learning, the parts are fitted twice; in between, nothing of the first time is kept. */
static void
hybrid_estimate(const Shape *shape, const void *params, Estimate *estimate)
{
	const HybridParams *p = params;
	MethodPart	parts[METHOD_PARTS_MAX];
	PartsArena	arena;
	Env			env = parts_arena(&arena);
	int			n;

	memset(estimate, 0, sizeof(*estimate));
	if (hybrid_parts(&env, params, parts, &n) == RECSYS_OK)
		estimate_parts(shape, parts, n, estimate);
	if (hybrid_is_weighted(p->strategy) && p->weights.n == 0)
	{
		double		fold_bytes = 60 * (double) shape->n_ratings + 80 * (double) shape->n_users;

		/* The hybrid of the fold is finished, too: its block beside those of its parts. */
		estimate->bytes = fold_bytes +
			fmax(estimate->bytes, 2 * estimate->model_bytes + common_model_bytes(shape) +
				 hybrid_learn_bytes(shape, n));
		estimate->seconds *= 1.75;
		estimate->seconds += 1e-9 * hybrid_learn_bytes(shape, n) * 25 * n;
	}
}

/* ---------------------------------------------------------------- fit */

/* The weights as given, learned, or, where none count, equal; they add up to 1. */
static RecsysStatus
choose_weights(Env *env, const TrainingSet *set, const HybridParams *params,
			   const MethodPart *parts, int n, double *weights)
{
	double		sum = 0;

	if (hybrid_is_weighted(params->strategy) && params->weights.n == 0)
		return hybrid_learn(env, set, params, parts, n, weights);
	for (int i = 0; i < n; i++)
		sum += params->weights.n > 0 ? params->weights.values[i] : 1;
	for (int i = 0; i < n; i++)
		weights[i] = (params->weights.n > 0 ? params->weights.values[i] : 1) / sum;
	return RECSYS_OK;
}

/* Section of a part. */
static void
part_section(int part, char *name)
{
	snprintf(name, MODEL_NAME_SIZE, "part.%d", part);
}

/* Weights first, then every part on all ratings; progress counts these steps. */
static RecsysStatus
hybrid_fit(Env *env, const TrainingSet *set, const void *params, ModelWriter *writer)
{
	MethodPart	parts[METHOD_PARTS_MAX];
	char		name[MODEL_NAME_SIZE];
	double	   *weights;
	int			n;

	TRY(hybrid_parts(env, params, parts, &n));
	weights = env_alloc_zero(env, (size_t) n, sizeof(double));
	if (weights == NULL)
		return env->status;
	env_progress(env, PHASE_FITTING, 0, n + 1);
	TRY(choose_weights(env, set, params, parts, n, weights));
	env_progress(env, PHASE_FITTING, 1, n + 1);
	TRY(model_put(env, writer, "weights", SECTION_DOUBLE, n, 1, weights));
	for (int i = 0; i < n; i++)
	{
		void	   *bytes;
		size_t		length;

		TRY(part_train(env, set, &parts[i], &bytes, &length));
		part_section(i, name);
		TRY(model_put(env, writer, name, SECTION_BYTES, (int64_t) length, 1, bytes));
		env_progress(env, PHASE_FITTING, i + 2, n + 1);
	}
	return RECSYS_OK;
}

/* ---------------------------------------------------------------- open */

/* Reads the weights. */
static RecsysStatus
open_weights(Env *env, Recommender *rec)
{
	HybridState *state = rec->state;
	int64_t		n_rows = state->n_parts;
	int64_t		n_cols = 1;
	const void *data;
	double		sum = 0;

	TRY(model_get(env, &rec->model, "weights", SECTION_DOUBLE, &n_rows, &n_cols, &data));
	memcpy(state->weights, data, (size_t) state->n_parts * sizeof(double));
	for (int p = 0; p < state->n_parts; p++)
	{
		if (!(state->weights[p] >= 0 && state->weights[p] <= 1))
			return model_damaged(env, "The weight of a part is not between 0 and 1.");
		sum += state->weights[p];
	}
	return sum > 0.5 && sum < 1.5 ? RECSYS_OK :
		model_damaged(env, "The weights of the parts do not add up to 1.");
}

/* Opens a part. */
static RecsysStatus
open_part(Env *env, Recommender *rec, int p)
{
	HybridState *state = rec->state;
	char		name[MODEL_NAME_SIZE];
	const void *bytes;
	int64_t		length = -1;
	int64_t		n_cols = 1;

	part_section(p, name);
	TRY(model_get(env, &rec->model, name, SECTION_BYTES, &length, &n_cols, &bytes));
	return part_open(env, rec, &state->parts[p], bytes, (size_t) length, &state->recs[p]);
}

/* Opens the parts where they lie. */
static RecsysStatus
hybrid_open(Env *env, Recommender *rec)
{
	const HybridParams *params = rec->params;
	HybridState *state = rec->state;

	state->strategy = (HybridStrategy) params->strategy;
	TRY(hybrid_parts(env, params, state->parts, &state->n_parts));
	TRY(open_weights(env, rec));
	for (int p = 0; p < state->n_parts; p++)
		TRY(open_part(env, rec, p));
	return RECSYS_OK;
}

/* ---------------------------------------------------------------- use */

/* That of the room. */
static size_t
hybrid_scratch_size(const Recommender *rec)
{
	return hybrid_room(rec, NULL).size;
}

/* Without sources. */
static void
hybrid_score(const Recommender *rec, const History *history, void *scratch, float *scores)
{
	hybrid_combine(rec, history, scratch, scores, NULL);
}

/* The name that the part was given. */
static const char *
hybrid_source_name(const Recommender *rec, int source)
{
	const HybridState *state = rec->state;

	return state->parts[source].name;
}

/* Weighted mean of those parts that are better than the baseline here. */
static double
hybrid_predict(const Recommender *rec, const History *history, int32_t course, void *scratch)
{
	const HybridState *state = rec->state;
	HybridRoom	room = hybrid_room(rec, scratch);
	double		sum = 0;
	double		weights = 0;

	for (int p = 0; p < state->n_parts; p++)
	{
		double		rating = state->recs[p].method->predict(&state->recs[p], history, course, room.part);

		if (isnan(rating))
			continue;
		sum += state->weights[p] * rating;
		weights += state->weights[p];
	}
	return weights > 0 ? sum / weights : NAN;
}

/* ---------------------------------------------------------------- explain */

/* Adds a reason, to the same one if there is one already; clusters of two parts are never the same. */
static int
merge_reason(Reason *reasons, int n, Reason reason)
{
	for (int i = 0; i < n; i++)
		if (reasons[i].kind == reason.kind && reasons[i].index == reason.index &&
			reason.kind != REASON_CLUSTER)
		{
			reasons[i].weight += reason.weight;
			return n;
		}
	reasons[n] = reason;
	return n + 1;
}

/* Adds the reasons of part p, scaled to add up to its share; there is room for one more than n at least. */
static int
add_part_reasons(const Recommender *rec, int p, const History *history, int32_t course, void *scratch,
				 double share, Reason *reasons, int n, int max)
{
	const HybridState *state = rec->state;
	const Recommender *part = &state->recs[p];
	Reason	   *own = reasons + n;
	int			found = 0;
	double		sum = 0;
	double		size = 0;

	/* Rules are numbers of the part's own model, which nobody else can read. */
	if (part->method->explain != NULL && part->method->rule == NULL)
		found = part->method->explain(part, history, course, scratch, own, max - n);
	for (int i = 0; i < found; i++)
	{
		sum += (double) own[i].weight;
		size += fabs((double) own[i].weight);
	}
	if (!(sum > LEAST_SUM * size) || !isfinite(size))
		return merge_reason(reasons, n, (Reason) {REASON_PART, p, (float) share});
	for (int i = 0; i < found; i++)
		n = merge_reason(reasons, n, (Reason) {own[i].kind, own[i].index,
						 (float) ((double) own[i].weight / sum * share)});
	return n;
}

/* The reasons of the parts that the score comes from. */
static int
hybrid_explain(const Recommender *rec, const History *history, int32_t course, void *scratch,
			   Reason *reasons, int max)
{
	const HybridState *state = rec->state;
	HybridRoom	room = hybrid_room(rec, scratch);
	double		shares[METHOD_PARTS_MAX];
	int			n = 0;

	hybrid_course_shares(rec, history, course, scratch, shares);
	for (int p = 0; p < state->n_parts; p++)
		if (!isnan(shares[p]) && n < max)
			n = add_part_reasons(rec, p, history, course, room.part, shares[p], reasons, n, max);
	return n;
}

const Method method_hybrid = {
	.name = "hybrid",
	.description = "Several methods as one: weighted, by places, the first with an answer, or in turn.",
	.objective = OBJECTIVE_RANKING,
	.params = {"hybrid", hybrid_params, N_PARAMS(hybrid_params), sizeof(HybridParams)},
	.personal = true,
	.state_size = sizeof(HybridState),
	.parts = hybrid_parts,
	.score_sources = hybrid_combine,
	.source_name = hybrid_source_name,
	.check = hybrid_check,
	.estimate = hybrid_estimate,
	.fit = hybrid_fit,
	.open = hybrid_open,
	.scratch_size = hybrid_scratch_size,
	.score = hybrid_score,
	.predict = hybrid_predict,
	.explain = hybrid_explain,
};
