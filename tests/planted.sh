#!/bin/sh
# SPDX-License-Identifier: MIT
# Does the schedule explorer notice when coqueue is broken?  Each file in
# tests/planted/ breaks lib/ in one place, as a competent engineer could, and
# says above the patch what is broken and which guarantee (G..) with it.  With
# each in turn, on a copy of lib/:
#
#   explorer   tests/explore --quick is to fail within LIMIT seconds (180);
#   stress     coqueue-stress plays all scenarios for STRESS_SECONDS (5; 0:
#              not at all): whether it fails, hangs or crashes, for comparison.
#
# "make check-planted" prints a table.  It fails when a patch does not apply or
# compile, when the explorer misses one, or fails without any.  PLANTED="name
# ..." chooses; the names are those of the files.
#
# The Makefile has built both programs and hands over their objects: here, only
# the files that a patch changes are compiled, all of them for a header.
. "$(dirname "$0")/script.sh"

: "${LIMIT:=180}" "${JOBS:=1}" "${STRESS_SECONDS:=5}" "${PLANTED:=}"
: "${COMPILE:?}" "${EXPLORE_FLAGS:?}" "${EXPLORE_OBJECTS:?}"
: "${NATIVE_FLAGS=}" "${STRESS_OBJECTS=}" "${NATIVE_LIBS=}"

# sources: the files of the library that a kind of build consists of.
sources()
{
	for file in "$srcdir"/lib/*.c; do
		name=${file##*/}
		case $1$name in
		explorercu.c | exploresync.c) ;; # explore_seam.h stands for them
		*) echo "${name%.c}" ;;
		esac
	done
}

# compile KIND LIB OBJECTS NAME...: of the library in LIB, each into OBJECTS.
compile()
{
	kind=$1 lib=$2 objects=$3
	shift 3
	if [ "$kind" = explore ]; then
		flags=$EXPLORE_FLAGS
	else
		flags=$NATIVE_FLAGS
	fi
	for name; do
		rm -f "$objects/$name.o"
		$COMPILE -I"$lib" -include "$lib/prefix.h" $flags -O1 -w \
			-c "$lib/$name.c" -o "$objects/$name.o" &
	done 2>>"$scratch/errors"
	wait
	for name; do
		[ -e "$objects/$name.o" ] || return
	done
}

# begin KIND: compile the whole library as it is, once.
begin()
{
	mkdir "$scratch/$1.o" &&
		compile "$1" "$srcdir/lib" "$scratch/$1.o" $(sources "$1") ||
		broken "lib/ does not compile"
}

# changed KIND: what must be compiled anew for the copy in $scratch/lib.
changed()
{
	if ls "$scratch/lib" | grep '\.h$' | while read -r header; do
		cmp -s "$srcdir/lib/$header" "$scratch/lib/$header" || echo yes
	done | grep -q yes; then
		sources "$1"
	else
		for name in $(sources "$1"); do
			cmp -s "$srcdir/lib/$name.c" "$scratch/lib/$name.c" ||
				echo "$name"
		done
	fi
}

# build KIND PROGRAM OBJECT...: link it with the broken library.
build()
{
	kind=$1 program=$2
	shift 2
	rm -rf "$scratch/objects" && cp -r "$scratch/$kind.o" "$scratch/objects" &&
		compile "$kind" "$scratch/lib" "$scratch/objects" \
			$(changed "$kind") || return
	$COMPILE -o "$program" "$@" "$scratch"/objects/*.o $NATIVE_LIBS \
		2>>"$scratch/errors"
}

# broken MESSAGE: the check itself does not work.
broken()
{
	[ ! -s "$scratch/errors" ] || sed 's/^/    /' "$scratch/errors"
	give_up "$1"
}

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

# plant NAME: break the copy.
plant()
{
	rm -rf "$scratch/lib" && cp -r "$srcdir/lib" "$scratch/lib" &&
		patch --quiet --force --fuzz=0 --no-backup-if-mismatch -p2 \
			-d "$scratch/lib" <"$srcdir/tests/planted/$1.patch" \
			>"$scratch/errors" 2>&1 &&
		[ -z "$(find "$scratch/lib" -name '*.rej')" ]
}

# row NAME: plant it, look for it, tell.
row()
{
	guarantee=$(sed -n '1s/^\(G[0-9]*\): .*/\1/p' \
		"$srcdir/tests/planted/$1.patch")
	[ "$guarantee" ] || broken "$1 does not say which guarantee it breaks"
	plant "$1" || broken "$1 does not apply"
	build explore "$scratch/explore" $EXPLORE_OBJECTS ||
		broken "$1 does not compile"
	explore
	stressed=-
	if [ "$STRESS_SECONDS" -gt 0 ]; then
		build native "$scratch/stress" $STRESS_OBJECTS ||
			broken "$1 does not compile"
		stress
	fi
	planted=$((planted + 1))
	if [ "$status" -eq 1 ] && [ "$scenario" ]; then
		found=$((found + 1))
	else
		scenario=MISSED schedules=-
		missed="$missed $1"
	fi
	printf "$format" "$1" "$guarantee" "$scenario" "$schedules" "$took" \
		"$stressed"
}

has patch || give_up "there is no patch program (Debian: package patch)"
planted=0 found=0 by_stress=0 missed=
: >"$scratch/errors"
# all of them, also when few are chosen: who changes lib/ renews them
for file in "$srcdir"/tests/planted/*.patch; do
	name=${file##*/}
	plant "${name%.patch}" || broken "${name%.patch} does not apply"
done
format='%-30s %-4s %-20s %10s %6s  %s\n'
begin explore
[ "$STRESS_SECONDS" -eq 0 ] || begin native
printf "$format" planted breaks 'found by' schedules s stress
for file in "$srcdir"/tests/planted/*.patch; do
	name=${file##*/}
	name=${name%.patch}
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
printf '%d planted, %d found by the explorer, %d by stress\n' \
	$planted $found $by_stress
finish
