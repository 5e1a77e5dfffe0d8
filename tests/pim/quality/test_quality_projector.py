"""Stored completeness follows every change: whatever is edited, what is stored equals what is computed from nothing."""

from __future__ import annotations

from threading import Thread
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, select

from hub.db.session import Sessions, reading, unit
from hub.db.upsert import table_of
from hub.kernel.money import Money
from hub.pim import catalog, projections
from hub.pim.attributes import define, families, locales
from hub.pim.attributes.define import NewAttribute
from hub.pim.attributes.families import Member, NewFamily, Requirement
from hub.pim.attributes.locales import NewLocale
from hub.pim.attributes.types import AttributeType
from hub.pim.facts import ProductFacts, VariantFacts
from hub.pim.history import removal
from hub.pim.models import DirtyProduct, Product
from hub.pim.quality import projector, reads
from hub.pim.quality.models import Completeness, DescriptionDigest
from hub.pim.quality.prepare import pictures_seen
from hub.pim.quality.records import load, targets_of
from hub.pim.quality.rules import Gap
from tests.support.builders import NOW, an_account

COLUMNS = ("required", "filled", "percent", "missing", "errors", "warnings")
Stored = dict[tuple[int, str, str], tuple[Any, ...]]


def project(sessions: Sessions) -> None:
    """What the sweep does, in small units."""
    while True:
        with unit(sessions) as session:
            if projections.project(session, NOW, limit=3) == 0:
                return


def stored(sessions: Sessions) -> Stored:
    with reading(sessions) as session:
        return {
            (row.product_id, row.channel, row.locale): tuple(row._mapping[name] for name in COLUMNS)
            for row in session.execute(select(table_of(Completeness)))
        }


def fresh(sessions: Sessions) -> Stored:
    with reading(sessions) as session:
        targets = targets_of(session)
        ids = list(session.scalars(select(Product.id)))
        seen = pictures_seen(session, ids, targets.channels)
        return {
            (row["product_id"], row["channel"], row["locale"]): tuple(row[name] for name in COLUMNS)
            for record in load(session, ids, targets.book)
            for row in projector.rows_of(record, targets, seen)
        }


def put_product(sessions: Sessions, handle: str, **more: Any) -> None:
    with unit(sessions) as session:
        facts = ProductFacts(handle=handle, title=more.pop("title", f"Title of {handle}"), **more)
        (answer,) = catalog.put_products(session, catalog.PutProducts(products=[facts]), NOW)
        assert isinstance(answer, catalog.Written), answer


def put_variant(sessions: Sessions, sku: str, handle: str, *, price: int = 1299, **more: Any) -> None:
    with unit(sessions) as session:
        facts = VariantFacts(
            sku=sku,
            handle=handle,
            price=Money(minor=price, currency="EUR"),
            options=more.pop("options", {"n": sku}),
            **more,
        )
        (answer,) = catalog.put_variants(session, catalog.PutVariants(variants=[facts]), NOW)
        assert isinstance(answer, catalog.Written), answer


@pytest.fixture
def wine(sessions: Sessions) -> Sessions:
    """A family of which a grape is required everywhere, a text in German, a GTIN on the memory channel."""
    with unit(sessions) as session:
        locales.add_locale(session, NewLocale(code="en", base=True), NOW)
        locales.add_locale(session, NewLocale(code="de"), NOW)
        for code, many in (("grape", False), ("food", True), ("size", False)):
            attribute = NewAttribute(
                code=code, label=code, type=AttributeType.TEXT, localisable=many, per_channel=many
            )  # fmt: skip
            define.create_attribute(session, attribute, NOW)
        families.create_family(session, NewFamily(code="wine", label="Wine"), NOW)
        families.put_members(
            session, "wine",
            [Member(attribute="grape"), Member(attribute="food"), Member(attribute="size", level="variant")], NOW,
        )  # fmt: skip
        families.require(
            session, "wine",
            [
                Requirement(field="title"), Requirement(field="grape"), Requirement(field="food", locale="de"),
                Requirement(field="size"), Requirement(field="gtin", channel="memory"),
            ], NOW,
        )  # fmt: skip
        an_account(session, channel="memory")
    return sessions


def test_a_product_is_scored_per_channel_and_language(wine: Sessions) -> None:
    put_product(wine, "syrah", family="wine", values={"grape": {"": "Syrah"}, "food": {"": "Lamb"}})
    put_variant(wine, "W-1", "syrah", values={"size": {"": "75 cl"}}, gtin="4006381333931")
    put_variant(wine, "W-2", "syrah")
    project(wine)
    with reading(wine) as session:
        lines = {(line.channel, line.locale): line for line in reads.of_products(session, [1])}
    assert {key: (line.filled, line.required, line.percent) for key, line in lines.items()} == {
        ("*", ""): (2, 3, 66), ("*", "de"): (1, 4, 25), ("memory", ""): (2, 4, 50), ("memory", "de"): (1, 5, 20),
    }  # fmt: skip
    size, gtin = Gap(field="size", skus=("W-2",), variants=1), Gap(field="gtin", skus=("W-2",), variants=1)
    assert lines["memory", ""].missing == (gtin, size)
    assert lines["memory", "de"].missing == (Gap(field="food"), gtin, size, Gap(field="title"))
    put_product(
        wine,
        "syrah",
        family="wine",
        values={"food": {"de": "Lamm"}, "title": {"de": "Syrah, trocken"}, "size": {"": "75 cl"}},
    )
    put_variant(wine, "W-2", "syrah", gtin="9783161484100")
    project(wine)
    with reading(wine) as session:
        assert {line.percent for line in reads.of_products(session, [1])} == {100}


def test_few_products_are_settled_in_the_unit_and_many_are_left_to_the_sweep(wine: Sessions) -> None:
    for n in range(3):
        put_product(wine, f"p-{n}")
    with unit(wine) as session:
        assert projections.settle(session, [1, 2], NOW) is True
        assert session.scalars(select(DirtyProduct.product_id)).all() == [3]
        assert projections.settle(session, range(1, 100), NOW) is False
    assert {key[0] for key in stored(wine)} == {1, 2}


def test_a_new_account_on_a_new_channel_asks_for_every_product_and_another_one_there_for_none(wine: Sessions) -> None:
    put_product(wine, "p-0")
    project(wine)
    with unit(wine) as session:
        an_account(session, channel="ebay")
        assert projector.channel_added(session, "ebay", NOW) == 1
    project(wine)
    assert stored(wine) == fresh(wine)
    assert {key[1] for key in stored(wine)} == {"*", "ebay", "memory"}
    with unit(wine) as session:
        an_account(session, channel="ebay")
        assert projector.channel_added(session, "ebay", NOW) == 0


def test_a_language_that_is_taken_away_leaves_no_rows(wine: Sessions) -> None:
    with unit(wine) as session:
        locales.add_locale(session, NewLocale(code="fr"), NOW)
    put_product(wine, "p-0")
    project(wine)
    assert {key[2] for key in stored(wine)} == {"", "de", "fr"}
    with unit(wine) as session:
        locales.remove_locale(session, "fr", NOW)
    project(wine)
    assert {key[2] for key in stored(wine)} == {"", "de"}
    assert stored(wine) == fresh(wine)


def test_what_is_derived_of_a_product_goes_with_it(wine: Sessions) -> None:
    put_product(wine, "p-0", description="x" * 200)
    project(wine)
    with unit(wine) as session:
        assert removal.referred(session, "product", [1]) == {}
        session.execute(delete(table_of(DirtyProduct)))
        session.execute(delete(table_of(Product)))
    assert stored(wine) == {}
    with reading(wine) as session:
        assert session.execute(select(DescriptionDigest.product_id)).all() == []


HANDLES = st.sampled_from(["a", "b", "c", "d", "e"])
SCOPES = st.sampled_from(["", "de", "@memory", "de@memory"])
FREE = st.sampled_from(["x", "LOUD WORDS", "", "ไวน์แดง", "<b>bold</b>"])
EDITS = st.one_of(
    st.tuples(st.just("product"), HANDLES, st.sampled_from(["", "wine"]), SCOPES, FREE),
    st.tuples(st.just("variant"), HANDLES, st.integers(0, 2), st.sampled_from([0, 1299]), FREE),
    st.tuples(st.just("description"), HANDLES, st.sampled_from(["", "short", "long words " * 20])),
    st.tuples(
        st.sampled_from(["require", "release"]), st.sampled_from(["title", "grape", "food", "size", "price", "images"]),
        st.sampled_from(["*", "memory", "ebay"]), st.sampled_from(["*", "de", "en"]),
    ),
    st.tuples(st.just("level"), st.sampled_from(["product", "variant"])),
    st.tuples(st.just("language"), st.booleans()),
    st.tuples(st.just("sweep")),
)  # fmt: skip


def edit(sessions: Sessions, step: tuple[Any, ...]) -> None:
    match step:
        case ("product", handle, family, scope, text):
            values = {"food": {scope: text}} | ({"grape": {"": text}} if not scope else {"title": {scope: text}})
            put_product(sessions, handle, family=family, values=values, title=f"T {text}")
        case ("variant", handle, number, price, text):
            put_product(sessions, handle)
            put_variant(sessions, f"{handle}-{number}", handle, price=price, values={"size": {"": text}})
        case ("description", handle, text):
            put_product(sessions, handle, description=text)
        case ("require", field, channel, locale):
            with unit(sessions) as session:
                families.require(session, "wine", [Requirement(field=field, channel=channel, locale=locale)], NOW)
        case ("release", field, channel, locale):
            with unit(sessions) as session:
                families.release(session, "wine", [Requirement(field=field, channel=channel, locale=locale)], NOW)
        case ("level", level):
            with unit(sessions) as session:
                families.put_members(session, "wine", [Member(attribute="size", level=level)], NOW)
        case ("language", True):
            with unit(sessions) as session:
                if "th" not in targets_of(session).locales:
                    locales.add_locale(session, NewLocale(code="th", fallback="de"), NOW)
        case ("language", False):
            with unit(sessions) as session:
                if "th" in targets_of(session).locales:
                    locales.remove_locale(session, "th", NOW)
        case _:
            project(sessions)


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(EDITS, min_size=1, max_size=12))
def test_after_any_edits_what_is_stored_is_what_is_computed_from_nothing(
    wine: Sessions, steps: list[tuple[Any, ...]]
) -> None:
    """One database for all examples: each goes on from where the last one ended, which is a longer history still."""
    for step in steps:
        edit(wine, step)
    project(wine)
    assert stored(wine) == fresh(wine)
    with reading(wine) as session:
        assert projections.behind(session) == 0
        described = session.execute(select(Product.id, Product.description)).tuples().all()
        digests = dict(session.execute(select(DescriptionDigest.product_id, DescriptionDigest.digest)).tuples().all())
    assert set(digests) == {number for number, words in described if len(words) > 100}


def test_a_product_that_is_changed_while_it_is_projected_is_looked_at_again(wine: Sessions) -> None:
    put_product(wine, "p-0", title="Old title")
    with unit(wine) as session:
        projections.project(session, NOW)
        changed = Thread(target=put_product, args=(wine, "p-0"), kwargs={"title": "New", "family": "wine"})
        changed.start()
        changed.join(0.3)  # it waits for this unit
        assert changed.is_alive()
    changed.join(20)
    with reading(wine) as session:
        assert projections.behind(session) == 1
    project(wine)
    assert stored(wine) == fresh(wine)
    assert {row[0] for row in stored(wine).values()} == {3, 4, 5}
