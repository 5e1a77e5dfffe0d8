"""House rules that no linter knows, checked on the syntax tree. `python -m tools.checks` runs them over hub/."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
KINDS_FILE = ROOT / "hub" / "work" / "kinds.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A place that breaks a rule. `line` counts from 1."""

    path: str
    line: int
    rule: str
    says: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.says}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """`places` are path prefixes below the root; `look` yields (line, sentence) for what it finds in a file."""

    name: str
    places: tuple[str, ...]
    look: Callable[[ast.Module], Iterator[tuple[int, str]]]
    except_for: tuple[str, ...] = ()

    def covers(self, path: str) -> bool:
        return path.startswith(self.places) and path not in self.except_for


def commits(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Operations never commit: whoever opened the unit does."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "commit":
            yield node.lineno, "an operation does not commit; the unit that called it does"


def _opens_unit(node: ast.With) -> bool:
    calls = [item.context_expr for item in node.items]
    return any(
        isinstance(c, ast.Call) and isinstance(c.func, ast.Name) and c.func.id in ("unit", "reading") for c in calls
    )


def _calls_adapter(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    target = node.func.value
    return (isinstance(target, ast.Name) and target.id == "adapter") or (
        isinstance(target, ast.Attribute) and target.attr == "adapter"
    )


def calls_in_units(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """No transaction is open during a call to a channel (I11)."""
    seen: set[int] = set()
    for block in ast.walk(tree):
        if isinstance(block, ast.With) and _opens_unit(block):
            for node in ast.walk(block):
                if _calls_adapter(node) and id(node) not in seen:
                    seen.add(id(node))
                    yield node.lineno, "a channel is called while a unit is open"


def floats(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Stock and money are integers."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "float":
            yield node.lineno, "no floats where stock and money are"


def kinds_of(source: str) -> frozenset[str]:
    """The names of the constants that hold a kind of work."""
    return frozenset(
        target.id
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        and isinstance(node.value.func, ast.Name) and node.value.func.id == "Kind"
        for target in node.targets
        if isinstance(target, ast.Name)
    )  # fmt: skip


def unknown_wishes(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """`grep want(` shows everything that causes traffic, so each names its kind where it stands."""
    known = kinds_of(KINDS_FILE.read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        if name not in ("want", "want_many"):
            continue
        given = node.args[1] if len(node.args) > 1 else next((k.value for k in node.keywords if k.arg == "kind"), None)
        if isinstance(given, ast.Attribute) and given.attr in known:
            continue
        if isinstance(given, ast.Name) and given.id in known:
            continue
        if isinstance(given, ast.Subscript) and isinstance(given.value, ast.Name) and given.value.id == "KINDS":
            continue
        yield node.lineno, f"{name}() names no kind of hub.work.kinds"


def commands_without_help(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Every command says what it does."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef):
            continue
        for decorator in node.decorator_list:
            call = decorator if isinstance(decorator, ast.Call) else None
            func = call.func if call else decorator
            if not (isinstance(func, ast.Attribute) and func.attr in ("command", "group")):
                continue
            told = any(k.arg == "help" and not (isinstance(k.value, ast.Constant) and not k.value.value)
                       for k in call.keywords) if call else False  # fmt: skip
            if not told and not (ast.get_docstring(node) or "").strip():
                yield node.lineno, f"the command {node.name!r} has no help text"


RULES = (
    Rule(
        name="no-commit", look=commits,
        places=("hub/pim/", "hub/orders/", "hub/shipping/", "hub/work/"),
    ),
    Rule(name="no-call-in-unit", places=("hub/sync/",), look=calls_in_units),
    Rule(name="no-float", places=("hub/pim/", "hub/orders/", "hub/kernel/money.py"), look=floats),
    # items.py is where `want` itself passes its kind on.
    Rule(name="known-kind", places=("hub/",), look=unknown_wishes, except_for=("hub/work/items.py",)),
    Rule(name="command-help", places=("hub/cli/", "hub/cli.py"), look=commands_without_help),
)  # fmt: skip


def check_source(source: str, path: str) -> list[Finding]:
    """What the rules say to a file that stands at `path` (relative to the root, with «/»)."""
    tree = ast.parse(source, filename=path)
    return [
        Finding(path=path, line=line, rule=rule.name, says=says)
        for rule in RULES
        if rule.covers(path)
        for line, says in rule.look(tree)
    ]


def check_tree(root: Path = ROOT) -> list[Finding]:
    """What the rules say to every Python file of hub/."""
    found: list[Finding] = []
    for file in sorted((root / "hub").rglob("*.py")):
        found.extend(check_source(file.read_text(encoding="utf-8"), file.relative_to(root).as_posix()))
    return found
