"""The money between two counties, after the account has been taken in and acknowledged.

Old county: 在途转移款 is paid from the expenditure account (支出户). New county: 应收转移款 is
received on the income account (收入户). Each by its accountant, with the bank's reference.
"""

from node.accounts.chart import Kind
from node.accounts.ledger import Entry, Head, Line, book
from node.accounts.serials import own_county
from node.core.errors import Conflict, Invalid, NotFound
from node.core.work import UnitOfWork
from node.identity import require
from node.transfers.records import Row, content, is_outside, steps_of, take
from node.transfers.rules import Step
from tiers import Role

REFERENCE_CHARS = 64


def pay(uow: UnitOfWork, transfer_id: str, *, reference: str) -> Row:
    """The old county has paid the money over: nothing of it is in flight any more.

    Raises:
        Forbidden: this node or this person keeps no accounts.
        NotFound: there is no such transfer out of this county.
        Conflict: it has not been acknowledged, or is paid already.
        Invalid: no reference of the bank is given, or the month is closed.
    """
    return _move(uow, transfer_id, Step.PAID, reference)


def bank(uow: UnitOfWork, transfer_id: str, *, reference: str) -> Row:
    """The new county has the money on its income account.

    Raises:
        Forbidden: this node or this person keeps no accounts.
        NotFound: there is no such transfer into this county.
        Conflict: nothing has been taken in, or the money is there already.
        Invalid: no reference of the bank is given, or the month is closed.
    """
    return _move(uow, transfer_id, Step.BANKED, reference)


def _move(uow: UnitOfWork, transfer_id: str, step: Step, reference: str) -> Row:
    county = str(own_county(uow))
    require(uow, Role.ACCOUNTANT)
    known = steps_of(uow, transfer_id)
    received = known.get(Step.RECEIVED)
    side = "from_county" if step is Step.PAID else "to_county"
    if not known or next(iter(known.values()))[side] != county:
        raise NotFound("没有找到这件转移")
    mine = known.get(Step.RELEASED if step is Step.PAID else Step.RECEIVED)
    if mine is None or (received is None and not is_outside(mine)):
        raise Conflict("转入地还没有接收，转移款不能收付")
    if step in known:
        raise Conflict("这笔转移款已经登记")
    text = reference.strip()
    if not text or len(text) > REFERENCE_CHARS:
        raise Invalid("请填写银行流水号，最多 64 个字符", field="reference")
    row = {
        "id": transfer_id,
        "from_county": mine["from_county"],
        "to_county": mine["to_county"],
        "village": mine["village"],
        "name": mine["name"],
        "person_id": mine["person_id"],
        "account_no": mine["account_no"],
        "fen": mine["fen"],
        "entry_no": _book(uow, transfer_id, step, mine["fen"], text) if mine["fen"] else None,
        "reference": text,
        "case_id": mine["case_id"],
    }
    told = content(mine)
    return take(uow, step, row, {name: told[name] for name in ("name", "citizen_number")})


def _book(uow: UnitOfWork, transfer_id: str, step: Step, fen: int, reference: str) -> int:
    if step is Step.PAID:
        lines = [Line("transfers_in_flight", fen), Line("expenditure_account", -fen)]
        memo = f"付转移款，银行流水 {reference}"
    else:
        lines = [Line("income_account", fen), Line("transfers_receivable", -fen)]
        memo = f"收转移款，银行流水 {reference}"
    head = Head(Kind.TRANSFER_MONEY, uow.today, "transfer", transfer_id, memo)
    return book(uow, Entry(head, lines))
