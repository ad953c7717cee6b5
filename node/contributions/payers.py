"""Who pays: people found by citizen number or account number, and the years they have paid."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Table, and_, select

from node.accounts.balances import accounts, in_batches
from node.contributions.models import Contribution, ContributionOrder
from node.core.db import BATCH_ROWS
from node.core.personal import keyring_of
from node.core.work import UnitOfWork
from node.registry.citizen_number import normal_number
from node.registry.models import Enrolment, Person

people: Table = Person.__table__  # type: ignore[attr-defined]
enrolments: Table = Enrolment.__table__  # type: ignore[attr-defined]
orders: Table = ContributionOrder.__table__  # type: ignore[attr-defined]
contributions: Table = Contribution.__table__  # type: ignore[attr-defined]

ACTIVE = "active"


@dataclass(frozen=True, slots=True)
class Payer:
    """A person with an account. `state` is that of the open enrolment, empty without one."""

    account_no: int
    person_id: str
    name: str
    village: str
    closed_on: date | None
    state: str
    grade_fen: int | None
    born_on: date


@dataclass(frozen=True, slots=True)
class Payers:
    """The people a batch names, by how it may name them."""

    by_account: dict[int, Payer]
    by_index: dict[bytes, Payer]


def find_payers(
    uow: UnitOfWork, *, account_nos: Iterable[int], citizen_numbers: Iterable[str]
) -> Payers:
    """Everybody a batch names, in a few questions."""
    keyring = keyring_of(uow.connection)
    numbers = sorted(set(account_nos))
    indexes = sorted({keyring.index(normal_number(text)) for text in citizen_numbers})
    by_account = {
        row.account_no: _payer(row)
        for batch in in_batches(numbers)
        for row in _payer_rows(uow, accounts.c.account_no.in_(batch))
    }
    by_index = {
        bytes(row.citizen_index): _payer(row)
        for start in range(0, len(indexes), BATCH_ROWS // 2)
        for row in _payer_rows(
            uow, people.c.citizen_index.in_(indexes[start : start + BATCH_ROWS // 2])
        )
    }
    return Payers(by_account, by_index)


def _payer_rows(uow: UnitOfWork, named: ColumnElement[bool]) -> Sequence[Any]:
    joined = accounts.join(
        people,
        and_(
            people.c.county_code == accounts.c.county_code,
            people.c.id == accounts.c.person_id,
        ),
    ).outerjoin(
        enrolments,
        and_(
            enrolments.c.county_code == accounts.c.county_code,
            enrolments.c.person_id == accounts.c.person_id,
            enrolments.c.closed_on.is_(None),
        ),
    )
    columns = (
        accounts.c.account_no,
        accounts.c.person_id,
        accounts.c.village,
        accounts.c.closed_on,
        people.c.name,
        people.c.citizen_index,
        people.c.born_on,
        enrolments.c.state,
        enrolments.c.grade_fen,
    )
    found = select(*columns).select_from(joined)
    mine = accounts.c.county_code == str(uow.node.county)
    return uow.connection.execute(found.where(mine, named)).all()


def _payer(row: Any) -> Payer:
    return Payer(
        account_no=row.account_no,
        person_id=row.person_id,
        name=row.name,
        village=row.village,
        closed_on=row.closed_on,
        state=row.state or "",
        grade_fen=row.grade_fen,
        born_on=row.born_on,
    )


def paid_years(uow: UnitOfWork, account_nos: Sequence[int]) -> dict[int, dict[int, date]]:
    """For each account the years paid and when the money came; reversed payments do not count."""
    found: dict[int, dict[int, date]] = {number: {} for number in account_nos}
    for batch in in_batches(account_nos):
        rows = select(
            contributions.c.account_no, contributions.c.for_year, contributions.c.paid_on
        ).where(
            contributions.c.county_code == str(uow.node.county),
            contributions.c.account_no.in_(batch),
            contributions.c.reversed_entry.is_(None),
        )
        for number, year, paid_on in uow.connection.execute(rows):
            found[number][year] = paid_on
    return found


def used_references(uow: UnitOfWork, references: Sequence[str]) -> set[str]:
    """Which of these bank references have been booked before."""
    found: set[str] = set()
    wanted = sorted(set(references))
    for start in range(0, len(wanted), BATCH_ROWS // 2):
        rows = select(contributions.c.reference).where(
            contributions.c.county_code == str(uow.node.county),
            contributions.c.reference.in_(wanted[start : start + BATCH_ROWS // 2]),
        )
        found.update(uow.connection.execute(rows).scalars())
    return found


def made_up(uow: UnitOfWork, account_nos: Sequence[int]) -> dict[tuple[int, int], int]:
    """The grade in fen at which each (account, year) may be made up: what a case has decided."""
    found: dict[tuple[int, int], int] = {}
    for batch in in_batches(account_nos):
        rows = select(orders.c.account_no, orders.c.for_year, orders.c.grade_fen).where(
            orders.c.county_code == str(uow.node.county),
            orders.c.account_no.in_(batch),
            orders.c.make_up.is_(True),
        )
        for number, year, fen in uow.connection.execute(rows):
            found[number, year] = int(fen)
    return found


def paid_for(uow: UnitOfWork, account_nos: Sequence[int]) -> dict[tuple[int, int], int]:
    """What the governments pay of each (account, year), in fen, where they do."""
    found: dict[tuple[int, int], int] = {}
    for batch in in_batches(account_nos):
        rows = select(
            orders.c.account_no, orders.c.for_year, orders.c.grade_fen - orders.c.own_fen
        ).where(
            orders.c.county_code == str(uow.node.county),
            orders.c.account_no.in_(batch),
            orders.c.own_fen < orders.c.grade_fen,
        )
        for number, year, fen in uow.connection.execute(rows):
            found[number, year] = int(fen)
    return found


def accounts_of(uow: UnitOfWork, account_nos: Sequence[int]) -> dict[int, str]:
    """Whose accounts these are, as far as this node holds the people."""
    found: dict[int, str] = {}
    for batch in in_batches(account_nos):
        rows = (
            select(accounts.c.account_no, people.c.name)
            .join(
                people,
                and_(
                    people.c.county_code == accounts.c.county_code,
                    people.c.id == accounts.c.person_id,
                ),
            )
            .where(accounts.c.county_code == str(uow.node.county), accounts.c.account_no.in_(batch))
        )
        found.update({row.account_no: row.name for row in uow.connection.execute(rows)})
    return found
