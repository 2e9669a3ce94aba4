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
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from server.core.usage.channel_catalogue import Platform
from server.core.usage.model import Confidence, Counterparty, Direction, Profile, Quantity, Use
from server.sources.file_period import sound_form
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
_DOMAIN = re.compile(r"(?!-)[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
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
    """Hours, minutes and seconds: 00:04:31; or minutes and seconds: 4:31. Spelled too: 4m 31s, 271 sec, PT4M31S."""
    HOURS_MINUTES = "hours_minutes"
    """Hours and minutes: 1:04 is 64 minutes."""
    BYTES = "bytes"
    KILOBYTES = "kilobytes"
    MEGABYTES = "megabytes"


_DURATIONS = frozenset({Unit.SECONDS, Unit.MINUTES, Unit.CLOCK, Unit.HOURS_MINUTES})
_UNITS: Mapping[Quantity, frozenset[Unit]] = {
    Quantity.CALLS: frozenset({Unit.PIECES}),
    Quantity.MESSAGES: frozenset({Unit.PIECES}),
    Quantity.CONTACTS: frozenset({Unit.PIECES}),
    Quantity.MINUTES: _DURATIONS,
    Quantity.SCREEN_MINUTES: _DURATIONS,
    Quantity.MEGABYTES: frozenset({Unit.BYTES, Unit.KILOBYTES, Unit.MEGABYTES}),
}


class Decimal(StrEnum):
    """The sign before the part of a number that is less than one."""

    COMMA = "comma"
    POINT = "point"


class Thousands(StrEnum):
    """The sign between groups of three digits. NONE: there is never one."""

    COMMA = "comma"
    POINT = "point"
    SPACE = "space"
    APOSTROPHE = "apostrophe"
    NONE = "none"


class Corrections(StrEnum):
    """What a row with an amount below zero is."""

    REFUSE = "refuse"
    SUBTRACT = "subtract"
    """It takes an earlier row of its day back: its amounts, and one of what each row counts."""


class LateRows(StrEnum):
    """What a row of a day outside the file's period is."""

    REFUSE = "refuse"
    ADD = "add"
    """It is added to what other files say of that day, and stays this file's own."""


class Measures(StrEnum):
    """What a feed measures: whether another feed of the same phone or account tells of other use, or the same again."""

    SIM = "sim"
    """Calls of the numbers that it names: the bill of another operator adds."""
    DEVICE = "device"
    """All that the phone did: whatever else is told of it is told twice."""
    ACCOUNT = "account"
    """A service in which somebody has an account: another service adds."""


class RowRule(MappingPart):
    """Words in a column that choose rows.

    says: whole cells. begins: how cells begin. says_not: if given, a cell of neither is a fault; else it is not meant.
    """

    column: Column
    says: list[str] = Field(default=[])
    begins: list[str] = Field(default=[])
    says_not: list[str] = Field(default=[])


class FilePeriod(MappingPart):
    """Where a file says of which days it is, as forms (`%Y-%m`, `%d-%m-%Y t/m %d-%m-%Y`).

    in_file_name: anywhere in its name. in_head: in a line above the header.
    """

    in_file_name: list[str] = Field(default=[])
    in_head: list[str] = Field(default=[])


class Legs(MappingPart):
    """Several rows of one call. same: rows of one subject that agree in these columns are legs of one call."""

    same: list[str] = Field(min_length=1)


class Amount(MappingPart):
    """One thing that a row counts.

    column: where the amount stands; None: each row is one. direction: if the column is of one direction only.
    only_if: of which rows it is counted; of the others there is none. channel: what it went through, if not what the
    row says. decimal, thousands: as for the whole mapping.
    """

    quantity: Annotated[Quantity, _LOOSE]
    column: Column | None = None
    unit: Annotated[Unit, _LOOSE] = Unit.PIECES
    direction: Annotated[Direction, _LOOSE] | None = None
    only_if: RowRule | None = None
    channel: str | None = None
    decimal: Annotated[Decimal, _LOOSE] | None = None
    thousands: Annotated[Thousands, _LOOSE] | None = None


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
    use_unsaid: list[str] = Field(default=[])
    """Words about use that say nothing, as what a bill calls everything that was not marked as private."""


class UsageColumns(MappingPart):
    """Where a row says what.

    number: with whom, classified and forgotten. a_number, b_number: who called and who was called; of these the other
    party is the second if the worker began, and the first if not. case_number: whose case, if it was one's.
    """

    subject: Column
    day: Column
    number: Column | None = None
    a_number: Column | None = None
    b_number: Column | None = None
    counterparty: Column | None = Field(default=None, alias="class")
    case_number: Column | None = None
    channel: Column | None = None
    app: Column | None = None
    direction: Column | None = None
    use: Column | None = None
    samples: Column | None = None

    @property
    def names_numbers(self) -> bool:
        """Whether a row says by a number or address with whom."""
        return self.number is not None or self.a_number is not None


class UsageMapping(MappingPart):
    """How one feed is read.

    feed: names it in the register. use: what a row is for that says nothing of it itself; None: not known.
    precedence: where two feeds tell of one thing, the lower number counts. witness_of: feeds that tell of the same.
    preamble: how many lines may stand above the header. foot: how the first filled cell of a line begins that is no
    row. only_if: rows of which each of these is true; skip_if: and none of these. sheet: of a workbook. records: of
    a JSON file the lists that hold them, from the outside in. domains: of channels; the column of the channel then
    names hosts.
    """

    @model_validator(mode="before")
    @classmethod
    def _one_rule(cls, value: Any) -> Any:
        """One rule may stand without a list."""
        if not isinstance(value, dict):
            return value
        single = {key: [value[key]] for key in ("only_if", "skip_if") if isinstance(value.get(key), dict)}
        return {**value, **single}

    feed: str = Field(pattern=r"^[a-z][a-z0-9-]{0,39}$")
    covers: Annotated[Covers, _LOOSE]
    confidence: Annotated[Confidence, _LOOSE]
    profile: Annotated[Profile, _LOOSE] = Profile.WHOLE
    replaces: Annotated[Replaces, _LOOSE] = Replaces.SUBJECTS
    precedence: int = 50
    use: Annotated[Use, _LOOSE] | None = None
    measures: Annotated[Measures, _LOOSE] | None = None
    witness_of: list[str] = Field(default=[])
    period: FilePeriod = FilePeriod()
    late_rows: Annotated[LateRows, _LOOSE] = LateRows.REFUSE
    corrections: Annotated[Corrections, _LOOSE] = Corrections.REFUSE
    decimal: Annotated[Decimal, _LOOSE] | None = None
    thousands: Annotated[Thousands, _LOOSE] | None = None
    encoding: Annotated[Encoding, _LOOSE] = Encoding.AUTO
    delimiter: Annotated[Delimiter, _LOOSE] = Delimiter.AUTO
    sheet: str | None = None
    preamble: int = Field(default=0, ge=0, le=100)
    foot: list[str] = Field(default=[])
    records: list[str] | None = None
    only_if: list[RowRule] = Field(default=[])
    skip_if: list[RowRule] = Field(default=[])
    legs: Legs | None = None
    time_zone: str = "Europe/Amsterdam"
    dates: list[str] = Field(min_length=1)
    unknown_headers: Annotated[UnknownHeaders, _LOOSE] = UnknownHeaders.REFUSE
    ignore: list[str] = Field(default=[])
    words: UsageWords = UsageWords()
    domains: dict[str, list[str]] = Field(default={})
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

    @cached_property
    def conditions(self) -> tuple[tuple[str, RowRule], ...]:
        """Every rule about rows, named by the key it stands under."""
        found = [(f"usage.{key}.{n}", rule) for key in ("only_if", "skip_if")
                 for n, rule in enumerate(getattr(self, key), start=1)]  # fmt: skip
        for n, amount in enumerate(self.amounts, start=1):
            if amount.only_if is not None:
                found.append((f"usage.amount.{n}.only_if", amount.only_if))
        return tuple(found)

    @cached_property
    def named(self) -> frozenset[str]:
        """Headers that are looked at beside the fields, in their normal form."""
        rules = (header for _, rule in self.conditions for header in rule.column.headers)
        return frozenset(normal(header) for header in (*rules, *(self.legs.same if self.legs else ())))


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
            *check_dates(lines.value.get("dates"), usage=True),
            *(() if found is None else _cross_check(found)),
        ),
    )


def _cross_check(mapping: UsageMapping) -> Iterator[tuple[list[str | int], str]]:
    """What no single key can know of."""
    taken: dict[str, str] = {}
    for name, column in mapping.fields:
        where = _written(name)
        for header in column.headers:
            if is_content(header) and not _may_be_read(name, header):
                yield where, "What was said or written, and names, are never read. Take this column out."
            before = taken.setdefault(normal(header), name)
            if before != name and not _of_several_kinds(mapping, before, name):
                yield where, "This header already names another field."
    yield from _cross_check_rows(mapping)
    for index, amount in enumerate(mapping.amounts):
        if amount.column is None and amount.unit is not Unit.PIECES:
            yield ["amounts", index], "Name the column that this unit is of."
        elif amount.unit not in _UNITS[amount.quantity]:
            allowed = ", ".join(sorted(_UNITS[amount.quantity]))
            yield ["amounts", index, "unit"], f"This quantity is written in {allowed}."
    if mapping.corrections is Corrections.SUBTRACT and mapping.confidence is Confidence.SAMPLED:
        yield ["corrections"], "A sampled feed is not corrected row by row."
    if mapping.columns.app is not None and mapping.apps is None:
        yield ["columns", "app"], "Say under apps: which platform it is, and what other apps are."
    if mapping.columns.samples is not None and mapping.confidence is not Confidence.SAMPLED:
        yield ["columns", "samples"], "Only a sampled feed has samples."
    if mapping.use is Use.PRIVATE:
        yield ["use"], "A feed of private use only is not taken in."


_COUNTS = frozenset(("count", "aantal", "number", "total", "totaal", "sent", "received", "seconds", "seconden"))
_OWNERS = frozenset(
    ("principal", "user", "username", "account", "device", "toestel", "gebruiker", "upn", "sim", "host")
)


def _may_be_read(field: str, header: str) -> bool:
    """Whether a header with a word of content in it stands above something else.

    An amount that is no number is a fault and not kept; of a subject only our own references are known.
    """
    words = set(re.split(r"[\W_]+", header.casefold()))
    if field.startswith("usage.amount."):
        return not _COUNTS.isdisjoint(words)
    return field == "usage.subject" and not _OWNERS.isdisjoint(words)


def _of_several_kinds(mapping: UsageMapping, one: str, other: str) -> bool:
    """Whether two amounts stand in one column, each counted of rows of its own kind."""
    if not (one.startswith("usage.amount.") and other.startswith("usage.amount.")):
        return False
    amounts = [mapping.amounts[int(name.removeprefix("usage.amount.")) - 1] for name in (one, other)]
    return all(amount.only_if is not None for amount in amounts)


def _cross_check_rows(mapping: UsageMapping) -> Iterator[tuple[list[str | int], str]]:
    """What rules about rows, files and numbers leave open."""
    columns = mapping.columns
    for name, rule in mapping.conditions:
        parts = name.removeprefix("usage.").split(".")
        where: list[str | int] = ["amounts", int(parts[1]) - 1, "only_if"]
        where = [parts[0], int(parts[1]) - 1] if parts[0] != "amount" else where
        if not rule.says and not rule.begins:
            yield where, "Name the words that choose a row, under says or begins."
        if any(is_content(header) for header in rule.column.headers):
            yield where, "What was said or written, and names, are never read. Choose rows by another column."
    for header in mapping.legs.same if mapping.legs else ():
        if is_content(header):
            yield ["legs", "same"], "What was said or written, and names, are never read. Name another column."
    yield from _cross_check_sides(columns)
    yield from _cross_check_domains(mapping)
    yield from _cross_check_period(mapping)
    places: list[tuple[UsageMapping | Amount, list[str | int]]] = [(mapping, [])]
    places += [(amount, ["amounts", n]) for n, amount in enumerate(mapping.amounts)]
    for part, at in places:
        if part.decimal is not None and part.thousands is not None and part.decimal.value == part.thousands.value:
            yield [*at, "thousands"], "One sign cannot be both: name another for decimals or for thousands."


def _cross_check_sides(columns: UsageColumns) -> Iterator[tuple[list[str | int], str]]:
    if (columns.a_number is None) != (columns.b_number is None):
        yield ["columns"], "A-number and B-number go together: who called, and who was called."
    if columns.a_number is not None and columns.number is not None:
        yield ["columns", "number"], "Name either the other number, or the A-number and the B-number."
    if columns.a_number is not None and columns.direction is None:
        yield ["columns"], "A-number and B-number need the direction, which says whose number is the other one."


def _cross_check_domains(mapping: UsageMapping) -> Iterator[tuple[list[str | int], str]]:
    if mapping.domains and mapping.columns.channel is None:
        yield ["domains"], "Name the column of hosts, under columns: channel."
    taken: dict[str, str] = {}
    for channel, domains in mapping.domains.items():
        for index, domain in enumerate(domains):
            if not _DOMAIN.fullmatch(domain):
                yield ["domains", channel, index], "Write a domain, such as example.org, without a path or a star."
            elif taken.setdefault(domain.casefold(), channel) != channel:
                yield ["domains", channel, index], "This domain already names another channel."


def _cross_check_period(mapping: UsageMapping) -> Iterator[tuple[list[str | int], str]]:
    for key in ("in_file_name", "in_head"):
        for index, form in enumerate(getattr(mapping.period, key)):
            if not sound_form(form):
                yield ["period", key, index], "Write a form of a month or of days, such as %Y-%m or %Y%m%d-%Y%m%d."
    if mapping.period.in_head and not mapping.preamble:
        yield ["period", "in_head"], "Say under preamble how many lines may stand above the header."


def _written(name: str) -> list[str | int]:
    part = name.removeprefix("usage.")
    if part.startswith("amount."):
        return ["amounts", int(part.removeprefix("amount.")) - 1, "column"]
    return ["columns", part]
