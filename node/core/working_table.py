"""Tables of one transaction: what a bulk run puts aside for its next statements.

They belong to their connection and have no log, no guard and no index but their key, so that rows
pass through them at a fraction of what a table of the store costs.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Column, Connection, MetaData, Table
from sqlalchemy.schema import CreateTable, DropTable

BULK_MEMORY = "64MB"
"""What one step of a bulk statement may hold before it sorts on the disk. Postgres' own 4 MB are
meant for a hundred pages at once; bulk runs of a county queue for its serials, one at a time."""


def temporary(name: str, *columns: Column[object]) -> Table:
    """A table that only `working_table` makes; no migration knows it."""
    return Table(name, MetaData(), *columns, prefixes=["TEMPORARY"])


@contextmanager
def working_table(connection: Connection, table: Table) -> Iterator[None]:
    """Let a temporary table be there for the block; what fails takes it away by rolling back."""
    if connection.dialect.name == "postgresql":  # both until the transaction ends
        connection.exec_driver_sql(f"SET LOCAL work_mem = '{BULK_MEMORY}'")
        connection.exec_driver_sql("SET LOCAL jit = off")  # it compiles a third of a second a query
    connection.execute(CreateTable(table))
    yield
    connection.execute(DropTable(table))
