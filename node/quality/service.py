"""Findings for those who work them off, and for those who watch that they do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, and_, case, cast, func, select

from node.core.errors import Forbidden, Invalid, NotFound
from node.core.replica_table import within
from node.core.work import UnitOfWork
from node.policy.quality_bodies import Severity
from node.quality.check import finding, score
from node.quality.models import QualityAnswer, QualityFinding
from node.quality.records import answer, publish_answer
from node.quality.rulebook import RULES
from node.quality.rules import Answer
from tiers import Level, RegionCode, Role

LONGEST_NOTE = 300
PER_PAGE = 50
DAYS_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which findings somebody wants to see."""

    region: RegionCode
    rule: str = ""
    severity: str = ""
    standing: str = "open"
    page: int = 1


@dataclass(frozen=True, slots=True)
class RuleCount:
    """A rule with its open findings: all, answered, overdue."""

    code: str
    title: str
    severity: Severity
    number: int
    answered: int
    overdue: int


@dataclass(frozen=True, slots=True)
class Shown:
    """A finding in words, with what the county says."""

    row: Mapping[str, Any]
    title: str
    words: str
    values: Mapping[str, str]
    remedy: str
    is_overdue: bool


def by_rule(uow: UnitOfWork, region: RegionCode) -> list[RuleCount]:
    """Open findings by rule, the gravest and most frequent first."""
    overdue = case((and_(finding.c.due_on < uow.today, answer.c.answer.is_(None)), 1), else_=0)
    statement = (
        select(
            finding.c.rule,
            finding.c.severity,
            func.count().label("number"),
            func.count(answer.c.answer).label("answered"),
            func.sum(overdue).label("overdue"),
        )
        .select_from(_with_answers())
        .where(within(finding.c.county_code, region), finding.c.gone_at.is_(None))
        .group_by(finding.c.rule, finding.c.severity)
    )
    rows = uow.connection.execute(statement).all()
    order = list(Severity)
    counts = [
        RuleCount(
            row.rule,
            RULES[row.rule].title if row.rule in RULES else row.rule,
            Severity(row.severity),
            int(row.number),
            int(row.answered),
            int(row.overdue or 0),
        )
        for row in rows
    ]
    return sorted(counts, key=lambda one: (order.index(one.severity), -one.number))


def _with_answers() -> Any:
    same = and_(
        answer.c.county_code == finding.c.county_code,
        answer.c.rule == finding.c.rule,
        answer.c.subject == finding.c.subject,
    )
    return finding.outerjoin(answer, same)


def listed(uow: UnitOfWork, wanted: Wanted) -> tuple[Sequence[Shown], int]:
    """One page of findings, the soonest due first, and how many there are."""
    _require_scope(uow, wanted.region)
    conditions = [within(finding.c.county_code, wanted.region), *_chosen(uow, wanted)]
    total = select(func.count()).select_from(_with_answers()).where(*conditions)
    statement = (
        select(finding, answer.c.answer, answer.c.note, answer.c.answered_by_name)
        .select_from(_with_answers())
        .where(*conditions)
        .order_by(finding.c.due_on, finding.c.county_code, finding.c.rule, finding.c.subject)
        .limit(PER_PAGE)
        .offset((wanted.page - 1) * PER_PAGE)
    )
    rows = uow.connection.execute(statement).mappings().all()
    return [_shown(uow, dict(row)) for row in rows], int(uow.connection.execute(total).scalar_one())


def one(uow: UnitOfWork, rule: str, subject: str) -> Shown:
    """A finding of this county.

    Raises:
        NotFound: there is none.
    """
    statement = (
        select(finding, answer.c.answer, answer.c.note, answer.c.answered_by_name)
        .select_from(_with_answers())
        .where(
            finding.c.county_code == str(uow.node),
            finding.c.rule == rule,
            finding.c.subject == subject,
        )
    )
    row = uow.connection.execute(statement).mappings().first()
    if row is None:
        raise NotFound("没有这个数据质量问题，可能已经消除")
    return _shown(uow, dict(row))


def _chosen(uow: UnitOfWork, wanted: Wanted) -> list[ColumnElement[bool]]:
    chosen = []
    if wanted.rule:
        chosen.append(finding.c.rule == wanted.rule)
    if wanted.severity:
        chosen.append(finding.c.severity == wanted.severity)
    is_open = finding.c.gone_at.is_(None)
    match wanted.standing:
        case "gone":
            chosen.append(~is_open)
        case "answered":
            chosen += [is_open, answer.c.answer.is_not(None)]
        case "overdue":
            chosen += [is_open, answer.c.answer.is_(None), finding.c.due_on < uow.today]
        case _:
            chosen.append(is_open)
    return chosen


def _shown(uow: UnitOfWork, row: Mapping[str, Any]) -> Shown:
    rule = RULES.get(row["rule"])
    values = {name: row[name] for name in ("first", "second", "third")}
    late = row["gone_at"] is None and row["answer"] is None and row["due_on"] < uow.today
    return Shown(
        row=row,
        title=rule.title if rule else row["rule"],
        words=rule.says if rule else "%(first)s %(second)s %(third)s",
        values=values,
        remedy=rule.remedy if rule else "",
        is_overdue=late,
    )


def give_answer(uow: UnitOfWork, *, rule: str, subject: str, said: str, note: str) -> QualityAnswer:
    """What the county says of a finding; it goes up to the tiers that watch.

    Raises:
        Forbidden: this is no county, or the person does not work findings off.
        Invalid: no answer chosen, or no reason given.
        NotFound: there is no such finding.
    """
    if uow.level is not Level.COUNTY or not uow.actor.holds(Role.AUDITOR, Role.REVIEWER):
        raise Forbidden("数据质量问题由县级稽核员、复核员办理")
    found = uow.get(QualityFinding, str(uow.node), rule, subject)
    if said not in list(Answer):
        raise Invalid("请选择核实结果", field="answer")
    if not note.strip():
        raise Invalid("请写明核实的情况或更正的办法", field="note")
    if len(note) > LONGEST_NOTE:
        raise Invalid(f"最多 {LONGEST_NOTE} 个字", field="note")
    made = QualityAnswer(
        county_code=found.county_code,
        rule=rule,
        subject=subject,
        answer=said,
        note=note.strip(),
        answered_by=uow.actor.id,
        answered_by_name=uow.actor.name,
        answered_at=uow.now,
    )
    made = uow.session.merge(made)
    publish_answer(uow, made)
    return made


@dataclass(frozen=True, slots=True)
class Standing:
    """How a county stands: its newest score and the findings behind it."""

    county: RegionCode
    day: date
    people: int
    errors: int
    warnings: int
    notices: int
    score_ppm: int


def standings(uow: UnitOfWork, region: RegionCode) -> list[Standing]:
    """The newest score of every county of a region, the worst first."""
    newest = (
        select(score.c.county_code, func.max(score.c.day).label("day"))
        .where(within(score.c.county_code, region))
        .group_by(score.c.county_code)
        .subquery()
    )
    same = and_(score.c.county_code == newest.c.county_code, score.c.day == newest.c.day)
    rows = uow.connection.execute(
        select(score).join(newest, same).order_by(score.c.score_ppm, score.c.county_code)
    ).mappings()
    return [_standing(dict(row)) for row in rows]


def _standing(row: Mapping[str, Any]) -> Standing:
    named = {name: row[name] for name in Standing.__slots__ if name != "county"}
    return Standing(county=RegionCode(row["county_code"]), **named)


def trend(uow: UnitOfWork, region: RegionCode) -> list[tuple[date, int]]:
    """The score of a region day by day: that of its counties, weighted by people."""
    statement = (
        select(
            score.c.day,
            func.sum(score.c.people).label("people"),
            func.sum(cast(score.c.people, BigInteger) * score.c.score_ppm).label("points"),
        )
        .where(within(score.c.county_code, region))
        .group_by(score.c.day)
        .order_by(score.c.day.desc())
        .limit(DAYS_SHOWN)
    )
    rows = uow.connection.execute(statement).all()
    return [(row.day, int(row.points) // int(row.people)) for row in reversed(rows) if row.people]


def _require_scope(uow: UnitOfWork, region: RegionCode) -> None:
    if not uow.actor.scope.contains(region):
        raise Forbidden("这个地区不在您的职责范围内", field="region")
