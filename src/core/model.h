/*
 * model.h
 *		Named arrays <-> one block of bytes.
 *
 * Layout, all numbers in the byte order of the machine that wrote them:
 *
 *		header		64 bytes: magic, byte order mark, format version, total length,
 *					number of sections, CRC-32C of the block (counting itself as 0)
 *		directory	64 bytes a section: name, type, rows, columns, offset
 *		sections	in the order of the directory, without gaps; each padded with
 *					zeros to a multiple of 64 bytes
 *
 * A block at a 64-byte boundary is used as it lies: a section is a pointer into
 * it.  Opening checks everything that a damaged or hostile block could break:
 * lengths, overflow, alignment, checksum, and for sparse matrices and string
 * tables that every index and offset is within bounds.  The numbers in a dense
 * section mean something to its method only, which checks them itself.
 *
 * The same sections in the same order give the same bytes.  Writing and opening
 * take one pass over the block (the CRC runs at about 1 GB/s), looking at the
 * cancel flag every few milliseconds; opening allocates nothing.
 */
#ifndef CORE_MODEL_H
#define CORE_MODEL_H

#include "core/csr.h"
#include "core/env.h"
#include "core/matrix.h"
#include "core/stringtable.h"

#define MODEL_FORMAT 1			/* raised when an older reader could not read it */
#define MODEL_NAME_SIZE 32		/* bytes of a section's name with its terminator */
#define MODEL_MAX_SECTIONS 64

typedef enum SectionType
{
	SECTION_FLOAT = 1,
	SECTION_DOUBLE,
	SECTION_INT32,
	SECTION_INT64,
	SECTION_BYTES
} SectionType;

/* Collects sections; data is not copied and must live until model_finish. */
typedef struct ModelWriter
{
	struct ModelWriterSection
	{
		char		name[MODEL_NAME_SIZE];
		SectionType type;
		int64_t		n_rows;
		int64_t		n_cols;
		const void *data;
	}			sections[MODEL_MAX_SECTIONS];
	int			n;
} ModelWriter;

extern void model_begin(ModelWriter *writer);

/*
 * Adds a section of n_rows x n_cols values; either may be 0.  A vector has one
 * column.  RECSYS_BAD_ARGUMENT when the name is empty, too long or taken, or the
 * shape is impossible; RECSYS_OVER_LIMIT after MODEL_MAX_SECTIONS.
 */
extern RecsysStatus model_put(Env *env, ModelWriter *writer, const char *name, SectionType type,
							  int64_t n_rows, int64_t n_cols, const void *data);

/*
 * Four sections: name.shape (rows, columns), name.offsets, name.indexes,
 * name.values.  Times are not stored.  A zeroed Csr counts as 0 x 0.
 */
extern RecsysStatus model_put_csr(Env *env, ModelWriter *writer, const char *name, const Csr *csr);

/* Two sections: name.offsets, name.bytes.  A zeroed StringTable counts as empty. */
extern RecsysStatus model_put_strings(Env *env, ModelWriter *writer, const char *name,
									  const StringTable *table);

/* The finished block, 64-byte aligned, owned by the Env; its length is a multiple of 64. */
extern RecsysStatus model_finish(Env *env, const ModelWriter *writer, void **bytes, size_t *length);

/* An opened block. */
typedef struct Model
{
	const char *bytes;
	size_t		length;
	int			n_sections;
} Model;

/* Fails with RECSYS_CORRUPT; the rest is a full sentence about the damage, as for printf. */
extern RecsysStatus model_damaged(Env *env, const char *format,...)
			__attribute__((format(printf, 2, 3)));

/*
 * bytes must be 64-byte aligned (else RECSYS_BAD_ARGUMENT) and outlive the Model.
 * RECSYS_CORRUPT when it is not a model, RECSYS_NEWER_FORMAT when it was written
 * by a newer version, RECSYS_UNSUPPORTED when on a machine of the other byte order.
 */
extern RecsysStatus model_open(Env *env, Model *model, const void *bytes, size_t length);

/*
 * A section of the given type and shape (-1: any; the real one is stored back).
 * RECSYS_CORRUPT when there is none, or one of another type or shape; nothing is
 * stored then.  data points into the block, at a 64-byte boundary.
 */
extern RecsysStatus model_get(Env *env, const Model *model, const char *name, SectionType type,
							  int64_t *n_rows, int64_t *n_cols, const void **data);
extern bool model_has(const Model *model, const char *name);

/*
 * A sparse matrix of this shape (-1: any), checked entry by entry: indexes in
 * bounds and ascending, values finite.  It lies in the block: read-only, not to
 * be freed.
 */
extern RecsysStatus model_get_csr(Env *env, const Model *model, const char *name,
								  int32_t n_rows, int32_t n_cols, Csr *csr);

/* A table of n strings (-1: any), checked.  It lies in the block: read-only, not to be freed. */
extern RecsysStatus model_get_strings(Env *env, const Model *model, const char *name, int32_t n,
									  StringTable *table);

/* CRC-32C (Castagnoli), continued from crc; start with 0. */
extern uint32_t crc32c(uint32_t crc, const void *bytes, size_t length);

#endif							/* CORE_MODEL_H */
