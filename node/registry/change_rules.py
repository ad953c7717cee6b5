"""What may change in a person's registration, and when: the law of 变更、注销、暂停、恢复、认定.

Pure. A problem refuses; every sentence says what to do.
Sources: 人社部发〔2014〕23号 §9–§11 (变更、注销), 社会保险经办条例 §10 and §25;
国发〔2014〕8号 §4 (缴费档次).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from node.core.errors import Invalid
from node.registry.codes import Category, CloseReason, Standing
from node.registry.rules import CHILDBEARING_AGE, PENSION_AGE, age_on

_NEXT: Mapping[Standing, frozenset[Standing]] = {
    Standing.ACTIVE: frozenset({Standing.INTERRUPTED, Standing.DRAWING, Standing.CLOSED}),
    Standing.INTERRUPTED: frozenset({Standing.ACTIVE, Standing.DRAWING, Standing.CLOSED}),
    Standing.DRAWING: frozenset({Standing.SUSPENDED, Standing.CLOSED}),
    Standing.SUSPENDED: frozenset({Standing.DRAWING, Standing.CLOSED}),
    Standing.CLOSED: frozenset(),
}


def may_become(before: Standing, after: Standing) -> bool:
    """Whether an enrolment may pass from one standing to another; closed is the end."""
    return after in _NEXT[before]


def standing_problems(
    before: Standing, after: Standing, *, doing: str, field: str = "citizen_number"
) -> Iterator[Invalid]:
    """A step that the standing does not allow, said with the standing."""
    if not may_become(before, after):
        yield Invalid(
            "此人现为“{title}”，不能办理{doing}", field=field, title=before.title, doing=doing
        )


def past_day_problems(
    day: date | None, *, today: date, title: str, not_before: date | None = None, field: str
) -> Iterator[Invalid]:
    """A day something happened on: given, not in the future, not before it could."""
    if day is None:
        yield Invalid("请填写{title}", field=field, title=title)
    elif day > today:
        yield Invalid("{title}不能晚于今天", field=field, title=title)
    elif not_before is not None and day < not_before:
        yield Invalid(
            "{title}不能早于 {not_before}，请核对", field=field, title=title, not_before=not_before
        )


def closing_problems(
    reason: CloseReason, *, explanation: str, has_evidence: bool
) -> Iterator[Invalid]:
    """Ending participation rests on evidence; the catch-all reason asks for words."""
    if not has_evidence:
        yield Invalid("注销登记须有证明材料，请选择", field="evidence")
    if reason is CloseReason.TRANSFERRED:
        yield Invalid("关系转移请由转入地办理关系转入，不办注销登记", field="reason")
    if reason in (CloseReason.OTHER, CloseReason.DUPLICATE) and not explanation.strip():
        yield Invalid("请说明具体情况", field="explanation")


def payee_problems(
    reason: CloseReason | None, *, payee: str, card: str, owner: str, owner_card: str
) -> Iterator[Invalid]:
    """Somebody can be paid what the account holds: the heirs after a death, else the person."""
    if reason is CloseReason.DEATH:
        if not payee:
            yield Invalid("个人账户有余额，请填写继承人", field="payee")
        elif payee == owner and card in {"", owner_card}:
            yield Invalid("本人已死亡，请填写继承人和继承人的银行卡号", field="payee")
        if not card:
            yield Invalid("个人账户有余额，请填写继承人的银行卡号", field="payee_card")
        return
    if not card and (not owner_card or payee not in {"", owner}):
        yield Invalid("个人账户有余额，请填写领款人的银行卡号", field="payee_card")


def key_evidence_problems(*, has_evidence: bool, reason: str) -> Iterator[Invalid]:
    """Key details change only on evidence and with a reason (DQ-50)."""
    if not has_evidence:
        yield Invalid("变更关键信息须有证明材料，请选择", field="evidence")
    if not reason.strip():
        yield Invalid("请填写变更原因", field="reason")


@dataclass(frozen=True, slots=True)
class Detail:
    """One detail of a person as it is said to have been, as it is, and as it shall be."""

    field: str
    title: str
    said: str
    now: str
    new: str


def detail_problems(details: Iterable[Detail]) -> Iterator[Invalid]:
    """Something changes, nothing changes to itself, and nobody else has changed it meanwhile.

    `said` is what the person's record showed where the form was filled in. If the record shows
    something else now, two people have changed the same detail without knowing of each other: the
    first is decided, this one goes back.
    """
    wanted = [each for each in details if each.new]
    if not wanted:
        yield Invalid("请至少填写一项要变更的内容", field=None)
    for each in wanted:
        if each.now == each.new:
            yield Invalid("{title}与现登记的相同，不需要变更", field=each.field, title=each.title)
        elif each.said != each.now:
            yield Invalid(
                "{title}在填表之后已由另一件业务变更，请核对现登记的内容后重新填报或撤回",
                field=each.field,
                overtaken=True,
                title=each.title,
            )


def category_problems(
    category: Category, *, born_on: date, on: date, field: str = "category"
) -> Iterator[Invalid]:
    """A special group somebody of this age can belong to."""
    if category is Category.ORDINARY:
        yield Invalid("请选择特殊群体类别；恢复为普通请办理特殊群体退出", field=field)
    elif category is Category.FAMILY_PLANNING and age_on(born_on, on) < CHILDBEARING_AGE:
        yield Invalid(
            "不满 {age} 周岁，不可能属于计生家庭对象",
            field=field,
            age=CHILDBEARING_AGE,
        )


@dataclass(frozen=True, slots=True)
class Belonging:
    """That a person belongs to a category from a day through another, or without end."""

    category: Category
    valid_from: date
    valid_to: date | None = None

    def holds(self, on: date) -> bool:
        """On this day?"""
        return self.valid_from <= on and (self.valid_to is None or on <= self.valid_to)


def overlap_problems(
    new: Belonging, known: Iterable[Belonging], *, field: str = "valid_from"
) -> Iterator[Invalid]:
    """One statement of a category at a time; an end is not before the beginning."""
    if new.valid_to is not None and new.valid_to < new.valid_from:
        yield Invalid("截止日期早于起始日期", field="valid_to")
    for each in known:
        ends = each.valid_to or date.max
        if each.category is new.category and each.valid_from <= (new.valid_to or date.max):
            if new.valid_from > ends:
                continue
            yield Invalid(
                "此人自 {valid_from} 起已认定为{title}",
                field=field,
                valid_from=each.valid_from,
                title=each.category.title,
            )
            return


PRIORITY = (
    Category.EXTREME_POVERTY,
    Category.SEVERELY_DISABLED,
    Category.POVERTY_MONITORED,
    Category.REGISTERED_POOR,
    Category.MINIMUM_LIVING,
    Category.FAMILY_PLANNING,
    Category.LAND_EXPROPRIATED,
    Category.DEMOBILISED,
    Category.OTHER,
)
"""Which of several categories counts: one is paid on behalf of for a year, never two."""


def prevailing(known: Iterable[Belonging], *, on: date) -> Category:
    """The category that counts on a day; an ordinary person when none does."""
    held = {each.category for each in known if each.holds(on)}
    return next((each for each in PRIORITY if each in held), Category.ORDINARY)


def choice_problems(
    *, year: int, today: date, born_on: date, standing: Standing
) -> Iterator[Invalid]:
    """A grade is chosen for this year or the next, by somebody who contributes then."""
    if year not in (today.year, today.year + 1):
        yield Invalid(
            "只能申报 {year} 年或 {next_year} 年的档次",
            field="year",
            year=today.year,
            next_year=today.year + 1,
        )
    elif year - born_on.year > PENSION_AGE:
        yield Invalid(
            "{year} 年已超过 {age} 周岁，不再缴费",
            field="year",
            year=year,
            age=PENSION_AGE,
        )
    if standing is not Standing.ACTIVE:
        yield Invalid(
            "此人现为“{title}”，不能申报缴费档次", field="citizen_number", title=standing.title
        )
