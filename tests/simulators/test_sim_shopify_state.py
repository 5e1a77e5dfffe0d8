"""The simulated shop as a whole: ledger, buyers, save and go on, speed."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from pathlib import Path

import pytest

from hub.kernel.clock import FixedClock
from hub.simulators.base import ControlError, OrderSpec
from hub.simulators.shopify import ShopifySimulator
from tests.support.sim_shopify import ORDERS, START, TO_SHIP, Shop


def test_the_ledger_tells_what_really_happened() -> None:
    shop = Shop()
    shop.sell("A-1", 5, 1250)
    order = shop.order(("A-1", 2), shipping_minor=490)
    shop.ship(order, "T1")
    ledger = shop.sim.ledger()
    assert ledger["channel"] == "shopify"
    assert ledger["listings"] == [
        {
            "sku": "A-1", "external_id": "gid://shopify/ProductVariant/1", "state": "live", "quantity": 3,
            "price_minor": 1250, "currency": "EUR", "title": "Thing A-1",
        }
    ]  # fmt: skip
    assert ledger["orders"] == [
        {
            "order_id": order, "placed_at": "2026-11-22T09:00:00Z", "updated_at": "2026-11-22T09:00:01Z",
            "payment": "paid", "cancellation": "none", "currency": "EUR", "total_minor": 2990,
            "lines": [{"line_id": "gid://shopify/LineItem/1", "sku": "A-1", "quantity": 2, "shipped": 2}],
            "shipments": [
                {
                    "shipment_id": "gid://shopify/Fulfillment/1", "tracking": "T1", "carrier": "DHL Paket",
                    "lines": {"gid://shopify/LineItem/1": 2},
                }
            ],
        }
    ]  # fmt: skip


def test_an_untracked_or_backorderable_listing_sells_without_end() -> None:
    shop = Shop()
    shop.sell("A-1", 1)
    update = """mutation B($v: [ProductVariantsBulkInput!]!) { productVariantsBulkUpdate(productId:
      "gid://shopify/Product/1", variants: $v) { userErrors { message } } }"""
    shop.data(update, {"v": [{"id": "gid://shopify/ProductVariant/1", "inventoryPolicy": "CONTINUE"}]})
    assert shop.sim.ledger()["listings"][0]["quantity"] == 1_000_000
    shop.order(("A-1", 3))
    assert shop.stock("A-1") == {"available": -2, "committed": 3, "on_hand": 1}


def test_buyers_take_what_is_shown_until_it_is_gone() -> None:
    shop = Shop()
    shop.sell("A-1", 7)
    orders = 0
    while shop.sim.buy(seed=orders) is not None:
        orders += 1
    assert shop.stock("A-1")["available"] == 0
    assert sum(line["quantity"] for order in shop.sim.ledger()["orders"] for line in order["lines"]) == 7


def test_someone_types_another_number_into_the_shops_own_screen() -> None:
    shop = Shop()
    shop.sell("A-1", 7)
    shop.order(("A-1", 2))
    shop.sim.set_stock("A-1", 20)
    assert shop.stock("A-1") == {"available": 20, "committed": 2, "on_hand": 22}
    with pytest.raises(ControlError, match="no listing"):
        shop.sim.set_stock("B-1", 1)
    with pytest.raises(ControlError, match="sells in EUR"):
        shop.sim.add_listing({"sku": "B-1", "currency": "USD"})
    with pytest.raises(ControlError, match="no order"):
        shop.sim.cancel_order("gid://shopify/Order/1")


def _busy() -> Shop:
    """A shop with a bit of everything, some of it not finished."""
    shop = Shop()
    item = shop.sell("A-1", 20)
    shop.sell("A-2", 20)
    orders = [shop.order(("A-1", 1), ("A-2", 2), pending=number == 3) for number in range(5)]
    shop.later(20)
    shop.ship(orders[0], "T1")
    shop.sim.request_cancel(orders[1])
    lines = shop.sim.ledger()["orders"][2]["lines"]
    shop.sim.amend_order(orders[2], {lines[1]["line_id"]: 1})
    shop.set_stock("key-1", (item, 9, 15))
    known = shop.sim.credentials
    form = {
        "client_id": known["client_id"], "client_secret": known["client_secret"], "grant_type": "refresh_token",
        "refresh_token": known["refresh_token"],
    }  # fmt: skip
    shop.sim.handle(shop.request("POST", "/admin/oauth/access_token", data=form))
    shop.data('mutation { bulkOperationRunQuery(query: "{ products { nodes { id } } }") { userErrors { message } } }')
    cancel = f'orderCancel(orderId: "{orders[4]}", reason: OTHER, restock: true, refund: true)'
    shop.data(f"mutation {{ {cancel} {{ job {{ id }} }} }}")
    hook = 'webhookSubscriptionCreate(topic: ORDERS_PAID, webhookSubscription: {uri: "https://example.com"})'
    shop.data(f"mutation {{ {hook} {{ userErrors {{ message }} }} }}")
    return shop


def test_a_dump_is_json_and_a_restored_shop_goes_on_where_the_first_stopped() -> None:
    first = _busy()
    state = json.loads(json.dumps(first.sim.dump()))
    second = Shop()
    second.clock.advance(first.clock.now() - second.clock.now())
    second.sim.restore(state)
    assert second.sim.dump() == state
    assert second.sim.ledger() == first.sim.ledger()
    for shop in (first, second):
        shop.later(30)
    assert second.sim.ledger() == first.sim.ledger()
    assert [order["cancellation"] for order in second.sim.ledger()["orders"]][4] == "cancelled"
    assert second.data(ORDERS, {"q": ""}) == first.data(ORDERS, {"q": ""})
    jobs = "{ bulkOperations(first: 5) { nodes { id status url } } }"
    assert second.data(jobs) == first.data(jobs)
    assert second.data(jobs)["bulkOperations"]["nodes"][0]["status"] == "COMPLETED"
    replayed = second.set_stock("key-1", ("gid://shopify/InventoryItem/1", 9, 15))
    assert replayed["userErrors"] == []
    assert replayed["inventoryAdjustmentGroup"]["changes"][0]["quantityAfterChange"] == 9
    second.token = next(iter(second.sim.tokens.access))
    assert second.send("{ shop { name } }").status_code == 200
    assert second.order(("A-1", 1)) == "gid://shopify/Order/5000001006"


def test_a_shop_is_saved_to_a_file_and_loaded_from_it(tmp_path: Path) -> None:
    file = tmp_path / "shop.json"
    first = ShopifySimulator(clock=FixedClock(START), state_file=file)
    first.add_listing({"sku": "A-1", "quantity": 4})
    first.place_order(OrderSpec(lines=[("A-1", 1)]))
    first.clock.advance(timedelta(minutes=5))
    first.save()
    second = ShopifySimulator(clock=FixedClock(START), state_file=file)
    assert second.load()
    assert second.ledger() == first.ledger()
    assert second.clock.now() == START + timedelta(minutes=5)


def test_a_big_shop_answers_quickly() -> None:
    shop = Shop(enforce_limits=False)
    for number in range(100):
        shop.sim.add_listing({"sku": f"A-{number}", "quantity": 10_000, "price_minor": 1000 + number})
    orders = []
    for number in range(2000):
        orders.append(shop.order((f"A-{number % 100}", 1), (f"A-{(number + 7) % 100}", 2)))
        shop.later(3)
    shop.later(60)

    def best_ms(work: object) -> float:
        assert callable(work)
        spent = []
        for _ in range(5):
            begun = time.process_time()
            work()
            spent.append(time.process_time() - begun)
        return min(spent) * 1000

    assert best_ms(lambda: shop.send(ORDERS, {"q": "updated_at:>='2026-11-22T09:30:00Z'"})) < 20
    assert best_ms(lambda: shop.send(TO_SHIP, {"id": orders[1500]})) < 20
    assert best_ms(lambda: shop.send('{ productVariants(first: 5, query: "sku:A-77") { nodes { id } } }')) < 20
    assert best_ms(lambda: (shop.sim.checkout._rows.clear(), shop.sim.ledger())) < 50
    assert best_ms(shop.sim.ledger) < 20
