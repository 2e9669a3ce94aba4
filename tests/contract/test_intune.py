"""Intune where it differs, fails or lies: only watched apps, nothing claimed that it does not know, the right fault."""

from __future__ import annotations

import base64
import json
import plistlib
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from importlib import resources

import pytest

from mdm_adapters.http import HttpLimits
from mdm_adapters.microsoft import Turns
from mdm_adapters.phones import (
    AppPresence,
    AppSight,
    Ask,
    AskState,
    Aspect,
    Phone,
    PhoneCapability,
    PhoneProfile,
    Platform,
    ProfileKind,
    WatchedApp,
)
from mdm_adapters.port import Denied, Fault, Garbled, Missing, Support, Trial, Unreachable
from mdm_adapters.restrictions import (
    MOST_PROFILE,
    outlook_without_saving,
    read_payloads,
    set_by_form,
    work_profile_kept_apart,
)
from server.app import watched_apps
from server.core.usage.channel_catalogue import check_catalogue
from tests.vendors.graph import Asked, Drop, Said, Slow, error, throttled, times
from tests.vendors.intune import NEVER, Office
from tests.vendors.intune_member import GROUP, IntunePhones, exchange_account, intune_phones
from tests.vendors.phone_members import apple_profile

pytestmark = pytest.mark.contract

WORKER = "worker-01@org.example"
WHATSAPP = WatchedApp("whatsapp", Platform.IOS, frozenset({"net.whatsapp.WhatsApp"}), frozenset({"WhatsApp Messenger"}))
ON_ANDROID = replace(WHATSAPP, platform=Platform.ANDROID, ids=frozenset({"com.whatsapp"}))
COMMAND = "00000000-0000-4000-8000-00000000000a"
CONFIGURATIONS = "/deviceManagement/deviceConfigurations"
PROTECTION = apple_profile(ProfileKind.PROTECTION)


@pytest.fixture
def member() -> Iterator[IntunePhones]:
    """A tenant without phones, whose application may give profiles to one group."""
    with intune_phones() as made:
        yield made


@pytest.fixture
def office(member: IntunePhones) -> Office:
    return member.office


def one(member: IntunePhones) -> Phone:
    (phone,) = member.mdm.list_phones()
    return phone


def asked(member: IntunePhones, pattern: str) -> list[Asked]:
    return [request for request, _ in member.cloud.seen if request.asks_for(pattern)]


def only(ref: str, presence: AppPresence, *, by_name: bool = True) -> list[AppSight]:
    return [AppSight(ref, "whatsapp", presence, by_name=by_name)]


# --- phones


def test_a_phone_is_told_as_intune_knows_it(member: IntunePhones, office: Office) -> None:
    at = "2026-03-02T09:00:00.1234567Z"
    ref = office.enrol(WORKER, "iOS", lastSyncDateTime=at, complianceState="noncompliant", serialNumber="SERIAL1")

    assert one(member) == Phone(
        ref,
        Platform.IOS,
        user=WORKER,
        serial="SERIAL1",
        owned=True,
        supervised=True,
        managed=True,
        compliant=False,
        user_enrolled=False,
        seen_at=datetime(2026, 3, 2, 9, 0, 0, 123456, UTC),
    )


@pytest.mark.parametrize("never", [NEVER, "0001-01-01T00:00:00", "", None, "canary", "9" * 5000, 5])
def test_the_year_one_is_never_and_what_is_no_time_is_not_told(
    member: IntunePhones, office: Office, never: object
) -> None:
    office.enrol(WORKER, lastSyncDateTime=never)
    member.cloud.twists.append(lambda _, said: replace(said, strange=True))

    assert one(member).seen_at is None


def test_an_unknown_enum_value_passes_as_unknown(member: IntunePhones, office: Office) -> None:
    names = ("managedDeviceOwnerType", "deviceEnrollmentType", "complianceState", "managementState")
    ref = office.enrol(WORKER, "visionOS", **dict.fromkeys(names, "someFutureValue"), isSupervised="perhaps")
    member.cloud.twists.append(lambda _, said: replace(said, strange=True))

    phone = one(member)

    assert replace(phone, serial=None, seen_at=None) == Phone(ref, Platform.OTHER, user=WORKER)


def test_computers_are_not_read_as_phones_and_a_phone_without_a_user_is_nobodys(
    member: IntunePhones, office: Office
) -> None:
    for system in ("Windows", "macOS", "Linux (ubuntu)", "ChromeOS"):
        office.enrol("worker-02@org.example", system)
    ref = office.enrol(None, "Android")

    assert (one(member).ref, one(member).user) == (ref, None)


def test_an_android_phone_of_ones_own_is_seen_as_a_container_alone(member: IntunePhones, office: Office) -> None:
    office.enrol(WORKER, "AndroidForWork", managedDeviceOwnerType="personal")

    assert (one(member).platform, one(member).owned, one(member).user_enrolled) == (Platform.ANDROID, False, True)


def test_no_phone_number_and_no_name_is_ever_asked_for(member: IntunePhones, office: Office) -> None:
    office.install(office.enrol(WORKER), "WhatsApp Messenger")
    phone = one(member)
    member.mdm.find_apps([WHATSAPP], [phone])
    member.mdm.ask_posture(phone, [WHATSAPP], COMMAND)

    selected = {name for request in asked(member, "managedDevices") for name in request.query["$select"].split(",")}
    assert selected.isdisjoint({"phoneNumber", "imei", "deviceName", "emailAddress"})
    assert "" not in selected


def test_a_phone_that_was_deleted_and_enrolled_again_is_another_one(member: IntunePhones, office: Office) -> None:
    old = one(member) if office.enrol(WORKER) else None
    assert old is not None
    new = office.enrol_again(old.ref)

    ask = member.mdm.sync(old, COMMAND)

    assert [(each.ref, each.serial) for each in member.mdm.list_phones()] == [(new, old.serial)]
    assert (ask.state, type(ask.error)) == (AskState.FAILED, Missing)
    assert member.mdm.ask_posture(old, [WHATSAPP], COMMAND).posture is None
    assert list(member.mdm.find_apps([WHATSAPP], [old])) == only(old.ref, AppPresence.UNKNOWN, by_name=False)


# --- apps


def test_only_watched_apps_are_asked_for_and_the_export_never(member: IntunePhones, office: Office) -> None:
    ref = office.enrol(WORKER)
    office.install(ref, "WhatsApp Messenger")
    office.install(ref, "Canary Diary")

    found = member.mdm.find_apps([WHATSAPP], [one(member)])

    assert list(found) == only(ref, AppPresence.PRESENT)
    assert [each.query["$filter"] for each in asked(member, "/detectedApps$")] == [
        "displayName eq 'net.whatsapp.WhatsApp'",
        "displayName eq 'WhatsApp Messenger'",
    ]
    assert asked(member, "export") == []
    assert "Canary" not in json.dumps([said.body for request, said in member.cloud.seen if "Apps" in request.path])


def test_an_intune_that_ignores_the_filter_tells_nothing_of_other_apps(member: IntunePhones, office: Office) -> None:
    ref = office.enrol(WORKER)
    office.install(ref, "Canary Diary")
    everything = office.apps

    def unfiltered(request: Asked, said: Said) -> Said:
        if not request.asks_for("/detectedApps$"):
            return said
        rows = [{"id": app, "displayName": name, "platform": at} for app, (name, _, at, _) in everything.items()]
        return replace(said, body={"value": rows}, strange=True)

    member.cloud.twists.append(unfiltered)

    assert list(member.mdm.find_apps([WHATSAPP], [one(member)])) == only(ref, AppPresence.UNKNOWN)
    assert asked(member, "/detectedApps/.+/managedDevices") == []


def test_phones_of_people_who_are_not_enrolled_here_are_not_told_of(member: IntunePhones, office: Office) -> None:
    mine, other = office.enrol(WORKER), office.enrol("stranger@org.example")
    for ref in (mine, other):
        office.install(ref, "WhatsApp Messenger")
    phones = [each for each in member.mdm.list_phones() if each.ref == mine]

    assert list(member.mdm.find_apps([WHATSAPP], phones)) == only(mine, AppPresence.PRESENT)


def test_all_versions_of_an_app_count_on_many_phones(member: IntunePhones, office: Office) -> None:
    refs = [office.enrol(f"worker-{number:03d}@org.example") for number in range(230)]
    for number, ref in enumerate(refs):
        office.install(ref, "WhatsApp Messenger", version=f"{number % 70}.0")

    found = member.mdm.find_apps([WHATSAPP], member.mdm.list_phones())

    assert {each.phone: each.presence for each in found} == dict.fromkeys(refs, AppPresence.PRESENT)


def test_an_app_listed_under_another_name_is_unknown_and_one_listed_by_its_id_is_there(
    member: IntunePhones, office: Office
) -> None:
    ref, other = office.enrol(WORKER), office.enrol("worker-02@org.example")
    office.install(ref, "WhatsApp from Meta")
    office.install(other, "net.whatsapp.WhatsApp")

    found = member.mdm.find_apps([WHATSAPP], member.mdm.list_phones())

    assert {each.phone: (each.presence, each.by_name) for each in found} == {
        ref: (AppPresence.UNKNOWN, True),
        other: (AppPresence.PRESENT, False),
    }


def test_every_name_that_the_catalogue_lists_is_asked_for(member: IntunePhones, office: Office) -> None:
    shipped = (resources.files("agent_policies") / "channels" / "veilig-thuis.yaml").read_text("utf-8")
    catalogue = check_catalogue(shipped, "veilig-thuis.yaml").catalogue
    assert catalogue is not None
    watched = [each for each in watched_apps(catalogue) if each.key == "whatsapp"]
    refs = {name: office.enrol(f"{n}@org.example") for n, name in enumerate(("WhatsApp", "WhatsApp Messenger"))}
    for name, ref in refs.items():
        office.install(ref, name)

    found = member.mdm.find_apps(watched, member.mdm.list_phones())

    assert {each.presence for each in found if each.phone in refs.values()} == {AppPresence.PRESENT}


def test_no_list_of_names_makes_an_app_absent() -> None:
    with pytest.raises(ValueError, match="unknown, not absent"):
        AppSight("ref", "whatsapp", AppPresence.ABSENT, by_name=True)


NOT_ALL_SHOWN: dict[str, dict[str, object]] = {
    "private": {"managedDeviceOwnerType": "personal"},
    "of nobody knows whom": {"managedDeviceOwnerType": "unknown"},
    "enrolled by its user": {"deviceEnrollmentType": "appleUserEnrollment"},
    "enrolled somehow": {"deviceEnrollmentType": "unknownFutureValue"},
    "never in touch": {"lastSyncDateTime": NEVER},
    "not managed": {"managementState": "discovered"},
}


@pytest.mark.parametrize("phone", NOT_ALL_SHOWN)
def test_an_app_that_intune_does_not_show_is_not_absent(member: IntunePhones, office: Office, phone: str) -> None:
    ref = office.enrol(WORKER, **NOT_ALL_SHOWN[phone])

    assert list(member.mdm.find_apps([WHATSAPP], [one(member)])) == only(ref, AppPresence.UNKNOWN)


def test_on_android_an_app_that_is_not_found_is_unknown_and_one_that_is_is_there(
    member: IntunePhones, office: Office
) -> None:
    ref = office.enrol(WORKER, "AndroidEnterprise")
    before = member.mdm.find_apps([ON_ANDROID], [one(member)])
    office.install(ref, "WhatsApp Messenger", "androidWorkProfile")
    after = member.mdm.find_apps([ON_ANDROID], [one(member)])

    assert [list(before), list(after)] == [only(ref, AppPresence.UNKNOWN), only(ref, AppPresence.PRESENT)]


def test_an_app_without_a_display_name_cannot_be_asked_for(member: IntunePhones, office: Office) -> None:
    ref = office.enrol(WORKER)

    assert list(member.mdm.find_apps([replace(WHATSAPP, names=frozenset())], [one(member)])) == only(
        ref, AppPresence.UNKNOWN, by_name=False
    )


def test_an_apostrophe_in_a_name_cannot_leave_the_filter(member: IntunePhones, office: Office) -> None:
    ref = office.enrol(WORKER)
    office.install(ref, "Somebody's' or 1 eq 1")
    odd = replace(WHATSAPP, names=frozenset({"Somebody's' or 1 eq 1"}))

    assert list(member.mdm.find_apps([odd], [one(member)])) == only(ref, AppPresence.PRESENT)


def test_a_version_that_vanishes_while_it_is_read_makes_nothing_absent(member: IntunePhones, office: Office) -> None:
    office.install(office.enrol("worker-02@org.example"), "WhatsApp Messenger")
    ref = office.enrol(WORKER)
    phones = member.mdm.list_phones()
    member.cloud.troubles.append(times(1, "/detectedApps/.+/managedDevices", error(404, "ResourceNotFound")))

    assert list(member.mdm.find_apps([WHATSAPP], [each for each in phones if each.ref == ref])) == only(
        ref, AppPresence.UNKNOWN, by_name=False
    )


# --- asking phones


def test_what_intune_accepted_is_done_only_once_the_phone_was_in_touch(member: IntunePhones, office: Office) -> None:
    ref = office.enrol(WORKER)
    phone, start = one(member), int(time.time())
    now = [float(start)]
    member.cloud.clock = lambda: now[0]

    ask = member.mdm.sync(phone, COMMAND)
    states = [member.mdm.follow(phone, ask.command or "").state]
    now[0] += 90
    states.append(member.mdm.follow(phone, ask.command or "").state)
    office.act(ref)
    states.append(member.mdm.follow(phone, ask.command or "").state)

    assert (ask.state, ask.error) == (AskState.ACCEPTED, None)
    assert states == [AskState.WAITING, AskState.WAITING, AskState.DONE]
    assert [each.headers["client-request-id"] for each in asked(member, "syncDevice")] == [COMMAND]


ACTIONS = {
    "pending": AskState.WAITING,
    "active": AskState.WAITING,
    "done": AskState.DONE,
    "failed": AskState.FAILED,
    "canceled": AskState.FAILED,
    "notSupported": AskState.FAILED,
    "none": AskState.UNKNOWN,
    "someFutureValue": AskState.UNKNOWN,
}


@pytest.mark.parametrize("told", ACTIONS)
def test_the_newest_action_of_that_kind_says_how_it_went(member: IntunePhones, office: Office, told: str) -> None:
    ref = office.enrol(WORKER, lastSyncDateTime="2026-03-02T09:00:00Z")
    phone = one(member)
    action = {"actionName": "syncDevice", "actionState": told, "lastUpdatedDateTime": "2026-03-02T10:00:00Z"}
    office.devices[ref].actions += [
        action | {"startDateTime": "2026-03-02T10:00:00Z"},
        action | {"startDateTime": "2026-03-02T09:00:00Z", "actionState": "failed"},
        action | {"startDateTime": "2026-03-02T11:00:00Z", "actionName": "rebootNow", "actionState": "failed"},
    ]
    member.cloud.twists.append(lambda _, said: replace(said, strange=True))

    assert member.mdm.follow(phone, "sync 2026-03-02T09:59:00+00:00").state is ACTIONS[told]


def test_an_action_from_before_is_no_answer(member: IntunePhones, office: Office) -> None:
    ref = office.enrol(WORKER, lastSyncDateTime="2026-03-02T09:00:00Z")
    office.devices[ref].actions.append(
        {
            "actionName": "syncDevice",
            "actionState": "done",
            "startDateTime": "2026-03-02T08:00:00Z",
            "lastUpdatedDateTime": "2026-03-02T09:00:00Z",
        }
    )

    assert member.mdm.follow(one(member), "sync 2026-03-02T09:59:00+00:00").state is AskState.WAITING


# --- profiles and posture


def test_a_profile_is_given_once_to_the_group_whatever_phone_it_is_asked_for(
    member: IntunePhones, office: Office
) -> None:
    for number in range(3):
        member.enrol(f"worker-{number}@org.example")

    asks = [member.mdm.push(phone, PROTECTION, COMMAND) for phone in member.mdm.list_phones()]

    (held,) = office.configurations[CONFIGURATIONS].values()
    assert {ask.state for ask in asks} == {AskState.ACCEPTED}
    assert (held["displayName"], held["version"]) == (PROTECTION.identifier, 1)
    assert base64.b64decode(held["payload"]) == PROTECTION.body
    assert office.given == {held["id"]: {GROUP}}
    assert office.asked["assign"] == 1


def test_a_profile_that_changed_is_put_in_place_of_the_one_before(member: IntunePhones, office: Office) -> None:
    member.enrol(WORKER)
    phone = one(member)
    other = replace(PROTECTION, body=exchange_account(PROTECTION.identifier))

    for profile in (PROTECTION, other):
        assert member.mdm.push(phone, profile, COMMAND).state is AskState.ACCEPTED

    (held,) = office.configurations[CONFIGURATIONS].values()
    assert (base64.b64decode(held["payload"]), held["version"]) == (other.body, 2)


def test_a_configuration_of_somebody_else_is_never_changed(member: IntunePhones, office: Office) -> None:
    member.enrol(WORKER)
    theirs = {
        "@odata.type": "#microsoft.graph.iosCustomConfiguration",
        "id": "theirs",
        "displayName": PROTECTION.identifier,
        "description": "By hand",
        "payloadName": "x",
        "payload": "",
    }
    office.configurations[CONFIGURATIONS]["theirs"] = dict(theirs)

    ask = member.mdm.push(one(member), PROTECTION, COMMAND)

    assert (ask.state, office.configurations[CONFIGURATIONS], office.given) == (
        AskState.FAILED,
        {"theirs": theirs},
        {},
    )


REFUSED: dict[str, PhoneProfile] = {
    "holds a phone's own password": apple_profile(ProfileKind.CONTACT_ACCOUNT),
    "holds one inside Intune's own form": replace(
        PROTECTION,
        body=json.dumps(
            {
                "@odata.type": "#microsoft.graph.iosCustomConfiguration",
                "payload": base64.b64encode(apple_profile(ProfileKind.CONTACT_ACCOUNT).body).decode(),
            }
        ).encode(),
    ),
    "holds one in a setting of an app": replace(
        PROTECTION,
        body=json.dumps(
            {
                "@odata.type": "#microsoft.graph.iosMobileAppConfiguration",
                "targetedMobileApps": ["app-1"],
                "settings": [
                    {"appConfigKey": "AccountPassword", "appConfigKeyType": "stringType", "appConfigKeyValue": "canary"}
                ],
            }
        ).encode(),
    ),
    "holds one in a property": replace(
        PROTECTION,
        platform=Platform.ANDROID,
        body=b'{"@odata.type": "#microsoft.graph.androidWorkProfileGeneralDeviceConfiguration", "wifiPassword": "x"}',
    ),
    "is no profile": replace(PROTECTION, body=b"canary"),
    "defines entities": replace(
        PROTECTION,
        body=b'<!DOCTYPE plist [<!ENTITY a SYSTEM "file:///etc/hostname">]><plist><dict><key>PayloadContent</key>'
        b"<string>&a;</string></dict></plist>",
    ),
    "is for another platform": replace(PROTECTION, platform=Platform.ANDROID),
    "is of a form that we do not write": replace(
        PROTECTION, body=b'{"@odata.type": "#microsoft.graph.windows10CustomConfiguration"}'
    ),
    "is no JSON": replace(PROTECTION, body=b"{canary"),
    "goes on for ever": replace(PROTECTION, body=b"{" + b" " * MOST_PROFILE),
}


@pytest.mark.parametrize("profile", REFUSED)
def test_a_profile_is_not_given_if_it(member: IntunePhones, office: Office, profile: str) -> None:
    member.enrol(WORKER, REFUSED[profile].platform)

    ask = member.mdm.push(one(member), REFUSED[profile], COMMAND)

    assert (ask.state, list(office.configurations[CONFIGURATIONS])) == (AskState.FAILED, [])


def test_without_a_group_no_profile_is_given(office: Office) -> None:
    with intune_phones(group="") as alone:
        alone.enrol(WORKER)
        answer = alone.mdm.capabilities()[PhoneCapability.PUSH_PROFILE]
        ask = alone.mdm.push(one(alone), PROTECTION, COMMAND)

        assert (answer.support, ask.state) == (Support.NO, AskState.FAILED)
        assert asked(alone, "^POST /device") == []


def test_an_assignment_that_was_lost_is_made_again(member: IntunePhones, office: Office) -> None:
    member.enrol(WORKER)
    phone = one(member)
    member.cloud.troubles.append(times(1, "/assign$", Drop()))

    first, second = (member.mdm.push(phone, PROTECTION, COMMAND) for _ in range(2))

    assert (first.state, type(first.error), second.state) == (AskState.UNKNOWN, Unreachable, AskState.ACCEPTED)
    assert list(office.given.values()) == [{GROUP}]


def test_a_configuration_whose_receipt_was_dropped_is_not_made_twice(member: IntunePhones, office: Office) -> None:
    member.enrol(WORKER)
    phone = one(member)
    member.cloud.troubles.append(times(1, "POST .*/deviceConfigurations$", Drop(done=True)))

    for _ in range(2):
        member.mdm.push(phone, PROTECTION, COMMAND)

    assert len(office.configurations[CONFIGURATIONS]) == 1


def posture(member: IntunePhones, phone: Phone) -> dict[Aspect, bool | None]:
    member.mdm = IntunePhones.fresh(member)
    ask = member.mdm.ask_posture(phone, (), COMMAND)
    assert ask.posture is not None, ask.error
    return dict(ask.posture.facts)


def test_posture_tells_what_our_configurations_bring_about_once_the_phone_reported(
    member: IntunePhones, office: Office
) -> None:
    ref = member.enrol(WORKER)
    phone = one(member)
    none = posture(member, phone)
    for profile in (
        PROTECTION,
        replace(PROTECTION, identifier="outlook", body=outlook_without_saving(["app-1"])),
        PhoneProfile("account", ProfileKind.CONTACT_ACCOUNT, Platform.IOS, exchange_account("account")),
    ):
        assert member.mdm.push(phone, profile, COMMAND).state is AskState.ACCEPTED
    given = posture(member, phone)
    office.act(ref)

    assert none == {Aspect.PROTECTION: False}
    assert given == {Aspect.PROTECTION: None}
    assert posture(member, phone) == dict.fromkeys(
        (
            Aspect.PROTECTION,
            Aspect.READS_BLOCKED,
            Aspect.OPEN_IN_BLOCKED,
            Aspect.WRITES_BLOCKED,
            Aspect.OUTLOOK_SAVING_BLOCKED,
            Aspect.CONTACT_ACCOUNT,
            Aspect.CONTACT_SYNC,
        ),
        True,
    )


def test_posture_of_an_android_phone_is_that_of_its_work_profile(member: IntunePhones, office: Office) -> None:
    ref = member.enrol(WORKER, Platform.ANDROID)
    phone = one(member)
    member.mdm.push(
        phone, PhoneProfile("p", ProfileKind.PROTECTION, Platform.ANDROID, work_profile_kept_apart()), COMMAND
    )
    office.act(ref)

    assert posture(member, phone) == dict.fromkeys(
        (Aspect.PROTECTION, Aspect.READS_BLOCKED, Aspect.OPEN_IN_BLOCKED), True
    )


@pytest.mark.parametrize(
    ("status", "known"),
    [
        ("compliant", True),
        ("remediated", True),
        ("nonCompliant", False),
        ("error", False),
        ("conflict", False),
        ("notAssigned", False),
        ("unknown", None),
        ("notApplicable", None),
        ("someFutureValue", None),
    ],
)
def test_a_status_says_whether_the_protection_is_in_force(
    member: IntunePhones, office: Office, status: str, known: bool | None
) -> None:
    ref = member.enrol(WORKER)
    phone = one(member)
    ask = member.mdm.push(phone, PROTECTION, COMMAND)
    member.cloud.twists.append(lambda _, said: replace(said, strange=True))
    office.act(ref, status)

    facts = posture(member, phone)

    assert facts[Aspect.PROTECTION] is known
    assert (Aspect.READS_BLOCKED in facts) is (known is True)
    states = {True: {AskState.DONE}, False: {AskState.FAILED}, None: {AskState.WAITING}}
    assert member.mdm.follow(phone, ask.command or "").state in states[known]


def test_of_two_phones_of_one_user_that_differ_neither_is_claimed(member: IntunePhones, office: Office) -> None:
    refs = [member.enrol(WORKER) for _ in range(2)]
    phone = member.mdm.list_phones()[0]
    member.mdm.push(phone, PROTECTION, COMMAND)
    for ref, status in zip(refs, ("compliant", "error"), strict=True):
        office.act(ref, status)

    assert posture(member, phone) == {Aspect.PROTECTION: None}


def test_one_restriction_alone_blocks_no_reading() -> None:
    content = [{"PayloadType": "com.apple.applicationaccess", "allowUnmanagedToReadManagedContacts": False}]
    body = base64.b64encode(plistlib.dumps({"PayloadContent": content})).decode()

    assert (
        set_by_form({"@odata.type": "#microsoft.graph.iosCustomConfiguration", "payload": body}, supervised=True)
        == frozenset()
    )


def test_accounts_of_ones_own_are_blocked_only_on_a_supervised_phone() -> None:
    content = [{"PayloadType": "com.apple.applicationaccess", "allowAccountModification": False}]
    body = base64.b64encode(plistlib.dumps({"PayloadContent": content})).decode()
    form = {"@odata.type": "#microsoft.graph.iosCustomConfiguration", "payload": body}

    assert [set_by_form(form, supervised=each) for each in (True, False, None)] == [
        {Aspect.PRIVATE_ACCOUNTS_BLOCKED},
        frozenset(),
        frozenset(),
    ]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"canary",
        b"<plist>" + b"<array>" * 200_000,
        b"<plist><array/></plist>",
        b'<!DOCTYPE p [<!ENTITY a "b">]><plist><dict><key>PayloadContent</key><string>&a;</string></dict></plist>',
        b"<plist><date>canary</date></plist>",
        b"<plist><integer>0x</integer></plist>",
        plistlib.dumps({"PayloadContent": ["canary"]}),
        plistlib.dumps({"PayloadContent": []}) + b" " * MOST_PROFILE,
        plistlib.dumps({"PayloadContent": []}, fmt=plistlib.FMT_BINARY),
    ],
)
def test_a_plist_that_is_none_too_large_or_defines_entities_is_refused(body: bytes) -> None:
    assert read_payloads(body) is None


def test_a_configuration_with_a_payload_that_is_none_brings_about_nothing(member: IntunePhones, office: Office) -> None:
    ref = member.enrol(WORKER)
    phone = one(member)
    member.mdm.push(phone, PROTECTION, COMMAND)
    (held,) = office.configurations[CONFIGURATIONS].values()
    held["payload"] = base64.b64encode(b"canary").decode()
    office.act(ref)

    assert posture(member, phone) == {Aspect.PROTECTION: True}


# --- faults and bad input

SLOW = HttpLimits(connect=1.0, read=0.2, total=0.5)


def test_a_token_refused_in_mid_run_is_asked_for_anew(member: IntunePhones, office: Office) -> None:
    refs = {office.enrol(f"worker-{number}@org.example") for number in range(150)}
    member.mdm.list_phones()
    member.cloud.troubles.append(
        lambda request: member.cloud.revoke_tokens() if "$skiptoken" in request.query and not revoked else None
    )
    revoked: list[int] = []
    member.cloud.troubles.append(lambda request: revoked.append(1) if "$skiptoken" in request.query else None)

    assert {each.ref for each in member.mdm.list_phones()} == refs
    assert member.cloud.signed_in["client-1"] == 2


@pytest.mark.parametrize("wait", [None, "7", "Wed, 21 Oct 2015 07:28:00 GMT", "canary", "99999999"])
def test_a_throttled_call_is_told_with_the_wait_that_was_asked(member: IntunePhones, wait: str | None) -> None:
    member.enrol(WORKER)
    phone = one(member)
    member.cloud.troubles.append(times(1, "syncDevice", replace(throttled(wait), strange=True)))

    ask = member.mdm.sync(phone, COMMAND)

    expected = {None: None, "7": 7.0, "canary": None, "99999999": 300.0}.get(wait, 0.0)
    assert (ask.state, ask.error and ask.error.fault, ask.error and ask.error.wait) == (
        AskState.UNKNOWN,
        Fault.THROTTLED,
        expected,
    )


def test_a_request_whose_receipt_was_dropped_is_unknown_and_may_be_repeated(
    member: IntunePhones, office: Office
) -> None:
    ref = member.enrol(WORKER)
    phone = one(member)
    member.cloud.troubles.append(times(1, "syncDevice", Drop(done=True)))

    first, second = (member.mdm.sync(phone, COMMAND) for _ in range(2))

    assert (first.state, type(first.error), second.state) == (AskState.UNKNOWN, Unreachable, AskState.ACCEPTED)
    assert office.asked[ref] == 2


def test_a_slow_intune_is_left_in_time(member: IntunePhones) -> None:
    member.enrol(WORKER)
    slow = IntunePhones.fresh(member, limits=SLOW)
    member.cloud.troubles.append(times(1, "managedDevices", Slow(1.0)))

    with pytest.raises(Unreachable) as raised:
        slow.list_phones()

    assert raised.value.fault is Fault.TIMED_OUT


def test_a_list_that_goes_round_is_not_followed_for_ever(member: IntunePhones, office: Office) -> None:
    for number in range(150):
        office.enrol(f"worker-{number}@org.example")
    link = []

    def round_(request: Asked, said: Said) -> Said:
        if "@odata.nextLink" in (said.body or {}):
            link.append(said.body["@odata.nextLink"])
        return replace(said, body={**said.body, "@odata.nextLink": link[0]}) if link else said

    member.cloud.twists.append(round_)

    with pytest.raises(Garbled) as raised:
        member.mdm.list_phones()
    assert raised.value.fault is Fault.NO_END


def test_a_cursor_that_is_known_no_more_begins_the_list_again(member: IntunePhones, office: Office) -> None:
    refs = {office.enrol(f"worker-{number}@org.example") for number in range(150)}
    changed: list[int] = []

    def change(request: Asked) -> None:
        if "$skiptoken" in request.query and not changed:
            changed.append(1)
            office.epoch += 1

    member.cloud.troubles.append(change)

    assert {each.ref for each in member.mdm.list_phones()} == refs


def test_a_phone_that_comes_twice_in_a_list_is_one(member: IntunePhones, office: Office) -> None:
    ref = office.enrol(WORKER)
    member.cloud.twists.append(
        lambda request, said: (
            replace(said, body={**said.body, "value": said.body["value"] * 3})
            if request.asks_for("managedDevices$")
            else said
        )
    )

    assert one(member).ref == ref


def test_a_link_to_another_host_never_gets_the_token(member: IntunePhones, office: Office) -> None:
    office.enrol(WORKER)
    member.cloud.twists.append(
        lambda request, said: (
            replace(said, body={**said.body, "@odata.nextLink": "https://elsewhere.example/v1.0/x"})
            if request.asks_for("managedDevices$")
            else said
        )
    )

    with pytest.raises(Garbled) as raised:
        member.mdm.list_phones()
    assert raised.value.fault is Fault.REDIRECTED


WRONG: dict[str, Callable[[], Said]] = {
    "of another type": lambda: Said(200, b"<html>canary</html>", {"Content-Type": "text/html"}, strange=True),
    "no JSON": lambda: Said(200, b"{", {"Content-Type": "application/json"}, strange=True),
    "nested for ever": lambda: Said(200, b"[" * 100_000, {"Content-Type": "application/json"}, strange=True),
    "no list": lambda: Said(200, {"value": "canary"}, strange=True),
    "a list of something else": lambda: Said(200, {"value": ["canary"]}, strange=True),
    "without ids": lambda: Said(200, {"value": [{"operatingSystem": "iOS"}]}, strange=True),
    "with an id that is an address": lambda: Said(200, {"value": [{"id": ".."}]}, strange=True),
    "with a cursor that is none": lambda: Said(200, {"value": [], "@odata.nextLink": 5}, strange=True),
}


@pytest.mark.parametrize("answer", WRONG)
def test_an_answer_is_garbled_if_it_is(member: IntunePhones, answer: str) -> None:
    member.cloud.troubles.append(times(99, "/managedDevices$", WRONG[answer]()))

    with pytest.raises(Garbled) as raised:
        member.mdm.list_phones()
    assert "canary" not in str(raised.value)


def test_an_answer_that_does_not_end_is_cut_off(member: IntunePhones) -> None:
    small = IntunePhones.fresh(member, limits=HttpLimits(2.0, 5.0, 10.0, body=1_000_000))
    endless = Said(200, b'{"value": [' + b" " * 5_000_000, {"Content-Type": "application/json"}, strange=True)
    member.cloud.troubles.append(times(1, "managedDevices", endless))

    with pytest.raises(Garbled) as raised:
        small.list_phones()
    assert raised.value.fault is Fault.TOO_LARGE


def test_an_event_raises_nothing_since_intune_sends_none(member: IntunePhones) -> None:
    ref = member.enrol(WORKER)

    for headers in ({}, {"authorization": "Bearer canary"}):
        with pytest.raises(Denied):
            member.mdm.hear(headers, json.dumps({"phone": ref, "state": "done"}).encode())


def test_changes_keep_to_their_quota_and_reads_to_theirs() -> None:
    now = [0.0]
    turns = Turns(most=2_000, window=20.0, monotonic=lambda: now[0])

    def many(calls: int) -> int:
        done = 0
        while True:
            try:
                with turns.turn("intune", calls):
                    done += 1
            except Unreachable:
                return done

    assert (many(10), many(1)) == (200, 0)
    now[0] = 21.0
    assert many(1) == 2_000


# --- trying


def test_a_check_says_what_is_to_be_mended(member: IntunePhones) -> None:
    member.tenant.add_mailbox("boss@org.example")
    wide = IntunePhones.fresh(member, probe="boss@org.example")
    told = {trial.what: (trial.ok, trial.fault) for trial in wide.check()}
    member.tenant.apps["client-1"].scope = set()
    narrow = IntunePhones.fresh(member, probe="boss@org.example")

    assert told == {
        "The connection stays on this machine, not encrypted": (True, None),
        "Microsoft signs the application in": (True, None),
        "Intune lists phones": (True, None),
        "Intune says which apps it found": (True, None),
        "Intune shows its configurations": (True, None),
        "Mailboxes are refused to this application": (False, Fault.SCOPE_TOO_WIDE),
    }
    assert narrow.check()[-1] == Trial("Mailboxes are refused to this application", ok=True)
    assert member.mdm.check()[-1] == Trial("Mailboxes are refused to this application", None)


def test_a_right_that_is_missing_is_named(member: IntunePhones) -> None:
    member.cloud.troubles.append(times(9, "detectedApps", error(403, "Forbidden")))

    told = {trial.what: trial.fault for trial in member.mdm.check() if trial.ok is False}

    assert told == {"Intune says which apps it found": Fault.FORBIDDEN}


def test_nothing_that_leaves_names_a_phone_or_a_person(member: IntunePhones) -> None:
    member.enrol("canary-user@org.example")
    phone = one(member)
    member.cloud.troubles.append(times(9, "canary|syncDevice|managedDevices", error(500, "canary")))

    asks: list[Ask] = [member.mdm.sync(phone, COMMAND), member.mdm.ask_posture(phone, [WHATSAPP], COMMAND)]

    assert [type(each.error) for each in asks] == [Unreachable, Unreachable]
    assert "canary" not in repr(asks) + "".join(str(each.error) for each in asks)
    assert phone.ref not in repr(asks)


@pytest.mark.parametrize("missing", ["tenant", "client_id"])
def test_a_connection_without_what_it_needs_is_refused(member: IntunePhones, missing: str) -> None:
    with pytest.raises(ValueError):
        IntunePhones.fresh(member, **{missing: ""})
