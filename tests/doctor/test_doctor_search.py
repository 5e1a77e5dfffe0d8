"""What search keeps is compared with the products."""

from __future__ import annotations

from sqlalchemy import delete, select, text, update

from hub.db.session import reading, unit
from hub.doctor_checks import SEARCH
from hub.pim import projections
from hub.pim.models import Product
from hub.pim.search import rebuild
from hub.pim.search.models import AttributeIndex, SearchDocument
from tests.doctor.test_doctor_checks import patient
from tests.support.builders import a_product, a_variant
from tests.support.world import World


def broken(world: World) -> dict[str, tuple[str, ...]]:
    return {name: check(patient(world)).broken for name, check in SEARCH.items()}


def test_a_product_that_search_does_not_know_as_it_is_is_named(world: World) -> None:
    with unit(world.system.sessions) as session:
        for handle in ("lost", "old", "tagless", "waiting"):
            a_variant(session, sku=handle, product=a_product(session, handle=handle))
        session.execute(update(Product).where(Product.handle == "tagless").values(tags=["new"]))
        ids = dict(session.execute(select(Product.handle, Product.id)).tuples().all())
        projections.touch(session, ids.values(), world.clock.now())
        while projections.project(session, world.clock.now()):
            pass
    assert broken(world) == {"search": (), "search_parts": ()}
    with unit(world.system.sessions) as session:
        session.execute(delete(SearchDocument).where(SearchDocument.product_id == ids["lost"]))
        session.execute(update(SearchDocument).where(SearchDocument.product_id == ids["old"]).values(brand="Acme"))
        session.execute(delete(AttributeIndex).where(AttributeIndex.product_id == ids["tagless"]))
        session.execute(update(Product).where(Product.id == ids["waiting"]).values(brand="Bloom"))
        projections.touch(session, [ids["waiting"]], world.clock.now())
    with reading(world.system.sessions) as session:
        found = rebuild.differences(session, list(ids.values()))
    assert sorted(found) == [
        "lost is not found by search", "old is found as it was, not as it is",
        "tagless is found as it was, not as it is",
    ]  # fmt: skip


def test_a_database_without_pg_trgm_is_reported(world: World) -> None:
    if world.system.engine.dialect.name == "sqlite":
        assert broken(world)["search_parts"] == ()
        return
    statement = "CREATE INDEX ix_search_documents_parts ON search_documents USING gin (haystack gin_trgm_ops)"
    with world.system.engine.begin() as connection:
        connection.execute(text("DROP INDEX ix_search_documents_parts"))
    try:
        assert broken(world)["search_parts"] == (
            "pg_trgm is not there: a search for parts of words reads every product",
        )
    finally:
        with world.system.engine.begin() as connection:
            connection.execute(text(statement))
