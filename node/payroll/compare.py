"""A run beside the one of the month before (增减变动): who is new or gone, whose amount changed and
why. What no reason explains stops the review.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from sqlalchemy import select

from node.core.titled import TitledEnum
from node.core.work import UnitOfWork
from node.payroll.models import PayrollRun
from node.payroll.rules import RunKind, RunState
from node.payroll.tables import runs, typed


class Reason(TitledEnum):
    """Why a person's month differs from the month before."""

    NEW = "new", "新增"
    RESUMED = "resumed", "恢复发放"
    ENDED = "ended", "死亡或终止"
    SUSPENDED = "suspended", "暂停发放"
    RATE = "rate", "标准调整"
    CARRIED = "carried", "上月发放失败"
    UNEXPLAINED = "unexplained", "原因不明"


@dataclass(frozen=True, slots=True)
class Change:
    """Everybody whose month differs for one reason."""

    reason: Reason
    people: int
    before_fen: int
    now_fen: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """The bridge from one month to the next: before + changes = now."""

    before: PayrollRun | None
    before_people: int = 0
    before_fen: int = 0
    now_people: int = 0
    now_fen: int = 0
    arrears_people: int = 0
    arrears_fen: int = 0
    changes: Sequence[Change] = field(default=())

    @property
    def unexplained(self) -> int:
        """How many people's difference has no reason."""
        return sum(each.people for each in self.changes if each.reason is Reason.UNEXPLAINED)


_BOTH = """
    SELECT entitlement_id, CAST(sum(before_fen) AS BIGINT) AS before_fen,
        CAST(sum(now_fen) AS BIGINT) AS now_fen
    FROM (
        SELECT l.entitlement_id, l.fen AS before_fen, 0 AS now_fen FROM payroll_line l
        WHERE l.county_code = :county AND l.run_no = :before_run AND l.month = :before
            AND l.kind = 'pension'
        UNION ALL
        SELECT l.entitlement_id, 0, l.fen FROM payroll_line l
        WHERE l.county_code = :county AND l.run_no = :run AND l.month = :month
            AND l.kind = 'pension') AS lined
    GROUP BY entitlement_id HAVING sum(before_fen) <> sum(now_fen)
"""

_REASONED = f"""
    SELECT c.entitlement_id, c.before_fen, c.now_fen, CASE
        WHEN c.before_fen = 0 AND e.due_from > :before THEN 'new'
        WHEN c.before_fen = 0 AND EXISTS (SELECT 1 FROM benefit_suspension s
            WHERE s.county_code = :county AND s.entitlement_id = e.id
                AND s.until_month >= :before) THEN 'resumed'
        WHEN c.before_fen = 0 AND NOT EXISTS (SELECT 1 FROM payroll_line o
            WHERE o.county_code = :county AND o.entitlement_id = e.id AND o.run_no < :run
                AND o.kind = 'pension') THEN 'new'
        WHEN c.now_fen = 0 AND e.last_month < :month THEN 'ended'
        WHEN c.now_fen = 0 AND EXISTS (SELECT 1 FROM benefit_suspension s
            WHERE s.county_code = :county AND s.entitlement_id = e.id AND NOT s.is_revoked
                AND s.from_month <= :month AND s.until_month IS NULL) THEN 'suspended'
        WHEN c.before_fen > 0 AND c.now_fen > 0 AND EXISTS (SELECT 1 FROM benefit_rate r
            WHERE r.county_code = :county AND r.entitlement_id = e.id
                AND r.superseded_by IS NULL AND r.from_month <= :month
                AND (r.to_month IS NULL OR r.to_month >= :month) AND r.fen = c.now_fen
                AND (r.from_month > :before OR r.version > 1)) THEN 'rate'
        ELSE 'unexplained' END AS reason
    FROM ({_BOTH}) AS c
    JOIN entitlement e ON e.county_code = :county AND e.id = c.entitlement_id
"""

_CHANGES = typed(f"""
    SELECT reason, count(*), CAST(sum(before_fen) AS BIGINT), CAST(sum(now_fen) AS BIGINT)
    FROM ({_REASONED}) AS reasoned GROUP BY reason
""")

_PEOPLE = typed(f"""
    SELECT reasoned.entitlement_id, reason, before_fen, now_fen, p.name, p.id AS person_id,
        e.village
    FROM ({_REASONED}) AS reasoned
    JOIN entitlement e ON e.county_code = :county AND e.id = reasoned.entitlement_id
    JOIN person p ON p.county_code = :county AND p.id = e.person_id
    WHERE reason = :reason ORDER BY e.village, p.name LIMIT 200
""")

_SUMS = typed("""
    SELECT CAST(coalesce(sum(CASE WHEN month = :month THEN 1 ELSE 0 END), 0) AS BIGINT),
        CAST(coalesce(sum(CASE WHEN month = :month THEN fen ELSE 0 END), 0) AS BIGINT),
        count(DISTINCT CASE WHEN month <> :month THEN entitlement_id END),
        CAST(coalesce(sum(CASE WHEN month <> :month THEN fen ELSE 0 END), 0) AS BIGINT)
    FROM payroll_line WHERE county_code = :county AND run_no = :run AND kind = 'pension'
""")


def before_of(uow: UnitOfWork, run: PayrollRun) -> PayrollRun | None:
    """The regular run before a run, if there was one."""
    found = (
        select(PayrollRun)
        .where(
            runs.c.county_code == run.county_code,
            runs.c.kind == RunKind.REGULAR.value,
            runs.c.state != RunState.CANCELLED.value,
            runs.c.month < run.month,
        )
        .order_by(runs.c.month.desc())
        .limit(1)
    )
    return uow.session.scalars(found).first()


def _given(run: PayrollRun, before: PayrollRun | None) -> dict[str, Any]:
    return {
        "county": run.county_code,
        "run": run.run_no,
        "month": run.month,
        "before_run": before.run_no if before else 0,
        "before": before.month if before else date(1900, 1, 1),
    }


def compare(uow: UnitOfWork, run: PayrollRun) -> Comparison:
    """A regular run beside the regular one before; an extra run has nothing to be compared with."""
    key = {"county": run.county_code, "run": run.run_no, "month": run.month}
    people, fen, arrears_people, arrears_fen = uow.connection.execute(_SUMS, key).one()
    mine: dict[str, Any] = {
        "now_people": int(people),
        "now_fen": int(fen),
        "arrears_people": int(arrears_people),
        "arrears_fen": int(arrears_fen),
    }
    before = before_of(uow, run) if run.kind == RunKind.REGULAR else None
    if before is None:
        return Comparison(None, changes=(), **mine)
    sums = {"county": run.county_code, "run": before.run_no, "month": before.month}
    was_people, was_fen, *_ = uow.connection.execute(_SUMS, sums).one()
    found = {
        Reason(reason): Change(Reason(reason), int(count), int(then), int(now))
        for reason, count, then, now in uow.connection.execute(_CHANGES, _given(run, before))
    }
    changes = tuple(found[reason] for reason in Reason if reason in found)
    return Comparison(before, int(was_people), int(was_fen), **mine, changes=changes)


def people_of(uow: UnitOfWork, run: PayrollRun, reason: Reason) -> Sequence[Any]:
    """The people behind one reason, the first 200."""
    given = {**_given(run, before_of(uow, run)), "reason": reason.value}
    return uow.connection.execute(_PEOPLE, given).all()
