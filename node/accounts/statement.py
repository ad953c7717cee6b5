"""The statement of an account for a year (对账单): every posting, each fen of interest."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from sqlmodel import col, select

from node.accounts.balances import open_years, settled_year
from node.accounts.chart import Kind
from node.accounts.explain import correction_sentence, interest_sentence
from node.accounts.models import (
    Account,
    AccountClosing,
    AccountSettlement,
    InterestCorrection,
    InterestRun,
    JournalEntry,
    Posting,
)
from node.accounts.sources import OFFICIAL_ORDER, Source, in_official_order
from node.accounts.working import Working, workings
from node.core.i18n import sentence
from node.core.work import UnitOfWork
from node.policy.models import Bulletin

NAMED_BY_YEAR = frozenset(
    {Kind.CONTRIBUTION, Kind.MAKE_UP, Kind.SUBSIDY, Kind.COLLECTIVE, Kind.CORRECTION}
)
NOT_REVERSIBLE = frozenset(
    {Kind.REVERSAL, Kind.INTEREST, Kind.SETTLEMENT, Kind.CORRECTION, Kind.SUBSIDY}
)

SCHEME_BEGAN = 2009
"""国发〔2009〕32号: no account is older, so no year before has to be looked for."""


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One row. `fen` is None for what is carried forward; `balance` is of the whole account."""

    on: date
    summary: str
    note: str
    source: Source
    basis: str
    basis_kind: str
    basis_key: str
    fen: int | None
    balance: int
    entry_no: int | None = None
    line_no: int | None = None
    is_reversible: bool = False


@dataclass(frozen=True, slots=True)
class SourceSum:
    """One source over the year, in fen; `product` and `interest` are None until it is settled."""

    source: Source
    opening: int
    movement: int
    product: int | None
    interest: int | None
    closing: int


@dataclass(frozen=True, slots=True)
class CorrectionLine:
    """What a later voucher changed of this year's interest, in fen; `words` shows the working."""

    entry_no: int
    source: Source
    words: str
    reason: str
    fen: int


@dataclass(frozen=True, slots=True)
class Statement:
    """A year of one account."""

    account: Account
    year: int
    is_settled: bool
    lines: Sequence[StatementLine]
    sources: Sequence[SourceSum]
    corrections: Sequence[CorrectionLine] = ()
    workings: Sequence[Working] = ()

    @property
    def opening(self) -> int:
        return sum(each.opening for each in self.sources)

    @property
    def closing(self) -> int:
        """What is in the account at the end of the year, or now."""
        return sum(each.closing for each in self.sources)

    @property
    def interest(self) -> int:
        """Interest at the end of the year, zero until it is settled."""
        return sum(each.interest or 0 for each in self.sources)


def years_of(uow: UnitOfWork, account: Account) -> list[int]:
    """Years a statement can be had for, the newest first: this one, and all that moved."""
    county, number = account.county_code, account.account_no
    span = range(SCHEME_BEGAN, uow.today.year + 2)
    posted = select(Posting.year).where(
        Posting.county_code == county, col(Posting.year).in_(span), Posting.account_no == number
    )
    closed = select(AccountClosing.year).where(
        AccountClosing.county_code == county,
        col(AccountClosing.year).in_(span),
        AccountClosing.account_no == number,
    )
    found = {*uow.session.exec(posted.distinct()), *uow.session.exec(closed.distinct())}
    return sorted({*found, uow.today.year}, reverse=True)


def statement(uow: UnitOfWork, account: Account, year: int) -> Statement:
    """The statement of a year, settled or still running."""
    own = (account.county_code, account.account_no)
    postings = _postings(uow, *own, year)
    closings = _closings(uow, *own, year)
    opening = (
        {source: row.opening_fen for source, row in closings.items()}
        if closings
        else _opening(uow, *own, year)
    )
    sums = _sums(opening, postings, closings)
    evidence = _evidence(uow, account, year, postings)
    return Statement(
        account=account,
        year=year,
        is_settled=bool(closings),
        lines=_lines(evidence, _Year(year, opening, postings, closings)),
        sources=sums,
        corrections=_corrections(uow, *own, year),
        workings=workings(
            opening,
            postings,
            settlements=list(evidence.settlements.values()),
            closings=closings,
            run=evidence.run,
            is_closed=account.closed_on is not None and account.closed_on.year <= year,
        ),
    )


def _corrections(uow: UnitOfWork, county: str, account_no: int, year: int) -> list[CorrectionLine]:
    """What became known of this year after it was settled, in the order it was booked."""
    found = select(InterestCorrection).where(
        InterestCorrection.county_code == county,
        InterestCorrection.account_no == account_no,
        InterestCorrection.year == year,
    )
    rows = sorted(
        uow.session.exec(found),
        key=lambda row: (row.entry_no, OFFICIAL_ORDER.index(Source(row.source)), row.through),
    )
    heads = _heads(uow, county, {row.entry_no for row in rows})
    return [
        CorrectionLine(
            entry_no=row.entry_no,
            source=Source(row.source),
            words=correction_sentence(row),
            reason=heads[row.entry_no].memo if row.entry_no in heads else "",
            fen=row.interest_after - row.interest_before,
        )
        for row in rows
    ]


def _heads(uow: UnitOfWork, county: str, numbers: set[int]) -> dict[int, JournalEntry]:
    found = select(JournalEntry).where(
        JournalEntry.county_code == county, col(JournalEntry.entry_no).in_(numbers)
    )
    return {row.entry_no: row for row in uow.session.exec(found)}


def _postings(uow: UnitOfWork, county: str, account_no: int, year: int) -> Sequence[Posting]:
    """In the order they count: by day, the year-end interest last."""
    found = select(Posting).where(
        Posting.county_code == county, Posting.year == year, Posting.account_no == account_no
    )
    rows = uow.session.exec(found).all()
    return sorted(
        rows,
        key=lambda row: (
            row.kind == Kind.INTEREST,
            row.business_date,
            row.entry_no,
            OFFICIAL_ORDER.index(Source(row.source)),
        ),
    )


def _closings(
    uow: UnitOfWork, county: str, account_no: int, year: int
) -> dict[Source, AccountClosing]:
    found = select(AccountClosing).where(
        AccountClosing.county_code == county,
        AccountClosing.year == year,
        AccountClosing.account_no == account_no,
    )
    return {Source(row.source): row for row in uow.session.exec(found)}


def _opening(uow: UnitOfWork, county: str, account_no: int, year: int) -> dict[Source, int]:
    """Where a year that is not settled begins: the last closing, and open years in between."""
    settled = settled_year(uow.connection, county)
    found: dict[Source, int] = {}
    if settled is not None and settled < year:
        closed = _closings(uow, county, account_no, settled)
        found = {source: row.closing_fen for source, row in closed.items()}
    for between in open_years(uow.connection, county):
        if between < year:
            for row in _postings(uow, county, account_no, between):
                source = Source(row.source)
                found[source] = found.get(source, 0) + row.fen
    return found


def _sums(
    opening: Mapping[Source, int],
    postings: Sequence[Posting],
    closings: Mapping[Source, AccountClosing],
) -> list[SourceSum]:
    moved: dict[Source, int] = {}
    for row in postings:
        if row.kind != Kind.INTEREST:
            source = Source(row.source)
            moved[source] = moved.get(source, 0) + row.fen
    sums = []
    for source in in_official_order([*opening, *moved, *closings]):
        closed = closings.get(source)
        start, movement = opening.get(source, 0), moved.get(source, 0)
        interest = closed.interest_fen if closed else None
        sums.append(
            SourceSum(
                source=source,
                opening=start,
                movement=movement,
                product=closed.product if closed else None,
                interest=interest,
                closing=start + movement + (interest or 0),
            )
        )
    return sums


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What the lines of a statement refer to."""

    entries: Mapping[int, JournalEntry]
    bulletins: Mapping[str, Bulletin]
    run: InterestRun | None
    settlements: Mapping[tuple[int, Source], AccountSettlement]
    reversed_lines: frozenset[tuple[int | None, int | None]]


@dataclass(frozen=True, slots=True)
class _Year:
    """What a year of one account is made of."""

    year: int
    opening: Mapping[Source, int]
    postings: Sequence[Posting]
    closings: Mapping[Source, AccountClosing]


def _lines(evidence: _Evidence, of: _Year) -> list[StatementLine]:
    lines = []
    balance = 0
    for source in in_official_order(of.opening):
        if of.opening[source]:
            balance += of.opening[source]
            lines.append(_carried(of.year, source, balance))
    for row in of.postings:
        balance += row.fen
        lines.append(_line(row, balance, evidence, of.closings))
    return lines


def _carried(year: int, source: Source, balance: int) -> StatementLine:
    return StatementLine(
        on=date(year, 1, 1),
        summary="上年结转",
        note="",
        source=source,
        basis=sentence("{year} 年度对账单", year=year - 1),
        basis_kind="statement",
        basis_key=str(year - 1),
        fen=None,
        balance=balance,
    )


def _evidence(
    uow: UnitOfWork, account: Account, year: int, postings: Sequence[Posting]
) -> _Evidence:
    county = account.county_code
    by_number = _heads(uow, county, {row.entry_no for row in postings})
    run = uow.session.get(InterestRun, (county, year))
    settled = select(AccountSettlement).where(
        AccountSettlement.county_code == county,
        AccountSettlement.year == year,
        AccountSettlement.account_no == account.account_no,
    )
    settlements = {(row.through, Source(row.source)): row for row in uow.session.exec(settled)}
    wanted = {row.bulletin_id for row in settlements.values()}
    wanted |= {entry.trace for entry in by_number.values() if entry.trace_kind == "bulletin"}
    wanted |= {run.bulletin_id} if run else set()
    bulletins = uow.session.exec(select(Bulletin).where(col(Bulletin.id).in_(wanted)))
    return _Evidence(
        entries=by_number,
        bulletins={row.id: row for row in bulletins},
        run=run,
        settlements=settlements,
        reversed_lines=_reversed(uow, county, {row.entry_no for row in postings}),
    )


def _reversed(
    uow: UnitOfWork, county: str, numbers: set[int]
) -> frozenset[tuple[int | None, int | None]]:
    """What of these vouchers was taken back, in whatever year."""
    mirrors = select(Posting.reverses_entry, Posting.reverses_line).where(
        Posting.county_code == county, col(Posting.reverses_entry).in_(numbers)
    )
    return frozenset((row[0], row[1]) for row in uow.session.exec(mirrors))


def _line(
    row: Posting,
    balance: int,
    evidence: _Evidence,
    closings: Mapping[Source, AccountClosing],
) -> StatementLine:
    source, kind = Source(row.source), Kind(row.kind)
    basis, basis_kind, basis_key = _basis(row, evidence)
    can = kind not in NOT_REVERSIBLE
    return StatementLine(
        on=row.business_date,
        summary=_summary(row, kind),
        note=_note(row, kind, evidence, closings.get(source)),
        source=source,
        basis=basis,
        basis_kind=basis_kind,
        basis_key=basis_key,
        fen=row.fen,
        balance=balance,
        entry_no=row.entry_no,
        line_no=row.line_no,
        is_reversible=can and (row.entry_no, row.line_no) not in evidence.reversed_lines,
    )


def _summary(row: Posting, kind: Kind) -> str:
    if kind in NAMED_BY_YEAR:
        return sentence("{year} 年度{kind}", year=row.for_year, kind=kind.title)
    return kind.title


def _note(row: Posting, kind: Kind, evidence: _Evidence, closing: AccountClosing | None) -> str:
    if kind is Kind.INTEREST and closing is not None and evidence.run is not None:
        return interest_sentence(closing.product, evidence.run.rate_ppm)
    if kind is Kind.SETTLEMENT:
        settled = evidence.settlements.get((row.month, Source(row.source)))
        if settled is not None:
            words = interest_sentence(settled.product, settled.rate_ppm)
            return sentence("结至 {month} 月，{words}", month=settled.through, words=words)
    entry = evidence.entries.get(row.entry_no)
    if kind in {Kind.REVERSAL, Kind.CORRECTION}:
        return entry.memo if entry else ""
    if row.month == 0 and entry is not None:
        return sentence("{day} 补记，自年初起计息", day=entry.business_date.isoformat())
    return ""


def _basis(row: Posting, evidence: _Evidence) -> tuple[str, str, str]:
    """What a posting rests on: words, and where a page about it can be found."""
    if row.reverses_entry is not None:
        text = sentence(
            "冲销凭证 {entry} 第 {line} 笔", entry=row.reverses_entry, line=row.reverses_line
        )
        return text, "entry", str(row.reverses_entry)
    entry = evidence.entries.get(row.entry_no)
    if entry is not None and entry.trace_kind == "bulletin" and entry.trace in evidence.bulletins:
        return evidence.bulletins[entry.trace].number, "bulletin", entry.trace
    return sentence("凭证 {entry}", entry=row.entry_no), "entry", str(row.entry_no)
