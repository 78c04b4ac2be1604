#!/bin/sh
# SPDX-License-Identifier: MIT
# A project of CMake's finds what is installed through FindPkgConfig.
. "$(dirname "$0")/installing.sh"

has cmake || { note "no cmake here"; exit 77; }
[ -f "$libdir/libcoqueue.so" ] || {
	note "static libraries alone: FindPkgConfig makes no target of those"
	exit 77
}
mkdir project || give_up "no $scratch/project"
cp "$srcdir/tests/installed.c" project || give_up "no tests/installed.c"
cat >project/CMakeLists.txt <<'LISTS'
cmake_minimum_required(VERSION 3.13)
project(outside C)

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(coqueue REQUIRED IMPORTED_TARGET coqueue)

add_executable(outside installed.c)
target_link_libraries(outside PRIVATE PkgConfig::coqueue Threads::Threads)
LISTS

# The compiler may be several words: CC="ccache gcc".
set -- $CC
compiler=$(IFS=';'; echo "$*")
if must "cmake" cmake -S project -B built -DCMAKE_C_COMPILER="$compiler" \
	-DCMAKE_C_FLAGS="$instrument"; then
	must "cmake --build" cmake --build built --verbose &&
		must "running it" env LD_LIBRARY_PATH="$libdir" \
			timeout -k 5 60 built/outside
fi
finish
