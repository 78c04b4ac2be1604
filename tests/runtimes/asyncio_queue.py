#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""asyncio: three tasks pass on what one thread puts and another gets.  They
await while there is nothing to do.  One more is cancelled in that."""
import asyncio
import os
from ctypes import byref, c_size_t
from errno import EINPROGRESS, ESHUTDOWN

from coqueue_ctypes import (GRACEFUL, ITEMS, Waiter, consume, lib, new_queue,
                            produce)


async def call(arm, queue, item):
    loop, woken = asyncio.get_running_loop(), asyncio.Event()
    with Waiter() as waiter:
        def readable():
            os.eventfd_read(waiter.fd)
            woken.set()

        loop.add_reader(waiter.fd, readable)
        try:
            while (result := arm(queue, byref(item),
                                 byref(waiter))) == EINPROGRESS:
                await woken.wait()
                woken.clear()
            return result
        finally:
            loop.remove_reader(waiter.fd)


async def pass_on(source, target):
    item, last = c_size_t(), -1
    while (result := await call(lib.coqueue_get_arm, source, item)) == 0:
        assert item.value > last
        last = item.value
        assert await call(lib.coqueue_put_arm, target, item) == 0
    assert result == ESHUTDOWN


async def main():
    there, back = new_queue(8), new_queue(8)
    cancelled = asyncio.create_task(pass_on(back, there))
    await asyncio.sleep(0)
    cancelled.cancel()
    producer = asyncio.create_task(asyncio.to_thread(produce, there))
    consumer = asyncio.create_task(asyncio.to_thread(consume, back))
    await asyncio.gather(*(pass_on(there, back) for _ in range(3)))
    assert lib.coqueue_shutdown(back, GRACEFUL) == 0
    await producer
    assert sorted(await consumer) == list(range(ITEMS))
    assert lib.coqueue_destroy(there) == 0 == lib.coqueue_destroy(back)
    print(f"asyncio: {ITEMS} items, shut down")


asyncio.run(main())
