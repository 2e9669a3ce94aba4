"""Where an independent officer and an investigator begin: what the role is for, what it can do now, and not yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from flask import url_for

from server.core.model import Role
from server.core.text import Text, phrase
from server.web.request import fill, here
from server.work.removal import deviations_and_holds
from server.work.removal.deviations_and_holds import Cleared
from server.work.reports import inquiries


@dataclass(frozen=True, slots=True)
class Able:
    """One thing the role can do, on which page."""

    what: Text
    why: Text
    endpoint: str


@dataclass(frozen=True, slots=True)
class Duty:
    """A role in words. not_yet: what it will do here and cannot do now."""

    purpose: Text
    able: tuple[Able, ...]
    not_yet: tuple[Text, ...]
    never: Text


_REPORTS = Able(
    phrase("Make and read a removal report"),
    phrase(
        "What was removed, what was not and why, with case numbers and workers. That you read it is "
        "recorded in the log."
    ),
    "reports.show",
)
_LOG = Able(
    phrase("Check the log"),
    phrase("Whether anything was changed or cut off since it was signed. It holds no name and no number."),
    "log.show",
)
_HOLD = Able(
    phrase("Keep something from being removed"),
    phrase(
        "A hold (legal hold) on a worker, a case or everything; one of you sets it, two end it. To everyone else what "
        "is held looks like what was never there, so speak of it with nobody who need not know."
    ),
    "holds.show",
)
_INQUIRY = Able(
    phrase("Look into what one worker had, under a mandate"),
    phrase(
        "Whose the numbers of a seized phone are, and which former clients were in a worker's address books. Two of "
        "you put the mandate in force; one asks, the other approves. The answer is in case numbers."
    ),
    "inquiries.show",
)
_BY_NAME = Able(
    phrase("See contacts without a known reason by name"),
    phrase(
        "You ask and say why, a second person approves, and you two can look for a day; each look is in "
        "the log. Only where the works council consented to it."
    ),
    "by_name.show",
)
_NO_REVEAL = phrase("Learning whose name belongs to a case number, when two people asked for it and said why.")

DUTIES: Mapping[Role, Duty] = {
    Role.INDEPENDENT_OFFICER: Duty(
        phrase(
            "You are whom people can turn to outside the line: a manager can be the one it is about. You see to it "
            "that nothing is removed that has to be kept."
        ),
        (_REPORTS, _HOLD, _INQUIRY, _BY_NAME, _LOG),
        (_NO_REVEAL, phrase("Receiving questions that go past a worker and their managers.")),
        phrase("You approve no removal, put no policy in force and remove nothing."),
    ),
    Role.INVESTIGATOR: Duty(
        phrase(
            "You look into what happened, for a limited time and on a question that somebody gave you. You see to it "
            "that nothing is removed that has to be kept."
        ),
        (_HOLD, _INQUIRY, _REPORTS, _BY_NAME, _LOG),
        (_NO_REVEAL, phrase("The steps of an inquiry as a checklist, with the days by which the law asks them.")),
        phrase("You approve no removal, put no policy in force and remove nothing."),
    ),
}
"""Roles whose pages are still to come: they are told so, and what they can do meanwhile."""


def show() -> str:
    """The page."""
    at = here()
    duty = DUTIES[at.role]
    able = [(each, url_for(each.endpoint)) for each in duty.able]
    person = at.signed_in
    waits = deviations_and_holds.waiting_for(at.context, Cleared(at.role, person.uid, person.worker)).any
    inquiry_waits = inquiries.waits_for(at.context, person)
    return fill("your_role.html", phrase("Your role"), duty=duty, able=able, waits=waits, inquiry_waits=inquiry_waits)
