#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""gevent_bridge.py MODULE: greenlets, asyncio tasks and Python threads put jobs
on one queue; C threads compress them (MODULE, made of gevent_bridge.c); and other
greenlets, tasks and threads get the results from a second queue.

Threads block in their calls, without the GIL.  A greenlet or task leaves an armed
waiter in the queue's line, whose wake function writes to an eventfd that its loop
watches: so the hub is never blocked, which a ticker greenlet measures.  It ends
twice: Python shuts the jobs down, or the C side stops."""
import asyncio
import itertools
import os
import random
import sys
import time
import zlib
from ctypes import (CDLL, POINTER, Structure, byref, c_char_p, c_size_t,
                    c_void_p, cast, string_at)
from errno import EINPROGRESS, ESHUTDOWN

import gevent
from gevent.socket import wait_read

GRACEFUL, CAPACITY = 0, 8
EACH = 2  # callers of a kind on each queue
WORKERS = min(os.cpu_count(), 64)

lib = CDLL(sys.argv[1])  # and the libcoqueue that it needs
lib.bridge_open.restype = POINTER(c_void_p * 2)  # it begins with the queues
lib.bridge_free.argtypes = [c_void_p]
lib.coqueue_size.restype = c_size_t


class Job(Structure):
    _fields_ = [("number", c_size_t), ("data", c_char_p), ("size", c_size_t)]


class Result(Structure):
    _fields_ = [("number", c_size_t), ("data", c_void_p), ("size", c_size_t),
                ("crc", c_size_t)]


class Waiter(Structure):
    """coqueue_waiter_t with an eventfd, neither to be lost while it is armed:
    `with` keeps them, and disarms."""

    _fields_ = [("wake", c_void_p), ("data", c_void_p),
                ("private_", c_void_p * 6)]

    def __enter__(self):
        self.wake = cast(lib.coqueue_wake_eventfd, c_void_p)
        self.data = self.fd = os.eventfd(0, os.EFD_NONBLOCK)
        return self

    def __exit__(self, *exception):
        lib.coqueue_disarm(byref(self))  # from here on nobody writes to fd
        os.close(self.fd)


# Of jobs: text, noise, nothing; and what Python makes of them.
chance = random.Random(1)
BLOCKS = [b" ".join(chance.choices([b"queue", b"bridge", b"%d" % n], k=6000))
          for n in range(30)] + [chance.randbytes(30000), b""]
EXPECTED = [(zlib.crc32(block), zlib.compress(block)) for block in BLOCKS]


class Ledger(dict):
    """Numbers of the jobs that were put and got, by side and kind of caller."""

    numbers = itertools.count()

    def item(self, side):  # to be put, or to be filled by a get
        if side == "got":
            return Result()
        number = next(self.numbers)
        block = BLOCKS[number % len(BLOCKS)]
        return Job(number, block, len(block))

    def enter(self, side, kind, item):
        if side == "got":
            answer = item.crc, string_at(item.data, item.size)
            lib.bridge_free(item.data)
            assert answer == EXPECTED[item.number % len(BLOCKS)]
        self.setdefault((side, kind), []).append(item.number)

    def all(self, side):
        return sorted(sum((self[key] for key in self if key[0] == side), []))


def thread(ledger, side, queue):  # puts, or gets, until ESHUTDOWN
    call = {"put": lib.coqueue_put, "got": lib.coqueue_get}[side]
    while (error := call(queue, byref(item := ledger.item(side)))) == 0:
        ledger.enter(side, "threads", item)
    assert error == ESHUTDOWN


def armed(ledger, side, queue, kind):
    """The same, but yields an fd that has to become readable first."""
    arm = {"put": lib.coqueue_put_arm, "got": lib.coqueue_get_arm}[side]
    item = ledger.item(side)
    with Waiter() as waiter:
        while (error := arm(queue, byref(item), byref(waiter))) != ESHUTDOWN:
            if error == EINPROGRESS:
                yield waiter.fd
                os.eventfd_read(waiter.fd)
            else:
                assert error == 0
                ledger.enter(side, kind, item)
                item = ledger.item(side)


def greenlet(*end):
    for fd in armed(*end, "greenlets"):
        wait_read(fd)


async def task(*end):
    loop = asyncio.get_running_loop()
    for fd in armed(*end, "tasks"):
        readable = asyncio.Event()
        loop.add_reader(fd, readable.set)
        await readable.wait()
        loop.remove_reader(fd)


def tick(ticks, enough=lambda: True):
    """Sleeps of 1 ms: what the longest took, in ms."""
    count, greatest, last = 0, 0, time.monotonic()
    while count < ticks or not enough():
        gevent.sleep(0.001)
        now = time.monotonic()
        count, greatest, last = count + 1, max(greatest, now - last), now
    return greatest * 1000


def run(python_ends):
    bridge, ledger = lib.bridge_open(CAPACITY), Ledger()
    jobs, results = map(c_void_p, bridge[0])
    ends = [("put", jobs), ("got", results)] * EACH

    async def tasks():
        await asyncio.gather(*(task(ledger, *end) for end in ends))

    pool = gevent.get_hub().threadpool  # of system threads, beside the hub's
    callers = [gevent.spawn(greenlet, ledger, *end) for end in ends]
    callers += [pool.spawn(thread, ledger, *end) for end in ends]
    callers += [pool.spawn(asyncio.run, tasks())]

    gevent.spawn(tick, 100).get()  # all of them wait, and the hub goes on
    assert lib.coqueue_size(jobs) == CAPACITY
    assert lib.bridge_start(bridge, WORKERS) == 0
    gap = gevent.spawn(tick, 500, lambda: len(ledger) == 6 or any(
        caller.ready() for caller in callers)).get()  # ready: it has failed
    if python_ends:
        assert lib.coqueue_shutdown(jobs, GRACEFUL) == 0
    else:
        lib.bridge_stop(bridge)
    for caller in callers:
        caller.get()
    assert pool.apply(lib.bridge_close, (bridge,)) == 0  # workers are gone
    put, got = ledger.all("put"), ledger.all("got")
    assert len(set(got)) == len(got) and set(got) <= set(put)
    assert got == put or not python_ends

    print(f"{WORKERS} workers, ended by", "Python" if python_ends else "C")
    for kind in ("greenlets", "tasks", "threads"):
        print(f"  {EACH} + {EACH} {kind:9}  put {len(ledger['put', kind]):5}  "
              f"got {len(ledger['got', kind]):5}")
    print(f"  {len(got)} results equal zlib's, {len(put) - len(got)} discarded\n"
          f"  greatest gap of a ticker greenlet: {gap:.1f} ms", flush=True)


run(python_ends=True)
run(python_ends=False)
