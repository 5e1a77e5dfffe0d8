"""Stock, its explanation, listings and accounts through the API."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from sqlalchemy import select, update

from hub.db.session import reading, unit
from hub.pim.models import Listing
from hub.work.models import WorkItem
from tests.support.builders import a_listing, a_variant, an_account
from tests.support.web import Shop, problem_of


def work(shop: Shop, kind: str) -> list[str]:
    with reading(shop.system.sessions) as session:
        return list(session.scalars(select(WorkItem.key).where(WorkItem.kind == kind).order_by(WorkItem.id)))


def test_stock_is_listed_by_sku_in_pages_with_three_queries(shop: Shop) -> None:
    with unit(shop.system.sessions) as session:
        for n in range(5):
            a_variant(session, sku=f"ÄPFEL/{n}", stock={"main": n, "shop": 2})
    seen, after, queries = [], "", set()
    for _ in range(4):
        with shop.statements() as asked:
            body = shop.get(f"/stock?limit=2&after={after}").get_json()
        queries.add(len(asked))
        seen += [(row["sku"], row["on_hand"]) for row in body["data"]]
        after = body["next"]
    assert after is None
    assert sorted(seen) == sorted(
        [("SKU-1", 50), ("SKU-2", 5), *((f"ÄPFEL/{n}", n + 2) for n in range(5))]
    )  # fmt: skip
    assert len(seen) == len(set(seen)) == 7
    assert queries == {3}


def test_one_sku_with_its_places_promises_and_movements(shop: Shop) -> None:
    shop.order("A-1", (("SKU-1", 2),))
    body = shop.get("/stock/SKU-1").get_json()
    assert {k: body[k] for k in ("sku", "on_hand", "reserved", "available", "short", "price_minor", "currency")} == {
        "sku": "SKU-1", "on_hand": 50, "reserved": 2, "available": 48, "short": 0, "price_minor": 1299, "currency": "EUR",
    }  # fmt: skip
    assert [(p["location"], p["available"]) for p in body["places"]] == [("main", 48)]
    assert [(p["order_ref"], p["wanted"], p["held"]) for p in body["promises"]] == [("A-1", 2, 2)]
    assert [(m["kind"], m["delta"], m["reason"]) for m in body["movements"]] == [("receive", 50, "opening stock")]


def test_a_sku_with_slashes_and_spaces_has_an_address(shop: Shop) -> None:
    with unit(shop.system.sessions) as session:
        a_variant(session, sku="WI//NE 0,75/ROT", stock=4)
    assert shop.get("/stock/WI//NE%200,75/ROT").get_json()["on_hand"] == 4
    assert shop.get("/stock/WI%2F%2FNE%200%2C75%2FROT").get_json()["on_hand"] == 4
    assert problem_of(shop.get("/stock/WI/NE 0,75/ROT")) == (404, "unknown", "sku")


def test_the_three_ways_to_change_a_count(shop: Shop) -> None:
    at = {"sku": "SKU-2", "location": "main"}
    received = shop.post("/stock/receipts", {**at, "quantity": 7, "reason": "delivery 12"}).get_json()
    assert (received["on_hand"], received["changed"]) == (12, 7)
    adjusted = shop.post("/stock/adjustments", {**at, "delta": -2, "reason": "broken"}).get_json()
    assert (adjusted["on_hand"], adjusted["changed"]) == (10, -2)
    version = shop.get("/stock/SKU-2").get_json()["places"][0]["version"]
    counted = shop.post("/stock/counts", {**at, "counted": 9, "seen_version": version}).get_json()
    assert (counted["on_hand"], counted["changed"], counted["version"]) == (9, -1, version + 1)
    stale = shop.post("/stock/counts", {**at, "counted": 4, "seen_version": version})
    assert problem_of(stale) == (409, "stale_edit", "counted")
    assert shop.moved("SKU-2") == [("receive", 7), ("adjust", -2), ("count", -1)]
    assert work(shop, "stock.push") == ["2"]


def test_a_count_below_zero_is_refused_and_orders_that_lose_units_are_named(shop: Shop) -> None:
    shop.order("A-1", (("SKU-2", 4),))
    at = {"sku": "SKU-2", "location": "main"}
    assert problem_of(shop.post("/stock/adjustments", {**at, "delta": -6})) == (422, "invalid", "delta")
    level = shop.post("/stock/counts", {**at, "counted": 1}).get_json()
    assert (level["on_hand"], level["reserved"], level["now_short"]) == (1, 1, ["A-1"])


def test_eight_at_once_with_keys_of_their_own_are_all_carried_out(shop: Shop) -> None:
    start = threading.Barrier(8)

    def send(n: int) -> int:
        start.wait()
        return shop.app.test_client().post(
            "/api/v1/stock/adjustments", json={"sku": "SKU-1", "location": "main", "delta": 1},
            headers={"Idempotency-Key": f"own-{n}"},
        ).status_code  # fmt: skip

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(send, range(8))) == [200] * 8
    assert shop.get("/stock/SKU-1").get_json()["on_hand"] == 58


def test_a_number_is_explained_with_its_sum_and_what_is_on_its_way(shop: Shop) -> None:
    shop.order("A-1", (("SKU-1", 2),))
    with unit(shop.system.sessions) as session:
        other = an_account(session, name="beta", buffer=3, cap=20)
        a_listing(session, other, a_variant(session, sku="SKU-3"), state="ended")
        session.execute(update(Listing).where(Listing.channel_sku == "SKU-1").values(shown_quantity=50))
    body = shop.get("/explain?sku=SKU-1").get_json()
    (row,) = body["listings"]
    assert row["sums"] == {"on_hand": 50, "reserved": 2, "short": 0, "buffer": 0, "cap": None, "publishable": 48}
    assert (row["account"], row["listing"], row["shown"], row["pending"]["state"]) == ("acc_1", "lst_1", 50, "due")
    assert row["says"] == "48 is about to be sent."
    shop.post("/accounts/acc_1/pause", {"reason": "holiday"})
    (row,) = shop.get("/explain?sku=SKU-1&account=acc_1").get_json()["listings"]
    assert row["says"] == "The account is paused: 48 is sent when it is open again."
    assert shop.get("/explain?sku=SKU-1&account=acc_2").get_json()["listings"] == []
    (ended,) = shop.get("/explain?sku=SKU-3").get_json()["listings"]
    assert ended["says"] == "The listing is ended: no number is sent."
    assert problem_of(shop.get("/explain?sku=NOBODY")) == (404, "unknown", "sku")


def test_listings_are_listed_published_and_ended(shop: Shop) -> None:
    with unit(shop.system.sessions) as session:
        a_variant(session, sku="NEW-1")
        a_variant(session, sku="NEW-2")
    published = shop.post("/listings", {"account": "acc_1", "skus": ["NEW-1", "NEW-2", "NEW-1"]})
    assert (published.status_code, published.get_json()) == (202, {"account": "acc_1", "products": 2})
    assert len(work(shop, "listing.publish")) == 2
    first = shop.get("/listings?limit=3").get_json()
    rest = shop.get(f"/listings?limit=3&after={first['next']}").get_json()
    assert [row["sku"] for row in first["data"] + rest["data"]] == ["SKU-1", "SKU-2", "NEW-1", "NEW-2"]
    assert rest["next"] is None
    drafts = shop.get("/listings?state=draft&account=acc_1").get_json()["data"]
    assert [row["sku"] for row in drafts] == ["NEW-1", "NEW-2"]
    assert [row["id"] for row in shop.get("/listings?sku=SKU-2").get_json()["data"]] == ["lst_2"]
    assert shop.get("/listings/lst_2").get_json()["state"] == "live"
    ended = shop.post("/listings/lst_2/end")
    assert (ended.status_code, ended.get_json()) == (202, {"id": "lst_2", "state": "live"})
    assert work(shop, "listing.end") == ["2"]


def test_a_price_in_another_currency_is_not_published(shop: Shop) -> None:
    with unit(shop.system.sessions) as session:
        a_variant(session, sku="USD-1", currency="USD")
    answer = shop.post("/listings", {"account": "acc_1", "skus": ["USD-1"]})
    assert problem_of(answer) == (422, "invalid", "currency")
    assert work(shop, "listing.publish") == []


def test_accounts_are_listed_paused_and_opened(shop: Shop) -> None:
    (row,) = shop.get("/accounts").get_json()["data"]
    assert {k: row[k] for k in ("id", "name", "channel", "state", "colour", "reasons", "needs_human")} == {
        "id": "acc_1", "name": "alpha", "channel": "memory", "state": "open", "colour": "green", "reasons": [],
        "needs_human": 0,
    }  # fmt: skip
    paused = shop.post("/accounts/acc_1/pause", {"reason": "stocktaking"}).get_json()
    assert paused == {"id": "acc_1", "name": "alpha", "state": "paused", "reason": "stocktaking", "changed": True}
    assert shop.post("/accounts/acc_1/pause", {"reason": "again"}).get_json()["changed"] is False
    (row,) = shop.get("/accounts").get_json()["data"]
    assert (row["colour"], row["reasons"]) == ("grey", ["paused: stocktaking"])
    assert shop.post("/accounts/acc_1/resume").get_json()["state"] == "open"


def test_no_secret_of_an_account_is_shown(shop: Shop) -> None:
    with unit(shop.system.sessions) as session:
        an_account(session, name="beta", secrets={"api_key": "very-secret"}, settings={"shop": "private"})
    text = shop.get("/accounts").get_data(as_text=True) + shop.get("/").get_data(as_text=True)
    assert "very-secret" not in text
    assert "private" not in text
