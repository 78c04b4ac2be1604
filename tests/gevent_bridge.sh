#!/bin/sh
# SPDX-License-Identifier: MIT
# gevent-bridge: greenlets, asyncio tasks and threads of Python, and workers in C,
# on the same queues.  It checks its results itself, and hangs if the hub is
# blocked where a greenlet waits, or if somebody is not told of a shutdown.
. "$(dirname "$0")/script.sh"

python=/usr/bin/python3 # the system's, for which python3-gevent is
module=$top_builddir/tools/programs/.libs/gevent_bridge.so
export PYTHONDONTWRITEBYTECODE=1

# skip WHY
skip()
{
	note "$1"
	exit 77
}

[ -z "$SANITIZER_FLAGS" ] || skip "a sanitizer cannot come into a running Python"
[ -f "$module" ] || skip "not built: no zlib, or no shared library"
"$python" -c 'import gevent, os; os.eventfd' 2>/dev/null ||
	skip "no $python with gevent, or older than 3.10"

ends 0 "$python" "$srcdir/tools/programs/gevent_bridge.py" "$module" || finish
says '^[0-9]+ workers, ended by Python$'
says '^  [1-9][0-9]* results equal zlib.s, 0 discarded$'
says '^[0-9]+ workers, ended by C$'
for kind in greenlets tasks threads; do
	says "^  2 [+] 2 $kind  *put  *[1-9][0-9]*  got  *[1-9][0-9]*\$"
done
# Not judged: it depends on what else the machine does.
note "$(sed -n 's/^  \(greatest gap\)/\1/p' "$scratch/out" | paste -sd ';' -)"
finish
