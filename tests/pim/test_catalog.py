"""Products and variants in bulk: what is written, what is left alone, and what the channels are asked for."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event, select
from sqlalchemy.engine import Engine

from hub.db.session import Sessions, reading, unit
from hub.kernel.errors import HubError
from hub.kernel.money import Money
from hub.pim import catalog
from hub.pim.attributes import define
from hub.pim.catalog import Change, PutProducts, PutVariants, Refused, Written
from hub.pim.facts import ProductFacts, VariantFacts
from hub.pim.models import Product, Variant
from hub.work.models import WorkItem
from tests.support.builders import NOW, a_listing, a_product, a_variant, an_account

LATER = NOW + timedelta(hours=1)


@pytest.fixture(autouse=True)
def attributes(sessions: Sessions) -> None:
    with unit(sessions) as session:
        define.declare(session, ["fabric", "fit"])


SHIRT = ProductFacts(handle="shirt", title="Blue shirt", axes=("Size",), values={"fabric": {"": "cotton"}})


def eur(text: str) -> Money:
    return Money.parse(text, "EUR")


def size(name: str, price: str = "50", **more: Any) -> VariantFacts:
    return VariantFacts(sku=f"SHIRT-{name}", handle="shirt", price=eur(price), options={"Size": name}, **more)


def changes(answers: list[Written | Refused]) -> list[str]:
    return [a.change.value if isinstance(a, Written) else f"refused: {a.problem.message}" for a in answers]


def put_all(sessions: Sessions, *variants: VariantFacts, product: ProductFacts = SHIRT) -> tuple[list[str], list[str]]:
    with unit(sessions) as session:
        products = catalog.put_products(session, PutProducts(products=[product]), LATER)
        answers = catalog.put_variants(session, PutVariants(variants=variants), LATER)
    return changes(products), changes(answers)


def wishes(sessions: Sessions) -> list[tuple[str, str, int]]:
    with reading(sessions) as session:
        query = select(WorkItem.kind, WorkItem.key, WorkItem.account_id).order_by(WorkItem.kind, WorkItem.account_id)
        return list(session.execute(query).tuples())


def test_items_are_created_then_left_alone_then_updated(sessions: Sessions) -> None:
    assert put_all(sessions, size("S"), size("M")) == (["created"], ["created", "created"])
    assert put_all(sessions, size("S"), size("M")) == (["unchanged"], ["unchanged", "unchanged"])
    assert put_all(sessions, size("S"), size("M", "55"), size("L")) == (
        ["unchanged"], ["unchanged", "updated", "created"],
    )  # fmt: skip
    with reading(sessions) as session:
        rows = session.execute(select(Variant.sku, Variant.price_minor, Variant.options).order_by(Variant.id)).tuples()
        assert list(rows) == [
            ("SHIRT-S", 5000, {"Size": "S"}), ("SHIRT-M", 5500, {"Size": "M"}), ("SHIRT-L", 5000, {"Size": "L"}),
        ]  # fmt: skip


def test_only_the_given_fields_change_and_attributes_are_merged(sessions: Sessions) -> None:
    put_all(sessions, size("S", cost=eur("20"), weight_g=300))
    with unit(sessions) as session:
        cmd = PutProducts(
            products=[ProductFacts(handle="shirt", values={"fit": {"": "slim"}, "fabric": {"": ""}})], fields={"values"}
        )
        assert changes(catalog.put_products(session, cmd, LATER)) == ["updated"]
        repriced = PutVariants(variants=[size("S", "49.99")], fields={"price"})
        (answer,) = catalog.put_variants(session, repriced, LATER)
        assert answer == Written(
            key="SHIRT-S", id=1, change=Change.UPDATED, fields=frozenset({"price_minor"}),
            changes={"price_minor": (5000, 4999)},
        )  # fmt: skip
    with reading(sessions) as session:
        product, variant = session.scalars(select(Product)).one(), session.scalars(select(Variant)).one()
        assert (product.title, product.values) == ("Blue shirt", {"fit": {"": "slim"}})
        assert (variant.price_minor, variant.cost_minor, variant.weight_g) == (4999, 2000, 300)


def test_a_new_price_wants_a_price_push_and_nothing_else(sessions: Sessions) -> None:
    with unit(sessions) as session:
        first, second = an_account(session), an_account(session)
        shirt = a_product(session, handle="shirt", title="Blue shirt", axes=["Size"])
        small = a_variant(session, sku="SHIRT-S", product=shirt, price_minor=5000)
        small.options = {"Size": "S"}
        a_listing(session, first, small)
        a_listing(session, second, small, state="ended")
    with unit(sessions) as session:
        catalog.put_variants(session, PutVariants(variants=[size("S", "51")]), LATER)
    assert wishes(sessions) == [("price.push", "1", 1)]


def test_new_content_wants_the_product_published_again_where_it_is_listed(sessions: Sessions) -> None:
    with unit(sessions) as session:
        accounts = [an_account(session) for _ in range(4)]
        shirt = a_product(session, handle="shirt", title="Blue shirt")
        variant = a_variant(session, sku="SHIRT-S", product=shirt)
        for account, state in zip(accounts, ("live", "rejected", "ended", "vanished"), strict=True):
            a_listing(session, account, variant, state=state)
        a_variant(session, sku="OTHER")
    with unit(sessions) as session:
        cmd = PutProducts(products=[ProductFacts(handle="shirt", title="Bluer shirt")], fields={"title"})
        assert changes(catalog.put_products(session, cmd, LATER)) == ["updated"]
    assert wishes(sessions) == [("listing.publish", "1", 1), ("listing.publish", "1", 2)]
    with unit(sessions) as session:
        assert changes(catalog.put_products(session, cmd, LATER)) == ["unchanged"]
    with reading(sessions) as session:
        assert session.scalars(select(WorkItem.revision)).all() == [1, 1]


def test_a_new_cost_asks_nothing_of_any_channel(sessions: Sessions) -> None:
    with unit(sessions) as session:
        shirt = a_product(session, handle="shirt", axes=["Size"])
        variant = a_variant(session, sku="SHIRT-S", product=shirt, price_minor=5000)
        variant.options = {"Size": "S"}
        a_listing(session, an_account(session), variant)
    with unit(sessions) as session:
        answers = catalog.put_variants(session, PutVariants(variants=[size("S", cost=eur("9"))]), LATER)
        assert changes(answers) == ["updated"]
    assert wishes(sessions) == []


@pytest.mark.parametrize(
    ("variant", "message"),
    [
        (VariantFacts(sku=" ", handle="shirt", price=eur("1")), "a SKU must not be empty"),
        (VariantFacts(sku="A", handle="hat", price=eur("1")), "no product has the handle 'hat'"),
        (VariantFacts(sku="A", handle="shirt", price=eur("-1")), "-1.00 EUR is out of range"),
        (VariantFacts(sku="A", handle="shirt", price=eur("99999999")), "99999999.00 EUR is out of range"),
        (size("X", gtin="4006381333932"), "4006381333932 is not a GTIN: its last digit must be 1, not 2"),
        (size("X", weight_g=-1), "weight_g must be between 0 and 100,000,000, got -1"),
        (size("X", cost=Money(minor=1, currency="USD")), "the cost is in USD and the price in EUR"),
        (size("X", image="javascript:alert(1)"), "'javascript:alert(1)' is not the web address of a picture"),
        (replace(size("S"), sku="NEW"), "SHIRT-S is S of shirt already"),
        (VariantFacts(sku="MUG", handle="shirt", price=eur("1")), "the SKU MUG belongs to the product product-mug"),
        (
            VariantFacts(sku="A\0B", handle="shirt", price=eur("1")),
            "sku contains the character U+0000, which is not text",
        ),
    ],
)
def test_a_refused_variant_changes_nothing_and_does_not_stop_the_others(
    sessions: Sessions, variant: VariantFacts, message: str
) -> None:
    put_all(sessions, size("S"))
    with unit(sessions) as session:
        a_variant(session, sku="MUG")
    with unit(sessions) as session:
        answers = catalog.put_variants(session, PutVariants(variants=[variant, size("L")]), LATER)
    assert changes(answers) == [f"refused: {message}", "created"]
    with reading(sessions) as session:
        assert session.scalars(select(Variant.sku).order_by(Variant.id)).all() == ["SHIRT-S", "MUG", "SHIRT-L"]


@pytest.mark.parametrize(
    ("product", "message"),
    [
        (ProductFacts(handle="two words", title="x"), "a handle has no spaces and no slashes: 'two words'"),
        (ProductFacts(handle="", title="x"), "handle is empty"),
        (ProductFacts(handle="hat", title="  "), "title is empty"),
        (ProductFacts(handle="hat", title="x" * 501), "title has 501 characters; at most 500 are possible"),
        (ProductFacts(handle="hat", title="x", images=("pic.jpg",)), "'pic.jpg' is not the web address of a picture"),
        (ProductFacts(handle="hat", title="x", axes=("A", "B", "C", "D")), "a product has at most 3 different options"),
        (ProductFacts(handle="hat", title="a\ud800"), "title contains the character U+D800, which is not text"),
    ],
)
def test_a_refused_product_says_why(sessions: Sessions, product: ProductFacts, message: str) -> None:
    with unit(sessions) as session:
        answers = catalog.put_products(session, PutProducts(products=[product, SHIRT]), LATER)
    assert changes(answers) == [f"refused: {message}", "created"]


def test_an_item_given_twice_is_refused_the_second_time(sessions: Sessions) -> None:
    with unit(sessions) as session:
        answers = catalog.put_products(session, PutProducts(products=[SHIRT, SHIRT]), LATER)
    assert changes(answers) == ["created", "refused: shirt is given twice"]


def test_a_listed_variant_keeps_its_currency(sessions: Sessions) -> None:
    put_all(sessions, size("S"))
    with unit(sessions) as session:
        a_listing(session, an_account(session), session.scalars(select(Variant)).one())
    with unit(sessions) as session:
        dollars = replace(size("S"), price=Money(minor=5000, currency="USD"))
        (answer,) = catalog.put_variants(session, PutVariants(variants=[dollars]), LATER)
    assert isinstance(answer, Refused)
    assert isinstance(answer.problem, HubError)
    assert (answer.problem.message, answer.problem.fix) == (
        "SHIRT-S is listed at a price in EUR", "give its price in EUR",
    )  # fmt: skip


def test_descriptions_lose_what_could_run(sessions: Sessions) -> None:
    html = '<p onclick="x()">Hi <b>you</b></p><script>alert(1)</script><iframe src="//evil.example"></iframe>'
    put_all(sessions, size("S"), product=replace(SHIRT, description=html))
    with reading(sessions) as session:
        assert session.scalars(select(Product.description)).one() == "<p>Hi <b>you</b></p>"


def test_a_thousand_variants_take_few_statements(sessions: Sessions, engine: Engine) -> None:
    many = [
        VariantFacts(sku=f"V-{n}", handle="shirt", price=eur("5"), options={"Size": str(n)}, position=n)
        for n in range(1000)
    ]
    statements: list[str] = []
    event.listen(engine, "before_cursor_execute", lambda c, k, statement, p, x, m: statements.append(statement))
    _, first = put_all(sessions, *many)
    assert first == ["created"] * 1000
    created_with = len(statements)
    _, second = put_all(sessions, *many)
    assert second == ["unchanged"] * 1000
    assert created_with <= 30  # four tables, five hundred rows a statement, and the history
    assert len(statements) - created_with <= 16
