"""Cases that a case system pushes: what a body may hold, and the rows it gives; checked as an export is, nothing kept.

The models are the contract of the API: its description is made from them. A body is first held to them, then read
by the reader of files (`case_file`), so that what is a fault in a file is one here.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from server.core.model import ContactClass, Phase
from server.sources.case_file import OpenExport, open_alike, open_records
from server.sources.mapping import CaseMapping
from server.sources.pulled import table_of
from server.sources.rows import FileFault

LARGEST_CASE = 256 * 1024
LARGEST_BATCH = 16 * 1024 * 1024
"""Bytes of a body."""
MOST_CASES = 5_000
DEEPEST = 8
"""Objects and lists within each other; a sound body has five."""
_MOST_CONTACTS = 500
_MOST_VALUES = 20
_MOST_ASSIGNMENTS = 500
_KEPT_FAULTS = 50
_NUMBER = r"^[0-9A-Za-z]([0-9A-Za-z ./_-]{0,38}[0-9A-Za-z./_-])?$"
CONDITION = r'^("[0-9a-f]{32}"|\*)$'
"""As what a sender knows a case: an ETag of ours, or whatever it is by now."""
_FORMS = ("%Y-%m-%d", "%Y-%m-%dT%H:%M:%S%z", "%Y-%m-%dT%H:%M:%S.%f%z")
_LOOSE = Field(strict=False)

Number = Annotated[
    str,
    Field(
        pattern=_NUMBER,
        description="The case's number as the case system writes it. It stands in bodies alone, never in an address.",
        examples=["240117"],
    ),
]
Day = Annotated[str, Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", examples=["2025-03-04"])]
DayOrMoment = Annotated[
    str,
    Field(
        pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,6})?(Z|[+-][0-9]{2}:[0-9]{2}))?$",
        examples=["2025-03-04", "2025-03-04T16:30:00+01:00"],
    ),
]
_Word = Annotated[str, Field(min_length=1, max_length=200)]
EntityTag = Annotated[
    str,
    Field(
        pattern=CONDITION,
        description='The ETag by which the sender last knew the case, or "*": whatever it is by now.',
    ),
]


class _Body(BaseModel):
    """Any part of a body: frozen, strict, and no field that it does not know."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")


class PushedContact(_Body):
    """A person of the case, with the telephone numbers and addresses that make them known."""

    contact_class: Annotated[ContactClass, _LOOSE] = Field(alias="class", description="Whose they are.")
    values: list[Annotated[str, Field(min_length=1, max_length=200)]] = Field(
        min_length=1,
        max_length=_MOST_VALUES,
        description="Telephone numbers and e-mail addresses, as somebody typed them; kept as keyed tokens alone.",
    )
    person: Annotated[str, Field(pattern=r"^[0-9A-Za-z]{1,4}$")] | None = Field(
        None, description="A neutral code within the case (A, B), never a name."
    )
    former_since: Day | None = Field(None, description="Since when they are this person's no more.")
    linked: bool = Field(True, description="false: it is not certain that they belong to the case.")


class PushedAssignment(_Body):
    """A worker works on the case, from - until; a day as an end is the last one."""

    worker: _Word = Field(description="The worker's reference, as in the list of places; never a name.")
    from_at: DayOrMoment = Field(alias="from")
    until_at: DayOrMoment | None = Field(None, alias="until")
    role: str = Field("", max_length=200)


class PushedMoment(_Body):
    """A planned contact of the monitoring plan."""

    worker: _Word
    on: Day


class PushedCase(_Body):
    """One case, whole: what the lists leave out of it is no longer so."""

    number: Number
    phase: Annotated[Phase, _LOOSE] = Field(
        description="Where the case is. closed alone is a status: only a confirmed closure counts."
    )
    opened_on: Day | None = None
    closure_confirmed: DayOrMoment | None = Field(
        None,
        description="When the final closure was confirmed in writing; a day means its end. null: not confirmed. An "
        "open phase with a closure is a case that was reopened.",
    )
    transferred_on: Day | None = Field(None, description="When it was handed over, from which monitoring may count.")
    monitoring_from: Day | None = Field(None, description="When monitoring began.")
    plan_counts_from: Day | None = Field(None, description="From which day the plan of monitoring counts.")
    recorded: bool | None = Field(None, description="Whether communication is in the case file; null: not said.")
    contacts: list[PushedContact] = Field(max_length=_MOST_CONTACTS)
    assignments: list[PushedAssignment] = Field(max_length=_MOST_ASSIGNMENTS)
    moments: list[PushedMoment] = Field(max_length=_MOST_ASSIGNMENTS)


class BatchItem(_Body):
    """One case of many."""

    if_match: EntityTag | None = None
    case: PushedCase


class CaseBatch(_Body):
    """Many cases, taken in together or not at all; no case twice."""

    items: list[BatchItem] = Field(min_length=1, max_length=MOST_CASES)


class CaseQuestion(_Body):
    """Which case is meant."""

    number: Number


@dataclass(frozen=True, slots=True)
class PushFault:
    """One thing wrong with a body: where (a JSON pointer as a fragment) and what, by the key of its sentence. name: of
    a field that is not known, where it is one that may be shown.
    """

    pointer: str
    code: str
    name: str = ""


class BodyRefused(Exception):
    """A body does not fit its model; `faults` are what is wrong with it, the first of them."""

    def __init__(self, faults: Sequence[PushFault]) -> None:
        super().__init__("; ".join(f"{each.pointer}: {each.code}" for each in faults))
        self.faults = tuple(faults)


_M = TypeVar("_M", bound=_Body)


def read_body(raw: bytes, model: type[_M]) -> _M:
    """A body held to its model. Raises BodyRefused, which repeats nothing that stands in the body."""
    refused = _unreadable(raw)
    found: _M | None = None
    if not refused:
        try:
            found = model.model_validate_json(raw)
        except ValidationError as error:
            # Raised below: the library's own error holds what was sent, and would stay chained to it.
            refused = [_fault(item) for item in error.errors(include_url=False, include_input=False)[:_KEPT_FAULTS]]
    if found is None:
        raise BodyRefused(refused)
    return found


def _unreadable(raw: bytes) -> list[PushFault]:
    """Why a body is no JSON that means one thing; nothing: it is."""
    twice = False

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal twice
        found = dict(pairs)
        twice = twice or len(found) < len(pairs)
        return found

    try:
        tree = json.loads(raw.decode("utf-8"), object_pairs_hook=once)
    except RecursionError:
        return [PushFault("#", "too_deep")]
    except ValueError:
        return [PushFault("#", "not_json")]
    if twice:
        return [PushFault("#", "field_twice")]
    return [PushFault("#", "too_deep")] if _deeper(tree, DEEPEST) else []


def _deeper(tree: object, left: int) -> bool:
    if not isinstance(tree, dict | list):
        return False
    inside = tree.values() if isinstance(tree, dict) else tree
    return left == 0 or any(_deeper(each, left - 1) for each in inside)


_CODES = {
    "missing": "missing",
    "extra_forbidden": "unknown_field",
    "enum": "unknown_word",
    "string_pattern_mismatch": "wrong_form",
    "string_too_short": "empty",
    "string_too_long": "too_long",
    "too_short": "empty",
    "too_long": "too_many",
    "json_invalid": "not_json",
}
_OWN_NAME = 40


def _fault(item: Any) -> PushFault:
    code = _CODES.get(item["type"], "wrong_type")
    where = list(item["loc"])
    name = ""
    if code == "unknown_field":
        # It is the sender's own word, and may be anything: a name of letters alone names nobody by number or address.
        last = str(where.pop())
        name = last if len(last) <= _OWN_NAME and last.isascii() and last.replace("_", "").isalpha() else ""
    known = [str(each) for each in where if isinstance(each, int) or str(each).replace("_", "").isalpha()]
    return PushFault("/".join(["#", *known]), code, name)


# --- Rows -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OpenPush:
    """Cases that were pushed, as an export in memory, and where in the body each of its lines stands."""

    export: OpenExport
    pointers: dict[str, Sequence[tuple[str, str]]]

    def fault(self, fault: FileFault) -> PushFault | None:
        """A fault of the export as one of the body; None: another line says the same."""
        field = (fault.field or "").rstrip("0123456789").rstrip(".")
        if field == "case_number" and fault.file != "cases":
            return None
        around, value = self.pointers[fault.file][(fault.line or 2) - 2]
        name = _FIELDS.get(field)
        where = value if field in ("contact.value", "contact.values") else f"{around}/{name}" if name else around
        return PushFault(where, fault.problem.value)


_FIELDS = {
    "case_number": "number",
    "case.phase": "phase",
    "case.opened_on": "opened_on",
    "case.closed_at": "closure_confirmed",
    "case.recorded": "recorded",
    "case.transferred_on": "transferred_on",
    "case.monitoring_from": "monitoring_from",
    "case.plan_counts_from": "plan_counts_from",
    "contact.class": "class",
    "contact.person": "person",
    "contact.former_since": "former_since",
    "contact.linked": "linked",
    "assignment.worker": "worker",
    "assignment.from": "from",
    "assignment.until": "until",
    "assignment.role": "role",
    "moment.worker": "worker",
    "moment.on": "on",
}
_HEADERS = {
    "cases": ("number", "phase", "opened", "closed", "recorded", "transferred", "monitoring", "plan"),
    "contacts": ("number", "class", "person", "value", "former", "linked"),
    "assignments": ("number", "worker", "from", "until", "role"),
    "moments": ("number", "worker", "on"),
}


def open_push(cases: Sequence[tuple[str, PushedCase]], system: str, as_of: datetime, raw: bytes) -> OpenPush:
    """The cases as an export of that case system, each with the pointer at which it stands in the body."""
    rows: dict[str, list[tuple[str, ...]]] = {name: [] for name in _HEADERS}
    pointers: dict[str, list[tuple[str, str]]] = {name: [] for name in _HEADERS}
    for pointer, case in cases:
        for name, where, value, cells in _lines(pointer, case):
            rows[name].append((case.number, *cells))
            pointers[name].append((where, value))
    tables = [table_of(name, _HEADERS[name], [list(row) for row in rows[name]]) for name in _HEADERS if rows[name]]
    return OpenPush(open_alike(tables, _headed(system), as_of, sha256(raw).digest()), dict(pointers))


@lru_cache(maxsize=16)
def _headed(system: str) -> OpenExport:
    """The tables above with a row of blanks each, opened: what is learnt of their headers is learnt once."""
    tables = [table_of(name, header, [["-"] * len(header)]) for name, header in _HEADERS.items()]
    return open_records(tables, _mapping(system), datetime.fromtimestamp(0, UTC), b"")


def _lines(pointer: str, case: PushedCase) -> Iterator[tuple[str, str, str, tuple[str, ...]]]:
    """Table, pointer, pointer of the value, and cells but for the number."""
    recorded = "" if case.recorded is None else str(case.recorded).lower()
    days = [each or "" for each in (case.transferred_on, case.monitoring_from, case.plan_counts_from)]
    said_of_it = (case.phase.value, case.opened_on or "", case.closure_confirmed or "", recorded, *days)
    yield "cases", pointer, pointer, said_of_it
    for nth, each in enumerate(case.contacts):
        where = f"{pointer}/contacts/{nth}"
        said = (each.contact_class.value, each.person or "")
        for at, value in enumerate(each.values):
            cells = (*said, value, each.former_since or "", str(each.linked).lower())
            yield "contacts", where, f"{where}/values/{at}", cells
    for nth, of in enumerate(case.assignments):
        where = f"{pointer}/assignments/{nth}"
        yield "assignments", where, where, (of.worker, of.from_at, of.until_at or "", of.role)
    for nth, planned in enumerate(case.moments):
        where = f"{pointer}/moments/{nth}"
        yield "moments", where, where, (planned.worker, planned.on)


@lru_cache(maxsize=16)
def _mapping(system: str) -> CaseMapping:
    """How the tables above are read: our own words, dates in ISO form."""
    column = {name: [name] for name in {each for header in _HEADERS.values() for each in header}}
    number = column["number"]
    files = [
        {
            "name": "cases",
            "case_number": number,
            "case": {
                "phase": column["phase"],
                "opened_on": column["opened"],
                "closed_at": column["closed"],
                "recorded": column["recorded"],
                "transferred_on": column["transferred"],
                "monitoring_from": column["monitoring"],
                "plan_counts_from": column["plan"],
            },
        },
        {
            "name": "contacts",
            "case_number": number,
            "contact": {
                "class": column["class"],
                "person": column["person"],
                "values": [column["value"]],
                "former_since": column["former"],
                "linked": column["linked"],
            },
        },
        {
            "name": "assignments",
            "case_number": number,
            "assignment": {
                "worker": column["worker"],
                "from": column["from"],
                "until": column["until"],
                "role": column["role"],
            },
        },
        {
            "name": "moments",
            "case_number": number,
            "moment": {"worker": column["worker"], "on": [column["on"]]},
        },
    ]
    return CaseMapping.model_validate(
        {
            "name": "pushed",
            "system": system,
            "mode": "changes",
            "delimiter": "comma",
            "dates": list(_FORMS),
            "words": {
                "phases": {each.value: [each.value] for each in Phase},
                "classes": {each.value: [each.value] for each in ContactClass},
            },
            "files": files,
        }
    )
