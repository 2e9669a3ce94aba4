"""The need table against a second reading of DOMAIN 14.1 that shares nothing with it, over many random situations."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random

from server.core.model import ContactClass, Link, Phase
from server.core.policy.model import ConfirmedBy, Policy
from server.core.removal.need import decide
from tests import oracle
from tests.oracle import Rules, Told

NOW = datetime(2026, 3, 29, 10, 30, tzinfo=UTC)
"""The day on which summer time begins."""


def some(random: Random, *, never: float = 0.3, furthest: int = 420) -> datetime | None:
    """An instant around now, often at a round number of days; None: there is none."""
    if random.random() < never:
        return None
    far = timedelta(days=random.choice([random.randint(-furthest, furthest), *(-13, -14, -15, -365, -366, 0, 1)]))
    return NOW + far + timedelta(microseconds=random.choice([0, 0, -1, 1, random.randint(-(10**11), 10**11)]))


def some_rules(random: Random) -> Rules:
    return Rules(
        grace=random.choice([0, 1, 14, 60]),
        stale_hours=random.choice([24, 72, 24 * 31]),
        window=random.choice([0, 7, 14]),
        former=random.choice([0, 30, 365]),
        correction=random.choice([0, 14]),
        recorded_first=random.random() < 0.5,
        asks=random.random() < 0.5,
    )


def some_told(random: Random) -> Told:
    spells = []
    for _ in range(random.choice([0, 0, 1, 1, 1, 2])):
        since = some(random, never=0) or NOW
        if since <= NOW:
            until = some(random, never=0.4)
            spells.append((since, None if until is None else max(until, since)))
    since, gone = some(random, never=0.2), some(random, never=0.6)
    return Told(
        of=random.choice([each.value for each in ContactClass] + ["client"] * 8),
        phase=random.choice([each.value for each in Phase] + ["closed"] * 6),
        read=random.choice(
            [NOW - timedelta(hours=1)] * 8 + [None, NOW - timedelta(days=40), NOW - timedelta(hours=72)]
        ),
        sure=random.random() < 0.95,
        spells=tuple(spells),
        closed=some(random),
        said_closed=some(random, never=0.7),
        recorded=random.random() < 0.7,
        planned=tuple(each.date() for each in (some(random), some(random)) if each is not None),
        exception=some(random, never=0.85),
        former=some(random, never=0.8),
        named=(since, None if gone is None or gone > NOW else gone),
        theirs=random.random() < 0.1,
    )


def link_of(case: int, told: Told) -> Link:
    """The same as the store would tell it."""
    begun = [until for since, until in told.spells if since <= NOW]
    running = [until for until in begun if until is None or until > NOW]
    ends = [until for until in running or begun if until is not None]
    until = None if not ends or (running and len(ends) < len(running)) else max(ends)
    since, gone = told.named
    return Link(
        case,
        ContactClass(told.of),
        Phase(told.phase),
        told.read,
        told.sure,
        bool(begun),
        bool(running),
        until,
        told.closed,
        told.recorded,
        tuple(told.planned),
        told.exception,
        told.former,
        told.said_closed,
        None if gone is None else since,
        gone,
        told.theirs,
    )


def policy_of(rules: Rules) -> Policy:
    return Policy(
        version="any",
        grace_days=rules.grace,
        staleness_hours=rules.stale_hours,
        monitoring_window_days=rules.window,
        require_recorded=rules.recorded_first,
        former_number_days=rules.former,
        tombstone_days=365,
        max_removals=10,
        max_share=1.0,
        max_closures_factor=10.0,
        closure_confirmed_by=ConfirmedBy.WORK_SUPERVISOR if rules.asks else ConfirmedBy.REGISTER,
        correction_days=rules.correction,
    )


def test_a_second_reading_of_the_rules_comes_to_the_same_answers(draws):
    for random in draws(6):
        answers = set()
        for _ in range(1000):
            rules = some_rules(random)
            cases = [some_told(random) for _ in range(random.choice([0, 1, 1, 1, 2, 3]))]
            seen = min(some(random, never=0) or NOW, NOW)
            held = random.random() < 0.1
            links = [link_of(number, each) for number, each in enumerate(cases, start=1)]
            expected = oracle.answer(cases, rules, NOW, seen, held=held)
            assert decide(links, policy_of(rules), NOW, seen, held=held).decision == expected, (rules, cases, seen)
            answers.add(expected)
        assert answers == {*oracle.STRONGEST_FIRST, "ignore"}
