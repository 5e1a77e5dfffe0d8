"""The arithmetic of stock: nothing negative, nothing above its limit, for every number there is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.pim.rules import PUSHABLE_STATES, Spot, belief_after_sale, choose_spot, count_delta, publishable
from hub.pim.rules import state_after_report as after_report

units = st.integers(min_value=0, max_value=10**6)
spots = st.lists(
    st.builds(
        Spot,
        location_id=st.integers(min_value=1, max_value=9),
        priority=st.integers(min_value=0, max_value=3),
        available=st.integers(min_value=-5, max_value=20),
    ),
    max_size=6,
    unique_by=lambda spot: spot.location_id,
)


@given(on_hand=units, reserved=units, short=units, buffer=units, cap=st.none() | units)
def test_a_published_number_is_never_negative_never_above_its_cap_never_above_what_is_free(
    on_hand: int, reserved: int, short: int, buffer: int, cap: int | None
) -> None:
    shown = publishable(on_hand=on_hand, reserved=reserved, short=short, buffer=buffer, cap=cap).publishable
    assert shown >= 0
    assert cap is None or shown <= cap
    assert shown <= max(0, on_hand - reserved)
    free = on_hand - reserved - short - buffer
    assert shown == max(0, free if cap is None else min(cap, free))


@given(on_hand=units, reserved=units, more=units, cap=st.none() | units)
def test_a_larger_buffer_never_shows_more(on_hand: int, reserved: int, more: int, cap: int | None) -> None:
    plain = publishable(on_hand=on_hand, reserved=reserved, short=0, buffer=0, cap=cap).publishable
    kept = publishable(on_hand=on_hand, reserved=reserved, short=0, buffer=more, cap=cap).publishable
    assert kept <= plain


@given(spots=spots, quantity=st.integers(min_value=1, max_value=20))
def test_a_line_is_held_whole_by_priority_or_else_where_most_lies(spots: list[Spot], quantity: int) -> None:
    spot, held = choose_spot(spots, quantity)
    if spot is None:
        assert held == 0
        assert all(s.available <= 0 for s in spots)
        return
    assert 0 < held <= min(quantity, spot.available)
    whole = [s for s in spots if s.available >= quantity]
    if whole:
        assert held == quantity
        assert (spot.priority, spot.location_id) == min((s.priority, s.location_id) for s in whole)
    else:
        assert held == spot.available == max(s.available for s in spots)


@given(spots=spots, quantity=st.integers(min_value=1, max_value=20), data=st.data())
def test_the_choice_does_not_depend_on_the_order_of_the_places(
    spots: list[Spot], quantity: int, data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(spots))
    assert choose_spot(shuffled, quantity) == choose_spot(spots, quantity)


@given(on_hand=units, counted=units)
def test_a_count_makes_the_books_say_what_was_counted(on_hand: int, counted: int) -> None:
    assert on_hand + count_delta(on_hand=on_hand, counted=counted) == counted


def test_a_negative_count_is_refused() -> None:
    with pytest.raises(ValueError, match="negative"):
        count_delta(on_hand=3, counted=-1)


@given(
    shown=st.none() | st.integers(min_value=0, max_value=50),
    shown_at=st.none() | st.integers(min_value=0, max_value=1000),
    placed_at=st.integers(min_value=0, max_value=1000),
    quantity=st.integers(min_value=1, max_value=60),
    settle=st.integers(min_value=0, max_value=100),
)
def test_after_a_sale_the_belief_is_what_the_channel_surely_shows_or_nothing(
    shown: int | None, shown_at: int | None, placed_at: int, quantity: int, settle: int
) -> None:
    belief = belief_after_sale(
        shown=shown, shown_at_us=shown_at, placed_at_us=placed_at, quantity=quantity, settle_us=settle
    )
    if shown is None or shown_at is None or placed_at <= shown_at + settle:
        assert belief is None
    else:
        assert belief == max(0, shown - quantity)


STATES = ("draft", "valid", "submitted", "accepted", "live", "rejected", "suppressed", "vanished", "ended")


@given(current=st.sampled_from(STATES), reported=st.sampled_from(STATES))
def test_a_report_that_sees_a_listing_is_believed_and_one_that_misses_it_leaves_fresh_ones_waiting(
    current: str, reported: str
) -> None:
    state = after_report(current, reported)
    if reported != "vanished":
        assert state == reported
    elif current in ("accepted", "submitted", "ended"):
        assert state == current
    else:
        assert state == "vanished"
        assert state not in PUSHABLE_STATES
