"""The demo's family of wines: its languages, attributes and requirements, its texts, relations and cases, from the files
beside this module through the ordinary operations."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from importlib.resources import files
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.pim import catalog
from hub.pim.attributes import define, families, groups, locales, options
from hub.pim.attributes.codes import code_of
from hub.pim.attributes.define import NewAttribute
from hub.pim.attributes.families import ChangeFamily, Member, NewFamily, Requirement
from hub.pim.attributes.groups import NewGroup
from hub.pim.attributes.locales import NewLocale
from hub.pim.attributes.models import Attribute, Family
from hub.pim.attributes.options import NewOption
from hub.pim.attributes.reads import list_groups, list_locales
from hub.pim.attributes.types import AttributeType
from hub.pim.catalog import PutProducts, Refused
from hub.pim.facts import ProductFacts
from hub.pim.history.note import By, act_as
from hub.pim.kits.edit import SetKit, set_kit
from hub.pim.models import Product, StockPosition, Variant
from hub.pim.taxonomy.relations import relate

DEMO = By(kind="system", name="hub demo", reason="the demo's catalogue")
SAMPLE = "douro-tinto-ribeira-mansa"
"""The wine that is described completely for Shopify."""


def define_wine(session: Session, now: datetime) -> bool:
    """Define languages, attributes and the family; False if there is a family of wines already. What is there of
    an older demo stays as it is."""
    if session.scalars(select(Family.id).where(Family.code == "wine")).first() is not None:
        return False
    act_as(session, DEMO)
    told = _file("wine_family.json")
    there = {line.code for line in list_locales(session)}
    for place, one in enumerate(told["locales"]):
        if one["code"] not in there:
            locales.add_locale(session, NewLocale(position=place, **one), now)
    headings = {line.code for line in list_groups(session)}
    for place, one in enumerate(told["groups"]):
        if one["code"] not in headings:
            groups.create_group(session, NewGroup(position=place, **one), now)
    known = set(session.scalars(select(Attribute.code)))
    for place, one in enumerate(told["attributes"]):
        _attribute(session, one, place, known, now)
    family = dict(told["family"])
    axes = family.pop("axes")
    families.create_family(session, NewFamily(**family), now)
    members = [
        Member(attribute=one["code"], level=one["level"], position=place)
        for place, one in enumerate(told["attributes"])
    ]
    families.put_members(session, family["code"], members, now)
    families.change_family(session, ChangeFamily(code=family["code"], axes=axes), now)
    needs = [Requirement(field=name, channel=one["channel"]) for one in told["requirements"] for name in one["fields"]]
    families.require(session, family["code"], needs, now)
    return True


def _attribute(session: Session, told: Mapping[str, Any], place: int, known: set[str], now: datetime) -> None:
    """Define one attribute. One of that code that is there stays as somebody wanted it."""
    if told["code"] in known:
        return
    given = {name: value for name, value in told.items() if name not in ("level", "options", "type")}
    define.create_attribute(session, NewAttribute(type=AttributeType(told["type"]), position=place, **given), now)
    if "options" in told:
        answers = [NewOption(code=code_of(one["label"]), **one) for one in told["options"]]
        options.add_options(session, told["code"], answers, now)


def say_more(session: Session, now: datetime) -> bool:
    """Texts in three languages, ratings, relations, and cases that are kits of bottles; False if that is there already.
    A case that was ever counted itself, as in an older demo, stays one."""
    sample = session.execute(select(Product.values).where(Product.handle == SAMPLE)).scalar_one_or_none()
    if sample is None or "vineyard_information" in sample:
        return False
    act_as(session, DEMO)
    told = _file("wine_words.json")
    products = [ProductFacts(handle=handle, values=values) for handle, values in told["products"].items()]
    for answer in catalog.put_products(session, PutProducts(products=products, fields={"values"}), now):
        if isinstance(answer, Refused):
            raise answer.problem
    for handle, kinds in told["relations"].items():
        for kind, others in kinds.items():
            relate(session, handle, kind, others, now)
    stocked = set(
        session.scalars(
            select(Variant.sku)
            .join(StockPosition, StockPosition.variant_id == Variant.id)
            .where(Variant.sku.in_(list(told["kits"])))
        )
    )
    for sku, parts in told["kits"].items():
        if sku not in stocked:
            set_kit(session, SetKit(sku=sku, components=list(parts.items())), now)
    return True


def _file(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((files("hub.pim") / "demo" / name).read_text("utf-8"))
    return found
