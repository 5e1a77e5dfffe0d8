"""Every layout, by name."""

from __future__ import annotations

from collections.abc import Mapping

from hub.pim.importing.akeneo import Akeneo
from hub.pim.importing.amazon import Amazon
from hub.pim.importing.layouts import Layout, NamedLayout
from hub.pim.importing.woocommerce import WooCommerce

LAYOUTS: Mapping[str, Layout] = {
    layout.name: layout for layout in (NamedLayout("hub"), NamedLayout("shopify"), WooCommerce(), Akeneo(), Amazon())
}
