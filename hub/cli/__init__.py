"""The command line: thin doors over the same operations that the web and the workers use."""

from __future__ import annotations

import sys
from importlib import import_module

import click

from hub import __version__
from hub.kernel.errors import HubError

WHERE = {
    "simulate": "running", "up": "running", "web": "running", "worker": "running", "scheduler": "running",
    "migrate": "setup",
    "account": "accounts",
    "import": "catalogue", "products": "products",
    "categories": "taxonomy", "relations": "taxonomy", "brands": "taxonomy", "tags": "taxonomy",
    "attributes": "attributes", "families": "families", "locales": "families",
    "media": "media",
    "completeness": "quality", "lint": "quality",
    "search": "search", "views": "search",
    "export": "exporting", "bulk": "bulk", "jobs": "jobs", "audit": "audit",
    "stock": "stock", "kits": "kits", "listings": "listings", "mapping": "mapping", "orders": "orders",
    "sync": "sync", "explain": "explain", "doctor": "doctor", "channels": "channels", "demo": "demo",
}  # fmt: skip
"""Command → the module of this package that holds it (in its COMMANDS). A module is imported when its command is used:
most of a short command's time would otherwise go into what the others need."""


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(WHERE)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in WHERE:
            return None
        found: tuple[click.Command, ...] = import_module(f"hub.cli.{WHERE[cmd_name]}").COMMANDS
        return next(command for command in found if command.name == cmd_name)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="hub")
def cli() -> None:
    """Entrepôt: one pool of stock, every channel.

    State lives under HUB_HOME. Exit codes: 0 done, 1 refused (the message says why), 2 wrong usage,
    3 something is not right (doctor, demo --check, channels check), 130 stopped by Ctrl-C.
    """


def main() -> None:
    """Run the command line; refusals become one line on standard error and exit code 1."""
    try:
        cli.main(standalone_mode=False)
    except HubError as error:
        hint = f" ({error.fix})" if error.fix else ""
        click.echo(f"hub: {error.message}{hint}", err=True)
        sys.exit(1)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("stopped", err=True)
        sys.exit(130)
