"""`hub attributes`, `hub families`, `hub locales`, `hub products show`."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from hub.db.session import Sessions, reading, unit
from hub.pim import catalog
from hub.pim.catalog import PutProducts, Written
from hub.pim.facts import ProductFacts
from hub.pim.history.models import AuditRow
from tests.support.builders import NOW, a_product, a_variant
from tests.support.cli import Terminal


@pytest.fixture
def shop(terminal: Terminal, sessions: Sessions) -> Terminal:
    for command in (
        ("locales", "add", "en", "--base"),
        ("locales", "add", "de", "--label", "Deutsch", "--position", "2"),
        ("attributes", "group", "looks", "Looks", "--label-in", "de=Aussehen"),
        ("attributes", "add", "colour", "Colour", "--type", "choice", "--group", "looks", "--option", "Red", "--option",
         "Sea green", "--label-in", "de=Farbe", "--filterable"),
        ("attributes", "add", "volume", "Volume", "--type", "number", "--unit", "ml", "--rule", "min=1"),
        ("attributes", "add", "story", "Story", "--type", "long_text", "--localisable"),
        ("families", "add", "mug", "Mug", "--attribute", "colour", "--attribute", "story", "--variant-attribute",
         "volume", "--axis", "volume"),
        ("families", "require", "mug", "story", "gtin", "--channel", "ebay"),
    ):  # fmt: skip
        ran = terminal.hub(*command)
        assert (ran.code, ran.err) == (0, ""), command
    with unit(sessions) as session:
        a_variant(session, sku="MUG-1", product=a_product(session, handle="mug", title="Mug"))
        said = {"colour": {"": "sea green"}, "story": {"": "From the sea."}, "volume": {"": "0.3 l"}}
        mug = ProductFacts(handle="mug", title="Mug", family="mug", state="approved", values=said)
        (answer,) = catalog.put_products(session, PutProducts(products=[mug]), NOW)
        assert isinstance(answer, Written)
    return terminal


def test_what_is_defined_is_listed_and_shown(shop: Terminal) -> None:
    assert [(a["code"], a["group"], a["options"]) for a in shop.hub("attributes", "list", "--json").json] == [
        ("colour", "looks", 2), ("story", "", 0), ("volume", "", 0),
    ]  # fmt: skip
    assert shop.hub("attributes", "show", "volume").out.splitlines() == [
        "volume: Volume, number in ml", "  rule min: 1", "  family mug: per variant",
    ]  # fmt: skip
    family = shop.hub("families", "show", "mug", "--json").json
    assert [(m["code"], m["level"], m["required"]) for m in family["members"]] == [
        ("colour", "product", []), ("story", "product", [["ebay", "*"]]), ("volume", "variant", []),
    ]  # fmt: skip
    assert family["required_fields"] == {"gtin": [["ebay", "*"]]}
    (line,) = shop.hub("families", "list", "--json").json
    assert (line["products"], line["requirements"], line["axes"]) == (1, 2, ["volume"])
    assert [(n["code"], n["is_base"]) for n in shop.hub("locales", "list", "--json").json] == [
        ("en", True),
        ("de", False),
    ]


def test_the_sheet_says_what_is_there_where_from_and_what_is_missing(shop: Terminal) -> None:
    sheet = shop.hub("products", "show", "MUG-1", "--locale", "de", "--channel", "ebay", "--json").json
    assert sheet["missing"] == ["gtin", "story"]
    looks = next(group for group in sheet["groups"] if group["code"] == "looks")
    assert [(f["label"], f["text"]) for f in looks["fields"]] == [("Farbe", "Sea green")]
    volume = sheet["variants"][0]["groups"][-1]["fields"][-1]
    assert (volume["text"], volume["inherited"]) == ("300 ml", True)
    text = shop.hub("products", "show", "mug", "--locale", "de", "--channel", "ebay").out
    assert "missing: gtin, story" in text.splitlines()
    assert "from the base content" in next(line for line in text.splitlines() if "Story" in line)
    base = shop.hub("products", "show", "mug", "--json").json
    assert base["missing"] == []


def test_changes_are_made_and_refused_in_words(shop: Terminal, sessions: Sessions) -> None:
    assert shop.hub("attributes", "set", "volume", "--label", "Content", "--json").json["changed"] == ["label"]
    ran = shop.hub("attributes", "set", "volume", "--unit", "cl")
    assert (ran.code, ran.err) == (
        1,
        "hub: volume must remain in ml: the product mug has a value (define another attribute)\n",
    )
    assert shop.hub("attributes", "option", "colour", "Blue", "--label-in", "de=Blau").code == 0
    assert shop.hub("attributes", "option", "colour", "--remove", "sea_green").code == 1
    assert shop.hub("attributes", "option", "colour", "--order", "blue,red").out.split()[2::2][:2] == ["blue", "red"]
    assert shop.hub("attributes", "option", "colour").code == 2
    assert shop.hub("attributes", "remove", "story").code == 1
    assert shop.hub("families", "set", "mug", "--drop", "story").code == 0
    assert (
        shop.hub("families", "require", "mug", "gtin", "--channel", "ebay", "--no-longer", "--json").json["changed"]
        == 1
    )
    assert shop.hub("families", "remove", "mug").code == 1
    assert shop.hub("locales", "set", "de", "--fallback", "de").code == 1
    assert shop.hub("locales", "remove", "de").code == 0
    with reading(sessions) as session:
        actors = set(session.scalars(select(AuditRow.actor_kind).where(AuditRow.subject.in_(("attribute", "family")))))
    assert actors == {"person"}


def test_what_is_unknown_is_said(shop: Terminal) -> None:
    assert shop.hub("products", "show", "nothing").err.startswith("hub: no product and no variant is called 'nothing'")
    assert shop.hub("products", "show", "mug", "--locale", "xx").err.startswith("hub: there is no locale 'xx'")
    assert shop.hub("families", "show", "cup").code == 1
    assert shop.hub("attributes", "show", "height").code == 1
