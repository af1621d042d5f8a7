/*
 * nn_neumf_tile.c
 *		The architecture neumf of method nn, one user and FOLD_TILE courses at a time:
 *		outputs and their gradients by the user, for serving; see nn_neumf.h.
 */
#include "core/nn_neumf.h"

#include <string.h>

#include "core/vector.h"

/* Takes n floats of the memory, which may be NULL. */
static float *
take(char *memory, size_t *bytes, int64_t n)
{
	float	   *part = memory == NULL ? NULL : (float *) (memory + *bytes);

	*bytes += ((size_t) n * sizeof(float) + 63) / 64 * 64;
	return part;
}

/* Largest of the layers that a tile goes through. */
static int
widest_output(const LayerSizes *layers)
{
	int			widest = 0;

	for (int l = 1; l < layers->n; l++)
		widest = layers->sizes[l] > widest ? layers->sizes[l] : widest;
	return widest;
}

/* See the header. */
size_t
neumf_cut_tile(const NeumfSide *side, void *memory, NeumfTile *tile)
{
	const LayerSizes *layers = &side->network.layers;
	int64_t		widest = widest_output(layers);
	size_t		bytes = 0;

	*tile = (NeumfTile) {.side = side};
	tile->user_first = take(memory, &bytes, layers->sizes[1]);
	tile->user_delta = take(memory, &bytes, layers->sizes[1]);
	for (int l = 1; l < layers->n; l++)
		tile->outputs[l] = take(memory, &bytes, FOLD_TILE * (int64_t) layers->sizes[l]);
	tile->delta = take(memory, &bytes, FOLD_TILE * widest);
	tile->delta_below = take(memory, &bytes, FOLD_TILE * widest);
	return bytes;
}

/* What the user x adds to the first layer. */
static void
begin_user(void *arg, const float *x)
{
	NeumfTile  *tile = arg;
	const NeumfNetwork *neumf = &tile->side->network;
	const float *s = x + neumf->factors + 1;

	for (int o = 0; o < neumf->layers.sizes[1]; o++)
		tile->user_first[o] = vector_dot(tile->side->dense + (int64_t) o * neumf->layers.sizes[0], s,
										 neumf_half(neumf));
	memset(tile->user_delta, 0, (size_t) neumf->layers.sizes[1] * sizeof(float));
}

/* Outputs of the first layer. */
static void
run_first(const NeumfTile *tile, const int32_t *courses)
{
	int			n = tile->side->network.layers.sizes[1];
	const float *first[FOLD_TILE];

	for (int i = 0; i < FOLD_TILE; i++)
		first[i] = tile->side->first + (int64_t) courses[i] * n;
	neumf_tile_first(n, first, tile->user_first, tile->outputs[1]);
}

/* Outputs of the courses. */
static void
run_tile(void *arg, const float *x, const int32_t *courses, float *outputs)
{
	const NeumfTile *tile = arg;
	const NeumfSide *side = tile->side;
	const NeumfNetwork *neumf = &side->network;
	const LayerSizes *layers = &neumf->layers;
	const float *w = side->dense + layers_numbers(layers);
	const float *h = tile->outputs[layers->n - 1];

	run_first(tile, courses);
	for (int l = 2; l < layers->n; l++)
		neumf_tile_layer(side->dense + layers_offset(layers, l), layers->sizes[l - 1],
						 layers->sizes[l], tile->outputs[l - 1], tile->outputs[l]);
	for (int i = 0; i < FOLD_TILE; i++)
		outputs[i] = side->bias[courses[i]] + x[neumf->factors] +
			vector_dot(x, side->factors + (int64_t) courses[i] * neumf->factors, neumf->factors);
	for (int d = 0; d < neumf_last(neumf); d++)
		vector_axpy(w[d], h + (int64_t) d * FOLD_TILE, outputs, FOLD_TILE);
}

/* Adds the gradients of p and b_u to g, and those of the first layer to user_delta. */
static void
run_tile_back(void *arg, const float *x, const int32_t *courses, const float *derivatives, float *g)
{
	NeumfTile  *tile = arg;
	const NeumfSide *side = tile->side;
	const NeumfNetwork *neumf = &side->network;
	const LayerSizes *layers = &neumf->layers;
	const float *w = side->dense + layers_numbers(layers);

	(void) x;
	for (int i = 0; i < FOLD_TILE; i++)
	{
		vector_axpy(derivatives[i], side->factors + (int64_t) courses[i] * neumf->factors, g,
					neumf->factors);
		g[neumf->factors] += derivatives[i];
	}
	/* The output is one more layer, of one unit. */
	neumf_tile_layer_back(w, neumf_last(neumf), 1, derivatives, tile->outputs[layers->n - 1],
						  tile->delta);
	for (int l = layers->n - 1; l >= 2; l--)
	{
		float	   *delta = tile->delta;

		neumf_tile_layer_back(side->dense + layers_offset(layers, l), layers->sizes[l - 1],
							  layers->sizes[l], delta, tile->outputs[l - 1], tile->delta_below);
		tile->delta = tile->delta_below;
		tile->delta_below = delta;
	}
	neumf_tile_sums(layers->sizes[1], tile->delta, tile->user_delta);
}

/* Gradient of s from that of the first layer. */
static void
end_user(void *arg, float *g)
{
	const NeumfTile *tile = arg;
	const NeumfNetwork *neumf = &tile->side->network;

	for (int o = 0; o < neumf->layers.sizes[1]; o++)
		vector_axpy(tile->user_delta[o], tile->side->dense + (int64_t) o * neumf->layers.sizes[0],
					g + neumf->factors + 1, neumf_half(neumf));
}

/* See the header. */
FoldNetwork
neumf_fold_network(NeumfTile *tile)
{
	return (FoldNetwork) {
		.width = neumf_width(&tile->side->network),
		.arg = tile,
		.begin = begin_user,
		.outputs = run_tile,
		.gradients = run_tile_back,
		.end = end_user,
	};
}
