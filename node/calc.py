"""Worked examples (算例): the arithmetic of the law on given figures, without a database.

A policy officer checks a bulletin's arithmetic with `wuji calc FILE` before publishing it. Money
is integer fen, rates parts per million, months 1 to 12; the shapes are in docs/worked-examples.md.
An unknown field or kind is an error: a mistyped name must not leave a figure out of the sum.
"""

import json
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from node.accounts.rules import (
    MONTHS,
    Entry,
    Late,
    Stretch,
    corrected,
    drawn,
    earning_months,
    interest,
    settle,
)
from node.accounts.sources import Source
from node.benefits import life_rules
from node.benefits import rules as benefits
from node.contributions import rules as contributions
from node.core.errors import Invalid, refuse_all
from node.policy.bodies import GradeSubsidy
from node.policy.contribution_bodies import GroupPaidFor
from node.transfers import bridge_rules as bridge

_MONTH = re.compile(r"[1-9][0-9]{3}-(?:0[1-9]|1[0-2])")
_YEARS = 120


def _month(value: object) -> date:
    if not isinstance(value, str) or not _MONTH.fullmatch(value):
        raise ValueError("应为 YYYY-MM 形式的月份")
    return date.fromisoformat(f"{value}-01")


Whole = Annotated[int, Field(strict=True)]
Fen = Annotated[int, Field(strict=True, ge=0)]
Count = Annotated[int, Field(strict=True, ge=0, le=12 * _YEARS)]
MonthNumber = Annotated[int, Field(strict=True, ge=1, le=12)]
Month = Annotated[date, BeforeValidator(_month)]
Balance = dict[Source, Fen]


class _Given(BaseModel):
    model_config = ConfigDict(extra="forbid")


class WorkedExample(_Given, ABC):
    """What every kind has: a name, and the expected figures, which are not looked at here."""

    kind: str
    name: str = ""
    expected: Any = None

    @abstractmethod
    def result(self) -> dict[str, Any]:
        """The figures, in the shape of `expected`."""


class PostingGiven(_Given):
    source: Source
    month: MonthNumber
    fen: Whole


class PaymentGiven(_Given):
    month: MonthNumber
    by_source: Balance


class InterestExample(WorkedExample):
    """Settlement of one account through a month by the month-product method."""

    opening: dict[Source, Whole] = {}
    postings: list[PostingGiven] = []
    payments: list[PaymentGiven] = []
    rate_ppm: Fen
    through: MonthNumber = 12
    interest_lag_months: Annotated[int, Field(strict=True, ge=0, le=1)] = 1

    def result(self) -> dict[str, Any]:
        entries = [Entry(each.source, each.month, each.fen) for each in self.postings]
        for payment in self.payments:
            entries += drawn(payment.month, payment.by_source)
        settled = settle(
            self.opening,
            entries,
            rate_ppm=self.rate_ppm,
            through=self.through,
            lag=self.interest_lag_months,
        )
        return {
            "interest": _named(settled.interest),
            "closing": _named(settled.closing),
            "total": settled.total,
        }


Year = Annotated[int, Field(strict=True, ge=2009, le=2199)]


class SettledYearGiven(_Given):
    """A year that is settled; `new_rate_ppm` where its rate was published anew."""

    year: Year
    rate_ppm: Fen
    interest_lag_months: Annotated[int, Field(strict=True, ge=0, le=1)] = 1
    settled_through: MonthNumber = MONTHS
    new_rate_ppm: Fen | None = None


class MoveGiven(_Given):
    year: Year
    month: MonthNumber
    fen: Whole


class CorrectionExample(WorkedExample):
    """One source over settled years, and what becomes known of them later."""

    years: list[SettledYearGiven]
    postings: list[MoveGiven] = []
    late: list[MoveGiven] = []

    def result(self) -> dict[str, Any]:
        stretches, balance = self._settled()
        late = [Late(each.year, each.month, each.fen) for each in self.late]
        changes = corrected(stretches, late)
        moved = sum(each.fen for each in late) + sum(each.difference for each in changes)
        return {
            "balance_before": balance,
            "differences": [
                {"year": c.stretch.year, "through": c.stretch.through, "fen": c.difference}
                for c in changes
                if c.difference
            ],
            "balance_after": balance + moved,
        }

    def _settled(self) -> tuple[list[Stretch], int]:
        stretches: list[Stretch] = []
        balance = 0
        for year in sorted(self.years, key=lambda each: each.year):
            start = 0
            for through in sorted({year.settled_through, MONTHS}):
                moved = [
                    each
                    for each in self.postings
                    if each.year == year.year and start < each.month <= through
                ]
                lag = year.interest_lag_months
                product = balance * (through - start)
                product += sum(m.fen * earning_months(m.month, through, lag) for m in moved)
                earned = interest(product, year.rate_ppm)
                # a settlement inside the year is final; only the year end takes the new rate
                now = year.new_rate_ppm if through == MONTHS else None
                stretches.append(
                    Stretch(
                        year.year,
                        start,
                        through,
                        product,
                        earned,
                        year.rate_ppm,
                        lag,
                        year.rate_ppm if now is None else now,
                    )
                )
                balance += sum(m.fen for m in moved) + earned
                start = through
        return stretches, balance


class ContributionExample(WorkedExample):
    """A year of somebody: what is due, who pays which part, and the subsidy that follows.

    `wanted_fen` is the grade that was chosen, left out where nothing was; `make_up` says that the
    year is a past one.
    """

    grades: Annotated[list[Fen], Field(min_length=1)]
    wanted_fen: Fen | None = None
    category: str = "ordinary"
    groups: list[GroupPaidFor] = []
    subsidies: list[GradeSubsidy] = []
    make_up: bool = False

    def result(self) -> dict[str, Any]:
        found = self._due()
        added: Mapping[Source, int] = {}
        if found.grade_fen and self.subsidies:
            added = contributions.subsidy(
                found.grade_fen, lines=self.subsidies, make_up=self.make_up
            )
        return {
            "grade_fen": found.grade_fen,
            "own_fen": found.own_fen,
            "on_behalf": {
                "province": found.province_fen,
                "city": found.city_fen,
                "county": found.county_fen,
            },
            "subsidy": _named(added),
            "credited_fen": found.own_fen + found.on_behalf_fen + sum(added.values()),
        }

    def _due(self) -> contributions.Due:
        if self.make_up:  # nobody pays for past years on behalf
            return contributions.Due(self.wanted_fen or 0, self.wanted_fen or 0)
        found = contributions.due(
            self.wanted_fen, grades=self.grades, category=self.category, groups=self.groups
        )
        return found or contributions.Due(0, 0)


class AgeBandGiven(_Given):
    from_age: Count
    fen: Fen


class PolicyGiven(_Given):
    base_fen: Fen
    years_threshold: Count
    per_year_fen: Fen
    age_supplement: list[AgeBandGiven] = []
    divisor_months: Annotated[int, Field(strict=True, ge=1)]


class EntitlementExample(WorkedExample):
    """A monthly pension from the standards, the years, the age and the settled account."""

    policy: PolicyGiven
    paid_years: Count
    age: Count
    balance: Balance

    def result(self) -> dict[str, Any]:
        policy = self.policy
        terms = benefits.BenefitTerms(
            base_fen=policy.base_fen,
            years_threshold=policy.years_threshold,
            per_year_fen=policy.per_year_fen,
            age_supplement=tuple(
                benefits.AgeBand(band.from_age, band.fen) for band in policy.age_supplement
            ),
            divisor_months=policy.divisor_months,
        )
        found = benefits.determine(
            terms, paid_years=self.paid_years, age=self.age, balance=self.balance
        )
        components = found.components
        return {
            "components": {
                "base": components.base,
                "years_supplement": components.years_supplement,
                "age_supplement": components.age_supplement,
                "account": components.account,
            },
            "account_by_source": _named(found.account_by_source),
            "monthly_total": found.monthly_total,
        }


class DeathExample(WorkedExample):
    """What the heirs get after overpaid months are set off."""

    balance: Balance
    interest: Balance = {}
    funeral_months: Count
    base_fen: Fen
    overpaid_fen: Fen

    def result(self) -> dict[str, Any]:
        found = life_rules.death_settlement(
            balance=self.balance,
            interest=self.interest,
            funeral_months=self.funeral_months,
            base_fen=self.base_fen,
            overpaid_fen=self.overpaid_fen,
        )
        return {
            "account_refund_gross": found.account_refund_gross,
            "funeral_gross": found.funeral_gross,
            "set_off": {"account": found.set_off_account, "funeral": found.set_off_funeral},
            "paid_to_heirs": found.paid_to_heirs,
            "claim_left": found.claim_left,
        }


class ArrearsExample(WorkedExample):
    """A retroactive base pension: the difference for each month already paid."""

    old_base_fen: Fen
    new_base_fen: Fen
    effective_from: Month
    first_run_with_new: Month

    def result(self) -> dict[str, Any]:
        lines = benefits.arrears(
            old_base_fen=self.old_base_fen,
            new_base_fen=self.new_base_fen,
            effective_from=self.effective_from,
            first_run_with_new=self.first_run_with_new,
        )
        return {
            "lines": [{"month": f"{line.month:%Y-%m}", "fen": line.fen} for line in lines],
            "total": sum(line.fen for line in lines),
        }


class ExhaustionExample(WorkedExample):
    """An account drawn down month by month, without interest, and then paid by the fund."""

    balance: Balance
    account_by_source: Balance
    months: Count
    show_last: Count | None = None

    def result(self) -> dict[str, Any]:
        drawn_months = list(
            benefits.exhaust(self.balance, self.account_by_source, months=self.months)
        )
        left = drawn_months[-1].left if drawn_months else self.balance
        hidden = 0 if self.show_last is None else max(0, self.months - self.show_last)
        return {
            "lines": [
                {"month": month, "by_source": _named(each.by_source), "fund": each.fund}
                for month, each in enumerate(drawn_months, start=1)
                if month > hidden
            ],
            "balance_left": _named(left),
        }


YearName = Annotated[int, Field(strict=False, ge=2009, le=2199)]
"""A year as the name of a figure: JSON knows names as texts only."""


class TwoSchemesExample(WorkedExample):
    """Years and money of somebody who crosses between the schemes."""

    resident_years: list[Year]
    employee_months: dict[YearName, Count] = {}
    paid: dict[YearName, Balance] = {}
    balance: Balance = {}

    def result(self) -> dict[str, Any]:
        years = bridge.counted(self.resident_years, self.employee_months)
        refund = bridge.overlap_refund(self.paid, self.employee_months)
        return {
            "months": years.months,
            "years": years.years,
            "overlap": {str(year): months for year, months in years.overlap.items()},
            "refund": {str(year): _named(parts) for year, parts in refund.items()},
            "moved": _named(bridge.moved(self.balance, refund)),
        }


class TwoPensionsExample(WorkedExample):
    """How the residents' membership of somebody who draws two pensions ends."""

    balance: Balance
    base_received_fen: Fen

    def result(self) -> dict[str, Any]:
        found = bridge.double_benefit(self.balance, base_received_fen=self.base_received_fen)
        return {
            "refund_gross": found.refund_gross,
            "to_fund": found.to_fund,
            "set_off": found.set_off,
            "paid": found.paid,
            "claim_left": found.claim_left,
        }


KINDS: Mapping[str, type[WorkedExample]] = {
    "contribution": ContributionExample,
    "interest": InterestExample,
    "correction": CorrectionExample,
    "entitlement": EntitlementExample,
    "death": DeathExample,
    "arrears": ArrearsExample,
    "exhaustion": ExhaustionExample,
    "two_schemes": TwoSchemesExample,
    "two_pensions": TwoPensionsExample,
}


_MESSAGES = {
    "missing": "缺少这一项",
    "extra_forbidden": "没有这一项，请检查是否写错",
    "int_type": "应为整数（金额以分为单位，不加引号）",
    "enum": f"没有这种资金来源，可用：{'、'.join(Source)}",
    "greater_than_equal": "不能小于 {ge}",
    "less_than_equal": "不能大于 {le}",
    "string_type": "应为文字",
    "list_type": "应为列表",
    "dict_type": "应为一个对象",
    "model_type": "应为一个对象",
    "value_error": "{error}",
}


def calculate(cases: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Work out every example, in the order given: `{"kind", "name", "result"}`.

    Raises:
        Problems: an example has an unknown kind, or a field that is missing, unknown or cannot
            be right; each problem names the example by its place, counted from 1, and the field.
    """
    examples: list[WorkedExample] = []
    problems: list[Invalid] = []
    for place, case in enumerate(cases, start=1):
        found = _example(place, case)
        if isinstance(found, WorkedExample):
            examples.append(found)
        else:
            problems += found
    refuse_all(problems)
    return [
        {"kind": example.kind, "name": example.name, "result": _worked(place, example)}
        for place, example in enumerate(examples, start=1)
    ]


def read_cases(text: str | bytes) -> list[dict[str, Any]]:
    """The examples of a JSON file. A key given twice is refused: one of the two would be lost.

    Raises:
        Invalid: it is not JSON, or not a list.
    """
    try:
        cases = json.loads(text, object_pairs_hook=_no_key_twice)
    except json.JSONDecodeError as error:
        raise Invalid(f"不是有效的 JSON：第 {error.lineno} 行第 {error.colno} 列有误") from error
    except (UnicodeDecodeError, RecursionError, ValueError) as error:
        raise Invalid("不是有效的 JSON 文件，请用 UTF-8 编码保存") from error
    if not isinstance(cases, list):
        raise Invalid("文件应为算例的列表，即用方括号 [ ] 括起来")
    return cases


def _example(place: int, case: object) -> WorkedExample | list[Invalid]:
    if not isinstance(case, Mapping):
        return [_problem(place, "", "", "应为一个对象，即用花括号 { } 括起来")]
    name = case.get("name")
    named = name if isinstance(name, str) else ""
    kind = case.get("kind")
    if not isinstance(kind, str) or kind not in KINDS:
        known = "、".join(KINDS)
        said = "缺少种类" if kind is None else f"种类“{kind}”不认识"
        return [_problem(place, named, "kind", f"{said}，可用：{known}")]
    try:
        return KINDS[kind].model_validate(dict(case))
    except ValidationError as error:
        return [
            _problem(place, named, _path(each["loc"]), _message(dict(each)))
            for each in error.errors(include_url=False)
        ]


def _worked(place: int, example: WorkedExample) -> dict[str, Any]:
    try:
        return example.result()
    except Invalid as refusal:
        raise _problem(place, example.name, refusal.field or "", refusal.message) from refusal


def _problem(place: int, name: str, field: str, message: str) -> Invalid:
    which = f"第 {place} 个算例" + (f"“{name}”" if name else "")
    where = f"的 {field}" if field else ""
    return Invalid(f"{which}{where}：{message}", field=field or None, case=place)


def _path(loc: Iterable[str | int]) -> str:
    """Where in the example, as people write it: postings[0].month."""
    path = ""
    for step in loc:
        if isinstance(step, int):
            path += f"[{step}]"
        elif step != "[key]":
            path += f".{step}" if path else step
    return path


def _message(error: Mapping[str, Any]) -> str:
    template = _MESSAGES.get(error["type"], "这个值不能接受")
    return template.format(**error.get("ctx", {}))


def _named(amounts: Mapping[Source, int]) -> dict[str, int]:
    return {source.value: fen for source, fen in amounts.items()}


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise Invalid(f"同一个对象里“{twice}”写了两次，请删去一处", field=twice)
    return found
