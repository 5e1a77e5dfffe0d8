"""`hub orders`: looking, the desk, order files and tracking numbers, from the outside."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sqlalchemy import select

from hub.cli import cli
from hub.cli.orders import orders as group
from hub.db.session import reading, unit
from hub.kernel.errors import HubError
from hub.orders.models import Order, Shipment
from hub.work.models import Account
from tests.support.builders import a_listing, a_variant, an_account
from tests.support.cli import Terminal
from tests.support.orders import HOME, a_channel_order, cancelled, take
from tests.support.world import World


def hub(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, ["orders", *map(str, arguments)])


def refused(result: Result) -> HubError:
    assert result.exit_code == 1
    assert isinstance(result.exception, HubError)
    return result.exception


class Desk:
    """Orders of one account in the hub that the commands see."""

    def __init__(self, world: World) -> None:
        self.world = world
        with unit(world.system.sessions) as session:
            account = an_account(session, name="alpha")
            self.account_id = account.id
            for sku, units in (("SKU-1", 50), ("SKU-2", 50), ("RARE", 1)):
                a_listing(session, account, a_variant(session, sku=sku, stock=units))

    def order(self, order_id: str, *lines: tuple[str, int], **options: object) -> int:
        now = self.world.clock.now()
        with unit(self.world.system.sessions) as session:
            made = a_channel_order(order_id, lines or [("SKU-1", 1)], at=now, **options)  # type: ignore[arg-type]
            return take(session, session.get_one(Account, self.account_id), made, now=now)[0].id

    def cancel(self, order_id: str) -> None:
        now = self.world.clock.now()
        with unit(self.world.system.sessions) as session:
            account = session.get_one(Account, self.account_id)
            take(session, account, cancelled(a_channel_order(order_id, at=now), now), now=now)

    def stage(self, order_id: int) -> str:
        with reading(self.world.system.sessions) as session:
            return session.get_one(Order, order_id).stage


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world)


def test_every_command_explains_itself() -> None:
    for name, command in group.commands.items():
        result = CliRunner().invoke(group, [name, "--help"])
        assert result.exit_code == 0, name
        assert command.help, name
        assert "--json" in result.output, name


def test_the_queue_is_listed_filtered_and_paged(desk: Desk) -> None:
    for name in ("A-1", "A-2", "A-3"):
        desk.order(name)
    desk.order("SHORT", ("RARE", 3))
    assert "A-1" in hub("list").output
    assert "Open: 4 ready (1 short)." in hub("list").output
    first = json.loads(hub("list", "--limit", "3", "--json").output)
    assert [r["order"] for r in first["rows"]] == ["A-1", "A-2", "A-3"]
    assert (first["rows"][0]["units"], first["rows"][0]["short"]) == (1, False)
    assert first["counts"]["stages"]["ready"] == {"orders": 4, "short": 1, "exported": 0, "late": 0}
    rest = json.loads(hub("list", "--limit", "3", "--after", first["next"], "--json").output)
    assert ([r["order"] for r in rest["rows"]], rest["next"]) == (["SHORT"], None)
    for filters, expected in (
        (["--short"], ["SHORT"]),
        (["--not-short", "--account", "alpha"], ["A-1", "A-2", "A-3"]),
        (["--stage", "hold"], []),
        (["--due-before", "2020-01-01T00:00Z"], []),
        (["--exported"], []),
    ):
        assert [r["order"] for r in json.loads(hub("list", *filters, "--json").output)["rows"]] == expected
    assert refused(hub("list", "--after", "nonsense")).field == "after"
    assert refused(hub("list", "--account", "nobody")).field == "account"
    assert hub("list", "--stage", "nowhere").exit_code == 2


def test_personal_data_is_masked_unless_it_is_asked_for(desk: Desk) -> None:
    desk.order("A-1", ("SKU-1", 2))
    masked, shown = hub("show", "A-1"), hub("show", "A-1", "--person")
    for secret in ("Ana Müller", "Weinberg", "08001", "ana@example.org", "+41"):
        assert secret not in masked.output
        assert secret not in hub("show", "A-1", "--json").output
        assert secret in shown.output
    assert "A… M…" in masked.output
    full = json.loads(hub("show", "A-1", "--person", "--json").output)
    assert full["person"]["ship_to"]["city"] == HOME.city
    assert [(x["sku"], x["quantity"], x["held"], x["location"]) for x in full["lines"]] == [("SKU-1", 2, 2, "main")]
    assert [e["kind"] for e in full["events"]] == ["placed", "paid"]
    assert refused(hub("show", "NOBODY")).code == "unknown"


def test_hold_release_and_cancel(desk: Desk) -> None:
    order_id = desk.order("A-1")
    assert "is on hold: address" in hub("hold", "A-1", "--reason", "address").output
    assert desk.stage(order_id) == "hold"
    assert "hold: address" in hub("list").output
    assert json.loads(hub("release", "A-1", "--json").output)["stage"] == "ready"
    assert refused(hub("cancel", "A-1", "--decline")).message == "the buyer did not ask to cancel"
    assert hub("cancel", "A-1", "--reason", "out_of_stock").exit_code == 0
    assert hub("cancel", "A-1", "--reason", "boredom").exit_code == 2
    assert hub("hold", "A-1").exit_code == 2


def test_an_unmapped_line_is_listed_and_mapped(desk: Desk) -> None:
    order_id = desk.order("A-1", ("THEIRS", 2))
    (row,) = json.loads(hub("unmapped", "--json").output)
    assert (row["order"], row["channel_sku"], row["units"]) == ("A-1", "THEIRS", 2)
    assert "THEIRS" in hub("unmapped").output
    assert refused(hub("map", str(row["line"]), "NO-SUCH")).code == "unknown"
    assert hub("map", str(row["line"]), " SKU-2 ").exit_code == 0
    assert desk.stage(order_id) == "ready"
    assert hub("unmapped").output == "Every line has a SKU.\n"


def test_orders_go_out_in_a_file_and_tracking_numbers_come_back(desk: Desk, tmp_path: Path) -> None:
    ids = [desk.order(f"A-{n}", ("SKU-1", 1), ("SKU-2", 1)) for n in range(1, 4)]
    out = tmp_path / "orders.csv"
    made = json.loads(hub("export", "--profile", "shipstation", "--out", out, "--json").output)
    assert (made["orders"], made["rows"], made["left_out"], made["file"]) == (3, 6, [], str(out))
    content = out.read_bytes()
    assert hashlib.sha256(content).hexdigest() == made["checksum"]
    second = hub("export", "--profile", "shipstation")
    assert (second.exit_code, second.output) == (0, "There is nothing to export.\n")
    again = CliRunner().invoke(cli, ["orders", "download", made["batch"]])
    assert again.stdout_bytes == content
    assert hub("download", made["batch"], "--out", tmp_path).exit_code == 0
    assert next(tmp_path.glob("orders-shipstation-*.csv")).read_bytes() == content
    (batch,) = json.loads(hub("batches", "--json").output)
    assert (batch["batch"], batch["orders"], batch["to_ship"], batch["recalls"]) == (made["batch"], 3, 3, 0)
    back = tmp_path / "tracking.csv"
    numbers = list(dict.fromkeys(r["Order #"] for r in csv.DictReader(io.StringIO(content.decode()))))
    back.write_text("Order #,Carrier,Tracking #\n" + "".join(f"{n},DHL,T-{n}\n" for n in numbers) + "X,DHL,T\n")
    tried = hub("tracking", back, "--dry-run")
    assert tried.exit_code == 3
    assert "Tried only: 4 rows: 3 recorded as 3 parcels, 0 known before, 1 with errors." in tried.output
    assert desk.stage(ids[0]) == "ready"
    done = hub("tracking", back, "--json")
    assert done.exit_code == 3
    report = json.loads(done.output)
    assert (report["recorded"], report["errors"], report["results"][3]["cause"]) == (3, 1, "no order is called 'X'")
    assert [desk.stage(i) for i in ids] == ["shipped"] * 3
    assert json.loads(hub("tracking", back, "--json").output)["repeated"] == 3


def test_what_is_left_out_is_printed_and_makes_exit_code_3(desk: Desk, tmp_path: Path) -> None:
    import dataclasses

    desk.order("LONG", ship_to=dataclasses.replace(HOME, city="x" * 300))
    held = desk.order("HELD")
    hub("hold", "HELD", "--reason", "fraud")
    result = hub("export", "--profile", "shipstation")
    assert result.exit_code == 3
    assert "left out: LONG: Ship To - City has 300 characters, 100 fit" in result.output
    told = hub("export", "--order", "HELD", "--json")
    assert told.exit_code == 3
    assert json.loads(told.output)["left_out"][0]["cause"] == "it is on hold"
    assert hub("release", str(held)).exit_code == 0
    assert refused(hub("export", "--out", tmp_path / "no" / "such.csv")).field == "out"
    (tmp_path / "there.csv").write_text("keep")
    assert refused(hub("export", "--out", tmp_path / "there.csv")).field == "out"
    assert (tmp_path / "there.csv").read_text() == "keep"
    made = hub("export", "--order", "HELD", "--out", "-")
    assert made.stdout.startswith("hub_order_id,order_number,")
    assert "1 orders, 1 rows" in made.stderr
    assert hub("export", "--order", "HELD").exit_code == 3
    assert hub("export", "--order", "HELD", "--again").exit_code == 0
    assert refused(hub("download", "exp_none")).code == "unknown"


def test_an_order_cancelled_after_its_file_is_to_be_called_back(desk: Desk) -> None:
    desk.order("A-1")
    hub("export")
    desk.cancel("A-1")
    listed = hub("list", "--recall")
    assert "CALL BACK" in listed.output
    assert "1 to call back" in listed.output
    assert json.loads(hub("batches", "--json").output)[0]["recalls"] == 1
    assert "CALL IT BACK" in hub("show", "A-1").output


def test_a_parcel_by_hand_whole_or_in_parts(desk: Desk, world: World) -> None:
    order_id = desk.order("A-1", ("SKU-1", 3), ("SKU-2", 1))
    lines = [x["id"] for x in json.loads(hub("show", "A-1", "--json").output)["lines"]]
    part = json.loads(
        hub("ship", "A-1", "--carrier", "dhl", "--tracking", "T1", "--line", f"{lines[0]}=2", "--json").output
    )
    assert (part["package"], part["new"], part["stage"]) == (1, True, "partly")
    same = hub("ship", "A-1", "--carrier", "dhl", "--tracking", "T1", "--line", f"{lines[0]}=2")
    assert "Parcel 1 of A-1 was recorded before; the order is partly." in same.output
    assert (
        refused(hub("ship", "A-1", "--carrier", "dhl", "--tracking", "T2", "--line", f"{lines[0]}=5")).field == "lines"
    )
    assert "the order is shipped" in hub("ship", "A-1", "--carrier", "ups", "--tracking", "T2").output
    assert desk.stage(order_id) == "shipped"
    assert "T1" in hub("show", "A-1").output
    for wrong in ("x=1", "1", "1=0", "1=-2"):
        assert hub("ship", "A-1", "--carrier", "dhl", "--tracking", "T", "--line", wrong).exit_code == 2
    with reading(world.system.sessions) as session:
        assert list(session.scalars(select(Shipment.source).order_by(Shipment.id))) == ["hand", "hand"]


def test_refusals_reach_the_shell_as_one_line(desk: Desk, terminal: Terminal) -> None:
    ran = terminal.hub("orders", "show", "NOBODY")
    assert (ran.code, ran.out, ran.err) == (1, "", "hub: no order is called 'NOBODY'\n")
