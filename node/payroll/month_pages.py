"""本月发放 for coordinators and clerks: on the page, and on paper for the notice board's drawer."""

from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel

from node.cases import views
from node.core.edge import Reading, page
from node.core.errors import Invalid
from node.core.work import UnitOfWork
from node.payroll import month as months
from node.payroll.api import read_month
from node.payroll.month import Came
from node.payroll.month_printed import month_pdf
from node.registry.worklists import place_of
from tiers import RegionCode

router = APIRouter(prefix="/payroll/month", include_in_schema=False)

CHIPS = {
    Came.FAILED: "bad",
    Came.AGAIN: "wait",
    Came.SUSPENDED: "wait",
    Came.WAITING: "other",
    Came.PAID: "done",
}


def _asked(uow: UnitOfWork, month: str, region: str) -> tuple[RegionCode, date | None]:
    place = place_of(uow, region)
    if month:
        return place, read_month(month)
    told = months.months_told(uow)
    return place, told[0] if told else None


def _came(text: str) -> Came | None:
    try:
        return Came(text) if text else None
    except ValueError as error:
        raise Invalid("没有这种结果", field="came") from error


class Question(BaseModel):
    """Which month, which place, which result, which page of it; empty is the nearest answer."""

    month: str = ""
    region: str = ""
    came: str = ""
    page: int = 1


@router.get("")
def index(request: Request, uow: Reading, question: Annotated[Question, Query()]) -> Response:
    """Who was paid, who was not and what to do, for the place somebody works for."""
    place, asked = _asked(uow, question.month, question.region)
    chosen = _came(question.came)
    context: dict[str, Any] = {
        "month": asked,
        "months": months.months_told(uow),
        "region": question.region,
        "regions": views.regions(uow),
        "came": chosen,
        "chips": CHIPS,
        "tallies": [],
        "listed": None,
    }
    if asked is not None:
        context |= {
            "tallies": months.tallies(uow, place, asked),
            "listed": months.people_paid(uow, place, asked, came=chosen, number=question.page),
            "unanswered": months.unanswered(uow, asked),
        }
    return page(request, "payroll/month.html", **context)


@router.get("/list.pdf")
def printed(request: Request, uow: Reading, question: Annotated[Question, Query()]) -> Response:
    """The list on A4, what asks for something first."""
    place, asked = _asked(uow, question.month, question.region)
    if asked is None:
        raise Invalid("县级还没有审批过发放，没有可以打印的名单")
    places = request.app.state.node.places
    content = month_pdf(uow, place, asked, places, came=_came(question.came))
    name = f"paid-{place}-{asked.isoformat()[:7]}.pdf"
    head = {"Content-Disposition": f'inline; filename="{name}"'}
    return Response(content, media_type="application/pdf", headers=head)
