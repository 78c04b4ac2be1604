/* SPDX-License-Identifier: MIT */
/* The head and the summary, for people with a terminal of 80 columns. */
#include "config.h"

#include <string.h>
#include <coqueue.h>
#include "stress_round.h"
#include "stress_text.h"

#define COLUMNS 79
#define ROWS_MAX 20 /* of the histogram */
#define BAR 44

/* ---- text -------------------------------------------------------------- */

/* In lines of COLUMNS; those after the first one are indented. */
static void print_wrapped(FILE *out, const char *text, int indent)
{
	int column = (int)strspn(text, " ");
	const char *gap = "";

	fprintf(out, "%*s", column, "");
	for (text += column; *text; text += strspn(text, " ")) {
		int word = (int)strcspn(text, " ");

		if (*gap && column + 1 + word > COLUMNS) {
			fprintf(out, "\n%*s", indent, "");
			column = indent;
			gap = "";
		}
		column += fprintf(out, "%s%.*s", gap, word, text);
		gap = " ";
		text += word;
	}
	fputc('\n', out);
}

/* ---- head -------------------------------------------------------------- */

static void print_load(const struct config *c, FILE *out)
{
	char rate[TEXT_LENGTH], capacity[TEXT_LENGTH];

	if (c->linearize)
		return;
	fprintf(out, "  %s, capacity %s, items of %zu bytes\n",
		order_name[c->order], text_capacity(capacity, c->capacity),
		c->item_size);
	fprintf(out, "  %u producer%s, %u consumer%s, batch %zu\n",
		c->producers, c->producers == 1 ? "" : "s", c->consumers,
		c->consumers == 1 ? "" : "s", c->batch);
	if (c->coroutines)
		fprintf(out, "  and %u more of each side: %s, on %u thread%s\n",
			c->coroutines,
			c->runtime == ARM ? "they arm waiters" : "coroutines",
			c->workers, c->workers == 1 ? "" : "s");
	if (c->rate || c->jitter)
		fprintf(out, "  %s%s%s%s\n",
			c->rate ? text_count(rate, c->rate) : "",
			c->rate ? " items per second" : "",
			c->rate && c->jitter ? ", " : "",
			c->jitter ? "with jitter" : "");
}

static void print_extent(const struct config *c, FILE *out)
{
	char amount[TEXT_LENGTH], line[256];
	int n;

	if (c->duration_ns)
		n = snprintf(line, sizeof(line), "  %s for",
			     text_time(amount, c->duration_ns));
	else if (c->linearize)
		n = snprintf(line, sizeof(line), "  %s histories for",
			     text_count(amount, (double)c->histories));
	else
		n = snprintf(line, sizeof(line), "  %s items each for",
			     text_count(amount, (double)c->items));
	for (unsigned i = 0; i < c->n_scenarios; i++)
		n += snprintf(line + n, sizeof(line) - (size_t)n, "%s %s",
			      i ? "," : "", c->scenarios[i]->name);
	print_wrapped(out, line, 2);
	if (c->left_out)
		fprintf(out, "  without %s: this capacity cannot be changed\n",
			c->left_out->name);
	fputc('\n', out);
}

void report_head(const struct run *run)
{
	const struct config *c = run->config;

	if (c->quiet)
		return;
	fprintf(run->out, "coqueue-stress %s, seed %llu\n", coqueue_version(),
		(unsigned long long)c->seed);
	print_load(c, run->out);
	print_extent(c, run->out);
	fflush(run->out);
}

/* ---- tables ------------------------------------------------------------ */

static void print_rate_row(const struct result *r, FILE *out)
{
	static const double shares[] = {0.5, 0.9, 0.99, 0.999, 1};
	double seconds = (double)r->load_ns / 1e9;
	double items = (double)r->count[DELIVERED];
	char text[TEXT_LENGTH];

	fprintf(out, "%-8s %6s", r->scenario->name,
		text_count(text, (double)r->rounds));
	fprintf(out, " %7s", text_count(text, items));
	fprintf(out, " %6s/s",
		text_count(text, seconds > 0 ? items / seconds : 0));
	for (size_t i = 0; i < sizeof(shares) / sizeof(shares[0]); i++)
		fprintf(out, " %8s",
			r->latency.count ? text_time(text, histogram_percentile(
								   &r->latency,
								   shares[i]))
					 : "-");
	fprintf(out, "\n");
}

static void print_rates(const struct run *run, FILE *out)
{
	fprintf(out, "%-8s %6s %7s %8s %8s %8s %8s %8s %8s\n", "scenario",
		"rounds", "items", "rate", "p50", "p90", "p99", "p99.9", "max");
	for (unsigned i = 0; i < run->n_results; i++)
		print_rate_row(&run->results[i], out);
	fprintf(out, "\n");
}

static void print_counts_row(const struct result *r, FILE *out)
{
	const struct {
		int width;
		uint64_t value;
	} columns[] = {
		{6, r->count[SHUTDOWNS]},     {8, r->count[REFUSED]},
		{7, r->count[DISCARDED]},     {7, r->count[TIMED_OUT]},
		{7, r->count[INTERRUPTED]},   {8, r->count[CANCELLED]},
		{9, r->met_blocked[PUTTERS]}, {8, r->met_blocked[GETTERS]},
		{8, r->met_blocked[JOINERS]},
	};
	char text[TEXT_LENGTH];

	fprintf(out, "%-8s", r->scenario->name);
	for (size_t i = 0; i < sizeof(columns) / sizeof(columns[0]); i++)
		fprintf(out, "%*s", columns[i].width,
			text_count(text, (double)columns[i].value));
	fprintf(out, "\n");
}

static void print_counts(const struct run *run, FILE *out)
{
	fputs("          shut    puts    dis-  timed inter- threads"
	      "  shutdowns that met 2+\n"
	      "scenario downs refused carded    out rupted  cancel"
	      "  putters getters joiners\n",
	      out);
	for (unsigned i = 0; i < run->n_results; i++)
		print_counts_row(&run->results[i], out);
	fprintf(out, "\n");
}

/* How many sorts of callers have moved items. */
static unsigned sorts_of(const struct result *r)
{
	unsigned n = 0;

	for (enum caller caller = 0; caller < N_CALLERS; caller++)
		n += r->moved_by[caller][COQUEUE_PUT] ||
		     r->moved_by[caller][COQUEUE_GET];
	return n;
}

static void print_shares(const struct result *r, enum coqueue_side side,
			 FILE *out)
{
	uint64_t all = 0;

	for (enum caller caller = 0; caller < N_CALLERS; caller++)
		all += r->moved_by[caller][side];
	for (enum caller caller = 0; caller < N_CALLERS; caller++) {
		uint64_t part = r->moved_by[caller][side];

		if (part)
			fprintf(out, "%9.1f %%",
				100.0 * (double)part / (double)all);
		else
			fprintf(out, "%11s", "-");
	}
}

/* Where there is more than one sort: information, and no verdict. */
static void print_callers(const struct run *run, FILE *out)
{
	bool begun = false;

	for (unsigned i = 0; i < run->n_results; i++) {
		const struct result *r = &run->results[i];

		if (sorts_of(r) < 2)
			continue;
		if (!begun)
			fprintf(out, "%-9s %-33s %s\n%-8s", "",
				"of the puts, by", "of the gets, by",
				"scenario");
		for (unsigned k = 0; !begun && k < 2 * N_CALLERS; k++)
			fprintf(out, "%11s", caller_name[k % N_CALLERS]);
		fprintf(out, "%s%-8s", begun ? "" : "\n", r->scenario->name);
		print_shares(r, COQUEUE_PUT, out);
		print_shares(r, COQUEUE_GET, out);
		fprintf(out, "\n");
		begun = true;
	}
	if (begun)
		fprintf(out, "\n");
}

/* ---- histogram --------------------------------------------------------- */

struct bars {
	unsigned n;
	uint64_t bound[40]; /* rows hold what is below; ascending */
	uint64_t count[40];
};

/* 10 ns, 20 ns, 50 ns, 100 ns ..., or decades only. */
static void make_bounds(struct bars *b, bool decades)
{
	static const unsigned steps[] = {1, 2, 5};
	uint64_t decade = 10;

	b->n = 0;
	for (unsigned i = 0; decade < UINT64_C(1000000000000); decade *= 10)
		for (i = 0; i < (decades ? 1 : 3); i++)
			b->bound[b->n++] = decade * steps[i];
}

static void fill_bars(struct bars *b, const struct histogram *h)
{
	unsigned row = 0, first = 0;

	memset(b->count, 0, sizeof(b->count));
	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		while (row < b->n - 1 && histogram_low(i) >= b->bound[row])
			row++;
		b->count[row] += h->bucket[i];
	}
	while (b->n && !b->count[b->n - 1])
		b->n--;
	while (first < b->n && !b->count[first])
		first++;
	b->n -= first;
	memmove(b->bound, b->bound + first, b->n * sizeof(b->bound[0]));
	memmove(b->count, b->count + first, b->n * sizeof(b->count[0]));
}

static void print_bar(FILE *out, uint64_t bound, uint64_t count, uint64_t all,
		      uint64_t highest)
{
	char below[TEXT_LENGTH], number[TEXT_LENGTH];
	int length = (int)((double)count / (double)highest * BAR + 0.5);

	fprintf(out, "  < %7s %8s %6.2f %%%s", text_time(below, bound),
		text_count(number, (double)count),
		100.0 * (double)count / (double)all, count ? "  " : "");
	if (count && !length)
		fputc('.', out);
	for (int i = 0; i < length; i++)
		fputc('#', out);
	fputc('\n', out);
}

static void print_histogram(const struct run *run, FILE *out)
{
	static struct histogram all;
	struct bars b;
	uint64_t highest = 0;

	for (unsigned i = 0; i < run->n_results; i++)
		histogram_add(&all, &run->results[i].latency);
	if (!all.count)
		return;
	make_bounds(&b, false);
	fill_bars(&b, &all);
	if (b.n > ROWS_MAX) {
		make_bounds(&b, true);
		fill_bars(&b, &all);
	}
	for (unsigned i = 0; i < b.n; i++)
		if (b.count[i] > highest)
			highest = b.count[i];
	if (run->config->rate)
		fprintf(out, "latency, from the time an item was due until it "
			     "was got\n");
	else
		fprintf(out, "latency, from put to get, of one item in %d\n",
			STAMP_EVERY);
	for (unsigned i = 0; i < b.n; i++)
		print_bar(out, b.bound[i], b.count[i], all.count, highest);
	fprintf(out, "\n");
}

/* ---- verdict ----------------------------------------------------------- */

static void print_violations(const struct result *r, FILE *out)
{
	char line[VERDICT_LENGTH + 64];
	unsigned n = atomic_load(&r->violations.n);
	unsigned kept = atomic_load(&r->violations.kept);

	for (unsigned i = 0; i < kept; i++) {
		snprintf(line, sizeof(line), "VIOLATED %s, %s",
			 r->scenario->name, r->violations.text[i]);
		print_wrapped(out, line, 9);
	}
	if (n > kept)
		fprintf(out, "         and %u more\n", n - kept);
}

static void print_verdict(const struct run *run, enum exit_status status,
			  const char *why)
{
	bool failed = status > EXIT_PASS && status < EXIT_SIGNALLED;
	char line[VERDICT_LENGTH + 64];

	snprintf(line, sizeof(line), "%s seed %llu: %s",
		 failed ? "FAIL" : "PASS",
		 (unsigned long long)run->config->seed, why);
	fprintf(run->out, "%s\n", line);
}

void report_summary(const struct run *run, enum exit_status status,
		    const char *why)
{
	if (!run->config->quiet) {
		print_rates(run, run->out);
		print_counts(run, run->out);
		print_callers(run, run->out);
		print_histogram(run, run->out);
	}
	for (unsigned i = 0; i < run->n_results; i++)
		print_violations(&run->results[i], run->out);
	print_verdict(run, status, why);
	fflush(run->out);
}
