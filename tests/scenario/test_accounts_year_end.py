"""Year-end interest: two people, once, for everybody; settlements inside the year."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from io import BytesIO
from pathlib import Path

import pytest
from pypdf import PdfReader
from sqlalchemy import func, select

from node.accounts.balances import balances, control_balance
from node.accounts.models import AccountClosing, AccountSettlement, InterestRun, Posting
from node.accounts.service import account as account_at
from node.accounts.settlement import settle_accounts
from node.accounts.sources import Source
from node.accounts.statement import statement, years_of
from node.accounts.statement_paper import Letterhead, village_statements
from node.accounts.verify import verify
from node.accounts.year_end import (
    approve_year_end,
    close_year,
    request_year_end,
    trial,
    try_last_year,
)
from node.contributions.service import confirm_payments, pay_subsidies
from node.core.divisions import Places
from node.core.errors import Conflict, Forbidden, Invalid, NotFound, Unavailable
from node.core.work import UnitOfWork
from node.policy.models import Bulletin
from tests.fixtures.county import (
    COUNTY,
    OTHER_VILLAGE,
    PROVINCE,
    VILLAGE,
    County,
    closing,
    open_county,
    payments,
    publish_rate,
)
from tests.fixtures.offices import Office, carry, open_office
from tests.fixtures.schema import sqlite_copy
from tiers import RegionCode

NEW_YEAR = date(2026, 1, 5)


@pytest.fixture
def county(migrated_url: str) -> Iterator[County]:
    """Two people have paid in March 2025; it is January and the rate of 2025 is here."""
    found = open_county(migrated_url)
    with closing(found.office):
        accounts = found.enrol(date(1980, 1, 1), date(1981, 1, 1))
        found.on(NEW_YEAR)
        publish_rate(found, 2025)
        pay(found, accounts)
        yield found


def pay(county: County, accounts: list[int], **over: object) -> None:
    with county.work(county.accountant) as uow:
        outcomes = confirm_payments(uow, payments(accounts, **over))
    assert [each.reason for each in outcomes] == [""] * len(accounts)


def test_a_year_is_tried_by_one_person_and_posted_by_another(county: County) -> None:
    with county.work(county.accountant) as uow:
        request = request_year_end(uow, 2025)
        # 200 yuan in March earn nine months at 2.75 %: 4.125, half up
        assert (request.accounts, request.interest_fen) == (2, 2 * 413)
    with pytest.raises(Forbidden, match="审批员"), county.work(county.accountant) as uow:
        approve_year_end(uow, 2025)
    with county.work(county.approver) as uow:
        run = approve_year_end(uow, 2025)
        assert (run.accounts, run.interest_fen) == (2, 826)
        assert run.closing_fen == control_balance(uow, county=RegionCode(COUNTY)) == 40_826
        assert all(found.ok for found in verify(uow))


def test_nobody_posts_a_year_that_was_not_tried(county: County) -> None:
    with pytest.raises(NotFound, match="还没有试算"), county.work(county.approver) as uow:
        approve_year_end(uow, 2025)
    with pytest.raises(Forbidden, match="会计"), county.work(county.approver) as uow:
        request_year_end(uow, 2025)


def test_a_trial_that_no_longer_holds_must_be_made_again(county: County) -> None:
    with county.work(county.accountant) as uow:
        request_year_end(uow, 2025)
    pay(county, county.enrol(date(1990, 5, 5)), paid_on=date(2025, 12, 30))
    with pytest.raises(Conflict, match="重新试算"), county.work(county.approver) as uow:
        approve_year_end(uow, 2025)
    with county.work() as uow:
        assert uow.session.get(InterestRun, (COUNTY, 2025)) is None


def test_a_second_run_posts_nothing_new(county: County) -> None:
    with county.work() as uow:
        first = close_year(uow, 2025)
    with county.work() as uow:
        again = close_year(uow, 2025)
        assert again.entry_no == first.entry_no
        posted = select(func.count()).select_from(Posting).where(Posting.kind == "interest")
        assert uow.session.scalar(posted) == 2
    with pytest.raises(Conflict, match="已经结息"), county.work() as uow:
        trial(uow, 2025)


def test_without_a_rate_nothing_happens_and_says_so(county: County) -> None:
    with county.work() as uow:
        close_year(uow, 2025)
    county.on(date(2027, 1, 5))
    pay(county, county.enrol(date(1990, 5, 5)), paid_on=date(2026, 5, 6), for_year=2026)
    with pytest.raises(Unavailable, match="省级还没有公布2026年记账利率"), county.work() as uow:
        close_year(uow, 2026)
    with county.work() as uow:
        assert "还没有公布2026年" in try_last_year(uow)
        closed = select(func.count()).select_from(AccountClosing).where(AccountClosing.year == 2026)
        assert uow.session.scalar(closed) == 0


def test_a_year_is_closed_after_it_has_ended_and_in_its_turn(county: County) -> None:
    with pytest.raises(Invalid, match="还没有结束"), county.work() as uow:
        close_year(uow, 2026)
    county.on(date(2027, 1, 5))
    publish_rate(county, 2026)
    with pytest.raises(Invalid, match="请先完成 2025 年度结息"), county.work() as uow:
        close_year(uow, 2026)


def test_nothing_is_booked_into_a_closed_year(county: County) -> None:
    with county.work() as uow:
        close_year(uow, 2025)
    accounts = county.enrol(date(1990, 5, 5))
    with county.work(county.accountant) as uow:
        (refused,) = confirm_payments(uow, payments(accounts))
    assert refused.reason == "2025 年度已经结息，不能再记入该年度"


def test_the_job_tries_the_year_once_its_rate_is_here(county: County) -> None:
    with county.work() as uow:
        assert try_last_year(uow) == "2025 年度试算：2 户，利息 8.26 元，待审批"
    with county.work() as uow:
        assert try_last_year(uow) == "2025 年度已经试算或结息"


def test_the_next_year_begins_with_the_closing_of_the_last(county: County) -> None:
    with county.work() as uow:
        close_year(uow, 2025)
    county.on(date(2027, 1, 5))
    publish_rate(county, 2026, ppm=30_000)
    with county.work() as uow:
        run = close_year(uow, 2026)
        assert run.interest_fen == 2 * 612  # 204.13 × 3 % = 6.1239
        assert balances(uow, [1])[1] == {Source.INDIVIDUAL: 21_025}
        assert all(found.ok for found in verify(uow))


def test_a_statement_explains_every_fen(county: County) -> None:
    with county.work() as uow:
        close_year(uow, 2025)
    with county.work() as uow:
        account = account_at(uow, RegionCode(COUNTY), 1)
        found = statement(uow, account, 2025)
        assert years_of(uow, account) == [2026, 2025]
        paid, earned = found.lines
        assert (paid.summary, paid.fen, paid.balance) == ("2025 年度缴费", 20_000, 20_000)
        assert (earned.summary, earned.fen, earned.balance) == ("年度计息", 413, 20_413)
        assert earned.note == "积数 1,800.00 元·月 × 2.75% ÷ 12 = 4.1250，四舍五入到分"
        assert earned.basis.startswith("豫人社示例")
        (source,) = found.sources
        assert (source.opening, source.movement, source.interest) == (0, 20_000, 413)
        carried = statement(uow, account, 2026).lines[0]
        assert (carried.summary, carried.fen, carried.balance) == ("上年结转", None, 20_413)


def test_money_that_moves_with_the_month_itself_earns_one_month_more(migrated_url: str) -> None:
    county = open_county(migrated_url)
    with closing(county.office):
        accounts = county.enrol(date(1980, 1, 1))
        county.on(NEW_YEAR)
        publish_rate(county, 2025, lag=0)
        pay(county, accounts)
        with county.work() as uow:
            assert close_year(uow, 2025).interest_fen == 458  # ten months: 4.5833


def test_an_account_settled_inside_the_year_goes_on_from_there(county: County) -> None:
    with county.work() as uow:
        close_year(uow, 2025)
    county.on(date(2026, 9, 1))
    publish_rate(county, 2026, ppm=30_000)
    with county.work() as uow:
        settled = settle_accounts(uow, [1], year=2026, through=8, trace="case")
        # 204.13 × 8 months × 3 % ÷ 12 = 4.0826
        assert settled == {1: {Source.INDIVIDUAL: 20_821}}
    with county.work() as uow:
        again = settle_accounts(uow, [1], year=2026, through=8, trace="case")
        assert again == settled
        assert uow.session.scalar(select(func.count()).select_from(AccountSettlement)) == 1
    with pytest.raises(Conflict, match="已经结息至 8 月"), county.work() as uow:
        settle_accounts(uow, [1], year=2026, through=7, trace="case")
    county.on(date(2027, 1, 5))
    with county.work() as uow:
        close_year(uow, 2026)
        # 208.21 × 4 months × 3 % ÷ 12 = 2.0821; the other account: 204.13 × 3 % = 6.1239
        assert balances(uow, [1, 2]) == {
            1: {Source.INDIVIDUAL: 21_029},
            2: {Source.INDIVIDUAL: 21_025},
        }
        assert all(found.ok for found in verify(uow))
        found = statement(uow, account_at(uow, RegionCode(COUNTY), 1), 2026)
        notes = [line.note for line in found.lines if line.note]
        assert notes[0].startswith("结至 8 月，积数 1,633.04 元·月 × 3.00% ÷ 12 = 4.0826")
        assert notes[1].startswith("积数 832.84 元·月")
        assert [
            (each.title, [(term.label, term.months) for term in each.terms], each.adds_up)
            for each in found.workings
        ] == [
            ("结至 8 月", [("年初余额", 8)], True),
            ("年末", [("8 月结息后余额", 4)], True),
        ]


def test_a_settlement_before_the_last_year_is_closed_settles_that_year_first(
    county: County,
) -> None:
    with county.work() as uow:
        settled = settle_accounts(uow, [1], year=2026, through=1, trace="case")
        # 2025 at its own rate: 204.13; January at the last published one: 204.13 × 2.75 % ÷ 12
        assert settled == {1: {Source.INDIVIDUAL: 20_460}}
    with county.work() as uow:
        run = close_year(uow, 2025)
        assert run.interest_fen == 413  # the other account; the first had its own
        closed = uow.session.get(AccountClosing, (COUNTY, 2025, 1, "individual"))
        assert closed is not None
        assert (closed.movement_fen, closed.interest_fen, closed.closing_fen) == (20_413, 0, 20_413)
        assert all(found.ok for found in verify(uow))


def test_an_empty_account_needs_no_rate_to_be_settled(migrated_url: str) -> None:
    county = open_county(migrated_url)
    with closing(county.office):
        (account,) = county.enrol(date(1980, 1, 1))
        with county.work() as uow:
            assert settle_accounts(uow, [account], year=2025, through=3, trace="x") == {account: {}}


def closings(office: Office, *, village: str = "") -> list[tuple[object, ...]]:
    columns = AccountClosing.__table__.c  # type: ignore[attr-defined]
    statement = select(*columns).order_by(columns.year, columns.account_no, columns.source)
    if village:
        statement = statement.where(columns.village == village)
    with office.work(writing=False) as uow:
        return [tuple(row) for row in uow.connection.execute(statement)]


def test_province_and_village_hold_the_closings_and_can_explain_them(
    county: County, migrated_sqlite: Path, tmp_path: Path
) -> None:
    village, province = (
        open_office(sqlite_copy(migrated_sqlite, tmp_path / f"{code}.sqlite"), code, grades=())
        for code in (VILLAGE, PROVINCE)
    )
    with closing(village, province):
        pay(county, county.enrol(date(1990, 5, 5), village=OTHER_VILLAGE))
        with county.work(county.accountant) as uow:
            pay_subsidies(uow, 2025, arrived_on=date(2025, 12, 20))
        with county.work() as uow:
            settle_accounts(uow, [2], year=2025, through=11, trace="case")
            close_year(uow, 2025)

        carry(county.office, province, village, keep=True)
        carry(county.office, province, village)

        assert closings(province) == closings(county.office)
        mine = closings(county.office, village=VILLAGE)
        assert mine
        assert closings(village) == mine
        for office in (province, village):
            with office.work() as uow:
                assert [found.name for found in verify(uow) if not found.ok] == []
                held = balances(uow, [1, 2], county=RegionCode(COUNTY))
            with county.work() as uow:
                assert held == balances(uow, [1, 2])
        with village.work() as uow:
            found = statement(uow, account_at(uow, RegionCode(COUNTY), 1), 2025)
            assert found.lines[-1].note.startswith("积数")
        know_bulletins(village, of=county.office)
        assert printed(village) == printed(county.office)
        assert [page.count("410122-0000000") for page in printed(village)] == [1, 1]


def know_bulletins(office: Office, *, of: Office) -> None:
    """The bulletins of one office lie at another too, as they come down everywhere."""
    with of.work(writing=False) as here, office.work() as there:
        for bulletin in here.session.scalars(select(Bulletin)):
            there.session.add(Bulletin(**bulletin.model_dump()))


def printed(office: Office) -> list[str]:
    """The statements of the village as this office prints them, a page each.

    They come as they are made: the first is complete before the last person is read.
    """
    head = Letterhead("荣庄村委会", "2026-01-05", Places({}, {}))
    read: list[int] = []

    @contextmanager
    def work() -> Iterator[UnitOfWork]:
        with office.work(writing=False) as uow:
            yield uow
            read.append(1)

    sent = village_statements(work, head, RegionCode(VILLAGE), 2025)
    first = next(sent) + next(sent)
    assert b"stream" in first
    assert read == []
    whole = first + b"".join(sent)
    return [page.extract_text() for page in PdfReader(BytesIO(whole)).pages]
