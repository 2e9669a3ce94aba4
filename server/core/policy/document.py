"""A policy that was read: the values decisions need, the texts that explain them, and what is wrong; pure data."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from server.core.policy.model import Policy
from server.core.policy.schema import PolicyFile
from server.core.text import Text, phrase


class Severity(StrEnum):
    """What a fault does: a FAULT keeps the policy from loading, a WARNING is for the people who wrote it."""

    FAULT = "fault"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class PolicyFault:
    """One thing wrong with a policy file, or worth a second look.

    file: base name. line: from 1; None for the file as a whole. where: the keys that lead there ("rules.grace.days",
    "examples.3.now"; places in a list count from 1), "" for the whole. problem and fix: what, and what to do.
    """

    file: str
    line: int | None
    where: str
    problem: Text
    fix: Text
    severity: Severity = Severity.FAULT


@dataclass(frozen=True, slots=True)
class PolicyDocument:
    """A sound policy. policy: what decisions read. content: all that the file says, with its texts and sources.

    digest: SHA-256 of what it decides, 64 hexadecimal digits: changing a comment, a text or an example leaves it as
    it is. Its first eight are in `policy.version`, so that two policies that decide differently never share a version.
    """

    file: str
    policy: Policy
    content: PolicyFile
    digest: str


def standing(document: PolicyDocument, today: date) -> tuple[PolicyFault, ...]:
    """Whether the policy may be in force on this day, and whether it is time to look at it again: warnings, or none."""
    head = document.content.policy
    found: list[tuple[str, Text, Text]] = []
    if today < head.valid_from:
        found.append(
            (
                "policy.valid_from",
                phrase("This policy is not in force before {day}.", day=head.valid_from),
                phrase("Use the version before it until then."),
            )
        )
    if head.valid_until is not None and today > head.valid_until:
        found.append(
            (
                "policy.valid_until",
                phrase("This policy was in force until {day}.", day=head.valid_until),
                phrase("Lay down a new version, or a later last day."),
            )
        )
    if today >= head.review_on:
        found.append(
            (
                "policy.review_on",
                phrase("This policy was to be reviewed on {day}.", day=head.review_on),
                phrase("Review it with those it concerns, then write the next day of review."),
            )
        )
    return tuple(
        PolicyFault(document.file, None, where, problem, fix, Severity.WARNING) for where, problem, fix in found
    )
