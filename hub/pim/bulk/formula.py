"""Formulas on numbers: + - * /, brackets, and a few functions. Standard library and decimals only; a formula is read as a
syntax tree of which everything but arithmetic is refused, and never run as a program.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Context, Decimal, DecimalException

from hub.kernel.errors import Invalid
from hub.kernel.text import shorten

LENGTH_MAX = 300
DEPTH_MAX = 30
FUNCTIONS = ("round", "min", "max", "percent", "ending")
_DIGITS = re.compile(r"[0-9]{1,12}(\.[0-9]{0,9})?|\.[0-9]{1,9}")
_CONTEXT = Context(prec=28)

Known = Mapping[str, Decimal]


@dataclass(frozen=True, slots=True, kw_only=True)
class Formula:
    """A formula that was read. `names` are the fields it asks for."""

    text: str
    names: frozenset[str]
    work: Callable[[Known], Decimal]

    def result(self, known: Known) -> Decimal:
        """What it comes to.

        Raises:
            Invalid: a field is not known, something is divided by zero, or the result is out of range.
        """
        missing = sorted(self.names - set(known))
        if missing:
            raise Invalid(
                f"{missing[0]} is not known", field=missing[0], fix=f"give {missing[0]} first, or leave it out"
            )
        try:
            return self.work(known)
        except DecimalException as error:
            raise Invalid(
                f"{shorten(self.text, 60)} cannot be worked out here (a division by zero?)", field="formula",
                value=self.text,
            ) from error  # fmt: skip


def parse(text: str) -> Formula:
    """The formula that `text` writes: price * 1.05, ending(cost * 2, 0.99), max(price - 3, cost).

    `percent(x, n)` is n percent of x; `round(x)` and `round(x, digits)` round half up; `ending(x, 0.99)` is the amount
    nearest to x, and not below zero, that ends so.

    Raises:
        Invalid: it is none; the message says where.
    """
    if len(text) > LENGTH_MAX:
        raise Invalid(f"a formula has at most {LENGTH_MAX} characters", field="formula", value=shorten(text, 60))
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, MemoryError, RecursionError) as error:
        raise _bad(text, "it is not complete") from error
    names: set[str] = set()
    work = _compile(tree.body, text, names, 0)
    return Formula(text=text, names=frozenset(names), work=work)


def _bad(text: str, why: str) -> Invalid:
    return Invalid(
        f"{shorten(text, 60)!r} is no formula: {why}", field="formula", value=shorten(text, 60),
        fix="numbers, fields, + - * / and brackets, and " + ", ".join(FUNCTIONS),
    )  # fmt: skip


def _compile(node: ast.expr, text: str, names: set[str], depth: int) -> Callable[[Known], Decimal]:
    if depth > DEPTH_MAX:
        raise _bad(text, "it is nested too deeply")

    def inner(part: ast.expr) -> Callable[[Known], Decimal]:
        return _compile(part, text, names, depth + 1)

    match node:
        case ast.Constant(value=int() | float() as value) if not isinstance(value, bool):
            written = ast.get_source_segment(text.strip(), node) or ""
            if not _DIGITS.fullmatch(written):
                raise _bad(text, f"{shorten(written, 30)} is no plain number")
            number = Decimal(written)
            return lambda known: number
        case ast.Name(id=name):
            names.add(name)
            return lambda known: known[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            of = inner(operand)
            return lambda known: _CONTEXT.minus(of(known))
        case ast.UnaryOp(op=ast.UAdd(), operand=operand):
            return inner(operand)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
            do, one, other = _OPERATORS[type(op)], inner(left), inner(right)
            return lambda known: do(one(known), other(known))
        case ast.Call(func=ast.Name(id=name), args=args, keywords=[]) if name in FUNCTIONS:
            return _function(name, [inner(part) for part in args], args, text)
        case _:
            raise _bad(text, f"{type(node).__name__} is not possible")


_OPERATORS: Mapping[type[ast.operator], Callable[[Decimal, Decimal], Decimal]] = {
    ast.Add: _CONTEXT.add, ast.Sub: _CONTEXT.subtract, ast.Mult: _CONTEXT.multiply, ast.Div: _CONTEXT.divide,
}  # fmt: skip


def _function(
    name: str, of: list[Callable[[Known], Decimal]], args: list[ast.expr], text: str
) -> Callable[[Known], Decimal]:
    counts = {"round": (1, 2), "min": (2, 10), "max": (2, 10), "percent": (2, 2), "ending": (2, 2)}[name]
    if not counts[0] <= len(of) <= counts[1]:
        raise _bad(text, f"{name} takes {counts[0]} to {counts[1]} numbers, not {len(of)}")
    match name:
        case "min":
            return lambda known: min(f(known) for f in of)
        case "max":
            return lambda known: max(f(known) for f in of)
        case "percent":
            return lambda known: _CONTEXT.divide(_CONTEXT.multiply(of[0](known), of[1](known)), Decimal(100))
        case "round":
            digits = _digits(args[1], text) if len(args) == 2 else 0
            return lambda known: rounded(of[0](known), digits)
        case _:
            end = of[1]({}) if isinstance(args[1], ast.Constant) else None
            if end is None or not 0 <= end < 1:
                raise _bad(text, "the end of ending(x, end) is written like 0.99")
            return lambda known: _ending(of[0](known), end)


def _digits(node: ast.expr, text: str) -> int:
    if isinstance(node, ast.Constant) and type(node.value) is int and 0 <= node.value <= 6:
        return node.value
    raise _bad(text, "round takes 0 to 6 digits")


def rounded(number: Decimal, digits: int) -> Decimal:
    """Half up (away from zero), as shop prices are rounded."""
    return number.quantize(Decimal(1).scaleb(-digits), rounding=ROUND_HALF_UP, context=_CONTEXT)


def _ending(number: Decimal, end: Decimal) -> Decimal:
    return max(Decimal(0), rounded(_CONTEXT.subtract(number, end), 0)) + end
