"""What became of the contacts of a case, for a program: counts and codes, the same whether or not a hold stands.

A program is cleared for no hold. So it is told what the rules make of each contact without one, what goes is never told
from what is postponed (decision 0064), and single ones are not listed; what is proven is counted by store and evidence.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from math import ceil

from server.core.model import GOES, Decision, Level, Reason
from server.core.policy.explain import as_if_at_once
from server.core.problems import ApiProblem, PushRefusedError
from server.store import log
from server.store.admin.accounts import TokenRow
from server.store.register import cases, pushed_changes
from server.store.removal import needs
from server.work.context import Context
from server.work.register.pushes import case_system_of

LONGEST_WAIT = 30
"""Seconds that somebody may wait for a change: a proxy before the pages gives up after 60."""
_STEP = 0.25
GOES_WORD = "goes"
"""Of a contact that has to go: now or later, and whether or not it is gone already."""


@dataclass(frozen=True, slots=True)
class NeedCount:
    """So many contacts (each with one worker) of which the rules say the same. need: keep, review, goes or ignore."""

    need: str
    reason: Reason
    count: int


@dataclass(frozen=True, slots=True)
class Proven:
    """So many removals at a store that were proven, by the evidence there is."""

    store: str
    evidence: Level
    count: int


@dataclass(frozen=True, slots=True)
class CaseOutcome:
    """What became of a case's contacts. policy: the version of the rules."""

    policy: str
    contacts: tuple[NeedCount, ...]
    proven: tuple[Proven, ...]


def read_outcome(context: Context, program: TokenRow, address: str) -> CaseOutcome:
    """Of the case that programs know by this address. Raises PushRefusedError."""
    system = case_system_of(program)
    now = context.now()
    with context.store.read() as connection:
        case_id = cases.at_address(connection, system, address)
        if case_id is None:
            raise PushRefusedError(ApiProblem.NOT_FOUND)
        if program.employer and cases.worked_elsewhere(connection, [case_id], program.employer):
            raise PushRefusedError(ApiProblem.OTHER_EMPLOYER)
        pairs = pushed_changes.pairs_of_case(connection, case_id)
        facts = needs.load(connection, needs.of_pairs(pairs), now, gone_too=True)
        proven = pushed_changes.proven_of_case(connection, case_id)
    counted: Counter[tuple[str, Reason]] = Counter()
    for each in facts:
        need = as_if_at_once(each.links, context.policy, now, each.first_seen)
        counted[_word(need.decision), need.reason] += 1
    return CaseOutcome(
        context.policy.version,
        tuple(NeedCount(said, reason, count) for (said, reason), count in sorted(counted.items())),
        tuple(Proven(store, Level(level), count) for store, level, count in proven),
    )


def await_outcome(
    context: Context, program: TokenRow, address: str, *, known: str | None, seconds: float
) -> CaseOutcome:
    """The outcome once it is another than the one with the tag `known` (None: than now); at the latest after so long.

    What comes after that time is final as it is: nothing tells whether more will come. Raises PushRefusedError.
    """
    size = _size(context)  # before it is read: what comes in between is seen below
    found = read_outcome(context, program, address)
    known = known or tag_of(context, found)
    for _ in range(ceil(seconds / _STEP)):
        if tag_of(context, found) != known:
            break
        context.rest(_STEP)
        if (grown := _size(context)) != size:  # whatever becomes of a contact stands in the log
            size, found = grown, read_outcome(context, program, address)
    return found


def tag_of(context: Context, outcome: CaseOutcome) -> str:
    """By which a program says that it has this one; keyed, as all tags are."""
    return f'"{context.keys.sealer.hash(repr(outcome), "outcome.state").hex()[:32]}"'


def _size(context: Context) -> int:
    with context.store.read() as connection:
        return log.head(connection).size


def _word(decision: Decision) -> str:
    return GOES_WORD if decision in GOES else decision.value
