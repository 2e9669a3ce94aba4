"""The mapping of other people's requirements to our reports: text to data; opens no file, judges nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Annotated

from pydantic import Field, ValidationError

from server.core.policy.schema import Part, Slug
from server.core.policy.yaml_lines import read_lines
from server.core.reports.document import Report
from server.core.tables import Column, Kind, Section
from server.core.text import Text, phrase

KEY = "controls"
"""The annex by its key."""


class Basis(StrEnum):
    """On what a mapping rests."""

    READ = "read"
    """The text of the requirement was read."""
    NUMBERING = "numbering"
    """Its numbering follows that of ISO/IEC 27002:2022; its own text was not read."""
    TITLE = "title"
    """Only what it is about is known; its text was not read."""


class _Framework(Part):
    name: str = Field(min_length=1, max_length=40)
    title: str = Field(min_length=1, max_length=120)
    source: str = Field(pattern="^https://")


class _Control(Part):
    framework: Slug
    clause: str = Field(min_length=1, max_length=20)
    basis: Annotated[Basis, Field(strict=False)]
    asks: str
    shows: str
    reports: list[Slug] = Field(min_length=1)


class _File(Part):
    version: Slug
    frameworks: dict[Slug, _Framework]
    controls: list[_Control]


@dataclass(frozen=True, slots=True)
class Control:
    """One requirement: what it asks for, what of ours touches it, in which reports, and where it can be read."""

    framework: str
    clause: str
    basis: Basis
    asks: Text
    shows: Text
    source: str
    reports: frozenset[str]


@dataclass(frozen=True, slots=True)
class Controls:
    """The whole mapping. version: "" if there is none."""

    version: str = ""
    controls: tuple[Control, ...] = ()


def read_controls(text: str) -> Controls | None:
    """The mapping from its text; None if it is not valid."""
    lines = read_lines(text)
    if lines.faults or not lines.readable:
        return None
    try:
        content = _File.model_validate(lines.value)
        return Controls(content.version, tuple(_control(each, content) for each in content.controls))
    except (ValidationError, KeyError):
        return None


def _control(each: _Control, content: _File) -> Control:
    framework = content.frameworks[each.framework]
    return Control(
        f"{framework.name} ({framework.title})" if framework.title != framework.name else framework.name,
        each.clause,
        each.basis,
        _sentence(each.asks),
        _sentence(each.shows),
        framework.source,
        frozenset(each.reports),
    )


def _sentence(message: str) -> Text:
    return Text(message)


def with_annex(report: Report, controls: Controls) -> Report:
    """The report with the requirements that touch it as its last section; as it is if none does."""
    ours = [each for each in controls.controls if report.key in each.reports]
    return replace(report, sections=(*report.sections, _annex(controls, ours))) if ours else report


def without_annex(report: Report) -> tuple[Section, ...]:
    """The sections of a report that stands within another one, which has an annex of its own."""
    return tuple(section for section in report.sections if section.key != KEY)


def _annex(controls: Controls, ours: Sequence[Control]) -> Section:
    return Section(
        key=KEY,
        heading=phrase("Annex: requirements that this report touches"),
        paragraphs=(
            phrase(
                "A line says where a requirement and this report touch. It does not say that the requirement is met: "
                "that is for the organisation to judge."
            ),
        ),
        columns=(
            Column("framework", phrase("Requirement of")),
            Column("clause", phrase("Number")),
            Column("asks", phrase("What it asks for")),
            Column("shows", phrase("What this report shows of it")),
            Column("basis", phrase("What the line rests on"), Kind.CODE),
            Column("source", phrase("Where to read it")),
        ),
        rows=tuple((each.framework, each.clause, each.asks, each.shows, each.basis, each.source) for each in ours),
        notes=(phrase("Version of this list: {version}.", version=controls.version),),
    )
