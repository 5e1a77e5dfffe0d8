"""An import as a job: it goes on after a crash, can be all or nothing, and leaves a file of what was not taken."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from hub.db.session import Sessions, reading, unit
from hub.kernel.clock import FixedClock
from hub.kernel.errors import Invalid, NotAllowedNow, Unknown
from hub.pim.history.models import AuditRow
from hub.pim.history.note import By
from hub.pim.importing import job, reports, uploads
from hub.pim.importing.models import ImportRow, Upload
from hub.pim.importing.run import Options
from hub.pim.jobs import run
from hub.pim.jobs.models import Job
from hub.pim.models import Product, StockMovement, StockPosition, Variant
from tests.support.builders import NOW
from tests.support.import_files import csv_text, shopify_row

BY = By(kind="import", name="anna")
Start = Callable[..., int]


@pytest.fixture
def start(sessions: Sessions, tmp_path: Path) -> Start:
    def begin(text: str, profile: str = "shopify", **more: Any) -> int:
        with unit(sessions) as session:
            upload = uploads.store(session, tmp_path, io.BytesIO(text.encode()), "goods.csv", NOW)
            options = more.pop("options", Options(currency="EUR"))
            request = job.Request(digest=upload.digest, profile=profile, options=options, **more)
            return job.start(session, tmp_path, request, BY, NOW).id

    return begin


def carry_out(sessions: Sessions, number: int, steps: int | None = None) -> str | None:
    return run.run(sessions, FixedClock(NOW), number, steps=steps)


def count(sessions: Sessions, model: type[Any]) -> int:
    with reading(sessions) as session:
        return int(session.scalar(select(func.count()).select_from(model)) or 0)


def goods(number: int, **last: str) -> str:
    rows = [shopify_row(f"p-{n}", title=f"P {n}", price="1", qty="3") for n in range(number)]
    return csv_text([*rows, *([shopify_row("last", **last)] if last else [])])


def test_an_import_taken_over_by_another_worker_goes_on_behind_what_is_written(
    sessions: Sessions, start: Start
) -> None:
    number = start(goods(1200, title="Last", price="wrong"))
    assert carry_out(sessions, number, steps=2) == "ready"  # reading, and the first 500 rows
    assert count(sessions, Product) == 500
    assert carry_out(sessions, number) == "done"
    report = reports.report_of(sessions, number)
    assert (report.rows, report.products["created"], report.variants["created"]) == (1201, 1200, 1200)
    assert (report.errors, report.bad_rows, report.opening_units, report.outcome) == (1, 1, 3600, "imported")
    assert [(r.line, r.field, r.cause) for r in report.problems()] == [
        (1202, "Variant Price", "'wrong' is not a number")
    ]
    with reading(sessions) as session:
        assert session.scalar(select(func.sum(StockPosition.on_hand))) == 3600
        found = session.get_one(Job, number)
        assert (found.done, found.total, found.params["token"]) == (1201, 1201, f"import:{found.params['digest'][:32]}")
        sources = set(session.scalars(select(AuditRow.source)))
        assert sources == {f"import:{number}"}
        tokens = session.scalars(select(StockMovement.token)).all()
        assert all(token.startswith(found.params["token"] + ":") for token in tokens)


def test_a_trial_writes_nothing_and_says_what_would_change(sessions: Sessions, start: Start) -> None:
    carry_out(sessions, start(goods(2)))
    before = count(sessions, AuditRow)
    trial = start(goods(1, title="New", price="2").replace("P 0", "Better"), dry_run=True)
    assert carry_out(sessions, trial) == "done"
    report = reports.report_of(sessions, trial)
    assert (report.products, report.outcome) == ({"created": 1, "updated": 1, "unchanged": 0}, "trial")
    changed = [(r.line, r.key, r.changes) for r in report.results if r.result == "updated"]
    assert changed == [(2, "p-0", {"title": ["P 0", "Better"]})]
    assert (count(sessions, Product), count(sessions, AuditRow)) == (2, before)


def test_all_or_nothing_writes_nothing_if_any_row_is_wrong(sessions: Sessions, start: Start) -> None:
    number = start(goods(700, title="Last", price="-1"), all_or_nothing=True)
    assert carry_out(sessions, number) == "done"
    report = reports.report_of(sessions, number)
    assert (report.outcome, report.products, report.bad_rows) == (
        "nothing written", {"created": 0, "updated": 0, "unchanged": 0}, 1,
    )  # fmt: skip
    for model in (Product, Variant, StockMovement, AuditRow):
        assert count(sessions, model) == 0


def test_all_or_nothing_writes_all_if_every_row_is_right(sessions: Sessions, start: Start) -> None:
    number = start(goods(700), all_or_nothing=True)
    assert carry_out(sessions, number) == "done"
    report = reports.report_of(sessions, number)
    assert (report.outcome, report.products["created"], report.opening_units) == ("imported", 700, 2100)
    assert count(sessions, Product) == 700


def test_another_writer_between_check_and_write_stops_the_import_and_says_so(sessions: Sessions, start: Start) -> None:
    number = start(csv_text([shopify_row("new", title="New", price="1", sku="TAKEN")]), all_or_nothing=True)
    assert carry_out(sessions, number, steps=3) == "ready"  # read, checked, the check is over
    other = start(csv_text([shopify_row("other", title="Other", price="1", sku="TAKEN")]))
    assert carry_out(sessions, other) == "done"
    assert carry_out(sessions, number) == "failed"
    with reading(sessions) as session:
        assert session.get_one(Job, number).error == (
            "line 2: the SKU TAKEN belongs to the product other. It was right when the file was checked: the catalogue "
            "was changed meanwhile. What was written before this line stays — undo this import, "
            "then start it again"
        )
        assert session.scalars(select(Product.handle)).all() == ["other"]


def test_a_header_that_cannot_be_used_fails_the_job_with_its_line(sessions: Sessions, start: Start) -> None:
    number = start("Handle,Price\na,1\n")
    assert carry_out(sessions, number) == "failed"
    with reading(sessions) as session:
        assert session.get_one(Job, number).error.startswith("goods.csv, line 1: the column 'title' is missing")


def test_the_file_of_errors_has_the_rows_and_their_reasons(sessions: Sessions, start: Start) -> None:
    text = 'handle;title;sku;price\na;A;A;1\nb;"B; b";B;x\nc;C\nd;D;D;2\n"e;E;E;3\n'
    number = start(text, "hub")
    carry_out(sessions, number)
    assert "".join(reports.error_file(sessions, number)).split("\r\n") == [
        "handle,title,sku,price,reason",
        "b,B; b,B,x,\"price: 'x' is not a number - write the amount alone, like 12.99\"",
        'c,C,,,"this row has 2 cells, the first row has 4 - look for a missing or stray delimiter or quotation mark"',
        ",,,,the file ends inside a quoted cell - look for a quotation mark that is never closed or stands alone; inside a "
        "quoted cell it is written twice",
        "",
    ]
    with reading(sessions) as session:
        page = reports.rows_of(session, number, result="error", limit=1)
        assert [row.line for row in page] == [3]
        rest = reports.rows_of(session, number, result="error", after=(page[0].line, page[0].seq))
        assert [row.line for row in rest] == [4, 6]
        with pytest.raises(Unknown, match="there is no import 999"):
            reports.job_of(session, 999)


def test_uploads_are_kept_once_and_not_taken_from_a_job_that_needs_them(
    sessions: Sessions, start: Start, tmp_path: Path
) -> None:
    number = start(goods(1))
    start(goods(1))
    assert count(sessions, Upload) == 1
    with reading(sessions) as session:
        digest = session.scalars(select(Upload.digest)).one()
    kept = uploads.place(tmp_path, digest)
    assert kept.read_bytes() == goods(1).encode()
    with pytest.raises(NotAllowedNow), unit(sessions) as session:
        uploads.forget(session, tmp_path, digest)
    assert kept.exists()
    with unit(sessions) as session:
        for one in session.scalars(select(Job)):
            run.ask_to_stop(session, one.id, NOW)
    with unit(sessions) as session:
        uploads.forget(session, tmp_path, digest)
    assert (kept.exists(), count(sessions, Upload)) == (False, 0)
    with pytest.raises(Unknown, match="the file of this import was removed"):
        reports.error_file(sessions, number)
    with pytest.raises(Invalid, match="the file is empty"), unit(sessions) as session:
        uploads.store(session, tmp_path, io.BytesIO(b""), "x", NOW)
    assert list((tmp_path / "uploads").glob("incoming-*")) == []


def test_kits_are_made_from_their_components(sessions: Sessions, start: Start) -> None:
    head = "handle,title,sku,price,components\n"
    number = start(head + "w,Wine,W,5,\ncase,Case,C6,28,W:6\nodd,Odd,O,1,NOWHERE:2\n", "hub")
    carry_out(sessions, number)
    report = reports.report_of(sessions, number)
    assert [(r.line, r.field) for r in report.problems()] == [(4, "components")]
    with reading(sessions) as session:
        assert dict(session.execute(select(Variant.sku, Variant.is_kit)).tuples().all()) == {
            "W": False, "C6": True, "O": False,
        }  # fmt: skip
    assert count(sessions, ImportRow) == 6
