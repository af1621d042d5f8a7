# The files with vector code and their flags; read by the Makefile and test/unit/Makefile.
# The three float flags let sums be reordered, which is what makes vectors possible. Never -ffast-math:
# it would switch the whole server process to flush-to-zero when the library is loaded. PostgreSQL builds with -fwrapv,
# under which a row that is indexed by int may not become vectors; kernels do without.
KERNELS = $(patsubst %.c,%.o,$(wildcard src/core/vector.c src/core/spd.c src/core/*_kernels.c))
KERNEL_FLAGS = -O3 -fassociative-math -fno-signed-zeros -fno-trapping-math -fno-wrapv
