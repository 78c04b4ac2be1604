#!/bin/sh
# SPDX-License-Identifier: MIT
# coqueue-bench measures every workload with every queue, loses no item, ends,
# and writes down what it found.  How fast things were is not judged here.
. "$(dirname "$0")/script.sh"

bench=$top_builddir/coqueue-bench
[ -x "$bench" ] || { note "no coqueue-bench in this build"; exit 77; }

# status NUMBER ARGUMENT...: wrong unless coqueue-bench ends with it.
status()
{
	expected=$1
	shift
	timeout -k 5 300 "$bench" "$@" >"$scratch/out" 2>"$scratch/err"
	got=$?
	[ $got -eq "$expected" ] && return
	wrong "coqueue-bench $* ended with $got, not $expected"
	sed 's/^/    /' "$scratch/err"
	return 1
}

status 0 --list
workloads=$(sed 's/ .*//' "$scratch/out")
[ -n "$workloads" ] || wrong "no workloads are listed"

json=$scratch/figures.json
status 0 --repeat 2 --duration 0.01 --seed 1 --json "$json" || finish
for workload in $workloads; do
	grep -q "^$workload " "$scratch/out" ||
		wrong "$workload is not in the table"
	grep -q "\"name\": \"$workload\"" "$json" ||
		wrong "$workload is not in the JSON file"
done
for queue in textbook coqueue; do
	for list in "$scratch/out" "$json"; do
		[ "$(grep -cE "(^|[ \"])$queue[ \"]" "$list")" -ge \
			"$(echo "$workloads" | wc -l)" ] ||
			wrong "$queue is missing in $list"
	done
done
sed '1,/^$/d' "$scratch/out" | grep -E 'nan|inf|-[0-9]' &&
	wrong "the table has figures that are none"

status 0 --workload solo --repeat 1 --duration 0.01 --pin no
[ "$(grep -cE '^(solo|1p1c) ' "$scratch/out")" -eq 1 ] ||
	wrong "--workload does not select"
status 2 --workload nonsense
status 2 --repeat 0
status 2 --duration fast
status 2 --pin maybe
status 2 --nonsense
status 1 --workload solo --repeat 1 --duration 0.01 --json /nonexistent/file
finish
