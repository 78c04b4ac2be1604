/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "bench_program.h"

/* By the first Python that has gevent. */
BENCH_DEFINE_PROGRAM(gevent, BENCH_DOES(COROUTINES), "tools/bench_gevent.bin",
		     "for p in python3 /usr/bin/python3; do "
		     "$p -c 'import gevent' 2>/dev/null && break; "
		     "done || exit 127; exec $p $file");
