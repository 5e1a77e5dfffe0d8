"""Making, changing and taking kits apart: what is refused, what is stored, what follows."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from sqlalchemy import delete, func, select
from sqlalchemy.exc import IntegrityError

from hub.db.session import Sessions, reading, unit
from hub.kernel.errors import HubError, Invalid, NotAllowedNow, StaleEdit, Unknown
from hub.pim import stock
from hub.pim.history.models import AuditRow
from hub.pim.history.note import By, act_as
from hub.pim.kits import audit
from hub.pim.kits.edit import SetKit, refuse_components, remove_kit, set_kit
from hub.pim.kits.models import KitComponent, KitLeaf
from hub.pim.kits.reads import kit_of, kits_page
from hub.pim.kits.rules import DEPTH_MAX, LEAVES_MAX, UNITS_MAX
from hub.pim.models import DirtyProduct, StockMovement, Variant
from hub.work.models import WorkItem
from tests.pim.kits.shop import a_kit, id_of, receive, wish
from tests.support.builders import NOW, a_listing, a_variant, an_account


@pytest.fixture
def shop(sessions: Sessions) -> Sessions:
    """Bottles and boxes with stock; nothing is a kit."""
    with unit(sessions) as session:
        an_account(session)
        for sku, units in (("BOTTLE", 20), ("BOX", 5)):
            a_variant(session, sku=sku, stock=units)
        for sku in ("CASE", "GIFT"):
            a_variant(session, sku=sku, stock={})
    return sessions


def stored(sessions: Sessions) -> list[object]:
    with reading(sessions) as session:
        c, k, v = KitComponent, KitLeaf, Variant
        return [
            sorted(session.execute(select(c.kit_variant_id, c.component_variant_id, c.quantity)).tuples()),
            sorted(session.execute(select(k.kit_variant_id, k.variant_id, k.quantity)).tuples()),
            session.execute(select(v.id, v.is_kit, v.version).order_by(v.id)).tuples().all(),
            session.scalar(select(func.count()).select_from(AuditRow)),
            session.scalar(select(func.count()).select_from(StockMovement)),
        ]


def leaves(sessions: Sessions, sku: str) -> dict[str, int]:
    with reading(sessions) as session:
        k = KitLeaf
        return dict(
            session.execute(
                select(Variant.sku, k.quantity)
                .join(Variant, Variant.id == k.variant_id)
                .where(k.kit_variant_id == id_of(session, sku))
            )
            .tuples()
            .all()
        )


def test_a_kit_is_made_of_its_components_and_is_on_record(shop: Sessions) -> None:
    with unit(shop) as session:
        act_as(session, By(kind="person", name="anna"))
        command = SetKit(sku="CASE", components=(("BOTTLE", 6), ("BOX", 1)))
        assert set_kit(session, command, NOW) is True
    with unit(shop) as session:
        assert set_kit(session, command, NOW) is False, "the same again changes nothing"
    with reading(shop) as session:
        found = kit_of(session, "CASE")
        row = session.scalars(select(AuditRow).where(AuditRow.subject == "kit")).one()
        dirty = set(session.scalars(select(DirtyProduct.product_id)))
        product = session.scalars(select(Variant.product_id).where(Variant.sku == "CASE")).one()
    assert [(c.sku, c.quantity, c.is_kit) for c in found.components] == [("BOTTLE", 6, False), ("BOX", 1, False)]
    assert (found.version, found.standing.sum.publishable) == (1, 3)
    assert [(p.sku, p.kits, p.limits) for p in found.standing.sum.parts] == [("BOTTLE", 3, True), ("BOX", 5, False)]
    assert (row.actor, row.action, row.subject_key) == ("anna", "created", "CASE")
    assert row.changes == {"components": [None, {"BOTTLE": 6, "BOX": 1}]}
    assert dirty == {product}


def test_a_change_reaches_every_kit_around_it(shop: Sessions) -> None:
    with unit(shop) as session:
        a_kit(session, "CASE", BOTTLE=6, BOX=1)
        a_kit(session, "GIFT", CASE=2, BOX=1)
    assert leaves(shop, "GIFT") == {"BOTTLE": 12, "BOX": 3}
    with unit(shop) as session:
        a_kit(session, "CASE", BOTTLE=3)
    assert (leaves(shop, "CASE"), leaves(shop, "GIFT")) == ({"BOTTLE": 3}, {"BOTTLE": 6, "BOX": 1})
    with unit(shop) as session:
        assert remove_kit(session, "CASE", NOW) is True
        assert remove_kit(session, "CASE", NOW) is False
    assert leaves(shop, "GIFT") == {"CASE": 2, "BOX": 1}
    with reading(shop) as session:
        assert audit.disagreements(session, 9)[1] == []
        assert [row.action for row in session.scalars(select(AuditRow).order_by(AuditRow.seq))] == [
            "created", "created", "updated", "deleted",
        ]  # fmt: skip


def test_every_listing_of_a_kit_around_it_is_pushed(shop: Sessions) -> None:
    with unit(shop) as session:
        account = an_account(session)
        a_kit(session, "CASE", BOTTLE=6)
        a_kit(session, "GIFT", CASE=1)
        for sku in ("CASE", "GIFT", "BOX"):
            a_listing(session, account, session.get_one(Variant, id_of(session, sku)))
    with unit(shop) as session:
        a_kit(session, "CASE", BOTTLE=5)
    with reading(shop) as session:
        assert sorted(session.scalars(select(WorkItem.key).where(WorkItem.kind == "stock.push"))) == ["1", "2"]


def refused(sessions: Sessions, error: type[HubError], says: str, *components: tuple[str, int], sku: str) -> HubError:
    before = stored(sessions)
    with pytest.raises(error) as caught, unit(sessions) as session:
        set_kit(session, SetKit(sku=sku, components=components), NOW)
    assert says in caught.value.message
    assert stored(sessions) == before, "a refusal changes nothing"
    return caught.value


def test_what_makes_no_kit_is_refused(shop: Sessions) -> None:
    refused(shop, Invalid, "at least one component", sku="CASE")
    refused(shop, Invalid, "0 of BOTTLE", ("BOTTLE", 0), sku="CASE")
    refused(shop, Invalid, f"{UNITS_MAX + 1} of BOTTLE", ("BOTTLE", UNITS_MAX + 1), sku="CASE")
    refused(shop, Invalid, "BOTTLE is named twice", ("BOTTLE", 1), ("BOTTLE", 2), sku="CASE")
    refused(shop, Invalid, "CASE cannot contain itself", ("CASE", 1), sku="CASE")
    refused(shop, Unknown, "no variant has the SKU 'CORK'", ("CORK", 1), sku="CASE")
    refused(shop, Unknown, "no variant has the SKU 'CRATE'", ("BOTTLE", 1), sku="CRATE")


def test_a_circle_is_refused_with_its_path(shop: Sessions) -> None:
    with unit(shop) as session:
        a_kit(session, "CASE", BOTTLE=6)
        a_kit(session, "GIFT", CASE=1, BOX=1)
        a_kit(session, "PALLET", GIFT=10)
    error = refused(shop, Invalid, "CASE → PALLET → GIFT → CASE", ("BOTTLE", 6), ("PALLET", 1), sku="CASE")
    assert (error.field, error.value) == ("components", "PALLET")


def test_depth_and_size_are_bounded_for_the_kits_around_too(shop: Sessions) -> None:
    with unit(shop) as session:
        a_kit(session, "K1", BOTTLE=1)
        for level in range(2, DEPTH_MAX + 1):
            a_kit(session, f"K{level}", **{f"K{level - 1}": 1})
        a_variant(session, sku="TOP", stock={})
        a_variant(session, sku="INNER", stock={})
        a_kit(session, "INNER", BOX=1)
    refused(shop, Invalid, f"TOP would be {DEPTH_MAX + 1} levels", (f"K{DEPTH_MAX}", 1), sku="TOP")
    refused(shop, Invalid, f"K{DEPTH_MAX} would be {DEPTH_MAX + 1} levels", ("INNER", 1), sku="K1")
    with unit(shop) as session:
        many = {f"S{n}": 1 for n in range(LEAVES_MAX)}
        for sku in many:
            a_variant(session, sku=sku, stock={})
        a_kit(session, "WIDE", **many)
        a_variant(session, sku="WIDER", stock={})
    refused(shop, Invalid, f"WIDER would be made of {LEAVES_MAX + 1}", ("WIDE", 1), ("BOTTLE", 1), sku="WIDER")
    with unit(shop) as session:
        a_kit(session, "CASE", BOTTLE=6)
    units = f"{6 * UNITS_MAX:,} units of one variant"
    refused(shop, Invalid, units, ("CASE", UNITS_MAX), ("BOX", 1), sku="GIFT")


def test_what_has_stock_or_is_waited_for_cannot_become_a_kit(shop: Sessions) -> None:
    error = refused(shop, NotAllowedNow, "20 of BOTTLE are in stock", ("BOX", 1), sku="BOTTLE")
    assert error.fix
    with unit(shop) as session:
        assert wish(session, 1, "CASE", 2) == 0
    refused(shop, NotAllowedNow, "order O1 waits for CASE", ("BOX", 1), sku="CASE")


def test_a_kit_has_no_stock_of_its_own(shop: Sessions) -> None:
    with unit(shop) as session:
        a_kit(session, "CASE", BOTTLE=6)
    before = stored(shop)
    for kind in ("receive", "adjust"):
        command = stock.StockChange(sku="CASE", location="main", delta=1, token=kind, kind=kind)
        with pytest.raises(NotAllowedNow, match="CASE is a kit"), unit(shop) as session:
            stock.change(session, command, NOW)
    count = stock.StockCount(sku="CASE", location="main", counted=1, token="c")
    with pytest.raises(NotAllowedNow, match="CASE is a kit"), unit(shop) as session:
        stock.count(session, count, NOW)
    bottles = stock.StockCount(sku="BOTTLE", location="main", counted=1, token="b")
    with pytest.raises(NotAllowedNow, match="CASE is a kit"), unit(shop) as session:
        stock.count_many(session, [bottles, count], NOW)
    assert stored(shop) == before


def test_a_component_cannot_be_deleted(shop: Sessions) -> None:
    with unit(shop) as session:
        a_variant(session, sku="RIBBON", stock={})
        a_kit(session, "CASE", RIBBON=1)
    with reading(shop) as session:
        refuse_components(session, [id_of(session, "BOTTLE"), id_of(session, "CASE")])
        with pytest.raises(NotAllowedNow, match="RIBBON is a component of the kit CASE"):
            refuse_components(session, [id_of(session, "BOTTLE"), id_of(session, "RIBBON")])
    with pytest.raises(IntegrityError), unit(shop) as session:  # and the database itself holds on to it
        session.execute(delete(Variant).where(Variant.sku == "RIBBON"))


def test_an_edit_made_on_an_old_page_is_refused(shop: Sessions) -> None:
    with unit(shop) as session:
        a_kit(session, "CASE", BOTTLE=6)
    before = stored(shop)
    with pytest.raises(StaleEdit), unit(shop) as session:
        set_kit(session, SetKit(sku="CASE", components=(("BOX", 1),), seen_version=0), NOW)
    with pytest.raises(StaleEdit), unit(shop) as session:
        remove_kit(session, "CASE", NOW, seen_version=0)
    assert stored(shop) == before
    with unit(shop) as session:
        assert set_kit(session, SetKit(sku="CASE", components=(("BOX", 1),), seen_version=1), NOW)


def test_kits_are_listed_page_by_page(shop: Sessions) -> None:
    with unit(shop) as session:
        for sku in ("C", "A", "B"):
            a_kit(session, sku, BOTTLE=6)
        a_kit(session, "D", A=1)
    with reading(shop) as session:
        first = kits_page(session, limit=2)
        rest = kits_page(session, after=first[-1].sku, limit=2)
        assert [view.sku for view in (*first, *rest)] == ["A", "B", "C", "D"]
        assert first[0].used_in == ("D",)
        assert kits_page(session, after="D") == []
        with pytest.raises(Invalid):
            kits_page(session, limit=0)
        with pytest.raises(Invalid, match="BOTTLE is no kit"):
            kit_of(session, "BOTTLE")


def test_two_edits_at_once_cannot_close_a_circle(shop: Sessions) -> None:
    """Each is fine alone; whoever comes second sees the other."""
    start, errors = threading.Barrier(2), list[HubError]()

    def edit(sku: str, component: str) -> None:
        start.wait()
        try:
            with unit(shop) as session:
                set_kit(session, SetKit(sku=sku, components=((component, 1), ("BOTTLE", 1))), NOW)
        except HubError as error:
            errors.append(error)

    threads = [threading.Thread(target=edit, args=pair) for pair in (("CASE", "GIFT"), ("GIFT", "CASE"))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [type(error) for error in errors] == [Invalid]
    with reading(shop) as session:
        assert audit.disagreements(session, 9)[1] == []
        assert session.scalar(select(func.count()).select_from(Variant).where(Variant.is_kit)) == 1


def test_stock_that_arrives_while_a_variant_becomes_a_kit_is_refused_or_refuses_it(shop: Sessions) -> None:
    start, errors = threading.Barrier(2), list[HubError]()

    def become() -> None:
        with unit(shop) as session:
            set_kit(session, SetKit(sku="CASE", components=(("BOTTLE", 6),)), NOW)

    def arrive() -> None:
        with unit(shop) as session:
            receive(session, "CASE", 3, "late")

    def run(what: Callable[[], None]) -> None:
        start.wait()
        try:
            what()
        except HubError as error:
            errors.append(error)

    threads = [threading.Thread(target=run, args=(what,)) for what in (become, arrive)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert [type(error) for error in errors] == [NotAllowedNow]
    with reading(shop) as session:
        assert audit.disagreements(session, 9)[1] == []
