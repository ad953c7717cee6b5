"""Turning a table of facts into one that is partitioned by county, where it lies, on Postgres.

The catalogue of the database says what a table has: keys, indexes, foreign keys, guards. All of it
is there again afterwards, under the same names, so nothing that reads or writes the table notices.
"""

from dataclasses import dataclass

from sqlalchemy import Connection, text

COUNTY = "county_code"
PARTS = 32
"""Partitions of a table: some 19 million postings each for 50 million people. A county's rows lie
in one, so a page reads one; a new county finds its place without a new partition."""


@dataclass(frozen=True, slots=True)
class Trigger:
    """A guard as the database describes it. `looks_at` is the text of its function."""

    name: str
    definition: str
    function: str
    is_for_rows: bool
    sees_new_table: bool
    on_change: bool
    looks_at: str


@dataclass(frozen=True, slots=True)
class Shape:
    """What a table has besides columns and rows: statements that make it again."""

    keys: tuple[str, ...]
    indexes: tuple[str, ...]
    foreign_keys: tuple[tuple[str, str, str], ...]
    triggers: tuple[Trigger, ...]


def quoted(connection: Connection, name: str) -> str:
    """A name as SQL wants it: `case` is a word of the language."""
    return connection.dialect.identifier_preparer.quote(name)


def is_partitioned(connection: Connection, table: str) -> bool:
    """Whether a table has been split already."""
    kind = "SELECT relkind FROM pg_class WHERE oid = CAST(:name AS regclass)"
    found = connection.scalar(text(kind), {"name": quoted(connection, table)})
    return bool(found in {"p", b"p"})


def shape_of(connection: Connection, table: str) -> Shape:
    """Read a table's keys, indexes, foreign keys (its own and those to it) and guards."""
    given = {"name": quoted(connection, table)}
    constraints = connection.execute(
        text("""SELECT conrelid::regclass::text AS owner, conname, contype,
                    pg_get_constraintdef(oid) AS definition
                FROM pg_constraint WHERE contype IN ('p', 'u', 'f') AND conparentid = 0
                    AND CAST(:name AS regclass) IN (conrelid, confrelid) ORDER BY conname"""),
        given,
    ).all()
    indexes = connection.execute(
        text("""SELECT pg_get_indexdef(i.indexrelid) FROM pg_index i
                WHERE i.indrelid = CAST(:name AS regclass) AND NOT EXISTS (
                    SELECT 1 FROM pg_constraint c WHERE c.conindid = i.indexrelid
                    AND c.contype IN ('p', 'u')) ORDER BY 1"""),
        given,
    ).scalars()
    triggers = connection.execute(
        text("""SELECT t.tgname, pg_get_triggerdef(t.oid) AS definition, p.proname, t.tgtype,
                    t.tgnewtable IS NOT NULL AS sees, p.prosrc
                FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
                WHERE t.tgrelid = CAST(:name AS regclass) AND NOT t.tgisinternal
                ORDER BY t.tgname"""),
        given,
    )
    kinds = {"f": [], "k": []}  # type: dict[str, list[tuple[str, str, str]]]
    for row in constraints:
        is_foreign = _char(row.contype) == "f"
        kinds["f" if is_foreign else "k"].append((row.owner, row.conname, row.definition))
    return Shape(
        keys=tuple(f"CONSTRAINT {name} {definition}" for _, name, definition in kinds["k"]),
        indexes=tuple(str(one) for one in indexes),
        foreign_keys=tuple(kinds["f"]),
        triggers=tuple(
            Trigger(
                name=row.tgname,
                definition=row.definition,
                function=row.proname,
                is_for_rows=bool(row.tgtype & 1),
                sees_new_table=row.sees,
                on_change=bool(row.tgtype & (8 | 16)),  # DELETE, UPDATE (pg_trigger.h)
                looks_at=row.prosrc,
            )
            for row in triggers
        ),
    )


def _char(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value


def part_name(table: str, number: int) -> str:
    """The name of one partition."""
    return f"{table}_p{number:02d}"


def partition(connection: Connection, table: str, parts: int) -> int:
    """Split a table by the hash of its county into `parts`; answers how many rows moved.

    Guards that are asked once a statement fire for the table that is named in it, so every
    partition gets them too: nobody passes them by writing to a partition.
    """
    name, old = quoted(connection, table), quoted(connection, f"{table}_whole")
    connection.execute(text(f"LOCK TABLE {name} IN ACCESS EXCLUSIVE MODE"))
    shape = shape_of(connection, table)
    for owner, constraint, _definition in shape.foreign_keys:
        connection.execute(text(f"ALTER TABLE {owner} DROP CONSTRAINT {constraint}"))
    connection.execute(text(f"ALTER TABLE {name} RENAME TO {old}"))
    connection.execute(
        text(f"""CREATE TABLE {name} (LIKE {old} INCLUDING DEFAULTS INCLUDING CONSTRAINTS
                INCLUDING STORAGE INCLUDING COMMENTS) PARTITION BY HASH ({COUNTY})""")
    )
    for number in range(parts):
        part = quoted(connection, part_name(table, number))
        connection.execute(
            text(f"""CREATE TABLE {part} PARTITION OF {name}
                    FOR VALUES WITH (MODULUS {parts}, REMAINDER {number})""")
        )
    moved = connection.execute(text(f"INSERT INTO {name} SELECT * FROM {old}")).rowcount
    connection.execute(text(f"DROP TABLE {old}"))  # its indexes and keys give their names free
    for key in shape.keys:
        connection.execute(text(f"ALTER TABLE {name} ADD {key}"))
    for index in shape.indexes:
        connection.exec_driver_sql(index)
    for owner, constraint, definition in shape.foreign_keys:
        connection.execute(text(f"ALTER TABLE {owner} ADD CONSTRAINT {constraint} {definition}"))
    for trigger in shape.triggers:
        _guard(connection, table, trigger, parts)
    connection.execute(text(f"ANALYZE {name}"))
    return int(moved)


def _guard(connection: Connection, table: str, trigger: Trigger, parts: int) -> None:
    connection.exec_driver_sql(trigger.definition)
    if trigger.is_for_rows:
        return  # Postgres gives these to the partitions by itself
    name = quoted(connection, table)
    for number in range(parts):
        part = quoted(connection, part_name(table, number))
        there = trigger.definition.replace(f" ON public.{name} ", f" ON public.{part} ", 1)
        connection.exec_driver_sql(there)
