"""`hub attributes`: what can be said about products."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime

import click
from sqlalchemy.orm import Session

from hub.cli.common import json_option, show, system
from hub.cli.tables import safe, table
from hub.cli.values import pairs
from hub.db.session import reading, unit
from hub.pim.attributes import define, groups, options, reads
from hub.pim.attributes.define import ChangeAttribute, NewAttribute
from hub.pim.attributes.groups import NewGroup
from hub.pim.attributes.options import NewOption
from hub.pim.attributes.reads import AttributeSheet
from hub.pim.attributes.types import AttributeType
from hub.pim.history.note import By, act_as

_TYPES = click.Choice([kind.value for kind in AttributeType])
label_option = click.option(
    "--label-in", "labels", multiple=True, metavar="LOCALE=LABEL", help="Its label in a language; repeat it."
)
_rules_option = click.option(
    "--rule", "rules", multiple=True, metavar="NAME=VALUE",
    help="A rule: min_length, max_length, pattern, min, max, decimals, unique, withheld; repeat it.",
)  # fmt: skip
after_option = click.option("--after", default="", help="Those that follow this code.")
limit_option = click.option("--limit", type=click.IntRange(1, reads.PAGE_MAX), default=100, show_default=True)


def me(session: Session) -> None:
    """The unit acts in the name of whoever sits here."""
    act_as(session, By(kind="person", name=getpass.getuser(), source="cli"))


def do(act: Callable[[Session, datetime], object], value: dict[str, object], text: str, *, as_json: bool) -> None:
    """Carry one operation out in the name of whoever sits here."""
    with system() as running, unit(running.sessions) as session:
        me(session)
        act(session, running.clock.now())
    show(value, as_json=as_json, text=text)


@click.group()
def attributes() -> None:
    """What can be said about products: typed attributes, their options and their groups."""


@attributes.command("list")
@click.option("--containing", default="", help="Letters of the code or the label.")
@click.option("--family", default="", help="Only those of this family.")
@after_option
@limit_option
@json_option
def list_(containing: str, family: str, after: str, limit: int, as_json: bool) -> None:
    """Attributes in the order of their code."""
    with system() as running, reading(running.sessions) as session:
        found = reads.list_attributes(session, after=after, limit=limit, containing=containing, family=family)
    rows = [
        (
            one.code, one.label, one.type, one.unit, one.group, "language" * one.localisable,
            "channel" * one.per_channel, one.options or "", one.families or "",
        )
        for one in found
    ]  # fmt: skip
    text = table(("code", "label", "type", "unit", "group", "per", "and", "options", "families"), rows)
    show([asdict(one) for one in found], as_json=as_json, text=text)


@attributes.command("show")
@click.argument("code")
@json_option
def show_(code: str, as_json: bool) -> None:
    """One attribute with its rules, options and families."""
    with system() as running, reading(running.sessions) as session:
        found = reads.attribute(session, code)
    show(asdict(found), as_json=as_json, text=_attribute_text(found))


def _attribute_text(found: AttributeSheet) -> str:
    line = found.line
    flags = [
        name for name in ("localisable", "per_channel", "filterable", "searchable", "system") if getattr(line, name)
    ]
    lines = [f"{safe(line.code)}: {safe(line.label)}, {line.type}" + (f" in {safe(line.unit)}" if line.unit else "")]
    lines += [f"  {safe(found.help)}"] if found.help else []
    lines += [f"  {', '.join(flag.replace('_', ' ') for flag in flags)}"] if flags else []
    lines += [f"  rule {name}: {safe(value)}" for name, value in sorted(found.rules.items())]
    lines += [f"  label in {safe(locale)}: {safe(text)}" for locale, text in sorted(found.labels.items())]
    lines += [f"  option {safe(one.code)}: {safe(one.label)}" for one in found.options]
    lines += [f"  family {safe(code)}: per {level}" for code, level in found.families.items()]
    return "\n".join(lines)


@attributes.command("add")
@click.argument("code")
@click.argument("label")
@click.option("--type", "kind", type=_TYPES, required=True, help="What its values are.")
@click.option("--unit", "measure", default="", help="The unit numbers are stored in, like ml, kg, %.")
@click.option("--group", default="", help="The group it stands in.")
@click.option("--help-text", default="", help="What whoever fills it in should know.")
@click.option("--localisable", is_flag=True, help="A value per language is possible.")
@click.option("--per-channel", is_flag=True, help="A value per channel is possible.")
@click.option("--filterable", is_flag=True, help="Products can be filtered by it.")
@click.option("--searchable", is_flag=True, help="Products are found by its words.")
@click.option("--option", "answers", multiple=True, help="The label of an option of a choice; repeat it.")
@label_option
@_rules_option
@json_option
def add(
    code: str, label: str, kind: str, measure: str, group: str, help_text: str, localisable: bool, per_channel: bool,
    filterable: bool, searchable: bool, answers: tuple[str, ...], labels: tuple[str, ...], rules: tuple[str, ...],
    as_json: bool,
) -> None:  # fmt: skip
    """Define the attribute CODE with the LABEL that people read."""
    wanted = NewAttribute(
        code=code, label=label, type=AttributeType(kind), unit=measure, group=group, help=help_text,
        localisable=localisable, per_channel=per_channel, filterable=filterable, searchable=searchable,
        labels=pairs(labels, "--label-in"), rules=pairs(rules, "--rule"),
    )  # fmt: skip
    with system() as running:
        now = running.clock.now()
        with unit(running.sessions) as session:
            me(session)
            define.create_attribute(session, wanted, now)
            if answers:
                options.add_options(session, code, [NewOption(label=answer) for answer in answers], now)
        with reading(running.sessions) as session:
            made = reads.attribute(session, code)
    show(asdict(made), as_json=as_json, text=_attribute_text(made))


@attributes.command("set")
@click.argument("code")
@click.option("--label", help="Another label.")
@click.option("--type", "kind", type=_TYPES, help="Another type, while nothing is said in it.")
@click.option("--unit", "measure", help="Another unit, while nothing is said in it.")
@click.option("--group", help="Another group; an empty text = none.")
@click.option("--help-text", help="What whoever fills it in should know.")
@click.option("--localisable/--not-localisable", default=None, help="Whether a value per language is possible.")
@click.option("--per-channel/--not-per-channel", default=None, help="Whether a value per channel is possible.")
@click.option("--filterable/--not-filterable", default=None, help="Whether products can be filtered by it.")
@click.option("--searchable/--not-searchable", default=None, help="Whether products are found by its words.")
@label_option
@_rules_option
@json_option
def set_(
    code: str, label: str | None, kind: str | None, measure: str | None, group: str | None, help_text: str | None,
    localisable: bool | None, per_channel: bool | None, filterable: bool | None, searchable: bool | None,
    labels: tuple[str, ...], rules: tuple[str, ...], as_json: bool,
) -> None:  # fmt: skip
    """Change the attribute CODE. --label-in and --rule replace all labels and all rules."""
    wanted = ChangeAttribute(
        code=code, label=label, type=None if kind is None else AttributeType(kind), unit=measure, group=group,
        help=help_text, localisable=localisable, per_channel=per_channel, filterable=filterable,
        searchable=searchable, labels=pairs(labels, "--label-in") if labels else None,
        rules=pairs(rules, "--rule") if rules else None,
    )  # fmt: skip
    with system() as running:
        now = running.clock.now()
        with unit(running.sessions) as session:
            me(session)
            changed = define.change_attribute(session, wanted, now)
    text = f"{safe(code)}: changed {', '.join(sorted(changed))}" if changed else f"{safe(code)} stood so already"
    show({"code": code, "changed": sorted(changed)}, as_json=as_json, text=text)


@attributes.command("remove")
@click.argument("code")
@json_option
def remove(code: str, as_json: bool) -> None:
    """Remove the attribute CODE, of which nothing is said and that no family has."""
    do(
        lambda session, now: define.remove_attribute(session, code, now),
        {"removed": code},
        f"{safe(code)} is gone",
        as_json=as_json,
    )


@attributes.command("group")
@click.argument("code")
@click.argument("label")
@click.option("--position", type=click.IntRange(0), default=0, show_default=True, help="Lower ones stand first.")
@label_option
@json_option
def group_(code: str, label: str, position: int, labels: tuple[str, ...], as_json: bool) -> None:
    """Make the group CODE, a heading under which attributes stand together."""
    wanted = NewGroup(code=code, label=label, position=position, labels=pairs(labels, "--label-in"))
    do(
        lambda session, now: groups.create_group(session, wanted, now),
        {"code": code},
        f"Group {safe(code)} is there",
        as_json=as_json,
    )


@attributes.command("option")
@click.argument("code")
@click.argument("label", required=False)
@click.option("--code", "key", default="", help="Its code; without it, one is made from the label.")
@click.option("--rename", metavar="OPTION", help="Give this option (its code) the LABEL instead of adding one.")
@click.option("--remove", "gone", metavar="OPTION", help="Remove this option (its code), which nothing has.")
@click.option("--order", metavar="OPTION,OPTION", help="Put these first, in this order.")
@label_option
@json_option
def option_(
    code: str, label: str | None, key: str, rename: str | None, gone: str | None, order: str | None,
    labels: tuple[str, ...], as_json: bool,
) -> None:  # fmt: skip
    """Add the option LABEL to the choice CODE; or rename, remove or order its options."""
    if sum(given is not None for given in (rename, gone, order)) > 1:
        raise click.UsageError("one of --rename, --remove and --order")
    if label is None and gone is None and order is None and not (rename and labels):
        raise click.UsageError("say the LABEL of the option")
    named = pairs(labels, "--label-in")

    def act(session: Session, now: datetime) -> object:
        if gone is not None:
            options.remove_option(session, code, gone, now)
            return None
        if order is not None:
            return options.order_options(session, code, [one.strip() for one in order.split(",") if one.strip()], now)
        if rename is not None:
            return options.rename_option(session, code, rename, now, label=label, labels=named or None)
        return options.add_options(session, code, [NewOption(label=label or "", code=key, labels=named)], now)

    with system() as running:
        with unit(running.sessions) as session:
            me(session)
            act(session, running.clock.now())
        with reading(running.sessions) as session:
            left = reads.attribute(session, code).options
    text = table(("option", "label"), [(one.code, one.label) for one in left])
    show([asdict(one) for one in left], as_json=as_json, text=text)


COMMANDS = (attributes,)
