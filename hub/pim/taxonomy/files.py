"""A channel's category tree from a CSV file: columns code, parent, label (and label:LOCALE)."""

from __future__ import annotations

import csv
from pathlib import Path

from hub.kernel.errors import Invalid
from hub.kernel.text import shorten
from hub.pim.taxonomy.categories import NewCategory

ROWS_MAX = 200_000
_NEEDED = ("code", "parent", "label")


def read_tree(path: Path, tree: str) -> list[NewCategory]:
    """The nodes of a UTF-8 file with commas, semicolons or tabs. «parent» is empty for a root.

    Raises:
        Invalid: the file cannot be read, a column is missing, a row has too few cells, or there are too many.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            first = handle.readline()
            delimiter = max(",;\t", key=first.count)
            handle.seek(0)
            rows = csv.DictReader(handle, delimiter=delimiter, strict=True)
            names = [name.strip().casefold() for name in rows.fieldnames or ()]
            missing = [name for name in _NEEDED if name not in names]
            if missing:
                raise Invalid(
                    f"the column {missing[0]!r} is missing; the first row has: {shorten(', '.join(names), 100)}",
                    field=missing[0], fix="add the column: code, parent, label",
                )  # fmt: skip
            rows.fieldnames = names
            out: list[NewCategory] = []
            for row in rows:
                if len(out) >= ROWS_MAX:
                    raise Invalid(f"the file has more than {ROWS_MAX:,} rows", field="file", value=path.name)
                if None in row or None in row.values():
                    raise Invalid(
                        f"line {rows.line_num} has not {len(names)} cells like the first", field="file",
                        value=path.name, fix="look for a missing or stray delimiter",
                    )  # fmt: skip
                labels = {
                    n.partition(":")[2]: v.strip() for n, v in row.items() if n.startswith("label:") and v.strip()
                }
                out.append(
                    NewCategory(
                        tree=tree, code=row["code"].strip(), parent=row["parent"].strip(), label=row["label"].strip(),
                        labels=labels or None, position=len(out),
                    )
                )  # fmt: skip
            return out
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Invalid(
            f"the file cannot be read: {path.name} ({type(error).__name__}: {error})", field="file", value=str(path),
            fix="save it as CSV in UTF-8",
        ) from error  # fmt: skip
