"""`hub import`: look at a file, map its columns, remember the mapping, fetch what was not taken."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from sqlalchemy import select

from hub.db.session import Sessions, reading
from hub.pim.models import Product, Variant
from tests.support.cli import Terminal

GERMAN = "Artikelnummer;Bezeichnung;Preis;Modell;Intern\nA1;Tasse;4,50;tasse;x\nA2;Teller;frei;teller;y\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "lieferant.csv"
    path.write_text(GERMAN)
    return path


def test_detect_says_what_a_file_is_and_what_its_columns_mean(terminal: Terminal, file: Path) -> None:
    found = terminal.hub("import", "detect", file, "--json").json
    assert (found["format"], found["delimiter"], found["layout"], found["missing"]) == ("csv", ";", "hub", [])
    assert [column["target"] for column in found["columns"]] == ["sku", "title", "price", "handle", ""]
    lines = terminal.hub("import", "detect", file).out.splitlines()
    assert lines[0] == "lieferant.csv: csv, layout hub, encoding utf-8, delimiter ';'"
    assert lines[1] == "header in line 1"


def test_a_mapping_is_remembered_used_and_deleted(terminal: Terminal, sessions: Sessions, file: Path) -> None:
    ran = terminal.hub("import", "products", file, "--currency", "EUR", "--save-mapping", "Lieferant", "--json")
    assert (ran.code, ran.json["variants"]["created"], ran.json["bad_rows"]) == (1, 1, 1)
    listed = terminal.hub("import", "mappings", "--json").json["mappings"]
    assert [(m["name"], m["layout"], m["options"]) for m in listed] == [("Lieferant", "hub", {"currency": "EUR"})]
    again = terminal.hub("import", "products", file, "--profile", "Lieferant", "--json")
    assert (again.code, again.json["variants"]["unchanged"]) == (1, 1)
    job = again.json["job"]
    assert terminal.hub("import", "errors", str(job)).out.splitlines()[1].startswith("A2,Teller,frei,teller,y,")
    assert [e["line"] for e in terminal.hub("import", "errors", str(job), "--json").json["errors"]] == [3]
    assert terminal.hub("import", "mappings", "--delete", "Lieferant").code == 0
    assert terminal.hub("import", "mappings", "--json").json == {"mappings": []}
    with reading(sessions) as session:
        assert session.scalars(select(Variant.sku)).all() == ["A1"]


def test_a_mapping_file_and_all_or_nothing(terminal: Terminal, sessions: Sessions, file: Path, tmp_path: Path) -> None:
    chosen = tmp_path / "map.json"
    chosen.write_text(json.dumps({"Intern": "brand"}))
    options = ("import", "products", file, "--currency", "EUR", "--map", chosen)
    strict = terminal.hub(*options, "--all-or-nothing")
    assert strict.code == 1
    assert "nothing was written: all or nothing was asked for, and there are errors" in strict.out.splitlines()
    with reading(sessions) as session:
        assert session.scalars(select(Product.handle)).all() == []
    assert terminal.hub(*options).code == 1
    with reading(sessions) as session:
        assert session.execute(select(Product.handle, Product.brand)).tuples().all() == [("tasse", "x")]
    chosen.write_text("[]")
    refused = terminal.hub(*options)
    assert refused.code == 1
    assert refused.err.startswith("hub: map.json is not a mapping")
