#!/bin/sh
# SPDX-License-Identifier: MIT
# What is installed, and a program that knows nothing but pkg-config: as C and as
# C++, position independent and not, linked with the shared and with the static
# library.  Then nothing is left after "make uninstall".
. "$(dirname "$0")/installing.sh"

shared_flags="$($PKG_CONFIG --cflags --libs coqueue)"
static_flags="$($PKG_CONFIG --static --cflags --libs coqueue)"

# build_and_run NAME COMPILER FLAG...: the program, within a minute.
build_and_run()
{
	name=$1
	compile="$2 -Wall -Wextra -Werror -pthread $instrument"
	shift 2
	must "building $name" $compile -o "$scratch/$name" $language \
		"$srcdir/tests/installed.c" -x none "$@" || return
	must "running $name" env LD_LIBRARY_PATH="$libdir" \
		timeout -k 5 60 "$scratch/$name"
	runs=$((runs + 1))
}

# needs NAME LIBRARY: whether what was built asks for a shared library.
needs()
{
	readelf -d "$1" | grep -q "NEEDED.*\[$2"
}

# is_linked NAME shared|static
is_linked()
{
	[ -f "$scratch/$1" ] || return
	if needs "$scratch/$1" libcoqueue; then
		linked=shared
	else
		linked=static
	fi
	[ $linked = "$2" ] || wrong "$1 is linked with the $linked library"
}

every_way()
{
	if [ -f "$libdir/libcoqueue.so" ]; then
		build_and_run "$1-shared" "$2" $shared_flags
		is_linked "$1-shared" shared
		build_and_run "$1-no-pie" "$2" -fno-pie -no-pie $shared_flags
		is_linked "$1-no-pie" shared
	fi
	if [ -f "$libdir/libcoqueue.a" ]; then
		build_and_run "$1-static" "$2" $(echo "$static_flags" |
			sed 's/-lcoqueue/-l:libcoqueue.a/')
		is_linked "$1-static" static
		[ -n "$SANITIZER_FLAGS" ] ||
			build_and_run "$1-all-static" "$2" -static $static_flags
	fi
}

shared=$libdir/libcoqueue.so
if [ -f "$shared" ]; then
	readelf -d "$shared" | grep -q 'FLAGS_1.*NODELETE' ||
		wrong "libcoqueue.so can be unloaded: no NODELETE flag"
	needs "$shared" liburcu-bp ||
		wrong "libcoqueue.so does not ask for liburcu-bp"
fi
runs=0
language='-x c -std=c11'
every_way c "$CC"
if has "${CXX%% *}"; then
	language='-x c++ -std=c++11'
	every_way c++ "$CXX"
else
	note "no $CXX here: C++ not tried"
fi
note "$runs programs ran"
[ $runs -gt 0 ] || wrong "no library is installed in $libdir"

# The tools, where there are any.
for tool in "$bindir/coqueue-stress" "$bindir/coqueue-bench"; do
	[ -f "$tool" ] || continue
	must "running $tool" env LD_LIBRARY_PATH="$libdir" "$tool" --version &&
		grep -q " $($PKG_CONFIG --modversion coqueue)" must.out ||
		wrong "$tool tells another version: $(cat must.out)"
done

if [ "${1-}" != installed ]; then
	must "make uninstall" $MAKE -C "$top_builddir" uninstall DESTDIR="$root"
	left=$(find "$root" -type f -o -type l)
	[ -z "$left" ] || wrong "left after make uninstall: $left"
fi
finish
