"""The ledger: what is booked stays, what does not balance is refused, replicas are equal."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError

from node.accounts.balances import balances
from node.accounts.chart import CONTROL, Kind
from node.accounts.ledger import Entry, Head, Line, NewPosting, book, lines_for, reverse
from node.accounts.models import Account, JournalEntry, JournalLine, Posting
from node.accounts.periods import lock_month
from node.accounts.sources import Source
from node.accounts.verify import verify
from node.core.errors import Conflict, Forbidden, Invalid, NotFound
from tests.fixtures.county import (
    COUNTY,
    OTHER_VILLAGE,
    PROVINCE,
    VILLAGE,
    County,
    closing,
    open_county,
)
from tests.fixtures.offices import Office, carry, open_office
from tests.fixtures.schema import sqlite_copy

MARCH = date(2025, 3, 5)
HEAD = Head(Kind.CONTRIBUTION, MARCH, "batch", "B1", "缴费入账")
FULL = Entry(HEAD, [])

INTO_ENTRY = """
    INSERT INTO journal_entry (county_code, entry_no, kind, business_date, booked_at, trace_kind,
        trace, memo, actor_id)
    VALUES (:county, :entry, 'contribution', '2025-03-05', '2025-03-05 08:00:00', 'batch', 'x', '',
        'x')
"""
INTO_LINE = """
    INSERT INTO journal_line (county_code, entry_no, line_no, gl_account, fen)
    VALUES (:county, :entry, :line, :account, :fen)
"""
INTO_POSTING = """
    INSERT INTO posting (county_code, entry_no, line_no, account_no, village, source, kind, fen,
        year, month, for_year, business_date)
    VALUES (:county, :entry, :line, 1, '410122100201', 'individual', 'contribution', :fen, 2025, 3,
        2025, '2025-03-05')
"""


@pytest.fixture
def county(migrated_url: str) -> Iterator[County]:
    found = open_county(migrated_url)
    with closing(found.office):
        yield found.on(MARCH)


def paid(account_no: int, fen: int = 20_000, *, village: str = VILLAGE) -> NewPosting:
    return NewPosting(
        account_no=account_no,
        village=village,
        source=Source.INDIVIDUAL,
        kind=Kind.CONTRIBUTION,
        fen=fen,
        business_date=MARCH,
        for_year=2025,
    )


def booked(county: County, *moved: NewPosting) -> int:
    with county.work() as uow:
        return book(uow, replace(FULL, lines=lines_for(moved), postings=moved))


def execute(county: County, *statements: tuple[str, dict[str, object]]) -> None:
    with county.work() as uow:
        for sql, values in statements:
            uow.connection.execute(text(sql), {"county": COUNTY, **values})


def test_a_voucher_posts_to_the_accounts_and_their_control_account(county: County) -> None:
    one, two = county.enrol(date(1980, 1, 1), date(1981, 1, 1))
    booked(county, paid(one), paid(two, 50_000))
    with county.work() as uow:
        lines = uow.session.scalars(select(JournalLine)).all()
        assert {line.gl_account: line.fen for line in lines} == {
            "income_account": 70_000,
            CONTROL: -70_000,
        }
        assert balances(uow, [one, two]) == {
            one: {Source.INDIVIDUAL: 20_000},
            two: {Source.INDIVIDUAL: 50_000},
        }
        assert all(found.ok for found in verify(uow))


@pytest.mark.parametrize("table", ["posting", "journal_entry", "journal_line"])
@pytest.mark.parametrize("change", ["UPDATE {} SET entry_no = 99", "DELETE FROM {}"])
def test_the_database_refuses_to_change_what_is_booked(
    county: County, table: str, change: str
) -> None:
    booked(county, paid(*county.enrol(date(1980, 1, 1))))
    with pytest.raises(IntegrityError, match="只增不改"):
        execute(county, (change.format(table), {}))


def test_postgres_refuses_to_empty_the_books_at_once(migrated_postgres_url: str) -> None:
    county = open_county(migrated_postgres_url).on(MARCH)
    with closing(county.office):
        booked(county, paid(*county.enrol(date(1980, 1, 1))))
        with pytest.raises(IntegrityError, match="只增不改"):
            execute(county, ("TRUNCATE posting", {}))


ENTRY, LINE = {"entry": 9}, {"entry": 9, "line": 1, "account": "income_account", "fen": 500}
CREDIT = {"entry": 9, "line": 2, "account": CONTROL, "fen": -500}
OFF = {"entry": 9, "line": 2, "account": CONTROL, "fen": -400}
POSTED = {"entry": 9, "line": 1, "fen": 500}


@pytest.mark.parametrize(
    ("statements", "why"),
    [
        ([(INTO_LINE, LINE), (INTO_LINE, OFF), (INTO_ENTRY, ENTRY)], "借贷不平"),
        ([(INTO_ENTRY, ENTRY)], "借贷不平"),
        ([(INTO_LINE, LINE), (INTO_LINE, CREDIT), (INTO_ENTRY, ENTRY)], "控制科目"),
        ([(INTO_POSTING, POSTED)], "没有对应的凭证"),
        ([(INTO_LINE, LINE), (INTO_LINE, CREDIT), (INTO_POSTING, POSTED)], "(?i)foreign key"),
        ([(INTO_POSTING, {**POSTED, "entry": 1, "line": 2})], "已经记账"),
        ([(INTO_LINE, {**LINE, "entry": 1, "line": 3})], "已经记账"),
    ],
    ids=["unbalanced", "empty", "not posted", "no lines", "no head", "late posting", "late line"],
)
def test_the_database_commits_no_voucher_that_is_not_whole(
    county: County, statements: list[tuple[str, dict[str, object]]], why: str
) -> None:
    assert booked(county, paid(*county.enrol(date(1980, 1, 1)))) == 1
    with pytest.raises(IntegrityError, match=why):
        execute(county, *statements)


def test_the_database_takes_a_whole_voucher(county: County) -> None:
    booked(county, paid(*county.enrol(date(1980, 1, 1))))
    execute(
        county,
        (INTO_LINE, LINE),
        (INTO_LINE, CREDIT),
        (INTO_POSTING, POSTED),
        (INTO_ENTRY, ENTRY),
    )
    with county.work() as uow:
        assert uow.session.get(JournalEntry, (COUNTY, 9))


def test_a_voucher_that_does_not_balance_is_refused_in_words(county: County) -> None:
    (account,) = county.enrol(date(1980, 1, 1))
    off = [Line("income_account", 20_000), Line(CONTROL, -19_000)]
    with pytest.raises(Invalid, match=r"借贷不平，相差 10\.00 元"), county.work() as uow:
        book(uow, replace(FULL, lines=off, postings=[paid(account)]))
    other = [Line("income_account", 100), Line(CONTROL, -100)]
    with pytest.raises(Invalid, match="控制科目"), county.work() as uow:
        book(uow, replace(FULL, lines=other, postings=[paid(account)]))


def test_only_open_accounts_of_this_county_are_posted_to(county: County) -> None:
    (account,) = county.enrol(date(1980, 1, 1))
    with pytest.raises(NotFound, match="没有这个个人账户"):
        booked(county, paid(account + 1))
    with county.work() as uow:
        uow.get(Account, COUNTY, account).closed_on = MARCH
    with pytest.raises(Conflict, match="已经注销"):
        booked(county, paid(account))


def test_a_province_keeps_no_accounts(migrated_url: str) -> None:
    province = open_office(migrated_url, PROVINCE)
    with closing(province), pytest.raises(Forbidden, match="县级"), province.work() as uow:
        book(uow, replace(FULL, lines=lines_for([paid(1)]), postings=[paid(1)]))


def test_a_refused_voucher_gives_its_number_back(county: County) -> None:
    (account,) = county.enrol(date(1980, 1, 1))
    with pytest.raises(Invalid, match="余额不足"):
        booked(county, paid(account, -1))
    assert booked(county, paid(account)) == 1


def test_a_reversal_mirrors_the_posting_once(county: County) -> None:
    (account,) = county.enrol(date(1980, 1, 1))
    number = booked(county, paid(account), paid(account, 30_000))
    with county.work(county.accountant) as uow:
        mirror = reverse(uow, number, 2, reason="重复记账")
        assert (mirror.fen, mirror.kind, mirror.reverses_entry) == (-30_000, "reversal", number)
        lines = select(JournalLine).where(JournalLine.entry_no == mirror.entry_no)
        assert {line.gl_account: line.fen for line in uow.session.scalars(lines)} == {
            "income_account": -30_000,
            CONTROL: 30_000,
        }
    with pytest.raises(Conflict, match="已经冲销"), county.work(county.accountant) as uow:
        reverse(uow, number, 2, reason="又点了一次")
    with pytest.raises(Invalid, match="不能再冲销"), county.work(county.accountant) as uow:
        reverse(uow, mirror.entry_no, 1, reason="反悔")
    with pytest.raises(Invalid, match="冲销原因"), county.work(county.accountant) as uow:
        reverse(uow, number, 1, reason=" ")
    with pytest.raises(Forbidden, match="会计"), county.work(county.approver) as uow:
        reverse(uow, number, 1, reason="不是会计")
    with county.work() as uow:
        assert balances(uow, [account])[account] == {Source.INDIVIDUAL: 20_000}
        assert all(found.ok for found in verify(uow))


def test_nothing_can_be_taken_back_that_is_no_longer_there(county: County) -> None:
    (account,) = county.enrol(date(1980, 1, 1))
    first = booked(county, paid(account))
    booked(county, paid(account, -15_000))
    with (
        pytest.raises(Invalid, match=r"余额不足，记账后为 −150\.00 元"),
        county.work(county.accountant) as uow,
    ):
        reverse(uow, first, 1, reason="收款有误")


def rows(office: Office, table: type, *, village: str = "") -> list[tuple[object, ...]]:
    columns = table.__table__.c  # type: ignore[attr-defined]
    statement = select(*columns).order_by(*table.__table__.primary_key)  # type: ignore[attr-defined]
    if village:
        statement = statement.where(columns.village == village)
    with office.work(writing=False) as uow:
        return [tuple(row) for row in uow.connection.execute(statement)]


def test_province_and_village_hold_what_the_county_holds(
    county: County, migrated_sqlite: Path, tmp_path: Path
) -> None:
    village, province = (
        open_office(sqlite_copy(migrated_sqlite, tmp_path / f"{code}.sqlite"), code, grades=())
        for code in (VILLAGE, PROVINCE)
    )
    with closing(village, province):
        (here,) = county.enrol(date(1980, 1, 1))
        (there,) = county.enrol(date(1981, 1, 1), village=OTHER_VILLAGE)
        number = booked(county, paid(here), paid(there, village=OTHER_VILLAGE))
        with county.work(county.accountant) as uow:
            reverse(uow, number, 1, reason="重复记账")

        carry(county.office, province, village, keep=True)
        carry(county.office, province, village)

        for table in (Account, Posting, JournalEntry, JournalLine):
            assert rows(province, table) == rows(county.office, table)
        for table in (Account, Posting):
            mine = rows(county.office, table, village=VILLAGE)
            assert mine
            assert rows(village, table) == mine
        assert rows(village, JournalEntry) == rows(county.office, JournalEntry)
        with province.work() as uow:
            assert all(found.ok for found in verify(uow))
        with village.work() as uow:
            assert all(found.ok for found in verify(uow))


TAMPERED = {
    "a fen": "UPDATE posting SET fen = fen + 1 WHERE line_no = 1",
    "another account": "UPDATE posting SET account_no = 3 - account_no",
    "another village": "UPDATE posting SET village = '410122100203' WHERE line_no = 1",
    "another word": "UPDATE journal_entry SET memo = '改过'",
    "another day": "UPDATE journal_entry SET business_date = '2025-03-06'",
    "both sides": "UPDATE journal_line SET fen = fen * 2",
}


def test_a_replica_proves_that_its_closed_months_are_the_countys_to_the_byte(
    migrated_sqlite: Path, tmp_path: Path, migrated_sqlite_url: str
) -> None:
    """City and province alike; whatever is changed in their store, `verify` says so."""
    county = open_county(migrated_sqlite_url).on(MARCH)
    province, city = (
        open_office(sqlite_copy(migrated_sqlite, tmp_path / f"{code}.sqlite"), code, grades=())
        for code in (PROVINCE, "410100000000")
    )
    with closing(county.office, province, city):
        one, two = county.enrol(date(1980, 1, 1), date(1981, 1, 1))
        booked(county, paid(one), paid(two))
        county.on(date(2025, 4, 1))
        with county.work(county.accountant) as uow:
            assert lock_month(uow, 2025, 3).digest
        carry(county.office, province, city)
        for office in (province, city):
            with office.work() as uow:
                assert [found.name for found in verify(uow) if not found.ok] == []
        with province.work() as uow:
            for table in ("posting", "journal_entry", "journal_line"):
                uow.connection.exec_driver_sql(f"DROP TRIGGER {table}_no_update")
        for change in TAMPERED.values():
            assert "已结账月份与结账时逐字一致" in wrong_after(province, change), change


def wrong_after(office: Office, change: str) -> set[str]:
    """What `verify` finds wrong after a change, which is then undone."""
    with office.work() as uow:
        savepoint = uow.session.begin_nested()
        uow.connection.exec_driver_sql(change)
        wrong = {found.name for found in verify(uow) if not found.ok}
        savepoint.rollback()
    return wrong
