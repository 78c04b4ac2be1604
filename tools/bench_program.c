/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "bench_program.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOT_SUPPORTED = 127 };

static const char *const shapes[BENCH_SHAPES] = {
	[BENCH_SOLO] = "solo",           [BENCH_FLOW] = "flow",
	[BENCH_ROUNDTRIP] = "roundtrip", [BENCH_MIXED] = "mixed",
	[BENCH_SHUTDOWN] = "shutdown",   [BENCH_BATCHES] = "flow",
	[BENCH_PACED] = "paced",         [BENCH_SIZED] = "sized",
};

const char *bench_program_sample(const char *command, const char *program,
				 const char *end,
				 const struct bench_workload *w,
				 const struct bench_plan *plan,
				 struct bench_sample *out)
{
	size_t size = (size_t)(end - program);
	int fd = memfd_create("bench_program", 0), n, status;
	double *p = out->percentiles;
	char line[256];
	FILE *output;

	if (fd < 0 || write(fd, program, size) != (ssize_t)size)
		return "cannot unpack its program";
	snprintf(line, sizeof(line),
		 "file=/proc/%d/fd/%d; %s %s %s %zu %u %u %g %u %zu",
		 (int)getpid(), fd, command, bench_kind_names[w->kind],
		 shapes[w->shape], w->capacity, w->producers, w->consumers,
		 plan->seconds, w->pace, bench_item_size(w));
	output = popen(line, "r");
	if (!output)
		return "cannot run its program";
	n = fscanf(output, "%lf %lf %" SCNu64 "%lf %lf %lf", &out->ns,
		   &out->cpu_ns, &out->items, &p[BENCH_P50], &p[BENCH_P99],
		   &p[BENCH_P99_9]);
	status = pclose(output);
	if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_SUPPORTED)
		return bench_not_supported;
	return status == 0 && n == (bench_workload_is_timed(w) ? 6 : 3)
		       ? NULL
		       : "its program failed";
}
