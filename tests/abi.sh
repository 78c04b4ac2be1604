#!/bin/sh
# SPDX-License-Identifier: MIT
# The binary interface of the library that is built here, beside that of each
# release in lib/abi/ with the same soname: what is not an addition fails.  Structs
# that begin with their size may get longer.
# "make abi-dump" writes it to a file, for a release:
#
#   tests/abi.sh [FILE]
#
# It is the public headers' alone, without names of files and lines, so that the
# same interface is the same file.  abidw and abidiff are of abigail-tools.
. "$(dirname "$0")/script.sh"

has abidw || { note "no abidw here: nothing is compared"; exit 77; }
[ -z "$SANITIZER_FLAGS$COVERAGE_FLAGS" ] || {
	note "a sanitized or counting build is no release: nothing is compared"
	exit 77
}
echo | $CC -dM -E - | grep -q __clang__ && {
	note "clang describes types in its own way: nothing is compared"
	exit 77
}
library=$(find "$top_builddir/.libs" -name 'libcoqueue.so.*' -type f)
[ -n "$library" ] || { note "no shared library in this build"; exit 77; }
readelf -S "$library" | grep -q '[.]debug_info' ||
	give_up "$library has no debug information: it needs CFLAGS with -g"

now=$scratch/now.abi
abidw --headers-dir "$srcdir/include" --drop-private-types \
	--exported-interfaces-only --drop-undefined-syms --no-corpus-path \
	--no-show-locs --no-comp-dir-path --no-elf-needed \
	--out-file "$now" "$library" 2>"$scratch/errors" ||
	give_up "abidw: $(cat "$scratch/errors")"
sed -i "s, path='[^']*/lib/, path='lib/," "$now"
if [ $# -gt 0 ]; then
	cp "$now" "$1" || give_up "cannot write $1"
	exit
fi

# attribute NAME FILE: of the whole interface.
attribute()
{
	sed -n "s/^<abi-corpus .*\\<$1='\\([^']*\\)'.*/\\1/p" "$2"
}

# as_known KEPT NOW: NOW as programs of KEPT know it: structs that begin with their
# size are as long as they were.
as_known()
{
	awk -F"'" '
	/<class-decl / {
		name = $2
		match($0, /size-in-bits=.[0-9]+/)
		bits = substr($0, RSTART + 14, RLENGTH - 14) + 0
		members = 0
	}
	FNR == NR {
		if (/<var-decl / && members++ == 0 && $2 == "size")
			known[name] = bits
		next
	}
	/<\/class-decl>/ { name = "" }
	!(name in known) || bits <= known[name] { print; next }
	/<class-decl / {
		sub("size-in-bits=." bits, "size-in-bits=\047" known[name])
	}
	/<data-member / { new = $4 + 0 >= known[name] }
	!new
	/<\/data-member>/ { new = 0 }' "$1" "$2"
}

compared=0
for kept in "$srcdir"/lib/abi/*.abi; do
	release=$(basename "$kept" .abi)
	[ "$(attribute soname "$kept")" = "$(attribute soname "$now")" ] || {
		note "$release has another soname: not compared"
		continue
	}
	[ "$(attribute architecture "$kept")" = \
		"$(attribute architecture "$now")" ] || {
		note "$release is for another architecture: not compared"
		continue
	}
	compared=$((compared + 1))
	abidiff --harmless --redundant "$kept" "$now" >"$scratch/all"
	as_known "$kept" "$now" >"$scratch/known.abi"
	if abidiff --harmless --redundant --no-added-syms "$kept" \
		"$scratch/known.abi" >"$scratch/changes" 2>&1; then
		note "$release: nothing that its programs know has changed"
	else
		wrong "$release: programs built with it may break"
	fi
	sed 's/^/    /' "$scratch/all"
done
[ $compared -gt 0 ] || { note "no release to compare with"; exit 77; }
finish
