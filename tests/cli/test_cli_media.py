"""The media library from the terminal."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from tests.support.cli import Terminal


def test_files_come_in_are_described_and_listed(terminal: Terminal, tmp_path: Path) -> None:
    good, bad = tmp_path / "front.jpg", tmp_path / "bad.jpg"
    out = io.BytesIO()
    Image.new("RGB", (640, 480), "teal").save(out, "JPEG")
    good.write_bytes(out.getvalue())
    bad.write_bytes(b"<svg/>")
    ran = terminal.hub("media", "add", good, bad, "--json")
    assert (ran.code, [row["ok"] for row in ran.json], ran.json[0]["width"]) == (1, [True, False], 640)
    sha = ran.json[0]["reference"].removeprefix("media:")
    assert terminal.hub("media", "describe", sha[:10], "Eine Flasche", "--locale", "de", "--json").json == {
        "sha256": sha, "alt": {"de": "Eine Flasche"},
    }  # fmt: skip
    listed = terminal.hub("media", "list", "--json").json
    assert [(row["sha256"], row["products"]) for row in listed["assets"]] == [(sha, 0)]
    assert listed["addresses"] == {"waiting": 0, "done": 0, "failed": 0}
    assert terminal.hub("media", "unused", "--remove", "--json").json == {"unused": [], "removed": 0}
    assert terminal.hub("media", "duplicates", "--json").json == []
    assert terminal.hub("media", "fetch").out.strip() == "Nothing is due."
    assert (tmp_path / "media" / "files" / sha[:2] / f"{sha}.jpg").read_bytes() == out.getvalue()
