/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "bench_machine.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static void read_model(char *model, size_t size)
{
	FILE *f = fopen("/proc/cpuinfo", "r");
	char line[256];
	char *value;

	snprintf(model, size, "unknown");
	while (f && fgets(line, sizeof(line), f)) {
		value = strstr(line, ": ");
		if (strncmp(line, "model name", 10) || !value)
			continue;
		snprintf(model, size, "%.*s", (int)strcspn(value + 2, "\n"),
			 value + 2);
		break;
	}
	if (f)
		fclose(f);
}

void bench_read_machine(struct bench_machine *machine)
{
	time_t now = time(NULL);
	struct tm tm;

	machine->cores = sysconf(_SC_NPROCESSORS_ONLN);
	read_model(machine->model, sizeof(machine->model));
	uname(&machine->uts);
	gmtime_r(&now, &tm);
	strftime(machine->date, sizeof(machine->date), "%Y-%m-%dT%H:%M:%SZ",
		 &tm);
}

int bench_core(unsigned int i, cpu_set_t *core)
{
	unsigned int cpu, nth;
	cpu_set_t all;

	if (sched_getaffinity(0, sizeof(all), &all))
		return errno;
	nth = i % (unsigned int)CPU_COUNT(&all);
	for (cpu = 0; !CPU_ISSET(cpu, &all) || nth-- > 0; cpu++)
		;
	CPU_ZERO(core);
	CPU_SET(cpu, core);
	return 0;
}
