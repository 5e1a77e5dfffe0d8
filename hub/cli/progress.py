"""A line that says what is going on: on standard error, and only where that is a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.text import Text

from hub.cli.common import console
from hub.cli.tables import safe


@contextmanager
def working(text: str) -> Iterator[Callable[[str], None]]:
    """Shows `text`, and whatever the function it hands out is told, until the block ends."""
    if not console.is_terminal:
        yield lambda text: None
        return
    with console.status(Text(safe(text))) as line:
        yield lambda text: line.update(Text(safe(text)))
