"""Contradictions of the field (DOMAIN 12, C2 and C3) that rules about declarations and channels can have; pure.

Each is found by trying: every share in thousandths, the smallest numbers of calls, every means of talking with
everybody on every day on which that changes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal

from server.core.policy.contradictions import Contradiction
from server.core.text import Text, phrase
from server.core.usage.channel_catalogue import Catalogue, Channel, Security, Status
from server.core.usage.declarations import UsageOutcome, decide
from server.core.usage.evidence_rules import EvidenceRules
from server.core.usage.intervals import bound, percent
from server.core.usage.model import Counterparty

_NORM = Decimal("0.9")
"""What is declared where a text names no percentage (DOMAIN N1)."""
_THOUSAND = 1000


def evidence_contradictions(rules: EvidenceRules, catalogue: Catalogue, today: date) -> tuple[Contradiction, ...]:
    """Those of an organisation's rules about evidence together with its catalogue of channels, from a day on."""
    return (*_declared(rules, today), *_unfair(rules), *_channels(rules, catalogue, today))


def _declared(rules: EvidenceRules, today: date) -> Iterator[Contradiction]:
    """C2: what is worked out is not what was signed."""
    signed = _signed(rules, today)
    for business in range(_THOUSAND + 1):
        interval = bound(business, 0, _THOUSAND)
        share = interval.low
        meant = _meant(share, signed)
        came_out = decide(interval, rules.declarations.threshold)
        if came_out is not meant:
            yield Contradiction(
                "C2",
                "declarations.threshold",
                phrase(
                    "The share that is asked for is not the one that workers sign: more than {signed}%.",
                    signed=percent(signed),
                ),
                (
                    phrase("{share}% of the calls are business", share=percent(share)),
                    phrase("by what was signed: {meant}", meant=meant),
                    phrase("by this rule: {came_out}", came_out=came_out),
                ),
            )
            return


def _meant(share: Decimal, signed: Decimal) -> UsageOutcome:
    """What the words mean: more than so much."""
    if share == signed:
        return UsageOutcome.BORDERLINE
    return UsageOutcome.OK if share > signed else UsageOutcome.ATTENTION


def _signed(rules: EvidenceRules, today: date) -> Decimal:
    text = rules.text_in_force(today)
    named = re.search(r"(\d{1,2}(?:[.,]\d)?)\s?%", text.texts.get("nl", "")) if text is not None else None
    return Decimal(named[1].replace(",", ".")) / 100 if named else _NORM


def _unfair(rules: EvidenceRules) -> Iterator[Contradiction]:
    """C2: private use is allowed as far as it is fair, and one private call or minute already counts against it."""
    declared = rules.declarations
    for quantity, least in sorted(declared.min_volume.items()):
        volume = max(least, 1)
        if decide(bound(volume - 1, 0, volume), declared.threshold) is UsageOutcome.ATTENTION:
            yield Contradiction(
                "C2",
                f"declarations.min_volume.{quantity.value}",
                phrase("Private use is allowed, and a single one already falls short of what was signed."),
                (
                    phrase("{quantity}: {count} in all, one of them private", quantity=quantity, count=volume),
                    phrase("by this rule: {came_out}", came_out=UsageOutcome.ATTENTION),
                ),
            )


def _channels(rules: EvidenceRules, catalogue: Catalogue, today: date) -> Iterator[Contradiction]:
    """C3: a channel that is not safe is ordinary practice: its share is looked at, it is neither banned nor free."""
    for channel in catalogue.channels.values():
        for party in Counterparty:
            found = next(
                (told for day in _changes(channel, today) if (told := _told(channel, party, day, rules, catalogue))),
                None,
            )
            if found is not None:
                where, problem = found
                shown = phrase("{channel} with {party}", channel=channel.title.en, party=party)
                yield Contradiction("C3", where, problem, (shown,))


def _told(
    channel: Channel, party: Counterparty, day: date, rules: EvidenceRules, catalogue: Catalogue
) -> tuple[str, Text] | None:
    rating = catalogue.rate(channel.key, party, day)
    corridor = rules.channels.corridors.get(party)
    if rating.security is not Security.CONSUMER or channel.key not in catalogue.watched:
        unwatched = rating.security is Security.CONSUMER and rating.status is Status.TOLERATED
        said = phrase("A channel that is not safe is tolerated, and no report looks at its share.")
        return ("catalogue.watched", said) if unwatched else None
    where = f"channels.corridors.{party.value}"
    if rating.status is Status.TOLERATED and corridor is not None and not corridor.high:
        return where, phrase("A channel that is not safe is tolerated, and its share is to be nothing.")
    if rating.status is Status.CONSUMER and corridor is not None and corridor.low and _is_alone(party, day, catalogue):
        return where, phrase("No channel that is not safe is tolerated, and a share of them is asked for.")
    return None


def _is_alone(party: Counterparty, day: date, catalogue: Catalogue) -> bool:
    """Whether none of the channels that reports watch is tolerated with them."""
    return all(catalogue.rate(key, party, day).status is not Status.TOLERATED for key in catalogue.watched)


def _changes(channel: Channel, today: date) -> list[date]:
    """The days from today on which what holds for it may be another."""
    periods = [(channel.valid_from, channel.valid_to), *((rule.valid_from, rule.valid_to) for rule in channel.rules)]
    changes = {first for first, _last in periods if first is not None}
    changes |= {last + timedelta(days=1) for _first, last in periods if last not in (None, date.max)}
    return sorted({today, *(each for each in changes if each > today)})
