"""What the text of one cell means, in the words and forms of a mapping; rows and files are not known here."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, Final

from server.sources.mapping import CaseMapping, Condition, answer_of, answers, normal, word_of
from server.sources.rows import Problem

MAX_CELL = 200
"""Characters in a cell that we read."""
EARLIEST = date(1990, 1, 1)
"""No date of a case, contact or assignment lies before this."""
LATEST_AFTER = timedelta(days=3653)
"""No planned day lies later than this after the export."""
_MEMO = 50_000

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_FORMULA = re.compile(r"[=@]|[+-]\s*[^\W\d_]")
_SHORTENED = re.compile(r"-?\d([.,]\d+)?E\+?\d+", re.IGNORECASE)
_ERROR = re.compile(r"#(?:N/[A-Z]+|NV|[^\W\d_][\w/]*[!?]|[A-Z]+_[A-Z]+)|##+|(?:Err|Fout|Error):\d+", re.IGNORECASE)
"""What a spreadsheet shows in place of a value, in any language (#N/A, #VERW!), or where the column is too narrow."""
_DITTO_WORDS = frozenset(("idem", "ditto", "dito", "zelfde", "hetzelfde", "dezelfde", "zieboven", "sameasabove"))
_DITTO_LETTERS = frozenset(letter for word in _DITTO_WORDS for letter in (word[0], word[0].upper()))
_LONG = 20
"""Characters: no word for "the same as above" has as many."""
_DITTO_MARK = re.compile(r"(?=.*(?:[\"”„“″〃]|''|,,))[-\s'\"”„“″〃,]+")
_DECIMAL = re.compile(r"-?(?:[1-9]\d*|0)[.,]\d+")
"""A number that went through a spreadsheet or a data frame as an amount: 612345678.0 has a digit too many, and a share
of one (0.0612345678) reads like a number abroad.
"""
_DATE = re.compile(
    r"(?:(?:0?[1-9]|[12]\d|3[01])([-/. ])(?:0?[1-9]|1[0-2])\1(?:1[89]|2[01])\d\d"
    r"|(?:1[89]|2[01])\d\d([-/. ])(?:0?[1-9]|1[0-2])\2(?:0?[1-9]|[12]\d|3[01])"
    r"|(?:0?[1-9]|1[0-2])([-/. ])(?:0?[1-9]|[12]\d|3[01])\3(?:1[89]|2[01])\d\d)"
    r"(?:[T ]+\d?\d:\d\d.*)?"
)
"""A day in any order of its parts: eight digits in three groups, which no number that can be dialled here is."""
_PERSON = r"[0-9A-Za-z]{1,4}"
_ISO_FORMS = ("%Y-%m-%d", "%Y-%m-%d %H:%M:%S")


class Bad:
    """Why a cell has no value."""

    __slots__ = ("hints", "problem")

    def __init__(self, problem: Problem, **hints: str) -> None:
        self.problem = problem
        self.hints = hints


MISSING: Final = Bad(Problem.MISSING_VALUE)


class Memo(dict[str, Any]):
    """Text of a cell -> its value or a Bad, worked out once: an export repeats itself more than anything."""

    __slots__ = ("_parse",)

    def __init__(self, parse: Callable[[str], Any]) -> None:
        super().__init__()
        self._parse = parse

    def __missing__(self, cell: str) -> Any:
        if len(self) >= _MEMO:
            self.clear()
        value = self[cell] = self._parse(cell)
        return value


class Once(Memo):
    """For cells that hardly ever repeat, such as numbers: nothing is kept."""

    __slots__ = ()

    def __missing__(self, cell: str) -> Any:
        return self._parse(cell)


class Always(Memo):
    """The mapping says it once for all rows: every cell means that, and none is kept."""

    __slots__ = ("_value",)

    def __init__(self, value: Any) -> None:
        super().__init__(str)
        self._value = value

    def __missing__(self, cell: str) -> Any:
        return self._value


def _text(cell: str) -> str | Bad | None:
    """Plain text without space around it; None: empty."""
    text = cell.strip()
    if not text:
        return None
    if len(text) > MAX_CELL:
        return Bad(Problem.TOO_LONG, limit=str(MAX_CELL))
    if _CONTROL.search(text):
        return Bad(Problem.LINE_BREAK)
    if _FORMULA.match(text):
        return Bad(Problem.FORMULA)
    return _no_value(text) or text


def _no_value(text: str) -> Bad | None:
    """Why a text stands in place of a value; None: it is one."""
    first = text[0]
    if first.isdecimal() or first == "+":
        return None
    if first.isalpha():
        if first in _DITTO_LETTERS and len(text) < _LONG and normal(text) in _DITTO_WORDS:
            return Bad(Problem.DITTO)
        return Bad(Problem.ERROR_CELL) if _ERROR.fullmatch(text) else None
    if _ERROR.fullmatch(text):
        return Bad(Problem.ERROR_CELL)
    return Bad(Problem.DITTO) if _DITTO_MARK.fullmatch(text) else None


def _identifier(cell: str) -> str | Bad | None:
    text = _text(cell)
    if not isinstance(text, str):
        return text
    if _SHORTENED.fullmatch(text) or _DECIMAL.fullmatch(text):
        return Bad(Problem.SHORTENED_NUMBER)
    return Bad(Problem.DATE_AS_IDENTIFIER) if _DATE.fullmatch(text) else text


def _pattern(pattern: str, problem: Problem) -> Callable[[str], str | Bad | None]:
    compiled = re.compile(pattern)

    def parse(cell: str) -> str | Bad | None:
        text = _text(cell)
        return Bad(problem, pattern=pattern) if isinstance(text, str) and not compiled.fullmatch(text) else text

    return parse


def _words(table: Mapping[Any, Sequence[str]], problem: Problem) -> Callable[[str], Any]:
    """A word -> what it means; the empty cell is missing unless the mapping gives it a meaning."""
    return _meaning(_by_word(tuple((each, tuple(words)) for each, words in table.items())), problem, word_of)


@lru_cache(maxsize=64)
def _by_word(table: tuple[tuple[Any, tuple[str, ...]], ...]) -> Mapping[str, Any]:
    """Word -> what it means; the words of a mapping, never those of a cell."""
    return {word_of(word): meaning for meaning, words in table for word in words}


def _meaning(meanings: Mapping[str, Any], problem: Problem, form: Callable[[str], str]) -> Callable[[str], Any]:
    def parse(cell: str) -> Any:
        text = _text(cell)
        if isinstance(text, Bad):
            return text
        word = form(text or "")
        if word in meanings:
            return meanings[word]
        return None if text is None else Bad(problem)

    return parse


class Dates:
    """Dates as this export writes them. Days without a time are local days: they start and end at local midnight."""

    def __init__(self, mapping: CaseMapping, as_of: datetime, *, iso: bool) -> None:
        self._forms = tuple(dict.fromkeys((*mapping.dates, *(_ISO_FORMS if iso else ()))))
        self._zone = mapping.zone
        known = (self._read(word.strip()) for word in mapping.empty)
        self._empty = frozenset(found[0].date() for found in known if found is not None)
        self._today = as_of.astimezone(mapping.zone).date()
        self._latest = self._today + LATEST_AFTER

    def _moment(self, cell: str) -> tuple[datetime, bool] | Bad | None:
        """A moment, aware if its form has a zone, and whether the form has a time of day."""
        text = _text(cell)
        if text is None or isinstance(text, Bad):
            return text
        found = self._read(text)
        if found is None:
            return Bad(Problem.BAD_DATE, formats=", ".join(self._forms))
        day = found[0].date()
        if day in self._empty:
            return None
        if not EARLIEST <= day <= self._latest:
            return Bad(Problem.ABSURD_DATE, low=EARLIEST.isoformat(), high=self._latest.isoformat())
        return found

    def _read(self, text: str) -> tuple[datetime, bool] | None:
        for form in self._forms:
            try:
                return datetime.strptime(text, form), "%H" in form  # noqa: DTZ007  callers add the zone
            except ValueError:
                continue
        return None

    def day(self, cell: str) -> date | Bad | None:
        """The local day."""
        found = self._moment(cell)
        return self._day(*found) if isinstance(found, tuple) else found

    def start(self, cell: str) -> datetime | Bad | None:
        """UTC; of a day its first instant; of an hour that the clock shows twice the first."""
        found = self._moment(cell)
        if not isinstance(found, tuple):
            return found
        moment, _ = found
        return (moment if moment.tzinfo is not None else moment.replace(tzinfo=self._zone)).astimezone(UTC)

    def end(self, cell: str) -> datetime | Bad | None:
        """UTC; of a day the first instant after it; of an hour that the clock shows twice the second."""
        found = self._moment(cell)
        return self._end(*found) if isinstance(found, tuple) else found

    def closure(self, cell: str) -> datetime | Bad | None:
        """As `end`; a closure that the export tells of cannot lie in its future."""
        found = self._moment(cell)
        if not isinstance(found, tuple):
            return found
        return Bad(Problem.FUTURE_CLOSURE) if self._day(*found) > self._today else self._end(*found)

    def _day(self, moment: datetime, _timed: bool) -> date:
        return (moment if moment.tzinfo is None else moment.astimezone(self._zone)).date()

    def _end(self, moment: datetime, timed: bool) -> datetime:
        if moment.tzinfo is not None:
            return moment.astimezone(UTC)
        if not timed:
            moment = datetime.combine(moment.date() + timedelta(days=1), time())
        return moment.replace(tzinfo=self._zone, fold=1 if timed else 0).astimezone(UTC)


def parsers_for(mapping: CaseMapping, dates: Dates) -> dict[str, Callable[[str], Any]]:
    """What the text of each field means; the names are those of `FileKind.columns`, without the number of a column."""
    yes_or_no = _meaning(answers(mapping.words.yes, mapping.words.no), Problem.UNKNOWN_ANSWER, answer_of)
    parsers: dict[str, Callable[[str], Any]] = {
        "case_number": _pattern(mapping.case_number_pattern, Problem.BAD_CASE_NUMBER),
        "case.phase": _words(mapping.words.phases, Problem.UNKNOWN_PHASE),
        "case.opened_on": dates.day,
        "case.closed_at": dates.closure,
        "case.closed_only_if": _says(mapping),
        "case.recorded": yes_or_no,
        "case.service": _text,
        "case.transferred_on": dates.day,
        "case.monitoring_from": dates.day,
        "case.plan_counts_from": dates.day,
        "contact.values": _identifier,
        "contact.class": _words(mapping.words.classes, Problem.UNKNOWN_CLASS),
        "contact.person": _pattern(_PERSON, Problem.BAD_PERSON_CODE),
        "contact.former_since": dates.day,
        "contact.linked": yes_or_no,
        "assignment.worker": _text,
        "assignment.from": dates.start,
        "assignment.until": dates.end,
        "assignment.role": _text,
        "moment.worker": _text,
        "moment.on": dates.day,
    }
    return {name: _or_empty(parse, mapping) for name, parse in parsers.items()}


def _or_empty(parse: Callable[[str], Any], mapping: CaseMapping) -> Callable[[str], Any]:
    """With the words that the mapping says are no value at all."""
    if not mapping.empty:
        return parse
    words = frozenset(word.strip().casefold() for word in mapping.empty)
    return lambda cell: parse("" if cell.strip().casefold() in words else cell)


def _says(mapping: CaseMapping) -> Callable[[str], Any]:
    """Whether a cell says that the closure was confirmed; an empty one says that it was not."""
    conditions = [kind.case.closed_only_if for kind in mapping.files if kind.case is not None]
    meanings: dict[str, bool] = {}
    for condition in conditions:
        if condition is not None:
            meanings |= _condition(condition, answers(mapping.words.yes, mapping.words.no))
    return _meaning({"": False, **meanings}, Problem.UNKNOWN_CONDITION, answer_of)


def _condition(condition: Condition, general: Mapping[str, bool]) -> dict[str, bool]:
    own = dict.fromkeys(map(answer_of, condition.says_not), False) | dict.fromkeys(map(answer_of, condition.says), True)
    said = {general.get(word) for word, meaning in own.items() if meaning} - {None}
    if said == {False}:  # "objections pending: no" is what makes it true
        return {word: not yes for word, yes in general.items()} | own
    return {word: yes for word, yes in general.items() if said or not yes} | own
