"""`closeout cases`: taking in exports of the case register."""

from __future__ import annotations

from pathlib import Path

import click

from server.cli.answers import removal as tell_removal
from server.cli.answers import setup as tell_setup
from server.cli.session import Session, with_session
from server.core.text import phrase
from server.render.answers import Answer
from server.sources.case_file import open_export
from server.sources.mapping import MappingRefused, load_mapping
from server.work.register import intake, pushes


@click.command("confirm")
@click.argument("change")
@with_session
def cases_confirm(session: Session, change: str) -> None:
    """Let a request of a program go on that was stopped because it would close far more cases than usual; the
    program then sends it again."""
    with session.context() as context:
        found = pushes.confirm_change(context, change)
    if not found:
        session.fail("no_such_change", phrase("There is no stopped request of that id."))
    session.answer(
        Answer(
            ok=True,
            title=phrase("The request may go on."),
            what_next=(phrase("Let the program send the same again, with the same key."),),
            key="change_confirmed",
        )
    )


@click.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--mapping", required=True, help="How to read it: a shipped name (generic-en) or a file of your own.")
@click.option("--partial", is_flag=True, help="Import the valid rows although others have faults.")
@click.option("--confirm", is_flag=True, help="You have seen why this export was stopped, and mean it.")
@with_session
def cases_import(session: Session, files: tuple[Path, ...], mapping: str, partial: bool, confirm: bool) -> None:
    """Import an export of the case system: all of it, or nothing and why."""
    try:
        chosen = load_mapping(Path(mapping) if Path(mapping).suffix else mapping)
    except MappingRefused as refused:
        session.answer(tell_removal.mapping_faults(refused))
    with session.context(phrase("Reading the export")) as context:
        taken = intake.take_in(context, open_export(files, chosen), partial=partial, confirmed=confirm)
    session.answer(tell_setup.taken_in(taken))
