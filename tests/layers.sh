#!/bin/sh
# SPDX-License-Identifier: MIT
# Who may include whom, and which words a layer must not know; and that a queue
# to compare with is a small file.  A picture of the layers is in HACKING.
. "$(dirname "$0")/script.sh"

# Headers of lib/ that a file of lib/ may include, beside the one of its own
# name: the first row that fits the file holds.
GROUND='port.h list.h clock.h probe.h'
SEAM="sync.h rcu.h $GROUND"
PARTS="store.h store_*.h line.h wait.h wait_*.h spin.h backoff.h $SEAM"
may_include="
prefix.h port.h list.h clock.h probe.h clock.c :
sync.h sync.c rcu.h rcu.c                  : sync.h $GROUND
line.h backoff.h                           : $SEAM
store.h wait.h                             : line.h $SEAM
spin.h                                     : backoff.h $SEAM
store_*.h store_*.c                        : store.h spin.h $SEAM
wait.c wait_*.c wake.c                     : wait.h backoff.h $SEAM
queue.h                                    : $PARTS
queue.c call.c shutdown.c rendezvous.c resize.c task.c object.c stats.c arm.c select.c : queue.h $PARTS
"

# Words (extended regular expressions, whole words) that a file of lib/ must
# not contain, comments apart: in which files, with which exceptions.
THREADS='pthread_\w*|sched_yield|\w*nanosleep|usleep|syscall|futex'
ATOMICS='atomic_\w*|__atomic_\w*|__sync_\w*|memory_order\w*|stdatomic'
URCU='u?rcu_bp_\w*|urcu\w*|rcu_read_\w*|synchronize_rcu|call_rcu|cds_\w*|(cmm|CMM|caa|CAA)_\w*'
never="
*       : sync.h sync.c rcu.h rcu.c : $THREADS
*       : sync.h rcu.h       : $ATOMICS
*       : rcu.h rcu.c        : $URCU
*       : sync.c clock.c     : clock_\w*time
store_* :                    : memcpy|memmove
store*  :                    : wait\w*|\w*waiter\w*|line_\w*|shutdown\w*|\w*_SHUT|\w*_DRAINING|task\w*|join\w*|unfinished
wa[ik]* :                    : \w*item\w*|store\w*|ring\w*|slot\w*|shutdown\w*|\w*_SHUT|\w*_DRAINING
"

# matches FILE PATTERN...: whether one of the patterns fits the whole name.
matches()
{
	matched=$1
	shift
	set -f
	for pattern in $*; do
		case $matched in
		$pattern) set +f; return 0 ;;
		esac
	done
	set +f
	return 1
}

# The names in #include "..." and #include <...> of a file.
included()
{
	without_comments "$1" |
		sed -n 's/^[ \t]*#[ \t]*include[ \t]*[<"]\([^>"]*\)[>"].*/\1/p'
}

# rows TABLE: its lines, without empty ones.
rows()
{
	printf '%s\n' "$1" | sed '/^[ \t]*$/d'
}

# in_lib HEADER: whether it is one of lib/, found there or by way of the tree.
in_lib()
{
	case $1 in
	*/lib/* | lib/*) return 0 ;;
	*) [ -f "$srcdir/lib/$1" ] ;;
	esac
}

# check_includes FILE: a file of lib/ against the first row that fits it.
check_includes()
{
	rows "$may_include" >"$scratch/rows"
	allowed=none
	while IFS=: read -r files headers; do
		if matches "$1" "$files"; then
			allowed="$headers ${1%.c}.h"
			break
		fi
	done <"$scratch/rows"
	if [ "$allowed" = none ]; then
		wrong "lib/$1 stands in no layer (may_include in layers.sh)"
		return
	fi
	for header in $(included "$srcdir/lib/$1"); do
		in_lib "$header" || continue
		matches "$header" "$allowed" ||
			wrong "lib/$1 includes $header"
	done
}

# check_words FILE: a file of lib/ against every row that fits it.
check_words()
{
	without_comments "$srcdir/lib/$1" strings >"$scratch/code"
	rows "$never" >"$scratch/rows"
	while IFS=: read -r files except words; do
		matches "$1" "$files" || continue
		! matches "$1" "$except" || continue
		words=$(printf '%s' "$words" | tr -d ' ')
		grep -nowE "$words" "$scratch/code" >"$scratch/found" || continue
		wrong "lib/$1 must not know the words"
		sed "s,^,    lib/$1:," "$scratch/found"
	done <"$scratch/rows"
}

# A row that fits no file says nothing: it is a slip of the pen, or old.
check_rows()
{
	rows "$may_include" >"$scratch/rows"
	set -f
	for pattern in $(sed 's/:.*//' "$scratch/rows"); do
		set +f
		ls "$srcdir"/lib/$pattern >/dev/null 2>&1 ||
			wrong "may_include names $pattern: no such file"
	done
	set +f
}

# An _Atomic field that is read or written as if it were a plain one is an
# access outside the seam; clang can tell.
check_plain_accesses()
{
	if ! has clang; then
		note "no clang here: plain accesses to atomics not looked for"
		return
	fi
	for file in "$srcdir"/lib/*.c; do
		must "plain access to an atomic" clang -std=gnu11 \
			-fsyntax-only -Werror=atomic-implicit-seq-cst \
			-I "$top_builddir" -I "$srcdir/include" $URCU_CFLAGS "$file"
	done
}

# check_adapters: of each queue that coqueue-bench compares with, in bench_tables.c,
# the file that defines it, and what has the same name in other languages.
ADAPTER_LINES=60
check_adapters()
{
	tools=$srcdir/tools
	adapters=
	sed -n 's/^QUEUE(\(.*\));$/\1/p' "$tools/bench_tables.c" |
		grep -vx coqueue >"$scratch/queues"
	[ -s "$scratch/queues" ] || wrong "no queues in tools/bench_tables.c"
	for queue in $(cat "$scratch/queues"); do
		file=$(grep -lE "^[A-Z_]+\($queue[,)]" "$tools"/bench_*.c \
			"$tools"/bench_*.cc | grep -v '/bench_tables\.c$')
		[ -f "$file" ] || wrong "not one file defines $queue: $file"
		file=${file##*/}
		adapters="$adapters ${file%.*}"
	done
	for adapter in $(printf '%s\n' $adapters | sort -u); do
		for file in "$tools/$adapter".*; do
			case $file in
			*.bin | *.jar | *.a) continue ;; # made of the others
			esac
			lines=$(wc -l <"$file")
			[ "$lines" -le $ADAPTER_LINES ] || wrong \
				"tools/${file##*/}: $lines lines, over $ADAPTER_LINES"
		done
	done
}

check_rows
check_plain_accesses
check_adapters
for file in "$srcdir"/lib/*.[ch]; do
	[ -f "$file" ] || give_up "no sources in $srcdir/lib"
	check_includes "$(basename "$file")"
	check_words "$(basename "$file")"
done

# Tools and tests know the public headers only, and tests those of tools.
for file in $(find "$srcdir/tools" "$srcdir/tests" -name '*.[ch]'); do
	for header in $(included "$file"); do
		case $file:$header in
		*/tests/*.[ch]:../tools/*) continue ;;
		*/explore_seam.h:port.h) continue ;; # it stands for sync.h
		*/check_rcu.c:urcu*) ;; # an application with RCU of its own
		*:urcu*) wrong "${file#"$srcdir"/} includes $header" ;;
		esac
		[ ! -f "${file%/*}/${header##*/}" ] || continue # its neighbour
		! in_lib "$header" ||
			wrong "${file#"$srcdir"/} includes $header of lib/"
	done
done
finish
