"""Making an installation, bringing it up to date and examining it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from server import app
from server.cli import examine
from server.cli.answers import setup as tell_setup
from server.cli.answers.refusals import refusals
from server.cli.faults import HeadUnsignedError
from server.cli.session import Session, with_session
from server.core.text import phrase
from server.store.admin import organisation
from server.store.database import Store, StoreProblem, StoreUnavailableError
from server.work.admin import log_checkpoints, setup


@click.command("init")
@click.argument("name")
@click.option(
    "--demo",
    is_flag=True,
    help="An invented organisation: only servers on this machine, no DPIA and no consent needed.",
)
@with_session
def init(session: Session, name: str, demo: bool) -> None:
    """Make a new installation: tables, keys readable by you alone, an empty log."""
    with _new_store(session) as store:
        app.make_keys(session.settings)
        context = app.make_bare_context(session.settings, store, app.read_keys(session.settings))
        try:
            with refusals(session):
                setup.found(context, name, demo=demo)
        except OSError as error:
            raise HeadUnsignedError from error
        verifier = log_checkpoints.verifier_key(context)
    session.answer(tell_setup.founded(session.settings, verifier, demo=demo))


@contextmanager
def _new_store(session: Session) -> Iterator[Store]:
    """The database of an installation that is not there yet; where there is one, nothing is made or changed."""
    app.make_home(session.settings)
    store = session.open_store()
    try:
        try:
            store.check()
        except StoreUnavailableError as fault:
            if fault.problem is not StoreProblem.EMPTY:
                raise
            heads = session.settings.checkpoint_file
            if heads.exists() and heads.stat().st_size:
                session.database_gone()
        else:
            with store.read() as connection:
                there = organisation.has_installation(connection)
            if there:
                session.fail("already_there", phrase("There is an installation here already; it is left as it is."))
        yield store
    finally:
        store.close()


@click.command("update")
@with_session
def update(session: Session) -> None:
    """Bring the tables to this version of closeout, after an update; make a backup first."""
    session.answer(tell_setup.updated(session.bring_up_to_date()))


@click.command("doctor")
@click.option("--settings", "show_settings", is_flag=True, help="List every setting and what it means.")
@with_session
def doctor(session: Session, show_settings: bool) -> None:
    """Check keys, database, clock, DPIA and consent, policy and address books, and say what to do about each fault."""
    if show_settings:
        session.answer(tell_setup.settings_manual())
    session.answer(examine.examine(session))
