/* SPDX-License-Identifier: MIT */
#include <config.h>
#include <error.h>
#include <malloc.h>
#include <semaphore.h>
#include <stdarg.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
#include "../tools/fibers.h"
#include "crew.h"

#define ERRNO_BEFORE 4711

/* ---- suites ------------------------------------------------------------- */

/* A failing allocation must return NULL, not end the process. */
const char *__asan_default_options(void);
const char *__tsan_default_options(void);

const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

const char *__tsan_default_options(void)
{
	return "allocator_may_return_null=1";
}

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 0) : otherwise;
}

static unsigned scale(void)
{
	uint64_t n = from_environment("COQUEUE_TEST_SCALE", 1);

	return n ? (unsigned)n : 1;
}

unsigned scaled(unsigned rounds)
{
	return rounds * scale();
}

void report_injected(uint64_t times)
{
	printf("injected: %llu\n", (unsigned long long)times);
}

static unsigned limit_s(void)
{
	return (unsigned)from_environment("COQUEUE_TEST_LIMIT", 300) * scale();
}

uint64_t suite_seed(void)
{
	static uint64_t seed;

	if (!seed) {
		struct timespec now = from_now(0);

		seed = from_environment("COQUEUE_TEST_SEED",
					(uint64_t)now.tv_nsec + 1);
	}
	return seed;
}

/* splitmix64 */
uint64_t random_next(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

unsigned random_below(uint64_t *state, unsigned limit)
{
	return (unsigned)(random_next(state) % limit);
}

/* A hang must become a failure.  Not alarm(), which Check catches. */
static void abort_after(int64_t nanoseconds)
{
	struct sigevent event = {
		.sigev_notify = SIGEV_SIGNAL,
		.sigev_signo = SIGABRT,
	};
	struct itimerspec when = {
		.it_value = {.tv_sec = nanoseconds / (1000 * MS)},
	};
	timer_t timer;

	if (timer_create(CLOCK_MONOTONIC, &event, &timer) != 0 ||
	    timer_settime(timer, 0, &when, NULL) != 0)
		abort();
}

int suite_run(const char *name, const TTest *const *tests)
{
	return suite_run_each(name, tests, 1);
}

int suite_run_each(const char *name, const TTest *const *tests, int n)
{
	Suite *suite = suite_create(name);
	SRunner *runner = srunner_create(suite);
	int failed;

	printf("COQUEUE_TEST_SEED=%llu\n", (unsigned long long)suite_seed());
	(void)hands_are_threads(); /* a wrong name is told at once */
	for (; *tests; tests++) {
		TCase *one = tcase_create((*tests)->name);

		tcase_add_loop_test(one, *tests, 0, n);
		tcase_set_timeout(one, limit_s() + 10);
		suite_add_tcase(suite, one);
	}
	/* Without a process per test nobody else ends a test that hangs. */
	if (srunner_fork_status(runner) == CK_NOFORK)
		abort_after(3 * limit_ns());
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* ---- time --------------------------------------------------------------- */

int64_t limit_ns(void)
{
	return (int64_t)limit_s() * 1000 * MS;
}

static struct timespec after(clockid_t clock, int64_t nanoseconds)
{
	struct timespec t;

	clock_gettime(clock, &t);
	t.tv_sec += nanoseconds / (1000 * MS);
	t.tv_nsec += nanoseconds % (1000 * MS);
	if (t.tv_nsec >= 1000 * MS) {
		t.tv_nsec -= 1000 * MS;
		t.tv_sec++;
	} else if (t.tv_nsec < 0) {
		t.tv_nsec += 1000 * MS;
		t.tv_sec--;
	}
	return t;
}

struct timespec from_now(int64_t nanoseconds)
{
	return after(CLOCK_MONOTONIC, nanoseconds);
}

bool is_past(const struct timespec *deadline)
{
	struct timespec now = from_now(0);

	return now.tv_sec > deadline->tv_sec ||
	       (now.tv_sec == deadline->tv_sec &&
		now.tv_nsec >= deadline->tv_nsec);
}

/* ---- result codes ------------------------------------------------------- */

const char *code_name(int code)
{
	switch (code) {
	case 0:
		return "0";
	case STILL_RUNS:
		return "(still runs)";
	case WAS_CANCELLED:
		return "(cancelled)";
	case ERRNO_CHANGED:
		return "(changed errno)";
	case COMPLAINED:
		return "(complained)";
	}
	return strerrorname_np(code) ? strerrorname_np(code) : "(no errno)";
}

void errno_mark(void)
{
	if (!fiber_self())
		errno = ERRNO_BEFORE;
}

int errno_kept(int code)
{
	return fiber_self() || errno == ERRNO_BEFORE ? code : ERRNO_CHANGED;
}

/* ---- every call of one shape -------------------------------------------- */

typedef const struct timespec when;

static int call_put(coqueue_t *q, long *item, when *deadline)
{
	(void)deadline;
	return coqueue_put(q, item);
}

static int call_try_put(coqueue_t *q, long *item, when *deadline)
{
	(void)deadline;
	return coqueue_try_put(q, item);
}

static int call_put_until(coqueue_t *q, long *item, when *deadline)
{
	return coqueue_put_until(q, item, deadline);
}

static int call_put_many(coqueue_t *q, long *item, when *deadline)
{
	size_t done;

	return coqueue_put_many(q, item, 1, deadline, &done);
}

static int call_get(coqueue_t *q, long *item, when *deadline)
{
	(void)deadline;
	return coqueue_get(q, item);
}

static int call_try_get(coqueue_t *q, long *item, when *deadline)
{
	(void)deadline;
	return coqueue_try_get(q, item);
}

static int call_get_until(coqueue_t *q, long *item, when *deadline)
{
	return coqueue_get_until(q, item, deadline);
}

static int call_get_many(coqueue_t *q, long *item, when *deadline)
{
	size_t done;

	return coqueue_get_many(q, item, 1, deadline, &done);
}

static int call_peek(coqueue_t *q, long *item, when *deadline)
{
	(void)deadline;
	return coqueue_peek(q, item);
}

static int call_try_peek(coqueue_t *q, long *item, when *deadline)
{
	(void)deadline;
	return coqueue_try_peek(q, item);
}

static int call_peek_until(coqueue_t *q, long *item, when *deadline)
{
	return coqueue_peek_until(q, item, deadline);
}

static int call_join(coqueue_t *q, long *item, when *deadline)
{
	(void)item;
	(void)deadline;
	return coqueue_join(q);
}

static int call_join_until(coqueue_t *q, long *item, when *deadline)
{
	(void)item;
	return coqueue_join_until(q, deadline);
}

const struct op ops[N_OPS] = {
	[OP_PUT] = {"put", PUTTERS, PLAIN, false, call_put},
	[OP_TRY_PUT] = {"try_put", PUTTERS, TRY, false, call_try_put},
	[OP_PUT_UNTIL] = {"put_until", PUTTERS, UNTIL, false, call_put_until},
	[OP_PUT_MANY] = {"put_many", PUTTERS, UNTIL, false, call_put_many},
	[OP_GET] = {"get", GETTERS, PLAIN, false, call_get},
	[OP_TRY_GET] = {"try_get", GETTERS, TRY, false, call_try_get},
	[OP_GET_UNTIL] = {"get_until", GETTERS, UNTIL, false, call_get_until},
	[OP_GET_MANY] = {"get_many", GETTERS, UNTIL, false, call_get_many},
	[OP_PEEK] = {"peek", GETTERS, PLAIN, true, call_peek},
	[OP_TRY_PEEK] = {"try_peek", GETTERS, TRY, true, call_try_peek},
	[OP_PEEK_UNTIL] = {"peek_until", GETTERS, UNTIL, true, call_peek_until},
	[OP_JOIN] = {"join", JOINERS, PLAIN, true, call_join},
	[OP_JOIN_UNTIL] = {"join_until", JOINERS, UNTIL, true, call_join_until},
};

int op_call(const struct op *op, coqueue_t *q, long *item,
	    const struct timespec *deadline)
{
	errno_mark();
	return errno_kept(op->call(q, item, deadline));
}

/* ---- kinds of queues ---------------------------------------------------- */

const struct kind kinds[N_KINDS] = {
	{"FIFO of 1", COQUEUE_FIFO, 1},
	{"FIFO of 2", COQUEUE_FIFO, 2},
	{"FIFO of 3", COQUEUE_FIFO, 3},
	{"FIFO of 1024", COQUEUE_FIFO, 1024},
	{"unbounded FIFO", COQUEUE_FIFO, COQUEUE_UNBOUNDED},
	{"LIFO of 1", COQUEUE_LIFO, 1},
	{"LIFO of 3", COQUEUE_LIFO, 3},
	{"unbounded LIFO", COQUEUE_LIFO, COQUEUE_UNBOUNDED},
	{"PRIORITY of 1", COQUEUE_PRIORITY, 1},
	{"PRIORITY of 3", COQUEUE_PRIORITY, 3},
	{"unbounded PRIORITY", COQUEUE_PRIORITY, COQUEUE_UNBOUNDED},
	{"rendezvous", COQUEUE_FIFO, 0},
};

int compare_steps(const void *a, const void *b, void *unused)
{
	long x = *(const long *)a / PRIORITY_STEP,
	     y = *(const long *)b / PRIORITY_STEP;

	(void)unused;
	return x < y ? -1 : x > y;
}

coqueue_attr_t kind_attr(const struct kind *kind)
{
	coqueue_attr_t attr = COQUEUE_ATTR_INIT;

	attr.order = kind->order;
	attr.item_size = sizeof(long);
	if (kind->order == COQUEUE_PRIORITY)
		attr.compare = compare_steps;
	return attr;
}

/* ---- queues of long ----------------------------------------------------- */

coqueue_t *queue_with_attr(size_t capacity, size_t items, coqueue_attr_t attr)
{
	coqueue_t *q = NULL;

	attr.item_size = sizeof(long);
	ck_ok(coqueue_create(&q, capacity, &attr));
	for (long item = 0; item < (long)items; item++)
		ck_ok(coqueue_try_put(q, &item));
	return q;
}

coqueue_t *queue_with(size_t capacity, size_t items)
{
	return queue_with_attr(capacity, items,
			       (coqueue_attr_t)COQUEUE_ATTR_INIT);
}

coqueue_t *kind_with(const struct kind *kind, size_t items)
{
	return queue_with_attr(kind->capacity, items, kind_attr(kind));
}

bool kind_can_block(const struct kind *kind, const struct op *op)
{
	return op->form != TRY &&
	       (op->line != PUTTERS || kind_is_bounded(kind));
}

/* Nobody sees an item of a rendezvous but who takes it. */
bool kind_can_serve(const struct kind *kind, const struct op *op)
{
	return !kind_is_rendezvous(kind) || op->line != GETTERS || !op->keeps;
}

coqueue_t *kind_that_blocks(const struct kind *kind, const struct op *op)
{
	coqueue_t *q;

	if (op->line == PUTTERS)
		return kind_with(kind, kind->capacity);
	if (op->line == GETTERS)
		return kind_with(kind, 0);
	if (!kind_is_rendezvous(kind))
		return kind_with(kind, 1);
	q = kind_with(kind, 0);
	hand_over(q, 1);
	return q;
}

coqueue_t *queue_that_blocks(const struct op *op)
{
	static const struct kind fifo = {"FIFO of 2", COQUEUE_FIFO, 2};

	return kind_that_blocks(&fifo, op);
}

void serve_one(coqueue_t *q, enum line line)
{
	long item = 7;

	if (line == GETTERS)
		ck_ok(coqueue_put(q, &item));
	else if (line == PUTTERS)
		ck_ok(coqueue_get(q, &item));
	else
		ck_ok(coqueue_task_done(q, 1));
}

static void take(coqueue_t *q, long expected)
{
	long item = -1;

	ck_ok(coqueue_try_get(q, &item));
	if (item != expected)
		ck_abort_msg("item %ld, not %ld", item, expected);
}

void take_in_order(coqueue_t *q, long first, size_t n)
{
	for (size_t i = 0; i < n; i++)
		take(q, first + (long)i);
}

void take_all_of(const struct kind *kind, coqueue_t *q, size_t n)
{
	for (size_t i = 0; i < n; i++)
		take(q, (long)(kind->order == COQUEUE_LIFO ? n - 1 - i : i));
}

void check_usable_as(const struct kind *kind, coqueue_t *q)
{
	enum { MANY = 100 };
	size_t n = kind_is_bounded(kind) ? coqueue_capacity(q) : MANY;
	long item;

	ck_assert_int_eq(coqueue_state(q), COQUEUE_OPEN);
	while (coqueue_try_get(q, &item) == 0)
		;
	for (item = 0; item < (long)n; item++)
		ck_ok(coqueue_try_put(q, &item));
	if (kind_is_bounded(kind))
		ck_code(coqueue_try_put(q, &item), EAGAIN);
	ck_assert_uint_eq(coqueue_size(q), n);
	take_all_of(kind, q, n);
	ck_code(coqueue_try_get(q, &item), EAGAIN);
}

void check_usable(coqueue_t *q)
{
	static const struct kind fifo = {"FIFO", COQUEUE_FIFO, 1};

	check_usable_as(&fifo, q);
}

coqueue_stats_t stats_of(const coqueue_t *q)
{
	coqueue_stats_t stats = {.size = sizeof(stats)};

	ck_ok(coqueue_stats(q, &stats));
	return stats;
}

size_t waiting_in(const coqueue_t *q, enum line line)
{
	coqueue_stats_t stats = stats_of(q);

	switch (line) {
	case PUTTERS:
		return stats.putters_waiting;
	case GETTERS:
		return stats.getters_waiting;
	default:
		return stats.joiners_waiting;
	}
}

void await_waiting(const coqueue_t *q, enum line line, size_t n)
{
	await(waiting_in(q, line) == n);
}

/* ---- what hands are ----------------------------------------------------- */

enum callers { THREADS, COROUTINES, MIGRATING, MIXED };

static enum callers callers(void)
{
	static const char *const names[] = {"threads", "coroutines",
					    "migrating", "mixed"};
	const char *text = getenv("COQUEUE_TEST_CALLERS");

	for (enum callers c = THREADS; text && *text && c <= MIXED; c++)
		if (strcmp(text, names[c]) == 0)
			return c;
	if (text && *text)
		error(64, 0, "no such callers: %s", text);
	return THREADS;
}

bool hands_are_threads(void)
{
	return callers() == THREADS;
}

/* The hands' pool, which lives as long as the process. */
static struct fibers *fibers_of_all(void)
{
	static struct fibers *pool;

	if (!pool)
		ck_ok(fibers_start(&pool, callers() == COROUTINES ? 1 : 3,
				   FIBERS_HOOKED | FIBERS_MIGRATE |
					   FIBERS_APART));
	return pool;
}

static struct fibers *fibers_for(unsigned index)
{
	if (hands_are_threads() || (callers() == MIXED && index % 2))
		return NULL;
	return fibers_of_all();
}

void hand_yield(void)
{
	hand_pause();
	sched_yield();
}

void hand_pause(void)
{
	if (fiber_self())
		fiber_yield();
}

/* ---- crews -------------------------------------------------------------- */

/*
 * AddressSanitizer does not see that a cancellation leaves frames, and then
 * finds fault with what the exit of the thread does on their stack.
 */
void __asan_unpoison_memory_region(const volatile void *from, size_t bytes)
	__attribute__((weak));

static void forget_frames(void *unused)
{
	const size_t below = 32768; /* more than the frames took */
	char *here = __builtin_frame_address(0);

	(void)unused;
	if (__asan_unpoison_memory_region)
		__asan_unpoison_memory_region(here - below, below);
}

static void *hand_main(void *arg)
{
	struct hand *me = arg;

	me->tid = gettid();
	if (!me->restarted)
		pthread_barrier_wait(&me->crew->start);
	pthread_cleanup_push(forget_frames, NULL);
	me->result = me->work(me);
	pthread_cleanup_pop(0);
	atomic_store(&me->finished, true);
	return NULL;
}

static void coroutine_main(void *arg)
{
	struct hand *me = arg;

	me->result = me->work(me);
	atomic_store(&me->finished, true);
}

/* fibers: NULL: as COQUEUE_TEST_CALLERS says. */
static struct crew *crew_new(struct fibers *fibers, unsigned n, hand_work *work,
			     coqueue_t *q, void *arg)
{
	struct crew *crew = calloc(1, sizeof(*crew) + n * sizeof(struct hand));
	unsigned threads = 0;

	ck_assert_ptr_nonnull(crew);
	crew->n = n;
	for (unsigned i = 0; i < n; i++) {
		struct hand *hand = &crew->hands[i];

		hand->q = q;
		hand->arg = arg;
		hand->index = i;
		hand->result = STILL_RUNS;
		hand->work = work;
		hand->crew = crew;
		hand->fibers = fibers ? fibers : fibers_for(i);
		threads += !hand->fibers;
	}
	ck_ok(pthread_barrier_init(&crew->start, NULL, threads + 1));
	return crew;
}

static void hand_go(struct hand *hand)
{
	if (hand->fibers)
		ck_ok(fiber_start(hand->fibers, coroutine_main, hand));
	else
		ck_ok(pthread_create(&hand->thread, NULL, hand_main, hand));
}

/*
 * They run when this returns: a thread that starts allocates memory, and an
 * allocator that does not expect a fork meanwhile hangs in the child (ASan's).
 */
static struct crew *crew_go(struct crew *crew)
{
	for (unsigned i = 0; i < crew->n; i++)
		hand_go(&crew->hands[i]);
	pthread_barrier_wait(&crew->start);
	return crew;
}

struct crew *crew_start_on(struct fibers *fibers, unsigned n, hand_work *work,
			   coqueue_t *q, void *arg)
{
	return crew_go(crew_new(fibers, n, work, q, arg));
}

struct crew *crew_start(unsigned n, hand_work *work, coqueue_t *q, void *arg)
{
	return crew_start_on(NULL, n, work, q, arg);
}

int complain(struct hand *me, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(me->complaint, sizeof(me->complaint), format, args);
	va_end(args);
	return COMPLAINED;
}

static int make_call(struct hand *me)
{
	return op_call(me->op, me->q, &me->item, me->deadline);
}

static struct crew *crew_with_op(struct fibers *fibers, unsigned n,
				 hand_work *work, coqueue_t *q,
				 const struct op *op,
				 const struct timespec *deadline)
{
	struct crew *crew = crew_new(fibers, n, work, q, NULL);

	for (unsigned i = 0; i < n; i++) {
		crew->hands[i].op = op;
		crew->hands[i].deadline = deadline;
		crew->hands[i].item = i;
	}
	return crew_go(crew);
}

struct crew *crew_call_on(struct fibers *fibers, coqueue_t *q,
			  const struct op *op, unsigned n,
			  const struct timespec *deadline)
{
	return crew_with_op(fibers, n, make_call, q, op, deadline);
}

struct crew *crew_call(coqueue_t *q, const struct op *op, unsigned n,
		       const struct timespec *deadline)
{
	return crew_call_on(NULL, q, op, n, deadline);
}

struct crew *crew_work(unsigned n, hand_work *work, coqueue_t *q,
		       const struct op *op)
{
	return crew_with_op(NULL, n, work, q, op, NULL);
}

struct crew *crew_block(coqueue_t *q, const struct op *op, unsigned n)
{
	size_t before = waiting_in(q, op->line);
	struct crew *crew = crew_call(q, op, n, NULL);

	await_waiting(q, op->line, before + n);
	return crew;
}

void hand_over(coqueue_t *q, long item)
{
	struct crew *getter = crew_block(q, &ops[OP_GET], 1);

	ck_ok(coqueue_put(q, &item));
	crew_expect(getter, 0);
}

static void hand_join(struct hand *hand, const struct timespec *limit)
{
	void *value;

	if (hand->joined)
		return;
	if (hand->fibers) {
		await(atomic_load(&hand->finished));
		return;
	}
	ck_assert_msg(pthread_timedjoin_np(hand->thread, &value, limit) == 0,
		      "thread %u of %u hangs", hand->index, hand->crew->n);
	hand->joined = true;
	if (value == PTHREAD_CANCELED)
		hand->result = WAS_CANCELLED;
}

void crew_check(struct crew *crew)
{
	for (unsigned i = 0; i < crew->n; i++)
		ck_assert_msg(!atomic_load(&crew->hands[i].finished) ||
				      !crew->hands[i].complaint[0],
			      "thread %u: %s", i, crew->hands[i].complaint);
}

void crew_join(struct crew *crew)
{
	struct timespec limit = after(CLOCK_REALTIME, limit_ns());

	for (unsigned i = 0; i < crew->n; i++)
		hand_join(&crew->hands[i], &limit);
	crew_check(crew);
}

void crew_cancel_one(struct crew *crew, unsigned index)
{
	struct timespec limit = after(CLOCK_REALTIME, limit_ns());
	struct hand *hand = &crew->hands[index];

	pthread_cancel(hand->thread);
	hand_join(hand, &limit);
	crew_check(crew);
	ck_code(hand->result, WAS_CANCELLED);
}

void crew_restart_one(struct crew *crew, unsigned index)
{
	struct hand *hand = &crew->hands[index];

	hand->joined = false;
	hand->restarted = true;
	hand->result = STILL_RUNS;
	hand_go(hand);
}

static int64_t hand_cpu_time(const struct hand *hand)
{
	struct timespec t = {0, 0};
	clockid_t clock;

	if (pthread_getcpuclockid(hand->thread, &clock) == 0)
		clock_gettime(clock, &t);
	return t.tv_sec * 1000 * MS + t.tv_nsec;
}

int64_t crew_cpu_time(const struct crew *crew)
{
	int64_t sum = 0;

	for (unsigned i = 0; i < crew->n; i++)
		sum += hand_cpu_time(&crew->hands[i]);
	return sum;
}

/* Or has ended.  Also a stopped one is asleep; who waits for a processor is not. */
static bool hand_is_asleep(const struct hand *hand)
{
	char path[64], state = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", hand->tid);
	f = fopen(path, "r");
	if (!f)
		return true;
	ck_assert_int_eq(fscanf(f, "%*d (%*[^)]) %c", &state), 1);
	fclose(f);
	return state != 'R';
}

static bool all_asleep(const struct crew *crew)
{
	for (unsigned i = 0; i < crew->n; i++)
		if (!hand_is_asleep(&crew->hands[i]))
			return false;
	return true;
}

enum crew_does { GETS_ON, RESTS, SPINS };

static int64_t since_ns(const struct timespec *then)
{
	struct timespec now = from_now(0);

	return (now.tv_sec - then->tv_sec) * 1000 * MS +
	       (now.tv_nsec - then->tv_nsec);
}

/*
 * They rest if they use less than an eighth of the time that has passed.  Where a
 * sleep is dear, as under valgrind, those who back off use more; but mostly all are
 * asleep at once, and of those who spin one runs at any time.
 */
static enum crew_does crew_watch(const struct crew *crew,
				 const _Atomic uint64_t *calls)
{
	enum {
		WHILE_MS = 2,
		LONG_MS = 40,
		TOO_MUCH_MS = 400,
		MANY_CALLS = 200
	};
	uint64_t first = atomic_load(calls), last = first, now;
	int64_t used = crew_cpu_time(crew), since = used, before;
	struct timespec tick = from_now(0), end = from_now(LONG_MS * MS);
	unsigned looks = 0, asleep = 0;

	while ((now = atomic_load(calls)) - first < MANY_CALLS) {
		int64_t passed;

		sched_yield();
		passed = since_ns(&tick);
		if (passed < WHILE_MS * MS)
			continue;
		if (now != last && is_past(&end))
			break;
		before = used;
		used = crew_cpu_time(crew);
		if (now != last) {
			since = used;
			looks = asleep = 0;
		} else if (used - before < passed / 8) {
			return RESTS;
		} else {
			looks++;
			asleep += all_asleep(crew);
		}
		if (used - since > TOO_MUCH_MS * MS)
			return 2 * asleep > looks ? RESTS : SPINS;
		last = now;
		tick = from_now(0);
	}
	return GETS_ON;
}

static bool crew_does_not_spin(enum crew_does does, const char *name)
{
	ck_assert_msg(does != SPINS, "%s: spins instead of sleeping", name);
	return does == GETS_ON;
}

bool crew_gets_on(const struct crew *crew, const _Atomic uint64_t *calls,
		  const char *name)
{
	return crew_does_not_spin(crew_watch(crew, calls), name);
}

void crew_free(struct crew *crew)
{
	pthread_barrier_destroy(&crew->start);
	free(crew);
}

void crew_cancel(struct crew *crew)
{
	for (unsigned i = 0; i < crew->n; i++)
		pthread_cancel(crew->hands[i].thread);
}

unsigned crew_finished(struct crew *crew)
{
	unsigned n = 0;

	for (unsigned i = 0; i < crew->n; i++)
		n += atomic_load(&crew->hands[i].finished);
	return n;
}

unsigned crew_count(const struct crew *crew, int code)
{
	unsigned n = 0;

	for (unsigned i = 0; i < crew->n; i++)
		n += crew->hands[i].result == code;
	return n;
}

const char *crew_report(const struct crew *crew)
{
	static char text[512];
	size_t used = 0;

	text[0] = 0;
	for (unsigned i = 0; i < crew->n && used < sizeof(text) - 64; i++)
		used += (size_t)snprintf(text + used, sizeof(text) - used,
					 " %s",
					 code_name(crew->hands[i].result));
	return text;
}

/* ---- a queue that is filled --------------------------------------------- */

enum { FILLERS = 3, FILL_MOST = 2000 /* items of each, if it never is full */ };

static int try_put_until_full(struct hand *me)
{
	int code = 0;

	while (me->done < FILL_MOST &&
	       (code = coqueue_try_put(me->q, &me->item)) == 0)
		me->done++;
	return code;
}

static int try_get_until_empty(struct hand *me)
{
	int code;

	while ((code = coqueue_try_get(me->q, &me->item)) == 0)
		me->done++;
	return code;
}

static size_t done_together(coqueue_t *q, hand_work *work, int code)
{
	struct crew *crew = crew_start(FILLERS, work, q, NULL);
	size_t done = 0;

	crew_join(crew);
	for (unsigned i = 0; i < crew->n; i++)
		done += crew->hands[i].done;
	crew_expect(crew, code);
	return done;
}

void check_filled_together(coqueue_t *q, size_t capacity)
{
	bool bounded = capacity != COQUEUE_UNBOUNDED;
	size_t n = bounded ? capacity : FILLERS * FILL_MOST;

	ck_assert_uint_eq(
		done_together(q, try_put_until_full, bounded ? EAGAIN : 0), n);
	ck_assert_uint_eq(coqueue_size(q), n);
	ck_assert_uint_eq(done_together(q, try_get_until_empty, EAGAIN), n);
	ck_assert_uint_eq(coqueue_size(q), 0);
}

/* ---- processes ---------------------------------------------------------- */

void check_in_child(int (*function)(void *arg), void *arg)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		abort_after(limit_ns());
		_exit(function(arg));
	}
	ck_assert_int_gt(pid, 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status) && WEXITSTATUS(status) == 0,
		      "the child ended with status %#x", (unsigned)status);
}

/* ---- signals ------------------------------------------------------------ */

static _Atomic unsigned signals;

static void count_signal(int signal)
{
	(void)signal;
	atomic_fetch_add(&signals, 1);
}

void count_signals(int flags)
{
	struct sigaction action = {.sa_handler = count_signal,
				   .sa_flags = flags};

	ck_ok(sigaction(SIGUSR1, &action, NULL));
}

unsigned signals_counted(void)
{
	return atomic_load(&signals);
}

/* ---- stopping a thread -------------------------------------------------- */

static _Atomic bool stop_wanted;
static sem_t stopped;
static int thaw_pipe[2];

static void stop_here(int signal)
{
	int saved = errno;
	char byte;

	(void)signal;
	if (!atomic_exchange(&stop_wanted, false))
		return; /* one signal too many */
	sem_post(&stopped);
	while (read(thaw_pipe[0], &byte, 1) < 0)
		;
	errno = saved;
}

void prepare_to_stop(void)
{
	struct sigaction action = {.sa_handler = stop_here};

	ck_assert_int_eq(sem_init(&stopped, 0, 0), 0);
	ck_assert_int_eq(pipe(thaw_pipe), 0);
	ck_assert_int_eq(sigaction(SIGUSR2, &action, NULL), 0);
}

void finish_stopping(void)
{
	close(thaw_pipe[0]);
	close(thaw_pipe[1]);
	sem_destroy(&stopped);
}

/* Ask again and again: ThreadSanitizer puts signals off, and loses some. */
static bool is_stopped(const struct hand *hand, struct timespec *next)
{
	if (is_past(next)) {
		*next = from_now(5 * MS);
		ck_ok(pthread_kill(hand->thread, SIGUSR2));
	}
	return sem_trywait(&stopped) == 0;
}

void stop_thread(const struct hand *hand)
{
	struct timespec next = from_now(0);

	atomic_store(&stop_wanted, true);
	await(is_stopped(hand, &next));
}

void thaw_thread(void)
{
	ck_assert_int_eq(write(thaw_pipe[1], "x", 1), 1);
}

bool crew_gets_on_without(const struct crew *crew, unsigned index,
			  const _Atomic uint64_t *calls, const char *name)
{
	enum crew_does does;

	stop_thread(&crew->hands[index]);
	does = crew_watch(crew, calls);
	thaw_thread();
	return crew_does_not_spin(does, name);
}

/* ---- memory -------------------------------------------------------------- */

long resident(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	long all, pages;

	malloc_trim(0);
	ck_assert_ptr_nonnull(f);
	ck_assert_int_eq(fscanf(f, "%ld %ld", &all, &pages), 2);
	fclose(f);
	return pages * sysconf(_SC_PAGESIZE);
}
