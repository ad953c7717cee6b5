"""steps of a transfer stand: the database itself refuses to change or take back one

What was said between two counties is the proof of who has custody. A person is let go once and
taken in once by a transfer.

Revision ID: 0007
Revises: 0006
"""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

UNCHANGED = "关系转移的记录只增不改"


def upgrade() -> None:
    op.execute("CREATE UNIQUE INDEX ux_transfer_step_once ON transfer_step (id, step)")
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"""
            CREATE FUNCTION transfer_step_unchanged() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                RAISE EXCEPTION '{UNCHANGED}' USING ERRCODE = 'integrity_constraint_violation';
            END $$""")
        op.execute("""
            CREATE TRIGGER transfer_step_unchanged BEFORE UPDATE OR DELETE OR TRUNCATE
            ON transfer_step FOR EACH STATEMENT EXECUTE FUNCTION transfer_step_unchanged()""")
        return
    for verb in ("update", "delete"):
        op.execute(f"""
            CREATE TRIGGER transfer_step_no_{verb} BEFORE {verb.upper()} ON transfer_step
            BEGIN SELECT RAISE(ABORT, '{UNCHANGED}'); END""")


def downgrade() -> None:
    op.execute("DROP INDEX ux_transfer_step_once")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER transfer_step_unchanged ON transfer_step")
        op.execute("DROP FUNCTION transfer_step_unchanged()")
        return
    for verb in ("update", "delete"):
        op.execute(f"DROP TRIGGER transfer_step_no_{verb}")
