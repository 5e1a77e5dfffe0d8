"""Small catalogues, and the same questions answered by reading every product: what both databases must agree with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from hypothesis import strategies as st
from sqlalchemy.orm import Session

from hub.db.session import Sessions, unit
from hub.pim.attributes.models import Attribute, AttributeOption, Family
from hub.pim.models import Listing, Location, Product, StockPosition, Variant
from hub.pim.quality.models import Completeness
from hub.pim.search import index
from hub.pim.search import query as q
from hub.pim.search import words as w
from hub.work.models import Account
from tests.support.builders import NOW, a_location, an_account

TITLES = (
    "Red Wine", "red wine box", "Winebox", "Rosé d'Abruzzo", "Ròse", "ไวน์แดง", "葡萄酒 wine", "Κρασί οίνος", "Գինի",
    "شراب قرمز", "Wine 🍷", "Größe M", "42", "Wine — AND NOT", "winery's best", "zzz zy",
)  # fmt: skip
BRANDS = ("", "Acme", "acme", "Château d'Or", "ไทย")
TAGS = ("new", "sale", "naïve")
COLOURS = {"red": "Red", "white": "White", "rose": "Rosé"}
ASKED = (
    "wine", "win", "ine", "red wine", "WINE-1", "wine1", "e1", "w", "m", "rose", "abruz", "แดง", "ไวน์", "葡萄", "酒", "οινος",
    "գին", "شراب", "🍷", "AND", 'wine" OR "red', "wine*", "red & !wine", "tokens:red", "'", '"', "%", "_", "(", "zy",
    "4006381333931", "0001", "chateau", "sale", "best red", "grosse", "", "\\", "NEAR(red wine)", "x" * 70,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """A variant."""

    sku: str
    price: int = 1299
    currency: str = "EUR"
    gtin: str | None = None
    stock: int = 0
    colour: str = ""
    listed: str = ""  # the state on the account, «» = not listed


@dataclass(frozen=True, slots=True, kw_only=True)
class Thing:
    """A product."""

    title: str
    brand: str = ""
    tags: tuple[str, ...] = ()
    state: str = "approved"
    family: str = ""
    images: tuple[str, ...] = ()
    titles: dict[str, str] = field(default_factory=dict)
    alcohol: str = ""
    vintage: str = ""
    organic: bool | None = None
    note: str = ""
    complete: int | None = None  # for amazon in German
    age_h: int = 0  # changed so many hours ago
    items: tuple[Item, ...] = ()


def prepare(sessions: Sessions) -> None:
    """Definitions, a family, an account and a location."""
    with unit(sessions) as session:
        for place, (code, kind) in enumerate(
            (("colour", "choice"), ("alcohol", "number"), ("vintage", "date"), ("organic", "boolean"), ("note", "text"))
        ):
            row = Attribute(
                code=code, label=code.capitalize(), labels={}, help="", type=kind, unit="", filterable=True,
                searchable=code in ("colour", "note"), rules={}, position=place,
            )  # fmt: skip
            session.add(row)
            session.flush()
            if kind == "choice":
                for option, label in COLOURS.items():
                    session.add(AttributeOption(attribute_id=row.id, code=option, label=label, labels={}))
        session.add(Family(code="wine", label="Wine", labels={}, axes=[]))
        an_account(session, name="shop")
        a_location(session)


def put(session: Session, things: Sequence[Thing]) -> dict[int, Thing]:
    """Store the products and index them; returns them by id."""
    family = session.query(Family).one().id
    account = session.query(Account).one().id
    location = session.query(Location).one().id
    out: dict[int, Thing] = {}
    for place, thing in enumerate(things):
        at = NOW - timedelta(hours=thing.age_h)
        values: dict[str, Any] = {"title": dict(thing.titles)} if thing.titles else {}
        for code in ("alcohol", "vintage", "note"):
            if getattr(thing, code):
                values[code] = {"": getattr(thing, code)}
        if thing.organic is not None:
            values["organic"] = {"": thing.organic}
        product = Product(
            handle=f"h{place}", title=thing.title, description="", brand=thing.brand, category="", axes=[],
            images=list(thing.images), tags=list(thing.tags), values=values, state=thing.state, stock_class="finished",
            family_id=family if thing.family else None, version=0, created_at=at, updated_at=at,
        )  # fmt: skip
        session.add(product)
        session.flush()
        out[product.id] = thing
        for item in thing.items:
            variant = Variant(
                product_id=product.id, sku=item.sku, gtin=item.gtin, options={}, position=0, price_minor=item.price,
                currency=item.currency, values={"colour": {"": item.colour}} if item.colour else {}, created_at=at,
                updated_at=at,
            )  # fmt: skip
            session.add(variant)
            session.flush()
            if item.stock:
                session.add(StockPosition(variant_id=variant.id, location_id=location, on_hand=item.stock, reserved=0))
            if item.listed:
                session.add(
                    Listing(
                        account_id=account, variant_id=variant.id, product_id=product.id, channel_sku=item.sku,
                        state=item.listed, state_since=NOW, facts={}, issues=[],
                    )
                )  # fmt: skip
    for product_id, thing in out.items():
        if thing.complete is not None:
            session.add(
                Completeness(product_id=product_id, channel="amazon", locale="de", required=100,
                             filled=thing.complete, percent=thing.complete, missing=[], errors=0, warnings=0)
            )  # fmt: skip
    session.flush()
    index.project(session, list(out), NOW)
    return out


# ---------------------------------------------------------------- the reference


def _codes(thing: Thing) -> list[str]:
    return [code for item in thing.items for code in (item.sku, item.gtin) if code]


def rank(thing: Thing, handle: str, text: str) -> int | None:
    """0 = its SKU or GTIN, 1 = its title begins so, 2 = all words, 3 = a part of a word; None = not found."""
    said = w.words(text)
    if not said:
        return None
    line, whole = " ".join(said), "".join(said)
    titles = [thing.title, *thing.titles.values()]
    texts = [*titles, thing.brand, handle, *thing.tags, thing.note]
    texts += [COLOURS[item.colour] for item in thing.items if item.colour]
    tokens = {token for code in _codes(thing) for token in (w.compact(code)[: w.WORD_MAX], *w.tokens(code))}
    tokens |= {token for each in texts for token in w.tokens(each)}
    asked = [token for word in said for token in w.tokens(word)]
    by_words = all(
        (token in tokens) if len(token) == 1 and token.isalnum() and not "\u0e00" <= token <= "\u9fff"
        else any(t.startswith(token) for t in tokens)
        for token in asked if not _repeated(token, said)
    )  # fmt: skip
    straws = [w.compact(code) for code in _codes(thing)] + [" ".join(w.words(title)) for title in titles]
    by_parts = any(len(part) >= 3 and part in straw for part in (line, whole) for straw in straws)
    if whole in {w.compact(code) for code in _codes(thing)}:
        return 0
    if not (by_words or by_parts):
        return None
    if w.sort_title(thing.title).startswith(line):
        return 1
    return 2 if by_words else 3


def _repeated(token: str, said: Sequence[str]) -> bool:
    """The last character of an unspaced run, which a query does not ask for alone."""
    unspaced = len(token) == 1 and "\u0e00" <= token <= "\u9fff"
    return unspaced and token not in said


def meets(thing: Thing, part: q.Filter) -> bool:
    match part:
        case q.All():
            return all(meets(thing, inner) for inner in part.parts)
        case q.AnyOf():
            return any(meets(thing, inner) for inner in part.parts)
        case q.Not():
            return not meets(thing, part.part)
        case q.Is(field="tag"):
            return bool(set(part.values) & set(thing.tags))
        case q.Is(field="sku"):
            return bool(set(part.values) & {item.sku for item in thing.items})
        case q.Is():
            return getattr(thing, part.field) in part.values
        case q.Price():
            return any(
                _within(item.price, part.low, part.high) and part.currency in ("", item.currency)
                for item in thing.items
            )
        case q.Available():
            return _within(sum(item.stock for item in thing.items), part.low, part.high)
        case q.Updated():
            at = NOW - timedelta(hours=thing.age_h)
            return (part.since is None or at >= part.since) and (part.until is None or at < part.until)
        case q.Has(what="gtin"):
            return any(item.gtin for item in thing.items)
        case q.Has():
            return bool(thing.images)
        case q.Listed():
            states = [item.listed for item in thing.items if item.listed]
            return any(s in part.states if part.states else s not in ("ended", "vanished") for s in states)
        case q.Incomplete():
            return thing.complete is not None and thing.complete < part.below
        case q.AttributeIs(code="colour"):
            return any(item.colour and (not part.values or item.colour in part.values) for item in thing.items)
        case q.AttributeIs(code="organic"):
            return thing.organic is not None and ("yes" if thing.organic else "no") in part.values
        case q.AttributeIs(code="note"):
            return bool(thing.note) and any(w.words(thing.note) == w.words(value) for value in part.values)
        case q.AttributeBetween(code="alcohol"):
            low, high = (Decimal(end) if end else None for end in (part.low, part.high))
            return bool(thing.alcohol) and _within(Decimal(thing.alcohol), low, high)
        case q.AttributeBetween(code="vintage"):
            first, last = (date.fromisoformat(end) if end else None for end in (part.low, part.high))
            return bool(thing.vintage) and _within(date.fromisoformat(thing.vintage), first, last)
        case _:
            raise AssertionError(part)


def _within(value: Any, low: Any, high: Any) -> bool:
    return (low is None or value >= low) and (high is None or value <= high)


def found(things: dict[int, Thing], query: q.Query) -> list[int]:
    """The ids in the order that the page must have."""
    rows = []
    for place, (product_id, thing) in enumerate(things.items()):
        here = rank(thing, f"h{place}", query.text) if query.text.strip() else 0
        if here is None or not meets(thing, query.filter):
            continue
        keys: dict[str, Any] = {
            "relevance": (here, w.sort_title(thing.title)), "title": w.sort_title(thing.title),
            "sku": min((item.sku for item in thing.items), default=""),
            "price": min((item.price for item in thing.items), default=-1), "updated": -thing.age_h,
            "completeness": thing.complete,
        }  # fmt: skip
        rows.append((keys[query.sort], product_id))
    known = [row for row in rows if row[0] is not None]
    unknown = [row for row in rows if row[0] is None]
    return [product_id for _, product_id in sorted(known, reverse=query.descending) + unknown]


# ---------------------------------------------------------------- strategies


def things() -> st.SearchStrategy[list[Thing]]:
    titles = st.lists(st.sampled_from(TITLES), min_size=1, max_size=2).map(" ".join)
    skus = st.sampled_from(("WINE-1", "wine 10", "W1NE", "ไวน์-1", "A/B", "0001", "x" * 70, "Å-1"))
    items = st.builds(
        Item, sku=skus, price=st.sampled_from((0, 999, 1299, 5000)), currency=st.sampled_from(("EUR", "USD")),
        gtin=st.sampled_from((None, None, "4006381333931")), stock=st.integers(0, 3),
        colour=st.sampled_from(("", *COLOURS)), listed=st.sampled_from(("", "live", "draft", "ended")),
    )  # fmt: skip
    thing = st.builds(
        Thing, title=titles, brand=st.sampled_from(BRANDS),
        tags=st.lists(st.sampled_from(TAGS), unique=True).map(tuple), state=st.sampled_from(("draft", "approved")),
        family=st.sampled_from(("", "wine")), images=st.sampled_from(((), ("https://example.com/1.jpg",))),
        titles=st.dictionaries(st.sampled_from(("de", "th@amazon")), st.sampled_from(TITLES), max_size=1),
        alcohol=st.sampled_from(("", "0", "11.5", "12", "-3.25")), vintage=st.sampled_from(("", "2019-01-01", "2026-11-22")),
        organic=st.sampled_from((None, True, False)), note=st.sampled_from(("", "Très sec", "tres sec", "dry & crisp")),
        age_h=st.integers(0, 3),
        complete=st.sampled_from((None, 0, 50, 100)), items=st.lists(items, max_size=2).map(tuple),
    )  # fmt: skip
    return st.lists(thing, max_size=8).map(_own_skus)


def _own_skus(given: list[Thing]) -> list[Thing]:
    """No SKU twice: the second one gets a number."""
    seen: set[str] = set()
    out = []
    for thing in given:
        items = []
        for item in thing.items:
            sku = next(s for s in (item.sku, *(f"{item.sku}-{n}" for n in range(99))) if s not in seen)
            seen.add(sku)
            items.append(Item(**{**{n: getattr(item, n) for n in Item.__slots__}, "sku": sku}))
        out.append(Thing(**{**{n: getattr(thing, n) for n in Thing.__slots__}, "items": tuple(items)}))
    return out


def filters() -> st.SearchStrategy[q.Filter]:
    whole = st.sampled_from((None, 0, 1, 999, 1299, 1300))
    some = st.lists(st.sampled_from(BRANDS), min_size=1, max_size=2).map(tuple)
    at: st.SearchStrategy[datetime | None] = st.sampled_from((None, NOW, NOW - timedelta(hours=2)))
    leaves: st.SearchStrategy[q.Filter] = st.one_of(
        st.builds(q.Is, field=st.just("brand"), values=some),
        st.builds(q.Is, field=st.just("tag"), values=st.lists(st.sampled_from(TAGS), min_size=1).map(tuple)),
        st.builds(q.Is, field=st.just("state"), values=st.just(("approved",))),
        st.builds(q.Is, field=st.just("family"), values=st.sampled_from((("",), ("wine",), ("", "wine")))),
        st.builds(q.Is, field=st.just("sku"), values=st.sampled_from((("WINE-1",), ("A/B", "0001")))),
        st.builds(q.Price, low=whole, high=whole, currency=st.sampled_from(("", "EUR"))),
        st.builds(q.Available, low=st.sampled_from((None, 0, 1, 2)), high=st.sampled_from((None, 0, 3))),
        st.builds(q.Updated, since=at, until=at),
        st.builds(q.Has, what=st.sampled_from(("gtin", "picture"))),
        st.builds(q.Listed, account=st.sampled_from(("", "shop")), states=st.sampled_from(((), ("ended",), ("live",)))),
        st.builds(
            q.Incomplete, channel=st.just("amazon"), locale=st.just("de"), below=st.sampled_from((0, 50, 51, 100))
        ),
        st.builds(q.AttributeIs, code=st.just("colour"), values=st.sampled_from(((), ("red",), ("white", "rose")))),
        st.builds(q.AttributeIs, code=st.just("organic"), values=st.sampled_from((("yes",), ("no",)))),
        st.builds(q.AttributeIs, code=st.just("note"), values=st.sampled_from((("TRES SEC",), ("dry crisp", "x")))),
        st.builds(
            q.AttributeBetween, code=st.just("alcohol"), low=st.sampled_from(("", "-4", "0", "11.5")),
            high=st.sampled_from(("", "0", "12")),
        ),
        st.builds(q.AttributeBetween, code=st.just("vintage"), low=st.sampled_from(("", "2019-01-02")), high=st.just("")),
    )  # fmt: skip
    return st.recursive(
        leaves,
        lambda inner: st.one_of(
            st.builds(q.All, parts=st.lists(inner, max_size=3).map(tuple)),
            st.builds(q.AnyOf, parts=st.lists(inner, max_size=3).map(tuple)),
            st.builds(q.Not, part=inner),
        ),
        max_leaves=5,
    )


def queries() -> st.SearchStrategy[q.Query]:
    texts = st.one_of(st.just(""), st.sampled_from(ASKED), st.sampled_from(ASKED), st.text(max_size=6))
    made = st.builds(
        q.Query, text=texts, filter=st.one_of(st.just(q.EVERYTHING), filters()), sort=st.sampled_from(q.SORTS),
        descending=st.booleans(), channel=st.just("amazon"), locale=st.just("de"),
    )  # fmt: skip
    return made.map(lambda x: replace(x, descending=False) if x.sort == "relevance" else x)
