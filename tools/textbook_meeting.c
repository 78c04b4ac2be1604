/* SPDX-License-Identifier: MIT */
/* A place for one item.  Takes are counted, so that a putter knows that it was
 * its own item that was taken, though the next one may lie there already. */
#include "config.h"

#include "textbook.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

struct textbook_meeting {
	pthread_mutex_t lock;
	pthread_cond_t vacant;   /* for putters */
	pthread_cond_t occupied; /* for getters */
	pthread_cond_t taken;    /* for the putter of an item */
	/* under lock */
	void *item;
	uint64_t n_put;
	uint64_t n_taken; /* n_put, or one less: the item lies there */
	bool stopping;
};

struct textbook_meeting *textbook_meeting_create(void)
{
	struct textbook_meeting *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	pthread_mutex_init(&b->lock, NULL);
	pthread_cond_init(&b->vacant, NULL);
	pthread_cond_init(&b->occupied, NULL);
	pthread_cond_init(&b->taken, NULL);
	return b;
}

void textbook_meeting_destroy(struct textbook_meeting *b)
{
	pthread_cond_destroy(&b->taken);
	pthread_cond_destroy(&b->occupied);
	pthread_cond_destroy(&b->vacant);
	pthread_mutex_destroy(&b->lock);
	free(b);
}

static int put_locked(struct textbook_meeting *b, void *item)
{
	uint64_t number;

	while (b->n_put != b->n_taken && !b->stopping)
		pthread_cond_wait(&b->vacant, &b->lock);
	if (b->stopping)
		return ESHUTDOWN;
	b->item = item;
	number = ++b->n_put;
	pthread_cond_signal(&b->occupied);
	while (b->n_taken < number && !b->stopping)
		pthread_cond_wait(&b->taken, &b->lock);
	if (b->n_taken >= number)
		return 0;
	b->n_put--; /* stopped: it is the putter's again */
	return ESHUTDOWN;
}

int textbook_meeting_put(struct textbook_meeting *b, void *item)
{
	int err;

	pthread_mutex_lock(&b->lock);
	err = put_locked(b, item);
	pthread_mutex_unlock(&b->lock);
	return err;
}

int textbook_meeting_get(struct textbook_meeting *b, void **item)
{
	pthread_mutex_lock(&b->lock);
	while (b->n_put == b->n_taken && !b->stopping)
		pthread_cond_wait(&b->occupied, &b->lock);
	if (b->n_put == b->n_taken) {
		pthread_mutex_unlock(&b->lock);
		return ESHUTDOWN;
	}
	*item = b->item;
	b->n_taken++;
	pthread_cond_signal(&b->taken);
	pthread_cond_signal(&b->vacant);
	pthread_mutex_unlock(&b->lock);
	return 0;
}

void textbook_meeting_shutdown(struct textbook_meeting *b)
{
	pthread_mutex_lock(&b->lock);
	b->stopping = true;
	pthread_mutex_unlock(&b->lock);
	pthread_cond_broadcast(&b->vacant);
	pthread_cond_broadcast(&b->occupied);
	pthread_cond_broadcast(&b->taken);
}
