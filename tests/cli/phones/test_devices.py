"""The commands about devices, against simulated MDM systems: connect, try, refresh, list, show one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mdm_adapters.phones import PhoneCapability
from tests.cli.shell import Shell
from tests.vendors.intune_member import IntunePhones, intune_phones
from tests.vendors.nano_member import NanoPhones, nano_phones
from tests.vendors.nanomdm import API_KEY
from tests.vendors.phone_members import Trouble

pytestmark = pytest.mark.contract


@pytest.fixture
def intune() -> Iterator[IntunePhones]:
    with intune_phones() as member:
        yield member


@pytest.fixture
def nano() -> Iterator[NanoPhones]:
    with nano_phones() as member:
        assert isinstance(member, NanoPhones)
        yield member


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str], intune: IntunePhones, nano: NanoPhones) -> Shell:
    """A demo organisation with two MDM systems, and a list of devices."""
    shell = Shell(tmp_path, capsys.readouterr)
    shell.must("init", "Invented organisation", "--demo")
    for name, vendor, url, secret, options in (
        ("intune", "intune", intune.connection.url, intune.connection.secret, intune.connection.options),
        ("apple", "nanomdm", nano.url, API_KEY, nano.options),
    ):
        file = tmp_path / f"{name}.secret"
        file.write_text(secret)
        told = [f"--option={key}={value}" for key, value in options.items()]
        shell.must("connection", "put", name, "--vendor", vendor, "--url", url, "--secret-file", str(file), *told)
    (tmp_path / "devices.csv").write_text(
        "device;worker;employer;team;use;connection;phone\n"
        "device-1;worker-1;Employer 1;team-1;own;intune;worker-01@org.example\n"
        "desk-1;worker-2;Employer 1;team-1;shared;;\n"
    )
    return shell


def section(told: Any, key: str) -> list[dict[str, Any]]:
    (found,) = [each for each in told["sections"] if each["key"] == key]
    rows: list[dict[str, Any]] = found["rows"]
    return rows


def test_place_check_prints_what_each_manager_can_and_what_to_mend(shell: Shell, intune: IntunePhones) -> None:
    told = shell.must("place", "check")

    answered = {(row["connection"], row["capability"]["code"]) for row in section(told, "manager_limits")}
    assert answered == {(name, each.value) for name in ("intune", "apple") for each in PhoneCapability}
    intune.trouble(Trouble.FORBIDDEN)
    status, told = shell.say("place", "check")
    assert (status, told["key"]) == (1, "managers_fail")
    broken = [row for row in section(told, "manager_trials") if row["works"]["code"] == "no"]
    assert {row["connection"] for row in broken} == {"intune"}
    assert all(row["advice"] for row in broken)


def test_a_phone_is_listed_matched_and_shown_by_its_opaque_id_alone(shell: Shell, intune: IntunePhones) -> None:
    intune.enrol("worker-01@org.example")
    shell.must("device", "import", str(shell.folder / "devices.csv"))
    refreshed = shell.must("device", "refresh")
    assert {row["connection"]: row["matched"] for row in section(refreshed, "refreshed")} == {"apple": 0, "intune": 1}

    for_it = shell.must("device", "list")
    (row,) = section(for_it, "managed_phones")
    for_officer = shell.must("--as", "privacy_officer", "device", "list")
    shown = shell.must("device", "show", row["phone"])

    assert {"worker", "device"} & set(row) == set()
    assert [(row["worker"], row["device"]) for row in section(for_officer, "managed_phones")] == [
        ("worker-1", "device-1")
    ]
    (team,) = section(for_it, "cover")
    assert (team["workers"], team["shared"], team["unmanaged"]) == (2, 1, 1)
    assert "worker-1" not in str((for_it, shown))
    assert "worker-01" not in str((for_it, for_officer, shown))
    assert len(section(shown, "ways")) == 9


def test_an_unknown_phone_and_a_faulty_list_say_what_to_do(shell: Shell) -> None:
    (shell.folder / "bad.csv").write_text("device;worker;use\nx;worker-1;mine\n")

    assert shell.say("device", "show", "nothing")[1]["key"] == "unknown_phone"
    assert shell.say("device", "import", str(shell.folder / "bad.csv"))[1]["key"] == "unknown_worker"


def test_figures_of_exchange_go_in_whatever_powershell_wrote_them_in(shell: Shell) -> None:
    text = "Mailbox,DeviceID,LastSuccessSync\nnobody@org.example,X,2025-01-01T00:00:00Z\n"
    (shell.folder / "stats.csv").write_bytes(b"\xff\xfe" + text.encode("utf-16-le"))

    told = shell.must("device", "stats", str(shell.folder / "stats.csv"), "--connection", "intune")

    assert told["key"] == "fetches_taken"


def test_a_role_without_clearance_releases_nothing(shell: Shell) -> None:
    assert shell.say("--as", "auditor", "device", "repush", "--release", "x")[1]["key"] == "not_cleared"
    assert shell.say("device", "repush", "--release", "x")[1]["key"] == "not_found"
    assert shell.must("device", "repush")["key"] == "repushes"
