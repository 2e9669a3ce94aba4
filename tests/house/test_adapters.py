"""The page of the adapters says of each vendor what its code says; run as a module, this writes it anew."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from mdm_adapters import jamf, nanomdm, registry
from mdm_adapters.http import Connection
from mdm_adapters.phones import PhoneCapability
from mdm_adapters.port import Answer, Capability, Support

PAGE = Path(__file__).parents[2] / "mdm_adapters" / "README.md"
BEGIN, END = "<!-- what each vendor can: written by the tests -->", "<!-- end -->"
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


def answers() -> tuple[dict[str, Mapping[Capability, Answer]], dict[str, Mapping[PhoneCapability, Answer]]]:
    """What every vendor in the registry says, stores and managers of phones."""
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
        *_table("stores of contacts", list(Capability), stores, reasons),
        "",
        *_table("managers of phones", list(PhoneCapability), managers, reasons),
        "",
        *(f"{number}. {because}" for because, number in reasons.items()),
    ]
    return "\n".join(lines)


def _table(
    what: str, rows: Sequence[str], vendors: Mapping[str, Mapping[str, Answer]], reasons: dict[str, int]
) -> list[str]:
    def cell(answer: Answer) -> str:
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


def test_every_vendor_of_the_registry_stands_in_the_page_with_its_options() -> None:
    text = PAGE.read_text(encoding="utf-8")
    vendors = {*registry.STORES, *registry.MDMS}
    named = {name for name in vendors if f"### {name}\n" in text}
    options = {f"`{each}`" for each in (*nanomdm.OPTIONS, *jamf.OPTIONS)}

    assert named == vendors
    assert {each for each in options if each not in text} == set()


@pytest.mark.parametrize("capability", [*Capability, *PhoneCapability])
def test_every_capability_of_the_port_stands_in_the_page(capability: str) -> None:
    assert re.search(rf"^\| {capability} \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


if __name__ == "__main__":
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n\n{written()}\n\n{END}{rest.partition(END)[2]}", encoding="utf-8")
