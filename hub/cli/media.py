"""`hub media`: pictures and files of products."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path

import click

from hub.blobs.fetch import Fetcher
from hub.cli.common import json_option, show, system
from hub.cli.tables import safe, table
from hub.db.session import reading, unit
from hub.kernel.errors import Invalid
from hub.pim.history.note import By, act_as
from hub.pim.media import fetching, library, reads
from hub.pim.media.fetching import FetchReport
from hub.wiring import open_media


@click.group()
def media() -> None:
    """Pictures and files: bring them in, fetch those that products name, find doubles, clear out."""


@media.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@json_option
def add(files: tuple[Path, ...], as_json: bool) -> None:
    """Put FILES into the library; the reference to write into a product is printed. Exit code 1 if one was refused."""
    value: list[dict[str, object]] = []
    with system() as running:
        store = open_media(running.settings)
        for path in files:
            try:
                added = library.add(running.sessions, store, path.read_bytes(), running.clock.now(), name=path.name)
            except Invalid as refusal:
                value.append({"file": path.name, "ok": False, "problem": refusal.as_dict()})
                continue
            value.append(
                {
                    "file": path.name, "ok": True, "reference": added.reference, "new": added.new,
                    "type": added.facts.content_type, "width": added.facts.width, "height": added.facts.height,
                }
            )  # fmt: skip
    lines = [
        f"{safe(str(v['file']))}: {v['reference'] if v['ok'] else 'refused: ' + str(v['problem']['message'])}"  # type: ignore[index]  # a refusal's own dict
        for v in value
    ]
    show(value, as_json=as_json, text="\n".join(lines))
    if not all(v["ok"] for v in value):
        sys.exit(1)


@media.command("list")
@click.option("--limit", type=click.IntRange(1, 500), default=100, show_default=True)
@click.option("--after", type=click.IntRange(0), default=0, help="Go on after this id.")
@json_option
def list_(limit: int, after: int, as_json: bool) -> None:
    """The library in the order of arrival."""
    with system() as running, reading(running.sessions) as session:
        rows = reads.assets(session, after=after, limit=limit)
        counts = fetching.counts(session)
    text = table(
        ("id", "file", "type", "bytes", "size", "products", "name"),
        [
            (
                r.id,
                r.sha256[:12],
                r.content_type,
                r.bytes,
                f"{r.width}×{r.height}" if r.width else "",
                r.products,
                r.name,
            )
            for r in rows
        ],
    )
    text += "\nAddresses: " + ", ".join(f"{count} {state}" for state, count in counts.items())
    value = {
        "assets": [
            {
                "id": r.id, "sha256": r.sha256, "type": r.content_type, "bytes": r.bytes, "width": r.width,
                "height": r.height, "name": r.name, "products": r.products, "created_at": r.created_at.isoformat(),
            }
            for r in rows
        ],
        "addresses": counts,
    }  # fmt: skip
    show(value, as_json=as_json, text=text)


@media.command()
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True)
@click.option("--failed", is_flag=True, help="Try those that failed for good once more.")
@json_option
def fetch(limit: int, failed: bool, as_json: bool) -> None:
    """Fetch pictures that products name by address: from public hosts only."""
    done: list[FetchReport] = []
    with system() as running:
        if failed:
            with unit(running.sessions) as session:
                fetching.again(session, running.clock.now())
        store, fetcher = open_media(running.settings), Fetcher()
        while len(done) < limit:
            some = fetching.fetch_some(
                running.sessions, store, fetcher, running.clock, limit=min(10, limit - len(done))
            )
            if not some:
                break
            done += some
    value = [{"address": d.address, "sha256": d.sha256, "cause": d.cause, "again": d.again} for d in done]
    text = table(
        ("address", "became"),
        [(d.address, d.sha256[:12] or f"{d.cause}{' (again later)' if d.again else ''}") for d in done],
    )
    show(value, as_json=as_json, text=text if done else "Nothing is due.")


@media.command()
@click.argument("file")
@click.argument("text")
@click.option("--locale", default="", help="In which language (default: the base content).")
@json_option
def describe(file: str, text: str, locale: str, as_json: bool) -> None:
    """Say in words what a picture shows; FILE is the beginning of its hash, '' as TEXT takes the words away."""
    with system() as running:
        with unit(running.sessions) as session:
            act_as(session, By(kind="person", name=getpass.getuser(), source="cli"))
            found = library.describe(session, file, locale, text, running.clock.now())
        show(
            {"sha256": found.sha256, "alt": dict(found.alt)}, as_json=as_json, text=f"{found.sha256[:12]}: {safe(text)}"
        )


@media.command()
@json_option
def duplicates(as_json: bool) -> None:
    """Different files that look alike."""
    with system() as running, reading(running.sessions) as session:
        found = reads.likenesses(session)
    value = [{"sha256": f.sha256, "other": f.other, "bits": f.bits} for f in found]
    text = table(("file", "looks like", "bits apart"), [(f.sha256[:12], f.other[:12], f.bits) for f in found])
    show(value, as_json=as_json, text=text if found else "None.")


@media.command()
@click.option("--remove", is_flag=True, help="Take them away.")
@json_option
def unused(remove: bool, as_json: bool) -> None:
    """Files that no product names, older than a week."""
    with system() as running:
        now = running.clock.now()
        with reading(running.sessions) as session:
            found = library.unused(session, now)
        removed = 0
        if remove:
            removed = library.remove(running.sessions, open_media(running.settings), [f.sha256 for f in found], now)
    value = {"unused": [{"sha256": f.sha256, "bytes": f.bytes, "name": f.name} for f in found], "removed": removed}
    text = table(("file", "bytes", "name"), [(f.sha256[:12], f.bytes, f.name) for f in found]) if found else "None."
    show(value, as_json=as_json, text=text + (f"\n{removed} removed." if remove else ""))


COMMANDS = (media,)
