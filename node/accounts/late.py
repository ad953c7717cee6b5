"""Late postings (补记): money of a settled year that was never booked, put up by one, posted by
another.

It corrects the account and its interest. Which year somebody has paid is not decided here: that is
a matter of contributions.
"""

from datetime import date

from node.accounts import service
from node.accounts.balances import settled_year
from node.accounts.chart import Kind
from node.accounts.ledger import Entry, Head, NewPosting, book, lines_for
from node.accounts.models import LedgerRequest
from node.accounts.requests import Kinds, ask, decide
from node.accounts.serials import own_county
from node.accounts.sources import GOVERNMENT_SUBSIDIES, Source
from node.core.errors import Invalid
from node.core.work import UnitOfWork

REASON_CHARS = 200
KINDS = {
    Source.COLLECTIVE: Kind.COLLECTIVE,
    Source.PAID_ON_BEHALF: Kind.PAID_ON_BEHALF,
    **dict.fromkeys(GOVERNMENT_SUBSIDIES, Kind.SUBSIDY),
}
"""What a late posting of a source is; any other is a contribution."""


def request_late(
    uow: UnitOfWork, number: str, *, source: str, fen: int, paid_on: date, reason: str
) -> LedgerRequest:
    """Put a late posting up for approval.

    Raises:
        Forbidden: this person does not keep accounts.
        NotFound: there is no such account.
        Invalid: no reason, no amount, or a day whose year is not settled.
    """
    county = own_county(uow)
    where, serial = service.read_number(number, here=county)
    account = service.account(uow, where, serial)
    if source not in set(Source):
        raise Invalid("请选择资金来源", field="source")
    if fen <= 0:
        raise Invalid("金额应大于零，多记的请冲销", field="amount")
    if not reason.strip() or len(reason) > REASON_CHARS:
        raise Invalid("请写明补记原因，最多 {most} 字", field="reason", most=REASON_CHARS)
    closed = settled_year(uow.connection, str(county))
    if closed is None or paid_on.year > closed:
        raise Invalid("只补记已经结息的年度，当年的请按正常业务入账", field="paid_on")
    if paid_on.year < account.opened_on.year:
        raise Invalid("业务日期早于开户年度", field="paid_on")
    body = {
        "account_no": serial,
        "village": account.village,
        "source": source,
        "fen": fen,
        "paid_on": paid_on.isoformat(),
    }
    subject = service.printed(str(county), serial)
    return ask(uow, Kinds.LATE, subject=subject, body=body, told=body, reason=reason.strip())


def approve_late(uow: UnitOfWork, request_id: str) -> LedgerRequest:
    """Post what somebody else has put up, and correct the interest since.

    Raises:
        Forbidden: this person does not approve.
        Conflict: it is decided, or was asked by the same person.
        Invalid: this month is closed, or the last year is not settled yet.
    """
    request = decide(uow, Kinds.LATE, request_id)
    asked = request.body
    source, day = Source(asked["source"]), date.fromisoformat(asked["paid_on"])
    kind = KINDS.get(source, Kind.CONTRIBUTION)
    moved = [
        NewPosting(asked["account_no"], asked["village"], source, kind, asked["fen"], day, day.year)
    ]
    head = Head(kind, uow.today, "request", request.id, f"补记 {day.year} 年：{request.reason}")
    request.entry_no = book(uow, Entry(head, lines_for(moved), moved))
    return request
