"""The base content has a language

Why: an account or a page that asks for the language in which the base content is written gets the base content.
On a million rows: locales are few, so at once.

Revision: 2499d3c24507, after 4880ff7c6c0e
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2499d3c24507"
down_revision = "4880ff7c6c0e"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("locales", schema=None) as batch_op:
        batch_op.add_column(sa.Column("is_base", sa.Boolean(), nullable=False, server_default=sa.false()))
    with op.batch_alter_table("locales", schema=None) as batch_op:
        batch_op.alter_column("is_base", server_default=None)
        batch_op.create_index(
            "uq_locales_base",
            ["is_base"],
            unique=True,
            postgresql_where=sa.text("is_base"),
            sqlite_where=sa.text("is_base"),
        )


def downgrade() -> None:
    with op.batch_alter_table("locales", schema=None) as batch_op:
        batch_op.drop_index("uq_locales_base", postgresql_where=sa.text("is_base"), sqlite_where=sa.text("is_base"))
        batch_op.drop_column("is_base")
