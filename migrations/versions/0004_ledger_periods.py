"""ledger guards, second part: closed months, closed years, closed accounts, negative balances

Asked once a voucher, when its head seals it (see 0002), of the books a node keeps itself:

- a voucher names the case, batch or bulletin behind it;
- its month is not closed; interest and settlements are dated by their rule and pass;
- its year has not been settled, but by the year-end interest itself;
- its postings are of its own year and of accounts that exist and are open;
- no source of an account it takes from is left below zero.

Closings and settlements are append-only on every node. A closed month is never deleted from its
list and is reopened once a turn.

Revision ID: 0004
Revises: 0003
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

APPEND_ONLY = ("account_closing", "account_settlement")

UNCHANGED = "结息结果只增不改"
LOCKS = "结账记录不能删除或改写"
NO_TRACE = "凭证没有注明依据的业务、批次或文件"
LOCKED = "该月已经结账，不能再记账"
SETTLED = "该年度已经结息，不能再记入该年度"
OTHER_YEAR = "记账年度与凭证不同"
NO_ACCOUNT = "没有这个个人账户，或账户已经注销"
NEGATIVE = "个人账户余额不足，不能记成负数"

KEPT = "EXISTS (SELECT 1 FROM ledger_book b WHERE b.county_code = NEW.county_code)"
MINE = "p.county_code = NEW.county_code AND p.entry_no = NEW.entry_no"
CLOSED_YEAR = """coalesce((SELECT max(year) FROM account_closing
                WHERE county_code = NEW.county_code), 0)"""


def _checks(*, year: str, month: str) -> tuple[tuple[str, str], ...]:
    """What a voucher must not be, and what is said then. Years are listed, not compared: the index
    of postings begins with the year, and each look then costs a few microseconds.
    """
    years = ", ".join(f"{year} + {n}" for n in range(-20, 3))
    return (
        ("NEW.trace = '' OR NEW.trace_kind = ''", NO_TRACE),
        (
            f"""NEW.kind NOT IN ('interest', 'settlement') AND EXISTS (
                SELECT 1 FROM period_lock k WHERE k.county_code = NEW.county_code
                AND k.year = {year} AND k.month = {month} AND k.reopened_at IS NULL)""",
            LOCKED,
        ),
        (f"NEW.kind <> 'interest' AND {year} <= {CLOSED_YEAR}", SETTLED),
        (f"EXISTS (SELECT 1 FROM posting p WHERE {MINE} AND p.year <> {year})", OTHER_YEAR),
        (
            f"""EXISTS (SELECT 1 FROM posting p LEFT JOIN account a
                ON a.county_code = p.county_code AND a.account_no = p.account_no
                WHERE {MINE} AND (a.account_no IS NULL OR a.closed_on IS NOT NULL))""",
            NO_ACCOUNT,
        ),
        (
            f"""EXISTS (SELECT 1 FROM posting p WHERE {MINE} AND p.fen < 0 AND 0 >
                coalesce((SELECT c.closing_fen FROM account_closing c
                    WHERE c.county_code = p.county_code AND c.year = {CLOSED_YEAR}
                    AND c.account_no = p.account_no AND c.source = p.source), 0)
                + coalesce((SELECT sum(q.fen) FROM posting q
                    WHERE q.county_code = p.county_code AND q.year IN ({years})
                    AND q.year > {CLOSED_YEAR}
                    AND q.account_no = p.account_no AND q.source = p.source), 0))""",
            NEGATIVE,
        ),
    )


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _guard_postgres()
    else:
        _guard_sqlite()


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER journal_entry_guarded ON journal_entry")
        for table in APPEND_ONLY:
            op.execute(f"DROP TRIGGER {table}_unchanged ON {table}")
        op.execute("DROP TRIGGER period_lock_kept ON period_lock")
        for name in ("journal_entry_guarded", "settled_unchanged", "period_lock_kept"):
            op.execute(f"DROP FUNCTION ledger_{name}()")
        return
    op.execute("DROP TRIGGER journal_entry_guarded")
    for table in APPEND_ONLY:
        for verb in ("update", "delete"):
            op.execute(f"DROP TRIGGER {table}_no_{verb}")
    for verb in ("update", "delete"):
        op.execute(f"DROP TRIGGER period_lock_no_{verb}")


def _guard_sqlite() -> None:
    for table in APPEND_ONLY:
        for verb in ("update", "delete"):
            op.execute(f"""
                CREATE TRIGGER {table}_no_{verb} BEFORE {verb.upper()} ON {table}
                BEGIN SELECT RAISE(ABORT, '{UNCHANGED}'); END""")
    op.execute(f"""
        CREATE TRIGGER period_lock_no_delete BEFORE DELETE ON period_lock
        BEGIN SELECT RAISE(ABORT, '{LOCKS}'); END""")
    op.execute(f"""
        CREATE TRIGGER period_lock_no_update BEFORE UPDATE ON period_lock
        WHEN (OLD.reopened_at IS NOT NULL OR NEW.locked_at <> OLD.locked_at) AND {KEPT}
        BEGIN SELECT RAISE(ABORT, '{LOCKS}'); END""")
    checks = _checks(
        year="CAST(substr(NEW.business_date, 1, 4) AS INTEGER)",
        month="CAST(substr(NEW.business_date, 6, 2) AS INTEGER)",
    )
    refused = "\n".join(
        f"SELECT RAISE(ABORT, '{message}') WHERE {condition};" for condition, message in checks
    )
    op.execute(f"""
        CREATE TRIGGER journal_entry_guarded AFTER INSERT ON journal_entry WHEN {KEPT}
        BEGIN {refused} END""")


def _refusal(message: str) -> str:
    """Class 23 makes it an integrity error, as SQLite's RAISE(ABORT) is one."""
    return f"RAISE EXCEPTION '{message}' USING ERRCODE = 'integrity_constraint_violation';"


def _function(name: str, body: str) -> None:
    op.execute(f"""
        CREATE FUNCTION ledger_{name}() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            {body}
            RETURN NULL;
        END $$""")


def _guard_postgres() -> None:
    _function("settled_unchanged", _refusal(UNCHANGED))
    for table in APPEND_ONLY:
        op.execute(f"""
            CREATE TRIGGER {table}_unchanged BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION ledger_settled_unchanged()""")
    _function(
        "period_lock_kept",
        f"""IF TG_OP = 'DELETE' THEN {_refusal(LOCKS)} END IF;
            IF (OLD.reopened_at IS NOT NULL OR NEW.locked_at <> OLD.locked_at) AND {KEPT} THEN
                {_refusal(LOCKS)}
            END IF;""",
    )
    op.execute("""
        CREATE TRIGGER period_lock_kept AFTER UPDATE OR DELETE ON period_lock
        FOR EACH ROW EXECUTE FUNCTION ledger_period_lock_kept()""")
    checks = _checks(
        year="extract(year FROM NEW.business_date)::int",
        month="extract(month FROM NEW.business_date)::int",
    )
    refused = "\n".join(
        f"IF {condition} THEN {_refusal(message)} END IF;" for condition, message in checks
    )
    _function("journal_entry_guarded", f"IF NOT {KEPT} THEN RETURN NULL; END IF;\n{refused}")
    op.execute("""
        CREATE TRIGGER journal_entry_guarded AFTER INSERT ON journal_entry
        FOR EACH ROW EXECUTE FUNCTION ledger_journal_entry_guarded()""")
