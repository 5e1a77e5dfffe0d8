"""The hub's own layout: a row per variant, a column per attribute, language and channel; what the import reads back
without a difference."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from hub.pim.exporting import text
from hub.pim.exporting.goods import Goods, GoodsVariant

_NAMED = ("title", "description", "bullet_points", "keywords")
_PRODUCT = ("handle", "title", "description", "brand", "category", "family", "state", "stock_class", "tags", "images")
_OPTIONS = tuple(f"option{n}_{part}" for n in (1, 2, 3) for part in ("name", "value"))
_VARIANT = (
    "sku", "gtin", "price", "currency", "cost", "weight", "weight_unit", "length", "width", "height",
    "dimension_unit", "image",
)  # fmt: skip
FIXED = (*_PRODUCT, *_OPTIONS, *_VARIANT)


def further(found: Iterable[Goods]) -> set[str]:
    """The headings that these products need beside the fixed ones."""
    out: set[str] = set()
    for one in found:
        out.update(heading for heading, _ in _values(one.values, "value"))
        for variant in one.variants:
            out.update(heading for heading, _ in _values(variant.values, "variant"))
            out.update(f"stock:{code}" for code in variant.stock)
            if variant.components:
                out.add("components")
    return out


def header(extras: Iterable[str]) -> tuple[str, ...]:
    """The first row. Components, then product values before variant values before stock, each by name."""

    def place(heading: str) -> tuple[int, str]:
        kind = heading.partition(":")[0]
        return ({"components": -1, "variant": 1, "stock": 2}.get(kind, 0), heading)

    return (*FIXED, *sorted(extras, key=place))


def rows(one: Goods, columns: Sequence[str]) -> Iterator[list[str]]:
    """The rows of a product, the product's own cells in the first."""
    place = {heading: index for index, heading in enumerate(columns)}
    axes = one.axes
    for number, variant in enumerate(one.variants):
        cells = {"handle": one.handle, **_variant(variant)}
        if number == 0:
            cells |= _product(one)
        for n, axis in enumerate(axes[:3], 1):
            cells[f"option{n}_name"] = axis
            cells[f"option{n}_value"] = variant.row["options"].get(axis, "")
        out = [""] * len(columns)
        for heading, cell in cells.items():
            if cell and heading in place:
                out[place[heading]] = text.guarded(cell)
        yield out


def record(one: Goods) -> dict[str, Any]:
    """The product as an object of JSON lines, with its variants."""
    out: dict[str, Any] = {
        name: one.row[name] for name in ("title", "description", "brand", "category", "tags", "images")
    }
    out = {"handle": one.handle, **out, "family": one.family, "state": one.row["state"]}
    out["stock_class"] = one.row["stock_class"]
    out = {name: said for name, said in out.items() if said not in ("", [])}
    out |= _json_values(one.values)
    variants: list[dict[str, Any]] = []
    for variant in one.variants:
        said: dict[str, Any] = {name: cell for name, cell in _fixed(variant).items() if cell}
        if variant.components:
            said["components"] = _components(variant)
        if variant.row["options"]:
            said["options"] = {axis: variant.row["options"].get(axis, "") for axis in one.axes}
        if variant.stock:
            said["stock"] = dict(variant.stock)
        variants.append(said | ({"values": _by_scope(variant.values)} if variant.values else {}))
    return out | {"variants": variants}


def _json_values(values: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Values of a product under «values»; those of title and description are of other languages only, and stay there."""
    return {"values": _by_scope(values)} if values else {}


def _by_scope(values: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    return {
        code: {scope: text.value(said) if isinstance(said, str) else said for scope, said in by_scope.items()}
        for code, by_scope in values.items()
    }


def _product(one: Goods) -> dict[str, str]:
    row = one.row
    cells = {name: str(row[name]) for name in ("title", "description", "brand", "category", "state", "stock_class")}
    cells |= {"family": one.family, "tags": text.listed(row["tags"], ","), "images": text.listed(row["images"], "|")}
    return cells | dict(_values(one.values, "value"))


def _variant(variant: GoodsVariant) -> dict[str, str]:
    stock = {f"stock:{code}": str(units) for code, units in variant.stock.items()}
    made_of = {"components": text.listed(_components(variant), "|")}
    return _fixed(variant) | made_of | stock | dict(_values(variant.values, "variant"))


def _components(variant: GoodsVariant) -> list[str]:
    return [f"{sku}:{count}" for sku, count in variant.components.items()]


def _fixed(variant: GoodsVariant) -> dict[str, str]:
    row, cost = variant.row, variant.cost
    cells = {
        "sku": variant.sku, "gtin": row["gtin"] or "", "price": variant.price.text(), "currency": row["currency"],
        "cost": "" if cost is None else cost.text(), "image": row["image"] or "",
    }  # fmt: skip
    if row["weight_g"]:
        cells |= {"weight": str(row["weight_g"]), "weight_unit": "g"}
    sides = {side: str(row[f"{side}_mm"]) for side in ("length", "width", "height") if row[f"{side}_mm"]}
    return cells | sides | ({"dimension_unit": "mm"} if sides else {})


def _values(values: Mapping[str, Mapping[str, Any]], level: str) -> Iterator[tuple[str, str]]:
    for code, by_scope in values.items():
        name = code if level == "value" and code in _NAMED else f"{level}:{code}"
        for scope, stored in by_scope.items():
            yield (f"{name}:{scope}" if scope else name), text.value(stored)
