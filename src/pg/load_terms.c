/*
 * load_terms.c
 *		The words of the courses.
 *
 * A ready bag of words is taken as it is.  Otherwise title and description go
 * through to_tsvector of the chosen configuration, which stems and drops stop
 * words; the positions give back the order of what is left, and n-grams are
 * formed from neighbours in it.  to_tsvector keeps at most 255 positions of a
 * word and none beyond 16,383, so in longer texts counts and n-grams end there.
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "tsearch/ts_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/varlena.h"

#include "pg/keys.h"
#include "pg/load_terms.h"
#include "pg/query.h"

/* Carried from row to row. */
typedef struct TermsLoad
{
	Job		   *job;
	const Dataset *dataset;
	const LoadRequest *request;
	TrainingSet *set;
	Oid			key_type;
	TermsBuilder builder;
	MemoryContext row_context;	/* reset after every text */
} TermsLoad;

/* A word at a place of a text. */
typedef struct PlacedWord
{
	const char *bytes;
	int			length;
	int			position;
} PlacedWord;

/* The column of the bag of words that holds the course. */
const char *
terms_key(const Dataset *dataset, Oid relid)
{
	return get_attnum(relid, dataset->course_column) > InvalidAttrNumber ?
		dataset->course_column : "course_id";
}

/* One (course, term, weight). */
static void
load_ready_term(TupleTableSlot *slot, void *arg)
{
	TermsLoad  *load = arg;
	static const char *const columns[] = {"course_id", "term", "weight"};
	KeyBuffer	buffer;
	int32_t		course;
	float		weight;
	text	   *word;

	for (int i = 0; i < 3; i++)
		if (slot->tts_isnull[i])
			raise_null(load->dataset, load->dataset->terms, columns[i]);
	course = idmap_find(&load->set->courses,
						key_from_datum(load->key_type, slot->tts_values[0], &buffer));
	weight = (float) DatumGetFloat8(slot->tts_values[2]);
	if (!isfinite(weight) || weight < 0)
		ereport(ERROR,
				(errcode(ERRCODE_DATA_EXCEPTION),
				 errmsg("column \"%s\" of relation %s of dataset \"%s\" contains a weight that is negative or not finite",
						"weight", load->dataset->terms, load->dataset->name),
				 errhint("Delete such rows, or register a view without them.")));
	if (course == IDMAP_NONE || weight == 0)
		return;
	word = DatumGetTextPP(slot->tts_values[1]);
	env_check(&load->job->env, terms_add(&load->job->env, &load->builder, course,
										 VARDATA_ANY(word), VARSIZE_ANY_EXHDR(word), weight));
}

/* Reads the bag of words. */
static void
load_ready_terms(TermsLoad *load)
{
	const Dataset *dataset = load->dataset;
	Oid			relid = dataset_relation(dataset, dataset->terms);
	const char *key = terms_key(dataset, relid);
	Oid			types[3] = {InvalidOid, TEXTOID, FLOAT8OID};
	StringInfoData sql;

	types[0] = load->key_type = dataset_key_type(dataset, dataset->terms, relid, key,
												 load->set->courses.kind);
	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ");
	append_column(&sql, "t", key, load->key_type);
	appendStringInfoString(&sql, ", ");
	append_column(&sql, "t", "term", TEXTOID);
	appendStringInfoString(&sql, ", ");
	append_column(&sql, "t", "weight", FLOAT8OID);
	appendStringInfo(&sql, " FROM %s AS t", dataset->terms);
	query_stream(sql.data, NULL, 3, types, load_ready_term, load);
}

/* Order of words in a text. */
static int
compare_positions(const void *a, const void *b)
{
	const PlacedWord *x = a;
	const PlacedWord *y = b;

	if (x->position != y->position)
		return x->position < y->position ? -1 : 1;
	return bytes_compare(x->bytes, x->length, y->bytes, y->length);
}

/* The words of a tsvector in the order of the text. */
static PlacedWord *
ordered_words(TSVector vector, int *n)
{
	WordEntry  *entries = ARRPTR(vector);
	int			total = 0;
	PlacedWord *words;

	for (int i = 0; i < vector->size; i++)
		total += POSDATALEN(vector, &entries[i]);
	words = palloc(sizeof(PlacedWord) * (total + 1));
	*n = 0;
	for (int i = 0; i < vector->size; i++)
	{
		WordEntryPos *positions = POSDATAPTR(vector, &entries[i]);

		for (int p = 0; p < POSDATALEN(vector, &entries[i]); p++)
			words[(*n)++] = (PlacedWord) {
				STRPTR(vector) + entries[i].pos, entries[i].len, WEP_GETPOS(positions[p])
			};
	}
	qsort(words, *n, sizeof(PlacedWord), compare_positions);
	return words;
}

/* Adds the n-gram of `length` words that starts at words[0]. */
static void
add_ngram(TermsLoad *load, int32_t course, const PlacedWord *words, int length)
{
	StringInfoData term;

	initStringInfo(&term);
	for (int i = 0; i < length; i++)
	{
		if (i > 0)
			appendStringInfoChar(&term, ' ');
		appendBinaryStringInfo(&term, words[i].bytes, words[i].length);
	}
	env_check(&load->job->env, terms_add(&load->job->env, &load->builder, course, term.data,
										 term.len, 1));
	pfree(term.data);
}

/* The text of one course. */
static void
load_text(TupleTableSlot *slot, void *arg)
{
	TermsLoad  *load = arg;
	KeyBuffer	buffer;
	int32_t		course;
	PlacedWord *words;
	int			n;
	MemoryContext old = MemoryContextSwitchTo(load->row_context);

	if (slot->tts_isnull[0])
		raise_null(load->dataset, load->dataset->courses, load->dataset->courses_key);
	course = idmap_find(&load->set->courses,
						key_from_datum(load->key_type, slot->tts_values[0], &buffer));
	if (course != IDMAP_NONE && !slot->tts_isnull[1])
	{
		words = ordered_words(DatumGetTSVector(slot->tts_values[1]), &n);
		for (int length = load->request->ngram_low; length <= load->request->ngram_high; length++)
			for (int i = 0; i + length <= n; i++)
				add_ngram(load, course, words + i, length);
	}
	MemoryContextSwitchTo(old);
	MemoryContextReset(load->row_context);
}

/* Appends coalesce(c.column::text, ''). */
static void
append_text(StringInfo sql, const Dataset *dataset, const char *column)
{
	Oid			relid = dataset_relation(dataset, dataset->courses);

	appendStringInfoString(sql, "COALESCE(");
	append_column(sql, "c", column,
				  dataset_read_type(dataset, dataset->courses, relid, column, text_read_type));
	appendStringInfoString(sql, ", '')");
}

/* Appends to_tsvector(config, title || ' ' || description) of c. */
void
append_course_text(StringInfo sql, const Dataset *dataset, const char *config)
{
	appendStringInfo(sql, "pg_catalog.to_tsvector(%s, ", config);
	if (dataset->title_column)
	{
		append_text(sql, dataset, dataset->title_column);
		appendStringInfoString(sql, " OPERATOR(pg_catalog.||) ' '::pg_catalog.text"
							   " OPERATOR(pg_catalog.||) ");
	}
	append_text(sql, dataset, dataset->description_column);
	appendStringInfoChar(sql, ')');
}

/*
 * The text search configuration of a name; unknown: error.  A name without a
 * schema is looked up in pg_catalog first, whatever the search path says, so
 * that "english" is the same words in every session.
 */
static Oid
find_config(const char *name)
{
	List	   *parts;
	Oid			config = InvalidOid;

	if (SplitIdentifierString(pstrdup(name), '.', &parts) && list_length(parts) <= 2 && parts != NIL)
	{
		List	   *names = textToQualifiedNameList(cstring_to_text(name));

		if (list_length(names) == 1)
			config = get_ts_config_oid(lcons(makeString("pg_catalog"), names), true);
		if (!OidIsValid(config))
			config = get_ts_config_oid(textToQualifiedNameList(cstring_to_text(name)), true);
	}
	if (!OidIsValid(config))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("text search configuration \"%s\" of parameter \"%s\" does not exist", name,
						"text_search_config"),
				 errhint("List the configurations with \\dF in psql, or in pg_catalog.pg_ts_config.")));
	return config;
}

/* Reads titles and descriptions. */
static void
load_texts(TermsLoad *load)
{
	const Dataset *dataset = load->dataset;
	Oid			relid = dataset_relation(dataset, dataset->courses);
	Oid			config = find_config(load->request->text_search_config);
	Oid			types[2] = {InvalidOid, TSVECTOROID};
	StringInfoData sql;

	types[0] = load->key_type = dataset_key_type(dataset, dataset->courses, relid,
												 dataset->courses_key,
												 load->set->courses.kind);
	initStringInfo(&sql);
	appendStringInfoString(&sql, "SELECT ");
	append_column(&sql, "c", dataset->courses_key, load->key_type);
	appendStringInfoString(&sql, ", ");
	append_course_text(&sql, dataset, "$1");
	appendStringInfo(&sql, " FROM %s AS c", dataset->courses);
	query_stream(sql.data, query_one_param(REGCONFIGOID, ObjectIdGetDatum(config)), 2, types,
				 load_text, load);
}

/* The words of the courses, from where the dataset has them. */
void
load_terms(Job *job, const Dataset *dataset, const LoadRequest *request, TrainingSet *set)
{
	TermsLoad	load = {.job = job, .dataset = dataset, .request = request, .set = set};

	if (dataset->terms == NULL && dataset->description_column == NULL)
		return;
	load.row_context = AllocSetContextCreate(job->context, "course_recsys text",
											 ALLOCSET_DEFAULT_SIZES);
	env_check(&job->env, terms_init(&job->env, &load.builder));
	if (dataset->terms)
		load_ready_terms(&load);
	else
		load_texts(&load);
	env_check(&job->env, terms_finish(&job->env, &load.builder, set));
	MemoryContextDelete(load.row_context);
}
