"""Families, attributes, history, jobs

Why: what is said about products becomes typed, per locale and per channel; every change is on record; long work on the
catalogue survives a crash. The free attributes of products become text attributes of that name.
On a million rows: products and variants are rewritten on SQLite (a minute); those with attributes are converted a
thousand at a time (some two minutes).

Revision: e9e79687a959, after 8f1d5e0c7a42
"""

from __future__ import annotations

import json
import re

import sqlalchemy as sa
from alembic import op

revision = "e9e79687a959"
down_revision = "8f1d5e0c7a42"
branch_labels = None
depends_on = None


_DEFAULTED = {
    "accounts": ("locale", "approved_only"),
    "products": ("values", "state", "stock_class", "version"),
    "variants": ("values", "is_kit", "version"),
}
_PRODUCTS = sa.table("products", sa.column("id"), sa.column("attributes", sa.JSON), sa.column("values", sa.JSON))
_BATCH = 1000


def _code(name: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", "_", name.lower()).strip("_")
    return plain if plain[:1].isalpha() else f"a_{plain}".rstrip("_")


def _batches(column: str):
    """(id, JSON) of the products of which that column is not empty, a thousand at a time."""
    bind, last = op.get_bind(), 0
    while True:
        rows = bind.execute(
            sa.select(_PRODUCTS.c.id, _PRODUCTS.c[column])
            .where(_PRODUCTS.c.id > last, sa.cast(_PRODUCTS.c[column], sa.Text) != "{}")
            .order_by(_PRODUCTS.c.id)
            .limit(_BATCH)
        ).all()
        if not rows:
            return
        yield [(row[0], row[1] if isinstance(row[1], dict) else json.loads(row[1])) for row in rows]
        last = rows[-1][0]


def _to_values() -> None:
    bind, labels = op.get_bind(), {}
    stmt = (
        sa.update(_PRODUCTS)
        .where(_PRODUCTS.c.id == sa.bindparam("pid"))
        .values({"values": sa.bindparam("said", type_=sa.JSON)})
    )
    for rows in _batches("attributes"):
        for _, given in rows:
            labels.update({_code(name): name for name in given if _code(name) not in labels})
        bind.execute(
            stmt, [{"pid": pid, "said": {_code(n): {"": str(v)} for n, v in given.items()}} for pid, given in rows]
        )
    attributes = sa.table(
        "attributes",
        *(sa.column(n) for n in ("code", "label", "help", "type", "unit", "position")),
        *(sa.column(n, sa.JSON) for n in ("labels", "rules")),
        *(sa.column(n, sa.Boolean) for n in ("localisable", "per_channel", "filterable", "searchable", "system")),
    )
    if labels:
        op.bulk_insert(
            attributes,
            [
                {
                    "code": code, "label": label, "labels": {}, "help": "", "type": "long_text", "unit": "",
                    "localisable": False, "per_channel": False, "filterable": False, "searchable": True,
                    "system": False, "rules": {}, "position": 0,
                }
                for code, label in sorted(labels.items())
            ],
        )  # fmt: skip


def _to_attributes() -> None:
    """Base values that are plain text survive; the older schema can hold nothing else."""
    stmt = (
        sa.update(_PRODUCTS)
        .where(_PRODUCTS.c.id == sa.bindparam("pid"))
        .values({"attributes": sa.bindparam("said", type_=sa.JSON)})
    )
    for rows in _batches("values"):
        op.get_bind().execute(
            stmt,
            [
                {
                    "pid": pid,
                    "said": {code: scopes[""] for code, scopes in said.items() if isinstance(scopes.get(""), str)},
                }
                for pid, said in rows
            ],
        )


def upgrade() -> None:
    op.create_table(
        "attribute_groups",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attribute_groups")),
        sa.UniqueConstraint("code", name=op.f("uq_attribute_groups_code")),
    )
    op.create_table(
        "audit_head",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("seq", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_head")),
    )
    op.create_table(
        "audit_rows",
        sa.Column("seq", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("actor_kind", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("subject_id", sa.BigInteger(), nullable=False),
        sa.Column("subject_key", sa.String(), nullable=False),
        sa.Column("action", sa.String(), nullable=False),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.Column("previous", sa.String(), nullable=False),
        sa.Column("hash", sa.String(), nullable=False),
        sa.CheckConstraint("action IN ('created','updated','deleted')", name=op.f("ck_audit_rows_action")),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_audit_rows")),
    )
    with op.batch_alter_table("audit_rows", schema=None) as batch_op:
        batch_op.create_index("ix_audit_rows_at", ["at"], unique=False)
        batch_op.create_index("ix_audit_rows_source", ["source", "seq"], unique=False)
        batch_op.create_index("ix_audit_rows_subject", ["subject", "subject_id", "seq"], unique=False)

    op.create_table(
        "catalogue_jobs",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("params", sa.JSON(), nullable=False),
        sa.Column("cursor", sa.JSON(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=False),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("report", sa.JSON(), nullable=False),
        sa.Column("error", sa.String(), nullable=False),
        sa.Column("actor_kind", sa.String(), nullable=False),
        sa.Column("actor", sa.String(), nullable=False),
        sa.Column("undo_of", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("started_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("lease_owner", sa.String(), nullable=True),
        sa.Column("lease_until", sa.BigInteger(), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "state IN ('ready','running','stopping','stopped','done','failed','undone')",
            name=op.f("ck_catalogue_jobs_state"),
        ),
        sa.ForeignKeyConstraint(
            ["undo_of"], ["catalogue_jobs.id"], name=op.f("fk_catalogue_jobs_undo_of_catalogue_jobs")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_catalogue_jobs")),
    )
    with op.batch_alter_table("catalogue_jobs", schema=None) as batch_op:
        batch_op.create_index(
            "ix_catalogue_jobs_open",
            ["created_at"],
            unique=False,
            postgresql_where=sa.text("state IN ('ready','running','stopping')"),
            sqlite_where=sa.text("state IN ('ready','running','stopping')"),
        )

    op.create_table(
        "families",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("axes", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_families")),
        sa.UniqueConstraint("code", name=op.f("uq_families_code")),
    )
    op.create_table(
        "locales",
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("fallback", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("code", name=op.f("pk_locales")),
    )
    op.create_table(
        "attributes",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("help", sa.String(), nullable=False),
        sa.Column("type", sa.String(), nullable=False),
        sa.Column("group_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("unit", sa.String(), nullable=False),
        sa.Column("localisable", sa.Boolean(), nullable=False),
        sa.Column("per_channel", sa.Boolean(), nullable=False),
        sa.Column("filterable", sa.Boolean(), nullable=False),
        sa.Column("searchable", sa.Boolean(), nullable=False),
        sa.Column("system", sa.Boolean(), nullable=False),
        sa.Column("rules", sa.JSON(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "type IN ('text','long_text','rich_text','lines','number','choice','multi_choice','date','boolean','money','file','reference')",
            name=op.f("ck_attributes_type"),
        ),
        sa.ForeignKeyConstraint(
            ["group_id"], ["attribute_groups.id"], name=op.f("fk_attributes_group_id_attribute_groups")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attributes")),
        sa.UniqueConstraint("code", name=op.f("uq_attributes_code")),
    )
    op.create_table(
        "family_requirements",
        sa.Column("family_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("channel", sa.String(), nullable=False),
        sa.Column("locale", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(["family_id"], ["families.id"], name=op.f("fk_family_requirements_family_id_families")),
        sa.PrimaryKeyConstraint("family_id", "field", "channel", "locale", name=op.f("pk_family_requirements")),
    )
    op.create_table(
        "attribute_options",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("attribute_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("code", sa.String(), nullable=False),
        sa.Column("label", sa.String(), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["attribute_id"], ["attributes.id"], name=op.f("fk_attribute_options_attribute_id_attributes")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attribute_options")),
        sa.UniqueConstraint("attribute_id", "code", name=op.f("uq_attribute_options_attribute_id_code")),
    )
    op.create_table(
        "dirty_products",
        sa.Column("product_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["product_id"], ["products.id"], name=op.f("fk_dirty_products_product_id_products")),
        sa.PrimaryKeyConstraint("product_id", name=op.f("pk_dirty_products")),
    )
    op.create_table(
        "family_attributes",
        sa.Column("family_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("attribute_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("level", sa.String(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.CheckConstraint("level IN ('product','variant')", name=op.f("ck_family_attributes_level")),
        sa.ForeignKeyConstraint(
            ["attribute_id"], ["attributes.id"], name=op.f("fk_family_attributes_attribute_id_attributes")
        ),
        sa.ForeignKeyConstraint(["family_id"], ["families.id"], name=op.f("fk_family_attributes_family_id_families")),
        sa.PrimaryKeyConstraint("family_id", "attribute_id", name=op.f("pk_family_attributes")),
    )
    with op.batch_alter_table("family_attributes", schema=None) as batch_op:
        batch_op.create_index("ix_family_attributes_attribute", ["attribute_id"], unique=False)

    op.create_table(
        "unique_values",
        sa.Column("attribute_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("owner", sa.String(), nullable=False),
        sa.ForeignKeyConstraint(
            ["attribute_id"], ["attributes.id"], name=op.f("fk_unique_values_attribute_id_attributes")
        ),
        sa.PrimaryKeyConstraint("attribute_id", "digest", name=op.f("pk_unique_values")),
    )
    with op.batch_alter_table("unique_values", schema=None) as batch_op:
        batch_op.create_index("ix_unique_values_owner", ["owner"], unique=False)

    with op.batch_alter_table("accounts", schema=None) as batch_op:
        batch_op.add_column(sa.Column("locale", sa.String(), nullable=False, server_default=""))
        batch_op.add_column(sa.Column("approved_only", sa.Boolean(), nullable=False, server_default=sa.false()))

    with op.batch_alter_table("products", schema=None) as batch_op:
        batch_op.add_column(sa.Column("values", sa.JSON(), nullable=False, server_default="{}"))
        batch_op.add_column(sa.Column("family_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True))
        batch_op.add_column(sa.Column("state", sa.String(), nullable=False, server_default="approved"))
        batch_op.add_column(sa.Column("stock_class", sa.String(), nullable=False, server_default="finished"))
        batch_op.add_column(sa.Column("version", sa.Integer(), nullable=False, server_default="0"))
        batch_op.create_index(batch_op.f("ix_products_family_id"), ["family_id"], unique=False)
        batch_op.create_foreign_key(batch_op.f("fk_products_family_id_families"), "families", ["family_id"], ["id"])
        batch_op.create_check_constraint(
            batch_op.f("ck_products_state"), "state IN ('draft','in_review','approved','archived')"
        )
        batch_op.create_check_constraint(
            batch_op.f("ck_products_stock_class"), "stock_class IN ('finished','raw','in_progress','mro')"
        )
    _to_values()
    with op.batch_alter_table("products", schema=None) as batch_op:
        batch_op.drop_column("attributes")

    with op.batch_alter_table("variants", schema=None) as batch_op:
        batch_op.add_column(sa.Column("values", sa.JSON(), nullable=False, server_default="{}"))
        batch_op.add_column(sa.Column("is_kit", sa.Boolean(), nullable=False, server_default=sa.false()))
        batch_op.add_column(sa.Column("version", sa.Integer(), nullable=False, server_default="0"))

    # What was needed to fill the rows that are there; the hub itself gives every value.
    for table, columns in _DEFAULTED.items():
        with op.batch_alter_table(table) as batch_op:
            for column in columns:
                batch_op.alter_column(column, server_default=None)


def downgrade() -> None:
    with op.batch_alter_table("variants", schema=None) as batch_op:
        batch_op.drop_column("version")
        batch_op.drop_column("is_kit")
        batch_op.drop_column("values")

    with op.batch_alter_table("products", schema=None) as batch_op:
        batch_op.add_column(sa.Column("attributes", sa.JSON(), nullable=False, server_default="{}"))
        batch_op.drop_constraint(batch_op.f("ck_products_state"), type_="check")
        batch_op.drop_constraint(batch_op.f("ck_products_stock_class"), type_="check")
    _to_attributes()
    with op.batch_alter_table("products", schema=None) as batch_op:
        batch_op.alter_column("attributes", server_default=None)
        batch_op.drop_constraint(batch_op.f("fk_products_family_id_families"), type_="foreignkey")
        batch_op.drop_index(batch_op.f("ix_products_family_id"))
        batch_op.drop_column("version")
        batch_op.drop_column("stock_class")
        batch_op.drop_column("state")
        batch_op.drop_column("family_id")
        batch_op.drop_column("values")

    with op.batch_alter_table("accounts", schema=None) as batch_op:
        batch_op.drop_column("approved_only")
        batch_op.drop_column("locale")

    with op.batch_alter_table("unique_values", schema=None) as batch_op:
        batch_op.drop_index("ix_unique_values_owner")

    op.drop_table("unique_values")
    with op.batch_alter_table("family_attributes", schema=None) as batch_op:
        batch_op.drop_index("ix_family_attributes_attribute")

    op.drop_table("family_attributes")
    op.drop_table("dirty_products")
    op.drop_table("attribute_options")
    op.drop_table("family_requirements")
    op.drop_table("attributes")
    op.drop_table("locales")
    op.drop_table("families")
    with op.batch_alter_table("catalogue_jobs", schema=None) as batch_op:
        batch_op.drop_index(
            "ix_catalogue_jobs_open",
            postgresql_where=sa.text("state IN ('ready','running','stopping')"),
            sqlite_where=sa.text("state IN ('ready','running','stopping')"),
        )

    op.drop_table("catalogue_jobs")
    with op.batch_alter_table("audit_rows", schema=None) as batch_op:
        batch_op.drop_index("ix_audit_rows_subject")
        batch_op.drop_index("ix_audit_rows_source")
        batch_op.drop_index("ix_audit_rows_at")

    op.drop_table("audit_rows")
    op.drop_table("audit_head")
    op.drop_table("attribute_groups")
