/*
 * vector.h
 *		Float vectors: the inner loops of everything.
 *
 * Compiled once per instruction set (see CLONES) and picked by the CPU when the
 * library is loaded.  The sum of a dot product is therefore not the same to the
 * last bit on different CPU types; it is on one.
 */
#ifndef CORE_VECTOR_H
#define CORE_VECTOR_H

#include <stdint.h>

/*
 * One function, several machine codes.  Needs ifunc, so only Linux with glibc;
 * ThreadSanitizer crashes in ifunc resolvers.  Before version 12 gcc cannot ask
 * the CPU for a level, only for single sets of instructions, and "avx2" leaves
 * fused multiplication out.
 */
#if defined(__x86_64__) && defined(__gnu_linux__) && defined(__GLIBC__) && \
	!defined(__SANITIZE_THREAD__) && !defined(__clang__)
#if __GNUC__ >= 12
#define CLONES __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define CLONES __attribute__((target_clones("default", "avx2", "avx512f")))
#endif
#else
#define CLONES
#endif

extern float vector_dot(const float *a, const float *b, int64_t n);
extern float vector_norm(const float *a, int64_t n);	/* Euclidean length */
extern void vector_axpy(float alpha, const float *x, float *y, int64_t n);	/* y += alpha x, not overlapping */
extern void vector_scale(float alpha, float *x, int64_t n);

/* y[indexes[i]] += alpha * x[i]; the indexes are distinct, x and y do not overlap. */
extern void vector_scatter(float alpha, const int32_t *indexes, const float *x, int64_t n, float *y);

#endif							/* CORE_VECTOR_H */
