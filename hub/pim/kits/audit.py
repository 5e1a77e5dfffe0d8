"""Whether what is stored about kits agrees with itself: for the doctor, which asks of the whole database."""

from __future__ import annotations

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, aliased

from hub.pim.kits import rules
from hub.pim.kits.models import KitComponent, KitLeaf
from hub.pim.models import Reservation, StockPosition, Variant


def disagreements(session: Session, show: int) -> tuple[int, list[str]]:
    """How many facts were looked at (kits, their components, promises), and the first few that break a rule, in words."""
    checked = sum(
        int(session.scalar(query) or 0)
        for query in (
            select(func.count()).select_from(KitComponent),
            select(func.count()).select_from(Variant).where(Variant.is_kit),
            select(func.count()).select_from(Reservation),
        )
    )
    return checked, [*_recipes(session, show), *_own_stock(session, show), *_promises(session, show)]


def _recipes(session: Session, show: int) -> list[str]:
    c, k = KitComponent, KitLeaf
    direct: dict[int, dict[int, int]] = {}
    for row in session.execute(select(c.kit_variant_id, c.component_variant_id, c.quantity)):
        direct.setdefault(row.kit_variant_id, {})[row.component_variant_id] = row.quantity
    stored: dict[int, dict[int, int]] = {}
    for leaf in session.execute(select(k.kit_variant_id, k.variant_id, k.quantity)):
        stored.setdefault(leaf.kit_variant_id, {})[leaf.variant_id] = leaf.quantity
    kits = dict(session.execute(select(Variant.id, Variant.sku).where(Variant.is_kit)).tuples().all())
    out = [f"{sku} is a kit without components" for kit, sku in kits.items() if kit not in direct]
    out += [f"variant {kit} has components and is no kit" for kit in sorted({*direct, *stored} - kits.keys())]
    for kit in sorted(direct):
        below = next((part for part in direct[kit] if rules.path_between(direct, part, kit)), None)
        if below is not None:
            out.append(f"{kits.get(kit, kit)} contains itself, through variant {below}")
            return out[:show]  # a circle cannot be exploded
    out += [
        f"{kits.get(kit, kit)}: what it is made of in the end is not up to date"
        for kit in sorted(direct)
        if rules.exploded_deep(kit, direct) != stored.get(kit)
    ]
    return out[:show]


def _own_stock(session: Session, show: int) -> list[str]:
    p, r = StockPosition, Reservation
    counted = session.execute(
        select(Variant.sku, p.location_id, p.on_hand, p.reserved)
        .join(p, p.variant_id == Variant.id)
        .where(Variant.is_kit, or_(p.on_hand != 0, p.reserved != 0))
        .limit(show)
    )
    out = [f"{x.sku} is a kit and has {x.on_hand} units of its own at location {x.location_id}" for x in counted]
    waiting = session.execute(
        select(Variant.sku, r.order_ref)
        .join(r, r.variant_id == Variant.id)
        .where(Variant.is_kit, r.closed_at.is_(None))
        .limit(show)
    )
    return out + [f"order {x.order_ref} waits for units of {x.sku}, which is a kit" for x in waiting]


def _promises(session: Session, show: int) -> list[str]:
    r, lead = Reservation, aliased(Reservation)
    torn = session.execute(
        select(r.order_ref, r.order_line_id)
        .outerjoin(lead, (lead.order_line_id == r.order_line_id) & (lead.part == 0))
        .where(
            r.part > 0,
            or_(
                lead.id.is_(None),
                r.kit_id.is_distinct_from(lead.kit_id),
                r.location_id.is_distinct_from(lead.location_id),
                r.quantity * lead.per_unit != lead.quantity * r.per_unit,
                r.wanted * lead.per_unit != lead.wanted * r.per_unit,
                (r.closed_at.is_(None)) != (lead.closed_at.is_(None)),
            ),
        )
        .limit(show)
    )
    out = [f"order {x.order_ref}: the promises of line {x.order_line_id} do not go together" for x in torn]
    uneven = session.execute(
        select(r.order_ref, r.order_line_id)
        .where(
            or_(
                r.quantity % r.per_unit != 0,
                r.wanted % r.per_unit != 0,
                r.kit_id.is_(None) & or_(r.part != 0, r.per_unit != 1),
            )
        )
        .limit(show)
    )
    return out + [f"order {x.order_ref}: line {x.order_line_id} holds a part of a unit" for x in uneven]
