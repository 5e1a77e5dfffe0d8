"""Categories, relations, brands, tags and states from the terminal."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select

from hub.db.session import Sessions, reading, unit
from hub.pim.history.models import AuditRow
from hub.pim.models import Product
from tests.support.builders import a_product
from tests.support.cli import Terminal


def test_a_tree_is_imported_mapped_and_shown(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "ebay.csv"
    file.write_text("code;parent;label;label:de\n2;1;Wine;Wein\n1;;Food;Essen\n", encoding="utf-8")
    ran = terminal.hub("categories", "import", str(file), "--tree", "ebay", "--json")
    assert (ran.code, ran.json) == (0, {"tree": "ebay", "created": 2, "updated": 0, "unchanged": 0})
    assert terminal.hub("categories", "import", str(file), "--tree", "ebay", "--json").json["unchanged"] == 2
    terminal.hub("categories", "add", "drinks", "Drinks")
    terminal.hub("categories", "add", "wine", "Wine", "--parent", "drinks")
    assert terminal.hub("categories", "map", "drinks", "ebay", "2").code == 0
    nodes = {node["code"]: node for node in terminal.hub("categories", "list", "--json").json}
    assert nodes["wine"]["trail"] == ["Drinks", "Wine"]
    assert nodes["wine"]["mapped"] == {"ebay": {"code": "2", "inherited": True}}
    refused = terminal.hub("categories", "move", "drinks", "--under", "wine")
    assert (refused.code, refused.err.strip()) == (1, "hub: wine is inside drinks (choose another parent)")


def test_a_file_that_is_no_tree_says_why(terminal: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "tree.csv"
    for content, says in (
        (b"code,label\n1,Food\n", "the column 'parent' is missing"),
        (b"code,parent,label\n1,Food\n", "line 2 has not 3 cells"),
        (b"code,parent,label\n1,,F\xff\n", "UnicodeDecodeError"),
    ):
        file.write_bytes(content)
        ran = terminal.hub("categories", "import", str(file), "--tree", "ebay")
        assert (ran.code, says in ran.err) == (1, True)
    assert terminal.hub("categories", "list", "--tree", "ebay", "--json").json == []


def test_products_change_state_and_the_history_says_who(terminal: Terminal, sessions: Sessions) -> None:
    with unit(sessions) as session:
        a_product(session, handle="riesling").state = "draft"
        a_product(session, handle="glass")
    ran = terminal.hub("products", "state", "approved", "riesling", "nothing", "--json")
    assert (ran.code, ran.json["riesling"]["ok"], ran.json["nothing"]["problem"]["code"]) == (1, True, "unknown")
    assert terminal.hub("products", "class", "mro", "glass").code == 0
    assert terminal.hub("relations", "set", "riesling", "accessory", "glass").code == 0
    assert terminal.hub("relations", "show", "riesling", "--json").json[0]["handle"] == "glass"
    with reading(sessions) as session:
        assert session.scalars(select(Product.state).where(Product.handle == "riesling")).one() == "approved"
        row = session.scalars(select(AuditRow).order_by(AuditRow.seq).limit(1)).one()
        assert (row.actor_kind, row.source, row.changes) == ("person", "cli", {"state": ["draft", "approved"]})


def test_brands_and_tags_are_put_in_order(terminal: Terminal, sessions: Sessions) -> None:
    with unit(sessions) as session:
        for handle, brand in (("a", "Acme"), ("b", "ACME")):
            product = a_product(session, handle=handle)
            product.brand, product.tags = brand, ["sale"]
    assert terminal.hub("brands", "list", "--json").json[0]["key"] == "acme"
    assert terminal.hub("brands", "merge", "Acme", "--json").json == {"brand": "Acme", "products": 1}
    assert terminal.hub("tags", "rename", "sale", "Sale", "--json").json["products"] == 2
    assert terminal.hub("tags", "list", "--json").json == [{"tag": "Sale", "products": 2}]
