"""待遇发放明细表: a run on paper, to be signed by those who made, reviewed and approved it."""

from collections.abc import Iterator, Mapping

from sqlalchemy import select

from node.banking.service import banks
from node.cases.queries import require_seeing
from node.core.divisions import Places
from node.core.money import yuan
from node.core.paper import Paper
from node.core.personal import mask_tail
from node.core.work import UnitOfWork
from node.payroll.models import PayrollPayment, PayrollRun
from node.payroll.rules import PaymentState
from node.payroll.tables import payments


def payment_list(uow: UnitOfWork, run: PayrollRun, places: Places) -> bytes:
    """The list of a run as PDF, the totals first."""
    require_seeing(uow)
    title = f"{places.name(uow.node)}{run.month.year}年{run.month.month}月养老金发放明细表"
    paper = Paper(title, footer=f"校验码 {run.frozen_hash[:16]}" if run.frozen_hash else "未审批")
    paper.heading("养老金发放明细表", under=f"{places.name(uow.node)}　{run.month:%Y-%m}　单位：元")
    paper.facts(
        [
            ("人数", str(run.people)),
            ("应发合计", yuan(run.fen)),
            ("抵扣合计", yuan(run.offset_fen)),
            ("实发合计", yuan(run.fen - run.offset_fen)),
            ("编制", run.computed_by_name),
            ("复核", run.reviewed_by_name),
            ("审批", run.approved_by_name),
            ("发放日", run.pay_day.isoformat()),
        ]
    )
    paper.space()
    paper.table(
        ["序号", "姓名", "所在村", "银行账户", "金额", "结果"],
        _rows(uow, run, places),
        widths=[8, 14, 22, 16, 14, 16],
        aligns=["C", "L", "L", "L", "R", "L"],
    )
    paper.to_sign("编制", "复核", "审批")
    return paper.bytes()


def _rows(uow: UnitOfWork, run: PayrollRun, places: Places) -> Iterator[list[str]]:
    found = (
        select(PayrollPayment)
        .where(
            payments.c.county_code == run.county_code,
            payments.c.run_no == run.run_no,
            payments.c.village.startswith(uow.actor.scope.prefix),
        )
        .order_by(payments.c.pay_no)
    )
    for each in uow.session.scalars(found):
        yield [
            str(each.pay_no),
            each.payee,
            places.name(each.village),
            mask_tail(each.account) if each.account else "",
            yuan(each.fen),
            PaymentState(each.state).title,
        ]


def bank_reasons(run: PayrollRun) -> Mapping[str, str]:
    """What the codes of a run's bank mean; a reason that is no code says itself."""
    bank = banks().get(run.bank)
    return {code: answer.reason for code, answer in bank.answers.items()} if bank else {}
