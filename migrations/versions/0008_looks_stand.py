"""who looked at whose data stands: the database itself refuses to change or take back an entry

An entry is written in the transaction that shows the data; each day's entries are chained and
signed by `supervision`, which finds what was changed. This refuses it in the first place.

Revision ID: 0008
Revises: 0007
"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

UNCHANGED = "查询、导出、打印的记录只增不改"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"""
            CREATE FUNCTION access_log_unchanged() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                RAISE EXCEPTION '{UNCHANGED}' USING ERRCODE = 'integrity_constraint_violation';
            END $$""")
        op.execute("""
            CREATE TRIGGER access_log_unchanged BEFORE UPDATE OR DELETE OR TRUNCATE
            ON access_log FOR EACH STATEMENT EXECUTE FUNCTION access_log_unchanged()""")
        return
    for verb in ("update", "delete"):
        op.execute(f"""
            CREATE TRIGGER access_log_no_{verb} BEFORE {verb.upper()} ON access_log
            BEGIN SELECT RAISE(ABORT, '{UNCHANGED}'); END""")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER access_log_unchanged ON access_log")
        op.execute("DROP FUNCTION access_log_unchanged()")
        return
    for verb in ("update", "delete"):
        op.execute(f"DROP TRIGGER access_log_no_{verb}")
