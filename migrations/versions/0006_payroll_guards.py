"""payroll guards: the database itself refuses to pay a month beyond what is due

- What is paid for a month of a pension, less what was recovered of it, never exceeds the rate that
  stands for that month, whatever is retried.
- The lines and payments of a run are complete before its head is written, and once it is approved
  (`frozen_hash`) they stand: a line may only be given up (`is_void`), a payment only moves from
  state to state, and one that is paid only comes back.

On SQLite these are row triggers; on Postgres lines are looked at once a statement.

Revision ID: 0006
Revises: 0005
"""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

TOO_MUCH = "该月待遇已经发放，不能超过应发金额重复发放"
COMPLETE = "该批次已经编制完成，不能再添加"
FROZEN = "该批次已经审批，不能再改"
PAID = "已经发放的，不能改回"

LINE_FIXED = (
    "line_no",
    "pay_no",
    "entitlement_id",
    "kind",
    "month",
    "instalment",
    "village",
    "base_fen",
    "city_fen",
    "county_fen",
    "years_fen",
    "age_fen",
    "account_fen",
    "fen",
)
PAYMENT_FIXED = ("entitlement_id", "person_id", "due_fen", "offset_fen", "fen")
RUN_FIXED = ("month", "kind", "people", "lines", "fen", "offset_fen", "frozen_hash")


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _guard_postgres()
    else:
        _guard_sqlite()


def downgrade() -> None:
    names = [
        ("payroll_line", "line_not_too_much"),
        ("payroll_line", "line_complete"),
        ("payroll_line", "line_kept"),
        ("payroll_line", "line_fixed"),
        ("payroll_payment", "payment_complete"),
        ("payroll_payment", "payment_kept"),
        ("payroll_payment", "payment_fixed"),
        ("payroll_payment", "payment_paid"),
        ("payroll_run", "run_kept"),
        ("payroll_run", "run_fixed"),
    ]
    postgres = op.get_bind().dialect.name == "postgresql"
    for table, name in names:
        op.execute(f"DROP TRIGGER {name}" + (f" ON {table}" if postgres else ""))
        if postgres:
            op.execute(f"DROP FUNCTION payroll_{name}()")


def _run(row: str, *, frozen: bool) -> str:
    more = " AND r.frozen_hash <> ''" if frozen else ""
    return f"""EXISTS (SELECT 1 FROM payroll_run r WHERE r.county_code = {row}.county_code
            AND r.run_no = {row}.run_no{more})"""


def _changed(names: tuple[str, ...], operator: str) -> str:
    return " OR ".join(f"NEW.{name} {operator} OLD.{name}" for name in names)


_UNPAID = "OLD.state IN ('paid', 'kept') AND NEW.state NOT IN (OLD.state, 'bounced')"


def _guard_sqlite() -> None:
    op.execute(f"""
        CREATE TRIGGER line_not_too_much AFTER INSERT ON payroll_line
        WHEN NEW.kind = 'pension' AND (
            SELECT sum(l.fen) FROM payroll_line l
            WHERE l.county_code = NEW.county_code AND l.entitlement_id = NEW.entitlement_id
                AND l.month = NEW.month AND l.kind = 'pension' AND l.is_void = 0) > coalesce((
            SELECT r.fen FROM benefit_rate r
            WHERE r.county_code = NEW.county_code AND r.entitlement_id = NEW.entitlement_id
                AND r.superseded_by IS NULL AND r.from_month <= NEW.month
                AND (r.to_month IS NULL OR r.to_month >= NEW.month)), 0) + coalesce((
            SELECT sum(b.fen) FROM recovered_month b
            WHERE b.county_code = NEW.county_code AND b.entitlement_id = NEW.entitlement_id
                AND b.month = NEW.month), 0)
        BEGIN SELECT RAISE(ABORT, '{TOO_MUCH}'); END""")
    for table, short in (("payroll_line", "line"), ("payroll_payment", "payment")):
        op.execute(f"""
            CREATE TRIGGER {short}_complete BEFORE INSERT ON {table}
            WHEN {_run("NEW", frozen=False)}
            BEGIN SELECT RAISE(ABORT, '{COMPLETE}'); END""")
        op.execute(f"""
            CREATE TRIGGER {short}_kept BEFORE DELETE ON {table} WHEN {_run("OLD", frozen=True)}
            BEGIN SELECT RAISE(ABORT, '{FROZEN}'); END""")
    op.execute(f"""
        CREATE TRIGGER line_fixed BEFORE UPDATE ON payroll_line
        WHEN {_changed(LINE_FIXED, "IS NOT")} OR (OLD.is_void = 1 AND NEW.is_void = 0)
        BEGIN SELECT RAISE(ABORT, '{FROZEN}'); END""")
    op.execute(f"""
        CREATE TRIGGER payment_fixed BEFORE UPDATE ON payroll_payment
        WHEN ({_changed(PAYMENT_FIXED, "IS NOT")}) AND {_run("OLD", frozen=True)}
        BEGIN SELECT RAISE(ABORT, '{FROZEN}'); END""")
    op.execute(f"""
        CREATE TRIGGER payment_paid BEFORE UPDATE ON payroll_payment WHEN {_UNPAID}
        BEGIN SELECT RAISE(ABORT, '{PAID}'); END""")
    op.execute(f"""
        CREATE TRIGGER run_kept BEFORE DELETE ON payroll_run WHEN OLD.frozen_hash <> ''
        BEGIN SELECT RAISE(ABORT, '{FROZEN}'); END""")
    op.execute(f"""
        CREATE TRIGGER run_fixed BEFORE UPDATE ON payroll_run
        WHEN OLD.frozen_hash <> '' AND ({_changed(RUN_FIXED, "IS NOT")})
        BEGIN SELECT RAISE(ABORT, '{FROZEN}'); END""")


def _refusal(message: str) -> str:
    """Class 23 makes it an integrity error, as SQLite's RAISE(ABORT) is one."""
    return f"RAISE EXCEPTION '{message}' USING ERRCODE = 'integrity_constraint_violation';"


def _function(name: str, body: str) -> None:
    op.execute(f"""
        CREATE FUNCTION payroll_{name}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            {body}
        END $$""")


def _on_rows(name: str, table: str, verb: str, when: str, message: str) -> None:
    row = "OLD" if verb == "DELETE" else "NEW"
    _function(name, f"IF {when} THEN {_refusal(message)} END IF; RETURN {row};")
    op.execute(f"""
        CREATE TRIGGER {name} BEFORE {verb} ON {table}
        FOR EACH ROW EXECUTE FUNCTION payroll_{name}()""")


def _on_added(name: str, table: str, violation: str, message: str) -> None:
    _function(name, f"IF EXISTS ({violation}) THEN {_refusal(message)} END IF; RETURN NULL;")
    op.execute(f"""
        CREATE TRIGGER {name} AFTER INSERT ON {table} REFERENCING NEW TABLE AS added
        FOR EACH STATEMENT EXECUTE FUNCTION payroll_{name}()""")


def _guard_postgres() -> None:
    _on_added(
        "line_not_too_much",
        "payroll_line",
        """
        SELECT 1 FROM (
            SELECT a.county_code, a.entitlement_id, a.month, sum(l.fen) AS fen
            FROM (SELECT DISTINCT county_code, entitlement_id, month FROM added
                  WHERE kind = 'pension') a
            JOIN payroll_line l ON l.county_code = a.county_code
                AND l.entitlement_id = a.entitlement_id AND l.month = a.month
                AND l.kind = 'pension' AND l.is_void = 0
            GROUP BY a.county_code, a.entitlement_id, a.month) paid
        LEFT JOIN benefit_rate r ON r.county_code = paid.county_code
            AND r.entitlement_id = paid.entitlement_id AND r.superseded_by IS NULL
            AND r.from_month <= paid.month AND (r.to_month IS NULL OR r.to_month >= paid.month)
        WHERE paid.fen > coalesce(r.fen, 0) + coalesce((
            SELECT sum(b.fen) FROM recovered_month b
            WHERE b.county_code = paid.county_code AND b.entitlement_id = paid.entitlement_id
                AND b.month = paid.month), 0)""",
        TOO_MUCH,
    )
    for table, short in (("payroll_line", "line"), ("payroll_payment", "payment")):
        added = f"""
            SELECT 1 FROM (SELECT DISTINCT county_code, run_no FROM added) a
            WHERE {_run("a", frozen=False)}"""
        _on_added(f"{short}_complete", table, added, COMPLETE)
        _on_rows(f"{short}_kept", table, "DELETE", _run("OLD", frozen=True), FROZEN)
    fixed = f"{_changed(LINE_FIXED, 'IS DISTINCT FROM')} OR (OLD.is_void = 1 AND NEW.is_void = 0)"
    _on_rows("line_fixed", "payroll_line", "UPDATE", fixed, FROZEN)
    fixed = f"({_changed(PAYMENT_FIXED, 'IS DISTINCT FROM')}) AND {_run('OLD', frozen=True)}"
    _on_rows("payment_fixed", "payroll_payment", "UPDATE", fixed, FROZEN)
    _on_rows("payment_paid", "payroll_payment", "UPDATE", _UNPAID, PAID)
    _on_rows("run_kept", "payroll_run", "DELETE", "OLD.frozen_hash <> ''", FROZEN)
    fixed = f"OLD.frozen_hash <> '' AND ({_changed(RUN_FIXED, 'IS DISTINCT FROM')})"
    _on_rows("run_fixed", "payroll_run", "UPDATE", fixed, FROZEN)
