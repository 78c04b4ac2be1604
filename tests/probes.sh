#!/bin/sh
# SPDX-License-Identifier: MIT
# The static probes (lib/probe.h): the library has those, and no others, and a
# debugger that stops at each finds what they say.
. "$(dirname "$0")/script.sh"

grep -q '^#define HAVE_SYS_SDT_H' "$top_builddir/config.h" ||
	{ note "no <sys/sdt.h> when it was built"; exit 77; }
lib=$top_builddir/.libs/libcoqueue.so
[ -f "$lib" ] || { note "no shared library in this build"; exit 77; }

sed -n '/^ \*   [a-z_]*  */s/^ \*   \([a-z_]*\) .*/\1/p' "$srcdir/lib/probe.h" |
	sort >"$scratch/documented"
readelf -n "$lib" | awk '/Provider:/ { ours = $2 == "coqueue" }
	/Name:/ && ours { print $2 }' | sort -u >"$scratch/there"
must "documented (<) and there (>)" \
	diff "$scratch/documented" "$scratch/there"
[ "$(wc -l <"$scratch/there")" -ge 6 ] || wrong "fewer than 6 probes"

program=$top_builddir/tests/probes
command -v gdb >/dev/null || { note "no gdb to stop at them"; finish; }
[ -z "$SANITIZER_FLAGS" ] || { note "no gdb under sanitizers"; finish; }
cat >"$scratch/commands" <<'END'
set pagination off
set confirm off
set breakpoint pending off
break main
run
END
while read -r probe; do
	cat <<END
break -probe-stap coqueue:$probe
commands
silent
printf "at $probe: %d, %d\n", (int)\$_probe_arg1, (int)\$_probe_argc
continue
end
END
done <"$scratch/there" >>"$scratch/commands"
echo continue >>"$scratch/commands"
"$top_builddir/libtool" --mode=execute timeout -k 5 120 \
	gdb -batch -nx -x "$scratch/commands" "$program" \
	>"$scratch/out" 2>"$scratch/err" </dev/null
grep -q 'Breakpoint 1, .*main' "$scratch/out" ||
	{ note "gdb runs no program here"; finish; }

# destroy is a shutdown, too
sed -n 's/^at //p' "$scratch/out" >"$scratch/met"
cat >"$scratch/expected" <<'END'
create: 5, 3
block: LINE, 3
wake: 0, 2
shutdown__begin: 1, 2
discard: 3, 2
shutdown__end: 1, 2
shutdown__begin: 1, 2
discard: 0, 2
shutdown__end: 1, 2
END
sed -i 's/^block: [-0-9]*,/block: LINE,/' "$scratch/met"
must "expected (<) and met (>)" diff "$scratch/expected" "$scratch/met"
finish
