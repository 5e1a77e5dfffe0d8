"""Many counts in one unit mean what single counts mean."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from hub.db.session import Sessions, reading, unit
from hub.kernel.errors import Invalid, StaleEdit, Unknown
from hub.pim import reservations, stock
from hub.pim.models import Reservation, StockMovement
from hub.pim.stock import StockCount
from hub.work.models import WorkItem
from tests.support.builders import NOW, a_listing, a_variant, an_account


def _counts(**levels: int) -> list[StockCount]:
    return [StockCount(sku=sku, location="main", counted=n, token=f"t:{sku}") for sku, n in levels.items()]


@pytest.fixture
def shop(sessions: Sessions) -> Sessions:
    """A, B and C with 10 units each, listed live; an order line holds 8 of B."""
    with unit(sessions) as session:
        account = an_account(session)
        for number, sku in enumerate("ABC"):
            variant = a_variant(session, sku=sku, stock=10)
            a_listing(session, account, variant)
            if sku == "B":
                wish = reservations.Wish(
                    order_line_id=number + 1, variant_id=variant.id, wanted=8, account_id=account.id, order_ref="B-1",
                    placed_at=NOW,
                )  # fmt: skip
                assert reservations.reserve(session, [wish], NOW) == {number + 1: 8}
    return sessions


def test_counts_post_their_difference_and_want_a_push_where_something_changed(shop: Sessions) -> None:
    with unit(shop) as session:
        levels = stock.count_many(session, _counts(A=4, B=10, C=25), NOW)
    assert [(x.sku, x.on_hand, x.reserved, x.changed, x.now_short) for x in levels] == [
        ("A", 4, 0, -6, ()), ("B", 10, 8, 0, ()), ("C", 25, 0, 15, ()),
    ]  # fmt: skip
    with reading(shop) as session:
        posted = session.execute(
            select(StockMovement.token, StockMovement.delta)
            .where(StockMovement.kind == "count")
            .order_by(StockMovement.id)
        )
        assert set(posted.tuples()) == {("t:A", -6), ("t:B", 0), ("t:C", 15)}
        wanted = session.scalars(select(WorkItem.key).where(WorkItem.kind == "stock.push").order_by(WorkItem.id)).all()
    assert len(wanted) == 2


def test_the_same_counts_again_change_nothing(shop: Sessions) -> None:
    for expected in ([-6, 15], [0, 0]):
        with unit(shop) as session:
            assert [x.changed for x in stock.count_many(session, _counts(A=4, C=25), NOW)] == expected


def test_promises_that_no_longer_fit_become_short_and_their_orders_are_named(shop: Sessions) -> None:
    with unit(shop) as session:
        (level,) = stock.count_many(session, _counts(B=5), NOW)
    assert (level.on_hand, level.reserved, level.now_short) == (5, 5, ("B-1",))
    with unit(shop) as session:  # what comes back is given to the short line
        (level,) = stock.count_many(session, [StockCount(sku="B", location="main", counted=20, token="more")], NOW)
        row = session.scalars(select(Reservation)).one()
        assert (level.on_hand, level.reserved, row.quantity) == (20, 8, 8)


@pytest.mark.parametrize(
    ("bad", "error"),
    [
        (StockCount(sku="nobody", location="main", counted=1, token="x"), Unknown),
        (StockCount(sku="B", location="nowhere", counted=1, token="x"), Unknown),
        (StockCount(sku="B", location="main", counted=-1, token="x"), Invalid),
        (StockCount(sku="A", location="main", counted=1, token="x"), Invalid),
        (StockCount(sku="B", location="main", counted=1, token="t:A"), Invalid),
        (StockCount(sku="B", location="main", counted=1, token="x", seen_version=99), StaleEdit),
    ],
    ids=["sku", "location", "negative", "position twice", "token twice", "outdated page"],
)
def test_one_wrong_count_refuses_all_of_them(shop: Sessions, bad: StockCount, error: type[Exception]) -> None:
    with pytest.raises(error), unit(shop) as session:
        stock.count_many(session, [*_counts(A=4), bad], NOW)
    with reading(shop) as session:
        assert session.scalars(select(StockMovement.id).where(StockMovement.kind == "count")).all() == []
