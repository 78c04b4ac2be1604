#!/bin/sh
# SPDX-License-Identifier: MIT
# The model of how coqueue waits and shuts down (coqueue.pml), in every
# scenario, and every variant of it that lacks something.  spin searches all
# orders; a scenario passes when none of them fails and the search was complete,
# and a variant must fail.  Prints a table; run it by "make check-model".
#
# MODEL="name ..." chooses rows.  Of one search, MODEL_MEMORY: MiB (2000);
# MODEL_LIMIT: seconds (1200).
here=$(dirname "$0")
srcdir=${srcdir:-$here/../..}
. "$here/../script.sh"

: "${MODEL:=}" "${MODEL_MEMORY:=2000}" "${MODEL_LIMIT:=1200}"
format='%-28s %-8s %10s %6s  %s\n'

has spin || give_up "there is no spin to check the model (Debian: package spin)"
has "${CC%% *}" || give_up "there is no ${CC%% *}"

# search DEFINITION...: all orders, in a directory of its own; a report in out.
search()
{
	rm -rf "$scratch/spin" && mkdir "$scratch/spin" && cd "$scratch/spin" ||
		give_up "no scratch directory"
	# spin and pan write beside the model
	cp "$srcdir/tests/model/coqueue.pml" . && spin -a "$@" coqueue.pml >out 2>&1 ||
		stuck "spin does not take the model"
	# spin's code is not ours: without our flags and warnings
	$CC "$optimize" -w -DSAFETY -DCOLLAPSE -DVECTORSZ=1024 \
		-DMEMLIM="$MODEL_MEMORY" -o pan pan.c >out 2>&1 ||
		stuck "what spin made of the model does not compile"
	timeout -k 5 "$MODEL_LIMIT" ./pan -m1000000 -w23 >out 2>&1
}

# stuck MESSAGE: no verdict; show why.
stuck()
{
	sed 's/^/    /' out
	give_up "$1"
}

# number WORDS: the number in front of them in the report.
number()
{
	sed -n "s/^ *\\([0-9.e+]*\\) $1.*/\\1/p" out
}

# verdict: what the report says of the search.  An error ends it early, and
# then it need not be complete.
verdict()
{
	if grep -q '^pan:1: assertion violated' out; then
		echo "fails: $(failed_assertion)"
	elif grep -q '^pan:1: invalid end state' out; then
		echo "fails: somebody hangs"
	elif grep -qE 'max search depth too small|out of memory|hash table full' \
		out || grep -q 'Search not completed' out ||
		! grep -q 'errors: 0' out; then
		echo "incomplete"
	else
		echo "passes"
	fi
}

# failed_assertion: the beginning of the one that was violated.
failed_assertion()
{
	sed -n 's/^pan:1: assertion violated \(.*\) (at depth .*/\1/p' out |
		cut -c 1-40
}

# row NAME EXPECTED DEFINITION...: search, and tell.
row()
{
	name=$1 expected=$2
	shift 2
	case " ${MODEL:-$name} " in
	*" $name "*) ;;
	*) return ;;
	esac
	# a variant fails long before the compiler's pains would pay off
	optimize=-O1
	[ "$expected" = passes ] || optimize=-O0
	search "$@"
	got=$(verdict)
	printf "$format" "$name" "$expected" "$(number 'states, stored')" \
		"$(sed -n 's/^pan: elapsed time \([0-9.]*\) .*/\1/p' out)" \
		"$got"
	rows=$((rows + 1))
	case $expected:$got in
	passes:passes | fails:fails*) ;;
	*) wrong "$name: $got, where it $expected" ;;
	esac
	cd "$scratch" || exit 99
}

rows=0
printf "$format" 'scenario or variant' must states s verdict

row empty passes
row full passes -DPREFILLED=1
row get_gives_up passes -DGIVES_UP=4
row put_gives_up passes -DPREFILLED=1 -DGIVES_UP=1
row graceful passes -DGRACEFUL=1
row immediate passes -DIMMEDIATE=1
row two_slots passes -DCAPACITY=2
row graceful_and_immediate passes -DGRACEFUL=1 -DIMMEDIATE=1 -DGETTERS=1

row no_heavy_fence fails -DNO_HEAVY_FENCE
row no_recheck fails -DNO_RECHECK
row no_pass_on fails -DGIVES_UP=4 -DNO_PASS_ON
row no_await_wakers fails -DGIVES_UP=4 -DNO_AWAIT_WAKERS
row leaves_in_flight fails -DGIVES_UP=4 -DLEAVES_IN_FLIGHT
row wakes_getters_alone fails -DPREFILLED=1 -DWAKES_GETTERS_ALONE
row no_grace fails -DIMMEDIATE=1 -DNO_GRACE
row no_grace_graceful fails -DGRACEFUL=1 -DNO_GRACE
row forgets_getters fails -DGRACEFUL=1 -DFORGETS_GETTERS
row forgets_putters fails -DGRACEFUL=1 -DPREFILLED=1 -DFORGETS_PUTTERS
row state_before_gate fails -DGRACEFUL=1 -DPREFILLED=1 -DSTATE_BEFORE_GATE

printf '%d searches, %d wrong\n' $rows $errors
finish
