"""What a node gives the engine: who may write what, and how what arrives is applied."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sqlalchemy import Connection

from sync.certificate import Author
from sync.record import Arrived, Record

Apply = Callable[[Connection, Sequence[Arrived]], None]
Upcast = Callable[[dict[str, Any]], dict[str, Any]]

Authority = Callable[[Author, str, str, str], str | None]
"""(author, route, record type, region) → None, or the reason why not. Pure; asked by everyone."""


@dataclass(frozen=True, slots=True)
class Handler:
    """How records of one type are applied here.

    `apply` gets records of one type in their order, all of `version`, as many at once as order
    allows, inside the transaction that moves the watermark: set-based work, applying twice changes
    nothing. It may raise `Refused` or `Waiting`; any other exception holds the record, too.
    `upcasts[v]` turns a body of version v into one of version v + 1.
    `independent` says that it neither reads nor needs what records of other types write. Only then
    may the engine gather all its records of a segment into one call, past records of other
    independent types; otherwise a call ends where the type changes.
    """

    version: int
    apply: Apply
    upcasts: Mapping[int, Upcast] = field(default_factory=dict)
    independent: bool = False


Handlers = Mapping[str, Handler]


class Notice(NamedTuple):
    """Something about a held record that its author should learn.

    `decision` is empty when the record has just been refused here, else `released` or `rejected`
    by `decided_by`. The node answers by appending a record of its own in the same transaction.
    """

    id: int
    record: Record
    origin: str
    epoch: str
    route: str
    seq: int
    reason: str
    decision: str = ""
    decided_by: str = ""
    note: str = ""


OnNotice = Callable[[Connection, Notice], None]
