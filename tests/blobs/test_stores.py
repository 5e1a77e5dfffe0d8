"""The folder and the bucket behave alike; the bucket is a loopback server that speaks S3's protocol."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

import pytest

from hub.blobs.s3 import open_bucket
from hub.blobs.store import BlobStore, FolderStore
from hub.kernel.errors import Misconfigured, Unknown


class _Bucket(BaseHTTPRequestHandler):
    """Path-style PUT, GET, HEAD, DELETE and ListObjectsV2 of one bucket."""

    objects: dict[str, bytes]

    def _key(self) -> str:
        return unquote(urlsplit(self.path).path).removeprefix("/shop/")

    def _send(self, status: int, body: bytes = b"", kind: str = "application/xml") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def do_PUT(self) -> None:
        self.objects[self._key()] = self.rfile.read(int(self.headers["Content-Length"]))
        self._send(200)

    def do_GET(self) -> None:
        query = parse_qs(urlsplit(self.path).query)
        if "list-type" in query:
            prefix = query.get("prefix", [""])[0]
            items = "".join(
                f"<Contents><Key>{escape(k)}</Key><Size>{len(v)}</Size></Contents>"
                for k, v in sorted(self.objects.items())
                if k.startswith(prefix)
            )
            self._send(200, f"<ListBucketResult><IsTruncated>false</IsTruncated>{items}</ListBucketResult>".encode())
        elif self._key() in self.objects:
            self._send(200, self.objects[self._key()], "application/octet-stream")
        else:
            self._send(404, b"<Error><Code>NoSuchKey</Code></Error>")

    def do_HEAD(self) -> None:
        self._send(200 if self._key() in self.objects else 404)

    def do_DELETE(self) -> None:
        self.objects.pop(self._key(), None)
        self._send(204)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
        """Quiet."""


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BlobStore]:
    if request.param == "folder":
        yield FolderStore(tmp_path / "media")
        return
    handler = type("Bucket", (_Bucket,), {"objects": {}})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_address[1]}"
        yield open_bucket("s3://shop/media", endpoint=address, key_id="k", secret="s")
        server.shutdown()


def test_what_was_put_is_there_until_removed(store: BlobStore) -> None:
    assert not store.has("a/1.jpg")
    with pytest.raises(Unknown, match=r"no file 'a/1.jpg'"):
        store.get("a/1.jpg")
    store.put("a/1.jpg", b"one", "image/jpeg")
    store.put("a/1.jpg", b"one", "image/jpeg")
    store.put("a/2.jpg", b"two", "image/jpeg")
    store.put("b/3.jpg", b"three", "image/jpeg")
    assert (store.has("a/1.jpg"), store.get("a/1.jpg")) == (True, b"one")
    assert list(store.keys("a")) == ["a/1.jpg", "a/2.jpg"]
    store.remove("a/1.jpg")
    store.remove("a/1.jpg")
    assert list(store.keys("a")) == ["a/2.jpg"]


@pytest.mark.parametrize("key", ["../x", "/etc/passwd", "a/../../x", "", "a//b", "ä", "x" * 301])
def test_a_key_never_leads_out_of_the_store(store: BlobStore, key: str) -> None:
    for use in (lambda: store.put(key, b"", ""), lambda: store.get(key), lambda: store.has(key)):
        with pytest.raises(ValueError, match="not a key"):
            use()


def test_eight_writers_of_one_file_leave_one_whole_file(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    body = b"x" * 300_000
    threads = [threading.Thread(target=store.put, args=("a/x.jpg", body, "image/jpeg")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["x.jpg"]
    assert store.get("a/x.jpg") == body


def test_an_address_without_a_bucket_is_refused() -> None:
    with pytest.raises(Misconfigured, match="not the address of a bucket"):
        open_bucket("https://shop/media")
