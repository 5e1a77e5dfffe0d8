"""eBay simulator: the Trading API."""

from __future__ import annotations

from datetime import timedelta

import pytest
from lxml import etree

from hub.kernel.clock import iso_millis
from hub.simulators.base import Scenario
from tests.support.ebay_shop import START, XMLNS, EbayShop

LATER = timedelta(seconds=6)
MESSAGE = "<MessageID>outbox-17</MessageID>"


@pytest.fixture
def shop() -> EbayShop:
    return EbayShop()


class Answer:
    """A Trading answer; paths are local names with slashes."""

    def __init__(self, text: str) -> None:
        self.root = etree.fromstring(text.encode())

    def texts(self, path: str) -> list[str]:
        where = "/".join(f"{{{XMLNS}}}{name}" for name in path.split("/"))
        return [each.text or "" for each in self.root.findall(where)]

    def text(self, path: str) -> str:
        found = self.texts(path)
        assert len(found) == 1, (path, found)
        return found[0]

    @property
    def codes(self) -> list[str]:
        return self.texts("Errors/ErrorCode")


def call(shop: EbayShop, name: str, inner: str = "", **more: str) -> Answer:
    return Answer(shop.trading(name, inner, **more))


def status(*rows: str) -> str:
    return "".join(f"<InventoryStatus>{row}</InventoryStatus>" for row in rows)


def by_mod(since: timedelta = timedelta(0), until: timedelta = timedelta(days=1)) -> str:
    return f"<ModTimeFrom>{iso_millis(START + since)}</ModTimeFrom><ModTimeTo>{iso_millis(START + until)}</ModTimeTo>"


def test_tokens_are_checked_inside_a_200(shop: EbayShop) -> None:
    assert call(shop, "GetOrders", token="").codes == ["930"]
    assert call(shop, "GetOrders", token="x").codes == ["21916984"]
    shop.clock.advance(timedelta(hours=2))
    late = call(shop, "GetOrders")
    assert (late.text("Ack"), late.codes) == ("Failure", ["932"])
    other = EbayShop(Scenario(extra={"expired_token_code": "21917053"}))
    other.sim.gate.expire_tokens()
    assert call(other, "GetOrders").codes == ["21917053"]


@pytest.mark.parametrize(
    "body",
    [
        b"<GetItemRequest",
        b"<GetItemRequest/>",
        f'<GetOrdersRequest xmlns="{XMLNS}"/>'.encode(),
        b'<!DOCTYPE x [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><GetItemRequest xmlns="urn:ebay:apis:eBLBaseComponents">'
        b"<ItemID>&b;</ItemID></GetItemRequest>",
        b'<!DOCTYPE x SYSTEM "file:///etc/passwd"><GetItemRequest xmlns="urn:ebay:apis:eBLBaseComponents"/>',
        b"\xff\xfe\x00",
    ],
)
def test_what_is_not_the_calls_document_is_refused_unread(shop: EbayShop, body: bytes) -> None:
    headers = {"X-EBAY-API-CALL-NAME": "GetItem", "X-EBAY-API-IAF-TOKEN": shop.token}
    answer = shop.client.post("/ws/api.dll", data=body, headers=headers)
    assert (answer.status_code, Answer(answer.text).codes) == (200, ["5"])


def test_an_unknown_call_is_refused(shop: EbayShop) -> None:
    assert call(shop, "GetCategories").codes == ["2"]
    headers = {"X-EBAY-API-CALL-NAME": "<evil/>", "X-EBAY-API-IAF-TOKEN": shop.token}
    assert Answer(shop.client.post("/ws/api.dll", data=b"<x/>", headers=headers).text).codes == ["2"]


def test_the_total_of_get_item_holds_what_was_sold(shop: EbayShop) -> None:
    item_id = shop.by_hand("A", 10, 1299, title="Tüte <&> \x0b")
    shop.order(("A", 3))
    item = call(shop, "GetItem", f"{MESSAGE}<ItemID>{item_id}</ItemID>")
    assert (item.text("Ack"), item.text("CorrelationID")) == ("Success", "outbox-17")
    assert (item.text("Item/Quantity"), item.text("Item/SellingStatus/QuantitySold")) == ("10", "3")
    assert (item.text("Item/SKU"), item.text("Item/StartPrice"), item.text("Item/Title")) == ("A", "12.99", "Tüte <&> ")
    assert item.text("Item/SellingStatus/ListingStatus") == "Active"
    shop.sim.set_stock("A", 1)
    assert call(shop, "GetItem", f"<ItemID>{item_id}</ItemID>").text("Item/Quantity") == "4"
    assert call(shop, "GetItem", "<ItemID>1</ItemID>").codes == ["17"]
    assert call(shop, "GetItem", "<SKU>A</SKU>").codes == ["17"]
    shop.by_hand("B", 1, tracking="SKU")
    assert call(shop, "GetItem", "<SKU>B</SKU>").text("Item/InventoryTrackingMethod") == "SKU"


def test_an_inventory_api_listing_is_shown_but_not_revised(shop: EbayShop) -> None:
    _, listing_id = shop.publish("A", 5)
    shop.order(("A", 2))
    assert call(shop, "GetItem", f"<ItemID>{listing_id}</ItemID>").text("Item/Quantity") == "5"
    row = f"<ItemID>{listing_id}</ItemID><Quantity>9</Quantity>"
    assert call(shop, "ReviseInventoryStatus", status(row)).codes == ["21919474"]
    assert call(shop, "ReviseFixedPriceItem", f"<Item>{row}</Item>").codes == ["21919474"]
    assert shop.row("A")["quantity"] == 3
    ended = call(shop, "EndFixedPriceItem", f"<ItemID>{listing_id}</ItemID><EndingReason>NotAvailable</EndingReason>")
    assert ended.text("Ack") == "Success"
    assert shop.inventory("GET", "offer", sku="A").json["offers"][0]["status"] == "UNPUBLISHED"


def test_revise_inventory_status_sets_stock_and_price(shop: EbayShop) -> None:
    item_id = shop.by_hand("A", 5)
    row = f'<ItemID>{item_id}</ItemID><Quantity>4</Quantity><StartPrice currencyID="EUR">9.95</StartPrice>'
    answer = call(shop, "ReviseInventoryStatus", MESSAGE + status(row))
    assert (answer.text("Ack"), answer.text("InventoryStatus/SKU"), answer.text("InventoryStatus/Quantity")) == (
        "Success",
        "A",
        "4",
    )
    assert (shop.row("A")["quantity"], shop.row("A")["price_minor"]) == (4, 995)
    call(shop, "ReviseInventoryStatus", status(f"<ItemID>{item_id}</ItemID><Quantity>0</Quantity>"))
    item = call(shop, "GetItem", f"<ItemID>{item_id}</ItemID>")
    assert (item.text("Item/SellingStatus/ListingStatus"), item.text("Item/Quantity")) == ("Active", "0")
    assert item.text("Item/ReasonHideFromSearch") == "OutOfStock"
    assert (shop.row("A")["state"], shop.row("A")["quantity"]) == ("live", 0)


def test_one_bad_row_makes_a_partial_failure(shop: EbayShop) -> None:
    good, gone = shop.by_hand("A", 5), shop.by_hand("B", 5)
    call(shop, "EndFixedPriceItem", f"<ItemID>{gone}</ItemID><EndingReason>NotAvailable</EndingReason>")
    answer = call(
        shop,
        "ReviseInventoryStatus",
        status(
            f"<ItemID>{good}</ItemID><Quantity>1</Quantity>",
            f"<ItemID>{gone}</ItemID><Quantity>1</Quantity>",
            "<ItemID>9</ItemID><Quantity>1</Quantity>",
            f"<ItemID>{good}</ItemID><Quantity>-1</Quantity>",
        ),
    )
    assert (answer.text("Ack"), answer.codes) == ("PartialFailure", ["291", "17", "37"])
    parameters = answer.texts("Errors/ErrorParameters/Value")
    assert (parameters[:2], parameters[2]) == ([gone, "9"], good)
    assert answer.texts("InventoryStatus/ItemID") == [good]
    assert shop.row("A")["quantity"] == 1
    failed = call(shop, "ReviseInventoryStatus", status(f"<ItemID>{gone}</ItemID><Quantity>1</Quantity>"))
    assert failed.text("Ack") == "Failure"


def test_at_most_four_rows(shop: EbayShop) -> None:
    rows = [f"<ItemID>{shop.by_hand(sku)}</ItemID><Quantity>1</Quantity>" for sku in "ABCDE"]
    assert call(shop, "ReviseInventoryStatus", status(*rows)).text("Ack") == "Failure"
    assert shop.row("A")["quantity"] == 5
    assert call(shop, "ReviseInventoryStatus", status(*rows[:4])).text("Ack") == "Success"
    assert call(shop, "ReviseInventoryStatus").text("Ack") == "Failure"


def test_variations_are_named_by_item_and_sku(shop: EbayShop) -> None:
    rows = [
        {"sku": "T-S", "quantity": 2, "price_minor": 900, "options": {"Größe": "S", "Farbe": "rot"}},
        {"sku": "T-M", "quantity": 3, "price_minor": 950, "options": {"Größe": "M", "Farbe": "rot"}},
    ]
    item_id = shop.sim.add_listing({"title": "Hemd", "currency": "EUR", "variations": rows})
    assert call(shop, "ReviseInventoryStatus", status(f"<ItemID>{item_id}</ItemID><Quantity>1</Quantity>")).codes == [
        "21916635"
    ]
    row = f"<ItemID>{item_id}</ItemID><SKU>T-M</SKU><Quantity>7</Quantity>"
    assert call(shop, "ReviseInventoryStatus", status(row)).text("Ack") == "Success"
    shop.order(("T-M", 2), ("T-S", 1))
    item = call(shop, "GetItem", f"<ItemID>{item_id}</ItemID>")
    assert item.texts("Item/Variations/Variation/SKU") == ["T-S", "T-M"]
    assert item.texts("Item/Variations/Variation/Quantity") == ["2", "7"]
    assert item.texts("Item/Variations/Variation/SellingStatus/QuantitySold") == ["1", "2"]
    assert item.texts("Item/Variations/VariationSpecificsSet/NameValueList/Value") == ["S", "M", "rot"]
    assert (shop.row("T-M")["quantity"], shop.row("T-S")["quantity"]) == (5, 1)
    unknown = f"<ItemID>{item_id}</ItemID><SKU>nein</SKU><Quantity>7</Quantity>"
    assert call(shop, "ReviseInventoryStatus", status(unknown)).codes == ["37"]


def test_the_251st_revision_of_a_day_is_refused_whatever_call_it_is(shop: EbayShop) -> None:
    item_id = shop.by_hand("A", 5)
    row = status(*[f"<ItemID>{item_id}</ItemID><Quantity>3</Quantity>"] * 4)
    for _ in range(62):
        assert call(shop, "ReviseInventoryStatus", row).text("Ack") == "Success"
    answer = call(shop, "ReviseInventoryStatus", row)
    assert (answer.text("Ack"), answer.codes) == ("PartialFailure", ["21919165", "21919165"])
    revise = f"<Item><ItemID>{item_id}</ItemID><Quantity>1</Quantity></Item>"
    assert call(shop, "ReviseFixedPriceItem", revise).codes == ["21919165"]
    assert shop.row("A")["quantity"] == 3
    shop.clock.advance(timedelta(hours=20))
    shop.token = shop.mint().json["access_token"]
    assert call(shop, "ReviseFixedPriceItem", revise).text("Ack") == "Success"
    assert shop.row("A")["quantity"] == 1


ITEM = (
    "<Title>Krug</Title><PrimaryCategory><CategoryID>88433</CategoryID></PrimaryCategory><Country>DE</Country>"
    "<Currency>EUR</Currency><ListingDuration>GTC</ListingDuration>"
)
ALONE = ITEM + '<SKU>K</SKU><Quantity>3</Quantity><StartPrice currencyID="EUR">7.50</StartPrice>'


def variation(sku: str, size: str, quantity: int) -> str:
    name = f"<NameValueList><Name>Größe</Name><Value>{size}</Value></NameValueList>"
    return (
        f'<Variation><SKU>{sku}</SKU><StartPrice currencyID="EUR">5.00</StartPrice><Quantity>{quantity}</Quantity>'
        f"<VariationSpecifics>{name}</VariationSpecifics></Variation>"
    )


def test_a_listing_is_added_revised_and_ended(shop: EbayShop) -> None:
    uuid = "<UUID>0123456789ABCDEF0123456789ABCDEF</UUID>"
    added = call(shop, "AddFixedPriceItem", f"<Item>{ALONE}{uuid}</Item>")
    item_id = added.text("ItemID")
    assert (shop.row("K")["external_id"], shop.row("K")["quantity"], shop.row("K")["price_minor"]) == (item_id, 3, 750)
    doubled = call(shop, "AddFixedPriceItem", f"<Item>{ALONE}{uuid}</Item>")
    assert (doubled.codes, doubled.texts("Errors/ErrorParameters/Value")[1]) == (["488"], item_id)
    assert call(shop, "AddFixedPriceItem", f"<Item>{ALONE}</Item>").codes == ["21919067"]
    revised = f"<Item><ItemID>{item_id}</ItemID><Title>Krüglein</Title></Item>"
    assert call(shop, "ReviseFixedPriceItem", revised).text("SKU") == "K"
    assert (shop.row("K")["title"], shop.row("K")["quantity"]) == ("Krüglein", 3)
    end = f"<ItemID>{item_id}</ItemID><EndingReason>NotAvailable</EndingReason>"
    assert call(shop, "EndFixedPriceItem", end).text("EndTime") == "2026-11-22T12:00:00.000Z"
    assert call(shop, "EndFixedPriceItem", end).codes == ["1047"]
    assert call(shop, "ReviseFixedPriceItem", revised).codes == ["291"]
    assert shop.row("K")["state"] == "ended"
    item = call(shop, "GetItem", f"<ItemID>{item_id}</ItemID>")
    assert item.text("Item/SellingStatus/ListingStatus") == "Completed"


def test_variations_are_added_and_changed(shop: EbayShop) -> None:
    rows = variation("V-S", "S", 1) + variation("V-M", "M", 2)
    item_id = call(shop, "AddFixedPriceItem", f"<Item>{ITEM}<Variations>{rows}</Variations></Item>").text("ItemID")
    assert (shop.row("V-S")["quantity"], shop.row("V-M")["external_id"]) == (1, item_id)
    change = variation("V-M", "M", 9) + variation("V-L", "L", 4)
    revised = call(
        shop, "ReviseFixedPriceItem", f"<Item><ItemID>{item_id}</ItemID><Variations>{change}</Variations></Item>"
    )
    assert revised.text("Ack") == "Success"
    assert [shop.row(sku)["quantity"] for sku in ("V-S", "V-M", "V-L")] == [1, 9, 4]
    twins = variation("W-1", "S", 1) + variation("W-2", "S", 1)
    assert call(shop, "AddFixedPriceItem", f"<Item>{ITEM}<Variations>{twins}</Variations></Item>").codes == ["37"]


@pytest.mark.parametrize(
    "item",
    [
        ITEM,
        ALONE.replace("Krug", "x" * 81),
        ALONE.replace("<Quantity>3", "<Quantity>-3"),
        ALONE.replace("7.50", "0"),
        ALONE.replace("7.50", "viel"),
        ALONE.replace("<Country>DE</Country>", ""),
    ],
)
def test_incomplete_items_are_refused(shop: EbayShop, item: str) -> None:
    assert call(shop, "AddFixedPriceItem", f"<Item>{item}</Item>").codes == ["37"]
    assert shop.sim.ledger()["listings"] == []


def test_the_sellers_list_comes_in_pages(shop: EbayShop) -> None:
    ids = [shop.by_hand(f"S{number}") for number in range(5)]
    times = f"<StartTimeFrom>{iso_millis(START - timedelta(days=1))}</StartTimeFrom><StartTimeTo>{iso_millis(START)}</StartTimeTo>"
    page = "<Pagination><EntriesPerPage>2</EntriesPerPage><PageNumber>{}</PageNumber></Pagination>"
    first = call(shop, "GetSellerList", times + page.format(1))
    assert (first.texts("ItemArray/Item/ItemID"), first.text("HasMoreItems")) == (ids[:2], "true")
    last = call(shop, "GetSellerList", times + page.format(3))
    assert (last.texts("ItemArray/Item/ItemID"), last.text("HasMoreItems")) == (ids[4:], "false")
    assert last.text("PaginationResult/TotalNumberOfEntries") == "5"
    ends = (
        f"<EndTimeFrom>{iso_millis(START)}</EndTimeFrom><EndTimeTo>{iso_millis(START + timedelta(days=31))}</EndTimeTo>"
    )
    assert len(call(shop, "GetSellerList", ends).texts("ItemArray/Item")) == 5
    assert call(shop, "GetSellerList").codes == ["37"]
    wide = f"<EndTimeFrom>{iso_millis(START)}</EndTimeFrom><EndTimeTo>{iso_millis(START + timedelta(days=121))}</EndTimeTo>"
    assert call(shop, "GetSellerList", wide).codes == ["37"]


def test_an_unpaid_order_is_incomplete_and_changes_its_id_when_paid(shop: EbayShop) -> None:
    item_id = shop.by_hand("A", 5, 1000)
    unpaid = shop.order(("A", 2), pending=True)
    shop.clock.advance(LATER)
    before = call(shop, "GetOrders", by_mod())
    assert before.text("OrderArray/Order/OrderID") == unpaid
    assert before.text("OrderArray/Order/CheckoutStatus/Status") == "Incomplete"
    assert (before.text("OrderArray/Order/OrderStatus"), before.text("OrderArray/Order/AmountPaid")) == (
        "Active",
        "0.00",
    )
    assert before.texts("OrderArray/Order/PaidTime") == []
    shop.sim.pay_order(unpaid)
    shop.clock.advance(LATER)
    after = call(shop, "GetOrders", by_mod())
    paid = after.text("OrderArray/Order/OrderID")
    assert (paid, paid != unpaid) == (shop.sim.ledger()["orders"][0]["order_id"], True)
    assert after.text("OrderArray/Order/CheckoutStatus/Status") == "Complete"
    line = "OrderArray/Order/TransactionArray/Transaction"
    assert before.text(f"{line}/OrderLineItemID") == after.text(f"{line}/OrderLineItemID")
    assert after.text(f"{line}/OrderLineItemID").startswith(f"{item_id}-")
    assert (after.text(f"{line}/Item/SKU"), after.text(f"{line}/TransactionPrice")) == ("A", "10.00")
    asked = f"<OrderIDArray><OrderID>{unpaid}</OrderID><OrderID>{paid}</OrderID></OrderIDArray>"
    assert call(shop, "GetOrders", asked).texts("OrderArray/Order/OrderID") == [paid]


def test_orders_come_by_time_state_and_page(shop: EbayShop) -> None:
    shop.by_hand("A", 50)
    ids = [shop.order(("A", 1)) for _ in range(3)]
    assert call(shop, "GetOrders", "<NumberOfDays>1</NumberOfDays>").texts("OrderArray/Order") == []
    shop.clock.advance(LATER)
    page = "<Pagination><EntriesPerPage>2</EntriesPerPage><PageNumber>{}</PageNumber></Pagination>"
    first, second = (call(shop, "GetOrders", by_mod() + page.format(number)) for number in (1, 2))
    assert (first.text("HasMoreOrders"), second.text("HasMoreOrders")) == ("true", "false")
    assert first.texts("OrderArray/Order/OrderID") + second.texts("OrderArray/Order/OrderID") == ids
    shop.sim.cancel_order(ids[0])
    shop.sim.request_cancel(ids[1])
    found = call(shop, "GetOrders", "<NumberOfDays>1</NumberOfDays>")
    assert found.texts("OrderArray/Order/OrderStatus") == ["Cancelled", "CancelPending", "Completed"]
    assert found.texts("OrderArray/Order/CancelStatus") == ["CancelComplete", "CancelRequested", "NotApplicable"]
    only = call(shop, "GetOrders", "<NumberOfDays>1</NumberOfDays><OrderStatus>Completed</OrderStatus>")
    assert only.texts("OrderArray/Order/OrderID") == ids[2:]


@pytest.mark.parametrize(
    "inner",
    [
        "",
        "<NumberOfDays>31</NumberOfDays>",
        "<NumberOfDays>x</NumberOfDays>",
        by_mod(timedelta(days=-31), timedelta(0)),
        by_mod(timedelta(0), timedelta(days=-1)),
        by_mod() + "<Pagination><EntriesPerPage>101</EntriesPerPage></Pagination>",
        "<ModTimeFrom>gestern</ModTimeFrom>",
    ],
)
def test_impossible_order_windows_are_refused(shop: EbayShop, inner: str) -> None:
    assert call(shop, "GetOrders", inner).codes == ["37"]


def parcel(*numbers: str) -> str:
    rows = "".join(
        f"<ShipmentTrackingDetails><ShipmentTrackingNumber>{number}</ShipmentTrackingNumber>"
        "<ShippingCarrierUsed>DHL</ShippingCarrierUsed></ShipmentTrackingDetails>"
        for number in numbers
    )
    return f"<Shipment>{rows}</Shipment>"


def trackings(shop: EbayShop, order_id: str) -> list[str]:
    return [each["tracking"] for each in shop.order_row(order_id)["shipments"]]


def test_completing_a_sale_again_replaces_instead_of_adding(shop: EbayShop) -> None:
    shop.by_hand("A", 5)
    order_id = shop.order(("A", 2))
    base = f"<OrderID>{order_id}</OrderID><Shipped>true</Shipped>"
    for _ in range(2):
        assert call(shop, "CompleteSale", base + parcel("T1")).text("Ack") == "Success"
    assert trackings(shop, order_id) == ["T1"]
    stamp = shop.order_row(order_id)["updated_at"]
    call(shop, "CompleteSale", base + parcel("T1"))
    assert shop.order_row(order_id)["updated_at"] == stamp
    call(shop, "CompleteSale", base + parcel("T2", "T3"))
    assert trackings(shop, order_id) == ["T2", "T3"]
    assert shop.rest("GET", f"/sell/fulfillment/v1/order/{order_id}").json["orderFulfillmentStatus"] == "FULFILLED"
    shop.clock.advance(LATER)
    found = call(shop, "GetOrders", by_mod())
    where = "OrderArray/Order/TransactionArray/Transaction/ShippingDetails/ShipmentTrackingDetails"
    assert found.texts(f"{where}/ShipmentTrackingNumber") == ["T2", "T3"]
    assert found.text("OrderArray/Order/OrderStatus") == "Shipped"
    call(shop, "CompleteSale", f"<OrderID>{order_id}</OrderID><Shipment/>")
    assert trackings(shop, order_id) == []


def test_a_sale_is_found_by_its_line_too(shop: EbayShop) -> None:
    shop.by_hand("A", 5)
    shop.by_hand("B", 5)
    order_id = shop.order(("A", 1), ("B", 1))
    shop.clock.advance(LATER)
    lines = call(shop, "GetOrders", by_mod()).texts("OrderArray/Order/TransactionArray/Transaction/OrderLineItemID")
    call(shop, "CompleteSale", f"<OrderLineItemID>{lines[1]}</OrderLineItemID>{parcel('T9')}")
    assert [line["shipped"] for line in shop.order_row(order_id)["lines"]] == [0, 1]
    item_id, _, number = lines[0].partition("-")
    pair = f"<ItemID>{item_id}</ItemID><TransactionID>{number}</TransactionID>"
    call(shop, "CompleteSale", f"{pair}<Shipped>true</Shipped>")
    assert [line["shipped"] for line in shop.order_row(order_id)["lines"]] == [1, 1]
    half = "<Shipment><ShipmentTrackingDetails><ShippingCarrierUsed>DHL</ShippingCarrierUsed></ShipmentTrackingDetails></Shipment>"
    assert call(shop, "CompleteSale", f"<OrderID>{order_id}</OrderID>{half}").codes == ["37"]
    assert call(shop, "CompleteSale", "<OrderID>9</OrderID><Shipped>true</Shipped>").codes == ["37"]
    assert call(shop, "CompleteSale", "<Shipped>true</Shipped>").codes == ["37"]
