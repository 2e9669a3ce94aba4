"""The command `closeout`: reads arguments and variables, calls one act, tells its answer; decides nothing.

The only room that reads the environment. A command is loaded when it is called, so help comes at once.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress

import click

from server.cli.call import AnswerLostError, Call, ExitStatus, language_of
from server.cli.commands import closeout
from server.cli.lazy import translated
from server.core.text import Text, phrase
from server.render.sentences import Sentences

_NOT_UTF8 = phrase("An argument is not UTF-8 text.")
_LOST = phrase("The answer could not be written out: nobody reads it, or its disk is full. What was asked had ended.")
_NOT_ASKED = phrase("Nothing was entered, so nothing was done.")


def run_command(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """The exit status (`call.ExitStatus`). Whatever goes wrong is told in a sentence, never as a traceback."""
    call = Call(dict(environ))
    language = language_of(arguments, environ)
    try:
        return _run(arguments, call, language)
    except click.ClickException as error:
        with suppress(OSError):
            error.show()
        return error.exit_code
    except (AnswerLostError, BrokenPipeError, SystemExit):  # click ends the process where help has no reader
        _say(language, _LOST)
        return ExitStatus.NOBODY_READS
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last door: nothing goes past it untold
        return _tell(error, call, arguments, language)


def _run(arguments: Sequence[str], call: Call, language: str) -> int:
    if any("\ud800" <= sign <= "\udfff" for argument in arguments for sign in argument):
        _say(language, _NOT_UTF8)
        return ExitStatus.NOT_UNDERSTOOD
    command = translated(closeout, language)
    try:
        # Not standalone, click hands back the status of an Exit instead of ending the process.
        status = command.main(list(arguments), prog_name="closeout", standalone_mode=False, obj=call)
    except click.Abort as abort:
        if isinstance(abort.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        _say(language, _NOT_ASKED)
        return ExitStatus.INTERRUPTED
    _flush()
    return status if isinstance(status, int) else 0


def _tell(error: BaseException, call: Call, arguments: Sequence[str], language: str) -> int:
    from server.cli import faults  # noqa: PLC0415 - help and a refused option need no answer

    session = call.session
    answer, status = faults.tell_fault(error, kept=session is not None and session.kept)
    language = language if session is None else session.words.language
    as_data = "--json" in arguments if session is None else session.json
    try:
        click.echo(faults.written(answer, language, as_data=as_data))
        _flush()
    except OSError:
        _say(language, answer.title)
    return status


def _say(language: str, text: Text) -> None:
    with suppress(OSError):
        click.echo(Sentences(language).say(text), err=True)


def _flush() -> None:
    if sys.stdout is not None:
        try:
            sys.stdout.flush()
        except OSError as error:
            raise AnswerLostError from error
