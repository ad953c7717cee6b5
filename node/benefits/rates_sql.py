"""A re-determination as SQL: whole counties by a few statements a month.

What changes is put aside first, each new rate beside the one it takes over from, so that adding,
cutting, replacing and counting arrears look each row up by its key.
"""

from datetime import date, timedelta
from typing import Any

from sqlalchemy import (
    BigInteger,
    Column,
    Date,
    Integer,
    String,
    TextClause,
    bindparam,
    text,
)

from node.benefits.terms import Standards
from node.core.working_table import temporary

found = temporary(
    "rate_found",
    Column("entitlement_id", String),
    Column("month", Date),
    Column("village", String),
    Column("to_month", Date),
    Column("base_fen", BigInteger),
    Column("city_fen", BigInteger),
    Column("county_fen", BigInteger),
    Column("years_fen", BigInteger),
    Column("age_fen", BigInteger),
    Column("account_fen", BigInteger),
    Column("old_version", Integer),
    Column("old_from", Date),
    Column("old_fen", BigInteger),
    Column("owed_from", Date),
)
"""Rates that must change from `month` on, and what stood there."""

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


# The law is `rules.components_of`; both agree on anybody (tests/property/test_benefits_rates.py).
_FIND = """
    INSERT INTO rate_found (entitlement_id, month, village, to_month, base_fen, city_fen,
        county_fen, years_fen, age_fen, account_fen, old_version, old_from, old_fen, owed_from)
    SELECT entitlement_id, :month, village, to_month, :base, :city, :county_adds, new_years,
        new_age, account_fen, version, from_month, fen, owed_from
    FROM (
        SELECT r.*, e.owed_from, CASE WHEN e.paid_years > :threshold
                THEN (e.paid_years - :threshold) * :per_year ELSE 0 END AS new_years,
            {age} AS new_age
        FROM benefit_rate r
        JOIN entitlement e ON e.county_code = r.county_code AND e.id = r.entitlement_id
            AND (e.last_month IS NULL OR e.last_month >= :month)
        JOIN person p ON p.county_code = e.county_code AND p.id = e.person_id
        WHERE r.county_code = :county AND r.superseded_by IS NULL AND r.from_month <= :month
            AND (r.to_month IS NULL OR r.to_month >= :month) {only}
    ) AS r
    WHERE base_fen <> :base OR city_fen <> :city OR county_fen <> :county_adds
        OR years_fen <> new_years OR age_fen <> new_age
"""


def find(standards: Standards, month: date, *, after: Standards | None) -> TextClause:
    """Put aside what a month's standards change.

    `after` are the standards of the month before, to which everybody has been brought already:
    where they are the same, only a rate that begins in this month or an age that is reached in it
    can differ, and nobody else is looked at.
    """
    only = ""
    if after is not None and after.terms == standards.terms:
        reached = [
            f"(p.born_on > '{born_by(_month_before(month), band.from_age)}'"
            f" AND p.born_on <= '{born_by(month, band.from_age)}')"
            for band in standards.terms.age_supplement
        ]
        only = f"AND ({' OR '.join(['r.from_month = :month', *reached])})"
    return _typed(_FIND.format(age=_age_case(standards, month), only=only))


def _month_before(month: date) -> date:
    return (month - timedelta(days=1)).replace(day=1)


ADD = _typed("""
    INSERT INTO benefit_rate (county_code, entitlement_id, version, from_month, to_month, village,
        base_fen, city_fen, county_fen, years_fen, age_fen, account_fen, fen, changed_in)
    SELECT :county, entitlement_id, :version, month, to_month, village, base_fen, city_fen,
        county_fen, years_fen, age_fen, account_fen,
        base_fen + city_fen + county_fen + years_fen + age_fen + account_fen, :version
    FROM rate_found WHERE month = :month
""")
"""The new rates; they reach as far as those they take over from."""

_OLD = """benefit_rate.county_code = :county AND n.month = :month
        AND benefit_rate.entitlement_id = n.entitlement_id
        AND benefit_rate.version = n.old_version AND benefit_rate.from_month = n.old_from"""

SUPERSEDE = _typed(f"""
    UPDATE benefit_rate SET superseded_by = :version, changed_in = :version
    FROM rate_found n WHERE {_OLD} AND n.old_from = :month
""")

CUT = _typed(f"""
    UPDATE benefit_rate SET to_month = :before, changed_in = :version
    FROM rate_found n WHERE {_OLD} AND n.old_from < :month
""")

CHANGED = "SELECT entitlement_id, min(month) AS from_month FROM rate_found GROUP BY entitlement_id"

COUNT = text("SELECT count(DISTINCT entitlement_id) FROM rate_found")

# A rate that a later month of the same change replaces counts again there, against itself, so that
# the sums telescope.
MORE = _typed("""
    SELECT to_month, owed_from, sum(base_fen + city_fen + county_fen + years_fen + age_fen
        + account_fen - old_fen) AS fen
    FROM rate_found WHERE month = :month AND owed_from > :month GROUP BY to_month, owed_from
""").columns(to_month=Date(), owed_from=Date(), fen=BigInteger())
"""What the new rates of a month add to months that were run already, by how far they reach."""


def _age_case(standards: Standards, month: date) -> str:
    """The age supplement as SQL: ages are validated integers, so they may stand in it."""
    bands = sorted(standards.terms.age_supplement, key=lambda band: -band.from_age)
    if not bands:
        return "0"
    whens = " ".join(
        f"WHEN p.born_on <= '{born_by(month, band.from_age)}' THEN {band.fen}" for band in bands
    )
    return f"CASE {whens} ELSE 0 END"


def born_by(month: date, age: int) -> date:
    """The latest birthday of those who had reached an age when a month began."""
    day = month - timedelta(days=1)
    try:
        return day.replace(year=day.year - age)
    except ValueError:  # 29 February, in a year without one
        return day.replace(year=day.year - age, day=28)
