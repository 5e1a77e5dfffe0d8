"""`hub products show`: everything that a product says in one language on one channel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict

import click

from hub.cli.common import json_option, show, system
from hub.cli.tables import safe, table
from hub.db.session import reading
from hub.kernel.text import shorten
from hub.pim.attributes import sheet
from hub.pim.attributes.sheet import ProductSheet, SheetField, SheetGroup

_TEXT_MAX = 70


@click.command("show")
@click.argument("name")
@click.option("--locale", default="", help="In this language; without it, the base content.")
@click.option("--channel", default="", help="As this channel shows it.")
@click.option("--limit", type=click.IntRange(1, sheet.VARIANTS_MAX), default=100, show_default=True, help="Variants.")
@json_option
def show_(name: str, locale: str, channel: str, limit: int, as_json: bool) -> None:
    """What the product NAME (a handle, or the SKU of a variant) says: each field with its value and where it is from.

    «!» marks what its family requires there and is missing.
    """
    with system() as running, reading(running.sessions) as session:
        found = sheet.product_sheet(session, sheet.named(session, name), locale=locale, channel=channel, limit=limit)
    show(asdict(found) | {"missing": found.missing()}, as_json=as_json, text="\n".join(_lines(found)))


def _lines(found: ProductSheet) -> Iterator[str]:
    where = f"in {found.locale}" if found.locale else "base content"
    yield f"{safe(found.title)} ({safe(found.handle)}), {found.state}, {safe(found.family_label) or 'no family'}"
    yield f"{where}, on {safe(found.channel) or 'no channel in particular'}"
    missing = found.missing()
    yield f"missing: {', '.join(missing)}" if missing else "nothing that is required is missing"
    yield from _groups(found.groups)
    for variant in found.variants:
        yield ""
        yield f"{safe(variant.sku)}  {safe(' / '.join(variant.options.values()))}".rstrip()
        yield from _groups(variant.groups)
    if found.more:
        yield "There are more variants: raise --limit."


def _groups(groups: tuple[SheetGroup, ...]) -> Iterator[str]:
    for group in groups:
        if group.label:
            yield f"  {safe(group.label)}"
        rows = [
            ("!" if field.missing else "", field.label, shorten(safe(field.text), _TEXT_MAX), _from(field))
            for field in group.fields
        ]
        yield from table(("", "", "", ""), rows, indent="    ").splitlines()[1:]


def _from(field: SheetField) -> str:
    notes = ["of the product"] if field.inherited else []
    if field.fallen_back:
        notes.append(f"from {field.scope or 'the base content'}")
    elif field.scope:
        notes.append(f"for {field.scope}")
    if field.extra:
        notes.append("not of its family")
    return ", ".join(notes)
