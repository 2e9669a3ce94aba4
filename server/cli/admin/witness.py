"""`closeout witness`: a witness of other installations' logs, kept by others on a machine of theirs.

It needs no installation: only a folder of its own, with its key and what it knows of each log.
"""

from __future__ import annotations

from pathlib import Path

import click

from server import app
from server.cli import journal
from server.cli.answers.refusals import refusals
from server.cli.listening import check_listen, open_door, run_until_stopped
from server.cli.session import Session, with_session
from server.core.log.witness_protocol import LONGEST_REQUEST
from server.core.tables import Column, Kind, Mark, Section
from server.core.text import phrase
from server.render.answers import Answer, as_text
from server.work.admin.witnessing import Witness

_DEFAULT = "closeout-witness"
_FOLDER = click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    default=_DEFAULT,
    help=f"Folder of the witness. Default: {_DEFAULT} in the current folder.",
)
_SLOWEST = 20
"""Seconds after which a connection that says nothing is closed."""


@click.command("init")
@click.argument("name")
@_FOLDER
@with_session
def witness_init(session: Session, name: str, folder: Path) -> None:
    """Make a witness: a folder with a key of its own.

    NAME is what it signs with, best an address of yours without https, as in council.example/witness.
    """
    with refusals(session):
        witness = app.begin_witness(folder, name)
    session.answer(
        Answer(
            ok=True,
            title=phrase("The witness is made."),
            lines=(phrase("Its public key: {key}", key=witness.key.text),),
            what_next=(
                phrase("Hand this key to those who run the log, and ask for the public key of theirs."),
                phrase("Know their log with: closeout witness trust KEY"),
                phrase("Never put an older copy of this folder back: it could cosign another history."),
            ),
            key="witness_made",
        )
    )


@click.command("trust")
@click.argument("key")
@_FOLDER
@with_session
def witness_trust(session: Session, key: str, folder: Path) -> None:
    """Know a log from now on, by the public key that its people handed on.

    KEY is what `closeout log key` shows there. Have it told by two ways: whoever can change it on the way to you
    could have another log cosigned.
    """
    with refusals(session):
        origin = app.make_witness(folder).trust(key)
    session.answer(
        Answer(
            ok=True,
            title=phrase("The log {name} is known here from now on.", name=origin),
            what_next=(phrase("Serve with: closeout witness serve"),),
            key="witness_trusts",
        )
    )


@click.command("show")
@_FOLDER
@with_session
def witness_show(session: Session, folder: Path) -> None:
    """Show this witness's public key, and of each log the newest checkpoint that it cosigned."""
    with refusals(session):
        witness = app.make_witness(folder)
        logs = witness.logs()
    ill = any(log.lost or log.kept for log in logs)
    section = Section(
        "logs",
        phrase("Logs that are known here"),
        columns=(
            Column("log", phrase("Log")),
            Column("entries", phrase("Entries"), Kind.COUNT),
            Column("at", phrase("Cosigned at"), Kind.INSTANT),
            Column("well", phrase("OK"), Kind.CODE),
            Column("refused", phrase("Checkpoints that do not match"), Kind.COUNT),
        ),
        rows=tuple(
            (
                log.origin,
                None if log.newest is None else log.newest.size,
                log.at,
                Mark.NO if log.lost or log.kept else Mark.YES,
                log.kept,
            )
            for log in logs
        ),
        empty=phrase("No log is known here yet: closeout witness trust KEY"),
    )
    lines = [phrase("Public key of this witness: {key}", key=witness.key.text)]
    if any(log.lost for log in logs):
        lines.append(phrase("What was cosigned last of a log is gone or damaged: nothing is cosigned for it."))
    if any(log.kept for log in logs):
        lines.append(
            phrase(
                "A log signed checkpoints that do not match what it signed before: its history was changed, or "
                "restored."
            )
        )
    session.answer(
        Answer(
            ok=not ill,
            title=phrase("The witness needs your attention.") if ill else phrase("The witness has no problems."),
            lines=tuple(lines),
            sections=(section,),
            key="witness_ill" if ill else "witness_well",
        )
    )


@click.command("begin-anew")
@click.argument("log")
@_FOLDER
@with_session
def witness_begin_anew(session: Session, log: str, folder: Path) -> None:
    """Forget what was cosigned last of a log, once you know why it does not extend that any more.

    LOG is its name. The administrator of the log must have told you what was lost, and two people there have accepted
    it. What was known until now stays beside it, as a file.
    """
    with refusals(session):
        app.make_witness(folder).begin_anew(log)
    session.answer(
        Answer(
            ok=True,
            title=phrase("The next checkpoint of {name} is cosigned whatever came before it.", name=log),
            key="witness_began_anew",
        )
    )


@click.command("serve")
@click.option("--listen", default="127.0.0.1:7380", show_default=True, help="Address and port.")
@_FOLDER
@with_session
def witness_serve(session: Session, listen: str, folder: Path) -> None:
    """Accept checkpoints and cosign what extends the last, until stopped."""
    check_listen(session, listen)
    with refusals(session):
        witness = app.make_witness(folder)
        with witness.serving():
            _serve(session, witness, listen)


def _serve(session: Session, witness: Witness, listen: str) -> None:
    # What a door is made of is loaded only where one is opened.
    from server.web.witness import make_door  # noqa: PLC0415

    door = make_door(witness, journal.tell)
    server = open_door(
        session,
        door,
        listen,
        threads=4,
        connection_limit=50,
        channel_timeout=_SLOWEST,
        cleanup_interval=_SLOWEST // 4,
        max_request_header_size=8 * 1024,
        max_request_body_size=LONGEST_REQUEST,
    )
    said = Answer(
        ok=True,
        title=phrase("The witness listens at {address}", address=listen),
        lines=(phrase("Public key of this witness: {key}", key=witness.key.text),),
        what_next=(phrase("Stop with Ctrl-C."),),
        key="witness_serving",
    )
    journal.tell(as_text(said, session.words))
    run_until_stopped(server)
