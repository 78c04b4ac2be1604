#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""gevent: three greenlets pass on what one thread puts and another gets.  They
sleep while there is nothing to do.  One more is killed in that."""
import os
from ctypes import byref, c_size_t
from errno import EINPROGRESS, ESHUTDOWN

import gevent
from gevent.socket import wait_read

from coqueue_ctypes import (GRACEFUL, ITEMS, Waiter, consume, lib, new_queue,
                            produce)


def call(arm, queue, item):
    with Waiter() as waiter:
        while (result := arm(queue, byref(item),
                             byref(waiter))) == EINPROGRESS:
            wait_read(waiter.fd)
            os.eventfd_read(waiter.fd)
        return result


def pass_on(source, target):
    item, last = c_size_t(), -1
    while (result := call(lib.coqueue_get_arm, source, item)) == 0:
        assert item.value > last
        last = item.value
        assert call(lib.coqueue_put_arm, target, item) == 0
    assert result == ESHUTDOWN


there, back = new_queue(8), new_queue(8)
killed = gevent.spawn(pass_on, back, there)
gevent.sleep(0)
killed.kill()
passers = [gevent.spawn(pass_on, there, back) for _ in range(3)]
threads = gevent.get_hub().threadpool
producer = threads.spawn(produce, there)
consumer = threads.spawn(consume, back)
gevent.joinall(passers, raise_error=True)
assert lib.coqueue_shutdown(back, GRACEFUL) == 0
producer.get()
assert sorted(consumer.get()) == list(range(ITEMS))
assert lib.coqueue_destroy(there) == 0 == lib.coqueue_destroy(back)
print(f"gevent: {ITEMS} items, shut down")
