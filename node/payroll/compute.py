"""Compute a run: who is due which months, each component, and what each person gets.

Two kinds of month come together. The month of the run, for everybody who has no line for it: one
insert for the whole county. And months before it from `owed_from` on (late claims, resumptions,
retroactive standards, failed payments), where what is paid already is taken off what is due.
"""

from datetime import date

from sqlalchemy import Date, bindparam, delete, func, select, text

from node.accounts.serials import own_county, serial
from node.benefits.life import suspend_expired
from node.benefits.rates import redetermine
from node.benefits.records import entitlements
from node.benefits.rules import months_from, next_month
from node.core.db import tell_planner, widen
from node.core.errors import Conflict, Invalid
from node.core.work import UnitOfWork
from node.identity import require_duty
from node.payroll.calendar import pay_day
from node.payroll.models import PayrollRun
from node.payroll.recovery import keep_back
from node.payroll.rules import LineKind, RunKind, RunState
from node.payroll.tables import COMPONENTS, lines, payments, runs, summed, typed
from tiers import Duty

RUN = "payroll_run"
LONGEST_MONTHS = 600

NOT_SUSPENDED = """NOT EXISTS (
        SELECT 1 FROM benefit_suspension s
        WHERE s.county_code = e.county_code AND s.entitlement_id = e.id AND NOT s.is_revoked
            AND s.from_month <= m.month
            AND (s.until_month IS NULL OR (NOT s.pays_back AND m.month <= s.until_month)))"""
"""A month is not due while a suspension is open; afterwards only what it forfeits is lost."""

COVERS = """r.county_code = e.county_code AND r.entitlement_id = e.id
        AND r.superseded_by IS NULL AND r.from_month <= m.month
        AND (r.to_month IS NULL OR r.to_month >= m.month)"""

IS_DUE = """m.month >= e.due_from AND (e.last_month IS NULL OR m.month <= e.last_month)"""

_PARTS = ", ".join(f"r.{name}" for name in (*COMPONENTS, "fen"))
_THIS_MONTH = f"""
    SELECT e.id AS entitlement_id, e.village, 'pension' AS kind, m.month, 1 AS instalment, {_PARTS}
    FROM entitlement e
    JOIN (SELECT :month AS month) AS m ON m.month >= e.owed_from AND {IS_DUE}
    JOIN benefit_rate r ON {COVERS}
    WHERE e.county_code = :county AND {NOT_SUSPENDED}
        AND NOT EXISTS (SELECT 1 FROM payroll_line l WHERE l.county_code = e.county_code
            AND l.entitlement_id = e.id AND l.month = :month AND l.kind = 'pension'
            AND l.is_void = 0)
"""

HAS_LINE = """EXISTS (SELECT 1 FROM payroll_line l WHERE l.county_code = e.county_code
            AND l.entitlement_id = e.id AND l.month = :month AND l.kind = 'pension'
            AND l.is_void = 0)"""

_PLUS = ", ".join(f"r.{name} AS {name}" for name in (*COMPONENTS, "fen"))
_MINUS = ", ".join(f"-l.{name}" for name in (*COMPONENTS, "fen"))
_BACK = ", ".join(f"b.{name}" for name in (*COMPONENTS, "fen"))

# Entitlements lead: each looks into its own lines from `owed_from` on, and most have none there.
MOVED = f"""
    SELECT e.id AS entitlement_id, e.village, m.month, 1 AS due, 0 AS counted, {_PLUS}
    FROM entitlement e
    JOIN month_list m ON m.month >= e.owed_from AND {IS_DUE}
    JOIN benefit_rate r ON {COVERS}
    WHERE e.county_code = :county AND {NOT_SUSPENDED} {{which}}
    UNION ALL
    SELECT e.id, e.village, l.month, 0, 1, {_MINUS}
    FROM entitlement e CROSS JOIN payroll_line l
    WHERE e.county_code = :county AND e.owed_from <= :month
        AND l.county_code = e.county_code AND l.entitlement_id = e.id
        AND l.month >= e.owed_from AND l.month <= :month AND l.kind = 'pension' AND l.is_void = 0
    UNION ALL
    SELECT e.id, e.village, b.month, 0, 0, {_BACK}
    FROM recovered_month b JOIN entitlement e
        ON e.county_code = b.county_code AND e.id = b.entitlement_id AND b.month >= e.owed_from
    WHERE b.county_code = :county
"""
"""What is due less what was paid, and what was recovered of it, row by row."""

_LATE = f"AND (m.month < :month OR {HAS_LINE}) AND (e.owed_from < :month OR {HAS_LINE})"

_MONTHS_BEFORE = f"""
    SELECT entitlement_id, village, 'pension' AS kind, month,
        CAST(sum(counted) AS INTEGER) + 1 AS instalment, {summed()}
    FROM ({MOVED.format(which=_LATE)}) AS moved
    GROUP BY entitlement_id, village, month HAVING sum(due) > 0 AND sum(fen) > 0
"""


def _lump(kind: LineKind, fen: str) -> str:
    zeros = ", ".join(f"0 AS {name}" for name in COMPONENTS)
    return f"""
        SELECT b.entitlement_id, b.village, '{kind}' AS kind, b.last_month AS month,
            1 AS instalment, {zeros}, {fen} AS fen
        FROM benefit_end b
        WHERE b.county_code = :county AND NOT b.is_revoked AND {fen} > 0
            AND NOT EXISTS (SELECT 1 FROM payroll_line l WHERE l.county_code = b.county_code
                AND l.entitlement_id = b.entitlement_id AND l.kind = '{kind}' AND l.is_void = 0)
    """


_LUMPS = (
    _lump(LineKind.REFUND, "b.account_fen - b.set_off_account_fen")
    + " UNION ALL "
    + _lump(LineKind.FUNERAL, "b.funeral_fen - b.set_off_funeral_fen")
)
"""What is left for the heirs and has not been paid."""


def _insert_lines(months: list[date]) -> str:
    names = ", ".join(f"(:m{place})" for place in range(len(months)))
    components = ", ".join(COMPONENTS)
    return f"""
        INSERT INTO payroll_line (county_code, run_no, line_no, pay_no, entitlement_id, kind,
            month, instalment, village, {components}, fen, is_void)
        WITH month_list (month) AS (VALUES {names}),
        due AS ({_THIS_MONTH} UNION ALL {_MONTHS_BEFORE} UNION ALL {_LUMPS})
        SELECT :county, :run,
            row_number() OVER (ORDER BY village, entitlement_id, month, kind),
            dense_rank() OVER (ORDER BY village, entitlement_id),
            entitlement_id, kind, month, instalment, village, {components}, fen, 0
        FROM due ORDER BY village, entitlement_id, month, kind
    """


_PAY = typed("""
    INSERT INTO payroll_payment (county_code, run_no, pay_no, entitlement_id, person_id, village,
        payee, account, due_fen, offset_fen, fen, state, reason, attempt)
    SELECT :county, :run, l.pay_no, l.entitlement_id, p.id, l.village,
        CASE WHEN b.heir_account IS NULL THEN p.name ELSE b.heir_name END,
        CASE WHEN b.heir_account IS NULL THEN n.bank_account ELSE b.heir_account END,
        l.fen, 0, l.fen, 'waiting', '', 0
    FROM (SELECT pay_no, entitlement_id, village, CAST(sum(fen) AS BIGINT) AS fen
          FROM payroll_line WHERE county_code = :county AND run_no = :run
          GROUP BY pay_no, entitlement_id, village) AS l
    LEFT JOIN entitlement e ON e.county_code = :county AND e.id = l.entitlement_id
    LEFT JOIN benefit_end b ON b.county_code = :county AND b.entitlement_id = l.entitlement_id
        AND NOT b.is_revoked
    JOIN person p ON p.county_code = :county AND p.id = coalesce(e.person_id, b.person_id)
    LEFT JOIN enrolment n ON n.county_code = :county AND n.person_id = p.id
        AND n.closed_on IS NULL
    ORDER BY l.pay_no
""")


def compute(uow: UnitOfWork, month: date, *, kind: RunKind = RunKind.REGULAR) -> PayrollRun:
    """Compute the run of a month, or again one that nobody has reviewed yet.

    It first suspends whose certification has run out, and brings every rate to the standards of the
    month (an age reached, a bulletin in force).

    Raises:
        Forbidden: this node is no county, or the person computes no payroll.
        Invalid: nobody is due, the month lies ahead, or a bulletin is missing.
        Conflict: another run is being worked on, or this month has been run.
    """
    county = str(own_county(uow))
    require_duty(uow, Duty.COMPUTE_PAYROLL)
    widen(uow.connection)
    month = month.replace(day=1)
    if month > next_month(uow.today.replace(day=1)):
        raise Invalid("只能编制本月或下月的名册", field="month")
    run_no = _emptied(uow, county, month, kind)
    suspend_expired(uow, month)
    redetermine(uow, from_month=month, through_month=month, reason="按月核对标准和年龄")
    _insert(uow, county, run_no, month, _first_owed(uow, county, month))
    tell_planner(uow.connection, lines)
    key = {"county": county, "run": run_no}
    uow.connection.execute(_PAY, key)
    tell_planner(uow.connection, payments)
    keep_back(uow, county, run_no)
    run = _head(uow, county, run_no, month, kind)
    if not run.lines:
        raise Invalid("没有应发而未发的月份", field="month")
    uow.session.add(run)
    uow.session.flush()
    return run


def _emptied(uow: UnitOfWork, county: str, month: date, kind: RunKind) -> int:
    """The run's number: that of one computed and not reviewed, which is emptied, or a new one."""
    open_runs = select(runs.c.run_no, runs.c.month, runs.c.kind, runs.c.state).where(
        runs.c.county_code == county,
        runs.c.state.in_([RunState.COMPUTED.value, RunState.REVIEWED.value]),
    )
    found = uow.connection.execute(open_runs).first()
    if found is not None:
        same = (found.month, found.kind, found.state) == (month, kind, RunState.COMPUTED)
        if not same:
            raise Conflict("还有一个批次没有审批，请先办完或作废", run=found.run_no)
        for table in (payments, lines, runs):
            uow.connection.execute(
                delete(table).where(table.c.county_code == county, table.c.run_no == found.run_no)
            )
        return int(found.run_no)
    if kind is RunKind.REGULAR:
        _refuse_second(uow, county, month)
    return serial(uow, RUN)


def _refuse_second(uow: UnitOfWork, county: str, month: date) -> None:
    again = select(runs.c.run_no).where(
        runs.c.county_code == county,
        runs.c.kind == RunKind.REGULAR.value,
        runs.c.month == month,
        runs.c.state != RunState.CANCELLED.value,
    )
    found = uow.connection.execute(again).scalar()
    if found is not None:
        raise Conflict("这个月已经编制过，漏发的请编制补充发放", run=found)


def _first_owed(uow: UnitOfWork, county: str, month: date) -> date:
    first = select(func.min(entitlements.c.owed_from)).where(
        entitlements.c.county_code == county, entitlements.c.owed_from <= month
    )
    return uow.connection.execute(first).scalar() or month


def _insert(uow: UnitOfWork, county: str, run_no: int, month: date, first: date) -> None:
    months = list(months_from(first, next_month(month)))[-LONGEST_MONTHS:]
    named = {f"m{place}": each for place, each in enumerate(months)}
    statement = text(_insert_lines(months)).bindparams(
        *(bindparam(name, type_=Date()) for name in ("month", *named))
    )
    given = {"county": county, "run": run_no, "month": month, **named}
    uow.connection.execute(statement, given)


def _head(uow: UnitOfWork, county: str, run_no: int, month: date, kind: RunKind) -> PayrollRun:
    mine = (lines.c.county_code == county, lines.c.run_no == run_no)
    counted = select(
        func.count(), func.count(lines.c.pay_no.distinct()), func.coalesce(func.sum(lines.c.fen), 0)
    ).where(*mine)
    number, people, fen = uow.connection.execute(counted).one()
    kept = select(func.coalesce(func.sum(payments.c.offset_fen), 0)).where(
        payments.c.county_code == county, payments.c.run_no == run_no
    )
    return PayrollRun(
        county_code=county,
        run_no=run_no,
        month=month,
        kind=kind.value,
        state=RunState.COMPUTED.value,
        pay_day=pay_day(uow, month),
        people=people,
        lines=number,
        fen=int(fen),
        offset_fen=int(uow.connection.execute(kept).scalar_one()),
        computed_by=uow.actor.id,
        computed_by_name=uow.actor.name,
        computed_at=uow.now,
    )
