"""ledger guards, third part: corrections of interest stay once their voucher is sealed

Their rows are written before the voucher, and an account that cannot give back what is too much is
taken out again before it is sealed. From then on nothing of them changes or goes.

Revision ID: 0005
Revises: 0004
"""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

UNCHANGED = "利息更正记录只增不改"

SEALED = """EXISTS (SELECT 1 FROM journal_entry e
            WHERE e.county_code = OLD.county_code AND e.entry_no = OLD.entry_no)"""


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"""
            CREATE FUNCTION ledger_correction_kept() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                IF TG_OP = 'UPDATE' OR {SEALED} THEN
                    RAISE EXCEPTION '{UNCHANGED}' USING ERRCODE = 'integrity_constraint_violation';
                END IF;
                RETURN NULL;
            END $$""")
        op.execute("""
            CREATE TRIGGER interest_correction_kept AFTER UPDATE OR DELETE ON interest_correction
            FOR EACH ROW EXECUTE FUNCTION ledger_correction_kept()""")
        return
    op.execute(f"""
        CREATE TRIGGER interest_correction_no_update BEFORE UPDATE ON interest_correction
        BEGIN SELECT RAISE(ABORT, '{UNCHANGED}'); END""")
    op.execute(f"""
        CREATE TRIGGER interest_correction_no_delete BEFORE DELETE ON interest_correction
        WHEN {SEALED} BEGIN SELECT RAISE(ABORT, '{UNCHANGED}'); END""")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER interest_correction_kept ON interest_correction")
        op.execute("DROP FUNCTION ledger_correction_kept()")
        return
    for verb in ("update", "delete"):
        op.execute(f"DROP TRIGGER interest_correction_no_{verb}")
