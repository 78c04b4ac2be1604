/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What differs between compilers and processors, and nothing else.
 */
#ifndef COQUEUE_PORT_H
#define COQUEUE_PORT_H

#include <stddef.h>

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* Bodies that must melt into their callers, and those that must stay out. */
#define hot_inline static inline __attribute__((always_inline))
#define not_inlined __attribute__((noinline))

/* What two threads write at the same time lies on lines of its own. */
#define CACHE_LINE 64
#define on_own_line _Alignas(CACHE_LINE)

#define container_of(ptr, type, member)                                        \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))
#define container_of_const(ptr, type, member)                                  \
	((const type *)(const void *)((const char *)(ptr)-offsetof(type,       \
								   member)))

/* After memory was allocated: clang takes it that this leaves errno alone, and
 * would drop a store of what it was. */
#define errno_set_back(saved)                                                  \
	do {                                                                   \
		__asm__ __volatile__("" ::: "memory");                         \
		errno = (saved);                                               \
	} while (0)

#if defined(__x86_64__) || defined(__i386__)
#define cpu_pause() __builtin_ia32_pause()
#elif defined(__aarch64__)
#define cpu_pause() __asm__ __volatile__("isb" ::: "memory")
#else
#define cpu_pause() __asm__ __volatile__("" ::: "memory")
#endif

#if defined(__SANITIZE_THREAD__)
#define PORT_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PORT_TSAN 1
#endif
#endif
#ifndef PORT_TSAN
#define PORT_TSAN 0
#endif

#endif
