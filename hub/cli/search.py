"""`hub search`: products by words and filters; `hub views`: searches kept under a name."""

from __future__ import annotations

import json
from typing import Any

import click
from rich.progress import Progress

from hub.cli.common import console, json_option, show, system
from hub.cli.tables import safe, table
from hub.cli.values import person
from hub.db.session import reading, unit
from hub.kernel.errors import Invalid
from hub.kernel.money import Money
from hub.pim import projections
from hub.pim.history.note import act_as
from hub.pim.search import facets as counted
from hub.pim.search import find, rebuild, views
from hub.pim.search.encoding import from_json
from hub.pim.search.phrases import filter_of
from hub.pim.search.query import SORTS, All, Query, Sort, checked


class _SearchOrCommand(click.Group):
    """`hub search WORDS` is `hub search find WORDS`."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        if args[0] not in self.commands:
            args = ["find", *args]
        return super().resolve_command(ctx, args)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in (*self.commands, *ctx.help_option_names):
            args = ["find", *args]
        return super().parse_args(ctx, args)


_query_options = (
    click.option("--filter", "-f", "phrases", multiple=True, metavar="FIELD=VALUE",
                 help="brand=Acme|Bloom, price>=12.50, colour!=red, gtin=no, listed=ACCOUNT … All must be true."),
    click.option("--any", "any_of", is_flag=True, help="One of the filters being true is enough."),
    click.option("--query", "as_query", metavar="JSON", help="A whole query as JSON (docs/search.md)."),
    click.option("--sort", type=click.Choice(SORTS), help="Default: relevance; without words, title."),
    click.option("--descending", is_flag=True, help="The other way round."),
)  # fmt: skip


def _with_query(command: Any) -> Any:
    for option in reversed(_query_options):
        command = option(command)
    return command


def _query(
    text: str, phrases: tuple[str, ...], any_of: bool, as_query: str | None, sort: Sort | None, descending: bool
) -> Query:
    """What the options say together; words and filters narrow what a JSON query says.

    Raises:
        Invalid: something of it is not understood.
    """
    base = Query()
    if as_query is not None:
        try:
            base = from_json(json.loads(as_query))
        except (json.JSONDecodeError, RecursionError) as error:
            raise Invalid("--query is not JSON", field="query", value=as_query[:40]) from error
    own = filter_of(phrases, any_of=any_of)
    return checked(
        Query(
            text=" ".join(part for part in (base.text, text) if part), sort=sort or base.sort,
            filter=All(parts=(base.filter, own)) if phrases and as_query is not None else own if phrases else base.filter,
            descending=descending or base.descending, channel=base.channel, locale=base.locale,
        )
    )  # fmt: skip


@click.group("search", cls=_SearchOrCommand)
def search_() -> None:
    """Find products: `hub search red wine -f brand=Acme`. Nothing but words = find.

    «rebuild» and «suggest» as words: `hub search find rebuild`.
    """


@search_.command("find")
@click.argument("words", nargs=-1)
@_with_query
@click.option("--view", help="Begin with a saved view (yours, or a shared one).")
@click.option("--facet", "facet_names", multiple=True, help="Count the values of this field among all that is found.")
@click.option("--limit", type=click.IntRange(1, find.LIMIT_MAX), default=50, show_default=True)
@click.option("--after", default="", help="The `next` of the page before.")
@json_option
def find_(
    words: tuple[str, ...], phrases: tuple[str, ...], any_of: bool, as_query: str | None, sort: Sort | None,
    descending: bool, view: str | None, facet_names: tuple[str, ...], limit: int, after: str, as_json: bool,
) -> None:  # fmt: skip
    """Products with these WORDS (beginnings of words, SKUs, GTINs, parts of SKUs and titles) that meet the filters."""
    with system() as running, reading(running.sessions) as session:
        if view is not None:
            if as_query is not None:
                raise Invalid("--view and --query exclude each other", field="view", value=view)
            as_query = json.dumps(views.named(session, person().name, view).as_dict()["query"])
        query = _query(" ".join(words), phrases, any_of, as_query, sort, descending)
        page = find.page(session, query, after=after, limit=limit)
        many = find.count(session, query)
        facets = counted.facets(session, query, facet_names) if facet_names else []
        behind = projections.behind(session)
    value = {
        "products": [_row(row) for row in page.rows], "next": page.next, "count": many.number,
        "count_capped": many.capped, "behind": behind,
        "facets": [
            {
                "name": f.name, "capped": f.capped, "more": f.more,
                "values": [{"value": v.value, "label": v.label, "count": v.count} for v in f.values],
            }
            for f in facets
        ],
    }  # fmt: skip
    show(value, as_json=as_json, text=_text(page, many, facets, behind))


def _row(row: find.Found) -> dict[str, Any]:
    return {
        "id": row.id, "handle": row.handle, "title": row.title, "brand": row.brand, "category": row.category,
        "state": row.state, "stock_class": row.stock_class, "skus": row.skus, "first_sku": row.first_sku,
        "price_from_minor": row.price_from, "price_to_minor": row.price_to, "currency": row.currency,
        "available": row.available, "picture": row.picture, "tags": list(row.tags),
        "updated_at": row.updated_at.isoformat(), "completeness": row.completeness,
    }  # fmt: skip


def _text(page: find.Page, many: find.Count, facets: list[counted.Facet], behind: int) -> str:
    lines = [
        table(
            ("handle", "title", "SKU", "brand", "state", "price", "available"),
            [
                (
                    safe(row.handle), safe(row.title),
                    safe(row.first_sku) + (f" +{row.skus - 1}" if row.skus > 1 else ""), safe(row.brand), row.state,
                    _price(row), str(row.available),
                )
                for row in page.rows
            ],
        )
    ] if page.rows else []  # fmt: skip
    for facet in facets:
        least = "at least " if facet.capped else ""
        values = ", ".join(f"{safe(v.label) or '(none)'} {least}{v.count}" for v in facet.values)
        lines.append(f"{safe(facet.name)}: {values}{' …' if facet.more else ''}")
    lines.append(f"{'more than ' if many.capped else ''}{many.number} products")
    if page.next is not None:
        lines.append(f"next page: --after {page.next}")
    if behind:
        lines.append(f"{behind} changed products are not indexed yet")
    return "\n".join(lines)


def _price(row: find.Found) -> str:
    if row.price_from is None or row.price_to is None:
        return "–"
    if not row.currency:
        return "several currencies"
    ends = [Money(minor=row.price_from, currency=row.currency), Money(minor=row.price_to, currency=row.currency)]
    return str(ends[0]) if row.price_from == row.price_to else f"{ends[0]} – {ends[1]}"


@search_.command()
@click.argument("text")
@click.option("--limit", type=click.IntRange(1, 50), default=10, show_default=True)
@json_option
def suggest(text: str, limit: int, as_json: bool) -> None:
    """What somebody may mean who began to type TEXT."""
    with system() as running, reading(running.sessions) as session:
        found = counted.suggest(session, text, limit=limit)
    value = [{"kind": s.kind, "text": s.text, "value": s.value} for s in found]
    show(value, as_json=as_json, text="\n".join(f"{s.kind}: {safe(s.text)}" for s in found) or "nothing")


@search_.command("rebuild")
@json_option
def rebuild_(as_json: bool) -> None:
    """Make everything that search keeps anew: after an attribute became filterable or searchable, or as a repair.

    Search goes on meanwhile. Stopped in the middle it can be run again.
    """
    with system() as running:
        with reading(running.sessions) as session:
            total = rebuild.total(session)
        done = last = 0
        with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task("products", total=total)
            while True:
                with unit(running.sessions) as session:
                    last, made = rebuild.step(session, running.clock.now(), after=last)
                    if not made:
                        rebuild.finish(session)
                        break
                done += made
                bar.update(task, completed=done)
    show({"products": done}, as_json=as_json, text=f"{done} products indexed")


# ---------------------------------------------------------------- views


@click.group("views")
def views_() -> None:
    """Saved views: searches under a name. `hub search find --view NAME` shows what is in one."""


@views_.command("list")
@json_option
def list_(as_json: bool) -> None:
    """Your views, and those that others share."""
    with system() as running, reading(running.sessions) as session:
        found = views.visible(session, person().name, limit=views.PAGE_MAX)
    rows = [(str(v.id), safe(v.name), safe(v.owner), "yes" if v.shared else "no", safe(v.query.text)) for v in found]
    text = table(("id", "name", "owner", "shared", "words"), rows) if rows else "no views yet"
    show([v.as_dict() for v in found], as_json=as_json, text=text)


@views_.command("show")
@click.argument("name")
@json_option
def show_(name: str, as_json: bool) -> None:
    """What a view asks for. NAME: yours, or a shared one."""
    with system() as running, reading(running.sessions) as session:
        found = views.named(session, person().name, name).as_dict()
    show(found, as_json=as_json, text=json.dumps(found, indent=2, ensure_ascii=False))


@views_.command("save")
@click.argument("name")
@click.argument("words", nargs=-1)
@_with_query
@click.option("--column", "columns", multiple=True, type=click.Choice(views.COLUMNS), help="What its list shows.")
@click.option("--shared/--private", default=None, help="Whether others see it.")
@json_option
def save(
    name: str, words: tuple[str, ...], phrases: tuple[str, ...], any_of: bool, as_query: str | None, sort: Sort | None,
    descending: bool, columns: tuple[str, ...], shared: bool | None, as_json: bool,
) -> None:  # fmt: skip
    """Keep a search under NAME; an own view of that name is changed."""
    query = _query(" ".join(words), phrases, any_of, as_query, sort, descending)
    me = person().name
    with system() as running, unit(running.sessions) as session:
        now = running.clock.now()
        act_as(session, person())
        find.page(session, query, limit=1)  # what cannot be asked is not saved
        mine = views.own(session, me, name)
        if mine is not None:
            change = views.ViewChange(query=query, columns=columns or None, shared=shared)
            found = views.change(session, mine.id, change, now)
        else:
            new = views.NewView(owner=me, name=name, query=query, columns=columns, shared=bool(shared))
            found = views.create(session, new, now)
    show(found.as_dict(), as_json=as_json, text=f"saved as {safe(found.name)}")


@views_.command("rename")
@click.argument("name")
@click.argument("new_name")
@json_option
def rename(name: str, new_name: str, as_json: bool) -> None:
    """Give your view NAME another name."""
    me = person().name
    with system() as running, unit(running.sessions) as session:
        act_as(session, person())
        mine = views.needed(session, me, name)
        found = views.change(session, mine.id, views.ViewChange(name=new_name), running.clock.now())
    show(found.as_dict(), as_json=as_json, text=f"{safe(name)} is now {safe(found.name)}")


@views_.command("remove")
@click.argument("name")
@json_option
def remove(name: str, as_json: bool) -> None:
    """Delete your view NAME."""
    me = person().name
    with system() as running, unit(running.sessions) as session:
        act_as(session, person())
        views.remove(session, views.needed(session, me, name).id, running.clock.now())
    show({"removed": name}, as_json=as_json, text=f"removed {safe(name)}")


COMMANDS = (search_, views_)
