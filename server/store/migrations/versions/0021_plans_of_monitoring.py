"""From which day the months of monitoring are counted, and what work supervisors change in the plan of a case."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
_IN_FORCE = "ended_at IS NULL AND months IS {}NULL"


def upgrade() -> None:
    # When the cases that are in monitoring by now came into it nobody kept: the next whole export may tell.
    for name in ("transferred_on", "monitoring_from", "plan_counts_from", "seen_monitored_on"):
        op.add_column("cases", sa.Column(name, sa.Date(), nullable=True))
    op.create_table(
        "plan_change",
        sa.Column("id", _NUMBER, nullable=False),
        sa.Column("uid", sa.Text(), nullable=False),
        sa.Column("case_id", _NUMBER, nullable=False),
        sa.Column("team", sa.Text(), nullable=False),
        sa.Column("months", sa.Integer(), nullable=True),
        sa.Column("on_date", sa.Date(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("said_by", _NUMBER, nullable=False),
        sa.Column("said_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.Column("ended_as", sa.Text(), nullable=True),
        sa.Column("ended_by", _NUMBER, nullable=True),
        sa.CheckConstraint(
            "ended_as IN ('changed_anew', 'withdrawn', 'lapsed')", name=op.f("ck_plan_change_ended_as")
        ),
        sa.CheckConstraint("months IS NULL OR months >= 0", name=op.f("ck_plan_change_months")),
        sa.CheckConstraint("on_date IS NOT NULL OR months > 0", name=op.f("ck_plan_change_day")),
        sa.CheckConstraint("(ended_at IS NULL) = (ended_as IS NULL)", name=op.f("ck_plan_change_ended_as_what")),
        sa.CheckConstraint(
            "(ended_by IS NULL) = (ended_as IS NULL OR ended_as = 'lapsed')",
            name=op.f("ck_plan_change_ended_by_somebody"),
        ),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"], name=op.f("fk_plan_change_case_id")),
        sa.ForeignKeyConstraint(["said_by"], ["account.id"], name=op.f("fk_plan_change_said_by")),
        sa.ForeignKeyConstraint(["ended_by"], ["account.id"], name=op.f("fk_plan_change_ended_by")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_plan_change")),
        sa.UniqueConstraint("uid", name=op.f("uq_plan_change_uid")),
    )
    for name, column, which in (("month", "months", "NOT "), ("extra", "on_date", "")):
        op.create_index(
            f"uq_plan_change_{name}_in_force",
            "plan_change",
            ["case_id", column],
            unique=True,
            sqlite_where=sa.text(_IN_FORCE.format(which)),
            postgresql_where=sa.text(_IN_FORCE.format(which)),
        )
