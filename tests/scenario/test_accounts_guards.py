"""The database itself refuses what a ledger must never hold, whoever writes to it in SQL."""

from collections.abc import Iterator
from datetime import date

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from node.accounts.chart import CONTROL, Kind
from node.accounts.ledger import Entry, Head, NewPosting, book, lines_for
from node.accounts.periods import is_locked, lock_month, periods, reopen_month
from node.accounts.records import PERIOD
from node.accounts.service import close_accounts
from node.accounts.sources import Source
from node.accounts.year_end import close_year
from node.core.errors import Conflict, Forbidden, Invalid
from tests.fixtures.county import COUNTY, VILLAGE, County, closing, open_county, publish_rate
from tiers import RegionCode

MARCH = date(2025, 3, 5)
APRIL = date(2025, 4, 2)


@pytest.fixture
def county(migrated_url: str) -> Iterator[County]:
    """Account 1 holds 200.00 since March, account 2 nothing; it is April."""
    found = open_county(migrated_url)
    with closing(found.office):
        found.on(MARCH).enrol(date(1980, 1, 1), date(1981, 1, 1))
        pay(found, MARCH)
        yield found.on(APRIL)


def pay(county: County, on: date, fen: int = 20_000, *, kind: Kind = Kind.CONTRIBUTION) -> int:
    moved = NewPosting(1, VILLAGE, Source.INDIVIDUAL, kind, fen, on, on.year)
    with county.work() as uow:
        return book(uow, Entry(Head(kind, on, "batch", "B1", ""), lines_for([moved]), [moved]))


def write_voucher(
    county: County,
    *,
    on: str = "2025-04-01",
    account: int = 1,
    fen: int = 500,
    year: int = 2025,
    source: str = "individual",
    trace: str = "B2",
) -> None:
    """A voucher with one posting as somebody would write it by hand."""
    given = {"county": COUNTY, "control": CONTROL, "on": date.fromisoformat(on), "at": on}
    given |= {"account": account, "fen": fen, "year": year, "source": source, "trace": trace}
    given |= {"village": VILLAGE, "minus": -fen, "month": int(on[5:7])}
    statements = (
        """INSERT INTO journal_line (county_code, entry_no, line_no, gl_account, fen)
           VALUES (:county, 90, 1, 'income_account', :fen), (:county, 90, 2, :control, :minus)""",
        """INSERT INTO posting (county_code, entry_no, line_no, account_no, village, source, kind,
             fen, year, month, for_year, business_date)
           VALUES (:county, 90, 1, :account, :village, :source, 'contribution', :fen, :year,
             :month, :year, :on)""",
        """INSERT INTO journal_entry (county_code, entry_no, kind, business_date, booked_at,
             trace_kind, trace, memo, actor_id)
           VALUES (:county, 90, 'contribution', :on, '2025-04-02 01:00:00', 'batch', :trace, '',
             'x')""",
    )
    with county.work() as uow:
        for sql in statements:
            uow.connection.execute(text(sql), given)


def test_a_voucher_that_breaks_nothing_is_taken(county: County) -> None:
    write_voucher(county)
    write = "UPDATE account SET person_id = person_id"
    with county.work() as uow:
        uow.connection.execute(text(write))


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"fen": -20_001}, "余额不足"),
        ({"fen": -1, "source": "collective"}, "余额不足"),
        ({"fen": -1, "account": 2}, "余额不足"),
        ({"account": 99}, "没有这个个人账户"),
        ({"year": 2024}, "记账年度与凭证不同"),
        ({"trace": ""}, "没有注明依据"),
    ],
    ids=["overdrawn", "other source", "other account", "no account", "other year", "no trace"],
)
def test_the_database_refuses_a_voucher_that_is_wrong(
    county: County, wrong: dict[str, object], why: str
) -> None:
    with pytest.raises(IntegrityError, match=why):
        write_voucher(county, **wrong)  # type: ignore[arg-type]


def test_the_last_fen_may_be_taken(county: County) -> None:
    write_voucher(county, fen=-20_000)


def test_nothing_is_posted_to_a_closed_account(county: County) -> None:
    with county.work() as uow:
        close_accounts(uow, [2], on=APRIL)
    with pytest.raises(IntegrityError, match="已经注销"):
        write_voucher(county, account=2)
    with pytest.raises(Conflict, match=r"还有余额 200\.00 元"), county.work() as uow:
        close_accounts(uow, [1], on=APRIL)


def test_nothing_is_booked_into_a_closed_month(county: County) -> None:
    with county.work(county.accountant) as uow:
        lock_month(uow, 2025, 3, trace="月结 2025-03")
    with pytest.raises(IntegrityError, match="该月已经结账"):
        write_voucher(county, on="2025-03-31")
    with pytest.raises(Invalid, match="2025 年 3 月已经结账"):
        pay(county, MARCH)
    write_voucher(county)
    assert pay(county, MARCH, 10, kind=Kind.SETTLEMENT)  # dated by its rule
    for change in ("DELETE FROM period_lock", "UPDATE period_lock SET locked_at = '2020-01-01'"):
        with pytest.raises(IntegrityError, match="不能删除或改写"), county.work() as uow:
            uow.connection.execute(text(change))


def test_nothing_is_booked_into_a_settled_year_and_closings_stay(county: County) -> None:
    county.on(date(2026, 1, 5))
    publish_rate(county, 2025)
    with county.work() as uow:
        close_year(uow, 2025)
    with pytest.raises(IntegrityError, match="该年度已经结息"):
        write_voucher(county, on="2025-12-31")
    with pytest.raises(IntegrityError, match="余额不足"):
        write_voucher(county, on="2026-01-02", year=2026, fen=-20_414)
    write_voucher(county, on="2026-01-02", year=2026, fen=-20_413)
    for change in ("DELETE FROM account_closing", "UPDATE account_closing SET closing_fen = 1"):
        with pytest.raises(IntegrityError, match="只增不改"), county.work() as uow:
            uow.connection.execute(text(change))


def test_months_are_closed_in_order_after_they_end_and_reopened_by_another_person(
    county: County,
) -> None:
    with pytest.raises(Invalid, match="4 月还没有结束"), county.work(county.accountant) as uow:
        lock_month(uow, 2025, 4)
    county.on(date(2025, 5, 3))
    write_voucher(county)
    with pytest.raises(Invalid, match="请先结 2025 年 3 月"), county.work(county.accountant) as uow:
        lock_month(uow, 2025, 4)
    with county.work(county.accountant) as uow:
        first, again = lock_month(uow, 2025, 3), lock_month(uow, 2025, 3)
        assert (again, first.locked_by_name) == (first, "钱财务")
        lock_month(uow, 2025, 4)
    with pytest.raises(Invalid, match="请先反结 2025 年 4 月"), county.work(county.approver) as uow:
        reopen_month(uow, 2025, 3, reason="漏记一笔")
    with pytest.raises(Forbidden, match="审批"), county.work(county.accountant) as uow:
        reopen_month(uow, 2025, 4, reason="漏记一笔")
    with pytest.raises(Invalid, match="反结账原因"), county.work(county.approver) as uow:
        reopen_month(uow, 2025, 4, reason=" ")
    with county.work(county.approver) as uow:
        reopen_month(uow, 2025, 4, reason="漏记一笔")
        told = [each.record.key for each in uow.pending if each.record.type == PERIOD.name]
        assert told == [f"{COUNTY}-2025-4-1"]
    with county.work(county.accountant) as uow:
        assert (is_locked(uow, MARCH), is_locked(uow, APRIL)) == (True, False)
        found = periods(uow, county=RegionCode(COUNTY), year=2025)
        assert [(each.month, each.vouchers, each.fen) for each in found if each.vouchers] == [
            (3, 1, 20_000),
            (4, 1, 500),
        ]
        assert lock_month(uow, 2025, 4).turn == 2
    with pytest.raises(Conflict, match="没有结账"), county.work(county.approver) as uow:
        reopen_month(uow, 2025, 5, reason="没有结")
