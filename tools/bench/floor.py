"""The floor: the least rows that could carry the same work (performance.md section 2), written by the bare driver with
multi-row statements, idempotent, as durable as the hub. Own tables, so that nothing of the hub is in the way."""

# ruff: noqa: S608  (names of columns are constants of this module)
from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

_JSON = {"sqlite": "TEXT", "postgres": "JSONB"}
_ID = {"sqlite": "INTEGER PRIMARY KEY", "postgres": "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY"}
PRODUCT = (
    "sku",
    "title",
    "description",
    "brand",
    "category",
    "gtin",
    "price_minor",
    "currency",
    "weight_g",
    "attributes",
)
_PRODUCT_TYPES = ("text", "text", "text", "text", "text", "text", "bigint", "text", "bigint", "jsonb")


def prepare(kind: str, connection: Any) -> None:
    """Make the floor's tables."""
    for statement in (
        f"CREATE TABLE floor_products (id {_ID[kind]}, sku TEXT UNIQUE, title TEXT, description TEXT, brand TEXT,"
        f" category TEXT, gtin TEXT, price_minor BIGINT, currency TEXT, weight_g BIGINT, attributes {_JSON[kind]})",
        "CREATE TABLE floor_stock (sku TEXT PRIMARY KEY, on_hand BIGINT, reserved BIGINT DEFAULT 0)",
        f"CREATE TABLE floor_orders (id {_ID[kind]}, channel BIGINT, ext_id TEXT, placed_at BIGINT, total_minor BIGINT,"
        f" currency TEXT, address {_JSON[kind]}, UNIQUE (channel, ext_id))",
        f"CREATE TABLE floor_lines (id {_ID[kind]}, order_id BIGINT, sku TEXT, quantity BIGINT, price_minor BIGINT)",
    ):
        connection.execute(statement)


def _parts(rows: Sequence[Any], size: int) -> Iterator[Sequence[Any]]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]


def _columns(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def put_products(kind: str, connection: Any, rows: Sequence[tuple[Any, ...]], stock: Sequence[int]) -> None:
    """Products with their stock row, 1,000 to a transaction, by SKU."""
    names = ", ".join(PRODUCT)
    changes = ", ".join(f"{name} = excluded.{name}" for name in PRODUCT[1:])
    for part, counts in zip(_parts(rows, 1000), _parts(stock, 1000), strict=True):
        levels = [(row[0], count) for row, count in zip(part, counts, strict=True)]
        connection.execute("BEGIN")
        if kind == "sqlite":
            marks = ", ".join("?" * len(PRODUCT))
            connection.executemany(
                f"INSERT INTO floor_products ({names}) VALUES ({marks}) ON CONFLICT (sku) DO UPDATE SET {changes}", part
            )
            connection.executemany(
                "INSERT INTO floor_stock (sku, on_hand) VALUES (?, ?) ON CONFLICT (sku) DO NOTHING", levels
            )
        else:
            arrays = ", ".join(f"%s::{name}[]" for name in _PRODUCT_TYPES)
            connection.execute(
                f"INSERT INTO floor_products ({names}) SELECT * FROM unnest({arrays})"
                f" ON CONFLICT (sku) DO UPDATE SET {changes}",
                _columns(part),
            )
            connection.execute(
                "INSERT INTO floor_stock (sku, on_hand) SELECT * FROM unnest(%s::text[], %s::bigint[])"
                " ON CONFLICT (sku) DO NOTHING",
                _columns(levels),
            )
        connection.execute("COMMIT")


def put_stock(kind: str, connection: Any, levels: Sequence[tuple[str, int]]) -> None:
    """Set the count by SKU, 1,000 to a transaction."""
    for part in _parts(levels, 1000):
        connection.execute("BEGIN")
        if kind == "sqlite":
            connection.executemany("UPDATE floor_stock SET on_hand = ? WHERE sku = ?", [(n, sku) for sku, n in part])
        else:
            connection.execute(
                "UPDATE floor_stock s SET on_hand = v.n FROM unnest(%s::text[], %s::bigint[]) AS v(sku, n)"
                " WHERE s.sku = v.sku",
                _columns(part),
            )
        connection.execute("COMMIT")


FloorOrder = tuple[str, int, dict[str, str], tuple[tuple[str, int, int], ...]]
"""(channel's id, total, address, lines of (SKU, units, price))"""


def put_orders(kind: str, connection: Any, orders: Sequence[FloorOrder], *, page: int = 100) -> None:
    """Orders with lines and the reservation on the stock row, a page to a transaction; delivered again they do nothing."""
    names = "channel, ext_id, placed_at, total_minor, currency, address"
    for part in _parts(orders, page):
        rows = [(1, ext_id, 0, total, "EUR", json.dumps(address)) for ext_id, total, address, _ in part]
        connection.execute("BEGIN")
        if kind == "sqlite":
            values = ", ".join(["(?, ?, ?, ?, ?, ?)"] * len(rows))
            found = connection.execute(
                f"INSERT INTO floor_orders ({names}) VALUES {values} ON CONFLICT (channel, ext_id) DO NOTHING"
                " RETURNING ext_id, id",
                [value for row in rows for value in row],
            ).fetchall()
        else:
            found = connection.execute(
                f"INSERT INTO floor_orders ({names}) SELECT * FROM unnest(%s::bigint[], %s::text[], %s::bigint[],"
                " %s::bigint[], %s::text[], %s::jsonb[]) ON CONFLICT (channel, ext_id) DO NOTHING RETURNING ext_id, id",
                _columns(rows),
            ).fetchall()
        ids = dict(found)
        lines = [
            (ids[ext_id], sku, units, price)
            for ext_id, _, _, wanted in part
            if ext_id in ids
            for sku, units, price in wanted
        ]
        sums: dict[str, int] = {}
        for _, sku, units, _ in lines:
            sums[sku] = sums.get(sku, 0) + units
        held = sorted((sku, units) for sku, units in sums.items())
        if lines and kind == "sqlite":
            connection.executemany(
                "INSERT INTO floor_lines (order_id, sku, quantity, price_minor) VALUES (?, ?, ?, ?)", lines
            )
            connection.executemany(
                "UPDATE floor_stock SET reserved = reserved + ? WHERE sku = ?", [(units, sku) for sku, units in held]
            )
        elif lines:
            connection.execute(
                "INSERT INTO floor_lines (order_id, sku, quantity, price_minor)"
                " SELECT * FROM unnest(%s::bigint[], %s::text[], %s::bigint[], %s::bigint[])",
                _columns(lines),
            )
            connection.execute(
                "UPDATE floor_stock s SET reserved = s.reserved + v.n FROM unnest(%s::text[], %s::bigint[]) AS v(sku, n)"
                " WHERE s.sku = v.sku",
                _columns(held),
            )
        connection.execute("COMMIT")
