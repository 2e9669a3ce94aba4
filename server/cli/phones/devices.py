"""The commands about devices and managed phones; wording of answers is in `answers.devices`."""

from __future__ import annotations

from pathlib import Path

import click

from server.cli.answers import devices as tell_devices
from server.cli.answers.refusals import refusals
from server.cli.session import FILE, Session, with_session
from server.core.model import CLEARED_FOR_CASES, Role
from server.core.text import phrase
from server.render.phones import tables
from server.settings import read_text_file
from server.store.phones import managed, pages, repush
from server.work.phones import device_lists, managers

_MAY_ANSWER = frozenset({Role.PRIVACY_OFFICER, Role.IT_ADMINISTRATOR})


@click.command("list")
@with_session
def device_list(session: Session) -> None:
    """Show coverage by team, phones that stopped syncing, what an MDM cannot see, and every managed phone."""
    with session.context() as context:
        role = session.role(context)
        with context.store.read() as connection:
            teams = pages.team_covers(connection)
            lines = pages.read_phones(connection)
        sections = (
            tables.cover(teams),
            tables.silence(lines, context.now()),
            tables.listing(lines, cleared=role in CLEARED_FOR_CASES),
            tables.limits({name: mdm.capabilities() for name, mdm in context.mdms.items()}),
        )
    session.answer(tell_devices.devices(sections))


@click.command("show")
@click.argument("phone")
@with_session
def device_show(session: Session, phone: str) -> None:
    """Show one phone by its id: where a number can be saved on it, whether that is blocked, what should be deployed."""
    with session.context() as context:
        role = session.role(context)
        with context.store.read() as connection:
            found = pages.read_phones(connection, uid=phone)
            if not found:
                session.fail("unknown_phone", phrase("No phone has that id."), phrase("See: closeout device list"))
            line = found[0]
            facts = managed.facts_of(connection, line.id)
            apps = pages.apps_of(connection, line.id)
            asks = pages.asks_of(connection, line.id)
    session.answer(tell_devices.device(line, facts, apps, asks, cleared=role in CLEARED_FOR_CASES))


@click.command("import")
@click.argument("file", type=FILE)
@with_session
def device_import(session: Session, file: Path) -> None:
    """Import a list of phones: CSV with device, worker, employer, team, use, connection, phone."""
    text = read_text_file(file, utf16=True)
    with session.context() as context, refusals(session):
        taken = device_lists.import_devices(context, text)
    session.answer(tell_devices.devices_taken(taken))


@click.command("stats")
@click.argument("file", type=FILE)
@click.option("--connection", "name", required=True, help="The contact server whose figures they are.")
@with_session
def device_stats(session: Session, file: Path, name: str) -> None:
    """Import when phones last synchronised: Exchange's Get-MobileDeviceStatistics, as CSV or JSON.

    Needed: Mailbox, DeviceID and LastSuccessSync (as 2026-01-31T12:00:00Z).
    """
    text = read_text_file(file, utf16=True)
    with session.context() as context, refusals(session):
        taken = device_lists.take_fetches(context, name, text)
    session.answer(tell_devices.fetches_taken(taken))


@click.command("refresh")
@with_session
def device_refresh(session: Session) -> None:
    """List the phones of every MDM now, and request what is due from them."""
    with session.context(phrase("Reading MDM systems")) as context:
        rows = managers.refresh(context, force=True)
        enforced = managers.enforce(context)
    session.answer(tell_devices.refreshed(rows, enforced))


@click.command("repush")
@click.option(
    "--release",
    "released",
    help="The id of a proposal: remove the managed contacts account from its phones and add it again.",
)
@click.option("--refuse", "refused", help="The id of a proposal that is not to be carried out.")
@with_session
def device_repush(session: Session, released: str | None, refused: str | None) -> None:
    """Show phones that stopped syncing and are proposed to have their managed contacts account reset; approve
    or refuse it."""
    if released is not None and refused is not None:
        raise click.UsageError("--release, --refuse: one of them")
    uid = released or refused
    with session.context() as context:
        role = session.role(context)
        if uid is None:
            managers.propose_repush(context)
            with context.store.read() as connection:
                answer = tell_devices.repushes(repush.read_repushes(connection))
        else:
            if role not in _MAY_ANSWER:
                session.fail("not_cleared", phrase("Your role is not cleared for that."))
            count = managers.answer_repush(context, uid, role, grant=released is not None)
            if count is None:
                session.fail("not_found", phrase("There is nothing of that id that is still open."))
            answer = tell_devices.repush_answered(count, grant=released is not None)
    session.answer(answer)
