"""The states and stock classes of products, and what they allow."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db.upsert import chunks
from hub.kernel.errors import HubError, Invalid, NotAllowedNow, Unknown
from hub.pim import catalog, listings
from hub.pim.attributes.fields import PRODUCT_STATES
from hub.pim.catalog import PutProducts, Refused
from hub.pim.facts import ProductFacts
from hub.pim.models import Listing, Product
from hub.pim.taxonomy.rules import may_move
from hub.work import items
from hub.work.kinds import LISTING_PUBLISH
from hub.work.models import Account

GONE = ("draft", "valid", "rejected", "ended", "vanished")
"""Listings that nobody can buy from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveProducts:
    """Bring products (by handle) into a state. `rights` are those of whoever asks; `end_listings` takes archived
    products off sale, without it a listed product is not archived."""

    handles: Sequence[str]
    to: str
    rights: Collection[str]
    end_listings: bool = False


def move(session: Session, cmd: MoveProducts, now: datetime) -> dict[str, HubError | None]:
    """Returns handle → why it was refused, or None where the product is in that state now.

    Approving a product publishes it wherever it was only waiting for that.

    Raises:
        Invalid: there is no such state.
    """
    if cmd.to not in PRODUCT_STATES:
        raise Invalid(
            f"{cmd.to!r} is no state", field="state", value=cmd.to, fix=f"one of: {', '.join(PRODUCT_STATES)}"
        )
    out: dict[str, HubError | None] = {}
    found = _locked(session, cmd.handles)
    on_sale = _on_sale(session, [row.id for row in found.values()]) if cmd.to == "archived" else {}
    moving: list[Product] = []
    for handle in dict.fromkeys(cmd.handles):
        product = found.get(handle)
        if product is None:
            out[handle] = Unknown(f"no product has the handle {handle!r}", field="handle", value=handle)
            continue
        out[handle] = None
        if product.state == cmd.to:
            continue
        reason = may_move(product.state, cmd.to, cmd.rights)
        if reason is not None:
            out[handle] = NotAllowedNow(reason, field="state", value=product.state)
        elif product.id in on_sale and not cmd.end_listings:
            out[handle] = NotAllowedNow(
                f"{handle} is listed {len(on_sale[product.id])} times", field="state", value=cmd.to,
                fix="end its listings first, or archive it together with them",
            )  # fmt: skip
        else:
            moving.append(product)
    facts = [ProductFacts(handle=product.handle, state=cmd.to) for product in moving]
    for answer in catalog.put_products(session, PutProducts(products=facts, fields={"state"}), now):
        if isinstance(answer, Refused):
            out[answer.key] = answer.problem
    for product in moving:
        for listing_id in on_sale.get(product.id, ()):
            listings.want_ended(session, listing_id, now)
    if cmd.to == "approved":
        _publish_what_waited(session, [product.id for product in moving], now)
    return out


def classify(session: Session, handles: Sequence[str], stock_class: str, now: datetime) -> dict[str, HubError | None]:
    """Set the stock class of products; one that is listed stays finished goods. Returns as `move`."""
    out: dict[str, HubError | None] = {}
    found = _locked(session, handles)
    on_sale = _on_sale(session, [row.id for row in found.values()]) if stock_class != "finished" else {}
    wanted = []
    for handle in dict.fromkeys(handles):
        product = found.get(handle)
        if product is None:
            out[handle] = Unknown(f"no product has the handle {handle!r}", field="handle", value=handle)
        elif product.id in on_sale:
            out[handle] = NotAllowedNow(
                f"{handle} is listed: only finished goods can be", field="stock_class", value=stock_class,
                fix="end its listings first",
            )  # fmt: skip
        else:
            wanted.append(handle)
    facts = [ProductFacts(handle=handle, stock_class=stock_class) for handle in wanted]
    for answer in catalog.put_products(session, PutProducts(products=facts, fields={"stock_class"}), now):
        out[answer.key] = answer.problem if isinstance(answer, Refused) else None
    return out


def _locked(session: Session, handles: Sequence[str]) -> dict[str, Product]:
    out: dict[str, Product] = {}
    for part in chunks(sorted(set(handles))):
        out.update(
            {
                row.handle: row
                for row in session.scalars(
                    select(Product)
                    .where(Product.handle.in_(part))
                    .order_by(Product.id)
                    .with_for_update(key_share=True)
                    .execution_options(populate_existing=True)
                )
            }
        )
    return out


def _on_sale(session: Session, product_ids: Sequence[int]) -> dict[int, list[int]]:
    out: dict[int, list[int]] = {}
    for part in chunks(product_ids):
        for row in session.execute(
            select(Listing.product_id, Listing.id)
            .where(Listing.product_id.in_(part), Listing.state.not_in(GONE))
            .order_by(Listing.id)
        ):
            out.setdefault(row.product_id, []).append(row.id)
    return out


def _publish_what_waited(session: Session, product_ids: Sequence[int], now: datetime) -> None:
    wishes: set[tuple[int, str, int]] = set()
    for part in chunks(product_ids):
        wishes |= {
            (row.account_id, str(row.product_id), LISTING_PUBLISH.priority)
            for row in session.execute(
                select(Listing.account_id, Listing.product_id)
                .join(Account, Account.id == Listing.account_id)
                .where(Listing.product_id.in_(part), Account.approved_only, Listing.state.not_in(("ended", "vanished")))
                .distinct()
            )
        }
    items.want_many(session, LISTING_PUBLISH, wishes, now)
