"""The store on both databases: batches that keep what is there, encryption, serials, pages."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    Column,
    Connection,
    Engine,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    func,
    select,
)
from sqlalchemy.exc import IntegrityError
from sqlmodel import Session, col

from node.core.access import record_access
from node.core.db import BATCH_ROWS, insert_new, make_engine, upsert, writing
from node.core.ids import new_id
from node.core.models import AccessLog, Counter, DivisionRow, JobRun
from node.core.paging import PAGE_SIZE_LIMIT, paged
from node.core.personal import Keyring
from node.core.serials import reserve
from node.core.work import UnitOfWork, machine, unit_of_work
from node.registry.models import Person
from sync.errors import Unreadable
from tiers import RegionCode

COUNTY = RegionCode("410122000000")
NOW = datetime(2026, 3, 16, 1, tzinfo=UTC)
NUMBER, PHONE = "410199197503150011", "15400000001"
SEVERAL_BATCHES = 2 * BATCH_ROWS + 7

metadata = MetaData()
places = Table(
    "some_place",
    metadata,
    Column("code", Integer, primary_key=True),
    Column("name", String(20)),
    Column("note", String(20)),
)
houses = Table(
    "some_house",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("place", ForeignKey("some_place.code", ondelete="CASCADE")),
)


@pytest.fixture
def keys() -> Keyring:
    return Keyring.generate()


@pytest.fixture
def engine(migrated_url: str, keys: Keyring) -> Iterator[Engine]:
    made = make_engine(migrated_url, keys)
    yield made
    made.dispose()


@pytest.fixture
def connection(engine: Engine) -> Iterator[Connection]:
    metadata.create_all(engine)
    with writing(engine) as opened:
        yield opened


def place(code: int, name: str, note: str = "") -> dict[str, Any]:
    return {"code": code, "name": name, "note": note}


def stored(connection: Connection) -> dict[int, tuple[str, str]]:
    return {row.code: (row.name, row.note) for row in connection.execute(select(places))}


def test_upsert_writes_whole_batches_and_brings_rows_up_to_date(connection: Connection) -> None:
    upsert(connection, places, [place(n, "旧") for n in range(SEVERAL_BATCHES)])
    upsert(connection, places, [place(n, "新") for n in range(1, SEVERAL_BATCHES + 1)])
    names = [name for _, (name, _note) in sorted(stored(connection).items())]
    assert names == ["旧"] + ["新"] * SEVERAL_BATCHES


def test_upsert_keeps_the_columns_it_is_told_to_keep(connection: Connection) -> None:
    upsert(connection, places, [place(1, "旧", "手记")])
    both = [place(1, "新", "丢失"), place(2, "新", "首次")]
    upsert(connection, places, both, keep=["note"])
    assert stored(connection) == {1: ("新", "手记"), 2: ("新", "首次")}


def test_upsert_of_keys_alone_leaves_rows_as_they_are(connection: Connection) -> None:
    upsert(connection, places, [place(1, "旧")])
    upsert(connection, places, [{"code": 1}, {"code": 2}])
    assert [row.name for row in connection.execute(select(places).order_by("code"))] == ["旧", None]


def test_what_hangs_on_a_row_survives_its_update(connection: Connection) -> None:
    """REPLACE would delete the row first, and the cascade takes what hangs on it."""
    upsert(connection, places, [place(1, "旧")])
    connection.execute(houses.insert(), [{"id": 7, "place": 1}])
    upsert(connection, places, [place(1, "新")])
    insert_new(connection, places, [place(1, "又新")])
    assert connection.scalar(select(func.count()).select_from(houses)) == 1
    assert stored(connection) == {1: ("新", "")}


def test_insert_new_leaves_what_is_there_and_adds_the_rest(connection: Connection) -> None:
    insert_new(connection, places, [place(5, "先到")])
    insert_new(connection, places, [place(n, "后到") for n in range(SEVERAL_BATCHES)])
    found = stored(connection)
    assert len(found) == SEVERAL_BATCHES
    assert [code for code, (name, _) in found.items() if name != "后到"] == [5]


def test_nothing_to_write_is_no_statement(connection: Connection) -> None:
    upsert(connection, places, [])
    insert_new(connection, places, [])
    assert stored(connection) == {}


def test_an_instant_keeps_its_moment_whatever_offset_it_came_with(engine: Engine) -> None:
    local = NOW.astimezone(timezone(timedelta(hours=8)))
    with Session(engine) as session, session.begin():
        session.add(JobRun(id="1", job="x", started_at=local))
    with Session(engine) as session:
        found = session.get(JobRun, "1")
        assert found is not None
        assert found.started_at == NOW
        assert found.started_at.utcoffset() == timedelta()
        assert session.scalar(select(col(JobRun.id)).where(col(JobRun.started_at) <= local)) == "1"


def person(keys: Keyring, **over: Any) -> Person:
    given: dict[str, Any] = {
        "county_code": str(COUNTY),
        "id": new_id(),
        "name": "赵样本",
        "citizen_number": NUMBER,
        "citizen_index": keys.index(NUMBER),
        "sex": "male",
        "born_on": date(1975, 3, 15),
        "phone": PHONE,
        "village": "410122101205",
        "registered_at": NOW,
    }
    return Person(**(given | over))


def test_personal_data_is_readable_with_the_key_and_never_in_the_table(
    engine: Engine, keys: Keyring, migrated_url: str
) -> None:
    with Session(engine) as session, session.begin():
        session.add(person(keys))
    with Session(engine) as session:
        found = session.scalar(
            select(Person).where(col(Person.citizen_index) == keys.index(NUMBER))
        )
        assert found is not None
        assert (found.citizen_number, found.phone) == (NUMBER, PHONE)
    with engine.connect() as connection:
        raw = connection.exec_driver_sql("SELECT citizen_number, phone FROM person").one()
        assert all(NUMBER.encode() not in bytes(v) and PHONE.encode() not in bytes(v) for v in raw)
        swapped = "UPDATE person SET phone = citizen_number"
        connection.exec_driver_sql(swapped)
        connection.commit()
    stranger = make_engine(migrated_url, Keyring.generate())
    for other in (engine, stranger):  # a value moved to another column opens for nobody
        with Session(other) as session, pytest.raises(Unreadable):
            session.scalars(select(Person)).all()
    stranger.dispose()


def test_no_citizen_number_or_phone_stands_in_the_file(
    migrated_sqlite_url: str, tmp_path: Path, keys: Keyring
) -> None:
    engine = make_engine(migrated_sqlite_url, keys)
    with Session(engine) as session, session.begin():
        session.add(person(keys))
    written = b"".join(file.read_bytes() for file in tmp_path.glob("node.sqlite*"))
    engine.dispose()
    assert "赵样本".encode() in written  # the names are where we look
    assert NUMBER.encode() not in written
    assert PHONE.encode() not in written


def work(engine: Engine) -> Any:
    return unit_of_work(engine, actor=machine(COUNTY), node=COUNTY, now=NOW)


def test_serials_have_no_gaps_and_a_rollback_gives_them_back(engine: Engine) -> None:
    def reserve_and_fail(uow: UnitOfWork) -> None:
        assert reserve(uow, "account", 5, county_code=COUNTY) == 11
        raise RuntimeError("after all not")

    with work(engine) as uow:
        assert reserve(uow, "account", 10, county_code=COUNTY) == 1
        assert reserve(uow, "voucher", 1, county_code=COUNTY) == 1
        assert reserve(uow, "account", 1, county_code="410181000000") == 1
    with pytest.raises(RuntimeError), work(engine) as uow:
        reserve_and_fail(uow)
    with work(engine) as uow:
        assert reserve(uow, "account", 0, county_code=COUNTY) == 11
        assert reserve(uow, "account", 2, county_code=COUNTY) == 11
        assert uow.get(Counter, str(COUNTY), "account").value == 12


def test_looking_at_personal_data_leaves_who_what_and_why(engine: Engine) -> None:
    with work(engine) as uow:
        record_access(uow, "person-1", what="公民身份号码", reason="本人查询")
    with Session(engine) as session:
        (entry,) = session.scalars(select(AccessLog)).all()
    assert (entry.actor_name, entry.subject, entry.reason, entry.at) == (
        "系统",
        "person-1",
        "本人查询",
        NOW,
    )


@pytest.mark.parametrize(
    "statement", ["UPDATE access_log SET reason = '别的理由'", "DELETE FROM access_log"]
)
def test_who_looked_cannot_be_changed_or_taken_back_in_the_database(
    engine: Engine, statement: str
) -> None:
    with work(engine) as uow:
        record_access(uow, "person-1", what="公民身份号码", reason="本人查询")
    with pytest.raises(IntegrityError, match="只增不改"), writing(engine) as connection:
        connection.exec_driver_sql(statement)
    with Session(engine) as session:
        assert [entry.reason for entry in session.scalars(select(AccessLog))] == ["本人查询"]


@pytest.mark.parametrize(
    ("asked", "size", "shown", "codes"),
    [
        (1, 3, 1, ["00", "01", "02"]),
        (3, 3, 3, ["06"]),
        (99, 3, 3, ["06"]),
        (-1, 3, 1, ["00", "01", "02"]),
        (1, 0, 1, ["00"]),
        (1, 10**9, 1, [f"0{n}" for n in range(7)]),
    ],
)
def test_a_page_is_cut_from_the_list_and_stays_inside_it(
    engine: Engine, asked: int, size: int, shown: int, codes: list[str]
) -> None:
    with Session(engine) as session:
        session.add_all(DivisionRow(code=f"0{n}", name="", level="village") for n in range(7))
        ordered = select(DivisionRow).order_by(col(DivisionRow.code))
        found = paged(session, ordered, number=asked, size=size)
        assert ([row.code for row in found.items], found.number) == (codes, shown)
        assert found.total == 7
        assert found.pages == max(1, -(-7 // found.size))
        assert found.size <= PAGE_SIZE_LIMIT
        nobody = paged(session, ordered.where(col(DivisionRow.code) == "x"))
        assert (nobody.pages, nobody.total, list(nobody.items)) == (1, 0, [])
