"""A browser and a program in front of a hub's application, without a socket."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient
from sqlalchemy import event, func, select
from werkzeug.test import TestResponse

from hub.config import Settings
from hub.db.session import reading, unit
from hub.kernel.clock import FixedClock
from hub.orders.models import Order
from hub.pim.models import StockMovement, Variant
from hub.web.app import Application, create_app
from hub.wiring import System, build
from hub.work.models import Account
from tests.support import databases
from tests.support.builders import a_listing, a_variant, an_account
from tests.support.databases import Database
from tests.support.orders import a_channel_order, take

_keys = count(1)
PROBLEM = "application/problem+json"


class Shop:
    """Account acc_1 «alpha» sells SKU-1 (50 units) and SKU-2 (5 units) from «main»."""

    def __init__(self, system: System, clock: FixedClock) -> None:
        self.system = system
        self.clock = clock
        self.app = create_app(system)
        self.client: FlaskClient = self.app.test_client()
        with unit(system.sessions) as session:
            account = an_account(session, name="alpha", cadence={"orders.pull": 60})
            for sku, units in (("SKU-1", 50), ("SKU-2", 5)):
                a_listing(session, account, a_variant(session, sku=sku, stock=units))

    def another(self) -> Application:
        """A second application over the same hub, as another process would have it."""
        return create_app(self.system)

    def get(self, path: str, **options: Any) -> TestResponse:
        return self.client.get(_full(path), **options)

    def post(
        self, path: str, body: object = None, *, key: str | None = None, headers: Mapping[str, str] | None = None,
    ) -> TestResponse:  # fmt: skip
        """As a well-behaved program does, unless told otherwise."""
        return self.client.post(
            _full(path), json={} if body is None else body,
            headers={"Idempotency-Key": key or f"key-{next(_keys)}", **(headers or {})},
        )  # fmt: skip

    def order(self, name: str = "A-1", lines: tuple[tuple[str, int], ...] = (("SKU-1", 2),), **options: Any) -> str:
        """Take an order in; its reference."""
        with unit(self.system.sessions) as session:
            account = session.get_one(Account, 1)
            return f"ord_{take(session, account, a_channel_order(name, lines, **options))[0].id}"

    def orders(self, number: int, *, first: int = 1) -> None:
        """So many orders for one unit of SKU-1 each, all due at the same time."""
        made = [a_channel_order(f"A-{n}") for n in range(first, first + number)]
        with unit(self.system.sessions) as session:
            take(session, session.get_one(Account, 1), *made)

    def stored(self, ref: str) -> Order:
        with reading(self.system.sessions) as session:
            return session.get_one(Order, int(ref[4:]))

    def moved(self, sku: str = "SKU-1") -> list[tuple[str, int]]:
        """(kind, delta) of the ledger of a SKU, after the opening stock."""
        with reading(self.system.sessions) as session:
            rows = session.execute(
                select(StockMovement.kind, StockMovement.delta)
                .join(Variant, Variant.id == StockMovement.variant_id)
                .where(Variant.sku == sku)
                .order_by(StockMovement.id)
            ).all()
        return [(row.kind, row.delta) for row in rows][1:]

    def count(self, model: Any) -> int:
        with reading(self.system.sessions) as session:
            return int(session.scalar(select(func.count()).select_from(model)) or 0)

    def statements(self) -> Statements:
        return Statements(self.system)


@contextmanager
def a_shop(database: Database, home: Path, clock: FixedClock) -> Iterator[Shop]:
    system = build(Settings(home=home, database_url=database.url, secret_key=databases.SECRET_KEY), clock=clock)
    try:
        yield Shop(system, clock)
    finally:
        system.close()


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
    assert body["type"] in ("invalid_request", "refused", "idempotency", "forbidden", "unavailable", "internal")
    assert body["request_id"] == answer.headers["X-Request-Id"]
    return answer.status_code, body["code"], body.get("param")
