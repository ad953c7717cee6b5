"""The unit of work: a change and what others hear of it are written together or not at all."""

import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError, OperationalError

from node.core.db import make_engine, writing
from node.core.errors import NotFound
from node.core.models import DivisionRow
from node.core.personal import Keyring
from node.core.work import DOWN_ALL, UP_COUNTY, UP_PROVINCE, RecordType, UnitOfWork, down
from node.registry.records import REGISTERED
from tests.fixtures.offices import Office, person, written
from tiers import Level, RegionCode, Role

COUNTY, TOWNSHIP, VILLAGE = "410122000000", "410122101000", "410122101205"
FACT = REGISTERED


@pytest.fixture
def office(migrated_url: str) -> Iterator[Office]:
    made = Office(RegionCode(COUNTY), make_engine(migrated_url, Keyring.generate()))
    yield made
    made.engine.dispose()


def village(code: str = VILLAGE, name: str = "荣庄村") -> DivisionRow:
    return DivisionRow(code=code, name=name, level="village")


def names(office: Office) -> list[str]:
    with office.work() as uow:
        return list(uow.session.scalars(select(DivisionRow.name)))  # type: ignore[call-overload]


def tell(uow: UnitOfWork, key: str) -> None:
    uow.publish_fact(FACT, key, {"n": 1}, region=RegionCode(VILLAGE))


def test_a_commit_writes_the_change_and_its_records(office: Office) -> None:
    with office.work() as uow:
        uow.session.add(village())
        tell(uow, "one")
    assert names(office) == ["荣庄村"]
    assert [(a.record.key, a.origin, a.route) for a in written(office)] == [
        ("one", COUNTY, UP_PROVINCE),
        ("one", COUNTY, down(VILLAGE)),
    ]


def test_a_rollback_leaves_neither_the_change_nor_a_record(office: Office) -> None:
    def fail(uow: UnitOfWork) -> None:
        uow.session.add(village())
        tell(uow, "one")
        uow.flush_records()
        raise NotFound("没有这个村")

    with pytest.raises(NotFound), office.work() as uow:
        fail(uow)
    assert names(office) == []
    assert written(office) == []


def test_a_change_the_database_refuses_takes_its_records_along(office: Office) -> None:
    with office.work() as uow:
        uow.session.add(village())
    with pytest.raises(IntegrityError), office.work() as uow:  # noqa: PT012  # raised at the end
        tell(uow, "one")
        uow.session.add(village(name="同号村"))
    assert names(office) == ["荣庄村"]
    assert written(office) == []


def test_records_lie_in_the_order_they_were_published_under_one_transaction(
    office: Office,
) -> None:
    with office.work(person("王审批", COUNTY, Role.APPROVER)) as uow:
        for key in ("c", "a", "b"):
            tell(uow, key)
        uow.publish(FACT, "d", {}, region=RegionCode(VILLAGE), routes=[UP_PROVINCE])
        actor = uow.actor.id
    told = written(office)
    assert [a.record.key for a in told] == ["c", "c", "a", "a", "b", "b", "d"]
    assert {a.record.actor for a in told} == {actor}
    with office.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT DISTINCT txn FROM sync_outbox").all()
    assert len(rows) == 1


def test_a_line_in_the_outbox_is_sealed(office: Office) -> None:
    with office.work() as uow:
        uow.publish_fact(FACT, "one", {"name": "赵样本"}, region=RegionCode(VILLAGE))
    with office.engine.connect() as connection:
        (line, *_rest) = connection.exec_driver_sql("SELECT line FROM sync_outbox").scalars()
    assert "赵样本".encode() not in bytes(line)
    assert written(office)[0].record.body == {"name": "赵样本"}


@pytest.mark.parametrize(
    ("kind", "region", "route", "origin", "said"),
    [
        ("policy.published", VILLAGE, DOWN_ALL, VILLAGE, "只能由省级、市级、县级签发"),
        ("person.registered", VILLAGE, UP_PROVINCE, VILLAGE, "只能由县级签发"),
        ("person.registered", "410181100201", UP_PROVINCE, COUNTY, "不在其辖区内"),
        ("person.registered", VILLAGE, UP_COUNTY, COUNTY, "不能经"),
        ("no.such.kind", VILLAGE, UP_PROVINCE, COUNTY, "没有任何一级"),
        ("person.registered", VILLAGE, down("410122102201"), COUNTY, "无关"),
    ],
)
def test_the_writer_refuses_what_nobody_above_would_take(  # noqa: PLR0917  # one row of the table
    office: Office, kind: str, region: str, route: str, origin: str, said: str
) -> None:
    with office.work() as uow:
        uow.session.add(village())
        with pytest.raises(PermissionError, match=said):
            uow.publish(
                RecordType(kind),
                "one",
                {},
                region=RegionCode(region),
                routes=[UP_PROVINCE, route] if kind == FACT.name else [route],
                origin=RegionCode(origin),
            )
    assert written(office) == []  # not even by the route that would have been right


def test_what_was_read_stays_readable_after_a_refusal(office: Office) -> None:
    """A page that shows the form again reads what was loaded before the rollback."""
    with office.work() as uow:
        uow.session.add(village())

    def refuse(uow: UnitOfWork) -> None:
        seen.append(uow.get(DivisionRow, VILLAGE))
        raise NotFound("没有")

    seen: list[DivisionRow] = []
    with pytest.raises(NotFound), office.work() as uow:
        refuse(uow)
    assert seen[0].name == "荣庄村"


def test_what_is_not_here_is_refused_in_words(office: Office) -> None:
    with office.work() as uow, pytest.raises(NotFound, match="可能还没有同步到本节点") as refusal:
        uow.get(DivisionRow, "410122101206")
    assert refusal.value.status == 404


def test_a_unit_of_work_knows_its_day_and_its_tier(office: Office) -> None:
    office.now = datetime(2025, 12, 31, 16, 0, tzinfo=UTC)
    with office.work() as uow:
        assert uow.today == date(2026, 1, 1)
        assert uow.level is Level.COUNTY


def test_two_writers_queue_instead_of_failing_half_way(office: Office) -> None:
    """On SQLite a reader that becomes a writer would be refused at once."""
    inside = threading.Event()

    def add(name: str, code: str) -> None:
        with office.work() as uow:
            known = uow.session.scalars(select(DivisionRow)).all()
            inside.set()
            uow.session.add(village(code, f"{name}{len(known)}"))

    first, second = (
        threading.Thread(target=add, args=(name, code))
        for name, code in (("甲", VILLAGE), ("乙", "410122101206"))
    )
    first.start()
    assert inside.wait(30)
    second.start()
    for thread in (first, second):
        thread.join()
    assert len(names(office)) == 2


def test_a_second_sqlite_writer_is_kept_waiting_from_its_first_statement(
    migrated_sqlite_url: str,
) -> None:
    patient = make_engine(migrated_sqlite_url, Keyring.generate())
    hasty = make_engine(migrated_sqlite_url, Keyring.generate())
    with hasty.connect() as connection:
        connection.exec_driver_sql("PRAGMA busy_timeout=0")
        connection.rollback()
    with writing(patient):
        with pytest.raises(OperationalError, match="locked"), _at_once(hasty):
            pass
        with hasty.connect() as reader:  # who only reads never waits
            assert reader.scalars(select(DivisionRow.code)).all() == []  # type: ignore[call-overload]
    for engine in (patient, hasty):
        engine.dispose()


def _at_once(engine: Engine) -> object:
    return writing(engine)
