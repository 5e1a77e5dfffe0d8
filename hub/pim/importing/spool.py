"""The rows of a file, brought together by product wherever they stand in it, in a temporary database on disk.

Memory stays small however long the file is. The database has no name and vanishes with the process.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence

import msgspec

from hub.pim.importing.reading import Role, Row

_SCHEMA = """
CREATE TABLE rows (seq INTEGER PRIMARY KEY, grp INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE groups (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE);
CREATE TABLE aliases (alias TEXT PRIMARY KEY, grp INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE skus (sku TEXT PRIMARY KEY, line INTEGER NOT NULL) WITHOUT ROWID;
"""
_WRITE_AT = 1000
_CHAIN_MAX = 5  # a model of a model of a product: layouts have two steps

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[int, tuple[str, ...], Role, tuple[int, ...]]).decode


class Spool:
    """Add every row, `finish`, then read groups. A group is a product of the file."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-16000", "locking_mode=EXCLUSIVE"):
            self._db.execute(f"PRAGMA {pragma}")
        self._db.executescript(_SCHEMA)
        self._db.execute("BEGIN")
        self._last: tuple[str, int] = ("", 0)
        self._pending: list[tuple[int, bytes]] = []
        self._aliased = False
        self.rows = 0

    def close(self) -> None:
        self._db.close()

    def add(self, key: str, row: Row, aliases: Iterable[str] = ()) -> None:
        """Put a row into the group `key`. Rows whose key is one of `aliases` belong to that group too."""
        group = self._group(key)
        self._pending.append((group, _encode((row.line, row.cells, row.role, sorted(row.unsaid)))))
        self.rows += 1
        for alias in aliases:
            self._db.execute("INSERT OR IGNORE INTO aliases VALUES (?, ?)", (alias, group))
            self._aliased = True
        if len(self._pending) >= _WRITE_AT:
            self._flush()

    def _group(self, key: str) -> int:
        if key != self._last[0] or not self._last[1]:
            (number,) = self._db.execute(
                "INSERT INTO groups (key) VALUES (?) ON CONFLICT (key) DO UPDATE SET key = excluded.key RETURNING id",
                (key,),
            ).fetchone()
            self._last = (key, number)
        return self._last[1]

    def _flush(self) -> None:
        self._db.executemany("INSERT INTO rows (grp, data) VALUES (?, ?)", self._pending)
        self._pending.clear()

    def finish(self) -> None:
        """All rows are there: follow the aliases, and prepare for reading by group."""
        self._flush()
        self._db.execute("CREATE INDEX rows_group ON rows (grp, seq)")
        for _ in range(_CHAIN_MAX if self._aliased else 0):
            moved = self._db.execute(
                "UPDATE rows SET grp = (SELECT a.grp FROM groups g JOIN aliases a ON a.alias = g.key"
                " WHERE g.id = rows.grp) WHERE grp IN (SELECT g.id FROM groups g JOIN aliases a ON a.alias = g.key"
                " WHERE a.grp <> g.id)"
            ).rowcount
            if not moved:
                break

    def groups(self, after: int = 0) -> Iterator[tuple[int, str, Row]]:
        """(number of the group, its key, a row) by group and, within it, in the order of the file."""
        cursor = self._db.execute(
            "SELECT r.grp, g.key, r.data FROM rows r JOIN groups g ON g.id = r.grp WHERE r.grp > ?"
            " ORDER BY r.grp, r.seq",
            (after,),
        )
        cursor.arraysize = 200
        for group, key, data in cursor:
            line, cells, role, unsaid = _decode(data)
            yield group, key, Row(line=line, cells=cells, role=role, unsaid=frozenset(unsaid))

    def first_lines(self, skus: Sequence[tuple[str, int]]) -> Mapping[str, int]:
        """Remember (SKU, line); returns SKU → the line where it was first."""
        self._db.executemany("INSERT OR IGNORE INTO skus VALUES (?, ?)", skus)
        out: dict[str, int] = {}
        for sku, _ in skus:
            (out[sku],) = self._db.execute("SELECT line FROM skus WHERE sku = ?", (sku,)).fetchone()
        return out
