#!/bin/sh
# SPDX-License-Identifier: MIT
# What bash offers after TAB: options, their values, scenarios and workloads are
# exactly those that the tools take.
. "$(dirname "$0")/script.sh"

completion=$srcdir/tools/completion/coqueue.bash
stress=$top_builddir/coqueue-stress
bench=$top_builddir/coqueue-bench
has bash || { note "no bash here"; exit 77; }
cd "$scratch" || give_up "no $scratch"

# offered TOOL WORD...: what bash would offer for the last word, a line each.
cat >offered <<'SCRIPT'
. "$0"
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_coqueue "$1" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
((!${#COMPREPLY[@]})) || printf '%s\n' "${COMPREPLY[@]}" | sort
SCRIPT
offered()
{
	bash -c "$(cat offered)" "$completion" "$@" 2>errors
	[ ! -s errors ] || wrong "$*: $(cat errors)"
}

# offers EXPECTED TOOL WORD...: that, with spaces between, and nothing else.
offers()
{
	expected=$1
	shift
	got=$(offered "$@" | tr '\n' ' ')
	[ "${got% }" = "$expected" ] ||
		wrong "$*: offered '${got% }', not '$expected'"
}

# takes TOOL ARGUMENT...: whether the tool minds only what comes last.
takes()
{
	tool=$1
	shift
	"$tool" "$@" --no-such-option 2>&1 | grep -q 'unrecognized option'
}

# all_taken WHAT TOOL ARGUMENT: each word of the file "offered.WHAT" is taken
# after ARGUMENT, and there are some.
all_taken()
{
	[ -s "offered.$1" ] || wrong "no $1 is offered"
	while read -r one; do
		takes "$2" "$3$one" || wrong "$(basename "$2") refuses $3$one"
	done <"offered.$1"
}

bash -n "$completion" || wrong "$completion is no script for bash"
for tool in "$stress" "$bench"; do
	bash -c '. "$1" && complete -p "$2"' bash "$completion" \
		"$(basename "$tool")" >/dev/null ||
		wrong "nothing is bound to $tool"

	# The options, which --usage lists in another form.
	"$tool" --usage | tr '[|' '\n\n' |
		sed -nE 's/^(--[a-z-]+)(=?).*/\1\2/p' | sort -u >usage
	grep -q -e --help usage || give_up "$tool --usage lists no --help"
	offered "$tool" -- >options
	must "options of $(basename "$tool")" diff usage options
done

# Scenarios: those offered are known, and all that "all" names.
offered "$stress" '' >scenarios
grep -qx all scenarios || wrong "the scenario 'all' is not offered"
while read -r one; do
	"$stress" "$one" no-such 2>&1 | grep -q "no scenario 'no-such'" ||
		wrong "coqueue-stress has no scenario $one"
done <scenarios
"$stress" -n 1 --quiet --json=report all >out 2>&1 ||
	wrong "coqueue-stress all: $(cat out)"
sed -nE 's/^      "name": "([a-z]+)",$/\1/p' report | sort -u >played
[ -s played ] || give_up "the report names no scenario"
must "scenarios" diff played - <<-LIST
	$(grep -vx all scenarios)
LIST
offers drain "$stress" --batch=2 mpmc dr
offers '' "$stress" zz
offers '' "$bench" ''

# Values, in each form that bash splits them in.
offered "$stress" --order = >offered.order
offered "$stress" --runtime = '' >offered.runtime
offered "$stress" -d '' >offered.duration
all_taken order "$stress" --order=
all_taken runtime "$stress" --runtime=
all_taken duration "$stress" --duration=
[ "$(offered "$stress" -o '')" = "$(cat offered.order)" ] ||
	wrong "-o and --order differ"
offers lifo "$stress" --order = l
offers --order=lifo "$stress" --order=l
offers unbounded "$stress" --capacity u
offers '' "$stress" --seed ''
offers --order= "$stress" --ord
offers drain "$stress" --linearize dr
offers 'no yes' "$bench" -p ''

# Workloads: those that this build has.
offered "$bench" --workload = >offered.workload
all_taken workload "$bench" --workload=
"$bench" --list | sed -n '/^Workloads/,/^$/s/^  \([^ ]*\) .*/\1/p' |
	sort >listed
[ -s listed ] || give_up "coqueue-bench --list lists no workload"
for one in $(comm -23 listed offered.workload); do
	! takes "$bench" --workload="$one" || wrong "$one is not offered"
done

# Files.
: >figures.json
offers figures.json "$bench" --json fig
offers figures.json "$stress" --json = fig
offers '' "$stress" --seed fig

finish
