#!/bin/sh
# SPDX-License-Identifier: MIT
# The fragments of coqueue_coming_from(7): each in its surroundings, tests/coming_from/
# wrap.*, compiled and run where its language and library are, and all with the same
# sum.  In the page a comment before a literal block names its fragment.
. "$(dirname "$0")/script.sh"

page=$srcdir/man/coqueue_coming_from.7
wraps=$srcdir/tests/coming_from
sum=$((100 * 101 / 2))
ran=0

absent()
{
	note "$1 is not here: its fragment is not run"
}

# wrap NAME LANGUAGE: its fragment in its surroundings, to $scratch/NAME/wrap.LANGUAGE.
wrap()
{
	mkdir "$scratch/$1" || give_up "no $scratch/$1"
	sed -n "/^\.\\\\\" fragment: $1\$/,/^\.Ed/p" "$page" |
		sed '/^\./d;s/^\\&//;s/\\e/\\/g' >"$scratch/fragment"
	grep -q 'run(produce, work' "$scratch/fragment" ||
		wrong "the page has no fragment of $1"
	grep -qw 8 "$scratch/fragment" ||
		wrong "$1 has another capacity than the others"
	sed "/^[[:space:]]*FRAGMENT\$/{
		r $scratch/fragment
		d
	}" "$wraps/wrap.$2" >"$scratch/$1/wrap.$2"
}

# sums_up NAME COMMAND...: it prints the sum, and nothing else, within a minute.
sums_up()
{
	name=$1
	shift
	if ends 0 timeout -k 5 60 "$@"; then
		[ "$(cat "$scratch/out")" = $sum ] ||
			wrong "$name does not say $sum: $(cat "$scratch/out")"
		ran=$((ran + 1))
	fi
}

# packaged NAME MODULE...: a fragment of C with what pkg-config knows.
packaged()
{
	name=$1
	shift
	wrap "$name" c
	if ! flags=$($PKG_CONFIG --cflags --libs "$@" 2>/dev/null); then
		absent "$name"
		return
	fi
	# Without sanitizers, which know nothing of the locks of others.
	must "building the fragment of $name" $CC $CFLAGS -Wall -pthread \
		-o "$name/wrap" "$name/wrap.c" $flags &&
		sums_up "$name" "$name/wrap"
}

cd "$scratch" || give_up "no $scratch"
names=$(sed -n 's/^\.\\" fragment: //p' "$page" | tr '\n' ' ')
[ "$names" = "coqueue python gevent go rust glib apr " ] ||
	wrong "the page has other fragments than are run here: $names"

wrap coqueue c
must "building the fragment of coqueue" "$top_builddir/libtool" --silent \
	--tag=CC --mode=link $CC $CFLAGS $SANITIZER_FLAGS $COVERAGE_FLAGS \
	-Wall -Wextra -Werror -pthread -I "$srcdir/include" -o coqueue/wrap \
	coqueue/wrap.c "$top_builddir/libcoqueue.la" &&
	sums_up coqueue coqueue/wrap

packaged glib glib-2.0
packaged apr apr-util-1 apr-1

# queue.Queue with shutdown() came with Python 3.13; before, a class of wrap.py
# stands in for it.
wrap python py
with_shutdown='import queue; queue.ShutDown'
python=
for candidate in python3 /usr/bin/python3 python3.14 python3.13; do
	"$candidate" -c "$with_shutdown" 2>/dev/null || continue
	python=$candidate
	break
done
if [ -n "$python" ]; then
	sums_up python "$python" python/wrap.py
elif has python3; then
	note "no Python 3.13 here: a stand-in for its queue.shutdown()"
	sums_up python python3 python/wrap.py
else
	absent Python
fi

# gevent is for the system's Python; its monkey makes threads greenlets.
wrap gevent py
if /usr/bin/python3 -c 'import gevent' 2>/dev/null; then
	sums_up gevent /usr/bin/python3 -m gevent.monkey gevent/wrap.py
else
	absent gevent
fi

wrap go go
if go version >found 2>&1; then
	must "building the fragment of Go" env GO111MODULE=off GOFLAGS= \
		GOCACHE="$scratch/go/cache" GOPATH="$scratch/go/path" \
		go build -o go/wrap go/wrap.go && sums_up go go/wrap
else
	absent Go
fi

# offline SUBCOMMAND: cargo with Debian's crates, of packages librust-*-dev.
offline()
{
	CARGO_HOME="$scratch/rust/home" CARGO_TARGET_DIR="$scratch/rust" \
		cargo "$@" --quiet --offline --manifest-path rust/Cargo.toml \
		--config 'source.crates-io.replace-with="debian"' --config \
		'source.debian.directory="/usr/share/cargo/registry"'
}

wrap rust rs
cp "$wraps/wrap.toml" rust/Cargo.toml
if offline generate-lockfile >found 2>&1; then
	must "building the fragment of Rust" offline build &&
		sums_up rust rust/debug/wrap
else
	absent crossbeam
fi

note "$ran fragments ran"
[ "$errors" -gt 0 ] || [ $ran -gt 0 ] || exit 77
finish
