"""`hub completeness`, `hub lint`: what products lack, and what channels would object to."""

from __future__ import annotations

import sys

import click

from hub.cli.common import json_option, show, system
from hub.cli.tables import safe, table
from hub.db.session import reading, unit
from hub.kernel.errors import Invalid
from hub.pim.quality import look as looking
from hub.pim.quality import reads
from hub.pim.quality.finding import Finding
from hub.pim.quality.reads import BANDS, Line
from hub.pim.quality.rebuild import rebuild_some
from hub.pim.quality.rules import EVERY, Gap

_channel = click.option(
    "--channel", default=EVERY, show_default=True, help="A channel that an account sells on; * = any."
)
_locale = click.option("--locale", default="", help="A language, like de (default: the base content).")


@click.group(invoke_without_command=True)
@_channel
@_locale
@click.option(
    "--below", type=click.IntRange(0, 101), default=100, show_default=True, help="Only products below this; 101 = all."
)
@click.option("--lacking", default="", metavar="FIELD", help="Only products that lack this field.")
@click.option("--order", type=click.Choice(["percent", "errors", "warnings"]), default="percent", show_default=True,
              help="By percentage, the lowest first; or by the errors or warnings of lint, the most first.")  # fmt: skip
@click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True, help="So many lines.")
@click.option("--after", default="", metavar="PLACE", help="Go on after this place (a page says its last one).")
@json_option
@click.pass_context
def completeness(
    ctx: click.Context, channel: str, locale: str, below: int, lacking: str, order: reads.Order, limit: int, after: str,
    as_json: bool,
) -> None:  # fmt: skip
    """Products that lack something, what needs most work first."""
    if ctx.invoked_subcommand is not None:
        return
    with system() as running, reading(running.sessions) as session:
        page = reads.page(
            session, channel=channel, locale=locale, order=order, below=below, lacking=lacking, after=_place(after),
            limit=limit,
        )  # fmt: skip
    following = "" if page.after is None else f"{page.after[0]}:{page.after[1]}"
    rows = [
        (f"{line.percent} %", f"{line.filled}/{line.required}", line.handle, line.errors, line.warnings, _missing(line))
        for line in page.lines
    ]
    text = table(("complete", "filled", "product", "errors", "warnings", "missing"), rows)
    if following:
        text += f"\nThere are more: --after {following}"
    show({"lines": [_line(line) for line in page.lines], "after": following or None}, as_json=as_json, text=text)


def _place(text: str) -> tuple[int, int] | None:
    if not text:
        return None
    number, _, product = text.partition(":")
    if not number.isdecimal() or not product.isdecimal():
        raise Invalid(f"{text!r} is no place in a list", field="after", value=text, fix="take it from the page before")
    return int(number), int(product)


def _gap(gap: Gap) -> str:
    if not gap.variants:
        return gap.field
    more = gap.variants - len(gap.skus[:2])
    return f"{gap.field} ({', '.join(gap.skus[:2])}{f' and {more} more' if more > 0 else ''})"


def _missing(line: Line) -> str:
    return ", ".join(_gap(gap) for gap in line.missing[:6]) + (" …" if len(line.missing) > 6 else "")


def _line(line: Line) -> dict[str, object]:
    return {
        "product": line.handle, "title": line.title, "channel": line.channel, "locale": line.locale,
        "required": line.required, "filled": line.filled, "percent": line.percent,
        "missing": [gap.as_dict() for gap in line.missing], "errors": line.errors, "warnings": line.warnings,
    }  # fmt: skip


@completeness.command()
@json_option
def summary(as_json: bool) -> None:
    """How many products are how complete, per channel and language."""
    with system() as running, reading(running.sessions) as session:
        lines = reads.summary(session)
    names = [f"{low}–{high}" if low != high else f"{high}" for low, high in BANDS]
    text = table(
        ("channel", "language", "products", *(f"{name} %" for name in names), "mean", "with errors", "with warnings"),
        [
            (
                s.channel, s.locale or "(base)", s.products, *(s.bands[band] for band in BANDS),
                "" if s.mean is None else s.mean, s.with_errors, s.with_warnings,
            )
            for s in lines
        ],
    )  # fmt: skip
    value = [
        {
            "channel": s.channel, "locale": s.locale, "products": s.products, "mean": s.mean,
            "bands": [{"from": low, "to": high, "products": s.bands[low, high]} for low, high in BANDS],
            "with_errors": s.with_errors, "with_warnings": s.with_warnings,
        }
        for s in lines
    ]  # fmt: skip
    show(value, as_json=as_json, text=text)


@completeness.command()
@_channel
@_locale
@json_option
def gaps(channel: str, locale: str, as_json: bool) -> None:
    """What is missing, and for how many products."""
    with system() as running, reading(running.sessions) as session:
        found = reads.gaps(session, channel=channel, locale=locale)
    value = [{"field": lack.field, "products": lack.products} for lack in found]
    show(value, as_json=as_json, text=table(("field", "products"), [(lack.field, lack.products) for lack in found]))


@completeness.command()
@click.option("--limit", type=click.IntRange(1, 500), default=100, show_default=True, help="So many groups.")
@click.option("--after", default="", metavar="DIGEST", help="Go on after this group.")
@json_option
def copies(limit: int, after: str, as_json: bool) -> None:
    """Products with one and the same description."""
    with system() as running, reading(running.sessions) as session:
        found = reads.copies(session, after=after, limit=limit)
    value = [{"digest": c.digest, "products": c.products, "handles": list(c.handles)} for c in found]
    text = table(("products", "among them"), [(c.products, ", ".join(c.handles)) for c in found])
    if len(found) == limit:
        text += f"\nThere may be more: --after {found[-1].digest}"
    show(value, as_json=as_json, text=text)


@completeness.command()
@json_option
def rebuild(as_json: bool) -> None:
    """Make every product's completeness anew, 500 at a time. It may be stopped and started again at any time."""
    done, after = 0, 0
    with system() as running:
        while True:
            with unit(running.sessions) as session:
                count, following = rebuild_some(session, after, running.clock.now())
            done += count
            if following is None:
                break
            after = following
    show({"products": done}, as_json=as_json, text=f"{done} products were looked at")


@click.command()
@click.argument("product", metavar="SKU|HANDLE")
@click.option(
    "--channel", default="", help="Only this channel (default: every one that an account sells on, and in general)."
)
@click.option("--locale", default=None, help="Only this language; empty = the base content (default: all).")
@json_option
def lint(product: str, channel: str, locale: str | None, as_json: bool) -> None:
    """What a channel would object to in a product, found without asking it. Exit code 3 if it would be refused."""
    with system() as running, reading(running.sessions) as session:
        seen = looking.look(session, looking.find(session, product), channel=channel, locale=locale)
    value = {"product": seen.handle, "findings": [finding.as_dict() for finding in seen.findings]}
    show(
        value,
        as_json=as_json,
        text="\n".join(_finding(f) for f in seen.findings) or f"{seen.handle}: nothing to be said",
    )
    if any(finding.severity == "error" for finding in seen.findings):
        sys.exit(3)


def _finding(f: Finding) -> str:
    where = f"{f.channel}, {f.locale}" if f.locale else f.channel
    return f"{f.severity:<8} {where}: {safe(f.field)}: {safe(f.message)} {safe(f.fix)}"


COMMANDS = (completeness, lint)
