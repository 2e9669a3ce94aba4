"""`closeout serve`, `closeout account` and `closeout token`: the pages, and who may see them."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import click

from server import app
from server.cli import journal
from server.cli.answers.refusals import refusals
from server.cli.call import ExitStatus
from server.cli.listening import check_listen, open_door, run_until_stopped
from server.cli.session import FILE, Session, with_session
from server.cli.setting_faults import require_sound_settings
from server.core.model import Role
from server.core.tables import Column, Kind, Mark, Section
from server.core.text import Text, phrase
from server.render.admin import tokens as tell_tokens
from server.render.answers import Answer, as_text
from server.render.traces import where_raised
from server.settings import DEFAULT_LISTEN, DEFAULT_URL, read_text_file
from server.store.database import StoreUnavailableError
from server.work.admin import access, log_checkpoints, log_witnesses
from server.work.admin.access import NewFactors
from server.work.reports.metrics import KEPT

_SIGN_EVERY_SECONDS = 60.0
_MEASURE_EVERY_SECONDS = 15.0

UNSERVED: Mapping[str, tuple[Text, Text]] = {
    "demo_not_loopback": (
        phrase("A demo is reached from this machine only."),
        phrase("Listen on 127.0.0.1, and leave CLOSEOUT_WEB_URL at an address of this machine."),
    ),
    "not_encrypted": (
        phrase("Passwords would travel in clear."),
        phrase("Put a proxy with TLS before it, and set CLOSEOUT_WEB_URL to its https address."),
    ),
    "bad_address": (
        phrase("CLOSEOUT_WEB_URL is no address of a site."),
        phrase("Give scheme, host and port alone, such as https://closeout.example.org"),
    ),
    "provider_unknown": (
        phrase("The identity provider is named, but our client id or the file of its roles is missing."),
        phrase("Set CLOSEOUT_OIDC_CLIENT and CLOSEOUT_OIDC_ROLES_FILE."),
    ),
}
_MOST_CONNECTIONS = 900  # below 1,024, the files that a service may open where nobody says otherwise
_MOST_BYTES = 32 * 1024 * 1024
"""Of a body: more is refused before it is taken in. Pages and programs are told of their own, smaller limits."""
_SILENT_FOR = 20
"""Seconds without a byte after which a connection is closed."""


@click.command("serve")
@click.option("--listen", help="Address and port. Default: from CLOSEOUT_WEB_LISTEN, else 127.0.0.1:8080.")
@with_session
def serve(session: Session, listen: str | None) -> None:
    """Serve the pages for people until stopped; a demo lets you pick a role."""
    settings = session.settings
    where = listen or settings.web_listen
    if settings.web_url == DEFAULT_URL:
        settings = replace(settings, web_url=f"http://{where}")
    # What is wrong with the address of the pages is told in more words, below, since a demo has rules of its own.
    told = replace(settings, web_url=DEFAULT_URL, web_listen=DEFAULT_LISTEN if listen else where)
    require_sound_settings(session, told)
    check_listen(session, where)
    with session.context() as context:
        try:
            pages = app.make_pages(settings, context.store, context.keys, listen=where)
        except app.PagesFault as fault:
            what, do = UNSERVED[fault.problem]
            refused = Answer(ok=False, title=what, what_next=(do,), key=fault.problem)
            session.answer(refused, ExitStatus.BAD_SETTING)
        server = open_door(
            session,
            pages,
            where,
            threads=8,
            # Who opens connections and says nothing, or half of something, holds none that others need for long:
            # waiting ones cost no thread, and `poll` bears more of them than `select` can count.
            connection_limit=_MOST_CONNECTIONS,
            channel_timeout=_SILENT_FOR,
            max_request_body_size=_MOST_BYTES,
            asyncore_use_poll=True,
            trusted_proxy=settings.web_proxy or None,
            trusted_proxy_headers={"x-forwarded-for"} if settings.web_proxy else set(),
        )
        journal.tell(as_text(_serving(settings.web_url), session.words))
        # What people do in pages is vouched for too; where that fails Health tells how much is unsigned.
        sign = partial(log_checkpoints.write_checkpoint, context)
        measure = pages.extensions[KEPT].renew
        with (
            _repeating(_SIGN_EVERY_SECONDS, sign, "head of the log not signed"),
            _repeating(_MEASURE_EVERY_SECONDS, measure, "metrics not read"),
            log_witnesses.tended(context, journal.tell),
        ):
            run_until_stopped(server)


def _serving(url: str) -> Answer:
    return Answer(
        ok=True,
        title=phrase("The pages are at {url}", url=url),
        what_next=(phrase("Stop with Ctrl-C."),),
        key="serving",
    )


@contextmanager
def _repeating(every: float, act: Callable[[], object], otherwise: str) -> Iterator[None]:
    """Do something again and again beside the pages. otherwise: what is said where it fails; then it is tried again."""
    over = threading.Event()

    def repeat() -> None:
        while not over.wait(every):
            try:
                act()
            except (OSError, StoreUnavailableError, app.PolicyRefused) as error:
                journal.tell(f"{otherwise}: {where_raised(error)}", "warning")

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join(5)


@click.command("add")
@click.argument("name")
@click.option(
    "--role",
    "roles",
    multiple=True,
    required=True,
    type=click.Choice([str(role) for role in Role]),
    help="A role; may be given several times.",
)
@click.option("--worker", help="Staff code of the worker whose phone is theirs.")
@click.option("--password-file", type=FILE, help="File with the password; else it is asked for.")
@with_session
def account_add(
    session: Session, name: str, roles: tuple[str, ...], worker: str | None, password_file: Path | None
) -> None:
    """Make an account; shows once what its code app needs."""
    password = _password(password_file)
    with session.context() as context, refusals(session):
        factors = access.add_account(context, name, password, [Role(role) for role in roles], worker=worker)
    session.answer(_told_once(phrase("The account {name} is made.", name=name.strip().lower()), factors))


@click.command("renew")
@click.argument("name")
@click.option("--password-file", type=FILE, help="File with the password; else it is asked for.")
@with_session
def account_renew(session: Session, name: str, password_file: Path | None) -> None:
    """A new password and a new secret for codes, for who lost one; signs out everywhere."""
    password = _password(password_file)
    with session.context() as context, refusals(session):
        factors = access.renew_factors(context, name, password)
    session.answer(_told_once(phrase("The account {name} is renewed.", name=name.strip().lower()), factors))


@click.command("link")
@click.argument("name")
@click.option("--worker", required=True, help="Staff code of the worker whose phone is theirs.")
@with_session
def account_link(session: Session, name: str, worker: str) -> None:
    """Link an account to a worker, so that what is about them is kept from them."""
    with session.context() as context, refusals(session):
        access.link_account(context, name, worker)
    title = phrase("The account {name} is linked to its worker.", name=name.strip().lower())
    session.answer(Answer(ok=True, title=title, key="account_linked"))


@click.command("disable")
@click.argument("name")
@with_session
def account_disable(session: Session, name: str) -> None:
    """Let nobody sign in with it any more; signs out everywhere."""
    with session.context() as context, refusals(session):
        access.disable_account(context, name)
    session.answer(
        Answer(
            ok=True,
            title=phrase("The account {name} is disabled.", name=name.strip().lower()),
            key="account_disabled",
        )
    )


@click.command("sign-out")
@click.argument("name", required=False)
@click.option("--everybody", is_flag=True, help="All accounts instead of one.")
@with_session
def account_sign_out(session: Session, name: str | None, *, everybody: bool) -> None:
    """Sign an account out everywhere, or everybody; who may sign in still may."""
    if everybody == (name is not None):
        raise click.UsageError("NAME, --everybody: one of them")
    with session.context() as context, refusals(session):
        access.sign_out_account(context, name)
    title = (
        phrase("Everybody is signed out.")
        if name is None
        else phrase("The account {name} is signed out everywhere.", name=name.strip().lower())
    )
    session.answer(Answer(ok=True, title=title, key="account_signed_out"))


@click.command("list")
@with_session
def account_list(session: Session) -> None:
    """Show every account, its roles, and whether it may sign in."""
    with session.context() as context:
        rows = access.list_accounts(context)
    words = session.words
    section = Section(
        "accounts",
        phrase("Accounts"),
        columns=(
            Column("name", phrase("Name"), blank=phrase("At the identity provider")),
            Column("account", phrase("Account")),
            Column("roles", phrase("Roles")),
            Column("open", phrase("May sign in"), Kind.CODE),
        ),
        rows=tuple(
            (
                row.name,
                row.uid,
                words.join(words.name(role) for role in row.roles),
                Mark.NO if row.disabled_at else Mark.YES,
            )
            for row in rows
        ),
        empty=phrase("There is no account yet: closeout account add"),
    )
    session.answer(Answer(ok=True, title=phrase("Who may sign in"), sections=(section,), key="accounts"))


@click.command("add")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice([str(scope) for scope in access.Scope]),
    help="What it may do; may be given several times. Default: status:read.",
)
@click.option("--case-system", default="", help="Whose cases it is about, as their mapping names it (system:).")
@click.option("--employer", default="", help="Of whose workers' cases alone; without it of all.")
@click.option("--owner", default="", help="Who answers for it: a department or its mailbox, no person.")
@click.option("--days", default=90, show_default=True, type=click.IntRange(1, 366), help="How long it holds.")
@with_session
def token_add(
    session: Session, name: str, scopes: tuple[str, ...], case_system: str, employer: str, owner: str, days: int
) -> None:
    """Make a token by which a program may read status or metrics, push cases or read outcomes; shows it once."""
    chosen = [access.Scope(scope) for scope in scopes] or [access.Scope.STATUS]
    with session.context() as context, refusals(session):
        secret = access.make_token(
            context, name, chosen, days=days, case_system=case_system, employer=employer, owner=owner
        )
        until = context.today() + timedelta(days=days)
    session.answer(
        Answer(
            ok=True,
            title=phrase("The token {name} is made. It holds until {until}.", name=name.strip().lower(), until=until),
            lines=(phrase("Shown this once: {secret}", secret=secret),),
            key="token_made",
        )
    )


@click.command("list")
@with_session
def token_list(session: Session) -> None:
    """Show every token: what it may do, for which case system, until when, and when it was used last."""
    with session.context() as context:
        section = tell_tokens.tokens(access.list_tokens(context), context.now())
    session.answer(Answer(ok=True, title=phrase("What programs may do"), sections=(section,), key="tokens"))


@click.command("end")
@click.argument("name")
@with_session
def token_end(session: Session, name: str) -> None:
    """End a token at once."""
    with session.context() as context, refusals(session):
        access.revoke_token(context, name)
    session.answer(
        Answer(ok=True, title=phrase("The token {name} is ended.", name=name.strip().lower()), key="token_ended")
    )


def _password(file: Path | None) -> str:
    if file is not None:
        return read_text_file(file).strip("\r\n")
    return str(click.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))


def _told_once(title: Text, factors: NewFactors) -> Answer:
    return Answer(
        ok=True,
        title=title,
        lines=(
            phrase("For the app that shows codes, shown this once: {secret}", secret=factors.secret),
            phrase("Or as an address, for a QR code: {uri}", uri=factors.uri),
        ),
        what_next=(
            phrase("Hand both to the person. They count for three days, and until the person has chosen their own."),
            phrase("Serve the pages with: closeout serve"),
        ),
        key="account_ready",
    )
