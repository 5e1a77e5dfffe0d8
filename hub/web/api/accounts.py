"""Accounts: how each is doing, and its gate."""

from __future__ import annotations

from datetime import datetime

from flask import Response
from flask_openapi.blueprint import APIBlueprint
from flask_openapi.models.tag import Tag
from pydantic import Field

from hub.db.session import reading
from hub.kernel.errors import Unknown
from hub.web.api.shapes import AccountRef, In, Nothing, Out, Query, Words, number_of, responses, shown
from hub.web.hub import WebHub, verdicts_of
from hub.web.idempotency import Call, Once
from hub.work import accounts
from hub.work.models import Account
from hub.work.verdicts import Verdict

TAG = Tag(name="accounts", description="One seller account on one channel each.")


class AccountOut(Out):
    """`colour`: green in order, amber somebody should look, red orders or credentials stopped, grey paused by a person;
    `reasons` say why. `backlog` is due or being carried out, `waiting` is due later, `needs_human` waits on the desk.
    Ages in seconds; null = never."""

    id: str
    name: str
    channel: str
    state: str = Field(description="open, paused (by a person) or blocked (credentials)")
    reason: str
    colour: str
    reasons: list[str]
    backlog: int
    waiting: int
    needs_human: int
    oldest_due_s: float | None
    orders_covered_until: datetime | None
    last_pull_at: datetime | None
    calls: int
    throttled: int


class AccountList(Out):
    """All accounts, at most 500."""

    data: list[AccountOut]


class GateOut(Out):
    """`changed` false = it stood so already."""

    id: str
    name: str
    state: str
    reason: str
    changed: bool


class AccountPath(Query):
    account: AccountRef


class Pause(In):
    reason: Words


def account_out(found: Verdict) -> AccountOut:
    row = found.health
    values = {name: getattr(row, name, None) for name in AccountOut.model_fields}
    return AccountOut.model_validate(
        {**values, "id": f"acc_{row.id}", "colour": found.colour, "reasons": found.reasons}
    )


def account_of(call: Call, ref: str) -> Account:
    account = call.session.get(Account, number_of(ref))
    if account is None:
        raise Unknown(f"there is no account {ref}", field="account", value=ref)
    return account


def blueprint(hub: WebHub, once: Once) -> APIBlueprint:
    api = APIBlueprint("accounts", __name__, url_prefix="/api/v1", abp_tags=[TAG])

    @api.get("/accounts", operation_id="list_accounts", responses=responses(AccountList))
    def list_accounts() -> Response:
        """Every account: is it in order, and what is due there."""
        with reading(hub.sessions) as session:
            rows = verdicts_of(hub, session)
        return shown(AccountList(data=[account_out(row) for row in rows]))

    def move(call: Call, ref: str, state: str, reason: str) -> tuple[int, GateOut]:
        account = account_of(call, ref)
        changed = accounts.set_state(call.session, account.id, state, reason, call.now)
        call.session.refresh(account)
        return 200, GateOut(id=ref, name=account.name, state=account.state, reason=account.reason, changed=changed)

    @api.post("/accounts/<account>/pause", operation_id="pause_account", responses=responses(GateOut, writes=True))
    def pause_account(path: AccountPath, body: Pause) -> Response:
        """Stop all work on an account; nothing is sent and nothing is read."""
        return once(lambda call: move(call, path.account, "paused", body.reason))

    @api.post("/accounts/<account>/resume", operation_id="resume_account", responses=responses(GateOut, writes=True))
    def resume_account(path: AccountPath, body: Nothing) -> Response:
        """Open a paused or blocked account again."""
        return once(lambda call: move(call, path.account, "open", ""))

    return api
