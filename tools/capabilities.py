"""The capability table of docs/adapters.md, made from the manifests of the installed channels.

python -m tools.capabilities            print the table
python -m tools.capabilities --write    bring docs/adapters.md up to date
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from hub.channels import registry
from hub.channels.contract.manifest import Capability, Manifest

PAGE = Path(__file__).resolve().parents[1] / "docs" / "adapters.md"
BEGIN = "<!-- capabilities: begin (python -m tools.capabilities --write) -->"
END = "<!-- capabilities: end -->"

#: What the hub asks of an adapter that claims it: the protocol in hub/channels/contract/adapter.py.
PROTOCOLS: Mapping[Capability, str] = {
    Capability.STOCK: "PushesStock",
    Capability.PRICE: "PushesPrices",
    Capability.LISTINGS: "PublishesListings",
    Capability.END_LISTINGS: "EndsListings",
    Capability.READ_LISTINGS: "ReadsListings",
    Capability.PULL_LISTINGS: "PullsListings",
    Capability.ORDERS: "PullsOrders",
    Capability.SHIPMENTS: "ConfirmsShipments",
    Capability.FIND_SHIPMENT: "FindsShipments",
    Capability.CANCELLATIONS: "CancelsOrders",
    Capability.POLL: "Polls",
    Capability.WEBHOOKS: "HearsWebhooks",
}


def _cell(manifest: Manifest, capability: Capability) -> str:
    if capability not in manifest.capabilities:
        return "–"
    return "yes, later" if manifest.confirms.get(capability) == "later" else "yes"


def _row(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


def table() -> str:
    """The table as Markdown: a row per capability and per figure, a column per channel, both in a fixed order."""
    cards = sorted(registry.load().available.values(), key=lambda card: card.id)
    figures: dict[str, list[str]] = {
        "stock write": [card.stock_write.replace("_", " ") for card in cards],
        "stock acknowledged": [card.stock_ack for card in cards],
        "levels per stock batch": [f"{card.max_stock_batch:,}" for card in cards],
        "prices per batch": [f"{card.max_price_batch:,}" for card in cards],
        "listings per read": [f"{card.max_read_batch:,}" for card in cards],
        "listings per page": [f"{card.max_listing_page:,}" for card in cards],
        "orders per page": [f"{card.max_order_page:,}" for card in cards],
        "orders pulled every": [f"{card.pull_every_s} s" for card in cards],
        "an order may stay unseen for": [f"{card.order_lag_s} s" for card in cards],
    }
    lines = [_row(["", "protocol", *[card.label for card in cards]]), _row(["---"] * (len(cards) + 2))]
    for capability in Capability:
        cells = [_cell(card, capability) for card in cards]
        lines.append(_row([f"`{capability.value}`", f"`{PROTOCOLS[capability]}`", *cells]))
    lines += [_row([name, "", *values]) for name, values in figures.items()]
    return "\n".join(lines)


def replaced(page: str) -> str:
    """The page with a fresh table between its marks.

    Raises:
        ValueError: the marks are not there.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"the page has no lines {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{table()}\n{END}{after}"


def main(arguments: list[str]) -> int:
    if arguments == ["--write"]:
        PAGE.write_text(replaced(PAGE.read_text("utf-8")), "utf-8")
    elif arguments:
        print(__doc__, file=sys.stderr)
        return 2
    else:
        print(table())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
