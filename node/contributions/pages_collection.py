"""Pages of the accountant's month: orders and batches, the queue, the income account."""

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from node.accounts.service import printed, read_number
from node.banking import service as banking
from node.cases.queries import require_seeing
from node.contributions import service
from node.contributions.closing import close_day, close_month, income_month, month_problems
from node.contributions.closing import transfer as transfer_funds
from node.contributions.downloads import XLSX, file_answer
from node.contributions.due_list import MOST, SHOWN, DueState, due_rows, due_totals
from node.contributions.exports import workbook
from node.contributions.models import UnmatchedMoney
from node.contributions.unmatched import FITTING, ItemState, queue, queue_counts
from node.contributions.unmatched import question as ask_about
from node.core.edge import Reading, Writing, page, redisplay
from node.core.errors import Invalid
from node.core.money import parse_yuan
from node.core.work import UnitOfWork
from node.policy import service as policy
from node.policy.bodies import ContributionGrades
from node.registry.codes import Category
from node.registry.rules import short_yuan
from tiers import Level, Role

router = APIRouter(prefix="/contributions", include_in_schema=False)
Text = Annotated[str, Form()]

YEARS_SHOWN = 4
DECIDES = (Role.REVIEWER, Role.APPROVER)
STATE_CHIPS = {
    DueState.DUE: "mine",
    DueState.AT_BANK: "wait",
    DueState.RECEIPT: "wait",
    DueState.PAID: "done",
}


def _keeps(uow: UnitOfWork) -> bool:
    return uow.level is Level.COUNTY and uow.actor.holds(Role.ACCOUNTANT)


def _day(text: str, field: str) -> date:
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        raise Invalid("请填写日期，例如 2026-03-05", field=field) from error


def _orders_context(
    uow: UnitOfWork, year: int | None, state: str = "", number: int = 1
) -> dict[str, Any]:
    require_seeing(uow)
    asked = year or uow.today.year
    region = uow.actor.scope
    rows = due_rows(uow, asked, region, state, number, SHOWN + 1)
    return {
        "year": asked,
        "years": list(range(uow.today.year, uow.today.year - YEARS_SHOWN, -1)),
        "rows": rows[:SHOWN],
        "more": len(rows) > SHOWN,
        "number": number,
        "state": state,
        "states": DueState,
        "chips": STATE_CHIPS,
        "totals": due_totals(uow, asked, region),
        "categories": {each.value: each.title for each in Category},
        "short_yuan": short_yuan,
        "printed": printed,
        "county": str(uow.node.county or ""),
        "keeps": _keeps(uow),
        "banks": banking.banks(),
    }


@router.get("/orders")
def orders(
    request: Request,
    uow: Reading,
    *,
    year: int | None = None,
    state: str = "",
    number: int = 1,
    done: str = "",
) -> Response:
    """Who owes what for a year, and what can be done about it."""
    context = _orders_context(uow, year, state, max(1, number))
    return page(request, "contributions/orders.html", done=done, typed={}, **context)


@router.post("/orders")
def make_orders(uow: Writing, year: Annotated[int, Form()]) -> Response:
    """Write the orders of a year, or bring them up to date."""
    context = _orders_context(uow, year)
    with redisplay("contributions/orders.html", done="", typed={}, **context):
        run = service.make_orders(uow, year)
    return RedirectResponse(f"/contributions/orders?year={year}&done=o{run.written}", 303)


@router.post("/withholding")
def withhold(uow: Writing, year: Annotated[int, Form()], bank: Text = "") -> Response:
    """Present at a bank whoever owes the year."""
    context = _orders_context(uow, year)
    with redisplay("contributions/orders.html", done="", typed={"bank": bank}, **context):
        made = service.withhold(uow, year, bank_code=bank)
        if made.batch is None:
            raise Invalid("没有可以报银行扣款的人：都已缴、已报，或没有银行卡号", field="bank")
    return RedirectResponse(f"/banking/batches/{made.batch.batch_no}", status_code=303)


@router.post("/on-behalf")
def pay_on_behalf(uow: Writing, year: Annotated[int, Form()], arrived_on: Text = "") -> Response:
    """Post what the governments pay for special groups."""
    context = _orders_context(uow, year)
    typed = {"arrived_on": arrived_on}
    with redisplay("contributions/orders.html", done="", typed=typed, **context):
        day = _day(arrived_on, "arrived_on") if arrived_on.strip() else None
        run = service.pay_on_behalf(uow, year, arrived_on=day)
    return RedirectResponse(f"/contributions/orders?year={year}&done=b{run.people}", 303)


@router.get("/orders.xlsx")
def export_orders(uow: Reading, year: int) -> Response:
    """The list as a workbook."""
    require_seeing(uow)
    rows = due_rows(uow, year, uow.actor.scope, size=MOST)
    county = str(uow.node.county or "")
    headings = ("个人账户号", "姓名", "村（社区）代码", "缴费年度", "档次", "个人应缴", "政府代缴")
    told = (
        (
            printed(county, row.account_no),
            row.name,
            row.village,
            row.for_year,
            row.grade_fen,
            row.own_fen,
            row.on_behalf_fen,
            row.state.title,
        )
        for row in rows
    )
    content = workbook(f"{year}应缴", (*headings, "状态"), told, money=(4, 5, 6))
    return file_answer(f"{year}年度应缴.xlsx", content, XLSX)


def _grade_context(uow: UnitOfWork, account_no: int, year: int, typed: str) -> dict[str, Any]:
    require_seeing(uow)
    found = policy.in_force(uow, ContributionGrades.kind, uow.node, uow.today)
    grades: Sequence[int] = (
        found.body.grades_fen if found and isinstance(found.body, ContributionGrades) else ()
    )
    return {
        "account_no": account_no,
        "number": printed(str(uow.node.county or ""), account_no),
        "year": year,
        "grades": [(str(fen), f"{short_yuan(fen)} 元") for fen in grades],
        "typed": typed,
    }


@router.get("/orders/{account_no}/{year}/grade")
def ask_grade(request: Request, uow: Reading, account_no: int, year: int) -> Response:
    """The form for another grade."""
    context = _grade_context(uow, account_no, year, "")
    return page(request, "contributions/grade.html", **context)


@router.post("/orders/{account_no}/{year}/grade")
def change_grade(uow: Writing, account_no: int, year: int, grade_fen: Text = "") -> Response:
    """Another grade, as long as the year is not paid."""
    context = _grade_context(uow, account_no, year, grade_fen)
    with redisplay("contributions/grade.html", **context):
        if not grade_fen.isdigit():
            raise Invalid("请选择缴费档次", field="grade_fen")
        service.change_grade(uow, account_no, year, grade_fen=int(grade_fen))
    return RedirectResponse(f"/contributions/orders?year={year}&done=g", status_code=303)


def _queue_context(uow: UnitOfWork, state: str, number: int) -> dict[str, Any]:
    require_seeing(uow)
    return {
        "found": queue(uow, state=state, number=number),
        "counts": queue_counts(uow),
        "state": state,
        "states": ItemState,
        "kinds": service.Doubt,
        "keeps": _keeps(uow),
    }


@router.get("/queue")
def show_queue(
    request: Request, uow: Reading, state: str = ItemState.OPEN.value, number: int = 1
) -> Response:
    """Money in doubt."""
    return page(request, "contributions/queue.html", **_queue_context(uow, state, number))


@router.get("/queue.xlsx")
def export_queue(uow: Reading) -> Response:
    """The whole queue as a workbook."""
    require_seeing(uow)
    items: list[UnmatchedMoney] = []
    number = 1
    while True:
        found = queue(uow, number=number)
        items += found.items
        if number >= found.pages:
            break
        number += 1
    told = (
        (
            item.item_no,
            service.Doubt(item.kind).title,
            item.payer,
            item.received_on.isoformat(),
            item.fen,
            ItemState(item.state).title,
            service.Way(item.resolution).title if item.resolution else "",
            item.reason,
        )
        for item in items
    )
    headings = ("编号", "原因", "缴款人", "到账日期", "金额", "状态", "处理", "理由")
    return file_answer("待查款项.xlsx", workbook("待查款项", headings, told, money=(4,)), XLSX)


TAKEN_IN = (
    service.Doubt.UNKNOWN_PAYER,
    service.Doubt.WRONG_AMOUNT,
    service.Doubt.DOUBLE,
    service.Doubt.LATE,
)


@router.get("/queue/new")
def ask_item(request: Request, uow: Reading) -> Response:
    """The form for money on the bank's statement that nobody can place."""
    require_seeing(uow)
    typed = {"received_on": uow.today.isoformat(), "kind": TAKEN_IN[0].value}
    return page(request, "contributions/take_in.html", typed=typed, kinds=_kinds())


def _kinds() -> list[tuple[str, str]]:
    return [(kind.value, kind.title) for kind in TAKEN_IN]


@router.post("/queue/new")
def take_in(
    uow: Writing,
    *,
    yuan: Text = "",
    received_on: Text = "",
    reference: Text = "",
    payer: Text = "",
    kind: Text = "",
) -> Response:
    """Book it to the suspense account and put it into the queue."""
    typed = {
        "yuan": yuan,
        "received_on": received_on,
        "reference": reference,
        "payer": payer,
        "kind": kind,
    }
    with redisplay("contributions/take_in.html", typed=typed, kinds=_kinds()):
        if kind not in set(service.Doubt):
            raise Invalid("请选择原因", field="kind")
        item = service.take_in(
            uow,
            fen=parse_yuan(yuan, field="yuan"),
            received_on=_day(received_on, "received_on"),
            reference=reference,
            payer=payer,
            kind=service.Doubt(kind),
        )
    return RedirectResponse(f"/contributions/queue/{item.item_no}", status_code=303)


@router.post("/queue/unclear")
def question(
    uow: Writing, batch_no: Annotated[int, Form()], line_no: Annotated[int, Form()]
) -> Response:
    """A line the bank is unclear about becomes an item."""
    item = ask_about(uow, batch_no, line_no)
    return RedirectResponse(f"/contributions/queue/{item.item_no}", status_code=303)


def _item_context(uow: UnitOfWork, item_no: int, typed: dict[str, str]) -> dict[str, Any]:
    require_seeing(uow)
    item = uow.get(UnmatchedMoney, str(uow.node.county), item_no)
    kind = service.Doubt(item.kind)
    return {
        "item": item,
        "kind": kind,
        "item_state": ItemState(item.state),
        "ways": [(way.value, way.title) for way in FITTING[kind]],
        "resolution": service.Way(item.resolution).title if item.resolution else "",
        "account": printed(item.county_code, item.account_no) if item.account_no else "",
        "target": printed(item.county_code, item.to_account) if item.to_account else "",
        "typed": typed,
        "keeps": _keeps(uow),
        "decides": uow.actor.holds(*DECIDES) and uow.actor.id != item.proposed_by,
    }


@router.get("/queue/{item_no}")
def show_item(request: Request, uow: Reading, item_no: int) -> Response:
    """One item: what it is, what is proposed, who decides."""
    context = _item_context(uow, item_no, {})
    item, state = context["item"], context["item_state"]
    if state is ItemState.OPEN:
        typed = {"account": context["account"], "for_year": str(item.for_year or "")}
        context["typed"] = typed
    return page(request, "contributions/item.html", **context)


@router.post("/queue/{item_no}/proposal")
def propose(
    uow: Writing,
    item_no: int,
    *,
    way: Text = "",
    account: Text = "",
    for_year: Text = "",
    reason: Text = "",
) -> Response:
    """Say what is to become of it."""
    typed = {"way": way, "account": account, "for_year": for_year, "reason": reason}
    with redisplay("contributions/item.html", **_item_context(uow, item_no, typed)):
        if way not in set(service.Way):
            raise Invalid("请选择怎样处理", field="way")
        is_booked = way == service.Way.ATTRIBUTE
        number = read_number(account, here=uow.node)[1] if is_booked else None
        if is_booked and not for_year.isdigit():
            raise Invalid("请填写缴费年度", field="for_year")
        year = int(for_year) if is_booked else None
        given = service.Proposal(service.Way(way), reason, number, year)
        service.propose(uow, item_no, given)
    return RedirectResponse(f"/contributions/queue/{item_no}", status_code=303)


@router.post("/queue/{item_no}/decision")
def decide(uow: Writing, item_no: int, answer: Text = "") -> Response:
    """Let it happen, or send it back."""
    with redisplay("contributions/item.html", **_item_context(uow, item_no, {})):
        service.decide(uow, item_no, approve=answer == "approve")
    return RedirectResponse(f"/contributions/queue/{item_no}", status_code=303)


def _periods_context(uow: UnitOfWork, year: int, month: int) -> dict[str, Any]:
    require_seeing(uow)
    if not 1 <= month <= 12:  # noqa: PLR2004  # months of a year
        raise Invalid("月份应为 1 至 12", field="month")
    found = income_month(uow, year, month)
    return {
        "month": found,
        "open": [] if found.closing else list(month_problems(uow, found)),
        "months": range(1, 13),
        "today": uow.today,
        "keeps": _keeps(uow),
    }


@router.get("/periods")
def periods(
    request: Request, uow: Reading, year: int | None = None, month: int | None = None
) -> Response:
    """The income account over a month."""
    context = _periods_context(uow, year or uow.today.year, month or uow.today.month)
    return page(request, "contributions/periods.html", typed={}, **context)


@router.get("/periods.xlsx")
def export_month(uow: Reading, year: int, month: int) -> Response:
    """The days of a month as a workbook."""
    context = _periods_context(uow, year, month)
    told = (
        (
            each.day.isoformat(),
            each.received_fen,
            each.transferred_fen,
            each.closing.closed_by_name if each.closing else "",
        )
        for each in context["month"].days
    )
    content = workbook(
        f"{year}-{month:02d}", ("日期", "入账", "划转财政专户", "对账人"), told, money=(1, 2)
    )
    return file_answer(f"收入户{year}-{month:02d}.xlsx", content, XLSX)


def _of(year: int, month: int) -> str:
    return f"/contributions/periods?year={year}&month={month}"


@router.post("/periods/day")
def reconcile_day(uow: Writing, day: Text = "", yuan: Text = "") -> Response:
    """A day against the bank's statement."""
    on = _day(day, "day")
    context = _periods_context(uow, on.year, on.month)
    with redisplay("contributions/periods.html", typed={"day": day, "yuan": yuan}, **context):
        close_day(uow, on, bank_fen=parse_yuan(yuan or "0", field="bank_fen"))
    return RedirectResponse(_of(on.year, on.month), status_code=303)


@router.post("/periods/transfer")
def transfer(uow: Writing, on: Text = "", yuan: Text = "", reference: Text = "") -> Response:
    """Money on to the fiscal special account."""
    day = _day(on, "on")
    typed = {"on": on, "transfer": yuan, "reference": reference}
    context = _periods_context(uow, day.year, day.month)
    with redisplay("contributions/periods.html", typed=typed, **context):
        transfer_funds(uow, fen=parse_yuan(yuan, field="fen"), on=day, reference=reference)
    return RedirectResponse(_of(day.year, day.month), status_code=303)


@router.post("/periods/month")
def reconcile_month(
    uow: Writing,
    year: Annotated[int, Form()],
    month: Annotated[int, Form()],
    balance: Text = "",
) -> Response:
    """The month against the bank's statement; its books are locked."""
    context = _periods_context(uow, year, month)
    with redisplay("contributions/periods.html", typed={"balance": balance}, **context):
        fen = parse_yuan(balance or "0", field="bank_balance")
        close_month(uow, year, month, bank_balance_fen=fen)
    return RedirectResponse(_of(year, month), status_code=303)
