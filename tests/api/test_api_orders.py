"""The queue and one order through the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from hub.channels.contract.records import PaymentState
from hub.db.session import unit
from hub.orders.models import Order, Shipment
from tests.support.web import Shop, problem_of

PERSONAL = ("Ana", "Müller", "Weinbergstraße", "Zürich", "08001", "123 45 67", "ana@example.org")


def pages(shop: Shop, path: str, limit: int) -> list[list[dict[str, Any]]]:
    out, after = [], ""
    while True:
        sign = "&" if "?" in path else "?"
        answer = shop.get(f"{path}{sign}limit={limit}&after={after}")
        assert answer.status_code == 200
        body = answer.get_json()
        out.append(body["data"])
        if body["next"] is None:
            return out
        after = body["next"]


def test_the_queue_comes_in_pages_by_due_time_each_order_once(shop: Shop) -> None:
    for n in (3, 1, 2):
        shop.order(f"B-{n}", at=shop.clock.now() - timedelta(hours=n))
    shop.orders(6)  # all due at the same time
    found = pages(shop, "/orders", 2)
    assert [len(page) for page in found] == [2, 2, 2, 2, 1]
    rows = [row for page in found for row in page]
    assert [row["number"] for row in rows] == ["B-3", "B-2", "B-1", "A-1", "A-2", "A-3", "A-4", "A-5", "A-6"]
    assert {key: rows[0][key] for key in ("id", "account_name", "stage", "units", "total_minor", "currency", "due")} == {
        "id": "ord_1", "account_name": "alpha", "stage": "ready", "units": 2, "total_minor": 3088, "currency": "EUR",
        "due": "2026-11-23T02:00:00Z",
    }  # fmt: skip


def test_orders_that_arrive_while_somebody_turns_pages_do_not_shift_them(shop: Shop) -> None:
    shop.orders(4)
    first = shop.get("/orders?limit=2").get_json()
    shop.order("EARLY", at=shop.clock.now() - timedelta(hours=5))
    second = shop.get(f"/orders?limit=2&after={first['next']}").get_json()
    assert [row["number"] for row in first["data"] + second["data"]] == ["A-1", "A-2", "A-3", "A-4"]


def test_the_queue_can_be_narrowed(shop: Shop) -> None:
    shop.order("PLAIN")
    shop.order("SHORT", (("SKU-2", 9),))
    shop.order("UNPAID", payment=PaymentState.PENDING)
    held = shop.order("HELD", at=shop.clock.now() - timedelta(hours=9))
    shop.post(f"/orders/{held}/hold", {"reason": "ask"})

    def names(query: str) -> set[str]:
        return {row["number"] for row in shop.get(f"/orders?{query}").get_json()["data"]}

    assert names("") == {"PLAIN", "SHORT", "UNPAID", "HELD"}
    assert names("stage=hold&stage=unpaid") == {"UNPAID", "HELD"}
    assert names("short=true") == {"SHORT"}
    assert names("short=false&stage=ready") == {"PLAIN"}
    assert names("due_before=2026-11-23T00:00:00Z") == {"HELD"}
    assert names("account=acc_1&exported=false&recall=false") == {"PLAIN", "SHORT", "UNPAID", "HELD"}
    assert names("account=acc_2") == set()
    assert names("exported=true") == set()
    assert names("stage=shipped") == set()


def test_the_queue_takes_the_same_number_of_queries_however_long_it_is(shop: Shop) -> None:
    shop.orders(2)
    with shop.statements() as few:
        shop.get("/orders")
    shop.orders(100, first=3)
    with shop.statements() as many:
        assert len(shop.get("/orders?limit=100").get_json()["data"]) == 100
    assert len(few) == len(many) == 1


def test_one_order_takes_the_same_number_of_queries_however_long_it_is(shop: Shop) -> None:
    small, large = shop.order("S-1"), shop.order("S-2", tuple(("SKU-1", 1) for _ in range(20)))
    with shop.statements() as few:
        shop.get(f"/orders/{small}")
    with shop.statements() as many:
        assert len(shop.get(f"/orders/{large}").get_json()["lines"]) == 20
    assert len(few) == len(many) <= 6


def test_personal_data_are_masked_unless_asked_for(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    ref = shop.order()
    masked = shop.get(f"/orders/{ref}")
    for word in PERSONAL:
        assert word not in masked.get_data(as_text=True)
    person = masked.get_json()["person"]
    assert (person["masked"], person["known"], person["ship_to"]["name"], person["ship_to"]["country"]) == (
        True, True, "A… M…", "CH",
    )  # fmt: skip
    with caplog.at_level("INFO", logger="hub.web"):
        clear = shop.get(f"/orders/{ref}?personal=true")
    assert clear.get_json()["person"]["ship_to"]["line1"] == "Weinbergstraße 7"
    assert clear.get_json()["person"]["buyer"] == {"name": "Ana Müller", "email": "ana@example.org"}
    assert clear.headers["X-Request-Id"] in caplog.text
    assert clear.headers["Cache-Control"] == "no-store"
    for word in PERSONAL:
        assert word not in caplog.text


def test_the_queue_and_stored_answers_hold_no_personal_data(shop: Shop) -> None:
    ref = shop.order()
    texts = [
        shop.get("/orders").get_data(as_text=True),
        shop.post(f"/orders/{ref}/hold", {"reason": "ask"}).get_data(as_text=True),
        shop.post(f"/orders/{ref}/release").get_data(as_text=True),
        shop.post("/exports").get_data(as_text=True),
        shop.post(f"/orders/{ref}/shipments", {"carrier": "DHL", "tracking": "T"}).get_data(as_text=True),
    ]
    for word in PERSONAL:
        assert not [text for text in texts if word in text]


def test_an_order_is_held_and_released(shop: Shop) -> None:
    ref = shop.order()
    held = shop.post(f"/orders/{ref}/hold", {"reason": "ask the buyer", "until": "2026-11-24T08:00:00+01:00"})
    assert held.get_json() == {
        "id": ref, "number": "A-1", "stage": "hold", "hold_reason": "ask the buyer", "hold_until": "2026-11-24T07:00:00Z",
    }  # fmt: skip
    assert shop.stored(ref).stage == "hold"
    released = shop.post(f"/orders/{ref}/release")
    assert (released.status_code, released.get_json()["stage"]) == (200, "ready")
    assert shop.post(f"/orders/{ref}/release").status_code == 200  # nothing to release is no mistake
    kinds = [event["kind"] for event in shop.get(f"/orders/{ref}").get_json()["events"]]
    assert kinds == ["placed", "paid", "held", "released"]


def test_parcels_are_recorded_line_by_line_and_the_rest_later(shop: Shop) -> None:
    ref = shop.order("P-1", (("SKU-1", 3), ("SKU-2", 1)))
    lines = [line["id"] for line in shop.get(f"/orders/{ref}").get_json()["lines"]]
    first = shop.post(
        f"/orders/{ref}/shipments",
        {
            "carrier": "DHL",
            "tracking": "T1",
            "lines": [{"line": lines[0], "units": 2}],
            "shipped_at": "2026-11-22T08:00:00Z",
        },
    )
    assert first.status_code == 201
    assert first.get_json() == {"order": ref, "shipment": "shp_1", "package": 1, "is_new": True}
    assert shop.stored(ref).stage == "partly"
    second = shop.post(f"/orders/{ref}/shipments", {"carrier": "DHL", "tracking": "T2"})
    assert second.get_json()["package"] == 2
    again = shop.post(f"/orders/{ref}/shipments", {"carrier": "DHL", "tracking": "T2"})
    assert (again.status_code, again.get_json()["is_new"], again.get_json()["package"]) == (200, False, 2)
    body = shop.get(f"/orders/{ref}").get_json()
    assert body["stage"] == "shipped"
    assert [(p["tracking"], p["source"], p["lines"]) for p in body["parcels"]] == [
        ("T1", "api", [{"line": lines[0], "units": 2}]),
        ("T2", "api", [{"line": lines[0], "units": 1}, {"line": lines[1], "units": 1}]),
    ]
    assert shop.moved("SKU-1") == [("ship", -2), ("ship", -1)]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"lines": [{"line": "lin_1", "units": 3}]}, (422, "invalid", "lines")),
        ({"lines": [{"line": "lin_9", "units": 1}]}, (404, "unknown", "lines")),
        ({"lines": [{"line": "lin_1", "units": 1}, {"line": "lin_1", "units": 1}]}, (422, "invalid", "lines")),
        ({"shipped_at": "2026-11-24T09:00:01Z"}, (422, "invalid", "shipped_at")),
        ({"shipped_at": "2026-11-22T09:00:00"}, (422, "invalid", "shipped_at")),
        ({"shipped_at": 1763802000}, (422, "invalid", "shipped_at")),
    ],
)
def test_a_parcel_that_cannot_be_is_refused(shop: Shop, body: dict[str, Any], expected: tuple[int, str, str]) -> None:
    ref = shop.order()
    answer = shop.post(f"/orders/{ref}/shipments", {"carrier": "DHL", "tracking": "T", **body})
    assert problem_of(answer) == expected
    assert shop.count(Shipment) == 0
    assert shop.moved() == []


def test_what_is_not_paid_cannot_be_shipped(shop: Shop) -> None:
    ref = shop.order(payment=PaymentState.PENDING)
    answer = shop.post(f"/orders/{ref}/shipments", {"carrier": "DHL", "tracking": "T"})
    assert problem_of(answer) == (409, "not_allowed_now", "order")
    assert answer.get_json()["fix"] == "wait for the payment"


def test_a_shipped_order_cannot_be_held(shop: Shop) -> None:
    ref = shop.order()
    with unit(shop.system.sessions) as session:
        session.execute(update(Order).values(stage="shipped"))
    assert problem_of(shop.post(f"/orders/{ref}/hold", {"reason": "x"})) == (409, "not_allowed_now", "order")


def test_a_cursor_of_another_list_is_refused(shop: Shop) -> None:
    cursor = shop.get("/stock?limit=1").get_json()["next"]
    assert problem_of(shop.get(f"/orders?after={cursor}")) == (422, "invalid", "after")
