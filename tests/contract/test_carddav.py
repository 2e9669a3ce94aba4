"""CardDAV where servers differ, fail or lie: each gives the right fault in bounded time, and never a false absence."""

from __future__ import annotations

import re
import secrets
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import replace
from math import ceil
from pathlib import Path
from time import monotonic, process_time

import pytest

from mdm_adapters.carddav import MOST_MEMBERS, MOST_PAGES, CardDav, connect, marking_key
from mdm_adapters.dav import joined, member_path
from mdm_adapters.http import USER_AGENT, Connection, HttpClient, HttpLimits, basic
from mdm_adapters.port import (
    Cut,
    Denied,
    Fault,
    Garbled,
    Look,
    Missing,
    Outcome,
    Place,
    PortError,
    Shape,
    Unreachable,
)
from mdm_adapters.registry import STORES
from tests.parts.dav import DavServer
from tests.vendors.badserver import Action, BadServer, Drip, Drop, Hang, Raw, Said, Script, Seen, bad_server, forward
from tests.vendors.members import DavMember, RadicaleMember, XandikosMember, card, tel
from tests.vendors.register import Register, token

CLIENT = "06-1234 5601"
PRIVATE = "06-8765 4301"
QUICK = HttpLimits(connect=1.0, read=0.5, total=1.5)
BOOK = Place("place-1", "/canary-book/")

pytestmark = pytest.mark.parts


def store_at(server: BadServer, *, limits: HttpLimits = QUICK, chunk: int = 200, patience: float = 60.0) -> CardDav:
    http = HttpClient(server.url, basic("service", "service-password"), limits=limits)
    return CardDav(http, key=marking_key("service-password"), chunk=chunk, patience=patience)


@contextmanager
def before(
    member: DavMember, distort: Callable[[Seen, Callable[[], Said]], Action]
) -> Iterator[tuple[CardDav, BadServer]]:
    """A store at a server that stands before a real one and distorts what it says; its place is `here(member)`."""
    with bad_server(lambda seen: distort(seen, lambda: forward(member.server, seen))) as server:
        store = store_at(server, limits=HttpLimits(connect=1.0, read=5.0, total=20.0))
        yield store, server
        store.close()


def here(member: DavMember) -> Place:
    return Place("place-1", f"/{member.book}/")


def names(look: Look) -> set[str]:
    return {entry.ref.rpartition("/")[2] for entry in look.entries}


def is_multiget(seen: Seen) -> bool:
    return b"addressbook-multiget" in seen.body


def is_sync(seen: Seen) -> bool:
    return b"sync-collection" in seen.body


def is_listing(seen: Seen) -> bool:
    return seen.method == "PROPFIND" and seen.headers["depth"] == "1"


# --- servers that are none

OPENED = Said(
    207,
    b'<D:multistatus xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav"><D:response><D:href>/canary-book/</D:href>'
    b"<D:propstat><D:prop><D:resourcetype><D:collection/><C:addressbook/></D:resourcetype></D:prop>"
    b"<D:status>HTTP/1.1 200 OK</D:status></D:propstat></D:response></D:multistatus>",
)
"""The answer of a book without a sync token."""


def after_opening(action: Action) -> Script:
    """The book is there; the next question is answered like this."""
    return lambda seen: OPENED if seen.method == "PROPFIND" and seen.headers["depth"] == "0" else action


def multistatus(*responses: str, tail: str = "") -> Said:
    return Said(207, f'<D:multistatus xmlns:D="DAV:">{"".join(responses)}{tail}</D:multistatus>'.encode())


def found(href: str, prop: str = '<D:getetag>"1"</D:getetag>') -> str:
    status = "<D:status>HTTP/1.1 200 OK</D:status>"
    return f"<D:response><D:href>{href}</D:href><D:propstat><D:prop>{prop}</D:prop>{status}</D:propstat></D:response>"


def listing(*hrefs: str) -> Script:
    """The book is there and lists itself and these."""
    return after_opening(multistatus(found("/canary-book/"), *map(found, hrefs)))


BOMB = (
    b'<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "&%c;&%c;&%c;&%c;&%c;&%c;&%c;&%c;">' % ((i, *[i - 1] * 8)) for i in range(98, 110))
    + b']><D:multistatus xmlns:D="DAV:">&m;</D:multistatus>'
)
FILE_READER = (
    b'<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/hostname">]><D:multistatus xmlns:D="DAV:">&a;</D:multistatus>'
)


@pytest.mark.parametrize(
    ("script", "kind", "fault"),
    [
        (lambda _: Said(200, b"<html>canary</html>", {"Content-Type": "text/html"}), Garbled, Fault.NOT_THE_PROTOCOL),
        (lambda _: Said(200), Garbled, Fault.NOT_THE_PROTOCOL),
        (lambda _: Said(204), Garbled, Fault.NOT_THE_PROTOCOL),
        (lambda _: Said(207, b"<html>canary</html>"), Garbled, Fault.NOT_THE_PROTOCOL),
        (lambda _: Said(207, b"canary"), Garbled, Fault.BAD_BODY),
        (lambda _: Said(207, b""), Garbled, Fault.BAD_BODY),
        (lambda _: Said(207, b'<?xml version="1.0" encoding="canary"?><a/>'), Garbled, Fault.BAD_BODY),
        (lambda _: Said(207, BOMB), Garbled, Fault.BAD_BODY),
        (lambda _: Said(207, FILE_READER), Garbled, Fault.BAD_BODY),
        (lambda _: Said(207, b'<!DOCTYPE a [<!ENTITY a "x">]>' + OPENED.body), Garbled, Fault.BAD_BODY),
        (lambda _: Said(207, b"<!DOCTYPE a>" + OPENED.body), Garbled, Fault.BAD_BODY),
        (lambda _: multistatus(), Garbled, Fault.NOT_THE_PROTOCOL),
        (lambda _: multistatus(found("/canary-book/", "<D:resourcetype/>")), Garbled, Fault.NOT_THE_PROTOCOL),
        (lambda _: Hang(), Unreachable, Fault.TIMED_OUT),
        (lambda _: Drop(), Unreachable, Fault.DROPPED),
        (
            lambda _: Drip(b"HTTP/1.1 207 Multi-Status\r\n\r\n<D:multistatus xmlns:D='DAV:'>"),
            Unreachable,
            Fault.TIMED_OUT,
        ),
        (lambda _: Said(401, headers={"WWW-Authenticate": "Basic"}), Denied, Fault.WRONG_CREDENTIALS),
        (lambda _: Said(403), Denied, Fault.FORBIDDEN),
        (lambda _: Said(404), Missing, Fault.PLACE_GONE),
        (lambda _: Said(410), Missing, Fault.PLACE_GONE),
        (lambda _: Said(405), Garbled, Fault.UNEXPECTED_STATUS),
        (lambda _: Said(503, headers={"Retry-After": "5"}), Unreachable, Fault.SERVER_ERROR),
        (lambda _: Said(302, headers={"Location": "/login"}), Garbled, Fault.REDIRECTED),
        (after_opening(Said(200, b"<html/>")), Garbled, Fault.NOT_THE_PROTOCOL),
        (after_opening(multistatus()), Garbled, Fault.NOT_THE_PROTOCOL),
        (listing("/other-book/a.vcf"), Garbled, Fault.NOT_THE_PROTOCOL),
        (listing("/canary-book/../other-book/a.vcf"), Garbled, Fault.NOT_THE_PROTOCOL),
        (listing("/canary-book/a/b.vcf"), Garbled, Fault.NOT_THE_PROTOCOL),
        (listing("/canary-book/%2e%2e"), Garbled, Fault.NOT_THE_PROTOCOL),
        (listing("/canary-book/a.vcf?canary"), Garbled, Fault.NOT_THE_PROTOCOL),
        (listing("http://canary.example/canary-book/a.vcf"), Garbled, Fault.REDIRECTED),
        (listing("//canary.example/canary-book/a.vcf"), Garbled, Fault.REDIRECTED),
        (listing("http://canary@127.0.0.1/canary-book/a.vcf"), Garbled, Fault.REDIRECTED),
        (listing("\\\\canary.example/canary-book/a.vcf"), Garbled, Fault.REDIRECTED),
        (
            after_opening(
                multistatus(
                    found("/canary-book/"),
                    "<D:response><D:href>/canary-book/</D:href><D:status>HTTP/1.1 507 Full</D:status></D:response>",
                )
            ),
            *(Garbled, Fault.NO_END),
        ),
    ],
)
def test_a_server_that_is_none_has_a_name_for_it(script: Script, kind: type[PortError], fault: Fault) -> None:
    begun = monotonic()
    with bad_server(script) as server, pytest.raises(PortError) as raised:
        store_at(server).look(BOOK, Register(CLIENT))

    assert (type(raised.value), raised.value.fault) == (kind, fault)
    assert "canary" not in f"{raised.value!r} {raised.value.__cause__!r} {raised.value.__context__!r}"
    assert monotonic() - begun < 5


@pytest.mark.parametrize("many", [MOST_MEMBERS + 1, 1_000_000])
def test_a_list_of_a_million_cards_is_no_list(many: int) -> None:
    body = multistatus(found("/canary-book/"), *(found(f"/canary-book/{number}.vcf") for number in range(many)))
    begun = process_time()  # of the processor: other work on the machine makes the answer no longer
    with bad_server(after_opening(body)) as server, pytest.raises(Garbled) as raised:
        store_at(server, limits=HttpLimits(total=200.0)).look(BOOK, Register(CLIENT))

    assert raised.value.fault is (Fault.NO_END if many < 1_000_000 else Fault.TOO_LARGE)
    assert process_time() - begun < 20


def test_xml_without_a_floor_is_read_without_falling() -> None:
    deep = b"<a>" * 200_000
    with bad_server(lambda _: Said(207, deep)) as server, pytest.raises(Garbled) as raised:
        store_at(server).look(BOOK, Register(CLIENT))

    assert raised.value.fault is Fault.BAD_BODY


def test_credentials_go_to_no_other_host_that_a_server_names() -> None:
    with bad_server(lambda _: Said(207)) as elsewhere:

        def script(seen: Seen) -> Action:
            if seen.method == "PROPFIND" and seen.headers["depth"] == "0":
                return OPENED
            return Said(301, headers={"Location": f"{elsewhere.url}/canary-book/"})

        with bad_server(script) as server, pytest.raises(Garbled) as raised:
            store_at(server).look(BOOK, Register(CLIENT))

    assert (raised.value.fault, elsewhere.seen) == (Fault.REDIRECTED, [])


@pytest.mark.parametrize("pages", ["the same", "new"])
def test_changes_that_never_end_are_called_so(xandikos_member: XandikosMember, pages: str) -> None:
    place = here(xandikos_member)

    def distort(seen: Seen, real: Callable[[], Said]) -> Action:
        if not is_sync(seen) or not looked:
            return real()
        name = "same" if pages == "the same" else secrets.token_hex(8)
        more = f"<D:response><D:href>{place.address}</D:href><D:status>HTTP/1.1 507 Full</D:status></D:response>"
        return multistatus(found(f"{place.address}{name}.vcf"), more, tail=f"<D:sync-token>{name}</D:sync-token>")

    looked: list[str | None] = []
    with before(xandikos_member, distort) as (store, server):
        looked.append(store.look(place, Register(CLIENT)).cursor)
        del server.seen[:]
        with pytest.raises(Garbled) as raised:
            store.look(place, Register(CLIENT), cursor=looked[0])

    assert raised.value.fault is Fault.NO_END
    assert len(server.seen) <= (2 if pages == "the same" else MOST_PAGES)


# --- servers that keep something back


GOVERNED = card(1, *tel(CLIENT)).decode().replace("\r\n", "&#13;\n")


def told(href: str, status: int) -> str:
    return f"<D:response><D:href>{href}</D:href><D:status>HTTP/1.1 {status} Said</D:status></D:response>"


def data(text: str) -> str:
    return f'<C:address-data xmlns:C="urn:ietf:params:xml:ns:carddav">{text}</C:address-data>'


NOT_THERE = Said(404)


def shelf(listed: str, read: str = "", alone: Action = NOT_THERE) -> Script:
    """A book that lists this, and answers this when its cards are asked for together, or one alone."""

    def script(seen: Seen) -> Action:
        if seen.method == "PROPFIND":
            return multistatus(found("/canary-book/"), listed) if is_listing(seen) else OPENED
        return multistatus(read) if is_multiget(seen) else alone

    return script


A = "/canary-book/a.vcf"
FOLDER = "<D:resourcetype><D:collection/></D:resourcetype>"


@pytest.mark.parametrize(
    ("script", "names_of_it"),
    [
        pytest.param(shelf(found(A), told(A, 404)), A, id="listed, and then not there"),
        pytest.param(shelf(found(A), told(A, 410)), A, id="listed, and then gone"),
        pytest.param(shelf(found(A)), A, id="listed, and left out of an empty answer"),
        pytest.param(shelf(found(A), found("/canary-book/b.vcf", data(GOVERNED))), A, id="another one answered for it"),
        pytest.param(shelf(told(A, 404), told(A, 404)), A, id="listed with status 404"),
        pytest.param(shelf(told(A, 403), told(A, 403), Said(403)), A, id="listed with status 403"),
        pytest.param(shelf(f"<D:response><D:href>{A}</D:href></D:response>"), A, id="listed without a word"),
        pytest.param(shelf(found(A, FOLDER), found(A, data(GOVERNED))), A, id="listed as a folder"),
        pytest.param(shelf(found(f"{A}/"), found(A, data(GOVERNED))), f"{A}/", id="listed with a slash at its end"),
        pytest.param(
            shelf(found("/canary-book/a%2520b.vcf"), told("/canary-book/a%2520b.vcf", 404)),
            "/canary-book/a%2520b.vcf",
            id="listed with an href that is escaped twice",
        ),
        pytest.param(
            shelf(found(A), found(A, data(GOVERNED)) + told(A, 404)), A, id="two answers: there and not there"
        ),
        pytest.param(
            shelf(found(A), found(A, data(GOVERNED)) + found(A, data(GOVERNED.replace("5601", "5699")))),
            A,
            id="two answers: one number and another",
        ),
        pytest.param(shelf(found(A), found(A, data(""))), A, id="an empty card"),
        pytest.param(
            shelf(found(A), found(A, data(GOVERNED) + data(GOVERNED.replace("5601", "5699")))),
            A,
            id="one answer with two cards in it",
        ),
        pytest.param(
            shelf(found(A), alone=Said(200, b"<html>Sign in</html>", {"Content-Type": "text/html"})),
            A,
            id="a page in place of a card",
        ),
    ],
)
def test_what_a_listing_names_and_nobody_can_read_is_unknown(script: Script, names_of_it: str) -> None:
    with bad_server(script) as server:
        look = store_at(server).look(BOOK, Register(CLIENT))

    assert [(entry.ref, entry.shape, entry.tokens) for entry in look.entries] == [
        (names_of_it, Shape.UNREADABLE, frozenset())
    ]


@pytest.mark.parametrize(
    ("script", "kind", "fault"),
    [
        (shelf("<D:response><D:status>HTTP/1.1 200 OK</D:status></D:response>"), Garbled, Fault.NOT_THE_PROTOCOL),
        (shelf(found(A).replace("D:response", "D:Response")), Garbled, Fault.NOT_THE_PROTOCOL),
        (shelf(f"<D:pages>{found(A)}</D:pages>"), Garbled, Fault.NOT_THE_PROTOCOL),
        (shelf(f'<D:href xmlns:D="dav:">{A}</D:href>'), Garbled, Fault.NOT_THE_PROTOCOL),
        (shelf(found("/canary-book/<i/>a.vcf")), Garbled, Fault.NOT_THE_PROTOCOL),
        (shelf(found("")), Garbled, Fault.NOT_THE_PROTOCOL),
        (shelf(told("/canary-book/", 403)), Denied, Fault.FORBIDDEN),
        (shelf(told("/canary-book/", 404)), Missing, Fault.PLACE_GONE),
        (shelf(told("/canary-book", 507)), Garbled, Fault.NO_END),
        (shelf(found("http://127.0.0.1:1/canary-book/a.vcf")), Garbled, Fault.REDIRECTED),
        (shelf(found("https://127.0.0.1/canary-book/a.vcf")), Garbled, Fault.REDIRECTED),
    ],
)
def test_a_list_that_names_what_is_not_of_it_or_says_no_is_none(
    script: Script, kind: type[PortError], fault: Fault
) -> None:
    with bad_server(script) as server, pytest.raises(PortError) as raised:
        store_at(server).look(BOOK, Register(CLIENT))

    assert (type(raised.value), raised.value.fault) == (kind, fault)


def test_the_same_answer_twice_is_one(radicale_member: RadicaleMember) -> None:
    radicale_member.put("a.vcf", card(1, *tel(CLIENT)))

    def distort(seen: Seen, real: Callable[[], Said]) -> Action:
        said = real()
        if not (is_listing(seen) or is_multiget(seen)):
            return said
        again = re.sub(rb"(<multistatus[^>]*>)(.*)(</multistatus>)", rb"\1\2\2\3", said.body, flags=re.DOTALL)
        return said.saying(again)

    with before(radicale_member, distort) as (store, _):
        look = store.look(here(radicale_member), Register(CLIENT))

    assert [(entry.shape, entry.tokens) for entry in look.entries] == [(Shape.WHOLE, {token(CLIENT)})]


def test_a_name_with_a_sign_that_ends_addresses_is_read(radicale_member: RadicaleMember) -> None:
    radicale_member.put("a%23b.vcf", card(1, *tel(CLIENT)))

    def distort(seen: Seen, real: Callable[[], Said]) -> Action:
        said = real()
        return said.saying(said.body.replace(b"%23", b"#")) if is_listing(seen) else said

    with before(radicale_member, distort) as (store, _):
        assert names(store.look(here(radicale_member), Register(CLIENT))) == {"a%23b.vcf"}


def test_a_card_that_went_between_list_and_reading_is_not_there(radicale_member: RadicaleMember) -> None:
    radicale_member.put("a.vcf", card(1, *tel(CLIENT)))
    radicale_member.put("b.vcf", card(2, *tel(CLIENT)))

    def distort(seen: Seen, real: Callable[[], Said]) -> Action:
        if is_multiget(seen) and "a.vcf" in radicale_member.names():
            radicale_member.drop("a.vcf")
        return real()

    with before(radicale_member, distort) as (store, server):
        look = store.look(here(radicale_member), Register(CLIENT))

    assert (look.full, names(look), look.read) == (True, {"b.vcf"}, 1)
    assert len([seen for seen in server.seen if is_listing(seen)]) == 2


def test_a_card_that_a_delta_names_and_nobody_can_read_is_unknown(radicale_member: RadicaleMember) -> None:
    place, register = here(radicale_member), Register(CLIENT)
    radicale_member.put("a.vcf", card(1, *tel(PRIVATE)))

    def distort(seen: Seen, real: Callable[[], Said]) -> Action:
        if not is_multiget(seen) or b"b.vcf" not in seen.body:
            return real()
        return multistatus(told(f"{place.address}b.vcf", 404))

    with before(radicale_member, distort) as (store, _):
        cursor = store.look(place, register).cursor
        radicale_member.put("b.vcf", card(2, *tel(CLIENT)))
        look = store.look(place, register, cursor=cursor)

    assert (look.full, [(entry.ref, entry.shape) for entry in look.entries]) == (
        False,
        [(f"{place.address}b.vcf", Shape.UNREADABLE)],
    )


def test_what_a_delta_calls_gone_and_the_list_still_names_is_unknown(radicale_member: RadicaleMember) -> None:
    """The look in full listed it; then its changes say that it went, and the list names it as before."""
    radicale_member.put("a.vcf", card(1, *tel(CLIENT)))
    place = here(radicale_member)
    once: list[str] = []

    def distort(seen: Seen, real: Callable[[], Said]) -> Action:
        said = real()
        if not is_sync(seen) or once:
            return said
        once.append("lie")
        return said.saying(
            said.body.replace(
                b"<sync-token>", told(f"{place.address}a.vcf", 404).replace("D:", "").encode() + b"<sync-token>"
            )
        )

    with before(radicale_member, distort) as (store, _):
        look = store.look(place, Register(CLIENT))

    assert [entry.shape for entry in look.entries] == [Shape.UNREADABLE]


def test_a_card_that_may_not_be_read_is_unreadable(radicale_member: RadicaleMember) -> None:
    radicale_member.put("a.vcf", card(1, *tel(CLIENT)))
    place = here(radicale_member)

    def distort(seen: Seen, real: Callable[[], Said]) -> Action:
        if is_multiget(seen):
            no = "<D:response><D:href>{}a.vcf</D:href><D:status>HTTP/1.1 403 No</D:status></D:response>"
            return multistatus(no.format(place.address))
        return Said(403) if seen.method == "GET" else real()

    with before(radicale_member, distort) as (store, _):
        (entry,) = store.look(place, Register(CLIENT)).entries

    assert (entry.shape, entry.tokens) == (Shape.UNREADABLE, frozenset())


def test_a_card_that_xml_cannot_carry_is_fetched_alone(radicale_member: RadicaleMember) -> None:
    for number in range(9):
        radicale_member.put(f"{number}.vcf", card(number, *tel(CLIENT if number == 7 else PRIVATE)))
    place = here(radicale_member)

    def distort(seen: Seen, real: Callable[[], Said]) -> Action:
        said = real()
        return said.saying(said.body.replace(b"FN:Contact 7", b"FN:\x0b")) if is_multiget(seen) else said

    with before(radicale_member, distort) as (store, server):
        look = store.look(place, Register(CLIENT))

    assert (names(look), look.read) == ({"7.vcf"}, 9)
    assert server.methods().count("GET") == 1


def test_a_chunk_that_is_too_large_is_asked_for_in_parts(xandikos_member: XandikosMember) -> None:
    picture = "PHOTO;ENCODING=b;TYPE=JPEG:" + "QUJD" * 20_000
    xandikos_member.fill({f"{number}.vcf": card(number, picture, *tel(CLIENT)) for number in range(9)})
    place = here(xandikos_member)

    def distort(seen: Seen, real: Callable[[], Said]) -> Action:
        said = real()
        return (
            said.saying(re.sub(rb"<[^<]*getcontentlength>[^<]*<[^>]*>", b"", said.body)) if is_listing(seen) else said
        )

    with bad_server(lambda seen: distort(seen, lambda: forward(xandikos_member.server, seen))) as server:
        store = store_at(server, limits=HttpLimits(body=200_000))
        look = store.look(place, Register(CLIENT))

    assert (len(look.entries), look.read) == (9, 9)


@pytest.mark.parametrize("told", [True, False])
def test_a_card_without_bound_is_unreadable_and_the_others_are_read(
    xandikos_member: XandikosMember, told: bool
) -> None:
    huge = card(1, "PHOTO;ENCODING=b;TYPE=JPEG:" + "QUJD" * 3_000_000, *tel(CLIENT))
    xandikos_member.fill({"huge.vcf": huge, "a.vcf": card(2, *tel(CLIENT))})

    def distort(seen: Seen, real: Callable[[], Said]) -> Action:
        said = real()
        return said.saying(said.body.replace(b"getcontentlength", b"other")) if is_listing(seen) and not told else said

    with bad_server(lambda seen: distort(seen, lambda: forward(xandikos_member.server, seen))) as server:
        look = store_at(server, limits=HttpLimits(body=1_000_000)).look(here(xandikos_member), Register(CLIENT))

    shapes = {entry.ref.rpartition("/")[2]: entry.shape for entry in look.entries}
    assert shapes == {"huge.vcf": Shape.UNREADABLE, "a.vcf": Shape.WHOLE}
    assert any(b"huge.vcf" in seen.body for seen in server.seen) is not told  # its length was enough to leave it be


def test_a_server_whose_cards_are_never_xml_is_not_asked_for_ever() -> None:
    hrefs = [f"/canary-book/{number}.vcf" for number in range(5_000)]

    def script(seen: Seen) -> Action:
        return Said(207, b"canary") if seen.method in ("REPORT", "GET") else listing(*hrefs)(seen)

    with bad_server(script) as server, pytest.raises(Garbled) as raised:
        store_at(server, limits=HttpLimits()).look(BOOK, Register(CLIENT))

    assert raised.value.fault is Fault.BAD_BODY
    assert len(server.seen) < 200


def test_a_card_that_was_undone_between_two_looks_is_not_overlooked(xandikos_member: XandikosMember) -> None:
    """Deleted as a look begins and restored later, the book is in the state of the look's first token again."""
    xandikos_member.put("a.vcf", card(1, *tel(CLIENT)))
    place, register = here(xandikos_member), Register(CLIENT)
    body = xandikos_member.get("a.vcf") or b""

    def distort(seen: Seen, real: Callable[[], Said]) -> Action:
        if is_listing(seen) and xandikos_member.names():
            xandikos_member.drop("a.vcf")
        return real()

    with before(xandikos_member, distort) as (store, _):
        first = store.look(place, register)
    xandikos_member.put("a.vcf", body)
    second = xandikos_member.store.look(place, register, cursor=first.cursor)

    assert (names(first), names(second)) == (set(), {"a.vcf"})


def test_a_card_that_changed_between_list_and_reading_leaves_no_cursor_to_rest_on(
    radicale_member: RadicaleMember,
) -> None:
    radicale_member.put("a.vcf", card(1, *tel(PRIVATE)))
    place = here(radicale_member)

    def distort(seen: Seen, real: Callable[[], Said]) -> Action:
        said = real()
        return said.saying(re.sub(rb'getetag>"[^"]*"', b'getetag>"other"', said.body)) if is_multiget(seen) else said

    with before(radicale_member, distort) as (store, _):
        look = store.look(place, Register(CLIENT))

    assert (look.full, look.read, look.cursor) == (True, 1, None)


def test_a_look_without_end_in_sight_gives_up() -> None:
    hours = iter(range(0, 100_000, 3_600))
    body = multistatus(found("/canary-book/"), *(found(f"/canary-book/{number}.vcf") for number in range(500)))
    with bad_server(after_opening(body)) as server:
        store = CardDav(HttpClient(server.url, limits=QUICK), patience=1_800.0, monotonic=lambda: float(next(hours)))
        with pytest.raises(Unreachable) as raised:
            store.look(BOOK, Register(CLIENT))

    assert raised.value.fault is Fault.TIMED_OUT


# --- servers that differ


def test_a_server_without_changes_gives_no_cursor_and_full_looks(radicale_member: RadicaleMember) -> None:
    radicale_member.put("a.vcf", card(1, *tel(CLIENT)))
    place = here(radicale_member)

    def distort(seen: Seen, real: Callable[[], Said]) -> Action:
        if is_sync(seen):
            return Said(501)
        said = real()
        return said.saying(re.sub(rb"<sync-token>[^<]*</sync-token>", b"", said.body))

    with before(radicale_member, distort) as (store, server):
        looks = [store.look(place, Register(CLIENT), cursor=cursor) for cursor in (None, "1 0 x")]

    assert [(look.full, look.cursor, names(look)) for look in looks] == [(True, None, {"a.vcf"})] * 2
    assert not any(map(is_sync, server.seen))


@pytest.mark.parametrize("status", [400, 403, 405, 409, 410, 412, 507])
def test_a_token_that_is_lost_gives_a_full_look_whatever_the_server_calls_it(
    radicale_member: RadicaleMember, status: int
) -> None:
    radicale_member.put("a.vcf", card(1, *tel(CLIENT)))
    place = here(radicale_member)
    lost: list[str] = []

    def distort(seen: Seen, real: Callable[[], Said]) -> Action:
        if is_sync(seen) and lost:
            return Said(status, b'<error xmlns="DAV:"><valid-sync-token/></error>')
        return real()

    with before(radicale_member, distort) as (store, _):
        cursor = store.look(place, Register(CLIENT)).cursor
        lost.append("token")
        look = store.look(place, Register(CLIENT), cursor=cursor)

    assert (look.full, names(look)) == (True, {"a.vcf"})


def test_changes_in_pages_are_read_to_their_end(xandikos_member: XandikosMember) -> None:
    place, register = here(xandikos_member), Register(CLIENT)
    for number in range(3):
        xandikos_member.put(f"{number}.vcf", card(number, *tel(CLIENT)))
    more = f"<D:response><D:href>{place.address}</D:href><D:status>HTTP/1.1 507 Full</D:status></D:response>"
    pages = {
        b"page-1": (found(f"{place.address}0.vcf", "<D:getetag/>") + more, "page-2"),
        b"page-2": (found(f"{place.address}1.vcf", "<D:getetag/>") + more, "page-3"),
        b"page-3": (found(f"{place.address}2.vcf", "<D:getetag/>"), "end"),
        b"end": ("", "end"),
    }

    def distort(seen: Seen, real: Callable[[], Said]) -> Action:
        known = [page for name, page in pages.items() if is_sync(seen) and name in seen.body]
        return multistatus(known[0][0], tail=f"<D:sync-token>{known[0][1]}</D:sync-token>") if known else real()

    with before(xandikos_member, distort) as (store, _):
        cursor = store.look(place, Register()).cursor
        assert cursor is not None
        look = store.look(place, register, cursor=f"{cursor.rpartition(' ')[0]} page-1")

    assert (look.full, names(look), look.cursor) == (
        False,
        {"0.vcf", "1.vcf", "2.vcf"},
        f"{cursor.rpartition(' ')[0]} end",
    )


def test_a_book_that_the_server_calls_by_another_name_is_read_and_cut(radicale_member: RadicaleMember) -> None:
    radicale_member.put("a.vcf", card(1, *tel(CLIENT)))
    alias = Place("place-1", "/alias/")
    register = Register(CLIENT)

    def distort(seen: Seen, _: object) -> Action:
        path = seen.path.replace("/alias/", f"/{radicale_member.book}/")
        return forward(radicale_member.server, Seen(seen.method, path, seen.headers, seen.body))

    with before(radicale_member, distort) as (store, _):
        first = store.look(alias, register)
        again = store.look(alias, register, cursor=first.cursor)
        (entry,) = again.entries or first.entries
        (receipt,) = store.remove(alias, [Cut(entry.ref, entry.version, entry.tokens, whole=True)], register)

    assert entry.ref == f"/{radicale_member.book}/a.vcf"
    assert receipt.outcome is Outcome.REMOVED
    assert radicale_member.names() == set()


def test_names_with_all_kinds_of_letters_are_read_and_removed(radicale_member: RadicaleMember) -> None:
    odd = ["a%20b.vcf", "caf%C3%A9.vcf", "a%2525.vcf", "a%26b.vcf", "a%40b+c.vcf", "a%3Bb.vcf"]
    for number, name in enumerate(odd):
        radicale_member.put(name, card(number, *tel(CLIENT)))
    register = Register(CLIENT)

    look = radicale_member.store.look(radicale_member.place, register)
    cuts = [Cut(entry.ref, entry.version, entry.tokens, whole=True) for entry in look.entries]
    receipts = radicale_member.store.remove(radicale_member.place, cuts, register)

    assert [receipt.outcome for receipt in receipts] == [Outcome.REMOVED] * len(odd)
    assert radicale_member.names() == set()


@pytest.mark.parametrize(
    ("href", "path"),
    [
        ("/book/a.vcf", "/book/a.vcf"),
        ("a.vcf", "/book/a.vcf"),
        ("./a.vcf", "/book/a.vcf"),
        ("/book/a b.vcf", "/book/a%20b.vcf"),
        ("/book/caf\u00e9.vcf", "/book/caf%C3%A9.vcf"),
        ("/book/caf%c3%a9.vcf", "/book/caf%C3%A9.vcf"),
        ("/book/%61.vcf", "/book/a.vcf"),
        ("/book/100%.vcf", "/book/100%25.vcf"),
        ("/book/a%2Fb.vcf", "/book/a%2Fb.vcf"),
        ("/book/a;b@c.vcf", "/book/a%3Bb%40c.vcf"),
        ("/book/%E9.vcf", "/book/%E9.vcf"),
        ("/book", None),
        ("/book/", None),
    ],
)
def test_an_href_has_one_spelling(href: str, path: str | None) -> None:
    assert member_path(HttpClient("http://127.0.0.1").path_of(joined("/book/", href)), "/book/") == path


def test_a_folder_of_books_is_not_an_empty_book(radicale_member: RadicaleMember) -> None:
    with pytest.raises(Garbled) as raised:
        radicale_member.store.look(Place("place-1", f"/{radicale_member.server.home}/"), Register(CLIENT))

    assert raised.value.fault is Fault.NOT_THE_PROTOCOL


def weaken(said: Said) -> Said:
    etag = said.headers.get("etag")
    headers = dict(said.headers) | ({"etag": f"W/{etag}"} if etag else {})
    return Said(said.status, re.sub(rb'(getetag>)"', rb'\1W/"', said.body), headers)


def test_a_weak_etag_guards_nothing_and_the_card_is_read_again(radicale_member: RadicaleMember) -> None:
    radicale_member.put("a.vcf", card(1, *tel(CLIENT)))
    radicale_member.put("b.vcf", card(2, *tel(CLIENT, PRIVATE)))
    place, register = here(radicale_member), Register(CLIENT)

    with before(radicale_member, lambda _, real: weaken(real())) as (store, server):
        entries = sorted(store.look(place, register).entries, key=lambda entry: entry.ref)
        del server.seen[:]
        receipts = store.remove(
            place, [Cut(each.ref, each.version, each.tokens, whole=True) for each in entries], register
        )

    assert [(entry.version or "").startswith("guarded ") for entry in entries] == [False, False]
    assert [receipt.outcome for receipt in receipts] == [Outcome.REMOVED, Outcome.TRIMMED]
    assert [(each.method, each.headers.get("if-match")) for each in server.seen if each.method != "REPORT"] == [
        ("GET", None),
        ("DELETE", None),
        ("GET", None),
        ("PUT", "*"),
    ]


STUCK = '"gcs00000000"'
"""What SOGo gives to every card that is new there."""


def with_etag(member: DavMember, etag: Callable[[bytes], str]) -> Callable[[Seen, Callable[[], Said]], Said]:
    """A server whose ETags are made by this from the path, and whose guard is as good as they are."""

    def distort(seen: Seen, _: Callable[[], Said]) -> Said:
        headers = {name: value for name, value in seen.headers.items() if name != "if-match"}
        said = forward(member.server, Seen(seen.method, seen.path, headers, seen.body))
        told = {name: etag(seen.path.encode()) if name == "etag" else value for name, value in said.headers.items()}
        body = re.sub(
            rb"<href>([^<]*)</href>(?:(?!</response>).)*?<getetag>",
            lambda match: match[0] + etag(match[1]).encode() + b"</getetag><old>",
            said.body.replace(b"</getetag>", b"</old>"),
            flags=re.DOTALL,
        )
        return Said(said.status, body, told)

    return distort


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("etag", [STUCK, '"same"', 'W/"same"'], ids=["SOGo's", "strong", "weak"])
@pytest.mark.parametrize("cards", [1, 2], ids=["one card", "two cards"])
def test_a_card_made_anew_under_the_etag_of_the_old_one_is_left_alone(
    radicale_member: RadicaleMember, etag: str, whole: bool, cards: int
) -> None:
    place, register = here(radicale_member), Register(CLIENT)
    for number, name in enumerate(["a.vcf", "b.vcf"][:cards]):
        radicale_member.put(name, card(number, *tel(CLIENT)))
    distort = with_etag(radicale_member, lambda _: etag)

    with before(radicale_member, distort) as (store, server):
        entry = min(store.look(place, register).entries, key=lambda entry: entry.ref)
        radicale_member.drop("a.vcf")
        radicale_member.put("a.vcf", card(0, *tel(CLIENT), "NOTE:eigen"))
        held = radicale_member.get("a.vcf")
        (receipt,) = store.remove(place, [Cut(entry.ref, entry.version, entry.tokens, whole)], register)

    assert receipt.outcome is Outcome.CHANGED
    assert radicale_member.get("a.vcf") == held
    assert [seen.method for seen in server.seen if seen.method in ("PUT", "DELETE")] == []


def test_an_etag_that_many_cards_share_is_no_version_and_each_is_read_just_before_it_goes(
    radicale_member: RadicaleMember,
) -> None:
    place, register = here(radicale_member), Register(CLIENT)
    for number in range(3):
        radicale_member.put(f"{number}.vcf", card(number, *tel(CLIENT)))
    distort = with_etag(radicale_member, lambda path: '"other"' if path.endswith(b"2.vcf") else '"same"')

    with before(radicale_member, distort) as (store, server):
        entries = sorted(store.look(place, register).entries, key=lambda entry: entry.ref)
        cuts = [Cut(entry.ref, entry.version, entry.tokens, whole=True) for entry in entries]
        del server.seen[:]
        receipts = store.remove(place, cuts, register)

    assert [(entry.version or "").startswith("guarded ") for entry in entries] == [False, False, True]
    assert [receipt.outcome for receipt in receipts] == [Outcome.REMOVED] * 3
    asked = [(seen.method, seen.headers.get("if-match")) for seen in server.seen if seen.method in ("GET", "DELETE")]
    assert asked == [("GET", None), ("DELETE", '"same"'), ("GET", None), ("DELETE", '"same"'), ("DELETE", '"other"')]


def test_cards_to_come_are_read_again_by_one_request_for_many(radicale_member: RadicaleMember) -> None:
    place, register = here(radicale_member), Register(CLIENT)
    radicale_member.fill({f"{number}.vcf": card(number, *tel(CLIENT)) for number in range(45)})
    with before(radicale_member, lambda _, real: real()) as (store, server):
        entries = store.look(place, register).entries
        cuts = [Cut(entry.ref, entry.version, entry.tokens, whole=True) for entry in entries]
        del server.seen[:]
        store.announce(place, cuts)
        outcomes = [store.remove(place, [cut], register)[0].outcome for cut in cuts]

    assert outcomes == [Outcome.REMOVED] * 45
    assert Counter(server.methods()) == {"REPORT": 3, "DELETE": 45}


@pytest.mark.parametrize(("many", "before_it"), [(1, 9), (40, 48)])
def test_a_look_a_removal_and_its_proof_cost_a_fifth_more_at_most(
    radicale_member: RadicaleMember, many: int, before_it: int
) -> None:
    """before_it: requests where cards were not read again, nor asked for by their own address."""
    place, register = here(radicale_member), Register(CLIENT)
    radicale_member.fill({f"{number}.vcf": card(number, *tel(CLIENT)) for number in range(many)})
    radicale_member.fill({f"private-{number}.vcf": card(100 + number, *tel(PRIVATE)) for number in range(60)})
    with before(radicale_member, lambda _, real: real()) as (store, server):
        entries = store.look(place, register).entries
        cuts = [Cut(entry.ref, entry.version, entry.tokens, whole=True) for entry in entries]
        store.announce(place, cuts)
        for cut in cuts:
            store.remove(place, [cut], register)
        proof = store.look(place, register)
        left = store.look_up(place, [cut.ref for cut in cuts], register)

    assert (len(cuts), proof.entries, left) == (many, (), ())
    assert len(server.seen) == before_it + ceil(many / 20) + 1 <= 1.25 * before_it


def test_what_was_read_ahead_is_read_again_where_its_turn_comes_late(radicale_member: RadicaleMember) -> None:
    place, register, now = here(radicale_member), Register(CLIENT), [0.0]
    radicale_member.fill({f"{number}.vcf": card(number, *tel(CLIENT)) for number in range(2)})
    http = HttpClient(radicale_member.server.url, basic("service", "service-password"))
    store = CardDav(http, monotonic=lambda: now[0])
    entries = sorted(store.look(place, register).entries, key=lambda entry: entry.ref)
    cuts = [Cut(entry.ref, entry.version, entry.tokens, whole=True) for entry in entries]
    store.announce(place, cuts)
    first = store.remove(place, cuts[:1], register)
    radicale_member.put("1.vcf", card(1, *tel(CLIENT), "NOTE:eigen"))
    now[0] += 2.5
    second = store.remove(place, cuts[1:], register)
    store.close()

    assert [each.outcome for each in (*first, *second)] == [Outcome.REMOVED, Outcome.CHANGED]
    assert radicale_member.names() == {"1.vcf"}


@pytest.mark.parametrize("changed", [True, False])
def test_a_version_of_an_earlier_release_is_an_etag_and_still_guards(
    radicale_member: RadicaleMember, changed: bool
) -> None:
    radicale_member.put("a.vcf", card(1, *tel(CLIENT)))
    etag = radicale_member.etag("a.vcf")
    if changed:
        radicale_member.put("a.vcf", card(1, *tel(CLIENT), "NOTE:eigen"))
    cut = Cut(f"/{radicale_member.book}/a.vcf", etag, frozenset({token(CLIENT)}), whole=True)

    (receipt,) = radicale_member.store.remove(radicale_member.place, [cut], Register(CLIENT))

    assert receipt.outcome is (Outcome.CHANGED if changed else Outcome.REMOVED)


def test_an_etag_that_differs_at_each_answer_changes_no_version(radicale_member: RadicaleMember) -> None:
    radicale_member.put("a.vcf", card(1, *tel(CLIENT)))
    distort = with_etag(radicale_member, lambda _: f'"{secrets.token_hex(8)}"')
    with before(radicale_member, distort) as (store, _):
        first, second = (store.look(here(radicale_member), Register(CLIENT)).entries for _ in range(2))

    assert first == second != ()


def test_an_etag_that_never_changes_hides_no_change(radicale_member: RadicaleMember) -> None:
    place, register = here(radicale_member), Register(CLIENT)
    radicale_member.put("a.vcf", card(1, *tel(CLIENT, PRIVATE)))
    with before(radicale_member, with_etag(radicale_member, lambda _: '"1"')) as (store, _):
        (entry,) = store.look(place, register).entries
        radicale_member.put("a.vcf", card(1, *tel(CLIENT, PRIVATE), "NOTE:eigen"))
        (receipt,) = store.remove(place, [Cut(entry.ref, entry.version, entry.tokens)], register)

    assert receipt.outcome is Outcome.CHANGED


# --- entries asked for by their own address


def test_a_card_that_the_list_hides_is_found_by_its_address(radicale_member: RadicaleMember) -> None:
    radicale_member.put("a.vcf", card(1, *tel(CLIENT)))
    radicale_member.put("b.vcf", card(2, *tel(PRIVATE)))
    place, register = here(radicale_member), Register(CLIENT)

    def distort(seen: Seen, real: Callable[[], Said]) -> Action:
        said = real()
        return (
            said.saying(re.sub(rb"<response><href>[^<]*a.vcf.*?</response>", b"", said.body))
            if is_listing(seen)
            else said
        )

    with before(radicale_member, distort) as (store, server):
        look = store.look(place, register)
        refs = [f"{place.address}{name}.vcf" for name in "abc"]
        found = store.look_up(place, refs, register, mark="look-7")

    assert look.entries == ()
    assert [(entry.ref, entry.shape) for entry in found] == [(refs[0], Shape.WHOLE)]
    assert [seen.method for seen in server.seen][-1] == "REPORT"
    assert "(look look-7)" in server.seen[-1].headers["user-agent"]


@pytest.mark.parametrize("said", [Said(403), Said(200, b"<html>", {"Content-Type": "text/html"})])
def test_a_card_that_cannot_be_read_by_its_address_is_unknown(radicale_member: RadicaleMember, said: Said) -> None:
    place = here(radicale_member)

    def distort(seen: Seen, real: Callable[[], Said]) -> Action:
        if is_multiget(seen):
            return multistatus(told(f"{place.address}a.vcf", 403))
        return said if seen.method == "GET" else real()

    with before(radicale_member, distort) as (store, _):
        (entry,) = store.look_up(place, [f"{place.address}a.vcf"], Register(CLIENT))

    assert entry.shape is Shape.UNREADABLE


def test_an_address_from_before_the_server_renamed_the_book_is_asked_alone(radicale_member: RadicaleMember) -> None:
    place = here(radicale_member)
    with before(radicale_member, lambda _, real: real()) as (store, server):
        assert store.look_up(place, ["/before/book/a.vcf"], Register(CLIENT)) == ()

    assert server.methods() == ["PROPFIND", "GET"]


def test_two_threads_at_one_place_each_read_their_own_cards_again_by_one_request(
    radicale_member: RadicaleMember,
) -> None:
    place, register = here(radicale_member), Register(CLIENT)
    for n in range(12):
        radicale_member.put(f"{n:02}.vcf", card(n, *tel(CLIENT)))

    with before(radicale_member, lambda _, real: real()) as (store, server), ThreadPoolExecutor(1) as other:
        entries = sorted(store.look(place, register).entries, key=lambda each: each.ref)
        cuts = [Cut(each.ref, each.version, each.tokens, whole=True) for each in entries]
        begun = len(server.seen)
        store.announce(place, cuts[:6])
        other.submit(store.announce, place, cuts[6:]).result()
        receipts = [receipt for cut in cuts[:6] for receipt in store.remove(place, [cut], register)]
        for cut in cuts[6:]:
            receipts += other.submit(store.remove, place, [cut], register).result()

    assert [receipt.outcome for receipt in receipts] == [Outcome.REMOVED] * 12
    assert Counter(seen.method for seen in server.seen[begun:]) == {"REPORT": 2, "DELETE": 12}


# --- removing, when things go wrong


def removed_through(
    member: DavMember, distort: Callable[[Seen, Callable[[], Said]], Action], *, whole: bool = True
) -> tuple[Outcome | None, type[PortError] | None, Fault | None]:
    """What a removal of `a.vcf` comes to at a server that does this."""
    place, register = here(member), Register(CLIENT)
    entries = member.store.look(member.place, register).entries
    with before(member, distort) as (store, _):
        (receipt,) = store.remove(
            place, [Cut(each.ref, each.version, each.tokens, whole) for each in entries], register
        )
    error = receipt.error
    assert "canary" not in repr(receipt)
    return receipt.outcome, type(error) if error else None, error.fault if error else None


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (Drop(), (None, Unreachable, Fault.DROPPED)),
        (Raw(b"SSH-2.0-canary\r\n"), (None, Garbled, Fault.NOT_THE_PROTOCOL)),
        (Said(500), (None, Unreachable, Fault.SERVER_ERROR)),
        (Said(401), (None, Denied, Fault.WRONG_CREDENTIALS)),
        (Said(403), (None, Denied, Fault.FORBIDDEN)),
        (Said(423), (None, Unreachable, Fault.SERVER_ERROR)),
        (Said(200, b"<html>canary</html>"), (None, Garbled, Fault.NOT_THE_PROTOCOL)),
        (Said(200, b"<!DOCTYPE html><p>canary"), (None, Garbled, Fault.NOT_THE_PROTOCOL)),
        (Said(207, b"canary"), (None, Garbled, Fault.BAD_BODY)),
        (multistatus(), (None, Garbled, Fault.NOT_THE_PROTOCOL)),
        (Said(302, headers={"Location": "/canary"}), (None, Garbled, Fault.REDIRECTED)),
        (Said(204), (Outcome.REMOVED, None, None)),
        (Said(200, b"OK"), (Outcome.REMOVED, None, None)),
        (Said(412), (Outcome.CHANGED, None, None)),
    ],
)
def test_the_answer_to_a_deletion_is_taken_for_what_it_is(
    radicale_member: RadicaleMember, action: Action, expected: tuple[object, ...]
) -> None:
    radicale_member.put("a.vcf", card(1, *tel(CLIENT)))

    assert (
        removed_through(radicale_member, lambda seen, real: action if seen.method == "DELETE" else real()) == expected
    )


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("200 OK", (Outcome.REMOVED, None, None)),
        ("423 Locked", (None, Unreachable, Fault.SERVER_ERROR)),
        ("403 Forbidden", (None, Denied, Fault.FORBIDDEN)),
        ("404 Not Found", (Outcome.ALREADY_GONE, None, None)),
        ("412 Precondition Failed", (Outcome.CHANGED, None, None)),
    ],
)
def test_the_status_inside_a_multistatus_counts(
    radicale_member: RadicaleMember, status: str, expected: tuple[object, ...]
) -> None:
    radicale_member.put("a.vcf", card(1, *tel(CLIENT)))
    said = multistatus(
        f"<D:response><D:href>/{radicale_member.book}/a.vcf</D:href><D:status>HTTP/1.1 {status}</D:status></D:response>"
    )

    assert removed_through(radicale_member, lambda seen, real: said if seen.method == "DELETE" else real()) == expected


@pytest.mark.parametrize("lines", [tel(CLIENT), tel(CLIENT, PRIVATE)])
def test_an_answer_lost_after_the_write_is_unknown_and_the_repeat_acts_once(
    radicale_member: RadicaleMember, lines: list[str]
) -> None:
    radicale_member.put("a.vcf", card(1, *lines))
    place, register = here(radicale_member), Register(CLIENT)
    lost: list[str] = []

    def distort(seen: Seen, real: Callable[[], Said]) -> Action:
        said = real()
        if seen.method in ("DELETE", "PUT") and not lost:
            lost.append(seen.method)
            return Drop()
        return said

    with before(radicale_member, distort) as (store, server):
        (entry,) = store.look(place, register).entries
        cut = Cut(entry.ref, entry.version, entry.tokens, entry.shape is Shape.WHOLE)
        first, second = (store.remove(place, [cut], register)[0] for _ in range(2))
        after = store.look(place, register)

    assert (first.outcome, first.error and first.error.fault) == (None, Fault.DROPPED)
    assert second.outcome in (Outcome.ALREADY_GONE, Outcome.CHANGED)
    assert after.entries == ()
    assert len([each for each in server.seen if each.method in ("DELETE", "PUT")]) <= 2


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (Said(400), (Outcome.UNCLEAR, None, None)),
        (Said(415), (Outcome.UNCLEAR, None, None)),
        (Said(403, b'<error xmlns="DAV:"><no/></error>'), (None, Denied, Fault.FORBIDDEN)),
        (
            Said(403, b'<error xmlns="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav"><C:valid-address-data/></error>'),
            (Outcome.UNCLEAR, None, None),
        ),
        (Said(412), (Outcome.CHANGED, None, None)),
        (Said(507), (None, Unreachable, Fault.SERVER_ERROR)),
    ],
)
def test_a_server_that_does_not_take_the_cut_card_back_leaves_it_to_a_person(
    radicale_member: RadicaleMember, said: Said, expected: tuple[object, ...]
) -> None:
    radicale_member.put("a.vcf", card(1, *tel(CLIENT, PRIVATE)))
    held = radicale_member.get("a.vcf")

    assert (
        removed_through(radicale_member, lambda seen, real: said if seen.method == "PUT" else real(), whole=False)
        == expected
    )
    assert radicale_member.get("a.vcf") == held


def test_a_ref_of_another_place_is_never_touched(
    radicale_member: RadicaleMember, xandikos_member: XandikosMember
) -> None:
    for member in (radicale_member, xandikos_member):
        member.put("a.vcf", card(1, *tel(CLIENT)))
        store, register = member.store, Register(CLIENT)
        (entry,) = store.look(member.place, register).entries
        other = type(member)(member.server, f"other-{member.book.rpartition('/')[2]}", member.login)
        refs = [
            entry.ref,
            f"/{member.book}/",
            f"/{other.book}/",
            f"/{other.book}/x/",
            f"/{other.book}/../{member.book}/a.vcf",
        ]

        receipts = store.remove(other.place, [Cut(ref, None, entry.tokens, whole=True) for ref in refs], register)

        assert [(each.outcome, each.error and each.error.fault) for each in receipts] == [
            (None, Fault.NOT_THE_PROTOCOL)
        ] * len(refs)
        assert member.names() == {"a.vcf"}


# --- who asks


def test_a_wrong_password_is_denied_and_not_an_empty_book(radicale_member: RadicaleMember) -> None:
    radicale_member.put("a.vcf", card(1, *tel(CLIENT)))
    (entry,) = radicale_member.store.look(radicale_member.place, Register(CLIENT)).entries
    stranger = STORES["carddav"](Connection(radicale_member.server.url, "service", "canary"))

    with pytest.raises(Denied) as raised:
        stranger.look(radicale_member.place, Register(CLIENT))
    (receipt,) = stranger.remove(radicale_member.place, [Cut(entry.ref, entry.version, entry.tokens, True)], Register())
    trials = stranger.check(radicale_member.place)

    assert (raised.value.fault, raised.value.status) == (Fault.WRONG_CREDENTIALS, 401)
    assert receipt.error is not None
    assert receipt.error.fault is Fault.WRONG_CREDENTIALS
    assert [trial.fault for trial in trials if trial.ok is False] == [Fault.WRONG_CREDENTIALS]


def test_a_login_that_may_only_read_is_told_so_before_and_when_it_removes(radicale_member: RadicaleMember) -> None:
    server = radicale_member.server
    book = f"{server.home}/book-1"
    server.client().request("DELETE", f"/{book}/")  # another test may have left it, with a card of the same UID
    server.client().make_book(book)
    server.client().put(book, "a.vcf", card(1, *tel(CLIENT)).decode())
    phone = STORES["carddav"](Connection(server.url, "phone-01", server.password("phone-01")))
    place, register = Place("place-1", f"/{book}/"), Register(CLIENT)
    (entry,) = phone.look(place, register).entries

    (receipt,) = phone.remove(place, [Cut(entry.ref, entry.version, entry.tokens, True)], register)
    trials = phone.check(place)

    assert receipt.error is not None
    assert receipt.error.fault is Fault.FORBIDDEN
    assert [(trial.what, trial.fault) for trial in trials if trial.ok is False] == [
        ("The account may remove and change cards", Fault.FORBIDDEN)
    ]


def test_the_mark_of_a_look_stands_where_the_server_logs_it(radicale_member: RadicaleMember) -> None:
    place = here(radicale_member)
    radicale_member.put("a.vcf", card(1, *tel(CLIENT)))
    with before(radicale_member, lambda _, real: real()) as (store, server):
        cursor = store.look(place, Register(CLIENT), mark="look-0042").cursor
        store.look(place, Register(CLIENT), cursor=cursor, mark="a b\r\n(c)")
        agents = [each.headers["user-agent"] for each in server.seen]

    assert set(agents[:-1]) == {f"{USER_AGENT} (look look-0042)"}
    assert agents[-1] == f"{USER_AGENT} (look abc)"
    assert "(look look-0042)" in radicale_member.server.log_path.read_text()


# --- trying a place


def test_a_server_that_answers_anything_is_found_out(radicale_member: RadicaleMember) -> None:
    def distort(seen: Seen, real: Callable[[], Said]) -> Action:
        return Said(200, b"BEGIN:VCARD") if seen.method == "GET" else real()

    with before(radicale_member, distort) as (store, _):
        trials = store.check(here(radicale_member))

    assert [(trial.what, trial.fault) for trial in trials if trial.ok is False] == [
        ("A card that is not there is said not to be", Fault.ACCEPTS_ANYTHING)
    ]


def test_a_server_that_asks_nobody_for_a_password_is_found_out(xandikos_member: XandikosMember) -> None:
    with_login = STORES["carddav"](Connection(xandikos_member.server.url, "service", "anything"))

    trials = with_login.check(xandikos_member.place)

    assert [(trial.what, trial.fault) for trial in trials if trial.ok is False] == [
        ("Who brings no password is refused", Fault.ACCEPTS_ANYTHING)
    ]


@pytest.mark.parametrize("action", [Said(200, b"<html/>"), Hang(), Said(401), Drop()])
def test_a_check_never_raises(action: Action) -> None:
    with bad_server(lambda _: action) as server:
        trials = store_at(server).check(BOOK)

    assert [trial.what for trial in trials if trial.ok is False] == ["The address book answers this account"]


@pytest.mark.parametrize("start", ["/", "home", "book"])
def test_the_books_of_a_login_are_found_from_anywhere(radicale_member: RadicaleMember, start: str) -> None:
    server = radicale_member.server
    server.client().request("PROPPATCH", f"/{radicale_member.book}/", _NAMED, {"Content-Type": "application/xml"})
    address = {"/": "/", "home": f"/{server.home}/", "book": f"/{radicale_member.book}/"}[start]
    store = STORES["carddav"](radicale_member.connection)
    assert isinstance(store, CardDav)

    books = store.books(address)

    assert f"/{radicale_member.book}/" in {book.address for book in books}
    assert "canary name" in {book.name for book in books}
    assert "canary" not in repr(books)


_NAMED = '<propertyupdate xmlns="DAV:"><set><prop><displayname>canary name</displayname></prop></set></propertyupdate>'


def test_the_books_of_a_server_that_redirects_are_found(xandikos_member: XandikosMember) -> None:
    store = STORES["carddav"](xandikos_member.connection)
    assert isinstance(store, CardDav)

    assert f"/{xandikos_member.book}/" in {book.address for book in store.books()}


def test_a_server_without_books_says_so() -> None:
    with bad_server(lambda _: Said(404)) as server, pytest.raises(Missing):
        store_at(server).books()
    with bad_server(lambda _: multistatus(found("/", "<D:resourcetype/>"))) as server, pytest.raises(Garbled):
        store_at(server).books()


def test_tokens_are_not_confused(radicale_member: RadicaleMember) -> None:
    assert token("06-1234 5601") == token("+31612345601") != token("+31612345602")


def test_a_book_of_another_login_at_sabre_is_denied_and_read_by_its_own(sabre: DavServer, tmp_path: Path) -> None:
    book = f"{sabre.home_of('phone-01')}/{tmp_path.name}"
    sabre.client("phone-01").make_book(book)
    sabre.client("phone-01").put(book, "a.vcf", card(1, *tel(CLIENT)).decode())
    at, login = Place("place-1", f"/{book}/"), "service"
    logins = tmp_path / "logins.csv"
    logins.write_text(f"address;login;password\n{at.address};phone-01;{sabre.password('phone-01')}\n")
    logins.chmod(0o600)
    alone = Connection(sabre.url, login, sabre.password(login))
    with closing(connect(alone)) as store, pytest.raises(Denied) as raised:
        store.look(at, Register(CLIENT))
    with closing(connect(replace(alone, options={"logins_file": str(logins)}))) as store:
        look = store.look(at, Register(CLIENT))

    assert (raised.value.fault, raised.value.status) == (Fault.FORBIDDEN, 403)
    assert [entry.tokens for entry in look.entries] == [frozenset({token(CLIENT)})]
