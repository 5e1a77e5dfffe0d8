"""What the documentation points at is there: files, headings, functions and commands."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import click
import pytest

from hub.cli import cli

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
OURS = ("hub/", "tests/", "tools/", "migrations/")

FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
NAMED = re.compile(r"([\w./-]+\.py):\s?([A-Za-z_][\w.]*)")
PLAIN_PATH = re.compile(r"`((?:hub|tests|tools|migrations|docs)/[\w./-]+)`")
COMMAND = re.compile(r"(?:^|[`\s/])hub ((?:[a-z][a-z-]*)(?: [a-z][a-z-]*)*)")


def prose(page: Path) -> str:
    return FENCED.sub("", page.read_text("utf-8"))


def code(page: Path) -> list[str]:
    """Code spans, and the lines of code blocks."""
    text = page.read_text("utf-8")
    spans = re.findall(r"`([^`\n]+)`", FENCED.sub("", text))
    return spans + [line for block in FENCED.findall(text) for line in block.splitlines()]


def anchors(page: Path) -> set[str]:
    """The headings of a page as the usual renderers name them."""
    found = re.findall(r"^#+\s+(.*)$", prose(page), re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.strip().lower()) for heading in found)
    return {heading.replace(" ", "-") for heading in plain}


@cache
def names_in(path: Path) -> frozenset[str]:
    """Everything a module defines at its top, and the members of its classes as `Class.member`."""
    found: set[str] = set()
    for node in ast.parse(path.read_text("utf-8")).body:
        found |= _defined(node)
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{name}" for child in node.body for name in _defined(child)}
    return frozenset(found)


def _defined(node: ast.stmt) -> set[str]:
    match node:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            return {name}
        case ast.Assign(targets=targets):
            return {target.id for target in targets if isinstance(target, ast.Name)}
        case ast.AnnAssign(target=ast.Name(id=name)):
            return {name}
        case _:
            return set()


def each_page() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("page", PAGES, ids=[str(page.relative_to(ROOT)) for page in PAGES])


@each_page()
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    broken = []
    for target in LINK.findall(prose(page)):
        if "://" in target or target.startswith("mailto:"):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or (anchor and there.suffix == ".md" and anchor not in anchors(there)):
            broken.append(target)
    assert broken == []


@each_page()
def test_every_function_a_page_names_exists(page: Path) -> None:
    broken = []
    for path, name in NAMED.findall(page.read_text("utf-8")):
        if not path.startswith(OURS):
            continue
        there = ROOT / path
        if not there.exists() or name.rstrip(".") not in names_in(there):
            broken.append(f"{path}:{name}")
    assert broken == []


@each_page()
def test_every_path_of_ours_that_a_page_names_exists(page: Path) -> None:
    assert [path for path in PLAIN_PATH.findall(prose(page)) if not (ROOT / path).exists()] == []


@each_page()
def test_every_command_a_page_names_exists(page: Path) -> None:
    broken = []
    for text in code(page):
        for words in COMMAND.findall(text):
            at: click.Command = cli
            for word in words.split():
                if not isinstance(at, click.Group):
                    break
                found = at.get_command(click.Context(at), word)
                if found is None:
                    broken.append(f"hub {words}")
                    break
                at = found
    assert broken == []


def test_a_wrong_name_would_be_found() -> None:
    names = names_in(ROOT / "hub/pim/stock.py")
    assert "count" in names
    assert "Level.available" in names
    assert "counted" not in names
