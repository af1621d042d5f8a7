/*
 * grid.c
 *		The combinations of parameters that tune_method() tries.
 *
 * A grid is an object of arrays: {"factors": [16, 64], "alpha": [1, 10]} has four
 * combinations.  A value outside an array stands for an array of one.  Combination
 * number c is c written in digits whose bases are the lengths of the arrays, so
 * a random part of a grid needs no list of all of it.
 */
#include "postgres.h"

#include "common/int.h"
#include "utils/jsonb.h"

#include "core/rng.h"
#include "pg/args.h"
#include "pg/grid.h"

/* One parameter and its values. */
typedef struct Axis
{
	JsonbValue	name;
	int			n;
	JsonbValue *values;
} Axis;

typedef struct Axes
{
	int			n;
	Axis	   *axes;
	int64		combinations;	/* product of the lengths, at most PG_INT64_MAX */
} Axes;

/* The elements of an array, in a new array. */
static void
read_elements(JsonbContainer *array, Axis *axis)
{
	JsonbIterator *iterator = JsonbIteratorInit(array);
	JsonbIteratorToken token;
	JsonbValue	value;

	axis->values = palloc(sizeof(JsonbValue) * Max(JsonContainerSize(array), 1));
	while ((token = JsonbIteratorNext(&iterator, &value, true)) != WJB_DONE)
		if (token == WJB_ELEM)
			axis->values[axis->n++] = value;
}

/* One parameter: an array of values, or the only one. */
static Axis
read_axis(const JsonbValue *name, const JsonbValue *value)
{
	Axis		axis = {.name = *name};

	if (value->type == jbvBinary && JsonContainerIsArray(value->val.binary.data))
		read_elements(value->val.binary.data, &axis);
	else
	{
		axis.values = palloc(sizeof(JsonbValue));
		axis.values[axis.n++] = *value;
	}
	if (axis.n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("parameter \"%.*s\" of argument \"%s\" has no values", name->val.string.len,
						name->val.string.val, "grid"),
				 errhint("Leave the parameter out to use its default.")));
	return axis;
}

/* All parameters of the grid. */
static Axes
read_axes(Datum grid)
{
	Jsonb	   *object = required_object(grid, "grid");
	JsonbIterator *iterator = JsonbIteratorInit(&object->root);
	JsonbIteratorToken token;
	JsonbValue	name,
				value;
	Axes		axes = {.combinations = 1};

	axes.axes = palloc(sizeof(Axis) * Max(JB_ROOT_COUNT(object), 1));
	while ((token = JsonbIteratorNext(&iterator, &name, true)) != WJB_DONE)
	{
		if (token != WJB_KEY)
			continue;
		(void) JsonbIteratorNext(&iterator, &value, true);
		axes.axes[axes.n] = read_axis(&name, &value);
		if (pg_mul_s64_overflow(axes.combinations, axes.axes[axes.n].n, &axes.combinations))
			axes.combinations = PG_INT64_MAX;
		axes.n++;
	}
	return axes;
}

/* Combination number c as a jsonb object. */
static Datum
combination(const Axes *axes, int64 c)
{
	JsonbParseState *state = NULL;
	JsonbValue *object;
	int		   *digits = palloc(sizeof(int) * Max(axes->n, 1));

	for (int i = axes->n - 1; i >= 0; i--)
	{
		digits[i] = (int) (c % axes->axes[i].n);
		c /= axes->axes[i].n;
	}
	(void) pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < axes->n; i++)
	{
		(void) pushJsonbValue(&state, WJB_KEY, &axes->axes[i].name);
		(void) pushJsonbValue(&state, WJB_VALUE, &axes->axes[i].values[digits[i]]);
	}
	object = pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	return JsonbPGetDatum(JsonbValueToJsonb(object));
}

/* Is the number among the first n of the ascending list?  Else, where it belongs. */
static bool
find_number(const int64 *numbers, int n, int64 number, int *place)
{
	*place = 0;
	while (*place < n && numbers[*place] < number)
		(*place)++;
	return *place < n && numbers[*place] == number;
}

/*
 * Draws n of 0 .. total - 1, ascending, without repetition: every set of n with the
 * same chance (R. Floyd's algorithm: Bentley, Programming Pearls, CACM 30(9), 1987).
 */
static int64 *
draw(int64 total, int n, int random_state)
{
	int64	   *numbers = palloc(sizeof(int64) * n);
	Rng			rng;
	int			place;

	rng_seed(&rng, (uint64) (int64) random_state, 0);
	for (int i = 0; i < n; i++)
	{
		int64		last = total - n + i;
		int64		number = (int64) rng_below(&rng, (uint64) last + 1);

		if (find_number(numbers, i, number, &place))
			(void) find_number(numbers, i, number = last, &place);
		memmove(numbers + place + 1, numbers + place, sizeof(int64) * (i - place));
		numbers[place] = number;
	}
	return numbers;
}

/* Raises for more combinations than one call may try. */
static void
check_size(int64 n)
{
	if (n > GRID_MAX)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("argument \"%s\" has more than %d combinations", "grid", GRID_MAX),
				 errhint("Give fewer values, or try a random part of the grid with options such as '{\"samples\": 50}'.")));
}

/* The combinations to try, every one checked. */
Grid
grid_read(const Method *method, Datum json, int samples, int random_state)
{
	Axes		axes = read_axes(json);
	Grid		grid;
	int64	   *numbers = NULL;

	if (samples == 0 || samples >= axes.combinations)
		check_size(axes.combinations);
	else
		numbers = draw(axes.combinations, samples, random_state);
	grid.n = numbers ? samples : (int) axes.combinations;
	grid.params = palloc(sizeof(void *) * grid.n);
	for (int i = 0; i < grid.n; i++)
		grid.params[i] = parse_params(method, combination(&axes, numbers ? numbers[i] : i));
	return grid;
}
