"""Calls made inside a transaction

Why: every process that calls a channel adds up here how often it did so with a transaction open (I11), so that the
doctor sees it whoever made the call.
On a million rows: a column with a constant default on a table of a few hundred rows, so at once.

Revision: 8f1d5e0c7a42, after 20c2c6ed9537
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "8f1d5e0c7a42"
down_revision = "20c2c6ed9537"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("traffic_counts") as table:
        table.add_column(sa.Column("in_transaction", sa.Integer(), nullable=False, server_default="0"))
    with op.batch_alter_table("traffic_counts") as table:
        table.alter_column("in_transaction", server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("traffic_counts") as table:
        table.drop_column("in_transaction")
