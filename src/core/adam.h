/*
 * adam.h
 *		Steps of the optimiser Adam: Kingma and Ba, "Adam: a method for stochastic
 *		optimization" (2015), in the order of operations of the end of its section 2.
 *
 *		m = b1 m + (1 - b1) g		v = b2 v + (1 - b2) g^2
 *		x = x - rate sqrt(1 - b2^t) / (1 - b1^t) m / (sqrt(v) + epsilon)
 *
 * t counts the steps of x from 1.  b1 = .9, b2 = .999, epsilon = 1e-8.
 */
#ifndef CORE_ADAM_H
#define CORE_ADAM_H

#include <stdint.h>

#define ADAM_BETA1 0.9f
#define ADAM_BETA2 0.999f
#define ADAM_EPSILON 1e-8f

/* sqrt(1 - b2^t) / (1 - b1^t) by t; beyond the table it is 1 to within 2e-4. */
#define ADAM_STEPS 8192

typedef struct Adam
{
	float		rate;			/* of the iteration */
	float		corrections[ADAM_STEPS];
} Adam;

extern void adam_init(Adam *adam);

/* The rate of step t >= 1. */
static inline float
adam_rate(const Adam *adam, int64_t t)
{
	return t < ADAM_STEPS ? adam->rate * adam->corrections[t] : adam->rate;
}

/* One step of n numbers x; moments are m[n], then v[n], both 0 before the first one. */
extern void adam_step(float *x, float *moments, const float *gradient, int64_t n, float rate);

#endif							/* CORE_ADAM_H */
