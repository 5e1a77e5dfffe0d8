"""Where a channel finds a picture: channels are told addresses, they fetch the files themselves."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.pim.facts import MEDIA
from hub.pim.media.library import key_of
from hub.pim.media.models import MediaAsset, MediaFetch


def public(session: Session, references: Sequence[str], media_url: str) -> list[str]:
    """The web addresses of these pictures, in order. A file of the library is at `media_url` («https://shop.example/
    media», "" = the hub cannot be reached from outside); without that, where it once came from; else it is left out,
    which lint reports."""
    hashes = [ref.removeprefix(MEDIA) for ref in references if ref.startswith(MEDIA)]
    found: dict[str, str] = {}
    if hashes and media_url:
        rows = session.execute(
            select(MediaAsset.sha256, MediaAsset.content_type).where(MediaAsset.sha256.in_(hashes))
        ).tuples()
        found = {sha: f"{media_url.rstrip('/')}/{key_of(sha, kind)}" for sha, kind in rows}
    elif hashes:
        rows = session.execute(
            select(MediaAsset.sha256, MediaFetch.address)
            .join(MediaFetch, MediaFetch.asset_id == MediaAsset.id)
            .where(MediaAsset.sha256.in_(hashes))
            .order_by(MediaFetch.address.desc())
        ).tuples()
        found = dict(rows.all())
    out: list[str] = []
    for ref in references:
        address = found.get(ref.removeprefix(MEDIA)) if ref.startswith(MEDIA) else ref
        if address is not None:
            out.append(address)
    return out
