# SPDX-License-Identifier: MIT
"""gevent's queue.Queue, between greenlets of one thread; bench_workloads.py follows."""

from gevent import sleep, spawn as start
from gevent.queue import Queue

SHAPES = {"flow"}  # greenlets of other threads are none of its business
