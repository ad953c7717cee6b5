"""Cases for programs: enter, pass, return and decide many at once; an answer for each."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from node.cases import service
from node.cases.matter import matter_of, matters
from node.cases.models import Case
from node.cases.queries import typed_values
from node.cases.records import read_remarks
from node.core.edge import Reading, Writing
from node.core.errors import Problems, Refusal

router = APIRouter(prefix="/api/cases", tags=["cases"])

AT_ONCE = 5_000


class ProblemOut(BaseModel):
    """One thing that is wrong, and the field it is about."""

    field: str | None
    message: str


class RefusalOut(BaseModel):
    """Why a case stayed where it was."""

    code: str
    title: str
    field: str | None = None
    problems: list[ProblemOut] = []


class OutcomeOut(BaseModel):
    """What became of one case of many; `index` is its place in what was sent."""

    index: int
    id: str
    number: str
    state: str | None
    refusal: RefusalOut | None = None


class OutcomesOut(BaseModel):
    """How many went through, and each of them."""

    accepted: int
    refused: int
    outcomes: list[OutcomeOut]


def _by_field(stored: str | dict[str, str]) -> dict[str, str]:
    """Remarks as a row keeps them, or as an answer that is built from another already has them."""
    return stored if isinstance(stored, dict) else read_remarks(stored)


ByField = Annotated[dict[str, str], BeforeValidator(_by_field)]
"""Remarks by field, from how a case keeps them."""


class CaseOut(BaseModel):
    """A case as lists show it; numbers stay masked in `form`."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    number: str
    matter: str
    village: str
    origin: str
    subject_name: str
    version: int
    state: str
    holder: str | None
    remark: str
    remarks: ByField
    entered_by_name: str
    entered_at: datetime
    moved_at: datetime
    due_on: date | None
    outcome: str | None
    provenance: str


class StepOut(BaseModel):
    """One step of a case."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    action: str
    state: str
    version: int
    node: str
    actor_name: str
    at: datetime
    arrived_at: datetime
    opinion: str
    remarks: ByField


class CaseFull(CaseOut):
    """A case with its form, numbers masked, and its steps."""

    form: dict[str, Any]
    steps: list[StepOut]


class CasesOut(BaseModel):
    """One page of a list."""

    total: int
    page: int
    pages: int
    cases: list[CaseOut]


class ListingIn(BaseModel):
    """Which part of which list."""

    tab: service.Tab = service.Tab.RECENT
    matter: str = ""
    region: str = ""
    text: str = ""
    page: int = 1
    size: int = 50


class SubmissionIn(BaseModel):
    """Forms of one matter, as typed: amounts in fen, dates as 2026-03-01."""

    model_config = ConfigDict(extra="forbid")

    matter: str
    forms: list[dict[str, Any]] = Field(min_length=1, max_length=AT_ONCE)


class ManyIn(BaseModel):
    """Cases to pass, with one opinion for all."""

    model_config = ConfigDict(extra="forbid")

    ids: list[str] = Field(min_length=1, max_length=AT_ONCE)
    opinion: str = ""


class ReturnIn(BaseModel):
    """Cases to send back: what is wrong, and in which field."""

    model_config = ConfigDict(extra="forbid")

    ids: list[str] = Field(min_length=1, max_length=AT_ONCE)
    reason: str = ""
    remarks: dict[str, str] = {}


class RejectIn(BaseModel):
    """Cases to decide against, and why."""

    model_config = ConfigDict(extra="forbid")

    ids: list[str] = Field(min_length=1, max_length=AT_ONCE)
    reason: str


class CorrectionIn(BaseModel):
    """The corrected form of a returned case."""

    model_config = ConfigDict(extra="forbid")

    form: dict[str, Any]
    note: str = ""


class WithdrawalIn(BaseModel):
    """Why a case is taken back."""

    model_config = ConfigDict(extra="forbid")

    reason: str


class MatterOut(BaseModel):
    """A matter handled here, with the JSON schema of its form."""

    code: str
    title: str
    path: list[str]
    form: dict[str, Any]


def refusal_out(refusal: Refusal) -> RefusalOut:
    """A refusal as programs read it."""
    several = refusal.problems if isinstance(refusal, Problems) else ()
    return RefusalOut(
        code=refusal.code,
        title=refusal.message,
        field=refusal.field,
        problems=[ProblemOut(field=one.field, message=one.message) for one in several],
    )


def _outcomes(outcomes: Sequence[service.Outcome]) -> OutcomesOut:
    shown = [
        OutcomeOut(
            index=index,
            id=outcome.case_id,
            number=outcome.number,
            state=outcome.state,
            refusal=refusal_out(outcome.refusal) if outcome.refusal else None,
        )
        for index, outcome in enumerate(outcomes)
    ]
    refused = sum(1 for one in shown if one.refusal)
    return OutcomesOut(accepted=len(shown) - refused, refused=refused, outcomes=shown)


def _case(case: Case) -> CaseOut:
    return CaseOut.model_validate(case)


@router.get("/matters")
def listed_matters(_uow: Reading) -> list[MatterOut]:
    """What can be applied for here."""
    return [
        MatterOut(
            code=matter.code,
            title=matter.title,
            path=[str(level) for level in matter.path],
            form=matter.form.model_json_schema(),
        )
        for matter in matters()
    ]


@router.get("")
def listed(uow: Reading, asked: Annotated[ListingIn, Query()]) -> CasesOut:
    """Cases of the region the asker works for; `tab=mine` is what waits for them."""
    by = service.Filter(matter=asked.matter, region=asked.region, text=asked.text)
    found = service.inbox(uow, asked.tab, by=by, number=asked.page, size=asked.size)
    return CasesOut(
        total=found.total,
        page=found.number,
        pages=found.pages,
        cases=[_case(case) for case in found.items],
    )


@router.post("")
def submit(body: SubmissionIn, uow: Writing) -> OutcomesOut:
    """Enter cases; good ones go through, refused ones come back with their reasons."""
    return _outcomes(service.submit_many(uow, body.matter, body.forms, provenance="api"))


@router.post("/first-review")
def first_review(body: ManyIn, uow: Writing) -> OutcomesOut:
    """Pass at the township (初审)."""
    return _outcomes(service.first_review_many(uow, body.ids, opinion=body.opinion))


@router.post("/review")
def review(body: ManyIn, uow: Writing) -> OutcomesOut:
    """Pass at the county's review desk (复核)."""
    return _outcomes(service.review_many(uow, body.ids, opinion=body.opinion))


@router.post("/approve")
def approve(body: ManyIn, uow: Writing) -> OutcomesOut:
    """Approve (审批), by another person than who reviewed."""
    return _outcomes(service.approve_many(uow, body.ids, opinion=body.opinion))


@router.post("/return")
def return_back(body: ReturnIn, uow: Writing) -> OutcomesOut:
    """Send back to the step before (退回补正)."""
    outcomes = service.return_many(uow, body.ids, reason=body.reason, remarks=body.remarks)
    return _outcomes(outcomes)


@router.post("/reject")
def reject(body: RejectIn, uow: Writing) -> OutcomesOut:
    """Decide against (不予办理)."""
    return _outcomes(service.reject_many(uow, body.ids, reason=body.reason))


@router.get("/{case_id}")
def show(case_id: str, uow: Reading) -> CaseFull:
    """One case with its steps."""
    case = service.case_of(uow, case_id)
    matter = matter_of(case.matter)
    values = typed_values(case)
    form = {
        field.name: field.words(values[field.name]) if field.shown.mask else values[field.name]
        for field in matter.fields(uow)
        if field.name in values
    }
    steps = [StepOut.model_validate(step) for step in service.timeline(uow, case)]
    return CaseFull(**_case(case).model_dump(), form=form, steps=steps)


@router.get("/{case_id}/form")
def form_in_full(case_id: str, uow: Writing, reason: str = "程序读取") -> dict[str, Any]:
    """The form with its numbers in full; the reading is recorded."""
    return typed_values(service.reveal(uow, case_id, reason=reason))


@router.post("/{case_id}/correction")
def resubmit(case_id: str, body: CorrectionIn, uow: Writing) -> CaseOut:
    """Send a returned case on again with its corrected form."""
    return _case(service.resubmit(uow, case_id, body.form, note=body.note))


@router.post("/{case_id}/withdrawal")
def withdraw(case_id: str, body: WithdrawalIn, uow: Writing) -> CaseOut:
    """Take an open case back (撤回)."""
    return _case(service.withdraw(uow, case_id, reason=body.reason))
