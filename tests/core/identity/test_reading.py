"""The promises of `server.core.identity.reading`: one number, one normal form, one token, however it was typed."""

from __future__ import annotations

import time
from contextlib import suppress

import phonenumbers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mdm_adapters.port import Field, FieldKind, Reading, Token
from server.core.identity import numbers
from server.core.identity.case_numbers import CaseNumberFinder
from server.core.identity.email import emails_in
from server.core.identity.model import Identifier, IdentifierKind
from server.core.identity.reading import (
    alternatives_in,
    candidates,
    identifiers_in,
    phones_in,
    read_registered,
    registered,
    unreadable_number,
)
from server.core.identity.tokens import FieldTokens, Tokeniser, tokens_of_fields, tokens_of_phones
from tests.benchmarks.bench_identity import spellings

KEY = Tokeniser(b"the first key of these tests, 32+")
OTHER_KEY = Tokeniser(b"the other key of these tests, 32+")
MOBILE = "tel:+31612345601"
DESK = "tel:+31201234501"


def normals(found: tuple[Identifier, ...]) -> list[str]:
    return [identifier.normal for identifier in found]


def phone(text: str) -> Field:
    return Field(FieldKind.PHONE, text)


def text_field(text: str) -> Field:
    return Field(FieldKind.TEXT, text)


# --- numbers as people type them -----------------------------------------------------------------------------------

MOBILE_SPELLINGS = (
    "0612345601",
    "06-12345601",
    "06 12 34 56 01",
    "06.12.34.56.01",
    "06/12345601",
    "06 / 1234 56 01",
    "(06)12345601",
    "(06) 1234-5601",
    "[06] 12345601",
    "06_12345601",
    "06 - 12345601",
    "06:12345601",
    "06: 12345601",
    "12:30 06-12345601",
    "  06-12345601\t",
    "+31612345601",
    "+31 6 12345601",
    "+31 (0)6 12345601",
    "+31(0)612345601",
    "+31(06)12345601",
    "(+31) 6 1234 5601",
    "(+31)(0)6-12345601",
    "+ 31 6 12345601",
    "++31612345601",
    "+310612345601",
    "+3106-12345601",
    "+0612345601",
    "+0031612345601",
    "0031612345601",
    "0031 (0)6 12345601",
    "00 31 6 12 34 56 01",
    "31612345601",
    "31 6 12345601",
    "612345601",
    "6-12345601",
    "O612345601",
    "06-12345601 (moeder)",
    "06-12345601 (2)",
    "06-12345601 2",
    "moeder 0612345601",
    "0612345601moeder",
    "moeder0612345601",
    "1. 06-12345601",
    "12 0612345601",
    "24/7 06-12345601",
    "mob: 06-12345601!",
    "📞 06-12345601",
    "#31#0612345601",
    "*31*0612345601",
    "tel:+31-6-12345601",
    "tel:+31612345601;isub=12345678",
    "tel:612345601;phone-context=+31",
    "TEL:0612345601;phone-context=+31",
    "tel:%2B31%206%2012345601",
    "sms:+31612345601",
    "https://wa.me/31612345601",
    "https://api.whatsapp.com/send?phone=31612345601",
    "０６－１２３４５６０１",
    "＋３１ ６ １２３４５６０１",
    "٠٦١٢٣٤٥٦٠١",
    "۰۶۱۲۳۴۵۶۰۱",
    "0️⃣6️⃣1️⃣2️⃣3️⃣4️⃣5️⃣6️⃣0️⃣1️⃣",
    "06\u00a012\u202f34\u200956\u300001",
    "06\u200b1234\u200d56\ufeff01",
    "\u202a+31612345601\u202c",
    "06\u00ad12345601",
    "06‐12345601",
    "06‑12345601",
    "06–12345601",
    "06—12345601",
    "06−12345601",
    "06-12345601²",
)


@pytest.mark.parametrize("spelling", MOBILE_SPELLINGS)
def test_every_spelling_of_a_mobile_number_is_that_number(spelling: str) -> None:
    assert phones_in(spelling) == (Identifier(IdentifierKind.PHONE, MOBILE, verified=True),)


@pytest.mark.parametrize(
    "spelling",
    [
        "020-1234501 tst 12",
        "020-1234501 tst. 12",
        "020-1234501 toestel 12",
        "020-1234501 (toestel: 12)",
        "020-1234501, toestelnr. 12",
        "020-1234501 doorkiesnummer 12",
        "020-1234501 ext. 12",
        "020-1234501 ext 12",
        "020-1234501 extension 12",
        "020-1234501 Ext.12",
        "020-1234501 intern 12",
        "020-1234501x12",
        "020-1234501 x 12",
        "020-1234501 #12",
        "020-1234501;ext=12",
        "tel:+31-20-1234501;ext=12",
        "tel:1234501;ext=12;phone-context=+3120",
        "020-1234501,12",
        "020-1234501,,12#",
        "020-1234501;12",
        "020-1234501p12",
        "+31 20 123 45 01 ｘ１２",
    ],
)
def test_an_extension_is_read_in_every_spelling_and_does_not_hide_the_number(spelling: str) -> None:
    with_extension, base = f"{DESK};ext=12", DESK
    assert normals(phones_in(spelling)) == [with_extension]
    assert normals(registered(spelling)) == [with_extension]
    assert normals(candidates(phone(spelling))) == [with_extension, base]
    assert [normals(forms) for forms in alternatives_in(phone(spelling))] == [[with_extension, base]]


@pytest.mark.parametrize(
    ("spelling", "number"),
    [
        ("06-12345601 ext. 12", MOBILE),
        ("+31 6 12345601 tst 3", MOBILE),
        ("0612345601;ext=1", MOBILE),
        ("tel:+31-6-12345601;ext=12", MOBILE),
        ("06-12345601,1#", MOBILE),
        ("060-1234501 ext. 12", "tel:+31601234501"),
        ("+49 151 12345601 ext. 2", "tel:+4915112345601"),
    ],
)
def test_a_mobile_number_has_no_extension_so_that_every_case_means_the_same_number(spelling: str, number: str) -> None:
    assert normals(registered(spelling)) == [number]
    assert [normals(forms) for forms in alternatives_in(phone(spelling))] == [[number]]


@pytest.mark.parametrize("spelling", ["+49 30 123456 ext. 2", "+1 212-555-0123 ext. 2"])
def test_a_number_that_may_be_a_switchboard_keeps_its_extension(spelling: str) -> None:
    (registered_as,) = normals(registered(spelling))
    assert registered_as.endswith(";ext=2")
    assert [normals(forms) for forms in alternatives_in(phone(spelling))] == [
        [registered_as, registered_as.removesuffix(";ext=2")]
    ]


@pytest.mark.parametrize(
    "between",
    [
        " / ",
        "/",
        ";",
        "; ",
        ",",
        ", ",
        " of ",
        " en ",
        "of",
        " | ",
        " & ",
        "\n",
        "\r\n",
        " ",
        " - ",
        " (moeder) ",
        "\u2028",
    ],
)
@pytest.mark.parametrize(
    ("first", "second"),
    [("06-12345601", "06-12345602"), ("0612345601", "+31612345602"), ("06 12345601", "06 1234 5602")],
)
def test_two_numbers_in_one_field_are_two(between: str, first: str, second: str) -> None:
    assert normals(phones_in(first + between + second)) == ["tel:+31612345601", "tel:+31612345602"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("+49 30 123456", ["tel:+4930123456"]),
        ("0049 30 123456", ["tel:+4930123456"]),
        ("+49 (0)30 123456", ["tel:+4930123456"]),
        ("https://wa.me/4915112345601", ["tel:+4915112345601"]),
        ("4915112345601", ["tel:+4915112345601"]),
        ("+1 (212) 555-0123", ["tel:+12125550123"]),
        ("+39 06 698 12345", ["tel:+390669812345"]),
        ("+683 4000", ["tel:+6834000"]),
        ("0800-2000", ["tel:+318002000"]),
        ("0800-2000 (24 uur)", ["tel:+318002000"]),
        ("06-12345601, +49 30 123456, 020-1234501", [MOBILE, "tel:+4930123456", DESK]),
        ("201234501", [DESK]),
        ("298 201234", ["tel:+31298201234"]),
        ("+31 6 1234560 / 06-12345601", ["tel:+3161234560", MOBILE]),
        ("020-1234501/02", [DESK]),
    ],
)
def test_numbers_from_elsewhere_and_odd_ones_are_read(text: str, expected: list[str]) -> None:
    assert normals(phones_in(text)) == expected


@pytest.mark.parametrize(
    "text", ["", " ", "112", "144", "14 020", "1850", "0900", "123450", "moeder", "+31", "-", "kamer 12"]
)
def test_what_is_too_short_is_no_identifier(text: str) -> None:
    assert candidates(phone(text)) == ()
    assert not unreadable_number(text)


@pytest.mark.parametrize("prefix", ["060", "067", "069", "0410", "089"])
@pytest.mark.parametrize("tail", ["", " (vader)", " (2)"])
def test_an_unassigned_dutch_number_is_an_unverified_identifier(prefix: str, tail: str) -> None:
    digits = (prefix + "1234567890")[:10]
    expected = (Identifier(IdentifierKind.PHONE, f"tel:+31{digits[1:]}", verified=False),)
    assert phones_in(f"{prefix}-{digits[len(prefix) :]}{tail}") == expected
    assert identifiers_in(text_field(f"belt met {digits}{tail}")) == expected
    assert phones_in(expected[0].normal) == expected


def test_a_foreign_number_that_cannot_be_is_not_taken_for_a_dutch_one() -> None:
    assert phones_in("+32 612345601") == (Identifier(IdentifierKind.PHONE, "tel:+32612345601", verified=False),)


def test_another_region_has_its_own_national_form() -> None:
    assert normals(phones_in("030 123456", region="DE")) == ["tel:+4930123456"]
    assert normals(phones_in("0612345601", region="DE")) != [MOBILE]
    assert tokens_of_phones(["030 123456"], KEY, region="DE") == [tuple(KEY.tokens(phones_in("+49 30 123456")))]


# --- what cannot be read -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "unreadable"),
    [
        ("06-12345601", False),
        ("06-12345601 kamer 12", False),
        ("a@b.example", False),
        ("19800101@b.example", False),
        ("+999 123456789", True),
        ("1234 5678 9012 3456 7890", True),
        ("12 a 34 b 56 c 78", True),
        ("06-123456789012", True),
        ("06a1234b5601", True),
        ("06-12345601 / 99999999999999999999", True),
    ],
)
def test_digits_that_are_no_number_are_reported(text: str, unreadable: bool) -> None:
    assert unreadable_number(text) is unreadable


# --- signs that are not passed over ---

SIGNS = [
    *'·•,;|=~+#`’‘´′″\u2022\u2027\u30fb\u00d7÷&<>^°§¶¦%!?"$€£©®™…‰†‡→←★☎✆🙂_:',
    *("\n", "\r\n", "\x00", "\x0b", "\x1f", "\u2028", "\u2029", "\u200b", "\u2060", "\u180e", "\u0332", "\u20dd"),
    *(" · ", " | ", ", ", " = ", "...", "\n\n", " \u2192 ", "--", "\\,"),
]


@pytest.mark.parametrize("sign", SIGNS)
@pytest.mark.parametrize(
    "parts", [("06", "12345601"), ("0612", "345601"), ("+31", "6", "12345601"), ("06", "12", "34", "56", "01")]
)
def test_a_sign_between_digits_is_passed_over_if_the_field_is_then_one_number(
    sign: str, parts: tuple[str, ...]
) -> None:
    text = sign.join(parts)
    assert (normals(phones_in(text)), unreadable_number(text)) == ([MOBILE], False)
    assert read_registered(text) == ((Identifier(IdentifierKind.PHONE, MOBILE, verified=True),), False)
    assert MOBILE in normals(candidates(text_field(f"moeder {text} bellen")))


@pytest.mark.parametrize(
    ("text", "known"),
    [
        ("06·12345601 / 06·12345602", [MOBILE, "tel:+31612345602"]),
        ("06·12345601 of 06-12345602", [MOBILE, "tel:+31612345602"]),
        ("06-12345601 / 020·12345", [MOBILE]),
        ("020-1234501,1234502", [DESK]),
        ("020-1234501 / 06-1234560", [DESK]),
        ("23456781 / 06-12345601", [MOBILE]),
        ("+49 30 123456,78", ["tel:+493012345678", "tel:+4930123456;ext=78", "tel:+4930123456"]),
        ("+49 30 123456·78", ["tel:+493012345678", "tel:+4930123456"]),
        ("06+49301234", ["tel:+31649301234", "tel:+49301234"]),
        ("+32·612345601", []),
        ("12345678,12", []),
        ("06123456 x 01", []),
        ("06&nbsp;12345601", []),
        ("06%2012345601", []),
        ("06º12345601", []),
        ("06a12345601", []),
        ("1234501", []),
        ("06·1234560", []),
        ("+31·6·1234560", []),
        ("06·123456012", []),
        ("⓪⑥①②③④⑤⑥⓪①", []),
        ("06-¹²³⁴⁵⁶⁰¹", []),
    ],
)
def test_what_is_neither_one_number_nor_several_is_unreadable_and_never_a_shorter_number(
    text: str, known: list[str]
) -> None:
    assert unreadable_number(text)
    assert read_registered(text) == ((), True)
    assert normals(candidates(phone(text))) == known


@pytest.mark.parametrize(
    "text",
    [
        "01-02-1980",
        "1-2-1980",
        "2025-12-09",
        "2025/12/09",
        "01.02.1980",
        "2025-12-09 00:00:00",
        "2025-12-09T00:00:00.000",
        "19800201",
    ],
)
def test_a_date_is_no_number(text: str) -> None:
    for written in (text, f" {text} "):
        assert (candidates(phone(written)), read_registered(written)) == ((), ((), False))
    assert normals(phones_in(f"06-12345601 {text}")) == [MOBILE]
    assert normals(phones_in(f"geboren {text} 06-12345601")) == [MOBILE]
    assert normals(candidates(text_field(f"geboren {text} 06-12345601"))) == [MOBILE]


def test_a_date_without_signs_is_no_number_unless_it_can_be_dialled() -> None:
    assert read_registered("01021980") == ((), False)
    assert normals(candidates(phone("09091980"))) == ["tel:+319091980"]


@pytest.mark.parametrize("text", ["06-2345678l", "O6-1234567O", "020-123456O", "+31 6 1234567O"])
def test_a_letter_typed_for_a_digit_makes_no_shorter_number(text: str) -> None:
    assert read_registered(text) == ((), True)


@pytest.mark.parametrize(
    "text", ["06 12-12-2012", "06-12 12 2012", "(06) 12-12-2012", "06·12-12-2012", "+31 6 12-12-2012"]
)
def test_a_number_that_ends_like_a_date_is_a_number(text: str) -> None:
    assert normals(phones_in(text)) == ["tel:+31612122012"]
    assert normals(candidates(text_field(f"bel {text}"))) == ["tel:+31612122012"]


# --- addresses -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("contact-12@org.example", ["mailto:contact-12@org.example"]),
        ("  Contact-12@ORG.Example. ", ["mailto:contact-12@org.example"]),
        ("mailto:contact-12@org.example?subject=x", ["mailto:contact-12@org.example"]),
        ("mailto:contact%2D12@org.example", ["mailto:contact-12@org.example"]),
        ('"Contact 12" <contact-12@org.example>', ["mailto:contact-12@org.example"]),
        ("e-mail:contact-12@org.example(werk)", ["mailto:contact-12@org.example"]),
        (
            "a@b.example; c@d.example,e@f.example/g@h.example",
            [f"mailto:{a}.example" for a in ("a@b", "c@d", "e@f", "g@h")],
        ),
        ("a+tag@b.example", ["mailto:a+tag@b.example"]),
        ("a.b@c.example", ["mailto:a.b@c.example"]),
        ("ａ＠ｂ．ｅｘａｍｐｌｅ", ["mailto:a@b.example"]),
        ("a@Bücher.example", ["mailto:a@xn--bcher-kva.example"]),
        ("a@bu\u0308cher.example", ["mailto:a@xn--bcher-kva.example"]),
        ("a@xn--bcher-kva.example", ["mailto:a@xn--bcher-kva.example"]),
        ("a\u200b@b.\u00adexample", ["mailto:a@b.example"]),
        ("a@b_c.example", ["mailto:a@b_c.example"]),
        ("50%@b.example", ["mailto:50%25@b.example"]),
        ("a@localhost", []),
        ("@b.example", []),
        ("a@", []),
        ("a@@b.example", []),
        ("a@b..example", []),
    ],
)
def test_every_spelling_of_an_address_is_that_address(text: str, expected: list[str]) -> None:
    assert normals(emails_in(text)) == expected
    assert normals(identifiers_in(Field(FieldKind.EMAIL, text))) == expected


def test_both_kinds_are_found_in_every_kind_of_field() -> None:
    for kind in FieldKind:
        found = identifiers_in(Field(kind, "06-12345601 of a@b.example"))
        assert normals(found) == [MOBILE, "mailto:a@b.example"], kind


def test_an_address_made_of_a_number_is_both() -> None:
    assert normals(phones_in("31612345601@s.chat.example")) == [MOBILE]


# --- running text --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Contact 12, belt 's avonds met 06-12345601 (vader)", [MOBILE]),
        ("06 12345601 vader", [MOBILE]),
        ("612345601", [MOBILE]),
        ("+32 612345601", ["tel:+32612345601"]),
        ("https://wa.me/4915112345601", ["tel:+4915112345601"]),
        ("+49 30 123456 en 0031 6 12345601", ["tel:+4930123456", MOBILE]),
        ("12-03-2024 06-12345601", [MOBILE]),
        ("2024-01-15 10:30:00", []),
        ("01-02-2024 13:45", []),
        ("01-02-2024 en 15/01/2019", []),
        ("201234501", []),
        ("12345678", []),
        ("20240115 123456", []),
        ("€ 12.345.678,00", []),
        ("4915112345601", []),
        ("kamer 12, 3e verdieping", []),
    ],
)
def test_in_running_text_a_number_must_look_like_one(text: str, expected: list[str]) -> None:
    assert normals(identifiers_in(text_field(text))) == expected


# --- case numbers --------------------------------------------------------------------------------------------------

CASES = CaseNumberFinder((r"\d{6}(?:-[A-Z])?", r"ZAAK-\d{4}-\d{10}"))


@pytest.mark.parametrize(
    "text", ["123456", "123456-B", "zaak 123456 (B)", "１２３４５６", "06-12345601 123456-B", "ZAAK-2024-0000123456"]
)
def test_a_case_number_is_found(text: str) -> None:
    assert CASES.found_in(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "06-12345601",
        "+31 6 123456 01",
        "06 123456",
        "020 1234 501 ext 123456",
        "1234567",
        "12345",
        "06-123456-7",
        "a123456@b.example",
    ],
)
def test_a_telephone_number_or_part_of_one_is_no_case_number(text: str) -> None:
    assert not CASES.found_in(text)


def test_a_pattern_that_a_number_fits_does_not_fire_on_it() -> None:
    assert not CaseNumberFinder((r"\d{10}", r"\d{2}-\d{8}")).found_in("0612345601 of 06-12345602")
    assert not CaseNumberFinder((r".*",)).found_in("moeder 06-12345601")


def test_a_broken_pattern_is_refused() -> None:
    with pytest.raises(ValueError, match="no regular expression"):
        CaseNumberFinder(("(",))


# --- tokens --------------------------------------------------------------------------------------------------------


def test_a_token_is_the_published_hmac() -> None:
    """RFC 2104 over the meaning and the normal form; a vector that must never change, or every register is void."""
    key = Tokeniser(bytes(range(32)))
    (mobile,) = phones_in("06-12345601")
    assert key.token(mobile).hex() == "ea570e7d7e1b831fe611ef8febaa5d3e2a1c39db954f0fa3eacfcfcdcc231e41"


def test_a_short_key_is_refused_without_being_shown() -> None:
    with pytest.raises(ValueError, match="32 bytes") as refusal:
        Tokeniser(b"too short a key")
    assert "too short" not in str(refusal.value)


def test_nothing_shows_a_number_an_address_or_a_key() -> None:
    found = candidates(phone("020-1234501 tst 12")) + emails_in("a7@b.example")
    shown = repr((found, KEY, tokens_of_fields([phone("06-12345601")], KEY)[0].unreadable))
    assert not any(secret in shown for secret in ("1234501", "a7@", "first key"))


def test_a_batch_of_tokens_is_each_token_in_order() -> None:
    found = candidates(phone("020-1234501 tst 12 / 06-12345601"))
    assert KEY.tokens(found) == [KEY.token(identifier) for identifier in found]
    assert len(set(KEY.tokens(found))) == 3


def test_a_reading_knows_a_number_by_any_of_its_forms() -> None:
    desk, mobile, address = KEY.tokens((*phones_in(DESK), *phones_in(MOBILE), *emails_in("a@b.example")))
    fields = [
        phone("020-1234501 tst 12"),
        phone("06-12345601 / 06-12345602"),
        phone("+999 12345678"),
        text_field("a@b.example"),
    ]
    found = tokens_of_fields(fields, KEY)
    assert [each.reading({desk, mobile, address}) for each in found] == [
        Reading((desk,), other=False),
        Reading((mobile,), other=True),
        Reading((), other=True),
        Reading((address,), other=False),
    ]
    assert FieldTokens(()).reading(set(), case_number=True) == Reading((), other=False, case_number=True)


def test_an_address_field_that_cannot_be_read_holds_something_else() -> None:
    assert tokens_of_fields([Field(FieldKind.EMAIL, "a@localhost")], KEY) == [FieldTokens((), unreadable=True)]


# --- properties ----------------------------------------------------------------------------------------------------

STEADY = settings(deadline=None)
"""A busy machine is no failure."""
nationals = st.from_regex(r"\A(?:[1-7][0-9]{8}|8[4-8][0-9]{7})\Z")
signs = st.characters(categories=["P", "S", "Z", "Cf", "Cc", "Mn", "Me"])
digits_and_marks = st.text(alphabet="0123456789 +-()./,;x\n#e@½²０６٣", max_size=40)
abroad = st.from_regex(r"\A(?:\+|00)[1-9][0-9]{1,3} ?(?:\(0\))?[0-9 ]{4,13}\Z")
texts = st.one_of(
    abroad,
    st.text(max_size=60),
    digits_and_marks,
    st.text(st.characters(), max_size=30),
    st.lists(
        st.sampled_from([*MOBILE_SPELLINGS, "tst 12", " / ", "a@b.example", "+49 30 123456", "é@ü.ß"]), max_size=4
    ).map("".join),
)
kinds = st.sampled_from(FieldKind)


@st.composite
def spellings_of(draw: st.DrawFn, national: str) -> str:
    """One way to write a Dutch number: a prefix, digits with separators between, something beside it."""
    prefixes = ["0", "(0)", "+31", "+31 (0)", "+310", "0031", "0031-(0)", "(+31)", "(+31)(0)"]
    prefix = draw(st.sampled_from([*prefixes, "", "31 "] if national[0] == "6" else prefixes))
    separator = st.sampled_from(["", "", "", " ", "-", ".", " - ", "/", "\u00a0", "–", "\u200b"])
    body = "".join(digit + draw(separator) for digit in national)
    text = prefix + draw(separator) + body
    if draw(st.booleans()):
        text = text.translate(
            {0x30 + digit: draw(st.sampled_from([0x30, 0xFF10, 0x660])) + digit for digit in range(10)}
        )
    before, behind = draw(
        st.sampled_from([("", ""), ("", " (moeder)"), ("vader ", ""), ("", "thuis"), ("tel:", ""), ("\n", "\n")])
    )
    return before + text + behind


@STEADY
@given(st.data(), nationals)
def test_any_spelling_of_a_number_has_its_token(data: st.DataObject, national: str) -> None:
    spelling = data.draw(spellings_of(national))
    (expected,) = tokens_of_phones(["0" + national], KEY)
    assert expected == (KEY.token(Identifier(IdentifierKind.PHONE, f"tel:+31{national}")),)
    assert tokens_of_phones([spelling], KEY) == [expected]


@STEADY
@given(st.data(), nationals)
def test_a_number_parted_by_any_signs_is_read_or_called_unreadable(data: st.DataObject, national: str) -> None:
    """Any punctuation, symbol, space, mark or control character, one or more of them, between any digits."""
    prefix = data.draw(st.sampled_from(["0", "+31", "0031", "+31(0)"]))
    between = st.one_of(st.just(""), st.just(""), signs, st.text(signs, min_size=1, max_size=3))
    text = "".join(digit + data.draw(between) for digit in prefix + national)
    found = [identifier.normal for identifier in phones_in(text)]
    assert found == [f"tel:+31{national}"] or unreadable_number(text)
    assert found in ([], [f"tel:+31{national}"])


@STEADY
@given(st.data(), nationals, nationals)
def test_different_numbers_have_different_tokens(data: st.DataObject, one: str, other: str) -> None:
    tokens = tokens_of_phones([data.draw(spellings_of(one)), data.draw(spellings_of(other))], KEY)
    assert (tokens[0] == tokens[1]) is (one == other)


@STEADY
@given(texts)
def test_two_keys_have_unrelated_tokens(text: str) -> None:
    ours, theirs = tokens_of_phones([text], KEY)[0], tokens_of_phones([text], OTHER_KEY)[0]
    assert len(ours) == len(theirs)
    assert not {*ours} & {*theirs}


@STEADY
@given(texts, kinds)
@example("+49 00 1234567", FieldKind.PHONE)
@example("+27 000000", FieldKind.PHONE)
@example("mailto:a%2Cb@x.nl", FieldKind.EMAIL)
def test_a_normal_form_read_again_is_itself(text: str, kind: FieldKind) -> None:
    for found in candidates(Field(kind, text)):
        read = emails_in if found.kind is IdentifierKind.EMAIL else phones_in
        assert read(found.normal) == (found,)


def test_the_normal_form_of_a_number_of_any_country_is_stable() -> None:
    for region in phonenumbers.SUPPORTED_REGIONS:
        number = phonenumbers.example_number(region)
        e164 = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        if len(e164) >= 8:
            expected = (Identifier(IdentifierKind.PHONE, f"tel:{e164}", verified=True),)
            international = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
            assert (phones_in(international), phones_in(f"tel:{e164}")) == (expected, expected), region


@STEADY
@given(texts, kinds, st.sampled_from(["NL", "NL", "BE", "DE"]))
def test_the_fast_path_says_what_the_library_says(text: str, kind: FieldKind, region: str) -> None:
    field = Field(kind, text)
    assert alternatives_in(field, region=region) == alternatives_in(field, region=region, fast=False)


@STEADY
@given(st.lists(texts, max_size=8))
@example(["06-12345601", "a\nb", "0612345602\n", "\n", "", "06-1234\n5603"])
@example(["31612345(678)", "316123456(78)", "+-31319123456", "31 319123456", "0031 0 612345601"])
def test_a_batch_is_read_as_the_careful_path_reads_each(batch: list[str]) -> None:
    assert tokens_of_phones(batch, KEY) == [carefully(text) for text in batch]


@STEADY
@given(
    st.lists(
        st.from_regex(r"[+( ]{0,2}(0|31|0031|310|6|06)?[0-9 .()/-]{6,16}", fullmatch=True), min_size=1, max_size=20
    )
)
def test_a_batch_of_near_numbers_is_read_as_the_careful_path_reads_each(batch: list[str]) -> None:
    assert tokens_of_phones(batch, KEY) == [carefully(text) for text in batch]


def test_the_measured_mix_is_read_as_the_careful_path_reads_it() -> None:
    batch = spellings(1_000)
    assert tokens_of_phones(batch, KEY) == [carefully(text) for text in batch]


def carefully(text: str) -> tuple[Token, ...]:
    """The tokens of a telephone field with nothing but the library."""
    found = alternatives_in(phone(text), fast=False)
    return tuple(KEY.tokens(dict.fromkeys(identifier for forms in found for identifier in forms)))


def test_the_fast_path_agrees_with_the_library_on_every_dutch_range() -> None:
    """All four-digit beginnings of national numbers, in every shape that the fast path takes."""
    shapes = ("0{}", "+31{}", "+310{}", "0031{}", "00310{}", "{}", "31{}", "310{}")
    for beginning in range(1000, 10_000):
        national = f"{beginning}12345"
        for shape in shapes if beginning % 7 == 0 else shapes[:2]:
            spelling = shape.format(national)
            fast = numbers._DUTCH.fullmatch(spelling)
            if fast:
                number = phonenumbers.parse(spelling, "NL")
                valid = phonenumbers.is_valid_number(number)
                assert phones_in(spelling) == (Identifier(IdentifierKind.PHONE, f"tel:+31{national}", valid),)
                assert phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) == f"+31{national}"


@STEADY
@given(st.from_regex(r"\A[0-9]{8,13}\Z"))
def test_what_is_kept_from_the_library_would_be_refused_by_it(digits: str) -> None:
    if digits.startswith("00") or numbers._DUTCH_POSSIBLE.fullmatch(digits):
        return
    with suppress(phonenumbers.NumberParseException):
        assert not phonenumbers.is_valid_number_for_region(phonenumbers.parse(digits, "NL"), "NL")


@STEADY
@given(st.text(st.characters(), max_size=200), kinds)
@example("\ud800@\ud800.\ud800", FieldKind.EMAIL)
def test_no_text_breaks_it(text: str, kind: FieldKind) -> None:
    field = Field(kind, text)
    KEY.tokens(candidates(field))
    KEY.tokens(identifiers_in(field))
    tokens_of_fields([field], KEY)
    unreadable_number(text)
    CASES.found_in(text)


HOSTILE = (
    "1",
    "0",
    "1 ",
    "0 ",
    "00491 ",
    "06 1 ",
    "00 1 ",
    "+",
    "+1 ",
    "(",
    "0(",
    "a@",
    "@",
    "a@b.",
    "06-12345601 x",
    "2024-01-01 ",
)


@pytest.mark.parametrize("piece", HOSTILE)
def test_time_grows_no_faster_than_the_text(piece: str) -> None:
    """Four times the text, at most about four times the time (ten allows for a busy machine, sixteen is quadratic)."""
    short, long = (phone(piece * (size // len(piece))) for size in (1_000, 4_000))
    assert least_time(long) < 10 * max(least_time(short), 0.002)


def least_time(field: Field) -> float:
    times = []
    for _ in range(3):
        start = time.process_time()
        candidates(field)
        candidates(Field(FieldKind.TEXT, field.text))
        unreadable_number(field.text)
        CASES.found_in(field.text)
        times.append(time.process_time() - start)
    return min(times)


def test_nothing_in_a_long_field_is_missed() -> None:
    filler = "niets te zien hier, 12 keer\n" * 4_000
    text = f"06-12345601\n{filler}06-12345602\n{filler}a@b.example"
    assert normals(identifiers_in(text_field(text))) == [MOBILE, "tel:+31612345602", "mailto:a@b.example"]
