/* SPDX-License-Identifier: MIT */
/* The results for machines: everything that the summary shows, and more. */
#include "config.h"

#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <coqueue.h>
#include "stress_round.h"

const char *const count_name[N_COUNTS] = {
	[ACCEPTED] = "accepted",
	[DELIVERED] = "delivered",
	[DISCARDED] = "discarded",
	[REFUSED] = "puts_refused",
	[ENDED] = "gets_ended",
	[PEEKED] = "peeked",
	[JOINED] = "joined",
	[MARKED] = "marked_done",
	[TIMED_OUT] = "timed_out",
	[WOULD_BLOCK] = "would_block",
	[INTERRUPTED] = "interrupted",
	[CANCELLED] = "cancelled",
	[SHUTDOWNS] = "shutdowns",
	[RESIZED] = "resized",
	[PARKS] = "parks",
	[ARMINGS] = "armings",
	[SELECTED] = "selected",
	[RECORDED] = "recorded",
};

static const char *const line_name[N_LINES] = {
	[PUTTERS] = "putters",
	[GETTERS] = "getters",
	[JOINERS] = "joiners",
};

static void set_number(json_t *object, const char *key, uint64_t value)
{
	json_object_set_new(object, key, json_integer((json_int_t)value));
}

static void set_seconds(json_t *object, const char *key, uint64_t ns)
{
	json_object_set_new(object, key, json_real((double)ns / 1e9));
}

static json_t *config_json(const struct config *c)
{
	json_t *o = json_object();

	json_object_set_new(o, "linearize", json_boolean(c->linearize));
	set_number(o, "producers", c->producers);
	set_number(o, "consumers", c->consumers);
	set_number(o, "coroutines", c->coroutines);
	json_object_set_new(o, "runtime",
			    json_string(runtime_name[c->runtime]));
	set_number(o, "workers", c->workers);
	json_object_set_new(o, "order", json_string(order_name[c->order]));
	json_object_set_new(o, "capacity",
			    c->capacity == COQUEUE_UNBOUNDED
				    ? json_null()
				    : json_integer((json_int_t)c->capacity));
	set_number(o, "item_size", c->item_size);
	set_number(o, "batch", c->batch);
	json_object_set_new(o, "rate",
			    c->rate ? json_real(c->rate) : json_null());
	if (c->duration_ns)
		set_seconds(o, "duration_s", c->duration_ns);
	else if (c->linearize)
		set_number(o, "histories", c->histories);
	else
		set_number(o, "items", c->items);
	set_seconds(o, "watchdog_s", c->watchdog_ns);
	json_object_set_new(o, "jitter", json_boolean(c->jitter));
	return o;
}

static json_t *buckets_json(const struct histogram *h)
{
	json_t *list = json_array();

	for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
		json_t *o;

		if (!h->bucket[i])
			continue;
		o = json_object();
		set_number(o, "from", histogram_low(i));
		set_number(o, "to",
			   i < HISTOGRAM_BUCKETS - 1 ? histogram_high(i)
						     : h->max);
		set_number(o, "count", h->bucket[i]);
		json_array_append_new(list, o);
	}
	return list;
}

static json_t *latency_json(const struct histogram *h)
{
	json_t *o = json_object();

	set_number(o, "samples", h->count);
	set_number(o, "p50", histogram_percentile(h, 0.5));
	set_number(o, "p90", histogram_percentile(h, 0.9));
	set_number(o, "p99", histogram_percentile(h, 0.99));
	set_number(o, "p99.9", histogram_percentile(h, 0.999));
	set_number(o, "max", h->max);
	json_object_set_new(o, "buckets", buckets_json(h));
	return o;
}

static json_t *violations_json(const struct verdicts *v)
{
	json_t *list = json_array();
	unsigned kept = atomic_load(&v->kept);

	for (unsigned i = 0; i < kept; i++)
		json_array_append_new(list, json_string(v->text[i]));
	return list;
}

static json_t *callers_json(const struct result *r)
{
	json_t *list = json_object();

	for (enum caller caller = 0; caller < N_CALLERS; caller++) {
		json_t *o = json_object();

		set_number(o, "put", r->moved_by[caller][COQUEUE_PUT]);
		set_number(o, "got", r->moved_by[caller][COQUEUE_GET]);
		json_object_set_new(list, caller_name[caller], o);
	}
	return list;
}

static json_t *result_json(const struct result *r)
{
	json_t *o = json_object(), *counts = json_object();
	json_t *met = json_object();

	json_object_set_new(o, "name", json_string(r->scenario->name));
	set_number(o, "rounds", r->rounds);
	set_seconds(o, "load_s", r->load_ns);
	set_number(o, "too_hard_to_check", r->too_hard);
	json_object_set_new(o, "items_per_s",
			    json_real(r->load_ns
					      ? (double)r->count[DELIVERED] *
							1e9 / (double)r->load_ns
					      : 0));
	for (unsigned i = 0; i < N_COUNTS; i++)
		set_number(counts, count_name[i], r->count[i]);
	json_object_set_new(o, "counts", counts);
	for (unsigned i = 0; i < N_LINES; i++)
		set_number(met, line_name[i], r->met_blocked[i]);
	json_object_set_new(o, "shutdowns_that_met_2_blocked", met);
	json_object_set_new(o, "by_caller", callers_json(r));
	json_object_set_new(o, "latency_ns", latency_json(&r->latency));
	set_number(o, "n_violations", atomic_load(&r->violations.n));
	json_object_set_new(o, "violations", violations_json(&r->violations));
	return o;
}

static const char *verdict_name(enum exit_status status)
{
	switch (status) {
	case EXIT_PASS:
		return "pass";
	case EXIT_VIOLATION:
		return "violation";
	case EXIT_HANG:
		return "hang";
	case EXIT_NO_START:
		return "could not start";
	default:
		return "interrupted";
	}
}

int json_open(struct run *run)
{
	const char *path = run->config->json;

	if (!path)
		return 0;
	run->json = strcmp(path, "-") == 0 ? stdout : fopen(path, "w");
	return run->json ? 0 : errno;
}

int json_write(const struct run *run, enum exit_status status, const char *why)
{
	json_t *o = json_object(), *list = json_array();
	uint64_t end = run->ended_ns ? run->ended_ns : now_ns();
	int rc;

	json_object_set_new(o, "program", json_string("coqueue-stress"));
	json_object_set_new(o, "library", json_string(coqueue_version()));
	set_number(o, "seed", run->config->seed);
	json_object_set_new(o, "config", config_json(run->config));
	for (unsigned i = 0; i < run->n_results; i++)
		json_array_append_new(list, result_json(&run->results[i]));
	json_object_set_new(o, "scenarios", list);
	set_seconds(o, "elapsed_s", end - run->started_ns);
	json_object_set_new(o, "verdict", json_string(verdict_name(status)));
	json_object_set_new(o, "reason", json_string(why));
	set_number(o, "exit_status", (uint64_t)status);
	rc = json_dumpf(o, run->json, JSON_INDENT(2) | JSON_REAL_PRECISION(9));
	json_decref(o);
	if (rc == 0 && fputc('\n', run->json) != EOF && fflush(run->json) == 0)
		return 0;
	return errno ? errno : EIO;
}
