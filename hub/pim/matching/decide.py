"""What a person decides of a channel item: it is this variant, it is not, it is none of ours; and taking that back."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from hub.channels.contract.records import ListingRef
from hub.db.upsert import put
from hub.kernel.errors import Invalid, NotAllowedNow, Unknown
from hub.pim import catalog, listings, stock
from hub.pim.facts import ProductFacts
from hub.pim.history.note import Changed, acting, note
from hub.pim.matching import candidates
from hub.pim.matching.models import ChannelItem, Match
from hub.pim.models import Listing, Location, Product, StockMovement, Variant
from hub.work.models import Account

_BOUND = ("accepted", "created")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What now holds of an item. `listing_id` None = nothing is bound."""

    item_id: int
    account_id: int
    channel_sku: str
    state: str  # accepted, created, rejected, dismissed, open
    sku: str | None = None
    listing_id: int | None = None


def item_of(session: Session, item_id: int) -> ChannelItem:
    """The item, locked until the unit ends; its account is locked before it, so that what is decided of one account is
    decided one after the other.

    Raises:
        Unknown: no such item.
    """
    account_id = session.scalar(select(ChannelItem.account_id).where(ChannelItem.id == item_id))
    session.execute(select(Account.id).where(Account.id == account_id).with_for_update(key_share=True))
    item = session.get(ChannelItem, item_id, with_for_update=True, populate_existing=True)
    if item is None:
        raise Unknown(f"there is no channel item {item_id}", field="item", value=item_id, fix="`hub mapping list`")
    return item


def decided(session: Session, item_id: int) -> Match | None:
    """The match that was accepted or created, if any."""
    query = select(Match).where(Match.item_id == item_id, Match.state.in_(_BOUND))
    return session.scalars(query.execution_options(populate_existing=True)).first()


def accept(session: Session, item_id: int, variant_id: int, now: datetime) -> Decision:
    """The item is this variant: bind them. The hub's count goes to the channel from now on, where writing is on.

    Raises:
        Unknown: no such item or variant.
        NotAllowedNow: the item is gone, or decided already.
        Invalid: it has no SKU, or the SKU or the variant is bound on this account already.
    """
    item = item_of(session, item_id)
    variant = session.get(Variant, variant_id)
    if variant is None:
        raise Unknown(f"there is no variant {variant_id}", field="variant", value=variant_id)
    known = decided(session, item_id)
    if known is not None and (known.listing_id is not None or known.variant_id != variant_id):
        raise NotAllowedNow(
            f"{_called(item)} is decided already", field="item", value=item_id, fix="undo that decision first"
        )
    listing = bind(session, item, variant, now)
    proposal = session.scalars(select(Match).where(Match.item_id == item_id, Match.variant_id == variant_id)).first()
    state = "created" if known is not None else "accepted"
    _decide(session, item, variant_id, state, now, listing_id=listing.id, like=proposal)
    session.execute(delete(Match).where(Match.item_id == item_id, Match.state == "proposed"))
    item.dismissed = False
    _note(session, item, {"is": (None, variant.sku)}, now)
    return Decision(
        item_id=item.id, account_id=item.account_id, channel_sku=item.channel_sku, state=state, sku=variant.sku,
        listing_id=listing.id,
    )  # fmt: skip


def bind(session: Session, item: ChannelItem, variant: Variant, now: datetime) -> Listing:
    """Bind an item (of `item_of`) to a variant; refused as `accept` says."""
    if item.gone_at is not None:
        raise NotAllowedNow(f"{_called(item)} is not on the channel any more", field="item", value=item.id)
    if not item.channel_sku:
        raise Invalid(
            f"{_called(item)} has no SKU on the channel, so nothing could be sent to it",
            field="channel_sku", value="", fix="give it a SKU there and pull the catalogue again",
        )  # fmt: skip
    ref = ListingRef(channel_sku=item.channel_sku, external_id=item.external_id, facts=dict(item.facts))
    listing = listings.bind(session, account_id=item.account_id, variant=variant, ref=ref, now=now)
    made = Changed(
        subject="listing", id=listing.id, key=listing.channel_sku, action="created",
        changes={"account": (None, item.account_id), "sku": (None, variant.sku)},
    )  # fmt: skip
    note(session, [made], now)
    return listing


def reject(session: Session, item_id: int, now: datetime, *, variant_id: int | None = None) -> Decision:
    """It is not this variant, and that is not proposed again; without a variant it is none of ours at all.

    Raises:
        Unknown: no such item or variant.
        NotAllowedNow: the item is bound; undo that first.
    """
    item = item_of(session, item_id)
    if decided(session, item_id) is not None:
        raise NotAllowedNow(f"{_called(item)} is bound", field="item", value=item_id, fix="undo that decision first")
    if variant_id is None:
        item.dismissed = True
        session.execute(delete(Match).where(Match.item_id == item_id, Match.state == "proposed"))
        _note(session, item, {"dismissed": (False, True)}, now)
        return _open(item, "dismissed")
    variant = session.get(Variant, variant_id)
    if variant is None:
        raise Unknown(f"there is no variant {variant_id}", field="variant", value=variant_id)
    proposal = session.scalars(select(Match).where(Match.item_id == item_id, Match.variant_id == variant_id)).first()
    _decide(session, item, variant_id, "rejected", now, like=proposal)
    _note(session, item, {"is_not": (None, variant.sku)}, now)
    return _open(item, "rejected", variant.sku)


def undo(session: Session, item_id: int, now: datetime) -> Decision:
    """Take back what was decided of an item: the binding ends, rejections are forgotten, and it is proposed anew. What
    was created from it is archived once nothing of it is bound, and its opening stock goes.

    Order lines that the binding mapped must have been let go before (`orders.bindings.undo`).

    Raises:
        Unknown: no such item.
        NotAllowedNow: nothing was decided.
        NotEnoughStock: units of the opening stock are sold already.
    """
    item = item_of(session, item_id)
    match = decided(session, item_id)
    if match is None:
        gone = session.execute(
            delete(Match).where(Match.item_id == item_id, Match.state == "rejected").returning(Match.id)
        )
        forgotten = len(gone.all())
        if not forgotten and not item.dismissed:
            raise NotAllowedNow(f"nothing was decided of {_called(item)}", field="item", value=item_id)
        changes = {"dismissed": (True, False)} if item.dismissed else {"is_not": (forgotten, 0)}
        item.dismissed = False
        _note(session, item, changes, now)
    else:
        variant = session.get(Variant, match.variant_id)
        assert variant is not None
        _unbind(session, match.listing_id, now)
        made, with_product = match.state == "created", match.made_product
        session.delete(match)
        session.flush()  # the queries below must not see it
        if made:
            _unmake(session, item, variant, now, made_product=with_product)
        _note(session, item, {"is": (variant.sku, None)}, now)
    session.flush()  # candidates are found by query
    candidates.propose(session, [item.id], now)
    return _open(item, "open")


def _unbind(session: Session, listing_id: int | None, now: datetime) -> None:
    listing = None if listing_id is None else session.get(Listing, listing_id)
    if listing is None:
        return
    note(
        session,
        [Changed(subject="listing", id=listing.id, key=listing.channel_sku, action="deleted", changes={})],
        now,
    )
    session.delete(listing)


def opening_token(item_id: int) -> str:
    """Marks the opening stock that came with an item."""
    return f"channel-item:{item_id}"


def _unmake(session: Session, item: ChannelItem, variant: Variant, now: datetime, *, made_product: bool) -> None:
    """Take the opening stock away and, with the last of what was created together, archive the product."""
    opened = session.execute(
        select(StockMovement.delta, Location.code)
        .join(Location, Location.id == StockMovement.location_id)
        .where(StockMovement.token == opening_token(item.id))
    ).first()
    if opened is not None:
        change = stock.StockChange(
            sku=variant.sku, location=opened.code, delta=-opened.delta, token=f"{opening_token(item.id)}:undo",
            reason="taken back with its channel item", by=acting(session).name,
        )  # fmt: skip
        stock.change(session, change, now)
    still = session.scalars(select(Listing.id).where(Listing.product_id == variant.product_id).limit(1)).first()
    product = session.get(Product, variant.product_id)
    if made_product and still is None and product is not None and product.state == "draft":
        facts = ProductFacts(handle=product.handle, title=product.title, state="archived")
        catalog.put_products(session, catalog.PutProducts(products=(facts,), fields=frozenset({"state"})), now)


def _decide(
    session: Session,
    item: ChannelItem,
    variant_id: int,
    state: str,
    now: datetime,
    *,
    listing_id: int | None = None,
    like: Match | None = None,
    made_product: bool = False,
) -> None:
    row = {
        "item_id": item.id, "variant_id": variant_id, "state": state, "score": like.score if like is not None else 0,
        "evidence": list(like.evidence) if like is not None else [], "listing_id": listing_id,
        "made_product": like.made_product if like is not None else made_product, "by": acting(session).name, "at": now,
    }  # fmt: skip
    put(session, Match, [row], key=("item_id", "variant_id"))


def created(
    session: Session, item: ChannelItem, variant_id: int, now: datetime, *, listing_id: int | None, made_product: bool
) -> None:
    """Write down that a variant was made from an item."""
    _decide(session, item, variant_id, "created", now, listing_id=listing_id, made_product=made_product)
    session.execute(delete(Match).where(Match.item_id == item.id, Match.state == "proposed"))


def _note(session: Session, item: ChannelItem, changes: Mapping[str, Sequence[object]], now: datetime) -> None:
    made = Changed(
        subject="channel_item", id=item.id, key=item.channel_sku or item.key, action="updated", changes=changes
    )
    note(session, [made], now)


def _open(item: ChannelItem, state: str, sku: str | None = None) -> Decision:
    return Decision(
        item_id=item.id, account_id=item.account_id, channel_sku=item.channel_sku, state=state, sku=sku
    )  # fmt: skip


def _called(item: ChannelItem) -> str:
    return repr(item.channel_sku or item.title or item.key)
