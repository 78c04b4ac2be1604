#!/bin/sh
# SPDX-License-Identifier: MIT
# Every memory-order edge in lib/ has two ends that know each other.  The head
# of a file lists edges, once each, "->" from a release to an acquire, "<->"
# between full fences or sequentially consistent accesses, "<=>" from a heavy
# fence to light ones:
#
#      *   [ring.1] -> [ring.2]  put publishes an item to get and peek
#
# and each place in the code that is an end of one says so, and what the other
# end is:
#
#     /* [ring.1] release: publishes the item to [ring.2] */
#
# No edge without a place at either end, no place without an edge, no label
# that leads nowhere, and no fence or ordered access without such a comment on
# its line or within the four lines above.
. "$(dirname "$0")/script.sh"

# The seam itself: its functions take the order from their callers.
seam='sync[.][ch]'

cat >"$scratch/labels.awk" <<'AWK'
# text[1..lines] is the file without comments, and place_at[i] tells whether a
# comment that makes line i a place, and the lines it reaches down to, is there.
FNR == 1 { end_of_file(); begin_file() }
{ read_line($0) }
END { end_of_file(); judge() }

function wrong(message) { print "WRONG: " message }

function begin_file()
{
	name = FILENAME
	sub(/.*\/lib\//, "lib/", name)
	lines = 0
	split("", text)
	split("", place_at)
	in_comment = 0
}

# Comments of the C kind only, and none begins inside a string: so is lib/.
function read_line(line,    at)
{
	text[++lines] = ""
	for (;;) {
		if (!in_comment) {
			at = index(line, "/*")
			if (!at) {
				text[lines] = text[lines] line
				return
			}
			text[lines] = text[lines] substr(line, 1, at - 1) " "
			line = substr(line, at + 2)
			in_comment = 1
			comment = ""
			first_line = lines
		}
		at = index(line, "*/")
		if (at)
			sub(/^[ \t]*\*[^\/]/, " ", line)
		at = index(line, "*/")
		if (!at) {
			sub(/^[ \t]*\*/, " ", line)
			note_edge(line)
			comment = comment " " line
			return
		}
		end_of_comment(comment " " substr(line, 1, at - 1))
		line = substr(line, at + 2)
		in_comment = 0
	}
}

# Cut the next label off `rest` and return it, "" if there is none.
function next_label(    label)
{
	if (!match(rest, /\[[a-z_]+\.[0-9]+\]/)) {
		rest = ""
		return ""
	}
	label = substr(rest, RSTART, RLENGTH)
	rest = substr(rest, RSTART + RLENGTH)
	return label
}

function note_edge(line,    from, to, here)
{
	if (line !~ /^[ \t]*\[[a-z_]+\.[0-9]+\] (->|<->|<=>) \[/)
		return
	here = name ":" lines
	rest = line
	from = next_label()
	to = next_label()
	if ((from, to) in edge || (to, from) in edge)
		wrong(here ": the edge " from " - " to " is listed twice")
	edge[from, to] = edge[to, from] = 1
	listed[from] = listed[to] = here
	if (line ~ /->/) {
		want(from, line ~ /<->/ ? "full fence" : "release", here)
		want(to, line ~ /<->/ ? "full fence" : "acquire", here)
	} else {
		want(from, "heavy fence", here)
		want(to, "light fence", here)
	}
	needs_places[from] = needs_places[to] = 1
	if (from == to)
		needs_places[from] = 2
}

function want(label, order, here)
{
	if (label in wanted && wanted[label] != order)
		wrong(here ": " label " is both " wanted[label] " and " order)
	wanted[label] = order
}

function end_of_comment(all,    here, label)
{
	here = name ":" first_line
	sub(/^[ \t*]+/, "", all)
	if (all ~ /^\[[a-z_]+\.[0-9]+\] [a-z][a-z_ ]*:/)
		note_place(all, here)
	rest = all
	while ((label = next_label()) != "")
		if (!(label in mentioned))
			mentioned[label] = here
}

# Partners are judged when all edges are known.
function note_place(all, here,    label, i)
{
	rest = all
	label = next_label()
	places[label]++
	place = ++n_places
	place_label[place] = label
	place_here[place] = here
	place_order[place] = substr(rest, 2, index(rest, ":") - 2)
	place_rest[place] = rest
	for (i = first_line; i <= lines; i++)
		place_at[i] = 1
}

function end_of_file(    i)
{
	if (name == "" || name ~ ("/" seam "$"))
		return
	for (i = 1; i <= lines; i++)
		check_line(i)
}

# Each call of the seam that begins in line i.
function check_line(i,    left, call)
{
	left = text[i]
	while (match(left, /(^|[^A-Za-z0-9_])sync_[a-z0-9_]+[ \t]*\(/)) {
		call = substr(left, RSTART, RLENGTH)
		left = substr(left, RSTART + RLENGTH)
		if (is_ordered(call arguments(left, i)))
			check_call(call, i)
	}
}

# The text up to the bracket that closes a call, over several lines.
function arguments(left, i,    depth, n, c, out)
{
	depth = 1
	for (n = 1; depth > 0; n++) {
		if (n > length(left)) {
			if (++i > lines)
				break
			left = text[i]
			n = 0
			continue
		}
		c = substr(left, n, 1)
		depth += (c == "(") - (c == ")")
		out = out c
	}
	return out
}

function is_ordered(call)
{
	return call ~ /sync_fence/ ||
	       call ~ /(^|[^a-z])(acquire|release|acq_rel|seq_cst|consume)([^a-z]|$)/
}

function check_call(call, i,    above)
{
	calls++
	for (above = 0; above <= 4 && above < i; above++)
		if ((i - above) in place_at)
			return
	gsub(/[^a-z0-9_]/, "", call)
	wrong(name ":" i ": " call "() has no label")
}

function judge(    label, i)
{
	for (label in mentioned)
		if (!(label in listed))
			wrong(mentioned[label] ": " label \
			      " is an end of no listed edge")
	for (label in listed)
		if (places[label] < needs_places[label])
			wrong(listed[label] ": " label " has " \
			      0 + places[label] " of " needs_places[label] \
			      " places in the code")
	for (i = 1; i <= n_places; i++)
		if (place_label[i] in listed)
			judge_place(i)
	if (calls == 0)
		wrong("not one ordered access found")
	printf "note: %d ordered accesses, %d places\n", calls, n_places
}

# Whether an order is the one that an edge wants, or a stronger one.
function fits(order, wanted)
{
	return index(order, wanted) == 1 ||
	       (wanted != "heavy fence" && order ~ /^(full fence|seq_cst)/) ||
	       (wanted !~ /fence/ && order ~ /^acq_rel/)
}

function judge_place(i,    label, partner, met)
{
	label = place_label[i]
	if (!fits(place_order[i], wanted[label]))
		wrong(place_here[i] ": " label " is " place_order[i] \
		      ", and its edge wants " wanted[label])
	rest = place_rest[i]
	while ((partner = next_label()) != "")
		met += (label, partner) in edge
	if (!met)
		wrong(place_here[i] ": " label " does not name its partner")
}
AWK

awk -v seam="$seam" -f "$scratch/labels.awk" "$srcdir"/lib/*.[ch] \
	>"$scratch/verdict" || give_up "awk failed"
cat "$scratch/verdict"
errors=$(grep -c '^WRONG' "$scratch/verdict")
finish
