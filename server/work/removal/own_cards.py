"""What a worker is asked about cards in their own address book, shown from the book itself, and what they answer.

Their cards are read when they ask to see a question, shown to them alone, and kept nowhere. A question is asked of what
is to go and of what is postponed alike, so it says nothing of why something is postponed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from mdm_adapters.port import Fault, Field, FieldKind, Match, Place, PortError, Reading, Rest, content_of
from server.core.log.entries import Body, EntryKind
from server.core.removal.order_state import Event
from server.store import log
from server.store.admin import organisation
from server.store.admin.organisation import PlaceRow
from server.store.removal import orders, presence, questions
from server.store.removal.questions import CardQuestion, entry_uid
from server.work.admin.access import Person
from server.work.context import Context
from server.work.removal.sync import mark_of, matcher

_LONGEST_TEXT = 200
_MOST_TEXTS = 8


class CardAnswer(StrEnum):
    """What a worker can say: of a card that it goes or that the rest is theirs, of a field that it is no client's."""

    GOES = "goes"
    STAYS = "stays"
    NOT_A_CLIENTS = "not_a_clients"


_REST = {CardAnswer.GOES: Rest.GOES, CardAnswer.STAYS: Rest.STAYS}


@dataclass(frozen=True, slots=True)
class CardAsked:
    """One question. name, texts: what the card shows; empty if it cannot be read now. unread: the field in question."""

    id: str
    about_field: bool
    name: str = field(default="", repr=False)
    texts: tuple[str, ...] = field(default=(), repr=False)
    unread: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class CardsShown:
    """The questions with what their cards show. faults: why a book could not be read now."""

    asked: tuple[CardAsked, ...]
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True)
class _Card:
    texts: tuple[str, ...] = field(repr=False)
    unread: dict[bytes, str] = field(repr=False)


def count_questions(context: Context, person: Person) -> int:
    """How many questions there are for this person."""
    return len(_questions(context, person))


def show_questions(context: Context, person: Person) -> CardsShown:
    """Every question of this person, with the cards read from their own books now."""
    asked = _questions(context, person)
    if not asked:
        return CardsShown(())
    with context.store.read() as connection:
        demo = organisation.read_installation(connection).demo
        places = organisation.read_places(connection, context.today(), ids=sorted({each.place for each in asked}))
    cards: dict[str, _Card] = {}
    faults: list[Fault] = []
    for place in places:
        if not (demo or place.gated) or place.connection not in context.stores:
            continue
        try:
            cards.update(_read(context, place))
        except PortError as error:
            faults.append(error.fault)
    now = context.now()
    lines: list[tuple[EntryKind, Body]] = [
        (EntryKind.SIGHTING, {"place": place.uid, "mode": "full", "outcome": "shown_to_its_worker"}) for place in places
    ]
    if lines:
        with context.store.write() as connection:
            log.append(connection, now, lines)
    return CardsShown(tuple(_asked(each, cards.get(each.entry)) for each in asked), tuple(faults))


def answer(context: Context, person: Person, answers: dict[str, CardAnswer]) -> int:
    """Keep what this person says, by the id of each question; what is no question of theirs (any more) is left out.

    Returns how many were kept. A card goes, or is cut, at the next round, if it may; a field is proof again after the
    next look at its book.
    """
    kept = 0
    now = context.now()
    with context.store.write() as connection:
        for each in questions.read_questions(connection, person.worker) if person.worker is not None else ():
            said = answers.get(each.id)
            if said is None or (said is CardAnswer.NOT_A_CLIENTS) != bool(each.mark):
                continue
            if said is CardAnswer.NOT_A_CLIENTS:
                questions.confirm_field(connection, each, now)
            else:
                waiting = questions.say_rest(connection, each, _REST[said], now)
                orders.move_all(connection, waiting, Event.LOOKED_AT, now=now)
            body: Body = {"finding": each.id, "what": "field" if each.mark else "card", "verb": said.value}
            log.append(connection, now, [(EntryKind.FINDING, {**body, "actor_role": "worker"})])
            kept += 1
    return kept


def _questions(context: Context, person: Person) -> Sequence[CardQuestion]:
    if person.worker is None:
        return ()
    with context.store.read() as connection:
        return questions.read_questions(connection, person.worker)


def _read(context: Context, place: PlaceRow) -> dict[str, _Card]:
    """The cards of a book about which something may be asked, by the id of their entry; raises PortError."""
    seen: dict[bytes, _Card] = {}
    look = context.stores[place.connection].look(Place(place.uid, place.address), _collecting(context, seen))
    return {
        entry_uid(presence.entry_key(context.keys.sealer, place, each.ref)): seen[each.content]
        for each in look.entries
        if each.content in seen
    }


def _collecting(context: Context, seen: dict[bytes, _Card]) -> Match:
    match = matcher(context)

    def collect(entries: Sequence[Sequence[Field]]) -> Sequence[Sequence[Reading]]:
        found = match(entries)
        for fields, readings in zip(entries, found, strict=True):
            if any(each.tokens or each.unread for each in readings):
                seen[content_of(fields)] = _Card(
                    tuple(dict.fromkeys(each.text.strip() for each in fields if each.kind is FieldKind.TEXT)),
                    {
                        mark_of(context, each): each.text
                        for each, read in zip(fields, readings, strict=True)
                        if read.unread
                    },
                )
        return found

    return collect


def _asked(question: CardQuestion, card: _Card | None) -> CardAsked:
    if card is None:
        return CardAsked(question.id, bool(question.mark))
    texts = [" ".join(text.split())[:_LONGEST_TEXT] for text in card.texts if text]
    return CardAsked(
        question.id,
        bool(question.mark),
        name=texts[0] if texts else "",
        texts=() if question.mark else tuple(texts[1:_MOST_TEXTS]),
        unread=card.unread.get(question.mark, "")[:_LONGEST_TEXT],
    )
