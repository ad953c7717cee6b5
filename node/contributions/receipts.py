"""协管员代收: cash against a numbered receipt, at a village and with no network.

The county allocates numbers beforehand. The coordinator uses them one after the other; a spoiled
one is voided with a reason, none is left out. By village and day receipts and cash are handed
over, and the county books them when it has counted the money.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import Table, func, select

from node.accounts.chart import Kind
from node.accounts.ledger import Entry, Head, Line, book
from node.accounts.periods import is_locked
from node.accounts.serials import own_county, serial
from node.contributions.collection_ways import require_way
from node.contributions.models import (
    ContributionOrder,
    Receipt,
    ReceiptHandover,
    ReceiptSeries,
)
from node.contributions.payers import accounts_of, contributions
from node.contributions.payments import Answer, Payment, confirm_payments
from node.contributions.receipt_records import (
    publish_confirmation,
    publish_handover,
    publish_receipt,
    publish_series,
)
from node.contributions.rules import Method
from node.contributions.unmatched import INCOME, SUSPENSE, Doubt, Found, put_in_queue
from node.core.errors import Conflict, Forbidden, Invalid, NotFound, Problems
from node.core.money import yuan
from node.core.work import UnitOfWork
from node.identity import require, require_inside
from node.policy.contribution_bodies import Way
from tiers import Level, RegionCode, Role

series: Table = ReceiptSeries.__table__  # type: ignore[attr-defined]
receipts: Table = Receipt.__table__  # type: ignore[attr-defined]
handovers: Table = ReceiptHandover.__table__  # type: ignore[attr-defined]

RECEIPT = "receipt"
MOST_ALLOCATED = 5_000
REASON_CHARS = 200


def allocate(uow: UnitOfWork, village: RegionCode, count: int) -> ReceiptSeries:
    """Give a village its next receipt numbers, consecutive in the county.

    Raises:
        Forbidden: this node or this person keeps no accounts, or it is no village of the county.
        Invalid: too few or too many.
    """
    county = own_county(uow)
    require(uow, Role.ACCOUNTANT)
    if village.level is not Level.VILLAGE or not county.contains(village):
        raise Invalid("收据号段只能分给本县的村（社区）", field="village")
    if not 1 <= count <= MOST_ALLOCATED:
        raise Invalid("一次分配 1 至 {most} 个收据号", field="count", most=MOST_ALLOCATED)
    first = serial(uow, RECEIPT, count)
    row = ReceiptSeries(
        county_code=str(county),
        first_no=first,
        last_no=first + count - 1,
        village=str(village),
        allocated_on=uow.today,
    )
    uow.session.add(row)
    publish_series(uow, row)
    return row


def _require_coordinator(uow: UnitOfWork, village: RegionCode) -> None:
    """Cash is taken by the coordinator of the village, at the node that writes for it."""
    require(uow, Role.COORDINATOR)
    require_inside(uow, village)
    if village not in {uow.node, *uow.hosted}:
        raise Forbidden("代收收据由本村（社区）的协管员在本村或所在乡镇节点开具")


def next_number(uow: UnitOfWork, village: RegionCode) -> int:
    """The number of the next receipt of a village: the lowest it has not used.

    Raises:
        Invalid: its numbers are used up.
    """
    county = str(village.county)
    spans = select(ReceiptSeries).where(
        series.c.county_code == county, series.c.village == str(village)
    )
    newest = select(func.max(receipts.c.receipt_no)).where(
        receipts.c.county_code == county, receipts.c.village == str(village)
    )
    used = uow.connection.execute(newest).scalar() or 0
    for span in uow.session.scalars(spans.order_by(series.c.first_no)):
        if used < span.last_no:
            return max(used + 1, span.first_no)
    raise Invalid("收据号已经用完，请向县级申请新的号段")


@dataclass(frozen=True, slots=True)
class Taken:
    """Who pays which year in cash."""

    account_no: int
    for_year: int


def take_cash(uow: UnitOfWork, village: RegionCode, taken: Taken) -> Receipt:
    """Take what an order says in cash and write the receipt.

    Raises:
        Forbidden: it is not this coordinator's village.
        NotFound: nothing is due of that account for that year here.
        Conflict: it is paid, or a receipt was written for it already.
        Invalid: the way is closed here today, or there are no more numbers.
    """
    _require_coordinator(uow, village)
    require_way(uow, Way.COORDINATOR, region=village)
    county = str(village.county)
    order = uow.session.get(ContributionOrder, (county, taken.account_no, taken.for_year))
    if order is None or order.village != village or not order.own_fen:
        raise NotFound("没有这笔应缴，可能还没有同步到本节点", field="account_no")
    if _is_paid(uow, order):
        raise Conflict("{for_year} 年度已经缴费", field="account_no", for_year=taken.for_year)
    if _has_receipt(uow, order):
        raise Conflict("这笔应缴已经开过收据，不能重复收款", field="account_no")
    payer = accounts_of(uow, [taken.account_no]).get(taken.account_no, "")
    return _write(
        uow,
        village,
        account_no=order.account_no,
        for_year=order.for_year,
        grade_fen=order.grade_fen,
        fen=order.own_fen,
        payer=payer,
    )


def _is_paid(uow: UnitOfWork, order: ContributionOrder) -> bool:
    found = select(contributions.c.id).where(
        contributions.c.county_code == order.county_code,
        contributions.c.account_no == order.account_no,
        contributions.c.for_year == order.for_year,
        contributions.c.reversed_entry.is_(None),
    )
    return uow.connection.execute(found).first() is not None


def _has_receipt(uow: UnitOfWork, order: ContributionOrder) -> bool:
    found = select(receipts.c.receipt_no).where(
        receipts.c.county_code == order.county_code,
        receipts.c.account_no == order.account_no,
        receipts.c.for_year == order.for_year,
        receipts.c.voided.is_(False),
    )
    return uow.connection.execute(found).first() is not None


def _write(uow: UnitOfWork, village: RegionCode, **what: Any) -> Receipt:
    receipt = Receipt(
        county_code=str(village.county),
        receipt_no=next_number(uow, village),
        village=str(village),
        taken_on=uow.today,
        taken_at=uow.now,
        taken_by=uow.actor.id,
        taken_by_name=uow.actor.name,
        **what,
    )
    uow.session.add(receipt)
    uow.session.flush()
    publish_receipt(uow, receipt)
    return receipt


def void(uow: UnitOfWork, village: RegionCode, receipt_no: int, *, reason: str) -> Receipt:
    """Void a receipt that was spoiled; its number stays used.

    Raises:
        Forbidden: it is not this coordinator's village.
        NotFound: there is no such receipt here.
        Conflict: it is void, or was handed over.
        Invalid: no reason is given.
    """
    _require_coordinator(uow, village)
    receipt = uow.get(Receipt, str(village.county), receipt_no)
    if receipt.village != village:
        raise NotFound("没有这张收据", receipt_no=receipt_no)
    if receipt.voided:
        raise Conflict("该收据已经作废")
    if not reason.strip() or len(reason) > REASON_CHARS:
        raise Invalid("请写明作废原因，最多 {most} 个字", field="reason", most=REASON_CHARS)
    if receipt_no <= _handed_through(uow, village):
        raise Conflict("该收据已经汇缴，不能作废，请由县级会计冲销")
    receipt.voided, receipt.reason = True, reason.strip()
    uow.session.add(receipt)
    publish_receipt(uow, receipt)
    return receipt


def _handed_through(uow: UnitOfWork, village: RegionCode) -> int:
    newest = select(func.max(handovers.c.last_no)).where(
        handovers.c.county_code == str(village.county), handovers.c.village == str(village)
    )
    return uow.connection.execute(newest).scalar() or 0


def not_handed_over(uow: UnitOfWork, village: RegionCode) -> Sequence[Receipt]:
    """Receipts since the last handover, in their order."""
    found = select(Receipt).where(
        receipts.c.county_code == str(village.county),
        receipts.c.village == str(village),
        receipts.c.receipt_no > _handed_through(uow, village),
    )
    return uow.session.scalars(found.order_by(receipts.c.receipt_no)).all()


def hand_over(uow: UnitOfWork, village: RegionCode) -> ReceiptHandover:
    """Hand over all receipts and the cash since the last time.

    Raises:
        Forbidden: it is not this coordinator's village.
        Invalid: there is nothing to hand over.
    """
    _require_coordinator(uow, village)
    mine = not_handed_over(uow, village)
    if not mine:
        raise Invalid("没有要汇缴的收据")
    good = [each for each in mine if not each.voided]
    row = ReceiptHandover(
        county_code=str(village.county),
        village=str(village),
        first_no=mine[0].receipt_no,
        last_no=mine[-1].receipt_no,
        day=uow.today,
        receipts=len(good),
        voids=len(mine) - len(good),
        fen=sum(each.fen for each in good),
        handed_at=uow.now,
        handed_by_name=uow.actor.name,
    )
    uow.session.add(row)
    publish_handover(uow, row)
    return row


@dataclass(frozen=True, slots=True)
class Booked:
    """What a confirmed handover brought: payments booked, and money put aside."""

    posted: int
    aside: int


def confirm_handover(
    uow: UnitOfWork, village: RegionCode, first_no: int, *, fen: int, reference: str
) -> Booked:
    """The county has counted the money, or the bank has it: the receipts become payments.

    Raises:
        Forbidden: this node or this person keeps no accounts.
        NotFound: there is no such handover.
        Conflict: it was confirmed before.
        Problems: the money differs, a number is missing, or no paying-in slip is named.
    """
    county = own_county(uow)
    require(uow, Role.ACCOUNTANT)
    handover = uow.get(ReceiptHandover, str(county), str(village), first_no)
    if handover.confirmed_on is not None:
        raise Conflict("这次汇缴已经入账")
    mine = _receipts_of(uow, handover)
    if problems := _handover_problems(uow, handover, mine, fen, reference):
        raise Problems(problems)
    booked = _book(uow, handover, [each for each in mine if not each.voided])
    handover.reference, handover.confirmed_on = reference.strip(), uow.today
    handover.confirmed_by_name = uow.actor.name
    uow.session.add(handover)
    publish_confirmation(uow, handover)
    return booked


def _receipts_of(uow: UnitOfWork, handover: ReceiptHandover) -> Sequence[Receipt]:
    found = select(Receipt).where(
        receipts.c.county_code == handover.county_code,
        receipts.c.village == handover.village,
        receipts.c.receipt_no.between(handover.first_no, handover.last_no),
    )
    return uow.session.scalars(found.order_by(receipts.c.receipt_no)).all()


def _handover_problems(
    uow: UnitOfWork,
    handover: ReceiptHandover,
    mine: Sequence[Receipt],
    fen: int,
    reference: str,
) -> list[Invalid]:
    problems = []
    if fen != handover.fen:
        problems.append(
            Invalid(
                "实收 {counted} 元，收据合计 {receipts} 元，相差 {difference} 元",
                field="fen",
                counted=yuan(fen),
                receipts=yuan(handover.fen),
                difference=yuan(fen - handover.fen),
            )
        )
    if not reference.strip() or len(reference) > 64:  # noqa: PLR2004  # as wide as its column
        problems.append(Invalid("请填写缴存银行的凭证号，最多 64 个字符", field="reference"))
    expected = _expected_numbers(uow, handover)
    missing = sorted(expected - {each.receipt_no for each in mine})
    if missing:
        numbers = "、".join(map(str, missing[:10]))
        problems.append(
            Invalid("收据 {numbers} 还没有收到，号码须连续", field="receipts", numbers=numbers)
        )
    if sum(each.fen for each in mine if not each.voided) != handover.fen and not missing:
        problems.append(Invalid("收据合计与汇缴单不符，请与协管员核对", field="receipts"))
    return problems


def _expected_numbers(uow: UnitOfWork, handover: ReceiptHandover) -> set[int]:
    """Every number of the village from after the handover before this one: there are no gaps."""
    before = select(func.max(handovers.c.last_no)).where(
        handovers.c.county_code == handover.county_code,
        handovers.c.village == handover.village,
        handovers.c.last_no < handover.first_no,
    )
    after = uow.connection.execute(before).scalar() or 0
    spans = select(series.c.first_no, series.c.last_no).where(
        series.c.county_code == handover.county_code, series.c.village == handover.village
    )
    return {
        number
        for first, last in uow.connection.execute(spans)
        for number in range(max(first, after + 1), min(last, handover.last_no) + 1)
    }


def _book(uow: UnitOfWork, handover: ReceiptHandover, good: Sequence[Receipt]) -> Booked:
    payments = [
        Payment(
            account_no=each.account_no,
            for_year=each.for_year or 0,
            grade_fen=each.grade_fen,
            fen=each.fen,
            method=Method.COORDINATOR.value,
            reference=printed_number(each.county_code, each.receipt_no),
            paid_on=each.taken_on,
            booked_on=_bookable(uow, each.taken_on),
        )
        for each in good
    ]
    if not payments:
        return Booked(0, 0)
    outcomes = confirm_payments(uow, payments, batch=f"receipts-{handover.first_no}")
    refused = [
        receipt
        for receipt, outcome in zip(good, outcomes, strict=True)
        if outcome.answer is Answer.REFUSED
    ]
    _put_aside(uow, handover, refused)
    return Booked(len(good) - len(refused), len(refused))


def _bookable(uow: UnitOfWork, day: date) -> date:
    return uow.today if day.year != uow.today.year or is_locked(uow, day) else day


def _put_aside(uow: UnitOfWork, handover: ReceiptHandover, refused: Sequence[Receipt]) -> None:
    """Cash that can be booked to nobody is in the books all the same, and in the queue."""
    if not refused:
        return
    fen = sum(each.fen for each in refused)
    head = Head(Kind.SUSPENSE, uow.today, "receipts", f"{handover.first_no}", "代收款待查")
    entry = book(uow, Entry(head, [Line(INCOME, fen), Line(SUSPENSE, -fen)]))
    put_in_queue(
        uow,
        [
            Found(
                Doubt.DOUBLE if each.account_no else Doubt.UNKNOWN_PAYER,
                f"receipt:{each.receipt_no}",
                each.fen,
                uow.today,
                payer=each.payer,
                account_no=each.account_no,
                for_year=each.for_year,
                entry_no=entry,
            )
            for each in refused
        ],
    )


def printed_number(county: str, receipt_no: int) -> str:
    """A receipt number as it is printed: `410122-R00000123`."""
    return f"{county[:6]}-R{receipt_no:08d}"
