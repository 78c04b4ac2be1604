#!/bin/sh
# SPDX-License-Identifier: MIT
# coqueue-bench measures every workload with every queue, loses no item, ends,
# and writes down what it found, in the JSON file the same as in the table.  How
# fast things were is not judged here.
. "$(dirname "$0")/script.sh"

bench=$top_builddir/coqueue-bench
[ -x "$bench" ] || { note "no coqueue-bench in this build"; exit 77; }

# rows_of_table FILE, rows_of_json FILE: per line a workload, a queue, and
# figures: ns (median, smallest, largest), CPU ns, times as fast (three again,
# not for the first queue of a workload), and if single items are timed "p50 N p99 N
# p99.9 N"; or "not supported".
rows_of_table()
{
	awk '
	/^ *ns per item/ { table = 1; next }
	table {
		if ($1 == substr($0, 1, length($1)))
			workload = $1
		rest = substr($0, 16)
		gsub(/\(|\)| - /, " ", rest)
		gsub(/ +/, " ", rest)
		sub(/ $/, "", rest)
		if (rest ~ /^ p50/)
			row = row rest
		else {
			if (row != "")
				print row
			row = workload " " rest
		}
	}
	END { print row }' "$1"
}

# Keys by depth: of the file 1, of a workload 3, of a queue 5, of a figure 6;
# there are two samples, whose median is their mean.
rows_of_json()
{
	awk '
	function range(figure, format) {
		return sprintf(format " " format " " format,
			value[figure "median"], value[figure "min"],
			value[figure "max"])
	}
	function is_mean(figure, gap) {
		gap = sum[figure] / 2 - value[figure "median"]
		return gap * gap <= 1e-18 * sum[figure] * sum[figure]
	}
	function row() {
		if (!supported)
			return "not supported"
		for (figure in sum)
			if (!is_mean(figure))
				return "samples of another " figure
		return range("ns_per_item", "%.1f") " " \
			sprintf("%.1f", value["cpu_ns_per_itemmedian"]) \
			(queue == baseline ? "" : " " \
			range("times_as_fast_as_baseline", "%.2f")) \
			(("p50_ns" in sum) ? sprintf( \
				" p50 %.1f p99 %.1f p99.9 %.1f", \
				value["p50_nsmedian"], value["p99_nsmedian"], \
				value["p99_9_nsmedian"]) : "")
	}
	{
		depth = (match($0, /[^ ]/) - 1) / 2
		split($0, part, "\"")
		key = part[2]
		what = $NF
		sub(/,$/, "", what)
	}
	depth == 3 && key == "name" { workload = part[4] }
	depth == 3 && key == "baseline" { baseline = part[4] }
	depth == 4 && key != "" { queue = key }
	depth == 5 && key == "supported" { supported = what == "true" }
	depth == 5 && key != "" {
		figure = key
		sum[figure] = 0
	}
	depth == 6 && key != "" { value[figure key] = what }
	depth == 7 { sum[figure] += what }
	depth == 4 && /^ *}/ && queue != "" {
		print workload, queue, row()
		queue = ""
		split("", sum)
	}' "$1"
}

ends 0 "$bench" --list
left_out=$(sed -n 's/^  \([^ ]*\) .*(left out of this build)$/\1/p' "$scratch/out")
sed -i '/(left out of this build)$/d' "$scratch/out"
workloads=$(sed -n '/^Workloads:/,/^$/s/^  \([^ ]*\) .*/\1/p' "$scratch/out")
queues=$(sed -n '/^Queues/,$s/^  \([^ ]*\) .*/\1/p' "$scratch/out" | sort -u)
[ -n "$workloads" ] || wrong "no workloads are listed"
[ -n "$queues" ] || wrong "no queues are listed"
note "left out of this build:" ${left_out:-none}

json=$scratch/figures.json
ends 0 "$bench" --repeat 2 --duration 0.01 --seed 1 --json "$json" || finish
rows_of_table "$scratch/out" >"$scratch/table"
rows_of_json "$json" >"$scratch/rows"
must "table and JSON file disagree" diff "$scratch/table" "$scratch/rows"

for workload in $workloads; do
	for queue in textbook coqueue; do
		case $workload-$queue in
		coro-*-textbook | mix-*-textbook) continue ;;
		esac
		[ "$(grep -c "^$workload $queue " "$scratch/table")" -eq 1 ] ||
			wrong "$workload, $queue: not one row"
	done
done
for queue in $queues; do
	grep -q "^[^ ]* $queue " "$scratch/table" ||
		wrong "$queue is never measured"
done
for name in $left_out; do
	grep -qE "^($name|[^ ]+ $name) " "$scratch/table" &&
		wrong "$name was said to be left out"
	says "^left out of this build: $name "
	grep -qx " *\"$name\",\{0,1\}" "$json" ||
		wrong "the JSON file does not say that $name is left out"
done
ordered='[0-9.]+ [0-9.]+ [0-9.]+'
awk '$1 != before { print; before = $1 }' "$scratch/table" >"$scratch/first"
sed 's/ p50 .*//' "$scratch/first" | grep -vE "^[^ ]+ [^ ]+ $ordered [0-9.]+$" &&
	wrong "what ratios are to has figures that are none"
grep -vxFf "$scratch/first" "$scratch/table" | sed 's/ p50 .*//' |
	grep -vE "^[^ ]+ [^ ]+ ($ordered [0-9.]+ $ordered|not supported)$" &&
	wrong "the table has figures that are none"
awk '$NF != "supported" {
	timed = match($0, / p50 [0-9.]+ p99 [0-9.]+ p99\.9 [0-9.]+$/)
	p50 = $(NF - 4) + 0; p99 = $(NF - 2) + 0; p99_9 = $NF + 0
	if (!timed != !($1 ~ /^(roundtrip|paced-.*)$/) ||
		(timed && (p50 <= 0 || p50 > p99 || p99 > p99_9)))
		print
}' "$scratch/table" | grep . && wrong "percentiles that are none, or none"
grep -E '^[^ ]+ [^ ]+ 0\.0 ' "$scratch/table" &&
	wrong "the table has items that took no time"

# rows_of WORKLOAD...: what the table has of a quick run of these.
rows_of()
{
	for workload in "$@"; do
		set -- "$@" --workload "$workload"
		shift
	done
	ends 0 "$bench" "$@" --repeat 1 --duration 0.01 --pin no
	rows_of_table "$scratch/out" | cut -d ' ' -f 1 | uniq | tr '\n' ' '
}
[ "$(rows_of solo)" = 'solo ' ] || wrong "--workload does not select"
[ "$(rows_of lifo-solo solo)" = 'lifo-solo solo ' ] ||
	wrong "--workload does not select two"
[ "$(rows_of 'lifo*')" = 'lifo-solo lifo-1p1c lifo-4p4c ' ] ||
	wrong "--workload knows no patterns"

# refuses OPTION VALUE: a usage error, which names the value.
refuses()
{
	ends 2 "$bench" "$1" "$2"
	grep -qF -e "$2" "$scratch/err" || wrong "$1 $2: the error is not clear"
}
refuses --workload nonsense
refuses --workload 'nonsense*'
refuses --workload ''
refuses --repeat 0
refuses --duration fast
refuses --pin maybe
ends 2 "$bench" --nonsense
ends 1 "$bench" --workload solo --repeat 1 --duration 0.01 --json /nonexistent/file
finish
