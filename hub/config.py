"""Settings, read once from the environment. Nothing else in the hub reads it."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import platformdirs

from hub.kernel.errors import Misconfigured


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where the hub keeps its state and whom it talks to."""

    home: Path
    database_url: str = field(repr=False)
    broker_url: str = field(default="", repr=False)  # empty = in-process doorbell
    secret_key: str = field(default="", repr=False)  # empty = a key file under `home`
    failpoint: str = ""
    clock_file: Path | None = None  # shared virtual time of a rehearsal
    web_host: str = "127.0.0.1"
    web_port: int = 8420
    media_store: str = ""  # s3://bucket/prefix; empty = a folder under `home`
    media_url: str = ""  # where the world reaches the media library, for channels to fetch pictures from
    s3_endpoint: str = ""
    s3_region: str = ""
    s3_key_id: str = field(default="", repr=False)
    s3_secret: str = field(default="", repr=False)
    lease_s: float = 90.0
    call_timeout_s: float = 20.0

    @property
    def embedded(self) -> bool:
        return not self.broker_url


def _number(name: str, default: str) -> float:
    text = os.environ.get(name, default)
    try:
        value = float(text)
    except ValueError:
        raise Misconfigured(f"{name} must be a number, got {text!r}", field=name, value=text) from None
    if value <= 0:
        raise Misconfigured(f"{name} must be above 0, got {text!r}", field=name, value=text)
    return value


def _web_address(text: str) -> str:
    if text and not text.startswith(("http://", "https://")):
        raise Misconfigured(
            "HUB_MEDIA_URL must begin with https:// or http://", field="HUB_MEDIA_URL", value=text,
            fix="https://shop.example/media",
        )  # fmt: skip
    return text


def load(home: Path | None = None) -> Settings:
    """The settings of this process. `home` overrides HUB_HOME.

    Raises:
        Misconfigured: a value is not usable; the message names the variable.
    """
    env = os.environ
    where = home or Path(env.get("HUB_HOME") or platformdirs.user_data_path("entrepot"))
    database = env.get("HUB_DATABASE_URL") or f"sqlite:///{where / 'hub.sqlite3'}"
    if database.startswith("postgres://"):
        database = "postgresql://" + database.removeprefix("postgres://")
    if not database.startswith(("sqlite:///", "postgresql://", "postgresql+psycopg://")):
        raise Misconfigured(
            "HUB_DATABASE_URL must begin with sqlite:/// or postgresql://",
            field="HUB_DATABASE_URL",
            fix="postgresql://host/name",
        )
    broker = env.get("HUB_BROKER_URL", "")
    if broker and not broker.startswith(("redis://", "rediss://", "amqp://", "amqps://")):
        raise Misconfigured(
            "HUB_BROKER_URL must begin with redis:// or amqp://", field="HUB_BROKER_URL", fix="redis://127.0.0.1:6379/0"
        )
    clock = env.get("HUB_CLOCK_FILE")
    return Settings(
        home=where,
        database_url=database,
        broker_url=broker,
        secret_key=env.get("HUB_SECRET_KEY", ""),
        failpoint=env.get("HUB_FAILPOINT", ""),
        clock_file=Path(clock) if clock else None,
        web_host=env.get("HUB_WEB_HOST", "127.0.0.1"),
        web_port=int(_number("HUB_WEB_PORT", "8420")),
        media_store=env.get("HUB_MEDIA_STORE", ""),
        media_url=_web_address(env.get("HUB_MEDIA_URL", "")),
        s3_endpoint=env.get("HUB_S3_ENDPOINT", ""),
        s3_region=env.get("HUB_S3_REGION", ""),
        s3_key_id=env.get("HUB_S3_KEY_ID", ""),
        s3_secret=env.get("HUB_S3_SECRET", ""),
        lease_s=_number("HUB_LEASE_S", "90"),
        call_timeout_s=_number("HUB_CALL_TIMEOUT_S", "20"),
    )


def child_environment(settings: Settings) -> dict[str, str]:
    """The environment in which a child process has the same settings."""
    env = dict(os.environ)
    env.update(
        HUB_HOME=str(settings.home),
        HUB_DATABASE_URL=settings.database_url,
        HUB_BROKER_URL=settings.broker_url,
        HUB_LEASE_S=str(settings.lease_s),
        HUB_CALL_TIMEOUT_S=str(settings.call_timeout_s),
    )
    if settings.secret_key:
        env["HUB_SECRET_KEY"] = settings.secret_key
    if settings.clock_file is not None:
        env["HUB_CLOCK_FILE"] = str(settings.clock_file)
    env.pop("HUB_FAILPOINT", None)
    return env
