"""While a call is under way: the receipt before it is kept, and the segments after it are read."""

from dataclasses import dataclass, field

import pytest
from sqlalchemy import func, select

from sync import Head, Sealed, StreamId
from sync.ahead import Ahead, Work
from sync.errors import Untrusted
from sync.exchange import ends_of
from sync.limits import LIMITS
from sync.messages import Receipt
from sync.store import receipt
from tests.scenario.sync_tree import TOWNSHIP, VILLAGE, Place, Tree, fact, give

ROUTE = "up/township"
ONE = 1  # a budget of a byte: one segment at a time


@dataclass
class Later:
    """Begins nothing by itself: the test says when."""

    works: list[Work] = field(default_factory=list)

    def __call__(self, work: Work) -> Work:
        self.works.append(work)
        return self._now

    def _now(self) -> list[Sealed]:
        return self.works.pop()()


@pytest.fixture
def village(tree: Tree) -> Place:
    """Three segments wait, one to a transaction."""
    tree.grow(TOWNSHIP, VILLAGE)
    place = tree[VILLAGE]
    for number in range(3):
        place.write(ROUTE, fact(f"k{number}", number))
        place.replica.seal()
    return place


@pytest.fixture
def township(tree: Tree) -> Place:
    return tree[TOWNSHIP]


def firsts(found: list[Sealed]) -> list[int]:
    return [head.seq for head in ends_of(found, LIMITS).values()]


def receipts(place: Place) -> int:
    with place.engine.connect() as connection:
        return connection.scalar(select(func.coalesce(func.max(receipt.c.seq), 0))) or 0


def opened(village: Place, township: Place) -> dict[StreamId, Head]:
    return village.replica.accept_welcome(township.replica.welcome(village.replica.hello()))


def test_what_comes_next_was_read_and_the_receipt_kept_before_it_is_asked_for(
    village: Place, township: Place
) -> None:
    heads = opened(village, township)
    ahead = Ahead(village.replica)
    sent = ahead.ready(heads, budget=ONE, without=())
    expected = heads | ends_of(sent, LIMITS)
    ahead.begin(expected, budget=ONE, without=())
    taken = give(village, township, sent)
    assert {head.stream: head for head in taken.watermarks} == ends_of(sent, LIMITS)
    assert taken.receipt
    ahead.heard(taken.receipt)
    assert receipts(village) == 0
    sent = ahead.ready(expected, budget=ONE, without=())
    assert firsts(sent) == [2]
    ahead.begin(expected | ends_of(sent, LIMITS), budget=ONE, without=())
    assert receipts(village) == 1


def test_a_parent_that_took_nothing_is_sent_the_same_again(village: Place, township: Place) -> None:
    heads = opened(village, township)
    ahead = Ahead(village.replica)
    sent = ahead.ready(heads, budget=ONE, without=())
    ahead.begin(heads | ends_of(sent, LIMITS), budget=ONE, without=())
    assert ahead.ready(heads, budget=ONE, without=()) == sent


def test_a_stream_that_was_refused_meanwhile_is_left_alone(village: Place, township: Place) -> None:
    heads = opened(village, township)
    ahead = Ahead(village.replica)
    sent = ahead.ready(heads, budget=ONE, without=())
    expected = heads | ends_of(sent, LIMITS)
    ahead.begin(expected, budget=ONE, without=())
    assert ahead.ready(expected, budget=ONE, without=set(expected)) == []


def test_when_nothing_is_left_the_last_receipt_is_kept(village: Place, township: Place) -> None:
    heads = opened(village, township)
    ahead = Ahead(village.replica)
    while sent := ahead.ready(heads, budget=1 << 20, without=()):
        heads |= ends_of(sent, LIMITS)
        ahead.begin(heads, budget=1 << 20, without=())
        taken = give(village, township, sent)
        assert taken.receipt
        ahead.heard(taken.receipt)
    assert receipts(village) == 3
    assert sorted(township.facts()) == ["k0", "k1", "k2"]


def test_what_goes_wrong_beside_a_call_is_told_to_who_asks_next(
    village: Place, township: Place
) -> None:
    heads = opened(village, township)
    later = Later()
    ahead = Ahead(village.replica, later)
    sent = ahead.ready(heads, budget=ONE, without=())
    taken = give(village, township, sent)
    assert taken.receipt
    ahead.heard(Receipt(taken.receipt.document, bytes(64)))
    expected = heads | ends_of(sent, LIMITS)
    ahead.begin(expected, budget=ONE, without=())
    with pytest.raises(Untrusted, match="回执签名无效"):
        ahead.ready(expected, budget=ONE, without=())
    assert receipts(village) == 0
    assert firsts(ahead.ready(expected, budget=ONE, without=())) == [2]
