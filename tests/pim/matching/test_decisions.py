"""Proposals and what people decide of them: bound, refused, created, merged, taken back, and nothing by itself."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from matching_support import listed, proposals, pulled, retitle
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.channels.contract import ChannelListing
from hub.db.session import Sessions, reading, unit
from hub.kernel.errors import HubError, Invalid, NotAllowedNow
from hub.orders import bindings
from hub.pim.history.models import AuditRow
from hub.pim.matching import clear, conflicts, create, decide, reads
from hub.pim.models import Listing, Product, Variant
from hub.pim.reads import StockRow, stock_page
from hub.work.models import Account, WorkItem
from tests.support import builders

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
GTIN = "4006381333931"


@pytest.fixture
def account(sessions: Sessions) -> int:
    with unit(sessions) as session:
        builders.a_location(session)
        return builders.an_account(session).id


def variant(session: Session, sku: str, *, title: str = "", gtin: str | None = None, stock: int = 5) -> Variant:
    made = builders.a_variant(session, sku=sku, stock=stock, price_minor=1000)
    made.gtin = gtin
    retitle(session, made, title or sku, NOW)
    return made


def test_each_reason_finds_its_variant_and_says_so(sessions: Sessions, account: int) -> None:
    with unit(sessions) as session:
        variant(session, "CUP-1")
        variant(session, "OURS-2", gtin=GTIN)
        variant(session, "OURS-3", title="Hammered copper saucepan with lid")
        variant(session, "OURS-4", title="Something else entirely")
        items = pulled(
            session, account, NOW, listed("CUP-1"), listed("cup 1", key="case"), listed("X", gtin="0" + GTIN),
            listed("Y", title="Copper saucepan, hammered, with lid"), listed("Z", title="Nobody knows this"),
        )  # fmt: skip
        found = {key: proposals(session, item_id) for key, item_id in items.items()}
        assert {key: [sku for sku, _, _ in rows] for key, rows in found.items()} == {
            "K-CUP-1": ["CUP-1"], "case": ["CUP-1"], "K-X": ["OURS-2"], "K-Y": ["OURS-3"], "K-Z": [],
        }  # fmt: skip
        row = reads.one(session, items["case"])
        assert [e["kind"] for e in row.candidates[0].evidence][:1] == ["sku_alike"]
        assert found["K-CUP-1"][0][2] > found["case"][0][2] > 0


def test_common_words_find_nothing(sessions: Sessions, account: int) -> None:
    with unit(sessions) as session:
        for number in range(60):
            variant(session, f"S-{number}", title="Plain steel knife")
        items = pulled(session, account, NOW, listed("X", title="Plain steel knife"))
        assert proposals(session, items["K-X"]) == []


def test_accepting_binds_wants_the_count_sent_and_is_on_record(sessions: Sessions, account: int) -> None:
    with unit(sessions) as session:
        mine = variant(session, "CUP-1")
        other = variant(session, "CUP-2", title="CUP-1")
        items = pulled(session, account, NOW, listed("CUP-1"))
        decide.accept(session, items["K-CUP-1"], mine.id, NOW)
    with reading(sessions) as session:
        (listing,) = session.scalars(select(Listing))
        assert (listing.channel_sku, listing.variant_id, listing.facts) == ("CUP-1", mine.id, {"place": "CUP-1"})
        wanted = set(session.scalars(select(WorkItem.kind)))
        assert {"stock.push", "listing.read"} <= wanted
        assert proposals(session, items["K-CUP-1"])[0][:2] == ("CUP-1", "accepted")
        told = session.scalars(select(AuditRow).where(AuditRow.subject.in_(("listing", "channel_item")))).all()
        assert {(row.subject, row.action, row.actor) for row in told} == {
            ("listing", "created", "ana"), ("channel_item", "updated", "ana"),
        }  # fmt: skip
        assert other.id not in [c.variant_id for c in reads.one(session, items["K-CUP-1"]).candidates]
        assert reads.counts(session, account)["bound"] == 1


def test_what_cannot_be_bound_is_refused_and_nothing_changes(sessions: Sessions, account: int) -> None:
    with unit(sessions) as session:
        mine = variant(session, "CUP-1").id
        items = pulled(session, account, NOW, listed("CUP-1"), listed("", key="bare"), listed("CUP-1B", title="CUP-1"))
        decide.accept(session, items["K-CUP-1"], mine, NOW)
    for key, error in (("bare", Invalid), ("K-CUP-1B", Invalid), ("K-CUP-1", NotAllowedNow)):
        with pytest.raises(error), unit(sessions) as session:
            decide.accept(session, items[key], mine, NOW)
    with reading(sessions) as session:
        assert len(session.scalars(select(Listing.id)).all()) == 1


def test_a_rejection_is_remembered_and_the_item_can_be_put_aside(sessions: Sessions, account: int) -> None:
    with unit(sessions) as session:
        mine = variant(session, "CUP-1").id
        items = pulled(session, account, NOW, listed("CUP-1"))
        decide.reject(session, items["K-CUP-1"], NOW, variant_id=mine)
        pulled(session, account, NOW, listed("CUP-1"))
        assert [row[1] for row in proposals(session, items["K-CUP-1"])] == ["rejected"]
        assert reads.counts(session, account)["unknown"] == 1
        decide.reject(session, items["K-CUP-1"], NOW)
        assert reads.counts(session, account)["dismissed"] == 1
        pulled(session, account, NOW, listed("CUP-1"))
        assert reads.counts(session, account)["dismissed"] == 1
        decide.undo(session, items["K-CUP-1"], NOW)
        assert [row[1] for row in proposals(session, items["K-CUP-1"])] == ["proposed"]


def test_undoing_an_acceptance_leaves_things_as_they_were(sessions: Sessions, account: int) -> None:
    with unit(sessions) as session:
        mine = variant(session, "CUP-1").id
        items = pulled(session, account, NOW, listed("CUP-1"))
        before = proposals(session, items["K-CUP-1"])
        bindings.accept(session, items["K-CUP-1"], mine, NOW)
        bindings.undo(session, items["K-CUP-1"], NOW)
    with reading(sessions) as session:
        assert session.scalars(select(Listing)).all() == []
        assert proposals(session, items["K-CUP-1"]) == before
        assert reads.counts(session, account)["proposed"] == 1
    with pytest.raises(NotAllowedNow), unit(sessions) as session:
        decide.undo(session, items["K-CUP-1"], NOW)


def shirt(sku: str, size: str, quantity: int | None = 3) -> ChannelListing:
    return listed(
        sku, title="Plain shirt", options={"Size": size}, group="shirt", quantity=quantity, gtin=GTIN if size == "S" else "",
        images=["https://img.example.test/all.jpg", "no address"], description="<p>Plain.</p><script>x()</script>",
    )  # fmt: skip


def test_a_page_of_the_channel_becomes_a_draft_with_its_variants_bound_and_its_stock(
    sessions: Sessions, account: int
) -> None:
    with unit(sessions) as session:
        items = pulled(session, account, NOW, shirt("SH-S", "S"), shirt("SH-M", "M", None), listed("OTHER"))
        made = create.create(session, create.with_its_group(session, items["K-SH-S"]), NOW)
    assert (made.handle, made.new_product, [d.listing_id is not None for d in made.decisions]) == (
        "plain-shirt", True, [True, False],
    )  # fmt: skip
    with reading(sessions) as session:
        product = session.scalars(select(Product).where(Product.handle == "plain-shirt")).one()
        assert (product.title, product.state, product.axes) == ("Plain shirt", "draft", ["Size"])
        assert (product.description, product.images) == ("<p>Plain.</p>", ["https://img.example.test/all.jpg"])
        small, middle = session.scalars(select(Variant).where(Variant.product_id == product.id).order_by(Variant.id))
        assert (small.sku, small.gtin, small.price_minor, small.options) == ("SH-S", GTIN, 1000, {"Size": "S"})
        assert (middle.sku, middle.gtin) == ("SH-M", None)
        counted = {row.sku: row.on_hand for row in _stock(session)}
        assert counted == {"SH-S": 3, "SH-M": 0}
        assert reads.counts(session, account) | {} == {
            "open": 1, "proposed": 0, "unknown": 1, "bound": 1, "created": 1, "dismissed": 0, "gone": 0,
        }  # fmt: skip
    with unit(sessions) as session:  # counted meanwhile, so that it can be bound as well
        decide.accept(session, items["K-SH-M"], middle.id, NOW)
        assert reads.counts(session, account)["bound"] == 2


def _stock(session: Session) -> list[StockRow]:
    return stock_page(session)


def test_undoing_a_creation_archives_the_draft_with_its_last_item(sessions: Sessions, account: int) -> None:
    with unit(sessions) as session:
        items = pulled(session, account, NOW, shirt("SH-S", "S"), shirt("SH-M", "M"))
        create.create(session, list(items.values()), NOW)
        bindings.undo(session, items["K-SH-S"], NOW)
        assert session.scalars(select(Product.state)).one() == "draft"
        bindings.undo(session, items["K-SH-M"], NOW)
    with reading(sessions) as session:
        assert session.scalars(select(Product.state)).one() == "archived"
        assert {row.sku: row.on_hand for row in _stock(session)} == {"SH-S": 0, "SH-M": 0}
        assert session.scalars(select(Listing)).all() == []


def test_an_item_can_become_a_further_variant_of_a_product(sessions: Sessions, account: int) -> None:
    with unit(sessions) as session:
        product = builders.a_product(session, handle="shirt", title="Our shirt")
        product.axes = ["Size"]
        items = pulled(session, account, NOW, shirt("SH-L", "L"))
        made = create.create(session, [items["K-SH-L"]], NOW, into="shirt")
        assert (made.handle, made.new_product) == ("shirt", False)
        mine = session.scalars(select(Variant)).one()
        assert (mine.product_id, mine.sku, product.title) == (product.id, "SH-L", "Our shirt")
        bindings.undo(session, items["K-SH-L"], NOW)
        assert product.state == "approved"


@pytest.mark.parametrize("kind", ["taken", "price", "sku", "decided", "missing product"])
def test_what_cannot_be_created_leaves_nothing(sessions: Sessions, account: int, kind: str) -> None:
    with unit(sessions) as session:
        variant(session, "TAKEN")
        items = pulled(
            session, account, NOW, listed("TAKEN"), listed("FREE", price=None), listed("", key="K-bare"), listed("DONE"),
            listed("FINE"),
        )  # fmt: skip
        create.create(session, [items["K-DONE"]], NOW)
    wanted = {"taken": "K-TAKEN", "price": "K-FREE", "sku": "K-bare", "decided": "K-DONE", "missing product": "K-FINE"}[
        kind
    ]
    with reading(sessions) as session:
        before = len(session.scalars(select(Product.id)).all()), len(session.scalars(select(Variant.id)).all())
    with pytest.raises(HubError), unit(sessions) as session:
        create.create(session, [items[wanted]], NOW, into="nowhere" if kind == "missing product" else None)
    with reading(sessions) as session:
        after = len(session.scalars(select(Product.id)).all()), len(session.scalars(select(Variant.id)).all())
    assert after == before


def test_only_what_is_clear_is_accepted_together_and_the_rest_says_why(sessions: Sessions, account: int) -> None:
    with unit(sessions) as session:
        variant(session, "CLEAR", gtin=GTIN)
        variant(session, "TWIN-A", title="Twin lamp", gtin="4006381333948")
        variant(session, "TWIN-B", title="Twin lamp", gtin="4006381333948")
        variant(session, "EMPTY", stock=0)
        variant(session, "CASED")
        variant(session, "OTHER-GTIN", gtin="96385074")
        items = pulled(
            session, account, NOW, listed("CLEAR", gtin=GTIN), listed("LAMP", title="Twin lamp", gtin="4006381333948"),
            listed("EMPTY"), listed("cased"), listed("OTHER-GTIN", gtin="036000291452"),
        )  # fmt: skip
        seen = clear.look(session, account, min_score=50)
        assert [one.sku for one in seen.clear] == ["CLEAR"]
        held = {one.channel_sku: one.why for one in seen.held}
        assert held["LAMP"] == "another item or variant is nearly as likely"
        assert held["EMPTY"] == "the channel shows 3 and the hub counts none: it would go off sale"
        assert held["cased"] == "the SKUs differ in case, spaces or signs"
        assert session.scalars(select(Listing.id)).all() == []  # looking binds nothing
        accepted, lines = bindings.accept_clear(session, account, 50, NOW)
        assert ([one.item_id for one in accepted.clear], lines) == ([items["K-CLEAR"]], 0)
    with reading(sessions) as session:
        assert session.scalars(select(Listing.channel_sku)).all() == ["CLEAR"]
    with pytest.raises(Invalid), reading(sessions) as session:
        clear.look(session, account, min_score=49)


def test_conflicts_are_named_with_all_who_are_concerned(sessions: Sessions, account: int) -> None:
    with unit(sessions) as session:
        second = builders.an_account(session, name="second").id
        mine = variant(session, "POOL", gtin=GTIN).id
        variant(session, "POOL-B", title="POOL", gtin=GTIN)
        here = pulled(
            session, account, NOW, listed("POOL", gtin=GTIN), listed("pool", key="case", gtin=GTIN),
            listed("SAME", key="one"), listed("SAME", key="two"),
        )  # fmt: skip
        there = pulled(session, second, NOW, listed("POOL", gtin=GTIN))
        found = {(c.kind, c.account, c.items) for c in conflicts.find(session)}
        name = session.get_one(Account, account).name
        assert ("two_variants", "second", ("POOL",)) in found
        assert ("two_items", name, ("POOL", "pool")) in found
        assert ("same_sku", name, ("SAME",)) in found
        assert ("sku_case", name, ("pool",)) in found
        decide.accept(session, here["K-POOL"], mine, NOW)
        decide.accept(session, there["K-POOL"], mine, NOW)
        told = [c for c in conflicts.find(session, account_id=second) if c.kind == "shared_pool"]
        assert [(c.skus, c.items) for c in told] == [(("POOL",), (f"POOL on {name}", "POOL on second"))]
        taken = [c for c in conflicts.find(session, account_id=account) if c.kind == "two_items"]
        assert [c.says for c in taken if c.skus == ("POOL",)] == [
            f"POOL is POOL on {name} already, and may be pool too"
        ]


def test_a_list_goes_on_where_the_page_before_ended(sessions: Sessions, account: int) -> None:
    with unit(sessions) as session:
        variant(session, "S-3")
        pulled(session, account, NOW, *(listed(f"S-{number}") for number in range(7)))
        seen: list[str] = []
        after = 0
        while rows := reads.page(session, account, after=after, limit=3):
            seen += [row.channel_sku for row in rows]
            after = rows[-1].id
        assert seen == [f"S-{number}" for number in range(7)]
        assert [row.channel_sku for row in reads.page(session, account, status="proposed", min_score=50)] == ["S-3"]


def test_two_people_who_accept_two_items_as_one_variant_at_once_bind_one(sessions: Sessions, account: int) -> None:
    with unit(sessions) as session:
        mine = variant(session, "CUP-1").id
        items = list(pulled(session, account, NOW, listed("CUP-1"), listed("CUP-1B", title="CUP-1")).values())
    at_once = threading.Barrier(2)

    def decide_on(item: int) -> str:
        at_once.wait()
        try:
            with unit(sessions) as session:
                return decide.accept(session, item, mine, NOW).state
        except Invalid:
            return "refused"

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(decide_on, items)) == ["accepted", "refused"]
    with reading(sessions) as session:
        assert len(session.scalars(select(Listing.id)).all()) == 1
