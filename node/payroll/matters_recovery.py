"""多发待遇追回: months somebody was not entitled to are claimed back, with a plan.

Source: 社会保险经办条例 §46 (责令退回; 一次性退回有困难的, 签订还款协议分期退回或从待遇中抵扣).
What was paid after a death reported late is claimed by the death report itself.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Annotated, Any

from pydantic import Field
from sqlalchemy import func, select

from node.benefits.codes import BenefitState, RecoveryCause
from node.benefits.matters_life import PensionMatter, Row, choices, pensions_of
from node.cases.forms import Option, Shown
from node.cases.models import Case
from node.core.errors import Invalid
from node.core.money import parse_yuan
from node.core.work import UnitOfWork
from node.payroll.recovery import agree, claim_back
from node.payroll.tables import paid_lines
from node.registry.codes import Evidence
from node.registry.known import Known
from node.registry.person_matter import PersonForm
from tiers import Level

WHAT, PLAN = "多发的月份", "还款"
CAUSES = (RecoveryCause.DOUBLE_BENEFIT, RecoveryCause.LOWERED, RecoveryCause.OTHER)


class RecoveryForm(PersonForm):
    """多发待遇追回审批表."""

    first: Annotated[date | None, Shown("date", width="14", group=WHAT)] = Field(
        None, title="开始月份", description="不应领取的第一个月里的任何一天"
    )
    last: Annotated[date | None, Shown("date", width="14", group=WHAT)] = Field(
        None, title="结束月份", description="不应领取的最后一个月里的任何一天"
    )
    cause: Annotated[RecoveryCause | None, Shown("select", width="14", group=WHAT)] = Field(
        None, title="原因"
    )
    evidence: Annotated[Evidence | None, Shown("select", width="14", group=WHAT)] = Field(
        None, title="证明材料"
    )
    explanation: Annotated[str, Shown(width="30", group=WHAT)] = Field(
        "", title="情况说明", max_length=200
    )
    monthly: Annotated[str, Shown(width="10", group=PLAN, optional=True)] = Field(
        "",
        title="每月抵扣（元）",
        description="按还款协议从以后每月待遇中抵扣；一次退回的不填",
        max_length=12,
    )


class OverpaymentRecovery(PensionMatter):
    """追回. Approval makes the months due no more, books what is owed and begins the plan."""

    code = "overpayment_recovery"
    title = "多发待遇追回"
    path = (Level.COUNTY,)
    form = RecoveryForm
    states = (BenefitState.IN_FORCE, BenefitState.SUSPENDED)

    def options(self, uow: UnitOfWork) -> Mapping[str, Sequence[Option]]:
        """Villages, causes, evidence."""
        causes = [("", "请选择"), *((each.value, each.title) for each in CAUSES)]
        return {**super().options(uow), "cause": causes, "evidence": choices(Evidence)}

    def own_problems(
        self, uow: UnitOfWork, form: RecoveryForm, person: Known | None
    ) -> list[Invalid]:
        """Months that were paid, a cause, evidence, an instalment that is money."""
        return [*_what_problems(form), *_month_problems(uow, form, person)]

    def carry_out(self, uow: UnitOfWork, ready: Sequence[tuple[Case, Any, Row]]) -> None:
        """Claim each back and keep what was agreed."""
        for case, form, pension in ready:
            owed = claim_back(
                uow,
                pension["id"],
                first=form.first.replace(day=1),
                last=form.last.replace(day=1),
                cause=form.cause,
                case_id=case.id,
            )
            if form.monthly.strip():
                agree(uow, owed, monthly_fen=parse_yuan(form.monthly, field="monthly"))


def _what_problems(form: RecoveryForm) -> Iterator[Invalid]:
    if form.cause not in CAUSES:
        yield Invalid("请选择追回原因", field="cause")
    if form.evidence is None:
        yield Invalid("追回待遇须经核实，请选择证明材料", field="evidence")
    if not form.explanation.strip():
        yield Invalid("请写明情况", field="explanation")
    if form.monthly.strip():
        try:
            if parse_yuan(form.monthly, field="monthly") <= 0:
                yield Invalid("每月抵扣金额须大于零", field="monthly")
        except Invalid as wrong:
            yield wrong


def _month_problems(uow: UnitOfWork, form: RecoveryForm, person: Known | None) -> Iterator[Invalid]:
    if form.first is None:
        yield Invalid("请填写开始月份", field="first")
    if form.last is None:
        yield Invalid("请填写结束月份", field="last")
    if form.first is None or form.last is None:
        return
    if form.last < form.first:
        yield Invalid("结束月份不能早于开始月份", field="last")
    elif person is not None and not _was_paid(uow, person.person_id, form.first, form.last):
        yield Invalid("这些月份没有发放过，不用追回", field="first")


def _was_paid(uow: UnitOfWork, person_id: str, first: date, last: date) -> bool:
    pension = pensions_of(uow, [person_id]).get(person_id)
    if pension is None:
        return False
    paid = select(func.count()).where(
        paid_lines.c.county_code == pension["county_code"],
        paid_lines.c.entitlement_id == pension["id"],
        paid_lines.c.kind == "pension",
        paid_lines.c.month.between(first.replace(day=1), last.replace(day=1)),
        paid_lines.c.bounced_on.is_(None),
    )
    return bool(uow.connection.execute(paid).scalar_one())
