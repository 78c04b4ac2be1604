# SPDX-License-Identifier: MIT
# Read by the tests that look at what is installed.  With the argument "installed"
# that is what "make install" has put below $DESTDIR, for "make installcheck";
# coqueue.pc is in $pkgconfigdir there, or where pkg-config always looks.  Without
# it they install into a directory of their own, $root.  Then pkg-config knows
# coqueue, whose libraries are in $libdir and tools in $bindir.
. "$(dirname "$0")/script.sh"
: "${DESTDIR:=}" "${pkgconfigdir:=}"

unset MAKEFLAGS MFLAGS
if [ "${1-}" = installed ]; then
	root=$DESTDIR
else
	root=$scratch/root
	must "make install" $MAKE -C "$top_builddir" install DESTDIR="$root" ||
		finish
	pkgconfigdir=$(dirname "$(find "$root" -name coqueue.pc)")
	pkgconfigdir=${pkgconfigdir#"$root"}
fi
# Below $root is coqueue alone: its paths get longer, those of others do not.
mkdir "$scratch/pkgconfig" || give_up "no $scratch/pkgconfig"
if [ -n "$pkgconfigdir" ]; then
	sed "s,^\([a-z_]*\)=/,\1=$root/," "$root$pkgconfigdir/coqueue.pc" \
		>"$scratch/pkgconfig/coqueue.pc" ||
		give_up "no coqueue.pc in $root$pkgconfigdir"
fi
PKG_CONFIG_PATH=$scratch/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}
export PKG_CONFIG_PATH
must "pkg-config" $PKG_CONFIG --print-errors --exists coqueue || finish

libdir=$($PKG_CONFIG --variable=libdir coqueue)
bindir=$($PKG_CONFIG --variable=exec_prefix coqueue)/bin
instrument="$SANITIZER_FLAGS $COVERAGE_FLAGS"
cd "$scratch" || give_up "no $scratch"
