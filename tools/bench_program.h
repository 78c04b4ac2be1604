/* SPDX-License-Identifier: MIT */
/*
 * A queue of a language that wants threads of its own: a program by itself, which
 * measures and verifies itself as bench_sample.c does.  It is made of a small file
 * that has the queue, and bench_workloads.* of that language, which has the rest.
 * Its file is part of this one, so that it is found wherever this is installed.
 *
 * It is called with KIND SHAPE CAPACITY PRODUCERS CONSUMERS SECONDS PACE
 * ITEM_SIZE, and prints nanoseconds per item, of which CPU time, and the number
 * of items; then, if single items are timed, the percentiles 50, 99 and 99.9 of
 * these times.  Its status 127, which is the shell's when there is no such
 * command, is "not supported".
 */
#ifndef BENCH_PROGRAM_H
#define BENCH_PROGRAM_H

#include "bench.h"
#include "bench_queue.h"

/* command: of the shell; the file is $file. */
const char *bench_program_sample(const char *command, const char *program,
				 const char *end,
				 const struct bench_workload *w,
				 const struct bench_plan *plan,
				 struct bench_sample *out);

#define BENCH_DEFINE_PROGRAM(name, does, file, command)                        \
	__asm__(".pushsection .rodata\n"                                       \
		"bench_" #name "_program: .incbin \"" file "\"\n"              \
		"bench_" #name "_program_end:\n"                               \
		".popsection");                                                \
	extern const char bench_##name##_program[];                            \
	extern const char bench_##name##_program_end[];                        \
                                                                               \
	static const char *bench_##name##_sample(                              \
		const struct bench_workload *w, const struct bench_plan *plan, \
		struct bench_sample *out)                                      \
	{                                                                      \
		return bench_program_sample(command, bench_##name##_program,   \
					    bench_##name##_program_end, w,     \
					    plan, out);                        \
	}                                                                      \
	const struct bench_queue bench_##name = {                              \
		.kinds = does,                                                 \
		.sample = bench_##name##_sample,                               \
	}

#endif /* BENCH_PROGRAM_H */
