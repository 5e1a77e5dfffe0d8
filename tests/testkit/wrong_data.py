"""Deliberately wrong adapters, part two: those that lose, bend or invent what crosses the port."""

from __future__ import annotations

import itertools
import json
from dataclasses import replace
from datetime import timedelta, timezone
from typing import Any

from hub.channels.contract import (
    AdapterBug,
    Applied,
    BuildContext,
    CancellationState,
    ChannelOrder,
    Found,
    Hint,
    Identity,
    InvalidData,
    ListingRef,
    ListingState,
    Missing,
    NotFound,
    OrderPage,
    PaymentState,
    Problem,
    Refused,
    Unavailable,
)
from hub.channels.memory.adapter import MemoryAdapter
from hub.kernel.ids import new_token
from hub.kernel.money import Money

# ---------------------------------------------------------------- manifest


class IsSomebodyElseEachTime(MemoryAdapter):
    def probe(self) -> Identity:
        super().probe()
        return Identity(account=new_token())


class NeverAsksWhoItIs(MemoryAdapter):
    def probe(self) -> Identity:
        return Identity(account=self._context.settings["marketplace"])


class ShowsItsKey(MemoryAdapter):
    def __repr__(self) -> str:
        return f"MemoryAdapter({self._context.secrets['api_key']})"


class LogsItsKey(MemoryAdapter):
    def probe(self) -> Identity:
        self._context.log("probing", key=self._context.secrets["api_key"])
        return super().probe()


# ---------------------------------------------------------------- stock and prices


class NeverShowsMoreThanTen(MemoryAdapter):
    def push_stock(self, levels: Any) -> Any:
        return super().push_stock([replace(level, quantity=min(level.quantity, 10)) for level in levels])


class RefusesRepeats(MemoryAdapter):
    def __init__(self, context: BuildContext) -> None:
        super().__init__(context)
        self._sent: set[str] = set()

    def push_stock(self, levels: Any) -> Any:
        if levels[0].idempotency_key in self._sent:
            return [Refused(problems=(Problem(code="again", message="Sent before."),))] * len(levels)
        self._sent.update(level.idempotency_key for level in levels)
        return super().push_stock(levels)


class TakesZeroForNothing(MemoryAdapter):
    def push_stock(self, levels: Any) -> Any:
        if not any(level.quantity for level in levels):
            return [Applied()] * len(levels)
        return super().push_stock(levels)


class MixesUpItsBatch(MemoryAdapter):
    def push_stock(self, levels: Any) -> Any:
        numbers = sorted(level.quantity for level in levels)
        return super().push_stock([replace(level, quantity=n) for level, n in zip(levels, numbers, strict=True)])


class SinksTheWholeBatch(MemoryAdapter):
    def push_stock(self, levels: Any) -> Any:
        known = {row.ref.channel_sku for row in self.read_listings([x.ref for x in levels]) if row.state != "vanished"}
        if len(known) < len(levels):
            return [Refused(problems=(Problem(code="batch", message="Not all are known."),))] * len(levels)
        return super().push_stock(levels)


class RefusesWithoutAWord(MemoryAdapter):
    def push_stock(self, levels: Any) -> Any:
        return [
            replace(outcome, problems=()) if isinstance(outcome, Refused) else outcome
            for outcome in super().push_stock(levels)
        ]


class TakesSmallBatchesOnly(MemoryAdapter):
    def push_stock(self, levels: Any) -> Any:
        if len(levels) > 5:
            raise InvalidData("Too many.")
        return super().push_stock(levels)


class OverwritesWhatMoved(MemoryAdapter):
    """Says it compares, and does not."""

    from hub.channels.memory.adapter import ComparingMemoryAdapter

    manifest = ComparingMemoryAdapter.manifest

    def push_stock(self, levels: Any) -> Any:
        return super().push_stock([replace(level, expected=None) for level in levels])


class TakesCentsForEuros(MemoryAdapter):
    def push_prices(self, prices: Any) -> Any:
        return super().push_prices([replace(p, price=Money(minor=p.price.minor * 100, currency="EUR")) for p in prices])


class PricesAnything(MemoryAdapter):
    def push_prices(self, prices: Any) -> Any:
        super().push_prices(prices)
        return [Applied()] * len(prices)


# ---------------------------------------------------------------- listings


class SellsForTenTimesThePrice(MemoryAdapter):
    def publish_listing(self, draft: Any) -> Any:
        variants = tuple(replace(v, price=Money(minor=v.price.minor * 10, currency="EUR")) for v in draft.variants)
        return super().publish_listing(replace(draft, variants=variants))


class CallsAcceptedLive(MemoryAdapter):
    def read_listings(self, refs: Any) -> Any:
        return [
            replace(report, state=ListingState.LIVE) if report.state is ListingState.ACCEPTED else report
            for report in super().read_listings(refs)
        ]


class CreatesWithoutLooking(MemoryAdapter):
    def publish_listing(self, draft: Any) -> Any:
        if all(variant.ref is None for variant in draft.variants):
            for variant in draft.variants:
                super().end_listing(ListingRef(channel_sku=variant.channel_sku))
        return super().publish_listing(draft)


class NeverRevises(MemoryAdapter):
    def publish_listing(self, draft: Any) -> Any:
        if draft.variants[0].ref is not None:
            return Applied(refs=tuple(variant.ref for variant in draft.variants))
        return super().publish_listing(draft)


class ForgetsVariants(MemoryAdapter):
    def publish_listing(self, draft: Any) -> Any:
        return super().publish_listing(replace(draft, variants=draft.variants[:1]))


class ObjectsOneAtATime(MemoryAdapter):
    def check_listing(self, draft: Any) -> Any:
        return list(super().check_listing(draft))[:1]


class ReportsInItsOwnOrder(MemoryAdapter):
    def read_listings(self, refs: Any) -> Any:
        return sorted(super().read_listings(refs), key=lambda report: report.ref.channel_sku)


class LeavesItOnSale(MemoryAdapter):
    def end_listing(self, ref: Any) -> Any:
        return Applied()


class EndsTheWholeShop(MemoryAdapter):
    def end_listing(self, ref: Any) -> Any:
        for sku in list(self._client._shop.listings):
            super().end_listing(ListingRef(channel_sku=sku))
        return Applied()


# ---------------------------------------------------------------- orders


def lossy_at(size: int) -> type[MemoryAdapter]:
    """Drops the last order of a full page of exactly `size`."""

    class Lossy(MemoryAdapter):
        def pull_orders(self, cursor: Any, *, limit: int) -> OrderPage:
            page = super().pull_orders(cursor, limit=limit)
            full = limit == size and (page.has_more or 5 < len(page.orders) < limit)
            return replace(page, orders=page.orders[:-1]) if full else page

    return Lossy


class _Bending(MemoryAdapter):
    """Bends every order that it reads."""

    def bend(self, order: ChannelOrder) -> ChannelOrder | None:
        return order

    def pull_orders(self, cursor: Any, *, limit: int) -> OrderPage:
        page = super().pull_orders(cursor, limit=limit)
        return replace(page, orders=tuple(o for o in map(self.bend, page.orders) if o is not None))

    def read_order(self, order_id: str) -> ChannelOrder:
        order = super().read_order(order_id)
        return self.bend(order) or order


class PagesByTimeAlone(MemoryAdapter):
    def pull_orders(self, cursor: Any, *, limit: int) -> OrderPage:
        page = super().pull_orders(cursor, limit=limit)
        kept = json.loads(page.cursor)
        if kept["after"]:
            kept["after"][1] = 10**9  # everything of that instant counts as seen
        return replace(page, cursor=json.dumps(kept))


class RemembersItsPlaceItself(MemoryAdapter):
    def __init__(self, context: BuildContext) -> None:
        super().__init__(context)
        self._places: dict[str, str] = {}

    def pull_orders(self, cursor: Any, *, limit: int) -> OrderPage:
        page = super().pull_orders(self._places.get(cursor, cursor if not self._mine(cursor) else None), limit=limit)
        if self._mine(cursor) and cursor not in self._places:
            return replace(page, orders=(), has_more=False)
        name = json.dumps(f"place {len(self._places)}")
        self._places[name] = page.cursor
        return replace(page, cursor=name)

    @staticmethod
    def _mine(cursor: str | None) -> bool:
        return cursor is not None and cursor.startswith('"place')


class DeliversOnceOnly(_Bending):
    def __init__(self, context: BuildContext) -> None:
        super().__init__(context)
        self._seen: set[tuple[str, object]] = set()

    def pull_orders(self, cursor: Any, *, limit: int) -> OrderPage:
        page = super().pull_orders(cursor, limit=limit)
        fresh = tuple(o for o in page.orders if (o.order_id, o.updated_at) not in self._seen)
        self._seen.update((o.order_id, o.updated_at) for o in page.orders)
        return replace(page, orders=fresh)


class LosesItsPlaceWhenEmpty(MemoryAdapter):
    def pull_orders(self, cursor: Any, *, limit: int) -> OrderPage:
        page = super().pull_orders(cursor, limit=limit)
        if page.orders or cursor is not None:
            return page
        tomorrow = (self._context.clock.now() + timedelta(days=1)).isoformat()
        return replace(page, cursor=json.dumps({"from": tomorrow, "after": None}))


class StartsTheNextRoundTooLate(MemoryAdapter):
    def pull_orders(self, cursor: Any, *, limit: int) -> OrderPage:
        page = super().pull_orders(cursor, limit=limit)
        if page.has_more or page.covered_until is None:
            return page
        late = (page.covered_until + timedelta(seconds=1)).isoformat()
        return replace(page, cursor=json.dumps({"from": late, "after": None}))


class OverlooksPayments(_Bending):
    def bend(self, order: ChannelOrder) -> ChannelOrder | None:
        return replace(order, payment=PaymentState.PENDING) if order.payment is PaymentState.PAID else order


class OverlooksCancellations(_Bending):
    def bend(self, order: ChannelOrder) -> ChannelOrder | None:
        return None if order.cancellation is CancellationState.CANCELLED else order


class RemembersOldLines(_Bending):
    def __init__(self, context: BuildContext) -> None:
        super().__init__(context)
        self._lines: dict[str, Any] = {}

    def bend(self, order: ChannelOrder) -> ChannelOrder | None:
        return replace(order, lines=self._lines.setdefault(order.order_id, order.lines))


class PagesByPosition(MemoryAdapter):
    def pull_orders(self, cursor: Any, *, limit: int) -> OrderPage:
        try:
            kept = json.loads(cursor) if cursor else {"round": None, "at": 0}
            kept["at"], kept["round"]
        except (ValueError, TypeError, LookupError) as error:
            raise InvalidData("not a cursor of ours") from error
        whole = super().pull_orders(kept["round"], limit=100)
        rows = whole.orders[kept["at"] : kept["at"] + limit]
        if kept["at"] + limit < len(whole.orders):
            following = {"round": kept["round"], "at": kept["at"] + limit}
            return replace(whole, orders=rows, has_more=True, cursor=json.dumps(following))
        return replace(whole, orders=rows, cursor=json.dumps({"round": whole.cursor, "at": 0}))


class CoversTheLag(MemoryAdapter):
    def pull_orders(self, cursor: Any, *, limit: int) -> OrderPage:
        return replace(super().pull_orders(cursor, limit=limit), covered_until=self._context.clock.now())


class NeverSaysWhatItCovers(MemoryAdapter):
    def pull_orders(self, cursor: Any, *, limit: int) -> OrderPage:
        return replace(super().pull_orders(cursor, limit=limit), covered_until=None)


class TellsLocalTime(_Bending):
    def bend(self, order: ChannelOrder) -> ChannelOrder | None:
        return replace(order, placed_at=order.placed_at.astimezone(timezone(timedelta(hours=1))))


class InventsLineIds(_Bending):
    numbers = itertools.count()

    def bend(self, order: ChannelOrder) -> ChannelOrder | None:
        return replace(order, lines=tuple(replace(x, line_id=str(next(self.numbers))) for x in order.lines))


class RoundsMoney(_Bending):
    def bend(self, order: ChannelOrder) -> ChannelOrder | None:
        assert order.totals.total is not None
        total = Money(minor=order.totals.total.minor + 1, currency=order.currency)
        return replace(order, totals=replace(order.totals, total=total))


class CallsUnknownOrdersBadData(MemoryAdapter):
    def read_order(self, order_id: str) -> ChannelOrder:
        try:
            return super().read_order(order_id)
        except Missing as error:
            raise InvalidData("no such order") from error


class NotesTheBuyer(_Bending):
    def bend(self, order: ChannelOrder) -> ChannelOrder | None:
        return replace(order, facts={"buyer": order.buyer.name if order.buyer else ""})


class TakesAnyCursor(MemoryAdapter):
    def pull_orders(self, cursor: Any, *, limit: int) -> OrderPage:
        try:
            return super().pull_orders(cursor, limit=limit)
        except InvalidData:
            return super().pull_orders(None, limit=limit)


# ---------------------------------------------------------------- shipments, cancellations, webhooks


class ShipsOneOfEach(MemoryAdapter):
    def confirm_shipment(self, confirmation: Any) -> Any:
        return super().confirm_shipment(replace(confirmation, lines=tuple((line, 1) for line, _ in confirmation.lines)))


class ShipsTwice(MemoryAdapter):
    def confirm_shipment(self, confirmation: Any) -> Any:
        return super().confirm_shipment(replace(confirmation, shipment_key=new_token()))


class ShipsAllAtOnce(MemoryAdapter):
    def confirm_shipment(self, confirmation: Any) -> Any:
        order = super().read_order(confirmation.order_id)
        lines = tuple((line.line_id, line.quantity - line.shipped) for line in order.lines)
        return super().confirm_shipment(replace(confirmation, lines=lines))


class ShrugsAtCarriers(MemoryAdapter):
    def confirm_shipment(self, confirmation: Any) -> Any:
        outcome = super().confirm_shipment(confirmation)
        if isinstance(outcome, Refused) and outcome.problems[0].field == "carrier":
            return Applied()
        return outcome


class CallsTooManyTrouble(MemoryAdapter):
    def confirm_shipment(self, confirmation: Any) -> Any:
        outcome = super().confirm_shipment(confirmation)
        if isinstance(outcome, Refused) and outcome.problems[0].field == "lines":
            raise Unavailable("later")
        return outcome


class NeverFindsAnything(MemoryAdapter):
    def find_shipment(self, order_id: str, tracking: str) -> Any:
        return NotFound()


class FindsEverything(MemoryAdapter):
    def find_shipment(self, order_id: str, tracking: str) -> Any:
        return Found(external_id="P")


class CancelsOnPaper(MemoryAdapter):
    def cancel_order(self, request: Any) -> Any:
        return Applied()


class DeniesBuyers(MemoryAdapter):
    def cancel_order(self, request: Any) -> Any:
        return super().cancel_order(replace(request, accept=not request.answers_request))


class BelievesAnybody(MemoryAdapter):
    def verify(self, headers: Any, body: bytes) -> Hint:
        return Hint(event_id="1", topic="orders")


class KnowsEveryTicket(MemoryAdapter):
    def poll(self, ticket: str) -> Any:
        try:
            return super().poll(ticket)
        except Missing:
            return {}


# ---------------------------------------------------------------- hostile data


class WritesAsciiTitles(MemoryAdapter):
    def publish_listing(self, draft: Any) -> Any:
        return super().publish_listing(replace(draft, title=draft.title.encode("ascii", "ignore").decode() or "x"))


class CutsSkusAtTheSlash(MemoryAdapter):
    def push_stock(self, levels: Any) -> Any:
        return super().push_stock(
            [replace(x, ref=replace(x.ref, channel_sku=x.ref.channel_sku.split("/")[0])) for x in levels]
        )


class ChokesOnLongSkus(MemoryAdapter):
    def publish_listing(self, draft: Any) -> Any:
        if len(draft.variants[0].channel_sku) > 255:
            raise AdapterBug("too long")
        return super().publish_listing(draft)


class ReadsAsciiSkus(_Bending):
    def bend(self, order: ChannelOrder) -> ChannelOrder | None:
        lines = tuple(
            replace(x, channel_sku=(x.channel_sku or "").encode("ascii", "ignore").decode()) for x in order.lines
        )
        return replace(order, lines=lines)


class EndsItsDayWithATraceback(MemoryAdapter):
    """Not a ChannelError: nothing of the kind may escape."""

    def read_order(self, order_id: str) -> ChannelOrder:
        raise KeyError(order_id)
