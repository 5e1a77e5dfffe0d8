"""`hub bulk`: the same change on many products: look first, then run; taken back with `hub jobs undo`."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import click

from hub.cli.common import json_option, show, system
from hub.cli.jobs import finish
from hub.cli.progress import working
from hub.cli.tables import safe, table
from hub.cli.values import person
from hub.db.session import unit
from hub.kernel.text import shorten
from hub.pim import projections, workers
from hub.pim.bulk import run as editing
from hub.pim.bulk.actions import Action, Append, Clear, Copy, Formula, Remove, Replace, Set, from_json, to_json
from hub.pim.bulk.run import Preview
from hub.pim.bulk.selection import Selection
from hub.pim.search import encoding
from hub.pim.search.query import All, Filter, Is, OwnText, Query
from hub.wiring import System

_FIELDS: tuple[tuple[OwnText, str], ...] = (
    ("family", "Only products of this family; repeat the option for several."),
    ("state", "Only products in this state."),
    ("brand", "Only products of this brand."),
    ("category", "Only products of this type."),
    ("tag", "Only products with this tag."),
)
_ACTIONS = (
    ("set", "FIELD=VALUE", "Give the field this value."),
    ("clear", "FIELD", "Empty the field."),
    ("append", "FIELD=ITEM", "Add to a list: tags, pictures, lines, choices. Items are divided by «|»."),
    ("remove", "FIELD=ITEM", "Take out of a list."),
    ("replace", "FIELD=OLD=>NEW", "Find and replace in a text or in the items of a list."),
    ("formula", "FIELD=FORMULA", "Calculate, like 'price=ending(price*1.05, 0.99)'."),
    ("copy", "SOURCE=>FIELD", "Copy from a field, an attribute or a language, like 'title=>title.de'."),
)


def selection_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options that say which products: --filter, --text, --family …, --name."""
    command = click.option("--name", "names", multiple=True, help="This product: its handle, or a SKU of it.")(command)
    for field, text in reversed(_FIELDS):
        command = click.option(f"--{field}", field, multiple=True, help=text)(command)
    command = click.option("--text", default="", help="Only products that a search for this finds.")(command)
    return click.option("--filter", "filter_json", help="A filter as JSON (docs/search.md).")(command)


def action_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for name, form, text in reversed(_ACTIONS):
        command = click.option(f"--{name}", f"do_{name}", multiple=True, metavar=form, help=text)(command)
    return command


@click.group()
def bulk() -> None:
    """Change many products at once. FIELD is one of the hub's own (price, tags, title …) or an attribute, with its
    language and channel after a dot: title.de, material.de@amazon."""


@bulk.command()
@selection_options
@action_options
@json_option
def preview(as_json: bool, **given: Any) -> None:
    """Count what would change, and show the first hundred differences. Changes nothing."""
    with system() as running, working("Working it out"):
        searchable(running)
        found = editing.preview(running.sessions, selection(given), actions(given))
    show(found.as_dict(), as_json=as_json, text=_text(found))


@bulk.command()
@selection_options
@action_options
@click.option("--all", "everything", is_flag=True, help="Every product, without any filter.")
@click.option("--title", default="", help="What the job is called.")
@click.option("--wait/--no-wait", default=True, show_default=True, help="Carry it out here and now.")
@json_option
def run(everything: bool, title: str, wait: bool, as_json: bool, **given: Any) -> None:
    """Carry the change out as a job. Ctrl-C stops it between two steps; `hub jobs undo` takes it back for 30 days."""
    chosen = selection(given)
    if chosen.query == Query() and not everything:
        raise click.UsageError("this would change every product: give a filter, or --all")
    with system() as running:
        workers.load()
        searchable(running)
        with unit(running.sessions) as session:
            job = editing.start(session, chosen, actions(given), person(), running.clock.now(), title=title)
        finish(running, job.id, as_json, wait=wait)


def selection(given: dict[str, Any]) -> Selection:
    """The products that the options of `selection_options` name."""
    parts: list[Filter] = [Is(field=field, values=tuple(given[field])) for field, _ in _FIELDS if given[field]]
    if given["filter_json"]:
        try:
            parts.append(encoding.filter_from_json(json.loads(given["filter_json"])))
        except ValueError as error:
            raise click.BadParameter(f"this is not JSON: {error}", param_hint="--filter") from error
    if given["names"]:
        if parts or given["text"]:
            raise click.UsageError("--name names products one by one; leave filters out")
        return Selection(names=tuple(dict.fromkeys(given["names"])))
    if not parts:
        return Selection(query=Query(text=given["text"]))
    return Selection(query=Query(text=given["text"], filter=parts[0] if len(parts) == 1 else All(parts=tuple(parts))))


def actions(given: dict[str, Any]) -> tuple[Action, ...]:
    """What the options of `action_options` ask for, in the order: set, clear, append, remove, replace, formula, copy."""
    out: list[Action] = [Clear(field=text.strip()) for text in given["do_clear"]]
    out = [Set(field=field, value=value) for field, value in _pairs(given, "set")] + out
    out += [Append(field=field, items=tuple(value.split("|"))) for field, value in _pairs(given, "append")]
    out += [Remove(field=field, items=tuple(value.split("|"))) for field, value in _pairs(given, "remove")]
    for field, value in _pairs(given, "replace"):
        old, arrow, new = value.partition("=>")
        if not arrow:
            raise click.BadParameter("write it like title=old=>new", param_hint="--replace")
        out.append(Replace(field=field, old=old, new=new))
    out += [Formula(field=field, expression=value) for field, value in _pairs(given, "formula")]
    for text in given["do_copy"]:
        source, arrow, field = text.partition("=>")
        if not arrow:
            raise click.BadParameter("write it like title=>title.de", param_hint="--copy")
        out.append(Copy(field=field.strip(), source=source.strip()))
    if not out:
        raise click.UsageError("say what to change: --set, --clear, --append, --remove, --replace, --formula, --copy")
    return from_json(to_json(out))


def _pairs(given: dict[str, Any], name: str) -> list[tuple[str, str]]:
    out: list[tuple[str, str]] = []
    for text in given[f"do_{name}"]:
        field, equals, value = text.partition("=")
        if not equals or not field.strip():
            raise click.BadParameter(f"{text!r} has no «=»; write it like field=value", param_hint=f"--{name}")
        out.append((field.strip(), value))
    return out


def searchable(running: System) -> None:
    """Let the search see what was changed a moment ago."""
    moved = 1
    while moved:
        with unit(running.sessions) as session:
            moved = projections.project(session, running.clock.now())


def _text(found: Preview) -> str:
    lines = [
        f"{found.products} products: {found.changed} would change ({found.fields} fields), {found.unchanged} would not, "
        f"{found.refused} have something that is refused"
    ]
    if found.diffs:
        rows = [(d.subject, d.key, d.field, _value(d.before), _value(d.after)) for d in found.diffs]
        lines += ["", table(("", "of", "field", "before", "after"), rows)]
    if found.problems:
        rows = [(d.subject, d.key, d.field, d.problem, "") for d in found.problems]
        lines += ["", table(("", "of", "field", "refused because", ""), rows)]
    return "\n".join(lines)


def _value(value: Any) -> str:
    if value in (None, "", []):
        return "–"
    return safe(shorten(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False), 50))


COMMANDS = (bulk,)
