"""The removal report: what went, what did not and why, and how we know; pure, from facts that the store hands over.

Two views. Cleared readers see case numbers, workers and places; all others see opaque item ids and reasons (decision
0008). No view shows a hold: a deferral has one public reason, no date, and no field in which a cause could show
(decision 0004).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from mdm_adapters.port import Fault, Outcome, Shape
from server.core.days import AMSTERDAM
from server.core.model import CLEARED_FOR_CASES, FindingKind, Level, Reason, Role, State
from server.core.removal.cards import Cards
from server.core.reports.cards import CARDS_REMOVED, CARDS_TRIMMED, cells_of, say_sum
from server.core.reports.coverage import (
    BLIND_SPOTS,
    CAVEAT,
    Phone,
    Source,
    accounts_seen,
    list_phones,
    list_sources,
    phones_fetching,
    places_read,
    summarise,
    unseen_everywhere,
)
from server.core.reports.document import Figure, Report
from server.core.reports.postponed import NOT_COUNTED, down_to_tens
from server.core.reports.stated import StatedCounts, stated_section
from server.core.tables import Column, Kind, Row, Section, Value
from server.core.text import Period, Share, Text, phrase


class View(StrEnum):
    """What the reader of a report may see."""

    PERSON = "person"
    """Case numbers, workers and places, for roles that are cleared for cases."""
    OPAQUE = "opaque"
    """Opaque item ids, reasons and counts, for everybody else."""


def view_for(role: Role) -> View:
    """The view that belongs to a role."""
    return View.PERSON if role in CLEARED_FOR_CASES else View.OPAQUE


@dataclass(frozen=True, slots=True)
class Item:
    """One contact at one place, as a report may name it.

    id: opaque, made from neither number nor case in a way that can be undone, and the same whatever became of the item.
    case, worker, place: references for cleared readers (never a name, a number or an address); the opaque view drops
    them, so they may be left out.
    """

    id: str
    case: str | None = None
    worker: str | None = None
    place: str | None = None


@dataclass(frozen=True, slots=True)
class Removed:
    """An order settled by proof within the period.

    proven_at: when a full look, later than the call, saw the contact in no entry of its place. level: the highest one
    reached on *all* phones, never rounded up. phones: that read this place; synced, attested, contained: on how many
    of them that level was reached. recoverable: the store keeps a copy that can come back. retained: it may keep one
    under retention or a hold of its own. mute: it cannot say when a phone fetched. cards: what became of its cards;
    None: nobody counted. Instants are aware.
    """

    item: Item
    reason: Reason
    policy: str
    ordered_at: datetime
    called_at: datetime | None
    proven_at: datetime
    outcome: Outcome | None
    level: Level = Level.STORE_REMOVED
    phones: int = 0
    synced: int = 0
    attested: int = 0
    contained: int = 0
    recoverable: bool = False
    retained: bool = False
    keeps: str = ""
    mute: bool = False
    cards: Cards | None = None

    def __post_init__(self) -> None:
        reached = {
            Level.STORE_REMOVED: self.phones,
            Level.DEVICE_SYNCED: self.synced,
            Level.DEVICE_ATTESTED: self.attested,
            Level.CONTAINER_REMOVED: self.contained,
        }
        if self.level not in reached:
            raise ValueError("what was only ordered is not removed")
        if max(self.synced, self.attested, self.contained) > self.phones:
            raise ValueError("more phones reached than there are")
        if reached[self.level] < self.phones or (self.phones == 0 and self.level is not Level.STORE_REMOVED):
            raise ValueError(f"{self.level} holds only when every phone reached it")


@dataclass(frozen=True, slots=True)
class Deferred:
    """A removal that is postponed: in no list, so that it says nothing, nor in any other."""

    item: Item


@dataclass(frozen=True, slots=True)
class Review:
    """A person decides: by the need table (`Reason`) or because of how the entry is written (`Shape`)."""

    item: Item
    why: Reason | Shape


@dataclass(frozen=True, slots=True)
class UnderWay:
    """An order that is not finished. state: WAITING, READY, CALLING or CHECKING; others have no place in this list."""

    item: Item
    reason: Reason
    policy: str
    state: State
    ordered_at: datetime

    def __post_init__(self) -> None:
        if self.state not in _UNDER_WAY:
            raise ValueError(f"{self.state} is not under way")


_UNDER_WAY = frozenset({State.WAITING, State.READY, State.CALLING, State.CHECKING})


@dataclass(frozen=True, slots=True)
class Stuck:
    """An order that needs a person: what the vendor answered, or why the call failed. tries: calls that failed.

    cards: what became of its cards, of which some may have gone all the same; None: nobody counted.
    """

    item: Item
    reason: Reason
    policy: str
    why: Fault | Outcome
    tries: int
    ordered_at: datetime
    cards: Cards | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """An open finding: a question for a person. item: what it is about; None: a place as a whole."""

    kind: FindingKind
    found_at: datetime
    item: Item | None = None


@dataclass(frozen=True, slots=True)
class PauseSpan:
    """Removing was paused, everywhere or at one connection. ended_at None: it still is, until `ends_at` at most."""

    everything: bool
    since: datetime
    ends_at: datetime
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class RemovalFacts:
    """All that the report is made from, read in one transaction.

    pauses: those that touch the period, or hold now. stay: how many governed contacts were seen that the policy lets
    stay (needed for a case, or not a client's).
    """

    organisation: str
    period: Period
    made_at: datetime
    policies: tuple[str, ...]
    sources: tuple[Source, ...]
    phones: tuple[Phone, ...]
    removed: tuple[Removed, ...] = ()
    deferred: tuple[Deferred, ...] = ()
    reviews: tuple[Review, ...] = ()
    under_way: tuple[UnderWay, ...] = ()
    stuck: tuple[Stuck, ...] = ()
    questions: tuple[Question, ...] = ()
    pauses: tuple[PauseSpan, ...] = ()
    stay: int = 0
    stated: StatedCounts | None = None
    """What workers state of places nobody can see; None: the policy asks nobody."""


def build(facts: RemovalFacts, view: View) -> Report:
    """The report, for a reader who may see this much. Rows are ordered, so the order of the facts does not matter."""
    # A hold that arrives when an order is already planned must not leave that order in another list: there it would
    # show that this deferral is of another kind than the rest.
    put_off = {deferral.item.id for deferral in facts.deferred}
    reviews = [review for review in facts.reviews if review.item.id not in put_off]
    under_way = [order for order in facts.under_way if order.item.id not in put_off]
    stuck = [order for order in facts.stuck if order.item.id not in put_off]
    questions = [question for question in facts.questions if not _tells_of_an_order(question, put_off)]
    removed = sorted(facts.removed, key=lambda order: (order.proven_at, order.item.id))
    return Report(
        key="removals",
        title=phrase("What was removed, what was not, and why"),
        organisation=facts.organisation,
        period=facts.period,
        made_at=facts.made_at,
        view=view,
        policies=tuple(sorted(facts.policies)),
        figures=_figures(facts, removed, reviews, under_way, stuck, questions),
        coverage=summarise(facts.phones),
        sections=(
            _evidence(removed, len(under_way) + len(stuck)),
            _removed(removed, view),
            _deferred(),
            _reviews(reviews, view),
            _under_way(under_way, facts.pauses, view),
            _stuck(stuck, view),
            _questions(questions, view),
            *(() if facts.stated is None else (stated_section(facts.stated),)),
            list_phones(facts.phones, with_workers=view is View.PERSON),
        ),
        sources=list_sources(facts.sources, facts.made_at),
        blind_spots=BLIND_SPOTS,
        caveat=CAVEAT,
    )


def _figures(
    facts: RemovalFacts,
    removed: Sequence[Removed],
    reviews: Sequence[Review],
    under_way: Sequence[UnderWay],
    stuck: Sequence[Stuck],
    questions: Sequence[Question],
) -> tuple[Figure, ...]:
    places = phrase(
        "{places} address books were read recently enough.", places=places_read(facts.sources, facts.made_at)
    )
    accounts = phrase(
        "Managed accounts seen on {phones} phones. Seen on no phone: {spots}.",
        phones=accounts_seen(facts.phones),
        spots=unseen_everywhere(facts.phones),
    )
    copies = sum(order.phones for order in removed)
    today = facts.made_at.astimezone(AMSTERDAM).date()
    return (
        Figure("removed", phrase("Removed from the address book, and verified"), len(removed), places),
        Figure(
            "synced",
            phrase("Copies on phones that are known to have synchronised"),
            Share(sum(order.synced for order in removed), copies),
            phones_fetching(facts.phones),
        ),
        Figure("reviews", phrase("Waiting for a person to decide, on {day}", day=today), len(reviews), places),
        Figure("under_way", phrase("Removals under way, on {day}", day=today), len(under_way), places),
        Figure("stuck", phrase("Removals that are stuck, on {day}", day=today), len(stuck), places),
        Figure("questions", phrase("Findings that are open, on {day}", day=today), len(questions), accounts),
        Figure(
            "stay",
            phrase("May stay, needed or not a client's, rounded down to tens, on {day}", day=today),
            down_to_tens(facts.stay),
            places,
        ),
    )


def _evidence(removed: Sequence[Removed], unproven: int) -> Section:
    """Each level by itself, in its own unit: address books and phones are never added up."""
    copies = sum(order.phones for order in removed)
    counts: dict[Level, tuple[int | None, Share | None]] = {
        Level.ORDERED: (unproven, None),
        Level.STORE_REMOVED: (len(removed), None),
        Level.DEVICE_SYNCED: (None, Share(sum(order.synced for order in removed), copies)),
        Level.DEVICE_ATTESTED: (None, Share(sum(order.attested for order in removed), copies)),
        Level.CONTAINER_REMOVED: (None, Share(sum(order.contained for order in removed), copies)),
    }
    return Section(
        key="evidence",
        heading=phrase("How we know"),
        paragraphs=(
            phrase(
                "There are five levels of evidence. Each is counted by itself. They are not added up, "
                "and a lower level is never shown as a higher one."
            ),
        ),
        columns=(
            Column("level", phrase("Level"), Kind.CODE),
            Column("meaning", phrase("What it means"), Kind.ADVICE),
            Column("items", phrase("Contacts in address books"), Kind.COUNT),
            Column("copies", phrase("Copies on phones"), Kind.SHARE),
        ),
        rows=tuple((level, level, *counts[level]) for level in Level),
        notes=(
            phrase(
                "A contact in one address book has a copy on every phone that synchronises with it. A phone of "
                "which we saw nothing counts as not reached."
            ),
        ),
    )


_NAMED = (
    Column("case", phrase("Case number")),
    Column("worker", phrase("Worker")),
    Column("place", phrase("Address book")),
)
_ITEM = Column("item", phrase("Contact code"))


def _who(view: View) -> tuple[Column, ...]:
    return (_ITEM, *_NAMED) if view is View.PERSON else (_ITEM,)


def _name(item: Item, view: View) -> Row:
    return (item.id, item.case, item.worker, item.place) if view is View.PERSON else (item.id,)


def _removed(orders: Sequence[Removed], view: View) -> Section:
    kept = sum(order.recoverable for order in orders)
    retained = sum(order.retained and not order.recoverable for order in orders)
    mute = sum(order.mute and order.level is Level.STORE_REMOVED for order in orders)
    notes: tuple[Text, ...] = ()
    if kept:
        notes = (
            phrase(
                "For {count} item the server says that it keeps a copy that can come back. It is removed, not erased.",
                many="For {count} items the server says that it keeps a copy that can come back. They are removed, "
                "not erased.",
                count=kept,
            ),
        )
    if retained:
        notes += (
            phrase(
                "For {count} item a copy may remain on the server under the server's own retention or "
                "litigation hold, out of its owner's reach. It is removed from the server, not erased.",
                many="For {count} items a copy may remain on the server under the server's own retention or "
                "litigation hold, out of their owners' reach. They are removed from the server, not erased.",
                count=retained,
            ),
            *(Text(because) for because in sorted({each.keeps for each in orders if each.retained and each.keeps})),
        )
    if mute:
        notes += (
            phrase(
                "For {count} item the server does not record when a phone synchronised it: that it is no longer "
                "in the address book is all that is known.",
                many="For {count} items the server does not record when a phone synchronised them: that they are no "
                "longer in the address book is all that is known.",
                count=mute,
            ),
        )
    return Section(
        key="removed",
        heading=phrase("Removed"),
        paragraphs=(
            phrase(
                "Each line is one contact in one address book. It counts as removed only once a later full "
                "reading of the address book no longer found it."
            ),
            *((say_sum(order.cards for order in orders),) if any(order.cards for order in orders) else ()),
        ),
        columns=(
            *_who(view),
            Column("reason", phrase("Why it had to go"), Kind.CODE),
            Column("outcome", phrase("What the server did"), Kind.CODE),
            CARDS_REMOVED,
            CARDS_TRIMMED,
            Column("ordered_at", phrase("Scheduled"), Kind.INSTANT),
            Column("called_at", phrase("Server was asked"), Kind.INSTANT),
            Column("proven_at", phrase("Removal verified"), Kind.INSTANT),
            Column("level", phrase("How we know"), Kind.CODE),
            Column("synced", phrase("Phones that synchronised it"), Kind.SHARE),
            Column("policy", phrase("Policy")),
        ),
        rows=tuple(
            (
                *_name(order.item, view),
                order.reason,
                order.outcome,
                *cells_of(order.cards),
                order.ordered_at,
                order.called_at,
                order.proven_at,
                order.level,
                Share(order.synced, order.phones),
                order.policy,
            )
            for order in orders
        ),
        notes=notes,
        empty=phrase("Nothing was removed in this period."),
    )


def _deferred() -> Section:
    """No list and no count, for any reader: what stays in it for longer than the rest is held."""
    return Section(
        key="deferred",
        heading=phrase("Not removed: postponed"),
        paragraphs=(NOT_COUNTED,),
    )


def _reviews(reviews: Iterable[Review], view: View) -> Section:
    return Section(
        key="reviews",
        heading=phrase("Not removed: a person decides"),
        paragraphs=(phrase("Here the rules give no safe answer. Nothing is removed until somebody has looked."),),
        columns=(
            *_who(view),
            Column("why", phrase("Why it is still there"), Kind.CODE),
            Column("advice", phrase("What to do"), Kind.ADVICE),
        ),
        rows=_ordered((*_name(review.item, view), review.why, review.why) for review in reviews),
        empty=phrase("Nothing waits for a decision."),
    )


def _under_way(orders: Iterable[UnderWay], pauses: Iterable[PauseSpan], view: View) -> Section:
    return Section(
        key="under_way",
        heading=phrase("Not removed yet: under way"),
        paragraphs=(
            phrase("These were scheduled. A server that says yes is not believed until a later reading agrees."),
            *(_paused(each) for each in sorted(pauses, key=lambda each: (each.since, not each.everything))),
        ),
        columns=(
            *_who(view),
            Column("reason", phrase("Why it has to go"), Kind.CODE),
            Column("state", phrase("What happens next"), Kind.CODE),
            Column("ordered_at", phrase("Scheduled"), Kind.INSTANT),
            Column("policy", phrase("Policy")),
        ),
        rows=_ordered(
            (*_name(order.item, view), order.reason, order.state, order.ordered_at, order.policy) for order in orders
        ),
        empty=phrase("Nothing is under way."),
    )


def _paused(pause: PauseSpan) -> Text:
    """A pause in a sentence, since what waited for it was removed later than it could have been."""
    if pause.ended_at is not None:
        over = phrase("Removing was paused at one connection from {since} to {until}.")
        if pause.everything:
            over = phrase("Removing was paused everywhere from {since} to {until}.")
        return replace(over, params=(("since", pause.since), ("until", pause.ended_at)))
    holds = phrase("Removing is paused at one connection since {since}, until {until} at the latest.")
    if pause.everything:
        holds = phrase("Removing is paused everywhere since {since}, until {until} at the latest.")
    return replace(holds, params=(("since", pause.since), ("until", pause.ends_at)))


def _stuck(orders: Iterable[Stuck], view: View) -> Section:
    return Section(
        key="stuck",
        heading=phrase("Not removed: stuck"),
        paragraphs=(phrase("These cannot go on by themselves. Somebody has to do what the last column says."),),
        columns=(
            *_who(view),
            Column("reason", phrase("Why it has to go"), Kind.CODE),
            Column("tries", phrase("Failed calls"), Kind.COUNT),
            CARDS_REMOVED,
            CARDS_TRIMMED,
            Column("ordered_at", phrase("Scheduled"), Kind.INSTANT),
            Column("policy", phrase("Policy")),
            Column("why", phrase("What went wrong"), Kind.CODE),
            Column("advice", phrase("What to do"), Kind.ADVICE),
        ),
        rows=_ordered(
            (
                *_name(order.item, view),
                order.reason,
                order.tries,
                *cells_of(order.cards),
                order.ordered_at,
                order.policy,
                order.why,
                order.why,
            )
            for order in orders
        ),
        empty=phrase("Nothing is stuck."),
    )


def _questions(questions: Sequence[Question], view: View) -> Section:
    heading = phrase("Findings to look into")
    intro = phrase("A finding says that somebody should look, and nothing more. It is no judgement of anybody.")
    empty = phrase("There are no open findings.")
    kind = Column("kind", phrase("Question"), Kind.CODE)
    advice = Column("advice", phrase("How to look at it"), Kind.ADVICE)
    if view is View.OPAQUE:
        counts = Counter(question.kind for question in questions)
        return Section(
            key="questions",
            heading=heading,
            paragraphs=(intro,),
            columns=(kind, Column("open", phrase("Open"), Kind.COUNT), advice),
            rows=tuple((kind_, counts[kind_], kind_) for kind_ in FindingKind if counts[kind_]),
            empty=empty,
        )
    nothing = Item("")
    rows: Iterable[Row] = (
        (
            *(value or None for value in _name(question.item or nothing, view)),
            question.kind,
            question.found_at,
            question.kind,
        )
        for question in sorted(questions, key=_age)
    )
    return Section(
        key="questions",
        heading=heading,
        paragraphs=(intro,),
        columns=(*_who(view), kind, Column("found_at", phrase("Since"), Kind.INSTANT), advice),
        rows=tuple(rows),
        empty=empty,
    )


def _tells_of_an_order(question: Question, put_off: Collection[str]) -> bool:
    """Other questions go with an ordinary deferral too (never assigned, and in its days of grace): they stay."""
    return question.kind is FindingKind.ORDER_STUCK and question.item is not None and question.item.id in put_off


def _age(question: Question) -> tuple[datetime, str, str]:
    return question.found_at, question.kind.value, question.item.id if question.item else ""


def _ordered(rows: Iterable[tuple[Value, ...]]) -> tuple[Row, ...]:
    """By item id, which says nothing; the rest only makes the order of equal ids certain."""
    return tuple(sorted(rows, key=lambda row: [str(value) for value in row]))
