"""YAML 1.2 text to plain values that remember their lines; no file is opened and no key has a meaning here.

Stricter than YAML asks: every repeated key is told, tags are refused, and only the words of the YAML 1.2 core schema
become anything but text. `NO`, `off`, `22:30` and `2026-03-01` stay what was written; YAML 1.1 would have made them
false, false, 1350 and a date.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, TypeAlias

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

MAX_CHARACTERS = 128 * 1024
"""No file of ours comes near this (the longest shipped one has 20,000); what is larger is something else."""
_MAX_NODES = 8_000
_MAX_DEPTH = 40

Path: TypeAlias = tuple[str | int, ...]
"""The keys that lead to a place in the text; places in a list count from 0."""


class Unsound(StrEnum):
    """What can be wrong with a text before anybody asks what its keys mean."""

    NOT_YAML = "not_yaml"
    """Cannot be read at all; `detail` says why, in the parser's words."""
    NOT_KEYS = "not_keys"
    """Does not begin with `key: value` lines (an empty text included)."""
    TOO_LARGE = "too_large"
    """Too long, too deep, or aliases that repeat without end."""
    TWICE = "twice"
    """A key stands twice under one parent; the first is the one that is read."""
    TAG = "tag"
    """A tag such as `!something`, or a key that is no text."""


@dataclass(frozen=True, slots=True)
class YamlFault:
    """One thing wrong. line: from 1, None for the text as a whole. first: of a repeated key, the line it repeats."""

    kind: Unsound
    line: int | None
    where: Path = ()
    detail: str = ""
    first: int | None = None


@dataclass(frozen=True, slots=True)
class Lines:
    """A text as plain dicts, lists, strings, numbers, booleans and None, with all that is wrong with its form.

    value: an empty dict if the text could not be read.
    """

    value: dict[str, Any]
    faults: tuple[YamlFault, ...]
    _lines: Mapping[Path, int]

    @property
    def readable(self) -> bool:
        """Whether there is anything to look into."""
        return not any(fault.kind in _HOPELESS for fault in self.faults)

    def line(self, where: Iterable[str | int]) -> int | None:
        """The line of that key or list item, or of the nearest above it; None: nothing of it stands in the text."""
        path = tuple(where)
        for length in range(len(path), 0, -1):
            found = self._lines.get(path[:length])
            if found is not None:
                return found
        return None


_HOPELESS = frozenset({Unsound.NOT_YAML, Unsound.NOT_KEYS, Unsound.TOO_LARGE})


def read_lines(text: str) -> Lines:
    """Reads one YAML document. Whatever is wrong is in `faults`; nothing is raised."""
    if len(text) > MAX_CHARACTERS:
        return _hopeless(YamlFault(Unsound.TOO_LARGE, None))
    root = _compose(text)
    if isinstance(root, YamlFault):
        return _hopeless(root)
    if not isinstance(root, MappingNode):
        return _hopeless(YamlFault(Unsound.NOT_KEYS, 1))
    reading = _Reading({}, [])
    try:
        value = reading.mapping(root, ())
    except _TooLarge:
        return _hopeless(YamlFault(Unsound.TOO_LARGE, 1))
    return Lines(value, tuple(sorted(reading.faults, key=lambda fault: fault.line or 0)), reading.lines)


@lru_cache(maxsize=32)
def _compose(text: str) -> Node | YamlFault | None:
    # Kept for the next time: the same few files are read for every page and every round, and nobody changes a node.
    yaml = YAML(typ="safe", pure=True)
    yaml.Composer = _BoundedComposer
    yaml.composer.warn_double_anchors = False
    try:
        node: Node | None = yaml.compose(text)
    except _TooLarge:
        return YamlFault(Unsound.TOO_LARGE, 1)
    except MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        problem = (error.problem or "cannot be read").split("\n", 1)[0]
        # What is never closed is noticed after the last line; the last line is where people look.
        line = None if mark is None else min(mark.line + 1, len(text.splitlines()))
        return YamlFault(Unsound.NOT_YAML, line, detail=problem)
    except YAMLError as error:
        return YamlFault(Unsound.NOT_YAML, None, detail=str(error).split("\n", 1)[0])
    except (ValueError, RecursionError):
        return YamlFault(Unsound.NOT_YAML, None, detail="cannot be read")
    return node


def _hopeless(fault: YamlFault) -> Lines:
    return Lines({}, (fault,), {})


class _TooLarge(Exception):
    """More nodes, or more of them within each other, than any file of ours has."""


class _BoundedComposer(Composer):
    """The library's, which gives up while it reads: whole, a text of brackets alone takes it many seconds."""

    _count = 0
    _depth = 0

    def compose_node(self, parent: Node | None, index: Any) -> Any:
        self._count += 1
        self._depth += 1
        if self._count > _MAX_NODES or self._depth > _MAX_DEPTH:
            raise _TooLarge
        try:
            return super().compose_node(parent, index)
        finally:
            self._depth -= 1


@dataclass(slots=True)
class _Reading:
    """Nodes to values; an alias is followed each time it is used, so the count sees what it comes to."""

    lines: dict[Path, int]
    faults: list[YamlFault]
    count: int = 0

    def value(self, node: Node, where: Path) -> Any:
        self.count += 1
        if self.count > _MAX_NODES or len(where) > _MAX_DEPTH:
            raise _TooLarge
        if isinstance(node, MappingNode):
            return self.mapping(node, where)
        if isinstance(node, SequenceNode):
            self._check_tag(node, where, "seq")
            return [self._item(each, (*where, at)) for at, each in enumerate(node.value)]
        return self._scalar(node, where)

    def mapping(self, node: MappingNode, where: Path) -> dict[str, Any]:
        self._check_tag(node, where, "map")
        found: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            if not isinstance(key_node, ScalarNode) or not _is_core(key_node):
                self.faults.append(YamlFault(Unsound.TAG, line, where))
                continue
            # Keys are text whatever they look like: `1:`, `yes:` and `"yes":` are the keys 1, yes and yes.
            key, place = str(key_node.value), (*where, str(key_node.value))
            if key in found:
                self.faults.append(YamlFault(Unsound.TWICE, line, place, key, self.lines[place]))
                continue
            self.lines[place] = line
            found[key] = self.value(value_node, place)
        return found

    def _item(self, node: Node, where: Path) -> Any:
        self.lines[where] = node.start_mark.line + 1
        return self.value(node, where)

    def _scalar(self, node: Node, where: Path) -> Any:
        self._check_tag(node, where, *_SCALARS)
        text = str(node.value)
        # Quotes make it text. What else the parser made of a bare word (a date, a merge) does not interest us.
        if _kind(node) != "str":
            for pattern, make in _BARE:
                if pattern.fullmatch(text):
                    return make(text)
        return text

    def _check_tag(self, node: Node, where: Path, *kinds: str) -> None:
        if _kind(node) not in kinds:
            self.faults.append(YamlFault(Unsound.TAG, node.start_mark.line + 1, where))


_CORE = "tag:yaml.org,2002:"
_SCALARS = ("str", "null", "bool", "int", "float", "timestamp", "merge", "value")
"""What the parser may guess of a bare word; `binary`, `set` and the like only ever come from a tag."""


def _kind(node: Node) -> str:
    return str(node.tag).removeprefix(_CORE)


def _is_core(node: Node) -> bool:
    return _kind(node) in _SCALARS


_BARE: tuple[tuple[re.Pattern[str], Callable[[str], Any]], ...] = (
    (re.compile(r"~|null|Null|NULL|"), lambda _text: None),
    (re.compile(r"true|True|TRUE"), lambda _text: True),
    (re.compile(r"false|False|FALSE"), lambda _text: False),
    (re.compile(r"[-+]?[0-9]{1,18}"), int),
    (re.compile(r"[-+]?(\.[0-9]{1,18}|[0-9]{1,18}(\.[0-9]{0,18})?)([eE][-+]?[0-9]{1,2})?"), float),
)
"""The YAML 1.2 core schema (10.3.2) without octal, hexadecimal, infinity and not-a-number, which nobody means here."""
