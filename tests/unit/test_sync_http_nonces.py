"""A request is admitted once, while it is fresh."""

import pytest

from sync.http_signatures import SignatureRefused
from sync.nonces import Nonces, NoncesFull

NOW = 1_800_000_000


def nonces(**over: int) -> Nonces:
    return Nonces(**{"began": NOW - 10_000, "window": 300, **over})


def admit(memory: Nonces, nonce: int, *, created: int = NOW, now: int = NOW, key: str = "a") -> str:
    try:
        memory.admit(key, f"nonce-{nonce:020}", created=created, now=now)
    except SignatureRefused as refusal:
        return refusal.code
    return "admitted"


def test_the_same_request_is_refused_the_second_time() -> None:
    memory = nonces()
    assert admit(memory, 1) == "admitted"
    assert admit(memory, 1) == "replayed"
    assert admit(memory, 1, key="b") == "admitted"


@pytest.mark.parametrize("age", [-301, 301, 86_400 * 3, -86_400 * 3])
def test_a_request_outside_the_window_is_stale(age: int) -> None:
    assert admit(nonces(), 1, created=NOW - age) == "stale"


@pytest.mark.parametrize("age", [-300, 0, 300])
def test_the_window_reaches_to_both_sides(age: int) -> None:
    assert admit(nonces(), 1, created=NOW - age) == "admitted"


def test_a_request_is_remembered_as_long_as_it_is_fresh() -> None:
    memory = nonces()
    ahead = NOW + 300
    assert admit(memory, 1, created=ahead) == "admitted"
    assert admit(memory, 1, created=ahead, now=NOW + 600) == "replayed"
    assert admit(memory, 1, created=ahead, now=NOW + 601) == "stale"


def test_what_was_signed_before_the_memory_began_is_stale() -> None:
    memory = nonces(began=NOW)
    assert admit(memory, 1, created=NOW - 1) == "stale"
    assert admit(memory, 2, created=NOW) == "admitted"


def test_a_clock_put_back_by_days_keeps_nobody_out() -> None:
    memory = nonces(began=NOW, capacity=2)
    assert admit(memory, 1) == "admitted"
    assert admit(memory, 2) == "admitted"
    earlier = NOW - 3 * 86_400
    with pytest.raises(NoncesFull):
        admit(memory, 3, created=earlier, now=earlier)
    assert admit(memory, 3, created=earlier + 601, now=earlier + 601) == "admitted"


def test_one_key_cannot_take_the_memory_of_all() -> None:
    memory = nonces(per_key=2)
    assert [admit(memory, n) for n in (1, 2)] == ["admitted"] * 2
    with pytest.raises(NoncesFull):
        admit(memory, 3)
    assert admit(memory, 3, key="b") == "admitted"
    assert admit(memory, 4, created=NOW + 700, now=NOW + 700) == "admitted"


def test_a_nonce_must_be_long_enough_to_be_one() -> None:
    with pytest.raises(SignatureRefused):
        nonces().admit("a", "short", created=NOW, now=NOW)
