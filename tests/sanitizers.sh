#!/bin/sh
# SPDX-License-Identifier: MIT
# The tests under sanitizers and valgrind, each in a build of its own ("make
# check-sanitizers"; or by hand: sh tests/sanitizers.sh thread memcheck).
# There are no suppressions: what rests on a grace period alone is told to
# ThreadSanitizer by lib/rcu.h.
#
#   thread, thread-clang     ThreadSanitizer
#   address, address-clang   AddressSanitizer with LeakSanitizer, and
#                            UndefinedBehaviorSanitizer
#   memcheck                 valgrind, on tests in one process each
#
# COQUEUE_BUILDS is a directory to build in, which is then left behind.
set -u
export LC_ALL=C

top=$(cd "$(dirname "$0")/.." && pwd) || exit 99
: "${MAKE:=make}" "${JOBS:=$(nproc)}"
if [ -z "${COQUEUE_BUILDS:-}" ]; then
	COQUEUE_BUILDS=$(mktemp -d "${TMPDIR:-/tmp}/coqueue-sanitizers.XXXXXX")
	[ -d "$COQUEUE_BUILDS" ] || exit 99
	trap 'rm -rf "$COQUEUE_BUILDS"' EXIT
	trap 'exit 99' HUP INT TERM
fi

# From "make" come variables that say how its own tree was built.
unset CFLAGS CXXFLAGS CPPFLAGS LDFLAGS MAKEFLAGS MAKELEVEL MFLAGS

# build FLAVOUR CONFIGURE-ARGUMENT...: in a directory of that name.
build()
{
	mkdir -p "$COQUEUE_BUILDS/$1" && cd "$COQUEUE_BUILDS/$1" && shift &&
		"$top/configure" --enable-werror "$@" && $MAKE -j "$JOBS"
}

check()
{
	build "$@" && VERBOSE=1 $MAKE -j "$JOBS" check
}

# under_valgrind COMMAND...: an error is memory that was misused or leaked.
under_valgrind()
{
	echo "valgrind $*"
	timeout -k 5 600 ./libtool --mode=execute \
		valgrind --quiet --error-exitcode=1 --fair-sched=yes \
		--leak-check=full --errors-for-leak-kinds=definite,possible "$@"
}

# The tests that valgrind, which runs one thread at a time, does not make too
# long; and every scenario of coqueue-stress.
memcheck()
{
	build memcheck || return 1
	$MAKE -j "$JOBS" check TESTS= || return 1
	export CK_FORK=no COQUEUE_TEST_LIMIT=200
	for name in badinput bulk discard object peek task turmoil; do
		under_valgrind "tests/check_$name" || return 1
	done
	under_valgrind ./coqueue-stress --quiet --items 500 all
}

flavour()
{
	case $1 in
	thread) check "$1" CC=gcc --enable-sanitizer=thread ;;
	thread-clang) check "$1" CC=clang --enable-sanitizer=thread ;;
	address) check "$1" CC=gcc --enable-sanitizer=address,undefined ;;
	address-clang)
		check "$1" CC=clang --enable-sanitizer=address,undefined ;;
	memcheck) memcheck ;;
	*) echo "there is no flavour $1"; return 2 ;;
	esac
}

# In the log: the names of failed tests first, then where it ended.
excerpt()
{
	grep -E '^(FAIL|ERROR|XPASS): ' "$1"
	tail -n 60 "$1"
}

[ $# -gt 0 ] || set -- thread thread-clang address address-clang memcheck
failed=0
for flavour; do
	begun=$(date +%s) verdict=ok
	log=$COQUEUE_BUILDS/$flavour.log
	(flavour "$flavour") >"$log" 2>&1 || verdict=FAILED
	printf '%-14s %s, %d s\n' "$flavour" "$verdict" \
		$(($(date +%s) - begun))
	if [ $verdict = FAILED ]; then
		failed=1
		excerpt "$log" | sed 's/^/    /'
	fi
done
exit $failed
