"""The one page of this release: how the accounts are, which orders are due, what is in stock. No script, one style sheet."""

from __future__ import annotations

from datetime import datetime, timedelta

from flask import render_template
from flask_openapi.openapi import OpenAPI

from hub.db.session import reading
from hub.kernel.money import Money
from hub.orders import reads as order_reads
from hub.pim import reads as pim_reads
from hub.web.hub import WebHub, verdicts_of

ROWS = 50


def ago(at: datetime | None, now: datetime) -> str:
    """How long ago, in one unit; «in 3 h» where it is still to come."""
    if at is None:
        return "never"
    text = span(abs(now - at))
    return f"in {text}" if at > now else f"{text} ago"


def span(length: timedelta) -> str:
    seconds = int(length.total_seconds())
    for size, name in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size or (seconds >= size and size != 86_400):
            return f"{seconds // size} {name}"
    return f"{seconds} s"


def instant(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M")


def money(minor: int | None, currency: str) -> str:
    if minor is None:
        return ""
    try:
        return str(Money(minor=minor, currency=currency))
    except ValueError:
        return f"{minor} ({currency or 'currency not known'}, minor units)"  # one odd order does not stop the page


def install(app: OpenAPI, hub: WebHub) -> None:
    app.jinja_env.filters.update(instant=instant)
    app.jinja_env.globals.update(ago=ago, money=money, span=lambda s: span(timedelta(seconds=s)))

    @app.get("/", doc_ui=False)
    def page() -> str:
        now = hub.clock.now()
        with reading(hub.sessions) as session:
            return render_template(
                "page.html", now=now, rows=ROWS,
                accounts=verdicts_of(hub, session),
                stock=pim_reads.stock_page(session, limit=ROWS), skus=pim_reads.stock_count(session),
                orders=order_reads.queue(session, order_reads.Queue(limit=ROWS)).rows,
                counts=order_reads.counts(session, now),
            )  # fmt: skip
