"""Paid years that move with a person: told by the county that is left, kept by the next.

They count like years paid here (国发〔2014〕8号 §9: 缴费年限累计计算) and move no money; the
balance is posted by whoever takes the account in. A year that is paid here already stays as it is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Self

from sqlalchemy import and_, func, select

from node.accounts.balances import postings
from node.accounts.chart import Kind
from node.accounts.sources import Source
from node.contributions.models import Subsidy
from node.contributions.payers import contributions, paid_years
from node.contributions.records import publish_contributions
from node.contributions.rules import Method
from node.core.db import upsert
from node.core.ids import new_id
from node.core.work import UnitOfWork

_subsidies = Subsidy.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class CarriedYear:
    """One paid year, amounts in fen. `subsidy_fen` is none where the subsidy is still due."""

    for_year: int
    grade_fen: int
    fen: int
    paid_on: date
    make_up: bool
    subsidy_fen: int | None

    def as_row(self) -> list[Any]:
        """For a record."""
        return [
            self.for_year,
            self.grade_fen,
            self.fen,
            self.paid_on.isoformat(),
            self.make_up,
            self.subsidy_fen,
        ]

    @classmethod
    def from_row(cls, row: Sequence[Any]) -> Self:
        """From a record."""
        year, grade, fen, paid_on, make_up, subsidy = row
        return cls(year, grade, fen, date.fromisoformat(paid_on), make_up, subsidy)


@dataclass(frozen=True, slots=True)
class NewComer:
    """Whose years they are from now on, and the transfer that brought them."""

    account_no: int
    person_id: str
    village: str
    transfer: str
    entry_no: int


def years_of(uow: UnitOfWork, account_no: int) -> list[CarriedYear]:
    """Every paid year of an account of this county, the earliest first."""
    county = str(uow.node.county)
    paid, given = contributions.c, _subsidies.c
    same = and_(
        given.county_code == paid.county_code,
        given.account_no == paid.account_no,
        given.for_year == paid.for_year,
    )
    shares = given.province_fen + given.city_fen + given.county_fen
    rows = (
        select(
            paid.for_year,
            paid.grade_fen,
            paid.fen,
            paid.paid_on,
            paid.make_up,
            func.coalesce(shares, paid.subsidy_fen),
        )
        .select_from(contributions.outerjoin(_subsidies, same))
        .where(
            paid.county_code == county,
            paid.account_no == account_no,
            paid.reversed_entry.is_(None),
        )
        .order_by(paid.for_year)
    )
    return [CarriedYear(*row) for row in uow.connection.execute(rows)]


PRINCIPAL = (Kind.CONTRIBUTION, Kind.MAKE_UP, Kind.COLLECTIVE, Kind.REVERSAL)


def principal_of(uow: UnitOfWork, account_no: int) -> dict[int, dict[Source, int]]:
    """What the person and the collective paid for each year, without interest, in fen by source.

    A year carried in counts as paid by the person: the county before told no more.
    """
    county = str(uow.node.county)
    posted = postings.c
    rows = (
        select(posted.for_year, posted.source, func.sum(posted.fen))
        .where(
            posted.county_code == county,
            posted.account_no == account_no,
            posted.kind.in_([kind.value for kind in PRINCIPAL]),
            posted.source.in_([Source.INDIVIDUAL.value, Source.COLLECTIVE.value]),
        )
        .group_by(posted.for_year, posted.source)
    )
    found: dict[int, dict[Source, int]] = {}
    for year, source, fen in uow.connection.execute(rows):
        found.setdefault(year, {})[Source(source)] = int(fen)
    paid = contributions.c
    carried = select(paid.for_year, paid.fen).where(
        paid.county_code == county,
        paid.account_no == account_no,
        paid.method == Method.TRANSFERRED.value,
        paid.reversed_entry.is_(None),
    )
    for year, fen in uow.connection.execute(carried):
        found.setdefault(year, {})[Source.INDIVIDUAL] = int(fen)
    return found


def carry_in(uow: UnitOfWork, who: NewComer, years: Sequence[CarriedYear]) -> int:
    """Keep years that were paid elsewhere; answers how many are new here."""
    known = paid_years(uow, [who.account_no])[who.account_no]
    rows = [_row(uow, who, year) for year in years if year.for_year not in known]
    if rows:
        uow.connection.execute(contributions.insert(), rows)
    added = {year.for_year: year.subsidy_fen for year in years if year.for_year in known}
    told = [*rows, *_subsidised_meanwhile(uow, who.account_no, added)]
    if told:
        publish_contributions(uow, f"transferred-{who.entry_no}", told)
    return len(rows)


def _subsidised_meanwhile(
    uow: UnitOfWork, account_no: int, added: Mapping[int, int | None]
) -> list[dict[str, Any]]:
    """Who comes back may have got elsewhere the subsidy of a year paid here: it is due no more."""
    mine = (
        contributions.c.county_code == str(uow.node.county),
        contributions.c.account_no == account_no,
        contributions.c.reversed_entry.is_(None),
        contributions.c.subsidy_fen.is_(None),
        contributions.c.for_year.in_([year for year, fen in added.items() if fen is not None]),
    )
    changed = [
        {**row, "subsidy_fen": added[row["for_year"]]}
        for row in uow.connection.execute(select(contributions).where(*mine)).mappings()
    ]
    upsert(uow.connection, contributions, changed)
    return changed


def _row(uow: UnitOfWork, who: NewComer, year: CarriedYear) -> dict[str, Any]:
    return {
        "county_code": str(uow.node.county),
        "id": new_id(),
        "account_no": who.account_no,
        "person_id": who.person_id,
        "village": who.village,
        "for_year": year.for_year,
        "grade_fen": year.grade_fen,
        "fen": year.fen,
        "method": Method.TRANSFERRED.value,
        "reference": f"{who.transfer}-{year.for_year}",
        "paid_on": year.paid_on,
        "make_up": year.make_up,
        "entry_no": who.entry_no,
        "line_no": 0,
        "confirmed_at": uow.now,
        "reversed_entry": None,
        "subsidy_fen": year.subsidy_fen,
    }
