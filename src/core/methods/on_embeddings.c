/*
 * on_embeddings.c
 *		An estimator on top of embeddings: see on_embeddings.h.
 */
#include "core/methods/on_embeddings.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/blas.h"
#include "core/latent.h"
#include "core/nn.h"
#include "core/out_of_fold.h"
#include "core/parts.h"

/* Factors of a base model whose parameters do not tell. */
#define SOME_FACTORS 64

/* Positions in the section "facts". */
enum
{
	FACT_TAKEN,
	FACT_MEAN_OTHERS,
	FACT_MEAN_CLASS,
	N_FACTS
};

/* ---------------------------------------------------------------- the base model */

/* Has the method vectors? */
static bool
is_base(const Method *method)
{
	return method_has_factors(method) && method->parts == NULL;
}

/* The base method that the parameters name. */
static RecsysStatus
read_base(Env *env, const OnParams *params, MethodPart *part)
{
	char		names[sizeof(env->hint) - sizeof("Methods that have are .")];

	TRY(part_read(env, "embedding", params->embedding, strlen(params->embedding), part));
	if (is_base(part->method))
		return RECSYS_OK;
	env_fail(env, RECSYS_BAD_ARGUMENT, "method \"%s\" in parameter \"embedding\" has no factors",
			 part->method->name);
	method_names(names, sizeof(names), is_base);
	return env_hint(env, "Methods that have are %s.", names);
}

/* The base method that the target asks for, when the parameters name none. */
static void
fit_default_base(const OnParams *params, bool taken, MethodPart *part)
{
	if (params->embedding[0] == '\0')
		((NnParams *) part->params)->objective = taken ? NN_RANKING : NN_RATING;
}

/* The base method, with the parameters that hold for it, too. */
RecsysStatus
on_parts(Env *env, const void *params_in, MethodPart *parts, int *n)
{
	const OnParams *params = params_in;

	*n = 0;
	TRY(params->embedding[0] == '\0' ? part_read(env, "embedding", "\"nn\"", strlen("\"nn\""), parts) :
		read_base(env, params, parts));
	fit_default_base(params, params->objective == ON_RANKING, parts);
	*(CommonParams *) parts->params = params->common;
	*n = 1;
	return RECSYS_OK;
}

/* By the features. */
unsigned
on_more_needs(const void *params)
{
	return features_need(features_read(((const OnParams *) params)->features));
}

/* Factors of the base model by its parameters. */
static int
part_factors(const MethodPart *part)
{
	const ParamDef *def = params_find(&part->method->params, "factors", strlen("factors"));

	return def == NULL || def->type != PARAM_INT ? SOME_FACTORS :
		(int) *(const int64_t *) ((const char *) part->params + def->offset);
}

/* Trains it in silence: what there is to say of the data has been said. */
static RecsysStatus
train_base(Env *env, const TrainingSet *set, const MethodPart *part, void **bytes, size_t *length)
{
	void		(*message) (MessageLevel level, const char *text, void *ctx) = env->message;
	RecsysStatus status;

	env->message = NULL;
	status = part_train(env, set, part, bytes, length);
	env->message = message;
	return status;
}

/* Sets of estimators. */
#define ONE(kind) (1u << (kind))
#define FORESTS (ONE(ESTIMATOR_BAGGING) | ONE(ESTIMATOR_RANDOM_FOREST))
#define BOOSTING ONE(ESTIMATOR_GRADIENT_BOOSTING)
#define TREES (FORESTS | BOOSTING | ONE(ESTIMATOR_DECISION_TREE))
#define PENALISED (ONE(ESTIMATOR_RIDGE) | ONE(ESTIMATOR_LOGISTIC) | ONE(ESTIMATOR_LINEAR_SVC) | BOOSTING)

/* A parameter of other estimators is an error. */
static RecsysStatus
check_used(Env *env, const OnParams *params, EstimatorKind kind)
{
	const struct
	{
		const char *name;
		double		value;
		unsigned	kinds;		/* that use it */
	}			uses[] = {
		{"regularization", params->regularization, PENALISED},
		{"n_estimators", params->n_estimators, FORESTS | BOOSTING},
		{"max_depth", params->max_depth, TREES},
		{"min_leaf", params->min_leaf, TREES},
		{"learning_rate", params->learning_rate, BOOSTING},
		{"subsample", params->subsample, FORESTS | BOOSTING},
		{"split_features", params->max_share, ONE(ESTIMATOR_RANDOM_FOREST)},
	};
	char		other[64];

	snprintf(other, sizeof(other), "estimator \"%s\"", estimator_names[kind]);
	for (size_t i = 0; i < sizeof(uses) / sizeof(uses[0]); i++)
	{
		if (!isnan(uses[i].value) && !(uses[i].kinds & ONE(kind)))
			return fail_unused_param(env, uses[i].name, other);
	}
	return RECSYS_OK;
}

/* Names of features and parameters of the estimator, then what the base method asks for. */
RecsysStatus
on_check(Env *env, const TrainingSet *set, const OnParams *params, EstimatorKind kind)
{
	MethodPart	part;
	Env			inner;
	int			n;

	if (!(features_read(params->features) & FEATURE_EMBEDDINGS))
	{
		env_fail(env, RECSYS_BAD_ARGUMENT, "parameter \"features\" is not a list of features: \"%s\"",
				 params->features);
		return env_hint(env, "Write \"embeddings\" and, with commas between them, any of terms, genres and attributes.");
	}
	TRY(check_used(env, params, kind));
	TRY(check_half_life(env, set, params));
	TRY(on_parts(env, params, &part, &n));
	env_enter(env, &inner);
	inner.message = NULL;
	return env_leave(env, &inner, recommender_check(&inner, part.method, part.params, set));
}

/* ---------------------------------------------------------------- what is learnt */

/* A value, or that of the estimator. */
static double
value_or(double value, double otherwise)
{
	return isnan(value) ? otherwise : value;
}

/* The parameters as the estimators want them; the defaults are measured: see docs/methods.md. */
static EstimatorSpec
estimator_spec(const OnParams *params, EstimatorKind kind, bool classify)
{
	bool		boosts = kind == ESTIMATOR_GRADIENT_BOOSTING;
	bool		one = kind == ESTIMATOR_DECISION_TREE;

	return (EstimatorSpec) {
		.kind = kind,
		.classify = classify,
		.regularization = value_or(params->regularization, boosts ? 1 : 0.001),
		.n_estimators = (int) value_or(params->n_estimators, boosts ? 100 : 50),
		.max_depth = (int) value_or(params->max_depth, boosts ? 4 : one ? 6 : 10),
		.min_leaf = (int) value_or(params->min_leaf, one ? 50 : 10),
		.learning_rate = value_or(params->learning_rate, 0.1),
		.subsample = value_or(params->subsample, boosts ? 0.8 : 0.632),
		.max_features = value_or(params->max_share, 0.33),
		.random_state = params->common.random_state,
	};
}

/* Ratings in the class and others. */
typedef struct Classes
{
	double		counts[2];
	double		means[2];		/* of all ratings, where there is none */
} Classes;

/* Counts them. */
static RecsysStatus
count_classes(Env *env, const TrainingSet *set, const RowsSpec *spec, Classes *classes)
{
	const Csr  *by_user = &set->by_user;

	*classes = (Classes) {{0, 0}, {0, 0}};
	for (int64_t e = 0; e < by_user->n_entries; e++)
	{
		bool		in_class = rating_in_class(spec, by_user->values[e]);

		if (e % POLL_ENTRIES == 0 && env_interrupted(env))
			return env->status;
		classes->counts[in_class]++;
		classes->means[in_class] += (double) by_user->values[e];
	}
	for (int i = 0; i < 2; i++)
		classes->means[i] = classes->counts[i] > 0 ? classes->means[i] / classes->counts[i] :
			set->summary.mean;
	return RECSYS_OK;
}

/* The least float above a number. */
static double
next_above(double number)
{
	float		next = (float) number;

	return (double) ((double) next > number ? next : nextafterf(next, FLT_MAX));
}

/*
 * What the target of a row is.  One class alone cannot be told from another: then who rated what is learnt.  relevance
 * is set, and classes counted.
 */
static RecsysStatus
choose_target(Env *env, const TrainingSet *set, const OnParams *params, bool classify, RowsSpec *spec,
			  Classes *classes)
{
	spec->target = !classify ? TARGET_RATING : params->objective == ON_RANKING ? TARGET_TAKEN : TARGET_CLASS;
	spec->relevance = value_or(params->relevance, next_above(spec->target == TARGET_TAKEN ? 0 :
															 set->summary.mean));
	TRY(count_classes(env, set, spec, classes));
	if (spec->target != TARGET_CLASS || (classes->counts[0] > 0 && classes->counts[1] > 0))
		return RECSYS_OK;
	env_message(env, MESSAGE_NOTICE, "all ratings are of one class: what is learned is which courses are rated");
	spec->target = TARGET_TAKEN;
	spec->relevance = next_above(0);
	return count_classes(env, set, spec, classes);
}

/* An estimator that says the same of everything. */
static RecsysStatus
constant_estimator(Env *env, const FeatureRows *rows, EstimatorSpec spec, double mean, Estimator *estimator)
{
	double		p = fmin(fmax(mean, 1e-6), 1 - 1e-6);

	*estimator = (Estimator) {
		.kind = spec.classify ? ESTIMATOR_LOGISTIC : ESTIMATOR_LINEAR,
		.classify = spec.classify,
		.n_features = rows->n_features,
		.intercept = spec.classify ? log(p / (1 - p)) : mean,
		.weights = env_alloc_zero(env, (size_t) rows->n_features, sizeof(float)),
	};
	return estimator->weights == NULL ? env->status : RECSYS_OK;
}

/* Says what there is to do about rows that take too much memory. */
static RecsysStatus
hint_rows(Env *env, RecsysStatus status)
{
	if (status == RECSYS_OVER_LIMIT)
		env_hint(env, "Increase the setting \"course_recsys.max_memory\", or lower the parameter \"max_rows\".");
	return status;
}

/* Fits, and frees the rows. */
static RecsysStatus
fit_estimator(Env *env, const EstimatorSpec *spec, FeatureRows *rows, double mean, Estimator *estimator)
{
	EstimatorRows input = {rows->n, rows->n_features, rows->features, rows->targets, rows->weights};

	env_loss(env, 0, "rows", (double) rows->n);
	env_loss(env, 0, "features", rows->n_features);
	if (rows->n > 0)
		TRY(hint_rows(env, estimator_fit(env, spec, &input, estimator)));
	else
	{
		env_message(env, MESSAGE_WARNING,
					"there are too few ratings to learn from their embeddings: every course gets the same estimate");
		TRY(constant_estimator(env, rows, *spec, mean, estimator));
	}
	env_free(env, rows->features);
	env_free(env, rows->targets);
	env_free(env, rows->weights);
	return RECSYS_OK;
}

/* A method with factors may have parameters without. */
static RecsysStatus
check_factors(Env *env, const Recommender *base)
{
	if (model_has_factors(base))
		return RECSYS_OK;
	env_fail(env, RECSYS_BAD_ARGUMENT, "method \"%s\" in parameter \"embedding\" has no factors with these parameters",
			 base->method->name);
	return env_hint(env, "Give it others: its score must be a product of factors of user and course.");
}

/* Trains the base model, puts it, and opens it where it lies. */
static RecsysStatus
fit_base(Env *env, const TrainingSet *set, const MethodPart *part, ModelWriter *writer, Recommender *base)
{
	void	   *bytes;
	size_t		length;

	TRY(train_base(env, set, part, &bytes, &length));
	TRY(model_put(env, writer, "base", SECTION_BYTES, (int64_t) length, 1, bytes));
	TRY(recommender_open_as(env, base, part->method, bytes, length));
	return check_factors(env, base);
}

/* Puts the facts. */
static RecsysStatus
put_facts(Env *env, const RowsSpec *spec, const Classes *classes, ModelWriter *writer)
{
	double	   *facts = env_alloc(env, N_FACTS, sizeof(double));

	if (facts == NULL)
		return env->status;
	facts[FACT_TAKEN] = spec->target == TARGET_TAKEN;
	facts[FACT_MEAN_OTHERS] = classes->means[0];
	facts[FACT_MEAN_CLASS] = classes->means[1];
	return model_put(env, writer, "facts", SECTION_DOUBLE, N_FACTS, 1, facts);
}

/* How rows are made, as far as the parameters say. */
static RowsSpec
rows_spec(const OnParams *params, const MethodPart *part, const FeatureContent *content)
{
	return (RowsSpec) {
		.base = part,
		.combine = (FeatureCombine) params->combine,
		.content = content,
		.negatives = (int) params->negatives,
		.folds = (int) params->folds,
		.max_rows = params->max_rows,
		.random_state = params->common.random_state,
		.half_life = params->common.half_life,
	};
}

/* What is known to be too much, or missing, is told before the base model is trained. */
static RecsysStatus
check_ready(Env *env, const TrainingSet *set, const EstimatorSpec *estimator, const RowsSpec *spec)
{
	return hint_rows(env, estimator_ready(env, estimator, out_of_fold_count(spec, set->summary.n_ratings),
										  features_count(spec->combine, part_factors(spec->base), spec->content)));
}

/* Base model, rows, estimator. */
RecsysStatus
on_fit(Env *env, const TrainingSet *set, const OnParams *params, EstimatorKind kind, bool classify,
	   ModelWriter *writer)
{
	EstimatorSpec estimator_params = estimator_spec(params, kind, classify);
	unsigned	kinds = features_read(params->features);
	FeatureContent content;
	Classes		classes;
	MethodPart	part;
	RowsSpec	spec;
	FeatureRows rows;
	Recommender base;
	Estimator	estimator;
	int			n;

	TRY(on_parts(env, params, &part, &n));
	spec = rows_spec(params, &part, &content);
	TRY(choose_target(env, set, params, classify, &spec, &classes));
	fit_default_base(params, spec.target == TARGET_TAKEN, &part);
	env_progress(env, PHASE_FITTING, 0, spec.folds + 2);
	TRY(features_build(env, set, kinds, params->max_features, &content));
	TRY(check_ready(env, set, &estimator_params, &spec));
	TRY(fit_base(env, set, &part, writer, &base));
	env_progress(env, PHASE_FITTING, 1, spec.folds + 2);
	TRY(out_of_fold_rows(env, set, &base, &spec, &rows));
	TRY(fit_estimator(env, &estimator_params, &rows,
					  classify ? classes.counts[1] / (classes.counts[0] + classes.counts[1]) :
					  set->summary.mean, &estimator));
	env_progress(env, PHASE_FITTING, spec.folds + 2, spec.folds + 2);
	TRY(put_facts(env, &spec, &classes, writer));
	TRY(features_put(env, writer, set->by_course.n_rows, kinds, &content));
	return estimator_put(env, writer, &estimator);
}

/* ---------------------------------------------------------------- estimate */

/* Numbers of a row beside the vectors, and bytes that are held for them. */
static FeatureContent
expected_content(const Shape *shape, const OnParams *params, double *bytes)
{
	unsigned	kinds = features_read(params->features);
	int64_t		most = params->max_features;
	FeatureContent content = {0};

	if (kinds & FEATURE_TERMS)
		content.n_course += (int) (most < shape->n_terms ? most : shape->n_terms);
	if (kinds & FEATURE_GENRES)
		content.n_course += (int) shape->n_genres;
	if (kinds & FEATURE_ATTRIBUTES)
		content.attributes.n_cols = (int32_t) (most < shape->n_groups ? most : shape->n_groups);
	*bytes = 4.0 * content.n_course * (double) shape->n_courses +
		(kinds & FEATURE_ATTRIBUTES ? 24 * (double) shape->n_groups : 0);
	return content;
}

/* The model of all ratings, the rows, then a fold or the estimator beside them. */
static void
estimate_parts(const Shape *shape, const OnParams *params, const MethodPart *part, EstimatorSpec spec,
			   Estimate *estimate)
{
	double		content_bytes;
	FeatureContent content = expected_content(shape, params, &content_bytes);
	RowsSpec	rows = rows_spec(params, part, &content);
	int			n_factors = part_factors(part);
	int			n_features = features_count(rows.combine, n_factors, &content);
	Estimate	base;
	double		rows_bytes;
	double		folds_bytes;
	double		fit_bytes;
	double		model_bytes;
	double		seconds;

	rows.target = !spec.classify ? TARGET_RATING : params->objective == ON_RANKING ? TARGET_TAKEN :
		TARGET_CLASS;
	part_estimate(shape, part, &base);
	folds_bytes = out_of_fold_bytes(shape, &rows, n_factors, n_features, &rows_bytes);
	estimator_estimate(&spec, out_of_fold_count(&rows, shape->n_ratings), n_features, &fit_bytes,
					   &model_bytes, &seconds);
	estimate->model_bytes = base.model_bytes + content_bytes + model_bytes;
	estimate->bytes = content_bytes +
		fmax(base.bytes, base.model_bytes + fmax(folds_bytes, rows_bytes + fit_bytes));
	estimate->seconds = base.seconds + out_of_fold_seconds(shape, &rows, n_features) + seconds;
	estimate->library_bytes = fmax(base.library_bytes, BLAS_LIBRARY_BYTES);
	estimate->n_losses = base.n_losses;
}

/* Parts, then all else. */
void
on_estimate(const Shape *shape, const OnParams *params, EstimatorKind kind, bool classify, Estimate *estimate)
{
	PartsArena	arena;
	Env			env = parts_arena(&arena);
	MethodPart	part;
	int			n;

	memset(estimate, 0, sizeof(*estimate));
	if (on_parts(&env, params, &part, &n) == RECSYS_OK)
		estimate_parts(shape, params, &part, estimator_spec(params, kind, classify), estimate);
}

/* ---------------------------------------------------------------- open */

/* Opens the base model where it lies. */
static RecsysStatus
open_base(Env *env, Recommender *rec)
{
	OnState    *state = rec->state;
	const void *bytes;
	int64_t		length = -1;
	int64_t		n_cols = 1;
	MethodPart	part;
	int			n;

	TRY(on_parts(env, rec->params, &part, &n));
	TRY(model_get(env, &rec->model, "base", SECTION_BYTES, &length, &n_cols, &bytes));
	TRY(part_open(env, rec, &part, bytes, (size_t) length, &state->base));
	state->n_factors = latent_count(&state->base);
	return model_has_factors(&state->base) ? RECSYS_OK :
		model_damaged(env, "The base model has no factors.");
}

/* Reads the facts. */
static RecsysStatus
open_facts(Env *env, Recommender *rec)
{
	OnState    *state = rec->state;
	int64_t		n = N_FACTS;
	int64_t		n_cols = 1;
	const void *data;
	const double *facts;

	TRY(model_get(env, &rec->model, "facts", SECTION_DOUBLE, &n, &n_cols, &data));
	facts = data;
	if ((facts[FACT_TAKEN] != 0 && facts[FACT_TAKEN] != 1) || !isfinite(facts[FACT_MEAN_OTHERS]) ||
		!isfinite(facts[FACT_MEAN_CLASS]))
		return model_damaged(env, "The objective or the mean rating of a class is impossible.");
	state->taken = facts[FACT_TAKEN] == 1;
	state->means[0] = facts[FACT_MEAN_OTHERS];
	state->means[1] = facts[FACT_MEAN_CLASS];
	return RECSYS_OK;
}

/* The parts must fit each other. */
RecsysStatus
on_open(Env *env, Recommender *rec, EstimatorKind kind, bool classify)
{
	const OnParams *params = rec->params;
	OnState    *state = rec->state;
	unsigned	kinds = features_read(params->features);

	if (!(kinds & FEATURE_EMBEDDINGS))
		return model_damaged(env, "The features of a row are none.");
	TRY(open_base(env, rec));
	TRY(open_facts(env, rec));
	TRY(features_open(env, rec, kinds, &state->content));
	TRY(estimator_open(env, &rec->model, &state->estimator));
	state->combine = (FeatureCombine) params->combine;
	state->n_features = features_count(state->combine, state->n_factors, &state->content);
	if (state->estimator.n_features != state->n_features || state->estimator.classify != classify ||
		(state->estimator.kind != kind && state->estimator.n_trees > 0))
		return model_damaged(env, "The estimator does not fit the features.");
	state->least_ratings = state->taken && isnan(params->min_ratings) ? 1 :
		least_ratings(rec, params->min_ratings);
	return RECSYS_OK;
}

/* ---------------------------------------------------------------- use */

/* Scratch memory: of the base model, then three rows. */
typedef struct OnScratch
{
	void	   *base;
	float	   *user;			/* n_factors + 1 */
	float	   *course;			/* the same */
	float	   *row;			/* n_features */
	size_t		bytes;
	size_t		rows_begin;		/* what is to be cleaned afterwards */
} OnScratch;

/* Cuts scratch memory; memory may be NULL to learn the size. */
static OnScratch
cut_scratch(const Recommender *rec, char *memory)
{
	const OnState *state = rec->state;
	size_t		vector = ((size_t) state->n_factors + 16) / 16 * 16 * sizeof(float);
	OnScratch	scratch = {.base = memory};

	scratch.rows_begin = (recommender_scratch_size(&state->base) + 63) / 64 * 64;
	scratch.bytes = scratch.rows_begin + 2 * vector + (size_t) state->n_features * sizeof(float);
	if (memory != NULL)
	{
		scratch.user = (float *) (memory + scratch.rows_begin);
		scratch.course = (float *) (memory + scratch.rows_begin + vector);
		scratch.row = (float *) (memory + scratch.rows_begin + 2 * vector);
	}
	return scratch;
}

/* See cut_scratch. */
size_t
on_scratch_size(const Recommender *rec)
{
	return cut_scratch(rec, NULL).bytes;
}

/* Zeroes the rows; the base model has left its own part zero. */
static void
clean_scratch(const OnScratch *scratch)
{
	memset(scratch->user, 0, scratch->bytes - scratch->rows_begin);
}

/* What the estimator says of a course, for the user in scratch; NAN when nothing is known of the course. */
static double
course_value(const Recommender *rec, int32_t group, const OnScratch *scratch, int32_t course)
{
	const OnState *state = rec->state;

	if (!base_course(&state->base, &state->content, course, scratch->course))
		return NAN;
	features_fill(state->combine, state->n_factors, &state->content, scratch->user, group,
				  scratch->course, course, scratch->row);
	return estimator_value(&state->estimator, scratch->row);
}

/* Attributes that are no features do not count. */
static int32_t
group_of(const OnState *state, const History *history)
{
	return state->content.attributes.n_cols > 0 ? history->group : -1;
}

/* Folds the user in once for all courses. */
void
on_score(const Recommender *rec, const History *history, void *memory, float *scores)
{
	const OnState *state = rec->state;
	OnScratch	scratch = cut_scratch(rec, memory);
	bool		known = latent_user(&state->base, history, scratch.base, scratch.user);

	for (int32_t c = 0; c < rec->n_courses; c++)
		scores[c] = known && rec->course_counts[c] >= state->least_ratings ?
			finish_score(course_value(rec, group_of(state, history), &scratch, c), NAN) : NO_OPINION;
	clean_scratch(&scratch);
}

/* One course. */
double
on_value(const Recommender *rec, const History *history, int32_t course, void *memory)
{
	const OnState *state = rec->state;
	OnScratch	scratch = cut_scratch(rec, memory);
	double		value = NAN;

	if (latent_user(&state->base, history, scratch.base, scratch.user))
		value = course_value(rec, group_of(state, history), &scratch, course);
	clean_scratch(&scratch);
	return value;
}
