"""Stock by compare-and-set."""

from __future__ import annotations

import json

import pytest
from shopify_support import LOCATION, item, level, node, ref, set_errors, set_ok, variant_node

from hub.channels.contract import Applied, Deferred, OutcomeUnknown, Refused, Stale, StockLevel, Submitted, Throttled
from hub.channels.shopify.stock import Row, build_set
from hub.loopback.faults import Fault, FaultKind


def _row(n, quantity, before):
    return Row(index=n, level=level(n, quantity, before), item_id=item(n), before=before)


def test_a_call_says_available_correction_and_what_each_number_was():
    asked = build_set([_row(1, 4, 5)], LOCATION)
    assert asked["i"] == {
        "name": "available",
        "reason": "correction",
        "referenceDocumentUri": f"gid://entrepot/StockCall/{asked['k']}",
        "quantities": [{"inventoryItemId": item(1), "locationId": LOCATION, "quantity": 4, "changeFromQuantity": 5}],
    }


def test_the_same_rows_in_any_order_have_one_key_and_other_rows_another():
    both, turned = (
        build_set([_row(1, 4, 5), _row(2, 7, 7)], LOCATION),
        build_set([_row(2, 7, 7), _row(1, 4, 5)], LOCATION),
    )
    assert both["k"] == turned["k"]
    one_less = build_set([_row(1, 4, 5)], LOCATION)
    other_number = build_set([_row(1, 4, 6), _row(2, 7, 7)], LOCATION)
    assert len({both["k"], one_less["k"], other_number["k"]}) == 3


def test_known_numbers_are_set_in_one_call_without_reading(rig):
    rig.shop.on("inventorySetQuantities", set_ok())
    assert rig.adapter.push_stock([level(2, 0, 1), level(1, 4, 5)]) == [Applied(observed=0), Applied(observed=4)]
    assert [asked.root for asked in rig.shop.asked] == ["inventorySetQuantities"]
    rows = rig.shop.of("inventorySetQuantities")[0]["i"]["quantities"]
    assert [(row["inventoryItemId"], row["quantity"], row["changeFromQuantity"]) for row in rows] == [
        (item(1), 4, 5), (item(2), 0, 1),
    ]  # fmt: skip


def test_sending_the_same_rows_again_uses_the_same_key(rig):
    rig.shop.on("inventorySetQuantities", set_ok())
    rig.adapter.push_stock([level(1, 4, 5)])
    rig.adapter.push_stock([level(1, 4, 5)])
    first, second = rig.shop.of("inventorySetQuantities")
    assert first == second


def test_unknown_numbers_are_read_in_one_query_and_used(rig):
    rig.shop.on("nodes", {"nodes": [node(1, 9), node(2, 3)]})
    rig.shop.on("inventorySetQuantities", set_ok())
    assert rig.adapter.push_stock([level(1, 4, None), level(2, 5, None)]) == [Applied(observed=4), Applied(observed=5)]
    assert rig.shop.of("nodes") == [{"ids": [item(1), item(2)], "location": LOCATION}]
    rows = rig.shop.of("inventorySetQuantities")[0]["i"]["quantities"]
    assert [row["changeFromQuantity"] for row in rows] == [9, 3]


def test_a_stale_row_says_what_is_there_and_the_others_go_through_in_the_same_push(rig):
    rig.shop.on("inventorySetQuantities", set_errors(("CHANGE_FROM_QUANTITY_STALE", 1)), set_ok())
    rig.shop.on("nodes", {"nodes": [node(1, 5), node(2, 6), node(3, 1)]})
    outcomes = rig.adapter.push_stock([level(1, 4, 5), level(2, 9, 8), level(3, 2, 1)])
    assert outcomes == [Applied(observed=4), Stale(observed=6), Applied(observed=2)]
    first, second = rig.shop.of("inventorySetQuantities")
    assert len(first["i"]["quantities"]) == 3
    assert [row["inventoryItemId"] for row in second["i"]["quantities"]] == [item(1), item(3)]
    assert first["k"] != second["k"]


def test_a_row_that_went_stale_without_being_named_is_not_sent_again(rig):
    rig.shop.on("inventorySetQuantities", set_errors(("CHANGE_FROM_QUANTITY_STALE", 0)))
    rig.shop.on("nodes", {"nodes": [node(1, 7), node(2, 2)]})
    assert rig.adapter.push_stock([level(1, 4, 5), level(2, 9, 8)]) == [Stale(observed=7), Stale(observed=2)]
    assert len(rig.shop.of("inventorySetQuantities")) == 1


def test_a_stale_answer_for_a_number_that_is_there_after_all_is_asked_with_a_fresh_key(rig):
    rig.shop.on("inventorySetQuantities", set_errors(("CHANGE_FROM_QUANTITY_STALE", 0)), set_ok())
    rig.shop.on("nodes", {"nodes": [node(1, 5)]})
    assert rig.adapter.push_stock([level(1, 4, 5)]) == [Applied(observed=4)]
    first, second = rig.shop.of("inventorySetQuantities")
    assert first["i"]["quantities"] == second["i"]["quantities"]
    assert first["k"] != second["k"]


def test_a_number_that_never_rests_ends_deferred(rig):
    rig.shop.on("inventorySetQuantities", set_errors(("CHANGE_FROM_QUANTITY_STALE", 0)))
    rig.shop.on("nodes", {"nodes": [node(1, 5)]})
    [outcome] = rig.adapter.push_stock([level(1, 4, 5)])
    assert isinstance(outcome, Deferred)
    assert len(rig.shop.of("inventorySetQuantities")) == 6


def test_one_unknown_item_does_not_sink_the_others(rig):
    rig.shop.on("inventorySetQuantities", set_errors(("INVALID_INVENTORY_ITEM", 0)), set_ok())
    outcomes = rig.adapter.push_stock([level(1, 4, 5), level(2, 9, 8)])
    assert isinstance(outcomes[0], Refused)
    assert outcomes[0].missing
    assert outcomes[1] == Applied(observed=9)


def test_an_error_that_names_no_row_is_narrowed_down_to_one(rig):
    def answer(variables):
        rows = variables["i"]["quantities"]
        bad = any(row["inventoryItemId"] == item(3) for row in rows)
        return set_errors(("NON_MUTABLE_INVENTORY_ITEM", None)) if bad else set_ok()

    rig.shop.on("inventorySetQuantities", answer)
    outcomes = rig.adapter.push_stock([level(n, n, 0) for n in range(1, 5)])
    assert [type(outcome) for outcome in outcomes] == [Applied, Applied, Refused, Applied]


def test_an_item_not_stocked_at_the_location_is_activated_with_the_number(rig):
    rig.shop.on("nodes", {"nodes": [node(1, None)]})
    rig.shop.on("inventoryActivate", {"inventoryActivate": {"inventoryLevel": None, "userErrors": []}})
    assert rig.adapter.push_stock([level(1, 4, None)]) == [Applied(observed=4)]
    [asked] = rig.shop.of("inventoryActivate")
    assert (asked["item"], asked["location"], asked["available"]) == (item(1), LOCATION, 4)
    assert asked["k"]


def test_untracked_and_vanished_items_are_refused_with_a_sentence(rig):
    rig.shop.on("nodes", {"nodes": [node(1, 3, tracked=False), None]})
    untracked, vanished = rig.adapter.push_stock([level(1, 4, None), level(2, 4, None)])
    assert untracked.problems[0].code == "NOT_TRACKED"
    assert vanished.missing


def test_a_sku_without_facts_is_searched_and_compared_exactly(rig):
    rig.shop.on("productVariants", {"s0": {"nodes": [variant_node(1, sku="SKU-1-XL"), variant_node(2, sku="SKU-1")]}})
    rig.shop.on("inventorySetQuantities", set_ok())
    bare = StockLevel(ref=type(ref(1))(channel_sku="SKU-1"), quantity=4, revision=1, idempotency_key="k", expected=3)
    assert rig.adapter.push_stock([bare]) == [Applied(observed=4)]
    assert rig.shop.of("inventorySetQuantities")[0]["i"]["quantities"][0]["inventoryItemId"] == item(2)


def test_a_lost_answer_is_an_unknown_outcome(rig):
    rig.shop.on("inventorySetQuantities", set_ok())
    rig.server.plan.arm(Fault(kinds=(FaultKind.APPLY_THEN_DROP,)))
    with pytest.raises(OutcomeUnknown):
        rig.adapter.push_stock([level(1, 4, 5)])


def test_a_throttle_after_a_first_applied_call_defers_the_rest_instead_of_raising(rig):
    from shopify_support import body, error

    rig.shop.on("inventorySetQuantities", set_ok(), body(errors=[error("THROTTLED")]))
    outcomes = rig.adapter.push_stock([level(n, 1, 0) for n in range(1, 301)])
    applied = [outcome for outcome in outcomes if isinstance(outcome, Applied)]
    deferred = [outcome for outcome in outcomes if isinstance(outcome, Deferred)]
    assert (len(applied), len(deferred)) == (250, 50)


def test_a_throttle_of_the_first_call_is_raised(rig):
    from shopify_support import body, error

    throttled = body(
        errors=[error("THROTTLED")],
        requestedQueryCost=112,
        throttleStatus={"maximumAvailable": 2000, "currentlyAvailable": 12, "restoreRate": 100},
    )
    rig.shop.on("inventorySetQuantities", throttled)
    with pytest.raises(Throttled) as caught:
        rig.adapter.push_stock([level(1, 4, 5)])
    assert caught.value.retry_after_s == 1.0


def test_a_large_batch_goes_through_a_bulk_operation_with_one_key_a_line(make_rig):
    rig = make_rig(bulk_from="3")
    operation = "gid://shopify/BulkOperation/9"
    target = {
        "url": f"{rig.server.url}/upload", "resourceUrl": None,
        "parameters": [{"name": "key", "value": "tmp/77/stock.jsonl"}, {"name": "policy", "value": "p"}],
    }  # fmt: skip
    rig.shop.on("stagedUploadsCreate", {"stagedUploadsCreate": {"stagedTargets": [target], "userErrors": []}})
    started = {"bulkOperation": {"id": operation, "status": "CREATED"}, "userErrors": []}
    rig.shop.on("bulkOperationRunMutation", {"bulkOperationRunMutation": started})
    outcomes = rig.adapter.push_stock([level(1, 4, 5), level(2, 0, 1), level(3, 8, 2)])
    ticket = json.dumps({"bulk": operation})
    assert outcomes == [Submitted(ticket=ticket)] * 3
    uploaded = rig.shop.uploads[0].decode()
    lines = [json.loads(line) for line in uploaded.splitlines() if line.startswith("{")]
    assert [len(line["i"]["quantities"]) for line in lines] == [1, 1, 1]
    assert len({line["k"] for line in lines}) == 3
    assert 'name="key"\r\n\r\ntmp/77/stock.jsonl\r\n' in uploaded
    assert rig.shop.of("bulkOperationRunMutation")[0]["path"] == "tmp/77/stock.jsonl"
    assert "@idempotent(key: $k)" in rig.shop.of("bulkOperationRunMutation")[0]["mutation"]

    state = {"id": operation, "errorCode": None, "objectCount": "3", "partialDataUrl": None}
    rig.shop.on(
        "bulkOperation",
        {"bulkOperation": {**state, "status": "RUNNING", "url": None}},
        {"bulkOperation": {**state, "status": "COMPLETED", "url": f"{rig.server.url}/files/r.jsonl"}},
    )
    result = [
        {"data": set_errors(("CHANGE_FROM_QUANTITY_STALE", 0)), "__lineNumber": 2},
        {"data": set_ok(), "__lineNumber": 0},
        {"data": set_errors(("INVALID_INVENTORY_ITEM", 0)), "__lineNumber": 1},
    ]
    rig.shop.files["/files/r.jsonl"] = "\n".join(json.dumps(line) for line in result)
    rig.shop.on("nodes", {"nodes": [node(3, 7)]})
    assert rig.adapter.poll(ticket).retry_after_s == 10.0
    outcomes = rig.adapter.poll(ticket)
    assert outcomes["SKU-1"] == Applied(observed=4)
    assert outcomes["SKU-2"].missing
    assert outcomes["SKU-3"] == Stale(observed=7)


def test_when_shopify_runs_no_more_bulk_operations_the_batch_is_sent_directly(make_rig):
    rig = make_rig(bulk_from="2")
    target = {"url": f"{rig.server.url}/upload", "resourceUrl": None, "parameters": [{"name": "key", "value": "k"}]}
    rig.shop.on("stagedUploadsCreate", {"stagedUploadsCreate": {"stagedTargets": [target], "userErrors": []}})
    busy = {"code": "OPERATION_IN_PROGRESS", "field": None, "message": "busy"}
    rig.shop.on("bulkOperationRunMutation", {"bulkOperationRunMutation": {"bulkOperation": None, "userErrors": [busy]}})
    rig.shop.on("inventorySetQuantities", set_ok())
    outcomes = rig.adapter.push_stock([level(1, 4, 5), level(2, 0, 1)])
    assert outcomes == [Applied(observed=4), Applied(observed=0)]


def test_a_failed_bulk_operation_leaves_lines_without_a_result_unclear(make_rig):
    rig = make_rig()
    operation = "gid://shopify/BulkOperation/9"
    rig.tokens.put(f"shopify:bulk:{operation}", json.dumps([["SKU-1", item(1), 4], ["SKU-2", item(2), 5]]), None)
    failed = {
        "id": operation, "status": "FAILED", "errorCode": "TIMEOUT", "objectCount": "1", "url": None,
        "partialDataUrl": f"{rig.server.url}/files/p.jsonl",
    }  # fmt: skip
    rig.shop.on("bulkOperation", {"bulkOperation": failed})
    rig.shop.files["/files/p.jsonl"] = json.dumps({"data": set_ok(), "__lineNumber": 1}) + "\n{broken"
    outcomes = rig.adapter.poll(json.dumps({"bulk": operation}))
    assert type(outcomes["SKU-1"]).__name__ == "Unclear"
    assert outcomes["SKU-2"] == Applied(observed=5)
