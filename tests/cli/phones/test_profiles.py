"""Profiles at the command line: checked, rendered to a file that nobody else can read, pushed; no password is said."""

from __future__ import annotations

import plistlib
from pathlib import Path

import pytest

from server.core.model import Role
from tests.cli.conftest import Desk
from tests.vendors.nano_member import NanoPhones
from tests.vendors.nanomdm import API_KEY, TOPIC, NanoServer
from tests.vendors.serving import served

pytestmark = pytest.mark.parts

ASSIGNED = """profiles:
  - connection: fleet
    template: contact-account-carddav
    values: {host: dav.org.example, port: 443, path: /book/}
    phones: phones.csv
  - {connection: fleet, template: protection}
"""
PHONE = "00008101-0000000000000001"


@pytest.fixture
def home(desk: Desk) -> Path:
    """The home folder of the installation, with profiles in it."""
    folder = desk.folder / "installation"
    (folder / "profiles").mkdir()
    (folder / "profiles.yaml").write_text(ASSIGNED)
    file = folder / "profiles" / "phones.csv"
    file.write_text(f"phone,login,password\n{PHONE},canary-login,canary-secret\n")
    file.chmod(0o600)
    return folder


def test_a_check_tells_faults_with_their_lines_and_a_fix(desk: Desk, tmp_path: Path):
    bad = tmp_path / "own.yaml"
    bad.write_text("profile: {name: own}\nvalues: []\ncontent: []\n")

    told = desk.say("--json", "profile", "check", str(bad))

    assert told.status == 1
    assert told.json["key"] == "profile_faults"
    assert {row["line"] for section in told.json["sections"] for row in section["rows"]} <= {1, 2, 3, None}


def test_a_shipped_profile_is_sound(desk: Desk):
    shipped = Path(__file__).parents[3] / "agent_policies" / "profiles" / "protection.yaml"

    assert desk.must("--json", "profile", "check", str(shipped)).json["key"] == "profile_sound"
    assert desk.say("--json", "profile", "check").json["key"] == "no_profiles"


def test_a_phone_s_own_profile_is_rendered_and_pushed_and_no_password_is_said(desk: Desk, home: Path, tmp_path: Path):
    server = NanoServer()
    with served(server) as url:
        member = NanoPhones(server, url, tmp_path)
        (tmp_path / "api.key").write_text(API_KEY)
        options = {"phones": PHONE, "topic": TOPIC, "events_key_file": member.options["events_key_file"]}
        desk.must(
            *("connection", "put", "fleet", "--vendor", "nanomdm", "--url", url),
            *("--secret-file", str(tmp_path / "api.key")),
            *(each for name, value in options.items() for each in ("--option", f"{name}={value}")),
        )
        server.hears = None
        server.enrol(PHONE)
        devices = tmp_path / "devices.csv"
        devices.write_text(f"device,worker,employer,connection,phone\ndevice-9,worker-9,Employer,fleet,{PHONE}\n")
        desk.must("device", "import", str(devices))
        desk.must("device", "refresh")
        checked = desk.must("--json", "profile", "check")
        sections = desk.must("--json", "device", "list").json["sections"]
        (uid,) = [row["phone"] for section in sections if section["key"] == "managed_phones" for row in section["rows"]]
        out = tmp_path / "one.mobileconfig"
        rendered = desk.must("profile", "render", "fleet", "contact_account", "--phone", uid, "--out", str(out))
        again = desk.say("--json", "profile", "render", "fleet", "contact_account", "--phone", uid, "--out", str(out))
        pushed = desk.must("--json", "profile", "push", "fleet", "contact_account")
        server.act(PHONE)
        member.nano.close()

    assert checked.json["key"] == "profiles_sound"
    (payload,) = plistlib.loads(out.read_bytes())["PayloadContent"]
    assert payload["CardDAVPassword"] == "canary-secret"
    assert (out.stat().st_mode & 0o777, again.json["key"]) == (0o600, "file_there")
    assert pushed.json["key"] == "profiles_pushed"
    assert list(server.phones[PHONE].profiles) == ["nl.closeout.contacts"]
    assert "canary" not in rendered.out + again.out + pushed.out + checked.out


def test_a_list_of_phones_of_which_a_quotation_mark_would_join_two_rows_is_used_for_nobody(desk: Desk, home: Path):
    file = home / "profiles" / "phones.csv"
    file.write_text(f'phone,login,password\nphone-1,"login-1,canary-1\n{PHONE},login-2",canary-2\n')

    told = desk.say("--json", "profile", "push", "books", "protection").json

    assert (told["key"], told["title"]) == ("profile_faults", "A profile has faults, so none is used: phones.csv")


def test_what_cannot_be_pushed_or_rendered_is_told_and_what_to_do(desk: Desk, home: Path, tmp_path: Path):
    push = ("profile", "push", "books", "protection")
    render = ("profile", "render", "books", "protection", "--phone", "phone-x", "--out", str(tmp_path / "x"))
    other = str(Role.DATA_PROTECTION_OFFICER)

    keys = [desk.say("--json", *arguments).json["key"] for arguments in (push, render, ("--as", other, *push))]
    (home / "profiles" / "phones.csv").chmod(0o644)
    keys.append(desk.say("--json", *push).json["key"])
    (home / "profiles.yaml").write_text("profiles:\n  - {connection: fleet, template: none}\n")
    keys.append(desk.say("--json", *push).json["key"])
    (home / "profiles.yaml").write_text("profiles: 1\n")
    keys += [desk.say("--json", *arguments).json["key"] for arguments in (push, ("profile", "check"))]

    assert keys == [
        *("cannot_push", "unknown_phone", "not_cleared", "key_fault", "profile_faults", "profile_faults"),
        "profile_faults",
    ]
    assert not (tmp_path / "x").exists()
