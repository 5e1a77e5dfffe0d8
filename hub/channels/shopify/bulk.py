"""Stock through a bulk operation: a staged JSONL file, one mutation a line, the result fetched later by `poll`.

A bulk mutation can carry `@idempotent` per line: the directive's key is a variable, «each line [is] a separate mutation
execution» with its own variables (schema text of bulkOperationRunMutation), and README 4.3 says any mutation is allowed.
Each line sets one row, so that a stale row refuses only itself. The lines' SKUs wait in the account's token store under
the operation's id, because a ticket has room for 500 characters and results name their line by number only.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hub.channels.contract.errors import AdapterBug, Missing, Unavailable
from hub.channels.contract.records import Applied, Outcome, Pending, Refused, Stale, Submitted, Unclear
from hub.channels.shopify import faults, queries
from hub.channels.shopify.shop import Shop, available_of, gone
from hub.kernel.ids import digest

_MIME = "text/jsonl"
_KEEP_S = 7 * 86400.0  # results expire after 7 days
_WORKING = frozenset({"CREATED", "RUNNING", "CANCELING"})
_BUSY = frozenset({"OPERATION_IN_PROGRESS", "LIMIT_REACHED"})
_POLL_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the file: the variables of one SET_STOCK call with one row."""

    sku: str
    item_id: str
    variables: dict[str, Any]


# ---------------------------------------------------------------- twins


def build_file(lines: Sequence[Line]) -> bytes:
    """The JSONL file."""
    return "".join(json.dumps(line.variables, separators=(",", ":")) + "\n" for line in lines).encode("utf-8")


def build_form(parameters: Sequence[tuple[str, str]], content: bytes) -> tuple[str, bytes]:
    """Content type and body of the multipart upload: the target's parameters first, the file last."""
    boundary = "entrepot-" + digest([parameters, len(content)])
    head = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in parameters
    )
    head += f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="stock.jsonl"\r\n'
    head += f"Content-Type: {_MIME}\r\n\r\n"
    return f"multipart/form-data; boundary={boundary}", head.encode() + content + f"\r\n--{boundary}--\r\n".encode()


def parse_result(text: str, skus: Sequence[str]) -> dict[str, Outcome]:
    """Outcome per SKU from a result file: unordered lines, each named by its `__lineNumber`."""
    outcomes: dict[str, Outcome] = {}
    for raw in text.splitlines():
        if not raw.strip():
            continue
        try:
            row = json.loads(raw)
            sku = skus[int(row["__lineNumber"])]
            outcomes[sku] = _parse_line(row, sku)
        except (ValueError, KeyError, IndexError, TypeError, AttributeError):
            continue  # the SKU stays without a line of its own and is reported as unclear below
    return {sku: outcomes.get(sku, Unclear(why="Shopify's result has no line for it.")) for sku in skus}


def _parse_line(row: Mapping[str, Any], sku: str) -> Outcome:
    if row.get("errors"):
        return Unclear(why=f"Shopify had trouble with the line: {row['errors']!r:.200}")
    answer = row["data"]["inventorySetQuantities"]
    errors = answer["userErrors"]
    if not errors:
        return Applied()
    codes = {str(error.get("code") or "") for error in errors}
    if "CHANGE_FROM_QUANTITY_STALE" in codes:
        return Stale()
    if "INVALID_INVENTORY_ITEM" in codes:
        return gone(sku)
    if any(code.startswith("IDEMPOTENCY_") for code in codes):
        return Unclear(why="Shopify has seen this change before and does not say what became of it.")
    return Refused(problems=tuple(faults.problem_of(error) for error in errors))


# ---------------------------------------------------------------- calls


def start(shop: Shop, lines: Sequence[Line]) -> Submitted | None:
    """Stage the file and start the operation; None when Shopify runs as many as it allows (send directly then).

    Raises:
        Unavailable: the file did not get there; nothing was applied.
        OutcomeUnknown: the operation may have started; the lines' keys make sending again harmless.
    """
    content = build_file(lines)
    path = _upload(shop, content)
    asked = {"mutation": queries.SET_STOCK.text, "path": path}
    answer = shop.client.run(queries.RUN_BULK, asked)["bulkOperationRunMutation"]
    codes = {str(error.get("code") or "") for error in answer["userErrors"]}
    if codes & _BUSY:
        return None
    if codes & {"NO_SUCH_FILE", "INTERNAL_FILE_SERVER_ERROR"}:
        raise Unavailable("Shopify could not read the stock file.", code=min(codes))
    if answer["userErrors"]:
        raise AdapterBug(
            "Shopify did not accept the stock file.", detail=str(answer["userErrors"][:3]), code=min(codes)
        )
    operation = str(answer["bulkOperation"]["id"])
    rows = json.dumps([[line.sku, line.item_id, line.variables["i"]["quantities"][0]["quantity"]] for line in lines])
    shop.ctx.tokens.put(_key(operation), rows, shop.ctx.clock.now().timestamp() + _KEEP_S)
    return Submitted(ticket=json.dumps({"bulk": operation}))


def _key(operation: str) -> str:
    return f"shopify:bulk:{operation}"


def _upload(shop: Shop, content: bytes) -> str:
    asked = {"resource": "BULK_MUTATION_VARIABLES", "filename": "stock.jsonl", "mimeType": _MIME, "httpMethod": "POST"}
    answer = shop.client.run(queries.STAGE, {"input": [asked]})["stagedUploadsCreate"]
    if answer["userErrors"]:
        raise faults.invalid(answer["userErrors"], "Shopify did not take the stock file")
    target = answer["stagedTargets"][0]
    parameters = [(str(row["name"]), str(row["value"])) for row in target["parameters"]]
    kind, body = build_form(parameters, content)
    shop.client.plain("upload", "POST", str(target["url"]), body=body, headers={"Content-Type": kind})
    path = dict(parameters).get("key")
    if path is None:
        raise AdapterBug("Shopify's upload target has no path.", detail=str(sorted(name for name, _ in parameters)))
    return path


def poll(shop: Shop, operation: str) -> Pending | Mapping[str, Outcome]:
    """What became of a bulk operation.

    Raises:
        Missing: Shopify does not know it, or the hub no longer knows its lines.
    """
    state = shop.client.run(queries.BULK_STATE, {"id": operation})["bulkOperation"]
    if state is None:
        raise Missing("Shopify does not know this bulk operation.", detail=operation)
    if state["status"] in _WORKING:
        return Pending(retry_after_s=_POLL_S)
    kept = shop.ctx.tokens.get(_key(operation))
    if kept is None:
        raise Missing("The hub no longer knows the lines of this bulk operation.", detail=operation)
    lines = {str(sku): (str(item), int(quantity)) for sku, item, quantity in json.loads(kept)}
    url = state.get("url") or state.get("partialDataUrl")
    text = shop.client.plain("download", "GET", str(url)).body.decode("utf-8", "replace") if url else ""
    outcomes = parse_result(text, list(lines))
    return _observed(shop, outcomes, lines)


def _observed(
    shop: Shop, outcomes: Mapping[str, Outcome], lines: Mapping[str, tuple[str, int]]
) -> Mapping[str, Outcome]:
    """The outcomes with the numbers they speak of: what was set, or what is there instead of what was expected."""
    stale = [lines[sku][0] for sku, outcome in outcomes.items() if isinstance(outcome, Stale)]
    now: dict[str, int | None] = {}
    for start_at in range(0, len(stale), 250):
        asked = {"ids": stale[start_at : start_at + 250], "location": shop.location()}
        for node in shop.client.run(queries.STOCK_NOW, asked)["nodes"]:
            if node:
                now[str(node["id"])] = available_of(node.get("inventoryLevel"))
    told: dict[str, Outcome] = {}
    for sku, outcome in outcomes.items():
        item, quantity = lines[sku]
        if isinstance(outcome, Applied):
            told[sku] = Applied(observed=quantity)
        elif isinstance(outcome, Stale):
            told[sku] = Stale(observed=now.get(item))
        else:
            told[sku] = outcome
    return told
