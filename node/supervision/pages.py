"""Pages: counties and their days, one day line by line, a question and its answer."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from node.accounts.chart import Kind as Voucher
from node.cases.matter import matters
from node.core.edge import Reading, Writing, page, redisplay
from node.core.i18n import _
from node.core.work import UnitOfWork
from node.supervision import service
from node.supervision.rules import Kind
from tiers import Level, Role

router = APIRouter(prefix="/supervision", include_in_schema=False)
Text = Annotated[str, Form()]

KINDS = {
    Kind.LOOK: _("查看"),
    Kind.EXPORT: _("导出"),
    Kind.PRINT: _("打印"),
    Kind.CHANGE: _("变动"),
}
ABOUT = {"person": _("个人信息"), "case": _("业务表单"), "list": _("名单"), "file": _("文件")}


def matter_title(code: str) -> str:
    """What a use was about, in words."""
    titles = {matter.code: matter.title for matter in matters()} | ABOUT
    titles |= {f"voucher.{kind.value}": kind.title for kind in Voucher}
    return str(titles.get(code, code))


def _may(uow: UnitOfWork) -> dict[str, bool]:
    above = uow.level.rank < Level.COUNTY.rank
    return {
        "may_ask": above and uow.actor.holds(*service.SUPERVISORS),
        "may_answer": uow.level is Level.COUNTY and uow.actor.holds(Role.AUDITOR),
    }


@router.get("")
def index(request: Request, uow: Reading) -> Response:
    """Counties by how far behind they are, and questions that wait."""
    standings = service.standings(uow)
    waiting = service.open_questions(uow)
    return page(
        request,
        "supervision/index.html",
        standings=standings,
        waiting=waiting,
        kinds=KINDS,
        matter=matter_title,
        **_may(uow),
    )


@router.get("/questions/{question_id}")
def show(request: Request, uow: Reading, question_id: str) -> Response:
    """A question and what the county says."""
    return page(request, "supervision/question.html", **_question(uow, question_id, ""))


def _question(uow: UnitOfWork, question_id: str, typed: str) -> dict[str, Any]:
    question = service.question_of(uow, question_id)
    is_answered = question.answered_at is not None
    return {
        "question": question,
        "wrong": service.problems_of(uow, question) if is_answered else [],
        "typed": typed,
        "kinds": KINDS,
        "matter": matter_title,
        **_may(uow),
    }


@router.post("/questions/{question_id}")
def answer(uow: Writing, question_id: str, answer: Text = "") -> Response:
    """The county's answer."""
    with redisplay("supervision/question.html", **_question(uow, question_id, answer)):
        service.answer(uow, question_id, answer)
    return RedirectResponse(f"/supervision/questions/{question_id}", status_code=303)


@router.get("/{county}")
def days(request: Request, uow: Reading, county: str) -> Response:
    """The last days of a county."""
    return page(
        request,
        "supervision/days.html",
        county=county,
        days=service.days_of(uow, county),
        kinds=KINDS,
    )


@router.get("/{county}/{day}")
def one_day(request: Request, uow: Reading, county: str, day: date) -> Response:
    """One day, line by line."""
    return page(request, "supervision/day.html", **_day(uow, county, day, "", ""))


def _day(uow: UnitOfWork, county: str, day: date, line: str, text: str) -> dict[str, Any]:
    digest = service.day_of(uow, county, day)
    lines = [(f"{one['actor_id']}|{one['kind']}|{one['matter']}", one) for one in digest.lines]
    return {
        "digest": digest,
        "lines": lines,
        "questions": service.questions_of(uow, county, day),
        "typed": {"line": line, "text": text},
        "kinds": KINDS,
        "matter": matter_title,
        **_may(uow),
    }


@router.post("/{county}/{day}")
def ask(uow: Writing, county: str, day: date, line: Text = "", text: Text = "") -> Response:
    """Question a line of a day."""
    actor, kind, matter = ([*line.split("|"), "", "", ""])[:3]
    with redisplay("supervision/day.html", **_day(uow, county, day, line, text)):
        made = service.ask(uow, county, day, (actor, kind, matter), text)
    return RedirectResponse(f"/supervision/questions/{made.id}", status_code=303)
