"""The policy language: what may stand in a policy file, as typed and bounded models; nothing is read or decided here.

Every rule is written out in every policy: nothing is silently on, off or at some number (DOMAIN V7). Attributes are
finite, there are no expressions, so that what a policy means can be worked out by looking at it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from server.core.days import AMSTERDAM
from server.core.model import ContactClass, Decision, Disposition, Phase, Reason, StatedPlace
from server.core.policy.retention import RowKind, Span

_LOOSE = Field(strict=False)
"""YAML gives text where the model has a closed set."""


class Strictness(StrEnum):
    """Whether a rule is followed always, or leaves room for professional judgement (DOMAIN V5)."""

    STRICT = "STRICT"
    DISCRETIONARY = "DISCRETIONARY"


class OrganisationKind(StrEnum):
    """What sort of organisation a policy is for."""

    VEILIG_THUIS = "veilig_thuis"
    CARE_PROVIDER = "care_provider"
    OTHER = "other"


def _day(value: Any) -> date:
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d", value):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    raise PydanticCustomError("day", "a day that exists")


def _moment(value: Any) -> datetime:
    """A day is its first instant; both are local to Amsterdam and become UTC."""
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d( \d\d:\d\d)?", value):
        try:
            local = datetime.fromisoformat(value)
        except ValueError:
            pass
        else:
            return local.replace(tzinfo=AMSTERDAM).astimezone(UTC)
    raise PydanticCustomError("moment", "a moment that exists")


def _slug(value: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9-]{0,39}", value):
        raise PydanticCustomError("slug", "small letters, digits and dashes")
    return value


def _version(value: str) -> str:
    if not re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z.-]{0,19}", value):
        raise PydanticCustomError("version", "letters, digits, dots and dashes")
    return value


def _case_number(value: str) -> str:
    stands = re.fullmatch(r"[0-9A-Za-z]([0-9A-Za-z ./_-]{0,38}[0-9A-Za-z])?", value)
    if not stands or sum(char.isdigit() for char in value) < 3:
        raise PydanticCustomError("case_number", "a case number with three digits or more")
    return value


def _span(value: str) -> str:
    try:
        Span.read(value)
    except ValueError:
        raise PydanticCustomError("span", "a number of days, months or years") from None
    return value


Day = Annotated[
    date, BeforeValidator(_day), WithJsonSchema({"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"})
]
Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    WithJsonSchema({"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}( [0-9]{2}:[0-9]{2})?$"}),
]
Slug = Annotated[str, AfterValidator(_slug)]
Keep = Annotated[
    str,
    AfterValidator(_span),
    WithJsonSchema({"type": "string", "pattern": "^[1-9][0-9]{0,3} (day|month|year)s?$"}),
]
Sentence = Annotated[str, Field(min_length=1, max_length=600)]


class Part(BaseModel):
    """Any part of a policy file: frozen, strict in types, and no key that it does not know."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid", allow_inf_nan=False)


class Said(Part):
    """The same said in both languages."""

    nl: Sentence = Field(description="In Dutch.")
    en: Sentence = Field(description="In English.")

    def in_language(self, language: str) -> str:
        """As said in that language ("nl", "nl-NL", "en", ...); English for any other."""
        return self.nl if language.lower().startswith("nl") else self.en


class Citation(Part):
    """Where a rule comes from."""

    source: str = Field(description="The name of one of the sources of this policy.")
    place: Sentence | None = Field(default=None, description="Where in it: an article, a page, a recommendation.")
    quote: Sentence | None = Field(default=None, description="A few of its words, in its own language.")


class Rule(Part):
    """What every rule says of itself, whatever its parameters."""

    deviable: ClassVar[bool] = False
    """Whether a deviation can set this rule aside (DOMAIN 14.1: it outranks monitoring and closure)."""
    decides: ClassVar[bool] = True
    """Whether it can be why a contact stays or goes, so that an example can show it."""
    later: ClassVar[frozenset[str]] = frozenset()
    """Parameters that came later: at their default they leave the digest of a policy as it was before them."""

    strictness: Annotated[Strictness, _LOOSE] = Field(
        description="STRICT: always followed. DISCRETIONARY: leaves room for a reasoned deviation. Never unsaid."
    )
    cites: list[Citation] = Field(min_length=1, description="The sources this rule rests on.")
    why: Said = Field(description="Why the rule is so, in a sentence or two for those it touches.")
    assumed: list[str] = Field(
        default=[],
        description="Which parameters no source gives: the organisation's own choice, to be looked at again.",
    )

    @classmethod
    def parameters(cls) -> tuple[str, ...]:
        """The names of what this rule lets an organisation choose."""
        return tuple(name for name in cls.model_fields if name not in Rule.model_fields)


class ClassesThatStay(Rule):
    """Contacts of these classes are no client's and stay where they are."""

    classes: list[Literal["professional", "colleague", "chain_partner"]] = Field(
        description="Those that stay. Clients and reporters cannot stand here: they follow their cases."
    )


class Staleness(Rule):
    """A register read too long ago, or silent on whose a number is, decides nothing: a person does."""

    hours: int = Field(ge=1, le=24 * 31, description="How many hours after it was read the register still decides.")


class TierRule(Part):
    """What a deviation of this tier may be."""

    longest_days: int = Field(ge=1, le=3 * 366, description="The most days it lasts; then the rules hold again.")
    partner_required: bool = Field(description="Whether it must name who was consulted.")


class Tiers(Part):
    """The tiers that are open. One that is left out is closed."""

    self_: TierRule | None = Field(default=None, alias="self", description="The worker decides and records it.")
    consult: TierRule | None = Field(default=None, description="Decided after consultation with somebody named.")
    board: TierRule | None = Field(default=None, description="Decided by the board or management.")


class Deviations(Rule):
    """A reasoned and recorded deviation lets a contact stay until it expires."""

    tiers: Tiers = Field(description="Whose decision a deviation may be, how long it lasts, and who must be named.")


class AssignmentRule(Rule):
    """A worker on an open case keeps its contacts; who leaves the case loses them."""

    deviable = True

    keeps: Literal["while_assigned"] = Field(description="How long: while the register names the worker on the case.")


class Monitoring(Rule):
    """In the monitoring phase a contact is there around planned moments only."""

    deviable = True

    planned_months: list[Annotated[int, Field(ge=1, le=60)]] = Field(
        description="Months after the start at which contact is planned at the least. A day of the case system within "
        "the window of such a day takes its place. Empty: the days come from the case system alone."
    )
    counted_from: Literal["transfer", "start_of_phase", "case_field"] = Field(
        description="What those months are counted from. transfer: the day of handing over. start_of_phase: the day on "
        "which monitoring began. case_field: the date that the mapping of the case system calls plan_counts_from."
    )
    extra_moments: bool = Field(
        description="Whether days of the case system beside these months open a window. A work supervisor may always "
        "plan one."
    )
    window_days: int = Field(ge=0, le=180, description="Days before and after a planned day on which it may be there.")
    window_in: Literal["days", "working_days"] = Field(
        default="days",
        description="What those days are. working_days: of the Netherlands, without weekends and public holidays.",
    )


class FormerNumbers(Rule):
    """A number that has long not been the client's, or hardly ever was, may be somebody else's: a person decides."""

    days: int = Field(ge=0, le=3660, description="Days after which a former number is no longer trusted to be theirs.")
    correction_days: int = Field(
        default=14,
        ge=0,
        le=366,
        description="A number that stood in a case for fewer days before it was overwritten may have been a slip, and "
        "somebody else's.",
    )


class FinalClosure(Rule):
    """Only a final closure that was confirmed in writing ends a case; a status never does."""

    trigger: Literal["confirmed_final_closure"] = Field(description="What ends a case.")
    confirmed_by: Literal["register", "work_supervisor"] = Field(
        default="register",
        description="Whose word counts. register: the case system's alone. work_supervisor: also that of a work "
        "supervisor of the team, for a closed case of which the case system tells no confirmation.",
    )


class Grace(Rule):
    """After the end of a case or of an assignment a contact stays a while, in case it turns out to be needed."""

    deviable = True

    days: int = Field(ge=0, le=366, description="Whole days between the end and the removal.")
    notice_days: int = Field(
        ge=0,
        le=60,
        description="Nothing is removed before its worker has been told for so many days, on their own page, that it "
        "may go. 0: they are not told.",
    )


class RecordedInCaseFile(Rule):
    """First recorded in the case file, then removed from the phone."""

    required: bool = Field(description="true: what nobody calls recorded goes to a person, not away.")


class NeverAssigned(Rule):
    """A client's contact with a worker who was never on the case is a question at once, and goes after the grace."""

    deviable = True

    counted_from: Literal["first_sighting"] = Field(description="What the grace is counted from.")


class Tombstones(Rule):
    """What was removed is watched for coming back."""

    decides = False

    days: int = Field(ge=30, le=3660, description="How many days a removed identifier is watched for.")


class MassAction(Rule):
    """A plan or an import that is far larger than usual waits for a person."""

    decides = False
    later = frozenset({"removals"})

    max_removals: int = Field(ge=1, le=1_000_000, description="A plan with more removals than this waits for release.")
    max_share: float = Field(
        gt=0, le=1, description="So does one that removes more than this share of all governed contacts seen."
    )
    share_from: int = Field(
        default=20,
        ge=1,
        le=1_000_000,
        description="A plan of fewer removals than this never waits for its share alone.",
    )
    closures_factor: float = Field(
        ge=1, le=100, description="An import that closes more than this many times the usual number of cases stops."
    )
    removals: Literal["in_force", "report_only"] = Field(
        default="in_force",
        description="report_only: address books are read and contacts decided on, and nothing is removed.",
    )


class CaseNumbers(Rule):
    """How a case number is recognised in an entry that shows one instead of a name."""

    decides = False

    written_like: list[Annotated[str, AfterValidator(_case_number)]] = Field(
        max_length=20,
        description="Invented case numbers: a digit stands for any digit, everything else for itself.",
    )


class Provisioning(Rule):
    """Whether what was removed is put back when the work asks for it again."""

    decides = False
    later = frozenset({"value_days"})

    mode: Literal["off", "labelled"] = Field(
        description="off: contacts are only ever removed, and no number is kept. labelled: what closeout removed "
        "itself and the work asks for again is put back in a contact called by case number and person code, never a "
        "name."
    )
    value_days: int | None = Field(
        default=None,
        ge=1,
        le=3660,
        description="labelled: how many days after its removal a number is kept, sealed, to be put back. Then its key "
        "is destroyed.",
    )


class LookInterval(Rule):
    """How often every place is read in full, so that what events missed is found; how long silence is waited for."""

    decides = False

    hours: int = Field(ge=1, le=24 * 7, description="At most this many hours between two full looks at a place.")
    silent_phone_days: int = Field(
        default=0,
        ge=0,
        le=366,
        description="A phone not seen fetching this many days after a removal is proposed to get its account anew.",
    )
    answer_days: int = Field(
        default=14,
        ge=0,
        le=366,
        description="A question about a card of their own book that a worker left unanswered so long goes to a person.",
    )


class Attestation(Rule):
    """At the final closure of a case its workers state how it stands with numbers saved where nobody can look.

    It is asked in the same words whatever else holds of the case, counts as stated and never as proven, and asks for no
    message, chat or call list to be deleted.
    """

    decides = False

    places: list[Annotated[StatedPlace, _LOOSE]] = Field(
        min_length=1, max_length=len(StatedPlace), description="Which places are asked about, in this order."
    )
    remind_days: list[Annotated[int, Field(ge=1, le=366)]] = Field(
        max_length=10,
        description="After how many days an open question is reminded of, rising. Empty: nobody is reminded.",
    )
    open_days: int = Field(
        ge=1, le=366, description="How many days a question stands open. Left open longer, nothing was stated."
    )
    counts_days: int = Field(
        ge=1, le=3660, description="How many days an answer counts. Older, it says nothing any more."
    )


class Rules(Part):
    """All rules, each of them once: first those that decide about one contact, in the order in which they are asked.

    A rule that came later may be left out: then it does nothing, as in every policy of before.
    """

    classes_that_stay: ClassesThatStay
    staleness: Staleness
    deviations: Deviations
    assignment: AssignmentRule
    former_numbers: FormerNumbers
    monitoring: Monitoring
    final_closure: FinalClosure
    grace: Grace
    recorded_in_case_file: RecordedInCaseFile
    never_assigned: NeverAssigned
    tombstones: Tombstones
    mass_action: MassAction
    case_numbers: CaseNumbers
    provisioning: Provisioning
    look_interval: LookInterval
    attestation: Attestation | None = Field(
        default=None, description="What workers are asked to state. Without it nobody is asked."
    )

    def each(self) -> Iterator[tuple[str, Rule]]:
        """Every rule that is there, under its name."""
        for name in type(self).model_fields:
            rule: Rule | None = getattr(self, name)
            if rule is not None:
                yield name, rule


RULES: dict[str, type[Rule]] = {
    name: info.annotation
    for name, info in Rules.model_fields.items()
    if isinstance(info.annotation, type) and issubclass(info.annotation, Rule)
}
"""Every rule that no policy may leave out, by its name."""

MAY_BE_LEFT_OUT: dict[str, type[Rule]] = {"attestation": Attestation}
"""Rules that came later, by their names."""

RULE_OF: dict[Reason, str] = {
    Reason.CLASS_STAYS: "classes_that_stay",
    Reason.REGISTER_STALE: "staleness",
    Reason.LINK_UNKNOWN: "staleness",
    Reason.DEVIATION: "deviations",
    Reason.ASSIGNED: "assignment",
    Reason.NO_LONGER_ASSIGNED: "assignment",
    Reason.MONITORING_WINDOW: "monitoring",
    Reason.MONITORING_OUTSIDE: "monitoring",
    Reason.PLAN_UNKNOWN: "monitoring",
    Reason.FORMER_NUMBER: "former_numbers",
    Reason.FINALLY_CLOSED: "final_closure",
    Reason.CLOSURE_UNCONFIRMED: "final_closure",
    Reason.DEFERRED: "grace",
    Reason.NOT_RECORDED: "recorded_in_case_file",
    Reason.NEVER_ASSIGNED: "never_assigned",
}
"""The rule that gives each reason; NOT_IN_REGISTER is no rule's: what is not in the register is nobody's business."""


class Retained(Part):
    """How long rows of one kind are kept, and why so long; then they are destroyed."""

    keep: Keep = Field(description='How long: "90 days", "6 months" or "2 years". No document gives one.')
    cites: list[Citation] = Field(min_length=1, description="The sources this period rests on.")
    why: Said = Field(description="Why it is so long, in a sentence or two.")
    assumed: list[Literal["keep", "by_disposition"]] = Field(
        default=[], description="Which of its parameters no source gives: the organisation's own choice."
    )


class RetainedRemovals(Retained):
    """Orders to remove that are over, with their proof and what was watched for after them."""

    counted_from: Literal["settled"] = Field(description="The proof; of an order that was stopped, its plan.")


class RetainedFindings(Retained):
    """Findings that were concluded, or that ended by themselves."""

    counted_from: Literal["closed"] = Field(description="The day on which it was closed.")
    by_disposition: dict[Annotated[Disposition, _LOOSE], Keep] = Field(
        default={}, description="Other periods for findings that ended so; all others are kept for keep."
    )


class RetainedDeviations(Retained):
    """Reasoned exceptions that hold no more."""

    counted_from: Literal["ended"] = Field(description="The end of the deviation.")


class RetainedReports(Retained):
    """Reports as they were made, and to whom they were told of."""

    counted_from: Literal["made"] = Field(description="The day on which it was made.")


class RetainedImports(Retained):
    """That an export of a case system came in. The newest stay: they say how old the register is, and what is usual."""

    counted_from: Literal["came_in"] = Field(description="The day on which it came in.")


class RetainedViews(Retained):
    """That two people asked for contacts by name, and why."""

    counted_from: Literal["decided"] = Field(description="The day on which it was decided, or could be no more.")


class RetainedPauses(Retained):
    """Pauses that are over."""

    counted_from: Literal["ended"] = Field(description="The end of the pause.")


class RetainedAttestations(Retained):
    """What workers stated of numbers saved where nobody can look."""

    counted_from: Literal["said"] = Field(description="The day on which it was stated.")


class Retention(Part):
    """How long what closeout itself keeps is kept. A kind that is not named here is never destroyed."""

    removals: RetainedRemovals | None = None
    findings: RetainedFindings | None = None
    deviations: RetainedDeviations | None = None
    reports: RetainedReports | None = None
    imports: RetainedImports | None = None
    views_by_name: RetainedViews | None = None
    pauses: RetainedPauses | None = None
    attestations: RetainedAttestations | None = None

    def each(self) -> Iterator[tuple[RowKind, Retained]]:
        """What is named."""
        for kind in RowKind:
            found: Retained | None = getattr(self, kind.value)
            if found is not None:
                yield kind, found


class Head(Part):
    """Which policy this is, for whom and when."""

    name: Slug = Field(description="Small letters, digits and dashes; the same for every version.")
    version: Annotated[str, AfterValidator(_version)] = Field(
        description='Such as "1.0"; in quotes. A new one for each change.'
    )
    dated: Day = Field(description="The day this version was laid down.")
    protocol: Sentence = Field(description="The version of the protocol or way of working that it follows.")
    organisation: Annotated[OrganisationKind, _LOOSE] = Field(description="What sort of organisation it is for.")
    valid_from: Day = Field(description="The first day on which it may be in force.")
    valid_until: Day | None = Field(default=None, description="The last such day. Without: until replaced.")
    review_on: Day = Field(description="The day on which it is looked at again.")


class Source(Part):
    """A named document that rules cite."""

    title: Sentence = Field(description="As people know it, with its year or version.")
    note: Said | None = Field(default=None, description="What to know about it, such as that it is an own decision.")


class ExampleLink(Part):
    """One case through which the worker of the example is linked to the contact."""

    contact_class: Annotated[ContactClass, _LOOSE] = Field(alias="class", description="Whose contact it is.")
    phase: Annotated[Phase, _LOOSE] = Field(description="Where the case is.")
    assigned: Literal["now", "ended", "never"] = Field(description="Whether the worker is on the case.")
    assigned_until: Moment | None = Field(default=None, description="When that ended (or will end).")
    closed_at: Moment | None = Field(
        default=None, description="When the final closure was confirmed in writing, as the register says."
    )
    confirmed_at: Moment | None = Field(default=None, description="The same, as a work supervisor said.")
    recorded: bool = Field(default=False, description="Whether the contact is said to be recorded in the case file.")
    linked: bool = Field(default=True, description="Whether the register says that the contact belongs to the case.")
    register_age_hours: float | None = Field(
        default=1.0, ge=0, description="How long ago the register was read. null: never."
    )
    planned_moments: list[Day] = Field(default=[], description="Days of planned contact that name this worker.")
    others_planned: bool = Field(default=False, description="Whether the case system plans contact by somebody else.")
    transferred_on: Day | None = Field(default=None, description="When the case was handed over.")
    monitoring_from: Day | None = Field(default=None, description="When monitoring began.")
    plan_counts_from: Day | None = Field(default=None, description="The date of the organisation's own choosing.")
    deviation_until: Moment | None = Field(default=None, description="When a deviation expires.")
    former_since: Moment | None = Field(default=None, description="When the number stopped being this person's.")
    since: Moment | None = Field(default=None, description="When the register first named it in the case.")
    gone_at: Moment | None = Field(default=None, description="When the register ceased to name it: overwritten.")


class Expect(Part):
    """What must come out."""

    decision: Annotated[Decision, _LOOSE]
    reason: Annotated[Reason, _LOOSE]


class Example(Part):
    """A small situation with what must come out of it. Moments are local to Amsterdam; a day is its first instant."""

    says: Said = Field(description="What it shows, in a sentence.")
    now: Moment = Field(description="The moment at which it is decided.")
    first_seen: Moment | None = Field(
        default=None, description="When the contact was first seen with the worker. Without: just now."
    )
    held: bool = Field(default=False, description="Whether a hold covers it.")
    links: list[ExampleLink] = Field(description="The cases it is linked to. Empty: not in the register.")
    expect: Expect


Contradicted = Literal["C1", "C2", "C3", "C4", "C9", "C11"]
"""The contradictions of the field that `closeout policy lint` looks for (DOMAIN 12)."""


class PolicyFile(Part):
    """A whole policy file."""

    policy: Head
    sources: dict[Slug, Source] = Field(min_length=1)
    rules: Rules
    accepts: dict[Contradicted, Said] = Field(
        default={}, description="Contradictions of the field that the organisation knows of and leaves, each with why."
    )
    retention: Retention | None = Field(
        default=None, description="How long what closeout itself keeps is kept. Without it nothing is destroyed."
    )
    examples: list[Example] = Field(min_length=1, max_length=200)


def json_schema() -> str:
    """The language as JSON Schema, for editors that complete and check while somebody writes; ends with a newline."""
    schema = PolicyFile.model_json_schema(by_alias=True)
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Policy"}
    return json.dumps({**schema, **head}, indent=2, ensure_ascii=False) + "\n"
