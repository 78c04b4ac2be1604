#!/bin/sh
# SPDX-License-Identifier: MIT
# The manual, installed: a page for each public name, with the header's
# prototypes; examples that compile and run; the options that the tools have.
#
# In section 3 a SYNOPSIS is made of .In, .Ft, .Fn, .Vt and .Fd: a .Fn after a
# .Ft is a function, one alone a macro, .Vt and .Fd are code.  A literal block of
# EXAMPLES is a whole C program in sections 3 and 7; a .Dl is a command in
# section 1.
. "$(dirname "$0")/script.sh"
unset MAKEFLAGS MFLAGS ARGP_HELP_FMT

pages=$srcdir/man
root=$scratch/root

# ---- pages and links --------------------------------------------------------

# The lines of section $2 of page $1.
section()
{
	awk -v wanted="$2" '
		/^\.Sh / { on = substr($0, 5) == wanted; next }
		on' "$1"
}

must "installing the manual" $MAKE -C "$top_builddir" \
	install-man install-data-hook DESTDIR="$root" || finish
man3=$(find "$root" -type d -name man3)
[ -d "$man3" ] || { wrong "no page of section 3 is installed"; finish; }
man=${man3%/man3}

# page_of NAME SECTION: the installed page, through its link; nothing: none.
page_of()
{
	[ -f "$man/man$2/$1.$2" ] || return
	target=$(sed -n 's/^\.so //p;q' "$man/man$2/$1.$2")
	echo "$man/${target:-man$2/$1.$2}"
}

awk '/^global:/ { on = 1; next } /^local:/ { on = 0 } on' \
	"$srcdir/lib/libcoqueue.map" | tr -d ' \t;' >"$scratch/symbols"
[ -s "$scratch/symbols" ] || give_up "found no symbols"
for name in $(cat "$scratch/symbols"); do
	page=$(page_of "$name" 3)
	if [ -z "$page" ]; then
		wrong "$name has no page"
	elif ! section "$page" NAME | grep -q "^\.Nm $name\( ,\)\{0,1\}\$"; then
		wrong "the page of $name, $page, does not name it"
	fi
done

# References to other pages of coqueue; those that are not installed with the
# library are the tools'.
for page in "$pages"/*.[137]; do
	sed -n 's/^\.Xr \(coqueue[^ ]*\) \([0-9]\).*/\1 \2/p' "$page" |
		sort -u >"$scratch/references"
	while read -r name number; do
		[ -f "$pages/$name.$number" ] && continue
		[ -n "$(page_of "$name" "$number")" ] ||
			wrong "$(basename "$page") refers to $name($number)," \
				"which there is not"
	done <"$scratch/references"
done

# ---- synopses ---------------------------------------------------------------

# The SYNOPSIS of page $1 as C.
synopsis()
{
	section "$1" SYNOPSIS | awk '
	function text(s)
	{
		gsub(/^"|"$/, "", s)
		return s
	}
	/^\.In / { print "#include <" $2 ">"; next }
	/^\.Ft / { type = text(substr($0, 5)); next }
	/^\.(Vt|Fd) / { print text(substr($0, 5)); next }
	/^\.Fn / {
		name = $2
		if (type == "") {
			print "#ifndef " name "\n#error " name "\n#endif"
			next
		}
		args = substr($0, 6 + length(name))
		gsub(/" "/, ", ", args)
		print type (type ~ /\*$/ ? "" : " ") name "(" text(args) ");"
		type = ""
		next
	}
	{ print "#error " $0 }'
}

for header in $(find "$srcdir/include" -name '*.h'); do
	without_comments "$header"
done | sed '/^[ \t]*#/d' | tr '\n' ' ' | tr ';' '\n' | grep COQUEUE_API |
	sed 's/COQUEUE_API //;s/[ \t]\{1,\}/ /g;s/^ //;s/.*} //;s/$/;/' |
	sort >"$scratch/declared"
for page in "$pages"/*.3; do
	{ echo 'typedef int T; /* of coqueue_define_typed.3 */'; synopsis "$page"; } \
		>"$scratch/synopsis.c"
	must "SYNOPSIS of $(basename "$page")" $CC -fsyntax-only -Wall -Wextra \
		-Werror -I "$srcdir/include" "$scratch/synopsis.c"
	sed -n '/^#/d;/^typedef/d;/[ *]coqueue_[a-z_]*[(;]/p' "$scratch/synopsis.c" \
		>>"$scratch/synopses"
done
sort -o "$scratch/synopses" "$scratch/synopses"
diff -u "$scratch/declared" "$scratch/synopses" ||
	wrong "the headers (-) and the manual (+) differ"

# Every other public name, too: types, constants, macros, fields.
for header in $(find "$srcdir/include" -name '*.h'); do
	without_comments "$header"
done | grep -o 'COQUEUE_[A-Z_]*\|coqueue_[a-z]*_t' | sort -u |
	grep -vx 'COQUEUE_\(H\|WAITER_H\|API\|MAY_BE_UNUSED\)' >"$scratch/names"
for name in $(cat "$scratch/names"); do
	grep -qw -- "$name" "$pages"/*.[37] || wrong "no page tells of $name"
done

# ---- examples ---------------------------------------------------------------

# example FILE: a program that compiles without a warning, and ends well.
example()
{
	must "building $1" "$top_builddir/libtool" --silent \
		--tag=CC --mode=link $CC $CFLAGS $SANITIZER_FLAGS $COVERAGE_FLAGS \
		-Wall -Wextra -Werror -pthread -I "$srcdir/include" \
		-o "${1%.c}" "$1" "$top_builddir/libcoqueue.la" || return
	if [ -n "$SANITIZER_FLAGS" ] && grep -q swapcontext "$1"; then
		note "$1 not run: sanitizers do not follow it from stack to stack"
		return
	fi
	must "running $1" timeout -k 5 60 "./${1%.c}"
}

cd "$scratch" || give_up "no $scratch"
ran=0
for page in "$pages"/*.[37]; do
	name=$(basename "$page" | tr . _)
	section "$page" EXAMPLES | sed 's/^\\&//;s/\\e/\\/g' | awk -v name="$name" '
		/^\.Bd -literal/ { file = name "_" ++n ".c"; next }
		/^\.Ed/ { file = ""; next }
		file { print > file }'
	[ -f "${name}_1.c" ] || wrong "$(basename "$page") has no example"
	for file in "${name}"_*.c; do
		[ -f "$file" ] || continue
		example "$file"
		ran=$((ran + 1))
	done
done
note "$ran examples"

# ---- tools ------------------------------------------------------------------

# Options as --help shows them: "-c, --consumers=N".
options_of_help()
{
	sed -n 's/^ \{2,6\}\(-.*\)/\1/p' "$1" |
		sed 's/^\(\(-., \)\{0,1\}--[^ ]*\).*/\1/'
}

# Options of a page's lists, in the same form.
options_of_page()
{
	sed -n 's/^\.It \(Fl .*\)/\1/p' "$1" |
		sed 's/ Ns Oo = Ns Ar \([^ ]*\) Oc/[=\1]/;s/ Ns = Ns Ar /=/
			s/Fl \(\\&\)\{0,1\}/-/g;s/ ,/,/'
}

for tool in coqueue-stress coqueue-bench; do
	page=$pages/$tool.1
	if [ ! -x "$top_builddir/$tool" ]; then
		note "$tool was not built: its page is not compared with it"
		continue
	fi
	[ -n "$(page_of $tool 1)" ] || wrong "$tool has no page"
	ends 0 "$top_builddir/$tool" --help || continue
	options_of_help "$scratch/out" | sort >help
	options_of_page "$page" | sort >options
	[ -s help ] || wrong "$tool --help shows no option"
	diff -u help options ||
		wrong "$tool --help (-) and its page (+) have other options"
	section "$page" EXAMPLES | sed -n "s/^\.Dl $tool//p" |
		grep -o -- ' --\{0,1\}[a-zA-Z-]*' | sort -u | tr -d ' ' >used
	[ -s used ] || wrong "$tool has no example"
	tr -s ',=[ ' '\n' <help >known
	for option in $(cat used); do
		grep -qxe "$option" known ||
			wrong "an example of $tool has $option, which there is not"
	done
done
if [ -x "$top_builddir/coqueue-stress" ]; then
	"$top_builddir/coqueue-stress" --help |
		sed -n '/^Scenarios/,/^$/s/^  \([a-z]*\) .*/\1/p' | sort >help
	section "$pages/coqueue-stress.1" DESCRIPTION |
		sed -n 's/^\.It Cm //p' | sort >scenarios
	diff -u help scenarios ||
		wrong "coqueue-stress --help (-) and its page (+) have other scenarios"
fi

# ---- form -------------------------------------------------------------------

# Which pages of others there are depends on the machine; those of coqueue were
# looked for above.
if has mandoc; then
	MANPATH=$scratch mandoc -Tlint -W style "$pages"/*.[137] 2>&1 |
		grep -v 'referenced manual not found' >lint
	[ ! -s lint ] || { wrong "mandoc has something to say"; cat lint; }
else
	note "no mandoc here: the form of the pages is not checked"
fi

# What man(1) uses on most systems, and is narrower about tables.
if has groff; then
	for page in "$pages"/*.[137]; do
		groff -ww -mdoc -Tutf8 "$page" 2>>warnings >/dev/null
	done
	[ ! -s warnings ] || { wrong "groff has something to say"; cat warnings; }
else
	note "no groff here: not tried"
fi

must "uninstalling the manual" $MAKE -C "$top_builddir" \
	uninstall-man uninstall-hook DESTDIR="$root"
left=$(find "$root" -type f -o -type l)
[ -z "$left" ] || wrong "uninstall leaves behind: $left"
finish
