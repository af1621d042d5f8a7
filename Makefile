# Build of course_recsys. "make" builds, "make install" installs into the server of PG_CONFIG.
# Tests: check-style, unit, unit-tsan, fuzz (no server), installcheck, pgtap, check-docs (a running server, PG* environment), tap.
# WERROR=1 makes every compiler warning an error.

EXTENSION = course_recsys
MODULE_big = course_recsys
PGFILEDESC = "course_recsys - course recommendations inside PostgreSQL"

# META.json is the only place of the version; the control file must agree with it (check-version).
EXTVERSION := $(shell sed -n 's/^ *"version": *"\([^"]*\)".*/\1/p' META.json | head -n 1)

# A new method, core file or SQL function is one new file: nothing to list here.
OBJS = $(patsubst %.c,%.o,$(sort $(wildcard src/core/*.c src/core/*/*.c src/pg/*.c src/sql/*.c)))

# The install script is these files, in this order.
SQL_PARTS = $(addprefix sql/,tables.sql datasets.sql training.sql serving.sql factors.sql clusters.sql \
	analysis.sql rules.sql experiments.sql evaluation.sql vectors.sql aggregates.sql)
INSTALL_SQL = sql/$(EXTENSION)--$(EXTVERSION).sql
DATA_built = $(INSTALL_SQL)

# pg_regress: test/sql/NAME.sql against expected/NAME.out
REGRESS = $(sort $(basename $(notdir $(wildcard test/sql/*.sql))))
REGRESS_OPTS = --inputdir=test
EXTRA_CLEAN = build

PG_CPPFLAGS = -Isrc -DCOURSE_RECSYS_VERSION='"$(EXTVERSION)"'
# Two clones build the same library: debug information does not name the folder.
PG_CFLAGS = -Wall -Wextra -pthread -ffile-prefix-map=$(CURDIR)=. $(if $(filter 1,$(WERROR)),-Werror)
SHLIB_LINK = -pthread -lm -ldl

# Bitcode for the JIT compiler would hold the baseline code of the kernels only.
override with_llvm := no

all: check-version

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
ifneq ($(PGXS),)
include $(PGXS)
else
all install installcheck clean:
	@echo 'pg_config not found: install postgresql-server-dev-NN or set PG_CONFIG=/path/to/pg_config' >&2
	@exit 1
endif

include src/core/kernels.mk
$(KERNELS): override CFLAGS += $(KERNEL_FLAGS)

# Only the SQL entry points are visible to the dynamic linker.
$(filter-out src/sql/%,$(OBJS)): override CFLAGS += -fvisibility=hidden

# PG_FUNCTION_ARGS and PostgreSQL's inline functions have unused parameters.
$(filter-out src/core/%,$(OBJS)): override CFLAGS += -Wno-unused-parameter

$(OBJS): Makefile src/core/kernels.mk META.json $(wildcard src/*/*.h src/*/*/*.h) build/server

# Objects that were compiled for another server are built anew.
build/server: FORCE
	@mkdir -p build
	@echo '$(PG_CONFIG) $(VERSION)' | cmp -s - $@ || echo '$(PG_CONFIG) $(VERSION)' > $@

$(INSTALL_SQL): $(SQL_PARTS) META.json Makefile
	{ printf '%s\n' '\echo Use "CREATE EXTENSION $(EXTENSION)" to load this file. \quit'; \
	  cat $(SQL_PARTS); } > $@

check-version:
	@grep -q "^default_version = '$(EXTVERSION)'$$" $(EXTENSION).control || { \
	  echo "$(EXTENSION).control: default_version must be '$(EXTVERSION)', the version in META.json" >&2; \
	  exit 1; }

check-style:
	prove $(PROVE_FLAGS) test/style

unit:
	$(MAKE) -f test/unit/Makefile

unit-tsan:
	$(MAKE) -f test/unit/Makefile SANITIZE=thread BUILD=build/unit-tsan

# FUZZ_SECONDS for each entry; fuzz-long needs clang and takes as long as it is told.
fuzz:
	$(MAKE) -f test/fuzz/Makefile

fuzz-long:
	$(MAKE) -f test/fuzz/Makefile long

# Two files at a time, each in a database of its own.
pgtap:
	prove $(PROVE_FLAGS) -j2 --merge --exec test/pgtap/run $(sort $(wildcard test/pgtap/*.sql))

# DOCS_UPDATE=1 writes the output of the examples into the documents.
check-docs:
	prove $(PROVE_FLAGS) -j2 --merge test/docs

# Three files at a time, each with servers of its own, for they wait much; first the one that mostly waits. Not on a
# terminal, prove prints what a file said when the file has ended.
TAP_JOBS = 3
tap: PROVE_TESTS = $(sort $(filter %/pg_cron.pl,$(wildcard test/t/*.pl))) $(sort $(filter-out %/pg_cron.pl,$(wildcard test/t/*.pl)))
tap: override PROVE_FLAGS += -j $(TAP_JOBS) --merge
tap:
	$(prove_installcheck)

.PHONY: check-version check-style unit unit-tsan fuzz fuzz-long pgtap check-docs tap FORCE
