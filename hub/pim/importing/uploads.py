"""Files that were brought in, kept under HUB_HOME/uploads by their content, so that what was looked at is what is
imported, even if the original changes meanwhile."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from hub.db.upsert import put
from hub.kernel.errors import Invalid, NotAllowedNow, Unknown
from hub.kernel.text import shorten
from hub.pim.importing.models import Upload
from hub.pim.jobs.models import Job
from hub.pim.jobs.run import OPEN

SIZE_MAX = 2_000_000_000  # bytes
_BLOCK = 1 << 20


def place(home: Path, digest: str) -> Path:
    """Where the file with that SHA-256 is kept."""
    return home / "uploads" / digest[:2] / digest


def store(session: Session, home: Path, stream: BinaryIO, name: str, now: datetime) -> Upload:
    """Keep the content of `stream`. The same content is kept once; it bears the name it had last.

    The file is in its place before the unit ends. A file whose unit fails stays there, unknown, and is taken up again
    by the next upload of the same content.

    Raises:
        Invalid: it is empty, or larger than 2 GB.
    """
    folder = home / "uploads"
    folder.mkdir(parents=True, exist_ok=True)
    sha, size = hashlib.sha256(), 0
    handle, temporary = tempfile.mkstemp(dir=folder, prefix="incoming-")
    try:
        with os.fdopen(handle, "wb") as out:
            while block := stream.read(_BLOCK):
                size += len(block)
                if size > SIZE_MAX:
                    raise Invalid("the file has more than 2 GB", field="file", fix="divide it into several")
                sha.update(block)
                out.write(block)
            out.flush()
            os.fsync(out.fileno())
        if not size:
            raise Invalid("the file is empty", field="file", fix="choose the file that your program exported")
        target = place(home, sha.hexdigest())
        target.parent.mkdir(parents=True, exist_ok=True)
        Path(temporary).replace(target)
    finally:
        Path(temporary).unlink(missing_ok=True)
    called = shorten(" ".join(Path(name).name.split()) or "file", 200)
    put(
        session, Upload, [{"digest": sha.hexdigest(), "name": called, "size": size, "uploaded_at": now}],
        key=("digest",), update=("name", "uploaded_at"),
    )  # fmt: skip
    return get(session, sha.hexdigest())


def get(session: Session, digest: str) -> Upload:
    """Raises Unknown if there is none."""
    found = session.get(Upload, digest, populate_existing=True)
    if found is None:
        raise Unknown("that file was not uploaded", field="file", value=digest[:16], fix="upload it again")
    return found


def listed(session: Session, *, limit: int = 50, after: tuple[datetime, str] | None = None) -> Sequence[Upload]:
    """Uploads, newest first. `after`: (uploaded_at, digest) of the last one seen."""
    query = select(Upload).order_by(Upload.uploaded_at.desc(), Upload.digest).limit(min(limit, 200))
    if after is not None:
        query = query.where(
            or_(Upload.uploaded_at < after[0], (Upload.uploaded_at == after[0]) & (Upload.digest > after[1]))
        )
    return session.scalars(query).all()


def forget(session: Session, home: Path, digest: str) -> None:
    """Remove an upload and its file.

    Raises:
        Unknown: there is none.
        NotAllowedNow: an import that has not ended needs it.
    """
    upload = get(session, digest)
    waiting = session.scalars(select(Job).where(Job.kind == "import", Job.state.in_(OPEN))).all()
    for job in waiting:
        if digest in (job.params.get("digest"), job.params.get("models_digest")):
            raise NotAllowedNow(
                f"job {job.id} still reads it", field="file", value=upload.name, fix="stop the job first"
            )
    session.delete(upload)
    session.flush()
    place(home, digest).unlink(missing_ok=True)
