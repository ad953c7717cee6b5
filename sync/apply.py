"""Applying records: bulk handlers by type, and what to do when one of them says no.

First everything at once under one savepoint. Only when that fails is it done again call by call,
each under its own, halving a failing call until the records at fault stand alone; those are held,
with all that must wait behind them, and the stream goes on.
"""

from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from operator import attrgetter
from typing import NamedTuple

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError, ProgrammingError

from sync.blocks import BEHIND, NEWER, REFUSED, UNKNOWN, WAITING, Blocks
from sync.certificate import Author
from sync.errors import Refused, Waiting
from sync.handlers import Handler
from sync.record import Arrived
from sync.segment import StreamId
from sync.site import Site

# Not the record's fault: a lost connection, a lock, a disk, a table that a migration must make.
# They end the transaction; nothing of it is kept, and the sender comes again.
_NOT_THE_RECORD = (OperationalError, InterfaceError, ProgrammingError, MemoryError)
_REASON_CHARS = 500
_BEHIND = "同一事项有较早的记录尚未处理"
_UNCERTIFIED = "没有作者的证书"

# What authority is asked of a record, without a Python call for each.
_asked = attrgetter("origin", "epoch", "route", "record.type", "record.region")
_kind = attrgetter("record.type", "record.version")

AuthorOf = Callable[[Arrived], Author | None]


class Unapplied(NamedTuple):
    """A record that was not applied, and why."""

    arrived: Arrived
    kind: str
    reason: str


class Outcome(NamedTuple):
    applied: Sequence[Arrived]
    unapplied: Sequence[Unapplied]


def apply_records(
    site: Site,
    connection: Connection,
    arrived: Sequence[Arrived],
    *,
    author_of: AuthorOf,
    blocks: Blocks,
) -> Outcome:
    """Apply records in order; those that cannot be are returned with the reason."""
    if not arrived:
        return Outcome((), ())
    work = _Work(site, connection, blocks, arrived)
    ready = work.admit(arrived, author_of)
    calls = _calls(site.handlers, ready)
    if not work.all_at_once(calls):
        for handler, records in calls:
            work.carefully(handler, records)
    return Outcome(work.applied, work.in_order())


def _calls(
    handlers: Mapping[str, Handler], ready: Sequence[Arrived]
) -> list[tuple[Handler, list[Arrived]]]:
    """Gather records into calls: where the type changes, or further if types are independent."""
    calls: list[tuple[Handler, list[Arrived]]] = []
    gathering: dict[str, list[Arrived]] = {}
    for kind, run in groupby(ready, key=_type_of):
        handler = handlers[kind]
        if not handler.independent:
            gathering = {}
            calls.append((handler, list(run)))
        elif kind in gathering:
            gathering[kind].extend(run)
        else:
            gathering[kind] = list(run)
            calls.append((handler, gathering[kind]))
    return calls


class _Work:
    def __init__(
        self, site: Site, connection: Connection, blocks: Blocks, arrived: Sequence[Arrived]
    ) -> None:
        self._site = site
        self._connection = connection
        self._blocks = blocks
        self._arrived = arrived
        self._numbers: dict[tuple[str, str, str, int], int] = {}
        self.applied: list[Arrived] = []
        self.unapplied: list[Unapplied] = []

    def admit(self, arrived: Sequence[Arrived], author_of: AuthorOf) -> Sequence[Arrived]:
        """Set aside what is stopped, unknown here, or beyond its author's authority."""
        parked = self._parked(arrived)
        refusals = self._refusals(arrived, author_of)
        if not (parked or refusals or self._blocks):
            return self._upcast_all(arrived)
        ready = []
        for one in arrived:
            record = one.record
            kind = parked.get((record.type, record.version))
            refusal = refusals.get((one.origin, one.epoch, one.route, record.type, record.region))
            if kind == UNKNOWN:
                self._set_aside(one, UNKNOWN, f"本节点的程序尚不认识 {record.type}")
            elif self._stops(one):
                self._set_aside(one, BEHIND, _BEHIND)
            elif kind == NEWER:
                self._set_aside(one, NEWER, f"{record.type} 第 {record.version} 版须升级程序")
            elif refusal:
                self._set_aside(one, REFUSED, refusal)
            else:
                ready.append(one)
        return self._upcast_all(ready)

    def all_at_once(self, calls: Sequence[tuple[Handler, list[Arrived]]]) -> bool:
        """Try every call under one savepoint; a failure undoes them all."""
        try:
            with self._connection.begin_nested():
                for handler, records in calls:
                    handler.apply(self._connection, records)
        except _NOT_THE_RECORD:
            raise
        except Exception:  # noqa: BLE001  # looked at again, call by call
            return False
        for _, records in calls:
            self.applied.extend(records)
        return True

    def carefully(self, handler: Handler, records: Sequence[Arrived]) -> None:
        """Apply one call, halving it until what fails stands alone."""
        self._attempt(handler, self._unstopped(records))

    def _attempt(self, handler: Handler, records: Sequence[Arrived]) -> None:
        while records:
            try:
                with self._connection.begin_nested():
                    handler.apply(self._connection, records)
            except _NOT_THE_RECORD:
                raise
            except Exception as error:  # noqa: BLE001  # whatever it is, it is held with its reason
                records = self._without_fault(handler, records, error)
            else:
                self.applied.extend(records)
                return

    def _without_fault(
        self, handler: Handler, records: Sequence[Arrived], error: Exception
    ) -> Sequence[Arrived]:
        """Set aside what is at fault; returns what shall be tried again together."""
        kind = WAITING if isinstance(error, Waiting) else REFUSED
        named = _named(error, records)
        if named:
            for index in sorted(named):
                self._set_aside(records[index], kind, _reason(error))
            return self._unstopped([one for i, one in enumerate(records) if i not in named])
        if len(records) == 1:
            self._set_aside(records[0], kind, _reason(error))
            return ()
        half = len(records) // 2
        self.carefully(handler, records[:half])
        return self._unstopped(records[half:])

    def _unstopped(self, records: Sequence[Arrived]) -> list[Arrived]:
        if not self._blocks:
            return list(records)
        ready = []
        for one in records:
            if self._stops(one):
                self._set_aside(one, BEHIND, _BEHIND)
            else:
                ready.append(one)
        return ready

    def _set_aside(self, one: Arrived, kind: str, reason: str) -> None:
        self.unapplied.append(Unapplied(one, kind, reason))
        name = StreamId(one.origin, one.epoch, one.route)
        self._blocks.stop(kind, name, one.record.key, at=self._number(one))

    def _stops(self, one: Arrived) -> bool:
        return self._blocks.stops(one, at=self._number(one))

    def _number(self, one: Arrived) -> int:
        """Where a record stands among those that are tried; counted only when one is at fault."""
        if not self._numbers:
            self._numbers = {each[1:]: number for number, each in enumerate(self._arrived)}
        return self._numbers[one[1:]]

    def in_order(self) -> Sequence[Unapplied]:
        """What was not applied; of several at fault about one key, the later wait behind it."""
        return [
            each._replace(kind=BEHIND, reason=_BEHIND)
            if each.kind not in {UNKNOWN, BEHIND} and self._stops(each.arrived)
            else each
            for each in self.unapplied
        ]

    def _parked(self, arrived: Sequence[Arrived]) -> dict[tuple[str, int], str]:
        parked = {}
        for name, version in set(map(_kind, arrived)):
            handler = self._site.handlers.get(name)
            if handler is None:
                parked[name, version] = UNKNOWN
            elif version > handler.version:
                parked[name, version] = NEWER
        return parked

    def _refusals(
        self, arrived: Sequence[Arrived], author_of: AuthorOf
    ) -> dict[tuple[str, str, str, str, str], str]:
        """One question per author, route, type and region, however many records there are."""
        examples = dict(zip(map(_asked, arrived), arrived, strict=True))
        refusals = {}
        may_write = self._site.authority
        for asked, example in examples.items():
            author = author_of(example)
            reason = may_write(author, *asked[2:]) if author else _UNCERTIFIED
            if reason:
                refusals[asked] = reason
        return refusals

    def _upcast_all(self, records: Sequence[Arrived]) -> Sequence[Arrived]:
        handlers = self._site.handlers
        old = {
            (name, version)
            for name, version in {(one.record.type, one.record.version) for one in records}
            if version < handlers[name].version
        }
        if not old:
            return records
        ready = []
        for one in self._unstopped(records):
            if (one.record.type, one.record.version) not in old:
                ready.append(one)
                continue
            try:
                ready.append(_upcast(handlers[one.record.type], one))
            except Exception as error:  # noqa: BLE001  # a body no upcast understands
                self._set_aside(one, REFUSED, _reason(error))
        return ready


def _upcast(handler: Handler, one: Arrived) -> Arrived:
    body = one.record.body
    for version in range(one.record.version, handler.version):
        if version not in handler.upcasts:
            raise Refused(f"没有把 {one.record.type} 第 {version} 版转换到新版的方法")
        body = handler.upcasts[version](body)
    return one._replace(record=one.record._replace(version=handler.version, body=body))


def _named(error: Exception, records: Sequence[Arrived]) -> set[int]:
    """Where the records stand that a handler named as those at fault."""
    if not isinstance(error, Refused | Waiting) or not error.records:
        return set()
    at = {(one.origin, one.epoch, one.route, one.seq): index for index, one in enumerate(records)}
    named = {(one.origin, one.epoch, one.route, one.seq) for one in error.records}
    return {at[place] for place in named if place in at}


def _reason(error: Exception) -> str:
    if isinstance(error, Refused | Waiting):
        return error.reason[:_REASON_CHARS]
    # The text of a database error repeats the values; its cause is enough and shows less.
    cause = error.orig if isinstance(error, DBAPIError) else error
    return f"{type(cause).__name__}: {cause}"[:_REASON_CHARS]


def _type_of(one: Arrived) -> str:
    return one.record.type
