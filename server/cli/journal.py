"""What a process says of itself while it runs: one line for each fault, and never a traceback; no answer lives here.

A traceback shows where, and what was typed as well; the line names kind and place alone. With CLOSEOUT_LOG_FORMAT=json
each line is an object, for a collector of logs that takes lines apart (Loki, Elastic, Splunk).
"""

from __future__ import annotations

import json
import logging
import os
import secrets
import sys
import threading
from datetime import UTC, datetime
from types import TracebackType

import click

from server.render.traces import where_raised


class _Form:
    """How lines are written. run: the same in every line of one process, and in no other's."""

    as_json = False
    run = secrets.token_hex(8)


def tell(text: str, level: str = "info", *, number: str = "") -> None:
    """Say something of this process on standard error.

    number: by which a person finds the line of a fault that a page showed them. Nobody is named in it, nor a contact.
    """
    click.echo(_written(text, level, number), err=True)


def keep_tracebacks_out(*, as_json: bool = False) -> None:
    """For this process: faults of libraries, of threads and of this program itself become a line each."""
    _Form.as_json = as_json
    handler = logging.StreamHandler()
    handler.setFormatter(_Line())
    handler.setLevel(logging.WARNING)
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(handler)
    logging.raiseExceptions = False
    threading.excepthook = lambda told: _say(told.exc_value)
    sys.unraisablehook = lambda told: _say(told.exc_value)
    sys.excepthook = _say_of


class _Line(logging.Formatter):
    """The message on one line, with kind and place of an error instead of its traceback."""

    def format(self, record: logging.LogRecord) -> str:
        said = record.getMessage().replace("\n", " ")
        error = record.exc_info[1] if record.exc_info else None
        text = said if error is None else f"{said}: {where_raised(error)}"
        return _written(text, record.levelname.lower(), getattr(record, "number", ""))


def _written(text: str, level: str, number: str) -> str:
    if not _Form.as_json:
        return text
    told = {
        "time": datetime.now(UTC).isoformat(timespec="milliseconds"),
        "level": level,
        "run": _Form.run,
        "pid": os.getpid(),
        "message": " ".join(text.split()),
    }
    return json.dumps({**told, **({"number": number} if number else {})}, ensure_ascii=False)


def _say_of(_kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
    _say(error)


def _say(error: BaseException | None) -> None:
    if error is not None:
        tell(f"closeout: {where_raised(error)}", "error")
