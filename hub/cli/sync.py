"""`hub sync`: carry due work out here and now, see how the accounts are, try again what waits for a person."""

from __future__ import annotations

import sys
from datetime import datetime

import click

from hub.channels.contract.manifest import Capability
from hub.cli.common import json_option, show, system
from hub.cli.progress import working
from hub.cli.tables import age, instant, safe, table
from hub.db.session import reading, unit
from hub.kernel.ids import AccountId
from hub.sync import flows, relay
from hub.wiring import System
from hub.work import accounts, items, reads, verdicts
from hub.work.kinds import KINDS
from hub.work.rhythm import WHOLE_ACCOUNT
from hub.work.verdicts import Verdict

DESK_SHOWN = 20
TURNS_MAX = 100_000


@click.group()
def sync() -> None:
    """Synchronising by hand, and how it goes."""


@sync.command()
@click.option("--account", "name", help="Only this account.")
@click.option("--kind", type=click.Choice(list(KINDS)), help="Only this kind of work.")
@json_option
def once(name: str | None, kind: str | None, as_json: bool) -> None:
    """Carry out, in this process, everything that is due now, until nothing is.

    Work of an account as a whole (orders.pull, reconcile) that is named with --kind is done even before its time.
    Work that waits for its time (a retry, a ticket, a pause that the channel asked for) is left alone. Exit code 3 if
    something due could not be carried out.
    """
    with system() as running:
        account_id = None
        with unit(running.sessions) as session:
            now = running.clock.now()
            if name is not None:
                account_id = AccountId(accounts.named(session, name).id)
            if kind in WHOLE_ACCOUNT:
                ids = [row.id for row in reads.health(session, now)] if account_id is None else [account_id]
                for each in ids:
                    items.want(session, KINDS[kind or ""], each, "*", now)
            accounts.tick(session, now)
        refused: list[dict[str, object]] = []
        log = running.hub.log

        def listen(event: str, /, **fields: object) -> None:
            if event == "flow.refused":
                refused.append(fields)
            log(event, **fields)

        running.hub.log = listen
        done, left = _drain(running, account_id, kind)
        with reading(running.sessions) as session:
            names = {row.id: row.name for row in reads.health(session, running.clock.now())}
        rows = [{"account": names[at], "kind": of, "moved": moved} for (at, of), moved in sorted(done.items()) if moved]
        stuck = [
            {"account": names[at], "kind": of, "why": _why(refused, at, of)} for at, of in left
        ]  # fmt: skip
        lines = [table(("account", "kind", "moved"), [(r["account"], r["kind"], r["moved"]) for r in rows])]
        lines += [f"not carried out: {safe(s['account'])} {s['kind']}: {safe(s['why'])}" for s in stuck]
        text = "\n".join(lines) if rows or stuck else "Nothing was due."
        show({"done": rows, "stuck": stuck}, as_json=as_json, text=text)
    if stuck:
        sys.exit(3)


def _why(refused: list[dict[str, object]], account_id: int, kind: str) -> str:
    for fields in reversed(refused):
        if (fields.get("account"), fields.get("kind")) == (account_id, kind):
            return str(fields.get("message"))
    return "it is still due"


def _drain(
    running: System, account_id: AccountId | None, kind: str | None
) -> tuple[dict[tuple[int, str], int], list[tuple[int, str]]]:
    """Turns until nothing moves; returns what moved and which lanes are due all the same."""
    done: dict[tuple[int, str], int] = {}
    lanes: list[tuple[AccountId, str]] = []
    with working("Looking for due work") as say:
        for _ in range(TURNS_MAX):
            lanes = [
                (lane.account_id, lane.kind)
                for lane in relay.due(running.hub)
                if (account_id is None or lane.account_id == account_id) and (kind is None or lane.kind == kind)
            ]
            moved = 0
            for at, of in lanes:
                say(f"{of} for account {at}: {sum(done.values())} done")
                here = flows.run(running.hub, at, of)
                done[at, of] = done.get((at, of), 0) + here
                moved += here
            if moved == 0:
                break
    return done, [(int(at), of) for at, of in lanes]


@sync.command()
@json_option
def status(as_json: bool) -> None:
    """Every account at a glance. Exit code 3 if one is red: blocked, or its order pulls stopped for two periods."""
    with system() as running:
        now = running.clock.now()
        with reading(running.sessions) as session:
            found = verdicts.judge(session, now, without_orders=without_orders(running))
            desk = reads.desk(session, limit=DESK_SHOWN)
        healthy = all(v.colour != "red" for v in found)
        value = {
            "at": now.isoformat(), "healthy": healthy, "accounts": [v.as_dict() for v in found],
            "desk": [
                {
                    "id": d.id, "account": d.account, "kind": d.kind, "key": d.key, "code": d.code,
                    "message": d.message,
                }
                for d in desk
            ],
        }  # fmt: skip
        parts = [_accounts_table(found, now) if found else "No account yet: hub account add CHANNEL NAME"]
        shut = [(v.health.name, s.kind, instant(s.until)) for v in found for s in v.shut]
        if shut:
            parts.append(table(("account", "shut", "until"), shut))
        if desk:
            parts.append(
                table(("waits for you", "kind", "of", "message"), [(d.account, d.kind, d.key, d.message) for d in desk])
            )
        show(value, as_json=as_json, text="\n\n".join(parts))
    if not healthy:
        sys.exit(3)


def without_orders(running: System) -> tuple[str, ...]:
    """The channels that say that they have no orders to pull."""
    return tuple(
        name for name, manifest in running.registry.available.items() if Capability.ORDERS not in manifest.capabilities
    )


def _accounts_table(found: list[Verdict], now: datetime) -> str:
    def since(at: datetime | None) -> str:
        return "never" if at is None else age((now - at).total_seconds()) + " ago"

    return table(
        ("account", "channel", "is", "pulled", "orders until", "backlog", "oldest", "waiting", "asks", "calls",
         "throttled", "why"),
        [
            (
                v.health.name, v.health.channel, v.colour, since(v.health.last_pull_at),
                since(v.health.orders_covered_until), v.health.backlog, age(v.health.oldest_due_s), v.health.waiting,
                v.health.needs_human, v.health.calls, v.health.throttled, "; ".join(v.reasons),
            )
            for v in found
        ],
    )  # fmt: skip


@sync.command()
@click.option("--account", "name", help="Only this account.")
@click.option("--kind", type=click.Choice(list(KINDS)), help="Only this kind of work.")
@json_option
def retry(name: str | None, kind: str | None, as_json: bool) -> None:
    """Try everything again that waits for a person."""
    with system() as running:
        with unit(running.sessions) as session:
            account_id = None if name is None else accounts.named(session, name).id
            count = items.retry_desk(session, running.clock.now(), account_id=account_id, kind=kind)
        show({"retried": count}, as_json=as_json, text=f"{count} will be tried again.")


COMMANDS = (sync,)
