"""What a child does while its parent takes a call, so that neither waits for the other.

One request at a time is a promise to the parent; what comes before and after it need not wait for
its answer. While a call is under way the receipt of the call before is kept, and the segments
after this one are read: they are sent next, if the parent took what it was sent.
"""

from collections.abc import Callable, Collection, Mapping
from concurrent.futures import Future
from functools import partial

from sync.messages import Head, Receipt
from sync.replica import Replica
from sync.segment import Sealed, StreamId

Heads = Mapping[StreamId, Head]
Work = Callable[[], list[Sealed]]
Start = Callable[[Work], Work]
"""Begins some work; what it gives waits for the end, and answers or raises what came of it."""


def at_once(work: Work) -> Work:
    """Does the work before anything else, in the same thread: the simulator's way."""
    done: Future[list[Sealed]] = Future()
    try:
        done.set_result(work())
    except Exception as error:  # noqa: BLE001  # who waits for it is told
        done.set_exception(error)
    return done.result


class Ahead:
    """What is being read for the next call, and a receipt that is not kept yet.

    A receipt that a power cut takes is lost as one that was under way: the next one says as much.
    """

    def __init__(self, replica: Replica, start: Start = at_once) -> None:
        self._replica = replica
        self._start = start
        self._coming: tuple[Heads, frozenset[StreamId], Work] | None = None
        self._receipt: Receipt | None = None

    def begin(self, heads: Heads, *, budget: int, without: Collection[StreamId]) -> None:
        """Start to read what comes when the parent stands at `heads`."""
        receipt, self._receipt = self._receipt, None
        left_alone = frozenset(without)
        read = partial(self._replica.outgoing, heads, budget=budget, without=left_alone)
        work = partial(_keep_and_read, self._replica, receipt, read)
        self._coming = (heads, left_alone, self._start(work))

    def ready(self, heads: Heads, *, budget: int, without: Collection[StreamId]) -> list[Sealed]:
        """What the parent lacks: as it was read ahead, or read now when the parent stands
        elsewhere. When it lacks nothing, every receipt is kept.

        Raises:
            Untrusted, Malformed: the receipt of an earlier call was none.
        """
        coming, self._coming = self._coming, None
        if coming:
            found = coming[2]()
            if found and coming[:2] == (heads, frozenset(without)):
                return found
        self.settle()
        return self._replica.outgoing(heads, budget=budget, without=without)

    def heard(self, receipt: Receipt) -> None:
        """A receipt, to be kept while the next call is under way."""
        self._receipt = receipt

    def settle(self) -> None:
        """Keep the receipt that is left.

        Raises:
            Untrusted, Malformed: it is none.
        """
        receipt, self._receipt = self._receipt, None
        if receipt:
            self._replica.record_receipt(receipt)


def _keep_and_read(replica: Replica, receipt: Receipt | None, read: Work) -> list[Sealed]:
    if receipt:
        replica.record_receipt(receipt)
    return read()
