# SPDX-License-Identifier: MIT
"""gevent's queue.Queue between greenlets of one thread; how this is called is in
bench_program.h, and the loops are those of bench_queue.h."""

import sys
import time

import gevent
import gevent.queue

KIND, SHAPE = sys.argv[1:3]
CAPACITY, PRODUCERS, CONSUMERS = map(int, sys.argv[3:6])
SECONDS = float(sys.argv[6])

if SHAPE != "flow" or KIND != "coroutines":
    sys.exit(127)  # greenlets of other threads are none of its business
running = True
put, got, items = 0, 0, 0
there = gevent.queue.Queue(CAPACITY)


def produce():
    global put
    item = 0
    while running:
        item += 1
        put += item
        there.put(item)
        if item % 1000 == 0:
            gevent.sleep(0)  # the queue alone never lets a timer have its turn


def consume():
    global got, items
    while (item := there.get()) is not None:
        got += item
        items += 1


def read():
    return time.monotonic_ns(), time.process_time_ns(), items


producers = [gevent.spawn(produce) for _ in range(PRODUCERS)]
consumers = [gevent.spawn(consume) for _ in range(CONSUMERS)]
gevent.sleep(SECONDS / 5)
before = after = read()
while after[2] == before[2]:
    gevent.sleep(SECONDS)
    after = read()
running = False
gevent.joinall(producers)
for _ in consumers:
    there.put(None)
gevent.joinall(consumers)
if put != got:
    sys.exit("not the items that were put came out")
ns, cpu, n = (b - a for a, b in zip(before, after))
print(ns / n, cpu / n, n)
