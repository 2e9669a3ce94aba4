"""Holds lie in one sealed row of one length: nobody who reads the database learns whether there is one, or on whom."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from alembic import context, op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

PLACE = "hold_list.sealed.1"
PADDED_TO = 32 * 1024

_HOLDS = sa.text(
    "SELECT hold.uid, hold.worker_id, hold.case_id, hold.sealed, hold.set_at, hold.released_at, worker.ref,"
    " cases.number, case_system.name FROM hold LEFT JOIN worker ON worker.id = hold.worker_id"
    " LEFT JOIN cases ON cases.id = hold.case_id LEFT JOIN case_system ON case_system.id = cases.system_id"
    " ORDER BY hold.id"
)


def upgrade() -> None:
    sealer = context.config.attributes["sealer"]
    op.create_table(
        "hold_list",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        sa.CheckConstraint("id = 1", name=op.f("ck_hold_list_one")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_hold_list")),
    )
    at = op.get_bind()
    sealed = b""  # nobody founded an installation here yet: whoever does writes the empty list
    if at.execute(sa.text("SELECT id FROM installation")).first() is not None:
        holds = [_as_written(sealer, row) for row in at.execute(_HOLDS)]
        text = json.dumps(holds, ensure_ascii=False, separators=(",", ":"), sort_keys=True)
        sealed = sealer.seal(text + " " * (-len(text.encode()) % PADDED_TO), PLACE)
    table = sa.table("hold_list", sa.column("id", sa.Integer()), sa.column("sealed", sa.LargeBinary()))
    op.bulk_insert(table, [{"id": 1, "sealed": sealed}])
    op.drop_table("hold")


def _as_written(sealer: Any, row: Any) -> dict[str, object]:
    uid, worker, case, sealed, set_at, released_at, ref, number, system = row
    return {
        "uid": uid,
        "set_at": _instant(set_at),
        "worker": worker,
        "case": case,
        "worker_ref": ref,
        "case_number": number,
        "system": system,
        "reason": _opened(sealer, bytes(sealed), f"hold.{uid}"),
        "requester": "",
        "review_on": None,
        "set_by": "",
        "set_role": "",
        "known_to": [],
        "words": [],
        "ended_at": None if released_at is None else _instant(released_at),
    }


def _opened(sealer: Any, sealed: bytes, place: str) -> str:
    """The reason; a hold whose reason does not open any more holds all the same."""
    try:
        return str(sealer.open(sealed, place))
    except Exception:  # noqa: BLE001  whatever is wrong with it
        sealer.seal("", place)  # but not for want of a key: that ends the update
        return ""


def _instant(micros: int) -> str:
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)).isoformat()
