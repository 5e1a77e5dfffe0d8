"""`hub categories`, `hub relations`, `hub brands`, `hub tags`: how products are ordered."""

from __future__ import annotations

import getpass
from collections.abc import Callable
from pathlib import Path

import click
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.cli.common import json_option, show, system
from hub.cli.tables import safe, table
from hub.db.session import reading, unit
from hub.db.upsert import chunks
from hub.kernel.errors import Unknown
from hub.pim.history.note import By, act_as
from hub.pim.models import Product
from hub.pim.taxonomy import categories as rooms
from hub.pim.taxonomy import reads, words
from hub.pim.taxonomy import relations as going_together
from hub.pim.taxonomy.categories import NewCategory
from hub.pim.taxonomy.files import read_tree
from hub.pim.taxonomy.rules import OWN, RELATION_KINDS
from hub.wiring import System


def _me(session: Session) -> None:
    act_as(session, By(kind="person", name=getpass.getuser(), source="cli"))


def product_ids(session: Session, handles: tuple[str, ...]) -> list[int]:
    """Raises Unknown if there is no product of one of these handles."""
    found: dict[str, int] = {}
    for part in chunks(sorted(set(handles))):
        found.update(session.execute(select(Product.handle, Product.id).where(Product.handle.in_(part))).tuples().all())
    for handle in handles:
        if handle not in found:
            raise Unknown(f"no product has the handle {handle!r}", field="product", value=handle)
    return sorted(found.values())


@click.group()
def categories() -> None:
    """Category trees: our own («own») and the channels', and what stands for what."""


@categories.command("list")
@click.option("--tree", default=OWN, show_default=True, help="own, or a channel's name.")
@click.option("--limit", type=click.IntRange(1, 500), default=200, show_default=True)
@click.option("--after", default="", help="Go on after this category's code.")
@json_option
def list_(tree: str, limit: int, after: str, as_json: bool) -> None:
    """A tree with its products and, for ours, the channels' categories behind it (* = inherited)."""
    with system() as running, reading(running.sessions) as session:
        nodes = reads.tree(session, tree, after=after, limit=limit)
    text = table(
        ("code", "category", "products", "stands for"),
        [
            (
                n.code, " > ".join(n.trail), n.products,
                ", ".join(f"{other}: {code}{'*' if inherited else ''}" for other, (code, inherited) in n.mapped.items()),
            )
            for n in nodes
        ],
    )  # fmt: skip
    if len(nodes) == limit:
        text += f"\nThere may be more: --after {nodes[-1].code}"
    value = [
        {
            "code": n.code, "label": n.label, "trail": list(n.trail), "products": n.products,
            "mapped": {other: {"code": code, "inherited": inherited} for other, (code, inherited) in n.mapped.items()},
        }
        for n in nodes
    ]  # fmt: skip
    show(value, as_json=as_json, text=text)


@categories.command()
@click.argument("code")
@click.argument("label")
@click.option("--tree", default=OWN, show_default=True)
@click.option("--parent", default="", help="The code of the category above it.")
@json_option
def add(code: str, label: str, tree: str, parent: str, as_json: bool) -> None:
    """Add a category, or change its label and place."""
    with system() as running:
        with unit(running.sessions) as session:
            _me(session)
            node = NewCategory(tree=tree, code=code, label=label, parent=parent)
            counts = rooms.put_categories(session, [node], running.clock.now())
        result = next(word for word, count in counts.items() if count)
        show({"code": code, "tree": tree, "result": result}, as_json=as_json, text=f"{safe(code)}: {result}.")


@categories.command()
@click.argument("code")
@click.option("--under", "parent", required=True, help="The new parent's code; '' makes it a root.")
@click.option("--tree", default=OWN, show_default=True)
@json_option
def move(code: str, parent: str, tree: str, as_json: bool) -> None:
    """Hang a category with everything below it under another one."""
    with system() as running:
        with unit(running.sessions) as session:
            _me(session)
            rooms.move(session, tree, code, parent, running.clock.now())
        show(
            {"code": code, "parent": parent},
            as_json=as_json,
            text=f"{safe(code)} is under {safe(parent) or 'nothing'}.",
        )


@categories.command()
@click.argument("code")
@click.option("--tree", default=OWN, show_default=True)
@click.option("--into", default="", help="Which category takes over its products and mappings.")
@json_option
def remove(code: str, tree: str, into: str, as_json: bool) -> None:
    """Take a category away; refused while it is in use and nothing takes over."""
    with system() as running:
        with unit(running.sessions) as session:
            _me(session)
            rooms.remove(session, tree, code, running.clock.now(), into=into)
        show({"code": code, "removed": True}, as_json=as_json, text=f"{safe(code)} is gone.")


@categories.command("import")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--tree", required=True, help="own, or the channel whose tree this is.")
@json_option
def import_(file: Path, tree: str, as_json: bool) -> None:
    """A tree from a CSV file with the columns code, parent, label. The same file again changes nothing."""
    with system() as running:
        nodes = read_tree(file, tree)
        with unit(running.sessions) as session:
            act_as(session, By(kind="import", name=getpass.getuser(), reason=file.name, source="cli"))
            counts = rooms.put_categories(session, nodes, running.clock.now())
        text = ", ".join(f"{count} {word}" for word, count in counts.items())
        show({"tree": tree, **counts}, as_json=as_json, text=f"{safe(tree)}: {text}.")


@categories.command("map")
@click.argument("code")
@click.argument("tree")
@click.argument("target", default="")
@json_option
def map_(code: str, tree: str, target: str, as_json: bool) -> None:
    """Our category CODE stands for TARGET in the TREE of a channel; without TARGET it stands for nothing there."""
    with system() as running:
        with unit(running.sessions) as session:
            _me(session)
            rooms.map_to(session, code, tree, target, running.clock.now())
        text = f"{safe(code)} stands for {safe(target) or 'nothing'} on {safe(tree)}."
        show({"code": code, "tree": tree, "target": target or None}, as_json=as_json, text=text)


@categories.command()
@click.argument("handle")
@click.argument("codes", nargs=-1)
@click.option("--main", default="", help="Which of them decides where it is listed (default: the first).")
@json_option
def put(handle: str, codes: tuple[str, ...], main: str, as_json: bool) -> None:
    """The product HANDLE is in exactly these categories of ours (none = in none)."""
    chosen = main or (codes[0] if codes else "")
    with system() as running:
        with unit(running.sessions) as session:
            _me(session)
            ids = product_ids(session, (handle,))
            changed = rooms.put_products_into(session, ids, codes, chosen, running.clock.now())
        value = {"product": handle, "categories": list(codes), "main": chosen or None, "changed": changed == 1}
        show(value, as_json=as_json, text=f"{safe(handle)} is in {safe(', '.join(codes)) or 'no category'}.")


@click.group()
def relations() -> None:
    """What goes with what: related, complementary, similar, accessory, spare, replaces."""


@relations.command("show")
@click.argument("handle")
@json_option
def show_(handle: str, as_json: bool) -> None:
    """The relations of a product."""
    with system() as running, reading(running.sessions) as session:
        found = reads.relations(session, product_ids(session, (handle,))[0])
    value = [{"kind": r.kind, "handle": r.handle, "title": r.title, "backwards": r.backwards} for r in found]
    show(value, as_json=as_json, text=table(("kind", "product", "title"), [(r.kind, r.handle, r.title) for r in found]))


@relations.command("set")
@click.argument("handle")
@click.argument("kind", type=click.Choice(RELATION_KINDS))
@click.argument("others", nargs=-1)
@json_option
def set_(handle: str, kind: str, others: tuple[str, ...], as_json: bool) -> None:
    """HANDLE has exactly these products as its KIND, in this order (none = none)."""
    with system() as running:
        with unit(running.sessions) as session:
            _me(session)
            changed = going_together.relate(session, handle, kind, others, running.clock.now())
        text = f"{safe(handle)}: {len(others)} {kind}{'' if changed else ' (as before)'}."
        show({"product": handle, "kind": kind, "others": list(others), "changed": changed}, as_json=as_json, text=text)


@click.group()
def brands() -> None:
    """Brands and their spellings."""


@brands.command("list")
@json_option
def brands_list(as_json: bool) -> None:
    """Brands that stand in the catalogue under more than one spelling."""
    with system() as running, reading(running.sessions) as session:
        found = words.variants_of_brands(session)
    value = [{"key": f.key, "spellings": [{"name": n, "products": c} for n, c in f.spellings]} for f in found]
    text = table(("spellings", "products"), [(n, c) for f in found for n, c in f.spellings]) if found else "None."
    show(value, as_json=as_json, text=text)


@brands.command()
@click.argument("name")
@click.argument("spellings", nargs=-1)
@json_option
def merge(name: str, spellings: tuple[str, ...], as_json: bool) -> None:
    """Products under any of SPELLINGS (or under NAME in other case) get the brand NAME."""
    with system() as running:
        with unit(running.sessions) as session:
            _me(session)
            words.register_brand(session, name, spellings, running.clock.now())
        count = _repeat(running, lambda session: words.respell(session, name, running.clock.now()))
        show({"brand": name, "products": count}, as_json=as_json, text=f"{count} products are {safe(name)} now.")


@click.group()
def tags() -> None:
    """Tags over all products."""


@tags.command("list")
@json_option
def tags_list(as_json: bool) -> None:
    """The tags in use, the commonest first."""
    with system() as running, reading(running.sessions) as session:
        found = words.tags(session)
    value = [{"tag": tag, "products": count} for tag, count in found]
    show(value, as_json=as_json, text=table(("tag", "products"), found))


@tags.command()
@click.argument("tag")
@click.argument("to", default="")
@json_option
def rename(tag: str, to: str, as_json: bool) -> None:
    """TAG becomes TO on every product; without TO it is taken away."""
    with system() as running:
        count = _repeat(running, lambda session: words.retag(session, tag, to, running.clock.now()))
        show({"tag": tag, "to": to or None, "products": count}, as_json=as_json, text=f"{count} products changed.")


def _repeat(running: System, step: Callable[[Session], int]) -> int:
    """Steps of a unit each until one finds nothing more."""
    total = 0
    while True:
        with unit(running.sessions) as session:
            _me(session)
            count = step(session)
        total += count
        if count == 0:
            return total


COMMANDS = (categories, relations, brands, tags)
