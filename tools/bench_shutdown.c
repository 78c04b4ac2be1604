/* SPDX-License-Identifier: MIT */
/*
 * From a shutdown until all that wait have returned.
 */
#include "config.h"

#include "bench_workers.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Letters of the kernel, proc_pid_stat(5). */
static char state_of(const char *task)
{
	char path[64], line[128], *name_end;
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%.20s/stat", task);
	f = fopen(path, "r");
	if (!f)
		return 0;
	n = fread(line, 1, sizeof(line) - 1, f);
	fclose(f);
	line[n] = 0;
	name_end = strrchr(line, ')');
	return name_end && name_end[1] ? name_end[2] : 0;
}

/* All threads but this one. */
static bool others_sleep(void)
{
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *entry;
	bool asleep = true;

	while (tasks && asleep && (entry = readdir(tasks)))
		asleep = entry->d_name[0] == '.' ||
			 atoi(entry->d_name) == gettid() ||
			 state_of(entry->d_name) == 'S';
	if (tasks)
		closedir(tasks);
	return asleep;
}

/* Whoever sleeps while another is still awake may only wait for a lock: so twice
 * in a row. */
void bench_await_sleepers(const struct bench_run *run)
{
	int times = 0;

	while (times < 2) {
		usleep(1000);
		if (__atomic_load_n(&run->waiting, __ATOMIC_RELAXED) ==
			    run->consumers &&
		    others_sleep())
			times++;
		else
			times = 0;
	}
}

/* Again and again, and only the time of the shutdown itself counts. */
const char *bench_take_shutdowns(struct bench_job *job,
				 struct bench_sample *out)
{
	double end = bench_now().clock + job->plan->seconds;
	const struct bench_run *run = &job->run;
	struct bench_time sum = {0};
	const char *error;

	if (!job->queue->close)
		return bench_not_supported;
	do {
		error = bench_job_start(job);
		if (error)
			return error;
		bench_await_workers(&job->run, 0, bench_workers_of(run));
		sum.clock += run->last_return.clock - run->shutdown.clock;
		sum.cpu += run->last_return.cpu - run->shutdown.cpu;
		out->items++;
		error = bench_job_verify(job);
		bench_job_release(job);
	} while (!error && bench_now().clock < end);
	out->ns = 1e9 * sum.clock / (double)out->items;
	out->cpu_ns = 1e9 * sum.cpu / (double)out->items;
	return error;
}
