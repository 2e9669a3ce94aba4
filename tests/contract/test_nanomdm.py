"""iPhones through NanoMDM and KMFDDM where phones are silent, late or say things twice: never a yes nobody said."""

from __future__ import annotations

import base64
import json
import plistlib
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from jsonschema import Draft202012Validator

from mdm_adapters.apple import (
    app_mark,
    mark_bits,
    profile_facts,
    read_plist,
    read_side,
    restriction_facts,
    side_command,
)
from mdm_adapters.http import Connection, HttpLimits
from mdm_adapters.kmfddm import account_facts
from mdm_adapters.nanomdm import connect
from mdm_adapters.phones import (
    AppPresence,
    AskState,
    Aspect,
    Phone,
    PhoneCapability,
    PhoneProfile,
    Platform,
    Posture,
    ProfileKind,
    Told,
    WatchedApp,
)
from mdm_adapters.port import Denied, Fault, Garbled, Missing, Support, Trial, Unreachable
from tests.vendors.apple_schema import AppleSchema
from tests.vendors.contracts import Published
from tests.vendors.graph import Drop, Said, times
from tests.vendors.kmfddm import DDM_KEY, KmfddmServer
from tests.vendors.nano_member import NanoPhones, published, schema
from tests.vendors.nanomdm import NanoServer, SimPhone, signed
from tests.vendors.phone_members import apple_profile
from tests.vendors.serving import served

pytestmark = pytest.mark.contract

PHONE = "00008101-0000000000000001"
OTHER = "00008101-0000000000000002"
WHATSAPP = WatchedApp("whatsapp", Platform.IOS, frozenset({"net.whatsapp.WhatsApp"}))
SIGNAL = WatchedApp("signal", Platform.IOS, frozenset({"org.whispersystems.signal"}))
WATCHED = (WHATSAPP, SIGNAL)
ACCOUNT = "example.org.closeout.contact_account"
PROTECTION = "example.org.closeout.protection"


@pytest.fixture
def member(tmp_path: Path) -> Iterator[NanoPhones]:
    """A server with KMFDDM beside it, everything said held against the published contracts where those are at hand."""
    server, beside = NanoServer(schema()), KmfddmServer(schema())
    with ExitStack() as stack:
        url, ddm = (stack.enter_context(served(each)) for each in (server, beside))
        (tmp_path / "ddm.key").write_text(DDM_KEY)
        made = NanoPhones(server, url, tmp_path)
        made.declared = made.connect(ddm_url=ddm, ddm_key_file=str(tmp_path / "ddm.key"))
        made.beside = beside
        yield made
        made.nano.close()
        made.declared.close()
    contract = published()
    assert server.complaints + beside.complaints == []
    if contract is not None:
        kept = Published(schema().folder.parent / "kmfddm/openapi.yaml", "http://[::1]:9002")
        assert contract.complaints(server.exchanges()) == []
        assert kept.complaints(beside.exchanges()) == []


def command(number: int) -> str:
    return str(UUID(int=(4 << 76) | (8 << 60) | number))


def enrolled(member: NanoPhones, ref: str = PHONE, *, own: bool = False) -> tuple[Phone, SimPhone]:
    held = member.server.enrol(ref, own=own)
    (phone,) = [each for each in member.mdm.list_phones() if each.ref == ref]
    return phone, held


def heard(member: NanoPhones, since: int = 0, *, by: Any = None) -> list[Told]:
    return [told for event in member.server.events[since:] for told in (by or member.nano).hear(*event)]


def asked_posture(member: NanoPhones, phone: Phone, number: int = 1, *, by: Any = None) -> Posture:
    """What holds of a phone that answers all that was asked of it, its parts put together."""
    since = len(member.server.events)
    (by or member.nano).ask_posture(phone, WATCHED, command(number))
    member.server.act(phone.ref)
    parts = [told.posture for told in heard(member, since, by=by) if told.posture is not None]
    facts = {aspect: fact for part in parts for aspect, fact in part.facts.items()}
    return Posture(phone.ref, parts[-1].told_at, facts, [sight for part in parts for sight in part.apps])


def protection(**keys: bool) -> PhoneProfile:
    """A profile with these restrictions."""
    made = apple_profile(ProfileKind.PROTECTION)
    outer = plistlib.loads(made.body)
    (inner,) = outer["PayloadContent"]
    names = ("PayloadType", "PayloadIdentifier", "PayloadUUID", "PayloadVersion")
    outer["PayloadContent"] = [{**{name: inner[name] for name in names}, **keys}]
    return replace(made, body=plistlib.dumps(outer))


# --- asking


@pytest.fixture(params=[False, True], ids=["memory", "databases"])
def anywhere(request: pytest.FixtureRequest, member: NanoPhones) -> NanoPhones:
    """The server with each kind of storage in turn: they say the same in words of their own."""
    member.server.databases = request.param
    return member


def test_a_phone_that_never_enrolled_is_missing(anywhere: NanoPhones) -> None:
    asks = [
        ask.error
        for ask in (
            anywhere.nano.sync(anywhere.stranger(), command(1)),
            anywhere.nano.pull(anywhere.stranger(), PROTECTION, command(2)),
            anywhere.nano.ask_posture(anywhere.stranger(), WATCHED, command(3)),
        )
    ]

    assert [(type(error), error.fault if error else None) for error in asks] == [(Missing, Fault.PLACE_GONE)] * 3


def test_a_phone_that_left_is_waited_for_and_says_nothing(member: NanoPhones) -> None:
    phone, _ = enrolled(member)
    member.server.leave(PHONE)
    member.server.asleep.add(PHONE)

    ask = member.nano.sync(phone, command(1))

    assert (ask.state, ask.error, list(member.nano.list_phones())) == (AskState.WAITING, None, [])


def test_what_waited_for_a_phone_is_gone_when_it_enrols_again(member: NanoPhones) -> None:
    phone, _ = enrolled(member)
    member.nano.push(phone, apple_profile(ProfileKind.PROTECTION), command(1))
    _, held = enrolled(member)
    member.server.act(PHONE)

    assert held.done == []


def test_a_command_whose_answer_was_lost_is_given_again_and_done_once(anywhere: NanoPhones) -> None:
    member = anywhere
    phone, held = enrolled(member)
    profile = apple_profile(ProfileKind.PROTECTION)
    member.server.troubles.append(times(1, "^PUT /v1/enqueue/", Drop(done=True)))

    first = member.nano.push(phone, profile, command(1))
    again = member.nano.push(phone, profile, command(1))
    member.server.act(PHONE)

    assert (first.state, type(first.error)) == (AskState.UNKNOWN, Unreachable)
    assert (again.state, again.error, again.command) == (AskState.ACCEPTED, None, command(1))
    assert held.done == [("InstallProfile", command(1))]


def test_a_phone_that_cannot_be_woken_is_waited_for(member: NanoPhones) -> None:
    phone, _ = enrolled(member)
    member.server.asleep.add(PHONE)

    ask = member.nano.sync(phone, command(1))

    assert (ask.state, ask.error) == (AskState.WAITING, None)
    assert len(member.server.queues[PHONE]) == 1


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ({"command_error": "disk is full"}, Unreachable),
        ({"status": {PHONE: {"command_error": "disk is full"}}}, Unreachable),
        ({"command_error": "insert: a foreign key constraint fails"}, Missing),
    ],
)
def test_a_command_that_was_not_taken_is_in_doubt_not_failed(
    member: NanoPhones, body: dict[str, Any], fault: type[Exception]
) -> None:
    phone, _ = enrolled(member)
    member.server.troubles.append(times(1, "^PUT /v1/enqueue/", Said(500, body)))

    ask = member.nano.sync(phone, command(1))

    assert (ask.state, type(ask.error)) == (AskState.UNKNOWN, fault)


@pytest.mark.parametrize("body", [{}, {"ok": True}, []])
def test_an_answer_that_is_none_of_nanomdm_is_garbled(member: NanoPhones, body: object) -> None:
    phone, _ = enrolled(member)
    member.server.troubles.append(times(1, "^PUT /v1/enqueue/", Said(200, body, strange=True)))

    ask = member.nano.sync(phone, command(1))

    assert (ask.state, type(ask.error)) == (AskState.UNKNOWN, Garbled)


def test_one_push_wakes_the_phone_for_all_that_is_asked_of_it(member: NanoPhones) -> None:
    phone, held = enrolled(member)

    member.nano.ask_posture(phone, WATCHED, command(1))
    woken = list(member.server.woken)
    member.server.act(PHONE)

    assert woken == [PHONE]
    assert [kind for kind, _ in held.done] == [
        *("Restrictions", "DeviceInformation", "InstalledApplicationList", "ManagedApplicationList", "ProfileList")
    ]


def test_a_posture_asked_twice_is_asked_once(anywhere: NanoPhones) -> None:
    member = anywhere
    phone, held = enrolled(member)

    for _ in range(2):
        member.nano.ask_posture(phone, WATCHED, command(1))
    member.server.act(PHONE)

    assert len({uuid for _, uuid in held.done}) == len(held.done) == 5


def test_no_other_app_is_asked_for_and_no_name_of_a_phone_or_person(member: NanoPhones) -> None:
    phone, _ = enrolled(member)

    member.nano.ask_posture(phone, WATCHED, command(1))
    member.nano.sync(phone, command(2))

    asked = [each["Command"] for each in member.server.queues[PHONE]]
    lists = [each for each in asked if each["RequestType"].endswith("ApplicationList")]
    assert [each["Identifiers"] for each in lists] == [["net.whatsapp.WhatsApp", "org.whispersystems.signal"]] * 2
    assert [each.get("Items") for each in lists] == [["Identifier", "Installing", "IsAppClip"], None]
    queries = [each["Queries"] for each in asked if each["RequestType"] == "DeviceInformation"]
    assert queries == [["IsCloudBackupEnabled"], ["OSVersion"]]


def test_no_profile_goes_where_others_could_read_its_password_on_the_way() -> None:
    open_way = connect(Connection("http://mdm.org.example", secret="key"))

    ask = open_way.push(Phone(PHONE, Platform.IOS), apple_profile(ProfileKind.CONTACT_ACCOUNT), command(1))

    assert (ask.state, type(ask.error), ask.error.fault if ask.error else None) == (
        AskState.FAILED,
        Denied,
        Fault.CERTIFICATE,
    )


# --- hearing


def test_not_now_is_waited_for_and_then_done(member: NanoPhones) -> None:
    phone, held = enrolled(member)
    since = len(member.server.events)
    member.nano.push(phone, apple_profile(ProfileKind.PROTECTION), command(1))

    held.locked = True
    member.server.act(PHONE)
    held.locked = False
    member.server.act(PHONE)

    assert [(told.command, told.state) for told in heard(member, since)] == [
        (command(1), AskState.WAITING),
        (command(1), AskState.DONE),
    ]


def test_what_a_phone_cannot_do_failed(member: NanoPhones) -> None:
    phone, _ = enrolled(member)
    since = len(member.server.events)
    member.nano.pull(phone, "example.org.not-there", command(1))

    member.server.act(PHONE)

    assert heard(member, since) == [Told(PHONE, command=command(1), state=AskState.FAILED)]


def test_events_heard_twice_say_the_same_twice(member: NanoPhones) -> None:
    phone, _ = enrolled(member)
    asked_posture(member, phone)

    assert heard(member) == heard(member)


def test_an_enrolment_that_is_overtaken_by_its_end_is_none(member: NanoPhones) -> None:
    member.server.hears = None
    member.server.enrol(PHONE)
    member.server.leave(PHONE)
    came, left = member.server.events

    assert member.nano.hear(*left) == (Told(PHONE, enrolled=False),)
    assert member.nano.hear(*came) == ()
    assert list(member.nano.list_phones()) == []


def test_an_end_that_is_overtaken_by_a_new_enrolment_is_none(member: NanoPhones) -> None:
    member.server.hears = None
    member.server.enrol(PHONE)
    member.server.leave(PHONE)
    member.server.enrol(PHONE)
    first, left, again = member.server.events

    assert [member.nano.hear(*event) for event in (first, again, left)] == [
        (Told(PHONE, enrolled=True),),
        (Told(PHONE, enrolled=True),),
        (),
    ]
    assert [each.ref for each in member.nano.list_phones()] == [PHONE]


def test_a_phone_that_answers_is_listed_even_if_its_enrolment_was_never_heard(member: NanoPhones) -> None:
    member.server.hears = None
    held = member.server.enrol(PHONE)
    member.server.report(held, {"UDID": PHONE, "Status": "Idle"})

    assert member.nano.hear(*member.server.events[-1]) == ()
    (phone,) = member.nano.list_phones()
    assert (phone.ref, phone.managed, phone.seen_at) == (PHONE, True, member.server.now)


def test_phones_that_the_connection_names_are_listed_before_they_are_heard_of(member: NanoPhones) -> None:
    again = member.connect(phones=f"{PHONE}, {OTHER}")

    assert [(each.ref, each.seen_at) for each in again.list_phones()] == [(PHONE, None), (OTHER, None)]
    again.close()


def test_a_connection_without_a_key_believes_no_event_and_says_what_that_costs(member: NanoPhones) -> None:
    phone, _ = enrolled(member)
    deaf = member.connect(events_key_file="")
    answers = deaf.capabilities()

    with pytest.raises(Denied):
        deaf.hear(*member.server.events[-1])
    assert deaf.ask_posture(phone, WATCHED, command(1)).state is AskState.FAILED
    assert {each for each, answer in answers.items() if answer.support is Support.NO} == {
        PhoneCapability.PHONE_EVENTS,
        PhoneCapability.COMMAND_STATUS,
        PhoneCapability.FIND_APPS,
        PhoneCapability.READ_POSTURE,
        PhoneCapability.CONTAINER_PROOF,
        PhoneCapability.PHONE_CONTACTS,
    }
    deaf.close()


def test_an_event_of_no_time_tells_a_state_and_no_posture(member: NanoPhones) -> None:
    enrolled(member)
    answer = {"UDID": PHONE, "CommandUUID": command(1), "Status": "Acknowledged", "ProfileList": []}
    inner = {"udid": PHONE, "status": "Acknowledged", "command_uuid": command(1), "raw_payload": packed(answer)}
    since = len(member.server.events)

    member.server.send("mdm.Connect", {"acknowledge_event": inner}, at="0001-01-01T00:00:00Z")

    assert heard(member, since) == [Told(PHONE, command=command(1), state=AskState.DONE)]


def test_a_status_that_is_new_to_us_is_unknown(member: NanoPhones) -> None:
    enrolled(member)
    since = len(member.server.events)
    member.server.report(member.server.phones[PHONE], {"UDID": PHONE, "CommandUUID": command(1), "Status": "Later"})

    assert heard(member, since) == [Told(PHONE, command=command(1), state=AskState.UNKNOWN)]


def test_topics_that_are_none_of_our_business_say_nothing(member: NanoPhones) -> None:
    for topic in ("mdm.Authenticate", "mdm.SetBootstrapToken", "mdm.GetToken", "mdm.SomethingNew"):
        since = len(member.server.events)
        member.server.send(topic, {"checkin_event": {"udid": PHONE, "raw_payload": packed({})}})
        assert heard(member, since) == []
    assert list(member.nano.list_phones()) == []


def test_a_user_on_a_shared_device_is_no_phone(member: NanoPhones) -> None:
    names = {"ids": {"id": "user-1", "type": "Shared iPad", "parent_id": PHONE}, "raw_payload": packed({})}
    member.server.send("mdm.TokenUpdate", {"checkin_event": names})

    assert heard(member) == []
    assert list(member.nano.list_phones()) == []


ENTITIES = b"""<?xml version="1.0"?><!DOCTYPE plist [<!ENTITY a "canary"><!ENTITY b "&a;&a;">]>
<plist version="1.0"><dict><key>ProfileList</key><string>&b;</string></dict></plist>"""


@pytest.mark.parametrize(
    "raw",
    [ENTITIES, b"", b"canary", b"<plist>", plistlib.dumps([1]), plistlib.dumps({}, fmt=plistlib.FMT_BINARY)],
    ids=["entities", "empty", "text", "cut", "list", "binary"],
)
def test_an_answer_that_is_no_property_list_is_garbled(member: NanoPhones, raw: bytes) -> None:
    member.server.hears = None
    payload = base64.b64encode(raw).decode()
    inner = {"udid": PHONE, "status": "Acknowledged", "command_uuid": command(1), "raw_payload": payload}
    member.server.send("mdm.Connect", {"acknowledge_event": inner})

    with pytest.raises(Garbled) as raised:
        member.nano.hear(*member.server.events[-1])
    assert "canary" not in repr(raised.value)


def test_a_property_list_beyond_its_bound_is_not_read() -> None:
    with pytest.raises(Garbled) as raised:
        read_plist(plistlib.dumps({"a": b"x" * 1000}), 500)
    assert raised.value.fault is Fault.TOO_LARGE


# --- posture


def test_each_restriction_alone_does_nothing(member: NanoPhones) -> None:
    reads, open_in = "allowUnmanagedToReadManagedContacts", "allowOpenFromManagedToUnmanaged"
    phone, _ = enrolled(member)
    found: list[tuple[bool | None, bool | None]] = []
    for number, keys in enumerate(({}, {reads: False}, {open_in: False}, {reads: False, open_in: False})):
        member.nano.push(phone, protection(**keys), command(10 + number))
        facts = asked_posture(member, phone, 20 + number).facts
        found.append((facts[Aspect.READS_BLOCKED], facts[Aspect.OPEN_IN_BLOCKED]))

    assert found == [(False, False), (False, False), (None, True), (True, True)]


def test_a_protected_phone_says_all_that_iphones_can_say(member: NanoPhones) -> None:
    phone, held = enrolled(member)
    held.apps = {"net.whatsapp.WhatsApp": False, "example.canary.diary": False}
    keys = ("UnmanagedToReadManagedContacts", "OpenFromManagedToUnmanaged", "ManagedToWriteUnmanagedContacts")
    closed = protection(**{f"allow{key}": False for key in (*keys, "AccountModification", "CloudBackup")})
    member.nano.push(phone, closed, command(1))
    member.nano.push(phone, apple_profile(ProfileKind.CONTACT_ACCOUNT), command(2))

    posture = asked_posture(member, phone, 3)

    assert posture.facts == {
        Aspect.CONTACT_ACCOUNT: True,
        Aspect.PROTECTION: True,
        Aspect.READS_BLOCKED: True,
        Aspect.OPEN_IN_BLOCKED: True,
        Aspect.WRITES_BLOCKED: True,
        Aspect.PRIVATE_ACCOUNTS_BLOCKED: True,
        Aspect.CLOUD_BACKUP_OFF: True,
    }
    assert {each.app: each.presence for each in posture.apps} == {
        "whatsapp": AppPresence.PRESENT,
        "signal": AppPresence.ABSENT,
    }
    assert "anary" not in repr(posture)


def test_an_app_that_is_managed_is_told_as_managed(member: NanoPhones) -> None:
    phone, held = enrolled(member)
    held.apps = {"net.whatsapp.WhatsApp": True}

    posture = asked_posture(member, phone)

    assert {each.app: (each.presence, each.managed) for each in posture.apps} == {
        "whatsapp": (AppPresence.PRESENT, True),
        "signal": (AppPresence.ABSENT, None),
    }


def test_of_a_phone_that_its_user_enrolled_private_apps_stay_unknown(member: NanoPhones) -> None:
    phone, held = enrolled(member, own=True)
    held.apps = {"net.whatsapp.WhatsApp": False}

    posture = asked_posture(member, phone)

    assert phone.user_enrolled is True
    assert {each.app: each.presence for each in posture.apps} == dict.fromkeys(
        ("whatsapp", "signal"), AppPresence.UNKNOWN
    )
    assert posture.facts == {Aspect.CONTACT_ACCOUNT: False, Aspect.PROTECTION: False}
    assert {kind for kind, _ in held.done} == {"ProfileList", "InstalledApplicationList", "ManagedApplicationList"}


def test_a_list_of_apps_that_we_did_not_ask_for_is_not_read(member: NanoPhones) -> None:
    phone, _ = enrolled(member)
    member.nano.ask_posture(phone, WATCHED, command(1))
    answer = {
        "UDID": PHONE,
        "CommandUUID": command(2),
        "Status": "Acknowledged",
        "InstalledApplicationList": [{"Identifier": "example.canary.diary"}],
    }
    since = len(member.server.events)
    member.server.report(member.server.phones[PHONE], answer)

    assert heard(member, since) == [Told(PHONE, command=command(2), state=AskState.DONE)]


def test_another_process_reads_an_answer_only_against_the_catalogue_it_was_asked_with(member: NanoPhones) -> None:
    phone, _ = enrolled(member)
    since = len(member.server.events)
    member.nano.ask_posture(phone, WATCHED, command(1))
    member.server.act(PHONE)
    same = {each.key: sorted(each.ids) for each in WATCHED}
    found = []
    for apps in (same, {**same, "teams": ["com.microsoft.skype.teams"]}):
        other = member.connect(apps=json.dumps(apps))
        postures = [told.posture for told in heard(member, since, by=other) if told.posture]
        found.append({sight.app: sight.presence for each in postures for sight in each.apps})
        other.close()

    assert found == [dict.fromkeys(("whatsapp", "signal"), AppPresence.ABSENT), {}]


def test_a_question_on_the_side_says_by_its_number_what_it_asked() -> None:
    mark = app_mark(WATCHED)
    sides = [side_command(command(7), kind, mark) for kind in range(1, 5)]

    assert [read_side(each) for each in sides] == [(kind, mark_bits(mark)) for kind in range(1, 5)]
    assert len({*sides, command(7)}) == 5
    assert read_side(command(7)) is None
    assert read_side("no number") is None
    assert side_command(command(8), 1, mark) != sides[0] == side_command(command(7), 1, mark)


def test_a_profile_whose_content_is_hidden_leaves_the_account_unknown() -> None:
    names = {ProfileKind.CONTACT_ACCOUNT: ACCOUNT, ProfileKind.PROTECTION: PROTECTION}
    hidden = [{"PayloadIdentifier": "example.org.other", "PayloadUUID": "1", "IsEncrypted": True}]
    another = [{"PayloadIdentifier": "x", "PayloadContent": [{"PayloadType": "com.apple.eas.account"}]}]

    assert profile_facts(hidden, names)[Aspect.CONTACT_ACCOUNT] is None
    assert profile_facts(another, names)[Aspect.CONTACT_ACCOUNT] is True
    own = [{"PayloadIdentifier": "x", "IsManaged": False, "PayloadContent": another[0]["PayloadContent"]}]
    assert profile_facts(own, names)[Aspect.CONTACT_ACCOUNT] is False
    assert profile_facts([], names)[Aspect.CONTACT_ACCOUNT] is False
    assert profile_facts([], names, elsewhere=True)[Aspect.CONTACT_ACCOUNT] is None


@pytest.mark.parametrize("found", [None, [], {"restrictedBool": []}, "x"])
def test_restrictions_that_are_none_are_garbled(found: object) -> None:
    with pytest.raises(Garbled):
        restriction_facts(found)


# --- declarations


def declared(phone: Phone, identifier: str = ACCOUNT) -> PhoneProfile:
    base = f"{identifier}.{phone.ref}"
    url = f"https://closeout.org.example/credentials/{phone.ref}"
    items = [
        {
            "Type": "com.apple.configuration.account.carddav",
            "Identifier": f"{base}.account",
            "Payload": {
                "VisibleName": "Work",
                "HostName": "dav.org.example",
                "Port": 443,
                "AuthenticationCredentialsAssetReference": f"{base}.credentials",
            },
        },
        {
            "Type": "com.apple.asset.credential.userpassword",
            "Identifier": f"{base}.credentials",
            "Payload": {
                "Reference": {"DataURL": url, "ContentType": "application/json"},
                "Authentication": {"Type": "MDM"},
            },
        },
        {
            "Type": "com.apple.activation.simple",
            "Identifier": f"{base}.activation",
            "Payload": {"StandardConfigurations": [f"{base}.account"]},
        },
    ]
    return PhoneProfile(identifier, ProfileKind.CONTACT_ACCOUNT, Platform.IOS, json.dumps(items).encode())


def test_a_declared_account_is_followed_to_the_phone_and_off_it_again(member: NanoPhones) -> None:
    phone, _ = enrolled(member)
    ddm, beside = member.declared, member.beside
    seen: list[tuple[AskState, bool | None]] = []

    def follow(handle: str | None) -> None:
        ask = ddm.follow(phone, handle or "")
        seen.append((ask.state, ask.posture.facts.get(Aspect.CONTACT_ACCOUNT) if ask.posture else None))

    put = ddm.push(phone, declared(phone), command(1))
    follow(put.command)
    beside.apply(PHONE, full=True)
    follow(put.command)
    taken = ddm.pull(phone, ACCOUNT, command(2))
    follow(taken.command)
    beside.apply(PHONE)
    follow(taken.command)

    assert (put.state, taken.state) == (AskState.ACCEPTED, AskState.ACCEPTED)
    assert seen == [
        (AskState.WAITING, None),
        (AskState.DONE, True),
        (AskState.WAITING, True),
        (AskState.DONE, False),
    ]
    assert (beside.declarations, beside.enrolled[PHONE]) == ({}, set())
    assert member.server.queues[PHONE] == []


def test_declarations_put_twice_are_the_same_ones(member: NanoPhones) -> None:
    phone, _ = enrolled(member)

    asks = [member.declared.push(phone, declared(phone), command(1)) for _ in range(2)]

    assert [ask.error for ask in asks] == [None, None]
    assert len(member.beside.declarations) == 3


def test_a_declaration_the_phone_cannot_apply_failed(member: NanoPhones) -> None:
    phone, _ = enrolled(member)
    member.beside.refusing.add("com.apple.configuration.account.carddav")
    put = member.declared.push(phone, declared(phone), command(1))
    member.beside.apply(PHONE)

    assert member.declared.follow(phone, put.command or "").state is AskState.FAILED


def test_where_accounts_are_declared_a_list_of_profiles_does_not_say_that_none_is_there(member: NanoPhones) -> None:
    phone, _ = enrolled(member)
    member.declared.push(phone, declared(phone), command(1))
    member.beside.apply(PHONE)

    posture = asked_posture(member, phone, 2, by=member.declared)
    at_once = member.declared.ask_posture(phone, WATCHED, command(3)).posture

    assert Aspect.CONTACT_ACCOUNT not in posture.facts
    assert at_once is not None
    assert at_once.facts == {Aspect.CONTACT_ACCOUNT: True}
    assert at_once.told_at == member.beside.now


def test_a_status_report_is_heard_as_an_event_too(member: NanoPhones) -> None:
    phone, held = enrolled(member)
    member.declared.push(phone, declared(phone), command(1))
    since = len(member.server.events)
    member.server.declared(held, member.beside.apply(PHONE, full=True))
    member.declared.pull(phone, ACCOUNT, command(2))
    member.server.declared(held, member.beside.apply(PHONE, full=True))

    told = [each.posture.facts for each in heard(member, since, by=member.declared) if each.posture]

    assert told == [{Aspect.CONTACT_ACCOUNT: True}, {Aspect.CONTACT_ACCOUNT: False}]


OURS = {"identifier": "a1", "declaration-identifier": f"{ACCOUNT}.x.account"}
THEIRS = {"identifier": "b1", "hostname": "contacts.example"}
DECLARED = {"identifier": "c1", "declaration-identifier": "org.example.other"}
GONE = {"identifier": "a1", "_removed": True}


def report(*, full: bool = False, **lists: Sequence[dict[str, Any]]) -> dict[str, Any]:
    said = {"StatusItems": {"account": {"list": {name: list(rows) for name, rows in lists.items()}}}, "Errors": []}
    return {**said, "FullReport": True} if full else said


@pytest.mark.parametrize(
    ("reports", "account"),
    [
        ([], None),
        ([report(carddav=[OURS])], True),
        ([report(carddav=[OURS]), report(carddav=[GONE])], False),
        ([report(carddav=[GONE])], None),  # whose it was, nobody said
        ([report(carddav=[THEIRS])], None),
        ([report(full=True, carddav=[], exchange=[])], False),
        ([report(full=True, carddav=[DECLARED], exchange=[])], False),
        ([report(full=True, carddav=[THEIRS], exchange=[])], None),  # it may have come by a profile of ours
        ([report(full=True, carddav=[])], None),  # of Exchange accounts nothing was told
        ([report(full=True)], None),
        ([report(full=True, carddav=[], exchange=[]), report(carddav=[OURS])], True),
        ([report(carddav=[OURS]), report(full=True, carddav=[], exchange=[])], False),
        ([report(carddav=[OURS]), {"StatusItems": {"account": {"list": []}}}, {"StatusItems": 1}, {}], True),
    ],
)
def test_an_account_is_gone_only_if_it_was_said_to_be(reports: Sequence[dict[str, Any]], account: bool | None) -> None:
    assert account_facts(reports, ACCOUNT).get(Aspect.CONTACT_ACCOUNT) is account


def test_what_was_taken_back_is_gone_from_a_full_report_whatever_else_is_on_the_phone() -> None:
    full = [report(full=True, carddav=[THEIRS], exchange=[])]

    assert account_facts(full, ACCOUNT, taken=True) == {Aspect.CONTACT_ACCOUNT: False}
    assert account_facts([report(carddav=[THEIRS])], ACCOUNT, taken=True) == {}
    assert account_facts([report(full=True, carddav=[OURS], exchange=[])], ACCOUNT, taken=True) == {
        Aspect.CONTACT_ACCOUNT: True
    }


def test_contacts_that_are_switched_off_in_a_declared_account_are_told() -> None:
    off = {**OURS, "are-contacts-enabled": False}

    assert account_facts([report(exchange=[off])], ACCOUNT) == {
        Aspect.CONTACT_ACCOUNT: True,
        Aspect.CONTACT_SYNC: False,
    }


def test_without_kmfddm_a_declaration_is_not_pushed(member: NanoPhones) -> None:
    phone, _ = enrolled(member)

    assert member.nano.push(phone, declared(phone), command(1)).state is AskState.FAILED


@pytest.mark.parametrize("body", [b"[]", b"[1]", b'[{"a": 1}]', b"[" * 5000, b'[{"Identifier": 1}]'])
def test_what_is_no_declaration_is_not_put(member: NanoPhones, body: bytes) -> None:
    phone, _ = enrolled(member)

    ask = member.declared.push(phone, replace(declared(phone), body=body), command(1))

    assert (ask.state, type(ask.error), member.beside.declarations) == (AskState.UNKNOWN, Garbled, {})


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        (Said(500, {"error": "disk is full"}), Unreachable),
        (Said(500, {"error": 5}, strange=True), Unreachable),
        (Said(500, b"<html>", strange=True), Garbled),
        (Said(404, {"error": "no such report"}), None),
        (Said(500, {"error": "sql: no rows in result set"}), None),
    ],
)
def test_reports_end_where_the_server_says_so_and_nowhere_else(
    member: NanoPhones, said: Said, fault: type[Exception] | None
) -> None:
    phone, _ = enrolled(member)
    member.beside.troubles.append(times(1, "^GET /v1/status-report/", said))

    ask = member.declared.ask_posture(phone, WATCHED, command(1))

    assert type(ask.error) is (fault or type(None))


# --- connecting


@pytest.mark.parametrize("tells", [True, False], ids=["newest", "0.9.0"])
def test_a_check_says_what_there_is(member: NanoPhones, tells: bool) -> None:
    member.server.tells_certificate = tells
    assert list(member.declared.check()) == [
        Trial("The connection stays on this machine, not encrypted", ok=True),
        Trial("NanoMDM answers", ok=True),
        Trial("The push certificate is there", ok=tells or None),
        Trial("Who brings no password is refused", ok=True),
        Trial("There is a key for the events of phones", ok=True),
        Trial("KMFDDM answers", ok=True),
        Trial("KMFDDM refuses requests without a password", ok=True),
    ]


def test_a_check_names_a_wrong_key_and_a_topic_that_is_not_there(member: NanoPhones) -> None:
    member.server.tells_certificate = True
    wrong = connect(Connection(member.url, secret="canary", limits=HttpLimits(5.0, 10.0, 30.0)))
    lost = member.connect(topic="com.apple.mgmt.none")

    assert [(each.ok, each.fault) for each in wrong.check()][2] == (False, Fault.WRONG_CREDENTIALS)
    assert [(each.ok, each.fault) for each in lost.check()][2] == (False, Fault.SERVER_ERROR)
    wrong.close()
    lost.close()


@pytest.mark.parametrize(
    ("secret", "options"),
    [
        ("", {}),
        ("key", {"event_key": "x"}),
        ("key", {"events_key_file": "/no/such/file"}),
        ("key", {"ddm_url": "https://ddm.org.example"}),
        ("key", {"apps": "[]"}),
        ("key", {"apps": '{"a": 1}'}),
    ],
)
def test_a_connection_that_cannot_be_meant_is_refused(secret: str, options: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        connect(Connection("https://mdm.org.example", secret=secret, options=options))


# --- the contracts


def test_every_event_is_as_the_published_schema_says(shared_contracts: Path, member: NanoPhones) -> None:
    validator = Draft202012Validator(json.loads((shared_contracts / "nanomdm/webhook-event.schema.json").read_text()))
    phone, held = enrolled(member)
    asked_posture(member, phone)
    held.locked = True
    member.nano.sync(phone, command(2))
    member.server.act(PHONE)
    member.server.declared(held, report(full=True))
    enrolled(member, OTHER, own=True)
    member.server.leave(PHONE)

    events = [json.loads(body) for _, body in member.server.events]
    assert len(events) > 10
    assert [error.message for event in events for error in validator.iter_errors(event)] == []


def test_the_published_example_of_an_event_is_heard(shared_contracts: Path, member: NanoPhones) -> None:
    body = (shared_contracts / "nanomdm/example-DeviceInformation.json").read_bytes()
    event = json.loads(body)["acknowledge_event"]

    assert member.nano.hear(signed(body), body) == (
        Told(event["udid"], command=event["command_uuid"], state=AskState.DONE),
    )


def test_the_published_examples_of_status_reports_say_nothing_of_accounts(shared_contracts: Path) -> None:
    for name in ("full", "error"):
        said = json.loads((shared_contracts / f"kmfddm/example-statusreport-{name}.json").read_text())
        assert account_facts([said], ACCOUNT) == {}


def test_what_the_contracts_do_not_know_is_complained_of(shared_contracts: Path, member: NanoPhones) -> None:
    apple, contract = AppleSchema(shared_contracts / "apple"), published()
    assert contract is not None
    phone, _ = enrolled(member)
    member.nano.sync(phone, command(1))
    asked = next(each for each in member.server.exchanges() if each.method == "PUT")
    wrong = [
        replace(asked, path="/v1/enqueu/x"),
        replace(asked, query={"quiet": "1"}),
        replace(asked, status=200, said={"status": {"$id": {"push_result": 1}}}),
    ]

    assert [len(contract.complaints([each])) for each in (asked, *wrong)] == [0, 1, 1, 1]
    assert apple.command({"RequestType": "ProfileList", "ManagedOnly": 1}) == ["ProfileList.ManagedOnly: no <boolean>"]
    assert apple.command({"RequestType": "InstallProfile"}) == ["InstallProfile.Payload: missing"]
    assert apple.command({"RequestType": "RemoveProfile", "Identifier": "x", "Now": True}) == [
        "RemoveProfile.Now: unknown"
    ]
    assert apple.command({"RequestType": "InstalledApplicationList", "Items": ["Names"]}) == [
        "InstalledApplicationList.Items: not of the list"
    ]


def packed(answer: dict[str, Any]) -> str:
    return base64.b64encode(plistlib.dumps(answer)).decode()
