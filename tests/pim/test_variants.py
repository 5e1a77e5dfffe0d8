"""Variants in a matrix: what is made, what is refused, their order, and what one says of its own."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from hub.db.session import Sessions, reading, unit
from hub.kernel.errors import Invalid, Unknown
from hub.kernel.money import Money
from hub.pim.attributes.models import Attribute, AttributeOption, Family, FamilyAttribute, Locale
from hub.pim.history.models import AuditRow
from hub.pim.models import Product, Variant
from hub.pim.variants import Made, MakeVariants, make_variants, override, reorder, sku_from, value_of
from tests.support.builders import NOW, a_product, a_variant

EUR = Money(minor=1990, currency="EUR")


@pytest.fixture
def shop(sessions: Sessions) -> Sessions:
    """A shirt of a family whose colour is a choice of each variant."""
    with unit(sessions) as session:
        session.add(Locale(code="de", label="Deutsch", fallback="", position=0))
        family = Family(code="shirts", label="Shirts", labels={}, axes=[])
        colour = Attribute(
            code="colour", label="Colour", labels={}, type="choice", rules={}, localisable=False, per_channel=False
        )
        care = Attribute(code="care", label="Care", labels={}, type="text", rules={}, localisable=True)
        session.add_all([family, colour, care])
        session.flush()
        for n, (code, label) in enumerate((("red", "Red"), ("blue", "Dark blue"))):
            session.add(AttributeOption(attribute_id=colour.id, code=code, label=label, labels={}, position=n))
        session.add(FamilyAttribute(family_id=family.id, attribute_id=colour.id, level="variant", position=0))
        a_product(session, handle="shirt", title="Shirt").family_id = family.id
    return sessions


def matrix(pattern: str = "{handle}-{Colour}-{Size}", **options: list[str]) -> MakeVariants:
    given = options or {"Colour": ["red", "Dark blue"], "Size": ["M", "XL"]}
    return MakeVariants(handle="shirt", options=given, sku_pattern=pattern, price=EUR)


def test_every_combination_is_made_once(shop: Sessions) -> None:
    skus = ("shirt-RED-M", "shirt-RED-XL", "shirt-DARK-BLUE-M", "shirt-DARK-BLUE-XL")
    with unit(shop) as session:
        assert make_variants(session, matrix(), NOW) == Made(made=skus, existed=())
    with unit(shop) as session:
        assert make_variants(session, matrix(), NOW) == Made(made=(), existed=skus)
        more = matrix(Colour=["blue"], Size=["M", "S"])
        assert make_variants(session, more, NOW) == Made(made=("shirt-DARK-BLUE-S",), existed=("shirt-DARK-BLUE-M",))
    with reading(shop) as session:
        rows = session.scalars(select(Variant).order_by(Variant.position)).all()
        assert [row.sku for row in rows] == [*skus, "shirt-DARK-BLUE-S"]
        assert rows[3].options == {"Colour": "Dark blue", "Size": "XL"}
        assert rows[3].values == {"colour": {"": "blue"}}, "the option is the attribute's value as well"
        assert (rows[3].price_minor, rows[3].currency) == (1990, "EUR")
        assert session.scalars(select(Product.axes)).one() == ["Colour", "Size"]
        assert session.scalar(select(func.count()).select_from(AuditRow).where(AuditRow.subject == "variant")) == 5


def refused(sessions: Sessions, says: str, command: MakeVariants, error: type[Invalid | Unknown] = Invalid) -> None:
    def stored() -> list[object]:
        with reading(sessions) as session:
            return [
                sorted(session.scalars(select(Variant.sku))),
                session.scalars(select(Product.axes)).all(),
                session.scalar(select(func.count()).select_from(AuditRow)),
            ]

    before = stored()
    with pytest.raises(error, match=says), unit(sessions) as session:
        make_variants(session, command, NOW)
    assert stored() == before, "a refusal changes nothing"


def test_what_makes_no_matrix_is_refused(shop: Sessions) -> None:
    refused(shop, "'green' is not one of its options", matrix(Colour=["green"], Size=["M"]))
    refused(shop, "several variants the SKU shirt-RED", matrix("{handle}-{Colour}"))
    refused(shop, "{Weight} is no axis", matrix("{Weight}"))
    refused(shop, "differ on 1 to 3 axes", matrix("x", A=["1"], B=["1"], C=["1"], D=["1"]))
    refused(shop, "make 0 variants", matrix(Colour=[], Size=["M"]))
    many = [str(n) for n in range(32)]
    refused(shop, "make 1,024 variants", matrix("{Size}-{Cut}", Size=many, Cut=many))
    unknown = MakeVariants(handle="hat", options={"Size": ["M"]}, sku_pattern="{Size}", price=EUR)
    refused(shop, "no product has the handle", unknown, Unknown)
    unpriced = MakeVariants(handle="shirt", options={"Size": ["M"]}, sku_pattern="{Size}")
    refused(shop, "no variant whose price", unpriced)
    with unit(shop) as session:
        make_variants(session, matrix(), NOW)
        a_variant(session, sku="L")
    refused(shop, "differ in Colour, Size, not in Size", matrix("{Size}", Size=["M"]))
    refused(shop, "the SKU L already", matrix("{Size}", Colour=["red"], Size=["S", "L"]))


def test_a_pattern_names_product_and_axes_whatever_the_case() -> None:
    assert sku_from("{handle}/{COLOUR}-{ größe }", "hemd", {"Colour": "Dark blue", "Größe": "XL (long)"}) == (
        "hemd/DARK-BLUE-XL-LONG"
    )


def test_variants_are_put_in_order(shop: Sessions) -> None:
    with unit(shop) as session:
        skus = make_variants(session, matrix(), NOW).made
    wanted = (skus[2], skus[0], skus[1], skus[3])
    with unit(shop) as session:
        assert reorder(session, "shirt", wanted, NOW) == 3
        assert reorder(session, "shirt", wanted, NOW) == 0
    with pytest.raises(Invalid, match="each variant of shirt once"), unit(shop) as session:
        reorder(session, "shirt", (*skus[:3], skus[0]), NOW)
    with reading(shop) as session:
        assert session.scalars(select(Variant.sku).order_by(Variant.position)).all() == list(wanted)
        assert session.scalars(select(Variant.options).where(Variant.sku == skus[0])).one() == {
            "Colour": "Red", "Size": "M",
        }  # fmt: skip


def test_a_variant_says_its_own_or_its_product_speaks(shop: Sessions) -> None:
    with unit(shop) as session:
        sku = make_variants(session, matrix(), NOW).made[0]
        product = session.scalars(select(Product)).one()
        product.values = {"care": {"": "Wash at 40", "de": "Bei 40 waschen"}}
    with unit(shop) as session:
        found = value_of(session, sku, "care", locale="de")
        assert found is not None
        assert (found.value, found.inherited) == ("Bei 40 waschen", True)
        assert override(session, sku, "care", "By hand", NOW) is True
        assert override(session, sku, "care", "By hand", NOW) is False
        found = value_of(session, sku, "care", locale="de")
        assert found is not None
        assert (found.value, found.inherited) == ("By hand", False), "its own word beats the product's in any language"
        assert override(session, sku, "care", None, NOW) is True
        found = value_of(session, sku, "care")
        assert found is not None
        assert (found.value, found.inherited) == ("Wash at 40", True)
        title = value_of(session, sku, "title", locale="de")
        assert title is not None
        assert title.value == "Shirt"
        assert value_of(session, sku, "keywords") is None
        with pytest.raises(Invalid, match="no attribute 'colr'"):
            override(session, sku, "colr", "x", NOW)
