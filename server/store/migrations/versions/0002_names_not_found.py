"""An app that a manager of phones looked for by name alone, and did not find, is unknown and not absent."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    phone_app = sa.table("phone_app", sa.column("presence", sa.Text), sa.column("by_name", sa.Boolean))
    op.execute(
        phone_app.update()
        .where(phone_app.c.by_name, phone_app.c.presence == "absent")
        .values(presence="unknown")
    )
