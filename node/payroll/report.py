"""How a run stands, for everybody who may not see its lines (按时足额发放情况)."""

from node.core.work import UnitOfWork
from node.payroll.models import PayrollRun, RunReport
from node.payroll.records import publish_run
from node.payroll.tables import typed
from node.payroll.unpaid import tell_unpaid

_STANDING = typed("""
    SELECT count(*), CAST(coalesce(sum(fen + offset_fen), 0) AS BIGINT),
        CAST(coalesce(sum(CASE WHEN state IN ('paid', 'kept') THEN 1 ELSE 0 END), 0) AS BIGINT),
        CAST(coalesce(sum(CASE WHEN state IN ('paid', 'kept') THEN due_fen ELSE 0 END), 0)
            AS BIGINT),
        CAST(coalesce(sum(CASE WHEN state IN ('failed', 'bounced') THEN 1 ELSE 0 END), 0)
            AS BIGINT),
        CAST(coalesce(sum(CASE WHEN state IN ('paid', 'kept') AND paid_on <= :pay_day THEN 1
            ELSE 0 END), 0) AS BIGINT),
        CAST(coalesce(sum(CASE WHEN state IN ('paid', 'kept') AND paid_on <= :pay_day THEN due_fen
            ELSE 0 END), 0) AS BIGINT)
    FROM payroll_payment WHERE county_code = :county AND run_no = :run
""")


def tell_run(uow: UnitOfWork, run: PayrollRun) -> RunReport:
    """Keep and tell how a run stands now, and who of it has not been reached."""
    uow.session.flush()
    given = {"county": run.county_code, "run": run.run_no, "pay_day": run.pay_day}
    people, fen, paid, paid_fen, failed, in_time, in_time_fen = (
        int(value) for value in uow.connection.execute(_STANDING, given).one()
    )
    report = RunReport(
        county_code=run.county_code,
        run_no=run.run_no,
        month=run.month,
        kind=run.kind,
        state=run.state,
        pay_day=run.pay_day,
        people=people,
        fen=fen,
        paid_people=paid,
        paid_fen=paid_fen,
        failed_people=failed,
        on_time_people=in_time,
        on_time_fen=in_time_fen,
        reported_at=uow.now,
    )
    uow.session.merge(report)
    uow.session.flush()
    publish_run(uow, report)
    tell_unpaid(uow, run)
    return report
