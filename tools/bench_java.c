/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "bench_program.h"

BENCH_DEFINE_PROGRAM(java,
		     BENCH_DOES(FIFO) | BENCH_DOES(UNBOUNDED) |
			     BENCH_DOES(RENDEZVOUS),
		     "tools/bench_java.jar", "exec java -cp $file bench_java");
