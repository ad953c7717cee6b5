"""A small tree of replicas in one process, and an application of its own on top of each.

`facts` is the application: a key, a number, and where it came from. Three record types write it:
`x.fact` puts a fact (independent of other types), `x.step` adds to one that must be there, and
`x.bulk` puts a column of them.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Engine,
    Integer,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    make_url,
    select,
)

from sync import (
    LIMITS,
    PLAIN,
    Arrived,
    Author,
    Declined,
    Handler,
    Handlers,
    Head,
    Limits,
    Notice,
    Record,
    Refused,
    Replica,
    Sealed,
    StreamId,
    Taken,
    Vault,
    Waiting,
)
from sync import store as sync_store
from sync.database import upsert
from sync.segment import read_header

PROVINCE, CITY, COUNTY = "410000000000", "410100000000", "410122000000"
TOWNSHIP, VILLAGE, HOSTED = "410122100000", "410122100200", "410122100201"
OTHER_TOWNSHIP, OTHER_VILLAGE = "410122101000", "410122101200"
DIRECT_COUNTY = "419001000000"
LEVELS = {2: "province", 4: "city", 6: "county", 9: "township", 12: "village"}
PARENTS = {
    CITY: PROVINCE,
    COUNTY: CITY,
    TOWNSHIP: COUNTY,
    VILLAGE: TOWNSHIP,
    HOSTED: TOWNSHIP,
    OTHER_TOWNSHIP: COUNTY,
    OTHER_VILLAGE: OTHER_TOWNSHIP,
    DIRECT_COUNTY: PROVINCE,
}
AT = "2026-03-12T08:00:00.000Z"

metadata = MetaData()
facts = Table(
    "facts",
    metadata,
    Column("key", String(200), primary_key=True),
    Column("region", String(40)),
    Column("n", BigInteger),
    Column("origin", String(40)),
    Column("seq", Integer),
)
diary = Table(
    "diary",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", String(200)),
    Column("type", String(40)),
    Column("n", Integer),
    Column("records", Integer),
)


def level_of(region: str) -> str:
    return LEVELS[next(width for width in LEVELS if not region[width:].strip("0"))]


def fact(key: str, n: int, *, region: str = VILLAGE, kind: str = "x.fact", **more: Any) -> Record:
    version = more.pop("version", 1)
    return Record(kind, version, key, region, AT, "coordinator", {"n": n, **more})


def may_write(author: Author, route: str, kind: str, region: str) -> str | None:
    """A small constitution: what is about a region is written by it or by those above it."""
    if kind == "x.secret" and author.level == "village":
        return "村级不能写这类记录"
    inside = region.startswith(author.region.rstrip("0"))
    return None if inside else f"{author.node} 不能写 {region} 的记录"


def put_facts(connection: Connection, arrived: Sequence[Arrived]) -> None:
    bad = [one for one in arrived if one.record.body["n"] < 0]
    if bad:
        raise Refused("数目不能为负", bad)
    _write(connection, "x.fact", arrived)
    upsert(connection, facts, [_row(one) for one in arrived])


def step_facts(connection: Connection, arrived: Sequence[Arrived]) -> None:
    """Add to facts that are there. Never names what is wrong: the engine must find it."""
    for one in arrived:
        if one.record.body["n"] < 0:
            raise ValueError("负数")
        wanted = facts.c.key == one.record.body.get("of", one.record.key)
        if not connection.execute(select(facts.c.key).where(wanted)).first():
            raise Waiting("还没有这一事项")
        connection.execute(facts.update().where(wanted).values(n=facts.c.n + one.record.body["n"]))
    _write(connection, "x.step", arrived)


def _write(connection: Connection, kind: str, arrived: Sequence[Arrived]) -> None:
    rows = [
        {"key": one.record.key, "type": kind, "n": one.record.body["n"], "records": len(arrived)}
        for one in arrived
    ]
    connection.execute(diary.insert(), rows)


def _row(one: Arrived) -> dict[str, Any]:
    record = one.record
    return {
        "key": record.key,
        "region": record.region,
        "n": record.body["n"],
        "origin": one.origin,
        "seq": one.seq,
    }


HANDLERS: Handlers = {
    "x.fact": Handler(1, put_facts, independent=True),
    "x.step": Handler(1, step_facts),
    "x.secret": Handler(1, put_facts),
}


@dataclass
class Clock:
    """Time that only moves when told to."""

    now: datetime = datetime(2026, 3, 12, 8, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **span: float) -> None:
        self.now += timedelta(**span)


@dataclass
class Place:
    """One node of the tree."""

    region: str
    replica: Replica
    engine: Engine
    clock: Clock
    notices: list[Notice] = field(default_factory=list)
    _transactions: int = 0

    def write(self, route: str, *records: Record, origin: str | None = None) -> None:
        """One business transaction that writes these records."""
        self._transactions += 1
        with self.engine.begin() as connection:
            if connection.dialect.name == "sqlite":
                # As BEGIN IMMEDIATE: a reader that becomes a writer is refused, not kept waiting.
                connection.exec_driver_sql("DELETE FROM sync_outbox WHERE 0")
            self.replica.append(
                connection,
                origin=origin or self.region,
                route=route,
                txn=f"{self.region}-{self._transactions}",
                records=records,
            )

    def facts(self) -> dict[str, int]:
        with self.engine.connect() as connection:
            return {row.key: row.n for row in connection.execute(select(facts))}

    def diary(self) -> list[tuple[str, str, int]]:
        """What was applied, in order: (key, type, number)."""
        with self.engine.connect() as connection:
            rows = connection.execute(select(diary).order_by(diary.c.id))
            return [(row.key, row.type, row.n) for row in rows]

    def calls(self) -> list[int]:
        """How many records stood in the call that applied each record."""
        with self.engine.connect() as connection:
            return list(connection.scalars(select(diary.c.records).order_by(diary.c.id)))

    def held(self) -> list[tuple[str, str]]:
        """(key, kind) of what is held and open."""
        return [(one.key, one.kind) for one in self.replica.held_records()]

    def segments(self) -> list[Sealed]:
        """Everything stored here, in the order it came."""
        columns = sync_store.segment.c
        with self.engine.connect() as connection:
            rows = connection.execute(
                select(columns.header, columns.signature, columns.body).order_by(columns.position)
            )
            return [Sealed(bytes(h), bytes(s), bytes(b)) for h, s, b in rows]

    def head(self, name: StreamId) -> int:
        with self.engine.connect() as connection:
            columns = sync_store.stream.c
            found = connection.execute(
                select(columns.head).where(
                    columns.origin == name.origin,
                    columns.epoch == name.epoch,
                    columns.route == name.route,
                )
            ).scalar()
            return found or 0


def give(giver: Place, taker: Place, segments: Iterable[Sealed]) -> Taken:
    """Hand segments over with the certificates of their authors."""
    segments = list(segments)
    names = {read_header(one.header).stream for one in segments}
    certificates = giver.replica.chain_for({(name.origin, name.epoch) for name in names})
    return taker.replica.take(segments, certificates, from_node=giver.region)


def rise(child: Place, parent: Place, *, budget: int = 1 << 20) -> list[Declined]:
    """Push everything up that the parent lacks, in calls of at most `budget` bytes."""
    heads = child.replica.accept_welcome(parent.replica.welcome(child.replica.hello()))
    refused: list[Declined] = []
    while True:
        without = {StreamId(one.origin, one.epoch, one.route) for one in refused}
        segments = child.replica.outgoing(heads, budget=budget, without=without)
        if not segments:
            return refused
        taken = give(child, parent, segments)
        refused += taken.refused
        if taken.receipt:
            known: list[Head] = child.replica.record_receipt(taken.receipt)
            heads |= {head.stream: head for head in known}


def fall(parent: Place, child: Place, *, budget: int = 1 << 20) -> list[Declined]:
    """Pull everything down that concerns the child."""
    child.replica.accept_welcome(parent.replica.welcome(child.replica.hello()))
    while True:
        held = child.replica.heads_from_above()
        back = child.replica.heads_to_take_back()
        segments = parent.replica.pull_for(child.region, held, budget=budget, back=back)
        if not segments:
            return []
        taken = give(parent, child, segments)
        if taken.refused:
            return list(taken.refused)


class Tree:
    """Replicas over databases of one kind, joined to each other."""

    def __init__(self, urls: Iterator[str], clock: Clock) -> None:
        self._urls = urls
        self.clock = clock
        self.places: dict[str, Place] = {}
        self._saplings: list[Tree] = []
        self._others: list[Place] = []

    def __getitem__(self, region: str) -> Place:
        return self.places[region]

    def grow(
        self, *regions: str, handlers: Handlers = HANDLERS, limits: Limits = LIMITS
    ) -> list[Place]:
        """Add nodes; each joins the nearest node above it that is there."""
        return [self._add(region, handlers, limits) for region in regions]

    def seedling(
        self, region: str, handlers: Handlers = HANDLERS, limits: Limits = LIMITS
    ) -> Place:
        """A machine set up for a region that has joined nothing yet."""
        place = self._place(region, make_engine(next(self._urls)), handlers, limits)
        sync_store.metadata.create_all(place.engine)
        metadata.create_all(place.engine)
        self._others.append(place)
        return place

    def replace(self, region: str, place: Place) -> None:
        self._others.append(self.places[region])
        self.places[region] = place

    def upgrade(self, region: str, handlers: Handlers) -> Place:
        """The same database under a program that knows other records."""
        old = self.places[region]
        place = self._place(region, old.engine, handlers, LIMITS)
        self.places[region] = place
        return place

    def lock(self, region: str, vault: Vault) -> Place:
        """The same database with what is written from now on kept in a vault."""
        old = self.places[region]
        self._reseal_keys(old, vault)
        place = self._place(region, old.engine, HANDLERS, LIMITS, vault=vault)
        self.places[region] = place
        return place

    def _reseal_keys(self, place: Place, vault: Vault) -> None:
        keys = sync_store.private_key
        with place.engine.begin() as connection:
            for row in connection.execute(select(keys)).all():
                sealed = vault.seal(bytes(row.secret))
                connection.execute(
                    keys.update().where(keys.c.epoch == row.epoch).values(secret=sealed)
                )

    def sync(self) -> None:
        """Seal everywhere, carry everything up, then down."""
        tiers = list(LEVELS.values())
        from_the_top = sorted(self.places, key=lambda region: tiers.index(level_of(region)))
        for region in reversed(from_the_top):
            place, parent = self.places[region], self.parent(region)
            place.replica.seal()
            assert parent is None or rise(place, parent) == []
        for region in from_the_top:
            parent = self.parent(region)
            assert parent is None or fall(parent, self.places[region]) == []

    def parent(self, region: str) -> Place | None:
        above = PARENTS.get(region)
        while above and above not in self.places:
            above = PARENTS.get(above)
        return self.places[above] if above else None

    def sapling(self) -> "Tree":
        """Another network, over databases of the same kind."""
        other = Tree(self._urls, self.clock)
        self._saplings.append(other)
        return other

    def dispose(self) -> None:
        for place in [*self.places.values(), *self._others]:
            place.engine.dispose()
        for other in self._saplings:
            other.dispose()

    def _add(self, region: str, handlers: Handlers, limits: Limits) -> Place:
        place = self.seedling(region, handlers, limits)
        parent = self.parent(region)
        self.places[region] = place
        if parent is None:
            place.replica.found(node=region, level=level_of(region))
        else:
            join(parent, place)
        return place

    def _place(
        self,
        region: str,
        engine: Engine,
        handlers: Handlers,
        limits: Limits,
        *,
        vault: Vault = PLAIN,
    ) -> Place:
        notices: list[Notice] = []
        replica = Replica(
            engine,
            authority=may_write,
            handlers=handlers,
            limits=limits,
            clock=self.clock,
            vault=vault,
            on_notice=lambda _connection, notice: notices.append(notice),
        )
        return Place(region, replica, engine, self.clock, notices)


def join(parent: Place, child: Place) -> None:
    code = parent.replica.issue_join_code(region=child.region, level=level_of(child.region))
    admission = parent.replica.admit(code, child.replica.apply_to_join(region=child.region))
    child.replica.adopt(
        admission.certificate, admission.chain, fingerprint=admission.root_fingerprint
    )


def make_engine(url: str) -> Engine:
    """As a node makes it: we say BEGIN ourselves, and wait for other writers."""
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare)
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
    return engine


def _prepare(connection: Any, _entry: Any) -> None:
    connection.isolation_level = None
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=OFF")  # these tests lose no power
    connection.execute("PRAGMA busy_timeout=30000")


def sqlite_urls(folder: Path) -> Iterator[str]:
    return (f"sqlite:///{folder / f'{number}.sqlite'}" for number in range(1000))


def postgres_urls(url: str) -> Iterator[str]:
    """URLs of nodes that share a database, each in a schema of its own.

    A schema is made in a tenth of the time a database takes, and there are five nodes a test.
    """
    engine = create_engine(url)
    for number in range(1000):
        schema = f"node_{number}"
        with engine.begin() as connection:
            connection.exec_driver_sql(f"CREATE SCHEMA {schema}")
        engine.dispose()
        options = {"options": f"-csearch_path={schema}"}
        yield make_url(url).update_query_dict(options).render_as_string(hide_password=False)
