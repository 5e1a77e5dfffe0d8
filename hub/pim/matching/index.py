"""What is kept beside the products so that candidates are found without comparing everything with everything."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from hub.db.upsert import chunks, put, put_new
from hub.pim import projections
from hub.pim.matching.models import SkuKey, TitleWord
from hub.pim.models import Product, Variant
from hub.pim.search.words import compact, tokens

WORD_MIN = 3
WORDS_MAX = 40
"""So many words of a title count."""


def sku_key(sku: str) -> str:
    """A SKU without case, accents, spaces and signs; "" if nothing is left."""
    return compact(sku)[:100]


def title_words(text: str) -> list[str]:
    """The words by which a title is found, each once: three letters and more, or a pair of an unspaced script."""
    found = (word for word in tokens(text) if len(word) >= WORD_MIN or not word.isascii())
    return list(dict.fromkeys(found))[:WORDS_MAX]


def project(session: Session, product_ids: Sequence[int], now: datetime) -> None:
    """Bring SKUs and title words of these products up to date."""
    for part in chunks(product_ids):
        words = [
            {"word": word, "product_id": pid}
            for pid, title, brand in session.execute(
                select(Product.id, Product.title, Product.brand).where(Product.id.in_(part))
            ).tuples()
            for word in title_words(f"{title} {brand}")
        ]
        keys = [
            {"variant_id": vid, "product_id": pid, "sku_key": key}
            for vid, pid, sku in session.execute(
                select(Variant.id, Variant.product_id, Variant.sku).where(Variant.product_id.in_(part))
            ).tuples()
            if (key := sku_key(sku))
        ]
        session.execute(delete(TitleWord).where(TitleWord.product_id.in_(part)))
        session.execute(delete(SkuKey).where(SkuKey.product_id.in_(part)))
        put_new(session, TitleWord, words, key=("word", "product_id"))
        put(session, SkuKey, keys, key=("variant_id",))


projections.register("matching", project)
