# SPDX-License-Identifier: MIT
# Read by planted.sh and rules.sh: lib/ broken by a file in tests/planted/.  The
# Makefile hands over how to compile; only what a patch changes is compiled anew,
# all of lib/ for a header.  A patch stands below a sentence that says what is
# broken, after the guarantees (G..), rules (R..) and edge cases (E..) that it
# breaks:
#
#     G10, R6, E67: Disarm takes the node out of the line, and does not ...
#
# "Explorer: cannot see it, because ..." at the beginning of a line excuses the
# explorer, which need not find it.
. "$(dirname "$0")/script.sh"

: "${COMPILE:?}" "${EXPLORE_FLAGS=}" "${NATIVE_FLAGS=}" "${NATIVE_LIBS=}"

# sources: the files of the library that a kind of build consists of.
sources()
{
	for file in "$srcdir"/lib/*.c; do
		name=${file##*/}
		case $1$name in
		explorercu.c | exploresync.c) ;; # explore_seam.h stands for them
		*) echo "${name%.c}" ;;
		esac
	done
}

# compile KIND LIB OBJECTS NAME...: of the library in LIB, each into OBJECTS.
compile()
{
	kind=$1 lib=$2 objects=$3
	shift 3
	if [ "$kind" = explore ]; then
		flags=$EXPLORE_FLAGS
	else
		flags=$NATIVE_FLAGS
	fi
	for name; do
		rm -f "$objects/$name.o"
		$COMPILE -I"$lib" -include "$lib/prefix.h" $flags -O1 -w \
			-c "$lib/$name.c" -o "$objects/$name.o" &
	done 2>>"$scratch/errors"
	wait
	for name; do
		[ -e "$objects/$name.o" ] || return
	done
}

# begin KIND: compile the whole library as it is, once.
begin()
{
	mkdir "$scratch/$1.o" &&
		compile "$1" "$srcdir/lib" "$scratch/$1.o" $(sources "$1") ||
		broken "lib/ does not compile"
}

# changed KIND: what must be compiled anew for the copy in $scratch/lib.
changed()
{
	if ls "$scratch/lib" | grep '\.h$' | while read -r header; do
		cmp -s "$srcdir/lib/$header" "$scratch/lib/$header" || echo yes
	done | grep -q yes; then
		sources "$1"
	else
		for name in $(sources "$1"); do
			cmp -s "$srcdir/lib/$name.c" "$scratch/lib/$name.c" ||
				echo "$name"
		done
	fi
}

# build KIND PROGRAM OBJECT...: link it with the broken library.
build()
{
	kind=$1 program=$2
	shift 2
	rm -rf "$scratch/objects" && cp -r "$scratch/$kind.o" "$scratch/objects" &&
		compile "$kind" "$scratch/lib" "$scratch/objects" \
			$(changed "$kind") || return
	$COMPILE -o "$program" "$@" "$scratch"/objects/*.o $NATIVE_LIBS \
		2>>"$scratch/errors"
}

# broken MESSAGE: the check itself does not work.
broken()
{
	[ ! -s "$scratch/errors" ] || sed 's/^/    /' "$scratch/errors"
	give_up "$1"
}

# plant NAME: break the copy.
plant()
{
	rm -rf "$scratch/lib" && cp -r "$srcdir/lib" "$scratch/lib" &&
		patch --quiet --force --fuzz=0 --no-backup-if-mismatch -p2 \
			-d "$scratch/lib" <"$srcdir/tests/planted/$1.patch" \
			>"$scratch/errors" 2>&1 &&
		[ -z "$(find "$scratch/lib" -name '*.rej')" ]
}

# names: those of all planted bugs.
names()
{
	for file in "$srcdir"/tests/planted/*.patch; do
		name=${file##*/}
		echo "${name%.patch}"
	done
}

# breaks NAME: what that one breaks, "G10, R6, E67".
breaks()
{
	sed -nE '1s/^([GRE][0-9]+(, [GRE][0-9]+)*): .*/\1/p' \
		"$srcdir/tests/planted/$1.patch"
}

# is_hidden NAME: whether the explorer cannot see it.
is_hidden()
{
	grep -q '^Explorer: cannot see it, because ' \
		"$srcdir/tests/planted/$1.patch"
}

has patch || give_up "there is no patch program (Debian: package patch)"
: >"$scratch/errors"
