/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "bench_program.h"

BENCH_DEFINE_PROGRAM(python, BENCH_DOES(FIFO) | BENCH_DOES(UNBOUNDED),
		     "tools/bench_python.bin", "exec python3 $file");
