"""Mapping files: how the export of one case system is read, as data; parsed and checked here, no export is opened.

A mapping is a YAML 1.2 file in `agent_policies/sources/`; its manual is `agent_policies/README.md`. All faults are told
at once, each with its line and what to do.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, TypeGuard, TypeVar
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from server.core.model import ContactClass, Phase
from server.core.policy.yaml_lines import Lines, Unsound, YamlFault, read_lines
from server.sources.rows import Mode

MAX_BYTES = 256 * 1024
"""No mapping comes near this; what is larger is no mapping."""
_DOUBT = re.compile(r"[?\u037e\u055e\u061f\ufe56\uff1f]")
"""Question marks."""
_DIRECTIVES = frozenset("dmYHMSfz")
_LOOSE = Field(strict=False)


class Encoding(StrEnum):
    """How the bytes of a CSV become text. AUTO: byte order mark, else UTF-8, else Windows-1252."""

    AUTO = "auto"
    UTF_8 = "utf-8"
    UTF_16 = "utf-16"
    WINDOWS_1252 = "windows-1252"


class Delimiter(StrEnum):
    """What stands between cells. AUTO: whichever lets the header fit the mapping best."""

    AUTO = "auto"
    SEMICOLON = "semicolon"
    COMMA = "comma"
    TAB = "tab"


class UnknownHeaders(StrEnum):
    """What a header that the mapping does not name means."""

    REFUSE = "refuse"
    IGNORE = "ignore"


class MappingPart(BaseModel):
    """Any part of a mapping file: frozen, strict, and no key that it does not know."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


_P = TypeVar("_P", bound=MappingPart)


class Column(MappingPart):
    """One field of ours: the headers by which its column is known, or a constant.

    headers: any one of them. optional: the file may lack the column. always: no column at all, this is the value.
    """

    headers: list[str] = []
    optional: bool = False
    always: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_list(cls, value: Any) -> Any:
        return {"headers": value} if isinstance(value, list) else value

    @model_validator(mode="after")
    def _one_of_two(self) -> Column:
        if bool(self.headers) == (self.always is not None):
            raise ValueError("name headers or always, one of the two")
        if any(not normal(header) for header in self.headers):
            raise ValueError("a header needs a letter or digit")
        return self


class Condition(MappingPart):
    """A column, the words in it that make something true, and those that leave it untrue.

    Where `says` has a word for yes, every word for yes makes it true. The words for no, and no word at all, leave it
    untrue. Any other word is a fault: what it means is not guessed.
    """

    column: Column
    says: list[str] = Field(min_length=1)
    says_not: list[str] = []


class CaseColumns(MappingPart):
    """Where a row says what a case is.

    closed_at: the confirmed final closure, not any status. closed_only_if: it counts only when that column says so.
    transferred_on, monitoring_from, plan_counts_from: the days from which a policy may count the months of monitoring.
    """

    phase: Column
    opened_on: Column | None = None
    closed_at: Column | None = None
    closed_only_if: Condition | None = None
    recorded: Column | None = None
    service: Column | None = None
    transferred_on: Column | None = None
    monitoring_from: Column | None = None
    plan_counts_from: Column | None = None


class ContactColumns(MappingPart):
    """Where a row says whose identifiers it carries; values: one column for each number or address."""

    values: list[Column] = Field(min_length=1)
    contact_class: Column = Field(alias="class")
    person: Column | None = None
    former_since: Column | None = None
    linked: Column | None = None


class AssignmentColumns(MappingPart):
    """Where a row says who works on the case."""

    worker: Column
    from_at: Column = Field(alias="from")
    until_at: Column | None = Field(default=None, alias="until")
    role: Column | None = None


class MomentColumns(MappingPart):
    """Where a row says what the monitoring plan asks; on: one column for each planned day."""

    worker: Column
    on: list[Column] = Field(min_length=1)


class FileKind(MappingPart):
    """One kind of file (or sheet) in an export: which of the four things a row of it tells, and in which columns."""

    name: str
    required: bool = True
    sheet: str | None = None
    case_number: Column
    case: CaseColumns | None = None
    contact: ContactColumns | None = None
    assignment: AssignmentColumns | None = None
    moment: MomentColumns | None = None

    @model_validator(mode="after")
    def _tells_something(self) -> FileKind:
        if not (self.case or self.contact or self.assignment or self.moment):
            raise ValueError("name at least one of case, contact, assignment, moment")
        return self

    @cached_property
    def columns(self) -> tuple[tuple[str, Column], ...]:
        """Every field of this kind with its column, named as faults name them ("case.phase")."""
        return tuple(_columns_of(self))


class Words(MappingPart):
    """What the words in cells mean; case, spaces and diacritics do not count, "" is an empty cell."""

    phases: dict[Annotated[Phase, _LOOSE], list[str]]
    classes: dict[Annotated[ContactClass, _LOOSE], list[str]]
    yes: list[str] = []
    no: list[str] = []


class TimeOfExport(MappingPart):
    """When the export was made. in_file_name: a form such as `%Y%m%d-%H%M`; None: when the file was last changed."""

    in_file_name: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _modified(cls, value: Any) -> Any:
        return {} if value == "modified" else value


class CaseMapping(MappingPart):
    """How the export of one case system is read."""

    name: str
    system: str
    mode: Annotated[Mode, _LOOSE]
    encoding: Annotated[Encoding, _LOOSE] = Encoding.AUTO
    delimiter: Annotated[Delimiter, _LOOSE] = Delimiter.AUTO
    time_zone: str = "Europe/Amsterdam"
    time_of_export: TimeOfExport = TimeOfExport()
    dates: list[str] = Field(min_length=1)
    unknown_headers: Annotated[UnknownHeaders, _LOOSE] = UnknownHeaders.REFUSE
    ignore: list[str] = []
    multiline: list[str] = []
    empty: list[str] = []
    each_case_needs_client: bool = False
    case_number_pattern: str = r"[0-9A-Za-z][0-9A-Za-z ./_-]{0,39}"
    words: Words
    files: list[FileKind] = Field(min_length=1)

    @cached_property
    def zone(self) -> ZoneInfo:
        """Where local times in the export are local."""
        return ZoneInfo(self.time_zone)

    @cached_property
    def ignored(self) -> frozenset[str]:
        """Headers known and not used, in their normal form."""
        return frozenset(normal(header) for header in (*self.ignore, *self.multiline))

    @cached_property
    def may_hold_lines(self) -> frozenset[str]:
        """Headers of columns that nobody reads and whose cells may hold line breaks, in their normal form."""
        return frozenset(normal(header) for header in self.multiline)


@dataclass(frozen=True, slots=True)
class MappingFault:
    """One thing wrong with a mapping file. line: None if the file as a whole. where: the keys that lead there."""

    file: str
    line: int | None
    where: str
    advice: str


class MappingRefused(Exception):
    """The mapping is not sound; `faults` are all that is wrong with it."""

    def __init__(self, faults: Sequence[MappingFault]) -> None:
        super().__init__("; ".join(f"{f.file}:{f.line or 1}: {f.where}: {f.advice}" for f in faults))
        self.faults = tuple(faults)


YES = ("yes", "y", "ja", "j", "true", "waar", "1", "x")
NO = ("no", "n", "nee", "neen", "false", "onwaar", "0")
"""What means yes and what no wherever a cell answers, beside the words of a mapping, which come first."""
_NUMBER_ANSWER = re.compile(r"([01])[.,]0+")


def answers(yes: Iterable[str] = (), no: Iterable[str] = ()) -> dict[str, bool]:
    """The normal form of every word that answers, and whether it says yes. yes, no: a mapping's own words."""
    words = ((YES, True), (NO, False), (yes, True), (no, False))
    return {word_of(word): meaning for table, meaning in words for word in table}


def answer_of(cell: str) -> str:
    """A cell's answer in its normal form, by which it stands among `answers`; a number with its decimals is one."""
    number = _NUMBER_ANSWER.fullmatch(cell.strip())
    return number[1] if number else word_of(cell)


def word_of(cell: str) -> str:
    """A word in its normal form; of signs alone (?, -, ✓), which have none, the signs: they are not an empty cell.

    A question mark behind a word stays (`ja?`): it says that somebody did not know.
    """
    word = normal(cell)
    return f"{word}?" if word and _DOUBT.search(cell) else word or cell.strip()


def normal(header: str) -> str:
    """A header or word without case, spaces, punctuation and diacritics: what two spellings of it share."""
    decomposed = unicodedata.normalize("NFKD", header)
    return "".join(char for char in decomposed.casefold() if char.isalnum())


def shipped() -> tuple[str, ...]:
    """The names of the mappings that come with the product."""
    folder = resources.files("agent_policies") / "sources"
    return tuple(sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml")))


def load_mapping(name: str | Path) -> CaseMapping:
    """The shipped mapping of this name, or the mapping file at this path.

    Raises MappingRefused: with all that is wrong with it, or because there is no such mapping.
    """
    path = Path(name)
    if path.suffix in {".yaml", ".yml"}:
        return parse_mapping(read_path(path), path.name, lambda base: _sibling(path, base))
    return parse_mapping(_read_shipped(str(name)), f"{name}.yaml", _read_shipped)


def parse_uploaded(raw: bytes, file: str) -> CaseMapping:
    """A mapping that somebody handed over; it may extend a shipped one and no other file of this machine.

    Raises MappingRefused.
    """
    return parse_mapping(decode(raw if len(raw) <= MAX_BYTES else None, file), file, _read_shipped)


def parse_mapping(text: str, file: str, parent: Callable[[str], str] | None = None) -> CaseMapping:
    """A mapping from its text. file: base name, for faults. parent: gives the text of the mapping it extends.

    Raises MappingRefused.
    """
    tree = parse_yaml(text, file)
    merged, origin = dict(tree.value), dict.fromkeys(tree.value, (file, tree))
    base = merged.pop("extends", None)
    if base is not None:
        if not isinstance(base, str) or parent is None:
            raise MappingRefused([MappingFault(file, tree.line(("extends",)), "extends", "Name another mapping.")])
        parent_file = f"{base}.yaml"
        parent_tree = parse_yaml(parent(base), parent_file)
        if "extends" in parent_tree.value:
            advice = "That mapping extends one itself: name that one."
            raise MappingRefused([MappingFault(file, tree.line(("extends",)), "extends", advice)])
        merged = {**parent_tree.value, **merged}
        origin = {**dict.fromkeys(parent_tree.value, (parent_file, parent_tree)), **origin}
    plain = {"name": file.rsplit(".", 1)[0], **merged}

    def fault(where: Sequence[str | int], advice: str) -> MappingFault:
        source, root = origin.get(str(where[0]) if where else "", (file, tree))
        return MappingFault(source, root.line(where), ".".join(map(str, where)) or "(file)", advice)

    faults: list[MappingFault] = []
    mapping: CaseMapping | None = None
    try:
        mapping = CaseMapping.model_validate(plain)
    except ValidationError as error:
        faults.extend(fault(where_of(item["loc"]), advice_of(item)) for item in error.errors(include_url=False))
    faults.extend(fault(where, advice) for where, advice in _cross_check(plain))
    if faults or mapping is None:
        raise MappingRefused(sorted(faults, key=lambda f: (f.file, f.line or 0)))
    return mapping


def _columns_of(kind: FileKind) -> Iterator[tuple[str, Column]]:
    yield "case_number", kind.case_number
    for section in ("case", "contact", "assignment", "moment"):
        part = getattr(kind, section)
        if part is None:
            continue
        for name, info in type(part).model_fields.items():
            value, label = getattr(part, name), f"{section}.{info.alias or name}"
            if isinstance(value, Column):
                yield label, value
            elif isinstance(value, Condition):
                yield label, value.column
            elif isinstance(value, list):
                for index, column in enumerate(value):
                    yield f"{label}.{index + 1}", column


def read_path(path: Path) -> str:
    """The text of a mapping file. Raises MappingRefused."""
    try:
        raw = path.read_bytes() if path.stat().st_size <= MAX_BYTES else None
    except OSError:
        raise MappingRefused([MappingFault(path.name, None, "(file)", "The file cannot be opened.")]) from None
    return decode(raw, path.name)


def _sibling(path: Path, base: str) -> str:
    """The mapping that one on disk extends: beside it, else among the shipped ones."""
    beside = path.with_name(f"{Path(base).name}.yaml")
    return read_path(beside) if beside.exists() else _read_shipped(base)


def _read_shipped(name: str) -> str:
    if name not in shipped():
        advice = f"There is no such mapping. Shipped are: {', '.join(shipped())}; or give the path of a .yaml file."
        raise MappingRefused([MappingFault(name, None, "(file)", advice)])
    return decode((resources.files("agent_policies") / "sources" / f"{name}.yaml").read_bytes(), f"{name}.yaml")


def decode(raw: bytes | None, file: str) -> str:
    """Bytes as text; None: too many of them. Raises MappingRefused."""
    if raw is None:
        raise MappingRefused(
            [MappingFault(file, None, "(file)", f"Larger than {MAX_BYTES} bytes: this is no mapping.")]
        )
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise MappingRefused([MappingFault(file, None, "(file)", "Not UTF-8. Save the file as UTF-8.")]) from None


def read_part(
    part: type[_P], lines: Lines, file: str, faults_of: Callable[[_P | None], Iterable[tuple[Sequence[str | int], str]]]
) -> _P:
    """A mapping's content as `part`; raises MappingRefused with all that is wrong, in order of lines.

    faults_of: what no single key can know of, as place and advice; asked with None where the content is no `part`.
    """
    found: _P | None = None
    wrong: list[tuple[Sequence[str | int], str]] = []
    try:
        found = part.model_validate(lines.value)
    except ValidationError as error:
        wrong = [(where_of(item["loc"]), advice_of(item)) for item in error.errors(include_url=False)]
    faults = [
        MappingFault(file, lines.line(where), ".".join(map(str, where)) or "(file)", advice)
        for where, advice in (*wrong, *faults_of(found))
    ]
    if faults or found is None:
        raise MappingRefused(sorted(faults, key=lambda fault: fault.line or 0))
    return found


def parse_yaml(text: str, file: str) -> Lines:
    """YAML with its lines. Raises MappingRefused with all that is unsound."""
    lines = read_lines(text)
    if lines.faults:
        raise MappingRefused([MappingFault(file, fault.line, "(file)", _unsound(fault)) for fault in lines.faults])
    return lines


def _unsound(fault: YamlFault) -> str:
    match fault.kind:
        case Unsound.NOT_KEYS:
            return "A mapping begins with `key: value` lines."
        case Unsound.TOO_LARGE:
            return "Too large, or aliases that repeat without end."
        case Unsound.TWICE:
            return f"This is not sound YAML: found duplicate key {fault.detail}, first on line {fault.first}."
        case Unsound.TAG:
            return "This is not sound YAML: found a tag, or a key that is no text."
        case _:
            return f"This is not sound YAML: {fault.detail}."


def where_of(location: tuple[str | int, ...]) -> list[str | int]:
    """Pydantic's path without the marks it adds for the keys of a table."""
    return [part for part in location if part != "[key]"]


_ADVICE: Mapping[str, str] = {
    "missing": "This key is needed and missing.",
    "extra_forbidden": "There is no such key. Check the spelling.",
    "string_type": "Write text here; put quotes around numbers, true and false.",
    "list_type": "Write a list here: [one, two].",
    "bool_type": "Write true or false.",
    "too_short": "Name at least one.",
    "model_type": "Write keys and values here, or a list of headers where a column is meant.",
    "dict_type": "Write `ours: [their words]` lines here.",
}


def advice_of(item: Any) -> str:
    """What to do about one of pydantic's errors."""
    kind: str = item["type"]
    if kind == "enum":
        return f"Write one of {item['ctx']['expected']}."
    if kind == "value_error":
        return f"{str(item['ctx']['error']).capitalize()}."
    return _ADVICE.get(kind, f"{item['msg']}.")


def _cross_check(plain: Mapping[str, Any]) -> Iterator[tuple[list[str | int], str]]:
    """What no single key can know of; each check stands alone, so that a fault elsewhere hides none of these."""
    yield from check_zone(plain.get("time_zone", "Europe/Amsterdam"))
    yield from check_dates(plain.get("dates"))
    yield from _check_time_of_export(plain.get("time_of_export"))
    yield from _check_pattern(plain.get("case_number_pattern", ""))
    words = plain.get("words")
    if isinstance(words, dict):
        for table in ("phases", "classes"):
            if isinstance(words.get(table), dict):
                yield from _check_words(["words", table], words[table])
        yield from _check_words(["words"], {key: words.get(key) for key in ("yes", "no")})
    files = plain.get("files")
    if isinstance(files, list):
        yield from _check_multiline(plain.get("multiline"), files)
        yield from _check_files(files)
        yield from _check_constants(files, words)


def check_zone(zone: Any) -> Iterator[tuple[list[str | int], str]]:
    """Whether there is such a time zone."""
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError, TypeError):
        yield ["time_zone"], "There is no such time zone. Write one like Europe/Amsterdam."


def check_dates(dates: Any, *, usage: bool = False) -> Iterator[tuple[list[str | int], str]]:
    """Whether every form says which day it is. usage: of a feed, where years of two digits and AM and PM may stand."""
    for index, form in enumerate(dates if isinstance(dates, list) else ()):
        if isinstance(form, str) and usage:
            form = form.replace("%y", "%Y").replace("%I", "%H").replace("%p", "")  # noqa: PLW2901
        if isinstance(form, str) and not _sound_form(form, needs_day=True):
            yield ["dates", index], "Write a form with %d, %m and %Y (all four digits), and %H:%M if it has a time."


def _check_time_of_export(time_of_export: Any) -> Iterator[tuple[list[str | int], str]]:
    form = time_of_export.get("in_file_name") if isinstance(time_of_export, dict) else None
    if isinstance(form, str) and not _sound_form(form, needs_day=True):
        yield ["time_of_export", "in_file_name"], "Write a form like %Y%m%d-%H%M."


def _check_pattern(pattern: Any) -> Iterator[tuple[list[str | int], str]]:
    try:
        re.compile(pattern)
    except (re.error, TypeError):
        yield ["case_number_pattern"], "This is no regular expression."


def _sound_form(form: str, *, needs_day: bool) -> bool:
    directives = re.findall(r"%(.)", form)
    if set(directives) - _DIRECTIVES or len(directives) != len(set(directives)):
        return False
    return not needs_day or {"d", "m", "Y"} <= set(directives)


def _check_words(where: list[str | int], table: Mapping[Any, Any]) -> Iterator[tuple[list[str | int], str]]:
    first: dict[str, Any] = {}
    for key, words in table.items():
        for index, word in enumerate(words if isinstance(words, list) else ()):
            if not isinstance(word, str):
                continue
            if first.setdefault(word_of(word), key) != key:
                yield [*where, key, index], f"This word already means {first[word_of(word)]}. One word, one meaning."


def _check_multiline(multiline: Any, files: Sequence[Any]) -> Iterator[tuple[list[str | int], str]]:
    """Line breaks may stand only where nobody reads."""
    kinds = [kind for kind in files if isinstance(kind, dict)]
    read = {normal(header) for kind in kinds for _, header in _headers(kind)}
    for index, header in enumerate(multiline if isinstance(multiline, list) else ()):
        if isinstance(header, str) and normal(header) in read:
            yield ["multiline", index], "This column is read: line breaks in it are faults. Take it out here."


def _check_files(files: Sequence[Any]) -> Iterator[tuple[list[str | int], str]]:
    names: set[Any] = set()
    cases = 0
    for index, kind in enumerate(files):
        if not isinstance(kind, dict):
            continue
        cases += "case" in kind
        name = kind.get("name")
        if isinstance(name, str):
            if name in names:
                yield ["files", index, "name"], "Two kinds of file have this name."
            names.add(name)
        first: dict[str, list[str | int]] = {}
        for where, header in _headers(kind):
            taken = first.setdefault(normal(header), where)
            # Who is assigned and who monitors may stand in one column; no other two fields may.
            if taken != where and not taken[-1] == where[-1] == "worker":
                yield ["files", index, *where], "This header already names another field."
    if files and cases != 1:
        yield ["files"], "Exactly one kind of file tells what cases there are (case:)."


def _check_constants(files: Sequence[Any], words: Any) -> Iterator[tuple[list[str | int], str]]:
    """A class that is always the same must be one of the words."""
    classes = words.get("classes") if isinstance(words, dict) else None
    known = {normal(word) for told in classes.values() for word in told} if _is_word_table(classes) else None
    for index, kind in enumerate(files):
        contact = kind.get("contact") if isinstance(kind, dict) else None
        column = contact.get("class") if isinstance(contact, dict) else None
        always = column.get("always") if isinstance(column, dict) else None
        if known is not None and isinstance(always, str) and normal(always) not in known:
            yield ["files", index, "contact", "class", "always"], "Write a word that stands under words: classes:."


def _is_word_table(table: Any) -> TypeGuard[dict[Any, list[str]]]:
    return isinstance(table, dict) and all(
        isinstance(words, list) and all(isinstance(word, str) for word in words) for words in table.values()
    )


def _headers(kind: Mapping[str, Any], path: tuple[str | int, ...] = ()) -> Iterator[tuple[list[str | int], str]]:
    """Every header named in a kind of file, with the keys of its field."""
    for key, value in kind.items():
        if key in {"name", "sheet", "required", "says", "says_not", "always", "optional"}:
            continue
        here = (*path, key) if key not in {"headers", "column"} else path
        if isinstance(value, dict):
            yield from _headers(value, here)
        elif isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, str):
                    yield list(here), item
                elif isinstance(item, list):
                    yield from (([*here, index], header) for header in item if isinstance(header, str))
                elif isinstance(item, dict):
                    yield from _headers(item, (*here, index))


def time_in_name(form: str, name: str, zone: ZoneInfo) -> datetime | None:
    """The time of export that a file name shows, aware; None: it shows none."""
    digits = {"Y": r"\d{4}", "z": r"[+-]\d{4}"}
    pattern = "".join(
        digits.get(part[1], r"\d{2}") if part.startswith("%") else re.escape(part)
        for part in re.findall(r"%.|[^%]", form)
    )
    found = re.search(rf"(?<!\d){pattern}(?!\d)", name)
    if found is None:
        return None
    try:
        moment = datetime.strptime(found[0], form)  # noqa: DTZ007  the zone follows
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
