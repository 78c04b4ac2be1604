#!/bin/sh
# SPDX-License-Identifier: MIT
# coqueue-bench measures every workload with every queue, loses no item, ends,
# and writes down what it found.  How fast things were is not judged here.
. "$(dirname "$0")/script.sh"

bench=$top_builddir/coqueue-bench
[ -x "$bench" ] || { note "no coqueue-bench in this build"; exit 77; }

ends 0 "$bench" --list
workloads=$(sed 's/ .*//' "$scratch/out")
[ -n "$workloads" ] || wrong "no workloads are listed"

json=$scratch/figures.json
ends 0 "$bench" --repeat 2 --duration 0.01 --seed 1 --json "$json" || finish
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

ends 0 "$bench" --workload solo --repeat 1 --duration 0.01 --pin no
[ "$(grep -cE '^(solo|1p1c) ' "$scratch/out")" -eq 1 ] ||
	wrong "--workload does not select"
ends 2 "$bench" --workload nonsense
ends 2 "$bench" --repeat 0
ends 2 "$bench" --duration fast
ends 2 "$bench" --pin maybe
ends 2 "$bench" --nonsense
ends 1 "$bench" --workload solo --repeat 1 --duration 0.01 --json /nonexistent/file
finish
