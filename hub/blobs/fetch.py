"""Getting a file from an address that a stranger wrote: only from public hosts, bounded in time and size.

The name is resolved once, every address it has must be public, and the connection goes to the address that was checked:
a name that answers differently the second time gains nothing. Each redirect is a new address and checked again.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

import urllib3
from urllib3.exceptions import HTTPError
from urllib3.util import Timeout

from hub.kernel.errors import HubError
from hub.kernel.text import shorten

CONNECT_S, READ_S, TOTAL_S = 5.0, 10.0, 60.0
REDIRECTS = 5
_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_BLOCK = 64 * 1024


class NotFetched(HubError):
    """The file was not got. `again` says whether a later try may succeed."""

    code = "not_fetched"

    def __init__(self, message: str, *, again: bool, fix: str | None = None) -> None:
        super().__init__(message, field="address", fix=fix)
        self.again = again


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """`address` is where it was found in the end; `declared` is what the server said it is, which nobody relies on."""

    address: str
    content: bytes
    declared: str


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the public internet: not to this machine, its network, or a tunnel into them."""
    ip = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is not None:
            return is_public(str(inner))
        if ip in _NAT64:
            return is_public(str(ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)))
    return ip.is_global and not ip.is_multicast and not ip.is_reserved and not ip.is_unspecified


Resolve = Callable[[str, int], list[str]]


def resolve(host: str, port: int) -> list[str]:
    """The IP addresses of a name, in the order to try them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetcher:
    """`may_connect` decides which IP addresses are good; anything but `is_public` is for tests against loopback."""

    max_bytes: int = 25 * 1024 * 1024
    may_connect: Callable[[str], bool] = is_public
    resolve: Resolve = resolve
    tls: ssl.SSLContext | None = None
    now: Callable[[], float] = time.monotonic

    def fetch(self, address: str) -> Fetched:
        """The file at a web address.

        Raises:
            NotFetched: the address leads somewhere private, nobody answers in time, the answer is no success, or the
                file is larger than `max_bytes`.
        """
        deadline = self.now() + TOTAL_S
        here = address
        for _ in range(REDIRECTS + 1):
            answer = self._ask(here, deadline)
            if isinstance(answer, Fetched):
                return answer
            here = urljoin(here, answer)
        raise NotFetched(f"{shorten(address, 80)} leads on and on", again=False, fix="give the final address")

    def _ask(self, address: str, deadline: float) -> Fetched | str:
        """The file, or where the server says it is."""
        shown = shorten(address, 80)
        try:
            parts = urlsplit(address)
            port = parts.port or (443 if parts.scheme == "https" else 80)
        except ValueError as error:
            raise NotFetched(f"{shown} is not a web address", again=False) from error
        host = (parts.hostname or "").rstrip(".")
        if parts.scheme not in ("http", "https") or not host or parts.username or parts.password:
            raise NotFetched(f"{shown} is not a plain http or https address", again=False)
        ip = self._checked_ip(host, port, shown)
        left = deadline - self.now()
        if left <= 0:
            raise NotFetched(f"{shown} took more than {TOTAL_S:.0f} s", again=True)
        timeout = Timeout(connect=min(CONNECT_S, left), read=min(READ_S, left))
        pool: urllib3.HTTPConnectionPool
        if parts.scheme == "https":
            pool = urllib3.HTTPSConnectionPool(
                ip, port, timeout=timeout, retries=False, server_hostname=host, assert_hostname=host,
                ssl_context=self.tls or ssl.create_default_context(),
            )  # fmt: skip
        else:
            pool = urllib3.HTTPConnectionPool(ip, port, timeout=timeout, retries=False)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        named = f"[{host}]" if ":" in host else host
        default = port == (443 if parts.scheme == "https" else 80)
        headers = {
            "Host": named if default else f"{named}:{port}",
            "User-Agent": "entrepot-media", "Accept": "image/*, application/pdf, video/mp4", "Accept-Encoding": "identity",
        }  # fmt: skip
        try:
            with pool, pool.request("GET", target, headers=headers, redirect=False, preload_content=False) as answer:
                if answer.status in (301, 302, 303, 307, 308):
                    place = answer.headers.get("Location")
                    if not place:
                        raise NotFetched(f"{shown} leads nowhere", again=False)
                    return place
                if answer.status != 200:
                    raise NotFetched(
                        f"{shown} answered {answer.status}",
                        again=answer.status in (408, 425, 429) or answer.status >= 500,
                    )
                content = self._read(answer, shown, deadline)
                return Fetched(address=address, content=content, declared=answer.headers.get("Content-Type", ""))
        except (HTTPError, OSError) as error:
            raise NotFetched(f"{shown} did not answer ({type(error).__name__})", again=True) from error

    def _checked_ip(self, host: str, port: int, shown: str) -> str:
        try:
            found = self.resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise NotFetched(f"the name in {shown} is not known", again=True) from error
        private = [ip for ip in found if not self.may_connect(ip)]
        if private or not found:
            raise NotFetched(
                f"{shown} is not on the public internet",
                again=False,
                fix="upload the file instead of giving its address",
            )
        return found[0]

    def _read(self, answer: urllib3.BaseHTTPResponse, shown: str, deadline: float) -> bytes:
        length = answer.headers.get("Content-Length", "")
        too_large = NotFetched(f"{shown} is larger than {self.max_bytes:,} bytes", again=False)
        if length.isdigit() and int(length) > self.max_bytes:
            raise too_large
        out = bytearray()
        # read1 returns what has come, so that a server which drips cannot stretch one read beyond the deadline
        while block := answer.read1(_BLOCK, decode_content=False):
            out += block
            if len(out) > self.max_bytes:
                raise too_large
            if self.now() > deadline:
                raise NotFetched(f"{shown} took more than {TOTAL_S:.0f} s", again=True)
        if length.isdigit() and len(out) != int(length):
            raise NotFetched(f"{shown} broke off after {len(out):,} of {length} bytes", again=True)
        return bytes(out)
