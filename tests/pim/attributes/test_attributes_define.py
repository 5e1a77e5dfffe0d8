"""Attributes, options and groups: defined, changed, removed, refused; all on record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from hub.db.session import Sessions, reading, unit
from hub.kernel.errors import HubError, Invalid, NotAllowedNow, Unknown
from hub.kernel.money import Money
from hub.pim import catalog
from hub.pim.attributes import define, families, groups, locales, options, reads
from hub.pim.attributes.define import ChangeAttribute, NewAttribute
from hub.pim.attributes.families import Member, NewFamily
from hub.pim.attributes.groups import ChangeGroup, NewGroup
from hub.pim.attributes.locales import NewLocale
from hub.pim.attributes.models import Attribute, UniqueValue
from hub.pim.attributes.options import NewOption
from hub.pim.attributes.types import AttributeType as T
from hub.pim.catalog import PutProducts, PutVariants, Refused
from hub.pim.facts import ProductFacts, VariantFacts
from hub.pim.history.models import AuditRow
from hub.pim.models import DirtyProduct, Product
from tests.support.builders import NOW

SIZE = NewAttribute(code="size", label="Size", type=T.NUMBER, unit="cm", rules={"min": 1, "max": "250"})
COLOUR = NewAttribute(code="colour", label="Colour", type=T.CHOICE, filterable=True)


@pytest.fixture
def defined(sessions: Sessions) -> Sessions:
    with unit(sessions) as session:
        locales.add_locale(session, NewLocale(code="de"), NOW)
        define.create_attribute(session, SIZE, NOW)
        define.create_attribute(session, COLOUR, NOW)
        options.add_options(
            session, "colour", [NewOption(label="Red", labels={"de": "Rot"}), NewOption(label="Blue")], NOW
        )
    return sessions


def put(sessions: Sessions, handle: str, **values: Any) -> None:
    with unit(sessions) as session:
        facts = ProductFacts(handle=handle, title=handle, values={c: {"": v} for c, v in values.items()})
        (answer,) = catalog.put_products(session, PutProducts(products=[facts]), NOW)
        assert not isinstance(answer, Refused), answer.problem


def settle(sessions: Sessions) -> None:
    with unit(sessions) as session:
        for row in session.scalars(select(DirtyProduct)):
            session.delete(row)


def dirty(sessions: Sessions) -> set[str]:
    with reading(sessions) as session:
        query = select(Product.handle).join(DirtyProduct, DirtyProduct.product_id == Product.id)
        return set(session.scalars(query))


def history(sessions: Sessions, subject: str = "attribute") -> list[tuple[str, str, dict[str, Any]]]:
    with reading(sessions) as session:
        query = select(AuditRow.subject_key, AuditRow.action, AuditRow.changes).where(AuditRow.subject == subject)
        return [(r[0], r[1], r[2]) for r in session.execute(query.order_by(AuditRow.seq))]


def refused(sessions: Sessions, kind: type[HubError], operation: Callable[[Session], object]) -> HubError:
    """The operation is refused, and nothing but the refusal happens."""
    before = snapshot(sessions)
    with pytest.raises(kind) as caught, unit(sessions) as session:
        operation(session)
    assert snapshot(sessions) == before
    return caught.value


def snapshot(sessions: Sessions) -> list[Any]:
    with reading(sessions) as session:
        lines = reads.list_attributes(session)
        return [[reads.attribute(session, line.code) for line in lines], history(sessions)]


def test_an_attribute_is_stored_as_asked_and_put_on_record(defined: Sessions) -> None:
    with reading(defined) as session:
        size = reads.attribute(session, "size")
        assert [line.code for line in reads.list_attributes(session)] == ["colour", "size"]
    assert (size.line.type, size.line.unit, size.rules) == ("number", "cm", {"max": "250", "min": "1"})
    assert history(defined)[0] == (
        "size", "created",
        {
            "label": [None, "Size"], "type": [None, "number"], "unit": [None, "cm"],
            "rules": [None, {"max": "250", "min": "1"}],
        },
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"code": "title"}, "code"),
        ({"code": "price"}, "code"),
        ({"code": "Size"}, "code"),
        ({"code": "size"}, "code"),
        ({"label": " "}, "label"),
        ({"labels": {"fr": "Taille"}}, "labels"),
        ({"unit": "furlong per pint"}, "unit"),
        ({"type": T.TEXT, "unit": "cm"}, "unit"),
        ({"rules": {"max_length": 3}}, "rules.max_length"),
        ({"rules": {"min": 5, "max": 4}}, "rules.min"),
        ({"rules": {"min": "much"}}, "rules.min"),
        ({"rules": {"decimals": 40}}, "rules.decimals"),
        ({"type": T.TEXT, "unit": "", "rules": {"pattern": "(a+)+b"}}, "pattern"),
        ({"type": T.TEXT, "unit": "", "rules": {"pattern": "(a"}}, "pattern"),
        ({"type": T.TEXT, "unit": "", "rules": {"min_length": 9, "max_length": 8}}, "rules.min_length"),
        ({"type": T.CHOICE, "unit": "", "rules": {"unique": True}}, "rules.unique"),
        ({"type": T.DATE, "unit": "", "rules": {"min": "yesterday"}}, "rules.min"),
        ({"position": -1}, "position"),
    ],
)  # fmt: skip
def test_an_attribute_that_cannot_be_is_refused(defined: Sessions, given: dict[str, Any], field: str) -> None:
    wanted = {"code": "width", "label": "Width", "type": T.NUMBER, "unit": "cm", **given}
    problem = refused(defined, Invalid, lambda s: define.create_attribute(s, NewAttribute(**wanted), NOW))
    assert problem.field == field


def test_what_narrows_is_refused_while_values_are_there(defined: Sessions) -> None:
    with unit(defined) as session:
        fit = NewAttribute(code="fit", label="Fit", type=T.TEXT, localisable=True, per_channel=True)
        define.create_attribute(session, fit, NOW)
    put(defined, "shirt", size="12", fit="slim", colour="red")
    with unit(defined) as session:
        facts = ProductFacts(handle="shirt", values={"fit": {"de@ebay": "eng"}})
        catalog.put_products(session, PutProducts(products=[facts], fields={"values"}), NOW)
    for change in (
        ChangeAttribute(code="size", type=T.TEXT, unit=""),
        ChangeAttribute(code="size", unit="mm"),
        ChangeAttribute(code="fit", localisable=False),
        ChangeAttribute(code="fit", per_channel=False),
    ):
        problem = refused(defined, NotAllowedNow, lambda s, c=change: define.change_attribute(s, c, NOW))  # type: ignore[misc]
        assert "shirt" in problem.message
    assert "shirt" in refused(defined, NotAllowedNow, lambda s: define.remove_attribute(s, "size", NOW)).message
    assert "shirt" in refused(defined, NotAllowedNow, lambda s: options.remove_option(s, "colour", "red", NOW)).message
    refused(defined, NotAllowedNow, lambda s: define.change_attribute(s, ChangeAttribute(code="title", label="x"), NOW))
    refused(defined, Unknown, lambda s: define.remove_attribute(s, "nothing", NOW))
    with unit(defined) as session:
        options.remove_option(session, "colour", "blue", NOW)
        empty = ProductFacts(handle="shirt", values={"size": {"": ""}, "fit": {"de@ebay": ""}})
        catalog.put_products(session, PutProducts(products=[empty], fields={"values"}), NOW)
        for change in (
            ChangeAttribute(code="size", type=T.TEXT, unit=""),
            ChangeAttribute(code="fit", localisable=False),
        ):
            define.change_attribute(session, change, NOW)
        define.remove_attribute(session, "size", NOW)
    with reading(defined) as session:
        assert set(session.scalars(select(Attribute.code))) == {"colour", "fit"}


def test_an_attribute_of_a_family_is_not_removed(defined: Sessions) -> None:
    with unit(defined) as session:
        families.create_family(session, NewFamily(code="shirts", label="Shirts"), NOW)
        families.put_members(session, "shirts", [Member(attribute="size")], NOW)
    problem = refused(defined, NotAllowedNow, lambda s: define.remove_attribute(s, "size", NOW))
    assert problem.message == "the family shirts has size"


def test_changed_flags_and_option_labels_reach_the_products_that_say_something(defined: Sessions) -> None:
    put(defined, "shirt", colour="red")
    put(defined, "hat")
    with unit(defined) as session:
        own = VariantFacts(
            sku="HAT-1", handle="hat", price=Money(minor=100, currency="EUR"), values={"size": {"": "5"}}
        )
        catalog.put_variants(session, PutVariants(variants=[own]), NOW)
    settle(defined)
    with unit(defined) as session:
        assert define.change_attribute(session, ChangeAttribute(code="colour", filterable=False), NOW) == {"filterable"}
    assert dirty(defined) == {"shirt"}
    settle(defined)
    with unit(defined) as session:
        define.change_attribute(session, ChangeAttribute(code="size", searchable=True), NOW)
    assert dirty(defined) == {"hat"}  # one of its variants does
    settle(defined)
    with unit(defined) as session:
        assert options.rename_option(session, "colour", "red", NOW, label="Crimson")
        assert not options.rename_option(session, "colour", "red", NOW, label="Crimson")
    assert dirty(defined) == {"shirt"}
    settle(defined)
    with unit(defined) as session:
        define.change_attribute(session, ChangeAttribute(code="size", label="Length"), NOW)
        assert define.change_attribute(session, ChangeAttribute(code="size", label="Length"), NOW) == frozenset()
    assert dirty(defined) == set()


def test_options_are_added_in_order_renamed_reordered_and_removed(defined: Sessions) -> None:
    with unit(defined) as session:
        assert options.add_options(session, "colour", [NewOption(label="Sea green"), NewOption(label="เขียว", code="thai")], NOW) == (
            "sea_green", "thai",
        )  # fmt: skip
        assert options.order_options(session, "colour", ["thai", "blue"], NOW)
        assert not options.order_options(session, "colour", ["thai", "blue"], NOW)
        options.remove_option(session, "colour", "sea_green", NOW)
    with reading(defined) as session:
        found = [(o.code, o.label, o.labels) for o in reads.attribute(session, "colour").options]
    assert found == [("thai", "เขียว", {}), ("blue", "Blue", {}), ("red", "Red", {"de": "Rot"})]
    assert [row[2] for row in history(defined)[-3:]] == [
        {"options.sea_green": [None, "Sea green"], "options.thai": [None, "เขียว"]},
        {"option_order": [["red", "blue", "sea_green", "thai"], ["thai", "blue", "red", "sea_green"]]},
        {"options.sea_green": ["Sea green", None]},
    ]


def test_options_that_cannot_be_are_refused(defined: Sessions) -> None:
    refused(defined, Invalid, lambda s: options.add_options(s, "colour", [NewOption(label="RED", code="r2")], NOW))
    refused(defined, Invalid, lambda s: options.add_options(s, "colour", [NewOption(label="Rosé", code="red")], NOW))
    refused(defined, NotAllowedNow, lambda s: options.add_options(s, "size", [NewOption(label="Big")], NOW))
    refused(defined, Unknown, lambda s: options.rename_option(s, "colour", "pink", NOW, label="Pink"))
    refused(defined, Invalid, lambda s: options.rename_option(s, "colour", "red", NOW, label="blue"))
    refused(defined, Unknown, lambda s: options.order_options(s, "colour", ["pink"], NOW))
    refused(defined, Invalid, lambda s: options.order_options(s, "colour", ["red", "red"], NOW))


def test_a_locale_named_like_an_option_does_not_keep_the_option(defined: Sessions) -> None:
    with unit(defined) as session:
        options.add_options(session, "colour", [NewOption(label="Denim", code="de")], NOW)
        define.change_attribute(session, ChangeAttribute(code="colour", localisable=True), NOW)
        facts = ProductFacts(handle="shirt", title="Shirt", values={"colour": {"de": "red"}})
        catalog.put_products(session, PutProducts(products=[facts]), NOW)
        options.remove_option(session, "colour", "de", NOW)
    refused(defined, NotAllowedNow, lambda s: options.remove_option(s, "colour", "red", NOW))


def test_groups_hold_attributes_and_leave_them_when_they_go(defined: Sessions) -> None:
    with unit(defined) as session:
        groups.create_group(session, NewGroup(code="looks", label="Looks", labels={"de": "Aussehen"}, position=3), NOW)
        assert define.change_attribute(session, ChangeAttribute(code="colour", group="looks"), NOW) == {"group_id"}
        assert groups.change_group(session, ChangeGroup(code="looks", label="Appearance"), NOW) == {"label"}
    with reading(defined) as session:
        (group,) = reads.list_groups(session)
        assert (group.label, group.labels, group.position, group.attributes) == ("Appearance", {"de": "Aussehen"}, 3, 1)
        assert reads.attribute(session, "colour").line.group == "looks"
    refused(defined, Invalid, lambda s: groups.create_group(s, NewGroup(code="looks", label="Looks"), NOW))
    refused(defined, Unknown, lambda s: define.change_attribute(s, ChangeAttribute(code="size", group="none"), NOW))
    with unit(defined) as session:
        assert groups.remove_group(session, "looks", NOW) == 1
    with reading(defined) as session:
        assert reads.attribute(session, "colour").line.group == ""
        assert reads.list_groups(session) == []
    assert [action for _, action, _ in history(defined, "attribute_group")] == ["created", "updated", "deleted"]


def test_attributes_are_listed_a_page_at_a_time(defined: Sessions) -> None:
    with unit(defined) as session:
        for number in range(5):
            define.create_attribute(session, NewAttribute(code=f"a{number}", label=f"Note {number}", type=T.TEXT), NOW)
    with reading(defined) as session:
        first = [line.code for line in reads.list_attributes(session, limit=3)]
        assert (first, [line.code for line in reads.list_attributes(session, after=first[-1], limit=3)]) == (
            ["a0", "a1", "a2"], ["a3", "a4", "colour"],
        )  # fmt: skip
        assert [line.code for line in reads.list_attributes(session, containing="NOTE 4")] == ["a4"]
        assert reads.attribute(session, "keywords").line.system


def test_an_attribute_becomes_unique_only_if_its_values_are(defined: Sessions) -> None:
    with unit(defined) as session:
        define.create_attribute(session, NewAttribute(code="mpn", label="MPN", type=T.TEXT), NOW)
    put(defined, "one", mpn="A1")
    put(defined, "two", mpn="A1")
    unique = ChangeAttribute(code="mpn", rules={"unique": True})
    problem = refused(defined, NotAllowedNow, lambda s: define.change_attribute(s, unique, NOW))
    assert problem.message == "mpn is not unique: the product one and the product two both have 'A1'"
    put(defined, "two", mpn="A2")
    with unit(defined) as session:
        define.change_attribute(session, unique, NOW)
    with reading(defined) as session:
        assert sorted(session.scalars(select(UniqueValue.owner))) == ["product:one", "product:two"]
    with unit(defined) as session:
        define.change_attribute(session, ChangeAttribute(code="mpn", rules={}), NOW)
    with reading(defined) as session:
        assert session.scalars(select(UniqueValue.owner)).all() == []
