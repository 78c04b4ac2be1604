#!/bin/sh
# SPDX-License-Identifier: MIT
# What the libraries export is what the header declares and what the version
# script lists, and they need nothing but libc, liburcu-bp and the compiler's
# own runtime.
. "$(dirname "$0")/script.sh"

map=$srcdir/lib/libcoqueue.map

# from_la VARIABLE: what libtool wrote into libcoqueue.la.
from_la()
{
	sed -n "s/^$1='\(.*\)'$/\1/p" "$top_builddir/libcoqueue.la"
}

# same NAME FILE NAME FILE: wrong unless the two lists of names are equal.
same()
{
	for name in $(comm -23 "$2" "$4"); do
		wrong "$name is in $1 and not in $3"
	done
	for name in $(comm -13 "$2" "$4"); do
		wrong "$name is in $3 and not in $1"
	done
}

# The lists.
awk '/^global:/ { on = 1; next } /^local:/ { on = 0 } on' "$map" |
	tr -d ' \t;' | sort >"$scratch/map"
[ -s "$scratch/map" ] || give_up "found no names in $map"

for header in $(find "$srcdir/include" -name '*.h'); do
	without_comments "$header"
done | sed '/^[ \t]*#/d' | tr '\n' ' ' | tr ';' '\n' |
	sed -n '/COQUEUE_API/{s/.*COQUEUE_API//;s/(.*//;s/.*[^A-Za-z0-9_]\([A-Za-z0-9_]\{1,\}\) *$/\1/;p;}' |
	sort >"$scratch/header"
same "the header" "$scratch/header" "the version script" "$scratch/map"

# The shared library.
shared=$top_builddir/.libs/$(from_la dlname)
if [ -n "$(from_la dlname)" ]; then
	$NM -D --defined-only "$shared" >"$scratch/nm" ||
		give_up "$NM does not read $shared"
	awk '$2 != "A" { sub(/@.*/, "", $3); print $3 }' "$scratch/nm" |
		sort >"$scratch/shared"
	same "libcoqueue.so" "$scratch/shared" "the version script" \
		"$scratch/map"

	# Weak references ("w") may stay open; versions tell whose a name is,
	# but a sanitizer's runtime takes over names without one.
	if [ -n "$SANITIZER_FLAGS" ]; then
		note "sanitized: what the library needs is not looked at"
	else
		$NM -D --undefined-only "$shared" | awk '
			$1 == "w" || $2 ~ /@(GLIBC|GCC)_/ || $2 ~ /^urcu_/ {
				next
			}
			{ print $2 }' >"$scratch/open"
		for name in $(cat "$scratch/open"); do
			wrong "libcoqueue.so needs $name," \
				"from neither libc nor liburcu"
		done
	fi
else
	note "no shared library in this build"
fi

# The static library.  A program that links it shares one name space with us.
# (_.stapsdt.base, of <sys/sdt.h>, is hidden and the same in all.)
static=$top_builddir/.libs/$(from_la old_library)
if [ -n "$(from_la old_library)" ]; then
	$NM -g --defined-only "$static" >"$scratch/nm" ||
		give_up "$NM does not read $static"
	awk 'NF == 3 && $3 !~ /^(coqueue_|__odr_asan|DW\.ref\.|_\.stapsdt\.base$)/ { print $3 }' \
		"$scratch/nm" | sort -u >"$scratch/foreign"
	for name in $(cat "$scratch/foreign"); do
		wrong "libcoqueue.a defines the global name $name"
	done
	awk 'NF == 3 { print $3 }' "$scratch/nm" | sort >"$scratch/static"
	for name in $(comm -13 "$scratch/static" "$scratch/map"); do
		wrong "libcoqueue.a lacks $name"
	done
else
	note "no static library in this build"
fi
finish
