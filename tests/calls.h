/* SPDX-License-Identifier: MIT */
/*
 * Calls that bytes tell: whatever the bytes are, they are taken for a queue and
 * a sequence of calls of one thread, none of which has to wait.  Each is made
 * on the queue and on the model (tools/model.h), and everything that the queue
 * answers is compared.  For random bytes, and for a fuzzer's.
 */
#ifndef CALLS_H
#define CALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* false: they differ, and why[] tells at which call, and in what. */
bool calls_agree(const uint8_t *bytes, size_t n, char *why, size_t size);

#endif /* CALLS_H */
