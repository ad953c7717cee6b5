"""The policy of the demo's year: invented documents, marked 示例, with plausible figures."""

from typing import Any

YEAR = 2025
RATE_PPM = 27_500
GRADES = (200, 300, 400, 500, 600, 700, 800, 900, 1000, 1500, 2000, 2500, 3000, 4000, 5000)
SUBSIDIES = (30, 40, 50, 60, 80, 100, 120, 140, 160, 190, 220, 250, 280, 310, 340)
FEN = 100


def _shares(yuan: int) -> dict[str, int]:
    """Half by the province, a fifth by the city, the rest by the county."""
    province, city = yuan * FEN // 2, yuan * FEN // 5
    return {
        "fen": yuan * FEN,
        "province_fen": province,
        "city_fen": city,
        "county_fen": yuan * FEN - province - city,
    }


def january() -> list[dict[str, Any]]:
    """What the province publishes when the year begins."""
    return [
        _bulletin(1, "contribution_grades", "缴费档次", {"grades_fen": [g * FEN for g in GRADES]}),
        _bulletin(
            2,
            "contribution_subsidy",
            "缴费补贴标准",
            {
                "grades": [
                    {"grade_fen": grade * FEN, **_shares(subsidy)}
                    for grade, subsidy in zip(GRADES, SUBSIDIES, strict=True)
                ]
            },
        ),
        _bulletin(3, "base_pension", "基础养老金标准", {"monthly_fen": 11_300}),
        _bulletin(4, "payout_divisor", "个人账户计发月数", {"divisor_months": 139}),
        _bulletin(21, "paid_on_behalf", "困难群体代缴标准", {"groups": _paid_for()}),
        _bulletin(22, "collection_ways", "缴费方式和集中缴费期", {"ways": _ways()}),
        _bulletin(6, "holiday_calendar", "2025年节假日安排", _holidays(2025)),
        _bulletin(7, "holiday_calendar", "2026年节假日安排", _holidays(2026)),
        _bulletin(23, "account_interest_rate", f"{YEAR - 1}年个人账户记账利率", _rate(YEAR - 1)),
        _bulletin(24, "make_up_years", "补缴办法", _make_up()),
        *_of_paying(),
    ]


def _make_up() -> dict[str, int]:
    """Years since the scheme reached everybody, at the lowest grade at least."""
    return {"first_year": 2012, "least_fen": GRADES[0] * FEN, "most_years": 15}


def _of_paying() -> list[dict[str, Any]]:
    """Supplements, the funeral grant, who pays what, certification, the pay day."""
    shares = [
        {"part": part, "central_ppm": a, "province_ppm": b, "city_ppm": c, "county_ppm": d}
        for part, a, b, c, d in (
            ("base", 700_000, 200_000, 40_000, 60_000),
            ("years", 0, 600_000, 200_000, 200_000),
            ("age", 0, 600_000, 200_000, 200_000),
            ("makeup", 0, 0, 0, 1_000_000),
            ("funeral", 0, 0, 300_000, 700_000),
        )
    ]
    calendar = {
        "pay_day": 15,
        "computed_before": 8,
        "reviewed_before": 7,
        "approved_before": 6,
        "funded_before": 3,
        "sent_before": 2,
    }
    supplement = {"threshold_years": 15, "per_year_fen": 300}
    bands = [{"from_age": 65, "fen": 500}, {"from_age": 80, "fen": 1_000}]
    rules = {"valid_months": 12, "remind_days": 60, "grace_months": 1}
    return [
        _bulletin(8, "years_supplement", "缴费年限加发标准", supplement),
        _bulletin(9, "age_supplement", "高龄加发标准", {"bands": bands}),
        _bulletin(10, "funeral_grant", "丧葬补助金标准", {"months_of_base": 12}),
        _bulletin(11, "funding_shares", "待遇资金分担办法", {"shares": shares}),
        _bulletin(12, "certification", "待遇领取资格认证办法", rules),
        _bulletin(13, "pay_calendar", "养老金发放日历", calendar),
    ]


def raised_pension() -> dict[str, Any]:
    """A standard raised in May, in force since January: four months are owed."""
    raised = _bulletin(14, "base_pension", "提高基础养老金标准", {"monthly_fen": 12_300})
    return {**raised, "effective_from": f"{YEAR + 1}-01-01"}


HOLIDAYS = {
    2025: (
        (
            "元旦 0101 0101 春节 0128 0204 清明节 0404 0406 劳动节 0501 0505 端午节 0531 0602 "
            "国庆节和中秋节 1001 1008"
        ),
        "0126 0208 0427 0928 1011",
    ),
    2026: (
        (
            "元旦 0101 0103 春节 0215 0223 清明节 0404 0406 劳动节 0501 0505 端午节 0619 0621 "
            "中秋节 0925 0927 国庆节 1001 1007"
        ),
        "0104 0214 0228 0509 0920 1010",
    ),
}
"""Days off and weekends worked, as the State Council announced them for these years."""


def _holidays(year: int) -> dict[str, Any]:
    off, worked = HOLIDAYS[year]
    words = off.split()
    holidays = zip(words[::3], words[1::3], words[2::3], strict=True)
    return {
        "year": year,
        "off": [
            {"name": name, "first": _day(year, first), "last": _day(year, last)}
            for name, first, last in holidays
        ],
        "worked": [_day(year, each) for each in worked.split()],
    }


def _day(year: int, text: str) -> str:
    return f"{year}-{text[:2]}-{text[2:]}"


def _paid_for() -> list[dict[str, Any]]:
    """The severely disabled are paid for whole, others of few means in half."""
    whole = {"province_fen": 10_000, "city_fen": 4_000, "county_fen": 6_000}
    half = {"province_fen": 5_000, "city_fen": 2_000, "county_fen": 3_000}
    groups = (("severely_disabled", whole), ("extreme_poverty", whole), ("minimum_living", half))
    return [{"group": group, "grade_fen": 20_000, **shares} for group, shares in groups]


def _ways() -> list[dict[str, Any]]:
    """Banks and counters are open all year everywhere, coordinators in one county in spring."""
    everywhere, zhongmu = "410000000000", "410122000000"
    return [
        {"way": "bank", "region": everywhere, "first": "01-01", "last": "12-31"},
        {"way": "counter", "region": everywhere, "first": "01-01", "last": "12-31"},
        {"way": "coordinator", "region": zhongmu, "first": "03-01", "last": "06-30"},
    ]


def december() -> dict[str, Any]:
    """The account interest rate, once a year."""
    return _bulletin(5, "account_interest_rate", f"{YEAR}年个人账户记账利率", _rate(YEAR))


def _rate(year: int) -> dict[str, Any]:
    """The rate of a year; accounts that end before the next is published earn at the last one."""
    return {"year": year, "rate_ppm": RATE_PPM, "interest_lag_months": 1}


def _bulletin(serial: int, kind: str, title: str, body: dict[str, Any]) -> dict[str, Any]:
    return {
        "number": f"示例〔{YEAR}〕{serial}号",
        "kind": kind,
        "title": f"{title}（示例）",
        "effective_from": f"{YEAR}-01-01",
        "body": body,
    }
