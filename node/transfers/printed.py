"""接收函 and 信息表 of a transfer on paper: for the archive, and for agencies outside the network.

Source of the forms: 人社部发〔2014〕23号, 人社部发〔2014〕17号 (联系函, 信息表). The citizen number
stands in full, so printing is recorded as reading it is.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any

from node.accounts.sources import Source
from node.core.access import record_access
from node.core.divisions import Places
from node.core.errors import NotFound
from node.core.money import yuan
from node.core.paper import Paper
from node.core.work import UnitOfWork
from node.transfers.counties import name_of
from node.transfers.desk import Transfer, step_days, told
from node.transfers.records import Row, content
from node.transfers.rules import Step

SCHEME = "城乡居民基本养老保险"
REQUEST = (
    "{name}同志户口已迁入我地，申请转移{scheme}关系。经审核符合接收条件，请自收到本函之日起"
    " {days} 个工作日内结清其个人账户，并将参保信息、缴费年限和全部储存额转来。"
)


def letter(uow: UnitOfWork, transfer: Transfer, places: Places) -> bytes:
    """The letter by which the new county asks the old one (接收函), as PDF.

    Raises:
        NotFound: this transfer has no letter of a county.
    """
    asked = transfer.steps.get(Step.ASKED)
    if asked is None:
        raise NotFound("这件转移没有接收函")
    paper = _begun(uow, transfer, f"{SCHEME}关系转入接收函", places)
    paper.line(f"{name_of(transfer.from_county)}城乡居民养老保险经办机构：", size=12)
    paper.space()
    text = REQUEST.format(name=transfer.name, scheme=SCHEME, days=step_days(uow))
    paper.line(f"　　{text}", size=12)
    paper.space()
    paper.grid([*_who(transfer, asked), [("户籍地址", content(asked).get("address", ""), 0.0)]])
    paper.space()
    paper.line(f"{name_of(transfer.to_county)}经办机构（盖章）", align="R", size=12)
    paper.line(_chinese(asked["taken_on"]), align="R", size=12)
    return paper.bytes()


def sheet(uow: UnitOfWork, transfer: Transfer, places: Places) -> bytes:
    """What goes along (信息表): the person, the account by source, the paid years, as PDF.

    Raises:
        NotFound: the account has not been settled yet.
    """
    along = told(transfer)
    if not along:
        raise NotFound("原参保地还没有结息转出，没有信息表")
    step = transfer.steps.get(Step.RELEASED) or transfer.steps[Step.RECEIVED]
    paper = _begun(uow, transfer, f"{SCHEME}关系转移信息表", places)
    paper.grid(_who(transfer, step))
    paper.section("个人账户储存额")
    if month := along.get("settled_through"):
        paper.line(f"利息由转出地结到 {month}", size=9)
    balance = [(Source(source).title, yuan(fen)) for source, fen in along["balance"].items()]
    whole = ("合计", yuan(sum(along["balance"].values())))
    paper.table(["资金来源", "金额（元）"], [*balance, whole], aligns=["L", "R"])
    paper.section(f"缴费年限：{len(along['years'])} 年")
    paper.table(
        ["年度", "档次（元）", "实缴（元）", "缴款日期", "政府补贴（元）", "备注"],
        _years(along["years"]),
        aligns=["C", "R", "R", "C", "R", "L"],
    )
    paper.to_sign("经办人", "复核人", "负责人（盖章）")
    return paper.bytes()


def _begun(uow: UnitOfWork, transfer: Transfer, title: str, places: Places) -> Paper:
    record_access(uow, transfer.id, what="公民身份号码", reason=f"打印{title}")
    footer = f"{places.path(uow.node)}　{uow.actor.name}　{_chinese(uow.today)}打印"
    paper = Paper(title, footer=footer)
    paper.heading(title, under=f"编号：{transfer.id[-12:]}")
    return paper


def _who(transfer: Transfer, step: Row) -> list[list[tuple[str, str, float]]]:
    number = content(step)["citizen_number"]
    return [
        [("姓名", transfer.name, 40.0), ("公民身份号码", number, 0.0)],
        [("转出地", name_of(transfer.from_county), 0.0)],
        [("转入地", name_of(transfer.to_county), 0.0)],
    ]


def _years(rows: list[list[Any]]) -> Iterator[list[str]]:
    for year, grade, fen, paid_on, made_up, subsidy in rows:
        yield [
            str(year),
            yuan(grade),
            yuan(fen),
            paid_on,
            "" if subsidy is None else yuan(subsidy),
            "补缴" if made_up else "",
        ]


def _chinese(day: date) -> str:
    return f"{day.year}年{day.month}月{day.day}日"
