"""The policy in force, as data: every parameter a decision may read, typed and bounded; no file is read here."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

from server.core.model import ContactClass, StatedPlace, Tier
from server.core.policy.retention import RetentionTerm


class ConfirmedBy(StrEnum):
    """Whose word it is that a final closure was confirmed in writing (DOMAIN L11, L15)."""

    REGISTER = "register"
    """The case system's alone."""
    WORK_SUPERVISOR = "work_supervisor"
    """The case system's where it tells of one, else that of a work supervisor of the team."""


class CountedFrom(StrEnum):
    """From which day of a case the months of monitoring are counted (DOMAIN 14.5: the documents do not say)."""

    TRANSFER = "transfer"
    """The day on which the case was handed over."""
    START_OF_PHASE = "start_of_phase"
    """The day on which monitoring began; where the register has no day, the one on which it was first seen to."""
    CASE_FIELD = "case_field"
    """A date of the organisation's own choosing, in the export of the case system."""


class WindowUnit(StrEnum):
    """What the days of a window are counted in."""

    DAYS = "days"
    WORKING_DAYS = "working_days"
    """Of the Netherlands: no weekends, no public holidays."""


@dataclass(frozen=True, slots=True)
class TierLimit:
    """One tier of deviation that is open (DOMAIN 9). longest_days: calendar days from when it is recorded."""

    tier: Tier
    longest_days: int
    partner_required: bool
    """Who was consulted must be named (DOMAIN V3)."""


@dataclass(frozen=True, slots=True)
class AttestationRules:
    """What workers are asked to state once a case of theirs is finally closed. Days are calendar days in Amsterdam.

    places: which are asked about, in that order. remind_days: after how many days an open question is reminded of,
    rising, all of them before it lapses. open_days: how long it stands open; counts_days: how long an answer counts.
    """

    places: tuple[StatedPlace, ...]
    remind_days: tuple[int, ...]
    open_days: int
    counts_days: int


@dataclass(frozen=True, slots=True)
class Policy:
    """What an organisation decided. No default is law: the documents give no number of days (DOMAIN 0).

    version: names the text; it stays with every order planned under it. Days are calendar days.
    """

    version: str
    grace_days: int
    """From confirmed final closure, end of assignment, or first sighting of a never assigned worker (14.1, 6 and 7)."""
    staleness_hours: int
    """A register read longer ago than this decides nothing (14.1, 2)."""
    monitoring_window_days: int
    """Either side of a planned contact moment, in `window_unit` (14.5)."""
    require_recorded: bool
    """Remove only what the register or an attestation calls recorded in the case file (12 C1)."""
    former_number_days: int
    """A number that stopped being the client's longer ago than this may be somebody else's by now: a person decides."""
    tombstone_days: int
    """How long a removed identifier is watched for coming back."""
    max_removals: int
    """A plan that removes more than this waits for release."""
    max_share: float
    """A plan that removes more than this share of all governed contacts seen waits for release."""
    max_closures_factor: float
    """An import that closes more than this many times the usual number of cases stops and asks."""
    classes_that_stay: frozenset[ContactClass] = frozenset(
        {ContactClass.PROFESSIONAL, ContactClass.COLLEAGUE, ContactClass.CHAIN_PARTNER}
    )
    case_numbers: tuple[str, ...] = field(default=())
    """Patterns by which a case number is known in the text of an entry (regular expressions, whole words)."""
    share_from: int = 1
    """A plan of fewer removals than this never waits for its share: at a small site a few contacts are a large one."""
    deviation_tiers: tuple[TierLimit, ...] = ()
    """The tiers that are open, the lightest first; a tier that is not here is closed."""
    look_hours: int = 24
    """How often every place is read in full, whatever events said."""
    answer_days: int = 14
    """How long a worker may take to answer a question about a card of their own book; then a person is asked."""
    stubborn_days: int = 0
    """A phone not seen fetching for this long after a removal was proven is proposed to have its managed contacts
    account taken off and put on again; a person releases it. 0: never proposed."""
    closure_confirmed_by: ConfirmedBy = ConfirmedBy.REGISTER
    """Whose confirmation of a final closure counts (14.1, 6)."""
    correction_days: int = 14
    """A number that stood in a case for fewer days before it was overwritten may have been a slip: a person decides."""
    planned_months: tuple[int, ...] = ()
    """Months after the start of monitoring at which contact is planned at the least, rising (14.5)."""
    counted_from: CountedFrom = CountedFrom.TRANSFER
    extra_moments: bool = True
    """Whether days of the case system beside those months open a window."""
    window_unit: WindowUnit = WindowUnit.DAYS
    notice_days: int = 0
    """So long a worker has been told on their own page that a contact may go, before it does; 0: they are not told."""
    retention: tuple[RetentionTerm, ...] = ()
    """How long what closeout itself keeps is kept; of what is not here, nothing is destroyed."""

    report_only: bool = False
    """Everything is read and decided, and findings are opened as of a pilot; no book and no phone is changed."""

    puts_back: bool = False
    """What we removed ourselves and need asks for again is put back, in a card of ours with a label (12 C4)."""
    value_days: int = 0
    """How long the sealed value of what was removed is kept at most, to be put back."""

    attestation: AttestationRules | None = None
    """What is asked of places nobody can see; None: nothing is."""

    @property
    def longest_wait(self) -> timedelta:
        """The longest that anything waits for time alone under this policy; then it is decided again."""
        tiers = (each.longest_days for each in self.deviation_tiers)
        own = self.grace_days, self.notice_days, self.monitoring_window_days, self.former_number_days
        return timedelta(days=max(1, *own, *tiers))
