"""The demo shop: its database, its stock, its three accounts. Setting it up again changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy import func, select

from hub import rehearsal, wiring
from hub.config import Settings
from hub.db import migrate
from hub.db.session import reading, unit
from hub.demo.marketplaces import Marketplace
from hub.kernel.clock import Clock
from hub.kernel.errors import NotAllowedNow
from hub.pim import demo_catalogue, listings
from hub.pim.account_content import ContentRule, set_content
from hub.pim.importing import import_products
from hub.pim.importing.report import ImportReport
from hub.pim.models import Listing, Product
from hub.wiring import System
from hub.work import accounts
from hub.work.kinds import ORDERS_PULL
from hub.work.models import Account

Say = Callable[[str], None]
GERMAN = ("amazon", "ebay")
"""The marketplaces that sell in Germany: their listings are in German where there is any, else in the base's English."""


def open_system(settings: Settings, clock: Clock | None) -> System:
    """The demo's hub on a migrated database."""
    settings.home.mkdir(parents=True, exist_ok=True)
    migrate.upgrade(settings.database_url)
    return wiring.build(settings, clock=clock)


def account_of(place: Marketplace) -> rehearsal.Account:
    """Settings and secrets that reach a simulated marketplace."""
    given = place.get("account")
    if place.channel == "amazon":
        return rehearsal.amazon_account(given["credentials"], place.url)
    if place.channel == "ebay":
        return rehearsal.ebay_account(given["credentials"], given["policies"], place.url)
    return rehearsal.shopify_account(given["credentials"], place.url)


def set_up(
    system: System,
    places: Mapping[str, Marketplace],
    say: Say,
    *,
    timeout_s: float,
    buffers: Mapping[str, int] | None = None,
    catalogues: tuple[Path, ...] = (),
    pull_every_s: Mapping[str, int] | None = None,
) -> None:
    """Stock the shop and open its accounts, unless that was done already; want every product published everywhere.

    `pull_every_s` names channels whose new orders are looked for more often than usual.
    """
    now = system.clock.now()
    say(_words(demo_catalogue.load(system.sessions, system.clock)))
    for path in catalogues:
        say(
            _words(import_products(system.sessions, path, "shopify", dry_run=False, clock=system.clock, currency="EUR"))
        )
    for channel, place in places.items():
        with reading(system.sessions) as session:
            known = session.scalars(select(Account).where(Account.name == channel)).first()
        reach = account_of(place)
        if known is not None:
            _move(system, known, reach)
        else:
            account = wiring.add_account(
                system, channel=channel, name=channel, settings={**reach.settings, "timeout_s": str(timeout_s)},
                secrets=reach.secrets, currency="EUR", now=now, buffer=(buffers or {}).get(channel, 0),
            )  # fmt: skip
            if channel in (pull_every_s or {}):
                with unit(system.sessions) as session:
                    accounts.set_cadence(session, account.id, {ORDERS_PULL.name: (pull_every_s or {})[channel]}, now)
            if channel in GERMAN:
                with unit(system.sessions) as session:
                    set_content(session, account.id, ContentRule(locale="de", approved_only=False), now)
            say(f"Account {channel} opened at {place.url}")
    with unit(system.sessions) as session:
        products = list(session.scalars(select(Product.id)))
        for account in session.scalars(select(Account).order_by(Account.id)).all():
            listed = session.scalar(select(func.count()).select_from(Listing).where(Listing.account_id == account.id))
            if not listed:
                count = listings.want_published(session, account, products, now)
                say(f"{account.name}: {count} products wanted")


def _move(system: System, account: Account, reach: rehearsal.Account) -> None:
    """The marketplaces listen elsewhere after each start: tell the account, but never one of a real seller.

    Raises:
        NotAllowedNow: the account does not reach a marketplace on this machine.
    """
    for name, value in account.settings.items():
        if name.endswith("_url") and urlsplit(value).hostname != "127.0.0.1":
            raise NotAllowedNow(
                f"this database holds an account {account.name!r} that is not of the demo ({name} is {value})",
                field="HUB_DATABASE_URL", fix="give the demo a database of its own, or --home with an empty folder",
            )  # fmt: skip
    addresses = {name: value for name, value in reach.settings.items() if name.endswith("_url")}
    wiring.change_account(system, account.name, settings=addresses, secrets={}, now=system.clock.now())


def _words(report: ImportReport) -> str:
    return f"Catalogue {report.file}: variants {report.variants}, products {report.products}, {report.errors} errors"


def live_count(system: System) -> dict[str, int]:
    """Live listings per account name."""
    with reading(system.sessions) as session:
        rows = session.execute(
            select(Account.name, func.count(Listing.id))
            .join(Listing, Listing.account_id == Account.id)
            .where(Listing.state == "live")
            .group_by(Account.name)
        )
        return {row[0]: int(row[1]) for row in rows}
