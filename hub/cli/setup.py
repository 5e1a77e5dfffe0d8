"""Commands that prepare and examine: migrate."""

from __future__ import annotations

import click

from hub import config
from hub.cli.common import json_option, show
from hub.db import migrate as migrations


@click.command()
@click.option("--to", "revision", default="head", show_default=True, help="A revision; `base` empties the database.")
@json_option
def migrate(revision: str, as_json: bool) -> None:
    """Bring the database to a schema revision (default: the newest)."""
    settings = config.load()
    settings.home.mkdir(parents=True, exist_ok=True)
    before = migrations.current(settings.database_url)
    if revision in ("base",) or (before and revision != "head" and revision < before):
        migrations.downgrade(settings.database_url, revision)
    else:
        migrations.upgrade(settings.database_url, revision)
    after = migrations.current(settings.database_url)
    show(
        {"before": before, "after": after},
        as_json=as_json,
        text=f"schema: {before or '(empty)'} → {after or '(empty)'}",
    )


COMMANDS = (migrate,)
