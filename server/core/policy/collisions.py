"""Which rules of a policy meet in one contact, which never decide, and where none does: by trying every situation.

What the rules read has few values that they tell apart: a class, a kind of phase, and of each day whether its term is
over. No rule compares more than two of them, so that all situations there are can be tried. What is found comes with a
situation that shows it, in words. Nothing is read and no clock is asked: it is noon on `NOW`, whenever it is tried.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import product
from typing import NamedTuple, TypeAlias, TypeVar

from server.core.days import AMSTERDAM
from server.core.model import ContactClass, Decision, Link, Monitored, Need, Phase, PlanChange, Reason
from server.core.policy.model import Policy
from server.core.policy.schema import RULE_OF, RULES
from server.core.removal.need import RULES as NEED_RULES
from server.core.text import Text, phrase
from server.core.workdays import add_months

NOW = datetime(2026, 4, 15, 10, tzinfo=UTC)
"""Any moment does. On the fifteenth every month has such a day."""
TODAY = NOW.date()
_HOUR, _DAY = timedelta(hours=1), timedelta(days=1)
_LONG_AGO = add_months(TODAY, -12 * 20)
"""A start of monitoring after which every month of a policy is over."""
_Key = TypeVar("_Key")


class Situation(NamedTuple):
    """One contact as the rules see it. seen: first with this worker. said: in words, what is not ordinary about it."""

    link: Link
    seen: datetime
    said: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class RulesMeet:
    """Two rules that answer differently about one contact. first: is asked first, and decides."""

    first: str
    decides: Decision
    second: str
    would: Decision
    shown_by: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Gap:
    """A situation that no rule is made for: the last one then says that a person decides."""

    shown_by: tuple[Text, ...]


@dataclass(frozen=True, slots=True)
class Collisions:
    """What trying every situation told. never: rules that decide about no contact there can be. gaps: one for each kind
    of phase. tried: how many situations.
    """

    meets: tuple[RulesMeet, ...]
    never: tuple[str, ...]
    gaps: tuple[Gap, ...]
    tried: int


Tried: TypeAlias = "Sequence[tuple[Situation, tuple[Need, ...]]]"
"""Every situation with what each rule that fits says of it, in their order: the first decides."""


def every(policy: Policy) -> Tried:
    """All situations under a policy, tried. The last rule fits always, and stands alone."""
    return [(each, _answers(each, policy)) for each in situations(policy)]


def collide(every_one: Tried) -> Collisions:
    """What rules do together, in all that was tried."""
    meets: dict[tuple[str, Decision, str, Decision], tuple[Text, ...]] = {}
    gaps: dict[Phase, tuple[Text, ...]] = {}
    decides: set[str] = set()
    for each, fits in every_one:
        first = fits[0]
        decides.add(RULE_OF[first.reason])
        if first.reason is Reason.CLOSURE_UNCONFIRMED:
            _keep_shorter(gaps, each.link.phase, each.said)
        for later in fits[1:]:
            if later.decision is not first.decision and RULE_OF[later.reason] != RULE_OF[first.reason]:
                key = RULE_OF[first.reason], first.decision, RULE_OF[later.reason], later.decision
                _keep_shorter(meets, key, each.said)
    order = list(RULES)
    return Collisions(
        tuple(
            RulesMeet(*key, said)
            for key, said in sorted(meets.items(), key=lambda pair: (order.index(pair[0][0]), order.index(pair[0][2])))
        ),
        tuple(name for name, rule in RULES.items() if rule.decides and name not in decides),
        tuple(Gap(said) for said in gaps.values()),
        len(every_one),
    )


def _answers(situation: Situation, policy: Policy) -> tuple[Need, ...]:
    link, seen = situation.link, situation.seen
    fits = tuple(need for rule in NEED_RULES[:-1] if (need := rule(link, policy, NOW, seen)) is not None)
    last = NEED_RULES[-1](link, policy, NOW, seen)
    return fits or ((last,) if last is not None else ())


def situations(policy: Policy) -> Iterator[Situation]:
    """Every situation that the rules can tell apart under a policy, the most ordinary ones of each sort first."""
    shared = _shared(policy)
    for phase, said in _PHASES.items():
        own = {Phase.MONITORING: _plans(policy), Phase.CLOSED: _closures(policy)}.get(phase, (_ORDINARY,))
        for values in product(*shared, own):
            facts: dict[str, object] = {"case": 1, "phase": phase, "read_at": NOW - _HOUR, "recorded": True}
            for value in values:
                facts.update(value.facts)
            seen = facts.pop("seen", NOW)
            words = [value.said for value in values if value.said is not None]
            yield Situation(Link(**facts), seen, (words[0], said, *words[1:]))  # type: ignore[arg-type]


class _Value(NamedTuple):
    """One value of an attribute. said None: the ordinary one, of which nothing is said."""

    said: Text | None
    facts: Mapping[str, object]


_ORDINARY = _Value(None, {})


def _shared(policy: Policy) -> tuple[tuple[_Value, ...], ...]:
    """What contacts of every phase have."""
    grace = policy.grace_days * _DAY
    left = [NOW - grace - 40 * _DAY, *([NOW - 2 * _HOUR] if grace else [])]
    seen = [NOW - grace - 40 * _DAY, *([NOW - _HOUR] if grace else [])]
    old = NOW - policy.former_number_days * _DAY - 2 * _DAY
    return (
        tuple(_Value(said, {"contact_class": each}) for each, said in _CLASSES.items() if each in _whose(policy)),
        (
            _Value(phrase("the worker is on the case"), {"was_assigned": True, "assigned_now": True}),
            *(_Value(_left(each), {"was_assigned": True, "assigned_until": each}) for each in left),
            *(_Value(_never(each), {"seen": each}) for each in seen),
        ),
        (
            _ORDINARY,
            _Value(phrase("nobody says that it is recorded in the case file"), {"recorded": False}),
        ),
        (
            _ORDINARY,
            *(
                [_Value(phrase("a deviation is in force"), {"deviation_until": NOW + _DAY})]
                * bool(policy.deviation_tiers)
            ),
        ),
        (
            _ORDINARY,
            _Value(phrase("the number has not been theirs since {day}", day=_day(old)), {"former_since": old}),
            _Value(
                phrase("the register named the number for a moment only"),
                {"since_at": NOW - _DAY, "gone_at": NOW - _DAY + _HOUR},
            ),
        ),
        (
            _ORDINARY,
            _Value(phrase("the register was read too long ago"), {"read_at": None}),
            _Value(phrase("the register does not say whether it belongs to the case"), {"linked": False}),
        ),
    )


def _whose(policy: Policy) -> frozenset[ContactClass]:
    """A class that stays and one that does not stand for all: no rule tells others apart."""
    stays = [each for each in _CLASSES if each in policy.classes_that_stay]
    follows = [each for each in _CLASSES if each not in policy.classes_that_stay]
    return frozenset((*stays[:1], *follows[:1]))


def _closures(policy: Policy) -> tuple[_Value, ...]:
    """Closures before and after a worker left, with the grace over and not."""
    grace = policy.grace_days * _DAY
    days = [NOW - grace - 50 * _DAY, NOW - grace - 30 * _DAY, *([NOW - 3 * _HOUR, NOW - _HOUR] if grace else [])]
    return (
        _ORDINARY,
        *(
            _Value(phrase("its final closure was confirmed in writing on {day}", day=_day(each)), {"closed_at": each})
            for each in days
        ),
        *(
            _Value(
                phrase("a work supervisor says that its final closure was confirmed on {day}", day=_day(each)),
                {"confirmed_at": each},
            )
            for each in days
        ),
    )


def _plans(policy: Policy) -> tuple[_Value, ...]:
    """Plans of cases in monitoring: by whom a contact is planned today, or by nobody, with and without a start."""
    over = Monitored(_LONG_AGO, _LONG_AGO, _LONG_AGO)
    named = over._replace(names_workers=True)
    today, extra = (TODAY,), (PlanChange(None, TODAY),)
    due = [add_months(TODAY, -each) for each in policy.planned_months[:1]]
    return (
        _Value(phrase("every month of its plan is over"), {"monitored": over}),
        *(
            _Value(
                phrase("its months count from {day}, so that a contact is planned today", day=each),
                {"monitored": Monitored(each, each, each)},
            )
            for each in due
        ),
        _Value(
            phrase("the case system plans a contact with this worker today, beside the months of the policy"),
            {"monitored": named, "planned_moments": today},
        ),
        _Value(
            phrase("the case system plans a contact with this worker today"),
            {"monitored": Monitored(names_workers=True), "planned_moments": today},
        ),
        _Value(phrase("the case system plans contacts with others only"), {"monitored": Monitored(names_workers=True)}),
        _Value(phrase("the work supervisor planned a contact today"), {"monitored": over._replace(changes=extra)}),
        _Value(phrase("nobody knows when contact is planned"), {"monitored": Monitored()}),
    )


def _day(moment: datetime) -> date:
    return moment.astimezone(AMSTERDAM).date()


def _left(moment: datetime) -> Text:
    return phrase("the worker left the case on {day}", day=_day(moment))


def _never(moment: datetime) -> Text:
    return phrase("the worker was never on the case and has had the contact since {day}", day=_day(moment))


_CLASSES: Mapping[ContactClass, Text] = {
    ContactClass.CLIENT: phrase("a client"),
    ContactClass.REPORTER: phrase("somebody who reported the case"),
    ContactClass.PROFESSIONAL: phrase("a professional"),
    ContactClass.COLLEAGUE: phrase("a colleague"),
    ContactClass.CHAIN_PARTNER: phrase("a partner organisation"),
}
_PHASES: Mapping[Phase, Text] = {
    Phase.INVESTIGATION: phrase("the case is open"),
    Phase.MONITORING: phrase("the case is in monitoring"),
    Phase.CLOSED: phrase("the case is called closed"),
}
"""One open phase stands for all: no rule tells them apart."""


def _keep_shorter(kept: dict[_Key, tuple[Text, ...]], key: _Key, said: tuple[Text, ...]) -> None:
    """Keep the situation of which there is the least to say, of two alike the first."""
    if key not in kept or len(said) < len(kept[key]):
        kept[key] = said
