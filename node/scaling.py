"""A province that outgrows one table, then one machine: which tables are split by county, and how.

`GROWING` tables grow with people; on Postgres they can be partitioned by county. Every table that
is keyed by county can be distributed on Citus; what is in `WHOLE` stays in one piece, and says why.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain

from sqlalchemy import Connection, text

from node.core.db import writing
from node.core.errors import Conflict, Invalid
from node.core.partitions import COUNTY, PARTS, Shape, is_partitioned, partition, quoted, shape_of
from node.runtime import Node
from node.statistics.cells import cell, total
from node.statistics.shares import share, share_total

GROWING = (
    *("person", "enrolment", "person_change", "person_category", "grade_choice"),
    *("account", "journal_entry", "journal_line", "posting"),
    *("account_closing", "account_settlement", "interest_correction"),
    *("contribution", "subsidy", "contribution_order", "paid_on_behalf", "receipt"),
    *("entitlement", "benefit_rate", "survival_certificate", "benefit_suspension"),
    *("benefit_end", "benefit_recovery", "paid_line", "unpaid_payment"),
    *("case", "case_step", "quality_finding", "quality_answer"),
    *(cell.name, share.name),
)
SMALL = (
    *("rate_correction", "period_lock", "interest_run", "receipt_series", "receipt_handover"),
    *("cash_forecast", "run_report", "statistics_report", "usage_digest", "usage_question"),
    *("assessment_result", "inspection", "inspection_answer", "quality_score"),
    *(total.name, share_total.name),
)
"""By county, but a few rows a county and period: distributed with the others, never partitioned."""
WHOLE: Mapping[str, str] = {
    "transfer_step": "a step is unique by transfer and step, over all counties",
}


def _of_postgres(connection: Connection) -> None:
    if connection.dialect.name != "postgresql":
        raise Invalid("按县分区只用于 Postgres 数据库；本节点用的是 SQLite")


def partition_by_county(node: Node, parts: int = PARTS) -> Iterator[tuple[str, int]]:
    """Partition what grows, a table a transaction; yields table and rows moved.

    Repeating it goes on where it stopped: what is split already is left alone.

    Raises:
        Invalid: the store is not Postgres.
    """
    for table in GROWING:
        with writing(node.engine) as connection:
            _of_postgres(connection)
            if is_partitioned(connection, table):
                continue
            moved = partition(connection, table, parts)
        yield table, moved


def distribution(connection: Connection) -> list[str]:
    """The statements that distribute every table of facts by county on Citus, in order.

    Guards on Citus are rows' guards and may look at nothing but their row. Those that refuse every
    change become such; those of books that a node itself keeps (`ledger_book`) are left away: a
    province keeps none, so there they never refuse anything.

    Raises:
        Invalid: the store is not Postgres.
        Conflict: this node keeps books of its own, or a table is partitioned here already.
    """
    _of_postgres(connection)
    if connection.scalar(text("SELECT count(*) FROM ledger_book")):
        raise Conflict(
            "本节点自己记账，账簿的数据库防护在 Citus 上不能保持；只有市级、省级可以分布"
        )
    tables = (*GROWING, *SMALL)
    split = [table for table in tables if is_partitioned(connection, table)]
    if split:
        raise Conflict(
            "已经按县分区的库不能再分布，请用分区以前的备份恢复后分布", tables="、".join(split)
        )
    shapes = {table: shape_of(connection, table) for table in tables}
    foreign = sorted({one for shape in shapes.values() for one in shape.foreign_keys})
    made = [f"ALTER TABLE {owner} DROP CONSTRAINT {name}" for owner, name, _ in foreign]
    for table, shape in shapes.items():
        name = quoted(connection, table)
        made += [f"DROP TRIGGER {trigger.name} ON {name}" for trigger in shape.triggers]
    made += list(_distributed(connection, tables))
    made += [f"ALTER TABLE {owner} ADD CONSTRAINT {name} {what}" for owner, name, what in foreign]
    guards = list(chain.from_iterable(_guards(connection, *one) for one in shapes.items()))
    return [*made, "SET citus.enable_unsafe_triggers TO on", *guards]


def _distributed(connection: Connection, tables: Sequence[str]) -> Iterator[str]:
    """All in one group of shards: what is joined by county lies together."""
    first = tables[0]
    for table in tables:
        mate = "none" if table == first else first
        name = quoted(connection, table)
        yield (f"SELECT create_distributed_table('{name}', '{COUNTY}', colocate_with => '{mate}')")


def _guards(connection: Connection, table: str, shape: Shape) -> Iterator[str]:
    name = quoted(connection, table)
    for trigger in shape.triggers:
        if "ledger_book" in trigger.looks_at:
            continue
        if trigger.is_for_rows:
            yield trigger.definition
        elif trigger.on_change and not trigger.sees_new_table:
            yield (
                f"CREATE TRIGGER {trigger.name} BEFORE UPDATE OR DELETE ON {name} "
                f"FOR EACH ROW EXECUTE FUNCTION {trigger.function}()"
            )


def distribute(node: Node) -> int:
    """Distribute the tables of facts over the Citus cluster behind this database, in one
    transaction; answers how many tables.

    Raises:
        Invalid: the store is not Postgres, or has no Citus.
        Conflict: see `distribution`.
    """
    with writing(node.engine) as connection:
        statements = distribution(connection)
        if not connection.scalar(text("SELECT count(*) FROM pg_extension WHERE extname = 'citus'")):
            raise Invalid(
                "这个数据库没有安装 Citus 扩展，请先由数据库管理员执行 CREATE EXTENSION citus"
            )
        for statement in statements:
            connection.exec_driver_sql(statement)
    return len(GROWING) + len(SMALL)
