/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "bench_program.h"

BENCH_DEFINE_PROGRAM(go,
		     BENCH_DOES(FIFO) | BENCH_DOES(RENDEZVOUS) |
			     BENCH_DOES(COROUTINES),
		     "tools/bench_go.bin", "exec $file");
