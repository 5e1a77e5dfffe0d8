"""The comparisons of a stage explain themselves like those of a test."""

import pytest

pytest.register_assert_rewrite("tests.crash.stage", "tests.crash.scene")
