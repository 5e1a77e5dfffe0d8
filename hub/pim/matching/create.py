"""Products from what a channel lists already: a draft of our own for each page of the channel, a variant for each item."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db.upsert import chunks
from hub.kernel.errors import Invalid, NotAllowedNow, Unknown
from hub.kernel.money import Money
from hub.kernel.text import clean_sku, shorten
from hub.pim import catalog, stock
from hub.pim.facts import AXES_MAX, HANDLE_MAX, ProductFacts, VariantFacts, web_address
from hub.pim.history.note import acting
from hub.pim.matching import decide
from hub.pim.matching.decide import Decision
from hub.pim.matching.models import ChannelItem
from hub.pim.models import Location, Product, Variant
from hub.pim.search.words import words
from hub.work.models import Account

TOGETHER_MAX = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Created:
    """`bound` decisions show what is sent from now on; those without a listing wait for a count, see `create`."""

    handle: str
    new_product: bool
    decisions: tuple[Decision, ...]


def with_its_group(session: Session, item_id: int) -> list[int]:
    """The item and those that share its page on the channel, as they are there now.

    Raises:
        Unknown: no such item.
    """
    item = session.get(ChannelItem, item_id)
    if item is None:
        raise Unknown(f"there is no channel item {item_id}", field="item", value=item_id)
    if not item.group_key:
        return [item.id]
    query = select(ChannelItem.id).where(
        ChannelItem.account_id == item.account_id,
        ChannelItem.group_key == item.group_key,
        ChannelItem.gone_at.is_(None),
    )
    return list(session.scalars(query.order_by(ChannelItem.id)))


def create(
    session: Session,
    item_ids: Sequence[int],
    now: datetime,
    *,
    into: str | None = None,
    take_stock: bool = True,
) -> Created:
    """Make a draft product with a variant for each of these items of one account, and bind them.

    `into` names a product (by handle) that gets them as further variants instead. The channel's count becomes the
    opening stock at the first location, so that binding takes nothing off sale; an item whose count is not known, or
    any item where `take_stock` is False, is created but not bound: accept it once its stock is counted.

    Raises:
        Unknown: no such item or product.
        NotAllowedNow: an item is gone or decided already.
        Invalid: something that a product needs is missing, or a SKU is a variant's already (then accept it).
    """
    items = _items(session, item_ids)
    account = session.get(Account, items[0].account_id)
    assert account is not None
    handle = into if into is not None else _free_handle(session, items[0])
    if into is not None and session.scalars(select(Product.id).where(Product.handle == into)).first() is None:
        raise Unknown(f"no product has the handle {into!r}", field="into", value=into)
    if into is None:
        _checked(catalog.put_products(session, catalog.PutProducts(products=(_product(items, handle),)), now))
    variants = [_variant(item, handle, place) for place, item in enumerate(items)]
    _checked(catalog.put_variants(session, catalog.PutVariants(variants=variants), now))
    session.flush()  # they are bound by query
    decisions = []
    for item, facts in zip(items, variants, strict=True):
        variant = stock.variant_by_sku(session, facts.sku)
        bound = None
        if take_stock and item.quantity is not None and item.channel_sku:
            _open_stock(session, account, item, facts.sku, now)
            bound = decide.bind(session, item, variant, now)
        decide.created(
            session, item, variant.id, now, listing_id=None if bound is None else bound.id, made_product=into is None
        )
        decisions.append(
            Decision(
                item_id=item.id, account_id=item.account_id, channel_sku=item.channel_sku, state="created",
                sku=variant.sku, listing_id=None if bound is None else bound.id,
            )
        )  # fmt: skip
    return Created(handle=handle, new_product=into is None, decisions=tuple(decisions))


def _items(session: Session, item_ids: Sequence[int]) -> list[ChannelItem]:
    wanted = list(dict.fromkeys(item_ids))
    if not 1 <= len(wanted) <= TOGETHER_MAX:
        raise Invalid(f"1 to {TOGETHER_MAX} items make a product, not {len(wanted)}", field="items", value=len(wanted))
    items = [decide.item_of(session, item_id) for item_id in sorted(wanted)]
    if len({item.account_id for item in items}) > 1:
        raise Invalid("items of several accounts cannot make one product", field="items", value=len(items),
                      fix="create it from one account's and accept the others")  # fmt: skip
    for item in items:
        if item.gone_at is not None:
            raise NotAllowedNow(f"{item.channel_sku or item.key!r} is gone", field="item", value=item.id)
        if decide.decided(session, item.id) is not None:
            raise NotAllowedNow(f"{item.channel_sku or item.key!r} is decided already", field="item", value=item.id)
    taken: list[str] = []
    for part in chunks([_sku(item) for item in items]):
        taken += session.scalars(select(Variant.sku).where(Variant.sku.in_(part)))
    if taken:
        raise Invalid(
            f"there is a variant {taken[0]} already", field="sku", value=taken[0], fix="accept the item as that variant"
        )
    return items


def _sku(item: ChannelItem) -> str:
    """Our SKU: the channel's, in the form in which SKUs are stored.

    Raises:
        Invalid: it has none that would do.
    """
    try:
        return clean_sku(item.channel_sku)
    except ValueError as error:
        raise Invalid(
            f"{shorten(item.title or item.key, 60)!r} needs a SKU: {error}", field="channel_sku", value=item.channel_sku,
            fix="give it one on the channel and pull again, or make the product by hand and accept the item",
        ) from error  # fmt: skip


def _product(items: Sequence[ChannelItem], handle: str) -> ProductFacts:
    first = items[0]
    axes = tuple(dict.fromkeys(axis for item in items for axis in item.options))
    if len(axes) > AXES_MAX:
        raise Invalid(
            f"its variants differ in {len(axes)} ways ({', '.join(axes)}); a product has at most {AXES_MAX}",
            field="options", value=len(axes), fix="make the product by hand and accept the items",
        )  # fmt: skip
    images = dict.fromkeys(image for item in items for image in item.images if _is_address(image))
    return ProductFacts(
        handle=handle, title=first.title or first.channel_sku or first.key, description=first.description,
        brand=first.brand, axes=axes, images=tuple(images), state="draft",
    )  # fmt: skip


def _variant(item: ChannelItem, handle: str, position: int) -> VariantFacts:
    if item.price_minor is None or item.currency is None:
        raise Invalid(
            f"the channel shows no price for {item.channel_sku!r}", field="price", value=None,
            fix="give it a price there and pull again, or make the product by hand",
        )  # fmt: skip
    own = next((image for image in item.images if _is_address(image)), None)
    return VariantFacts(
        sku=_sku(item), handle=handle, price=Money(minor=item.price_minor, currency=item.currency),
        options=dict(item.options), position=position, gtin=_gtin(item), image=own if item.group_key else None,
    )  # fmt: skip


def _gtin(item: ChannelItem) -> str | None:
    """As people write it: without the zeros that made it 14 digits long."""
    if item.gtin is None:
        return None
    short = item.gtin.lstrip("0")
    length = next((n for n in (8, 12, 13, 14) if n >= len(short)), 14)
    return item.gtin[14 - length :]


def _is_address(image: str) -> bool:
    try:
        web_address(image)
    except Invalid:
        return False
    return True


def _free_handle(session: Session, item: ChannelItem) -> str:
    base = "-".join(re.findall(r"[^\W_]+", " ".join(words(item.title))))[: HANDLE_MAX - 10].strip("-") or "item"
    taken = set(
        session.scalars(select(Product.handle).where(Product.handle.startswith(base, autoescape=True)).limit(5000))
    )
    if base not in taken:
        return base
    return next(name for number in range(2, 5003) if (name := f"{base}-{number}") not in taken)


def _open_stock(session: Session, account: Account, item: ChannelItem, sku: str, now: datetime) -> None:
    if not item.quantity:
        return
    query = select(Location.code).order_by(Location.priority, Location.id)
    if account.location_ids:
        query = query.where(Location.id.in_(account.location_ids))
    code = session.scalars(query).first()
    if code is None:
        raise Invalid("there is no location for the opening stock", field="location", fix="`hub stock location CODE`")
    change = stock.StockChange(
        sku=sku, location=code, delta=item.quantity, token=decide.opening_token(item.id), kind="receive",
        reason="opening stock: what the channel showed", by=acting(session).name,
    )  # fmt: skip
    stock.change(session, change, now)


def _checked(answers: Sequence[catalog.Written | catalog.Refused]) -> None:
    for answer in answers:
        if isinstance(answer, catalog.Refused):
            raise answer.problem
