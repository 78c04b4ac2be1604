/* SPDX-License-Identifier: MIT */
#include "config.h"

#include "bench_distance.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "bench_machine.h"
#include "bench_queue.h"

enum {
	STRETCHES = 5, /* the quickest counts: nobody was preempted in it */
	TURNS = 20,    /* of each end in a stretch */
	LOOKS = 1000,  /* between looks at the clock */
	LIMIT_NS = 5000000, /* for all; others may keep a core busy */
};

struct line {
	_Alignas(128) atomic_uint turns; /* even: it is at the asker */

	uint64_t limit;
	uint64_t quickest; /* stretch, in ns; 0: none */
	cpu_set_t there;   /* the core of who answers */
};

static bool take_turn(struct line *line, unsigned int turn)
{
	for (unsigned int looks = 1; atomic_load(&line->turns) != turn; looks++)
		if (looks % LOOKS == 0 && bench_clock() > line->limit)
			return false;
	atomic_store(&line->turns, turn + 1);
	return true;
}

static void *answer(void *arg)
{
	for (unsigned int i = 0; i < STRETCHES * TURNS; i++)
		if (!take_turn(arg, 2 * i + 1))
			break;
	return NULL;
}

static int start(pthread_t *thread, const cpu_set_t *core, void *(*end)(void *),
		 struct line *line)
{
	pthread_attr_t attr;
	int err = pthread_attr_init(&attr);

	if (err)
		return err;
	err = pthread_attr_setaffinity_np(&attr, sizeof(*core), core);
	if (!err)
		err = pthread_create(thread, &attr, end, line);
	pthread_attr_destroy(&attr);
	return err;
}

static void *ask(void *arg)
{
	struct line *line = arg;
	uint64_t begun = 0, took;
	pthread_t other;

	line->limit = bench_clock() + LIMIT_NS;
	if (start(&other, &line->there, answer, line))
		return NULL;
	for (unsigned int i = 0; i < STRETCHES * TURNS; i++) {
		if (i % TURNS == 0)
			begun = bench_clock();
		if (!take_turn(line, 2 * i))
			break;
		if (i % TURNS < TURNS - 1)
			continue;
		took = bench_clock() - begun;
		if (i < TURNS || took < line->quickest)
			line->quickest = took;
	}
	pthread_join(other, NULL);
	return NULL;
}

static bool find_cores(cpu_set_t *here, cpu_set_t *there)
{
	return !bench_core(0, here) && !bench_core(1, there) &&
	       !CPU_EQUAL(here, there);
}

bool bench_has_distance(void)
{
	cpu_set_t here, there;

	return find_cores(&here, &there);
}

double bench_distance(void)
{
	struct line line = {.quickest = 0};
	cpu_set_t here;
	pthread_t asker;

	if (!find_cores(&here, &line.there) || start(&asker, &here, ask, &line))
		return 0;
	pthread_join(asker, NULL);
	return (double)line.quickest / TURNS;
}
