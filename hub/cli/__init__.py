"""The command line: thin doors over the same operations that the web and the workers use."""

from __future__ import annotations

import sys

import click

from hub import __version__
from hub.cli import accounts, catalogue, channels, doctor, explain, listings, orders, running, setup, stock, sync
from hub.cli import audit as audit_commands
from hub.cli import demo as demo_commands
from hub.cli import jobs as job_commands
from hub.cli import media as media_commands
from hub.cli import products as product_commands
from hub.cli import taxonomy as taxonomy_commands
from hub.kernel.errors import HubError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="hub")
def cli() -> None:
    """Entrepôt: one pool of stock, every channel.

    State lives under HUB_HOME. Exit codes: 0 done, 1 refused (the message says why), 2 wrong usage,
    3 something is not right (doctor, demo --check, channels check), 130 stopped by Ctrl-C.
    """


for module in (
    running,
    setup,
    accounts,
    catalogue,
    product_commands,
    taxonomy_commands,
    media_commands,
    job_commands,
    audit_commands,
    stock,
    listings,
    orders,
    sync,
    explain,
    doctor,
    channels,
    demo_commands,
):
    for command in module.COMMANDS:
        cli.add_command(command)


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
