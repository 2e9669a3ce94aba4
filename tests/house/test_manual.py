"""The manual says what the program has: settings, commands, rooms."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest
from babel.messages.pofile import read_po

from server.cli.commands import closeout
from server.cli.lazy import LazyGroup
from server.core.removal.finding_terms import PUT_OFF_AT_ALL, PUT_OFF_AT_ONCE, WITHIN
from server.settings import MANUAL, PREFIX, Settings

ROOT = Path(__file__).parents[2]


def test_every_setting_has_a_meaning_and_stands_in_the_reference() -> None:
    assert set(MANUAL) == {field.name for field in fields(Settings)}
    reference = (ROOT / "deploy" / "REFERENCE.md").read_text(encoding="utf-8")
    rows = {f"| `{PREFIX}{name.upper()}` | {meaning} |" for name, meaning in MANUAL.items()}
    assert {row for row in rows if row not in reference} == set()


def test_every_command_has_help() -> None:
    silent = [name for name, command in _commands("closeout", closeout) if not command.help]
    assert silent == []


def test_every_room_of_the_server_stands_in_the_house_page() -> None:
    page = (ROOT / "server" / "README.md").read_text(encoding="utf-8")
    rooms = [path.name for path in (ROOT / "server").iterdir() if path.is_dir() and path.name not in _NO_ROOMS]
    assert [room for room in rooms if f"`{room}/`" not in page] == []


_NO_ROOMS = frozenset({"__pycache__", "translations"})


def _commands(name, command):
    yield name, command
    for child_name, child in command.load_all().items() if isinstance(command, LazyGroup) else ():
        yield from _commands(f"{name} {child_name}", child)


FOLDERS = ("", "server", "agent_policies", "mdm_adapters", "deploy", "deploy/manual")
MANUALS = [file for folder in FOLDERS for file in sorted((ROOT / folder).glob("*.md")) if file.name != "CHANGELOG.md"]
SPAN = re.compile(r"`(?:[A-Z_]+=\S+ )?closeout\s+((?:[^`]|\n)+)`")
"""A command in running text, its line breaks included."""


@pytest.mark.parametrize("manual", MANUALS, ids=[str(each.relative_to(ROOT)) for each in MANUALS])
def test_the_commands_and_options_that_a_manual_names_are_there(manual: Path) -> None:
    assert [said for said in SPAN.findall(manual.read_text(encoding="utf-8")) if not _is_there(said)] == []


def _is_there(said: str) -> bool:
    """Whether there is this command with these options. A word in capitals, as COMMAND, stands for any."""
    known = dict(_commands("closeout", closeout))
    words = said.replace("\n", " ").split()
    asked = {word.partition("=")[0].strip(".,;:()[]") for word in words if word.startswith("--")}
    for each in closeout.params:
        for name in asked & {*each.opts}:
            at = words.index(name)
            del words[at : at + (1 if each.is_flag else 2)]
    names = ["closeout"]
    while words and " ".join([*names, words[0]]) in known:
        names.append(words.pop(0))
    name = " ".join(names)
    stands_for_any = bool(words) and words[0].isupper()
    meant = [command for each, command in known.items() if each == name or (stands_for_any and each.startswith(name))]
    options = {"--help"} | {
        name for command in (*meant, closeout) for each in command.params for name in (*each.opts, *each.secondary_opts)
    }
    whole = not isinstance(known[name], LazyGroup) or not words or stands_for_any
    return whole and asked <= options


@pytest.mark.parametrize("name", ["privacy-officer.md", "privacy-officer.nl.md"])
def test_the_terms_of_findings_stand_in_the_manual(name: str) -> None:
    text = (ROOT / "deploy" / "manual" / name).read_text(encoding="utf-8")
    assert [int(each) for each in re.findall(r"^\| [^|]* \| (\d+) \|$", text, re.MULTILINE)] == sorted(
        set(WITHIN.values())
    )
    for days in (PUT_OFF_AT_ONCE, PUT_OFF_AT_ALL):
        assert re.search(rf"\b{days}\b|\b{days}(?:th|e)\b", text)


READERS = sorted((ROOT / "deploy" / "manual").glob("*.md"))
NEITHER = {"engineer"}
"""Read English."""


def test_each_reader_has_a_manual_in_both_languages_that_names_the_same_commands() -> None:
    names = {each.name.partition(".")[0] for each in READERS}
    for name in names - NEITHER:
        english, dutch = (
            (ROOT / "deploy" / "manual" / f"{name}{end}.md").read_text(encoding="utf-8") for end in ("", ".nl")
        )
        assert english.count("\n## ") == dutch.count("\n## "), name
        in_english, in_dutch = ([_names_alone(each) for each in SPAN.findall(text)] for text in (english, dutch))
        assert in_english == in_dutch, name


def _names_alone(said: str) -> str:
    """A command without what stands for a value, which each language names in its own words."""
    return " ".join(word for word in said.split() if not word.isupper())


@pytest.mark.parametrize("manual", READERS, ids=[each.name for each in READERS])
def test_what_a_manual_says_of_the_pages_stands_on_them(manual: Path) -> None:
    """In italics with a capital: a page, a button, a heading. Whoever renames one mends the manuals."""
    language = "nl" if manual.name.endswith(".nl.md") else "en"
    with (ROOT / "server/translations/nl/LC_MESSAGES/closeout.po").open("rb") as file:
        found = [message.string if language == "nl" else message.id for message in read_po(file)]
    sentences = {text for each in found for text in ((each,) if isinstance(each, str) else each)}
    named = set(re.findall(r"(?<!\*)\*([A-Z][^*]+)\*(?!\*)", manual.read_text(encoding="utf-8")))
    assert {" ".join(each.split()) for each in named if not _begins(sentences, " ".join(each.split()))} == set()


def _begins(sentences: set[str], named: str) -> bool:
    return any(each == named or each.startswith(f"{named} {{") for each in sentences)


LINK = re.compile(r"\]\(([^)\s]+)\)")


@pytest.mark.parametrize("manual", MANUALS, ids=[str(each.relative_to(ROOT)) for each in MANUALS])
def test_what_a_manual_links_to_is_there(manual: Path) -> None:
    links = [each for each in LINK.findall(manual.read_text(encoding="utf-8")) if "://" not in each]
    assert [each for each in links if not _leads_somewhere(manual, *each.partition("#")[::2])] == []


def _leads_somewhere(manual: Path, path: str, heading: str) -> bool:
    """Whether the file is there, and the heading in it."""
    file = manual.parent / path if path else manual
    if not heading:
        return file.exists()
    headings = re.findall(r"^#+ (.+)$", file.read_text(encoding="utf-8"), re.MULTILINE) if file.is_file() else []
    return heading in {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}
