/*
 * fuzz_sections.c: genuine models of every method, with some sections changed.
 *
 * The input is a script: which model, then changes, each of which names a section and what becomes
 * of it. The block is written anew from the changed sections, so directory and checksum are right
 * and all that is tried are the checks of the contents: those of recommender.c and of the method's
 * open. What opens is served, with histories from the rest of the input. Some inputs also let an
 * allocation or a poll for interrupts fail.
 */
#include <string.h>

#include "models.h"

#define MAX_CHANGES 8
#define MAX_ROWS 4096			/* that a section may grow to */

typedef struct Section
{
	char		name[MODEL_NAME_SIZE];
	SectionType type;
	int64_t		n_rows;
	int64_t		n_cols;
	char	   *data;
} Section;

typedef struct Sections
{
	Section		sections[MODEL_MAX_SECTIONS];
	int			n;
} Sections;

/* Bytes of a value. */
static size_t
value_size(SectionType type)
{
	static const size_t sizes[] = {0, 4, 8, 4, 8, 1};

	return sizes[type];
}

/* Values of a section. */
static int64_t
n_values(const Section *section)
{
	return section->n_rows * section->n_cols;
}

/* Entry i of the directory of a genuine model, with its data. */
static Section
read_section(const FuzzModel *model, int i)
{
	const char *entry = model->bytes + 64 * (1 + (size_t) i);
	Section		section;
	uint32_t	type;
	uint64_t	offset;

	memcpy(section.name, entry, MODEL_NAME_SIZE);
	memcpy(&type, entry + 32, sizeof(type));
	memcpy(&section.n_rows, entry + 40, sizeof(int64_t));
	memcpy(&section.n_cols, entry + 48, sizeof(int64_t));
	memcpy(&offset, entry + 56, sizeof(offset));
	section.type = (SectionType) type;
	section.data = (char *) model->bytes + offset;
	return section;
}

/* Number of sections of a genuine model. */
static int
count_sections(const FuzzModel *model)
{
	uint32_t	n;

	memcpy(&n, model->bytes + 24, sizeof(n));
	return (int) n;
}

/* Gives a section other values, in memory of their own that has just their size. */
static void
set_data(Env *env, Section *section, const Section *from)
{
	size_t		bytes = (size_t) n_values(from) * value_size(from->type);
	char	   *data = env_alloc(env, bytes, 1);

	FUZZ_CHECK(data != NULL);
	memcpy(data, from->data, bytes);
	section->type = from->type;
	section->n_rows = from->n_rows;
	section->n_cols = from->n_cols;
	section->data = data;
}

/* All sections of a model. */
static void
read_sections(Env *env, const FuzzModel *model, Sections *all)
{
	all->n = count_sections(model);
	for (int i = 0; i < all->n; i++)
	{
		Section		section = read_section(model, i);

		all->sections[i] = section;
		set_data(env, &all->sections[i], &section);
	}
}

/* Sets value i to what comes next in the input. */
static void
set_value(Section *section, int64_t i, FuzzInput *input)
{
	char	   *place = section->data + (size_t) i * value_size(section->type);
	int64_t		integer;
	double		number;
	float		single;

	if (section->type == SECTION_FLOAT || section->type == SECTION_DOUBLE)
	{
		number = fuzz_number(input);
		single = (float) number;
		memcpy(place, section->type == SECTION_FLOAT ? (void *) &single : (void *) &number,
			   value_size(section->type));
		return;
	}
	integer = section->type == SECTION_BYTES ? fuzz_byte(input) : fuzz_integer(input);
	memcpy(place, &integer, value_size(section->type));	/* its low bytes, if little-endian */
}

/* One value, or a run of them. */
static void
change_values(Section *section, FuzzInput *input)
{
	int64_t		n = n_values(section);
	int64_t		at = fuzz_below(input, n < 65536 ? (int) n : 65536);
	int64_t		run = 1 + fuzz_below(input, 4) * fuzz_below(input, 4);

	for (int64_t i = at; i < at + run && i < n; i++)
		set_value(section, i, input);
}

/* A value becomes that of its neighbour, or 1 more or less in its lowest byte. */
static void
nudge_value(Section *section, FuzzInput *input)
{
	int64_t		n = n_values(section);
	size_t		size = value_size(section->type);
	int64_t		at = fuzz_below(input, n < 65536 ? (int) n : 65536);
	char	   *place = section->data + (size_t) at * size;
	int			how = fuzz_below(input, 3);

	if (n < 2)
		return;
	if (how == 0)
		memcpy(place, section->data + (size_t) ((at + 1) % n) * size, size);
	else
		*place = (char) (*place + (how == 1 ? 1 : -1));
}

/* More or fewer rows, or another number of columns; new values are 0. */
static void
change_shape(Env *env, Section *section, FuzzInput *input)
{
	Section		other = *section;
	size_t		size = value_size(section->type);
	size_t		old_bytes = (size_t) n_values(section) * size;
	size_t		bytes;

	if (fuzz_byte(input) % 4 != 0)
		other.n_rows += fuzz_below(input, 17) - 8;
	else
		other.n_cols = fuzz_below(input, 5);
	other.n_rows = other.n_rows < 0 ? 0 : other.n_rows > MAX_ROWS ? MAX_ROWS : other.n_rows;
	bytes = (size_t) n_values(&other) * size;
	other.data = env_alloc_zero(env, bytes, 1);
	memcpy(other.data, section->data, bytes < old_bytes ? bytes : old_bytes);
	*section = other;
}

/* The section of the same name of another genuine model, if it has one; else any of its sections. */
static void
transplant(Env *env, Section *section, FuzzInput *input)
{
	int			n;
	const FuzzModel *models = fuzz_models(&n);
	const FuzzModel *model = &models[fuzz_below(input, n)];
	int			n_sections = count_sections(model);
	Section		from = read_section(model, fuzz_below(input, n_sections));

	for (int i = 0; i < n_sections; i++)
	{
		Section		same = read_section(model, i);

		if (strcmp(same.name, section->name) == 0)
			from = same;
	}
	set_data(env, section, &from);
}

/* One change of the script. */
static void
change(Env *env, Sections *all, FuzzInput *input)
{
	int			i = fuzz_below(input, all->n);
	Section    *section = &all->sections[i];

	switch (fuzz_below(input, 16))
	{
		case 0:
			*section = all->sections[--all->n];
			break;
		case 1:
			change_shape(env, section, input);
			break;
		case 2:
			transplant(env, section, input);
			break;
		case 3:
			set_data(env, section, &all->sections[fuzz_below(input, all->n)]);
			break;
		case 4:
		case 5:
		case 6:
			nudge_value(section, input);
			break;
		default:
			change_values(section, input);
			break;
	}
}

/* The block of the sections. */
static void
write_sections(Env *env, const Sections *all, void **bytes, size_t *length)
{
	ModelWriter writer;

	model_begin(&writer);
	for (int i = 0; i < all->n; i++)
	{
		const Section *section = &all->sections[i];

		FUZZ_CHECK(model_put(env, &writer, section->name, section->type, section->n_rows,
							 section->n_cols, section->data) == RECSYS_OK);
	}
	FUZZ_CHECK(model_finish(env, &writer, bytes, length) == RECSYS_OK);
}

/* A status that opening may end with. */
static bool
is_expected(RecsysStatus status)
{
	return status == RECSYS_CORRUPT || status == RECSYS_NEWER_FORMAT || status == RECSYS_OVER_LIMIT;
}

/* Opens with an allocation or a poll that fails; there is nothing to serve then. */
static void
open_with_fault(Env *env, const void *bytes, size_t length, int after)
{
	Recommender rec;
	RecsysStatus status;

	test_env_fail_after(env, after % 2 == 0 ? after / 2 : -1);
	test_env_interrupt_after(env, after % 2 == 0 ? -1 : after / 2);
	status = recommender_open(env, &rec, bytes, length);
	FUZZ_CHECK(status == RECSYS_OK || is_expected(status) || status == RECSYS_NO_MEMORY ||
			   status == RECSYS_INTERRUPTED);
	test_env_fail_after(env, -1);
	test_env_interrupt_after(env, -1);
}

/* Reads, changes, writes, opens, serves. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	Env		   *env = test_env();
	FuzzInput	input = {data, size, 0};
	int			n;
	const FuzzModel *models = fuzz_models(&n);
	const FuzzModel *model = &models[fuzz_below(&input, 65536) % n];
	int			n_changes = fuzz_below(&input, MAX_CHANGES + 1);
	int			fault = fuzz_byte(&input);
	Sections	all;
	Recommender rec;
	RecsysStatus status;
	void	   *bytes;
	size_t		length;

	read_sections(env, model, &all);
	for (int i = 0; i < n_changes && all.n > 1; i++)
		change(env, &all, &input);
	write_sections(env, &all, &bytes, &length);
	env->memory_limit = (size_t) 64 << 20;
	if (fault >= 128)
		open_with_fault(env, bytes, length, fault - 128);
	status = recommender_open(env, &rec, bytes, length);
	if (status == RECSYS_OK)
		fuzz_serve(env, &rec, &input, n_changes == 0);
	else
		FUZZ_CHECK(n_changes > 0 && is_expected(status));
	fuzz_env_done(env);
	return 0;
}

/* Each model unchanged, with bytes for histories. */
void
fuzz_seeds(FuzzAdd add)
{
	int			n;

	(void) fuzz_models(&n);
	for (int i = 0; i < n; i++)
	{
		uint8_t		script[64] = {(uint8_t) i, (uint8_t) (i >> 8)};

		for (size_t k = 4; k < sizeof(script); k++)
			script[k] = (uint8_t) (k * 37 + (size_t) i);
		add(script, sizeof(script));
		script[2] = (uint8_t) (1 + i % 2);
		add(script, sizeof(script));
	}
}
