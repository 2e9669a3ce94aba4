"""The address books of a CardDAV server: found, opened, tried; no card is read or removed here."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from mdm_adapters.dav import (
    CARDDAV,
    DAV,
    XML_TYPE,
    DavResponse,
    Multistatus,
    escaped,
    joined,
    propfind,
    read_multistatus,
    segments,
    sync_collection,
)
from mdm_adapters.http import HttpClient, Reply
from mdm_adapters.port import Denied, Fault, Garbled, Missing, PortError, Trial, trial_of_way

RESOURCE_TYPE = f"{DAV}resourcetype"
NO_DELTA = frozenset({400, 403, 404, 405, 409, 410, 412, 415, 422, 501, 507})
"""How servers say that they know a sync token no more, or no tokens at all: RFC 6578 wants 403 with a condition,
Xandikos gives 412, others 400, 409 or 410. A full look follows, and tells what is wrong if it is not the token."""

_TOKEN = f"{DAV}sync-token"
_PRIVILEGES = f"{DAV}current-user-privilege-set"
_PRINCIPAL = f"{DAV}current-user-principal"
_HOMES = f"{CARDDAV}addressbook-home-set"
_NAME = f"{DAV}displayname"
_FORMS = f"{CARDDAV}supported-address-data"
_GONE = frozenset({404, 410})
_NOBODY_READS = 64 * 1024
_LIMIT = Fault.NOT_THE_PROTOCOL
_CREDULOUS = Fault.ACCEPTS_ANYTHING
_Result = TypeVar("_Result")


@dataclass(frozen=True, slots=True)
class Book:
    """An address book that the login can see. address: a path, fit for `Place.address`. name: as people named it."""

    address: str = field(repr=False)
    name: str = field(repr=False)


def propfind_at(
    http: HttpClient,
    address: str,
    depth: int,
    *names: str,
    headers: Mapping[str, str] | None = None,
    unnamed: bool = False,
) -> tuple[Reply, Multistatus]:
    """Ask for properties of a resource (depth 0) and of its members (1). unnamed: without credentials."""
    sent = {"Depth": str(depth), "Content-Type": XML_TYPE, **(headers or {})}
    reply = http.call("PROPFIND", escaped(address), headers=sent, body=propfind(*names), unnamed=unnamed)
    return reply, multistatus_of(reply)


def multistatus_of(reply: Reply) -> Multistatus:
    """What a 207 says; Garbled(NOT_THE_PROTOCOL) for any other success: a login page is one, too."""
    if reply.status != 207:
        raise Garbled(Fault.NOT_THE_PROTOCOL, status=reply.status)
    return read_multistatus(reply.body)


def types_of(answered: DavResponse) -> frozenset[str]:
    """The resource types it has, none if they were not asked for."""
    found = answered.props.get(RESOURCE_TYPE)
    return frozenset(each.tag for each in found) if found is not None else frozenset()


def folder_of(http: HttpClient, address: str) -> str:
    """The path of a collection as the address has it, in its one spelling."""
    return segments(http.path_of(escaped(address))).rstrip("/") + "/"


@dataclass(frozen=True, slots=True)
class OpenBook:
    """A book that answered. path: as the server spells it. token: for asking what changes, if it gives any.

    converts: it keeps several versions of vCard, so what it hands out need not be what it stores.
    """

    path: str = field(repr=False)
    token: str | None = field(repr=False)
    converts: bool


def open_book(http: HttpClient, address: str, headers: Mapping[str, str] | None = None) -> OpenBook:
    """Open a book; what is no address book is refused.

    A folder of books lists no cards: read as a book, every number in it would count as absent.
    """
    reply, answer = propfind_at(http, address, 0, RESOURCE_TYPE, _TOKEN, _FORMS, headers=headers)
    if len(answer.responses) != 1 or f"{CARDDAV}addressbook" not in types_of(answer.responses[0]):
        status = answer.responses[0].status if answer.responses else None
        if status in _GONE:
            raise Missing(Fault.PLACE_GONE, status=status)
        refused = next((each.refused for each in answer.responses if each.refused), None)
        if refused is not None and len(answer.responses) == 1:
            # sabre/dav (Baikal, Nextcloud) answers so for the book of somebody else.
            raise Denied(Fault.FORBIDDEN, status=refused)
        raise Garbled(Fault.NOT_THE_PROTOCOL, status=status)
    found = answer.responses[0]
    return OpenBook(folder_of(http, joined(reply.path, found.href)), found.text(_TOKEN), _converts(found))


def _converts(found: DavResponse) -> bool:
    """Whether vCard 4 is among what the server says it keeps (RFC 6352, 6.2.2), which all of them hand out as 3 too."""
    told = found.props.get(_FORMS)  # under elements of several names: DAViCal and Xandikos have their own
    return told is not None and any(form.get("version") == "4.0" for form in told.iter())


# --- finding


def books_of(http: HttpClient, address: str) -> tuple[Book, ...]:
    """The address books of the login, found from any address of the server (RFC 6764, RFC 6352 7.1.1)."""
    found: dict[str, Book] = {}
    for home in _homes(http, address):
        reply, answer = propfind_at(http, home, 1, RESOURCE_TYPE, _NAME)
        for each in answer.responses:
            if f"{CARDDAV}addressbook" in types_of(each):
                path = folder_of(http, joined(reply.path, each.href))
                found[path] = Book(path, each.text(_NAME) or "")
    return tuple(found.values())


def _homes(http: HttpClient, address: str) -> tuple[str, ...]:
    last: PortError = Garbled(Fault.NOT_THE_PROTOCOL)
    for start in dict.fromkeys((address, "/.well-known/carddav", "/")):
        try:
            found = _links(http, start, _HOMES) or tuple(
                home for person in _links(http, start, _PRINCIPAL) for home in _links(http, person, _HOMES)
            )
        except (Missing, Garbled) as error:
            last = error
            continue
        if found:
            return found
    raise last


def _links(http: HttpClient, address: str, name: str) -> tuple[str, ...]:
    reply, answer = propfind_at(http, address, 0, name)
    return tuple(
        http.path_of(joined(reply.path, (href.text or "").strip()))
        for each in answer.responses
        if name in each.props
        for href in each.props[name].iterfind(f"{DAV}href")
    )


# --- trying


def try_book(http: HttpClient, address: str) -> Sequence[Trial]:
    """Try all that the product will need of a book, and what must be refused; changes nothing."""
    trials = [trial_of_way(encrypted=http.encrypted, near=http.private)]
    opened = _try(trials, "The address book answers this account", lambda: open_book(http, address))
    if opened is None:
        return trials
    collection, token = opened.path, opened.token
    if _try(trials, "Its cards can be listed", lambda: propfind_at(http, collection, 1, f"{DAV}getetag")) is None:
        return trials
    _try(trials, "The account may remove and change cards", lambda: _may_write(http, collection), Fault.FORBIDDEN)
    _try(
        trials,
        "Changes since the last reading can be asked for",
        lambda: _gives_changes(http, collection, token),
        _LIMIT,
    )
    stranger = f"{collection}{secrets.token_hex(16)}.vcf"
    _try(trials, "A card that is not there is said not to be", lambda: _says_absent(http, stranger), _CREDULOUS)
    _try(trials, "Who brings no password is refused", lambda: _is_closed(http, collection), _CREDULOUS)
    return trials


def _try(trials: list[Trial], what: str, action: Callable[[], _Result], unless: Fault | None = None) -> _Result | None:
    """Note how it went. unless: the fault if the action answers no; it may answer None, the server does not say."""
    try:
        result = action()
    except PortError as error:
        trials.append(Trial(what, ok=False, fault=error.fault))
        return None
    answered = True if unless is None else result
    good = None if answered is None else bool(answered)
    trials.append(Trial(what, *_verdict(good, unless)))
    return result


def _verdict(good: bool | None, fault: Fault | None) -> tuple[bool | None, Fault | None]:
    return good, fault if good is False else None


def _may_write(http: HttpClient, collection: str) -> bool | None:
    """Whether the login may remove and change cards (RFC 3744, 5.4); None: not told."""
    _, answer = propfind_at(http, collection, 0, _PRIVILEGES)
    given = answer.responses[0].props.get(_PRIVILEGES) if answer.responses else None
    if given is None:
        return None
    names = {right.tag for right in given.iterfind(f"{DAV}privilege/*")}
    return bool(names & {f"{DAV}all", f"{DAV}write"}) or {f"{DAV}unbind", f"{DAV}write-content"} <= names


def _gives_changes(http: HttpClient, collection: str, token: str | None) -> bool | None:
    if token is None:
        return None
    headers = {"Depth": "0", "Content-Type": XML_TYPE}
    reply = http.call("REPORT", collection, headers=headers, body=sync_collection(token), handles=NO_DELTA)
    return reply.status == 207 and multistatus_of(reply).sync_token is not None


def _says_absent(http: HttpClient, path: str) -> bool:
    try:
        return http.call("GET", path, handles=_GONE, max_body=_NOBODY_READS).status in _GONE
    except Garbled as error:
        if error.fault is not Fault.TOO_LARGE:
            raise
        return False


def _is_closed(http: HttpClient, collection: str) -> bool | None:
    if not http.named:
        return None
    try:
        propfind_at(http, collection, 0, RESOURCE_TYPE, unnamed=True)
    except Denied:
        return True
    return False
