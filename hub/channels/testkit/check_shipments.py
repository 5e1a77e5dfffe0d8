"""Shipments, cancellations and webhooks: one parcel is one parcel, however often and however badly it is reported."""

from __future__ import annotations

from dataclasses import replace

from hub.channels.contract import (
    Adapter,
    Applied,
    CancelRequest,
    CancelsOrders,
    Capability,
    ChannelError,
    ChannelOrder,
    ConfirmsShipments,
    FindsShipments,
    Found,
    HearsWebhooks,
    InvalidData,
    NotFound,
    Outcome,
    OutcomeUnknown,
    Polls,
    PullsOrders,
    Refused,
    ShipmentConfirmation,
    Unclear,
)
from hub.channels.testkit.checks import check, expect
from hub.channels.testkit.harness import Harness
from hub.loopback.faults import FaultKind

SHIPMENTS = Capability.SHIPMENTS
FIND = Capability.FIND_SHIPMENT
ORDERS = Capability.ORDERS
CANCEL = Capability.CANCELLATIONS


def parcel(
    harness: Harness, order: ChannelOrder, *, units: int | None = None, package: int = 1
) -> ShipmentConfirmation:
    """A parcel of the order's first line: `units` of it, or all."""
    line = order.lines[0]
    return ShipmentConfirmation(
        shipment_key=f"kit-shipment-{harness.number():08d}",
        package_number=package,
        order_id=order.order_id,
        carrier="dhl",
        tracking=f"0034043412345{harness.number():07d}",
        shipped_at=harness.clock.now(),
        lines=((line.line_id, line.quantity if units is None else units),),
        order_facts=order.facts,
    )


def confirm(harness: Harness, adapter: Adapter, confirmation: ShipmentConfirmation) -> Outcome:
    assert isinstance(adapter, ConfirmsShipments)
    return harness.finish(adapter, adapter.confirm_shipment(confirmation), confirmation.order_id)


def _bought(harness: Harness, adapter: Adapter, units: int = 3) -> ChannelOrder:
    sku = harness.listing(adapter, quantity=50).channel_sku
    return harness.order(adapter, [(sku, units)])


def _of(harness: Harness, order: ChannelOrder, tracking: str) -> list[int]:
    """The units of each parcel with that tracking number on the channel."""
    return [s.quantity for s in harness.channel.observed_shipments(order.order_id) if s.tracking == tracking]


@check("shipments", SHIPMENTS, ORDERS)
def a_parcel_arrives(harness: Harness) -> None:
    """A confirmed parcel is on the channel with its tracking number and units, and the order knows."""
    adapter = harness.make_adapter()
    order = _bought(harness, adapter, 2)
    sent = parcel(harness, order)
    outcome = confirm(harness, adapter, sent)
    expect(isinstance(outcome, Applied), f"a sound parcel ended in {outcome!r}")
    expect(
        _of(harness, order, sent.tracking) == [2],
        f"the channel shows {harness.channel.observed_shipments(order.order_id)!r}",
    )
    assert isinstance(adapter, PullsOrders)
    shipped = sum(line.shipped for line in adapter.read_order(order.order_id).lines)
    expect(shipped == 2, f"two units were shipped, the order read again counts {shipped}")


@check("shipments", SHIPMENTS, ORDERS)
def confirming_twice_leaves_one_parcel(harness: Harness) -> None:
    """The same parcel reported again, by another worker, is still one."""
    adapter = harness.make_adapter()
    order = _bought(harness, adapter, 3)
    sent = parcel(harness, order, units=1)
    confirm(harness, adapter, sent)
    again = confirm(harness, harness.make_adapter(), sent)
    seen = _of(harness, order, sent.tracking)
    expect(seen == [1], f"a parcel of one unit was confirmed twice, the channel shows {seen}")
    expect(isinstance(again, Applied | Refused), f"the second time ended in {again!r}")


@check("shipments", SHIPMENTS, ORDERS)
def parts_of_an_order_ship_apart(harness: Harness) -> None:
    """One unit today, two tomorrow: two parcels with their own units."""
    adapter = harness.make_adapter()
    order = _bought(harness, adapter, 3)
    first, second = parcel(harness, order, units=1), parcel(harness, order, units=2, package=2)
    for sent in (first, second):
        outcome = confirm(harness, adapter, sent)
        expect(isinstance(outcome, Applied), f"a partial parcel ended in {outcome!r}")
    seen = [_of(harness, order, first.tracking), _of(harness, order, second.tracking)]
    expect(seen == [[1], [2]], f"parcels of 1 and 2 were confirmed, the channel shows {seen}")


@check("shipments", SHIPMENTS, ORDERS)
def an_unknown_carrier_is_told_or_passed_on(harness: Harness) -> None:
    """A carrier that the channel does not know goes through as free text, or is refused as data to change."""
    adapter = harness.make_adapter()
    order = _bought(harness, adapter, 1)
    sent = replace(parcel(harness, order), carrier="Pigeon Post 3000")
    try:
        outcome = confirm(harness, adapter, sent)
    except InvalidData as error:
        outcome = Refused(problems=error.problems)
    seen = _of(harness, order, sent.tracking)
    if isinstance(outcome, Applied):
        expect(seen == [1], f"the parcel is called applied, the channel shows {seen}")
    else:
        expect(isinstance(outcome, Refused), f"an unknown carrier ended in {outcome!r}")
        expect(seen == [], f"the parcel is called refused, the channel shows {seen}")


@check("shipments", SHIPMENTS, ORDERS)
def more_than_was_ordered_is_refused(harness: Harness) -> None:
    """Five units of an order of two: refused, nothing is shipped."""
    adapter = harness.make_adapter()
    order = _bought(harness, adapter, 2)
    sent = parcel(harness, order, units=5)
    try:
        outcome = confirm(harness, adapter, sent)
    except ChannelError as error:
        expect(isinstance(error, InvalidData), f"too many units raise {type(error).__name__}: {error} {error.detail}")
        outcome = Refused(problems=())
    seen = _of(harness, order, sent.tracking)
    expect(isinstance(outcome, Refused) or seen == [2], f"five of two ended in {outcome!r}; the channel shows {seen}")
    expect(sum(seen) <= 2, f"an order of two units has shipped {seen}")


@check("shipments", FIND, SHIPMENTS, ORDERS)
def what_a_lost_answer_did_is_found(harness: Harness) -> None:
    """The parcel was taken but the answer is lost: unknown, then found; confirming again leaves one."""
    adapter = harness.make_adapter(timeout_s=1)
    assert isinstance(adapter, FindsShipments)
    order = _bought(harness, adapter, 3)
    before = len(harness.channel.requests())
    confirm(harness, adapter, parcel(harness, order, units=1))
    last = harness.channel.requests()[before:][-1].operation
    sent = parcel(harness, order, units=1, package=2)
    harness.channel.break_next(FaultKind.APPLY_THEN_DROP, last)
    try:
        outcome = confirm(harness, adapter, sent)
    except OutcomeUnknown:
        outcome = Unclear(why="lost")
    harness.channel.heal()
    expect(isinstance(outcome, Unclear), f"the answer was lost, the outcome is {outcome!r}")
    harness.settle()
    taken = _of(harness, order, sent.tracking) == [1]
    found = adapter.find_shipment(order.order_id, sent.tracking)
    expect(isinstance(found, Found) == taken, f"on the channel: {taken}; find_shipment says {found!r}")
    confirm(harness, adapter, sent)
    seen = _of(harness, order, sent.tracking)
    expect(seen == [1], f"after the lost answer and one more try the channel shows {seen}")


@check("shipments", FIND, ORDERS)
def what_was_never_sent_is_not_found(harness: Harness) -> None:
    """A tracking number that the channel never heard of is NotFound."""
    adapter = harness.make_adapter()
    assert isinstance(adapter, FindsShipments)
    order = _bought(harness, adapter, 1)
    found = adapter.find_shipment(order.order_id, "NEVER-SENT-1")
    expect(isinstance(found, NotFound), f"an unknown parcel is {found!r}")


def cancellation(harness: Harness, order: ChannelOrder, *, answers_request: bool = False) -> CancelRequest:
    return CancelRequest(
        cancel_key=f"kit-cancel-{harness.number():08d}",
        order_id=order.order_id,
        reason="buyer_request" if answers_request else "out_of_stock",
        answers_request=answers_request,
        order_facts=order.facts,
    )


def cancel(harness: Harness, adapter: Adapter, request: CancelRequest) -> Outcome:
    assert isinstance(adapter, CancelsOrders)
    return harness.finish(adapter, adapter.cancel_order(request), request.order_id)


@check("cancellations", CANCEL, ORDERS)
def the_order_is_cancelled_once(harness: Harness) -> None:
    """The seller cancels; the same request again does no harm."""
    adapter = harness.make_adapter()
    order = _bought(harness, adapter, 1)
    request = cancellation(harness, order)
    outcome = cancel(harness, adapter, request)
    expect(isinstance(outcome, Applied), f"cancelling a fresh order ended in {outcome!r}")
    state = harness.channel.observed_order(order.order_id).cancellation
    expect(state == "cancelled", f"the cancellation is called applied, the channel says {state!r}")
    again = cancel(harness, adapter, request)
    expect(isinstance(again, Applied | Refused), f"cancelling again ended in {again!r}")


@check("cancellations", CANCEL, ORDERS)
def a_buyers_request_is_granted(harness: Harness) -> None:
    """The buyer asks, the seller agrees: the order is cancelled."""
    adapter = harness.make_adapter()
    assert isinstance(adapter, PullsOrders)
    order = _bought(harness, adapter, 1)
    harness.channel.request_cancel(order.order_id)
    harness.settle()
    order = adapter.read_order(order.order_id)
    outcome = cancel(harness, adapter, cancellation(harness, order, answers_request=True))
    expect(isinstance(outcome, Applied), f"granting the buyer's request ended in {outcome!r}")
    state = harness.channel.observed_order(order.order_id).cancellation
    expect(state == "cancelled", f"the request was granted, the channel says {state!r}")


@check("webhooks", Capability.WEBHOOKS, ORDERS)
def only_a_fitting_signature_is_believed(harness: Harness) -> None:
    """A signed notification is understood; a changed byte, a wrong or missing signature is InvalidData."""
    adapter = harness.make_adapter()
    assert isinstance(adapter, HearsWebhooks)
    order = _bought(harness, adapter, 1)
    headers, body = harness.channel.webhook(order.order_id)
    hint = adapter.verify(headers, body)
    expect(bool(hint.event_id), "a notification without an event id cannot be told from its copy")
    expect(adapter.verify({k.lower(): v for k, v in headers.items()}, body) == hint, "the case of header names matters")
    flipped = bytes([body[0] ^ 1]) + body[1:]
    for wrong_headers, wrong_body in (
        (headers, flipped),
        (headers, body + b" "),
        ({}, body),
        ({name: value[:-4] + "AAA=" for name, value in headers.items()}, body),
        (dict.fromkeys(headers, "ä"), body),
    ):
        try:
            believed = adapter.verify(wrong_headers, wrong_body)
        except InvalidData:
            continue
        expect(False, f"a forged notification was believed: {believed!r}")


@check("poll", Capability.POLL)
def an_unknown_ticket_is_a_channel_error(harness: Harness) -> None:
    """A ticket that the channel never gave raises a ChannelError, nothing else."""
    adapter = harness.make_adapter()
    assert isinstance(adapter, Polls)
    try:
        told = adapter.poll("999999999")
    except ChannelError:
        return
    expect(False, f"an unknown ticket was answered with {told!r}")
