"""Stock: absolute numbers by compare-and-set at one location (contracts README 4.4).

Every call is all or nothing and carries an idempotency key. The key is made from the rows' own idempotency keys and
from what the call says of them (item, number, expected number): the same rows again give the same key and so the
original result; other rows, or the same rows against another number, are another call and need another key, because
Shopify refuses a known key with other parameters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hub.channels.contract.errors import AdapterBug, ChannelError
from hub.channels.contract.records import Applied, Deferred, Outcome, Problem, Refused, Stale, StockLevel
from hub.channels.shopify import bulk, faults, queries
from hub.channels.shopify.shop import Shop, available_of, gone
from hub.kernel.ids import named_uuid

MAX_ROWS = 250
#: Rounds of one call: each drops the rows that were named or takes a fresh key.
ROUNDS = 6
_AGAIN_S = 5.0
_FRESH_KEY = frozenset({"IDEMPOTENCY_PREVIOUS_ATTEMPT_FAILED", "IDEMPOTENCY_KEY_PARAMETER_MISMATCH"})
_OURS = frozenset({"INVALID_NAME", "INVALID_REASON", "INVALID_REFERENCE_DOCUMENT", "COMPARE_QUANTITY_REQUIRED"})
_STALE = frozenset({"CHANGE_FROM_QUANTITY_STALE", "COMPARE_QUANTITY_STALE"})
_MISSING = "INVALID_INVENTORY_ITEM"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One level on its way: `index` in the batch, `before` the number it is compared with."""

    index: int
    level: StockLevel
    item_id: str
    before: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """What is there now: `available` None = not stocked at the location."""

    tracked: bool
    available: int | None


# ---------------------------------------------------------------- twins


def call_key(rows: Sequence[Row], location: str, salt: int) -> str:
    """The idempotency key of a call: the same for the same rows in any order."""
    said = sorted((r.level.idempotency_key, r.item_id, r.level.quantity, r.before) for r in rows)
    return named_uuid("shopify-stock", location, said, salt)


def build_set(rows: Sequence[Row], location: str, salt: int = 0) -> dict[str, Any]:
    """Variables of SET_STOCK. Every row says `changeFromQuantity`: leaving it out is a run-time error."""
    key = call_key(rows, location, salt)
    return {
        "k": key,
        "i": {
            "name": "available",
            "reason": "correction",
            "referenceDocumentUri": f"gid://entrepot/StockCall/{key}",
            "quantities": [
                {
                    "inventoryItemId": row.item_id,
                    "locationId": location,
                    "quantity": row.level.quantity,
                    "changeFromQuantity": row.before,
                }
                for row in rows
            ],
        },
    }


def parse_now(data: Mapping[str, Any], ids: Sequence[str]) -> dict[str, Now | None]:
    """STOCK_NOW's answer: None for an item Shopify does not know."""
    found: dict[str, Now | None] = dict.fromkeys(ids)
    for node in data["nodes"]:
        if node and "tracked" in node:
            found[str(node["id"])] = Now(
                tracked=bool(node["tracked"]), available=available_of(node.get("inventoryLevel"))
            )
    return found


def parse_refusal(error: Mapping[str, Any], row: Row) -> Outcome | None:
    """What a userError that names a row means for it; None when the row's number has to be looked at first."""
    code = str(error.get("code") or "")
    if code == _MISSING:
        return gone(row.level.ref.channel_sku)
    if code in _STALE or not code:
        return None
    return Refused(problems=(faults.problem_of(error, field="quantity"),))


# ---------------------------------------------------------------- the push


class StockPush:
    """One batch on its way to one location."""

    def __init__(self, shop: Shop, levels: Sequence[StockLevel]) -> None:
        self._shop = shop
        self._levels = levels
        self._outcomes: dict[int, Outcome] = {}
        self._applied = False
        self._sent: set[int] = set()

    def run(self) -> list[Outcome]:
        """One outcome per level, in order. Raises only while nothing has been applied."""
        try:
            self._run()
        except ChannelError as error:
            if not self._applied:
                raise
            for index in range(len(self._levels)):
                if index not in self._outcomes:
                    self._outcomes[index] = faults.settle(error, sent=index in self._sent)
        return [self._outcomes[index] for index in range(len(self._levels))]

    def _run(self) -> None:
        self._location = self._shop.location()
        rows = self._rows()
        if rows and len(rows) >= self._shop.bulk_from:
            ticket = bulk.start(
                self._shop,
                [
                    bulk.Line(sku=r.level.ref.channel_sku, item_id=r.item_id, variables=build_set([r], self._location))
                    for r in rows
                ],
            )
            if ticket is not None:
                self._outcomes.update({row.index: ticket for row in rows})
                return
        while rows:
            chunk, rows = _chunk(rows)
            self._send(chunk)

    def _rows(self) -> list[Row]:
        """The levels that can be sent, each with the number it is compared with."""
        placed = self._shop.place([level.ref for level in self._levels], "inventory_item_id")
        items: dict[int, str] = {}
        for index, ref in enumerate(placed):
            if isinstance(ref, Refused):
                self._outcomes[index] = ref
            else:
                items[index] = ref.facts["inventory_item_id"]
        unread = {index: item for index, item in items.items() if self._levels[index].expected is None}
        now = self._now(unread.values()) if unread else {}
        rows = []
        for index, item in items.items():
            level = self._levels[index]
            before = level.expected
            if before is None:
                before = self._before(index, item, now[item])
            if before is not None:
                rows.append(Row(index=index, level=level, item_id=item, before=before))
        return rows

    def _before(self, index: int, item: str, now: Now | None) -> int | None:
        """The number to compare with, or None when the row was settled without one."""
        level = self._levels[index]
        if now is None:
            self._outcomes[index] = gone(level.ref.channel_sku)
        elif not now.tracked:
            self._outcomes[index] = _untracked(level.ref.channel_sku)
        elif now.available is None:
            self._activate(index, level, item)
        else:
            return now.available
        return None

    def _now(self, ids: Iterable[str]) -> dict[str, Now | None]:
        wanted = list(dict.fromkeys(ids))
        found: dict[str, Now | None] = {}
        for start in range(0, len(wanted), MAX_ROWS):
            part = wanted[start : start + MAX_ROWS]
            data = self._shop.client.run(queries.STOCK_NOW, {"ids": part, "location": self._location})
            found.update(parse_now(data, part))
        return found

    def _activate(self, index: int, level: StockLevel, item: str) -> None:
        """Stock the item at the location with the wanted number."""
        key = named_uuid("shopify-activate", self._location, item, level.idempotency_key)
        asked = {"item": item, "location": self._location, "available": level.quantity, "k": key}
        self._sent = {index}
        answer = self._shop.client.run(queries.ACTIVATE, asked)["inventoryActivate"]
        if answer["userErrors"]:
            problems = tuple(faults.problem_of(error) for error in answer["userErrors"])
            self._outcomes[index] = Refused(problems=problems)
        else:
            self._applied = True
            self._outcomes[index] = Applied(observed=level.quantity)

    def _send(self, rows: list[Row]) -> None:
        """Send one call's worth until every row has its outcome; the rounds are bounded."""
        salt = 0
        for _ in range(ROUNDS):
            if not rows:
                return
            self._sent = {row.index for row in rows}
            answer = self._shop.client.run(queries.SET_STOCK, build_set(rows, self._location, salt))
            errors = answer["inventorySetQuantities"]["userErrors"]
            if not errors:
                self._applied = True
                for row in rows:
                    self._outcomes[row.index] = Applied(observed=row.level.quantity)
                return
            codes = {str(error.get("code") or "") for error in errors}
            if codes & _OURS:
                raise AdapterBug(
                    "Shopify did not understand a stock change of the hub.",
                    detail=str(errors[:3]),
                    code=min(codes & _OURS),
                )
            if "IDEMPOTENCY_CONCURRENT_REQUEST" in codes:
                self._defer(rows, 2.0, "Shopify is still working on the same change.")
                return
            if codes & _FRESH_KEY:
                salt += 1
                continue
            named = [(number, error) for error in errors if (number := faults.row_of(error, "quantities")) is not None]
            if not any(number < len(rows) for number, _ in named):
                self._unnamed(rows, errors)
                return
            kept = self._sift(rows, dict(reversed(named)))
            # All still there: the number moved and moved back, or this was an old result of the same key.
            salt += len(kept) == len(rows)
            rows = kept
        self._defer(rows, _AGAIN_S, "The number kept changing in Shopify.")

    def _sift(self, rows: list[Row], named: Mapping[int, Mapping[str, Any]]) -> list[Row]:
        """Settle the rows that cannot be sent again; what is left shall be."""
        left: list[tuple[Row, bool]] = []
        for number, row in enumerate(rows):
            refusal = parse_refusal(named[number], row) if number in named else None
            if refusal is not None:
                self._outcomes[row.index] = refusal
            else:
                left.append((row, number in named))
        if not any(was_named for _, was_named in left):
            return [row for row, _ in left]
        # One look at all of them: rows that went stale meanwhile without being named save a round.
        now = self._now(row.item_id for row, _ in left)
        again = []
        for row, was_named in left:
            seen = now[row.item_id]
            if seen is None:
                self._outcomes[row.index] = gone(row.level.ref.channel_sku)
            elif not seen.tracked:
                self._outcomes[row.index] = _untracked(row.level.ref.channel_sku)
            elif seen.available is None and was_named:
                self._activate(row.index, row.level, row.item_id)
            elif seen.available != row.before:
                self._outcomes[row.index] = Stale(observed=seen.available)
            else:
                again.append(row)
        return again

    def _unnamed(self, rows: list[Row], errors: Sequence[Mapping[str, Any]]) -> None:
        """An error that names no row: halve the call until it stands alone, so that one bad row sinks no other."""
        if len(rows) == 1:
            self._outcomes[rows[0].index] = Refused(problems=tuple(faults.problem_of(error) for error in errors))
            return
        middle = len(rows) // 2
        self._send(rows[:middle])
        self._send(rows[middle:])

    def _defer(self, rows: Sequence[Row], retry_after_s: float, why: str) -> None:
        for row in rows:
            self._outcomes[row.index] = Deferred(retry_after_s=retry_after_s, why=why)


def _chunk(rows: Sequence[Row]) -> tuple[list[Row], list[Row]]:
    """The next call's rows and the rest: no item twice in one call (NO_DUPLICATE_INVENTORY_ITEM_ID_GROUP_ID_PAIR)."""
    chunk: dict[str, Row] = {}
    rest = []
    for row in rows:
        if row.item_id in chunk or len(chunk) == MAX_ROWS:
            rest.append(row)
        else:
            chunk[row.item_id] = row
    # In one order whatever the batch's: the same rows are the same call.
    return sorted(chunk.values(), key=lambda row: row.item_id), rest


def _untracked(sku: str) -> Refused:
    message = f"Shopify does not track the stock of {sku}: switch on «Track quantity» for it in Shopify."
    return Refused(problems=(Problem(code="NOT_TRACKED", message=message, field="quantity"),))


def push(shop: Shop, levels: Sequence[StockLevel]) -> list[Outcome]:
    """One outcome per level, in order."""
    return StockPush(shop, levels).run() if levels else []
