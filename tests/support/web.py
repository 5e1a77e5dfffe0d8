"""A browser and a program in front of a hub's application, without a socket."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import count
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import event
from werkzeug.test import TestResponse

from hub.web.app import create_app
from hub.wiring import System

_keys = count(1)
PROBLEM = "application/problem+json"


class Caller:
    """Speaks to the API as a well-behaved program does, unless told otherwise."""

    def __init__(self, system: System) -> None:
        self.system = system
        self.app = create_app(system)
        self.client: FlaskClient = self.app.test_client()

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.client.get(_full(path), **options)

    def post(
        self, path: str, body: object = None, *, key: str | None = None, headers: Mapping[str, str] | None = None,
    ) -> TestResponse:  # fmt: skip
        return self.client.post(
            _full(path), json={} if body is None else body,
            headers={"Idempotency-Key": key or f"key-{next(_keys)}", **(headers or {})},
        )  # fmt: skip

    def statements(self) -> Statements:
        return Statements(self.system)


def _full(path: str) -> str:
    return path if path.startswith(("/api", "/static", "/healthz")) or path == "/" else f"/api/v1{path}"


class Statements:
    """Counts what is asked of the database while it is open (BEGIN and savepoints do not count)."""

    def __init__(self, system: System) -> None:
        self._engine = system.engine
        self.texts: list[str] = []

    def _note(self, *arguments: Any) -> None:
        text = str(arguments[2])
        if not text.startswith(("BEGIN", "SAVEPOINT", "RELEASE", "ROLLBACK")):
            self.texts.append(text)

    def __enter__(self) -> Statements:
        event.listen(self._engine, "before_cursor_execute", self._note)
        return self

    def __exit__(self, *_: object) -> None:
        event.remove(self._engine, "before_cursor_execute", self._note)

    def __len__(self) -> int:
        return len(self.texts)


def problem_of(answer: TestResponse) -> tuple[int, str, str | None]:
    """(status, code, param) of a refusal, which must be a complete problem document."""
    assert answer.mimetype == PROBLEM, answer.get_data(as_text=True)[:300]
    body = answer.get_json()
    assert body["status"] == answer.status_code
    assert body["message"]
    assert body["type"]
    assert body["request_id"] == answer.headers["X-Request-Id"]
    return answer.status_code, body["code"], body.get("param")
