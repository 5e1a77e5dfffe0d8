"""Parcels are reported once, cancellations are asked for once, and who may not is told so."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from ebay_desk import NOW, SECRETS, Shop, open_shop

from hub.channels.contract import (
    Applied,
    AuthFailed,
    CancelRequest,
    Conflict,
    Found,
    InvalidData,
    Missing,
    NotFound,
    OutcomeUnknown,
    Refused,
    ShipmentConfirmation,
)
from hub.channels.ebay.shipments import carrier_code
from hub.channels.ebay.signing import headers

ORDER = "/sell/fulfillment/v1/order/12-1"
PARCELS = f"{ORDER}/shipping_fulfillment"
CANCEL = "/post-order/v2/cancellation"


def parcel(tracking: str = "00340434A", carrier: str = "dhl", *lines: tuple[str, int]) -> ShipmentConfirmation:
    return ShipmentConfirmation(
        shipment_key="s",
        package_number=1,
        order_id="12-1",
        carrier=carrier,
        tracking=tracking,
        shipped_at=datetime(2026, 11, 21, 15, 0, tzinfo=UTC),
        lines=lines or (("L1", 1), ("L2", 2)),
    )


def created(fulfillment_id: str) -> tuple[int, Any, dict[str, str]]:
    return 201, {}, {"Location": f"https://api.ebay.com{PARCELS}/{fulfillment_id}"}


def known(tracking: str) -> tuple[int, Any]:
    row = {"fulfillmentId": "F1", "shipmentTrackingNumber": tracking, "shippingCarrierCode": "DHL", "lineItems": []}
    return 200, {"fulfillments": [row], "total": 1}


def test_a_parcel_is_looked_for_and_then_reported(shop: Shop) -> None:
    shop.desk.on("GET", PARCELS, (200, {"fulfillments": [], "total": 0}))
    shop.desk.on("POST", PARCELS, created("00340434A"))
    assert shop.adapter.confirm_shipment(parcel()) == Applied(external_id="00340434A")
    assert shop.desk.paths() == [f"GET {PARCELS}", f"POST {PARCELS}"]
    assert shop.desk.seen[-1].json() == {
        "lineItems": [{"lineItemId": "L1", "quantity": 1}, {"lineItemId": "L2", "quantity": 2}],
        "shippedDate": "2026-11-21T15:00:00.000Z",
        "shippingCarrierCode": "DHL",
        "trackingNumber": "00340434A",
    }


def test_a_parcel_that_ebay_knows_is_not_reported_again(shop: Shop) -> None:
    shop.desk.on("GET", PARCELS, known("00340434a"))
    assert shop.adapter.confirm_shipment(parcel()) == Applied(external_id="F1")
    assert shop.desk.paths() == [f"GET {PARCELS}"]


def test_find_shipment(shop: Shop) -> None:
    shop.desk.on("GET", PARCELS, known("X1"))
    assert shop.adapter.find_shipment("12-1", "x 1") == Found(external_id="F1", facts={"carrier": "DHL"})
    assert shop.adapter.find_shipment("12-1", "X2") == NotFound()
    assert shop.adapter.find_shipment("12-1", "") == NotFound()


@pytest.mark.parametrize("tracking", ["", "AB 12", "AB-12", "1Z/9", "№1", "Ä1"])
def test_a_tracking_number_with_other_characters_is_refused_without_asking(shop: Shop, tracking: str) -> None:
    outcome = shop.adapter.confirm_shipment(parcel(tracking))
    assert isinstance(outcome, Refused)
    assert outcome.problems[0].field == "tracking"
    assert shop.desk.seen == []


def test_a_parcel_without_units_is_refused(shop: Shop) -> None:
    assert isinstance(shop.adapter.confirm_shipment(parcel("A1", "dhl", ("L1", 0))), Refused)


@pytest.mark.parametrize(
    ("carrier", "code"),
    [
        ("dhl", "DHL"),
        ("Royal Mail", "RoyalMail"),
        ("deutsche_post", "DeutschePost"),
        ("Evri", "Hermes"),
        ("canada-post", "CPC"),
        ("My cousin's van", "Other"),
        ("", "Other"),
    ],
)
def test_carriers_in_ebays_words(carrier: str, code: str) -> None:
    assert carrier_code(carrier) == code


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (
            (400, {"errors": [{"errorId": 32300, "message": "Invalid shipment tracking number or carrier"}]}),
            InvalidData,
        ),
        ((400, {"errors": [{"errorId": 32100, "message": "Invalid Order Id"}]}), Missing),
        ((409, {}), Conflict),
        ((500, {"errors": [{"errorId": 30500, "message": "System error"}]}), OutcomeUnknown),
        ((200, "<html>portal</html>"), OutcomeUnknown),
    ],
)
def test_refusals_of_a_parcel(shop: Shop, answer: tuple[int, Any], kind: type[Exception]) -> None:
    shop.desk.on("GET", PARCELS, (200, {"fulfillments": []}))
    shop.desk.on("POST", PARCELS, answer)
    with pytest.raises(kind):
        shop.adapter.confirm_shipment(parcel())


# ---------------------------------------------------------------- cancellations


def order(state: str = "NONE_REQUESTED", *requests: dict[str, Any], payment: str = "PAID") -> tuple[int, Any]:
    return 200, {
        "orderId": "12-1",
        "orderPaymentStatus": payment,
        "cancelStatus": {"cancelState": state, "cancelRequests": list(requests)},
        "paymentSummary": {"payments": [{"paymentDate": "2026-11-20T00:02:00.000Z"}]},
        "lineItems": [{"lineItemId": "L1", "quantity": 2}],
    }


def asked(state: str = "REQUESTED", who: str = "Buyer", cancel_id: str = "50") -> dict[str, Any]:
    return {"cancelRequestId": cancel_id, "cancelInitiator": who, "cancelRequestState": state}


def request(**more: Any) -> CancelRequest:
    return CancelRequest(cancel_key="c", order_id="12-1", **more)


def test_the_seller_cancels_a_paid_order(shop: Shop) -> None:
    shop.desk.on("GET", ORDER, order())
    shop.desk.on("POST", CANCEL, (200, {"cancelId": "77"}))
    assert shop.adapter.cancel_order(request(reason="address")) == Applied(external_id="77")
    assert shop.desk.seen[-1].headers["authorization"] == "IAF hush-access-1"
    assert shop.desk.seen[-1].headers["x-ebay-c-marketplace-id"] == "EBAY_DE"
    assert shop.desk.seen[-1].json() == {
        "legacyOrderId": "12-1",
        "cancelReason": "ADDRESS_ISSUES",
        "buyerPaid": True,
        "buyerPaidDate": {"value": "2026-11-20T00:02:00.000Z"},
    }


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("out_of_stock", "OUT_OF_STOCK_OR_CANNOT_FULFILL"),
        ("buyer_request", "BUYER_ASKED_CANCEL"),
        ("fraud", "OUT_OF_STOCK_OR_CANNOT_FULFILL"),
        ("other", "OUT_OF_STOCK_OR_CANNOT_FULFILL"),
    ],
)
def test_reasons_in_ebays_words(shop: Shop, reason: str, code: str) -> None:
    shop.desk.on("GET", ORDER, order(payment="PENDING"))
    shop.desk.on("POST", CANCEL, (200, {"cancelId": "77"}))
    shop.adapter.cancel_order(request(reason=reason))
    assert shop.desk.seen[-1].json() == {"legacyOrderId": "12-1", "cancelReason": code, "buyerPaid": False}


def test_a_cancelled_order_is_not_cancelled_again(shop: Shop) -> None:
    shop.desk.on("GET", ORDER, order("CANCELED", asked("COMPLETED")))
    assert isinstance(shop.adapter.cancel_order(request()), Applied)
    assert isinstance(shop.adapter.cancel_order(request(answers_request=True)), Applied)
    assert isinstance(shop.adapter.cancel_order(request(answers_request=True, accept=False)), Refused)
    assert shop.desk.paths() == [f"GET {ORDER}"] * 3


def test_a_cancellation_of_ours_that_is_under_way_is_not_made_again(shop: Shop) -> None:
    shop.desk.on("GET", ORDER, order("IN_PROGRESS", asked(who="Seller")))
    assert shop.adapter.cancel_order(request()) == Applied(external_id="50")
    assert shop.desk.paths() == [f"GET {ORDER}"]


def test_a_cancellation_meets_the_buyers_request(shop: Shop) -> None:
    shop.desk.on("GET", ORDER, order("IN_PROGRESS", asked()))
    shop.desk.on("POST", f"{CANCEL}/50/approve", (200, None))
    assert shop.adapter.cancel_order(request()) == Applied(external_id="50")


@pytest.mark.parametrize(("accept", "verb"), [(True, "approve"), (False, "reject")])
def test_the_buyers_request_is_answered(shop: Shop, accept: bool, verb: str) -> None:
    shop.desk.on("GET", ORDER, order("IN_PROGRESS", asked("REJECTED", cancel_id="49"), asked()))
    shop.desk.on("POST", f"{CANCEL}/50/{verb}", (200, None))
    assert shop.adapter.cancel_order(request(answers_request=True, accept=accept)) == Applied(external_id="50")
    assert shop.desk.paths()[-1] == f"POST {CANCEL}/50/{verb}"
    assert shop.desk.seen[-1].body == (b"" if accept else b"{}")


def test_a_request_that_is_gone(shop: Shop) -> None:
    shop.desk.on("GET", ORDER, order("NONE_REQUESTED", asked("REJECTED")))
    assert isinstance(shop.adapter.cancel_order(request(answers_request=True, accept=False)), Applied)
    assert isinstance(shop.adapter.cancel_order(request(answers_request=True)), Refused)


def test_only_whole_orders_can_be_cancelled(shop: Shop) -> None:
    shop.desk.on("GET", ORDER, order())
    shop.desk.on("POST", CANCEL, (200, {"cancelId": "77"}))
    assert isinstance(shop.adapter.cancel_order(request(lines=(("L1", 1),))), Refused)
    assert isinstance(shop.adapter.cancel_order(request(lines=(("L1", 2),))), Applied)


def test_post_orders_own_error_shape_is_read(shop: Shop) -> None:
    shop.desk.on("GET", ORDER, order())
    body = {"error": [{"errorId": 1616, "message": {"value": "Order is not eligible for cancellation."}}]}
    shop.desk.on("POST", CANCEL, (400, body))
    with pytest.raises(InvalidData) as caught:
        shop.adapter.cancel_order(request())
    assert (caught.value.code, caught.value.message) == ("1616", "Order is not eligible for cancellation.")


# ---------------------------------------------------------------- digital signatures


def keypair() -> tuple[Ed25519PrivateKey, str, str]:
    key = Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return key, pem, "".join(pem.splitlines()[1:-1])


@pytest.mark.parametrize("body", [None, b'{"hello": "world"}'])
@pytest.mark.parametrize("bare", [False, True])
def test_a_signature_covers_digest_key_method_path_and_host(body: bytes | None, bare: bool) -> None:
    key, pem, base64_key = keypair()
    made = headers(
        method="POST",
        url="https://api.ebay.com/post-order/v2/cancellation?x=1",
        body=body,
        jwe="JWE",
        key=base64_key if bare else pem,
        now=NOW,
    )
    names = '"x-ebay-signature-key" "@method" "@path" "@authority"'
    covered = (f'("content-digest" {names})' if body else f"({names})") + f";created={int(NOW.timestamp())}"
    assert made["Signature-Input"] == "sig1=" + covered
    lines = []
    if body:
        digest = "sha-256=:" + base64.b64encode(hashlib.sha256(body).digest()).decode() + ":"
        assert made["Content-Digest"] == digest
        lines.append(f'"content-digest": {digest}')
    lines += [
        '"x-ebay-signature-key": JWE',
        '"@method": POST',
        '"@path": /post-order/v2/cancellation',
        '"@authority": api.ebay.com',
        f'"@signature-params": {covered}',
    ]
    signature = base64.b64decode(made["Signature"].removeprefix("sig1=:").removesuffix(":"))
    key.public_key().verify(signature, "\n".join(lines).encode())


def test_cancellations_are_signed_where_the_account_has_a_key() -> None:
    _, pem, _ = keypair()
    with open_shop(secrets={**SECRETS, "signing_jwe": "JWE", "signing_key": pem}) as shop:
        shop.desk.on("GET", ORDER, order())
        shop.desk.on("POST", CANCEL, (200, {"cancelId": "77"}))
        shop.adapter.cancel_order(request())
        assert shop.desk.seen[-1].headers["x-ebay-signature-key"] == "JWE"
        assert "signature" not in shop.desk.seen[-2].headers


@pytest.mark.parametrize("key", ["hush", "aGVsbG8=", "-----BEGIN X-----\n-----END X-----"])
def test_a_key_that_is_none_is_invalid_and_not_shown(key: str) -> None:
    with pytest.raises(InvalidData) as caught:
        headers(method="GET", url="https://api.ebay.com/x", body=None, jwe="", key=key, now=NOW)
    assert caught.value.__cause__ is None
    assert key not in str(caught.value.__dict__)


# ---------------------------------------------------------------- who am I


USER = "/commerce/identity/v1/user/"


def policies(shop: Shop, status: int = 200) -> None:
    for kind in ("payment", "return", "fulfillment"):
        shop.desk.on("GET", f"/sell/account/v1/{kind}_policy/.*", (status, {}))


def test_probe_tells_the_account(shop: Shop) -> None:
    shop.desk.on(
        "GET", USER, (200, {"userId": "u~1", "username": "plain-knives", "registrationMarketplaceId": "EBAY_DE"})
    )
    policies(shop)
    identity = shop.adapter.probe()
    assert (identity.account, identity.label) == ("u~1", "plain-knives")
    assert (identity.missing_scopes, identity.notes) == ((), ())


def test_probe_tells_what_is_missing(shop: Shop) -> None:
    shop.desk.on("GET", USER, (200, {"userId": "u~1"}))
    policies(shop, 404)
    assert shop.adapter.probe().notes == (
        "eBay has no payment policy P1.",
        "eBay has no return policy R1.",
        "eBay has no fulfillment policy F1.",
    )
    denied = {"errors": [{"errorId": 1100, "message": "Insufficient permissions"}]}
    shop.desk.on("GET", USER, (403, denied))
    shop.desk.on("GET", "/sell/fulfillment/v1/order", (200, {"orders": []}))
    shop.desk.on("GET", "/sell/account/v1/payment_policy/.*", (403, denied))
    assert shop.adapter.probe().missing_scopes == ("commerce.identity.readonly", "sell.account")


def test_probe_fails_when_nothing_is_allowed(shop: Shop) -> None:
    denied = {"errors": [{"errorId": 1100, "message": "Insufficient permissions"}]}
    shop.desk.on("GET", USER, (403, denied))
    shop.desk.on("GET", "/sell/fulfillment/v1/order", (403, denied))
    with pytest.raises(AuthFailed):
        shop.adapter.probe()
