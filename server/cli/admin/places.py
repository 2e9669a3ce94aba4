"""`closeout place`: where contacts can be."""

from __future__ import annotations

from pathlib import Path

import click

from server.cli.answers import devices as tell_devices
from server.cli.answers import setup as tell_setup
from server.cli.answers.refusals import refusals
from server.cli.session import FILE, Session, with_session
from server.core.text import phrase
from server.settings import read_text_file
from server.store.admin import organisation
from server.store.removal import questions
from server.work.admin import setup
from server.work.phones import managers as phones


@click.command("import")
@click.argument("file", type=FILE)
@with_session
def place_import(session: Session, file: Path) -> None:
    """Import a list of address books: CSV with worker, employer, team, connection, address, devices, logins."""
    text = read_text_file(file, utf16=True)
    with session.context() as context, refusals(session):
        taken = setup.import_places(context, text)
    session.answer(tell_setup.places_taken(taken))


@click.command("list")
@with_session
def place_list(session: Session) -> None:
    """Show every address book: when it was read, what in it could not be, and why it could not be read at all."""
    with session.context() as context:
        role = session.role(context)
        with context.store.read() as opened:
            demo = organisation.read_installation(opened).demo
            rows = organisation.read_places(opened, context.today())
            unread = questions.counts_of_unread(opened)
    session.answer(tell_setup.places(rows, unread, role, demo=demo))


@click.command("check")
@with_session
def place_check(session: Session) -> None:
    """Try every address book without reading what is in it: sign-in, rights, protocol, and what the vendor can prove.

    MDM systems are tried as well, without sending anything to a phone.
    """
    with session.context(phrase("Trying address books")) as context:
        role = session.role(context)
        checked = setup.check_places(context)
        managers = phones.check_managers(context)
    session.answer(tell_devices.with_managers(tell_setup.checked(checked, role), managers))
