"""The nouns: frozen data that the rooms pass to each other; no behaviour beyond what a value can say of itself.

Words are those of the house (server/README.md): one per thing, in code, pages, documents and log.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import NamedTuple

from mdm_adapters.port import Token


class _Word(StrEnum):
    """A closed set whose members are looked up by the hundred thousand: hashed as the words they are, in C."""

    __hash__ = str.__hash__


class Phase(_Word):
    """Where a case is in its life (DOMAIN 3 and 14.1). CLOSED alone is a status: only a confirmed closure counts."""

    ADVICE_OPEN = "advice_open"
    TRIAGE = "triage"
    WAITING = "waiting"
    CONDITIONS_FOLLOWUP = "conditions_followup"
    INVESTIGATION = "investigation"
    TRANSFER_PENDING = "transfer_pending"
    MONITORING = "monitoring"
    CLOSED = "closed"


OPEN_PHASES = frozenset(Phase) - {Phase.MONITORING, Phase.CLOSED}
"""The phases in which an assigned worker needs the client's number (DOMAIN 14.1, rule 4)."""


class ContactClass(_Word):
    """Whose identifier it is."""

    CLIENT = "client"
    REPORTER = "reporter"
    PROFESSIONAL = "professional"
    COLLEAGUE = "colleague"
    CHAIN_PARTNER = "chain_partner"


class Decision(_Word):
    """The answer of `core.need`, in the order in which answers combine (the first that any case gives wins)."""

    KEEP = "keep"
    REVIEW = "review"
    DEFER = "defer"
    REMOVE_REPROVISIONABLE = "remove_reprovisionable"
    REMOVE = "remove"
    IGNORE = "ignore"


REMOVALS = frozenset({Decision.REMOVE, Decision.REMOVE_REPROVISIONABLE})
GOES = REMOVALS | {Decision.DEFER}
"""What has to go, now or later: to whoever is not cleared for holds often one thing (decision 0064)."""


class Reason(_Word):
    """Why, as people are told. There is one reason for every deferral, whatever its cause, so that a hold is silent."""

    NOT_IN_REGISTER = "not_in_register"
    CLASS_STAYS = "class_stays"
    REGISTER_STALE = "register_stale"
    LINK_UNKNOWN = "link_unknown"
    FORMER_NUMBER = "former_number"
    DEVIATION = "deviation"
    ASSIGNED = "assigned"
    MONITORING_WINDOW = "monitoring_window"
    MONITORING_OUTSIDE = "monitoring_outside"
    PLAN_UNKNOWN = "plan_unknown"
    NOT_RECORDED = "not_recorded"
    CLOSURE_UNCONFIRMED = "closure_unconfirmed"
    FINALLY_CLOSED = "finally_closed"
    NO_LONGER_ASSIGNED = "no_longer_assigned"
    NEVER_ASSIGNED = "never_assigned"
    DEFERRED = "deferred"


class PlanChange(NamedTuple):
    """What a work supervisor changed in a case's plan. months: 0: the day from which months are counted; else which of
    the policy's months; None: an extra contact. on: its day; None: that contact does not take place.
    """

    months: int | None
    on: date | None


class Monitored(NamedTuple):
    """What is known of the plan of a case in monitoring, whoever the worker is.

    transferred_on, monitoring_from, plan_counts_from: as the register says; None: it does not. seen_from: on which day
    an export first called the case monitored that was known as something else before. names_workers: the case system
    names somebody for a planned contact.
    """

    transferred_on: date | None = None
    monitoring_from: date | None = None
    plan_counts_from: date | None = None
    seen_from: date | None = None
    names_workers: bool = False
    changes: tuple[PlanChange, ...] = ()


class Link(NamedTuple):
    """One case through which worker W is or was linked to one identifier, with all that the need table asks.

    Every instant is aware (UTC). `assigned_until` is the end of the worker's latest assignment to the case, None
    while it runs; it means nothing unless `was_assigned`. `planned_moments` are those of the monitoring plan that
    name this worker. `read_at` is when the case system's register was last read soundly; None: never.
    """

    case: int
    contact_class: ContactClass
    phase: Phase
    read_at: datetime | None
    linked: bool = True
    """False: the register does not say whether this identifier belongs to the case."""
    was_assigned: bool = False
    assigned_now: bool = False
    assigned_until: datetime | None = None
    closed_at: datetime | None = None
    """When the final closure was confirmed in writing (DOMAIN L11); None: not confirmed."""
    recorded: bool = False
    """The register, or an attestation, says the communication is recorded in the case file (DOMAIN C1)."""
    planned_moments: tuple[date, ...] = ()
    deviation_until: datetime | None = None
    former_since: datetime | None = None
    """When the identifier stopped being this person's; None: still is."""
    confirmed_at: datetime | None = None
    """From when a work supervisor's confirmation of the final closure counts; None: there is none in force. Whether it
    decides anything is for the policy to say."""
    since_at: datetime | None = None
    """When the register first said that the identifier belongs to the case; told of what it names no more."""
    gone_at: datetime | None = None
    """When the register ceased to say so: the identifier was overwritten or taken out there. None: it still does."""
    theirs: bool = False
    """A person said after looking that a former identifier is still this person's."""
    monitored: Monitored | None = None
    """What is known of the plan of a case in monitoring; None: nothing but `planned_moments`."""


class Whose(StrEnum):
    """What a person said after looking whose an identifier is, where the register does not tell, or tells no more."""

    THEIRS = "theirs"
    """Of the person of the case: the rules hold for it."""
    NOT_THEIRS = "not_theirs"
    """Of somebody else: it is nobody's business."""


class Need(NamedTuple):
    """May this worker have this contact now, and why.

    case: the case that decided (None: no match). basis: the event that the episode of this need hangs on (closure,
    end of assignment, first sighting): it makes a later closure a new order. next_at: when time alone may change the
    answer. Neither `basis` nor `next_at` of a deferral is ever shown. held: a hold made it a deferral; shown to nobody
    without clearance.
    """

    decision: Decision
    reason: Reason
    policy: str
    case: int | None = None
    basis: str = ""
    next_at: datetime | None = None
    held: bool = False

    def __repr__(self) -> str:
        """Without `held`: what is printed by accident tells no hold."""
        shown = zip(self._fields[:-1], self[:-1], strict=True)
        return f"Need({', '.join(f'{name}={value!r}' for name, value in shown)})"


class State(_Word):
    """What the engine does next with an order. What people are told is the reason, another column."""

    WAITING = "waiting"
    """Nothing, until the plan is released."""
    READY = "ready"
    """Call the vendor when due."""
    CALLING = "calling"
    """A lease runs: somebody is calling, or died doing so."""
    CHECKING = "checking"
    """Look again: the vendor accepted it, and accepted is never removed."""
    DONE = "done"
    """Nothing: settled once, by proof."""
    STOPPED = "stopped"
    """Nothing, unless a later pass calls for it again."""
    PERSON = "person"
    """Nothing, until a person has looked."""


SETTLED = frozenset({State.DONE})
OPEN_STATES = frozenset(State) - SETTLED - {State.STOPPED}


class Verb(StrEnum):
    """What an order asks."""

    REMOVE = "remove"


class Level(StrEnum):
    """How we know. Never merged, never rounded up (VENDORS 4)."""

    ORDERED = "ordered"
    STORE_REMOVED = "store_removed"
    DEVICE_SYNCED = "device_synced"
    DEVICE_ATTESTED = "device_attested"
    CONTAINER_REMOVED = "container_removed"


class Presence(StrEnum):
    """What was last seen of an identifier at a place. Unknown is never absent."""

    PRESENT = "present"
    ABSENT = "absent"
    UNKNOWN = "unknown"


class PushState(StrEnum):
    """What became of what a program pushed."""

    APPLIED = "applied"
    """The register says it."""
    STOPPED = "stopped"
    """Nothing went in: the breaker asks a person first."""


class DeviceUse(StrEnum):
    """Whose a phone is: one worker's, a desk's with several workers, or lent out for a while."""

    OWN = "own"
    SHARED = "shared"
    LOAN = "loan"


class Tier(StrEnum):
    """Whose decision a deviation is (DOMAIN 9)."""

    SELF = "self"
    CONSULT = "consult"
    BOARD = "board"


class Role(StrEnum):
    """Who is asking (decision 0008). CLEARED_FOR_CASES may see case numbers and workers, CLEARED_FOR_HOLDS holds."""

    IT_ADMINISTRATOR = "it_administrator"
    PRIVACY_OFFICER = "privacy_officer"
    DATA_PROTECTION_OFFICER = "data_protection_officer"
    INDEPENDENT_OFFICER = "independent_officer"
    INVESTIGATOR = "investigator"
    WORK_SUPERVISOR = "work_supervisor"
    LINE_MANAGER = "line_manager"
    WORKER = "worker"
    CASE_SYSTEM = "case_system"
    AUDITOR = "auditor"


CLEARED_FOR_CASES = frozenset({Role.PRIVACY_OFFICER, Role.INDEPENDENT_OFFICER, Role.INVESTIGATOR})
CLEARED_FOR_HOLDS = frozenset({Role.INDEPENDENT_OFFICER, Role.INVESTIGATOR})


class StatedPlace(StrEnum):
    """Where a number can be saved and nobody but its worker can look (DOMAIN F26). Never messages or lists of calls:
    those nobody is asked to touch.
    """

    PHONE_BOOK = "phone_book"
    """The phone's own address book."""
    SIM = "sim"
    CALL_LIST = "call_list"
    """Names saved from it, such as favourites; not the list itself."""
    WHATSAPP = "whatsapp"
    """Contacts saved there; not conversations."""
    PERSONAL_CLOUD = "personal_cloud"
    PAPER = "paper"


class StatedAnswer(StrEnum):
    """What a worker says of such a place: the numbers are gone, none were there, or it cannot be done."""

    DONE = "done"
    NOT_THERE = "not_there"
    CANNOT = "cannot"


class FindingKind(StrEnum):
    """Something a person must look at: a question in neutral words, never a verdict."""

    WITHOUT_ASSIGNMENT = "without_assignment"
    """A client's contact with a worker who was never assigned: cover, consultation and duty are ordinary answers."""
    REAPPEARED = "reappeared"
    """A contact is back where it was proven absent."""
    UNREADABLE_ENTRY = "unreadable_entry"
    """An entry could not be read: nothing can be called absent in its place until a person has looked."""
    NUMBER_OVERWRITTEN = "number_overwritten"
    """The register names an identifier no more that it once linked to a case, and it is still in an address book."""
    CASE_NUMBER_ENTRY = "case_number_entry"
    """An entry shows a case number but no identifier that the register knows."""
    MIXED_UNCLEAR = "mixed_unclear"
    """A client's identifier stands where it cannot be cut without touching what is private."""
    PLACE_UNSEEN = "place_unseen"
    """A place could not be read."""
    EMPTY_BOOK = "empty_book"
    """A place that held many contacts is empty all at once, and not by our doing: that alone proves nothing."""
    UNSTEADY_ENTRY = "unsteady_entry"
    """An entry is another each time it is to be removed: its store, or somebody, writes it again and again."""
    ORDER_STUCK = "order_stuck"
    """An order needs a person."""
    DECLARATION_MISSING = "declaration_missing"
    """Nobody signed for this device, or the signature was ended. This and the next ones are about a paper only."""
    DECLARATION_EXPIRED = "declaration_expired"
    DECLARATION_OBSOLETE = "declaration_obsolete"
    """Another text has come in its place."""
    DECLARATION_OTHER_DEVICE = "declaration_other_device"
    """Signed, but for the device before this one."""
    DECLARATION_NOT_COUNTERSIGNED = "declaration_not_countersigned"
    LOAN_AGREEMENT_MISSING = "loan_agreement_missing"
    PHONE_UNPROTECTED = "phone_unprotected"
    """A phone told that apps outside management can read managed contacts, or that our profile is not on it."""
    PHONE_WITHOUT_ACCOUNT = "phone_without_account"
    """A phone told that the organisation's managed contacts account is not on it."""


ABOUT_DECLARATIONS = frozenset(
    {
        FindingKind.DECLARATION_MISSING,
        FindingKind.DECLARATION_EXPIRED,
        FindingKind.DECLARATION_OBSOLETE,
        FindingKind.DECLARATION_OTHER_DEVICE,
        FindingKind.DECLARATION_NOT_COUNTERSIGNED,
        FindingKind.LOAN_AGREEMENT_MISSING,
    }
)
"""Findings about a declaration. Of what a phone was used for there are none, and never will be."""


ABOUT_PHONES = frozenset({FindingKind.PHONE_UNPROTECTED, FindingKind.PHONE_WITHOUT_ACCOUNT})
"""Findings about how a phone is set up: the organisation's to mend, not its holder's fault."""


class Disposition(StrEnum):
    """What became of a finding: none ends as nothing. Which of them a kind may end as: `core.removal.finding_terms`."""

    EXPLAINED = "explained"
    """There is an ordinary explanation: cover, consultation, duty, a restored phone."""
    PUT_RIGHT = "put_right"
    REGISTER_WRONG = "register_wrong"
    """The case system was wrong, and is corrected there."""
    NOTHING_THERE = "nothing_there"
    """A person looked, and nothing of a client is in it."""
    PASSED_ON = "passed_on"
    """The organisation's procedure for incidents goes on with it."""
    UNFOUNDED = "unfounded"
    """There was nothing to it, and it says nothing of anybody."""
    ACCEPTED = "accepted"
    """It cannot be put right, and the reason says why it is left."""
    BY_ITSELF = "by_itself"
    """What it asked about was gone before anybody concluded anything; no person's choice."""
    IN_WORDS = "in_words"
    """Concluded in words alone, before there was a choice; no person's choice any more."""


class GateScope(StrEnum):
    """What a gate opens. Consent to removing contacts is none to observing how phones are used."""

    REMOVAL = "removal"
    OBSERVATION = "observation"


@dataclass(frozen=True, slots=True)
class Pair:
    """A worker and one identifier: what events make due and passes decide."""

    worker: int
    token: Token
