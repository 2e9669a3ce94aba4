"""Device profiles: a file with blanks to a profile for one phone; no file is opened here, nothing is sent.

Blanks stand in values alone and are filled with values alone: what is rendered is built as data and written by a
library, never put together as text, so that no name or password can change what a profile means.
"""

from __future__ import annotations

import json
import plistlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID, uuid5

from pydantic import Field, ValidationError

from mdm_adapters.phones import PhoneProfile, Platform, ProfileKind
from server.core.policy.document import PolicyFault
from server.core.policy.faults import Remark, tell_form, tell_value
from server.core.policy.schema import Part, Said, Slug
from server.core.policy.yaml_lines import read_lines
from server.core.text import Text, phrase

_LOOSE = Field(strict=False)
_NAMES = UUID("8a2f6f0e-52c4-4f0b-9d3e-6c1b6f9a7d21")
"""Of the numbers that parts of a profile carry."""
_BLANK = re.compile(r"\$\{(\w+)\}")
_GIVEN = frozenset({"identifier", "phone", "title"})
"""Blanks that need no value: they are known."""
_ACCOUNTS = frozenset({"com.apple.carddav.account", "com.apple.eas.account"})
_DECLARED_ACCOUNTS = frozenset({"com.apple.configuration.account.carddav", "com.apple.configuration.account.exchange"})
_BOTH = ("allowUnmanagedToReadManagedContacts", "allowOpenFromManagedToUnmanaged")


class ProfileFormat(StrEnum):
    """In what a profile is written."""

    MOBILECONFIG = "mobileconfig"
    """Apple's profile, a property list."""
    DECLARATIONS = "declarations"
    """Apple's declarations, a list in JSON."""
    CONFIGURATION = "configuration"
    """Intune's configuration of a group of phones, an object in JSON."""


class BlankSort(StrEnum):
    """What may be filled in."""

    TEXT = "text"
    NUMBER = "number"
    SECRET = "secret"  # noqa: S105 - a kind of value


class BlankOwner(StrEnum):
    """Who has a value of its own."""

    ALL = "all"
    PHONE = "phone"


class Head(Part):
    """What a profile is. identifier: under which it stands on a phone; the same one replaces what is there."""

    name: Slug
    version: str = Field(min_length=1, max_length=20)
    kind: Annotated[ProfileKind, _LOOSE]
    platform: Annotated[Platform, _LOOSE]
    form: Annotated[ProfileFormat, _LOOSE]
    identifier: str = Field(pattern=r"^[a-z0-9-]+(\.[a-z0-9-]+)+$", max_length=100)
    title: Said


class Blank(Part):
    """Something to be filled in."""

    key: str = Field(pattern=r"^[a-z][a-z_]{0,30}$")
    type: Annotated[BlankSort, _LOOSE]
    of: Annotated[BlankOwner, _LOOSE] = BlankOwner.ALL


class TemplateFile(Part):
    """All that a profile's file says."""

    profile: Head
    values: list[Blank]
    content: list[dict[str, Any]] | dict[str, Any]


class Assigned(Part):
    """A profile that the phones of a connection get. phones: file with what each has of its own; None: nothing."""

    connection: str = Field(min_length=1, max_length=40)
    template: str = Field(pattern=r"^[a-z0-9-]+(\.yaml)?$", max_length=100)
    values: dict[str, str | int] = Field(default={})
    phones: str | None = Field(default=None, pattern=r"^[\w.-]+$", max_length=100)


class AssignmentFile(Part):
    """All that `profiles.yaml` says."""

    profiles: list[Assigned]


@dataclass(frozen=True, slots=True)
class Template:
    """A sound profile with blanks."""

    head: Head
    blanks: Mapping[str, Blank]
    content: Any

    def lacks(self, values: Mapping[str, object], whose: BlankOwner) -> tuple[str, ...]:
        """The blanks of everybody, or of a phone, for which there is no value that fits."""
        return tuple(
            key for key, blank in self.blanks.items() if blank.of is whose and _fitting(blank, values.get(key)) is None
        )


@dataclass(frozen=True, slots=True)
class CheckedTemplate:
    """What a profile's file came to: a template, or None and all faults in the order of the file."""

    template: Template | None
    faults: tuple[PolicyFault, ...]


@dataclass(frozen=True, slots=True)
class CheckedAssignments:
    """What `profiles.yaml` came to."""

    assignments: tuple[Assigned, ...]
    faults: tuple[PolicyFault, ...] = field(default=())


def check_template(text: str, file: str) -> CheckedTemplate:
    """A template from its text. file: base name, for faults. Nothing is raised: all faults come back at once."""
    content, faults = _checked(TemplateFile, text, file, _lint)
    if content is None or faults:
        return CheckedTemplate(None, faults)
    blanks = {blank.key: blank for blank in content.values}
    return CheckedTemplate(Template(content.profile, blanks, content.content), ())


def check_assignments(text: str, file: str) -> CheckedAssignments:
    """Which phones get what, from its text; as `check_template`."""
    content, faults = _checked(AssignmentFile, text, file, _lint_assignments)
    return CheckedAssignments(() if content is None or faults else tuple(content.profiles), faults)


def render(template: Template, values: Mapping[str, object], *, phone: str, language: str) -> PhoneProfile:
    """The profile for one phone. phone: our opaque id of it. ValueError: a value is missing or does not fit."""
    head = template.head
    title = head.title.nl if language == "nl" else head.title.en
    filled: dict[str, object] = {"identifier": head.identifier, "phone": phone, "title": title}
    hidden = dict(filled)
    for key, blank in template.blanks.items():
        value = _fitting(blank, values.get(key))
        if value is None:
            raise ValueError(f"no value that fits for {key}")
        filled[key] = value
        # A number made from a password would tell it to whoever can guess.
        hidden[key] = "" if blank.type is BlankSort.SECRET else value
    content = _fill(template.content, filled)
    if head.form is not ProfileFormat.MOBILECONFIG:
        body = json.dumps(content).encode()
    else:
        stamp = json.dumps([head.version, phone, _fill(template.content, hidden)], sort_keys=True)
        body = plistlib.dumps(_outer(head, title, content, stamp))
    return PhoneProfile(head.identifier, head.kind, head.platform, body)


def _outer(head: Head, title: str, payloads: Sequence[Mapping[str, Any]], stamp: str) -> dict[str, Any]:
    def number(what: str) -> str:
        return str(uuid5(_NAMES, f"{head.identifier} {what} {stamp}")).upper()

    return {
        "PayloadType": "Configuration",
        "PayloadVersion": 1,
        "PayloadIdentifier": head.identifier,
        "PayloadUUID": number("profile"),
        "PayloadDisplayName": title,
        "PayloadScope": "System",
        "PayloadContent": [
            {
                **payload,
                "PayloadVersion": 1,
                "PayloadIdentifier": f"{head.identifier}.{at}",
                "PayloadUUID": number(f"payload {at}"),
                "PayloadDisplayName": title,
            }
            for at, payload in enumerate(payloads, 1)
        ],
    }


def _fitting(blank: Blank, value: object) -> str | int | None:
    """A value as its blank takes it; None: there is none, or it does not fit."""
    text = str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""
    if not text or len(text) > 1000 or any(sign < " " for sign in text):
        return None
    if blank.type is not BlankSort.NUMBER:
        return text
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


def _fill(part: Any, values: Mapping[str, object]) -> Any:
    if isinstance(part, dict):
        return {name: _fill(value, values) for name, value in part.items()}
    if isinstance(part, list):
        return [_fill(each, values) for each in part]
    if not isinstance(part, str):
        return part
    whole = _BLANK.fullmatch(part)
    if whole:
        return values[whole[1]]
    return _BLANK.sub(lambda found: str(values[found[1]]), part)


def _checked(model: type[Any], text: str, file: str, lint: Any) -> tuple[Any, tuple[PolicyFault, ...]]:
    lines = read_lines(text)
    told = [(fault.line, tell_form(fault)) for fault in lines.faults]
    content = None
    if lines.readable:
        try:
            content = model.model_validate(lines.value)
        except ValidationError as error:
            remarks: list[Remark] = [tell_value(each) for each in error.errors(include_url=False)]
        else:
            remarks = list(lint(content))
        told += [(lines.line(remark.where), remark) for remark in remarks]
    faults = [
        PolicyFault(file, line, ".".join(map(str, remark.where)), remark.problem, remark.fix) for line, remark in told
    ]
    return content, tuple(faults)


def _lint(content: TemplateFile) -> Iterator[Remark]:
    head = content.profile
    known = {blank.key for blank in content.values}
    if len(known) < len(content.values) or known & _GIVEN:
        yield _remark(("values",), phrase("A placeholder is here twice, or has a name that is taken."))
    used = {name for text in _texts(content.content) for name in _BLANK.findall(text)}
    for name in sorted(used - known - _GIVEN):
        yield _remark(("content",), phrase("Nothing says what is to be filled in for {name}.", name=name))
    for name in sorted(known - used):
        yield _remark(("values",), phrase("Nothing in the profile uses {name}.", name=name))
    if isinstance(content.content, dict) is not (head.form is ProfileFormat.CONFIGURATION) or not content.content:
        yield _remark(("content",), phrase("A configuration has keys here; other forms have a list of parts."))
        return
    if head.form is ProfileFormat.CONFIGURATION and any(blank.of is BlankOwner.PHONE for blank in content.values):
        yield _remark(
            ("values",), phrase("A configuration is given to a group: nothing of one phone's own fits in it.")
        )
    if head.form is not ProfileFormat.CONFIGURATION:
        yield from _lint_apple(head, content.content)


def _lint_apple(head: Head, parts: Any) -> Iterator[Remark]:
    if head.platform is not Platform.IOS:
        yield _remark(("profile", "form"), phrase("This form is for iPhones alone."))
    types = {part.get("PayloadType") or part.get("Type") for part in parts}
    if head.kind is ProfileKind.CONTACT_ACCOUNT and not types & (_ACCOUNTS | _DECLARED_ACCOUNTS):
        yield _remark(("content",), phrase("No managed contacts account is in this profile."))
    if head.kind is ProfileKind.PROTECTION:
        off = {name for part in parts for name in _BOTH if part.get(name) is False}
        if off != set(_BOTH):
            yield _remark(
                ("content",),
                phrase("Apps are kept from reading contacts by two restrictions together: one alone does nothing."),
            )
    if any(part.get("EnableContacts") is False for part in parts):
        yield _remark(("content",), phrase("An account without contacts is no contacts account."))


def _lint_assignments(content: AssignmentFile) -> Iterator[Remark]:
    seen: set[tuple[str, str]] = set()
    for at, each in enumerate(content.profiles):
        key = (each.connection, each.template)
        if key in seen:
            yield _remark(("profiles", at), phrase("This connection was given this profile further up already."))
        seen.add(key)


def _remark(where: tuple[str | int, ...], problem: Text) -> Remark:
    return Remark(where, problem, phrase("Compare with a profile that is shipped, and change it."))


def _texts(part: Any) -> Iterator[str]:
    if isinstance(part, str):
        yield part
    for each in part.values() if isinstance(part, dict) else part if isinstance(part, list) else ():
        yield from _texts(each)
