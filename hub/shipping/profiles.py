"""Layouts of order files for shipping programs, as data: which column holds what, how long it may be, in which form.

What every file of ours keeps to (shipping README 9): UTF-8, CRLF, RFC 4180; one row per order line with the order's
columns repeated; no cell that a spreadsheet would calculate; postcodes, phones and ids exactly as they are. Only notes
may be cut. Whatever else does not fit is a problem of that order, never a silent change.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

from hub.kernel.errors import Invalid
from hub.kernel.money import Money
from hub.kernel.text import shorten
from hub.shipping import countries

Fact = str | int | datetime | Money | None

SOURCES = frozenset(
    {
        "order.hub_id", "order.number", "order.channel_id", "order.channel", "order.account", "order.placed",
        "order.ship_by", "order.deliver_by", "order.service", "order.currency", "order.total", "order.shipping",
        "order.tax", "order.discount", "order.note", "buyer.name", "buyer.email", "ship.name", "ship.company",
        "ship.line1", "ship.line2", "ship.line3", "ship.line2_3", "ship.city", "ship.region", "ship.postal_code",
        "ship.country", "ship.phone", "line.hub_id", "line.channel_id", "line.sku", "line.channel_sku", "line.title",
        "line.quantity", "line.unit_price", "line.weight", "line.gtin", "line.location",
    }
)  # fmt: skip
"""What a column may show. Weights are grams of one unit; quantities are what is still to ship."""

_GRAMS = {"g": Decimal(1), "kg": Decimal(1000), "oz": Decimal("28.349523125"), "lb": Decimal("453.59237")}


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column. `source` is one of SOURCES, or empty with a `fixed` text.

    `limit` counts characters (0 = none); only a column with `cut` shortens what is longer. `unit` of a weight: g, kg,
    oz or lb. `date` is a strftime format; times are UTC. `needed` cells must not be empty.
    """

    header: str
    source: str = ""
    limit: int = 0
    needed: bool = False
    cut: bool = False
    unit: Literal["g", "kg", "oz", "lb"] = "g"
    date: str = "%Y-%m-%dT%H:%M:%SZ"
    country: Literal["alpha2", "alpha3", "name"] = "alpha2"
    fixed: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """A layout. With `bom` the file begins with a byte order mark, which Excel needs to see that it is UTF-8."""

    name: str
    title: str
    columns: tuple[Column, ...]
    bom: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CellProblem:
    """Why an order cannot be in a file: the column's header, what is wrong (without the value: it may be personal),
    and what to do."""

    field: str
    cause: str
    fix: str


_GENERIC = (
    Column(header="hub_order_id", source="order.hub_id", needed=True),
    Column(header="order_number", source="order.number", needed=True),
    Column(header="channel_order_id", source="order.channel_id"),
    Column(header="channel", source="order.channel"),
    Column(header="account", source="order.account"),
    Column(header="order_date", source="order.placed"),
    Column(header="ship_by", source="order.ship_by"),
    Column(header="deliver_by", source="order.deliver_by"),
    Column(header="service", source="order.service"),
    Column(header="currency", source="order.currency"),
    Column(header="order_total", source="order.total"),
    Column(header="order_shipping", source="order.shipping"),
    Column(header="order_tax", source="order.tax"),
    Column(header="order_discount", source="order.discount"),
    Column(header="name", source="ship.name", limit=255, needed=True),
    Column(header="company", source="ship.company", limit=255),
    Column(header="address1", source="ship.line1", limit=255, needed=True),
    Column(header="address2", source="ship.line2", limit=255),
    Column(header="address3", source="ship.line3", limit=255),
    Column(header="city", source="ship.city", limit=255, needed=True),
    Column(header="region", source="ship.region", limit=255),
    Column(header="postal_code", source="ship.postal_code", limit=50),
    Column(header="country", source="ship.country", needed=True),
    Column(header="country_name", source="ship.country", country="name"),
    Column(header="phone", source="ship.phone", limit=100),
    Column(header="email", source="buyer.email", limit=255),
    Column(header="hub_line_id", source="line.hub_id"),
    Column(header="channel_line_id", source="line.channel_id"),
    Column(header="sku", source="line.sku"),
    Column(header="channel_sku", source="line.channel_sku"),
    Column(header="item", source="line.title"),
    Column(header="quantity", source="line.quantity", needed=True),
    Column(header="unit_price", source="line.unit_price"),
    Column(header="unit_weight_g", source="line.weight"),
    Column(header="gtin", source="line.gtin"),
    Column(header="location", source="line.location"),
    Column(header="note", source="order.note", limit=1000, cut=True),
)
GENERIC = Profile(name="generic", title="every fact we have, for programs and scripts", columns=_GENERIC)
EXCEL = Profile(name="excel", title="generic, with the mark by which Excel knows UTF-8", columns=_GENERIC, bom=True)

_SLASHED = "%Y/%m/%d %H:%M:%S"
SHIPSTATION = Profile(
    name="shipstation",
    title="ShipStation file or ODBC import",
    columns=(
        Column(header="Order #", source="order.number", limit=50, needed=True),
        Column(header="Order Date", source="order.placed", limit=19, date=_SLASHED, needed=True),
        Column(header="Order Status", fixed="Awaiting Shipment"),
        Column(header="Order Source", source="order.account", limit=50),
        Column(header="Requested Service", source="order.service", limit=100),
        Column(header="Order Total", source="order.total", limit=10),
        Column(header="Tax Amount", source="order.tax", limit=10),
        Column(header="Shipping Amount", source="order.shipping", limit=10),
        Column(header="Ship To - Name", source="ship.name", limit=100, needed=True),
        Column(header="Ship To - Company", source="ship.company", limit=100),
        Column(header="Ship To - Address 1", source="ship.line1", limit=200, needed=True),
        Column(header="Ship To - Address 2", source="ship.line2_3", limit=200),
        Column(header="Ship To - City", source="ship.city", limit=100, needed=True),
        Column(header="Ship To - State", source="ship.region", limit=100),
        Column(header="Ship To - Postal Code", source="ship.postal_code", limit=50),
        Column(header="Ship To - Country", source="ship.country", limit=2, needed=True),
        Column(header="Ship To - Phone", source="ship.phone", limit=50),
        Column(header="Customer Email", source="buyer.email", limit=100),
        Column(header="Customer Notes", source="order.note", limit=1000, cut=True),
        Column(header="Item SKU", source="line.sku", limit=50),
        Column(header="Item Name", source="line.title", limit=200),
        Column(header="Item Quantity", source="line.quantity", limit=5, needed=True),
        Column(header="Item Unit Price", source="line.unit_price", limit=10),
        Column(header="Item Unit Weight (g)", source="line.weight", limit=10),
        Column(header="Item UPC", source="line.gtin", limit=100),
        Column(header="Item Line ID", source="line.hub_id", limit=50),
        Column(header="Item Location", source="line.location", limit=100),
        Column(header="Custom Field 1", source="order.channel_id", limit=100),
        Column(header="Custom Field 2", source="order.ship_by", limit=100, date=_SLASHED),
    ),
)
"""Limits of the file and ODBC import, and of the address as its store protocol has them (shipping README 1 and 2).
Header names are ours: the user maps them once when importing."""

PROFILES = {profile.name: profile for profile in (GENERIC, EXCEL, SHIPSTATION)}


def profile_named(name: str) -> Profile:
    """The layout of that name.

    Raises:
        Invalid: there is none.
    """
    if name not in PROFILES:
        raise Invalid(f"there is no layout {name!r}", field="profile", value=name, fix="one of: " + ", ".join(PROFILES))
    return PROFILES[name]


# ---------------------------------------------------------------- cells

_NUMBER = re.compile(r"[+-]?\d+(?:[.,]\d+)?", re.ASCII)
_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")  # the wide ones are calculated by East Asian Excels
_PHONE = re.compile(r"\+[\d\s()./\-]{4,40}", re.ASCII)


def guard(text: str) -> str:
    """`text` with an apostrophe before it if a spreadsheet would calculate it; pure numbers stay as they are."""
    bare = text.lstrip(" \u00a0\u200b\u200e\u200f\ufeff")
    return "'" + text if bare.startswith(_STARTS) and not _NUMBER.fullmatch(text) else text


def unguard(text: str) -> str:
    """What a cell said before `guard`."""
    return text[1:] if text.startswith("'") and guard(text[1:]) == text else text


def _tidy(text: str, *, keep_lines: bool) -> str:
    """One line of text without control characters; notes keep their line breaks."""
    kept = []
    for char in text.replace("\r\n", "\n"):
        if char == "\n" and keep_lines:
            kept.append(char)
        elif unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp"):
            kept.append(" ")
        else:
            kept.append(char)
    lines = [" ".join(line.split()) for line in "".join(kept).split("\n")]
    return "\n".join(lines).strip()


def _phone(text: str) -> str:
    """An international number in its compact form, which needs no apostrophe: «+49 (0)30 12-34» is +49301234."""
    if not _PHONE.fullmatch(text):
        return text
    return "+" + "".join(char for char in text.replace("(0)", "") if char.isdigit())


def _words(column: Column, value: Fact) -> str:
    if column.fixed:
        return column.fixed
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime(column.date)
    if isinstance(value, Money):
        return value.text()
    if isinstance(value, int):
        if column.source != "line.weight":
            return str(value)
        amount = (Decimal(value) / _GRAMS[column.unit]).quantize(Decimal("0.001"), rounding=ROUND_HALF_UP)
        return format(amount.normalize(), "f")
    text = _tidy(value, keep_lines=column.cut)
    if column.source == "ship.country":
        return _country(column, text.upper())
    return _phone(text) if column.source == "ship.phone" else text


def _country(column: Column, code: str) -> str:
    if column.country == "alpha3":
        return countries.alpha3(code) or code
    if column.country == "name":
        return countries.name(code) or code
    return code


def _cell(column: Column, value: Fact) -> str | CellProblem:
    text = guard(_words(column, value))
    if column.needed and not text:
        return CellProblem(
            field=column.header, cause=f"{column.header} is empty", fix="complete it on the channel, or write the label by hand"
        )  # fmt: skip
    if column.limit and len(text) > column.limit:
        if column.cut:
            return shorten(text, column.limit)
        return CellProblem(
            field=column.header, cause=f"{column.header} has {len(text)} characters, {column.limit} fit",
            fix="shorten it on the channel, choose another layout, or write the label by hand",
        )  # fmt: skip
    if column.source == "ship.country" and text and not countries.is_country(str(value).strip().upper()):
        return CellProblem(field=column.header, cause="the country is not known", fix="correct it on the channel")
    return text


def render(profile: Profile, rows: Sequence[Mapping[str, Fact]]) -> tuple[list[list[str]], list[CellProblem]]:
    """The rows of one order as cells, and everything that does not fit, once each."""
    out: list[list[str]] = []
    problems: dict[CellProblem, None] = {}
    for row in rows:
        cells: list[str] = []
        for column in profile.columns:
            cell = _cell(column, row.get(column.source))
            if isinstance(cell, CellProblem):
                problems[cell] = None
            else:
                cells.append(cell)
        out.append(cells)
    return out, list(problems)


def file_of(profile: Profile, rows: Sequence[Sequence[str]]) -> str:
    """The text of the file; its bytes are this in UTF-8."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow([column.header for column in profile.columns])
    writer.writerows(rows)
    return ("\ufeff" if profile.bom else "") + buffer.getvalue()
