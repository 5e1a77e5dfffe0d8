"""Sending prices: the same road as stock, with the price the listing should have now."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from hub.channels.contract.adapter import PushesPrices
from hub.channels.contract.errors import ChannelError
from hub.channels.contract.records import Outcome, PriceLevel
from hub.db.session import unit
from hub.kernel.ids import AccountId, digest, named_uuid
from hub.kernel.money import Money
from hub.pim.listings import ref_of
from hub.pim.models import Listing, Variant
from hub.pim.rules import PUSHABLE_STATES
from hub.sync import push_stock, settle
from hub.sync.hub import Hub
from hub.sync.policy import Finish
from hub.work import attempts, items
from hub.work.attempts import Sending
from hub.work.kinds import PRICE_PUSH


def run(hub: Hub, account_id: AccountId) -> int:
    """One turn: open tickets, then one batch."""
    opened = hub.open(account_id)
    if opened is None or not isinstance(opened.adapter, PushesPrices):
        return 0
    moved = push_stock.poll(hub, opened, PRICE_PUSH)
    now = hub.clock.now()
    with unit(hub.sessions) as session:
        claimed = items.claim(
            session, PRICE_PUSH, account_id, opened.manifest.max_price_batch, now,
            owner=hub.owner, lease_s=hub.lease_s, phases=("send", "look"),
        )  # fmt: skip
        rows = {
            listing.id: (listing, variant)
            for listing, variant in session.execute(
                select(Listing, Variant)
                .join(Variant, Variant.id == Listing.variant_id)
                .where(Listing.id.in_([int(item.key) for item in claimed]), Listing.state.in_(PUSHABLE_STATES))
                .execution_options(populate_existing=True)
            ).tuples()
        }
        sending: list[tuple[items.Claimed, PriceLevel]] = []
        for item in claimed:
            lost = attempts.mark_lost(session, item, now)
            found = rows.get(int(item.key))
            minor = (
                None
                if found is None
                else (found[0].price_minor if found[0].price_minor is not None else found[1].price_minor)
            )
            if found is None or minor is None or (minor == found[0].shown_price_minor and not lost):
                items.finish(session, item, now)
                moved += 1
                continue
            price = Money(minor=minor, currency=found[1].currency)
            key = named_uuid("price", item.key, item.revision, minor)
            sending.append(
                (item, PriceLevel(ref=ref_of(found[0]), price=price, revision=item.revision, idempotency_key=key))
            )
        attempt_ids = attempts.open_many(
            session,
            [
                Sending(
                    item=item,
                    digest=digest(["price", level.ref.channel_sku, level.price.minor, level.price.currency]),
                    detail={"price_minor": level.price.minor, "currency": level.price.currency},
                )
                for item, level in sending
            ],
            now,
        )
    if not sending:
        return moved
    results: Sequence[Outcome | ChannelError]
    try:
        results = opened.adapter.push_prices([level for _, level in sending])
    except ChannelError as error:
        results = settle.for_all(len(sending), error)
    done_at = hub.clock.now()
    with unit(hub.sessions) as session:
        for (item, level), attempt_id, result in zip(sending, attempt_ids, results, strict=True):
            step = settle.step_of(item, result)
            held = settle.write(session, item, step, done_at, attempt_id=attempt_id, revision=item.revision)
            listing = session.get(Listing, int(item.key))
            if listing is not None:
                listing.shown_price_minor = level.price.minor if isinstance(step, Finish) and held else None
    return moved + len(sending)
