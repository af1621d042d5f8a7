/*
 * adam.c
 *		The optimiser Adam: the corrections of its first steps.
 */
#include "core/adam.h"

#include <math.h>

/* Powers by multiplication: one for every entry. */
void
adam_init(Adam *adam)
{
	double		power1 = 1;
	double		power2 = 1;

	adam->rate = 0;
	adam->corrections[0] = 0;
	for (int t = 1; t < ADAM_STEPS; t++)
	{
		power1 *= (double) ADAM_BETA1;
		power2 *= (double) ADAM_BETA2;
		adam->corrections[t] = (float) (sqrt(1 - power2) / (1 - power1));
	}
}
