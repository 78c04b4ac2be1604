#!/bin/sh
# SPDX-License-Identifier: MIT
# The public headers as every standard of C and C++ that they promise, with
# every compiler at hand, pedantic and without a warning.
. "$(dirname "$0")/script.sh"

c_standards='c99 c11 c17 c2x'
cxx_standards='c++11 c++14 c++17 c++20'
flags='-Wall -Wextra -pedantic -Werror -fsyntax-only'

headers=$(cd "$srcdir/include" && find . -name '*.h' | sed 's,^\./,,')
[ -n "$headers" ] || give_up "no header in $srcdir/include"

# A program that uses what the header alone can break: macros and initializers.
cat >"$scratch/uses.c" <<'END'
#include <coqueue.h>
#include <coqueue.h>

#if !COQUEUE_CHECK_VERSION(COQUEUE_VERSION_MAJOR, COQUEUE_VERSION_MINOR,       \
			   COQUEUE_VERSION_PATCH) ||                           \
	COQUEUE_CHECK_VERSION(COQUEUE_VERSION_MAJOR + 1, 0, 0)
#error "COQUEUE_CHECK_VERSION"
#endif

struct job {
	long number;
	char name[24];
};
typedef struct job *job_pointer;

COQUEUE_DEFINE_TYPED(jobs, struct job)
COQUEUE_DEFINE_TYPED(pointers, job_pointer)
COQUEUE_DEFINE_TYPED(stars, struct job *)
COQUEUE_DEFINE_TYPED(unused, int)

int use(coqueue_t *q, struct job *job);

int use(coqueue_t *q, struct job *job)
{
	static const coqueue_attr_t fixed = COQUEUE_ATTR_INIT;
	coqueue_attr_t attr = COQUEUE_ATTR_INIT;
	const struct timespec *now = COQUEUE_NOWAIT;
	struct job other = *job;
	size_t done = 0;

	attr.item_size = sizeof(other);
	return jobs_create(&q, 4, &attr) + pointers_create(&q, 4, &fixed) +
	       stars_create(&q, 4, NULL) + jobs_put(q, job) +
	       jobs_try_put(q, job) + jobs_put_until(q, job, now) +
	       jobs_put_many(q, job, 1, NULL, &done) + jobs_get(q, &other) +
	       jobs_try_get(q, &other) + jobs_get_until(q, &other, now) +
	       jobs_get_many(q, &other, 1, NULL, &done) +
	       pointers_put(q, &job) + pointers_get(q, &job) +
	       stars_put(q, &job) + stars_get(q, &job);
}
END
echo 'extern int nothing;' >"$scratch/nothing.c"
cat >"$scratch/misuses.c" <<'END'
#include <coqueue.h>

COQUEUE_DEFINE_TYPED(longs, long)

int misuse(coqueue_t *q, MISUSED *item);

int misuse(coqueue_t *q, MISUSED *item)
{
	return longs_put(q, item) + longs_get(q, item);
}
END

# each_standard COMPILER LANGUAGE STANDARD...
each_standard()
{
	compiler=$1
	language=$2
	shift 2
	if ! has "$compiler"; then
		note "no $compiler here: not tried"
		return
	fi
	for standard; do
		compile="$compiler -x $language -std=$standard $flags"
		if ! $compile "$scratch/nothing.c" 2>/dev/null; then
			note "$compiler does not know $standard: not tried"
			continue
		fi
		one_standard
		tried=$((tried + 1))
	done
}

# The headers, the right and the wrong use with the command in $compile.
one_standard()
{
	compile="$compile -I $srcdir/include"
	for header in $headers; do
		echo "#include <$header>" >"$scratch/alone.c"
		must "$header alone" $compile "$scratch/alone.c"
	done
	must "use of the macros" $compile "$scratch/uses.c"
	must "use of a typed queue" $compile -DMISUSED=long "$scratch/misuses.c"
	if $compile -DMISUSED=int "$scratch/misuses.c" 2>/dev/null; then
		wrong "a typed queue took another type: $compile"
	fi
}

tried=0
each_standard gcc c $c_standards
each_standard clang c $c_standards
[ $tried -gt 0 ] || each_standard "$CC" c $c_standards
[ $tried -gt 0 ] || give_up "no C compiler found"
each_standard g++ c++ $cxx_standards
each_standard clang++ c++ $cxx_standards

for header in $headers; do
	echo "#include <$header>" >"$scratch/alone.c"
	$CC -M -I "$srcdir/include" "$scratch/alone.c" >"$scratch/included" ||
		give_up "$CC -M does not work"
	if grep urcu "$scratch/included"; then
		wrong "$header includes a header of liburcu"
	fi
done
note "$tried combinations of compiler and standard"
finish
