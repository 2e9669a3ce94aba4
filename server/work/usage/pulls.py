"""Feeds that are asked for: a connection is read for a period, and what it told takes the place of those days.

Nothing is asked of anybody before a gate for observing stands open, and nothing raw is written anywhere: records live
in memory until they are classified and summed at the door.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path

from mdm_adapters.port import Fault, PortError
from server.core.log.entries import Body, EntryKind
from server.core.usage.channel_catalogue import Catalogue
from server.core.usage.evidence_rules import EvidenceRules
from server.sources import klant
from server.sources.file_period import Days
from server.sources.pulled import Feed, Pulled, open_pulled, whose
from server.sources.usage_file import OpenUsage
from server.sources.usage_mapping import UsageMapping
from server.store import log
from server.store.admin import accounts_of_places
from server.work.context import Context
from server.work.usage import feeds
from server.work.usage.feeds import UsageOutcome, UsageTaken

LONGEST = timedelta(days=366)


@dataclass(frozen=True, slots=True)
class PullTaken:
    """What a pull came to. fault: why there is none; then nothing changed. pulled: what the feed said of itself."""

    taken: UsageTaken | None
    pulled: Pulled | None = None
    fault: Fault | None = None

    @property
    def behind(self) -> int | None:
        """How many days lie between the last that was asked for and the last that the feed tells of."""
        return None if self.pulled is None else (self.pulled.asked_until - self.pulled.last).days


class _NothingYetError(Exception):
    """The service tells nothing of these days so far."""


def pull(
    context: Context,
    name: str,
    feed: Feed,
    mapping: UsageMapping,
    catalogue: Catalogue,
    rules: EvidenceRules,
    *,
    since: date | None = None,
    partial: bool = False,
) -> PullTaken:
    """Ask the feed of a connection for all from a day to today.

    name: of the connection. since: without it the first day of the month before this one, so that late corrections are
    met. Raises EvidenceRefusedError before anybody is asked if no gate for observing is open.
    """
    today = context.today()
    begin = max(since or _month_before(today), today - LONGEST)
    told: list[Pulled] = []

    def ask() -> OpenUsage:
        told.append(_whose(context, feed, feed.pull(begin, today)))
        if told[0].last < told[0].first:
            raise _NothingYetError
        opened = open_pulled(name, told[0], mapping, today=today)
        # Keyed: of a pull with one call in it a plain digest could be tried against every number there is.
        return replace(opened, digest=context.keys.sealer.hash(opened.digest, "usage.pull").hex())

    try:
        taken = feeds.take_in_feed(context, ask, mapping, catalogue, rules, partial=partial)
    except _NothingYetError:
        return PullTaken(UsageTaken(UsageOutcome.KNOWN, mapping.feed), told[0])
    except PortError as error:
        body: Body = {"feed": mapping.feed, "verb": "asked", "outcome": error.fault.value}
        with context.store.write() as connection:
            log.append(connection, context.now(), [(EntryKind.USAGE_CHANGED, body)])
        return PullTaken(None, fault=error.fault)
    return PullTaken(taken, told[0])


def take_in_moments(
    context: Context,
    paths: Sequence[Path],
    mapping: UsageMapping,
    catalogue: Catalogue,
    rules: EvidenceRules,
    *,
    partial: bool = False,
    period: Days | None = None,
    parts: bool = False,
    confirmed: str | None = None,
) -> UsageTaken:
    """Take in contact moments that were saved as JSON, as `evidence.take_in_usage` takes in tables.

    parts: is of no meaning here: pages are always parts of one.
    """
    del parts
    return feeds.take_in_feed(
        context,
        lambda: klant.open_export(paths, mapping, today=context.today(), period=period),
        mapping,
        catalogue,
        rules,
        partial=partial,
        confirmed=confirmed or "",
    )


def _whose(context: Context, feed: Feed, pulled: Pulled) -> Pulled:
    """Accounts by the workers whose they are: a worker's own reference, or the mailbox in the list of places."""
    with context.store.read() as connection:
        known: Mapping[str, str] = accounts_of_places.read(connection)
    return whose(pulled, feed.subject, known)


def _month_before(today: date) -> date:
    return (today.replace(day=1) - timedelta(days=1)).replace(day=1)
