"""The end of a pension by death (死亡终止): what was paid too much comes back, the account goes to
the heirs with interest to the month, the funeral grant is added, and all is set off.

The month of death is the last one due. Sources: 国发〔2014〕8号 §8; business rules §7; worked
examples in tests/cases (`life_rules.death_settlement`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import func, select, update

from node.accounts.balances import balances, postings
from node.accounts.chart import CONTROL, Kind
from node.accounts.ledger import Entry, Head, Line, NewPosting, book
from node.accounts.serials import own_county
from node.accounts.service import close_accounts
from node.accounts.settlement import settle_accounts
from node.accounts.sources import Source
from node.benefits.codes import BenefitState, EndReason, RecoveryCause
from node.benefits.life import end_suspension_at
from node.benefits.life_records import ENDED, RECOVERED, ends, publish_life, recoveries
from node.benefits.life_rules import DeathSettlement, death_settlement
from node.benefits.records import entitlements, publish_entitlements
from node.benefits.terms import standards
from node.core.errors import Conflict, NotFound
from node.core.ids import new_id
from node.core.work import UnitOfWork
from node.payroll.rules import PaymentState
from node.payroll.tables import lines, payments, recovered_months, summed, typed
from node.policy import service as policy
from node.policy.benefit_bodies import FuneralGrant

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


_OVERPAID = typed(f"""
    SELECT l.month, {summed("l.")}
    FROM payroll_line l
    JOIN payroll_payment p ON p.county_code = l.county_code AND p.run_no = l.run_no
        AND p.pay_no = l.pay_no
    WHERE l.county_code = :county AND l.entitlement_id = :entitlement AND l.kind = 'pension'
        AND NOT l.is_void AND l.month > :month AND p.state IN ('paid', 'kept')
    GROUP BY l.month ORDER BY l.month
""")


def end_by_death(uow: UnitOfWork, death: Death) -> DeathSettlement:
    """Stop a pension, settle the account, and say what the heirs get or owe.

    Raises:
        Forbidden: this node is no county.
        NotFound: there is no such pension here.
        Conflict: it has ended already, or a payment of a later month is with the bank.
    """
    county = str(own_county(uow))
    pension = _pension(uow, county, death.entitlement_id)
    last_month = death.died_on.replace(day=1)
    _hold_back(uow, county, pension["id"], last_month)
    months = _overpaid(uow, county, pension["id"], last_month)
    _take_back(uow, pension, death, months)
    held = _settled(uow, pension, death, last_month)
    found = death_settlement(
        balance=held,
        interest={},
        funeral_months=_funeral_months(uow, death.died_on),
        base_fen=standards(uow, last_month).terms.base_fen,
        overpaid_fen=sum(row["fen"] for row in months),
    )
    _book_settlement(uow, pension, death, held, found)
    _keep(uow, pension, death, found, months)
    end_suspension_at(uow, pension["id"], last_month=last_month)
    _close(uow, pension, last_month)
    return found


def _pension(uow: UnitOfWork, county: str, entitlement_id: str) -> Row:
    found = select(entitlements).where(
        entitlements.c.county_code == county, entitlements.c.id == entitlement_id
    )
    row = uow.connection.execute(found).mappings().first()
    if row is None:
        raise NotFound("没有找到这份待遇核定")
    if row["state"] == BenefitState.ENDED:
        raise Conflict("该待遇已经终止")
    return dict(row)


def _hold_back(uow: UnitOfWork, county: str, entitlement_id: str, last_month: date) -> None:
    """Approved payments of later months that have not left yet do not leave; those with the bank
    must come back first.
    """
    later = (
        select(lines.c.run_no, lines.c.pay_no)
        .where(
            lines.c.county_code == county,
            lines.c.entitlement_id == entitlement_id,
            lines.c.month > last_month,
            ~lines.c.is_void,
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
                update(payments)
                .where(*key)
                .values(state=PaymentState.FAILED.value, reason="已登记死亡，停止发放")
            )


def _overpaid(uow: UnitOfWork, county: str, entitlement_id: str, last_month: date) -> list[Row]:
    given = {"county": county, "entitlement": entitlement_id, "month": last_month}
    shape = _OVERPAID.columns(month=lines.c.month.type)
    return [dict(row) for row in uow.connection.execute(shape, given).mappings()]


def _take_back(uow: UnitOfWork, pension: Row, death: Death, months: Sequence[Row]) -> None:
    """What was drawn for months after death goes back into the account, what the fund gave back
    into the fund; the heirs owe both.
    """
    if not months:
        return
    account = sum(row["account_fen"] for row in months)
    restored = _drawn(uow, pension, account)
    fund = sum(row["fen"] for row in months) - sum(restored.values())
    total = sum(restored.values()) + fund
    found = [
        Line("overpaid_receivable", total),
        *([Line("pooled_fund", -fund)] if fund else []),
        Line(CONTROL, -sum(restored.values())),
    ]
    memo = f"死亡后多发 {len(months)} 个月，转回"
    moved = _postings(uow, pension, restored, Kind.PENSION_BACK, sign=1)
    book(uow, Entry(_head(uow, death, Kind.PENSION_BACK, memo), found, moved))


def _drawn(uow: UnitOfWork, pension: Row, account: int) -> dict[Source, int]:
    """By source what these months took out of the account, never more than it has given."""
    if not account:
        return {}
    months = account // pension["account_fen"]
    taken = (
        select(postings.c.source, func.sum(postings.c.fen))
        .where(
            postings.c.county_code == pension["county_code"],
            postings.c.account_no == pension["account_no"],
            postings.c.kind.in_([Kind.PENSION.value, Kind.PENSION_BACK.value]),
        )
        .group_by(postings.c.source)
    )
    given = {Source(source): -int(fen) for source, fen in uow.connection.execute(taken)}
    parts = {Source(s): fen * months for s, fen in pension["account_by_source"].items()}
    found = {source: min(fen, given.get(source, 0)) for source, fen in parts.items()}
    return {source: fen for source, fen in found.items() if fen > 0}


def _settled(uow: UnitOfWork, pension: Row, death: Death, last_month: date) -> Mapping[Source, int]:
    """The account with interest to the month of death."""
    number = pension["account_no"]
    if number is None or not any(balances(uow, [number])[number].values()):
        return {}
    trace = death.case_id or f"death-{pension['id']}"
    settle_accounts(uow, [number], year=last_month.year, through=last_month.month, trace=trace)
    return {source: fen for source, fen in balances(uow, [number])[number].items() if fen}


def _funeral_months(uow: UnitOfWork, died_on: date) -> int:
    found = policy.in_force(uow, FuneralGrant.kind, uow.node, died_on)
    if found is None or not isinstance(found.body, FuneralGrant):
        return 0
    return found.body.months_of_base


def _book_settlement(
    uow: UnitOfWork,
    pension: Row,
    death: Death,
    held: Mapping[Source, int],
    found: DeathSettlement,
) -> None:
    """The account and the grant are owed to the heirs; what was overpaid is taken off that."""
    offset = found.set_off_account + found.set_off_funeral
    told = [
        Line("heirs_payable", -found.paid_to_heirs),
        Line("overpaid_receivable", -offset),
        Line("pooled_fund", found.funeral_gross),
    ]
    account = sum(held.values())
    entry_lines = [*(line for line in told if line.fen), Line(CONTROL, account)]
    if not account and not found.funeral_gross:
        return
    moved = _postings(uow, pension, held, Kind.REFUND, sign=-1)
    memo = "死亡终止：个人账户余额和丧葬补助金，抵扣多发"
    book(uow, Entry(_head(uow, death, Kind.REFUND, memo), entry_lines, moved))


def _head(uow: UnitOfWork, death: Death, kind: Kind, memo: str) -> Head:
    return Head(kind, uow.today, "case", death.case_id or death.entitlement_id, memo)


def _postings(
    uow: UnitOfWork, pension: Row, parts: Mapping[Source, int], kind: Kind, *, sign: int
) -> list[NewPosting]:
    return [
        NewPosting(
            account_no=pension["account_no"],
            village=pension["village"],
            source=source,
            kind=kind,
            fen=sign * fen,
            business_date=uow.today,
            for_year=uow.today.year,
        )
        for source, fen in parts.items()
        if fen
    ]


def _keep(
    uow: UnitOfWork,
    pension: Row,
    death: Death,
    found: DeathSettlement,
    months: Sequence[Row],
) -> None:
    row = {
        "county_code": pension["county_code"],
        "id": new_id(),
        "entitlement_id": pension["id"],
        "person_id": pension["person_id"],
        "village": pension["village"],
        "reason": EndReason.DEATH.value,
        "ended_on": death.died_on,
        "last_month": death.died_on.replace(day=1),
        "account_fen": found.account_refund_gross,
        "funeral_fen": found.funeral_gross,
        "overpaid_fen": sum(each["fen"] for each in months),
        "set_off_account_fen": found.set_off_account,
        "set_off_funeral_fen": found.set_off_funeral,
        "claim_fen": found.claim_left,
        "heir_name": death.heir_name,
        "heir_account": death.heir_account or None,
        "heir_relation": death.heir_relation,
        "is_revoked": False,
        "case_id": death.case_id,
        "made_at": uow.now,
    }
    uow.connection.execute(ends.insert(), [row])
    publish_life(uow, ENDED, [row])
    if months:
        _keep_recovery(uow, pension, death, found, months)


def _keep_recovery(
    uow: UnitOfWork,
    pension: Row,
    death: Death,
    found: DeathSettlement,
    months: Sequence[Row],
) -> None:
    recovery = {
        "county_code": pension["county_code"],
        "id": new_id(),
        "entitlement_id": pension["id"],
        "person_id": pension["person_id"],
        "village": pension["village"],
        "cause": RecoveryCause.LATE_DEATH.value,
        "fen": sum(each["fen"] for each in months),
        "set_off_fen": found.set_off_account + found.set_off_funeral,
        "repaid_fen": 0,
        "monthly_fen": 0,
        "state": "open" if found.claim_left else "closed",
        "case_id": death.case_id,
        "made_at": uow.now,
    }
    uow.connection.execute(recoveries.insert(), [recovery])
    publish_life(uow, RECOVERED, [recovery])
    uow.connection.execute(
        recovered_months.insert(),
        [
            {
                "county_code": pension["county_code"],
                "entitlement_id": pension["id"],
                "serial": 1,
                "recovery_id": recovery["id"],
                **each,
            }
            for each in months
        ],
    )


def _close(uow: UnitOfWork, pension: Row, last_month: date) -> None:
    key = (
        entitlements.c.county_code == pension["county_code"],
        entitlements.c.id == pension["id"],
    )
    changed = {"state": BenefitState.ENDED.value, "last_month": last_month}
    uow.connection.execute(update(entitlements).where(*key).values(**changed))
    row = uow.connection.execute(select(entitlements).where(*key)).mappings().one()
    publish_entitlements(uow, [dict(row)])
    number = pension["account_no"]
    if number is not None and not any(balances(uow, [number])[number].values()):
        close_accounts(uow, [number], on=uow.today)
