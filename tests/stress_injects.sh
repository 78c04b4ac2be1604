#!/bin/sh
# SPDX-License-Identifier: MIT
# coqueue-stress notices what it is there for: each fault that a build made for
# this test can commit (tests/faults.c) is reported for what it is, while
# without a fault the same runs pass.
. "$(dirname "$0")/script.sh"

faulty=$top_builddir/coqueue-stress-faulty
[ -x "$faulty" ] || { note "no coqueue-stress in this build"; exit 77; }

# notices FAULT STATUS WORDS ARGUMENT...: with the fault, the run fails with
# the status and says the words (an extended regular expression); without it,
# the same run passes.
notices()
{
	fault=$1 status=$2 words=$3
	shift 3
	ends 0 "$faulty" --watchdog 10 --seed 1 "$@"
	ends "$status" "$faulty" --watchdog 1 --seed 1 --inject "$fault" "$@" ||
		return
	# the report is broken into lines of 80
	cat "$scratch/out" "$scratch/err" | tr -s ' \n' ' ' | grep -qE "$words" && return
	wrong "--inject $fault is noticed, but not said: $words"
	sed 's/^/    /' "$scratch/out" "$scratch/err"
}

notices lose 1 'accepted items of producer .* lost' --items 20000 mpmc
notices duplicate 1 'came out twice|got item .* twice' --items 20000 mpmc
notices reorder 1 'after having seen' --items 20000 --consumers 1 mpmc
notices late-put 1 'put(_until)? returned 0 after|put after shutdown returned 0' --items 20000 drain
notices signal-one 4 'HANG' --items 100000 abort
notices swallow 4 'HANG' --items 10000 --rate 2000 -p 1 -c 1 mpmc

# what holds in other orders, and without a limit or any room at all
for kind in '--order lifo' '--order priority' '--capacity unbounded'; do
	notices lose 1 'accepted items of producer .* lost' --items 20000 $kind mpmc
	notices duplicate 1 'came out twice|got item .* twice' --items 20000 $kind mpmc
	notices late-put 1 'put(_until)? returned 0 after|put after shutdown returned 0' --items 20000 $kind drain
done
notices reorder 1 'was there when it got the older' --items 20000 --order lifo --consumers 1 mpmc
notices reorder 1 'too late: all below' --items 20000 --order priority --consumers 1 mpmc
notices reorder 1 'after having seen' --items 20000 --capacity unbounded --consumers 1 mpmc
notices lose 1 'accepted items of producer .* lost' --items 20000 --capacity 0 mpmc
notices reorder 1 'after having seen' --items 20000 --capacity 0 --order lifo --consumers 1 mpmc
notices signal-one 4 'HANG' --items 100000 --capacity 0 abort
notices swallow 4 'HANG' --items 4000 --rate 2000 -p 1 -c 1 --capacity unbounded mpmc

# by callers that are no threads, and in a select
for runtime in ucontext arm; do
	few="--coroutines 4 --runtime $runtime -p 1 -c 1"
	notices lose 1 'accepted items of producer .* lost' --items 20000 $few mpmc
	notices late-put 1 'put(_until)? returned 0 after|put after shutdown returned 0' --items 20000 $few drain
	notices signal-one 4 'HANG' --items 100000 $few abort
	notices swallow 4 'HANG' --items 20000 $few mpmc
done
notices duplicate 1 'came out twice|(got|discarded) item .* twice' --items 20000 mixed
notices swallow 4 'HANG' --items 20000 mixed
# (where every account is wrong, the report has not room for all)
notices lose 1 'queue [0-7]: stats.puts is' --items 20000 select
notices duplicate 1 'queue [0-7]: stats.puts is|came out twice|(got|discarded) item .* twice' --items 20000 select
notices late-put 1 'queue [0-7]: stats.puts is|queue [0-7] gave 0 after' --items 20000 select
notices swallow 4 'HANG' --items 20000 select

ends 2 "$top_builddir/coqueue-stress" --inject lose
finish
