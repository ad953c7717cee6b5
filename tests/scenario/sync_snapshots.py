"""A source and a sink of snapshots for the small application of `sync_tree`: its table of facts."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from sqlalchemy import Connection, func, select

from sync.regions import significant
from sync.snapshot import SnapshotTable, line_of
from sync.snapshot_client import take_snapshot
from sync.snapshot_giving import make_offer
from sync.snapshot_taking import Progress, SetDown, begin, keep_part, set_down
from tests.scenario.sync_links import QUICK
from tests.scenario.sync_tree import Place, facts

COLUMNS = ("key", "region", "n", "origin", "seq")


class Facts:
    """Both ends: reads facts of a region, writes them."""

    def __init__(self, columns: Sequence[str] = COLUMNS) -> None:
        self.columns = tuple(columns)
        self.reading: Callable[[], None] = lambda: None
        self.finished = 0

    def tables(self) -> Sequence[SnapshotTable]:
        return (SnapshotTable("facts", self.columns),)

    def lines(self, connection: Connection, table: str, region: str) -> Iterator[bytes]:
        assert table == "facts"
        inside = facts.c.region.startswith(significant(region))
        wanted = select(*(facts.c[name] for name in COLUMNS)).where(inside).order_by(facts.c.key)
        for row in connection.execute(wanted):
            self.reading()
            yield line_of(list(row))

    def is_empty(self, connection: Connection) -> bool:
        return not connection.scalar(select(func.count()).select_from(facts))

    def write(self, connection: Connection, table: str, rows: Sequence[Sequence[Any]]) -> None:
        assert table == "facts"
        connection.execute(
            facts.insert(), [dict(zip(self.columns, row, strict=True)) for row in rows]
        )

    def finish(self, connection: Connection) -> None:
        self.finished += not self.is_empty(connection)


def fetch(
    place: Place, url: str, sink: Facts | None = None, progress: Progress = lambda _done, _all: None
) -> SetDown | None:
    """Begin with the parent's state, over HTTP."""
    return take_snapshot(
        place.replica, url, sink or Facts(), progress=progress, limits=QUICK, sleep=lambda _: None
    )


def begin_with(parent: Place, child: Place, *, source: Facts) -> None:
    """Begin with the parent's state, handed over as it is."""
    me = child.replica.identity()
    known = me and parent.replica.certificate_of(me.node, me.epoch)
    assert known is not None
    offer = make_offer(parent.replica.site, source, known)
    found = begin(child.replica.site, offer.document, offer.signature, Facts())
    for number in found.missing:
        packed = offer.part(number)
        assert packed is not None
        found = keep_part(child.replica.site, found, number, packed)
    offer.close()
    set_down(child.replica.site, Facts())


def rows_of(place: Place, region: str = "") -> list[tuple[Any, ...]]:
    """The facts a node holds of a region, in key order."""
    with place.engine.connect() as connection:
        wanted = facts.c.region.startswith(significant(region))
        columns = (facts.c[name] for name in COLUMNS)
        return [
            tuple(row)
            for row in connection.execute(select(*columns).where(wanted).order_by(facts.c.key))
        ]
