/*
 * model.c
 *		Named arrays <-> one block of bytes.
 *
 * See model.h for the layout.  A reader trusts nothing: the header is checked
 * before its length is used, the checksum before the directory is read, the
 * directory before a section is touched.  The checksum finds accidents; it does
 * not stop somebody who can compute one, so every length and index is checked
 * as if there were none.
 *
 * The layout is canonical: a section's offset must be exactly the end of the
 * one before it.  That one comparison rules out overlaps, gaps, misalignment
 * and sections that reach beyond the block.
 */
#include <math.h>
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/checked.h"
#include "core/model.h"

#define ALIGNMENT 64
#define BYTE_ORDER_MARK UINT32_C(0x01020304)
#define BYTE_ORDER_SWAPPED UINT32_C(0x04030201)

/* Work between two looks at the cancel flag: a few milliseconds. */
#define POLL_BYTES ((size_t) 8 << 20)
#define POLL_ENTRIES (INT64_C(1) << 20)

/* The newline shows a transfer that changed line ends, the 0x93 one that cut the eighth bit. */
static const char magic[8] = {'\x93', 'R', 'E', 'C', 'S', 'Y', 'S', '\n'};

/* The offsets of a table or matrix that has no rows and never allocated any. */
static const int64_t no_offsets[1] = {0};

typedef struct Header
{
	char		magic[8];
	uint32_t	byte_order;
	uint32_t	format;
	uint64_t	length;
	uint32_t	n_sections;
	uint32_t	checksum;
	char		reserved[32];	/* zero */
} Header;

typedef struct Entry
{
	char		name[MODEL_NAME_SIZE];	/* padded with zeros */
	uint32_t	type;
	uint32_t	reserved;		/* zero */
	int64_t		n_rows;
	int64_t		n_cols;
	uint64_t	offset;			/* from the start of the block */
} Entry;

_Static_assert(sizeof(Header) == ALIGNMENT, "the header is 64 bytes long");
_Static_assert(sizeof(Entry) == ALIGNMENT, "a directory entry is 64 bytes long");

/* The one wording of all damage. */
RecsysStatus
model_damaged(Env *env, const char *format,...)
			  {
			  char		detail[sizeof(env->detail)];
	va_list		args;

	va_start(args, format);
	vsnprintf(detail, sizeof(detail), format, args);
	va_end(args);
	env_fail(env, RECSYS_CORRUPT, "model data is damaged");
	env_hint(env, "Train the model again, or restore it from a backup.");
	return env_detail(env, "%s", detail);
}

/* ---------------------------------------------------------------- checksum */

#define CRC32C_POLYNOMIAL UINT32_C(0x82f63b78)	/* Castagnoli, bits reversed */

/* crc_table[k][b]: the checksum of byte b followed by k zero bytes. */
static uint32_t crc_table[8][256];

/*
 * Fills the table when the library or program is loaded.  Nothing of this file
 * can run before that, on whatever thread, so the table needs no lock, and
 * crc32c() no test whether it is there.
 */
__attribute__((constructor))
static void
crc_table_fill(void)
{
	for (uint32_t b = 0; b < 256; b++)
	{
		uint32_t	crc = b;

		for (int bit = 0; bit < 8; bit++)
			crc = (crc >> 1) ^ ((crc & 1) ? CRC32C_POLYNOMIAL : 0);
		crc_table[0][b] = crc;
	}
	for (int k = 1; k < 8; k++)
	{
		for (int b = 0; b < 256; b++)
		{
			uint32_t	before = crc_table[k - 1][b];

			crc_table[k][b] = (before >> 8) ^ crc_table[0][before & 0xff];
		}
	}
}

/* Four bytes as a number, lowest first, on every machine. */
static inline uint32_t
load_u32(const unsigned char *p)
{
	return (uint32_t) p[0] | (uint32_t) p[1] << 8 | (uint32_t) p[2] << 16 | (uint32_t) p[3] << 24;
}

/* Slicing by 8 (Kounavis and Berry, 2005): eight bytes a step, eight independent look-ups. */
uint32_t
crc32c(uint32_t crc, const void *bytes, size_t length)
{
	const unsigned char *p = bytes;

	crc = ~crc;
	for (; length >= 8; length -= 8, p += 8)
	{
		uint32_t	low = load_u32(p) ^ crc;
		uint32_t	high = load_u32(p + 4);

		crc = crc_table[7][low & 0xff] ^ crc_table[6][low >> 8 & 0xff] ^
			crc_table[5][low >> 16 & 0xff] ^ crc_table[4][low >> 24] ^
			crc_table[3][high & 0xff] ^ crc_table[2][high >> 8 & 0xff] ^
			crc_table[1][high >> 16 & 0xff] ^ crc_table[0][high >> 24];
	}
	for (; length > 0; length--, p++)
		crc = (crc >> 8) ^ crc_table[0][(crc ^ *p) & 0xff];
	return ~crc;
}

/* Checksum of a block of at least a header, with the field of the checksum itself as zero. */
static RecsysStatus
block_checksum(Env *env, const char *bytes, size_t length, uint32_t *checksum)
{
	Header		header;
	uint32_t	crc;

	memcpy(&header, bytes, sizeof(header));
	header.checksum = 0;
	crc = crc32c(0, &header, sizeof(header));
	for (size_t at = sizeof(header); at < length; at += POLL_BYTES)
	{
		size_t		rest = length - at;

		if (env_interrupted(env))
			return env->status;
		crc = crc32c(crc, bytes + at, rest < POLL_BYTES ? rest : POLL_BYTES);
	}
	*checksum = crc;
	return RECSYS_OK;
}

/* ---------------------------------------------------------------- sizes */

/* Bytes of one value; 0 when there is no such type. */
static size_t
type_size(uint32_t type)
{
	switch (type)
	{
		case SECTION_FLOAT:
			return sizeof(float);
		case SECTION_DOUBLE:
			return sizeof(double);
		case SECTION_INT32:
			return sizeof(int32_t);
		case SECTION_INT64:
			return sizeof(int64_t);
		case SECTION_BYTES:
			return 1;
		default:
			return 0;
	}
}

/* Bytes of a section, with and without padding; false when type or shape is impossible. */
static bool
section_bytes(uint32_t type, int64_t n_rows, int64_t n_cols, size_t *bytes, size_t *padded)
{
	size_t		size = type_size(type);
	size_t		values;

	if (size == 0 || n_rows < 0 || n_cols < 0 ||
		!checked_mul((size_t) n_rows, (size_t) n_cols, &values) ||
		!checked_mul(values, size, bytes) ||
		!checked_add(*bytes, ALIGNMENT - 1, padded))
		return false;
	*padded -= *padded % ALIGNMENT;
	return true;
}

/* ---------------------------------------------------------------- writing */

/* Forgets all sections. */
void
model_begin(ModelWriter *writer)
{
	memset(writer, 0, sizeof(*writer));
}

/* Is the name free and does it fit? */
static RecsysStatus
check_new_name(Env *env, const ModelWriter *writer, const char *name)
{
	if (name[0] == '\0' || strlen(name) >= MODEL_NAME_SIZE)
	{
		env_fail(env, RECSYS_BAD_ARGUMENT, "invalid name of a model section: \"%s\"", name);
		return env_detail(env, "Names have 1 to %d bytes.", MODEL_NAME_SIZE - 1);
	}
	for (int i = 0; i < writer->n; i++)
	{
		if (strcmp(writer->sections[i].name, name) == 0)
			return env_fail(env, RECSYS_BAD_ARGUMENT, "model section \"%s\" exists twice", name);
	}
	return RECSYS_OK;
}

/* Notes a section; its data is read by model_finish. */
RecsysStatus
model_put(Env *env, ModelWriter *writer, const char *name, SectionType type, int64_t n_rows,
		  int64_t n_cols, const void *data)
{
	struct ModelWriterSection *section = &writer->sections[writer->n];
	size_t		bytes;
	size_t		padded;

	if (writer->n >= MODEL_MAX_SECTIONS)
		return env_fail(env, RECSYS_OVER_LIMIT, "a model has more than %d sections",
						MODEL_MAX_SECTIONS);
	TRY(check_new_name(env, writer, name));
	if (!section_bytes(type, n_rows, n_cols, &bytes, &padded) || (bytes > 0 && data == NULL))
	{
		env_fail(env, RECSYS_BAD_ARGUMENT, "model section \"%s\" cannot be stored", name);
		return env_detail(env, "Type %d, %lld rows, %lld columns.", (int) type,
						  (long long) n_rows, (long long) n_cols);
	}
	strcpy(section->name, name);
	section->type = type;
	section->n_rows = n_rows;
	section->n_cols = n_cols;
	section->data = data;
	writer->n++;
	return RECSYS_OK;
}

/* full = name.part, in a buffer of MODEL_NAME_SIZE + 16 bytes; model_put judges the length. */
static const char *
part_name(char *full, const char *name, const char *part)
{
	snprintf(full, MODEL_NAME_SIZE + 16, "%.*s.%s", MODEL_NAME_SIZE, name, part);
	return full;
}

/* Puts one column, the part of something larger. */
static RecsysStatus
put_part(Env *env, ModelWriter *writer, const char *name, const char *part, SectionType type,
		 int64_t n, const void *data)
{
	char		full[MODEL_NAME_SIZE + 16];

	return model_put(env, writer, part_name(full, name, part), type, n, 1, data);
}

/* Puts the parts of a sparse matrix. */
RecsysStatus
model_put_csr(Env *env, ModelWriter *writer, const char *name, const Csr *csr)
{
	const int64_t *offsets = csr->offsets != NULL ? csr->offsets : no_offsets;
	int64_t    *shape = env_alloc(env, 2, sizeof(int64_t));

	if (shape == NULL)
		return env->status;
	shape[0] = csr->n_rows;
	shape[1] = csr->n_cols;
	TRY(put_part(env, writer, name, "shape", SECTION_INT64, 2, shape));
	TRY(put_part(env, writer, name, "offsets", SECTION_INT64, (int64_t) csr->n_rows + 1, offsets));
	TRY(put_part(env, writer, name, "indexes", SECTION_INT32, csr->n_entries, csr->indexes));
	return put_part(env, writer, name, "values", SECTION_FLOAT, csr->n_entries, csr->values);
}

/* Puts the parts of a string table. */
RecsysStatus
model_put_strings(Env *env, ModelWriter *writer, const char *name, const StringTable *table)
{
	const int64_t *offsets = table->offsets != NULL ? table->offsets : no_offsets;

	TRY(put_part(env, writer, name, "offsets", SECTION_INT64, (int64_t) table->n + 1, offsets));
	return put_part(env, writer, name, "bytes", SECTION_BYTES, offsets[table->n], table->bytes);
}

/* Length of the finished block. */
static RecsysStatus
block_length(Env *env, const ModelWriter *writer, size_t *length)
{
	size_t		sum = sizeof(Header) + (size_t) writer->n * sizeof(Entry);

	for (int i = 0; i < writer->n; i++)
	{
		const struct ModelWriterSection *section = &writer->sections[i];
		size_t		bytes;
		size_t		padded;

		if (!section_bytes(section->type, section->n_rows, section->n_cols, &bytes, &padded) ||
			!checked_add(sum, padded, &sum))
			return env_fail(env, RECSYS_OVER_LIMIT, "the model is too large");
	}
	*length = sum;
	return RECSYS_OK;
}

/* Copies a section, looking at the cancel flag in between, and zeroes the padding. */
static RecsysStatus
copy_section(Env *env, char *to, const char *from, size_t bytes, size_t padded)
{
	for (size_t at = 0; at < bytes; at += POLL_BYTES)
	{
		size_t		rest = bytes - at;

		if (env_interrupted(env))
			return env->status;
		memcpy(to + at, from + at, rest < POLL_BYTES ? rest : POLL_BYTES);
	}
	memset(to + bytes, 0, padded - bytes);
	return RECSYS_OK;
}

/* Writes directory and sections behind the header. */
static RecsysStatus
write_sections(Env *env, const ModelWriter *writer, char *block)
{
	size_t		offset = sizeof(Header) + (size_t) writer->n * sizeof(Entry);

	for (int i = 0; i < writer->n; i++)
	{
		const struct ModelWriterSection *section = &writer->sections[i];
		Entry		entry = {.type = section->type, .n_rows = section->n_rows,
			.n_cols = section->n_cols, .offset = offset};
		size_t		bytes = 0;
		size_t		padded = 0;

		memcpy(entry.name, section->name, MODEL_NAME_SIZE);
		memcpy(block + sizeof(Header) + (size_t) i * sizeof(Entry), &entry, sizeof(entry));
		section_bytes(section->type, section->n_rows, section->n_cols, &bytes, &padded);
		TRY(copy_section(env, block + offset, section->data, bytes, padded));
		offset += padded;
	}
	return RECSYS_OK;
}

/* Header without, then with the checksum. */
static RecsysStatus
write_header(Env *env, const ModelWriter *writer, char *block, size_t length)
{
	Header		header = {.byte_order = BYTE_ORDER_MARK, .format = MODEL_FORMAT,
		.length = length, .n_sections = (uint32_t) writer->n};

	memcpy(header.magic, magic, sizeof(magic));
	memcpy(block, &header, sizeof(header));
	TRY(block_checksum(env, block, length, &header.checksum));
	memcpy(block, &header, sizeof(header));
	return RECSYS_OK;
}

/* Lays everything out in one new block. */
RecsysStatus
model_finish(Env *env, const ModelWriter *writer, void **bytes, size_t *length)
{
	size_t		total = 0;
	char	   *block;

	TRY(block_length(env, writer, &total));
	block = env_alloc(env, total, 1);
	if (block == NULL)
		return env->status;
	if (write_sections(env, writer, block) != RECSYS_OK ||
		write_header(env, writer, block, total) != RECSYS_OK)
	{
		env_free(env, block);
		return env->status;
	}
	*bytes = block;
	*length = total;
	return RECSYS_OK;
}

/* ---------------------------------------------------------------- opening */

/* Can this version read such a header, and does it fit the bytes given? */
static RecsysStatus
check_header(Env *env, const Header *header, size_t length)
{
	if (memcmp(header->magic, magic, sizeof(magic)) != 0)
		return model_damaged(env, "The first bytes are not those of a model.");
	if (header->byte_order == BYTE_ORDER_SWAPPED)
	{
		env_fail(env, RECSYS_UNSUPPORTED, "model was written on a machine of another byte order");
		return env_hint(env, "Train the model again on this machine.");
	}
	if (header->byte_order != BYTE_ORDER_MARK)
		return model_damaged(env, "The byte order mark is 0x%08x.", (unsigned) header->byte_order);
	if (header->format > MODEL_FORMAT)
	{
		env_fail(env, RECSYS_NEWER_FORMAT, "model format %u is newer than %d",
				 (unsigned) header->format, MODEL_FORMAT);
		return env_hint(env, "Update course_recsys, or train the model again.");
	}
	if (header->format < 1)
		return model_damaged(env, "There is no model format %u.", (unsigned) header->format);
	if (header->length != length)
		return model_damaged(env, "There are %zu bytes, the header says %llu.", length,
							 (unsigned long long) header->length);
	return RECSYS_OK;
}

/* Entry i of a directory that is known to lie within the block. */
static const Entry *
directory_entry(const Model *model, int i)
{
	return (const Entry *) (model->bytes + sizeof(Header)) + i;
}

/* Names are terminated, not empty and unique. */
static RecsysStatus
check_names(Env *env, const Model *model)
{
	for (int i = 0; i < model->n_sections; i++)
	{
		const char *name = directory_entry(model, i)->name;

		if (name[0] == '\0' || memchr(name, '\0', MODEL_NAME_SIZE) == NULL)
			return model_damaged(env, "Section %d has an invalid name.", i + 1);
		for (int j = 0; j < i; j++)
		{
			if (strcmp(directory_entry(model, j)->name, name) == 0)
				return model_damaged(env, "Sections %d and %d have the same name.", j + 1, i + 1);
		}
	}
	return RECSYS_OK;
}

/* Sections lie one behind the other, up to the end of the block. */
static RecsysStatus
check_layout(Env *env, const Model *model)
{
	size_t		end = sizeof(Header) + (size_t) model->n_sections * sizeof(Entry);

	for (int i = 0; i < model->n_sections; i++)
	{
		const Entry *entry = directory_entry(model, i);
		size_t		bytes;
		size_t		padded;

		if (!section_bytes(entry->type, entry->n_rows, entry->n_cols, &bytes, &padded))
			return model_damaged(env, "Section %d has type %u, %lld rows and %lld columns.", i + 1,
								 (unsigned) entry->type, (long long) entry->n_rows,
								 (long long) entry->n_cols);
		if (entry->offset != end || padded > model->length - end)
			return model_damaged(env, "Section %d has %zu bytes at offset %llu, expected at %zu of %zu.",
								 i + 1, bytes, (unsigned long long) entry->offset, end, model->length);
		end += padded;
	}
	if (end != model->length)
		return model_damaged(env, "The sections end at byte %zu of %zu.", end, model->length);
	return RECSYS_OK;
}

/* Checks header, checksum and directory. */
RecsysStatus
model_open(Env *env, Model *model, const void *bytes, size_t length)
{
	Header		header;
	uint32_t	checksum;

	if ((uintptr_t) bytes % ALIGNMENT != 0)
		return env_fail(env, RECSYS_BAD_ARGUMENT, "model data is not aligned to %d bytes",
						ALIGNMENT);
	if (length < sizeof(Header))
		return model_damaged(env, "There are %zu bytes, too few for a header.", length);
	memcpy(&header, bytes, sizeof(header));
	TRY(check_header(env, &header, length));
	TRY(block_checksum(env, bytes, length, &checksum));
	if (checksum != header.checksum)
		return model_damaged(env, "Checksum of %zu bytes does not match.", length);
	if (header.n_sections > MODEL_MAX_SECTIONS ||
		header.n_sections > (length - sizeof(Header)) / sizeof(Entry))
		return model_damaged(env, "The directory cannot have %u sections.",
							 (unsigned) header.n_sections);
	model->bytes = bytes;
	model->length = length;
	model->n_sections = (int) header.n_sections;
	TRY(check_names(env, model));
	return check_layout(env, model);
}

/* ---------------------------------------------------------------- reading */

/* The directory entry of a name; NULL when there is none. */
static const Entry *
find_entry(const Model *model, const char *name)
{
	for (int i = 0; i < model->n_sections; i++)
	{
		const Entry *entry = directory_entry(model, i);

		if (strcmp(entry->name, name) == 0)
			return entry;
	}
	return NULL;
}

/* Is there a section of this name? */
bool
model_has(const Model *model, const char *name)
{
	return find_entry(model, name) != NULL;
}

/* Finds a section and compares its type and shape with the wanted ones. */
RecsysStatus
model_get(Env *env, const Model *model, const char *name, SectionType type, int64_t *n_rows,
		  int64_t *n_cols, const void **data)
{
	const Entry *entry = find_entry(model, name);

	if (entry == NULL)
		return model_damaged(env, "Section \"%s\" is missing.", name);
	if (entry->type != (uint32_t) type)
		return model_damaged(env, "Section \"%s\" has type %u, expected %d.", name,
							 (unsigned) entry->type, (int) type);
	if (*n_rows >= 0 && entry->n_rows != *n_rows)
		return model_damaged(env, "Section \"%s\" has %lld rows, expected %lld.", name,
							 (long long) entry->n_rows, (long long) *n_rows);
	if (*n_cols >= 0 && entry->n_cols != *n_cols)
		return model_damaged(env, "Section \"%s\" has %lld columns, expected %lld.", name,
							 (long long) entry->n_cols, (long long) *n_cols);
	*n_rows = entry->n_rows;
	*n_cols = entry->n_cols;
	*data = model->bytes + entry->offset;
	return RECSYS_OK;
}

/* One column of n values (-1: any; the real number is stored back), the part of something larger. */
static RecsysStatus
get_part(Env *env, const Model *model, const char *name, const char *part, SectionType type,
		 int64_t *n, const void **data)
{
	char		full[MODEL_NAME_SIZE + 16];
	int64_t		one = 1;

	return model_get(env, model, part_name(full, name, part), type, n, &one, data);
}

/* Do n + 1 offsets ascend from 0 to end, in steps of at most longest?  Then none is out of bounds. */
static RecsysStatus
check_offsets(Env *env, const char *name, const int64_t *offsets, int64_t n, int64_t end,
			  int64_t longest)
{
	if (offsets[0] != 0)
		return model_damaged(env, "The offsets of \"%s\" do not start at 0.", name);
	for (int64_t i = 0; i < n; i++)
	{
		if (i % POLL_ENTRIES == 0 && env_interrupted(env))
			return env->status;
		/* The one before is not negative, so the difference cannot overflow. */
		if (offsets[i + 1] < offsets[i] || offsets[i + 1] - offsets[i] > longest)
			return model_damaged(env, "Offset %lld of \"%s\" is not valid.", (long long) i + 1,
								 name);
	}
	if (offsets[n] != end)
		return model_damaged(env, "The offsets of \"%s\" end at %lld, expected %lld.", name,
							 (long long) offsets[n], (long long) end);
	return RECSYS_OK;
}

/* Are the columns of every row in bounds and ascending, the values finite? */
static RecsysStatus
check_entries(Env *env, const char *name, const Csr *csr)
{
	for (int32_t i = 0; i < csr->n_rows; i++)
	{
		int64_t		begin = csr->offsets[i];
		int64_t		end = csr->offsets[i + 1];
		int32_t		least = 0;	/* column that the next entry may have */

		if (begin / POLL_ENTRIES != end / POLL_ENTRIES && env_interrupted(env))
			return env->status;
		for (int64_t e = begin; e < end; e++)
		{
			if (csr->indexes[e] < least || csr->indexes[e] >= csr->n_cols)
				return model_damaged(env, "Entry %lld of \"%s\" has an invalid column.", (long long) e,
									 name);
			if (!isfinite(csr->values[e]))
				return model_damaged(env, "Entry %lld of \"%s\" is not a finite number.",
									 (long long) e, name);
			least = csr->indexes[e] + 1;
		}
	}
	return RECSYS_OK;
}

/* The shape of a sparse matrix, compared with the wanted one. */
static RecsysStatus
get_shape(Env *env, const Model *model, const char *name, int32_t n_rows, int32_t n_cols, Csr *csr)
{
	int64_t		two = 2;
	const void *data;
	const int64_t *shape;

	TRY(get_part(env, model, name, "shape", SECTION_INT64, &two, &data));
	shape = data;
	if (shape[0] < 0 || shape[0] > INT32_MAX || shape[1] < 0 || shape[1] > INT32_MAX ||
		(n_rows >= 0 && shape[0] != n_rows) || (n_cols >= 0 && shape[1] != n_cols))
		return model_damaged(env, "Matrix \"%s\" is %lld x %lld, expected %d x %d.", name,
							 (long long) shape[0], (long long) shape[1], (int) n_rows, (int) n_cols);
	csr->n_rows = (int32_t) shape[0];
	csr->n_cols = (int32_t) shape[1];
	return RECSYS_OK;
}

/* Points a Csr into the block, then checks all of it. */
RecsysStatus
model_get_csr(Env *env, const Model *model, const char *name, int32_t n_rows, int32_t n_cols,
			  Csr *csr)
{
	Csr			found = {0};
	int64_t		n_offsets;
	const void *offsets;
	const void *indexes;
	const void *values;

	TRY(get_shape(env, model, name, n_rows, n_cols, &found));
	n_offsets = (int64_t) found.n_rows + 1;
	found.n_entries = -1;
	TRY(get_part(env, model, name, "offsets", SECTION_INT64, &n_offsets, &offsets));
	TRY(get_part(env, model, name, "indexes", SECTION_INT32, &found.n_entries, &indexes));
	TRY(get_part(env, model, name, "values", SECTION_FLOAT, &found.n_entries, &values));
	TRY(check_offsets(env, name, offsets, found.n_rows, found.n_entries, found.n_cols));
	found.offsets = (int64_t *) offsets;
	found.indexes = (int32_t *) indexes;
	found.values = (float *) values;
	TRY(check_entries(env, name, &found));
	*csr = found;
	return RECSYS_OK;
}

/* Points a StringTable into the block, then checks its offsets. */
RecsysStatus
model_get_strings(Env *env, const Model *model, const char *name, int32_t n, StringTable *table)
{
	int64_t		n_offsets = n >= 0 ? (int64_t) n + 1 : -1;
	int64_t		n_bytes = -1;
	const void *offsets;
	const void *bytes;

	TRY(get_part(env, model, name, "offsets", SECTION_INT64, &n_offsets, &offsets));
	TRY(get_part(env, model, name, "bytes", SECTION_BYTES, &n_bytes, &bytes));
	if (n_offsets < 1 || n_offsets > INT32_MAX)
		return model_damaged(env, "Table \"%s\" has %lld offsets.", name, (long long) n_offsets);
	TRY(check_offsets(env, name, offsets, n_offsets - 1, n_bytes, INT32_MAX));
	*table = (StringTable) {.n = (int32_t) (n_offsets - 1), .offsets = (int64_t *) offsets,
		.bytes = (char *) bytes};
	return RECSYS_OK;
}
