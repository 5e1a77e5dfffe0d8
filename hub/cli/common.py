"""What every command needs: a system for its settings, and one way to print."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import click
from rich.console import Console

from hub import config, wiring
from hub.db import migrate
from hub.kernel.errors import Misconfigured
from hub.wiring import System

console = Console(stderr=True, highlight=False)

json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")


@contextmanager
def system(*, home: Path | None = None, any_schema: bool = False) -> Iterator[System]:
    """The hub of this environment; refuses to run on a schema that is not the newest.

    Raises:
        Misconfigured: the database is not migrated.
    """
    settings = config.load(home)
    settings.home.mkdir(parents=True, exist_ok=True)
    if not any_schema:
        at, newest = migrate.current(settings.database_url), migrate.head()
        if at is None and settings.database_url.startswith("sqlite"):
            migrate.upgrade(settings.database_url)  # a first start of the embedded hub needs no ceremony
        elif at != newest:
            raise Misconfigured(
                f"the database is at schema {at or '(empty)'}, this hub needs {newest}", fix="run `hub migrate`"
            )
    built = wiring.build(settings)
    try:
        yield built
    finally:
        built.close()


def show(value: object, *, as_json: bool, text: str | None = None) -> None:
    """Print `value` as JSON, or `text` for people."""
    click.echo(json.dumps(value, indent=2, default=str, ensure_ascii=False) if as_json or text is None else text)


def log_to(path: Path | None) -> None:
    """Send the hub's log lines to a file, or to standard error."""
    handler: logging.Handler = logging.FileHandler(path) if path else logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    root = logging.getLogger("hub")
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    root.propagate = False
