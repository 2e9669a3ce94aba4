"""The contact books of invented workers, and their cards as vCards; nothing of exports.

A book is what somebody typed in over the years: clients, private contacts, colleagues, and everything that makes
reading it hard (mixed cards, numbers in notes, cards without UID, groups). It is made when asked for, the same each
time.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from server.core.model import ContactClass
from server.sources.invented.lives import Plot
from server.sources.invented.numbers import SWITCHBOARD, colleague_number, private_numbers, spell


class CardKind(StrEnum):
    """Why a card is in a book; each is something the adapters must tell apart."""

    CLIENT = "client"
    MIXED = "mixed"
    """A client's number beside a private one."""
    TWO_CLIENTS = "two_clients"
    """Numbers of two clients, of different cases where there are such."""
    IN_NOTE = "in_note"
    """The client's number stands in the text of a note."""
    NO_UID = "no_uid"
    CASE_NUMBER = "case_number"
    """A case number, and a number the register does not know."""
    STAYING = "staying"
    """A colleague, professional or chain partner."""
    PRIVATE = "private"
    GROUP = "group"
    ORGANISATION = "organisation"
    """The organisation's own card: a book never becomes empty (phones refuse to sync one that did)."""


@dataclass(frozen=True, slots=True)
class InventedCard:
    """One entry of a contact book before it is written as a vCard.

    identifiers: the normal forms (E.164, e-mail in lower case) of all numbers and addresses in it. written: how each
    was typed (one text may hold two; in a note, none). members: UIDs of a group's cards. version: of vCard.
    """

    kind: CardKind
    label: str
    uid: str | None
    identifiers: tuple[str, ...] = field(default=(), repr=False)
    written: tuple[str, ...] = field(default=(), repr=False)
    note: str | None = field(default=None, repr=False)
    members: tuple[str, ...] = ()
    version: str = "3.0"


_ODD = (CardKind.MIXED, CardKind.IN_NOTE, CardKind.TWO_CLIENTS, CardKind.NO_UID, CardKind.CASE_NUMBER)


def invent_cards(name: str, key: str, worker: str, workers: Sequence[str], plot: Plot) -> Sequence[InventedCard]:
    """The book of one worker: what was typed in over the years, and who else is in it.

    name: of the organisation. key: what its randomness hangs on.
    """
    index = workers.index(worker)
    rng = random.Random(f"{key}:{worker}")  # noqa: S311  invented data, not secrets
    held, professionals = _held(plot, worker, rng)
    private = private_numbers(index)
    cards = [_plain_card(CardKind.ORGANISATION, name, SWITCHBOARD, rng)]
    pending = list(held)
    turn = index
    for nth, identifier in enumerate(pending):
        number, code = held[identifier]
        label = f"{number}-{code}" if rng.random() < 0.3 else f"Contact {nth + 1:04}"
        odd = nth % plot.sizes.odd_every == plot.sizes.odd_every - 1
        card = replace(
            _plain_card(CardKind.CLIENT, label, identifier, rng),
            note=f"Zaak {number}" if rng.random() < 0.1 else None,
            version="4.0" if rng.random() < 0.15 else "3.0",
        )
        if odd:
            other = pending[nth - 1]  # never the same: the first card is never odd
            card = _make_odd(card, _ODD[turn % len(_ODD)], next(private), other, number, rng)
            turn += 1
            if card.kind is CardKind.CASE_NUMBER:
                cards.append(replace(card, uid=_uid(rng)))
                card = _plain_card(CardKind.CLIENT, label, identifier, rng)
        cards.append(card)
    colleagues = [colleague_number(each) for each in rng.sample(range(len(workers)), min(20, len(workers)))]
    for nth, identifier in enumerate([*colleagues, *professionals]):
        label = f"Colleague {nth + 1:02}" if nth < len(colleagues) else f"Professional {nth + 1:02}"
        cards.append(_plain_card(CardKind.STAYING, label, identifier, rng))
    for nth in range(plot.sizes.private):
        identifier = f"friend-{index:03}-{nth:03}@private.example" if nth % 9 == 8 else next(private)
        label = f"Private contact {nth + 1:03}"
        cards.append(_plain_card(CardKind.PRIVATE, label, identifier, rng))
    members = tuple(card.uid for card in (*cards[1:3], *cards[-2:]) if card.uid is not None)
    cards.append(InventedCard(CardKind.GROUP, "Group 1", _uid(rng), members=members))
    first, *rest = cards
    rng.shuffle(rest)
    return [first, *rest]


def _held(plot: Plot, worker: str, rng: random.Random) -> tuple[dict[str, tuple[str, str]], list[str]]:
    """Identifier -> (case number, person code) of the clients' cards in a book, and some of the professionals."""
    held: dict[str, tuple[str, str]] = {}
    professionals: dict[str, None] = {}
    for index in plot.by_worker.get(worker, ()):
        life = plot.lives[index]
        if life.opened > plot.born:
            continue
        for person in life.people:
            for identifier in (*person.identifiers, *(value for value, _ in person.former)):
                if person.contact_class is ContactClass.PROFESSIONAL:
                    professionals[identifier] = None
                elif rng.random() < plot.sizes.kept:
                    held[identifier] = (life.number, person.code or "")
    for index, identifier in plot.lookups.get(worker, ()):
        held[identifier] = (plot.lives[index].number, "A")
    return held, list(professionals)[:40]


def _plain_card(kind: CardKind, label: str, identifier: str, rng: random.Random) -> InventedCard:
    return InventedCard(kind, label, _uid(rng), (identifier,), (spell(identifier, rng),))


def _make_odd(
    card: InventedCard, kind: CardKind, private: str, other: str, number: str, rng: random.Random
) -> InventedCard:
    """The same client's card as people also keep it."""
    own = card.identifiers[0]
    if kind is CardKind.MIXED:
        return replace(card, kind=kind, identifiers=(own, private), written=(*card.written, spell(private, rng)))
    if kind is CardKind.IN_NOTE:
        text = f"Bellen op {spell(own, rng, odd=0.0)}, liefst na vijf uur"
        return replace(card, kind=kind, note=text, written=())
    if kind is CardKind.TWO_CLIENTS:
        both = (own, other)
        written: tuple[str, ...] = (f"{spell(own, rng, odd=0.0)} / {spell(other, rng, odd=0.0)}",)
        if "@" in own + other:
            written = (*card.written, spell(other, rng))
        return replace(card, kind=kind, identifiers=both, written=written)
    if kind is CardKind.NO_UID:
        return replace(card, kind=kind, uid=None)
    return InventedCard(
        CardKind.CASE_NUMBER, f"Contact zaak {number}", None, (private,), (spell(private, rng),), f"Zaak {number}"
    )


def _uid(rng: random.Random) -> str:
    bits = f"{rng.getrandbits(128):032x}"
    return f"{bits[:8]}-{bits[8:12]}-4{bits[13:16]}-a{bits[17:20]}-{bits[20:]}"


_ESCAPES = str.maketrans({"\\": "\\\\", ",": "\\,", ";": "\\;", "\n": "\\n"})


def write_card(card: InventedCard) -> bytes:
    """A vCard as phones write them (RFC 2426, RFC 6350)."""
    if card.kind is CardKind.GROUP:
        return _write_group(card)
    four = card.version == "4.0"
    lines = ["BEGIN:VCARD", f"VERSION:{card.version}", "PRODID:-//Invented organisation//EN"]
    if card.uid is not None:
        lines.append(f"UID:{'urn:uuid:' if four else ''}{card.uid}")
    name = card.label.translate(_ESCAPES)
    lines += [f"FN:{name}", f"N:{name};;;;"]
    for nth, (identifier, text) in enumerate(zip(card.identifiers, card.written, strict=False)):
        value = text.translate(_ESCAPES)
        if "@" in identifier:
            lines.append(f"EMAIL:{value}" if four else f"EMAIL;TYPE=INTERNET:{value}")
        elif four and identifier.startswith("+31") and text.isascii() and text[-1].isdigit() and "/" not in text:
            lines.append(f'TEL;VALUE=uri;TYPE="cell":tel:+31-{identifier[3]}-{identifier[4:]}')
        elif nth and not four:
            lines += [f"item{nth}.TEL:{value}", f"item{nth}.X-ABLabel:Anders"]
        else:
            lines.append(f"TEL;TYPE={'cell' if four else 'CELL,VOICE'}:{value}")
    if card.note is not None:
        lines.append(f"NOTE:{card.note.translate(_ESCAPES)}")
    lines.append("END:VCARD")
    return _fold(lines)


def _write_group(card: InventedCard) -> bytes:
    """A group as Apple's books keep it, by the UIDs of its members."""
    members = [f"X-ADDRESSBOOKSERVER-MEMBER:urn:uuid:{member}" for member in card.members]
    head = ["BEGIN:VCARD", "VERSION:3.0", f"UID:{card.uid}", f"FN:{card.label}", f"N:{card.label};;;;"]
    return _fold([*head, "X-ADDRESSBOOKSERVER-KIND:group", *members, "END:VCARD"])


def _fold(lines: Iterable[str]) -> bytes:
    """Lines of at most 75 bytes, cut between characters."""
    out = bytearray()
    for line in lines:
        room = 75
        for char in line:
            encoded = char.encode()
            if len(encoded) > room:
                out += b"\r\n "
                room = 74
            out += encoded
            room -= len(encoded)
        out += b"\r\n"
    return bytes(out)
