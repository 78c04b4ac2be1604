# SPDX-License-Identifier: MIT
"""What gevent_queue.py and asyncio_queue.py have in common: the library through
ctypes, by the path in COQUEUE_LIBRARY, and threads with plain blocking calls."""
import os
from ctypes import CDLL, Structure, byref, c_size_t, c_void_p, cast

GRACEFUL = 0
ITEMS = 10000
lib = CDLL(os.environ["COQUEUE_LIBRARY"])


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


def new_queue(capacity):
    queue = c_void_p()
    assert lib.coqueue_create(byref(queue), c_size_t(capacity), None) == 0
    return queue


def produce(queue):
    for n in range(ITEMS):
        assert lib.coqueue_put(queue, byref(c_size_t(n))) == 0
    assert lib.coqueue_shutdown(queue, GRACEFUL) == 0


def consume(queue):
    item, numbers = c_size_t(), []
    while lib.coqueue_get(queue, byref(item)) == 0:
        numbers.append(item.value)
    return numbers
