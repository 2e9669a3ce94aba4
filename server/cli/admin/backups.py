"""The commands about backups: how a restore comes to its end."""

from __future__ import annotations

import click

from server.cli.answers.refusals import refusals
from server.cli.session import Session, with_session
from server.core.tables import Column, Section
from server.core.text import phrase
from server.render.answers import Answer
from server.work.admin import restores
from server.work.admin.restores import Accepted


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
