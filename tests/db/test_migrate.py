"""The machinery of revisions: generated from the models, applied and taken back on both databases."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from hub.db import migrate
from hub.db.base import Base
from hub.db.session import make_engine
from hub.kernel.errors import Misconfigured, NotAllowedNow
from tests.support import databases


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without any table."""
    databases.load_models()
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.sqlite3'}"
        return
    with databases.throwaway_postgres(databases.postgres_server()) as url:
        yield url


@pytest.fixture
def versions(tmp_path: Path) -> Path:
    place = tmp_path / "ver sions"
    place.mkdir()
    return place


def tables_of(url: str) -> set[str]:
    engine = make_engine(url)
    try:
        return set(inspect(engine).get_table_names())
    finally:
        engine.dispose()


def run(url: str, statement: str) -> None:
    engine = make_engine(url)
    with engine.begin() as connection:
        connection.execute(text(statement))
    engine.dispose()


def write_revision(versions: Path, name: str, after: str | None, upgrade: str, downgrade: str = "pass") -> None:
    (versions / f"20260101_0000_{name}.py").write_text(
        f"import sqlalchemy as sa\nfrom alembic import op\nrevision = {name!r}\ndown_revision = {after!r}\n"
        f"def upgrade():\n    {upgrade}\ndef downgrade():\n    {downgrade}\n"
    )


def test_the_first_revision_is_generated_from_the_models_and_makes_exactly_their_tables(
    empty_url: str, versions: Path
) -> None:
    path = migrate.generate(empty_url, "First schema: all tables", versions=versions)
    assert path.parent == versions
    assert re.fullmatch(r"\d{8}_\d{4}_first_schema_all_tables\.py", path.name)
    source = path.read_text()
    assert "hub." not in source.replace('"""', "")
    assert current_and_head(empty_url, versions) == (None, head_of(source))

    migrate.upgrade(empty_url, versions=versions)
    assert tables_of(empty_url) == {t.name for t in Base.metadata.sorted_tables} | {"alembic_version"}
    assert migrate.drift(empty_url, versions=versions) == []
    assert migrate.current(empty_url) == head_of(source)

    migrate.upgrade(empty_url, versions=versions)  # again: nothing to do
    migrate.downgrade(empty_url, "base", versions=versions)
    assert tables_of(empty_url) == {"alembic_version"}
    assert migrate.current(empty_url) is None
    migrate.upgrade(empty_url, versions=versions)
    assert migrate.drift(empty_url, versions=versions) == []


def current_and_head(url: str, versions: Path) -> tuple[str | None, str | None]:
    return migrate.current(url), migrate.head(versions=versions)


def head_of(source: str) -> str:
    found = re.search(r"^revision = '(\w+)'", source, re.MULTILINE)
    assert found is not None
    return found.group(1)


def test_generated_constraints_hold_like_those_of_the_models(empty_url: str, versions: Path) -> None:
    migrate.generate(empty_url, "first", versions=versions)
    migrate.upgrade(empty_url, versions=versions)
    engine = make_engine(empty_url)
    migrated = {
        t: {str(c["name"]) for c in inspect(engine).get_check_constraints(t)}
        | {str(i["name"]) for i in inspect(engine).get_indexes(t)}
        | {str(u["name"]) for u in inspect(engine).get_unique_constraints(t)}
        for t in Base.metadata.tables
    }
    engine.dispose()
    engine = make_engine(empty_url)
    with engine.begin() as connection:
        Base.metadata.drop_all(connection)
        Base.metadata.create_all(connection)
    made = {
        t: {str(c["name"]) for c in inspect(engine).get_check_constraints(t)}
        | {str(i["name"]) for i in inspect(engine).get_indexes(t)}
        | {str(u["name"]) for u in inspect(engine).get_unique_constraints(t)}
        for t in Base.metadata.tables
    }
    engine.dispose()
    # What searches by full text is written by hand, per database: a generated revision leaves it out.
    for name in ("ix_search_documents_words", "ix_search_documents_parts"):
        made["search_documents"].discard(name)
    assert migrated == made


def test_a_difference_between_database_and_models_is_named(empty_url: str, versions: Path) -> None:
    migrate.generate(empty_url, "first", versions=versions)
    migrate.upgrade(empty_url, versions=versions)
    run(empty_url, "DROP INDEX ix_variants_gtin")
    (difference,) = migrate.drift(empty_url, versions=versions)
    assert "ix_variants_gtin" in difference


def test_a_failed_revision_changes_nothing_and_the_next_run_goes_on(empty_url: str, versions: Path) -> None:
    write_revision(versions, "one", None, "op.create_table('one', sa.Column('id', sa.Integer(), primary_key=True))")
    migrate.upgrade(empty_url, versions=versions)
    write_revision(
        versions, "two", "one",
        "op.create_table('two', sa.Column('id', sa.Integer(), primary_key=True)); raise ZeroDivisionError",
    )  # fmt: skip
    with pytest.raises(ZeroDivisionError):
        migrate.upgrade(empty_url, versions=versions)
    assert migrate.current(empty_url) == "one"
    assert tables_of(empty_url) == {"one", "alembic_version"}
    write_revision(versions, "two", "one", "op.create_table('two', sa.Column('id', sa.Integer(), primary_key=True))")
    migrate.upgrade(empty_url, versions=versions)
    assert migrate.current(empty_url) == "two"


def test_a_changed_table_keeps_the_rows_that_point_to_it(empty_url: str, versions: Path) -> None:
    write_revision(
        versions, "one", None,
        "op.create_table('a', sa.Column('id', sa.Integer(), primary_key=True), sa.Column('n', sa.String()));"
        " op.create_table('b', sa.Column('id', sa.Integer(), primary_key=True),"
        " sa.Column('a_id', sa.Integer(), sa.ForeignKey('a.id', ondelete='CASCADE')))",
    )  # fmt: skip
    migrate.upgrade(empty_url, versions=versions)
    run(empty_url, "INSERT INTO a (id, n) VALUES (1, 'x')")
    run(empty_url, "INSERT INTO b (id, a_id) VALUES (7, 1)")
    write_revision(
        versions, "two", "one",
        "batch = op.batch_alter_table('a', recreate='auto');\n"
        "    with batch as b:\n        b.alter_column('n', type_=sa.Text(), nullable=False)",
    )  # fmt: skip
    migrate.upgrade(empty_url, versions=versions)
    engine = make_engine(empty_url)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT a.id, a.n, b.id FROM a JOIN b ON b.a_id = a.id")).all() == [(1, "x", 7)]
    engine.dispose()


def test_two_processes_that_start_together_migrate_once(empty_url: str, versions: Path) -> None:
    write_revision(versions, "one", None, "op.create_table('one', sa.Column('id', sa.Integer(), primary_key=True))")
    migrate.current(empty_url)
    failures: list[BaseException] = []
    start = threading.Barrier(3)

    def go() -> None:
        start.wait()
        try:
            migrate.upgrade(empty_url, versions=versions)
        except BaseException as error:  # noqa: BLE001  # whatever it is, the test reports it
            failures.append(error)

    threads = [threading.Thread(target=go) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []
    assert tables_of(empty_url) == {"one", "alembic_version"}


def test_a_database_of_a_newer_release_is_refused(empty_url: str, versions: Path) -> None:
    write_revision(versions, "one", None, "op.create_table('one', sa.Column('id', sa.Integer(), primary_key=True))")
    migrate.upgrade(empty_url, versions=versions)
    run(empty_url, "UPDATE alembic_version SET version_num = 'later'")
    with pytest.raises(Misconfigured, match="does not know") as refusal:
        migrate.upgrade(empty_url, versions=versions)
    assert refusal.value.fix == "start the release that wrote it, or a newer one"
    assert migrate.current(empty_url) == "later"


@pytest.mark.postgres
def test_a_table_in_use_stops_the_revision_and_not_everybody(versions: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with databases.throwaway_postgres(databases.postgres_server()) as url:
        write_revision(versions, "one", None, "op.create_table('one', sa.Column('id', sa.Integer(), primary_key=True))")
        migrate.upgrade(url, versions=versions)
        write_revision(versions, "two", "one", "op.add_column('one', sa.Column('n', sa.Integer()))")
        monkeypatch.setattr(migrate, "_WAIT_FOR_TABLES", "200ms")
        engine = make_engine(url)
        with engine.begin() as busy:
            busy.execute(text("LOCK TABLE one IN ACCESS SHARE MODE"))
            with pytest.raises(NotAllowedNow, match="in use"):
                migrate.upgrade(url, versions=versions)
        assert migrate.current(url) == "one"
        migrate.upgrade(url, versions=versions)
        assert migrate.current(url) == "two"
        engine.dispose()


def test_the_revisions_of_a_checkout_are_found() -> None:
    assert (migrate.directory() / "script.py.mako").is_file()
