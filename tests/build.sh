# SPDX-License-Identifier: MIT
# Read by the scripts that make builds of their own.  COQUEUE_BUILDS is a
# directory for them, which is left behind; without it they are removed.
set -u
export LC_ALL=C

srcdir=$(cd "$(dirname "$0")/.." && pwd) || exit 99
: "${MAKE:=make}" "${JOBS:=$(nproc)}"
: "${CHECK:=check}" # or check-behaviour: what another sort of build may change
# From "make" come variables that say how its own tree was built.
unset CFLAGS CPPFLAGS LDFLAGS MAKEFLAGS MAKELEVEL MFLAGS

if [ -z "${COQUEUE_BUILDS:-}" ]; then
	COQUEUE_BUILDS=$(mktemp -d "${TMPDIR:-/tmp}/coqueue-builds.XXXXXX") ||
		exit 99
	trap 'rm -rf "$COQUEUE_BUILDS"' EXIT
	trap 'exit 99' HUP INT TERM
fi
mkdir -p "$COQUEUE_BUILDS" && COQUEUE_BUILDS=$(cd "$COQUEUE_BUILDS" && pwd) ||
	exit 99

# build NAME CONFIGURE-ARGUMENT...: in a directory of that name, where it stays.
build()
{
	mkdir -p "$COQUEUE_BUILDS/$1" && cd "$COQUEUE_BUILDS/$1" && shift &&
		"$srcdir/configure" --enable-werror "$@" && $MAKE -j "$JOBS"
}

# build_and_check NAME CONFIGURE-ARGUMENT...: more tests at a time than there are
# processors, since most of them wait, mostly.
build_and_check()
{
	build "$@" && VERBOSE=1 $MAKE -j $((2 * JOBS)) "$CHECK"
}

# excerpt LOG: the names of failed tests first, then where it ended.
excerpt()
{
	{
		grep -E '^(FAIL|ERROR|XPASS): ' "$1" || :
		tail -n 60 "$1"
	} | sed 's/^/    /'
}
