"""What the models refuse, told to those who wrote the file: where, what is wrong, what to write; nothing is checked.

The parser and the models know what is wrong in their own words; here those become ours, in both languages.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, TypeAlias, get_args, get_origin

from annotated_types import Ge, Gt, Le
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from server.core.policy.document import Severity
from server.core.policy.schema import Part, PolicyFile
from server.core.policy.yaml_lines import Path, Unsound, YamlFault
from server.core.text import Text, phrase

_LONGEST_SHOWN = 40


@dataclass(frozen=True, slots=True)
class Remark:
    """What is wrong at a place in the file. line: where that is known; else it is looked up from the place."""

    where: Path
    problem: Text
    fix: Text
    severity: Severity = Severity.FAULT
    line: int | None = None


def warn(where: Path, problem: Text, fix: Text) -> Remark:
    """A remark that does not keep the policy from loading."""
    return Remark(where, problem, fix, Severity.WARNING)


def tell_form(fault: YamlFault) -> Remark:
    """What is wrong with the text before its keys mean anything."""
    return replace(_tell_form(fault), line=fault.line)


def _tell_form(fault: YamlFault) -> Remark:
    match fault.kind:
        case Unsound.TWICE:
            return Remark(
                fault.where,
                phrase("{key} is here twice; the first time on line {line}.", key=fault.detail, line=fault.first or 0),
                phrase("Keep one of the two."),
            )
        case Unsound.TAG:
            return Remark(
                fault.where,
                phrase("There is a tag here, or a key that is no text."),
                phrase("Leave out whatever begins with an exclamation mark, and write keys as plain words."),
            )
        case Unsound.NOT_KEYS:
            return Remark(
                fault.where,
                phrase("This is no policy: it does not begin with a key."),
                phrase("Begin with the lines of a shipped policy and change them."),
            )
        case Unsound.TOO_LARGE:
            return Remark(
                fault.where,
                phrase("This is too large to be a policy, or it repeats itself without end."),
                phrase("Give the path of a policy file, and leave out names that begin with an asterisk."),
            )
        case _:
            return Remark(
                fault.where,
                phrase("From here on this cannot be read as YAML: {what}.", what=fault.detail),
                phrase("Look at quotes, brackets and the depth of lines here and just above. Use spaces, not tabs."),
            )


def tell_value(error: ErrorDetails) -> Remark:
    """What the models refuse, with what may stand there instead."""
    where = tuple(part for part in error["loc"] if part != "[key]")
    if "[key]" in error["loc"] and where[0] == "accepts":
        return Remark(
            where,
            phrase("{key} is no contradiction that is looked for.", key=str(where[-1])),
            phrase("Write one of C1, C2, C3, C4, C9 and C11, as closeout policy lint names them."),
        )
    if "[key]" in error["loc"]:
        return Remark(where, *_NAMES["slug"])
    tell = _TELLERS.get(error["type"])
    if tell is None:
        return Remark(where, phrase("This is not allowed here: {what}.", what=error["msg"]), _LOOK)
    return Remark(where, *tell(_Refused(where, error["input"], error.get("ctx", {}))))


@dataclass(frozen=True, slots=True)
class _Refused:
    where: Path
    given: Any
    context: Mapping[str, Any]


_Told: TypeAlias = tuple[Text, Text]
_LOOK = phrase("See the manual of the policy language for what is allowed here.")


def _missing(refused: _Refused) -> _Told:
    key = str(refused.where[-1])
    return phrase("{key} is missing.", key=key), phrase("Write {key} here: a policy leaves nothing unsaid.", key=key)


def _unknown(refused: _Refused) -> _Told:
    problem = phrase("There is no key {key} here.", key=str(refused.where[-1]))
    model = _model_at(refused.where[:-1])
    keys = [] if model is None else [info.alias or name for name, info in model.model_fields.items()]
    near = difflib.get_close_matches(str(refused.where[-1]), keys, n=1)
    if near:
        return problem, phrase("Do you mean {key}? Otherwise take it out.", key=near[0])
    return problem, phrase("Take it out. The keys here are: {keys}.", keys=tuple(keys))


def _no_choice(refused: _Refused) -> _Told:
    choices = tuple(re.findall(r"'([^']*)'", str(refused.context.get("expected", ""))))
    return (
        phrase("{given} is none of the words that are allowed here.", given=_shown(refused.given)),
        phrase("Write one of: {choices}.", choices=choices),
    )


def _no_boolean(refused: _Refused) -> _Told:
    if isinstance(refused.given, str):
        problem = phrase("{given} is text in YAML 1.2, and neither true nor false.", given=_shown(refused.given))
    else:
        problem = phrase("{given} is neither true nor false.", given=_shown(refused.given))
    return problem, phrase("Write true or false, without quotes.")


def _no_number(refused: _Refused) -> _Told:
    return phrase("{given} is no number that is allowed here.", given=_shown(refused.given)), _bounds(refused.where)


def _no_text(refused: _Refused) -> _Told:
    if isinstance(refused.given, int | float):
        given = _shown(refused.given)
        return phrase("{given} reads as a number; text is meant here.", given=given), phrase(
            'Put quotes around it: "{given}".', given=given
        )
    return phrase("Text is meant here."), phrase("Write a few words, in quotes if they hold a colon.")


def _constant(problem: Text, fix: Text) -> Callable[[_Refused], _Told]:
    return lambda _refused: (problem, fix)


_NAMES: Mapping[str, _Told] = {
    "slug": (
        phrase("A name is not written like this."),
        phrase("Use small letters, digits and dashes, and begin with a letter: care-provider."),
    ),
    "version": (
        phrase("A version is not written like this."),
        phrase('Use at most 20 letters, digits, dots and dashes, in quotes: "1.0".'),
    ),
    "day": (
        phrase("This is no day."),
        phrase("Write a day that exists, as year-month-day: 2026-03-01."),
    ),
    "moment": (
        phrase("This is no moment."),
        phrase("Write a day, or a day and a time in Amsterdam: 2026-03-01 or 2026-03-01 14:30."),
    ),
    "span": (
        phrase("This is no period."),
        phrase("Write a number of days, months or years: 90 days, 6 months, 2 years."),
    ),
    "case_number": (
        phrase("This cannot be a case number."),
        phrase(
            "Write an invented one in quotes, with at least three digits, beginning and ending with a letter or digit."
        ),
    ),
}

_TELLERS: Mapping[str, Callable[[_Refused], _Told]] = {
    "missing": _missing,
    "extra_forbidden": _unknown,
    "enum": _no_choice,
    "literal_error": _no_choice,
    "bool_type": _no_boolean,
    "int_type": _no_number,
    "float_type": _no_number,
    "greater_than": _no_number,
    "greater_than_equal": _no_number,
    "less_than_equal": _no_number,
    "string_type": _no_text,
    "string_too_short": _constant(phrase("Nothing is written here."), phrase("Write a sentence.")),
    "string_too_long": _constant(phrase("This is too long."), phrase("Say it in a sentence or two.")),
    "list_type": _constant(
        phrase("A list is meant here."), phrase("Write [one, two], or a line with a dash for each.")
    ),
    "dict_type": _constant(phrase("Keys and values are meant here."), phrase("Write them below this key, further in.")),
    "model_type": _constant(
        phrase("Keys and values are meant here."), phrase("Write them below this key, further in.")
    ),
    "too_short": _constant(phrase("Nothing is named here."), phrase("Name at least one.")),
    "too_long": _constant(phrase("This names too many."), phrase("Keep those that matter.")),
} | {kind: _constant(*told) for kind, told in _NAMES.items()}


def _shown(value: Any) -> str:
    """A value as it was written, as far as it fits a sentence."""
    match value:
        case None:
            return "null"
        case bool():
            return str(value).lower()
        case str() | int() | float():
            text = str(value)
            return text if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]}…"
        case list():
            return "[…]"
        case _:
            return "{…}"


def _bounds(where: Path) -> Text:
    field = _field_at(where)
    limits = [] if field is None else [*field.metadata, *_limits_in(field.annotation)]
    least = next((limit.ge for limit in limits if isinstance(limit, Ge)), None)
    above = next((limit.gt for limit in limits if isinstance(limit, Gt)), None)
    most = next((limit.le for limit in limits if isinstance(limit, Le)), None)
    if field is not None and float not in _types_in(field.annotation) and least is not None and most is not None:
        return phrase("Write a whole number from {least} to {most}.", least=f"{least:g}", most=f"{most:g}")
    if least is not None and most is not None:
        return phrase("Write a number from {least} to {most}.", least=f"{least:g}", most=f"{most:g}")
    if above is not None and most is not None:
        return phrase("Write a number above {least}, and at most {most}.", least=f"{above:g}", most=f"{most:g}")
    return phrase("Write a number, 0 or more.")


def _types_in(annotation: Any) -> Iterable[Any]:
    yield annotation
    for inner in get_args(annotation):
        yield from _types_in(inner)


def _limits_in(annotation: Any) -> Iterable[Any]:
    for inner in _types_in(annotation):
        for extra in getattr(inner, "__metadata__", ()):
            yield from extra.metadata if isinstance(extra, FieldInfo) else [extra]


def _model_at(where: Path) -> type[Part] | None:
    """The model whose keys stand below that place."""
    if not where:
        return PolicyFile
    field = _field_at(where)
    return None if field is None else _part_in(field.annotation)


def _field_at(where: Path) -> FieldInfo | None:
    """The field that the keys lead to; places in lists, and names that the file itself gives, lead no further."""
    model: type[Part] | None = PolicyFile
    field: FieldInfo | None = None
    own_name = False
    for key in where:
        if isinstance(key, int) or own_name:
            own_name = False
            continue
        if model is None:
            return None
        field = next((info for name, info in model.model_fields.items() if (info.alias or name) == key), None)
        if field is None:
            return None
        own_name = get_origin(field.annotation) is dict
        model = _part_in(field.annotation)
    return field


def _part_in(annotation: Any) -> type[Part] | None:
    return next((each for each in _types_in(annotation) if isinstance(each, type) and issubclass(each, Part)), None)
