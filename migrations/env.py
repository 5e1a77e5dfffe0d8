"""What Alembic runs for every command. Driven by hub/db/migrate.py, which hands in the connection: there is no ini."""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from alembic import context
from sqlalchemy import MetaData

from hub.db.migrate import MODELS


def _metadata() -> MetaData:
    """All tables, from the models. Only comparing needs them: a revision describes itself."""
    for name in MODELS:
        if importlib.util.find_spec(name) is not None:
            importlib.import_module(name)
    return importlib.import_module("hub.db.base").Base.metadata


def _render(kind: str, item: Any, _: object) -> str | bool:
    """Our column types are written as what they are stored as, so that old revisions never import the hub."""
    if kind == "type":
        name = type(item).__name__
        if name == "UtcDateTime":
            return "sa.BigInteger()"
        if name == "EncryptedText":
            return "sa.LargeBinary()"
    return False


_FULL_TEXT = ("search_words", "search_parts", "ix_search_documents_words", "ix_search_documents_parts")


def _include_name(name: str | None, kind: str, _: object) -> bool:
    """Full text tables with their shadows, columns and indexes are not in the models: each database has its own."""
    return name is None or not (name.startswith(_FULL_TEXT) or (kind == "column" and name == "vector"))


def _include_object(_item: object, name: str | None, kind: str, _reflected: bool, _other: object) -> bool:
    return kind not in ("index", "column") or _include_name(name, kind, None)


def run() -> None:
    config = context.config
    connection = config.attributes.get("connection")
    if connection is None:
        raise RuntimeError("run migrations through hub.db.migrate (`hub migrate`), not through the alembic command")
    context.configure(
        connection=connection,
        target_metadata=_metadata() if config.attributes.get("compare") else None,
        render_as_batch=True,  # SQLite changes a table by copying it; on PostgreSQL this is a plain ALTER
        render_item=_render,
        include_name=_include_name,
        include_object=_include_object,
        transactional_ddl=True,
        transaction_per_migration=True,
        compare_server_default=True,
    )
    with context.begin_transaction():
        context.run_migrations()


run()
