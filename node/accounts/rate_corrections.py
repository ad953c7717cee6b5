"""A settled year at a rate published anew (利率更正): the whole county, only the differences.

The accountant tries it, an approver posts it. What was settled inside the year is final, and so is
what was paid out: accounts closed since, or with less left than would be taken back, are left out
and counted.
"""

from dataclasses import dataclass

from node.accounts import corrections_sql as sql
from node.accounts.balances import in_batches, settled_year
from node.accounts.chart import Kind
from node.accounts.corrections import DECEMBER, post, short_of
from node.accounts.models import LedgerRequest, RateCorrection
from node.accounts.periods import require_open
from node.accounts.rates import Rate, published_rates, settled_rates
from node.accounts.records import publish_rate_correction
from node.accounts.requests import Kinds, ask, decide
from node.accounts.serials import ENTRY, own_county, serial
from node.accounts.vouchers import Head
from node.core.errors import Conflict, Invalid
from node.core.money import percent, yuan
from node.core.work import UnitOfWork


@dataclass(frozen=True, slots=True)
class Waiting:
    """A settled year whose rate has been published anew."""

    year: int
    was_ppm: int
    rate: Rate


@dataclass(frozen=True, slots=True)
class Found:
    """What a correction comes to: accounts that change, those left out, and the sum in fen."""

    accounts: int
    left_out: int
    fen: int


def waiting_rates(uow: UnitOfWork) -> list[Waiting]:
    """Settled years for which another rate holds by now, the oldest first."""
    settled = settled_rates(uow, str(own_county(uow)))
    published = published_rates(uow)
    return [
        Waiting(year, ppm, published[year])
        for year, (ppm, _) in sorted(settled.items())
        if year in published and published[year].rate_ppm != ppm
    ]


def request_rate_correction(uow: UnitOfWork, year: int) -> LedgerRequest:
    """Try a correction and put it up for approval; nothing is posted.

    Raises:
        Forbidden: this person does not keep accounts.
        Conflict: no other rate has been published for the year.
        Invalid: the months to earn are counted otherwise than at the settlement, or the last year
            is not settled yet.
    """
    found = trial(uow, year)
    told = {"accounts": found.accounts, "left_out": found.left_out, "fen": found.fen}
    return ask(uow, Kinds.RATE, subject=str(year), body={"year": year}, told=told)


def approve_rate_correction(uow: UnitOfWork, request_id: str) -> RateCorrection:
    """Post a correction somebody else has tried, if it still comes to the same.

    Raises:
        Forbidden: this person does not approve.
        Conflict: accounts have changed since; it must be tried again.
    """
    request = decide(uow, Kinds.RATE, request_id)
    done = correct_rate(uow, int(request.body["year"]))
    if done.fen != request.told["fen"]:
        raise Conflict(
            "试算后账户有变动：试算差额 {tried} 元，现为 {now} 元，请会计重新试算",
            tried=yuan(request.told["fen"]),
            now=yuan(done.fen),
        )
    request.entry_no = done.entry_no
    return done


def trial(uow: UnitOfWork, year: int) -> Found:
    """What a correction would come to: the same code, rolled back.

    Raises:
        Conflict, Invalid: as `request_rate_correction`.
    """
    pending = len(uow.pending)
    uow.session.flush()
    savepoint = uow.session.begin_nested()
    try:
        done = correct_rate(uow, year)
        return Found(done.accounts, done.left_out, done.fen)
    finally:
        savepoint.rollback()
        del uow.pending[pending:]


def correct_rate(uow: UnitOfWork, year: int) -> RateCorrection:
    """Post what a year and those after it change by at the rate published now.

    Done again, it finds that the rate holds already. A year that changes by no fen gets its
    voucher too: from then on the new rate is the one that holds.

    Raises:
        Forbidden: this node keeps no accounts.
        Conflict: no other rate has been published for the year.
        Invalid: as `request_rate_correction`.
    """
    waiting = {each.year: each for each in waiting_rates(uow)}
    if year not in waiting:
        raise Conflict("{year} 年度记账利率没有变动，不需要更正", field="year", year=year)
    found = waiting[year]
    _check_ready(uow, found)
    number = serial(uow, ENTRY)
    _compute(uow, found, number)
    left_out = _leave_out(uow, year, number)
    given = {"county": str(uow.node), "entry_no": number}
    accounts = int(uow.connection.execute(sql.COUNTED, given).scalar_one())
    head = Head(
        Kind.CORRECTION,
        uow.today,
        "bulletin",
        found.rate.bulletin.id,
        f"{year} 年度记账利率由 {percent(found.was_ppm)} 更正为 {percent(found.rate.rate_ppm)}，"
        f"{found.rate.bulletin.number}",
    )
    run = RateCorrection(
        county_code=str(uow.node),
        entry_no=number,
        year=year,
        bulletin_id=found.rate.bulletin.id,
        rate_ppm=found.rate.rate_ppm,
        accounts=accounts,
        left_out=left_out,
        fen=post(uow, number, head),
        corrected_at=uow.now,
    )
    uow.session.add(run)
    publish_rate_correction(uow, run)
    return run


def _check_ready(uow: UnitOfWork, found: Waiting) -> None:
    county = str(own_county(uow))
    closed = settled_year(uow.connection, county)
    if closed != uow.today.year - 1:
        raise Invalid("请先完成 {year} 年度结息，再更正利率", field="year", year=uow.today.year - 1)
    require_open(uow, uow.today)
    _, lag = settled_rates(uow, county)[found.year]
    if lag != found.rate.lag_months:
        raise Invalid("新公布的起息月份与结息时不同，不能按利率更正办理", field="year")


def _compute(uow: UnitOfWork, found: Waiting, number: int) -> None:
    """The year itself at its new rate, then every stretch after it with what was found so far."""
    county = str(uow.node)
    rates = settled_rates(uow, county)
    given = {"county": county, "entry_no": number}
    at = {**given, "year": found.year, "through": DECEMBER}
    rated = {"ppm": found.rate.rate_ppm, "was_ppm": found.was_ppm}
    uow.connection.execute(sql.NEW_RATE, {**at, **rated})
    for year in range(found.year + 1, uow.today.year + 1):
        months = uow.connection.execute(sql.SETTLED_MONTHS, {"county": county, "year": year})
        for (through,) in months.all():
            inside = {**given, "year": year, "through": through}
            uow.connection.execute(sql.LATER_SETTLEMENT, inside)
        if year in rates:
            closing = {**given, "year": year, "through": DECEMBER, "ppm": rates[year][0]}
            uow.connection.execute(sql.LATER_YEAR_END, closing)


def _leave_out(uow: UnitOfWork, year: int, number: int) -> int:
    """Take accounts out that cannot give back what is too much; answers how many are left out."""
    given = {"county": str(uow.node), "entry_no": number}
    short = short_of(uow, number)
    for batch in in_batches(short):
        uow.connection.execute(sql.LEAVE_OUT, {**given, "accounts": list(batch)})
    gone = {**given, "year": year, "through": DECEMBER}
    return len(short) + int(uow.connection.execute(sql.CLOSED_SINCE, gone).scalar_one())
