"""Pages: the ranking, one county's year, inspections and one visit."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from node.assessment import inspecting, rules, service
from node.core.edge import Reading, Writing, page, redisplay
from node.core.work import UnitOfWork
from node.policy.assessment_bodies import Indicator
from node.statistics.cells import counties_held
from node.statistics.freshness import UP_TO_DATE
from tiers import Level, Role

router = APIRouter(prefix="/assessment", include_in_schema=False, dependencies=[UP_TO_DATE])
Text = Annotated[str, Form()]
Year = Annotated[int, Query(ge=0, le=2200)]

YEARS_SHOWN = 5


def points(milli: int | None) -> str:
    """Thousandths of a point with two decimals, half up."""
    if milli is None:
        return "—"
    hundredths = (abs(milli) + 5) // 10
    return f"{'−' if milli < 0 else ''}{hundredths // 100}.{hundredths % 100:02d}"


def _shared(uow: UnitOfWork, year: int) -> dict[str, Any]:
    newest = uow.today.year
    at_city = uow.level is Level.CITY
    return {
        "year": year or newest,
        "years": [str(newest - back) for back in range(YEARS_SHOWN)],
        "may_assess": at_city and uow.actor.holds(Role.ASSESSOR),
        "may_inspect": at_city and uow.actor.holds(Role.ASSESSOR, Role.INSPECTOR),
        "may_answer": uow.level is Level.COUNTY and uow.actor.holds(Role.AUDITOR),
        "is_live": at_city,
        "points": points,
        "indicators": {each.value: each.title for each in Indicator},
        "today": uow.today,
        "is_overdue": inspecting.is_overdue,
    }


@router.get("")
def index(request: Request, uow: Reading, year: Year = 0) -> Response:
    """Counties by score."""
    return page(request, "assessment/index.html", **_index(uow, year))


def _index(uow: UnitOfWork, year: int) -> dict[str, Any]:
    shared = _shared(uow, year)
    standings = service.standings(uow, shared["year"])
    return {
        **shared,
        "standings": standings,
        "scheme": service.scheme(uow, shared["year"]),
        "improve": {each.county: rules.to_improve(each.items) for each in standings},
    }


@router.post("/publish")
def publish(uow: Writing, year: Annotated[int, Form(ge=2009, le=2200)]) -> Response:
    """Publish the year as it stands."""
    with redisplay("assessment/index.html", **_index(uow, year)):
        service.publish(uow, year)
    return RedirectResponse(f"/assessment?year={year}", status_code=303)


@router.get("/inspections")
def inspections(request: Request, uow: Reading) -> Response:
    """Visits, planned and made."""
    return page(request, "assessment/inspections.html", **_inspections(uow, {}))


def _inspections(uow: UnitOfWork, typed: dict[str, str]) -> dict[str, Any]:
    listed = inspecting.inspections(uow)
    return {
        **_shared(uow, 0),
        "listed": listed,
        "answers": {one.id: inspecting.answers_of(uow, one.id) for one in listed},
        "counties": [str(code) for code in counties_held(uow)],
        "typed": {"county": "", "on": "", "purpose": "", **typed},
    }


@router.post("/inspections")
def plan(uow: Writing, county: Text = "", on: Text = "", purpose: Text = "") -> Response:
    """Plan a visit."""
    typed = {"county": county, "on": on, "purpose": purpose}
    with redisplay("assessment/inspections.html", **_inspections(uow, typed)):
        made = inspecting.plan(uow, county, on=on, purpose=purpose)
    return RedirectResponse(f"/assessment/inspections/{made.id}", status_code=303)


@router.get("/inspections/{inspection_id}")
def inspection(request: Request, uow: Reading, inspection_id: str) -> Response:
    """One visit, its findings and what became of them."""
    return page(request, "assessment/inspection.html", **_inspection(uow, inspection_id, {}))


def _inspection(uow: UnitOfWork, inspection_id: str, typed: dict[str, str]) -> dict[str, Any]:
    blank = dict.fromkeys(("on", "conclusion", "text", "due", "number", "answer"), "")
    return {
        **_shared(uow, 0),
        "one": inspecting.inspection(uow, inspection_id),
        "answers": inspecting.answers_of(uow, inspection_id),
        "typed": {**blank, **typed},
    }


@router.post("/inspections/{inspection_id}/visit")
def visit(uow: Writing, inspection_id: str, on: Text = "", conclusion: Text = "") -> Response:
    """Record the visit."""
    typed = {"on": on, "conclusion": conclusion}
    with redisplay("assessment/inspection.html", **_inspection(uow, inspection_id, typed)):
        inspecting.visit(uow, inspection_id, on=on, conclusion=conclusion)
    return RedirectResponse(f"/assessment/inspections/{inspection_id}", status_code=303)


@router.post("/inspections/{inspection_id}/findings")
def finding(uow: Writing, inspection_id: str, text: Text = "", due: Text = "") -> Response:
    """Record a finding."""
    typed = {"text": text, "due": due}
    with redisplay("assessment/inspection.html", **_inspection(uow, inspection_id, typed)):
        inspecting.add_finding(uow, inspection_id, text=text, due=due)
    return RedirectResponse(f"/assessment/inspections/{inspection_id}", status_code=303)


@router.post("/inspections/{inspection_id}/findings/{number}/answer")
def answer(uow: Writing, inspection_id: str, number: int, answer: Text = "") -> Response:
    """What the county has done."""
    typed = {"number": str(number), "answer": answer}
    with redisplay("assessment/inspection.html", **_inspection(uow, inspection_id, typed)):
        inspecting.answer(uow, inspection_id, number, text=answer)
    return RedirectResponse(f"/assessment/inspections/{inspection_id}", status_code=303)


@router.post("/inspections/{inspection_id}/findings/{number}/close")
def close(uow: Writing, inspection_id: str, number: int) -> Response:
    """Accept what the county has done."""
    inspecting.close(uow, inspection_id, number)
    return RedirectResponse(f"/assessment/inspections/{inspection_id}", status_code=303)


@router.get("/{county}")
def one(request: Request, uow: Reading, county: str, year: Year = 0) -> Response:
    """One county's year, item by item."""
    return page(request, "assessment/county.html", **_county(uow, county, year, {}))


def _county(uow: UnitOfWork, county: str, year: int, typed: dict[str, str]) -> dict[str, Any]:
    shared = _shared(uow, year)
    standing = service.standing(uow, county, shared["year"])
    past = service.trend(uow, county)
    return {
        **shared,
        "standing": standing,
        "improve": rules.to_improve(standing.items),
        "hand": service.hand_items(uow, shared["year"]) if shared["may_assess"] else [],
        "past_years": [str(each) for each, _ in past],
        "past": [total / rules.MILLI for _, total in past],
        "typed": {"item": "", "percent": "", "note": "", **typed},
    }


class Mark(BaseModel):
    """What is given by hand, as typed; the token of the form comes along."""

    model_config = ConfigDict(extra="ignore")

    year: Annotated[int, Field(ge=2009, le=2200)]
    item: str = ""
    percent: str = ""
    note: str = ""


@router.post("/{county}/marks")
def mark(uow: Writing, county: str, given: Annotated[Mark, Form()]) -> Response:
    """Give marks by hand."""
    typed = {"item": given.item, "percent": given.percent, "note": given.note}
    year = given.year
    with redisplay("assessment/county.html", **_county(uow, county, year, typed)):
        service.give_mark(uow, county, year, given.item, percent=given.percent, note=given.note)
    return RedirectResponse(f"/assessment/{county}?year={year}", status_code=303)
