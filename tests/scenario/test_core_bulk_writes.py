"""Many rows at once are written as one row is, on both databases."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Connection,
    Date,
    Engine,
    MetaData,
    String,
    Table,
    select,
)
from sqlalchemy.exc import DataError, IntegrityError

from node.core.bulk_copy import FROM_ROWS
from node.core.db import BATCH_ROWS, FEW_ROWS, Instant, insert_new, make_engine, upsert, writing
from node.core.personal import Encrypted, Keyring
from node.core.types import Json

MANY = BATCH_ROWS + FEW_ROWS
KEYRING = Keyring.generate()

people = Table(
    "people",
    MetaData(),
    Column("no", BigInteger, primary_key=True),
    Column("name", String(20), nullable=False),
    Column("citizen_no", Encrypted("citizen_no")),
    Column("born_on", Date),
    Column("seen_at", Instant),
    Column("is_drawing", Boolean),
    Column("more", Json),
    Column("kind", String, default=lambda: "made in Python"),
)
Row = dict[str, Any]


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine whose encrypted columns have their key, and the table."""
    made = make_engine(database_url, KEYRING)
    with writing(made) as connection:
        people.metadata.create_all(connection)
    yield made
    made.dispose()


@pytest.fixture
def postgres_engine(postgres_url: str) -> Iterator[Engine]:
    """The same, on Postgres."""
    made = make_engine(postgres_url, KEYRING)
    with writing(made) as connection:
        people.metadata.create_all(connection)
        connection.exec_driver_sql(COUNTING)
    yield made
    made.dispose()


COUNTING = """
    CREATE TABLE upserts (one INTEGER);
    CREATE FUNCTION count_it() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN INSERT INTO upserts VALUES (1); RETURN NULL; END $$;
    CREATE TRIGGER counted BEFORE UPDATE ON people FOR EACH STATEMENT EXECUTE FUNCTION count_it();
"""
"""An upsert is an UPDATE as well, to a trigger of statements; `COPY` is not."""


def upserts_of(connection: Connection) -> int:
    """How many statements that can bear a known row have written."""
    return int(connection.exec_driver_sql("SELECT count(*) FROM upserts").scalar_one())


def person(no: int, **over: Any) -> Row:
    """One row with a value of every type."""
    return {
        "no": no,
        "name": f"王{no}",
        "citizen_no": f"41019919700101{no:04}" if no % 2 else None,
        "born_on": date(1970, 1, 1),
        "seen_at": datetime(2026, 3, 1, 8, 30, tzinfo=UTC),
        "is_drawing": no % 3 == 0,
        "more": {"档次": [no, None]},
        "kind": "given",
    } | over


def stored(engine: Engine) -> list[Row]:
    """Everything, as it is read."""
    with engine.connect() as connection:
        found = connection.execute(select(people).order_by(people.c.no))
        return [dict(row) for row in found.mappings()]


@pytest.mark.parametrize("write", [upsert, insert_new])
@pytest.mark.parametrize("count", [1, FEW_ROWS, MANY])
def test_what_is_written_is_read_whatever_its_type(
    engine: Engine, write: Callable[..., None], count: int
) -> None:
    rows = [person(no) for no in range(count)]
    with writing(engine) as connection:
        write(connection, people, rows)
    assert stored(engine) == rows


@pytest.mark.parametrize("count", [1, FEW_ROWS, MANY])
def test_a_second_time_changes_what_is_there_but_not_what_is_kept(
    engine: Engine, count: int
) -> None:
    with writing(engine) as connection:
        upsert(connection, people, [person(no) for no in range(count)])
    with writing(engine) as connection:
        again = [person(no, name="改", born_on=date(1980, 1, 1)) for no in range(count)]
        upsert(connection, people, again, keep=["born_on"])
    assert stored(engine) == [person(no, name="改") for no in range(count)]


@pytest.mark.parametrize("count", [1, FEW_ROWS, MANY])
def test_a_column_left_out_gets_the_default_it_has(engine: Engine, count: int) -> None:
    rows = [person(no) for no in range(count)]
    for row in rows:
        del row["kind"]
    with writing(engine) as connection:
        insert_new(connection, people, rows)
    assert {row["kind"] for row in stored(engine)} == {"made in Python"}


@pytest.mark.parametrize("count", [2, FEW_ROWS, MANY])
def test_one_row_that_cannot_be_written_is_an_integrity_error(engine: Engine, count: int) -> None:
    rows = [person(no) for no in range(count)]
    rows[-1]["name"] = None
    with pytest.raises(IntegrityError), writing(engine) as connection:
        upsert(connection, people, rows)
    assert stored(engine) == []


def test_personal_data_is_not_in_clear_text_however_many_are_written(engine: Engine) -> None:
    with writing(engine) as connection:
        upsert(connection, people, [person(no) for no in range(FEW_ROWS)])
        found = connection.exec_driver_sql(
            "SELECT citizen_no FROM people WHERE no = 1"
        ).scalar_one()
    assert b"410199" not in bytes(found)


@pytest.mark.parametrize("count", [2, FEW_ROWS, MANY])
def test_of_one_row_written_twice_at_once_the_last_word_stands(engine: Engine, count: int) -> None:
    rows = [person(no) for no in range(count)]
    with writing(engine) as connection:
        upsert(connection, people, [*rows, person(0, name="后")])
        insert_new(connection, people, [person(count), person(count, name="后")] * FEW_ROWS)
    assert [row["name"] for row in stored(engine)] == [
        "后",
        *(row["name"] for row in rows[1:]),
        f"王{count}",
    ]


def test_one_row_of_many_that_is_there_is_changed_and_the_rest_is_new(engine: Engine) -> None:
    rows = [person(no) for no in range(FROM_ROWS)]
    with writing(engine) as connection:
        upsert(connection, people, [person(FROM_ROWS // 2, name="旧")])
        upsert(connection, people, rows)
    assert stored(engine) == rows


@pytest.mark.postgres
def test_new_rows_are_copied_and_known_ones_are_not(postgres_engine: Engine) -> None:
    rows = [person(no) for no in range(FROM_ROWS)]
    with writing(postgres_engine) as connection:
        upsert(connection, people, rows)
        assert upserts_of(connection) == 0
        upsert(connection, people, rows)
        assert upserts_of(connection) == 1


@pytest.mark.postgres
def test_what_copy_refuses_is_the_error_of_the_statement_and_ends_no_transaction(
    postgres_engine: Engine,
) -> None:
    rows = [person(no) for no in range(FROM_ROWS)]
    with writing(postgres_engine) as connection:
        connection.exec_driver_sql("CREATE UNIQUE INDEX of_names ON people (name)")
        with pytest.raises(IntegrityError), connection.begin_nested():
            upsert(connection, people, [*rows, person(FROM_ROWS, name="王0")])
        upsert(connection, people, rows)
    assert stored(postgres_engine) == rows


@pytest.mark.postgres
@pytest.mark.parametrize("count", [1, FEW_ROWS])
def test_what_is_too_long_is_refused_and_never_cut(postgres_url: str, count: int) -> None:
    made = make_engine(postgres_url, KEYRING)
    rows = [person(no) for no in range(count - 1)] + [person(99, name="王" * 21)]
    try:
        with writing(made) as connection:
            people.metadata.create_all(connection)
        with pytest.raises(DataError), writing(made) as connection:
            upsert(connection, people, rows)
        assert stored(made) == []
    finally:
        made.dispose()
