"""Our own checks find what they are for, and find nothing in the hub."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tools.checks import KINDS_FILE, ROOT, RULES, check_source, check_tree, kinds_of

BROKEN = {
    "no-commit": ("hub/pim/x.py", "def change(session):\n    session.commit()\n", 2),
    "no-call-in-unit": (
        "hub/sync/x.py",
        "def run(hub, opened):\n    with unit(hub.sessions) as session:\n        if session:\n"
        "            opened.adapter.push_stock([])\n",
        4,
    ),
    "no-float": ("hub/kernel/money.py", "def price(text):\n    return float(text)\n", 2),
    "known-kind": ("hub/orders/x.py", "def f(session, now):\n    items.want(session, 'stock.push', 1, '*', now)\n", 2),
    "command-help": ("hub/cli/x.py", "@click.command('go')\ndef go():\n    pass\n", 2),
}


def found(source: str, path: str) -> list[tuple[str, int]]:
    return [(finding.rule, finding.line) for finding in check_source(source, path)]


@pytest.mark.parametrize("rule", [rule.name for rule in RULES])
def test_each_rule_finds_its_example_where_it_applies_and_nowhere_else(rule: str) -> None:
    path, source, line = BROKEN[rule]
    assert found(source, path) == [(rule, line)]
    assert found(source, "tests/x.py") == []


@pytest.mark.parametrize(
    ("path", "source", "rules"),
    [
        ("hub/sync/x.py", "with reading(s) as session:\n    adapter.probe()\n", ["no-call-in-unit"]),
        ("hub/sync/x.py", "with a, unit(s) as session:\n    x = [adapter.poll(t) for t in y]\n", ["no-call-in-unit"]),
        ("hub/sync/x.py", "with unit(s) as session:\n    isinstance(opened.adapter, Polls)\nadapter.poll(t)\n", []),
        ("hub/sync/x.py", "with unit(s):\n    with unit(s):\n        adapter.poll(t)\n", ["no-call-in-unit"]),
        ("hub/pim/x.py", "items.want(session, STOCK_PUSH, 1, '*', now)\n", []),
        ("hub/pim/x.py", "items.want(session, kinds.STOCK_PUSH, 1, '*', now)\n", []),
        ("hub/pim/x.py", "items.want_many(session, KINDS[name], [], now)\n", []),
        ("hub/pim/x.py", "want(session, kind=PROBE)\n", []),
        ("hub/pim/x.py", "want(session, NONSENSE, 1, '*', now)\n", ["known-kind"]),
        ("hub/pim/x.py", "items.want_many(session)\n", ["known-kind"]),
        ("hub/cli/x.py", "@click.command('go', help='Goes.')\ndef go():\n    pass\n", []),
        ("hub/cli/x.py", "@group.command\ndef go():\n    '''Goes.'''\n", []),
        ("hub/cli/x.py", "@group.group\ndef go():\n    pass\n", ["command-help"]),
        ("hub/cli/x.py", "@click.command('go', help='')\ndef go():\n    pass\n", ["command-help"]),
        ("hub/pim/x.py", "x: float = 1\n", []),
    ],
)
def test_what_is_meant_and_what_is_not(path: str, source: str, rules: list[str]) -> None:
    assert [rule for rule, _ in found(source, path)] == rules


def test_the_kinds_are_those_of_the_spine() -> None:
    from hub.work.kinds import KINDS

    names = kinds_of(KINDS_FILE.read_text(encoding="utf-8"))
    assert {name.lower() for name in names} >= {"stock_push", "orders_pull", "probe"}
    assert len(names) == len(KINDS)


def test_nothing_is_found_in_the_hub() -> None:
    assert [str(finding) for finding in check_tree()] == []


def test_the_checks_run_from_the_command_line() -> None:
    done = subprocess.run([sys.executable, "-m", "tools.checks"], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert "nothing found" in done.stdout
