"""Bulk records: a table of up to 1,000 rows, column by column, in one record.

Column-wise bodies compress several times better and are parsed in a fraction of the time.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from node.core.errors import Invalid

ROWS_PER_RECORD = 1_000


def columns(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A record body holding these rows; all must name the same columns."""
    names = list(rows[0]) if rows else []
    return {"count": len(rows), "columns": {name: [row[name] for row in rows] for name in names}}


def rows(body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The rows of a bulk body.

    Raises:
        Invalid: the columns are of different lengths.
    """
    names = list(body["columns"])
    values = [body["columns"][name] for name in names]
    if any(len(column) != body["count"] for column in values):
        raise Invalid("批量记录各列长度不一致", field="columns")
    return [dict(zip(names, row, strict=True)) for row in zip(*values, strict=True)]


def chunks(rows: Sequence[Mapping[str, Any]]) -> Iterator[Sequence[Mapping[str, Any]]]:
    """Rows in runs that fit one bulk record each."""
    for start in range(0, len(rows), ROWS_PER_RECORD):
        yield rows[start : start + ROWS_PER_RECORD]
