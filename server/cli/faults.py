"""What went wrong outside of an act, as an answer: what it is, what was done, what to do; never a traceback.

Whoever asks gets the same answer from every command, in their language, or as JSON. An error that nobody foresaw is
told by its kind and where it was raised, never by its message, which may hold what was typed.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeAlias

from server import app
from server.cli.call import ExitStatus
from server.core.text import Text, phrase
from server.render.answers import Answer, as_json, as_text
from server.render.traces import where_raised
from server.render.words import Advice, Words
from server.settings import FileProblem, FileUnreadableError
from server.store.database import StoreOtherVersionError, StoreProblem, StoreUnavailableError


class HeadUnsignedError(Exception):
    """What was asked is done, but the log's head could not be signed into the checkpoint file."""


STORE: Mapping[str, Advice] = {
    "empty": Advice(
        phrase("There is no installation at this database."),
        phrase("Make one with: closeout init NAME"),
    ),
    "moved": Advice(
        phrase("This database was moved to a server, and takes nothing any more."),
        phrase("Set CLOSEOUT_DATABASE_FILE to the file with the address of that server."),
    ),
    "busy": Advice(
        phrase("The database is busy: another program was writing in it all the time that this command waited."),
        phrase(
            "Try again in a minute. If it keeps happening, see which program holds it: an engine, a backup, a copy."
        ),
    ),
    "unreachable": Advice(
        phrase("The database cannot be reached. Whether there is an installation, nobody can say from here."),
        phrase("See that it runs, that its disk is there, and that CLOSEOUT_DATABASE and CLOSEOUT_HOME are right."),
    ),
    "refused": Advice(
        phrase("The database does not let this login in, or does not let it do this."),
        phrase("Check login, password and rights at the database; the password can be in CLOSEOUT_DATABASE_FILE."),
    ),
    "disk_full": Advice(
        phrase("The disk of the database is full."),
        phrase("Make room on it, then run the command again. Delete nothing in the folder of the installation."),
    ),
    "disk_fault": Advice(
        phrase("The disk of the database cannot be read or written, or is full."),
        phrase("Look at the disk: room, faults, limits on this account. Then run the command again."),
    ),
    "read_only": Advice(
        phrase("The database can be read but not written by this account."),
        phrase("Run the command as the account that the installation belongs to, and see that its disk is writable."),
    ),
    "damaged": Advice(
        phrase("What lies at this address is damaged, or is no database."),
        phrase("Keep it as it is, and restore the last backup beside it. The manual on running it says how."),
    ),
    "bad_address": Advice(
        phrase("The address of the database is not valid, or its driver is not installed."),
        phrase("CLOSEOUT_DATABASE begins with sqlite:/// or with postgresql+psycopg://"),
    ),
}
KEYS: Mapping[str, Advice] = {
    "missing": Advice(
        phrase("A key is not there: {file}"),
        phrase(
            "Restore it from its backup. Never make a new one: with it every contact would look as if it were gone."
        ),
    ),
    "unreadable": Advice(
        phrase("A key cannot be read: {file}"),
        phrase("It must be a file that this account can read. Run the command as the account that it belongs to."),
    ),
    "open_to_others": Advice(
        phrase("Others on this machine can read a key: {file}"),
        phrase("Run: chmod 600 on it, and find out who could have read it."),
    ),
    "no_key": Advice(
        phrase("A file holds no key of the kind that is needed: {file}"),
        phrase(
            "Restore it from its backup. Never make a new one: with it every contact would look as if it were gone."
        ),
    ),
}
FILES: Mapping[FileProblem, Advice] = {
    FileProblem.MISSING: Advice(phrase("There is no such file: {file}"), phrase("Check its name.")),
    FileProblem.FOLDER: Advice(phrase("This is a folder, not a file: {file}"), phrase("Name the file itself.")),
    FileProblem.UNREADABLE: Advice(
        phrase("This account cannot read the file: {file}"), phrase("Give it the right to read it.")
    ),
    FileProblem.NOT_TEXT: Advice(phrase("The file is not UTF-8 text: {file}"), phrase("Save it as CSV UTF-8.")),
}
_DENIED = Advice(
    phrase("This account may not use: {file}"),
    phrase("Run the command as the account that the installation belongs to, or give it the right."),
)
_DISK = Advice(
    phrase("The disk is full, or this account may write nothing more: {file}"),
    phrase("Make room, then run the command again."),
)
_ABSENT = Advice(phrase("This is not there: {file}"), phrase("Check its name, and that its disk is there."))
SYSTEM: Mapping[int, Advice] = {
    errno.ENOENT: _ABSENT,
    errno.ENOTDIR: Advice(phrase("There is a file where a folder is needed: {file}"), phrase("Check its name.")),
    errno.EEXIST: Advice(phrase("There is something else already: {file}"), phrase("Check its name.")),
    errno.EISDIR: FILES[FileProblem.FOLDER],
    errno.EACCES: _DENIED,
    errno.EPERM: _DENIED,
    errno.EROFS: Advice(phrase("The disk may only be read: {file}"), phrase("Mount it so that it can be written.")),
    errno.ENOSPC: _DISK,
    errno.EDQUOT: _DISK,
    errno.EFBIG: _DISK,
    errno.EADDRINUSE: Advice(
        phrase("Something else serves this address already."),
        phrase("Stop it, or choose another port with --listen."),
    ),
}
_ANY_FILE = Advice(
    phrase("A file or folder cannot be used: {file}"), phrase("See that it is there and that its disk is well.")
)
_ANY_SYSTEM = Advice(
    phrase("The machine did not do what was asked of it."),
    phrase("Try again. If it keeps happening, show this to the administrator of the server."),
)

NOTHING_KEPT = phrase("Nothing was changed in the database: what was known stays as it was.")
SOME_KEPT = phrase(
    "What had been finished by then stays done and is in the log; the rest was not begun, or was taken back. "
    "The command can be run again."
)


def tell_fault(error: BaseException, *, kept: bool) -> tuple[Answer, ExitStatus]:
    """The answer for an error that no command answers by itself, and the exit status.

    kept: whether the command had changed something in the database by then.
    """
    done = SOME_KEPT if kept else NOTHING_KEPT
    if isinstance(error, KeyboardInterrupt):
        title, advice, status, key = phrase("It was stopped by you."), None, ExitStatus.INTERRUPTED, "interrupted"
    elif isinstance(error, HeadUnsignedError):
        return _unsigned(error), ExitStatus.NOT_NOW
    else:
        title, advice, status, key = _known(error) or (
            phrase("This is a fault of closeout itself: {where}", where=where_raised(error)),
            phrase(
                "Try again. If it keeps happening, send this line to the makers of closeout. It holds nothing "
                "about a case."
            ),
            ExitStatus.OUR_FAULT,
            "fault",
        )
    return Answer(ok=False, title=title, lines=(done,), what_next=(advice,) if advice else (), key=key), status


def written(answer: Answer, language: str, *, as_data: bool) -> str:
    """An answer for people, or for programs."""
    words = Words(language)
    return as_json(answer, words) if as_data else as_text(answer, words)


_Known: TypeAlias = tuple[Text, Text | None, ExitStatus, str]
"""What happened, what to do, the exit status, and the answer's key."""


def _known(error: BaseException) -> _Known | None:
    return _of_store(error) or _of_files(error)


def _of_store(error: BaseException) -> _Known | None:
    if isinstance(error, StoreOtherVersionError):
        advice = OTHER_VERSION[error.newer]
        return advice.what, advice.do, ExitStatus.NOT_DONE, "newer_tables" if error.newer else "older_tables"
    if not isinstance(error, StoreUnavailableError):
        return None
    advice = STORE[error.problem.value]
    if error.problem is StoreProblem.EMPTY:
        return advice.what, advice.do, ExitStatus.NOT_DONE, "no_database"
    wrong = error.problem is StoreProblem.BAD_ADDRESS
    return advice.what, advice.do, ExitStatus.BAD_SETTING if wrong else ExitStatus.NOT_NOW, f"database_{error.problem}"


def _of_files(error: BaseException) -> _Known | None:
    if isinstance(error, app.KeyFault):
        return *_filled(KEYS[error.problem.value], error.file), ExitStatus.NOT_DONE, "key_fault"
    if isinstance(error, app.PolicyRefused):
        title = phrase("A file of rules has faults or cannot be read, so nothing may run: {file}", file=error.file)
        return title, phrase("See them all with: closeout policy check"), ExitStatus.NOT_DONE, "policy_fault"
    if isinstance(error, FileUnreadableError):
        return *_filled(FILES[error.problem], error.file), ExitStatus.NOT_DONE, f"file_{error.problem}"
    return _of_system(error)


def _of_system(error: BaseException) -> _Known | None:
    if isinstance(error, UnicodeError):
        return phrase("Something that was given is not UTF-8 text."), None, ExitStatus.NOT_DONE, "not_text"
    if isinstance(error, MemoryError):
        return _ANY_SYSTEM.what, _ANY_SYSTEM.do, ExitStatus.NOT_NOW, "system"
    if not isinstance(error, OSError):
        return None
    named = isinstance(error.filename, str | bytes)
    advice = SYSTEM.get(error.errno or 0, _ANY_FILE if named else _ANY_SYSTEM)
    return *_filled(advice, _base(error)), ExitStatus.NOT_NOW, "disk" if advice is _DISK else "system"


def _base(error: OSError) -> str:
    name = error.filename
    return Path(name).name or str(name) if isinstance(name, str) else "-"


def _filled(advice: Advice, file: str) -> tuple[Text, Text]:
    return replace(advice.what, params=(("file", file),)), advice.do


def _unsigned(error: HeadUnsignedError) -> Answer:
    cause = error.__cause__
    known = _known(cause) if cause is not None else None
    return Answer(
        ok=False,
        title=phrase("What was asked is done, but the checkpoint of the log could not be signed into its file."),
        lines=() if known is None else (known[0],),
        what_next=(phrase("Mend that; the next command signs it. Check the installation with: closeout doctor"),),
        key="head_unsigned",
    )


OTHER_VERSION: Mapping[bool, Advice] = {
    True: Advice(
        phrase("A newer version of closeout made these tables; this one does not touch them."),
        phrase("Install that version again, or restore a backup of before its update."),
    ),
    False: Advice(
        phrase("The tables are of an older version of closeout."),
        phrase("Make a backup, then bring them up to date with: closeout update"),
    ),
}
"""By whether the tables are newer than this program."""
