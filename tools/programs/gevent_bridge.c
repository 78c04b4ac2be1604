/* SPDX-License-Identifier: MIT */
/*
 * The C side of gevent_bridge.py, which calls bridge_*() through ctypes: workers
 * take jobs from one queue, compress them, and put results on another.
 */
#include <coqueue.h>

#include <pthread.h>
#include <stdlib.h>
#include <zlib.h>

struct job {
	size_t number;
	const unsigned char *data; /* stays the sender's */
	size_t size;
};

struct result {
	size_t number;       /* the job's */
	unsigned char *data; /* the receiver's, for bridge_free() */
	size_t size;
	size_t crc; /* of the job's data */
};

COQUEUE_DEFINE_TYPED(jobs, struct job)
COQUEUE_DEFINE_TYPED(results, struct result)

struct bridge {
	coqueue_t *jobs;
	coqueue_t *results;
	size_t n_workers;
	pthread_t workers[64];
};

static void discard_result(void *item, void *unused)
{
	(void)unused;
	free(((struct result *)item)->data);
}

/* Two queues; nobody works yet.  NULL: no memory. */
struct bridge *bridge_open(size_t capacity)
{
	coqueue_attr_t attr = COQUEUE_ATTR_INIT;
	struct bridge *bridge = calloc(1, sizeof(*bridge));

	attr.item_destroy = discard_result;
	if (bridge && jobs_create(&bridge->jobs, capacity, NULL) == 0 &&
	    results_create(&bridge->results, capacity, &attr) == 0)
		return bridge;
	if (bridge)
		coqueue_destroy(bridge->jobs);
	free(bridge);
	return NULL;
}

static struct result compress_job(const struct job *job)
{
	uLongf size = compressBound(job->size);
	struct result result = {.number = job->number, .data = malloc(size)};

	/* As zlib.compress() does. */
	if (!result.data || compress2(result.data, &size, job->data, job->size,
				      Z_DEFAULT_COMPRESSION) != Z_OK)
		abort(); /* no memory: there is no other reason */
	result.size = size;
	result.crc = crc32(0, job->data, job->size);
	return result;
}

/* Until jobs is shut down and empty, or nobody wants results any more. */
static void *work(void *arg)
{
	struct bridge *bridge = arg;
	struct result result;

	for (struct job job; jobs_get(bridge->jobs, &job) == 0;) {
		result = compress_job(&job);
		if (results_put(bridge->results, &result))
			free(result.data);
	}
	/* The last one shuts results down; what is in it is still got. */
	coqueue_release(bridge->results, COQUEUE_PUT);
	return NULL;
}

/* Once; at most 64 workers. */
int bridge_start(struct bridge *bridge, size_t n_workers)
{
	int error = 0;

	for (size_t i = 0; i < n_workers && !error; i++)
		error = coqueue_hold(bridge->results, COQUEUE_PUT);
	for (size_t i = 0; i < n_workers && !error; i++) {
		error = pthread_create(&bridge->workers[i], NULL, work, bridge);
		bridge->n_workers += !error;
	}
	return error;
}

/* At once: who waits is told, what is in the queues is discarded. */
void bridge_stop(struct bridge *bridge)
{
	coqueue_shutdown(bridge->jobs, COQUEUE_IMMEDIATE);
	coqueue_shutdown(bridge->results, COQUEUE_IMMEDIATE);
}

/* After a shutdown of jobs, and when no caller is in a queue any more. */
int bridge_close(struct bridge *bridge)
{
	int error;

	for (size_t i = 0; i < bridge->n_workers; i++)
		pthread_join(bridge->workers[i], NULL);
	if ((error = coqueue_destroy(bridge->jobs)) == 0 &&
	    (error = coqueue_destroy(bridge->results)) == 0)
		free(bridge);
	return error;
}

void bridge_free(void *data)
{
	free(data);
}
