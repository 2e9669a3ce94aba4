"""What we say of every closed set, in Dutch and English; no layout, no decision. `sentences` says how it is written.

Every member of a closed set that people may meet has its sentence here; a test goes through them all.

Words kept apart (DOMAIN 16): `verwijderen` is for a contact, `wissen` for a whole phone and not used here; nothing here
judges a person.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from mdm_adapters.port import Capability, Fault, Outcome, Shape, Support
from server.core.hold_record import Requester
from server.core.inquiry_record import LedgerQuestion, LedgerStanding, MandateStanding
from server.core.model import (
    ContactClass,
    Decision,
    Disposition,
    FindingKind,
    GateScope,
    Level,
    Phase,
    Presence,
    Reason,
    Role,
    State,
    StatedAnswer,
    StatedPlace,
    Tier,
    Verb,
)
from server.core.package_record import Addressee, PackageBasis, PackageStanding
from server.core.removal.closures import ClosureEnd
from server.core.removal.monitoring import PlannedBy
from server.core.removal.reviews import Act
from server.core.reports.client_answer import IdentityCheck, SafeChannel
from server.core.reports.controls import Basis
from server.core.reports.coverage import Freshness, Sight, SourceKind, Spot
from server.core.reports.ledger import InBooks, NumberStanding
from server.core.reports.removals import View
from server.core.tables import Mark
from server.core.text import Text, phrase
from server.core.usage.channels import BlindSpot, Ground, Position, Trend
from server.core.usage.declarations import Cause, DeclarationState, UsageOutcome
from server.core.usage.model import Confidence, Counterparty, Quantity
from server.render import page_names, phone_words
from server.render.admin import connections
from server.render.sentences import Sentences


@dataclass(frozen=True, slots=True)
class Advice:
    """What happened, and what the reader can do about it."""

    what: Text
    do: Text


NOTHING_TO_DO = phrase("Nothing needs to be done.")

FAULTS: Mapping[Fault, Advice] = {
    Fault.WRONG_CREDENTIALS: Advice(
        phrase("The server does not accept the user name or the password"),
        phrase("Check the service account of this address book. Then run: closeout place check"),
    ),
    Fault.FORBIDDEN: Advice(
        phrase("The server knows the account, but does not allow this"),
        phrase(
            "Give the service account the right to read and remove contacts in this address book. Then run: "
            "closeout place check"
        ),
    ),
    Fault.PLACE_GONE: Advice(
        phrase("The server says that this address book does not exist"),
        phrase(
            "Find out whether the address book was moved, and put its new address in the list of address "
            "books. Until then nothing is known of what was in it."
        ),
    ),
    Fault.TIMED_OUT: Advice(
        phrase("The server did not answer in time"),
        phrase("It is tried again by itself. If it goes on for a day, ask the administrator of the server."),
    ),
    Fault.NO_CONNECTION: Advice(
        phrase("There is no connection with the server"),
        phrase(
            "It is tried again by itself. If it goes on, check the name of the server, the network and the firewall."
        ),
    ),
    Fault.ADDRESS_REFUSED: Advice(
        phrase("The name of the server leads to an address that may not be called"),
        phrase(
            "If the server is in your own network, say so at the connection (network: own). If not, the "
            "name leads to the wrong machine: have it investigated before anything else."
        ),
    ),
    Fault.DROPPED: Advice(
        phrase("The connection broke off before the answer came"),
        phrase(
            "It is not known yet whether the server did what was asked; the address book is read again by "
            "itself. If it happens often, ask the administrator of the server."
        ),
    ),
    Fault.CERTIFICATE: Advice(
        phrase("The certificate of the server cannot be trusted"),
        phrase(
            "Have the certificate renewed, or name the root certificate of your organisation in the settings. "
            "The check itself cannot be switched off."
        ),
    ),
    Fault.THROTTLED: Advice(
        phrase("The server asks us to go slower"),
        phrase("It goes on by itself after the time that the server asked for. If it lasts, ask for a wider limit."),
    ),
    Fault.SERVER_ERROR: Advice(
        phrase("The server has a fault of its own"),
        phrase(
            "It is tried again by itself. If it goes on, tell the administrator of the server at what time it happened."
        ),
    ),
    Fault.REDIRECTED: Advice(
        phrase("The server sends us on to another address"),
        phrase(
            "Find out whether the address book was moved, and put its new address in the list of address "
            "books. A password is never sent to another server."
        ),
    ),
    Fault.NOT_THE_PROTOCOL: Advice(
        phrase("What answers is not a contact server"),
        phrase("Check the address: a sign-in page or another website may be answering."),
    ),
    Fault.BAD_BODY: Advice(
        phrase("The answer of the server cannot be read"),
        phrase("Nothing was concluded from it. Have the administrator of the server look at it."),
    ),
    Fault.TOO_LARGE: Advice(
        phrase("The answer of the server is too large"),
        phrase("Look for a very large entry in this address book, such as one with a large photograph."),
    ),
    Fault.NO_END: Advice(
        phrase("The list of the server has no end"),
        phrase(
            "The server keeps handing out pages. Nothing was concluded. Have the administrator of the "
            "server look at it."
        ),
    ),
    Fault.UNEXPECTED_STATUS: Advice(
        phrase("The server gives an answer that we do not know"),
        phrase("Nothing was concluded from it. Show the status number to the administrator of the server."),
    ),
    Fault.ACCEPTS_ANYTHING: Advice(
        phrase("The server says yes to everything, even to what it has to refuse"),
        phrase(
            "Its yes is worth nothing, so this address book is not used. Look for a proxy or a sign-in page "
            "between us and the server."
        ),
    ),
    Fault.SCOPE_TOO_WIDE: Advice(
        phrase("The application sees a mailbox that it has to be refused"),
        phrase(
            "Narrow it to the mailboxes of the workers concerned: in Exchange, with RBAC for Applications. "
            "Until then it can read everybody's contacts."
        ),
    ),
}

REASONS: Mapping[Reason, Text] = {
    Reason.NOT_IN_REGISTER: phrase("Not in the register: private, left alone"),
    Reason.CLASS_STAYS: phrase("A professional, a colleague or a partner, not a client"),
    Reason.REGISTER_STALE: phrase("The case register was read too long ago"),
    Reason.LINK_UNKNOWN: phrase("The register does not say whether this belongs to the case"),
    Reason.FORMER_NUMBER: phrase("A former number of the client, which may be somebody else's by now"),
    Reason.DEVIATION: phrase("A reasoned deviation lets it stay"),
    Reason.ASSIGNED: phrase("The worker is on the case and the case is open"),
    Reason.MONITORING_WINDOW: phrase("A planned contact in the monitoring phase is near"),
    Reason.MONITORING_OUTSIDE: phrase("The case is in its monitoring phase and no planned contact is near"),
    Reason.PLAN_UNKNOWN: phrase("The case is in the monitoring phase and nobody knows when contact is planned"),
    Reason.NOT_RECORDED: phrase("Nobody has said that the contact is recorded in the case file"),
    Reason.CLOSURE_UNCONFIRMED: phrase("The end of the case is not confirmed"),
    Reason.FINALLY_CLOSED: phrase("The case is finally closed"),
    Reason.NO_LONGER_ASSIGNED: phrase("The worker is no longer on the case"),
    Reason.NEVER_ASSIGNED: phrase("The worker was never on the case"),
    Reason.DEFERRED: phrase("Postponed by the policy"),
}

REASON_ADVICE: Mapping[Reason, Text] = dict.fromkeys(Reason, NOTHING_TO_DO) | {
    Reason.REGISTER_STALE: phrase("Import a recent export of the case system. Then it is decided again."),
    Reason.LINK_UNKNOWN: phrase("Have somebody who may see the case say in the case system whose number this is."),
    Reason.FORMER_NUMBER: phrase("Ask the worker whose number this is now, and record the answer in the case system."),
    Reason.PLAN_UNKNOWN: phrase(
        "Have the case system export from which day the months count, or the work supervisor say it on {page}.",
        page=page_names.MY_TEAM,
    ),
    Reason.NOT_RECORDED: phrase("Record the contact in the case file and confirm it. Then it is removed."),
    Reason.CLOSURE_UNCONFIRMED: phrase(
        "Have the final closure confirmed, in the case system or by the work supervisor as the policy says, or the "
        "case put right."
    ),
}

ACTS_OF_REVIEW: Mapping[Act, Text] = {
    Act.THEIRS: phrase("It is the client’s: the rules of the case hold for it"),
    Act.NOT_THEIRS: phrase("It is somebody else’s: leave it alone"),
    Act.RECORDED: phrase("It is recorded in the case file"),
    Act.KEEP: phrase("It stays until a day, for a reason"),
}
"""What a person can say of a contact that waits for them."""

DECISIONS: Mapping[Decision, Text] = {
    Decision.KEEP: phrase("May stay"),
    Decision.REVIEW: phrase("A person decides"),
    Decision.DEFER: phrase("Postponed"),
    Decision.REMOVE_REPROVISIONABLE: phrase("Remove; comes back when it is needed again"),
    Decision.REMOVE: phrase("Remove"),
    Decision.IGNORE: phrase("Private: left alone"),
}

LEVELS: Mapping[Level, Text] = {
    Level.ORDERED: phrase("Only scheduled"),
    Level.STORE_REMOVED: phrase("No longer in the address book"),
    Level.DEVICE_SYNCED: phrase("Synchronised by the phone"),
    Level.DEVICE_ATTESTED: phrase("Reported by the phone"),
    Level.CONTAINER_REMOVED: phrase("Work account gone from the phone"),
}

LEVEL_MEANINGS: Mapping[Level, Text] = {
    Level.ORDERED: phrase("We asked for it. Nothing is proven."),
    Level.STORE_REMOVED: phrase(
        "A later full reading of the address book on the server found it in no entry. A phone may still hold a copy."
    ),
    Level.DEVICE_SYNCED: phrase("After that the phone itself synchronised. We did not look on the phone."),
    Level.DEVICE_ATTESTED: phrase("An app on the phone looked there and signed that it found nothing."),
    Level.CONTAINER_REMOVED: phrase("The whole work account or work profile has gone from the phone."),
}

STATES: Mapping[State, Text] = {
    State.WAITING: phrase("Awaits approval of the plan"),
    State.READY: phrase("Will be carried out"),
    State.CALLING: phrase("Is being carried out"),
    State.CHECKING: phrase("Requested; will be read again"),
    State.DONE: phrase("Done: removal verified"),
    State.STOPPED: phrase("Stopped: no longer called for"),
    State.PERSON: phrase("Waits for a person"),
}

OUTCOMES: Mapping[Outcome, Text] = {
    Outcome.REMOVED: phrase("Removed the whole entry"),
    Outcome.TRIMMED: phrase("Cut out the client's details; the rest stayed"),
    Outcome.ALREADY_GONE: phrase("It was already gone"),
    Outcome.CHANGED: phrase("Left a card alone: it had changed meanwhile"),
    Outcome.UNCLEAR: phrase("Left a card alone: private details would have been affected"),
}

OUTCOME_ADVICE: Mapping[Outcome, Text] = dict.fromkeys(Outcome, NOTHING_TO_DO) | {
    Outcome.CHANGED: phrase("The address book is read again by itself, and then decided again."),
    Outcome.UNCLEAR: phrase("Ask the worker to take the client's details out of this entry."),
}

SHAPES: Mapping[Shape, Text] = {
    Shape.WHOLE: phrase("The entry holds the client's details only"),
    Shape.ASK: phrase("The entry holds more than the client's numbers and a name"),
    Shape.FIELD_UNREAD: phrase("A number in the entry cannot be read"),
    Shape.MIXED: phrase("The entry also holds details that are not the client's"),
    Shape.UNCLEAR: phrase("The client's details are in free text or between other details"),
    Shape.CASE_NUMBER: phrase("The entry shows a case number, but no number that the register knows"),
    Shape.UNREADABLE: phrase("The entry cannot be read"),
}

SHAPE_ADVICE: Mapping[Shape, Text] = dict.fromkeys(Shape, NOTHING_TO_DO) | {
    Shape.UNCLEAR: phrase("Ask the worker to take the client's details out of this entry."),
    Shape.ASK: phrase("Ask the worker to say on My phone whether all of it is about the client."),
    Shape.FIELD_UNREAD: phrase("Ask the worker to correct the number, or to say on My phone that it is right."),
    Shape.CASE_NUMBER: phrase(
        "Ask the worker what this entry is for. If it is a client's, have the number put in the case system."
    ),
    Shape.UNREADABLE: phrase(
        "Have the entry opened and saved again. Until then nothing in this address book counts as removed."
    ),
}

FINDINGS: Mapping[FindingKind, Text] = {
    FindingKind.WITHOUT_ASSIGNMENT: phrase("A client's contact with a worker who was never on the case"),
    FindingKind.REAPPEARED: phrase("A contact is back that was verified removed"),
    FindingKind.UNREADABLE_ENTRY: phrase("An entry, or a number in it, cannot be read"),
    FindingKind.NUMBER_OVERWRITTEN: phrase("A number was overwritten in the case system and is still on a phone"),
    FindingKind.CASE_NUMBER_ENTRY: phrase("An entry shows a case number, but no number that the register knows"),
    FindingKind.MIXED_UNCLEAR: phrase("A client's details are mixed with private details"),
    FindingKind.PLACE_UNSEEN: phrase("An address book could not be read"),
    FindingKind.EMPTY_BOOK: phrase("An address book with many contacts is empty all at once"),
    FindingKind.UNSTEADY_ENTRY: phrase("A contact is another each time it is to be removed"),
    FindingKind.ORDER_STUCK: phrase("An order waits for a person"),
    FindingKind.DECLARATION_MISSING: phrase("Nobody has signed the declaration for this phone"),
    FindingKind.DECLARATION_EXPIRED: phrase("The declaration for this phone has run out"),
    FindingKind.DECLARATION_OBSOLETE: phrase("The declaration that was signed has been replaced by another text"),
    FindingKind.DECLARATION_OTHER_DEVICE: phrase("The declaration was signed for another phone"),
    FindingKind.DECLARATION_NOT_COUNTERSIGNED: phrase("The employer has not signed the declaration yet"),
    FindingKind.LOAN_AGREEMENT_MISSING: phrase("There is no signed loan agreement for this phone"),
    FindingKind.PHONE_UNPROTECTED: phrase("A phone reports that its managed contacts are not closed to other apps"),
    FindingKind.PHONE_WITHOUT_ACCOUNT: phrase(
        "A phone reports that the organisation's managed contacts account is not on it"
    ),
}

DISPOSITIONS: Mapping[Disposition, Text] = {
    Disposition.EXPLAINED: phrase("There is an ordinary explanation"),
    Disposition.PUT_RIGHT: phrase("It was put right"),
    Disposition.REGISTER_WRONG: phrase("The case system was wrong, and is corrected there"),
    Disposition.NOTHING_THERE: phrase("Somebody looked: nothing of a client is in it"),
    Disposition.PASSED_ON: phrase("Passed on to our procedure for incidents"),
    Disposition.UNFOUNDED: phrase("Unfounded"),
    Disposition.ACCEPTED: phrase("It cannot be put right, and is left for this reason"),
    Disposition.BY_ITSELF: phrase("It was gone before anybody looked into it"),
    Disposition.IN_WORDS: phrase("Concluded in words alone"),
}

FINDING_ADVICE: Mapping[FindingKind, Text] = {
    FindingKind.WITHOUT_ASSIGNMENT: phrase(
        "Ask what it is for. Standing in for a colleague, consultation and front-office duty are ordinary answers."
    ),
    FindingKind.REAPPEARED: phrase(
        "Ask where it came from. A restored phone, an old copy and a client who rang are ordinary answers."
    ),
    FindingKind.UNREADABLE_ENTRY: phrase(
        "Have the entry opened, corrected and saved again. Until then nothing that may stand in it counts as removed."
    ),
    FindingKind.NUMBER_OVERWRITTEN: phrase(
        "It goes by the rules of its case as a former number. If it was a mistake, or may be somebody "
        "else’s, a person decides: under what waits for a person, say whose it is."
    ),
    FindingKind.CASE_NUMBER_ENTRY: SHAPE_ADVICE[Shape.CASE_NUMBER],
    FindingKind.MIXED_UNCLEAR: SHAPE_ADVICE[Shape.UNCLEAR],
    FindingKind.PLACE_UNSEEN: phrase("See under the sources what went wrong with this address book and what to do."),
    FindingKind.EMPTY_BOOK: phrase(
        "Ask the worker and the administrator of the server what happened. Until you close this "
        "finding, nothing there counts as removed."
    ),
    FindingKind.UNSTEADY_ENTRY: phrase(
        "Have the administrator of the server look why, or have the worker remove it. It is tried again "
        "once you close this."
    ),
    FindingKind.ORDER_STUCK: phrase("See under what is stuck what went wrong and what to do."),
    FindingKind.DECLARATION_MISSING: phrase("Ask the worker to read and sign it. It takes a minute."),
    FindingKind.DECLARATION_EXPIRED: phrase("Ask the worker to sign it again."),
    FindingKind.DECLARATION_OBSOLETE: phrase("Ask the worker to read and sign the text that is in force now."),
    FindingKind.DECLARATION_OTHER_DEVICE: phrase("Ask the worker to sign it for the present phone."),
    FindingKind.DECLARATION_NOT_COUNTERSIGNED: phrase("Have it signed for the employer. The worker need do nothing."),
    FindingKind.LOAN_AGREEMENT_MISSING: phrase("Have the loan agreement signed, and record it."),
    FindingKind.PHONE_UNPROTECTED: phrase(
        "Deploy the configuration profile with restrictions; the phone's page says what is missing."
    ),
    FindingKind.PHONE_WITHOUT_ACCOUNT: phrase(
        "Deploy the managed contacts account. Until then numbers may be saved elsewhere on the phone, "
        "where nothing can be removed."
    ),
}

CAPABILITIES: Mapping[Capability, Text] = {
    Capability.READ_CONTACTS: phrase("Read contacts"),
    Capability.REMOVE_CONTACTS: phrase("Remove whole entries"),
    Capability.TRIM_CONTACTS: phrase("Cut a client's details out of an entry"),
    Capability.PUT_CONTACTS: phrase("Put contacts in"),
    Capability.DELTA: phrase("Read only what changed"),
    Capability.GUARDED_WRITES: phrase("Refuse a change to an entry that was changed meanwhile"),
    Capability.ERASES_AT_ONCE: phrase("Keep no copy of what was removed"),
    Capability.DEVICE_SYNC_PROOF: phrase("Show that a phone synchronised"),
    Capability.EVENTS: phrase("Notify us when something changes"),
}

SUPPORT: Mapping[Support, Text] = {
    Support.YES: phrase("Yes"),
    Support.PARTLY: phrase("Partly"),
    Support.NO: phrase("No"),
}

PHASES: Mapping[Phase, Text] = {
    Phase.ADVICE_OPEN: phrase("Advice is being given"),
    Phase.TRIAGE: phrase("Triage"),
    Phase.WAITING: phrase("On the waiting list"),
    Phase.CONDITIONS_FOLLOWUP: phrase("Conditions and follow-up"),
    Phase.INVESTIGATION: phrase("Investigation of the case"),
    Phase.TRANSFER_PENDING: phrase("Being handed over to another organisation"),
    Phase.MONITORING: phrase("Monitoring of the household"),
    Phase.CLOSED: phrase("Closed"),
}

CLASSES: Mapping[ContactClass, Text] = {
    ContactClass.CLIENT: phrase("Client"),
    ContactClass.REPORTER: phrase("Person who reported the case"),
    ContactClass.PROFESSIONAL: phrase("Professional"),
    ContactClass.COLLEAGUE: phrase("Colleague"),
    ContactClass.CHAIN_PARTNER: phrase("Partner organisation"),
}

TIERS: Mapping[Tier, Text] = {
    Tier.SELF: phrase("Decided by the worker"),
    Tier.CONSULT: phrase("Decided after consultation"),
    Tier.BOARD: phrase("Decided by the board"),
}

REQUESTERS: Mapping[Requester, Text] = {
    Requester.POLICE: phrase("The police"),
    Requester.INTEGRITY_OFFICE: phrase("The integrity office"),
    Requester.MANAGEMENT: phrase("The management board"),
    Requester.OWN: phrase("Whoever set it, of their own accord"),
}

MANDATE_STANDINGS: Mapping[MandateStanding, Text] = {
    MandateStanding.WAITING: phrase("Waits for a second person"),
    MandateStanding.RAN_OUT: phrase("Ran out: nobody approved it in time"),
    MandateStanding.REFUSED: phrase("Not approved, or withdrawn"),
    MandateStanding.IN_FORCE: phrase("In force"),
    MandateStanding.ENDED: phrase("Ended"),
}

ADDRESSEES: Mapping[Addressee, Text] = {
    Addressee.DATA_PROTECTION_AUTHORITY: phrase("The data protection authority"),
    Addressee.INSPECTORATE: phrase("The inspectorate"),
    Addressee.COURT: phrase("The court"),
    Addressee.PUBLIC_PROSECUTOR: phrase("The public prosecutor"),
    Addressee.POLICE: phrase("The police"),
    Addressee.WORKS_COUNCIL: phrase("The works council"),
    Addressee.EXTERNAL_AUDITOR: phrase("The external auditor"),
    Addressee.LEGAL_COUNSEL: phrase("Legal counsel"),
}
PACKAGE_BASES: Mapping[PackageBasis, Text] = {
    PackageBasis.SUPERVISORY_POWERS: phrase("Powers of a supervisory authority"),
    PackageBasis.COURT_ORDER: phrase("Order of a court"),
    PackageBasis.CRIMINAL_DEMAND: phrase("Demand in a criminal investigation"),
    PackageBasis.CRIME_REPORT: phrase("Report to the police"),
    PackageBasis.LEGAL_CLAIM: phrase("Establishing or defending a legal claim"),
    PackageBasis.WORKS_COUNCIL_RIGHTS: phrase("Rights of the works council"),
    PackageBasis.LEGAL_OBLIGATION: phrase("Another legal obligation"),
    PackageBasis.LEGITIMATE_INTEREST: phrase("Legitimate interest"),
}
PACKAGE_STANDINGS: Mapping[PackageStanding, Text] = {
    PackageStanding.WAITING: phrase("Waits for a second person"),
    PackageStanding.RAN_OUT: phrase("Ran out: nobody approved it in time"),
    PackageStanding.REFUSED: phrase("Not approved, or withdrawn"),
    PackageStanding.OPEN: phrase("Confirmed: it can be made"),
    PackageStanding.OVER: phrase("Over"),
}

LEDGER_STANDINGS: Mapping[LedgerStanding, Text] = {
    LedgerStanding.WAITING: phrase("Waits for a second person"),
    LedgerStanding.RAN_OUT: phrase("Ran out: nobody approved it in time"),
    LedgerStanding.REFUSED: phrase("Not approved, or withdrawn"),
    LedgerStanding.OPEN: phrase("Approved: the two can look"),
    LedgerStanding.OVER: phrase("Over"),
}

LEDGER_QUESTIONS: Mapping[LedgerQuestion, Text] = {
    LedgerQuestion.NUMBERS: phrase("Whose the numbers of a list are"),
    LedgerQuestion.BOOKS: phrase("Which former clients were in the address books"),
}

IDENTITY_CHECKS: Mapping[IdentityCheck, Text] = {
    IdentityCheck.DOCUMENT: phrase("An identity document that you saw"),
    IdentityCheck.CALLED_BACK: phrase("Calling back on a number from the case file"),
    IdentityCheck.KNOWN: phrase("Their worker, who knows them"),
    IdentityCheck.FAILED: phrase("Not sure who it is"),
}

SAFE_CHANNELS: Mapping[SafeChannel, Text] = {
    SafeChannel.IN_PERSON: phrase("Handed over here"),
    SafeChannel.TELEPHONE: phrase("By telephone, on a safe number from the case file"),
    SafeChannel.POST: phrase("By post, to a safe address from the case file"),
    SafeChannel.REPRESENTATIVE: phrase("Through their lawyer, shelter or worker"),
}

IN_BOOKS: Mapping[InBooks, Text] = {
    InBooks.THERE: phrase("There"),
    InBooks.THERE_AGAIN: phrase("There again after a removal"),
    InBooks.UNKNOWN: phrase("Was there; now not known"),
    InBooks.REMOVED: phrase("Removed, and proven absent"),
    InBooks.GONE: phrase("Gone, no removal on record"),
    InBooks.NEVER: phrase("Never seen there"),
}

NUMBER_STANDINGS: Mapping[NumberStanding, Text] = {
    NumberStanding.CURRENT: phrase("Of this case"),
    NumberStanding.FORMER: phrase("A former number of it"),
    NumberStanding.OVERWRITTEN: phrase("Overwritten or taken out"),
    NumberStanding.FORGOTTEN: phrase("Known only from what closeout did"),
}

PLANNED_BY: Mapping[PlannedBy, Text] = {
    PlannedBy.POLICY: phrase("The policy"),
    PlannedBy.CASE_SYSTEM: phrase("The case system"),
    PlannedBy.WORK_SUPERVISOR: phrase("A work supervisor"),
}

CLOSURE_ENDS: Mapping[ClosureEnd, Text] = {
    ClosureEnd.ANSWERED_ANEW: phrase("Answered again"),
    ClosureEnd.WITHDRAWN: phrase("Withdrawn; nothing had been removed"),
    ClosureEnd.CORRECTED: phrase("Withdrawn after contacts had been removed"),
    ClosureEnd.LAPSED: phrase("Lapsed: the register now says something else about this case"),
}

ROLES: Mapping[Role, Text] = {
    Role.IT_ADMINISTRATOR: phrase("IT administrator"),
    Role.PRIVACY_OFFICER: phrase("Privacy officer"),
    Role.DATA_PROTECTION_OFFICER: phrase("Data protection officer (DPO)"),
    Role.INDEPENDENT_OFFICER: phrase("Independent officer"),
    Role.INVESTIGATOR: phrase("Investigator"),
    Role.WORK_SUPERVISOR: phrase("Work supervisor"),
    Role.LINE_MANAGER: phrase("Line manager"),
    Role.WORKER: phrase("Worker"),
    Role.CASE_SYSTEM: phrase("Case system"),
    Role.AUDITOR: phrase("Auditor"),
}

PRESENCES: Mapping[Presence, Text] = {
    Presence.PRESENT: phrase("Present"),
    Presence.ABSENT: phrase("Absent"),
    Presence.UNKNOWN: phrase("Not known"),
}

VERBS: Mapping[Verb, Text] = {Verb.REMOVE: phrase("Remove")}

SPOTS: Mapping[Spot, Text] = {
    Spot.MANAGED_ACCOUNT: phrase("Managed account"),
    Spot.LOCAL_BOOK: phrase("Address book of the phone itself"),
    Spot.PERSONAL_CLOUD: phrase("Personal cloud"),
    Spot.SIM: phrase("SIM card"),
    Spot.CALL_LOG_AND_SMS: phrase("Call list and SMS"),
    Spot.WHATSAPP: phrase("WhatsApp"),
    Spot.CALENDAR: phrase("Calendar"),
}

STATED_PLACES: Mapping[StatedPlace, Text] = {
    StatedPlace.PHONE_BOOK: phrase("The phone's own address book"),
    StatedPlace.SIM: phrase("The SIM card"),
    StatedPlace.CALL_LIST: phrase("Names saved from the call list: favourites, speed dial"),
    StatedPlace.WHATSAPP: phrase("Contacts saved in WhatsApp"),
    StatedPlace.PERSONAL_CLOUD: phrase("A personal account: iCloud, Google, Samsung, Outlook.com"),
    StatedPlace.PAPER: phrase("Paper"),
}

STATED_ANSWERS: Mapping[StatedAnswer, Text] = {
    StatedAnswer.DONE: phrase("Done: I took the numbers out"),
    StatedAnswer.NOT_THERE: phrase("There were none there"),
    StatedAnswer.CANNOT: phrase("I cannot, or I do not know how"),
}

SIGHTS: Mapping[Sight, Text] = {
    Sight.SEEN: phrase("Seen"),
    Sight.CLOSED: phrase("Blocked by configuration"),
    Sight.ATTESTED: phrase("Reported, not verified"),
    Sight.UNSEEN: phrase("Not seen"),
}

SOURCE_KINDS: Mapping[SourceKind, Text] = {
    SourceKind.CASE_SYSTEM: phrase("Case system"),
    SourceKind.PLACE: phrase("Address book"),
    SourceKind.DEVICE_LOG: phrase("Log of which phones synchronised"),
    SourceKind.PHONE_MANAGER: phrase("Device management (MDM): how phones are configured, not what is on them"),
}

FRESHNESS: Mapping[Freshness, Text] = {
    Freshness.FRESH: phrase("Recent enough"),
    Freshness.STALE: phrase("Too old"),
    Freshness.NEVER: phrase("Never read"),
}

DECLARATION_STATES: Mapping[DeclarationState, Text] = {
    DeclarationState.VALID: phrase("Valid"),
    DeclarationState.MISSING: phrase("Not signed"),
    DeclarationState.EXPIRED: phrase("Run out"),
    DeclarationState.OBSOLETE_TEXT: phrase("Signed under an earlier text"),
    DeclarationState.DEVICE_CHANGED: phrase("Signed for another phone"),
    DeclarationState.REVOKED: phrase("Ended"),
    DeclarationState.NOT_COUNTERSIGNED: phrase("Not signed by the employer yet"),
}

USAGE_OUTCOMES: Mapping[UsageOutcome, Text] = {
    UsageOutcome.OK: phrase("Above the declared share, however the unknown part is counted"),
    UsageOutcome.BORDERLINE: phrase("Exactly on the line"),
    UsageOutcome.ATTENTION: phrase("Not above the declared share: a reason to talk"),
    UsageOutcome.INDETERMINATE: phrase("Near the line: cannot be determined, too much is unknown"),
    UsageOutcome.INSUFFICIENT: phrase("Too little to tell"),
    UsageOutcome.NOT_MEASURABLE: phrase("Cannot be measured"),
    UsageOutcome.NO_DATA: phrase("Nothing was used"),
}

CAUSES: Mapping[Cause, Text] = {
    Cause.NO_SOURCE: phrase("No feed covers it"),
    Cause.WORK_PROFILE_ONLY: phrase("The feed sees the work side only"),
    Cause.RECORDED_ONLY: phrase("A case file shows business only"),
    Cause.NOT_ACCEPTED: phrase("The policy does not accept this kind of evidence"),
    Cause.TOO_MUCH_UNKNOWN: phrase("This feed leaves too much unknown"),
    Cause.TOO_FEW_LOOKS: phrase("This feed measures too seldom"),
    Cause.NOTHING_USED: phrase("No use at all"),
    Cause.SHARED_DEVICE: phrase("A phone for several people"),
    Cause.SEVERAL_WORKERS: phrase("The phone changed hands"),
    Cause.NOBODY: phrase("Nobody had the phone"),
    Cause.LONG_ABSENCE: phrase("Its worker was away for long"),
    Cause.JUST_HANDED_OUT: phrase("Handed out only recently: it is checked again each month"),
    Cause.LITTLE_IN_A_YEAR: phrase(
        "Too little even in a year, as with part-time work: only the declaration and the yearly talk count"
    ),
    Cause.FEW_DAYS: phrase("Used on few days"),
    Cause.LITTLE_USE: phrase("Little use"),
}

QUANTITIES: Mapping[Quantity, Text] = {
    Quantity.CALLS: phrase("Calls"),
    Quantity.MINUTES: phrase("Call minutes"),
    Quantity.MEGABYTES: phrase("Megabytes of mobile data"),
    Quantity.MESSAGES: phrase("Messages"),
    Quantity.SCREEN_MINUTES: phrase("Minutes on screen"),
    Quantity.CONTACTS: phrase("Customer contacts"),
}

CONFIDENCES: Mapping[Confidence, Text] = {
    Confidence.MEASURED: phrase("Measured"),
    Confidence.RECORDED: phrase("Recorded in the case file"),
    Confidence.SAMPLED: phrase("Estimated from samples"),
    Confidence.SELF_REPORTED: phrase("Stated by workers"),
}

GROUNDS: Mapping[Ground, Text] = {
    Ground.DEVIATION: phrase("A deviation was in force"),
    Ground.ASSIGNED: phrase("On the case, which was open"),
    Ground.MONITORING_WINDOW: phrase("A planned contact was near"),
    Ground.JUST_ENDED: phrase("Shortly after it ended"),
    Ground.AFTER_CLOSURE: phrase("After the final closure"),
    Ground.MONITORING_OUTSIDE: phrase("In the monitoring phase, no planned contact near"),
    Ground.NO_LONGER_ASSIGNED: phrase("No longer on the case"),
    Ground.NEVER_ASSIGNED: phrase("Never on the case"),
    Ground.NOT_KNOWN: phrase("The register does not say"),
}

COUNTERPARTIES: Mapping[Counterparty, Text] = {
    Counterparty.COLLEAGUE: phrase("Colleagues"),
    Counterparty.CLIENT: phrase("Clients"),
    Counterparty.FORMER_CLIENT: phrase("Former clients"),
    Counterparty.PROFESSIONAL: phrase("Professionals"),
    Counterparty.UNKNOWN: phrase("Not known with whom"),
}

TRENDS: Mapping[Trend, Text] = {
    Trend.UP: phrase("Up"),
    Trend.DOWN: phrase("Down"),
    Trend.STEADY: phrase("Steady"),
    Trend.NOT_CLEAR: phrase("Cannot be determined: too much is unknown"),
    Trend.NOT_COMPARABLE: phrase("Not comparable"),
}

POSITIONS: Mapping[Position, Text] = {
    Position.BELOW: phrase("Below the target range"),
    Position.WITHIN: phrase("Within the target range"),
    Position.ABOVE: phrase("Above the target range"),
    Position.NOT_CLEAR: phrase("Cannot be determined: the range of the share is too wide"),
    Position.NO_TARGET: phrase("No target set"),
    Position.NO_SHARE: phrase("No share"),
}

CHANNEL_BLIND_SPOTS: Mapping[BlindSpot, Text] = {
    BlindSpot.OWN_PHONES: phrase("Phones that are not the organisation's"),
    BlindSpot.LINKED_COMPUTERS: phrase("Messaging accounts that are open on other machines too"),
    BlindSpot.NOT_ENROLLED: phrase("Phones that are not under management"),
    BlindSpot.NO_INVENTORY: phrase("Apps on phones without an inventory"),
    BlindSpot.PRESENT_NOT_MEASURED: phrase("Use of an installed app that no feed measures"),
    BlindSpot.UNKNOWN_COUNTERPARTIES: phrase("With whom, where no index knows the number"),
    BlindSpot.WITHOUT_CHANNEL: phrase("Through which channel, where the feed does not say"),
    BlindSpot.COVERAGE_UNKNOWN: phrase("How many phones or accounts some figures cover"),
    BlindSpot.PARTLY_COVERED: phrase("Phones and accounts that no feed covers"),
    BlindSpot.DAYS_NOT_TOLD: phrase("The days that a feed does not cover: it stopped, began late or has a gap"),
}

GATE_SCOPES: Mapping[GateScope, Text] = {
    GateScope.REMOVAL: phrase("Contacts, to remove them"),
    GateScope.OBSERVATION: phrase("Monitoring of phone use (staff monitoring system)"),
}

BASES: Mapping[Basis, Text] = {
    Basis.READ: phrase("Its text was read"),
    Basis.TITLE: phrase("Its title; its text was not read"),
    Basis.NUMBERING: phrase("Its numbering, which follows ISO/IEC 27002:2022; its text was not read"),
}

MARKS: Mapping[Mark, Text] = {
    Mark.YES: phrase("Yes"),
    Mark.NO: phrase("No"),
    Mark.UNTRIED: phrase("Not tried"),
}

VIEWS: Mapping[View, Text] = {
    View.PERSON: phrase("With case numbers and workers, for cleared readers only"),
    View.OPAQUE: phrase("Without case numbers and workers"),
}


def _by_set(*tables: Mapping[Any, Text]) -> Mapping[type[StrEnum], Mapping[StrEnum, Text]]:
    """Tables under the closed set they are of: members of two sets can be equal to Python, as both are strings."""
    return {type(next(iter(table))): table for table in tables}


NAMES = _by_set(
    {fault: advice.what for fault, advice in FAULTS.items()},
    REASONS,
    DECISIONS,
    LEVELS,
    STATES,
    OUTCOMES,
    SHAPES,
    FINDINGS,
    DISPOSITIONS,
    CAPABILITIES,
    SUPPORT,
    PHASES,
    CLASSES,
    TIERS,
    REQUESTERS,
    MANDATE_STANDINGS,
    ADDRESSEES,
    PACKAGE_BASES,
    PACKAGE_STANDINGS,
    LEDGER_STANDINGS,
    LEDGER_QUESTIONS,
    IN_BOOKS,
    IDENTITY_CHECKS,
    SAFE_CHANNELS,
    NUMBER_STANDINGS,
    ROLES,
    CLOSURE_ENDS,
    PLANNED_BY,
    PRESENCES,
    VERBS,
    SPOTS,
    STATED_PLACES,
    STATED_ANSWERS,
    SIGHTS,
    SOURCE_KINDS,
    FRESHNESS,
    VIEWS,
    MARKS,
    BASES,
    GATE_SCOPES,
    DECLARATION_STATES,
    USAGE_OUTCOMES,
    CAUSES,
    QUANTITIES,
    CONFIDENCES,
    GROUNDS,
    COUNTERPARTIES,
    TRENDS,
    POSITIONS,
    CHANNEL_BLIND_SPOTS,
    *phone_words.TABLES,
    *connections.TABLES,
)
"""What each member of each closed set is called."""

ADVICE = _by_set(
    {fault: advice.do for fault, advice in FAULTS.items()},
    REASON_ADVICE,
    OUTCOME_ADVICE,
    SHAPE_ADVICE,
    FINDING_ADVICE,
    LEVEL_MEANINGS,
)
"""What a member means, or what to do about it, for the sets of which that is asked."""


class Words(Sentences):
    """One reader's language, with what each member of each closed set is called in it."""

    __slots__ = ()

    def name(self, code: StrEnum) -> str:
        """What a member of a closed set is called; its own value if it has no name yet."""
        text = NAMES.get(type(code), {}).get(code)
        return Sentences.name(self, code) if text is None else self.say(text)

    def advise(self, code: StrEnum) -> str:
        """What it means or what to do about it; its name where there is no more to say."""
        text = ADVICE.get(type(code), {}).get(code)
        return self.name(code) if text is None else self.say(text)
