"""The end of a pension by death (死亡终止): what was paid too much comes back, the account goes to
the heirs with interest to the month, the funeral grant is added, and all is set off.

The month of death is the last one due. Sources: 国发〔2014〕8号 §8; business rules §7; worked
examples in tests/cases (`life_rules.death_settlement`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from node.accounts.chart import Kind
from node.accounts.ledger import Head
from node.accounts.serials import own_county
from node.benefits.codes import EndReason, RecoveryCause
from node.benefits.life_rules import DeathSettlement, death_settlement, refundable
from node.benefits.rules import next_month
from node.benefits.terms import standards
from node.core.work import UnitOfWork
from node.payroll.ending import close_pension, hold_back, keep_end, pension_to_end
from node.payroll.lump import Held, book_out, settle_and_part
from node.payroll.overpaid import keep_recovery, paid_months, take_back
from node.policy import service as policy
from node.policy.benefit_bodies import FuneralGrant
from node.registry.codes import CloseReason

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Death:
    """Who died when, who inherits, and the case it was decided in."""

    entitlement_id: str
    died_on: date
    heir_name: str = ""
    heir_account: str = ""
    heir_relation: str = ""
    case_id: str | None = None


def end_by_death(uow: UnitOfWork, death: Death) -> DeathSettlement:
    """Stop a pension, settle the account, and say what the heirs get or owe.

    Raises:
        Forbidden: this node is no county.
        NotFound: there is no such pension here.
        Conflict: it has ended already, or a payment of a later month is with the bank.
    """
    county = str(own_county(uow))
    pension = pension_to_end(uow, county, death.entitlement_id)
    last_month = death.died_on.replace(day=1)
    hold_back(uow, county, pension["id"], last_month, why="已登记死亡，停止发放")
    first = next_month(last_month)
    months = paid_months(uow, pension, first=first, last=date.max)
    take_back(uow, pension, months, trace=_trace(death), why="死亡后多发")
    held = _settled(uow, pension, death, last_month)
    found = death_settlement(
        balance=held.refunded,
        interest={},
        funeral_months=_funeral_months(uow, death.died_on),
        base_fen=standards(uow, last_month).terms.base_fen,
        overpaid_fen=sum(row["fen"] for row in months),
    )
    memo = "死亡终止：个人账户余额和丧葬补助金，抵扣多发"
    book_out(
        uow,
        held,
        Head(Kind.REFUND, uow.today, "case", _trace(death), memo),
        grant_fen=found.funeral_gross,
        offset_fen=found.set_off_account + found.set_off_funeral,
    )
    _keep(uow, pension, death, held, found, months)
    close_pension(uow, pension, last_month)
    return found


def _settled(uow: UnitOfWork, pension: Row, death: Death, last_month: date) -> Held:
    """The account with interest to the month of death."""
    number = pension["account_no"]
    if number is None:
        return Held(0, pension["village"], {}, {})
    return settle_and_part(
        uow,
        number,
        pension["village"],
        month=last_month,
        refundable=refundable(CloseReason.DEATH, death.died_on),
        trace=death.case_id or f"death-{pension['id']}",
    )


def _funeral_months(uow: UnitOfWork, died_on: date) -> int:
    found = policy.in_force(uow, FuneralGrant.kind, uow.node, died_on)
    if found is None or not isinstance(found.body, FuneralGrant):
        return 0
    return found.body.months_of_base


def _trace(death: Death) -> str:
    return death.case_id or death.entitlement_id


def _keep(  # noqa: PLR0917  # what ended, and all that was found about it
    uow: UnitOfWork,
    pension: Row,
    death: Death,
    held: Held,
    found: DeathSettlement,
    months: Sequence[Row],
) -> None:
    keep_end(
        uow,
        pension,
        reason=EndReason.DEATH,
        case_id=death.case_id,
        ended_on=death.died_on,
        last_month=death.died_on.replace(day=1),
        account_fen=found.account_refund_gross,
        to_fund_fen=held.to_fund_fen,
        funeral_fen=found.funeral_gross,
        overpaid_fen=sum(each["fen"] for each in months),
        set_off_account_fen=found.set_off_account,
        set_off_funeral_fen=found.set_off_funeral,
        claim_fen=found.claim_left,
        heir_name=death.heir_name,
        heir_account=death.heir_account or None,
        heir_relation=death.heir_relation,
    )
    if months:
        keep_recovery(
            uow,
            pension,
            months,
            cause=RecoveryCause.LATE_DEATH,
            set_off_fen=found.set_off_account + found.set_off_funeral,
            case_id=death.case_id,
        )
