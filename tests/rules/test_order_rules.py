"""The rules of orders: every combination has a stage, every event happens once, money that does not add up is named."""

from __future__ import annotations

from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from hub.channels.contract.records import CancellationState, FulfilmentState, PaymentState
from hub.orders.rules import (
    OPEN_STAGES,
    SHIPPABLE_STAGES,
    Axes,
    LineFacts,
    Stage,
    facts_between,
    reserves,
    residual,
    stage,
)

PAYMENTS = [p.value for p in PaymentState]
FULFILMENTS = [f.value for f in FulfilmentState]
CANCELLATIONS = [c.value for c in CancellationState]
axes = st.builds(
    Axes,
    payment=st.sampled_from(PAYMENTS),
    fulfilment=st.sampled_from(FULFILMENTS),
    cancellation=st.sampled_from(CANCELLATIONS),
)
SHAPES: dict[str, list[LineFacts]] = {
    "no lines": [],
    "open": [LineFacts(quantity=2, shipped=0, mapped=True)],
    "partly": [LineFacts(quantity=2, shipped=1, mapped=True)],
    "one of two": [LineFacts(quantity=2, shipped=2, mapped=True), LineFacts(quantity=1, shipped=0, mapped=True)],
    "all": [LineFacts(quantity=2, shipped=2, mapped=True)],
    "more": [LineFacts(quantity=2, shipped=3, mapped=True)],
    "edited away": [LineFacts(quantity=0, shipped=0, mapped=True)],
    "unmapped": [LineFacts(quantity=1, shipped=0, mapped=False)],
    "unmapped but gone": [
        LineFacts(quantity=1, shipped=1, mapped=False),
        LineFacts(quantity=1, shipped=0, mapped=True),
    ],
}


def stages() -> list[tuple[dict[str, object], Stage]]:
    out = []
    for payment, fulfilment, cancellation, channel, held, shape in product(
        PAYMENTS, FULFILMENTS, CANCELLATIONS, (False, True), (False, True), SHAPES
    ):
        got = stage(
            payment=payment, fulfilment=fulfilment, cancellation=cancellation, channel_fulfils=channel, held=held,
            lines=SHAPES[shape],
        )  # fmt: skip
        out.append(
            (
                {"payment": payment, "fulfilment": fulfilment, "cancellation": cancellation, "channel": channel,
                 "held": held, "shape": shape},
                got,
            )
        )  # fmt: skip
    return out


def test_every_combination_has_one_stage_and_what_ships_is_paid_wanted_and_not_held() -> None:
    for case, got in stages():
        assert isinstance(got, Stage), case
        if got in SHIPPABLE_STAGES:
            assert case["payment"] in ("paid", "partly_refunded", "refunded"), case
            assert case["cancellation"] == "none", case
            assert not case["held"], case
            assert case["fulfilment"] != "on_hold", case
            assert not case["channel"], case
            assert case["shape"] not in ("all", "more", "edited away", "unmapped"), case
        if case["channel"]:
            assert got is Stage.CHANNEL, case
        elif case["cancellation"] == "cancelled":
            assert got is Stage.CANCELLED, case
        elif case["shape"] in ("all", "more"):
            assert got is Stage.SHIPPED, case


def test_the_stages_that_end_an_order_are_not_open() -> None:
    assert set(Stage) - set(OPEN_STAGES) == {Stage.SHIPPED, Stage.CANCELLED, Stage.CHANNEL}


def test_a_fulfilled_order_without_lines_is_shipped_and_not_cancelled() -> None:
    got = stage(
        payment="paid", fulfilment="fulfilled", cancellation="none", channel_fulfils=False, held=False, lines=[]
    )
    assert got is Stage.SHIPPED


def test_orders_that_the_channel_ships_or_that_ended_hold_no_stock() -> None:
    for payment, cancellation, channel in product(PAYMENTS, CANCELLATIONS, (False, True)):
        expected = not channel and cancellation != "cancelled" and payment != "failed"
        assert reserves(cancellation=cancellation, channel_fulfils=channel, payment=payment) is expected


@given(versions=st.lists(axes, min_size=1, max_size=8))
def test_an_order_is_placed_once_and_a_repeated_version_tells_nothing_new(versions: list[Axes]) -> None:
    told: list[str] = []
    before: Axes | None = None
    for version in versions:
        told.extend(facts_between(before, version))
        assert facts_between(version, version) == [], version
        before = version
    assert told.count("placed") == 1
    assert told[0] == "placed"
    last = versions[-1]
    assert last.payment not in ("paid", "partly_refunded", "refunded") or "paid" in told
    assert last.cancellation != "cancelled" or "cancelled" in told
    assert last.fulfilment != "fulfilled" or "fulfilled_on_channel" in told


amounts = st.none() | st.integers(min_value=-(10**9), max_value=10**9)


@given(total=amounts, items=amounts, shipping=amounts, tax=amounts, discount=amounts)
def test_the_residual_is_exactly_what_the_total_does_not_explain(
    total: int | None, items: int | None, shipping: int | None, tax: int | None, discount: int | None
) -> None:
    rest = residual(total=total, items=items, shipping=shipping, tax=tax, discount=discount)
    if total is None or items is None:
        assert rest == 0
    else:
        assert items + (shipping or 0) + (tax or 0) - (discount or 0) + rest == total
