"""The Apple adapter at a real NanoMDM and KMFDDM: what those do, no simulator of ours; phones get there as iPhones do.

Identities come from a real SCEP server, messages are signed as NanoMDM's own tests sign them, pushes go through a
stand-in for Apple's on this machine. What the phones say is told by `SimPhone`, which the simulator's tests hold
against Apple's schema. The last tests hold the simulators to what the real servers say.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID, uuid4

import pytest

from mdm_adapters.apple import write_command
from mdm_adapters.http import Connection, HttpLimits
from mdm_adapters.nanomdm import NanoMdm, connect
from mdm_adapters.phones import (
    AppPresence,
    Ask,
    AskState,
    Aspect,
    Phone,
    Platform,
    Posture,
    ProfileKind,
    Told,
    WatchedApp,
)
from mdm_adapters.port import Denied, Fault, Missing, Trial, Unreachable
from tests.conftest import part_missing
from tests.contract.test_nanomdm import declared, protection
from tests.parts import PartMissingError
from tests.parts.apple_managers import API_KEY, DDM_KEY, EVENTS_KEY, TOPIC, AppleManagers, apple_managers
from tests.parts.postgres import Postgres
from tests.parts.process import free_port
from tests.vendors import kmfddm, nanomdm
from tests.vendors.kmfddm import DeclaringPhone, KmfddmServer
from tests.vendors.nanomdm import NanoServer, SimPhone
from tests.vendors.phone_members import apple_profile
from tests.vendors.serving import served

pytestmark = [pytest.mark.parts, pytest.mark.integration]

ACCOUNT, PROTECTION = "example.org.closeout.contact_account", "example.org.closeout.protection"
WHATSAPP = WatchedApp("whatsapp", Platform.IOS, frozenset({"net.whatsapp.WhatsApp"}))
SIGNAL = WatchedApp("signal", Platform.IOS, frozenset({"org.whispersystems.signal"}))
WATCHED = (WHATSAPP, SIGNAL)
_NUMBERS = count(1)


@dataclass
class Real:
    """Servers that run, and an adapter with one phone of its own at them."""

    managers: AppleManagers
    nano: NanoMdm
    declared: NanoMdm
    phone: Phone
    held: SimPhone
    _since: int

    def heard(self, *, by: NanoMdm | None = None) -> list[Told]:
        """What this phone's events said since the last time, in the order of their own times."""
        self.managers.settle()
        new, self._since = self.managers.webhook.events[self._since :], len(self.managers.webhook.events)
        mine = [(headers, body) for headers, body in new if self.phone.ref in body.decode()]
        mine.sort(key=lambda event: datetime.fromisoformat(json.loads(event[1])["created_at"]))
        return [told for event in mine for told in (by or self.nano).hear(*event)]

    def posture(self, ask: Ask, *, by: NanoMdm | None = None) -> Posture:
        """What holds of the phone once it answered, its parts put together."""
        assert (ask.state, ask.error) == (AskState.ACCEPTED, None)
        self.managers.act(self.phone.ref)
        parts = [told.posture for told in self.heard(by=by) if told.posture is not None]
        facts = {aspect: fact for part in parts for aspect, fact in part.facts.items()}
        return Posture(self.phone.ref, parts[-1].told_at, facts, [sight for part in parts for sight in part.apps])


@pytest.fixture(scope="module")
def managers() -> Iterator[AppleManagers]:
    """One of each server for this file; each test has phones of its own."""
    try:
        with apple_managers() as running:
            yield running
    except PartMissingError as missing:
        part_missing(str(missing))


def adapter(managers: AppleManagers, folder: Path, *, url: str = "", **options: str) -> NanoMdm:
    (folder / "events.key").write_bytes(EVENTS_KEY)
    (folder / "ddm.key").write_text(DDM_KEY)
    told = {
        "events_key_file": str(folder / "events.key"),
        "topic": TOPIC,
        "account_profile": ACCOUNT,
        "protection_profile": PROTECTION,
        **options,
    }
    return connect(Connection(url or managers.url, secret=API_KEY, options=told, limits=HttpLimits(5.0, 10.0, 30.0)))


def enrolled(managers: AppleManagers, folder: Path, *, own: bool = False) -> Real:
    since = len(managers.webhook.events)
    ref = f"00008101-{next(_NUMBERS):016X}"
    held = managers.enrol(ref, own=own)
    nano = adapter(managers, folder)
    more = {"ddm_url": managers.ddm, "ddm_key_file": str(folder / "ddm.key")}
    real = Real(managers, nano, adapter(managers, folder, **more), Phone(ref, Platform.IOS), held, since)
    assert real.heard() == [Told(ref, enrolled=True)]
    (real.phone,) = [each for each in nano.list_phones() if each.ref == ref]
    return real


@pytest.fixture
def real(managers: AppleManagers, tmp_path: Path) -> Iterator[Real]:
    """A phone that the organisation enrolled."""
    made = enrolled(managers, tmp_path)
    with closing(made.nano), closing(made.declared):
        yield made


def command() -> str:
    return str(uuid4()).upper()


# --- enrolling


def test_a_phone_enrols_by_scep_and_is_listed_as_what_it_is(managers: AppleManagers, tmp_path: Path) -> None:
    work, own = (enrolled(managers, tmp_path, own=each) for each in (False, True))

    for each, user_enrolled in ((work, False), (own, True)):
        assert each.phone.user_enrolled is user_enrolled
        assert each.phone.managed is True
        assert each.phone.seen_at is not None
        each.nano.close()
        each.declared.close()


def test_who_does_not_know_the_challenge_gets_no_identity(managers: AppleManagers) -> None:
    status, said = managers.identify("no-phone", "guessed")

    assert (status, b"badRequest" in said) == (502, True)


def test_a_phone_cannot_answer_for_another(real: Real, managers: AppleManagers) -> None:
    """What an adapter believes of a phone rests on this: whose event it is, NanoMDM takes from the signature."""
    other = managers.enrol(f"00008101-{next(_NUMBERS):016X}")
    managers.settle()
    real.heard()
    told = len(managers.webhook.events)
    lie = {"UDID": real.phone.ref, "CommandUUID": command(), "Status": "Acknowledged", "ProfileList": []}

    refused = [
        managers.report(real.held, lie, signed_as=other.ref)[0],
        managers.say(real.held, "CheckOut", signed_as=other.ref, Topic=TOPIC)[0],
    ]

    assert [status >= 400 for status in refused] == [True, True]
    managers.act(other.ref)  # its event is the next one
    assert len(managers.webhook.events) == told + 1
    assert real.heard() == []


def test_a_phone_that_leaves_is_listed_no_more(real: Real) -> None:
    real.managers.leave(real.phone.ref)

    assert real.heard() == [Told(real.phone.ref, enrolled=False)]
    assert real.phone.ref not in [each.ref for each in real.nano.list_phones()]


def test_a_new_token_is_the_same_phone(real: Real) -> None:
    real.managers.renew(real.held)

    assert real.heard() == [Told(real.phone.ref, enrolled=True)]
    assert [each.ref for each in real.nano.list_phones()] == [real.phone.ref]


# --- asking


def test_a_phone_is_woken_and_did_what_it_was_asked(real: Real) -> None:
    ids = [command() for _ in range(4)]
    asks = [
        real.nano.sync(real.phone, ids[0]),
        real.nano.push(real.phone, apple_profile(ProfileKind.CONTACT_ACCOUNT), ids[1]),
        real.nano.push(real.phone, apple_profile(ProfileKind.PROTECTION), ids[2]),
        real.nano.pull(real.phone, ACCOUNT, ids[3]),
    ]
    woken = real.managers.woken().count(real.phone.ref)
    real.managers.act(real.phone.ref)

    assert [(ask.state, ask.command, ask.error) for ask in asks] == [(AskState.ACCEPTED, each, None) for each in ids]
    assert woken == 4
    assert real.held.done == [
        ("DeviceInformation", ids[0]),
        ("InstallProfile", ids[1]),
        ("InstallProfile", ids[2]),
        ("RemoveProfile", ids[3]),
    ]
    assert set(real.held.profiles) == {PROTECTION}
    assert [(told.command, told.state) for told in real.heard()] == [(each, AskState.DONE) for each in ids]


def test_a_posture_is_asked_with_one_push_and_told_in_parts(real: Real) -> None:
    real.held.apps = {"net.whatsapp.WhatsApp": True, "example.canary.diary": False}
    keys = ("UnmanagedToReadManagedContacts", "OpenFromManagedToUnmanaged", "ManagedToWriteUnmanagedContacts")
    real.nano.push(real.phone, protection(**{f"allow{key}": False for key in keys}), command())
    real.nano.push(real.phone, apple_profile(ProfileKind.CONTACT_ACCOUNT), command())
    before = real.managers.woken().count(real.phone.ref)
    ask = real.nano.ask_posture(real.phone, WATCHED, command())
    woken = real.managers.woken().count(real.phone.ref) - before

    posture = real.posture(ask)

    assert woken == 1
    assert posture.facts == {
        Aspect.CONTACT_ACCOUNT: True,
        Aspect.PROTECTION: True,
        Aspect.READS_BLOCKED: True,
        Aspect.OPEN_IN_BLOCKED: True,
        Aspect.WRITES_BLOCKED: True,
        Aspect.PRIVATE_ACCOUNTS_BLOCKED: False,
        Aspect.CLOUD_BACKUP_OFF: True,
    }
    assert [(each.app, each.presence, each.managed) for each in posture.apps] == [
        ("whatsapp", AppPresence.PRESENT, None),
        ("signal", AppPresence.ABSENT, None),
        ("whatsapp", AppPresence.PRESENT, True),
    ]


def test_of_a_phone_that_its_user_enrolled_private_apps_stay_unknown(managers: AppleManagers, tmp_path: Path) -> None:
    own = enrolled(managers, tmp_path, own=True)
    own.held.apps = {"net.whatsapp.WhatsApp": False}
    with closing(own.nano), closing(own.declared):
        posture = own.posture(own.nano.ask_posture(own.phone, WATCHED, command()))

    assert {each.app: each.presence for each in posture.apps} == dict.fromkeys(
        ("whatsapp", "signal"), AppPresence.UNKNOWN
    )
    assert posture.facts == {Aspect.CONTACT_ACCOUNT: False, Aspect.PROTECTION: False}


def test_not_now_is_waited_for_and_then_done(real: Real) -> None:
    mine = command()
    real.nano.push(real.phone, apple_profile(ProfileKind.PROTECTION), mine)
    real.held.locked = True
    real.managers.act(real.phone.ref)
    real.held.locked = False
    real.managers.act(real.phone.ref)

    assert [(told.command, told.state) for told in real.heard()] == [(mine, AskState.WAITING), (mine, AskState.DONE)]


def test_what_a_phone_cannot_do_failed(real: Real) -> None:
    mine = command()
    real.nano.pull(real.phone, "example.org.not-there", mine)
    real.managers.act(real.phone.ref)

    assert real.heard() == [Told(real.phone.ref, command=mine, state=AskState.FAILED)]


def test_a_command_that_iphones_do_not_know_failed_and_says_nothing_more(real: Real) -> None:
    mine = command()
    body = write_command(mine, {"RequestType": "ReadEveryContact"})
    status, _ = api(real.managers.url, "PUT", f"/v1/enqueue/{real.phone.ref}", body)
    real.managers.act(real.phone.ref)

    assert status == 200
    assert real.heard() == [Told(real.phone.ref, command=mine, state=AskState.FAILED)]


def test_a_phone_that_never_answers_stays_accepted_and_tells_nothing(real: Real) -> None:
    ask = real.nano.ask_posture(real.phone, WATCHED, command())

    assert (ask.state, ask.posture) == (AskState.ACCEPTED, None)
    assert real.heard() == []
    assert real.nano.follow(real.phone, ask.command or "").state is AskState.UNKNOWN
    assert {each.presence for each in real.nano.find_apps(WATCHED, [real.phone])} == {AppPresence.UNKNOWN}


def test_a_phone_that_apple_no_longer_knows_is_waited_for(real: Real) -> None:
    real.managers.unregister(real.phone.ref)
    mine = command()

    ask = real.nano.sync(real.phone, mine)
    real.managers.act(real.phone.ref)  # it comes by itself

    assert (ask.state, ask.error) == (AskState.WAITING, None)
    assert real.heard() == [Told(real.phone.ref, command=mine, state=AskState.DONE)]


def test_the_same_command_again_is_done_once(real: Real) -> None:
    mine, posture = command(), command()
    asks = [real.nano.push(real.phone, apple_profile(ProfileKind.PROTECTION), mine) for _ in range(2)]
    asks += [real.nano.ask_posture(real.phone, WATCHED, posture) for _ in range(2)]
    real.managers.act(real.phone.ref)

    assert {(ask.state, ask.error) for ask in asks} == {(AskState.ACCEPTED, None)}
    assert [kind for kind, _ in real.held.done] == [
        *("InstallProfile", "Restrictions", "DeviceInformation", "InstalledApplicationList"),
        *("ManagedApplicationList", "ProfileList"),
    ]


def test_a_phone_that_never_enrolled_is_missing(real: Real) -> None:
    stranger = Phone("00000000-canary", Platform.IOS)
    asks = [
        real.nano.sync(stranger, command()),
        real.nano.push(stranger, apple_profile(ProfileKind.PROTECTION), command()),
        real.nano.ask_posture(stranger, WATCHED, command()),
    ]

    assert [(ask.state, type(ask.error), ask.error and ask.error.fault) for ask in asks] == [
        (AskState.UNKNOWN, Missing, Fault.PLACE_GONE)
    ] * 3


def test_what_waited_for_a_phone_is_gone_when_it_enrols_again(real: Real) -> None:
    real.nano.push(real.phone, apple_profile(ProfileKind.PROTECTION), command())
    real.managers.check_in(real.phone.ref)
    real.managers.act(real.phone.ref)

    assert real.held.done == []


# --- hearing


def test_events_are_signed_and_none_is_believed_whose_signature_is_not(real: Real) -> None:
    real.managers.act(real.phone.ref)
    headers, body = real.managers.webhook.events[-1]
    changed = body.replace(b"Idle", b"Dead")

    real.nano.hear(headers, body)
    for wrong in (
        (headers, changed),
        ({}, body),
        ({**headers, "x-hmac-signature": base64.b64encode(b"0" * 32).decode()}, body),
    ):
        with pytest.raises(Denied):
            real.nano.hear(*wrong)


def test_an_event_that_we_could_not_take_is_not_sent_again(real: Real) -> None:
    """So the profiles are asked again with the next round (README of the adapters), and nothing is thought done."""
    real.nano.sync(real.phone, command())
    real.managers.webhook.status = 503
    try:
        real.managers.act(real.phone.ref)
    finally:
        real.managers.webhook.status = 200
    came = len(real.managers.webhook.events)
    real.managers.act(real.phone.ref)

    assert len(real.managers.webhook.events) == came + 1  # that of the second visit alone


def test_times_of_events_are_read_to_the_microsecond(real: Real) -> None:
    real.managers.act(real.phone.ref)
    real.heard()

    (phone,) = real.nano.list_phones()
    told = json.loads(real.managers.webhook.events[-1][1])["created_at"]
    assert phone.seen_at is not None
    assert phone.seen_at.microsecond == int(told.removesuffix("Z").partition(".")[2].ljust(9, "0")[:6])


# --- declarations


def apply(real: Real, phone: DeclaringPhone, *, full: bool = False, refusing: Sequence[str] = ()) -> None:
    """The phone fetches its declarations as an iPhone does, applies them, and reports."""
    managers, held = real.managers, real.held
    managers.act(held.ref)
    items = json.loads(managers.say(held, "DeclarativeManagement", Endpoint="declaration-items")[1])["Declarations"]
    mine = [
        json.loads(
            managers.say(
                held,
                "DeclarativeManagement",
                Endpoint=f"declaration/{kind.lower().removesuffix('s')}/{row['Identifier']}",
            )[1]
        )
        for kind, rows in items.items()
        for row in rows
    ]
    said: dict[str, object] = {"StatusItems": phone.apply(mine, full=full, refusing=refusing), "Errors": []}
    said |= {"FullReport": True} if full else {}
    status, _ = managers.say(held, "DeclarativeManagement", Endpoint="status", Data=json.dumps(said).encode())
    assert status == 200
    managers.settle()


def test_a_phone_without_any_report_is_asked_as_any_other(real: Real) -> None:
    posture = real.posture(real.declared.ask_posture(real.phone, WATCHED, command()), by=real.declared)

    assert posture.facts[Aspect.PROTECTION] is False
    assert Aspect.CONTACT_ACCOUNT not in posture.facts


def test_a_declared_account_is_followed_to_the_phone_and_off_it_again(real: Real) -> None:
    seen: list[tuple[AskState, bool | None]] = []
    phone = DeclaringPhone()

    def follow(handle: str | None) -> None:
        ask = real.declared.follow(real.phone, handle or "")
        assert ask.error is None
        seen.append((ask.state, ask.posture.facts.get(Aspect.CONTACT_ACCOUNT) if ask.posture else None))

    put = real.declared.push(real.phone, declared(real.phone), command())
    follow(put.command)
    apply(real, phone, full=True)
    follow(put.command)
    taken = real.declared.pull(real.phone, ACCOUNT, command())
    follow(taken.command)
    apply(real, phone)
    follow(taken.command)

    assert (put.state, put.error, taken.state, taken.error) == (AskState.ACCEPTED, None, AskState.ACCEPTED, None)
    assert seen == [
        (AskState.WAITING, None),
        (AskState.DONE, True),
        (AskState.WAITING, True),
        (AskState.DONE, False),
    ]
    assert real.managers.woken().count(real.phone.ref) >= 2
    told = [each.posture.facts for each in real.heard(by=real.declared) if each.posture]
    assert told == [{Aspect.CONTACT_ACCOUNT: True}]  # an event of a removal does not say whose account it was


def test_declarations_put_twice_are_the_same_ones_and_one_refused_failed(real: Real) -> None:
    asks = [real.declared.push(real.phone, declared(real.phone), command()) for _ in range(2)]
    apply(real, DeclaringPhone(), refusing=["com.apple.configuration.account.carddav"])

    assert [(ask.state, ask.error) for ask in asks] == [(AskState.ACCEPTED, None)] * 2
    assert real.declared.follow(real.phone, asks[0].command or "").state is AskState.FAILED
    names = json.loads(api(real.managers.ddm, "GET", "/v1/declarations", user="kmfddm", key=DDM_KEY)[1])
    assert len([name for name in names if real.phone.ref in name]) == 3


# --- connecting


def test_a_check_says_what_there_is(real: Real) -> None:
    assert list(real.declared.check()) == [
        Trial("The connection stays on this machine, not encrypted", ok=True),
        Trial("NanoMDM answers", ok=True),
        Trial("The push certificate is there", ok=None),
        Trial("Who brings no password is refused", ok=True),
        Trial("There is a key for the events of phones", ok=True),
        Trial("KMFDDM answers", ok=True),
        Trial("KMFDDM refuses requests without a password", ok=True),
    ]


def test_a_wrong_key_is_denied_everywhere(real: Real, tmp_path: Path) -> None:
    (tmp_path / "wrong.key").write_text("canary")
    options = {"topic": TOPIC, "ddm_url": real.managers.ddm, "ddm_key_file": str(tmp_path / "wrong.key")}
    limits = HttpLimits(5.0, 10.0, 30.0)
    with closing(connect(Connection(real.managers.url, secret="canary", options=options, limits=limits))) as wrong:
        faults = [
            wrong.sync(real.phone, command()).error,
            wrong.push(real.phone, apple_profile(ProfileKind.PROTECTION), command()).error,
            wrong.push(real.phone, declared(real.phone), command()).error,
        ]
        checks = [(each.ok, each.fault) for each in wrong.check()]

    assert [(type(error), error.fault if error else None) for error in faults] == [
        (Denied, Fault.WRONG_CREDENTIALS)
    ] * 3
    assert checks[2] == (False, Fault.WRONG_CREDENTIALS)
    assert checks[5] == (False, Fault.WRONG_CREDENTIALS)


def test_a_manager_that_is_gone_is_in_doubt_and_no_phone_is_listed(real: Real, tmp_path: Path) -> None:
    with closing(adapter(real.managers, tmp_path, url=f"http://127.0.0.1:{free_port()}")) as away:
        asked = away.sync(real.phone, command())
        with pytest.raises(Unreachable):
            away.list_phones()

    assert (asked.state, asked.error and asked.error.fault) == (AskState.UNKNOWN, Fault.NO_CONNECTION)


# --- storages, and the simulators held to what was seen


@pytest.fixture(scope="module")
def of_files() -> Iterator[AppleManagers]:
    """A NanoMDM that keeps what it knows in files."""
    try:
        with apple_managers(storage="filekv") as running:
            yield running
    except PartMissingError as missing:
        part_missing(str(missing))


@pytest.fixture(scope="module")
def of_tables(_postgres_or_why: Postgres | PartMissingError) -> Iterator[AppleManagers]:
    """A NanoMDM that keeps what it knows in PostgreSQL."""
    if isinstance(_postgres_or_why, PartMissingError):
        part_missing(str(_postgres_or_why))
    try:
        with apple_managers(storage="pgsql", database=_postgres_or_why.fresh_database()) as running:
            yield running
    except PartMissingError as missing:
        part_missing(str(missing))


@pytest.mark.parametrize("storage", ["managers", "of_files", "of_tables"])
def test_every_storage_is_understood(request: pytest.FixtureRequest, tmp_path: Path, storage: str) -> None:
    real = enrolled(request.getfixturevalue(storage), tmp_path)
    mine, asked = command(), command()
    with closing(real.nano), closing(real.declared):
        told = [
            *(real.nano.push(real.phone, apple_profile(ProfileKind.PROTECTION), mine) for _ in range(2)),
            *(real.nano.ask_posture(real.phone, WATCHED, asked) for _ in range(2)),
            real.nano.sync(Phone("00000000-canary", Platform.IOS), command()),
            real.nano.ask_posture(Phone("00000000-canary", Platform.IOS), WATCHED, command()),
        ]
        real.managers.act(real.phone.ref)
        states = [each.state for each in real.heard() if each.command in (mine, asked)]
        real.managers.leave(real.phone.ref)
        left = real.nano.sync(real.phone, command())

    assert [(ask.state, ask.error and ask.error.fault) for ask in told] == [
        *[(AskState.ACCEPTED, None)] * 4,
        *[(AskState.UNKNOWN, Fault.PLACE_GONE)] * 2,
    ]
    assert states == [AskState.DONE] * 2
    assert left.error is None


def api(
    url: str, method: str, path: str, body: bytes = b"", *, user: str = "nanomdm", key: str = API_KEY
) -> tuple[int, bytes]:
    """Status and body of one call, past the adapter."""
    with closing(HTTPConnection(urlsplit(url).netloc, timeout=20)) as connection:
        proof = base64.b64encode(f"{user}:{key}".encode()).decode()
        connection.request(method, path, body, {"Authorization": f"Basic {proof}"})
        reply = connection.getresponse()
        return reply.status, reply.read()


def told_by(url: str, ref: str) -> list[tuple[int, object]]:
    """What a NanoMDM says to good and bad questions, without what is of this one time."""
    first, unknown = (str(UUID(int=(4 << 76) | (8 << 60) | n)) for n in (1, 2))
    listing = {"RequestType": "ProfileList"}
    asked = [
        ("PUT", f"/v1/enqueue/{ref}?nopush=1", write_command(first, listing)),
        ("PUT", f"/v1/enqueue/{ref}?nopush=1", write_command(first, listing)),
        ("PUT", "/v1/enqueue/canary", write_command(unknown, listing)),
        ("GET", f"/v1/pushcert?topic={TOPIC}", b""),
    ]
    return [(status, json.loads(body)) for status, body in (api(url, *each) for each in asked)]


def test_the_simulator_says_what_the_real_one_says(real: Real, of_files: AppleManagers) -> None:
    ref = real.phone.ref
    of_files.enrol(ref)
    simulated = NanoServer()
    simulated.enrol(ref)
    with served(_with_key(simulated)) as url:
        said = told_by(url, ref)

    assert said == told_by(real.managers.url, ref) == told_by(of_files.url, ref)


def test_the_simulated_kmfddm_says_what_the_real_one_says(real: Real) -> None:
    ref = real.phone.ref
    each = {"Type": "com.apple.configuration.account.carddav", "Identifier": f"a.{ref}", "Payload": {"HostName": "x"}}
    changed = {**each, "Payload": {"HostName": "y"}}
    asked = [
        ("GET", f"/v1/status-report/{ref}?index=0", b""),
        ("GET", f"/v1/enrollment-sets/{ref}", b""),
        ("GET", f"/v1/declaration-status/{ref}", b""),
        ("PUT", "/v1/declarations?nonotify=true", json.dumps(each).encode()),
        ("PUT", "/v1/declarations?nonotify=true", json.dumps(each).encode()),
        ("PUT", "/v1/declarations?nonotify=true", json.dumps(changed).encode()),
        ("PUT", f"/v1/set-declarations/s.{ref}?declaration=a.{ref}&nonotify=true", b""),
        ("PUT", f"/v1/set-declarations/s.{ref}?declaration=a.{ref}&nonotify=true", b""),
        ("DELETE", f"/v1/declarations/a.{ref}", b""),
        ("GET", f"/v1/set-declarations/s.{ref}", b""),
        ("PUT", f"/v1/enrollment-sets/{ref}?set=s.{ref}&nonotify=true", b""),
        ("DELETE", f"/v1/set-declarations/s.{ref}?declaration=a.{ref}&nonotify=true", b""),
        ("DELETE", f"/v1/declarations/a.{ref}", b""),
        ("DELETE", f"/v1/declarations/a.{ref}", b""),
        ("DELETE", f"/v1/enrollment-sets/{ref}?set=s.{ref}&nonotify=true", b""),
        ("DELETE", f"/v1/enrollment-sets/{ref}?set=s.{ref}&nonotify=true", b""),
    ]

    def told(url: str, key: str) -> list[tuple[int, object]]:
        answers = [api(url, *each, user="kmfddm", key=key) for each in asked]
        return [(status, json.loads(body) if status == 200 else status == 500) for status, body in answers]

    with served(_with_key(KmfddmServer())) as url:
        simulated = told(url, DDM_KEY)

    assert simulated == told(real.managers.ddm, DDM_KEY)


def _with_key(app: NanoServer | KmfddmServer) -> Callable[..., object]:
    """The simulator, whose own key is another."""
    login = f"nanomdm:{nanomdm.API_KEY}" if isinstance(app, NanoServer) else f"kmfddm:{kmfddm.DDM_KEY}"
    proof = f"Basic {base64.b64encode(login.encode()).decode()}"
    return lambda environ, start: app({**environ, "HTTP_AUTHORIZATION": proof}, start)
