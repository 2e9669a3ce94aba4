"""What waits for a person: for each reason whose turn it is and what they can do about it; no store.

A hold has no part in this list: it turns removals into postponements, and nothing into a question.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from server.core.model import Reason, Role
from server.core.policy.model import ConfirmedBy, Policy


class Act(StrEnum):
    """What a person can do about a contact that waits for them."""

    THEIRS = "theirs"
    """Say that the identifier is of the person of the case: the rules of the case hold for it."""
    NOT_THEIRS = "not_theirs"
    """Say that it is somebody else's: it is left alone."""
    RECORDED = "recorded"
    """Attest that the contact is recorded in the case file (DOMAIN C1)."""
    KEEP = "keep"
    """Let it stay until a day, for a reason: a deviation after consultation."""


ACTS: Mapping[Reason, tuple[Act, ...]] = {
    Reason.REGISTER_STALE: (),
    Reason.LINK_UNKNOWN: (Act.THEIRS, Act.NOT_THEIRS),
    Reason.FORMER_NUMBER: (Act.THEIRS, Act.NOT_THEIRS, Act.KEEP),
    Reason.PLAN_UNKNOWN: (Act.KEEP,),
    Reason.NOT_RECORDED: (Act.RECORDED, Act.KEEP),
    Reason.CLOSURE_UNCONFIRMED: (Act.KEEP,),
}
"""Every reason for which a person decides. What is too old is mended by news alone, never by somebody's word; and that
a closure was confirmed the case system says, or a work supervisor on the page of their team, who says there too what
contact is planned.
"""


def whose_turn(reason: Reason, policy: Policy) -> Role:
    """The role that can end the waiting."""
    if reason is Reason.REGISTER_STALE:
        return Role.IT_ADMINISTRATOR
    if reason is Reason.PLAN_UNKNOWN:
        return Role.WORK_SUPERVISOR
    if reason is Reason.CLOSURE_UNCONFIRMED and policy.closure_confirmed_by is ConfirmedBy.WORK_SUPERVISOR:
        return Role.WORK_SUPERVISOR
    return Role.PRIVACY_OFFICER
