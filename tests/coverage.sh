#!/bin/sh
# SPDX-License-Identifier: MIT
# How much of lib/ "make check" reaches ("make check-coverage"), in a build of
# its own, without optimisation: all lines and functions, and 95 % of the
# branches.  Lines that coverage.txt explains may be missing.  Of branches it
# only tells which are not explained; gcc's for exceptions are not counted.
. "$(dirname "$0")/build.sh"

explained=$srcdir/tests/coverage.txt
log=$COQUEUE_BUILDS/coverage.log
out=$COQUEUE_BUILDS/coverage
errors=0

# wrong MESSAGE...
wrong()
{
	printf 'WRONG: %s\n' "$*"
	errors=$((errors + 1))
}

# report NAME OPTION...: gcovr's table, as coverage/NAME.txt.
report()
{
	name=$1
	shift
	gcovr --root "$srcdir" --object-directory "$out" --print-summary \
		--filter "$srcdir/lib/" --exclude-throw-branches "$@" \
		"$out/lib" \
		>"$out/$name.txt" 2>"$log" ||
		{ excerpt "$log"; exit 99; }
}

# missing NAME: FILE, LINE and text of what the table calls missing.
missing()
{
	awk '/^lib\// && $NF !~ /%$/ {
		n = split($NF, ranges, ",")
		for (i = 1; i <= n; i++) {
			if (split(ranges[i], ends, "-") == 1)
				ends[2] = ends[1]
			for (l = ends[1] + 0; l <= ends[2]; l++)
				print $1, l
		}
	}' "$out/$1.txt" |
	while read -r file line; do
		printf '%s %s %s\n' "$file" "$line" \
			"$(sed -n "${line}p" "$srcdir/$file")"
	done
}

# entries PROGRAM FILE...: awk, with the entries of coverage.txt at hand.
entries()
{
	program=$1
	shift
	awk -v explained="$explained" '
	BEGIN {
		while ((getline entry < explained) > 0)
			if (entry !~ /^#/ && split(entry, part, / \| /) == 3) {
				file[++n] = part[1]
				pattern[n] = part[2]
			}
	}
	function fits(i, name, text)
	{
		return (file[i] == "*" || file[i] == name) &&
			text ~ pattern[i]
	}
	'"$program" "$@"
}

# unexplained NAME: what is missing and fits no entry.
unexplained()
{
	missing "$1" | entries '{
		text = $0
		sub(/^[^ ]+ [^ ]+ /, "", text)
		for (i = 1; i <= n; i++)
			if (fits(i, $1, text))
				next
		print "    " $1 ":" $2 ":" text
	}'
}

# Entries that explain nothing any more, because the code has gone.
stale()
{
	cd "$srcdir" && entries '{
		for (i = 1; i <= n; i++)
			if (fits(i, FILENAME, $0))
				used[i] = 1
	}
	END {
		for (i = 1; i <= n; i++)
			if (!(i in used))
				print "    " file[i] " | " pattern[i]
	}' lib/*.[ch]
}

# percent WHAT: of gcovr's summary, in tenths.
percent()
{
	sed -n "s/^$1: \([0-9]*\)\.\([0-9]\)%.*/\1\2/p" "$out/branches.txt"
}

CHECK=check # whatever else is chosen, this is about all of it
unset CALLERS
(build_and_check coverage --enable-coverage --disable-bench-peers \
	CFLAGS='-O0 -g') >"$log" 2>&1 || {
	excerpt "$log"
	echo "make check fails in the build for coverage"
	exit 1
}
# The library as it is, not what else was made of the same sources (explore).
find "$out/lib" -name '*.gc??' ! -name 'libcoqueue_la-*' -exec rm {} +
report lines
report branches --branches
grep -E '^(lines|functions|branches): ' "$out/branches.txt"

lines=$(unexplained lines)
branches=$(unexplained branches)
stale=$(stale)
[ -z "$lines" ] || wrong "lines that are not reached:
$lines"
[ "$(percent functions)" = 1000 ] || wrong "functions that are not called"
[ "$(percent branches)" -ge 950 ] || wrong "less than 95 % of the branches"
[ -z "$branches" ] || printf 'branches that are not explained:\n%s\n' \
	"$branches"
[ -z "$stale" ] || wrong "coverage.txt: these fit no line:
$stale"
[ "$errors" -eq 0 ]
