"""What an account that ends pays out at once (一次性支付): settled to the month, then parted
between the person or the heirs and the fund, in one voucher.

What is owed waits as 应付一次性待遇 until a run pays it (`compute`: lump sums).
Sources: 国发〔2014〕8号 §8; business rules §6, §7 (`life_rules.refundable` has the rest).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date

from node.accounts.balances import balances
from node.accounts.chart import CONTROL, Kind
from node.accounts.ledger import Entry, Head, Line, NewPosting, book
from node.accounts.service import close_accounts
from node.accounts.settlement import settle_accounts
from node.accounts.sources import Source
from node.core.work import UnitOfWork

Parts = Mapping[Source, int]


@dataclass(frozen=True, slots=True)
class Held:
    """A settled account in fen by source: what is paid out, and what goes back to the fund."""

    account_no: int
    village: str
    refunded: Parts
    to_fund: Parts

    @property
    def refund_fen(self) -> int:
        """What is paid out."""
        return sum(self.refunded.values())

    @property
    def to_fund_fen(self) -> int:
        """What goes back to the fund."""
        return sum(self.to_fund.values())


def settle_and_part(
    uow: UnitOfWork,
    account_no: int,
    village: str,
    *,
    month: date,
    refundable: Collection[Source],
    trace: str,
) -> Held:
    """Settle an account through a month and say what becomes of each source.

    Raises:
        Forbidden: this node keeps no accounts.
        Unavailable: the province has never published a rate.
        Conflict: the account has been settled beyond the month.
    """
    if any(balances(uow, [account_no])[account_no].values()):
        settle_accounts(uow, [account_no], year=month.year, through=month.month, trace=trace)
    held = {source: fen for source, fen in balances(uow, [account_no])[account_no].items() if fen}
    return Held(
        account_no,
        village,
        {source: fen for source, fen in held.items() if source in refundable},
        {source: fen for source, fen in held.items() if source not in refundable},
    )


def book_out(
    uow: UnitOfWork, held: Held, head: Head, *, grant_fen: int = 0, offset_fen: int = 0
) -> None:
    """Empty an account: what is refunded is owed, with a grant of the fund and less what is set off
    against both; what the person is not to have goes back to the fund.
    """
    refund, to_fund = held.refund_fen, held.to_fund_fen
    told = [
        Line("heirs_payable", offset_fen - refund - grant_fen),
        Line("overpaid_receivable", -offset_fen),
        Line("pooled_fund", grant_fen - to_fund),
    ]
    if not refund and not to_fund and not grant_fen:
        return
    lines = [*(line for line in told if line.fen), Line(CONTROL, refund + to_fund)]
    moved = [
        *_postings(uow, held, held.refunded, Kind.REFUND),
        *_postings(uow, held, held.to_fund, Kind.TO_FUND),
    ]
    book(uow, Entry(head, lines, moved))


def _postings(uow: UnitOfWork, held: Held, parts: Parts, kind: Kind) -> list[NewPosting]:
    return [
        NewPosting(
            account_no=held.account_no,
            village=held.village,
            source=source,
            kind=kind,
            fen=-fen,
            business_date=uow.today,
            for_year=uow.today.year,
        )
        for source, fen in parts.items()
    ]


def close_empty(uow: UnitOfWork, account_no: int) -> None:
    """Close an account that holds nothing any more; from now on it earns nothing."""
    if not any(balances(uow, [account_no])[account_no].values()):
        close_accounts(uow, [account_no], on=uow.today)
