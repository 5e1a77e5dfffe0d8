"""An explanation as a person reads it: the sum from top to bottom, then what was sent, seen, sold, and what comes next."""

from __future__ import annotations

from datetime import UTC, datetime

from hub.explain.model import Explanation, Hold, Sale, Sent
from hub.pim.rules import Arithmetic, KitPart


def _at(value: datetime | None) -> str:
    return "never" if value is None else value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _units(count: int) -> str:
    return f"{count} unit" if count == 1 else f"{count} units"


def text(found: Explanation) -> str:
    """The whole explanation. Pure."""
    head = f"{found.sku} on {found.account} ({found.channel}), listing {found.listing_state}"
    if found.channel_sku != found.sku:
        head += f", there {found.channel_sku}"
    lines = [head, f"as of {_at(found.at or found.asked_at)}", "", *_sum(found), ""]
    lines += _shown(found)
    lines += [_sent("Sent last", found.sent) if found.sent else "Nothing has been sent."]
    if found.acknowledged and (found.sent is None or found.acknowledged.attempt != found.sent.attempt):
        lines.append(_sent("Acknowledged last", found.acknowledged))
    if found.read_back:
        saw = "" if found.read_back.quantity is None else f": saw {found.read_back.quantity}"
        lines.append(f"Read back at {_at(found.read_back.at)}{saw}.")
    lines += [_sale(sale, found.at) for sale in found.sales]
    lines += ["", *_next(found)]
    lines += [f"Note: {limit}" for limit in found.limits]
    return "\n".join(lines)


def _sum(found: Explanation) -> list[str]:
    total = found.sum
    counted = [s for s in found.spots if s.counts]
    elsewhere = [s for s in found.spots if not s.counts]
    rows = [
        ("on hand", total.on_hand, ", ".join(f"{s.location} {s.on_hand}" for s in counted)),
        ("- reserved", total.reserved, "; ".join(_hold(h) for h in found.holds if h.held)),
        ("- short", total.short, "; ".join(_shortage(h) for h in found.holds if h.wanted > h.held)),
        ("- buffer", total.buffer, ""),
        ("=", total.on_hand - total.reserved - total.short - total.buffer, ""),
    ]
    lines = [f"{name:<12}{number:>7}   {note}".rstrip() for name, number, note in rows]
    lines.append(f"{'cap':<12}{'none' if total.cap is None else total.cap:>7}")
    lines.append(f"{'publishable':<12}{total.publishable:>7}")
    lines += [_part(part) for part in total.parts]
    if total.parts and not any(part.limits for part in total.parts):
        lines.append("There is enough of every component, but not together at one location.")
    if elsewhere:
        lines.append("Not sold here: " + ", ".join(f"{s.location} {s.on_hand}" for s in elsewhere))
    return lines


def _part(part: KitPart) -> str:
    left = f"{part.on_hand} - {part.reserved} reserved - {part.short} short"
    limits = ", which limits it" if part.limits else ""
    return f"  {part.per_kit} of {part.sku} each: {left}, enough for {part.kits}{limits}"


def _hold(hold: Hold) -> str:
    guess = "" if hold.exact else " (a guess)"
    return f"{hold.held} for {hold.order} ({hold.account})" + (f" at {hold.location}" if hold.location else "") + guess


def _shortage(hold: Hold) -> str:
    return f"{hold.wanted - hold.held} for {hold.order} ({hold.account})"


def _shown(found: Explanation) -> list[str]:
    belief = found.belief
    verb = "shows" if found.at is None else "showed"
    if belief.quantity is None:
        return [f"What the channel {verb} is not known."]
    how = f" ({belief.by} {_at(belief.since)})" if belief.since else ""
    return [f"The channel {verb} {belief.quantity}{how}."]


def arithmetic(total: Arithmetic) -> str:
    """A recorded sum on one line."""
    left = total.on_hand - total.reserved - total.short - total.buffer
    out = f"{total.on_hand} - {total.reserved} reserved - {total.short} short - {total.buffer} buffer = {left}"
    if total.cap is not None:
        out += f", cap {total.cap}"
    return out


def _sent(title: str, sent: Sent) -> str:
    number = "a number" if sent.quantity is None else str(sent.quantity)
    why = f": {arithmetic(sent.sum)}" if sent.sum else ""
    out = f"{title}: {number} at {_at(sent.sent_at)} (attempt {sent.attempt}, revision {sent.revision}{why})"
    if sent.result is None:
        return out + "; no answer yet."
    out += f"; {sent.result} at {_at(sent.ended_at)}"
    if sent.message:
        out += f" — {sent.message}"
    if sent.result == "applied":
        if sent.covered_by is not None:
            out += f"; covered by pull {sent.covered_by.id}, orders until {_at(sent.covered_by.covered_until)}"
        else:
            out += "; no order pull has covered it yet"
    return out + "."


def _sale(sale: Sale, at: datetime | None) -> str:
    out = f"Sold there since: {_units(sale.units)} in {sale.order}, placed {_at(sale.placed_at)}"
    if at is not None and sale.taken_at > at:
        out += f", not known to the hub before {_at(sale.taken_at)}"
    return out + (", cancelled." if sale.cancelled else ".")


def _next(found: Explanation) -> list[str]:
    titles = {
        "nothing": "Nothing is wanted.", "due": "Wanted.", "later": "Wanted, and waits.", "under_way": "Under way.",
        "ticket": "Taken by the channel.", "person": "Waits for a person.", "unknown": "",
    }  # fmt: skip
    waiting = found.waiting
    title = titles[waiting.state]
    if waiting.revision is not None and waiting.state != "nothing":
        title += f" Revision {waiting.revision}, carried out {waiting.done_revision}."
    return [line for line in (title, *waiting.why) if line]
