"""The media library: files in, described, and out again when nobody uses them.

The file is stored before its row and removed after it: a crash leaves a file without a row, which the sweep of unused
files removes, never a row without its file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from hub.blobs.store import BlobStore
from hub.db.session import Sessions, unit
from hub.db.upsert import chunks, put_new
from hub.kernel.errors import Invalid, Unknown
from hub.kernel.text import shorten
from hub.pim import facts
from hub.pim.history.note import Changed, note
from hub.pim.media.analyse import FileFacts, analyse, derivative
from hub.pim.media.models import MediaAsset, MediaFetch, MediaUse

GRACE = timedelta(days=7)
"""A file that no product names is kept this long: somebody may be about to use it."""
THUMB = 72
_EXTENSIONS = {
    "image/jpeg": "jpg", "image/png": "png", "image/gif": "gif", "image/webp": "webp", "image/avif": "avif",
    "application/pdf": "pdf", "video/mp4": "mp4",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Added:
    """An asset of the library. `new`: it was not there before."""

    id: int
    sha256: str
    reference: str
    new: bool
    facts: FileFacts


def key_of(sha256: str, content_type: str) -> str:
    """Where the file of an asset lies in the store."""
    return f"files/{sha256[:2]}/{sha256}.{_EXTENSIONS[content_type]}"


def bands(value: int) -> tuple[int, int, int, int]:
    """The four 16-bit parts of a perceptual hash. Two hashes that differ in at most 3 bits share one of them."""
    return (value >> 48 & 0xFFFF, value >> 32 & 0xFFFF, value >> 16 & 0xFFFF, value & 0xFFFF)


def add(sessions: Sessions, store: BlobStore, content: bytes, now: datetime, *, name: str = "") -> Added:
    """Put a file into the library; the same content again finds what is there.

    Raises:
        Invalid: as for `analyse`.
    """
    found = analyse(content, name)
    sha256 = hashlib.sha256(content).hexdigest()
    store.put(key_of(sha256, found.content_type), content, found.content_type)
    with unit(sessions) as session:
        return put_asset(session, sha256, len(content), found, now, name=name)


def put_asset(session: Session, sha256: str, size: int, found: FileFacts, now: datetime, *, name: str = "") -> Added:
    """The row of a file that is in the store already."""
    parts: tuple[int | None, ...] = (None,) * 4 if found.dhash is None else bands(found.dhash)
    row: dict[str, Any] = {
        "sha256": sha256, "content_type": found.content_type, "bytes": size, "name": shorten(name, 200),
        "width": found.width, "height": found.height, "mode": found.mode, "animated": found.animated,
        "border": found.border, "dhash": "" if found.dhash is None else f"{found.dhash:016x}", "alt": {},
        "created_at": now, **{f"band_{n}": part for n, part in enumerate(parts)},
    }  # fmt: skip
    made = put_new(session, MediaAsset, [row], key=("sha256",), returning=("id",))
    number = made[0].id if made else session.scalars(select(MediaAsset.id).where(MediaAsset.sha256 == sha256)).one()
    if made:
        pair = (None, {"name": row["name"], "type": found.content_type, "bytes": size})
        note(session, [Changed(subject="media", id=number, key=sha256, action="created", changes={"file": pair})], now)
    return Added(id=number, sha256=sha256, reference=f"{facts.MEDIA}{sha256}", new=bool(made), facts=found)


def asset(session: Session, sha256: str) -> MediaAsset:
    """Raises Unknown if there is none with that hash (the beginning of one is enough if it is the only one)."""
    found = session.scalars(
        select(MediaAsset).where(MediaAsset.sha256.startswith(sha256.lower(), autoescape=True)).limit(2)
    ).all()
    if len(found) != 1 or len(sha256) < 6:
        what = "more than one file begins" if len(found) > 1 else "there is no file that begins"
        raise Unknown(
            f"{what} with {shorten(sha256, 64)!r}", field="media", value=sha256, fix="`hub media list` shows them"
        )
    return found[0]


def describe(session: Session, sha256: str, locale: str, text: str, now: datetime) -> MediaAsset:
    """Say in words what a picture shows, in a language («» = base); "" takes it away.

    Raises:
        Unknown: no such asset.
        Invalid: too long, or no text.
    """
    found = asset(session, sha256)
    words = facts.plain_text(text, "alt", 1000)
    before = found.alt.get(locale)
    found.alt = {key: value for key, value in {**found.alt, locale: words}.items() if value}
    changes = {f"alt.{locale}" if locale else "alt": (before, words or None)}
    note(session, [Changed(subject="media", id=found.id, key=found.sha256, action="updated", changes=changes)], now)
    return found


def sized(sessions: Sessions, store: BlobStore, sha256: str, longest: int) -> tuple[bytes, str]:
    """A picture of the library at most `longest` pixels long and wide (16 to 4096), and its extension. Made once.

    Raises:
        Unknown: no such asset.
        Invalid: it is no picture, or the size is out of range.
    """
    if not 16 <= longest <= 4096:
        raise Invalid(f"{longest} pixels is out of range", field="size", value=longest, fix="16 to 4096")
    with sessions() as session:
        found = asset(session, sha256)
        kind, full = found.content_type, found.sha256
        if found.width is None:
            raise Invalid(f"{kind} has no smaller form", field="media", value=sha256)
    for extension in ("jpg", "png"):
        key = f"sized/{full[:2]}/{full}/{longest}.{extension}"
        if store.has(key):
            return store.get(key), extension
    content, extension = derivative(store.get(key_of(full, kind)), longest)
    store.put(
        f"sized/{full[:2]}/{full}/{longest}.{extension}", content, f"image/{'jpeg' if extension == 'jpg' else 'png'}"
    )
    return content, extension


@dataclass(frozen=True, slots=True, kw_only=True)
class Unused:
    sha256: str
    content_type: str
    bytes: int
    name: str
    created_at: datetime


def unused(session: Session, now: datetime, *, limit: int = 500) -> list[Unused]:
    """Files that no product names, older than a week. Products that wait for their projection count as users."""
    a = MediaAsset
    rows = session.scalars(
        select(a)
        .where(
            a.created_at < now - GRACE,
            ~select(MediaUse.product_id).where(MediaUse.sha256 == a.sha256).exists(),
        )
        .order_by(a.id)
        .limit(limit)
    )
    return [
        Unused(sha256=r.sha256, content_type=r.content_type, bytes=r.bytes, name=r.name, created_at=r.created_at)
        for r in rows
    ]


def remove(sessions: Sessions, store: BlobStore, hashes: Sequence[str], now: datetime) -> int:
    """Take files away that are still unused; returns how many. A file that somebody began to use meanwhile stays."""
    gone: list[tuple[str, str]] = []
    for part in chunks(sorted(hashes)):
        with unit(sessions) as session:
            rows = session.scalars(
                select(MediaAsset).where(MediaAsset.sha256.in_(part)).order_by(MediaAsset.id).with_for_update()
            ).all()
            used = set(session.scalars(select(MediaUse.sha256).where(MediaUse.sha256.in_(part)).distinct()))
            free = [row for row in rows if row.sha256 not in used]
            ids = [row.id for row in free]
            session.execute(delete(MediaFetch).where(MediaFetch.asset_id.in_(ids)))
            session.execute(delete(MediaAsset).where(MediaAsset.id.in_(ids)))
            note(
                session,
                [
                    Changed(
                        subject="media", id=row.id, key=row.sha256, action="deleted", changes={"file": (row.name, None)}
                    )
                    for row in free
                ],
                now,
            )  # fmt: skip
            gone += [(row.sha256, row.content_type) for row in free]
    for sha256, kind in gone:
        store.remove(key_of(sha256, kind))
        for key in list(store.keys(f"sized/{sha256[:2]}/{sha256}")):
            store.remove(key)
    return len(gone)
