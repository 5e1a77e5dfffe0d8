"""A POST is carried out once, however often and however fast it is repeated."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

from hub.db.session import reading
from hub.orders.models import Shipment
from hub.web import idempotency
from hub.web.api import stock as stock_api
from hub.web.models import IdempotencyKey
from tests.support.web import Shop, problem_of

ADD = {"sku": "SKU-1", "location": "main", "delta": 3, "reason": "found"}


def test_the_same_key_again_gives_the_same_answer_and_one_effect(shop: Shop) -> None:
    first = shop.post("/stock/adjustments", ADD, key="once")
    shop.post("/stock/adjustments", {**ADD, "delta": 1}, key="between")
    again = shop.post("/stock/adjustments", dict(reversed(ADD.items())), key="once")
    assert first.status_code == again.status_code == 200
    assert first.get_data() == again.get_data()
    assert first.get_json()["on_hand"] == 53
    assert "Idempotent-Replayed" not in first.headers
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.headers["X-Request-Id"] != first.headers["X-Request-Id"]
    assert shop.moved() == [("adjust", 3), ("adjust", 1)]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/stock/adjustments", {**ADD, "delta": 4}),
        ("/stock/receipts", {"sku": "SKU-1", "location": "main", "quantity": 3}),
    ],
)
def test_a_key_is_not_good_for_another_request(shop: Shop, path: str, body: dict[str, object]) -> None:
    shop.post("/stock/adjustments", ADD, key="once")
    assert problem_of(shop.post(path, body, key="once")) == (422, "idempotency_key_reused", "Idempotency-Key")
    assert shop.moved() == [("adjust", 3)]


def test_a_key_is_not_good_for_another_order(shop: Shop) -> None:
    first, second = shop.order("A-1"), shop.order("A-2")
    assert shop.post(f"/orders/{first}/hold", {"reason": "ask"}, key="k").status_code == 200
    refused = shop.post(f"/orders/{second}/hold", {"reason": "ask"}, key="k")
    assert problem_of(refused) == (422, "idempotency_key_reused", "Idempotency-Key")
    assert shop.stored(second).stage == "ready"


def test_a_refusal_is_an_answer_too_and_is_given_again(shop: Shop) -> None:
    ref = shop.order()
    shop.post(f"/orders/{ref}/hold", {"reason": "ask the buyer"})
    body = {"carrier": "DHL", "tracking": "T1"}
    first = shop.post(f"/orders/{ref}/shipments", body, key="ship")
    assert problem_of(first) == (409, "not_allowed_now", "order")
    shop.post(f"/orders/{ref}/release")
    again = shop.post(f"/orders/{ref}/shipments", body, key="ship")
    assert problem_of(again) == (409, "not_allowed_now", "order")
    assert again.headers["Idempotent-Replayed"] == "true"
    assert shop.count(Shipment) == 0
    assert shop.post(f"/orders/{ref}/shipments", body, key="ship-2").status_code == 201


def test_what_a_refused_effect_had_begun_is_taken_back(shop: Shop) -> None:
    """The wrong SKU comes last: the effect of the first is gone, and the answer is kept."""
    refused = shop.post("/listings", {"account": "acc_1", "skus": ["SKU-1", "NOBODY"]}, key="k")
    assert problem_of(refused) == (404, "unknown", "skus")
    with reading(shop.system.sessions) as session:
        row = session.scalars(select(IdempotencyKey)).one()
        assert (row.key, row.route, row.status) == ("k", "POST /api/v1/listings", 404)


def test_a_request_that_is_not_valid_leaves_its_key_free(shop: Shop) -> None:
    assert shop.post("/stock/adjustments", {**ADD, "delta": "3"}, key="k").status_code == 422
    assert shop.count(IdempotencyKey) == 0
    assert shop.post("/stock/adjustments", ADD, key="k").status_code == 200


def test_a_failure_half_way_leaves_nothing_and_the_key_may_be_used_again(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer cannot be written: the effect, which was complete, goes with it."""

    def fails(self: object) -> str:
        raise OSError("the machine stumbles")

    with monkeypatch.context() as patch:
        patch.setattr(stock_api.LevelOut, "model_dump_json", fails)
        assert problem_of(shop.post("/stock/adjustments", ADD, key="k")) == (500, "internal", None)
    assert shop.moved() == []
    assert shop.count(IdempotencyKey) == 0
    assert shop.post("/stock/adjustments", ADD, key="k").status_code == 200
    assert shop.moved() == [("adjust", 3)]


def test_eight_threads_with_one_key_have_one_effect(shop: Shop) -> None:
    start = threading.Barrier(8)

    def send(_: int) -> tuple[int, str]:
        client = shop.app.test_client()
        start.wait()
        answer = client.post("/api/v1/stock/adjustments", json=ADD, headers={"Idempotency-Key": "race"})
        return answer.status_code, answer.get_data(as_text=True)

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(send, range(8)))
    assert shop.moved() == [("adjust", 3)]
    assert {status for status, _ in answers} <= {200, 409}
    assert len({text for status, text in answers if status == 200}) == 1
    for text in (text for status, text in answers if status == 409):
        assert json.loads(text)["code"] == "in_flight"


def test_eight_threads_over_two_processes_applications_have_one_effect(shop: Shop) -> None:
    """Two applications know nothing of each other's running requests: the database decides alone."""
    apps = [shop.another(), shop.another()]
    start = threading.Barrier(8)

    def send(n: int) -> int:
        client = apps[n % 2].test_client()
        start.wait()
        return client.post(
            "/api/v1/stock/adjustments", json=ADD, headers={"Idempotency-Key": "race"}
        ).status_code  # fmt: skip

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(send, range(8)))
    assert shop.moved() == [("adjust", 3)]
    assert 200 in statuses
    assert set(statuses) <= {200, 409}


def test_who_repeats_while_the_first_is_running_is_told_so(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    inside, go_on = threading.Event(), threading.Event()
    real = stock_api.stock.change

    def slow(*arguments: object) -> object:
        inside.set()
        assert go_on.wait(10)
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(stock_api.stock, "change", slow)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(shop.post, "/stock/adjustments", ADD, key="slow")
        assert inside.wait(10)
        second = shop.post("/stock/adjustments", ADD, key="slow")
        go_on.set()
        assert first.result(10).status_code == 200
    assert problem_of(second) == (409, "in_flight", "Idempotency-Key")
    assert second.headers["Retry-After"] == "1"
    assert shop.moved() == [("adjust", 3)]


def test_an_answer_is_kept_for_24_hours_and_the_ledger_still_knows_the_request_after_that(shop: Shop) -> None:
    shop.post("/stock/adjustments", ADD, key="old")
    shop.clock.advance(timedelta(hours=24))
    assert shop.post("/stock/adjustments", ADD, key="old").headers["Idempotent-Replayed"] == "true"
    shop.clock.advance(timedelta(seconds=1))
    late = shop.post("/stock/adjustments", ADD, key="old")
    assert "Idempotent-Replayed" not in late.headers
    assert late.get_json()["changed"] == 0
    other = shop.post("/stock/adjustments", {**ADD, "delta": 5}, key="new")
    assert other.get_json()["changed"] == 5
    assert shop.moved() == [("adjust", 3), ("adjust", 5)]


def test_old_answers_are_forgotten_as_new_requests_come(shop: Shop) -> None:
    for n in range(3):
        shop.post("/stock/adjustments", ADD, key=f"old-{n}")
    shop.clock.advance(timedelta(hours=25))
    shop.post("/stock/adjustments", ADD, key="new")
    assert shop.count(IdempotencyKey) == 1
    assert idempotency.purge(shop.system.sessions, shop.clock.now()) == 0


def test_every_post_needs_a_proper_key(shop: Shop) -> None:
    for headers, code in (
        ({}, "idempotency_key_missing"),
        ({"Idempotency-Key": ""}, "idempotency_key_invalid"),
        ({"Idempotency-Key": "two words"}, "idempotency_key_invalid"),
        ({"Idempotency-Key": "é"}, "idempotency_key_invalid"),
        ({"Idempotency-Key": "k" * 256}, "idempotency_key_invalid"),
    ):
        answer = shop.client.post("/api/v1/stock/adjustments", json=ADD, headers=headers)
        assert problem_of(answer) == (400, code, "Idempotency-Key")
    assert shop.moved() == []


def test_a_key_of_255_characters_is_fine(shop: Shop) -> None:
    assert shop.post("/stock/adjustments", ADD, key="~" * 255).status_code == 200
