"""The steps of a run, who pays what, and the latest day of each step. Pure.

Amounts are integer fen, rates parts per million. Sources: business rules §8; founding notice 二
(确保按时足额发放); 社会保险法 §64–§73 (funds apart, paid in full and on time).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from node.cases.working_days import WEEKENDS_ONLY, Holidays
from node.core.errors import Conflict
from node.core.titled import TitledEnum

WHOLE = 1_000_000


class RunKind(TitledEnum):
    """What a run is for."""

    REGULAR = "regular", "月度发放"
    EXTRA = "extra", "补充发放"


class RunState(TitledEnum):
    """Where a run stands."""

    COMPUTED = "computed", "已编制"
    REVIEWED = "reviewed", "已复核"
    APPROVED = "approved", "已审批"
    FUNDED = "funded", "资金到账"
    SENT = "sent", "已报银行"
    RETURNED = "returned", "已回盘"
    SETTLED = "settled", "已结清"
    CANCELLED = "cancelled", "已作废"


class PaymentState(TitledEnum):
    """Where one person's payment stands."""

    WAITING = "waiting", "待发放"
    SENT = "sent", "待回盘"
    PAID = "paid", "已发放"
    FAILED = "failed", "发放失败"
    UNCLEAR = "unclear", "结果待查"
    BOUNCED = "bounced", "已退回"
    CARRIED = "carried", "转下月补发"
    KEPT = "kept", "全额抵扣"


class Remedy(TitledEnum):
    """What helps somebody whose pension did not come, in the words the coordinator says to them.

    A bank's description names one for each of its answers (`docs/how-to-add-a-bank.md`).
    """

    CARD = "card", "请本人换用能收款的银行卡，办理变更登记，县级按新卡重发"
    NAME = "name", "请核对银行卡上的户名和卡号，登记有误的办理变更登记"
    BANK = "bank", "请本人带身份证到开户银行解除冻结、挂失，或换卡后办理变更登记"
    REGISTER = "register", "还没有登记银行卡，请本人提供卡号并办理变更登记"
    WAIT = "wait", "不用办理，银行查明以后县级会重发或确认到账"
    CERTIFY = "certify", "请协助本人办理生存认证，认证后恢复并补发"
    ASK = "ask", "请联系县级经办机构查明原因"


class LineKind(TitledEnum):
    """What a line pays."""

    PENSION = "pension", "养老金"
    REFUND = "refund", "个人账户余额"
    FUNERAL = "funeral", "丧葬补助金"


class Payer(TitledEnum):
    """Who provides the money of a run."""

    CENTRAL = "central", "中央财政"
    PROVINCE = "province", "省级财政"
    CITY = "city", "市级财政"
    COUNTY = "county", "县级财政"
    ACCOUNT = "account", "个人账户基金"


MOVES: Mapping[RunState, frozenset[RunState]] = {
    RunState.COMPUTED: frozenset({RunState.REVIEWED, RunState.CANCELLED}),
    RunState.REVIEWED: frozenset({RunState.APPROVED, RunState.CANCELLED}),
    RunState.APPROVED: frozenset({RunState.FUNDED}),
    RunState.FUNDED: frozenset({RunState.SENT}),
    RunState.SENT: frozenset({RunState.RETURNED, RunState.SETTLED}),
    RunState.RETURNED: frozenset({RunState.SENT, RunState.SETTLED}),
    RunState.SETTLED: frozenset({RunState.RETURNED}),  # money came back afterwards (退汇)
    RunState.CANCELLED: frozenset(),
}


ORDER = (
    RunState.COMPUTED,
    RunState.REVIEWED,
    RunState.APPROVED,
    RunState.FUNDED,
    RunState.SENT,
    RunState.RETURNED,
    RunState.SETTLED,
)
"""The steps of a run as they follow each other."""


def check_move(now: RunState, then: RunState) -> None:
    """Whether a run may go from one state to another.

    Raises:
        Conflict: it may not; somebody was there before, or a step is missing.
    """
    if then not in MOVES[now]:
        raise Conflict(f"该批次{now.title}，不能再改为{then.title}", state=now.value)


def instalments_left(left_fen: int, monthly_fen: int) -> int | None:
    """How many pensions it takes to keep back what is owed; the last one may be smaller. None
    where nothing is kept.
    """
    return -(-left_fen // monthly_fen) if monthly_fen > 0 else None


@dataclass(frozen=True, slots=True)
class Shares:
    """How the treasuries share one part, in parts per million; together they are the whole."""

    central: int
    province: int
    city: int
    county: int

    def by_payer(self) -> dict[Payer, int]:
        """The shares by payer, in the official order."""
        return {
            Payer.CENTRAL: self.central,
            Payer.PROVINCE: self.province,
            Payer.CITY: self.city,
            Payer.COUNTY: self.county,
        }


def shared(fen: int, shares: Shares) -> dict[Payer, int]:
    """A sum split by shares to the fen: each payer's part is cut, and what is left over goes to
    the largest remainders, the first payer in a tie (约定).
    """
    parts = {payer: fen * ppm // WHOLE for payer, ppm in shares.by_payer().items()}
    left = fen - sum(parts.values())
    remainders = sorted(
        parts, key=lambda payer: -(fen * shares.by_payer()[payer] % WHOLE)
    )  # sorted() is stable: ties go to the payer who stands first
    for payer in remainders[:left]:
        parts[payer] += 1
    return parts


def requests(sums: Mapping[str, int], shares: Mapping[str, Shares]) -> dict[Payer, dict[str, int]]:
    """What each payer is asked for, by part.

    `sums` are the totals of a run: `base`, `years`, `age`, `makeup`, `funeral` are shared; what
    the city or the county adds to the base each pays alone; `account` and `refund` come from the
    account fund.

    Raises:
        KeyError: a shared part has money and no shares.
    """
    found: dict[Payer, dict[str, int]] = {payer: {} for payer in Payer}
    alone = {
        "city": Payer.CITY,
        "county": Payer.COUNTY,
        "account": Payer.ACCOUNT,
        "refund": Payer.ACCOUNT,
    }
    for part, fen in sums.items():
        if not fen:
            continue
        if part in alone:
            found[alone[part]][part] = fen
            continue
        for payer, share in shared(fen, shares[part]).items():
            if share:
                found[payer][part] = share
    return {payer: parts for payer, parts in found.items() if parts}


def working_days_before(day: date, count: int, holidays: Holidays = WEEKENDS_ONLY) -> date:
    """The day so many working days before another; with 0 the last working day up to it."""
    found = day
    while not holidays.is_working_day(found):
        found -= timedelta(days=1)
    for _counted in range(count):
        found -= timedelta(days=1)
        while not holidays.is_working_day(found):
            found -= timedelta(days=1)
    return found


@dataclass(frozen=True, slots=True)
class Step:
    """A step of a run: the state it leads to, and its latest day."""

    state: RunState
    title: str
    latest: date


def calendar(
    pay_day: date, before: Sequence[tuple[RunState, int]], holidays: Holidays = WEEKENDS_ONLY
) -> list[Step]:
    """The latest day of every step, worked backwards from the pay day over working days."""
    return [
        Step(state, state.title, working_days_before(pay_day, count, holidays))
        for state, count in before
    ]


def pay_day_of(month: date, day: int, holidays: Holidays = WEEKENDS_ONLY) -> date:
    """The pay day of a month; one that is no working day is kept by the working day before it, so
    that nobody waits longer (约定).
    """
    return working_days_before(month.replace(day=day), 0, holidays)
