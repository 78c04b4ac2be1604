#!/bin/sh
# SPDX-License-Identifier: MIT
# Everything at depth ("make torture"): for a machine that has nothing else to
# do for a day.  It can be interrupted at any time, and goes on from there when
# it is started again; TORTURE_STATE (torture) is the directory that it keeps.
# TORTURE_HISTORIES (10000000) and TORTURE_HOURS (8) of coqueue-stress say how
# deep; TORTURE_PARTS which parts; JOBS how many processes.  What has been done is
# in its file "report".
. "$(dirname "$0")/script.sh"

: "${TORTURE_STATE:=$PWD/torture}" "${TORTURE_HISTORIES:=10000000}"
: "${TORTURE_HOURS:=8}" "${JOBS:=$(nproc)}"
: "${TORTURE_EXPLORE:=--torture}" # a smaller search, to try this script
chunk=$((TORTURE_HISTORIES < 100000 ? TORTURE_HISTORIES : 100000))
mkdir -p "$TORTURE_STATE/explore" || exit 99
report=$TORTURE_STATE/report
parts=${TORTURE_PARTS:-explore planted model histories stress faults mutants}

# tell TEXT...: to the screen and the report.
tell()
{
	printf '%s  %s\n' "$(date '+%F %T')" "$*" | tee -a "$report"
}

# counted NAME: what has been counted under that name so far.
counted()
{
	cat "$TORTURE_STATE/$1.count" 2>/dev/null || echo 0
}

# count NAME N: add to it, in one step.
count()
{
	echo $(($(counted "$1") + $2)) >"$TORTURE_STATE/$1.new" &&
		mv "$TORTURE_STATE/$1.new" "$TORTURE_STATE/$1.count"
}

# left NAME ALL BEFORE BEGUN: how far it is, and the time that the rest takes at
# the pace since BEGUN, when it stood at BEFORE.
left()
{
	at=$(counted "$1") took=$(($(date +%s) - $4))
	printf '%d of %d, about %d min left\n' "$at" "$2" \
		$((($2 - at) * took / (at > $3 ? at - $3 : 1) / 60))
}

# logged COMMAND...: its output into the log of the part; its last line is told.
logged()
{
	"$@" >"$log" 2>&1
	status=$?
	tell "$part: $(tail -n 1 "$log")"
	return $status
}

explore()
{
	"$top_builddir/tests/explore" $TORTURE_EXPLORE --jobs "$JOBS" \
		--state "$TORTURE_STATE/explore" 2>&1 | tee "$log"
	tell "explore: $(tail -n 1 "$log")"
	tail -n 1 "$log" | grep -q ' 0 failures'
}

# Each chunk has a seed of its own.
histories()
{
	before=$(counted histories) begun=$(date +%s)
	while [ "$(counted histories)" -lt "$TORTURE_HISTORIES" ]; do
		"$top_builddir/coqueue-stress" --quiet --linearize=$chunk \
			--seed $((1 + $(counted histories))) >"$log" 2>&1 ||
			{ tell "histories: $(tail -n 1 "$log")"; return 1; }
		count histories $chunk
		echo "histories: $(left histories "$TORTURE_HISTORIES" \
			"$before" "$begun")"
	done
	tell "histories: $(counted histories) have an order"
}

stress()
{
	minutes=$((TORTURE_HOURS * 60)) before=$(counted stress)
	begun=$(date +%s)
	while [ "$(counted stress)" -lt $minutes ]; do
		"$top_builddir/coqueue-stress" --quiet --duration 60s all \
			>"$log" 2>&1 ||
			{ tell "stress: $(tail -n 1 "$log")"; return 1; }
		count stress 1
		echo "stress: $(left stress $minutes "$before" "$begun")"
	done
	tell "stress: $(counted stress) minutes"
}

planted() { logged $MAKE check-planted; }
model() { logged $MAKE check-model; }
faults() { COQUEUE_TEST_SCALE=10 logged $MAKE check-faults; }

mutants()
{
	logged "$srcdir/tests/mutate.py" --all --jobs "$JOBS" \
		--results "$TORTURE_STATE/mutants.jsonl"
}

cd "$top_builddir" || exit 99
for part in $parts; do
	log=$TORTURE_STATE/$part.log
	if [ -e "$TORTURE_STATE/$part.done" ]; then
		echo "$part: done before"
	elif $part; then
		: >"$TORTURE_STATE/$part.done"
	else
		wrong "$part (see $log)"
	fi
done
cat "$report"
finish
