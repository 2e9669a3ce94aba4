"""Profiles with blanks: what is shipped is sound, what is filled in stays a value, and no password tells itself."""

from __future__ import annotations

import json
import plistlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mdm_adapters.apple import PROFILES
from mdm_adapters.phones import Aspect, Platform, ProfileKind
from mdm_adapters.restrictions import (
    form_of,
    outlook_without_saving,
    read_payloads,
    set_by_apple,
    work_profile_kept_apart,
)
from server.core.phones.profile import BlankOwner, ProfileFormat, Template, check_assignments, check_template, render
from tests.vendors.apple_schema import AppleSchema

FOLDER = Path(__file__).parents[3] / "agent_policies" / "profiles"
SHIPPED = sorted(FOLDER.glob("*.yaml"))
VALUES: dict[str, object] = {
    "host": "dav.org.example",
    "port": 443,
    "path": "/phones/phone-01/",
    "login": "phone-01",
    "password": "device-secret-01",
    "address": "worker-01@org.example",
    "credentials_url": "https://closeout.org.example/credentials/phone-01",
    "outlook_app": "00000000-0000-4000-8000-000000000009",
}


def shipped(name: str) -> Template:
    checked = check_template((FOLDER / f"{name}.yaml").read_text("utf-8"), f"{name}.yaml")
    assert checked.template is not None, checked.faults
    return checked.template


def made(name: str, **values: object) -> Any:
    """The rendered profile, read again."""
    body = render(shipped(name), {**VALUES, **values}, phone="phone-01", language="en").body
    return plistlib.loads(body) if body.startswith(b"<?xml") else json.loads(body)


@pytest.fixture(params=[path.stem for path in SHIPPED])
def name(request: pytest.FixtureRequest) -> str:
    """Each profile that is shipped."""
    return str(request.param)


def test_every_profile_that_is_shipped_is_sound_and_named_as_its_file(name: str) -> None:
    assert shipped(name).head.name == name


def test_every_profile_has_its_kind_s_identifier_or_one_of_its_own(name: str) -> None:
    head = shipped(name).head

    assert head.identifier == PROFILES[head.kind] or name == "outlook-ios"


def test_every_profile_fits_apple_s_schema_or_intune_s_form(name: str, shared_contracts: Path) -> None:
    template = shipped(name)
    schema = AppleSchema(shared_contracts / "apple")
    found = made(name)

    match template.head.form:
        case ProfileFormat.MOBILECONFIG:
            assert schema.profile(found) == []
        case ProfileFormat.DECLARATIONS:
            assert [fault for each in found for fault in schema.declaration(each)] == []
        case ProfileFormat.CONFIGURATION:
            profile = render(template, VALUES, phone="phone-01", language="en")
            assert form_of(profile) is not None


def test_no_profile_holds_a_blank_when_it_is_filled(name: str) -> None:
    assert "${" not in json.dumps(made(name), default=repr)


def test_the_forms_for_intune_are_those_that_its_adapter_reads_back() -> None:
    assert made("protection-android") == json.loads(work_profile_kept_apart())
    assert made("outlook-ios") == json.loads(outlook_without_saving([str(VALUES["outlook_app"])]))


def test_what_protects_does_it_by_both_restrictions() -> None:
    def aspects(name: str) -> frozenset[Aspect]:
        body = render(shipped(name), {}, phone="phone-01", language="nl").body
        return set_by_apple(read_payloads(body) or (), supervised=True)

    both = {Aspect.READS_BLOCKED, Aspect.OPEN_IN_BLOCKED, Aspect.WRITES_BLOCKED}
    assert aspects("protection") == both
    assert aspects("protection-supervised") == both | {Aspect.PRIVATE_ACCOUNTS_BLOCKED, Aspect.CLOUD_BACKUP_OFF}


def test_what_users_enrol_ignores_of_the_protection_is_told_in_its_file(shared_contracts: Path) -> None:
    forbidden = AppleSchema(shared_contracts / "apple").forbidden_to_users(made("protection"))

    assert forbidden == {"allowManagedToWriteUnmanagedContacts"}
    assert "nothing on a phone that its user enrolled" in (FOLDER / "protection.yaml").read_text()


def test_contacts_of_an_exchange_account_are_on_and_stay_on() -> None:
    (payload,) = made("contact-account-exchange")["PayloadContent"]

    assert (payload["EnableContacts"], payload["EnableContactsUserOverridable"]) == (True, False)
    assert "Password" not in payload


def test_an_account_is_filled_with_what_the_phone_has_of_its_own() -> None:
    found = made("contact-account-carddav")
    (payload,) = found["PayloadContent"]

    assert found["PayloadIdentifier"] == "nl.closeout.contacts"
    assert {key: value for key, value in payload.items() if key.startswith("CardDAV")} == {
        "CardDAVAccountDescription": "Work contacts",
        "CardDAVHostName": "dav.org.example",
        "CardDAVPort": 443,
        "CardDAVPrincipalURL": "/phones/phone-01/",
        "CardDAVUseSSL": True,
        "CardDAVUsername": "phone-01",
        "CardDAVPassword": "device-secret-01",
    }


def test_declarations_are_named_for_the_phone_and_hold_no_password() -> None:
    found = made("contact-account-declared")

    assert [each["Identifier"] for each in found] == [
        f"nl.closeout.contacts.phone-01.{what}" for what in ("account", "credentials", "status", "activation")
    ]
    assert "device-secret-01" not in json.dumps(found)


def test_the_same_profile_is_the_same_bytes_and_another_version_has_another_number() -> None:
    one, same = made("contact-account-carddav"), made("contact-account-carddav")
    other = made("contact-account-carddav", host="other.org.example")

    assert one == same
    assert one["PayloadUUID"] != other["PayloadUUID"]
    assert one["PayloadContent"][0]["PayloadUUID"] != one["PayloadUUID"]


def test_no_number_in_a_profile_is_made_from_a_password() -> None:
    one, other = made("contact-account-carddav"), made("contact-account-carddav", password="another-secret")

    assert one["PayloadUUID"] == other["PayloadUUID"]
    assert one != other


@given(st.text(min_size=1, max_size=60).filter(lambda text: text.strip() and all(sign >= " " for sign in text)))
def test_whatever_is_filled_in_stays_one_value(text: str) -> None:
    try:
        found = made("contact-account-carddav", password=text, login="</string><key>x</key>${host}")
    except (ValueError, UnicodeEncodeError):
        return  # what no property list can hold is refused, never cut
    (payload,) = found["PayloadContent"]

    assert payload["CardDAVPassword"] == text.strip()
    assert payload["CardDAVUsername"] == "</string><key>x</key>${host}"
    assert set(payload) == set(made("contact-account-carddav")["PayloadContent"][0])


@pytest.mark.parametrize("value", [None, "", " ", "a\nb", "x" * 1001, True, 1.5, ["x"]])
def test_what_is_missing_or_fits_not_is_refused(value: object) -> None:
    with pytest.raises(ValueError):
        made("contact-account-carddav", login=value)


@pytest.mark.parametrize("value", ["44a", "-1", "4 4", "9" * 12, "４４"])
def test_a_number_is_a_number(value: str) -> None:
    with pytest.raises(ValueError):
        made("contact-account-carddav", port=value)
    assert made("contact-account-carddav", port="8443")["PayloadContent"][0]["CardDAVPort"] == 8443


def test_it_says_what_is_lacking_of_all_and_of_a_phone() -> None:
    template = shipped("contact-account-carddav")

    assert template.lacks({"host": "x", "port": "y"}, BlankOwner.ALL) == ("port", "path")
    assert template.lacks({"login": "x"}, BlankOwner.PHONE) == ("password",)
    assert template.lacks(VALUES, BlankOwner.ALL) == ()


# --- faults

HEAD = """profile:
  name: mine
  version: "1"
  kind: {kind}
  platform: {platform}
  form: {form}
  identifier: org.example.mine
  title: {{nl: Mijn, en: Mine}}
"""
HALF = "  - {PayloadType: com.apple.applicationaccess, allowUnmanagedToReadManagedContacts: false}\n"
OWN = "values:\n  - {key: own, type: text, of: phone}\ncontent: {a: '${own}'}\n"
GOOD = "  - {PayloadType: com.apple.carddav.account, CardDAVHostName: dav.org.example}\n"


def faults(text: str) -> list[str]:
    return [fault.problem.message for fault in check_template(text, "mine.yaml").faults]


def head(kind: str = "contact_account", platform: str = "ios", form: str = "mobileconfig") -> str:
    return HEAD.format(kind=kind, platform=platform, form=form)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        (f"{head()}values: []\ncontent:\n  - {{PayloadType: x, A: '${{who}}'}}\n", "Nothing says what is to be filled"),
        (f"{head()}values:\n  - {{key: who, type: text}}\ncontent:\n{GOOD}", "Nothing in the profile uses"),
        (f"{head()}values:\n  - {{key: phone, type: text}}\ncontent:\n{GOOD}", "A placeholder is here twice"),
        (f"{head()}values: []\ncontent: {{a: b}}\n", "A configuration has keys here"),
        (f"{head()}values: []\ncontent: []\n", "A configuration has keys here"),
        (f"{head()}values: []\ncontent:\n  - {{PayloadType: com.apple.wifi.managed}}\n", "No managed contacts account"),
        (f"{head(platform='android')}values: []\ncontent:\n{GOOD}", "This form is for iPhones alone."),
        (
            f"{head(kind='protection')}values: []\ncontent:\n{HALF}",
            "Apps are kept from reading contacts by two restrictions together",
        ),
        (
            f"{head()}values: []\ncontent:\n  - {{PayloadType: com.apple.eas.account, EnableContacts: false}}\n",
            "An account without contacts",
        ),
        (
            f"{head(form='configuration')}{OWN}",
            "A configuration is given to a group",
        ),
    ],
)
def test_a_profile_that_would_not_do_what_it_says_does_not_load(text: str, fault: str) -> None:
    assert [each for each in faults(text) if each.startswith(fault)] != []


@pytest.mark.parametrize(
    "text", ["", "a: [", "profile: {}\n", f"{head()}values: []\ncontent:\n{GOOD}more: 1\n", "!x {}"]
)
def test_what_is_no_profile_is_told_and_never_raised(text: str) -> None:
    checked = check_template(text, "mine.yaml")

    assert checked.template is None
    assert checked.faults


def test_assignments_are_read_and_their_faults_told() -> None:
    good = """profiles:
  - connection: phones
    template: contact-account-carddav
    values: {host: dav.org.example, port: 443, path: /x/}
    phones: phones.csv
  - {connection: phones, template: own.yaml}
"""
    checked = check_assignments(good, "profiles.yaml")
    twice = check_assignments(good + "  - {connection: phones, template: own.yaml}\n", "profiles.yaml")
    outside = check_assignments("profiles:\n  - {connection: a, template: ../../x}\n", "profiles.yaml")

    assert [(each.connection, each.template, each.phones) for each in checked.assignments] == [
        ("phones", "contact-account-carddav", "phones.csv"),
        ("phones", "own.yaml", None),
    ]
    assert [(fault.line, fault.where) for fault in twice.faults] == [(7, "profiles.2")]
    assert outside.assignments == () != outside.faults


def test_platforms_and_kinds_are_those_of_the_port() -> None:
    heads = [shipped(path.stem).head for path in SHIPPED]

    assert {each.platform for each in heads} == {Platform.IOS, Platform.ANDROID}
    assert {each.kind for each in heads} == set(ProfileKind)
