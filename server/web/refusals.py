"""Why an act was refused, in the words of the pages: what to put right and where; the acts are elsewhere."""

from __future__ import annotations

from collections.abc import Mapping

from server.core.reports.table import Text, phrase
from server.work.approval import Answered
from server.work.setup import SetupProblem

REFUSALS: Mapping[SetupProblem, Text] = {
    SetupProblem.ALREADY_THERE: phrase("There is an installation here already; it is left as it is."),
    SetupProblem.OTHER_KEY: phrase("These keys belong to another installation."),
    SetupProblem.DEMO_NOT_LOOPBACK: phrase("A demo reaches no server but those on this machine (127.0.0.1)."),
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
    SetupProblem.UNKNOWN_CONNECTION: phrase("There is no connection of that name. Add it first, under Connections."),
    SetupProblem.OTHER_HOST: phrase("The address is on another server than its connection."),
    SetupProblem.LOGINS_DO_NOT_FIT: phrase(
        "Give as many logins as devices, or none; write - for a device without one."
    ),
    SetupProblem.TOO_MANY: phrase("The list is longer than 100,000 places. Split it."),
    SetupProblem.NOT_TEXT: phrase("The file is not UTF-8 text."),
    SetupProblem.UNKNOWN_VENDOR: phrase("There is no adapter of that name. Choose one of the list."),
    SetupProblem.UNKNOWN_WORKER: phrase("No place belongs to a worker of that reference."),
    SetupProblem.UNKNOWN_CASE: phrase("No case in the register has that number."),
    SetupProblem.NOT_FOUND: phrase("There is nothing of that id that is still open."),
    SetupProblem.IDENTIFIER_IN_TEXT: phrase("The text holds a telephone number or an e-mail address. Leave it out."),
    SetupProblem.TEXT_TOO_LONG: phrase("The text is longer than 300 characters."),
    SetupProblem.NOT_CLEARED: phrase("Your role is not cleared for that."),
    SetupProblem.TIER_CLOSED: phrase("The policy does not leave this to the worker."),
    SetupProblem.TOO_LONG: phrase("The policy lets nobody keep a contact for so long. Choose an earlier day."),
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
