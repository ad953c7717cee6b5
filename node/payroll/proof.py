"""Nobody due is missing, nobody gets what is not due: two questions, the same at every node.

They are asked apart from the computing: over each month by itself, from the rates, the suspensions
and what stands in lines.
"""

from datetime import date

from sqlalchemy import Date, TextClause, bindparam, func, select, text

from node.benefits.records import entitlements
from node.benefits.rules import months_from, next_month
from node.core.work import UnitOfWork
from node.payroll.compute import COVERS, IS_DUE, MOVED, NOT_SUSPENDED
from node.payroll.models import PayrollRun
from node.payroll.tables import typed

_MISSING = f"""
    WITH month_list (month) AS (VALUES {{months}})
    SELECT count(DISTINCT entitlement_id) FROM (
        SELECT entitlement_id FROM ({MOVED.format(which="")}) AS moved
        GROUP BY entitlement_id, village, month HAVING sum(due) > 0 AND sum(fen) > 0) AS owed
"""

_EXCESS = typed(f"""
    SELECT count(DISTINCT m.entitlement_id)
    FROM (SELECT l.entitlement_id, l.month, CAST(sum(a.fen) AS BIGINT) AS fen
          FROM payroll_line l
          JOIN payroll_line a ON a.county_code = l.county_code
              AND a.entitlement_id = l.entitlement_id AND a.month = l.month
              AND a.kind = 'pension' AND a.is_void = 0
          WHERE l.county_code = :county AND l.run_no = :run AND l.kind = 'pension'
          GROUP BY l.entitlement_id, l.month, l.line_no) AS m
    JOIN entitlement e ON e.county_code = :county AND e.id = m.entitlement_id
    LEFT JOIN (SELECT entitlement_id, month, CAST(sum(fen) AS BIGINT) AS fen
               FROM recovered_month WHERE county_code = :county
               GROUP BY entitlement_id, month) AS b
        ON b.entitlement_id = m.entitlement_id AND b.month = m.month
    LEFT JOIN benefit_rate r ON {COVERS}
    WHERE r.fen IS NULL OR m.fen - coalesce(b.fen, 0) > r.fen OR NOT ({IS_DUE})
        OR NOT {NOT_SUSPENDED}
""")


def _missing(months: list[date]) -> TextClause:
    names = ", ".join(f"(:m{place})" for place in range(len(months)))
    return text(_MISSING.format(months=names)).bindparams(
        bindparam("month", type_=Date()),
        *(bindparam(f"m{place}", type_=Date()) for place in range(len(months))),
    )


def missing(uow: UnitOfWork, run: PayrollRun) -> int:
    """People who are due something through the run's month and for whom no line stands."""
    first = select(func.min(entitlements.c.owed_from)).where(
        entitlements.c.county_code == run.county_code, entitlements.c.owed_from <= run.month
    )
    found = uow.connection.execute(first).scalar()
    if found is None:
        return 0
    months = list(months_from(found, next_month(run.month)))
    given = {f"m{place}": month for place, month in enumerate(months)}
    given |= {"county": run.county_code, "month": run.month}  # type: ignore[dict-item]
    return int(uow.connection.execute(_missing(months), given).scalar_one())


def excess(uow: UnitOfWork, run: PayrollRun) -> int:
    """People of a run who get for a month more than is due for it."""
    given = {"county": run.county_code, "run": run.run_no}
    return int(uow.connection.execute(_EXCESS, given).scalar_one())
