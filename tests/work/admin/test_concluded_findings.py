"""A finding that somebody changed in the database is not as the log says, and that is told."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import delete, update

from server.core.log.closed_findings import FindingDifferenceKind
from server.core.model import Disposition, FindingKind, Role
from server.store import findings
from server.store.findings import Chosen, NewFinding
from server.store.schema.base import finding
from server.work.admin import log_checkpoints
from server.work.removal import findings_desk
from server.work.removal.findings_desk import AtDesk
from tests.work.world import World

OPENED = [NewFinding(FindingKind.REAPPEARED, subject) for subject in ("one", "two", "three")]
BY_ITSELF = {"concluded_as": "by_itself", "disposition": "answered_itself"}


def live(world: World) -> None:
    """Of three findings one is concluded by a person, one ended by itself, and one is open."""
    with world.context.store.write() as connection:
        findings.open_findings(connection, OPENED, world.context.now())
    uids = {row.subject: row.uid for row in world.rows(finding)}
    findings_desk.conclude(
        world.context,
        AtDesk(Role.PRIVACY_OFFICER),
        Chosen((uids["one"],)),
        Disposition.EXPLAINED,
        "It was a restored phone.",
    )
    with world.context.store.write() as connection:
        of = update(finding).where(finding.c.subject == "two")
        connection.execute(of.values(**BY_ITSELF, closed_at=world.context.now()))


@pytest.fixture
def desk(begin_after: Callable[[Callable[[World], object]], World]) -> World:
    return begin_after(live)


def differences(world: World) -> list[FindingDifferenceKind]:
    checked = log_checkpoints.check_log(world.context, world.context.checkpoint_file)
    return [each.kind for each in checked.findings]


def test_findings_that_nobody_touched_are_as_the_log_says(desk):
    assert differences(desk) == []
    assert log_checkpoints.audit_now(desk.context) is None


@pytest.mark.parametrize(
    ("subject", "values", "kind"),
    [
        ("one", None, FindingDifferenceKind.GONE),
        ("one", {"concluded_as": "unfounded"}, FindingDifferenceKind.OTHERWISE),
        ("one", BY_ITSELF, FindingDifferenceKind.OTHERWISE),
        ("one", {"concluded_as": None, "closed_at": None}, FindingDifferenceKind.OTHERWISE),
        ("two", {"concluded_as": "explained"}, FindingDifferenceKind.NOT_CONCLUDED),
        ("one", {"uid": "another"}, FindingDifferenceKind.GONE),
    ],
    ids=["deleted", "ended otherwise", "ended by itself", "opened again", "concluded by nobody", "of another name"],
)
def test_a_finding_that_was_changed_in_the_database_is_found(desk, subject, values, kind):
    of = finding.c.subject == subject
    with desk.context.store.write() as connection:
        connection.execute(delete(finding).where(of) if values is None else update(finding).where(of).values(values))
    assert kind in differences(desk)
    said = log_checkpoints.audit_now(desk.context)
    assert said is not None
    assert said.startswith("findings recorded otherwise than the log says: ")
