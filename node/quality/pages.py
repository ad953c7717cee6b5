"""Pages: how counties stand, what was found, what the county says of it."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, Query, Request
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel, Field

from node.core.edge import Reading, Writing, page, redisplay
from node.core.work import UnitOfWork
from node.policy.quality_bodies import Severity
from node.quality import service
from node.quality.capability import run_check
from node.quality.check import newest_day
from node.quality.rulebook import RULES
from node.quality.rules import Answer
from tiers import Level, RegionCode, Role

PPM_PER_CENT = 10_000

router = APIRouter(prefix="/quality", include_in_schema=False)
Text = Annotated[str, Form()]

STANDINGS = [("open", "未了"), ("overdue", "逾期"), ("answered", "已核实"), ("gone", "已消除")]


class Asked(BaseModel):
    """What a reader chose."""

    region: str = ""
    rule: str = ""
    severity: str = ""
    standing: str = "open"
    page: Annotated[int, Field(ge=1, le=100_000)] = 1


@router.get("")
def index(request: Request, uow: Reading, asked: Annotated[Asked, Query()]) -> Response:
    """How counties stand, open findings by rule, and a list to work off."""
    region = RegionCode(asked.region) if asked.region else uow.actor.scope
    wanted = service.Wanted(region, asked.rule, asked.severity, asked.standing, asked.page)
    findings, total = service.listed(uow, wanted)
    days = service.trend(uow, region)
    standings = service.standings(uow, region)
    return page(
        request,
        "quality/index.html",
        asked=asked,
        region=region,
        findings=findings,
        total=total,
        pages=-(-total // service.PER_PAGE) or 1,
        counts=service.by_rule(uow, region),
        standings=standings,
        scores={str(s.county): s.score_ppm / PPM_PER_CENT for s in standings},
        days=[f"{day:%m-%d}" for day, _ in days],
        trend=[points / PPM_PER_CENT for _, points in days],
        checked_on=newest_day(uow),
        name_of=request.app.state.node.places.name,
        rule_options=[("", "全部"), *((r.code, r.title) for r in RULES.values())],
        severity_options=[("", "全部"), *((s.value, s.title) for s in Severity)],
        standing_options=STANDINGS,
        answers={one.value: one.title for one in Answer},
        may_answer=_may_answer(uow),
        may_compare=uow.actor.holds(Role.QUALITY_SUPERVISOR, Role.INSPECTOR, Role.AUDITOR)
        and uow.level.rank <= Level.COUNTY.rank,
        may_check=uow.level.rank <= Level.COUNTY.rank,
        lowest=_lowest(standings),
        percent=lambda value: f"{value:.1f}%",
    )


def _lowest(standings: list[service.Standing]) -> float:
    """Where the map's scale begins, in per cent: the worst county, rounded down to a twentieth."""
    worst = min((each.score_ppm for each in standings), default=0)
    return float(worst // (5 * PPM_PER_CENT) * 5)


def _may_answer(uow: UnitOfWork) -> bool:
    return uow.level is Level.COUNTY and uow.actor.holds(Role.AUDITOR, Role.REVIEWER)


@router.post("/check")
def check_now(uow: Writing) -> Response:
    """Check now instead of tonight."""
    run_check(uow)
    return RedirectResponse("/quality", status_code=303)


@router.get("/answer")
def answer_form(request: Request, uow: Reading, rule: str, subject: str) -> Response:
    """One finding, and what to say of it."""
    return page(request, "quality/answer.html", **_context(uow, rule, subject))


def _context(uow: UnitOfWork, rule: str, subject: str, **typed: str) -> dict[str, Any]:
    found = service.one(uow, rule, subject)
    return {
        "shown": found,
        "options": [(one.value, one.title) for one in Answer],
        "typed": {"answer": found.row["answer"] or "", "note": found.row["note"] or "", **typed},
    }


@router.post("/answer")
def answer(rule: Text, subject: Text, uow: Writing, answer: Text = "", note: Text = "") -> Response:
    """What the county says."""
    with redisplay("quality/answer.html", **_context(uow, rule, subject, answer=answer, note=note)):
        service.give_answer(uow, rule=rule, subject=subject, said=answer, note=note)
    return RedirectResponse("/quality", status_code=303)
