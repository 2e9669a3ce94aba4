"""Which witnesses a log has, and how many are enough: a file in the format of c2sp.org/tlog-policy; nobody is asked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from enum import StrEnum

from server.core.log.checkpoints import parse_verifier_key
from server.core.log.cosignatures import WitnessKey, parse_witness_key

NOBODY = "none"
"""The quorum that needs no cosignature."""
_BLANK = re.compile(r"[ \t]+")
_MOST_LINES = 1_000
_NUMBER = re.compile(r"[1-9][0-9]{0,3}")


class WitnessPolicyFault(StrEnum):
    """Why a line of the file is none, or the file is not whole."""

    NOT_TEXT = "not_text"
    UNKNOWN_LINE = "unknown_line"
    BAD_KEY = "bad_key"
    """It is no verifier key of the type that stands here: of a log, or of a witness."""
    TWICE = "twice"
    """A name, a key or the quorum stands there already."""
    UNKNOWN_NAME = "unknown_name"
    """A name that no line before it defines, or that is a member already."""
    BAD_NUMBER = "bad_number"
    NO_QUORUM = "no_quorum"
    TOO_LONG = "too_long"


class BadWitnessPolicy(ValueError):
    """The file is not valid: `fault` says why, `line` where (from 1)."""

    def __init__(self, fault: WitnessPolicyFault, line: int) -> None:
        super().__init__(f"line {line}: {fault.value}")
        self.fault = fault
        self.line = line


@dataclass(frozen=True, slots=True)
class LogWitness:
    """A witness of the log. name: in this file alone. url: where it takes heads; empty: it is not asked."""

    name: str
    key: WitnessKey
    url: str = ""


@dataclass(frozen=True, slots=True)
class WitnessGroup:
    """Is met where so many of its members are."""

    needed: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WitnessPolicy:
    """logs: public key and name of each; none: known from elsewhere. quorum: a witness, a group or `NOBODY`.

    Members of a group stand before it, so that groups are counted in the order in which they stand.
    """

    witnesses: tuple[LogWitness, ...] = ()
    groups: Mapping[str, WitnessGroup] = field(default_factory=dict)
    quorum: str = NOBODY
    logs: tuple[tuple[bytes, str], ...] = ()

    def is_met(self, cosigned: AbstractSet[WitnessKey]) -> bool:
        """Whether these witnesses are enough."""
        if self.quorum == NOBODY:
            return True
        met = {each.name for each in self.witnesses if each.key in cosigned}
        for name, group in self.groups.items():
            if sum(member in met for member in group.members) >= group.needed:
                met.add(name)
        return self.quorum in met


def read_witness_policy(text: str) -> WitnessPolicy:
    """The policy in a file's text; BadWitnessPolicy with the first fault."""
    reader = _Reader()
    lines = text.split("\n")
    if len(lines) > _MOST_LINES:
        raise BadWitnessPolicy(WitnessPolicyFault.TOO_LONG, _MOST_LINES)
    for number, line in enumerate(lines, 1):
        if any((sign < " " and sign != "\t") or sign == "\x7f" for sign in line):
            raise BadWitnessPolicy(WitnessPolicyFault.NOT_TEXT, number)
        words = _BLANK.split(line.strip(" \t"))
        if words[0] and not words[0].startswith("#"):
            try:
                reader.take(words)
            except BadWitnessPolicy as bad:
                raise BadWitnessPolicy(bad.fault, number) from None
    if reader.quorum is None:
        raise BadWitnessPolicy(WitnessPolicyFault.NO_QUORUM, len(lines))
    return WitnessPolicy(tuple(reader.witnesses), reader.groups, reader.quorum, tuple(reader.logs))


class _Reader:
    """What the lines so far have defined."""

    def __init__(self) -> None:
        self.witnesses: list[LogWitness] = []
        self.groups: dict[str, WitnessGroup] = {}
        self.logs: list[tuple[bytes, str]] = []
        self.quorum: str | None = None
        self._names = {NOBODY}
        self._members: set[str] = set()

    def take(self, words: list[str]) -> None:
        """One line; BadWitnessPolicy, whose line its caller knows."""
        match words:
            case ["log", key, *url] if len(url) <= 1:
                self._take_log(key)
            case ["witness", name, key, *url] if len(url) <= 1:
                self._take_witness(name, key, "".join(url))
            case ["group", name, needed, member, *more]:
                self._take_group(name, needed, (member, *more))
            case ["quorum", name]:
                self._take_quorum(name)
            case _:
                raise BadWitnessPolicy(WitnessPolicyFault.UNKNOWN_LINE, 0)

    def _take_log(self, text: str) -> None:
        try:
            key = parse_verifier_key(text)
        except ValueError:
            raise BadWitnessPolicy(WitnessPolicyFault.BAD_KEY, 0) from None
        if any(key[0] == other for other, _ in self.logs):
            raise BadWitnessPolicy(WitnessPolicyFault.TWICE, 0)
        self.logs.append(key)

    def _take_witness(self, name: str, text: str, url: str) -> None:
        try:
            key = parse_witness_key(text)
        except ValueError:
            raise BadWitnessPolicy(WitnessPolicyFault.BAD_KEY, 0) from None
        if any(key.public == other.key.public for other in self.witnesses):
            raise BadWitnessPolicy(WitnessPolicyFault.TWICE, 0)
        self._define(name)
        self.witnesses.append(LogWitness(name, key, url))

    def _take_group(self, name: str, needed: str, members: tuple[str, ...]) -> None:
        if not {*members} <= self._names - {NOBODY} - self._members or len({*members}) != len(members):
            raise BadWitnessPolicy(WitnessPolicyFault.UNKNOWN_NAME, 0)
        number = {"any": 1, "all": len(members)}.get(needed) or (_NUMBER.fullmatch(needed) and int(needed)) or 0
        if not 1 <= number <= len(members):
            raise BadWitnessPolicy(WitnessPolicyFault.BAD_NUMBER, 0)
        self._define(name)
        self._members.update(members)
        self.groups[name] = WitnessGroup(number, members)

    def _take_quorum(self, name: str) -> None:
        if self.quorum is not None:
            raise BadWitnessPolicy(WitnessPolicyFault.TWICE, 0)
        if name not in self._names:
            raise BadWitnessPolicy(WitnessPolicyFault.UNKNOWN_NAME, 0)
        self.quorum = name

    def _define(self, name: str) -> None:
        if name in self._names:
            raise BadWitnessPolicy(WitnessPolicyFault.TWICE, 0)
        self._names.add(name)
