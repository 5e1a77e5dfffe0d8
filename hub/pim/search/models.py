"""What search keeps beside the products, and the saved views.

The full text indexes are the databases' own: on SQLite two FTS5 tables over `search_documents`, filled by triggers; on
PostgreSQL two GIN indexes, the second one only where the extension pg_trgm can be had. They are made with the tables
here, and by the migration in a real database.
"""

# ruff: noqa: S608  (names of tables and columns are constants of this module)
from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import DDL, BigInteger, CheckConstraint, ForeignKey, Index, String, Text, event, text
from sqlalchemy.orm import Mapped, mapped_column

from hub.db.base import Base, BigId
from hub.db.upsert import table_of

PLAIN = String().with_variant(String(collation="C"), "postgresql")
"""Text that both databases sort by code point."""


class SearchDocument(Base):
    """What of a product is searched, filtered and sorted; written by search/index.py alone.

    `sort_title`: the title's words, folded. `sku`: the first of its SKUs («» = no variants). `price_minor` and
    `price_high_minor`: the lowest and the highest of its prices, -1 = none; `currency` «» = several, or none. `tokens`, `haystack`: see search/words.py.
    """

    __tablename__ = "search_documents"
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id", ondelete="CASCADE"), primary_key=True)
    sort_title: Mapped[str] = mapped_column(PLAIN)
    sku: Mapped[str] = mapped_column(PLAIN)
    brand: Mapped[str] = mapped_column(PLAIN)
    category: Mapped[str] = mapped_column(PLAIN)
    family_id: Mapped[int | None]
    state: Mapped[str] = mapped_column(PLAIN)
    stock_class: Mapped[str] = mapped_column(PLAIN)
    has_gtin: Mapped[bool]
    has_picture: Mapped[bool]
    price_minor: Mapped[int] = mapped_column(BigInteger)
    price_high_minor: Mapped[int] = mapped_column(BigInteger)
    currency: Mapped[str] = mapped_column(PLAIN)
    updated_at: Mapped[datetime]
    tokens: Mapped[str] = mapped_column(Text)
    haystack: Mapped[str] = mapped_column(Text)
    __table_args__ = (
        Index("ix_search_documents_title", "sort_title", "product_id"),
        Index("ix_search_documents_sku", "sku", "product_id"),
        Index("ix_search_documents_price", "price_minor", "product_id"),
        Index("ix_search_documents_updated", "updated_at", "product_id"),
        Index("ix_search_documents_brand", "brand", "sort_title", "product_id"),
        Index("ix_search_documents_category", "category", "sort_title", "product_id"),
        Index("ix_search_documents_family", "family_id", "sort_title", "product_id"),
        Index("ix_search_documents_state", "state", "sort_title", "product_id"),
    )


class AttributeIndex(Base):
    """One value of a product or of one of its variants, for filters and facets; written by search/index.py alone.

    `code`: an attribute's, or «.tag» and «.price». `value`: the stored value as text (texts folded, money
    «EUR:1299»); `number`: numbers in millionths, money in minor units, dates as days since 0001-01-01.
    """

    __tablename__ = "attribute_index"
    product_id: Mapped[int] = mapped_column(ForeignKey("products.id", ondelete="CASCADE"), primary_key=True)
    code: Mapped[str] = mapped_column(PLAIN, primary_key=True)
    value: Mapped[str] = mapped_column(PLAIN, primary_key=True)
    number: Mapped[int | None] = mapped_column(BigInteger)
    __table_args__ = (
        Index("ix_attribute_index_value", "code", "value", "product_id"),
        Index("ix_attribute_index_number", "code", "number", "product_id"),
    )


class SavedView(Base):
    """A query under a name, with the columns that its list shows. `owner`: who made it; others see it if `shared`.
    `query`: its JSON (search/query.py), which bears a version."""

    __tablename__ = "saved_views"
    id: Mapped[int] = mapped_column(BigId, primary_key=True)
    owner: Mapped[str]
    name: Mapped[str]
    shared: Mapped[bool] = mapped_column(default=False)
    query: Mapped[dict[str, Any]]
    columns: Mapped[list[str]] = mapped_column(default=list)
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    __table_args__ = (
        Index("uq_saved_views_owner_name", "owner", "name", unique=True),
        Index("ix_saved_views_shared", "name", "id", postgresql_where=text("shared"), sqlite_where=text("shared")),
        CheckConstraint("name <> ''", name="name"),
    )


FTS = {
    "search_words": ("tokens", "tokenize='ascii', prefix='2 3'"),
    "search_parts": ("haystack", "tokenize='trigram case_sensitive 1'"),
}


def sqlite_ddl() -> list[str]:
    """The FTS5 tables and the triggers that keep them."""
    out = []
    for name, (column, options) in FTS.items():
        gone = f"INSERT INTO {name}({name}, rowid, {column}) VALUES ('delete', old.product_id, old.{column});"
        come = f"INSERT INTO {name}(rowid, {column}) VALUES (new.product_id, new.{column});"
        out += [
            f"CREATE VIRTUAL TABLE {name} USING fts5({column}, content='search_documents',"
            f" content_rowid='product_id', {options})",
            f"CREATE TRIGGER {name}_insert AFTER INSERT ON search_documents BEGIN {come} END",
            f"CREATE TRIGGER {name}_delete AFTER DELETE ON search_documents BEGIN {gone} END",
            f"CREATE TRIGGER {name}_update AFTER UPDATE OF product_id, {column} ON search_documents"
            f" WHEN old.{column} <> new.{column} OR old.product_id <> new.product_id BEGIN {gone} {come} END",
        ]
    return out


WORDS_VECTOR = "search_documents.vector"
"""The tokens as PostgreSQL searches them: a column that only it has, and that it fills itself."""

POSTGRES_DDL = (
    "ALTER TABLE search_documents ADD COLUMN vector tsvector"
    " GENERATED ALWAYS AS (array_to_tsvector(string_to_array(tokens, ' '))) STORED",
    "CREATE INDEX ix_search_documents_words ON search_documents USING gin (vector)",
    # Whoever may not create extensions gets no index here: parts of words are then found by reading all of them, and
    # `hub doctor` says so.
    "DO $$ BEGIN CREATE EXTENSION IF NOT EXISTS pg_trgm;"
    " EXCEPTION WHEN insufficient_privilege OR undefined_file OR feature_not_supported THEN"
    " RAISE NOTICE 'pg_trgm is not available'; END $$",
    "DO $$ BEGIN IF EXISTS (SELECT 1 FROM pg_extension WHERE extname = 'pg_trgm') THEN"
    " CREATE INDEX ix_search_documents_parts ON search_documents USING gin (haystack gin_trgm_ops);"
    " END IF; END $$",
)

_made: list[tuple[str, str, str]] = [
    *(("after_create", "sqlite", statement) for statement in sqlite_ddl()),
    *(("after_create", "postgresql", statement) for statement in POSTGRES_DDL),
    *(("before_drop", "sqlite", f"DROP TABLE IF EXISTS {name}") for name in FTS),
]
for _moment, _dialect, _statement in _made:
    _ddl = DDL(_statement)  # type: ignore[no-untyped-call]  # SQLAlchemy leaves its constructor untyped
    event.listen(table_of(SearchDocument), _moment, _ddl.execute_if(dialect=_dialect))
