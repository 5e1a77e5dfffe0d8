"""Manifest and identity: the card tells the truth, is cheap to read, and keeps secrets to itself."""

from __future__ import annotations

import subprocess
import sys

from hub.channels.contract import AuthFailed, ChannelError
from hub.channels.registry import capability_gaps, check_settings, objection
from hub.channels.testkit.checks import NotApplicable, check, expect
from hub.channels.testkit.harness import Harness

# Loading these for the sake of a form or a list of channels would make every start of the hub slow.
HEAVY = ("sp_api", "ebaysdk", "shopify", "requests", "httpx", "lxml", "boto3")


@check("manifest")
def is_sound(harness: Harness) -> None:
    """The manifest has a plain id, a contract version that the hub speaks, and limits that make sense."""
    why = objection(harness.manifest)
    expect(why is None, f"the registry would reject the manifest: {why}")


@check("manifest")
def declares_what_is_implemented(harness: Harness) -> None:
    """Declared ⇔ implemented, for every capability."""
    adapter = harness.make_adapter()
    expect(adapter.manifest.id == harness.manifest.id, f"the adapter belongs to {adapter.manifest.id!r}")
    gaps = capability_gaps(adapter)
    expect(not gaps, str(gaps))


@check("manifest")
def settings_describe_an_account(harness: Harness) -> None:
    """The settings of a working account pass validation; a required one that is missing is named."""
    problems = check_settings(harness.manifest, harness.settings, harness.secrets)
    expect(not problems, "a working account is refused: " + "; ".join(map(str, problems)))
    for field in harness.manifest.settings:
        expect(bool(field.help.strip()), f"the setting {field.name!r} does not say what it is for")
    required = {field.name for field in harness.manifest.settings if field.required and not field.default}
    named = {problem.field for problem in check_settings(harness.manifest, {}, {})}
    expect(required <= named, f"missing settings are not reported: {sorted(required - named)}")


@check("manifest")
def is_read_without_the_sdk(harness: Harness) -> None:
    """Importing the manifest imports neither the adapter nor an SDK."""
    factory = harness.manifest.factory.partition(":")[0]
    module = harness.manifest_module or factory.rpartition(".")[0] + ".manifest"
    code = (
        f"import sys; sys.path[:] = {sys.path!r}; import importlib; importlib.import_module({module!r}); "
        f"print(*[name for name in {(*HEAVY, factory)!r} if name in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)  # noqa: S603 - our own interpreter and text
    expect(ran.returncode == 0, f"{module} cannot be imported on its own: {ran.stderr.strip()[-200:]}")
    expect(not ran.stdout.strip(), f"importing {module} also imports {ran.stdout.strip()}")


@check("manifest")
def probe_says_who_we_are(harness: Harness) -> None:
    """`probe` names the account, the same each time."""
    adapter = harness.make_adapter()
    first, second = adapter.probe(), adapter.probe()
    expect(bool(first.account), "probe names no account")
    expect(first.account == second.account, f"probe names {first.account!r}, then {second.account!r}")


@check("manifest")
def wrong_credentials_fail_the_probe(harness: Harness) -> None:
    """Credentials that do not work raise AuthFailed."""
    adapter = harness.make_adapter(secrets=_wrong(harness))
    try:
        identity = adapter.probe()
    except AuthFailed:
        return
    except ChannelError as error:
        expect(False, f"wrong credentials raise {type(error).__name__}, not AuthFailed: {error} {error.detail}")
    else:
        expect(False, f"wrong credentials are taken for {identity.account!r}")


@check("manifest")
def secrets_stay_secret(harness: Harness) -> None:
    """No secret shows in a repr, an error or a log line."""
    if not harness.secrets:
        raise NotApplicable("the account has no secrets")
    shown = [repr(harness.context())]
    for secrets in (dict(harness.secrets), _wrong(harness)):
        adapter = harness.make_adapter(secrets=secrets)
        shown += [repr(adapter), str(adapter)]
        try:
            shown.append(repr(adapter.probe()))
        except ChannelError as error:
            shown += [str(error), repr(error), error.detail, repr(error.problems), repr(error.__cause__)]
        for value in secrets.values():
            for text in (*shown, *harness.logged):
                expect(value not in text, f"a secret shows in {text.replace(value, '•••')[:200]}")


def _wrong(harness: Harness) -> dict[str, str]:
    return {name: f"wrong-{harness.number()}-{value[::-1]}" for name, value in harness.secrets.items()}
