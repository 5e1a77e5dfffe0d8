"""A page of the order queue behind many orders: the first, filtered, and far down."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from sqlalchemy import select, text

from hub.db.session import Sessions, reading, unit
from hub.db.upsert import chunks, put_new
from hub.orders.models import Order, OrderLine
from hub.orders.reads import Queue, counts, queue
from hub.pim.models import Reservation, Variant
from tools.bench import shop
from tools.bench.figures import Bar, Figure, percentile, timed
from tools.bench.places import START, Place, fresh
from tools.bench.sizes import Size

PAGE = 50
_STAGES = ("ready",) * 6 + ("shipped",) * 3 + ("held",)


def fill(place: Place, number: int) -> int:
    """So many orders of two lines; returns the id of one of two accounts. Every 50th open order is short."""
    shop.fill(place, 50)
    accounts = [shop.open_account(place)[0].id for _ in range(2)]
    with reading(place.sessions) as session:
        variants = list(session.scalars(select(Variant.id)))
    for part in chunks(range(number), 5_000):
        with unit(place.sessions) as session:
            orders = put_new(
                session, Order,
                [
                    {
                        "account_id": accounts[n % 2], "channel_order_id": f"Q-{n}", "display_id": f"Q-{n}",
                        "stamp": START, "digest": "", "placed_at": START + timedelta(seconds=n), "payment": "paid",
                        "fulfilment": "unfulfilled", "cancellation": "none", "channel_fulfils": False,
                        "stage": _STAGES[n % 10], "currency": "EUR", "total_minor": 2580, "residual_minor": 0,
                        "due": START + timedelta(seconds=n * 7919 % number), "service_code": "Standard",
                        "country": "CH", "facts": {}, "cancel_accept": True, "recall": False, "taken_at": START,
                        "changed_at": START,
                    }
                    for n in part
                ],
                key=("account_id", "channel_order_id"), returning=("id", "channel_order_id", "account_id", "placed_at"),
            )  # fmt: skip
            lines = put_new(
                session, OrderLine,
                [
                    {
                        "order_id": o.id, "channel_line_id": str(place_), "title": "Wine", "quantity": 1, "shipped": 0,
                        "variant_id": variants[(o.id + place_) % len(variants)], "channel_shipped": 0,
                        "unit_price_minor": 1290, "tax_minor": 0, "discount_minor": 0,
                    }
                    for o in orders for place_ in (1, 2)
                ],
                key=("order_id", "channel_line_id"), returning=("id", "order_id", "variant_id"),
            )  # fmt: skip
            of = {o.id: o for o in orders}
            put_new(
                session, Reservation,
                [
                    {
                        "order_line_id": line.id, "part": 0, "order_ref": of[line.order_id].channel_order_id,
                        "account_id": of[line.order_id].account_id, "variant_id": line.variant_id,
                        "wanted": 1, "quantity": 0 if line.order_id % 50 == 0 else 1,
                        "placed_at": of[line.order_id].placed_at, "created_at": START,
                    }
                    for line in lines
                ],
                key=("order_line_id", "part"),
            )  # fmt: skip
    with place.plain() as connection:
        connection.execute("ANALYZE")
    return accounts[0]


def _times(sessions: Sessions, work: Callable[[Any], object], reads: int) -> list[float]:
    """Milliseconds of each read, every one in a unit of its own as a page has it; the first two only warm up."""
    waits = []
    for number in range(reads + 2):

        def once() -> None:
            with reading(sessions) as session:
                work(session)

        seconds = timed(once)
        if number >= 2:
            waits.append(seconds * 1000)
    return waits


def measure(kind: str, size: Size) -> list[Figure]:
    """The read behind a page (not its HTML): 50 rows."""
    with fresh(kind) as place:
        account = fill(place, size.queue)
        deep = Queue(stages=("ready",), limit=PAGE, after=_far_down(place, size))
        cases: list[tuple[str, Callable[[Any], object]]] = [
            ("first page", lambda s: queue(s, Queue(limit=PAGE))),
            ("one account, one stage", lambda s: queue(s, Queue(stages=("ready",), account_id=account, limit=PAGE))),
            ("only short orders", lambda s: queue(s, Queue(short=True, limit=PAGE))),
            ("far down", lambda s: queue(s, deep)),
            ("numbers of the queue", lambda s: counts(s, START)),
        ]
        figures = []
        for name, work in cases:
            waits = _times(place.sessions, work, size.reads)
            for share, bar in ((0.5, 25.0), (0.95, 60.0)):
                figures.append(
                    Figure(
                        area="queue", name=f"{name}, {size.queue:,} orders, p{round(share * 100)}", database=kind,
                        unit="ms", hub=percentile(waits, share), bar=Bar(hub=bar), runs=size.reads,
                    )
                )  # fmt: skip
        return figures


def _far_down(place: Place, size: Size) -> str:
    """The `next` of a page nine tenths down the open orders that are ready."""
    with reading(place.sessions) as session:
        row = session.execute(
            select(Order.id, Order.due)
            .where(Order.stage == "ready")
            .order_by(Order.due, Order.id)
            .offset(int(size.queue * 0.6 * 0.9))
            .limit(1)
        ).one()
        session.execute(text("SELECT 1"))
    return f"{row.due.isoformat()}_{row.id}"
