"""`hub stock`: what is there, whom it is promised to, what the channels show of it; and the changes people make."""

from __future__ import annotations

from typing import Any

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.cli.common import json_option, show, system
from hub.cli.kits import component_table
from hub.cli.tables import instant, safe, table
from hub.db.session import reading, unit
from hub.kernel.errors import Invalid
from hub.kernel.ids import new_token
from hub.pim import ledger, stock
from hub.pim.explain import Explanation
from hub.pim.explain import explain as shown_everywhere
from hub.pim.models import Location
from hub.pim.stock import Level, StockChange, StockCount

_location_option = click.option("--location", help="Its code; may be left out where there is only one location.")
_reason_option = click.option("--reason", default="", help="Why, for the ledger.")
_token_option = click.option(
    "--token", help="Names this change: the same token again changes nothing. Default: a new one."
)


@click.group("stock")
def stock_() -> None:
    """Stock: look at a SKU, receive, adjust and count units, locations."""


@stock_.command("show")
@click.argument("sku")
@json_option
def show_(sku: str, as_json: bool) -> None:
    """Where SKU lies, which orders hold it, and what each account should show and shows."""
    with system() as running:
        with reading(running.sessions) as session:
            found = shown_everywhere(session, sku)
        show(_as_dict(found), as_json=as_json, text=_text(found))


def _as_dict(found: Explanation) -> dict[str, Any]:
    row = found.stock.row
    return {
        "sku": row.sku, "title": row.title, "on_hand": row.on_hand, "reserved": row.reserved, "short": row.short,
        "available": row.available, "parts": [part.as_dict() for part in row.parts],
        "locations": [
            {
                "location": p.location, "on_hand": p.on_hand, "reserved": p.reserved, "available": p.available,
                "version": p.version,
            }
            for p in row.places
        ],
        "promises": [
            {
                "order": p.order_ref, "held": p.held, "wanted": p.wanted, "location": p.location,
                "placed_at": p.placed_at.isoformat(),
            }
            for p in found.stock.promises
        ],
        "accounts": [
            {
                "account": e.account, "channel_sku": e.channel_sku, "state": e.state,
                "publishable": e.sums.publishable, "arithmetic": e.sums.as_dict(), "shown": e.shown,
                "shown_at": e.shown_at.isoformat() if e.shown_at else None, "shown_by": e.shown_by, "says": e.says,
            }
            for e in found.listings
        ],
    }  # fmt: skip


def _text(found: Explanation) -> str:
    row = found.stock.row
    parts = [
        f"{safe(row.sku)}  {safe(row.title)}",
        table(
            ("location", "on hand", "reserved", "available"),
            [(p.location, p.on_hand, p.reserved, p.available) for p in row.places],
        ),
    ]
    if row.parts:
        parts.append("A kit. There is of its components:\n" + component_table(row.parts))
    if row.short:
        parts.append(f"{row.short} more are promised than there are.")
    if found.stock.promises:
        parts.append(
            table(
                ("order", "held", "of", "at", "placed"),
                [
                    (p.order_ref, p.held, p.wanted, p.location or "–", instant(p.placed_at))
                    for p in found.stock.promises
                ],
            )
        )
    if found.listings:
        parts.append(
            table(
                ("account", "listing", "should show", "shows", "as of", ""),
                [
                    (
                        e.account, e.state, e.sums.publishable, "?" if e.shown is None else e.shown,
                        instant(e.shown_at), e.says,
                    )
                    for e in found.listings
                ],
            )
        )  # fmt: skip
    return "\n\n".join(parts)


@stock_.command(context_settings={"ignore_unknown_options": True})
@click.argument("sku")
@click.argument("delta", type=int)
@_location_option
@_reason_option
@_token_option
@json_option
def adjust(sku: str, delta: int, location: str | None, reason: str, token: str | None, as_json: bool) -> None:
    """Change the count of SKU by DELTA (like 3 or -2): breakage, theft, found units."""
    _change(sku, delta, "adjust", location, reason, token, as_json)


@stock_.command()
@click.argument("sku")
@click.argument("units", type=click.IntRange(1))
@_location_option
@_reason_option
@_token_option
@json_option
def receive(sku: str, units: int, location: str | None, reason: str, token: str | None, as_json: bool) -> None:
    """UNITS of SKU arrived. Orders that are short get theirs first."""
    _change(sku, units, "receive", location, reason, token, as_json)


def _change(
    sku: str, delta: int, kind: str, location: str | None, reason: str, token: str | None, as_json: bool
) -> None:
    name = token or new_token()
    with system() as running:
        with unit(running.sessions) as session:
            repeated = ledger.movement_of(session, name) is not None
            level = stock.change(
                session,
                StockChange(
                    sku=sku, location=_location(session, location), delta=delta, token=name, kind=kind, reason=reason,
                    by="cli",
                ),
                running.clock.now(),
            )  # fmt: skip
        _say(level, name, repeated, as_json)


@stock_.command()
@click.argument("sku")
@click.argument("counted", type=click.IntRange(0))
@_location_option
@_reason_option
@_token_option
@click.option("--seen-version", type=int, help="Refuse if the position changed since this version (see `stock show`).")
@json_option
def count(
    sku: str, counted: int, location: str | None, reason: str, token: str | None, seen_version: int | None,
    as_json: bool,
) -> None:  # fmt: skip
    """Somebody counted: COUNTED units of SKU are there. The ledger gets the difference."""
    name = token or new_token()
    with system() as running:
        with unit(running.sessions) as session:
            repeated = ledger.movement_of(session, name) is not None
            level = stock.count(
                session,
                StockCount(
                    sku=sku, location=_location(session, location), counted=counted, token=name,
                    seen_version=seen_version, reason=reason, by="cli",
                ),
                running.clock.now(),
            )  # fmt: skip
        _say(level, name, repeated, as_json)


def _location(session: Session, code: str | None) -> str:
    if code is not None:
        return code
    codes = list(session.scalars(select(Location.code).order_by(Location.priority, Location.id).limit(20)))
    if len(codes) != 1:
        raise Invalid(
            "say at which location" if codes else "there is no location yet", field="location",
            fix="--location " + "|".join(codes) if codes else "hub stock location main --name Warehouse",
        )  # fmt: skip
    return codes[0]


def _say(level: Level, token: str, repeated: bool, as_json: bool) -> None:
    value = {
        "sku": level.sku, "location": level.location, "on_hand": level.on_hand, "reserved": level.reserved,
        "available": level.available, "version": level.version, "changed": level.changed,
        "now_short": list(level.now_short), "token": token, "repeated": repeated,
    }  # fmt: skip
    text = (
        f"{safe(level.sku)} at {safe(level.location)}: {level.on_hand} on hand ({level.changed:+d}), "
        f"{level.reserved} reserved, {level.available} available"
    )
    if repeated:
        text += "\nThis token was used before: nothing was changed."
    if level.now_short:
        text += "\nNow short: " + ", ".join(safe(order) for order in level.now_short)
    show(value, as_json=as_json, text=text)


@stock_.command()
@click.argument("code")
@click.option("--name", help="What people call it (default: the code).")
@click.option("--priority", type=int, default=100, show_default=True, help="Lower is taken from first.")
@json_option
def location(code: str, name: str | None, priority: int, as_json: bool) -> None:
    """Make a location. One that is there already stays as it is."""
    if not code.strip():
        raise click.BadParameter("a location needs a code", param_hint="CODE")
    with system() as running, unit(running.sessions) as session:
        made = stock.add_location(session, code.strip(), name or code.strip(), priority)
        value = {"code": made.code, "name": made.name, "priority": made.priority}
    show(value, as_json=as_json, text=f"{safe(made.code)}: {safe(made.name)}, priority {made.priority}")


@stock_.command()
@json_option
def locations(as_json: bool) -> None:
    """All locations, in the order in which they are taken from."""
    with system() as running, reading(running.sessions) as session:
        rows = list(session.scalars(select(Location).order_by(Location.priority, Location.id)))
    show(
        [{"code": r.code, "name": r.name, "priority": r.priority} for r in rows],
        as_json=as_json,
        text=table(("location", "name", "priority"), [(r.code, r.name, r.priority) for r in rows]),
    )


COMMANDS = (stock_,)
