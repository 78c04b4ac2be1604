#!/bin/sh
# SPDX-License-Identifier: MIT
# The library where the system has no membarrier(2): publishers then have full
# fences of their own (lib/sync.h).
. "$(dirname "$0")/script.sh"

without=$top_builddir/tests/without_membarrier
"$without" true
case $? in
0) ;;
77) note "seccomp is not to be had"; exit 77 ;;
*) give_up "$without true fails" ;;
esac

for program in check_put_get check_wait check_kinds; do
	ends 0 "$without" "$top_builddir/tests/$program"
done
if [ -x "$top_builddir/coqueue-stress" ]; then
	ends 0 "$without" "$top_builddir/coqueue-stress" --items 20000 all
fi
finish
