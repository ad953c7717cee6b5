"""The commit-order experiment as one schedule on a real Postgres: what each sealer gets wrong.

A long transaction A takes its first number, then B writes the cause and commits, then A reads it,
writes the effect and commits. Five sealers meet this schedule; all but the last were once built.
The same with many writers and by chance: `test_sync_engine_sealing.py`.
"""

from collections.abc import Callable
from typing import NamedTuple

import pytest
from sqlalchemy import Connection, Row, text

from sync.log import _TAKE
from sync.store import outbox
from tests.scenario.sync_tree import PROVINCE, Place, Tree

pytestmark = pytest.mark.postgres

Rows = list[Row[int, str]]
Pause = Callable[[], None]
CAUSE, EFFECT = "b2", "a2"


class Verdict(NamedTuple):
    """What became of four rows of two transactions."""

    lost: int
    effect_before_cause: bool
    split: bool


class Sealer:
    """Takes rows in small batches; `pause` is called where others may commit meanwhile."""

    def step(self, connection: Connection, pause: Pause) -> Rows:
        raise NotImplementedError

    def _rows(self, connection: Connection, sql: str, **values: int) -> Rows:
        found = list(connection.execute(text(sql), values).all())
        return sorted(found, key=lambda row: row.id)


class Cursor(Sealer):
    """`id > last`: what commits late below the cursor is passed over."""

    last = 0

    def step(self, connection: Connection, pause: Pause) -> Rows:
        pause()
        sql = "SELECT id, txn, type FROM sync_outbox WHERE id > :last ORDER BY id LIMIT 2"
        rows = self._rows(connection, sql, last=self.last)
        self.last = max([self.last, *(row.id for row in rows)])
        return rows


class SelectThenDelete(Sealer):
    """Rows that commit between the two statements are deleted unseen."""

    def step(self, connection: Connection, pause: Pause) -> Rows:
        rows = self._rows(connection, "SELECT id, txn, type FROM sync_outbox ORDER BY id LIMIT 2")
        pause()
        newest = max((row.id for row in rows), default=0)
        connection.execute(text("DELETE FROM sync_outbox WHERE id <= :newest"), {"newest": newest})
        return rows


class AnyRows(Sealer):
    """One statement, but of whatever rows are there: transactions come apart."""

    def step(self, connection: Connection, pause: Pause) -> Rows:
        pause()
        return self._rows(
            connection,
            "DELETE FROM sync_outbox WHERE id IN"
            " (SELECT id FROM sync_outbox ORDER BY id LIMIT 2) RETURNING id, txn, type",
        )


class BySmallest(Sealer):
    """Whole transactions in the order of their smallest id: the long one comes first."""

    def step(self, connection: Connection, pause: Pause) -> Rows:
        pause()
        return self._rows(
            connection,
            "WITH t AS (SELECT txn FROM sync_outbox GROUP BY txn ORDER BY min(id) LIMIT 1)"
            " DELETE FROM sync_outbox o USING t WHERE o.txn = t.txn RETURNING id, o.txn, type",
        )


class Ours(Sealer):
    """Whole transactions in the order of their largest id, as `sync.log` takes them."""

    def step(self, connection: Connection, pause: Pause) -> Rows:
        pause()
        found = connection.execute(_TAKE, {"rows": 2_000, "transactions": 1}).all()
        return sorted(found, key=lambda row: row.id)


@pytest.fixture
def place(postgres_tree: Tree) -> Place:
    (found,) = postgres_tree.grow(PROVINCE)
    return found


def put(connection: Connection, txn: str, name: str) -> None:
    row = {"txn": txn, "origin": PROVINCE, "route": "down/all", "type": name, "version": 1}
    connection.execute(outbox.insert().values(row | {"line": b"{}"}))


def play(place: Place, sealer: Sealer, *, is_behind: bool) -> Verdict:
    """A and B as above; the sealer looks once while A is open, unless it `is_behind`."""
    taken: list[Row[int, str]] = []
    with place.engine.connect() as long, long.begin() as transaction:
        put(long, "A", "a1")
        with place.engine.begin() as short:
            put(short, "B", "b1")
            put(short, "B", CAUSE)

        def finish() -> None:
            if transaction.is_active:
                put(long, "A", EFFECT)
                transaction.commit()

        if not is_behind:
            # Between its two statements, if it has two, A commits.
            two = isinstance(sealer, SelectThenDelete)
            taken += _step(place, sealer, finish if two else _nothing)
        finish()
    for _ in range(4):
        taken += _step(place, sealer, _nothing)
    names = [row.type for row in taken]
    return Verdict(
        lost=4 - len(set(names)),
        effect_before_cause=EFFECT in names
        and CAUSE in names
        and names.index(EFFECT) < names.index(CAUSE),
        split=any(_apart([row.txn for row in taken], txn) for txn in "AB"),
    )


def _step(place: Place, sealer: Sealer, pause: Pause) -> Rows:
    with place.engine.begin() as connection:
        return sealer.step(connection, pause)


def _nothing() -> None:
    """Nobody commits meanwhile."""


def _apart(owners: list[str], txn: str) -> bool:
    """Do the rows of a transaction not stand together?"""
    places = [at for at, owner in enumerate(owners) if owner == txn]
    return bool(places) and places != list(range(places[0], places[0] + len(places)))


def test_a_cursor_passes_over_what_commits_late(place: Place) -> None:
    assert play(place, Cursor(), is_behind=False).lost == 1


def test_select_and_delete_apart_delete_what_was_never_seen(place: Place) -> None:
    assert play(place, SelectThenDelete(), is_behind=False).lost == 1


def test_one_statement_over_any_rows_loses_nothing_and_splits(place: Place) -> None:
    found = play(place, AnyRows(), is_behind=True)
    assert (found.lost, found.split) == (0, True)


def test_whole_transactions_by_smallest_id_put_the_effect_before_its_cause(place: Place) -> None:
    assert play(place, BySmallest(), is_behind=True) == Verdict(
        lost=0, effect_before_cause=True, split=False
    )


@pytest.mark.parametrize("is_behind", [False, True])
def test_whole_transactions_by_largest_id_do_none_of_these(
    place: Place, *, is_behind: bool
) -> None:
    assert play(place, Ours(), is_behind=is_behind) == Verdict(
        lost=0, effect_before_cause=False, split=False
    )
