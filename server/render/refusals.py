"""Why something was not done and what to do, once for every problem there is; no act, and no other sentence.

Where a page and the command send people to different places, the sentence says which is which.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mdm_adapters.options import OptionFault
from server.core.problems import (
    AccessProblem,
    BackupProblem,
    ClientQuestionProblem,
    ClosureProblem,
    ConnectionProblem,
    DecisionProblem,
    DeviceListProblem,
    EngineProblem,
    EvidenceProblem,
    HeadsProblem,
    InquiryProblem,
    MailProblem,
    MoveProblem,
    OutletProblem,
    PackageProblem,
    PauseProblem,
    PlaceListProblem,
    PlanProblem,
    Problem,
    RecordsProblem,
    RestoreProblem,
    SetupProblem,
    SubscriptionProblem,
    WitnessProblem,
)
from server.core.removal.approvals import ProposalOutcome, ReleaseOutcome
from server.core.text import Text, phrase
from server.render import page_names
from server.render.admin.connections import NO_SUCH_KIND, OPTION_FAULTS
from server.render.api_refusals import API_PROBLEMS, BODY_PROBLEMS


@dataclass(frozen=True, slots=True)
class Sentence:
    """Why it was not done. page: how pages say it, where they send people elsewhere than the command does."""

    command: Text
    page: Text


def at_command(problem: Problem) -> Text:
    """What the command says of it."""
    said = REFUSALS[type(problem)][problem]
    return said.command if isinstance(said, Sentence) else said


def at_page(problem: Problem) -> Text:
    """What a page says of it."""
    said = REFUSALS[type(problem)][problem]
    return said.page if isinstance(said, Sentence) else said


_NOTHING_WAITS = phrase("Nothing of that id waits for you. Somebody was quicker, or it ran out.")
_NO_RECIPIENT = phrase("The file names no public key. One a line, as age-keygen prints them: they begin with age1.")
_BAD_RECIPIENT = phrase("That is no public key of age: they begin with age1, and a slip of the hand is noticed.")
_BAD_IDENTITY = phrase("That is no private key of age: it begins with AGE-SECRET-KEY-1.")
_BAD_SEED = phrase("A seed is a word of small letters, digits and hyphens.")
_LOG_NOT_SOUND = phrase("The log is not what its checkpoints were signed for.")
_NOT_CLEARED = phrase("Your role is not cleared for that.")
_MISSING_VALUE = phrase("A required value is empty.")
_ENDS_IN_PAST = phrase("The last day lies in the past.")
_IN_FUTURE = phrase("That day has not come yet.")
_SAYS_NOTHING = phrase("Say why, in a sentence without names or numbers.")
_TEXT_TOO_LONG = phrase("The text is longer than 300 characters.")
_IDENTIFIER_IN_TEXT = phrase("The text holds a telephone number or an e-mail address. Leave it out.")
_TWO_TEAMS = phrase(
    "An earlier line puts this worker in another team. Write the team that they are in now on all their lines."
)
_NOT_ONE_ROW = phrase(
    "This line is not one row. Look for a quotation mark that stands alone, a line break inside a cell, more cells "
    "than there are columns, or a column that is named twice."
)
_SAID_ALREADY = phrase("You said it already. Another person, in another role, must say it too.")
_SAID_IN_THIS_ROLE = phrase("The other person said it in this role already. Say it in another role.")
_UNKNOWN_WORKER = phrase("No address book belongs to a worker with that staff code.")
_UNKNOWN_CONNECTION = Sentence(
    phrase("There is no connection of that name. Make it with: closeout connection put"),
    phrase("There is no connection of that name. Add it first, under {page}.", page=page_names.CONNECTIONS),
)

_SETUP: Mapping[SetupProblem, Text | Sentence] = {
    SetupProblem.ALREADY_THERE: phrase("There is an installation here already; it is left as it is."),
    SetupProblem.MISSING_VALUE: _MISSING_VALUE,
    SetupProblem.NOT_YET: _IN_FUTURE,
    SetupProblem.REVIEW_AFTER_END: phrase("The day of review lies after the last day: review it before it ends."),
    SetupProblem.ENDS_IN_PAST: _ENDS_IN_PAST,
}
_CONNECTION: Mapping[ConnectionProblem, Text | Sentence] = {
    ConnectionProblem.SECRET_AGAIN: phrase(
        "The address or the user name changed, so type the secret again: the old one is sent nowhere else."
    ),
    ConnectionProblem.BAD_NAME: phrase("Use letters, digits and hyphens, at most 40."),
    ConnectionProblem.NAME_TAKEN: phrase("There is a connection of that name. Change it on its own page."),
    ConnectionProblem.DEMO_NOT_LOOPBACK: phrase("A demo reaches no server but those on this machine (127.0.0.1)."),
    ConnectionProblem.NOT_A_KEY: phrase("This is no private key without a password, in PEM."),
    ConnectionProblem.NOT_A_CERTIFICATE: phrase("This is no certificate in PEM."),
    ConnectionProblem.TOO_LARGE: phrase("This file is too large: at most 32 KB."),
    ConnectionProblem.HIDDEN_SIGNS: OPTION_FAULTS[OptionFault.HIDDEN_SIGNS],
    ConnectionProblem.TWICE: phrase("Type the secret, or choose its file; not both."),
    ConnectionProblem.UNKNOWN_VENDOR: NO_SUCH_KIND,
    ConnectionProblem.UNKNOWN_CONNECTION: _UNKNOWN_CONNECTION,
    ConnectionProblem.MISSING_NAME: _MISSING_VALUE,
    ConnectionProblem.WRONG_FIELDS: phrase("Not saved: some fields of the connection are not valid."),
    ConnectionProblem.CHANGED: phrase("Somebody else changed it since you looked. Look at it again."),
    ConnectionProblem.IN_USE: phrase(
        "This connection has address books, phones, pauses or a subscription, so it cannot be deleted."
    ),
}
_PLACES: Mapping[PlaceListProblem, Text | Sentence] = {
    PlaceListProblem.EMPTY_FILE: phrase("The file has no rows. It needs a header and one line for each address book."),
    PlaceListProblem.NOT_ONE_ROW: _NOT_ONE_ROW,
    PlaceListProblem.TWO_TEAMS: _TWO_TEAMS,
    PlaceListProblem.NOT_TEXT: phrase("The file is not UTF-8 text."),
    PlaceListProblem.TOO_MANY: phrase("The list is longer than 100,000 address books. Split it."),
    PlaceListProblem.UNKNOWN_COLUMN: phrase(
        "The file has a column that is not known. Known: worker, employer, team, connection, address, devices, logins."
    ),
    PlaceListProblem.MISSING_COLUMN: phrase(
        "A required column is missing from the file: worker, employer, connection, address."
    ),
    PlaceListProblem.MISSING_VALUE: _MISSING_VALUE,
    PlaceListProblem.UNKNOWN_CONNECTION: _UNKNOWN_CONNECTION,
    PlaceListProblem.OTHER_HOST: phrase("The address is on another server than its connection."),
    PlaceListProblem.LOGINS_DO_NOT_FIT: phrase(
        "Give as many logins as phones, or none; write - for a phone without one."
    ),
}
_DEVICES: Mapping[DeviceListProblem, Text | Sentence] = {
    DeviceListProblem.NOT_ONE_ROW: _NOT_ONE_ROW,
    DeviceListProblem.TWO_TEAMS: _TWO_TEAMS,
    DeviceListProblem.EMPTY_FILE: phrase("The file has no rows. It needs a header and one line for each phone."),
    DeviceListProblem.NOT_TEXT: phrase("The file is neither CSV nor JSON as it should be."),
    DeviceListProblem.TOO_LONG: phrase("The file is larger than 64 MB. Split it."),
    DeviceListProblem.TOO_MANY: phrase("The list is longer than 200,000 lines. Split it."),
    DeviceListProblem.UNKNOWN_COLUMN: phrase(
        "The file has a column that is not known. Known: device, worker, employer, team, use, connection, phone."
    ),
    DeviceListProblem.MISSING_COLUMN: phrase("A required column is missing from the file."),
    DeviceListProblem.MISSING_VALUE: _MISSING_VALUE,
    DeviceListProblem.UNKNOWN_CONNECTION: _UNKNOWN_CONNECTION,
    DeviceListProblem.UNKNOWN_WORKER: phrase(
        "Nobody with that staff code is known. Name the employer, to make them known."
    ),
    DeviceListProblem.UNKNOWN_USE: phrase("Write own, shared or loan; leave it empty for a phone of one worker."),
    DeviceListProblem.BAD_TIME: phrase(
        "A time is not valid, or lies ahead. Write it as 2026-01-31T12:00:00Z: the manual has the command for it."
    ),
}
_DECISION: Mapping[DecisionProblem, Text | Sentence] = {
    DecisionProblem.NOT_CLEARED: _NOT_CLEARED,
    DecisionProblem.NOT_FOUND: phrase("There is nothing of that id that is still open."),
    DecisionProblem.MISSING_VALUE: _MISSING_VALUE,
    DecisionProblem.TEXT_TOO_LONG: _TEXT_TOO_LONG,
    DecisionProblem.IDENTIFIER_IN_TEXT: _IDENTIFIER_IN_TEXT,
    DecisionProblem.UNKNOWN_WORKER: _UNKNOWN_WORKER,
    DecisionProblem.UNKNOWN_CASE: phrase("No case in the register has that number."),
    DecisionProblem.CASE_IN_SEVERAL: phrase("Several case systems use that case number. Name the one that is meant."),
    DecisionProblem.ENDS_IN_PAST: _ENDS_IN_PAST,
    DecisionProblem.TIER_CLOSED: Sentence(
        phrase("The policy does not open this tier of deviations."),
        phrase("The policy does not leave this to the worker."),
    ),
    DecisionProblem.TOO_LONG: Sentence(
        phrase("The policy lets no deviation of this tier last so long."),
        phrase("The policy does not let this be decided for so long. Choose an earlier day."),
    ),
    DecisionProblem.CHANGED_SINCE: phrase(
        "Something has changed since you looked: somebody answered, or the register did. Look at the list again; "
        "nothing was recorded."
    ),
    DecisionProblem.NAMES_SOMEBODY: phrase(
        "This names somebody: a worker's staff code or the name of an account. Say it without."
    ),
    DecisionProblem.NO_SUCH_OWNER: phrase("Findings are for privacy officers. Choose one of those in the list."),
    DecisionProblem.WRONG_END: phrase("Findings of this kind cannot end as that. Choose one of the outcomes offered."),
    DecisionProblem.PUT_OFF_TOO_LONG: phrase(
        "It may lie no longer than four weeks at once, and three months in all. Choose an earlier day, or conclude it."
    ),
    DecisionProblem.OWN_FINDING: phrase(
        "Nobody looks into what is about themselves. Let another privacy officer have it."
    ),
    DecisionProblem.SAID_ALREADY: phrase("You said so already. The second word has to be another person's."),
    DecisionProblem.UNREADABLE: phrase(
        "What was recorded cannot be opened, so nothing is removed at all. Two people accept the records: closeout log "
        "accept-records"
    ),
}
_CLOSURE: Mapping[ClosureProblem, Text | Sentence] = {
    ClosureProblem.REGISTER_CONFIRMS: phrase("The policy leaves the confirmation of closures to the case system."),
    ClosureProblem.NOTHING_CHOSEN: phrase("Choose at least one case."),
    ClosureProblem.TOO_MANY_CHOSEN: phrase("At most 25 cases at once, so that each is looked at."),
    ClosureProblem.OWN_CASE: phrase(
        "You are or were on this case yourself. Another work supervisor, such as who stands in for you, confirms it."
    ),
    ClosureProblem.WORKER_UNKNOWN: phrase(
        "Your account is not linked to a worker, so your own cases cannot be recognised. Ask your "
        "administrator to link it."
    ),
    ClosureProblem.DAY_IN_FUTURE: _IN_FUTURE,
    ClosureProblem.BEFORE_OPENING: phrase("That day lies before the case was opened."),
}
_PLAN: Mapping[PlanProblem, Text | Sentence] = {
    PlanProblem.OWN_CASE: phrase(
        "You are or were on this case yourself. Another work supervisor, such as who stands in for you, changes its "
        "plan."
    ),
    PlanProblem.NO_SUCH_MONTH: phrase("The policy plans no contact after so many months."),
    PlanProblem.DAY_OUT_OF_REACH: phrase("No plan reaches so far. Choose a day at most five years away."),
    PlanProblem.TOO_MANY: phrase(
        "At most 12 changes of one plan can be in force at once. Withdraw one that is no longer needed."
    ),
}
_SUBSCRIPTION: Mapping[SubscriptionProblem, Text | Sentence] = {
    SubscriptionProblem.NO_SERVICE: phrase(
        "This connection names no Notificaties API and case system, or its secret cannot be read. Change it first."
    ),
    SubscriptionProblem.NO_ADDRESS: phrase(
        "This site has no https address that a service could send notifications to. Set CLOSEOUT_WEB_URL."
    ),
    SubscriptionProblem.NOT_SUBSCRIBED: phrase("Nothing is subscribed to by this connection."),
}
_ENGINE: Mapping[EngineProblem, Text | Sentence] = {
    EngineProblem.NOT_CLEARED: phrase("Only an IT administrator says that a background worker no longer runs."),
    EngineProblem.NOT_AWAITED: phrase("Nothing waits for the answer of a background worker of that name."),
    EngineProblem.STILL_RUNS: phrase(
        "It runs on this machine. Stop it first; then it answers, or is known to have ended."
    ),
}
_PAUSE: Mapping[PauseProblem, Text | Sentence] = {
    PauseProblem.NOT_CLEARED: phrase("Only an IT administrator pauses and resumes."),
    PauseProblem.UNKNOWN_CONNECTION: phrase("There is no contact server or MDM system of that name."),
    PauseProblem.NO_REASON: phrase("Say why, for those who find it paused."),
    PauseProblem.TEXT_TOO_LONG: _TEXT_TOO_LONG,
    PauseProblem.IDENTIFIER_IN_TEXT: _IDENTIFIER_IN_TEXT,
    PauseProblem.HOURS: Sentence(
        phrase("It would not end later than it does already. Give more hours."),
        phrase("It would not end later than it does already. Choose more hours."),
    ),
    PauseProblem.PAUSED_ALREADY: Sentence(
        phrase("It is paused already. See closeout status; make it longer with --longer."),
        phrase("It is paused already: see above. You can make that pause longer."),
    ),
    PauseProblem.NOT_PAUSED: Sentence(
        phrase("That is not paused. See what is with: closeout status"),
        phrase("This pause is over, so it cannot be made longer. Pause again."),
    ),
    PauseProblem.CHANGED: Sentence(
        phrase("Somebody made it longer meanwhile. See closeout status, and decide again."),
        phrase("Somebody made it longer while you looked. See until when now, and decide again."),
    ),
}
UNDECIDED: Mapping[ReleaseOutcome, Text] = {
    ReleaseOutcome.CHANGED: phrase("The plan has changed since you looked at it. Look at it again before you decide."),
    ReleaseOutcome.NOT_WAITING: phrase("This plan has already been decided or approved by somebody else."),
    ReleaseOutcome.ASKED_ALREADY: phrase("Somebody has asked for this approval already. A second person can approve."),
    ReleaseOutcome.NOT_ASKED: phrase("Nobody has asked for this approval, or the request ran out. Ask for it first."),
    ReleaseOutcome.OWN: phrase("You asked for this yourself, so somebody else has to approve."),
}
"""Why a release was not asked for or decided."""
UNPROPOSED: Mapping[ProposalOutcome, Text] = {
    ProposalOutcome.FAULTY: phrase("The text has faults, so it cannot be in force."),
    ProposalOutcome.SAME: phrase("This decides exactly what the policy in force decides."),
    ProposalOutcome.CHANGED: phrase(
        "Another policy has come in force since you looked. Look at it, and make a new proposal."
    ),
    ProposalOutcome.NOT_WAITING: phrase("This proposal has already been decided by somebody else, or it ran out."),
    ProposalOutcome.OWN: phrase("You proposed this yourself, so somebody else has to put it in force."),
}
"""Why a policy was not proposed or put in force."""
_ACCESS: Mapping[AccessProblem, Text | Sentence] = {
    AccessProblem.NAME_TAKEN: phrase("There is one of that name already."),
    AccessProblem.BAD_NAME: phrase(
        "A name has 2 to 64 small letters, digits, dots and hyphens, and is nobody's own name."
    ),
    AccessProblem.PASSWORD_TOO_SHORT: phrase("A password has 12 to 200 characters; a sentence is good."),
    AccessProblem.PASSWORD_IS_NAME: phrase("The password holds the name. Choose another."),
    AccessProblem.PASSWORD_KNOWN: phrase(
        "Others use this password too, or it is easily guessed. Choose another: three or four words that have nothing "
        "to do with each other are good."
    ),
    AccessProblem.NO_ROLE: phrase("Give at least one role."),
    AccessProblem.NOT_A_PERSON: phrase("A case system signs in with a token: closeout token add"),
    AccessProblem.WORKER_NEEDED: phrase("The role worker needs --worker: whose phone it is."),
    AccessProblem.UNKNOWN_WORKER: _UNKNOWN_WORKER,
    AccessProblem.UNKNOWN_ACCOUNT: phrase("There is none of that name."),
    AccessProblem.SYSTEM_NEEDED: phrase(
        "A token for cases or outcomes is for one case system: name it by --case-system, as its mapping does."
    ),
    AccessProblem.UNKNOWN_EMPLOYER: phrase("There is no employer of that name."),
    AccessProblem.OWNER_NEEDED: phrase("Say by --owner who answers for the token: a department or its mailbox."),
    AccessProblem.NOT_A_DEMO: phrase("This installation is no demo."),
}
_BACKUP: Mapping[BackupProblem, Text | Sentence] = {
    BackupProblem.NOT_CLEARED: _NOT_CLEARED,
    BackupProblem.NO_RECIPIENT: _NO_RECIPIENT,
    BackupProblem.BAD_RECIPIENT: _BAD_RECIPIENT,
    BackupProblem.SHARED_RECIPIENT: phrase(
        "One of these public keys also opens the newest backup of the other kind: who has it reads everything. "
        "Encrypt to somebody else, or say that it is meant so with --shared-recipient."
    ),
    BackupProblem.UNDER_WAY: phrase("Another backup or restore is under way here."),
    BackupProblem.NO_DUMP_PROGRAM: phrase(
        "pg_dump and pg_restore are not on this machine. Install PostgreSQL's client programs."
    ),
    BackupProblem.OLD_DUMP_PROGRAM: phrase(
        "pg_dump on this machine is older than the database server. Install the client programs of its version."
    ),
    BackupProblem.DUMP_FAILED: phrase(
        "PostgreSQL's own program did not do it. See the log of the database server; nothing is named as a backup."
    ),
    BackupProblem.BAD_IDENTITY: _BAD_IDENTITY,
    BackupProblem.NOT_FOR_THIS_KEY: phrase("This backup was encrypted to other people, not to this private key."),
    BackupProblem.NOT_WHOLE: phrase(
        "The file is no backup of closeout, or it was cut off or changed. Take another copy of it."
    ),
    BackupProblem.NO_BACKUP: phrase("The file opens, but it holds no backup of closeout that this version can read."),
    BackupProblem.OTHER_CONTENT: phrase(
        "What is in the backup is not what it says of itself. Keep it, take another, and have it investigated."
    ),
    BackupProblem.SCRATCH_NEEDED: phrase(
        "A backup of PostgreSQL is tried in an empty PostgreSQL database: name its address in a file with --scratch."
    ),
    BackupProblem.PLACE_TAKEN: phrase(
        "Something is there already: a database with tables, its journal, or other keys. It is left as it is. Restore "
        "where nothing is; what an interrupted restore left, you may delete."
    ),
    BackupProblem.OTHER_DATABASE: phrase(
        "The backup is of the other kind of database: SQLite and PostgreSQL are not restored into each other."
    ),
    BackupProblem.OTHER_VERSION: phrase(
        "The backup is of another version of closeout. Restore it with that version, then update."
    ),
    BackupProblem.OTHER_KEYS: phrase(
        "The keys here are not those of this database. Restore the backup of its keys first."
    ),
}
_MOVE: Mapping[MoveProblem, Text | Sentence] = {
    MoveProblem.NOT_EMBEDDED: phrase("This installation's database is not the embedded one; there is nothing to move."),
    MoveProblem.NOT_A_SERVER: phrase("The address is not of PostgreSQL: it begins with postgresql+psycopg://"),
    MoveProblem.PLACE_TAKEN: phrase("There are tables in that database already. Make an empty one."),
    MoveProblem.DIFFERS: phrase(
        "What arrived is not the same as what is here, so it was taken back and nothing is moved. Check the old "
        "database with: closeout doctor"
    ),
    MoveProblem.MOVED_ALREADY: phrase("This database was moved already, and what is at that address is not its copy."),
}
_RESTORE: Mapping[RestoreProblem, Text | Sentence] = {
    RestoreProblem.NOT_RESTORED: phrase("The log agrees with every signed checkpoint: there is no restore to accept."),
    RestoreProblem.NOT_CLEARED: _NOT_CLEARED,
    RestoreProblem.OWN: _SAID_ALREADY,
    RestoreProblem.SAME_ROLE: _SAID_IN_THIS_ROLE,
    RestoreProblem.SAYS_NOTHING: phrase("Say what was lost, in a sentence without names or numbers."),
    RestoreProblem.IDENTIFIER_IN_TEXT: _IDENTIFIER_IN_TEXT,
    RestoreProblem.TEXT_TOO_LONG: _TEXT_TOO_LONG,
    RestoreProblem.DAMAGED: phrase(
        "Entries of the log were changed. That is no restore: keep it, and have it investigated."
    ),
}
_RECORDS: Mapping[RecordsProblem, Text | Sentence] = {
    RecordsProblem.NOTHING_DIFFERS: phrase("The records are as the log says: there is nothing to accept."),
    RecordsProblem.NOT_CLEARED: _NOT_CLEARED,
    RecordsProblem.OWN: _SAID_ALREADY,
    RecordsProblem.OWN_ROWS: phrase("Your own account is among what has to be looked at. Others must say it."),
    RecordsProblem.SAME_ROLE: _SAID_IN_THIS_ROLE,
    RecordsProblem.ONE_MUST_BE_CLEARED: phrase(
        "One of the two must be the independent officer or the investigator. Ask them to look at the records."
    ),
    RecordsProblem.LOG_NOT_SOUND: phrase(
        "The log does not extend its newest signed checkpoint. That comes first. See: closeout log verify"
    ),
    RecordsProblem.SAYS_NOTHING: _SAYS_NOTHING,
    RecordsProblem.IDENTIFIER_IN_TEXT: _IDENTIFIER_IN_TEXT,
    RecordsProblem.TEXT_TOO_LONG: _TEXT_TOO_LONG,
}
_HEADS: Mapping[HeadsProblem, Text | Sentence] = {
    HeadsProblem.NOTHING_TO_MEND: phrase("The file of signed checkpoints is intact: there is nothing to mend."),
    HeadsProblem.NOT_CLEARED: _NOT_CLEARED,
    HeadsProblem.DOES_NOT_FIT: phrase(
        "The log does not match the checkpoints that can be read, so the file is not what is wrong. "
        "See: closeout log verify"
    ),
}
_WITNESS: Mapping[WitnessProblem, Text | Sentence] = {
    WitnessProblem.NOT_BEGUN: phrase("There is no witness in this folder. Make one with: closeout witness init NAME"),
    WitnessProblem.ALREADY_THERE: phrase("There is a witness in this folder already; it is left as it is."),
    WitnessProblem.BAD_NAME: phrase("A witness's name has no spaces and no plus, as in council.example/witness."),
    WitnessProblem.NO_LOG_KEY: phrase("That is no public key of a log. It begins with the log's name and a plus."),
    WitnessProblem.LOG_KNOWN: phrase("A log of that name is known here already, by this key or another one."),
    WitnessProblem.LOG_UNKNOWN: phrase("No log of that name is known here. See: closeout witness show"),
    WitnessProblem.BUSY: phrase("Another process serves this witness already."),
    WitnessProblem.AGREES: phrase("No witness of that name saw another history, so there is nothing to explain."),
}
_MAIL: Mapping[MailProblem, Text | Sentence] = {
    MailProblem.NOT_SET: phrase("No mail server is set, so nothing was sent. Set mail_server and mail_from."),
    MailProblem.NOT_ENCRYPTED: phrase("The connection to the mail server is not encrypted, so nothing was sent."),
    MailProblem.BAD_ADDRESS: phrase("The sender's address is not valid: correct mail_from."),
    MailProblem.UNREACHABLE: phrase("The mail server does not answer. Nothing was sent; try again later."),
    MailProblem.CERTIFICATE: phrase("The mail server's certificate is not trusted: set mail_ca_file."),
    MailProblem.LOGIN_REFUSED: phrase("The mail server refuses our login."),
    MailProblem.REFUSED: phrase("The mail server does not accept this mail."),
}
_OUTLET: Mapping[OutletProblem, Text | Sentence] = {
    OutletProblem.UNREACHABLE: phrase("It cannot be reached. It is tried again at the next time, and nothing is lost."),
    OutletProblem.CERTIFICATE: phrase("Its certificate cannot be trusted."),
    OutletProblem.REFUSED: phrase("It does not take what we send."),
}
_EVIDENCE: Mapping[EvidenceProblem, Text | Sentence] = {
    EvidenceProblem.GATE_CLOSED: Sentence(
        phrase(
            "DPIA and consent for monitoring of phone use are not in force: nothing was opened. Record "
            "them: closeout gate record --scope observation"
        ),
        phrase(
            "DPIA and consent for monitoring of phone use are not in force, so nothing was opened. Record "
            "them under {page}.",
            page=page_names.GATES,
        ),
    ),
    EvidenceProblem.OTHER_SUBJECTS: phrase(
        "This feed is about other subjects: phones and accounts are kept apart. Give the mapping another feed name."
    ),
    EvidenceProblem.UNKNOWN_FEED: Sentence(
        phrase("There is no feed of that name in use. See: closeout usage list"),
        phrase("There is no feed of that name in use."),
    ),
    EvidenceProblem.CLOSED_MEANWHILE: phrase(
        "DPIA or consent ended while the file was read: nothing of it was imported. Give the command again."
    ),
    EvidenceProblem.NOTHING_TO_UNDO: phrase(
        "Of that feed no file can be taken back: there is none, or a report was made or something withdrawn since."
    ),
    EvidenceProblem.UNKNOWN_DEVICE: phrase("No address book names a phone with that reference."),
    EvidenceProblem.NOT_THE_HOLDER: phrase(
        "Another worker has that phone. Correct the list, or the list of address books."
    ),
    EvidenceProblem.UNKNOWN_TEXT: phrase("There is no such text, or none was in force on that day in that language."),
    EvidenceProblem.TEXT_CHANGED: phrase(
        "The rules for usage data have other words for a text that is recorded. Give changed words a "
        "version of their own."
    ),
    EvidenceProblem.IN_FUTURE: _IN_FUTURE,
    EvidenceProblem.SCAN_NEEDED: Sentence(
        phrase("A declaration on paper needs its scan: give it with --scan."),
        phrase("Choose the scan of the paper, at most 10 MB."),
    ),
    EvidenceProblem.UNKNOWN_DECLARATION: phrase("No declaration of that id waits for this."),
    EvidenceProblem.BAD_LIST: Sentence(
        phrase(
            "A line is not valid. Needed: device, worker, text, signed_on (2026-01-31). No numbers or names in texts."
        ),
        phrase("The text is too long, or holds a telephone number or an e-mail address."),
    ),
    EvidenceProblem.NOT_CLEARED: _NOT_CLEARED,
    EvidenceProblem.SECOND_PERSON: phrase("This needs two people and a reason."),
    EvidenceProblem.NO_CONSENT: phrase("The rules for usage data name no consent to this, so nobody looks."),
    EvidenceProblem.BEFORE_FIRST_LOOK: phrase(
        "Nothing was read in those days, so nothing is known about them. Choose a last day from the first reading on."
    ),
    EvidenceProblem.PERIOD: phrase("Reports are over whole months, two years at most."),
    EvidenceProblem.UNKNOWN_CONTEST: phrase("Nothing with that id awaits an answer."),
    EvidenceProblem.NOT_ASKED: phrase(
        "No named access with that id awaits a second person, or the request has run out."
    ),
    EvidenceProblem.NOT_OPEN: phrase("Only the two people can look, and only within a day of the approval."),
    EvidenceProblem.OTHER_DOOR: Sentence(
        phrase("This was asked on the pages: a second person approves there."),
        phrase("This was asked by command: a second person approves by command."),
    ),
    EvidenceProblem.WORKER_NOT_KNOWN: phrase(
        "This account is not linked to a worker, so what is about you could not be kept from you. Have "
        "an IT administrator link it (closeout account link), and ask on the pages."
    ),
    EvidenceProblem.LEADS_PEOPLE: phrase(
        "Managers of workers ask for no named access and approve none: it could be about those they lead."
    ),
    EvidenceProblem.ABOUT_THEMSELVES: phrase(
        "Contacts of your own are among them, so you neither ask for this nor approve it. Your own "
        "figures are on your own page."
    ),
    EvidenceProblem.BAD_REASON: phrase("The reason is too long, or holds a telephone number or an e-mail address."),
}
_ENOUGH_TODAY = phrase("That is all that one day allows. Go on tomorrow.")

_PACKAGE: Mapping[PackageProblem, Text | Sentence] = {
    PackageProblem.NOT_CLEARED: _NOT_CLEARED,
    PackageProblem.NOT_FOUND: _NOTHING_WAITS,
    PackageProblem.UNREADABLE: phrase(
        "What was recorded of evidence packages cannot be opened, so none is asked for or made. Tell an IT "
        "administrator."
    ),
    PackageProblem.SECOND_NOT_FIT: phrase(
        "Name the account of somebody else who may confirm it; of a package of an independent officer or investigator, "
        "one of these two."
    ),
    PackageProblem.NEEDS_MANDATE: phrase(
        "An investigator asks under an inquiry that is in force: name it with --mandate."
    ),
    PackageProblem.SAYS_NOTHING: _SAYS_NOTHING,
    PackageProblem.TEXT_TOO_LONG: _TEXT_TOO_LONG,
    PackageProblem.IDENTIFIER_IN_TEXT: _IDENTIFIER_IN_TEXT,
    PackageProblem.NO_RECIPIENT: _NO_RECIPIENT,
    PackageProblem.BAD_RECIPIENT: _BAD_RECIPIENT,
    PackageProblem.NOTHING_CHOSEN: phrase("Choose what goes into it: receipts, reports, or lines of the log."),
    PackageProblem.BAD_SEED: _BAD_SEED,
    PackageProblem.TOO_MUCH: phrase(
        "That is more than one package holds: 20,000 receipts, 10,000 lines of the log, 50 reports. Divide it."
    ),
    PackageProblem.UNKNOWN_LINE: phrase("The log has no line of that number."),
    PackageProblem.NOT_RESTRICTED: phrase("Only restricted lines are opened; all others can be read as they are."),
    PackageProblem.UNKNOWN_REPORT: phrase(
        "One of the reports is not there any more, is not made yet, or is not for the role of who asks."
    ),
    PackageProblem.OTHER_ANSWER: phrase(
        "Give the signed answers of inquiries that were confirmed, each unchanged, and no other file."
    ),
    PackageProblem.NOT_CONFIRMED: phrase("The second person has not confirmed it."),
    PackageProblem.OVER: phrase("It could be made for 30 days after it was confirmed. Ask for it anew."),
    PackageProblem.NOTHING_THERE: phrase(
        "There is nothing to put into it. What is postponed, unknown or not verified yet has no receipt."
    ),
    PackageProblem.BODY_GONE: phrase("What stands behind one of the restricted lines cannot be opened any more."),
    PackageProblem.LOG_NOT_SOUND: _LOG_NOT_SOUND,
    PackageProblem.CHANGED: phrase(
        "Made now it would not be the same as the first time: records, keys or closeout itself have changed since. Use "
        "the file from then, or ask for it anew."
    ),
    PackageProblem.FILE_THERE: phrase("There is a file of that name in the folder already; nothing was written."),
    PackageProblem.NO_STAMP: phrase(
        "The time-stamp authority did not answer, or not to what was asked. Try again, or make it with --no-time-stamp."
    ),
    PackageProblem.BAD_IDENTITY: _BAD_IDENTITY,
    PackageProblem.NOT_FOR_THIS_KEY: phrase("This file was encrypted to other people, not to this private key."),
}
_INQUIRY: Mapping[InquiryProblem, Text | Sentence] = {
    InquiryProblem.NOT_CLEARED: _NOT_CLEARED,
    InquiryProblem.NOT_FOUND: _NOTHING_WAITS,
    InquiryProblem.UNREADABLE: phrase(
        "What was recorded of inquiries cannot be opened, so nothing is asked or answered. Tell an IT administrator."
    ),
    InquiryProblem.ABOUT_YOU: phrase(
        "It is about you, or about somebody whose line you are, or nobody knows whom you lead. Others have to do it."
    ),
    InquiryProblem.SECOND_NOT_FIT: phrase(
        "Choose somebody else who takes part in inquiries, whom it is not about and who does not lead that worker."
    ),
    InquiryProblem.UNKNOWN_WORKER: _UNKNOWN_WORKER,
    InquiryProblem.UNKNOWN_PHONE: phrase(
        "That phone reads none of this worker's address books now. Leave it empty to ask about all of them."
    ),
    InquiryProblem.DAYS: phrase("The last day lies before the first one, or in the future."),
    InquiryProblem.ENDS: phrase("Choose a day from today on, at most a year ahead."),
    InquiryProblem.SAYS_NOTHING: _SAYS_NOTHING,
    InquiryProblem.TEXT_TOO_LONG: _TEXT_TOO_LONG,
    InquiryProblem.IDENTIFIER_IN_TEXT: _IDENTIFIER_IN_TEXT,
    InquiryProblem.NO_LIST: phrase("No line of the list holds a telephone number or an e-mail address."),
    InquiryProblem.TOO_MANY_LINES: phrase("The list has more than 10,000 lines. Divide it."),
    InquiryProblem.OTHER_LIST: phrase("This is another list than the one that was approved. Give that one again."),
    InquiryProblem.OVER: phrase("The inquiry, or what was approved, is over. Ask again, or record a new mandate."),
    InquiryProblem.ENOUGH_TODAY: _ENOUGH_TODAY,
}
_CLIENT_QUESTION: Mapping[ClientQuestionProblem, Text | Sentence] = {
    ClientQuestionProblem.NOT_CLEARED: _NOT_CLEARED,
    ClientQuestionProblem.UNREADABLE: phrase(
        "What was recorded of questions cannot be opened, so nobody is answered. Tell an IT administrator."
    ),
    ClientQuestionProblem.NOT_ONE_NUMBER: phrase("Type one telephone number or one e-mail address, and nothing else."),
    ClientQuestionProblem.NO_PERSON_OF_CASE: phrase(
        "One a line, five at most: a case number, a hyphen and the code of the person in it, such as 100001-B."
    ),
    ClientQuestionProblem.IDENTIFIER_IN_TEXT: _IDENTIFIER_IN_TEXT,
    ClientQuestionProblem.ENOUGH_TODAY: _ENOUGH_TODAY,
    ClientQuestionProblem.LETTER_OVER: phrase("This letter was not taken in time. Ask again to get it."),
}


def _by_set(*tables: Mapping[Any, Text | Sentence]) -> Mapping[type[Problem], Mapping[Problem, Text | Sentence]]:
    """Under the set that a table is of: members of two sets can be equal to Python, as both are strings."""
    return {type(next(iter(table))): table for table in tables}


REFUSALS = _by_set(
    _SETUP,
    _CONNECTION,
    _PLACES,
    _DEVICES,
    _DECISION,
    _CLOSURE,
    _PLAN,
    _ENGINE,
    _SUBSCRIPTION,
    _PAUSE,
    _ACCESS,
    _BACKUP,
    _MOVE,
    _RESTORE,
    _RECORDS,
    _HEADS,
    _WITNESS,
    _MAIL,
    _OUTLET,
    _EVIDENCE,
    _INQUIRY,
    _CLIENT_QUESTION,
    _PACKAGE,
    API_PROBLEMS,
    BODY_PROBLEMS,
)
