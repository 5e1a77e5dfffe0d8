"""Tracking files as shipping programs and people write them: columns found by their names, every row read or refused
by itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from hub.kernel.clock import require_utc
from hub.kernel.errors import Invalid
from hub.kernel.text import shorten
from hub.pim.importing import reading
from hub.shipping.profiles import unguard

ROWS_MAX = 50_000
_NAMES: Mapping[str, tuple[str, ...]] = {
    "hub": ("huborder", "huborderid", "hubid"),
    "number": (
        "order", "ordernumber", "orderno", "ordernum", "ordernr", "ordername", "orderreference", "orderref",
        "reference", "referencenumber", "salesordernumber", "bestellnummer", "bestellnr", "auftragsnummer",
    ),
    "id": ("orderid", "channelorderid", "channelorder", "marketplaceorderid", "amazonorderid", "ebayorderid"),
    "carrier": (
        "carrier", "carriername", "carriercode", "carrierused", "courier", "couriername", "shippingcarrier",
        "shippingprovider", "provider", "versanddienstleister", "paketdienst",
    ),
    "tracking": (
        "tracking", "trackingnumber", "trackingno", "trackingnum", "trackingnr", "trackingcode", "trackingid",
        "trackingreference", "shipmenttrackingnumber", "consignmentnumber", "waybill", "awb", "sendungsnummer",
    ),
    "service": ("service", "servicename", "servicecode", "shippingservice", "shippingmethod", "shipmethod", "versandart"),
    "shipped": (
        "shipdate", "shipped", "shippeddate", "shippedat", "dateshipped", "shippingdate", "shipmentdate",
        "dispatchdate", "dispatched", "versanddatum",
    ),
    "sku": ("sku", "itemsku", "productsku", "skunumber", "articlenumber", "artikelnummer"),
    "hub_line": ("hubline", "hublineid"),
    "line": ("line", "lineid", "lineitemid", "lineitem", "orderline", "orderlineid", "orderitemid", "itemlineid",
             "channellineid"),
    "quantity": (
        "quantity", "qty", "units", "itemquantity", "itemqty", "quantityshipped", "shippedquantity", "qtyshipped",
        "menge", "anzahl",
    ),
}  # fmt: skip
_MEANING = {name: meaning for meaning, names in _NAMES.items() for name in names}
_SHOWN = {
    "hub": "hub order id", "number": "order number", "id": "order id", "carrier": "carrier", "tracking": "tracking number",
    "service": "service", "shipped": "ship date", "sku": "SKU", "hub_line": "hub line id", "line": "line id",
    "quantity": "quantity",
}  # fmt: skip
_DAMAGED = re.compile(r"\d(?:[.,]\d+)?[eE]\+?\d+", re.ASCII)  # «1.23457E+17»: what a spreadsheet makes of long numbers
_TRACKING = re.compile(r"[!-<>-~]{1,100}", re.ASCII)  # printable, without blanks and «=»
_SLASHES = re.compile(
    r"(\d{1,2})/(\d{1,2})/(\d{4})(?:[ T](\d{1,2}):(\d{2})(?::(\d{2}))?(?:\s*([AaPp])[Mm])?)?", re.ASCII
)
_DOTS = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})(?:[ T](\d{1,2}):(\d{2})(?::(\d{2}))?)?", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shipped:
    """When a parcel left. Without a time of day, `at` is midnight UTC."""

    at: datetime
    has_time: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingLine:
    """One row as it was read. Texts are empty and numbers None where the file says nothing."""

    line: int
    hub_id: int | None
    number: str
    other_id: str
    carrier: str
    tracking: str
    service: str
    shipped: Shipped | None
    sku: str
    hub_line: str
    line_ref: str
    quantity: int | None

    @property
    def names_goods(self) -> bool:
        return bool(self.sku or self.line_ref or self.hub_line)


@dataclass(frozen=True, slots=True, kw_only=True)
class BadLine:
    """A row that cannot be used, and why."""

    line: int
    order: str
    tracking: str
    field: str
    cause: str
    fix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackingFile:
    """What a file holds. With `lone_id` the only name of orders in it is an «order id», which may be the hub's own."""

    rows: tuple[TrackingLine, ...]
    bad: tuple[BadLine, ...]
    lone_id: bool


def read(path: Path, *, carrier: str = "") -> TrackingFile:
    """Read a file. `carrier` stands where the file names none.

    Raises:
        Invalid: it cannot be opened, is empty or too long, or a column is missing or there twice.
    """
    survey = reading.survey(path)
    delimiter = reading.choose_delimiter(
        path, survey.encoding, lambda cells: sum(_meaning(c) is not None for c in cells)
    )
    content = reading.rows(path, survey.encoding, delimiter, lambda _: None)
    header = next(content, None)
    if not isinstance(header, reading.Row):
        cause = "the file is empty" if header is None else header.cause
        raise Invalid(cause, field="path", value=path.name, fix="give a file whose first row names the columns")
    places = _places(header.cells, has_carrier=bool(carrier))
    rows: list[reading.Row] = []
    bad: list[BadLine] = []
    for number, row in enumerate(content):
        if number >= ROWS_MAX:
            raise Invalid(
                f"the file has more than {ROWS_MAX:,} rows", field="path", value=path.name, fix="split it"
            )  # fmt: skip
        if isinstance(row, reading.Unreadable):
            bad.append(BadLine(line=row.line, order="", tracking="", field="", cause=row.cause, fix=row.fix))
        else:
            rows.append(row)
    reader = _Reader(places=places, width=len(header.cells), carrier=carrier, day_first=_day_first(places, rows))
    good: list[TrackingLine] = []
    for row in rows:
        result = reader.parse(row)
        if isinstance(result, TrackingLine):
            good.append(result)
        else:
            bad.append(result)
    lone = "id" in places and "number" not in places and "hub" not in places
    return TrackingFile(rows=tuple(good), bad=tuple(bad), lone_id=lone)


def _meaning(heading: str) -> str | None:
    return _MEANING.get("".join(char for char in heading.casefold() if char.isalnum()))


def _places(header: Sequence[str], *, has_carrier: bool) -> dict[str, int]:
    places: dict[str, int] = {}
    for index, heading in enumerate(header):
        meaning = _meaning(heading)
        if meaning is None:
            continue
        if meaning in places:
            raise Invalid(
                f"two columns name the {_SHOWN[meaning]}: {header[places[meaning]]!r} and {shorten(heading, 40)!r}",
                field=shorten(heading, 40), fix="remove or rename one of them",
            )  # fmt: skip
        places[meaning] = index
    missing = [_SHOWN[m] for m in ("tracking", *(() if has_carrier else ("carrier",))) if m not in places]
    if not places.keys() & {"hub", "number", "id"}:
        missing.insert(0, _SHOWN["number"])
    if missing:
        seen = shorten(", ".join(" ".join(heading.split()) for heading in header), 120)
        raise Invalid(
            f"no column names the {' and the '.join(missing)}; the first row has: {seen}",
            field=missing[0], fix="name the columns, for example: Order Number, Carrier, Tracking Number",
        )  # fmt: skip
    return places


def _day_first(places: Mapping[str, int], rows: Sequence[reading.Row]) -> bool:
    """Whether 03/04/2026 is in April: only if some date of the file can be read no other way. ShipStation writes the
    month first (shipping README 2)."""
    place = places.get("shipped")
    if place is None:
        return False
    found = (_SLASHES.fullmatch(row.cells[place].strip()) for row in rows if place < len(row.cells))
    return any(int(match.group(1)) > 12 for match in found if match)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    places: Mapping[str, int]
    width: int
    carrier: str
    day_first: bool

    def parse(self, row: reading.Row) -> TrackingLine | BadLine:
        cells = {m: self._text(row, place) for m, place in self.places.items()}
        order = cells.get("number") or cells.get("id") or cells.get("hub") or ""
        tracking = "".join(cells.get("tracking", "").split())
        try:
            if any(cell.strip() for cell in row.cells[self.width :]):
                raise Invalid(
                    f"the row has {len(row.cells)} cells, the first row {self.width}", field="",
                    fix="put cells that contain the separator into quotation marks",
                )  # fmt: skip
            if not order:
                raise Invalid("the row names no order", field=_SHOWN["number"], fix="give the order number")
            return TrackingLine(
                line=row.line, hub_id=_whole(cells, "hub", 10**18), number=_order(cells, "number"),
                other_id=_order(cells, "id"), carrier=_carrier(cells.get("carrier") or self.carrier),
                tracking=_tracking(tracking), service=shorten(cells.get("service", ""), 100),
                shipped=_date(cells.get("shipped", ""), day_first=self.day_first), sku=cells.get("sku", ""),
                hub_line=cells.get("hub_line", ""), line_ref=cells.get("line", ""),
                quantity=_whole(cells, "quantity", 99_999),
            )  # fmt: skip
        except Invalid as problem:
            return BadLine(
                line=row.line, order=shorten(order, 60), tracking=shorten(tracking, 60), field=problem.field or "",
                cause=problem.message, fix=problem.fix or "",
            )  # fmt: skip

    def _text(self, row: reading.Row, place: int) -> str:
        text = " ".join(row.cells[place].split()) if place < len(row.cells) else ""
        if text.startswith('="') and text.endswith('"'):
            text = text[2:-1].strip()  # how spreadsheets are told to keep a number as text
        return unguard(text)


def _intact(text: str, meaning: str) -> str:
    if _DAMAGED.fullmatch(text):
        raise Invalid(
            f"{text} is what a spreadsheet made of a long number", field=_SHOWN[meaning],
            fix="format the column as text and paste the number again",
        )  # fmt: skip
    if "�" in text:
        raise Invalid(
            f"the {_SHOWN[meaning]} has a character that cannot be read", field=_SHOWN[meaning], fix="save the file as UTF-8"
        )  # fmt: skip
    return text


def _order(cells: Mapping[str, str], meaning: str) -> str:
    return _intact(cells.get(meaning, ""), meaning)


def _tracking(text: str) -> str:
    if not text:
        raise Invalid(
            "the tracking number is empty", field=_SHOWN["tracking"], fix="record a parcel without one by hand: hub orders ship"
        )  # fmt: skip
    _intact(text, "tracking")
    if not _TRACKING.fullmatch(text) or not any(char.isalnum() for char in text):
        raise Invalid(f"{shorten(text, 40)!r} is no tracking number", field=_SHOWN["tracking"], fix="copy it again")
    return text


def _carrier(text: str) -> str:
    if not text:
        raise Invalid("the carrier is empty", field=_SHOWN["carrier"], fix="name it, such as DHL")
    if len(text) > 100:
        raise Invalid(f"the carrier has {len(text)} characters, 100 fit", field=_SHOWN["carrier"], fix="shorten it")
    return text


def _whole(cells: Mapping[str, str], meaning: str, top: int) -> int | None:
    text = cells.get(meaning, "")
    if not text:
        return None
    if not re.fullmatch(r"\d{1,18}(?:[.,]0{1,6})?", text, re.ASCII):
        raise Invalid(
            f"{shorten(text, 40)!r} is no {_SHOWN[meaning]}", field=_SHOWN[meaning], fix="write a whole number, such as 1"
        )  # fmt: skip
    number = int(re.split("[.,]", text)[0])
    if not 1 <= number <= top:
        raise Invalid(f"the {_SHOWN[meaning]} {number} is out of range", field=_SHOWN[meaning], fix=f"1 to {top:,}")
    return number


def _date(text: str, *, day_first: bool) -> Shipped | None:
    if not text:
        return None
    try:
        for pattern, day in ((_SLASHES, 1 if day_first else 2), (_DOTS, 1)):
            if match := pattern.fullmatch(text):
                hour, half = int(match.group(4) or 0), match.group(7) if pattern is _SLASHES else None
                if half:
                    hour = hour % 12 + (12 if half in "Pp" else 0)
                at = datetime(
                    int(match.group(3)), int(match.group(3 - day)), int(match.group(day)), hour,
                    int(match.group(5) or 0), int(match.group(6) or 0), tzinfo=UTC,
                )  # fmt: skip
                return Shipped(at=at, has_time=match.group(4) is not None)
        found = datetime.fromisoformat(text.replace("/", "-"))
        return Shipped(at=require_utc(found if found.tzinfo else found.replace(tzinfo=UTC)), has_time=len(text) > 10)
    except (ValueError, OverflowError) as error:
        raise Invalid(
            f"{shorten(text, 40)!r} is no date", field=_SHOWN["shipped"], fix="write it like 2026-11-22"
        ) from error


def shown(meaning: str) -> str:
    """What people call a column."""
    return _SHOWN[meaning]


def bad(rows: Sequence[TrackingLine], field: str, cause: str, fix: str) -> Iterator[BadLine]:
    """These rows, refused for the same reason."""
    for row in rows:
        order = row.number or row.other_id or str(row.hub_id or "")
        yield BadLine(line=row.line, order=order, tracking=row.tracking, field=field, cause=cause, fix=fix)
