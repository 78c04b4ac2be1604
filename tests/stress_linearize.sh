#!/bin/sh
# SPDX-License-Identifier: MIT
# coqueue-stress --linearize: thousands of real histories have an order each,
# and with a queue that commits a fault (tests/faults.c) one is found that has
# none, is printed, and says why.  What takes long to check is no hang.
. "$(dirname "$0")/script.sh"

stress=$top_builddir/coqueue-stress
faulty=$top_builddir/coqueue-stress-faulty
[ -x "$stress" ] || { note "no coqueue-stress in this build"; exit 77; }

# finds FAULT: a history without an order, within some thousands.
finds()
{
	ends 1 "$faulty" --linearize=20000 --quiet --seed 1 --inject "$1" ||
		return
	says '^seed 1, history [0-9]+ has no order'
	says '^what cannot come next:$'
	says '^VIOLATED linearize, .* have no order'
	says '^FAIL seed 1: '
}

ends 0 "$stress" --linearize=4000 --json "$scratch/json" &&
	says '^PASS seed [0-9]+: 4000 histories of .* calls in order, 0 too hard'
must "the JSON file tells the calls" \
	grep -q '"recorded": [1-9]' "$scratch/json"
ends 0 "$stress" --linearize --duration 1s --quiet --jitter &&
	says '^PASS seed [0-9]+: [1-9][0-9]* histories'

for fault in lose duplicate reorder late-put; do
	finds "$fault"
done

# the watchdog lets the checker think
ends 0 "$faulty" --linearize=3 --quiet --watchdog 3 --inject slow-check

ends 2 "$stress" --linearize=0
ends 2 "$stress" --linearize=5 --duration 1s
ends 2 "$stress" --linearize mpmc
ends 2 "$stress" --linearize --capacity 4
ends 2 "$stress" --linearize --items 100
finish
