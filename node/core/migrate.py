"""Bring a database to the schema of this program. Migrations are the only way tables are made.

Alembic takes 0.7 s to import, so only the command that needs it pays for it.
"""

from importlib.resources import files

from sqlalchemy import Engine

from node.core.db import writing


def migrate(engine: Engine, revision: str = "head") -> None:
    """Upgrade the database behind `engine` to a revision, in one transaction."""
    from alembic import command  # noqa: PLC0415  # slow to import
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(files("migrations")))
    with writing(engine) as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def schema_revision(engine: Engine) -> str | None:
    """The revision a database is at, or None when it has never been migrated."""
    from sqlalchemy import inspect, text  # noqa: PLC0415

    if not inspect(engine).has_table("alembic_version"):
        return None
    with engine.connect() as connection:
        return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
