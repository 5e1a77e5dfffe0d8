"""Listings: binding a variant to a channel item, and what the channel is believed to show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from hub.channels.contract.records import (
    ListingDraft,
    ListingRef,
    ListingReport,
    ListingState,
    Problem,
    Severity,
    StockLevel,
    VariantDraft,
)
from hub.db.upsert import change, chunks, put_new, table_of
from hub.kernel.errors import Invalid, Unknown
from hub.kernel.ids import named_uuid
from hub.kernel.money import Money
from hub.pim import counts
from hub.pim.attributes import content
from hub.pim.attributes.book import book_of
from hub.pim.attributes.fields import STOCK_CLASS_WORDS
from hub.pim.history.note import Changed, note
from hub.pim.media.addresses import public
from hub.pim.media.reads import listed
from hub.pim.models import Listing, Product, Variant
from hub.pim.rules import PUSHABLE_STATES, Arithmetic, belief_after_sale, state_after_report
from hub.pim.taxonomy.reads import channel_category
from hub.work import items
from hub.work.kinds import LISTING_END, LISTING_PUBLISH, LISTING_READ, STOCK_PUSH, Priority
from hub.work.models import Account

_US = timedelta(microseconds=1)


def _us(at: datetime) -> int:
    return int(at.timestamp() * 1_000_000)


# ---------------------------------------------------------------- wanting


def want_published(
    session: Session, account: Account, product_ids: Iterable[int], now: datetime, *, relist: bool = False
) -> int:
    """Bind every variant of these products to the account (state draft) and want the products published there.

    What was ended or has vanished stays off sale unless `relist`: then it is listed anew.

    Raises:
        Invalid: a variant is priced in another currency than the account sells in, or a product is not finished goods.
    """
    wishes: list[tuple[int, str, int]] = []
    for part in chunks(sorted(set(product_ids))):
        raw = session.execute(
            select(Product.handle, Product.stock_class).where(Product.id.in_(part), Product.stock_class != "finished")
        ).first()
        if raw is not None:
            raise Invalid(
                f"{raw.handle} is {STOCK_CLASS_WORDS[raw.stock_class]}: only finished goods can be listed",
                field="stock_class", value=raw.stock_class, fix="change its stock class, or leave it out",
            )  # fmt: skip
        rows = session.execute(
            select(Variant.id, Variant.product_id, Variant.sku, Variant.currency).where(Variant.product_id.in_(part))
        ).all()
        wrong = next((r for r in rows if r.currency != account.currency), None)
        if wrong is not None:
            raise Invalid(
                f"{wrong.sku} is priced in {wrong.currency}, {account.name} sells in {account.currency}",
                field="currency", value=wrong.currency, fix="give the product a price in that currency",
            )  # fmt: skip
        bound = put_new(
            session,
            Listing,
            [
                {
                    "account_id": account.id, "variant_id": r.id, "product_id": r.product_id, "channel_sku": r.sku,
                    "facts": {}, "state": "draft", "state_since": now, "issues": [], "shown_by": "",
                }
                for r in rows
            ],
            key=("account_id", "variant_id"), returning=("id", "channel_sku"),
        )  # fmt: skip
        lines = [
            Changed(
                subject="listing", id=r.id, key=r.channel_sku, action="created",
                changes={"account": (None, account.name), "wanted": (None, "published")},
            )
            for r in bound
        ]  # fmt: skip
        note(session, lines, now)
        if relist:  # where it lived before is forgotten: adapters look before they create
            session.execute(
                update(Listing)
                .where(
                    Listing.account_id == account.id,
                    Listing.variant_id.in_([r.id for r in rows]),
                    Listing.state.in_(("ended", "vanished")),
                )
                .values(state="draft", state_since=now, external_id=None, facts={}, issues=[], shown_quantity=None)
                .execution_options(synchronize_session=False)
            )
        wishes.extend((account.id, str(pid), int(Priority.CONTENT)) for pid in {r.product_id for r in rows})
    items.want_many(session, LISTING_PUBLISH, wishes, now)
    return len(wishes)


def want_ended(session: Session, listing_id: int, now: datetime) -> None:
    """Want a listing taken off sale.

    Raises:
        Unknown: no such listing.
    """
    listing = session.get(Listing, listing_id)
    if listing is None:
        raise Unknown(f"there is no listing {listing_id}", field="listing", value=listing_id)
    said = {"wanted": (None, "ended")}
    note(
        session,
        [Changed(subject="listing", id=listing_id, key=listing.channel_sku, action="updated", changes=said)],
        now,
    )
    items.want(session, LISTING_END, listing.account_id, str(listing.id), now)


def bind(
    session: Session,
    *,
    account_id: int,
    variant: Variant,
    ref: ListingRef,
    now: datetime,
    state: str = "accepted",
) -> Listing:
    """Bind a variant to something that is on the channel already.

    Raises:
        Invalid: the channel SKU or the variant is bound on this account already.
    """
    clash = session.scalars(
        select(Listing).where(
            Listing.account_id == account_id,
            (Listing.channel_sku == ref.channel_sku) | (Listing.variant_id == variant.id),
        )
    ).first()
    if clash is not None:
        raise Invalid(
            f"{ref.channel_sku!r} or {variant.sku!r} is bound on this account already (listing {clash.id})",
            field="channel_sku", value=ref.channel_sku,
        )  # fmt: skip
    listing = Listing(
        account_id=account_id, variant_id=variant.id, product_id=variant.product_id, channel_sku=ref.channel_sku,
        external_id=ref.external_id, facts=dict(ref.facts), state=state, state_since=now, issues=[], shown_by="",
    )  # fmt: skip
    session.add(listing)
    session.flush()  # its id is the key of the work that follows
    said = {"variant": (None, variant.sku), "account_id": (None, account_id), "state": (None, state)}
    note(
        session,
        [Changed(subject="listing", id=listing.id, key=ref.channel_sku, action="created", changes=said)],
        now,
    )
    items.want(session, STOCK_PUSH, account_id, str(listing.id), now)
    items.want(session, LISTING_READ, account_id, str(listing.id), now)
    return listing


def on_account(session: Session, account: Account, sku: str) -> Listing:
    """The listing of a SKU on an account: of the one that is ours, else of the one that is the channel's.

    Raises:
        Unknown: it is not listed there.
    """
    found = session.execute(
        select(Listing, Variant.sku)
        .join(Variant, Variant.id == Listing.variant_id)
        .where(Listing.account_id == account.id, (Variant.sku == sku) | (Listing.channel_sku == sku))
        .limit(2)
        .execution_options(populate_existing=True)
    ).all()
    for listing, ours in found:
        if ours == sku:
            return listing
    if found:
        return found[0][0]
    raise Unknown(f"{sku!r} is not listed on {account.name}", field="sku", value=sku, fix="publish it there first")


# ---------------------------------------------------------------- numbers


def arithmetic(session: Session, account: Account, variant_ids: Iterable[int]) -> dict[int, Arithmetic]:
    """What the account may show of each variant, with the sum behind it. Always computed at the moment of sending."""
    return counts.arithmetic(session, variant_ids, account.location_ids, buffer=account.buffer, cap=account.cap)


def ref_of(listing: Listing) -> ListingRef:
    return ListingRef(channel_sku=listing.channel_sku, external_id=listing.external_id, facts=dict(listing.facts))


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedLevel:
    """A stock write about to be made. `level` None = the channel shows the number already: nothing to send."""

    listing_id: int
    level: StockLevel | None
    sum: Arithmetic
    shown: int | None


def levels(
    session: Session, account: Account, revisions: Mapping[int, int], *, force: bool = False
) -> dict[int, WantedLevel]:
    """For listings (id → revision wanted): the number to send now, or none where the channel shows it already.

    Listings that are gone or not on sale are left out.
    """
    out: dict[int, WantedLevel] = {}
    rows: list[Listing] = []
    for part in chunks(sorted(revisions)):
        rows.extend(
            session.scalars(
                select(Listing)
                .where(Listing.id.in_(part), Listing.account_id == account.id, Listing.state.in_(PUSHABLE_STATES))
                .execution_options(populate_existing=True)
            )
        )
    sums = arithmetic(session, account, [row.variant_id for row in rows])
    for row in rows:
        total = sums[row.variant_id]
        level = StockLevel(
            ref=ref_of(row),
            quantity=total.publishable,
            revision=revisions[row.id],
            # The quantity is part of the key: the same wish recomputed to another number is another write.
            idempotency_key=named_uuid("stock", row.id, revisions[row.id], total.publishable, row.shown_at or "-"),
            expected=row.shown_quantity,
        )
        same = not force and row.shown_quantity == total.publishable
        out[row.id] = WantedLevel(listing_id=row.id, level=None if same else level, sum=total, shown=row.shown_quantity)
    return out


def shown(session: Session, listing_id: int, quantity: int, at: datetime, by: str) -> None:
    """The channel acknowledged or was seen to show `quantity` at `at`."""
    session.execute(
        update(Listing)
        .where(Listing.id == listing_id)
        .values(shown_quantity=quantity, shown_at=at, shown_by=by)
        .execution_options(synchronize_session=False)
    )


def forget_belief(session: Session, listing_ids: Iterable[int]) -> None:
    """Nobody knows what these listings show: the next push is sent whatever the number."""
    for part in chunks(sorted(set(listing_ids))):
        session.execute(
            update(Listing)
            .where(Listing.id.in_(part))
            .values(shown_quantity=None)
            .execution_options(synchronize_session=False)
        )


def believe_sales(session: Session, sales: Sequence[tuple[int, int, datetime]], settle_s: float) -> None:
    """Sales (listing, units, placed at) were ingested: the channel subtracted them from its own number."""
    if not sales:
        return
    by_id: dict[int, list[tuple[int, datetime]]] = {}
    for listing_id, units, placed_at in sales:
        by_id.setdefault(listing_id, []).append((units, placed_at))
    changed: list[dict[str, Any]] = []
    for part in chunks(sorted(by_id)):
        for row in session.execute(
            select(Listing.id, Listing.shown_quantity, Listing.shown_at)
            .where(Listing.id.in_(part))
            .order_by(Listing.id)
            .with_for_update()  # a push that is acknowledged meanwhile writes a newer belief
        ).all():
            belief = row.shown_quantity
            for units, placed_at in by_id[row.id]:
                belief = belief_after_sale(
                    shown=belief,
                    shown_at_us=_us(row.shown_at) if row.shown_at else None,
                    placed_at_us=_us(placed_at),
                    quantity=units,
                    settle_us=int(settle_s * 1_000_000),
                )
            if belief != row.shown_quantity:
                changed.append({"id": row.id, "shown": belief})
    if changed:
        shown_type = table_of(Listing).c.shown_quantity.type
        change(
            session, Listing, sorted(changed, key=lambda row: row["id"]), key=("id",), types={"shown": shown_type},
            values=lambda given: {"shown_quantity": given("shown")},
        )  # fmt: skip


# ---------------------------------------------------------------- publishing


@dataclass(frozen=True, slots=True, kw_only=True)
class Publishing:
    """A draft with the listings it stands for and the sums behind its quantities."""

    draft: ListingDraft
    listing_ids: Mapping[str, int]  # channel SKU → listing
    sums: Mapping[str, Arithmetic] = field(default_factory=dict)
    held: Problem | None = None  # why it must not be sent now


def draft_of(
    session: Session, account: Account, product_id: int, revision: int, *, media_url: str = ""
) -> Publishing | None:
    """The product as it shall appear on the account; None if nothing of it is bound there. `media_url`: where the world
    reaches the hub's media library."""
    product = session.get(Product, product_id, populate_existing=True)
    rows = session.execute(
        select(Listing, Variant)
        .join(Variant, Variant.id == Listing.variant_id)
        .where(Listing.product_id == product_id, Listing.account_id == account.id, Listing.state != "ended")
        .order_by(Variant.position, Variant.id)
        .execution_options(populate_existing=True)
    ).all()
    if product is None or not rows:
        return None
    sums = arithmetic(session, account, [variant.id for _, variant in rows])
    variants = []
    for listing, variant in rows:
        on_channel = listing.external_id is not None or bool(listing.facts)
        price = listing.price_minor if listing.price_minor is not None else variant.price_minor
        variants.append(
            VariantDraft(
                channel_sku=listing.channel_sku, price=Money(minor=price, currency=variant.currency),
                quantity=sums[variant.id].publishable, options=dict(variant.options), gtin=variant.gtin,
                weight_g=variant.weight_g, image=variant.image, ref=ref_of(listing) if on_channel else None,
            )
        )  # fmt: skip
    page = content.page_of(product, [variant.values for _, variant in rows])
    words = content.content_of(book_of(session), page, locale=account.locale, channel=account.channel)
    draft = ListingDraft(
        listing_key=named_uuid("listing", account.id, product.id), title=words.title,
        description=words.description, variants=tuple(variants), brand=product.brand,
        category=channel_category(session, product.id, account.channel),
        images=tuple(public(session, listed(product.images, product.values, account.channel), media_url)),
        attributes={code: text for code, text in words.attributes.items() if code != "images"}, revision=revision,
    )  # fmt: skip
    return Publishing(
        draft=draft,
        listing_ids={listing.channel_sku: listing.id for listing, _ in rows},
        sums={listing.channel_sku: sums[variant.id] for listing, variant in rows},
        held=_held(account, product),
    )


def _held(account: Account, product: Product) -> Problem | None:
    if product.stock_class != "finished":
        return Problem(
            code="not_finished_goods", field="stock_class",
            message=f"This is {STOCK_CLASS_WORDS[product.stock_class]}: only finished goods can be listed.",
        )  # fmt: skip
    if product.state == "archived":
        return Problem(code="archived", field="state", message="The product is archived: nothing of it is sent.")
    if account.approved_only and product.state != "approved":
        return Problem(
            code="not_approved", field="state",
            message=f"{account.name} takes approved products only, this one is {product.state.replace('_', ' ')}. "
            "It is sent as soon as somebody approves it.",
        )  # fmt: skip
    return None


def hold_back(session: Session, listing_ids: Iterable[int], problem: Problem) -> None:
    """What should have been sent is not, for a reason that lies with the product: listings say so, their state stays."""
    session.execute(
        update(Listing)
        .where(Listing.id.in_(list(listing_ids)))
        .values(issues=problems_json([problem]))
        .execution_options(synchronize_session=False)
    )


def _set_state(session: Session, listing: Listing, state: str, now: datetime) -> None:
    if listing.state != state:
        listing.state = state
        listing.state_since = now


def problems_json(problems: Iterable[Problem]) -> list[Any]:
    return [{"code": p.code, "message": p.message, "field": p.field, "severity": p.severity.value} for p in problems]


def published(
    session: Session, publishing: Publishing, refs: Sequence[ListingRef], state: ListingState, now: datetime
) -> None:
    """The channel took a draft: remember where each variant lives, want the number and a read-back."""
    by_sku = {ref.channel_sku: ref for ref in refs}
    for sku, listing_id in publishing.listing_ids.items():
        listing = session.get(Listing, listing_id, populate_existing=True)
        if listing is None:
            continue
        ref = by_sku.get(sku)
        if ref is not None:
            listing.external_id = ref.external_id or listing.external_id
            listing.facts = {**listing.facts, **ref.facts}
        if listing.state not in ("live", "suppressed") or state is ListingState.SUBMITTED:
            _set_state(session, listing, state.value, now)
        listing.issues = []
        # A publish carries a quantity too: what the channel shows now is certain only after a push or a read.
        listing.shown_quantity = None
        if state is ListingState.ACCEPTED:
            items.want(session, STOCK_PUSH, listing.account_id, str(listing.id), now)
            items.want(session, LISTING_READ, listing.account_id, str(listing.id), now)


def found_valid(session: Session, listing_ids: Iterable[int], now: datetime) -> None:
    """The draft passed every check that needs no channel."""
    session.execute(
        update(Listing)
        .where(Listing.id.in_(list(listing_ids)), Listing.state.in_(("draft", "rejected")))
        .values(state="valid", state_since=now, issues=[])
        .execution_options(synchronize_session=False)
    )


def rejected(session: Session, listing_ids: Iterable[int], problems: Sequence[Problem], now: datetime) -> None:
    for listing_id in listing_ids:
        listing = session.get(Listing, listing_id, populate_existing=True)
        if listing is not None:
            if listing.state in ("draft", "valid", "submitted", "rejected"):
                _set_state(session, listing, "rejected", now)
            listing.issues = problems_json(problems)


def reported(session: Session, listing_id: int, report: ListingReport, now: datetime, *, settled: bool) -> str | None:
    """A read-back saw a listing; returns its state. `settled` = no stock write is under way, so the number seen is
    what the channel shows."""
    listing = session.get(Listing, listing_id, populate_existing=True)
    if listing is None:
        return None
    _set_state(session, listing, state_after_report(listing.state, report.state.value), now)
    if report.state is not ListingState.VANISHED:
        listing.external_id = report.ref.external_id or listing.external_id
        listing.facts = {**listing.facts, **report.ref.facts}
        listing.issues = problems_json(report.issues)
    listing.read_at = now
    if report.price is not None:
        listing.shown_price_minor = report.price.minor
    if report.quantity is not None and settled:
        listing.shown_quantity = report.quantity
        listing.shown_at = now
        listing.shown_by = "read back"
    return listing.state


def mark_ended(session: Session, listing_id: int, now: datetime) -> None:
    listing = session.get(Listing, listing_id, populate_existing=True)
    if listing is not None:
        _set_state(session, listing, "ended", now)
        listing.shown_quantity = 0
        listing.shown_at = now


def has_errors(problems: Iterable[Problem]) -> bool:
    return any(p.severity is Severity.ERROR for p in problems)
