"""The command `closeout`: reads arguments and variables, calls one act, tells its answer; decides nothing.

The only room that reads the environment. Heavy imports wait until a command runs, so help comes at once.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress

import click

from server.cli.commands import closeout
from server.cli.faults import AnswerLostError, Status, tell_fault
from server.cli.session import Call
from server.cli.speech import language_of, translated
from server.core.text import Text, phrase
from server.render.answers import Answer, as_json, as_text
from server.render.words import Words

_NOT_UTF8 = phrase("An argument is not UTF-8 text.")
_LOST = phrase("The answer could not be written out: nobody reads it, or its disk is full. What was asked had ended.")
_NOT_ASKED = phrase("Nothing was entered, so nothing was done.")


def run_command(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """The exit status, as `faults.Status` has them. Whatever goes wrong is told in a sentence, never as a traceback."""
    call = Call(dict(environ))
    language = language_of(arguments, environ)
    try:
        return _run(arguments, call, language)
    except click.ClickException as error:
        with suppress(OSError):
            error.show()
        return error.exit_code
    except (AnswerLostError, BrokenPipeError, SystemExit):  # click ends the process where help has no reader
        _say(Words(language), _LOST)
        return Status.NOBODY_READS
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - the last door: nothing goes past it untold
        return _tell(error, call, arguments, language)


def _run(arguments: Sequence[str], call: Call, language: str) -> int:
    if any("\ud800" <= sign <= "\udfff" for argument in arguments for sign in argument):
        _say(Words(language), _NOT_UTF8)
        return Status.NOT_UNDERSTOOD
    command = translated(closeout, language)
    try:
        # Not standalone, click hands back the status of an Exit instead of ending the process.
        status = command.main(list(arguments), prog_name="closeout", standalone_mode=False, obj=call)
    except click.Abort as abort:
        if isinstance(abort.__context__, KeyboardInterrupt):
            raise KeyboardInterrupt from None
        _say(Words(language), _NOT_ASKED)
        return Status.INTERRUPTED
    _flush()
    return status if isinstance(status, int) else 0


def _tell(error: BaseException, call: Call, arguments: Sequence[str], language: str) -> int:
    session = call.session
    answer, status = tell_fault(error, kept=session is not None and session.kept)
    words = Words(language) if session is None else session.words
    as_data = "--json" in arguments if session is None else session.json
    try:
        click.echo(_written(answer, words, as_data=as_data))
        _flush()
    except OSError:
        _say(words, answer.title)
    return status


def _written(answer: Answer, words: Words, *, as_data: bool) -> str:
    return as_json(answer, words) if as_data else as_text(answer, words)


def _say(words: Words, text: Text) -> None:
    with suppress(OSError):
        click.echo(words.say(text), err=True)


def _flush() -> None:
    if sys.stdout is not None:
        try:
            sys.stdout.flush()
        except OSError as error:
            raise AnswerLostError from error
