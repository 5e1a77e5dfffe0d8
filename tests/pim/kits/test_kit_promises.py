"""Order lines of kits: what they hold, ship, give back and remember."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import select

from hub import doctor
from hub.db.session import Sessions, reading, unit
from hub.kernel.errors import Invalid
from hub.pim import reservations, stock
from hub.pim.kits.edit import remove_kit
from hub.pim.listings import arithmetic
from hub.pim.models import Reservation, StockMovement, Variant
from hub.pim.stock import Out, StockChange, StockCount
from hub.work.kinds import Priority
from hub.work.models import Account, WorkItem
from tests.pim.kits.shop import a_kit, counts, id_of, promises, receive, wish
from tests.support.builders import NOW, a_listing, a_location, a_variant, an_account


@pytest.fixture
def shop(sessions: Sessions) -> Sessions:
    """20 bottles and 5 boxes; a case is 6 bottles in a box, a gift a case and a bottle more."""
    with unit(sessions) as session:
        an_account(session)
        for sku, units in (("BOTTLE", 20), ("BOX", 5)):
            a_variant(session, sku=sku, stock=units)
        a_kit(session, "CASE", BOTTLE=6, BOX=1)
        a_kit(session, "GIFT", CASE=1, BOTTLE=1)
    return sessions


@pytest.fixture(autouse=True)
def the_books_are_right_in_the_end(sessions: Sessions) -> object:
    yield
    with reading(sessions) as session:
        assert [
            f for f in doctor.invariants(session, NOW) if f.id in ("I1", "I2", "I3", "I5", "I13") and not f.ok
        ] == []


def test_a_line_of_a_kit_holds_its_components(shop: Sessions) -> None:
    with unit(shop) as session:
        assert wish(session, 1, "CASE", 2) == 2
        assert wish(session, 2, "GIFT", 2) == 1, "7 bottles each: 8 are left"
    assert counts(shop) == {"BOTTLE": (20, 19), "BOX": (5, 3)}
    assert promises(shop, 1) == [("BOTTLE", 12, 12, "main", True), ("BOX", 2, 2, "main", True)]
    assert promises(shop, 2) == [("BOTTLE", 14, 7, "main", True), ("BOX", 2, 1, "main", True)]
    with unit(shop) as session:
        assert wish(session, 1, "CASE", 2) == 2, "asking again changes nothing"
        assert wish(session, 1, "CASE", 1) == 1, "what is given back goes to the short gift"
    assert promises(shop, 2) == [("BOTTLE", 14, 14, "main", True), ("BOX", 2, 2, "main", True)]
    assert counts(shop) == {"BOTTLE": (20, 20), "BOX": (5, 3)}


def test_a_kit_lies_at_one_location(shop: Sessions) -> None:
    with unit(shop) as session:
        a_location(session, code="shop", priority=200)
        receive(session, "BOTTLE", 12, "1", "shop")
        receive(session, "BOX", 1, "2", "shop")
        assert wish(session, 1, "CASE", 3) == 3, "20 bottles at the first place"
        assert wish(session, 2, "CASE", 2) == 1, "2 bottles there and 12 in the shop, but one box"
        assert wish(session, 3, "BOTTLE", 2) == 2
    assert {row[3] for row in promises(shop, 1)} == {"main"}
    assert {row[3] for row in promises(shop, 2)} == {"shop"}
    with unit(shop) as session:
        receive(session, "BOX", 1, "3", "shop")
    assert promises(shop, 2) == [("BOTTLE", 12, 12, "shop", True), ("BOX", 2, 2, "shop", True)]


def test_shipping_a_kit_moves_its_components(shop: Sessions) -> None:
    with unit(shop) as session:
        wish(session, 1, "CASE", 3)
    for _ in range(2):  # the same departure told twice leaves once
        with unit(shop) as session:
            stock.ship_out(session, [Out(order_line_id=1, units=2, token="ship:p1:1")], NOW)
    assert counts(shop) == {"BOTTLE": (8, 6), "BOX": (3, 1)}
    assert promises(shop, 1) == [("BOTTLE", 6, 6, "main", True), ("BOX", 1, 1, "main", True)]
    with unit(shop) as session:
        stock.ship_out(session, [Out(order_line_id=1, units=1, token="ship:p2:1")], NOW)
        shipped = session.execute(
            select(StockMovement.kind, StockMovement.delta)
            .where(StockMovement.kind == "ship")
            .order_by(StockMovement.id)
        ).all()
    assert [tuple(row) for row in shipped] == [("ship", -12), ("ship", -2), ("ship", -6), ("ship", -1)]
    assert [row[4] for row in promises(shop, 1)] == [False, False]
    assert counts(shop) == {"BOTTLE": (2, 0), "BOX": (2, 0)}


def test_more_shipped_than_the_books_have_is_found_first(shop: Sessions) -> None:
    with unit(shop) as session:
        wish(session, 1, "CASE", 1)
        wish(session, 2, "BOTTLE", 10)
        stock.ship_out(session, [Out(order_line_id=1, units=4, token="ship:p:1")], NOW)
    assert counts(shop) == {"BOTTLE": (0, 0), "BOX": (1, 0)}
    assert promises(shop, 2) == [("BOTTLE", 10, 0, "main", True)], "whose bottles left is short"


def test_a_change_of_the_kit_leaves_open_promises_as_they_are(shop: Sessions) -> None:
    with unit(shop) as session:
        wish(session, 1, "CASE", 1)
        a_kit(session, "CASE", BOTTLE=3)
        assert wish(session, 2, "CASE", 1) == 1
        assert wish(session, 1, "CASE", 2) == 2, "it grows as it began"
    assert promises(shop, 1) == [("BOTTLE", 12, 12, "main", True), ("BOX", 2, 2, "main", True)]
    assert promises(shop, 2) == [("BOTTLE", 3, 3, "main", True)]
    with unit(shop) as session:
        assert wish(session, 1, "CASE", 0) == 0
        assert wish(session, 1, "CASE", 1) == 1, "a promise that begins again takes the kit as it is now"
    assert promises(shop, 1) == [("BOTTLE", 3, 3, "main", True)]


def test_a_line_mapped_to_something_else_gives_everything_back(shop: Sessions) -> None:
    with unit(shop) as session:
        wish(session, 1, "CASE", 2)
        assert wish(session, 2, "BOX", 4) == 3
        assert wish(session, 1, "BOTTLE", 2) == 2
    assert promises(shop, 1) == [("BOTTLE", 2, 2, "main", True)]
    assert promises(shop, 2) == [("BOX", 4, 4, "main", True)], "the boxes went to who waited for them"
    with unit(shop) as session:
        assert wish(session, 1, "GIFT", 1) == 1
    assert promises(shop, 1) == [("BOTTLE", 7, 7, "main", True), ("BOX", 1, 1, "main", True)]


def test_what_is_cancelled_comes_back(shop: Sessions) -> None:
    with unit(shop) as session:
        wish(session, 1, "CASE", 3)
        wish(session, 2, "GIFT", 1, age=5)
        assert reservations.release(session, [1], NOW) == {id_of(session, "BOTTLE"), id_of(session, "BOX")}
    assert counts(shop) == {"BOTTLE": (20, 7), "BOX": (5, 1)}
    assert promises(shop, 1) == [("BOTTLE", 0, 0, "main", False), ("BOX", 0, 0, "main", False)]


def test_a_lower_count_takes_whole_kits_from_the_newest_orders(shop: Sessions) -> None:
    with unit(shop) as session:
        wish(session, 1, "CASE", 1, age=2)
        wish(session, 2, "CASE", 2, age=1)
        level = stock.count(session, StockCount(sku="BOTTLE", location="main", counted=17, token="c"), NOW)
    assert level.now_short == ("O2",)
    assert promises(shop, 2) == [("BOTTLE", 12, 6, "main", True), ("BOX", 2, 1, "main", True)]
    assert counts(shop) == {"BOTTLE": (17, 12), "BOX": (5, 2)}


def test_components_set_free_by_a_count_serve_others(shop: Sessions) -> None:
    with unit(shop) as session:
        wish(session, 1, "CASE", 3, age=2)
        assert wish(session, 2, "BOX", 3, age=1) == 2
        stock.change(session, StockChange(sku="BOTTLE", location="main", delta=-14, token="broken"), NOW)
    assert promises(shop, 1) == [("BOTTLE", 18, 6, "main", True), ("BOX", 3, 1, "main", True)]
    assert promises(shop, 2) == [("BOX", 3, 3, "main", True)]


def test_a_returned_kit_brings_its_components_back(shop: Sessions) -> None:
    with unit(shop) as session:
        wish(session, 1, "CASE", 4)
    back = StockChange(sku="GIFT", location="main", delta=1, token="back", kind="return")
    for changed in (1, 0):
        with unit(shop) as session:
            assert stock.change(session, back, NOW).changed == changed
    assert counts(shop) == {"BOTTLE": (27, 24), "BOX": (6, 4)}, "and the short line has its fourth case"
    with pytest.raises(Invalid), unit(shop) as session:
        stock.change(session, StockChange(sku="GIFT", location="main", delta=-1, token="no", kind="return"), NOW)


def test_a_kit_taken_apart_keeps_the_promises_made_with_it(shop: Sessions) -> None:
    with unit(shop) as session:
        wish(session, 1, "GIFT", 2)
        remove_kit(session, "GIFT", NOW)
        assert wish(session, 1, "GIFT", 1) == 1
        stock.ship_out(session, [Out(order_line_id=1, units=1, token="ship:p:1")], NOW)
    assert counts(shop) == {"BOTTLE": (13, 0), "BOX": (4, 0)}


def test_a_line_that_left_before_its_variant_became_a_kit_still_leaves(shop: Sessions) -> None:
    with unit(shop) as session:
        a_variant(session, sku="PAIR", stock=1)
        wish(session, 1, "PAIR", 1)
        stock.ship_out(session, [Out(order_line_id=1, units=1, token="ship:p1:1")], NOW)
        a_kit(session, "PAIR", BOTTLE=2)
        stock.ship_out(session, [Out(order_line_id=1, units=1, token="ship:p2:1")], NOW)
    assert counts(shop)["BOTTLE"] == (18, 0)


def test_the_number_of_a_kit_follows_its_components(shop: Sessions) -> None:
    with unit(shop) as session:
        other = a_location(session, code="other", priority=200).id
        receive(session, "BOTTLE", 30, "1", "other")
        wide = session.scalars(select(Account)).one()
        narrow = an_account(session, name="narrow", location_ids=[other], buffer=1)
        wish(session, 1, "CASE", 1)
        case, gift = id_of(session, "CASE"), id_of(session, "GIFT")
        sums = arithmetic(session, wide, [case, gift, id_of(session, "BOX")])
        assert (sums[case].on_hand, sums[case].reserved, sums[case].short, sums[case].publishable) == (3, 1, 0, 2)
        assert sums[gift].publishable == 2
        assert [(p.sku, p.per_kit, p.kits, p.limits) for p in sums[gift].parts] == [
            ("BOTTLE", 7, 6, False), ("BOX", 1, 4, False),
        ], "enough of each, but the bottles of the other place have no boxes"  # fmt: skip
        assert sums[id_of(session, "BOX")].publishable == 4
        assert arithmetic(session, narrow, [case])[case].publishable == 0
        assert sums[case].as_dict()["parts"][0]["sku"] == "BOTTLE"


def test_short_components_come_off_the_number(shop: Sessions) -> None:
    with unit(shop) as session:
        account = session.scalars(select(Account)).one()
        a_location(session, code="other", priority=200)
        receive(session, "BOTTLE", 6, "1", "other")
        receive(session, "BOX", 9, "2", "other")
        assert wish(session, 1, "BOTTLE", 24) == 20, "not all at one place"
        case = id_of(session, "CASE")
        found = arithmetic(session, account, [case])[case]
        assert (found.on_hand, found.reserved, found.short, found.publishable) == (4, 3, 1, 0)


def test_a_component_sold_dirties_every_kit_with_it(shop: Sessions) -> None:
    with unit(shop) as session:
        account = session.scalars(select(Account)).one()
        for sku in ("CASE", "GIFT", "BOX"):
            a_listing(session, account, session.get_one(Variant, id_of(session, sku)))
    with unit(shop) as session:
        receive(session, "BOTTLE", -15, "1")
    with reading(shop) as session:
        found = session.execute(select(WorkItem.key, WorkItem.priority).where(WorkItem.kind == "stock.push")).all()
    assert sorted(tuple(row) for row in found) == [("1", Priority.ZERO), ("2", Priority.ZERO)], (
        "none is left of either: at once"
    )


def test_two_kits_that_want_the_last_component_at_once(sessions: Sessions) -> None:
    with unit(sessions) as session:
        an_account(session)
        for sku, units in (("A", 50), ("LAST", 1), ("Z", 50)):
            a_variant(session, sku=sku, stock=units)
        a_kit(session, "K1", A=1, LAST=1)
        a_kit(session, "K2", Z=1, LAST=1)
    start = threading.Barrier(8)
    held: list[int] = []

    def buy(line: int) -> None:
        start.wait()
        with unit(sessions) as session:
            held.append(wish(session, line, "K1" if line % 2 else "K2", 1))

    threads = [threading.Thread(target=buy, args=(line,)) for line in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(held) == [0] * 7 + [1]
    found = counts(sessions)
    assert found["LAST"] == (1, 1)
    assert found["A"][1] + found["Z"][1] == 1, "who waits holds nothing"
    with reading(sessions) as session:
        assert len(session.scalars(select(Reservation)).all()) == 16
