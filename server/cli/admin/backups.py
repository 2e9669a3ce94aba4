"""`closeout backup`: making backups, opening and trying them, putting them back, and how a restore comes to its end."""

from __future__ import annotations

from pathlib import Path

import click

from server import app
from server.cli.answers import backups as tell
from server.cli.answers.refusals import refusals
from server.cli.published_keys import read_log_key
from server.cli.session import FILE, Session, with_session
from server.core.admin.backups import BackupKind
from server.core.tables import Column, Section
from server.core.text import phrase
from server.render.answers import Answer
from server.settings import read_text_file
from server.work.admin import backups, restores
from server.work.admin.restores import Accepted

_IDENTITY = click.option(
    "--identity", type=FILE, help="File with the private key, as age-keygen writes it. Default: it is asked for."
)


@click.command("make")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option(
    "--what",
    required=True,
    type=click.Choice([each.value for each in BackupKind]),
    help="The database with the signed checkpoints, or the keys with the secrets; never both in one file.",
)
@click.option("--to", "recipients", required=True, type=FILE, help="File with the public keys (age1...), one a line.")
@click.option("--shared-recipient", "shared", is_flag=True, help="One of them may open both kinds of backup.")
@with_session
def backup_make(session: Session, folder: Path, what: str, recipients: Path, *, shared: bool) -> None:
    """Make an encrypted backup in a folder, while everything goes on working; who has the private key opens it.

    FOLDER must be there. The file is there whole or not at all; it is an age file with a ZIP in it, which age and
    unzip open without closeout.
    """
    to = read_text_file(recipients)
    with session.context() as context, refusals(session):
        places, role = app.backup_places(session.settings), session.role(context)
        made = backups.make(context, role, places, BackupKind(what), folder, to, shared=shared)
    session.answer(tell.made(made))


@click.command("verify")
@click.argument("file", type=FILE)
@_IDENTITY
@click.option("--key", help="Public key of the log, as closeout log key shows it. Default: the one in the backup.")
@click.option("--scratch", type=FILE, help="File with the address of an empty PostgreSQL database, to try it in.")
@with_session
def backup_verify(session: Session, file: Path, identity: Path | None, key: str | None, scratch: Path | None) -> None:
    """Open a backup, restore it into a scratch place and verify its log; needs no installation.

    Do it on the machine where the private key is. The scratch place is emptied afterwards.
    """
    if key is not None:
        read_log_key(session, key)
    url = None if scratch is None else read_text_file(scratch).strip()
    with refusals(session):
        found = backups.verify(file, _identity(session, identity), log_key=key, scratch_url=url)
    session.answer(tell.verified(found, named=key is not None))


@click.command("restore")
@click.argument("file", type=FILE)
@_IDENTITY
@with_session
def backup_restore(session: Session, file: Path, identity: Path | None) -> None:
    """Restore a backup where there is no installation: the keys first, then the database.

    Nothing that is there is written over. Until two people have said what was lost, nothing is removed.
    """
    settings = session.settings
    with refusals(session):
        done = backups.restore(
            file,
            _identity(session, identity),
            app.backup_places(settings),
            url=settings.database,
            read_keys=lambda: app.read_keys(settings),
            clock=app.system_clock,
        )
    session.answer(tell.restored(done))


def _identity(session: Session, file: Path | None) -> str:
    """The private key; never as an argument, which others can read."""
    if file is not None:
        return read_text_file(file)
    return session.ask(phrase("Private key (AGE-SECRET-KEY-1...)"), hidden=True)


@click.command("accept-restore")
@click.option("--by", "name", required=True, help="Account of who says it: its name or id, in the role of --as.")
@click.option("--lost", required=True, help="What was lost with the restore, in a sentence without names or numbers.")
@with_session
def accept_restore(session: Session, name: str, lost: str) -> None:
    """Say what was lost with a restored database; when two people in two roles have, log and checkpoints agree again.

    Until then no checkpoint is signed and nothing is removed. Set every hold again first that was set since the
    backup.
    """
    with session.context() as context, refusals(session):
        person = session.stand_for(context, name, session.role(context))
        said = restores.say(context, person, lost)
    session.answer(_told(said))


def _told(said: Accepted) -> Answer:
    gone = phrase(
        "{count} entry of the log is known to be gone.",
        many="{count} entries of the log are known to be gone.",
        count=said.restore.entries,
    )
    since = phrase("The restored log ends at {moment}.", moment=said.restore.newest_at or phrase("its beginning"))
    if not said.done:
        return Answer(
            ok=True,
            title=phrase("It is said by one person. A second one, in another role, must say it too."),
            lines=(gone, since),
            what_next=(
                phrase("Ask the independent officer which holds were set since, and set them again now."),
                phrase("Within three days: closeout --as ROLE backup accept-restore --by ACCOUNT --lost TEXT"),
            ),
            key="restore_said",
        )
    return Answer(
        ok=True,
        title=phrase("The restore is accepted; from here log and signed checkpoints agree again."),
        lines=(
            gone,
            since,
            phrase("What those entries recorded is not known here: accounts disabled and tokens ended since then "
            "are open again. Everybody is signed out; end again what had been ended."),
        ),
        sections=(
            Section("accounts", phrase("Accounts that may sign in"), columns=(Column("name", phrase("Account")),),
                    rows=tuple((name,) for name in said.open_accounts), empty=phrase("None.")),
            Section("tokens", phrase("Tokens in force"), columns=(Column("name", phrase("Token")),),
                    rows=tuple((name,) for name in said.open_tokens), empty=phrase("None.")),
        ),
        what_next=(
            phrase("End again with: closeout account disable, closeout token end"),
            phrase("Then: closeout cases import, closeout look, closeout plan"),
        ),
        key="restore_accepted",
    )  # fmt: skip
