"""The client on the wire: tokens, charging, faults for reading and writing, and secrets that stay secret."""

from __future__ import annotations

import gzip
import json
import threading
from datetime import timedelta

import pytest
from amazon_support import NOW, SELLER, STORE, Script, Tokens, amazon_error, bench, page, reply
from werkzeug.wrappers import Request, Response

from hub.channels.amazon.faults import Redactor, wait_s
from hub.channels.contract import (
    AdapterBug,
    AuthFailed,
    ChannelError,
    Conflict,
    Deferred,
    InvalidData,
    ListingRef,
    Missing,
    OutcomeUnknown,
    PriceLevel,
    Refused,
    ShipmentConfirmation,
    StockLevel,
    Throttled,
    Unavailable,
    Unclear,
)
from hub.kernel.clock import FixedClock
from hub.kernel.errors import Misconfigured
from hub.kernel.money import Money
from hub.loopback.faults import Fault, FaultKind, FaultPlan
from hub.loopback.server import LoopbackServer

ACCEPTED = {"sku": "A", "status": "ACCEPTED", "submissionId": "1", "issues": []}
NO_ORDERS = {"orders": []}
STORES = {
    "payload": [
        {
            "marketplace": {
                "id": STORE, "name": "Amazon.de", "countryCode": "DE", "defaultCurrencyCode": "EUR",
                "defaultLanguageCode": "de_DE", "domainName": "www.amazon.de",
            },
            "participation": {"isParticipating": True, "hasSuspendedListings": False},
            "storeName": "Knives",
        }
    ]
}  # fmt: skip


def level(sku: str = "A", quantity: int = 3) -> StockLevel:
    return StockLevel(ref=ListingRef(channel_sku=sku), quantity=quantity, revision=1, idempotency_key=f"k{sku}")


# ---------------------------------------------------------------- what goes over the wire


def test_a_stock_patch_is_the_documented_request() -> None:
    script = Script(reply(ACCEPTED))
    with script.serve() as url:
        made = bench(url)
        made.adapter.push_stock([level("SKU/1 ä%", 3)])
    seen = script.seen[0]
    assert (seen.method, seen.path) == ("PATCH", f"/listings/2021-08-01/items/{SELLER}/SKU%2F1%20%C3%A4%25")
    assert seen.query == {"marketplaceIds": STORE}
    assert seen.json() == {
        "productType": "PRODUCT",
        "patches": [
            {
                "op": "merge",
                "path": "/attributes/fulfillment_availability",
                "value": [{"fulfillment_channel_code": "DEFAULT", "quantity": 3}],
            }
        ],
    }
    assert seen.headers["x-amz-access-token"] == "Atza|token-1"
    assert seen.headers["host"] == url.removeprefix("http://")


def test_ending_a_listing_deletes_it_in_one_store() -> None:
    script = Script(reply(ACCEPTED))
    with script.serve() as url:
        bench(url).adapter.end_listing(ListingRef(channel_sku="A"))
    assert (script.seen[0].method, script.seen[0].query) == ("DELETE", {"marketplaceIds": STORE})


def test_every_request_goes_through_the_wire_under_its_operations_name() -> None:
    script = Script(reply(STORES), reply(ACCEPTED), reply(NO_ORDERS))
    with script.serve() as url:
        made = bench(url)
        made.adapter.probe()
        made.adapter.push_stock([level()])
        made.adapter.pull_orders(None, limit=10)
    assert [(row.operation, row.writing, row.status) for row in made.traffic] == [
        ("token", False, 200),
        ("getMarketplaceParticipations", False, 200),
        ("patchListingsItem", True, 200),
        ("searchOrders", False, 200),
    ]


def test_the_search_of_orders_is_one_store_one_window() -> None:
    script = Script(reply(NO_ORDERS))
    with script.serve() as url:
        bench(url).adapter.pull_orders(None, limit=7)
    assert script.seen[0].query == {
        "lastUpdatedAfter": "2026-10-23T09:00:00.000Z",
        "lastUpdatedBefore": "2026-11-22T08:57:45.000Z",
        "marketplaceIds": STORE,
        "maxResultsPerPage": "7",
        "includedData": "BUYER,RECIPIENT,PROCEEDS,CANCELLATION,FULFILLMENT,PACKAGES",
    }


# ---------------------------------------------------------------- probe


def test_the_probe_names_the_store() -> None:
    with Script(reply(STORES)).serve() as url:
        told = bench(url).adapter.probe()
    assert (told.account, told.label, told.notes) == (SELLER, "Knives · Amazon.de", ())
    assert told.facts["currency"] == "EUR"


def test_the_probe_says_that_the_store_is_missing() -> None:
    with Script(reply(STORES)).serve() as url:
        told = bench(url, marketplace_id="ATVPDKIKX0DER").adapter.probe()
    assert told.notes == (f"The credentials do not reach the store ATVPDKIKX0DER; they reach {STORE}.",)


@pytest.mark.parametrize(
    ("changes", "field"),
    [({"seller_id": ""}, "seller_id"), ({"feed_from": "many"}, None), ({"orders_since": "x"}, None)],
)
def test_settings_that_make_no_sense_are_told_when_the_account_is_opened(
    changes: dict[str, str], field: str | None
) -> None:
    with pytest.raises(Misconfigured) as caught:
        bench("http://127.0.0.1:1", **changes)
    assert caught.value.field == field


# ---------------------------------------------------------------- tokens


def test_twelve_accounts_fetch_twelve_tokens_for_thirty_six_calls() -> None:
    script = Script(reply(NO_ORDERS))
    clock = FixedClock(NOW)
    tokens = Tokens(clock)
    with script.serve() as url:
        made = [
            bench(url, clock=clock, tokens=tokens, secrets={"refresh_token": f"Atzr|{n}"}, seller_id=f"S{n}")
            for n in range(12)
        ]
        for _ in range(3):
            for one in made:
                one.adapter.pull_orders(None, limit=1)
    assert (len(script.seen), len(script.token_requests)) == (36, 12)


def test_two_accounts_in_two_threads_never_mix_tokens() -> None:
    def token_for(request: Request) -> Response:
        return reply({"access_token": f"for-{request.form['refresh_token']}", "expires_in": 3600})

    script = Script(reply(ACCEPTED), tokens=token_for)
    with script.serve() as url:
        clock = FixedClock(NOW)
        accounts = {
            name: bench(url, clock=clock, tokens=Tokens(clock), secrets={"refresh_token": name}, seller_id=name)
            for name in ("left", "right")
        }

        def work(name: str) -> None:
            for _ in range(15):
                accounts[name].adapter.push_stock([level()])

        threads = [threading.Thread(target=work, args=(name,)) for name in accounts for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    pairs = {(seen.path.split("/")[4], seen.headers["x-amz-access-token"]) for seen in script.seen}
    assert pairs == {("left", "for-left"), ("right", "for-right")}
    assert len(script.seen) == 60
    assert len(script.token_requests) == 2


def test_a_token_is_given_up_shortly_before_it_ends() -> None:
    script = Script(reply(NO_ORDERS))
    with script.serve() as url:
        made = bench(url)
        made.adapter.pull_orders(None, limit=1)
        made.clock.advance(timedelta(seconds=3539))
        made.adapter.pull_orders(None, limit=1)
        assert len(script.token_requests) == 1
        made.clock.advance(timedelta(seconds=2))
        made.adapter.pull_orders(None, limit=1)
    assert len(script.token_requests) == 2


def test_a_refused_token_is_renewed_once() -> None:
    script = Script(amazon_error(401, "Unauthorized"), reply(ACCEPTED))
    with script.serve() as url:
        made = bench(url)
        made.adapter.push_stock([level()])
    assert [seen.headers["x-amz-access-token"] for seen in script.seen] == ["Atza|token-1", "Atza|token-2"]


def test_a_token_refused_twice_is_auth_failed() -> None:
    script = Script(amazon_error(403, "Unauthorized"))
    with script.serve() as url, pytest.raises(AuthFailed):
        bench(url).adapter.push_stock([level()])
    assert (len(script.seen), len(script.token_requests)) == (2, 2)


def test_a_missing_role_is_not_a_matter_of_tokens() -> None:
    body = {"errors": [{"code": "Unauthorized", "message": "Denied.", "details": "The application has no role."}]}
    script = Script(reply(body, 403))
    with script.serve() as url, pytest.raises(AuthFailed):
        bench(url).adapter.push_stock([level()])
    assert (len(script.seen), len(script.token_requests)) == (1, 1)


def test_refused_credentials_are_auth_failed_without_a_call() -> None:
    script = Script(reply({}), tokens=lambda _: reply({"error": "invalid_grant", "error_description": "revoked"}, 400))
    with script.serve() as url, pytest.raises(AuthFailed) as caught:
        bench(url).adapter.push_stock([level()])
    assert caught.value.code == "invalid_grant"
    assert script.seen == []


@pytest.mark.parametrize(
    "answer", [page(503), page(200), reply({}), reply({"access_token": 7}), amazon_error(404, "x")]
)
def test_a_token_host_in_trouble_is_unavailable_also_for_a_write(answer: Response) -> None:
    script = Script(reply({}), tokens=lambda _: answer)
    with script.serve() as url, pytest.raises(Unavailable):
        bench(url).adapter.push_stock([level()])
    assert script.seen == []


# ---------------------------------------------------------------- faults

MATRIX = [
    (lambda: amazon_error(429, "QuotaExceeded"), Throttled, Throttled),
    (lambda: amazon_error(400, "InvalidInput"), InvalidData, Refused),
    (lambda: amazon_error(404, "NotFound"), Missing, Refused),
    (lambda: amazon_error(409, "Conflict"), Conflict, Conflict),
    (lambda: amazon_error(500, "InternalFailure"), Unavailable, OutcomeUnknown),
    (lambda: amazon_error(503, "ServiceUnavailable"), Unavailable, OutcomeUnknown),
    (lambda: page(503), Unavailable, OutcomeUnknown),
    (lambda: page(502), Unavailable, OutcomeUnknown),
    (lambda: page(404), Unavailable, OutcomeUnknown),
    (lambda: page(200), AdapterBug, OutcomeUnknown),
    (lambda: reply([1, 2]), AdapterBug, OutcomeUnknown),
    (lambda: reply({"what": "ever"}), AdapterBug, OutcomeUnknown),
    (lambda: Response("", 200), AdapterBug, OutcomeUnknown),
    (lambda: Response('{"orders": [', 200), AdapterBug, OutcomeUnknown),
    (lambda: Response('{"orders": []}'.encode("utf-16"), 200, mimetype="application/json"), AdapterBug, OutcomeUnknown),
    (lambda: Response("", 302, {"Location": "http://192.0.2.1/"}), AdapterBug, OutcomeUnknown),
    (lambda: Response("x" + " " * (5 * 1024 * 1024)), AdapterBug, OutcomeUnknown),
    (lambda: reply({"errors": [{"code": "Odd", "message": "?"}]}), AdapterBug, OutcomeUnknown),
]


@pytest.mark.parametrize(("answer", "reading", "writing"), MATRIX)
def test_faults_mean_different_things_for_reading_and_writing(answer, reading, writing) -> None:  # type: ignore[no-untyped-def]
    script = Script(answer())
    with script.serve() as url:
        made = bench(url)
        with pytest.raises(reading) as caught:
            made.adapter.pull_orders(None, limit=1)
        assert type(caught.value) is reading
        if writing is Refused:
            assert isinstance(made.adapter.push_stock([level()])[0], Refused)
        else:
            with pytest.raises(writing) as caught:
                made.adapter.push_stock([level()])
            assert type(caught.value) is writing
    assert made.traffic[-1].operation == "patchListingsItem"


@pytest.mark.parametrize(
    ("kind", "reading", "writing"),
    [
        (FaultKind.RESET_BEFORE, Unavailable, OutcomeUnknown),
        (FaultKind.HANG, Unavailable, OutcomeUnknown),
    ],
)
def test_a_cut_or_silent_connection_is_lost(
    kind: FaultKind, reading: type[ChannelError], writing: type[ChannelError]
) -> None:
    script = Script(reply(ACCEPTED))
    plan = FaultPlan()
    with LoopbackServer(script.handle, plan=plan) as server:
        made = bench(server.url, timeout_s="0.4")
        made.adapter.push_stock([level()])  # the token is there
        plan.arm(Fault(kinds=(kind,), times=None))
        with pytest.raises(reading):
            made.adapter.pull_orders(None, limit=1)
        with pytest.raises(writing):
            made.adapter.push_stock([level()])


def test_a_channel_that_is_away_was_never_reached() -> None:
    script = Script(reply(ACCEPTED))
    with script.serve() as url:
        made = bench(url)
        made.adapter.push_stock([level()])
    with pytest.raises(Unavailable):
        made.adapter.push_stock([level()])


def test_a_confirmation_needs_its_empty_answer() -> None:
    parcel = ShipmentConfirmation(
        shipment_key="s",
        package_number=1,
        order_id="111-1",
        carrier="UPS",
        tracking="1Z",
        shipped_at=NOW,
        lines=(("1", 1),),
    )
    with Script(Response("", 204)).serve() as url:
        assert bench(url).adapter.confirm_shipment(parcel).external_id == "1"  # type: ignore[union-attr]
    with Script(page(200)).serve() as url, pytest.raises(OutcomeUnknown):
        bench(url).adapter.confirm_shipment(parcel)
    with Script(amazon_error(400, "InvalidInput", "FBM_SHIP_PLUS")).serve() as url:
        refused = bench(url).adapter.confirm_shipment(parcel)
    assert isinstance(refused, Refused)
    assert refused.problems[0].message == "FBM_SHIP_PLUS"


# ---------------------------------------------------------------- limits


def test_the_wait_comes_from_the_header_and_else_from_the_usage_plan() -> None:
    assert wait_s("searchOrders", {}, NOW) == pytest.approx(178.57, abs=0.01)
    assert wait_s("searchOrders", {"x-amzn-ratelimit-limit": "0.02"}, NOW) == 50.0
    assert wait_s("searchOrders", {"x-amzn-ratelimit-limit": "nonsense"}, NOW) == pytest.approx(178.57, abs=0.01)
    assert wait_s("patchListingsItem", {"x-amzn-ratelimit-limit": "5.0"}, NOW) == 1.0
    assert wait_s("x", {"retry-after": "7"}, NOW) == 7.0


class Budget:
    """A budget of so many tokens in all; remembers what it was told."""

    def __init__(self, left: int) -> None:
        self.left = left
        self.learned: list[tuple[str, float | None]] = []

    def charge(self, operation: str, cost: float) -> None:
        if self.left < cost:
            raise Throttled("The budget is used up.", retry_after_s=3.0)
        self.left -= int(cost)

    def learn(self, operation: str, *, retry_after_s: float | None = None, remaining: float | None = None) -> None:
        self.learned.append((operation, retry_after_s))


def test_a_throttled_answer_teaches_the_budget() -> None:
    budget = Budget(10)
    script = Script(amazon_error(429, "QuotaExceeded", x_amzn_RateLimit_Limit="0.5"))
    with script.serve() as url, pytest.raises(Throttled) as caught:
        bench(url, limiter=budget).adapter.push_stock([level()])
    assert caught.value.retry_after_s == 2.0
    assert budget.learned == [("patchListingsItem", 2.0)]


def test_a_batch_beyond_the_budget_is_deferred_and_sent_no_further() -> None:
    script = Script(reply(ACCEPTED))
    with script.serve() as url:
        outcomes = bench(url, limiter=Budget(4)).adapter.push_stock([level(f"S{n}") for n in range(6)])
    assert [type(outcome).__name__ for outcome in outcomes] == ["Applied"] * 3 + ["Deferred"] * 3
    assert outcomes[3] == Deferred(retry_after_s=3.0, why="The budget is used up.")
    assert len(script.seen) == 3


def test_a_lost_answer_in_a_batch_is_unclear_and_ends_it() -> None:
    script = Script(reply(ACCEPTED), page(503), reply(ACCEPTED))
    with script.serve() as url:
        outcomes = bench(url).adapter.push_stock([level(f"S{n}") for n in range(4)])
    assert [type(outcome) for outcome in outcomes[1:]] == [Unclear, Deferred, Deferred]
    assert len(script.seen) == 2


# ---------------------------------------------------------------- secrets


def test_no_error_carries_a_secret() -> None:
    redactor = Redactor(["very-secret"])
    text = redactor.text("GET http://h/doc?X-Amz-Signature=abc very-secret Atza|tok en amzn1.oa2-cs.v1.q Really? Yes.")
    assert text == "GET http://h/doc?[…] [secret] [secret] en [secret] Really? Yes."


def test_an_echoed_secret_is_taken_out_and_the_cause_cut_off() -> None:
    script = Script(amazon_error(400, "InvalidInput", "you sent Atzr|refresh-me"))
    with script.serve() as url, pytest.raises(ChannelError) as caught:
        bench(url).adapter.pull_orders(None, limit=1)
    assert "refresh-me" not in str(caught.value) + caught.value.detail + repr(caught.value)
    assert caught.value.__cause__ is None


def test_the_signature_of_an_upload_stays_out_of_its_error() -> None:
    script = Script(reply({"feedDocumentId": "d", "url": "http://127.0.0.1:9/doc?X-Amz-Signature=abc"}))
    prices = [
        PriceLevel(
            ref=ListingRef(channel_sku="A"), price=Money(minor=100, currency="EUR"), revision=1, idempotency_key="k"
        )
    ]
    with script.serve() as url, pytest.raises(Unavailable) as caught:
        bench(url, feed_from="1").adapter.push_prices(prices)
    assert "abc" not in caught.value.detail


# ---------------------------------------------------------------- feeds on the wire


def _feed_server(report: bytes, *, status: str = "DONE", zipped: bool = False) -> Script:
    script = Script(reply({}))

    def answer(request: Request) -> Response:
        path = request.path
        if path == "/feeds/2021-06-30/documents":
            return reply({"feedDocumentId": "in-1", "url": f"{script.url}/store/in-1?X-Amz-Signature=s"}, 201)
        if path == "/store/in-1":
            return Response("", 200)
        if path == "/feeds/2021-06-30/feeds":
            return reply({"feedId": "77"}, 202)
        if path == "/feeds/2021-06-30/feeds/77":
            done = {"resultFeedDocumentId": "out-1"} if status in ("DONE", "FATAL") else {}
            return reply(
                {
                    "feedId": "77",
                    "feedType": "x",
                    "createdTime": "2026-11-22T09:00:00Z",
                    "processingStatus": status,
                    **done,
                }
            )
        if path == "/feeds/2021-06-30/documents/out-1":
            packed = {"compressionAlgorithm": "GZIP"} if zipped else {}
            return reply({"feedDocumentId": "out-1", "url": f"{script.url}/store/out-1?X-Amz-Signature=s", **packed})
        return Response(gzip.compress(report) if zipped else report, 200)

    script.answers = [answer]
    return script


def _report(issues: list[dict[str, object]], accepted: int) -> bytes:
    summary = {"errors": 0, "warnings": 0, "messagesProcessed": 2, "messagesAccepted": accepted, "messagesInvalid": 0}
    header = {"sellerId": SELLER, "version": "2.0", "feedId": "77"}
    return json.dumps({"header": header, "issues": issues, "summary": summary}).encode()


@pytest.mark.parametrize("zipped", [False, True])
def test_a_large_batch_goes_as_one_feed_and_comes_back_sku_by_sku(zipped: bool) -> None:
    issue = {"messageId": 2, "sku": "B", "severity": "ERROR", "message": "no", "code": "1"}
    script = _feed_server(_report([issue], 1), zipped=zipped)
    with script.serve() as url:
        made = bench(url, feed_from="2")
        outcomes = made.adapter.push_stock([level("A"), level("B")])
        assert len(set(outcomes)) == 1
        ticket = outcomes[0].ticket  # type: ignore[union-attr]
        told = made.adapter.poll(ticket)
    assert {sku: type(outcome).__name__ for sku, outcome in told.items()} == {"A": "Applied", "B": "Refused"}  # type: ignore[union-attr]
    assert made.operations() == [
        "token", "createFeedDocument", "uploadFeedDocument", "createFeed", "getFeed", "getFeedDocument",
        "downloadFeedDocument",
    ]  # fmt: skip
    document, upload, feed = script.seen[:3]
    assert document.json() == {"contentType": "application/json; charset=UTF-8"}
    assert upload.headers["content-type"] == "application/json; charset=UTF-8"
    assert "x-amz-access-token" not in upload.headers
    assert [message["sku"] for message in upload.json()["messages"]] == ["A", "B"]
    assert feed.json() == {"feedType": "JSON_LISTINGS_FEED", "marketplaceIds": [STORE], "inputFeedDocumentId": "in-1"}
    assert len(ticket) < 500


@pytest.mark.parametrize(
    ("status", "kind"),
    [("IN_QUEUE", "Pending"), ("IN_PROGRESS", "Pending"), ("CANCELLED", "Deferred"), ("FATAL", "Unclear")],
)
def test_a_feed_that_is_not_done_is_told_as_it_is(status: str, kind: str) -> None:
    script = _feed_server(_report([], 0), status=status)
    with script.serve() as url:
        made = bench(url, feed_from="1")
        told = made.adapter.poll(made.adapter.push_stock([level("A")])[0].ticket)  # type: ignore[union-attr]
    found = told if kind == "Pending" else told["A"]  # type: ignore[index]
    assert type(found).__name__ == kind


def test_a_lost_create_feed_is_an_unknown_outcome_and_a_lost_upload_is_not() -> None:
    def lost(path: str) -> Script:
        script = _feed_server(b"")
        usual = script.answers[0]

        def answer(request: Request) -> Response:
            return page(500) if request.path == path else usual(request)  # type: ignore[operator]

        script.answers = [answer]
        return script

    for path, kind in (
        ("/feeds/2021-06-30/feeds", OutcomeUnknown),
        ("/feeds/2021-06-30/documents", Unavailable),
        ("/store/in-1", Unavailable),
    ):
        with lost(path).serve() as url, pytest.raises(kind) as caught:
            bench(url, feed_from="1").adapter.push_stock([level()])
        assert type(caught.value) is kind


def test_an_upload_address_that_ended_is_replaced_once() -> None:
    script = _feed_server(b"")
    usual = script.answers[0]
    uploads: list[str] = []

    def answer(request: Request) -> Response:
        if request.path == "/store/in-1":
            uploads.append(request.path)
            return Response("<Error/>", 403 if len(uploads) == 1 else 200, mimetype="application/xml")
        return usual(request)  # type: ignore[operator]

    script.answers = [answer]
    with script.serve() as url:
        made = bench(url, feed_from="1")
        made.adapter.push_stock([level()])
    assert made.operations().count("createFeedDocument") == 2


# ---------------------------------------------------------------- order windows on the wire


def test_an_ended_page_token_starts_the_window_over() -> None:
    script = Script(
        reply({"orders": [], "pagination": {"nextToken": "t-2"}}),
        amazon_error(400, "InvalidInput", "The pagination token has expired."),
        reply({"orders": [], "pagination": {"nextToken": "t-3"}}),
    )
    with script.serve() as url:
        made = bench(url)
        first = made.adapter.pull_orders(None, limit=5)
        made.clock.advance(timedelta(minutes=9))
        second = made.adapter.pull_orders(first.cursor, limit=5)
    assert [seen.query.get("paginationToken") for seen in script.seen] == [None, "t-2", None]
    assert {seen.query["lastUpdatedBefore"] for seen in script.seen} == {"2026-11-22T08:57:45.000Z"}
    assert second.has_more is True
    assert made.logged == [("amazon.order_window_restarted", {"restarts": 1})]


def test_a_window_that_never_works_is_somebodys_problem() -> None:
    def answer(request: Request) -> Response:
        if "paginationToken" in request.args:
            return amazon_error(400, "InvalidInput")
        return reply({"orders": [], "pagination": {"nextToken": "t"}})

    with Script(answer).serve() as url:
        adapter = bench(url).adapter
        cursor = adapter.pull_orders(None, limit=5).cursor
        for _ in range(3):
            cursor = adapter.pull_orders(cursor, limit=5).cursor
        with pytest.raises(InvalidData):
            adapter.pull_orders(cursor, limit=5)
