"""Which kinds of record carry postings, and which postings one record carries.

A replica's handler and the proof of a posting read records by the same functions: what is proved
is what was booked.
"""

from collections.abc import Callable, Iterable
from typing import Any

import sync
from node.core.work import RecordType

Row = dict[str, Any]
PostingsOf = Callable[["sync.Arrived"], list[Row]]

_carriers: dict[str, PostingsOf] = {}


def carries(kind: RecordType) -> Callable[[PostingsOf], PostingsOf]:
    """Decorator: the function that reads the postings of a record of this kind.

    Every such record names its voucher as `entry_no` in its body, and its village as its region.
    """

    def keep(function: PostingsOf) -> PostingsOf:
        _carriers[kind.name] = function
        return function

    return keep


def carriers() -> frozenset[str]:
    """The names of the record types that carry postings."""
    return frozenset(_carriers)


def postings_in(item: "sync.Arrived") -> list[Row]:
    """The postings a record carries, as rows of the ledger; none for any other record."""
    read = _carriers.get(item.record.type)
    return read(item) if read else []


def postings_of(arrived: Iterable["sync.Arrived"]) -> list[Row]:
    """The postings of several records."""
    return [row for item in arrived for row in postings_in(item)]
