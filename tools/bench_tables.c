/* SPDX-License-Identifier: MIT */
/*
 * The queues and the workloads.  A queue that configure did not find is not
 * linked in, and its row then holds the NULL of a weak symbol.
 */
#include "config.h"

#include "bench.h"
#include "bench_queue.h"

#define QUEUE(name)                                                            \
	extern const struct bench_queue bench_##name __attribute__((weak))

QUEUE(textbook_ring);
QUEUE(textbook_stack);
QUEUE(textbook_heap);
QUEUE(textbook_list);
QUEUE(textbook_meeting);
QUEUE(fiber);
QUEUE(fiber_unbuf);
QUEUE(go);
QUEUE(coqueue);
QUEUE(glib);
QUEUE(apr);
QUEUE(ffmpeg);
QUEUE(pipe);
QUEUE(boost);
QUEUE(boost_bounded);
QUEUE(tbb);
QUEUE(moodycamel);
QUEUE(moodycamel_tokens);
QUEUE(crossbeam);
QUEUE(async);
QUEUE(java);
QUEUE(python);
QUEUE(gevent);
QUEUE(ck);
QUEUE(dpdk);
QUEUE(atomic_queue);
QUEUE(lockfree);
QUEUE(word);

/* It cannot wait: whoever would uses the processor, and what "cpu ns" says of
 * it depends on how long that is. */
#define SPINS "spins: "

/* For each kind the queue that ratios are to, before all others: a textbook one,
 * where coroutines call Boost.Fiber's, which was made for them. */
const struct bench_peer bench_peers[] = {
	{"textbook", "bounded: mutex, 2 condition variables, ring",
	 &bench_textbook_ring},
	{"textbook", "LIFO: mutex, 2 condition variables, array",
	 &bench_textbook_stack},
	{"textbook", "PRIORITY: mutex, 2 condition variables, binary heap",
	 &bench_textbook_heap},
	{"textbook", "unbounded: mutex, condition variable, linked nodes",
	 &bench_textbook_list},
	{"textbook", "rendezvous: mutex, 3 condition variables",
	 &bench_textbook_meeting},
	{"fiber", "Boost.Fiber buffered_channel; 1023, 7 and 1 items",
	 &bench_fiber},
	{"fiber-unbuf", "Boost.Fiber unbuffered_channel, where capacity is 1",
	 &bench_fiber_unbuf},
	{"go", "Go's channel; not pinned", &bench_go},
	{"coqueue", "this library", &bench_coqueue},
	{"glib", "GLib GAsyncQueue", &bench_glib},
	{"apr", "Apache Portable Runtime, apr_queue", &bench_apr},
	{"ffmpeg", "FFmpeg AVThreadMessageQueue", &bench_ffmpeg},
	{"pipe", "a pipe, to which items are written; 513 to 1024 of them",
	 &bench_pipe},
	{"boost", "Boost.Thread sync_queue", &bench_boost},
	{"boost-bound", "Boost.Thread sync_bounded_queue",
	 &bench_boost_bounded},
	{"tbb", "oneTBB concurrent_bounded_queue", &bench_tbb},
	{"moodycamel", "moodycamel BlockingConcurrentQueue, without tokens",
	 &bench_moodycamel},
	{"moody-token", "moodycamel BlockingConcurrentQueue, with tokens",
	 &bench_moodycamel_tokens},
	{"crossbeam", "Rust crossbeam-channel", &bench_crossbeam},
	{"async-chan", "Rust async-channel, its blocking calls", &bench_async},
	{"java",
	 "Java ArrayBlockingQueue, else LinkedTransferQueue; not pinned",
	 &bench_java},
	{"python", "Python queue.Queue; not pinned", &bench_python},
	{"gevent", "gevent's queue.Queue; not pinned", &bench_gevent},
	{"ck", SPINS "Concurrency Kit ck_ring, MPMC; 1023 and 7 items",
	 &bench_ck},
	{"dpdk", SPINS "DPDK rte_ring, MPMC", &bench_dpdk},
	{"atomic-q", SPINS "atomic_queue AtomicQueueB", &bench_atomic_queue},
	{"lockfree", SPINS "boost::lockfree::queue", &bench_lockfree},
	{"word",
	 SPINS "no queue, a word that one core hands another: the floor",
	 &bench_word},
	{NULL, NULL, NULL},
};

#define AHEAD "; producers at most 100 000 items ahead"
#define BATCHES "; 32 items a call, one where there is no such call"
/* All that the process uses but what the producer does until it is time for an item:
 * so put and get, a consumer that spins, threads that a language brings along. */
#define PACED                                                                  \
	"; ns: from put to get, median; cpu ns: all but the producer's "       \
	"waiting"
/* What a queue that holds pointers is used with; Java and Python have no other
 * items than objects, and make one of that size for each put. */
#define SIZED                                                                  \
	"; textbook, coqueue, ffmpeg, pipe, go hold them, others a pointer "   \
	"to "                                                                  \
	"a copy in new memory"
#define MEMORY                                                                 \
	"bytes of an empty queue; what malloc() gave, and pages in use of "    \
	"other allocators"
#define OF_GO "; of Go goroutines"
#define PRIORITIES "; 256 priorities"

const struct bench_workload bench_workloads[] = {
	{"solo", BENCH_FIFO, BENCH_SOLO, 1, 0, 1024,
	 .about = "one thread puts an item, gets it"},
	{"1p1c", BENCH_FIFO, BENCH_FLOW, 1, 1, 1024,
	 .about = "1 producer, 1 consumer"},
	{"2p2c", BENCH_FIFO, BENCH_FLOW, 2, 2, 1024,
	 .about = "2 producers, 2 consumers"},
	{"4p4c", BENCH_FIFO, BENCH_FLOW, 4, 4, 1024,
	 .about = "4 producers, 4 consumers"},
	{"32p32c", BENCH_FIFO, BENCH_FLOW, 32, 32, 1024,
	 .about = "32 producers, 32 consumers"},
	{"4p1c", BENCH_FIFO, BENCH_FLOW, 4, 1, 1024,
	 .about = "4 producers, 1 consumer"},
	{"16p1c", BENCH_FIFO, BENCH_FLOW, 16, 1, 1024,
	 .about = "16 producers, 1 consumer"},
	{"64p1c", BENCH_FIFO, BENCH_FLOW, 64, 1, 1024,
	 .about = "64 producers, 1 consumer"},
	{"capacity8", BENCH_FIFO, BENCH_FLOW, 1, 1, 8,
	 .about = "1 producer, 1 consumer"},
	{"capacity8-4p4c", BENCH_FIFO, BENCH_FLOW, 4, 4, 8,
	 .about = "4 producers, 4 consumers"},
	{"capacity1", BENCH_FIFO, BENCH_FLOW, 1, 1, 1,
	 .about = "1 producer, 1 consumer"},
	{"capacity1-4p4c", BENCH_FIFO, BENCH_FLOW, 4, 4, 1,
	 .about = "4 producers, 4 consumers"},
	{"batch-1p1c", BENCH_FIFO, BENCH_BATCHES, 1, 1, 1024,
	 .about = "1 producer, 1 consumer" BATCHES},
	{"batch-4p4c", BENCH_FIFO, BENCH_BATCHES, 4, 4, 1024,
	 .about = "4 producers, 4 consumers" BATCHES},
	{"roundtrip", BENCH_FIFO, BENCH_ROUNDTRIP, 1, 1, 1024,
	 .about = "a thread asks, another answers; then again, each timed"},
	{"paced-3us", BENCH_FIFO, BENCH_PACED, 1, 1, 1024,
	 .about = "an item each 3 us" PACED, .pace = 3000},
	{"paced-20us", BENCH_FIFO, BENCH_PACED, 1, 1, 1024,
	 .about = "an item each 20 us" PACED, .pace = 20000},
	{"paced-100us", BENCH_FIFO, BENCH_PACED, 1, 1, 1024,
	 .about = "an item each 100 us" PACED, .pace = 100000},
	{"size-8", BENCH_FIFO, BENCH_FLOW, 1, 1, 1024,
	 .about = "items of 8 bytes, as in 1p1c"},
	{"size-64", BENCH_FIFO, BENCH_SIZED, 1, 1, 1024,
	 .about = "items of 64 bytes" SIZED, .item_size = 64},
	{"size-256", BENCH_FIFO, BENCH_SIZED, 1, 1, 1024,
	 .about = "items of 256 bytes" SIZED, .item_size = 256},
	{"size-4096", BENCH_FIFO, BENCH_SIZED, 1, 1, 1024,
	 .about = "items of 4096 bytes" SIZED, .item_size = 4096},
	{"shutdown-10", BENCH_FIFO, BENCH_SHUTDOWN, 1, 10, 1024,
	 .about = "an item: shutdown, until 10 threads' gets have "
		  "returned" OF_GO},
	{"shutdown-100", BENCH_FIFO, BENCH_SHUTDOWN, 1, 100, 1024,
	 .about = "an item: shutdown, until 100 threads' gets have "
		  "returned" OF_GO},
	{"shutdown-1000", BENCH_FIFO, BENCH_SHUTDOWN, 1, 1000, 1024,
	 .about = "an item: shutdown, until 1000 threads' gets have "
		  "returned" OF_GO},
	{"memory-16", BENCH_FIFO, BENCH_MEMORY, 0, 0, 16, .about = MEMORY},
	{"memory-1024", BENCH_FIFO, BENCH_MEMORY, 0, 0, 1024, .about = MEMORY},
	{"unbounded-1p1c", BENCH_UNBOUNDED, BENCH_FLOW, 1, 1, 0,
	 .about = "1 producer, 1 consumer" AHEAD},
	{"unbounded-4p4c", BENCH_UNBOUNDED, BENCH_FLOW, 4, 4, 0,
	 .about = "4 producers, 4 consumers" AHEAD},
	{"lifo-solo", BENCH_LIFO, BENCH_SOLO, 1, 0, 1024,
	 .about = "one thread puts an item, gets it"},
	{"lifo-1p1c", BENCH_LIFO, BENCH_FLOW, 1, 1, 1024,
	 .about = "1 producer, 1 consumer"},
	{"lifo-4p4c", BENCH_LIFO, BENCH_FLOW, 4, 4, 1024,
	 .about = "4 producers, 4 consumers"},
	{"priority-solo", BENCH_PRIORITY, BENCH_SOLO, 1, 0, 1024,
	 .about = "one thread puts an item, gets it" PRIORITIES},
	{"priority-1p1c", BENCH_PRIORITY, BENCH_FLOW, 1, 1, 1024,
	 .about = "1 producer, 1 consumer" PRIORITIES},
	{"priority-4p4c", BENCH_PRIORITY, BENCH_FLOW, 4, 4, 1024,
	 .about = "4 producers, 4 consumers" PRIORITIES},
	{"rendezvous", BENCH_RENDEZVOUS, BENCH_FLOW, 1, 1, 0,
	 .about = "1 producer, 1 consumer; a put returns when its item was "
		  "taken"},
	{"coro-1p1c", BENCH_COROUTINES, BENCH_FLOW, 1, 1, 1024,
	 .about = "producer and consumer, coroutines on one thread"},
	{"coro-capacity8", BENCH_COROUTINES, BENCH_FLOW, 1, 1, 8,
	 .about = "producer and consumer, coroutines on one thread"},
	{"coro-capacity1", BENCH_COROUTINES, BENCH_FLOW, 1, 1, 1,
	 .about = "producer and consumer, coroutines on one thread"},
	{"mix-1p1c", BENCH_COROUTINES, BENCH_MIXED, 1, 1, 1024,
	 .about = "producer a thread, consumer a coroutine on another"},
	{"mix-capacity1", BENCH_COROUTINES, BENCH_MIXED, 1, 1, 1,
	 .about = "producer a thread, consumer a coroutine on another"},
	{"coro-shutdown", BENCH_COROUTINES, BENCH_SHUTDOWN, 1, 1000, 1,
	 .about = "an item: shutdown, until 1000 coroutines' gets have "
		  "returned"},
	{.name = NULL},
};

const char *const bench_kind_names[] = {
	[BENCH_FIFO] = "fifo",
	[BENCH_UNBOUNDED] = "unbounded",
	[BENCH_LIFO] = "lifo",
	[BENCH_PRIORITY] = "priority",
	[BENCH_RENDEZVOUS] = "rendezvous",
	[BENCH_COROUTINES] = "coroutines",
};

/* BENCH_ONE_BY_ONE. */
static bool is_one_by_one(const struct bench_workload *w)
{
	return w->shape == BENCH_ROUNDTRIP ||
	       (w->shape == BENCH_FLOW && w->capacity == 1 &&
		w->producers == 1 && w->consumers == 1);
}

bool bench_peer_takes_part(const struct bench_peer *peer,
			   const struct bench_workload *workload)
{
	unsigned int does = peer->queue ? peer->queue->kinds : 0;

	return does & (1u << workload->kind) &&
	       (!(does & BENCH_ONE_BY_ONE) || is_one_by_one(workload));
}

bool bench_workload_is_built(const struct bench_workload *workload)
{
	return bench_coqueue.kinds & (1u << workload->kind);
}
