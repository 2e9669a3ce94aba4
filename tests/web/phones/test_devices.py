"""Pages about phones, and events of their managers: opaque to administrators, proven before anything is believed."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import pytest

from mdm_adapters.phones import Aspect, Platform, ProfileKind, WatchedApp
from server.core.log.entries import EntryKind, read_entry
from server.core.model import Role
from server.store import log
from server.store.admin import organisation
from server.store.phones import managed as rows
from server.store.phones import pages, repush
from server.store.schema.phones import phone_ask
from server.web.pages.phones.events import LARGEST_EVENT
from server.work.context import Context
from server.work.phones import managers
from tests.vendors.memory_mdm import MemoryMdm, signed
from tests.vendors.phone_members import apple_profile
from tests.web.conftest import Browser
from tests.web.town import URL, Town


@dataclass
class ManagedTown(Town):
    """A town whose phones a manager knows."""

    mdm: MemoryMdm = field(default_factory=lambda: MemoryMdm(at_once=True))

    @property
    def context(self) -> Context:
        watched = (WatchedApp("whatsapp", Platform.IOS, frozenset({"net.whatsapp.WhatsApp"})),)
        return replace(super().context, mdms={"fleet": self.mdm}, watched=lambda: watched)


@pytest.fixture
def town(town: Town) -> Iterator[ManagedTown]:
    """worker-01's phone at a manager, protected, with WhatsApp on it; and a phone of nobody."""
    managed = ManagedTown(town.folder, town.url, town.clock, town.vendors, town.policy)
    managed.mdm.now = town.clock()
    phone = managed.mdm.enrol("ref-1", "worker-01")
    managed.mdm.enrol("ref-2", "nobody@org.example")
    phone.apps.add("net.whatsapp.WhatsApp")
    for kind in ProfileKind:
        profile = apple_profile(kind)
        phone.profiles[profile.identifier] = profile
    phone.quirks[Aspect.OUTLOOK_SAVING_BLOCKED] = False
    with managed.store.write() as connection:
        organisation.put_connection(
            connection,
            {"name": "fleet", "vendor": "memory", "base_url": "http://127.0.0.1/", "login": "", "secret_file": "",
             "demo": True},
        )  # fmt: skip
    managers.work_on_phones(managed.context)
    yield managed
    managed.close()


def ids(town: ManagedTown) -> list[str]:
    with town.store.read() as connection:
        return [each.uid for each in pages.read_phones(connection)]


def send(browser: Browser, body: bytes, headers: dict[str, str], connection: str = "fleet") -> int:
    answer = browser.client.post(
        f"/api/events/{connection}", data=body, headers=headers, base_url=URL, content_type="application/json"
    )
    return answer.status_code


# --- pages


def test_the_page_of_a_phone_says_where_a_number_can_be_saved_and_what_to_push(
    town: ManagedTown, enter: Callable[..., Browser]
) -> None:
    text = enter(Role.IT_ADMINISTRATOR).get(f"/devices/{ids(town)[0]}").text

    for said in (
        "Where can a number be saved on this phone?",
        "Outlook saves its contacts into the phone",
        "Set the app protection policy of Outlook so that it saves no contacts.",
        "It also pushes workers to save the numbers elsewhere",
        "No MDM can read or remove a contact on a phone.",
        "whatsapp",
    ):
        assert said in text


def test_administrators_see_opaque_ids_and_officers_see_whose_and_the_log_knows(
    town: ManagedTown, enter: Callable[..., Browser]
) -> None:
    uid = ids(town)[0]
    for path in ("/devices", f"/devices/{uid}"):
        assert "worker-01" not in enter(Role.IT_ADMINISTRATOR).get(path).text
        assert "worker-01" in enter(Role.PRIVACY_OFFICER).get(path).text
        with town.store.read() as connection:
            kinds = [read_entry(bytes(text)).kind for _, text, _ in log.entries(connection)]
        assert {EntryKind.READ, EntryKind.RESTRICTED} & set(kinds[-2:])


def test_neither_page_shows_a_handle_a_serial_or_a_login(town: ManagedTown, enter: Callable[..., Browser]) -> None:
    for role in (Role.IT_ADMINISTRATOR, Role.PRIVACY_OFFICER):
        for path in ("/devices", *(f"/devices/{uid}" for uid in ids(town))):
            text = enter(role).get(path).text
            assert not any(word in text for word in ("ref-1", "serial-ref", "nobody@org.example"))


def test_both_languages_have_the_page(town: ManagedTown, enter: Callable[..., Browser]) -> None:
    browser = enter(Role.IT_ADMINISTRATOR)
    browser.post("/language", page="/jobs", language="nl")

    assert "Waar kan op deze telefoon een nummer bewaard worden?" in browser.get(f"/devices/{ids(town)[0]}").text


def test_a_proposal_is_released_by_a_person_on_the_page(town: ManagedTown, enter: Callable[..., Browser]) -> None:
    with town.store.write() as connection:
        (line, _) = pages.read_phones(connection)
        uid = repush.propose_repush(connection, [line.id], policy="1", digest="0", now=town.clock())
    officer = enter(Role.PRIVACY_OFFICER)
    assert "Phones that stopped syncing: 1" in officer.get("/devices").text
    assert 'value="release"' not in enter(Role.IT_ADMINISTRATOR).get("/devices").text

    answer = officer.post(f"/devices/proposals/{uid}", page="/devices", act="release")

    assert answer.status_code == 303
    with town.store.read() as connection:
        (row,) = repush.read_repushes(connection)
        asked = [each.what for each in connection.execute(phone_ask.select().where(phone_ask.c.phone_id == line.id))]
        shown = [each.what.value for each in pages.asks_of(connection, line.id)]
    assert row.released_at is not None
    assert ("pull" in asked, "pull" in shown) == (True, False)  # told of once it is done: a hold may stop it
    assert officer.post(f"/devices/proposals/{uid}", page="/devices", act="release").status_code == 404


# --- events


def test_an_event_that_proves_its_sender_is_taken_in_without_a_form(town: ManagedTown, stranger: Browser) -> None:
    body = json.dumps(
        {"phone": "ref-1", "posture": {"told_at": town.clock().isoformat(), "facts": {"protection": False}, "apps": []}}
    ).encode()

    assert send(stranger, body, dict(signed(body))) == 200

    with town.store.read() as connection:
        line = pages.read_phones(connection)[0]
        assert rows.facts_of(connection, line.id)[Aspect.PROTECTION][0] is False


def test_what_is_not_proven_is_refused_and_changes_nothing(town: ManagedTown, stranger: Browser) -> None:
    body = b'{"phone": "ref-1", "enrolled": false}'
    with town.store.read() as connection:
        before = log.head(connection).size

    answers = {
        send(stranger, body, headers, connection)
        for headers in ({}, {"X-Hmac-Signature": "AAAA"}, dict(signed(body + b" ")))
        for connection in ("fleet", "nothing", "books")
    }

    assert answers == {403}
    with town.store.read() as connection:
        assert log.head(connection).size == before
        assert len(pages.read_phones(connection)) == 2


def test_a_proven_event_that_is_none_and_one_that_is_too_large_are_refused(
    town: ManagedTown, stranger: Browser
) -> None:
    large = b" " * (LARGEST_EVENT + 1)

    assert send(stranger, b"[]", dict(signed(b"[]"))) == 400
    assert send(stranger, large, dict(signed(large))) == 413


def test_events_have_a_rate_of_their_own(town: ManagedTown) -> None:
    browser = Browser(town.make_app(event_rate="2 per minute"))

    assert [send(browser, b"{}", {}) for _ in range(3)] == [403, 403, 429]


def test_an_event_route_is_no_way_in_for_other_methods(town: ManagedTown, stranger: Browser) -> None:
    for method in ("GET", "PUT", "DELETE", "OPTIONS"):
        assert stranger.client.open("/api/events/fleet", method=method, base_url=URL).status_code in (403, 405)
