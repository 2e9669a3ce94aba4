"""How the phones of invented organisations were used: an itemised bill and contact moments; nothing real.

Most of it is work: calls with clients of open cases, colleagues, professionals, some private ones. Ordinary answers to
"why after closure?" are in it too: clients who ring back, calls for a colleague's case, front-office duty. In the
incident one worker is in touch with 37 clients whom the job gave no reason to contact any more (DOMAIN 1).
"""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from server.core.model import ContactClass, Phase
from server.core.usage.model import Direction
from server.sources.invented.lives import AMSTERDAM, Author, Life
from server.sources.invented.numbers import colleague_number, private_numbers, professional_number, spell
from server.sources.invented.organisation import Organisation, OrganisationSize
from server.sources.usage_mapping import load_usage_mapping

_SATURDAY = 5
_RING_BACK = 0.02
"""How often a client of a closed case rings the worker of then, for each working day of a worker."""
_COVER = 0.03
"""How often a worker calls for a colleague's case."""


@dataclass(frozen=True, slots=True)
class InventedCall:
    """One call on the bill, or one contact moment. number: in normal form."""

    worker: str
    device: str
    at: datetime
    number: str
    direction: Direction
    seconds: int
    case: str | None
    channel: str
    recorded: bool


def invent_usage(organisation: Organisation, *, days: int = 90) -> tuple[InventedCall, ...]:
    """All that was done by telephone in the days before the organisation's moment, in order of time."""
    rng = random.Random(f"usage:{organisation.kind}:{organisation.seed}")  # noqa: S311  invented data, not secrets
    today = organisation.now.astimezone(AMSTERDAM).date()
    device = {each.worker: each.ref for each in reversed(organisation.devices)}
    calls: list[InventedCall] = []
    for index, worker in enumerate(organisation.workers):
        calls += _work(organisation, rng, worker.ref, device[worker.ref], index, today, days)
    if organisation.kind is OrganisationSize.INCIDENT:
        calls += _incident(organisation, rng, device, today, days)
    return tuple(sorted(calls, key=lambda call: (call.at, call.device, call.number)))


def _work(
    organisation: Organisation,
    rng: random.Random,
    worker: str,
    device: str,
    index: int,
    today: date,
    days: int,
) -> Iterator[InventedCall]:
    plot = organisation.plot
    mine = [plot.lives[each] for each in plot.by_worker.get(worker, ())]
    private = list(private_numbers(index))[:20]

    def call(
        day: date, number: str, case: str | None = None, *, out: bool = True, recorded: bool = False
    ) -> InventedCall:
        at = Author.at(day, rng.randrange(8 * 60, 18 * 60))
        direction = Direction.OUT if out else Direction.IN
        channel = "WhatsApp" if recorded and rng.random() < 0.3 else "Telefonisch"
        return InventedCall(worker, device, at, number, direction, rng.randrange(20, 900), case, channel, recorded)

    for back in range(days, 0, -1):
        day = today - timedelta(days=back)
        if day.weekday() >= _SATURDAY:
            continue
        noon = Author.at(day, 12 * 60)
        open_cases = [life for life in mine if _works_on(life, worker, noon)]
        for life in rng.sample(open_cases, min(len(open_cases), 3)):
            yield call(day, _client(life, rng), life.number, out=rng.random() < 0.7, recorded=True)
        yield call(day, colleague_number(rng.randrange(len(organisation.workers))))
        yield call(day, professional_number(rng.randrange(plot.sizes.professionals)), out=rng.random() < 0.5)
        if rng.random() < 0.3:
            yield call(day, rng.choice(private), out=rng.random() < 0.5)
        closed = [life for life in mine if _is_closed(life, noon)]
        if closed and rng.random() < _RING_BACK:
            life = rng.choice(closed)
            yield call(day, _client(life, rng), life.number, out=False)
        if rng.random() < _COVER:
            other = rng.choice(plot.lives)
            if other.opened <= noon and not _is_closed(other, noon):
                yield call(day, _client(other, rng), other.number, recorded=True)


def _incident(
    organisation: Organisation, rng: random.Random, device: dict[str, str], today: date, days: int
) -> Iterator[InventedCall]:
    """Two to four contacts with each of the 37, nearly all begun by the worker, few of them written down."""
    plot = organisation.plot
    for worker, index, identifier in (
        (worker, index, identifier) for worker, found in plot.lookups.items() for index, identifier in found
    ):
        life = plot.lives[index]
        ended = max((at for at in life.closures if at <= organisation.now), default=None)
        since = days if ended is None else min(days, (today - ended.astimezone(AMSTERDAM).date()).days - 1)
        for _ in range(rng.randrange(2, 5)):
            day = today - timedelta(days=rng.randrange(1, max(2, since)))
            at = Author.at(day, rng.randrange(18 * 60, 23 * 60))
            direction = Direction.OUT if rng.random() < 0.9 else Direction.IN
            recorded = "@" in identifier or rng.random() < 0.1
            yield InventedCall(
                worker,
                device[worker],
                at,
                identifier,
                direction,
                rng.randrange(60, 1500),
                life.number,
                "WhatsApp",
                recorded,
            )


def _works_on(life: Life, worker: str, at: datetime) -> bool:
    if life.opened > at or life.phase(at) in (Phase.MONITORING, Phase.CLOSED):
        return False
    return any(
        row.worker == worker and row.from_at <= at and (row.until_at is None or at < row.until_at)
        for row in life.assignments
    )


def _is_closed(life: Life, at: datetime) -> bool:
    return life.opened <= at and life.phase(at) is Phase.CLOSED and any(closed <= at for closed in life.closures)


def _client(life: Life, rng: random.Random) -> str:
    clients = [person for person in life.people if person.contact_class is ContactClass.CLIENT]
    return rng.choice(clients).identifiers[0]


def write_bill(organisation: Organisation, calls: Sequence[InventedCall], folder: Path) -> Path:
    """The calls as the invented operator bills them; what has no telephone number is on no bill."""
    mapping = load_usage_mapping("invented-telecom-bill")
    rng = random.Random(f"bill:{organisation.seed}")  # noqa: S311
    path = folder / "telecom-bill.csv"
    words = {direction: said[0] for direction, said in mapping.words.directions.items()}
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";", lineterminator="\r\n")
        writer.writerow(["Toestel", "Datum en tijd", "Ander nummer", "Richting", "Duur in seconden"])
        for call in calls:
            if "@" not in call.number:
                at = call.at.astimezone(AMSTERDAM).strftime("%Y-%m-%d %H:%M:%S")
                number = spell(call.number, rng, odd=0.02)
                writer.writerow([call.device, at, number, words[call.direction], call.seconds])
    return path


def write_contact_moments(calls: Sequence[InventedCall], folder: Path) -> Path:
    """What workers wrote down of it in the case file."""
    mapping = load_usage_mapping("contact-moments")
    path = folder / "contact-moments.csv"
    words = {direction: said[0] for direction, said in mapping.words.directions.items()}
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";", lineterminator="\r\n")
        writer.writerow(["Medewerker", "Datum", "Kanaal", "Soort betrokkene", "Zaaknummer", "Richting"])
        for call in calls:
            if call.recorded:
                day = call.at.astimezone(AMSTERDAM).date()
                party = mapping.words.classes
                client = next(said[0] for of, said in party.items() if of == "client")
                writer.writerow([call.worker, day, call.channel, client, call.case, words[call.direction]])
    return path
