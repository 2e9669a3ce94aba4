"""`closeout log`: whether the log is what signed heads say, the tables what the log says, and how either is ended."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import click

from server.cli.answers import removal as tell_removal
from server.cli.answers import witnesses as tell_witnesses
from server.cli.answers.refusals import refusals
from server.cli.session import DAY, Session, with_session
from server.core.days import AMSTERDAM
from server.core.log.entries import EntryKind
from server.core.text import phrase
from server.render.answers import Answer
from server.work.admin import log_checkpoints, log_reading, log_repairs, log_witnesses, table_checks
from server.work.admin.log_reading import LogFilter


@click.command("verify")
@click.option(
    "--checkpoint", type=click.Path(path_type=Path), help="File of signed checkpoints. Default: of this installation."
)
@click.option(
    "--restricted",
    is_flag=True,
    help="Also open the content of restricted entries, and verify it; show none.",
)
@with_session
def log_verify(session: Session, checkpoint: Path | None, *, restricted: bool) -> None:
    """Verify the whole log against signed checkpoints kept outside the database."""
    file = checkpoint or session.settings.checkpoint_file
    if not file.exists():
        session.fail(
            "no_checkpoints", phrase("There is no such checkpoint file."), phrase("Name a copy with --checkpoint.")
        )
    with session.context() as context:
        checked = log_checkpoints.check_log(context, file, restricted=restricted)
        records = table_checks.compare(context)
        told = tell_witnesses.beside(tell_removal.log_checked(checked, records), context)
    session.answer(told)


@click.command("show")
@click.option("--kind", type=click.Choice([each.value for each in EntryKind]), help="Only entries of this kind.")
@click.option("--since", type=DAY, help="From that day on, YYYY-MM-DD.")
@click.option("--until", type=DAY, help="To the end of that day, YYYY-MM-DD.")
@click.option(
    "--about", help="Only entries with this word: the code of an order, address book, plan or finding, or a pseudonym."
)
@click.option(
    "--most", default=100, show_default=True, type=click.IntRange(1, log_reading.MOST), help="So many, newest."
)
@click.option("--restricted", is_flag=True, help="With the content of restricted entries, for cleared roles.")
@with_session
def log_show(
    session: Session,
    kind: str | None,
    since: datetime | None,
    until: datetime | None,
    about: str | None,
    most: int,
    *,
    restricted: bool,
) -> None:
    """Show entries of the log; that they were read is an entry itself."""
    wanted = LogFilter(
        kind=None if kind is None else EntryKind(kind),
        since=None if since is None else since.replace(tzinfo=AMSTERDAM),
        until=None if until is None else (until + timedelta(days=1)).replace(tzinfo=AMSTERDAM),
        about=about,
        most=most,
    )
    with session.context() as context, refusals(session):
        shown = log_reading.read_log(context, session.role(context), wanted, restricted=restricted)
    session.answer(tell_removal.log_shown(shown, restricted=restricted))


@click.command("accept-records")
@click.option("--by", "name", required=True, help="Account of who says it: its name or id, in the role of --as.")
@click.option("--reason", required=True, help="Why they may stay, in a sentence without names or numbers.")
@with_session
def accept_records(session: Session, name: str, reason: str) -> None:
    """Say that records which are not as the log says may stay; when two people in two roles have, removals go on.

    One of the two is the independent officer or the investigator, who alone see what differs. Put right first what
    was done to them: what is accepted stays as it is.
    """
    with session.context() as context, refusals(session):
        person = session.stand_for(context, name, session.role(context))
        said = table_checks.accept(context, person, reason)
    session.answer(tell_removal.records_said(said))


@click.command("accept-witness")
@click.argument("witness")
@click.option("--by", "name", required=True, help="Account of who says it: its name or id, in the role of --as.")
@click.option("--why", required=True, help="Why it saw another history, in a sentence without names or numbers.")
@with_session
def accept_witness(session: Session, witness: str, name: str, why: str) -> None:
    """Say why a witness saw another history of this log; when two people in two roles have, removals go on.

    First find out: an older copy of database and signed checkpoints was put back, or somebody changed them. Set every
    hold again that was set since. The witness cosigns again once its administrator lets it begin again.
    """
    with session.context() as context, refusals(session):
        person = session.stand_for(context, name, session.role(context))
        done = log_witnesses.accept(context, person, witness, why)
    if done:
        title = phrase("It is explained; removals go on.")
        then = phrase("Its administrator lets the witness begin again: closeout witness begin-anew")
    else:
        title = phrase("It is said by one person. A second one, in another role, must say it too.")
        then = phrase("Within three days: closeout --as ROLE log accept-witness WITNESS --by ACCOUNT --why TEXT")
    session.answer(Answer(ok=True, title=title, what_next=(then,), key="witness_accepted" if done else "witness_said"))


@click.command("key")
@with_session
def log_key(session: Session) -> None:
    """Show the public key that verifies this log's checkpoints, as witnesses and verifiers take it."""
    with session.context() as context:
        key = log_checkpoints.verifier_key(context)
    session.answer(
        Answer(
            ok=True,
            title=phrase("Public key of the log: {key}", key=key),
            what_next=(phrase("Hand it over by two ways: whoever changes it on the way could show another log."),),
            key="log_key",
        )
    )


@click.command("mend-heads")
@with_session
def mend_heads(session: Session) -> None:
    """Keep what can be read of a lost or damaged file of signed checkpoints, and sign from there; the log says so.

    First look for a copy of the file: what was signed and is gone proves nothing any more.
    """
    with session.context() as context, refusals(session):
        mended = log_repairs.mend_heads(context, session.role(context))
    lines = [phrase("Checkpoints that could be read and are kept: {kept}.", kept=mended.kept)]
    if mended.aside is not None:
        lines.append(phrase("What was there lies in {file} now.", file=str(mended.aside)))
    session.answer(
        Answer(
            ok=True,
            title=phrase("The file of signed checkpoints is mended, and the log says so."),
            lines=tuple(lines),
            what_next=(phrase("Keep a copy of it on another machine."),),
            key="heads_mended",
        )
    )
