"""`closeout move`: from the embedded database to a server."""

from __future__ import annotations

from pathlib import Path

import click

from server.cli.answers.refusals import refusals
from server.cli.session import FILE, Session, with_session
from server.core.text import phrase
from server.render.answers import Answer
from server.settings import read_text_file
from server.work.admin import moves


@click.command("move")
@click.option("--to", "to", type=FILE, help="File with the address of an empty PostgreSQL database. Else asked for.")
@with_session
def move(session: Session, to: Path | None) -> None:
    """Move the embedded database to a PostgreSQL server: every row, compared; the old one takes no more.

    Stop engine and pages, and make a backup first. What was stopped half-way is begun again by the same command.
    """
    label = phrase("Address of the PostgreSQL database")
    address = read_text_file(to).strip() if to is not None else session.ask(label, hidden=True).strip()
    store = session.open_store()
    try:
        with refusals(session):
            done = moves.move(store, address)
    finally:
        store.close()
    session.answer(
        Answer(
            ok=True,
            title=phrase("The installation is moved. The old database takes nothing any more."),
            lines=(
                phrase("Tables: {tables}. Rows, all together: {rows}.", tables=done.tables, rows=done.rows),
                phrase("Entries of the log: {size}. Its root: {root}", size=done.size, root=done.root),
            ),
            what_next=(
                phrase("Set CLOSEOUT_DATABASE_FILE to the file with the new address, for every service."),
                phrase("Then: closeout doctor, closeout log verify"),
            ),
            key="moved",
        )
    )
