"""多发待遇还款协议: what was overpaid month by month, and how it is given back, to be signed.

Source: 社会保险经办条例 §46 (一次性退回有困难的, 签订还款协议分期退回).
"""

from node.cases.printed import chinese_date
from node.core.access import record_access
from node.core.divisions import Places
from node.core.money import yuan
from node.core.paper import Paper
from node.core.work import UnitOfWork
from node.payroll.recoveries import Owed, months_of, owed_of
from node.registry import service as registry


def agreement_pdf(uow: UnitOfWork, recovery_id: str, places: Places) -> bytes:
    """The agreement as PDF; numbers stand in full, so printing is recorded.

    Raises:
        NotFound: there is no such recovery here.
    """
    owed = owed_of(uow, recovery_id)
    person = registry.person_of(uow, owed.person_id)
    title = "多发养老保险待遇还款协议"
    paper = Paper(title, footer=f"{places.path(uow.node)}　{chinese_date(uow.today)}打印")
    paper.heading(title, under=places.path(owed.village))
    paper.facts(
        [
            ("姓名", person.name),
            ("公民身份号码", person.citizen_number),
            ("多发原因", owed.cause.title),
            ("多发合计（元）", yuan(owed.fen)),
            ("已抵扣、退回（元）", yuan(owed.set_off_fen + owed.repaid_fen)),
            ("尚欠（元）", yuan(owed.left_fen)),
        ]
    )
    months = months_of(uow, recovery_id)
    if months:
        paper.section("多发的月份")
        rows = [[f"{each['month']:%Y-%m}", yuan(each["fen"])] for each in months]
        paper.table(["月份", "金额（元）"], rows, widths=[1, 1], aligns=["L", "R"])
    paper.space()
    paper.prose(_plan(owed))
    paper.prose("本协议一式两份，双方各存一份，自签字之日起生效。")
    paper.to_sign("参保人或继承人", "经办机构（盖章）", "日期")
    record_access(uow, person.id, what="还款协议", reason="打印")
    return paper.bytes()


def _plan(owed: Owed) -> str:
    if not owed.monthly_fen:
        return "本人同意在　　　　年　　月　　日前一次退回尚欠的金额。"
    return (
        f"本人同意从以后每月养老金中抵扣 {yuan(owed.monthly_fen)} 元，"
        f"约 {owed.instalments} 个月还清；"
        "待遇终止时尚未还清的，先从个人账户余额、丧葬补助金中抵扣，不足的另行退回。"
    )
