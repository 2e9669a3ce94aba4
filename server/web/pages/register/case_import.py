"""The case register taken in from the browser: the files of an export, how to read them, and what came of it.

The files lie in a folder of their own for as long as they are read, and nowhere after that. What the breaker stopped,
and sound rows of a faulty export, are let in at the command alone.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Sequence
from pathlib import Path

from flask import request
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import FileStorage

from server.core.tables import Column, Kind, Row, Section
from server.core.text import Text, phrase
from server.sources.case_file import open_export
from server.sources.mapping import CaseMapping, MappingFault, MappingRefused, load_mapping, parse_uploaded, shipped
from server.sources.rows import ADVICE, FileFault
from server.web.forms import EMPTY, Choice, Filled, Input, InputKind, read_form
from server.web.request import fill, here
from server.work.admin import access
from server.work.register import intake
from server.work.register.intake import Intake, IntakeOutcome

_OWN = "own"
_MOST_FILES = 20
_LARGEST_MAPPING = 256 * 1024
_NAME = re.compile(r"[^/\\:\x00-\x1f\x7f]{1,120}")


def show() -> ResponseReturnValue:
    """The form."""
    return _page(EMPTY)


def take_in() -> ResponseReturnValue:
    """Read an export to its end and take it in: all of it, or nothing and why."""
    at = here()
    filled = read_form(request.form, _inputs())
    mapping, wrong = _mapping(filled)
    files = [each for each in request.files.getlist("file") if each.filename]
    names = [_plain(str(each.filename)) for each in files]
    if not files or len(files) > _MOST_FILES or None in names or len(set(names)) < len(names):
        filled = filled.with_fault("file", phrase("Choose the files of one export, each with a name of its own."))
    if isinstance(wrong, Text):
        filled = filled.with_fault("mapping", wrong)
    if not filled.sound or mapping is None:
        return _page(filled, faults=() if isinstance(wrong, Text) else _of_mapping(wrong)), 400
    with tempfile.TemporaryDirectory(prefix="closeout-import-") as folder:
        taken = intake.take_in(at.context, open_export(_saved(files, Path(folder)), mapping))
    access.note_act(at.context, at.signed_in, f"register_import {taken.outcome.value}")
    return _page(EMPTY if _is_in(taken) else filled, taken=taken), 200 if _is_in(taken) else 400


def _is_in(taken: Intake) -> bool:
    return taken.outcome is IntakeOutcome.APPLIED


def _inputs() -> tuple[Input, ...]:
    return (
        Input(
            "mapping",
            phrase("How to read it"),
            InputKind.CHOICE,
            longest=100,
            choices=(
                *(Choice(each, each) for each in shipped()),
                Choice(_OWN, phrase("A field mapping of my own, chosen below")),
            ),
            hint=phrase("A field mapping says which column holds what. The shipped ones are named after their layout."),
        ),
    )


def _mapping(filled: Filled) -> tuple[CaseMapping | None, Text | Sequence[MappingFault]]:
    """The mapping that was chosen; or why there is none: a sentence, or all that is wrong with a file."""
    chosen = filled.values.get("mapping", "")
    if not filled.sound:
        return None, ()
    try:
        if chosen == _OWN:
            file = request.files.get("own")
            raw = file.stream.read(_LARGEST_MAPPING + 1) if file is not None else b""
            if not raw or len(raw) > _LARGEST_MAPPING:
                return None, phrase("Choose the file of your own field mapping, or a shipped one.")
            mapping = parse_uploaded(raw, "mapping.yaml")
        else:
            mapping = load_mapping(chosen)
    except MappingRefused as refused:
        return None, refused.faults
    if mapping.time_of_export.in_file_name is None:
        return None, phrase(
            "This mapping takes the time of the export from the file's own date, which a browser does not hand over. "
            "Let the file's name say it, or import it at the command: closeout cases import"
        )
    return mapping, ()


def _plain(name: str) -> str | None:
    """The name that a browser gave, without a folder; None for one that is none."""
    last = re.split(r"[/\\]", name)[-1].strip()
    return last if _NAME.fullmatch(last) and last.strip(".") else None


def _saved(files: Sequence[FileStorage], folder: Path) -> list[Path]:
    """The files in a folder, under the names that say when they were made."""
    paths = [folder / str(_plain(str(each.filename))) for each in files]
    for each, path in zip(files, paths, strict=True):
        each.save(path)
    return paths


def _page(filled: Filled, *, taken: Intake | None = None, faults: Sequence[MappingFault] = ()) -> str:
    told = None if taken is None else _told(taken)
    return fill(
        "case_import.html",
        phrase("Import the case register"),
        inputs=_inputs(),
        filled=filled,
        own=_OWN,
        done=taken is not None and _is_in(taken),
        told=told,
        lines=() if taken is None else _lines(taken),
        section=_faults(faults, () if taken is None else taken.faults),
    )


def _of_mapping(wrong: Text | Sequence[MappingFault]) -> Sequence[MappingFault]:
    return () if isinstance(wrong, Text) else wrong


def _told(taken: Intake) -> Text:
    match taken.outcome:
        case IntakeOutcome.APPLIED:
            return phrase("The register of {system} is imported.", system=taken.system)
        case IntakeOutcome.FAULTY:
            return phrase("The export has faults; nothing of it went in, and what was known stays known.")
        case IntakeOutcome.NOT_BEGUN:
            return phrase(
                "Nothing of {system} is known yet; its first export must be without faults.", system=taken.system
            )
        case IntakeOutcome.OLDER:
            return phrase("This export was made before one that is in already; nothing of it went in.")
        case IntakeOutcome.STOPPED:
            return phrase(
                "This export would close or drop far more cases than usual and was stopped; nothing of it was imported."
            )


def _lines(taken: Intake) -> Sequence[Text]:
    """What else is to be known."""
    if taken.applied is not None:
        return (
            phrase(
                "Rows: {rows}. Cases: {cases}, of which {touched} say something new.",
                rows=taken.rows,
                cases=taken.applied.cases,
                touched=taken.applied.touched,
            ),
        )
    if taken.weight is not None:
        return (
            phrase(
                "Known cases: {known}. Named: {named}. Newly closed: {closes}. Missing: {vanishes}.",
                known=taken.weight.known,
                named=taken.weight.named,
                closes=taken.weight.closes,
                vanishes=taken.weight.vanishes,
            ),
            phrase("Ask the administrator of the case system whether this is true."),
            phrase("If it is, import it at the command: closeout cases import --confirm"),
        )
    more = taken.fault_count - len(taken.faults)
    return (phrase("And {count} more fault.", many="And {count} more faults.", count=more),) if more > 0 else ()


def _advice(fault: FileFault) -> Text:
    message = ADVICE[fault.problem]
    return Text(message, fault.shown)


def _faults(of_mapping: Sequence[MappingFault], of_files: Sequence[FileFault]) -> Section | None:
    """What is wrong, line by line; None where nothing is."""
    rows: list[Row] = [
        *((each.file, each.line, each.where, each.advice) for each in of_mapping),
        *((each.file, each.line, each.field, _advice(each)) for each in of_files),
    ]
    if not rows:
        return None
    return Section(
        "faults",
        phrase("Faults in the field mapping") if of_mapping else phrase("Faults in the export"),
        columns=(
            Column("file", phrase("File")),
            Column("line", phrase("Line"), Kind.COUNT),
            Column("where", phrase("Where")),
            Column("advice", phrase("What to do")),
        ),
        rows=tuple(rows),
    )
