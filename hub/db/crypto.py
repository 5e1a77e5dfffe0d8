"""The box that encrypted columns use: one key per installation, several while a rotation is under way."""

from __future__ import annotations

import os
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from hub.kernel.errors import Misconfigured


class SecretBox:
    """Encrypts with the first key, decrypts with any of them (comma-separated Fernet keys, newest first)."""

    def __init__(self, keys: str) -> None:
        try:
            self._fernet = MultiFernet([Fernet(key.strip()) for key in keys.split(",") if key.strip()])
        except ValueError as error:
            raise Misconfigured(
                "HUB_SECRET_KEY is not a list of Fernet keys (32 bytes, URL-safe base64)", field="HUB_SECRET_KEY"
            ) from error

    def encrypt(self, text: str) -> bytes:
        return self._fernet.encrypt(text.encode("utf-8", "surrogatepass"))

    def decrypt(self, token: bytes) -> str:
        try:
            return self._fernet.decrypt(token).decode("utf-8", "surrogatepass")
        except InvalidToken as error:
            raise Misconfigured(
                "stored secrets cannot be read with this key",
                field="HUB_SECRET_KEY",
                fix="give the key that wrote them",
            ) from error


_box: SecretBox | None = None  # set once by wiring; column types have no other way to reach it


def install(box: SecretBox) -> None:
    global _box
    _box = box


def current_box() -> SecretBox:
    if _box is None:
        raise Misconfigured("no encryption key is installed", field="HUB_SECRET_KEY")
    return _box


def load_or_create_key(home: Path) -> str:
    """The key file of an installation (mode 0600), made on first use. Two processes that race agree on one key."""
    path = home / "secret.key"
    home.mkdir(parents=True, exist_ok=True)
    part = home / f".secret.key.{os.getpid()}"
    if not path.exists():
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as handle:
            handle.write(Fernet.generate_key())
        try:
            os.link(part, path)  # fails if another process was first: its key is the one
        except FileExistsError:
            pass
        finally:
            part.unlink()
    return path.read_text("ascii").strip()
