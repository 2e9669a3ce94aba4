"""Reading one contact of an Outlook mailbox, and which of its properties to change; pure: no network, no register.

Graph shows what most people fill in, and no more: one mobile number, business and home numbers, addresses, handles,
notes, names. What Outlook keeps under "pager", "fax" or a second mobile number is in no answer of version 1.0.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

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

_PHONE = "mobilePhone"
_PHONES = ("businessPhones", "homePhones")
_MAILS = "emailAddresses"
_HANDLES = "imAddresses"
_PAGE = "businessHomePage"
_NOTES = "personalNotes"
_NAMES = (
    *("displayName", "fileAs", "givenName", "middleName", "surname", "nickName", "initials", "generation", "title"),
    *("yomiGivenName", "yomiSurname", "yomiCompanyName"),
    *("companyName", "department", "jobTitle", "officeLocation", "profession"),
    *("manager", "assistantName", "spouseName"),
)
_LISTS_OF_NAMES = ("children", "categories")
_DAYS = ("birthday",)
_ADDRESSES = ("homeAddress", "businessAddress", "otherAddress")
_STREET = ("street", "postalCode", "city", "state", "countryOrRegion")

SELECT = (
    *(
        "id",
        "changeKey",
        _PHONE,
        *_PHONES,
        _MAILS,
        _HANDLES,
        _PAGE,
        _NOTES,
        *_NAMES,
        *_LISTS_OF_NAMES,
        *_ADDRESSES,
        *_DAYS,
    ),
)
"""The properties to ask for."""

_KEPT = frozenset({_NOTES, *_NAMES, *_LISTS_OF_NAMES, *_ADDRESSES})
_REACHING = frozenset({_PHONE, *_PHONES, _MAILS, _HANDLES})
_TELLING = frozenset(SELECT[1:]) - {"changeKey"}
"""All of it tells of somebody, or of what is private; what is left out may be either."""


class _BrokenError(Exception):
    """A property is not of the type it has."""


@dataclass(frozen=True, slots=True)
class Contact:
    """A contact that was read. lines: property and index in it (None: the whole) of each line that `spots` name.

    more: it holds private content (`content.py`).
    """

    item: Mapping[str, Any] = field(repr=False)
    spots: tuple[CardField, ...]
    lines: tuple[tuple[str, int | None], ...]
    more: bool = False

    @property
    def fields(self) -> tuple[Field, ...]:
        """What a `Match` is asked."""
        return tuple(spot.field for spot in self.spots)


@dataclass(frozen=True, slots=True)
class PropertyChange:
    """These properties get these values, all else stays as it is."""

    properties: Mapping[str, Any] = field(repr=False)


CutPlan = Delete | PropertyChange | Unclear | NothingLeft


def is_whole(item: Mapping[str, Any]) -> bool:
    """Whether an item shows all that could tell of somebody; an item of a delta may show only what changed in it."""
    return item.keys() >= _TELLING


def read_contact(item: Mapping[str, Any]) -> Contact | None:
    """Read one contact; None: unreadable (too large, or not of the form it should have)."""
    spots: list[CardField] = []
    lines: list[tuple[str, int | None]] = []
    said: set[str] = set()
    size = 0
    try:
        for name, at, found in _found(item):
            for each, identifying in found:
                # A name stands in several properties; none of them is ever cut, so to ask once is enough.
                if name in _KEPT:
                    if each.text in said:
                        continue
                    said.add(each.text)
                size += len(each.text)
                spots.append(CardField(len(lines), each, identifying))
            lines.append((name, at))
            if size > MAX_TEXT or len(spots) > MAX_FIELDS:
                return None
        reaching = {lines[spot.line][0] for spot in spots if spot.identifying}
        more = any(_has_more(name, item.get(name)) for name in SELECT[2:] if name not in reaching)
    except _BrokenError:
        return None
    return Contact(item, tuple(spots), tuple(lines), more)


def _has_more(name: str, value: object) -> bool:
    """Whether a property by which nobody is reached holds private content."""
    if name in _REACHING or says(name) is not Says.MORE:
        return False
    texts = _list(value) if isinstance(value, list) else _object(value).values() if isinstance(value, dict) else [value]
    return any(not says_nothing(_text(each)) for each in texts)


def judge(contact: Contact, readings: Sequence[Reading]) -> Judged | None:
    """What removing all governed identifiers would mean, and which they are; None: the contact is private."""
    return judge_spots(contact.spots, readings, more=contact.more)


def plan_cut(
    contact: Contact, readings: Sequence[Reading], tokens: frozenset[Token], rest: Rest = Rest.UNSAID
) -> CutPlan:
    """How to take `tokens` out of a contact (`shapes.plan_lines`). Names and notes are never changed."""
    plan = plan_lines(contact.spots, readings, tokens, more=contact.more, rest=rest)
    return PropertyChange(_without(contact, plan.lines)) if isinstance(plan, CutLines) else plan


def _without(contact: Contact, doomed: frozenset[int]) -> Mapping[str, Any]:
    changed: dict[str, Any] = {}
    gone: dict[str, set[int]] = {}
    for name, at in (contact.lines[number] for number in doomed):
        if at is None:
            changed[name] = None
        else:
            gone.setdefault(name, set()).add(at)
    for name, places in gone.items():
        changed[name] = [value for at, value in enumerate(contact.item[name]) if at not in places]
    return changed


_Found = Iterator[tuple[Field, bool]]


def _found(item: Mapping[str, Any]) -> Iterator[tuple[str, int | None, _Found]]:
    """Each line: its property, the index in it, and its fields, with whether each is there to reach somebody."""
    yield _PHONE, None, _reached(_text(item.get(_PHONE)), phone=True)
    for name in _PHONES:
        for at, value in enumerate(_list(item.get(name))):
            yield name, at, _reached(_text(value), phone=True)
    for at, value in enumerate(_list(item.get(_MAILS))):
        yield _MAILS, at, _mail(_object(value))
    for at, value in enumerate(_list(item.get(_HANDLES))):
        yield _HANDLES, at, _reached(_text(value), handle=True)
    yield _PAGE, None, _page(_text(item.get(_PAGE)))
    for name in (_NOTES, *_NAMES):
        yield name, None, _prose(_text(item.get(name)))
    for name in _LISTS_OF_NAMES:
        for at, value in enumerate(_list(item.get(name))):
            yield name, at, _prose(_text(value))
    for name in _ADDRESSES:
        address = _object(item.get(name))
        yield name, None, _prose("\n".join(filter(None, (_text(address.get(part)) for part in _STREET))))


def _reached(text: str, *, phone: bool = False, handle: bool = False) -> _Found:
    links = list(linked(text))
    if links:
        yield from ((link, True) for link in links)
        return
    found = written(without_scheme(text) if handle else text, phone=phone, reaches=True) if text else None
    if found is not None:
        yield found


def _mail(value: Mapping[str, Any]) -> _Found:
    address, name = _text(value.get("address")), _text(value.get("name"))
    yield from _reached(address, phone=holds_a_number(address))
    if name != address:
        yield from _prose(name)


def _page(text: str) -> _Found:
    links = list(linked(text))
    if links:
        yield from ((link, True) for link in links)
    else:
        yield from _prose(text)


def _prose(text: str) -> _Found:
    if text:
        yield Field(FieldKind.TEXT, text), False


def _text(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise _BrokenError
    return value.strip()


def _list(value: object) -> Sequence[object]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise _BrokenError
    return value


def _object(value: object) -> Mapping[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _BrokenError
    return value
