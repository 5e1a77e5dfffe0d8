"""`hub explain`: why a channel shows the number it shows."""

from __future__ import annotations

from datetime import datetime

import click

from hub import explain as explaining
from hub.cli.common import json_option, show, system
from hub.cli.tables import safe
from hub.cli.values import INSTANT
from hub.db.session import reading


@click.command()
@click.argument("account")
@click.argument("sku")
@click.option("--at", type=INSTANT, help="As of this time, like 2026-11-22T09:00:00Z, instead of now.")
@json_option
def explain(account: str, sku: str, at: datetime | None, as_json: bool) -> None:
    """The arithmetic behind the number of SKU on ACCOUNT.

    What is on hand and who holds it, what was sent and what the channel answered, what was sold since, and what is
    still to be sent. For the past, what the books do not keep is said.
    """
    with system() as running, reading(running.sessions) as session:
        found = explaining.explain(session, account, sku, running.clock.now(), at=at)
    show(found.as_dict(), as_json=as_json, text="\n".join(safe(line) for line in explaining.text(found).splitlines()))


COMMANDS = (explain,)
