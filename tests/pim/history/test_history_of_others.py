"""Listings, accounts and their stock rules are in the history too; secrets are not."""

from __future__ import annotations

from hub.db.session import Sessions, reading, unit
from hub.pim import listings
from hub.pim.account_rule import StockRule, set_rule
from hub.pim.history import reads
from hub.pim.history.note import act_as
from hub.pim.history.reads import Wanted
from tests.support.builders import NOW, a_variant, an_account
from tests.support.catalogue import BEN


def test_who_published_ended_and_changed_the_rule(sessions: Sessions) -> None:
    with unit(sessions) as session:
        account = an_account(session, name="shop", secrets={"api_key": "hush-hush"})
        variant = a_variant(session, sku="A")
        number, account_id, product_id = variant.id, account.id, variant.product_id
    with unit(sessions) as session:
        act_as(session, BEN)
        listings.want_published(session, account, [product_id], NOW)
    for _ in range(2):  # the second time nothing is new
        with unit(sessions) as session:
            act_as(session, BEN)
            set_rule(session, account_id, StockRule(buffer=2, cap=5), NOW)
            listings.want_published(session, account, [product_id], NOW)
    with unit(sessions) as session:
        act_as(session, BEN)
        listings.want_ended(session, listings.on_account(session, account, "A").id, NOW)
    with reading(sessions) as session:
        page = reads.page(session, Wanted(actor="ben"))
    found = [(e.subject, e.key, e.action, dict(e.changes)) for e in reversed(page.entries)]
    assert found == [
        ("listing", "A", "created", {"account": (None, "shop"), "wanted": (None, "published")}),
        ("account", "shop", "updated", {"buffer": (0, 2), "cap": (None, 5)}),
        ("listing", "A", "updated", {"wanted": (None, "ended")}),
    ]
    assert number
    assert "hush-hush" not in repr(found)
