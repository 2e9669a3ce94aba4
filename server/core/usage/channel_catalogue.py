"""The channel catalogue: text to channels that know with whom they may be used; no file is opened here, no clock asked.

Two axes are kept apart (DOMAIN C8). How safe a *channel* is, is a property of the channel. With whom it is approved is
a rule for each counterparty. Whether there was a *reason* for a contact at all is neither, and stands in
`server.core.usage.channels`; of that axis the catalogue only carries what the documents say of former clients.
The list is open: a channel that is not in it is unrated, never forbidden and never approved.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import Field, ValidationError
from pydantic_core import ErrorDetails

from server.core.policy.document import PolicyFault
from server.core.policy.faults import Remark, tell_form, tell_value
from server.core.policy.schema import Day, Part, Said, Sentence, Slug
from server.core.policy.yaml_lines import Path, read_lines
from server.core.text import phrase
from server.core.usage.model import Counterparty

_LOOSE = Field(strict=False)
_LATER = 10**9


class Platform(StrEnum):
    """Where an app is installed."""

    ANDROID = "android"
    IOS = "ios"


class Security(StrEnum):
    """How safe the channel itself is, whoever is on the other side."""

    SECURE = "secure"
    CONSUMER = "consumer"
    """Not safe for client data, however good its encryption (DOMAIN N9, N26)."""
    UNRATED = "unrated"
    """The documents do not say."""


class Status(StrEnum):
    """What the documents say of this channel with this counterparty (DOMAIN 14.3)."""

    APPROVED_PREFERRED = "approved_preferred"
    APPROVED = "approved"
    TOLERATED = "tolerated"
    NOT_STATED_PURPOSE = "not_stated_purpose"
    NOT_LISTED = "not_listed"
    NOT_FOR_SENSITIVE_DATA = "not_for_sensitive_data"
    CONSUMER = "consumer"
    NO_FUNCTIONAL_REASON = "no_functional_reason"
    UNRATED = "unrated"


APPROVED = frozenset({Status.APPROVED_PREFERRED, Status.APPROVED})


class Grade(StrEnum):
    """How safe a contact was, by its channel and with whom: each contact has one. Whether the job gave a reason for it
    is another axis, and never changes this one (DOMAIN C8).
    """

    APPROVED = "approved"
    TOLERATED = "tolerated"
    CONSUMER = "consumer"
    UNRATED = "unrated"
    """The documents do not say: of the channel, or of it with this counterparty; or the channel is not known."""


_GRADES: Mapping[Status, Grade | None] = {
    Status.APPROVED_PREFERRED: Grade.APPROVED,
    Status.APPROVED: Grade.APPROVED,
    Status.TOLERATED: Grade.TOLERATED,
    Status.CONSUMER: Grade.CONSUMER,
    Status.NOT_FOR_SENSITIVE_DATA: Grade.CONSUMER,
    # These say something of the counterparty: how safe the channel is, it says itself.
    Status.NO_FUNCTIONAL_REASON: None,
    Status.NOT_STATED_PURPOSE: None,
    Status.NOT_LISTED: None,
    Status.UNRATED: None,
}


class Condition(StrEnum):
    """Under what condition a status holds; a person sees to it, nothing here can check it."""

    NO_SENSITIVE_DATA = "no_sensitive_data"
    CASE_NUMBER_NO_NAMES = "case_number_no_names"
    CLIENT_INFORMED = "client_informed"
    RECORDED_IN_FILE = "recorded_in_file"
    WITHIN_ORGANISATION = "within_organisation"


Reference = Annotated[str, Field(pattern=r"^[A-Z]\d{1,2}$")]


class ChannelRule(Part):
    """What holds with some counterparties in some period."""

    with_: list[Annotated[Counterparty, _LOOSE]] = Field(alias="with", min_length=1)
    status: Annotated[Status, _LOOSE]
    conditions: list[Annotated[Condition, _LOOSE]] = Field(default=[])
    valid_from: Day | None = None
    valid_to: Day | None = None
    refs: list[Reference] = Field(default=[])


class AppIds(Part):
    """By what an app is known on each platform; an empty list: not known, so its presence cannot be seen.

    names: every name under which an MDM system may list it, for those that know no ids. The channel's own titles
    are among them.
    """

    android: list[str]
    ios: list[str]
    names: list[Sentence] = Field(default=[])


class Channel(Part):
    """One means of talking.

    names: other words by which feeds and case files call it. end_to_end: None: nobody looked it up. valid_to: the last
    day on which it existed for this organisation; after that it is history.
    """

    key: Slug
    title: Said
    names: list[Sentence] = Field(default=[])
    app_ids: AppIds
    security: Annotated[Security, _LOOSE]
    end_to_end: bool | None
    valid_from: Day | None = None
    valid_to: Day | None = None
    note: Said | None = None
    refs: list[Reference] = Field(default=[])
    rules: list[ChannelRule]


class Head(Part):
    """Which catalogue it is. watched: the channels that reports set beside the approved ones."""

    name: Slug
    version: str = Field(min_length=1, max_length=20)
    dated: Day
    review_on: Day
    watched: list[Slug] = Field(min_length=1)


class CatalogueFile(Part):
    """All that a catalogue file says."""

    catalogue: Head
    channels: list[Channel] = Field(min_length=1)


@dataclass(frozen=True, slots=True)
class Rating:
    """How a channel is rated with a counterparty on a day: both axes of the channel, and the conditions."""

    security: Security
    status: Status
    conditions: tuple[Condition, ...] = ()
    refs: tuple[str, ...] = ()

    @property
    def approved(self) -> bool:
        """Whether the channel is approved with this counterparty."""
        return self.status in APPROVED

    @property
    def grade(self) -> Grade:
        """How safe such a contact is. A safe channel that is not meant for the counterparty is unrated with it."""
        said = _GRADES[self.status]
        if said is not None:
            return said
        if self.security is Security.CONSUMER:
            return Grade.CONSUMER
        safe = self.security is Security.SECURE and self.status is Status.NO_FUNCTIONAL_REASON
        return Grade.APPROVED if safe else Grade.UNRATED


_OPEN = Rating(Security.UNRATED, Status.UNRATED)


@dataclass(frozen=True, slots=True)
class Catalogue:
    """A sound catalogue. channels: by key, in the order of the file."""

    version: str
    channels: Mapping[str, Channel]
    watched: frozenset[str]
    _names: Mapping[str, str]
    _apps: Mapping[tuple[Platform, str], str]

    def rate(self, channel: str | None, counterparty: Counterparty, day: date) -> Rating:
        """What holds for this channel with this counterparty on that day.

        A channel that is not in the list, or a counterparty nobody knows, is unrated. One that is listed and has no
        rule for the counterparty, or was not there on that day, is not listed for it.
        """
        listed = None if channel is None else self.channels.get(channel)
        if listed is None:
            return _OPEN
        if counterparty is Counterparty.UNKNOWN:
            return Rating(listed.security, Status.UNRATED)
        if _holds(listed.valid_from, listed.valid_to, day):
            for rule in listed.rules:
                if counterparty in rule.with_ and _holds(rule.valid_from, rule.valid_to, day):
                    return Rating(listed.security, rule.status, tuple(rule.conditions), tuple(rule.refs))
        return Rating(listed.security, Status.NOT_LISTED)

    def channel_named(self, word: str) -> str | None:
        """The key of the channel that a feed calls by this word; None: not in the list."""
        return self._names.get(normal(word))

    def channel_of_app(self, platform: Platform, app_id: str) -> str | None:
        """The key of the channel of that app; None: no channel, so nothing that is kept."""
        return self._apps.get((platform, app_id.casefold()))


@dataclass(frozen=True, slots=True)
class CheckedCatalogue:
    """What a catalogue file came to: the catalogue, or None and all faults in the order of the file."""

    catalogue: Catalogue | None
    faults: tuple[PolicyFault, ...]


def check_catalogue(text: str, file: str) -> CheckedCatalogue:
    """A catalogue from its text. file: base name, for faults. Nothing is raised: all faults come back at once."""
    lines = read_lines(text)
    told = [(fault.line, tell_form(fault)) for fault in lines.faults]
    content: CatalogueFile | None = None
    if lines.readable:
        remarks: list[Remark] = []
        try:
            content = CatalogueFile.model_validate(lines.value)
        except ValidationError as error:
            remarks += [_tell(each) for each in error.errors(include_url=False)]
        else:
            remarks += _cross_check(content)
        told += [(lines.line(remark.where), remark) for remark in remarks]
    faults = [PolicyFault(file, line, _written(each.where), each.problem, each.fix) for line, each in told]
    faults.sort(key=lambda fault: _LATER if fault.line is None else fault.line)
    return CheckedCatalogue(None if faults or content is None else _build(content), tuple(faults))


def normal(word: str) -> str:
    """A word without case, spaces, punctuation and diacritics: what two spellings of it share."""
    return "".join(char for char in unicodedata.normalize("NFKD", word).casefold() if char.isalnum())


def _build(content: CatalogueFile) -> Catalogue:
    apps = {
        (platform, app_id.casefold()): channel.key
        for channel in content.channels
        for platform, app_ids in _apps_of(channel)
        for app_id in app_ids
    }
    return Catalogue(
        version=content.catalogue.version,
        channels=MappingProxyType({channel.key: channel for channel in content.channels}),
        watched=frozenset(content.catalogue.watched),
        _names=MappingProxyType({name: channel.key for channel in content.channels for name in _names_of(channel)}),
        _apps=MappingProxyType(apps),
    )


def _apps_of(channel: Channel) -> tuple[tuple[Platform, Sequence[str]], ...]:
    return (Platform.ANDROID, channel.app_ids.android), (Platform.IOS, channel.app_ids.ios)


def _names_of(channel: Channel) -> frozenset[str]:
    """Every word that means this channel, in its normal form."""
    return frozenset(normal(word) for word in (channel.key, channel.title.nl, channel.title.en, *channel.names))


def _holds(first: date | None, last: date | None, day: date) -> bool:
    return (first is None or first <= day) and (last is None or day <= last)


def _written(where: Path) -> str:
    return ".".join(str(part + 1) if isinstance(part, int) else part for part in where)


def _tell(error: ErrorDetails) -> Remark:
    if error["type"] == "extra_forbidden":
        where = tuple(error["loc"])
        return Remark(
            where,
            phrase("There is no key {key} here.", key=str(where[-1])),
            phrase("Remove it, or see a shipped catalogue for the spelling."),
        )
    if error["type"] == "string_pattern_mismatch":
        return Remark(
            tuple(error["loc"]),
            phrase("This is no reference to a norm."),
            phrase("Write a letter and a number, such as N9."),
        )
    return tell_value(error)


def _cross_check(content: CatalogueFile) -> Iterator[Remark]:
    """What no single key can know of."""
    yield from _check_twice(content)
    keys = {channel.key for channel in content.channels}
    for at, key in enumerate(content.catalogue.watched):
        if key not in keys:
            yield Remark(
                ("catalogue", "watched", at),
                phrase("There is no channel {key}.", key=key),
                phrase("Write the key of a channel in this file."),
            )
    for at, channel in enumerate(content.channels):
        where: Path = ("channels", at)
        yield from _check_period(where, channel.valid_from, channel.valid_to)
        for rule_at, rule in enumerate(channel.rules):
            yield from _check_rule((*where, "rules", rule_at), channel, rule)
        yield from _check_overlap((*where, "rules"), channel.rules)


def _check_twice(content: CatalogueFile) -> Iterator[Remark]:
    """One word, one app and one key mean one channel."""
    meaning: dict[Any, str] = {}
    for at, channel in enumerate(content.channels):
        where: Path = ("channels", at)
        words: list[tuple[Path, Any, str]] = [((*where, "key"), ("key", channel.key), channel.key)]
        words += [((*where, "title"), ("name", name), channel.key) for name in sorted(_names_of(channel))]
        words += [
            ((*where, "app_ids", "names", name_at), ("app name", name.casefold()), name)
            for name_at, name in enumerate(channel.app_ids.names)
        ]
        words += [
            ((*where, "app_ids", platform.value, app_at), (platform, app_id.casefold()), app_id)
            for platform, app_ids in _apps_of(channel)
            for app_at, app_id in enumerate(app_ids)
        ]
        for place, word, shown in words:
            first = meaning.setdefault(word, channel.key)
            if first != channel.key or (word[0] == "key" and at != _first_with(content, channel.key)):
                yield Remark(
                    place,
                    phrase("{word} already means the channel {key}.", word=shown, key=first),
                    phrase("One word, one app and one key belong to one channel: keep it at one of the two."),
                )


def _first_with(content: CatalogueFile, key: str) -> int:
    return next(at for at, channel in enumerate(content.channels) if channel.key == key)


def _check_period(where: Path, first: date | None, last: date | None) -> Iterator[Remark]:
    if first is not None and last is not None and last < first:
        yield Remark(
            (*where, "valid_to"),
            phrase("This ends before it begins."),
            phrase("Put the last day on or after the first."),
        )


def _check_rule(where: Path, channel: Channel, rule: ChannelRule) -> Iterator[Remark]:
    yield from _check_period(where, rule.valid_from, rule.valid_to)
    if Counterparty.UNKNOWN in rule.with_:
        yield Remark(
            (*where, "with"),
            phrase("Nothing can be approved or tolerated with somebody unknown."),
            phrase("Name counterparties that are known; contact with others is always unrated."),
        )
    if rule.status in APPROVED and channel.security is not Security.SECURE:
        yield Remark(
            (*where, "status"),
            phrase("A channel that is not secure is approved here."),
            phrase("Write tolerated with its conditions, or rate the channel itself as secure."),
        )
    if rule.status is Status.NO_FUNCTIONAL_REASON and set(rule.with_) != {Counterparty.FORMER_CLIENT}:
        yield Remark(
            (*where, "status"),
            phrase("Only with a former client does the job give no reason in general."),
            phrase("Keep this status to former_client, and give the others a rule of their own."),
        )


def _check_overlap(where: Path, rules: Sequence[ChannelRule]) -> Iterator[Remark]:
    """Of two rules for one counterparty, at most one holds on any day: otherwise their order would decide."""
    for at, rule in enumerate(rules):
        for earlier in rules[:at]:
            shared = sorted(set(rule.with_) & set(earlier.with_))
            if shared and _meet(rule, earlier):
                yield Remark(
                    (*where, at),
                    phrase("An earlier rule already holds with {who} on the same days.", who=tuple(shared)),
                    phrase("Give the two periods that do not meet, or take one of them out."),
                )
    for at, rule in enumerate(rules):
        if len(set(rule.with_)) != len(rule.with_):
            yield Remark(
                (*where, at, "with"),
                phrase("A counterparty is listed here twice."),
                phrase("Name each counterparty once."),
            )


def _meet(one: ChannelRule, other: ChannelRule) -> bool:
    starts = max(one.valid_from or date.min, other.valid_from or date.min)
    return starts <= min(one.valid_to or date.max, other.valid_to or date.max)
