"""ledger guards: the database itself refuses what a ledger must never hold

Postings, vouchers and their lines are append-only, on every node. In the books a node keeps itself
(`ledger_book`; replicas take what was decided, in any order) a voucher is written last and seals
what it holds:

- a posting needs the lines of its voucher, and comes before the voucher;
- a line comes before its voucher, and without one there is no commit (deferred foreign key);
- a voucher needs lines that sum to zero, and postings that equal its control line.

So nothing unbalanced, half or late can be committed, and no check looks at a row twice. On SQLite
these are row triggers; on Postgres postings are looked at once a statement, for a county posts a
million of them at once.

Revision ID: 0002
Revises: 0001
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

APPEND_ONLY = ("posting", "journal_entry", "journal_line")
CONTROL = "individual_accounts"

UNCHANGED = "账簿只增不改，请用红字冲销"
SEALED = "该凭证已经记账，不能再添加分录"
NO_LINES = "个人账户记账没有对应的凭证分录"
UNBALANCED = "凭证借贷不平"
NOT_CONTROL = "个人账户记账合计与凭证控制科目不符"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _guard_postgres()
    else:
        _guard_sqlite()


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        for table in APPEND_ONLY:
            op.execute(f"DROP TRIGGER {table}_unchanged ON {table}")
        for table in APPEND_ONLY:
            op.execute(f"DROP TRIGGER {table}_sealed ON {table}")
        for name in ("unchanged", "posting_sealed", "journal_line_sealed", "journal_entry_sealed"):
            op.execute(f"DROP FUNCTION ledger_{name}()")
        return
    for table in APPEND_ONLY:
        op.execute(f"DROP TRIGGER {table}_no_update")
        op.execute(f"DROP TRIGGER {table}_no_delete")
        op.execute(f"DROP TRIGGER {table}_sealed")


# AFTER, never BEFORE: a row that is there already (ON CONFLICT DO NOTHING) must not be refused.

_SQLITE_KEPT = "EXISTS (SELECT 1 FROM ledger_book b WHERE b.county_code = NEW.county_code)"
_SQLITE_ENTRY = """EXISTS (SELECT 1 FROM journal_entry e
            WHERE e.county_code = NEW.county_code AND e.entry_no = NEW.entry_no)"""
_SQLITE_LINE = """EXISTS (SELECT 1 FROM journal_line l
            WHERE l.county_code = NEW.county_code AND l.entry_no = NEW.entry_no)"""


def _guard_sqlite() -> None:
    for table in APPEND_ONLY:
        for verb in ("update", "delete"):
            op.execute(f"""
                CREATE TRIGGER {table}_no_{verb} BEFORE {verb.upper()} ON {table}
                BEGIN SELECT RAISE(ABORT, '{UNCHANGED}'); END""")
    op.execute(f"""
        CREATE TRIGGER posting_sealed AFTER INSERT ON posting
        WHEN ({_SQLITE_ENTRY} OR NOT {_SQLITE_LINE}) AND {_SQLITE_KEPT}
        BEGIN SELECT CASE WHEN {_SQLITE_ENTRY} THEN RAISE(ABORT, '{SEALED}')
                          ELSE RAISE(ABORT, '{NO_LINES}') END; END""")
    op.execute(f"""
        CREATE TRIGGER journal_line_sealed AFTER INSERT ON journal_line
        WHEN {_SQLITE_ENTRY} AND {_SQLITE_KEPT}
        BEGIN SELECT RAISE(ABORT, '{SEALED}'); END""")
    op.execute(f"""
        CREATE TRIGGER journal_entry_sealed AFTER INSERT ON journal_entry
        WHEN {_SQLITE_KEPT}
        BEGIN
            SELECT RAISE(ABORT, '{UNBALANCED}') WHERE 0 <> (
                SELECT coalesce(sum(fen), 1) FROM journal_line
                WHERE county_code = NEW.county_code AND entry_no = NEW.entry_no);
            SELECT RAISE(ABORT, '{NOT_CONTROL}') WHERE 0 <> (
                SELECT coalesce(sum(fen), 0) FROM posting
                WHERE county_code = NEW.county_code AND entry_no = NEW.entry_no) + (
                SELECT coalesce(sum(fen), 0) FROM journal_line
                WHERE county_code = NEW.county_code AND entry_no = NEW.entry_no
                    AND gl_account = '{CONTROL}');
        END""")


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
    _function("unchanged", _refusal(UNCHANGED))
    for table in APPEND_ONLY:
        op.execute(f"""
            CREATE TRIGGER {table}_unchanged BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
            FOR EACH STATEMENT EXECUTE FUNCTION ledger_unchanged()""")
    touched = """(SELECT DISTINCT a.county_code, a.entry_no FROM added a
                JOIN ledger_book b ON b.county_code = a.county_code) t"""
    entry = """EXISTS (SELECT 1 FROM journal_entry e
                WHERE e.county_code = t.county_code AND e.entry_no = t.entry_no)"""
    line = """EXISTS (SELECT 1 FROM journal_line l
                WHERE l.county_code = t.county_code AND l.entry_no = t.entry_no)"""
    sealed = f"IF EXISTS (SELECT 1 FROM {touched} WHERE {entry}) THEN {_refusal(SEALED)} END IF;"
    _function(
        "posting_sealed",
        f"""{sealed}
            IF EXISTS (SELECT 1 FROM {touched} WHERE NOT {line}) THEN {_refusal(NO_LINES)} END IF;""",
    )
    _function("journal_line_sealed", sealed)
    for table in ("posting", "journal_line"):
        op.execute(f"""
            CREATE TRIGGER {table}_sealed AFTER INSERT ON {table}
            REFERENCING NEW TABLE AS added
            FOR EACH STATEMENT EXECUTE FUNCTION ledger_{table}_sealed()""")
    own = "county_code = NEW.county_code AND entry_no = NEW.entry_no"
    _function(
        "journal_entry_sealed",
        f"""IF NOT EXISTS (SELECT 1 FROM ledger_book b WHERE b.county_code = NEW.county_code) THEN
                RETURN NULL;
            END IF;
            IF (SELECT coalesce(sum(fen), 1) FROM journal_line WHERE {own}) <> 0 THEN
                {_refusal(UNBALANCED)}
            END IF;
            IF (SELECT coalesce(sum(fen), 0) FROM posting WHERE {own})
                + (SELECT coalesce(sum(fen), 0) FROM journal_line
                   WHERE {own} AND gl_account = '{CONTROL}') <> 0 THEN
                {_refusal(NOT_CONTROL)}
            END IF;""",
    )
    op.execute("""
        CREATE TRIGGER journal_entry_sealed AFTER INSERT ON journal_entry
        FOR EACH ROW EXECUTE FUNCTION ledger_journal_entry_sealed()""")
