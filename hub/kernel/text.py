"""SKUs and other short texts as the hub stores them."""

from __future__ import annotations

import unicodedata

SKU_MAX = 100


def clean_sku(text: str) -> str:
    """A SKU in its stored form: NFC, trimmed, inner white space single. Case is kept: channels differ in it.

    Raises:
        ValueError: empty, longer than 100 characters, or with control characters.
    """
    sku = " ".join(unicodedata.normalize("NFC", text).split())
    if not sku:
        raise ValueError("a SKU must not be empty")
    if len(sku) > SKU_MAX:
        raise ValueError(f"a SKU has at most {SKU_MAX} characters, this one has {len(sku)}: {sku[:40]}…")
    if any(unicodedata.category(ch) == "Cc" for ch in sku):
        raise ValueError(f"a SKU must not contain control characters: {sku!r}")
    return sku


def shorten(text: str, limit: int) -> str:
    """`text` cut to `limit` characters, with an ellipsis where something was cut."""
    return text if len(text) <= limit else text[: max(0, limit - 1)] + "…"
