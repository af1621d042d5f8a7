/*
 * fuzz_model.c: any bytes as a model, past the checksum.
 *
 * The input is the block of a model; its length, the places of its sections and its checksum are
 * made right before it is opened, so that a change of the rest gets as far as the checks of the
 * contents. An input whose length is 1 more than a multiple of 64 is opened as it is, without the
 * last byte. What opens is served.
 */
#include <string.h>

#include "models.h"

/* Where the fields lie, see core/model.h. */
#define BLOCK 64
#define LENGTH_AT 16
#define N_SECTIONS_AT 24
#define CHECKSUM_AT 28
#define ENTRY_TYPE_AT 32
#define ENTRY_ROWS_AT 40
#define ENTRY_COLS_AT 48
#define ENTRY_OFFSET_AT 56

/* Rounds up to whole blocks. */
static size_t
whole_blocks(size_t bytes)
{
	return (bytes + BLOCK - 1) / BLOCK * BLOCK;
}

/* Bytes of a section by its entry in the directory; 0 for impossible ones, which are left to the checks. */
static uint64_t
section_bytes(const char *entry)
{
	static const uint64_t sizes[] = {0, 4, 8, 4, 8, 1};
	uint32_t	type;
	uint64_t	n_rows;
	uint64_t	n_cols;

	memcpy(&type, entry + ENTRY_TYPE_AT, sizeof(type));
	memcpy(&n_rows, entry + ENTRY_ROWS_AT, sizeof(n_rows));
	memcpy(&n_cols, entry + ENTRY_COLS_AT, sizeof(n_cols));
	return type > 5 || n_rows > UINT32_MAX || n_cols > 65535 ? 0 : n_rows * n_cols * sizes[type];
}

/* Puts every section behind the one before. */
static void
set_offsets(char *block, size_t length)
{
	uint32_t	n_sections;
	uint64_t	end;

	memcpy(&n_sections, block + N_SECTIONS_AT, sizeof(n_sections));
	if (n_sections > length / BLOCK - 1)
		return;
	end = BLOCK * (1 + (uint64_t) n_sections);
	for (uint32_t i = 0; i < n_sections; i++)
	{
		char	   *entry = block + BLOCK * (1 + (size_t) i);

		memcpy(entry + ENTRY_OFFSET_AT, &end, sizeof(end));
		end += whole_blocks(section_bytes(entry));
	}
}

/* Makes length, offsets and checksum right. */
static void
seal(char *block, size_t length)
{
	uint64_t	length64 = length;
	uint32_t	checksum = 0;

	memcpy(block + LENGTH_AT, &length64, sizeof(length64));
	set_offsets(block, length);
	memcpy(block + CHECKSUM_AT, &checksum, sizeof(checksum));
	checksum = crc32c(0, block, length);
	memcpy(block + CHECKSUM_AT, &checksum, sizeof(checksum));
}

/* Opens and serves. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Env		   *env = test_env();
	bool		as_it_is = size % BLOCK == 1;
	size_t		length = as_it_is ? size - 1 : whole_blocks(size);
	char	   *block = env_alloc_zero(env, length, 1);
	FuzzInput	input = {data, size, size / 2};
	Recommender rec;
	RecsysStatus status;

	memcpy(block, data, length < size ? length : size);
	if (!as_it_is && length >= BLOCK)
		seal(block, length);
	env->memory_limit = (size_t) 64 << 20;
	status = recommender_open(env, &rec, block, length);
	if (status == RECSYS_OK)
		fuzz_serve(env, &rec, &input, false);
	else
		FUZZ_CHECK(status == RECSYS_CORRUPT || status == RECSYS_NEWER_FORMAT ||
				   status == RECSYS_UNSUPPORTED || status == RECSYS_OVER_LIMIT);
	fuzz_env_done(env);
	return 0;
}

/* The genuine models, and one that is opened as it is. */
void
fuzz_seeds(FuzzAdd add)
{
	int			n;
	const FuzzModel *models = fuzz_models(&n);
	char	   *longer = malloc(models[0].length + 1);

	for (int i = 0; i < n; i++)
		add(models[i].bytes, models[i].length);
	memcpy(longer, models[0].bytes, models[0].length);
	longer[models[0].length] = 0;
	add(longer, models[0].length + 1);
	free(longer);
}
