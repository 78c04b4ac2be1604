#!/bin/sh
# SPDX-License-Identifier: MIT
# parallel-grep says what "grep -rnF" says, of a tree with all sorts of files;
# and when nobody reads its output any more it ends, all stages of it, though
# the search would go on for ever.
. "$(dirname "$0")/script.sh"

program=$top_builddir/tools/programs/parallel-grep
grep --version 2>/dev/null | grep -q 'GNU grep' || {
	note "no GNU grep here to compare with"
	exit 77
}
[ -x "$program" ] || give_up "no $program"
said=$scratch/said # what the programs say
mkdir "$said" && cd "$scratch" || give_up "no $scratch"

# plant DIR FILES MATCHES: so many files of 20 lines, every MATCHESth of which
# has a needle in it, in subdirectories of 50.
plant()
{
	awk -v dir="$1" -v files="$2" -v matches="$3" 'BEGIN {
		for (f = 0; f < files; f++) {
			sub_dir = dir "/" int(f / 50)
			if (f % 50 == 0)
				system("mkdir -p " sub_dir)
			name = sub_dir "/file" f
			for (n = 1; n <= 20; n++)
				print f, n, ++line % matches ? "hay" : \
					"in hay a needle", "stack" >name
			close(name)
		}
	}'
}

# same_as_grep ARGUMENT...: output, but for the order of files, complaints and
# exit code are those of grep.
same_as_grep()
{
	grep -rnF "$@" >"$said/want.out" 2>"$said/want.err"
	want=$?
	timeout -k 5 60 "$program" -j "$jobs" "$@" >"$said/got.out" 2>"$said/got.err"
	got=$?
	[ $got -eq $want ] || wrong "$*: it ended with $got, grep with $want"
	[ $got -ne 124 ] || finish # it hangs: enough
	sed 's/^[^:]*: //' "$said/want.err" | sort >"$said/want.told"
	sed 's/^[^:]*: //' "$said/got.err" | sort >"$said/got.told"
	cmp -s "$said/want.told" "$said/got.told" || {
		wrong "$*: it complains otherwise than grep"
		diff "$said/want.told" "$said/got.told" | head -n 20
	}
	sort "$said/want.out" >"$said/want.lines"
	sort "$said/got.out" >"$said/got.lines"
	cmp -s "$said/want.lines" "$said/got.lines" || {
		wrong "$*: it prints otherwise than grep"
		diff "$said/want.lines" "$said/got.lines" | cut -c 1-200 | head -n 20
	}
}

# ---- the tree ---------------------------------------------------------------

plant tree/plain 3000 7 || give_up "no tree"
odd=tree/odd
mkdir -p "$odd/empty directory" "$odd/a b/-c" "$odd/.hidden"
newline=$(printf 'new\nline')
for name in ' ' '-n' '*' '[a-z]' "quote'\"" 'back\slash' 'colon:1:' "$newline" \
	"$(printf 'byte\377')" .hidden/x 'a b/-c/d' "$(printf '%0255d' 0)"; do
	printf 'hay\na needle in %s\n' "$name" >"$odd/$name"
done
: >"$odd/empty"
printf '\n\n\n' >"$odd/newlines"
printf 'needle' >"$odd/one line, unfinished"
printf 'needle\n\nneedle\nmore needles' >"$odd/unfinished"
printf 'a needle\r\n\r\n' >"$odd/dos"
printf '%s\n' 'a.b*[c' -needle aXb needleneedle >"$odd/not a pattern"
awk 'BEGIN {
	for (n = 0; n < 300000; n++)
		printf "%s", n == 123456 ? "needle" : "long "
	print ""
	for (n = 0; n < 20000; n++)
		print "a needle", n
	for (n = 0; n < 300000; n++)
		printf "long "
	printf "needle"
}' >"$odd/long lines"
printf 'needle\n\000needle\n' >"$odd/binary"
printf 'hay\n\000hay\n' >"$odd/binary without"
# ... whose only match comes half with one read of 96 KiB, half with the next.
printf '\000%098300dneedle' 0 >"$odd/binary across reads"
{
	echo needle
	seq 100000
	printf '\000needle\n'
} >"$odd/binary at the end"
ln -s 'empty' "$odd/link to a file"
ln -s "$scratch/tree" "$odd/link to a directory"
ln -s nowhere "$odd/dangling"
mkfifo "$odd/fifo"

# ---- as grep does -----------------------------------------------------------

for jobs in 1 2 16; do
	same_as_grep needle tree
	[ -s "$said/want.lines" ] && [ -s "$said/want.told" ] ||
		 give_up "grep finds nothing"
done
for pattern in '' 'a.b*[c' aXb 'needle in ' 'no such thing' \
	"$(awk 'BEGIN { for (n = 0; n < 40; n++) printf "long " }')needle"; do
	same_as_grep "$pattern" "$odd"
done
same_as_grep -- -needle "$odd"
same_as_grep needle "$odd/"
same_as_grep needle "$odd/link to a directory"
same_as_grep needle "$odd/empty directory"
same_as_grep needle nowhere
cd "$odd" && same_as_grep needle . && cd "$scratch" || give_up "no $odd"

if [ "$(id -u)" -eq 0 ]; then
	note "root may read everything: not tried"
else
	mkdir -p locked/directory
	echo needle | tee locked/a locked/b >locked/directory/c
	chmod 0 locked/a locked/directory
	same_as_grep needle locked
	[ $want -eq 2 ] || give_up "grep reads what is not to be read"
	chmod 700 locked/directory
fi

for arguments in '' needle '-j 0 needle tree' '-j 2x needle tree' \
	'-x needle tree' 'needle tree tree'; do
	ends 2 "$program" $arguments
	grep -q '^.*: usage: ' err || wrong "no usage for: $arguments"
done

# Lines of one file stay together and in order.
mkdir together
for name in a b c d e f; do
	seq 20000 >together/$name
done
ends 0 "$program" -j 4 '' together
awk -F : '
	$1 != file && seen[$1]++ { print "two parts of " $1; exit }
	$1 != file { file = $1; line = 0 }
	$2 != ++line { print $1 " goes on with " $2; exit }' out >order
[ -s order ] && wrong "lines are not in order: $(cat order)"

# ---- when nobody reads on ---------------------------------------------------

if [ -c /dev/full ]; then
	timeout -k 5 60 "$program" needle tree >/dev/full 2>err
	[ $? -eq 2 ] && grep -q 'write error: No space left' err ||
		wrong "a full disk: $(tail -n 3 err)"
fi

# is_left NAME DIR: it ends when the reader of its output leaves after a line.
# Two searchers are in files without an end by then, or at least without one
# that can be reached here.
is_left()
{
	truncate -s 4T "$2/endless" 2>/dev/null ||
		truncate -s 1T "$2/endless" || give_up "no large file in $2"
	cp --sparse=always --attributes-only "$2/endless" "$2/endless too"
	truncate -r "$2/endless" "$2/endless too"
	begun=$(date +%s%N)
	{
		timeout -k 5 60 "$program" -j 3 needle "$2" 2>err
		echo $? >status
	} | head -n 1 >line
	ended=$(date +%s%N)
	read -r status <status
	case $status in
	141) ;; # SIGPIPE, or, where this is ignored:
	2) grep -q 'write error: Broken pipe' err ||
		wrong "$1: it ended with 2: $(tail -n 3 err)" ;;
	*) wrong "$1: it ended with $status when nobody read on" ;;
	esac
	grep -q "^$2/.*needle" line || wrong "$1: no first line"
	note "$1: ended after $(((ended - begun) / 1000000)) ms"
}

# It finds out when it waits for more to print ...
plant few 1 15
is_left "one match" few
# ... and when it writes, with both queues full behind it.
plant many 3000 1
is_left "many matches" many
finish
