#!/bin/sh
# SPDX-License-Identifier: MIT
# Fuzz sequences of calls against the model, for FUZZ_SECONDS (20): libFuzzer,
# with AddressSanitizer and UBSan, on the library's own sources.  FUZZ_CORPUS
# names a directory whose inputs are tried first, and that keeps what is new.
# An input that fails is left in the current directory; FUZZ_INPUT=file tries
# that one again.
. "$(dirname "$0")/script.sh"

: "${FUZZ_SECONDS:=20}" "${FUZZ_CORPUS:=$scratch/corpus}" "${FUZZ_INPUT:=}"
: "${FUZZ_CC:=clang}"
sanitizers=address,undefined

echo 'int LLVMFuzzerTestOneInput(void); int LLVMFuzzerTestOneInput(void) { return 0; }' \
	>"$scratch/try.c"
if ! "$FUZZ_CC" -fsanitize=fuzzer,$sanitizers -o "$scratch/try" \
	"$scratch/try.c" 2>/dev/null; then
	note "no fuzzing here: $FUZZ_CC -fsanitize=fuzzer does not work" \
		"(Debian: clang and libclang-rt-14-dev)"
	exit 77
fi

# With UBSan, liburcu's readers are not inlined (configure.ac).
sed 's/\(define RCU_INLINE_READERS\).*/\1 0/' "$top_builddir/config.h" \
	>"$scratch/config.h"
must "the fuzzer does not build" \
	"$FUZZ_CC" -std=gnu11 -g -O1 -fsanitize=fuzzer,$sanitizers \
	-fno-sanitize-recover=undefined -fno-omit-frame-pointer \
	-I "$scratch" -I "$srcdir/include" -I "$srcdir/lib" \
	-include "$srcdir/lib/prefix.h" $URCU_CFLAGS \
	-o "$scratch/fuzz_calls" "$srcdir"/lib/*.c "$srcdir/tools/model.c" \
	"$srcdir/tests/calls.c" "$srcdir/tests/fuzz_calls.c" \
	$("$PKG_CONFIG" --libs liburcu-bp) -pthread || finish

if [ -n "$FUZZ_INPUT" ]; then
	"$scratch/fuzz_calls" "$FUZZ_INPUT" || wrong "$FUZZ_INPUT fails"
	finish
fi
mkdir -p "$FUZZ_CORPUS"
"$scratch/fuzz_calls" -max_total_time="$FUZZ_SECONDS" -max_len=400 \
	-timeout=20 -print_final_stats=1 -artifact_prefix=fuzz- \
	"$FUZZ_CORPUS" >"$scratch/out" 2>&1 ||
	wrong "an input was found that fails"
if [ "$errors" -ne 0 ]; then
	tail -n 40 "$scratch/out"
else
	grep -E '^(stat::number_of_executed_units|stat::average_exec|Done)' \
		"$scratch/out"
	grep ' cov: ' "$scratch/out" | tail -n 1
fi
finish
