"""The commands about feeds that are asked for, and about lists beside usage: who was away, and where apps are."""

from __future__ import annotations

from datetime import datetime

import click

from server.cli.answers import feeds as tell_feeds
from server.cli.answers import removal as tell_removal
from server.cli.answers.refusals import refusals
from server.cli.session import DAY, Session, with_session
from server.cli.usage.evidence import read_catalogue, read_rules
from server.core.text import phrase
from server.sources.mapping import MappingRefused
from server.sources.usage_mapping import load_usage_mapping
from server.work.usage import pulls


@click.command("pull")
@click.argument("connection")
@click.option("--since", type=DAY, help="First day. Default: the first day of the month before this one.")
@click.option("--mapping", help="How to read it: your own file. Default: the shipped mapping of that service.")
@click.option("--partial", is_flag=True, help="Import the valid records although others have faults.")
@with_session
def usage_pull(session: Session, connection: str, since: datetime | None, mapping: str | None, partial: bool) -> None:
    """Ask a service for its usage data up to today; what it reports replaces those days."""
    rules, catalogue = read_rules(session), read_catalogue(session)
    with session.context(phrase("Asking the service")) as context, refusals(session):
        feed = context.feeds.get(connection)
        if feed is None:
            session.answer(tell_feeds.no_feed())
        try:
            chosen = load_usage_mapping(mapping or feed.mapping)
        except MappingRefused as refused:
            session.answer(tell_removal.mapping_faults(refused))
        came = pulls.pull(
            context, connection, feed, chosen, catalogue, rules, since=since.date() if since else None, partial=partial
        )
    session.answer(tell_feeds.pulled(came))
