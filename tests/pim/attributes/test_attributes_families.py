"""Families, their requirements, and the languages: defined, changed, removed, refused; all on record."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from hub.db.session import Sessions, reading, unit
from hub.kernel.errors import HubError, Invalid, NotAllowedNow, Unknown
from hub.pim import catalog
from hub.pim.attributes import define, families, locales, reads
from hub.pim.attributes.book import book_of
from hub.pim.attributes.define import NewAttribute
from hub.pim.attributes.families import ChangeFamily, Member, NewFamily, Requirement
from hub.pim.attributes.locales import ChangeLocale, NewLocale, locale_code
from hub.pim.attributes.models import Family
from hub.pim.attributes.types import AttributeType as T
from hub.pim.catalog import PutProducts, Written
from hub.pim.facts import ProductFacts
from hub.pim.history.models import AuditRow
from hub.pim.models import DirtyProduct, Product
from tests.support.builders import NOW, a_product, an_account

NEED = Requirement(field="grape", channel="ebay", locale="de")


@pytest.fixture
def defined(sessions: Sessions) -> Sessions:
    with unit(sessions) as session:
        locales.add_locale(session, NewLocale(code="de", position=2), NOW)
        for code in ("grape", "year", "box"):
            define.create_attribute(
                session, NewAttribute(code=code, label=code, type=T.TEXT, localisable=True, per_channel=True), NOW
            )
        families.create_family(session, NewFamily(code="wine", label="Wine", labels={"de": "Wein"}), NOW)
        families.put_members(
            session, "wine", [Member(attribute="grape", position=1), Member(attribute="year", level="variant")], NOW
        )
        families.change_family(session, ChangeFamily(code="wine", axes=["year"]), NOW)
        families.require(session, "wine", [NEED, Requirement(field="price")], NOW)
        riesling = a_product(session)
        riesling.family_id = session.scalars(select(Family.id)).one()
        a_product(session, handle="cork")
    return sessions


def settle(sessions: Sessions) -> None:
    with unit(sessions) as session:
        for row in session.scalars(select(DirtyProduct)):
            session.delete(row)


def dirty(sessions: Sessions) -> set[str]:
    with reading(sessions) as session:
        query = select(Product.handle).join(DirtyProduct, DirtyProduct.product_id == Product.id)
        return set(session.scalars(query))


def history(sessions: Sessions, subject: str) -> list[tuple[str, str, dict[str, Any]]]:
    with reading(sessions) as session:
        query = select(AuditRow.subject_key, AuditRow.action, AuditRow.changes).where(AuditRow.subject == subject)
        return [(r[0], r[1], r[2]) for r in session.execute(query.order_by(AuditRow.seq))]


def snapshot(sessions: Sessions) -> list[Any]:
    with reading(sessions) as session:
        known = [reads.family(session, line.code) for line in reads.list_families(session)]
        return [known, reads.list_locales(session), history(sessions, "family"), history(sessions, "locale")]


def refused(sessions: Sessions, kind: type[HubError], operation: Any, *arguments: Any) -> HubError:
    """The operation is refused, and nothing but the refusal happens."""
    before = snapshot(sessions)
    with pytest.raises(kind) as caught, unit(sessions) as session:
        operation(session, *arguments, NOW)
    assert snapshot(sessions) == before
    return caught.value


def test_a_family_is_stored_as_asked_and_put_on_record(defined: Sessions) -> None:
    with reading(defined) as session:
        wine = reads.family(session, "wine")
    assert (wine.line.label, wine.labels, wine.line.axes) == ("Wine", {"de": "Wein"}, ("year",))
    assert (wine.line.attributes, wine.line.requirements, wine.line.products) == (2, 2, 1)
    assert [(m.code, m.level, m.required) for m in wine.members] == [
        ("year", "variant", ()), ("grape", "product", (("ebay", "de"),)),
    ]  # fmt: skip
    assert wine.required_fields == {"price": (("*", "*"),)}
    assert [changes for _, _, changes in history(defined, "family")] == [
        {"label": [None, "Wine"], "labels": [None, {"de": "Wein"}]},
        {"attributes.grape": [None, "product"], "attributes.year": [None, "variant"]},
        {"axes": [[], ["year"]]},
        {"required.grape.ebay.de": [False, True], "required.price.*.*": [False, True]},
    ]


def test_what_a_family_asks_for_reaches_its_products_and_no_others(defined: Sessions) -> None:
    settle(defined)
    for change in (
        lambda s: families.require(s, "wine", [Requirement(field="title")], NOW),
        lambda s: families.release(s, "wine", [Requirement(field="title")], NOW),
        lambda s: families.put_members(s, "wine", [Member(attribute="box")], NOW),
        lambda s: families.drop_members(s, "wine", ["box"], NOW),
    ):
        with unit(defined) as session:
            assert change(session) == 1
        assert dirty(defined) == {"riesling"}
        settle(defined)
        with unit(defined) as session:
            assert change(session) == 0
        assert dirty(defined) == set()


def test_a_dropped_attribute_is_no_longer_required(defined: Sessions) -> None:
    with unit(defined) as session:
        assert families.drop_members(session, "wine", ["grape"], NOW) == 1
    with reading(defined) as session:
        wine = reads.family(session, "wine")
        assert ([m.code for m in wine.members], wine.line.requirements) == (["year"], 1)


def test_what_a_family_cannot_be_is_refused(defined: Sessions) -> None:
    f = families
    refused(defined, Invalid, f.create_family, NewFamily(code="wine", label="Wine"))
    refused(defined, Invalid, f.create_family, NewFamily(code="Wine!", label="Wine"))
    refused(defined, Unknown, f.put_members, "beer", [Member(attribute="grape")])
    refused(defined, Unknown, f.put_members, "wine", [Member(attribute="hops")])
    refused(defined, Invalid, f.put_members, "wine", [Member(attribute="title")])
    refused(defined, Invalid, f.put_members, "wine", [Member(attribute="year", level="product")])
    refused(defined, NotAllowedNow, f.drop_members, "wine", ["year"])
    refused(defined, Invalid, f.change_family, ChangeFamily(code="wine", axes=["grape"]))
    refused(defined, Invalid, f.change_family, ChangeFamily(code="wine", axes=["year", "year"]))
    refused(defined, Invalid, f.require, "wine", [Requirement(field="box")])
    refused(defined, Invalid, f.require, "wine", [Requirement(field="grape", channel="No channel")])
    refused(defined, Unknown, f.require, "wine", [Requirement(field="grape", locale="fr")])
    assert refused(defined, NotAllowedNow, f.remove_family, "wine").message == "the product riesling belongs to wine"


def test_an_unused_family_goes_with_all_that_it_asked_for(defined: Sessions) -> None:
    with unit(defined) as session:
        cmd = PutProducts(products=[ProductFacts(handle="riesling")], fields={"family"})
        catalog.put_products(session, cmd, NOW)
        families.remove_family(session, "wine", NOW)
        define.remove_attribute(session, "grape", NOW)
    with reading(defined) as session:
        assert reads.list_families(session) == []
    assert history(defined, "family")[-1] == (
        "wine", "deleted",
        {
            "label": ["Wine", None], "attributes": [{"grape": "product", "year": "variant"}, None],
            "requirements": [[["grape", "ebay", "de"], ["price", "*", "*"]], None],
        },
    )  # fmt: skip


# ---------------------------------------------------------------- locales


@pytest.mark.parametrize(
    ("given", "code"),
    [("de", "de"), ("pt_br", "pt-BR"), ("ZH-hant-tw", "zh-Hant-TW"), ("th", "th"), ("el", "el"), ("hy", "hy"), ("fa", "fa")],
)  # fmt: skip
def test_a_language_is_written_as_bcp_47_writes_it(given: str, code: str) -> None:
    assert locale_code(given) == code


@pytest.mark.parametrize("given", ["", "xx-yy", "german", "de-", "de@ebay", "..", "de" * 50, "d\x00e"])
def test_what_is_no_language_is_refused(given: str) -> None:
    with pytest.raises(Invalid) as caught:
        locale_code(given)
    assert caught.value.field == "locale"


def test_a_language_is_called_by_its_name_and_put_on_record(defined: Sessions) -> None:
    with unit(defined) as session:
        assert locales.add_locale(session, NewLocale(code="de_at", fallback="de", position=3), NOW) == "de-AT"
        assert locales.add_locale(session, NewLocale(code="en", base=True), NOW) == "en"
        assert locales.change_locale(session, ChangeLocale(code="de", label="Deutsch"), NOW) == {"label"}
        assert locales.change_locale(session, ChangeLocale(code="de", label="Deutsch"), NOW) == frozenset()
    with reading(defined) as session:
        assert [(n.code, n.label, n.fallback, n.is_base) for n in reads.list_locales(session)] == [
            ("en", "English", "", True), ("de", "Deutsch", "", False), ("de-AT", "German (Austria)", "de", False),
        ]  # fmt: skip
        book = book_of(session)
        assert (book.base, book.scopes("de-AT"), book.scopes("en")) == ("en", ("de-AT", "de", ""), ("",))
    assert dirty(defined) == {"riesling", "cork"}
    assert [(key, action) for key, action, _ in history(defined, "locale")] == [
        ("de", "created"), ("de-AT", "created"), ("en", "created"), ("de", "updated"),
    ]  # fmt: skip


def test_fallbacks_do_not_go_in_a_circle_and_one_language_is_the_base(defined: Sessions) -> None:
    with unit(defined) as session:
        locales.add_locale(session, NewLocale(code="fr", fallback="de"), NOW)
        locales.add_locale(session, NewLocale(code="en", base=True), NOW)
    problem = refused(defined, Invalid, locales.change_locale, ChangeLocale(code="de", fallback="fr"))
    assert problem.message == "the fallbacks would go in a circle: de → fr → de"
    refused(defined, Invalid, locales.change_locale, ChangeLocale(code="de", fallback="de"))
    refused(defined, Unknown, locales.change_locale, ChangeLocale(code="de", fallback="it"))
    refused(defined, Invalid, locales.add_locale, NewLocale(code="de"))
    refused(defined, NotAllowedNow, locales.add_locale, NewLocale(code="it", base=True))
    refused(defined, NotAllowedNow, locales.change_locale, ChangeLocale(code="de", base=True))


def test_a_language_that_is_needed_stays(defined: Sessions) -> None:
    with unit(defined) as session:
        for code, fallback in (("fr", "it"), ("it", ""), ("es", ""), ("nl", "")):
            if code == "fr":
                locales.add_locale(session, NewLocale(code="it"), NOW)
            if code != "it":
                locales.add_locale(session, NewLocale(code=code, fallback=fallback), NOW)
        an_account(session, name="shop").locale = "es"
        facts = ProductFacts(handle="cork", values={"grape": {"nl@ebay": "geen"}})
        (said,) = catalog.put_products(session, PutProducts(products=[facts], fields={"values"}), NOW)
        assert isinstance(said, Written)
    because = {
        "it": "fr falls back to it", "es": "the account shop lists in it", "de": "a family requires fields in it",
        "nl": "the product cork has its grape in it",
    }  # fmt: skip
    for code, why in because.items():
        problem = refused(defined, NotAllowedNow, locales.remove_locale, code)
        assert problem.message == f"the locale {code} cannot be removed: {why}"
    refused(defined, NotAllowedNow, locales.change_locale, ChangeLocale(code="nl", base=True))
    with unit(defined) as session:
        locales.remove_locale(session, "fr", NOW)
        locales.remove_locale(session, "it", NOW)
    with reading(defined) as session:
        assert sorted(n.code for n in reads.list_locales(session)) == ["de", "es", "nl"]
