"""Teams and phones are remembered by the day; contacts with clients are of the phone, and so of who had it that day."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_EVER = "0001-01-01"
_CONTACTS = "case_id, day, feed_id, channel, direction, confidence, run_id"


def upgrade() -> None:
    op.create_table(
        "membership",
        sa.Column("worker_id", _NUMBER, nullable=False),
        sa.Column("first", sa.Date(), nullable=False),
        sa.Column("last", sa.Date(), nullable=True),
        sa.Column("team", sa.Text(), nullable=False),
        sa.CheckConstraint("last IS NULL OR first <= last", name=op.f("ck_membership_span")),
        sa.ForeignKeyConstraint(["worker_id"], ["worker.id"], name=op.f("fk_membership_worker_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("worker_id", "first", name=op.f("pk_membership")),
    )
    # Where a worker was before nobody kept: as far as anybody knows, where they are now.
    op.execute(f"INSERT INTO membership (worker_id, first, team) SELECT id, '{_EVER}', team FROM worker")
    op.add_column(
        "device_holding", sa.Column("since_ever", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    # The first who is known to have had a phone counts as its holder since ever, as was done until now.
    op.execute(
        "UPDATE device_holding SET since_ever = true WHERE first ="
        " (SELECT min(other.first) FROM device_holding AS other WHERE other.device_id = device_holding.device_id)"
    )
    _contacts()
    _shared()


def _contacts() -> None:
    # Of an account the worker's own. Of phones one that the worker had that day and of which the feed tells that day;
    # a contact that no phone can be found for is nobody's, and goes.
    op.execute(
        f"CREATE TABLE moved_contact AS SELECT {_prefixed(_CONTACTS)}, old.count, coalesce("
        " (SELECT usage_subject.id FROM usage_subject JOIN usage_feed ON usage_feed.id = old.feed_id"
        " WHERE usage_subject.worker_id = old.worker_id AND usage_feed.covers = 'account'),"
        " (SELECT min(usage_subject.id) FROM usage_subject"
        " JOIN device_holding ON device_holding.device_id = usage_subject.device_id"
        " JOIN usage_day ON usage_day.subject_id = usage_subject.id"
        " WHERE usage_day.day = old.day AND usage_day.feed_id = old.feed_id"
        " AND device_holding.worker_id = old.worker_id)) AS subject_id"
        " FROM client_contact AS old"
    )
    op.drop_index("ix_client_contact_feed_id_day", "client_contact")
    op.drop_table("client_contact")
    op.create_table(
        "client_contact",
        sa.Column("subject_id", _NUMBER, nullable=False),
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
        sa.ForeignKeyConstraint(["subject_id"], ["usage_subject.id"], name=op.f("fk_client_contact_subject_id")),
        sa.PrimaryKeyConstraint(
            "subject_id",
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
        f"INSERT INTO client_contact (subject_id, {_CONTACTS}, count)"
        f" SELECT subject_id, {_CONTACTS}, sum(count) FROM moved_contact WHERE subject_id IS NOT NULL"
        f" GROUP BY subject_id, {_CONTACTS}"
    )
    op.drop_table("moved_contact")


def _shared() -> None:
    op.execute(f"UPDATE shared_device SET first = '{_EVER}' WHERE first IS NULL")
    with op.batch_alter_table("shared_device", recreate="auto") as batch_op:
        batch_op.drop_constraint(op.f("ck_shared_device_span"), type_="check")
        batch_op.drop_constraint(op.f("pk_shared_device"), type_="primary")
        batch_op.alter_column("first", existing_type=sa.Date(), nullable=False)
        batch_op.create_primary_key(op.f("pk_shared_device"), ["device_id", "first"])
        batch_op.create_check_constraint(op.f("ck_shared_device_span"), "last IS NULL OR first <= last")


def _prefixed(names: str) -> str:
    return ", ".join(f"old.{name}" for name in names.split(", "))
