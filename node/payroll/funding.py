"""The money behind a run: asked for by payer, arrived, booked (用款申请、资金到账).

What the treasuries pay comes into the fiscal account, and what a run needs goes on into the
expenditure account. Nothing is sent to a bank before all of it is there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import func, select

from node.accounts.balances import balances
from node.accounts.chart import Kind
from node.accounts.ledger import Entry, Head, Line, book
from node.accounts.serials import own_county
from node.accounts.sources import Source
from node.benefits.records import entitlements
from node.benefits.rules import draw, months_back
from node.core.errors import Conflict, Invalid
from node.core.ids import new_id
from node.core.money import yuan
from node.core.work import UnitOfWork
from node.identity import require
from node.payroll.calendar import steps
from node.payroll.models import FundingReceipt, FundingRequest, PayrollRun
from node.payroll.report import tell_run
from node.payroll.rules import Payer, RunState, Shares, check_move, requests
from node.payroll.tables import COMPONENTS, funding, lines, receipts, typed
from node.policy import service as policy
from node.policy.benefit_bodies import FundingShares
from tiers import Role

PARTS = {
    "base_fen": "base",
    "city_fen": "city",
    "county_fen": "county",
    "years_fen": "years",
    "age_fen": "age",
    "account_fen": "account",
}

_LONG_DRAWN = typed("""
    SELECT e.account_no, e.account_by_source, e.account_fen,
        CAST(sum(l.account_fen) AS BIGINT) AS wanted
    FROM payroll_line l
    JOIN entitlement e ON e.county_code = l.county_code AND e.id = l.entitlement_id
        AND e.divisor_months = :divisor AND e.due_from <= :day
    WHERE l.county_code = :county AND l.run_no = :run AND l.account_fen > 0
    GROUP BY e.account_no, e.account_by_source, e.account_fen
""")


def make_requests(uow: UnitOfWork, run: PayrollRun) -> None:
    """Ask every payer for its share of an approved run.

    Raises:
        Invalid: no bulletin about shares has reached this node, or it lacks a part.
    """
    sums = _sums(uow, run)
    found = _requests(uow, run, sums)
    latest = {step.state: step.latest for step in steps(uow, run.month)}
    for payer, parts in found.items():
        uow.session.add(
            FundingRequest(
                county_code=run.county_code,
                run_no=run.run_no,
                payer=payer.value,
                month=run.month,
                needed_by=latest[RunState.FUNDED],
                fen=sum(parts.values()),
                parts=parts,
            )
        )
    uow.session.flush()


def _sums(uow: UnitOfWork, run: PayrollRun) -> dict[str, int]:
    """The totals of a run by part; what an empty account cannot give is `makeup`."""
    summed = select(
        lines.c.kind, *(func.sum(lines.c[name]) for name in (*COMPONENTS, "fen"))
    ).where(lines.c.county_code == run.county_code, lines.c.run_no == run.run_no)
    sums: dict[str, int] = {}
    for kind, *values in uow.connection.execute(summed.group_by(lines.c.kind)):
        if kind != "pension":
            sums[kind] = int(values[-1])
            continue
        sums |= {PARTS[name]: int(fen) for name, fen in zip(COMPONENTS, values, strict=False)}
    makeup = _makeup(uow, run)
    if makeup:
        sums["makeup"] = makeup
        sums["account"] -= makeup
    return sums


def _makeup(uow: UnitOfWork, run: PayrollRun) -> int:
    """What the accounts in this run will not be able to give. None can be empty before its
    divisor's months have passed, so only those who have drawn so long are looked at.
    """
    divisors = select(entitlements.c.divisor_months).where(
        entitlements.c.county_code == run.county_code
    )
    short = 0
    for divisor in uow.connection.execute(divisors.distinct()).scalars().all():
        given = {
            "county": run.county_code,
            "run": run.run_no,
            "divisor": divisor,
            "day": months_back(run.month, divisor - 1),
        }
        rows = uow.connection.execute(
            _LONG_DRAWN.columns(account_by_source=entitlements.c.account_by_source.type), given
        ).all()
        held = balances(uow, [row.account_no for row in rows])
        for row in rows:
            months = row.wanted // row.account_fen
            parts = {Source(s): fen * months for s, fen in row.account_by_source.items()}
            short += draw(held[row.account_no], parts).fund
    return short


def _requests(
    uow: UnitOfWork, run: PayrollRun, sums: Mapping[str, int]
) -> dict[Payer, dict[str, int]]:
    body = policy.required(uow, FundingShares, uow.node, run.month).body
    shares = {
        each.part.value: Shares(each.central_ppm, each.province_ppm, each.city_ppm, each.county_ppm)
        for each in body.shares
    }
    try:
        return requests(sums, shares)
    except KeyError as lacking:
        raise Invalid("资金分担办法缺少一个项目，请联系省级补充", part=str(lacking)) from lacking


def requests_of(uow: UnitOfWork, run: PayrollRun) -> Sequence[FundingRequest]:
    """What was asked for a run, in the order of the payers."""
    found = select(FundingRequest).where(
        funding.c.county_code == run.county_code, funding.c.run_no == run.run_no
    )
    by_payer = {each.payer: each for each in uow.session.scalars(found)}
    return [by_payer[payer.value] for payer in Payer if payer.value in by_payer]


@dataclass(frozen=True, slots=True)
class Receipt:
    """Money that arrived for a run from one payer. `reference` is the bank's."""

    payer: str
    fen: int
    arrived_on: date
    reference: str


def take_receipt(uow: UnitOfWork, run_no: int, receipt: Receipt) -> PayrollRun:
    """Record money that arrived and book it; with the last of it the run may be sent.

    The same reference of the same payer changes nothing the second time.

    Raises:
        Forbidden: the person keeps no accounts.
        Conflict: the run waits for no money.
        Invalid: nothing was asked of this payer, it is more than is missing, or in the future.
    """
    county = str(own_county(uow))
    require(uow, Role.ACCOUNTANT)
    run = uow.get(PayrollRun, county, run_no)
    if _is_known(uow, county, receipt):
        return run
    check_move(RunState(run.state), RunState.FUNDED)
    asked = uow.session.get(FundingRequest, (county, run_no, receipt.payer))
    _check(uow, asked, receipt)
    assert asked is not None  # noqa: S101  # narrows for mypy: _check has refused it
    asked.arrived_fen += receipt.fen
    asked.arrived_on = receipt.arrived_on
    uow.session.add(asked)
    uow.session.add(
        FundingReceipt(
            county_code=county,
            id=new_id(),
            run_no=run_no,
            payer=receipt.payer,
            fen=receipt.fen,
            arrived_on=receipt.arrived_on,
            reference=receipt.reference.strip(),
            entry_no=_booked(uow, run, receipt),
            recorded_by=uow.actor.id,
            recorded_at=uow.now,
        )
    )
    uow.session.flush()
    if all(each.arrived_fen >= each.fen for each in requests_of(uow, run)):
        run.state, run.funded_at = RunState.FUNDED.value, uow.now
        uow.session.add(run)
        tell_run(uow, run)
    return run


def _is_known(uow: UnitOfWork, county: str, receipt: Receipt) -> bool:
    same = select(receipts.c.fen).where(
        receipts.c.county_code == county,
        receipts.c.payer == receipt.payer,
        receipts.c.reference == receipt.reference.strip(),
    )
    fen = uow.connection.execute(same).scalar()
    if fen is not None and fen != receipt.fen:
        raise Conflict("这个到账凭证号已经记过另一笔金额", field="reference")
    return fen is not None


def _check(uow: UnitOfWork, asked: FundingRequest | None, receipt: Receipt) -> None:
    if asked is None:
        raise Invalid("本批次没有向这一级申请资金", field="payer")
    if not receipt.reference.strip():
        raise Invalid("请填写到账凭证号", field="reference")
    missing = asked.fen - asked.arrived_fen
    if not 0 < receipt.fen <= missing:
        raise Invalid(f"到账金额须大于零，且不超过尚缺的 {yuan(missing)} 元", field="fen")
    if receipt.arrived_on > uow.today:
        raise Invalid("到账日期不能晚于今天", field="arrived_on")


def _booked(uow: UnitOfWork, run: PayrollRun, receipt: Receipt) -> int:
    """Treasury money is income of the pooled fund; the account fund only moves its own."""
    payer = Payer(receipt.payer)
    into = "fiscal_account" if payer is Payer.ACCOUNT else "pooled_fund"
    memo = f"{run.month:%Y-%m} 发放资金，{payer.title}"
    head = Head(Kind.FUND_TRANSFER, receipt.arrived_on, "payroll", str(run.run_no), memo)
    found = [Line("expenditure_account", receipt.fen), Line(into, -receipt.fen)]
    return book(uow, Entry(head, found))


def receipts_of(uow: UnitOfWork, run: PayrollRun) -> Sequence[FundingReceipt]:
    """What arrived for a run, in order."""
    found = select(FundingReceipt).where(
        receipts.c.county_code == run.county_code, receipts.c.run_no == run.run_no
    )
    return uow.session.scalars(found.order_by(receipts.c.id)).all()


def late(asked: FundingRequest, today: date) -> bool:
    """Whether money is missing on the day it is needed by."""
    return asked.arrived_fen < asked.fen and today > asked.needed_by - timedelta(days=0)


def shortage(uow: UnitOfWork, run: PayrollRun) -> dict[str, Any]:
    """What is still missing for a run, by payer, in fen."""
    return {
        each.payer: each.fen - each.arrived_fen
        for each in requests_of(uow, run)
        if each.fen > each.arrived_fen
    }
