"""What is installed is locked: every dependency has a version in its range and hashes, and no place to get it from."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
LOCKS = {
    "requirements.lock": ("scale",),
    "requirements-demo.lock": ("demo",),
    "requirements-dev.lock": ("demo", "scale", "dev"),
}
PINNED = re.compile(r"^([A-Za-z0-9._-]+)==([^ \\;]+)([^\\]*)\\?$")


def pins(name: str) -> dict[str, set[Version]]:
    """Locked versions by package; more than one where they differ by Python version."""
    found: dict[str, set[Version]] = {}
    for line in (ROOT / name).read_text().splitlines():
        if pinned := PINNED.match(line):
            found.setdefault(canonicalize_name(pinned[1]), set()).add(Version(pinned[2]))
    return found


def wanted(extras: tuple[str, ...]) -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = project["dependencies"] + [line for extra in extras for line in project["optional-dependencies"][extra]]
    return [requirement for requirement in map(Requirement, lines) if requirement.name != "closeout"]


@pytest.mark.parametrize("name", LOCKS)
def test_every_dependency_is_locked_within_its_range(name):
    locked = pins(name)
    assert {
        str(requirement): versions
        for requirement in wanted(LOCKS[name])
        if not (versions := locked.get(canonicalize_name(requirement.name), set()))
        or not all(version in requirement.specifier for version in versions)
    } == {}


@pytest.mark.parametrize("name", LOCKS)
def test_every_locked_version_has_hashes_and_no_address(name):
    text = (ROOT / name).read_text()
    blocks = re.split(r"(?m)^(?=[A-Za-z0-9])", text)
    assert [block.split("\n")[0] for block in blocks if block.strip() and "--hash=sha256:" not in block] == []
    assert "://" not in text
    assert "--index-url" not in text


def test_what_a_server_runs_is_what_was_tested():
    tested = pins("requirements-dev.lock")
    assert {
        name: versions for name, versions in pins("requirements.lock").items() if tested.get(name) != versions
    } == {}


# The newest advisory known for what we build on, by the version that mends it: a floor below it would let it in.
ADVISORIES = {
    "authlib": ("1.6.9", "CVE-2026-27962: a token's own key was believed"),
    "cryptography": ("46.0.5", "CVE-2026-26007: points outside the subgroup of a curve"),
    "flask": ("3.1.3", "CVE-2026-27205: pages of one session kept for another by a proxy"),
    "jinja2": ("3.1.6", "CVE-2025-27516: out of the sandbox"),
    "joserfc": ("1.6.3", "CVE-2026-27932: a count of rounds without a limit"),
    "requests": ("2.32.4", "CVE-2024-47081: a password of a netrc sent to another host"),
    "waitress": ("3.0.1", "CVE-2024-49769: a closed connection that keeps a thread busy"),
}


@pytest.mark.parametrize("package", ADVISORIES)
def test_no_version_with_a_known_weakness_is_allowed(package):
    mended = Version(ADVISORIES[package][0])
    (allowed,) = [each.specifier for each in wanted(()) if canonicalize_name(each.name) == package]
    floors = [Version(each.version) for each in allowed if each.operator == ">="]
    assert floors
    assert max(floors) >= mended
