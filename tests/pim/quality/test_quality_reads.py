"""Lists, sums, gaps and copies; and lint of one product with its surroundings."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from hub.db.session import Sessions, reading, unit
from hub.kernel.errors import Invalid, Unknown
from hub.pim import catalog, projections
from hub.pim.attributes import locales
from hub.pim.attributes.locales import NewLocale
from hub.pim.facts import ProductFacts
from hub.pim.media.models import MediaAsset, MediaFetch
from hub.pim.models import Product
from hub.pim.quality import look, reads
from hub.pim.quality.models import Completeness
from hub.pim.quality.rules import Gap
from hub.pim.taxonomy import categories
from hub.pim.taxonomy.categories import NewCategory
from tests.support.builders import NOW, a_product, a_variant, an_account

LONG = "A dry red wine from old vines on slate, ripe and full, with dark berries and a long finish, for lamb."


def put(sessions: Sessions, *products: ProductFacts) -> None:
    with unit(sessions) as session:
        answers = catalog.put_products(session, catalog.PutProducts(products=products), NOW)
        assert all(isinstance(answer, catalog.Written) for answer in answers)
        projections.project(session, NOW)


def store(sessions: Sessions, percents: list[int], errors: list[int] | None = None) -> None:
    """Lines as if they had been computed: the product's number → per cent (and errors)."""
    with unit(sessions) as session:
        for number, percent in enumerate(percents):
            product = a_product(session, handle=f"p-{number}")
            gap = Gap(field="gtin" if percent % 2 else "brand").as_dict()
            session.add(
                Completeness(
                    product_id=product.id, channel="*", locale="", required=100, filled=percent, percent=percent,
                    missing=[gap] if percent < 100 else [], errors=(errors or percents)[number], warnings=0,
                )
            )  # fmt: skip


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(size=st.integers(1, 9), below=st.integers(0, 101), order=st.sampled_from(["percent", "errors"]))
def test_pages_together_are_the_list(sessions: Sessions, size: int, below: int, order: reads.Order) -> None:
    percents = [0, 100, 33, 33, 33, 99, 50, 0, 100, 7]
    with reading(sessions) as session:
        there = session.scalar(select(Completeness.product_id).limit(1))
    if there is None:
        store(sessions, percents)
    seen: list[int] = []
    after = None
    with reading(sessions) as session:
        while True:
            page = reads.page(session, order=order, below=below, after=after, limit=size)
            assert len(page.lines) <= size
            seen += [line.product_id for line in page.lines]
            after = page.after
            if after is None:
                break
    numbered = list(enumerate(percents, 1))
    if order == "percent":
        assert seen == [n for n, percent in sorted(numbered, key=lambda row: (row[1], row[0])) if percent < below]
    else:
        assert seen == [n for n, errors in sorted(numbered, key=lambda row: (-row[1], -row[0])) if errors > 0]


def test_sums_and_gaps(sessions: Sessions) -> None:
    store(sessions, [0, 24, 25, 49, 74, 99, 100, 100], errors=[0, 0, 0, 1, 2, 3, 0, 0])
    with reading(sessions) as session:
        (line,) = reads.summary(session)
        assert line.bands == {(0, 24): 2, (25, 49): 2, (50, 74): 1, (75, 99): 1, (100, 100): 2}
        assert (line.products, line.mean, line.with_errors, line.with_warnings) == (8, 58.9, 3, 0)
        assert [(lack.field, lack.products) for lack in reads.gaps(session)] == [("brand", 3), ("gtin", 3)]
        lacking = reads.page(session, lacking="gtin", below=101)
        assert [found.handle for found in lacking.lines] == ["p-2", "p-3", "p-5"]
        assert reads.page(session, lacking="price", below=101).lines == ()
        assert [found.percent for found in reads.of_products(session, [1, 8, 99])] == [0, 100]


def test_without_products_there_is_nothing_to_say(sessions: Sessions) -> None:
    with reading(sessions) as session:
        (line,) = reads.summary(session)
        assert (line.products, line.mean) == (0, None)
        assert reads.page(session) == reads.Page(lines=(), after=None)
        assert reads.gaps(session) == []
        assert reads.copies(session) == []


def test_what_cannot_be_asked_is_refused(sessions: Sessions) -> None:
    with unit(sessions) as session:
        locales.add_locale(session, NewLocale(code="en", base=True), NOW)
    with reading(sessions) as session:
        assert reads.target(session, "*", "en") == ("*", "")
        with pytest.raises(Unknown, match="no account sells on 'ebay'"):
            reads.page(session, channel="ebay")
        with pytest.raises(Unknown, match="there is no locale 'de'"):
            reads.gaps(session, locale="de")
        for below, limit in ((102, 1), (-1, 1), (100, 0), (100, 501)):
            with pytest.raises(Invalid):
                reads.page(session, below=below, limit=limit)


def test_copies_of_a_description_are_found_whatever_their_markup(sessions: Sessions) -> None:
    put(
        sessions, ProductFacts(handle="a", title="A", description=f"<p>{LONG}</p>"),
        ProductFacts(handle="b", title="B", description=f"<div>{LONG.upper()}</div>"),
        ProductFacts(handle="c", title="C", description="<p>Short.</p>"),
        ProductFacts(handle="d", title="D", description="<p>Short.</p>"),
    )  # fmt: skip
    with reading(sessions) as session:
        (same,) = reads.copies(session)
        assert (same.products, same.handles) == (2, ("a", "b"))
        assert reads.copies(session, after=same.digest) == []
    put(sessions, ProductFacts(handle="b", title="B", description="<p>Something else, and long enough for it.</p>" * 3))
    with reading(sessions) as session:
        assert reads.copies(session) == []


def test_lint_looks_at_pictures_copies_categories_and_every_language(sessions: Sessions) -> None:
    with unit(sessions) as session:
        account = an_account(session, channel="ebay")
        locales.add_locale(session, NewLocale(code="de"), NOW)
        a_variant(session, sku="W-1", product=a_product(session, handle="syrah"))
    address = "https://example.com/1.jpg"
    put(
        sessions,
        ProductFacts(handle="syrah", title="Leroc Syrah 2019 red wine", description=LONG, images=(address,)),
        ProductFacts(handle="copy", title="Leroc Merlot 2019 red wine", description=LONG),
    )
    with reading(sessions) as session:
        product = look.find(session, "W-1")
        assert product == look.find(session, "syrah")
        found = {(f.code, f.locale) for f in look.look(session, product, channel="ebay").findings}
    expected = {
        ("gtin_missing", ""), ("category_missing", ""), ("description_copied", ""),
        ("not_translated", "de"),  # and what was said of the base content is not said again for German
    }  # fmt: skip
    assert found == expected
    with unit(sessions) as session:
        session.add(
            MediaAsset(
                sha256="a" * 64, content_type="image/jpeg", bytes=1, width=300, height=200, mode="RGB", animated=False,
                border=100, alt={}, name="1.jpg", dhash="0" * 16,
                created_at=NOW,
            )
        )  # fmt: skip
        session.flush()  # the fetch refers to it
        asset = session.scalars(select(MediaAsset)).one()
        row = session.scalars(select(MediaFetch).where(MediaFetch.address == address)).one()
        row.state, row.asset_id = "done", asset.id
        for tree, code in (("own", "wine"), ("ebay", "1")):
            categories.put_categories(session, [NewCategory(tree=tree, code=code, label="Wine")], NOW)
        categories.map_to(session, "wine", "ebay", "1", NOW)
        categories.put_products_into(session, [product], ["wine"], "wine", NOW)
        assert account.channel == "ebay"
    with reading(sessions) as session:
        after = {(f.code, f.locale) for f in look.look(session, product, channel="ebay").findings}
        assert after == expected - {("category_missing", "")} | {("picture_small", "")}
        german = look.look(session, product, channel="ebay", locale="de").findings
        assert {f.locale for f in german} == {"de"}
        assert {f.channel for f in look.look(session, product).findings} == {"*", "ebay"}


def test_lint_refuses_what_is_not_there(sessions: Sessions) -> None:
    with reading(sessions) as session:
        with pytest.raises(Unknown, match="no product has the handle 'x'"):
            look.find(session, "x")
        with pytest.raises(Unknown, match="there is no product 7"):
            look.look(session, 7)


def test_what_channels_say_of_a_product_is_stored_as_counts(sessions: Sessions) -> None:
    with unit(sessions) as session:
        an_account(session, channel="ebay")
        a_variant(session, sku="W-1", product=a_product(session, handle="syrah"), price_minor=0)
    put(sessions, ProductFacts(handle="syrah", title="LEROC SYRAH LOVELY WINE", description=LONG))
    with reading(sessions) as session:
        number = session.scalars(select(Product.id)).one()
        counts = {line.channel: (line.errors, line.warnings) for line in reads.of_products(session, [number])}
        found = look.look(session, number).findings
    assert counts == {"*": (1, 1), "ebay": (2, 1)}
    for channel, (errors, warnings) in counts.items():
        here = [f.severity for f in found if f.channel == channel]
        assert (here.count("error"), here.count("warning")) == (errors, warnings)
