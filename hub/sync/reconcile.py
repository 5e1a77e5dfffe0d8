"""Housekeeping that trusts nothing: read every listing back, try waiting lines, unreadable orders and refused parcels
again, probe blocked accounts, end holds whose date has come, forget buyers whose time is over."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import delete, select

from hub.channels.contract.errors import AuthFailed, ChannelError
from hub.db.session import unit
from hub.kernel.errors import HubError
from hub.kernel.ids import AccountId
from hub.orders import desk, mapping
from hub.orders import privacy as order_privacy
from hub.orders.models import BadOrder, Order
from hub.pim.models import Listing
from hub.pim.rules import PUSHABLE_STATES
from hub.shipping import privacy as shipping_privacy
from hub.sync.hub import Hub
from hub.work import accounts, items
from hub.work.kinds import LISTING_READ, ORDER_READ, PROBE, RECONCILE, SHIPMENT_CONFIRM, Priority
from hub.work.models import PullRun

LISTINGS_PER_RUN = 50_000
KEEP_PULLS = timedelta(days=30)


def run(hub: Hub, account_id: AccountId) -> int:
    """Want every listing of the account read back (drift is corrected there) and give what waits another chance."""
    now = hub.clock.now()
    with unit(hub.sessions) as session:
        claimed = items.claim(session, RECONCILE, account_id, 1, now, owner=hub.owner, lease_s=hub.lease_s)
        if not claimed:
            return 0
        listing_ids = session.scalars(
            select(Listing.id)
            .where(Listing.account_id == account_id, Listing.state.in_((*PUSHABLE_STATES, "vanished")))
            .order_by(Listing.read_at, Listing.id)
            .limit(LISTINGS_PER_RUN)
        ).all()
        items.want_many(session, LISTING_READ, [(account_id, str(i), int(Priority.CONTENT)) for i in listing_ids], now)
        # Not every channel shows that a hold was released as a change of the order.
        items.retry_desk(session, now, account_id=account_id, kind=SHIPMENT_CONFIRM.name)
        mapping.resolve_waiting(session, account_id, now)
        waiting = session.scalars(
            select(BadOrder.channel_order_id)
            .where(
                BadOrder.account_id == account_id,
                BadOrder.resolved_at.is_(None),
                BadOrder.channel_order_id.is_not(None),
            )
            .limit(100)
        ).all()
        items.want_many(
            session, ORDER_READ, [(account_id, order_id, int(Priority.UP)) for order_id in waiting if order_id], now
        )
        for order in session.scalars(
            select(Order)
            .where(Order.account_id == account_id, Order.hold_until.is_not(None), Order.hold_until <= now)
            .limit(1000)
        ):
            desk.release(session, order, now, by="hub")
        order_privacy.purge(session, account_id, now)
        shipping_privacy.purge(session, now)
        session.execute(delete(PullRun).where(PullRun.account_id == account_id, PullRun.ended_at < now - KEEP_PULLS))
        items.finish(session, claimed[0], now)
    return 1


def run_probe(hub: Hub, account_id: AccountId) -> int:
    """Ask a blocked account «who am I»: if that works again, its gate opens."""
    now = hub.clock.now()
    with unit(hub.sessions) as session:
        claimed = items.claim(
            session, PROBE, account_id, 1, now, owner=hub.owner, lease_s=hub.lease_s, even_if_gated=True
        )
    if not claimed:
        return 0
    problem: str | None = None
    try:
        opened = hub.open(account_id)
        if opened is not None:
            opened.adapter.probe()
    except AuthFailed as error:
        problem = error.message
    except (ChannelError, HubError) as error:
        problem = str(error)
    now = hub.clock.now()
    with unit(hub.sessions) as session:
        if problem is None:
            items.finish(session, claimed[0], now)
            accounts.unblock(session, account_id, now)
        else:
            items.again(
                session, claimed[0], now + timedelta(seconds=accounts.PROBE_BLOCKED_EVERY_S), counted=False,
                code="blocked", message=problem,
            )  # fmt: skip
    return 1
