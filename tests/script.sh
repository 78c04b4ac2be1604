# SPDX-License-Identifier: MIT
# Read by the test scripts: where the trees are, a directory for scratch files
# and how a test says what is wrong.  "make check" exports the variables; by
# hand, run a script in the build tree: sh ../tests/symbols.sh
set -u
export LC_ALL=C

srcdir=$(cd "${srcdir:-$(dirname "$0")/..}" && pwd) || exit 99
top_builddir=$(cd "${top_builddir:-.}" && pwd) || exit 99
: "${CC:=cc}" "${CFLAGS:=}" "${URCU_CFLAGS:=}"
: "${SANITIZER_FLAGS:=}" "${COVERAGE_FLAGS:=}"
: "${MAKE:=make}" "${PKG_CONFIG:=pkg-config}" "${NM:=nm}"

# The compiler for C++ that goes with $CC and so with its sanitizers.
CXX=$(echo "$CC" | sed 's/gcc/g++/;s/clang/clang++/;s/^cc/c++/')

scratch=$(mktemp -d "${TMPDIR:-/tmp}/coqueue-test.XXXXXX") || exit 99
trap 'rm -rf "$scratch"' EXIT
trap 'exit 99' HUP INT TERM

errors=0

# wrong MESSAGE: the test fails, and this is one of the reasons.
wrong()
{
	printf 'WRONG: %s\n' "$*"
	errors=$((errors + 1))
}

# note MESSAGE: something that the reader of the log should know.
note()
{
	printf 'note: %s\n' "$*"
}

# give_up MESSAGE: the test itself cannot go on (an automake hard error).
give_up()
{
	printf 'ERROR: %s\n' "$*"
	exit 99
}

# must WHAT COMMAND...: wrong, with the command's output, when it fails.
must()
{
	must_what=$1
	shift
	if ! "$@" >"$scratch/must.out" 2>&1; then
		wrong "$must_what: $*"
		sed 's/^/    /' "$scratch/must.out"
		return 1
	fi
}

# ends STATUS COMMAND...: wrong unless it ends with that, in a quarter of an hour; its
# output is in $scratch/out and $scratch/err.
ends()
{
	expected=$1
	shift
	timeout -k 5 900 "$@" >"$scratch/out" 2>"$scratch/err"
	got=$?
	[ $got -eq "$expected" ] && return
	wrong "$* ended with $got, not $expected"
	tail -n 60 "$scratch/out" "$scratch/err" | sed 's/^/    /'
	return 1
}

# says REGEX: wrong unless a line of that output is like this.
says()
{
	grep -qE "$1" "$scratch/out" && return
	wrong "it does not say: $1"
	tail -n 60 "$scratch/out" | sed 's/^/    /'
	return 1
}

# has COMMAND: whether there is such a command.
has()
{
	command -v "$1" >/dev/null 2>&1
}

# without_comments FILE [strings]: the file with its comments, and with
# "strings" the text between double quotes too, blanked out; lines stay lines.
without_comments()
{
	awk -v strings="${2:-}" '
	{
		out = ""
		n = length($0)
		quote = ""
		for (i = 1; i <= n; i++) {
			two = substr($0, i, 2)
			c = substr($0, i, 1)
			if (comment) {
				if (two == "*/") {
					comment = 0
					i++
				}
			} else if (quote != "") {
				if (c == "\\") {
					i++
					c = two
				} else if (c == quote) {
					quote = ""
				}
				if (strings == "" || quote == "")
					out = out c
			} else if (two == "/*") {
				comment = 1
				out = out " "
				i++
			} else if (two == "//") {
				break
			} else {
				if (c == "\"" || c == "\047")
					quote = c
				out = out c
			}
		}
		print out
	}' "$1"
}

# finish: the verdict.
finish()
{
	if [ "$errors" -ne 0 ]; then
		printf '%s: %d wrong\n' "$(basename "$0")" "$errors"
		exit 1
	fi
	exit 0
}
