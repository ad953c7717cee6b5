"""The law of transfers between counties: who may go, until when the old county pays interest, and
who has custody. Pure.

Sources: 国发〔2014〕8号 §9 (缴费期间户籍迁移的跨地区转移, 个人账户全部储存额一次性转移, 已按规定
领取待遇的不转移); 人社部发〔2014〕23号 (转入地申请, 接收函, 15 个工作日). People who draw a pension
stay with the county that pays it.
"""

from collections.abc import Collection, Iterable
from datetime import date

from node.core.errors import Invalid
from node.core.titled import TitledEnum
from node.registry.codes import Standing

USUAL_DAYS = 15
"""Working days a county has for its part (人社部发〔2014〕23号: 15 个工作日) where no bulletin of
deadlines (业务时限) says otherwise.
"""
REASON_LEAST = 4


class Step(TitledEnum):
    """What happens to a transfer, in the order in which it can."""

    ASKED = "asked", "已发接收函"
    REFUSED = "refused", "不予转出"
    RELEASED = "released", "已转出，在途"
    RECEIVED = "received", "已接收入账"
    PAID = "paid", "转移款已付出"
    BANKED = "banked", "转移款已到账"


class Elsewhere(TitledEnum):
    """The other side of a transfer that is no county of this network: paper goes there."""

    PROVINCE = "elsewhere", "外省城乡居民养老保险"
    EMPLOYEES = "employees", "城镇职工基本养老保险"


class Custody(TitledEnum):
    """Who answers for a person and the account at an instant."""

    OLD = "old", "转出地"
    IN_FLIGHT = "in_flight", "在途"
    NEW = "new", "转入地"


def custody(steps: Collection[Step]) -> Custody:
    """Exactly one, whichever steps are known: the old county's until it has let go, the new one's
    once it has taken in, nobody's to act on in between.
    """
    if {Step.RECEIVED, Step.PAID} & set(steps):
        return Custody.NEW
    return Custody.IN_FLIGHT if Step.RELEASED in steps else Custody.OLD


def state(steps: Collection[Step]) -> Step:
    """How far it has come: the furthest step."""
    order = list(Step)
    return max(steps, key=order.index)


def is_open(steps: Collection[Step], *, old: str = "", new: str = "") -> bool:
    """Whether somebody here still has something to do; `old` and `new` are the two sides."""
    pays = old not in set(Elsewhere) and Step.PAID not in steps
    banks = new not in set(Elsewhere) and Step.BANKED not in steps
    return Step.REFUSED not in steps and (pays or banks)


def settled_through(on: date, *, lag: int) -> date:
    """The first day of the last month the old county pays interest for.

    The new county's interest goes on from the month after without a gap or an overlap: money moved
    in month m earns from m + `lag`, so with no lag the month of the transfer is the new one's.
    """
    first = on.replace(day=1)
    if lag:
        return first
    return date(on.year - 1, 12, 1) if on.month == 1 else date(on.year, on.month - 1, 1)


def leaving_problems(
    standing: Standing, *, draws: bool, is_due: bool, open_cases: Iterable[str], money: str = ""
) -> Iterable[Invalid]:
    """What keeps somebody from being transferred out now.

    `draws`: a pension was determined; `is_due`: it could be claimed here already; `open_cases`: the
    numbers of other cases under way; `money`: what is still on its way into the account.
    """
    if draws or standing in (Standing.DRAWING, Standing.SUSPENDED):
        message = "此人已领取待遇，待遇由原参保地继续发放，不办理转移"
        yield Invalid(message, field="citizen_number")
    elif standing is Standing.CLOSED:
        yield Invalid("此人没有有效的参保登记", field="citizen_number")
    elif is_due:
        message = "此人已具备领取条件，请先在本县申领待遇，不办理转移"
        yield Invalid(message, field="citizen_number")
    if numbers := "、".join(open_cases):
        message = "此人还有未办结的业务（{numbers}），请先办结再转出"
        yield Invalid(message, field="citizen_number", numbers=numbers)
    if money:
        yield Invalid(money, field="citizen_number")
