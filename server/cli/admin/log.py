"""`closeout log`: whether the log is what signed heads say."""

from __future__ import annotations

from pathlib import Path

import click

from server.cli.answers import removal as tell_removal
from server.cli.session import Session, with_session
from server.core.text import phrase
from server.work.admin import log_checkpoints


@click.command("verify")
@click.option(
    "--checkpoint", type=click.Path(path_type=Path), help="File of signed heads. Default: of this installation."
)
@with_session
def log_verify(session: Session, checkpoint: Path | None) -> None:
    """Read the whole log and hold it against signed heads kept outside the database."""
    file = checkpoint or session.settings.checkpoint_file
    if not file.exists():
        session.fail(
            "no_checkpoints", phrase("There is no such checkpoint file."), phrase("Name a copy with --checkpoint.")
        )
    with session.context() as context:
        checked = log_checkpoints.check_log(context, file)
    session.answer(tell_removal.log_checked(checked))
