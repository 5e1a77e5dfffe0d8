"""A unique value has one owner: in a batch, across units, and with two units at once."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from sqlalchemy import delete, select

from hub.db.session import Sessions, reading, unit
from hub.kernel.money import Money
from hub.pim import catalog
from hub.pim.attributes import define, unique
from hub.pim.attributes.define import NewAttribute
from hub.pim.attributes.models import UniqueValue
from hub.pim.attributes.types import AttributeType as T
from hub.pim.catalog import PutProducts, PutVariants, Refused, Written
from hub.pim.facts import ProductFacts, VariantFacts
from hub.pim.models import DirtyProduct, Product
from tests.support.builders import NOW


@pytest.fixture(autouse=True)
def attributes(sessions: Sessions) -> None:
    with unit(sessions) as session:
        for code in ("mpn", "serial"):
            rule = {"unique": True}
            define.create_attribute(
                session, NewAttribute(code=code, label=code, type=T.TEXT, per_channel=True, rules=rule), NOW
            )
        define.create_attribute(session, NewAttribute(code="note", label="Note", type=T.TEXT), NOW)


def facts(handle: str, **values: Any) -> ProductFacts:
    said = {code: value if isinstance(value, dict) else {"": value} for code, value in values.items()}
    return ProductFacts(handle=handle, title=handle, values=said)


def put(sessions: Sessions, *products: ProductFacts) -> list[str]:
    with unit(sessions) as session:
        answers = catalog.put_products(session, PutProducts(products=products), NOW)
    return [a.change.value if isinstance(a, Written) else a.problem.message for a in answers]


def owners(sessions: Sessions) -> list[str]:
    with reading(sessions) as session:
        return sorted(session.scalars(select(UniqueValue.owner)))


def said(sessions: Sessions) -> dict[str, Any]:
    with reading(sessions) as session:
        return {row.handle: row.values for row in session.scalars(select(Product))}


def test_the_second_who_says_it_is_refused_and_the_others_go_on(sessions: Sessions) -> None:
    assert put(sessions, facts("a", mpn="1"), facts("b", mpn="1"), facts("c", mpn="2")) == [
        "created", "mpn: '1' is taken by the product a", "created",
    ]  # fmt: skip
    assert put(sessions, facts("a", mpn="1"), facts("d", mpn="2", serial="9"), facts("e", serial="9")) == [
        "unchanged", "mpn: '2' is taken by the product c", "serial: '9' is taken by the product d",
    ]  # fmt: skip
    assert said(sessions) == {"a": {"mpn": {"": "1"}}, "c": {"mpn": {"": "2"}}}
    assert owners(sessions) == ["product:a", "product:c"]
    assert put(sessions, facts("e", serial="9")) == ["created"]  # nothing was kept of what was refused


def test_a_value_is_unique_in_its_scope(sessions: Sessions) -> None:
    assert put(sessions, facts("a", mpn={"": "1"}), facts("b", mpn={"@ebay": "1"})) == ["created", "created"]
    assert put(sessions, facts("c", mpn={"@ebay": "1"})) == ["mpn: '1' is taken by the product b"]


def test_variants_and_products_share_one_list(sessions: Sessions) -> None:
    put(sessions, facts("a", mpn="1"))
    price = Money(minor=100, currency="EUR")
    with unit(sessions) as session:
        own = [
            VariantFacts(sku="S", handle="a", price=price, options={"x": "s"}, values={"mpn": {"": "1"}}),
            VariantFacts(sku="M", handle="a", price=price, options={"x": "m"}, values={"mpn": {"": "2"}}),
        ]
        first, second = catalog.put_variants(session, PutVariants(variants=own), NOW)
    assert isinstance(first, Refused)
    assert (first.problem.field, first.problem.message) == ("mpn", "mpn: '1' is taken by the product a")
    assert isinstance(second, Written)
    assert put(sessions, facts("b", mpn="2")) == ["mpn: '2' is taken by the variant M"]


def test_what_is_given_up_can_be_had_by_another(sessions: Sessions) -> None:
    put(sessions, facts("a", mpn="1"))
    assert put(sessions, facts("b", mpn="1"), facts("a", mpn="2")) == ["mpn: '1' is taken by the product a", "updated"]
    assert put(sessions, facts("b", mpn="1")) == ["created"]
    assert put(sessions, facts("b", mpn="")) == ["updated"]
    assert owners(sessions) == ["product:a"]
    assert put(sessions, facts("c", mpn="1")) == ["created"]


def test_what_somebody_has_who_is_gone_or_says_something_else_is_taken_over(sessions: Sessions) -> None:
    put(sessions, facts("a", mpn="1"), facts("b", mpn="2"), facts("c", mpn="3"))
    with unit(sessions) as session:
        session.execute(delete(DirtyProduct))
        session.execute(delete(Product).where(Product.handle == "a"))
        session.execute(delete(Product).where(Product.handle == "b"))
        unique.forget(session, "product", ["b"])
    assert owners(sessions) == ["product:a", "product:c"]
    assert put(sessions, facts("d", mpn="1"), facts("e", mpn="2")) == ["created", "created"]
    assert owners(sessions) == ["product:c", "product:d", "product:e"]


def test_a_command_that_says_nothing_about_values_claims_nothing(sessions: Sessions) -> None:
    put(sessions, facts("a", mpn="1"), facts("b", mpn="2"))
    with unit(sessions) as session:
        cmd = PutProducts(products=[facts("b", mpn="1")], fields={"title"})
        (answer,) = catalog.put_products(session, cmd, NOW)
    assert isinstance(answer, Written)
    assert said(sessions)["b"] == {"mpn": {"": "2"}}


def test_of_two_units_at_once_one_has_the_value(sessions: Sessions) -> None:
    """Eight people give the same number to a product of their own, at the same moment."""
    start, answers = threading.Barrier(8), list[str]()

    def give(name: str) -> None:
        start.wait()
        answers.extend(put(sessions, facts(name, mpn="same", note=name), facts(f"{name}-free", note="x")))

    threads = [threading.Thread(target=give, args=(f"p{n}",)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    stored = said(sessions)
    holders = [handle for handle, values in stored.items() if "mpn" in values]
    assert len(holders) == 1
    assert owners(sessions) == [f"product:{holders[0]}"]
    assert sorted(answers) == sorted(["created"] * 9 + [f"mpn: 'same' is taken by the product {holders[0]}"] * 7)
    assert {handle for handle in stored if handle.endswith("-free")} == {f"p{n}-free" for n in range(8)}


def test_an_option_is_not_removed_between_the_look_and_the_write(sessions: Sessions) -> None:
    """One removes the option while others choose it: either it is gone and they were refused, or it stays."""
    from hub.kernel.errors import NotAllowedNow
    from hub.pim.attributes import options
    from hub.pim.attributes.options import NewOption

    with unit(sessions) as session:
        define.create_attribute(session, NewAttribute(code="colour", label="Colour", type=T.CHOICE), NOW)
        options.add_options(session, "colour", [NewOption(label="Red"), NewOption(label="Blue")], NOW)
    start, removed = threading.Barrier(4), list[bool]()

    def choose(name: str) -> None:
        start.wait()
        put(sessions, facts(name, colour="red"))

    def remove() -> None:
        start.wait()
        try:
            with unit(sessions) as session:
                options.remove_option(session, "colour", "red", NOW)
        except NotAllowedNow:
            removed.append(False)
        else:
            removed.append(True)

    threads = [threading.Thread(target=choose, args=(f"c{n}",)) for n in range(3)] + [threading.Thread(target=remove)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    chosen = [handle for handle, values in said(sessions).items() if values.get("colour")]
    assert removed == [not chosen]
