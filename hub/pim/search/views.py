"""Saved views: queries under a name, with the columns that their list shows. A person's own, or shared with all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, or_, select, tuple_
from sqlalchemy.orm import Session

from hub.kernel.errors import Invalid, NotAllowedNow, StaleEdit, Unknown
from hub.kernel.text import shorten
from hub.pim.facts import plain_text
from hub.pim.history.note import Changed, note
from hub.pim.search.encoding import from_json, to_json
from hub.pim.search.models import SavedView
from hub.pim.search.query import Query

NAME_MAX, VIEWS_MAX, PAGE_MAX = 100, 500, 200
COLUMNS = (
    "picture", "title", "handle", "sku", "skus", "brand", "category", "tags", "state", "stock_class", "price",
    "available", "completeness", "updated",
)  # fmt: skip
DEFAULT_COLUMNS = ("picture", "title", "sku", "brand", "state", "price", "available", "updated")


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A saved view. `version` goes back with a change, so that one made on an old page is refused."""

    id: int
    owner: str
    name: str
    shared: bool
    query: Query
    columns: tuple[str, ...]
    version: int
    updated_at: datetime

    def as_dict(self) -> dict[str, Any]:
        return {
            "id": self.id, "owner": self.owner, "name": self.name, "shared": self.shared, "query": to_json(self.query),
            "columns": list(self.columns), "version": self.version, "updated_at": self.updated_at.isoformat(),
        }  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class NewView:
    """What is to be saved. No `columns` = the usual ones."""

    owner: str
    name: str
    query: Query
    shared: bool = False
    columns: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ViewChange:
    """What becomes of a view; None = stays. `seen_version` refuses a change made on an outdated page."""

    name: str | None = None
    query: Query | None = None
    shared: bool | None = None
    columns: Sequence[str] | None = None
    seen_version: int | None = None


def create(session: Session, cmd: NewView, now: datetime) -> View:
    """Save a view.

    Raises:
        Invalid: no owner or name, an unknown column, a query that cannot be asked, a name that the owner uses already.
        NotAllowedNow: the owner has very many already.
    """
    owner, name = plain_text(cmd.owner, "owner", NAME_MAX, needed=True), _name(session, cmd.owner, cmd.name)
    if len(session.scalars(select(SavedView.id).where(SavedView.owner == owner).limit(VIEWS_MAX)).all()) >= VIEWS_MAX:
        raise NotAllowedNow(f"{owner} has {VIEWS_MAX} views already", field="owner", fix="delete one first")
    row = SavedView(
        owner=owner, name=name, shared=cmd.shared, query=to_json(_query(cmd.query)),
        columns=list(_columns(cmd.columns)), version=1, created_at=now, updated_at=now,
    )  # fmt: skip
    session.add(row)
    session.flush()  # its id is what the caller shows
    _note(session, row, "created", {}, _said(row), now)
    return _view(row)


def change(session: Session, view_id: int, cmd: ViewChange, now: datetime) -> View:
    """Rename a view, or change its query, its columns or who sees it.

    Raises:
        Unknown: no such view.
        Invalid: as `create`.
        StaleEdit: somebody changed it meanwhile.
    """
    row = _locked(session, view_id)
    if cmd.seen_version is not None and cmd.seen_version != row.version:
        raise StaleEdit(f"the view {row.name} was changed meanwhile", field="version", value=row.version)
    before = _said(row)
    if cmd.name is not None:
        row.name = _name(session, row.owner, cmd.name, besides=row.id)
    if cmd.query is not None:
        row.query = to_json(_query(cmd.query))
    if cmd.shared is not None:
        row.shared = cmd.shared
    if cmd.columns is not None:
        row.columns = list(_columns(cmd.columns))
    after = _said(row)
    if after != before:
        row.version, row.updated_at = row.version + 1, now
        session.flush()
        _note(session, row, "updated", before, after, now)
    return _view(row)


def remove(session: Session, view_id: int, now: datetime) -> None:
    """Delete a view.

    Raises:
        Unknown: no such view.
    """
    row = _locked(session, view_id)
    before = _said(row)
    session.execute(delete(SavedView).where(SavedView.id == view_id))
    _note(session, row, "deleted", before, {}, now)
    session.expunge(row)


def view(session: Session, view_id: int) -> View:
    """Raises Unknown: no such view."""
    row = session.get(SavedView, view_id)
    if row is None:
        raise _unknown(view_id)
    return _view(row)


def named(session: Session, owner: str, name: str) -> View:
    """The view that `owner` sees under a name: an own one, else the oldest shared one.

    Raises:
        Unknown: there is none.
    """
    s = SavedView
    query = select(s).where(s.name == name, or_(s.owner == owner, s.shared)).order_by((s.owner != owner), s.id)
    row = session.scalars(query.limit(1)).first()
    if row is None:
        raise Unknown(f"there is no view {shorten(name, 40)!r}", field="name", value=shorten(name, 40))
    return _view(row)


def own(session: Session, owner: str, name: str) -> View | None:
    """The view that `owner` made under a name. None = there is none."""
    s = SavedView
    row = session.scalars(select(s).where(s.owner == owner, s.name == " ".join(name.split()))).first()
    return None if row is None else _view(row)


def needed(session: Session, owner: str, name: str) -> View:
    """As `own`. Raises Unknown: there is none, or it is somebody else's."""
    found = own(session, owner, name)
    if found is None:
        raise Unknown(
            f"{owner} has no view {shorten(name, 40)!r}", field="name", value=shorten(name, 40),
            fix="`hub views list` shows yours; a shared view is changed by its owner",
        )  # fmt: skip
    return found


def visible(session: Session, owner: str, *, after: tuple[str, int] | None = None, limit: int = 50) -> list[View]:
    """Up to `limit` (1 to 200) views that `owner` sees, by name; `after`: name and id of the last one of the page before."""
    if not 1 <= limit <= PAGE_MAX:
        raise Invalid(f"a page has 1 to {PAGE_MAX} rows", field="limit", value=limit)
    s = SavedView
    query = select(s).where(or_(s.owner == owner, s.shared)).order_by(s.name, s.id).limit(limit)
    if after is not None:
        query = query.where(tuple_(s.name, s.id) > after)
    return [_view(row) for row in session.scalars(query)]


def _view(row: SavedView) -> View:
    return View(
        id=row.id, owner=row.owner, name=row.name, shared=row.shared, query=from_json(row.query),
        columns=tuple(row.columns), version=row.version, updated_at=row.updated_at,
    )  # fmt: skip


def _locked(session: Session, view_id: int) -> SavedView:
    row = session.get(SavedView, view_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise _unknown(view_id)
    return row


def _unknown(view_id: int) -> Unknown:
    return Unknown(f"there is no view {view_id}", field="view", value=view_id, fix="`hub views list` shows them")


def _name(session: Session, owner: str, name: str, *, besides: int = 0) -> str:
    text = plain_text(name, "name", NAME_MAX, needed=True)
    s = SavedView
    taken = and_(s.owner == owner, s.name == text, s.id != besides)
    if session.scalar(select(s.id).where(taken)) is not None:
        raise Invalid(f"{owner} has a view {text!r} already", field="name", value=text, fix="use another name")
    return text


def _columns(given: Sequence[str]) -> tuple[str, ...]:
    for name in given:
        if name not in COLUMNS:
            raise Invalid(
                f"{shorten(name, 40)!r} is no column", field="columns", value=shorten(name, 40),
                fix=f"one of: {', '.join(COLUMNS)}",
            )  # fmt: skip
    return tuple(dict.fromkeys(given)) or DEFAULT_COLUMNS


def _query(query: Query) -> Query:
    """A query that reads back as it is written."""
    return from_json(to_json(query))


def _said(row: SavedView) -> dict[str, Any]:
    return {"name": row.name, "shared": row.shared, "query": row.query, "columns": list(row.columns)}


def _note(
    session: Session, row: SavedView, action: Any, before: Mapping[str, Any], after: Mapping[str, Any], now: datetime
) -> None:
    pairs = {
        name: (before.get(name), after.get(name))
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    }
    note(session, [Changed(subject="view", id=row.id, key=row.name, action=action, changes=pairs)], now)
