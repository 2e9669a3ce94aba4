"""What a process says of itself while it runs: one line for each fault, and never a traceback; no answer lives here.

A traceback shows where, and what was typed as well; the line names kind and place alone.
"""

from __future__ import annotations

import logging
import sys
import threading
from types import TracebackType

import click

from server.render.traces import where_raised


class _Line(logging.Formatter):
    """The message on one line, with kind and place of an error instead of its traceback."""

    def format(self, record: logging.LogRecord) -> str:
        said = record.getMessage().replace("\n", " ")
        error = record.exc_info[1] if record.exc_info else None
        return said if error is None else f"{said}: {where_raised(error)}"


def keep_tracebacks_out() -> None:
    """For this process: faults of libraries, of threads and of this program itself become a line each."""
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


def _say_of(_kind: type[BaseException], error: BaseException, _trace: TracebackType | None) -> None:
    _say(error)


def _say(error: BaseException | None) -> None:
    if error is not None:
        click.echo(f"closeout: {where_raised(error)}", err=True)
