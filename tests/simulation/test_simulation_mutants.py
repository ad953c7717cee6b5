"""Bugs planted by hand, each of which the simulator must find.

The search is honest but begins shortly before the first seed that is known to find the bug when one
counts from 0 (docs/simulator.md names them); counting from there it must be found within a few.
"""

from itertools import count, islice

import pytest

from sync.simulation import BrokenPromiseError, known_mutants, try_seed

WITHIN = 6
FOUND_AT = {
    "ack-before-commit": 28,
    "reuse-a-number": 0,
    "effect-before-cause": 8,
    "half-a-transaction": 1,
    "skip-the-watermark": 0,
    "apply-twice": 2,
    "trust-a-relay": 2,
    "forget-dedup": 1,
    "cursor-past-a-gap": 104,
    "accept-a-revoked-key": 2,
    "authority-unasked": 0,
    "overtake-the-held": 1,
    "drop-a-parked-record": 3,
    "relay-narrows": 0,
    "restore-without-new-epoch": 53,
    "forget-own-lines": 53,
    "drop-the-fork": 53,
}


def test_every_bug_that_can_be_planted_is_tried() -> None:
    assert set(FOUND_AT) == set(known_mutants())


@pytest.mark.parametrize("name", FOUND_AT)
def test_a_planted_bug_is_found(name: str) -> None:
    first = max(0, FOUND_AT[name] - 1)
    tried = (try_seed(seed, mutant=name) for seed in islice(count(first), WITHIN))

    assert any(isinstance(result, BrokenPromiseError) for result in tried)
