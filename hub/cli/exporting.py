"""`hub export`: products as files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from hub.cli.bulk import searchable, selection, selection_options
from hub.cli.common import json_option, system
from hub.cli.jobs import finish
from hub.cli.values import person
from hub.db.session import unit
from hub.pim import workers
from hub.pim.exporting import run as exporting
from hub.pim.exporting.layouts import LAYOUTS
from hub.pim.search.query import Query

_FORMS = {".xlsx": "xlsx", ".jsonl": "jsonl", ".ndjson": "jsonl"}


@click.group()
def export() -> None:
    """Write files of what the hub knows."""


@export.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--profile", type=click.Choice(sorted(LAYOUTS)), default="hub", show_default=True, help="Whose layout.")
@click.option("--format", "form", type=click.Choice(["csv", "xlsx", "jsonl"]), help="Default: by the name of the file.")
@selection_options
@click.option("--wait/--no-wait", default=True, show_default=True, help="Write it here and now.")
@json_option
def products(file: Path, profile: str, form: str | None, wait: bool, as_json: bool, **given: Any) -> None:
    """Products with their variants to FILE: all of them, or those of a filter. `hub import products` with the profile hub
    reads the hub's own layout back without a difference; the layouts of other systems say less (docs/import.md). Akeneo's
    product models are written beside FILE, its name ending in -models.

    Cells that a spreadsheet would calculate get an apostrophe in front.
    """
    chosen = selection(given)
    with system() as running:
        workers.load()
        everything = chosen.query == Query()
        if not everything:
            searchable(running)
        with unit(running.sessions) as session:
            job = exporting.start(
                session, file, profile, form or _FORMS.get(file.suffix.lower(), "csv"), person(),
                running.clock.now(), chosen=None if everything else chosen,
            )  # fmt: skip
        finish(running, job.id, as_json, wait=wait)


COMMANDS = (export,)
