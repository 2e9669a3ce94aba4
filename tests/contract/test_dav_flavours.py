"""Nextcloud and SOGo where they differ from other CardDAV servers: nothing overlooked, nothing absent wrongly."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from mdm_adapters.carddav import FULL_AFTER, CardDav, connect
from mdm_adapters.http import Connection, HttpClient, HttpLimits, basic
from mdm_adapters.port import Cut, Denied, Fault, Outcome, Place, Shape, Unreachable
from tests.vendors.dav_flavours import (
    BAIKAL,
    BY_SECONDS,
    LOGIN,
    NEXTCLOUD,
    PASSWORD,
    SOGO,
    DavBook,
    Flavour,
    FlavouredServer,
)
from tests.vendors.members import card, tel
from tests.vendors.register import Register, token
from tests.vendors.serving import served

pytestmark = pytest.mark.contract

CLIENT, CLIENT_MAIL = "06-1234 5601", "contact-01@client.example"
PRIVATE = "06-8765 4301"
REGISTER = Register(CLIENT, CLIENT_MAIL)


@contextmanager
def desk(flavour: Flavour) -> Iterator[tuple[FlavouredServer, CardDav]]:
    server = FlavouredServer(flavour)
    with served(server) as url:
        store = connect(Connection(url, LOGIN, PASSWORD, limits=HttpLimits(5.0, 10.0, 30.0)))
        assert isinstance(store, CardDav)
        yield server, store
        store.close()


def place(server: FlavouredServer, book: DavBook) -> Place:
    return Place("place-1", server.address(book.name))


@pytest.fixture(params=[NEXTCLOUD, SOGO, BAIKAL], ids=["nextcloud", "sogo", "baikal"])
def flavour(request: pytest.FixtureRequest) -> Flavour:
    """Each product in turn."""
    return request.param  # type: ignore[no-any-return]


def test_a_book_under_an_address_with_an_at_sign_is_read_and_cleared(flavour: Flavour) -> None:
    with desk(flavour) as (server, store):
        book = server.add("personal")
        book.put("one.vcf", card(1, *tel(CLIENT)))
        book.put("two.vcf", card(2, *tel(PRIVATE)))
        at = place(server, book)

        look = store.look(at, REGISTER)
        (entry,) = look.entries
        (receipt,) = store.remove(at, [Cut(entry.ref, entry.version, entry.tokens)], REGISTER)
        after = store.look(at, REGISTER, cursor=look.cursor)

    assert (look.full, look.read, entry.shape) == (True, 2, Shape.WHOLE)
    assert receipt.outcome is Outcome.REMOVED
    assert (after.full, after.gone, set(book.cards)) == (False, {entry.ref}, {"two.vcf"})


def test_a_deletion_is_guarded_where_the_version_is_a_strong_one_and_else_read_again(flavour: Flavour) -> None:
    with desk(flavour) as (server, store):
        book = server.add("personal")
        book.put("one.vcf", card(1, *tel(CLIENT)))
        at = place(server, book)
        (entry,) = store.look(at, REGISTER).entries
        book.put("one.vcf", card(1, *tel(CLIENT, PRIVATE)))

        (receipt,) = store.remove(at, [Cut(entry.ref, entry.version, entry.tokens)], REGISTER)

        guards = [headers.get("if-match") for headers in server.deletes()]

    assert receipt.outcome is not Outcome.REMOVED
    assert PRIVATE.encode() in book.cards["one.vcf"][1]
    assert (entry.version or "").startswith("guarded ") is flavour.strong
    assert None not in guards or not flavour.strong


def test_a_token_from_before_the_server_s_memory_gives_a_full_look(flavour: Flavour) -> None:
    with desk(flavour) as (server, store):
        book = server.add("personal")
        book.put("one.vcf", card(1, *tel(CLIENT)))
        at = place(server, book)
        cursor = store.look(at, REGISTER).cursor
        book.put("two.vcf", card(2, *tel(PRIVATE)))
        server.first = 2

        assert store.look(at, REGISTER, cursor=cursor).full is True


LIST = "\r\n".join(
    [
        *("BEGIN:VLIST", "UID:list-1.vlf", "VERSION:1.0", "FN:A list", f"CARD;EMAIL={CLIENT_MAIL};FN=Contact 1:1.vcf"),
        *("CARD;EMAIL=colleague@org.example;FN=Contact 2:2.vcf", "END:VLIST", ""),
    ]
).encode()


def test_a_list_of_sogo_that_names_a_client_is_seen_and_left_to_a_person() -> None:
    with desk(SOGO) as (server, store):
        book = server.add("personal")
        book.put("list-1.vlf", LIST)
        at = place(server, book)

        (entry,) = store.look(at, REGISTER).entries
        (receipt,) = store.remove(at, [Cut(entry.ref, entry.version, entry.tokens)], REGISTER)

    assert (entry.shape, entry.tokens) == (Shape.UNCLEAR, {token(CLIENT_MAIL)})
    assert receipt.outcome is Outcome.UNCLEAR
    assert book.cards["list-1.vlf"][1] == LIST


def test_a_list_of_sogo_that_names_no_client_is_private() -> None:
    with desk(SOGO) as (server, store):
        book = server.add("personal")
        book.put("list-1.vlf", LIST)

        assert store.look(place(server, book), Register("06-1234 5609")).entries == ()


def test_the_book_that_nextcloud_fills_by_itself_is_found_and_said_to_be_beyond_our_writing() -> None:
    with desk(NEXTCLOUD) as (server, store):
        server.add("contacts")
        recent = server.add("z-app-generated--contactsinteraction--recent", writable=False)
        recent.put("7", card(7, f"EMAIL:{CLIENT_MAIL}"))
        at = place(server, recent)

        found = {each.address.rstrip("/").rpartition("/")[2] for each in store.books()}
        (entry,) = store.look(at, REGISTER).entries
        (receipt,) = store.remove(at, [Cut(entry.ref, entry.version, entry.tokens)], REGISTER)
        trials = {trial.what: trial.fault for trial in store.check(at)}

    assert found == {"contacts", "z-app-generated--contactsinteraction--recent"}
    assert (receipt.outcome, type(receipt.error)) == (None, Denied)
    assert trials["The account may remove and change cards"] is Fault.FORBIDDEN


@pytest.mark.parametrize(
    ("status", "headers", "fault", "wait"),
    [
        (503, {"X-Nextcloud-Maintenance-Mode": "1", "Retry-After": "120"}, Fault.SERVER_ERROR, 120.0),
        (429, {}, Fault.THROTTLED, None),
    ],
    ids=["maintenance", "too many attempts"],
)
def test_a_nextcloud_that_is_closed_for_a_while_is_tried_later(
    status: int, headers: dict[str, str], fault: Fault, wait: float | None
) -> None:
    with desk(NEXTCLOUD) as (server, store):
        book = server.add("contacts")
        server.closed = status, headers

        with pytest.raises(Unreachable) as raised:
            store.look(place(server, book), REGISTER)

    assert (raised.value.fault, raised.value.wait) == (fault, wait)


def test_a_good_book_passes_its_check(flavour: Flavour) -> None:
    with desk(flavour) as (server, store):
        trials = store.check(place(server, server.add("personal")))

    assert [(trial.what, trial.fault) for trial in trials if trial.ok is False] == []


# --- Baikal: Digest alone, and no login that reaches all books


OTHERS = {"phone-02@org.example": "app-password-02", "phone-03@org.example": "app-password-03"}


def test_digest_costs_one_challenge_for_all_that_is_asked() -> None:
    with desk(BAIKAL) as (server, store):
        at = place(server, server.add("personal"))
        for _ in range(3):
            store.look(at, REGISTER)

    refused = [headers for _, _, headers in server.asked if not headers["authorization"].startswith("Digest ")]
    assert len(refused) == 1


def test_a_book_kept_from_this_login_is_denied_and_not_called_none() -> None:
    server = FlavouredServer(BAIKAL, OTHERS)
    with served(server) as url:
        store = connect(Connection(url, LOGIN, PASSWORD))
        at = Place("place-2", next(iter(server.own.values())).home + "/own/")
        with pytest.raises(Denied) as raised:
            store.look(at, REGISTER)
        trials = {each.what: each.ok for each in store.check(at)}
        store.close()

    assert (raised.value.fault, raised.value.status) == (Fault.FORBIDDEN, 403)
    assert trials["The address book answers this account"] is False


def logins_file(folder: Path, text: str) -> str:
    file = folder / "logins.csv"
    file.write_text(text)
    file.chmod(0o600)
    return str(file)


def test_each_book_is_read_and_cleared_by_its_own_login_over_one_connection(tmp_path: Path) -> None:
    server = FlavouredServer(BAIKAL, OTHERS)
    books = [server.add("personal"), *server.own.values()]
    for book in books:
        book.put("one.vcf", card(1, *tel(CLIENT)))
    places = [Place(f"place-{at}", f"{book.home or BAIKAL.home}/{book.name}/") for at, book in enumerate(books)]
    with served(server) as url:
        rows = [f"{url}{places[1].address};phone-02@org.example;app-password-02"]
        rows.append(f"{places[2].address.replace('@', '%40')};phone-03@org.example;app-password-03")
        file = logins_file(tmp_path, "address;login;password\n" + "\n".join(rows) + "\n")
        store = connect(Connection(url, LOGIN, PASSWORD, options={"logins_file": file}))
        for at in places:
            (entry,) = store.look(at, REGISTER).entries
            (receipt,) = store.remove(at, [Cut(entry.ref, entry.version, entry.tokens)], REGISTER)
            assert receipt.outcome is Outcome.REMOVED
        assert [trial.ok for at in places for trial in store.check(at) if trial.what.startswith("The address")] == [
            True
        ] * 3
        store.close()

    assert [book.cards for book in books] == [{}, {}, {}]


def test_one_login_that_is_refused_stops_its_own_book_alone(tmp_path: Path) -> None:
    server = FlavouredServer(BAIKAL, OTHERS)
    one, other = server.own.values()
    text = f"address;login;password\n{one.home}/own/;phone-02@org.example;old\n"
    text += f"{other.home}/own/;phone-03@org.example;app-password-03\n"
    with served(server) as url:
        store = connect(Connection(url, options={"logins_file": logins_file(tmp_path, text)}))
        for _ in range(5):
            with pytest.raises(Denied):
                store.look(Place("place-1", f"{one.home}/own/"), REGISTER)
        tries = len(server.asked)
        assert store.look(Place("place-2", f"{other.home}/own/"), REGISTER).read == 0
        store.close()

    assert tries == 2, "the challenge, and the password"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "book;login;password\n/a/;b;c\n",
        "address;login;password\n/a/;b\n",
        "address;login;password\n/a/;b;\n",
        "address;login;password\n/a/;b;c\n/a;d;e\n",
        'address;login;password\n/a/;b;"c\n/d/;e;f"\n',
        'address;login;password\n/a/;b;"c\n',
    ],
)
def test_a_file_of_logins_that_cannot_be_meant_is_refused_without_a_word_of_it(tmp_path: Path, text: str) -> None:
    with pytest.raises(ValueError, match="file of logins") as raised:
        connect(Connection("https://dav.example", options={"logins_file": logins_file(tmp_path, text)}))
    assert "/a" not in str(raised.value)


def test_a_file_of_logins_that_others_can_read_is_refused(tmp_path: Path) -> None:
    file = logins_file(tmp_path, "address;login;password\n/a/;b;c\n")
    Path(file).chmod(0o640)
    with pytest.raises(ValueError, match="read by others"):
        connect(Connection("https://dav.example", options={"logins_file": file}))


def test_a_card_of_a_version_that_the_server_does_not_take_back_is_left_to_a_person() -> None:
    with desk(BAIKAL) as (server, store):
        book = server.add("personal")
        book.put("old.vcf", card(1, *tel(CLIENT, PRIVATE)).replace(b"VERSION:3.0", b"VERSION:2.1"))
        at = place(server, book)
        (entry,) = store.look(at, REGISTER).entries
        (receipt,) = store.remove(at, [Cut(entry.ref, entry.version, entry.tokens)], REGISTER)

    assert (receipt.outcome, len(book.cards)) == (Outcome.UNCLEAR, 1)


# --- a server that converts


def fourth(*lines: str) -> bytes:
    """A vCard 4 with a photo, a line of somebody's own, and these lines."""
    photo = "PHOTO:data:image/jpeg;base64,/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP//"
    body = ["BEGIN:VCARD", "VERSION:4.0", "UID:card-4", "FN:Contact 4", "N:Contact;;;;", photo, "X-OWN:blijft"]
    return "\r\n".join([*body, *lines, "END:VCARD", ""]).encode()


GOVERNED = f"TEL;VALUE=uri;TYPE=cell:tel:{CLIENT.replace(' ', '-')}"
OWN = f"TEL;VALUE=uri;TYPE=home:tel:{PRIVATE.replace(' ', '-')}"


def test_a_card_is_cut_as_it_is_stored_and_not_as_it_is_handed_out() -> None:
    with desk(NEXTCLOUD) as (server, store):
        book = server.add("contacts")
        book.put("four.vcf", fourth(GOVERNED, OWN))
        book.put("three.vcf", card(3, "X-OWN:blijft ook", *tel(CLIENT, PRIVATE)))
        at = place(server, book)

        entries = {entry.ref.rpartition("/")[2]: entry for entry in store.look(at, REGISTER).entries}
        cuts = [Cut(entry.ref, entry.version, entry.tokens) for entry in entries.values()]
        receipts = store.remove(at, cuts, REGISTER)

    assert {name: entry.shape for name, entry in entries.items()} == dict.fromkeys(entries, Shape.MIXED)
    assert [receipt.outcome for receipt in receipts] == [Outcome.TRIMMED, Outcome.TRIMMED]
    assert book.cards["four.vcf"][1] == fourth(OWN)
    assert book.cards["three.vcf"][1] == card(3, "X-OWN:blijft ook", *tel(PRIVATE))


def test_a_number_that_a_conversion_loses_is_seen() -> None:
    with desk(NEXTCLOUD) as (server, store):
        book = server.add("contacts")
        book.put("four.vcf", fourth().replace(b"X-OWN:blijft", b"X-OWN-TEL:" + CLIENT.encode()))

        (entry,) = store.look(place(server, book), REGISTER).entries

    assert (entry.shape, entry.tokens) == (Shape.ASK, {token(CLIENT)})


@pytest.mark.parametrize("told", [True, False], ids=["lengths are told", "no lengths"])
@pytest.mark.parametrize("whole", [True, False])
def test_a_card_of_which_only_converted_copies_can_be_had_goes_to_a_person(told: bool, whole: bool) -> None:
    with desk(NEXTCLOUD) as (server, store):
        book = server.add("contacts")
        server.converts_all, server.lengths = told, told
        held = fourth(GOVERNED, OWN)
        book.put("four.vcf", held)
        at = place(server, book)

        (entry,) = store.look(at, REGISTER).entries
        (receipt,) = store.remove(at, [Cut(entry.ref, entry.version, entry.tokens, whole)], REGISTER)

    assert (entry.shape, entry.tokens) == (Shape.UNCLEAR, {token(CLIENT)})
    assert receipt.outcome is Outcome.UNCLEAR
    assert book.cards["four.vcf"][1] == held


def test_a_converted_copy_that_shows_nothing_of_ours_is_unknown_and_not_private() -> None:
    with desk(NEXTCLOUD) as (server, store):
        server.converts_all = True
        book = server.add("contacts")
        book.put("four.vcf", fourth(OWN))

        (entry,) = store.look(place(server, book), REGISTER).entries

    assert (entry.shape, entry.tokens) == (Shape.UNREADABLE, frozenset())


def test_a_book_without_converted_cards_costs_no_request_more() -> None:
    with desk(NEXTCLOUD) as (server, store):
        book = server.add("contacts")
        for number in range(5):
            book.put(f"{number}.vcf", card(number, *tel(CLIENT)))
        store.look(place(server, book), REGISTER)

        assert [method for method, _, _ in server.asked] == ["PROPFIND", "PROPFIND", "REPORT", "REPORT"]


# --- a server whose states are seconds


@contextmanager
def by_the_second() -> Iterator[tuple[FlavouredServer, CardDav, list[float]]]:
    """A server and a store with one clock, which is moved by hand."""
    now = [1_800_000_000.25]
    server = FlavouredServer(BY_SECONDS, clock=lambda: now[0])
    with served(server) as url:
        store = CardDav(HttpClient(url, basic(LOGIN, PASSWORD)), clock=lambda: now[0])
        yield server, store, now
        store.close()


def test_what_is_written_in_the_second_of_a_look_is_in_the_next_delta() -> None:
    with by_the_second() as (server, store, now):
        book = server.add("personal")
        at = place(server, book)
        book.put("one.vcf", card(1, *tel(PRIVATE)))
        first = store.look(at, REGISTER)
        book.put("two.vcf", card(2, *tel(CLIENT)))
        now[0] += 60
        second = store.look(at, REGISTER, cursor=first.cursor)

    assert (second.full, {entry.ref.rpartition("/")[2] for entry in second.entries}) == (False, {"two.vcf"})


def test_what_is_deleted_in_the_second_of_a_delta_is_in_the_next_one() -> None:
    with by_the_second() as (server, store, now):
        book = server.add("personal")
        at = place(server, book)
        book.put("one.vcf", card(1, *tel(CLIENT)))
        now[0] += 60
        first = store.look(at, REGISTER)
        second = store.look(at, REGISTER, cursor=first.cursor)
        book.drop("one.vcf")
        now[0] += 60
        third = store.look(at, REGISTER, cursor=second.cursor)

    assert (third.full, {ref.rpartition("/")[2] for ref in third.gone}) == (False, {"one.vcf"})


def test_a_book_whose_states_are_seconds_is_read_in_full_from_time_to_time() -> None:
    with by_the_second() as (server, store, now):
        at = place(server, server.add("personal"))
        cursor = store.look(at, REGISTER).cursor
        full = []
        for _ in range(5):
            now[0] += FULL_AFTER / 2
            look = store.look(at, REGISTER, cursor=cursor)
            cursor = look.cursor
            full.append(look.full)

    assert full == [False, False, True, False, False]


def test_other_books_are_not_read_in_full_for_time_alone() -> None:
    now = [1_800_000_000.0]
    server = FlavouredServer(NEXTCLOUD)
    with served(server) as url:
        store = CardDav(HttpClient(url, basic(LOGIN, PASSWORD)), clock=lambda: now[0])
        at = place(server, server.add("contacts"))
        cursor = store.look(at, REGISTER).cursor
        now[0] += 100 * FULL_AFTER
        look = store.look(at, REGISTER, cursor=cursor)
        store.close()

    assert look.full is False
