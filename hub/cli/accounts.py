"""`hub account`: the seller accounts on the channels, their credentials, gates, stock rules and rhythms."""

from __future__ import annotations

import getpass
import sys
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import click
from sqlalchemy.orm import Session

from hub import wiring
from hub.channels.contract.errors import AuthFailed, ChannelError
from hub.channels.contract.manifest import Manifest
from hub.cli.common import json_option, show, system
from hub.cli.tables import age, instant, safe, table
from hub.cli.values import SPAN, pairs, person, secrets_file
from hub.db.session import reading, unit
from hub.kernel.ids import AccountId
from hub.pim.account_content import ContentRule, check_locale, set_content
from hub.pim.account_rule import StockRule, set_rule
from hub.pim.history.note import By, Changed, act_as, note
from hub.wiring import System
from hub.work import accounts, reads, rhythm
from hub.work.models import Account

_settings_option = click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="A setting; repeat it.")
_secrets_option = click.option(
    "--secret", "secrets", multiple=True, metavar="NAME=VALUE", help="A secret; others may see it in the process list."
)
_secrets_file_option = click.option(
    "--secrets-file", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="A JSON object of secrets."
)


@click.group()
def account() -> None:
    """Seller accounts: add them, look at them, pause them, change their rules."""


@account.command()
@click.argument("channel")
@click.argument("name")
@_settings_option
@_secrets_option
@_secrets_file_option
@click.option("--currency", default="EUR", show_default=True, help="What the account sells in.")
@click.option("--buffer", type=click.IntRange(0), default=0, show_default=True, help="Units kept back.")
@click.option("--cap", type=click.IntRange(0), help="Show at most this many units.")
@click.option("--locale", default="", help="The language of its listings; without it, the base content.")
@click.option("--approved-only", is_flag=True, help="List only products that somebody approved.")
@json_option
def add(
    channel: str,
    name: str,
    settings: tuple[str, ...],
    secrets: tuple[str, ...],
    secrets_file: Path | None,
    currency: str,
    buffer: int,
    cap: int | None,
    locale: str,
    approved_only: bool,
    as_json: bool,
) -> None:
    """Add the account NAME on CHANNEL. Secrets that are needed and not given are asked for, unseen."""
    with system() as running:
        manifest = running.registry.manifest(channel)
        given = {**_secrets(secrets, secrets_file)}
        with reading(running.sessions) as session:
            check_locale(session, locale)
        _ask_for_missing(manifest, given)
        made = wiring.add_account(
            running, channel=channel, name=name, settings=pairs(settings, "--set"), secrets=given,
            currency=_currency(currency), now=running.clock.now(), buffer=buffer, cap=cap,
        )  # fmt: skip
        with unit(running.sessions) as session:
            _set_content(session, made.id, locale, approved_only, running.clock.now())
        show(
            {"id": made.id, "name": made.name, "channel": made.channel},
            as_json=as_json,
            text=f"Account {safe(made.name)} added. Try its credentials: hub account probe {safe(made.name)}",
        )


def _secrets(given: tuple[str, ...], path: Path | None) -> dict[str, str]:
    return {**secrets_file(path), **pairs(given, "--secret")}


def _currency(text: str) -> str:
    code = text.strip().upper()
    if len(code) != 3 or not code.isascii() or not code.isalpha():
        raise click.BadParameter("write it like EUR", param_hint="--currency")
    return code


def _ask_for_missing(manifest: Manifest, given: dict[str, str]) -> None:
    for field in manifest.settings:
        if not field.secret or not field.required or given.get(field.name):
            continue
        try:
            given[field.name] = click.prompt(f"{field.name} ({field.help})", hide_input=True, err=True)
        except click.Abort:
            if sys.stdin.isatty():
                raise
            raise click.UsageError(
                f"the secret {field.name} is missing and nobody is there to ask: use --secrets-file"
            ) from None


@account.command("list")
@json_option
def list_(as_json: bool) -> None:
    """All accounts, with their gates, stock rules and backlogs."""
    with system() as running:
        now = running.clock.now()
        with reading(running.sessions) as session:
            health = reads.health(session, now)
            found = {row.id: accounts.named(session, row.name) for row in health}
        rows: list[dict[str, object]] = [
            {
                "id": row.id, "name": row.name, "channel": row.channel, "currency": found[row.id].currency,
                "state": row.state, "reason": row.reason, "writes": found[row.id].writes_enabled,
                "buffer": found[row.id].buffer, "cap": found[row.id].cap, "backlog": row.backlog,
                "needs_human": row.needs_human,
                "locale": found[row.id].locale, "approved_only": found[row.id].approved_only,
                "settings": dict(found[row.id].settings), "secrets": sorted(accounts.secrets_of(found[row.id])),
            }
            for row in health
        ]  # fmt: skip
        text = table(
            ("account", "channel", "currency", "state", "buffer", "cap", "backlog", "asks", "why"),
            [
                (
                    r["name"], r["channel"], r["currency"], r["state"], r["buffer"],
                    "–" if r["cap"] is None else r["cap"], r["backlog"], r["needs_human"], r["reason"],
                )
                for r in rows
            ],
        )  # fmt: skip
        show(rows, as_json=as_json, text=text if rows else "No account yet: hub account add CHANNEL NAME")


@account.command()
@click.argument("name")
@json_option
def probe(name: str, as_json: bool) -> None:
    """Ask the channel who the credentials of NAME belong to, and what they may not do.

    A blocked account that can sign in again is opened; one that cannot is blocked, so that it troubles nobody.
    """
    with system() as running:
        with reading(running.sessions) as session:
            found = accounts.named(session, name)
        try:
            opened = running.hub.open(AccountId(found.id))
            assert opened is not None
            who = opened.adapter.probe()
        except ChannelError as error:
            if isinstance(error, AuthFailed):
                _move_gate(running, found.id, "blocked", error.message)
            _fail(found.name, error, as_json)
        freed = found.state == "blocked" and _move_gate(running, found.id, "open", "")
        value = {
            "account": who.account, "label": who.label, "missing_scopes": list(who.missing_scopes),
            "notes": list(who.notes), "facts": dict(who.facts), "opened": freed,
        }  # fmt: skip
        lines = [f"{safe(found.name)} is {safe(who.account)}" + (f" ({safe(who.label)})" if who.label else "")]
        lines += [f"  may not: {safe(scope)}" for scope in who.missing_scopes]
        lines += [f"  note: {safe(note)}" for note in who.notes]
        lines += [f"  {safe(key)}: {safe(fact)}" for key, fact in sorted(who.facts.items())]
        if freed:
            lines.append("It was blocked and is open again.")
        show(value, as_json=as_json, text="\n".join(lines))


def _move_gate(running: System, account_id: int, state: str, reason: str) -> bool:
    with unit(running.sessions) as session:
        return accounts.set_state(session, account_id, state, reason, running.clock.now())


def _fail(name: str, error: ChannelError, as_json: bool) -> None:
    kind = type(error).__name__
    if as_json:
        show({"error": {"type": kind, "code": error.code, "message": error.message}}, as_json=True)
    click.echo(f"hub: {safe(name)}: {safe(error.message)}" + (f" ({safe(error.code)})" if error.code else ""), err=True)
    sys.exit(1)


@account.command()
@click.argument("name")
@click.option("--reason", default="paused by hand", show_default=True)
@json_option
def pause(name: str, reason: str, as_json: bool) -> None:
    """Send nothing to NAME and pull nothing from it until `resume`. What is wanted meanwhile waits."""
    _gate(name, "paused", reason, as_json)


@account.command()
@click.argument("name")
@json_option
def resume(name: str, as_json: bool) -> None:
    """Open NAME again, whether a person paused it or its credentials blocked it."""
    _gate(name, "open", "", as_json)


def _gate(name: str, state: str, reason: str, as_json: bool) -> None:
    with system() as running:
        with unit(running.sessions) as session:
            found = accounts.named(session, name)
            before, now = found.state, running.clock.now()
            changed = accounts.set_state(session, found.id, state, reason, now)
            if changed:
                act_as(session, person(reason))
                pairs = {"state": (before, state)}
                note(session, [Changed(subject="account", id=found.id, key=name, action="updated", changes=pairs)], now)
        show(
            {"name": found.name, "state": state, "changed": changed},
            as_json=as_json,
            text=f"{safe(found.name)} is {state}" + ("." if changed else " already."),
        )


@account.command("set")
@click.argument("name")
@_settings_option
@_secrets_option
@_secrets_file_option
@click.option("--buffer", type=click.IntRange(0), help="Units kept back.")
@click.option("--cap", metavar="N|none", help="Show at most N units; `none` takes the limit away.")
@click.option("--locale", help="The language of its listings; an empty text = the base content.")
@click.option("--approved-only/--no-approved-only", default=None, help="Whether only approved products are listed.")
@json_option
def set_(
    name: str,
    settings: tuple[str, ...],
    secrets: tuple[str, ...],
    secrets_file: Path | None,
    buffer: int | None,
    cap: str | None,
    locale: str | None,
    approved_only: bool | None,
    as_json: bool,
) -> None:
    """Change the stock rule, language, settings or secrets of NAME. `--set name=` goes back to the channel's default.

    A changed stock rule sends the new numbers by itself, a changed language the texts.
    """
    plain, hidden = pairs(settings, "--set"), _secrets(secrets, secrets_file)
    if not plain and not hidden and all(given is None for given in (buffer, cap, locale, approved_only)):
        raise click.UsageError(
            "say what to change: --buffer, --cap, --locale, --approved-only, --set, --secret or --secrets-file"
        )
    limit = _cap(cap)
    with system() as running:
        now = running.clock.now()
        changed: tuple[str, ...] = ()
        if plain or hidden:
            changed = wiring.change_account(running, name, settings=plain, secrets=hidden, now=now)
        with unit(running.sessions) as session:
            found = accounts.named(session, name)
            rule = StockRule(buffer=found.buffer if buffer is None else buffer, cap=found.cap if cap is None else limit)
            act_as(session, person())
            wanted = set_rule(session, found.id, rule, now)
            texts = _set_content(session, found.id, locale, approved_only, now)
        value: Mapping[str, object] = {
            "name": found.name, "buffer": rule.buffer, "cap": rule.cap, "changed_settings": list(changed),
            "numbers_wanted": wanted, "locale": found.locale, "approved_only": found.approved_only,
            "products_wanted": texts,
        }  # fmt: skip
        text = f"{safe(found.name)}: buffer {rule.buffer}, cap {'none' if rule.cap is None else rule.cap}"
        if changed:
            text += "; changed " + ", ".join(changed)
        if locale is not None or approved_only is not None:
            text += f"; listings in {safe(found.locale) or 'the base content'}"
            text += f", {'only approved products' if found.approved_only else 'approved or not'}; {texts} to publish"
        show(value, as_json=as_json, text=text + f"; {wanted} numbers to send")


def _set_content(
    session: Session, account_id: int, locale: str | None, approved_only: bool | None, now: datetime
) -> int:
    found = session.get_one(Account, account_id)
    act_as(session, By(kind="person", name=getpass.getuser(), source="cli"))
    rule = ContentRule(
        locale=found.locale if locale is None else locale,
        approved_only=found.approved_only if approved_only is None else approved_only,
    )
    return set_content(session, account_id, rule, now)


def _cap(text: str | None) -> int | None:
    if text is None or text.strip().lower() == "none":
        return None
    if not text.strip().isdecimal() or len(text.strip()) > 9:
        raise click.BadParameter("write a number from 0, or none", param_hint="--cap")
    return int(text)


@account.command("rhythm")
@click.argument("name")
@click.option("--every", "spans", type=(click.Choice(rhythm.WHOLE_ACCOUNT), SPAN), multiple=True, metavar="KIND SPAN",
              help="Want KIND every SPAN (90s, 5m, 6h); repeat it.")  # fmt: skip
@click.option(
    "--off", "silent", type=click.Choice(rhythm.WHOLE_ACCOUNT), multiple=True, help="Do not want it any more."
)
@json_option
def rhythm_(name: str, spans: tuple[tuple[str, int], ...], silent: tuple[str, ...], as_json: bool) -> None:
    """How often NAME is looked at: shows it, or changes it with --every and --off.

    orders.pull takes new orders in; reconcile reads every listing back and corrects what drifted.
    """
    with system() as running:
        now = running.clock.now()
        with unit(running.sessions) as session:
            found = accounts.named(session, name)
            for kind, seconds in spans:
                rhythm.change(session, found.id, kind, seconds, now)
            for kind in silent:
                rhythm.silence(session, found.id, kind)
            beats = rhythm.of(session, found.id)
        text = table(
            ("kind", "every", "next"),
            [(b.kind, age(b.every_s), instant(b.next_at)) if b.enabled else (b.kind, "off", "never") for b in beats],
        )
        show([b.as_dict() for b in beats], as_json=as_json, text=text)


COMMANDS = (account,)
