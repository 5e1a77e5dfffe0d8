"""Completeness and lint counts per product, channel and language; equal descriptions

Why: lists are sorted and filtered by what products lack, and copies of a description are found without reading them all.
On a million rows: nothing is filled here, so it takes no time; every product is marked, and the running hub fills the tables
in its own time (`hub completeness rebuild` does it at once).

Revision: a71c3f9e5d20, after b26ba458003e
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "a71c3f9e5d20"
down_revision = "b26ba458003e"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_PLAIN = sa.String().with_variant(sa.String(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "completeness",
        sa.Column("product_id", _ID, nullable=False),
        sa.Column("channel", _PLAIN, nullable=False),
        sa.Column("locale", _PLAIN, nullable=False),
        sa.Column("required", sa.Integer(), nullable=False),
        sa.Column("filled", sa.Integer(), nullable=False),
        sa.Column("percent", sa.Integer(), nullable=False),
        sa.Column("missing", sa.JSON(), nullable=False),
        sa.Column("errors", sa.Integer(), nullable=False),
        sa.Column("warnings", sa.Integer(), nullable=False),
        sa.CheckConstraint("percent BETWEEN 0 AND 100", name=op.f("ck_completeness_percent")),
        sa.CheckConstraint("filled BETWEEN 0 AND required", name=op.f("ck_completeness_filled")),
        sa.CheckConstraint("percent < 100 OR filled = required", name=op.f("ck_completeness_complete")),
        sa.ForeignKeyConstraint(
            ["product_id"], ["products.id"], name=op.f("fk_completeness_product_id_products"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("product_id", "channel", "locale", name=op.f("pk_completeness")),
    )
    with op.batch_alter_table("completeness", schema=None) as batch_op:
        for column in ("percent", "errors", "warnings"):
            batch_op.create_index(
                f"ix_completeness_{column}", ["channel", "locale", column, "product_id"], unique=False
            )
    op.create_table(
        "description_digests",
        sa.Column("product_id", _ID, nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["product_id"], ["products.id"], name=op.f("fk_description_digests_product_id_products"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("product_id", name=op.f("pk_description_digests")),
    )
    with op.batch_alter_table("description_digests", schema=None) as batch_op:
        batch_op.create_index("ix_description_digests_digest", ["digest", "product_id"], unique=False)
    sqlite = op.get_bind().dialect.name == "sqlite"
    now = "unixepoch('now') * 1000000" if sqlite else "(extract(epoch FROM now()) * 1000000)::bigint"
    op.execute(
        f"INSERT INTO dirty_products (product_id, revision, since) SELECT id, 1, {now} FROM products WHERE true"  # noqa: S608
        " ON CONFLICT (product_id) DO UPDATE SET revision = dirty_products.revision + 1"
    )


def downgrade() -> None:
    with op.batch_alter_table("description_digests", schema=None) as batch_op:
        batch_op.drop_index("ix_description_digests_digest")
    op.drop_table("description_digests")
    with op.batch_alter_table("completeness", schema=None) as batch_op:
        for column in ("warnings", "errors", "percent"):
            batch_op.drop_index(f"ix_completeness_{column}")
    op.drop_table("completeness")
