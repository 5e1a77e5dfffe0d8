"""`hub export products` and back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hub.db.session import make_engine, make_sessions
from tests.support.catalogue import snapshot, some, write
from tests.support.cli import Terminal


@pytest.mark.parametrize("name", ["out.csv", "out.xlsx", "out.jsonl"])
def test_an_exported_file_is_imported_without_a_difference(terminal: Terminal, tmp_path: Path, name: str) -> None:
    sessions = make_sessions(make_engine(terminal.database.url))
    write(sessions, *some(3, tags=("=a", "b, c")))
    before = snapshot(sessions)
    path = tmp_path / name
    ran = terminal.hub("export", "products", path, "--json")
    assert (ran.code, ran.json["report"]["products"], ran.json["report"]["file"]) == (0, 3, str(path))
    back = terminal.hub("import", "products", path, "--profile", "hub", "--currency", "EUR", "--json")
    assert (back.code, back.json["products"]["unchanged"], back.json["variants"]["unchanged"]) == (0, 3, 3)
    assert snapshot(sessions) == before


def test_a_filter_narrows_the_export(terminal: Terminal, tmp_path: Path) -> None:
    write(make_sessions(make_engine(terminal.database.url)), *some(3))
    path = tmp_path / "some.jsonl"
    assert terminal.hub("export", "products", path, "--name", "S-2").code == 0
    assert [json.loads(line)["handle"] for line in path.read_text("utf-8").splitlines()] == ["p-2"]
    refused = terminal.hub("export", "products", tmp_path / "none" / "x.csv")
    assert (refused.code, "not a folder" in refused.err) == (1, True)


@pytest.mark.parametrize("profile", ["woocommerce", "akeneo", "amazon"])
def test_a_file_of_another_layout_is_imported_without_a_difference(
    terminal: Terminal, tmp_path: Path, profile: str
) -> None:
    sessions = make_sessions(make_engine(terminal.database.url))
    write(sessions, *some(2))
    before = snapshot(sessions)
    path, models = tmp_path / "goods.csv", tmp_path / "goods-models.csv"
    ran = terminal.hub("export", "products", path, "--profile", profile, "--json")
    assert (ran.code, ran.json["report"]["variants"], models.exists()) == (0, 2, profile == "akeneo")
    beside = ["--models", models] if profile == "akeneo" else []
    back = terminal.hub("import", "products", path, "--profile", profile, "--currency", "EUR", "--json", *beside)
    assert (back.code, back.json["products"]["unchanged"], back.json["variants"]["unchanged"]) == (0, 2, 2)
    assert snapshot(sessions) == before
    refused = terminal.hub("export", "products", tmp_path / "goods.jsonl", "--profile", profile)
    assert (refused.code, "csv, xlsx" in refused.err) == (1, True)
