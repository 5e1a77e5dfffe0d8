"""`hub products`: what products say, their state and their stock class."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Mapping

import click

from hub.cli import product_sheet
from hub.cli.common import json_option, show, system
from hub.cli.tables import safe
from hub.db.session import unit
from hub.kernel.errors import HubError
from hub.pim.attributes.fields import PRODUCT_STATES, STOCK_CLASSES
from hub.pim.history.note import By, act_as
from hub.pim.taxonomy import lifecycle
from hub.pim.taxonomy.lifecycle import MoveProducts
from hub.pim.taxonomy.rules import APPROVE


@click.group()
def products() -> None:
    """Products: what they say, their state and their stock class."""


products.add_command(product_sheet.show_)


@products.command()
@click.argument("state", type=click.Choice(PRODUCT_STATES))
@click.argument("handles", nargs=-1, required=True)
@click.option("--end-listings", is_flag=True, help="When archiving: take them off sale as well.")
@json_option
def state(state: str, handles: tuple[str, ...], end_listings: bool, as_json: bool) -> None:
    """Bring products into STATE. Exit code 1 if one of them was refused."""
    with system() as running:
        with unit(running.sessions) as session:
            act_as(session, By(kind="person", name=getpass.getuser(), source="cli"))
            # Whoever may run this command on this machine may do anything.
            asked = MoveProducts(handles=handles, to=state, rights={APPROVE}, end_listings=end_listings)
            done = lifecycle.move(session, asked, running.clock.now())
    _answer(done, state, as_json=as_json)


@products.command("class")
@click.argument("stock_class", type=click.Choice(STOCK_CLASSES))
@click.argument("handles", nargs=-1, required=True)
@json_option
def class_(stock_class: str, handles: tuple[str, ...], as_json: bool) -> None:
    """Set the STOCK_CLASS of products: only finished goods can be listed. Exit code 1 if one was refused."""
    with system() as running:
        with unit(running.sessions) as session:
            act_as(session, By(kind="person", name=getpass.getuser(), source="cli"))
            done = lifecycle.classify(session, handles, stock_class, running.clock.now())
    _answer(done, stock_class, as_json=as_json)


def _answer(done: Mapping[str, HubError | None], what: str, *, as_json: bool) -> None:
    value = {handle: {"ok": p is None, "problem": None if p is None else p.as_dict()} for handle, p in done.items()}
    lines = []
    for handle, problem in done.items():
        hint = f" ({problem.fix})" if problem is not None and problem.fix else ""
        lines.append(f"{safe(handle)}: {what if problem is None else f'refused: {problem.message}{hint}'}")
    show(value, as_json=as_json, text="\n".join(lines))
    if any(problem is not None for problem in done.values()):
        sys.exit(1)


COMMANDS = (products,)
