#!/bin/sh
# SPDX-License-Identifier: MIT
# coqueue-stress as its user meets it: every scenario passes, a seed repeats
# what is to be repeated, signals end a run in good order, and wrong words get
# an answer.  That it notices faults is shown in stress_injects.sh.
. "$(dirname "$0")/script.sh"

stress=$top_builddir/coqueue-stress
[ -x "$stress" ] || { note "no coqueue-stress in this build"; exit 77; }
scenarios='mpmc drain abort join timeout cancel churn resize holds mixed select'

# column N NAME: that column of the scenario's line in the first table, below
# the live lines of a run that took its time (they tell it: 0:01/...).
column()
{
	awk -v n="$1" -v name="$2" '
		$1 == name && $2 !~ /:/ { print $n; exit }' "$scratch/out"
}

# interrupted SIGNAL STATUS: what a signal does to a run that would be long.
interrupted()
{
	: >"$scratch/out"
	"$stress" --duration 2m --interval 100ms mpmc >>"$scratch/out" 2>&1 &
	pid=$!
	# not before the first live line: then it runs
	until grep -q blocked "$scratch/out" || ! kill -0 $pid; do
		sleep 0.1
	done
	kill -"$1" $pid
	wait $pid
	got=$?
	[ $got -eq "$2" ] || wrong "after SIG$1 it ended with $got, not $2"
	grep -q '^PASS .*interrupted' "$scratch/out" ||
		wrong "after SIG$1 there is no summary"
}

json=$scratch/results.json
ends 0 "$stress" --items 5000 --seed 7 --json "$json" all || finish
for scenario in $scenarios; do
	column 2 "$scenario" >>"$scratch/rounds"
	grep -q "\"name\": \"$scenario\"" "$json" ||
		wrong "$scenario is not in the JSON file"
done
[ "$(column 3 mpmc)" = 5 ] || wrong "mpmc has not moved all 5000 items"
grep -q '"verdict": "pass"' "$json" || wrong "no verdict in the JSON file"
grep -q '"resized": [1-9]' "$json" || wrong "no capacity was changed"
awk 'length > 79' "$scratch/out" | grep . && wrong "lines of 80 and more"

ends 0 "$stress" --items 5000 --seed 7 all
for scenario in $scenarios; do
	column 2 "$scenario"
done | cmp -s - "$scratch/rounds" || wrong "the seed did not repeat the rounds"

ends 0 "$stress" --duration 700ms --jitter --batch 3 --item-size 100 --rate 100000 \
	--capacity 3 --producers 2 --consumers 3 all
ends 0 "$stress" --quiet --duration 100ms --seed 5
[ "$(sed 's/:.*//' "$scratch/out")" = 'PASS seed 5' ] ||
	wrong "--quiet prints more or less than the last line"

# Each kind of queue, and all scenarios that it lets be played.
for order in fifo lifo priority; do
	for capacity in 1 64 0 unbounded; do
		ends 0 "$stress" --items 1500 --order $order \
			--capacity $capacity --batch 2 all || continue
		says "^  $order, capacity $capacity,"
		[ "$(column 3 mpmc)" = '1.50' ] ||
			wrong "$order, $capacity: mpmc has not moved all items"
		awk 'length > 79' "$scratch/out" | grep . &&
			wrong "$order, $capacity: lines of 80 and more"
		case $capacity in
		0 | unbounded)
			says '^  without resize: '
			[ -z "$(column 2 resize)" ] ||
				wrong "$order, $capacity: resize was played"
			;;
		*)
			[ -n "$(column 2 resize)" ] ||
				wrong "$order, $capacity: resize is missing"
			;;
		esac
	done
done
ends 0 "$stress" --items 1000 --capacity unbounded --json "$json" mpmc
grep -q '"capacity": null' "$json" || wrong "no limit, and JSON says another"

# bulk puts that end at a deadline while they are parked: seen lost and doubled
ends 0 "$stress" --duration 2s --coroutines 3 --runtime single timeout

# Callers that are no threads, in each scenario: they were parked, or armed.
while read -r runtime counted options; do
	ends 0 "$stress" --items 3000 --coroutines 3 --runtime "$runtime" \
		$options --json "$json" all || continue
	says "^  and 3 more of each side: "
	for scenario in $scenarios; do
		[ -n "$(column 2 "$scenario")" ] ||
			wrong "$runtime: $scenario was not played"
	done
	grep -q "\"runtime\": \"$runtime\"" "$json" ||
		wrong "$runtime is not in the JSON file"
	[ "$(grep -c "\"$counted\": [1-9]" "$json")" -ge 8 ] ||
		wrong "$runtime: no $counted in most scenarios"
	awk 'length > 79' "$scratch/out" | grep . &&
		wrong "$runtime: lines of 80 and more"
done <<'END'
ucontext parks --workers 3 --jitter
single parks --batch 3
arm armings --workers 1
END

# mixed and select have some without being told, of both sides.
ends 0 "$stress" --items 100000 --json "$json" mixed select &&
	says '^mixed( +[0-9.]+ %){6}$' &&
	says '^select( +[0-9.]+ %){2} +-( +[0-9.]+ %){2} +-$'
for counted in parks armings selected; do
	grep -q "\"$counted\": [1-9]" "$json" || wrong "mixed, select: no $counted"
done

interrupted INT 130
interrupted TERM 143

while read -r arguments; do
	ends 2 "$stress" $arguments
	grep -q 'coqueue-stress' "$scratch/err" || wrong "$arguments: not a word"
done <<'END'
--producers 0
--producers 1025
--consumers 3x
--capacity -1
--capacity 1073741825
--capacity unlimited
--capacity unbounded resize
--capacity 0 all resize
--order LIFO
--order filo
--order
--capacity 99999999999999999999
--item-size 7
--batch 0
--batch 65536 --item-size 65536
--rate 0
--rate nan
--rate 1e3
--duration 10x
--duration 0
--duration 99999h
--items 0
--items 1 --duration 1s
--seed 0xg
--interval 1.2.3
--watchdog ten
--coroutines -1
--coroutines 1025
--coroutines 4x
--coroutines 4 --workers 0
--coroutines 4 --workers 65
--coroutines 4 --runtime UCONTEXT
--coroutines 4 --runtime single --workers 2
--runtime arm
--workers 2 mpmc
--coroutines 4 --linearize=10
--inject lose
--nonsense
nonsense
END
ends 2 "$stress" --coroutines 4 --runtime boost
grep -q "'boost' is not ucontext, single or arm" "$scratch/err" ||
	wrong "an unknown runtime, and the known ones are not said"
ends 3 "$stress" --duration 100ms --json "$scratch/none/file"
ends 0 "$stress" --help
finish
