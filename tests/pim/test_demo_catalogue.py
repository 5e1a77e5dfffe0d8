"""The demo's wine shop imports without a single complaint, twice."""

from __future__ import annotations

from sqlalchemy import func, select
from stdnum import ean

from hub.db.session import Sessions, reading
from hub.kernel.clock import FixedClock
from hub.pim import demo_catalogue
from hub.pim.models import Location, Product, StockPosition, Variant


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
        assert 3 <= stock[variant.id] <= 60
        assert variant.currency == "EUR"
        assert variant.cost_minor is not None
        assert 0 < variant.cost_minor < variant.price_minor
        assert variant.weight_g is not None
        assert 500 < variant.weight_g < 20_000
        assert None not in (variant.length_mm, variant.width_mm, variant.height_mm)
        assert list(variant.options) == products[variant.product_id].axes
    assert len({variant.gtin for variant in variants}) == 42
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
