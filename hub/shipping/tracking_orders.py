"""Which order a row of a tracking file means: by the number in our files, the channel's id, or the hub's own id."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db.upsert import chunks
from hub.kernel.errors import Unknown
from hub.kernel.text import shorten
from hub.orders.models import Order, OrderEvent
from hub.shipping.tracking_file import TrackingLine, shown
from hub.work.models import Account

_WITH_HUB_ID = re.compile(r"(.+)-(\d{1,18})", re.ASCII | re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    id: int
    display_id: str
    channel_order_id: str


class Finder:
    """Looks up every order that some rows name, in a handful of queries; `find` then answers from memory."""

    def __init__(self, session: Session, rows: Sequence[TrackingLine], *, lone_id: bool) -> None:
        self._lone_id = lone_id
        names = {
            spelling for row in rows for name in (row.number, row.other_id) if name for spelling in _spellings(name)
        }
        ids = {row.hub_id for row in rows if row.hub_id is not None}
        ids |= {int(m.group(2)) for name in names if (m := _WITH_HUB_ID.fullmatch(name))}
        if lone_id:
            ids |= {int(name) for name in names if name.isascii() and name.isdigit() and len(name) < 12}
        self._by_id: dict[int, Candidate] = {}
        self._by_name: dict[str, dict[int, Candidate]] = {}
        what = select(Order.id, Order.display_id, Order.channel_order_id)
        accounts = list(session.scalars(select(Account.id)))  # they lead the index of the channels' ids
        for part in chunks(sorted(names)):
            self._keep(session.execute(what.where(Order.display_id.in_(part))).tuples(), named=True)
            known = (Order.account_id.in_(accounts), Order.channel_order_id.in_(part))
            self._keep(session.execute(what.where(*known)).tuples(), named=True)
        for numbers in chunks(sorted(ids)):
            self._keep(session.execute(what.where(Order.id.in_(numbers))).tuples(), named=False)
        self._exported = self._exported_as(session)

    def _keep(self, found: Iterable[tuple[int, str, str]], *, named: bool) -> None:
        for order_id, display_id, channel_order_id in found:
            candidate = Candidate(id=order_id, display_id=display_id, channel_order_id=channel_order_id)
            self._by_id[order_id] = candidate
            if named:
                for name in (display_id, channel_order_id):
                    self._by_name.setdefault(name, {})[order_id] = candidate

    def _exported_as(self, session: Session) -> dict[int, set[str]]:
        """Under which numbers orders that share a name were exported; nothing is asked if none do."""
        shared = sorted({i for found in self._by_name.values() if len(found) > 1 for i in found})
        out: dict[int, set[str]] = {}
        for part in chunks(shared):
            for event in session.scalars(
                select(OrderEvent).where(OrderEvent.order_id.in_(part), OrderEvent.kind == "exported")
            ):
                out.setdefault(event.order_id, set()).add(str(event.detail.get("number", "")))
        return out

    def find(self, row: TrackingLine) -> Candidate:
        """The one order that a row means.

        Raises:
            Unknown: none or several are called so, or two columns name different orders.
        """
        named = self._called(row.number)
        other = self._called(row.other_id)
        if row.hub_id is not None:
            found = self._by_id.get(row.hub_id)
            if found is None:
                raise Unknown(f"there is no order {row.hub_id}", field=shown("hub"), fix="correct the id")
            if named and found.id not in named:
                raise Unknown(
                    f"the row names order {row.number} and also the hub's order {found.id}, which is another one",
                    field=shown("hub"), fix="correct one of them",
                )  # fmt: skip
            return found
        if not named and not other and self._lone_id and row.other_id.isascii() and row.other_id.isdigit():
            own = self._by_id.get(int(row.other_id)) if len(row.other_id) < 12 else None
            if own is not None:
                return own
        if len(named) != 1 and other:
            # The other column decides between several, or stands in where the first means nothing to us.
            named = {i: c for i, c in other.items() if not named or i in named}
        name, field = (row.number, "number") if row.number else (row.other_id, "id")
        if len(named) > 1:
            named = self._by_export(name, named)
        if not named:
            raise Unknown(
                f"no order is called {shorten(name, 60)!r}", field=shown(field), fix="use the number from the exported file"
            )  # fmt: skip
        if len(named) > 1:
            raise Unknown(
                f"{len(named)} orders are called {shorten(name, 60)!r}", field=shown(field),
                fix="use the number from the exported file, or add a column «Hub Order ID»",
            )  # fmt: skip
        return next(iter(named.values()))

    def _called(self, name: str) -> dict[int, Candidate]:
        if not name:
            return {}
        for spelling in _spellings(name):
            if found := self._by_name.get(spelling):
                return found
        match = _WITH_HUB_ID.fullmatch(name)
        if match:
            found_by_id = self._by_id.get(int(match.group(2)))
            if found_by_id is not None and found_by_id.display_id in _spellings(match.group(1)):
                return {found_by_id.id: found_by_id}
        return {}

    def _by_export(self, name: str, found: dict[int, Candidate]) -> dict[int, Candidate]:
        """Of several with that name, the one that left under it, before the others came."""
        spellings = set(_spellings(name))
        ours = {i: c for i, c in found.items() if self._exported.get(i, set()) & spellings}
        return ours if len(ours) == 1 else found


def _spellings(name: str) -> tuple[str, ...]:
    """As written, then with and without Shopify's number sign, which programs like to drop."""
    return (name, name[1:]) if name.startswith("#") and len(name) > 1 else (name, "#" + name)
