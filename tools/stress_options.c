/* SPDX-License-Identifier: MIT */
/*
 * The command line.  Every value is checked here, completely: a number with
 * anything after it, out of range or negative ends with a message and
 * EXIT_USAGE, so that the rest of the program meets sensible values only.
 */
#include "config.h"

#include <argp.h>
#include <coqueue.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include "stress_item.h"
#include "stress_linearize.h"
#include "stress_round.h"

#define THREADS_MAX 1024
#define WORKERS_MAX 64
#define CAPACITY_MAX (UINT64_C(1) << 30)
#define ITEM_SIZE_MAX (UINT64_C(1) << 24)
#define BATCH_MAX (UINT64_C(1) << 16)
#define CALL_BYTES_MAX (UINT64_C(1) << 26) /* batch x item size */
#define SECONDS_MAX (366.0 * 24 * 3600)

enum key {
	KEY_PRODUCERS = 'p',
	KEY_CONSUMERS = 'c',
	KEY_ORDER = 'o',
	KEY_CAPACITY = 'C',
	KEY_ITEM_SIZE = 'z',
	KEY_BATCH = 'b',
	KEY_RATE = 'r',
	KEY_DURATION = 'd',
	KEY_ITEMS = 'n',
	KEY_SEED = 's',
	KEY_INTERVAL = 'i',
	KEY_WATCHDOG = 'w',
	KEY_QUIET = 'q',
	KEY_JITTER = 'j',
	KEY_JSON = 256,
	KEY_COROUTINES,
	KEY_RUNTIME,
	KEY_WORKERS,
	KEY_LINEARIZE,
	KEY_INJECT
};

const char *const order_name[N_ORDERS] = {
	[COQUEUE_FIFO] = "fifo",
	[COQUEUE_LIFO] = "lifo",
	[COQUEUE_PRIORITY] = "priority",
};

const char *const runtime_name[N_RUNTIMES] = {
	[UCONTEXT] = "ucontext",
	[SINGLE] = "single",
	[ARM] = "arm",
};

static const struct argp_option options[] = {
	{0, 0, 0, 0, "The load:", 1},
	{"producers", KEY_PRODUCERS, "N", 0, "threads that put (default 4)", 0},
	{"consumers", KEY_CONSUMERS, "N", 0, "threads that get (default 4)", 0},
	{"coroutines", KEY_COROUTINES, "N", 0,
	 "beside the threads, N more that put and N more that get, under "
	 "--runtime (default 0; the scenarios mixed and select always have "
	 "some, and then 4)",
	 0},
	{"runtime", KEY_RUNTIME, "RUNTIME", 0,
	 "what --coroutines are: ucontext (the default), going on in any "
	 "of the workers; single, on one thread; arm, callers that "
	 "never block but arm waiters, as an event loop does",
	 0},
	{"workers", KEY_WORKERS, "N", 0,
	 "threads under the coroutines (default 2; single: 1)", 0},
	{"order", KEY_ORDER, "ORDER", 0,
	 "fifo (the default), lifo or priority, in which items have one of "
	 "four ranks",
	 0},
	{"capacity", KEY_CAPACITY, "N", 0,
	 "items that the queue holds (default 256); scenarios other than mpmc "
	 "also draw smaller ones; 0 is a rendezvous, 'unbounded' no limit",
	 0},
	{"item-size", KEY_ITEM_SIZE, "BYTES", 0,
	 "from 8 (the default); larger items are filled with a pattern that is "
	 "checked",
	 0},
	{"batch", KEY_BATCH, "N", 0,
	 "items per call: above 1, put_many and get_many are used (default 1)",
	 0},
	{"rate", KEY_RATE, "N", 0,
	 "items per second, all producers together, put by the clock whether "
	 "the queue keeps up or not; latency then counts from the time an item "
	 "was meant to be put (default: as fast as it goes)",
	 0},
	{"jitter", KEY_JITTER, 0, 0,
	 "yield at random between statements, for other interleavings", 0},
	{"linearize", KEY_LINEARIZE, "N", OPTION_ARG_OPTIONAL,
	 "instead of load: short histories of 4 to 8 threads on small queues, "
	 "every call recorded, and each history checked for an order that "
	 "explains all its answers; N of them, or for a duration",
	 0},
	{0, 0, 0, 0, "How long:", 2},
	{"duration", KEY_DURATION, "TIME", 0,
	 "10s (the default), 500ms, 5m or 1h; divided among the scenarios", 0},
	{"items", KEY_ITEMS, "N", 0,
	 "instead of a duration: put N items in each scenario (churn: make a "
	 "queue for every 100 of them)",
	 0},
	{"seed", KEY_SEED, "N", 0,
	 "repeat the choices of an earlier run; every run prints its seed", 0},
	{0, 0, 0, 0, "What is told:", 3},
	{"interval", KEY_INTERVAL, "TIME", 0, "between live lines (default 1s)",
	 0},
	{"watchdog", KEY_WATCHDOG, "SECONDS", 0,
	 "when nothing has moved for so long, print where every thread is and "
	 "exit with 4 (default 20)",
	 0},
	{"json", KEY_JSON, "FILE", 0,
	 "write configuration, results, histograms and verdict to FILE; - is "
	 "the standard output, and people then read on standard error",
	 0},
	{"quiet", KEY_QUIET, 0, 0,
	 "print the last line only, and what was violated", 0},
#ifdef STRESS_INJECT
	{"inject", KEY_INJECT, "FAULT", 0,
	 "break the queue on purpose: lose, duplicate, reorder, late-put, "
	 "signal-one or swallow",
	 0},
#endif
	{0, 0, 0, 0, "Help:", -1},
	{0}};

static const char doc[] =
	"Put a coqueue under load, shut it down at bad moments, and verify "
	"what it promises: each item arrives exactly once and in its order, "
	"nothing is accepted after a shutdown, every blocked "
	"call ends, and the accounts balance."
	"\v"
	"Each scenario plays rounds until its time is up.  In a round a queue "
	"is made, loaded, shut down, checked and destroyed.";

static const char examples[] =
	"Examples:\n"
	"  coqueue-stress                        ten seconds of mpmc\n"
	"  coqueue-stress -d 60s all             everything, for a minute\n"
	"  coqueue-stress -p 32 -c 32 abort      many threads\n"
	"  coqueue-stress -r 50000 -d 5m         latency at 50000 items a "
	"second\n"
	"  coqueue-stress -o lifo -C unbounded   another kind of queue\n"
	"  coqueue-stress --coroutines 8 all     with coroutines\n"
	"  coqueue-stress -n 1000000 -s 42 join  the same choices each time\n"
	"  coqueue-stress --linearize=100000     is each history "
	"linearizable?\n"
	"\n"
	"Exit status:\n"
	"  0  passed                    3  could not start (threads, memory)\n"
	"  1  a check failed            4  hang: the watchdog found no "
	"progress\n"
	"  2  wrong usage             130, 143  interrupted, nothing violated\n"
	"\n"
	"Ctrl-C (or SIGTERM) shuts the queue down and prints the summary; a\n"
	"second one ends at once.";

/* ---- values ------------------------------------------------------------ */

static void bad_value(struct argp_state *state, const char *option,
		      const char *value, const char *expected)
{
	argp_error(state, "--%s: '%s' is not %s", option, value, expected);
}

/* Digits (or 0x and hex digits) and nothing else. */
static bool to_number(const char *text, uint64_t *number)
{
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	const char *digits = hex ? text + 2 : text;
	size_t n =
		strspn(digits, hex ? "0123456789abcdefABCDEF" : "0123456789");

	if (!n || digits[n])
		return false;
	errno = 0;
	*number = strtoull(digits, NULL, hex ? 16 : 10);
	return errno == 0;
}

static uint64_t parse_number(struct argp_state *state, const char *option,
			     const char *text, uint64_t low, uint64_t high)
{
	char expected[80];
	uint64_t number = 0;

	snprintf(expected, sizeof(expected), "a whole number from %llu to %llu",
		 (unsigned long long)low, (unsigned long long)high);
	if (!to_number(text, &number) || number < low || number > high)
		bad_value(state, option, text, expected);
	return number;
}

/* Digits with at most one point; what follows them is left at *end. */
static bool to_decimal(const char *text, double *number, const char **end)
{
	size_t whole = strspn(text, "0123456789");
	size_t part = text[whole] == '.'
			      ? strspn(text + whole + 1, "0123456789") + 1
			      : 0;

	if (whole + part == 0 || (part == 1 && whole == 0))
		return false;
	*number = strtod(text, NULL);
	*end = text + whole + part;
	return true;
}

static enum coqueue_order parse_order(struct argp_state *state,
				      const char *text)
{
	for (unsigned i = 0; i < N_ORDERS; i++)
		if (strcmp(text, order_name[i]) == 0)
			return (enum coqueue_order)i;
	bad_value(state, "order", text, "fifo, lifo or priority");
	return COQUEUE_FIFO;
}

static enum runtime parse_runtime(struct argp_state *state, const char *text)
{
	for (unsigned i = 0; i < N_RUNTIMES; i++)
		if (strcmp(text, runtime_name[i]) == 0)
			return (enum runtime)i;
	bad_value(state, "runtime", text, "ucontext, single or arm");
	return UCONTEXT;
}

static size_t parse_capacity(struct argp_state *state, const char *text)
{
	char expected[80];
	uint64_t number = 0;

	if (strcmp(text, "unbounded") == 0)
		return COQUEUE_UNBOUNDED;
	snprintf(expected, sizeof(expected),
		 "'unbounded' or a whole number from 0 to %llu",
		 (unsigned long long)CAPACITY_MAX);
	if (!to_number(text, &number) || number > CAPACITY_MAX)
		bad_value(state, "capacity", text, expected);
	return number;
}

static double parse_rate(struct argp_state *state, const char *text)
{
	double rate = 0;
	const char *end = "";

	if (!to_decimal(text, &rate, &end) || *end || rate < 0.01 || rate > 1e9)
		bad_value(state, "rate", text,
			  "a number from 0.01 to 1000000000");
	return rate;
}

/* 0: no such unit. */
static double seconds_per(const char *unit)
{
	static const struct {
		const char *name;
		double seconds;
	} units[] = {{"", 1}, {"s", 1}, {"ms", 1e-3}, {"m", 60}, {"h", 3600}};

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(unit, units[i].name) == 0)
			return units[i].seconds;
	return 0;
}

static uint64_t parse_time(struct argp_state *state, const char *option,
			   const char *text)
{
	double seconds = 0;
	const char *end = "";

	if (to_decimal(text, &seconds, &end))
		seconds *= seconds_per(end);
	if (!(seconds >= 1e-3 && seconds <= SECONDS_MAX))
		bad_value(
			state, option, text,
			"a time from 1ms to 8784h, such as 500ms, 10s, 5m, 1h");
	return (uint64_t)(seconds * (double)NS_PER_SECOND);
}

/* ---- scenarios --------------------------------------------------------- */

static void add_scenario(struct config *c, const struct scenario *s)
{
	for (unsigned i = 0; i < c->n_scenarios; i++)
		if (c->scenarios[i] == s)
			return;
	c->scenarios[c->n_scenarios++] = s;
}

static bool suits(const struct scenario *s, const struct config *c)
{
	return !s->changes_capacity || capacity_is_limit(c->capacity);
}

/* Those that came with "all" only are left out. */
static void check_suits(struct argp_state *state, struct config *c)
{
	unsigned kept = 0;

	for (unsigned i = 0; i < c->n_scenarios; i++) {
		const struct scenario *s = c->scenarios[i];

		if (suits(s, c)) {
			c->scenarios[kept++] = s;
			continue;
		}
		if (c->is_named[s - scenarios])
			argp_error(state,
				   "%s changes the capacity: that goes with a "
				   "--capacity from 1 alone",
				   s->name);
		c->left_out = s;
	}
	c->n_scenarios = kept;
}

static void add_named(struct argp_state *state, struct config *c,
		      const char *name)
{
	const struct scenario *s = scenario_find(name);

	if (s) {
		add_scenario(c, s);
		c->is_named[s - scenarios] = true;
	} else if (strcmp(name, "all") == 0) {
		for (unsigned i = 0; i < n_scenarios; i++)
			add_scenario(c, &scenarios[i]);
	} else {
		argp_error(state, "there is no scenario '%s'", name);
	}
}

/* ---- argp -------------------------------------------------------------- */

static void print_version(FILE *to, struct argp_state *state)
{
	(void)state;
	fprintf(to, "coqueue-stress %d.%d.%d, library %s\n",
		COQUEUE_VERSION_MAJOR, COQUEUE_VERSION_MINOR,
		COQUEUE_VERSION_PATCH, coqueue_version());
}

static char *help_text(int key, const char *text, void *input)
{
	FILE *to;
	char *out;
	size_t size;

	(void)input;
	if (key == ARGP_KEY_HELP_POST_DOC) {
		to = open_memstream(&out, &size);
		if (!to)
			return (char *)(uintptr_t)text;
		fprintf(to, "%s\n\nScenarios (default: mpmc):\n", text);
		for (unsigned i = 0; i < n_scenarios; i++)
			fprintf(to, "  %-9s%s\n", scenarios[i].name,
				scenarios[i].what);
		fprintf(to, "  %-9s%s\n\n%s", "all", "all of these", examples);
		fclose(to);
		return out;
	}
	return (char *)(uintptr_t)text;
}

static error_t parse_load(int key, char *arg, struct argp_state *state)
{
	struct config *c = state->input;

	switch (key) {
	case KEY_PRODUCERS:
		c->producers = (unsigned)parse_number(state, "producers", arg,
						      1, THREADS_MAX);
		return 0;
	case KEY_CONSUMERS:
		c->consumers = (unsigned)parse_number(state, "consumers", arg,
						      1, THREADS_MAX);
		return 0;
	case KEY_ORDER:
		c->order = parse_order(state, arg);
		return 0;
	case KEY_CAPACITY:
		c->capacity = parse_capacity(state, arg);
		return 0;
	case KEY_ITEM_SIZE:
		c->item_size = parse_number(state, "item-size", arg,
					    ITEM_SIZE_MIN, ITEM_SIZE_MAX);
		return 0;
	case KEY_BATCH:
		c->batch = parse_number(state, "batch", arg, 1, BATCH_MAX);
		return 0;
	case KEY_RATE:
		c->rate = parse_rate(state, arg);
		return 0;
	case KEY_JITTER:
		c->jitter = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static error_t parse_beside(int key, char *arg, struct argp_state *state)
{
	struct config *c = state->input;

	switch (key) {
	case KEY_COROUTINES:
		c->coroutines = (unsigned)parse_number(state, "coroutines", arg,
						       0, THREADS_MAX);
		return 0;
	case KEY_RUNTIME:
		c->runtime = parse_runtime(state, arg);
		c->has_runtime = true;
		return 0;
	case KEY_WORKERS:
		c->workers = (unsigned)parse_number(state, "workers", arg, 1,
						    WORKERS_MAX);
		c->has_runtime = true;
		return 0;
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void parse_linearize(struct argp_state *state, struct config *c,
			    const char *arg)
{
	c->linearize = true;
	if (arg)
		c->histories =
			parse_number(state, "linearize", arg, 1, INT64_MAX);
}

static error_t parse_rest(int key, char *arg, struct argp_state *state)
{
	struct config *c = state->input;

	switch (key) {
	case KEY_DURATION:
		c->duration_ns = parse_time(state, "duration", arg);
		return 0;
	case KEY_ITEMS:
		c->items = parse_number(state, "items", arg, 1, INT64_MAX);
		return 0;
	case KEY_SEED:
		c->seed = parse_number(state, "seed", arg, 0, INT64_MAX);
		return 0;
	case KEY_INTERVAL:
		c->interval_ns = parse_time(state, "interval", arg);
		return 0;
	case KEY_WATCHDOG:
		c->watchdog_ns = parse_time(state, "watchdog", arg);
		return 0;
	case KEY_JSON:
		c->json = arg;
		return 0;
	case KEY_QUIET:
		c->quiet = true;
		return 0;
	case KEY_LINEARIZE:
		parse_linearize(state, c, arg);
		return 0;
#ifdef STRESS_INJECT
	case KEY_INJECT:
		if (!inject(arg))
			argp_error(state, "--inject: there is no fault '%s'",
				   arg);
		return 0;
#endif
	default:
		return ARGP_ERR_UNKNOWN;
	}
}

static void finish_linearize(struct argp_state *state, struct config *c)
{
	if (c->n_scenarios)
		argp_error(state, "--linearize plays no scenario");
	if (c->has_load || c->items)
		argp_error(state, "--linearize draws its load itself: of the "
				  "load, only --jitter goes with it");
	if (c->histories && c->duration_ns)
		argp_error(state,
			   "--linearize=N and --duration exclude each other");
	if (!c->histories && !c->duration_ns)
		c->duration_ns = 10 * NS_PER_SECOND;
	c->producers = c->consumers = 0;
	c->players = PLAYERS_MAX;
	c->item_size = LINEARIZE_ITEM_MAX;
	add_scenario(c, &linearize_scenario);
}

/* An option that nothing would come of is a mistake. */
static void check_runtime(struct argp_state *state, struct config *c)
{
	bool has_some = c->coroutines;

	for (unsigned i = 0; i < c->n_scenarios; i++)
		has_some |= c->scenarios[i]->callers != 0;
	if (c->has_runtime && !has_some)
		argp_error(state, "--runtime and --workers need --coroutines");
	if (!c->workers)
		c->workers = c->runtime == SINGLE ? 1 : 2;
	if (c->runtime == SINGLE && c->workers != 1)
		argp_error(state,
			   "--runtime=single is on one thread, not on "
			   "--workers=%u",
			   c->workers);
}

static void finish(struct argp_state *state, struct config *c)
{
	if (c->linearize) {
		finish_linearize(state, c);
		return;
	}
	if (c->items && c->duration_ns)
		argp_error(state, "--items and --duration exclude each other");
	if (c->batch * c->item_size > CALL_BYTES_MAX)
		argp_error(state, "--batch times --item-size is more than %llu",
			   (unsigned long long)CALL_BYTES_MAX);
	if (!c->items && !c->duration_ns)
		c->duration_ns = 10 * NS_PER_SECOND;
	if (!c->n_scenarios)
		add_scenario(c, &scenarios[0]);
	check_suits(state, c);
	check_runtime(state, c);
}

static error_t parse(int key, char *arg, struct argp_state *state)
{
	struct config *c = state->input;
	error_t rc;

	switch (key) {
	case ARGP_KEY_ARG:
		add_named(state, c, arg);
		return 0;
	case ARGP_KEY_END:
		finish(state, c);
		return 0;
	default:
		rc = parse_load(key, arg, state);
		if (rc == ARGP_ERR_UNKNOWN)
			rc = parse_beside(key, arg, state);
		if (rc == ARGP_ERR_UNKNOWN)
			return parse_rest(key, arg, state);
		c->has_load |= key != KEY_JITTER;
		return rc;
	}
}

void options_parse(struct config *c, int argc, char **argv)
{
	static const struct scenario *chosen[SCENARIOS_MAX];
	const struct argp argp = {options,   parse, "[SCENARIO...]", doc, NULL,
				  help_text, NULL};

	*c = (struct config){
		.producers = 4,
		.consumers = 4,
		.capacity = 256,
		.item_size = ITEM_SIZE_MIN,
		.batch = 1,
		.interval_ns = NS_PER_SECOND,
		.watchdog_ns = 20 * NS_PER_SECOND,
		.scenarios = chosen,
	};
	if (getrandom(&c->seed, sizeof(c->seed), 0) != sizeof(c->seed))
		c->seed = now_ns();
	c->seed >>= 32; /* short enough to be typed */
	argp_err_exit_status = EXIT_USAGE;
	argp_program_version_hook = print_version;
	argp_parse(&argp, argc, argv, 0, NULL, c);
}
