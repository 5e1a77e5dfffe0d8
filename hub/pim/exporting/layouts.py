"""Which layouts products are exported in, and how each makes its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hub.kernel.errors import Invalid
from hub.pim.exporting import akeneo_layout, amazon_layout, hub_layout, shopify_layout, woocommerce_layout
from hub.pim.exporting.goods import Goods


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """`further` finds the headings that products need beside the fixed ones (None = there are none); `record` makes an
    object of JSON lines of a product, where the layout has that form. `beside` is a second file that goes with it, its
    name ending in «-models»."""

    name: str
    header: Callable[[Iterable[str]], tuple[str, ...]]
    rows: Callable[[Goods, Sequence[str]], Iterator[list[str]]]
    further: Callable[[Iterable[Goods]], set[str]] | None = None
    record: Callable[[Goods], dict[str, Any]] | None = None
    beside: Layout | None = None

    @property
    def formats(self) -> tuple[str, ...]:
        return ("csv", "xlsx", "jsonl") if self.record is not None else ("csv", "xlsx")


LAYOUTS: Mapping[str, Layout] = {
    layout.name: layout
    for layout in (
        Layout(
            name="hub", header=hub_layout.header, rows=hub_layout.rows, further=hub_layout.further,
            record=hub_layout.record,
        ),
        Layout(
            name="shopify", header=lambda extras: shopify_layout.HEADER, rows=lambda one, columns: shopify_layout.rows(one)
        ),
        Layout(
            name="woocommerce", header=woocommerce_layout.header, rows=woocommerce_layout.rows,
            further=woocommerce_layout.further,
        ),
        Layout(
            name="akeneo", header=akeneo_layout.header, rows=akeneo_layout.rows, further=akeneo_layout.further,
            beside=Layout(name="akeneo", header=akeneo_layout.model_header, rows=akeneo_layout.models),
        ),
        Layout(
            name="amazon", header=amazon_layout.header, rows=amazon_layout.rows, further=amazon_layout.further,
        ),
    )
}  # fmt: skip


def layout_of(name: str, form: str) -> Layout:
    """Raises Invalid: there is no such layout, or it has no files of that form."""
    layout = LAYOUTS.get(name)
    if layout is None:
        raise Invalid(f"there is no layout {name!r}", field="profile", value=name, fix="one of: " + ", ".join(LAYOUTS))
    if form not in layout.formats:
        known = ", ".join(layout.formats)
        raise Invalid(f"{name} has no files of the form {form!r}", field="format", value=form, fix=f"one of: {known}")
    return layout
