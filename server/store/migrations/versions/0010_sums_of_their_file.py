"""Sums and contacts know the file they came with, and feeds what they measure."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_SUMS = "day, subject_id, feed_id, kind_id, amount, samples"
_CONTACTS = "worker_id, case_id, day, feed_id, channel, direction, confidence, count"


def upgrade() -> None:
    for name in ("measures", "witness_of"):
        op.add_column("usage_feed", sa.Column(name, sa.Text(), nullable=True))
    for name in ("late_first", "late_last"):
        op.add_column("usage_run", sa.Column(name, sa.Integer(), nullable=True))
    for name in ("replaced_days", "replaced_sums"):
        op.add_column(
            "usage_run", sa.Column(name, sa.Integer(), server_default=sa.text("0"), nullable=False)
        )
    # Of each feed and day the newest file that has it; a file that was replaced only where no other has.
    op.execute(
        "CREATE TABLE moved_run AS SELECT feed_id, day, run_id FROM ("
        " SELECT told.feed_id, told.day, usage_run.id AS run_id, row_number() OVER ("
        " PARTITION BY told.feed_id, told.day ORDER BY"
        " CASE WHEN told.day BETWEEN usage_run.first_day AND usage_run.last_day THEN 0 ELSE 1 END,"
        " CASE WHEN usage_run.withdrawn THEN 1 ELSE 0 END, usage_run.id DESC) AS place"
        " FROM (SELECT feed_id, day FROM usage_day UNION SELECT feed_id, day FROM client_contact) AS told"
        " JOIN usage_run ON usage_run.feed_id = told.feed_id) AS ranked WHERE place = 1"
    )
    op.execute(
        f"CREATE TABLE moved_day AS SELECT {_prefixed(_SUMS)}, moved_run.run_id FROM usage_day AS old"
        " JOIN moved_run ON moved_run.feed_id = old.feed_id AND moved_run.day = old.day"
    )
    op.execute(
        f"CREATE TABLE moved_contact AS SELECT {_prefixed(_CONTACTS)}, moved_run.run_id FROM client_contact AS old"
        " JOIN moved_run ON moved_run.feed_id = old.feed_id AND moved_run.day = old.day"
    )
    op.drop_table("usage_day")
    op.drop_index("ix_client_contact_feed_id_day", "client_contact")
    op.drop_table("client_contact")
    op.create_table(
        "usage_day",
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("subject_id", _NUMBER, nullable=False),
        sa.Column("feed_id", _NUMBER, nullable=False),
        sa.Column("kind_id", _NUMBER, nullable=False),
        sa.Column("run_id", _NUMBER, nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("samples", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.CheckConstraint("amount >= 0 AND samples >= 0", name=op.f("ck_usage_day_not_negative")),
        sa.ForeignKeyConstraint(["feed_id"], ["usage_feed.id"], name=op.f("fk_usage_day_feed_id")),
        sa.ForeignKeyConstraint(["kind_id"], ["usage_kind.id"], name=op.f("fk_usage_day_kind_id")),
        sa.ForeignKeyConstraint(["run_id"], ["usage_run.id"], name=op.f("fk_usage_day_run_id")),
        sa.ForeignKeyConstraint(["subject_id"], ["usage_subject.id"], name=op.f("fk_usage_day_subject_id")),
        sa.PrimaryKeyConstraint("day", "subject_id", "feed_id", "kind_id", "run_id", name=op.f("pk_usage_day")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "client_contact",
        sa.Column("worker_id", _NUMBER, nullable=False),
        sa.Column("case_id", _NUMBER, nullable=False),
        sa.Column("day", sa.Integer(), nullable=False),
        sa.Column("feed_id", _NUMBER, nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Text(), nullable=False),
        sa.Column("run_id", _NUMBER, nullable=False),
        sa.Column("count", sa.Integer(), nullable=False),
        sa.CheckConstraint(
            "confidence IN ('measured', 'recorded', 'sampled', 'self_reported')",
            name=op.f("ck_client_contact_confidence"),
        ),
        sa.CheckConstraint("direction IN ('in', 'out', 'unknown')", name=op.f("ck_client_contact_direction")),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_client_contact_case_id"), ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["feed_id"], ["usage_feed.id"], name=op.f("fk_client_contact_feed_id")),
        sa.ForeignKeyConstraint(["run_id"], ["usage_run.id"], name=op.f("fk_client_contact_run_id")),
        sa.ForeignKeyConstraint(["worker_id"], ["worker.id"], name=op.f("fk_client_contact_worker_id")),
        sa.PrimaryKeyConstraint(
            "worker_id",
            "case_id",
            "day",
            "feed_id",
            "channel",
            "direction",
            "confidence",
            "run_id",
            name=op.f("pk_client_contact"),
        ),
    )
    op.create_index("ix_client_contact_feed_id_day", "client_contact", ["feed_id", "day"], unique=False)
    op.execute(
        f"INSERT INTO usage_day ({_SUMS}, run_id) SELECT {_SUMS}, run_id FROM moved_day"
        " ORDER BY day, subject_id, feed_id, kind_id"
    )
    op.execute(f"INSERT INTO client_contact ({_CONTACTS}, run_id) SELECT {_CONTACTS}, run_id FROM moved_contact")
    for name in ("moved_run", "moved_day", "moved_contact"):
        op.drop_table(name)


def _prefixed(names: str) -> str:
    return ", ".join(f"old.{name}" for name in names.split(", "))
