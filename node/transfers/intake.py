"""The county a person comes to: ask by letter, and when person and account arrive, take them in.

Taking in is one transaction with the arrival: the person registered, the enrolment and the account
opened, every source posted, the paid years kept, and word of it on its way back. What cannot be
done yet (a closed month) waits with the record; there is no state in between.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import select

import sync
from node.accounts.chart import Kind
from node.accounts.ledger import Entry, Head, NewPosting, book, day_of_books, lines_for
from node.accounts.serials import own_county
from node.accounts.service import NewAccount, open_accounts
from node.accounts.sources import Source
from node.contributions.carried import CarriedYear, NewComer, carry_in, years_of
from node.core.errors import Conflict, Refusal
from node.core.personal import keyring_of
from node.core.work import UnitOfWork
from node.registry.enrol import NewEnrolment, enrol_many, enrolled_people, known_people
from node.registry.records import enrolments
from node.transfers.records import ARRIVED, Row, content, is_outside, steps_of, take
from node.transfers.rules import Step
from tiers import RegionCode


def ask(uow: UnitOfWork, asked: Sequence[tuple[str, str, NewEnrolment]]) -> list[str | Refusal]:
    """Send a letter (接收函) to the county of each: (case id, old county, whom to enrol).

    Raises:
        Forbidden: this node is no county.
    """
    county = str(own_county(uow))
    answers: list[str | Refusal] = []
    for case_id, old, wanted in asked:
        if steps_of(uow, case_id):
            answers.append(Conflict("这件转移已经发出接收函"))
            continue
        row = {
            "id": case_id,
            "from_county": old,
            "to_county": county,
            "village": str(wanted.village),
            "name": wanted.name,
            "case_id": case_id,
        }
        take(uow, Step.ASKED, row, _application(wanted))
        answers.append(case_id)
    return answers


def _application(wanted: NewEnrolment) -> dict[str, Any]:
    return {
        "name": wanted.name,
        "citizen_number": wanted.citizen_number,
        "ethnicity": wanted.ethnicity,
        "address": wanted.address,
        "phone": wanted.phone,
        "category": wanted.category,
        "grade_fen": wanted.grade_fen,
        "bank_account": wanted.bank_account,
    }


def take_in(uow: UnitOfWork, released: Row) -> None:
    """Take a person in who has arrived; doing it twice changes nothing.

    Raises:
        sync.Waiting: the books cannot take it yet; it is tried again.
        sync.Refused: it is not whom this county asked for.
    """
    known = steps_of(uow, released["id"])
    if Step.RECEIVED in known:
        return
    letter, told = known[Step.ASKED], content(released)
    if (
        letter["to_county"] != released["to_county"]
        or told["citizen_number"] != (content(letter)["citizen_number"])
    ):
        raise sync.Refused("转来的人与接收函不是同一人")
    try:
        _take_in(uow, letter, released, told)
    except Refusal as refusal:
        raise sync.Waiting(refusal.message) from refusal


@dataclass(frozen=True, slots=True)
class Sheet:
    """What another agency's information sheet says; `years` tells which years count from now on,
    given those that count here already.
    """

    origin: str
    agency: str
    number: str
    balance: Mapping[Source, int]
    years: Callable[[Sequence[int]], Sequence[int]]


def take_sheet(uow: UnitOfWork, wanted: NewEnrolment, sheet: Sheet, *, case_id: str) -> None:
    """Take somebody in from outside the network, by the sheet of the other agency.

    Raises:
        Forbidden: this node is no county.
        Refusal: the enrolment or the books cannot take it.
    """
    letter = {
        "village": str(wanted.village),
        "name": wanted.name,
        "case_id": case_id,
        "reference": sheet.number,
        "reason": sheet.agency,
        "body": json.dumps(_application(wanted)),
    }
    released = {
        "id": case_id,
        "from_county": sheet.origin,
        "to_county": str(own_county(uow)),
        "fen": sum(sheet.balance.values()),
        "taken_on": uow.today,
    }
    told = {
        "name": wanted.name,
        "citizen_number": wanted.citizen_number,
        "balance": {source.value: fen for source, fen in sheet.balance.items()},
        "years": sheet.years,
    }
    _take_in(uow, letter, released, told)


def _carried(uow: UnitOfWork, number: int, years: Any) -> list[CarriedYear]:
    """The years of a record, or those a sheet adds: paid nothing here, and no subsidy is due."""
    if not callable(years):
        return [CarriedYear.from_row(row) for row in years]
    here = [each.for_year for each in years_of(uow, number)]
    return [
        CarriedYear(year, 0, 0, min(date(year, 12, 31), uow.today), make_up=False, subsidy_fen=0)
        for year in years(here)
    ]


def _take_in(uow: UnitOfWork, letter: Row, released: Row, told: dict[str, Any]) -> None:
    person_id, enrolment_id = _enrolled(uow, letter, released)
    place = NewAccount(person_id, letter["village"], released["taken_on"])
    number = open_accounts(uow, [place])[person_id]
    entry_no = _posted(uow, number, letter, released, told)
    who = NewComer(number, person_id, letter["village"], released["id"], entry_no or 0)
    years = _carried(uow, number, told["years"])
    carry_in(uow, who, years)
    row = {
        "id": released["id"],
        "from_county": released["from_county"],
        "to_county": released["to_county"],
        "village": letter["village"],
        "name": letter["name"],
        "person_id": person_id,
        "account_no": number,
        "enrolment_id": enrolment_id,
        "fen": released["fen"],
        "entry_no": entry_no,
        "case_id": letter["case_id"],
        "reference": letter.get("reference", ""),
        "reason": letter.get("reason", ""),
    }
    body = {"name": told["name"], "citizen_number": told["citizen_number"]}
    if is_outside(released):  # the other side has told nothing: this is all there is
        body |= {"balance": told["balance"], "years": [year.as_row() for year in years]}
    take(uow, Step.RECEIVED, row, body)


ARRIVED[Step.RELEASED] = take_in


def _enrolled(uow: UnitOfWork, letter: Row, released: Row) -> tuple[str, str]:
    """Person and open enrolment; who has been enrolled here meanwhile keeps that enrolment."""
    asked = content(letter)
    index = keyring_of(uow.connection).index(asked["citizen_number"])
    person_id = known_people(uow, [index]).get(index)
    if person_id is None or person_id not in enrolled_people(uow, [person_id]):
        wanted = NewEnrolment(
            **{**asked, "village": RegionCode(letter["village"])},
            opened_on=released["taken_on"],
            case_id=letter["case_id"],
        )
        (found,) = enrol_many(uow, [wanted])
        if isinstance(found, Refusal):
            raise found
        person_id = found
    mine = (
        enrolments.c.county_code == str(uow.node),
        enrolments.c.person_id == person_id,
        enrolments.c.closed_on.is_(None),
    )
    return person_id, str(uow.connection.execute(select(enrolments.c.id).where(*mine)).scalar_one())


def _posted(
    uow: UnitOfWork, number: int, letter: Row, released: Row, told: dict[str, Any]
) -> int | None:
    """Every source, under the day of its release: with a lag of one month it earns from the month
    after, with none from the month itself, and up to there the old county has settled
    (`rules.settled_through`).
    """
    if not told["balance"]:
        return None
    day: date = released["taken_on"]
    moved = [
        NewPosting(
            account_no=number,
            village=letter["village"],
            source=Source(source),
            kind=Kind.TRANSFER_IN,
            fen=fen,
            business_date=day,
            for_year=day.year,
        )
        for source, fen in told["balance"].items()
    ]
    memo = "关系转入，全部储存额入账"
    head = Head(Kind.TRANSFER_IN, day_of_books(uow, day.year), "transfer", released["id"], memo)
    return book(uow, Entry(head, lines_for(moved), moved))
