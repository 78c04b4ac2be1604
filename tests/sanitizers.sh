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
. "$(dirname "$0")/build.sh"

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

# sanitized NAME COMPILER SANITIZERS
sanitized()
{
	build_and_check "$1" CC="$2" --enable-sanitizer="$3" --disable-bench-peers
}

flavour()
{
	case $1 in
	thread) sanitized "$1" gcc thread ;;
	thread-clang) sanitized "$1" clang thread ;;
	address) sanitized "$1" gcc address,undefined ;;
	address-clang) sanitized "$1" clang address,undefined ;;
	memcheck) memcheck ;;
	*) echo "there is no flavour $1"; return 2 ;;
	esac
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
		excerpt "$log"
	fi
done
exit $failed
