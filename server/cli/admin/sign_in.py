"""`closeout login` and `closeout logout`: who sits at this terminal, by the same accounts and factors as the pages."""

from __future__ import annotations

import click

from server.cli.session import Session, with_session
from server.core.admin.sign_in_tries import Asker, KnownBy
from server.core.text import phrase
from server.render.answers import Answer
from server.work.admin import access

_HERE = Asker(KnownBy.DEVICE, "command line")
"""Whoever is at the command is at the server: no stranger's wrong tries count here."""


@click.command("login")
@with_session
def login(session: Session) -> None:
    """Sign in at this terminal with your account; asks for name, password and code."""
    words = session.words
    with session.context() as context:
        name = session.ask(phrase("Name"))
        password = session.ask(phrase("Password"), hidden=True)
        code = session.ask(phrase("Code of six digits"), hidden=True)
        row = access.check_factors(context, name, password, code, asker=_HERE)
        if row is None or not row.roles:
            session.fail(
                "not_signed_in",
                phrase("The name, the password or the code is not right, or the code was used before."),
                phrase("Wait for a new code and try again; after several wrong tries, wait an hour."),
            )
        if row.handed_out_until is not None:
            session.fail(
                "handed_out",
                phrase("What you gave was handed to you, so somebody else knows it."),
                phrase("Choose your own on the pages first: Your account. Then sign in here."),
            )
        ended = session.read_login()
        if ended:
            access.end_session(context, ended)
        session.keep_login(access.begin_session(context, row, limits=access.AT_COMMAND))
    session.answer(
        Answer(
            ok=True,
            title=phrase(
                "You are signed in at this terminal as {name}: {roles}.",
                name=row.name or row.uid,
                roles=words.join(words.name(role) for role in row.roles),
            ),
            lines=(phrase("It ends after 15 minutes without a command, and after four hours at the latest."),),
            what_next=(phrase("With several roles, say in which you act: closeout --as ROLE"),),
            key="signed_in",
        )
    )


@click.command("logout")
@with_session
def logout(session: Session) -> None:
    """Sign out at this terminal."""
    with session.context() as context:
        ended = session.read_login()
        if ended:
            access.end_session(context, ended)
        session.forget_login()
    session.answer(Answer(ok=True, title=phrase("You are signed out."), key="signed_out"))
