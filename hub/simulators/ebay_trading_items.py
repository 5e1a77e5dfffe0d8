"""Trading API: a listing as an `Item` element, and what AddFixedPriceItem and ReviseFixedPriceItem make of one."""

from __future__ import annotations

from hub.simulators.ebay_errors import TradingError, TradingRefusal, bad_input
from hub.simulators.ebay_shop import Shop
from hub.simulators.ebay_state import Listing, Unit
from hub.simulators.ebay_trading_xml import Node, box, money, pairs, tag

TITLE_MAX = 80
_SITES = {"EBAY_DE": "Germany", "EBAY_GB": "UK", "EBAY_US": "US", "EBAY_FR": "France", "EBAY_IT": "Italy"}


def item_xml(shop: Shop, listing: Listing, *, details: bool, end: str) -> str:
    """`Quantity` is the total ever put up: available plus sold (contracts README 3.8)."""
    available = {id(unit): shop.available(unit) if listing.live else 0 for unit in listing.units}
    total, sold = sum(available.values()), sum(unit.sold for unit in listing.units)
    price = min((_price(shop, listing, unit) for unit in listing.units), default=0)
    parts = [
        tag("Country", "DE"),
        tag("Currency", listing.currency),
        tag("Description", listing.description) if details else "",
        tag("ItemID", listing.item_id),
        box("ListingDetails", tag("StartTime", listing.started_at), tag("EndTime", end)),
        tag("ListingDuration", "GTC"),
        tag("ListingType", "FixedPriceItem"),
        box("PrimaryCategory", tag("CategoryID", listing.category_id)),
        tag("Quantity", total + sold),
        _status(price, sold, listing),
        tag("Site", _SITES.get(listing.marketplace_id, "Germany")),
        money("StartPrice", price, listing.currency),
        tag("Title", listing.title),
    ]
    if not listing.varied and listing.units[0].sku:
        parts.append(tag("SKU", listing.units[0].sku))
    if listing.pictures:
        parts.append(box("PictureDetails", *(tag("PictureURL", url) for url in listing.pictures)))
    parts.append(tag("InventoryTrackingMethod", listing.tracking))
    if listing.varied and details:
        rows = [_variation(shop, listing, unit, available[id(unit)]) for unit in listing.units]
        axes: dict[str, list[str]] = {}
        for unit in listing.units:
            for name, value in unit.options.items():
                if value not in axes.setdefault(name, []):
                    axes[name].append(value)
        parts.append(box("Variations", *rows, pairs("VariationSpecificsSet", axes.items())))
    if listing.condition.isdecimal():
        parts.append(tag("ConditionID", listing.condition))
    if listing.live and not total:
        parts += [tag("HideFromSearch", True), tag("ReasonHideFromSearch", "OutOfStock")]
    return box("Item", *parts)


def _price(shop: Shop, listing: Listing, unit: Unit) -> int:
    gone = unit.offer_id != "" and unit.offer_id not in shop.state.offers
    return 0 if gone else shop.price_minor(unit)


def _status(price: int, sold: int, listing: Listing) -> str:
    return box(
        "SellingStatus",
        money("CurrentPrice", price, listing.currency),
        tag("QuantitySold", sold),
        tag("ListingStatus", "Active" if listing.live else "Completed"),
    )


def _variation(shop: Shop, listing: Listing, unit: Unit, available: int) -> str:
    return box(
        "Variation",
        tag("SKU", unit.sku),
        money("StartPrice", _price(shop, listing, unit), listing.currency),
        tag("Quantity", available + unit.sold),
        pairs("VariationSpecifics", ((name, [value]) for name, value in unit.options.items())),
        box("SellingStatus", tag("QuantitySold", unit.sold)),
    )


class ItemWriter:
    """Makes and changes listings that Trading manages."""

    def __init__(self, shop: Shop) -> None:
        self._shop = shop

    def add(self, item: Node) -> Listing:
        """A new listing; the same UUID twice, or a SKU that is already up, is refused."""
        shop, uuid = self._shop, item.text("UUID")
        for other in shop.state.listings.values():
            if uuid and other.uuid == uuid:
                raise TradingRefusal(
                    TradingError(
                        code="488",
                        short="Duplicate UUID used.",
                        long=f"The specified UUID has already been used; item ID={other.item_id}.",
                        parameters=(uuid, other.item_id),
                    )
                )
        currency = item.text("Currency") or "EUR"
        for path in ("Title", "PrimaryCategory/CategoryID", "Country", "Currency", "ListingDuration"):
            if not item.text(path):
                raise TradingRefusal(bad_input(f"Item.{path.replace('/', '.')}"))
        units = self._units(item, currency)
        for unit in units:
            if unit.sku and unit.sku in shop.live:
                number = shop.live[unit.sku][0].item_id
                raise TradingRefusal(
                    TradingError(
                        code="21919067",
                        short="Listing violates the Duplicate listing policy.",
                        long=f"This Listing is a duplicate of your item: {number}",
                        parameters=(number,),
                    )
                )
        listing = Listing(
            item_id=shop.new_item_id(),
            managed_by="trading",
            title=_title(item),
            currency=currency,
            started_at=shop.stamp(),
            category_id=item.text("PrimaryCategory/CategoryID"),
            description=item.text("Description"),
            condition=item.text("ConditionID"),
            pictures=item.texts("PictureDetails/PictureURL"),
            tracking="SKU" if item.text("InventoryTrackingMethod") == "SKU" else "ItemID",
            uuid=uuid,
            units=units,
        )
        shop.open_listing(listing)
        return listing

    def _units(self, item: Node, currency: str) -> list[Unit]:
        rows = item.all("Variations/Variation")
        if not rows:
            unit = Unit(sku=item.text("SKU"))
            _set(unit, item, currency, needed=True)
            return [unit]
        units = [self._variation(row, currency) for row in rows]
        if len({tuple(sorted(unit.options.items())) for unit in units}) < len(units):
            raise TradingRefusal(bad_input("Variation.VariationSpecifics"))
        return units

    def _variation(self, row: Node, currency: str) -> Unit:
        unit = Unit(sku=row.text("SKU"), variation_id=self._shop.new_variation_id(), options=_options(row))
        if not unit.options:
            raise TradingRefusal(bad_input("Variation.VariationSpecifics"))
        _set(unit, row, currency, needed=True)
        return unit

    def revise(self, listing: Listing, item: Node) -> None:
        """Only what is given changes. Variations are found by SKU, else by their specifics; unknown ones are added."""
        rows = item.all("Variations/Variation")
        changes: list[tuple[Unit, Node]] = []
        added: list[Unit] = []
        for row in rows:
            unit = _match(listing, row)
            if unit is None:
                added.append(self._variation(row, listing.currency))
            else:
                changes.append((unit, row))
        if not rows and not listing.varied:
            changes.append((listing.units[0], item))
        for unit, row in changes:  # look at everything before anything changes
            _set(Unit(sku=unit.sku), row, listing.currency, needed=False)
        title = _title(item) if item.has("Title") else listing.title
        self._shop.revise(listing)
        listing.title = title
        listing.description = item.text("Description") or listing.description
        listing.category_id = item.text("PrimaryCategory/CategoryID") or listing.category_id
        listing.pictures = item.texts("PictureDetails/PictureURL") or listing.pictures
        for unit, row in changes:
            if row.flag("Delete"):
                self._shop.drop_unit(listing, unit)
                continue
            _set(unit, row, listing.currency, needed=False)
            if row.text("SKU") and row.text("SKU") != unit.sku:
                self._shop.live.pop(unit.sku, None)
                unit.sku = row.text("SKU")
                self._shop.live[unit.sku] = (listing, unit)
        for unit in added:
            listing.units.append(unit)
        self._shop.open_listing(listing)


def _title(item: Node) -> str:
    title = item.text("Title")
    if not 1 <= len(title) <= TITLE_MAX:
        raise TradingRefusal(bad_input("Item.Title"))
    return title


def _options(row: Node) -> dict[str, str]:
    return {each.text("Name"): each.text("Value") for each in row.all("VariationSpecifics/NameValueList")}


def _match(listing: Listing, row: Node) -> Unit | None:
    sku, options = row.text("SKU"), _options(row)
    for unit in listing.units:
        if (sku and unit.sku == sku) or (options and unit.options == options):
            return unit
    return None


def _set(unit: Unit, row: Node, currency: str, *, needed: bool) -> None:
    """Quantity and price of an element onto a unit; here Quantity is the available number."""
    quantity, price = row.number("Quantity"), row.minor("StartPrice", currency)
    if (quantity is None and needed) or (quantity is not None and quantity < 0):
        raise TradingRefusal(bad_input("Quantity"))
    if (price is None and needed) or (price is not None and price <= 0):
        raise TradingRefusal(bad_input("StartPrice"))
    if quantity is not None:
        unit.available = quantity
    if price is not None:
        unit.price_minor = price
