"""Columns are recognised, mapped, remembered and proposed again."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select

from hub.db.session import Sessions, reading, unit
from hub.kernel.errors import Invalid, Unknown
from hub.pim.history.models import AuditRow
from hub.pim.importing import mappings
from hub.pim.importing.detect import detect
from hub.pim.importing.mappings import MappingSpec
from hub.pim.importing.run import Options
from hub.pim.models import Product, Variant
from tests.support.builders import NOW
from tests.support.import_files import errors, run, write

GERMAN = ["Artikelnummer", "Bezeichnung", "Preis", "EAN", "Modell", "Intern", "Herstelller"]
DATA = Path(__file__).resolve().parents[2] / "data"


def test_usual_words_and_misspellings_are_proposed_with_a_score() -> None:
    found = {p.heading: (p.target, p.why) for p in mappings.propose(GERMAN, "hub")}
    assert found == {
        "Artikelnummer": ("sku", "word"), "Bezeichnung": ("title", "word"), "Preis": ("price", "word"),
        "EAN": ("gtin", "word"), "Modell": ("handle", "word"), "Intern": ("", "none"),
        "Herstelller": ("brand", "alike"),
    }  # fmt: skip
    assert {p.heading: p.score for p in mappings.propose(GERMAN, "hub")}["Herstelller"] in range(90, 100)


def test_a_meaning_is_proposed_for_one_column_only() -> None:
    found = [p.target for p in mappings.propose(["EAN", "EAN Code", "sku", "Article number"], "hub")]
    assert found == ["gtin", "", "sku", ""]


def test_a_mapping_is_remembered_for_the_same_header(sessions: Sessions, tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", ";".join(GERMAN) + "\nA1;Tasse;4,50;;tasse;x;Acme\n")
    first = detect(sessions, path)
    assert (first.format, first.delimiter, first.layout, first.mapping, first.missing) == ("csv", ";", "hub", "", ())
    assert first.sample == (("A1", "Tasse", "4,50", "", "tasse", "x", "Acme"),)
    spec = MappingSpec(name="Lieferant", layout="hub", columns={**first.renamed(), "Intern": ""}, header=first.header)
    with unit(sessions) as session:
        mappings.save(session, spec, NOW)
    again = detect(sessions, write(tmp_path / "y.csv", ";".join(reversed(GERMAN)).upper() + "\n"))
    assert (again.mapping, {p.why for p in again.columns}) == ("Lieferant", {"saved"})
    report = run(sessions, path, "hub", options=Options(currency="EUR", renamed=first.renamed()))
    assert (errors(report), report.ignored_columns) == ([], ("Intern",))
    with reading(sessions) as session:
        assert session.execute(select(Product.handle, Product.title, Product.brand)).one().tuple() == (
            "tasse", "Tasse", "Acme",
        )  # fmt: skip
        assert session.scalars(select(Variant.price_minor)).all() == [450]


def test_errors_name_the_columns_of_the_file_not_those_of_the_layout(sessions: Sessions, tmp_path: Path) -> None:
    path = write(tmp_path / "x.csv", "Modell;Name;Nr;Preis\nm;M;N;x\n")
    renamed = {"modell": "handle", "name": "title", "nr": "sku", "preis": "price"}
    report = run(sessions, path, "hub", options=Options(currency="EUR", renamed=renamed))
    assert errors(report)[0] == (2, "Preis", "'x' is not a number")


def test_mappings_are_changed_listed_and_deleted_on_record(sessions: Sessions) -> None:
    def put(name: str, columns: dict[str, str]) -> None:
        with unit(sessions) as session:
            mappings.save(session, MappingSpec(name=name, layout="hub", columns=columns), NOW)

    put("B", {"Nr": "sku"})
    put("A", {"Nr": "sku"})
    put("B", {"Nr": "handle"})
    put("B", {"Nr": "handle"})
    with reading(sessions) as session:
        assert [m.name for m in mappings.listed(session)] == ["A", "B"]
        assert [m.name for m in mappings.listed(session, after="A", limit=1)] == ["B"]
        assert mappings.get(session, "B").columns == {"nr": "handle"}
        rows = session.execute(select(AuditRow.subject_key, AuditRow.action).order_by(AuditRow.seq)).tuples().all()
        assert rows == [("B", "created"), ("A", "created"), ("B", "updated")]
    with unit(sessions) as session:
        mappings.delete(session, "A", NOW)
    with reading(sessions) as session:
        assert [m.name for m in mappings.listed(session)] == ["B"]
        with pytest.raises(Unknown, match="there is no mapping 'A'"):
            mappings.get(session, "A")


@pytest.mark.parametrize(
    ("spec", "cause"),
    [
        (MappingSpec(name=" ", layout="hub", columns={}), "a mapping has a name"),
        (MappingSpec(name="hub", layout="hub", columns={}), "'hub' is the name of a layout"),
        (MappingSpec(name="x", layout="nothing", columns={}), "there is no layout 'nothing'"),
        (MappingSpec(name="x", layout="hub", columns={"Nr": "artikel"}), "the layout hub does not read 'artikel'"),
        (MappingSpec(name="x", layout="hub", columns={}, options={"colour": 1}), "there is no option 'colour'"),
        (MappingSpec(name="x", layout="hub", columns={}, options={"blank": "guess"}), "empty cells are kept or"),
        (MappingSpec(name="x", layout="hub", columns={}, format="pdf"), "'pdf' is no format"),
    ],
)
def test_a_mapping_that_means_nothing_is_refused(sessions: Sessions, spec: MappingSpec, cause: str) -> None:
    with pytest.raises(Invalid, match=cause), unit(sessions) as session:
        mappings.save(session, spec, NOW)
    with reading(sessions) as session:
        assert mappings.listed(session) == []


@pytest.mark.parametrize(
    ("file", "layout", "line"),
    [("woocommerce.csv", "woocommerce", 1), ("akeneo-products.csv", "akeneo", 1),
     ("akeneo-product-models.csv", "akeneo", 1), ("amazon.txt", "amazon", 3)],
)  # fmt: skip
def test_the_layouts_are_recognised_by_their_headers(sessions: Sessions, file: str, layout: str, line: int) -> None:
    found = detect(sessions, DATA / file)
    assert (found.layout, found.header_line) == (layout, line)
