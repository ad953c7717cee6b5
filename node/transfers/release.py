"""The county a person leaves: settle with interest to the month, let go, send everything along.

One transaction: interest, the posting that empties the account on to the clearing account (在途转移
款), the account closed, and the record on its way. Until it has committed the person is ours; from
then on nobody acts here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import func, select

from node.accounts.balances import balances, postings
from node.accounts.chart import Kind
from node.accounts.ledger import Entry, Head, NewPosting, book, lines_for
from node.accounts.rates import latest_rate
from node.accounts.serials import own_county
from node.accounts.service import close_accounts, numbers_of
from node.accounts.settlement import settle_accounts
from node.accounts.sources import Source
from node.benefits.codes import EndReason
from node.benefits.life_records import ENDED, ends, publish_life
from node.contributions.carried import years_of
from node.core.errors import Conflict, Invalid, NotFound
from node.core.ids import new_id
from node.core.work import UnitOfWork
from node.identity import require
from node.payroll.lump import Held, book_out
from node.registry.known import Known, find_known
from node.transfers.records import Row, content, steps, steps_of, take
from node.transfers.rules import REASON_LEAST, Step, settled_through
from tiers import Role

CARRIED = ("sex", "ethnicity", "phone", "category", "bank_account", "grade_fen")
"""What the new county is told of the person besides name and number; it has its own application."""


def letter_for(uow: UnitOfWork, citizen_index: bytes) -> Row | None:
    """The open letter (接收函) that asks this county for a person; none when nobody asks."""
    answered = select(steps.c.id).where(steps.c.step.in_([Step.REFUSED.value, Step.RELEASED.value]))
    found = select(steps).where(
        steps.c.citizen_index == citizen_index,
        steps.c.step == Step.ASKED.value,
        steps.c.from_county == str(uow.node.county),
        steps.c.id.not_in(answered),
    )
    row = uow.connection.execute(found.order_by(steps.c.taken_at)).mappings().first()
    return dict(row) if row else None


@dataclass(frozen=True, slots=True)
class Leaving:
    """Who leaves by which letter, and the case it was decided in.

    `refund` goes back to the person instead of along, by source in fen (重复缴费); `reference` is
    the number of a letter on paper, `agency` who wrote it.
    """

    person: Known
    letter: Row
    case_id: str
    refund: Mapping[Source, int] = field(default_factory=dict)
    reference: str = ""
    agency: str = ""


def release(uow: UnitOfWork, leaving: Leaving) -> Row:
    """Settle, empty and close the account, and send person and history to the other county.

    Raises:
        Forbidden: this node is no county.
        Unavailable: the province has never published a rate.
        Conflict: it has been answered before.
        Invalid: the month is closed.
    """
    county = str(own_county(uow))
    letter, person = leaving.letter, leaving.person
    if {Step.REFUSED, Step.RELEASED} & set(steps_of(uow, letter["id"])):
        raise Conflict("这份接收函已经答复")
    number = numbers_of(uow, [person.person_id]).get(person.person_id)
    years = years_of(uow, number) if number is not None else []
    held, through = settled(uow, number, letter["id"])
    if number is not None and any(leaving.refund.values()):
        held = _refunded(uow, number, leaving, held)
    entry_no = emptied(uow, number, person, held, letter) if number and any(held.values()) else None
    history = history_of(uow, county, number) if number is not None else []
    if number is not None:
        close_accounts(uow, [number], on=uow.today)
    body = {
        "name": person.name,
        "citizen_number": person.citizen_number,
        **{name: getattr(person, name) for name in CARRIED},
        "enrolled_on": person.opened_on.isoformat() if person.opened_on else None,
        "standing": person.standing.value,
        "balance": {source.value: fen for source, fen in held.items() if fen},
        "settled_through": through,
        "years": [year.as_row() for year in years],
        "history": history,
    }
    row = {
        "id": letter["id"],
        "from_county": county,
        "to_county": letter["to_county"],
        "village": person.village,
        "name": person.name,
        "person_id": person.person_id,
        "account_no": number,
        "enrolment_id": person.enrolment_id,
        "fen": sum(held.values()),
        "entry_no": entry_no,
        "case_id": leaving.case_id,
        "reference": leaving.reference,
        "reason": leaving.agency,
    }
    return take(uow, Step.RELEASED, row, body)


def _refunded(
    uow: UnitOfWork, number: int, leaving: Leaving, held: Mapping[Source, int]
) -> dict[Source, int]:
    """Owe the person what goes back; the next run pays it. Answers what is left to go along."""
    person = leaving.person
    back = {source: fen for source, fen in leaving.refund.items() if fen}
    parted = Held(number, person.village, back, {})
    memo = "制度衔接：重复缴费退还本人"
    book_out(uow, parted, Head(Kind.REFUND, uow.today, "case", leaving.case_id, memo))
    own_id = new_id()
    row = {
        "county_code": str(uow.node),
        "id": own_id,
        "entitlement_id": own_id,
        "person_id": person.person_id,
        "village": person.village,
        "reason": EndReason.EMPLOYEES_SCHEME.value,
        "ended_on": uow.today,
        "last_month": uow.today.replace(day=1),
        "account_fen": parted.refund_fen,
        "to_fund_fen": 0,
        "funeral_fen": 0,
        "overpaid_fen": 0,
        "set_off_account_fen": 0,
        "set_off_funeral_fen": 0,
        "claim_fen": 0,
        "heir_name": person.name,
        "heir_account": person.bank_account or None,
        "heir_relation": "",
        "is_revoked": False,
        "case_id": leaving.case_id,
        "made_at": uow.now,
    }
    uow.connection.execute(ends.insert(), [row])
    publish_life(uow, ENDED, [row])
    return {source: fen - back.get(source, 0) for source, fen in held.items()}


def settled(
    uow: UnitOfWork, number: int | None, trace: str
) -> tuple[dict[Source, int], str | None]:
    """What the account holds with interest, and through which month (`2026-07`)."""
    if number is None:
        return {}, None
    if not any(balances(uow, [number])[number].values()):
        return {}, None
    lag = latest_rate(uow, uow.today.year).lag_months
    month = settled_through(uow.today, lag=lag)
    settle_accounts(uow, [number], year=month.year, through=month.month, trace=trace)
    return balances(uow, [number])[number], f"{month:%Y-%m}"


def emptied(
    uow: UnitOfWork, number: int, person: Known, held: dict[Source, int], letter: Row
) -> int:
    moved = [
        NewPosting(
            account_no=number,
            village=person.village,
            source=source,
            kind=Kind.TRANSFER_OUT,
            fen=-fen,
            business_date=uow.today,
            for_year=uow.today.year,
        )
        for source, fen in held.items()
        if fen
    ]
    memo = "关系转出，全部储存额转入在途转移款"
    head = Head(Kind.TRANSFER_OUT, uow.today, "transfer", letter["id"], memo)
    return book(uow, Entry(head, lines_for(moved), moved))


def history_of(uow: UnitOfWork, county: str, number: int) -> list[list[Any]]:
    """What the account received by year, source and kind: the information sheet (转移信息表)."""
    where = (postings.c.county_code == county, postings.c.account_no == number)
    by = (postings.c.year, postings.c.source, postings.c.kind)
    rows = select(*by, func.sum(postings.c.fen)).where(*where).group_by(*by).order_by(*by)
    return [
        [year, source, kind, int(fen)] for year, source, kind, fen in uow.connection.execute(rows)
    ]


def refuse(uow: UnitOfWork, transfer_id: str, *, reason: str) -> Row:
    """Answer a letter with no: the person stays here, the other county reads why.

    Raises:
        Forbidden: this is not the actor's duty.
        NotFound: there is no such letter to this county.
        Invalid: no reason is given.
        Conflict: it has been answered before.
    """
    county = str(own_county(uow))
    require(uow, Role.REVIEWER, Role.APPROVER)
    known = steps_of(uow, transfer_id)
    letter = known.get(Step.ASKED)
    if letter is None or letter["from_county"] != county:
        raise NotFound("没有找到这份接收函")
    if {Step.REFUSED, Step.RELEASED} & set(known):
        raise Conflict("这份接收函已经答复")
    if len(reason.strip()) < REASON_LEAST:
        raise Invalid("请写明不予转出的原因", field="reason")
    return take(uow, Step.REFUSED, _answer(letter, county, reason), _who(letter))


def _answer(letter: Row, county: str, reason: str) -> Row:
    return {
        "id": letter["id"],
        "from_county": county,
        "to_county": letter["to_county"],
        "village": county,
        "name": letter["name"],
        "reason": reason.strip(),
    }


def _who(letter: Row) -> dict[str, Any]:
    told = content(letter)
    return {"name": told["name"], "citizen_number": told["citizen_number"]}


def letter_is_open(known: Mapping[Step, Row]) -> bool:
    """Whether a letter waits for an answer."""
    return not {Step.REFUSED, Step.RELEASED} & set(known)


def person_here(uow: UnitOfWork, letter: Row) -> str | None:
    """The person a letter asks for, where this county knows them."""
    number = content(letter)["citizen_number"]
    found = find_known(uow, [number]).get(number)
    return found.person_id if found else None
