"""What becomes of what one person asks and another grants: the release of a plan, another policy; no act."""

from __future__ import annotations

from enum import StrEnum


class ReleaseOutcome(StrEnum):
    """Of the release of a plan: what became of asking, granting, refusing or withdrawing."""

    ASKED = "release_asked"
    GRANTED = "release_granted"
    REFUSED = "release_refused"
    WITHDRAWN = "release_withdrawn"
    CHANGED = "changed"
    """The plan is another one than was looked at."""
    NOT_WAITING = "not_waiting"
    """It no longer waits: somebody was quicker."""
    ASKED_ALREADY = "asked_already"
    NOT_ASKED = "not_asked"
    """Nobody has asked, or the request has run out or was withdrawn."""
    OWN = "own"
    """Nobody approves their own act."""


class ProposalOutcome(StrEnum):
    """Of another policy: what became of proposing, granting, refusing or withdrawing."""

    ASKED = "policy_asked"
    GRANTED = "policy_granted"
    REFUSED = "policy_refused"
    WITHDRAWN = "policy_withdrawn"
    FAULTY = "policy_faulty"
    SAME = "policy_same"
    """It decides what the policy in force decides."""
    KNOWN = "policy_known"
    """This very version is proposed already."""
    CHANGED = "policy_changed"
    """Another policy is in force than the one that it would have replaced."""
    NOT_WAITING = "policy_not_waiting"
    OWN = "policy_own"
    """Nobody approves their own act."""
