# SPDX-License-Identifier: MIT
"""Python's queue.Queue, between threads; bench_workloads.py follows."""

import threading
from queue import Queue
from time import sleep

SHAPES = {"solo", "flow", "roundtrip", "paced", "sized"}  # there is no shutdown


def start(loop, me):
    thread = threading.Thread(target=loop, args=[me])
    thread.start()
    return thread
