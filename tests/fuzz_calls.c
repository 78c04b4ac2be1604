/* SPDX-License-Identifier: MIT */
/*
 * For libFuzzer: sequences of calls that find their way into every branch of
 * the library, each answer compared with the model.  tests/fuzz.sh builds it.
 */
#include "calls.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	char why[200];

	if (calls_agree(bytes, n, why, sizeof(why)))
		return 0;
	fprintf(stderr, "the queue and the model differ: %s\n", why);
	abort();
}
