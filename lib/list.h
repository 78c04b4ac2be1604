/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A doubly linked ring with a head, as in the Linux kernel: whoever holds a
 * node can unlink it without knowing the list.
 */
#ifndef COQUEUE_LIST_H
#define COQUEUE_LIST_H

#include <stdbool.h>

struct list {
	struct list *next, *prev;
};

static inline void list_init(struct list *head)
{
	head->next = head->prev = head;
}

static inline bool list_empty(const struct list *head)
{
	return head->next == head;
}

/* Link node in front of `before`; before the head means at the end. */
static inline void list_insert(struct list *node, struct list *before)
{
	node->next = before;
	node->prev = before->prev;
	before->prev->next = node;
	before->prev = node;
}

static inline void list_remove(struct list *node)
{
	node->prev->next = node->next;
	node->next->prev = node->prev;
}

#define list_for_each(node, head)                                              \
	for ((node) = (head)->next; (node) != (head); (node) = (node)->next)

#endif
