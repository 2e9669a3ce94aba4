"""Why an act was refused, in the words of the pages: what to put right and where; the acts are elsewhere."""

from __future__ import annotations

from collections.abc import Mapping

from server.core.text import Text, phrase
from server.render.admin import connections
from server.web import page_names
from server.work.admin.setup import SetupProblem
from server.work.removal.approval import Answered
from server.work.removal.policy_changes import Proposed
from server.work.usage.feeds import EvidenceProblem

REFUSALS: Mapping[SetupProblem, Text] = {
    SetupProblem.ALREADY_THERE: phrase("There is an installation here already; it is left as it is."),
    SetupProblem.OTHER_KEY: phrase("These keys belong to another installation."),
    SetupProblem.DEMO_NOT_LOOPBACK: connections.NOT_BEYOND,
    SetupProblem.REVIEW_AFTER_END: phrase("The day of review lies after the last day: review it before it ends."),
    SetupProblem.ENDS_IN_PAST: phrase("The last day lies in the past."),
    SetupProblem.EMPTY_FILE: phrase("The file has no rows. It needs a header and one line for each place."),
    SetupProblem.UNKNOWN_COLUMN: phrase(
        "The file has a column that is not known. Known: worker, employer, team, connection, address, devices, logins."
    ),
    SetupProblem.MISSING_COLUMN: phrase(
        "The file lacks a column that is needed: worker, employer, connection, address."
    ),
    SetupProblem.MISSING_VALUE: phrase("A value that is needed is empty."),
    SetupProblem.UNKNOWN_CONNECTION: phrase(
        "There is no connection of that name. Add it first, under {page}.", page=page_names.CONNECTIONS
    ),
    SetupProblem.OTHER_HOST: phrase("The address is on another server than its connection."),
    SetupProblem.LOGINS_DO_NOT_FIT: phrase(
        "Give as many logins as devices, or none; write - for a device without one."
    ),
    SetupProblem.TOO_MANY: phrase("The list is longer than 100,000 places. Split it."),
    SetupProblem.NOT_TEXT: phrase("The file is not UTF-8 text."),
    SetupProblem.UNKNOWN_VENDOR: connections.NO_SUCH_KIND,
    SetupProblem.WRONG_FIELDS: connections.WRONG_FIELDS,
    SetupProblem.CHANGED: connections.CHANGED,
    SetupProblem.IN_USE: connections.IN_USE,
    SetupProblem.UNKNOWN_WORKER: phrase("No place belongs to a worker of that reference."),
    SetupProblem.UNKNOWN_CASE: phrase("No case in the register has that number."),
    SetupProblem.CASE_IN_SEVERAL: phrase("Several case systems use that case number. Name the one that is meant."),
    SetupProblem.NOT_FOUND: phrase("There is nothing of that id that is still open."),
    SetupProblem.IDENTIFIER_IN_TEXT: phrase("The text holds a telephone number or an e-mail address. Leave it out."),
    SetupProblem.TEXT_TOO_LONG: phrase("The text is longer than 300 characters."),
    SetupProblem.NOT_CLEARED: phrase("Your role is not cleared for that."),
    SetupProblem.TIER_CLOSED: phrase("The policy does not leave this to the worker."),
    SetupProblem.TOO_LONG: phrase("The policy does not let this be decided for so long. Choose an earlier day."),
    SetupProblem.REGISTER_CONFIRMS: phrase("The policy leaves the confirmation of closures to the case system."),
    SetupProblem.NOTHING_CHOSEN: phrase("Choose at least one case."),
    SetupProblem.TOO_MANY_CHOSEN: phrase("At most 25 cases at once, so that each is looked at."),
    SetupProblem.CHANGED_SINCE: phrase(
        "Something has changed since you looked: somebody answered, or the register did. Look at the list again; "
        "nothing was recorded."
    ),
    SetupProblem.OWN_CASE: phrase(
        "You are or were on this case yourself. Another work supervisor, such as who stands in for you, confirms it."
    ),
    SetupProblem.WORKER_UNKNOWN: phrase(
        "Your account names no worker, so nobody can tell whether a case is your own. Ask your administrator to name "
        "the worker that you are."
    ),
    SetupProblem.DAY_IN_FUTURE: phrase("That day has not come yet."),
    SetupProblem.BEFORE_OPENING: phrase("That day lies before the case was opened."),
}
"""Why something was not done, and what to do."""

UNDECIDED: Mapping[Answered, Text] = {
    Answered.CHANGED: phrase("The plan has changed since you looked at it. Look at it again before you decide."),
    Answered.NOT_WAITING: phrase("This plan waits no more: somebody else was quicker, or it is released already."),
    Answered.ASKED_ALREADY: phrase("Somebody has asked for this release already. A second person can grant it."),
    Answered.NOT_ASKED: phrase("Nobody has asked for this release, or the request ran out. Ask for it first."),
    Answered.OWN: phrase("You asked for this yourself, so somebody else has to grant it."),
}
"""Why a release was not asked for or decided."""

EVIDENCE_REFUSALS: Mapping[EvidenceProblem, Text] = {
    EvidenceProblem.GATE_CLOSED: phrase(
        "No gate for observing is open, so nothing was opened. Record one under {page}.", page=page_names.GATES
    ),
    EvidenceProblem.OTHER_SUBJECTS: phrase(
        "This feed has other subjects: devices and accounts are kept apart. Give the mapping another feed name."
    ),
    EvidenceProblem.UNKNOWN_FEED: phrase("There is no feed of that name in use."),
    EvidenceProblem.UNKNOWN_DEVICE: phrase("No place names a device of that reference."),
    EvidenceProblem.NOT_THE_HOLDER: phrase("Another worker has that device. Correct the list, or the list of places."),
    EvidenceProblem.UNKNOWN_TEXT: phrase("There is no such text, or none was in force on that day in that language."),
    EvidenceProblem.TEXT_CHANGED: phrase(
        "The evidence file has other words for a text that is recorded. Give changed words a version of their own."
    ),
    EvidenceProblem.IN_FUTURE: phrase("That day has not come yet."),
    EvidenceProblem.SCAN_NEEDED: phrase("Choose the scan of the paper, at most 10 MB."),
    EvidenceProblem.UNKNOWN_DECLARATION: phrase("No declaration of that id waits for this."),
    EvidenceProblem.BAD_LIST: phrase("The text is too long, or holds a telephone number or an e-mail address."),
    EvidenceProblem.NOT_CLEARED: phrase("Your role is not cleared for that."),
    EvidenceProblem.SECOND_PERSON: phrase("This needs two people and a reason."),
    EvidenceProblem.NO_CONSENT: phrase("The evidence file names no consent to this, so nobody looks."),
    EvidenceProblem.BEFORE_FIRST_LOOK: phrase(
        "Nothing was looked at in those days, so nothing is known of them. Choose a last day from the first look on."
    ),
    EvidenceProblem.PERIOD: phrase("Reports are over whole months, two years at most."),
    EvidenceProblem.UNKNOWN_CONTEST: phrase("Nothing of that id waits for an answer."),
    EvidenceProblem.NOT_ASKED: phrase("No view of that id waits for a second person, or the asking has run out."),
    EvidenceProblem.NOT_OPEN: phrase("Only the two people can look, and only within a day of the grant."),
    EvidenceProblem.OTHER_DOOR: phrase("This was asked by command: a second person grants it by command."),
    EvidenceProblem.BAD_REASON: phrase("The reason is too long, or holds a telephone number or an e-mail address."),
}
"""Why something about evidence was not done, and what to do."""

UNPROPOSED: Mapping[Proposed, Text] = {
    Proposed.FAULTY: phrase("The text has faults, so it cannot be in force."),
    Proposed.SAME: phrase("This decides exactly what the policy in force decides."),
    Proposed.CHANGED: phrase("Another policy has come in force since you looked. Look at it, and propose anew."),
    Proposed.NOT_WAITING: phrase("This proposal waits no more: somebody else was quicker, or it ran out."),
    Proposed.OWN: phrase("You proposed this yourself, so somebody else has to put it in force."),
}
"""Why a policy was not proposed or put in force."""
