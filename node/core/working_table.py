"""Tables of one transaction: what a bulk run puts aside for its next statements.

They belong to their connection and have no log, no guard and no index but their key, so that rows
pass through them at a fraction of what a table of the store costs.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Column, Connection, MetaData, Table
from sqlalchemy.schema import CreateTable, DropTable

from node.core.db import widen


def temporary(name: str, *columns: Column[object]) -> Table:
    """A table that only `working_table` makes; no migration knows it."""
    return Table(name, MetaData(), *columns, prefixes=["TEMPORARY"])


@contextmanager
def working_table(connection: Connection, table: Table) -> Iterator[None]:
    """Let a temporary table be there for the block; what fails takes it away by rolling back."""
    widen(connection)
    connection.execute(CreateTable(table))
    yield
    connection.execute(DropTable(table))
