#!/usr/bin/env bash
# The whole suite in two goes: what runs in this process and on loopback first, then whole processes, so that nothing
# that measures a time limit shares the machine with a rehearsal.
# Services are used where their variables are set (HUB_TEST_POSTGRES, HUB_TEST_REDIS, HUB_TEST_AMQP); tests that need
# one say so when they skip, and fail where CI=true.
set -euo pipefail
cd "$(dirname "$0")/.."
workers="${HUB_TEST_WORKERS:-2}"
.venv/bin/pytest -n "$workers" --dist worksteal -m "not deep and not slow and not e2e and not crash" -rs "$@"
.venv/bin/pytest -n "$workers" --dist worksteal -m "(e2e or crash) and not deep and not slow and not crash_full" --timeout 600 -rs "$@"
