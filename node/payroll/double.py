"""The end of a pension because another one is drawn (重复领取): the residents' pension ends with
the month before the other began, months paid since are owed back and set off, the account goes to
the person without what governments added.

Sources: 人社部发〔2014〕17号 §7 (two counties), §8 (beside the employees' scheme:
终止并解除城乡养老保险关系, 除政府补贴外的个人账户余额退还本人, 重复领取的基础养老金退还).
The rule is `bridge_rules.double_benefit`; a scenario test holds both together.
"""

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from node.accounts.chart import Kind
from node.accounts.ledger import Head
from node.accounts.serials import own_county
from node.benefits.codes import EndReason, RecoveryCause
from node.benefits.life_rules import refundable
from node.benefits.rules import months_back
from node.core.work import UnitOfWork
from node.payroll.ending import close_pension, hold_back, keep_end, pension_to_end
from node.payroll.lump import Held, Parts, book_out, settle_and_part
from node.payroll.overpaid import keep_recovery, paid_months, take_back
from node.registry.codes import CloseReason

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class OtherPension:
    """Whose pension ends because of which other one, since when, and where the money goes."""

    entitlement_id: str
    reason: CloseReason
    since: date
    payee: str
    card: str
    case_id: str


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of it, in fen: the account's part of the person, what goes back to the fund, what
    was paid for months that were not due, how much of that was set off, and what is still owed.
    """

    refund_fen: int
    to_fund_fen: int
    overpaid_fen: int
    set_off_fen: int
    claim_fen: int


def end_for_other(uow: UnitOfWork, other: OtherPension) -> Ended:
    """Stop a pension from the month the other one began, settle the account, set off.

    Raises:
        Forbidden: this node is no county.
        NotFound: there is no such pension here.
        Conflict: it has ended already, or a payment of a later month is with the bank.
    """
    county = str(own_county(uow))
    pension = pension_to_end(uow, county, other.entitlement_id)
    first = other.since.replace(day=1)
    last_month = months_back(first, 1)
    why = "已另领养老金，停止发放"
    hold_back(uow, county, pension["id"], last_month, why=why)
    months = paid_months(uow, pension, first=first, last=date.max)
    restored = take_back(uow, pension, months, trace=other.case_id, why="重复领取")
    held = _held(uow, pension, other, restored)
    overpaid = sum(row["fen"] for row in months)
    set_off = min(overpaid, held.refund_fen)
    found = Ended(held.refund_fen, held.to_fund_fen, overpaid, set_off, overpaid - set_off)
    memo = f"待遇终止（{other.reason.title}）：个人账户余额退还，抵扣重复领取"
    head = Head(Kind.REFUND, uow.today, "case", other.case_id, memo)
    book_out(uow, held, head, offset_fen=set_off)
    _keep(uow, pension, other, found, last_month)
    if months:
        keep_recovery(
            uow,
            pension,
            months,
            cause=RecoveryCause.DOUBLE_BENEFIT,
            set_off_fen=set_off,
            case_id=other.case_id,
        )
    close_pension(uow, pension, last_month)
    return found


def _held(uow: UnitOfWork, pension: Row, other: OtherPension, restored: Parts) -> Held:
    """The account with interest to this month: the fund has kept the money until now (约定).

    What the months in question drew from it is owed back and has come back to it: that much is the
    person's whatever its source, so that only the part of the fund has to be given back (§8).
    """
    number = pension["account_no"]
    if number is None:
        return Held(0, pension["village"], {}, {})
    held = settle_and_part(
        uow,
        number,
        pension["village"],
        month=uow.today.replace(day=1),
        refundable=refundable(other.reason, uow.today),
        trace=other.case_id,
    )
    also = {source: min(fen, restored.get(source, 0)) for source, fen in held.to_fund.items()}
    return replace(
        held,
        refunded={**held.refunded, **{source: fen for source, fen in also.items() if fen}},
        to_fund={s: fen - also[s] for s, fen in held.to_fund.items() if fen > also[s]},
    )


def _keep(
    uow: UnitOfWork, pension: Row, other: OtherPension, found: Ended, last_month: date
) -> None:
    keep_end(
        uow,
        pension,
        reason=EndReason(other.reason.value),
        case_id=other.case_id,
        ended_on=other.since,
        last_month=last_month,
        account_fen=found.refund_fen,
        to_fund_fen=found.to_fund_fen,
        funeral_fen=0,
        overpaid_fen=found.overpaid_fen,
        set_off_account_fen=found.set_off_fen,
        set_off_funeral_fen=0,
        claim_fen=found.claim_fen,
        heir_name=other.payee,
        heir_account=other.card or None,
        heir_relation="",
    )
