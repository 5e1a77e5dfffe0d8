"""What an adapter instance knows of its shop: currency, location, online store, and where a SKU lives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hub.channels.contract.adapter import BuildContext
from hub.channels.contract.errors import AuthFailed, InvalidData
from hub.channels.contract.records import ListingRef, Problem, Refused
from hub.channels.shopify import queries
from hub.channels.shopify.client import Client, number

VARIANT_GID = "gid://shopify/ProductVariant/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A variant as the channel shows it. `available` None: not stocked at the location; `online`: on the online store."""

    variant_id: str
    sku: str
    price: str
    product_id: str
    product_title: str
    status: str
    online: bool
    item_id: str
    tracked: bool
    available: int | None

    def ref(self, channel_sku: str, facts: Mapping[str, str] | None = None) -> ListingRef:
        """The reference the hub shall keep, with every fact the other calls need."""
        known = {"variant_id": self.variant_id, "inventory_item_id": self.item_id, "product_id": self.product_id}
        return ListingRef(channel_sku=channel_sku, external_id=self.variant_id, facts={**(facts or {}), **known})


def available_of(level: Mapping[str, Any] | None) -> int | None:
    """The `available` number of an inventory level; None when the item is not stocked at the location."""
    if level is None:
        return None
    return next((int(row["quantity"]) for row in level["quantities"] if row["name"] == "available"), 0)


def parse_variant(node: Mapping[str, Any]) -> Seen:
    """One ProductVariant of VARIANTS or of a SKU search."""
    product, item = node["product"], node["inventoryItem"]
    return Seen(
        variant_id=str(node["id"]),
        sku=str(node.get("sku") or ""),
        price=str(node["price"]),
        product_id=str(product["id"]),
        product_title=str(product.get("title") or ""),
        status=str(product["status"]),
        online=product.get("publishedAt") is not None,
        item_id=str(item["id"]),
        tracked=bool(item["tracked"]),
        available=available_of(item.get("inventoryLevel")),
    )


def sku_query(sku: str) -> str:
    """A search for one SKU: in quotes, so that spaces, colons and dashes are text and not search syntax."""
    return "sku:'" + sku.replace("\\", "\\\\").replace("'", "\\'") + "'"


def variant_id_of(ref: ListingRef) -> str | None:
    """The variant's id if the reference carries one."""
    known = ref.facts.get("variant_id") or ref.external_id or ""
    return known if known.startswith(VARIANT_GID) else None


class Shop:
    """The account's shop behind its client. What is remembered never changes in a shop's life or is harmless when old."""

    def __init__(self, ctx: BuildContext, client: Client) -> None:
        self.ctx = ctx
        self.client = client
        self.bulk_from = number(ctx.settings, "bulk_from", 500)
        self._currency = ""
        self._location = ctx.settings.get("location_id") or ""
        self._publication: str | None = ctx.settings.get("publication_id") or None
        self._has_online_store: bool | None = None

    def setting(self, name: str, default: str = "") -> str:
        return self.ctx.settings.get(name) or default

    def currency(self) -> str:
        """The shop's currency: all prices are in it."""
        if not self._currency:
            self._read()
        return self._currency

    def known_currency(self) -> str | None:
        """The currency if it has been read already; asks nobody."""
        return self._currency or None

    def location(self) -> str:
        """The location whose stock the hub keeps.

        Raises:
            InvalidData: none is set and the shop has no active one.
        """
        if not self._location:
            self._read()
        return self._location

    def _read(self) -> None:
        data = self.client.run(queries.SHOP)
        self._currency = str(data["shop"]["currencyCode"])
        if not self._location:
            active = [str(node["id"]) for node in data["locations"]["nodes"] if node["isActive"]]
            if not active:
                raise InvalidData("The Shopify shop has no active location.", code="NO_LOCATION")
            self._location = active[0]

    def online_store(self) -> str | None:
        """The publication new products go to, or None if the shop has none or the app may not see it."""
        if self._publication is None:
            self._read_publications()
        return self._publication

    def has_online_store(self) -> bool:
        """Does a product have to be on the online store to be for sale? In doubt yes: better «not yet» than «live»."""
        if self._has_online_store is None:
            self._read_publications()
        return self._has_online_store is not False

    def _read_publications(self) -> None:
        try:
            nodes = self.client.run(queries.PUBLICATIONS)["publications"]["nodes"]
        except AuthFailed as error:
            if error.code != "ACCESS_DENIED":
                raise
            self.ctx.log("shopify.publications_hidden", detail=error.detail)
            return
        names = {str(node["id"]): str(node["name"]).casefold().replace(" ", "") for node in nodes}
        online = [gid for gid, name in names.items() if name in _ONLINE_STORE]
        # The name follows the shop's language. A shop with one sales channel (a headless one, say) has no other choice.
        chosen = online or (list(names) if len(names) == 1 else [])
        self._has_online_store = bool(online) or len(names) > 1
        if chosen:
            self._publication = self._publication or chosen[0]
        elif names:
            self.ctx.log("shopify.online_store_unknown", names=sorted(names.values()))

    # ------------------------------------------------------------ where a SKU lives

    def find(self, skus: Iterable[str]) -> dict[str, list[Seen]]:
        """The variants with exactly each SKU (contracts README 4.5: the search itself is looser)."""
        wanted = list(dict.fromkeys(skus))
        found: dict[str, list[Seen]] = {}
        for start in range(0, len(wanted), queries.LOOKUP_SIZE):
            part = wanted[start : start + queries.LOOKUP_SIZE]
            variables: dict[str, Any] = {f"q{n}": sku_query(sku) for n, sku in enumerate(part)}
            variables["location"] = self.location()
            data = self.client.run(queries.find_skus(len(part)), variables)
            for n, sku in enumerate(part):
                seen = [parse_variant(node) for node in data[f"s{n}"]["nodes"]]
                found[sku] = [variant for variant in seen if variant.sku == sku]
        return found

    def place(self, refs: Sequence[ListingRef], *needed: str) -> list[ListingRef | Refused]:
        """Each reference with the `needed` facts, searched by SKU where it lacks them; Refused where that fails."""
        lacking = [ref.channel_sku for ref in refs if not all(ref.facts.get(name) for name in needed)]
        found = self.find(lacking) if lacking else {}
        placed: list[ListingRef | Refused] = []
        for ref in refs:
            if all(ref.facts.get(name) for name in needed):
                placed.append(ref)
            else:
                placed.append(one_of(ref, found[ref.channel_sku]))
        return placed


def one_of(ref: ListingRef, seen: Sequence[Seen]) -> ListingRef | Refused:
    """The reference to the only variant with this SKU."""
    if len(seen) == 1:
        return seen[0].ref(ref.channel_sku, ref.facts)
    if not seen:
        return gone(ref.channel_sku)
    message = f"Several variants in Shopify have the SKU {ref.channel_sku}; give each its own."
    return Refused(problems=(Problem(code="SKU_NOT_UNIQUE", message=message, field="sku"),))


def gone(sku: str) -> Refused:
    """Shopify knows no variant with this SKU (any more)."""
    problem = Problem(code="NOT_FOUND", message=f"Shopify has no variant with the SKU {sku}.", field="sku")
    return Refused(problems=(problem,), missing=True)


_ONLINE_STORE = frozenset(
    {
        "onlinestore", "onlineshop", "onlinewinkel", "webshop", "boutiqueenligne", "tiendaonline", "negozioonline",
        "lojavirtual", "webbutik", "onlinebutik", "nettbutikk", "verkkokauppa", "sklepinternetowy", "sklepzakupyonline",
    }
)  # fmt: skip
