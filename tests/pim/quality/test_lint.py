"""Every rule of lint, with a product that breaks it and one that does not. No database."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from hub.pim.quality.finding import Finding, LintPicture, LintVariant, Prepared
from hub.pim.quality.limits import CHANNELS
from hub.pim.quality.lint import lint

LONG = "A dry red wine from old vines on slate, ripe and full, with dark berries and a long finish. Goes with lamb."
GOOD = Prepared(
    channel="amazon", locale="", title="Domaine Leroc Syrah 2019 red wine", description=f"<p>{LONG}</p>",
    bullets=("Dark berries", "From slate"), keywords=("shiraz", "bio"), brand="Leroc", category="123",
    images=("https://example.com/1.jpg",),
    pictures=(
        LintPicture(address="https://example.com/1.jpg", width=2000, height=2000, white_border=100, digest="a"),
    ),
    variants=(LintVariant(sku="W-1", price_minor=1299, gtin="4006381333931"),), attributes={"grape": "Syrah"},
)  # fmt: skip
EBAY = replace(GOOD, channel="ebay")
SHOP = replace(GOOD, channel="shopify")
ANY = replace(GOOD, channel="*")


def codes(given: Prepared, severity: str = "") -> list[str]:
    return [finding.code for finding in lint(given) if severity in ("", finding.severity)]


def only(given: Prepared, code: str) -> Finding:
    (found,) = [finding for finding in lint(given) if finding.code == code]
    return found


def picture(width: int = 2000, height: int = 2000, **more: Any) -> LintPicture:
    return LintPicture(address="https://example.com/2.jpg", width=width, height=height, **more)


@pytest.mark.parametrize("channel", ["ebay", "shopify", "*", "memory", "unheard-of"])
def test_a_good_product_has_nothing_to_be_said_about(channel: str) -> None:
    assert lint(replace(GOOD, channel=channel)) == []


def test_amazon_says_only_that_markup_is_not_shown() -> None:
    assert [(f.code, f.severity) for f in lint(GOOD)] == [("html_lost", "advice")]
    assert lint(replace(GOOD, description=LONG.replace(". ", ".<br>"))) == []


BROKEN: list[tuple[str, str, Prepared, Prepared]] = [
    # code, severity, what breaks it, what just does not
    ("title_missing", "error", replace(ANY, title="  "), ANY),
    ("title_too_long", "error", replace(EBAY, title="Wine " * 16 + "w"), replace(EBAY, title=("Wine " * 16)[:80])),
    ("title_too_long", "error", replace(SHOP, title="w" * 256), replace(SHOP, title="w" * 255)),
    ("title_too_long", "error", replace(GOOD, title="w" * 201), replace(GOOD, title="w" * 200)),
    ("title_may_be_too_long", "warning", replace(EBAY, title="w" * 79 + "🍷"), replace(EBAY, title="w" * 78 + "🍷")),
    ("title_short", "advice", replace(ANY, title="Red wine"), replace(ANY, title="Red wine, 0.75 l")),
    ("title_characters", "warning", replace(GOOD, title="Leroc Syrah 2019 red wine!"), replace(EBAY, title="Leroc Syrah 2019!")),
    ("title_shouts", "warning", replace(ANY, title="LEROC SYRAH FROM FRANCE"), replace(ANY, title="LEROC Syrah from France")),
    ("title_repeats", "warning", replace(GOOD, title="Wine red wine dry wine bottle"), replace(GOOD, title="Wine red wine of the of the of")),
    ("title_emoji", "advice", replace(ANY, title="Leroc Syrah 2019 🍷"), replace(ANY, title="Leroc Syrah 2019 ไวน์")),
    ("title_html", "warning", replace(ANY, title="<b>Leroc</b> Syrah 2019"), replace(ANY, title="Leroc Syrah < 2019 dry")),
    ("promotion", "warning", replace(GOOD, title="Leroc Syrah free  Shipping"), replace(GOOD, title="Leroc carefree shippings")),
    ("promotion", "warning", replace(GOOD, bullets=("Buy now!",)), replace(EBAY, bullets=("Buy now!",))),
    ("description_missing", "error", replace(EBAY, description="<p> </p>"), EBAY),
    ("description_missing", "advice", replace(SHOP, description=""), SHOP),
    ("description_short", "advice", replace(ANY, description="<p>Red wine.</p>"), ANY),
    ("description_too_long", "error", replace(EBAY, description="x" * 500_001), replace(EBAY, description="x" * 500_000)),
    ("html_lost", "advice", replace(GOOD, description=f"<table><tr><td>{LONG}</td></tr></table>"), replace(GOOD, description=LONG)),
    ("description_copied", "advice", replace(ANY, same_description=("a", "b", "c", "d")), ANY),
    ("bullets_many", "advice", replace(ANY, bullets=tuple("abcdef")), replace(ANY, bullets=tuple("abcde"))),
    ("bullet_long", "advice", replace(ANY, bullets=("x" * 501,)), replace(ANY, bullets=("x" * 500,))),
    ("bullet_html", "warning", replace(ANY, bullets=("<b>dry</b>",)), replace(ANY, bullets=("dry < sweet",))),
    ("bullet_twice", "advice", replace(ANY, bullets=("Dry ", "dry")), replace(ANY, bullets=("dry", "very dry"))),
    ("keywords_too_long", "warning", replace(GOOD, keywords=("ไ" * 83, "x")), replace(GOOD, keywords=("ไ" * 83,))),
    ("keywords_in_title", "advice", replace(ANY, keywords=("SYRAH",)), replace(ANY, keywords=("shiraz",))),
    ("control_characters", "warning", replace(ANY, title="Leroc Syrah\x07 2019"), replace(ANY, title="می\u200cخواهم Leroc 2019")),
    ("not_translated", "advice", replace(ANY, locale="de", fallen_back={"title": ""}), replace(ANY, locale="de")),
    ("brand_missing", "warning", replace(GOOD, brand=" "), GOOD),
    ("brand_missing", "advice", replace(ANY, brand=""), replace(EBAY, brand="")),
    ("brand_too_long", "error", replace(EBAY, brand="b" * 66), replace(EBAY, brand="b" * 65)),
    ("category_missing", "advice", replace(EBAY, category=""), replace(EBAY, category=None)),
    ("aspect_too_long", "warning", replace(EBAY, attributes={"grape": "g" * 51}), replace(EBAY, attributes={"grape": "g" * 50})),
    ("aspect_too_long", "warning", replace(EBAY, attributes={"g" * 41: "x"}), replace(SHOP, attributes={"g" * 41: "x"})),
    ("variants_missing", "error", replace(ANY, variants=()), ANY),
    ("price_missing", "error", replace(ANY, variants=(LintVariant(sku="W", price_minor=0, gtin="1"),)), ANY),
    ("gtin_missing", "warning", replace(GOOD, variants=(LintVariant(sku="W", price_minor=1),)), GOOD),
    ("gtin_missing", "advice", replace(EBAY, variants=(LintVariant(sku="W", price_minor=1),)), replace(SHOP, variants=(LintVariant(sku="W", price_minor=1),))),
    ("gtin_twice", "warning", replace(ANY, variants=(*GOOD.variants, LintVariant(sku="W-2", price_minor=1, gtin="4006381333931"))), ANY),
    ("picture_missing", "error", replace(EBAY, images=(), pictures=()), EBAY),
    ("picture_missing", "warning", replace(GOOD, images=(), pictures=()), replace(GOOD, images=(), pictures=(), variants=(LintVariant(sku="W", price_minor=1, gtin="1", image="https://e.com/v.jpg"),))),
    ("pictures_many", "warning", replace(EBAY, images=tuple(f"https://e.com/{n}.jpg" for n in range(25))), replace(EBAY, images=tuple(f"https://e.com/{n}.jpg" for n in range(24)))),
    ("picture_not_https", "error", replace(EBAY, images=("http://e.com/1.jpg",)), replace(EBAY, images=("media:" + "0" * 64,))),
    ("picture_small", "warning", replace(EBAY, pictures=(picture(499, 400),)), replace(EBAY, pictures=(picture(500, 400),))),
    ("picture_could_be_larger", "advice", replace(EBAY, pictures=(picture(1599, 1500),)), replace(EBAY, pictures=(picture(1600, 1000),))),
    ("picture_shape", "advice", replace(ANY, pictures=(picture(3001, 1000),)), replace(ANY, pictures=(picture(3000, 1000),))),
    ("picture_background", "warning", replace(GOOD, pictures=(picture(white_border=97),)), replace(GOOD, pictures=(picture(white_border=98), picture(white_border=0)))),
    ("picture_unreachable", "warning", replace(ANY, pictures=(LintPicture(address="https://e.com/x.jpg", problem="404"),)), replace(ANY, pictures=(LintPicture(address="https://e.com/x.jpg"),))),
    ("picture_shared", "advice", replace(ANY, pictures=(picture(shared_with=1),)), replace(ANY, pictures=(picture(shared_with=0),))),
    ("picture_twice", "advice", replace(ANY, pictures=(picture(digest="a"), picture(digest="a"))), replace(ANY, pictures=(picture(digest="a"), picture(digest="b")))),
]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "severity", "bad", "good"), BROKEN, ids=[f"{row[0]}-{row[2].channel}-{row[1]}" for row in BROKEN]
)
def test_each_rule_finds_what_breaks_it_and_leaves_the_rest_alone(
    code: str, severity: str, bad: Prepared, good: Prepared
) -> None:
    found = only(bad, code)
    assert found.severity == severity
    assert (found.channel, found.locale) == (bad.channel, bad.locale)
    assert found.message
    assert found.fix
    assert code not in codes(good)


def test_every_rule_there_is_has_a_bad_and_a_good_case() -> None:
    """A rule that is added without a case here fails."""
    import ast
    import inspect

    from hub.pim.quality import lint as rules
    from hub.pim.quality import lint_media

    written = {"title_too_long", "description_too_long", "keywords_too_long", "brand_too_long", "title_may_be_too_long"}
    for module in (rules, lint_media):
        for node in ast.walk(ast.parse(inspect.getsource(module))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "said":
                at = 1 if module is rules else 0
                code = node.args[at]
                if isinstance(code, ast.Constant):
                    written.add(str(code.value))
    written |= {"picture_small", "picture_could_be_larger"}
    assert {row[0] for row in BROKEN} == written


def test_a_message_names_the_value_and_the_limit() -> None:
    found = only(replace(EBAY, title="w" * 95), "title_too_long")
    assert found.message == "The title has 95 characters, eBay takes 80."
    assert found.fix == "Take out 15."
    assert found.source == "eBay Inventory API (sell_inventory_v1), Product.title"
    bytes_ = only(replace(GOOD, keywords=("ไวน์" * 21,)), "keywords_too_long")
    assert bytes_.message == "The keywords has 252 bytes, Amazon takes 249."


def test_the_worst_comes_first() -> None:
    found = lint(replace(EBAY, title="", brand="b" * 66, variants=(), pictures=(picture(499, 10),)))
    assert [f.severity for f in found] == sorted(
        (f.severity for f in found), key=["error", "warning", "advice"].index
    )  # fmt: skip
    assert {f.code for f in found if f.severity == "error"} == {"title_missing", "brand_too_long", "variants_missing"}


@pytest.mark.parametrize(
    "title",
    [
        "ไวน์แดงแห้งจากฝรั่งเศส ปี 2019", "Ξηρό κόκκινο κρασί από τη Γαλλία", "Կարմիր չոր գինի Ֆրանսիայից",
        "شراب قرمز خشک از فرانسه می\u200cخواهم", "法国干红葡萄酒 西拉 2019 年份 750 毫升 一瓶",
    ],
)  # fmt: skip
@pytest.mark.parametrize("channel", sorted(CHANNELS))
def test_good_titles_in_any_script_are_good(channel: str, title: str) -> None:
    assert [f for f in lint(replace(GOOD, channel=channel, title=title)) if f.field == "title"] == []


def test_every_limit_says_where_it_is_from() -> None:
    for rules in CHANNELS.values():
        for limit in (
            rules.title, rules.repeats, rules.description, rules.keywords, rules.brand, rules.pictures, rules.pixels,
            rules.pixels_advised, rules.white_border, rules.aspect_name, rules.aspect_value,
        ):  # fmt: skip
            assert limit is None or len(limit.source) > 10


def test_limits_that_stop_a_listing_are_those_of_the_adapters() -> None:
    from hub.channels.amazon import listings as amazon
    from hub.channels.ebay import listing_bodies as ebay
    from hub.channels.shopify import listings as shopify

    titles = {name: rules.title.value for name, rules in CHANNELS.items() if rules.title is not None}
    assert titles == {"amazon": amazon.TITLE_MAX, "ebay": ebay.TITLE_MAX, "shopify": shopify._TITLE_MAX}
    there = CHANNELS["ebay"]
    assert there.description is not None
    assert there.pictures is not None
    assert there.aspect_name is not None
    assert there.aspect_value is not None
    assert there.description.value == ebay.DESCRIPTION_MAX
    assert there.pictures.value == ebay.IMAGES_MAX
    assert (there.aspect_name.value, there.aspect_value.value) == (ebay.ASPECT_NAME_MAX, ebay.ASPECT_VALUE_MAX)
