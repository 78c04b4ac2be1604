/* SPDX-License-Identifier: MIT */
/* What is printed when nothing moves any more. */
#ifndef STRESS_HANG_H
#define STRESS_HANG_H

#include "stress_round.h"

/* What the watchdog saw of an actor, and for how long it has been the same. */
struct sighting {
	uint64_t moved;
	unsigned activity;
	uint64_t since_ns;
};

/* Print where everybody is, write the JSON file, exit with EXIT_HANG. */
_Noreturn void hang_report(struct run *run, const struct sighting *sightings,
			   uint64_t still_ns, bool on_terminal);

#endif /* STRESS_HANG_H */
