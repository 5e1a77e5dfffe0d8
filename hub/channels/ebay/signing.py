"""eBay's digital signatures: HTTP message signatures (RFC 9421) that EU and UK sellers need on calls that move money.

Contracts README 3.1; headers and covered components after developer.ebay.com/develop/guides/digital-signatures-for-apis.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key

from hub.channels.contract import InvalidData


def headers(*, method: str, url: str, body: bytes | None, jwe: str, key: str, now: datetime) -> Mapping[str, str]:
    """The signature headers of one request. `key` is PEM or the bare base64 that eBay hands out.

    Raises:
        InvalidData: the key is no Ed25519 private key.
    """
    parts = urlsplit(url)
    lines: list[tuple[str, str]] = []
    out: dict[str, str] = {}
    if body is not None:
        out["Content-Digest"] = "sha-256=:" + base64.b64encode(hashlib.sha256(body).digest()).decode() + ":"
        lines.append(("content-digest", out["Content-Digest"]))
    lines += [
        ("x-ebay-signature-key", jwe),
        ("@method", method),
        ("@path", parts.path),
        ("@authority", parts.netloc),
    ]
    covered = "(" + " ".join(f'"{name}"' for name, _ in lines) + f");created={int(now.timestamp())}"
    base = "\n".join(f'"{name}": {value}' for name, value in lines) + f'\n"@signature-params": {covered}'
    signature = base64.b64encode(_load(key).sign(base.encode())).decode()
    return out | {
        "x-ebay-signature-key": jwe,
        "x-ebay-enforce-signature": "true",
        "Signature-Input": f"sig1={covered}",
        "Signature": f"sig1=:{signature}:",
    }


def _load(key: str) -> Ed25519PrivateKey:
    bare = "".join(line.strip() for line in key.strip().splitlines() if not line.startswith("-----"))
    try:
        loaded = load_der_private_key(base64.b64decode(bare, validate=True), password=None)
    except (ValueError, TypeError):
        # Without its cause, which could quote the key.
        raise InvalidData("The signing key of this account is not a readable private key.") from None
    if not isinstance(loaded, Ed25519PrivateKey):
        raise InvalidData("The signing key of this account is not an Ed25519 key.")
    return loaded
