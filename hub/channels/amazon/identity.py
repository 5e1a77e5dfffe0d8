"""Who the credentials belong to (sellers model, getMarketplaceParticipations)."""

from __future__ import annotations

from typing import Any

from hub.channels.amazon import remote
from hub.channels.amazon.settings import AmazonSettings
from hub.channels.contract import Identity


def identity(payload: Any, settings: AmazonSettings) -> Identity:
    """The seller as Amazon names it; notes say what the account cannot do in its store."""
    rows = remote.read(list[remote.Participation], payload.get("payload"), operation="getMarketplaceParticipations")
    mine = next((row for row in rows if row.marketplace.id == settings.marketplace_id), None)
    notes: list[str] = []
    facts = {
        "marketplace_id": settings.marketplace_id,
        "marketplaces": ",".join(sorted(r.marketplace.id for r in rows)),
    }
    if mine is None:
        notes.append(
            f"The credentials do not reach the store {settings.marketplace_id}; "
            f"they reach {', '.join(sorted(row.marketplace.id for row in rows)) or 'none'}."
        )
        return Identity(account=settings.seller_id, label=settings.seller_id, notes=tuple(notes), facts=facts)
    if not mine.participation.is_participating:
        notes.append(f"The seller does not take part in {mine.marketplace.name or settings.marketplace_id}.")
    if mine.participation.has_suspended_listings:
        notes.append("Amazon has suspended listings of this seller.")
    facts |= {"currency": mine.marketplace.default_currency_code, "country": mine.marketplace.country_code}
    label = " · ".join(part for part in (mine.store_name, mine.marketplace.name) if part) or settings.seller_id
    return Identity(account=settings.seller_id, label=label, notes=tuple(notes), facts=facts)
