"""Answers of vendors by grammar and by chance: nothing falls or is guessed, and one meaning is read in one way.

Each has two halves. What is written in another way but means the same must be read the same; what was damaged must be
told as such, or give nothing that is not there. The short form runs with all tests, the long one in `make campaigns`.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any
from xml.sax.saxutils import escape

import pytest

from mdm_adapters.dav import CARDDAV, DAV, Multistatus, read_multistatus
from mdm_adapters.outlook import Contact, is_whole, read_contact
from mdm_adapters.outlook import judge as judge_contact
from mdm_adapters.outlook import plan_cut as plan_contact
from mdm_adapters.port import Fault, Garbled, PortError, Shape
from mdm_adapters.registry import STORES
from mdm_adapters.vcard import Trim, judge, plan_cut, read_card
from tests.campaigns import Draws
from tests.vendors.graph import Asked, Said
from tests.vendors.members import GraphMember
from tests.vendors.register import Register, token

CLIENT, OTHER = "06-1234 5601", "06-1234 5602"
PRIVATE = "06-8765 4301"
REGISTER = Register(CLIENT, OTHER)
GOVERNED = frozenset({token(CLIENT), token(OTHER)})


def damaged(dice: Random, body: bytes, pieces: Sequence[bytes]) -> bytes:
    """The same with a few places cut out, said twice, swapped or overwritten."""
    raw = bytearray(body)
    for _ in range(dice.randint(1, 4)):
        at, end = sorted(dice.randrange(len(raw) + 1) for _ in range(2))
        end = min(end, at + dice.choice([1, 3, 40, 400]))
        match dice.randrange(5):
            case 0:
                del raw[at:end]
            case 1:
                raw[at:at] = raw[at:end]
            case 2:
                raw[at:end] = dice.choice(pieces)
            case 3:
                raw[at:at] = bytes([dice.randrange(256)])
            case _:
                del raw[at:]
        if not raw:
            break
    return bytes(raw)


# --- vCards

NAMES = ["TEL", "tel", "item1.TEL", "TEL;TYPE=CELL", 'TEL;TYPE="cell,voice"', "TEL;VALUE=uri", "TEL;X-A=b;PREF=1"]
NOISE = [
    "FN:Contact 1", "N:Contact;;;;", "ORG:Team 1", "NOTE:een notitie", "NOTE;ENCODING=QUOTED-PRINTABLE:sleutel =\r\n m",
    "BDAY:1990-01-01", "PHOTO;ENCODING=b;TYPE=JPEG:/9j/4AAQSkZJRgABAQ==", "ADR;LABEL=\"bel\":;;Straat 1;Plaats;;;NL",
    "X-OWN:waarde", "URL:https://org.example/", "REV:20250101T000000Z", "CATEGORIES:werk,thuis",
    "item1.X-ABLabel:_$!<Mobile>!$_", "EMAIL:somebody@private.example", "IMPP:xmpp:somebody@private.example",
]  # fmt: skip
CARD_PIECES = [
    b"\r\n",
    b"\n",
    b"\r",
    b"\n ",
    b"\x00",
    b"\xff\xfe",
    b"BEGIN:VCARD\r\n",
    b"END:VCARD\r\n",
    b":",
    b";",
    b'"',
]


def folded(dice: Random, line: str, end: bytes) -> bytes:
    raw, rows = line.encode(), []
    while raw:
        width = dice.choice([1_000, 75, 20, 7])
        while width < len(raw) and raw[width] & 0xC0 == 0x80:  # not within a letter
            width += 1
        rows.append(raw[:width])
        raw = raw[width:]
    return (end + b" ").join(rows) + end


def a_card(dice: Random, numbers: Sequence[str]) -> bytes:
    """A sound card of these numbers among other lines, in one of the ways in which such are written."""
    lines = dice.sample(NOISE, dice.randrange(6))
    for number in numbers:
        name = dice.choice(NAMES)
        lines.append(f"{name}:{'tel:' + number.replace(' ', '') if 'uri' in name else number}")
    dice.shuffle(lines)
    end = dice.choice([b"\r\n", b"\n"])
    version = dice.choice(["3.0", "4.0"])
    return b"".join(folded(dice, each, end) for each in ["BEGIN:VCARD", f"VERSION:{version}", *lines, "END:VCARD"])


def test_whoever_stands_in_a_card_is_seen_however_it_is_written(draws: Draws) -> None:
    for dice in draws(150):
        for _ in range(10):
            numbers = dice.sample([CLIENT, OTHER, PRIVATE], dice.randint(1, 3))
            body = a_card(dice, numbers)
            card = read_card(body)
            assert card is not None, body
            (found,) = REGISTER([card.fields])
            seen = {one for reading in found for one in reading.tokens}
            assert seen == {token(number) for number in numbers} & GOVERNED, body
            assert (PRIVATE in numbers) <= any(reading.other for reading in found), body


def test_a_damaged_card_is_unreadable_or_read_as_it_stands_and_a_cut_takes_lines_of_it_alone(draws: Draws) -> None:
    for dice in draws(150):
        for _ in range(10):
            body = damaged(dice, a_card(dice, dice.sample([CLIENT, OTHER, PRIVATE], 2)), CARD_PIECES)
            card = read_card(body)
            if card is None:
                continue
            (found,) = REGISTER([card.fields])
            judged = judge(card, found)
            if judged is not None and judged[0] is Shape.WHOLE:
                assert not any(reading.other for reading in found), body
            cut = plan_cut(card, found, GOVERNED)
            if isinstance(cut, Trim):
                original = iter(body.splitlines(keepends=True))
                assert all(line in original for line in cut.body.splitlines(keepends=True)), body
                after = read_card(cut.body)
                assert after is not None, body
                assert not {one for each in REGISTER([after.fields])[0] for one in each.tokens} & GOVERNED, body


# --- multistatus answers


@dataclass(frozen=True)
class Answer:
    """What one response means. etag: None: not found."""

    href: str
    etag: str | None
    refused: bool = False
    status: int | None = None


Meaning = tuple[tuple[Answer, ...], str | None]


def a_meaning(dice: Random) -> Meaning:
    answers = []
    for number in range(dice.randrange(8)):
        name = dice.choice(["een.vcf", "a&b.vcf", "é.vcf", "a%20b.vcf", "<x>.vcf", "contact 1.vcf", f"{number}.vcf"])
        kind = dice.randrange(5)
        answers.append(
            Answer(
                f"/books/{number}/{name}",
                etag=dice.choice(['"1"', 'W/"a&b"', "gcs00000000", '"<1>"']) if kind < 3 else None,
                refused=kind == 3,
                status=dice.choice([404, 507]) if kind == 4 else None,
            )
        )
    return tuple(answers), dice.choice([None, "http://org.example/sync/1?a=1&b=2"])


class Hand:
    """Writes answers in one of the ways that RFC 4918 and XML leave to whoever writes them."""

    def __init__(self, dice: Random) -> None:
        self.dice = dice
        self.prefix = dice.choice(["D:", "d:", "", "ns0:", "lp1:"])

    def said(self, text: str) -> str:
        match self.dice.randrange(3):
            case 0:
                return f"<![CDATA[{text}]]>"
            case 1:
                return "".join(f"&#{ord(each)};" if self.dice.random() < 0.3 else escape(each) for each in text)
            case _:
                return escape(text)

    def blank(self) -> str:
        return self.dice.choice(["", "", "\n  ", "<!-- said by nobody -->", "\t", "<?nobody knows?>"])

    def tag(self, name: str, *inner: str, attributes: str = "") -> str:
        if not any(inner) and self.dice.random() < 0.5:
            return f"<{self.prefix}{name}{attributes}/>"
        return f"<{self.prefix}{name}{attributes}{self.dice.choice(['', ' '])}>{''.join(inner)}</{self.prefix}{name}>"

    def status(self, code: int) -> str:
        reason = self.dice.choice(["OK", "Not Found", "", "Said so"])
        return self.tag("status", self.said(f"HTTP/1.1 {code} {reason}".rstrip()))

    def stranger(self) -> str:
        told = f'<x:other xmlns:x="http://org.example/ns">{self.said("anything")}</x:other>'
        return told if self.dice.random() < 0.3 else ""

    def propstats(self, answer: Answer) -> list[str]:
        found = []
        if answer.etag is not None:
            found = [self.tag("getetag", self.said(answer.etag)), self.tag("resourcetype"), self.stranger()]
        self.dice.shuffle(found)
        stats = [self.tag("propstat", self.tag("prop", *found), self.status(200))] if found else []
        if answer.refused:
            kept = self.tag("prop", self.tag("getetag"))
            stats.append(self.tag("propstat", kept, self.status(self.dice.choice([401, 403]))))
        elif answer.etag is None or self.dice.random() < 0.3:
            stats.append(self.tag("propstat", self.tag("prop", self.tag("getcontentlength")), self.status(404)))
        self.dice.shuffle(stats)
        return stats

    def response(self, answer: Answer) -> str:
        around = self.dice.choice(["", " ", "\n"])
        parts = [self.tag("href", around, self.said(answer.href), around)]
        parts += self.propstats(answer) if answer.status is None else [self.status(answer.status)]
        return self.tag("response", *(self.blank() + each for each in parts), self.stranger(), self.blank())


def written(dice: Random, meaning: Meaning) -> bytes:
    """An answer that means this."""
    hand = Hand(dice)
    answers, sync = meaning
    parts = [hand.response(answer) for answer in answers]
    if sync is not None:
        parts.insert(dice.randrange(len(parts) + 1), hand.tag("sync-token", hand.said(sync)))
    if dice.random() < 0.3:
        parts.append(hand.tag("responsedescription", hand.said("what nobody reads")))
    encoding = dice.choice(["utf-8", "utf-8", "utf-16", "iso-8859-1"])
    head = f'<?xml version="1.0" encoding="{encoding}"?>\n' if encoding != "utf-8" or dice.random() < 0.8 else ""
    bind = f"xmlns{':' + hand.prefix[:-1] if hand.prefix else ''}"
    body = hand.tag("multistatus", *(hand.blank() + each for each in parts), attributes=f' {bind}="DAV:"')
    return (head + body).encode(encoding)


def meant(found: Multistatus) -> Meaning:
    assert not any(name.startswith(CARDDAV) for each in found.responses for name in each.props)
    return (
        tuple(
            Answer(each.href, each.text(f"{DAV}getetag"), refused=each.refused is not None, status=each.status)
            for each in found.responses
        ),
        found.sync_token,
    )


def test_a_multistatus_is_read_by_its_meaning_however_it_is_written(draws: Draws) -> None:
    for dice in draws(100):
        for _ in range(10):
            meaning = a_meaning(dice)
            body = written(dice, meaning)
            assert meant(read_multistatus(body)) == meaning, body


MULTI_PIECES = [
    b"<",
    b"</D:response>",
    b"<D:response>",
    b"&#0;",
    b"&e;",
    b"]]>",
    b"\xff",
    b"</d:multistatus>",
    b'<!DOCTYPE x [<!ENTITY e "x">]>',
]


def test_a_damaged_multistatus_is_garbled_or_names_what_it_answers_for(draws: Draws) -> None:
    faults: set[Fault] = set()
    for dice in draws(100):
        for _ in range(10):
            body = damaged(dice, written(dice, a_meaning(dice)), MULTI_PIECES)
            try:
                found = read_multistatus(body)
            except Garbled as garbled:
                faults.add(garbled.fault)
            else:
                assert all(each.href for each in found.responses), body
    assert faults == {Fault.BAD_BODY, Fault.NOT_THE_PROTOCOL}


# --- Graph pages

VALUES: list[Callable[[Random], Any]] = [
    lambda _: None,
    lambda _: "",
    lambda _: 0,
    lambda _: 10**30,
    lambda _: True,
    lambda _: [],
    lambda _: {},
    lambda _: [None],
    lambda _: [[CLIENT]],
    lambda _: {"address": [CLIENT]},
    lambda dice: "".join(chr(dice.choice([0, 9, 65, 0x202E, 0xD7FF, 0x1F600])) for _ in range(8)),
    lambda _: "x" * 3_000,
]


def changed(dice: Random, told: Any) -> Any:
    """The same JSON with one place changed: gone, twice, or of another kind."""
    made = copy.deepcopy(told)
    where: list[tuple[Any, Any]] = []

    def walk(node: Any) -> None:
        for key in list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ():
            where.append((node, key))
            walk(node[key])

    walk(made)
    if where:
        node, key = dice.choice(where)
        if dice.random() < 0.2:
            del node[key]
        elif isinstance(node, list) and dice.random() < 0.2:
            node.append(copy.deepcopy(node[key]))
        else:
            node[key] = dice.choice(VALUES)(dice)
    return made


CONTACT = {
    "id": "c-1", "changeKey": "k", "parentFolderId": "f-1", "displayName": "Contact 1", "givenName": None,
    "surname": "", "mobilePhone": CLIENT, "businessPhones": [OTHER], "homePhones": [], "imAddresses": [],
    "children": [], "emailAddresses": [{"name": "Contact 1", "address": "somebody@private.example"}],
    "personalNotes": "een notitie", "businessAddress": {}, "homeAddress": {"street": "Straat 1"},
    "otherAddress": {}, "businessHomePage": None,
}  # fmt: skip


def test_a_contact_of_graph_is_read_or_unreadable_whatever_its_properties_are(draws: Draws) -> None:
    for dice in draws(150):
        item: Any = CONTACT
        for _ in range(10):
            item = changed(dice, item)
            if not isinstance(item, dict):
                break
            is_whole(item)
            contact = read_contact(item)
            if contact is None:
                continue
            assert isinstance(contact, Contact)
            (found,) = REGISTER([contact.fields])
            judge_contact(contact, found)
            plan_contact(contact, found, GOVERNED)
            seen = {one for reading in found for one in reading.tokens}
            for number in (CLIENT, OTHER):  # what is still said in a place for numbers is seen, and nothing else
                said = number == item.get("mobilePhone") or number in (item.get("businessPhones") or [])
                assert not said or token(number) in seen, item
                assert token(number) not in seen or number in json.dumps(item), item


@pytest.mark.contract
def test_a_damaged_page_of_graph_is_a_fault_or_names_only_contacts_that_are_there(
    graph_member: GraphMember, draws: Draws
) -> None:
    refs = {graph_member.mailbox.add({"displayName": f"Contact {n}", "mobilePhone": CLIENT}) for n in range(3)}
    graph_member.mailbox.add({"displayName": "Contact 9", "mobilePhone": PRIVATE})
    graph_member.cloud.quota, graph_member.cloud.remembers = (
        1_000_000_000,
        False,
    )  # a campaign asks more than a mailbox bears
    state: dict[str, Any] = {}

    def twist(asked: Asked, said: Said) -> Said:
        if state["left"] > 0 and isinstance(said.body, dict) and "token" not in asked.path and asked.mailbox:
            state["left"] -= 1
            return replace(said, body=changed(state["dice"], said.body), strange=True)
        return said

    graph_member.cloud.twists.append(twist)
    store = graph_member.store
    for dice in draws(40):
        state.update(dice=dice, left=dice.randint(1, 3))
        try:
            look = store.look(graph_member.place, REGISTER)
        except PortError as error:
            if error.fault is Fault.THROTTLED:  # a damaged answer asked us to wait: another adapter was not asked
                store = STORES["graph"](graph_member.connection)
            continue
        assert all(entry.tokens <= {token(CLIENT)} for entry in look.entries)
        if look.full and not any(entry.ref not in refs for entry in look.entries):
            assert look.read <= len(refs) + 2  # one may be told twice
    state["left"] = 0
    store = STORES["graph"](graph_member.connection)
    assert {entry.ref for entry in store.look(graph_member.place, REGISTER).entries} == refs
