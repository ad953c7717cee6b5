"""注销 of somebody who never drew a pension: the account is settled to the month, refunded to the
person or the heirs as the reason allows, and closed, in the transaction that approves the case.

There is no funeral grant: 国发〔2014〕8号 §8 lets it be given after those who draw. The money goes
out with the next run, a supplementary one if it shall not wait. Sources: `node/payroll/lump.py`.
"""

from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any

from sqlalchemy import select

from node.accounts.balances import accounts
from node.accounts.chart import Kind
from node.accounts.ledger import Head
from node.accounts.serials import own_county
from node.benefits.codes import EndReason
from node.benefits.life_records import ENDED, ends, publish_life
from node.benefits.life_rules import refundable
from node.core.db import BATCH_ROWS
from node.core.ids import new_id
from node.core.work import UnitOfWork
from node.payroll.lump import Held, book_out, close_empty, settle_and_part
from node.registry.codes import CloseReason
from node.registry.events import Changed, Closing


def settle_closed(uow: UnitOfWork, changed: Sequence[Changed]) -> None:
    """Settle and close the accounts of everybody whose participation ends (hook of the registry).

    Interest runs through the month of a death, and through this month where the person lives: the
    fund has kept the money until now (约定).

    Raises:
        Unavailable: the province has never published a rate.
        Invalid: today's month is closed in the books.
    """
    ending = {each.person_id: each for each in changed if each.closes and each.closing}
    rows: list[dict[str, Any]] = []
    for person_id, number, village in _accounts_of(uow, list(ending)):
        each = ending[person_id]
        assert each.closing is not None  # noqa: S101  # `ending` has no other
        rows.append(_end(uow, each, each.closing, number, village))
    if rows:
        uow.connection.execute(ends.insert(), rows)
        publish_life(uow, ENDED, rows)


def _accounts_of(uow: UnitOfWork, person_ids: Sequence[str]) -> Iterable[tuple[str, int, str]]:
    for start in range(0, len(person_ids), BATCH_ROWS // 2):
        found = select(accounts.c.person_id, accounts.c.account_no, accounts.c.village).where(
            accounts.c.county_code == str(own_county(uow)),
            accounts.c.person_id.in_(person_ids[start : start + BATCH_ROWS // 2]),
            accounts.c.closed_on.is_(None),
        )
        yield from map(tuple, uow.connection.execute(found).all())


def _end(
    uow: UnitOfWork, changed: Changed, closing: Closing, account_no: int, village: str
) -> dict[str, Any]:
    own_id = new_id()
    trace = changed.case_id or own_id
    month = _month(changed, closing, today=uow.today)
    held = settle_and_part(
        uow,
        account_no,
        village,
        month=month,
        refundable=refundable(closing.reason, changed.on),
        trace=trace,
    )
    memo = f"注销登记（{closing.reason.title}）：个人账户余额退还"
    book_out(uow, held, Head(Kind.REFUND, uow.today, "case", trace, memo))
    close_empty(uow, account_no)
    return _row(uow, changed, closing, held, own_id=own_id, month=month)


def _month(changed: Changed, closing: Closing, *, today: date) -> date:
    day = changed.on if closing.reason is CloseReason.DEATH else today
    return day.replace(day=1)


def _row(
    uow: UnitOfWork, changed: Changed, closing: Closing, held: Held, *, own_id: str, month: date
) -> dict[str, Any]:
    return {
        "county_code": changed.county_code,
        "id": own_id,
        "entitlement_id": own_id,
        "person_id": changed.person_id,
        "village": held.village,
        "reason": EndReason(closing.reason.value).value,
        "ended_on": changed.on,
        "last_month": month,
        "account_fen": held.refund_fen,
        "to_fund_fen": held.to_fund_fen,
        "funeral_fen": 0,
        "overpaid_fen": 0,
        "set_off_account_fen": 0,
        "set_off_funeral_fen": 0,
        "claim_fen": 0,
        "heir_name": closing.payee,
        "heir_account": closing.card or None,
        "heir_relation": "",
        "is_revoked": False,
        "case_id": changed.case_id,
        "made_at": uow.now,
    }
