# SPDX-License-Identifier: MIT
"""Python's queue.Queue; how this is called is in bench_program.h, and the loops
are those of bench_queue.h."""

import queue
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

if SHAPE == "shutdown":
    sys.exit(127)  # there is none
running = True
timed = False
times = []  # of single items
waited = 0  # CPU time until it was time for an item
items = [0] * (PRODUCERS + CONSUMERS)
put, got = items[:], items[:]
there, back = queue.Queue(CAPACITY), queue.Queue(CAPACITY)
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
            time.sleep(max(0, due - time.monotonic_ns()) / 1e9)
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


first, second = {
    "flow": (produce, consume),
    "paced": (produce_paced, consume_paced),
    "sized": (produce_sized, consume_sized),
}.get(SHAPE, (ask, answer))
threads = [threading.Thread(target=first if me < PRODUCERS else second, args=[me])
           for me in range(len(items))]
for thread in threads:
    thread.start()
time.sleep(SECONDS / 5)
timed = SHAPE == "paced"
before = after = read()
while after[2] == before[2]:
    time.sleep(SECONDS)
    after = read()
timed = SHAPE == "roundtrip"
while timed and not times:
    time.sleep(SECONDS)
running = False
for thread in threads[:PRODUCERS]:
    thread.join()
for thread in threads[PRODUCERS:]:
    there.put(None)
for thread in threads[PRODUCERS:]:
    thread.join()
if sum(put) != sum(got):
    sys.exit("not the items that were put came out")
ns, cpu, n = (b - a for a, b in zip(before, after))
print(ns / n, cpu / n, n)
if times:
    times.sort()
    print(*(times[int(share * len(times))] for share in (0.5, 0.99, 0.999)))
