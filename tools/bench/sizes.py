"""How much is measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """`rows` of import, stock and intake; `hot` SKUs that orders are spread over; `pushes` whose delay is measured at
    `rate` a second; `queue` orders behind a page of the queue, read `reads` times, as are
    pages of `products` products; each figure over `runs` runs."""

    rows: int = 10_000
    hot: int = 1_000
    pushes: int = 400
    rate: float = 50.0
    quiet_pushes: int = 1_000
    queue: int = 100_000
    products: int = 100_000
    reads: int = 60
    day_orders: int = 60
    day_hours: float = 6.0
    runs: int = 3


QUICK = Size(
    rows=200,
    hot=50,
    pushes=20,
    rate=50.0,
    quiet_pushes=50,
    queue=300,
    products=300,
    reads=5,
    day_orders=0,
    day_hours=0.0,
    runs=1,
)
