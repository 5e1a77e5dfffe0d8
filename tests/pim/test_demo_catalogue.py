"""The demo's wine shop imports without a single complaint, twice."""

from __future__ import annotations

from sqlalchemy import func, select
from stdnum import ean

from hub.db.session import Sessions, reading
from hub.kernel.clock import FixedClock
from hub.pim import demo_catalogue
from hub.pim.attributes.book import book_of
from hub.pim.attributes.content import content_of
from hub.pim.attributes.sheet import product_sheet
from hub.pim.demo import seed
from hub.pim.history.models import AuditRow
from hub.pim.kits.models import KitComponent
from hub.pim.models import Location, Product, StockPosition, Variant
from hub.pim.taxonomy.reads import relations


def test_the_wine_shop_is_complete_and_a_second_load_changes_nothing(sessions: Sessions, clock: FixedClock) -> None:
    first = demo_catalogue.load(sessions, clock)
    assert (first.problems(), first.ignored_columns, first.encoding) == ([], (), "utf-8")
    assert first.products == {"created": 20, "updated": 0, "unchanged": 0}
    assert first.variants == {"created": 42, "updated": 0, "unchanged": 0}
    second = demo_catalogue.load(sessions, clock)
    assert second.products == {"created": 0, "updated": 0, "unchanged": 20}
    assert second.variants == {"created": 0, "updated": 0, "unchanged": 42}
    with reading(sessions) as session:
        assert session.scalars(select(Location.code).order_by(Location.priority)).all() == ["main", "shop"]
        variants = session.scalars(select(Variant)).all()
        products = {p.id: p for p in session.scalars(select(Product))}
        stock = dict(
            session.execute(
                select(StockPosition.variant_id, func.sum(StockPosition.on_hand)).group_by(StockPosition.variant_id)
            )
            .tuples()
            .all()
        )
    assert sum(stock.values()) == first.opening_units
    for variant in variants:
        assert variant.gtin is not None
        assert ean.is_valid(variant.gtin)
        assert 200 <= int(variant.gtin[:3]) <= 299
        assert (variant.id in stock) is not variant.is_kit  # a case has the stock of its bottles
        assert variant.is_kit or 3 <= stock[variant.id] <= 60
        assert variant.currency == "EUR"
        assert variant.cost_minor is not None
        assert 0 < variant.cost_minor < variant.price_minor
        assert variant.weight_g is not None
        assert 500 < variant.weight_g < 20_000
        assert None not in (variant.length_mm, variant.width_mm, variant.height_mm)
        assert list(variant.options) == products[variant.product_id].axes
    assert len({variant.gtin for variant in variants}) == 42
    assert sorted(v.sku for v in variants if v.is_kit) == ["KIR-GVL-C12", "ORT-RKA-C6", "RIB-DOU-C6", "SUA-CHE-C6"]
    for product in products.values():
        assert product.images
        assert all(image.startswith("https://pictures.example/wines/") for image in product.images)
        assert product.description.startswith("<p>")
        assert product.values["grape"][""]


def test_titles_of_many_scripts_survive(sessions: Sessions, clock: FixedClock) -> None:
    demo_catalogue.load(sessions, clock)
    with reading(sessions) as session:
        titles = dict(session.execute(select(Product.handle, Product.title)).tuples().all())
    assert titles["assyrtiko-iliofania"] == "Ασύρτικο Santorini «Ηλιοφάνεια» – Assyrtiko"
    assert titles["qvevri-rkatsiteli"] == "Qvevri Rkatsiteli – რქაწითელი ქვევრში"
    assert titles["areni-vayots-dzor"] == "Areni Noir, Vayots Dzor – Արենի, Վայոց ձոր"
    assert titles["chenin-khao-yai"] == "Chenin Blanc เขาใหญ่ – Khao Yai"
    assert titles["tokaji-aszu-kovirag"] == "Tokaji Aszú 5 Puttonyos «Kővirág»"


def test_the_sample_wine_is_complete_on_shopify_and_lacks_exactly_what_is_told_elsewhere(
    sessions: Sessions, clock: FixedClock
) -> None:
    demo_catalogue.load(sessions, clock)
    with reading(sessions) as session:
        wine = session.scalars(select(Product.id).where(Product.handle == seed.SAMPLE)).one()
        missing = {
            (channel, locale): product_sheet(session, wine, locale=locale, channel=channel).missing()
            for channel in ("shopify", "amazon", "ebay")
            for locale in ("", "en", "de", "fr")
        }
    for locale in ("", "en", "de", "fr"):
        assert missing["shopify", locale] == ()
        assert missing["amazon", locale] == ("allergens", "food_business")
        assert missing["ebay", locale] == ("closure", "serving_temperature")


def test_the_sample_wine_says_all_that_can_be_said_of_a_wine(sessions: Sessions, clock: FixedClock) -> None:
    demo_catalogue.load(sessions, clock)
    with reading(sessions) as session:
        wine = session.scalars(select(Product).where(Product.handle == seed.SAMPLE)).one()
        sheet = product_sheet(session, wine.id, locale="de", channel="shopify")
        book = book_of(session)
        kit = session.scalars(select(KitComponent)).all()
        bottle, case = session.scalars(select(Variant).where(Variant.product_id == wine.id).order_by(Variant.id))
        related = {(one.kind, one.handle) for one in relations(session, wine.id)}
    assert [group.label for group in sheet.groups] == [
        "", "Der Wein", "Herkunft", "Texte", "Stimmen", "Für den Handel",
    ]  # fmt: skip
    said = {field.code: field for group in sheet.groups for field in group.fields}
    assert (said["colour"].label, said["colour"].text) == ("Farbe", "Rot")
    assert said["grape"].value == ["tinta_roriz", "touriga_franca", "touriga_nacional"]
    assert (said["alcohol"].text, said["food_pairing"].text) == ("14.5 %", "Lamm, Rind, Hartkäse")
    assert (said["vineyard_information"].scope, said["vineyard_information"].fallen_back) == ("de", False)
    assert said["experts_rating"].text == "91"
    assert ("similar", "rioja-tres-ciguenas") in related
    assert ("complementary", "tawny-port-sao-bras") in related
    assert {(one.component_variant_id, one.quantity) for one in kit if one.kit_variant_id == case.id} == {
        (bottle.id, 6)
    }
    assert (case.price_minor, bottle.price_minor) == (6900, 1240)
    for channel, sent in (("amazon", False), ("ebay", False), ("shopify", True)):
        words = content_of(book, wine, locale="de", channel=channel).attributes
        ratings = {"buyers_rating", "experts_rating", "experts_rating_source", "publications"}
        assert ratings & set(words) == (ratings if sent else set())


def test_a_second_load_puts_nothing_on_record(sessions: Sessions, clock: FixedClock) -> None:
    demo_catalogue.load(sessions, clock)
    with reading(sessions) as session:
        before = session.scalar(select(func.count()).select_from(AuditRow))
    demo_catalogue.load(sessions, clock)
    with reading(sessions) as session:
        assert session.scalar(select(func.count()).select_from(AuditRow)) == before
