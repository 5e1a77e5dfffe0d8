"""INSERT … ON CONFLICT on both databases: the only place that speaks the dialects' upsert.

Rows travel as parameters of one small statement that SQLAlchemy compiles once and keeps: on PostgreSQL as one array per
column, on SQLite as `executemany` (`insertmanyvalues` where rows come back). A statement with all rows spelled out as
VALUES would be compiled anew each time, which costs five times as much as the database needs to write them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select, Table, TextClause, bindparam, column, func, select
from sqlalchemy import update as sql_update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Row
from sqlalchemy.orm import DeclarativeBase, Session
from sqlalchemy.types import TypeEngine

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


def put_selected(
    session: Session,
    model: type[DeclarativeBase],
    columns: Sequence[str],
    source: Select[Any],
    *,
    key: Sequence[str],
    update: Mapping[str, Any],
) -> int:
    """Insert what `source` selects (its columns are `columns`), or make `update` of the rows that are there; returns how
    many were written. For sets that are too large to pass through here. `source` needs a WHERE: without one SQLite reads
    ON CONFLICT as part of a join."""
    stmt = _insert(session, table_of(model)).from_select(list(columns), source)
    stmt = stmt.on_conflict_do_update(index_elements=list(key), set_=dict(update))
    # Without being asked SQLAlchemy forgets the row count of an INSERT on PostgreSQL and says -1.
    return int(session.connection().execute(stmt.execution_options(preserve_rowcount=True)).rowcount)


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
        result = session.execute(stmt, _arrays(part, rows[0]) if as_arrays else part)
        if columns:
            out.extend(result.all())
    return out


Given = Callable[[str], ColumnElement[Any]]
"""The value that a row of `change` gives under a name."""


def change(
    session: Session,
    model: type[DeclarativeBase],
    rows: Sequence[Mapping[str, Any]],
    *,
    key: Sequence[str],
    types: Mapping[str, TypeEngine[Any]],
    values: Callable[[Given], Mapping[str, Any]],
    where: Callable[[Given], ColumnElement[bool]] | None = None,
) -> int:
    """UPDATE many rows in one go, each with its own values; returns how many there were and met the condition.

    Every row gives the columns of `key` and the names of `types`; `values` and `where` are made from what `Given` names.
    Keys must not repeat. Nothing is locked in any order here: lock the rows first if other units may change them in another one.
    """
    if not rows:
        return 0
    table = table_of(model)
    kinds = {name: table.c[name].type for name in key} | dict(types)
    changed = 0
    if session.get_bind().dialect.name == "postgresql":
        source = _given(kinds)
        stmt = _changing(table, key, lambda name: source.c[name], values, where)
        for part in chunks(rows):
            changed += _rowcount(session, stmt, _arrays(part, kinds))
        return changed
    stmt = _changing(table, key, lambda name: bindparam(f"given_{name}", type_=kinds[name]), values, where)
    for part in chunks(rows):
        changed += _rowcount(session, stmt, [{f"given_{name}": row[name] for name in kinds} for row in part])
    return changed


def _changing(
    table: Table,
    key: Sequence[str],
    given: Given,
    values: Callable[[Given], Mapping[str, Any]],
    where: Callable[[Given], ColumnElement[bool]] | None,
) -> Any:
    stmt = sql_update(table).where(*(table.c[name] == given(name) for name in key)).values(dict(values(given)))
    return stmt if where is None else stmt.where(where(given))


def _rowcount(session: Session, stmt: Any, parameters: Any) -> int:
    return int(session.connection().execute(stmt, parameters).rowcount)


def _given(kinds: Mapping[str, TypeEngine[Any]]) -> Any:
    arrays = [bindparam(f"given_{name}", type_=postgresql.ARRAY(kind, dimensions=1)) for name, kind in kinds.items()]
    columns = [column(name, kind) for name, kind in kinds.items()]
    return func.unnest(*arrays).table_valued(*columns, name="given").render_derived()


def _arrays(rows: Sequence[Mapping[str, Any]], names: Iterable[str]) -> dict[str, list[Any]]:
    return {f"given_{name}": [row[name] for row in rows] for name in names}


def _from_arrays(table: Table, names: Sequence[str]) -> Any:
    """INSERT … SELECT FROM unnest(one array per column): a statement that is the same however many rows there are."""
    given = _given({name: table.c[name].type for name in names})
    return postgresql.insert(table).from_select(list(names), select(*given.c))
