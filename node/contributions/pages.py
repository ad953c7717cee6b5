"""Pages: the year's cockpit, a payment at the counter, a list of payments, subsidies."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, UploadFile
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel

from node.cases.queries import require_seeing
from node.contributions import service
from node.contributions.cockpit import cockpit, waiting_for_subsidy
from node.contributions.collection_ways import require_way
from node.contributions.downloads import XLSX, file_answer
from node.contributions.exports import workbook
from node.contributions.payers import find_payers, paid_for
from node.contributions.payments_file import FileLine, read_payments
from node.contributions.rules import Method
from node.contributions.unmatched import ItemState, queue_counts
from node.core.edge import Reading, Writing, page, redisplay
from node.core.errors import Invalid
from node.core.money import parse_yuan
from node.core.work import UnitOfWork
from node.policy import service as policy
from node.policy.bodies import ContributionGrades
from node.policy.contribution_bodies import Way
from node.registry.rules import short_yuan
from tiers import Level, Role

router = APIRouter(prefix="/contributions", include_in_schema=False)
Text = Annotated[str, Form()]

FILE_LARGEST = 20 * 1024 * 1024
YEARS_SHOWN = 4
METHODS = {
    Method.COUNTER: "窗口缴费",
    Method.BANK: "银行扣款",
    Method.COORDINATOR: "协管员代收",
    Method.COLLECTIVE: "集体补助",
}


@router.get("")
def index(request: Request, uow: Reading, year: int | None = None, done: str = "") -> Response:
    """The cockpit of a year."""
    return page(request, "contributions/index.html", done=done, **_cockpit_context(uow, year))


@router.get("/cockpit.xlsx")
def export_cockpit(request: Request, uow: Reading, year: int) -> Response:
    """The year by village as a workbook."""
    require_seeing(uow)
    names = request.app.state.node.places
    told = (
        (
            line.key,
            names.name(line.key),
            *(line.due, line.due_fen, line.paid, line.paid_fen, line.missing),
        )
        for line in cockpit(uow, year, region=uow.actor.scope).by_village
    )
    columns = ("应缴（人）", "应缴（元）", "已缴（人）", "已缴（元）", "还差（人）")
    headings = ("村（社区）代码", "村（社区）", *columns)
    return file_answer(
        f"{year}年度缴费.xlsx", workbook(f"{year}缴费", headings, told, money=(3, 5)), XLSX
    )


def _cockpit_context(uow: UnitOfWork, year: int | None) -> dict[str, Any]:
    require_seeing(uow)
    asked = year or uow.today.year
    region = uow.actor.scope
    found = cockpit(uow, asked, region=region)
    keeps = uow.level is Level.COUNTY and uow.actor.holds(Role.ACCOUNTANT)
    return {
        "year": asked,
        "region": region,
        "years": list(range(uow.today.year, uow.today.year - YEARS_SHOWN, -1)),
        "cockpit": found,
        "short_yuan": short_yuan,
        "keeps": keeps,
        "at_county": uow.level is Level.COUNTY,
        "waiting_items": _waiting_items(uow) if uow.level is Level.COUNTY else 0,
        "waiting": waiting_for_subsidy(uow, asked, region=region) if keeps else 0,
    }


def _waiting_items(uow: UnitOfWork) -> int:
    counts = queue_counts(uow)
    return sum(counts.get(state, (0, 0))[0] for state in (ItemState.OPEN, ItemState.PROPOSED))


class Counter(BaseModel):
    """What is typed at the counter."""

    payer: str = ""
    for_year: str = ""
    grade_fen: str = ""
    method: str = Method.COUNTER.value
    reference: str = ""
    paid_on: str = ""


def _counter_context(uow: UnitOfWork, typed: Counter) -> dict[str, Any]:
    require_seeing(uow)
    found = policy.in_force(uow, ContributionGrades.kind, uow.node, uow.today)
    grades = found.body.grades_fen if found and isinstance(found.body, ContributionGrades) else ()
    return {
        "typed": typed,
        "grades": [(str(fen), f"{short_yuan(fen)} 元") for fen in grades],
        "methods": [(method.value, title) for method, title in METHODS.items()],
        "years": [str(year) for year in range(uow.today.year, uow.today.year - 20, -1)],
    }


@router.get("/payments/new")
def new_payment(request: Request, uow: Reading, payer: str = "") -> Response:
    """The form for one payment."""
    typed = Counter(payer=payer, for_year=str(uow.today.year), paid_on=uow.today.isoformat())
    return page(request, "contributions/payment.html", **_counter_context(uow, typed))


@router.post("/payments/new")
def take_payment(uow: Writing, typed: Annotated[Counter, Form()]) -> Response:
    """Book one payment."""
    with redisplay("contributions/payment.html", **_counter_context(uow, typed)):
        if typed.method == Method.COUNTER:
            require_way(uow, Way.COUNTER, region=uow.node)
        (outcome,) = service.confirm_payments(uow, [_own_part(uow, _typed_payment(typed))])
        if outcome.answer is service.Answer.REFUSED:
            raise Invalid(outcome.reason, field=outcome.field or "payer")
    return RedirectResponse(f"/contributions?done={outcome.contribution_id}", status_code=303)


def _own_part(uow: UnitOfWork, payment: service.Payment) -> service.Payment:
    """At the counter a person pays the grade less what is paid on behalf."""
    numbers = [payment.citizen_number]
    found = find_payers(uow, account_nos=[], citizen_numbers=numbers).by_index.values()
    on_behalf = paid_for(uow, [payer.account_no for payer in found])
    fen = sum(on_behalf.get((payer.account_no, payment.for_year), 0) for payer in found)
    return replace(payment, fen=payment.fen - fen)


def _typed_payment(typed: Counter) -> service.Payment:
    if not typed.payer.strip():
        raise Invalid("请填写公民身份号码", field="payer")
    if not typed.grade_fen.isdigit():
        raise Invalid("请选择缴费档次", field="grade_fen")
    try:
        paid_on = date.fromisoformat(typed.paid_on.strip())
    except ValueError as error:
        raise Invalid("请填写日期，例如 2026-03-05", field="paid_on") from error
    return service.Payment(
        citizen_number=typed.payer,
        for_year=int(typed.for_year) if typed.for_year.isdigit() else 0,
        grade_fen=int(typed.grade_fen),
        fen=int(typed.grade_fen),
        method=typed.method,
        reference=typed.reference.strip(),
        paid_on=paid_on,
    )


@dataclass(frozen=True, slots=True)
class Answered:
    """A line of a file with what became of it."""

    row: int
    name: str
    reason: str
    fen: int
    is_posted: bool


@router.get("/payments/file")
def ask_file(request: Request, uow: Reading) -> Response:
    """The form for a list of payments."""
    require_seeing(uow)
    return page(request, "contributions/file.html", answered=None, total="")


@router.post("/payments/file")
def take_file(request: Request, uow: Writing, file: UploadFile, total: Text = "") -> Response:
    """Book a list: every line is booked or refused by itself, and all are shown."""
    with redisplay("contributions/file.html", answered=None, total=total):
        content = file.file.read(FILE_LARGEST + 1)
        if not content:
            raise Invalid("请选择缴费名单文件", field="file")
        if len(content) > FILE_LARGEST:
            raise Invalid("文件太大，请分成几个文件", field="file")
        lines = read_payments(content, filename=file.filename or "缴费名单", here=uow.node)
        _check_total(lines, total)
        answered = _answered(uow, lines, file.filename or "")
    posted = [each for each in answered if each.is_posted]
    return page(
        request,
        "contributions/file.html",
        answered=answered,
        posted=len(posted),
        posted_fen=sum(each.fen for each in posted),
        refused=[each for each in answered if not each.is_posted],
        total=total,
    )


def _check_total(lines: list[FileLine], total: str) -> None:
    """A control total (控制总额), where given, is the sum of the file, to the fen."""
    if not total.strip():
        return
    stated = parse_yuan(total, field="total")
    summed = sum(line.payment.fen for line in lines if line.payment)
    if stated != summed:
        raise Invalid(
            "文件合计 {summed} 元与填写的总额不符，没有记账",
            field="total",
            summed=short_yuan(summed),
        )


def _answered(uow: UnitOfWork, lines: list[FileLine], filename: str) -> list[Answered]:
    readable = [line for line in lines if line.payment]
    outcomes = service.confirm_payments(
        uow, [line.payment for line in readable if line.payment], batch=filename[-64:]
    )
    by_row = {
        line.row: Answered(
            line.row,
            outcome.name,
            outcome.reason,
            outcome.fen,
            outcome.answer is service.Answer.POSTED,
        )
        for line, outcome in zip(readable, outcomes, strict=True)
    }
    return [
        by_row.get(line.row) or Answered(line.row, "", line.problem, 0, is_posted=False)
        for line in lines
    ]


@router.post("/subsidies")
def pay_subsidies(uow: Writing, year: Annotated[int, Form()], arrived_on: Text = "") -> Response:
    """Post the subsidies of a year."""
    with redisplay("contributions/index.html", done="", **_cockpit_context(uow, year)):
        try:
            day = date.fromisoformat(arrived_on) if arrived_on.strip() else None
        except ValueError as error:
            raise Invalid("请填写日期，例如 2026-12-20", field="arrived_on") from error
        service.pay_subsidies(uow, year, arrived_on=day)
    return RedirectResponse(f"/contributions?year={year}#subsidies", status_code=303)
