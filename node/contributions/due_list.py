"""Who owes what, as lists: for the accountant's pages and for the coordinator's round."""

from collections.abc import Sequence
from dataclasses import dataclass

from node.contributions.statements import AT_BANK, PAID, statement
from node.core.titled import TitledEnum
from node.core.work import UnitOfWork
from tiers import RegionCode
from tiers.region import WIDTH

SHOWN = 100
MOST = 300_000


class DueState(TitledEnum):
    """Where an order stands."""

    DUE = "due", "待缴"
    AT_BANK = "at_bank", "已报银行"
    RECEIPT = "receipt", "已开收据"
    PAID = "paid", "已缴"


@dataclass(frozen=True, slots=True)
class DueRow:
    """One order with whose it is, in fen."""

    account_no: int
    name: str
    village: str
    for_year: int
    grade_fen: int
    own_fen: int
    on_behalf_fen: int
    category: str
    make_up: bool
    state: DueState


@dataclass(frozen=True, slots=True)
class DueTotals:
    """The list in figures: how many orders stand where, and what is to be paid, in fen."""

    numbers: dict[DueState, int]
    own_fen: int
    on_behalf_fen: int

    @property
    def people(self) -> int:
        """All orders."""
        return sum(self.numbers.values())


_STATE = f"""CASE WHEN {PAID} THEN '{DueState.PAID}' WHEN {AT_BANK} THEN '{DueState.AT_BANK}'
    WHEN EXISTS (SELECT 1 FROM receipt t WHERE t.county_code = o.county_code
        AND t.account_no = o.account_no AND t.for_year = o.for_year AND NOT t.voided)
        THEN '{DueState.RECEIPT}'
    ELSE '{DueState.DUE}' END"""

_ROWS = f"""
    SELECT o.account_no, p.name, o.village, o.for_year, o.grade_fen, o.own_fen,
        o.grade_fen - o.own_fen AS on_behalf_fen, o.category, o.make_up, {_STATE} AS state
    FROM contribution_order o
    JOIN account a ON a.county_code = o.county_code AND a.account_no = o.account_no
        AND a.closed_on IS NULL
    JOIN person p ON p.county_code = o.county_code AND p.id = a.person_id
    WHERE o.village BETWEEN :first_village AND :last_village
        AND (o.for_year = :year OR (o.make_up AND o.for_year < :year))
"""


def _given(year: int, region: RegionCode) -> dict[str, object]:
    prefix = region.prefix
    return {
        "year": year,
        "first_village": prefix.ljust(WIDTH, "0"),
        "last_village": prefix.ljust(WIDTH, "9"),
    }


def due_rows(  # noqa: PLR0917  # what is listed, then how
    uow: UnitOfWork,
    year: int,
    region: RegionCode,
    state: str = "",
    number: int = 1,
    size: int = SHOWN,
) -> list[DueRow]:
    """Orders of a year and those that make up earlier ones, village by village."""
    wanted = "WHERE state = :state" if state else ""
    asked = statement(f"""
        SELECT * FROM ({_ROWS}) AS listed {wanted} ORDER BY village, account_no, for_year
        LIMIT :size OFFSET :skipped
    """)
    given = _given(year, region) | {"size": size, "skipped": (number - 1) * size}
    rows = uow.connection.execute(asked, given | ({"state": state} if state else {}))
    return [
        DueRow(
            account_no=row.account_no,
            name=row.name,
            village=row.village,
            for_year=row.for_year,
            grade_fen=row.grade_fen,
            own_fen=row.own_fen,
            on_behalf_fen=row.on_behalf_fen,
            category=row.category,
            make_up=bool(row.make_up),
            state=DueState(row.state),
        )
        for row in rows
    ]


def due_totals(uow: UnitOfWork, year: int, region: RegionCode) -> DueTotals:
    """The list in figures."""
    asked = statement(f"""
        SELECT state, count(*), sum(own_fen), sum(on_behalf_fen) FROM ({_ROWS}) AS listed
        GROUP BY state
    """)
    found: Sequence[tuple[str, int, int, int]] = [
        (row[0], row[1], int(row[2]), int(row[3]))
        for row in uow.connection.execute(asked, _given(year, region))
    ]
    return DueTotals(
        {DueState(row[0]): row[1] for row in found},
        sum(row[2] for row in found),
        sum(row[3] for row in found),
    )
