/* SPDX-License-Identifier: MIT */
/* Nodes are allocated and freed outside the lock; why the signal is sent inside
 * it stands in textbook.c. */
#include "config.h"

#include "textbook.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

struct node {
	struct node *next;
	void *item;
};

struct textbook_list {
	pthread_mutex_t lock;
	pthread_cond_t not_empty;
	/* under lock */
	struct node *first;
	struct node **end; /* where the next node goes */
	bool stopping;
};

struct textbook_list *textbook_list_create(void)
{
	struct textbook_list *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	pthread_mutex_init(&b->lock, NULL);
	pthread_cond_init(&b->not_empty, NULL);
	b->end = &b->first;
	return b;
}

void textbook_list_destroy(struct textbook_list *b)
{
	struct node *node, *next;

	for (node = b->first; node; node = next) {
		next = node->next;
		free(node);
	}
	pthread_cond_destroy(&b->not_empty);
	pthread_mutex_destroy(&b->lock);
	free(b);
}

int textbook_list_put(struct textbook_list *b, void *item)
{
	struct node *node = malloc(sizeof(*node));

	if (!node)
		return ENOMEM;
	node->next = NULL;
	node->item = item;
	pthread_mutex_lock(&b->lock);
	if (b->stopping) {
		pthread_mutex_unlock(&b->lock);
		free(node);
		return ESHUTDOWN;
	}
	*b->end = node;
	b->end = &node->next;
	pthread_cond_signal(&b->not_empty);
	pthread_mutex_unlock(&b->lock);
	return 0;
}

int textbook_list_get(struct textbook_list *b, void **item)
{
	struct node *node;

	pthread_mutex_lock(&b->lock);
	while (!b->first && !b->stopping)
		pthread_cond_wait(&b->not_empty, &b->lock);
	node = b->first;
	if (!node) {
		pthread_mutex_unlock(&b->lock);
		return ESHUTDOWN;
	}
	b->first = node->next;
	if (!b->first)
		b->end = &b->first;
	pthread_mutex_unlock(&b->lock);
	*item = node->item;
	free(node);
	return 0;
}

void textbook_list_shutdown(struct textbook_list *b)
{
	pthread_mutex_lock(&b->lock);
	b->stopping = true;
	pthread_mutex_unlock(&b->lock);
	pthread_cond_broadcast(&b->not_empty);
}
