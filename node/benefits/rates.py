"""What each month comes to (待遇标准): set when a pension is determined, and again when a bulletin
or an age changes it. Whole counties are changed by three statements a month.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import BigInteger, Date, Integer, TextClause, bindparam, func, select, text

from node.accounts.serials import own_county, serial
from node.benefits.models import RateChange
from node.benefits.rate_records import bring_up_to_date, publish_changed_rates, rates
from node.benefits.records import entitlements
from node.benefits.rules import Segment, months_from, next_month
from node.benefits.terms import Standards, standards_of_months
from node.core.db import BATCH_ROWS
from node.core.errors import Invalid
from node.core.work import UnitOfWork

VERSION = "benefit_rate"
LONGEST_MONTHS = 240
"""A bulletin that reaches further back than twenty years is a slip of the pen."""


def keep_rates(uow: UnitOfWork, segments: Mapping[str, tuple[str, Sequence[Segment]]]) -> None:
    """The first rates of new pensions: village and segments by entitlement."""
    version = serial(uow, VERSION)
    rows = [
        _row(uow, entitlement, village, version, segment)
        for entitlement, (village, found) in segments.items()
        for segment in found
    ]
    for start in range(0, len(rows), BATCH_ROWS):
        uow.connection.execute(rates.insert(), rows[start : start + BATCH_ROWS])
    publish_changed_rates(uow, version, this_month=None)


def _row(
    uow: UnitOfWork, entitlement: str, village: str, version: int, segment: Segment
) -> dict[str, Any]:
    parts = segment.components
    return {
        "county_code": str(uow.node),
        "entitlement_id": entitlement,
        "version": version,
        "from_month": segment.from_month,
        "to_month": segment.to_month,
        "village": village,
        "base_fen": parts.base,
        "city_fen": parts.city,
        "county_fen": parts.county,
        "years_fen": parts.years_supplement,
        "age_fen": parts.age_supplement,
        "account_fen": parts.account,
        "fen": parts.total,
        "superseded_by": None,
        "changed_in": version,
    }


_COVERS = """r.superseded_by IS NULL AND r.from_month <= :month
        AND (r.to_month IS NULL OR r.to_month >= :month)"""

# The law is `rules.components_of`; both agree on anybody (tests/property/test_benefits_rates.py).
_EXPECTED = """
    SELECT r.entitlement_id, r.village, r.to_month, r.account_fen,
        :base AS base_fen, :city AS city_fen, :county_adds AS county_fen,
        CASE WHEN e.paid_years > :threshold
            THEN (e.paid_years - :threshold) * :per_year ELSE 0 END AS years_fen,
        {age} AS age_fen,
        r.base_fen AS old_base, r.city_fen AS old_city, r.county_fen AS old_county,
        r.years_fen AS old_years, r.age_fen AS old_age
    FROM benefit_rate r
    JOIN entitlement e ON e.county_code = r.county_code AND e.id = r.entitlement_id
        AND (e.last_month IS NULL OR e.last_month >= :month)
    JOIN person p ON p.county_code = e.county_code AND p.id = e.person_id
    WHERE r.county_code = :county AND {covers}
"""

_DIFFERS = """expected.base_fen <> old_base OR expected.city_fen <> old_city
    OR expected.county_fen <> old_county OR expected.years_fen <> old_years
    OR expected.age_fen <> old_age"""

_TYPES: dict[str, Any] = {
    "month": Date(),
    "before": Date(),
    "version": Integer(),
    "base": BigInteger(),
    "city": BigInteger(),
    "county_adds": BigInteger(),
    "threshold": Integer(),
    "per_year": BigInteger(),
}


def _typed(sql: str) -> TextClause:
    named = [bindparam(name, type_=kind) for name, kind in _TYPES.items() if f":{name}" in sql]
    return text(sql).bindparams(*named)


def _set_new(standards: Standards, month: date) -> TextClause:
    """Add the rates of a month that differ from those that stand; they reach as far as these."""
    expected = _EXPECTED.format(age=_age_case(standards, month), covers=_COVERS)
    return _typed(f"""
        INSERT INTO benefit_rate (county_code, entitlement_id, version, from_month, to_month,
            village, base_fen, city_fen, county_fen, years_fen, age_fen, account_fen, fen,
            changed_in)
        SELECT :county, entitlement_id, :version, :month, to_month, village, base_fen, city_fen,
            county_fen, years_fen, age_fen, account_fen,
            base_fen + city_fen + county_fen + years_fen + age_fen + account_fen, :version
        FROM ({expected}) AS expected WHERE {_DIFFERS}
    """)


_ADDED = """EXISTS (SELECT 1 FROM benefit_rate n WHERE n.county_code = :county
        AND n.entitlement_id = benefit_rate.entitlement_id AND n.version = :version
        AND n.from_month = :month)"""

_SUPERSEDE = _typed(f"""
    UPDATE benefit_rate SET superseded_by = :version, changed_in = :version
    WHERE county_code = :county AND superseded_by IS NULL AND from_month = :month
        AND version <> :version AND {_ADDED}
""")

_CUT = _typed(f"""
    UPDATE benefit_rate SET to_month = :before, changed_in = :version
    WHERE county_code = :county AND superseded_by IS NULL AND from_month < :month
        AND (to_month IS NULL OR to_month >= :month) AND {_ADDED}
""")

_COUNT = _typed("""
    SELECT count(DISTINCT entitlement_id) FROM benefit_rate
    WHERE county_code = :county AND version = :version
""")


def _age_case(standards: Standards, month: date) -> str:
    """The age supplement as SQL: ages are validated integers, so they may stand in it."""
    bands = sorted(standards.terms.age_supplement, key=lambda band: -band.from_age)
    if not bands:
        return "0"
    whens = " ".join(
        f"WHEN p.born_on <= '{_born_by(month, band.from_age)}' THEN {band.fen}" for band in bands
    )
    return f"CASE {whens} ELSE 0 END"


def _born_by(month: date, age: int) -> date:
    """The latest birthday of those who had reached an age when a month began."""
    day = month - timedelta(days=1)
    try:
        return day.replace(year=day.year - age)
    except ValueError:  # 29 February, in a year without one
        return day.replace(year=day.year - age, day=28)


def _counted(column: str) -> str:
    """A month as a number, so that both databases can take one from another."""
    words = f"CAST({column} AS TEXT)"
    year, month = f"substr({words}, 1, 4)", f"substr({words}, 6, 2)"
    return f"(CAST({year} AS INTEGER) * 12 + CAST({month} AS INTEGER))"


_PAID_MONTHS = f"({_counted('e.owed_from')} - {_counted('n.from_month')})"
_RATE_MONTHS = f"({_counted('n.to_month')} - {_counted('n.from_month')} + 1)"

# Asked when a month's new rates stand beside those they take over from: a rate that a later month
# of the same change replaces counts again there, against itself, so that the sums telescope.
_ARREARS = _typed(f"""
    SELECT CAST(coalesce(sum((n.fen - r.fen) * CASE
        WHEN n.to_month IS NOT NULL AND {_RATE_MONTHS} < {_PAID_MONTHS} THEN {_RATE_MONTHS}
        ELSE {_PAID_MONTHS} END), 0) AS BIGINT)
    FROM benefit_rate n
    JOIN benefit_rate r ON r.county_code = n.county_code AND r.entitlement_id = n.entitlement_id
        AND {_COVERS} AND (r.version <> :version OR r.from_month <> :month)
    JOIN entitlement e ON e.county_code = n.county_code AND e.id = n.entitlement_id
        AND e.owed_from > :month
    WHERE n.county_code = :county AND n.version = :version AND n.from_month = :month
""")


@dataclass(frozen=True, slots=True)
class Changed:
    """A re-determination: its number, how many pensions it changed, and what it adds for months
    that were run already, in fen (negative: what was overpaid).
    """

    version: int
    people: int
    arrears_fen: int = 0


def redetermine(
    uow: UnitOfWork, *, from_month: date, through_month: date, reason: str
) -> Changed | None:
    """Bring every pension to the standards in force from a month on; None when nothing changes.

    Months that were run already are owed the difference: the next run pays it, line by line
    (补发), or shows what was overpaid. Done again, it finds nothing.

    Raises:
        Forbidden: this node is no county.
        Invalid: a bulletin that is needed has not reached this node, or the months are too many.
    """
    county = str(own_county(uow))
    months = list(months_from(from_month, next_month(through_month)))
    if not 1 <= len(months) <= LONGEST_MONTHS:
        raise Invalid(
            "调整期间须为 1 至 {most} 个月",
            field="from_month",
            most=LONGEST_MONTHS,
        )
    version = serial(uow, VERSION)
    held = standards_of_months(uow, months[0], months[-1])
    paid_through = _paid_through(uow, county)
    arrears = 0
    for month in months:
        if not _set_month(uow, county, version, month, held[month]):
            continue  # nothing differs, so nothing is cut short: two passes over all rates saved
        key = {"county": county, "version": version, "month": month}
        if month < paid_through:
            arrears += int(uow.connection.execute(_ARREARS, key).scalar_one())
        before = (month - timedelta(days=1)).replace(day=1)
        uow.connection.execute(_SUPERSEDE, key)
        uow.connection.execute(_CUT, {**key, "before": before})
    given = {"county": county, "version": version}
    people = int(uow.connection.execute(_COUNT, given).scalar_one())
    if not people:
        return None
    bring_up_to_date(uow, county, version, this_month=through_month.replace(day=1))
    uow.session.add(
        RateChange(
            county_code=county,
            version=version,
            from_month=months[0],
            through_month=months[-1],
            reason=reason,
            people=people,
            arrears_fen=arrears,
            made_by=uow.actor.id,
            made_by_name=uow.actor.name,
            made_at=uow.now,
        )
    )
    publish_changed_rates(uow, version, this_month=months[-1])
    return Changed(version, people, arrears)


def _paid_through(uow: UnitOfWork, county: str) -> date:
    """The first month nobody has been paid for."""
    newest = select(func.max(entitlements.c.owed_from)).where(entitlements.c.county_code == county)
    return uow.connection.execute(newest).scalar() or date.min


def _set_month(
    uow: UnitOfWork, county: str, version: int, month: date, standards: Standards
) -> int:
    """Add the rates of a month that differ; how many."""
    terms = standards.terms
    given = {
        "county": county,
        "version": version,
        "month": month,
        "base": terms.base_fen,
        "city": terms.city_fen,
        "county_adds": terms.county_fen,
        "threshold": terms.years_threshold,
        "per_year": terms.per_year_fen,
    }
    return int(uow.connection.execute(_set_new(standards, month), given).rowcount)
