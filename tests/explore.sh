#!/bin/sh
# SPDX-License-Identifier: MIT
# The schedule explorer, for a few seconds: nothing is wrong with the library as
# far as that goes, and the explorer does what it says.  That it finds what is
# wrong: planted.sh.
. "$(dirname "$0")/script.sh"

explore=$top_builddir/tests/explore
case $SANITIZER_FLAGS in
?*) note "coroutines and sanitizers do not mix"; exit 77 ;;
esac

# runs STATUS ARGUMENT...: wrong unless it ends with that.
runs()
{
	expected=$1
	shift
	timeout -k 5 300 "$explore" "$@" >"$scratch/out" 2>"$scratch/err"
	got=$?
	[ $got -eq "$expected" ] && return
	wrong "explore $* ended with $got, not $expected"
	tail -n 20 "$scratch/out" "$scratch/err" | sed 's/^/    /'
	return 1
}

# says REGEX: wrong unless a line of the output is like this.
says()
{
	grep -qE "$1" "$scratch/out" && return
	wrong "it does not say: $1"
	tail -n 20 "$scratch/out" | sed 's/^/    /'
}

# complete: how many schedules it took until a search was complete.
complete()
{
	sed -n 's/.* \([0-9]*\) complete .*/\1/p' "$scratch/out"
}

runs 0 --quick --limit 15 && says '^[1-9][0-9]* schedules, .* 0 failures'

# A search that was interrupted comes to the same end.
runs 0 --preemptions 1 put_get && whole=$(complete)
[ "$whole" ] || wrong "a search of put_get is not complete"
runs 0 --preemptions 1 --state "$scratch" --schedules 50 put_get &&
	[ -z "$(complete)" ] || wrong "50 schedules of put_get are not enough"
runs 0 --preemptions 1 --state "$scratch" put_get
[ "$(complete)" = "$whole" ] ||
	wrong "interrupted, put_get has $(complete) schedules, not $whole"

# Each step of one schedule.
runs 0 --replay put_get:1.0.0.0.0.0:5=1 && {
	says '^ *[0-9]+ +0 put +store_ring.h *:[0-9]+ +ring_put_one +cas &r->tail: 0 -> 0x'
	says '^put_get: failed 0 of 1 times'
}

runs 64 --preemptions x
runs 64 --preemptions -1
runs 64 no_such_scenario
runs 2 --replay put_get
runs 2 --replay put_get:nonsense
runs 2 --replay no_such_scenario:1.0.0.0.0.0:
runs 2 --state /nonexistent --schedules 5 put_get
finish
