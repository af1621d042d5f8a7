/*
 * nn_neumf.h
 *		The architecture neumf of method nn: He, Liao, Zhang, Nie, Hu and Chua, "Neural
 *		collaborative filtering" (2017).
 *
 * A user has embeddings p (factors) and s and a bias b_u, a course q, t and b_c; s and t have half the
 * first of the sizes in `layers` each.  Product path: p_f q_f; dense path: fully connected layers with
 * ReLU from (s, t) to h.  One output joins them:
 *
 *		output = offset + b + b_u + b_c + sum of p_f q_f + w . h
 *
 * offset as with dot.  The paper has weights of the products too, which would only be a scaling of q,
 * and no biases: with them the baseline of biases and dot are special cases of the network.  b, the
 * layers and w are the numbers that all samples share.
 *
 * Dropout is on the outputs of the dense layers.  Each sample adds weight_decay times the squares of
 * its user's and its course's numbers, and NEUMF_DENSE_DECAY weight_decay times those of the shared
 * ones: a network with ReLU can move scale from one layer to another, so that a penalty of the
 * embeddings alone would be none.
 *
 * The user of the moment: nn_fold.h.  A model keeps q and b_c and, instead of t, what t adds to the
 * first layer, so that a course costs the layers above it only; NEUMF_UPPER_MAX bounds those.
 */
#ifndef CORE_NN_NEUMF_H
#define CORE_NN_NEUMF_H

#include "core/dense_layers.h"
#include "core/nn_fold.h"
#include "core/nn_pairs.h"

#define NEUMF_LAYERS "64-16-8-4"
#define NEUMF_DENSE_DECAY 0.1	/* of 0, .001 .. 1 the best for ratings, on parts of the training rows of
								 * MovieLens 100k; for ranking .1 to 1 are alike */
#define NEUMF_UPPER_MAX 16384	/* numbers of the layers above the first one */

/* The shared numbers lie in this order: layers, w, b; those of a user: p, b_u, s. */
typedef struct NeumfNetwork
{
	int			factors;
	LayerSizes	layers;			/* (s, t) first */
	float		offset;
	float		dense_decay;
} NeumfNetwork;

/* The network of parameters; false: the list of layers cannot be used. */
extern bool neumf_init(const NnParams *params, NeumfNetwork *neumf);

/* Length of s and of t. */
static inline int
neumf_half(const NeumfNetwork *neumf)
{
	return neumf->layers.sizes[0] / 2;
}

/* Numbers of a user or of a course, and where s or t begins. */
static inline int
neumf_width(const NeumfNetwork *neumf)
{
	return neumf->factors + 1 + neumf_half(neumf);
}

/* Length of h. */
static inline int
neumf_last(const NeumfNetwork *neumf)
{
	return neumf->layers.sizes[neumf->layers.n - 1];
}

/* Shared numbers. */
static inline int64_t
neumf_n_dense(const NeumfNetwork *neumf)
{
	return layers_numbers(&neumf->layers) + neumf_last(neumf) + 1;
}

/* As the training of pairs sees it; neumf stays the caller's. */
extern PairNetwork nn_neumf_network(const NnParams *params, const NeumfNetwork *neumf);

/* First numbers of embeddings and layers. */
extern RecsysStatus nn_neumf_draw(Env *env, const NeumfNetwork *neumf, PairTraining *training);

/* What serving looks at: the sections of a model. */
typedef struct NeumfSide
{
	NeumfNetwork network;
	const float *dense;
	const float *factors;		/* q of each course */
	const float *bias;			/* offset + b + b_c of each course */
	const float *first;			/* what each course adds to the first layer, its biases included */
} NeumfSide;

/* Outputs of layers for FOLD_TILE courses side by side: number (unit, course) is at unit * FOLD_TILE + course. */
typedef struct NeumfTile
{
	const NeumfSide *side;
	float	   *user_first;		/* what the user adds to the first layer */
	float	   *user_delta;		/* gradient by it */
	float	   *outputs[LAYERS_MAX];	/* from layer 1 */
	float	   *delta;
	float	   *delta_below;
} NeumfTile;

/* Cuts memory (NULL: none) for a tile; returns its bytes. */
extern size_t neumf_cut_tile(const NeumfSide *side, void *memory, NeumfTile *tile);

/* Outputs of tiles and their gradients, for fold_user; tile stays the caller's. */
extern FoldNetwork neumf_fold_network(NeumfTile *tile);

/* Kernels.  The first layer of a tile: what each course adds and what the user adds, then ReLU. */
extern void neumf_tile_first(int n, const float *const *courses, const float *user, float *y);

/* Another layer: y = relu(W x + b). */
extern void neumf_tile_layer(const float *numbers, int n_in, int n_out, const float *x, float *y);

/* Its way back: fills dx with W' dy, where x, which is a result of ReLU, is above 0. */
extern void neumf_tile_layer_back(const float *numbers, int n_in, int n_out, const float *dy, const float *x,
								  float *dx);

/* Adds to sums[n] those over the courses of the tile. */
extern void neumf_tile_sums(int n, const float *x, float *sums);

#endif							/* CORE_NN_NEUMF_H */
