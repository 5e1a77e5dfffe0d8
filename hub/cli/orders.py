"""`hub orders`: the queue of all channels, the order desk, order files for shipping programs and tracking numbers back."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path

import click
from sqlalchemy.orm import Session

from hub.cli.common import json_option, show, system
from hub.cli.orders_text import counts_text, one_text, queue_text
from hub.cli.tables import instant, safe, table
from hub.cli.values import INSTANT
from hub.db.session import reading, unit
from hub.kernel.errors import Invalid, Unknown
from hub.kernel.text import clean_sku
from hub.orders import desk, fulfilment, mapping, reads
from hub.orders.models import Order
from hub.orders.rules import Stage
from hub.shipping import batches as room
from hub.shipping import exports
from hub.shipping.profiles import PROFILES
from hub.shipping.tracking import ImportTracking, import_tracking
from hub.work import accounts

BY = "command line"
NOT_RIGHT = 3  # something was left out: the exit code of `hub`


@click.group()
def orders() -> None:
    """Orders of all channels: look, hold, cancel, export for shipping, and record what was shipped.

    ORDER is the number people call it, the channel's id, or the hub's id.
    """


# ---------------------------------------------------------------- looking


@orders.command("list")
@click.option(
    "--stage", "stages", type=click.Choice([s.value for s in Stage]), multiple=True,
    help="Only these stages; repeat it. Default: all that are open.",
)  # fmt: skip
@click.option("--account", "name", help="Only this account.")
@click.option("--due-before", type=INSTANT, help="Only what must leave before then.")
@click.option("--short/--not-short", default=None, help="Only orders of which something is (not) in stock.")
@click.option("--exported/--not-exported", default=None, help="Only orders that are (not) in an order file.")
@click.option("--recall", is_flag=True, help="Only orders to be called back: cancelled after they were exported.")
@click.option("--limit", type=click.IntRange(1, reads.LIMIT_MAX), default=50, show_default=True)
@click.option("--after", help="Go on there: `next` of the page before.")
@json_option
def list_(
    stages: tuple[str, ...], name: str | None, due_before: datetime | None, short: bool | None, exported: bool | None,
    recall: bool, limit: int, after: str | None, as_json: bool,
) -> None:  # fmt: skip
    """The queue, most urgent first, with how many orders stand where."""
    if recall and not stages:
        stages = tuple(stage.value for stage in Stage)
    with system() as running, reading(running.sessions) as session:
        now = running.clock.now()
        wanted = reads.Queue(
            stages=stages, account_id=None if name is None else accounts.named(session, name).id, due_before=due_before,
            short=short, exported=exported, recall=recall or None, limit=limit, after=after,
        )  # fmt: skip
        page = reads.queue(session, wanted)
        counted = reads.counts(session, now)
    value = reads.plain(page) | {"counts": reads.plain(counted)}
    show(value, as_json=as_json, text=f"{queue_text(page, now)}\n{counts_text(counted)}")


@orders.command("show")
@click.argument("order")
@click.option("--person", is_flag=True, help="Show name, address and e-mail unmasked.")
@json_option
def show_(order: str, person: bool, as_json: bool) -> None:
    """Everything about ORDER: lines and what is held for them, parcels, events. Personal data is masked."""
    with system() as running, reading(running.sessions) as session:
        found = reads.in_full(session, desk.by_name(session, order), person=person)
    show(reads.plain(found), as_json=as_json, text=one_text(found))


# ---------------------------------------------------------------- the desk


@orders.command()
@click.argument("order")
@click.option("--reason", required=True, help="Why; people will read it.")
@click.option("--until", type=INSTANT, help="Remember until when.")
@json_option
def hold(order: str, reason: str, until: datetime | None, as_json: bool) -> None:
    """Park ORDER: it keeps its stock and is neither exported nor shipped."""
    with system() as running:
        with unit(running.sessions) as session:
            found = desk.by_name(session, order)
            desk.hold(session, found, reason, running.clock.now(), until=until, by=BY)
        _say(found, f"{safe(found.display_id)} is on hold: {safe(found.hold_reason)}.", as_json=as_json)


@orders.command()
@click.argument("order")
@json_option
def release(order: str, as_json: bool) -> None:
    """End the hold of ORDER."""
    with system() as running:
        with unit(running.sessions) as session:
            found = desk.by_name(session, order)
            desk.release(session, found, running.clock.now(), by=BY)
        _say(found, f"{safe(found.display_id)} is {found.stage}.", as_json=as_json)


@orders.command()
@click.argument("order")
@click.option("--reason", type=click.Choice(desk.REASONS), default="other", show_default=True)
@click.option("--decline", is_flag=True, help="Decline the buyer's wish to cancel instead.")
@json_option
def cancel(order: str, reason: str, decline: bool, as_json: bool) -> None:
    """Want ORDER cancelled on its channel, or decline the buyer's wish. Workers tell the channel."""
    with system() as running:
        with unit(running.sessions) as session:
            found = desk.by_name(session, order)
            desk.want_cancelled(session, found, reason, running.clock.now(), accept=not decline, by=BY)
        what = "the buyer's wish to cancel is being declined" if decline else "is being cancelled"
        _say(found, f"{safe(found.display_id)}: {what}.", as_json=as_json)


def _say(order: Order, text: str, *, as_json: bool) -> None:
    value = {
        "id": order.id, "order": order.display_id, "stage": order.stage, "hold_reason": order.hold_reason,
        "cancel_reason": order.cancel_reason,
    }  # fmt: skip
    show(value, as_json=as_json, text=text)


@orders.command()
@click.option("--limit", type=click.IntRange(1, 1_000), default=100, show_default=True)
@json_option
def unmapped(limit: int, as_json: bool) -> None:
    """Lines whose SKU nobody knows, oldest order first; `hub orders map` says what they are."""
    with system() as running, reading(running.sessions) as session:
        rows = [
            {
                "line": line.id, "order": order.display_id, "channel_sku": line.channel_sku,
                "external_id": line.external_id, "title": line.title, "units": line.quantity - line.shipped,
            }
            for line, order in mapping.unmapped(session, limit)
        ]  # fmt: skip
    text = table(
        ("line", "order", "their SKU", "item", "units", "title"),
        [(r["line"], r["order"], r["channel_sku"], r["external_id"], r["units"], r["title"]) for r in rows],
    )
    show(rows, as_json=as_json, text=text if rows else "Every line has a SKU.")


@orders.command("map")
@click.argument("line", type=click.IntRange(1))
@click.argument("sku")
@json_option
def map_(line: int, sku: str, as_json: bool) -> None:
    """Say that order line LINE (its number from `hub orders unmapped`) is SKU; it reserves at once."""
    with system() as running:
        try:
            wanted = clean_sku(sku)
        except ValueError as error:
            raise Invalid(str(error), field="sku", value=sku) from error
        with unit(running.sessions) as session:
            mapping.map_line(session, line, wanted, running.clock.now())
        show({"line": line, "sku": wanted}, as_json=as_json, text=f"Line {line} is {safe(wanted)}.")


# ---------------------------------------------------------------- order files


@orders.command()
@click.option(
    "--profile", type=click.Choice(list(PROFILES)), default="generic", show_default=True, help="The file's layout."
)
@click.option("--out", type=click.Path(path_type=Path), help="A new file, a folder, or - for standard output.")
@click.option("--order", "names", multiple=True, help="Only this order; repeat it. Default: all that can go.")
@click.option("--again", is_flag=True, help="Also orders that were exported before.")
@click.option(
    "--limit", type=click.IntRange(1, exports.LIMIT_MAX), default=exports.LIMIT, show_default=True,
    help="At most so many orders in one file.",
)  # fmt: skip
@json_option
def export(profile: str, out: Path | None, names: tuple[str, ...], again: bool, limit: int, as_json: bool) -> None:
    """Write an order file for a shipping program: orders that can go and are held in full, each in one file once.

    Exit code 3: orders were left out; the reasons are printed. Without --out the file is kept for `hub orders download`.
    """
    if str(out) == "-" and as_json:
        raise click.UsageError("--json and --out - both want standard output")
    _check_free(out)
    with system() as running:
        with unit(running.sessions) as session:
            ids = [desk.by_name(session, name).id for name in names] if names else None
            made = exports.export(
                session,
                exports.Export(profile=profile, order_ids=ids, limit=limit, again=again, by=BY),
                running.clock.now(),
            )
        value = made.as_dict()
        text = "There is nothing to export."
        if made.batch is not None:
            text = f"Batch {made.batch}: {made.orders} orders, {made.rows} rows."
            if out is not None:
                with reading(running.sessions) as session:
                    where = _write(exports.download(session, made.batch), out)
                value["file"] = str(where)
                text += f" Written to {where}" if str(out) != "-" else ""
            else:
                text += f" The file: hub orders download {made.batch}"
    for item in made.left_out:
        text += f"\nleft out: {safe(item.order)}: {safe(item.cause)}" + (f" ({safe(item.fix)})" if item.fix else "")
    if str(out) == "-":
        click.echo(text, err=True)
    else:
        show(value, as_json=as_json, text=text)
    if made.left_out:
        sys.exit(NOT_RIGHT)


def _check_free(out: Path | None) -> None:
    """Before anything is exported: a file that cannot be written would be an order file nobody sees."""
    if out is None or str(out) == "-" or out.is_dir():
        return
    if out.exists():
        raise Invalid(f"{out} is there already", field="out", value=str(out), fix="choose another name, or a folder")
    if not out.parent.is_dir():
        raise Invalid(f"there is no folder {out.parent}", field="out", value=str(out), fix="create it first")


def _write(file: exports.File, out: Path) -> Path:
    if str(out) == "-":
        click.echo(file.content, nl=False)
        return out
    target = out / file.name if out.is_dir() else out
    try:
        with target.open("xb") as handle:
            handle.write(file.content)
    except OSError as error:
        raise Invalid(
            f"{target} cannot be written ({error.strerror or type(error).__name__})", field="out", value=str(target),
            fix=f"the batch is kept: hub orders download {file.batch} --out …",
        ) from error  # fmt: skip
    return target


@orders.command()
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True)
@click.option("--before", type=click.IntRange(1), help="Go on before this batch number.")
@json_option
def batches(limit: int, before: int | None, as_json: bool) -> None:
    """Order files made so far, newest first: what of them is still to ship, and what must be called back."""
    with system() as running, reading(running.sessions) as session:
        rows = room.batches(session, limit=limit, before=before)
    text = table(
        ("no", "batch", "layout", "made", "orders", "rows", "to ship", "call back", "file"),
        [
            (r.id, r.batch, r.profile, instant(r.created_at), r.orders, r.rows, r.to_ship, r.recalls,
             "kept" if r.kept else "erased")
            for r in rows
        ],
    )  # fmt: skip
    if len(rows) == limit:
        text += f"\nThere may be more: --before {rows[-1].id}"
    show([row.as_dict() for row in rows], as_json=as_json, text=text if rows else "No order file was made yet.")


@orders.command()
@click.argument("batch")
@click.option("--out", type=click.Path(path_type=Path), default=Path("-"), help="A new file, a folder, or - (default).")
@json_option
def download(batch: str, out: Path, as_json: bool) -> None:
    """The file of BATCH once more, byte for byte."""
    if str(out) == "-" and as_json:
        raise click.UsageError("with --json, give a file or folder with --out")
    _check_free(out)
    with system() as running, reading(running.sessions) as session:
        file = exports.download(session, batch)
    where = _write(file, out)
    if str(out) != "-":
        value = {"batch": batch, "file": str(where), "bytes": len(file.content), "checksum": file.checksum}
        show(value, as_json=as_json, text=f"{where}: {len(file.content)} bytes, SHA-256 {file.checksum}")


# ---------------------------------------------------------------- what was shipped


@orders.command()
@click.argument("order")
@click.option("--carrier", required=True, help="Who carries it, such as dhl, ups or royal_mail.")
@click.option("--tracking", required=True, help="The parcel's number; an empty one only where the carrier gives none.")
@click.option("--service", default="", help="The carrier's service.")
@click.option("--line", "lines", multiple=True, metavar="ID=UNITS", help="Only so many units of a line; repeat it.")
@click.option("--at", type=INSTANT, help="When it left (default: now).")
@json_option
def ship(
    order: str, carrier: str, tracking: str, service: str, lines: tuple[str, ...], at: datetime | None, as_json: bool
) -> None:
    """Record a parcel of ORDER; without --line everything that is still to ship. Workers tell the channel.

    The same parcel again changes nothing.
    """
    contents = _contents(lines)
    if not carrier.strip():
        raise Invalid("the carrier is empty", field="carrier", value=carrier, fix="name it, such as dhl")
    with system() as running:
        now = running.clock.now()
        if at is not None and at > now:
            raise Invalid("a parcel cannot have left in the future", field="at", value=at.isoformat())
        with unit(running.sessions) as session:
            found = desk.by_name(session, order)
            recorded = fulfilment.record_shipment(
                session,
                fulfilment.RecordShipment(
                    order_id=found.id, carrier=carrier.strip(), tracking=tracking.strip(), shipped_at=at or now,
                    lines=contents, service=service.strip(), source="hand", by=BY,
                ),
                now,
            )  # fmt: skip
            stage = _stage(session, found.id)
    value = {
        "id": found.id, "order": found.display_id, "package": recorded.package_number, "new": recorded.is_new,
        "stage": stage,
    }  # fmt: skip
    word = "recorded" if recorded.is_new else "was recorded before"
    text = f"Parcel {recorded.package_number} of {safe(found.display_id)} {word}; the order is {stage}."
    show(value, as_json=as_json, text=text)


def _stage(session: Session, order_id: int) -> str:
    order = session.get(Order, order_id, populate_existing=True)
    if order is None:
        raise Unknown(f"there is no order {order_id}", field="order", value=order_id)
    return order.stage


def _contents(given: tuple[str, ...]) -> tuple[tuple[int, int], ...]:
    out: dict[int, int] = {}
    for text in given:
        line, _, units = text.partition("=")
        if not (line.isascii() and line.isdigit() and units.isascii() and units.isdigit()) or int(units) < 1:
            raise click.BadParameter(f"{text!r}: write it like 17=2", param_hint="--line")
        if int(line) in out:
            raise click.BadParameter(f"line {line} is given twice", param_hint="--line")
        out[int(line)] = int(units)
    return tuple(sorted(out.items()))


@orders.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--carrier", default="", help="The carrier, where the file does not name one.")
@click.option("--dry-run", is_flag=True, help="Only say what would happen.")
@json_option
def tracking(file: Path, carrier: str, dry_run: bool, as_json: bool) -> None:
    """Import tracking numbers from a CSV FILE. The same file again changes nothing.

    Columns, by any usual name: order number, carrier, tracking number; if there: service, ship date, SKU, line,
    quantity. Rows with the same order and tracking number are one parcel. Exit code 3: rows with errors, each named.
    """
    with system() as running:
        report = import_tracking(
            running.sessions, ImportTracking(path=file, carrier=carrier, dry_run=dry_run, by=BY), running.clock.now()
        )
    text = (
        f"{'Tried only: ' if dry_run else ''}{report.rows} rows: {report.recorded} recorded as {report.parcels} parcels,"
        f" {report.repeated} known before, {report.errors} with errors."
    )
    for row in report.problems():
        where = f"line {row.line}" + (f" ({safe(row.order)})" if row.order else "")
        text += f"\n{where}: {safe(row.cause)}" + (f" ({safe(row.fix)})" if row.fix else "")
    show(report.as_dict(), as_json=as_json, text=text)
    if not report.clean:
        sys.exit(NOT_RIGHT)


COMMANDS = (orders,)
