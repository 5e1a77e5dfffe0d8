"""Telling channels what was shipped, and cancelling there. After an unknown outcome: look first, never send blindly."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.channels.contract.adapter import CancelsOrders, ConfirmsShipments, FindsShipments, Polls, PullsOrders
from hub.channels.contract.errors import ChannelError
from hub.channels.contract.records import (
    Applied,
    CancellationState,
    CancelRequest,
    Found,
    NotFound,
    Outcome,
    Pending,
    ShipmentConfirmation,
)
from hub.db.session import unit
from hub.kernel.failpoints import reach
from hub.kernel.ids import AccountId, digest, named_uuid
from hub.orders import fulfilment, intake
from hub.orders.models import Order, OrderLine
from hub.sync import settle
from hub.sync.hub import Hub, OpenAccount
from hub.sync.policy import Again, Finish, Look
from hub.work import attempts, items
from hub.work.attempts import Sending
from hub.work.items import Claimed
from hub.work.kinds import ORDER_CANCEL, ORDERS_PULL, SHIPMENT_CONFIRM
from hub.work.models import Account

BATCH = 10


def run(hub: Hub, account_id: AccountId) -> int:
    """Confirm up to ten parcels, a call each."""
    opened = hub.open(account_id)
    if opened is None or not isinstance(opened.adapter, ConfirmsShipments):
        return 0
    with unit(hub.sessions) as session:
        claimed = items.claim(
            session, SHIPMENT_CONFIRM, account_id, BATCH, hub.clock.now(), owner=hub.owner, lease_s=hub.lease_s
        )
    for item in claimed:
        _confirm(hub, opened, opened.adapter, item)
    return len(claimed)


def _confirm(hub: Hub, opened: OpenAccount, adapter: ConfirmsShipments, item: Claimed) -> None:
    now = hub.clock.now()
    with unit(hub.sessions) as session:
        lost = attempts.mark_lost(session, item, now)
        confirmation = fulfilment.confirmation_of(session, int(item.key))
        if confirmation is None:
            items.finish(session, item, now)
            return
    if item.phase == "poll" and item.ticket is not None:
        _poll(hub, opened, item, item.ticket)
        return
    if (item.phase == "look" or lost) and isinstance(opened.adapter, FindsShipments):
        if lost and item.phase != "look" and opened.manifest.order_lag_s > 0:
            # What a dead worker sent may not be visible yet.
            with unit(hub.sessions) as session:
                settle.write(session, item, Look(after_s=float(opened.manifest.order_lag_s), code="hub.lost"), now)
            return
        if _found(hub, opened.adapter, item, confirmation):
            return
    now = hub.clock.now()
    with unit(hub.sessions) as session:
        if fulfilment.overtaken(session, int(item.key), now):
            items.finish(session, item, now)
            return
    _send(hub, opened, adapter, item, confirmation)


def _found(hub: Hub, adapter: FindsShipments, item: Claimed, confirmation: ShipmentConfirmation) -> bool:
    """Look for the parcel; True if the item is settled (found, or the look itself failed)."""
    result: Found | NotFound | ChannelError
    try:
        result = adapter.find_shipment(confirmation.order_id, confirmation.tracking)
    except ChannelError as error:
        result = error
    now = hub.clock.now()
    with unit(hub.sessions) as session:
        if isinstance(result, Found):
            if settle.write(session, item, Finish(external_id=result.external_id), now, revision=item.revision):
                fulfilment.confirmed(session, int(item.key), result.external_id, now)
            return True
        if isinstance(result, ChannelError):
            step = settle.step_of(item, result)
            settle.write(session, item, step, now, phase="look")
            return True
    return False


def _send(
    hub: Hub, opened: OpenAccount, adapter: ConfirmsShipments, item: Claimed, confirmation: ShipmentConfirmation
) -> None:
    now = hub.clock.now()
    with unit(hub.sessions) as session:
        if not items.keep(session, item, now, lease_s=hub.lease_s):
            return
        (attempt_id,) = attempts.open_many(
            session,
            [
                Sending(
                    item=item,
                    digest=digest([confirmation.order_id, confirmation.tracking, confirmation.lines]),
                    detail={"package": confirmation.package_number},
                )
            ],
            now,
        )
    reach("ship.before_send")
    result: Outcome | ChannelError
    try:
        result = adapter.confirm_shipment(confirmation)
    except ChannelError as error:
        result = error
    reach("ship.after_send")
    done_at = hub.clock.now()
    with unit(hub.sessions) as session:
        step = settle.step_of(item, result)
        if isinstance(step, Look) and step.after_s < opened.manifest.order_lag_s:
            step = Look(after_s=float(opened.manifest.order_lag_s), code=step.code, message=step.message)
        settle.write(session, item, step, done_at, attempt_id=attempt_id, revision=item.revision)
        if isinstance(step, Finish):
            # A fact whether or not the lease is still ours.
            fulfilment.confirmed(session, int(item.key), step.external_id, done_at)
        reach("ship.before_commit")
    reach("ship.after_commit")


def _poll(hub: Hub, opened: OpenAccount, item: Claimed, ticket: str) -> None:
    assert isinstance(opened.adapter, Polls)
    try:
        answer = opened.adapter.poll(ticket)
    except ChannelError as error:
        with unit(hub.sessions) as session:
            step = settle.step_of(item, error)
            settle.write(session, item, step, hub.clock.now(), phase="poll" if isinstance(step, Again) else "look")
        return
    now = hub.clock.now()
    with unit(hub.sessions) as session:
        if isinstance(answer, Pending):
            items.again(session, item, now + timedelta(seconds=answer.retry_after_s), counted=False, phase="poll")
            return
        outcome = next(iter(answer.values()), None)
        step = settle.step_of(item, outcome) if outcome is not None else Look(after_s=60.0, code="hub.no_row")
        settle.write(session, item, step, now, revision=item.sent_revision)
        if item.kind == SHIPMENT_CONFIRM.name and isinstance(outcome, Applied):
            fulfilment.confirmed(session, int(item.key), outcome.external_id, now)
        if item.kind == ORDER_CANCEL.name and isinstance(outcome, Applied):
            items.want(session, ORDERS_PULL, item.account_id, "*", now)


def run_cancel(hub: Hub, account_id: AccountId) -> int:
    """Cancel orders on the channel, or answer a buyer's wish."""
    opened = hub.open(account_id)
    if opened is None or not isinstance(opened.adapter, CancelsOrders):
        return 0
    with unit(hub.sessions) as session:
        claimed = items.claim(
            session, ORDER_CANCEL, account_id, BATCH, hub.clock.now(), owner=hub.owner, lease_s=hub.lease_s
        )
    for item in claimed:
        if item.phase == "poll" and item.ticket is not None:
            _poll(hub, opened, item, item.ticket)
        else:
            _cancel(hub, opened, opened.adapter, item)
    return len(claimed)


def _request_of(session: Session, order: Order) -> CancelRequest:
    lines = session.execute(
        select(OrderLine.channel_line_id, OrderLine.quantity)
        .where(OrderLine.order_id == order.id)
        .order_by(OrderLine.id)
    )
    return CancelRequest(
        cancel_key=named_uuid("cancel", order.id, order.cancel_accept),
        order_id=order.channel_order_id,
        reason=order.cancel_reason or "other",
        accept=order.cancel_accept,
        answers_request=order.cancellation == "requested",
        lines=tuple((row.channel_line_id, row.quantity) for row in lines),
        order_facts=dict(order.facts),
    )


def _cancel(hub: Hub, opened: OpenAccount, adapter: CancelsOrders, item: Claimed) -> None:
    now = hub.clock.now()
    with unit(hub.sessions) as session:
        lost = attempts.mark_lost(session, item, now)
        order = session.get(Order, int(item.key))
        if order is None or order.cancellation == "cancelled":
            items.finish(session, item, now)
            return
        request = _request_of(session, order)
    if (item.phase == "look" or lost) and isinstance(opened.adapter, PullsOrders):
        try:
            seen = opened.adapter.read_order(request.order_id)
        except ChannelError as error:
            with unit(hub.sessions) as session:
                settle.write(session, item, settle.step_of(item, error), hub.clock.now(), phase="look")
            return
        if seen.cancellation is CancellationState.CANCELLED:
            now = hub.clock.now()
            with unit(hub.sessions) as session:
                account = session.get(Account, opened.account.id)
                assert account is not None
                intake.take(session, account, (seen,), now, settle_s=opened.settle_s)
                items.finish(session, item, now)
            return
    with unit(hub.sessions) as session:
        if not items.keep(session, item, now, lease_s=hub.lease_s):
            return
        (attempt_id,) = attempts.open_many(
            session,
            [Sending(item=item, digest=digest([request.order_id, request.reason, request.accept]))],
            now,
        )
    result: Outcome | ChannelError
    try:
        result = adapter.cancel_order(request)
    except ChannelError as error:
        result = error
    done_at = hub.clock.now()
    with unit(hub.sessions) as session:
        step = settle.step_of(item, result)
        settle.write(session, item, step, done_at, attempt_id=attempt_id, revision=item.revision)
        if isinstance(step, Finish):
            _want_truth(session, opened, done_at)


def _want_truth(session: Session, opened: OpenAccount, now: datetime) -> None:
    """The order's own state comes with the next pull; ask for one when it can be visible."""
    items.want(
        session, ORDERS_PULL, opened.account.id, "*", now,
        due_at=now + timedelta(seconds=opened.manifest.order_lag_s),
    )  # fmt: skip
