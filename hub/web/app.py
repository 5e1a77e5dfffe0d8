"""The page and the JSON API of this release: the queue, stock, account health. Bound to loopback: there is no login yet."""

from __future__ import annotations

import json
import logging
import threading
import traceback
from typing import Any

from flask import Flask, Response, g, request
from flask_openapi.models.info import Info
from flask_openapi.openapi import OpenAPI
from waitress import wasyncore
from waitress.server import create_server
from waitress.trigger import trigger

import hub as package
from hub.db import migrate
from hub.kernel.errors import Misconfigured
from hub.web import guard, health, page, problems
from hub.web.api import accounts, exports, listings, orders, products, stock
from hub.web.api.shapes import Out, shown
from hub.web.document import text
from hub.web.guard import BODY_MAX, LOOPBACK
from hub.web.hub import WebHub
from hub.web.idempotency import Once
from hub.web.problems import Problem

__all__ = ["Server", "WebHub", "create_app", "serve_in_thread"]

ABOUT = """One pool of stock, every channel. Amounts are in minor units, instants in UTC.

Every POST takes `application/json` and an `Idempotency-Key`. Refusals are `application/problem+json`; every answer has
an `X-Request-Id`. Lists are pages: go on with `after` = the `next` of the page before. There is no login yet: the hub
answers on loopback only. Within `/v1` members are added, never renamed or taken away: ignore those you do not know.
"""


logger = logging.getLogger("hub.web")


class HealthOut(Out):
    ok: bool
    database: bool
    schema_at: str | None
    schema_needed: str | None
    scheduler_late_s: float | None


class Application(OpenAPI):
    """Logs a failure with its request id and where it happened; never values, which may be personal data."""

    def log_exception(self, exc_info: Any) -> None:
        kind, _, trace = exc_info
        logger.error(
            "web.failed %s\n%s",
            json.dumps(
                {"request": g.get("request_id", ""), "method": request.method, "error": getattr(kind, "__name__", "")}
            ),
            "".join(traceback.format_tb(trace)),
        )


def create_app(hub: WebHub) -> Application:
    """The application over one hub; no globals."""
    app = Application(
        "hub.web",
        info=Info(title="Entrepôt", version=package.__version__, description=ABOUT),
        doc_ui=False,  # no pages of others: the document alone
        validation_error_model=Problem,
        validation_error_callback=problems.not_valid,
    )
    app.openapi_version = "3.1.0"
    app.url_map.merge_slashes = False  # a SKU may hold «//», and a redirect would be HTML
    guard.install(app)
    problems.install(app)
    once = Once(hub)
    for room in (accounts, orders, products, stock, listings, exports):
        app.register_api(room.blueprint(hub, once))
    _add_health(app, hub)
    page.install(app, hub)

    @app.get("/api/v1/openapi.json", doc_ui=False)
    def openapi() -> Response:
        """This API's own description."""
        return Response(text(app), mimetype="application/json")

    return app


def _add_health(app: Flask, hub: WebHub) -> None:
    needed = migrate.head()

    @app.get("/healthz", doc_ui=False)
    def healthz() -> Response:
        found = health.look(hub.sessions, hub.clock.now(), needed)
        return shown(HealthOut.model_validate(found), 200 if found.ok else 503)


class Server:
    """A running page; `close` stops it."""

    def __init__(self, hub: WebHub) -> None:
        settings = hub.settings
        if settings.web_host not in LOOPBACK:
            raise Misconfigured(
                f"the page has no login yet and is served on loopback only, not on {settings.web_host}",
                field="HUB_WEB_HOST", value=settings.web_host, fix="127.0.0.1",
            )  # fmt: skip
        logging.getLogger("waitress.queue").setLevel(logging.ERROR)  # a full queue for a moment is no news
        self._map: dict[int, object] = {}
        try:
            self._server = create_server(
                create_app(hub), map=self._map, host=settings.web_host, port=settings.web_port, threads=4, ident=None,
                max_request_body_size=4 * BODY_MAX,  # the application refuses earlier, with a problem document
            )  # fmt: skip
        except OSError as error:
            raise Misconfigured(
                f"the page cannot listen on {settings.web_host}:{settings.web_port}: {error.strerror}",
                field="HUB_WEB_PORT", value=settings.web_port, fix="HUB_WEB_PORT=8421, or another free port",
            ) from error  # fmt: skip
        self._thread = threading.Thread(target=self._server.run, name="web", daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """The port it listens on; of use where 0 was asked for."""
        server = next(item for item in self._map.values() if hasattr(item, "effective_port"))
        return int(server.effective_port)

    def close(self) -> None:
        """Stop listening, let running requests end, and return when all threads have."""
        bell = next((item for item in self._map.values() if isinstance(item, trigger)), None)
        if bell is not None:
            bell.pull_trigger(lambda: wasyncore.close_all(self._map))  # in the server's own thread: it owns the sockets
        self._thread.join(timeout=10)
        self._server.task_dispatcher.shutdown()


def serve_in_thread(hub: WebHub) -> Server:
    """Serve until `close`.

    Raises:
        Misconfigured: the address is not loopback, or the port is taken.
    """
    return Server(hub)
