"""An import that is killed goes on where it was, and no stock is counted twice."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy import func, select, text

from hub.db.session import Sessions, reading
from hub.pim.models import Product, StockMovement, StockPosition, Variant
from tests.support.databases import Database
from tests.support.import_files import csv_text, errors, run, shopify_row, write

SCRIPT = """
import sys
import threading
from pathlib import Path
from hub.db.session import make_engine, make_sessions
from hub.kernel import failpoints
from hub.kernel.clock import SystemClock
from hub.pim.importing import import_products
import hub.work.models
failpoints.arm(sys.argv[3])
sessions = make_sessions(make_engine(sys.argv[1]))
import_products(sessions, Path(sys.argv[2]), "shopify", currency="EUR", dry_run=False, clock=SystemClock())
"""


@pytest.mark.crash
@pytest.mark.parametrize(
    ("failpoint", "there"),
    [("import.before_commit:1", 0), ("import.batch:1", 500), ("import.before_commit:2", 500), ("import.batch:2", 1000)],
)
def test_a_killed_import_goes_on_and_counts_stock_once(
    database: Database, sessions: Sessions, tmp_path: Path, failpoint: str, there: int
) -> None:
    rows = [shopify_row(f"p-{n}", title=f"P {n}", price="1", qty="3") for n in range(1200)]
    path = write(tmp_path / "long.csv", csv_text(rows))
    killed = subprocess.run(
        [sys.executable, "-c", SCRIPT, database.url, str(path), failpoint], capture_output=True, timeout=60
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()[-500:]
    with reading(sessions) as session:
        assert session.scalar(select(func.count()).select_from(Product)) == there
        if database.kind == "sqlite":
            assert session.scalar(text("PRAGMA integrity_check")) == "ok"
    report = run(sessions, path)
    assert errors(report) == []
    assert report.variants == {"created": 1200 - there, "updated": 0, "unchanged": there}
    with reading(sessions) as session:
        assert session.scalar(select(func.count()).select_from(Variant)) == 1200
        assert session.scalar(select(func.count()).select_from(StockMovement)) == 1200
        assert session.scalar(select(func.sum(StockPosition.on_hand))) == 3600
    assert run(sessions, path).variants == {"created": 0, "updated": 0, "unchanged": 1200}


def test_two_imports_of_one_file_at_once_count_stock_once(sessions: Sessions, tmp_path: Path) -> None:
    rows = [shopify_row(f"p-{n}", title=f"P {n}", price="1", qty="3") for n in range(300)]
    path = write(tmp_path / "x.csv", csv_text(rows))
    failures: list[BaseException] = []

    def go() -> None:
        try:
            run(sessions, path)
        except BaseException as error:  # noqa: BLE001  # whatever it is, the test reports it
            failures.append(error)

    threads = [threading.Thread(target=go) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert failures == []
    with reading(sessions) as session:
        assert session.scalar(select(func.sum(StockPosition.on_hand))) == 900
        assert session.scalar(select(func.count()).select_from(Variant)) == 300
