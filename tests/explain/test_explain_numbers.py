"""The arithmetic behind a number, now and in the past, to the unit."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from hub import explain as explaining
from hub.db.session import reading, unit
from hub.explain import Explanation
from hub.kernel.clock import FixedClock
from hub.kernel.errors import Invalid, Unknown
from hub.loopback.faults import FaultKind
from hub.orders import fulfilment
from hub.orders.models import Order, OrderLine
from hub.pim import listings, stock
from hub.pim.models import Product
from hub.pim.rules import Arithmetic
from hub.work import accounts, items
from hub.work.models import Account, Attempt
from tests.support.databases import Database
from tests.support.world import World, a_world

START = datetime.fromisoformat("2026-11-22T09:00:00+00:00")


@pytest.fixture
def world(database: Database, tmp_path: Path, clock: FixedClock) -> Iterator[World]:
    with a_world(database, tmp_path, clock) as made:
        yield made


def ask(world: World, account: str = "alpha", sku: str = "WINE-1", at: datetime | None = None) -> Explanation:
    with reading(world.system.sessions) as session:
        return explaining.explain(session, account, sku, world.clock.now(), at=at)


def numbers(found: Explanation) -> tuple[int, int, int, int, int | None, int]:
    s = found.sum
    return s.on_hand, s.reserved, s.short, s.buffer, s.cap, s.publishable


def ship(world: World, channel_order: str, units: int) -> None:
    with unit(world.system.sessions) as session:
        order = session.scalars(select(Order).where(Order.channel_order_id == channel_order)).one()
        line = session.scalars(select(OrderLine).where(OrderLine.order_id == order.id)).one()
        fulfilment.record_shipment(
            session,
            fulfilment.RecordShipment(
                order_id=order.id, carrier="dhl", tracking=f"T{units}", shipped_at=world.clock.now(),
                lines=((line.id, units),),
            ),
            world.clock.now(),
        )  # fmt: skip


def test_after_an_order_the_sum_names_it_and_the_buffer(world: World) -> None:
    world.shop("alpha", buffer=1)
    beta = world.shop("beta")
    world.variant("WINE-1", 9)
    world.publish()
    order = beta.place_order([("WINE-1", 2)])
    world.settle(rounds=3)
    found = ask(world)
    assert numbers(found) == (9, 2, 0, 1, None, 6)
    assert [(h.order, h.account, h.location, h.held, h.wanted, h.exact) for h in found.holds] == [
        (order, "beta", "main", 2, 2, True)
    ]
    assert [(s.location, s.on_hand, s.reserved, s.counts) for s in found.spots] == [("main", 9, 2, True)]
    assert (found.belief.quantity, found.belief.by) == (6, "acknowledged")
    assert found.sent is not None
    assert (found.sent.quantity, found.sent.result, found.sent.shown_before) == (6, "applied", 8)
    assert found.sent.sum == Arithmetic(on_hand=9, reserved=2, short=0, buffer=1, cap=None, publishable=6)
    assert found.sent.covered_by is not None
    assert found.acknowledged == found.sent
    assert (found.sales, found.waiting.state, found.waiting.why, found.limits) == ((), "nothing", (), ())


def test_a_sale_on_the_channel_itself_is_subtracted_from_what_it_shows(world: World) -> None:
    alpha = world.shop("alpha")
    world.variant("WINE-1", 9)
    world.publish()
    before = ask(world).sent
    world.clock.advance(timedelta(seconds=30))
    order = alpha.place_order([("WINE-1", 2)])
    placed = world.clock.now()
    world.settle(rounds=3)
    found = ask(world)
    assert (found.belief.quantity, numbers(found)) == (7, (9, 2, 0, 0, None, 7))
    assert found.sent == before  # the channel did the sum itself: nothing had to be sent
    assert [(s.order, s.units, s.placed_at, s.cancelled) for s in found.sales] == [(order, 2, placed, False)]


def test_a_cap_limits_the_number_and_a_partial_shipment_leaves_it(world: World) -> None:
    alpha = world.shop("alpha", cap=4)
    world.variant("WINE-1", 9)
    world.publish()
    order = alpha.place_order([("WINE-1", 3)])
    world.settle(rounds=3)
    assert numbers(ask(world)) == (9, 3, 0, 0, 4, 4)
    ship(world, order, 1)
    world.settle(rounds=3)
    found = ask(world)
    assert numbers(found) == (8, 2, 0, 0, 4, 4)
    assert [(h.held, h.wanted) for h in found.holds] == [(2, 2)]
    assert found.belief.quantity == 4


def test_what_is_short_comes_off_and_is_named(world: World) -> None:
    alpha = world.shop("alpha")
    world.variant("WINE-1", 3)
    world.publish()
    order = alpha.place_order([("WINE-1", 2)])
    world.settle(rounds=2)
    with unit(world.system.sessions) as session:
        stock.count(session, stock.StockCount(sku="WINE-1", location="main", counted=1, token="c1"), world.clock.now())
    found = ask(world)
    assert numbers(found) == (1, 1, 1, 0, None, 0)
    assert "- short           1   1 for " + order in explaining.text(found)


def test_a_stale_push_says_what_the_channel_showed_instead(world: World) -> None:
    alpha = world.shop("alpha", stock_write="compare_and_set")
    world.variant("WINE-1", 9)
    world.publish()
    alpha.place_order([("WINE-1", 2)])  # not pulled yet
    world.receive("WINE-1", 1, "t1")
    world.run("alpha", "stock.push")
    found = ask(world)
    assert numbers(found) == (10, 0, 0, 0, None, 10)
    assert found.sent is not None
    assert (found.sent.quantity, found.sent.result, found.sent.code) == (10, "stale", "stale")
    assert (found.belief.quantity, found.belief.by) == (7, "compare failed")
    assert (found.acknowledged is not None and found.acknowledged.quantity) == 9
    assert (found.waiting.state, found.waiting.why[-1]) == (
        "due", "The last try said: The number on the channel had moved.",
    )  # fmt: skip
    assert "; stale at 2026-11-22 " in explaining.text(found)


def test_a_lost_answer_leaves_the_number_unknown_and_says_when_it_is_tried_again(world: World) -> None:
    alpha = world.shop("alpha")
    world.variant("WINE-1", 9)
    world.publish()
    alpha.break_next(FaultKind.APPLY_THEN_DROP, "setStock")
    world.receive("WINE-1", 1, "t1")
    world.run("alpha", "orders.pull")
    world.run("alpha", "stock.push")
    found = ask(world)
    assert found.sent is not None
    assert (found.sent.quantity, found.sent.result, found.belief.quantity) == (10, "unclear", None)
    assert found.waiting.state == "later"
    assert found.waiting.due_at == world.clock.now() + timedelta(seconds=15)
    assert "What the channel shows is not known." in explaining.text(found)


@pytest.mark.parametrize("gate", ["paused", "shut", "writes"])
def test_what_stands_in_the_way_is_said(world: World, gate: str) -> None:
    world.shop("alpha")
    world.variant("WINE-1", 9)
    world.publish()
    now, account_id = world.clock.now(), world.accounts["alpha"]
    with unit(world.system.sessions) as session:
        if gate == "paused":
            accounts.set_state(session, account_id, "paused", "holiday", now)
        elif gate == "shut":
            items.shut_lane(session, account_id, "stock.push", now + timedelta(minutes=5))
        else:
            session.execute(update(Account).values(writes_enabled=False))
    world.receive("WINE-1", 1, "t1")
    found = ask(world)
    later = (now + timedelta(minutes=5)).isoformat()
    assert (found.waiting.state, found.waiting.why[0]) == (
        "due",
        {
            "paused": "The account is paused (holiday).",
            "shut": f"The channel wants no stock writes before {later}.",
            "writes": "The account is for looking only: nothing is sent.",
        }[gate],
    )


def test_a_refused_number_waits_for_a_person_with_the_channels_words(world: World) -> None:
    alpha = world.shop("alpha")
    world.variant("WINE-1", 9)
    world.publish()
    alpha.break_next(FaultKind.BAD_REQUEST, "setStock")
    world.receive("WINE-1", 1, "t1")
    world.run("alpha", "orders.pull")
    world.run("alpha", "stock.push")
    found = ask(world)
    assert found.waiting.state == "person"
    assert found.sent is not None
    assert found.waiting.why == (f"A person has to act: {found.sent.message}",)


def test_a_number_that_the_channel_only_took_is_a_ticket(world: World) -> None:
    world.shop("alpha", stock_answer="later")
    world.variant("WINE-1", 9)
    world.publish()
    world.receive("WINE-1", 1, "t1")
    world.run("alpha", "orders.pull")
    world.run("alpha", "stock.push")
    found = ask(world)
    assert (found.waiting.state, found.sent and found.sent.result) == ("ticket", "submitted")
    assert found.belief.quantity is None


def test_only_locations_that_the_account_sells_from_count(world: World) -> None:
    world.shop("alpha")
    world.variant("WINE-1", 9)
    with unit(world.system.sessions) as session:
        shop = stock.add_location(session, "shop", "Shop", 5)
        session.execute(update(Account).values(location_ids=[shop.id]))
        stock.change(session, stock.StockChange(sku="WINE-1", location="shop", delta=2, token="x"), world.clock.now())
    world.publish()
    found = ask(world)
    assert numbers(found) == (2, 0, 0, 0, None, 2)
    assert [(s.location, s.on_hand, s.counts) for s in found.spots] == [("shop", 2, True), ("main", 9, False)]
    assert "Not sold here: main 9" in explaining.text(found)


def test_a_listing_that_is_not_on_sale_gets_no_number(world: World) -> None:
    world.shop("alpha")
    world.variant("WINE-1", 9)
    with unit(world.system.sessions) as session:
        account = session.get(Account, world.accounts["alpha"])
        assert account is not None
        listings.want_published(session, account, session.scalars(select(Product.id)).all(), world.clock.now())
    found = ask(world)
    assert (found.belief.quantity, found.sent, found.listing_state) == (None, None, "draft")
    assert found.waiting.why == ("The listing is draft: no number is sent.",)
    assert "Nothing has been sent." in explaining.text(found)


def test_the_text_of_a_plain_case(world: World) -> None:
    world.shop("alpha", buffer=1, cap=5)
    beta = world.shop("beta")
    world.variant("WINE-1", 9)
    world.publish()
    order = beta.place_order([("WINE-1", 2)])
    world.settle(rounds=1)
    found = ask(world)
    assert found.sent is not None
    assert found.sent.covered_by is not None
    lines = explaining.text(found).splitlines()
    assert lines[0] == "WINE-1 on alpha (memory), listing live"
    assert lines[3:10] == [
        "on hand           9   main 9",
        f"- reserved        2   2 for {order} (beta) at main",
        "- short           0",
        "- buffer          1",
        "=                 6",
        "cap               5",
        "publishable       5",
    ]
    assert lines[11].startswith("The channel shows 5 (")
    assert ": 9 - 0 reserved - 0 short - 1 buffer = 8, cap 5); applied at " in lines[12]
    assert f"; covered by pull {found.sent.covered_by.id}, orders until " in lines[12]
    assert lines[-1] == "Nothing is wanted."


def test_unknown_accounts_and_skus_are_refused(world: World) -> None:
    world.shop("alpha")
    world.variant("WINE-1", 9)
    with pytest.raises(Unknown):
        ask(world, account="gamma")
    with pytest.raises(Unknown, match="not listed on alpha"):
        ask(world)


# ---------------------------------------------------------------- the past


def test_the_past_is_told_from_ledger_promises_and_attempts(world: World) -> None:
    world.shop("alpha", buffer=1, cap=8)
    beta = world.shop("beta")
    world.variant("WINE-1", 9)
    world.publish()
    quiet = world.clock.now()
    world.clock.advance(timedelta(minutes=1))
    order = beta.place_order([("WINE-1", 3)])
    world.settle(rounds=2)
    sold = world.clock.now()
    world.clock.advance(timedelta(minutes=1))
    ship(world, order, 1)
    world.settle(rounds=2)
    partly = world.clock.now()
    world.clock.advance(timedelta(minutes=1))
    with unit(world.system.sessions) as session:
        session.execute(update(Account).values(buffer=0, cap=None))
    ship(world, order, 2)
    world.receive("WINE-1", 20, "t1")
    world.settle(rounds=2)

    assert numbers(ask(world)) == (26, 0, 0, 0, None, 26)
    then = ask(world, at=quiet)
    assert (numbers(then), then.belief.quantity, then.holds) == ((9, 0, 0, 1, 8, 8), 8, ())
    assert then.limits == ()
    then = ask(world, at=sold)
    assert (numbers(then), then.belief.quantity) == ((9, 3, 0, 1, 8, 5), 5)
    assert [(h.order, h.held, h.wanted, h.location, h.exact) for h in then.holds] == [(order, 3, 3, "main", True)]
    assert then.sent is not None
    assert then.sent.sum == Arithmetic(on_hand=9, reserved=3, short=0, buffer=1, cap=8, publishable=5)
    then = ask(world, at=partly)
    assert (numbers(then), then.belief.quantity) == ((8, 2, 0, 1, 8, 5), 5)
    assert [(h.held, h.wanted, h.exact) for h in then.holds] == [(2, 2, True)]
    assert (then.waiting.state, then.waiting.why) == (
        "unknown", ("What was waiting to be sent at that time is not kept.",),
    )  # fmt: skip
    assert then.limits == (
        "Promises are taken as they are now; whether one was short or changed in between is not kept.",
    )


@pytest.mark.parametrize("kept", [True, False])
def test_an_order_cancelled_since_is_a_guess_or_missing_and_says_so(world: World, kept: bool) -> None:
    alpha = world.shop("alpha")
    world.variant("WINE-1", 9)
    world.publish()
    order = alpha.place_order([("WINE-1", 2)])
    world.settle(rounds=2)
    sold = world.clock.now()
    world.clock.advance(timedelta(minutes=1))
    alpha.cancel_order(order)
    world.settle(rounds=3)
    assert numbers(ask(world)) == (9, 0, 0, 0, None, 9)
    with unit(world.system.sessions) as session:  # some channels keep the quantity of what was cancelled, some do not
        session.execute(update(OrderLine).values(quantity=2 if kept else 0))
    then = ask(world, at=sold)
    assert (then.sum.on_hand, then.sum.reserved) == (9, 2 if kept else 0)
    assert [(h.held, h.exact) for h in then.holds] == [(2 if kept else 0, False)]
    assert then.limits[0] == (
        f"Closed since; what they held is a guess from what they had ordered: {order}."
        if kept
        else f"Closed since; how much they held is not kept, and it is missing from the sum: {order}."
    )
    assert ("(a guess)" in explaining.text(then)) is kept


def test_a_sale_that_the_hub_did_not_know_yet_is_marked(world: World) -> None:
    alpha = world.shop("alpha")
    world.variant("WINE-1", 9)
    world.publish()
    world.clock.advance(timedelta(minutes=1))
    order = alpha.place_order([("WINE-1", 2)])
    blind = world.clock.now()
    world.clock.advance(timedelta(minutes=1))
    world.settle(rounds=2)
    then = ask(world, at=blind)
    assert (numbers(then), then.belief.quantity) == ((9, 0, 0, 0, None, 9), 7)
    assert [(s.order, s.units, s.taken_at > blind) for s in then.sales] == [(order, 2, True)]
    assert ", not known to the hub before 2026-11-22 " in explaining.text(then)


def test_an_answer_that_came_later_was_still_open_then(world: World) -> None:
    world.shop("alpha", stock_answer="later")
    world.variant("WINE-1", 9)
    world.publish()
    world.settle(rounds=3)
    world.receive("WINE-1", 1, "t1")
    world.run("alpha", "orders.pull")
    world.run("alpha", "stock.push")
    between = world.clock.now() + timedelta(seconds=1)
    world.settle(rounds=5)
    assert ask(world).belief.quantity == 10
    then = ask(world, at=between)
    assert then.sent is not None
    assert (then.sent.quantity, then.sent.result, then.sent.ended_at) == (10, None, None)
    assert then.belief.quantity is None
    assert then.acknowledged is not None
    assert then.acknowledged.quantity == 9
    assert any("may have reached the channel" in limit for limit in then.limits)


def test_before_anything_was_sent_the_rule_of_today_is_used_and_said(world: World) -> None:
    world.shop("alpha", buffer=2)
    world.variant("WINE-1", 9)
    world.clock.advance(timedelta(minutes=1))
    early = world.clock.now()
    world.clock.advance(timedelta(minutes=1))
    world.publish()
    then = ask(world, at=early)
    assert (numbers(then), then.sent, then.belief.quantity) == ((9, 0, 0, 2, None, 7), None, None)
    assert "Buffer and cap are today's: no number had been sent that recorded those of the time." in then.limits


def test_a_recorded_sum_that_the_books_do_not_give_is_said(world: World) -> None:
    world.shop("alpha")
    world.variant("WINE-1", 9)
    world.publish()
    at = world.clock.now()
    with unit(world.system.sessions) as session:
        row = session.scalars(select(Attempt).where(Attempt.kind == "stock.push").order_by(Attempt.id.desc())).first()
        assert row is not None
        row.detail = {**row.detail, "reserved": 4}
    (limit,) = ask(world, at=at).limits
    assert "(9 on hand, 4 reserved, 0 short) differs from what the books give for that moment (9, 0, 0)" in limit


def test_a_time_that_cannot_be_asked_about_is_refused(world: World) -> None:
    world.shop("alpha")
    world.variant("WINE-1", 9)
    world.publish()
    with pytest.raises(Invalid, match="has not come yet"):
        ask(world, at=world.clock.now() + timedelta(seconds=1))
    with pytest.raises(Invalid, match="alpha was added at"):
        ask(world, at=START - timedelta(seconds=1))
