"""Serving simulators as a process: one at a time per folder, gone with its parent, going on where it stopped."""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path

import pytest

from hub.kernel.errors import NotAllowedNow
from hub.simulators import serve as serving
from hub.simulators.amazon import AmazonSimulator
from hub.simulators.base import ControlError


def test_the_folder_of_a_running_process_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "OTHER_TIMEOUT_S", 0.0)
    ready, stop = tmp_path / "ready.json", threading.Event()
    refused: list[str] = []

    def second(channel: str, url: str) -> None:
        with pytest.raises(NotAllowedNow) as caught:
            serving.serve(("ebay",), state_dir=tmp_path / "state")
        refused.append(caught.value.message)
        stop.set()

    serving.serve(("amazon",), state_dir=tmp_path / "state", ready_file=ready, announce=second, stop=stop)
    assert refused == [f"another process serves the marketplaces of {tmp_path / 'state'}"]
    assert set(json.loads(ready.read_text("utf-8"))) == {"amazon"}
    assert (tmp_path / "state" / "amazon.json").exists()


def test_it_ends_and_saves_when_the_process_that_started_it_is_gone(tmp_path: Path) -> None:
    serving.serve(("shopify",), state_dir=tmp_path, parent=os.getppid() + 1)
    assert (tmp_path / "shopify.json").exists()


def test_what_is_spoilt_stays_spoilt_over_a_restart_and_only_known_orders_can_be(tmp_path: Path) -> None:
    first = AmazonSimulator(state_file=tmp_path / "amazon.json")
    first.add_listing({"sku": "A", "quantity": 3, "price_minor": 100, "title": "A"})
    order_id = first.buy(seed=1)
    assert order_id is not None
    first.spoil_order(order_id)
    with pytest.raises(ControlError, match="no order '111-2'"):
        first.spoil_order("111-2")
    first.save()
    again = AmazonSimulator(state_file=tmp_path / "amazon.json")
    assert again.load() is True
    assert again.spoilt == {order_id}
