"""The commands about profiles for phones: render, push, check; wording of answers is in `answers.profiles`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import click

from mdm_adapters.phones import ProfileKind
from server import app
from server.cli.answers import profiles as tell_profiles
from server.cli.session import FILE, Session, with_session
from server.core.model import Role
from server.core.phones.profile import CheckedTemplate
from server.core.text import phrase
from server.work.phones import profiles
from server.work.phones.profiles import Shelf

_NEW = click.Path(dir_okay=False, path_type=Path)
_KIND = click.Choice(["contact_account", "protection"])
_MAY_PUSH = frozenset({Role.PRIVACY_OFFICER, Role.IT_ADMINISTRATOR})


@click.command("check")
@click.argument("file", required=False, type=FILE)
@with_session
def profile_check(session: Session, file: Path | None) -> None:
    """List all faults of a profile's file; without a file, of profiles.yaml and of every profile that it names."""
    if file is not None:
        session.answer(tell_profiles.template_checked(file.name, _read(session, file).faults))
    try:
        assigned = app.check_assigned(session.settings)
    except app.PolicyRefused as refused:
        _unreadable(session, refused.file)
    if assigned is None:
        session.fail(
            "no_profiles",
            phrase("No profile is given to any phone: there is no profiles.yaml in the home folder."),
            phrase("The manual of profiles describes it."),
        )
    faults = list(assigned.faults)
    for name in sorted({each.template for each in assigned.assignments}):
        faults += _read(session, app.profile_file(session.settings, name)).faults
    if faults:
        session.answer(tell_profiles.template_checked("profiles.yaml", faults))
    shelf = _shelf(session)
    with session.context() as context:
        rows = tell_profiles.reach(context, shelf)
    session.answer(tell_profiles.reached(rows))


@click.command("render")
@click.argument("connection")
@click.argument("kind", type=_KIND)
@click.option("--phone", required=True, help="The id of a phone: see closeout device list.")
@click.option("--out", required=True, type=_NEW, help="The file to write; it may hold a password.")
@with_session
def profile_render(session: Session, connection: str, kind: str, phone: str, out: Path) -> None:
    """Write the profile of one phone to a file that you alone can read, to look at it or to try it."""
    shelf = _shelf(session)
    with session.context() as context:
        if session.role(context) not in _MAY_PUSH:
            session.fail("not_cleared", phrase("Your role is not cleared for that."))
        found = profiles.known_phones(context, connection, [phone])
        if not found:
            session.fail("unknown_phone", phrase("No phone has that id."), phrase("See: closeout device list"))
        made = shelf.made_for(connection, ProfileKind(kind), found[0].phone, found[0].uid)
    if isinstance(made, profiles.ProfileLack):
        session.fail(made.value, tell_profiles.LACKS[made])
    files = [out if not at else out.with_name(f"{out.stem}-{at + 1}{out.suffix}") for at in range(len(made))]
    for each, target in zip(made, files, strict=True):
        try:
            handle = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            session.fail("file_there", phrase("There is such a file already: {file}", file=target.name))
        with os.fdopen(handle, "wb") as written:
            written.write(each.body)
    session.answer(tell_profiles.rendered([target.name for target in files]))


@click.command("push")
@click.argument("connection")
@click.argument("kind", type=_KIND)
@click.option("--phone", "phones", multiple=True, help="The id of a phone, several times; without it, all of them.")
@with_session
def profile_push(session: Session, connection: str, kind: str, phones: tuple[str, ...]) -> None:
    """Put a profile on the phones of an MDM, each with values of its own."""
    shelf = _shelf(session)
    with session.context(phrase("Deploying profiles")) as context:
        role = session.role(context)
        if role not in _MAY_PUSH:
            session.fail("not_cleared", phrase("Your role is not cleared for that."))
        if not profiles.can_push(context, connection):
            session.fail(
                "cannot_push",
                phrase("No MDM of that name deploys profiles."),
                phrase("See what each can with: closeout place check"),
            )
        found = profiles.known_phones(context, connection, phones)
        pushed = profiles.push(context, shelf, connection, ProfileKind(kind), found, role)
    session.answer(tell_profiles.pushed(pushed, len(found), missing=len(set(phones)) - len(found) if phones else 0))


def _shelf(session: Session) -> Shelf:
    try:
        shelf = app.read_profiles(session.settings)
        for each in shelf.assignments:
            if each.phones:
                shelf.owns(each.phones)
    except app.PolicyRefused as refused:
        session.fail(
            "profile_faults",
            phrase("A profile has faults, so none is used: {file}", file=refused.file),
            phrase("See them all with: closeout profile check"),
        )
    return shelf


def _read(session: Session, file: Path) -> CheckedTemplate:
    try:
        return app.check_profile(file)
    except app.PolicyRefused as refused:
        _unreadable(session, refused.file)


def _unreadable(session: Session, file: str) -> NoReturn:
    session.fail("profile_unreadable", phrase("The file cannot be read: {file}", file=file))
