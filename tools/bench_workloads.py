# SPDX-License-Identifier: MIT
"""What is done with a queue of Python; how this is called is in bench_program.h,
and the loops are those of bench_queue.h.

Before it, in the same file, stands an adapter, with

  Queue(capacity)  which has put and get
  start(loop, me)  begins loop(me) in a thread or coroutine, which has join
  sleep(seconds)   lets these go on meanwhile
  SHAPES           those of bench_program.c that it supports
"""

import sys
import threading
import time

KIND, SHAPE = sys.argv[1:3]
CAPACITY, PRODUCERS, CONSUMERS = map(int, sys.argv[3:6])
SECONDS = float(sys.argv[6])
PACE = int(sys.argv[7])  # ns from an item to the next
SIZE = int(sys.argv[8])  # bytes of an item
SLEEP = 50000  # BENCH_SLEEP
STEP, STEPS = 1000, 100  # of the window where nothing else stops producers

if SHAPE not in SHAPES:
    sys.exit(127)
running = True
timed = False
times = []  # of single items
waited = 0  # CPU time until it was time for an item
items = [0] * (PRODUCERS + CONSUMERS)
put, got = items[:], items[:]
there, back = Queue(CAPACITY), Queue(CAPACITY)
window = threading.Semaphore(STEPS)


def produce(me):
    item = 0
    while running:
        if KIND == "unbounded" and item % STEP == 0:
            window.acquire()
        item += 1
        put[me] += item
        there.put(item)


def consume(me):
    while (item := there.get()) is not None:
        got[me] += item
        items[me] += 1
        if items[me] % STEP == 0:
            window.release()


def produce_by_turns(me):  # coroutines of one thread
    item = sent = 0
    while running:
        item += 1
        sent += item
        there.put(item)
        if item % STEP == 0:
            sleep(0)  # the queue alone never lets a timer have its turn
    put[me] = sent


def consume_by_turns(me):
    n = total = 0
    while (item := there.get()) is not None:
        total += item
        items[me] = n = n + 1
    got[me] = total


def ask(me):
    answers = there if SHAPE == "solo" else back
    while running and not timed:
        put[me] += items[me]
        there.put(items[me])
        got[me] += answers.get()
        items[me] += 1
    while running:
        begin = time.monotonic_ns()
        there.put(0)
        got[me] += answers.get()
        times.append(time.monotonic_ns() - begin)


def answer(me):
    while (item := there.get()) is not None:
        back.put(item)


def produce_sized(me):
    item = 0
    while running:
        item += 1
        put[me] += item % 256
        there.put(bytes((item % 256,)) * SIZE)


def consume_sized(me):
    while (item := there.get()) is not None:
        got[me] += item[-1]
        items[me] += 1


def produce_paced(me):  # what it does until it is time for an item does not count
    global waited
    reading = min(-time.thread_time_ns() + time.thread_time_ns() for _ in range(100))
    due = time.monotonic_ns()
    while running:
        before = time.thread_time_ns()
        due += PACE
        if PACE >= SLEEP:
            sleep(max(0, due - time.monotonic_ns()) / 1e9)
        while time.monotonic_ns() < due:
            pass
        waited += time.thread_time_ns() - before + reading
        item = time.monotonic_ns()
        put[me] += item
        there.put(item)


def consume_paced(me):
    while (item := there.get()) is not None:
        if timed:
            times.append(time.monotonic_ns() - item)
        got[me] += item
        items[me] += 1


def read():
    return time.monotonic_ns(), time.process_time_ns() - waited, sum(items)


one_thread = KIND == "coroutines"
first, second = {
    "solo": (ask, None),
    "flow": (produce_by_turns, consume_by_turns) if one_thread else (produce, consume),
    "roundtrip": (ask, answer),
    "paced": (produce_paced, consume_paced),
    "sized": (produce_sized, consume_sized),
}[SHAPE]
workers = [start(first if me < PRODUCERS else second, me) for me in range(len(items))]
sleep(SECONDS / 5)
timed = SHAPE == "paced"
before = after = read()
while after[2] == before[2]:
    sleep(SECONDS)
    after = read()
timed = SHAPE == "roundtrip"
while timed and not times:
    sleep(SECONDS)
running = False
for worker in workers[:PRODUCERS]:
    worker.join()
for worker in workers[PRODUCERS:]:
    there.put(None)
for worker in workers[PRODUCERS:]:
    worker.join()
if sum(put) != sum(got):
    sys.exit("not the items that were put came out")
ns, cpu, n = (b - a for a, b in zip(before, after))
print(ns / n, cpu / n, n)
if times:
    times.sort()
    print(*(times[int(share * len(times))] for share in (0.5, 0.99, 0.999)))
