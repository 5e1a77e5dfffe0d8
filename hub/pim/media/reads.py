"""The pictures of products, with everything that lint and pages want to know about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session, aliased

from hub.db.upsert import chunks
from hub.pim.attributes.fallback import scopes
from hub.pim.facts import MEDIA
from hub.pim.media.models import MediaAsset, MediaFetch, MediaUse
from hub.pim.models import Product

NEAR_BITS = 3
_PAIRS = 50_000  # candidates looked at per part of the hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """A picture as a channel would get it, in order. `problem`: why it could not be fetched. What is not known (not
    fetched yet) is None. `border`: near-white share of its edge in permille. `shared_with`: other products that name
    the very same content."""

    reference: str
    sha256: str | None
    content_type: str = ""
    bytes: int | None = None
    width: int | None = None
    height: int | None = None
    mode: str = ""
    animated: bool = False
    border: int | None = None
    alt: Mapping[str, str] | None = None
    problem: str = ""
    shared_with: int = 0


def listed(images: Sequence[str], values: Mapping[str, Any], channel: str = "") -> Sequence[str]:
    """A product's references for a channel: its own order there, else the general one."""
    own: Mapping[str, Any] = values.get("images", {})
    for scope in scopes("", channel, {}):
        if scope and scope in own:
            found: Sequence[str] = own[scope]
            return found
    return images


def pictures_of(session: Session, product_ids: Sequence[int], channel: str = "") -> dict[int, list[Picture]]:
    """The pictures of these products for `channel` ("" = in general), in order. A handful of queries for all."""
    named: dict[int, Sequence[str]] = {}
    for part in chunks(sorted(set(product_ids))):
        for pid, images, values in session.execute(
            select(Product.id, Product.images, Product.values).where(Product.id.in_(part))
        ).tuples():
            named[pid] = listed(images, values, channel)
    addresses = sorted({ref for refs in named.values() for ref in refs if not ref.startswith(MEDIA)})
    fetched: dict[str, tuple[str | None, str]] = {}
    for some in chunks(addresses):
        for address, sha256, cause, state in session.execute(
            select(MediaFetch.address, MediaAsset.sha256, MediaFetch.cause, MediaFetch.state)
            .outerjoin(MediaAsset, MediaAsset.id == MediaFetch.asset_id)
            .where(MediaFetch.address.in_(some))
        ).tuples():
            fetched[address] = (sha256, cause if state == "failed" else "")
    hashes = {ref: _hash(ref, fetched) for refs in named.values() for ref in refs}
    known = sorted({sha for sha in hashes.values() if sha})
    assets: dict[str, MediaAsset] = {}
    users: dict[str, int] = {}
    for some in chunks(known):
        assets.update(
            {row.sha256: row for row in session.scalars(select(MediaAsset).where(MediaAsset.sha256.in_(some)))}
        )
        counted = session.execute(
            select(MediaUse.sha256, func.count(func.distinct(MediaUse.product_id)))
            .where(MediaUse.sha256.in_(some))
            .group_by(MediaUse.sha256)
        )
        users.update({str(row[0]): row[1] for row in counted})
    return {pid: [_picture(ref, hashes[ref], assets, fetched, users) for ref in refs] for pid, refs in named.items()}


def _hash(reference: str, fetched: Mapping[str, tuple[str | None, str]]) -> str | None:
    if reference.startswith(MEDIA):
        return reference.removeprefix(MEDIA)
    return fetched.get(reference, (None, ""))[0]


def _picture(
    reference: str,
    sha256: str | None,
    assets: Mapping[str, MediaAsset],
    fetched: Mapping[str, tuple[str | None, str]],
    users: Mapping[str, int],
) -> Picture:
    row = assets.get(sha256 or "")
    problem = fetched.get(reference, (None, ""))[1]
    if row is None:
        gone = "this file is not in the library" if reference.startswith(MEDIA) else problem
        return Picture(reference=reference, sha256=None, problem=gone)
    return Picture(
        reference=reference, sha256=row.sha256, content_type=row.content_type, bytes=row.bytes, width=row.width,
        height=row.height, mode=row.mode, animated=row.animated, border=row.border, alt=dict(row.alt), problem=problem,
        shared_with=max(0, users.get(row.sha256, 0) - 1),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Likeness:
    """Two pictures that show (nearly) the same. `bits` of their perceptual hashes differ, 0 to 3."""

    sha256: str
    other: str
    bits: int


def likenesses(session: Session, *, limit: int = 500, only: Sequence[str] = ()) -> list[Likeness]:
    """Pairs of different files that look alike, found by a shared part of their hashes: not every pair is compared.
    Plain pictures (an even colour) are left out, they are alike by nature."""
    a, b = MediaAsset, aliased(MediaAsset)
    plain = ("", "0" * 16)
    out: dict[tuple[str, str], int] = {}
    for band in ("band_0", "band_1", "band_2", "band_3"):
        query = (
            select(a.sha256, a.dhash, b.sha256, b.dhash)
            .join(b, (getattr(b, band) == getattr(a, band)) & (b.id != a.id))
            .where(a.dhash.not_in(plain), b.dhash.not_in(plain))
        )
        query = query.where(a.sha256.in_(only)) if only else query.where(b.id > a.id)
        for one, hash_one, other, hash_other in session.execute(query.order_by(a.id, b.id).limit(_PAIRS)).tuples():
            bits = (int(hash_one, 16) ^ int(hash_other, 16)).bit_count()
            if bits <= NEAR_BITS:
                first, second = sorted((one, other))
                out[first, second] = bits
    return [Likeness(sha256=x, other=y, bits=bits) for (x, y), bits in sorted(out.items())][:limit]


@dataclass(frozen=True, slots=True, kw_only=True)
class AssetRow:
    id: int
    sha256: str
    content_type: str
    bytes: int
    width: int | None
    height: int | None
    name: str
    products: int
    created_at: datetime


def assets(session: Session, *, after: int = 0, limit: int = 100) -> list[AssetRow]:
    """The library in the order of arrival, at most 500 a page."""
    a = MediaAsset
    used = select(func.count(func.distinct(MediaUse.product_id))).where(MediaUse.sha256 == a.sha256).scalar_subquery()
    rows = session.execute(
        select(a.id, a.sha256, a.content_type, a.bytes, a.width, a.height, a.name, a.created_at, used.label("products"))
        .where(a.id > after)
        .order_by(a.id)
        .limit(min(limit, 500))
    )
    return [AssetRow(**row._mapping) for row in rows]
