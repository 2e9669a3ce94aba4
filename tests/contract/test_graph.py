"""Microsoft 365 through Graph where it differs, fails or lies: the right fault, and never a false absence or yes."""

from __future__ import annotations

import base64
import json
import random
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from mdm_adapters.graph import MOST_CURSOR, GraphContacts
from mdm_adapters.http import Connection, HttpClient, HttpLimits
from mdm_adapters.microsoft import Graph, SignIn, Turns, by_secret
from mdm_adapters.port import (
    Capability,
    Cut,
    Denied,
    Fault,
    Garbled,
    Look,
    Missing,
    Outcome,
    Place,
    PortError,
    Receipt,
    Shape,
    Support,
    Token,
    Unreachable,
)
from mdm_adapters.registry import STORES
from tests.vendors.badserver import Said as Raw
from tests.vendors.badserver import bad_server
from tests.vendors.contracts import Published
from tests.vendors.graph import (
    Asked,
    Drop,
    GraphCloud,
    Mailbox,
    Said,
    Slow,
    error,
    throttled,
    times,
    weather,
)
from tests.vendors.members import GraphMember
from tests.vendors.register import Register, token

pytestmark = pytest.mark.contract

CLIENT = "06-1234 5601"
OTHER_CLIENT = "06-1234 5602"
CLIENT_MAIL = "contact-01@client.example"
PRIVATE = "06-8765 4301"
DOCUMENT = "graph/graph-v1.0-fragment.openapi.json"


@pytest.fixture
def box(graph_member: GraphMember) -> Mailbox:
    """The mailbox of the member."""
    return graph_member.mailbox


def store_of(member: GraphMember, **options: str) -> GraphContacts:
    told = {**member.connection.options, **options}
    made = STORES["graph"](replace(member.connection, options=told))
    assert isinstance(made, GraphContacts)
    return made


def tokens(*identifiers: str) -> frozenset[Token]:
    return frozenset(map(token, identifiers))


def seen(look: Look) -> dict[str, tuple[Shape, frozenset[Token]]]:
    return {entry.ref: (entry.shape, entry.tokens) for entry in look.entries}


def mobile(number: str, **more: object) -> dict[str, object]:
    return {"displayName": "Contact 1", "mobilePhone": number, **more}


def whole(member: GraphMember, *refs: str) -> list[Cut]:
    held = member.mailbox.contacts
    return [Cut(ref, held[ref].key, tokens(CLIENT), whole=True) for ref in refs]


def outcomes(receipts: Sequence[Receipt]) -> list[Outcome | Fault | None]:
    return [receipt.error.fault if receipt.error else receipt.outcome for receipt in receipts]


def asked(member: GraphMember, pattern: str) -> list[Asked]:
    return [request for request, _ in member.cloud.seen if request.asks_for(pattern)]


def page_of(request: Asked) -> bool:
    return request.asks_for("/contacts/delta$")


ONLY_CLIENT = Register(CLIENT)

# --- what is seen


def test_every_folder_is_read_however_deep(graph_member: GraphMember, box: Mailbox) -> None:
    team = box.add_folder("Team")
    deep = box.add_folder("Deep", box.add_folder("Middle", team))
    refs = {box.add(mobile(CLIENT), folder) for folder in ("", team, deep)}

    look = graph_member.store.look(graph_member.place, ONLY_CLIENT)

    assert (set(seen(look)), look.full, look.read) == (refs, True, 3)


def test_a_folder_of_many_pages_and_many_folders_are_read_to_their_end(graph_member: GraphMember, box: Mailbox) -> None:
    refs = {box.add(mobile(CLIENT), box.add_folder(f"Folder {number}")) for number in range(120)}

    assert set(seen(graph_member.store.look(graph_member.place, ONLY_CLIENT))) == refs


WRITTEN: Mapping[str, object] = {
    "mobilePhone": CLIENT,
    "businessPhones": [PRIVATE, CLIENT],
    "homePhones": ["tel:+31-6-1234-5601"],
    "imAddresses": ["sip:+31612345601@voip.example"],
    "emailAddresses": [{"name": f"bel {CLIENT}", "address": "iemand@thuis.example"}],
    "personalNotes": f"bel {CLIENT} na vijven",
    "displayName": CLIENT,
    "fileAs": f"buur {CLIENT}",
    "nickName": CLIENT,
    "companyName": CLIENT,
    "department": CLIENT,
    "jobTitle": f"buur {CLIENT}",
    "spouseName": CLIENT,
    "manager": CLIENT,
    "categories": ["Werk", CLIENT],
    "children": [CLIENT],
    "homeAddress": {"street": f"tel {CLIENT}", "city": "Voorbeeldstad"},
    "otherAddress": {"postalCode": CLIENT},
    "businessHomePage": "https://wa.me/31612345601",
}


@pytest.mark.parametrize("name", WRITTEN)
def test_a_number_is_seen_in_every_property_that_graph_shows(
    graph_member: GraphMember, box: Mailbox, name: str
) -> None:
    ref = box.add({"displayName": "Contact 1", name: WRITTEN[name]})

    look = graph_member.store.look(graph_member.place, ONLY_CLIENT)

    assert {each: found for each, (_, found) in seen(look).items()} == {ref: tokens(CLIENT)}


def test_an_address_is_seen_in_a_phone_field_and_a_number_in_an_address_field(
    graph_member: GraphMember, box: Mailbox
) -> None:
    ref = box.add({"homePhones": [CLIENT_MAIL], "emailAddresses": [{"name": "", "address": CLIENT}]})

    look = graph_member.store.look(graph_member.place, Register(CLIENT, CLIENT_MAIL))

    assert seen(look) == {ref: (Shape.WHOLE, tokens(CLIENT, CLIENT_MAIL))}


def test_a_handle_that_is_not_known_keeps_a_contact_mixed(graph_member: GraphMember, box: Mailbox) -> None:
    ref = box.add(mobile(CLIENT, imAddresses=["handle-of-somebody"]))

    assert seen(graph_member.store.look(graph_member.place, ONLY_CLIENT)) == {ref: (Shape.MIXED, tokens(CLIENT))}


@pytest.mark.parametrize(
    "broken",
    [{"mobilePhone": 31612345601}, {"homePhones": PRIVATE}, {"emailAddresses": ["a@b.example"]}, {"homeAddress": "x"}],
)
def test_a_contact_of_another_form_is_unreadable_and_not_private(
    graph_member: GraphMember, box: Mailbox, broken: dict[str, object]
) -> None:
    ref = box.add(mobile(PRIVATE) | broken)
    graph_member.cloud.twists.append(lambda _, said: replace(said, strange=True))

    assert seen(graph_member.store.look(graph_member.place, ONLY_CLIENT)) == {ref: (Shape.UNREADABLE, frozenset())}


def test_a_name_that_stands_beside_an_address_too_is_still_in_the_name(graph_member: GraphMember, box: Mailbox) -> None:
    name = f"buur {CLIENT}"
    ref = box.add(
        {
            "displayName": name,
            "homePhones": [PRIVATE],
            "emailAddresses": [{"name": name, "address": CLIENT_MAIL}],
        }
    )

    look = graph_member.store.look(graph_member.place, Register(CLIENT, CLIENT_MAIL))

    assert seen(look) == {ref: (Shape.UNCLEAR, tokens(CLIENT, CLIENT_MAIL))}


# --- looking again


def full(member: GraphMember, register: Register = ONLY_CLIENT) -> str:
    look = member.store.look(member.place, register)
    assert look.full
    assert look.cursor is not None
    return look.cursor


def test_a_look_at_a_quiet_mailbox_asks_once_for_folders_and_once_for_each(
    graph_member: GraphMember, box: Mailbox
) -> None:
    box.add(mobile(CLIENT))
    cursor = full(graph_member)
    graph_member.cloud.seen.clear()

    look = graph_member.store.look(graph_member.place, ONLY_CLIENT, cursor=cursor)

    assert (look.full, look.read, look.changed) == (False, 0, frozenset())
    assert [len(asked(graph_member, each)) for each in ("", "/contactFolders$", "/contacts/delta$")] == [2, 1, 1]


def test_a_new_folder_is_seen_with_what_is_in_it(graph_member: GraphMember, box: Mailbox) -> None:
    cursor = full(graph_member)
    ref = box.add(mobile(CLIENT), box.add_folder("Deep", box.add_folder("New")))

    look = graph_member.store.look(graph_member.place, ONLY_CLIENT, cursor=cursor)
    again = graph_member.store.look(graph_member.place, ONLY_CLIENT, cursor=look.cursor)

    assert (look.full, seen(look), look.changed) == (False, {ref: (Shape.WHOLE, tokens(CLIENT))}, {ref})
    assert (again.full, again.read) == (False, 0)


def test_a_folder_that_vanished_makes_the_look_a_full_one(graph_member: GraphMember, box: Mailbox) -> None:
    folder = box.add_folder("Old")
    kept = box.add(mobile(CLIENT))
    box.add(mobile(CLIENT), folder)
    cursor = full(graph_member)
    box.remove_folder(folder)

    look = graph_member.store.look(graph_member.place, ONLY_CLIENT, cursor=cursor)

    assert (look.full, set(seen(look)), look.read) == (True, {kept}, 1)


def test_a_folder_that_vanishes_while_it_is_read_is_not_an_empty_one(graph_member: GraphMember, box: Mailbox) -> None:
    folder = box.add_folder("Old")
    ref = box.add(mobile(CLIENT), folder)
    moved: list[str] = []

    def vanish(request: Asked) -> None:
        if not moved and request.asks_for(f"{folder}/contacts/delta"):
            moved.append(box.move(ref, box.default))
            box.remove_folder(folder)

    graph_member.cloud.troubles.append(vanish)

    look = graph_member.store.look(graph_member.place, ONLY_CLIENT)

    assert (look.full, set(seen(look))) == (True, set(moved))


@pytest.mark.parametrize("keep_id", [True, False])
@pytest.mark.parametrize("forward", [True, False])
def test_a_contact_that_is_moved_between_two_reads_is_not_called_absent(
    graph_member: GraphMember, box: Mailbox, keep_id: bool, forward: bool
) -> None:
    folder = box.add_folder("Team")
    start, end = (box.default, folder) if forward else (folder, box.default)
    ref = box.add(mobile(CLIENT), start)
    cursor = full(graph_member)
    moved: list[str] = []

    def move_after_the_first_read(request: Asked, said: Said) -> Said:
        if not moved and request.asks_for("/contacts/delta"):
            moved.append(box.move(ref, end, keep_id=keep_id))
        return said

    graph_member.cloud.twists.append(move_after_the_first_read)
    looks = [graph_member.store.look(graph_member.place, ONLY_CLIENT, cursor=each) for each in (cursor, None)]

    assert [set(seen(look)) for look in looks] == [set(moved), set(moved)]
    assert looks[0].gone == {ref} - set(moved)


def test_a_contact_that_moves_to_a_folder_made_meanwhile_is_not_called_absent(
    graph_member: GraphMember, box: Mailbox
) -> None:
    ref = box.add(mobile(CLIENT))
    moved: list[str] = []

    def move_before_the_first_read(request: Asked) -> None:
        if not moved and request.asks_for("/contacts/delta"):
            moved.append(box.move(ref, box.add_folder("Made meanwhile")))

    graph_member.cloud.troubles.append(move_before_the_first_read)

    assert set(seen(graph_member.store.look(graph_member.place, ONLY_CLIENT))) == set(moved)


@pytest.mark.parametrize("folders", [1, 2])
def test_a_mailbox_that_changes_all_the_time_is_looked_at_only_where_nothing_can_slip_between(
    graph_member: GraphMember, box: Mailbox, folders: int
) -> None:
    ref = box.add(mobile(CLIENT), *([box.add_folder("Team")] if folders == 2 else []))
    graph_member.cloud.twists.append(
        lambda request, said: box.change(ref, {"jobTitle": "buur"}) and said if page_of(request) else said
    )

    if folders == 1:
        assert set(seen(graph_member.store.look(graph_member.place, ONLY_CLIENT))) == {ref}
        return
    with pytest.raises(Unreachable) as raised:
        graph_member.store.look(graph_member.place, ONLY_CLIENT)
    assert raised.value.fault is Fault.TIMED_OUT


def test_repeated_and_reordered_items_count_once(graph_member: GraphMember, box: Mailbox) -> None:
    folder = box.add_folder("Team")
    refs = {box.add(mobile(CLIENT), each) for each in (folder, "") for _ in range(3)}

    def repeat(_: Asked, said: Said) -> Said:
        if isinstance(said.body, dict) and "@odata.deltaLink" in said.body:
            return replace(said, body=said.body | {"value": (said.body["value"] * 2)[::-1]})
        return said

    graph_member.cloud.twists.append(repeat)
    look = graph_member.store.look(graph_member.place, ONLY_CLIENT)

    assert (set(seen(look)), look.read) == (refs, 6)


def test_items_that_every_delta_repeats_do_not_keep_a_look_from_ending(graph_member: GraphMember, box: Mailbox) -> None:
    ref = box.add(mobile(CLIENT), box.add_folder("Team"))
    first: dict[str, list[Any]] = {}

    def repeat_for_ever(request: Asked, said: Said) -> Said:
        if request.asks_for("/contacts/delta") and said.status == 200:
            items = first.setdefault(request.raw, said.body["value"])
            return replace(said, body=said.body | {"value": [*said.body["value"], *items]})
        return said

    graph_member.cloud.twists.append(repeat_for_ever)

    assert set(seen(graph_member.store.look(graph_member.place, ONLY_CLIENT))) == {ref}


def test_an_older_state_that_comes_after_the_newer_does_not_count(graph_member: GraphMember, box: Mailbox) -> None:
    ref = box.add(mobile(PRIVATE), box.add_folder("Team"))
    old: list[Any] = []

    def say_the_old_again(request: Asked, said: Said) -> Said:
        if request.asks_for(f"{box.contacts[ref].folder}/contacts/delta"):
            old[:] = old or said.body["value"]
            return replace(said, body=said.body | {"value": [*said.body["value"], *old]})
        return said

    graph_member.cloud.twists.append(say_the_old_again)
    cursor = full(graph_member)
    box.change(ref, {"mobilePhone": CLIENT})

    look = graph_member.store.look(graph_member.place, ONLY_CLIENT, cursor=cursor)

    assert (look.full, seen(look)) == (False, {ref: (Shape.WHOLE, tokens(CLIENT))})


@pytest.mark.parametrize("order", [1, -1])
def test_what_one_answer_calls_both_there_and_removed_is_asked_for(
    graph_member: GraphMember, box: Mailbox, order: int
) -> None:
    stays, goes = (box.add(mobile(CLIENT)) for _ in range(2))
    cursor = full(graph_member)
    box.change(stays, {"jobTitle": "buur"})
    gone = box.contacts[goes]
    box.delete(goes)

    def contradict(request: Asked, said: Said) -> Said:
        if request.asks_for("/contacts/delta") and said.body["value"]:
            removed = [{"id": each, "@removed": {"reason": "deleted"}} for each in (stays, goes)]
            shown = [*said.body["value"][:1], {**said.body["value"][0], "id": goes, "changeKey": gone.key}]
            return replace(said, body=said.body | {"value": [*shown, *removed][::order]})
        return said

    graph_member.cloud.twists.append(contradict)
    look = graph_member.store.look(graph_member.place, ONLY_CLIENT, cursor=cursor)

    assert (set(seen(look)), look.gone, look.changed) == ({stays}, {goes}, {stays, goes})


def test_an_item_that_shows_only_what_changed_in_it_is_read_whole(graph_member: GraphMember, box: Mailbox) -> None:
    ref = box.add(mobile(CLIENT))
    cursor = full(graph_member)
    box.change(ref, {"jobTitle": "buur"})

    def show_little(request: Asked, said: Said) -> Said:
        if request.asks_for("/contacts/delta"):
            little = [{key: each[key] for key in ("id", "changeKey", "jobTitle")} for each in said.body["value"]]
            return replace(said, body=said.body | {"value": little})
        return said

    graph_member.cloud.twists.append(show_little)
    look = graph_member.store.look(graph_member.place, ONLY_CLIENT, cursor=cursor)

    assert (look.full, seen(look)) == (False, {ref: (Shape.ASK, tokens(CLIENT))})


def test_a_sync_state_lost_while_pages_are_read_starts_the_look_again(graph_member: GraphMember, box: Mailbox) -> None:
    refs = {box.add(mobile(CLIENT)) for _ in range(450)}
    trouble = times(1, "/contacts/delta", error(410, "resyncRequired"))
    graph_member.cloud.troubles.append(lambda request: trouble(request) if "$skiptoken" in request.query else None)

    look = graph_member.store.look(graph_member.place, ONLY_CLIENT)

    assert (look.full, look.read, set(seen(look))) == (True, 450, refs)


def test_a_sync_state_that_is_never_found_ends_in_bounded_time(graph_member: GraphMember) -> None:
    graph_member.cloud.troubles.append(times(1_000, "/contacts/delta", error(410, "syncStateNotFound")))

    with pytest.raises(Unreachable) as raised:
        graph_member.store.look(graph_member.place, ONLY_CLIENT)

    assert raised.value.fault is Fault.SERVER_ERROR
    assert len(graph_member.cloud.seen) < 30


def test_a_link_that_is_known_no_more_makes_the_look_a_full_one(graph_member: GraphMember, box: Mailbox) -> None:
    ref = box.add(mobile(CLIENT))
    cursor = full(graph_member)
    box.forget_tokens()

    look = graph_member.store.look(graph_member.place, ONLY_CLIENT, cursor=cursor)

    assert (look.full, set(seen(look))) == (True, {ref})
    assert [said.status for request, said in graph_member.cloud.seen if request.asks_for("/delta")].count(410) == 1


def test_the_cursor_of_one_mailbox_says_nothing_of_another(graph_member: GraphMember, box: Mailbox) -> None:
    other = graph_member.tenant.add_mailbox("other@org.example")
    ref = other.add(mobile(CLIENT))

    look = graph_member.store.look(Place("place-3", other.address), ONLY_CLIENT, cursor=full(graph_member))

    assert (look.full, set(seen(look))) == (True, {ref})


def test_a_badly_formed_link_makes_the_look_a_full_one(graph_member: GraphMember, box: Mailbox) -> None:
    ref = box.add(mobile(CLIENT))
    cursor = full(graph_member)
    graph_member.cloud.troubles.append(times(1, "/contacts/delta", error(400, "BadRequest")))

    look = graph_member.store.look(graph_member.place, ONLY_CLIENT, cursor=cursor)

    assert (look.full, set(seen(look))) == (True, {ref})


def test_the_default_folder_is_found_where_its_name_is_not_known(graph_member: GraphMember, box: Mailbox) -> None:
    graph_member.cloud.knows_names = False
    before = graph_member.store.look(graph_member.place, ONLY_CLIENT)
    ref = box.add(mobile(CLIENT))
    after = graph_member.store.look(graph_member.place, ONLY_CLIENT, cursor=before.cursor)

    assert (before.full, before.cursor, seen(before)) == (True, None, {})
    assert (after.full, set(seen(after))) == (True, {ref})
    assert graph_member.store.look(graph_member.place, ONLY_CLIENT, cursor=after.cursor).full is False


def test_the_cursor_is_compact_and_one_that_would_be_too_long_is_not_given(
    graph_member: GraphMember, box: Mailbox
) -> None:
    for number in range(40):
        box.add_folder(f"Folder {number}")
    assert len(full(graph_member)) < 40 * 150

    def lengthen(request: Asked, said: Said) -> Said:
        if request.asks_for("/contacts/delta"):
            noise = "".join(f"{hash((request.raw, number)) & 0xFFFFFFFFFFFF:012x}" for number in range(2_000))
            link = f"{said.body['@odata.deltaLink']}&noise={noise}"
            return replace(said, body=said.body | {"@odata.deltaLink": link}, strange=True)
        return said

    graph_member.cloud.twists.append(lengthen)
    look = graph_member.store.look(graph_member.place, ONLY_CLIENT)

    assert (look.full, look.cursor) == (True, None)


def test_folders_under_the_default_one_are_found_however_they_are_listed(
    graph_member: GraphMember, box: Mailbox
) -> None:
    graph_member.cloud.lists_roots = True
    refs = {box.add(mobile(CLIENT), box.add_folder("Team"))}
    first = graph_member.store.look(graph_member.place, ONLY_CLIENT)
    refs.add(box.add(mobile(CLIENT), box.add_folder("Later")))

    second = graph_member.store.look(graph_member.place, ONLY_CLIENT, cursor=first.cursor)

    assert (first.full, second.full, set(seen(second))) == (True, True, refs)


def test_a_cursor_that_unpacks_to_very_much_is_no_cursor(graph_member: GraphMember, box: Mailbox) -> None:
    form, mark, _ = full(graph_member).split(" ")
    bomb = base64.urlsafe_b64encode(zlib.compress(b'[["a","' + b"a" * 60_000_000 + b'"]]')).decode()
    assert len(bomb) < MOST_CURSOR

    assert graph_member.store.look(graph_member.place, ONLY_CLIENT, cursor=f"{form} {mark} {bomb}").full


class Owner:
    """The owner of a mailbox, who adds, changes, moves and deletes at random, also while it is read.

    where: label -> id now, of each contact that is there. steady: labels of those never away since it was cleared.
    """

    def __init__(self, box: Mailbox, seed: int) -> None:
        self.box, self.chance = box, random.Random(seed)
        self.where: dict[int, str] = {}
        self.steady: set[int] = set()
        self.folders = [box.default, box.add_folder("Team")]
        for label in range(12):
            self.where[label] = box.add(mobile(CLIENT), self.chance.choice(self.folders))

    def act(self) -> None:
        label, folder = self.chance.randrange(16), self.chance.choice(self.folders)
        ref = self.where.get(label)
        match self.chance.randrange(8):
            case 0 if ref is None:
                self.where[label] = self.box.add(mobile(CLIENT), folder)
            case 1 if ref is not None:
                self.box.delete(self.where.pop(label))
                self.steady.discard(label)
            case 2 | 3 | 4 if ref is not None and self.box.contacts[ref].folder != folder:
                self.where[label] = self.box.move(ref, folder, keep_id=self.chance.random() < 0.3)
            case 5 if len(self.folders) < 5:
                self.folders.append(self.box.add_folder("More", self.chance.choice(self.folders)))
            case 6 if ref is not None:
                self.box.change(ref, {"jobTitle": str(self.chance.random())})
            case _:
                pass


@pytest.mark.parametrize("seed", range(12))
def test_whatever_the_owner_does_meanwhile_nothing_that_is_there_is_called_absent(
    graph_member: GraphMember, box: Mailbox, seed: int
) -> None:
    owner = Owner(box, seed)
    graph_member.cloud.remembers = False
    busy = [0]

    def meanwhile(_: Asked, said: Said) -> Said:
        if busy[0] > 0:
            busy[0] -= 1
            owner.act()
        return said

    graph_member.cloud.twists.append(meanwhile)
    held: set[str] = set()
    cursor: str | None = None
    for number in range(24):
        owner.steady, busy[0] = set(owner.where), owner.chance.randrange(8)
        look = graph_member.store.look(graph_member.place, ONLY_CLIENT, cursor=None if number % 5 == 0 else cursor)
        held = (set() if look.full else held - look.changed) | {entry.ref for entry in look.entries}
        cursor = look.cursor
        # what moved in the middle of the look is there under its old id or its new one
        missing = {label for label in owner.steady if owner.where[label] not in held}
        again = graph_member.store.look(graph_member.place, ONLY_CLIENT, cursor=cursor) if missing else look
        assert {owner.where[label] for label in missing} <= {entry.ref for entry in again.entries}
        assert len(held) >= len(owner.steady)

    look = graph_member.store.look(graph_member.place, ONLY_CLIENT, cursor=cursor)
    held = (set() if look.full else held - look.changed) | {entry.ref for entry in look.entries}
    assert held == set(owner.where.values())


# --- answers that are none

STRANGE: Mapping[str, tuple[Said, Fault]] = {
    "a sign-in page": (Said(200, b"<html>sign in</html>", {"Content-Type": "text/html"}), Fault.NOT_THE_PROTOCOL),
    "a page that says it is JSON": (Said(200, b"<html>", {"Content-Type": "application/json"}), Fault.BAD_BODY),
    "JSON that says it is a page": (Said(200, b'{"value":[]}', {"Content-Type": "text/html"}), Fault.NOT_THE_PROTOCOL),
    "a list": (Said(200, []), Fault.NOT_THE_PROTOCOL),
    "no value": (Said(200, {"@odata.deltaLink": "x"}), Fault.NOT_THE_PROTOCOL),
    "a value that is no list": (Said(200, {"value": {}}), Fault.NOT_THE_PROTOCOL),
    "items that are none": (Said(200, {"value": ["x"]}), Fault.NOT_THE_PROTOCOL),
    "an item without an id": (Said(200, {"value": [{"mobilePhone": PRIVATE}]}), Fault.NOT_THE_PROTOCOL),
    "an id that leads away": (Said(200, {"value": [{"id": ".."}]}), Fault.NOT_THE_PROTOCOL),
    "neither a next link nor a delta link": (Said(200, {"value": []}), Fault.NOT_THE_PROTOCOL),
    "a next link that is none": (Said(200, {"value": [], "@odata.nextLink": 1}), Fault.NOT_THE_PROTOCOL),
    "deep nesting": (Said(200, b"[" * 200_000, {"Content-Type": "application/json"}), Fault.BAD_BODY),
    "a status of its own": (Said(418, {}), Fault.UNEXPECTED_STATUS),
}


@pytest.mark.parametrize("kind", STRANGE)
@pytest.mark.parametrize("again", [False, True])
def test_nonsense_is_garbled_and_never_an_empty_mailbox(
    graph_member: GraphMember, box: Mailbox, kind: str, again: bool
) -> None:
    box.add(mobile(CLIENT))
    cursor = full(graph_member) if again else None
    said, fault = STRANGE[kind]
    graph_member.cloud.troubles.append(lambda request: replace(said, strange=True) if page_of(request) else None)

    with pytest.raises(Garbled) as raised:
        graph_member.store.look(graph_member.place, ONLY_CLIENT, cursor=cursor)

    assert raised.value.fault is fault


@pytest.mark.parametrize("kind", ["the same page again", "the same page under ever new links", "ever new empty pages"])
def test_pages_without_an_end_are_garbled_in_bounded_time(graph_member: GraphMember, box: Mailbox, kind: str) -> None:
    box.add(mobile(CLIENT))

    stuck = [{"id": "AAA=", "changeKey": "1", "displayName": "Contact 1", "mobilePhone": PRIVATE}]
    origin = graph_member.connection.url.removesuffix("/v1.0")

    def go_round(request: Asked) -> Said | None:
        if not page_of(request):
            return None
        number = len(graph_member.cloud.seen) if "new" in kind else 1
        link = f"{origin}{request.raw}?$skiptoken={number}"
        padding = {"padding": " " * 20_000} if "empty" in kind else {}
        return Said(200, {"@odata.nextLink": link, "value": [] if "empty" in kind else stuck, **padding}, strange=True)

    graph_member.cloud.troubles.append(go_round)

    with pytest.raises(Garbled) as raised:
        graph_member.store.look(graph_member.place, ONLY_CLIENT)

    assert raised.value.fault is Fault.NO_END
    assert len(graph_member.cloud.seen) < (400 if "new" in kind else 10)


def test_hundreds_of_empty_pages_are_followed_to_what_is_behind_them(graph_member: GraphMember, box: Mailbox) -> None:
    """A delta over a large and quiet mailbox gives such pages; what is behind them was called a list without end."""
    box.add(mobile(CLIENT))
    origin = graph_member.connection.url.removesuffix("/v1.0")
    given: list[int] = []

    def quiet(request: Asked) -> Said | None:
        if not page_of(request) or "delta" not in request.raw or len(given) >= 150:
            return None
        given.append(1)
        link = f"{origin}{request.raw.partition('?')[0]}?$skiptoken={len(given)}"
        if len(given) == 150:
            link = f"{origin}{request.raw.partition('?')[0]}"
        return Said(200, {"@odata.nextLink": link, "value": []}, strange=True)

    graph_member.cloud.troubles.append(quiet)

    look = graph_member.store.look(graph_member.place, ONLY_CLIENT)

    found = [entry.tokens for entry in look.entries]
    assert (len(given), look.full, found) == (150, True, [frozenset({token(CLIENT)})])


@pytest.mark.parametrize("name", ["@odata.nextLink", "@odata.deltaLink"])
def test_a_link_to_another_host_never_gets_the_token(graph_member: GraphMember, name: str) -> None:
    with bad_server(lambda _: Raw(200, b'{"value":[]}', {"Content-Type": "application/json"})) as other:
        link = {name: f"{other.url}/v1.0/users/x/contacts/delta?$skiptoken=1", "value": []}
        graph_member.cloud.troubles.append(lambda each: Said(200, link, strange=True) if page_of(each) else None)

        with pytest.raises(Garbled) as raised:
            graph_member.store.look(graph_member.place, ONLY_CLIENT)

        assert (raised.value.fault, other.seen) == (Fault.REDIRECTED, [])


def test_a_redirect_to_another_host_never_gets_the_token(graph_member: GraphMember) -> None:
    with bad_server(lambda _: Raw(200, b"{}", {"Content-Type": "application/json"})) as other:
        away = Said(302, None, {"Location": f"{other.url}/v1.0/users"}, strange=True)
        graph_member.cloud.troubles.append(lambda _: away)

        with pytest.raises(Garbled) as raised:
            graph_member.store.look(graph_member.place, ONLY_CLIENT)

        assert (raised.value.fault, other.seen) == (Fault.REDIRECTED, [])


TROUBLES: Mapping[str, tuple[Said | Drop, type[PortError], Fault, float | None]] = {
    "forbidden": (error(403, "ErrorAccessDenied"), Denied, Fault.FORBIDDEN, None),
    "throttled, with seconds": (throttled("17"), Unreachable, Fault.THROTTLED, 17.0),
    "throttled, with many seconds": (throttled("100000"), Unreachable, Fault.THROTTLED, 300.0),
    "throttled, with a date long past": (
        replace(throttled("Thu, 01 Jan 2026 00:00:00 GMT"), strange=True),
        Unreachable,
        Fault.THROTTLED,
        0.0,
    ),
    "throttled, without a wait": (throttled(), Unreachable, Fault.THROTTLED, None),
    "out of service": (error(503, "serviceNotAvailable"), Unreachable, Fault.SERVER_ERROR, None),
    "a gateway's time-out": (error(504, "timeout"), Unreachable, Fault.TIMED_OUT, None),
    "dropped": (Drop(), Unreachable, Fault.DROPPED, None),
}


@pytest.mark.parametrize("kind", TROUBLES)
def test_a_failure_half_way_is_told_and_no_half_look_is_given(
    graph_member: GraphMember, box: Mailbox, kind: str
) -> None:
    for _ in range(450):
        box.add(mobile(CLIENT))
    trouble, made, fault, wait = TROUBLES[kind]
    graph_member.cloud.troubles.append(lambda each: trouble if "$skiptoken" in each.query else None)

    with pytest.raises(made) as raised:
        graph_member.store.look(graph_member.place, ONLY_CLIENT)

    assert (raised.value.fault, raised.value.wait) == (fault, wait)


def test_a_slow_answer_ends_at_the_limit(graph_member: GraphMember) -> None:
    store = STORES["graph"](replace(graph_member.connection, limits=HttpLimits(1.0, 0.2, 0.5)))
    graph_member.cloud.troubles.append(times(1, "/contacts/delta", Slow(1.0)))

    with pytest.raises(Unreachable) as raised:
        store.look(graph_member.place, ONLY_CLIENT)

    assert raised.value.fault is Fault.TIMED_OUT


def test_a_look_that_takes_too_long_in_all_is_given_up(graph_member: GraphMember, box: Mailbox) -> None:
    for _ in range(450):
        box.add(mobile(CLIENT))
    clock = iter(range(0, 100_000, 1_000))
    url, told = graph_member.connection.url, graph_member.connection
    clients = [HttpClient(each, limits=told.limits) for each in (told.options["authority"], url)]
    sign_in = SignIn(clients[0], told.options["authority"], told.options["tenant"], "client-1", by_secret(told.secret))
    store = GraphContacts(Graph(clients[1], url, sign_in), monotonic=lambda: float(next(clock)))

    with pytest.raises(Unreachable) as raised:
        store.look(graph_member.place, ONLY_CLIENT)

    assert raised.value.fault is Fault.TIMED_OUT


# --- removing


def test_a_removed_contact_goes_to_the_purges_and_its_owner_cannot_take_it_back(
    graph_member: GraphMember, box: Mailbox
) -> None:
    ref = box.add(mobile(CLIENT))

    receipts = graph_member.store.remove(graph_member.place, whole(graph_member, ref), ONLY_CLIENT)

    assert receipts == [Receipt(Outcome.REMOVED, recoverable=False, status=204)]
    assert (set(box.purges), box.deleted, box.contacts) == ({ref}, {}, {})


def test_a_hold_keeps_a_copy_and_the_capabilities_say_so(graph_member: GraphMember, box: Mailbox) -> None:
    box.hold = True
    ref = box.add(mobile(CLIENT))

    graph_member.store.remove(graph_member.place, whole(graph_member, ref), ONLY_CLIENT)
    box.keeps_for_years()

    answer = graph_member.store.capabilities()[Capability.ERASES_AT_ONCE]
    assert set(box.purges) == {ref}
    assert (answer.support, "hold" in answer.because) == (Support.PARTLY, True)


def test_a_soft_deletion_is_told_as_one_that_can_come_back(graph_member: GraphMember, box: Mailbox) -> None:
    store = store_of(graph_member, delete="soft")
    ref = box.add(mobile(CLIENT))
    cut = whole(graph_member, ref)

    receipts = [store.remove(graph_member.place, cut, ONLY_CLIENT)[0] for _ in range(2)]
    absent = store.look(graph_member.place, ONLY_CLIENT)
    back = box.restore(ref)
    look = store.look(graph_member.place, ONLY_CLIENT, cursor=absent.cursor)

    assert receipts == [
        Receipt(Outcome.REMOVED, recoverable=True, status=204),
        Receipt(Outcome.ALREADY_GONE, recoverable=True, status=404),
    ]
    assert (absent.entries, set(seen(look))) == ((), {back})
    assert store.capabilities()[Capability.ERASES_AT_ONCE].support is Support.NO
    assert store.capabilities()[Capability.REMOVE_CONTACTS].support is Support.PARTLY


def test_a_cut_changes_the_governed_properties_and_names_no_other(graph_member: GraphMember, box: Mailbox) -> None:
    register = Register(CLIENT, CLIENT_MAIL)
    private = {"name": "Thuis", "address": "iemand@thuis.example"}
    ref = box.add(
        {
            "displayName": "Contact 1",
            "mobilePhone": CLIENT,
            "businessPhones": [PRIVATE, CLIENT],
            "homePhones": [PRIVATE],
            "emailAddresses": [{"name": "Contact 1", "address": CLIENT_MAIL}, private],
            "imAddresses": ["handle-of-somebody"],
            "personalNotes": "sleutel bij de buren",
        }
    )
    key = box.contacts[ref].key
    cut = Cut(ref, key, tokens(CLIENT, CLIENT_MAIL))

    receipts = graph_member.store.remove(graph_member.place, [cut], register)

    (patch,) = asked(graph_member, "^PATCH ")
    assert receipts == [Receipt(Outcome.TRIMMED, status=200)]
    assert patch.body == {"mobilePhone": None, "businessPhones": [PRIVATE], "emailAddresses": [private]}
    assert patch.headers["if-match"] == f'W/"{key}"'


def between(member: GraphMember, act: Callable[[], object]) -> None:
    """Act once, after the contact was read again and before it is written."""
    done: list[bool] = []

    def twist(request: Asked, said: Said) -> Said:
        if request.part and request.method == "GET" and not done:
            done.append(True)
            act()
        return said

    member.cloud.twists.append(twist)


def test_a_contact_that_changes_under_the_cut_is_left_alone(graph_member: GraphMember, box: Mailbox) -> None:
    ref = box.add(mobile(CLIENT, homePhones=[PRIVATE]))
    cut = Cut(ref, box.contacts[ref].key, tokens(CLIENT))
    between(graph_member, lambda: box.change(ref, {"mobilePhone": PRIVATE}))

    receipts = graph_member.store.remove(graph_member.place, [cut], ONLY_CLIENT)

    assert receipts == [Receipt(Outcome.CHANGED, status=412)]
    assert box.contacts[ref].data["mobilePhone"] == PRIVATE


@pytest.mark.parametrize("delete", ["soft", "permanent"])
def test_a_contact_that_somebody_deletes_under_the_cut_is_done(
    graph_member: GraphMember, box: Mailbox, delete: str
) -> None:
    ref = box.add(mobile(CLIENT))
    cut = whole(graph_member, ref)
    between(graph_member, lambda: box.delete(ref))

    receipts = store_of(graph_member, delete=delete).remove(graph_member.place, cut, ONLY_CLIENT)

    assert receipts == [Receipt(Outcome.ALREADY_GONE, recoverable=delete == "soft", status=404)]


def test_a_soft_deletion_is_guarded_by_the_version(graph_member: GraphMember, box: Mailbox) -> None:
    ref = box.add(mobile(CLIENT))
    cut = whole(graph_member, ref)
    between(graph_member, lambda: box.change(ref, {"homePhones": [PRIVATE]}))

    receipts = store_of(graph_member, delete="soft").remove(graph_member.place, cut, ONLY_CLIENT)

    assert (outcomes(receipts), set(box.contacts)) == ([Outcome.CHANGED], {ref})


def test_a_cut_that_the_mailbox_does_not_take_is_left_to_a_person(graph_member: GraphMember, box: Mailbox) -> None:
    ref = box.add(mobile(CLIENT, homePhones=[PRIVATE]))
    graph_member.cloud.troubles.append(times(1, "^PATCH ", error(400, "ErrorInvalidArgument")))

    receipts = graph_member.store.remove(graph_member.place, [Cut(ref, None, tokens(CLIENT))], ONLY_CLIENT)

    assert outcomes(receipts) == [Outcome.UNCLEAR]


def test_only_the_parts_of_a_batch_that_failed_have_errors(graph_member: GraphMember, box: Mailbox) -> None:
    refs = [box.add(mobile(CLIENT)) for _ in range(9)]
    cuts = whole(graph_member, *refs)
    failures = {
        1: throttled("7"),
        2: throttled(),
        3: error(503, "serviceNotAvailable"),
        4: error(424, "FailedDependency"),
        5: error(403, "ErrorAccessDenied"),
        6: error(404, "ErrorItemNotFound"),
        7: error(412, "ErrorIrresolvableConflict"),
    }
    for number, said in failures.items():
        graph_member.cloud.troubles.append(times(1, f"{refs[number]}/permanentDelete", said))

    receipts = graph_member.store.remove(graph_member.place, cuts, ONLY_CLIENT)

    assert outcomes(receipts) == [
        Outcome.REMOVED,
        Fault.THROTTLED,
        Fault.THROTTLED,
        Fault.SERVER_ERROR,
        Fault.SERVER_ERROR,
        Fault.FORBIDDEN,
        Outcome.ALREADY_GONE,
        Outcome.CHANGED,
        Outcome.REMOVED,
    ]
    waits = [receipt.error.wait if receipt.error else None for receipt in receipts[1:4]]
    assert waits[0] == 7.0
    assert all(1.0 <= (wait or 0.0) <= 1.25 for wait in waits[1:]), "where Graph names none, a second and a little"
    assert isinstance(receipts[4].error, Unreachable)
    assert set(box.purges) == {refs[0], refs[8]}


def test_a_mailbox_that_stays_busy_is_left_alone_longer_each_time(graph_member: GraphMember, box: Mailbox) -> None:
    cuts = whole(graph_member, box.add(mobile(CLIENT)))
    graph_member.cloud.troubles.append(times(3, "permanentDelete", throttled()))

    waits = []
    for _ in range(3):
        (receipt,) = graph_member.store.remove(graph_member.place, cuts, ONLY_CLIENT)
        assert receipt.error is not None
        waits.append(receipt.error.wait or 0.0)
    (last,) = graph_member.store.remove(graph_member.place, cuts, ONLY_CLIENT)

    assert [int(wait) for wait in waits] == [1, 2, 4]
    assert last.outcome is Outcome.REMOVED


def patient(member: GraphMember) -> tuple[GraphContacts, list[float]]:
    """A store that may wait for its readings, and what it waited for, in place of waiting."""
    store, waited = store_of(member), list[float]()
    store._graph._patience, store._graph._pause = 20.0, waited.append
    return store, waited


def test_a_reading_that_is_throttled_or_stumbles_is_asked_again_in_its_place(
    graph_member: GraphMember, box: Mailbox
) -> None:
    ref = box.add(mobile(CLIENT))
    store, waited = patient(graph_member)
    for said in (throttled("2"), throttled(), error(503, "serviceNotAvailable")):
        graph_member.cloud.troubles.append(times(1, "/contacts/delta", said))

    look = store.look(graph_member.place, ONLY_CLIENT)

    assert set(seen(look)) == {ref}
    assert [int(each) for each in waited] == [2, 2, 4]


def test_patience_has_an_end_and_none_is_had_with_what_changes(graph_member: GraphMember, box: Mailbox) -> None:
    cuts = whole(graph_member, box.add(mobile(CLIENT)))
    store, waited = patient(graph_member)
    graph_member.cloud.troubles.append(times(99, "/contacts/delta|Delete", throttled("9")))

    with pytest.raises(Unreachable):
        store.look(graph_member.place, ONLY_CLIENT)
    assert len(waited) in (1, 2)
    waited.clear()
    (receipt,) = store.remove(graph_member.place, cuts, ONLY_CLIENT)
    assert (receipt.error and receipt.error.fault, waited) == (Fault.THROTTLED, [])


def test_a_part_of_a_reading_that_stumbles_is_asked_again_alone(graph_member: GraphMember, box: Mailbox) -> None:
    refs = [box.add(mobile(CLIENT)) for _ in range(3)]
    store, waited = patient(graph_member)

    def partly_shown(request: Asked, said: Said) -> Said:
        if not request.asks_for("/contacts/delta"):
            return said
        rows = [{"id": row["id"], "changeKey": row["changeKey"]} for row in said.body["value"]]
        return replace(said, body={**said.body, "value": rows}, strange=True)

    graph_member.cloud.twists.append(partly_shown)
    graph_member.cloud.troubles.append(times(1, f"GET .*/contacts/{refs[1]}", error(503, "serviceNotAvailable")))

    assert set(seen(store.look(graph_member.place, ONLY_CLIENT))) == set(refs)
    assert [int(each) for each in waited] == [1]
    assert len([each for each in asked(graph_member, "GET .*/contacts/AAMkADC") if each.part]) == 4


def test_a_batch_that_fails_as_a_whole_gives_each_of_its_cuts_an_error(graph_member: GraphMember, box: Mailbox) -> None:
    refs = [box.add(mobile(CLIENT)) for _ in range(9)]
    cuts = whole(graph_member, *refs)
    calls = iter([None, None, None, throttled("9")])
    graph_member.cloud.troubles.append(lambda each: next(calls, None) if each.path == "/$batch" else None)

    receipts = graph_member.store.remove(graph_member.place, cuts, ONLY_CLIENT)

    assert outcomes(receipts) == [Outcome.REMOVED] * 4 + [Fault.THROTTLED] * 4 + [Outcome.REMOVED]
    assert {receipt.error.wait for receipt in receipts[4:8] if receipt.error} == {9.0}


def test_a_part_without_an_answer_or_with_two_is_not_taken_for_done(graph_member: GraphMember, box: Mailbox) -> None:
    refs = [box.add(mobile(CLIENT)) for _ in range(3)]
    cuts = whole(graph_member, *refs)
    calls = iter([False, True])

    def confuse(request: Asked, said: Said) -> Said:
        if request.path != "/$batch" or not next(calls, False):
            return said
        by_id = {each["id"]: each for each in said.body["responses"]}
        twice = [by_id["1"], {**by_id["1"], "status": 500}, by_id["2"], {"id": "9", "status": 204}, "x"]
        return Said(200, {"responses": twice}, strange=True)

    graph_member.cloud.twists.append(confuse)
    receipts = graph_member.store.remove(graph_member.place, cuts, ONLY_CLIENT)

    assert outcomes(receipts) == [Fault.NOT_THE_PROTOCOL, Fault.NOT_THE_PROTOCOL, Outcome.REMOVED]


def test_an_answer_about_another_contact_is_not_taken_for_ours(graph_member: GraphMember, box: Mailbox) -> None:
    ref, other = (box.add(mobile(CLIENT)) for _ in range(2))

    def swap(request: Asked, said: Said) -> Said:
        return replace(said, body=said.body | {"id": other}) if request.part else said

    graph_member.cloud.twists.append(swap)

    receipts = graph_member.store.remove(graph_member.place, [Cut(ref, None, tokens(CLIENT))], ONLY_CLIENT)

    assert (outcomes(receipts), set(box.contacts)) == ([Fault.NOT_THE_PROTOCOL], {ref, other})


def test_a_connection_dropped_after_the_write_is_unknown_and_the_repeat_acts_once(
    graph_member: GraphMember, box: Mailbox
) -> None:
    refs = [box.add(mobile(CLIENT)) for _ in range(3)]
    cuts = whole(graph_member, *refs)
    calls = iter([None, Drop(done=True)])
    graph_member.cloud.troubles.append(lambda each: next(calls, None) if each.path == "/$batch" else None)

    first = graph_member.store.remove(graph_member.place, cuts, ONLY_CLIENT)
    second = graph_member.store.remove(graph_member.place, cuts, ONLY_CLIENT)

    assert outcomes(first) == [Fault.DROPPED] * 3
    assert outcomes(second) == [Outcome.ALREADY_GONE] * 3
    assert set(box.purges) == set(refs)
    assert all(receipt.error and receipt.error.__traceback__ is None for receipt in first)


def test_a_mailbox_outside_the_scope_is_denied_and_the_others_go_on(graph_member: GraphMember, box: Mailbox) -> None:
    other = graph_member.tenant.add_mailbox("other@org.example")
    graph_member.tenant.apps["client-1"].scope = {box.address}
    ref = box.add(mobile(CLIENT))
    cut = whole(graph_member, ref)
    place = Place("place-3", other.address)

    (denied,) = graph_member.store.remove(place, cut, ONLY_CLIENT)
    (removed,) = graph_member.store.remove(graph_member.place, cut, ONLY_CLIENT)
    with pytest.raises(Denied) as raised:
        graph_member.store.look(place, ONLY_CLIENT)

    assert (outcomes([denied, removed]), raised.value.fault) == ([Fault.FORBIDDEN, Outcome.REMOVED], Fault.FORBIDDEN)


def test_a_contact_that_is_said_not_to_be_there_is_gone_only_if_its_mailbox_answers(
    graph_member: GraphMember, box: Mailbox
) -> None:
    gone, there = (box.add(mobile(CLIENT)) for _ in range(2))
    cuts = whole(graph_member, gone, there)
    box.delete(gone)
    graph_member.cloud.troubles.append(times(1, "/contactFolders$", error(503, "serviceNotAvailable")))

    receipts = [graph_member.store.remove(graph_member.place, cuts, ONLY_CLIENT) for _ in range(2)]

    assert [outcomes(each) for each in receipts] == [
        [Fault.SERVER_ERROR, Outcome.REMOVED],
        [Outcome.ALREADY_GONE, Outcome.ALREADY_GONE],
    ]


def test_a_404_that_is_not_about_the_contact_proves_nothing(graph_member: GraphMember, box: Mailbox) -> None:
    ref = box.add(mobile(CLIENT))
    graph_member.cloud.troubles.append(times(1, "/contacts/", error(404, "MailboxNotEnabledForRESTAPI")))

    (receipt,) = graph_member.store.remove(graph_member.place, whole(graph_member, ref), ONLY_CLIENT)

    assert isinstance(receipt.error, Missing)


def test_twenty_cuts_are_taken_four_at_a_time(graph_member: GraphMember, box: Mailbox) -> None:
    refs = [box.add(mobile(CLIENT)) for _ in range(20)]

    receipts = graph_member.store.remove(graph_member.place, whole(graph_member, *refs), ONLY_CLIENT)

    assert outcomes(receipts) == [Outcome.REMOVED] * 20
    assert graph_member.store.batch == 20
    assert graph_member.cloud.peak[box.address] == 4
    assert len(asked(graph_member, "batch")) == 10


def test_two_callers_at_one_mailbox_wait_for_each_other(graph_member: GraphMember, box: Mailbox) -> None:
    refs = [box.add(mobile(CLIENT)) for _ in range(32)]
    cuts = whole(graph_member, *refs)
    graph_member.cloud.latency = 0.005
    said: list[Receipt] = []
    threads = [
        Thread(target=lambda part=part: said.extend(graph_member.store.remove(graph_member.place, part, ONLY_CLIENT)))
        for part in (cuts[:16], cuts[16:])
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert outcomes(said) == [Outcome.REMOVED] * 32
    assert graph_member.cloud.peak[box.address] == 4


@pytest.mark.parametrize("ref", ["", ".", "..", "x" * 5_000])
def test_a_ref_that_is_none_leads_nowhere(graph_member: GraphMember, ref: str) -> None:
    (receipt,) = graph_member.store.remove(graph_member.place, [Cut(ref, None, tokens(CLIENT))], ONLY_CLIENT)

    assert (outcomes([receipt]), graph_member.cloud.seen) == ([Fault.NOT_THE_PROTOCOL], [])


def test_a_ref_with_slashes_stays_one_part_of_the_address(graph_member: GraphMember) -> None:
    ref = "../../other@org.example/contacts/1"
    (receipt,) = graph_member.store.remove(graph_member.place, [Cut(ref, None, tokens(CLIENT))], ONLY_CLIENT)

    assert receipt.outcome is not Outcome.REMOVED
    assert all("../" not in request.raw for request, _ in graph_member.cloud.seen)


def test_in_bad_weather_nothing_is_lost_and_nothing_is_falsely_told(graph_member: GraphMember, box: Mailbox) -> None:
    refs = [box.add(mobile(CLIENT)) for _ in range(60)]
    cuts = dict(zip(refs, whole(graph_member, *refs), strict=True))
    graph_member.cloud.troubles.append(weather(7, failing=0.1, throttling=0.1))
    done: dict[str, Outcome | None] = {}
    for _ in range(20):
        left = [ref for ref in refs if ref not in done]
        receipts = graph_member.store.remove(graph_member.place, [cuts[ref] for ref in left], ONLY_CLIENT)
        done |= {ref: each.outcome for ref, each in zip(left, receipts, strict=True) if each.outcome}

    assert done == dict.fromkeys(refs, Outcome.REMOVED)
    assert set(box.purges) == set(refs)


# --- signing in


def test_one_token_serves_until_four_fifths_of_its_life(graph_member: GraphMember) -> None:
    told = graph_member.connection
    now = [0.0]
    clients = [HttpClient(each, limits=told.limits) for each in (told.options["authority"], told.url)]
    sign_in = SignIn(
        clients[0],
        told.options["authority"],
        told.options["tenant"],
        "client-1",
        by_secret(told.secret),
        monotonic=lambda: now[0],
    )
    store = GraphContacts(Graph(clients[1], told.url, sign_in))
    counts = []
    for moment in (0.0, 2_800.0, 2_900.0):
        now[0] = moment
        store.look(graph_member.place, ONLY_CLIENT)
        counts.append(graph_member.cloud.signed_in["client-1"])

    assert counts == [1, 1, 2]


def test_an_outage_of_the_authority_is_bridged_by_what_is_left_of_the_token(graph_member: GraphMember) -> None:
    told = graph_member.connection
    now = [0.0]
    http = HttpClient(told.options["authority"], limits=told.limits)
    sign_in = SignIn(
        http, told.options["authority"], told.options["tenant"], "client-1", by_secret("service-secret"),
        monotonic=lambda: now[0],
    )  # fmt: skip
    first = sign_in.token()
    graph_member.cloud.troubles.append(times(3, "/oauth2/", error(503, "x")))

    now[0] = 3_000.0
    bridged = sign_in.token()
    now[0] = 3_599.0
    with pytest.raises(Unreachable):
        sign_in.token()

    assert bridged == first


def test_a_token_that_is_refused_half_way_is_replaced_once(graph_member: GraphMember, box: Mailbox) -> None:
    refs = {box.add(mobile(CLIENT)) for _ in range(450)}

    def revoke_between_pages(request: Asked) -> None:
        if "$skiptoken" in request.query and graph_member.cloud.signed_in["client-1"] == 1:
            graph_member.cloud.revoke_tokens()

    graph_member.cloud.troubles.append(revoke_between_pages)
    look = graph_member.store.look(graph_member.place, ONLY_CLIENT)

    assert (set(seen(look)), graph_member.cloud.signed_in["client-1"]) == (refs, 2)


def test_a_second_refusal_is_denied(graph_member: GraphMember) -> None:
    graph_member.cloud.troubles.append(times(1_000, "^GET /users", error(401, "InvalidAuthenticationToken")))

    with pytest.raises(Denied) as raised:
        graph_member.store.look(graph_member.place, ONLY_CLIENT)

    assert (raised.value.fault, raised.value.status) == (Fault.WRONG_CREDENTIALS, 401)
    assert len(graph_member.cloud.seen) == 2


REFUSED: Mapping[str, tuple[Said, type[PortError], Fault]] = {
    "a web page": (Said(200, b"<html>", {"Content-Type": "text/html"}), Garbled, Fault.NOT_THE_PROTOCOL),
    "a proxy's refusal": (Said(400, b"no", {"Content-Type": "text/plain"}), Garbled, Fault.NOT_THE_PROTOCOL),
    "no token": (Said(200, {"expires_in": 3599}), Garbled, Fault.NOT_THE_PROTOCOL),
    "a token of two lines": (Said(200, {"access_token": "a\r\nX: b"}), Garbled, Fault.NOT_THE_PROTOCOL),
    "try later": (Said(400, {"error": "temporarily_unavailable"}), Unreachable, Fault.SERVER_ERROR),
    "throttled": (throttled("5"), Unreachable, Fault.THROTTLED),
    "out of service": (error(503, "x"), Unreachable, Fault.SERVER_ERROR),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_a_sign_in_that_fails_says_what_to_do(graph_member: GraphMember, kind: str) -> None:
    said, made, fault = REFUSED[kind]
    graph_member.cloud.troubles.append(lambda each: said if each.asks_for("/oauth2/") else None)

    with pytest.raises(made) as raised:
        graph_member.store.look(graph_member.place, ONLY_CLIENT)

    assert raised.value.fault is fault
    assert graph_member.cloud.seen == []


@pytest.mark.parametrize("wrong", [{"tenant": "canary-tenant"}, {"client_id": "canary-client"}, {"secret": "canary"}])
def test_a_wrong_name_or_secret_is_denied_and_not_repeated_in_the_error(
    graph_member: GraphMember, wrong: dict[str, str]
) -> None:
    told = graph_member.connection
    secret = wrong.get("secret", told.secret)
    store = STORES["graph"](replace(told, secret=secret, options={**told.options, **wrong}))

    with pytest.raises(Denied) as raised:
        store.look(graph_member.place, ONLY_CLIENT)

    assert (raised.value.fault, "canary" in repr(raised.value)) == (Fault.WRONG_CREDENTIALS, False)


@pytest.mark.parametrize(
    "changed",
    [
        {"options": {"client_id": "canary"}},
        {"options": {"tenant": "canary"}},
        {"options": {"tenant": "canary", "client_id": "canary", "delete": "canary"}},
        {"options": {"tenant": "canary", "client_id": "canary", "authority": "canary"}},
        {"options": {"tenant": "canary", "client_id": "canary"}, "secret": ""},
        {"options": {"tenant": "canary", "client_id": "canary"}, "url": "canary"},
    ],
)
def test_a_connection_that_cannot_be_meant_is_refused_without_repeating_it(changed: dict[str, Any]) -> None:
    told = Connection("https://graph.example/v1.0", secret="canary")
    with pytest.raises(ValueError) as raised:
        STORES["graph"](replace(told, **changed))

    assert "canary" not in str(raised.value)


# --- quotas


def test_the_quota_of_a_mailbox_is_kept_and_the_wait_is_told() -> None:
    now = [0.0]
    turns = Turns(most=10, window=600.0, monotonic=lambda: now[0])

    def take(key: str, calls: int) -> float | None:
        try:
            with turns.turn(key, calls):
                return None
        except Unreachable as refused:
            return refused.wait

    taken = [take("a", 4), take("a", 4), take("a", 4), take("b", 4)]
    now[0] = 300.0
    taken += [take("a", 2), take("a", 1)]
    now[0] = 611.0
    taken += [take("a", 8), take("a", 1)]

    assert taken == [None, None, 300.0, None, None, 300.0, None, 299.0]


def test_never_more_calls_than_the_quota_within_any_window() -> None:
    now = [0.0]
    turns = Turns(most=50, window=60.0, monotonic=lambda: now[0])
    given: list[float] = []
    for step in range(4_000):
        now[0] = step * 0.1
        try:
            with turns.turn("a"):
                given.append(now[0])
        except Unreachable:
            pass

    assert max(sum(start <= each < start + 60.0 for each in given) for start in given) <= 50
    assert len(given) > 0.9 * 50 * 400 / 61


def test_a_mailbox_that_rests_is_forgotten() -> None:
    now = [0.0]
    turns = Turns(monotonic=lambda: now[0])
    for number in range(5_000):
        now[0] += 1.0
        with turns.turn(f"mailbox-{number}"):
            pass

    assert len(turns._seats) < 2_100


# --- trying


SIGNS_IN = "Microsoft signs the application in"
ANSWERS = "The mailbox answers the application"
CHANGES = "Changes since the last reading can be asked for"
HONEST = "A contact that is not there is said not to be"
NARROW = "A mailbox outside the scope is refused"


def tried(store: GraphContacts, place: Place) -> dict[str, tuple[bool | None, Fault | None]]:
    return {trial.what: (trial.ok, trial.fault) for trial in store.check(place)}


def test_a_check_tries_all_that_is_needed_and_says_what_it_could_not_try(graph_member: GraphMember) -> None:
    assert tried(store_of(graph_member), graph_member.place) == {
        "The connection stays on this machine, not encrypted": (True, None),
        **dict.fromkeys((SIGNS_IN, ANSWERS, CHANGES, HONEST), (True, None)),
        NARROW: (None, None),
    }


@pytest.mark.parametrize(
    ("scoped", "probe", "verdict"),
    [
        (True, "probe@org.example", (True, None)),
        (False, "probe@org.example", (False, Fault.SCOPE_TOO_WIDE)),
        (True, "nobody@org.example", (None, None)),
    ],
)
def test_a_mailbox_outside_the_scope_has_to_be_refused(
    graph_member: GraphMember, scoped: bool, probe: str, verdict: tuple[bool | None, Fault | None]
) -> None:
    graph_member.tenant.add_mailbox("probe@org.example")
    if scoped:
        graph_member.tenant.apps["client-1"].scope = {graph_member.mailbox.address}

    trials = tried(store_of(graph_member, probe=probe), graph_member.place)

    assert trials[NARROW] == verdict


@pytest.mark.parametrize(
    ("pattern", "said", "failing"),
    [
        ("/oauth2/", Said(401, {"error": "invalid_client"}), (SIGNS_IN, Fault.WRONG_CREDENTIALS)),
        ("/users/", error(403, "ErrorAccessDenied"), (ANSWERS, Fault.FORBIDDEN)),
        ("/contacts/delta", Said(200, {"value": []}), (CHANGES, Fault.NOT_THE_PROTOCOL)),
        ("/contacts/(?!delta)", Said(200, {"id": "x"}), (HONEST, Fault.ACCEPTS_ANYTHING)),
    ],
)
def test_a_check_names_what_is_wrong(
    graph_member: GraphMember, pattern: str, said: Said, failing: tuple[str, Fault]
) -> None:
    graph_member.cloud.troubles.append(lambda each: replace(said, strange=True) if each.asks_for(pattern) else None)

    trials = graph_member.store.check(graph_member.place)

    assert [(trial.what, trial.fault) for trial in trials if trial.ok is False] == [failing]


# --- what may not be said


def test_neither_token_nor_secret_nor_number_stands_in_an_address(graph_member: GraphMember, box: Mailbox) -> None:
    ref = box.add(mobile(CLIENT, homePhones=[PRIVATE]))
    graph_member.store.look(graph_member.place, ONLY_CLIENT)
    graph_member.store.remove(graph_member.place, [Cut(ref, None, tokens(CLIENT))], ONLY_CLIENT)
    graph_member.store.check(graph_member.place)

    said = json.dumps([(request.raw, dict(request.query)) for request, _ in graph_member.cloud.seen])

    assert [each for each in ("token-", "service-secret", "12345601", "1234 5601") if each in said] == []


def test_a_private_contact_stays_behind(graph_member: GraphMember, box: Mailbox) -> None:
    box.add(mobile(PRIVATE, personalNotes="canary-note"))
    ref = box.add(mobile(CLIENT))

    look = graph_member.store.look(graph_member.place, ONLY_CLIENT)

    assert set(seen(look)) == {ref}
    assert "canary" not in repr(look)


def test_every_request_names_itself(graph_member: GraphMember) -> None:
    graph_member.store.look(graph_member.place, ONLY_CLIENT, mark="look-1")

    requests = [request for request, _ in graph_member.cloud.seen]
    ids = {request.headers["client-request-id"] for request in requests}
    assert len(ids) == len(requests)
    assert all("(look look-1)" in request.headers["user-agent"] for request in requests)


# --- the simulator itself


def test_the_published_contract_is_held_against_every_exchange(
    shared_contracts: Path, cloud: GraphCloud, graph_member: GraphMember, box: Mailbox
) -> None:
    published = Published(
        shared_contracts / "graph/graph-v1.0-fragment.openapi.json", "https://graph.microsoft.com/v1.0"
    )
    ref = box.add(mobile(CLIENT, homePhones=[PRIVATE]))
    graph_member.store.look(graph_member.place, ONLY_CLIENT)
    graph_member.store.remove(graph_member.place, [Cut(ref, None, tokens(CLIENT))], ONLY_CLIENT)
    exchanges = list(cloud.exchanges())

    assert {each.method for each in exchanges} == {"GET", "POST", "PATCH"}
    assert published.complaints(exchanges) == []


def test_what_the_published_contract_does_not_know_is_complained_of(
    shared_contracts: Path, cloud: GraphCloud, graph_member: GraphMember, box: Mailbox
) -> None:
    published = Published(
        shared_contracts / "graph/graph-v1.0-fragment.openapi.json", "https://graph.microsoft.com/v1.0"
    )
    ref = box.add(mobile(CLIENT))
    graph_member.store.look(graph_member.place, ONLY_CLIENT)
    graph_member.store.remove(graph_member.place, whole(graph_member, ref), ONLY_CLIENT)
    (page,) = [each for each in cloud.exchanges() if "/contacts/delta" in each.path and "$select" in each.query]
    (batch, *_) = [each for each in cloud.exchanges() if each.path == "/$batch"]
    wrong = [
        replace(page, path=page.path.replace("/delta", "/dalta/x")),
        replace(page, query={"$search": "x"}),
        replace(page, said={"items": []}),
        replace(page, said={"value": [{"id": 1, "@removed": {"reason": "x"}, "mobilePhone": 1}]}),
        replace(batch, body={"requests": [{"id": "1", "url": "/x"}]}),
        replace(batch, body={"requests": batch.body["requests"] * 21}),
    ]

    assert [len(published.complaints([each])) for each in (page, batch, *wrong)] == [0, 0, 1, 1, 1, 1, 1, 1]
