"""The texts that workers sign: a file to its head and its words; no file is opened here, no clock asked.

A text is Markdown under a head between two lines of dashes. The same version in Dutch and English is one declaration in
two languages; what was signed is known by its digest.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from pydantic import Field, ValidationError

from server.core.policy.document import PolicyFault
from server.core.policy.faults import tell_form, tell_value
from server.core.policy.schema import Day, Part, Sentence, Slug
from server.core.policy.yaml_lines import read_lines
from server.core.text import phrase
from server.core.usage.declarations import TextVersion

_FENCE = "---"


class Language(StrEnum):
    """The languages a text is written in."""

    NL = "nl"
    EN = "en"


class _Head(Part):
    version: Slug
    language: Annotated[Language, Field(strict=False)]
    valid_from: Day
    obsolete_from: Day | None = None
    title: Sentence


@dataclass(frozen=True, slots=True)
class DeclarationText:
    """One version in one language. body: Markdown. digest: SHA-256 of title and body, in hex: what was signed."""

    version: TextVersion
    language: Language
    title: str
    body: str
    digest: str


@dataclass(frozen=True, slots=True)
class CheckedText:
    """What a file came to: the text, or None and all faults in the order of the file."""

    text: DeclarationText | None
    faults: tuple[PolicyFault, ...]


def check_text(text: str, file: str) -> CheckedText:
    """A declaration text from a file's words. file: base name, for faults. Nothing is raised."""
    lines = text.replace("\r\n", "\n").split("\n")
    if lines[0] != _FENCE or _FENCE not in lines[1:]:
        problem = phrase("This text has no header between two lines of dashes.")
        fix = phrase("Begin as the shipped texts do: three dashes, version, language, valid_from, title, three dashes.")
        return CheckedText(None, (PolicyFault(file, 1, "", problem, fix),))
    end = lines.index(_FENCE, 1)
    head = read_lines("\n".join(lines[1:end]))
    told = [(fault.line, tell_form(fault)) for fault in head.faults]
    content: _Head | None = None
    if head.readable:
        try:
            content = _Head.model_validate(head.value)
        except ValidationError as error:
            remarks = [tell_value(each) for each in error.errors(include_url=False)]
            told += [(head.line(remark.where), remark) for remark in remarks]
    # The head begins on the second line of the file.
    faults = [
        PolicyFault(file, 1 if line is None else line + 1, ".".join(map(str, each.where)), each.problem, each.fix)
        for line, each in told
    ]
    body = "\n".join(lines[end + 1 :]).strip() + "\n"
    if not body.strip():
        problem, fix = phrase("There is nothing to sign below the header."), phrase("Write the text below the header.")
        faults.append(PolicyFault(file, end + 1, "", problem, fix))
    faults.sort(key=lambda fault: fault.line or 0)
    if faults or content is None:
        return CheckedText(None, tuple(faults))
    version = TextVersion(content.version, content.valid_from, content.obsolete_from)
    digest = hashlib.sha256(f"{content.title}\n\n{body}".encode()).hexdigest()
    return CheckedText(DeclarationText(version, content.language, content.title, body, digest), ())


def incomplete(texts: Iterable[DeclarationText]) -> frozenset[str]:
    """The versions that lack a language, have one twice, or give different days in their languages."""
    by_version: dict[str, list[DeclarationText]] = {}
    for text in texts:
        by_version.setdefault(text.version.version, []).append(text)
    return frozenset(
        version
        for version, each in by_version.items()
        if sorted(text.language for text in each) != sorted(Language) or len({text.version for text in each}) > 1
    )
