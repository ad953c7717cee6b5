"""published bulletins stand: the database itself refuses to change or delete one

A draft may be corrected until it is published; from then on every node, the province first, keeps
it as it was signed. Figures and entitlements name the bulletin they were computed under.

Revision ID: 0003
Revises: 0002
"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

STANDS = "政策文件已经发布，不能再改"


def upgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _guard_postgres()
        return
    for verb in ("update", "delete"):
        op.execute(f"""
            CREATE TRIGGER bulletin_no_{verb} BEFORE {verb.upper()} ON bulletin
            WHEN OLD.status = 'published'
            BEGIN SELECT RAISE(ABORT, '{STANDS}'); END""")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER bulletin_stands ON bulletin")
        op.execute("DROP TRIGGER bulletin_not_emptied ON bulletin")
        op.execute("DROP FUNCTION bulletin_stands()")
        return
    for verb in ("update", "delete"):
        op.execute(f"DROP TRIGGER bulletin_no_{verb}")


def _guard_postgres() -> None:
    # Class 23 makes it an integrity error, as SQLite's RAISE(ABORT) is one.
    op.execute(f"""
        CREATE FUNCTION bulletin_stands() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            RAISE EXCEPTION '{STANDS}' USING ERRCODE = 'integrity_constraint_violation';
        END $$""")
    op.execute("""
        CREATE TRIGGER bulletin_stands BEFORE UPDATE OR DELETE ON bulletin
        FOR EACH ROW WHEN (OLD.status = 'published') EXECUTE FUNCTION bulletin_stands()""")
    op.execute("""
        CREATE TRIGGER bulletin_not_emptied BEFORE TRUNCATE ON bulletin
        FOR EACH STATEMENT EXECUTE FUNCTION bulletin_stands()""")
