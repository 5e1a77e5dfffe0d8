"""The shop itself over GraphQL: shop, locations, publications, the app and its scopes, nodes by id, webhooks, jobs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphql import GraphQLError

from hub.simulators.shopify_query import Search, Term, by_id, compare_number, paginate, text_matches
from hub.simulators.shopify_records import Location, Publication, Webhook, gid, number_of
from hub.simulators.shopify_schema import Fields
from hub.simulators.shopify_state import CURRENCY, Call

API_VERSION = "2026-10"
Finder = Callable[[Call, str], Any]


def call_of(info: Any) -> Call:
    """The request a resolver works for."""
    found: Call = info.context
    return found


def user_error(field: list[str] | None, message: str, code: str | None = None) -> dict[str, Any]:
    """One entry of `userErrors`."""
    return {"field": field, "message": message, "code": code}


def bad_request(message: str, code: str = "BAD_REQUEST") -> GraphQLError:
    """A top-level error: the request itself is wrong, not the data in it."""
    return GraphQLError(message, extensions={"code": code})


# ---------------------------------------------------------------- nodes by id

_FINDERS: dict[str, Finder] = {}


def finder(kind: str, find: Finder) -> None:
    """Say how a global id of `kind` is looked up for `node` and `nodes`."""
    _FINDERS[kind] = find


def table_finder(kind: str, table: str) -> None:
    """Records of `kind` stand in the shop's table of that name."""
    finder(kind, lambda call, text: getattr(call.shop, table).get(number_of(kind, text)))


def find_node(call: Call, text: str) -> Any:
    """The record of a global id, None if there is none.

    Raises:
        GraphQLError: not a global id at all.
    """
    parts = text.removeprefix("gid://shopify/").split("/", 1)
    if not text.startswith("gid://shopify/") or len(parts) != 2 or not parts[1]:
        raise bad_request(f"Invalid global id '{text}'")
    find = _FINDERS.get(parts[0])
    return find(call, text) if find is not None else None


def _shop(call: Call) -> dict[str, Any]:
    address = {
        "id": gid("ShopAddress", 1), "company": "Entrepôt Test GmbH", "address1": "Hammerbrookstraße 12", "address2": None,
        "city": "Hamburg", "zip": "20097", "countryCodeV2": "DE", "phone": "+49 40 1234567",
    }  # fmt: skip
    host = "entrepot-test.myshopify.com"
    return {
        "__typename": "Shop", "id": gid("Shop", 1), "name": "Entrepôt Test", "email": "shop@example.com",
        "contactEmail": "shop@example.com", "myshopifyDomain": host, "currencyCode": CURRENCY,
        "enabledPresentmentCurrencies": [CURRENCY], "ianaTimezone": "Europe/Berlin", "timezoneAbbreviation": "CET",
        "timezoneOffset": "+0100", "timezoneOffsetMinutes": 60, "createdAt": call.shop.created_at,
        "updatedAt": call.shop.created_at, "url": f"https://{host}", "shopOwnerName": "Test Owner",
        "primaryDomain": {"id": gid("Domain", 1), "host": host, "sslEnabled": True, "url": f"https://{host}"},
        "plan": {"publicDisplayName": "Basic", "partnerDevelopment": True, "shopifyPlus": False},
        "shopAddress": address, "taxesIncluded": True, "taxShipping": True, "unitSystem": "METRIC_SYSTEM",
        "weightUnit": "KILOGRAMS", "setupRequired": False, "orderNumberFormatPrefix": "#", "orderNumberFormatSuffix": "",
        "resourceLimits": {
            "locationLimit": 1000, "maxProductOptions": 3, "maxProductVariants": 2048, "redirectLimitReached": False,
        },
    }  # fmt: skip


def shop_of(call: Call) -> dict[str, Any]:
    """The Shop object."""
    return _shop(call)


def _locations(root: Any, info: Any, **args: Any) -> Any:
    call = call_of(info)

    def test(term: Term, room: Location) -> bool:
        if term.field == "id":
            return compare_number(room.id, term)
        if term.field in ("active", "is_active"):
            return room.active is (term.value == "true")
        return text_matches(room.name, term.value)

    search = Search(args.get("query"), frozenset({"id", "name", "active", "is_active"}), test)
    rooms = [room for room in call.shop.locations.values() if room.active or args.get("includeInactive")]
    by_name = args.get("sortKey") == "NAME"
    key = (lambda room: (room.name, room.id)) if by_name else by_id
    return paginate(sorted(filter(search.matches, rooms), key=key), args, call, key)


def _location(root: Any, info: Any, **args: Any) -> Location | None:
    call = call_of(info)
    if args.get("id") is None:
        return next(call.shop.active_locations(), None)
    return call.shop.locations.get(number_of("Location", args["id"]) or 0)


def _location_address(room: Location, info: Any) -> dict[str, Any]:
    return {
        "address1": room.address1, "address2": None, "city": room.city, "country": room.country,
        "countryCode": room.country_code, "formatted": [room.address1, f"{room.zip} {room.city}", room.country],
        "phone": None, "province": None, "provinceCode": None, "zip": room.zip,
    }  # fmt: skip


def _installation(root: Any, info: Any) -> dict[str, Any]:
    app = {"__typename": "App", "id": gid("App", 1), "title": "Entrepôt", "handle": "entrepot", "apiKey": "simulated"}
    scopes = [{"handle": name, "description": name.replace("_", " ")} for name in sorted(call_of(info).scopes)]
    return {
        "__typename": "AppInstallation", "id": gid("AppInstallation", 1), "accessScopes": scopes, "app": app,
        "launchUrl": "https://example.com/app",
    }  # fmt: skip


def _publications(root: Any, info: Any, **args: Any) -> Any:
    call = call_of(info)
    return paginate(list(call.shop.publications.values()), args, call, by_id)


def _webhook_create(root: Any, info: Any, topic: str, webhookSubscription: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
    call = call_of(info)
    uri = webhookSubscription.get("uri") or webhookSubscription.get("callbackUrl") or ""
    where = ["webhookSubscription", "uri"]
    if not uri:
        return {"webhookSubscription": None, "userErrors": [user_error(where, "Address can't be blank")]}
    if any(row.topic == topic and row.uri == uri for row in call.shop.webhooks.values()):
        taken = user_error(where, "Address for this topic has already been taken")
        return {"webhookSubscription": None, "userErrors": [taken]}
    row = Webhook(
        id=call.shop.mint("WebhookSubscription"),
        topic=topic,
        uri=uri,
        created_at=call.now,
        updated_at=call.now,
        format=webhookSubscription.get("format") or "JSON",
        filter=webhookSubscription.get("filter"),
        name=webhookSubscription.get("name"),
        include_fields=list(webhookSubscription.get("includeFields") or ()),
        metafield_namespaces=list(webhookSubscription.get("metafieldNamespaces") or ()),
    )
    call.shop.webhooks[row.id] = row
    return {"webhookSubscription": row, "userErrors": []}


def _webhook_delete(root: Any, info: Any, **args: Any) -> dict[str, Any]:
    removed = call_of(info).shop.webhooks.pop(number_of("WebhookSubscription", args["id"]) or 0, None)
    errors = [] if removed else [user_error(["id"], "Webhook subscription does not exist")]
    return {"deletedWebhookSubscriptionId": args["id"] if removed else None, "userErrors": errors}


def _webhooks(root: Any, info: Any, **args: Any) -> Any:
    call = call_of(info)
    topics = args.get("topics")
    rows = [row for row in call.shop.webhooks.values() if not topics or row.topic in topics]
    if args.get("uri"):
        rows = [row for row in rows if row.uri == args["uri"]]
    return paginate(rows, args, call, by_id)


def _job(root: Any, info: Any, **args: Any) -> dict[str, Any] | None:
    job = call_of(info).shop.cancel_jobs.get(args["id"].rpartition("/")[2])
    return {"id": args["id"], "done": job.done} if job is not None else None


table_finder("Location", "locations")
table_finder("Publication", "publications")
table_finder("WebhookSubscription", "webhooks")
finder("Shop", lambda call, text: _shop(call) if text == gid("Shop", 1) else None)

FIELDS: Fields = {
    "QueryRoot.shop": lambda root, info: _shop(call_of(info)),
    "QueryRoot.node": lambda root, info, **args: find_node(call_of(info), args["id"]),
    "QueryRoot.nodes": lambda root, info, ids: [find_node(call_of(info), text) for text in ids],
    "QueryRoot.locations": _locations,
    "QueryRoot.location": _location,
    "QueryRoot.currentAppInstallation": _installation,
    "QueryRoot.publications": _publications,
    "QueryRoot.webhookSubscriptions": _webhooks,
    "QueryRoot.job": _job,
    "Mutation.webhookSubscriptionCreate": _webhook_create,
    "Mutation.webhookSubscriptionDelete": _webhook_delete,
    "Location.address": _location_address,
    "Location.isActive": lambda room, info: room.active,
    "Location.isPrimary": lambda room, info: room.id == 1,
    "Location.deactivatedAt": lambda room, info: None if room.active else room.created_at,
    "Location.updatedAt": lambda room, info: room.created_at,
    "Location.fulfillsOnlineOrders": lambda room, info: room.active,
    "Location.shipsInventory": lambda room, info: room.active,
    "Location.isFulfillmentService": lambda room, info: False,
    "Location.hasActiveInventory": lambda room, info: any(
        room.id in levels for levels in call_of(info).shop.levels.values()
    ),
    "Publication.autoPublish": lambda row, info: False,
    "Publication.supportsFuturePublishing": lambda row, info: False,
}


def publication_of(call: Call, text: str) -> Publication | None:
    """The publication of a global id."""
    return call.shop.publications.get(number_of("Publication", text) or 0)
