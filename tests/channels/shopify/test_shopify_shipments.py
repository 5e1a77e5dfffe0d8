"""Shipments, cancellations and webhooks."""

from __future__ import annotations

import json

import pytest
from shopify_support import NOW

from hub.channels.contract import (
    Applied,
    CancelRequest,
    Found,
    InvalidData,
    Missing,
    NotFound,
    OutcomeUnknown,
    Pending,
    Refused,
    ShipmentConfirmation,
    Submitted,
    Unsupported,
)
from hub.channels.shopify.carriers import company
from hub.channels.shopify.webhooks import signature
from hub.loopback.faults import Fault, FaultKind

ORDER = "gid://shopify/Order/1"


def _line(n):
    return f"gid://shopify/LineItem/{n}"


def _fo(n, lines, *, status="OPEN", actions=("CREATE_FULFILLMENT",), holds=(), location=1):
    """A fulfilment order; `lines` map order line numbers to what remains."""
    return {
        "id": f"gid://shopify/FulfillmentOrder/{n}", "status": status, "requestStatus": "UNSUBMITTED",
        "supportedActions": [{"action": action} for action in actions],
        "fulfillmentHolds": [{"reason": reason} for reason in holds],
        "assignedLocation": {"location": {"id": f"gid://shopify/Location/{location}"}},
        "lineItems": {
            "pageInfo": {"hasNextPage": False, "endCursor": None},
            "nodes": [
                {"id": f"gid://shopify/FulfillmentOrderLineItem/{n}{line}", "remainingQuantity": left, "lineItem": {"id": _line(line)}}
                for line, left in lines.items()
            ],
        },
    }  # fmt: skip


def _fulfilment(n, number, *, status="SUCCESS", made="2026-11-22T11:00:00Z"):
    info = [{"number": number, "company": "DHL"}] if number else []
    return {"id": f"gid://shopify/Fulfillment/{n}", "status": status, "createdAt": made, "trackingInfo": info}


def _to_ship(*orders, fulfilments=(), cancelled=None):
    page = {"pageInfo": {"hasNextPage": False, "endCursor": None}, "nodes": list(orders)}
    return {
        "order": {"id": ORDER, "cancelledAt": cancelled, "fulfillments": list(fulfilments), "fulfillmentOrders": page}
    }


def _shipped_lines(**lines):
    nodes = [{"quantity": units, "lineItem": {"id": _line(name[1:])}} for name, units in lines.items()]
    return {"fulfillment": {"id": "f", "fulfillmentLineItems": {"nodes": nodes}}}


def _parcel(lines, *, tracking="00340", carrier="dhl", **more):
    return ShipmentConfirmation(
        shipment_key="s1", package_number=1, order_id=ORDER, carrier=carrier, tracking=tracking, shipped_at=NOW,
        lines=tuple((_line(n), units) for n, units in lines.items()), **more,
    )  # fmt: skip


def _created(n=9):
    return {"fulfillmentCreate": {"fulfillment": _fulfilment(n, "00340"), "userErrors": []}}


def test_a_parcel_is_confirmed_from_the_fulfilment_order_that_has_its_lines(rig):
    rig.shop.on("order", _to_ship(_fo(1, {1: 2, 2: 1})))
    rig.shop.on("fulfillmentCreate", _created())
    assert rig.adapter.confirm_shipment(_parcel({1: 1})) == Applied(external_id="gid://shopify/Fulfillment/9")
    assert rig.shop.of("fulfillmentCreate") == [
        {
            "f": {
                "lineItemsByFulfillmentOrder": [
                    {
                        "fulfillmentOrderId": "gid://shopify/FulfillmentOrder/1",
                        "fulfillmentOrderLineItems": [
                            {"id": "gid://shopify/FulfillmentOrderLineItem/11", "quantity": 1}
                        ],
                    }
                ],
                "notifyCustomer": False,
                "trackingInfo": {"company": "DHL", "number": "00340"},
            }
        }
    ]


def test_a_parcel_that_is_there_already_is_not_sent_again(rig):
    rig.shop.on("order", _to_ship(_fo(1, {1: 0}), fulfilments=[_fulfilment(3, "003 40")]))
    rig.shop.on("fulfillment", _shipped_lines(l1=1))
    assert rig.adapter.confirm_shipment(_parcel({1: 1})) == Applied(external_id="gid://shopify/Fulfillment/3")
    assert rig.shop.of("fulfillmentCreate") == []


def test_a_cancelled_fulfilment_with_the_number_does_not_count(rig):
    rig.shop.on("order", _to_ship(_fo(1, {1: 1}), fulfilments=[_fulfilment(3, "00340", status="CANCELLED")]))
    rig.shop.on("fulfillmentCreate", _created())
    assert isinstance(rig.adapter.confirm_shipment(_parcel({1: 1})), Applied)
    assert len(rig.shop.of("fulfillmentCreate")) == 1


def test_two_locations_take_two_calls(rig):
    rig.shop.on("order", _to_ship(_fo(1, {1: 1}), _fo(2, {2: 2}, location=2), _fo(3, {3: 1})))
    rig.shop.on("fulfillmentCreate", _created())
    assert isinstance(rig.adapter.confirm_shipment(_parcel({1: 1, 2: 2, 3: 1})), Applied)
    calls = [
        [part["fulfillmentOrderId"][-1] for part in call["f"]["lineItemsByFulfillmentOrder"]]
        for call in rig.shop.of("fulfillmentCreate")
    ]
    assert calls == [["1", "3"], ["2"]]


def test_what_is_missing_of_a_parcel_after_a_lost_answer_is_sent_and_no_more(rig):
    rig.shop.on("order", _to_ship(_fo(1, {1: 0}), _fo(2, {2: 2}, location=2), fulfilments=[_fulfilment(3, "00340")]))
    rig.shop.on("fulfillment", _shipped_lines(l1=1))
    rig.shop.on("fulfillmentCreate", _created())
    assert rig.adapter.confirm_shipment(_parcel({1: 1, 2: 2})) == Applied(external_id="gid://shopify/Fulfillment/3")
    [call] = rig.shop.of("fulfillmentCreate")
    assert [part["fulfillmentOrderId"][-1] for part in call["f"]["lineItemsByFulfillmentOrder"]] == ["2"]


def test_a_parcel_without_a_number_is_recognised_by_lines_and_time(rig):
    rig.shop.on("order", _to_ship(_fo(1, {1: 1}), fulfilments=[_fulfilment(3, "", made="2026-11-22T12:00:05Z")]))
    rig.shop.on("fulfillment", _shipped_lines(l1=1))
    assert rig.adapter.confirm_shipment(_parcel({1: 1}, tracking="")) == Applied(
        external_id="gid://shopify/Fulfillment/3"
    )
    rig.shop.on("order", _to_ship(_fo(1, {1: 1}), fulfilments=[_fulfilment(3, "", made="2026-11-22T11:00:00Z")]))
    rig.shop.on("fulfillmentCreate", _created())
    rig.adapter.confirm_shipment(_parcel({1: 1}, tracking=""))
    assert len(rig.shop.of("fulfillmentCreate")) == 1


@pytest.mark.parametrize(
    ("order", "code"),
    [
        (_fo(1, {1: 1}, status="ON_HOLD", actions=("RELEASE_HOLD",), holds=("HIGH_RISK_OF_FRAUD",)), "ON_HOLD"),
        (_fo(1, {1: 1}, status="SCHEDULED", actions=()), "SCHEDULED"),
        (_fo(1, {1: 1}, actions=("HOLD",)), "NOT_SHIPPABLE"),
        (_fo(1, {1: 0}), "ALREADY_FULFILLED"),
        (_fo(1, {2: 1}), "UNKNOWN_LINE"),
    ],
)
def test_what_cannot_be_shipped_is_refused_with_a_reason(rig, order, code):
    rig.shop.on("order", _to_ship(order))
    outcome = rig.adapter.confirm_shipment(_parcel({1: 1}))
    assert isinstance(outcome, Refused)
    assert outcome.problems[0].code == code
    assert outcome.problems[0].message.endswith(".")


def test_a_hold_says_why(rig):
    held = _fo(1, {1: 1}, status="ON_HOLD", actions=(), holds=("HIGH_RISK_OF_FRAUD",))
    rig.shop.on("order", _to_ship(held))
    assert "a high risk of fraud" in rig.adapter.confirm_shipment(_parcel({1: 1})).problems[0].message


def test_a_cancelled_and_an_unknown_order(rig):
    rig.shop.on("order", _to_ship(_fo(1, {1: 1}), cancelled="2026-11-22T00:00:00Z"), {"order": None})
    assert rig.adapter.confirm_shipment(_parcel({1: 1})).problems[0].code == "ORDER_CANCELLED"
    assert rig.adapter.confirm_shipment(_parcel({1: 1})).missing


def test_many_fulfilment_orders_and_lines_are_read_to_the_end(rig):
    first = _to_ship(_fo(1, {1: 1}))
    first["order"]["fulfillmentOrders"]["pageInfo"] = {"hasNextPage": True, "endCursor": "f1"}
    second = _to_ship(_fo(2, {2: 1}))
    open_lines = second["order"]["fulfillmentOrders"]["nodes"][0]["lineItems"]
    open_lines["pageInfo"] = {"hasNextPage": True, "endCursor": "l1"}
    rig.shop.on("order", first, second)
    rest = _fo(2, {3: 1})["lineItems"]
    rig.shop.on("fulfillmentOrder", {"fulfillmentOrder": {"id": "x", "lineItems": rest}})
    rig.shop.on("fulfillmentCreate", _created())
    assert isinstance(rig.adapter.confirm_shipment(_parcel({1: 1, 2: 1, 3: 1})), Applied)
    assert [asked["after"] for asked in rig.shop.of("order")] == [None, "f1"]


def test_the_read_back_finds_a_parcel_by_its_number(rig):
    rig.shop.on("order", {"order": {"id": ORDER, "fulfillments": [_fulfilment(3, "00340")]}})
    found = rig.adapter.find_shipment(ORDER, "00340")
    assert found == Found(external_id="gid://shopify/Fulfillment/3", facts={"carrier": "DHL"})
    assert rig.adapter.find_shipment(ORDER, "other") == NotFound()


def test_a_cut_answer_to_a_confirmation_is_an_unknown_outcome(rig):
    rig.shop.on("order", _to_ship(_fo(1, {1: 1})))

    def broken(variables):
        rig.server.plan.arm(Fault(kinds=(FaultKind.HTML_200,)))
        return _to_ship(_fo(1, {1: 1}))

    rig.shop.on("order", broken)
    rig.shop.on("fulfillmentCreate", _created())
    with pytest.raises(OutcomeUnknown):
        rig.adapter.confirm_shipment(_parcel({1: 1}))


def test_finding_asks_for_more_when_the_first_ten_are_full(rig):
    ten = [_fulfilment(n, f"T{n}") for n in range(10)]
    rig.shop.on(
        "order",
        {"order": {"id": ORDER, "fulfillments": ten}},
        {"order": {"id": ORDER, "fulfillments": [*ten, _fulfilment(11, "T11")]}},
    )
    assert rig.adapter.find_shipment(ORDER, "t11").external_id == "gid://shopify/Fulfillment/11"
    assert [asked["n"] for asked in rig.shop.of("order")] == [10, 250]


def test_finding_in_an_unknown_order_is_missing(rig):
    rig.shop.on("order", {"order": None})
    for order_id in (ORDER, "nonsense"):
        with pytest.raises(Missing):
            rig.adapter.find_shipment(order_id, "x")


def test_carriers_are_spelt_as_shopify_spells_them():
    assert [company(name) for name in ("dhl", "dhl express", "ROYAL_MAIL", "usps", "evri", "Bob's Van")] == [
        "DHL", "DHL Express", "Royal Mail", "USPS", "Evri", "Bob's Van",
    ]  # fmt: skip


# ---------------------------------------------------------------- cancelling


def _cancel_state(cancelled=None):
    return {"order": {"id": ORDER, "cancelledAt": cancelled, "displayFulfillmentStatus": "UNFULFILLED"}}


def _job(*, done):
    return {"orderCancel": {"job": {"id": "gid://shopify/Job/1", "done": done}, "orderCancelUserErrors": []}}


def test_a_cancellation_is_submitted_and_polled(rig):
    rig.shop.on("order", _cancel_state())
    rig.shop.on("orderCancel", _job(done=False))
    outcome = rig.adapter.cancel_order(CancelRequest(cancel_key="c", order_id=ORDER))
    assert outcome == Submitted(ticket=json.dumps({"cancel": "gid://shopify/Job/1", "order": ORDER}))
    [asked] = rig.shop.of("orderCancel")
    assert (asked["reason"], asked["restock"]) == ("INVENTORY", False)
    rig.shop.on("job", {"job": {"id": "gid://shopify/Job/1", "done": False}})
    assert rig.adapter.poll(outcome.ticket) == Pending(retry_after_s=5.0)
    rig.shop.on("job", {"job": {"id": "gid://shopify/Job/1", "done": True}})
    rig.shop.on("order", _cancel_state("2026-11-22T12:00:00Z"))
    assert rig.adapter.poll(outcome.ticket) == {ORDER: Applied(external_id=ORDER)}


def test_a_cancelled_order_is_not_cancelled_again(rig):
    rig.shop.on("order", _cancel_state("2026-11-22T12:00:00Z"))
    assert isinstance(rig.adapter.cancel_order(CancelRequest(cancel_key="c", order_id=ORDER)), Applied)
    assert rig.shop.of("orderCancel") == []


def test_the_buyers_wish_restocks(rig):
    rig.shop.on("order", _cancel_state(), _cancel_state("2026-11-22T12:00:00Z"))
    rig.shop.on("orderCancel", _job(done=True))
    rig.shop.on("job", {"job": {"id": "gid://shopify/Job/1", "done": True}})
    request = CancelRequest(cancel_key="c", order_id=ORDER, reason="buyer_request")
    assert rig.adapter.cancel_order(request) == Applied(external_id=ORDER)
    [asked] = rig.shop.of("orderCancel")
    assert (asked["reason"], asked["restock"]) == ("CUSTOMER", True)


def test_what_shopify_cannot_cancel(rig):
    rig.shop.on("order", _cancel_state())
    lines = CancelRequest(cancel_key="c", order_id=ORDER, lines=((_line(1), 1),))
    assert rig.adapter.cancel_order(lines).problems[0].code == "WHOLE_ORDER_ONLY"
    with pytest.raises(Unsupported):
        rig.adapter.cancel_order(CancelRequest(cancel_key="c", order_id=ORDER, accept=False, answers_request=True))
    refused = [{"code": "INVALID", "field": ["orderId"], "message": "Cannot cancel a fulfilled order"}]
    rig.shop.on("orderCancel", {"orderCancel": {"job": None, "orderCancelUserErrors": refused}})
    assert rig.adapter.cancel_order(CancelRequest(cancel_key="c", order_id=ORDER)).problems[0].code == "INVALID"


@pytest.mark.parametrize("ticket", ["", "x", "{}", "[]", "null", '{"cancel": "a"}'])
def test_a_foreign_ticket_is_refused(rig, ticket):
    with pytest.raises(InvalidData):
        rig.adapter.poll(ticket)


# ---------------------------------------------------------------- webhooks


def _headers(body, secret="hush", **more):
    return {
        "X-Shopify-Hmac-SHA256": signature(secret, body), "X-Shopify-Topic": "orders/updated",
        "X-Shopify-Shop-Domain": "teststore.myshopify.com", "X-Shopify-Event-Id": "e1", "X-Shopify-Webhook-Id": "w1",
        **more,
    }  # fmt: skip


def test_the_signature_is_base64_of_hmac_sha256_over_the_raw_body():
    assert (
        signature("key", b"The quick brown fox jumps over the lazy dog")
        == "97yD9DBThCSxMpjmqm+xQ+9NWaFJRhdZl0edvC0aPNg="
    )


def test_a_signed_delivery_is_a_hint_about_its_order(rig):
    raw = b'{"id": 820982911946154508,  "admin_graphql_api_id": "gid://shopify/Order/820982911946154508"}'
    hint = rig.adapter.verify(_headers(raw), raw)
    assert (hint.event_id, hint.topic, hint.order_ids) == (
        "e1", "orders/updated", ("gid://shopify/Order/820982911946154508",),
    )  # fmt: skip
    assert rig.shop.asked == []


def test_a_refund_names_its_order_by_number(rig):
    raw = b'{"id": 5, "order_id": 77}'
    headers = {name.lower(): value for name, value in _headers(raw, **{"X-Shopify-Topic": "refunds/create"}).items()}
    assert rig.adapter.verify(headers, raw).order_ids == ("gid://shopify/Order/77",)


@pytest.mark.parametrize("raw", [b"", b"null", b"[1]", b"{broken", b'{"order_id": {"a": 1}}'])
def test_a_signed_body_without_an_order_is_still_a_hint(rig, raw):
    assert rig.adapter.verify(_headers(raw, **{"X-Shopify-Topic": "products/update"}), raw).order_ids == ()


def test_a_changed_body_a_foreign_secret_and_no_signature_are_refused(rig):
    raw = b'{"id": 1}'
    for headers, sent in (
        (_headers(raw), raw + b" "),
        (_headers(raw, secret="other"), raw),
        ({"X-Shopify-Topic": "orders/updated"}, raw),
        (_headers(raw, **{"X-Shopify-Hmac-SHA256": "ünïcode"}), raw),
    ):
        with pytest.raises(InvalidData):
            rig.adapter.verify(headers, sent)


def test_an_account_without_a_secret_accepts_nothing(make_rig):
    rig = make_rig(secrets={"access_token": "t"})
    raw = b"{}"
    with pytest.raises(InvalidData):
        rig.adapter.verify(_headers(raw, secret=""), raw)


def test_another_shops_delivery_is_refused(rig):
    raw = b"{}"
    with pytest.raises(InvalidData):
        rig.adapter.verify(_headers(raw, **{"X-Shopify-Shop-Domain": "evil.myshopify.com"}), raw)


def test_after_a_rotation_the_old_secret_still_counts(make_rig):
    rig = make_rig(secrets={"access_token": "t", "client_secret": "new", "old_client_secret": "hush"})
    raw = b"{}"
    assert rig.adapter.verify(_headers(raw), raw).event_id == "e1"
