"""Who the credentials belong to and what they may not do."""

from __future__ import annotations

from collections.abc import Iterable

from hub.channels.contract.adapter import BuildContext
from hub.channels.contract.records import Identity
from hub.channels.shopify import queries
from hub.channels.shopify.client import Client
from hub.channels.shopify.manifest import NEEDED_SCOPES, OPTIONAL_SCOPES


def missing(granted: Iterable[str], wanted: Iterable[str]) -> tuple[str, ...]:
    """The scopes of `wanted` that are not granted; one that may write may read."""
    have = set(granted)
    have |= {"read_" + scope.removeprefix("write_") for scope in have if scope.startswith("write_")}
    return tuple(scope for scope in wanted if scope not in have)


def probe(ctx: BuildContext, client: Client) -> Identity:
    """One cheap query.

    Raises:
        AuthFailed: the credentials do not work.
    """
    data = client.run(queries.PROBE)
    shop = data["shop"]
    granted = [str(scope["handle"]) for scope in data["currentAppInstallation"]["accessScopes"]]
    notes = [OPTIONAL_SCOPES[scope] for scope in missing(granted, OPTIONAL_SCOPES)]
    answered = client.answered_version
    if answered is not None and answered != client.version:
        notes.append(
            f"Shopify answers with API version {answered} instead of {client.version}: the version set is no longer "
            "(or not yet) supported."
        )
    domain, expected = str(shop["myshopifyDomain"]), ctx.settings.get("shop", "")
    if expected and _name(domain) != _name(expected):
        notes.append(f"The credentials belong to {domain}, the account is set up for {expected}.")
    return Identity(
        account=domain,
        label=str(shop["name"]),
        missing_scopes=missing(granted, NEEDED_SCOPES),
        notes=tuple(dict.fromkeys(notes)),
        facts={"currency": str(shop["currencyCode"]), "shop_id": str(shop["id"])},
    )


def _name(shop: str) -> str:
    return shop.strip().lower().removesuffix(".myshopify.com")
