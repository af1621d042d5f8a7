/*
 * test_model.c: model blocks written, read back, damaged and forged.
 *
 * Two kinds of bad blocks: damaged ones, which the checksum must find, and forged ones, whose checksum was
 * made to match (seal), which the other checks must find or render harmless.
 */
#include "core/model.h"
#include "test_env.h"

/* Positions in the block, as model.c lays it out. */
#define AT_BYTE_ORDER 8
#define AT_FORMAT 12
#define AT_LENGTH 16
#define AT_N_SECTIONS 24
#define AT_CHECKSUM 28
#define HEADER_SIZE 64
#define ENTRY_SIZE 64
#define ENTRY_TYPE 32
#define ENTRY_ROWS 40
#define ENTRY_COLS 48
#define ENTRY_OFFSET 56

/* A block and its length. */
typedef struct Block
{
	char	   *bytes;
	size_t		length;
} Block;

/* What the sample model holds; a 3 x 4 sparse matrix with an empty row, 4 strings, one of them empty. */
static const float sample_floats[6] = {1.5f, -2, 0, 1e-30f, 3e30f, 7};
static const double sample_doubles[2] = {0.1, -1e300};
static const int32_t sample_ints[3] = {INT32_MIN, 0, INT32_MAX};
static const int64_t sample_longs[2] = {INT64_MIN, INT64_MAX};
static int64_t csr_offsets[4] = {0, 2, 2, 5};
static int32_t csr_indexes[5] = {0, 3, 0, 1, 2};
static float csr_values[5] = {1, 2, 3, 4, 5};
static int64_t string_offsets[5] = {0, 3, 3, 5, 9};
static char string_bytes[] = "abcdefghi";

/* The sparse matrix. */
static Csr
sample_csr(void)
{
	return (Csr) {.n_rows = 3, .n_cols = 4, .n_entries = 5, .offsets = csr_offsets,
		.indexes = csr_indexes, .values = csr_values};
}

/* The string table. */
static StringTable
sample_strings(void)
{
	return (StringTable) {.n = 4, .offsets = string_offsets, .bytes = string_bytes};
}

/* Writes a model with a section of every kind; "empty" has no rows. */
static Block
sample_block(Env *env)
{
	ModelWriter writer;
	Csr			csr = sample_csr();
	StringTable strings = sample_strings();
	void	   *bytes = NULL;
	size_t		length = 0;

	model_begin(&writer);
	CHECK(model_put(env, &writer, "f", SECTION_FLOAT, 2, 3, sample_floats) == RECSYS_OK);
	CHECK(model_put(env, &writer, "d", SECTION_DOUBLE, 2, 1, sample_doubles) == RECSYS_OK);
	CHECK(model_put(env, &writer, "i", SECTION_INT32, 1, 3, sample_ints) == RECSYS_OK);
	CHECK(model_put(env, &writer, "l", SECTION_INT64, 2, 1, sample_longs) == RECSYS_OK);
	CHECK(model_put(env, &writer, "b", SECTION_BYTES, 5, 1, "\0text") == RECSYS_OK);
	CHECK(model_put(env, &writer, "empty", SECTION_FLOAT, 0, 8, NULL) == RECSYS_OK);
	CHECK(model_put_csr(env, &writer, "m", &csr) == RECSYS_OK);
	CHECK(model_put_strings(env, &writer, "s", &strings) == RECSYS_OK);
	CHECK(model_finish(env, &writer, &bytes, &length) == RECSYS_OK);
	return (Block) {bytes, length};
}

/* Makes the checksum match again: CRC-32C of the block with its own field as zero. */
static void
seal(Block block)
{
	uint32_t	crc = 0;

	memcpy(block.bytes + AT_CHECKSUM, &crc, sizeof(crc));
	crc = crc32c(0, block.bytes, block.length);
	memcpy(block.bytes + AT_CHECKSUM, &crc, sizeof(crc));
}

/* Where the data of a section of a sound block lies. */
static void *
section(Env *env, Block block, const char *name, SectionType type)
{
	Model		model;
	int64_t		any_rows = -1;
	int64_t		any_cols = -1;
	const void *data = NULL;

	CHECK(model_open(env, &model, block.bytes, block.length) == RECSYS_OK);
	CHECK(model_get(env, &model, name, type, &any_rows, &any_cols, &data) == RECSYS_OK);
	return (char *) block.bytes + ((const char *) data - block.bytes);
}

/* Opening the block fails with the status, and the detail contains the text. */
static void
check_refused(Env *env, Block block, RecsysStatus status, const char *detail)
{
	Model		model;

	CHECK_EQ_INT(model_open(env, &model, block.bytes, block.length), status);
	if (strstr(env->detail, detail) == NULL)
		UNIT_FAIL("detail is \"%s\", expected \"%s\"", env->detail, detail);
}

/* A section has the type, shape and bytes expected, at a 64-byte boundary. */
static void
check_section(Env *env, const Model *model, const char *name, SectionType type, int64_t n_rows,
			  int64_t n_cols, const void *expected, size_t size)
{
	int64_t		rows = -1;
	int64_t		cols = -1;
	const void *data = NULL;

	CHECK(model_has(model, name));
	CHECK(model_get(env, model, name, type, &rows, &cols, &data) == RECSYS_OK);
	CHECK_EQ_INT(rows, n_rows);
	CHECK_EQ_INT(cols, n_cols);
	CHECK_EQ_INT((uintptr_t) data % 64, 0);
	CHECK(size == 0 || memcmp(data, expected, size) == 0);
}

/* The check value of the CRC-32C standard, a plain bitwise version, and continuing. */
static void
test_crc32c(void)
{
	unsigned char bytes[100];

	CHECK_EQ_INT(crc32c(0, "123456789", 9), 0xe3069283u);
	CHECK_EQ_INT(crc32c(0, "", 0), 0);
	for (int i = 0; i < 100; i++)
		bytes[i] = (unsigned char) (i * 151 + 7);
	for (size_t n = 0; n <= 100; n++)
	{
		uint32_t	plain = 0xffffffffu;

		for (size_t i = 0; i < n; i++)
		{
			plain ^= bytes[i];
			for (int bit = 0; bit < 8; bit++)
				plain = (plain >> 1) ^ ((plain & 1) ? 0x82f63b78u : 0);
		}
		CHECK_EQ_INT(crc32c(0, bytes, n), ~plain);
		CHECK_EQ_INT(crc32c(crc32c(0, bytes, n / 3), bytes + n / 3, n - n / 3), ~plain);
	}
}

/* Every type comes back as it went in. */
static void
test_round_trip(void)
{
	Env		   *env = test_env();
	Block		block = sample_block(env);
	Model		model;

	CHECK_EQ_INT((uintptr_t) block.bytes % 64, 0);
	CHECK_EQ_INT(block.length % 64, 0);
	CHECK(model_open(env, &model, block.bytes, block.length) == RECSYS_OK);
	CHECK_EQ_INT(model.n_sections, 12);
	check_section(env, &model, "f", SECTION_FLOAT, 2, 3, sample_floats, sizeof(sample_floats));
	check_section(env, &model, "d", SECTION_DOUBLE, 2, 1, sample_doubles, sizeof(sample_doubles));
	check_section(env, &model, "i", SECTION_INT32, 1, 3, sample_ints, sizeof(sample_ints));
	check_section(env, &model, "l", SECTION_INT64, 2, 1, sample_longs, sizeof(sample_longs));
	check_section(env, &model, "b", SECTION_BYTES, 5, 1, "\0text", 5);
	check_section(env, &model, "empty", SECTION_FLOAT, 0, 8, NULL, 0);
	CHECK(!model_has(&model, "g"));
	CHECK(!model_has(&model, ""));
	env_free_all(env);
	test_env_done(env);
}

/* Sparse matrix and strings come back with the same contents, whatever shape is asked for. */
static void
test_round_trip_parts(void)
{
	Env		   *env = test_env();
	Block		block = sample_block(env);
	Model		model;
	Csr			csr;
	StringTable strings;
	int32_t		length;

	CHECK(model_open(env, &model, block.bytes, block.length) == RECSYS_OK);
	CHECK(model_get_csr(env, &model, "m", 3, 4, &csr) == RECSYS_OK);
	CHECK(model_get_csr(env, &model, "m", -1, -1, &csr) == RECSYS_OK);
	CHECK(csr.n_rows == 3 && csr.n_cols == 4 && csr.n_entries == 5 && csr.times == NULL);
	CHECK(memcmp(csr.offsets, csr_offsets, sizeof(csr_offsets)) == 0);
	CHECK(memcmp(csr.indexes, csr_indexes, sizeof(csr_indexes)) == 0);
	CHECK(memcmp(csr.values, csr_values, sizeof(csr_values)) == 0);
	CHECK(model_get_strings(env, &model, "s", 4, &strings) == RECSYS_OK);
	CHECK(model_get_strings(env, &model, "s", -1, &strings) == RECSYS_OK);
	CHECK_EQ_INT(strings.n, 4);
	CHECK(memcmp(strings_get(&strings, 3, &length), "fghi", 4) == 0 && length == 4);
	strings_get(&strings, 1, &length);
	CHECK_EQ_INT(length, 0);
	env_free_all(env);
	test_env_done(env);
}

/* A model without sections, and matrices and tables without rows, are sound. */
static void
test_empty(void)
{
	Env		   *env = test_env();
	ModelWriter writer;
	Model		model;
	Csr			csr = {0};
	StringTable strings = {0};
	void	   *bytes;
	size_t		length;

	model_begin(&writer);
	CHECK(model_finish(env, &writer, &bytes, &length) == RECSYS_OK);
	CHECK_EQ_INT(length, HEADER_SIZE);
	CHECK(model_open(env, &model, bytes, length) == RECSYS_OK);
	CHECK(model_put_csr(env, &writer, "m", &csr) == RECSYS_OK);
	CHECK(model_put_strings(env, &writer, "s", &strings) == RECSYS_OK);
	CHECK(model_finish(env, &writer, &bytes, &length) == RECSYS_OK);
	CHECK(model_open(env, &model, bytes, length) == RECSYS_OK);
	CHECK(model_get_csr(env, &model, "m", 0, 0, &csr) == RECSYS_OK);
	CHECK(csr.n_rows == 0 && csr.n_entries == 0 && csr.offsets[0] == 0);
	CHECK(model_get_strings(env, &model, "s", 0, &strings) == RECSYS_OK);
	CHECK(strings.n == 0 && strings.offsets[0] == 0);
	env_free_all(env);
	test_env_done(env);
}

/* The same input gives the same bytes; those between the sections are zero, not what memory held before. */
static void
test_determinism(void)
{
	Env		   *env = test_env();
	Block		first = sample_block(env);
	Block		second = sample_block(env);
	char	   *data = section(env, first, "b", SECTION_BYTES);

	CHECK(first.length == second.length && memcmp(first.bytes, second.bytes, first.length) == 0);
	for (int i = 5; i < 64; i++)
		CHECK_EQ_INT(data[i], 0);
	env_free_all(env);
	test_env_done(env);
}

/* Names, shapes and numbers of sections that cannot be stored are refused. */
static void
test_put_errors(void)
{
	Env		   *env = test_env();
	ModelWriter writer;
	Csr			csr = sample_csr();
	char		name[MODEL_NAME_SIZE];
	const char *name_31 = "a234567890123456789012345678901";

	model_begin(&writer);
	CHECK(model_put(env, &writer, name_31, SECTION_INT32, 1, 1, sample_ints) == RECSYS_OK);
	CHECK(model_put(env, &writer, name_31, SECTION_INT32, 1, 1, sample_ints) == RECSYS_BAD_ARGUMENT);
	CHECK(model_put(env, &writer, "a2345678901234567890123456789012", SECTION_INT32, 1, 1,
					sample_ints) == RECSYS_BAD_ARGUMENT);
	CHECK(model_put_csr(env, &writer, name_31, &csr) == RECSYS_BAD_ARGUMENT);
	CHECK(model_put(env, &writer, "", SECTION_INT32, 1, 1, sample_ints) == RECSYS_BAD_ARGUMENT);
	CHECK(model_put(env, &writer, "x", SECTION_INT32, -1, 1, sample_ints) == RECSYS_BAD_ARGUMENT);
	CHECK(model_put(env, &writer, "x", SECTION_INT32, 1, -1, sample_ints) == RECSYS_BAD_ARGUMENT);
	CHECK(model_put(env, &writer, "x", SECTION_INT32, 1, 1, NULL) == RECSYS_BAD_ARGUMENT);
	CHECK(model_put(env, &writer, "x", SECTION_INT32, INT64_MAX, 4, sample_ints) == RECSYS_BAD_ARGUMENT);
	CHECK(model_put(env, &writer, "x", (SectionType) 99, 1, 1, sample_ints) == RECSYS_BAD_ARGUMENT);
	CHECK_EQ_INT(writer.n, 1);
	for (int i = 1; i < MODEL_MAX_SECTIONS; i++)
	{
		snprintf(name, sizeof(name), "%d", i);
		CHECK(model_put(env, &writer, name, SECTION_INT32, 1, 1, sample_ints) == RECSYS_OK);
	}
	CHECK(model_put(env, &writer, "x", SECTION_INT32, 1, 1, sample_ints) == RECSYS_OVER_LIMIT);
	env_free_all(env);
	test_env_done(env);
}

/* Sections that are fine one by one but too large together give an error, not a short block. */
static void
test_finish_errors(void)
{
	Env		   *env = test_env();
	ModelWriter writer;
	void	   *bytes = NULL;
	size_t		length = 0;

	model_begin(&writer);
	CHECK(model_put(env, &writer, "a", SECTION_BYTES, INT64_MAX, 1, "") == RECSYS_OK);
	CHECK(model_put(env, &writer, "b", SECTION_BYTES, INT64_MAX, 1, "") == RECSYS_OK);
	CHECK(model_finish(env, &writer, &bytes, &length) == RECSYS_OVER_LIMIT);
	model_begin(&writer);
	CHECK(model_put(env, &writer, "a", SECTION_FLOAT, 2, 3, sample_floats) == RECSYS_OK);
	env->memory_limit = 100;
	CHECK(model_finish(env, &writer, &bytes, &length) == RECSYS_OVER_LIMIT);
	env->memory_limit = 0;
	test_env_fail_after(env, 0);
	CHECK(model_finish(env, &writer, &bytes, &length) == RECSYS_NO_MEMORY);
	CHECK(bytes == NULL && length == 0);
	test_env_done(env);
}

/* Writing and opening stop at the first poll that says so, and leave no block behind. */
static void
test_interrupts(void)
{
	Env		   *env = test_env();
	Block		block = sample_block(env);
	ModelWriter writer;
	Model		model;
	Csr			csr;
	StringTable strings;
	void	   *bytes = NULL;
	size_t		length = 0;
	size_t		used = env->memory_used;

	model_begin(&writer);
	CHECK(model_put(env, &writer, "a", SECTION_FLOAT, 2, 3, sample_floats) == RECSYS_OK);
	for (int polls = 0; polls < 2; polls++)
	{
		test_env_interrupt_after(env, polls);
		CHECK(model_finish(env, &writer, &bytes, &length) == RECSYS_INTERRUPTED);
		CHECK(bytes == NULL && env->memory_used == used);
	}
	test_env_interrupt_after(env, 0);
	CHECK(model_open(env, &model, block.bytes, block.length) == RECSYS_INTERRUPTED);
	test_env_interrupt_after(env, -1);
	CHECK(model_open(env, &model, block.bytes, block.length) == RECSYS_OK);
	test_env_interrupt_after(env, 0);
	CHECK(model_get_csr(env, &model, "m", -1, -1, &csr) == RECSYS_INTERRUPTED);
	CHECK(model_get_strings(env, &model, "s", -1, &strings) == RECSYS_INTERRUPTED);
	env_free_all(env);
	test_env_done(env);
}

/* Any changed bit, in the header and the padding too, is noticed. */
static void
test_every_flip(void)
{
	Env		   *env = test_env();
	Block		block = sample_block(env);
	Model		model;

	for (size_t at = 0; at < block.length; at++)
	{
		for (int bit = 0; bit < 8; bit++)
		{
			block.bytes[at] ^= (char) (1 << bit);
			if (model_open(env, &model, block.bytes, block.length) == RECSYS_OK)
				UNIT_FAIL("bit %d of byte %zu may flip", bit, at);
			block.bytes[at] ^= (char) (1 << bit);
		}
	}
	CHECK(model_open(env, &model, block.bytes, block.length) == RECSYS_OK);
	env_free_all(env);
	test_env_done(env);
}

/* A block that was cut is refused, even when header and checksum were made to agree. */
static void
test_every_truncation(void)
{
	Env		   *env = test_env();
	Block		block = sample_block(env);
	Model		model;

	for (size_t length = 0; length < block.length; length++)
	{
		Block		cut = {env_alloc(env, length, 1), length};
		uint64_t	claimed = length;

		memcpy(cut.bytes, block.bytes, length);
		CHECK_EQ_INT(model_open(env, &model, cut.bytes, length), RECSYS_CORRUPT);
		if (length >= HEADER_SIZE)
		{
			memcpy(cut.bytes + AT_LENGTH, &claimed, sizeof(claimed));
			seal(cut);
			CHECK_EQ_INT(model_open(env, &model, cut.bytes, length), RECSYS_CORRUPT);
		}
		env_free(env, cut.bytes);
	}
	env_free_all(env);
	test_env_done(env);
}

/* What the header of a block that is not ours can be. */
static void
test_header_errors(void)
{
	Env		   *env = test_env();
	Block		block = sample_block(env);
	Model		model;
	char	   *odd = env_alloc(env, block.length + 1, 1);
	uint32_t	format = 2;
	char		swapped[4];

	memcpy(odd + 1, block.bytes, block.length);
	CHECK(model_open(env, &model, odd + 1, block.length) == RECSYS_BAD_ARGUMENT);
	memcpy(block.bytes + AT_FORMAT, &format, sizeof(format));
	check_refused(env, block, RECSYS_NEWER_FORMAT, "");
	CHECK(strcmp(env->error, "model format 2 is newer than 1") == 0);
	for (int i = 0; i < 4; i++)
		swapped[i] = block.bytes[AT_BYTE_ORDER + 3 - i];
	memcpy(block.bytes + AT_BYTE_ORDER, swapped, 4);
	check_refused(env, block, RECSYS_UNSUPPORTED, "");
	block.bytes[AT_BYTE_ORDER] ^= 16;
	check_refused(env, block, RECSYS_CORRUPT, "The byte order mark is 0x");
	memcpy(block.bytes, "PK", 2);
	check_refused(env, block, RECSYS_CORRUPT, "The first bytes are not those of a model.");
	CHECK(strcmp(env->error, "model data is damaged") == 0);
	env_free_all(env);
	test_env_done(env);
}

/* The checksum is named when it does not match. */
static void
test_checksum_error(void)
{
	Env		   *env = test_env();
	Block		block = sample_block(env);
	char		expected[64];

	block.bytes[block.length - 1] ^= 1;
	snprintf(expected, sizeof(expected), "Checksum of %zu bytes does not match.", block.length);
	check_refused(env, block, RECSYS_CORRUPT, expected);
	seal(block);
	section(env, block, "f", SECTION_FLOAT);
	env_free_all(env);
	test_env_done(env);
}

/* Sets a number in a fresh sample block, makes the checksum match; opening must then fail. */
static void
check_forged(size_t at, const void *bytes, size_t size, const char *detail)
{
	Env		   *env = test_env();
	Block		block = sample_block(env);

	memcpy(block.bytes + at, bytes, size);
	seal(block);
	check_refused(env, block, RECSYS_CORRUPT, detail);
	env_free_all(env);
	test_env_done(env);
}

/* check_forged with a 64-bit number in directory entry i. */
static void
check_forged_entry(int i, size_t field, int64_t value, const char *detail)
{
	check_forged(HEADER_SIZE + (size_t) i * ENTRY_SIZE + field, &value, sizeof(value), detail);
}

/* Directories that would lead out of the block, or into another section. */
static void
test_forged_directory(void)
{
	uint32_t	number = 1000;

	check_forged(AT_N_SECTIONS, &number, 4, "The directory cannot have 1000 sections.");
	number = 65;
	check_forged(AT_N_SECTIONS, &number, 4, "The directory cannot have 65 sections.");
	number = 11;
	check_forged(AT_N_SECTIONS, &number, 4, "Section 1 has 24 bytes at offset");
	number = 0;
	check_forged(AT_N_SECTIONS, &number, 4, "The sections end at byte 64");
	check_forged(HEADER_SIZE + ENTRY_TYPE, &number, 4, "Section 1 has type 0");
	number = 6;
	check_forged(HEADER_SIZE + ENTRY_TYPE, &number, 4, "Section 1 has type 6");
	check_forged(HEADER_SIZE, "0123456789012345678901234567890123456789", 32, "invalid name");
	check_forged(HEADER_SIZE, "", 1, "Section 1 has an invalid name.");
	check_forged(HEADER_SIZE + ENTRY_SIZE, "f", 1, "Sections 1 and 2 have the same name.");
	check_forged_entry(0, ENTRY_ROWS, -1, "-1 rows");
	check_forged_entry(0, ENTRY_COLS, -1, "-1 columns");
	check_forged_entry(0, ENTRY_ROWS, INT64_MAX, "Section 1 has type 1");
	check_forged_entry(0, ENTRY_ROWS, INT64_MAX / 12, "Section 1 has");
	check_forged_entry(0, ENTRY_ROWS, 1000, "Section 1 has 12000 bytes");
	check_forged_entry(0, ENTRY_ROWS, 10, "Section 2 has 16 bytes at offset");
	check_forged_entry(1, ENTRY_OFFSET, 64, "Section 2 has 16 bytes at offset 64,");
	check_forged_entry(1, ENTRY_OFFSET, -64, "Section 2 has 16 bytes at offset 18446744073709551552,");
	check_forged_entry(11, ENTRY_ROWS, 0, "The sections end at byte");
}

/* Asking for what is not there. */
static void
test_get_errors(void)
{
	Env		   *env = test_env();
	Block		block = sample_block(env);
	Model		model;
	int64_t		rows = 2;
	int64_t		cols = 4;
	const void *data = NULL;
	Csr			csr;
	StringTable strings;

	CHECK(model_open(env, &model, block.bytes, block.length) == RECSYS_OK);
	CHECK(model_get(env, &model, "g", SECTION_FLOAT, &rows, &cols, &data) == RECSYS_CORRUPT);
	CHECK(strcmp(env->detail, "Section \"g\" is missing.") == 0);
	CHECK(model_get(env, &model, "f", SECTION_INT32, &rows, &cols, &data) == RECSYS_CORRUPT);
	CHECK(model_get(env, &model, "f", SECTION_FLOAT, &rows, &cols, &data) == RECSYS_CORRUPT);
	CHECK(strcmp(env->detail, "Section \"f\" has 3 columns, expected 4.") == 0);
	rows = 1;
	cols = -1;
	CHECK(model_get(env, &model, "f", SECTION_FLOAT, &rows, &cols, &data) == RECSYS_CORRUPT);
	CHECK(data == NULL && rows == 1 && cols == -1);
	CHECK(model_get_csr(env, &model, "m", 4, -1, &csr) == RECSYS_CORRUPT);
	CHECK(model_get_csr(env, &model, "m", -1, 3, &csr) == RECSYS_CORRUPT);
	CHECK(strcmp(env->detail, "Matrix \"m\" is 3 x 4, expected -1 x 3.") == 0);
	CHECK(model_get_strings(env, &model, "s", 3, &strings) == RECSYS_CORRUPT);
	CHECK(model_get_strings(env, &model, "m", -1, &strings) == RECSYS_CORRUPT);
	env_free_all(env);
	test_env_done(env);
}

/* Changes one value of a section of the sample; the block still opens, reading the matrix or table fails. */
static void
check_forged_part(const char *name, SectionType type, size_t at, const void *value, size_t size)
{
	Env		   *env = test_env();
	Block		block = sample_block(env);
	char	   *data = section(env, block, name, type);
	Model		model;
	Csr			csr;
	StringTable strings;

	memcpy(data + at * size, value, size);
	seal(block);
	CHECK(model_open(env, &model, block.bytes, block.length) == RECSYS_OK);
	if (name[0] == 'm')
		CHECK_EQ_INT(model_get_csr(env, &model, "m", -1, -1, &csr), RECSYS_CORRUPT);
	else
		CHECK_EQ_INT(model_get_strings(env, &model, "s", -1, &strings), RECSYS_CORRUPT);
	env_free_all(env);
	test_env_done(env);
}

/* check_forged_part for the 64-bit numbers. */
static void
check_forged_long(const char *name, size_t at, int64_t value)
{
	check_forged_part(name, SECTION_INT64, at, &value, sizeof(value));
}

/* Offsets, columns and values that no writer would leave. */
static void
test_forged_parts(void)
{
	static const int32_t bad_first[] = {-1, INT32_MIN, 4, INT32_MAX, 3};
	static const float bad_values[] = {NAN, INFINITY, -INFINITY};
	int32_t		repeated = 0;

	for (int i = 0; i < 5; i++)
		check_forged_part("m.indexes", SECTION_INT32, 0, &bad_first[i], sizeof(int32_t));
	check_forged_part("m.indexes", SECTION_INT32, 3, &repeated, sizeof(int32_t));
	for (int i = 0; i < 3; i++)
		check_forged_part("m.values", SECTION_FLOAT, 4, &bad_values[i], sizeof(float));
	for (size_t at = 0; at < 4; at++)
	{
		check_forged_long("m.offsets", at, -1);
		check_forged_long("m.offsets", at, 6);
		check_forged_long("m.offsets", at, INT64_MIN);
		check_forged_long("m.offsets", at, INT64_MAX);
	}
	check_forged_long("m.offsets", 0, 1);
	check_forged_long("m.offsets", 3, 4);
	check_forged_long("m.shape", 0, -1);
	check_forged_long("m.shape", 0, 2);
	check_forged_long("m.shape", 0, 4);
	check_forged_long("m.shape", 0, INT64_C(1) << 32 | 3);
	check_forged_long("m.shape", 1, -1);
	check_forged_long("m.shape", 1, 3);
	check_forged_long("m.shape", 1, INT64_MAX);
	for (size_t at = 0; at < 5; at++)
	{
		check_forged_long("s.offsets", at, -1);
		check_forged_long("s.offsets", at, 10);
		check_forged_long("s.offsets", at, INT64_MIN);
	}
	check_forged_long("s.offsets", 0, 1);
	check_forged_long("s.offsets", 4, 8);
	check_forged_long("s.offsets", 2, 2);
}

/* Reads every byte that a matrix and a table give access to; the sanitizer watches. */
static uint32_t
walk(Env *env, const Model *model)
{
	Csr			csr;
	StringTable strings;
	uint32_t	crc = 0;

	if (model_get_csr(env, model, "m", -1, -1, &csr) == RECSYS_OK)
	{
		for (int32_t i = 0; i < csr.n_rows; i++)
			crc = crc32c(crc, csr.values + csr.offsets[i],
						 (size_t) csr_row_length(&csr, i) * sizeof(float));
	}
	if (model_get_strings(env, model, "s", -1, &strings) == RECSYS_OK)
	{
		for (int32_t i = 0; i < strings.n; i++)
		{
			int32_t		length;
			const char *bytes = strings_get(&strings, i, &length);

			crc = crc32c(crc, bytes, (size_t) length);
		}
	}
	return crc;
}

/* Every bit flipped under a matching checksum: refused, or harmless to read. */
static void
test_every_forged_flip(void)
{
	Env		   *env = test_env();
	Block		block = sample_block(env);
	Model		model;
	int			n_opened = 0;
	int			n_changed = 0;
	uint32_t	sound;

	CHECK(model_open(env, &model, block.bytes, block.length) == RECSYS_OK);
	sound = walk(env, &model);
	for (size_t bit = 0; bit < block.length * 8; bit++)
	{
		block.bytes[bit / 8] ^= (char) (1 << bit % 8);
		seal(block);
		if (model_open(env, &model, block.bytes, block.length) == RECSYS_OK)
		{
			n_opened++;
			n_changed += walk(env, &model) != sound;
		}
		block.bytes[bit / 8] ^= (char) (1 << bit % 8);
	}
	CHECK(n_opened > 0 && n_changed > 0 && n_changed < n_opened);
	env_free_all(env);
	test_env_done(env);
}

/* Runs all tests of this file. */
int
main(void)
{
	RUN(test_crc32c);
	RUN(test_round_trip);
	RUN(test_round_trip_parts);
	RUN(test_empty);
	RUN(test_determinism);
	RUN(test_put_errors);
	RUN(test_finish_errors);
	RUN(test_interrupts);
	RUN(test_every_flip);
	RUN(test_every_truncation);
	RUN(test_header_errors);
	RUN(test_checksum_error);
	RUN(test_forged_directory);
	RUN(test_get_errors);
	RUN(test_forged_parts);
	RUN(test_every_forged_flip);
	return unit_done();
}
