"""Trading API (POST /ws/api.dll): the door, and the calls about listings. Contracts README 3.3, 3.4, 3.8, 7.2.

Listings made by the Inventory API are shown here but not revised; orders are in `ebay_trading_orders`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from werkzeug.wrappers import Response

from hub.kernel.clock import iso_millis, parse_instant
from hub.simulators.ebay_errors import (
    BAD_TOKEN,
    CALL_LIMIT,
    INVENTORY_LISTING,
    NO_TOKEN,
    OLD_TOKEN,
    TradingError,
    TradingRefusal,
    bad_input,
    no_such_item,
    revisions_used_up,
)
from hub.simulators.ebay_gate import Gate
from hub.simulators.ebay_routes import Call
from hub.simulators.ebay_shop import RevisionsUsedUp, Shop
from hub.simulators.ebay_state import Listing, Unit
from hub.simulators.ebay_trading_items import ItemWriter, item_xml
from hub.simulators.ebay_trading_orders import OrderCalls
from hub.simulators.ebay_trading_xml import Node, box, envelope, page_of, read, tag

REVISE_MAX = 4
PAGE_MAX = 200
WINDOW = timedelta(days=120)
GTC_PERIOD = timedelta(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a call gives back: XML parts, and errors that leave the rest of the call standing."""

    parts: tuple[str, ...] = ()
    errors: tuple[TradingError, ...] = ()
    ack: str = "Success"


class TradingApi:
    """Answers every Trading call; always HTTP 200, failures are in the Ack."""

    def __init__(self, shop: Shop, gate: Gate, *, expired_code: str) -> None:
        self._shop = shop
        self._gate = gate
        self._expired = TradingError(code=expired_code, short=OLD_TOKEN.short, long=OLD_TOKEN.long)
        self._orders = OrderCalls(shop)
        self._writer = ItemWriter(shop)
        self._calls: dict[str, Callable[[Node], Reply]] = {
            "GetOrders": lambda request: Reply(parts=self._orders.get_orders(request)),
            "CompleteSale": lambda request: Reply(parts=self._orders.complete_sale(request)),
            "GetItem": self._get_item,
            "GetSellerList": self._seller_list,
            "AddFixedPriceItem": self._add,
            "ReviseFixedPriceItem": self._revise,
            "ReviseInventoryStatus": self._revise_status,
            "EndFixedPriceItem": self._end,
        }

    def forget(self) -> None:
        """The state was replaced."""
        self._orders.forget()

    def answer(self, call: Call) -> Response:
        name, message_id = call.target.operation.removeprefix("Trading."), ""
        try:
            self._check_token(call)
            if name not in self._calls:
                raise TradingRefusal(
                    TradingError(
                        code="2",
                        short="Unsupported API call.",
                        long=f'The API call "{name}" is invalid or not supported in this release.',
                    )
                )
            if not self._gate.take("trading", call.now):
                raise TradingRefusal(CALL_LIMIT)
            request = read(call.request.get_data(), name)
            message_id = request.text("MessageID")
            reply = self._calls[name](request)
        except TradingRefusal as refusal:
            reply = Reply(errors=tuple(refusal.errors), ack="Failure")
        except RevisionsUsedUp as used_up:
            reply = Reply(errors=(revisions_used_up(used_up.item_id),), ack="Failure")
        return envelope(
            name, iso_millis(call.now), *reply.parts, errors=reply.errors, ack=reply.ack, message_id=message_id
        )

    def _check_token(self, call: Call) -> None:
        match self._gate.token_state(call.request.headers.get("X-EBAY-API-IAF-TOKEN", ""), call.now):
            case "missing":
                raise TradingRefusal(NO_TOKEN)
            case "unknown":
                raise TradingRefusal(BAD_TOKEN)
            case "expired":
                raise TradingRefusal(self._expired)
            case "good":
                return

    # ---------------------------------------------------------------- finding

    def _listing(self, item_id: str) -> Listing:
        listing = self._shop.state.listings.get(item_id)
        if listing is None:
            raise TradingRefusal(no_such_item(item_id))
        return listing

    def _unit(self, item_id: str, sku: str) -> tuple[Listing, Unit]:
        """By ItemID, by SKU where the listing is tracked by SKU, or by both for a variation."""
        if not item_id:
            if sku not in self._shop.live or self._shop.live[sku][0].tracking != "SKU":
                raise TradingRefusal(no_such_item(sku))
            return self._shop.live[sku]
        listing = self._listing(item_id)
        if not sku and listing.varied:
            raise TradingRefusal(
                TradingError(
                    code="21916635",
                    short="Invalid Multi-SKU item id.",
                    long="Multi-SKU item requires the SKU of the variation.",
                    parameters=(item_id,),
                )
            )
        for unit in listing.units:
            if not sku or unit.sku == sku:
                return listing, unit
        raise TradingRefusal(bad_input("SKU"))

    def _revisable(self, listing: Listing) -> None:
        if listing.managed_by == "inventory":
            raise TradingRefusal(INVENTORY_LISTING)
        if not listing.live:
            raise TradingRefusal(
                TradingError(
                    code="291",
                    short="Auction ended.",
                    long="You are not allowed to revise an ended item.",
                    parameters=(listing.item_id,),
                )
            )

    # ---------------------------------------------------------------- reading

    def _get_item(self, request: Node) -> Reply:
        item_id, sku = request.text("ItemID"), request.text("SKU")
        listing = self._listing(item_id) if item_id else self._unit("", sku)[0]
        return Reply(parts=(item_xml(self._shop, listing, details=True, end=self._end_time(listing)),))

    def _end_time(self, listing: Listing) -> str:
        """GTC listings renew every 30 days; the end time is the next renewal."""
        if listing.ended_at:
            return listing.ended_at
        started, now = parse_instant(listing.started_at), self._shop.clock.now()
        periods = max(0, (now - started) // GTC_PERIOD) + 1
        return iso_millis(started + periods * GTC_PERIOD)

    def _seller_list(self, request: Node) -> Reply:
        by = "Start" if request.has("StartTimeFrom") else "End"
        since, until = request.instant(f"{by}TimeFrom"), request.instant(f"{by}TimeTo")
        if not since or not until or until < since or parse_instant(until) - parse_instant(since) > WINDOW:
            raise TradingRefusal(bad_input(f"{by}TimeFrom"))
        per_page, page = page_of(request, PAGE_MAX)
        variations = request.flag("IncludeVariations") or request.text("DetailLevel") == "ReturnAll"
        skus = set(request.texts("SKUArray/SKU"))
        hits: list[tuple[Listing, str]] = []
        for listing in self._shop.state.listings.values():
            end = self._end_time(listing)
            wanted = not skus or any(unit.sku in skus for unit in listing.units)
            if wanted and since <= (listing.started_at if by == "Start" else end) <= until:
                hits.append((listing, end))
        shown = hits[(page - 1) * per_page : page * per_page]
        items = [item_xml(self._shop, listing, details=bool(variations), end=end) for listing, end in shown]
        pages = -(-len(hits) // per_page)
        return Reply(
            parts=(
                box("PaginationResult", tag("TotalNumberOfPages", pages), tag("TotalNumberOfEntries", len(hits))),
                tag("HasMoreItems", page < pages),
                box("ItemArray", *items),
                tag("ItemsPerPage", per_page),
                tag("PageNumber", page),
                tag("ReturnedItemCountActual", len(items)),
            )
        )

    # ---------------------------------------------------------------- writing

    def _add(self, request: Node) -> Reply:
        item = request.one("Item")
        if item is None:
            raise TradingRefusal(bad_input("Item"))
        listing = self._writer.add(item)
        return Reply(parts=self._receipt(listing))

    def _receipt(self, listing: Listing) -> tuple[str, ...]:
        parts = [tag("ItemID", listing.item_id)]
        if not listing.varied and listing.units[0].sku:
            parts.append(tag("SKU", listing.units[0].sku))
        parts += [tag("StartTime", listing.started_at), tag("EndTime", self._end_time(listing))]
        return (*parts, "<Fees></Fees>", tag("CategoryID", listing.category_id))

    def _revise(self, request: Node) -> Reply:
        item = request.one("Item")
        if item is None:
            raise TradingRefusal(bad_input("Item"))
        sku = item.text("SKU")
        listing = self._listing(item.text("ItemID")) if item.text("ItemID") else self._unit("", sku)[0]
        self._revisable(listing)
        self._writer.revise(listing, item)
        return Reply(parts=self._receipt(listing))

    def _revise_status(self, request: Node) -> Reply:
        """Up to four; each stands alone, so one bad row makes a PartialFailure (contracts README 3.4)."""
        rows = request.all("InventoryStatus")
        if not 1 <= len(rows) <= REVISE_MAX:
            raise TradingRefusal(bad_input("InventoryStatus"))
        done: list[str] = []
        errors: list[TradingError] = []
        for row in rows:
            try:
                done.append(self._revise_row(row))
            except TradingRefusal as refusal:
                errors += [_about(error, row.text("ItemID") or row.text("SKU")) for error in refusal.errors]
            except RevisionsUsedUp as used_up:
                errors.append(revisions_used_up(used_up.item_id))
        ack = "Success" if not errors else "PartialFailure" if done else "Failure"
        return Reply(parts=tuple(done), errors=tuple(errors), ack=ack)

    def _revise_row(self, row: Node) -> str:
        listing, unit = self._unit(row.text("ItemID"), row.text("SKU"))
        self._revisable(listing)
        quantity, price = row.number("Quantity"), row.minor("StartPrice", listing.currency)
        if (quantity is None and price is None) or (quantity or 0) < 0 or (price is not None and price <= 0):
            raise TradingRefusal(bad_input("Quantity" if price is None else "StartPrice"))
        self._shop.revise(listing)
        if quantity is not None:
            unit.available = quantity
        if price is not None:
            unit.price_minor = price
        parts = [tag("SKU", unit.sku), tag("ItemID", listing.item_id)]
        return box("InventoryStatus", *parts, tag("Quantity", unit.available))

    def _end(self, request: Node) -> Reply:
        """Ends what either API made: only revising is kept apart."""
        item_id, sku = request.text("ItemID"), request.text("SKU")
        listing = self._listing(item_id) if item_id else self._unit("", sku)[0]
        if not request.text("EndingReason"):
            raise TradingRefusal(bad_input("EndingReason"))
        if not listing.live:
            raise TradingRefusal(
                TradingError(
                    code="1047",
                    short="The auction has been closed.",
                    long="The auction has already been closed.",
                    parameters=(listing.item_id,),
                )
            )
        self._shop.close(listing)
        return Reply(parts=(tag("EndTime", listing.ended_at),))


def _about(error: TradingError, who: str) -> TradingError:
    """The error with the row that it is about as first parameter."""
    parameters: Sequence[str] = error.parameters if error.parameters[:1] == (who,) else (who, *error.parameters)
    return TradingError(
        code=error.code,
        short=error.short,
        long=error.long,
        parameters=tuple(parameters),
        classification=error.classification,
    )
