"""`hub audit`: who changed what, from what to what; and whether the record itself is as it was written."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import click

from hub.cli.common import json_option, show, system
from hub.cli.progress import working
from hub.cli.tables import instant, safe
from hub.cli.values import INSTANT, person
from hub.db.session import reading, unit
from hub.kernel.text import shorten
from hub.pim.history import reads, restore, verify
from hub.pim.history.note import act_as
from hub.pim.history.reads import Entry, Page, Wanted

_before_option = click.option("--before", type=int, help="Only lines before this number: the next page.")
_limit_option = click.option(
    "--limit", type=click.IntRange(1, reads.PAGE_MAX), default=reads.PAGE, show_default=True, help="Lines per page."
)


@click.group()
def audit() -> None:
    """The history of the catalogue: each change with who, what, why and when, chained so that tampering shows."""


@audit.command("list")
@click.option("--subject", default="", help="Only product, variant, listing, account, family …")
@click.option("--field", default="", help="Only changes of this field or attribute.")
@click.option("--by", "actor", default="", help="Only changes of this person or program.")
@click.option("--source", default="", help="Only changes of one job: import:12, bulk:7, undo:9.")
@click.option("--since", type=INSTANT, help="Only from this instant on.")
@click.option("--until", type=INSTANT, help="Only before this instant.")
@_before_option
@_limit_option
@json_option
def list_(
    subject: str, field: str, actor: str, source: str, since: datetime | None, until: datetime | None,
    before: int | None, limit: int, as_json: bool,
) -> None:  # fmt: skip
    """Changes, the newest first."""
    wanted = Wanted(subject=subject, field=field, actor=actor, source=source, since=since, until=until)
    _page(wanted, (), before, limit, as_json)


@audit.command("show")
@click.argument("name")
@click.option("--field", default="", help="Only changes of this field or attribute.")
@_before_option
@_limit_option
@json_option
def show_(name: str, field: str, before: int | None, limit: int, as_json: bool) -> None:
    """Everything that happened to NAME: a product's handle (with its variants), or a SKU."""
    _page(Wanted(field=field), (name,), before, limit, as_json)


def _page(wanted: Wanted, names: Sequence[str], before: int | None, limit: int, as_json: bool) -> None:
    with system() as running:
        with reading(running.sessions) as session:
            about = [thing for name in names for thing in reads.about(session, name)]
            page = reads.page(
                session,
                Wanted(
                    about=about, subject=wanted.subject, field=wanted.field, actor=wanted.actor, source=wanted.source,
                    since=wanted.since, until=wanted.until,
                ),
                before=before, limit=limit,
            )  # fmt: skip
        value = {"lines": [entry.as_dict() for entry in page.entries], "before": page.before}
        show(value, as_json=as_json, text=_text(page))


def _text(page: Page) -> str:
    lines = [line for entry in page.entries for line in _entry(entry)]
    if page.before is not None:
        lines.append(f"… more: --before {page.before}")
    return "\n".join(lines) or "There is nothing."


def _entry(entry: Entry) -> list[str]:
    why = "".join(f", {safe(text)}" for text in (entry.source, entry.reason) if text)
    head = (
        f"{entry.seq}  {instant(entry.at)}  {entry.subject} {safe(entry.key)} {entry.action} by {safe(entry.actor)}"
        f" ({entry.actor_kind}{why})"
    )
    return [head, *(f"    {name}: {_value(a)} → {_value(b)}" for name, (a, b) in sorted(entry.changes.items()))]


def _value(value: Any) -> str:
    if value is None:
        return "–"
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return safe(shorten(text, 80))


@audit.command("restore")
@click.argument("line", type=int)
@click.option("--field", "fields", multiple=True, help="Only this field of the line; repeat the option. Default: all.")
@click.option("--version", is_flag=True, help="The whole product or variant as it was right after the line.")
@json_option
def restore_(line: int, fields: tuple[str, ...], version: bool, as_json: bool) -> None:
    """Bring the fields of LINE back to what they were before it. That is a change too, and in the history."""
    if version and fields:
        raise click.UsageError("--version brings everything back; leave --field out")
    with system() as running:
        with unit(running.sessions) as session:
            act_as(session, person(reason=f"restored from line {line}"))
            now = running.clock.now()
            if version:
                entry = reads.entry(session, line)
                done = restore.version(session, entry.subject, entry.subject_id, line, now)
            else:
                done = restore.fields(session, line, now, only=fields)
        changed = {name: {"before": a, "after": b} for name, (a, b) in done.changed.items()}
        text = "\n".join(
            [
                f"{done.subject} {safe(done.key)}: "
                + (f"{len(changed)} fields restored" if changed else "it is so already")
            ]
            + [f"    {name}: {_value(a)} → {_value(b)}" for name, (a, b) in sorted(done.changed.items())]
        )
        show({"subject": done.subject, "key": done.key, "changed": changed}, as_json=as_json, text=text)


@audit.command("verify")
@json_option
def verify_(as_json: bool) -> None:
    """Walk the whole chain: missing, changed or added lines, and an end that was cut off. Exit code 3 if it is broken.

    Write the last hash down elsewhere: whoever can rewrite every line and the head can rewrite the whole history, but not
    what you wrote down.
    """
    with system() as running, working("Verifying the history") as say:
        found = verify.whole(running.sessions, progress=lambda done, of: say(f"Verifying the history: {done} of {of}"))
    value = {
        "ok": found.ok, "checked": found.checked, "problems": list(found.problems), "seq": found.seq, "head": found.head,
    }  # fmt: skip
    lines = [safe(problem) for problem in found.problems]
    lines.append(
        f"{found.checked} lines {'are whole' if found.ok else 'looked at'}; the last is {found.seq}, {found.head}"
    )
    show(value, as_json=as_json, text="\n".join(lines))
    if not found.ok:
        sys.exit(3)


COMMANDS = (audit,)
