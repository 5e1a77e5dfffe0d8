"""Every command explains itself."""

from __future__ import annotations

import pkgutil
from collections.abc import Iterator
from importlib import import_module

import click
import pytest
from click.testing import CliRunner

import hub.cli
from hub.cli import WHERE, cli


def commands(group: click.Group, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        yield (*path, name), command
        if isinstance(command, click.Group):
            yield from commands(command, (*path, name))


ALL = dict(commands(cli))
KEEP_RUNNING = {("up",), ("web",), ("worker",), ("scheduler",), ("simulate",)}


def test_every_module_of_commands_is_on_the_list() -> None:
    """A command in a module's COMMANDS that the list does not name would be there for nobody."""
    modules = [info.name for info in pkgutil.iter_modules(hub.cli.__path__)]
    offered = {c.name: name for name in modules for c in getattr(import_module(f"hub.cli.{name}"), "COMMANDS", ())}
    assert offered == WHERE


def test_help_names_every_command() -> None:
    text = CliRunner().invoke(cli, ["--help"]).output
    missing = [name for (name, *rest) in ALL if not rest and f"  {name} " not in text]
    assert missing == []
    assert "Exit codes:" in text


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_a_command_says_what_it_does_and_what_its_options_mean(path: tuple[str, ...]) -> None:
    ran = CliRunner().invoke(cli, [*path, "--help"])
    assert ran.exit_code == 0
    assert len((ALL[path].help or "").strip()) > 10
    for option in ALL[path].params:
        if isinstance(option, click.Option) and option.help is None and "=" not in (option.metavar or ""):
            assert option.show_default, f"{option.opts} has neither help nor a default to show"


@pytest.mark.parametrize(
    "path", [p for p, c in ALL.items() if not isinstance(c, click.Group) and p not in KEEP_RUNNING], ids=" ".join
)
def test_a_command_that_prints_prints_json_too(path: tuple[str, ...]) -> None:
    assert any("--json" in option.opts for option in ALL[path].params)
