"""The page of the adapters says of each vendor what its code says; run as a module, this writes it anew."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from mdm_adapters import registry
from mdm_adapters.http import Connection
from mdm_adapters.options import ConnectionKind, OptionKind, Sort
from mdm_adapters.phones import PhoneCapability
from mdm_adapters.port import Capability, CapabilityAnswer, Support
from server.app import KINDS

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "mdm_adapters" / "README.md"
FEEDS_PAGE = ROOT / "agent_policies" / "README.md"
BEGIN, END = "<!-- what each vendor can: written by the tests -->", "<!-- end -->"
FIELDS = "<!-- fields of {name}: written by the tests -->"
COMMAND = "python -m tests.house.test_adapters"

MICROSOFT = {"tenant": "t", "client_id": "c"}
OPTIONS: Mapping[str, Mapping[str, str]] = {
    "graph": MICROSOFT,
    "intune": {**MICROSOFT, "group": "00000000-0000-4000-8000-000000000001"},
    "jamf": {"account_group": "1", "protection_group": "2", "events_header": "X-Key", "events_key_file": "KEY"},
    "nanomdm": {"events_key_file": "KEY", "ddm_url": "https://ddm.example/", "ddm_key_file": "KEY"},
}
"""A connection of each vendor with all that raises what it can."""


def connection_of(vendor: str, folder: Path) -> Connection:
    key = folder / "key"
    key.write_text("key")
    options = {name: str(key) if value == "KEY" else value for name, value in OPTIONS.get(vendor, {}).items()}
    return Connection(f"https://{vendor}.example", "login", "secret", options=options)


def answers() -> tuple[
    dict[str, Mapping[Capability, CapabilityAnswer]], dict[str, Mapping[PhoneCapability, CapabilityAnswer]]
]:
    """What every vendor in the registry says, stores and MDM systems."""
    with TemporaryDirectory() as folder:
        where = Path(folder)
        stores = {name: make(connection_of(name, where)).capabilities() for name, make in registry.STORES.items()}
        managers = {name: make(connection_of(name, where)).capabilities() for name, make in registry.MDMS.items()}
    return stores, managers


def written() -> str:
    """Both tables and the reasons under them, as they should stand in the page."""
    stores, managers = answers()
    reasons: dict[str, int] = {}
    lines = [
        *_table("contact servers", list(Capability), stores, reasons),
        "",
        *_table("MDM systems", list(PhoneCapability), managers, reasons),
        "",
        *(f"{number}. {because}" for because, number in reasons.items()),
    ]
    return "\n".join(lines)


def _table(
    what: str, rows: Sequence[str], vendors: Mapping[str, Mapping[str, CapabilityAnswer]], reasons: dict[str, int]
) -> list[str]:
    def cell(answer: CapabilityAnswer) -> str:
        if answer.support is Support.YES:
            return "yes"
        return f"{answer.support.value} ({reasons.setdefault(answer.because, len(reasons) + 1)})"

    return [
        f"| {what} | {' | '.join(vendors)} |",
        f"|---{'|---' * len(vendors)}|",
        *(f"| {row} | {' | '.join(cell(each[row]) for each in vendors.values())} |" for row in rows),
    ]


def test_the_page_says_of_each_vendor_what_its_code_says() -> None:
    text = PAGE.read_text(encoding="utf-8")
    found = text.partition(BEGIN)[2].partition(END)[0].strip()

    assert found == written().strip(), f"write it anew with: {COMMAND}"


HOLDS = {
    OptionKind.LINE: "text",
    OptionKind.NUMBER: "number",
    OptionKind.LINK: "https address",
    OptionKind.CHOICE: "one of",
    OptionKind.LIST: "several, by commas",
    OptionKind.KEY: "file with a secret",
    OptionKind.PEM: "file with a certificate",
    OptionKind.PATH: "file on this machine",
}


def written_fields(kind: ConnectionKind) -> str:
    """What a connection of that kind says, and what to allow there, as its declaration has it."""
    lines = ["| field | means | holds | if left empty |", "|---|---|---|---|"]
    for each in kind.fields:
        values = " ".join(f"`{choice.value}`" for choice in each.choices) or (
            f"`{each.example}`" if each.example else ""
        )
        empty = "needed" if each.required else f"`{each.default}`" if each.default else ""
        lines.append(
            f"| `{each.name}` | {each.label}. {each.explains} | {f'{HOLDS[each.kind]} {values}'.strip()} | {empty} |"
        )
    if kind.grants:
        lines += ["", "| to allow there | what for |", "|---|---|"]
        lines += [f"| {each.name} | {each.why} |" for each in kind.grants]
    return "\n".join(lines)


def page_of(kind: ConnectionKind) -> Path:
    return FEEDS_PAGE if kind.sort is Sort.FEED else PAGE


@pytest.mark.parametrize("name", KINDS)
def test_the_manual_says_of_each_field_what_its_declaration_says(name: str) -> None:
    text = page_of(KINDS[name]).read_text(encoding="utf-8")
    found = text.partition(FIELDS.format(name=name))[2].partition(END)[0].strip()

    assert found == written_fields(KINDS[name]), f"write it anew with: {COMMAND}"


def test_every_vendor_of_the_registry_stands_in_the_page_and_declares_its_fields() -> None:
    text = PAGE.read_text(encoding="utf-8")
    vendors = {*registry.STORES, *registry.MDMS}

    assert {name for name in vendors if f"### {name}\n" in text} == vendors == set(registry.KINDS)
    assert {name: kind.sort for name, kind in registry.KINDS.items()} == (
        dict.fromkeys(registry.STORES, Sort.STORE) | dict.fromkeys(registry.MDMS, Sort.MANAGER)
    )


@pytest.mark.parametrize("capability", [*Capability, *PhoneCapability])
def test_every_capability_of_the_port_stands_in_the_page(capability: str) -> None:
    assert re.search(rf"^\| {capability} \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


def _write(page: Path, begin: str, text: str) -> None:
    before, found, rest = page.read_text(encoding="utf-8").partition(begin)
    assert found, f"{page.name} has no {begin}"
    page.write_text(f"{before}{begin}\n\n{text}\n\n{END}{rest.partition(END)[2]}", encoding="utf-8")


if __name__ == "__main__":
    _write(PAGE, BEGIN, written())
    for kind in KINDS.values():
        _write(page_of(kind), FIELDS.format(name=kind.name), written_fields(kind))
