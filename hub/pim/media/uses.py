"""Which products name which pictures: derived from the products, so that likenesses and unused files are found."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from hub.db.upsert import chunks, put_new
from hub.pim import projections
from hub.pim.facts import MEDIA
from hub.pim.media.models import MediaAsset, MediaFetch, MediaUse
from hub.pim.models import Product, Variant


def references(images: Iterable[str], values: Mapping[str, Any]) -> list[str]:
    """Every picture or file a product names: its own list, those of channels, and attributes of type file."""
    out = dict.fromkeys(images)
    for by_scope in [values["images"]] if "images" in values else []:
        for listed in by_scope.values():
            out.update(dict.fromkeys(listed))
    for code, by_scope in values.items():
        if code != "images":
            for value in by_scope.values():
                if isinstance(value, str) and len(value) == 64 and all(c in "0123456789abcdef" for c in value):
                    out[f"{MEDIA}{value}"] = None
    return list(out)


def project(session: Session, product_ids: Sequence[int], now: datetime) -> None:
    """Bring the uses of these products up to date, and put addresses that are new in the queue of fetches."""
    rows: dict[tuple[int, str], str | None] = {}
    for part in chunks(product_ids):
        for pid, images, values in session.execute(
            select(Product.id, Product.images, Product.values).where(Product.id.in_(part))
        ).tuples():
            rows.update({(pid, ref): None for ref in references(images, values)})
        for pid, image, values in session.execute(
            select(Variant.product_id, Variant.image, Variant.values).where(Variant.product_id.in_(part))
        ).tuples():
            rows.update({(pid, ref): None for ref in references([image] if image else [], values)})
        session.execute(delete(MediaUse).where(MediaUse.product_id.in_(part)))
    addresses = sorted({ref for _, ref in rows if not ref.startswith(MEDIA)})
    hashes: dict[str, str] = {}
    for part_of in chunks(addresses):
        hashes.update(
            session.execute(
                select(MediaFetch.address, MediaAsset.sha256)
                .join(MediaAsset, MediaAsset.id == MediaFetch.asset_id)
                .where(MediaFetch.address.in_(part_of))
            )
            .tuples()
            .all()
        )
    put_new(
        session,
        MediaFetch,
        [{"address": a, "state": "waiting", "attempts": 0, "due_at": now, "cause": ""} for a in addresses],
        key=("address",),
    )
    made = [
        {
            "product_id": pid, "reference": ref,
            "sha256": ref.removeprefix(MEDIA) if ref.startswith(MEDIA) else hashes.get(ref),
        }
        for pid, ref in sorted(rows)
    ]  # fmt: skip
    for lines in chunks(made):
        session.execute(insert(MediaUse), list(lines))


projections.register("media", project)
