"""Holds commands, answers, check-ins, profiles and declarations against Apple's published schema; no device is here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

_TYPES: Mapping[str, tuple[type, ...]] = {
    "<string>": (str,),
    "<integer>": (int,),
    "<real>": (float, int),
    "<boolean>": (bool,),
    "<array>": (list,),
    "<dictionary>": (dict,),
    "<data>": (bytes,),
    "<date>": (datetime,),
    "<any>": (object,),
}
_OUTER_ANSWER = frozenset(
    {"UDID", "EnrollmentID", "CommandUUID", "Status", "ErrorChain", "NotOnConsole", "RequestType"}
)


class AppleSchema:
    """The folder of YAML files."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def command(self, command: Mapping[str, Any]) -> list[str]:
        """What does not fit in a command (the dictionary under `Command`)."""
        found = self._commands.get(command["RequestType"])
        if found is None:
            return []
        given = {name: value for name, value in command.items() if name != "RequestType"}
        return _complaints(found.get("payloadkeys", []), given, command["RequestType"])

    def answer(self, request_type: str, answer: Mapping[str, Any]) -> list[str]:
        """What does not fit in what a phone answered to a command of this type, if it did it."""
        found = self._commands.get(request_type)
        if found is None or answer["Status"] != "Acknowledged":
            return []
        given = {name: value for name, value in answer.items() if name not in _OUTER_ANSWER}
        return _complaints(found.get("responsekeys", []), given, request_type)

    def checkin(self, message: Mapping[str, Any]) -> list[str]:
        """What does not fit in a check-in."""
        for file in (self.folder / "mdm/checkin").glob("*.yaml"):
            found = _read(file)
            if found["payload"]["requesttype"] == message["MessageType"]:
                own = "EnrollmentID" in message
                return _complaints(found["payloadkeys"], message, message["MessageType"], own=own)
        return [f"{message['MessageType']}: no such check-in"]

    def profile(self, profile: Mapping[str, Any]) -> list[str]:
        """What does not fit in a profile or in one of its payloads."""
        found = _complaints(self._payloads["TopLevel"]["payloadkeys"], profile, "profile")
        for payload in profile.get("PayloadContent", []):
            kind = payload.get("PayloadType", "")
            if kind not in self._payloads:
                found.append(f"{kind}: no such payload")
                continue
            keys = [*self._payloads["CommonPayloadKeys"]["payloadkeys"], *self._payloads[kind]["payloadkeys"]]
            found += _complaints(keys, payload, kind)
        return found

    def forbidden_to_users(self, profile: Mapping[str, Any]) -> set[str]:
        """Keys of a profile's payloads that do nothing on a phone that its user enrolled."""
        return {
            key["key"]
            for payload in profile["PayloadContent"]
            for key in self._payloads[payload["PayloadType"]]["payloadkeys"]
            if key["key"] in payload
            and key.get("supportedOS", {}).get("iOS", {}).get("userenrollment", {}).get("mode") == "forbidden"
        }

    def declaration(self, declaration: Mapping[str, Any]) -> list[str]:
        """What does not fit in a declaration."""
        found = self._declarations.get(declaration.get("Type", ""))
        if found is None:
            return [f"{declaration.get('Type')}: no such declaration"]
        return _complaints(found["payloadkeys"], declaration["Payload"], declaration["Type"])

    def status_item(self, name: str, value: object) -> list[str]:
        """What does not fit in one item of a status report."""
        found = _read(self.folder / f"declarative/status/{name}.yaml")
        return _complaints(found["payloadkeys"], {name: value}, name)

    @cached_property
    def _commands(self) -> Mapping[str, Any]:
        files = (self.folder / "mdm/commands").glob("*.yaml")
        return {found["payload"]["requesttype"]: found for found in map(_read, files)}

    @cached_property
    def _payloads(self) -> Mapping[str, Any]:
        files = (self.folder / "mdm/profiles").glob("*.yaml")
        return {found["payload"]["payloadtype"]: found for found in map(_read, files)}

    @cached_property
    def _declarations(self) -> Mapping[str, Any]:
        files = (self.folder / "declarative/declarations").rglob("*.yaml")
        read = [_read(file) for file in files]
        return {each["payload"]["declarationtype"]: each for each in read if "declarationtype" in each["payload"]}


@lru_cache
def _read(file: Path) -> Any:
    return YAML(typ="safe").load(file.read_text("utf-8"))


def _complaints(
    keys: Sequence[Mapping[str, Any]], given: Mapping[str, Any], where: str, *, own: bool = False
) -> list[str]:
    named = {key["key"]: key for key in keys}
    wild = next((key for name, key in named.items() if name.startswith("ANY")), None)
    found: list[str] = []
    for name, value in given.items():
        key = named.get(name, wild)
        found += [f"{where}.{name}: unknown"] if key is None else _value(key, value, f"{where}.{name}")
    for name, key in named.items():
        if _must(key, own=own) and name not in given and key is not wild:
            found.append(f"{where}.{name}: missing")
    return found


def _must(key: Mapping[str, Any], *, own: bool) -> bool:
    phones = key.get("supportedOS", {}).get("iOS", {})
    if phones.get("introduced") == "n/a":
        return False
    mode = phones.get("userenrollment", {}).get("mode")
    if mode in ("required", "forbidden"):
        return key.get("presence") == "required" and own is (mode == "required")
    return bool(key.get("presence") == "required")


def _value(key: Mapping[str, Any], value: object, where: str) -> Iterator[str]:
    kinds = _TYPES[key["type"]]
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds and object not in kinds):
        yield f"{where}: no {key['type']}"
        return
    if "rangelist" in key and value not in key["rangelist"]:
        yield f"{where}: not of the list"
    subkeys = key.get("subkeys", [])
    if isinstance(value, dict) and subkeys:
        yield from _complaints(subkeys, value, where)
    if isinstance(value, list) and subkeys:
        for each in value:
            yield from _value(subkeys[0], each, where)
