"""Disks of a tree's nodes, copied and put back: all tables of one database, row by row."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, MetaData, Table, func, select, text

from sync import store as sync_store
from tests.scenario.sync_tree import Place, Tree, metadata

Image = Mapping[str, Sequence[Mapping[str, Any]]]
"""Every row of every table."""

# Tests look back at what was applied since a disk was put back.
_NOT_RESTORED = {"diary"}


def _tables() -> list[Table]:
    sets: Sequence[MetaData] = (sync_store.metadata, metadata)
    return [table for each in sets for table in each.sorted_tables]


def save(place: Place) -> Image:
    """A backup of a node, as it is now."""
    with place.engine.connect() as connection:
        return {
            table.name: [
                dict(row._mapping) for row in connection.execute(select(table))
            ]  # SQLAlchemy's public name
            for table in _tables()
        }


def restore(place: Place, image: Image) -> None:
    """Put a node's disk back as it was."""
    with place.engine.begin() as connection:
        for table in _tables():
            connection.execute(table.delete())
            if image[table.name] and table.name not in _NOT_RESTORED:
                connection.execute(table.insert(), [dict(row) for row in image[table.name]])
        _set_counters(connection)


def clone(tree: Tree, place: Place) -> Place:
    """A second machine with a copy of a node's disk."""
    twin = tree.seedling(place.region)
    restore(twin, save(place))
    return twin


@contextmanager
def running_instead(tree: Tree, place: Place) -> Iterator[None]:
    """Let another machine stand for a node in the tree for a while."""
    usual = tree.places[place.region]
    tree.places[place.region] = place
    try:
        yield
    finally:
        tree.places[place.region] = usual


def _set_counters(connection: Connection) -> None:
    """A restored Postgres goes on counting where its dump stood."""
    if connection.dialect.name != "postgresql":
        return
    for table in _tables():
        for column in table.primary_key:
            found = f"pg_get_serial_sequence('{table.name}', '{column.name}')"
            if connection.scalar(text(f"SELECT {found}")) is not None:  # our own names
                newest = connection.scalar(select(func.max(column))) or 0
                connection.execute(
                    text(f"SELECT setval({found}, :n, :used)"),  # our own names
                    {"n": max(newest, 1), "used": newest > 0},
                )
