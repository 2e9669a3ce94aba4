"""The fixed paragraph for the management report: a few sentences with their coverage, to be taken over; pure.

DOMAIN M7: such a paragraph is fixed, so that a quarter without anything to tell says so too.
"""

from __future__ import annotations

from enum import StrEnum

from server.core.model import Decision, Level
from server.core.reports.coverage import BLIND_SPOTS, CAVEAT, accounts_seen, list_sources, summarise, unseen_everywhere
from server.core.reports.document import Report
from server.core.reports.tally import Tally, books_read, day_of, key_figures
from server.core.tables import Section
from server.core.text import Share, phrase


def build(tally: Tally, view: StrEnum) -> Report:
    """The report."""
    return Report(
        key="management",
        title=phrase("Paragraph for the management report"),
        organisation=tally.organisation,
        period=tally.period,
        made_at=tally.made_at,
        view=view,
        policies=tally.policies,
        figures=key_figures(tally),
        coverage=summarise(tally.phones, listed=False),
        sections=(paragraph(tally),),
        sources=list_sources(tally.sources, tally.made_at),
        blind_spots=BLIND_SPOTS,
        caveat=CAVEAT,
    )


def paragraph(tally: Tally) -> Section:
    """The paragraph itself."""
    synced = Share(min(tally.reached.get(Level.DEVICE_SYNCED, 0), tally.copies), tally.copies)
    whole = sum(tally.took)
    going = tally.under_way + sum(tally.stuck.values())
    asked = sum(each.opened for each in tally.asked.values())
    answered = sum(each.closed for each in tally.asked.values())
    open_now = sum(each.open_now for each in tally.asked.values())
    return Section(
        key="paragraph",
        heading=phrase("Client contacts on work phones"),
        paragraphs=(
            phrase(
                (
                    "In this period {count} contact of a client was verified removed from the address books of work "
                    "phones. {synced} copies on phones were synchronised afterwards."
                ),
                many=(
                    "In this period {count} contacts of clients were verified removed from the address books of "
                    "work phones. {synced} copies on phones were synchronised afterwards."
                ),
                count=tally.removed,
                synced=synced,
            ),
            phrase(
                "Of the removals after the closure of a case, {in_time} were verified within the waiting period "
                "and one day. As of {day}: {going} are under way or stuck, and {reviews} wait for somebody to "
                "decide. What is postponed is not counted.",
                in_time=Share(tally.in_time, whole),
                day=day_of(tally.made_at),
                going=going,
                reviews=tally.decided(Decision.REVIEW),
            ),
            phrase(
                "Findings opened: {asked}, closed: {answered}, open on {day}: {open}. Deviations recorded: {recorded}.",
                asked=asked,
                day=day_of(tally.made_at),
                answered=answered,
                open=open_now,
                recorded=sum(counts[0] for counts in tally.deviations.values()),
            ),
            phrase(
                "{books} The managed account was seen on {phones} phones. Seen on no phone: {spots}.",
                books=books_read(tally),
                phones=accounts_seen(tally.phones),
                spots=unseen_everywhere(tally.phones),
            ),
            CAVEAT,
        ),
    )
