"""Search and saved views

Why: products are found by words, by parts of SKUs and titles and by attributes, and lists are kept under a name.
On a million rows: nothing is filled here, so it takes no time; `hub search rebuild` fills the tables afterwards (some
minutes). On PostgreSQL the extension pg_trgm is created where that is allowed; `hub doctor` says if it was not.

Revision: 4880ff7c6c0e, after 93c6de7b5555
"""

# ruff: noqa: S608  (names of tables and columns are constants of this module)
from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "4880ff7c6c0e"
down_revision = "93c6de7b5555"
branch_labels = None
depends_on = None

_PLAIN = sa.String().with_variant(sa.String(collation="C"), "postgresql")
_FTS = {
    "search_words": ("tokens", "tokenize='ascii', prefix='2 3'"),
    "search_parts": ("haystack", "tokenize='trigram case_sensitive 1'"),
}
_POSTGRES = (
    "ALTER TABLE search_documents ADD COLUMN vector tsvector"
    " GENERATED ALWAYS AS (array_to_tsvector(string_to_array(tokens, ' '))) STORED",
    "CREATE INDEX ix_search_documents_words ON search_documents USING gin (vector)",
    "DO $$ BEGIN CREATE EXTENSION IF NOT EXISTS pg_trgm;"
    " EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported THEN"
    " RAISE NOTICE 'pg_trgm is not available'; END $$",
    "DO $$ BEGIN IF EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm') THEN"
    " CREATE INDEX ix_search_documents_parts ON search_documents USING gin (haystack gin_trgm_ops);"
    " END IF; END $$",
)
_SORTED = {
    "title": ["sort_title", "product_id"],
    "sku": ["sku", "product_id"],
    "price": ["price_minor", "product_id"],
    "updated": ["updated_at", "product_id"],
    "brand": ["brand", "sort_title", "product_id"],
    "category": ["category", "sort_title", "product_id"],
    "family": ["family_id", "sort_title", "product_id"],
    "state": ["state", "sort_title", "product_id"],
}


def upgrade() -> None:
    op.create_table(
        "search_documents",
        sa.Column("product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sort_title", _PLAIN, nullable=False),
        sa.Column("sku", _PLAIN, nullable=False),
        sa.Column("brand", _PLAIN, nullable=False),
        sa.Column("category", _PLAIN, nullable=False),
        sa.Column("family_id", sa.Integer(), nullable=True),
        sa.Column("state", _PLAIN, nullable=False),
        sa.Column("stock_class", _PLAIN, nullable=False),
        sa.Column("has_gtin", sa.Boolean(), nullable=False),
        sa.Column("has_picture", sa.Boolean(), nullable=False),
        sa.Column("price_minor", sa.BigInteger(), nullable=False),
        sa.Column("price_high_minor", sa.BigInteger(), nullable=False),
        sa.Column("currency", _PLAIN, nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.Column("tokens", sa.Text(), nullable=False),
        sa.Column("haystack", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["product_id"], ["products.id"], name="fk_search_documents_product_id_products", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("product_id", name="pk_search_documents"),
    )
    for name, columns in _SORTED.items():
        op.create_index(f"ix_search_documents_{name}", "search_documents", columns)
    op.create_table(
        "attribute_index",
        sa.Column("product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code", _PLAIN, nullable=False),
        sa.Column("value", _PLAIN, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["product_id"], ["products.id"], name="fk_attribute_index_product_id_products", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("product_id", "code", "value", name="pk_attribute_index"),
    )
    op.create_index("ix_attribute_index_value", "attribute_index", ["code", "value", "product_id"])
    op.create_index("ix_attribute_index_number", "attribute_index", ["code", "number", "product_id"])
    op.create_table(
        "saved_views",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("shared", sa.Boolean(), nullable=False),
        sa.Column("query", sa.JSON(), nullable=False),
        sa.Column("columns", sa.JSON(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("name <> ''", name="ck_saved_views_name"),
        sa.PrimaryKeyConstraint("id", name="pk_saved_views"),
    )
    op.create_index("uq_saved_views_owner_name", "saved_views", ["owner", "name"], unique=True)
    shared = sa.text("shared")
    op.create_index(
        "ix_saved_views_shared", "saved_views", ["name", "id"], postgresql_where=shared, sqlite_where=shared
    )
    if op.get_bind().dialect.name == "postgresql":
        for statement in _POSTGRES:
            op.execute(statement)
        return
    for name, (column, options) in _FTS.items():
        gone = f"INSERT INTO {name}({name}, rowid, {column}) VALUES ('delete', old.product_id, old.{column});"
        come = f"INSERT INTO {name}(rowid, {column}) VALUES (new.product_id, new.{column});"
        for statement in (
            f"CREATE VIRTUAL TABLE {name} USING fts5({column}, content='search_documents',"
            f" content_rowid='product_id', {options})",
            f"CREATE TRIGGER {name}_insert AFTER INSERT ON search_documents BEGIN {come} END",
            f"CREATE TRIGGER {name}_delete AFTER DELETE ON search_documents BEGIN {gone} END",
            f"CREATE TRIGGER {name}_update AFTER UPDATE OF product_id, {column} ON search_documents"
            f" WHEN old.{column} <> new.{column} OR old.product_id <> new.product_id BEGIN {gone} {come} END",
        ):
            op.execute(statement)


def downgrade() -> None:
    """Saved views are lost. The extension stays: others may use it."""
    op.drop_table("saved_views")
    op.drop_table("attribute_index")
    if op.get_bind().dialect.name == "sqlite":
        for name in _FTS:
            op.execute(f"DROP TABLE {name}")
    op.drop_table("search_documents")
