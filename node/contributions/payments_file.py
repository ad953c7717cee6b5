"""A list of payments from a spreadsheet: what each line says, and what cannot be read.

Columns are found by their headings, in any order: 公民身份号码 or 个人账户号, 缴费年度, 档次, 金额
(the grade when left out), 缴费方式, 流水号, 缴款日期. Amounts are yuan.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from node.accounts.service import read_number
from node.contributions.payments import Payment
from node.contributions.rules import Method
from node.core.errors import Invalid
from node.core.money import parse_yuan
from node.registry.roll_cells import Cell, read_cell, shown
from node.registry.roll_file import read_table
from tiers import RegionCode

HEADINGS: Mapping[str, tuple[str, ...]] = {
    "citizen_number": ("公民身份号码", "身份证号", "身份证号码", "身份证"),
    "account_no": ("个人账户号", "账户号", "社保编号"),
    "for_year": ("缴费年度", "年度"),
    "grade": ("缴费档次", "档次"),
    "amount": ("缴费金额", "实缴金额", "金额"),
    "method": ("缴费方式", "方式"),
    "reference": ("银行流水号", "流水号", "收据号", "凭证号"),
    "paid_on": ("缴款日期", "缴费日期", "日期"),
}
METHODS: Mapping[str, Method] = {
    "银行扣款": Method.BANK,
    "银行": Method.BANK,
    "窗口": Method.COUNTER,
    "窗口缴费": Method.COUNTER,
    "协管员": Method.COORDINATOR,
    "协办员": Method.COORDINATOR,
    "集体": Method.COLLECTIVE,
    "集体补助": Method.COLLECTIVE,
}
REQUIRED = ("for_year", "grade", "reference", "paid_on")
TITLE_ROWS = 5


@dataclass(frozen=True, slots=True)
class FileLine:
    """A line of the file: its row there, and the payment or why it cannot be read."""

    row: int
    payment: Payment | None
    problem: str = ""


def read_payments(content: bytes, *, filename: str, here: RegionCode) -> list[FileLine]:
    """Every line under the headings; blank ones are left out.

    Raises:
        Invalid: it is no spreadsheet, or a column that is needed is missing.
    """
    table = read_table(content, filename=filename)
    head, columns = _columns(table)
    return [
        _line(number, row, columns, here)
        for number, row in enumerate(table[head + 1 :], head + 2)
        if any(shown(cell).strip() for cell in row)
    ]


def _columns(table: Sequence[Sequence[Cell]]) -> tuple[int, dict[str, int]]:
    for head, row in enumerate(table[:TITLE_ROWS]):
        found = dict(_found([shown(cell).strip() for cell in row]))
        if len(found) >= len(REQUIRED):
            _require(found)
            return head, found
    raise Invalid(
        "没有找到表头，应有：公民身份号码、缴费年度、档次、流水号、缴款日期", field="file"
    )


def _found(headings: Sequence[str]) -> Iterator[tuple[str, int]]:
    for name, titles in HEADINGS.items():
        for title in titles:
            if title in headings:
                yield name, headings.index(title)
                break


def _require(found: Mapping[str, int]) -> None:
    missing = [HEADINGS[name][0] for name in REQUIRED if name not in found]
    if "citizen_number" not in found and "account_no" not in found:
        missing.append(HEADINGS["citizen_number"][0])
    if missing:
        raise Invalid("文件缺少列：{names}", field="file", names="、".join(missing))


def _line(
    number: int, row: Sequence[Cell], columns: Mapping[str, int], here: RegionCode
) -> FileLine:
    values = {name: row[place] if place < len(row) else "" for name, place in columns.items()}
    try:
        return FileLine(number, _payment(values, here))
    except Invalid as problem:
        return FileLine(number, None, problem.message)


def _payment(values: Mapping[str, Cell], here: RegionCode) -> Payment:
    """Cells are read as a roll's are: digits a spreadsheet has lost are refused, not guessed."""
    grade_fen = parse_yuan(shown(values["grade"]), field="grade")
    amount = shown(values.get("amount", ""))
    account = shown(values.get("account_no", ""))
    number = read_cell("citizen_number", values.get("citizen_number", ""))
    paid_on = read_cell("born_on", values["paid_on"])
    if not isinstance(paid_on, date):
        raise Invalid("请填写缴款日期，例如 2026-03-05", field="paid_on")
    return Payment(
        citizen_number="" if account else str(number),
        account_no=read_number(account, here=here)[1] if account else None,
        for_year=_year(shown(values["for_year"])),
        grade_fen=grade_fen,
        fen=parse_yuan(amount) if amount else grade_fen,
        method=_method(shown(values.get("method", ""))),
        reference=str(read_cell("citizen_number", values["reference"])),
        paid_on=paid_on,
    )


def _year(text: str) -> int:
    digits = text.removesuffix("年").removesuffix(".0").strip()
    if not digits.isdigit():
        raise Invalid("缴费年度应为四位数字，例如 2026", field="for_year")
    return int(digits)


def _method(text: str) -> Method:
    if not text:
        return Method.BANK
    found = METHODS.get(text)
    if found is None:
        known = "、".join(dict.fromkeys(METHODS))
        raise Invalid(
            "没有“{text}”这种缴费方式，可用：{known}", field="method", text=text, known=known
        )
    return found
