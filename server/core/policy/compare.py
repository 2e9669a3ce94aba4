"""What two policies decide differently, parameter by parameter; texts, sources and examples are left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from server.core.policy.document import PolicyDocument


@dataclass(frozen=True, slots=True)
class Difference:
    """One parameter that differs. rule, parameter: as the file calls them. before, after: as the file writes them."""

    rule: str
    parameter: str
    before: str
    after: str


def values_of(document: PolicyDocument) -> Mapping[tuple[str, str], str]:
    """Every parameter of every rule in the order of the language, as the file writes its value."""
    found: dict[tuple[str, str], str] = {}
    for name, rule in document.content.rules.each():
        plain = rule.model_dump(mode="json", include={*rule.parameters(), "strictness"}, by_alias=True)
        for key, value in plain.items():
            for parameter, each in _flat(key, value):
                found[name, parameter] = _written(each)
    return found


def compare(before: PolicyDocument, after: PolicyDocument) -> Sequence[Difference]:
    """What `after` decides otherwise than `before`; a parameter that one of them lacks has an empty value there."""
    old, new = values_of(before), values_of(after)
    keys = dict.fromkeys([*old, *new])
    return [
        Difference(rule, parameter, old.get((rule, parameter), ""), new.get((rule, parameter), ""))
        for rule, parameter in keys
        if old.get((rule, parameter)) != new.get((rule, parameter))
    ]


def _flat(key: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for inner, each in value.items():
            yield from _flat(f"{key}.{inner}", each)
    elif value is not None:
        yield key, value


def _written(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{', '.join(map(_written, value))}]"
    return str(value)
