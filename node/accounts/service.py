"""Open accounts and find them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select as select_columns
from sqlmodel import col, select

from node.accounts.balances import accounts, balances
from node.accounts.models import Account
from node.accounts.records import publish_accounts, publish_closed, publish_opened
from node.accounts.serials import ACCOUNT, own_county, serial
from node.core.db import BATCH_ROWS, upsert
from node.core.errors import Conflict, Invalid, NotFound
from node.core.money import yuan
from node.core.work import UnitOfWork
from node.registry.events import Opened
from node.registry.models import Person
from tiers import Level, RegionCode

PREFIX, SERIAL = 6, 8
_NUMBER = re.compile(r"(?:([1-9][0-9]{5})-)?([0-9]{1,12})")


@dataclass(frozen=True, slots=True)
class NewAccount:
    """Whose account is to be opened, and where that person belongs."""

    person_id: str
    village: str
    opened_on: date


def open_accounts(uow: UnitOfWork, people: Sequence[NewAccount]) -> dict[str, int]:
    """Open an account for everybody who has none yet; answers account numbers by person.

    Who comes back after a cancellation has one for life: it is opened again, in the village of now.

    Raises:
        Forbidden: this node keeps no accounts.
    """
    county = own_county(uow)
    had = numbers_of(uow, [each.person_id for each in people])
    _open_again(uow, [each for each in people if each.person_id in had])
    new = list({each.person_id: each for each in people if each.person_id not in had}.values())
    if not new:
        return had
    first = serial(uow, ACCOUNT, len(new))
    rows = [
        {
            "county_code": str(county),
            "account_no": number,
            "person_id": each.person_id,
            "village": each.village,
            "opened_on": each.opened_on,
            "closed_on": None,
        }
        for number, each in enumerate(new, first)
    ]
    for start in range(0, len(rows), BATCH_ROWS):
        uow.connection.execute(accounts.insert(), rows[start : start + BATCH_ROWS])
    publish_opened(uow, rows)
    return had | {each.person_id: number for number, each in enumerate(new, first)}


def _open_again(uow: UnitOfWork, people: Sequence[NewAccount]) -> None:
    villages = {each.person_id: each.village for each in people}
    rows: list[dict[str, Any]] = []
    ids = list(villages)
    for start in range(0, len(ids), BATCH_ROWS // 2):
        closed = select_columns(accounts).where(
            accounts.c.county_code == str(own_county(uow)),
            accounts.c.person_id.in_(ids[start : start + BATCH_ROWS // 2]),
            accounts.c.closed_on.is_not(None),
        )
        found = uow.connection.execute(closed).mappings()
        rows += [
            {**row, "village": str(villages[row["person_id"]]), "closed_on": None} for row in found
        ]
    if rows:
        upsert(uow.connection, accounts, rows)
        publish_accounts(uow, rows)


def close_accounts(uow: UnitOfWork, account_nos: Sequence[int], *, on: date) -> None:
    """Close accounts that hold nothing any more (销户): nothing is posted to them from now on.

    Raises:
        Forbidden: this node keeps no accounts.
        NotFound: there is no such account.
        Conflict: an account still holds money.
    """
    county = str(own_county(uow))
    left = balances(uow, account_nos)
    closed = []
    for number in account_nos:
        found = uow.get(Account, county, number)
        fen = sum(left[number].values())
        if any(left[number].values()):
            raise Conflict(
                "账户 {account_no} 还有余额 {fen} 元，不能注销", account_no=number, fen=yuan(fen)
            )
        if found.closed_on is None:
            found.closed_on = on
            uow.session.add(found)
            closed.append({"village": found.village, "account_no": number})
    if closed:
        publish_closed(uow, closed, on=on)


def open_for_enrolments(uow: UnitOfWork, enrolments: Sequence[Opened]) -> None:
    """Give everybody who has just been enrolled an account (hook of the registry)."""
    people = [NewAccount(each.person_id, each.village, each.opened_on) for each in enrolments]
    open_accounts(uow, people)


def numbers_of(uow: UnitOfWork, person_ids: Sequence[str]) -> dict[str, int]:
    """Account numbers of people of this county, where they have one."""
    county = str(uow.node.county)
    found: dict[str, int] = {}
    ids = list(person_ids)
    for start in range(0, len(ids), BATCH_ROWS // 2):
        batch = ids[start : start + BATCH_ROWS // 2]
        rows = select(Account.person_id, Account.account_no).where(
            Account.county_code == county, col(Account.person_id).in_(batch)
        )
        found.update(uow.session.exec(rows).all())
    return found


def holdings(uow: UnitOfWork, person_ids: Sequence[str]) -> dict[str, int]:
    """What the accounts of these people hold, in fen (hook of the registry)."""
    numbers = numbers_of(uow, person_ids)
    held = balances(uow, list(numbers.values()))
    sums = {person_id: sum(held[number].values()) for person_id, number in numbers.items()}
    return {person_id: fen for person_id, fen in sums.items() if fen}


def printed(county: str, account_no: int) -> str:
    """An account number as statements print it: county prefix and serial, `410122-00000123`."""
    return f"{county[:PREFIX]}-{account_no:0{SERIAL}d}"


def read_number(text: str, *, here: RegionCode) -> tuple[RegionCode, int]:
    """The county and serial of an account number as typed; a bare serial is of this county.

    Raises:
        Invalid: it is not an account number.
    """
    found = _NUMBER.fullmatch(text.strip())
    prefix = found[1] if found else None
    county = RegionCode(prefix.ljust(12, "0")) if prefix else here.county
    if found is None or county is None or county.level is not Level.COUNTY:
        raise Invalid("个人账户号形如 410122-00000123", field="account_no")
    return county, int(found[2])


def account(uow: UnitOfWork, county: RegionCode, account_no: int) -> Account:
    """One account inside the region this person works for.

    Raises:
        NotFound: there is none, or it lies elsewhere.
    """
    found = uow.session.get(Account, (str(county), account_no))
    if found is None or not uow.actor.scope.contains(found.village):
        raise NotFound("没有找到这个个人账户，或不在您负责的区域内", field="account_no")
    return found


def account_of(uow: UnitOfWork, person: Person) -> Account | None:
    """The account of a person, if it was opened."""
    found = select(Account).where(
        Account.county_code == person.county_code, Account.person_id == person.id
    )
    return uow.session.exec(found).first()
