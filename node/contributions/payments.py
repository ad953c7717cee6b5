"""Confirmed payments become postings; each line of a batch gets its answer.

A line is booked or refused by itself: what is wrong with one does not hold up the others, and
what was booked once is not booked again, however often a file is sent.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from itertools import groupby
from typing import Any

from sqlmodel import select

from node.accounts.balances import settled_year
from node.accounts.chart import Kind
from node.accounts.ledger import Entry, Head, NewPosting, book, lines_for, reverse
from node.accounts.models import Posting
from node.accounts.serials import own_county
from node.accounts.sources import Source
from node.contributions.models import Contribution, ContributionOrder, Subsidy
from node.contributions.payers import (
    ACTIVE,
    Payer,
    contributions,
    find_payers,
    made_up,
    paid_for,
    paid_years,
    used_references,
)
from node.contributions.records import publish_contributions
from node.contributions.rules import Method, payment_problems
from node.contributions.statements import bank_owes_answer, order_key
from node.core.db import BATCH_ROWS
from node.core.errors import Conflict, Invalid
from node.core.ids import new_id
from node.core.money import yuan
from node.core.personal import keyring_of
from node.core.work import UnitOfWork
from node.identity import require
from node.policy import service as policy
from node.policy.bodies import ContributionGrades
from node.registry.citizen_number import normal_number
from node.registry.moves import tell_history
from node.registry.rules import grade_problems
from tiers import Role

REFERENCE_CHARS = 64
FIRST_YEAR = 2009  # 国发〔2009〕32号: the scheme began


@dataclass(frozen=True, slots=True)
class Payment:
    """A payment a bank or a receipt confirms, in fen. Who paid is said in one of two ways.

    `booked_on` is the day of the books where it is not the day of the payment.
    """

    for_year: int
    grade_fen: int
    fen: int
    method: str
    reference: str
    paid_on: date
    citizen_number: str = ""
    account_no: int | None = None
    booked_on: date | None = None

    @property
    def day(self) -> date:
        """When it counts in the books."""
        return self.booked_on or self.paid_on


class Answer(StrEnum):
    """What became of a line."""

    POSTED = "posted"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to one line; `line` counts from 1, `reason` is empty when it was posted.

    `field` is the value the reason is about.
    """

    line: int
    answer: Answer
    reason: str = ""
    field: str = ""
    name: str = ""
    account_no: int | None = None
    contribution_id: str = ""
    fen: int = 0


@dataclass(frozen=True, slots=True)
class _Good:
    line: int
    payment: Payment
    payer: Payer
    id: str


@dataclass(slots=True)
class _Known:
    """What is known about a batch before its lines are looked at, and grows with each good one."""

    payers: list[Payer | None]
    years: dict[int, dict[int, date]]
    references: set[str]
    closed_year: int | None
    on_behalf: dict[tuple[int, int], int]
    made_up: dict[tuple[int, int], int]
    grades: dict[date, frozenset[int]] = field(default_factory=dict)


def confirm_payments(
    uow: UnitOfWork, payments: Sequence[Payment], *, batch: str = ""
) -> list[Outcome]:
    """Book payments that bank or receipt confirm: one voucher for the batch and year of payment.

    Raises:
        Forbidden: this node keeps no accounts, or this person does not.
    """
    own_county(uow)
    require(uow, Role.ACCOUNTANT)
    known = _known(uow, payments)
    good: list[_Good] = []
    answers: dict[int, Outcome] = {}
    for line, (payment, payer) in enumerate(zip(payments, known.payers, strict=True), 1):
        problem = next(_problems(uow, payment, payer, known), None)
        if problem is None and payer is not None:
            good.append(_Good(line, payment, payer, new_id()))
            known.references.add(payment.reference)
            known.years[payer.account_no][payment.for_year] = payment.paid_on
        else:
            answers[line] = _outcome(line, payment, payer, problem=problem)
    _book(uow, good, batch or new_id())
    for each in good:
        answers[each.line] = _outcome(each.line, each.payment, each.payer, contribution_id=each.id)
    return [answers[line] for line in sorted(answers)]


def _outcome(
    line: int,
    payment: Payment,
    payer: Payer | None,
    *,
    problem: Invalid | None = None,
    contribution_id: str = "",
) -> Outcome:
    return Outcome(
        line=line,
        answer=Answer.POSTED if contribution_id else Answer.REFUSED,
        reason=problem.message if problem else "",
        field=(problem.field or "") if problem else "",
        name=payer.name if payer else "",
        account_no=payer.account_no if payer else payment.account_no,
        contribution_id=contribution_id,
        fen=payment.fen,
    )


def _known(uow: UnitOfWork, payments: Sequence[Payment]) -> _Known:
    found = find_payers(
        uow,
        account_nos=[each.account_no for each in payments if each.account_no is not None],
        citizen_numbers=[each.citizen_number for each in payments if each.citizen_number],
    )
    keyring = keyring_of(uow.connection)
    payers = [
        found.by_account.get(each.account_no)
        if each.account_no is not None
        else found.by_index.get(keyring.index(normal_number(each.citizen_number)))
        for each in payments
    ]
    numbers = sorted({payer.account_no for payer in payers if payer})
    return _Known(
        payers=payers,
        years=paid_years(uow, numbers),
        references=used_references(uow, [each.reference for each in payments]),
        closed_year=settled_year(uow.connection, str(uow.node)),
        on_behalf=paid_for(uow, numbers),
        made_up=made_up(uow, numbers),
    )


def _problems(
    uow: UnitOfWork, payment: Payment, payer: Payer | None, known: _Known
) -> Iterator[Invalid]:
    if payer is None:
        yield Invalid("没有找到参保人，请核对公民身份号码或个人账户号", field="citizen_number")
        return
    yield from _payer_problems(payer)
    yield from _date_problems(uow, payment, known)
    yield from _make_up_problems(payment, known.made_up.get((payer.account_no, payment.for_year)))
    yield from _reference_problems(payment, known)
    if payment.paid_on not in known.grades:
        known.grades[payment.paid_on] = _grades(uow, payment.paid_on)
    grades = known.grades[payment.paid_on]
    if not grades:
        yield Invalid(
            "本节点还没有收到{year}年适用的缴费档次文件", field="grade", year=payment.paid_on.year
        )
        return
    yield from grade_problems(payment.grade_fen, grades=grades)
    yield from payment_problems(
        payment.fen,
        grade_fen=payment.grade_fen,
        on_behalf_fen=known.on_behalf.get((payer.account_no, payment.for_year), 0),
        year=payment.for_year,
        paid_years=known.years[payer.account_no],
    )


def _payer_problems(payer: Payer) -> Iterator[Invalid]:
    if payer.closed_on is not None:
        yield Invalid("个人账户已经注销，不能再缴费", field="citizen_number")
    if not payer.state:
        yield Invalid("该人员没有有效的参保登记", field="citizen_number")
    elif payer.state != ACTIVE:
        yield Invalid("该人员不在缴费状态（已领取待遇或已中断），请先核对", field="citizen_number")


def _date_problems(uow: UnitOfWork, payment: Payment, known: _Known) -> Iterator[Invalid]:
    paid_on = payment.paid_on
    if paid_on > uow.today:
        yield Invalid("缴款日期不能晚于今天", field="paid_on")
    if known.closed_year is not None and payment.day.year <= known.closed_year:
        year = payment.day.year
        yield Invalid("{year} 年度已经结息，不能再记入该年度", field="paid_on", year=year)
    if not FIRST_YEAR <= payment.for_year <= paid_on.year:
        yield Invalid("缴费年度不能晚于缴款年度，也不能早于制度建立", field="for_year")


def _make_up_problems(payment: Payment, allowed_fen: int | None) -> Iterator[Invalid]:
    """A year that has ended is paid where a case has let it be made up, and at that grade:
    which years may be, how many and how cheaply is policy, and two people look (business rules §3).
    """
    if not is_make_up(payment):
        return
    if allowed_fen is None:
        yield Invalid(
            "{year} 年度已经过去，请先办理补缴，核准后再缴费",
            field="for_year",
            year=payment.for_year,
        )
    elif allowed_fen != payment.grade_fen:
        yield Invalid(
            "{year} 年度核准补缴的档次是 {yuan} 元",
            field="grade",
            year=payment.for_year,
            yuan=yuan(allowed_fen),
        )


def _reference_problems(payment: Payment, known: _Known) -> Iterator[Invalid]:
    if payment.method not in set(Method) - {Method.TRANSFERRED}:
        yield Invalid("没有这种缴费方式", field="method")
    if not payment.reference.strip() or len(payment.reference) > REFERENCE_CHARS:
        yield Invalid("请填写银行流水号或收据号，最多 64 个字符", field="reference")
    if payment.reference in known.references:
        yield Invalid("该流水号已经入账，不能重复记账", field="reference")


def _grades(uow: UnitOfWork, on: date) -> frozenset[int]:
    found = policy.in_force(uow, ContributionGrades.kind, uow.node, on)
    body = found.body if found else None
    return frozenset(body.grades_fen) if isinstance(body, ContributionGrades) else frozenset()


def _book(uow: UnitOfWork, good: Sequence[_Good], batch: str) -> None:
    by_year = sorted(good, key=lambda each: each.payment.day.year)
    for year, group in groupby(by_year, key=lambda each: each.payment.day.year):
        mine = list(group)
        moved = [_posting(each) for each in mine]
        day = max(each.payment.day for each in mine)
        memo = f"{year} 年缴费入账 {len(mine)} 笔"
        head = Head(Kind.CONTRIBUTION, day, "batch", batch, memo)
        number = book(uow, Entry(head, lines_for(moved), moved))
        rows = [_row(uow, each, number, place) for place, each in enumerate(mine, 1)]
        for start in range(0, len(rows), BATCH_ROWS):
            uow.connection.execute(contributions.insert(), rows[start : start + BATCH_ROWS])
        publish_contributions(uow, f"{number}", rows)


def is_make_up(payment: Payment) -> bool:
    """A year paid after it has ended is made up (补缴) and earns no subsidy."""
    return payment.for_year < payment.paid_on.year


def _posting(each: _Good) -> NewPosting:
    payment, payer = each.payment, each.payer
    collective = payment.method == Method.COLLECTIVE
    kind = Kind.MAKE_UP if is_make_up(payment) else Kind.CONTRIBUTION
    return NewPosting(
        account_no=payer.account_no,
        village=payer.village,
        source=Source.COLLECTIVE if collective else Source.INDIVIDUAL,
        kind=Kind.COLLECTIVE if collective else kind,
        fen=payment.fen,
        business_date=payment.day,
        for_year=payment.for_year,
    )


def _row(uow: UnitOfWork, each: _Good, number: int, place: int) -> dict[str, Any]:
    payment, payer = each.payment, each.payer
    return {
        "county_code": str(uow.node),
        "id": each.id,
        "account_no": payer.account_no,
        "person_id": payer.person_id,
        "village": payer.village,
        "for_year": payment.for_year,
        "grade_fen": payment.grade_fen,
        "fen": payment.fen,
        "method": payment.method,
        "reference": payment.reference,
        "paid_on": payment.paid_on,
        "make_up": is_make_up(payment),
        "entry_no": number,
        "line_no": place,
        "confirmed_at": uow.now,
        "reversed_entry": None,
    }


def reverse_payment(uow: UnitOfWork, contribution_id: str, *, reason: str) -> Contribution:
    """Take a payment back that should not have been booked; the year may be paid again.

    Raises:
        Forbidden: this node or this person keeps no accounts.
        NotFound: there is no such payment.
        Conflict: it was reversed before, or a subsidy has followed it.
        Invalid: no reason is given, or the account would fall below zero.
    """
    found = uow.get(Contribution, str(own_county(uow)), contribution_id)
    reverse(uow, found.entry_no, found.line_no, reason=reason)
    return found


def due_anew(uow: UnitOfWork, paid: Contribution) -> None:
    """The year of a payment that was taken back is due again, under a new name at the bank.

    While the bank still owes an answer under the old name, it keeps it: nothing is presented twice.
    """
    key = (paid.county_code, paid.account_no, paid.for_year)
    order = uow.session.get(ContributionOrder, key)
    if order is None:
        return
    key_there = order_key(order.for_year, order.turn, order.account_no)
    if not bank_owes_answer(uow, key_there):
        order.turn += 1
        uow.session.add(order)


def hear_reversal(uow: UnitOfWork, wrong: Posting, mirror: Posting) -> None:
    """A reversed posting takes its contribution along (hook of the ledger).

    Raises:
        Conflict: a subsidy rests on the contribution, or it is itself a subsidy.
    """
    if wrong.kind == Kind.SUBSIDY:
        raise Conflict("缴费补贴由批次记账，不能单笔冲销")
    same = select(Contribution).where(
        Contribution.county_code == wrong.county_code,
        Contribution.entry_no == wrong.entry_no,
        Contribution.line_no == wrong.line_no,
    )
    found = uow.session.exec(same).first()
    if found is None:
        return
    if uow.session.get(Subsidy, (found.county_code, found.account_no, found.for_year)):
        raise Conflict(
            "{for_year} 年度缴费补贴已经入账，须先收回补贴再冲销缴费", for_year=found.for_year
        )
    found.reversed_entry = mirror.entry_no
    due_anew(uow, found)
    uow.session.add(found)
    publish_contributions(uow, f"reversed-{mirror.entry_no}", [found.model_dump()])
    if mirror.village != found.village:
        uow.session.flush()
        tell_history(uow, mirror.village, [found.person_id], only=contributions.name)
