"""待查款项: money that came in and cannot be booked to anybody, and payments in doubt.

Whatever a bank says it has collected is in the books the same day: with whom it belongs to, or on
the suspense account with an item here. One person proposes what is to become of it, another
decides; the books move in that moment.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from sqlalchemy import Table, func, select

from node.accounts.chart import CONTROL, Kind
from node.accounts.ledger import Entry, Head, Line, NewPosting, book, reverse
from node.accounts.periods import is_locked
from node.accounts.serials import own_county, serial
from node.accounts.sources import Source
from node.banking import service as banking
from node.banking.models import BankLine
from node.contributions.models import Contribution, UnmatchedMoney
from node.contributions.payers import (
    contributions,
    find_payers,
    made_up,
    orders,
    paid_years,
)
from node.contributions.records import publish_contributions
from node.contributions.rules import Method, payment_problems
from node.core.db import BATCH_ROWS
from node.core.errors import Conflict, Forbidden, Invalid, Problems
from node.core.ids import new_id
from node.core.paging import Page, paged
from node.core.titled import TitledEnum
from node.core.work import Actor, UnitOfWork
from node.identity import require
from tiers import Role

unmatched: Table = UnmatchedMoney.__table__  # type: ignore[attr-defined]

ITEM = "unmatched_money"
SUSPENSE = "unmatched_money"
INCOME = "income_account"
REASON_CHARS = 500


class Doubt(TitledEnum):
    """What is wrong with it."""

    UNKNOWN_PAYER = "unknown_payer", "缴款人不明"
    WRONG_AMOUNT = "wrong_amount", "金额不符"
    DOUBLE = "double", "重复缴费"
    LATE = "late", "过期或账户已关闭"
    RETURNED = "returned", "银行退回"
    UNCLEAR = "unclear", "银行结果待查"


class Way(TitledEnum):
    """What can become of it."""

    ATTRIBUTE = "attribute", "记入个人账户"
    REFUND = "refund", "退回缴款人"
    REVERSE = "reverse", "冲销原缴费"
    DISMISS = "dismiss", "核对无误，不作处理"
    WAS_COLLECTED = "was_collected", "银行确认已扣款"
    WAS_NOT = "was_not", "银行确认没有扣款"


FITTING: dict[Doubt, tuple[Way, ...]] = {
    Doubt.UNKNOWN_PAYER: (Way.ATTRIBUTE, Way.REFUND),
    Doubt.WRONG_AMOUNT: (Way.ATTRIBUTE, Way.REFUND),
    Doubt.DOUBLE: (Way.ATTRIBUTE, Way.REFUND),
    Doubt.LATE: (Way.ATTRIBUTE, Way.REFUND),
    Doubt.RETURNED: (Way.REVERSE, Way.DISMISS),
    Doubt.UNCLEAR: (Way.WAS_COLLECTED, Way.WAS_NOT),
}


class ItemState(TitledEnum):
    """Where an item stands."""

    OPEN = "open", "待处理"
    PROPOSED = "proposed", "待另一人决定"
    RESOLVED = "resolved", "已处理"


@dataclass(frozen=True, slots=True)
class Found:
    """Something for the queue. `origin` names the money once and for all."""

    kind: Doubt
    origin: str
    fen: int
    received_on: date
    payer: str = ""
    account_no: int | None = None
    for_year: int | None = None
    batch_no: int | None = None
    line_no: int | None = None
    entry_no: int | None = None


def put_in_queue(uow: UnitOfWork, found: Sequence[Found]) -> None:
    """Put items into the queue, numbered in their order."""
    if not found:
        return
    county = str(own_county(uow))
    first = serial(uow, ITEM, len(found))
    rows = [
        {
            "county_code": county,
            "item_no": number,
            "kind": each.kind.value,
            "origin": each.origin,
            "payer": each.payer,
            "account_no": each.account_no,
            "for_year": each.for_year,
            "fen": each.fen,
            "received_on": each.received_on,
            "batch_no": each.batch_no,
            "line_no": each.line_no,
            "entry_no": each.entry_no,
            "found_at": uow.now,
            "state": ItemState.OPEN.value,
        }
        for number, each in enumerate(found, first)
    ]
    for start in range(0, len(rows), BATCH_ROWS):
        uow.connection.execute(unmatched.insert(), rows[start : start + BATCH_ROWS])


def take_in(
    uow: UnitOfWork, *, fen: int, received_on: date, reference: str, payer: str, kind: Doubt
) -> UnmatchedMoney:
    """Money on the bank's statement that nobody can place yet: booked, and in the queue.

    Raises:
        Forbidden: this node or this person keeps no accounts.
        Invalid: no amount, no reference, a day to come, or a closed month.
        IntegrityError: the reference is there already.
    """
    county = own_county(uow)
    require(uow, Role.ACCOUNTANT)
    if fen <= 0:
        raise Invalid("金额须大于零", field="fen")
    if not reference.strip() or len(reference) > 64:  # noqa: PLR2004  # as wide as its column
        raise Invalid("请填写银行流水号，最多 64 个字符", field="reference")
    if received_on > uow.today:
        raise Invalid("到账日期不能晚于今天", field="received_on")
    if kind not in {Doubt.UNKNOWN_PAYER, Doubt.WRONG_AMOUNT, Doubt.DOUBLE, Doubt.LATE}:
        raise Invalid("请选择原因", field="kind")
    origin = f"statement:{reference.strip()}"
    head = Head(Kind.SUSPENSE, received_on, "unmatched", origin[:64], "暂收待查款")
    entry = book(uow, Entry(head, [Line(INCOME, fen), Line(SUSPENSE, -fen)]))
    put_in_queue(uow, [Found(kind, origin, fen, received_on, payer=payer.strip(), entry_no=entry)])
    same = select(UnmatchedMoney).where(
        unmatched.c.county_code == str(county), unmatched.c.origin == origin
    )
    return uow.session.scalars(same).one()


def question(uow: UnitOfWork, batch_no: int, line_no: int) -> UnmatchedMoney:
    """A line of which the bank does not say what became of it: an item, once.

    Raises:
        Forbidden: this node or this person keeps no accounts.
        NotFound: there is no such line.
        Conflict: the bank has answered.
    """
    county = str(own_county(uow))
    require(uow, Role.ACCOUNTANT)
    line = uow.get(BankLine, county, batch_no, line_no)
    if line.state != banking.LineState.UNCLEAR:
        raise Conflict("该笔扣款没有待查的结果")
    origin = f"unclear:{batch_no}-{line_no}"
    same = select(UnmatchedMoney).where(
        unmatched.c.county_code == county, unmatched.c.origin == origin
    )
    if uow.session.scalars(same).first() is None:
        found = Found(
            Doubt.UNCLEAR,
            origin,
            line.fen,
            uow.today,
            payer=line.name,
            batch_no=batch_no,
            line_no=line_no,
        )
        put_in_queue(uow, [found])
    return uow.session.scalars(same).one()


@dataclass(frozen=True, slots=True)
class Proposal:
    """What somebody proposes; account and year only where it is to be booked to a person."""

    way: Way
    reason: str
    account_no: int | None = None
    for_year: int | None = None


def propose(uow: UnitOfWork, item_no: int, proposal: Proposal) -> UnmatchedMoney:
    """Say what is to become of an item; another person decides.

    Raises:
        Forbidden: this node or this person keeps no accounts.
        NotFound: there is no such item.
        Conflict: it has been resolved.
        Invalid: no reason, or it does not fit what is wrong.
    """
    county = str(own_county(uow))
    require(uow, Role.ACCOUNTANT)
    item = uow.get(UnmatchedMoney, county, item_no)
    if item.state == ItemState.RESOLVED:
        raise Conflict("该款项已经处理")
    if not proposal.reason.strip() or len(proposal.reason) > REASON_CHARS:
        raise Invalid("请写明理由，最多 {most} 个字", field="reason", most=REASON_CHARS)
    if proposal.way not in FITTING[Doubt(item.kind)]:
        raise Invalid("这种情况不能这样处理", field="way")
    if proposal.way is Way.ATTRIBUTE:
        _check_target(uow, item, proposal.account_no, proposal.for_year)
    item.state = ItemState.PROPOSED.value
    item.resolution, item.reason = proposal.way.value, proposal.reason.strip()
    item.to_account, item.to_year = proposal.account_no, proposal.for_year
    item.proposed_by, item.proposed_by_name = uow.actor.id, uow.actor.name
    item.proposed_at = uow.now
    uow.session.add(item)
    return item


def _check_target(
    uow: UnitOfWork, item: UnmatchedMoney, account_no: int | None, for_year: int | None
) -> None:
    if account_no is None:
        raise Invalid("请填写记入的个人账户", field="account_no")
    if for_year is None:
        raise Invalid("请填写缴费年度", field="for_year")
    payer = find_payers(uow, account_nos=[account_no], citizen_numbers=[]).by_account.get(
        account_no
    )
    if payer is None or payer.closed_on is not None:
        raise Invalid("没有这个个人账户，或账户已经注销", field="account_no")
    if for_year > uow.today.year:
        raise Invalid("缴费年度不能晚于今年", field="for_year")
    if _is_after_its_year(item, account_no, for_year) and not _is_ordered_made_up(
        uow, account_no, for_year
    ):
        raise Invalid(
            "{year} 年度已经过去，请先办理补缴，核准后再缴费", field="for_year", year=for_year
        )
    due = _order_amounts(uow, account_no, for_year)
    grade, on_behalf = due or (item.fen, 0)
    problems = list(
        payment_problems(
            item.fen,
            grade_fen=grade,
            on_behalf_fen=on_behalf,
            year=for_year,
            paid_years=list(paid_years(uow, [account_no])[account_no]),
            field="account_no",
        )
    )
    if problems:
        raise Problems(problems)


def _order_amounts(uow: UnitOfWork, account_no: int, for_year: int) -> tuple[int, int] | None:
    found = select(orders.c.grade_fen, orders.c.grade_fen - orders.c.own_fen).where(
        orders.c.county_code == str(uow.node.county),
        orders.c.account_no == account_no,
        orders.c.for_year == for_year,
    )
    row = uow.connection.execute(found).first()
    return (int(row[0]), int(row[1])) if row else None


def decide(uow: UnitOfWork, item_no: int, *, approve: bool = True) -> UnmatchedMoney:
    """Let what was proposed happen, or send it back, as somebody who did not propose it.

    Raises:
        Forbidden: this person neither reviews nor approves, or proposed it.
        NotFound: there is no such item.
        Conflict: nothing is proposed, or the world has changed since.
        Invalid: the books refuse it.
    """
    county = str(own_county(uow))
    require(uow, Role.REVIEWER, Role.APPROVER)
    item = uow.get(UnmatchedMoney, county, item_no)
    if item.state != ItemState.PROPOSED:
        raise Conflict("该款项没有待决定的处理意见")
    if item.proposed_by == uow.actor.id:
        raise Forbidden("处理意见由您提出，须由另一人决定")
    item.decided_by, item.decided_by_name = uow.actor.id, uow.actor.name
    item.decided_at = uow.now
    if not approve:
        item.state, item.proposed_at = ItemState.OPEN.value, None
        uow.session.add(item)
        return item
    item.resolved_entry = _resolve(uow, item)
    item.state = ItemState.RESOLVED.value
    uow.session.add(item)
    return item


def _resolve(uow: UnitOfWork, item: UnmatchedMoney) -> int | None:
    match Way(item.resolution):
        case Way.ATTRIBUTE:
            _check_target(uow, item, item.to_account, item.to_year)
            entry = _attribute(uow, item)
            _close_line(uow, item, banking.LineState.SUCCEEDED)
            return entry
        case Way.REFUND:
            lines = [Line(SUSPENSE, item.fen), Line(INCOME, -item.fen)]
            head = Head(Kind.SUSPENSE, uow.today, "unmatched", f"{item.item_no}", "待查款项退回")
            _close_line(uow, item, banking.LineState.FAILED)
            return book(uow, Entry(head, lines)) if item.entry_no is not None else None
        case Way.REVERSE:
            return _reverse(uow, item)
        case Way.WAS_COLLECTED:
            _confirm(uow, item, banking.LineState.SUCCEEDED)
            return None
        case Way.WAS_NOT:
            _confirm(uow, item, banking.LineState.FAILED)
            return None
        case Way.DISMISS:
            return None


def _confirm(uow: UnitOfWork, item: UnmatchedMoney, state: banking.LineState) -> None:
    """What the bank said outside of any file goes the way of every result."""
    banking.confirm_by_hand(
        uow,
        item.batch_no or 0,
        item.line_no or 0,
        state,
        code=item.resolution,
        bank_reference=f"unmatched-{item.item_no}",
        on=uow.today,
    )


def _close_line(uow: UnitOfWork, item: UnmatchedMoney, state: banking.LineState) -> None:
    if item.batch_no is not None and item.line_no is not None and item.kind != Doubt.DOUBLE:
        banking.close_line(uow, item.batch_no, item.line_no, state)


def _attribute(uow: UnitOfWork, item: UnmatchedMoney) -> int:
    """From the suspense account to a person, on the day of the decision."""
    number, year = item.to_account or 0, item.to_year or 0
    payer = find_payers(uow, account_nos=[number], citizen_numbers=[]).by_account[number]
    make_up = _is_ordered_made_up(uow, number, year)
    kind = Kind.MAKE_UP if make_up else Kind.CONTRIBUTION
    day = item.received_on
    if day.year != uow.today.year or is_locked(uow, day):
        day = uow.today
    posting = NewPosting(number, payer.village, Source.INDIVIDUAL, kind, item.fen, day, year)
    head = Head(kind, day, "unmatched", f"{item.item_no}", "待查款项记入个人账户")
    lines = [Line(SUSPENSE, item.fen), Line(CONTROL, -item.fen)]
    entry = book(uow, Entry(head, lines, [posting]))
    grade, _ = _order_amounts(uow, number, year) or (item.fen, 0)
    row = {
        "county_code": item.county_code,
        "id": new_id(),
        "account_no": number,
        "person_id": payer.person_id,
        "village": payer.village,
        "for_year": year,
        "grade_fen": grade,
        "fen": item.fen,
        "method": Method.BANK.value,
        "reference": f"unmatched-{item.item_no}",
        "paid_on": item.received_on,
        "make_up": make_up,
        "entry_no": entry,
        "line_no": 1,
        "confirmed_at": uow.now,
        "reversed_entry": None,
    }
    uow.connection.execute(contributions.insert(), [row])
    publish_contributions(uow, f"{entry}", [row])
    return entry


def _is_after_its_year(item: UnmatchedMoney, account_no: int, for_year: int) -> bool:
    """Whether money came for a year that had ended; what a bank was asked for within it did not."""
    asked_for = item.batch_no is not None and (item.account_no, item.for_year) == (
        account_no,
        for_year,
    )
    return not asked_for and for_year < item.received_on.year


def _is_ordered_made_up(uow: UnitOfWork, account_no: int, for_year: int) -> bool:
    """Whether a case has let this year be made up (补缴)."""
    return (account_no, for_year) in made_up(uow, [account_no])


def _reverse(uow: UnitOfWork, item: UnmatchedMoney) -> int:
    same = select(Contribution).where(
        contributions.c.county_code == item.county_code,
        contributions.c.account_no == item.account_no,
        contributions.c.for_year == item.for_year,
        contributions.c.reversed_entry.is_(None),
    )
    found = uow.session.scalars(same).first()
    if found is None:
        raise Conflict("没有可冲销的缴费，可能已经冲销")
    # the accountant who proposed it moves the books; who decides keeps none
    accountant = Actor(
        item.proposed_by, item.proposed_by_name, frozenset({Role.ACCOUNTANT}), uow.node
    )
    theirs = replace(uow, actor=accountant)
    return reverse(theirs, found.entry_no, found.line_no, reason=item.reason).entry_no


def queue(uow: UnitOfWork, *, state: str = "", number: int = 1) -> Page[UnmatchedMoney]:
    """Items, the oldest first while they wait, the newest first when resolved."""
    found = select(UnmatchedMoney).where(unmatched.c.county_code == str(uow.node.county))
    if state:
        found = found.where(unmatched.c.state == state)
    newest = state == ItemState.RESOLVED
    order = unmatched.c.item_no.desc() if newest else unmatched.c.item_no
    return paged(uow.session, found.order_by(order), number=number)


def queue_counts(uow: UnitOfWork) -> dict[ItemState, tuple[int, int]]:
    """How many items stand where, and how many fen."""
    counted = (
        select(unmatched.c.state, func.count(), func.sum(unmatched.c.fen))
        .where(unmatched.c.county_code == str(uow.node.county))
        .group_by(unmatched.c.state)
    )
    return {
        ItemState(state): (number, int(fen))
        for state, number, fen in uow.connection.execute(counted)
    }
