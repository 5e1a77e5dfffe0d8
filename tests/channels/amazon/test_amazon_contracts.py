"""Everything the adapter sends, held against Amazon's own models: operation, parameters, bodies, feed documents."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from amazon_support import NOW, SELLER, STORE, Script, Seen, bench, reply
from werkzeug.wrappers import Request, Response

from hub.channels.amazon.manifest import RATES
from hub.channels.contract import (
    CancelRequest,
    ListingDraft,
    ListingRef,
    PriceLevel,
    ShipmentConfirmation,
    StockLevel,
    VariantDraft,
)
from hub.kernel.money import Money
from tests.support.contract_schemas import amazon_feed_problems, amazon_model, amazon_problems, need_contracts

pytestmark = pytest.mark.contracts

MODELS = ("sellers", "orders_2026-01-01", "ordersV0", "listingsItems_2021-08-01", "feeds_2021-06-30")
LISTED = {"sku": "A", "status": "ACCEPTED", "submissionId": "1", "issues": []}


def operation_of(seen: Seen) -> tuple[str, dict[str, Any]]:
    for name in MODELS:
        for path, spoken in amazon_model(name)["paths"].items():
            pattern = re.sub(r"\{[^}]+\}", "[^/]+", path)
            if re.fullmatch(pattern, seen.path) and seen.method.lower() in spoken:
                return name, spoken[seen.method.lower()]
    raise AssertionError(f"no operation for {seen.method} {seen.path}")


def problems(seen: Seen) -> list[str]:
    """What of a request breaks its model."""
    model, operation = operation_of(seen)
    found: list[str] = []
    known = {p["name"]: p for p in operation.get("parameters", []) if p["in"] == "query"}
    found += [f"unknown parameter {name}" for name in seen.query if name not in known]
    found += [f"missing parameter {name}" for name, p in known.items() if p.get("required") and name not in seen.query]
    for name, value in seen.query.items():
        spec = known.get(name, {})
        values = value.split(",") if spec.get("type") == "array" else [value]
        allowed = spec.get("items", spec).get("enum")
        found += [f"{name}: {item} is not allowed" for item in values if allowed and item not in allowed]
        if spec.get("maxItems") and len(values) > spec["maxItems"]:
            found.append(f"{name}: {len(values)} items")
    body = next((p for p in operation.get("parameters", []) if p["in"] == "body"), None)
    if body is not None:
        found += amazon_problems(seen.json(), model, body["schema"]["$ref"].rpartition("/")[2])
    elif seen.body:
        found.append("a body where none is known")
    return found


def family(count: int, *, refs: bool = False) -> ListingDraft:
    return ListingDraft(
        listing_key="0123456789abcdef0123456789abcdef",
        title="Knife",
        description="<p>Sharp.</p>",
        brand="Plain",
        images=("https://images.example.test/a.jpg", "https://images.example.test/b.jpg"),
        variants=tuple(
            VariantDraft(
                channel_sku=f"KNIFE-{n}",
                price=Money(minor=1299, currency="EUR"),
                quantity=n,
                options={"Size": str(n)} if count > 1 else {},
                gtin="4006381333931",
                weight_g=120,
                ref=ListingRef(channel_sku=f"KNIFE-{n}", facts={"product_type": "KNIFE"}) if refs else None,
            )
            for n in range(count)
        ),
    )


def shop(script: Script) -> None:
    """Make the script answer every operation that writes."""

    def answer(request: Request) -> Response:
        if request.path.endswith("/documents"):
            return reply({"feedDocumentId": "d-1", "url": f"{script.url}/store/d-1?X-Amz-Signature=s"}, 201)
        if request.path.startswith("/store/"):
            return Response("", 200)
        if request.path.endswith("/feeds"):
            return reply({"feedId": "7"}, 202)
        if request.path.endswith("/shipmentConfirmation"):
            return Response("", 204)
        if request.path.startswith("/orders/2026-01-01/orders/"):
            order = {
                "orderId": "111-1", "createdTime": "2026-11-20T10:00:00Z", "lastUpdatedTime": "2026-11-20T10:31:00Z",
                "salesChannel": {"channelName": "AMAZON", "marketplaceId": STORE},
                "fulfillment": {"fulfillmentStatus": "UNSHIPPED", "fulfilledBy": "MERCHANT"},
                "orderItems": [{"orderItemId": "61", "quantityOrdered": 1, "product": {"sellerSku": "A"}}],
            }  # fmt: skip
            return reply({"order": order})
        if request.path == "/orders/2026-01-01/orders":
            return reply({"orders": [], "pagination": {"nextToken": "t"}})
        if request.path == "/sellers/v1/marketplaceParticipations":
            return reply({"payload": []})
        if request.method == "GET":
            return reply({"items": []} if "identifiers" in request.args else {"sku": "A", "summaries": []})
        return reply(LISTED)

    script.answers = [answer]


def test_every_request_fits_its_model() -> None:
    need_contracts()
    script = Script(reply({}))
    shop(script)
    refs = [ListingRef(channel_sku=f"S/{n}") for n in range(20)]
    with script.serve() as url:
        adapter = bench(url).adapter
        adapter.probe()
        adapter.push_stock([StockLevel(ref=refs[0], quantity=0, revision=1, idempotency_key="k")])
        adapter.push_prices(
            [PriceLevel(ref=refs[0], price=Money(minor=1299, currency="EUR"), revision=1, idempotency_key="k")]
        )
        adapter.publish_listing(family(1))
        adapter.publish_listing(family(3))
        adapter.publish_listing(family(3, refs=True))
        adapter.publish_listing(family(12))
        adapter.end_listing(refs[0])
        adapter.read_listings(refs[:1])
        adapter.read_listings(refs)
        adapter.pull_orders(adapter.pull_orders(None, limit=3).cursor, limit=3)
        adapter.read_order("111-1")
        for carrier in ("dhl", "Kurier Müller"):
            adapter.confirm_shipment(
                ShipmentConfirmation(
                    shipment_key="s", package_number=1, order_id="111-1", carrier=carrier, tracking="1", shipped_at=NOW,
                    lines=(("61", 1),), service="Express",
                )
            )  # fmt: skip
        adapter.find_shipment("111-1", "1")
        adapter.cancel_order(CancelRequest(cancel_key="c", order_id="111-1"))
    spoken = [seen for seen in script.seen if not seen.path.startswith("/store/")]
    wrong = {f"{seen.method} {seen.path}": problems(seen) for seen in spoken}
    assert {where: what for where, what in wrong.items() if what} == {}
    assert {operation_of(seen)[1]["operationId"] for seen in spoken} == {
        "getMarketplaceParticipations", "patchListingsItem", "putListingsItem", "deleteListingsItem", "getListingsItem",
        "searchListingsItems", "searchOrders", "getOrder", "confirmShipment", "createFeedDocument", "createFeed",
    }  # fmt: skip


def test_every_feed_document_fits_its_schema() -> None:
    need_contracts()
    script = Script(reply({}))
    shop(script)
    refs = [ListingRef(channel_sku=sku) for sku in ("A", "Ä/1 %")]
    with script.serve() as url:
        adapter = bench(url, feed_from="2").adapter
        adapter.push_stock([StockLevel(ref=r, quantity=3, revision=1, idempotency_key="k") for r in refs])
        price = Money(minor=1299, currency="EUR")
        adapter.push_prices([PriceLevel(ref=r, price=price, revision=1, idempotency_key="k") for r in refs])
        adapter.publish_listing(family(12))
        adapter.publish_listing(family(12, refs=True))
    documents = [json.loads(seen.body) for seen in script.seen if seen.path.startswith("/store/")]
    assert [len(document["messages"]) for document in documents] == [2, 2, 13, 13]
    assert [amazon_feed_problems(document, "listings-feed-schema-v2") for document in documents] == [[]] * 4
    assert documents[0]["header"]["sellerId"] == SELLER


def test_the_rates_are_those_of_the_usage_plans() -> None:
    rows = [line.split("\t") for line in (need_contracts() / "amazon" / "usage_plans.tsv").read_text().splitlines()]
    plans = {(row[0], row[1]): row[4] for row in rows}
    found = {
        rule.operation: {
            plan for (model, operation), plan in plans.items() if operation == rule.operation and model in MODELS
        }
        for rule in RATES
    }
    for rule in RATES:
        burst = 15 if rule.operation == "createFeed" else rule.burst  # see the manifest: a feed type's own limit
        fitting = [p for p in found[rule.operation] if tuple(map(float, p.split("/"))) == (rule.per_second, burst)]
        assert fitting, f"{rule.operation}: {found[rule.operation]}"
