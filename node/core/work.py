"""The unit of work: one transaction, an actor, an instant, and what other nodes shall hear of it.

What a transaction changes and the records that tell other nodes about it are written together or
not at all: `publish` collects, and the outbox is written just before the commit.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import lru_cache
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlmodel import Session

import sync
from node.core.clock import business_date, iso
from node.core.db import WRITING
from node.core.errors import NotFound
from node.core.ids import new_id
from tiers import Level, RegionCode, refusal

T = TypeVar("T")

UP_COUNTY = "up/county"
UP_COUNTY_LATER = "up/county/later"
UP_PROVINCE = "up/province"
DOWN_ALL = "down/all"


def down(region: str) -> str:
    """The route to the nodes inside a region and on the way to it."""
    return f"down/{region}"


def to(region: str) -> str:
    """The route to the node of another region: up to whoever stands above both, then down."""
    return f"to/{region}"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: a person with duties inside a region, or the node itself.

    `scope` is the region whose data the person may see and touch, inside the node's own.
    """

    id: str
    name: str
    roles: frozenset[str]
    scope: RegionCode
    must_change_password: bool = False

    def holds(self, *roles: str) -> bool:
        """Whether the person has at least one of these roles."""
        return not self.roles.isdisjoint(roles)


def machine(region: RegionCode, name: str = "系统") -> Actor:
    """The node itself, for jobs and for what sync brings."""
    return Actor(id="system", name=name, roles=frozenset({"system"}), scope=region)


@dataclass(slots=True)
class Pending:
    """One record waiting for the commit."""

    origin: RegionCode
    route: str
    record: "sync.Record"


@dataclass
class UnitOfWork:
    """One transaction. Services change things through it and never commit."""

    session: Session
    actor: Actor
    node: RegionCode
    now: datetime
    hosted: frozenset[RegionCode] = frozenset()
    txn: str = field(default_factory=new_id)
    pending: list[Pending] = field(default_factory=list)

    @property
    def today(self) -> date:
        """The business date."""
        return business_date(self.now)

    @property
    def level(self) -> Level:
        """The tier of this node."""
        return self.node.level

    @property
    def connection(self) -> Connection:
        """The same transaction, for set-based statements. Pending ORM changes are flushed first."""
        self.session.flush()
        return self.session.connection()

    def get(self, model: type[T], *key: object) -> T:
        """The row with this primary key.

        Raises:
            NotFound: there is none here.
        """
        row = self.session.get(model, key if len(key) > 1 else key[0])
        if row is None:
            raise NotFound("没有找到这条记录，可能还没有同步到本节点", key=str(key))
        return row

    def publish(
        self,
        kind: "RecordType",
        key: str,
        body: Mapping[str, Any],
        *,
        region: RegionCode,
        routes: Sequence[str],
        origin: RegionCode | None = None,
    ) -> None:
        """Tell other nodes. `region` is the place the fact is about; `origin` speaks for a hosted
        village and is this node when it is not named.
        """
        record = sync.Record(
            type=kind.name,
            version=kind.version,
            key=key,
            region=str(region),
            at=iso(self.now),
            actor=self.actor.id,
            body=dict(body),
        )
        author = origin or self.node
        for route in routes:
            reason = _refusal(author, kind.name, route, str(region))
            if reason:
                raise PermissionError(reason)  # a programming error: no page leads here
        self.pending.extend(Pending(author, route, record) for route in routes)

    def publish_fact(
        self, kind: "RecordType", key: str, body: Mapping[str, Any], *, region: RegionCode
    ) -> None:
        """Tell a county's fact upwards to the province and downwards to the place it is about."""
        self.publish(kind, key, body, region=region, routes=(UP_PROVINCE, down(region)))

    def flush_records(self) -> None:
        """Write what was published to the outbox, in order. The edge calls this before commit."""
        if not self.pending:
            return
        connection = self.connection
        tell_observers(self, [item.record for item in self.pending])
        run: list[sync.Record] = []
        for index, item in enumerate(self.pending):
            run.append(item.record)
            following = self.pending[index + 1] if index + 1 < len(self.pending) else None
            same = following and (following.origin, following.route) == (item.origin, item.route)
            if not same:
                sync.append(
                    connection,
                    origin=item.origin,
                    route=item.route,
                    txn=self.txn,
                    records=run,
                    vault=connection.dialect.wuji_keyring,  # type: ignore[attr-defined]
                )
                run = []
        self.pending.clear()


@lru_cache(maxsize=100_000)
def _refusal(author: str, record_type: str, route: str, region: str) -> str | None:
    """The constitution, asked once per (author, type, route, region): rolls publish thousands."""
    return refusal(author, record_type, route, region)


Apply = Callable[[UnitOfWork, Sequence["sync.Arrived"]], None]
Upcast = Callable[[dict[str, Any]], dict[str, Any]]


@dataclass(slots=True)
class RecordType:
    """A kind of record this program speaks: its name, its newest version, how a replica takes it.

    `upcasts[n]` turns a body of version n into one of version n + 1. `independent` says that its
    handler neither reads nor needs what records of other types write: then a whole segment's
    records of the type become one statement.
    """

    name: str
    version: int = 1
    upcasts: dict[int, Upcast] = field(default_factory=dict)
    apply: Apply | None = None
    independent: bool = False

    def applies(self, function: Apply) -> Apply:
        """Decorator: the bulk handler of this type."""
        self.apply = function
        return function


@dataclass(frozen=True, slots=True)
class Observer:
    """Who wants to hear of facts, whether they are written here or arrive, in their transaction.

    `families` are the first words of record types: `account` hears of every `account.…`.
    """

    name: str
    families: frozenset[str]
    see: Callable[[UnitOfWork, Sequence["sync.Record"]], None]


_observers: dict[str, Observer] = {}


def observe(observer: Observer) -> None:
    """Let an observer hear of facts from now on; a second one of its name takes its place."""
    _observers[observer.name] = observer


def tell_observers(uow: UnitOfWork, records: Sequence["sync.Record"]) -> None:
    """Show every observer the records of its families."""
    for observer in _observers.values():
        concerning = [r for r in records if r.type.partition(".")[0] in observer.families]
        if concerning:
            observer.see(uow, concerning)


@contextmanager
def unit_of_work(
    engine: Engine,
    *,
    actor: Actor,
    node: RegionCode,
    now: datetime,
    hosted: frozenset[RegionCode] = frozenset(),
    writing: bool = True,
) -> Iterator[UnitOfWork]:
    """One transaction: committed when the block ends well, rolled back when it raises."""
    bound = engine.execution_options(**{WRITING: writing})
    with Session(bound, expire_on_commit=False) as session, session.begin():
        uow = UnitOfWork(session, actor, node, now, hosted)
        try:
            yield uow
        except BaseException:
            # A page that shows the form again reads what was loaded; a rollback would expire it.
            session.expunge_all()
            raise
        if writing:
            uow.flush_records()
