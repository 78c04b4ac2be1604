# bash completion for coqueue-stress and coqueue-bench -*- shell-script -*-
# SPDX-License-Identifier: MIT
# Nothing is listed here: the tools are asked each time, so what is offered is
# what the installed ones know.

# _coqueue_names TITLE: of a list that a tool prints under TITLE, the names that
# can be used in this build.
_coqueue_names()
{
	sed -nE "/^$1/,/^\$/{
		/\\(left out of this build\\)/d
		s/^  ([^ ]+)  .*/\\1/p
	}"
}

# _coqueue_values TOOL OPTION: how the tool explains that nothing is no value:
# "is not fifo, lifo or priority".  --help, so that it never starts to work.
_coqueue_values()
{
	"$1" "$2=" --help 2>&1 </dev/null | sed -nE "
		s/.*'' is not //
		T
		s/ or |, (such as )?/\\n/g
		s/'//g
		p
		q" | grep -v ' '
}

_coqueue()
{
	local tool=${1/#\~\//$HOME/}
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	local IFS=$' \t\n' option='' value='' prefix='' sign='' short long takes
	local -a options=() offers=()

	# "--order=fi" is three words, unless COMP_WORDBREAKS was changed.
	if [[ $word == = ]]; then
		option=$before sign== word=
	elif [[ $before == = ]]; then
		option=${COMP_WORDS[COMP_CWORD - 2]} sign==
	elif [[ $word == --*=* ]]; then
		option=${word%%=*} sign== word=${word#*=} prefix=$option=
	elif [[ $before == -* ]]; then
		option=$before
	fi

	# Lines of the help such as "  -o, --order=ORDER    what it is".
	while read -r short long takes; do
		if [[ $option == "$long" || $option == "${short%,}" ]]; then
			option=$long value=$takes
		fi
		[[ $takes != =* ]] || long+='='
		options+=("$long")
	done < <("$tool" --help 2>/dev/null </dev/null | sed -nE '
		s/^      --/  -, --/
		s/^  (-.?,) (--[a-z-]+)([^ ]*)( .*)?$/\1 \2 \3/p')

	case $sign$value in
	=*FILE*)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
		return
		;;
	=*NAME*)
		mapfile -t offers < <("$tool" --list 2>/dev/null </dev/null |
			_coqueue_names Workloads)
		;;
	=*\|*)
		value=${value//[=\]\[]/}
		IFS='|' read -r -a offers <<<"$value"
		;;
	=*)
		mapfile -t offers < <(_coqueue_values "$tool" "$option")
		;;
	*)
		if [[ $word == -* ]]; then
			offers=("${options[@]}")
		else
			mapfile -t offers < <("$tool" --help 2>/dev/null \
				</dev/null | _coqueue_names Scenarios)
		fi
		;;
	esac
	mapfile -t COMPREPLY < <(compgen -P "$prefix" -W "${offers[*]}" -- "$word")
	if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *= ]]; then
		compopt -o nospace 2>/dev/null
	fi
}

complete -F _coqueue coqueue-stress coqueue-bench
