#!/bin/sh
# SPDX-License-Identifier: MIT
# drain-server, with many clients, and ended by SIGTERM at any moment.
# COQUEUE_TEST_SEED is the seed of the moments, COQUEUE_TEST_SCALE=10 takes ten
# times as many.
. "$(dirname "$0")/script.sh"

has python3 || { note "no python3 here: skipped"; exit 77; }
server=$top_builddir/tools/programs/drain-server
[ -x "$server" ] || give_up "no $server"
export PYTHONDONTWRITEBYTECODE=1
ends 0 python3 "$srcdir/tests/drain_server_client.py" "$server" &&
	cat "$scratch/out"
finish
