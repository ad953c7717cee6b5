"""Year-end interest (年度结息) for every account of a county, in a handful of statements.

An accountant makes a trial run, somebody who may approve posts it: two people, two duties. Posting
is one transaction, so it is either done or not begun; a second run finds the first.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import func, select

from node.accounts import records
from node.accounts import settlement_sql as sql
from node.accounts.balances import closings, open_years
from node.accounts.bulk_facts import packed_columns
from node.accounts.chart import CONTROL, Kind, opposite
from node.accounts.ledger import Head, Line, begin, seal
from node.accounts.models import InterestRun, YearEndRequest
from node.accounts.rates import Rate, rate_of
from node.accounts.serials import own_county
from node.accounts.sources import Source
from node.accounts.verify import difference_to_control
from node.accounts.year_end_progress import Progress, Step
from node.accounts.year_end_progress import begin as begin_progress
from node.core.errors import Conflict, Invalid, NotFound, Refusal
from node.core.i18n import sentence
from node.core.money import percent, yuan
from node.core.work import UnitOfWork
from node.identity import require
from tiers import RegionCode, Role

FETCHED_RECORDS = 64


@dataclass(frozen=True, slots=True)
class Trial:
    """What a year-end settlement would come to (试算)."""

    year: int
    rate: Rate
    accounts: int
    interest_fen: int
    closing_fen: int


def trial(uow: UnitOfWork, year: int) -> Trial:
    """Compute a year without writing anything.

    Raises:
        Unavailable: the province has not published the year's rate.
        Invalid: the year has not ended, or an earlier one is not closed.
        Conflict: the year is closed already.
    """
    county = own_county(uow)
    if uow.session.get(InterestRun, (str(county), year)):
        raise Conflict("{year} 年度已经结息", field="year", year=year)
    _check_ready(uow, county, year)
    rate = rate_of(uow, year)
    row = uow.connection.execute(sql.TRIAL, _parameters(county, year, rate)).one()
    return Trial(year, rate, row.accounts, int(row.interest_fen), int(row.closing_fen))


def request_year_end(uow: UnitOfWork, year: int) -> YearEndRequest:
    """Put a trial run up for approval; made again, it replaces the one still waiting.

    Raises:
        Forbidden: this person does not keep accounts.
        Unavailable, Invalid, Conflict: as `trial`.
    """
    require(uow, Role.ACCOUNTANT)
    found = trial(uow, year)
    request = YearEndRequest(
        county_code=str(uow.node),
        year=year,
        bulletin_id=found.rate.bulletin.id,
        accounts=found.accounts,
        interest_fen=found.interest_fen,
        requested_by=uow.actor.id,
        requested_by_name=uow.actor.name,
        requested_at=uow.now,
    )
    return uow.session.merge(request)


def try_last_year(uow: UnitOfWork) -> str:
    """Make the trial run of the year that has ended as soon as its rate is here (a job)."""
    year = (uow.today + timedelta(days=1)).year - 1
    known = (str(own_county(uow)), year)
    if uow.session.get(InterestRun, known) or uow.session.get(YearEndRequest, known):
        return sentence("{year} 年度已经试算或结息", year=year)
    if not open_years(uow.connection, str(uow.node)):
        return "没有待结息的账户"
    try:
        found = request_year_end(uow, year)
    except Refusal as refusal:
        return refusal.message
    return sentence(
        "{year} 年度试算：{accounts} 户，利息 {interest} 元，待审批",
        year=year,
        accounts=found.accounts,
        interest=yuan(found.interest_fen),
    )


def approve_year_end(uow: UnitOfWork, year: int) -> InterestRun:
    """Post a year that somebody else has tried, if it still comes to the same.

    Raises:
        Forbidden: this person does not approve.
        NotFound: nobody has made a trial run.
        Conflict: accounts have changed since; the trial must be made again.
    """
    require(uow, Role.APPROVER)
    request = uow.session.get(YearEndRequest, (str(own_county(uow)), year))
    if request is None:
        raise NotFound("{year} 年度还没有试算，请会计先试算", year=year)
    done = uow.session.get(InterestRun, (request.county_code, year))
    if done is not None:
        return done
    run = close_year(uow, year)
    if (run.accounts, run.interest_fen) != (request.accounts, request.interest_fen):
        raise Conflict(
            "试算后账户有变动：试算利息 {tried} 元，现为 {now} 元，请会计重新试算",
            tried=yuan(request.interest_fen),
            now=yuan(run.interest_fen),
        )
    request.approved_by = uow.actor.id
    request.approved_by_name = uow.actor.name
    request.approved_at = uow.now
    uow.session.add(request)
    return run


def close_year(uow: UnitOfWork, year: int) -> InterestRun:
    """Settle every account of this county through December, post the interest, tell the others.

    Closing a year that is closed changes nothing and answers the run that did it.

    Raises:
        Forbidden: this node keeps no accounts.
        Unavailable: the province has not published the year's rate.
        Invalid: the year has not ended, an earlier one is not closed, or the accounts do not add
            up to their control account afterwards.
    """
    county = own_county(uow)
    done = uow.session.get(InterestRun, (str(county), year))
    if done is not None:
        return done
    _check_ready(uow, county, year)
    rate = rate_of(uow, year)
    progress = begin_progress(uow, year)
    closed = sql.CLOSE[uow.connection.dialect.name]
    uow.connection.execute(closed, _parameters(county, year, rate))
    accounts, earned, closing = _sums(uow, county, year)
    run = InterestRun(
        county_code=str(county),
        year=year,
        bulletin_id=rate.bulletin.id,
        rate_ppm=rate.rate_ppm,
        lag_months=rate.lag_months,
        accounts=accounts,
        interest_fen=earned,
        closing_fen=closing,
        settled_at=uow.now,
    )
    _post(uow, county, run, rate, progress)
    uow.session.add(run)
    _check_control(uow, county, year)
    progress.step = Step.COMMIT
    return run


def _parameters(county: RegionCode, year: int, rate: Rate) -> dict[str, Any]:
    return {
        "county": str(county),
        "year": year,
        "through": 12,
        "ppm": rate.rate_ppm,
        "lag": rate.lag_months,
    }


def _check_ready(uow: UnitOfWork, county: RegionCode, year: int) -> None:
    if uow.today < date(year, 12, 31):
        raise Invalid("{year} 年度还没有结束，12月31日起才能结息", field="year", year=year)
    waiting = [each for each in open_years(uow.connection, str(county)) if each < year]
    if waiting:
        raise Invalid("请先完成 {waiting} 年度结息", field="year", waiting=waiting[0])


def _sums(uow: UnitOfWork, county: RegionCode, year: int) -> tuple[int, int, int]:
    summed = select(
        func.count(closings.c.account_no.distinct()),
        func.coalesce(func.sum(closings.c.interest_fen), 0),
        func.coalesce(func.sum(closings.c.closing_fen), 0),
    ).where(closings.c.county_code == str(county), closings.c.year == year)
    accounts, earned, closing = uow.connection.execute(summed).one()
    return accounts, int(earned), int(closing)


def _post(
    uow: UnitOfWork, county: RegionCode, run: InterestRun, rate: Rate, progress: Progress
) -> None:
    """One voucher for the county; nothing at all when nobody earned anything."""
    memo = f"{run.year} 年度计息，{rate.bulletin.number}，年利率 {percent(rate.rate_ppm)}"
    lines = [
        Line(opposite(Kind.INTEREST, Source.INDIVIDUAL), run.interest_fen),
        Line(CONTROL, -run.interest_fen),
    ]
    earned = closings.c.interest_fen != 0
    progress.step = Step.POST
    if _any(uow, county, run.year, earned):
        day = date(run.year, 12, 31)
        run.entry_no = begin(uow, lines)
        post = {"county": str(county), "year": run.year, "entry_no": run.entry_no, "day": day}
        uow.connection.execute(sql.POST, post)
    records.publish_run(uow, run, memo)
    progress.step = Step.TELL
    _publish(uow, county, run, progress)
    progress.step = Step.CHECK
    if run.entry_no is not None:
        head = Head(Kind.INTEREST, date(run.year, 12, 31), "bulletin", run.bulletin_id, memo)
        seal(uow, run.entry_no, head, lines)


def _any(uow: UnitOfWork, county: RegionCode, year: int, condition: Any) -> bool:
    one = (
        select(closings.c.account_no)
        .where(closings.c.county_code == str(county), closings.c.year == year, condition)
        .limit(1)
    )
    return uow.connection.execute(one).first() is not None


def _publish(uow: UnitOfWork, county: RegionCode, run: InterestRun, progress: Progress) -> None:
    """Read the packed rows as a stream: a million of them would not fit the memory we allow."""
    told = packed_columns(uow.connection, sql.TOLD, records.YEAR_COLUMNS)
    streamed = told.execution_options(stream_results=True, max_row_buffer=FETCHED_RECORDS)
    given = {"county": str(county), "year": run.year}
    records.publish_year(uow, run, progress.counted(uow.connection.execute(streamed, given)))


def _check_control(uow: UnitOfWork, county: RegionCode, year: int) -> None:
    over = difference_to_control(uow, county, year)
    if over:
        raise Invalid(
            "结息后个人账户合计与控制科目相差 {over} 元，未记账，请先核对账目",
            fen=over,
            over=yuan(over),
        )
