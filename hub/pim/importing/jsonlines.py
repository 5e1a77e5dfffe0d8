"""JSON lines as rows of the hub's own layout: one product with its `variants`, or one variant, per line.

Which columns there are shows only when the whole file was seen, so it is read twice. A key that a line does not have
is not an empty cell: it says nothing about that fact.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

from hub.kernel.money import Money
from hub.kernel.text import shorten
from hub.pim.exporting.text import guarded
from hub.pim.importing.reading import RECORD_MAX, Role, Row, Unreadable

COLUMNS_MAX = 2_000
VARIANTS_MAX = 5_000
_SCOPED = frozenset({"title", "description", "bullet_points", "keywords"})
_Record: TypeAlias = tuple[Role, dict[str, str]]
_decode = msgspec.json.Decoder().decode


class _BadLineError(Exception):
    """A line that is no product: what is wrong, and what to do."""

    def __init__(self, cause: str, fix: str) -> None:
        super().__init__(cause)
        self.cause, self.fix = cause, fix


def rows(path: Path, encoding: str, at: Callable[[int], None]) -> Iterator[Row | Unreadable]:
    """The header first (line 1), then a row per variant with the number of its line."""
    headings: dict[str, int] = {}
    too_many = False
    for _, found in _records(path, encoding, lambda here: None):
        if isinstance(found, list):
            for role, record in found:
                # A product without a variant has no SKU and no price, but the layout wants the columns.
                for heading in (*record, "sku", "price") if role == "product" else record:
                    if len(headings) < COLUMNS_MAX:
                        headings.setdefault(heading, len(headings))
                    elif heading not in headings:
                        too_many = True
    if too_many:
        yield Unreadable(
            line=1, last=1, cause=f"the lines have more than {COLUMNS_MAX:,} different keys",
            fix="look whether data stands where keys should be",
        )  # fmt: skip
        return
    if headings:
        yield Row(line=1, cells=tuple(headings))
    for number, found in _records(path, encoding, at):
        if isinstance(found, _BadLineError):
            yield Unreadable(line=number, last=number, cause=found.cause, fix=found.fix)
            continue
        for role, record in found:
            yield Row(
                line=number, role=role, cells=tuple(record.get(heading, "") for heading in headings),
                unsaid=frozenset(place for heading, place in headings.items() if heading not in record),
            )  # fmt: skip


def _records(
    path: Path, encoding: str, at: Callable[[int], None]
) -> Iterator[tuple[int, list[_Record] | _BadLineError]]:
    with path.open("rb") as raw:
        number = done = 0
        # Newlines of UTF-16 are not single bytes; such a file is decoded as a whole line by the text layer instead.
        if not encoding.startswith("utf-8"):
            with path.open(encoding=encoding, errors="replace", newline="\n") as handle:
                while line := handle.readline(RECORD_MAX + 1):
                    number += 1
                    yield number, _line(line.lstrip("\ufeff"), lambda: handle.readline(RECORD_MAX))
            return
        while block := raw.readline(RECORD_MAX + 1):
            number += 1
            done += len(block)
            if number % 100 == 0:
                at(done)
            text = block.removeprefix(b"\xef\xbb\xbf") if number == 1 else block
            yield number, _line(text.decode("utf-8", "replace"), lambda: raw.readline(RECORD_MAX).decode("latin-1"))


def _line(text: str, more: Callable[[], str]) -> list[_Record] | _BadLineError:
    if len(text) > RECORD_MAX and not text.endswith("\n"):
        while (rest := more()) and not rest.endswith("\n"):
            pass
        return _BadLineError(f"the line has more than {RECORD_MAX:,} characters", "make several lines of it")
    if not text.strip():
        return []
    try:
        found = _decode(text)
    except (msgspec.DecodeError, RecursionError, UnicodeError) as error:
        why = "it is nested too deeply" if isinstance(error, RecursionError) else shorten(str(error), 120)
        return _BadLineError(f"the line is not JSON: {why}", "write one JSON object per line")
    if not isinstance(found, dict):
        return _BadLineError("the line is not a JSON object", "write one JSON object per line, { … }")
    try:
        return _product(found)
    except _BadLineError as problem:
        return problem


def _product(found: Mapping[str, Any]) -> list[_Record]:
    """A record per variant; with an empty list of variants, one of the product alone."""
    variants = found.get("variants")
    own = _flat({key: value for key, value in found.items() if key != "variants"}, "value")
    if variants is None:
        return [("", own)]
    if not isinstance(variants, list) or not all(isinstance(variant, dict) for variant in variants):
        raise _BadLineError("«variants» is not a list of objects", 'write "variants": [{"sku": …}, …]')
    if len(variants) > VARIANTS_MAX:
        raise _BadLineError(f"the product has more than {VARIANTS_MAX:,} variants", "make several products of it")
    if not variants:
        return [("product", own)]
    handle = {"handle": own["handle"]} if "handle" in own else {}
    out = [{**(own if index == 0 else handle), **_flat(v, "variant")} for index, v in enumerate(variants)]
    names = {key: text for row in out for key, text in row.items() if key.endswith("_name")}
    out[0] = {**names, **out[0]}
    return [("", record) for record in out]


def _flat(found: Mapping[str, Any], values: str) -> dict[str, str]:
    out: dict[str, str] = {}
    for key, value in found.items():
        if key == "options" and isinstance(value, Mapping):
            for n, (name, chosen) in enumerate(value.items(), 1):
                out[f"option{n}_name"], out[f"option{n}_value"] = name, _text(chosen)
        elif key == "values" and isinstance(value, Mapping):
            for code, said in value.items():
                _scopes(out, f"{values}:{code}", said)
        elif key in ("stock", "attributes") and isinstance(value, Mapping):
            for name, said in value.items():
                out[f"{'stock' if key == 'stock' else 'attribute'}:{name}"] = _text(said)
        elif key in _SCOPED:
            _scopes(out, key, value)
        else:
            out[key] = _text(value)
    return out


def _scopes(out: dict[str, str], name: str, said: Any) -> None:
    if isinstance(said, Mapping) and not {"minor", "currency"} <= said.keys():
        for scope, value in said.items():
            out[f"{name}:{scope}" if scope else name] = _text(value)
    else:
        out[name] = _text(said)


def _text(value: Any) -> str:
    """A JSON value as the cell that means it; a list is JSON again, which every column with several values takes."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return guarded(value)  # nothing in JSON is a formula
    if isinstance(value, int):
        return str(value) if value.bit_length() < 200 else "a very long number"
    if isinstance(value, float):
        return f"{Decimal(repr(value)):f}"
    if isinstance(value, Mapping) and set(value) == {"minor", "currency"}:
        try:
            money = Money(minor=value["minor"], currency=value["currency"])
        except (TypeError, ValueError):
            return msgspec.json.encode(value).decode()
        return f"{money.text()} {money.currency}"
    return msgspec.json.encode(value).decode()
