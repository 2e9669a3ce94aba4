"""iPhones through Jamf Pro where it differs, lags or lies: the right fault, and never a false absence or yes."""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest

from mdm_adapters.apple import same_case
from mdm_adapters.http import Connection, HttpClient
from mdm_adapters.jamf import JamfPro, JamfProfileKind, Tokens, connect
from mdm_adapters.phones import (
    AppPresence,
    AskState,
    Aspect,
    Phone,
    PhoneCapability,
    Platform,
    ProfileKind,
    Told,
    WatchedApp,
)
from mdm_adapters.port import Denied, Fault, Garbled, Missing, Support, Trial, Unreachable
from tests.vendors.graph import Asked, Drop, Said, times
from tests.vendors.jamf import CLIENT, HEADER, SECRET, VALUE, JamfServer
from tests.vendors.jamf_member import ACCOUNT, PROTECTION, JamfPhones, published
from tests.vendors.phone_members import apple_profile
from tests.vendors.serving import served

pytestmark = pytest.mark.contract

WHATSAPP = WatchedApp("whatsapp", Platform.IOS, frozenset({"net.whatsapp.WhatsApp"}))
SIGNAL = WatchedApp("signal", Platform.IOS, frozenset({"org.whispersystems.signal"}))
WATCHED = (WHATSAPP, SIGNAL)
COMMAND = "00000000-0000-4000-8000-000000000001"
WORKER = "worker-01@org.example"


@pytest.fixture
def member(tmp_path: Path) -> Iterator[JamfPhones]:
    """A server, everything said held against the published contract where that is at hand."""
    server = JamfServer()
    with served(server) as url:
        made = JamfPhones(server, url, tmp_path)
        yield made
        made.jamf.close()
    contract = published()
    assert contract is None or contract.complaints(server.exchanges()) == []


def enrolled(member: JamfPhones, **how: Any) -> Phone:
    held = member.server.enrol(WORKER, **how)
    (phone,) = [each for each in member.jamf.list_phones() if each.ref == str(held.number)]
    return phone


def number(phone: Phone) -> int:
    return int(phone.ref)


# --- tokens and nodes


def test_a_token_of_sixty_seconds_is_renewed_by_its_age_before_it_is_refused(member: JamfPhones) -> None:
    now = [1000.0]
    member.server.clock = lambda: now[0]
    http = HttpClient(f"{member.url}/")
    aged = JamfPro(
        http,
        Tokens(http, CLIENT, SECRET, monotonic=lambda: now[0]),
        kinds={kind: JamfProfileKind("", "x") for kind in ProfileKind},
    )
    for _ in range(7):
        aged.list_phones()
        now[0] += 20
    statuses = {said.status for _, said in member.server.seen}
    aged.close()

    assert statuses == {200}
    assert member.server.signed_in == 3


def test_a_token_that_is_refused_is_replaced_once(member: JamfPhones) -> None:
    enrolled(member)
    member.server._tokens.clear()

    assert len(member.jamf.list_phones()) == 1
    assert member.server.signed_in == 2


def test_a_client_that_is_not_known_is_denied(member: JamfPhones) -> None:
    wrong = connect(Connection(member.url, CLIENT, "canary"))

    with pytest.raises(Denied) as raised:
        wrong.list_phones()
    assert (raised.value.fault, raised.value.status) == (Fault.WRONG_CREDENTIALS, 400)
    wrong.close()


@pytest.mark.parametrize("said", [{"access_token": ""}, {"access_token": "a b"}, {"access_token": 1}, {}])
def test_what_is_no_token_is_not_sent(member: JamfPhones, said: dict[str, object]) -> None:
    member.server.troubles.append(times(9, "oauth", Said(200, said, strange=True)))

    with pytest.raises(Garbled):
        member.jamf.list_phones()


def test_what_was_asked_of_one_node_is_followed_at_that_node(member: JamfPhones) -> None:
    phone = enrolled(member)
    member.server.lag = True
    member.server.catch_up()

    ask = member.jamf.sync(phone, COMMAND)
    states = [member.jamf.follow(phone, ask.command or "").state for _ in range(4)]
    other = member.connect()
    elsewhere = {other.follow(phone, ask.command or "").state for _ in range(1)}
    other.close()

    assert states == [AskState.ACCEPTED] * 4
    assert elsewhere <= {AskState.ACCEPTED, AskState.UNKNOWN}
    nodes = {asked.headers.get("cookie") for asked, _ in member.server.seen if "follow" not in asked.path}
    assert len({each for each in nodes if each}) <= 2


def test_no_more_is_asked_at_once_than_the_server_is_to_be_asked(member: JamfPhones) -> None:
    member.jamf.list_phones()
    member.server.gate, member.server.peak = Event(), 0
    threads = [Thread(target=member.jamf.list_phones) for _ in range(12)]
    for each in threads:
        each.start()
    full = member.server.wait_for(5)
    member.server.gate.set()
    for each in threads:
        each.join()

    assert (full, member.server.peak) == (True, 5)


# --- inventory


def test_a_phone_is_told_with_all_that_jamf_knows_of_it_and_no_more(member: JamfPhones) -> None:
    phone = enrolled(member)

    assert phone == Phone(
        phone.ref,
        Platform.IOS,
        user=WORKER,
        serial=f"SERIAL{phone.ref}",
        owned=True,
        supervised=True,
        managed=True,
        user_enrolled=False,
        seen_at=member.server.now,
    )
    sections = [asked.query["section"] for asked, _ in member.server.seen if asked.path.endswith("/detail")]
    assert sections == [["GENERAL", "HARDWARE", "USER_AND_LOCATION"]]


def test_a_phone_that_its_user_enrolled_is_told_as_such(member: JamfPhones) -> None:
    phone = enrolled(member, ownership="AccountDrivenUserEnrollment", supervised=False)
    member.install(phone.ref, "net.whatsapp.WhatsApp", "WhatsApp")

    sights = member.jamf.find_apps(WATCHED, [phone])

    assert (phone.owned, phone.user_enrolled) == (False, True)
    assert {each.presence for each in sights} == {AppPresence.UNKNOWN}


def test_apps_outside_the_catalogue_are_nowhere_in_what_is_read(member: JamfPhones) -> None:
    phone = enrolled(member)
    member.install(phone.ref, "example.canary.diary", "Canary Diary")
    member.install(phone.ref, "net.whatsapp.WhatsApp", "WhatsApp")

    held = member.jamf._inventory(("GENERAL", "APPLICATIONS", "USER_AND_LOCATION"), ids=same_case(WHATSAPP.ids))

    assert [dict(each.apps or {}) for each in held] == [{"net.whatsapp.whatsapp": False}]
    everything = [(each, each.management, each.apps, each.phone.user, each.phone.serial) for each in held]
    assert "anary" not in repr(everything)


def test_an_app_listed_without_its_id_makes_no_other_absent_and_case_makes_none(member: JamfPhones) -> None:
    phone = enrolled(member)
    member.install(phone.ref, "NET.WhatsApp.whatsapp", "WhatsApp")
    whole = {each.app: each.presence for each in member.jamf.find_apps(WATCHED, [phone])}
    member.install(phone.ref, "", "Signal")
    after = {each.app: each.presence for each in member.jamf.find_apps(WATCHED, [phone])}

    assert whole == {"whatsapp": AppPresence.PRESENT, "signal": AppPresence.ABSENT}
    assert after == {"whatsapp": AppPresence.PRESENT, "signal": AppPresence.UNKNOWN}


def test_only_the_phones_that_are_asked_about_are_read_for_apps(member: JamfPhones) -> None:
    phones = [enrolled(member) for _ in range(3)]
    member.server.seen.clear()

    member.jamf.find_apps(WATCHED, phones[:2])

    assert [asked.query["filter"] for asked, _ in member.server.seen] == [
        f'mobileDeviceId=in=("{phones[0].ref}","{phones[1].ref}")'
    ]


def test_a_managed_app_is_told_as_managed(member: JamfPhones) -> None:
    phone = enrolled(member)
    held = member.server.state.phones[number(phone)]
    held.apps["net.whatsapp.WhatsApp"] = ("WhatsApp", True)
    member.server.inventory(held)

    found = {each.app: each for each in member.jamf.find_apps(WATCHED, [phone])}

    assert (found["whatsapp"].presence, found["whatsapp"].managed) == (AppPresence.PRESENT, True)
    assert (found["signal"].presence, found["signal"].managed) == (AppPresence.ABSENT, None)
    assert {each.told_at for each in found.values()} == {held.told_at}


def test_a_list_from_which_somebody_goes_while_it_is_read_is_read_again(member: JamfPhones) -> None:
    for _ in range(450):
        member.server.enrol(WORKER)
    gone = min(member.server.state.phones)
    pages = iter(range(1000))

    def somebody_goes(asked: Asked) -> None:
        if asked.path.endswith("/detail") and next(pages) == 1:
            del member.server.state.phones[gone]

    member.server.troubles.append(somebody_goes)

    assert {number(each) for each in member.jamf.list_phones()} == set(member.server.state.phones)


def test_a_list_that_goes_round_is_garbled(member: JamfPhones) -> None:
    for _ in range(450):
        member.server.enrol(WORKER)
    pages: list[Any] = []

    def first_page_again(asked: Asked, said: Said) -> Said:
        if asked.path.endswith("/detail"):
            pages.append(said.body["results"])
            return replace(said, body={**said.body, "results": pages[0]})
        return said

    member.server.twists.append(first_page_again)

    with pytest.raises(Garbled) as raised:
        member.jamf.list_phones()
    assert raised.value.fault is Fault.NO_END


def test_a_list_that_ends_before_its_count_is_never_half_of_one(member: JamfPhones) -> None:
    for _ in range(250):
        member.server.enrol(WORKER)

    def cut(asked: Asked, said: Said) -> Said:
        if not asked.path.endswith("/detail") or asked.query.get("page") == "0":
            return said
        return replace(said, body={**said.body, "results": []})

    member.server.twists.append(cut)

    with pytest.raises(Unreachable):
        member.jamf.list_phones()


@pytest.mark.parametrize(
    "body",
    [{"totalCount": 1}, {"totalCount": "1", "results": []}, {"totalCount": 1, "results": [1]}, [], {"results": []}],
)
def test_a_list_that_is_none_is_garbled(member: JamfPhones, body: object) -> None:
    member.server.troubles.append(times(1, "detail", Said(200, body, strange=True)))

    with pytest.raises(Garbled):
        member.jamf.list_phones()


def test_a_profile_that_cannot_be_read_leaves_all_of_them_unknown(member: JamfPhones) -> None:
    phone = enrolled(member)

    def spoilt(_: Asked, said: Said) -> Said:
        rows = [{**row, "profiles": [{"identifier": "x"}, 1]} for row in said.body.get("results", [])]
        return Said(200, {**said.body, "results": rows}, strange=True) if rows else said

    member.server.twists.append(spoilt)

    ask = member.jamf.ask_posture(phone, WATCHED, COMMAND)

    assert (ask.state, ask.posture) == (AskState.WAITING, None)


# --- profiles


def test_a_phone_that_comes_into_the_group_has_the_profile_once_it_says_so(member: JamfPhones) -> None:
    phone = enrolled(member)
    into = member.jamf.push(phone, apple_profile(ProfileKind.PROTECTION), COMMAND)
    seen = [member.jamf.follow(phone, into.command or "").state]
    member.act(phone.ref)
    seen.append(member.jamf.follow(phone, into.command or "").state)
    posture = member.jamf.ask_posture(phone, WATCHED, COMMAND).posture
    out = member.jamf.pull(phone, PROTECTION, COMMAND)
    seen.append(member.jamf.follow(phone, out.command or "").state)
    member.act(phone.ref)
    seen.append(member.jamf.follow(phone, out.command or "").state)

    assert seen == [AskState.WAITING, AskState.DONE, AskState.WAITING, AskState.DONE]
    assert posture is not None
    assert posture.facts == {
        Aspect.CONTACT_ACCOUNT: False,
        Aspect.PROTECTION: True,
        Aspect.READS_BLOCKED: True,
        Aspect.OPEN_IN_BLOCKED: True,
        Aspect.WRITES_BLOCKED: True,
        Aspect.CLOUD_BACKUP_OFF: True,
    }
    assert {each.app: each.presence for each in posture.apps} == dict.fromkeys(
        ("whatsapp", "signal"), AppPresence.ABSENT
    )


def test_what_a_profile_restricts_is_unknown_where_the_connection_does_not_name_it(member: JamfPhones) -> None:
    phone = enrolled(member)
    member.jamf.push(phone, apple_profile(ProfileKind.PROTECTION), COMMAND)
    member.act(phone.ref)
    other = member.connect(protection_config="")

    posture = other.ask_posture(phone, (), COMMAND).posture
    other.close()

    assert posture is not None
    assert posture.facts == {
        Aspect.CONTACT_ACCOUNT: False,
        Aspect.PROTECTION: True,
        Aspect.CLOUD_BACKUP_OFF: True,
    }


def test_the_name_of_a_group_stays_when_its_members_change(member: JamfPhones) -> None:
    phone = enrolled(member)

    member.jamf.push(phone, apple_profile(ProfileKind.PROTECTION), COMMAND)

    assert member.server.state.groups == {
        "7": ("With the account", set()),
        "8": ("Protected", {number(phone)}),
    }


def test_a_change_whose_answer_was_lost_is_made_again_to_the_same_end(member: JamfPhones) -> None:
    phone = enrolled(member)
    member.server.troubles.append(times(1, "^PATCH ", Drop(done=True)))

    asks = [member.jamf.push(phone, apple_profile(ProfileKind.PROTECTION), COMMAND) for _ in range(2)]

    assert [ask.state for ask in asks] == [AskState.UNKNOWN, AskState.ACCEPTED]
    assert member.waiting(phone.ref) == 1


def test_without_a_group_no_profile_is_pushed_and_it_says_so(member: JamfPhones) -> None:
    phone = enrolled(member)
    bare = member.connect(account_group="", protection_group="", protection_config="")
    profile = apple_profile(ProfileKind.PROTECTION)

    asks = [bare.push(phone, profile, COMMAND), bare.pull(phone, PROTECTION, COMMAND)]
    answers = bare.capabilities()
    bare.close()

    assert [ask.state for ask in asks] == [AskState.FAILED] * 2
    assert answers[PhoneCapability.PUSH_PROFILE].support is Support.NO
    assert answers[PhoneCapability.PULL_PROFILE].support is Support.NO


def test_without_a_group_a_profile_is_assigned_to_phones_one_by_one(member: JamfPhones) -> None:
    first, second = enrolled(member), enrolled(member)
    scoped = member.connect(protection_group="")
    profile = apple_profile(ProfileKind.PROTECTION)

    asks = [scoped.push(each, profile, COMMAND) for each in (first, second, first)]
    both = member.server.scopes["18"]
    member.act(first.ref)
    there = scoped.follow(first, asks[0].command or "").state
    out = scoped.pull(first, PROTECTION, COMMAND)
    member.act(first.ref)
    gone = scoped.follow(first, out.command or "").state
    scoped.close()

    assert [ask.state for ask in asks] == [AskState.ACCEPTED] * 3
    assert both == {number(first), number(second)}
    assert (there, gone, member.server.scopes["18"]) == (AskState.DONE, AskState.DONE, {number(second)})
    assert member.server.state.groups["8"] == ("Protected", set())


def test_an_assignment_that_another_hand_undid_at_once_is_in_doubt(member: JamfPhones) -> None:
    phone = enrolled(member)
    scoped = member.connect(protection_group="")

    def undone(asked: Asked, said: Said) -> Said:
        if asked.method == "PUT":
            member.server.scopes["18"] = set()
        return said

    member.server.twists.append(undone)
    ask = scoped.push(phone, apple_profile(ProfileKind.PROTECTION), COMMAND)
    scoped.close()

    assert (ask.state, type(ask.error)) == (AskState.UNKNOWN, Unreachable)


def test_a_profile_that_goes_to_all_phones_is_not_taken_from_one(member: JamfPhones) -> None:
    phone = enrolled(member)
    scoped = member.connect(protection_group="")
    member.server.scopes["18"] = None

    states = [
        scoped.push(phone, apple_profile(ProfileKind.PROTECTION), COMMAND).state,
        scoped.pull(phone, PROTECTION, COMMAND).state,
    ]
    scoped.close()

    assert states == [AskState.ACCEPTED, AskState.FAILED]
    assert all(asked.method != "PUT" for asked, _ in member.server.seen)


def test_another_profile_than_the_one_of_the_group_is_not_taken_for_it(member: JamfPhones) -> None:
    phone = enrolled(member)
    other = replace(apple_profile(ProfileKind.PROTECTION), identifier="example.org.other")

    assert member.jamf.push(phone, other, COMMAND).state is AskState.FAILED
    assert member.waiting(phone.ref) == 0


@pytest.mark.parametrize("ref", ["../erase", "5/erase", "0000", "99999", ""])
def test_what_is_no_number_of_an_enrolled_phone_is_asked_nothing(member: JamfPhones, ref: str) -> None:
    enrolled(member)

    ask = member.jamf.push(Phone(ref, Platform.IOS), apple_profile(ProfileKind.PROTECTION), COMMAND)

    assert (ask.state, type(ask.error)) == (AskState.UNKNOWN, Missing)
    assert all(asked.method != "PATCH" for asked, _ in member.server.seen)


# --- commands


def test_a_state_that_is_new_to_us_is_unknown(member: JamfPhones) -> None:
    phone = enrolled(member)
    ask = member.jamf.sync(phone, COMMAND)
    member.server.state.commands[0]["commandState"] = "ON_ITS_WAY"
    member.server.twists.append(lambda _, said: replace(said, strange=True))

    assert member.jamf.follow(phone, ask.command or "").state is AskState.UNKNOWN


@pytest.mark.parametrize("command", ["x;status==PENDING", "x y", "", "a" * 65, "in(1,2)"])
def test_a_handle_that_would_be_a_filter_is_not_asked(member: JamfPhones, command: str) -> None:
    phone = enrolled(member)
    member.server.seen.clear()

    assert member.jamf.follow(phone, command).state is AskState.UNKNOWN
    assert member.server.seen == []


# --- events


def test_an_event_is_a_hint_and_its_truth_is_read_again(member: JamfPhones) -> None:
    phone = enrolled(member)
    ask = member.jamf.sync(phone, COMMAND)
    headers = {HEADER.lower(): VALUE}
    event = {"jssID": number(phone), "mdmCommandUUID": ask.command}
    body = json.dumps({"webhook": {"webhookEvent": "MobileDeviceCommandCompleted"}, "event": event}).encode()

    forged = member.jamf.hear(headers, body)
    member.act(phone.ref)
    real = member.jamf.hear(headers, body)

    assert forged == (Told(phone.ref, command=ask.command, state=AskState.ACCEPTED),)
    assert real == (Told(phone.ref, command=ask.command, state=AskState.DONE),)


def test_an_end_of_enrolment_is_believed_only_if_the_phone_is_gone(member: JamfPhones) -> None:
    phone = enrolled(member)
    held = member.server.state.phones[number(phone)]
    member.server.send("MobileDeviceUnEnrolled", held)
    early = member.jamf.hear(*member.server.events[-1])
    member.leave(phone.ref)

    assert early == ()
    assert member.jamf.hear(*member.server.events[-1]) == (Told(phone.ref, enrolled=False),)


def test_an_inventory_event_brings_the_posture(member: JamfPhones) -> None:
    phone = enrolled(member)
    member.server.inventory(member.server.state.phones[number(phone)])

    (told,) = member.jamf.hear(*member.server.events[-1])

    assert told.posture is not None
    assert told.posture.facts[Aspect.CONTACT_ACCOUNT] is False


@pytest.mark.parametrize("value", ["", "value-of-the-heade", "value-of-the-header ", "é"])
def test_another_value_of_the_header_proves_nobody(member: JamfPhones, value: str) -> None:
    enrolled(member)
    _, body = member.server.events[0]

    with pytest.raises(Denied):
        member.jamf.hear({HEADER.lower(): value}, body)


def test_a_connection_without_the_header_believes_no_event(member: JamfPhones) -> None:
    enrolled(member)
    deaf = member.connect(events_header="")

    with pytest.raises(Denied):
        deaf.hear(*member.server.events[0])
    assert deaf.capabilities()[PhoneCapability.PHONE_EVENTS].support is Support.NO
    deaf.close()


def test_events_of_other_things_say_nothing(member: JamfPhones, shared_contracts: Path) -> None:
    examples = json.loads((shared_contracts / "jamf/webhook-examples.json").read_text())
    headers = {HEADER.lower(): VALUE}
    said = []
    for name in (*examples["other_events"], "MobileDeviceCheckIn", "MobileDevicePushSent", "Something"):
        event = {**examples["example"], "webhook": {**examples["example"]["webhook"], "webhookEvent": name}}
        said += member.jamf.hear(headers, json.dumps(event).encode())

    assert said == []
    assert set(examples["mobile_device_events"]) >= {
        json.loads(body)["webhook"]["webhookEvent"] for _, body in member.server.events
    }


# --- connecting


def test_a_check_says_what_there_is(member: JamfPhones) -> None:
    assert list(member.jamf.check()) == [
        Trial("The connection stays on this machine, not encrypted", ok=True),
        Trial("Jamf Pro signs the client in", ok=True),
        Trial("Jamf Pro lists phones", ok=True),
        Trial("The group of a profile is there", ok=True),
        Trial("The group of a profile is there", ok=True),
        Trial("The profile is assigned to its group", ok=True),
        Trial("Who brings no password is refused", ok=True),
    ]


def test_a_check_names_a_group_that_is_not_there_and_a_profile_of_another_group(member: JamfPhones) -> None:
    other = member.connect(account_group="9", protection_group="7")

    assert [(trial.what, trial.fault) for trial in other.check() if not trial.ok] == [
        ("The group of a profile is there", Fault.PLACE_GONE),
        ("The profile is assigned to its group", Fault.PLACE_GONE),
    ]
    other.close()


@pytest.mark.parametrize(
    ("login", "secret", "options"),
    [
        ("", "s", {}),
        ("c", "", {}),
        ("c", "s", {"group": "1"}),
        ("c", "s", {"account_group": "one"}),
        ("c", "s", {"protection_config": "../1"}),
        ("c", "s", {"events_header": "X-Key"}),
        ("c", "s", {"events_header": "X-Key", "events_key_file": "/no/such/file"}),
    ],
)
def test_a_connection_that_cannot_be_meant_is_refused(login: str, secret: str, options: dict[str, str]) -> None:
    with pytest.raises(ValueError):
        connect(Connection("https://jamf.org.example", login, secret, options=options))


def test_what_the_published_contract_does_not_know_is_complained_of(member: JamfPhones, shared_contracts: Path) -> None:
    contract = published()
    assert contract is not None
    phone = enrolled(member)
    member.jamf.push(phone, apple_profile(ProfileKind.PROTECTION), COMMAND)
    (detail, _, group, patch) = list(member.server.exchanges())
    row = detail.said["results"][0]
    wrong = [
        replace(detail, query={**detail.query, "find": "x"}),
        replace(detail, query={**detail.query, "section": ["EVERYTHING"]}),
        replace(detail, said={"totalCount": "1", "results": []}),
        replace(detail, said={"totalCount": 1, "results": [{**row, "mobileDeviceId": 1}]}),
        replace(group, path="/v1/groups/7"),
        replace(patch, body={"assignments": []}),
    ]

    assert [len(contract.complaints([each])) for each in (detail, group, patch)] == [0, 0, 0]
    assert [bool(contract.complaints([each])) for each in wrong] == [True] * 6


# --- an independent client


@pytest.mark.integration
def test_an_independent_client_reads_the_same_phones_and_commands(member: JamfPhones) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        jamf_pro_sdk = pytest.importorskip("jamf_pro_sdk", reason="jamf-pro-sdk is not installed")
        from jamf_pro_sdk.clients.pro_api.pagination import FilterField  # noqa: PLC0415
        from jamf_pro_sdk.models.client import SessionConfig  # noqa: PLC0415
    phones = [enrolled(member) for _ in range(3)]
    member.install(phones[0].ref, "net.whatsapp.WhatsApp", "WhatsApp Messenger")
    ask = member.jamf.sync(phones[0], COMMAND)
    member.act(phones[0].ref)
    host, _, port = member.url.removeprefix("http://").partition(":")
    client = jamf_pro_sdk.JamfProClient(
        server=host,
        port=int(port),
        credentials=jamf_pro_sdk.ApiClientCredentialsProvider(CLIENT, SECRET),
        session_config=SessionConfig(scheme="http"),
    )

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = client.pro_api.get_mobile_device_inventory_v2(sections=["GENERAL", "APPLICATIONS", "PROFILES"])
        commands = client.pro_api.get_mdm_commands_v2(filter_expression=FilterField("uuid").eq(ask.command))

    assert [each.mobileDeviceId for each in found] == [each.ref for each in phones]
    assert [[app.identifier for app in each.applications] for each in found] == [["net.whatsapp.WhatsApp"], [], []]
    assert [(str(each.uuid), each.commandState.value) for each in commands] == [(ask.command, "ACKNOWLEDGED")]


def test_the_account_has_a_profile_of_its_own_name(member: JamfPhones) -> None:
    phone = enrolled(member)
    member.jamf.push(phone, apple_profile(ProfileKind.CONTACT_ACCOUNT), COMMAND)
    member.act(phone.ref)

    posture = member.jamf.ask_posture(phone, (), COMMAND).posture

    assert posture is not None
    assert (posture.facts[Aspect.CONTACT_ACCOUNT], posture.facts[Aspect.PROTECTION]) == (True, False)
    assert list(member.server.state.phones[number(phone)].profiles) == [ACCOUNT]
