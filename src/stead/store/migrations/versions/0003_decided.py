"""Each event keeps what the gate decided."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("events", sa.Column("decided", sa.LargeBinary()))


def downgrade() -> None:
    raise NotImplementedError("restore a backup instead")
