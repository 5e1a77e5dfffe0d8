"""What channels list, and what of it may be ours

Why: an account's listings are pulled and matched with the catalogue; two tables beside the products find a SKU that
differs in case or signs alone, and titles that share a rare word.
On a million rows: the tables begin empty, so at once; every product is marked once so that the sweep fills what is kept
beside it (some seconds per million, the sweep itself runs in the background).

Revision: cf049b4ebf19, after a71c3f9e5d20
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "cf049b4ebf19"
down_revision = "a71c3f9e5d20"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "catalogue_pulls",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("complete", sa.Boolean(), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=True),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("items", sa.Integer(), nullable=False),
        sa.Column("gone", sa.Integer(), nullable=False),
        sa.Column("unreadable", sa.Integer(), nullable=False),
        sa.Column("problems", sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_catalogue_pulls_account_id_accounts")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalogue_pulls")),
    )
    with op.batch_alter_table("catalogue_pulls", schema=None) as batch_op:
        batch_op.create_index("ix_catalogue_pulls_account", ["account_id", "id"], unique=False)
        batch_op.create_index(
            "uq_catalogue_pulls_open",
            ["account_id"],
            unique=True,
            postgresql_where=sa.text("ended_at IS NULL"),
            sqlite_where=sa.text("ended_at IS NULL"),
        )

    op.create_table(
        "channel_items",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("account_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("channel_sku", sa.String(), nullable=False),
        sa.Column("sku_key", sa.String(), nullable=False),
        sa.Column("external_id", sa.String(), nullable=True),
        sa.Column("group_key", sa.String(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("brand", sa.String(), nullable=False),
        sa.Column("gtin", sa.String(), nullable=True),
        sa.Column("price_minor", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(), nullable=True),
        sa.Column("quantity", sa.Integer(), nullable=True),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("images", sa.JSON(), nullable=False),
        sa.Column("facts", sa.JSON(), nullable=False),
        sa.Column("pull_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("first_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.Column("gone_at", sa.BigInteger(), nullable=True),
        sa.Column("dismissed", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_channel_items_account_id_accounts")),
        sa.ForeignKeyConstraint(
            ["pull_id"], ["catalogue_pulls.id"], name=op.f("fk_channel_items_pull_id_catalogue_pulls")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channel_items")),
        sa.UniqueConstraint("account_id", "key", name=op.f("uq_channel_items_account_id_key")),
    )
    with op.batch_alter_table("channel_items", schema=None) as batch_op:
        batch_op.create_index("ix_channel_items_alike", ["account_id", "sku_key"], unique=False)
        batch_op.create_index("ix_channel_items_group", ["account_id", "group_key"], unique=False)
        batch_op.create_index("ix_channel_items_pull", ["account_id", "pull_id"], unique=False)
        batch_op.create_index("ix_channel_items_sku", ["account_id", "channel_sku"], unique=False)

    op.create_table(
        "match_title_words",
        sa.Column("word", sa.String(), nullable=False),
        sa.Column("product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(
            ["product_id"], ["products.id"], name=op.f("fk_match_title_words_product_id_products"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("word", "product_id", name=op.f("pk_match_title_words")),
    )
    with op.batch_alter_table("match_title_words", schema=None) as batch_op:
        batch_op.create_index("ix_match_title_words_product", ["product_id"], unique=False)

    op.create_table(
        "channel_matches",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("item_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("variant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("score", sa.Integer(), nullable=False),
        sa.Column("evidence", sa.JSON(), nullable=False),
        sa.Column("listing_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("made_product", sa.Boolean(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint(
            "state IN ('proposed','accepted','rejected','created')", name=op.f("ck_channel_matches_state")
        ),
        sa.CheckConstraint("score >= 0 AND score <= 100", name=op.f("ck_channel_matches_score")),
        sa.ForeignKeyConstraint(
            ["item_id"], ["channel_items.id"], name=op.f("fk_channel_matches_item_id_channel_items"), ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(
            ["variant_id"], ["variants.id"], name=op.f("fk_channel_matches_variant_id_variants"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_channel_matches")),
        sa.UniqueConstraint("item_id", "variant_id", name=op.f("uq_channel_matches_item_id_variant_id")),
    )
    with op.batch_alter_table("channel_matches", schema=None) as batch_op:
        batch_op.create_index("ix_channel_matches_score", ["state", "score", "id"], unique=False)
        batch_op.create_index(batch_op.f("ix_channel_matches_variant_id"), ["variant_id"], unique=False)
        batch_op.create_index(
            "uq_channel_matches_decided",
            ["item_id"],
            unique=True,
            postgresql_where=sa.text("state IN ('accepted','created')"),
            sqlite_where=sa.text("state IN ('accepted','created')"),
        )

    op.create_table(
        "match_sku_keys",
        sa.Column("variant_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sku_key", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["variant_id"], ["variants.id"], name=op.f("fk_match_sku_keys_variant_id_variants"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("variant_id", name=op.f("pk_match_sku_keys")),
    )
    with op.batch_alter_table("match_sku_keys", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_match_sku_keys_product_id"), ["product_id"], unique=False)
        batch_op.create_index(batch_op.f("ix_match_sku_keys_sku_key"), ["sku_key"], unique=False)

    op.execute(
        "INSERT INTO dirty_products (product_id, revision, since) SELECT id, 1, updated_at FROM products WHERE true"
        " ON CONFLICT (product_id) DO UPDATE SET revision = dirty_products.revision + 1"
    )


def downgrade() -> None:
    with op.batch_alter_table("match_sku_keys", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_match_sku_keys_sku_key"))
        batch_op.drop_index(batch_op.f("ix_match_sku_keys_product_id"))

    op.drop_table("match_sku_keys")
    with op.batch_alter_table("channel_matches", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_channel_matches_decided",
            postgresql_where=sa.text("state IN ('accepted','created')"),
            sqlite_where=sa.text("state IN ('accepted','created')"),
        )
        batch_op.drop_index(batch_op.f("ix_channel_matches_variant_id"))
        batch_op.drop_index("ix_channel_matches_score")

    op.drop_table("channel_matches")
    with op.batch_alter_table("match_title_words", schema=None) as batch_op:
        batch_op.drop_index("ix_match_title_words_product")

    op.drop_table("match_title_words")
    with op.batch_alter_table("channel_items", schema=None) as batch_op:
        batch_op.drop_index("ix_channel_items_sku")
        batch_op.drop_index("ix_channel_items_pull")
        batch_op.drop_index("ix_channel_items_group")
        batch_op.drop_index("ix_channel_items_alike")

    op.drop_table("channel_items")
    with op.batch_alter_table("catalogue_pulls", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_catalogue_pulls_open",
            postgresql_where=sa.text("ended_at IS NULL"),
            sqlite_where=sa.text("ended_at IS NULL"),
        )
        batch_op.drop_index("ix_catalogue_pulls_account")

    op.drop_table("catalogue_pulls")
