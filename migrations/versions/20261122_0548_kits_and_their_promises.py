"""Kits: what they are made of, and promises of their components

Why: a variant can be made of others; an order line of such a kit promises its components, a row each.
On a million rows: reservations are rewritten on SQLite (some seconds per 100,000); PostgreSQL adds two columns and builds
two indexes (seconds). Going back gives up the promises of kits: the older hub does not know what they hold.

Revision: c41f7a90d2be, after 2499d3c24507
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "c41f7a90d2be"
down_revision = "2499d3c24507"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_OPEN_KITS = sa.text("closed_at IS NULL AND kit_id IS NOT NULL")


def upgrade() -> None:
    op.create_table(
        "kit_components",
        sa.Column("kit_variant_id", _ID, nullable=False),
        sa.Column("component_variant_id", _ID, nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.CheckConstraint("quantity >= 1", name=op.f("ck_kit_components_quantity")),
        sa.CheckConstraint("kit_variant_id <> component_variant_id", name=op.f("ck_kit_components_itself")),
        sa.ForeignKeyConstraint(
            ["component_variant_id"], ["variants.id"], name=op.f("fk_kit_components_component_variant_id_variants")
        ),
        sa.ForeignKeyConstraint(
            ["kit_variant_id"], ["variants.id"], name=op.f("fk_kit_components_kit_variant_id_variants")
        ),
        sa.PrimaryKeyConstraint("kit_variant_id", "component_variant_id", name=op.f("pk_kit_components")),
    )
    with op.batch_alter_table("kit_components", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_kit_components_component_variant_id"), ["component_variant_id"], unique=False
        )
    op.create_table(
        "kit_leaves",
        sa.Column("kit_variant_id", _ID, nullable=False),
        sa.Column("variant_id", _ID, nullable=False),
        sa.Column("quantity", sa.Integer(), nullable=False),
        sa.CheckConstraint("quantity >= 1", name=op.f("ck_kit_leaves_quantity")),
        sa.ForeignKeyConstraint(
            ["kit_variant_id"], ["variants.id"], name=op.f("fk_kit_leaves_kit_variant_id_variants")
        ),
        sa.ForeignKeyConstraint(["variant_id"], ["variants.id"], name=op.f("fk_kit_leaves_variant_id_variants")),
        sa.PrimaryKeyConstraint("kit_variant_id", "variant_id", name=op.f("pk_kit_leaves")),
    )
    with op.batch_alter_table("kit_leaves", schema=None) as batch_op:
        batch_op.create_index(batch_op.f("ix_kit_leaves_variant_id"), ["variant_id"], unique=False)
    with op.batch_alter_table("reservations", schema=None) as batch_op:
        batch_op.add_column(sa.Column("part", sa.Integer(), nullable=False, server_default="0"))
        batch_op.add_column(sa.Column("kit_id", _ID, nullable=True))
        batch_op.add_column(sa.Column("per_unit", sa.Integer(), nullable=False, server_default="1"))
        batch_op.drop_constraint(batch_op.f("uq_reservations_order_line_id"), type_="unique")
        batch_op.create_unique_constraint(batch_op.f("uq_reservations_order_line_id_part"), ["order_line_id", "part"])
        batch_op.create_unique_constraint(
            batch_op.f("uq_reservations_order_line_id_variant_id"), ["order_line_id", "variant_id"]
        )
        batch_op.create_check_constraint(batch_op.f("ck_reservations_per_unit"), "per_unit >= 1")
        batch_op.create_foreign_key(batch_op.f("fk_reservations_kit_id_variants"), "variants", ["kit_id"], ["id"])
        batch_op.create_index(
            "ix_reservations_open_kits", ["variant_id", "location_id"], unique=False, postgresql_where=_OPEN_KITS,
            sqlite_where=_OPEN_KITS,
        )  # fmt: skip
    # What was needed to fill the rows that are there; the hub itself gives every value.
    with op.batch_alter_table("reservations", schema=None) as batch_op:
        batch_op.alter_column("part", server_default=None)
        batch_op.alter_column("per_unit", server_default=None)


def downgrade() -> None:
    op.execute(
        "UPDATE stock_positions SET reserved = reserved - COALESCE((SELECT SUM(r.quantity) FROM reservations r"
        " WHERE r.kit_id IS NOT NULL AND r.closed_at IS NULL AND r.variant_id = stock_positions.variant_id"
        " AND r.location_id = stock_positions.location_id), 0)"
    )
    op.execute("DELETE FROM reservations WHERE kit_id IS NOT NULL")
    with op.batch_alter_table("reservations", schema=None) as batch_op:
        batch_op.drop_index("ix_reservations_open_kits", postgresql_where=_OPEN_KITS, sqlite_where=_OPEN_KITS)
        batch_op.drop_constraint(batch_op.f("fk_reservations_kit_id_variants"), type_="foreignkey")
        batch_op.drop_constraint(batch_op.f("ck_reservations_per_unit"), type_="check")
        batch_op.drop_constraint(batch_op.f("uq_reservations_order_line_id_variant_id"), type_="unique")
        batch_op.drop_constraint(batch_op.f("uq_reservations_order_line_id_part"), type_="unique")
        batch_op.create_unique_constraint(batch_op.f("uq_reservations_order_line_id"), ["order_line_id"])
        batch_op.drop_column("per_unit")
        batch_op.drop_column("kit_id")
        batch_op.drop_column("part")
    variants = sa.table("variants", sa.column("is_kit", sa.Boolean))
    op.execute(sa.update(variants).values(is_kit=False))
    with op.batch_alter_table("kit_leaves", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_kit_leaves_variant_id"))
    op.drop_table("kit_leaves")
    with op.batch_alter_table("kit_components", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_kit_components_component_variant_id"))
    op.drop_table("kit_components")
