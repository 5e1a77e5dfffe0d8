"""Products in the simulated shop: productSet replaces lists, publication makes them buyable, updates and searches."""

from __future__ import annotations

from typing import Any

import pytest

from hub.simulators.base import ControlError
from tests.support.sim_shopify import LOCATION, UPSERT, Shop

ONLINE = "gid://shopify/Publication/1"
PUBLISH = """mutation P($id: ID!, $p: ID!) { publishablePublish(id: $id, input: [{publicationId: $p}]) { publishable {
 publishedOnPublication(publicationId: $p) } userErrors { field message } } }"""
PRICES = """mutation B($p: ID!, $v: [ProductVariantsBulkInput!]!, $part: Boolean) { productVariantsBulkUpdate(productId:
 $p, variants: $v, allowPartialUpdates: $part) { productVariants { sku price } userErrors { code field message } } }"""
PRODUCT = """query P($i: ProductIdentifierInput!) { productByIdentifier(identifier: $i) { id title handle status tags
 descriptionHtml description vendor totalInventory options { name values } variants(first: 10) { nodes { id sku price
 title position selectedOptions { name value } inventoryQuantity availableForSale } } } }"""


def sizes(*rows: tuple[str, str], **more: Any) -> dict[str, Any]:
    """An input with an option Size and one variant per (size, sku)."""
    return {
        "title": "Café-Tasse «Größe»",
        "productOptions": [{"name": "Size", "values": [{"name": size} for size, _ in rows]}],
        "variants": [
            {
                "optionValues": [{"optionName": "Size", "name": size}],
                "sku": sku,
                "price": "12.50",
                "inventoryItem": {"tracked": True},
                "inventoryQuantities": [{"locationId": LOCATION, "name": "available", "quantity": 3}],
            }
            for size, sku in rows
        ],
    } | more


@pytest.fixture
def shop() -> Shop:
    return Shop()


def upsert(shop: Shop, source: dict[str, Any], identifier: dict[str, Any] | None = None) -> dict[str, Any]:
    found: dict[str, Any] = shop.data(UPSERT, {"i": source, "id": identifier})["productSet"]
    return found


def codes(answer: dict[str, Any]) -> list[tuple[str, list[str]]]:
    assert answer["product"] is None
    return [(error["code"], error["field"]) for error in answer["userErrors"]]


def by_handle(shop: Shop, handle: str) -> dict[str, Any]:
    found: dict[str, Any] = shop.data(PRODUCT, {"i": {"handle": handle}})["productByIdentifier"]
    return found


def test_a_new_product_is_active_but_nobody_can_buy_it_before_it_is_published(shop: Shop) -> None:
    made = upsert(shop, sizes(("S", "C-S"), ("M", "C-M")))
    assert made["userErrors"] == []
    assert (made["product"]["handle"], made["product"]["status"]) == ("cafe-tasse-große".replace("ß", "ss"), "ACTIVE")
    with pytest.raises(ControlError, match="not live"):
        shop.order(("C-S", 1))
    assert [row["state"] for row in shop.sim.ledger()["listings"]] == ["inactive", "inactive"]
    done = shop.data(PUBLISH, {"id": made["product"]["id"], "p": ONLINE})["publishablePublish"]
    assert done == {"publishable": {"publishedOnPublication": True}, "userErrors": []}
    shop.order(("C-S", 1))
    assert [
        (row["sku"], row["state"], row["quantity"], row["price_minor"]) for row in shop.sim.ledger()["listings"]
    ] == [
        ("C-S", "live", 2, 1250),
        ("C-M", "live", 3, 1250),
    ]


@pytest.mark.parametrize(("status", "state"), [("DRAFT", "inactive"), ("ARCHIVED", "ended"), ("UNLISTED", "inactive")])
def test_only_an_active_product_is_sold(shop: Shop, status: str, state: str) -> None:
    shop.sell("A-1", 5)
    update = "mutation U($p: ProductUpdateInput!) { productUpdate(product: $p) { product { status } userErrors { message } } }"
    done = shop.data(update, {"p": {"id": "gid://shopify/Product/1", "status": status}})["productUpdate"]
    assert done == {"product": {"status": status}, "userErrors": []}
    assert shop.sim.ledger()["listings"][0]["state"] == state
    with pytest.raises(ControlError):
        shop.order(("A-1", 1))


def test_unpublishing_takes_it_off_sale(shop: Shop) -> None:
    shop.sell("A-1", 5)
    text = PUBLISH.replace("publishablePublish", "publishableUnpublish")
    shop.data(text, {"id": "gid://shopify/Product/1", "p": ONLINE})
    assert shop.sim.ledger()["listings"][0]["state"] == "inactive"


def test_a_second_set_replaces_the_list_of_variants_and_keeps_those_with_the_same_options(shop: Shop) -> None:
    first = upsert(shop, sizes(("S", "C-S"), ("M", "C-M")))["product"]
    ids = {row["sku"]: row["id"] for row in first["variants"]["nodes"]}
    again = upsert(shop, sizes(("M", "C-M"), ("L", "C-L")), {"id": first["id"]})
    after = {row["sku"]: row["id"] for row in again["product"]["variants"]["nodes"]}
    assert list(after) == ["C-M", "C-L"]
    assert after["C-M"] == ids["C-M"]
    assert shop.data("query V($id: ID!) { productVariant(id: $id) { id } }", {"id": ids["C-S"]}) == {
        "productVariant": None
    }
    assert by_handle(shop, "cafe-tasse-grosse")["options"] == [{"name": "Size", "values": ["M", "L"]}]


def test_absent_fields_stay_and_present_lists_are_replaced(shop: Shop) -> None:
    source = sizes(
        ("S", "C-S"),
        tags=["b", "a"],
        vendor="Acme",
        descriptionHtml="<p>Schön &amp; gut</p>",
        metafields=[{"namespace": "hub", "key": "key", "type": "single_line_text_field", "value": "L-1"}],
    )
    made = upsert(shop, source)["product"]
    upsert(shop, {"tags": ["c"]}, {"id": made["id"]})
    seen = by_handle(shop, made["handle"])
    assert (seen["tags"], seen["vendor"], seen["title"]) == (["c"], "Acme", "Café-Tasse «Größe»")
    assert (seen["descriptionHtml"], seen["description"]) == ("<p>Schön &amp; gut</p>", "Schön & gut")
    assert [row["sku"] for row in seen["variants"]["nodes"]] == ["C-S"]
    upsert(shop, {"metafields": []}, {"id": made["id"]})
    query = "query M($id: ID!) { product(id: $id) { metafields(first: 5) { nodes { key } } } }"
    assert shop.data(query, {"id": made["id"]})["product"]["metafields"]["nodes"] == []


def test_the_identifier_decides_between_create_and_replace(shop: Shop) -> None:
    cup = sizes(("S", "C-S"), handle="cup")
    first = upsert(shop, cup, {"handle": "cup"})["product"]
    assert upsert(shop, cup, {"handle": "cup"})["product"]["id"] == first["id"]
    assert codes(upsert(shop, {"title": "x", "handle": "mug"}, {"handle": "cup"})) == [
        ("INPUT_MISMATCH", ["identifier", "handle"])
    ]
    assert codes(upsert(shop, {"title": "x"}, {"handle": "mug"})) == [("MISSING_FIELD_REQUIRED", ["input", "handle"])]
    assert codes(upsert(shop, {"title": "x"}, {"id": "gid://shopify/Product/99"})) == [
        ("NOT_FOUND", ["identifier", "id"])
    ]
    assert codes(upsert(shop, {"id": first["id"]}, {"handle": "cup"})) == [("ID_NOT_ALLOWED", ["input", "id"])]
    assert codes(upsert(shop, {"title": "x", "handle": "cup"})) == [("HANDLE_NOT_UNIQUE", ["input", "handle"])]
    assert codes(upsert(shop, {"id": "gid://shopify/Product/99"})) == [("PRODUCT_DOES_NOT_EXIST", ["input", "id"])]


def test_a_metafield_can_be_the_identifier(shop: Shop) -> None:
    known = {"namespace": "hub", "key": "listing", "value": "L-1"}
    source = sizes(("S", "C-S"), metafields=[{**known, "type": "id"}])
    first = upsert(shop, source, {"customId": known})["product"]
    assert upsert(shop, source, {"customId": known})["product"]["id"] == first["id"]
    other = {**known, "value": "L-2"}
    assert codes(upsert(shop, source, {"customId": other})) == [("METAFIELD_MISMATCH", ["input", "metafields"])]
    assert codes(upsert(shop, {"title": "x"}, {"customId": other})) == [
        ("MISSING_FIELD_REQUIRED", ["input", "metafields"])
    ]
    found = shop.data("query P($i: ProductIdentifierInput!) { productByIdentifier(identifier: $i) { id } }",
                      {"i": {"customId": known}})  # fmt: skip
    assert found["productByIdentifier"]["id"] == first["id"]


@pytest.mark.parametrize(
    ("change", "code", "field"),
    [
        ({"title": " "}, "INVALID_PRODUCT", ["input", "title"]),
        ({"title": "x" * 256}, "INVALID_PRODUCT", ["input", "title"]),
        ({"productOptions": None}, "PRODUCT_OPTIONS_INPUT_MISSING", ["input", "productOptions"]),
        ({"variants": None}, "VARIANTS_INPUT_MISSING", ["input", "variants"]),
        (
            {"productOptions": [{"name": "Size", "values": [{"name": "S"}]}] * 2},
            "DUPLICATED_OPTION_NAME",
            ["input", "productOptions", "1", "name"],
        ),
        ({"productOptions": [{"name": "Size"}]}, "OPTION_VALUES_MISSING", ["input", "productOptions", "0", "values"]),
        (
            {"variants": [{"optionValues": [{"optionName": "Size", "name": "XXL"}]}]},
            "OPTION_VALUE_DOES_NOT_EXIST",
            ["input", "variants", "0", "optionValues", "0"],
        ),
        (
            {"variants": [{"optionValues": [{"optionName": "Colour", "name": "S"}]}]},
            "OPTION_DOES_NOT_EXIST",
            ["input", "variants", "0", "optionValues", "0"],
        ),
        ({"variants": [{"optionValues": []}]}, "INVALID_VARIANT", ["input", "variants", "0"]),
        (
            {"variants": [{"optionValues": [{"optionName": "Size", "name": "S"}]}] * 2},
            "INVALID_VARIANT",
            ["input", "variants", "1"],
        ),
        (
            {"variants": [{"optionValues": [{"optionName": "Size", "name": "S"}], "price": "-1"}]},
            "INVALID_VARIANT",
            ["input", "variants", "0", "price"],
        ),
        (
            {
                "variants": [
                    {"id": "gid://shopify/ProductVariant/9", "optionValues": [{"optionName": "Size", "name": "S"}]}
                ]
            },
            "PRODUCT_VARIANT_DOES_NOT_EXIST",
            ["input", "variants", "0", "id"],
        ),
    ],
)
def test_a_bad_input_names_its_place_and_changes_nothing(
    shop: Shop, change: dict[str, Any], code: str, field: list[str]
) -> None:
    assert codes(upsert(shop, sizes(("S", "C-S")) | change)) == [(code, field)]
    assert shop.sim.ledger()["listings"] == []


def test_quantities_of_an_existing_variant_only_where_it_is_stocked() -> None:
    shop = Shop(extra={"locations": 1})
    made = upsert(shop, sizes(("S", "C-S")))["product"]
    source = sizes(("S", "C-S"))
    source["variants"][0]["inventoryQuantities"][0]["locationId"] = "gid://shopify/Location/2"
    assert [code for code, _ in codes(upsert(shop, source, {"id": made["id"]}))] == ["INVALID_VARIANT"]


def test_a_variants_file_must_be_one_of_the_products_files(shop: Shop) -> None:
    source = sizes(("S", "C-S"), files=[{"originalSource": "https://example.com/a.jpg", "contentType": "IMAGE"}])
    source["variants"][0]["file"] = {"originalSource": "https://example.com/b.jpg"}
    assert codes(upsert(shop, source)) == [("INVALID_INPUT", ["input", "variants", "0", "file"])]
    source["variants"][0]["file"] = {"originalSource": "https://example.com/a.jpg"}
    made = upsert(shop, source)["product"]
    query = (
        "query M($id: ID!) { product(id: $id) { media(first: 3) { nodes { ... on MediaImage { image { url } } } } } }"
    )
    media = shop.data(query, {"id": made["id"]})["product"]["media"]["nodes"]
    assert media == [{"image": {"url": "https://example.com/a.jpg"}}]


def test_positions_decide_the_order_of_variants(shop: Shop) -> None:
    source = sizes(("S", "C-S"), ("M", "C-M"))
    source["variants"][0]["position"], source["variants"][1]["position"] = 2, 1
    made = upsert(shop, source)["product"]
    assert [row["sku"] for row in made["variants"]["nodes"]] == ["C-M", "C-S"]


def test_an_asynchronous_set_is_read_through_its_operation(shop: Shop) -> None:
    text = UPSERT.replace("synchronous: true", "synchronous: false")
    answer = shop.data(text, {"i": sizes(("S", "C-S"))})["productSet"]
    assert (answer["product"], answer["productSetOperation"]["status"]) == (None, "CREATED")
    query = """query O($id: ID!) { productOperation(id: $id) { status product { title } ... on ProductSetOperation { id
      userErrors { message } } } }"""
    done = shop.data(query, {"id": answer["productSetOperation"]["id"]})["productOperation"]
    assert (done["status"], done["product"]["title"], done["userErrors"]) == ("COMPLETE", "Café-Tasse «Größe»", [])


def test_prices_change_all_or_nothing_unless_partial_updates_are_allowed(shop: Shop) -> None:
    made = upsert(shop, sizes(("S", "C-S"), ("M", "C-M")))["product"]
    good = {"id": made["variants"]["nodes"][0]["id"], "price": "9.99"}
    bad = {"id": "gid://shopify/ProductVariant/99", "price": "9.99"}
    answer = shop.data(PRICES, {"p": made["id"], "v": [good, bad]})["productVariantsBulkUpdate"]
    assert answer["productVariants"] is None
    assert [(error["code"], error["field"]) for error in answer["userErrors"]] == [
        ("PRODUCT_VARIANT_DOES_NOT_EXIST", ["variants", "1", "id"])
    ]
    assert by_handle(shop, made["handle"])["variants"]["nodes"][0]["price"] == "12.50"
    answer = shop.data(PRICES, {"p": made["id"], "v": [good, bad], "part": True})["productVariantsBulkUpdate"]
    assert answer["productVariants"] == [{"sku": "C-S", "price": "9.99"}]
    assert len(answer["userErrors"]) == 1
    minus = {"id": good["id"], "price": "-1"}
    answer = shop.data(PRICES, {"p": made["id"], "v": [minus]})["productVariantsBulkUpdate"]
    assert answer["userErrors"][0]["code"] == "GREATER_THAN_OR_EQUAL_TO"


def test_variants_are_found_by_sku_and_read_with_their_options(shop: Shop) -> None:
    upsert(shop, sizes(("S", "C S/1%"), ("M", "C-M")))
    query = """query V($q: String!) { productVariants(first: 5, query: $q) { nodes { sku displayName position
      selectedOptions { name value } } } }"""
    found = shop.data(query, {"q": "sku:'C S/1%'"})["productVariants"]["nodes"]
    assert found == [
        {
            "sku": "C S/1%",
            "displayName": "Café-Tasse «Größe» - S",
            "position": 1,
            "selectedOptions": [{"name": "Size", "value": "S"}],
        }
    ]
    assert [row["sku"] for row in shop.data(query, {"q": 'sku:"c-m" OR sku:nothing'})["productVariants"]["nodes"]] == [
        "C-M"
    ]
    assert len(shop.data(query, {"q": "sku:C*"})["productVariants"]["nodes"]) == 2
    products = '{ products(first: 5, query: "status:active,draft sku:C-M") { nodes { handle } } }'
    assert shop.data(products)["products"]["nodes"] == [{"handle": "cafe-tasse-grosse"}]


def test_nodes_are_found_by_their_global_id_and_nothing_else(shop: Shop) -> None:
    shop.sell("A-1", 5)
    level = "gid://shopify/InventoryLevel/1?inventory_item_id=1"
    ids = ["gid://shopify/ProductVariant/1", level, "gid://shopify/Product/77", "gid://shopify/Nothing/1"]
    query = "query N($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
    assert shop.data(query, {"ids": ids})["nodes"] == [
        {"__typename": "ProductVariant", "id": ids[0]},
        {"__typename": "InventoryLevel", "id": level},
        None,
        None,
    ]
    assert "Invalid global id" in shop.ask('{ node(id: "17") { id } }')["errors"][0]["message"]


def test_a_deleted_product_is_gone_with_its_stock(shop: Shop) -> None:
    shop.sell("A-1", 5)
    delete = (
        'mutation { productDelete(input: {id: "gid://shopify/Product/1"}) { deletedProductId userErrors { message } } }'
    )
    assert shop.data(delete)["productDelete"]["deletedProductId"] == "gid://shopify/Product/1"
    assert shop.sim.ledger()["listings"] == []
    assert shop.data(delete)["productDelete"]["userErrors"] == [{"message": "Product does not exist"}]
    assert shop.data('{ inventoryItem(id: "gid://shopify/InventoryItem/1") { id } }') == {"inventoryItem": None}
    shop.sell("A-1", 2)
    assert shop.stock("A-1")["available"] == 2


DELETE = """mutation D($p: ID!, $v: [ID!]!) { productVariantsBulkDelete(productId: $p, variantsIds: $v) { product { id
 variants(first: 10) { nodes { sku } } } userErrors { code field message } } }"""


def test_variants_are_deleted_together_or_not_at_all_and_the_last_one_stays(shop: Shop) -> None:
    rows = upsert(shop, sizes(("S", "A-S"), ("M", "A-M"), ("L", "A-L")))["product"]["variants"]["nodes"]
    small, medium, large = (row["id"] for row in rows)
    shop.sell("B-1", 1)
    foreign = "gid://shopify/ProductVariant/4"

    def delete(*ids: str, product: str = "gid://shopify/Product/1") -> tuple[Any, list[tuple[str, list[str]]]]:
        found = shop.data(DELETE, {"p": product, "v": list(ids)})["productVariantsBulkDelete"]
        left = found["product"] and [row["sku"] for row in found["product"]["variants"]["nodes"]]
        return left, [(error["code"], error["field"]) for error in found["userErrors"]]

    every = ["A-S", "A-M", "A-L"]
    strange = "AT_LEAST_ONE_VARIANT_DOES_NOT_BELONG_TO_THE_PRODUCT"
    assert delete(small, foreign) == (every, [(strange, ["variantsIds", "1"])])
    assert delete(small, medium, large) == (every, [("CANNOT_DELETE_LAST_VARIANT", ["variantsIds"])])
    assert delete(small, product="gid://shopify/Product/9") == (None, [("PRODUCT_DOES_NOT_EXIST", ["productId"])])
    assert delete(small, medium) == (["A-L"], [])
    assert delete(small) == (["A-L"], [(strange, ["variantsIds", "0"])])
    assert delete(large) == (["A-L"], [("CANNOT_DELETE_LAST_VARIANT", ["variantsIds"])])
    assert sorted(row["sku"] for row in shop.sim.ledger()["listings"]) == ["A-L", "B-1"]


def test_the_first_active_location_is_the_one_that_ships(shop: Shop) -> None:
    rooms = shop.data("{ locations(first: 5) { nodes { id isActive } } }")["locations"]["nodes"]
    assert rooms == [{"id": shop.sim.location_id, "isActive": True}]
    everything = shop.data("{ locations(first: 5, includeInactive: true) { nodes { name isActive } } }")["locations"]
    assert everything["nodes"] == [
        {"name": "Altes Lager", "isActive": False},
        {"name": "Lager Hamburg", "isActive": True},
    ]


def test_a_variant_shows_the_picture_that_was_given_for_it_and_the_others_none(shop: Shop) -> None:
    pictures = ["https://example.com/a.jpg", "https://example.com/b.jpg"]
    source = sizes(("S", "CUP-S"), ("M", "CUP-M"), files=[{"originalSource": url} for url in pictures])
    source["variants"][1]["file"] = {"originalSource": pictures[1]}
    upsert(shop, source)
    query = "{ productVariants(first: 5) { nodes { sku media(first: 2) { nodes { ... on MediaImage { image { url } } } } } } }"
    told = {row["sku"]: row["media"]["nodes"] for row in shop.data(query)["productVariants"]["nodes"]}
    assert told == {"CUP-S": [], "CUP-M": [{"image": {"url": pictures[1]}}]}
