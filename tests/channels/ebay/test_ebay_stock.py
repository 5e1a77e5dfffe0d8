"""Quantities and prices: what is sent, what each item is told, and who manages which listing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from defusedxml.ElementTree import fromstring
from ebay_desk import Shop, trading_error

from hub.channels.contract import (
    Applied,
    Deferred,
    InvalidData,
    ListingRef,
    Missing,
    OutcomeUnknown,
    PriceLevel,
    Refused,
    StockLevel,
    Throttled,
    Unclear,
)
from hub.channels.ebay.faults import until_pacific_midnight
from hub.kernel.money import Money

BULK = "/sell/inventory/v1/bulk_update_price_quantity"
OFFERS = "/sell/inventory/v1/offer"


def ours(sku: str, offer_id: str = "") -> ListingRef:
    facts = {"managed_by": "inventory_api", "offer_id": offer_id or f"O-{sku}"}
    return ListingRef(channel_sku=sku, external_id="110", facts=facts)


def foreign(sku: str, item_id: str, *, variation: bool = False) -> ListingRef:
    facts = {"managed_by": "trading", "item_id": item_id, "variation": "yes" if variation else "no"}
    return ListingRef(channel_sku=sku, external_id=item_id, facts=facts)


def level(ref: ListingRef, quantity: int, revision: int = 1) -> StockLevel:
    return StockLevel(ref=ref, quantity=quantity, revision=revision, idempotency_key=f"k-{ref.channel_sku}-{revision}")


def row(sku: str, status: int = 200, *errors: dict[str, object]) -> dict[str, object]:
    return {"sku": sku, "offerId": f"O-{sku}", "statusCode": status, "errors": list(errors), "warnings": []}


def error(code: int, text: str) -> dict[str, object]:
    return {"errorId": code, "domain": "API_INVENTORY", "category": "REQUEST", "message": text}


def bulk(shop: Shop, *rows: dict[str, object], status: int = 200) -> None:
    shop.desk.on("POST", BULK, (status, {"responses": list(rows)}))


def test_a_quantity_goes_to_the_item_and_to_its_offer(shop: Shop) -> None:
    bulk(shop, row("A"), row("B"))
    assert list(shop.adapter.push_stock([level(ours("A"), 4), level(ours("B"), 0)])) == [
        Applied(external_id="110", observed=4),
        Applied(external_id="110", observed=0),
    ]
    assert shop.desk.last(BULK).json() == {
        "requests": [
            {
                "sku": "A",
                "shipToLocationAvailability": {"quantity": 4},
                "offers": [{"offerId": "O-A", "availableQuantity": 4}],
            },
            {
                "sku": "B",
                "shipToLocationAvailability": {"quantity": 0},
                "offers": [{"offerId": "O-B", "availableQuantity": 0}],
            },
        ]
    }


def test_one_refused_item_does_not_sink_the_others(shop: Shop) -> None:
    gone = error(25713, "This Offer is not available.")
    worn = error(25002, "The listing has been revised more than 250 times today; the limit is exceeded.")
    bulk(
        shop,
        row("D", 400, worn),
        row("B", 400, error(25709, "Invalid value for quantity.")),
        row("A"),
        row("C", 404, gone),
        status=207,
    )
    outcomes = list(shop.adapter.push_stock([level(ours(sku), 1) for sku in "ABCDE"]))
    assert outcomes[0] == Applied(external_id="110", observed=1)
    assert isinstance(outcomes[1], Refused)
    assert (outcomes[1].problems[0].code, outcomes[1].missing) == ("25709", False)
    assert isinstance(outcomes[2], Refused)
    assert outcomes[2].missing
    # 12:00 UTC is 04:00 in California: the next quota day begins 20 hours later.
    assert outcomes[3] == Deferred(
        retry_after_s=20 * 3600.0, why="eBay allows 250 changes of a listing a day; they are used up."
    )
    assert isinstance(outcomes[4], Unclear)


def test_a_price_leaves_the_quantity_alone(shop: Shop) -> None:
    bulk(shop, row("A"))
    price = PriceLevel(ref=ours("A"), price=Money(minor=1299, currency="EUR"), revision=1, idempotency_key="k")
    assert list(shop.adapter.push_prices([price])) == [Applied(external_id="110")]
    assert shop.desk.last(BULK).json() == {
        "requests": [{"sku": "A", "offers": [{"offerId": "O-A", "price": {"value": "12.99", "currency": "EUR"}}]}]
    }


def test_an_unknown_offer_is_looked_up_and_its_facts_are_handed_back(shop: Shop) -> None:
    offer = {"offerId": "36", "sku": "A 1/ü", "marketplaceId": "EBAY_DE", "format": "FIXED_PRICE"}
    shop.desk.on("GET", OFFERS, (200, {"offers": [offer], "total": 1}))
    shop.desk.on("POST", BULK, (200, {"responses": [{"sku": "A 1/ü", "offerId": "36", "statusCode": 200}]}))
    outcome = shop.adapter.push_stock([level(ListingRef(channel_sku="A 1/ü"), 3)])[0]
    assert isinstance(outcome, Applied)
    assert outcome.refs[0].facts == {"managed_by": "inventory_api", "offer_id": "36"}
    assert shop.desk.last("GET").query == {"sku": "A 1/ü", "marketplace_id": "EBAY_DE", "format": "FIXED_PRICE"}


def test_a_sku_that_ebay_does_not_know_is_missing_and_the_rest_is_pushed(shop: Shop) -> None:
    shop.desk.on("GET", OFFERS, (404, {"errors": [error(25713, "This Offer is not available")]}))
    bulk(shop, row("A"))
    outcomes = shop.adapter.push_stock(
        [level(ListingRef(channel_sku="nope"), 3), level(ours("A"), 1), level(ours("x" * 51), 1)]
    )
    assert isinstance(outcomes[0], Refused)
    assert outcomes[0].missing
    assert isinstance(outcomes[1], Applied)
    assert isinstance(outcomes[2], Refused)
    assert outcomes[2].problems[0].code == "sku_too_long"


def test_a_404_that_is_not_from_ebay_is_no_refusal_of_the_item(shop: Shop) -> None:
    shop.desk.on("GET", OFFERS, (404, b"<html>not here</html>"))
    with pytest.raises(Missing) as caught:
        shop.adapter.push_stock([level(ListingRef(channel_sku="A"), 3)])
    assert caught.value.code is None
    assert shop.desk.paths() == ["GET /sell/inventory/v1/offer"]


def test_listings_made_elsewhere_are_revised_by_trading_four_at_a_time(shop: Shop) -> None:
    shop.desk.trading(
        "ReviseInventoryStatus",
        "<Ack>Success</Ack>"
        + "".join(f"<InventoryStatus><ItemID>{n}</ItemID><Quantity>2</Quantity></InventoryStatus>" for n in range(4)),
        "<Ack>Success</Ack><InventoryStatus><ItemID>4</ItemID><SKU>V &amp; W</SKU></InventoryStatus>",
    )
    levels = [level(foreign(f"S{n}", str(n)), 2) for n in range(4)]
    levels.append(level(foreign("V & W", "4", variation=True), 7))
    assert [type(one) for one in shop.adapter.push_stock(levels)] == [Applied] * 5
    first, second = (fromstring(one.body) for one in shop.desk.seen[1:])
    space = "{urn:ebay:apis:eBLBaseComponents}"
    assert [one.findtext(f"{space}ItemID") for one in first.iter(f"{space}InventoryStatus")] == ["0", "1", "2", "3"]
    assert first.find(f"{space}InventoryStatus/{space}SKU") is None
    assert second.findtext(f"{space}InventoryStatus/{space}SKU") == "V & W"
    assert second.findtext(f"{space}InventoryStatus/{space}Quantity") == "7"
    key = second.findtext(f"{space}InvocationID") or ""
    assert len(key) == 32
    assert set(key) <= set("0123456789ABCDEF")
    assert key == second.findtext(f"{space}MessageID")
    assert shop.desk.seen[1].headers["x-ebay-api-iaf-token"] == "hush-access-1"
    assert shop.desk.seen[1].headers["x-ebay-api-compatibility-level"] == "1423"
    assert shop.desk.seen[1].headers["x-ebay-api-siteid"] == "77"


def test_the_invocation_id_is_the_same_for_the_same_revisions_only(shop: Shop) -> None:
    shop.desk.trading("ReviseInventoryStatus", "<Ack>Success</Ack>")
    for revision in (1, 1, 2):
        shop.adapter.push_stock([level(foreign("S", "1"), 2, revision)])
    space = "{urn:ebay:apis:eBLBaseComponents}"
    keys = [fromstring(one.body).findtext(f"{space}InvocationID") for one in shop.desk.seen[1:]]
    assert keys[0] == keys[1] != keys[2]


def test_partial_failure_is_read_item_by_item(shop: Shop) -> None:
    shop.desk.trading(
        "ReviseInventoryStatus",
        "<Ack>PartialFailure</Ack>"
        + trading_error("291", "You are not allowed to revise an ended item.", "2")
        + trading_error("21919188", "You've exceeded the number of revisions allowed: 250 per day.", "3")
        + trading_error("21916635", "Invalid quantity.", "4")
        + "<InventoryStatus><ItemID>1</ItemID><Quantity>2</Quantity></InventoryStatus>",
    )
    outcomes = shop.adapter.push_stock([level(foreign(f"S{n}", str(n)), 2) for n in (1, 2, 3, 4)])
    assert outcomes[0] == Applied(external_id="1", observed=2)
    assert isinstance(outcomes[1], Refused)
    assert outcomes[1].missing
    assert isinstance(outcomes[2], Deferred)
    assert outcomes[2].retry_after_s == 20 * 3600.0
    assert isinstance(outcomes[3], Refused)
    assert (outcomes[3].problems[0].code, outcomes[3].missing) == ("21916635", False)


def test_an_item_that_partial_failure_does_not_mention_is_unclear(shop: Shop) -> None:
    shop.desk.trading(
        "ReviseInventoryStatus",
        "<Ack>PartialFailure</Ack>"
        + trading_error("99", "Something.")
        + "<InventoryStatus><ItemID>1</ItemID></InventoryStatus>",
    )
    outcomes = shop.adapter.push_stock([level(foreign(f"S{n}", str(n)), 2) for n in (1, 2)])
    assert isinstance(outcomes[0], Applied)
    assert isinstance(outcomes[1], Unclear)


def test_a_repetition_that_ebay_recognises_is_applied(shop: Shop) -> None:
    shop.desk.trading(
        "ReviseInventoryStatus",
        "<Ack>Failure</Ack>"
        + trading_error("488", "Duplicate invocation.")
        + "<DuplicateInvocationDetails><Status>Success</Status></DuplicateInvocationDetails>",
    )
    assert isinstance(shop.adapter.push_stock([level(foreign("S", "1"), 2)])[0], Applied)


def test_error_518_throttles_for_at_most_a_quarter_of_an_hour(shop: Shop) -> None:
    shop.desk.trading(
        "ReviseInventoryStatus", "<Ack>Failure</Ack>" + trading_error("518", "Call usage limit has been reached.")
    )
    with pytest.raises(Throttled) as caught:
        shop.adapter.push_stock([level(foreign("S", "1"), 2)])
    assert (caught.value.code, caught.value.retry_after_s) == ("518", 900.0)


def test_a_failure_after_an_applied_call_becomes_a_value(shop: Shop) -> None:
    bulk(shop, row("A"))
    shop.desk.trading("ReviseInventoryStatus", (500, b"Internal error"))
    outcomes = shop.adapter.push_stock([level(foreign("S", "1"), 2), level(ours("A"), 1)])
    assert isinstance(outcomes[0], Unclear)
    assert isinstance(outcomes[1], Applied)


def test_a_text_500_of_trading_leaves_the_outcome_unknown(shop: Shop) -> None:
    shop.desk.trading("ReviseInventoryStatus", (500, b"Service temporarily not available"))
    with pytest.raises(OutcomeUnknown):
        shop.adapter.push_stock([level(foreign("S", "1"), 2)])


@pytest.mark.parametrize(
    "body",
    [
        b"<html><body>Welcome to the captive portal</body></html>",
        b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "b"><!ENTITY c "&b;&b;">]><a>&c;</a>',
        b"<ReviseInventoryStatusResponse><Ack>Succ",
        b"",
    ],
)
def test_an_answer_that_is_no_trading_xml_leaves_the_outcome_unknown(shop: Shop, body: bytes) -> None:
    shop.desk.trading("ReviseInventoryStatus", (200, body))
    with pytest.raises(OutcomeUnknown):
        shop.adapter.push_stock([level(foreign("S", "1"), 2)])


def test_a_refused_bulk_call_tells_its_problems(shop: Shop) -> None:
    shop.desk.on("POST", BULK, (400, {"errors": [error(25709, "Invalid value for offerId.")]}))
    with pytest.raises(InvalidData) as caught:
        shop.adapter.push_stock([level(ours("A"), 1)])
    assert [one.code for one in caught.value.problems] == ["25709"]


def test_a_price_of_a_trading_listing_carries_its_currency(shop: Shop) -> None:
    shop.desk.trading("ReviseInventoryStatus", "<Ack>Success</Ack>")
    price = PriceLevel(ref=foreign("S", "1"), price=Money(minor=500, currency="GBP"), revision=1, idempotency_key="k")
    assert isinstance(shop.adapter.push_prices([price])[0], Applied)
    space = "{urn:ebay:apis:eBLBaseComponents}"
    amount = fromstring(shop.desk.seen[-1].body).find(f"{space}InventoryStatus/{space}StartPrice")
    assert amount is not None
    assert (amount.text, amount.get("currencyID")) == ("5.00", "GBP")


@pytest.mark.parametrize(
    ("now", "hours"),
    [
        (datetime(2026, 11, 22, 7, 59, tzinfo=UTC), 1 / 60),
        (datetime(2026, 11, 22, 8, 0, tzinfo=UTC), 24.0),
        (datetime(2026, 11, 1, 7, 0, tzinfo=UTC), 25.0),  # the day the clocks go back
        (datetime(2026, 7, 1, 12, 0, tzinfo=UTC), 19.0),
    ],
)
def test_the_quota_day_ends_at_midnight_pacific(now: datetime, hours: float) -> None:
    assert until_pacific_midnight(now) == pytest.approx(timedelta(hours=hours).total_seconds())
