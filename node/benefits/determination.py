"""Determining pensions (待遇核定): settle the account, apply the standards, keep the sheet."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from node.accounts.serials import own_county
from node.accounts.settlement import settle_accounts
from node.accounts.sources import Source
from node.benefits.claimants import Claimant, claimants
from node.benefits.life_rules import certified_until
from node.benefits.rates import keep_rates
from node.benefits.records import entitlements, publish_entitlements
from node.benefits.rules import (
    PENSION_AGE,
    Determination,
    Segment,
    age_in,
    components_of,
    determine,
    months_from,
    next_month,
    segments,
)
from node.benefits.rules import due_from as month_after_birthday
from node.benefits.sheet import SheetLine, calculation_sheet
from node.benefits.terms import Standards, standards, standards_of_months
from node.core.db import BATCH_ROWS
from node.core.errors import Conflict, Invalid, NotFound, Problems, Refusal
from node.core.ids import new_id
from node.core.work import UnitOfWork
from node.identity import require_duty
from node.policy import service as policy
from node.policy.benefit_bodies import Certification
from node.registry.rules import age_on
from node.registry.standing import begin_drawing
from tiers import Duty

CLAIMED_DAYS_AHEAD = 90
"""A claim may be entered so long before the 60th birthday; it is approved from the birthday on."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Who asks for a pension, to which card, and who has calculated it in the case."""

    person_id: str
    case_id: str | None = None
    bank_account: str = ""
    determined_by: str = ""


@dataclass(frozen=True, slots=True)
class _Ready:
    """A claim whose checks passed, with the month it is due from."""

    claim: Claim
    claimant: Claimant
    due_from: date


def claim_problems(claimant: Claimant, *, on: date) -> Iterator[Invalid | Conflict]:
    """What keeps a person from drawing a pension on a day."""
    if claimant.is_drawing:
        yield Conflict("该人员已经核定待遇，不能重复领取", field="citizen_number")
    if claimant.died_on is not None:
        yield Invalid("该人员已登记死亡", field="citizen_number")
    if claimant.enrolled_on is None:
        yield Invalid("该人员没有有效的参保登记，请先办理参保", field="citizen_number")
    if age_on(claimant.born_on, on) < PENSION_AGE:
        month = month_after_birthday(claimant.born_on)
        yield Invalid(
            "未满 {age} 周岁，自 {year} 年 {month} 月起可以领取",
            field="citizen_number",
            age=PENSION_AGE,
            year=month.year,
            month=month.month,
        )
    missing = claimant.needed - claimant.paid_years
    if missing > 0:
        yield Invalid(
            "缴费年限 {paid_years} 年，还差 {missing} 年，可以补缴后再申请",
            field="citizen_number",
            missing=missing,
            paid_years=claimant.paid_years,
        )


def determine_many(uow: UnitOfWork, claims: Sequence[Claim]) -> list[str | Refusal]:
    """Determine the pensions claimed: for each its number here (the entitlement's id), or why not.

    Raises:
        Forbidden: this is no county, or the person approves nothing.
        Invalid: a bulletin that is needed has not reached this node.
    """
    own_county(uow)
    require_duty(uow, Duty.APPROVE)
    known = claimants(uow, [claim.person_id for claim in claims])
    answers: list[str | Refusal] = []
    ready: list[_Ready] = []
    for claim in claims:
        found = _ready(uow, claim, known.get(claim.person_id), {r.claim.person_id for r in ready})
        if isinstance(found, _Ready):
            ready.append(found)
            answers.append(claim.person_id)
        else:
            answers.append(found)
    made = _determine(uow, ready)
    return [made[each] if isinstance(each, str) else each for each in answers]


def _ready(
    uow: UnitOfWork, claim: Claim, claimant: Claimant | None, taken: set[str]
) -> _Ready | Refusal:
    if claimant is None:
        return NotFound("没有找到这个人，或还没有参保登记")
    if claim.person_id in taken:
        return Conflict("同一批中有此人的另一份申请", field="citizen_number")
    problems = list(claim_problems(claimant, on=uow.today))
    if problems:
        conflict = next((each for each in problems if isinstance(each, Conflict)), None)
        return conflict or Problems([each for each in problems if isinstance(each, Invalid)])
    due = claimant.due_from
    if due is None:  # claim_problems has spoken of everything that leaves it open
        return Invalid("领取条件还没有全部满足", field="citizen_number")
    return _Ready(claim, claimant, due)


def _determine(uow: UnitOfWork, ready: Sequence[_Ready]) -> dict[str, str]:
    """Entitlements by person; accounts are settled together month by month."""
    balances = _settled(uow, ready)
    rows = [_row(uow, each, balances.get(each.claim.person_id, {})) for each in ready]
    for start in range(0, len(rows), BATCH_ROWS):
        uow.connection.execute(entitlements.insert(), rows[start : start + BATCH_ROWS])
    publish_entitlements(uow, rows)
    keep_rates(uow, _segments(uow, ready, rows))
    begin_drawing(uow, {each.claim.person_id: each.claim.bank_account for each in ready})
    return {row["person_id"]: row["id"] for row in rows}


def _segments(
    uow: UnitOfWork, ready: Sequence[_Ready], rows: Sequence[dict[str, Any]]
) -> dict[str, tuple[str, Sequence[Segment]]]:
    """What each month from the first due one comes to, as the standards were then."""
    if not rows:
        return {}
    this_month = uow.today.replace(day=1)
    first = min(row["due_from"] for row in rows)
    held = standards_of_months(uow, first, max(this_month, *(row["due_from"] for row in rows)))
    found: dict[str, tuple[str, Sequence[Segment]]] = {}
    for each, row in zip(ready, rows, strict=True):
        months = [
            (
                month,
                components_of(
                    held[month].terms,
                    paid_years=row["paid_years"],
                    born_on=each.claimant.born_on,
                    account=row["account_fen"],
                    month=month,
                ),
            )
            for month in months_from(row["due_from"], next_month(max(this_month, row["due_from"])))
        ]
        found[row["id"]] = (row["village"], segments(months))
    return found


def _settled(uow: UnitOfWork, ready: Sequence[_Ready]) -> dict[str, Mapping[Source, int]]:
    """Balances by source at the end of the month before the first one due."""
    found: dict[str, Mapping[Source, int]] = {}
    ordered = sorted(ready, key=lambda each: each.due_from)
    for due, group in groupby(ordered, key=lambda each: each.due_from):
        mine = {
            each.claimant.account_no: each.claim
            for each in group
            if each.claimant.account_no is not None
        }
        before = due - timedelta(days=1)
        trace = next(iter(mine.values())).case_id if len(mine) == 1 else None
        held = settle_accounts(
            uow,
            list(mine),
            year=before.year,
            through=before.month,
            trace=trace or f"determination-{uow.today}",
        )
        found |= {claim.person_id: held[number] for number, claim in mine.items()}
    return found


def _row(uow: UnitOfWork, ready: _Ready, balance: Mapping[Source, int]) -> dict[str, Any]:
    claim, claimant = ready.claim, ready.claimant
    on = max(ready.due_from, uow.today)
    held = standards(uow, on)
    age = age_in(claimant.born_on, on)
    found = determine(held.terms, paid_years=claimant.paid_years, age=age, balance=balance)
    return {
        "county_code": str(uow.node),
        "id": new_id(),
        "person_id": claim.person_id,
        "account_no": claimant.account_no,
        "village": claimant.village,
        "due_from": ready.due_from,
        "paid_years": claimant.paid_years,
        "base_fen": found.components.base + found.components.city + found.components.county,
        "account_fen": found.components.account,
        "monthly_fen": found.monthly_total,
        "balance_fen": sum(balance.values()),
        "divisor_months": held.terms.divisor_months,
        "account_by_source": {s.value: fen for s, fen in found.account_by_source.items()},
        "sheet": _sheet(found, held, paid_years=claimant.paid_years, age=age, balance=balance),
        "state": "in_force",
        "owed_from": ready.due_from,
        "last_month": None,
        "certified_until": _certified_until(uow),
        "case_id": claim.case_id,
        "determined_by": claim.determined_by or uow.actor.id,
        "approved_by": uow.actor.id,
        "determined_at": uow.now,
    }


def _certified_until(uow: UnitOfWork) -> date | None:
    """Whoever claims in person is alive: the first certificate counts from the determination."""
    found = policy.in_force(uow, Certification.kind, uow.node, uow.today)
    if found is None or not isinstance(found.body, Certification):
        return None
    return certified_until(uow.today, months=found.body.valid_months)


def _sheet(
    found: Determination,
    held: Standards,
    *,
    paid_years: int,
    age: int,
    balance: Mapping[Source, int],
) -> list[dict[str, Any]]:
    """The printed lines. A supplement no bulletin knows of is left out, and so is its zero."""
    lines = calculation_sheet(
        found,
        held.terms,
        paid_years=paid_years,
        age=age,
        balance=balance,
        references=held.references,
    )
    kept = [line for line in lines if line.fen or line.reference or line.part_of]
    return [asdict(_total(line) if line is lines[-1] else line) for line in kept]


def _total(line: SheetLine) -> SheetLine:
    return replace(line, formula="以上各项合计")
