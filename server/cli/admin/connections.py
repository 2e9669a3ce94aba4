"""`closeout connection`: where the servers are and how to sign in to them."""

from __future__ import annotations

from json import dumps
from pathlib import Path

import click

from mdm_adapters.options import schema_of
from server import app
from server.cli.answers import setup as tell_setup
from server.cli.answers.refusals import refusals
from server.cli.lazy import SpeaksItself
from server.cli.session import Session, with_session
from server.core.text import phrase
from server.render.sentences import Sentences
from server.store.admin import organisation
from server.work.admin import setup


class _TellsKinds(SpeaksItself):
    """A command whose help ends with every kind of connection and its options, as the vendors declare them."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's
        """Write the declarations."""
        heading = Sentences(self.language).say(phrase("What --option may name, for each --vendor"))
        with formatter.section(heading):
            rows = [(name, ", ".join(each.name for each in kind.own) or "-") for name, kind in app.KINDS.items()]
            formatter.write_dl(rows)


@click.command("put", cls=_TellsKinds)
@click.argument("name")
@click.option("--vendor", required=True, help="Which kind: see closeout connection kinds.")
@click.option("--url", required=True, help="Address of the server, with https.")
@click.option("--login", default="", help="Service account at the server.")
@click.option("--secret-file", default="", help="File that holds the password, readable by you alone.")
@click.option("--ca-file", help="PEM of the authority that signed the server's certificate.")
@click.option(
    "--log-file", help="The server's own log on this machine, to see phones synchronise (Radicale, level info)."
)
@click.option(
    "--option",
    "options",
    multiple=True,
    help="What only this vendor needs, as name=value; repeatable. For each kind: closeout connection kinds VENDOR.",
)
@with_session
def connection_put(
    session: Session,
    name: str,
    vendor: str,
    url: str,
    login: str,
    secret_file: str,
    ca_file: str | None,
    log_file: str | None,
    options: tuple[str, ...],
) -> None:
    """Make or change a connection to a contact server, an MDM system or a usage feed."""
    with session.context() as context, refusals(session):
        setup.put_connection(
            context,
            name=name,
            vendor=vendor,
            base_url=url,
            login=login,
            secret_file=str(Path(secret_file).absolute()) if secret_file else "",
            kinds=app.KINDS,
            ca_file=ca_file,
            log_file=str(Path(log_file).absolute()) if log_file else None,
            options=app.with_whole_paths(vendor, _pairs(options)) if options else None,
        )
    session.answer(tell_setup.connection_put(name, app.KINDS[vendor]))


@click.command("remove")
@click.argument("name")
@with_session
def connection_remove(session: Session, name: str) -> None:
    """Delete a connection that no address book, phone or pause belongs to; its files stay where they are."""
    with session.context() as context, refusals(session):
        setup.remove_connection(context, name)
    session.answer(tell_setup.connection_removed(name))


@click.command("list")
@with_session
def connection_list(session: Session) -> None:
    """Show every connection, and whether it can sign in."""
    with session.context() as context:
        with context.store.read() as opened:
            rows = organisation.read_connections(opened)
        reached = {row.name for row in rows if context.reaches(row.name)}
    session.answer(tell_setup.connections(rows, app.KINDS, reached))


@click.command("kinds")
@click.argument("vendor", required=False)
@with_session
def connection_kinds(session: Session, vendor: str | None) -> None:
    """Show what can be connected; with VENDOR, every field of it and what to allow there."""
    session.answer(tell_setup.connection_kinds(app.KINDS, vendor))


@click.command("schema")
def connection_schema() -> None:
    """Print the JSON Schema of a connection: every kind with its fields."""
    click.echo(dumps(schema_of(app.KINDS), indent=2))


def _pairs(options: tuple[str, ...]) -> dict[str, str]:
    """name=value, each once."""
    pairs = {}
    for option in options:
        name, equals, value = option.partition("=")
        if not equals or not name or name in pairs:
            raise click.BadParameter("name=value, each name once", param_hint="--option")
        pairs[name] = value
    return pairs
