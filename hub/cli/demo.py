"""`hub demo`: the shop on three simulated marketplaces, live or as a checked, accelerated day."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from hub.cli.common import console, log_to, show
from hub.cli.running import stop_event
from hub.demo.day import Plan
from hub.demo.run import check_day, live


@click.command()
@click.option("--check", is_flag=True, help="Run an accelerated shop day and exit 0 only if everything held.")
@click.option("--faults", type=int, metavar="SEED", help="With --check: break 5 % of everything, by this seed.")
@click.option(
    "--orders", type=click.IntRange(1), default=330, show_default=True, help="With --check: orders of the day."
)
@click.option(
    "--hours", type=click.FloatRange(0.5, 240), default=24.0, show_default=True, help="With --check: its length."
)
@click.option("--seed", type=int, default=1, show_default=True, help="With --check: what buyers do.")
@click.option("--home", type=click.Path(path_type=Path), help="Where the demo lives (default: a folder of its own).")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for programs.")
@click.option("--fresh", is_flag=True, help="Forget the earlier demo first.")
def demo(
    check: bool, faults: int | None, orders: int, hours: float, seed: int, home: Path | None, as_json: bool, fresh: bool
) -> None:
    """A wine shop on simulated Amazon, eBay and Shopify: one pool of stock sells on all of them.

    Without --check it runs until Ctrl-C and goes on where it stopped the next time.
    """
    where = home
    say = (lambda text: console.print(text)) if not as_json or sys.stderr.isatty() else (lambda text: None)
    if not check:
        live(where, say=say, stop=stop_event(), fresh=fresh)
        return
    if where is not None:
        where.mkdir(parents=True, exist_ok=True)
        log_to(where / "hub.log")
    report = check_day(where, Plan(orders=orders, hours=hours, seed=seed, faults=faults), say=say)
    text = "held" if report["ok"] else "DID NOT HOLD"
    summary = {k: v for k, v in report.items() if k not in ("requests_by_operation", "examples")}
    show(report, as_json=as_json, text=f"{show_summary(summary)}\nThe day {text}.")
    if not report["ok"]:
        sys.exit(3)


def show_summary(report: dict[str, object]) -> str:
    lines = []
    for name, value in report.items():
        if isinstance(value, dict) and name == "invariants":
            lines.append(
                "invariants: "
                + ", ".join(f"{k} {'ok' if v['ok'] else 'BROKEN'} ({v['checked']})" for k, v in value.items())
            )
        else:
            lines.append(f"{name}: {value}")
    return "\n".join(lines)


COMMANDS = (demo,)
