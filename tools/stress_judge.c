/* SPDX-License-Identifier: MIT */
/*
 * The accounts of a round.  The crew has left, so everything is still and the
 * figures must fit exactly:
 *
 *     accepted = delivered + discarded          and each item exactly once
 *     puts, gets, discarded of coqueue_stats    the same three
 *     unfinished = accepted - discarded - marked
 *     nobody waits
 *     discarded = 0, when every shutdown was graceful and consumers were there
 */
#include "config.h"

#include <inttypes.h>
#include "stress_cargo.h"

static uint64_t total(struct round *r, enum count what)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < r->n_actors; i++)
		if (r->actors[i].index < round_crew_size(r, r->actors[i].role))
			sum += r->actors[i].count[what];
	return sum;
}

static void expect(struct round *r, const char *whose, const char *what,
		   uint64_t is, uint64_t expected, const char *meaning)
{
	if (is != expected)
		actor_fail(round_actor(r, CONDUCTOR, 0),
			   "%s%s is %" PRIu64 ", but %s is %" PRIu64, whose,
			   what, is, meaning, expected);
}

static void judge_stats(struct round *r, coqueue_t *q, const coqueue_stats_t *s,
			const struct sums *sums)
{
	expect(r, sums->whose, "stats.puts", s->puts, sums->accepted,
	       "what producers counted");
	expect(r, sums->whose, "stats.gets", s->gets, sums->delivered,
	       "what consumers counted");
	expect(r, sums->whose, "stats.discarded", s->discarded, sums->discarded,
	       "what item_destroy counted");
	expect(r, sums->whose, "coqueue_size", coqueue_size(q),
	       s->puts - s->gets - s->discarded, "puts - gets - discarded");
	expect(r, sums->whose, "coqueue_unfinished", coqueue_unfinished(q),
	       sums->accepted - sums->discarded - sums->marked,
	       "accepted - discarded - marked");
	expect(r, sums->whose, "putters_waiting", s->putters_waiting, 0,
	       "the true number");
	expect(r, sums->whose, "getters_waiting", s->getters_waiting, 0,
	       "the true number");
	expect(r, sums->whose, "joiners_waiting", s->joiners_waiting, 0,
	       "the true number");
}

/* Nobody may mark more items than there were. */
static void judge_excess(struct round *r, coqueue_t *q, const char *whose)
{
	size_t unfinished = coqueue_unfinished(q);

	if (coqueue_task_done(q, unfinished + 1) == 0)
		actor_fail(round_actor(r, CONDUCTOR, 0),
			   "task_done accepted more items than were put");
	expect(r, whose, "unfinished after a refused task_done",
	       coqueue_unfinished(q), unfinished, "before it, it");
}

void judge_queue_of(struct round *r, coqueue_t *q, const struct sums *sums)
{
	coqueue_stats_t s;

	if (!round_get_stats(r, q, &s))
		return;
	judge_stats(r, q, &s, sums);
	judge_excess(r, q, sums->whose);
}

void judge_queue(struct round *r)
{
	const struct sums sums = {
		.whose = "",
		.accepted = total(r, ACCEPTED),
		.delivered = total(r, DELIVERED),
		.discarded = total(r, DISCARDED),
		.marked = total(r, MARKED),
	};

	judge_queue_of(r, r->queue, &sums);
}

static const char *name_of(const struct actor *a, char *to, size_t size)
{
	snprintf(to, size, "%s %u", role_name[a->role], a->index);
	return to;
}

/* Of this source, which need not be one of this round. */
static uint32_t accepted_of(const struct round *r, unsigned source)
{
	unsigned each = sources_each(r), place = source / each;

	if (place > r->most[PRODUCER])
		return 0;
	return each == 1 ? r->actors[place].number
			 : r->actors[place].put_in[source % each];
}

static void tell_finding(struct round *r, unsigned source,
			 const struct ledger_finding *f)
{
	struct actor *conductor = round_actor(r, CONDUCTOR, 0);
	char one[32], other[32], name[SOURCE_LENGTH];

	cargo_source(name, r, source);
	if (f->lost)
		actor_fail(
			conductor,
			"%" PRIu64 " of %u accepted items of producer %s are "
			"lost, the first is %u",
			f->lost, accepted_of(r, source), name, f->first_lost);
	if (f->foreign)
		actor_fail(conductor,
			   "%" PRIu64
			   " items of producer %s came out though no "
			   "put accepted them, the first is %u",
			   f->foreign, name, f->first_foreign);
	if (f->doubled)
		actor_fail(
			conductor,
			"%" PRIu64 " items of producer %s came out twice, the "
			"first is %u, to %s and %s",
			f->doubled, name, f->first_doubled,
			name_of(&r->actors[f->doubled_by[0]], one, sizeof(one)),
			name_of(&r->actors[f->doubled_by[1]], other,
				sizeof(other)));
}

/* When consumers leave because producers have, they leave nothing. */
static bool ends_drained(const struct round *r)
{
	return atomic_load(&r->returned) == GRACEFULLY ||
	       (r->plan.is_held[COQUEUE_PUT] && r->plan.is_held[COQUEUE_GET]);
}

void judge_accounts(struct round *r)
{
	uint64_t discarded = total(r, DISCARDED);
	struct ledger_finding finding;

	for (unsigned i = 0; i < r->item_sources; i++) {
		ledger_settle(r->ledgers, r->n_actors, i, accepted_of(r, i),
			      &finding);
		tell_finding(r, i, &finding);
	}
	if (discarded && ends_drained(r) && r->plan.consumers &&
	    !r->plan.one_call)
		actor_fail(round_actor(r, CONDUCTOR, 0),
			   "consumers were told the end while %" PRIu64
			   " accepted items were left",
			   discarded);
	expect(r, "", "item_destroy calls on threads that cannot discard",
	       atomic_exchange(&r->strays, 0), 0, "the number allowed");
}

static void collect_from(struct round *r, struct actor *a)
{
	struct verdicts *out = &r->result->violations;
	unsigned kept = atomic_exchange(&a->verdicts.kept, 0);
	unsigned n = atomic_exchange(&a->verdicts.n, 0);
	char name[32];

	name_of(a, name, sizeof(name));
	for (unsigned i = 0; i < kept; i++)
		verdicts_add(out, "round %" PRIu64 ": %s%s%s", r->index,
			     a->role == CONDUCTOR ? "" : name,
			     a->role == CONDUCTOR ? "" : " ",
			     a->verdicts.text[i]);
	atomic_fetch_add(&out->n, n - kept);
}

void judge_collect(struct round *r)
{
	for (unsigned i = 0; i < r->n_actors; i++)
		collect_from(r, &r->actors[i]);
}
