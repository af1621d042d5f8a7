#!/usr/bin/perl
# checks.t: the check scripts pass on a good tree, and each fault of a bad one is found, with file and line.
use strict;
use warnings;
use FindBin;
use File::Basename 'dirname';
use File::Path 'make_path';
use File::Temp 'tempdir';
use Test::More;

my $scripts = "$FindBin::Bin/../../scripts";

# Runs a check over a tree that holds just these files (path => text); returns exit status and output.
sub run_check
{
	my ($script, %files) = @_;
	my $tree = tempdir(CLEANUP => 1);

	for my $path (keys %files)
	{
		make_path("$tree/" . dirname($path));
		open my $file, '>', "$tree/$path" or die "cannot write $path: $!";
		print $file $files{$path};
		close $file or die "cannot write $path: $!";
	}
	my $output = `$scripts/$script $tree 2>&1`;
	return ($? >> 8, $output);
}

# The tree passes: exit status 0 and no output.
sub accepts
{
	my ($script, $name, %files) = @_;
	my ($status, $output) = run_check($script, %files);
	is("$status:$output", '0:', "$script accepts $name");
}

# The file (the first of the tree) fails: status 1 and one complaint, at this line.
sub refuses
{
	my ($script, $name, $line, $path, $text, %more) = @_;
	my ($status, $output) = run_check($script, $path => $text, %more);
	like("$status:$output", qr/\A1:\Q$path:$line\E: .+\n\z/, "$script refuses $name");
}

# A C function that reports the given arguments.
sub report
{
	my ($arguments) = @_;
	return "#include \"postgres.h\"\n\nereport($arguments);\n";
}

my $code = 'errcode(ERRCODE_DATA_EXCEPTION)';

accepts('check-includes', 'what each ring may include',
	'src/core/csr.c' => "#include \"core/csr.h\"\n#include <math.h>\n/* SPI_execute() */\n",
	'src/core/blas.c' => "#include <dlfcn.h>\nopenblas_set_num_threads(1);\n",
	'src/core/env.c' => "#include <sanitizer/asan_interface.h>\n",
	'src/core/parallel.c' => "#include <pthread.h>\n#include <signal.h>\n",
	'src/core/child.c' => "#include <dlfcn.h>\n#include <signal.h>\n#include <sys/wait.h>\n#include <unistd.h>\nfork();\n",
	'src/pg/load.c' => "#include \"postgres.h\"\n#include \"pg/compat.h\"\n#include \"executor/spi.h\"\n"
		. "#include \"core/csr.h\"\nSPI_connect();\n",
	'src/sql/train.c' => "#include \"postgres.h\"\n#include \"pg/load.h\"\n#include <math.h>\n");

for my $header ('"postgres.h"', '"utils/array.h"', '"pg/load.h"', '"sql/x.h"', '"csr.h"', '<unistd.h>',
	'<pthread.h>', '<signal.h>', '<setjmp.h>', '<dlfcn.h>', '<cblas.h>', '<linear.h>', '<xgboost/c_api.h>',
	'<sanitizer/asan_interface.h>', '<sys/wait.h>', '<fcntl.h>', '"../pg/load.h"')
{
	refuses('check-includes', "$header in core", 2, 'src/core/csr.c', "/* x */\n#include $header\n");
}
refuses('check-includes', 'a header below core/nn', 1, 'src/core/nn/a.h', "#  include  \"fmgr.h\"\n");
refuses('check-includes', 'OpenBLAS outside blas.c', 1, 'src/core/csr.c', "cblas_sgemm(1);\n");
refuses('check-includes', 'a second process outside child.c', 1, 'src/core/csr.c', "fork();\n");
refuses('check-includes', 'a header of a library', 1, 'src/core/child.c', "#include <xgboost/c_api.h>\n");
refuses('check-includes', 'the same in src/pg', 2, 'src/pg/a.c', "#include \"postgres.h\"\n#include <linear.h>\n");
refuses('check-includes', 'a thread in src/pg', 2, 'src/pg/a.c', "#include \"postgres.h\"\npthread_create(0);\n");
for my $ring ('pg', 'sql')
{
	refuses('check-includes', "src/$ring without postgres.h first", 1, "src/$ring/a.c",
		"#include <math.h>\n#include \"postgres.h\"\n");
}
refuses('check-includes', 'src/pg on top of src/sql', 2, 'src/pg/a.c',
	"#include \"postgres.h\"\n#include \"sql/b.h\"\n");
refuses('check-includes', 'spi.h in src/sql', 2, 'src/sql/a.c',
	"#include \"postgres.h\"\n#include \"executor/spi.h\"\n");
refuses('check-includes', 'an SPI call in src/sql', 3, 'src/sql/a.c',
	"#include \"postgres.h\"\n\n\tSPI_execute(1);\n");
refuses('check-includes', 'a file outside the rings', 1, 'src/a.c', "\n");

accepts('check-messages', 'good messages',
	'src/pg/a.c' => report("ERROR,\n\t$code,\n\terrmsg(\"model \\\"%s\\\" (of %s) has no rows\", a, b),\n"
			. "\terrdetail(\"Only \" UINT64_FORMAT \" rows.\", n),\n\terrhint(\"%s\", hint)")
		. report('NOTICE, errmsg("SELECT is done"), errdetail("work_mem is used.")')
		. "elog(ERROR, \"Cannot happen.\");\n/* ereport(ERROR, errmsg(\"Bad.\")) */\n",
	'src/core/a.c' => "env_fail(env, RECSYS_BAD_DATA, \"no rows in \\\"%s\\\"\", \"Ratings.\");\n"
		. "env_detail(env, \"Only \" PRId64 \" rows.\", n);\nenv_fail(env, status, text);\n",
	'test/sql/models.sql' => "SELECT 1;\n",
	'sql/tables.sql' => "SELECT 1;\n");

refuses('check-messages', 'an error without errcode', 3, 'src/sql/a.c', report('ERROR, errmsg("no rows")'));
refuses('check-messages', 'a capitalised primary', 3, 'src/sql/a.c', report("ERROR, $code, errmsg(\"No rows\")"));
refuses('check-messages', 'a full stop after the primary', 3, 'src/sql/a.c',
	report("ERROR, $code, errmsg(\"no rows \" \"left.\")"));
refuses('check-messages', 'a line break in the primary', 3, 'src/sql/a.c',
	report("ERROR, $code, errmsg(\"no rows\\nleft\")"));
refuses('check-messages', 'a bad plural', 3, 'src/sql/a.c',
	report("ERROR, $code, errmsg_plural(\"one row\", \"Many rows\", n)"));
for my $kind ('detail', 'hint')
{
	refuses('check-messages', "a $kind in lower case", 3, 'src/sql/a.c',
		report("ERROR, $code, errmsg(\"no rows\"), err$kind(\"insert some.\")"));
	refuses('check-messages', "a $kind without full stop", 3, 'src/sql/a.c',
		report("ERROR, $code, errmsg(\"no rows\"), err$kind(\"Insert \\\"%s\\\"\", a)"));
}
refuses('check-messages', 'a capitalised message of core', 1, 'src/core/a.c',
	"env_fail(env, RECSYS_BAD_DATA, \"No rows\");\n");
refuses('check-messages', 'a hint of core without full stop', 1, 'src/core/a.c',
	"env_hint(env, \"Insert rows\");\n");
refuses('check-messages', 'a missing line end', 2, 'src/core/a.c', "\n/* x */");
refuses('check-messages', 'white space at a line end', 1, 'src/core/a.c', "/* x */ \n");
refuses('check-messages', 'indentation by spaces', 2, 'src/core/a.c', "\n    x;\n");
refuses('check-messages', 'a space before a tab', 2, 'src/core/a.c', "\n\t \tx;\n");
refuses('check-messages', 'unfinished work', 3, 'src/core/a.c', "\n\n/* FIX" . "ME: later */\n");
refuses('check-messages', 'a test named like an install script', 1, 'test/sql/tables.sql', "SELECT 1;\n",
	'sql/tables.sql' => "\n");

done_testing();
