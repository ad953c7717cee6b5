"""What every end of a pension has in common: the pension is looked up, later payments are held
back, the end is written down and told, and what is left over of it is closed.
"""

from datetime import date
from typing import Any

from sqlalchemy import select, update

from node.benefits.codes import BenefitState, EndReason
from node.benefits.life import end_suspension_at
from node.benefits.life_records import ENDED, ends, publish_life
from node.benefits.records import entitlements, publish_entitlements
from node.core.errors import Conflict, NotFound
from node.core.ids import new_id
from node.core.work import UnitOfWork
from node.payroll.lump import close_empty
from node.payroll.rules import PaymentState
from node.payroll.tables import lines, payments

Row = dict[str, Any]


def pension_to_end(uow: UnitOfWork, county: str, entitlement_id: str) -> Row:
    """The pension, which must not have ended yet."""
    found = select(entitlements).where(
        entitlements.c.county_code == county, entitlements.c.id == entitlement_id
    )
    row = uow.connection.execute(found).mappings().first()
    if row is None:
        raise NotFound("没有找到这份待遇核定")
    if row["state"] == BenefitState.ENDED:
        raise Conflict("该待遇已经终止")
    return dict(row)


def hold_back(
    uow: UnitOfWork, county: str, entitlement_id: str, last_month: date, *, why: str
) -> None:
    """Approved payments of later months that have not left yet do not leave; those with the bank
    must come back first.
    """
    later = (
        select(lines.c.run_no, lines.c.pay_no)
        .where(
            lines.c.county_code == county,
            lines.c.entitlement_id == entitlement_id,
            lines.c.month > last_month,
            lines.c.is_void == 0,
        )
        .distinct()
    )
    for run_no, pay_no in uow.connection.execute(later).all():
        key = (
            payments.c.county_code == county,
            payments.c.run_no == run_no,
            payments.c.pay_no == pay_no,
        )
        state = uow.connection.execute(select(payments.c.state).where(*key)).scalar_one()
        if state in {PaymentState.SENT, PaymentState.UNCLEAR}:
            raise Conflict("此人有一笔发放正在银行办理，请等银行回盘后再审批")
        if state in {PaymentState.WAITING, PaymentState.BOUNCED}:
            uow.connection.execute(
                update(payments).where(*key).values(state=PaymentState.FAILED.value, reason=why)
            )


def keep_end(
    uow: UnitOfWork, pension: Row, *, reason: EndReason, case_id: str | None, **found: Any
) -> None:
    """Write down that a pension ended, with all that came of it, and tell it.

    `found` are the other columns of `benefit_end`, amounts in fen.
    """
    row = {
        "county_code": pension["county_code"],
        "id": new_id(),
        "entitlement_id": pension["id"],
        "person_id": pension["person_id"],
        "village": pension["village"],
        "reason": reason.value,
        **found,
        "is_revoked": False,
        "case_id": case_id,
        "made_at": uow.now,
    }
    uow.connection.execute(ends.insert(), [row])
    publish_life(uow, ENDED, [row])


def close_pension(uow: UnitOfWork, pension: Row, last_month: date) -> None:
    """The pension has ended with a month, and with it whatever suspended it; an account that holds
    nothing is closed.
    """
    end_suspension_at(uow, pension["id"], last_month=last_month)
    key = (
        entitlements.c.county_code == pension["county_code"],
        entitlements.c.id == pension["id"],
    )
    changed = {"state": BenefitState.ENDED.value, "last_month": last_month}
    uow.connection.execute(update(entitlements).where(*key).values(**changed))
    row = uow.connection.execute(select(entitlements).where(*key)).mappings().one()
    publish_entitlements(uow, [dict(row)])
    if pension["account_no"] is not None:
        close_empty(uow, pension["account_no"])
