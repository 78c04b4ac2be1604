/* SPDX-License-Identifier: MIT */
/*
 * What an empty queue takes of the heap: the bytes that malloc() gave, with its
 * heads, and those of pages in use that did not come from there, for libraries
 * that bring an allocator of their own.  Where that is zeroed and yet untouched,
 * malloc()'s counts and the other's does not.
 *
 * What the first queue finds missing stays for all that follow: it does not count,
 * and the many do that are made then.
 */
#include "config.h"

#include "bench_workers.h"

#include <malloc.h>
#include <stdio.h>

enum { MANY = 200 };

/* Bytes of private pages that no file is behind, but for stacks and the heap that
 * grows by brk(2), where malloc() is told to stay. */
static size_t other_pages(void)
{
	FILE *f = fopen("/proc/self/smaps", "r");
	size_t kib, sum = 0;
	bool counts = false;
	char line[4352]; /* with a path */
	int name;

	while (f && fgets(line, sizeof(line), f)) {
		name = 0; /* of a mapping: where it would stand */
		sscanf(line, "%*x-%*x %*4s %*x %*s %*u %n", &name);
		if (name)
			counts = !line[name];
		else if (counts && sscanf(line, "Rss: %zu kB", &kib) == 1)
			sum += 1024 * kib;
	}
	if (f)
		fclose(f);
	return sum;
}

const char *bench_take_memory(const struct bench_job *job,
			      struct bench_sample *out)
{
	size_t before = 0, after;
	void *queue;
	int n, err;

	/* elsewhere; or malloc() is another's, such as a sanitizer's */
	if (job->queue->sample || !mallopt(M_MMAP_MAX, 0))
		return bench_not_supported;
	for (n = 0; n <= MANY; n++) {
		if (n == 1)
			before = mallinfo2().uordblks + other_pages();
		err = job->queue->create(job->workload, &queue);
		if (err == ENOTSUP)
			return bench_not_supported;
		if (err)
			return "cannot create a queue";
	}
	after = mallinfo2().uordblks + other_pages();
	out->ns = (double)(after - before) / MANY;
	out->items = MANY;
	return NULL;
}
