"""Whoever watches the process asks /healthz."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import text

from hub.db import migrate
from hub.db.session import unit
from hub.work import accounts
from tests.support.web import Shop


def stamp(shop: Shop, revision: str) -> None:
    with unit(shop.system.sessions) as session:
        session.execute(text("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)"))
        session.execute(text("INSERT INTO alembic_version VALUES (:revision)"), {"revision": revision})


@pytest.fixture(autouse=True)
def no_stamp_left(shop: Shop) -> object:
    yield
    if shop.system.engine.dialect.name == "postgresql":
        with unit(shop.system.sessions) as session:
            session.execute(text("DROP TABLE IF EXISTS alembic_version"))
    return None


def test_a_hub_with_the_newest_schema_is_fit(shop: Shop) -> None:
    stamp(shop, migrate.head() or "")
    answer = shop.get("/healthz")
    assert answer.status_code == 200
    assert answer.get_json() == {
        "ok": True, "database": True, "schema_at": migrate.head(), "schema_needed": migrate.head(), "scheduler_late_s": 0.0,
    }  # fmt: skip


def test_a_schema_that_is_not_the_newest_is_not_fit(shop: Shop) -> None:
    stamp(shop, "000000000000")
    answer = shop.get("/healthz")
    assert (answer.status_code, answer.get_json()["ok"]) == (503, False)
    assert answer.get_json()["schema_at"] == "000000000000"


def test_an_empty_database_is_not_fit(shop: Shop) -> None:
    answer = shop.get("/healthz")
    assert (answer.status_code, answer.get_json()["database"], answer.get_json()["schema_at"]) == (503, True, None)


def test_it_tells_for_how_long_no_scheduler_has_run(shop: Shop) -> None:
    stamp(shop, migrate.head() or "")
    shop.clock.advance(timedelta(seconds=90))
    assert shop.get("/healthz").get_json()["scheduler_late_s"] == 90.0
    with unit(shop.system.sessions) as session:
        accounts.tick(session, shop.clock.now())
    assert shop.get("/healthz").get_json()["scheduler_late_s"] == 0.0
    with unit(shop.system.sessions) as session:
        accounts.set_state(session, 1, "paused", "holiday", shop.clock.now())
    assert shop.get("/healthz").get_json()["scheduler_late_s"] is None


def test_a_database_that_is_away_is_a_finding_and_a_503_elsewhere(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    from sqlalchemy import create_engine

    from hub.db.session import make_sessions

    nowhere = create_engine("postgresql://nobody@127.0.0.1:1/none", connect_args={"connect_timeout": 2})
    monkeypatch.setattr(shop.system, "sessions", make_sessions(nowhere))
    answer = shop.get("/healthz")
    assert (answer.status_code, answer.get_json()["database"]) == (503, False)
    assert "127.0.0.1" not in answer.get_data(as_text=True)
    away = shop.get("/stock")
    assert (away.status_code, away.get_json()["code"], away.headers["Retry-After"]) == (503, "database", "2")
    assert shop.post("/stock/adjustments", {"sku": "SKU-1", "location": "main", "delta": 1}).status_code == 503
