"""The life of one order as a model: engines that claim, stall, wake and die, holds, a case that opens again, a restore.

Small enough to be explored to its last state, and written from the rules alone: nothing of the program is imported.
What must never be is checked in each state and at each move (`Broken`). Recorded runs of the real engine are checked
against it (`replay`).

One order, one card, a few claims. Every move is atomic, as one transaction or one request is; between any two of them
anything else may happen, so an engine may stand still wherever it likes, also between its last check and its call.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

MOST_CLAIMS = 3


class Stands(StrEnum):
    """Where the order stands."""

    READY = "ready"
    CALLING = "calling"
    CHECKING = "checking"
    STOPPED = "stopped"
    DONE = "done"


class Step(StrEnum):
    """How far the engine with a claim has come."""

    CLAIMED = "claimed"
    CHECKED = "checked"
    """It asked just now and may call: it may stand still here for as long as it likes."""
    CALLED = "called"
    """The store has carried it out; the receipt is not written."""
    REFUSED = "refused"
    """Its check said no; that is not written yet."""
    ANSWERED = "answered"
    DIED = "died"


@dataclass(frozen=True)
class Claim:
    """One claim. valid: its lease runs. did: its call took the card away."""

    fence: int
    step: Step = Step.CLAIMED
    valid: bool = True
    did: bool = False


@dataclass(frozen=True)
class World:
    """Everything there is. removable: by need. held: by a hold in force. promised: somebody was told of it that nothing
    is beyond recall. sent, told: claims and outcomes in the log, by fence. settled: how often.
    """

    stands: Stands = Stands.READY
    claims: tuple[Claim, ...] = ()
    card: bool = True
    removable: bool = True
    held: bool = False
    promised: bool = False
    sent: frozenset[int] = frozenset()
    told: frozenset[int] = frozenset()
    settled: int = 0
    restored: bool = False

    @property
    def current(self) -> Claim | None:
        """The claim that has the order."""
        return self.claims[-1] if self.claims and self.stands is Stands.CALLING else None


class Broken(AssertionError):
    """A rule that must never be broken was; `str()` says which."""


Moves = Iterator[tuple[str, World]]


@dataclass(frozen=True)
class Rules:
    """What the program is meant to do. Each may be switched off, to see that the model would find the fault."""

    checks_lease_before_call: bool = True
    waits_for_overtaken: bool = True
    enters_late_receipts: bool = True
    returns_what_it_does_not_call: bool = True
    stopped_has_a_way_on: bool = True


def moves(world: World, rules: Rules = Rules()) -> Moves:
    """All that may happen next, by name."""
    yield from _engine_moves(world, rules)
    yield from _other_moves(world, rules)


def _engine_moves(world: World, rules: Rules) -> Moves:
    free = world.stands is Stands.READY
    ran_out = world.current is not None and not world.current.valid
    if (free or ran_out) and len(world.claims) < MOST_CLAIMS:
        fence = len(world.claims) + 1
        yield (
            "claim",
            replace(world, stands=Stands.CALLING, claims=(*world.claims, Claim(fence)), sent=world.sent | {fence}),
        )
    for claim in world.claims:
        if claim.step is Step.CLAIMED:
            may = world.removable and not world.held and claim.valid and claim is world.current
            if not claim.valid and not rules.checks_lease_before_call:
                may = world.removable and not world.held
            yield ("check", _with(world, replace(claim, step=Step.CHECKED if may else Step.REFUSED)))
        if claim.step is Step.CHECKED:
            # The permit is asked again; then it may stand still, with nothing between it and the call.
            if claim.valid or not rules.checks_lease_before_call:
                yield ("call", _call(world, claim))
            else:
                yield ("wake", _with(world, replace(claim, step=Step.REFUSED)))
            yield ("call from a standstill", _call(world, claim))
        if claim.step in (Step.CALLED, Step.REFUSED):
            yield ("answer", _answer(world, claim, rules))
        if claim.step not in (Step.ANSWERED, Step.DIED):
            yield ("die", _with(world, replace(claim, step=Step.DIED)))
        if claim.valid:
            yield ("the lease runs out", _with(world, replace(claim, valid=False)))


def _call(world: World, claim: Claim) -> World:
    if world.held and world.promised:
        raise Broken("a call began under a hold that was answered with: nothing is beyond recall")
    return replace(_with(world, replace(claim, step=Step.CALLED, did=world.card)), card=False)


def _answer(world: World, claim: Claim, rules: Rules) -> World:
    """The transaction in which a claim is answered."""
    called = claim.step is Step.CALLED
    if not called and not rules.returns_what_it_does_not_call:
        return _with(world, replace(claim, step=Step.ANSWERED))
    after = _with(world, replace(claim, step=Step.ANSWERED))
    mine = world.current is claim
    if not mine and not rules.enters_late_receipts:
        return after
    if claim.fence in world.told:
        raise Broken("a call has two outcomes in the log")
    after = replace(after, told=world.told | {claim.fence})
    if mine:
        stands = Stands.CHECKING if called else Stands.STOPPED if claim.valid else Stands.READY
        return replace(after, stands=stands)
    if called and world.stands in (Stands.STOPPED, Stands.READY):
        return replace(after, stands=Stands.CHECKING)
    return after


def _other_moves(world: World, rules: Rules) -> Moves:
    if not world.held:
        yield ("a hold is set", replace(world, held=True, promised=False))
    else:
        yield ("the hold ends", replace(world, held=False, promised=False))
        if not world.promised and _in_time(world, rules):
            yield ("nothing is beyond recall", replace(world, promised=True))
    yield ("the case opens" if world.removable else "the case closes", replace(world, removable=not world.removable))
    if world.stands is Stands.READY and (world.held or not world.removable):
        yield ("a pass stops it", replace(world, stands=Stands.STOPPED))
    if world.stands is Stands.STOPPED and world.removable and not world.held and world.card:
        yield ("a pass calls for it again", replace(world, stands=Stands.READY))
    yield from _looks(world, rules)
    stopped = all(claim.step in (Step.ANSWERED, Step.DIED) for claim in world.claims)
    if not world.restored and world.claims and stopped and world.stands is not Stands.DONE:
        # The database is put back to before the last claim, with every engine stopped, as the manual asks.
        yield ("a restore", replace(world, stands=Stands.READY, restored=True))


def _looks(world: World, rules: Rules) -> Moves:
    """A full look settles, or sends back."""
    if world.stands is Stands.CHECKING:
        if world.card:
            yield ("seen present", replace(world, stands=Stands.READY))
        else:
            yield ("seen absent", _settle(world))
    elif (not world.card and world.stands is Stands.READY) or (
        not world.card and world.stands is Stands.STOPPED and rules.stopped_has_a_way_on and _called_late(world)
    ):
        yield ("seen absent", _settle(world))


def _called_late(world: World) -> bool:
    """Whether a claim may have called, or told that it did, after another took the order over."""
    return any(claim.fence not in world.told or claim.did for claim in world.claims)


def _settle(world: World) -> World:
    if world.settled:
        raise Broken("an order is settled twice")
    return replace(world, stands=Stands.DONE, settled=1)


def _in_time(world: World, rules: Rules) -> bool:
    """Whether whoever set the hold may be told that nothing is beyond recall."""
    if world.stands in (Stands.CALLING, Stands.CHECKING, Stands.DONE):
        return False
    if not rules.waits_for_overtaken:
        return True
    return all(claim.step in (Step.ANSWERED,) for claim in world.claims)


def _with(world: World, claim: Claim) -> World:
    return replace(world, claims=tuple(claim if each.fence == claim.fence else each for each in world.claims))


def explore(rules: Rules = Rules(), start: World = World()) -> Mapping[World, Sequence[tuple[str, World]]]:
    """Every state that can be reached, with its moves; Broken with the way there."""
    seen: dict[World, Sequence[tuple[str, World]]] = {}
    came: dict[World, tuple[str, World] | None] = {start: None}
    todo = [start]
    while todo:
        world = todo.pop()
        try:
            following = list(moves(world, rules))
        except Broken as broken:
            raise Broken(f"{broken}: {' / '.join(_way(came, world))}") from None
        seen[world] = following
        for name, after in following:
            if after not in came:
                came[after] = (name, world)
                todo.append(after)
    return seen


def _way(came: Mapping[World, tuple[str, World] | None], world: World) -> list[str]:
    way: list[str] = []
    step = came[world]
    while step is not None:
        way.append(step[0])
        step = came[step[1]]
    return way[::-1]


def unanswered_for_ever(seen: Mapping[World, Sequence[tuple[str, World]]]) -> list[World]:
    """States in which every engine has answered and yet a call has no outcome in the log."""
    return [
        world
        for world in seen
        if any(claim.step is Step.ANSWERED and claim.fence not in world.told for claim in world.claims)
    ]


def lost(seen: Mapping[World, Sequence[tuple[str, World]]]) -> list[World]:
    """States in which the card went by our doing and from which no way leads to the order being settled."""
    back: dict[World, list[World]] = {}
    for world, following in seen.items():
        for _, after in following:
            back.setdefault(after, []).append(world)
    can = {world for world in seen if world.stands is Stands.DONE}
    todo = list(can)
    while todo:
        for before in back.get(todo.pop(), []):
            if before not in can:
                can.add(before)
                todo.append(before)
    return [world for world in seen if world not in can and len(world.claims) < MOST_CLAIMS]


def replay(lines: Iterable[tuple[str, str, int, bool]]) -> None:
    """Check one order's recorded life: (what, outcome, sending, late), as the log has it; Broken says what is wrong.

    what: sent, receipt or proof.
    """
    sent: list[int] = []
    told: set[int] = set()
    proofs = 0
    for what, outcome, sending, late in lines:
        if what == "sent":
            if sending in sent or (sent and sending <= sent[-1]):
                raise Broken("a claim without a fence of its own")
            sent.append(sending)
        elif what == "receipt":
            if sending not in sent:
                raise Broken("an outcome of a call that was never sent")
            if sending in told:
                raise Broken("a call has two outcomes in the log")
            if late != (sending != sent[-1]) and outcome != "returned":
                raise Broken("a late receipt that is not told as late, or the reverse")
            told.add(sending)
        else:
            proofs += outcome == "store_removed"
            if proofs > 1:
                raise Broken("an order is settled twice")
    if set(sent) != told:
        raise Broken("a call without an outcome in the log")
