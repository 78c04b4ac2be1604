#!/bin/sh
# SPDX-License-Identifier: MIT
# debian/, from the tarball of "make dist" to packages that were installed, used and
# removed: "make check-debian".  Nothing of it touches this machine: dpkg installs
# into a directory, with a copy of what it knows to be installed here, by which it
# judges what the packages depend on.
. "$(dirname "$0")/script.sh"
: "${JOBS:=1}"

for tool in dpkg-buildpackage dh lintian; do
	has $tool || { note "no $tool here: no packages"; exit 77; }
done
# They say how this tree was built, and where; the packages are built their way.
unset CFLAGS CPPFLAGS LDFLAGS MAKEFLAGS MAKELEVEL MFLAGS DESTDIR
unset SANITIZER_FLAGS COVERAGE_FLAGS CC
PATH=$PATH:/usr/sbin:/sbin

cd "$scratch" || give_up "no $scratch"
must "make dist" $MAKE -C "$top_builddir" dist || finish
mv "$top_builddir"/coqueue-*.tar.xz . || give_up "make dist has made no tarball"
name=$(basename coqueue-*.tar.xz .tar.xz)
tar xf "$name.tar.xz" || give_up "tar cannot read it"
cd "$name" || give_up "no directory $name in the tarball"

version=$(dpkg-parsechangelog -S Version)
[ "$version" = "${name#coqueue-}" ] ||
	wrong "debian/changelog is about $version, not ${name#coqueue-}"
dpkg-checkbuilddeps 2>missing || { note "$(cat missing)"; exit 77; }
must "dpkg-buildpackage" env DEB_BUILD_OPTIONS="parallel=$JOBS" \
	dpkg-buildpackage --no-sign || finish
cd ..

must "lintian" lintian --fail-on error,warning --allow-root coqueue_*.changes

# dpkg_in_root ARGUMENT...
dpkg_in_root()
{
	dpkg --root="$scratch/root" --log=/dev/null --force-not-root \
		--force-script-chrootless --no-triggers "$@"
}

# installed_files: all but what dpkg keeps for itself.
installed_files()
{
	find root ! -type d ! -path 'root/var/lib/dpkg/*'
}

known=root/var/lib/dpkg
mkdir -p $known/info $known/updates $known/triggers &&
	cp /var/lib/dpkg/status $known &&
	cp /var/lib/dpkg/info/*.list $known/info || give_up "no /var/lib/dpkg"
[ ! -f /var/lib/dpkg/info/format ] ||
	cp /var/lib/dpkg/info/format $known/info
packages=$(sed -n 's/^Package: //p' "$name/debian/control")
must "dpkg --install" dpkg_in_root --install \
	$(for package in $packages; do echo "${package}"_*.deb; done) || finish

triplet=$(dpkg-architecture -q DEB_HOST_MULTIARCH)
must "debian/tests/outside-program" env DESTDIR="$scratch/root" \
	pkgconfigdir="/usr/lib/$triplet/pkgconfig" \
	"$name/debian/tests/outside-program"
sed 's/^/    /' must.out
must "coqueue-stress" env LD_LIBRARY_PATH="root/usr/lib/$triplet" \
	root/usr/bin/coqueue-stress --quiet --items 1000 all
installed_files | sed 's/^root/    /' | sort

must "dpkg --purge" dpkg_in_root --purge $packages
left=$(installed_files)
[ -z "$left" ] || wrong "left by dpkg --purge: $left"
finish
