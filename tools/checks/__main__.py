"""Run the checks; exit code 1 if a rule is broken."""

from __future__ import annotations

import sys

from tools.checks import RULES, check_tree

findings = check_tree()
for finding in findings:
    print(finding, file=sys.stderr)
if not findings:
    print(f"Our own checks: {len(RULES)} rules, nothing found.")
sys.exit(1 if findings else 0)
