"""What a person does to kits: say what one is made of, change it, take it apart. Edits of kits wait for each other, so that
no two of them close a circle together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.orm import Session

from hub.db.session import is_sqlite
from hub.db.upsert import chunks, put_new
from hub.kernel.errors import Invalid, NotAllowedNow, StaleEdit, Unknown
from hub.pim import listing_dirt, projections, reservations
from hub.pim.counts import skus_of
from hub.pim.history.note import Changed, note
from hub.pim.kits import rules
from hub.pim.kits.models import KitComponent, KitLeaf
from hub.pim.kits.recipes import leaves_of
from hub.pim.models import Reservation, StockPosition, Variant
from hub.pim.stock import variant_by_sku


@dataclass(frozen=True, slots=True, kw_only=True)
class SetKit:
    """`sku` is made of `components` (SKU, units >= 1 per kit): all of them, those it had are replaced. `seen_version` (the
    variant's) refuses an edit made on an outdated page."""

    sku: str
    components: Sequence[tuple[str, int]]
    seen_version: int | None = None


def set_kit(session: Session, cmd: SetKit, now: datetime) -> bool:
    """Make a variant a kit, or change what a kit is made of; returns whether anything changed. Promises that are open keep
    the recipe they were made with.

    Raises:
        Unknown: no such SKU.
        Invalid: no components, a bad quantity, a circle, or too deep or too many components (the error says which).
        NotAllowedNow: the variant has stock, or orders wait for it.
        StaleEdit: the variant changed since `seen_version`.
    """
    _one_at_a_time(session)
    kit = _locked(session, cmd.sku)
    _refuse_stale(kit, cmd.seen_version)
    parts = _components(session, kit, cmd.components)
    before = _direct(session, (kit.id,)).get(kit.id, {})
    if before == parts:
        return False
    above = _above(session, (kit.id,))
    _refuse_circle(session, kit, parts, above)
    inside = {part for recipe in (parts, *above.values()) for part in recipe}
    recipes = {**_below(session, inside), **above, kit.id: parts}
    _refuse_too_much(session, kit, recipes)
    if not kit.is_kit:
        _refuse_own_stock(session, kit)
    _store(session, kit, parts, above, now)
    skus = skus_of(session, {*before, *parts})
    note(
        session,
        [
            Changed(
                subject="kit", id=kit.id, key=kit.sku, action="updated" if before else "created",
                changes={"components": (_named(before, skus), _named(parts, skus))},
            )
        ],
        now,
    )  # fmt: skip
    return True


def remove_kit(session: Session, sku: str, now: datetime, *, seen_version: int | None = None) -> bool:
    """Make a kit a variant with stock of its own again (none yet); returns whether it was a kit. Open promises keep the
    components they hold.

    Raises:
        Unknown: no such SKU.
        StaleEdit: the variant changed since `seen_version`.
    """
    _one_at_a_time(session)
    kit = _locked(session, sku)
    _refuse_stale(kit, seen_version)
    if not kit.is_kit:
        return False
    before = _direct(session, (kit.id,))[kit.id]
    _store(session, kit, {}, _above(session, (kit.id,)), now)
    skus = skus_of(session, before)
    changes = {"components": (_named(before, skus), None)}
    note(session, [Changed(subject="kit", id=kit.id, key=kit.sku, action="deleted", changes=changes)], now)
    return True


def refuse_components(session: Session, variant_ids: Iterable[int]) -> None:
    """Raises NotAllowedNow if one of these variants is in a kit: it cannot go before the kit does."""
    for part in chunks(sorted(set(variant_ids))):
        found = session.execute(
            select(KitComponent.kit_variant_id, KitComponent.component_variant_id)
            .where(KitComponent.component_variant_id.in_(part))
            .limit(1)
        ).first()
        if found is not None:
            skus = skus_of(session, found)
            kit, component = skus[found[0]], skus[found[1]]
            raise NotAllowedNow(
                f"{component} is a component of the kit {kit}", field="sku", value=component,
                fix=f"take it out of {kit} first",
            )  # fmt: skip


def _one_at_a_time(session: Session) -> None:
    """Until this unit ends no other one edits kits; reading goes on. SQLite has one writer anyway."""
    if not is_sqlite(session):
        session.execute(text("LOCK TABLE kit_components IN SHARE ROW EXCLUSIVE MODE"))


def _locked(session: Session, sku: str) -> Variant:
    """The variant, so locked that nobody promises or moves stock of it meanwhile (`recipes.parts_of`, `refuse_kits`)."""
    found = variant_by_sku(session, sku)
    query = select(Variant).where(Variant.id == found.id).with_for_update().execution_options(populate_existing=True)
    return session.scalars(query).one()


def _refuse_stale(kit: Variant, seen_version: int | None) -> None:
    if seen_version is not None and seen_version != kit.version:
        raise StaleEdit(
            f"{kit.sku} changed since you looked", field="version", value=seen_version, fix="look again and repeat it"
        )


def _components(session: Session, kit: Variant, given: Sequence[tuple[str, int]]) -> dict[int, int]:
    if not given:
        raise Invalid(
            "a kit has at least one component", field="components", value="", fix="name them, or remove the kit"
        )
    if len(given) > rules.LEAVES_MAX:
        raise Invalid(
            f"a kit has at most {rules.LEAVES_MAX} components, these are {len(given)}", field="components",
            value=len(given),
        )  # fmt: skip
    wanted = {sku for sku, _ in given}
    ids = dict(session.execute(select(Variant.sku, Variant.id).where(Variant.sku.in_(wanted))).tuples().all())
    out: dict[int, int] = {}
    for sku, units in given:
        if sku not in ids:
            raise Unknown(f"no variant has the SKU {sku!r}", field="components", value=sku, fix="import it first")
        if not 1 <= units <= rules.UNITS_MAX:
            raise Invalid(
                f"{units} of {sku} in one kit is not possible", field="components", value=units,
                fix=f"1 to {rules.UNITS_MAX:,}",
            )  # fmt: skip
        if ids[sku] in out:
            raise Invalid(
                f"{sku} is named twice", field="components", value=sku, fix="name it once, with all its units"
            )
        if ids[sku] == kit.id:
            raise Invalid(f"{sku} cannot contain itself", field="components", value=sku, fix="take it out")
        out[ids[sku]] = units
    return out


def _direct(session: Session, kit_ids: Iterable[int]) -> dict[int, dict[int, int]]:
    """What these kits are made of, one level down."""
    c = KitComponent
    out: dict[int, dict[int, int]] = {}
    for part in chunks(sorted(set(kit_ids))):
        for row in session.execute(
            select(c.kit_variant_id, c.component_variant_id, c.quantity).where(c.kit_variant_id.in_(part))
        ):
            out.setdefault(row.kit_variant_id, {})[row.component_variant_id] = row.quantity
    return out


def _above(session: Session, variant_ids: Iterable[int]) -> dict[int, dict[int, int]]:
    """The recipes of every kit that contains one of these at whatever depth."""
    c = KitComponent
    start = select(c.kit_variant_id).where(c.component_variant_id.in_(sorted(variant_ids)))
    up = start.cte("up", recursive=True)
    up = up.union(select(c.kit_variant_id).where(c.component_variant_id == up.c.kit_variant_id))
    return _direct(session, session.scalars(select(up.c.kit_variant_id)))


def _below(session: Session, variant_ids: Iterable[int]) -> dict[int, dict[int, int]]:
    """The recipes of those of these that are kits, and of the kits in them."""
    c = KitComponent
    start = select(c.kit_variant_id, c.component_variant_id, c.quantity).where(
        c.kit_variant_id.in_(sorted(variant_ids))
    )
    down = start.cte("down", recursive=True)
    down = down.union(
        select(c.kit_variant_id, c.component_variant_id, c.quantity).where(
            c.kit_variant_id == down.c.component_variant_id
        )
    )
    out: dict[int, dict[int, int]] = {}
    for row in session.execute(select(down)):
        out.setdefault(row.kit_variant_id, {})[row.component_variant_id] = row.quantity
    return out


def _refuse_circle(
    session: Session, kit: Variant, parts: Mapping[int, int], above: Mapping[int, Mapping[int, int]]
) -> None:
    for part in parts:
        path = rules.path_between(above, part, kit.id)
        if path:
            skus = skus_of(session, path)
            way = " → ".join([kit.sku, *(skus[step] for step in path)])
            raise Invalid(
                f"{kit.sku} would contain itself: {way}", field="components", value=skus[part],
                fix=f"take {skus[part]} out, or {kit.sku} out of {skus[path[-2]]}",
            )  # fmt: skip


def _refuse_too_much(session: Session, kit: Variant, recipes: Mapping[int, Mapping[int, int]]) -> None:
    """Neither the kit nor one that contains it may become too deep or too large."""
    names: dict[int, str] = {}
    for changed in [kit.id, *(other for other in recipes if rules.path_between(recipes, other, kit.id))]:
        depth = rules.depth_of(changed, recipes)
        leaves = rules.exploded_deep(changed, recipes)
        most = max(leaves.values())
        if depth <= rules.DEPTH_MAX and len(leaves) <= rules.LEAVES_MAX and most <= rules.UNITS_MAX:
            continue
        names = names or skus_of(session, recipes)
        if depth > rules.DEPTH_MAX:
            what = f"{depth} levels of kits deep; at most {rules.DEPTH_MAX} are possible"
        elif len(leaves) > rules.LEAVES_MAX:
            what = f"made of {len(leaves)} different variants; at most {rules.LEAVES_MAX} are possible"
        else:
            what = f"made of {most:,} units of one variant; at most {rules.UNITS_MAX:,} are possible"
        raise Invalid(
            f"{names[changed]} would be {what}", field="components", value=names[changed], fix="make it of less"
        )


def _refuse_own_stock(session: Session, variant: Variant) -> None:
    """The variant's row is locked: who changes its stock or promises it waits until this unit ends."""
    p, r = StockPosition, Reservation
    there = session.scalar(select(func.sum(p.on_hand)).where(p.variant_id == variant.id)) or 0
    if there:
        raise NotAllowedNow(
            f"{there} of {variant.sku} are in stock: a kit has no stock of its own", field="sku", value=variant.sku,
            fix="count it to 0 and the components to what is in it",
        )  # fmt: skip
    order = session.scalars(
        select(r.order_ref).where(r.variant_id == variant.id, r.closed_at.is_(None)).order_by(r.placed_at).limit(1)
    ).first()
    if order is not None:
        raise NotAllowedNow(
            f"order {order} waits for {variant.sku}: it cannot become a kit now", field="sku", value=variant.sku,
            fix="ship or cancel the order first",
        )  # fmt: skip


def _store(
    session: Session, kit: Variant, parts: Mapping[int, int], above: Mapping[int, Mapping[int, int]], now: datetime
) -> None:
    """Write the components and every exploded recipe that changes with them; what the channels show follows."""
    session.execute(delete(KitComponent).where(KitComponent.kit_variant_id == kit.id))
    put_new(
        session,
        KitComponent,
        [{"kit_variant_id": kit.id, "component_variant_id": p, "quantity": q} for p, q in sorted(parts.items())],
        key=("kit_variant_id", "component_variant_id"),
    )
    recipes = {**above, kit.id: parts}
    known = leaves_of(session, {part for recipe in recipes.values() for part in recipe} - recipes.keys())
    waiting = dict(recipes)
    while waiting:  # from the kit upwards: a kit is exploded when all the kits in it are
        ready = [k for k, recipe in waiting.items() if not waiting.keys() & recipe.keys()]
        for k in ready:
            known[k] = rules.exploded(waiting.pop(k), known)
    for ids in chunks(sorted(recipes)):
        session.execute(delete(KitLeaf).where(KitLeaf.kit_variant_id.in_(ids)))
    put_new(
        session,
        KitLeaf,
        [
            {"kit_variant_id": k, "variant_id": leaf, "quantity": units}
            for k in sorted(recipes)
            for leaf, units in known[k].items()
        ],
        key=("kit_variant_id", "variant_id"),
    )
    session.execute(
        update(Variant)
        .where(Variant.id == kit.id)
        .values(is_kit=bool(parts), version=Variant.version + 1, updated_at=now)
        .execution_options(synchronize_session="fetch")
    )
    concerned = sorted(recipes)
    products: set[int] = set()
    for ids in chunks(concerned):
        products.update(session.scalars(select(Variant.product_id).where(Variant.id.in_(ids))))
    projections.touch(session, products, now)
    urgency = reservations.urgency_of(session, concerned, down=True)
    listing_dirt.mark_stock_dirty(session, {k: urgency[k] for k in concerned}, now)


def _named(parts: Mapping[int, int], skus: Mapping[int, str]) -> dict[str, int] | None:
    return {skus[part]: units for part, units in sorted(parts.items(), key=lambda item: skus[item[0]])} or None
