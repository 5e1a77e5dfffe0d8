"""What a product says reaches the sheet and the listing: in its language, from where it was found, in every script."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from hub.db.session import Sessions, reading, unit
from hub.kernel.errors import Unknown
from hub.kernel.money import Money
from hub.pim import catalog, listings
from hub.pim.attributes import define, families, groups, locales, options
from hub.pim.attributes.define import NewAttribute
from hub.pim.attributes.families import Member, NewFamily, Requirement
from hub.pim.attributes.groups import NewGroup
from hub.pim.attributes.locales import NewLocale
from hub.pim.attributes.options import NewOption
from hub.pim.attributes.sheet import ProductSheet, SheetField, product_sheet
from hub.pim.attributes.types import AttributeType as T
from hub.pim.catalog import PutProducts, PutVariants, Written
from hub.pim.facts import ProductFacts, VariantFacts
from hub.pim.models import Product, Variant
from hub.work.models import Account
from tests.support.builders import NOW, a_listing, an_account

SCRIPTS = {
    "th": "ไวน์ขาวจากเขาใหญ่",
    "el": "Ασύρτικο «Ηλιοφάνεια»",
    "hy": "Արենի, Վայոց ձոր",
    "fa": "شراب سفیدِ خشک (نیم‌لیتر)",
    "de": "Weißwein 🍷👩‍🌾🏳️‍🌈",
}
EUR = Money(minor=1000, currency="EUR")


@pytest.fixture
def shop(sessions: Sessions) -> Sessions:
    with unit(sessions) as session:
        locales.add_locale(session, NewLocale(code="en", base=True), NOW)
        for code in (*SCRIPTS, "de-AT", "fr"):
            locales.add_locale(session, NewLocale(code=code, fallback="de" if code == "fr" else ""), NOW)
        groups.create_group(session, NewGroup(code="looks", label="Looks", labels={"de": "Aussehen"}), NOW)
        for one in (
            NewAttribute(code="colour", label="Colour", labels={"de": "Farbe"}, type=T.CHOICE, group="looks"),
            NewAttribute(code="story", label="Story", type=T.LONG_TEXT, localisable=True, per_channel=True),
            NewAttribute(code="volume", label="Volume", type=T.NUMBER, unit="ml"),
            NewAttribute(code="shelf", label="Shelf", type=T.TEXT),
            NewAttribute(code="stars", label="Stars", type=T.NUMBER, rules={"withheld": ["memory"]}),
            NewAttribute(code="secret", label="Secret", type=T.TEXT, rules={"withheld": "*"}),
        ):
            define.create_attribute(session, one, NOW)
        options.add_options(session, "colour", [NewOption(label="White", labels={"de": "Weiß"})], NOW)
        families.create_family(session, NewFamily(code="wine", label="Wine", labels={"de": "Wein"}), NOW)
        has = [Member(attribute=code, position=n) for n, code in enumerate(("story", "colour", "stars", "secret"))]
        families.put_members(session, "wine", [*has, Member(attribute="volume", level="variant", position=9)], NOW)
        needs = [Requirement(field=code) for code in ("story", "volume", "brand", "gtin")]
        families.require(session, "wine", [*needs, Requirement(field="colour", channel="ebay", locale="de")], NOW)
    say(sessions, volume={"": "0.75 l"}, shelf={"": "A3"})
    with unit(sessions) as session:
        own = [
            VariantFacts(sku="S", handle="wine", price=EUR, options={"x": "s"}, values={"volume": {"": "375"}}),
            VariantFacts(sku="M", handle="wine", price=EUR, options={"x": "m"}, position=1, gtin="4006381333931"),
        ]
        assert all(isinstance(a, Written) for a in catalog.put_variants(session, PutVariants(variants=own), NOW))
    return sessions


def say(sessions: Sessions, **values: Any) -> None:
    with unit(sessions) as session:
        wine = ProductFacts(handle="wine", title="Dry white", family="wine", values=values)
        cmd = PutProducts(products=[wine], fields={"title", "family", "values"})
        (answer,) = catalog.put_products(session, cmd, NOW)
        assert isinstance(answer, Written), answer.problem


def sheet_of(sessions: Sessions, **asked: Any) -> ProductSheet:
    with reading(sessions) as session:
        return product_sheet(session, session.scalars(select(Product.id)).one(), **asked)


def fields(sheet: ProductSheet) -> dict[str, SheetField]:
    return {field.code: field for group in sheet.groups for field in group.fields}


def test_the_sheet_has_every_field_of_the_family_by_group_and_what_is_said_beside_it(shop: Sessions) -> None:
    say(shop, colour={"": "white"})
    sheet = sheet_of(shop, locale="de")
    assert (sheet.family, sheet.family_label) == ("wine", "Wein")
    assert [(g.label, [f.code for f in g.fields][-5:]) for g in sheet.groups] == [
        ("", ["story", "stars", "secret", "volume", "shelf"]), ("Aussehen", ["colour"]),
    ]  # fmt: skip
    said = fields(sheet)
    assert (said["colour"].label, said["colour"].text) == ("Farbe", "Weiß")
    assert {code for code, field in said.items() if field.extra} == {"shelf"}
    assert (said["volume"].level, said["volume"].text, said["volume"].missing) == ("variant", "750 ml", False)


def test_a_variant_has_its_own_value_or_its_products(shop: Sessions) -> None:
    small, medium = sheet_of(shop).variants
    volumes = [v.groups[-1].fields[-1] for v in (small, medium)]
    assert [(f.value, f.inherited, f.missing) for f in volumes] == [("375", False, False), ("750", True, False)]
    own = [{f.code: f for g in v.groups for f in g.fields} for v in (small, medium)]
    assert [(o["gtin"].missing, o["price"].text) for o in own] == [(True, "10.00 EUR"), (False, "10.00 EUR")]


def test_a_text_in_another_language_is_shown_and_still_missing(shop: Sessions) -> None:
    assert sheet_of(shop).missing() == ("brand", "gtin", "story")
    say(shop, story={"": "Old vines.", "de": "Alte Reben."})
    expected = {
        "": ("Old vines.", False, False), "en": ("Old vines.", False, False), "de": ("Alte Reben.", False, False),
        "de-AT": ("Alte Reben.", True, False), "fr": ("Alte Reben.", True, True), "th": ("Old vines.", True, True),
    }  # fmt: skip
    for locale, seen in expected.items():
        story = fields(sheet_of(shop, locale=locale))["story"]
        assert (story.text, story.fallen_back, story.missing) == seen, locale
    assert "colour" in sheet_of(shop, locale="de", channel="ebay").missing()
    assert "colour" not in sheet_of(shop, locale="fr", channel="ebay").missing()
    assert "colour" not in sheet_of(shop, locale="de", channel="amazon").missing()


def test_variants_come_a_page_at_a_time_and_what_is_not_there_is_refused(shop: Sessions) -> None:
    first = sheet_of(shop, limit=1)
    assert ([v.sku for v in first.variants], first.more) == (["S"], True)
    last = first.variants[-1]
    rest = sheet_of(shop, limit=1, after=(last.position, last.id))
    assert ([v.sku for v in rest.variants], rest.more) == (["M"], False)
    with reading(shop) as session:
        with pytest.raises(Unknown):
            product_sheet(session, 10**6)
        with pytest.raises(Unknown):
            product_sheet(session, 1, locale="it")


# ---------------------------------------------------------------- listings


def draft(sessions: Sessions, locale: str = "") -> Any:
    with unit(sessions) as session:
        account = session.scalars(select(Account)).first()
        if account is None:
            account = an_account(session)
            for variant in session.scalars(select(Variant).order_by(Variant.id)):
                a_listing(session, account, variant)
        account.locale = locale
    with reading(sessions) as session:
        account = session.scalars(select(Account)).one()
        found = listings.draft_of(session, account, session.scalars(select(Product.id)).one(), 1)
        assert found is not None
        return found.draft


@pytest.mark.parametrize("locale", SCRIPTS)
def test_words_of_every_script_come_out_as_they_went_in(shop: Sessions, locale: str) -> None:
    words = SCRIPTS[locale]
    given = {code: {locale: words} for code in ("title", "bullet_points", "keywords", "story")}
    say(shop, **given, description={locale: f"<p>{words}</p>"})
    said = fields(sheet_of(shop, locale=locale))
    assert {said[code].text for code in given} == {words}
    assert said["description"].value == f"<p>{words}</p>"
    made = draft(shop, locale)
    assert (made.title, made.description, made.attributes["story"]) == (words, f"<p>{words}</p>", words)
    assert (made.attributes["bullet_points"], made.attributes["keywords"]) == (words, words)
    assert draft(shop, "en").title == "Dry white"


def test_what_is_withheld_is_not_in_the_draft_but_on_the_sheet(shop: Sessions) -> None:
    say(shop, stars={"": "4.5"}, secret={"": "cellar 9"})
    assert {"stars", "secret"}.isdisjoint(draft(shop).attributes)
    said = fields(sheet_of(shop, channel="memory"))
    assert (said["stars"].text, said["secret"].text) == ("4.5", "cellar 9")


def test_a_page_says_what_all_its_variants_say_and_nothing_that_one_says_otherwise(shop: Sessions) -> None:
    assert draft(shop).attributes["volume"] == "750 ml"  # one of two has its own
    with unit(shop) as session:
        own = VariantFacts(sku="M", handle="wine", price=EUR, options={"x": "m"}, values={"volume": {"": "375"}})
        catalog.put_variants(session, PutVariants(variants=[own], fields={"values"}), NOW)
    assert draft(shop).attributes["volume"] == "375 ml"
