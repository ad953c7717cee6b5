"""What a draft would cost, computed on this node's replica of real accounts and pensions.

Set-based, and by the same statements that will do it in earnest wherever there are such: a draft's
cost is what its publication will cost. Nothing is written.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Subquery, Table, func, select

from node.accounts.settlement_sql import TRIAL
from node.benefits.models import BenefitRate, Entitlement
from node.contributions.models import Contribution
from node.core.errors import Invalid
from node.core.i18n import _
from node.core.work import UnitOfWork
from node.policy import service as policy
from node.policy.bodies import (
    AccountInterestRate,
    BasePension,
    ContributionGrades,
    ContributionSubsidy,
    GradeSubsidy,
)
from node.policy.body import Body
from node.policy.models import Bulletin
from node.registry.models import Enrolment
from node.statistics.cells import counties_held
from tiers import RegionCode

MONTHS = 12
BIN_FEN = 2_000
"""Width of a bar of the distribution: twenty yuan a month."""
SHOWN = 3

entitlement: Table = Entitlement.__table__  # type: ignore[attr-defined]
rate: Table = BenefitRate.__table__  # type: ignore[attr-defined]
contribution: Table = Contribution.__table__  # type: ignore[attr-defined]
enrolment: Table = Enrolment.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class CountyCost:
    """A county's people concerned and what they come to, now and then, in fen."""

    county: RegionCode
    people: int
    now_fen: int
    then_fen: int

    @property
    def more_fen(self) -> int:
        """What is added; negative when it becomes less."""
        return self.then_fen - self.now_fen


@dataclass(frozen=True, slots=True)
class Share:
    """What one purse pays, now and then, in fen."""

    title: str
    now_fen: int
    then_fen: int


@dataclass(frozen=True, slots=True)
class Spread:
    """People by what they get a month, now and then; `labels` are the lower ends in yuan."""

    labels: Sequence[str]
    now: Sequence[int]
    then: Sequence[int]


@dataclass(frozen=True, slots=True)
class Example:
    """One person's case, line by line: a label, now, then; fen."""

    person_id: str
    county: RegionCode
    lines: Sequence[tuple[str, int, int]]


@dataclass(frozen=True, slots=True)
class Effect:
    """What a draft does, for a year. `measure` says in words what the amounts are."""

    bulletin: Bulletin
    measure: str
    counties: Sequence[CountyCost]
    shares: Sequence[Share] = ()
    spread: Spread | None = None
    examples: Sequence[Example] = ()

    @property
    def now_fen(self) -> int:
        return sum(each.now_fen for each in self.counties)

    @property
    def then_fen(self) -> int:
        return sum(each.then_fen for each in self.counties)

    @property
    def people(self) -> int:
        return sum(each.people for each in self.counties)


def effect(uow: UnitOfWork, bulletin: Bulletin) -> Effect:
    """What a bulletin would change, against what is in force the day before it takes effect.

    Raises:
        Invalid: bulletins of its kind move no money by themselves.
    """
    body = policy.body_of(bulletin)
    compute = _COMPUTED.get(body.kind)
    if compute is None:
        raise Invalid("这种文件不直接改变金额，没有可以测算的内容")
    return compute(uow, bulletin, body)


def _interest(uow: UnitOfWork, bulletin: Bulletin, body: Body) -> Effect:
    """Interest of the draft's year on the accounts as they stand, by the year end's statement."""
    assert isinstance(body, AccountInterestRate)  # noqa: S101  # narrows for mypy
    old = _rate_before(uow, body.year)
    counties = []
    for county in counties_held(uow):
        accounts, then = _trial(uow, county, body.year, body.rate_ppm, body.interest_lag_months)
        _accounts, now = _trial(uow, county, body.year, *old) if old else (0, 0)
        counties.append(CountyCost(county, accounts, now, then))
    return Effect(bulletin, _("全年个人账户利息"), counties)


def _rate_before(uow: UnitOfWork, year: int) -> tuple[int, int] | None:
    """Rate and lag as published for a year, else of the last year before it."""
    published = [
        body
        for each in policy.listed(uow, kind=AccountInterestRate.kind)
        if each.status == "published"
        and isinstance(body := policy.body_of(each), AccountInterestRate)
        and body.year <= year
    ]
    newest = max(published, key=lambda body: body.year, default=None)
    return (newest.rate_ppm, newest.interest_lag_months) if newest else None


def _trial(
    uow: UnitOfWork, county: RegionCode, year: int, rate_ppm: int, lag: int
) -> tuple[int, int]:
    given = {
        "county": str(county),
        "year": year,
        "through": MONTHS,
        "lag": lag,
        "ppm": rate_ppm,
    }
    row = uow.connection.execute(TRIAL, given).one()
    return int(row.accounts), int(row.interest_fen)


def _base(uow: UnitOfWork, bulletin: Bulletin, body: Body) -> Effect:
    """Twelve months of every pension in force, its base replaced by the draft's."""
    assert isinstance(body, BasePension)  # noqa: S101  # narrows for mypy
    due = _due(bulletin.effective_from)
    then = due.c.fen - due.c.base_fen + body.monthly_fen
    rows = uow.connection.execute(
        select(due.c.county_code, func.count(), func.sum(due.c.fen), func.sum(then))
        .group_by(due.c.county_code)
        .order_by(due.c.county_code)
    )
    counties = [
        CountyCost(RegionCode(code), int(people), MONTHS * int(now), MONTHS * int(later))
        for code, people, now, later in rows
    ]
    return Effect(
        bulletin,
        _("十二个月的养老金"),
        counties,
        spread=_spread(uow, due, then),
        examples=_examples(uow, due, body.monthly_fen),
    )


def _due(on: date) -> Subquery:
    """Every pension in force with what it comes to in the month of a day."""
    holds = (rate.c.from_month <= on) & (rate.c.to_month.is_(None) | (rate.c.to_month >= on))
    same = (rate.c.county_code == entitlement.c.county_code) & (
        rate.c.entitlement_id == entitlement.c.id
    )
    return (
        select(
            entitlement.c.county_code,
            entitlement.c.id,
            entitlement.c.person_id,
            rate.c.fen,
            rate.c.base_fen,
            rate.c.account_fen,
        )
        .join(rate, same)
        .where(entitlement.c.state == "in_force", rate.c.superseded_by.is_(None), holds)
        .subquery()
    )


def _spread(uow: UnitOfWork, due: Subquery, then: ColumnElement[Any]) -> Spread:
    """How many people get how much a month."""
    counts: list[dict[int, int]] = []
    for amount in (due.c.fen, then):
        lower = _floor(amount)
        statement = select(lower.label("bin"), func.count()).group_by("bin")
        counts.append({int(b): int(n) for b, n in uow.connection.execute(statement)})
    every = sorted({*counts[0], *counts[1]})
    bins = list(range(every[0], every[-1] + 1)) if every else []
    return Spread(
        [f"{number * BIN_FEN // 100}" for number in bins],
        [counts[0].get(number, 0) for number in bins],
        [counts[1].get(number, 0) for number in bins],
    )


def _floor(amount: ColumnElement[Any]) -> ColumnElement[Any]:
    """The number of a bar; amounts are not negative, so whole division is the floor."""
    return amount // BIN_FEN


def _examples(uow: UnitOfWork, due: Subquery, base_fen: int) -> list[Example]:
    """The least, the middle and the most, line by line."""
    statement = select(due).order_by(due.c.fen, due.c.id)
    number = int(uow.connection.execute(select(func.count()).select_from(due)).scalar_one())
    places = sorted({0, number // 2, number - 1} & set(range(number)))[:SHOWN]
    found = []
    for place in places:
        row = uow.connection.execute(statement.offset(place).limit(1)).mappings().one()
        rest = row["fen"] - row["base_fen"] - row["account_fen"]
        lines = [
            (_("基础养老金"), row["base_fen"], base_fen),
            (_("个人账户养老金"), row["account_fen"], row["account_fen"]),
            (_("其他加发"), rest, rest),
            (_("每月合计"), row["fen"], row["fen"] - row["base_fen"] + base_fen),
        ]
        found.append(Example(row["person_id"], RegionCode(row["county_code"]), lines))
    return found


def _subsidy(uow: UnitOfWork, bulletin: Bulletin, body: Body) -> Effect:
    """The draft on those who paid in time in the last year that has contributions."""
    assert isinstance(body, ContributionSubsidy)  # noqa: S101  # narrows for mypy
    year = _year_with_contributions(uow, bulletin.effective_from)
    old = policy.in_force(uow, ContributionSubsidy.kind, uow.node, date(year, MONTHS, 31))
    before = _by_grade(old.body.grades if old and isinstance(old.body, ContributionSubsidy) else ())
    then = _by_grade(body.grades)
    rows = uow.connection.execute(
        select(contribution.c.county_code, contribution.c.grade_fen, func.count())
        .where(
            contribution.c.for_year == year,
            contribution.c.reversed_entry.is_(None),
            contribution.c.make_up.is_(False),
            contribution.c.subsidy_fen.is_(None),
        )
        .group_by(contribution.c.county_code, contribution.c.grade_fen)
        .order_by(contribution.c.county_code)
    ).all()
    return Effect(
        bulletin,
        _("按上一个有缴费的年度的缴费人数，全年缴费补贴"),
        _per_county(rows, before, then),
        shares=[
            Share(title, _purse(rows, before, purse), _purse(rows, then, purse))
            for purse, title in (
                ("province_fen", _("省级")),
                ("city_fen", _("市级")),
                ("county_fen", _("县级")),
            )
        ],
    )


Grades = Mapping[int, GradeSubsidy]
Paid = Sequence[Any]
"""Rows of county code, grade in fen, people."""


def _by_grade(grades: Iterable[GradeSubsidy]) -> Grades:
    return {line.grade_fen: line for line in grades}


def _purse(rows: Paid, grades: Grades, purse: str) -> int:
    return sum(int(getattr(grades[g], purse)) * int(n) for _county, g, n in rows if g in grades)


def _per_county(rows: Paid, before: Grades, then: Grades) -> list[CountyCost]:
    found: dict[str, list[int]] = {}
    for county, grade, people in rows:
        sums = found.setdefault(str(county), [0, 0, 0])
        sums[0] += int(people)
        sums[1] += before[grade].fen * int(people) if grade in before else 0
        sums[2] += then[grade].fen * int(people) if grade in then else 0
    return [CountyCost(RegionCode(code), *sums) for code, sums in found.items()]


def _year_with_contributions(uow: UnitOfWork, on: date) -> int:
    newest = select(func.max(contribution.c.for_year)).where(contribution.c.for_year <= on.year)
    return int(uow.connection.execute(newest).scalar() or on.year)


def _grades(uow: UnitOfWork, bulletin: Bulletin, body: Body) -> Effect:
    """Who has chosen a grade the draft no longer offers: their contribution now, and nothing then
    until they choose anew.
    """
    assert isinstance(body, ContributionGrades)  # noqa: S101  # narrows for mypy
    rows = uow.connection.execute(
        select(enrolment.c.county_code, func.count(), func.sum(enrolment.c.grade_fen))
        .where(
            enrolment.c.closed_on.is_(None),
            enrolment.c.grade_fen.is_not(None),
            enrolment.c.grade_fen.not_in(body.grades_fen),
        )
        .group_by(enrolment.c.county_code)
        .order_by(enrolment.c.county_code)
    )
    counties = [CountyCost(RegionCode(code), int(n), int(fen), 0) for code, n, fen in rows]
    return Effect(bulletin, _("所选档次不再提供的人，须重新选档；现在的年缴费"), counties)


_COMPUTED: Mapping[str, Callable[[UnitOfWork, Bulletin, Body], Effect]] = {
    AccountInterestRate.kind: _interest,
    BasePension.kind: _base,
    ContributionSubsidy.kind: _subsidy,
    ContributionGrades.kind: _grades,
}
