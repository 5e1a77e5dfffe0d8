"""Decisions about channel items and their bindings agree; the check is broken in each way."""

from __future__ import annotations

from sqlalchemy import delete, select, update

from hub.channels.contract import ChannelListing, ListingPage, ListingRef, ListingState
from hub.db.session import unit
from hub.doctor_checks.bindings import decisions
from hub.pim.matching import decide, pulls
from hub.pim.matching.models import ChannelItem
from hub.pim.models import Listing
from tests.doctor.test_doctor_checks import patient
from tests.support import builders
from tests.support.builders import NOW
from tests.support.world import World


def prepared(world: World) -> int:
    """A decided item; the id of another variant."""
    with unit(world.system.sessions) as session:
        account = builders.an_account(session, name="mapped").id
        mine, other = (builders.a_variant(session, sku=sku).id for sku in ("MAP-1", "MAP-2"))
        cup = ChannelListing(key="1", ref=ListingRef(channel_sku="MAP-1"), state=ListingState.LIVE, title="Cup")
        pull = pulls.ask_for(session, account, NOW)
        pulls.take(session, pull, ListingPage(listings=(cup,), cursor="{}", has_more=False), NOW)
        decide.accept(session, session.scalars(select(ChannelItem.id)).one(), mine, NOW)
    assert (decisions(patient(world)).checked, decisions(patient(world)).broken) == (1, ())
    return other


def test_a_binding_that_is_gone_is_named(world: World) -> None:
    prepared(world)
    with unit(world.system.sessions) as session:
        session.execute(delete(Listing).where(Listing.channel_sku == "MAP-1"))
    (told,) = decisions(patient(world)).broken
    assert told.endswith("(MAP-1) was decided, and its binding is gone")


def test_a_binding_of_something_else_is_named(world: World) -> None:
    other = prepared(world)
    with unit(world.system.sessions) as session:
        session.execute(update(Listing).where(Listing.channel_sku == "MAP-1").values(variant_id=other))
    (told,) = decisions(patient(world)).broken
    assert "its binding is of something else" in told
