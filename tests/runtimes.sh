#!/bin/sh
# SPDX-License-Identifier: MIT
# The examples in tests/runtimes/: coroutines and event loops of others on the
# same queue as threads.  Each is built as its users would build it, and run,
# where its runtime is here; COQUEUE_RUNTIMES_REQUIRED='uv gevent ...' names
# those that must be.  COQUEUE_TEST_SCALE=10 runs each ten times.
. "$(dirname "$0")/script.sh"
: "${COQUEUE_RUNTIMES_REQUIRED:=}" "${COQUEUE_TEST_SCALE:=1}"

examples=$srcdir/tests/runtimes
python=/usr/bin/python3 # the system's, for which python3-gevent is
shared=$top_builddir/.libs/libcoqueue.so
accounted=

# absent NAME [WHY]: its runtime is not here.
absent()
{
	printf '%s: not here: skipped%s\n' "$1" "${2:+ ($2)}"
}

# leave_out NAME WHY: nobody can require it of this build.
leave_out()
{
	printf '%s: skipped, %s\n' "$1" "$2"
	accounted="$accounted $1"
}

# run NAME COMMAND...: as often as wanted; 77 is "not here", too.
run()
{
	name=$1
	shift
	for round in $(seq "$COQUEUE_TEST_SCALE"); do
		timeout -k 5 60 "$@" >"$scratch/out" 2>"$scratch/err"
		status=$?
		if [ $status -eq 77 ]; then
			absent "$name" "$(cat "$scratch/err")"
			return
		fi
		accounted="$accounted $name"
		if [ $status -ne 0 ]; then
			wrong "$name ended with $status, round $round"
			tail -n 60 "$scratch/out" "$scratch/err" | sed 's/^/    /'
			return
		fi
		says "^$name: [0-9]+ items, shut down\$" || return
	done
	printf '%s: ok\n' "$name"
}

# example FILE HEADER FLAG...: here if a program with that header can be linked.
example()
{
	name=${1%.*}
	source=$examples/$1
	probe=$scratch/probe.${1##*.}
	case $1 in
	*.cc) tag=CXX build="$CXX -std=c++20 -O2" ;;
	*) tag=CC build="$CC -std=gnu11 $CFLAGS" ;;
	esac
	build="$build -pthread $SANITIZER_FLAGS $COVERAGE_FLAGS"
	warnings='-Wall -Wextra -Wno-unused-parameter -Werror'
	printf '#include <%s>\nint main(void)\n{\n}\n' "$2" >"$probe"
	shift 2
	if ! $build -o probe "$probe" "$@" >probe.out 2>&1; then
		absent "$name"
		return
	fi
	must "building $name" "$top_builddir/libtool" --silent --tag=$tag \
		--mode=link $build $warnings -I "$srcdir/include" \
		-o "$scratch/$name" "$source" "$top_builddir/libcoqueue.la" "$@" &&
		run "$name" "$scratch/$name"
}

# packaged_example FILE HEADER MODULE: with the flags that pkg-config knows.
packaged_example()
{
	if flags=$($PKG_CONFIG --cflags --libs "$3" 2>/dev/null); then
		example "$1" "$2" $flags
	else
		absent "${1%.*}"
	fi
}

# python_example NAME IMPORTS
python_example()
{
	if [ ! -f "$shared" ]; then
		leave_out "$1" "no shared library was built"
	elif ! "$python" -c "$2" >probe.out 2>&1; then
		absent "$1"
	else
		run "$1" env COQUEUE_LIBRARY="$shared" \
			PYTHONDONTWRITEBYTECODE=1 \
			"$python" "$examples/$1_queue.py"
	fi
}

cd "$scratch" || give_up "no $scratch"
example epoll.c sys/epoll.h
packaged_example uv.c uv.h libuv
packaged_example glib.c glib.h glib-2.0
packaged_example uring.c liburing.h liburing
example cxx20.cc coroutine
if [ -n "$SANITIZER_FLAGS" ]; then
	for name in fiber pth; do
		leave_out $name "sanitizers do not follow it from stack to stack"
	done
	for name in gevent asyncio; do
		leave_out $name "a sanitizer cannot come into a running Python"
	done
else
	example fiber.cc boost/fiber/all.hpp -lboost_fiber -lboost_context
	example pth.c pth.h -lpth
	python_example gevent "import gevent"
	python_example asyncio "import os; os.eventfd"
fi

for name in $COQUEUE_RUNTIMES_REQUIRED; do
	case "$accounted " in
	*" $name "*) ;;
	*) wrong "$name is required, and did not run" ;;
	esac
done
finish
