"""How a serving process treats its memory and its threads: set once, before it serves."""

import ctypes
import gc
import sys

YOUNG = 50_000
"""New containers before the collector looks at them. A segment of a thousand records makes some
five thousand, which are gone with it; Python's own 700 lets the collector look at all of them, and
now and then at the whole program, while they live: a seventh of the time a segment takes."""
SWITCH_SECONDS = 0.001
"""How long a thread may keep the others waiting: sealing a backlog shall not hold up a page."""


M_ARENA_MAX = -8
"""glibc's `mallopt`: how many heaps threads may have."""


def settle() -> None:
    """What is loaded by now stays: the collector need not look at it again."""
    _one_heap()
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 20)
    sys.setswitchinterval(SWITCH_SECONDS)


def _one_heap() -> None:
    """All threads share one heap, where the C library is glibc.

    It would give each thread of the pool a heap of its own, and each of them would keep what the
    largest call it ever answered needed: 20 MB more of a parent that takes a backlog. Threads that
    hold Python's lock do not queue for the heap.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_ARENA_MAX, 1)
