"""Categories, brands, relations

Why: our own category tree with its counterparts on the channels, one spelling per brand, and what goes with what.
On a million rows: new tables, so at once.

Revision: 93c6de7b5555, after 5b0c9d7e41f3
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "93c6de7b5555"
down_revision = "5b0c9d7e41f3"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "brands",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_brands")),
        sa.UniqueConstraint("name", name=op.f("uq_brands_name")),
    )
    op.create_table(
        "categories",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tree", sa.String(), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("parent_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("path", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["parent_id"], ["categories.id"], name=op.f("fk_categories_parent_id_categories")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_categories")),
        sa.UniqueConstraint("tree", "code", name=op.f("uq_categories_tree_code")),
    )
    with op.batch_alter_table("categories", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_categories_parent_id"), ["parent_id"], unique=False)
        batch_op.create_index("ix_categories_path", ["tree", "path"], unique=False)

    op.create_table(
        "brand_spellings",
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("brand_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["brand_id"], ["brands.id"], name=op.f("fk_brand_spellings_brand_id_brands")),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_brand_spellings")),
    )
    with op.batch_alter_table("brand_spellings", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_brand_spellings_brand_id"), ["brand_id"], unique=False)

    op.create_table(
        "category_mappings",
        sa.Column("own_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tree", sa.String(), nullable=False),
        sa.Column("category_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.CheckConstraint("tree <> 'own'", name=op.f("ck_category_mappings_tree")),
        sa.ForeignKeyConstraint(
            ["category_id"], ["categories.id"], name=op.f("fk_category_mappings_category_id_categories")
        ),
        sa.ForeignKeyConstraint(["own_id"], ["categories.id"], name=op.f("fk_category_mappings_own_id_categories")),
        sa.PrimaryKeyConstraint("own_id", "tree", name=op.f("pk_category_mappings")),
    )
    with op.batch_alter_table("category_mappings", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_category_mappings_category_id"), ["category_id"], unique=False)

    op.create_table(
        "product_categories",
        sa.Column("product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("category_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("main", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["category_id"], ["categories.id"], name=op.f("fk_product_categories_category_id_categories")
        ),
        sa.ForeignKeyConstraint(
            ["product_id"], ["products.id"], name=op.f("fk_product_categories_product_id_products")
        ),
        sa.PrimaryKeyConstraint("product_id", "category_id", name=op.f("pk_product_categories")),
    )
    with op.batch_alter_table("product_categories", schema=None) as batch_op:
        batch_op.create_index("ix_product_categories_category", ["category_id", "product_id"], unique=False)
        batch_op.create_index(
            "uq_product_categories_main",
            ["product_id"],
            unique=True,
            postgresql_where=sa.text("main"),
            sqlite_where=sa.text("main"),
        )

    op.create_table(
        "product_relations",
        sa.Column("product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("other_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "kind IN ('related','complementary','similar','accessory','spare','replaces')",
            name=op.f("ck_product_relations_kind"),
        ),
        sa.CheckConstraint("product_id <> other_id", name=op.f("ck_product_relations_other")),
        sa.ForeignKeyConstraint(["other_id"], ["products.id"], name=op.f("fk_product_relations_other_id_products")),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_product_relations_product_id_products")),
        sa.PrimaryKeyConstraint("product_id", "kind", "other_id", name=op.f("pk_product_relations")),
    )
    with op.batch_alter_table("product_relations", schema=None) as batch_op:
        batch_op.create_index("ix_product_relations_other", ["other_id"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("product_relations", schema=None) as batch_op:
        batch_op.drop_index("ix_product_relations_other")

    op.drop_table("product_relations")
    with op.batch_alter_table("product_categories", schema=None) as batch_op:
        batch_op.drop_index(
            "uq_product_categories_main", postgresql_where=sa.text("main"), sqlite_where=sa.text("main")
        )
        batch_op.drop_index("ix_product_categories_category")

    op.drop_table("product_categories")
    with op.batch_alter_table("category_mappings", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_category_mappings_category_id"))

    op.drop_table("category_mappings")
    with op.batch_alter_table("brand_spellings", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_brand_spellings_brand_id"))

    op.drop_table("brand_spellings")
    with op.batch_alter_table("categories", schema=None) as batch_op:
        batch_op.drop_index("ix_categories_path")
        batch_op.drop_index(batch_op.f("ix_categories_parent_id"))

    op.drop_table("categories")
    op.drop_table("brands")
