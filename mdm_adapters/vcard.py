"""Reading one vCard and cutting lines from its bytes; pure: no vendor, no network, no register.

A card (vCard 2.1, RFC 2426, RFC 6350) is read for what people wrote in it, parameters included, leniently: phones and
programs write broken cards, and a number that is overlooked would be called absent. One thing is asked of it: that it
is one card and all of it, from its one BEGIN to its one END. What was cut short, or holds a card within a card, is
unreadable: what is missing in it may be private, or ours. A card is cut by byte spans of the original, so that all
that is not ours stays as it was to the byte; a parser that rebuilds the card (vobject does) would re-order and re-fold
what is private. `REV` stays as well: it is a statement of whoever wrote the card, and a store tells a change by ETag.

What is not read: pictures, sounds and keys; `UID`, which no person reads and no phone shows; dates that are dates, and
places on a map.
A group card (RFC 6350 6.1.4, or Apple's) that lists a deleted card as its `MEMBER` is left alone: the reference leads
nowhere and holds no identifier, and address books drop it themselves. SOGo's lists (VLIST) name their members by
address, in parameters: those are read, and since a list stands for several people a person decides what becomes of it.
"""

from __future__ import annotations

import binascii
import quopri
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

from mdm_adapters.content import Says, says, says_nothing
from mdm_adapters.port import Field, FieldKind, Reading, Rest, Token
from mdm_adapters.shapes import (
    MAX_FIELDS,
    MAX_TEXT,
    CardField,
    CutLines,
    Delete,
    Judged,
    NothingLeft,
    Unclear,
    judge_spots,
    plan_lines,
)
from mdm_adapters.written import holds_a_number, linked, without_scheme, written

MAX_CARD = 10 * 1024 * 1024
"""Bytes. A card with a photo has some hundred kilobytes; beyond this it is not read but called unreadable."""
MAX_ROWS = 400_000
"""Line ends in the bytes; the largest picture, folded, has 140,000. More would cost memory and mean nothing."""


@dataclass(frozen=True, slots=True)
class CardLine:
    """One content line, unfolded. start, end: its bytes in the card, folded parts and line end included.

    group: `item1` of `item1.TEL`, in lower case. name: in upper case; empty: a line of no form, as a bad exporter
    leaves behind in a note of several lines. value: decoded, still escaped; empty for what is not read.
    """

    start: int
    end: int
    group: str
    name: str
    value: str = field(repr=False)
    params: tuple[str, ...] = field(default=(), repr=False)
    """The values of parameters that may tell of somebody (`LABEL="bel 06-..."`), decoded."""
    filled: bool = False
    """Whether anything stands there at all, a picture too."""
    respaced: str = field(default="", repr=False)
    """vCard 2.1 folds at a space and keeps it, 3.0 folds anywhere and adds one: how the value reads the other way."""


@dataclass(frozen=True, slots=True)
class Card:
    """A card that was read. group: it stands for several people. more: it holds private content (`content.py`)."""

    body: bytes = field(repr=False)
    lines: tuple[CardLine, ...] = field(repr=False)
    spots: tuple[CardField, ...]
    group: bool = False
    more: bool = False

    @property
    def fields(self) -> tuple[Field, ...]:
        """What a `Match` is asked."""
        return tuple(spot.field for spot in self.spots)


@dataclass(frozen=True, slots=True)
class Trim:
    """The card without the lines that are to go, all else byte for byte as it was."""

    body: bytes = field(repr=False)


CutPlan = Delete | Trim | Unclear | NothingLeft


def managed_card(uid: str, label: str, identifier: str) -> bytes:
    """A card of ours (vCard 3.0, which phones and servers read alike): a label and one identifier, nothing else.

    label: letters, digits, spaces and `./_-`, of which none has to be escaped. identifier: `+31...`, an extension
    behind a comma, or an address.
    """
    line = f"EMAIL:{identifier}" if "@" in identifier else f"TEL:{identifier}"
    rows = ("BEGIN:VCARD", "VERSION:3.0", f"UID:{uid}", f"FN:{label}", f"N:{label};;;;", line, "END:VCARD")
    return "".join(f"{row}\r\n" for row in rows).encode()


def read_card(body: bytes) -> Card | None:
    """Read one card; None: unreadable (too large, in UTF-16 or the like, cut short, several cards, or none at all)."""
    if len(body) > MAX_CARD or body.count(b"\n") + body.count(b"\r") > 2 * MAX_ROWS:
        return None
    lines = tuple(_lines(body))
    if not _is_one(lines):
        return None
    spots: list[CardField] = []
    size = 0
    for number, line in enumerate(lines):
        for spot in _spots(number, line):
            size += len(spot.field.text)
            spots.append(spot)
        if size > MAX_TEXT or len(spots) > MAX_FIELDS:
            return None
    group = any((line.name, line.value.strip().lower()) in _SEVERAL for line in lines)
    reaching = {spot.line for spot in spots if spot.identifying}
    more = any(_has_more(line) for number, line in enumerate(lines) if number not in reaching)
    return Card(body, lines, tuple(spots), group, more)


def _is_one(lines: Sequence[CardLine]) -> bool:
    """Whether these are the lines of one card, whole: nothing before its BEGIN, nothing behind its END."""
    marks = [(line.name, line.value.strip().upper()) for line in lines if line.name in ("BEGIN", "END")]
    if len(marks) != 2 or lines[0].name != "BEGIN" or lines[-1].name != "END":
        return False
    (_, begun), (_, ended) = marks
    return begun == ended and begun in _KINDS_OF_CARD


def _has_more(line: CardLine) -> bool:
    """Whether a line by which nobody is reached holds private content."""
    if says(line.name) is not Says.MORE or line.name in _REACHING_NAMES:
        return False
    return line.filled if line.name in _BINARY_NAMES else not says_nothing(_SEPARATOR.sub(" ", line.value))


def judge(card: Card, readings: Sequence[Reading]) -> Judged | None:
    """What removing all governed identifiers of a card would mean, and which they are; None: the card is private.

    `readings`: one for each of `card.fields`, in order; ValueError if they are not as many.
    """
    return judge_spots(card.spots, readings, several=card.group, more=card.more, along=partial(_labels, card.lines))


def plan_cut(card: Card, readings: Sequence[Reading], tokens: frozenset[Token], rest: Rest = Rest.UNSAID) -> CutPlan:
    """How to take `tokens` out of a card (`shapes.plan_lines`). FN and N are never cut: a card must have them."""
    along = partial(_labels, card.lines)
    plan = plan_lines(card.spots, readings, tokens, several=card.group, more=card.more, rest=rest, along=along)
    return Trim(_without(card, plan.lines)) if isinstance(plan, CutLines) else plan


def _labels(lines: Sequence[CardLine], doomed: set[int]) -> set[int]:
    # "item1.X-ABLabel:moeder" says something of item1.TEL and makes no sense, or tells on it, once that is gone.
    groups = {lines[number].group for number in doomed} - {""}
    members = {group: {number for number, line in enumerate(lines) if line.group == group} for group in groups}
    labels: set[int] = set()
    for rest in (numbers - doomed for numbers in members.values()):
        if all(lines[number].name in _LABEL_NAMES for number in rest):
            labels |= rest
    return labels


def _without(card: Card, doomed: frozenset[int]) -> bytes:
    kept: list[bytes] = []
    at = 0
    for number in sorted(doomed):
        line = card.lines[number]
        kept.append(card.body[at : line.start])
        at = line.end
    return b"".join(kept) + card.body[at:]


# --- lines

_PHYSICAL = re.compile(rb"[^\r\n]+(?:\r+\n|\n\r(?!\n)|\n|\r)?|\r+\n|\n|\r")
"""A line with its end: CR CR LF ends one that was converted twice, LF CR one that was turned round."""
_BASE64 = re.compile(rb"[A-Za-z0-9+/=]+\s*")
_PLAIN_NUMBER = re.compile(rb"[\s0-9+().-]+")
"""A number is no packed text, whatever its line says."""
_NUMBER_ALONE = re.compile(rb"\+?[0-9]{1,16}\s*")
_HEAD = re.compile(rb'(?:[^":]++|"[^"]*+")*+')
_HEAD_PART = re.compile(r'(?:^|(?<=;))(?:[^;"]|"[^"]*+(?:"|$))*+')
_PARAM = re.compile(r';?([^=;"]*)(?:=((?:"[^"]*+(?:"|$)|[^";]++)*+))?')
_TELLING = re.compile(r"[\d@\uff20\ufe6b]")
_LONGEST_TEXT = 1_000
"""Bytes of a text in place of a sound: what is longer is one, whatever is said of it."""
_DATA = re.compile(r"data:[^,\s]{0,200};base64,[A-Za-z0-9+/=%\s]*", re.IGNORECASE)
"""Something packed into a link: no text."""
_FEW = re.compile(r"(?:\D*\d){1,5}\D*")
_CARET = re.compile(r"\^([n'^])")
_CARETS = {"n": "\n", "'": '"', "^": "^"}
_TECHNICAL = frozenset({"TYPE", "VALUE", "ENCODING", "CHARSET", "LANGUAGE", "PREF", "PID", "ALTID", "INDEX", "LEVEL"})
_NAME = re.compile(r"[A-Z0-9_-]+")
_BOM = b"\xef\xbb\xbf"


def _lines(body: bytes) -> Iterator[CardLine]:
    physical = [match.span() for match in _PHYSICAL.finditer(body)]
    at = 0
    old = False
    while at < len(physical):
        first = at
        start, end = physical[at]
        at += 1
        quoted = b"QUOTED-PRINTABLE" in body[start:end].partition(b":")[0].upper()
        pieces = [_bare(body[start:end])]
        while at < len(physical):
            part = _bare(body[slice(*physical[at])])
            soft = quoted and bool(part) and pieces[-1].rstrip(b" \t").endswith(b"=")  # RFC 2045, 6.7 (3)
            if soft:
                pieces[-1] = pieces[-1].rstrip(b" \t")[:-1]
            elif part[:1] not in (b" ", b"\t"):
                break
            pieces.append(part if part[:1] in (b" ", b"\t") else b" " + part)
            at += 1
        if pieces == [b""]:
            continue
        raw = b"".join([pieces[0], *(piece[1:] for piece in pieces[1:])])
        group, name, params, value, said = _split(raw.removeprefix(_BOM))
        while _is_binary(params) and at < len(physical) and _more_binary(body[slice(*physical[at])]):
            at += 1
        text = "" if _is_picture(name, params, value) else _decode(value, params)
        if name == _LISTED:
            text = _listed(raw)
        old = old or (name == "VERSION" and text.strip() == "2.1")
        respaced = ""
        if old and len(pieces) > 1 and not quoted and text and name not in _UNREAD_NAMES:
            respaced = _decode(_split(b"".join(pieces).removeprefix(_BOM))[3], params)
        yield CardLine(physical[first][0], physical[at - 1][1], group, name, text, said, bool(value.strip()), respaced)


def _bare(physical: bytes) -> bytes:
    return physical.rstrip(b"\r\n")


def _is_binary(params: Sequence[str]) -> bool:
    return any(param in ("ENCODING=BASE64", "ENCODING=B", "BASE64", "B") for param in params)


def _is_picture(name: str, params: Sequence[str], value: bytes) -> bool:
    """Whether a picture, a sound or a key stands there, and no text: `SOUND;X-IRMC-N` holds a name as it is spoken."""
    if name != "SOUND":
        return name in _BINARY_NAMES
    return _is_binary(params) or len(value) > _LONGEST_TEXT or value.lstrip()[:5].lower() == b"data:"


def _more_binary(physical: bytes) -> bool:
    # Some exporters do not fold pictures; a line that is a number and nothing else is not taken for one.
    return bool(_BASE64.fullmatch(physical)) and not _NUMBER_ALONE.fullmatch(physical)


def _split(raw: bytes) -> tuple[str, str, list[str], bytes, tuple[str, ...]]:
    """Group, name, parameters in upper case, value, and what is said in parameters."""
    # vobject could split a line too, but it takes text, not bytes, and refuses just the lines that matter here.
    colon = _colon(raw)
    if colon < 0:
        return "", "", [], raw, ()
    head, value = raw[:colon].decode("utf-8", "replace"), raw[colon + 1 :]
    first, *params = (part.strip().replace('"', "") for part in _HEAD_PART.findall(head.upper()))
    group, _, name = first.rpartition(".")
    if not _NAME.fullmatch(name):
        return "", "", [], raw, ()
    return group.lower(), name, params, value, () if name == _LISTED else tuple(_said(head.partition(";")[2]))


def _said(params: str) -> Iterator[str]:
    """The values of parameters that a person or a program may have written something into.

    What has neither digit nor @ tells of nobody; nor do the few digits of `PREF=1` or `CHARSET=UTF-8`.
    """
    for param in _PARAM.finditer(params) if _TELLING.search(params) else ():
        value = _CARET.sub(lambda escape: _CARETS[escape[1]], param[2] or param[1])
        if _TELLING.search(value) and not (
            param[2] and param[1].strip().upper() in _TECHNICAL and _FEW.fullmatch(value)
        ):
            yield value.replace('"', " ").replace("\\n", "\n").strip()


def _colon(raw: bytes) -> int:
    """Where the value begins: at the first colon outside quotes, or at the first if a quote never ends; -1: nowhere."""
    found = _HEAD.match(raw)
    at = found.end() if found else 0
    return at if raw[at : at + 1] == b":" else raw.find(b":")


def _listed(raw: bytes) -> str:
    """What a member of SOGo's list is known by: CARD;EMAIL=..;FN=..:123.vcf"""
    head = raw[: max(_colon(raw), 0)].decode("utf-8", "replace")
    return "\n".join(part.partition("=")[2].strip('" ') for part in head.split(";")[1:])


def _decode(value: bytes, params: Sequence[str]) -> str:
    if any(param.endswith("QUOTED-PRINTABLE") for param in params):
        value = quopri.decodestring(value)
    elif _is_binary(params) and not _PLAIN_NUMBER.fullmatch(value):
        try:
            return binascii.a2b_base64(value).decode()
        except ValueError:
            return ""  # a picture under a name of its own
    charset = next(
        (param.removeprefix("CHARSET=").strip('"') for param in params if param.startswith("CHARSET=")), "UTF-8"
    )
    for name in (charset, "UTF-8"):
        try:
            return value.decode(name)
        except (UnicodeError, LookupError):
            continue
    return value.decode("windows-1252", "replace")


# --- fields

_BINARY_NAMES = frozenset({"PHOTO", "LOGO", "SOUND", "KEY"})
_REACHING_NAMES = frozenset({"TEL", "EMAIL"})
_UNREAD_NAMES = {
    *(
        "BEGIN",
        "END",
        "VERSION",
        "PRODID",
        "UID",
        "REV",
        "CLIENTPIDMAP",
        "CLASS",
        "MAILER",
        "KIND",
        "X-ADDRESSBOOKSERVER-KIND",
    ),
    *("GEO", "TZ", "LANG", "X-ABSHOWAS"),
}
_SEVERAL = frozenset(
    {
        ("KIND", "group"),
        ("X-ADDRESSBOOKSERVER-KIND", "group"),
        ("X-KADDRESSBOOK-KIND", "group"),
        ("X-EVOLUTION-LIST", "true"),
        ("BEGIN", "vlist"),
    }
)
_LISTED = "CARD"
_LABEL_NAMES = frozenset({"X-ABLABEL", "X-ABADR", "X-LABEL"})
_KINDS_OF_CARD = frozenset({"VCARD", "VLIST"})
_DATE_NAMES = frozenset({"BDAY", "ANNIVERSARY", "DEATHDATE", "BIRTHDATE"})
_DATE_LIKE = re.compile(
    r"(?:-{0,2}\d{0,4}-?\d{0,2}-?\d{0,2})"
    r"(?:[T ](?:\d{1,2}(?::?\d{2}){0,2}|-\d{2}:?\d{0,2}|--\d{2})(?:[.,]\d{1,6})?(?:Z|[+-]\d{2}(?::?\d{2})?)?)?",
    re.ASCII,
)
_PROSE_NAMES = _LABEL_NAMES | {
    *(
        "",
        "FN",
        "N",
        "NOTE",
        "ORG",
        "TITLE",
        "ROLE",
        "ADR",
        "LABEL",
        "NICKNAME",
        "CATEGORIES",
        "SORT-STRING",
        "SORT-AS",
        "AGENT",
        "GENDER",
        *_DATE_NAMES,
    ),
}
"""What stands here is text to read, even if it begins with "tel:"."""
_LIST_NAMES = frozenset({"N", "ADR", "ORG", "NICKNAME", "CATEGORIES"})
_HANDLE_NAMES = frozenset({"IMPP", "SOCIALPROFILE", "X-SOCIALPROFILE"})
_MEMBER_NAMES = frozenset({"MEMBER", "X-ADDRESSBOOKSERVER-MEMBER"})
_X_HANDLE = re.compile(
    r"X-(?:.*-)?(?:AIM|ICQ|JABBER|MSN|SKYPE|YAHOO|QQ|GTALK|GOOGLE-TALK|GADUGADU|GROUPWISE|TWITTER|TELEGRAM|MATRIX|THREEMA)\b"
)
_X_NUMBER = re.compile(r"X-.*(?:PHONE|TEL|MOBIL|CELL|FAX|SIP|WHATSAPP|SIGNAL|SMS|MSISDN|VOIP|PAGER)")
_SEPARATOR = re.compile(r"(?<!\\)[;,]")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)


def _spots(number: int, line: CardLine) -> Iterator[CardField]:
    yield from (CardField(number, Field(FieldKind.TEXT, said), identifying=False) for said in line.params if said)
    if line.name in _UNREAD_NAMES or not line.value.strip():
        return
    if line.name in _DATE_NAMES and _DATE_LIKE.fullmatch(line.value.strip()):
        return
    yield from _spots_of(number, line.name, line.value)
    if line.respaced not in ("", line.value) and line.name in _PROSE_NAMES:
        yield from _spots_of(number, line.name, line.respaced)


def _spots_of(number: int, name: str, value: str) -> Iterator[CardField]:
    if name in _LIST_NAMES:
        value = _SEPARATOR.sub("\n", value)
    text = _unescape(value).strip()
    links = [] if name in _PROSE_NAMES else list(linked(text))
    if _DATA.fullmatch(text) and name not in ("TEL", "EMAIL"):
        return
    if links:
        for reached in links:
            yield CardField(number, reached, identifying=True)
    elif name in _MEMBER_NAMES:
        return
    elif name in ("TEL", "EMAIL") or name in _HANDLE_NAMES or _X_HANDLE.match(name) or _is_number_name(name):
        yield from _written(number, name, text)
    elif text:
        yield CardField(number, Field(FieldKind.TEXT, text), identifying=False)


def _is_number_name(name: str) -> bool:
    return "PHONETIC" not in name and bool(_X_NUMBER.match(name))


def _written(number: int, name: str, text: str) -> Iterator[CardField]:
    handle = name in _HANDLE_NAMES
    reaches = name == "EMAIL" or handle or bool(_X_HANDLE.match(name))
    phone = name == "TEL" or ((name == "EMAIL" or _is_number_name(name)) and holds_a_number(text))
    found = written(without_scheme(text) if handle else text, phone=phone, reaches=reaches)
    if found is not None:
        yield CardField(number, found[0], found[1])


def _unescape(value: str) -> str:
    return _ESCAPE.sub(lambda match: "\n" if match[1] in "nN" else match[1], value)
