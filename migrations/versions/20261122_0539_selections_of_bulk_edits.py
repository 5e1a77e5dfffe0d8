"""Selections of bulk edits, and until when a job can be undone

Why: a bulk edit works on the products that its filter found when it started, so they are kept with the job; after 30
days the selection is dropped and the job says so.
On a million rows: one new empty table and an empty column on a table of jobs, so at once.

Revision: 5b0c9d7e41f3, after e9e79687a959
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "5b0c9d7e41f3"
down_revision = "e9e79687a959"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "bulk_targets",
        sa.Column("job_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("product_id", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["catalogue_jobs.id"], name=op.f("fk_bulk_targets_job_id_catalogue_jobs")),
        sa.PrimaryKeyConstraint("job_id", "position", name=op.f("pk_bulk_targets")),
    )
    op.add_column("catalogue_jobs", sa.Column("forgotten_at", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("catalogue_jobs", "forgotten_at")
    op.drop_table("bulk_targets")
