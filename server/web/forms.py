"""Reads what a form sent, field by field, and says of each fault what to do; knows no page and stores nothing."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from werkzeug.datastructures import MultiDict

from server.core.text import Text, phrase
from server.web.dates import read_day

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029\ufeff]")
_LINES = re.compile("[\r\n\t]")


class InputKind(StrEnum):
    """What a field looks like."""

    LINE = "text"
    AREA = "textarea"
    DAY = "date"
    CHOICE = "select"
    SECRET = "password"  # noqa: S105 - a kind of field
    LINK = "url"
    HIDDEN = "hidden"
    FILE = "file"
    TICK = "checkbox"


@dataclass(frozen=True, slots=True)
class Choice:
    """One of the values of a field. label: a sentence of ours, or data as it is."""

    value: str
    label: Text | str


@dataclass(frozen=True, slots=True)
class Input:
    """One field of a form. longest: in characters. hint: what to fill in, said above the field. complete: the browser's
    word for what it may fill in by itself (WCAG 1.3.5). example: a value as it may look, said with the hint. seldom:
    few need it, so it is kept apart. A FILE is read by whoever asked for it: it is no text.
    """

    name: str
    label: Text
    control: InputKind = InputKind.LINE
    required: bool = True
    longest: int = 200
    hint: Text | None = None
    choices: tuple[Choice, ...] = ()
    complete: str = "off"
    example: str = ""
    seldom: bool = False
    instead: bool = False
    """It, or the one beside it: neither is called optional."""
    held: str = ""
    """What it holds when the page is opened."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A form as it was sent. values: by name, trimmed; days: of the fields that hold one. faults: by name."""

    values: Mapping[str, str]
    days: Mapping[str, date] = field(default_factory=dict)
    faults: Mapping[str, Text] = field(default_factory=dict)

    @property
    def sound(self) -> bool:
        """Whether nothing is wrong with it."""
        return not self.faults

    def with_fault(self, name: str, fault: Text) -> Filled:
        """The same with one more fault, which only the act could see."""
        return Filled(self.values, self.days, {**self.faults, name: fault})


EMPTY = Filled({})


def read_form(form: MultiDict[str, str], inputs: Sequence[Input]) -> Filled:
    """What was sent, with every fault at once; what a fault stands beside is kept as it was typed."""
    values: dict[str, str] = {}
    days: dict[str, date] = {}
    faults: dict[str, Text] = {}
    for each in inputs:
        if each.control is InputKind.FILE:
            continue
        text = form.get(each.name, "")
        if each.control is not InputKind.SECRET:
            text = text.strip()
        values[each.name] = text[: each.longest * 2]
        fault = _fault(each, text)
        if fault is None and each.control is InputKind.DAY and text:
            if (day := read_day(text)) is None:
                fault = phrase("Write a day that there is as day, month and year, such as 31/12/2026.")
            else:
                days[each.name] = day
        if fault is not None:
            faults[each.name] = fault
    return Filled(values, days, faults)


def missing(label: Text) -> Text:
    """What is said of a field that may not be empty, by its name: at the field and above the form in the same words."""
    return phrase("Fill in “{field}”.", field=label)


def _fault(each: Input, text: str) -> Text | None:
    if not text:
        return missing(each.label) if each.required else None
    if len(text) > each.longest:
        return phrase("This is too long: at most {most} characters.", most=each.longest)
    if _CONTROL.search(text) or (each.control is not InputKind.AREA and _LINES.search(text)):
        return phrase("This holds characters that cannot be seen. Type it instead of pasting it.")
    if each.control is InputKind.CHOICE and text not in {choice.value for choice in each.choices}:
        return phrase("Choose one of the values in the list.")
    return None
