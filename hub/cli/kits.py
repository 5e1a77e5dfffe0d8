"""`hub kits`: variants that are made of others."""

from __future__ import annotations

from collections.abc import Sequence

import click

from hub.cli.common import json_option, show, system
from hub.cli.tables import safe, table
from hub.db.session import reading, unit
from hub.pim.history.note import By, act_as
from hub.pim.kits import edit, reads
from hub.pim.kits.edit import SetKit
from hub.pim.kits.reads import KitView
from hub.pim.rules import KitPart


class _Component(click.ParamType[tuple[str, int]]):
    name = "SKU:QUANTITY"

    def convert(
        self, value: str | tuple[str, int], param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, int]:
        if isinstance(value, tuple):
            return value
        sku, _, units = value.rpartition(":")  # a SKU may contain a colon
        if not sku or not (units.isascii() and units.isdigit()) or len(units) > 9:
            self.fail(f"{value!r}: write a SKU and how many of it, like WINE-1:6", param, ctx)
        return sku, int(units)


@click.group("kits")
def kits_() -> None:
    """Kits and bundles: variants that are made of others and have no stock of their own."""


@kits_.command("list")
@click.option("--after", default="", help="Kits that follow this SKU.")
@click.option("--limit", type=click.IntRange(1, reads.LIMIT_MAX), default=50, show_default=True)
@json_option
def list_(after: str, limit: int, as_json: bool) -> None:
    """Kits in the order of their SKU, with how many their components make."""
    with system() as running, reading(running.sessions) as session:
        found = reads.kits_page(session, after=after, limit=limit)
    rows = [
        (
            view.sku, view.title, " + ".join(f"{c.quantity} {c.sku}" for c in view.components),
            view.standing.sum.publishable,
        )
        for view in found
    ]  # fmt: skip
    show(
        [view.as_dict() for view in found],
        as_json=as_json,
        text=table(("kit", "title", "made of", "available"), rows),
    )


@kits_.command("show")
@click.argument("sku")
@json_option
def show_(sku: str, as_json: bool) -> None:
    """What SKU is made of, how many its components make at each location, and which of them there is least of."""
    with system() as running, reading(running.sessions) as session:
        found = reads.kit_of(session, sku)
    show(found.as_dict(), as_json=as_json, text=_text(found))


@kits_.command("set")
@click.argument("sku")
@click.option(
    "--component", "components", type=_Component(), multiple=True, required=True,
    help="A component and its units per kit; once for each.",
)  # fmt: skip
@json_option
def set_(sku: str, components: tuple[tuple[str, int], ...], as_json: bool) -> None:
    """Make SKU a kit of exactly these components, or change what it is made of."""
    with system() as running, unit(running.sessions) as session:
        act_as(session, By(kind="person", name="cli"))
        changed = edit.set_kit(session, SetKit(sku=sku, components=components), running.clock.now())
        found = reads.kit_of(session, sku)
    show({**found.as_dict(), "changed": changed}, as_json=as_json, text=_text(found))


@kits_.command("remove")
@click.argument("sku")
@json_option
def remove(sku: str, as_json: bool) -> None:
    """Make the kit SKU a variant with stock of its own again. Orders that wait keep the components they hold."""
    with system() as running, unit(running.sessions) as session:
        act_as(session, By(kind="person", name="cli"))
        changed = edit.remove_kit(session, sku, running.clock.now())
    text = f"{safe(sku)} is no kit any more" if changed else f"{safe(sku)} was no kit"
    show({"sku": sku, "changed": changed}, as_json=as_json, text=text)


def _text(view: KitView) -> str:
    total = view.standing.sum
    out = [
        f"{safe(view.sku)}  {safe(view.title)}",
        table(
            ("component", "title", "per kit", ""),
            [(c.sku, c.title, c.quantity, "a kit" if c.is_kit else "") for c in view.components],
        ),
        component_table(total.parts),
        table(
            ("location", "kits", "promised", "available"),
            [(p.location, p.on_hand, p.reserved, p.available) for p in view.standing.places],
        ),
        f"{total.publishable} can be sold.",
    ]
    if view.used_in:
        out.append("Part of " + ", ".join(safe(sku) for sku in view.used_in))
    return "\n\n".join(out)


def component_table(parts: Sequence[KitPart]) -> str:
    """Components down to what can be counted, with the kits that each alone would make."""
    return table(
        ("counted", "per kit", "on hand", "reserved", "short", "makes", ""),
        [
            (p.sku, p.per_kit, p.on_hand, p.reserved, p.short, p.kits, "limits" if p.limits else "")
            for p in parts
        ],
    )  # fmt: skip


COMMANDS = (kits_,)
