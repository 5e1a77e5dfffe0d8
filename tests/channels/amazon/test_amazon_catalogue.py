"""Everything that the account lists: the search's shape, windows past its first thousand, one listing read whole."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from amazon_support import STORE, Script, bench, reply
from test_amazon_contracts import problems

from hub.channels.amazon import catalogue
from hub.channels.contract import ChannelListing, InvalidData, ListingState, Unsupported
from hub.kernel.clock import iso_millis, parse_instant
from tests.support.contract_schemas import amazon_answer_problems

SHOWN = 6  # what a search of the little Amazon below shows at most

SHIRT: dict[str, Any] = {
    "sku": "SHIRT-M",
    "summaries": [
        {
            "marketplaceId": STORE,
            "asin": "B0SHIRT001",
            "productType": "SHIRT",
            "conditionType": "new_new",
            "status": ["BUYABLE", "DISCOVERABLE"],
            "itemName": "Plain shirt, M",
            "createdDate": "2026-01-02T03:04:05Z",
            "lastUpdatedDate": "2026-01-02T03:04:05Z",
        }
    ],
    "attributes": {
        "brand": [{"value": "Plain", "marketplace_id": STORE}],
        "product_description": [{"value": "A plain shirt.", "language_tag": "de_DE", "marketplace_id": STORE}],
        "externally_assigned_product_identifier": [
            {"type": "ean", "value": "4006381333931", "marketplace_id": STORE},
            {"type": "asin", "value": "B0SHIRT001", "marketplace_id": STORE},
        ],
        "size": [{"value": "M", "marketplace_id": STORE}],
        "color": [{"value": "Blue", "marketplace_id": STORE}],
        "main_product_image_locator": [{"media_location": "https://img.example.test/1.jpg", "marketplace_id": STORE}],
        "other_product_image_locator_1": [
            {"media_location": "https://img.example.test/2.jpg", "marketplace_id": STORE}
        ],
    },
    "offers": [
        {"marketplaceId": STORE, "offerType": "B2B", "price": {"currencyCode": "EUR", "amount": "9.00"}},
        {"marketplaceId": STORE, "offerType": "B2C", "price": {"currencyCode": "EUR", "amount": "12.50"}},
    ],
    "fulfillmentAvailability": [{"fulfillmentChannelCode": "DEFAULT", "quantity": 7}],
    "relationships": [
        {
            "marketplaceId": STORE,
            "relationships": [
                {
                    "type": "VARIATION",
                    "parentSkus": ["SHIRT"],
                    "variationTheme": {"attributes": ["size_name", "color_name"], "theme": "SIZE_NAME/COLOR_NAME"},
                }
            ],
        }
    ],
    "productTypes": [{"marketplaceId": STORE, "productType": "SHIRT"}],
    "issues": [],
}


def page(*items: dict[str, Any], found: int | None = None, token: str | None = None) -> dict[str, Any]:
    return {
        "numberOfResults": len(items) if found is None else found,
        "pagination": {"nextToken": token} if token else {},
        "items": list(items),
    }


def made(sku: str, at: datetime) -> dict[str, Any]:
    summary = {**SHIRT["summaries"][0], "createdDate": iso_millis(at)}
    return {"sku": sku, "summaries": [summary]}


def little_amazon(shelf: list[dict[str, Any]], query: dict[str, Any]) -> dict[str, Any]:
    """A search that shows SHOWN listings and no more."""
    after = query.get("createdAfter")
    rows = [
        row
        for row in shelf
        if after is None or parse_instant(row["summaries"][0]["createdDate"]) >= parse_instant(after)
    ]
    start = int(query.get("pageToken") or 0)
    size = query["pageSize"]
    shown = rows[:SHOWN][start : start + size]
    token = str(start + size) if start + size < min(len(rows), SHOWN) else None
    return page(*shown, found=len(rows), token=token)


def pull_all(shelf: list[dict[str, Any]], size: int) -> list[ChannelListing]:
    cursor, out = None, []
    for _ in range(200):
        window = catalogue.open_window(cursor)
        query = catalogue.build_query(window, marketplace_id=STORE, limit=size)
        told = catalogue.parse_page(little_amazon(shelf, query), window, marketplace_id=STORE)
        out += told.listings
        cursor = told.cursor
        assert len(cursor.encode()) <= 4096
        if not told.has_more:
            return out
    raise AssertionError("no end")


def test_a_listing_is_read_whole() -> None:
    (shirt,) = catalogue.parse_page(page(SHIRT), catalogue.Window(), marketplace_id=STORE).listings
    assert (shirt.key, shirt.ref.channel_sku, shirt.ref.external_id) == ("SHIRT-M", "SHIRT-M", "B0SHIRT001")
    assert (shirt.title, shirt.description, shirt.brand) == ("Plain shirt, M", "A plain shirt.", "Plain")
    assert (shirt.gtins, shirt.quantity, shirt.state) == (("4006381333931",), 7, ListingState.LIVE)
    assert shirt.price is not None
    assert (shirt.price.minor, shirt.price.currency) == (1250, "EUR")
    assert (shirt.group, dict(shirt.options)) == ("SHIRT", {"Size": "M", "Color": "Blue"})
    assert shirt.images == ("https://img.example.test/1.jpg", "https://img.example.test/2.jpg")
    assert (shirt.category, shirt.ref.facts["product_type"]) == ("SHIRT", "SHIRT")
    assert json.loads(shirt.raw) == SHIRT


def test_the_written_listing_is_one_that_amazon_could_send() -> None:
    assert amazon_answer_problems(page(SHIRT), "listingsItems_2021-08-01", "searchListingsItems", 200) == []


def test_a_variation_parent_is_no_listing() -> None:
    relation = {"type": "VARIATION", "childSkus": ["SHIRT-M"]}
    parent = {"sku": "SHIRT", "relationships": [{"marketplaceId": STORE, "relationships": [relation]}]}
    told = catalogue.parse_page(page(parent, SHIRT), catalogue.Window(), marketplace_id=STORE)
    assert [x.key for x in told.listings] == ["SHIRT-M"]
    assert told.bad == ()


@pytest.mark.parametrize("row", [17, None, "x", {}, {"sku": ["a"]}, {"sku": "A", "summaries": "none"}])
def test_what_cannot_be_read_stops_no_other(row: Any) -> None:
    told = catalogue.parse_page({"numberOfResults": 2, "items": [row, SHIRT]}, catalogue.Window(), marketplace_id=STORE)
    assert [x.key for x in told.listings] == ["SHIRT-M"]
    assert len(told.bad) == 1
    assert told.bad[0].why


@pytest.mark.parametrize("size", [1, 2, 3, 6])
@pytest.mark.parametrize("together", [1, 2, 5])
def test_more_than_a_search_shows_comes_all_and_once(size: int, together: int) -> None:
    """Listings created by `together` at a time, so that a window's edge falls into the middle of an instant."""
    start = parse_instant("2026-01-01T00:00:00Z")
    shelf = [made(f"S-{n:03d}", start + timedelta(seconds=n // together)) for n in range(20)]
    assert [x.key for x in pull_all(shelf, size)] == [f"S-{n:03d}" for n in range(20)]


def test_more_in_one_instant_than_a_search_shows_is_said_not_skipped() -> None:
    start = parse_instant("2026-01-01T00:00:00Z")
    with pytest.raises(Unsupported, match="one instant"):
        pull_all([made(f"S-{n:03d}", start) for n in range(SHOWN + 1)], 3)


@pytest.mark.parametrize("text", ["", "null", "[]", "{}", '{"of": "listings"}', '{"of": "orders"}'])
def test_a_strange_cursor_is_refused(text: str) -> None:
    with pytest.raises(InvalidData):
        catalogue.open_window(text)


@pytest.mark.contracts
def test_the_search_is_one_that_amazon_knows() -> None:
    last = made("B", parse_instant("2026-02-01T00:00:00Z"))
    script = Script(reply(page(SHIRT, found=2, token="t")), reply(page(last, found=9)), reply(page(last)))
    with script.serve() as url:
        adapter = bench(url).adapter
        first = adapter.pull_listings(None, limit=20)
        second = adapter.pull_listings(first.cursor, limit=20)
        third = adapter.pull_listings(second.cursor, limit=20)
    assert [problems(seen) for seen in script.seen] == [[], [], []]
    assert [seen.query.get("pageToken") for seen in script.seen] == [None, "t", None]
    assert script.seen[2].query["createdAfter"] == "2026-02-01T00:00:00.000Z"
    assert (second.has_more, third.has_more, third.listings) == (True, False, ())
