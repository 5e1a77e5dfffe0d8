"""`hub channels`: which marketplaces this hub speaks to, and whether their adapters keep the contract."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from hub.channels import registry
from hub.channels.contract.manifest import Manifest
from hub.cli.common import json_option, show
from hub.cli.progress import working
from hub.cli.tables import safe, table

if TYPE_CHECKING:
    from hub.channels.testkit.table import Result


@click.group()
def channels() -> None:
    """Marketplaces: what is installed, and whether it does what it says."""


@channels.command("list")
@json_option
def list_(as_json: bool) -> None:
    """Installed channels with what they can do, and plug-ins that could not be loaded (exit code 3)."""
    found = registry.load()
    value = {
        "channels": [_card(manifest) for manifest in found.available.values()],
        "failed": [{"name": f.name, "target": f.target, "why": f.why} for f in found.failed],
    }
    text = table(
        ("channel", "name", "stock", "pull every", "can"),
        [
            (m.id, m.label, f"{m.stock_write}, {m.stock_ack}", f"{m.pull_every_s} s", ", ".join(sorted(m.capabilities)))
            for m in found.available.values()
        ],
    )
    for failure in found.failed:
        text += f"\nnot usable: {safe(failure.name)} ({safe(failure.target)}): {safe(failure.why)}"
    show(value, as_json=as_json, text=text)
    if found.failed:
        sys.exit(3)


def _card(manifest: Manifest) -> dict[str, object]:
    return {
        "id": manifest.id, "label": manifest.label, "contract": manifest.contract,
        "capabilities": sorted(manifest.capabilities), "stock_write": manifest.stock_write,
        "stock_ack": manifest.stock_ack, "pull_every_s": manifest.pull_every_s, "order_lag_s": manifest.order_lag_s,
        "settings": [
            {
                "name": f.name, "help": f.help, "kind": f.kind, "required": f.required, "default": f.default,
                "choices": list(f.choices),
            }
            for f in manifest.settings
        ],
    }  # fmt: skip


@channels.command()
@click.argument("name")
@json_option
def check(name: str, as_json: bool) -> None:
    """Rehearse the channel NAME against its simulator with the whole conformance suite; exit code 3 if a check failed.

    A capability that the channel does not claim is skipped, and says so.
    """
    from hub import rehearsal  # simulators and test kit: only who rehearses waits for them

    results: list[Result] = []
    with working(f"Rehearsing {name}") as say:
        for result in rehearsal.run_check(name):
            results.append(result)
            say(f"Rehearsing {name}: {len(results)} checks, now {result.group}")
    failed = [r for r in results if r.outcome == "failed"]
    counts = rehearsal.table(results)
    undeclared = sorted(capability.value for capability in rehearsal.undeclared(name))
    value = {
        "channel": name, "ok": not failed, "table": counts, "undeclared": undeclared,
        "checks": [
            {
                "group": r.group, "name": r.name, "says": r.says, "outcome": r.outcome, "why": r.why,
                "seconds": round(r.seconds, 3),
            }
            for r in results
        ],
    }  # fmt: skip
    show(value, as_json=as_json, text=_text(name, results, counts, undeclared))
    if failed or not results:
        sys.exit(3)


def _text(name: str, results: list[Result], counts: dict[str, dict[str, int]], undeclared: list[str]) -> str:
    marks = {"passed": "ok", "failed": "FAILED", "skipped": "skipped"}
    lines = [
        table(
            ("capability", "check", "", "seconds", ""),
            [(r.group, r.name, marks[r.outcome], f"{r.seconds:.2f}", r.why) for r in results],
        ),
        "",
        table(
            ("capability", "passed", "failed", "skipped"),
            [(group, row["passed"], row["failed"], row["skipped"]) for group, row in counts.items()],
        ),
        "",
    ]
    if undeclared:
        lines.append(f"{safe(name)} does not claim: {', '.join(undeclared)}")
    total = {key: sum(row[key] for row in counts.values()) for key in ("passed", "failed", "skipped")}
    lines.append(f"{safe(name)}: {total['passed']} passed, {total['failed']} failed, {total['skipped']} skipped")
    return "\n".join(lines)


COMMANDS = (channels,)
