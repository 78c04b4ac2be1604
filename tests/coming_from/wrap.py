# SPDX-License-Identifier: MIT
# What the fragments of Python in man/coqueue_coming_from.7 leave out.  For gevent
# it runs as `python3 -m gevent.monkey`, where threads are greenlets.
import queue
import threading

numbers = []


def add(n):
    numbers.append(n)


def run(*bodies):
    threads = [threading.Thread(target=body) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(sum(numbers))


class QueueWithShutdown(queue.Queue):
    """Stands in before Python 3.13: shutdown() and what get() says then."""

    is_shutdown = False

    def get(self):
        with self.not_empty:
            while not self._qsize():
                if self.is_shutdown:
                    raise queue.ShutDown
                self.not_empty.wait()
            self.not_full.notify()
            return self._get()

    def shutdown(self):
        with self.mutex:
            self.is_shutdown = True
            self.not_empty.notify_all()


if not hasattr(queue, "ShutDown"):
    queue.ShutDown = type("ShutDown", (Exception,), {})
    queue.Queue = QueueWithShutdown

FRAGMENT
