"""The loopback server: a WSGI application in threads on 127.0.0.1, able to cut, hang and garble its answers."""

from __future__ import annotations

import contextlib
import logging
import socket
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server
from werkzeug.wrappers import Request, Response

from hub.loopback.faults import FaultKind, FaultPlan

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

logging.getLogger("werkzeug").setLevel(logging.ERROR)

Handler = Callable[[Request], Response]


class Dropped(ConnectionError):
    """Raised inside the server to end a connection without a (further) byte."""


class _QuietHandler(WSGIRequestHandler):
    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:  # noqa: A002 - the base class names it so
        return

    def setup(self) -> None:
        super().setup()
        self.server.live.add(self.connection)  # type: ignore[attr-defined]

    def finish(self) -> None:
        self.server.live.discard(self.connection)  # type: ignore[attr-defined]
        super().finish()


class LoopbackServer:
    """Serves `handler` on 127.0.0.1. `port` 0 picks a free one. Use as a context manager.

    `operation_of` names the operation of a request (for faults); `native` may answer a fault in the channel's own
    wire format (return None for the plain default).
    """

    def __init__(
        self,
        handler: Handler,
        *,
        plan: FaultPlan | None = None,
        operation_of: Callable[[Request], str] | None = None,
        native: Callable[[FaultKind, Request], Response | None] | None = None,
        on_answer: Callable[[Request, str, Response | None, FaultKind | None], None] | None = None,
        exempt: Callable[[Request], bool] | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        self._handler = handler
        self.plan = plan or FaultPlan()
        self._operation_of = operation_of or (lambda request: f"{request.method} {request.path}")
        self._native = native or (lambda kind, request: None)
        self._on_answer = on_answer or (lambda request, operation, response, fault: None)
        self._exempt = exempt or (lambda request: False)
        self._stopping = threading.Event()
        self.host = host
        self._server: BaseWSGIServer | None = None
        self._thread: threading.Thread | None = None
        self.port = port

    # ------------------------------------------------------------ life

    def start(self) -> LoopbackServer:
        self._stopping.clear()
        self._server = make_server(self.host, self.port, self._app, threaded=True, request_handler=_QuietHandler)
        self._server.daemon_threads = True  # type: ignore[attr-defined]
        self._server.live = set()  # type: ignore[attr-defined]
        self.port = self._server.server_port
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name=f"loopback-{self.port}", daemon=True
        )
        self._thread.start()
        return self

    def stop(self) -> None:
        """Stop listening (callers get «connection refused»); `start` again reuses the port."""
        self._stopping.set()
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            # Connections that a client keeps open would go on being served by their threads.
            for connection in tuple(self._server.live):  # type: ignore[attr-defined]
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
            self._server = None
        if self._thread is not None:
            self._thread.join(timeout=5)
            self._thread = None

    def __enter__(self) -> LoopbackServer:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    # ------------------------------------------------------------ serving

    def _app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        request.get_data(cache=True)  # read the body before anything is cut, as a real server would have
        if self._exempt(request):
            return self._handler(request)(environ, start_response)
        operation = self._operation_of(request)
        drawn = self.plan.draw(operation)
        response: Response | None = None
        kind = drawn[0] if drawn else None
        try:
            response = self._handler(request) if drawn is None else self._broken(drawn[0], drawn[1].hang_s, request)
        finally:
            self._on_answer(request, operation, response, kind)
        if response is None:
            self._cut(environ)
            raise Dropped
        return response(environ, start_response)

    def _cut(self, environ: WSGIEnvironment) -> None:
        sock = environ.get("werkzeug.socket")
        if isinstance(sock, socket.socket):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def _broken(self, kind: FaultKind, hang_s: float, request: Request) -> Response | None:
        """Carry the fault out; None = cut the connection."""
        if kind is FaultKind.RESET_BEFORE:
            return None
        if kind is FaultKind.HANG:
            self._stopping.wait(hang_s)
            return None
        if kind in (FaultKind.APPLY_THEN_DROP, FaultKind.APPLY_THEN_HANG):
            self._handler(request)
            if kind is FaultKind.APPLY_THEN_HANG:
                self._stopping.wait(hang_s)
            return None
        if kind is FaultKind.APPLY_THEN_500:
            self._handler(request)
            return self._native(FaultKind.SERVER_ERROR, request) or Response("Internal error", status=500)
        if kind is FaultKind.CUT_JSON:
            whole = self._handler(request)
            return _like(whole, whole.get_data()[: max(1, len(whole.get_data()) // 2)])
        if kind is FaultKind.WRONG_CHARSET:
            whole = self._handler(request)
            return _like(whole, whole.get_data(as_text=True).encode("utf-16"))
        if kind is FaultKind.HTML_200:
            return Response("<html><body>Welcome to the captive portal</body></html>", mimetype="text/html")
        if kind is FaultKind.UNAVAILABLE:
            return Response("<html><body><h1>503 Service Unavailable</h1></body></html>", 503, mimetype="text/html")
        if kind is FaultKind.BAD_GATEWAY:
            return Response("<html><body><h1>502 Bad Gateway</h1></body></html>", 502, mimetype="text/html")
        if kind is FaultKind.BIG_BODY:
            return Response("x" + " " * (5 * 1024 * 1024), mimetype="text/plain")
        if kind is FaultKind.REDIRECT_AWAY:
            return Response("", 302, {"Location": "http://192.0.2.1/elsewhere"})
        native = self._native(kind, request)
        if native is not None:
            return native
        status, headers = {
            FaultKind.THROTTLE: (429, {"Retry-After": "2"}),
            FaultKind.THROTTLE_NO_HINT: (429, {}),
            FaultKind.AUTH_EXPIRED: (401, {}),
            FaultKind.FORBIDDEN: (403, {}),
            FaultKind.BAD_REQUEST: (400, {}),
            FaultKind.NOT_FOUND: (404, {}),
            FaultKind.CONFLICT: (409, {}),
        }.get(kind, (500, {}))
        return Response(f'{{"error": "{kind}"}}', status, headers, mimetype="application/json")


def _like(whole: Response, body: bytes) -> Response:
    """The same status and headers around another body."""
    out = Response(body, whole.status_code)
    for name, value in whole.headers:
        if name.lower() != "content-length":
            out.headers[name] = value
    return out
