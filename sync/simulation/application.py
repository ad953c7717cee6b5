"""A tiny application on top of the engine: who may write what, and how what arrives is applied.

It remembers every record it applied and how often, and folds the numbers of all records about one
key into a state that depends on their order: what was applied twice, in another order or not at
all gives another state.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Connection,
    Integer,
    MetaData,
    String,
    Table,
    bindparam,
    select,
)
from sqlalchemy.dialects.sqlite import insert

from sync.certificate import Author
from sync.errors import Refused, Waiting
from sync.handlers import Handler
from sync.record import Arrived
from sync.simulation.tree import inside

NEWEST = 3
"""The newest program. Facts have the version of the program that writes them."""

FACT, NOVEL, SHEET = "fact", "novel", "sheet"
NAMED, UNNAMED, BROKEN = "named", "unnamed", "broken"
"""How a handler refuses a bad record: names it, just raises, or the database does."""

metadata = MetaData()

applied = Table(
    "sim_applied",
    metadata,
    Column("uid", String(60), primary_key=True),
    Column("origin", String(40), nullable=False),
    Column("epoch", String(40), nullable=False),
    Column("route", String(100), nullable=False),
    Column("seq", Integer, nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("times", Integer, CheckConstraint("times > 0"), nullable=False),
    comment="What a node took from others and applied.",
)

own = Table(
    "sim_own",
    metadata,
    Column("uid", String(60), primary_key=True),
    Column("origin", String(40), nullable=False),
    Column("route", String(100), nullable=False),
    Column("number", BigInteger, nullable=False),
    Column("counts", Boolean, nullable=False),
    comment="What a node wrote itself; what it had no right to write counts for nothing.",
)

state = Table(
    "sim_state",
    metadata,
    Column("type", String(40), primary_key=True),
    Column("key", String(200), primary_key=True),
    Column("value", BigInteger, nullable=False),
    Column("total", BigInteger, nullable=False),
    Column("records", Integer, nullable=False),
    comment="What all records about a key come to, in their order; at the author and elsewhere.",
)

mended = Table(
    "sim_mended",
    metadata,
    Column("uid", String(60), primary_key=True),
    comment="Bad records whose cause a person has mended here.",
)

Line = tuple[str, str, int]
"""(type, key, number): one step of a state."""


class Standing(NamedTuple):
    """What the records about a key come to: in their order, in any order, and how many."""

    value: int
    total: int
    records: int

    def after(self, number: int) -> "Standing":
        """With one record more."""
        value = (self.value * 1_000_003 + number + 1) % _PRIME
        return Standing(value, self.total + number + 1, self.records + 1)


NOTHING = Standing(0, 0, 0)
_PRIME = 2**61 - 1
_UPWARDS = frozenset({"village", "township", "county"})
_RIGHTS: Mapping[str, tuple[frozenset[str], tuple[str, ...]]] = {
    "notice": (frozenset({"province"}), ("down/all",)),
    "case": (_UPWARDS, ("up/county",)),
    "step": (frozenset({"township", "county", "province"}), ("up/county", "down/4")),
    FACT: (frozenset({"county"}), ("up/province", "down/4")),
    SHEET: (frozenset({"county"}), ("up/province", "down/4")),
    "report": (_UPWARDS | {"city"}, ("up/province",)),
    NOVEL: (frozenset({"province", "county"}), ("down/all", "up/province")),
    **dict.fromkeys(("offer", "accept", "release"), (frozenset({"county"}), ("to/4",))),
    "refusal": (_UPWARDS | {"city", "province"}, ("up/province", "down/4")),
}


# Built once: a simulation asks them a hundred thousand times.
_LOG = insert(applied).on_conflict_do_update(
    index_elements=["uid"], set_={"times": applied.c.times + 1}
)
_STATES = select(state).where(state.c.key.in_(bindparam("keys", expanding=True)))
_PUT_STATES = insert(state)
_PUT_STATES = _PUT_STATES.on_conflict_do_update(
    index_elements=["type", "key"],
    set_={name: _PUT_STATES.excluded[name] for name in Standing._fields},
)


def may_write(author: Author, route: str, record_type: str, region: str) -> str | None:
    """The constitution of the simulated network: a level, a way and a place for each type."""
    levels, routes = _RIGHTS.get(record_type, (frozenset(), ()))
    if author.level not in levels or not route.startswith(routes):
        return f"{author.level} may not write {record_type} on {route}"
    if not inside(region, author.region):
        return f"{region} is not inside {author.region}"
    target = route.removeprefix("down/")
    if target not in {route, "all"} and not inside(target, author.region):
        return f"{target} is not inside {author.region}"
    return None


def handlers(place: str, release: int) -> dict[str, Handler]:
    """What a program of one release understands. Only newer ones know `novel` records."""
    kinds = set(_RIGHTS) - ({NOVEL} if release == 1 else set())
    made = {kind: Handler(1, partial(apply, place)) for kind in kinds - {FACT}}
    made[SHEET] = Handler(1, partial(apply, place), independent=True)
    made[FACT] = Handler(release, partial(apply, place), upcasts=UPCASTS, independent=True)
    return made


def _second(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in body.items() if name != "n"} | {"value": body["n"]}


def _third(body: dict[str, Any]) -> dict[str, Any]:
    rest = {name: value for name, value in body.items() if name != "value"}
    return rest | {"amounts": [body["value"]]}


UPCASTS: Mapping[int, Callable[[dict[str, Any]], dict[str, Any]]] = {1: _second, 2: _third}


def number_in(record_type: str, version: int, body: Mapping[str, Any]) -> int:
    """The number a record carries, where its version has it."""
    if record_type != FACT or version == 1:
        return int(body["n"])
    return int(body["value"]) if version == 2 else int(body["amounts"][0])  # noqa: PLR2004


def lines_of(record_type: str, key: str, number: int, rows: Sequence[int]) -> list[Line]:
    """The steps a record makes: one, or one for each row of a bulk record."""
    if record_type != SHEET:
        return [(record_type, key, number)]
    return [(record_type, f"{key}#{row}", number + row) for row in rows]


def apply(place: str, connection: Connection, arrived: Sequence[Arrived]) -> None:
    """Take records in: a statement for the log, one to read the states, one to write them."""
    _refuse_bad(connection, arrived)
    _wait_for_causes(place, connection, arrived)
    rows = [_log_row(one) for one in arrived]
    connection.execute(_LOG, rows)
    steps = []
    for one, row in zip(arrived, rows, strict=True):
        record = one.record
        steps += lines_of(record.type, record.key, row["number"], record.body.get("rows", ()))
    fold(connection, steps)


def write(
    connection: Connection, uid: str, *, origin: str, route: str, number: int, lines: Sequence[Line]
) -> None:
    """The author's own side of a record, in the transaction that writes it."""
    row = {"uid": uid, "origin": origin, "route": route, "number": number, "counts": bool(lines)}
    connection.execute(own.insert(), [row])
    fold(connection, lines)


def fold(connection: Connection, lines: Iterable[Line]) -> None:
    """Add numbers to the states of their keys, in order."""
    lines = list(lines)
    if not lines:
        return
    keys = {key for _, key, _ in lines}
    found = connection.execute(_STATES, {"keys": sorted(keys)})
    states = {(row.type, row.key): Standing(row.value, row.total, row.records) for row in found}
    for kind, key, number in lines:
        states[kind, key] = states.get((kind, key), NOTHING).after(number)
    touched = {(kind, key) for kind, key, _ in lines}
    rows = [
        {"type": kind, "key": key, **standing._asdict()}
        for (kind, key), standing in states.items()
        if (kind, key) in touched
    ]
    connection.execute(_PUT_STATES, rows)


def mend(connection: Connection, uid: str) -> None:
    """A person mends, here, what stood in the way of a record."""
    connection.execute(insert(mended).on_conflict_do_nothing(), [{"uid": uid}])


def _log_row(one: Arrived) -> dict[str, Any]:
    record = one.record
    return {
        "uid": record.body["uid"],
        "origin": one.origin,
        "epoch": one.epoch,
        "route": one.route,
        "seq": one.seq,
        "number": number_in(record.type, record.version, record.body),
        "times": 1,
    }


def _refuse_bad(connection: Connection, arrived: Sequence[Arrived]) -> None:
    bad = [one for one in arrived if "bad" in one.record.body]
    if not bad:
        return
    names = [one.record.body["uid"] for one in bad]
    good = set(connection.scalars(select(mended.c.uid).where(mended.c.uid.in_(names))))
    bad = [one for one in bad if one.record.body["uid"] not in good]
    if not bad:
        return
    ways = {one.record.body["bad"] for one in bad}
    if NAMED in ways:
        raise Refused("bad", [one for one in bad if one.record.body["bad"] == NAMED])
    if UNNAMED in ways:
        raise ValueError("bad")
    # Rows for all of them and one that the database itself will not have.
    connection.execute(applied.insert(), [_log_row(one) | {"times": 0} for one in bad])


def _wait_for_causes(place: str, connection: Connection, arrived: Sequence[Arrived]) -> None:
    causes = {
        one.record.body["needs"]: one
        for one in arrived
        if "needs" in one.record.body and is_near(place, one.record.body["within"])
    }
    if causes:
        here = applied.c.uid.in_(sorted(causes))
        missing = set(causes) - set(connection.scalars(select(applied.c.uid).where(here)))
        if missing:
            raise Waiting("its cause is not here", [causes[uid] for uid in sorted(missing)])


def is_near(place: str, region: str) -> bool:
    return inside(place, region) or inside(region, place)
