"""What can be said about products is sound; each check is broken once."""

from __future__ import annotations

from sqlalchemy import select, update

from hub.db.session import unit
from hub.db.upsert import table_of
from hub.doctor_checks import Check
from hub.doctor_checks.definitions import DEFINITIONS
from hub.pim import catalog
from hub.pim.attributes import define, families, locales
from hub.pim.attributes.define import NewAttribute
from hub.pim.attributes.families import ChangeFamily, Member, NewFamily, Requirement
from hub.pim.attributes.locales import NewLocale
from hub.pim.attributes.models import Family, FamilyRequirement, Locale, UniqueValue
from hub.pim.attributes.types import AttributeType as T
from hub.pim.catalog import PutProducts
from hub.pim.facts import ProductFacts
from tests.doctor.test_doctor_checks import patient
from tests.support.builders import NOW
from tests.support.world import World


def examine(world: World) -> dict[str, Check]:
    return {name: check(patient(world)) for name, check in DEFINITIONS.items()}


def prepared(world: World) -> None:
    with unit(world.system.sessions) as session:
        locales.add_locale(session, NewLocale(code="de"), NOW)
        locales.add_locale(session, NewLocale(code="fr", fallback="de"), NOW)
        mpn = NewAttribute(code="mpn", label="MPN", type=T.TEXT, rules={"unique": True})
        define.create_attribute(session, mpn, NOW)
        families.create_family(session, NewFamily(code="mug", label="Mug"), NOW)
        families.put_members(session, "mug", [Member(attribute="mpn", level="variant")], NOW)
        families.change_family(session, ChangeFamily(code="mug", axes=["mpn"]), NOW)
        families.require(session, "mug", [Requirement(field="mpn"), Requirement(field="title", locale="de")], NOW)
        mugs = [ProductFacts(handle=h, title=h, values={"mpn": {"": h}}) for h in ("a", "b")]
        catalog.put_products(session, PutProducts(products=mugs), NOW)
    found = examine(world)
    assert [(check.ok, check.checked) for check in found.values()] == [(True, 2), (True, 5)]


def test_a_unique_value_that_somebody_else_or_nobody_has_is_named(world: World) -> None:
    prepared(world)
    with unit(world.system.sessions) as session:
        held = session.scalars(select(UniqueValue).where(UniqueValue.owner == "product:b")).one()
        held.owner = "product:a"
        session.delete(session.scalars(select(UniqueValue).where(UniqueValue.digest != held.digest)).one())
    check = examine(world)["unique"]
    assert check.level == "failure"
    assert check.broken == (
        "product:a says mpn 'a', which nobody has", "product:b says mpn 'b', which product:a has",
    )  # fmt: skip


def test_requirements_axes_and_fallbacks_that_lead_nowhere_are_named(world: World) -> None:
    prepared(world)
    with unit(world.system.sessions) as session:
        session.execute(update(table_of(Family)).values(axes=["colour"]))
        number = session.scalars(select(Family.id)).one()
        session.add(FamilyRequirement(family_id=number, field="colour", channel="*", locale="it"))
        session.execute(update(table_of(Locale)).where(Locale.code == "de").values(fallback="fr"))
    check = examine(world)["families"]
    assert check.level == "warning"
    assert check.broken == (
        "variants of mug differ in colour, which they do not have",
        "mug requires colour, which it does not have",
        "mug requires colour in it, which there is not",
        "the fallbacks of de end nowhere: de → fr → de",
        "the fallbacks of fr end nowhere: fr → de → fr",
    )
