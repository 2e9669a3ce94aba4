"""Cards of a grammar of their own, read with the real reader of numbers: what is governed is never absent, what is
private stays to the byte; held against readers that nobody here wrote (vobject, the library's own finder of numbers).
"""

from __future__ import annotations

import phonenumbers
import vobject
from hypothesis import given
from hypothesis import strategies as st

from mdm_adapters.port import Reading, Rest, Shape
from mdm_adapters.vcard import Card, Delete, Trim, judge, plan_cut, read_card
from server.core.identity.reading import registered
from server.core.identity.tokens import Tokeniser, tokens_of_fields

KEY = Tokeniser(b"the key of these cards, 32 bytes up")
NATIONAL = "612345601"
(_CLIENT,) = registered("0" + NATIONAL)
CLIENT = KEY.token(_CLIENT)

_SIGN = st.one_of(
    st.sampled_from(["", "", "", " ", "-", ".", "·", "•", "’", "|", "=", "~", "+", "#", "`", "/", " - ", "\u00a0"]),
    st.characters(categories=["P", "S", "Zs", "Cf"]),
)
_WORD = st.sampled_from(["a", " x ", " of ", "tst", " kamer ", "&nbsp;", "º"])
_PRIVATE = st.sampled_from(
    [
        *("TEL;TYPE=HOME:020-5551234", "EMAIL:thuis@private.example", "IMPP:aim:handle", "item2.TEL:06-87654301"),
        *("NOTE:sleutel onder de mat", "BDAY:19500101", "ADR:;;Straat 1;Stad;;1000 AA;NL", "URL:https://shop.example"),
        *(
            "PHOTO;ENCODING=b:QUJD\r\n QUJD",
            "ORG:Organisatie 1",
            "X-ODD;;=: \u00e9",
            "CATEGORIES:vrienden",
            "TEL:-",
            "TEL:1234567",
        ),
    ]
)


@st.composite
def spelled(draw: st.DrawFn) -> str:
    """The client's number with signs between its digits, as a value of a card."""
    digits = draw(st.sampled_from(["0", "+31", "0031", "+31(0)"])) + NATIONAL
    between = draw(st.sampled_from([_SIGN, _SIGN, st.one_of(_SIGN, _WORD)]))
    text = "".join(digit + draw(between) for digit in digits)
    return (
        text.replace("\\", "\\\\").replace("\n", "\\n").replace(",", "\\,").replace(";", "\\;").strip()
        or "0" + NATIONAL
    )


@st.composite
def cards(draw: st.DrawFn) -> tuple[bytes, str]:
    """A whole card with the client's number somewhere among private lines, and that number's line."""
    number = draw(spelled())
    name = draw(st.sampled_from(["TEL", "TEL;TYPE=CELL", "item1.TEL", "X-WHATSAPP", "X-PHONE-WORK"]))
    ours = f"{name}:{number}"
    rest = draw(st.lists(_PRIVATE, max_size=5))
    at = draw(st.integers(0, len(rest)))
    lines = ["BEGIN:VCARD", "VERSION:3.0", "UID:u", "FN:Contact 1", *rest[:at], ours, *rest[at:], "END:VCARD", ""]
    return "\r\n".join(lines).encode(), ours


def readings(card: Card) -> list[Reading]:
    held = tokens_of_fields(card.fields, KEY)
    return [each.reading({CLIENT}, mark=text.text.encode()) for each, text in zip(held, card.fields, strict=True)]


@given(cards())
def test_a_governed_number_in_any_spelling_is_never_absent(drawn: tuple[bytes, str]) -> None:
    """It is seen, or it may stand in a field that is told as unreadable."""
    card = read_card(drawn[0])
    assert card is not None
    judged = judge(card, readings(card))
    assert judged is not None
    assert CLIENT in judged.tokens or any(CLIENT in each.may_be for each in judged.unread)


@given(cards(), st.sampled_from(Rest))
def test_what_is_private_in_a_card_that_stays_is_kept_to_the_byte(drawn: tuple[bytes, str], rest: Rest) -> None:
    body, ours = drawn
    card = read_card(body)
    assert card is not None
    plan = plan_cut(card, readings(card), frozenset({CLIENT}), rest)
    if isinstance(plan, Trim):
        assert plan.body == body.replace(f"{ours}\r\n".encode(), b"", 1)
    elif isinstance(plan, Delete):
        private = {"TEL", "EMAIL", "IMPP", "item2.TEL"}
        others = [line for line in body.decode().split("\r\n")[4:-2] if line != ours and line != "TEL:-"]
        assert not any(line.split(":")[0].split(";")[0] in private for line in others)
        assert rest is Rest.GOES or not any(
            line.startswith(("NOTE", "BDAY", "ADR", "URL", "PHOTO", "ORG", "X-ODD")) for line in others
        )


@given(cards())
def test_a_card_cut_short_anywhere_is_unreadable(drawn: tuple[bytes, str]) -> None:
    body = drawn[0].rstrip()
    for length in range(0, len(body), 13):
        assert read_card(body[:length]) is None


@given(cards())
def test_another_reader_of_cards_sees_no_line_that_is_not_seen_here(drawn: tuple[bytes, str]) -> None:
    """vobject, where it takes the card: every value of a number or address it finds is in a field here."""
    try:
        other = vobject.readOne(drawn[0].decode())
    except (vobject.base.VObjectError, ValueError):  # it refuses what phones write all the same
        return
    card = read_card(drawn[0])
    assert card is not None
    seen = {spot.field.text for spot in card.spots if spot.identifying}
    for name in ("tel", "email"):
        assert {each.value.strip() for each in other.contents.get(name, ()) if each.value.strip()} <= seen


@given(spelled(), st.sampled_from(["bel {} na vijven", "{}", "zus: {} (werk)"]))
def test_every_number_that_the_librarys_finder_sees_in_a_text_is_seen_here(number: str, around: str) -> None:
    text = around.format(number)
    found = {
        phonenumbers.format_number(match.number, phonenumbers.PhoneNumberFormat.E164)
        for match in phonenumbers.PhoneNumberMatcher(text, "NL", leniency=phonenumbers.Leniency.VALID)
    }
    body = f"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Contact 1\r\nNOTE:{text}\r\nEND:VCARD\r\n".encode()
    card = read_card(body)
    assert card is not None
    if "+31" + NATIONAL in found:
        judged = judge(card, readings(card))
        assert judged is not None
        assert (judged.shape, judged.tokens) == (Shape.ASK, {CLIENT})
