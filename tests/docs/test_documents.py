"""Pages that repeat what the code says are held to it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools import capabilities

ROOT = Path(__file__).resolve().parents[2]
DECISIONS = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))


def test_the_capability_table_is_what_the_manifests_say() -> None:
    page = capabilities.PAGE.read_text("utf-8")
    assert page == capabilities.replaced(page), "run: python -m tools.capabilities --write"


def test_a_page_without_marks_is_not_overwritten() -> None:
    with pytest.raises(ValueError, match="has no lines"):
        capabilities.replaced("# Adapters\n")


def test_the_settings_table_names_every_setting_and_no_other() -> None:
    read_by_hub = set(re.findall(r'"(HUB_[A-Z0-9_]+)"', (ROOT / "hub" / "config.py").read_text("utf-8")))
    table = [line for line in (ROOT / "README.md").read_text("utf-8").splitlines() if line.startswith("| `HUB_")]
    assert {re.findall(r"`(HUB_[A-Z0-9_]+)`", line)[0] for line in table} == read_by_hub


@pytest.mark.parametrize("page", DECISIONS, ids=[page.stem for page in DECISIONS])
def test_a_decision_is_short_and_says_what_else_there_was_and_when_to_think_again(page: Path) -> None:
    text = page.read_text("utf-8")
    assert len(text.split()) <= 500
    for heading in ("## Decision", "## Alternatives", "## Reversal gate"):
        assert heading in text


def test_every_decision_is_listed_in_the_index() -> None:
    index = (ROOT / "docs" / "index.md").read_text("utf-8")
    assert [page.name for page in DECISIONS if f"adr/{page.name}" not in index] == []
