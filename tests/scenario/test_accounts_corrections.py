"""What becomes known after a year was settled: the books come to what they would have been."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy.exc import IntegrityError
from sqlmodel import select

from node.accounts.balances import balances
from node.accounts.chart import Kind
from node.accounts.ledger import Entry, Head, NewPosting, book, lines_for, reverse
from node.accounts.models import InterestCorrection, JournalEntry, Posting, RateCorrection
from node.accounts.rate_corrections import (
    approve_rate_correction,
    request_rate_correction,
    waiting_rates,
)
from node.accounts.service import account as account_at
from node.accounts.settlement import settle_accounts
from node.accounts.sources import Source
from node.accounts.statement import statement
from node.accounts.verify import verify
from node.accounts.year_end import close_year
from node.core.errors import Conflict, Forbidden, Invalid
from tests.fixtures.county import (
    COUNTY,
    PROVINCE,
    VILLAGE,
    County,
    closing,
    open_county,
    publish_rate,
)
from tests.fixtures.offices import carry, open_office
from tests.fixtures.schema import sqlite_copy
from tiers import RegionCode

PAID = NewPosting(1, VILLAGE, Source.INDIVIDUAL, Kind.CONTRIBUTION, 20_000, date(2024, 3, 5), 2024)


@pytest.fixture
def county(migrated_url: str) -> Iterator[County]:
    found = open_county(migrated_url)
    with closing(found.office):
        found.enrol(date(1980, 1, 1), date(1981, 1, 1))
        publish_rate(found, 2024, ppm=30_000)
        publish_rate(found, 2025, ppm=20_000, lag=0)
        yield found


def post(county: County, *moved: NewPosting, on: date | None = None) -> int:
    day = on or moved[0].business_date
    with county.work() as uow:
        head = Head(Kind.CONTRIBUTION, day, "batch", "B", "银行回盘漏记")
        return book(uow, Entry(head, lines_for(moved), moved))


def live(county: County, *, known_late: bool, settle: bool = False) -> dict[int, dict[Source, int]]:
    """Two years of one account; 500.00 of July 2024 is known at once, or in March 2026 only."""
    missed = replace(PAID, fen=50_000, business_date=date(2024, 7, 20), source=Source.COLLECTIVE)
    post(county, PAID)
    if not known_late:
        post(county, missed)
    if settle:
        county.on(date(2024, 11, 1))
        with county.work() as uow:
            settle_accounts(uow, [1], year=2024, through=10, trace="case")
    post(county, replace(PAID, fen=30_000, business_date=date(2025, 5, 5)))
    county.on(date(2026, 1, 3))
    for year in (2024, 2025):
        with county.work() as uow:
            close_year(uow, year)
    county.on(date(2026, 3, 10))
    if known_late:
        post(county, missed, on=date(2026, 3, 10))
    publish_rate(county, 2026, ppm=25_000)
    county.on(date(2027, 1, 3))
    with county.work() as uow:
        close_year(uow, 2026)
        assert [each.detail for each in verify(uow) if not each.ok] == []
        account = account_at(uow, RegionCode(COUNTY), 1)
        for year in (2024, 2025, 2026):
            found = statement(uow, account, year)
            assert len(found.workings) >= len(found.sources)
            assert [each for each in found.workings if not each.adds_up] == []
        return balances(uow, [1])


@pytest.mark.parametrize("settle", [False, True], ids=["whole years", "settled inside"])
def test_a_posting_known_late_earns_as_if_it_had_been_known(
    migrated_sqlite: Path, tmp_path: Path, settle: bool
) -> None:
    found = []
    for late in (False, True):
        url = sqlite_copy(migrated_sqlite, tmp_path / f"{late}.sqlite")
        county = open_county(url)
        with closing(county.office):
            county.enrol(date(1980, 1, 1))
            publish_rate(county, 2024, ppm=30_000)
            publish_rate(county, 2025, ppm=20_000, lag=0)
            found.append(live(county, known_late=late, settle=settle))
    assert found[0] == found[1]
    assert found[0][1][Source.COLLECTIVE] > 50_000


def settled(county: County) -> int:
    number = post(county, PAID, replace(PAID, account_no=2))
    county.on(date(2026, 1, 3))
    for year in (2024, 2025):
        with county.work() as uow:
            close_year(uow, year)
    county.on(date(2026, 3, 10))
    return number


def test_a_reversal_of_an_earlier_year_takes_its_interest_back_and_says_why(
    county: County,
) -> None:
    number = settled(county)
    with county.work(county.accountant) as uow:
        mirror = reverse(uow, number, 1, reason="扣错人")
        assert (mirror.year, mirror.month, mirror.business_date) == (2026, 0, date(2024, 3, 5))
    with county.work() as uow:
        # 200.00 × 9 × 3 % ÷ 12 = 4.50; then 204.50 × 2 % = 4.09
        rows = uow.session.exec(select(InterestCorrection)).all()
        assert [(r.year, r.carried_fen, r.product_after, r.interest_before) for r in rows] == [
            (2024, 0, 0, 450),
            (2025, -20_450, 0, 409),
        ]
        assert [r.interest_after for r in rows] == [0, 0]
        assert balances(uow, [1, 2]) == {
            1: {Source.INDIVIDUAL: 0},
            2: {Source.INDIVIDUAL: 20_859},
        }
        entry = uow.get(JournalEntry, COUNTY, rows[0].entry_no)
        assert (entry.kind, entry.trace_kind, entry.trace) == (
            "correction",
            "entry",
            str(mirror.entry_no),
        )
        assert entry.memo == "更正以前年度利息：扣错人"
        account = account_at(uow, RegionCode(COUNTY), 1)
        (then,) = statement(uow, account, 2024).corrections
        assert then.words == (
            "2024 年度：积数 1,800.00 → 0.00 元·月，年利率 3.00%，"
            "利息 4.50 → 0.00 元，差额 −4.50 元"
        )
        now = statement(uow, account, 2026)
        assert [(line.summary, line.fen) for line in now.lines if line.fen] == [
            ("红字冲销", -20_000),
            ("2024 年度利息更正", -450),
            ("2025 年度利息更正", -409),
        ]
        assert [each.detail for each in verify(uow) if not each.ok] == []
    for change in ("DELETE FROM {}", "UPDATE {} SET interest_after = 1"):
        with pytest.raises(IntegrityError, match="只增不改"), county.work() as uow:
            uow.connection.exec_driver_sql(change.format("interest_correction"))


def test_a_correction_waits_for_the_last_year_to_be_settled(county: County) -> None:
    post(county, PAID)
    county.on(date(2025, 1, 3))
    with county.work() as uow:
        close_year(uow, 2024)
    post(county, replace(PAID, business_date=date(2025, 6, 1)))
    county.on(date(2026, 1, 3))
    with (
        pytest.raises(Invalid, match="请先完成 2025 年度结息"),
        county.work(county.accountant) as uow,
    ):
        reverse(uow, 1, 1, reason="扣错人")
    with county.work(county.accountant) as uow:  # of the year that is still open: dated in it
        mirror = reverse(uow, 3, 1, reason="扣错人")
        assert (mirror.year, mirror.month) == (2025, 6)


def test_a_rate_published_anew_is_tried_by_one_and_posted_by_another(county: County) -> None:
    settled(county)
    with pytest.raises(Conflict, match="没有变动"), county.work(county.accountant) as uow:
        request_rate_correction(uow, 2024)
    publish_rate(county, 2024, ppm=40_000)
    with county.work(county.accountant) as uow:
        assert [(each.year, each.was_ppm) for each in waiting_rates(uow)] == [(2024, 30_000)]
        request = request_rate_correction(uow, 2024)
        # 6.00 instead of 4.50, and 2 % of 1.50 = 0.03, for each of two accounts
        assert request.told == {"accounts": 2, "left_out": 0, "fen": 306}
    with county.work() as uow:
        assert uow.session.exec(select(RateCorrection)).all() == []
    with pytest.raises(Forbidden, match="审批"), county.work(county.accountant) as uow:
        approve_rate_correction(uow, request.id)
    with county.work(county.approver) as uow:
        done = approve_rate_correction(uow, request.id)
        assert (done.accounts, done.fen) == (2, 306)
    with pytest.raises(Conflict, match="已由周审批办理"), county.work(county.approver) as uow:
        approve_rate_correction(uow, request.id)
    with county.work() as uow:
        assert waiting_rates(uow) == []
        assert balances(uow, [1]) == {1: {Source.INDIVIDUAL: 20_859 + 153}}
        assert [each.detail for each in verify(uow) if not each.ok] == []


def test_province_and_village_hold_the_corrections(
    migrated_sqlite: Path, tmp_path: Path, migrated_sqlite_url: str
) -> None:
    county = open_county(migrated_sqlite_url)
    village, province = (
        open_office(sqlite_copy(migrated_sqlite, tmp_path / f"{code}.sqlite"), code, grades=())
        for code in (VILLAGE, PROVINCE)
    )
    with closing(county.office, village, province):
        county.enrol(date(1980, 1, 1), date(1981, 1, 1))
        publish_rate(county, 2024)
        publish_rate(county, 2025)
        number = settled(county)
        with county.work(county.accountant) as uow:
            reverse(uow, number, 1, reason="扣错人")
        publish_rate(county, 2024, ppm=40_000)
        with county.work(county.accountant) as uow:
            request = request_rate_correction(uow, 2024)
        with county.work(county.approver) as uow:
            approve_rate_correction(uow, request.id)
        carry(county.office, province, village, keep=True)
        carry(county.office, province, village)
        for office in (province, village):
            for table in (Posting, InterestCorrection, RateCorrection):
                columns = table.__table__.c  # type: ignore[attr-defined]
                rows = select(*columns).order_by(*table.__table__.primary_key)  # type: ignore[attr-defined]
                with office.work() as there, county.work() as here:
                    wanted = [tuple(row) for row in here.connection.execute(rows)]
                    assert wanted
                    assert [tuple(row) for row in there.connection.execute(rows)] == wanted
            with office.work() as uow:
                assert [each.detail for each in verify(uow) if not each.ok] == []
