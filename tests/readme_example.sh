#!/bin/sh
# SPDX-License-Identifier: MIT
# The example in README: its first ```c block compiles without a warning and
# prints what the next ``` block after the word "prints" says.
. "$(dirname "$0")/script.sh"

awk -v code="$scratch/example.c" -v output="$scratch/expected" '
	/^```/ && to { close(to); to = ""; seen++; next }
	/^```c$/ && seen == 0 { to = code; next }
	/^```/ && seen == 1 && prints { to = output; next }
	/^```/ { skipping = !skipping; next }
	to { print > to; next }
	seen == 1 && !skipping && /prints/ { prints = 1 }
' "$srcdir/README"
[ -s "$scratch/example.c" ] || { wrong "README has no C example"; finish; }
[ -s "$scratch/expected" ] ||
	{ wrong "README does not say what the example prints"; finish; }

cd "$scratch" || give_up "no $scratch"
must "building the example" "$top_builddir/libtool" --silent --tag=CC \
	--mode=link $CC $CFLAGS $SANITIZER_FLAGS $COVERAGE_FLAGS \
	-std=c11 -Wall -Wextra -Werror -pthread -I "$srcdir/include" \
	-o example example.c "$top_builddir/libcoqueue.la" || finish
timeout -k 5 60 ./example >printed || wrong "the example ended with $?"
diff -u expected printed || wrong "it does not print what README says"
finish
