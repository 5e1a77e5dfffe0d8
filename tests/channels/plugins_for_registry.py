"""Entry points for the registry's tests: one good manifest and the ways of being no good."""

from dataclasses import replace

from hub.channels.contract import Adapter, BuildContext, Capability, SettingField
from hub.channels.memory.adapter import MemoryAdapter
from hub.channels.memory.manifest import MANIFEST

GOOD = replace(MANIFEST, id="etsy", label="Etsy", factory="tests.channels.plugins_for_registry:build")
TWIN = replace(GOOD, label="Another Etsy")
FROM_TOMORROW = replace(GOOD, contract=99)
STRANGE_ID = replace(GOOD, id="Et sy!")
NO_FACTORY = replace(GOOD, factory="somewhere")
NAMED_TWICE = replace(GOOD, settings=(SettingField(name="a", help="a"), SettingField(name="a", help="a")))
NO_CHOICE = replace(GOOD, settings=(SettingField(name="a", help="a", kind="choice"),))
NO_BATCH = replace(GOOD, max_stock_batch=0)
NOT_A_MANIFEST = {"id": "etsy"}
NO_MODULE = replace(GOOD, id="nomodule", factory="tests.channels.no_such_module:build")
NO_FUNCTION = replace(GOOD, id="nofunction", factory="tests.channels.plugins_for_registry:no_such_function")
OTHER_ADAPTER = replace(GOOD, id="other", factory="tests.channels.plugins_for_registry:build")
PROMISES = replace(GOOD, id="promises", factory="tests.channels.plugins_for_registry:build_less")


class EtsyAdapter(MemoryAdapter):
    manifest = GOOD


class Less:
    """Declares everything and only pulls orders."""

    manifest = PROMISES

    def pull_orders(self, cursor: object, *, limit: int) -> None: ...

    def read_order(self, order_id: str) -> None: ...


def build(context: BuildContext) -> Adapter:
    return EtsyAdapter(context)


def build_less(context: BuildContext) -> Less:
    return Less()


ALL = frozenset(Capability)
