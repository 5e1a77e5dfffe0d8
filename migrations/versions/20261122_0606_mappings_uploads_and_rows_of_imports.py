"""Mappings, uploads and rows of imports

Why: how a supplier's columns are read is remembered, a file can be imported after it was looked at, and what was wrong
with its rows can be fetched afterwards.
On a million rows: three new tables, no time.

Revision: ccc84ac6e187, after cf049b4ebf19
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "ccc84ac6e187"
down_revision = "cf049b4ebf19"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "mapping_profiles",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("layout", sa.String(), nullable=False),
        sa.Column("format", sa.String(), nullable=False),
        sa.Column("columns", sa.JSON(), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("fingerprint", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.CheckConstraint("format IN ('','csv','xlsx','jsonl')", name=op.f("ck_mapping_profiles_format")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mapping_profiles")),
        sa.UniqueConstraint("name", name=op.f("uq_mapping_profiles_name")),
    )
    op.create_index(op.f("ix_mapping_profiles_fingerprint"), "mapping_profiles", ["fingerprint"])
    op.create_table(
        "import_uploads",
        sa.Column("digest", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("uploaded_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_import_uploads")),
    )
    op.create_index(op.f("ix_import_uploads_uploaded_at"), "import_uploads", ["uploaded_at"])
    op.create_table(
        "import_rows",
        sa.Column("job_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("key", sa.String(), nullable=False),
        sa.Column("result", sa.String(), nullable=False),
        sa.Column("field", sa.String(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("fix", sa.Text(), nullable=False),
        sa.Column("file", sa.String(), nullable=False),
        sa.Column("changes", sa.JSON(), nullable=False),
        sa.CheckConstraint("result IN ('created','updated','unchanged','error')", name=op.f("ck_import_rows_result")),
        sa.ForeignKeyConstraint(
            ["job_id"], ["catalogue_jobs.id"], name=op.f("fk_import_rows_job_id_catalogue_jobs"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("job_id", "seq", name=op.f("pk_import_rows")),
    )
    op.create_index("ix_import_rows_line", "import_rows", ["job_id", "result", "line", "seq"])


def downgrade() -> None:
    op.drop_table("import_rows")
    op.drop_table("import_uploads")
    op.drop_table("mapping_profiles")
