"""How alembic runs a migration: on the connection that it is given, in one transaction."""

from __future__ import annotations

from alembic import context

import stead.store.ecs_tables  # noqa: F401  # its tables are in the metadata once it is imported
from stead.store.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
