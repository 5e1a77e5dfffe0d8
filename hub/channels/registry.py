"""Which channels there are: entry points of group `hub.channels`, checked, with failures kept as data.

One mechanism only, ours and third parties' alike. A plug-in runs inside the hub with all its rights: install only what
you trust. A manifest that cannot be used is listed in `Registry.failed` and never stops the hub; a channel's SDK is
imported when the first account of it is opened.
"""

from __future__ import annotations

import importlib
import re
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import EntryPoint, entry_points
from types import MappingProxyType
from urllib.parse import urlsplit

from hub.channels.contract import (
    CONTRACT_VERSION,
    Adapter,
    BuildContext,
    CancelsOrders,
    Capability,
    ConfirmsShipments,
    EndsListings,
    FindsShipments,
    HearsWebhooks,
    Manifest,
    Polls,
    PublishesListings,
    PullsListings,
    PullsOrders,
    PushesPrices,
    PushesStock,
    ReadsListings,
    SettingField,
)
from hub.kernel.errors import Misconfigured, Unknown
from hub.kernel.text import shorten

GROUP = "hub.channels"
SUPPORTED = frozenset({CONTRACT_VERSION})

PROTOCOLS: Mapping[Capability, type] = MappingProxyType(
    {
        Capability.STOCK: PushesStock,
        Capability.PRICE: PushesPrices,
        Capability.LISTINGS: PublishesListings,
        Capability.END_LISTINGS: EndsListings,
        Capability.READ_LISTINGS: ReadsListings,
        Capability.PULL_LISTINGS: PullsListings,
        Capability.ORDERS: PullsOrders,
        Capability.SHIPMENTS: ConfirmsShipments,
        Capability.FIND_SHIPMENT: FindsShipments,
        Capability.CANCELLATIONS: CancelsOrders,
        Capability.POLL: Polls,
        Capability.WEBHOOKS: HearsWebhooks,
    }
)

# What importing somebody else's module may raise. SystemExit and KeyboardInterrupt are left alone on purpose.
_IMPORT_TROUBLE = (
    ImportError, AttributeError, NameError, SyntaxError, TypeError, ValueError, LookupError, ArithmeticError,
    AssertionError, RuntimeError, OSError,
)  # fmt: skip

Factory = Callable[[BuildContext], Adapter]

_ID = re.compile(r"[a-z][a-z0-9_]{1,30}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An entry point that could not be used: its name, where it points, and the last line of what went wrong."""

    name: str
    target: str
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingProblem:
    """A setting that will not do: which, the value (never a secret's), what is wrong and how to fix it."""

    field: str
    value: str
    message: str
    fix: str

    def __str__(self) -> str:
        shown = f" ({self.value!r})" if self.value else ""
        return f"{self.field}{shown}: {self.message} {self.fix}"


@dataclass(frozen=True, slots=True, kw_only=True)
class CapabilityGaps:
    """Where a manifest and its adapter disagree. Both empty = they agree."""

    not_implemented: frozenset[Capability]
    not_declared: frozenset[Capability]

    def __bool__(self) -> bool:
        return bool(self.not_implemented or self.not_declared)

    def __str__(self) -> str:
        parts = []
        if self.not_implemented:
            parts.append("declared but not implemented: " + ", ".join(sorted(self.not_implemented)))
        if self.not_declared:
            parts.append("implemented but not declared: " + ", ".join(sorted(self.not_declared)))
        return "; ".join(parts)


def capability_gaps(adapter: Adapter) -> CapabilityGaps:
    """Declared ⇔ implemented, by the method names of each capability's protocol."""
    declared = adapter.manifest.capabilities
    implemented = frozenset(capability for capability, protocol in PROTOCOLS.items() if isinstance(adapter, protocol))
    return CapabilityGaps(not_implemented=declared - implemented, not_declared=implemented - declared)


class Registry:
    """The channels that can be used (`available`, by id) and the entry points that cannot (`failed`)."""

    def __init__(self, available: Mapping[str, Manifest], failed: Sequence[Failure] = ()) -> None:
        self.available: Mapping[str, Manifest] = MappingProxyType(dict(sorted(available.items())))
        self.failed = tuple(failed)

    def manifest(self, channel_id: str) -> Manifest:
        """The card of a channel.

        Raises:
            Unknown: no such channel is installed, or it failed to load.
        """
        found = self.available.get(channel_id)
        if found is not None:
            return found
        for failure in self.failed:
            if failure.name == channel_id:
                raise Unknown(f"the channel {channel_id!r} could not be loaded: {failure.why}", field="channel")
        raise Unknown(
            f"there is no channel {channel_id!r}",
            field="channel",
            value=channel_id,
            fix=f"Installed channels: {', '.join(self.available) or 'none'}.",
        )

    def build(self, channel_id: str, context: BuildContext) -> Adapter:
        """An adapter for one account; settings that were left out get their defaults.

        Raises:
            Unknown: no such channel.
            Misconfigured: a setting will not do, or the adapter's code cannot be imported or breaks the contract.
        """
        manifest = self.manifest(channel_id)
        problems = check_settings(manifest, context.settings, context.secrets)
        if problems:
            first = problems[0]
            raise Misconfigured(
                " ".join(str(problem) for problem in problems), field=first.field, value=first.value, fix=first.fix
            )
        factory = _factory(manifest)
        adapter: Adapter = factory(replace(context, settings=with_defaults(manifest, context.settings)))
        if adapter.manifest.id != manifest.id:
            raise Misconfigured(f"{manifest.factory} built an adapter of {adapter.manifest.id!r} for {manifest.id!r}")
        gaps = capability_gaps(adapter)
        if gaps:
            raise Misconfigured(f"the adapter {manifest.id!r} breaks its contract: {gaps}")
        return adapter


def load(found: Iterable[EntryPoint] | None = None) -> Registry:
    """Read all entry points of the group (or `found`), each in its own try; never raises for a bad plug-in."""
    available: dict[str, Manifest] = {}
    origin: dict[str, EntryPoint] = {}
    failed: list[Failure] = []
    for point in sorted(entry_points(group=GROUP) if found is None else found, key=lambda p: (p.name, p.value)):
        if point.name in origin and origin[point.name].value == point.value:
            continue  # the same distribution found twice on the path (an editable install beside a wheel)
        why: str | None
        try:
            manifest = point.load()
            why = objection(manifest)
        except _IMPORT_TROUBLE as error:
            why = traceback.format_exception_only(error)[-1].strip()
        if why is None and manifest.id in available:
            why = f"the id {manifest.id!r} is already taken by {origin[manifest.id].value}"
        if why is not None:
            failed.append(Failure(name=point.name, target=point.value, why=shorten(why, 300)))
            continue
        available[manifest.id] = manifest
        origin[manifest.id] = point
    return Registry(available, failed)


def objection(manifest: object) -> str | None:
    """Why this is not a manifest that the hub can use, in one sentence; None if it is one."""
    if not isinstance(manifest, Manifest):
        return f"the entry point holds a {type(manifest).__name__}, not a Manifest"
    if manifest.contract not in SUPPORTED:
        spoken = ", ".join(str(version) for version in sorted(SUPPORTED))
        return f"it is written for contract version {manifest.contract}; this hub speaks {spoken}"
    if not _ID.fullmatch(manifest.id):
        return f"the id {manifest.id!r} must be 2 to 31 lower-case letters, digits and underscores"
    module, colon, name = manifest.factory.partition(":")
    if not (module and colon and name):
        return f"the factory {manifest.factory!r} must look like package.module:function"
    names = [field.name for field in manifest.settings]
    if len(set(names)) != len(names):
        return f"a setting is named twice: {', '.join(sorted({n for n in names if names.count(n) > 1}))}"
    for field in manifest.settings:
        if field.kind == "choice" and (not field.choices or (field.default and field.default not in field.choices)):
            return f"the setting {field.name!r} has no choices, or a default that is none of them"
    sizes = (
        manifest.max_stock_batch, manifest.max_price_batch, manifest.max_read_batch, manifest.max_order_page,
        manifest.max_listing_page,
    )  # fmt: skip
    if min(sizes) < 1:
        return "batch and page limits start at 1"
    return None


def check_settings(
    manifest: Manifest, settings: Mapping[str, str], secrets: Mapping[str, str]
) -> tuple[SettingProblem, ...]:
    """Everything that is wrong with an account's settings at once. Values of secrets are never repeated."""
    known = {field.name: field for field in manifest.settings}
    problems: list[SettingProblem] = []
    for name in sorted({*settings, *secrets} - set(known)):
        problems.append(
            SettingProblem(
                field=name,
                value="" if name in secrets else settings[name],
                message=f"{manifest.label} has no such setting.",
                fix=f"Remove it; known settings are {', '.join(known)}." if known else "Remove it.",
            )
        )
    for field in manifest.settings:
        given = secrets if field.secret else settings
        if field.name in (settings if field.secret else secrets):
            problems.append(
                SettingProblem(
                    field=field.name,
                    value="",
                    message="it is a secret and must not be stored among the plain settings."
                    if field.secret
                    else "it is a plain setting, not a secret.",
                    fix="Store it among the secrets." if field.secret else "Store it among the settings.",
                )
            )
            continue
        problem = _value_problem(field, given.get(field.name, ""))
        if problem is not None:
            problems.append(problem)
    return tuple(problems)


def with_defaults(manifest: Manifest, settings: Mapping[str, str]) -> Mapping[str, str]:
    """The settings with the manifest's defaults where nothing was given. Secrets have no defaults."""
    defaults = {field.name: field.default for field in manifest.settings if not field.secret}
    return MappingProxyType({**defaults, **{name: value for name, value in settings.items() if value.strip()}})


def _value_problem(field: SettingField, value: str) -> SettingProblem | None:
    shown = "" if field.secret else value
    if not value.strip():
        if not field.required or field.default:
            return None
        return SettingProblem(field=field.name, value="", message="it is missing.", fix=f"Set it: {field.help}")
    if field.kind == "choice" and value not in field.choices:
        return SettingProblem(
            field=field.name,
            value=shown,
            message="it is none of the choices.",
            fix=f"Choose one of {', '.join(field.choices)}.",
        )
    if field.kind == "url":
        return _url_problem(field, value)
    return None


def _url_problem(field: SettingField, value: str) -> SettingProblem | None:
    message = ""
    try:
        parts = urlsplit(value.strip())
        if parts.scheme not in ("http", "https") or not parts.hostname:
            message = "it is not an http or https address."
        elif parts.username is not None or parts.password is not None:
            return SettingProblem(
                field=field.name,
                value="",
                message="an address must not carry a user name or password.",
                fix="Store credentials among the secrets.",
            )
        elif parts.port == 0:
            message = "port 0 is not a port."
    except ValueError as error:
        message = f"it is not an address ({error})."
    if not message:
        return None
    return SettingProblem(
        field=field.name, value=value, message=message, fix="Write it like https://host or http://127.0.0.1:8001."
    )


def _factory(manifest: Manifest) -> Factory:
    module, _, name = manifest.factory.partition(":")
    try:
        factory: Factory = getattr(importlib.import_module(module), name)
    except _IMPORT_TROUBLE as error:
        why = traceback.format_exception_only(error)[-1].strip()
        raise Misconfigured(
            f"the code of {manifest.label} could not be imported: {shorten(why, 300)}",
            field="channel",
            value=manifest.factory,
            fix="Install the packages that the channel needs, then try again.",
        ) from error
    return factory
