"""How a pension goes on and ends: survival certification, suspension, death, what was overpaid.

Amounts are integer fen, months the first day of the month. Sources: 国发〔2014〕8号 §6–§8,
人社部发〔2014〕23号 (死亡次月停发), 社会保险经办条例 §26, §46;
conventions of this project are marked 约定.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from node.accounts.sources import GOVERNMENT_SUBSIDIES, Source
from node.benefits.rules import months_from, next_month
from node.core.errors import Invalid
from node.registry.codes import CloseReason


def overpaid_months(died_on: date, last_paid: date) -> list[date]:
    """Months paid after death; the month of death itself is the last one due."""
    return list(months_from(next_month(died_on), next_month(last_paid)))


INHERITED_WHOLE_FROM = date(2014, 7, 1)
"""国发〔2014〕8号 §8 in Henan: from then on the heirs get what governments had added, too."""


def refundable(reason: CloseReason, on: date) -> frozenset[Source]:
    """The sources of an account that are paid out when participation ends for a reason on a day;
    the others go back to the fund.

    Sources: 国发〔2014〕8号 §8 (a death: the whole balance; before, all but the subsidies),
    人社部发〔2014〕17号 §7 (registered twice: what the governments gave twice goes back) and §8
    (employees' scheme: 除政府补贴外的个人账户余额退还本人), 社会保险法 §14 and its 实施规定 §6
    (lost nationality: the whole balance). Whatever else ends it pays out everything (约定).
    """
    everything = frozenset(Source)
    match reason:
        case CloseReason.DEATH if on < INHERITED_WHOLE_FROM:
            return everything - GOVERNMENT_SUBSIDIES
        case CloseReason.EMPLOYEES_SCHEME:
            return everything - GOVERNMENT_SUBSIDIES
        case CloseReason.DUPLICATE:
            return everything - GOVERNMENT_SUBSIDIES - {Source.PAID_ON_BEHALF}
        case _:
            return everything


@dataclass(frozen=True, slots=True)
class DeathSettlement:
    """What the heirs get and what they give back, in fen."""

    account_refund_gross: int
    funeral_gross: int
    set_off_account: int
    set_off_funeral: int
    claim_left: int

    @property
    def paid_to_heirs(self) -> int:
        gross = self.account_refund_gross + self.funeral_gross
        return gross - self.set_off_account - self.set_off_funeral


def death_settlement(
    *,
    balance: Mapping[Source, int],
    interest: Mapping[Source, int],
    funeral_months: int,
    base_fen: int,
    overpaid_fen: int,
    inheritable: Collection[Source] = frozenset(Source),
) -> DeathSettlement:
    """Refund the account with interest to the month of death, add the funeral grant (丧葬补助金).

    Overpaid months are set off first against the account, then against the grant; what is still
    owed is a claim. `inheritable` narrows the refund for deaths before 2014-07, by bulletin.

    Raises:
        Invalid: what was overpaid, or the refund, is negative.
    """
    if overpaid_fen < 0:
        raise Invalid("多发金额不能为负数", field="overpaid_fen")
    account = sum(
        fen for part in (balance, interest) for source, fen in part.items() if source in inheritable
    )
    if account < 0:
        raise Invalid("个人账户余额为负，请先查明原因", field="balance", fen=account)
    funeral = funeral_months * base_fen
    from_account = min(overpaid_fen, account)
    from_funeral = min(overpaid_fen - from_account, funeral)
    return DeathSettlement(
        account_refund_gross=account,
        funeral_gross=funeral,
        set_off_account=from_account,
        set_off_funeral=from_funeral,
        claim_left=overpaid_fen - from_account - from_funeral,
    )


class Certification(StrEnum):
    """Where a survival certification (生存认证) stands on a day."""

    CURRENT = "current"
    DUE_SOON = "due_soon"
    EXPIRED = "expired"


def certified_until(certified_on: date, *, months: int) -> date:
    """The last day a certification holds: the same day `months` later, or the month's last."""
    count = certified_on.month - 1 + months
    first = date(certified_on.year + count // 12, count % 12 + 1, 1)
    length = (next_month(first) - first).days
    return first.replace(day=min(certified_on.day, length))


def certification(until: date, *, on: date, remind_days: int) -> Certification:
    """Whether a person is to be reminded, or payment falls under the rule for expired ones."""
    if on > until:
        return Certification.EXPIRED
    return Certification.DUE_SOON if (until - on).days <= remind_days else Certification.CURRENT


def suspended_from(until: date, *, grace_months: int) -> date:
    """The first month that is not paid when a certification ran out on a day and nobody renewed
    it: the month after, and so many months of grace later.
    """
    month = next_month(until)
    for _grace in range(grace_months):
        month = next_month(month)
    return month
