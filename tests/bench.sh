#!/bin/sh
# SPDX-License-Identifier: MIT
# coqueue-bench measures every workload with every queue, loses no item, ends,
# and writes down what it found, in every file the same as in the table.  How fast
# things were is not judged here.
. "$(dirname "$0")/script.sh"

bench=$top_builddir/coqueue-bench
[ -x "$bench" ] || { note "no coqueue-bench in this build"; exit 77; }

# rows_of_table FILE, rows_of_json FILE, rows_of_tsv FILE: per line a workload, a
# queue, and figures: ns (median, smallest, largest), CPU ns or "bytes", times as fast (three
# again, not for the first queue of a workload), how many times as fast coqueue is
# (not for coqueue, not in the TSV file), and if single items are timed "p50 N p99 N
# p99.9 N"; or "not supported".  The table has a "~" behind some figures.
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
		return (unit == "ns" ? range("ns_per_item", "%.1f") " " \
			sprintf("%.1f", value["cpu_ns_per_itemmedian"]) : \
			range(unit, "%.1f") " " unit) \
			(queue == baseline ? "" : " " \
			range("times_as_fast_as_baseline", "%.2f")) \
			(queue == "coqueue" ? "" : " " \
			sprintf("%.2f", value["coqueue_times_as_fastmedian"])) \
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
	depth == 3 && key == "unit" { unit = part[4] }
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

rows_of_tsv()
{
	awk -F '\t' '
	NR == 1 { next }
	$NF == 0 { print $1, $2, "not supported" }
	$NF == 2 {
		printf "%s %s %.1f %.1f %.1f ", $1, $2, $3, $4, $5
		if ($(NF - 1) == "ns")
			printf "%.1f", $6
		else
			printf "%s", $(NF - 1)
		if ($1 == before)
			printf " %.2f %.2f %.2f", $7, $8, $9
		if ($10 != "")
			printf " p50 %.1f p99 %.1f p99.9 %.1f", $10, $11, $12
		print ""
	}
	{ before = $1 }' "$1"
}

# overlaps_of FILE: the workloads and queues of a TSV file whose ns overlap with
# those of coqueue.
overlaps_of()
{
	awk -F '\t' '
	NR == FNR && $2 == "coqueue" {
		min[$1] = $4
		max[$1] = $5
	}
	NR != FNR && FNR > 1 && $2 != "coqueue" && $NF > 0 &&
		$4 <= max[$1] && min[$1] <= $5 { print $1, $2 }' "$1" "$1"
}

ends 0 "$bench" --list
left_out=$(sed -n 's/^  \([^ ]*\) .*(left out of this build)$/\1/p' "$scratch/out")
sed -i '/(left out of this build)$/d' "$scratch/out"
workloads=$(sed -n '/^Workloads:/,/^$/s/^  \([^ ]*\) .*/\1/p' "$scratch/out")
queues=$(sed -n '/^Queues/,$s/^  \([^ ]*\) .*/\1/p' "$scratch/out" | sort -u)
[ -n "$workloads" ] || wrong "no workloads are listed"
[ -n "$queues" ] || wrong "no queues are listed"
note "left out of this build:" ${left_out:-none}

# A program that hangs, while the others run: it is told, and ended.
case " $(echo $left_out) " in
*' python '*) hangs= ;;
*)
	hangs=$scratch/hangs
	mkdir "$hangs"
	cat >"$hangs/python3" <<-END
	#!/bin/sh
	echo \$\$ >"$hangs/pid"
	exec sleep 600
	END
	chmod +x "$hangs/python3"
	PATH=$hangs:$PATH "$bench" -w solo -q python -r 1 -d 0.001 \
		>"$hangs/out" 2>"$hangs/err" &
	hung_bench=$!
	;;
esac

json=$scratch/figures.json
tsv=$scratch/figures.tsv
svg=$scratch/figures.svg
plot=--plot=$svg
has gnuplot || { note "no gnuplot: nothing is drawn"; plot=; }
ends 0 "$bench" --repeat 2 --duration 0.004 --seed 1 --json "$json" --tsv "$tsv" \
	$plot || finish
cp "$scratch/out" "$scratch/all"
rows_of_table "$scratch/out" >"$scratch/marked"
sed 's/ ~//' "$scratch/marked" >"$scratch/table"
rows_of_json "$json" >"$scratch/rows"
must "table and JSON file disagree" diff "$scratch/table" "$scratch/rows"
awk '{
	rest = match($0, / p50 .*/) ? substr($0, RSTART) : ""
	sub(/ p50 .*/, "")
	if ($2 != "coqueue" && $3 != "not")
		sub(/ [^ ]*$/, "")
	print $0 rest
}' "$scratch/table" >"$scratch/rows"
rows_of_tsv "$tsv" >"$scratch/tsv"
must "table and TSV file disagree" diff "$scratch/rows" "$scratch/tsv"
sed -n 's/^\([^ ]* [^ ]*\) .* ~\( p50 .*\)*$/\1/p' "$scratch/marked" >"$scratch/overlaps"
overlaps_of "$tsv" >"$scratch/tsv"
must "marked by mistake, or not" diff "$scratch/tsv" "$scratch/overlaps"

if [ -n "$plot" ]; then
	sed -n 's/.*<text>\(<tspan[^>]*>\)*\([^<]*\)<.*/\2/p' "$svg" |
		sort >"$scratch/texts"
	grep -v ' not supported$' "$scratch/table" >"$scratch/rows"
	{
		cut -d ' ' -f 1 "$scratch/rows" | uniq
		cut -d ' ' -f 2 "$scratch/rows"
	} | sort >"$scratch/names"
	grep -xFf "$scratch/names" "$scratch/texts" >"$scratch/drawn"
	must "table and plot disagree" diff "$scratch/names" "$scratch/drawn"
	[ "$(grep -cE '^[0-9.]+ (ns|µs|ms|s|B|kB|MB) ~$' "$scratch/texts")" -eq \
		"$(wc -l <"$scratch/overlaps")" ] ||
		wrong "the plot marks other queues than the table"
	grep -qx '</svg>' "$svg" || wrong "the plot has no end"
fi

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
# How far cores are apart: the table says that of all samples, the files that of
# each queue's, of which some may have found the cores busy.
if [ "$(nproc)" -gt 1 ]; then
	said=$(sed -n 's/^a cache line .* takes \([0-9]*\) ns (\([0-9]*\) - \([0-9]*\)).*/\2 \3/p' "$scratch/all")
	awk -F '\t' -v min="${said% *}" -v max="${said#* }" '
	NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
	$NF > 0 {
		ns = $at["distance_ns_median"]
		if ((ns > 0 && ns < min / 2 - 1) || ns > max + 1)
			print
	}' "$tsv" | grep . && wrong "distances that are not as was said"
	timeout -k 5 3 "$bench" --distance 0-0.001 -w solo -r 1 -d 0.001 \
		>"$scratch/out" 2>"$scratch/err"
	[ $? -eq 124 ] || wrong "it does not wait for the distance"
	[ ! -s "$scratch/out" ] || wrong "it has measured at another distance"
	grep -qE '^coqueue-bench: waiting, a cache line takes [0-9]+ ns$' \
		"$scratch/err" || wrong "it does not say for what it waits"
	ends 0 "$bench" --distance 0-1e9 -w solo -q textbook -r 1 -d 0.001
	says '^a cache line from core to core and back takes [1-9]'
fi
has taskset && {
	ends 1 taskset -c "$(taskset -cp $$ | sed 's/.*[ ,-]//')" \
		"$bench" --distance 0-1e9 -w solo -r 1 -d 0.001
	grep -q 'there is one core' "$scratch/err" ||
		wrong "one core: the error is not clear"
}

ordered='[0-9.]+ [0-9.]+ [0-9.]+'
# A sanitizer's malloc() does not tell how much it gives.
unknown='^$'
[ -z "$SANITIZER_FLAGS" ] || unknown='^memory-[0-9]+ textbook not supported$'
awk '$1 != before { print; before = $1 }' "$scratch/table" >"$scratch/first"
sed 's/ p50 .*//' "$scratch/first" | grep -vE "$unknown" |
	grep -vE "^[^ ]+ [^ ]+ $ordered ([0-9.]+|bytes)( [0-9.]+)?$" &&
	wrong "what ratios are to has figures that are none"
grep -vxFf "$scratch/first" "$scratch/table" | sed 's/ p50 .*//' |
	grep -vE "^[^ ]+ [^ ]+ ($ordered ([0-9.]+|bytes) $ordered( [0-9.]+)?|not supported)$" &&
	wrong "the table has figures that are none"
awk '$NF != "supported" {
	timed = match($0, / p50 [0-9.]+ p99 [0-9.]+ p99\.9 [0-9.]+$/)
	p50 = $(NF - 4) + 0; p99 = $(NF - 2) + 0; p99_9 = $NF + 0
	if (!timed != !($1 ~ /^(roundtrip|paced-.*)$/) ||
		(timed && (p50 <= 0 || p50 > p99 || p99 > p99_9)))
		print
}' "$scratch/table" | grep . && wrong "percentiles that are none, or none"
awk '$NF != "supported" && !/ bytes / != !/^memory/ || / bytes / && $6 != "bytes"' \
	"$scratch/table" | grep . && wrong "bytes that are none, or none"
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
refuses --plot file.png
for range in far 200 200-100 -5-3 1-2x 1-nan; do
	refuses --distance $range
done

quick='--workload solo --repeat 2 --duration 0.01'

# refuses_early STATUS WHY COMMAND...: says why, and nothing has been measured.
refuses_early()
{
	status=$1
	why=$2
	shift 2
	ends "$status" "$@" $quick
	grep -qF -e "$why" "$scratch/err" || wrong "$*: the error does not say: $why"
	[ ! -s "$scratch/out" ] || wrong "$*: it has measured"
}
for output in json tsv plot; do
	refuses_early 1 "$scratch/none/file.svg" \
		"$bench" --$output="$scratch/none/file.svg"
done
ends 1 "$bench" --tsv /dev/full $quick
grep -q '/dev/full: .*No space left' "$scratch/err" ||
	wrong "--tsv does not notice a full disk"

# Without gnuplot, which libtool's wrapper would not bear; with one that fails at
# once; with one that fails when there is something to draw.
refuses_early 1 'cannot start gnuplot' "$top_builddir/libtool" --mode=execute \
	env PATH="$scratch/none" "$bench" --plot "$svg"
mkdir "$scratch/bin"
printf '#!/bin/sh\n%s\n' 'exit 3' >"$scratch/bin/gnuplot"
chmod +x "$scratch/bin/gnuplot"
refuses_early 1 'gnuplot failed' \
	env PATH="$scratch/bin:$PATH" "$bench" --plot "$svg"
printf '#!/bin/sh\n%s\n' '! grep -q "^plot"' >"$scratch/bin/gnuplot"
ends 1 env PATH="$scratch/bin:$PATH" "$bench" --plot "$svg" $quick
grep -qF "$svg: gnuplot failed" "$scratch/err" ||
	wrong "a plot that failed: the error is not clear"
says '^solo .*textbook'

# ---- beside an earlier run ----------------------------------------------------

# old_run MEDIAN MIN MAX: ns of coqueue, and its ratio, in $scratch/old.json; that
# run had another queue that this one does not have.
old_run()
{
	figure="{\"median\": $1, \"min\": $2, \"max\": $3}"
	cat >"$scratch/old.json" <<-END
	{"version": "0.0.7", "date": "2001-02-03T04:05:06Z",
	 "machine": {"cores": 3, "model": "Abacus"},
	 "workloads": [{"name": "solo", "baseline": "textbook", "peers": {
		"abacus": {"supported": true, "ns_per_item": $figure},
		"textbook": {"supported": false},
		"coqueue": {"supported": true, "ns_per_item": $figure,
			"times_as_fast_as_baseline": $figure}}}]}
	END
}

# compares OLD NEW: what is said of coqueue's times and ratio; and of no other.
compares()
{
	ends 0 "$bench" --baseline "$scratch/old.json" $quick
	sed -n '/^beside /,$p' "$scratch/out" >"$scratch/beside"
	grep -q '^beside .*/old.json: coqueue 0.0.7, 2001-02-03T04:05:06Z, 3 cores, Abacus$' \
		"$scratch/beside" || wrong "it does not say beside what"
	grep -qE "^solo +coqueue .* $1 .* $2 *\$" "$scratch/beside" ||
		wrong "not $1, $2"
	grep -qE '(textbook|abacus) ' "$scratch/beside" &&
		wrong "it compares what was not measured"
}
old_run 1e12 1e11 1e13
compares faster slower
old_run 1e-12 1e-13 1e-11
compares slower faster
old_run 1 1e-6 1e12
compares 'no difference' 'no difference'
sed -i 's/"baseline": "textbook"/"baseline": "abacus"/' "$scratch/old.json"
compares '' 'no difference' # ratios are to another queue
sed -i 's/"solo"/"loso"/' "$scratch/old.json"
ends 0 "$bench" --baseline "$scratch/old.json" $quick
says '^nothing that both have measured$'
ends 0 "$bench" --baseline "$json" --json "$json" $quick
[ "$(sed -n '/^beside /,$p' "$scratch/out" | grep -cE '^(solo)? .*[0-9]')" -eq \
	"$(grep '^solo ' "$scratch/table" | grep -vc 'not supported$')" ] ||
	wrong "not all is compared with an earlier run of its own"

# no_baseline WHY: the old file cannot be compared with.
no_baseline()
{
	refuses_early 2 "cannot compare with $scratch/old.json: $1" \
		"$bench" --baseline "$scratch/old.json"
}

# changed SED: the file is another now.
changed()
{
	old_run 1 1 1
	sed -i "$1" "$scratch/old.json"
}
rm "$scratch/old.json"
no_baseline 'unable to open'
old_run 1 1 '}'
no_baseline 'line 4: '
echo '[]' >"$scratch/old.json"
no_baseline 'Expected object'
changed s/version/revision/
no_baseline 'Object item not found: version'
changed 's/"cores": 3/"cores": "3"/'
no_baseline 'Expected integer'
changed 's/"workloads".*/"workloads": {"peers": {/;$s/]}$/}/'
no_baseline 'workloads is no array'
changed s/peers/bears/
no_baseline 'workloads: Object item not found: peers'
changed 's/"peers": {/"peers": 3, "bears": {/'
no_baseline 'solo: peers is no object'
changed s/supported/sported/
no_baseline 'solo, abacus: Object item not found: supported'
changed '/textbook.*false/s/false/true/'
no_baseline 'solo, textbook: Object item not found: ns_per_item'
changed '$s/median/medium/'
no_baseline 'solo, coqueue: Object item not found: median'
old_run 1 2 3
no_baseline 'solo, abacus: figures that are none'
if [ -n "$hangs" ]; then
	wait $hung_bench && wrong "a program that hangs is no failure"
	grep -q 'solo, python: it hung' "$hangs/err" ||
		wrong "it is not told that a program hung"
	# it ends in a moment, and is then nobody's child
	pid=$(cat "$hangs/pid")
	for moment in $(seq 100); do
		grep -q '^State:[^Z]*$' "/proc/$pid/status" 2>/dev/null || break
		sleep 0.1
	done
	! grep -q '^State:[^Z]*$' "/proc/$pid/status" 2>/dev/null ||
		wrong "a program that hung goes on"
fi
finish
