/*
 * training.h
 *		train_model() and the life of a model.
 */
#ifndef PG_TRAINING_H
#define PG_TRAINING_H

#include "pg/call.h"

typedef struct TrainArgs
{
	const char *model;
	const char *method;			/* NULL: the model's name */
	Datum		params;			/* jsonb */
	const char *dataset;
	bool		publish;
	bool		if_changed;
	bool		wait;
} TrainArgs;

/* Trains and adds the result row to the call, or none when it was skipped. */
extern void train_model_rows(Call *call, const TrainArgs *args);

extern void drop_model_versions(const char *model);
extern int	rollback_model_version(const char *model);
extern void publish_model_version(const char *model, int version);

/* Adds the rows phase, bytes, seconds of a training run to come. */
extern void estimate_training_rows(Call *call, const char *method, Datum params,
								   const char *dataset);

#endif							/* PG_TRAINING_H */
