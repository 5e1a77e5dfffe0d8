"""The bounded transport over TLS, which is what production speaks: answers arrive, drips end, certificates count."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from hub.channels.bounded import BoundedAdapter
from hub.channels.contract import Unavailable
from hub.channels.wire import Request, RequestsWire


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A self-signed certificate for 127.0.0.1 and its key in one file."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "rehearsal")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "rehearsal.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    return path


@pytest.fixture
def tls_server(certificate: Path) -> Iterator[str]:
    """Answers `/whole` at once and everything else one byte at a time."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    listener = socket.create_server(("127.0.0.1", 0))
    stop = threading.Event()

    def talk(peer: socket.socket) -> None:
        try:
            with context.wrap_socket(peer, server_side=True) as tls:
                for _ in range(2):
                    asked = tls.recv(65536)
                    if b"/whole" not in asked:
                        break
                    tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwhole")
                tls.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n")
                while not stop.wait(0.05):
                    tls.sendall(b"x")
        except OSError:
            return

    def serve() -> None:
        while not stop.is_set():
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=talk, args=(peer,), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    yield f"https://127.0.0.1:{listener.getsockname()[1]}"
    stop.set()
    listener.close()


def test_answers_over_tls_arrive_whole_on_a_connection_that_is_used_again(tls_server: str, certificate: Path) -> None:
    with requests.Session() as session:
        session.mount("https://", BoundedAdapter(lambda: time.monotonic() + 5))
        answers = [session.get(tls_server + "/whole", verify=str(certificate), timeout=5).content for _ in range(2)]
    assert answers == [b"whole", b"whole"]


def test_a_drip_over_tls_ends_in_time(tls_server: str, certificate: Path) -> None:
    started = time.monotonic()
    with requests.Session() as session:
        session.mount("https://", BoundedAdapter(lambda: time.monotonic() + 0.4))
        with pytest.raises(requests.ConnectionError, match=r"timed out|in time"):
            session.get(tls_server + "/drip", verify=str(certificate), timeout=5)
    assert time.monotonic() - started < 1.5


def test_an_unknown_certificate_is_refused_before_anything_is_sent(tls_server: str) -> None:
    with pytest.raises(Unavailable) as caught:
        RequestsWire().send(Request(operation="x", method="POST", url=tls_server + "/whole", writing=True))
    assert "CERTIFICATE_VERIFY_FAILED" in caught.value.detail
