"""Taking orders in: one hub order whatever arrives in whatever sequence; what follows for stock; what is never stopped."""

from __future__ import annotations

import dataclasses
import random
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select, update

from hub.channels.contract.records import (
    Address,
    BadRecord,
    Buyer,
    CancellationState,
    ChannelOrder,
    FulfilmentState,
    ListingRef,
    OrderTotals,
    PaymentState,
)
from hub.db.session import Sessions, make_engine, make_sessions, reading, unit
from hub.kernel.errors import Invalid, NotAllowedNow, Unknown
from hub.kernel.money import Money
from hub.orders import desk, intake, mapping
from hub.orders.fulfilment import Recorded, RecordShipment, record_shipment
from hub.orders.models import BadOrder, Order, OrderEvent, OrderLine, OrderPerson, Shipment
from hub.orders.persons import person_of
from hub.pim import listings
from hub.pim.models import Reservation, StockMovement, StockPosition, Variant
from hub.work.models import Account, WorkItem
from tests.support import databases
from tests.support.builders import NOW, a_listing, a_location, a_variant, an_account
from tests.support.databases import Database
from tests.support.orders import a_channel_order, cancelled


def later(minutes: float) -> datetime:
    return NOW + timedelta(minutes=minutes)


@pytest.fixture
def account(sessions: Sessions) -> Account:
    with unit(sessions) as session:
        made = an_account(session)
        for sku, stock in (("SKU-1", 10), ("SKU-2", 5)):
            a_listing(session, made, a_variant(session, sku=sku, stock=stock))
        return made


def take(sessions: Sessions, account: Account, *orders: ChannelOrder, now: datetime = NOW) -> list[str]:
    with unit(sessions) as session:
        return [t.result for t in intake.take(session, session.get_one(Account, account.id), orders, now)]


def with_lines(order: ChannelOrder, at: datetime, **changes: object) -> ChannelOrder:
    """The order at a later time with a first line that changed (quantity, shipped)."""
    first = dataclasses.replace(order.lines[0], **changes)
    return dataclasses.replace(order, updated_at=at, lines=(first, *order.lines[1:]))


def the_order(sessions: Sessions, order_id: str = "A-1") -> Order:
    with reading(sessions) as session:
        return session.scalars(select(Order).where(Order.channel_order_id == order_id)).one()


def lines_of(sessions: Sessions) -> list[tuple[int, int]]:
    with reading(sessions) as session:
        return [(r.quantity, r.shipped) for r in session.scalars(select(OrderLine).order_by(OrderLine.id))]


def position(sessions: Sessions, sku: str = "SKU-1") -> tuple[int, int]:
    with reading(sessions) as session:
        row = session.execute(
            select(StockPosition.on_hand, StockPosition.reserved)
            .join(Variant, Variant.id == StockPosition.variant_id)
            .where(Variant.sku == sku)
        ).one()
        return row.on_hand, row.reserved


def events(sessions: Sessions) -> list[str]:
    with reading(sessions) as session:
        return list(session.scalars(select(OrderEvent.kind).order_by(OrderEvent.id)))


# ---------------------------------------------------------------- monotone and idempotent


@cache
def _template() -> Path:
    databases.install_test_key()
    path = databases.sqlite_template(Path(tempfile.mkdtemp(prefix="hub-intake-")))
    engine = make_engine(f"sqlite:///{path}")
    with unit(make_sessions(engine)) as session:
        made = an_account(session)
        a_listing(session, made, a_variant(session, sku="SKU-1", stock=10))
    with engine.connect() as connection:
        connection.exec_driver_sql("COMMIT")
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        connection.exec_driver_sql("BEGIN")
    engine.dispose()
    return path


@contextmanager
def fresh() -> Iterator[Sessions]:
    directory = Path(tempfile.mkdtemp(prefix="hub-intake-"))
    shutil.copyfile(_template(), directory / "run.sqlite3")
    engine = make_engine(f"sqlite:///{directory / 'run.sqlite3'}", pool_size=1)
    try:
        yield make_sessions(engine)
    finally:
        engine.dispose()
        shutil.rmtree(directory)


def versions() -> list[ChannelOrder]:
    """The life of an order on a channel; the last two have the same time and differ."""
    first = a_channel_order("A-1", [("SKU-1", 2)], payment=PaymentState.PENDING)
    paid = dataclasses.replace(first, payment=PaymentState.PAID, updated_at=later(1))
    more = with_lines(paid, later(2), quantity=4)
    less = with_lines(more, later(3), quantity=3)
    part = with_lines(less, later(4), quantity=3, shipped=1)
    asked = dataclasses.replace(part, cancellation=CancellationState.REQUESTED, updated_at=later(5))
    declined = dataclasses.replace(asked, cancellation=CancellationState.NONE, updated_at=later(6))
    return [first, paid, more, less, part, asked, declined]


@given(data=st.data())
@settings(max_examples=30)
def test_any_order_of_any_versions_however_often_ends_at_the_newest(data: st.DataObject) -> None:
    life = versions()
    told = data.draw(st.lists(st.integers(0, len(life) - 1), min_size=1, max_size=10))
    sizes = data.draw(st.lists(st.integers(1, 3), min_size=10, max_size=10))
    with fresh() as sessions:
        account = Account(id=1)
        rest = list(told)
        for size in sizes:
            page, rest = rest[:size], rest[size:]
            if page:
                take(sessions, account, *(life[n] for n in page))
        newest = life[max(told)]
        order = the_order(sessions)
        assert (order.stamp, order.payment, order.cancellation) == (
            newest.updated_at, newest.payment.value, newest.cancellation.value,
        )  # fmt: skip
        assert order.digest == intake.order_digest(newest)
        ((quantity, shipped),) = lines_of(sessions)
        assert (quantity, shipped) == (newest.lines[0].quantity, newest.lines[0].shipped)
        on_hand, reserved = position(sessions)
        assert reserved == quantity - shipped
        assert on_hand in (10, 10 - shipped), "what had left before we first saw the order moves no stock"
        told_events = events(sessions)
        assert len(told_events) == len(set(told_events))
        assert told_events.count("placed") == 1
        before = (order.digest, on_hand, reserved, told_events)
        assert take(sessions, account, *(life[n] for n in told)) == ["unchanged"]
        assert (the_order(sessions).digest, *position(sessions), events(sessions)) == before


def test_a_page_that_repeats_and_shuffles_orders_takes_each_once_in_its_newest_version(
    sessions: Sessions, account: Account
) -> None:
    page = [o for v in versions() for o in (v, dataclasses.replace(v, order_id="A-2"))] * 2
    random.Random(3).shuffle(page)
    assert take(sessions, account, *page) == ["new", "new"]
    assert take(sessions, account, *page) == ["unchanged", "unchanged"]
    for name in ("A-1", "A-2"):
        assert the_order(sessions, name).stamp == later(6)


def test_a_stale_copy_changes_nothing(sessions: Sessions, account: Account) -> None:
    life = versions()
    take(sessions, account, life[3])
    before = (lines_of(sessions), position(sessions), events(sessions))
    assert take(sessions, account, life[0], now=later(60)) == ["unchanged"]
    assert (lines_of(sessions), position(sessions), events(sessions)) == before
    assert the_order(sessions).changed_at == NOW


def test_the_same_time_with_other_contents_applies(sessions: Sessions, account: Account) -> None:
    order = a_channel_order(lines=[("SKU-1", 1)])
    assert take(sessions, account, order) == ["new"]
    assert take(sessions, account, with_lines(order, order.updated_at, quantity=3)) == ["changed"]
    assert position(sessions) == (10, 3)


def test_only_the_raw_text_differing_is_no_change(sessions: Sessions, account: Account) -> None:
    order = dataclasses.replace(a_channel_order(), raw="{1}")
    take(sessions, account, order)
    assert take(sessions, account, dataclasses.replace(order, raw="{2}")) == ["unchanged"]


def test_two_accounts_may_have_orders_of_the_same_number(sessions: Sessions, account: Account) -> None:
    with unit(sessions) as session:
        other = an_account(session)
    take(sessions, account, a_channel_order())
    assert take(sessions, other, a_channel_order()) == ["new"]
    with reading(sessions) as session:
        assert session.scalar(select(func.count()).select_from(Order)) == 2


# ---------------------------------------------------------------- what it means for stock


def test_quantities_edited_up_and_down_move_the_promise(sessions: Sessions, account: Account) -> None:
    order = a_channel_order(lines=[("SKU-1", 2), ("SKU-2", 1)])
    take(sessions, account, order)
    take(sessions, account, with_lines(order, later(1), quantity=5))
    assert (position(sessions), position(sessions, "SKU-2")) == ((10, 5), (5, 1))
    take(sessions, account, with_lines(order, later(2), quantity=1))
    assert position(sessions) == (10, 1)


def test_a_line_that_is_gone_gives_its_units_back_and_may_return(sessions: Sessions, account: Account) -> None:
    order = a_channel_order(lines=[("SKU-1", 2), ("SKU-2", 1)])
    take(sessions, account, order)
    take(sessions, account, dataclasses.replace(order, lines=order.lines[:1], updated_at=later(1)))
    assert (position(sessions, "SKU-2"), lines_of(sessions)) == ((5, 0), [(2, 0), (0, 0)])
    take(sessions, account, dataclasses.replace(order, updated_at=later(2)))
    assert (position(sessions, "SKU-2"), lines_of(sessions)) == ((5, 1), [(2, 0), (1, 0)])


def test_cancelled_before_the_export_gives_the_stock_back_without_a_recall(
    sessions: Sessions, account: Account
) -> None:
    order = a_channel_order(lines=[("SKU-1", 2)])
    take(sessions, account, order)
    take(sessions, account, cancelled(order, later(1)))
    assert position(sessions) == (10, 0)
    assert (the_order(sessions).stage, the_order(sessions).recall) == ("cancelled", False)


@pytest.mark.parametrize("state", [CancellationState.REQUESTED, CancellationState.CANCELLED])
def test_cancelled_after_the_export_is_recalled(sessions: Sessions, account: Account, state: CancellationState) -> None:
    order = a_channel_order(lines=[("SKU-1", 2)])
    take(sessions, account, order)
    with unit(sessions) as session:
        session.execute(update(Order).values(exported_at=NOW))
    take(sessions, account, dataclasses.replace(order, cancellation=state, updated_at=later(1)))
    assert the_order(sessions).recall
    assert events(sessions).count("recall") == 1
    take(sessions, account, dataclasses.replace(order, cancellation=CancellationState.NONE, updated_at=later(2)))
    assert the_order(sessions).recall, "the parcel may be packed already: a person decides"


def test_a_pending_order_reserves_and_is_ready_once_paid(sessions: Sessions, account: Account) -> None:
    order = a_channel_order(lines=[("SKU-1", 2)], payment=PaymentState.PENDING)
    take(sessions, account, order)
    assert (the_order(sessions).stage, position(sessions), events(sessions)) == ("unpaid", (10, 2), ["placed"])
    take(sessions, account, dataclasses.replace(order, payment=PaymentState.PAID, updated_at=later(1)))
    assert (the_order(sessions).stage, position(sessions)) == ("ready", (10, 2))
    assert events(sessions) == ["placed", "paid"]


def test_a_failed_payment_gives_the_stock_back(sessions: Sessions, account: Account) -> None:
    order = a_channel_order(lines=[("SKU-1", 2)], payment=PaymentState.PENDING)
    take(sessions, account, order)
    take(sessions, account, dataclasses.replace(order, payment=PaymentState.FAILED, updated_at=later(1)))
    assert (the_order(sessions).stage, position(sessions)) == ("unpaid", (10, 0))


def test_an_order_that_the_channel_ships_holds_and_moves_nothing(sessions: Sessions, account: Account) -> None:
    order = dataclasses.replace(a_channel_order(lines=[("SKU-1", 2)]), channel_fulfils=True)
    take(sessions, account, order)
    take(sessions, account, with_lines(order, later(1), shipped=2))
    assert (the_order(sessions).stage, position(sessions)) == ("channel", (10, 0))
    with reading(sessions) as session:
        assert session.scalar(select(func.count()).select_from(Reservation)) == 0


def test_what_somebody_shipped_outside_the_hub_leaves_the_count_once(sessions: Sessions, account: Account) -> None:
    order = a_channel_order(lines=[("SKU-1", 3)])
    take(sessions, account, order)
    part = dataclasses.replace(with_lines(order, later(1), shipped=1), fulfilment=FulfilmentState.PARTIAL)
    take(sessions, account, part)
    take(sessions, account, part)
    assert (position(sessions), the_order(sessions).stage) == ((9, 2), "partly")
    done = dataclasses.replace(with_lines(order, later(2), shipped=3), fulfilment=FulfilmentState.FULFILLED)
    take(sessions, account, done)
    assert (position(sessions), the_order(sessions).stage) == ((7, 0), "shipped")
    with reading(sessions) as session:
        assert session.scalar(select(func.sum(StockMovement.delta)).where(StockMovement.kind == "ship")) == -3


def test_what_left_before_we_knew_the_order_moves_no_stock(sessions: Sessions, account: Account) -> None:
    order = with_lines(a_channel_order(lines=[("SKU-1", 3)]), NOW, shipped=2)
    take(sessions, account, order)
    assert position(sessions) == (10, 1)


def test_our_own_parcel_seen_on_the_channel_leaves_the_count_once(sessions: Sessions, account: Account) -> None:
    order = a_channel_order(lines=[("SKU-1", 3)])
    take(sessions, account, order)
    ship(sessions, "T-1", units=2)
    take(sessions, account, with_lines(order, later(1), shipped=2))
    assert (position(sessions), lines_of(sessions)) == ((8, 1), [(3, 2)])


# ---------------------------------------------------------------- lines nobody knows


def test_an_unknown_line_waits_and_reserves_once_its_listing_is_bound(sessions: Sessions, account: Account) -> None:
    take(sessions, account, a_channel_order(lines=[("OTHER", 2), ("SKU-1", 1)]))
    assert the_order(sessions).stage == "unmapped"
    with reading(sessions) as session:
        assert [line.channel_sku for line, _ in mapping.unmapped(session)] == ["OTHER"]
    with unit(sessions) as session:
        variant = a_variant(session, sku="MINE", stock=4)
        listings.bind(session, account_id=account.id, variant=variant, ref=ListingRef(channel_sku="OTHER"), now=NOW)
        assert mapping.resolve_waiting(session, account.id, NOW) == 1
        assert mapping.resolve_waiting(session, account.id, NOW) == 0
    assert (the_order(sessions).stage, position(sessions, "MINE")) == ("ready", (4, 2))


def test_a_person_maps_a_line_and_the_next_version_keeps_it(sessions: Sessions, account: Account) -> None:
    order = a_channel_order(lines=[("OTHER", 2)])
    take(sessions, account, order)
    with unit(sessions) as session:
        line = session.scalars(select(OrderLine)).one()
        mapping.map_line(session, line.id, "SKU-2", NOW)
        with pytest.raises(Unknown):
            mapping.map_line(session, line.id, "NO-SUCH", NOW)
        with pytest.raises(Unknown):
            mapping.map_line(session, 999, "SKU-2", NOW)
    assert (the_order(sessions).stage, position(sessions, "SKU-2")) == ("ready", (5, 2))
    take(sessions, account, with_lines(order, later(1), quantity=3))
    assert position(sessions, "SKU-2") == (5, 3)


# ---------------------------------------------------------------- records, money, people


def test_unreadable_orders_wait_on_a_desk_once_each(sessions: Sessions, account: Account) -> None:
    bad = [BadRecord(why="no currency", order_id="B-1", raw="{}"), BadRecord(why="no id", raw="[]")]
    for fresh_ones in (2, 0):
        with unit(sessions) as session:
            assert intake.quarantine(session, account.id, bad, NOW) == fresh_ones
    with unit(sessions) as session:
        assert intake.quarantine(session, account.id, [bad[0], bad[0]], NOW) == 0
        assert [b.raw for b in session.scalars(select(BadOrder).order_by(BadOrder.id))] == ["{}", "[]"]


def test_what_the_total_does_not_explain_is_named(sessions: Sessions, account: Account) -> None:
    def euros(minor: int) -> Money:
        return Money(minor=minor, currency="EUR")

    totals = OrderTotals(total=euros(2000), items=euros(1299), shipping=euros(490), tax=euros(100), discount=euros(50))
    take(sessions, account, dataclasses.replace(a_channel_order(), totals=totals))
    order = the_order(sessions)
    assert order.residual_minor == 161
    parts = (order.items_minor or 0) + (order.shipping_minor or 0) + (order.tax_minor or 0)
    assert parts - (order.discount_minor or 0) + order.residual_minor == order.total_minor


def test_a_copy_without_an_address_keeps_the_one_we_have(sessions: Sessions, account: Account) -> None:
    order = a_channel_order()
    take(sessions, account, order)
    take(sessions, account, dataclasses.replace(order, ship_to=None, buyer=None, updated_at=later(1)))
    with reading(sessions) as session:
        address, buyer = person_of(session, the_order(sessions).id)
        assert (address.city if address else "", buyer.email if buyer else "") == ("Zürich", "ana@example.org")


def test_personal_data_and_raw_texts_are_not_readable_in_the_file(
    database: Database, sessions: Sessions, account: Account
) -> None:
    canaries = [f"canary{n}x4711" for n in range(12)]
    address = Address(**dict(zip(
        ("name", "company", "line1", "line2", "line3", "city", "region", "postal_code", "phone"), canaries, strict=False
    )), country="DE")  # fmt: skip
    order = dataclasses.replace(
        a_channel_order(), ship_to=address, raw=f'{{"note": "{canaries[11]}"}}',
        buyer=Buyer(name=canaries[9], email=f"{canaries[10]}@example.org"),
    )  # fmt: skip
    take(sessions, account, order)
    with unit(sessions) as session:
        intake.quarantine(session, account.id, [BadRecord(why="bad", order_id="B", raw=canaries[11])], NOW)
        address_read, buyer_read = person_of(session, the_order(sessions).id)
        assert (address_read, buyer_read) == (order.ship_to, order.buyer)
        if database.kind == "postgres":
            tables = ("order_persons", "raw_orders", "bad_orders", "orders", "order_lines", "order_events")
            stored = "".join(
                str([tuple(bytes(v) if isinstance(v, memoryview) else v for v in row) for row in rows])
                for rows in (session.connection().exec_driver_sql(f"SELECT * FROM {t}").all() for t in tables)  # noqa: S608
            ).encode()
    if database.kind == "sqlite":
        place = Path(database.url.removeprefix("sqlite:///")).parent
        stored = b"".join(file.read_bytes() for file in place.glob("hub.sqlite3*"))
    assert b"A-1" in stored, "the search looks in the right place"
    for canary in canaries:
        assert canary.encode() not in stored, canary


# ---------------------------------------------------------------- parcels


def ship(
    sessions: Sessions, tracking: str, *, units: int | None = None, lines: tuple[tuple[int, int], ...] = (),
) -> Recorded:  # fmt: skip
    with unit(sessions) as session:
        order = session.scalars(select(Order)).one()
        if units is not None:
            lines = ((session.scalars(select(OrderLine.id).order_by(OrderLine.id)).first() or 0, units),)
        cmd = RecordShipment(order_id=order.id, carrier="dhl", tracking=tracking, shipped_at=NOW, lines=lines)
        return record_shipment(session, cmd, NOW)


def test_parcels_are_recorded_in_part_and_once_each(sessions: Sessions, account: Account) -> None:
    take(sessions, account, a_channel_order(lines=[("SKU-1", 3), ("SKU-2", 1)]))
    first = ship(sessions, "T-1", units=2)
    assert (first.package_number, first.is_new) == (1, True)
    assert (position(sessions), the_order(sessions).stage) == ((8, 1), "partly")
    again = ship(sessions, "T-1", units=2)
    assert (again.shipment_id, again.is_new) == (first.shipment_id, False)
    rest = ship(sessions, "T-2")
    assert (rest.package_number, rest.is_new) == (2, True)
    assert not ship(sessions, "T-2").is_new
    assert (position(sessions), position(sessions, "SKU-2")) == ((7, 0), (4, 0))
    assert the_order(sessions).stage == "shipped"
    with reading(sessions) as session:
        assert session.scalar(select(func.count()).select_from(Shipment)) == 2
        assert session.scalar(select(func.count()).where(WorkItem.kind == "shipment.confirm")) == 2
    with pytest.raises(Invalid, match="nothing"):
        ship(sessions, "T-3")


def everything(sessions: Sessions) -> list[object]:
    with reading(sessions) as session:
        return [
            session.scalar(select(func.count()).select_from(Shipment)),
            session.scalar(select(func.count()).select_from(WorkItem).where(WorkItem.kind == "shipment.confirm")),
            session.scalar(select(func.count()).select_from(StockMovement)),
            [tuple(r) for r in session.execute(select(OrderLine.id, OrderLine.shipped).order_by(OrderLine.id))],
            [tuple(r) for r in session.execute(select(StockPosition.on_hand, StockPosition.reserved))],
        ]


def test_refused_parcels_change_nothing(sessions: Sessions, account: Account) -> None:
    order = a_channel_order(lines=[("SKU-1", 2)])
    take(sessions, account, order)
    before = everything(sessions)
    with reading(sessions) as session:
        (line_id,) = session.scalars(select(OrderLine.id))
    for refusal, lines in (
        (Invalid, ((line_id, 3),)), (Invalid, ((line_id, 0),)), (Invalid, ((line_id, -1),)),
        (Unknown, ((999, 1),)), (Invalid, ((line_id, 1), (line_id, 2))),
    ):  # fmt: skip
        with pytest.raises(refusal):
            ship(sessions, "T-1", lines=lines)
        assert everything(sessions) == before, lines
    for change in (
        {"payment": PaymentState.PENDING}, {"cancellation": CancellationState.REQUESTED}, {"channel_fulfils": True},
        {"fulfilment": FulfilmentState.ON_HOLD},
    ):  # fmt: skip
        name = f"X-{next(iter(change))}"
        take(sessions, account, dataclasses.replace(order, order_id=name, display_id=name, **change))
        before = everything(sessions)
        cmd = RecordShipment(order_id=the_order(sessions, name).id, carrier="dhl", tracking="T", shipped_at=NOW)
        with pytest.raises(NotAllowedNow), unit(sessions) as session:
            record_shipment(session, cmd, NOW)
        assert everything(sessions) == before, change


def test_a_line_named_twice_in_a_parcel_counts_together(sessions: Sessions, account: Account) -> None:
    take(sessions, account, a_channel_order(lines=[("SKU-1", 3)]))
    with reading(sessions) as session:
        (line_id,) = session.scalars(select(OrderLine.id))
    assert ship(sessions, "T-1", lines=((line_id, 1), (line_id, 1))).is_new
    assert (position(sessions), lines_of(sessions)) == ((8, 1), [(3, 2)])
    assert not ship(sessions, "T-1", lines=((line_id, 2),)).is_new


def test_more_leaves_than_the_books_have_and_the_newest_promise_becomes_short(
    sessions: Sessions, account: Account
) -> None:
    take(sessions, account, a_channel_order(lines=[("SKU-1", 8)]))
    with unit(sessions) as session:
        position_row = session.scalars(select(StockPosition).join(Variant).where(Variant.sku == "SKU-1")).one()
        a_location(session)
        from hub.pim import stock

        stock.count(session, stock.StockCount(sku="SKU-1", location="main", counted=3, token="count"), NOW)
        session.refresh(position_row)
        assert (position_row.on_hand, position_row.reserved) == (3, 3)
    ship(sessions, "T-1")
    assert position(sessions) == (0, 0)
    with reading(sessions) as session:
        kinds = dict(session.execute(select(StockMovement.kind, func.sum(StockMovement.delta)).where(
            StockMovement.kind.in_(("found", "ship"))).group_by(StockMovement.kind)).tuples().all())  # fmt: skip
    assert kinds == {"found": 5, "ship": -8}


# ---------------------------------------------------------------- the desk


def on_desk(sessions: Sessions, act: str, **options: object) -> None:
    with unit(sessions) as session:
        order = session.scalars(select(Order)).one()
        if act == "hold":
            desk.hold(session, order, str(options["reason"]), NOW, by="Ada")
        elif act == "release":
            desk.release(session, order, NOW, by="Ada")
        else:
            desk.want_cancelled(session, order, str(options["reason"]), NOW, accept=bool(options.get("accept", True)))


def test_a_held_order_keeps_its_stock_does_not_ship_and_stays_held_over_new_versions(
    sessions: Sessions, account: Account
) -> None:
    order = a_channel_order(lines=[("SKU-1", 2)])
    take(sessions, account, order)
    with pytest.raises(Invalid):
        on_desk(sessions, "hold", reason="  ")
    on_desk(sessions, "hold", reason="address?")
    assert (the_order(sessions).stage, position(sessions)) == ("hold", (10, 2))
    with pytest.raises(NotAllowedNow):
        ship(sessions, "T-1")
    take(sessions, account, with_lines(order, later(1), quantity=3))
    assert (the_order(sessions).stage, position(sessions)) == ("hold", (10, 3))
    on_desk(sessions, "release")
    on_desk(sessions, "release")
    assert the_order(sessions).stage == "ready"
    assert events(sessions).count("released") == 1


def test_a_cancellation_is_wanted_of_the_channel_and_the_stock_waits_for_its_word(
    sessions: Sessions, account: Account
) -> None:
    order = a_channel_order(lines=[("SKU-1", 2)])
    take(sessions, account, order)
    with pytest.raises(Invalid):
        on_desk(sessions, "cancel", reason="bored")
    with pytest.raises(NotAllowedNow):
        on_desk(sessions, "cancel", reason="other", accept=False)
    with reading(sessions) as session:
        assert session.scalar(select(func.count()).where(WorkItem.kind == "order.cancel")) == 0
    on_desk(sessions, "cancel", reason="out_of_stock")
    assert position(sessions) == (10, 2)
    with reading(sessions) as session:
        assert session.scalars(select(WorkItem.key).where(WorkItem.kind == "order.cancel")).one() == str(
            the_order(sessions).id
        )
    take(sessions, account, cancelled(order, later(1)))
    assert position(sessions) == (10, 0)
    for act, reason in (("hold", "late"), ("cancel", "other")):
        with pytest.raises(NotAllowedNow):
            on_desk(sessions, act, reason=reason)


def test_what_is_partly_shipped_is_not_cancelled(sessions: Sessions, account: Account) -> None:
    take(sessions, account, a_channel_order(lines=[("SKU-1", 2)]))
    ship(sessions, "T-1", units=1)
    with pytest.raises(NotAllowedNow):
        on_desk(sessions, "cancel", reason="other")
    assert the_order(sessions).cancel_reason is None


def test_an_unknown_buyers_row_is_not_made(sessions: Sessions, account: Account) -> None:
    take(sessions, account, dataclasses.replace(a_channel_order(), ship_to=None, buyer=None))
    with reading(sessions) as session:
        assert session.scalar(select(func.count()).select_from(OrderPerson)) == 0
