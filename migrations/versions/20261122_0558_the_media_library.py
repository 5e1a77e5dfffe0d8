"""The media library

Why: pictures and files are kept by their content, with what is known of them, where they came from and who uses them.
On a million rows: new tables, so at once.

Revision: b26ba458003e, after c41f7a90d2be
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "b26ba458003e"
down_revision = "c41f7a90d2be"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "media_assets",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sha256", sa.String(), nullable=False),
        sa.Column("content_type", sa.String(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=True),
        sa.Column("height", sa.Integer(), nullable=True),
        sa.Column("mode", sa.String(), nullable=False),
        sa.Column("animated", sa.Boolean(), nullable=False),
        sa.Column("border", sa.Integer(), nullable=True),
        sa.Column("dhash", sa.String(), nullable=False),
        sa.Column("band_0", sa.Integer(), nullable=True),
        sa.Column("band_1", sa.Integer(), nullable=True),
        sa.Column("band_2", sa.Integer(), nullable=True),
        sa.Column("band_3", sa.Integer(), nullable=True),
        sa.Column("alt", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("border IS NULL OR (border >= 0 AND border <= 1000)", name=op.f("ck_media_assets_border")),
        sa.CheckConstraint("bytes > 0", name=op.f("ck_media_assets_bytes")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_media_assets")),
        sa.UniqueConstraint("sha256", name=op.f("uq_media_assets_sha256")),
    )
    with op.batch_alter_table("media_assets", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_media_assets_band_0"), ["band_0"], unique=False)
        batch_op.create_index(batch_op.f("ix_media_assets_band_1"), ["band_1"], unique=False)
        batch_op.create_index(batch_op.f("ix_media_assets_band_2"), ["band_2"], unique=False)
        batch_op.create_index(batch_op.f("ix_media_assets_band_3"), ["band_3"], unique=False)

    op.create_table(
        "media_fetches",
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("cause", sa.String(), nullable=False),
        sa.Column("asset_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("fetched_at", sa.BigInteger(), nullable=True),
        sa.CheckConstraint("state IN ('waiting','done','failed')", name=op.f("ck_media_fetches_state")),
        sa.ForeignKeyConstraint(["asset_id"], ["media_assets.id"], name=op.f("fk_media_fetches_asset_id_media_assets")),
        sa.PrimaryKeyConstraint("address", name=op.f("pk_media_fetches")),
    )
    with op.batch_alter_table("media_fetches", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_media_fetches_asset_id"), ["asset_id"], unique=False)
        batch_op.create_index(
            "ix_media_fetches_waiting",
            ["due_at"],
            unique=False,
            postgresql_where=sa.text("state = 'waiting'"),
            sqlite_where=sa.text("state = 'waiting'"),
        )

    op.create_table(
        "media_uses",
        sa.Column("product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("reference", sa.String(), nullable=False),
        sa.Column("sha256", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_media_uses_product_id_products")),
        sa.PrimaryKeyConstraint("product_id", "reference", name=op.f("pk_media_uses")),
    )
    with op.batch_alter_table("media_uses", schema=None) as batch_op:
        batch_op.create_index("ix_media_uses_reference", ["reference"], unique=False)
        batch_op.create_index(batch_op.f("ix_media_uses_sha256"), ["sha256"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("media_uses", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_media_uses_sha256"))
        batch_op.drop_index("ix_media_uses_reference")

    op.drop_table("media_uses")
    with op.batch_alter_table("media_fetches", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_media_fetches_waiting",
            postgresql_where=sa.text("state = 'waiting'"),
            sqlite_where=sa.text("state = 'waiting'"),
        )
        batch_op.drop_index(batch_op.f("ix_media_fetches_asset_id"))

    op.drop_table("media_fetches")
    with op.batch_alter_table("media_assets", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_media_assets_band_3"))
        batch_op.drop_index(batch_op.f("ix_media_assets_band_2"))
        batch_op.drop_index(batch_op.f("ix_media_assets_band_1"))
        batch_op.drop_index(batch_op.f("ix_media_assets_band_0"))

    op.drop_table("media_assets")
