"""What a connection may say: each vendor declares its fields once, as data; here are their types and their one reader.

The command, the form on the page, the manual's tables and the JSON Schema are all made from these declarations. A
sentence is English, the key of its translation, and is marked by `said`. No vendor and no HTTP lives here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, urlsplit

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")
_SECRETS = re.compile(
    r"-----BEGIN"  # a key or a certificate
    r"|[\w~.-]{3}[0-9]Q~[\w~.-]{20}"  # a client secret of Entra
    r"|eyJ[\w-]{8,}\.eyJ"  # a signed token
)
_LONGEST_PATH = 4_096


def said(sentence: str) -> str:
    """The sentence as it is: marks one that people read, so that a test can find its translation."""
    return sentence


class Sort(StrEnum):
    """What a connection is for."""

    STORE = "store"
    """Keeps contacts."""
    MANAGER = "manager"
    """Manages phones (MDM)."""
    FEED = "feed"
    """Tells usage."""


class OptionKind(StrEnum):
    """What a field holds."""

    LINE = "line"
    NUMBER = "number"
    LINK = "link"
    """An address with https; with http on this machine alone."""
    CHOICE = "choice"
    LIST = "list"
    """Several, separated by commas."""
    KEY = "key"
    """The name of a file that holds a secret. On a page the secret itself is typed, and goes to a file of its own."""
    PEM = "pem"
    """The name of a file with a certificate, which is no secret. On a page the file itself is handed over."""
    PATH = "path"
    """The name of a file on the machine of the server, which no page may name."""


class OptionFault(StrEnum):
    """Why a field is not valid."""

    MISSING = "missing"
    UNKNOWN = "unknown"
    NOT_A_CHOICE = "not_a_choice"
    NOT_A_NUMBER = "not_a_number"
    NOT_AN_ADDRESS = "not_an_address"
    LOGIN_IN_ADDRESS = "login_in_address"
    NOT_ENCRYPTED = "not_encrypted"
    WRONG_FORM = "wrong_form"
    TOO_LONG = "too_long"
    HIDDEN_SIGNS = "hidden_signs"
    A_SECRET = "a_secret"  # noqa: S105 - a fault's name
    NEEDS_ANOTHER = "needs_another"
    """It means nothing without another field, which is empty."""


_BORNE = frozenset({OptionFault.NOT_ENCRYPTED, OptionFault.NEEDS_ANOTHER})
"""What a connection that is there already may have against it and still be tried."""


@dataclass(frozen=True, slots=True)
class OptionChoice:
    """One of the values of a field. label: a sentence."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Option:
    """One field of a connection.

    label, explains: sentences for people. example: a value as it may look; default: what an empty one means; usual:
    what a new form holds. pattern: a regular expression for the whole value. needs: fields without which it means
    nothing. sends: the secret that goes to this address, so that another address needs it typed again. same_as: another
    name for that field, which no form shows. by_itself: filled in by the program, unless a person means otherwise; no
    form shows it.
    """

    name: str
    label: str
    explains: str
    kind: OptionKind = OptionKind.LINE
    required: bool = False
    default: str = ""
    usual: str = ""
    example: str = ""
    choices: tuple[OptionChoice, ...] = ()
    pattern: str = ""
    longest: int = 200
    needs: tuple[str, ...] = ()
    sends: str = ""
    same_as: str = ""
    by_itself: bool = False
    takes_key_file: bool = False
    """Of a secret: it may be a private key, so a page takes it as a file too."""
    seldom: bool = False
    """Few need it: a form keeps it apart."""
    without: str = ""
    """A sentence: what does not work while it is empty."""

    def fault_of(self, value: str) -> OptionFault | None:
        """What is wrong with a value; None: nothing, or it is empty and may be."""
        if not value:
            return OptionFault.MISSING if self.required else None
        is_file = self.kind in (OptionKind.KEY, OptionKind.PEM, OptionKind.PATH)
        if len(value) > (_LONGEST_PATH if is_file else self.longest):
            return OptionFault.TOO_LONG
        if _HIDDEN.search(value):
            return OptionFault.HIDDEN_SIGNS
        if is_file:
            return None
        if _SECRETS.search(value):
            return OptionFault.A_SECRET
        return self._meaning(value)

    def _meaning(self, value: str) -> OptionFault | None:
        if self.kind is OptionKind.LINK:
            return _link_fault(value)
        if self.kind is OptionKind.NUMBER and not (value.isascii() and value.isdecimal()):
            return OptionFault.NOT_A_NUMBER
        if self.kind is OptionKind.CHOICE and value not in {each.value for each in self.choices}:
            return OptionFault.NOT_A_CHOICE
        if self.pattern and not re.fullmatch(self.pattern, value):
            return OptionFault.WRONG_FORM
        return None


@dataclass(frozen=True, slots=True)
class Grant:
    """What the vendor's administrator must allow, by the vendor's own name for it.

    why: a sentence. trials: those of the check that fail without it. always: False: only for what `why` says.
    """

    name: str
    why: str
    trials: tuple[str, ...] = ()
    always: bool = True


@dataclass(frozen=True, slots=True)
class ConnectionKind:
    """What a connection to one vendor must and may say.

    name: the vendor in a configuration. brand: what people call it, in a word or two; title, about: sentences. url,
    login, secret: the three that every connection has a column for; None: this vendor has none. own: what only this
    vendor needs. log: it may name the store's own log. place: what the address of a place is; None: it has no places.
    grants: what is to be allowed at the vendor.
    """

    name: str
    sort: Sort
    brand: str
    title: str
    about: str
    url: Option
    login: Option | None = None
    secret: Option | None = None
    own: tuple[Option, ...] = ()
    log: Option | None = None
    place: Option | None = None
    grants: tuple[Grant, ...] = ()

    @property
    def fields(self) -> tuple[Option, ...]:
        """Every field, in the order of the form."""
        return tuple(
            each for each in (self.url, self.login, self.secret, *self.own, NETWORK, CA_FILE, self.log) if each
        )

    @property
    def shown(self) -> tuple[Option, ...]:
        """Those that a form shows."""
        return tuple(
            each for each in self.fields if not each.same_as and not each.by_itself and each.kind is not OptionKind.PATH
        )

    def field(self, name: str) -> Option | None:
        """The field of that name."""
        return next((each for each in self.fields if each.name == name), None)

    def faults_of(self, given: Mapping[str, str]) -> Mapping[str, OptionFault]:
        """What is wrong, by the name of the field; empty: it can be meant.

        given: by the names of fields, the three and the two files included; of a secret the name of its file.
        """
        known = {each.name: each for each in self.fields}
        faults = {name: OptionFault.UNKNOWN for name, value in given.items() if name not in known and value}
        for name, each in known.items():
            value = given.get(name, "")
            fault = each.fault_of(value)
            if fault is OptionFault.MISSING and any(given.get(other.name) for other in self._same(name)):
                fault = None
            if fault is None and value and not all(given.get(other) for other in each.needs):
                fault = OptionFault.NEEDS_ANOTHER
            if fault is not None:
                faults[name] = fault
        return faults

    def _same(self, name: str) -> Iterator[Option]:
        return (each for each in self.own if each.same_as == name)

    def read(
        self, *, url: str, login: str, secret: str, options: Mapping[str, str], ca_file: str | None = None
    ) -> Mapping[str, str]:
        """Every field with its value, what is empty with its default, and a second name under the first.

        secret: itself, not a file. ValueError: it is not valid; it names fields of ours and repeats no value. That a
        connection is not encrypted, or says more than it needs, is no fault here: the check tells the one, the other
        does no harm.
        """
        given = {**options, "url": url, "login": login, "secret": "given" if secret else "", "ca_file": ca_file or ""}
        faults = {name: fault for name, fault in self.faults_of(given).items() if fault not in _BORNE}
        if self.login is None:
            faults.pop("login", None)
        if self.secret is None:
            faults.pop("secret", None)
        if faults:
            known = {each.name for each in self.fields}
            wrong = sorted(f"{name if name in known else 'an option'}: {fault}" for name, fault in faults.items())
            raise ValueError(f"{self.name}: {', '.join(wrong)}")
        values = {each.name: given.get(each.name) or each.default for each in self.fields} | {"secret": secret}
        for each in self.own:
            if each.same_as and values[each.name]:
                values[each.same_as] = values[each.name]
        return values

    def schema(self) -> Mapping[str, Any]:
        """JSON Schema (2020-12) of what `faults_of` takes."""
        properties = {each.name: _schema_of(each) for each in self.fields}
        needed = [each.name for each in self.fields if each.required and not any(self._same(each.name))]
        needs = {each.name: list(each.needs) for each in self.fields if each.needs}
        either = [
            {"anyOf": [{"required": [name]} for name in (each.name, *(other.name for other in self._same(each.name)))]}
            for each in self.fields
            if each.required and any(self._same(each.name))
        ]
        return {
            "type": "object",
            "title": self.title,
            "description": self.about,
            "properties": properties,
            "required": needed,
            "additionalProperties": False,
            **({"dependentRequired": needs} if needs else {}),
            **({"allOf": either} if either else {}),
        }


IN_OWN_NETWORK = "own"
NETWORK = Option(
    "network",
    said("Where the server is"),
    said(
        "Only if the address is a name of a server in your organisation's own network (10.x, "
        "172.16-31.x, 192.168.x): without this, no private address that a name leads to is called."
    ),
    OptionKind.CHOICE,
    default="internet",
    choices=(
        OptionChoice("internet", said("on the internet, or at the very address that is written here")),
        OptionChoice(IN_OWN_NETWORK, said("in our own network")),
    ),
    seldom=True,
)
CA_FILE = Option(
    "ca_file",
    said("Certificate of your own authority"),
    said("Only if the server's certificate is signed by your organisation itself: the authority's certificate (PEM)."),
    OptionKind.PEM,
    seldom=True,
)


def schema_of(kinds: Mapping[str, ConnectionKind]) -> Mapping[str, Any]:
    """JSON Schema (2020-12) of a connection: `vendor`, and the fields of that vendor."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "required": ["vendor", "fields"],
        "properties": {"vendor": {"enum": list(kinds)}},
        "oneOf": [{"properties": {"vendor": {"const": name}, "fields": kind.schema()}} for name, kind in kinds.items()],
    }


def looks_secret(text: str) -> bool:
    """Whether it has the looks of a key, a token or a client secret, which belongs in no other field."""
    return bool(_SECRETS.search(text))


def origin_of(url: str) -> tuple[str, str, int | None] | None:
    """Scheme, host and port of an address; None: it is none of a server, or has more in it than one has."""
    parts = _parts(url)
    return None if parts is None or "@" in parts.netloc else (parts.scheme, str(parts.hostname), parts.port)


def read_key(file: str) -> bytes:
    """What a file with a key holds, without the white space around it; ValueError, which names no file: nothing."""
    try:
        key = Path(file).read_bytes().strip()
    except (OSError, ValueError):
        key = b""
    if not key:
        raise ValueError("the file of a key cannot be read, or is empty")
    return key


def names_of(options: Sequence[Option]) -> frozenset[str]:
    """Their names."""
    return frozenset(each.name for each in options)


def _parts(url: str) -> SplitResult | None:
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    sound = parts.scheme in ("http", "https") and parts.hostname and not parts.query and not parts.fragment
    return parts if sound and "?" not in url and "#" not in url and " " not in url and "\\" not in url else None


def _link_fault(value: str) -> OptionFault | None:
    if "@" in value.partition("//")[2].partition("/")[0]:
        return OptionFault.LOGIN_IN_ADDRESS
    parts = _parts(value)
    if parts is None:
        return OptionFault.NOT_AN_ADDRESS
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        return OptionFault.NOT_ENCRYPTED
    return None


def _schema_of(option: Option) -> Mapping[str, Any]:
    is_file = option.kind in (OptionKind.KEY, OptionKind.PEM, OptionKind.PATH)
    found: dict[str, Any] = {"type": "string", "title": option.label, "description": option.explains}
    found["maxLength"] = _LONGEST_PATH if is_file else option.longest
    if option.required:
        found["minLength"] = 1
    if option.choices:
        found["enum"] = [each.value for each in option.choices]
    if option.kind is OptionKind.LINK:
        found["format"] = "uri"
    if option.kind is OptionKind.NUMBER:
        found["pattern"] = "^[0-9]+$"
    if option.pattern:
        found["pattern"] = f"^(?:{option.pattern})$"
    if option.default:
        found["default"] = option.default
    if option.example:
        found["examples"] = [option.example]
    return found
