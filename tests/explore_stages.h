/* SPDX-License-Identifier: MIT */
/*
 * Which scenario is searched in which way and how far, by several processes.
 */
#ifndef EXPLORE_STAGES_H
#define EXPLORE_STAGES_H

#include "explore_scenario.h"

enum { UNBOUNDED = 9999 };

/* A way to search, and for which scenarios. */
struct stage {
	const char *name; /* NULL ends a table */
	struct search search;
	enum scale from, to;
	uint64_t schedules; /* at most; 0: until complete */
};

/* What `make check-explore` does; what finds most mistakes in seconds; and
 * what takes a day. */
extern const struct stage stages_full[], stages_quick[], stages_torture[];

struct run {
	const struct stage *stages;
	bool (*is_chosen)(const struct scenario *s);
	int jobs;
	double limit; /* seconds; 0: none */
	bool keep_going;
	const char *state; /* a directory to go on from; or NULL */
};

/* 0, or 1 if any schedule was wrong. */
int stages_run(const struct run *run);

#endif
