"""Discovery: good plug-ins are available, bad ones are data, settings are checked in the reader's terms."""

from __future__ import annotations

import sys
from dataclasses import replace
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from hub.channels import registry
from hub.channels.contract import BuildContext, Capability
from hub.channels.testkit.harness import START, ProcessTokens
from hub.channels.wire import RequestsWire
from hub.kernel.clock import FixedClock
from hub.kernel.errors import Misconfigured, Unknown
from tests.channels import plugins_for_registry as plugins

HERE = "tests.channels.plugins_for_registry"


def point(name: str, target: str) -> EntryPoint:
    return EntryPoint(name=name, value=target if ":" in target else f"{HERE}:{target}", group=registry.GROUP)


def context(**settings: str) -> BuildContext:
    clock = FixedClock(START)
    return BuildContext(
        settings=settings,
        secrets={"api_key": "key-of-this-test"},
        wire=RequestsWire(clock=clock),
        clock=clock,
        tokens=ProcessTokens(clock),
        log=lambda event, /, **fields: None,
    )


def test_our_own_channels_come_through_the_same_door() -> None:
    known = registry.load()
    assert {"amazon", "ebay", "memory", "shopify"} <= set(known.available)
    assert [failure.name for failure in known.failed] == []


def test_finding_channels_imports_no_adapter(tmp_path: Path) -> None:
    import subprocess

    code = (
        "import sys; from hub.channels import registry; registry.load(); "
        "print([n for n in sys.modules if n.endswith('.adapter') and n != 'hub.channels.contract.adapter'"
        " or n in ('sp_api', 'ebaysdk', 'shopify')])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("FROM_TOMORROW", "written for contract version 99; this hub speaks 1"),
        ("STRANGE_ID", "the id 'Et sy!' must be"),
        ("NO_FACTORY", "must look like package.module:function"),
        ("NAMED_TWICE", "a setting is named twice: a"),
        ("NO_CHOICE", "has no choices"),
        ("NO_BATCH", "limits start at 1"),
        ("NOT_A_MANIFEST", "holds a dict, not a Manifest"),
        ("NO_SUCH_NAME", "AttributeError: module 'tests.channels.plugins_for_registry' has no attribute"),
        ("tests.channels.no_such_module:MANIFEST", "ModuleNotFoundError: No module named 'tests.channels.no_such_mod"),
    ],
)
def test_a_bad_plug_in_is_data_and_the_others_stay(target: str, why: str) -> None:
    known = registry.load([point("bad", target), point("etsy", "GOOD")])
    assert list(known.available) == ["etsy"]
    assert [failure.name for failure in known.failed] == ["bad"]
    assert why in known.failed[0].why


@pytest.mark.parametrize("trouble", ["1 / 0", "raise RuntimeError('no')", "x = [][0]", "def f(:", "import nowhere"])
def test_a_plug_in_that_breaks_while_importing_is_data(
    trouble: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_plugin_for_test.py").write_text(trouble)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "broken_plugin_for_test", raising=False)
    known = registry.load([point("bad", "broken_plugin_for_test:MANIFEST"), point("etsy", "GOOD")])
    assert (list(known.available), len(known.failed)) == (["etsy"], 1)


def test_the_second_of_two_equal_ids_is_rejected() -> None:
    known = registry.load([point("b", "TWIN"), point("a", "GOOD")])
    assert known.available["etsy"].label == "Etsy"
    assert known.failed[0].why == f"the id 'etsy' is already taken by {HERE}:GOOD"


def test_one_entry_point_that_is_found_twice_is_no_conflict() -> None:
    assert registry.load([point("etsy", "GOOD"), point("etsy", "GOOD")]).failed == ()


def test_an_unknown_channel_says_what_is_installed() -> None:
    with pytest.raises(Unknown) as caught:
        registry.load([point("etsy", "GOOD")]).manifest("amazn")
    assert caught.value.fix == "Installed channels: etsy."


def test_a_channel_that_failed_to_load_says_why() -> None:
    with pytest.raises(Unknown, match="this hub speaks 1"):
        registry.load([point("etsy", "FROM_TOMORROW")]).manifest("etsy")


# ---------------------------------------------------------------- building


def test_an_adapter_is_built_with_the_defaults_of_its_settings() -> None:
    adapter = registry.load([point("etsy", "GOOD")]).build("etsy", context(timeout_s=" "))
    assert adapter.probe().account == "default"


def test_settings_that_will_not_do_are_all_told_at_once() -> None:
    known = registry.load([point("etsy", "GOOD")])
    with pytest.raises(Misconfigured) as caught:
        known.build("etsy", replace(context(stock_write="relative", colour="red"), secrets={}))
    text = str(caught.value)
    assert "colour ('red'): Etsy has no such setting." in text
    assert "stock_write ('relative'): it is none of the choices. Choose one of absolute, compare_and_set." in text
    assert "api_key: it is missing." in text


@pytest.mark.parametrize(("name", "why"), [("nomodule", "ModuleNotFoundError"), ("nofunction", "AttributeError")])
def test_code_that_cannot_be_imported_is_a_misconfiguration(name: str, why: str) -> None:
    known = registry.load([point(name, {"nomodule": "NO_MODULE", "nofunction": "NO_FUNCTION"}[name])])
    with pytest.raises(Misconfigured, match=why):
        known.build(name, context())


def test_an_adapter_of_another_channel_is_not_taken() -> None:
    with pytest.raises(Misconfigured, match="built an adapter of 'etsy' for 'other'"):
        registry.load([point("other", "OTHER_ADAPTER")]).build("other", context())


def test_an_adapter_that_promises_more_than_it_does_is_not_taken() -> None:
    with pytest.raises(Misconfigured, match="declared but not implemented: cancellations, end_listings"):
        registry.load([point("promises", "PROMISES")]).build("promises", context())


def test_gaps_name_both_directions() -> None:
    gaps = registry.capability_gaps(plugins.Less())  # type: ignore[arg-type]
    assert gaps.not_implemented == frozenset(Capability) - {Capability.ORDERS}
    assert gaps.not_declared == frozenset()


# ---------------------------------------------------------------- settings


def _problems(field: str, settings: dict[str, str], secrets: dict[str, str]) -> list[str]:
    manifest = registry.load().manifest("shopify")
    return [str(p) for p in registry.check_settings(manifest, settings, secrets) if p.field == field]


@pytest.mark.parametrize("value", ["https://shop.myshopify.com", "http://127.0.0.1:8003", "http://[::1]:80"])
def test_addresses_that_will_do(value: str) -> None:
    assert _problems("api_url", {"api_url": value}, {}) == []


@pytest.mark.parametrize("value", ["shop.myshopify.com", "ftp://shop", "https://", "http://host:99999", "http://[::1"])
def test_addresses_that_will_not_do(value: str) -> None:
    problem = _problems("api_url", {"api_url": value}, {})[0]
    assert problem.startswith(f"api_url ({value!r}): ")
    assert problem.endswith("Write it like https://host or http://127.0.0.1:8001.")


def test_an_address_with_a_password_is_refused_without_repeating_it() -> None:
    problem = _problems("api_url", {"api_url": "https://me:s3cret@shop"}, {})[0]
    assert "s3cret" not in problem


def test_a_secret_among_the_settings_is_refused_without_repeating_it() -> None:
    problem = _problems("client_secret", {"client_secret": "s3cret"}, {})[0]
    assert "must not be stored among the plain settings" in problem
    assert "s3cret" not in problem


def test_a_setting_among_the_secrets_is_refused() -> None:
    assert "it is a plain setting, not a secret." in _problems("shop", {}, {"shop": "x"})[0]
