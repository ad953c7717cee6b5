"""People, rosters and rolls for programs. Numbers are masked; reading one in full is recorded."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Form, Query, UploadFile
from pydantic import BaseModel

from node.core.edge import Reading, Writing
from node.core.personal import mask_citizen_number
from node.registry import rolls, service
from node.registry.rolls import CheckedRoll, Verdict

router = APIRouter(prefix="/api/registry", tags=["registry"])


class PersonOut(BaseModel):
    """A person and the latest enrolment."""

    id: str
    name: str
    citizen_number: str
    sex: str
    born_on: date
    ethnicity: str
    village: str
    category: str
    state: str | None
    grade_fen: int | None
    opened_on: date | None


class PeopleOut(BaseModel):
    """One page of people."""

    total: int
    page: int
    pages: int
    people: list[PersonOut]


class FullOut(BaseModel):
    """What is hidden elsewhere."""

    citizen_number: str
    phone: str | None
    bank_account: str | None


class CellOut(BaseModel):
    """One cell that is wrong, as the spreadsheet numbers its row."""

    row: int
    column: str
    message: str


class RollOut(BaseModel):
    """What became of a roll. `already` rows are enrolled or under way and were left alone."""

    rows: int
    accepted: int
    refused: int
    already: int
    problems: list[CellOut]
    notices: list[CellOut]


class RosterIn(BaseModel):
    """Which part of whose roster."""

    region: str = ""
    page: int = 1
    size: int = 50


class ReasonIn(BaseModel):
    """Why a number has to be read in full."""

    reason: str


def _person(listed: service.Listed) -> PersonOut:
    person, enrolment = listed.person, listed.enrolment
    return PersonOut(
        id=person.id,
        name=person.name,
        citizen_number=mask_citizen_number(person.citizen_number),
        sex=person.sex,
        born_on=person.born_on,
        ethnicity=person.ethnicity,
        village=person.village,
        category=person.category,
        state=enrolment.state if enrolment else None,
        grade_fen=enrolment.grade_fen if enrolment else None,
        opened_on=enrolment.opened_on if enrolment else None,
    )


@router.get("/people")
def find(uow: Reading, text: str) -> list[PersonOut]:
    """People by citizen number, or by the beginning of their name; the first fifty."""
    return [_person(listed) for listed in service.find(uow, text)]


@router.get("/roster")
def roster(uow: Reading, asked: Annotated[RosterIn, Query()]) -> PeopleOut:
    """The people of a region, by village and name."""
    region = asked.region or str(uow.actor.scope)
    found = service.roster(uow, region, number=asked.page, size=asked.size)
    people = [_person(listed) for listed in found.items]
    return PeopleOut(total=found.total, page=found.number, pages=found.pages, people=people)


@router.get("/people/{person_id}")
def show(person_id: str, uow: Reading) -> PersonOut:
    """One person."""
    person = service.person_of(uow, person_id)
    enrolments = service.enrolments_of(uow, person)
    return _person(service.Listed(person, enrolments[0] if enrolments else None))


@router.post("/people/{person_id}/reveal")
def reveal(person_id: str, body: ReasonIn, uow: Writing) -> FullOut:
    """The numbers in full; the reading is recorded."""
    person = service.unmask(uow, person_id, reason=body.reason)
    accounts = [one.bank_account for one in service.enrolments_of(uow, person)]
    return FullOut(
        citizen_number=person.citizen_number,
        phone=person.phone,
        bank_account=next((account for account in accounts if account), None),
    )


@router.post("/rolls")
def import_roll(
    uow: Writing,
    file: UploadFile,
    village: Annotated[str, Form()] = "",
    consent: Annotated[bool, Form()] = True,
    kind: Annotated[str, Form()] = rolls.ROLL,
) -> RollOut:
    """Import a roll (Excel or CSV); whoever sends it vouches that everybody has signed.

    `kind` is `roll`, or at a county `migration` for people an older system has enrolled.
    """
    done = rolls.import_roll(
        uow,
        file.file.read(rolls.FILE_LARGEST + 1),
        filename=file.filename or "",
        village=village or str(uow.actor.scope),
        consent=consent,
        provenance=rolls.MIGRATION if kind == rolls.MIGRATION else rolls.ROLL,
    )
    return _roll(done)


@router.post("/rolls/check")
def check_roll(uow: Reading, file: UploadFile, village: Annotated[str, Form()] = "") -> RollOut:
    """What importing a roll would do; nothing is changed."""
    done = rolls.check_roll(
        uow,
        file.file.read(rolls.FILE_LARGEST + 1),
        filename=file.filename or "",
        village=village or str(uow.actor.scope),
    )
    return _roll(done)


def _roll(done: CheckedRoll) -> RollOut:
    bad = done.of(Verdict.BAD)
    return RollOut(
        rows=len(done.rows),
        accepted=len(done.of(Verdict.GOOD)),
        refused=len(bad),
        already=len(done.of(Verdict.ALREADY)),
        problems=[
            CellOut(row=problem.row, column=problem.column, message=problem.message)
            for row in bad
            for problem in row.problems
        ],
        notices=[
            CellOut(
                row=row.row.number,
                column=rolls.column_title(notice.field),
                message=notice.message,
            )
            for row in done.rows
            for notice in row.notices
        ],
    )
