"""Files from strangers' addresses: only public hosts, however the way there is disguised."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from hub.blobs.fetch import Fetcher, NotFetched, is_public

PRIVATE = (
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",  # noqa: S104 - an address that is refused
    "255.255.255.255", "192.0.2.1", "198.18.0.1", "240.0.0.1", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1",
    "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "2001:db8::1",
)  # fmt: skip


@pytest.mark.parametrize("ip", PRIVATE)
def test_private_addresses_are_never_connected_to(ip: str) -> None:
    assert not is_public(ip)
    asked: list[str] = []
    fetcher = Fetcher(resolve=lambda host, port: asked.append(host) or [ip])  # type: ignore[func-returns-value]
    with pytest.raises(NotFetched, match="not on the public internet") as refused:
        fetcher.fetch("http://pictures.example/1.jpg")
    assert (asked, refused.value.again) == (["pictures.example"], False)


@pytest.mark.parametrize("ip", ["93.184.216.34", "8.8.8.8", "2606:4700::1111", "64:ff9b::808:808"])
def test_public_addresses_are(ip: str) -> None:
    assert is_public(ip)


def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    fetcher = Fetcher(resolve=lambda host, port: ["8.8.8.8", "127.0.0.1"])
    with pytest.raises(NotFetched, match="public internet"):
        fetcher.fetch("https://pictures.example/1.jpg")


@pytest.mark.parametrize(
    "address",
    ["file:///etc/passwd", "ftp://h/x", "http://user:pw@h/x", "http://", "gopher://h/", "http://h:99999/", "nothing"],
)
def test_only_plain_web_addresses_are_asked(address: str) -> None:
    def never(host: str, port: int) -> list[str]:
        raise AssertionError(f"asked for {host}")

    with pytest.raises(NotFetched):
        Fetcher(resolve=never).fetch(address)


class _Server(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        path = self.path
        if path.startswith("/to/"):
            self.send_response(302)
            self.send_header("Location", path.removeprefix("/to/") or "/")
            self.end_headers()
        elif path == "/loop":
            self.send_response(302)
            self.send_header("Location", "/loop")
            self.end_headers()
        elif path == "/ok":
            self.answer(b"picture", len(b"picture"))
        elif path == "/huge":
            self.answer(b"x", 10**9)
        elif path == "/endless":
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"x" * 5000)
        elif path == "/short":
            self.answer(b"pic", 100)
        else:
            self.send_response(int(path.removeprefix("/status/")))
            self.end_headers()

    def answer(self, body: bytes, length: int) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
        """Quiet."""


@pytest.fixture
def server() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Server) as made:
        thread = threading.Thread(target=made.serve_forever, daemon=True)
        thread.start()
        yield f"http://pictures.example:{made.server_address[1]}"
        made.shutdown()
        thread.join(5)


def loopback(**more: object) -> Fetcher:
    return Fetcher(resolve=lambda host, port: ["127.0.0.1"], may_connect=lambda ip: ip == "127.0.0.1", **more)  # type: ignore[arg-type]


def test_a_file_is_fetched_through_redirects(server: str) -> None:
    found = loopback().fetch(f"{server}/to//to//ok")
    assert (found.content, found.address) == (b"picture", f"{server}/ok")


@pytest.mark.parametrize(
    ("path", "says", "again"),
    [
        ("/loop", "leads on and on", False),
        ("/huge", "larger than 4,000 bytes", False),
        ("/endless", "larger than 4,000 bytes", False),
        ("/short", "did not answer|broke off", True),
        ("/status/404", "answered 404", False),
        ("/status/503", "answered 503", True),
        ("/status/429", "answered 429", True),
    ],
)
def test_what_is_no_file_says_why_and_whether_to_try_again(server: str, path: str, says: str, again: bool) -> None:
    with pytest.raises(NotFetched, match=says) as refused:
        loopback(max_bytes=4000).fetch(f"{server}{path}")
    assert refused.value.again is again


def test_a_redirect_into_the_private_network_is_refused(server: str) -> None:
    """The first name is (for this test) good, the second leads where nobody may look."""
    names = {"pictures.example": ["127.0.0.1"], "inside.example": ["10.0.0.5"]}
    fetcher = Fetcher(resolve=lambda host, port: names[host], may_connect=lambda ip: ip == "127.0.0.1")
    with pytest.raises(NotFetched, match="not on the public internet"):
        fetcher.fetch(f"{server}/to/http://inside.example/x")


def test_time_is_bounded_as_a_whole(server: str) -> None:
    ticks = iter([0.0, 10.0, 70.0, 80.0])
    with pytest.raises(NotFetched, match="more than 60 s") as refused:
        loopback(now=lambda: next(ticks)).fetch(f"{server}/to//ok")
    assert refused.value.again
