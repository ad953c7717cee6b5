"""Alembic's entry: one history for SQLite and Postgres, over every table of the house and of sync.

`node.core.migrate` hands over an open connection; there is no offline mode and no ini file.
"""

from alembic import context
from sqlmodel import SQLModel

import sync.store
from migrations.rendering import include_object, render_item
from node.models import load_all_models

load_all_models()

connection = context.config.attributes["connection"]

context.configure(
    connection=connection,
    target_metadata=[SQLModel.metadata, sync.store.metadata],
    render_as_batch=True,
    render_item=render_item,
    include_object=include_object,
    compare_type=True,
    user_module_prefix="",
)

with context.begin_transaction():
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL lock_timeout = '5s'")
    context.run_migrations()
