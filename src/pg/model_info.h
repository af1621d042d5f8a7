/*
 * model_info.h
 *		What is kept with a model besides its data.
 */
#ifndef PG_MODEL_INFO_H
#define PG_MODEL_INFO_H

#include "pg/call.h"

/* Rows of training_log: of the published version. */
extern void training_log_rows(Call *call, const char *model);

#endif							/* PG_MODEL_INFO_H */
