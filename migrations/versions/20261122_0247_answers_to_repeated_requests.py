"""Answers to repeated requests

Why: the API replays the answer of a POST that is sent again with the same Idempotency-Key.
On a million rows: a new table, so at once.

Revision: 20c2c6ed9537, after 013594638937
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "20c2c6ed9537"
down_revision = "013594638937"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("route", sa.String(), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("status = 0 OR (status >= 200 AND status < 500)", name=op.f("ck_idempotency_keys_status")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index(op.f("ix_idempotency_keys_created_at"), "idempotency_keys", ["created_at"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_idempotency_keys_created_at"), table_name="idempotency_keys")
    op.drop_table("idempotency_keys")
