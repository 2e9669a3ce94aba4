"""Profiles pushed to phones: each with what it has of its own, once, not under a hold, and no password anywhere."""

from __future__ import annotations

import plistlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from mdm_adapters.phones import AskState, Phone, Platform, ProfileKind
from mdm_adapters.port import Fault, Unreachable
from server import app
from server.core.log.entries import EntryKind
from server.core.model import Role
from server.settings import read_settings
from server.store.admin import organisation
from server.store.schema import base, phones
from server.work.phones import managers as acts
from server.work.phones import profiles
from server.work.phones.profiles import ProfileLack, Shelf
from tests.vendors.memory_mdm import MemoryMdm
from tests.work.world import NOW, World

ASSIGNED = """profiles:
  - connection: fleet
    template: contact-account-carddav
    values: {host: dav.org.example, port: 443, path: /book/}
    phones: phones.csv
  - {connection: fleet, template: protection}
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The home folder of an installation with profiles for the phones at `fleet`."""
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles.yaml").write_text(ASSIGNED)
    return tmp_path


def owns(home: Path, lines: str) -> None:
    """Write what phones have of their own."""
    file = home / "profiles" / "phones.csv"
    file.write_text(lines)
    file.chmod(0o600)


def shelf_in(home: Path) -> Shelf:
    return app.read_profiles(read_settings({}, home=home))


def managed(world: World, count: int = 2) -> tuple[MemoryMdm, list[str]]:
    """A manager with phones that are known and may be asked; our ids of them."""
    mdm = MemoryMdm(now=NOW)
    for number in range(1, count + 1):
        mdm.enrol(f"ref-{number}", f"phone-{number}")
    world.context = replace(world.context, mdms={"fleet": mdm})
    row: Mapping[str, object] = {
        "name": "fleet", "vendor": "memory", "base_url": "http://127.0.0.1/", "login": "", "secret_file": "",
        "demo": True,
    }  # fmt: skip
    with world.context.store.write() as connection:
        organisation.put_connection(connection, row)
    acts.refresh(world.context)
    return mdm, [each.uid for each in profiles.known_phones(world.context, "fleet", ())]


def push(world: World, home: Path, kind: ProfileKind = ProfileKind.CONTACT_ACCOUNT) -> profiles.Pushed:
    found = profiles.known_phones(world.context, "fleet", ())
    return profiles.push(world.context, shelf_in(home), "fleet", kind, found, Role.IT_ADMINISTRATOR)


def test_each_phone_gets_its_own_login_and_password(world: World, home: Path) -> None:
    mdm, uids = managed(world)
    owns(home, f"phone,login,password\n{uids[0]},login-1,canary-1\nREF-2,login-2,canary-2\n")

    result = push(world, home)
    for ref in mdm.phones:
        mdm.act(ref)

    assert (result.states, result.lacks) == ({AskState.ACCEPTED: 2}, {})
    bodies = [plistlib.loads(phone.profiles["nl.closeout.contacts"].body) for phone in mdm.phones.values()]
    assert [
        (payload["CardDAVUsername"], payload["CardDAVPassword"])
        for body in bodies
        for payload in body["PayloadContent"]
    ] == [("login-1", "canary-1"), ("login-2", "canary-2")]


def test_a_phone_of_which_nothing_is_known_gets_none_and_is_counted(world: World, home: Path) -> None:
    mdm, uids = managed(world)
    owns(home, f"phone,login,password\n{uids[0]},login-1,canary-1\n{uids[1]},login-2,\n")

    result = push(world, home)

    assert (result.states, result.lacks) == ({AskState.ACCEPTED: 1}, {ProfileLack.NOTHING_OF_ITS_OWN: 1})
    assert [ref for what, ref in mdm.calls if what == "push"] == ["ref-1"]


def test_the_same_profile_is_pushed_once_and_another_one_again(world: World, home: Path) -> None:
    mdm, uids = managed(world, 1)
    owns(home, f"phone,login,password\n{uids[0]},login-1,canary-1\n")
    push(world, home)
    push(world, home)
    waiting = len([each for each in mdm.phones["ref-1"].waiting.values() if each[0] == "push"])
    owns(home, f"phone,login,password\n{uids[0]},login-1,canary-2\n")
    push(world, home)

    assert waiting == 1
    assert len([each for each in mdm.phones["ref-1"].waiting.values() if each[0] == "push"]) == 2


def test_an_account_is_not_replaced_under_a_hold_and_it_looks_like_waiting(world: World, home: Path) -> None:
    mdm, uids = managed(world)
    owns(home, "phone,login,password\n" + "".join(f"{uid},login,canary\n" for uid in uids))
    with world.context.store.write() as connection:
        connection.execute(base.place_device.insert(), {"place_id": 1, "device_id": 2})
    world.hold(worker="worker-1")

    account, protection = push(world, home), push(world, home, ProfileKind.PROTECTION)

    assert (account.states, account.faults) == ({AskState.WAITING: 2}, {}), "both phones read the book of worker-1"
    assert protection.states == {AskState.ACCEPTED: 2}
    assert [ref for what, ref in mdm.calls if what == "push"] == ["ref-1", "ref-2"]


def test_an_account_is_replaced_on_a_phone_that_reads_nothing_of_whom_a_hold_is_on(world: World, home: Path) -> None:
    mdm, uids = managed(world)
    owns(home, "phone,login,password\n" + "".join(f"{uid},login,canary\n" for uid in uids))
    world.hold(worker="worker-1")

    assert push(world, home).states == {AskState.WAITING: 1, AskState.ACCEPTED: 1}
    assert [ref for what, ref in mdm.calls if what == "push"] == ["ref-2"]


def test_a_manager_that_fails_is_told_and_stops_no_other_phone(world: World, home: Path) -> None:
    mdm, _ = managed(world)
    mdm.fail_before.append(Unreachable(Fault.TIMED_OUT))

    result = push(world, home, ProfileKind.PROTECTION)

    assert result.states == {AskState.UNKNOWN: 1, AskState.ACCEPTED: 1}
    assert result.faults == {Fault.TIMED_OUT: 1}


def test_every_push_is_logged_and_no_password_stands_anywhere(world: World, home: Path) -> None:
    _, uids = managed(world, 1)
    owns(home, f"phone,login,password\n{uids[0]},canary-login,canary-secret\n")

    push(world, home)

    assert world.logged(EntryKind.PHONE_ASKED)[-1] == {
        "phone": uids[0],
        "what": "push",
        "outcome": "accepted",
        "fault": None,
        "actor_role": "it_administrator",
    }
    tables = (base.log_entry, phones.phone, phones.phone_ask)
    assert "canary" not in repr([world.rows(table) for table in tables])


def test_the_account_for_a_repush_is_made_from_the_same_files(world: World, home: Path) -> None:
    owns(home, "phone,login,password\nuid-1,login-1,canary-1\n")
    phone = Phone("ref-1", Platform.IOS)

    found = profiles.account_for(shelf_in(home), "fleet", phone, "uid-1")

    assert found is not None
    assert (found.identifier, found.kind) == ("nl.closeout.contacts", ProfileKind.CONTACT_ACCOUNT)
    assert profiles.account_for(shelf_in(home), "fleet", phone, "uid-2") is None
    assert profiles.account_for(shelf_in(home), "other", phone, "uid-1") is None
    assert profiles.account_for(shelf_in(home), "fleet", replace(phone, platform=Platform.ANDROID), "uid-1") is None


def test_what_is_not_filled_in_for_all_is_told(home: Path) -> None:
    (home / "profiles.yaml").write_text("profiles:\n  - {connection: fleet, template: contact-account-carddav}\n")

    made = shelf_in(home).made_for("fleet", ProfileKind.CONTACT_ACCOUNT, Phone("r", Platform.IOS), "uid-1")

    assert made is ProfileLack.NO_VALUES


def test_a_file_of_passwords_that_others_can_read_is_not_used(home: Path) -> None:
    owns(home, "phone,login,password\nuid-1,a,b\n")
    (home / "profiles" / "phones.csv").chmod(0o644)

    with pytest.raises(app.KeyFault):
        shelf_in(home).made_for("fleet", ProfileKind.CONTACT_ACCOUNT, Phone("r", Platform.IOS), "uid-1")


def test_a_profile_with_faults_keeps_all_of_them_from_being_used(home: Path) -> None:
    (home / "profiles.yaml").write_text("profiles:\n  - {connection: fleet, template: own.yaml}\n")
    (home / "profiles" / "own.yaml").write_text("profile: {}\n")

    with pytest.raises(app.PolicyRefused) as raised:
        shelf_in(home)
    assert raised.value.file == "own.yaml"


def test_without_a_file_no_profile_is_given_to_anybody(tmp_path: Path) -> None:
    shelf = shelf_in(tmp_path)

    assert shelf.made_for("fleet", ProfileKind.PROTECTION, Phone("r", Platform.IOS), "uid") is ProfileLack.NOT_ASSIGNED
