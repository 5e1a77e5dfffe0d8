"""Orders as people read them on a terminal."""

from __future__ import annotations

from datetime import datetime

from hub.cli.tables import age, instant, safe, table
from hub.kernel.money import Money
from hub.orders.reads import Counts, OrderFull, QueuePage, QueueRow


def queue_text(page: QueuePage, now: datetime) -> str:
    """A page of the queue."""
    text = table(
        ("id", "order", "account", "state", "due", "units", "total", "to", "notes"),
        [
            (r.id, r.order, r.account, r.stage, due(r.due, now), r.units, money(r.total_minor, r.currency), r.country,
             _notes(r))
            for r in page.rows
        ],
    )  # fmt: skip
    return text + (f"\nThere are more: --after {page.next}" if page.next else "")


def _notes(row: QueueRow) -> str:
    notes = []
    if row.recall:
        notes.append("CALL BACK")
    if row.short:
        notes.append("short")
    if row.exported_at is not None:
        notes.append("exported")
    if row.hold_reason:
        notes.append(f"hold: {row.hold_reason}")
    if row.residual_minor:
        notes.append(f"unexplained: {money(row.residual_minor, row.currency)}")
    return ", ".join(notes)


def due(at: datetime, now: datetime) -> str:
    """«in 3.5 h» or «2.1 d late»."""
    seconds = (at - now).total_seconds()
    return f"in {age(seconds)}" if seconds >= 0 else f"{age(-seconds)} late"


def money(minor: int | None, currency: str) -> str:
    return "–" if minor is None else str(Money(minor=minor, currency=currency))


def counts_text(counts: Counts) -> str:
    """The queue in one line."""
    parts = []
    for stage, count in counts.stages.items():
        if count.orders:
            more = [f"{n} {word}" for n, word in ((count.late, "late"), (count.short, "short")) if n]
            parts.append(f"{count.orders} {stage}" + (f" ({', '.join(more)})" if more else ""))
    if counts.recalls:
        parts.append(f"{counts.recalls} to call back")
    return "Open: " + (", ".join(parts) or "nothing") + "."


def one_text(order: OrderFull) -> str:
    """One order in full."""
    facts = [
        ("state", order.stage), ("payment", order.payment), ("fulfilment", order.fulfilment),
        ("cancellation", order.cancellation + (f", wanted: {order.cancel_reason}" if order.cancel_reason else "")),
        ("placed", instant(order.placed_at)), ("due", instant(order.due)), ("service", order.service or "–"),
        ("total", money(order.total_minor, order.currency)),
        ("exported", instant(order.exported_at) + (" — CALL IT BACK" if order.recall else "")),
    ]  # fmt: skip
    if order.residual_minor:
        facts.append(("unexplained", money(order.residual_minor, order.currency)))
    if order.hold_reason:
        facts.append(("hold", order.hold_reason + (f" until {instant(order.hold_until)}" if order.hold_until else "")))
    head = f"{safe(order.order)} on {safe(order.account)} ({order.channel}), hub id {order.id}"
    if order.channel_order_id != order.order:
        head += f", there {safe(order.channel_order_id)}"
    parts = [head, "\n".join(f"  {name:12} {safe(value)}" for name, value in facts), _person(order)]
    parts.append(
        table(
            ("line", "SKU", "there", "units", "shipped", "held", "at", "price", "title"),
            [
                (x.id, x.sku or "?", x.channel_sku, x.quantity, x.shipped, x.held, x.location,
                 money(x.unit_price_minor, order.currency), x.title)
                for x in order.lines
            ],
            indent="  ",
        )
    )  # fmt: skip
    if order.parcels:
        parts.append(
            table(
                ("parcel", "carrier", "tracking", "left", "channel knows", "lines"),
                [
                    (p.package, p.carrier, p.tracking, instant(p.shipped_at), instant(p.confirmed_at),
                     " ".join(f"{line}×{units}" for line, units in p.lines))
                    for p in order.parcels
                ],
                indent="  ",
            )
        )  # fmt: skip
    parts.append(
        table(("when", "what", "by"), [(instant(e.at), e.kind, e.by) for e in order.events], indent="  ")
    )  # fmt: skip
    return "\n".join(parts)


def _person(order: OrderFull) -> str:
    person = order.person
    if not person.known:
        return "  ship to      not known"
    shown = ", ".join(safe(value) for value in person.ship_to.values()) or "not known"
    buyer = ", ".join(safe(value) for value in person.buyer.values())
    text = f"  ship to      {shown}" + (f"\n  buyer        {buyer}" if buyer else "")
    return text + ("\n  (masked; --person shows it)" if person.masked else "")
