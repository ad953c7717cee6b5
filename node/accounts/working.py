"""How the interest of a settled year came about (计息过程): each amount with the months it earned.

Built from the postings as the law reads them (`rules.earning_months`), not from what was settled:
that the products add up to the settled one is what a statement proves.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from node.accounts.chart import Kind
from node.accounts.explain import interest_sentence
from node.accounts.models import AccountClosing, AccountSettlement, InterestRun, Posting
from node.accounts.rules import earning_months
from node.accounts.sources import Source, in_official_order
from node.core.i18n import sentence

MONTHS = 12


@dataclass(frozen=True, slots=True)
class WorkedTerm:
    """An amount in fen and the months it earned within a stretch."""

    label: str
    fen: int
    months: int

    @property
    def product(self) -> int:
        """Fen·months."""
        return self.fen * self.months


@dataclass(frozen=True, slots=True)
class Working:
    """One source of one stretch: its terms, and what they come to."""

    source: Source
    title: str
    terms: Sequence[WorkedTerm]
    product: int
    interest: int
    words: str

    @property
    def adds_up(self) -> bool:
        """Whether the terms come to the product that was settled."""
        return sum(term.product for term in self.terms) == self.product


@dataclass(frozen=True, slots=True)
class _Stretch:
    """The months up to `through` that were not settled `before`."""

    through: int
    lag: int
    before: AccountSettlement | None


def workings(
    opening: Mapping[Source, int],
    postings: Sequence[Posting],
    *,
    settlements: Sequence[AccountSettlement],
    closings: Mapping[Source, AccountClosing],
    run: InterestRun | None,
    is_closed: bool = False,
) -> list[Working]:
    """Every stretch of a year by source; the year end only where it has been settled.

    `is_closed` says that the account was closed by the end of the year: its last settlement was
    inside it, and nothing earned at the year end.
    """
    found = []
    for source in in_official_order([*opening, *closings, *(Source(p.source) for p in postings)]):
        moved = [row for row in postings if row.source == source and row.kind != Kind.INTEREST]
        start = opening.get(source, 0)
        before: AccountSettlement | None = None
        for through in sorted({row.through for row in settlements}):
            own = _settled(settlements, source, through)
            held = [each for each in moved if _is_seen(each, own)]
            terms = list(_terms(start, held, _Stretch(through, own.lag_months, before)))
            if terms:
                words = interest_sentence(own.product, own.rate_ppm)
                title = sentence("结至 {month} 月", month=through)
                found.append(Working(source, title, terms, own.product, own.interest_fen, words))
            before = own
        closing = closings.get(source)
        if closing is not None and run is not None and not is_closed:
            terms = list(_terms(start, moved, _Stretch(MONTHS, run.lag_months, before)))
            words = interest_sentence(closing.product, run.rate_ppm)
            found.append(
                Working(source, "年末", terms, closing.product, closing.interest_fen, words)
            )
    return found


def _is_seen(row: Posting, settlement: AccountSettlement) -> bool:
    """What a settlement could count: all that was booked before, but not its own interest."""
    own = row.kind == Kind.SETTLEMENT and row.month == settlement.through
    return row.entry_no <= settlement.booked_through and not own


def _settled(
    settlements: Sequence[AccountSettlement], source: Source, through: int
) -> AccountSettlement:
    """One source of a settlement. Where it held nothing there is no row: then it has nothing."""
    same = [row for row in settlements if row.through == through]
    for row in same:
        if row.source == source:
            return row
    amounts = ("opening_fen", "movement_fen", "product", "interest_fen", "closing_fen")
    nothing = dict.fromkeys(amounts, 0)
    return AccountSettlement(**{**same[0].model_dump(), **nothing, "source": source})


def _terms(opening: int, moved: Sequence[Posting], stretch: _Stretch) -> Iterator[WorkedTerm]:
    before = stretch.before
    if before is None:
        if opening:
            yield WorkedTerm("年初余额", opening, stretch.through)
    elif before.closing_fen:
        label = sentence("{month} 月结息后余额", month=before.through)
        yield WorkedTerm(label, before.closing_fen, stretch.through - before.through)
    for row in moved:
        if row.month > stretch.through:
            continue
        if before is not None and _is_held(row, before):
            continue
        months = earning_months(row.month, stretch.through, stretch.lag)
        if before is not None:
            months = min(months, stretch.through - before.through)
        yield WorkedTerm(_label(row), row.fen, months)


def _is_held(row: Posting, before: AccountSettlement) -> bool:
    return row.entry_no <= before.booked_through and row.month <= before.through


def _label(row: Posting) -> str:
    template = "{day} {kind}" if row.month else "{day} {kind}（补记）"
    return sentence(template, day=row.business_date.isoformat(), kind=Kind(row.kind).title)
