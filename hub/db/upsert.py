"""INSERT … ON CONFLICT on both databases: the only place that speaks the dialects' upsert.

Rows travel as parameters of one small statement that SQLAlchemy compiles once and keeps: on PostgreSQL as one array per
column, on SQLite as `executemany` (`insertmanyvalues` where rows come back). A statement with all rows spelled out as
VALUES would be compiled anew each time, which costs five times as much as the database needs to write them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Table, TextClause, bindparam, column, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Row
from sqlalchemy.orm import DeclarativeBase, Session

T = TypeVar("T")
CHUNK = 500  # rows per statement; × columns stays far below the 32,766 parameters of SQLite


def _insert(session: Session, table: Table) -> Any:
    maker = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}[session.get_bind().dialect.name]
    return maker(table)


def chunks(rows: Sequence[T], size: int = CHUNK) -> Iterator[Sequence[T]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def table_of(model: type[DeclarativeBase]) -> Table:
    table = model.__table__
    assert isinstance(table, Table)
    return table


def put(
    session: Session,
    model: type[DeclarativeBase],
    rows: Sequence[Mapping[str, Any]],
    *,
    key: Sequence[str],
    update: Sequence[str] | Mapping[str, Any] | None = None,
    newer: str | None = None,
    where: ColumnElement[bool] | None = None,
    returning: Iterable[str] = (),
) -> list[Row[Any]]:
    """Insert rows or, where `key` exists, update the columns of `update` (None = all given but the key).

    `update` may map a column to an SQL expression (without IN: many rows share one statement). With `newer`, an existing row changes only if the given value of
    that column is greater than the stored one; `where` is any further condition. Returns the rows of `returning` that
    were really written: a stale or refused row is not among them.

    Keys must not repeat within `rows` (PostgreSQL refuses to touch a row twice in one statement), and all rows name the
    same columns.
    """
    table = table_of(model)
    if not rows:
        return []

    def on_conflict(stmt: Any) -> Any:
        if update is None:
            changes: dict[str, Any] = {c: stmt.excluded[c] for c in rows[0] if c not in key}
        elif isinstance(update, Mapping):
            changes = dict(update)
        else:
            changes = {c: stmt.excluded[c] for c in update}
        condition = where
        if newer is not None:
            fresh = table.c[newer] < stmt.excluded[newer]
            condition = fresh if condition is None else condition & fresh
        return stmt.on_conflict_do_update(index_elements=list(key), set_=changes, where=condition)

    return _write(session, table, rows, returning, on_conflict)


def put_new(
    session: Session,
    model: type[DeclarativeBase],
    rows: Sequence[Mapping[str, Any]],
    *,
    key: Sequence[str],
    where: ColumnElement[bool] | TextClause | None = None,
    returning: Iterable[str] = (),
) -> list[Row[Any]]:
    """Insert rows whose `key` is not there yet; return the `returning` columns of those that were inserted.

    `where` is the condition of the unique index, if `key` is unique only under one.
    """
    table = table_of(model)
    return _write(
        session,
        table,
        rows,
        returning,
        lambda stmt: stmt.on_conflict_do_nothing(index_elements=list(key), index_where=where),
    )


def _write(
    session: Session,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    returning: Iterable[str],
    on_conflict: Callable[[Any], Any],
) -> list[Row[Any]]:
    columns = [table.c[name] for name in returning]
    out: list[Row[Any]] = []
    if not rows:
        return out
    # One or two rows are cheaper as they are than as arrays.
    as_arrays = len(rows) > 2 and session.get_bind().dialect.name == "postgresql"
    stmt = on_conflict(_from_arrays(table, list(rows[0])) if as_arrays else _insert(session, table))
    if columns:
        stmt = stmt.returning(*columns)
    for part in chunks(rows):
        result = session.execute(stmt, {name: [row[name] for row in part] for name in rows[0]} if as_arrays else part)
        if columns:
            out.extend(result.all())
    return out


def _from_arrays(table: Table, names: Sequence[str]) -> Any:
    """INSERT … SELECT FROM unnest(one array per column): a statement that is the same however many rows there are."""
    arrays = [bindparam(name, type_=postgresql.ARRAY(table.c[name].type, dimensions=1)) for name in names]
    given = func.unnest(*arrays).table_valued(*(column(name, table.c[name].type) for name in names), name="given")
    return postgresql.insert(table).from_select(list(names), select(*given.render_derived().c))
