"""Pulling orders: a page, a unit, a cursor, all in one commit; until the channel has no more."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.channels.contract.adapter import PullsOrders
from hub.channels.contract.errors import ChannelError
from hub.channels.contract.records import OrderPage
from hub.db.session import reading, unit
from hub.db.upsert import put
from hub.kernel.failpoints import reach
from hub.kernel.ids import AccountId
from hub.orders import fulfilment, intake
from hub.orders.intake import Taken
from hub.sync import settle
from hub.sync.hub import Hub, OpenAccount
from hub.work import attempts, items
from hub.work.items import Claimed
from hub.work.kinds import ORDER_READ, ORDERS_PULL
from hub.work.models import Account, Cursor, PullRun

PAGES_PER_TURN = 5


class LeaseLost(Exception):
    """Another worker took this pull over; what this one fetched is dropped."""


def run(hub: Hub, account_id: AccountId) -> int:
    """Up to five pages; a long backlog gives other accounts their turn in between."""
    opened = hub.open(account_id)
    if opened is None or not isinstance(opened.adapter, PullsOrders):
        return 0
    now = hub.clock.now()
    with unit(hub.sessions) as session:
        claimed = items.claim(session, ORDERS_PULL, account_id, 1, now, owner=hub.owner, lease_s=hub.lease_s)
    if not claimed:
        return 0
    item = claimed[0]
    try:
        for turn in range(PAGES_PER_TURN):
            if not _page(hub, opened, opened.adapter, item, last=turn == PAGES_PER_TURN - 1):
                break
    except ChannelError as error:
        with unit(hub.sessions) as session:
            settle.write(session, item, settle.step_of(item, error), hub.clock.now())
    except LeaseLost:
        hub.log("orders.pull.lease_lost", account=account_id)
    return 1


def _page(hub: Hub, opened: OpenAccount, adapter: PullsOrders, item: Claimed, *, last: bool) -> bool:
    """Fetch and store one page; True if there is more to do in this turn."""
    account_id = opened.account.id
    with reading(hub.sessions) as session:
        cursor = session.get(Cursor, (account_id, "orders"))
        value = cursor.value if cursor is not None else None
    page = adapter.pull_orders(value, limit=opened.manifest.max_order_page)
    reach("pull.fetched")
    now = hub.clock.now()
    with unit(hub.sessions) as session:
        _keep_lease(session, hub, item, now)
        account = session.get(Account, account_id)
        assert account is not None
        taken = intake.take(session, account, page.orders, now, settle_s=opened.settle_s)
        intake.readable(session, account_id, {order.order_id for order in page.orders}, now)
        intake.quarantine(session, account_id, page.bad, now)
        _save(session, account_id, page, sum(1 for t in taken if t.result != "unchanged"), now)
        if not page.has_more:
            items.finish(session, item, now)
        elif last:
            items.again(session, item, now, counted=False)
        reach("pull.before_commit")
    reach("pull.after_commit")
    _offer_parcels_again(hub, account_id, taken)
    return page.has_more and not last


def _keep_lease(session: Session, hub: Hub, item: Claimed, now: datetime) -> None:
    """Prolong the lease; a page fetched under a lost one is not stored, because the cursor moved on."""
    if not items.keep(session, item, now, lease_s=hub.lease_s):
        raise LeaseLost


def _save(session: Session, account_id: int, page: OrderPage, applied: int, now: datetime) -> None:
    """The cursor and the pull's record, in the same commit as its orders."""
    run = session.scalars(
        select(PullRun).where(PullRun.account_id == account_id, PullRun.ended_at.is_(None)).order_by(PullRun.id.desc())
    ).first()
    if run is None:
        run = PullRun(account_id=account_id, started_at=now, pages=0, orders=0, applied=0)
        session.add(run)
    run.pages += 1
    run.orders += len(page.orders)
    run.applied += applied
    values = {"account_id": account_id, "name": "orders", "value": page.cursor, "updated_at": now}
    changed = ["value", "updated_at"]
    if not page.has_more:
        run.ended_at = now
        run.covered_until = page.covered_until
        session.flush()  # its id marks the attempts it covers
        attempts.cover(session, run)
        if page.covered_until is not None:
            values["covered_until"] = page.covered_until
            changed.append("covered_until")
    put(session, Cursor, [values], key=("account_id", "name"), update=changed)


def run_read(hub: Hub, account_id: AccountId) -> int:
    """Read single orders anew (a webhook's hint, the bad-order desk, a check before export)."""
    opened = hub.open(account_id)
    if opened is None or not isinstance(opened.adapter, PullsOrders):
        return 0
    with unit(hub.sessions) as session:
        claimed = items.claim(
            session, ORDER_READ, account_id, 10, hub.clock.now(), owner=hub.owner, lease_s=hub.lease_s
        )
    for item in claimed:
        try:
            order = opened.adapter.read_order(item.key)
        except ChannelError as error:
            with unit(hub.sessions) as session:
                settle.write(session, item, settle.step_of(item, error), hub.clock.now())
            continue
        now = hub.clock.now()
        with unit(hub.sessions) as session:
            account = session.get(Account, account_id)
            assert account is not None
            taken = intake.take(session, account, (order,), now, settle_s=opened.settle_s)
            intake.readable(session, account_id, (item.key,), now)
            items.finish(session, item, now)
        _offer_parcels_again(hub, account_id, taken)
    return len(claimed)


def _offer_parcels_again(hub: Hub, account_id: int, taken: Sequence[Taken]) -> None:
    """What a channel refused to hear of an order (it held the order back, say) it may want to know after a change.

    In a unit of its own: a confirmation takes its work before its order, the intake holds the orders already. If the
    process dies in between, the next reconciliation does it.
    """
    changed = [t.order_id for t in taken if t.result == "changed" and t.order_id is not None]
    if not changed:
        return
    with reading(hub.sessions) as session:
        waiting = fulfilment.turned_down(session, account_id, changed)
    if waiting:
        with unit(hub.sessions) as session:
            fulfilment.offer_again(session, account_id, waiting, hub.clock.now())
