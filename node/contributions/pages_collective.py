"""The page of collective subsidies: look at a village's list, book it whole, see what was."""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Form, Request, UploadFile
from fastapi.responses import RedirectResponse, Response
from pydantic import BaseModel

from node.accounts.serials import own_county
from node.accounts.service import printed
from node.accounts.typed_days import day_typed
from node.cases.queries import require_seeing
from node.contributions.collective import (
    Looked,
    NewList,
    Share,
    collective_lists,
    list_problems,
    look_at_list,
    take_collective,
)
from node.contributions.collective_file import MOST_ROWS, read_list
from node.contributions.payments import FIRST_YEAR
from node.core.edge import Reading, Writing, page, redisplay
from node.core.errors import Invalid, Problems
from node.core.money import parse_yuan
from node.core.work import UnitOfWork
from node.identity import require
from node.registry.matters import places_of_county
from tiers import RegionCode, Role

router = APIRouter(prefix="/contributions/collective", include_in_schema=False)

FILE_LARGEST = 10 * 1024 * 1024
PROBLEMS_SHOWN = 100
YEARS_SHOWN = 4
TEMPLATE = "contributions/collective.html"
Value = TypeVar("Value")


class Typed(BaseModel):
    """What is typed about a list; `kept` is what was read of its file: account:fen:row, …"""

    village: str = ""
    for_year: str = ""
    payer: str = ""
    reference: str = ""
    received_on: str = ""
    total: str = ""
    kept: str = ""


def _context(uow: UnitOfWork, typed: Typed, year: int | None = None) -> dict[str, Any]:
    require_seeing(uow)
    county = own_county(uow)
    shown = year or uow.today.year
    villages = places_of_county(uow)
    return {
        "typed": typed,
        "year": shown,
        "years": list(range(uow.today.year, uow.today.year - YEARS_SHOWN, -1)),
        "for_years": [str(each) for each in range(uow.today.year, FIRST_YEAR - 1, -1)],
        "villages": [("", "请选择"), *villages],
        "names": dict(villages),
        "lists": collective_lists(uow, shown),
        "keeps": uow.actor.holds(Role.ACCOUNTANT),
        "looked": None,
        "kept": "",
        "shown": PROBLEMS_SHOWN,
        "most": MOST_ROWS,
        "filename": "",
        "printed": lambda number: printed(str(county), number),
    }


@router.get("")
def index(request: Request, uow: Reading, year: int | None = None, done: str = "") -> Response:
    """The lists of a year, and the form for another."""
    typed = Typed(for_year=str(year or uow.today.year), received_on=uow.today.isoformat())
    return page(request, TEMPLATE, done=done, **_context(uow, typed, year))


@router.post("")
def look(
    request: Request, uow: Writing, file: UploadFile, typed: Annotated[Typed, Form()]
) -> Response:
    """Read a file and show whom it means; nothing is booked."""
    context = _context(uow, typed)
    with redisplay(TEMPLATE, done="", **context):
        require(uow, Role.ACCOUNTANT)
        head = _head(uow, typed)
        content = file.file.read(FILE_LARGEST + 1)
        if not content:
            raise Invalid("请选择名单文件", field="file")
        if len(content) > FILE_LARGEST:
            raise Invalid("文件太大，请分成几个文件", field="file")
        name = file.filename or "集体补助名单"
        listed = read_list(content, filename=name, here=uow.node)
        looked = look_at_list(
            uow,
            listed,
            village=head.village,
            for_year=head.for_year,
            received_on=head.received_on,
        )
    context |= {"looked": looked, "filename": name}
    whole = replace(head, shares=looked.shares)
    wrong = [] if looked.problems else list(list_problems(uow, whole))
    with redisplay(TEMPLATE, done="", **context):
        if wrong:
            raise Problems(wrong)
    return page(request, TEMPLATE, done="", **{**context, "kept": _kept(looked)})


def _kept(looked: Looked) -> str:
    """What the page carries to the booking: no name and no citizen number of anybody."""
    if looked.problems:
        return ""
    return ",".join(f"{each.account_no}:{each.fen}:{each.row}" for each in looked.shares)


@router.post("/booking")
def take(uow: Writing, typed: Annotated[Typed, Form()]) -> Response:
    """Book a list that was looked at, whole."""
    with redisplay(TEMPLATE, done="", **_context(uow, typed)):
        head = _head(uow, typed)
        booked = take_collective(uow, replace(head, shares=_shares(typed.kept)))
    return RedirectResponse(
        f"/contributions/collective?year={booked.for_year}&done={booked.list_no}", status_code=303
    )


def _shares(kept: str) -> list[Share]:
    try:
        parts = [tuple(map(int, each.split(":"))) for each in kept.split(",")]
        return [Share(account, fen, row) for account, fen, row in parts]
    except ValueError as wrong:
        raise Invalid("请先选择名单文件并核对", field="file") from wrong


def _head(uow: UnitOfWork, typed: Typed) -> NewList:
    """What stands beside the file, or everything in it that is wrong."""
    problems: list[Invalid] = []

    def read(reader: Callable[[], Value], otherwise: Value) -> Value:
        try:
            return reader()
        except Invalid as wrong:
            problems.append(wrong)
            return otherwise

    head = NewList(
        village=read(lambda: _village(typed.village), uow.node),
        for_year=read(lambda: _year(typed.for_year, uow.today.year), uow.today.year),
        payer=typed.payer,
        reference=typed.reference,
        received_on=read(lambda: day_typed(typed.received_on, field="received_on"), uow.today),
        total_fen=read(lambda: parse_yuan(typed.total, field="total"), 0),
        shares=(),
    )
    if problems:
        raise Problems(problems)
    return head


def _village(text: str) -> RegionCode:
    try:
        return RegionCode(text)
    except ValueError as wrong:
        raise Invalid("请选择村（社区）", field="village") from wrong


def _year(text: str, this_year: int) -> int:
    year = int(text) if text.isdecimal() else 0
    if not FIRST_YEAR <= year <= this_year:
        raise Invalid("请选择补助年度", field="for_year")
    return year
