"""What products lack, as pages, sums and reports. All of it is read from what the projector keeps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sqlalchemy import ColumnElement, and_, case, func, or_, select, true
from sqlalchemy.orm import Session

from hub.db.session import is_sqlite
from hub.db.upsert import table_of
from hub.kernel.errors import Invalid, Unknown
from hub.kernel.text import shorten
from hub.pim.models import Product
from hub.pim.quality.models import Completeness, DescriptionDigest
from hub.pim.quality.records import targets_of
from hub.pim.quality.rules import EVERY, Gap

PAGE = 500
Order = Literal["percent", "errors", "warnings"]
BANDS = ((0, 24), (25, 49), (50, 74), (75, 99), (100, 100))
_c, _p = table_of(Completeness), table_of(Product)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A product's completeness on a channel and in a language. `percent`: 0 to 100."""

    product_id: int
    handle: str
    title: str
    channel: str
    locale: str
    required: int
    filled: int
    percent: int
    missing: tuple[Gap, ...]
    errors: int
    warnings: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some lines, and where the next ones begin (None = these are the last)."""

    lines: tuple[Line, ...]
    after: tuple[int, int] | None


def target(session: Session, channel: str, locale: str) -> tuple[str, str]:
    """Channel and locale as they are stored: «» and the base content's own language are the same.

    Raises:
        Unknown: no account sells on that channel, or there is no such locale.
    """
    targets = targets_of(session)
    if channel not in targets.channels:
        seen = shorten(channel, 40)
        raise Unknown(
            f"no account sells on {seen!r}", field="channel", value=seen, fix=f"one of: {', '.join(targets.channels)}"
        )
    spoken = "" if locale and locale == targets.book.base else locale
    if spoken not in targets.locales:
        seen, known = shorten(locale, 40), ", ".join(targets.book.locales) or "none yet"
        raise Unknown(f"there is no locale {seen!r}", field="locale", value=seen, fix=f"known: {known}; or add it")
    return channel, spoken


def page(
    session: Session,
    *,
    channel: str = EVERY,
    locale: str = "",
    order: Order = "percent",
    below: int = 100,
    lacking: str = "",
    after: tuple[int, int] | None = None,
    limit: int = 100,
) -> Page:
    """Products on a channel and in a language, what needs most work first: by `percent` those below `below` (101 = all)
    from the least complete on, by `errors` or `warnings` those that have some, the most first. `lacking`: only those that
    lack this field. `after`: where the page before ended. At most 500.

    Raises:
        Unknown: no such channel or locale.
        Invalid: a number is out of range.
    """
    if not 0 <= below <= 101:
        raise Invalid(f"a percentage is between 0 and 100, not {below}", field="below", value=below)
    if not 1 <= limit <= PAGE:
        raise Invalid(f"a page has 1 to {PAGE} lines, not {limit}", field="limit", value=limit)
    channel, locale = target(session, channel, locale)
    column = _c.c[order]
    query = (
        select(_c, _p.c.handle, _p.c.title)
        .join(_p, _p.c.id == _c.c.product_id)
        .where(_c.c.channel == channel, _c.c.locale == locale)
        .limit(limit + 1)
    )
    if order == "percent":
        query = query.where(column < below).order_by(column, _c.c.product_id)
        if after is not None:
            query = query.where(or_(column > after[0], and_(column == after[0], _c.c.product_id > after[1])))
    else:
        query = query.where(column > 0).order_by(column.desc(), _c.c.product_id.desc())
        if after is not None:
            query = query.where(or_(column < after[0], and_(column == after[0], _c.c.product_id < after[1])))
    if lacking:
        query = query.where(_lacks(session, lacking))
    rows = session.execute(query).all()
    lines = tuple(_line(row) for row in rows[:limit])
    more = len(rows) > limit
    return Page(lines=lines, after=(int(getattr(lines[-1], order)), lines[-1].product_id) if more else None)


def of_products(
    session: Session, product_ids: Sequence[int], *, channel: str = "", locale: str | None = None
) -> list[Line]:
    """All lines of these (at most 500) products, or those of one channel or language."""
    if len(product_ids) > PAGE:
        raise Invalid(f"at most {PAGE} products at once", field="product_ids", value=len(product_ids))
    query = (
        select(_c, _p.c.handle, _p.c.title)
        .join(_p, _p.c.id == _c.c.product_id)
        .where(_c.c.product_id.in_(sorted(set(product_ids))))
        .order_by(_c.c.product_id, _c.c.channel, _c.c.locale)
    )
    if channel:
        query = query.where(_c.c.channel == channel)
    if locale is not None:
        query = query.where(_c.c.locale == locale)
    return [_line(row) for row in session.execute(query)]


def _named(session: Session) -> tuple[ColumnElement[str], Any]:
    """The field of each gap, and the rows it is read from: one per gap of a stored line."""
    if is_sqlite(session):
        each = func.json_each(_c.c.missing).table_valued("value", name="gap")
        return func.json_extract(each.c.value, "$.field"), each
    beside = func.json_array_elements(_c.c.missing).table_valued("value", name="gap").lateral()
    return func.json_extract_path_text(beside.c.value, "field"), beside


def _lacks(session: Session, field: str) -> ColumnElement[bool]:
    name, source = _named(session)
    return select(1).select_from(source).where(name == field).correlate(_c).exists()


def _line(row: Any) -> Line:
    gaps = tuple(Gap(field=g["field"], skus=tuple(g["skus"]), variants=g["variants"]) for g in row.missing)
    return Line(
        product_id=row.product_id, handle=row.handle, title=row.title, channel=row.channel, locale=row.locale,
        required=row.required, filled=row.filled, percent=row.percent, missing=gaps, errors=row.errors,
        warnings=row.warnings,
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """How complete the products are on a channel and in a language. `bands`: (from, to) per cent → products; `mean` per
    cent of all (None if there are none); how many products have errors, how many warnings."""

    channel: str
    locale: str
    products: int
    bands: dict[tuple[int, int], int]
    mean: float | None
    with_errors: int
    with_warnings: int


def summary(session: Session) -> list[Summary]:
    """A line for every channel and language. Reads every stored line: for a page that is looked at now and then."""
    band = case(*((_c.c.percent <= top, number) for number, (_, top) in enumerate(BANDS)), else_=len(BANDS) - 1)
    found: dict[tuple[str, str], list[Any]] = {}
    for row in session.execute(
        select(
            _c.c.channel, _c.c.locale, band.label("band"), func.count().label("products"),
            func.sum(_c.c.percent).label("percents"), func.sum(case((_c.c.errors > 0, 1), else_=0)).label("bad"),
            func.sum(case((_c.c.warnings > 0, 1), else_=0)).label("poor"),
        ).group_by(_c.c.channel, _c.c.locale, band)
    ):  # fmt: skip
        found.setdefault((row.channel, row.locale), []).append(row)
    targets = targets_of(session)
    out = []
    for channel in targets.channels:
        for locale in targets.locales:
            rows = found.get((channel, locale), [])
            counts = {BANDS[row.band]: int(row.products) for row in rows}
            total = sum(counts.values())
            out.append(
                Summary(
                    channel=channel, locale=locale, products=total, bands={b: counts.get(b, 0) for b in BANDS},
                    mean=round(sum(int(row.percents) for row in rows) / total, 1) if total else None,
                    with_errors=sum(int(row.bad) for row in rows), with_warnings=sum(int(row.poor) for row in rows),
                )
            )  # fmt: skip
    return out


@dataclass(frozen=True, slots=True, kw_only=True)
class Lack:
    """A required field and how many products lack it."""

    field: str
    products: int


def gaps(session: Session, *, channel: str = EVERY, locale: str = "") -> list[Lack]:
    """What is missing how often on a channel and in a language, the most frequent first. Reads every product that is not
    complete.

    Raises:
        Unknown: no such channel or locale.
    """
    channel, locale = target(session, channel, locale)
    name, source = _named(session)
    query = (
        select(name.label("field"), func.count().label("products"))
        .select_from(_c.join(source, true()))
        .where(_c.c.channel == channel, _c.c.locale == locale, _c.c.percent < 100)
        .group_by(name)
        .order_by(func.count().desc(), name)
    )
    return [Lack(field=row.field, products=int(row.products)) for row in session.execute(query)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Copies:
    """Products with one and the same description (base content): the first handles of them, and how many there are."""

    digest: str
    products: int
    handles: tuple[str, ...]


def copies(session: Session, *, after: str = "", limit: int = 100) -> list[Copies]:
    """Descriptions that more than one product has, in the order of their digests after `after`. At most 500."""
    d = table_of(DescriptionDigest)
    groups = session.execute(
        select(d.c.digest, func.count().label("products"))
        .where(d.c.digest > after)
        .group_by(d.c.digest)
        .having(func.count() > 1)
        .order_by(d.c.digest)
        .limit(min(limit, PAGE))
    ).all()
    handles: dict[str, list[str]] = {}
    ranked = (
        select(
            d.c.digest, _p.c.handle,
            func.row_number().over(partition_by=d.c.digest, order_by=d.c.product_id).label("place"),
        )
        .join(_p, _p.c.id == d.c.product_id)
        .where(d.c.digest.in_([row.digest for row in groups]))
        .subquery()
    )  # fmt: skip
    for digest, handle in session.execute(
        select(ranked.c.digest, ranked.c.handle).where(ranked.c.place <= 5).order_by(ranked.c.digest, ranked.c.place)
    ).tuples():
        handles.setdefault(digest, []).append(handle)
    return [
        Copies(digest=row.digest, products=int(row.products), handles=tuple(handles.get(row.digest, ())))
        for row in groups
    ]
