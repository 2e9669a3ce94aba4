"""Mapping files of usage feeds: how a bill, an export or a list of contact moments is read, as data; no feed is opened.

A mapping is a YAML 1.2 file in `agent_policies/sources/usage/`. What was said or written is never a column of ours: a
mapping that names one is refused, and a file that has one is read without it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import Field

from server.core.usage.channel_catalogue import Platform
from server.core.usage.model import Confidence, Counterparty, Direction, Profile, Quantity, Use
from server.sources.mapping import (
    Column,
    Delimiter,
    Encoding,
    MappingFault,
    MappingPart,
    MappingRefused,
    UnknownHeaders,
    check_dates,
    check_zone,
    decode,
    normal,
    parse_yaml,
    read_part,
    read_path,
)

_LOOSE = Field(strict=False)
_CONTENT_WORDS = """
    onderwerp subject titel title notitie notities notes note toelichting opmerking opmerkingen remark remarks inhoud
    content bericht berichttekst message messagetext body samenvatting summary omschrijving description tekst text
    verslag transcript transcriptie gespreksverslag naam name naamcontact contactname achternaam voornaam
"""
_CONTENT = frozenset(_CONTENT_WORDS.split())


class Covers(StrEnum):
    """What a row is about. An account is used on any machine, a laptop included, and is never a device."""

    DEVICE = "device"
    ACCOUNT = "account"


class Replaces(StrEnum):
    """Of which earlier sums of its feed a file takes the place."""

    DAYS = "days"
    """Of all, from its first day to its last: the file is the whole organisation's."""
    SUBJECTS = "subjects"
    """Of the devices or accounts that it names, from the first day to the last that it names for each."""


class Unit(StrEnum):
    """How an amount is written."""

    PIECES = "pieces"
    SECONDS = "seconds"
    MINUTES = "minutes"
    CLOCK = "clock"
    """Hours, minutes and seconds: 00:04:31; or minutes and seconds: 4:31."""
    BYTES = "bytes"
    KILOBYTES = "kilobytes"
    MEGABYTES = "megabytes"


_UNITS: Mapping[Quantity, frozenset[Unit]] = {
    Quantity.CALLS: frozenset({Unit.PIECES}),
    Quantity.MESSAGES: frozenset({Unit.PIECES}),
    Quantity.CONTACTS: frozenset({Unit.PIECES}),
    Quantity.MINUTES: frozenset({Unit.SECONDS, Unit.MINUTES, Unit.CLOCK}),
    Quantity.SCREEN_MINUTES: frozenset({Unit.SECONDS, Unit.MINUTES, Unit.CLOCK}),
    Quantity.MEGABYTES: frozenset({Unit.BYTES, Unit.KILOBYTES, Unit.MEGABYTES}),
}


class Amount(MappingPart):
    """One thing that a row counts.

    column: where the amount stands; None: each row is one. direction: if the column is of one direction only.
    """

    quantity: Annotated[Quantity, _LOOSE]
    column: Column | None = None
    unit: Annotated[Unit, _LOOSE] = Unit.PIECES
    direction: Annotated[Direction, _LOOSE] | None = None


class Apps(MappingPart):
    """A feed that names apps: which are the organisation's own, and what all those are that nobody lists."""

    platform: Annotated[Platform, _LOOSE]
    business: list[str] = Field(default=[])
    others: Annotated[Use, _LOOSE]


class UsageWords(MappingPart):
    """What the words in cells mean; case, spaces and diacritics do not count, "" is an empty cell."""

    directions: dict[Annotated[Direction, _LOOSE], list[str]] = Field(default={})
    classes: dict[Annotated[Counterparty, _LOOSE], list[str]] = Field(default={})
    uses: dict[Annotated[Use, _LOOSE], list[str]] = Field(default={})


class UsageColumns(MappingPart):
    """Where a row says what. number: with whom, classified and forgotten. case_number: whose case, if it was one's."""

    subject: Column
    day: Column
    number: Column | None = None
    counterparty: Column | None = Field(default=None, alias="class")
    case_number: Column | None = None
    channel: Column | None = None
    app: Column | None = None
    direction: Column | None = None
    use: Column | None = None
    samples: Column | None = None


class UsageMapping(MappingPart):
    """How one feed is read.

    feed: names it in the register. use: what a row is for that says nothing of it itself; None: not known.
    precedence: where two feeds tell of one thing, the lower number counts.
    """

    feed: str = Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")
    covers: Annotated[Covers, _LOOSE]
    confidence: Annotated[Confidence, _LOOSE]
    profile: Annotated[Profile, _LOOSE] = Profile.WHOLE
    replaces: Annotated[Replaces, _LOOSE] = Replaces.SUBJECTS
    precedence: int = 50
    use: Annotated[Use, _LOOSE] | None = None
    encoding: Annotated[Encoding, _LOOSE] = Encoding.AUTO
    delimiter: Annotated[Delimiter, _LOOSE] = Delimiter.AUTO
    time_zone: str = "Europe/Amsterdam"
    dates: list[str] = Field(min_length=1)
    unknown_headers: Annotated[UnknownHeaders, _LOOSE] = UnknownHeaders.REFUSE
    ignore: list[str] = Field(default=[])
    words: UsageWords = UsageWords()
    apps: Apps | None = None
    columns: UsageColumns
    amounts: list[Amount] = Field(min_length=1)

    @cached_property
    def zone(self) -> ZoneInfo:
        """Where local times in the feed are local."""
        return ZoneInfo(self.time_zone)

    @cached_property
    def ignored(self) -> frozenset[str]:
        """Headers known and not used, in their normal form."""
        return frozenset(normal(header) for header in self.ignore)

    @cached_property
    def fields(self) -> tuple[tuple[str, Column], ...]:
        """Every field with its column, named as faults name them ("usage.day")."""
        found = []
        for name, info in UsageColumns.model_fields.items():
            column = getattr(self.columns, name)
            if column is not None:
                found.append((f"usage.{info.alias or name}", column))
        for index, amount in enumerate(self.amounts):
            if amount.column is not None:
                found.append((f"usage.amount.{index + 1}", amount.column))
        return tuple(found)


def is_content(header: str) -> bool:
    """Whether a header stands above what was said or written, or a name: such a column is never read."""
    words = re.split(r"[\W_]+", header.casefold())
    return normal(header) in _CONTENT or not _CONTENT.isdisjoint(words)


def shipped_usage() -> tuple[str, ...]:
    """The names of the mappings of usage feeds that come with the product."""
    folder = resources.files("agent_policies") / "sources" / "usage"
    return tuple(sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml")))


def load_usage_mapping(name: str | Path) -> UsageMapping:
    """The shipped mapping of this name, or the mapping file at this path. Raises MappingRefused."""
    path = Path(name)
    if path.suffix in {".yaml", ".yml"}:
        return parse_usage_mapping(read_path(path), path.name)
    if str(name) not in shipped_usage():
        advice = (
            f"There is no such mapping. Shipped are: {', '.join(shipped_usage())}; or give the path of a .yaml file."
        )
        raise MappingRefused([MappingFault(str(name), None, "(file)", advice)])
    raw = (resources.files("agent_policies") / "sources" / "usage" / f"{name}.yaml").read_bytes()
    return parse_usage_mapping(decode(raw, f"{name}.yaml"), f"{name}.yaml")


def parse_usage_mapping(text: str, file: str) -> UsageMapping:
    """A mapping from its text. file: base name, for faults. Raises MappingRefused with all that is wrong."""
    lines = parse_yaml(text, file)
    return read_part(
        UsageMapping,
        lines,
        file,
        lambda found: (
            *check_zone(lines.value.get("time_zone", "Europe/Amsterdam")),
            *check_dates(lines.value.get("dates")),
            *(() if found is None else _cross_check(found)),
        ),
    )


def _cross_check(mapping: UsageMapping) -> Iterator[tuple[list[str | int], str]]:
    """What no single key can know of."""
    taken: dict[str, str] = {}
    for name, column in mapping.fields:
        where = _written(name)
        for header in column.headers:
            if is_content(header):
                yield where, "What was said or written, and names, are never read. Take this column out."
            if taken.setdefault(normal(header), name) != name:
                yield where, "This header already names another field."
    for index, amount in enumerate(mapping.amounts):
        if amount.column is None and amount.unit is not Unit.PIECES:
            yield ["amounts", index], "Name the column that this unit is of."
        elif amount.unit not in _UNITS[amount.quantity]:
            allowed = ", ".join(sorted(_UNITS[amount.quantity]))
            yield ["amounts", index, "unit"], f"This quantity is written in {allowed}."
    if mapping.columns.app is not None and mapping.apps is None:
        yield ["columns", "app"], "Say under apps: which platform it is, and what other apps are."
    if mapping.columns.samples is not None and mapping.confidence is not Confidence.SAMPLED:
        yield ["columns", "samples"], "Only a sampled feed has samples."
    if mapping.use is Use.PRIVATE:
        yield ["use"], "A feed of private use only is not taken in."


def _written(name: str) -> list[str | int]:
    part = name.removeprefix("usage.")
    if part.startswith("amount."):
        return ["amounts", int(part.removeprefix("amount.")) - 1, "column"]
    return ["columns", part]
