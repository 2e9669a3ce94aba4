"""A case pushed by itself and the same case pushed by way of a file end in the same tables, whatever came before."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from random import Random
from typing import Any

from sqlalchemy import Table, select, update

from server.core.log.entries import EntryKind
from server.core.model import PlanChange, PushState, Reason, Role, Whose
from server.core.problems import ApiProblem, PushRefusedError
from server.core.removal.closures import ClosureAnswer
from server.sources.pushed import BodyRefused, PushedCase, read_body
from server.store.removal import closures, plan_changes
from server.store.schema import base
from server.work.admin import access
from server.work.admin.access import Scope
from server.work.register import pushes
from server.work.register.pushes import PushItem, PushRequest, TakenPush
from tests.campaigns import Draws
from tests.work.world import NOW, NUMBERS, World, days

SYSTEM = "case-system"
CASES = ("240117", "240118", "240119", "240120")
STEPS, COMPARED_EVERY = 24, 6
REGISTER = (
    *(base.case_system, base.cases, base.case_spell, base.identifier, base.link, base.directory, base.assignment),
    *(base.moment, base.closure, base.plan_change, base.import_run, base.pair, base.place, base.sighting),
    *(base.worker, base.pushed_change),
)
BY_CHANCE = {"pushed_change": {"uid", "key", "request"}, "place": {"uid", "cursor"}}
"""What differs between any two installations; of a program its name is compared."""


@dataclass
class Side:
    """One of the two worlds, and by which of the two ways it is told."""

    world: World
    by_file: bool

    def __post_init__(self) -> None:
        token = access.make_token(self.world.context, "system-1", list(Scope), days=90, case_system=SYSTEM, owner="ict")
        program = access.find_token(self.world.context, token)
        assert program is not None
        self.program = program
        self.by = access.demo_account(self.world.context, Role.WORK_SUPERVISOR).id
        self.etags: dict[str, str | None] = {}

    def push(self, told: dict[str, Any], key: str, condition: str) -> object:
        """What the sender learns, but for what differs between any two installations."""
        number = told["number"]
        known = self.etags.get(number)
        if_match = {"known": known, "any": pushes.ANY, "none": None, "wrong": '"' + "0" * 32 + '"'}[condition]
        raw = json.dumps(told).encode()
        asked = PushRequest(self.program, key, "PUT", [PushItem("#", read_body(raw, PushedCase), if_match)], raw)
        try:
            taken = self._by_file(asked) if self.by_file else pushes.push(self.world.context, asked)
        except PushRefusedError as refused:
            return refused.problem, refused.pointers
        except BodyRefused as refused:
            return refused.faults
        (state,) = taken.cases
        self.etags[number] = state.etag
        return taken.change.state, taken.change.cases, taken.change.changed, state

    def _by_file(self, asked: PushRequest) -> TakenPush:
        known, now = pushes._push_many(self.world.context, asked, SYSTEM)
        if known.state is PushState.STOPPED:
            raise PushRefusedError(ApiProblem.STOPPED, change=known.uid)
        return TakenPush(known, now)

    def tables(self) -> dict[str, list[str]]:
        """All that the register and the pairs hold, whatever numbers the database gave it."""
        found = {table.name: sorted(repr(each) for each in self._rows(table).values()) for table in REGISTER}
        entries = [
            repr((entry.kind, {name: value for name, value in entry.body.items() if name != "digest"}))
            for entry in self.world.log()
            if entry.kind in (EntryKind.REGISTER_CHANGED, EntryKind.CLOSURE_ANSWERED)
        ]
        return found | {"log": entries}

    def _rows(self, table: Table) -> dict[Any, tuple[Any, ...]]:
        """By key, each with the rows that it names in place of their numbers."""
        named = {
            column.name: self._rows(key.column.table)
            for column in table.columns
            for key in column.foreign_keys
            if key.column.table in REGISTER
        }
        numbers = {column.name for column in table.columns if column.foreign_keys} - set(named)
        left_out = {"id", *BY_CHANCE.get(table.name, ())} | numbers
        return {
            row._mapping.get("id", nth): tuple(
                (name, named[name].get(value) if name in named else value)
                for name, value in row._mapping.items()
                if name not in left_out
            )
            for nth, row in enumerate(self.world.rows(table))
        }


Act = Callable[[Side], object]
_HAPPENS = ("push", "same", "again", "time", "round", "said", "planned", "marked")
_OFTEN = (24, 8, 2, 3, 3, 3, 3, 10)


def _steps(dice: Random) -> Iterator[tuple[str, Act]]:
    """What happens, drawn once for both sides."""
    sent: list[tuple[dict[str, Any], str, str]] = []
    for nth in range(STEPS):
        what = dice.choices(_HAPPENS, _OFTEN)[0]
        if what == "same" and sent:
            sent.append((sent[-1][0], f"key {nth}", "any"))
            yield "same", partial(_push, sent[-1])
        elif what == "push" or not sent:
            condition = dice.choices(("known", "any", "none", "wrong"), (12, 5, 1, 1))[0]
            sent.append((_case(dice), f"key {nth}", condition))
            yield str(sent[-1]), partial(_push, sent[-1])
        elif what == "again":
            told, key, condition = dice.choice(sent)
            yield "again", partial(_push, (told if dice.random() < 0.7 else _case(dice), key, condition))
        elif what == "time":
            yield "time", partial(_pass, timedelta(hours=dice.choice((1, 7, 26, 100))))
        elif what == "round":
            yield "round", _round
        else:
            act = {"said": _say, "planned": _plan, "marked": _mark}[what]
            yield what, partial(act, nth, dice.choice(CASES), dice.random())


def _case(dice: Random) -> dict[str, Any]:
    """A case as a sender may tell it: sound, but for a few."""
    phase = dice.choice(("investigation", "monitoring", "closed", "closed", "triage"))
    confirmed = f"2025-0{dice.choice((1, 2))}-0{dice.randint(1, 9)}"
    over = dice.random() < (0.7 if phase == "closed" else 0.1)
    contacts = [
        {
            "class": dice.choice(("client", "client", "reporter", "professional")),
            "person": dice.choice(("A", "B")),
            "values": dice.choices((*NUMBERS[:6], "onbekend"), (*([6] * 6), 1), k=dice.randint(1, 2)),
            "former_since": dice.choice((None, None, None, "2025-01-05")),
            "linked": dice.random() < 0.8,
        }
        for _ in range(dice.randint(0, 4))
    ]
    workers = ("worker-1", " Worker-1", "worker-2", "new one", "New  One")
    return {
        "number": dice.choice(CASES),
        "phase": phase,
        "opened_on": dice.choice((None, "2024-01-09", "2024-01-09", "2025-02-20")),
        "closure_confirmed": dice.choice((confirmed, f"{confirmed}T10:30:00+01:00")) if over else None,
        "transferred_on": dice.choice((None, None, "2024-06-01")),
        "monitoring_from": dice.choice((None, None, "2024-07-01")),
        "plan_counts_from": None,
        "recorded": dice.choice((True, True, False, None)),
        "contacts": contacts,
        "assignments": [
            {
                "worker": dice.choice(workers),
                "from": dice.choice(("2024-01-09", "2024-01-09T09:00:00+01:00", "2024-05-01")),
                "until": dice.choice((None, None, "2025-01-31")),
                "role": dice.choice(("", "case worker")),
            }
            for _ in range(dice.randint(0, 3))
        ],
        "moments": [
            {"worker": dice.choice(workers), "on": f"2025-05-0{dice.randint(1, 3)}"} for _ in range(dice.randint(0, 2))
        ],
    }


def _push(sent: tuple[dict[str, Any], str, str], side: Side) -> object:
    return side.push(*sent)


def _pass(time: timedelta, side: Side) -> None:
    side.world.clock.pass_(time)


def _round(side: Side) -> None:
    """Books are looked at, so that there are pairs, and what is due is decided."""
    side.world.look()
    side.world.plan()


def _say(nth: int, number: str, chance: float, side: Side) -> None:
    """A work supervisor answers, of whatever case."""
    at = side.world.clock.now
    with side.world.context.store.write() as connection:
        found = connection.execute(select(base.cases).where(base.cases.c.number == number)).first()
        if found is None:
            return
        day = None if chance < 0.3 else date(2025, 2, 25)
        closures.put_answer(
            connection, uid=f"answer-{nth}", case_id=found.id, team="team 1", asked=f"asked {nth}",
            answer=ClosureAnswer.NOT_YET if day is None else ClosureAnswer.CONFIRMED,
            on_date=day, confirmed_at=None if day is None else NOW - days(5), opened_on=found.opened_on,
            said_by=side.by, now=at,
        )  # fmt: skip


def _plan(nth: int, number: str, _chance: float, side: Side) -> None:
    """A work supervisor plans a contact more, whatever the case's phase."""
    with side.world.context.store.write() as connection:
        found = connection.execute(select(base.cases.c.id).where(base.cases.c.number == number)).scalar()
        if found is not None:
            plan_changes.put_change(
                connection, uid=f"change-{nth}", case_id=found, team="team 1",
                change=PlanChange(None, date(2025, 6, 1) + timedelta(days=nth)), reason="Talked over.",
                by=side.by, now=side.world.clock.now,
            )  # fmt: skip


def _mark(nth: int, number: str, chance: float, side: Side) -> None:
    """People said of every contact of a case what the register does not tell; or pairs wait for a fresh register."""
    of_case = base.link.c.case_id.in_(select(base.cases.c.id).where(base.cases.c.number == number))
    with side.world.context.store.write() as connection:
        if chance < 0.2:
            connection.execute(
                update(base.link).where(of_case).values(whose=Whose.THEIRS.value, recorded_at=side.world.clock.now)
            )
        else:
            connection.execute(update(base.pair).values(reason=Reason.REGISTER_STALE.value, due_at=None))
            connection.execute(update(base.place).values(hinted_at=None))


def test_either_way_ends_in_the_same_tables(make_world, draws: Draws):
    for dice in draws(1):
        sides = Side(make_world(), by_file=False), Side(make_world(), by_file=True)
        for number in NUMBERS[:4]:
            for side in sides:
                side.world.put(number)
        for step, (name, act) in enumerate(_steps(dice)):
            told = [act(side) for side in sides]
            assert told[0] == told[1], (step, name)
            if step % COMPARED_EVERY == COMPARED_EVERY - 1:
                tables = [side.tables() for side in sides]
                assert tables[0] == tables[1], (step, name)


def test_a_closure_has_books_read_soon_either_way(make_world):
    """In which its contact was not seen: one may have been put there since the last look."""
    told = {"number": CASES[0], "opened_on": "2024-01-09", "transferred_on": None, "monitoring_from": None}
    told |= {"plan_counts_from": None, "recorded": True, "moments": []}
    told["contacts"] = [
        {"class": "client", "person": "A", "values": [NUMBERS[5]], "former_since": None, "linked": True}
    ]
    told["assignments"] = [{"worker": "worker-1", "from": "2024-01-09", "until": None, "role": ""}]
    running = told | {"phase": "investigation", "closure_confirmed": None}
    over = told | {"phase": "closed", "closure_confirmed": "2025-02-01"}
    hinted = []
    for by_file in (False, True):
        side = Side(make_world(), by_file=by_file)
        side.push(running, "key 1", "any")
        _round(side)
        before = [row.hinted_at for row in side.world.rows(base.place)]
        side.push(over, "key 2", "known")
        hinted.append((before, [row.hinted_at for row in side.world.rows(base.place)], side.tables()))
    assert hinted[0] == hinted[1]
    before, after, _ = hinted[0]
    assert set(before) == {None}
    assert NOW in after
