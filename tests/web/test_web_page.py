"""The one page: what it shows, how it is built, and that nothing a channel says can become markup."""

from __future__ import annotations

import re
from datetime import timedelta
from html.parser import HTMLParser

from sqlalchemy import update

from hub.db.session import unit
from hub.orders.models import Order
from hub.pim.models import Product
from hub.work import accounts
from tests.support.builders import a_variant
from tests.support.web import Shop

NASTY = "<script>alert(1)</script>\"'{{7*7}}"


class Page(HTMLParser):
    """The page's tables as text, and every tag with its attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.tables: list[list[list[str]]] = []
        self.words = ""
        self._cell: str | None = None
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self._cell = ""

    def handle_endtag(self, tag: str) -> None:
        if tag in ("td", "th") and self._cell is not None:
            self.tables[-1][-1].append(" ".join(self._cell.split()))
            self._cell = None

    def handle_data(self, data: str) -> None:
        self.words += data
        if self._cell is not None:
            self._cell += data


def page_of(shop: Shop) -> Page:
    answer = shop.get("/")
    assert (answer.status_code, answer.mimetype) == (200, "text/html")
    return Page(answer.get_data(as_text=True))


def test_it_shows_accounts_orders_by_due_time_and_stock_with_their_counts(shop: Shop) -> None:
    shop.order("B-1", (("SKU-2", 7),), at=shop.clock.now() + timedelta(hours=3))
    shop.order("B-2", (("SKU-1", 2),))
    page = page_of(shop)
    account_rows, order_rows, stock_rows = (table[1:] for table in page.tables)
    assert [row[:3] for row in account_rows] == [["alpha", "memory", "open"]]
    assert [(row[0], row[1], row[2], row[5]) for row in order_rows] == [
        ("B-2", "2026-11-23 05:00", "ready", "2"),
        ("B-1", "2026-11-23 08:00", "ready, short", "7"),
    ]
    assert stock_rows == [
        ["SKU-1", "SKU-1", "50", "2", "48", "0", "12.99 EUR"],
        ["SKU-2", "SKU-2", "5", "5", "0", "2", "12.99 EUR"],
    ]
    assert "Accounts (1) Orders (2) Stock (2)" in " ".join(page.words.split())
    assert "As of 2026-11-22 09:00 UTC" in " ".join(page.words.split())


def test_it_shows_fifty_rows_and_says_of_how_many(shop: Shop) -> None:
    with unit(shop.system.sessions) as session:
        for n in range(60):
            a_variant(session, sku=f"MORE-{n:03}")
    shop.orders(70)
    page = page_of(shop)
    assert [len(table) - 1 for table in page.tables] == [1, 50, 50]
    words = " ".join(page.words.split())
    assert "The 50 most urgent of 70, by due time" in words
    assert "The first 50 of 62 SKUs" in words


def test_its_number_of_queries_does_not_grow_with_the_shop(shop: Shop) -> None:
    shop.orders(2)
    with shop.statements() as few:
        page_of(shop)
    shop.orders(60, first=3)
    with shop.statements() as many:
        page_of(shop)
    assert len(many) == len(few) <= 16


def test_an_empty_hub_says_what_to_do_next(shop: Shop) -> None:
    page = page_of(shop)
    assert "No open order." in page.words


def test_nothing_from_outside_becomes_markup(shop: Shop) -> None:
    shop.order(NASTY, display_id=NASTY)
    with unit(shop.system.sessions) as session:
        session.execute(update(Product).values(title=NASTY))
        session.execute(update(Order).values(hold_reason=NASTY, country="<b>", stage="hold"))
        accounts.set_state(session, 1, "blocked", NASTY, shop.clock.now())
    page = page_of(shop)
    assert {tag for tag, _ in page.tags} <= {
        "html", "head", "meta", "title", "link", "body", "header", "h1", "h2", "p", "time", "nav", "ul", "li", "a", "main",
        "section", "div", "table", "caption", "thead", "tbody", "tr", "th", "td", "footer", "code", "b", "span",
    }  # fmt: skip
    assert page.tables[1][1][0] == " ".join(NASTY.split())
    assert page.tables[2][1][1] == NASTY
    assert sum(tag == "b" for tag, _ in page.tags) == 1  # the count, not the country


def test_an_order_with_odd_money_does_not_stop_the_page(shop: Shop) -> None:
    shop.order()
    with unit(shop.system.sessions) as session:
        session.execute(update(Order).values(currency="", total_minor=500))
    assert page_of(shop).tables[1][1][7] == "500 (currency not known, minor units)"


def test_it_has_no_script_no_inline_style_and_nothing_of_a_third_party(shop: Shop) -> None:
    shop.order()
    for tag, attributes in page_of(shop).tags:
        assert tag not in ("script", "style", "iframe", "object", "form")
        assert not [name for name in attributes if name == "style" or name.startswith("on")]
        for name in ("src", "href"):
            assert re.match(r"/|#|data:,", attributes.get(name) or "/")
    css = shop.get("/static/page.css").get_data(as_text=True)
    assert "url(" not in css
    assert "@import" not in css


def test_it_is_built_for_readers_of_all_kinds(shop: Shop) -> None:
    shop.order()
    tags = page_of(shop).tags
    assert ("html", {"lang": "en"}) in tags
    assert sum(tag == "h1" for tag, _ in tags) == 1
    assert [attributes.get("scope") for tag, attributes in tags if tag == "th"].count(None) == 0
    ids = {attributes["id"] for _, attributes in tags if "id" in attributes}
    assert {a["href"] for tag, a in tags if tag == "a" and str(a.get("href")).startswith("#")} <= {f"#{i}" for i in ids}
    assert {a["aria-labelledby"] for _, a in tags if "aria-labelledby" in a} <= ids
    assert any(tag == "meta" and a.get("name") == "viewport" for tag, a in tags)


def test_no_buyer_is_named(shop: Shop) -> None:
    shop.order()
    text = shop.get("/").get_data(as_text=True)
    for word in ("Ana", "Müller", "Weinberg", "example.org", "08001"):
        assert word not in text
