/* SPDX-License-Identifier: MIT */
/*
 * What fails below the library (G13), and wake-ups that nobody sent (E88).
 *
 * This program is linked with the static library, and the linker's --wrap puts
 * the functions below between it and libc: the n-th call of a thread fails,
 * for every n; what is taken and given back is counted.
 */
#include "config.h"

#include <limits.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include "crew.h"

/* ---- faults ------------------------------------------------------------- */

static _Thread_local struct {
	bool armed;
	unsigned calls, nth; /* 0: none fails */
	bool for_good;       /* those after the nth fail, too */
	int code;            /* of the one that failed; 0: none has */
	/* Taken and not given back, while armed. */
	long memory, objects;
} faults;

/*
 * A sanitizer that is linked statically calls the wrapped functions itself,
 * before it can cope with calls from instrumented code.
 */
#if defined(__has_attribute)
#if __has_attribute(disable_sanitizer_instrumentation)
#define BARE __attribute__((disable_sanitizer_instrumentation))
#endif
#endif
#ifndef BARE
#define BARE
#endif
#define BARE_INLINE static inline BARE __attribute__((always_inline))

BARE_INLINE bool fails(int code)
{
	if (!faults.armed || faults.nth == 0 || ++faults.calls < faults.nth ||
	    (faults.calls > faults.nth && !faults.for_good))
		return false;
	faults.code = errno = code;
	return true;
}

BARE_INLINE void *took(void *memory)
{
	faults.memory += faults.armed && memory;
	return memory;
}

BARE_INLINE int made(int code)
{
	faults.objects += faults.armed && code == 0;
	return code;
}

#define WRAP(type, name, ...)                                                  \
	type __real_##name(__VA_ARGS__);                                       \
	type __wrap_##name(__VA_ARGS__);                                       \
	BARE type __wrap_##name(__VA_ARGS__)

WRAP(void *, malloc, size_t size)
{
	return fails(ENOMEM) ? NULL : took(__real_malloc(size));
}

WRAP(void *, calloc, size_t n, size_t size)
{
	return fails(ENOMEM) ? NULL : took(__real_calloc(n, size));
}

WRAP(void *, aligned_alloc, size_t alignment, size_t size)
{
	return fails(ENOMEM) ? NULL
			     : took(__real_aligned_alloc(alignment, size));
}

WRAP(int, posix_memalign, void **memory, size_t alignment, size_t size)
{
	int code = fails(ENOMEM)
			   ? ENOMEM
			   : __real_posix_memalign(memory, alignment, size);

	took(code ? NULL : *memory);
	return code;
}

WRAP(void *, realloc, void *memory, size_t size)
{
	void *new;

	if (fails(ENOMEM))
		return NULL;
	new = __real_realloc(memory, size);
	return memory ? new : took(new);
}

WRAP(void, free, void *memory)
{
	faults.memory -= faults.armed && memory;
	__real_free(memory);
}

WRAP(void *, mmap, void *at, size_t length, int prot, int flags, int file,
     off_t offset)
{
	void *memory = fails(ENOMEM) ? MAP_FAILED
				     : __real_mmap(at, length, prot, flags,
						   file, offset);

	took(memory == MAP_FAILED ? NULL : memory);
	return memory;
}

WRAP(int, munmap, void *memory, size_t length)
{
	faults.memory -= faults.armed;
	return __real_munmap(memory, length);
}

WRAP(int, pthread_mutex_init, pthread_mutex_t *mutex,
     const pthread_mutexattr_t *attr)
{
	return fails(EAGAIN) ? EAGAIN
			     : made(__real_pthread_mutex_init(mutex, attr));
}

WRAP(int, pthread_mutex_destroy, pthread_mutex_t *mutex)
{
	faults.objects -= faults.armed;
	return __real_pthread_mutex_destroy(mutex);
}

/* membarrier(2): how often each command was asked for, and is to fail yet. */
enum { EXPEDITED = 1 << 3, REGISTER_EXPEDITED = 1 << 4 };
static atomic_uint expedited, registered, other_commands;
static atomic_int barriers_to_fail;

/* With all that a system call may have: none of it is read where it is not. */
WRAP(long, syscall, long number, long a, long b, long c, long d, long e, long f)
{
	if (number != SYS_membarrier)
		return __real_syscall(number, a, b, c, d, e, f);
	if ((int)a == EXPEDITED)
		expedited++;
	else if ((int)a == REGISTER_EXPEDITED)
		registered++;
	else
		other_commands++;
	if (barriers_to_fail > 0 && barriers_to_fail-- > 0) {
		errno = EPERM;
		return -1;
	}
	return __real_syscall(number, a, b, c, d, e, f);
}

/* Called when the program is loaded; see a_program_without_fork_hooks(). */
#define WITHOUT_HOOKS "CHECK_FAULTS_WITHOUT_HOOKS"

/* It is never undone, so it does not count as taken. */
WRAP(int, pthread_atfork, void (*prepare)(void), void (*parent)(void),
     void (*child)(void))
{
	return fails(ENOMEM) || getenv(WITHOUT_HOOKS)
		       ? ENOMEM
		       : __real_pthread_atfork(prepare, parent, child);
}

/* ---- wake-ups that nobody sent ------------------------------------------ */

static _Atomic unsigned spurious; /* of so many waits in a row, all but one */
static _Atomic unsigned sent_by_nobody;
static _Atomic bool far_ahead; /* whatever deadline a wait has, it is past */
static _Thread_local unsigned waits;

/* POSIX lets any wait return as if it had been woken. */
static bool wakes_by_itself(pthread_mutex_t *mutex)
{
	unsigned n = atomic_load(&spurious);

	if (n == 0 || ++waits % n == 0)
		return false;
	atomic_fetch_add(&sent_by_nobody, 1);
	pthread_mutex_unlock(mutex);
	sched_yield();
	pthread_mutex_lock(mutex);
	return true;
}

WRAP(int, pthread_cond_wait, pthread_cond_t *cond, pthread_mutex_t *mutex)
{
	if (wakes_by_itself(mutex))
		return 0;
	return __real_pthread_cond_wait(cond, mutex);
}

WRAP(int, pthread_cond_timedwait, pthread_cond_t *cond, pthread_mutex_t *mutex,
     const struct timespec *deadline)
{
	if (wakes_by_itself(mutex))
		return 0;
	return __real_pthread_cond_timedwait(cond, mutex, deadline);
}

WRAP(int, pthread_cond_clockwait, pthread_cond_t *cond, pthread_mutex_t *mutex,
     clockid_t clock, const struct timespec *deadline)
{
	if (atomic_load(&far_ahead))
		return ETIMEDOUT;
	if (wakes_by_itself(mutex))
		return 0;
	return __real_pthread_cond_clockwait(cond, mutex, clock, deadline);
}

/* ---- yields to others --------------------------------------------------- */

/* Of this thread: how many there were, and what the others do meanwhile. */
static _Thread_local struct {
	unsigned n;
	void (*meanwhile)(void);
} yields;

WRAP(int, sched_yield, void)
{
	yields.n++;
	if (yields.meanwhile)
		yields.meanwhile();
	return __real_sched_yield();
}

/* ---- each call below fails once ----------------------------------------- */

static void arm(unsigned nth)
{
	memset(&faults, 0, sizeof(faults));
	faults.nth = nth;
	faults.armed = true;
}

static void arm_for_good(unsigned nth)
{
	arm(nth);
	faults.for_good = true;
}

static void disarm(void)
{
	faults.armed = false;
}

/* What failed is reported, as it is or as what it amounts to. */
static bool is_report(int code)
{
	return code != 0 && (code == faults.code || code == ENOMEM);
}

struct plan {
	enum coqueue_order order;
	size_t capacity, item_size;
};

static int create_and_destroy(const struct plan *plan, unsigned nth)
{
	coqueue_attr_t attr = {.size = sizeof(attr),
			       .order = plan->order,
			       .item_size = plan->item_size,
			       .compare = compare_steps};
	coqueue_t *const before = (coqueue_t *)&attr, *q = before;
	int code, kept, destroyed = 0;

	arm(nth);
	errno = 4711;
	code = coqueue_create(&q, plan->capacity, &attr);
	kept = errno;
	if (code == 0)
		destroyed = coqueue_destroy(q);
	disarm();
	ck_ok(destroyed);
	ck_assert_int_eq(kept, 4711);
	ck_assert(code == 0 || q == before);
	return code;
}

/* Fail each call that create makes, one after the other. */
static unsigned sweep_create(const struct plan *plan)
{
	unsigned nth;

	for (nth = 1; nth < 1000; nth++) {
		int code = create_and_destroy(plan, nth);

		ck_assert_int_eq(faults.memory, 0);
		ck_assert_int_eq(faults.objects, 0);
		if (faults.code == 0) {
			ck_ok(code);
			break;
		}
		ck_assert_msg(is_report(code), "call %u failed: %s", nth,
			      code_name(code));
		ck_ok(create_and_destroy(plan, 0));
		ck_assert_int_eq(faults.memory, 0);
		ck_assert_int_eq(faults.objects, 0);
	}
	return nth - 1;
}

/*
 * G13.  What is done once per process is done by the first sweep, so the
 * second reaches what the first one has skipped in its place.
 */
START_TEST(each_failure_below_create_is_reported_and_nothing_leaks)
{
	static const struct plan plans[] = {{COQUEUE_FIFO, 1, 1},
					    {COQUEUE_FIFO, 7, 13},
					    {COQUEUE_FIFO, 1024, 64},
					    {COQUEUE_LIFO, 100, 5000},
					    {COQUEUE_PRIORITY, 7, 13}};
	unsigned failed = 0, calls;

	for (size_t i = 0; i < sizeof(plans) / sizeof(*plans); i++) {
		calls = sweep_create(&plans[i]);
		ck_assert_msg(calls > 0, "nothing was wrapped");
		failed += calls;
	}
	for_each_kind(kind) {
		struct plan plan = {kind->order, kind->capacity, sizeof(long)};

		calls = sweep_create(&plan);
		ck_assert_msg(calls > 0, "nothing was wrapped");
		failed += calls;
	}
	report_injected(failed);
}
END_TEST

/* What main() does in a program that was loaded so. */
static int a_program_without_fork_hooks(void)
{
	coqueue_t *q = NULL;

	return coqueue_create(&q, 1, NULL) == ENOMEM && !q ? 0 : 1;
}

static int load_without_fork_hooks(void *unused)
{
	(void)unused;
	setenv(WITHOUT_HOOKS, "1", 1);
	execl("/proc/self/exe", "check_faults", (char *)NULL);
	return 1;
}

/* G13, G15: no queue is better than one that a fork would break. */
START_TEST(E85_create_fails_where_no_hooks_for_fork_could_be_set)
{
	check_in_child(load_without_fork_hooks, NULL);
}
END_TEST

/* The call waits until its deadline, unless a call below fails. */
static void call_with_fault(const struct op *op, unsigned nth)
{
	coqueue_t *q = queue_that_blocks(op);
	struct timespec soon = from_now(2 * MS);
	size_t size = coqueue_size(q);
	long item = 0;
	int code;

	arm(nth);
	code = op_call(op, q, &item, &soon);
	disarm();
	ck_assert_int_eq(faults.memory, 0);
	if (faults.code)
		ck_assert_msg(is_report(code), "%s: %s", op->name,
			      code_name(code));
	else
		ck_code(code, ETIMEDOUT);
	ck_assert_uint_eq(coqueue_size(q), size);
	ck_assert_uint_eq(waiting_in(q, op->line), 0);
	check_usable(q);
	ck_ok(coqueue_destroy(q));
}

/* G13 */
START_TEST(each_failure_below_a_call_that_waits_is_reported)
{
	for_each_op(op)
		if (op->form == UNTIL) {
			unsigned nth = 1;

			do
				call_with_fault(op, nth);
			while (faults.code && nth++ < 100);
		}
}
END_TEST

/* ---- what grows ---------------------------------------------------------- */

/* What a call that failed must not have changed. */
static void check_unchanged(coqueue_t *q, size_t items, size_t capacity)
{
	ck_assert_uint_eq(coqueue_size(q), items);
	ck_assert_uint_eq(coqueue_unfinished(q), items);
	ck_assert_uint_eq(stats_of(q).puts, items);
	ck_assert_uint_eq(coqueue_capacity(q), capacity);
}

/* The item is put again and again while one call below more succeeds each time:
 * a put may try twice. */
static unsigned put_with_faults(coqueue_t *q, long item)
{
	unsigned nth = 1;
	int code;

	for (;; nth++) {
		arm_for_good(nth);
		errno_mark();
		code = errno_kept(coqueue_try_put(q, &item));
		disarm();
		if (code == 0)
			return nth - 1;
		ck_code(code, ENOMEM);
		ck_assert_int_eq(faults.memory, 0);
		check_unchanged(q, (size_t)item, COQUEUE_UNBOUNDED);
	}
}

/* G13 */
START_TEST(a_put_without_memory_to_grow_changes_nothing)
{
	for_each_kind(kind) {
		enum { ITEMS = 20000 };
		coqueue_t *q;
		unsigned failed = 0;

		if (kind_is_bounded(kind))
			continue;
		q = kind_with(kind, 0);
		for (long item = 0; item < ITEMS; item++)
			failed += put_with_faults(q, item);
		ck_assert_msg(failed > 0, "%s: never grew", kind->name);
		take_all_of(kind, q, ITEMS);
		check_usable_as(kind, q);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

/* A bulk put keeps what it has put: the error tells of the next item. */
START_TEST(a_bulk_put_without_memory_tells_how_many_were_put)
{
	for_each_kind(kind) {
		enum { ITEMS = 20000 };
		static long items[ITEMS];
		coqueue_t *q;
		size_t done;
		int code;

		if (kind_is_bounded(kind))
			continue;
		q = kind_with(kind, 0);
		for (long i = 0; i < ITEMS; i++)
			items[i] = i;
		arm_for_good(1);
		code = coqueue_put_many(q, items, ITEMS, COQUEUE_NOWAIT, &done);
		disarm();
		ck_code(code, ENOMEM);
		ck_assert_uint_lt(done, ITEMS);
		ck_assert_uint_eq(coqueue_size(q), done);
		take_all_of(kind, q, done);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

/* To shrink is not worth an error. */
START_TEST(a_get_without_memory_to_shrink_succeeds)
{
	for_each_kind(kind) {
		enum { ITEMS = 2000 };
		coqueue_t *q;
		int failed = 0;

		if (kind_is_bounded(kind))
			continue;
		q = kind_with(kind, ITEMS);
		for (int i = 0; i < ITEMS; i++) {
			long item, last = kind->order == COQUEUE_LIFO
						  ? ITEMS - 1 - i
						  : i;

			arm(1 + (unsigned)i % 2);
			ck_ok(coqueue_try_get(q, &item));
			disarm();
			ck_assert_int_eq(item, last);
			failed += faults.code != 0;
		}
		ck_assert(failed > 0 || kind->order == COQUEUE_FIFO);
		check_usable_as(kind, q);
		ck_ok(coqueue_destroy(q));
	}
}
END_TEST

/* G13: each call below set_capacity fails once, from 4 to 9 and from 4 to 2. */
static void resize_with_faults(const struct kind *kind, size_t capacity)
{
	unsigned nth = 1;
	int code;

	for (;; nth++) {
		coqueue_t *q = queue_with_attr(4, 3, kind_attr(kind));

		arm(nth);
		code = coqueue_set_capacity(q, capacity);
		disarm();
		if (code != 0) {
			ck_code(code, ENOMEM);
			ck_assert_int_eq(faults.memory, 0);
			check_unchanged(q, 3, 4);
			ck_ok(coqueue_try_put(q, &(long){3}));
			ck_code(coqueue_try_put(q, &(long){4}), EAGAIN);
			take_all_of(kind, q, 4);
		} else {
			check_unchanged(q, 3, capacity);
			take_all_of(kind, q, 3);
		}
		check_usable_as(kind, q);
		ck_ok(coqueue_destroy(q));
		if (faults.code == 0)
			return;
	}
}

START_TEST(E44_each_failure_below_set_capacity_changes_nothing)
{
	for_each_kind(kind)
		if (kind->capacity == 3) {
			resize_with_faults(kind, 9);
			resize_with_faults(kind, 3);
			resize_with_faults(kind, 2);
		}
}
END_TEST

static int get_with_faults(coqueue_t *q, long *item, unsigned nth)
{
	int code;

	arm_for_good(nth);
	code = coqueue_try_get(q, item);
	disarm();
	return code;
}

/*
 * A FIFO below its size keeps its slots until a get finds memory for fewer; its
 * capacity holds at once, and what was replaced is not replaced again.
 */
START_TEST(E44_a_get_without_memory_for_fewer_slots_keeps_the_capacity)
{
	coqueue_t *q = queue_with(5, 5);
	long item = 5, items[3] = {6, 7, 8};
	size_t done;

	ck_ok(coqueue_set_capacity(q, 2));
	for (long i = 0; i < 3; i++) {
		ck_ok(get_with_faults(q, &item, 1));
		ck_assert_int_eq(item, i);
		ck_code(coqueue_try_put(q, &item), EAGAIN);
	}
	ck_assert_int_eq(faults.code, ENOMEM);
	ck_ok(get_with_faults(q, &item, 1));
	ck_code(coqueue_put_many(q, items, 3, COQUEUE_NOWAIT, &done), EAGAIN);
	ck_assert_uint_eq(done, 1);
	ck_assert_uint_eq(coqueue_size(q), 2);
	ck_ok(get_with_faults(q, &item, 0));
	ck_assert_int_eq(item, 4);
	ck_ok(get_with_faults(q, &item, 1));
	ck_assert_int_eq(item, 6);
	ck_assert_int_eq(faults.code, 0);
	check_usable(q);
	ck_ok(coqueue_destroy(q));
}
END_TEST

/* ---- calls that have no code for it -------------------------------------- */

static void do_nothing(void *item, void *ctx)
{
	(void)item;
	(void)ctx;
}

/* These have no way to tell, so they must not need what may fail. */
START_TEST(calls_that_cannot_report_a_failure_below_have_none)
{
	coqueue_attr_t attr = {.size = sizeof(attr),
			       .item_destroy = do_nothing};
	unsigned nth = 1;

	do {
		coqueue_t *q = queue_with_attr(3, 3, attr);
		long item = 0;
		int codes;

		arm(nth);
		codes = coqueue_try_get(q, &item) | coqueue_try_put(q, &item) |
			coqueue_try_peek(q, &item) | coqueue_task_done(q, 1) |
			coqueue_interrupt(q) |
			coqueue_shutdown(q, COQUEUE_GRACEFUL) |
			coqueue_shutdown(q, COQUEUE_IMMEDIATE) |
			coqueue_destroy(q);
		disarm();
		ck_ok(codes);
	} while (faults.code && nth++ < 100);
}
END_TEST

/* ---- spurious wake-ups -------------------------------------------------- */

START_TEST(E88_no_call_returns_because_of_a_spurious_wake_up)
{
	for (unsigned n = 2; n <= 50; n += 12)
		for_each_blocking_op(op) {
			coqueue_t *q = queue_that_blocks(op);
			struct crew *crew;

			atomic_store(&spurious, n);
			crew = crew_block(q, op, 3);
			ck_assert_uint_eq(crew_finished(crew), 0);
			ck_ok(coqueue_interrupt(q));
			crew_expect(crew, EINTR);
			crew = crew_block(q, op, 3);
			ck_ok(coqueue_shutdown(q, COQUEUE_IMMEDIATE));
			crew_expect(crew, op->line == JOINERS ? 0 : ESHUTDOWN);
			ck_ok(coqueue_destroy(q));
		}
}
END_TEST

START_TEST(E78_E88_deadlines_hold_under_spurious_wake_ups)
{
	for (unsigned n = 2; n <= 50; n += 12)
		for_each_op(op)
			if (op->form == UNTIL) {
				coqueue_t *q = queue_that_blocks(op);
				struct timespec soon = from_now(3 * MS);

				atomic_store(&spurious, n);
				crew_expect(crew_call(q, op, 3, &soon),
					    ETIMEDOUT);
				ck_assert(is_past(&soon));
				ck_ok(coqueue_destroy(q));
			}
}
END_TEST

static int put_count(struct hand *me)
{
	for (long item = 0; item < (long)scaled(2000); item++)
		if (coqueue_put(me->q, &item) != 0)
			return complain(me, "put failed");
	return 0;
}

static int get_count(struct hand *me)
{
	long item;

	for (unsigned i = 0; i < scaled(2000); i++)
		if (coqueue_get(me->q, &item) != 0)
			return complain(me, "get failed");
	return 0;
}

/* G10 */
/* What is far away, but not for ever, is a deadline. */
START_TEST(E86_a_deadline_in_a_hundred_years_is_waited_for)
{
	atomic_store(&far_ahead, true);
	for_each_op(op)
		if (op->form == UNTIL) {
			coqueue_t *q = queue_that_blocks(op);
			struct timespec far = from_now(1000 * MS);

			far.tv_sec += 100L * 365 * 24 * 3600;
			crew_expect(crew_call(q, op, 2, &far), ETIMEDOUT);
			ck_ok(coqueue_destroy(q));
		}
}
END_TEST

START_TEST(E88_spurious_wake_ups_lose_none_that_are_meant)
{
	for (size_t capacity = 1; capacity <= 3; capacity++) {
		coqueue_t *q = queue_with(capacity, 0);
		struct crew *put, *get;

		atomic_store(&spurious, 3);
		put = crew_start(3, put_count, q, NULL);
		get = crew_start(3, get_count, q, NULL);
		crew_expect(put, 0);
		crew_expect(get, 0);
		ck_assert_uint_eq(coqueue_size(q), 0);
		ck_ok(coqueue_destroy(q));
	}
	report_injected(atomic_load(&sent_by_nobody));
}
END_TEST

/* ---- the fence of who goes to sleep --------------------------------------- */

/* Whether the library may use it, and is to. */
static bool has_membarrier(void)
{
	long commands = __real_syscall(SYS_membarrier, 0, 0, 0, 0, 0, 0);

	return !UNDER_TSAN && commands > 0 && commands & EXPEDITED;
}

/* How many fences that takes. */
static unsigned sleep_in(coqueue_t *q, int times)
{
	unsigned before = expedited;
	struct crew *getter;

	for (int i = 0; i < times; i++) {
		getter = crew_block(q, &ops[OP_GET], 1);
		ck_ok(coqueue_put(q, &(long){1}));
		crew_expect(getter, 0);
	}
	return expedited - before;
}

static void sleep_once(void)
{
	coqueue_t *q = queue_with(1, 0);

	sleep_in(q, 1);
	ck_ok(coqueue_destroy(q));
}

START_TEST(who_goes_to_sleep_has_every_thread_pass_a_fence)
{
	unsigned before = expedited;

	if (!has_membarrier())
		return;
	ck_assert_uint_gt(registered, 0);
	sleep_once();
	ck_assert_uint_gt(expedited, before);
	ck_assert_uint_eq(other_commands, 0);
}
END_TEST

/* It is dear.  Puts, which have none as long as nobody sleeps, pay instead. */
START_TEST(where_calls_sleep_as_a_rule_the_fence_is_saved)
{
	coqueue_t *q = queue_with(1, 0);

	if (!has_membarrier() || !COQUEUE_FASTPATH)
		return;
	ck_assert_uint_gt(sleep_in(q, 40), 0);
	ck_assert_uint_eq(sleep_in(q, 20), 0);
	ck_ok(coqueue_destroy(q));
}
END_TEST

START_TEST(a_fence_that_fails_for_a_while_is_tried_again)
{
	unsigned before = expedited, registered_before = registered;

	if (!has_membarrier())
		return;
	barriers_to_fail = 5;
	sleep_once();
	ck_assert_int_eq(barriers_to_fail, 0);
	ck_assert_uint_gt(expedited, before + 1);
	ck_assert_uint_gt(registered, registered_before);
}
END_TEST

START_TEST(without_its_fence_nobody_goes_to_sleep)
{
	struct rlimit none = {0, 0};
	int status;
	pid_t child;

	if (!has_membarrier())
		return;
	child = fork();
	if (child == 0) {
		setrlimit(RLIMIT_CORE, &none);
		barriers_to_fail = INT_MAX;
		sleep_once();
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
}
END_TEST

/* ---- yields beside who wants the core for himself ------------------------- */

enum { LONG_MS = 20, REST = 16 /* times as long */ };

static void others_work(void)
{
	const struct timespec span = {.tv_nsec = LONG_MS * MS};

	nanosleep(&span, NULL);
}

/* Of a get for which nothing comes. */
static unsigned yields_of_a_get(coqueue_t *q, int64_t patience,
				void (*meanwhile)(void))
{
	struct timespec deadline = from_now(patience);
	long item;

	yields.n = 0;
	yields.meanwhile = meanwhile;
	(void)coqueue_get_until(q, &item, &deadline);
	yields.meanwhile = NULL;
	return yields.n;
}

/* What went through a queue earlier does not move it now. */
static coqueue_t *used_queue(size_t capacity)
{
	coqueue_t *q = queue_with(capacity, 0);
	long item = 0;

	for (int i = 0; i < 2000 * LONG_MS && capacity > 0; i++) {
		ck_ok(coqueue_try_put(q, &item));
		ck_ok(coqueue_try_get(q, &item));
	}
	return q;
}

static bool told; /* the last try was quick enough to tell something */

static int yield_for_long(struct hand *me)
{
	struct timespec rests = from_now(REST * LONG_MS * MS);
	unsigned first = yields_of_a_get(me->q, 10 * LONG_MS * MS, others_work);
	unsigned second = yields_of_a_get(me->q, MS / 100, NULL);

	/* while calls sleep as a rule, and now and then spin for long instead */
	for (int i = 0; i < 100; i++)
		second += yields_of_a_get(me->q, MS / 100, NULL);
	told = first > 0 && !is_past(&rests);
	if (told && (first > 1 || second > 0))
		return complain(me, "%u, then %u yields", first, second);
	while (yields_of_a_get(me->q, MS, NULL) == 0)
		;
	return 0;
}

START_TEST(who_yields_for_long_sleeps_for_a_while_instead)
{
	for (size_t capacity = 0; capacity < 2 && COQUEUE_FASTPATH; capacity++)
		for (told = false; !told;) {
			coqueue_t *q = used_queue(capacity);

			crew_expect(crew_start(1, yield_for_long, q, NULL), 0);
			ck_ok(coqueue_destroy(q));
		}
}
END_TEST

/* As many as it may before it sleeps. */
static int yield_shortly(struct hand *me)
{
	unsigned n = yields_of_a_get(me->q, 100 * MS, NULL);

	told = n == 4;
	return n > 4 ? complain(me, "%u yields", n) : 0;
}

START_TEST(short_yields_are_no_reason_to_sleep)
{
	for (size_t capacity = 0; capacity < 2 && COQUEUE_FASTPATH; capacity++)
		for (told = false; !told;) {
			coqueue_t *q = queue_with(capacity, 0);

			crew_expect(crew_start(1, yield_shortly, q, NULL), 0);
			ck_ok(coqueue_destroy(q));
		}
}
END_TEST

/* One holds the lock of a pile, comparing, until the other has let it. */
static _Thread_local bool compares_for_long;
static _Atomic bool compares, may_go_on;

static int compare_for_long(const void *a, const void *b, void *ctx)
{
	(void)a;
	(void)b;
	(void)ctx;
	compares = compares_for_long;
	while (compares && !may_go_on)
		others_work();
	return 0;
}

static int put_comparing_for_long(struct hand *me)
{
	compares_for_long = true;
	return coqueue_put(me->q, &(long){1});
}

static void others_work_and_let_go(void)
{
	others_work();
	may_go_on = true;
}

static int wait_for_the_lock(struct hand *me)
{
	struct timespec rests;
	unsigned first, second;
	coqueue_t *empty = me->arg;
	int code;

	rests = from_now(REST * LONG_MS * MS);
	yields.n = 0;
	yields.meanwhile = others_work_and_let_go;
	code = coqueue_put(me->q, &(long){2});
	first = yields.n;
	second = yields_of_a_get(empty, MS, NULL);
	told = first > 0 && !is_past(&rests);
	if (told && (first > 1 || second > 0))
		return complain(me, "%u, then %u yields", first, second);
	return code;
}

START_TEST(who_yields_for_long_to_who_holds_a_lock_rests_too)
{
	coqueue_attr_t attr = COQUEUE_ATTR_INIT;
	coqueue_t *q, *empty = queue_with(1, 0);
	struct crew *one;

	attr.order = COQUEUE_PRIORITY;
	attr.item_size = sizeof(long);
	attr.compare = compare_for_long;
	for (told = false; !told && COQUEUE_FASTPATH;) {
		compares = may_go_on = false;
		ck_ok(coqueue_create(&q, 4, &attr));
		ck_ok(coqueue_put(q, &(long){0}));
		one = crew_start(1, put_comparing_for_long, q, NULL);
		await(compares);
		crew_expect(crew_start(1, wait_for_the_lock, q, empty), 0);
		crew_expect(one, 0);
		ck_ok(coqueue_destroy(q));
	}
	ck_ok(coqueue_destroy(empty));
}
END_TEST

enum { BATCH = 256, LAST_YIELD = 10 };
static coqueue_t *moving;
static int codes; /* of all these calls */

static int64_t now_ns(void)
{
	struct timespec now = from_now(0);

	return now.tv_sec * 1000 * MS + now.tv_nsec;
}

/* Others put and get, for a millisecond each time, 2 items in a microsecond or
 * more, or nothing can be told; and leave one at the end. */
static void others_put_and_get(void)
{
	int64_t begun = now_ns(), moved = 0;
	static long items[BATCH];
	size_t done;

	do {
		codes |= coqueue_put_many(moving, items, BATCH, NULL, &done);
		codes |= coqueue_get_many(moving, items, BATCH, NULL, &done);
		moved += BATCH;
	} while (now_ns() - begun < MS);
	told = told && moved > 2 * (now_ns() - begun) / 1000;
	if (yields.n == LAST_YIELD)
		codes |= coqueue_put(moving, items);
}

static int yield_to_those_who_put(struct hand *me)
{
	unsigned n;

	told = true;
	n = yields_of_a_get(me->q, 1000 * MS, others_put_and_get);
	if (told && n < LAST_YIELD)
		return complain(me, "it sleeps after %u yields", n);
	return codes;
}

START_TEST(long_yields_to_those_who_put_are_no_reason_to_sleep)
{
	told = false;
	for (int i = 0; i < 10 && !told && COQUEUE_FASTPATH; i++) {
		moving = queue_with(BATCH, 0);
		crew_expect(crew_start(1, yield_to_those_who_put, moving, NULL),
			    0);
		ck_ok(coqueue_destroy(moving));
	}
}
END_TEST

int main(void)
{
	if (getenv(WITHOUT_HOOKS))
		return a_program_without_fork_hooks();
	return suite_run(
		"faults",
		TESTS(each_failure_below_create_is_reported_and_nothing_leaks,
		      E85_create_fails_where_no_hooks_for_fork_could_be_set,
		      each_failure_below_a_call_that_waits_is_reported,
		      a_put_without_memory_to_grow_changes_nothing,
		      a_bulk_put_without_memory_tells_how_many_were_put,
		      a_get_without_memory_to_shrink_succeeds,
		      E44_each_failure_below_set_capacity_changes_nothing,
		      E44_a_get_without_memory_for_fewer_slots_keeps_the_capacity,
		      calls_that_cannot_report_a_failure_below_have_none,
		      E88_no_call_returns_because_of_a_spurious_wake_up,
		      E78_E88_deadlines_hold_under_spurious_wake_ups,
		      E86_a_deadline_in_a_hundred_years_is_waited_for,
		      E88_spurious_wake_ups_lose_none_that_are_meant,
		      who_goes_to_sleep_has_every_thread_pass_a_fence,
		      where_calls_sleep_as_a_rule_the_fence_is_saved,
		      a_fence_that_fails_for_a_while_is_tried_again,
		      without_its_fence_nobody_goes_to_sleep,
		      who_yields_for_long_sleeps_for_a_while_instead,
		      who_yields_for_long_to_who_holds_a_lock_rests_too,
		      short_yields_are_no_reason_to_sleep,
		      long_yields_to_those_who_put_are_no_reason_to_sleep));
}
