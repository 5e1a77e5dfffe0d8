"""Golden twins of stock, prices, shipments and feeds: exact bodies out, exact outcomes in."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from hub.channels.amazon import feeds, prices, shipments, stock
from hub.channels.amazon.submissions import one_by_one, parse_submission
from hub.channels.contract import (
    Applied,
    Conflict,
    Deferred,
    InvalidData,
    ListingRef,
    Missing,
    OutcomeUnknown,
    PriceLevel,
    Problem,
    Refused,
    Severity,
    ShipmentConfirmation,
    StockLevel,
    Throttled,
    Unavailable,
    Unclear,
)
from hub.kernel.money import Money

STORE = "A1PA6795UKMFR9"


def level(sku: str = "SKU/1", quantity: int = 3, **facts: str) -> StockLevel:
    return StockLevel(
        ref=ListingRef(channel_sku=sku, facts=facts), quantity=quantity, revision=1, idempotency_key=f"k-{sku}"
    )


def test_the_stock_patch_is_the_documented_merge() -> None:
    assert stock.build_stock_patch(level()) == {
        "op": "merge",
        "path": "/attributes/fulfillment_availability",
        "value": [{"fulfillment_channel_code": "DEFAULT", "quantity": 3}],
    }


def test_stock_of_a_listing_that_amazon_fulfils_is_not_written() -> None:
    refused = stock.unsendable(level(fulfilment_channel="AMAZON_EU").ref)
    assert refused is not None
    assert refused.problems[0].code == "fulfilled_by_amazon"
    assert stock.unsendable(level(fulfilment_channel="DEFAULT").ref) is None
    assert stock.unsendable(level().ref) is None


@pytest.mark.parametrize(
    ("minor", "currency", "number"), [(1299, "EUR", 12.99), (1300, "EUR", 13), (1299, "JPY", 1299), (1, "EUR", 0.01)]
)
def test_a_price_is_one_offer_with_all_selectors(minor: int, currency: str, number: float) -> None:
    price = PriceLevel(
        ref=ListingRef(channel_sku="A"), price=Money(minor=minor, currency=currency), revision=1, idempotency_key="k"
    )
    assert prices.build_price_patch(price, STORE) == {
        "op": "replace",
        "path": "/attributes/purchasable_offer",
        "value": [
            {
                "marketplace_id": STORE,
                "currency": currency,
                "audience": "ALL",
                "our_price": [{"schedule": [{"value_with_tax": number}]}],
            }
        ],
    }


@pytest.mark.parametrize(
    ("minor", "currency", "code"), [(0, "EUR", "price_not_positive"), (100, "GBP", "wrong_currency")]
)
def test_a_price_that_amazon_cannot_take_is_told_without_asking(minor: int, currency: str, code: str) -> None:
    price = PriceLevel(
        ref=ListingRef(channel_sku="A"), price=Money(minor=minor, currency=currency), revision=1, idempotency_key="k"
    )
    refused = prices.unsendable(price, STORE)
    assert refused is not None
    assert [p.code for p in refused.problems] == [code]


# ---------------------------------------------------------------- submissions

ACCEPTED = {"sku": "SKU/1", "status": "ACCEPTED", "submissionId": "0-1", "issues": []}
INVALID = {
    "sku": "SKU/1",
    "status": "INVALID",
    "submissionId": "0-2",
    "issues": [
        {
            "code": "90220",
            "message": "'quantity' is required but missing.",
            "severity": "ERROR",
            "attributeNames": ["quantity"],
            "categories": ["MISSING_ATTRIBUTE"],
        }
    ],
}


def test_accepted_is_applied() -> None:
    assert parse_submission(ACCEPTED, operation="x", marketplace_id=STORE) == (Applied(), None)


def test_invalid_with_status_200_is_refused_with_its_problems() -> None:
    outcome, _ = parse_submission(INVALID, operation="x", marketplace_id=STORE)
    assert outcome == Refused(
        problems=(
            Problem(
                code="90220", message="'quantity' is required but missing.", field="quantity", severity=Severity.ERROR
            ),
        )
    )


@pytest.mark.parametrize("payload", [{}, {"sku": "A", "status": 7}, {"sku": "A", "status": "VALID"}, [], None])
def test_a_submission_of_another_shape_has_an_unknown_outcome(payload: object) -> None:
    with pytest.raises(OutcomeUnknown):
        parse_submission(payload, operation="x", marketplace_id=STORE)


def test_one_refused_item_does_not_stop_the_batch() -> None:
    def send(sku: str) -> Applied:
        if sku == "bad":
            raise InvalidData("no", code="InvalidInput")
        if sku == "gone":
            raise Missing("gone")
        if sku == "busy":
            raise Conflict("busy")
        return Applied(external_id=sku)

    outcomes = one_by_one(["a", "bad", "gone", "busy", "b"], send)
    assert outcomes[0] == Applied(external_id="a")
    assert outcomes[1] == Refused(problems=(Problem(code="InvalidInput", message="no"),))
    assert outcomes[2] == Refused(problems=(Problem(code="refused", message="gone"),), missing=True)
    assert outcomes[3] == Deferred(retry_after_s=5.0, why="busy")
    assert outcomes[4] == Applied(external_id="b")


def test_a_budget_that_ends_in_mid_batch_defers_the_rest() -> None:
    sent: list[int] = []

    def send(item: int) -> Applied:
        if len(sent) == 2:
            raise Throttled("wait", retry_after_s=7.5)
        sent.append(item)
        return Applied()

    rest = Deferred(retry_after_s=7.5, why="wait")
    assert one_by_one([1, 2, 3, 4], send) == [Applied(), Applied(), rest, rest]
    assert sent == [1, 2]


def test_trouble_before_anything_was_applied_is_raised() -> None:
    def send(item: int) -> Applied:
        raise Unavailable("down")

    with pytest.raises(Unavailable):
        one_by_one([1, 2], send)


def test_a_lost_answer_is_unclear_for_its_item_and_defers_the_rest() -> None:
    def send(item: int) -> Applied:
        if item == 1:
            raise OutcomeUnknown("lost")
        return Applied()

    assert one_by_one([1, 2], send) == [Unclear(why="lost"), Deferred(retry_after_s=30.0, why="lost")]
    with pytest.raises(OutcomeUnknown):
        one_by_one([1], send)


# ---------------------------------------------------------------- shipments


def parcel(**changes: object) -> ShipmentConfirmation:
    facts: dict[str, object] = {
        "shipment_key": "s-1",
        "package_number": 1,
        "order_id": "111-0000001-0000001",
        "carrier": "UPS",
        "tracking": "1Z0000000000000001",
        "shipped_at": datetime(2026, 11, 21, 15, 0, tzinfo=UTC),
        "lines": (("60000000000001", 2),),
        "service": "Ground",
        "order_facts": {"marketplace_id": "ATVPDKIKX0DER"},
        **changes,
    }
    return ShipmentConfirmation(**facts)  # type: ignore[arg-type]


def test_a_parcel_is_confirmed_as_documented() -> None:
    assert shipments.build_shipment(parcel(), STORE) == {
        "marketplaceId": "ATVPDKIKX0DER",
        "packageDetail": {
            "packageReferenceId": "1",
            "carrierCode": "UPS",
            "shippingMethod": "Ground",
            "trackingNumber": "1Z0000000000000001",
            "shipDate": "2026-11-21T15:00:00.000Z",
            "orderItems": [{"orderItemId": "60000000000001", "quantity": 2}],
        },
    }


@pytest.mark.parametrize(
    ("carrier", "code", "name"),
    [
        ("dhl", "DHL", None),
        ("DHL", "DHL", None),
        ("deutsche_post", "Deutsche Post", None),
        ("Royal Mail", "Royal Mail", None),
        ("hermes", "Hermes Logistik Gruppe", None),
        ("Kurier Müller", "Other", "Kurier Müller"),
    ],
)
def test_carriers_are_spelled_as_amazon_compares_them(carrier: str, code: str, name: str | None) -> None:
    detail = shipments.build_shipment(parcel(carrier=carrier), STORE)["packageDetail"]
    assert (detail["carrierCode"], detail.get("carrierName")) == (code, name)


def test_an_order_without_facts_is_confirmed_in_the_accounts_store() -> None:
    assert shipments.build_shipment(parcel(order_facts={}), STORE)["marketplaceId"] == STORE


def test_everything_missing_of_a_parcel_is_told_at_once() -> None:
    refused = shipments.check_shipment(parcel(carrier=" ", tracking="", lines=(("1", 0),), package_number=0))
    assert refused is not None
    assert [p.code for p in refused.problems] == [
        "carrier_missing",
        "tracking_missing",
        "parcel_empty",
        "package_number",
    ]
    assert shipments.check_shipment(parcel()) is None


# ---------------------------------------------------------------- feeds


def report(issues: list[dict[str, object]], accepted: int, invalid: int = 0) -> dict[str, object]:
    return {
        "header": {"sellerId": "A", "version": "2.0", "feedId": "1"},
        "issues": issues,
        "summary": {
            "errors": len(issues),
            "warnings": 0,
            "messagesProcessed": accepted + invalid,
            "messagesAccepted": accepted,
            "messagesInvalid": invalid,
        },
    }


def issue(**facts: object) -> dict[str, object]:
    return {"severity": "ERROR", "message": "bad", "code": "90220", **facts}


def test_a_report_is_read_message_by_message() -> None:
    told = report([issue(messageId=2, sku="B", attributeName="quantity"), issue(messageId=1, severity="WARNING")], 2, 1)
    assert feeds.parse_listings_report(told, ["A", "B", "C"]) == {
        "A": Applied(),
        "B": Refused(problems=(Problem(code="90220", message="bad", field="quantity"),)),
        "C": Applied(),
    }


def test_a_report_that_misses_lines_leaves_the_others_unclear() -> None:
    outcomes = feeds.parse_listings_report(report([issue(messageId=1)], 1, 1), ["A", "B", "C"])
    assert isinstance(outcomes["A"], Refused)
    assert isinstance(outcomes["B"], Unclear)
    assert isinstance(outcomes["C"], Unclear)


def test_a_fault_of_the_whole_feed_refuses_every_message() -> None:
    outcomes = feeds.parse_listings_report(report([issue(code="4002006")], 0), ["A", "B"])
    refused = Refused(problems=(Problem(code="4002006", message="bad"),))
    assert outcomes == {"A": refused, "B": refused}


def test_a_report_tells_what_it_names_when_the_members_are_forgotten() -> None:
    outcomes = feeds.parse_listings_report(report([issue(messageId=2, sku="B")], 2, 1), [])
    assert list(outcomes) == ["B"]


def test_the_feed_document_counts_its_messages_from_one() -> None:
    patch = stock.build_stock_patch(level())
    messages = [feeds.build_patch_message(n, sku, "PRODUCT", [patch]) for n, sku in enumerate(("A", "Ä/1"), start=1)]
    assert json.loads(feeds.build_listings_feed("A2SELLER", messages)) == {
        "header": {"sellerId": "A2SELLER", "version": "2.0", "issueLocale": "en_US"},
        "messages": [
            {"messageId": 1, "sku": "A", "operationType": "PATCH", "productType": "PRODUCT", "patches": [patch]},
            {"messageId": 2, "sku": "Ä/1", "operationType": "PATCH", "productType": "PRODUCT", "patches": [patch]},
        ],
    }


def test_a_cancellation_names_each_item_and_the_reason() -> None:
    assert feeds.build_cancellation("111-1", ["61", "62"], "out_of_stock") == (
        b"order-id\tamazon-order-item-code\tcancellation-reason-code\n111-1\t61\tNoInventory\n111-1\t62\tNoInventory\n"
    )


SUMMARY = "Feed Processing Summary:\n\tNumber of records processed\t\t{}\n\tNumber of records successful\t\t{}\n\n"
TABLE = "original-record-number\torder-id\torder-item-id\terror-code\terror-type\terror-message\n1\t111-1\t61\t90\tFatal\tShipped.\n"


@pytest.mark.parametrize(
    ("text", "outcome"),
    [
        (SUMMARY.format(2, 2), Applied()),
        (SUMMARY.format(2, 1) + TABLE, Unclear(why="Amazon cancelled only some items of the order.")),
        (SUMMARY.format(2, 0) + TABLE, Refused(problems=(Problem(code="cancellation_refused", message="Shipped."),))),
        (SUMMARY.format(0, 0), None),
        ("<html>", None),
    ],
)
def test_a_cancellation_report_is_believed_by_its_counts(text: str, outcome: object) -> None:
    assert feeds.parse_cancellation_report(text.encode()) == outcome


def test_a_ticket_survives_its_text_and_foreign_ones_are_refused() -> None:
    ticket = feeds.Ticket(feed_id="5", kind="cancel", order_id="111-1")
    assert feeds.Ticket.parse(ticket.text()) == ticket
    for text in ("", "{}", "7", '{"v":2,"kind":"cancel","feed":"1"}', '{"v":1,"kind":"other","feed":"1"}'):
        with pytest.raises(InvalidData):
            feeds.Ticket.parse(text)
