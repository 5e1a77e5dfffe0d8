"""Order files through the API: each order in one file, the same bytes however often."""

from __future__ import annotations

import base64
import hashlib

from sqlalchemy import update

from hub.db.session import unit
from hub.shipping.models import ExportBatch
from tests.support.web import Shop, problem_of


def test_a_file_is_made_once_and_downloaded_as_often_as_wanted(shop: Shop) -> None:
    first, second = shop.order("A-1"), shop.order("A-2", (("SKU-2", 9),))
    made = shop.post("/exports", {"orders": [first, second]}, key="once")
    assert made.status_code == 201
    body = made.get_json()
    assert (body["orders"], body["rows"], body["left_out_count"]) == (1, 1, 1)
    assert body["left_out"][0]["order"] == second
    assert body["left_out"][0]["cause"] == "not every unit of it is in stock"
    assert shop.post("/exports", {"orders": [first, second]}, key="once").get_json() == body
    assert shop.count(ExportBatch) == 1
    one, two = (shop.get(f"/exports/{body['batch']}/file") for _ in range(2))
    assert one.mimetype == "text/csv"
    assert one.get_data() == two.get_data()
    checksum = hashlib.sha256(one.get_data())
    assert checksum.hexdigest() == body["checksum"]
    assert one.headers["Content-Digest"] == f"sha-256=:{base64.b64encode(checksum.digest()).decode()}:"
    assert one.headers["Content-Disposition"].startswith('attachment; filename="orders-generic-20261122-090000-')
    assert one.headers["Cache-Control"] == "no-store"
    assert "Weinbergstraße 7" in one.get_data(as_text=True)


def test_nothing_to_export_is_an_answer_without_a_batch(shop: Shop) -> None:
    answer = shop.post("/exports")
    assert (answer.status_code, answer.get_json()["batch"], answer.get_json()["orders"]) == (200, None, 0)
    assert shop.count(ExportBatch) == 0


def test_an_unknown_layout_is_refused_with_those_there_are(shop: Shop) -> None:
    answer = shop.post("/exports", {"profile": "nobody"})
    assert problem_of(answer) == (422, "invalid", "profile")
    assert "generic" in answer.get_json()["fix"]


def test_batches_are_listed_newest_first_with_what_is_in_them(shop: Shop) -> None:
    made = []
    for n in range(3):
        shop.order(f"A-{n}")
        made.append(shop.post("/exports").get_json()["batch"])
    first = shop.get("/exports?limit=2").get_json()
    rest = shop.get(f"/exports?limit=2&after={first['next']}").get_json()
    assert [row["batch"] for row in first["data"] + rest["data"]] == made[::-1]
    assert rest["next"] is None
    assert (first["data"][0]["kept"], first["data"][0]["to_ship"], first["data"][0]["recalls"]) == (True, 1, 0)
    inside = shop.get(f"/exports/{made[0]}/orders").get_json()["data"]
    assert [(row["order"], row["number"], row["stage"], row["again"]) for row in inside] == [
        ("ord_1", "A-0", "ready", False)
    ]


def test_a_file_whose_time_is_over_cannot_be_downloaded(shop: Shop) -> None:
    shop.order()
    batch = shop.post("/exports").get_json()["batch"]
    with unit(shop.system.sessions) as session:
        session.execute(update(ExportBatch).values(content=None, purged_at=shop.clock.now()))
    assert problem_of(shop.get(f"/exports/{batch}/file")) == (409, "not_allowed_now", "batch")
    assert problem_of(shop.get("/exports/exp_00000000000000000000/file")) == (404, "unknown", "batch")
