#!/bin/sh
# SPDX-License-Identifier: MIT
# The example in README: its first ```c block compiles without a warning, as C and
# as C++, and prints what the next ``` block after the word "prints" says.
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
# builds NAME TAG COMPILER FLAG...: and runs it.
builds()
{
	name=$1 tag=$2
	shift 2
	must "building the example: $name" "$top_builddir/libtool" --silent \
		--tag="$tag" --mode=link "$@" $CFLAGS $SANITIZER_FLAGS \
		$COVERAGE_FLAGS -Wall -Wextra -Werror -pthread \
		-I "$srcdir/include" -o "$name" "$top_builddir/libcoqueue.la" ||
		return
	timeout -k 5 60 "./$name" >printed || wrong "$name ended with $?"
	diff -u expected printed || wrong "$name does not print what README says"
}

cp example.c example.cc
builds as_c CC $CC -std=c11 example.c
if has "${CXX%% *}"; then
	builds as_cxx CXX $CXX -std=c++11 example.cc
else
	note "no C++ compiler"
fi
finish
