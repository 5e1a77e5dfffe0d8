"""States, stock classes, relations, brands and tags: what may be, what is refused, and what channels get of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select, update

from hub.db.session import Sessions, reading, unit
from hub.kernel.clock import FixedClock
from hub.kernel.errors import Invalid, NotAllowedNow
from hub.pim import listings, stock
from hub.pim.models import Listing, Product
from hub.pim.taxonomy import lifecycle, reads, relations, words
from hub.pim.taxonomy.lifecycle import MoveProducts
from hub.pim.taxonomy.rules import APPROVE, TRANSITIONS, may_move
from hub.work.models import Account
from tests.support.builders import a_product, a_variant, an_account
from tests.support.databases import Database
from tests.support.world import World, a_world

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def state_of(sessions: Sessions, handle: str) -> str:
    with reading(sessions) as session:
        return session.scalars(select(Product.state).where(Product.handle == handle)).one()


def test_every_state_can_be_left_and_only_an_approver_approves() -> None:
    for state, next_ones in TRANSITIONS.items():
        assert next_ones
        for to in next_ones:
            assert may_move(state, to, {APPROVE}) is None
            assert (may_move(state, to, ()) is None) == (to != "approved")
    assert may_move("archived", "approved", {APPROVE}) == "a product that is archived cannot become approved"


def test_products_move_one_by_one_and_each_refusal_has_its_reason(sessions: Sessions) -> None:
    with unit(sessions) as session:
        for handle in ("one", "two"):
            a_product(session, handle=handle)
        session.execute(update(Product).where(Product.handle == "two").values(state="archived"))
    with unit(sessions) as session:
        done = lifecycle.move(session, MoveProducts(handles=["one", "two", "three"], to="in_review", rights=()), NOW)
    assert {handle: None if p is None else p.message for handle, p in done.items()} == {
        "one": None, "two": "a product that is archived cannot become in review",
        "three": "no product has the handle 'three'",
    }  # fmt: skip
    assert (state_of(sessions, "one"), state_of(sessions, "two")) == ("in_review", "archived")
    with unit(sessions) as session:
        done = lifecycle.move(session, MoveProducts(handles=["one"], to="approved", rights=("catalogue",)), NOW)
    assert str(done["one"]) == "only somebody who may approve products can do this"
    assert state_of(sessions, "one") == "in_review"


def test_goods_that_are_not_finished_are_counted_but_never_listed(sessions: Sessions) -> None:
    with unit(sessions) as session:
        account = an_account(session)
        cork = a_variant(session, sku="CORK", stock=3)
        handle = session.scalars(select(Product.handle).where(Product.id == cork.product_id)).one()
        assert lifecycle.classify(session, [handle], "mro", NOW) == {handle: None}
    with pytest.raises(Invalid, match=r"is supplies \(MRO\): only finished goods"), unit(sessions) as session:
        listings.want_published(session, session.merge(account), [cork.product_id], NOW)
    with reading(sessions) as session:
        assert session.scalars(select(Listing)).all() == []
    with unit(sessions) as session:
        counted = stock.count(session, stock.StockCount(sku="CORK", location="main", counted=7, token="c"), NOW)
    assert counted.on_hand == 7


def test_the_class_of_a_listed_product_stays(sessions: Sessions) -> None:
    with unit(sessions) as session:
        account = an_account(session)
        variant = a_variant(session, sku="W-1", stock=3)
        handle = session.scalars(select(Product.handle).where(Product.id == variant.product_id)).one()
        listings.want_published(session, account, [variant.product_id], NOW)
        session.execute(update(Listing).values(state="live"))
    with unit(sessions) as session:
        refused = lifecycle.classify(session, [handle], "raw", NOW)[handle]
        assert isinstance(refused, NotAllowedNow)
        kept = lifecycle.move(session, MoveProducts(handles=[handle], to="archived", rights=()), NOW)[handle]
        assert kept is not None
        assert kept.message == f"{handle} is listed 1 times"
    assert state_of(sessions, handle) == "approved"


@pytest.fixture
def world(database: Database, tmp_path: Path, clock: FixedClock) -> Iterator[World]:
    with a_world(database, tmp_path, clock) as made:
        yield made


def test_a_product_nobody_approved_waits_and_goes_out_by_itself_once_approved(world: World) -> None:
    world.shop("alpha")
    world.shop("beta")
    world.variant("WINE-1", 4)
    with unit(world.system.sessions) as session:
        session.execute(update(Account).where(Account.name == "alpha").values(approved_only=True))
        session.execute(update(Product).values(state="in_review"))
        handle = session.scalars(select(Product.handle)).one()
    world.publish()
    assert (world.listing("alpha", "WINE-1").state, world.listing("beta", "WINE-1").state) == ("draft", "live")
    (issue,) = world.listing("alpha", "WINE-1").issues
    assert (issue["code"], "this one is in review" in issue["message"]) == ("not_approved", True)
    with unit(world.system.sessions) as session:
        asked = MoveProducts(handles=[handle], to="approved", rights={APPROVE})
        assert lifecycle.move(session, asked, world.clock.now()) == {handle: None}
    world.settle()
    assert world.listing("alpha", "WINE-1").state == "live"
    assert world.listing("alpha", "WINE-1").issues == []


def test_archiving_with_the_listings_takes_them_off_sale(world: World) -> None:
    world.shop("alpha")
    world.variant("WINE-1", 4)
    world.publish()
    with unit(world.system.sessions) as session:
        handle = session.scalars(select(Product.handle)).one()
        asked = MoveProducts(handles=[handle], to="archived", rights=(), end_listings=True)
        assert lifecycle.move(session, asked, world.clock.now()) == {handle: None}
    world.settle()
    assert world.listing("alpha", "WINE-1").state == "ended"


def test_relations_keep_their_order_and_similar_ones_show_on_both(sessions: Sessions) -> None:
    with unit(sessions) as session:
        ids = {handle: a_product(session, handle=handle).id for handle in ("wine", "other", "glass")}
        assert relations.relate(session, "wine", "similar", ["other"], NOW)
        assert relations.relate(session, "wine", "accessory", ["glass", "other"], NOW)
        assert not relations.relate(session, "wine", "accessory", ["glass", "other"], NOW)
        assert [(r.kind, r.handle) for r in reads.relations(session, ids["wine"])] == [
            ("similar", "other"), ("accessory", "glass"), ("accessory", "other"),
        ]  # fmt: skip
        assert [(r.kind, r.handle, r.backwards) for r in reads.relations(session, ids["other"])] == [
            ("similar", "wine", True)
        ]
        assert reads.relations(session, ids["glass"]) == []
        for kind, others in (("similar", ["wine"]), ("friend", ["glass"]), ("spare", ["glass", "glass"])):
            with pytest.raises(Invalid):
                relations.relate(session, "wine", kind, others, NOW)


def test_brands_are_brought_under_one_spelling_and_tags_renamed(sessions: Sessions) -> None:
    with unit(sessions) as session:
        for handle, brand, tags in (("a", "Acme", ["new", "sale"]), ("b", "ACME", ["Sale"]), ("c", "Acme ", ["new"])):
            product = a_product(session, handle=handle)
            product.brand, product.tags = brand.strip(), tags
        session.flush()
        (found,) = words.variants_of_brands(session)
        assert (found.key, found.spellings) == ("acme", (("Acme", 2), ("ACME", 1)))
        words.register_brand(session, "Acme", ["A.C.M.E."], NOW)
        assert words.brand_named(session, "acme") == "Acme"
        assert words.brand_named(session, "a.c.m.e.") == "Acme"
        assert [words.respell(session, "Acme", NOW) for _ in range(2)] == [1, 0]
        assert words.variants_of_brands(session) == []
        assert [words.retag(session, "sale", "Sale", NOW) for _ in range(2)] == [1, 0]
        assert words.tags(session) == [("Sale", 2), ("new", 2)]
        assert [words.retag(session, "new", "", NOW, limit=1) for _ in range(3)] == [1, 1, 0]
        assert words.tags(session) == [("Sale", 2)]
