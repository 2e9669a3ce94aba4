"""Every sort of report of one invented organisation, as a quarter of a mid-sized one looks; no test lives here."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path

from mdm_adapters.port import Fault, Outcome
from server.core.admin.gates import Gate
from server.core.model import Decision, FindingKind, Level, Reason, Role, Tier
from server.core.policy.load import check
from server.core.reports import (
    article30,
    changes,
    channels,
    configuration,
    council,
    declarations,
    dpia,
    exceptions,
    management,
    quarterly,
    removals,
    residual,
    sample,
    times,
)
from server.core.reports.controls import read_controls, with_annex
from server.core.reports.coverage import Phone, Sight, Source, SourceKind, Spot
from server.core.reports.document import Report
from server.core.reports.presence_tables import COUNTS, ShownPresence
from server.core.reports.removals import View
from server.core.reports.tally import Asked, Tally, Version, steps_of
from server.core.text import Period, Share, phrase
from server.core.usage.channel_catalogue import Grade
from server.core.usage.channels import BlindSpot, ChannelFigure, Position, Trend
from server.core.usage.declarations import Cause, DeclarationState, UsageOutcome
from server.core.usage.intervals import Interval
from server.core.usage.model import Confidence, Counterparty, Quantity
from server.render.formats import TITLES
from tests.render.sample import NOW, facts

POLICIES = Path(__file__).parents[2] / "agent_policies"
ORGANISATION = "Veilig Thuis Voorbeeldstreek (verzonnen)"
PERIOD = Period(date(2026, 7, 1), date(2026, 9, 30))
WITHHELD = 7_041
"""Stands behind what is withheld here, and so in no report at all."""


def phones() -> tuple[Phone, ...]:
    """Fifty-two phones, some closed off, some with an app that states something, one in ten silent."""
    made = []
    for number in range(1, 53):
        spots = [(Spot.MANAGED_ACCOUNT, Sight.SEEN)] if number % 9 else []
        if number % 3 == 0:
            spots += [(Spot.LOCAL_BOOK, Sight.CLOSED), (Spot.PERSONAL_CLOUD, Sight.CLOSED)]
        if number % 4 == 1:
            spots += [(Spot.LOCAL_BOOK, Sight.ATTESTED), (Spot.SIM, Sight.ATTESTED)]
        fetched = None if number % 10 == 0 else NOW - timedelta(hours=number % 70)
        made.append(Phone(f"phone-{number:02}", None, tuple(spots), fetched))
    return tuple(made)


def tally() -> Tally:
    """What a quarter counts."""
    hours = timedelta(hours=24)
    return Tally(
        organisation=ORGANISATION,
        period=PERIOD,
        made_at=NOW,
        policies=("voorbeeld-2026-07", "voorbeeld-2026-09"),
        sources=(
            Source(SourceKind.CASE_SYSTEM, "case export", NOW - timedelta(hours=7), hours),
            *(Source(SourceKind.PLACE, f"Book {n:02}", NOW - timedelta(hours=n % 20), hours) for n in range(1, 48)),
            Source(SourceKind.PLACE, "Book 48", NOW - timedelta(days=3), hours, Fault.WRONG_CREDENTIALS),
            Source(SourceKind.DEVICE_LOG, "CardDAV log", NOW - timedelta(minutes=5)),
        ),
        phones=phones(),
        settled={
            (Reason.FINALLY_CLOSED, Outcome.REMOVED): 1_204,
            (Reason.FINALLY_CLOSED, Outcome.TRIMMED): 96,
            (Reason.FINALLY_CLOSED, Outcome.ALREADY_GONE): 41,
            (Reason.NO_LONGER_ASSIGNED, Outcome.REMOVED): 388,
            (Reason.MONITORING_OUTSIDE, Outcome.REMOVED): 210,
            (Reason.NEVER_ASSIGNED, Outcome.REMOVED): 17,
        },
        recoverable=63,
        copies=2_410,
        reached={Level.DEVICE_SYNCED: 2_206, Level.DEVICE_ATTESTED: 380, Level.CONTAINER_REMOVED: 24},
        took=(1_279, 62),
        undated=5,
        standing={
            (Decision.REVIEW, Reason.LINK_UNKNOWN): 31,
            (Decision.REVIEW, Reason.FORMER_NUMBER): 18,
            (Decision.REVIEW, Reason.CLOSURE_UNCONFIRMED): 9,
            (Decision.DEFER, Reason.DEFERRED): 74,
            (Decision.KEEP, Reason.ASSIGNED): 4_310,
        },
        under_way=22,
        under_way_since=NOW - timedelta(days=2),
        stuck={Fault.WRONG_CREDENTIALS: 6, Outcome.UNCLEAR: 3},
        asked={
            FindingKind.WITHOUT_ASSIGNMENT: Asked(24, 19, 8, NOW - timedelta(days=61)),
            FindingKind.REAPPEARED: Asked(7, 6, 1, NOW - timedelta(days=12)),
            FindingKind.UNREADABLE_ENTRY: Asked(11, 11, 0, None),
            FindingKind.PLACE_UNSEEN: Asked(3, 2, 1, NOW - timedelta(days=3)),
            FindingKind.DECLARATION_EXPIRED: Asked(15, 9, 6, NOW - timedelta(days=40)),
        },
        deviations={Tier.SELF: (14, 6), Tier.CONSULT: (5, 3), Tier.BOARD: (1, 1)},
        versions=(
            Version("voorbeeld-2026-07", NOW - timedelta(days=140), NOW - timedelta(days=82), 1_310),
            Version("voorbeeld-2026-09", NOW - timedelta(days=82), NOW - timedelta(days=53), 702),
        ),
        grace_days=14,
        by_step=tuple(zip(steps_of(PERIOD), (96, 141, 160, 122, 151, 133, 168, 147, 139, 155, 171, 148, 150, 75),
                          strict=True)),
    )  # fmt: skip


PARTS = frozenset({"watched", "approved", "tolerated", "consumer", "unrated", "unattributed"})


def _line(
    who: Counterparty,
    what: Quantity,
    how: Confidence,
    amounts: tuple[int, int, int, int, int],
    *,
    team: str | None = None,
    hidden: frozenset[str] = frozenset(),
) -> channels.ChannelLine:
    """amounts: through watched channels, approved, otherwise not safe, of no known channel, with whom is not known."""
    watched, approved, unsafe, unattributed, unplaced = amounts
    whole = watched + approved + unsafe + unattributed
    share = Interval(Decimal(watched) / whole, Decimal(watched + unattributed) / whole) if whole else None
    former = who is Counterparty.FORMER_CLIENT
    figure = ChannelFigure(
        *(PERIOD, None, who, what, how, watched, approved),
        tolerated=0 if former else watched,
        consumer=unsafe + (watched if former else 0),
        unrated=unattributed,
        unattributed=unattributed,
        unplaced=unplaced,
        watched_by=((Grade.CONSUMER if former else Grade.TOLERATED, watched),),
        by_direction=(),
        share=share,
        coverage=Share(46, 52),
    )
    return channels.ChannelLine(figure, team, PARTS - hidden, Trend.DOWN, Position.WITHIN)


def channel_facts() -> channels.ChannelFacts:
    """Messages and calls that were measured, contacts that were recorded; some of it withheld."""
    seen, told = Confidence.MEASURED, Confidence.RECORDED
    return channels.ChannelFacts(
        organisation=ORGANISATION,
        period=PERIOD,
        made_at=NOW,
        policies=("voorbeeld-2026-09",),
        view=View.OPAQUE,
        watched=(phrase("WhatsApp"),),
        lines=(
            _line(Counterparty.COLLEAGUE, Quantity.MESSAGES, seen, (310, 2_904, 120, 60, 210)),
            _line(Counterparty.CLIENT, Quantity.MESSAGES, seen, (188, 1_450, 34, 25, 210)),
            _line(Counterparty.FORMER_CLIENT, Quantity.MESSAGES, seen, (WITHHELD, WITHHELD, 4, 0, 210),
                  hidden=frozenset({"watched", "approved", "consumer"})),
            _line(Counterparty.COLLEAGUE, Quantity.CALLS, seen, (0, 5_210, 12, 0, 96)),
            _line(Counterparty.CLIENT, Quantity.CALLS, seen, (14, 3_871, 9, 0, 96)),
            _line(Counterparty.CLIENT, Quantity.CONTACTS, told, (77, 2_020, 310, 5, 0)),
            _line(Counterparty.PROFESSIONAL, Quantity.CONTACTS, told, (12, 880, 41, 0, 0)),
        ),
        team_lines=(
            _line(Counterparty.CLIENT, Quantity.MESSAGES, seen, (90, 700, 20, 12, 100), team="Team Noord"),
            _line(Counterparty.CLIENT, Quantity.MESSAGES, seen, (98, 750, 14, 13, 110), team="Team Zuid"),
            _line(Counterparty.CLIENT, Quantity.MESSAGES, seen, (WITHHELD,) * 5, team="Team Oost",
                  hidden=PARTS),
        ),
        presence=(
            (phrase("WhatsApp"), _presence("whatsapp", 34, (5, 21, 8))),
            (phrase("Signal"), _presence("signal", 19, (0, 19, 0))),
            (phrase("Siilo"), _presence("siilo", 41, (41, 0, 0))),
        ),
        seen_on=date(2026, 9, 30),
        blind_spots=(BlindSpot.OWN_PHONES, BlindSpot.LINKED_COMPUTERS, BlindSpot.PRESENT_NOT_MEASURED),
        feeds=(
            channels.FeedFacts("telephony", NOW, date(2026, 9, 30), Share(92, 92), 31, phrase("less than 5%")),
            channels.FeedFacts("case contacts", NOW, date(2026, 9, 29), Share(91, 92), 0, None),
        ),
        smallest_group=5,
    )  # fmt: skip


def _presence(key: str, present: int, reads: tuple[int, int, int]) -> ShownPresence:
    counts = dict(zip(COUNTS, (49, 47, present, None, *reads), strict=True))
    return ShownPresence(key, 52, counts, Share(present - present // 3, present))


def declaration_facts() -> declarations.DeclarationFacts:
    """Papers and evidence of fifty-two phones; two counts are withheld."""
    calls, data = Quantity.CALLS, Quantity.MEGABYTES
    return declarations.DeclarationFacts(
        organisation=ORGANISATION,
        period=PERIOD,
        made_at=NOW,
        policies=("voorbeeld-2026-09",),
        view=View.OPAQUE,
        devices=52,
        states={DeclarationState.VALID: 37, DeclarationState.MISSING: 8, DeclarationState.EXPIRED: 7,
                DeclarationState.OBSOLETE_TEXT: None, DeclarationState.DEVICE_CHANGED: None},
        loan_agreements=44,
        outcomes={(calls, UsageOutcome.OK): 29, (calls, UsageOutcome.ATTENTION): None,
                  (calls, UsageOutcome.INDETERMINATE): 11, (calls, UsageOutcome.NOT_MEASURABLE): 9,
                  (data, UsageOutcome.OK): 12, (data, UsageOutcome.INDETERMINATE): 20,
                  (data, UsageOutcome.INSUFFICIENT): None},
        causes={(calls, Cause.NO_SOURCE): 9, (calls, Cause.SHARED_DEVICE): None,
                (data, Cause.WORK_PROFILE_ONLY): 14, (data, Cause.NOTHING_USED): 6},
        contested=6,
        talked=41,
        measured={calls: 43, data: 32},
        checks=(declarations.CheckFacts(date(2026, 8, 14), 52, 15, 13),),
        check_due=date(2027, 2, 14),
        smallest_group=5,
    )  # fmt: skip


def council_facts() -> council.CouncilFacts:
    """What two councils may see."""
    return council.CouncilFacts(
        removed={None: 1_956, Reason.FINALLY_CLOSED: 1_341, Reason.NO_LONGER_ASSIGNED: 388,
                 Reason.MONITORING_OUTSIDE: None, Reason.NEVER_ASSIGNED: None},
        teams={"Team Noord": 702, "Team Oost": None, "Team West": None, "Team Zuid": 640},
        asked={FindingKind.WITHOUT_ASSIGNMENT: (24, 19), FindingKind.REAPPEARED: (7, None),
               FindingKind.DECLARATION_EXPIRED: (15, 9)},
        deviations={Tier.SELF: (14, 6), Tier.CONSULT: (5, None), Tier.BOARD: (None, None)},
        smallest_group=5,
    )  # fmt: skip


def _gates() -> tuple[Gate, ...]:
    return (
        Gate(
            employer=ORGANISATION,
            dpia="DPIA-2026-3",
            dpia_version="2",
            dpia_on=date(2026, 2, 2),
            advice="FG-2026-4",
            consent="OR-2026-11",
            consent_on=date(2026, 2, 16),
            purpose="Contactgegevens van cliënten verwijderen zodra een zaak ze niet meer vraagt",
            review_on=date(2027, 3, 1),
            ends_on=date(2027, 6, 30),
        ),
    )


@cache
def reports() -> Mapping[str, Report]:
    """By key, each with the annex that it gets where it is made."""
    counted = tally()
    checked = check((POLICIES / "veilig-thuis.yaml").read_text("utf-8"), "veilig-thuis.yaml")
    assert checked.document is not None
    policy = checked.document.policy
    of_channels, of_declarations = channels.build(channel_facts()), declarations.build(declaration_facts())
    drawn = [
        sample.Sampled(f"{n * 7919 % 65536:04x}", Reason.FINALLY_CLOSED, "voorbeeld-2026-09", Outcome.REMOVED,
                       NOW - timedelta(days=90 - n), NOW - timedelta(days=90 - n, hours=-1),
                       NOW - timedelta(days=89 - n), Level.DEVICE_SYNCED, n % 4 == 0)
        for n in range(1, 26)
    ]  # fmt: skip
    stood = [
        exceptions.Deviation(f"{n * 104729 % 65536:04x}", f"CASE-9{n:05}", f"worker-{n % 5 + 1:02}", tier, "supervisor",
                             NOW - timedelta(days=60 - n), NOW + timedelta(days=n), None)
        for n, tier in enumerate((Tier.SELF, Tier.SELF, Tier.CONSULT, Tier.BOARD), start=1)
    ]  # fmt: skip
    set_up = configuration.Configuration(
        organisation=ORGANISATION, period=Period(NOW.date(), NOW.date()), made_at=NOW, policy=policy,
        evidence_version="voorbeeld-2026-09", sources=counted.sources, phones=counted.phones,
        connections=(configuration.Connected("Book 01", "carddav", configuration.SystemSort.STORE),
                     configuration.Connected("Fleet", "jamf", configuration.SystemSort.MANAGER)),
        case_systems=("case export",), feeds=("telephony", "case contacts"),
        employers=(ORGANISATION,), workers=48, devices=52, places=48,
        roles={Role.PRIVACY_OFFICER: 1, Role.IT_ADMINISTRATOR: 2, Role.AUDITOR: 1},
        reports=tuple((title, (Role.PRIVACY_OFFICER, Role.AUDITOR)) for title in TITLES.values()),
        gates=_gates(), demo=False,
    )  # fmt: skip
    made = (
        quarterly.build(counted, View.OPAQUE, (of_channels, of_declarations)),
        council.build(counted, View.OPAQUE, council_facts(), (of_channels, of_declarations)),
        management.build(counted, View.OPAQUE),
        removals.build(facts(), View.PERSON),
        of_channels,
        of_declarations,
        sample.build(counted, View.OPAQUE, drawn, 1_956, "an inspector's word"),
        residual.build(counted, View.OPAQUE),
        times.build(counted, View.OPAQUE),
        changes.build(counted, View.OPAQUE, policy, _gates()),
        exceptions.build(counted, stood, View.PERSON),
        article30.build(set_up, View.OPAQUE),
        dpia.build(set_up, View.OPAQUE),
    )
    controls = read_controls((POLICIES / "controls" / "mapping.yaml").read_text("utf-8"))
    assert controls is not None
    return {each.key: with_annex(each, controls) for each in made}
