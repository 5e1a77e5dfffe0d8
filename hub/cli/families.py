"""`hub families`, `hub locales`: sorts of products and what they need, and the languages of their texts."""

from __future__ import annotations

from dataclasses import asdict

import click

from hub.cli.attributes import after_option, do, label_option, limit_option, me
from hub.cli.common import json_option, show, system
from hub.cli.tables import safe, table
from hub.cli.values import pairs
from hub.db.session import reading, unit
from hub.pim.attributes import families, locales, reads
from hub.pim.attributes.fallback import EVERY
from hub.pim.attributes.families import ChangeFamily, Member, NewFamily, Requirement
from hub.pim.attributes.locales import ChangeLocale, NewLocale
from hub.pim.attributes.reads import FamilySheet


@click.group("families")
def families_() -> None:
    """Sorts of products: which attributes they have, and what they need to be complete."""


@families_.command("list")
@after_option
@limit_option
@json_option
def families_list(after: str, limit: int, as_json: bool) -> None:
    """Families in the order of their code."""
    with system() as running, reading(running.sessions) as session:
        found = reads.list_families(session, after=after, limit=limit)
    rows = [(f.code, f.label, f.attributes, f.requirements, f.products, ", ".join(f.axes)) for f in found]
    text = table(("family", "label", "attributes", "requirements", "products", "variants differ in"), rows)
    show([asdict(one) for one in found], as_json=as_json, text=text)


@families_.command("show")
@click.argument("code")
@json_option
def families_show(code: str, as_json: bool) -> None:
    """One family with its attributes and what it requires where."""
    with system() as running, reading(running.sessions) as session:
        found = reads.family(session, code)
    show(asdict(found), as_json=as_json, text=_family_text(found))


def _family_text(found: FamilySheet) -> str:
    lines = [f"{safe(found.line.code)}: {safe(found.line.label)}, {found.line.products} products"]
    lines += [f"Variants differ in {', '.join(found.line.axes)}"] if found.line.axes else []
    rows = [(m.code, m.label, m.type, m.level, _where(m.required)) for m in found.members]
    rows += [(name, "", "", "", _where(places)) for name, places in found.required_fields.items()]
    return "\n".join([*lines, table(("field", "label", "type", "per", "required on"), rows)])


def _where(places: tuple[tuple[str, str], ...]) -> str:
    return ", ".join(
        ("every channel" if channel == EVERY else channel) + ("" if locale == EVERY else f" in {locale}")
        for channel, locale in places
    )


@families_.command("add")
@click.argument("code")
@click.argument("label")
@click.option("--attribute", "members", multiple=True, help="An attribute that its products have; repeat it.")
@click.option("--variant-attribute", "own", multiple=True, help="An attribute that each variant has; repeat it.")
@click.option("--axis", "axes", multiple=True, help="A variant attribute in which variants differ; repeat it.")
@label_option
@json_option
def families_add(
    code: str, label: str, members: tuple[str, ...], own: tuple[str, ...], axes: tuple[str, ...],
    labels: tuple[str, ...], as_json: bool,
) -> None:  # fmt: skip
    """Make the family CODE with the LABEL that people read."""
    has = [Member(attribute=name, position=place) for place, name in enumerate(members)]
    has += [Member(attribute=name, level="variant", position=len(members) + place) for place, name in enumerate(own)]
    with system() as running:
        now = running.clock.now()
        with unit(running.sessions) as session:
            me(session)
            families.create_family(session, NewFamily(code=code, label=label, labels=pairs(labels, "--label-in")), now)
            families.put_members(session, code, has, now)
            families.change_family(session, ChangeFamily(code=code, axes=axes), now)
        with reading(running.sessions) as session:
            made = reads.family(session, code)
    show(asdict(made), as_json=as_json, text=_family_text(made))


@families_.command("set")
@click.argument("code")
@click.option("--label", help="Another label.")
@click.option("--attribute", "members", multiple=True, help="Add an attribute of its products; repeat it.")
@click.option("--variant-attribute", "own", multiple=True, help="Add an attribute of each variant; repeat it.")
@click.option("--drop", "gone", multiple=True, help="Take this attribute out; values stay; repeat it.")
@click.option("--axis", "axes", multiple=True, help="Variants differ in these, and in no others; repeat it.")
@label_option
@json_option
def families_set(
    code: str, label: str | None, members: tuple[str, ...], own: tuple[str, ...], gone: tuple[str, ...],
    axes: tuple[str, ...], labels: tuple[str, ...], as_json: bool,
) -> None:  # fmt: skip
    """Change the family CODE."""
    with system() as running:
        now = running.clock.now()
        with unit(running.sessions) as session:
            me(session)
            place = reads.family(session, code).line.attributes
            has = [Member(attribute=name, position=place + n) for n, name in enumerate(members)]
            has += [Member(attribute=name, level="variant", position=place + n) for n, name in enumerate(own)]
            families.put_members(session, code, has, now)
            change = ChangeFamily(
                code=code, label=label, axes=axes or None, labels=pairs(labels, "--label-in") if labels else None
            )
            families.change_family(session, change, now)
            families.drop_members(session, code, gone, now)
        with reading(running.sessions) as session:
            made = reads.family(session, code)
    show(asdict(made), as_json=as_json, text=_family_text(made))


@families_.command("require")
@click.argument("code")
@click.argument("fields", nargs=-1, required=True)
@click.option("--channel", default=EVERY, show_default=True, help="Only on this channel.")
@click.option("--locale", default=EVERY, show_default=True, help="Only in this language.")
@click.option("--no-longer", is_flag=True, help="Require it there no longer.")
@json_option
def require(code: str, fields: tuple[str, ...], channel: str, locale: str, no_longer: bool, as_json: bool) -> None:
    """Products of the family CODE are complete only with these FIELDS: attributes, title, price, gtin and so on."""
    needs = [Requirement(field=name, channel=channel, locale=locale) for name in fields]
    with system() as running:
        with unit(running.sessions) as session:
            me(session)
            act = families.release if no_longer else families.require
            changed = act(session, code, needs, running.clock.now())
        with reading(running.sessions) as session:
            made = reads.family(session, code)
    show(asdict(made) | {"changed": changed}, as_json=as_json, text=_family_text(made))


@families_.command("remove")
@click.argument("code")
@json_option
def families_remove(code: str, as_json: bool) -> None:
    """Remove the family CODE, which no product belongs to."""
    do(
        lambda session, now: families.remove_family(session, code, now),
        {"removed": code},
        f"{safe(code)} is gone",
        as_json=as_json,
    )


@click.group("locales")
def locales_() -> None:
    """The languages that product texts are written in."""


@locales_.command("list")
@json_option
def locales_list(as_json: bool) -> None:
    """Languages in their order."""
    with system() as running, reading(running.sessions) as session:
        found = reads.list_locales(session)
    rows = [(n.code, n.label, "the base content" if n.is_base else n.fallback or "the base content") for n in found]
    text = table(("locale", "label", "is or falls back to"), rows)
    show([asdict(one) for one in found], as_json=as_json, text=text)


@locales_.command("add")
@click.argument("code")
@click.option("--label", default="", help="What it is called; without it, by its English name.")
@click.option("--fallback", default="", help="The language to read where this one says nothing.")
@click.option("--base", is_flag=True, help="The base content is in this language.")
@click.option("--position", type=click.IntRange(0), default=0, show_default=True, help="Lower ones stand first.")
@json_option
def locales_add(code: str, label: str, fallback: str, base: bool, position: int, as_json: bool) -> None:
    """Add the language CODE, like de, pt-BR, zh-Hant."""
    wanted = NewLocale(code=code, label=label, fallback=fallback, base=base, position=position)
    with system() as running, unit(running.sessions) as session:
        me(session)
        made = locales.add_locale(session, wanted, running.clock.now())
    show({"code": made}, as_json=as_json, text=f"{made} is there")


@locales_.command("set")
@click.argument("code")
@click.option("--label", help="What it is called.")
@click.option("--fallback", help="The language to read where this one says nothing; an empty text = the base content.")
@click.option("--base/--not-base", default=None, help="Whether the base content is in this language.")
@json_option
def locales_set(code: str, label: str | None, fallback: str | None, base: bool | None, as_json: bool) -> None:
    """Change the language CODE."""
    wanted = ChangeLocale(code=code, label=label, fallback=fallback, base=base)
    with system() as running, unit(running.sessions) as session:
        me(session)
        changed = locales.change_locale(session, wanted, running.clock.now())
    text = f"{safe(code)}: changed {', '.join(sorted(changed))}" if changed else f"{safe(code)} stood so already"
    show({"code": code, "changed": sorted(changed)}, as_json=as_json, text=text)


@locales_.command("remove")
@click.argument("code")
@json_option
def locales_remove(code: str, as_json: bool) -> None:
    """Remove the language CODE, in which nothing is said."""
    do(
        lambda session, now: locales.remove_locale(session, code, now),
        {"removed": code},
        f"{safe(code)} is gone",
        as_json=as_json,
    )


COMMANDS = (families_, locales_)
