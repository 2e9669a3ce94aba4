"""The report on coverage and residual exposure: where we looked, and what may still be where we did not; pure."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum

from server.core.model import Decision, Level
from server.core.reports.coverage import (
    BLIND_SPOTS,
    CAVEAT,
    Sight,
    Spot,
    accounts_seen,
    list_phones,
    list_sources,
    places_read,
    summarise,
)
from server.core.reports.document import Figure, Report
from server.core.reports.tally import Tally, books_read, day_of, evidence_section, stated_sections
from server.core.tables import Column, Kind, Section
from server.core.text import Share, phrase

SILENT_DAYS = 28
"""A phone that was not seen fetching for so long may be in a drawer, or no longer synchronise (DOMAIN 11)."""


def build(tally: Tally, view: StrEnum) -> Report:
    """The report."""
    read = places_read(tally.sources, tally.made_at)
    books = books_read(tally)
    synced = min(tally.reached.get(Level.DEVICE_SYNCED, 0), tally.copies)
    return Report(
        key="coverage",
        title=phrase("Where we looked, and what may still be there"),
        organisation=tally.organisation,
        period=tally.period,
        made_at=tally.made_at,
        view=view,
        policies=tally.policies,
        figures=(
            Figure("books", phrase("Address books read recently enough"), read, phrase("Counted over all known "
            "address books.")),
            Figure(
                "accounts",
                phrase("Phones of which the managed account was seen"),
                accounts_seen(tally.phones),
                phrase("Of other spots on these phones, see the table."),
            ),
            Figure("unsynced", phrase("Copies on phones that were not seen to synchronise the removal"),
                   Share(tally.copies - synced, tally.copies), books),
        ),
        coverage=summarise(tally.phones),
        sections=(
            _residual(tally),
            *stated_sections(tally),
            evidence_section(tally),
            list_phones(tally.phones, with_workers=False),
        ),
        sources=list_sources(tally.sources, tally.made_at),
        blind_spots=BLIND_SPOTS,
        caveat=CAVEAT,
    )  # fmt: skip


def _residual(tally: Tally) -> Section:
    """What may still be there, each count by itself: they are about different things and are not added up."""
    read = places_read(tally.sources, tally.made_at)
    limit = tally.made_at - timedelta(days=SILENT_DAYS)
    never = sum(phone.last_fetch is None for phone in tally.phones)
    silent = sum(phone.last_fetch is not None and phone.last_fetch < limit for phone in tally.phones)
    unseen = sum(phone.sight(Spot.MANAGED_ACCOUNT) is Sight.UNSEEN for phone in tally.phones)
    going = tally.under_way + sum(tally.stuck.values())
    return Section(
        key="residual",
        heading=phrase("What may still be there, as it stood on {day}", day=day_of(tally.made_at)),
        paragraphs=(phrase("Each line is about something else, so they are not added up. None of them is a fault."),),
        columns=(
            Column("what", phrase("What")),
            Column("count", phrase("How many"), Kind.COUNT, blank=phrase("Not counted")),
            Column("meaning", phrase("What it means")),
        ),
        rows=(
            (phrase("Address books not read recently enough"), read.whole - read.part,
             phrase("What is in them is not known. Nothing there counts as removed.")),
            (phrase("Contacts that have to go and whose removal is not verified"), going,
             phrase("They are scheduled and under way, or somebody has to mend something.")),
            (phrase("Contacts that stay until a person decides"), tally.decided(Decision.REVIEW),
             phrase("The rules give no safe answer, so they are still there.")),
            (phrase("Contacts that are postponed"), None,
             phrase("The policy gives grounds to wait, so some may still be there. How many is shown to nobody.")),
            (phrase("Contacts removed in this period that a server can bring back"), tally.recoverable,
             phrase("Removed is not erased: the server keeps a copy for some time.")),
            (phrase("Phones on which the managed account was not seen"), unseen,
             phrase("Neither an MDM nor their own synchronising showed it. What is on them is not known.")),
            (phrase("Phones never seen to synchronise after a removal"), never,
             phrase("They may hold what was removed from their address book.")),
            (phrase("Phones not seen to synchronise for four weeks"), silent,
             phrase("They may be switched off or out of use, and still hold a copy.")),
        ),
    )  # fmt: skip
