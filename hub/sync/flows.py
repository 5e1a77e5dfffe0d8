"""Every kind of work and the flow that carries it out. `run` is what a doorbell, a Celery task and `hub sync once` call."""

from __future__ import annotations

from collections.abc import Callable

from hub.kernel.errors import HubError, Unknown
from hub.kernel.ids import AccountId
from hub.sync import (
    confirm_shipments,
    publish_listings,
    pull_listings,
    pull_orders,
    push_prices,
    push_stock,
    read_back,
    reconcile,
)
from hub.sync.hub import Hub
from hub.work import kinds

FLOWS: dict[str, Callable[[Hub, AccountId], int]] = {
    kinds.STOCK_PUSH.name: push_stock.run,
    kinds.PRICE_PUSH.name: push_prices.run,
    kinds.LISTING_PUBLISH.name: publish_listings.run,
    kinds.LISTING_END.name: publish_listings.run_end,
    kinds.LISTING_READ.name: read_back.run,
    kinds.ORDERS_PULL.name: pull_orders.run,
    kinds.ORDER_READ.name: pull_orders.run_read,
    kinds.SHIPMENT_CONFIRM.name: confirm_shipments.run,
    kinds.ORDER_CANCEL.name: confirm_shipments.run_cancel,
    kinds.RECONCILE.name: reconcile.run,
    kinds.LISTINGS_PULL.name: pull_listings.run,
    kinds.PROBE.name: reconcile.run_probe,
}


def run(hub: Hub, account_id: AccountId, kind: str) -> int:
    """One turn of a kind of work for an account; returns how many items moved (0 = nothing was due).

    Raises:
        Unknown: no such kind.
    """
    flow = FLOWS.get(kind)
    if flow is None:
        raise Unknown(f"there is no kind of work {kind!r}", field="kind", value=kind, fix=", ".join(FLOWS))
    try:
        return flow(hub, account_id)
    except HubError as error:
        # An account whose settings will not do stops nobody else; the health page shows it.
        hub.log("flow.refused", account=account_id, kind=kind, code=error.code, message=error.message)
        return 0
    finally:
        hub.adapters.flush_traffic()
