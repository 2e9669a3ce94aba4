"""The port of case registers: the rows every source gives and the faults it tells of; no file is opened here.

A source turns what a case system exports into these rows and nothing more: it makes no token, decides nothing and
remembers nothing. A fault never carries the content of a cell, so it may be shown, logged and mailed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from server.core.model import ContactClass, Phase

STAYING_CLASSES = frozenset({ContactClass.PROFESSIONAL, ContactClass.COLLEAGUE, ContactClass.CHAIN_PARTNER})
"""The classes a contact row may have without a case: the directory of the whole organisation (DOMAIN 14.1, rule 1)."""


class Mode(StrEnum):
    """What an export says of cases it does not name (decision 0015)."""

    FULL = "full"
    """It names every case there is: one that it leaves out has vanished."""
    CHANGES = "changes"
    """It names only what changed: of other cases it says nothing."""


@dataclass(frozen=True, slots=True)
class CaseRow:
    """One case as the case system knows it.

    line: where it stands in its file (the header is line 1). closed_at: when the final closure was confirmed in writing
    (DOMAIN L11), aware, UTC; None: not confirmed. A case in an open phase may carry one: it was reopened since, and
    the phase says so. recorded: communication is in the case file; None: the system does not say. transferred_on,
    monitoring_from, plan_counts_from: days from which a policy may count the months of monitoring.
    """

    line: int
    number: str
    phase: Phase
    opened_on: date | None = None
    closed_at: datetime | None = None
    recorded: bool | None = None
    service: str | None = None
    transferred_on: date | None = None
    monitoring_from: date | None = None
    plan_counts_from: date | None = None


@dataclass(frozen=True, slots=True)
class ContactRow:
    """One identifier of one person.

    case_number: None only for STAYING_CLASSES. person: the neutral code of the person within the case ("A"), never a
    name. value: a number or address as somebody typed it; whether it is one is for `core.identity` to say.
    former_since: the day it stopped being this person's. linked False: the system does not say whether it belongs to
    the case. column: where the value stood, from 0.
    """

    line: int
    case_number: str | None
    person: str | None
    contact_class: ContactClass
    value: str = field(repr=False)
    former_since: date | None = None
    linked: bool = True
    column: int = field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class AssignmentRow:
    """A worker works on a case, from - until (aware, UTC; until is the first instant after it), in a role."""

    line: int
    case_number: str
    worker: str
    role: str
    from_at: datetime
    until_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class MomentRow:
    """A planned contact of the monitoring plan: this worker, around this day (DOMAIN L9, L10)."""

    line: int
    case_number: str
    worker: str
    on: date


Row = CaseRow | ContactRow | AssignmentRow | MomentRow


class Problem(StrEnum):
    """What can be wrong with an export; ADVICE says of each what it means and what to do."""

    UNREADABLE = "unreadable"
    EMPTY = "empty"
    NO_ROWS = "no_rows"
    CHANGED_WHILE_READ = "changed_while_read"
    WRONG_ENCODING = "wrong_encoding"
    NUL_BYTE = "nul_byte"
    LINE_TOO_LONG = "line_too_long"
    OPEN_QUOTE = "open_quote"
    BAD_QUOTE = "bad_quote"
    SEVERAL_LINES = "several_lines"
    OLD_WORKBOOK = "old_workbook"
    OTHER_WORKBOOK = "other_workbook"
    BROKEN_WORKBOOK = "broken_workbook"
    WORKBOOK_TOO_LARGE = "workbook_too_large"
    SEVERAL_SHEETS = "several_sheets"
    MISSING_SHEET = "missing_sheet"
    NO_TIME_OF_EXPORT = "no_time_of_export"
    FUTURE_EXPORT = "future_export"
    MISSING_FILE = "missing_file"
    UNKNOWN_HEADER = "unknown_header"
    MISSING_COLUMN = "missing_column"
    DUPLICATE_HEADER = "duplicate_header"
    HALF_ROW = "half_row"
    MISSING_VALUE = "missing_value"
    TOO_LONG = "too_long"
    LINE_BREAK = "line_break"
    FORMULA = "formula"
    ERROR_CELL = "error_cell"
    MERGED_CELLS = "merged_cells"
    DITTO = "ditto"
    UNKNOWN_PHASE = "unknown_phase"
    UNKNOWN_CLASS = "unknown_class"
    UNKNOWN_ANSWER = "unknown_answer"
    UNKNOWN_CONDITION = "unknown_condition"
    BAD_DATE = "bad_date"
    ABSURD_DATE = "absurd_date"
    FUTURE_CLOSURE = "future_closure"
    ENDS_BEFORE_START = "ends_before_start"
    BAD_CASE_NUMBER = "bad_case_number"
    BAD_PERSON_CODE = "bad_person_code"
    SHORTENED_NUMBER = "shortened_number"
    NOT_AN_IDENTIFIER = "not_an_identifier"
    UNREADABLE_NUMBER = "unreadable_number"
    NOT_AN_APP_ID = "not_an_app_id"
    DATE_AS_IDENTIFIER = "date_as_identifier"
    CONTACT_WITHOUT_CASE = "contact_without_case"
    CASE_WITHOUT_CLIENT = "case_without_client"
    CASE_NOT_IN_EXPORT = "case_not_in_export"
    CONTRADICTION = "contradiction"
    TOO_MANY_CASES = "too_many_cases"
    NOT_AN_AMOUNT = "not_an_amount"
    NEGATIVE_AMOUNT = "negative_amount"
    UNKNOWN_DIRECTION = "unknown_direction"
    UNKNOWN_USE = "unknown_use"
    FUTURE_DAY = "future_day"
    NOT_JSON = "not_json"
    FILE_TOO_LARGE = "file_too_large"
    PARTIAL_PAGES = "partial_pages"
    AMBIGUOUS_AMOUNT = "ambiguous_amount"
    AMBIGUOUS_DATE = "ambiguous_date"
    NO_PERIOD = "no_period"
    UNCLEAR_PERIOD = "unclear_period"
    OTHER_PERIOD = "other_period"
    FUTURE_PERIOD = "future_period"
    LONG_PERIOD = "long_period"
    PERIODS_OVERLAP = "periods_overlap"
    PERIODS_APART = "periods_apart"
    OUTSIDE_PERIOD = "outside_period"
    TAKEN_BACK_TOO_MUCH = "taken_back_too_much"
    OTHER_WITNESS = "other_witness"


ADVICE: dict[Problem, str] = {
    Problem.NOT_JSON: "This is no list of customer contacts in JSON. Save the service's answers as they are.",
    Problem.FILE_TOO_LARGE: "The file is larger than is read safely ({limit}). Save shorter periods, one by one.",
    Problem.PARTIAL_PAGES: "These are {found} of {count} customer contacts. Save every page, and give all at once.",
    Problem.AMBIGUOUS_AMOUNT: "The sign in the amount of column {column} may stand before thousands or decimals. Say "
    "in the mapping which (decimal:, thousands:).",
    Problem.AMBIGUOUS_DATE: "The date in column {column} is another day in each of two forms of the mapping. Name one.",
    Problem.NO_PERIOD: "Nothing says of which days the file is. Say it: --period FIRST..LAST, as in "
    "2026-10-01..2026-10-31; or write in the mapping where the file says it (period:).",
    Problem.UNCLEAR_PERIOD: "Name and head of the file say several periods. Rename it, or change the mapping.",
    Problem.OTHER_PERIOD: "The file itself says {first} to {last}, and --period has days outside that. One is wrong.",
    Problem.FUTURE_PERIOD: "The period ends on {last}, which has not come yet. A file speaks for days that are over.",
    Problem.LONG_PERIOD: "The period is longer than two years, or begins before {low}. Look at its years.",
    Problem.PERIODS_OVERLAP: "This file and {other} are both of {first} to {last}. Import a correction by itself, "
    "after the other; if both are parts of one, say --parts.",
    Problem.PERIODS_APART: "Days are left out between this file and {other}. Import them one by one.",
    Problem.OUTSIDE_PERIOD: "The day in column {column} lies outside the file's period, {first} to {last}. Correct the "
    "day or the period; if such rows are calls billed late, say --late-rows add.",
    Problem.TAKEN_BACK_TOO_MUCH: "Corrections take back more than the file has of that day. Give the file that has the "
    "calls they correct together with this one.",
    Problem.OTHER_WITNESS: "The same phones or accounts on the same days are in the feed {other} too. Say in "
    "the mapping what "
    "each of the two measures (measures:, witness_of:); until then it is not known whether to add "
    "them.",
    Problem.UNREADABLE: "The file cannot be opened. Check that it exists and that this account may read it.",
    Problem.EMPTY: "The file is empty. Make the export again.",
    Problem.NO_ROWS: "The file has a header and no rows. A full export of no cases is not believed: export again.",
    Problem.CHANGED_WHILE_READ: "The file changed while it was read. Wait until the export is finished and try again.",
    Problem.WRONG_ENCODING: "The text is not {encoding}. Export as UTF-8, or name the encoding in the mapping.",
    Problem.NUL_BYTE: "The file holds a NUL byte, so it is damaged or no text. Export again as CSV UTF-8.",
    Problem.LINE_TOO_LONG: "A line is longer than {limit} bytes. Is this a CSV file? Look for a quote not closed.",
    Problem.OPEN_QUOTE: "A quote opened here is not closed. Close it, or export again; what follows was not read.",
    Problem.BAD_QUOTE: 'The quotes in this row do not fit. Write a quote inside a cell twice ("").',
    Problem.SEVERAL_LINES: "A quote in column {column} joins this line and those to line {last}. Close it.",
    Problem.OLD_WORKBOOK: "This is an old or locked workbook. Save it as XLSX without a password, or as CSV UTF-8.",
    Problem.OTHER_WORKBOOK: "Of workbooks only XLSX is read. Save this one as XLSX, or as CSV UTF-8.",
    Problem.BROKEN_WORKBOOK: "The workbook is damaged. Save it again as XLSX, or as CSV UTF-8.",
    Problem.WORKBOOK_TOO_LARGE: "The workbook is larger than is read safely ({limit}). Export as CSV UTF-8.",
    Problem.SEVERAL_SHEETS: "The workbook has {sheets} sheets with data. Name the one to read in the mapping (sheet:).",
    Problem.MISSING_SHEET: "The sheet that the mapping names is missing from the workbook. Rename the sheet, or "
    "change the "
    "mapping.",
    Problem.NO_TIME_OF_EXPORT: "The file name does not show the time of export as the mapping says ({format}).",
    Problem.FUTURE_EXPORT: "The export says that it was made later than now. Look at the clocks and the file name.",
    Problem.MISSING_FILE: 'The mapping asks for a file "{kind}" and none of the files is one. Give that file too.',
    Problem.UNKNOWN_HEADER: "The mapping does not name the header of column {column}. Add it to a field or to ignore.",
    Problem.MISSING_COLUMN: "No column has a header of this field ({headers}). Add your header to the field mapping.",
    Problem.DUPLICATE_HEADER: "Columns {column} and {other} both have a header of this field. Remove one of them.",
    Problem.HALF_ROW: "Cells in this row: {found}, in the header: {expected}. Complete the row, or export again.",
    Problem.MISSING_VALUE: "The cell in column {column} is empty and the field is needed. Fill it in the case system.",
    Problem.TOO_LONG: "The cell in column {column} is longer than {limit} characters. Correct it in the case system.",
    Problem.LINE_BREAK: "The cell in column {column} holds a line break or control character. Remove it.",
    Problem.FORMULA: "The cell in column {column} is a formula. Export values as text: formulas are never read.",
    Problem.ERROR_CELL: "The cell in column {column} holds a spreadsheet's error. Correct it where the export is made.",
    Problem.MERGED_CELLS: "Cells are merged here, from column {column} on. Undo that, so that each has its own value.",
    Problem.DITTO: "The cell in column {column} points at another row. Write its own value in it.",
    Problem.UNKNOWN_PHASE: "The mapping does not know the phase in column {column}. Add the word under words: phases.",
    Problem.UNKNOWN_CLASS: "The mapping does not know the word in column {column}. Add it under words: classes.",
    Problem.UNKNOWN_ANSWER: "The word in column {column} means neither yes nor no. Add it under words: yes or no.",
    Problem.UNKNOWN_CONDITION: "The word in column {column} says neither yes nor no. Add it under says or says_not.",
    Problem.BAD_DATE: "The cell in column {column} is no date in a form the mapping names ({formats}).",
    Problem.ABSURD_DATE: "The date in column {column} lies outside {low} - {high}. Correct it in the case system.",
    Problem.FUTURE_CLOSURE: "The closure in column {column} is later than the export itself. Correct it.",
    Problem.ENDS_BEFORE_START: "The end in column {column} lies before the start. Correct it in the case system.",
    Problem.BAD_CASE_NUMBER: "The cell in column {column} is no case number ({pattern}). Look for shifted columns.",
    Problem.BAD_PERSON_CODE: "Column {column} is no neutral code of at most 4 letters or digits. Never export a name.",
    Problem.SHORTENED_NUMBER: "A spreadsheet shortened the number in column {column}. Export the column as text.",
    Problem.NOT_AN_IDENTIFIER: "Column {column} holds no telephone number or e-mail address. Correct the cell.",
    Problem.UNREADABLE_NUMBER: "Column {column} leaves open which number is meant. Write one number, or several apart.",
    Problem.NOT_AN_APP_ID: "Column {column} holds no app id (com.whatsapp). By its name no app is known to be absent.",
    Problem.DATE_AS_IDENTIFIER: "The cell in column {column} is a date, and no number or address. Correct it.",
    Problem.CONTACT_WITHOUT_CASE: "A client or reporter needs a case number. Fill it in, or correct the class.",
    Problem.CASE_WITHOUT_CLIENT: "The case has no client contact, and the mapping asks for one for each case.",
    Problem.CASE_NOT_IN_EXPORT: "The row names a case that is missing from this full export or has a fault itself.",
    Problem.CONTRADICTION: "Line {other} says another phase or closure for the same case. Correct one of the two.",
    Problem.TOO_MANY_CASES: "The export names more than {limit} cases. Split it into several files of changes.",
    Problem.NOT_AN_AMOUNT: "The cell in column {column} is no amount in the unit of the mapping ({unit}). Correct it.",
    Problem.NEGATIVE_AMOUNT: "The amount in column {column} is below zero. Ask the maker of the file for a correction.",
    Problem.UNKNOWN_DIRECTION: "The mapping does not know the word in column {column}. Add it to words: directions.",
    Problem.UNKNOWN_USE: "The mapping does not know the word in column {column}. Add it under words: uses.",
    Problem.FUTURE_DAY: "The day in column {column} has not come yet. Look at the clock of what made the file.",
}
"""What to tell people: English sentences that are also the keys of their translations. Arguments are never content."""


@dataclass(frozen=True, slots=True)
class FileFault:
    """One thing wrong with an export, fit for anyone's eyes.

    file: base name. line: where, the header being 1; None: the file as a whole. field: our name ("case.phase").
    hints: arguments of the advice (column numbers, counts, words of the mapping), never what a cell held. header: of
    the column, as the mapping writes it; a header that the mapping does not name may be anything, and is never shown.
    """

    file: str
    line: int | None
    field: str | None
    problem: Problem
    hints: tuple[tuple[str, str], ...] = ()
    header: str = ""

    @property
    def shown(self) -> tuple[tuple[str, str], ...]:
        """The arguments of the advice, the column by its number and by its header."""
        if not self.header:
            return self.hints
        return tuple((key, f"{text} ({self.header})" if key == "column" else text) for key, text in self.hints)

    def advice(self) -> str:
        """What is wrong and what to do, in English."""
        return ADVICE[self.problem].format_map(dict(self.shown))


@dataclass(frozen=True, slots=True)
class Export:
    """What an export says of itself.

    as_of: the time of export, aware, UTC; of several files the earliest. files: base names. digest: SHA-256 over all
    files in order: the same digest is the same export come again.
    """

    system: str
    mode: Mode
    as_of: datetime
    files: tuple[str, ...]
    digest: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of one file, in the order of the file, and the faults met on the way.

    faults: those kept (the first of each kind); fault_count: all that were met, kept or not. share: how much of the
    whole export has been read, 0 to 1. records: rows of the file that were read for this batch, sound or not.
    headers: of the columns whose cells a contact's value may stand in, by column.
    """

    file: str
    rows: Sequence[Row]
    faults: Sequence[FileFault] = ()
    fault_count: int = 0
    share: float = 1.0
    records: int = 0
    headers: Mapping[int, str] = field(default_factory=dict, repr=False)

    def fault(self, row: ContactRow, problem: Problem) -> FileFault:
        """A fault that the reader of this batch found in a contact's value, such as a number that is none."""
        hints = (("column", str(row.column + 1)),)
        return FileFault(self.file, row.line, "contact.value", problem, hints, self.headers.get(row.column, ""))
