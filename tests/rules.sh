#!/bin/sh
# SPDX-License-Identifier: MIT
# Does the behaviour suite notice when a rule of waiters (R1 to R8) is broken, or
# what an edge case says of select, cancellation and coroutines (E60 to E77)?  For
# each there is a planted bug that names it (planting.sh), and with that a test
# with it in its name fails, crashes or hangs.
#
# "make check-rules" prints a table.  It fails when of a rule no bug is noticed so,
# or a test fails without one, too.  RULES="R6 E70" chooses.
# HACKING says why E76 has none.
. "$(dirname "$0")/planting.sh"

: "${RULES:=R1 R2 R3 R4 R5 R6 R7 R8 E60 E61 E62 E63 E64 E65 E66 E67 E68 E69 \
	E70 E71 E72 E73 E74 E75 E77}"
: "${LIMIT:=30}" "${SHARED_FLAGS:?}"

# tests_of RULE: the tests named after it, as "program test", one a line.
tests_of()
{
	for file in "$srcdir"/tests/check_*.c; do
		program=${file##*/}
		sed -nE "s/^([A-Z]+_)*TEST\((([A-Z0-9]+_)*$1_\w*).*/${program%.c} \2/p" \
			"$file"
	done
}

# bugs_of RULE: the planted bugs that name it.
bugs_of()
{
	grep -lE "^([GRE][0-9]+, )*$1(, [GRE][0-9]+)*: " \
		"$srcdir"/tests/planted/*.patch | sed 's,.*/,,;s,\.patch$,,'
}

# library NAME: the library with this bug (NAME -: with none), in a directory of
# that name.
library()
{
	[ ! -d "$scratch/with/$1" ] || return 0
	mkdir -p "$scratch/with/$1"
	if [ "$1" = - ]; then
		rm -rf "$scratch/lib" && cp -r "$srcdir/lib" "$scratch/lib"
	else
		plant "$1" || broken "$1 does not apply"
	fi
	build native "$scratch/with/$1/libcoqueue.so.0" $SHARED_FLAGS ||
		broken "$1 does not compile"
}

# passes NAME PROGRAM TEST: with the library that has this bug.
passes()
{
	{
		LD_LIBRARY_PATH=$scratch/with/$1 CK_FORK=no CK_RUN_CASE=$3 \
			COQUEUE_TEST_LIMIT=$((5 * patience)) \
			GLIBC_TUNABLES=glibc.malloc.perturb=165 \
			timeout -k 1 $((LIMIT * patience)) \
			"$top_builddir/tests/.libs/$2"
	} >"$scratch/tested" 2>&1 # and what the shell says of a crash
}

# notices NAME PROGRAM TEST: whether it does not pass with the bug, and passes
# without.  If it passes with neither, the machine may be slow.
notices()
{
	for patience in 1 6; do
		passes "$@" && return 1
		passes - "$2" "$3" && return
	done
	wrong "$3 fails without a planted bug"
	return 1
}

# notice NAME: sets test to the first of the rule's tests that notices the bug.
notice()
{
	while read -r program test; do
		! notices "$1" "$program" "$test" || return 0
	done <"$scratch/tests"
	test=- # a race, it may be, that the explorer sees
	return 1
}

[ -e "$top_builddir/tests/.libs/check_arm" ] ||
	give_up "there are no tests with a shared library (--disable-shared?)"
ulimit -c 0
begin native
library -
format='%-4s %-32s %s\n'
printf "$format" rule planted 'noticed by'
for rule in $RULES; do
	tests_of "$rule" >"$scratch/tests"
	noticed=
	for bug in $(bugs_of "$rule"); do
		library "$bug"
		! notice "$bug" || noticed=yes
		printf "$format" "$rule" "$bug" "$test"
	done
	[ "$noticed" ] || wrong "no test of $rule notices a bug that breaks it"
done
finish
