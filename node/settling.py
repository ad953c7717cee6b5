"""How a serving process treats its memory and its threads: set once, before it serves."""

import gc
import sys

YOUNG = 50_000
"""New containers before the collector looks at them. A segment of a thousand records makes some
five thousand, which are gone with it; Python's own 700 lets the collector look at all of them, and
now and then at the whole program, while they live: a seventh of the time a segment takes."""
SWITCH_SECONDS = 0.001
"""How long a thread may keep the others waiting: sealing a backlog shall not hold up a page."""


def settle() -> None:
    """What is loaded by now stays: the collector need not look at it again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, 20, 20)
    sys.setswitchinterval(SWITCH_SECONDS)
