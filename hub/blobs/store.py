"""Where files are kept. Keys are paths of letters, digits, «-», «_», «.» and «/»; what is under a key never changes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from hub.kernel.errors import Unknown
from hub.kernel.ids import new_token

_KEY = re.compile(r"[A-Za-z0-9_-]+(/[A-Za-z0-9_.-]+)*")
_BLOCK = 1 << 20


class BlobStore(Protocol):
    """Putting the same key twice is harmless; two writers at once are too."""

    def put(self, key: str, content: bytes, content_type: str) -> None: ...

    def get(self, key: str) -> bytes:
        """Raises Unknown if there is nothing under that key."""
        ...

    def has(self, key: str) -> bool: ...

    def remove(self, key: str) -> None:
        """Nothing happens if it is not there."""
        ...

    def keys(self, prefix: str) -> Iterator[str]:
        """The keys that begin with a folder's name and «/»."""
        ...


def checked_key(key: str) -> str:
    """Raises ValueError if `key` could lead out of the store."""
    if not _KEY.fullmatch(key) or ".." in key or len(key) > 300:
        raise ValueError(f"not a key of the file store: {key[:80]!r}")
    return key


class FolderStore:
    """Files under a folder. A file appears under its name only when all of it is on the disk."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def _path(self, key: str) -> Path:
        return self._root / checked_key(key)

    def put(self, key: str, content: bytes, content_type: str) -> None:
        path = self._path(key)
        if path.is_file() and path.stat().st_size == len(content):
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{new_token()[:16]}.partial")
        try:
            with partial.open("wb") as handle:
                handle.write(content)
                handle.flush()
                os.fsync(handle.fileno())
            partial.replace(path)
        finally:
            partial.unlink(missing_ok=True)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)  # the name is on the disk too
        finally:
            os.close(folder)

    def get(self, key: str) -> bytes:
        try:
            return self._path(key).read_bytes()
        except FileNotFoundError as error:
            raise Unknown(f"there is no file {key!r}", field="file", value=key) from error

    def has(self, key: str) -> bool:
        return self._path(key).is_file()

    def remove(self, key: str) -> None:
        self._path(key).unlink(missing_ok=True)

    def keys(self, prefix: str) -> Iterator[str]:
        for path in sorted((self._root / checked_key(prefix)).rglob("*")):
            if path.is_file() and not path.name.endswith(".partial"):
                yield path.relative_to(self._root).as_posix()
