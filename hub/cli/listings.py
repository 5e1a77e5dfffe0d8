"""`hub listings`: what is on which account, publishing and ending, and the channels' objections."""

from __future__ import annotations

import click
from sqlalchemy import String, cast, or_, select
from sqlalchemy.orm import Session

from hub.cli.common import json_option, show, system
from hub.cli.tables import instant, safe, table
from hub.cli.values import person
from hub.db.session import reading, unit
from hub.db.upsert import chunks
from hub.kernel.errors import Unknown
from hub.kernel.money import Money
from hub.pim import listings as rooms
from hub.pim import reads
from hub.pim.history.note import act_as
from hub.pim.models import Listing, Product, Variant
from hub.pim.reads import ListingRow
from hub.work import accounts
from hub.work.models import Account, WorkItem

STATES = (
    "draft", "valid", "submitted", "accepted", "live", "suppressed", "rejected", "ended", "vanished",
)  # fmt: skip


@click.group()
def listings() -> None:
    """Listings: look at them, publish products, end single SKUs, see what the channels object to."""


@listings.command("list")
@click.option("--account", "name", help="Only this account.")
@click.option("--state", "states", type=click.Choice(STATES), multiple=True, help="Only these states; repeat it.")
@click.option("--sku", help="Only this SKU of ours.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@click.option("--after", type=click.IntRange(0), default=0, help="Go on after this listing id.")
@json_option
def list_(name: str | None, states: tuple[str, ...], sku: str | None, limit: int, after: int, as_json: bool) -> None:
    """Listings with what they are believed to show."""
    with system() as running, reading(running.sessions) as session:
        account_id = None if name is None else accounts.named(session, name).id
        rows = reads.listing_page(session, after=after, limit=limit, account_id=account_id, states=states, sku=sku)
    text = table(
        ("id", "account", "SKU", "there", "state", "since", "shows", "price", "issues"),
        [
            (
                r.id, r.account, r.sku, r.channel_sku, r.state, instant(r.state_since),
                "?" if r.shown_quantity is None else r.shown_quantity, _price(r), len(r.issues),
            )
            for r in rows
        ],
    )  # fmt: skip
    if len(rows) == limit:
        text += f"\nThere may be more: --after {rows[-1].id}"
    show([_as_dict(row) for row in rows], as_json=as_json, text=text)


def _price(row: ListingRow) -> str:
    return str(Money(minor=row.price_minor, currency=row.currency))


def _as_dict(row: ListingRow) -> dict[str, object]:
    return {
        "id": row.id, "account": row.account, "sku": row.sku, "channel_sku": row.channel_sku,
        "external_id": row.external_id, "state": row.state, "state_since": row.state_since.isoformat(),
        "price_minor": row.price_minor, "currency": row.currency, "shown_price_minor": row.shown_price_minor,
        "shown": row.shown_quantity, "shown_at": row.shown_at.isoformat() if row.shown_at else None,
        "issues": list(row.issues),
    }  # fmt: skip


@listings.command()
@click.argument("account")
@click.option("--product", "handles", multiple=True, help="A product's handle; repeat it.")
@click.option("--all", "everything", is_flag=True, help="Every product there is.")
@click.option("--relist", is_flag=True, help="What was ended or has vanished is listed anew.")
@json_option
def publish(account: str, handles: tuple[str, ...], everything: bool, relist: bool, as_json: bool) -> None:
    """Want products published on ACCOUNT, or published again with their newest content.

    Workers carry it out; `hub listings list` shows how far they are.
    """
    if bool(handles) == everything:
        raise click.UsageError("name products with --product, or take --all")
    with system() as running:
        with unit(running.sessions) as session:
            found = accounts.named(session, account)
            product_ids = _products(session, handles)
            act_as(session, person())
            wanted = rooms.want_published(session, found, product_ids, running.clock.now(), relist=relist)
            ended = _ended(session, found, product_ids)
        text = f"{wanted} products wanted on {safe(found.name)}."
        if ended:
            text += "\nEnded there and left out (--relist lists them anew): " + ", ".join(
                safe(sku) for sku in ended[:20]
            )
            text += f" and {len(ended) - 20} more" if len(ended) > 20 else ""
        show({"account": found.name, "products": wanted, "ended": ended}, as_json=as_json, text=text)


def _products(session: Session, handles: tuple[str, ...]) -> list[int]:
    if not handles:
        return list(session.scalars(select(Product.id).order_by(Product.id)))
    found: dict[str, int] = {}
    for part in chunks(sorted(set(handles))):
        found.update(session.execute(select(Product.handle, Product.id).where(Product.handle.in_(part))).tuples().all())
    missing = [handle for handle in handles if handle not in found]
    if missing:
        raise Unknown(f"no product has the handle {missing[0]!r}", field="product", value=missing[0])
    return sorted(found.values())


def _ended(session: Session, account: Account, product_ids: list[int]) -> list[str]:
    out: list[str] = []
    for part in chunks(product_ids):
        out += session.scalars(
            select(Listing.channel_sku)
            .where(Listing.account_id == account.id, Listing.product_id.in_(part), Listing.state == "ended")
            .order_by(Listing.id)
        )
    return out


@listings.command()
@click.argument("account")
@click.argument("sku")
@json_option
def end(account: str, sku: str, as_json: bool) -> None:
    """Want SKU (ours or the channel's) taken off sale on ACCOUNT."""
    with system() as running:
        with unit(running.sessions) as session:
            found = accounts.named(session, account)
            listing = rooms.on_account(session, found, sku)
            act_as(session, person())
            rooms.want_ended(session, listing.id, running.clock.now())
        value = {"account": found.name, "channel_sku": listing.channel_sku, "listing": listing.id}
        text = f"{safe(listing.channel_sku)} on {safe(found.name)} is going to be ended."
        show(value, as_json=as_json, text=text)


@listings.command()
@click.option("--account", "name", help="Only this account.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@json_option
def issues(name: str | None, limit: int, as_json: bool) -> None:
    """What the channels object to, listing by listing, and listing work that waits for a person."""
    with system() as running, reading(running.sessions) as session:
        account_id = None if name is None else accounts.named(session, name).id
        rows = _objections(session, account_id, limit)
    text = table(
        ("account", "SKU", "state", "severity", "code", "field", "message"),
        [(r["account"], r["sku"], r["state"], r["severity"], r["code"], r["field"], r["message"]) for r in rows],
    )
    show(rows, as_json=as_json, text=text if rows else "No channel objects to anything.")


def _objections(session: Session, account_id: int | None, limit: int) -> list[dict[str, object]]:
    query = (
        select(Listing, Variant.sku, Account.name)
        .join(Variant, Variant.id == Listing.variant_id)
        .join(Account, Account.id == Listing.account_id)
        .where(or_(cast(Listing.issues, String) != "[]", Listing.state.in_(("rejected", "vanished", "suppressed"))))
        .order_by(Listing.id)
        .limit(limit)
    )
    desk = (
        select(WorkItem, Account.name)
        .join(Account, Account.id == WorkItem.account_id)
        .where(WorkItem.state == "needs_human", WorkItem.kind.in_(("listing.end", "listing.read")))
        .order_by(WorkItem.id)
        .limit(limit)
    )
    if account_id is not None:
        query = query.where(Listing.account_id == account_id)
        desk = desk.where(WorkItem.account_id == account_id)
    out: list[dict[str, object]] = []
    for listing, sku, account in session.execute(query):
        for issue in listing.issues or [{}]:
            out.append(
                {
                    "account": account, "sku": sku, "channel_sku": listing.channel_sku, "state": listing.state,
                    "severity": issue.get("severity", ""), "code": issue.get("code", ""),
                    "field": issue.get("field") or "", "message": issue.get("message", ""),
                }
            )  # fmt: skip
    for item, account in session.execute(desk):
        stuck = session.execute(
            select(Listing.channel_sku, Listing.state, Variant.sku)
            .join(Variant, Variant.id == Listing.variant_id)
            .where(Listing.id == int(item.key))
        ).one()
        out.append(
            {
                "account": account, "sku": stuck.sku, "channel_sku": stuck.channel_sku, "state": stuck.state,
                "severity": "error", "code": item.last_code or "", "field": "", "message": item.last_message or "",
            }
        )  # fmt: skip
    return out


COMMANDS = (listings,)
