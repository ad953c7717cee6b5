"""The part of a bulletin's form that depends on its kind: what people type, and back.

People type yuan and per cent; bodies hold fen and parts per million. Every problem names its field.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from node.core.errors import Invalid
from node.core.i18n import _
from node.core.money import parse_yuan, percent, yuan
from node.policy.bodies import Body
from node.policy.service import typed_body

_PERCENT = re.compile(r"(\d{1,2})(?:\.(\d{1,4}))?\s*[%％]?")
_SHARE_COLUMNS = 4
_WHOLE_DIGITS = 9


@dataclass(frozen=True, slots=True)
class FormField:
    """One control of the form: its label, a hint with an example, and how it is shown."""

    name: str
    label: str
    hint: str
    type: str = "text"
    width: str = "w10"


Values = Mapping[str, str]

FIELDS: dict[str, tuple[FormField, ...]] = {
    "account_interest_rate": (
        FormField("year", _("年度"), _("四位数字，例如 2026")),
        FormField("rate", _("年利率（%）"), _("例如 2.75")),
        FormField("lag", _("起息"), _("0 为记账当月起息，1 为次月起息")),
    ),
    "contribution_grades": (
        FormField("grades", _("档次（元）"), _("从低到高，用空格隔开"), "textarea", "w40"),
    ),
    "contribution_subsidy": (
        FormField(
            "subsidies",
            _("各档补贴（元）"),
            _("每行一档：档次 省级 市级 县级，例如 200 15 5 10"),
            "textarea",
            "w40",
        ),
    ),
    "base_pension": (FormField("monthly", _("每月标准（元）"), _("例如 113.00")),),
    "payout_divisor": (FormField("months", _("计发月数"), _("例如 139")),),
}


def _whole(values: Values, field: str) -> int:
    text = values.get(field, "").strip()
    if not text.isascii() or not text.isdigit() or len(text) > _WHOLE_DIGITS:
        raise Invalid("请填写整数", field=field)
    return int(text)


def parse_rate(text: str, *, field: str) -> int:
    """A yearly rate in per cent, as parts per million: `2.75` → 27500.

    Raises:
        Invalid: it is no percentage with at most four decimals.
    """
    match = _PERCENT.fullmatch(text.strip())
    if match is None:
        raise Invalid("请填写百分比，最多四位小数，例如 2.75", field=field)
    whole, rest = match.groups()
    return int(whole) * 10_000 + int((rest or "").ljust(4, "0"))


def _interest_rate(values: Values) -> dict[str, object]:
    return {
        "year": _whole(values, "year"),
        "rate_ppm": parse_rate(values.get("rate", ""), field="rate"),
        "interest_lag_months": _whole(values, "lag"),
    }


def _grades(values: Values) -> dict[str, object]:
    words = re.split(r"[\s、，;；]+", values.get("grades", "").strip("、，;； \n"))
    return {"grades_fen": [parse_yuan(word, field="grades") for word in words if word]}


def _subsidies(values: Values) -> dict[str, object]:
    grades = []
    for number, line in enumerate(values.get("subsidies", "").strip().splitlines(), start=1):
        words = line.split()
        if len(words) != _SHARE_COLUMNS:
            raise Invalid(f"第 {number} 行应有四个数：档次 省级 市级 县级", field="subsidies")
        grade, province, city, county = (parse_yuan(w, field="subsidies") for w in words)
        grades.append(
            {
                "grade_fen": grade,
                "fen": province + city + county,
                "province_fen": province,
                "city_fen": city,
                "county_fen": county,
            }
        )
    return {"grades": grades}


def _base_pension(values: Values) -> dict[str, object]:
    return {"monthly_fen": parse_yuan(values.get("monthly", ""), field="monthly")}


def _divisor(values: Values) -> dict[str, object]:
    return {"divisor_months": _whole(values, "months")}


_READERS: dict[str, Callable[[Values], dict[str, object]]] = {
    "account_interest_rate": _interest_rate,
    "contribution_grades": _grades,
    "contribution_subsidy": _subsidies,
    "base_pension": _base_pension,
    "payout_divisor": _divisor,
}

_PLACES = {
    "year": "year",
    "rate_ppm": "rate",
    "interest_lag_months": "lag",
    "grades_fen": "grades",
    "grades": "subsidies",
    "monthly_fen": "monthly",
    "divisor_months": "months",
}


def read_body(kind: str, values: Values) -> Body:
    """The body people typed.

    Raises:
        Invalid: a value does not fit; `field` is the control it was typed into.
    """
    if kind not in _READERS:
        raise Invalid("请选择文件种类", field="kind")
    try:
        return typed_body(kind, _READERS[kind](values))
    except Invalid as problem:
        first = (problem.field or "").split(".")[0]
        problem.field = _PLACES.get(first, problem.field)
        if problem.field == "body":
            problem.field = FIELDS[kind][0].name
        raise


def in_words(body: Body) -> list[tuple[str, str]]:
    """A body as label and text, for a page."""
    values = body.model_dump()
    match body.kind:
        case "account_interest_rate":
            lag = _("次月起息") if values["interest_lag_months"] else _("当月起息")
            rate = percent(values["rate_ppm"])
            return [(_("年度"), str(values["year"])), (_("年利率"), rate), (_("起息"), lag)]
        case "contribution_grades":
            return [(_("档次（元）"), "、".join(yuan(fen) for fen in values["grades_fen"]))]
        case "contribution_subsidy":
            return [(yuan(g["grade_fen"]), _shares(g)) for g in values["grades"]]
        case "base_pension":
            return [(_("每月标准（元）"), yuan(values["monthly_fen"]))]
        case _:
            return [(_("计发月数"), str(values["divisor_months"]))]


def _shares(grade: Mapping[str, int]) -> str:
    province, city, county = (yuan(grade[f"{who}_fen"]) for who in ("province", "city", "county"))
    return f"{yuan(grade['fen'])}（省 {province}，市 {city}，县 {county}）"
