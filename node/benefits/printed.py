"""待遇核定表, 待遇核定通知书: what a pension comes to, line by line with the documents behind it,
and the letter that tells its person.

Source of the layouts: the forms annexed to 人社部发〔2014〕23号 (待遇核定表: facts, components,
opinions). What the letter says of remedies: 行政复议法 §20 (60 days), 行政诉讼法 §46 (6 months).
Numbers stand in full on paper, so printing is recorded as reading them is.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from sqlmodel import col, select

from node.accounts.service import printed as account_number
from node.benefits import service
from node.benefits.models import Entitlement
from node.cases import service as cases
from node.cases.printed import SCHEME, chinese_date, opinions
from node.core.access import record_access
from node.core.clock import business_date
from node.core.divisions import Places
from node.core.errors import NotFound
from node.core.money import yuan
from node.core.paper import Paper
from node.core.personal import mask_citizen_number
from node.core.work import UnitOfWork
from node.policy.models import Bulletin
from node.registry import service as registry
from node.registry.models import Person

SHEET_TITLE = f"{SCHEME}待遇核定表"
NOTICE_TITLE = f"{SCHEME}待遇核定通知书"
SEXES = {"male": "男", "female": "女"}
HALF = 198.0
"""Where the receipt is cut off the letter, in millimetres from the top."""

Row = Mapping[str, Any]


def sheets_pdf(uow: UnitOfWork, pension_ids: Sequence[str], places: Places) -> bytes:
    """Calculation sheets (待遇核定表), each on a page of its own, in the order asked for.

    Raises:
        NotFound: one is not here, or not in the region the actor works for.
    """
    found = _found(uow, pension_ids)
    paper = Paper(SHEET_TITLE, footer=_printed_by(uow, places))
    for place, each in enumerate(found):
        if place:
            paper.new_page()
        _sheet(uow, paper, each, places)
        record_access(uow, each[1].id, what="待遇核定表", reason="打印")
    return paper.bytes()


def notices_pdf(uow: UnitOfWork, pension_ids: Sequence[str], places: Places) -> bytes:
    """Letters to the people (待遇核定通知书) with a receipt to cut off, one page each.

    Raises:
        NotFound: as `sheets_pdf`.
    """
    paper = Paper(NOTICE_TITLE, footer=_printed_by(uow, places))
    for place, (pension, person) in enumerate(_found(uow, pension_ids)):
        if place:
            paper.new_page()
        _letter(paper, pension, person, places)
        paper.cut("沿此线裁开", at=HALF)
        _receipt(paper, pension, person)
        record_access(uow, person.id, what="待遇核定通知书", reason="打印")
    return paper.bytes()


def _found(uow: UnitOfWork, ids: Sequence[str]) -> list[tuple[Entitlement, Person]]:
    pensions = [service.entitlement(uow, each) for each in dict.fromkeys(ids)]
    return [(each, registry.person_of(uow, each.person_id)) for each in pensions]


def _documents(uow: UnitOfWork, pension: Entitlement) -> dict[str, Bulletin]:
    """The bulletins named on a sheet, by number."""
    named = {line["reference"] for line in pension.sheet if line["reference"]}
    found = select(Bulletin).where(col(Bulletin.number).in_(named), Bulletin.status == "published")
    return {each.number: each for each in uow.session.exec(found)}


def _printed_by(uow: UnitOfWork, places: Places) -> str:
    return f"{places.path(uow.node)}　{uow.actor.name}　{chinese_date(uow.today)}打印"


def _month(day: date) -> str:
    return f"{day.year}年{day.month}月"


def _number(pension: Entitlement) -> str:
    return account_number(pension.county_code, pension.account_no) if pension.account_no else ""


def _sheet(
    uow: UnitOfWork, paper: Paper, found: tuple[Entitlement, Person], places: Places
) -> None:
    pension, person = found
    documents = _documents(uow, pension)
    paper.qr(f"{SCHEME} {_number(pension)} {pension.id}", under=pension.id[-12:])
    paper.heading(SHEET_TITLE, under=f"{places.path(pension.village)}　　单位：元")
    paper.facts(
        [
            ("姓名", person.name),
            ("性别", SEXES.get(person.sex, person.sex)),
            ("公民身份号码", person.citizen_number),
            ("出生日期", chinese_date(person.born_on)),
            ("个人账户号", _number(pension)),
            ("缴费年限", f"{pension.paid_years} 年"),
            ("领取起始月", _month(pension.due_from)),
            ("核定日期", chinese_date(business_date(pension.determined_at))),
            ("个人账户储存额", yuan(pension.balance_fen)),
            ("计发月数", str(pension.divisor_months)),
        ]
    )
    paper.section("计算过程")
    paper.table(
        ["项目", "算法", "金额", "依据"],
        [_line(line) for line in pension.sheet],
        widths=[26, 52, 15, 27],
        aligns=["L", "L", "R", "L"],
    )
    for number in dict.fromkeys(line["reference"] for line in pension.sheet):
        if number in documents:
            each = documents[number]
            day = chinese_date(each.effective_from)
            paper.line(f"依据 {number}：{each.title}，自{day}起执行", size=9)
    paper.line("个人账户支完以后，由基金继续支付，直至终身。", size=9)
    paper.space()
    for label, text, bottom in _opinions(uow, pension):
        paper.box(label, text, bottom=bottom, height=22.0)
    paper.line("本表一式两份，参保人、县级经办机构各存一份。", size=8)


def _line(line: Row) -> list[str]:
    item = f"　其中：{line['item']}" if line["part_of"] else line["item"]
    return [item, line["formula"], yuan(line["fen"]), line["reference"]]


def _opinions(uow: UnitOfWork, pension: Entitlement) -> list[tuple[str, str, str]]:
    """The desks the claim has passed; blank boxes where it is not known here."""
    if pension.case_id:
        try:
            return list(opinions(uow, cases.case_of(uow, pension.case_id)))
        except NotFound:  # an older case that was never sent here
            pass
    blank = f"经办人（签字）：　　　　　　（盖章）{chinese_date(None)}"
    return [(f"县级经办机构{desk}意见", "", blank) for desk in ("复核", "审批")]


def _parts(pension: Entitlement) -> tuple[list[Row], int]:
    """The components of a sheet that are not zero, and their sum as determined."""
    whole = [line for line in pension.sheet if not line["part_of"]]
    return [line for line in whole[:-1] if line["fen"]], int(whole[-1]["fen"])


def _letter(paper: Paper, pension: Entitlement, person: Person, places: Places) -> None:
    number = mask_citizen_number(person.citizen_number)
    paper.qr(f"{SCHEME} {_number(pension)} {pension.id}", under=pension.id[-12:])
    paper.heading(NOTICE_TITLE, under=places.path(pension.village))
    paper.space(4)
    paper.line(f"{person.name}（{number}）：", size=12)
    for text in _paragraphs(pension):
        paper.space(2)
        paper.prose(text)
    paper.space(6)
    paper.line(
        f"{places.name(pension.county_code)}城乡居民养老保险经办机构（盖章）", size=12, align="R"
    )
    paper.line(chinese_date(business_date(pension.determined_at)), size=12, align="R")


def _paragraphs(pension: Entitlement) -> Iterator[str]:
    parts, total = _parts(pension)
    told = "，".join(f"{line['item']} {yuan(line['fen'])} 元" for line in parts)
    yield (
        f"您申请领取{SCHEME}待遇，经核定符合领取条件，自{_month(pension.due_from)}起按月发放，"
        f"每月 {yuan(total)} 元。其中：{told}。"
    )
    yield (
        f"您累计缴费 {pension.paid_years} 年，个人账户储存额 {yuan(pension.balance_fen)} 元，"
        f"计发月数 {pension.divisor_months}。个人账户支完以后，养老金由基金继续支付，直至终身。"
    )
    yield "国家和本省调整标准、您达到高龄加发年龄的，养老金随之调整，不需申请。"
    yield (
        "养老金每月发到您登记的银行账户。换卡、改名、迁移的，请及时办理变更登记；"
        "没有按时到账的，请向村协管员询问。"
    )
    yield "请每年办理一次领取资格认证，可以找村协管员办理。没有按时认证的会暂停发放，认证以后补发。"
    yield (
        "对核定结果有异议的，可以自收到本通知之日起六十日内申请行政复议，或者六个月内向"
        "人民法院起诉；也可以先向县级经办机构申请复核。"
    )


def _receipt(paper: Paper, pension: Entitlement, person: Person) -> None:
    paper.heading("送达回证")
    paper.grid(
        [
            [("收件人", person.name, 60.0), ("文书", "待遇核定通知书", 0.0)],
            [("个人账户号", _number(pension), 60.0), ("送达方式", "直接送达 □　村里转交 □", 0.0)],
        ]
    )
    paper.to_sign("收件人", "送达人", "日期")
