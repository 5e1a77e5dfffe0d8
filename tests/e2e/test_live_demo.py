"""The live demo as a person runs it: start, look, Ctrl-C, start again; and what happens when it is killed."""

from __future__ import annotations

import json
import socket
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

from tests.support.processes import (
    environment,
    free_port,
    interrupt,
    kill_session,
    naming,
    run_hub,
    start_hub,
    until,
)

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]
CHANNELS = ("amazon", "ebay", "shopify")
START_S = 240.0


class Demo:
    """A demo's home, its process, and what its database says."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "demo home"
        self.log = folder / "demo.log"
        self.port = free_port()
        self.env = environment(HUB_WEB_PORT=str(self.port), HUB_HOME=str(self.home))
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.process = start_hub("demo", "--home", str(self.home), env=self.env, log=self.log)

    @property
    def running(self) -> subprocess.Popen[bytes]:
        assert self.process is not None
        return self.process

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        try:
            with closing(sqlite3.connect(f"file:{self.home / 'hub.sqlite3'}?mode=ro", uri=True)) as database:
                return database.execute(query).fetchall()
        except sqlite3.OperationalError:
            return []  # not migrated yet

    def live(self) -> dict[str, int]:
        return dict(
            self.ask(
                "SELECT a.name, count(*) FROM listings l JOIN accounts a ON a.id = l.account_id"
                " WHERE l.state = 'live' GROUP BY a.name"
            )
        )

    def published(self) -> int:
        """Attempts to publish a product: each is one call that creates or revises."""
        query = "SELECT count(*) FROM attempts a JOIN work_items w ON w.id = a.work_id WHERE w.kind = 'listing.publish'"
        return sum(row[0] for row in self.ask(query))

    def orders(self) -> set[tuple[str, str]]:
        return set(self.ask("SELECT a.name, o.channel_order_id FROM orders o JOIN accounts a ON a.id = o.account_id"))

    def wanted(self) -> int:
        return sum(row[0] for row in self.ask("SELECT count(*) FROM listings"))

    def is_trading(self, *, beyond: int) -> bool:
        """Everything is live on all three, and more than so many orders are there."""
        assert self.running.poll() is None, self.text()
        live = self.live()
        return set(live) == set(CHANNELS) and sum(live.values()) == self.wanted() and len(self.orders()) > beyond

    def text(self) -> str:
        return self.log.read_text("utf-8", "replace")[-3000:]

    def page(self, path: str) -> tuple[int, bytes]:
        with urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
            return answer.status, answer.read()


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    made = Demo(tmp_path)
    yield made
    if made.process is not None:
        kill_session(made.process)
    until(lambda: naming(str(made.home)) == [], within_s=20, what="the marketplaces end with the hub")


def test_it_sells_stops_within_20_seconds_and_goes_on_where_it_was(demo: Demo) -> None:
    demo.start()
    until(lambda: demo.is_trading(beyond=3), within_s=START_S, what="live on all three, and some orders")
    assert demo.page("/healthz")[0] == 200
    status = run_hub("sync", "status", "--json", env=demo.env, timeout_s=60)
    assert status.returncode == 0, status.stderr
    assert {row["name"] for row in json.loads(status.stdout)["accounts"]} == set(CHANNELS)
    assert interrupt(demo.running, within_s=20) == 0, demo.text()
    assert naming(str(demo.home)) == []
    live, published, orders = demo.live(), demo.published(), demo.orders()

    demo.start()
    until(lambda: demo.is_trading(beyond=len(orders) + 1), within_s=START_S, what="more orders after the second start")
    assert demo.orders() > orders
    assert (demo.live(), demo.published()) == (live, published)
    assert interrupt(demo.running, within_s=20) == 0, demo.text()
    assert naming(str(demo.home)) == []


def test_killed_outright_it_leaves_no_marketplaces_and_the_next_start_goes_on(demo: Demo) -> None:
    demo.start()
    until(lambda: demo.is_trading(beyond=1), within_s=START_S, what="live on all three, and some orders")
    published, orders = demo.published(), demo.orders()
    demo.running.kill()
    demo.running.wait(timeout=10)
    demo.start()  # at once, while the marketplaces of before may still be there
    until(lambda: demo.is_trading(beyond=len(orders) + 1), within_s=START_S, what="more orders after the second start")
    assert demo.orders() > orders
    assert demo.published() == published
    assert interrupt(demo.running, within_s=20) == 0, demo.text()
    assert naming(str(demo.home)) == []


def test_a_port_in_use_is_said_in_one_line_before_anything_has_begun(demo: Demo) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", demo.port))
        other.listen()
        done = run_hub("demo", "--home", str(demo.home), env=demo.env, timeout_s=60)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith(f"hub: the page cannot listen on 127.0.0.1:{demo.port}: ")
    assert "HUB_WEB_PORT" in last
    assert not (demo.home / "marketplaces").exists()


def test_fresh_deletes_nothing_but_a_demo(demo: Demo) -> None:
    demo.home.mkdir()
    (demo.home / "letters.txt").write_text("dear all", "utf-8")
    done = run_hub("demo", "--fresh", "--home", str(demo.home), env=demo.env, timeout_s=60)
    assert done.returncode == 1
    assert "holds no demo" in done.stderr
    assert (demo.home / "letters.txt").read_text("utf-8") == "dear all"
