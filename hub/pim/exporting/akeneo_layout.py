"""Akeneo's product CSV, and the one of its product models: «attribute-locale-channel» columns. Read back by
importing/akeneo.py, whose sources are Akeneo's data structures.

The import takes the first language and the first channel of the file for the base content, so these come first here.
An option is an attribute in Akeneo. What a spreadsheet would calculate gets an apostrophe, as in the hub's own layout.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

from hub.pim.attributes.codes import code_of
from hub.pim.attributes.fallback import split_scope
from hub.pim.exporting import text
from hub.pim.exporting.foreign import alone, categories, commas, fitted
from hub.pim.exporting.goods import Goods, GoodsVariant

PRODUCT = ("sku", "family", "parent", "categories", "enabled")
MODEL = ("code", "family_variant", "family", "parent", "categories")
_OWN = ("name", "description", "brand")
_MEASURED = ("ean", *(f"{side}{unit}" for side in ("weight", "length", "width", "height") for unit in ("", "-unit")))
_MEANT = frozenset({  # what the import takes for something else than an attribute
    *PRODUCT, *MODEL, *_OWN, "identifier", "uuid", "groups", "title", "label", "gtin", "upc", "barcode", "price", "cost",
    "ean", "weight", "length", "width", "height",
})  # fmt: skip
_REGIONS = {
    "ar": "SA", "cs": "CZ", "da": "DK", "el": "GR", "en": "US", "et": "EE", "fa": "IR", "he": "IL", "hi": "IN",
    "hy": "AM", "ja": "JP", "ka": "GE", "ko": "KR", "nb": "NO", "nn": "NO", "sl": "SI", "sv": "SE", "uk": "UA",
    "vi": "VN", "zh": "CN",
}  # fmt: skip
"""Akeneo's locales have a country; where the hub's has none it is this one, else the one that is called alike."""
_Scoping: TypeAlias = tuple[str, str]
"""The locale and the channel that mean the base content of an attribute; "" = it has none."""
_BASES = ("en_US", "en_GB", "en_AU")
_CHANNEL = "default"


def further(found: Iterable[Goods]) -> set[str]:
    """What the header is made of: «value CODE SCOPE», «axis CODE», «price CURRENCY», «cost CURRENCY», «base LOCALE»."""
    out: set[str] = set()
    for one in found:
        out.add(f"base {one.base}")
        owners: list[Goods | GoodsVariant] = [one]
        if alone(one) is None:
            out.update(f"axis {_axis(axis)}" for axis in one.axes)
            owners += one.variants
        out.update(f"value {code} {scope}" for owner in owners for code, scope, _ in _values(owner))
        for variant in one.variants:
            out.add(f"price {variant.row['currency']}")
            if variant.cost is not None:
                out.add(f"cost {variant.row['currency']}")
    return out


def header(extras: Iterable[str]) -> tuple[str, ...]:
    """The first row of the products."""
    own, axes, money, others = _headings(extras)
    return (*PRODUCT, *own, *axes, *money, *_MEASURED, *others)


def model_header(extras: Iterable[str]) -> tuple[str, ...]:
    """The first row of the product models: without what only a variant has."""
    own, _, _, others = _headings(extras)
    return (*MODEL, *own, *others)


def rows(one: Goods, columns: Sequence[str]) -> Iterator[list[str]]:
    """The rows of the products file: those of the variants."""
    index = _index(tuple(columns))
    single = alone(one)
    state = "1" if one.row["state"] == "approved" else "0"
    for variant in one.variants:
        cells = {"sku": variant.sku, "family": one.family, "enabled": state} | _variant(variant)
        if single is not None:
            cells |= _product(one, index)
        else:
            axes = {_heading(_axis(axis), "", index): variant.row["options"].get(axis, "") for axis in one.axes}
            cells |= {"parent": one.handle} | axes | _cells(variant, index, one.kinds)
        yield [text.guarded(cell) for cell in fitted(cells, columns)]


def models(one: Goods, columns: Sequence[str]) -> Iterator[list[str]]:
    """The row of the product models file, if the product needs one."""
    if alone(one) is not None:
        return
    axes = "_".join(_axis(axis) for axis in one.axes)
    family_variant = f"{one.family}_by_{axes}" if one.family and axes else ""
    cells = {"code": one.handle, "family_variant": family_variant, "family": one.family}
    cells |= _product(one, _index(tuple(columns)))
    yield [text.guarded(cell) for cell in fitted(cells, columns)]


def _product(one: Goods, index: Mapping[str, _Scoping]) -> dict[str, str]:
    row = one.row
    cells = {"categories": commas(categories(one)), "brand": row["brand"]}
    for heading, field in (("name", "title"), ("description", "description")):
        cells[_heading(heading, "", index)] = row[field]
    return cells | _cells(one, index, one.kinds)


def _cells(owner: Goods | GoodsVariant, index: Mapping[str, _Scoping], kinds: Mapping[str, str]) -> dict[str, str]:
    out: dict[str, str] = {}
    for code, scope, stored in _values(owner):
        choices = isinstance(stored, list) and kinds.get(code) == "multi_choice"
        out[_heading(code, scope, index)] = ",".join(stored) if choices else text.value(stored)
    return out


def _variant(variant: GoodsVariant) -> dict[str, str]:
    row, cost = variant.row, variant.cost
    cells = {f"price-{row['currency']}": variant.price.text(), "ean": row["gtin"] or ""}
    if cost is not None:
        cells[f"cost-{row['currency']}"] = cost.text()
    if row["weight_g"]:
        cells |= {"weight": str(row["weight_g"]), "weight-unit": "GRAM"}
    for side in ("length", "width", "height"):
        if row[f"{side}_mm"]:
            cells |= {side: str(row[f"{side}_mm"]), f"{side}-unit": "MILLIMETER"}
    return cells


def _axis(name: str) -> str:
    code = code_of(name)
    return f"option_{code}" if code in _MEANT else code


def _values(owner: Goods | GoodsVariant) -> Iterator[tuple[str, str, Any]]:
    """Code, scope and value, titles and descriptions in other languages among them."""
    more = len(categories(owner)) > 1 if isinstance(owner, Goods) else False
    for code, by_scope in owner.values.items():
        own = {"title": "name", "description": "description"}.get(code)
        if (code in _MEANT and own is None) or (code == "categories" and more):
            continue
        for scope, stored in by_scope.items():
            if scope or own is None:
                yield own or code, scope, stored


def _headings(extras: Iterable[str]) -> tuple[list[str], list[str], list[str], list[str]]:
    """The hub's own texts, the options, the money and the other attributes: of each attribute the base content first."""
    scopes: dict[str, set[str]] = {}
    axes: set[str] = set()
    money: list[str] = []
    base = ""
    for extra in sorted(extras):
        kind, _, rest = extra.partition(" ")
        if kind == "value":
            code, _, scope = rest.partition(" ")
            scopes.setdefault(code, set()).add(scope)
        elif kind == "axis":
            axes.add(rest)
        elif kind == "base":
            base = base or rest
        else:
            money.append(f"{kind}-{rest}")
    used = {_akeneo(split_scope(scope)[0]) for found in scopes.values() for scope in found if split_scope(scope)[0]}
    first = next((name for name in (*([_akeneo(base)] if base else ()), *_BASES) if name not in used), _BASES[0])

    def columns(code: str) -> list[str]:
        found = scopes.get(code, set()) | {""}
        parts = [split_scope(scope) for scope in sorted(found)]
        localised, per_channel = any(locale for locale, _ in parts), any(channel for _, channel in parts)
        out = [
            "-".join((code, *((_akeneo(locale) if locale else first,) if localised else ()),
                      *((channel or _CHANNEL,) if per_channel else ())))
            for locale, channel in parts
        ]  # fmt: skip
        return list(dict.fromkeys(out))

    own = [heading for code in _OWN for heading in columns(code)]
    options = [heading for code in sorted(axes) for heading in columns(code)]
    others = [heading for code in sorted(scopes.keys() - axes - set(_OWN)) for heading in columns(code)]
    return own, options, money, others


def _akeneo(locale: str) -> str:
    """The hub's «de» is de_DE."""
    language, _, region = locale.partition("-")
    return locale.replace("-", "_") if region else f"{language}_{_REGIONS.get(language, language.upper())}"


@lru_cache(4)
def _index(columns: tuple[str, ...]) -> dict[str, _Scoping]:
    """Attribute → what its first column, the one of the base content, says."""
    out: dict[str, _Scoping] = {}
    for heading in columns:
        code, *parts = heading.split("-")
        locale = parts.pop(0) if parts and "_" in parts[0] and parts[0][-2:].isupper() else ""
        out.setdefault(code, (locale, "-".join(parts)))
    return out


def _heading(code: str, scope: str, index: Mapping[str, _Scoping]) -> str:
    base_locale, base_channel = index.get(code, ("", ""))
    locale, channel = split_scope(scope)
    parts = [code]
    if base_locale:
        parts.append(_akeneo(locale) if locale else base_locale)
    if base_channel:
        parts.append(channel or base_channel)
    return "-".join(parts)
