"""Cards as phones and programs write them: what is seen in them, and that a cut takes its lines and nothing else."""

from __future__ import annotations

import re
from time import process_time

import pytest
import vobject
from hypothesis import given, settings
from hypothesis import strategies as st

from mdm_adapters.content import is_placeholder
from mdm_adapters.port import Cut, Field, FieldKind, Reading, Rest, Shape, Token, Unread, content_of
from mdm_adapters.shapes import OwnerUnsure
from mdm_adapters.vcard import (
    MAX_CARD,
    MAX_FIELDS,
    MAX_TEXT,
    Card,
    CutPlan,
    Delete,
    NothingLeft,
    Trim,
    Unclear,
    judge,
    plan_cut,
    read_card,
)
from tests.campaigns import examples
from tests.vendors.register import Register, token

CLIENT = "06-1234 5601"
OTHER_CLIENT = "06-1234 5602"
CLIENT_MAIL = "contact-01@client.example"
PRIVATE = "06-8765 4301"
BOTH = Register(CLIENT, OTHER_CLIENT, CLIENT_MAIL)

PHONE, EMAIL, TEXT = FieldKind.PHONE, FieldKind.EMAIL, FieldKind.TEXT


def tokens(*identifiers: str) -> frozenset[Token]:
    return frozenset(map(token, identifiers))


def lines(*texts: str, version: str = "3.0", end: str = "\r\n") -> bytes:
    return end.join(["BEGIN:VCARD", f"VERSION:{version}", *texts, "END:VCARD", ""]).encode()


def read(body: bytes) -> Card:
    card = read_card(body)
    assert card is not None
    return card


def fields(*texts: str, version: str = "3.0") -> list[tuple[FieldKind, str, bool]]:
    """What is read in these lines: kind, text, whether it is there to reach somebody."""
    card = read(lines(*texts, version=version))
    return [(spot.field.kind, spot.field.text, spot.identifying) for spot in card.spots]


def readings(card: Card, register: Register = BOTH) -> list[Reading]:
    (found,) = register([card.fields])
    return found


def plan(body: bytes, *goes: str, register: Register = BOTH) -> CutPlan:
    card = read(body)
    return plan_cut(card, readings(card, register), tokens(*goes))


def shape(body: bytes, register: Register = BOTH) -> Shape | None:
    card = read(body)
    judged = judge(card, readings(card, register))
    return judged and judged[0]


# --- what is seen


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("TEL:06-1234 5601", (PHONE, "06-1234 5601", True)),
        ("tel;type=cell:06-1234 5601", (PHONE, "06-1234 5601", True)),
        ("item1.TEL;type=pref:06-1234 5601", (PHONE, "06-1234 5601", True)),
        ('TEL;X-LABEL="a:b;c":06-1234 5601', (PHONE, "06-1234 5601", True)),
        ('TEL;X-LABEL="open:06-1234 5601', (PHONE, "06-1234 5601", True)),
        ("TEL : 06-1234 5601", (PHONE, "06-1234 5601", True)),
        ("TEL:geen", (PHONE, "geen", True)),
        ("TEL;VALUE=uri:tel:+31-6-1234-5601", (PHONE, "+31-6-1234-5601", True)),
        ("TEL;VALUE=uri:tel:+31-6-1234-5601;ext=12", (PHONE, "+31-6-1234-5601", True)),
        ("TEL;VALUE=uri:tel:06-12345601;phone-context=+31", (PHONE, "+316-12345601", True)),
        ("TEL;VALUE=uri:tel:%2B31612345601", (PHONE, "+31612345601", True)),
        ("TEL:contact-01@client.example", (EMAIL, "contact-01@client.example", True)),
        ("EMAIL;TYPE=INTERNET:contact-01@client.example", (EMAIL, "contact-01@client.example", True)),
        ("EMAIL:mailto:contact-01@client.example?subject=x", (EMAIL, "contact-01@client.example", True)),
        ("EMAIL:06-1234 5601", (PHONE, "06-1234 5601", True)),
        ("EMAIL:onbekend", (TEXT, "onbekend", True)),
        ("IMPP:tel:+31612345601", (PHONE, "+31612345601", True)),
        ("IMPP;X-SERVICE-TYPE=WhatsApp:whatsapp:+31612345601", (PHONE, "+31612345601", True)),
        ("IMPP:sip:+31612345601@voip.example", (PHONE, "+31612345601", True)),
        ("IMPP:xmpp:31612345601@s.whatsapp.net", (PHONE, "+31612345601", True)),
        ("IMPP:xmpp:contact-01@client.example", (EMAIL, "contact-01@client.example", True)),
        ("IMPP:x-apple:handle", (TEXT, "handle", True)),
        ("IMPP:aim:handle", (TEXT, "handle", True)),
        ("X-SKYPE-USERNAME:handle", (TEXT, "handle", True)),
        ("X-SOCIALPROFILE;type=twitter:https://social.example/handle", (TEXT, "//social.example/handle", True)),
        ("X-SIP:06-1234 5601", (PHONE, "06-1234 5601", True)),
        ("X-PHONE-WORK:06-1234 5601", (PHONE, "06-1234 5601", True)),
        ("X-MS-TEL;TYPE=RADIO:06-1234 5601", (PHONE, "06-1234 5601", True)),
        ("X-PHONETIC-LAST-NAME:naam 12345678", (TEXT, "naam 12345678", False)),
        ("URL:tel:+31612345601", (PHONE, "+31612345601", True)),
        ("URL:mailto:contact-01@client.example", (EMAIL, "contact-01@client.example", True)),
        ("URL:https://wa.me/31612345601?text=hoi", (PHONE, "+31612345601", True)),
        ("URL:wa.me/31612345601", (PHONE, "+31612345601", True)),
        ("URL:https://api.whatsapp.com/send?phone=31612345601", (PHONE, "+31612345601", True)),
        ("URL:whatsapp://send?phone=+31612345601", (PHONE, "+31612345601", True)),
        ("URL:https://signal.me/#p/+31612345601", (PHONE, "+31612345601", True)),
        ("URL:https://shop.example/wa.me", (TEXT, "https://shop.example/wa.me", False)),
        ("RELATED;VALUE=uri:tel:+31612345601", (PHONE, "+31612345601", True)),
        ("CALADRURI:mailto:contact-01@client.example", (EMAIL, "contact-01@client.example", True)),
        ("MEMBER:mailto:contact-01@client.example", (EMAIL, "contact-01@client.example", True)),
        ("NOTE:tel: 06-1234 5601\\nen dan", (TEXT, "tel: 06-1234 5601\nen dan", False)),
        ("NOTE:a\\, b\\; c \\\\ d", (TEXT, "a, b; c \\ d", False)),
        ("N:Achter;Voor;;;", (TEXT, "Achter\nVoor", False)),
        ("ADR;TYPE=HOME:;;Straat 1;Stad;;1234 AB;NL", (TEXT, "Straat 1\nStad\n\n1234 AB\nNL", False)),
        ("CATEGORIES:een,twee\\,drie", (TEXT, "een\ntwee,drie", False)),
        ("X-CASE-ID:123456-B", (TEXT, "123456-B", False)),
        ("NOTE;ENCODING=B:YmVsIDA2LTEyMzQgNTYwMQ==", (TEXT, "bel 06-1234 5601", False)),
        ("dit is van een vorige notitie 06-1234 5601", (TEXT, "dit is van een vorige notitie 06-1234 5601", False)),
    ],
)
def test_a_line_is_read_for_what_it_holds(line: str, expected: tuple[FieldKind, str, bool]) -> None:
    kind, text, identifying = expected
    read = fields(line)

    assert [(k, re.sub(r"^\n+|\n+$", "", t), i) for k, t, i in read] == [(kind, text, identifying)]


@pytest.mark.parametrize(
    "line",
    [
        *("TEL:", "NOTE: ", "UID:06-1234-5601", "REV:20260101T000000Z", "PHOTO;VALUE=uri:tel:+31612345601"),
        *("PHOTO;ENCODING=b;TYPE=JPEG:MDYxMjM0NTYwMQ==", "KEY:data:application/pgp-keys;base64,0612345601"),
        *("X-MS-CARDPICTURE;ENCODING=BASE64:/9j/4AAQSkZJRg==", "BDAY:19800101", "GEO:52.1;4.2"),
        *("MEMBER:urn:uuid:06123456-0100-4000-8000-000000000000", "X-IMAGE:data:image/png;base64,0612345601", ""),
    ],
)
def test_what_reaches_nobody_is_not_read(line: str) -> None:
    assert fields(line) == []


def test_the_copies_of_a_mail_link_are_read_too() -> None:
    assert fields("URL:mailto:a@b.example?cc=contact-01@client.example") == [
        (EMAIL, "a@b.example", True),
        (EMAIL, "contact-01@client.example", True),
    ]


@pytest.mark.parametrize("end", ["\r\n", "\n", "\r"])
def test_any_line_end_will_do(end: str) -> None:
    body = lines("FN:Contact 1", "TEL:06-1234", "  5601", "TEL:06-8765 4301", end=end)

    assert [field.text for field in read(body).fields] == ["Contact 1", "06-1234 5601", "06-8765 4301"]


def test_a_long_line_is_unfolded_wherever_it_was_folded() -> None:
    assert fields("NOTE:bel 06123\r\n 45601 eens", "EM\r\n AIL:contact-01@cl\r\n\tient.example") == [
        (TEXT, "bel 0612345601 eens", False),
        (EMAIL, "contact-01@client.example", True),
    ]


def test_a_note_of_version_2_1_is_read_in_both_ways_of_folding() -> None:
    assert fields("NOTE:bel\r\n 0612345601 eens", "TEL:06-1234\r\n 5601", version="2.1") == [
        (TEXT, "bel0612345601 eens", False),
        (TEXT, "bel 0612345601 eens", False),
        (PHONE, "06-12345601", True),
    ]


def test_letters_of_old_encodings_are_read() -> None:
    body = b"\r\n".join(
        [
            b"BEGIN:VCARD",
            b"VERSION:2.1",
            b"FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:caf=C3=A9 =",
            b"0612345601",
            b"N;QUOTED-PRINTABLE;CHARSET=ISO-8859-1:caf=E9",
            b"NOTE:caf\xe9",
            b"ORG;CHARSET=no-such:caf\xc3\xa9",
            b"TITLE;CHARSET=ISO-8859-1:caf\xe9",
            b"END:VCARD",
        ]
    )

    assert [field.text for field in read(body).fields] == ["caf\u00e9 0612345601", *["caf\u00e9"] * 4]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"BEGIN:VCARD\nTEL:06-1234 5601\nEND:VCARD", Shape.WHOLE),
        (b"\xef\xbb\xbfBEGIN:VCARD\r\nTEL:06-1234 5601\r\nend:vcard \r\n\r\n", Shape.WHOLE),
        (b"BEGIN:VCARD\r\nVERSION:9.9\r\nTEL:06-1234 5601\r\nEND:VCARD\r\n", Shape.WHOLE),
        (b"BEGIN:VCARD\r\n\r\n\r\nTEL:06-1234 5601\r\n\x00\xff\r\nEND:VCARD\r\n", Shape.ASK),
        (
            b"BEGIN:VCARD\nPHOTO;ENCODING=BASE64:QUJD\nQUJDQUJDQUJDQUJDQUJD\nQUI=\n\nTEL:06-1234 5601\nEND:VCARD",
            Shape.ASK,
        ),
    ],
)
def test_a_broken_card_still_shows_its_number(body: bytes, expected: Shape) -> None:
    card = read(body)
    judged = judge(card, readings(card))

    assert judged is not None
    assert (judged.shape, judged.tokens) == (expected, tokens(CLIENT))


_ONE = b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Contact 1\r\nTEL:06-1234 5601\r\nTEL;TYPE=HOME:06-8765 4301\r\nEND:VCARD\r\n"


@pytest.mark.parametrize("length", [*range(0, len(_ONE) - 2, 7), len(_ONE) - 3])
def test_a_card_that_was_cut_short_is_unreadable_wherever_it_was_cut(length: int) -> None:
    """What is missing may be private: a card cut before its private number was deleted as a whole."""
    assert read_card(_ONE) is not None
    assert read_card(_ONE[:length]) is None


@pytest.mark.parametrize(
    "body",
    [
        _ONE + _ONE,
        _ONE.replace(b"FN:", b"AGENT:\r\nBEGIN:VCARD\r\nFN:Contact 2\r\nEND:VCARD\r\nFN:"),
        b"BEGIN:VCARD\r\n" + _ONE,
        _ONE + b"END:VCARD\r\n",
        _ONE.removeprefix(b"BEGIN:VCARD\r\n"),
        b"FN:Contact 2\r\n" + _ONE,
        _ONE + b"TEL:06-8765 4302\r\n",
        _ONE.replace(b"END:VCARD", b"END:VCALENDAR"),
        _ONE.replace(b"BEGIN:VCARD", b"BEGIN:VCARD\r\nBEGIN:VCARD\r\nEND:VCARD"),
        _ONE.replace(b"END:VCARD", b"NOTE:END:VCARD"),
    ],
    ids=[
        "two",
        "nested",
        "two begins",
        "two ends",
        "no begin",
        "before",
        "behind",
        "other",
        "empty within",
        "in a note",
    ],
)
def test_what_is_not_one_whole_card_is_unreadable(body: bytes) -> None:
    assert read_card(body) is None


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('ADR;LABEL="bel 0612345601":;;Straat 1;Stad;;1234 AB;NL', "bel 0612345601"),
        ("ADR;LABEL=0612345601:;;Straat 1;;;;", "0612345601"),
        ('ADR;LABEL="Straat 1^n06-1234 5601":;;Straat 1;;;;', "Straat 1\n06-1234 5601"),
        ("ADR;LABEL=\"zus ^'06-1234 5601^'\":;;Straat 1;;;;", "zus  06-1234 5601"),
        ('N;SORT-AS="06-1234 5601":Achter;Voor', "06-1234 5601"),
        ("FN;X-OLD=contact-01@client.example:Contact 1", "contact-01@client.example"),
        ("FN;TYPE=0612345601:Contact 1", "0612345601"),
        ("PHOTO;X-NOTE=0612345601;ENCODING=b:QUJD", "0612345601"),
        ("UID;X-NOTE=0612345601:u", "0612345601"),
        ("TEL;06-1234 5601:", "06-1234 5601"),
        ('NOTE;X="open 06-1234 5601:x', "open 06-1234 5601"),
    ],
)
def test_what_is_said_in_a_parameter_is_read(line: str, said: str) -> None:
    found = [text for kind, text, identifying in fields(line) if kind is TEXT and not identifying]

    assert said in found
    assert shape(lines(line, f"TEL:{PRIVATE}")) is not None


@pytest.mark.parametrize("head", ["FN;PREF=1", "FN;CHARSET=UTF-8", "FN;PID=1.1;ALTID=2", "FN;TYPE=x;LANGUAGE=nl", "FN"])
def test_a_technical_parameter_tells_of_nobody(head: str) -> None:
    assert fields(f"{head}:Contact 1") == [(TEXT, "Contact 1", False)]


@pytest.mark.parametrize("line", ["BDAY;VALUE=text:bel 0612345601", "ANNIVERSARY:0612345601", "GENDER:O;0612345601"])
def test_a_number_where_a_date_belongs_is_read(line: str) -> None:
    assert shape(lines(line, f"TEL:{PRIVATE}")) is Shape.UNCLEAR


def test_a_number_after_a_picture_is_not_taken_for_a_part_of_it() -> None:
    assert fields("PHOTO;ENCODING=BASE64:QUJD", "QUJD", "0612345601", version="2.1") == [(TEXT, "0612345601", False)]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\r\n\r\n",
        b"<html>06-1234 5601</html>",
        "BEGIN:VCARD\r\nTEL:06-1234 5601\r\nEND:VCARD\r\n".encode("utf-16"),
        b"\x00" * 1_000,
        lines("TEL:06-1234 5601", "PHOTO:" + "A" * MAX_CARD),
        lines("NOTE:" + "a" * (MAX_TEXT + 1)),
        lines(*["TEL:1"] * (MAX_FIELDS + 1)),
    ],
    ids=["empty", "blank", "page", "utf-16", "zeros", "too large", "too long", "too many"],
)
def test_what_is_no_card_is_called_unreadable(body: bytes) -> None:
    assert read_card(body) is None


def test_a_large_card_is_read_quickly() -> None:
    picture = "PHOTO;ENCODING=b:" + "\r\n ".join(["QUJD" * 18] * 100_000)
    body = lines(picture, "TEL:06-1234 5601")
    begun = process_time()

    assert [field.text for field in read(body).fields] == ["06-1234 5601"]
    assert len(body) > 7_000_000
    assert process_time() - begun < SECONDS_OF_A_QUADRATIC_READER


SECONDS_OF_A_QUADRATIC_READER = 30
"""Processor time; a reader in proportion to its input takes a tenth of it on a slow machine, a quadratic one hours."""


@pytest.mark.parametrize(
    "unit", [b'TEL;X="', b'":', b":\r\n", b"\r\n", b"A.", b"TEL;", b"=\r\n", b":", b"\r\n ", b"NOTE:\\", b"wa.me/"]
)
def test_hostile_bytes_take_no_time(unit: bytes) -> None:
    begun = process_time()

    end = b"\r\nEND:VCARD"
    read_card(b"BEGIN:VCARD\r\nNOTE;ENCODING=QUOTED-PRINTABLE:" + unit * (200_000 // len(unit)) + end)
    read_card(b"BEGIN:VCARD\r\n" + unit * (MAX_CARD // 2 // len(unit)) + end)
    read_card(b'BEGIN:VCARD\r\nTEL;X="' + unit * (200_000 // len(unit)) + end)
    read_card(b"BEGIN:VCARD\r\nTEL;X=1" + unit * (200_000 // len(unit)) + b":1" + end)

    assert process_time() - begun < SECONDS_OF_A_QUADRATIC_READER


# --- what may be done


PRIVATE_LINES = (
    "BDAY:19500101",
    "ADR;TYPE=HOME:;;Straat 1;Stad;;1000 AA;NL",
    "NOTE:Mijn tante. Verjaardag niet vergeten",
    "PHOTO;ENCODING=b:QUJD",
    "PHOTO;VALUE=uri:https://shop.example/p.jpg",
    "URL:https://shop.example",
    "ORG:Organisatie 1",
    "TITLE:buurvrouw",
    "RELATED:zus",
    "ANNIVERSARY:20090808",
    "GEO:52.1;4.2",
    "GENDER:F",
    "X-ODD:iets",
    "los van alles",
)
"""What is more than a name: the worker is asked."""
EMPTY_LINES = (
    *("ADR;TYPE=HOME:;;;;;;", "ORG:;", "NOTE:", "NOTE:-", "NOTE:n.v.t.", "BDAY:", "PHOTO:", "URL:https://", "TITLE: "),
    *(
        "N:Een;Contact;;;",
        "NICKNAME:C",
        "UID:u",
        "REV:20260101T000000Z",
        "PRODID:-//x//y",
        "CATEGORIES:werk",
        "KIND:org",
    ),
    *("X-ABLabel:mobiel", "X-IMAGETYPE:PHOTO", "X-PHONETIC-LAST-NAME:een", "X-EVOLUTION-FILE-AS:Een", "VERSION:4.0"),
)
"""What is nothing, or a name, or written by programs: it goes along."""
PLACEHOLDERS = (
    *(
        "TEL:-",
        "TEL:--",
        "TEL:onbekend",
        "TEL:Onbekend ",
        "TEL:+31",
        "TEL:+31 ",
        "TEL:0031",
        "TEL:06",
        "TEL:06-",
        "TEL:+31 6",
    ),
    *(
        "TEL:",
        "TEL;VALUE=uri:tel:",
        "TEL;VALUE=uri:tel:-",
        "TEL:?",
        "TEL:0",
        "TEL:000",
        "TEL:0000000000",
        "TEL:xxx",
        "TEL:XX-XXX",
    ),
    *(
        "TEL:n.v.t.",
        "TEL:nvt",
        "TEL:geen",
        "TEL:(geen)",
        "TEL:.",
        "TEL:\u2014",
        "TEL:n/a",
        "TEL:9999999999",
        "TEL:geen telefoon",
    ),
    *("EMAIL:geen", "EMAIL:-", "EMAIL:@", "EMAIL:mailto:", "EMAIL:onbekend", "EMAIL:geen e-mail", "IMPP:", "IMPP:none"),
    *("X-SKYPE:-", "TEL;TYPE=HOME:nog niet bekend"),
)
"""What somebody or a form filled in where nothing was known."""


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        ((f"TEL:{CLIENT}",), Shape.WHOLE),
        ((f"TEL:{CLIENT}", f"EMAIL:{CLIENT_MAIL}", f"TEL:{OTHER_CLIENT}"), Shape.WHOLE),
        ((f"FN:{CLIENT}", f"TEL:{CLIENT}"), Shape.WHOLE),
        ((f"FN:{CLIENT}",), Shape.WHOLE),
        ((f"NOTE:{CLIENT}", "URL:https://shop.example", "ADR:;;Straat 1;;;;"), Shape.ASK),
        ((f"NOTE:{CLIENT}", "FN:Contact 1"), Shape.ASK),
        *(((f"TEL:{CLIENT}", "FN:Contact 1", line), Shape.ASK) for line in PRIVATE_LINES),
        *(((f"TEL:{CLIENT}", "FN:Contact 1", line), Shape.WHOLE) for line in EMPTY_LINES),
        *(((f"TEL:{CLIENT}", f"TEL:{PRIVATE}", line), Shape.MIXED) for line in (*PRIVATE_LINES, *EMPTY_LINES)),
        ((f"TEL:{CLIENT}", f"TEL:{PRIVATE}"), Shape.MIXED),
        ((f"TEL:{CLIENT}", "EMAIL:home@private.example"), Shape.MIXED),
        ((f"TEL:{CLIENT}", "IMPP:aim:handle"), Shape.MIXED),
        ((f"TEL:{CLIENT}", "TEL:112"), Shape.MIXED),
        *(((f"TEL:{CLIENT}", line), Shape.WHOLE) for line in PLACEHOLDERS),
        *(((f"TEL:{CLIENT}", "NOTE:hond", line), Shape.ASK) for line in PLACEHOLDERS),
        ((f"TEL:{CLIENT}", "TEL:bel de buren"), Shape.MIXED),
        ((f"TEL:{CLIENT}", "TEL:1234501"), Shape.MIXED),
        ((f"TEL:{CLIENT}", f"NOTE:moeder {PRIVATE}"), Shape.MIXED),
        (("URL:https://wa.me/31612345601", f"TEL:{PRIVATE}"), Shape.MIXED),
        ((f"item1.TEL:{CLIENT}", f"item1.X-ABLabel:{CLIENT}", f"TEL:{PRIVATE}"), Shape.MIXED),
        ((f"TEL:{PRIVATE}", f"NOTE:{CLIENT}"), Shape.UNCLEAR),
        ((f"TEL:{CLIENT}", f"FN:{CLIENT}", f"TEL:{PRIVATE}"), Shape.UNCLEAR),
        ((f"TEL:{CLIENT} of {PRIVATE}",), Shape.UNCLEAR),
        ((f"NOTE:{CLIENT} of {PRIVATE}",), Shape.UNCLEAR),
        ((f"item1.TEL:{PRIVATE}", f"item1.X-ABLabel:{CLIENT}"), Shape.UNCLEAR),
        ((f"TEL:{CLIENT}", "KIND:group"), Shape.UNCLEAR),
        ((f"TEL:{CLIENT}", "X-ADDRESSBOOKSERVER-KIND: Group "), Shape.UNCLEAR),
        (("KIND:group", f"MEMBER:mailto:{CLIENT_MAIL}"), Shape.UNCLEAR),
        ((f"TEL:{CLIENT}", "KIND:org"), Shape.WHOLE),
        (("FN:123456-B", f"TEL:{PRIVATE}"), Shape.CASE_NUMBER),
        ((f"TEL:{CLIENT}", "FN:123456-B"), Shape.WHOLE),
        ((f"TEL:{PRIVATE}", "FN:Contact 1"), None),
        (("FN:Contact 1",), None),
        (("KIND:group", "FN:Contacten"), None),
    ],
)
def test_the_shape_of_a_card(texts: tuple[str, ...], expected: Shape | None) -> None:
    assert shape(lines(*texts)) is expected


@pytest.mark.parametrize(
    ("texts", "goes", "expected"),
    [
        ((f"TEL:{CLIENT}", f"TEL:{OTHER_CLIENT}"), (CLIENT, OTHER_CLIENT), Delete()),
        ((f"TEL:{CLIENT}", f"TEL:{OTHER_CLIENT}"), (CLIENT,), Trim(lines(f"TEL:{OTHER_CLIENT}"))),
        ((f"TEL:{CLIENT}", f"NOTE:{OTHER_CLIENT}"), (CLIENT,), Trim(lines(f"NOTE:{OTHER_CLIENT}"))),
        ((f"TEL:{CLIENT}", f"NOTE:{CLIENT}", f"TEL:{OTHER_CLIENT}"), (CLIENT,), Unclear()),
        ((f"TEL:{CLIENT}, {OTHER_CLIENT}",), (CLIENT,), Unclear()),
        ((f"TEL:{CLIENT}, {OTHER_CLIENT}",), (CLIENT, OTHER_CLIENT), Delete()),
        ((f"TEL:{OTHER_CLIENT}",), (CLIENT,), NothingLeft()),
        ((f"TEL:{PRIVATE}",), (CLIENT,), NothingLeft()),
        (("KIND:group", f"TEL:{OTHER_CLIENT}"), (CLIENT,), NothingLeft()),
        ((f"TEL:{CLIENT}", "FN:Contact 1", "NOTE:-"), (CLIENT,), Delete()),
        ((f"TEL:{CLIENT}", "FN:Contact 1", "NOTE:hond"), (CLIENT,), OwnerUnsure()),
        (
            (f"TEL:{CLIENT}", f"TEL:{OTHER_CLIENT}", "NOTE:hond"),
            (CLIENT,),
            Trim(lines(f"TEL:{OTHER_CLIENT}", "NOTE:hond")),
        ),
        ((f"TEL:{CLIENT}", f"NOTE:{PRIVATE}"), (CLIENT,), Trim(lines(f"NOTE:{PRIVATE}"))),
        ((f"TEL:{CLIENT}",), (), NothingLeft()),
    ],
)
def test_which_identifiers_go_is_per_order(texts: tuple[str, ...], goes: tuple[str, ...], expected: CutPlan) -> None:
    assert plan(lines(*texts), *goes) == expected


@pytest.mark.parametrize(
    ("texts", "rest", "expected"),
    [
        ((f"TEL:{CLIENT}", "NOTE:hond"), Rest.GOES, Delete()),
        ((f"TEL:{CLIENT}", "NOTE:hond"), Rest.STAYS, Trim(lines("NOTE:hond"))),
        ((f"NOTE:kennis van {CLIENT}", "FN:Contact 1"), Rest.GOES, Delete()),
        ((f"NOTE:kennis van {CLIENT}", "FN:Contact 1"), Rest.STAYS, Unclear()),
        ((f"TEL:{CLIENT}", f"TEL:{PRIVATE}", "NOTE:hond"), Rest.GOES, Trim(lines(f"TEL:{PRIVATE}", "NOTE:hond"))),
        (
            (f"TEL:{CLIENT}", f"TEL:{OTHER_CLIENT}", "NOTE:hond"),
            Rest.GOES,
            Trim(lines(f"TEL:{OTHER_CLIENT}", "NOTE:hond")),
        ),
        ((f"TEL:{CLIENT}", "KIND:group"), Rest.GOES, Unclear()),
    ],
)
def test_what_the_owner_said_of_the_rest_decides_where_every_identifier_goes(
    texts: tuple[str, ...], rest: Rest, expected: CutPlan
) -> None:
    card = read(lines(*texts))

    assert plan_cut(card, readings(card), tokens(CLIENT), rest) == expected


def test_what_was_said_of_no_version_counts_for_nothing() -> None:
    assert Cut("ref", None, frozenset(), rest=Rest.GOES).said is Rest.UNSAID
    assert Cut("ref", "1", frozenset(), rest=Rest.GOES).said is Rest.GOES


def test_a_field_that_cannot_be_read_is_told_with_its_card() -> None:
    unread = Unread(b"m", tokens(CLIENT))
    card = read(lines("FN:Contact 1", "TEL:06 1234 x 5601"))
    private = judge(card, [Reading(), Reading(other=True, unread=unread)])
    mixed = judge(card, [Reading(tuple(tokens(OTHER_CLIENT))), Reading(other=True, unread=unread)])

    assert private == (Shape.FIELD_UNREAD, frozenset(), (unread,), content_of(card.fields))
    assert mixed is not None
    assert (mixed.shape, mixed.unread) == (Shape.UNCLEAR, (unread,))


def test_a_cut_takes_the_whole_of_a_line_and_leaves_every_other_byte() -> None:
    before = b"BEGIN:VCARD\nVERSION:3.0\r\nUID:u\r\nREV:20260101T000000Z\r\nFN:caf\xe9 \r\n  x\r\n"
    before += b"PHOTO;ENCODING=b:QU\r\n JD\r\n"
    ours = b"item1.TEL;type=CELL;type=pref:+316123\r\n 4560\r\n\t1\r\n"
    middle = b"\r\nitem2.TEL:" + PRIVATE.encode() + b"\r\nitem2.X-ABLabel:_$!<Home>!$_\r\n"
    label = b"item1.X-ABLabel:br\r\n oer\r\n"
    after = b"X-ODD;;=: \xff\x00\r\nbroken line\nEND:VCARD"

    cut = plan(before + ours + middle + label + after, CLIENT)

    assert cut == Trim(before + middle + after)


def test_a_label_stays_as_long_as_its_group_has_something_else() -> None:
    kept = ("item1.EMAIL:home@private.example", "item1.X-ABLabel:thuis")

    assert plan(lines(f"item1.TEL:{CLIENT}", *kept), CLIENT) == Trim(lines(*kept))


def test_a_soft_broken_line_goes_whole() -> None:
    body = lines("TEL;ENCODING=QUOTED-PRINTABLE:06-1234=", "=205601", f"TEL:{PRIVATE}", version="2.1")

    assert plan(body, CLIENT) == Trim(lines(f"TEL:{PRIVATE}", version="2.1"))


def test_readings_that_do_not_fit_the_card_are_refused() -> None:
    card = read(lines(f"TEL:{CLIENT}", f"TEL:{PRIVATE}"))

    with pytest.raises(ValueError, match="one reading for each field"):
        judge(card, [Reading()])
    with pytest.raises(ValueError, match="one reading for each field"):
        plan_cut(card, [], tokens(CLIENT))


# --- whatever the card

_TEXT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc", "Zl", "Zp")), max_size=40)
_LINES = st.one_of(
    st.sampled_from([f"TEL;TYPE=CELL:{CLIENT}", f"EMAIL:{CLIENT_MAIL}", f"item1.TEL:{OTHER_CLIENT}", f"TEL:{PRIVATE}"]),
    st.sampled_from(["item1.X-ABLabel:label", f"NOTE:bel {CLIENT}", "PHOTO;ENCODING=b:QUJD", "X-ODD;a=b:c", ""]),
    st.builds("NOTE:{}".format, _TEXT),
    st.builds("{}:{}".format, st.sampled_from(["FN", "ORG", "X-OWN", "TEL", "URL"]), _TEXT),
)


def _folded(texts: list[str], end: bytes, width: int) -> bytes:
    rows = []
    for text in ["BEGIN:VCARD", "VERSION:3.0", *texts, "END:VCARD"]:
        raw = text.encode()
        rows.append((end + b" ").join([raw[at : at + width] for at in range(0, len(raw), width)] or [b""]))
    return end.join([*rows, b""])


_CARDS = st.builds(
    _folded, st.lists(_LINES, max_size=8), st.sampled_from([b"\r\n", b"\n"]), st.sampled_from([9, 20, 75])
)
_WANTED = st.sets(st.sampled_from([CLIENT, OTHER_CLIENT, CLIENT_MAIL]), min_size=1)


@settings(max_examples=examples(300), deadline=None)
@given(_CARDS, _WANTED)
def test_a_cut_leaves_lines_of_the_original_in_order_and_none_that_was_to_go(body: bytes, wanted: set[str]) -> None:
    goes = tokens(*wanted)
    card = read(body)
    cut = plan_cut(card, readings(card), goes)
    if not isinstance(cut, Trim):
        return
    after = read(cut.body)
    kept = cut.body.splitlines(keepends=True)
    original = iter(body.splitlines(keepends=True))

    assert all(line in original for line in kept)  # in order, each as it was
    assert goes.isdisjoint(one for reading in readings(after) for one in reading.tokens)
    lost = {one for reading in readings(card) for one in reading.tokens} - goes
    assert lost <= {one for reading in readings(after) for one in reading.tokens}
    assert plan_cut(after, readings(after), goes) == NothingLeft()


@settings(max_examples=examples(300), deadline=None)
@given(_CARDS)
def test_a_card_goes_whole_only_if_no_identifier_in_it_is_unknown(body: bytes) -> None:
    card = read(body)
    found = readings(card)
    judged = judge(card, found)

    if judged is not None and judged[0] is Shape.WHOLE:
        assert not any(reading.other for reading in found)
        for spot, reading in zip(card.spots, found, strict=True):
            assert reading.tokens or not spot.identifying or is_placeholder(spot.field.text)
    everything = {one for reading in found for one in reading.tokens}
    assert (judged is None) == (not everything and not any(reading.case_number for reading in found))


@settings(max_examples=examples(200), deadline=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_called_unreadable_and_spans_tile_the_card(body: bytes) -> None:
    card = read_card(b"BEGIN:VCARD\r\n" + body + b"\r\nEND:VCARD")

    if card is None:
        return
    ends = [0, *(line.end for line in card.lines)]
    starts = [line.start for line in card.lines]
    assert all(end <= start for end, start in zip(ends, starts, strict=False))
    between = [card.body[end:start] for end, start in zip(ends, [*starts, len(card.body)], strict=True)]
    assert b"".join(between).strip(b"\r\n") == b""


@settings(max_examples=examples(200), deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["TEL", "EMAIL", "item1.TEL"]), _TEXT), max_size=5))
def test_every_number_that_vobject_sees_is_seen_here(written: list[tuple[str, str]]) -> None:
    card = vobject.vCard()
    card.add("fn").value = "Contact 1"
    card.add("n").value = vobject.vcard.Name(family="Contact")
    for name, text in written:
        group, _, bare = name.rpartition(".")
        card.add(bare.lower()).value = text
        card.contents[bare.lower()][-1].group = group or None
    body = card.serialize().encode()
    expected = sorted(text.strip() for _, text in written if text.strip())

    assert sorted(spot.field.text for spot in read(body).spots if spot.identifying) == expected


def test_what_a_match_is_shown_is_plain_text() -> None:
    assert read(lines(f"TEL:{CLIENT}")).fields == (Field(PHONE, CLIENT),)
