#!/bin/sh
# SPDX-License-Identifier: MIT
# Does the schedule explorer notice when coqueue is broken?  Each file in
# tests/planted/ breaks lib/ in one place, as a competent engineer could
# (planting.sh).  With each in turn, on a copy of lib/:
#
#   explorer   tests/explore --quick is to fail within LIMIT seconds (180);
#   stress     coqueue-stress plays all scenarios for STRESS_SECONDS (5; 0:
#              not at all): whether it fails, hangs or crashes, for comparison.
#
# "make check-planted" prints a table.  It fails when a patch does not apply or
# compile, when the explorer misses one, or fails without any.  PLANTED="name
# ..." chooses; the names are those of the files.  The Makefile has built both
# programs and hands over their objects.
. "$(dirname "$0")/planting.sh"

: "${LIMIT:=180}" "${JOBS:=1}" "${STRESS_SECONDS:=5}" "${PLANTED:=}"
: "${EXPLORE_FLAGS:?}" "${EXPLORE_OBJECTS:?}" "${STRESS_OBJECTS=}"

# field NAME: that field of the explorer's FAIL line.
field()
{
	sed -n "s/^FAIL .*\\<$1=\\([^ ]*\\).*/\\1/p" "$scratch/explored" | head -n 1
}

# explore: run the explorer; sets status, scenario, schedules and took.
explore()
{
	begun=$(date +%s%N)
	timeout -k 5 $((LIMIT + 30)) "$scratch/explore" --quick \
		--limit "$LIMIT" --jobs "$JOBS" >"$scratch/explored" 2>&1
	status=$?
	took=$((($(date +%s%N) - begun) / 100000000))
	took=$((took / 10)).$((took % 10))
	scenario=$(field scenario) schedules=$(field schedules)
	[ "$status" -ne 1 ] || replay "$(field choices)"
}

# replay CHOICES: they fail again, a hundred times of a hundred.
replay()
{
	"$scratch/explore" --replay "$1" --repeat 100 2>&1 |
		grep -q ': failed 100 of 100 times$' ||
		wrong "the schedule $1 does not repeat itself"
}

# stress: run coqueue-stress; sets stressed.
stress()
{
	timeout -k 5 $((STRESS_SECONDS + 30)) "$scratch/stress" --quiet \
		--duration "${STRESS_SECONDS}s" --seed 1 --watchdog 3 all \
		>"$scratch/stressed" 2>&1
	case $? in
	0) stressed=no ;;
	1) stressed=yes by_stress=$((by_stress + 1)) ;;
	2 | 3) broken "coqueue-stress could not run" ;;
	4 | 124 | 137) stressed=hangs by_stress=$((by_stress + 1)) ;;
	*) stressed=crashes by_stress=$((by_stress + 1)) ;;
	esac
}

# look_for NAME: what the explorer says of it; sets what explore() does.
look_for()
{
	if is_hidden "$1"; then
		scenario=- schedules=- took=- hidden=$((hidden + 1))
		return
	fi
	build explore "$scratch/explore" $EXPLORE_OBJECTS ||
		broken "$1 does not compile"
	explore
	if [ "$status" -eq 1 ] && [ "$scenario" ]; then
		found=$((found + 1))
	else
		scenario=MISSED schedules=-
		missed="$missed $1"
	fi
}

# row NAME: plant it, look for it, tell.
row()
{
	plant "$1" || broken "$1 does not apply"
	look_for "$1"
	stressed=-
	if [ "$STRESS_SECONDS" -gt 0 ]; then
		build native "$scratch/stress" $STRESS_OBJECTS ||
			broken "$1 does not compile"
		stress
	fi
	planted=$((planted + 1))
	printf "$format" "$1" "$(breaks "$1")" "$scenario" "$schedules" \
		"$took" "$stressed"
}

planted=0 found=0 hidden=0 by_stress=0 missed=
# all of them, also when few are chosen: who changes lib/ renews them
for name in $(names); do
	plant "$name" || broken "$name does not apply"
	[ "$(breaks "$name")" ] || broken "$name does not say what it breaks"
done
format='%-30s %-18s %-20s %10s %6s  %s\n'
begin explore
[ "$STRESS_SECONDS" -eq 0 ] || begin native
printf "$format" planted breaks 'found by' schedules s stress
for name in $(names); do
	case " ${PLANTED:-$name} " in
	*" $name "*) row "$name" ;;
	esac
done

# a broken explorer finds everything, too
rm -rf "$scratch/lib"
cp -r "$srcdir/lib" "$scratch/lib"
build explore "$scratch/explore" $EXPLORE_OBJECTS || broken "it does not link"
full_limit=$LIMIT
LIMIT=$((LIMIT < 10 ? LIMIT : 10))
explore
if [ "$status" -ne 0 ]; then
	tail -n 3 "$scratch/explored" | sed 's/^/    /'
	wrong "the explorer fails without a planted bug"
fi
for name in $missed; do
	wrong "the explorer has missed $name in $full_limit s"
done
[ "$planted" -gt 0 ] || wrong "nothing was planted"
printf '%d planted, %d found by the explorer, which cannot see %d, %d by stress\n' \
	$planted $found $hidden $by_stress
finish
