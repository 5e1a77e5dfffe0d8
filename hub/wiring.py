"""The composition root: the one place that knows everybody and builds a running hub from settings."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, delete, update

from hub.blobs.s3 import open_bucket
from hub.blobs.store import BlobStore, FolderStore
from hub.channels import registry as registry_module
from hub.channels.registry import Registry
from hub.config import Settings
from hub.db.crypto import SecretBox, install, load_or_create_key
from hub.db.session import Sessions, make_engine, make_sessions, unit
from hub.kernel import failpoints
from hub.kernel.clock import Clock, SharedClock, SystemClock
from hub.kernel.errors import Invalid
from hub.pim.quality import projector as quality
from hub.sync.hub import AdapterPool, Hub
from hub.work import accounts, items
from hub.work.kinds import PROBE
from hub.work.models import Account, AccountToken, WorkItem

logger = logging.getLogger("hub")

SECRET_WORDS = ("token", "secret", "password", "authorization", "refresh", "api_key", "document", "raw")


def log_event(event: str, /, **fields: object) -> None:
    """One line per event: its name and fields as JSON. Fields whose name suggests a secret are masked."""
    safe = {k: "***" if any(word in k.lower() for word in SECRET_WORDS) else v for k, v in fields.items()}
    logger.info("%s %s", event, json.dumps(safe, default=str, ensure_ascii=False, sort_keys=True))


class _NoDoorbell:
    """Rings nobody: the relay sweeps anyway."""

    def ring(self) -> None:
        return


@dataclass(slots=True, kw_only=True)
class System:
    """A hub with what it was built from. `close` releases adapters and connections."""

    settings: Settings
    engine: Engine
    sessions: Sessions
    registry: Registry
    clock: Clock
    hub: Hub

    def close(self) -> None:
        self.hub.adapters.flush_traffic()
        self.hub.adapters.close()
        self.engine.dispose()


def build(settings: Settings, *, clock: Clock | None = None, registry: Registry | None = None) -> System:
    """Engine, key, registry, clock and hub. Creates HUB_HOME and its key on first use; does not migrate."""
    settings.home.mkdir(parents=True, exist_ok=True)
    failpoints.arm(settings.failpoint or None)
    install(SecretBox(settings.secret_key or load_or_create_key(settings.home)))
    engine = make_engine(settings.database_url)
    sessions = make_sessions(engine)
    found = registry or registry_module.load()
    time = clock or (SharedClock(settings.clock_file) if settings.clock_file else SystemClock())
    pool = AdapterPool(sessions, found, time, log_event, settings.call_timeout_s)
    hub = Hub(
        sessions=sessions, registry=found, clock=time, adapters=pool, doorbell=_NoDoorbell(), log=log_event,
        lease_s=settings.lease_s, media_url=settings.media_url,
    )  # fmt: skip
    return System(settings=settings, engine=engine, sessions=sessions, registry=found, clock=time, hub=hub)


def open_media(settings: Settings) -> BlobStore:
    """Where files of products are kept.

    Raises:
        Misconfigured: HUB_MEDIA_STORE names no bucket.
    """
    if not settings.media_store:
        return FolderStore(settings.home / "media")
    return open_bucket(
        settings.media_store, endpoint=settings.s3_endpoint, region=settings.s3_region, key_id=settings.s3_key_id,
        secret=settings.s3_secret,
    )  # fmt: skip


def add_account(
    system: System,
    *,
    channel: str,
    name: str,
    settings: Mapping[str, str],
    secrets: Mapping[str, str],
    currency: str,
    now: datetime,
    buffer: int = 0,
    cap: int | None = None,
) -> Account:
    """A checked account with the channel's default rhythm.

    Raises:
        Unknown: no such channel.
        Invalid: settings are missing or wrong; the message names each.
    """
    manifest = system.registry.manifest(channel)
    problems = registry_module.check_settings(manifest, settings, secrets)
    if problems:
        raise Invalid(" ".join(str(p) for p in problems), field=problems[0].field, fix=problems[0].fix)
    with unit(system.sessions) as session:
        made = accounts.add(
            session, channel=channel, name=name, settings=registry_module.with_defaults(manifest, settings),
            secrets=secrets, currency=currency, now=now, buffer=buffer, cap=cap,
            cadence={"orders.pull": manifest.pull_every_s, "reconcile": 6 * 3600},
        )  # fmt: skip
        quality.channel_added(session, channel, now)
        return made


def change_account(
    system: System,
    name: str,
    *,
    settings: Mapping[str, str],
    secrets: Mapping[str, str],
    now: datetime,
) -> tuple[str, ...]:
    """Change some settings and secrets of an account (an empty text = back to the channel's default); returns the names
    of those that really changed. New secrets end what was signed in with the old ones, and a blocked account is tried
    again at once.

    Raises:
        Unknown: no such account or channel.
        Invalid: the settings would be missing or wrong; the message names each. Nothing is changed then.
    """
    with unit(system.sessions) as session:
        account = accounts.named(session, name)
        manifest = system.registry.manifest(account.channel)
        before, hidden = dict(account.settings), accounts.secrets_of(account)
        after = {**before, **settings}
        after_hidden = {key: value for key, value in {**hidden, **secrets}.items() if value}
        problems = registry_module.check_settings(manifest, after, after_hidden)
        if problems:
            raise Invalid(" ".join(str(p) for p in problems), field=problems[0].field, fix=problems[0].fix)
        full = dict(registry_module.with_defaults(manifest, after))
        changed = {key for key in {*before, *full} if before.get(key) != full.get(key)}
        rekeyed = {key for key in {*hidden, *after_hidden} if hidden.get(key) != after_hidden.get(key)}
        if changed:
            account.settings = full
        if rekeyed:
            account.secrets = json.dumps(after_hidden)
            session.execute(delete(AccountToken).where(AccountToken.account_id == account.id))
        if (changed or rekeyed) and account.state == "blocked":
            items.want(session, PROBE, account.id, "*", now)
            session.execute(
                update(WorkItem)
                .where(WorkItem.kind == PROBE.name, WorkItem.account_id == account.id, WorkItem.state == "due")
                .values(due_at=now)
            )
        return tuple(sorted(changed | rekeyed))
