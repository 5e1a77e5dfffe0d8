"""Do decisions about channel items and the bindings that they made agree."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import func, or_, select

from hub.db.session import reading
from hub.doctor_checks.finding import SHOW, Check, Patient
from hub.pim.matching.models import ChannelItem, Match
from hub.pim.models import Listing

_DECIDED = ("accepted", "created")


def decisions(patient: Patient) -> Check:
    """Whoever decided what a channel item is finds it bound to just that."""
    with reading(patient.sessions) as session:
        mine = Match.state.in_(_DECIDED) & Match.listing_id.is_not(None)
        checked = int(session.scalar(select(func.count()).select_from(Match).where(mine)) or 0)
        wrong = session.execute(
            select(ChannelItem.id, ChannelItem.channel_sku, func.coalesce(Listing.id, 0))
            .join(Match, Match.item_id == ChannelItem.id)
            .outerjoin(Listing, Listing.id == Match.listing_id)
            .where(
                mine,
                or_(
                    Listing.id.is_(None), Listing.variant_id != Match.variant_id,
                    Listing.account_id != ChannelItem.account_id,
                ),
            )
            .order_by(ChannelItem.id)
            .limit(SHOW)
        ).tuples()  # fmt: skip
        broken = tuple(
            f"item {item} ({sku}) was decided, and its binding is "
            + ("gone" if listing == 0 else f"of something else (listing {listing})")
            for item, sku, listing in wrong
        )
    return Check(
        id="mapping", title="what was decided of channel items is bound", checked=checked, broken=broken,
        fix="hub mapping undo ITEM, then decide again", level="warning",
    )  # fmt: skip


BINDINGS: dict[str, Callable[[Patient], Check]] = {"mapping": decisions}
