"""`hub mapping`: what the channels list already, which of our products it is, and making products from it."""

from __future__ import annotations

import dataclasses
import getpass
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import click
from sqlalchemy.orm import Session

from hub.cli.common import json_option, show, system
from hub.cli.progress import working
from hub.cli.tables import instant, safe, table
from hub.db.session import reading, unit
from hub.kernel.errors import Unknown
from hub.kernel.ids import AccountId
from hub.kernel.money import Money
from hub.orders import bindings
from hub.pim.history.note import By, act_as
from hub.pim.matching import candidates, clear, conflicts, create, decide, pulls, reads
from hub.pim.matching.reads import STATUSES, ItemRow, PullRow, Status
from hub.pim.stock import variant_by_sku
from hub.sync import flows
from hub.wiring import System
from hub.work import accounts
from hub.work.kinds import LISTINGS_PULL

TURNS_MAX = 100_000
AT_ONCE = 100


@click.group()
def mapping() -> None:
    """What the channels list already: pull it, say which of our products it is, make products from it."""


@contextmanager
def _changing(running: System) -> Iterator[tuple[Session, datetime]]:
    """A unit in the name of whoever sits here."""
    with unit(running.sessions) as session:
        act_as(session, By(kind="person", name=getpass.getuser(), source="cli"))
        yield session, running.clock.now()


@mapping.command()
@click.argument("account")
@click.option("--later", is_flag=True, help="Leave it to the workers instead of doing it here and now.")
@json_option
def pull(account: str, later: bool, as_json: bool) -> None:
    """Fetch everything that ACCOUNT offers. Nothing is bound or created by it; exit code 1 if it came to no end."""
    with system() as running:
        with _changing(running) as (session, now):
            found = accounts.named(session, account)
            account_id = AccountId(found.id)
            pulls.ask_for(session, found.id, now)
        if not later:
            _carry_out(running, account_id)
        with reading(running.sessions) as session:
            done, counts = reads.newest_pull(session, account_id), reads.counts(session, account_id)
    value = {"account": account, "pull": None if done is None else _plain(done), "counts": counts}
    show(value, as_json=as_json, text=_pull_text(account, done, counts))
    if not later and (done is None or not done.complete):
        raise SystemExit(1)


def _carry_out(running: System, account_id: AccountId) -> None:
    with working("Pulling listings") as say:
        for _ in range(TURNS_MAX):
            moved = flows.run(running.hub, account_id, LISTINGS_PULL.name)
            with reading(running.sessions) as session:
                current = pulls.current(session, account_id)
            if not moved or current is None:
                return
            say(f"{current.items} listings in {current.pages} pages")


def _pull_text(account: str, done: PullRow | None, counts: dict[str, int]) -> str:
    if done is None:
        return f"{safe(account)} has never been pulled."
    how = "complete" if done.complete else "not complete yet (`hub sync status` says what it waits for)"
    lines = [f"{safe(account)}: {done.items} listings in {done.pages} pages, {done.gone} gone, {how}"]
    if done.unreadable:
        lines.append(f"{done.unreadable} could not be read:")
        lines += [f"  {safe(problem['key'] or '(no key)')}: {safe(problem['why'])}" for problem in done.problems[:10]]
    lines.append(", ".join(f"{number} {status}" for status, number in counts.items()))
    return "\n".join(lines)


@mapping.command()
@click.argument("account")
@json_option
def propose(account: str, as_json: bool) -> None:
    """Look for candidates anew, for instance after products were imported. What was decided stays."""
    with system() as running:
        with reading(running.sessions) as session:
            account_id = accounts.named(session, account).id
        after, looked, found = 0, 0, 0
        while True:
            with _changing(running) as (session, now):
                ids = [row.id for row in reads.page(session, account_id, after=after, limit=AT_ONCE)]
                found += candidates.propose(session, ids, now)
            looked += len(ids)
            if len(ids) < AT_ONCE:
                break
            after = ids[-1]
    value = {"account": account, "items": looked, "proposals": found}
    show(value, as_json=as_json, text=f"{looked} undecided items, {found} proposals")


@mapping.command("list")
@click.argument("account")
@click.option("--status", type=click.Choice(STATUSES), default="open", show_default=True, help="Which items.")
@click.option("--min-score", type=click.IntRange(0, 100), default=0, help="Only with a proposal this likely.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@click.option("--after", type=click.IntRange(0), default=0, help="Go on after this item id.")
@json_option
def list_(account: str, status: Status, min_score: int, limit: int, after: int, as_json: bool) -> None:
    """What ACCOUNT offers, with what it may be of ours."""
    with system() as running, reading(running.sessions) as session:
        account_id = accounts.named(session, account).id
        rows = reads.page(session, account_id, status=status, min_score=min_score, after=after, limit=limit)
    text = table(
        ("id", "SKU there", "title", "price", "count", "of ours", "score", "why"),
        [(r.id, r.channel_sku or "–", r.title[:50], _price(r), _count(r), *_best(r)) for r in rows],
    )
    if len(rows) == limit:
        text += f"\nThere may be more: --after {rows[-1].id}"
    show([_plain(row) for row in rows], as_json=as_json, text=text)


def _price(row: ItemRow) -> str:
    if row.price_minor is None or row.currency is None:
        return "?"
    return str(Money(minor=row.price_minor, currency=row.currency))


def _count(row: ItemRow) -> object:
    return "?" if row.quantity is None else row.quantity


def _best(row: ItemRow) -> tuple[object, object, object]:
    if row.bound_to is not None:
        return row.bound_to, "", "bound"
    best = next((c for c in row.candidates if c.state in ("proposed", "created")), None)
    if best is None:
        return "–", "", ""
    return best.sku, best.score, ", ".join(str(e["kind"]) for e in best.evidence if e["points"] > 0)


@mapping.command("show")
@click.argument("item", type=int)
@json_option
def show_(item: int, as_json: bool) -> None:
    """One item with every candidate and what speaks for and against it."""
    with system() as running, reading(running.sessions) as session:
        row = reads.one(session, item)
    lines = [
        f"{row.id}: {safe(row.title)}",
        f"  SKU there {safe(row.channel_sku or '–')}, key {safe(row.key)}, {row.state}, {_price(row)}, count {_count(row)}",
        f"  GTIN {row.gtin or '–'}, options {safe(', '.join(f'{k}: {v}' for k, v in row.options.items()) or '–')}",
        f"  seen {instant(row.seen_at)}" + (f", gone since {instant(row.gone_at)}" if row.gone_at else ""),
    ]
    if row.bound_to is not None:
        lines.append(f"  bound to {safe(row.bound_to)}")
    if row.dismissed:
        lines.append("  said to be none of ours")
    for one in row.candidates:
        lines.append(f"  {one.state} {safe(one.sku)} ({safe(one.title)}): {one.score}")
        lines += [f"    {each['points']:+d} {safe(each['says'])}" for each in one.evidence]
    show(_plain(row), as_json=as_json, text="\n".join(lines))


@mapping.command()
@click.argument("item", type=int)
@click.option("--sku", help="Which SKU of ours (default: the likeliest proposal).")
@json_option
def accept(item: int, sku: str | None, as_json: bool) -> None:
    """ITEM is ours: bind it. Its stock is sent from now on, and order lines that waited for it are mapped."""
    with system() as running:
        with _changing(running) as (session, now):
            variant_id = _likeliest(session, item) if sku is None else variant_by_sku(session, sku).id
            bound = bindings.accept(session, item, variant_id, now)
    _decided(bound.decision, bound.lines, as_json=as_json)


def _likeliest(session: Session, item: int) -> int:
    best = next((c for c in reads.one(session, item).candidates if c.state in ("proposed", "created")), None)
    if best is None:
        raise Unknown(f"nothing is proposed for item {item}", field="sku", value=item, fix="name the SKU with --sku")
    return best.variant_id


@mapping.command("accept-clear")
@click.argument("account")
@click.option("--min-score", type=click.IntRange(clear.MIN_SCORE, 100), default=90, show_default=True)
@click.option("--yes", is_flag=True, help="Accept them; without it they are only shown.")
@json_option
def accept_clear(account: str, min_score: int, yes: bool, as_json: bool) -> None:
    """Accept every proposal of ACCOUNT that is clear: likely enough, no rival, no conflict. First look without --yes."""
    with system() as running:
        with reading(running.sessions) as session:
            account_id = accounts.named(session, account).id
            seen = clear.look(session, account_id, min_score=min_score, limit=AT_ONCE)
        accepted, lines = 0, 0
        while yes:
            with _changing(running) as (session, now):
                done, mapped = bindings.accept_clear(session, account_id, min_score, now, limit=AT_ONCE)
            accepted, lines = accepted + len(done.clear), lines + mapped
            if not done.clear:
                break
    value = {"account": account, "accepted": accepted, "lines": lines, **_plain(seen)}
    text = table(
        ("item", "SKU there", "of ours", "score", "against it"),
        [(c.item_id, c.channel_sku, c.sku, c.score, c.why) for c in (*seen.clear, *seen.held)],
    )
    if seen.more:
        text += "\nThere are more."
    text += (
        f"\n{accepted} accepted, {lines} order lines mapped."
        if yes
        else "\nNothing was changed: --yes accepts what is clear."
    )
    show(value, as_json=as_json, text=text)


@mapping.command()
@click.argument("item", type=int)
@click.option("--sku", help="It is not this SKU of ours (default: it is none of ours at all).")
@json_option
def reject(item: int, sku: str | None, as_json: bool) -> None:
    """ITEM is not a SKU of ours, or none of ours at all. That is remembered."""
    with system() as running:
        with _changing(running) as (session, now):
            variant_id = None if sku is None else variant_by_sku(session, sku).id
            decision = decide.reject(session, item, now, variant_id=variant_id)
    _decided(decision, 0, as_json=as_json)


@mapping.command("create")
@click.argument("item", type=int)
@click.option("--alone", is_flag=True, help="Without the others that share its page on the channel.")
@click.option("--no-stock", is_flag=True, help="Do not take the channel's count as opening stock (and do not bind).")
@json_option
def create_(item: int, alone: bool, no_stock: bool, as_json: bool) -> None:
    """Make a draft product from ITEM and those that share its page on the channel, and bind them."""
    with system() as running:
        with _changing(running) as (session, now):
            wanted = [item] if alone else create.with_its_group(session, item)
            made, lines = bindings.create_from(session, wanted, now, take_stock=not no_stock)
    _created(made, lines, as_json=as_json)


@mapping.command()
@click.argument("items", type=int, nargs=-1, required=True)
@click.option("--into", required=True, help="The handle of the product that gets them as further variants.")
@click.option("--no-stock", is_flag=True, help="Do not take the channel's count as opening stock (and do not bind).")
@json_option
def merge(items: tuple[int, ...], into: str, no_stock: bool, as_json: bool) -> None:
    """Make ITEMS further variants of a product that is there, and bind them."""
    with system() as running:
        with _changing(running) as (session, now):
            made, lines = bindings.create_from(session, items, now, into=into, take_stock=not no_stock)
    _created(made, lines, as_json=as_json)


@mapping.command()
@click.argument("item", type=int)
@json_option
def undo(item: int, as_json: bool) -> None:
    """Take back what was decided of ITEM. Order lines that are not shipped wait to be mapped again."""
    with system() as running:
        with _changing(running) as (session, now):
            bound = bindings.undo(session, item, now)
    _decided(bound.decision, bound.lines, as_json=as_json)


@mapping.command("conflicts")
@click.option("--account", "name", help="Only what concerns this account.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="Of each kind.")
@json_option
def conflicts_(name: str | None, limit: int, as_json: bool) -> None:
    """What does not fit together: claimed twice, SKUs that differ in case, listings that drain one pool."""
    with system() as running, reading(running.sessions) as session:
        account_id = None if name is None else accounts.named(session, name).id
        found = conflicts.find(session, account_id=account_id, limit=limit)
    text = table(("kind", "what"), [(c.kind, c.says) for c in found]) if found else "Nothing is at odds."
    show([_plain(conflict) for conflict in found], as_json=as_json, text=text)


def _decided(decision: decide.Decision, lines: int, *, as_json: bool) -> None:
    what = f"{safe(decision.channel_sku or str(decision.item_id))}: {decision.state}"
    what += f", {safe(decision.sku)}" if decision.sku else ""
    show({**_plain(decision), "lines": lines}, as_json=as_json, text=f"{what}; order lines concerned: {lines}")


def _created(made: create.Created, lines: int, *, as_json: bool) -> None:
    text = [
        f"{safe(made.handle)} ({'new draft' if made.new_product else 'further variants'}); order lines mapped: {lines}"
    ]
    for one in made.decisions:
        note = "bound" if one.listing_id is not None else "not bound: count its stock, then accept it"
        text.append(f"  {safe(one.sku)}: {note}")
    show({**_plain(made), "lines": lines}, as_json=as_json, text="\n".join(text))


def _plain(record: object) -> dict[str, object]:
    assert dataclasses.is_dataclass(record)
    assert not isinstance(record, type)
    plain = dataclasses.asdict(record)
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in plain.items()}


COMMANDS = (mapping,)
