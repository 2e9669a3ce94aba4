"""Policies that somebody wants in force, as rows: the text, who asked and who decided, and what was counted of it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, select, update

from server.core.model import Role
from server.store.schema.base import policy_proposal
from server.store.table_state import USE_ONLY

Counts = Mapping[str, tuple[int, int]]
"""By "decision reason": contacts in address books, under the policy in force and under the one proposed."""


@dataclass(frozen=True, slots=True)
class ProposalRow:
    """One proposal. replaces: the version that was in force when it was made. asked_by: our number of the account.

    granted: None while nobody has decided. counts: None until it was counted. replaced: the text that was in force when
    it was made; None where nobody kept it.
    """

    uid: str
    version: str
    content: str
    replaces: str
    why: str
    asked_by: int
    asked_as: Role
    asked_at: datetime
    ends_at: datetime
    decided_at: datetime | None
    granted: bool | None
    counting_at: datetime | None
    counted_at: datetime | None
    counts: Counts | None
    replaced: str | None


def add(
    connection: Connection,
    *,
    uid: str,
    version: str,
    content: str,
    replaces: str,
    replaced: str,
    why: str,
    asked_by: int,
    asked_as: Role,
    now: datetime,
    ends_at: datetime,
) -> None:
    """Keep a proposal."""
    connection.execute(
        policy_proposal.insert().values(
            uid=uid,
            version=version,
            content=content,
            replaces=replaces,
            replaced=replaced,
            why=why,
            asked_by=asked_by,
            asked_as=asked_as.value,
            asked_at=now,
            ends_at=ends_at,
        )
    )


def find(connection: Connection, uid: str, *, lock: bool = False) -> ProposalRow | None:
    """The proposal of that id; lock: until the transaction ends."""
    query = select(policy_proposal).where(policy_proposal.c.uid == uid)
    row = connection.execute(query.with_for_update() if lock else query).first()
    return None if row is None else _row(row)


def open_one(connection: Connection, version: str, now: datetime) -> str | None:
    """The id of a proposal of that very version that nobody has decided yet."""
    found: str | None = connection.execute(
        select(policy_proposal.c.uid).where(
            policy_proposal.c.version == version,
            policy_proposal.c.decided_at.is_(None),
            policy_proposal.c.ends_at > now,
        )
    ).scalar()
    return found


def newest(connection: Connection, *, limit: int = 200) -> Sequence[ProposalRow]:
    """Every proposal, newest first."""
    rows = connection.execute(
        select(policy_proposal).order_by(policy_proposal.c.asked_at.desc(), policy_proposal.c.uid).limit(limit)
    )
    return [_row(row) for row in rows]


def decide(connection: Connection, uid: str, decided_by: int, now: datetime, *, granted: bool) -> bool:
    """Grant or refuse; False if it was decided already. The table refuses a grant by who asked."""
    done = connection.execute(
        update(policy_proposal)
        .where(policy_proposal.c.uid == uid, policy_proposal.c.decided_at.is_(None))
        .values(decided_by=decided_by, decided_at=now, granted=granted)
    )
    return bool(done.rowcount)


def begin_count(connection: Connection, uid: str, now: datetime, silent_since: datetime) -> bool:
    """Note that it is being counted; False if somebody is at it already."""
    done = connection.execute(
        update(policy_proposal)
        .where(
            policy_proposal.c.uid == uid,
            policy_proposal.c.counting_at.is_(None) | (policy_proposal.c.counting_at < silent_since),
        )
        .values(counting_at=now),
        execution_options=USE_ONLY,
    )
    return bool(done.rowcount)


def end_count(connection: Connection, uid: str, now: datetime, counts: Counts | None) -> None:
    """Keep what was counted; None: it broke off, and what was counted before stays."""
    values: dict[str, Any] = {"counting_at": None}
    if counts is not None:
        values |= {"counted_at": now, "counts": json.dumps(counts, sort_keys=True)}
    statement = update(policy_proposal).where(policy_proposal.c.uid == uid).values(values)
    connection.execute(statement, execution_options=USE_ONLY if counts is None else {})


def _row(row: Row[Any]) -> ProposalRow:
    counts = None if row.counts is None else {key: (int(a), int(b)) for key, (a, b) in json.loads(row.counts).items()}
    return ProposalRow(
        uid=row.uid,
        version=row.version,
        content=row.content,
        replaces=row.replaces,
        why=row.why,
        asked_by=row.asked_by,
        asked_as=Role(row.asked_as),
        asked_at=row.asked_at,
        ends_at=row.ends_at,
        decided_at=row.decided_at,
        granted=row.granted,
        counting_at=row.counting_at,
        counted_at=row.counted_at,
        counts=counts,
        replaced=row.replaced,
    )
