"""Import, then undo: the catalogue is as before, and only the edits of others since then are left."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.db.session import Sessions, unit
from hub.kernel.clock import FixedClock
from hub.pim.history import undo, verify
from hub.pim.importing import job, uploads
from hub.pim.importing.run import Options
from hub.pim.jobs import run
from tests.support import catalogue
from tests.support.catalogue import ANNA, BEN, snapshot, some, write

HEADER = "handle,title,brand,tags,sku,price,gtin,value:material:de,value:vintage,option1_name,option1_value"
LINES = st.lists(
    st.tuples(
        st.integers(0, 7), st.sampled_from(["Wine", "ไวน์", "Οίνος 🍷"]), st.sampled_from(["", "Beta"]),
        st.sampled_from(["", "x", '"x,y"']), st.sampled_from(["1.00", "9.99"]),
        st.sampled_from(["", "4006381333931"]), st.sampled_from(["", "Eiche"]), st.sampled_from(["", "-1", "1999"]),
    ),
    min_size=1, max_size=8, unique_by=lambda line: line[0],
)  # fmt: skip


def a_file(lines: list[tuple[Any, ...]]) -> str:
    rows = [HEADER]
    for number, title, brand, tags, price, gtin, material, vintage in lines:
        rows.append(f"p-{number},{title},{brand},{tags},S-{number},{price},{gtin},{material},{vintage},,")
        if number % 3 == 0:  # a second variant, which nobody had
            rows[-1] = rows[-1].removesuffix(",,") + ",Size,S"
            rows.append(f"p-{number},,,,S-{number}-L,{price},,,,Size,L")
    return "\n".join(rows) + "\n"


def bring_in(sessions: Sessions, folder: Path, clock: FixedClock, text: str, **options: Any) -> int:
    with unit(sessions) as session:
        upload = uploads.store(session, folder, io.BytesIO(text.encode()), "goods.csv", clock.now())
        request = job.Request(digest=upload.digest, profile="hub", options=Options(currency="EUR", **options))
        number = job.start(session, folder, request, ANNA, clock.now()).id
    assert run.run(sessions, clock, number) == "done"
    return number


def take_back(sessions: Sessions, clock: FixedClock, number: int) -> dict[str, Any]:
    with unit(sessions) as session:
        taken = undo.start(session, number, BEN, clock.now()).id
    assert run.run(sessions, clock, taken) == "done"
    return dict(run.view(sessions, taken).report)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=LINES, more=LINES, clear=st.booleans(), edited=st.sets(st.integers(0, 3)))
def test_imports_are_taken_back_to_what_was_before(
    sessions: Sessions,
    clock: FixedClock,
    tmp_path: Path,
    lines: list[Any],
    more: list[Any],
    clear: bool,
    edited: set[int],
) -> None:
    products, variants = some(4, tags=("a",), values={"material": {"": "oak"}})
    if not snapshot(sessions):
        with unit(sessions) as session:
            catalogue.definitions(session)
        write(sessions, products, variants)
    before = snapshot(sessions)
    first = bring_in(sessions, tmp_path, clock, a_file(lines), clear=clear)
    second = bring_in(sessions, tmp_path, clock, a_file(more), clear=clear)
    clock.advance(timedelta(seconds=1))
    changed = [replace(products[n], category="Ben's") for n in sorted(edited)]
    write(sessions, changed, by=BEN, now=clock.now(), fields=("category",))
    reports = [take_back(sessions, clock, number) for number in (second, first)]
    assert [report["conflicts"] for report in reports] == [0, 0]
    after = snapshot(sessions)
    for n in edited:
        assert after[f"handle:p-{n}"]["category"] == "Ben's"
        after[f"handle:p-{n}"]["category"] = ""
    assert after == before
    clock.advance(timedelta(seconds=1))
    write(sessions, products, by=BEN, now=clock.now(), fields=("category",))  # as it was, for the next example
    assert verify.whole(sessions).ok
