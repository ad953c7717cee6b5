"""Running the catalogue: one statement a rule and county, and what is gone is closed.

A finding is found again as the same one: its first day stays, so nobody gains time by a new check.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from sqlalchemy import Select, Table, func, literal, select, update
from sqlalchemy.dialects import postgresql, sqlite

from node.core.db import plan_each_time, upsert
from node.core.work import UnitOfWork
from node.policy import service as policy
from node.policy.quality_bodies import QualityRules, Severity
from node.quality.models import QualityFinding, QualityScore
from node.quality.rulebook import RULES, Rule
from node.quality.rules import DAYS, Treatment, score_ppm
from node.registry.models import Enrolment
from tiers import Level, RegionCode

finding: Table = QualityFinding.__table__  # type: ignore[attr-defined]
score: Table = QualityScore.__table__  # type: ignore[attr-defined]
enrolment: Table = Enrolment.__table__  # type: ignore[attr-defined]

FOUND = ("county_code", "village", "subject", "person_id", "first", "second", "third")
ADDED = ("rule", "found_by", "severity", "found_on", "due_on", "seen_at")


def treatments(uow: UnitOfWork, county: RegionCode) -> dict[str, Treatment]:
    """How every rule is used in a county today: as the bulletin says, else as the program does."""
    found = policy.in_force(uow, QualityRules.kind, county, uow.today)
    said = found.body.rules if found and isinstance(found.body, QualityRules) else ()
    named = {one.rule: Treatment(one.severity, one.days, one.is_on) for one in said}
    return {
        code: named.get(code, Treatment(rule.severity, DAYS[rule.severity]))
        for code, rule in RULES.items()
    }


def check(uow: UnitOfWork) -> int:
    """Check every county held here; answers how many findings are open.

    A county asks all it can see alone. City and province ask the same on their replicas, and what
    only they can see: one person in two counties.
    """
    counties = counties_held(uow)
    plan_each_time(uow.connection)
    for county in counties:
        used = treatments(uow, county)
        for code, rule in RULES.items():
            if rule.among and uow.level is Level.COUNTY:
                continue
            if used[code].is_on:
                _find(uow, county, rule, used[code])
            _close(uow, county, code)
        _keep_score(uow, county)
    open_ones = select(func.count()).select_from(finding).where(finding.c.gone_at.is_(None))
    return int(uow.connection.execute(open_ones).scalar_one())


def counties_held(uow: UnitOfWork) -> list[RegionCode]:
    """The counties whose facts lie here."""
    if uow.level.rank >= Level.COUNTY.rank:
        return [uow.node] if uow.level is Level.COUNTY else []
    codes = select(enrolment.c.county_code).distinct().order_by(enrolment.c.county_code)
    return [RegionCode(code) for code in uow.connection.execute(codes).scalars()]


def _find(uow: UnitOfWork, county: RegionCode, rule: Rule, used: Treatment) -> None:
    """One rule in one county: new findings begin, known ones are seen again."""
    contradictions = rule.query(str(county), uow.today).subquery()
    values: Mapping[str, Any] = {
        "rule": rule.code,
        "found_by": str(uow.node),
        "severity": str(used.severity),
        "found_on": uow.today,
        "due_on": used.due_on(uow.today),
        "seen_at": uow.now,
    }
    source: Select[Any] = select(
        *(contradictions.c[name] for name in FOUND),
        *(literal(values[name], finding.c[name].type) for name in ADDED),
    ).where(contradictions.c.subject.is_not(None))
    _insert_or_see_again(uow, source)


def _insert_or_see_again(uow: UnitOfWork, source: Select[Any]) -> None:
    dialect = uow.connection.dialect.name
    made = (postgresql if dialect == "postgresql" else sqlite).insert(finding)
    statement = made.from_select([*FOUND, *ADDED], source)
    changed = ("seen_at", "severity", "first", "second", "third", "village", "person_id")
    uow.connection.execute(
        statement.on_conflict_do_update(
            index_elements=["county_code", "rule", "subject"],
            set_={name: statement.excluded[name] for name in changed} | {"gone_at": None},
        )
    )


def _close(uow: UnitOfWork, county: RegionCode, code: str) -> None:
    """What this node once found and no longer sees is gone."""
    mine = (finding.c.county_code == str(county)) & (finding.c.rule == code)
    uow.connection.execute(
        update(finding)
        .where(
            mine,
            finding.c.found_by == str(uow.node),
            finding.c.gone_at.is_(None),
            finding.c.seen_at < uow.now,
        )
        .values(gone_at=uow.now)
    )


def _keep_score(uow: UnitOfWork, county: RegionCode) -> None:
    """How the county stands today."""
    people = select(func.count()).where(
        enrolment.c.county_code == str(county), enrolment.c.closed_on.is_(None)
    )
    number = int(uow.connection.execute(people).scalar_one())
    counts = open_by_severity(uow, county)
    points = score_ppm(counts, number)
    if points is None:
        return
    row = {
        "county_code": str(county),
        "day": uow.today,
        "people": number,
        "errors": counts[Severity.ERROR],
        "warnings": counts[Severity.WARNING],
        "notices": counts[Severity.NOTICE],
        "score_ppm": points,
    }
    upsert(uow.connection, score, [row])


def open_by_severity(uow: UnitOfWork, county: RegionCode) -> dict[Severity, int]:
    """Open findings of a county, by how much they matter."""
    statement = (
        select(finding.c.severity, func.count())
        .where(finding.c.county_code == str(county), finding.c.gone_at.is_(None))
        .group_by(finding.c.severity)
    )
    found = {Severity(s): int(n) for s, n in uow.connection.execute(statement)}
    return {severity: found.get(severity, 0) for severity in Severity}


def keep_findings(uow: UnitOfWork, rows: Sequence[Mapping[str, Any]]) -> None:
    """Set down what a supervisor found, as it stands there."""
    upsert(uow.connection, finding, rows)


def newest_day(uow: UnitOfWork) -> date | None:
    """The day of the last check."""
    return uow.connection.execute(select(func.max(score.c.day))).scalar()
