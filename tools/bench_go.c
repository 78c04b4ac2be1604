/* SPDX-License-Identifier: MIT */
/*
 * Go's channel.  Its goroutines want a runtime and threads of their own, so this
 * is a program by itself, tools/bench_go.go, which measures and verifies itself.
 * Its file is part of this one, so that it is found wherever this is installed.
 */
#include "config.h"

#include "bench.h"
#include "bench_queue.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

__asm__(".pushsection .rodata\n"
	"bench_go_program: .incbin \"tools/bench_go.bin\"\n"
	"bench_go_program_end:\n"
	".popsection");
extern const char bench_go_program[], bench_go_program_end[];

static const char *const shapes[] = {
	[BENCH_FLOW] = "flow",
	[BENCH_MIXED] = "mixed",
	[BENCH_SHUTDOWN] = "shutdown",
};

static const char *bench_go_sample(const struct bench_workload *w,
				   const struct bench_plan *plan,
				   struct bench_sample *out)
{
	size_t size = (size_t)(bench_go_program_end - bench_go_program);
	int fd = memfd_create("bench_go", 0), n;
	char command[128];
	FILE *program;

	if (fd < 0 || write(fd, bench_go_program, size) != (ssize_t)size)
		return "cannot unpack the Go program";
	snprintf(command, sizeof(command), "exec /proc/%d/fd/%d %s %zu %u %g",
		 (int)getpid(), fd, shapes[w->shape], w->capacity, w->consumers,
		 plan->seconds);
	program = popen(command, "r");
	if (!program)
		return "cannot run the Go program";
	n = fscanf(program, "%lf %lf %" SCNu64, &out->ns, &out->cpu_ns,
		   &out->items);
	return pclose(program) == 0 && n == 3 ? NULL : "the Go program failed";
}

const struct bench_queue bench_go = {
	.kinds = BENCH_DOES(COROUTINES),
	.sample = bench_go_sample,
};
