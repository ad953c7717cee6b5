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
    ]


def december() -> dict[str, Any]:
    """The account interest rate, once a year."""
    body = {"year": YEAR, "rate_ppm": RATE_PPM, "interest_lag_months": 1}
    return _bulletin(5, "account_interest_rate", f"{YEAR}年个人账户记账利率", body)


def _bulletin(serial: int, kind: str, title: str, body: dict[str, Any]) -> dict[str, Any]:
    return {
        "number": f"示例〔{YEAR}〕{serial}号",
        "kind": kind,
        "title": f"{title}（示例）",
        "effective_from": f"{YEAR}-01-01",
        "body": body,
    }
