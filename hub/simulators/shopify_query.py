"""Shopify's search syntax («updated_at:>='2026-11-22T00:00:00Z' AND -status:cancelled») and its Relay connections."""

from __future__ import annotations

import base64
import binascii
import json
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, TypeVar

from graphql import GraphQLError

from hub.simulators.shopify_state import Call, stamp

T = TypeVar("T")
PAGE_MAX = 250  # contracts README 4.3

_TOKEN = re.compile(
    r"""\s*(?:
        (?P<paren>[()])
      | (?P<word>(?:AND|OR|NOT)(?=[\s(]))
      | (?P<minus>-)?(?P<field>[A-Za-z_][\w.]*):(?P<op>>=|<=|>|<)?\s*
        (?:'(?P<single>[^']*)'|"(?P<double>[^"]*)"|(?P<bare>[^\s()]+))
      | (?P<free>'[^']*'|"[^"]*"|[^\s()]+)
    )""",
    re.VERBOSE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One comparison. `op` is «», «>», «>=», «<» or «<=»; `field` is empty for a free word."""

    field: str
    op: str
    value: str


Test = Callable[[Term, Any], bool]
Predicate = Callable[[Any], bool]


class Search:
    """A parsed search. `matches` asks the caller's `test` about each term.

    Raises (when made):
        GraphQLError: a filter name that is not among `fields`. Shopify is silent about those; the simulator is not,
            because a misspelled filter that matches everything is the worst kind of success.
    """

    def __init__(self, text: str | None, fields: frozenset[str], test: Test) -> None:
        self._test = test
        self._fields = fields
        self._tokens = [found for found in _TOKEN.finditer((text or "").strip()) if found[0].strip()]
        self._at = 0
        self.required: list[Term] = []  # the terms every hit must fulfil
        self._predicate = self._either() if self._tokens else None
        if self._at < len(self._tokens):
            raise GraphQLError(f"Unexpected ) in the search query {text!r}")

    def matches(self, row: Any) -> bool:
        return self._predicate is None or self._predicate(row)

    def lower_bound(self, field: str) -> str | None:
        """The value that `field` must at least have, if the query says so for every hit."""
        bounds = [term.value for term in self.required if term.field == field and term.op in (">", ">=")]
        return max(bounds, default=None)

    def _peek(self) -> re.Match[str] | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _either(self) -> Predicate:
        mark = len(self.required)
        branches = [self._all()]
        while (token := self._peek()) is not None and token["word"] == "OR":
            self._at += 1
            branches.append(self._all())
        if len(branches) == 1:
            return branches[0]
        del self.required[mark:]
        return lambda row: any(branch(row) for branch in branches)

    def _all(self) -> Predicate:
        parts: list[Predicate] = []
        while (token := self._peek()) is not None and token["word"] != "OR" and token["paren"] != ")":
            if token["word"] == "AND":
                self._at += 1
                continue
            parts.append(self._one(token))
        return lambda row: all(part(row) for part in parts)

    def _one(self, token: re.Match[str]) -> Predicate:
        self._at += 1
        mark = len(self.required)
        if token["word"] == "NOT":
            following = self._peek()
            inner = self._one(following) if following is not None else (lambda row: False)
            del self.required[mark:]
            return lambda row: not inner(row)
        if token["paren"] == "(":
            inner = self._either()
            self._at += 1  # the closing one
            return inner
        value = next((token[name] for name in ("single", "double", "bare") if token[name] is not None), "")
        term = Term(field=token["field"] or "", op=token["op"] or "", value=value)
        if not term.field:
            term = Term(field="", op="", value=token["free"].strip("'\""))
        elif term.field not in self._fields:
            raise GraphQLError(
                f"The simulated shop knows no filter {term.field!r} here; it knows {', '.join(sorted(self._fields))}"
            )
        if term.field.endswith("_at"):
            term = Term(field=term.field, op=term.op, value=instant_of(term.value))
        if token["minus"]:
            return lambda row: not self._test(term, row)
        self.required.append(term)
        return lambda row: self._test(term, row)


def instant_of(text: str) -> str:
    """A time of a search in the shop's spelling; «2026», «2026-11» and «2026-11-22» mean their first second.

    Raises:
        GraphQLError: not a time.
    """
    filled = text + "-01-01"[{4: 0, 7: 3}.get(len(text), 6) :] if len(text) < 10 else text
    try:
        at = datetime.fromisoformat(filled.replace("Z", "+00:00"))
    except ValueError as error:
        raise GraphQLError(f"Not a time in a search query: {text!r}") from error
    return stamp(at if at.tzinfo else at.replace(tzinfo=UTC))


def compare(actual: Any, op: str, wanted: Any) -> bool:
    """`actual op wanted`; an empty `op` is equality."""
    match op:
        case ">":
            return bool(actual > wanted)
        case ">=":
            return bool(actual >= wanted)
        case "<":
            return bool(actual < wanted)
        case "<=":
            return bool(actual <= wanted)
        case _:
            return bool(actual == wanted)


def compare_number(actual: int, term: Term) -> bool:
    """An id filter: «id:>=1234», also with a whole global id."""
    tail = term.value.rpartition("/")[2]
    return tail.isdigit() and compare(actual, term.op, int(tail))


def text_matches(actual: str | None, wanted: str) -> bool:
    """A string filter: whole value, case does not count, «*» at the end matches any rest."""
    have = (actual or "").casefold()
    want = wanted.casefold()
    return have.startswith(want[:-1]) if want.endswith("*") else have == want


# ---------------------------------------------------------------- connections


class Connection(Generic[T]):
    """One page of a list, in the shape GraphQL asks for it.

    `nodes` may be garbled afterwards (page faults); the cursors of `page_info` stay those of the page as it was.
    """

    __slots__ = ("_cursor_of", "_page", "has_next", "has_previous", "nodes")

    def __init__(self, page: list[T], cursor_of: Callable[[T], str], *, has_next: bool, has_previous: bool) -> None:
        self._page = page
        self.nodes = page
        self._cursor_of = cursor_of
        self.has_next = has_next
        self.has_previous = has_previous

    @property
    def edges(self) -> list[dict[str, Any]]:
        return [{"cursor": self._cursor_of(node), "node": node} for node in self.nodes]

    @property
    def page_info(self) -> dict[str, Any]:
        return {
            "hasNextPage": self.has_next,
            "hasPreviousPage": self.has_previous,
            "startCursor": self._cursor_of(self._page[0]) if self._page else None,
            "endCursor": self._cursor_of(self._page[-1]) if self._page else None,
        }


Key = tuple[Any, int]


def encode_cursor(key: Key) -> str:
    """An opaque cursor around the place of a row in the order of the list."""
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode()


def decode_cursor(text: str) -> Key:
    """The place a cursor stands for.

    Raises:
        GraphQLError: not one of our cursors.
    """
    try:
        value, number = json.loads(base64.urlsafe_b64decode(text))
        return value, int(number)
    except (ValueError, TypeError, binascii.Error) as error:
        raise GraphQLError(f"Invalid cursor for current pagination sort: {text!r}") from error


def page_size(args: Mapping[str, Any], call: Call) -> tuple[int, bool]:
    """How many rows, and whether they are taken from the end.

    Raises:
        GraphQLError: neither or both of `first` and `last`, or outside 0 to 250.
    """
    if call.in_bulk:
        return 10**9, False
    first: int | None = args.get("first")
    last: int | None = args.get("last")
    if first is not None and last is None:
        size, from_end = first, False
    elif last is not None and first is None:
        size, from_end = last, True
    else:
        raise GraphQLError("you must provide one of first or last", extensions={"code": "BAD_REQUEST"})
    if not 0 <= size <= PAGE_MAX:
        raise GraphQLError(f"A page has 0 to {PAGE_MAX} rows, not {size}", extensions={"code": "BAD_REQUEST"})
    return size, from_end


def paginate(rows: Sequence[T], args: Mapping[str, Any], call: Call, key_of: Callable[[T], Key]) -> Connection[T]:
    """A page of `rows`, which stand in the order of `key_of`; `reverse` turns the list round."""
    size, from_end = page_size(args, call)
    start, end = 0, len(rows)
    ordered: Sequence[T] = rows
    if args.get("reverse"):
        ordered = rows[::-1]
    if args.get("after"):
        start = _place(ordered, decode_cursor(args["after"]), key_of, reverse=bool(args.get("reverse")), behind=True)
    if args.get("before"):
        end = _place(ordered, decode_cursor(args["before"]), key_of, reverse=bool(args.get("reverse")), behind=False)
    low, high = (max(start, end - size), end) if from_end else (start, min(end, start + size))
    page = list(ordered[low : max(low, high)])
    return Connection(page, lambda row: encode_cursor(key_of(row)), has_next=high < len(rows), has_previous=low > 0)


def _place(rows: Sequence[T], key: Key, key_of: Callable[[T], Key], *, reverse: bool, behind: bool) -> int:
    if reverse:
        mirrored = rows[::-1]
        find = bisect_left if behind else bisect_right
        return len(rows) - find(mirrored, key, key=key_of)
    return (bisect_right if behind else bisect_left)(rows, key, key=key_of)


def by_id(row: Any) -> Key:
    """The order of rows that were made one after the other."""
    return "", row.id


def by_position(rows: Sequence[T], args: Mapping[str, Any], call: Call) -> Connection[T]:
    """A page of a short list in its own order: the cursor is the place."""
    places = {id(row): index for index, row in enumerate(rows)}
    return paginate(rows, args, call, lambda row: ("", places[id(row)]))
