"""The calculation sheet (计算书) of a determined pension: how each fen came about, line by line."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from node.accounts.sources import Source
from node.benefits.rules import BenefitTerms, Determination, reached_band
from node.core.i18n import _, sentence
from node.core.money import yuan

NOT_OVER = _("缴费 {years} 年，未超过 {threshold} 年")
OVER = _("（{years} 年 − {threshold} 年）× {each} 元")
TOO_YOUNG = _("{age} 周岁，未到加发年龄")
OLD_ENOUGH = _("{age} 周岁，已满 {reached} 周岁，每月 {fen} 元")
DIVIDED = _("储存额 {whole} 元 ÷ {months}，四舍五入到分")
RAISED = _("{who}提高的基础养老金")
TEMPLATES = (NOT_OVER, OVER, TOO_YOUNG, OLD_ENOUGH, DIVIDED, RAISED)
_SHAPES = tuple(
    (template, re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+?)", re.escape(template))))
    for template in TEMPLATES
)


@dataclass(frozen=True, slots=True)
class SheetLine:
    """One line for the page: what, how, how much, and by which bulletin.

    `part_of` names the item a line explains; such lines do not count again in the total.
    """

    item: str
    formula: str
    fen: int
    reference: str = ""
    part_of: str = ""


def calculation_sheet(
    found: Determination,
    terms: BenefitTerms,
    *,
    paid_years: int,
    age: int,
    balance: Mapping[Source, int],
    references: Mapping[str, str],
) -> list[SheetLine]:
    """The lines of a sheet in reading order; the last one is the monthly pension.

    `references` gives the bulletin behind `base`, `years_supplement`, `age_supplement` and
    `account`, as printed: 豫人社〔2026〕5号.
    """
    parts = found.components
    added = (("市级", parts.city, "city"), ("县级", parts.county, "county"))

    def line(item: str, formula: str, fen: int, component: str) -> SheetLine:
        return SheetLine(item, formula, fen, references.get(component, ""))

    return [
        line("基础养老金", "按现行标准", parts.base, "base"),
        *(
            line(sentence(RAISED, who=who), "按现行标准", fen, part)
            for who, fen, part in added
            if fen
        ),
        line(
            "缴费年限加发",
            _years_formula(terms, paid_years),
            parts.years_supplement,
            "years_supplement",
        ),
        line("高龄加发", _age_formula(terms, age), parts.age_supplement, "age_supplement"),
        line("个人账户养老金", _account_formula(terms, balance), parts.account, "account"),
        *_account_lines(found, balance),
        SheetLine("月养老金", "以上各项合计", found.monthly_total),
    ]


def _years_formula(terms: BenefitTerms, paid_years: int) -> str:
    threshold = terms.years_threshold
    if paid_years <= threshold:
        return sentence(NOT_OVER, years=paid_years, threshold=threshold)
    each = yuan(terms.per_year_fen)
    return sentence(OVER, years=paid_years, threshold=threshold, each=each)


def _age_formula(terms: BenefitTerms, age: int) -> str:
    band = reached_band(terms.age_supplement, age)
    if band is None:
        return sentence(TOO_YOUNG, age=age)
    return sentence(OLD_ENOUGH, age=age, reached=band.from_age, fen=yuan(band.fen))


def _account_formula(terms: BenefitTerms, balance: Mapping[Source, int]) -> str:
    whole = sum(balance.values())
    if not whole:
        return "个人账户没有储存额"
    return sentence(DIVIDED, whole=yuan(whole), months=terms.divisor_months)


def _account_lines(found: Determination, balance: Mapping[Source, int]) -> list[SheetLine]:
    whole = sum(balance.values())
    account = found.components.account
    return [
        SheetLine(
            source.title,
            f"{yuan(account)} × {yuan(balance[source])} ÷ {yuan(whole)}",
            fen,
            part_of="个人账户养老金",
        )
        for source, fen in found.account_by_source.items()
        if balance[source]
    ]


def told(words: str) -> str:
    """Words of a sheet that was kept, as the sentence they were made of: a page can translate it.

    A sheet is kept and printed as it was determined, in Chinese.
    """
    for template, shape in _SHAPES:
        found = shape.fullmatch(words)
        if found is not None:
            return sentence(template, **found.groupdict())
    return words
