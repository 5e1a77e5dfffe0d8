"""Values that no two products or variants may share: who has which.

The unique key decides between two units at once; a claim of somebody who is gone, or says something else by now, is
taken over. Two items cannot swap their values in one command: the first still has what the second wants.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from hub.db.upsert import chunks, put_new, table_of
from hub.kernel.errors import HubError, Invalid, NotAllowedNow
from hub.kernel.ids import digest
from hub.kernel.text import shorten
from hub.pim.attributes import usage
from hub.pim.attributes.book import Book
from hub.pim.attributes.models import Attribute, UniqueValue
from hub.pim.models import Product, Variant

Subject = Literal["product", "variant"]
Said = Mapping[str, Mapping[str, Any]]
_Claim = tuple[int, str]  # attribute, digest
_claims = table_of(UniqueValue)
_KEYS = {"product": (table_of(Product), "handle"), "variant": (table_of(Variant), "sku")}


def owner_of(subject: Subject, key: str) -> str:
    """Who has a value: «product:HANDLE», «variant:SKU». Known before the row is written."""
    return f"{subject}:{key}"


def mark_of(scope: str, value: Any) -> str:
    """The fingerprint of a value in a scope."""
    return digest([scope, value])


def hold(session: Session, codes: Iterable[str]) -> None:
    """Hold the definitions of these attributes until the unit ends: nobody narrows them meanwhile."""
    for part in chunks(sorted(set(codes))):
        query = select(Attribute.id).where(Attribute.code.in_(part)).order_by(Attribute.id)
        session.execute(query.with_for_update(key_share=True, read=True)).all()


def claim(
    session: Session, book: Book, subject: Subject, items: Mapping[str, tuple[Said, Said]]
) -> dict[str, HubError]:
    """Claim what the items (handle or SKU → values before, values after) newly say; returns those that cannot have it,
    of which nothing is claimed. What an item no longer says is free once all are claimed."""
    watched = {code: d.id for code, d in book.definitions.items() if d.rules.get("unique")}
    if not watched:
        return {}
    wanted: dict[_Claim, str] = {}
    meaning: dict[_Claim, tuple[str, str, Any]] = {}
    refused: dict[str, HubError] = {}
    given_up: dict[str, set[_Claim]] = {}
    for key, (before, after) in items.items():
        old, new = _marks(watched, before), _marks(watched, after)
        fresh = {mark: what for mark, what in new.items() if mark not in old}
        taken = next((mark for mark in fresh if mark in wanted), None)
        if taken is not None:
            refused[key] = _refusal(fresh[taken], owner_of(subject, wanted[taken]))
            continue
        wanted |= dict.fromkeys(fresh, key)
        meaning |= fresh
        given_up[key] = old.keys() - new.keys()
    holders = _insert(session, subject, wanted)
    for mark, holder in sorted(holders.items()):
        refused.setdefault(wanted[mark], _refusal(meaning[mark], holder))
    lost = [mark for mark, key in wanted.items() if key in refused and mark not in holders]
    _free(session, lost, {owner_of(subject, key) for key in refused})
    gone = [mark for key, marks in given_up.items() if key not in refused for mark in marks]
    _free(session, gone, {owner_of(subject, key) for key in given_up if key not in refused})
    return refused


def forget(session: Session, subject: Subject, keys: Iterable[str]) -> None:
    """These products or variants are gone: what they had is free."""
    for part in chunks(sorted({owner_of(subject, key) for key in keys})):
        session.execute(
            delete(UniqueValue).where(UniqueValue.owner.in_(part)).execution_options(synchronize_session=False)
        )


def claim_all(session: Session, attribute_id: int, code: str) -> None:
    """Claim every value of an attribute that becomes unique.

    Raises:
        NotAllowedNow: two products or variants share one; the message names them.
    """
    rows: list[dict[str, Any]] = []
    owners: dict[str, str] = {}
    for subject, key, said in usage.sayings(session, code):
        for scope, value in said.items():
            owner = f"{subject}:{key}"
            first = owners.setdefault(mark_of(scope, value), owner)
            if first != owner:
                raise NotAllowedNow(
                    f"{code} is not unique: {_named(first)} and {_named(owner)} both have {shorten(str(value), 40)!r}",
                    field="rules.unique", value=shorten(str(value), 40), fix="correct one of them first",
                )  # fmt: skip
    rows = [{"attribute_id": attribute_id, "digest": mark, "owner": owner} for mark, owner in sorted(owners.items())]
    put_new(session, UniqueValue, rows, key=("attribute_id", "digest"))


def _marks(watched: Mapping[str, int], said: Said) -> dict[_Claim, tuple[str, str, Any]]:
    return {
        (watched[code], mark_of(scope, value)): (code, scope, value)
        for code, by_scope in said.items()
        if code in watched
        for scope, value in by_scope.items()
    }


def _insert(session: Session, subject: Subject, wanted: Mapping[_Claim, str]) -> dict[_Claim, str]:
    """Try to claim; returns who has what could not be claimed."""
    rows = [
        {"attribute_id": mark[0], "digest": mark[1], "owner": owner_of(subject, wanted[mark])}
        for mark in sorted(wanted)
    ]
    made = put_new(
        session, UniqueValue, rows, key=("attribute_id", "digest"), returning=("attribute_id", "digest")
    )  # waits for a unit that is claiming the same just now
    missing = sorted(set(wanted) - {(row.attribute_id, row.digest) for row in made})
    if not missing:
        return {}
    there = {
        (row.attribute_id, row.digest): row.owner
        for part in chunks(sorted({mark for _, mark in missing}))
        for row in session.execute(
            select(_claims.c.attribute_id, _claims.c.digest, _claims.c.owner)
            .where(_claims.c.digest.in_(part))
            .with_for_update()
        )
    }
    mine = {mark for mark in missing if there.get(mark) == owner_of(subject, wanted[mark])}
    contested = {mark: there[mark] for mark in missing if mark not in mine and mark in there}
    holders = _still_said(session, contested)
    for mark in sorted(contested.keys() - holders.keys()):  # held by nobody that says it: few, if any
        session.execute(
            update(_claims)
            .where(_claims.c.attribute_id == mark[0], _claims.c.digest == mark[1])
            .values(owner=owner_of(subject, wanted[mark]))
        )
    freed = {mark: wanted[mark] for mark in missing if mark not in there}  # given up while this unit waited
    return holders | (_insert(session, subject, freed) if freed else {})


def _still_said(session: Session, contested: Mapping[_Claim, str]) -> dict[_Claim, str]:
    """Those of the claims whose holder is there and says it."""
    said: dict[str, set[str]] = {}
    for subject, (table, key) in _KEYS.items():
        names = sorted({o.partition(":")[2] for o in contested.values() if o.startswith(f"{subject}:")})
        for part in chunks(names):
            for row in session.execute(
                select(table.c[key].label("key"), table.c["values"].label("said")).where(table.c[key].in_(part))
            ):
                said[f"{subject}:{row.key}"] = {
                    mark_of(scope, value) for by_scope in row.said.values() for scope, value in by_scope.items()
                }
    return {mark: owner for mark, owner in contested.items() if mark[1] in said.get(owner, ())}


def _free(session: Session, marks: Sequence[_Claim], owners: set[str]) -> None:
    by_attribute: dict[int, list[str]] = {}
    for number, mark in marks:
        by_attribute.setdefault(number, []).append(mark)
    for number, found in sorted(by_attribute.items()):
        for part in chunks(sorted(found)):
            for names in chunks(sorted(owners)):
                session.execute(
                    delete(_claims).where(
                        _claims.c.attribute_id == number, _claims.c.digest.in_(part), _claims.c.owner.in_(names)
                    )
                )


def _refusal(what: tuple[str, str, Any], holder: str) -> Invalid:
    code, scope, value = what
    seen = shorten(str(value), 40)
    return Invalid(
        f"{code}: {seen!r} is taken by {_named(holder)}", field=f"{code}.{scope}" if scope else code, value=seen,
        fix="give another value, or correct the other one first",
    )  # fmt: skip


def _named(owner: str) -> str:
    subject, _, key = owner.partition(":")
    return f"the {subject} {key}"
