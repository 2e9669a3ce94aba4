"""The least that store tests stand on: an installation, workers with a book each, cases with one number each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection

from mdm_adapters.port import Entry, Look, Shape, Token
from server.core.policy.model import Policy
from server.store import log
from server.store.admin import organisation
from server.store.admin.organisation import Installation, PlaceRow
from server.store.database import Store
from server.store.register.cases import Applied, ExportPart, apply, staging
from server.store.removal import presence
from server.store.removal.presence import Written
from server.store.seal import Sealer

NOW = datetime(2025, 3, 4, 12, 0, tzinfo=UTC)
LONG_AGO = datetime(2024, 1, 9, 8, 30, tzinfo=UTC)
SEALER = Sealer(b"s" * 32)
POLICY = Policy(
    version="rules-7",
    grace_days=14,
    staleness_hours=72,
    monitoring_window_days=14,
    require_recorded=False,
    former_number_days=365,
    tombstone_days=365,
    max_removals=1000,
    max_share=1.0,
    max_closures_factor=10.0,
)


def days(count: float) -> timedelta:
    return timedelta(days=count)


def token(number: int) -> Token:
    """The token of the nth identifier."""
    return Token(number.to_bytes(32, "big"))


@dataclass(frozen=True)
class Ground:
    """workers, places: our ids, in order. identifiers: of token(1), token(2) and so on, in order."""

    workers: tuple[int, ...]
    places: tuple[int, ...]
    identifiers: tuple[int, ...]


def lay(store: Store, *, workers: int = 1, identifiers: int = 3) -> Ground:
    """Lay the ground: worker-1 .. with book-1 .., and closed case-1 .. whose one number is token(1) .."""
    with store.write() as connection:
        organisation.found(connection, Installation("uid-1", "Organisation 1", True, b"check"), NOW)
        log.begin(connection)
        employer = organisation.employer_named(connection, "Employer 1")
        to = organisation.put_connection(
            connection,
            {
                "name": "books",
                "vendor": "memory",
                "base_url": "http://127.0.0.1/",
                "login": "",
                "secret_file": "",
                "demo": True,
            },
        )
        ids = [organisation.put_worker(connection, f"worker-{n}", employer, "team-1") for n in range(1, workers + 1)]
        for n, worker in enumerate(ids, start=1):
            organisation.put_place(
                connection,
                uid=f"place-{n}",
                connection_id=to,
                worker_id=worker,
                address=f"book-{n}",
                devices={f"device-{n}": f"phone-{n}"},
            )
    numbers = range(1, identifiers + 1)
    take_in(
        store,
        cases=[case(f"case-{n}", "closed", closed_at=NOW - days(60)) for n in numbers],
        contacts=[contact(f"case-{n}", n) for n in numbers],
        assignments=[assignment(f"case-{n}", f"worker-{worker}") for n in numbers for worker in range(1, workers + 1)],
    )
    return survey(store)


def survey(store: Store) -> Ground:
    """The ground as it was laid."""
    with store.read() as connection:
        rows = organisation.read_places(connection, NOW.date())
        known = presence.known_tokens(connection, [token(n) for n in range(1, 100)])
    return Ground(
        tuple(row.worker for row in rows),
        tuple(row.id for row in rows),
        tuple(known[number] for number in sorted(known)),
    )


def lay_and_look(url: str) -> None:
    """Prepares a database: two workers, three contacts each, all seen in their books by a full look."""
    store = Store(url)
    store.migrate()
    for place in lay(store, workers=2).places:
        write(store, place, full_look(*(seen(f"card-{n}", n) for n in (1, 2, 3))))
    store.close()


def case(number: str, phase: str, **facts: object) -> dict[str, object]:
    return {"number": number, "phase": phase, "opened_on": None, "closed_at": None, "recorded": True, **facts}


def contact(number: str, nth: int, **facts: object) -> dict[str, object]:
    return {
        "number": number,
        "token": bytes(token(nth)),
        "verified": True,
        "person": "A",
        "class": "client",
        "linked": True,
        "former_since": None,
        **facts,
    }


def assignment(
    number: str, worker: str, since: datetime = LONG_AGO, until: datetime | None = None, **facts: object
) -> dict[str, object]:
    return {"number": number, "worker_ref": worker, "from_at": since, "until_at": until, "role": "", **facts}


def take_in(
    store: Store,
    *,
    full: bool = True,
    system: str = "system-1",
    at: datetime = NOW,
    **rows: Sequence[Mapping[str, object]],
) -> Applied:
    """Let an export be the register; rows: by the name of their part (cases, contacts, directory, ...)."""
    parts = frozenset(ExportPart(name) for name in rows)
    with staging(store, system, full=full, parts=parts) as staged:
        for name, some in rows.items():
            staged.add(ExportPart(name), some)
        connection = staged.connection.execution_options(closeout_write=True)
        with connection.begin():
            return apply(connection, staged, now=at, as_of=at, digest="00", rows=sum(map(len, rows.values())))


def place_row(connection: Connection, place: int) -> PlaceRow:
    return organisation.read_places(connection, NOW.date(), ids=[place])[0]


def seen(ref: str, *numbers: int, shape: Shape = Shape.WHOLE, version: str | None = "1") -> Entry:
    """An entry that holds the identifiers with these numbers."""
    return Entry(ref, version, shape, frozenset(token(n) for n in numbers))


def full_look(*entries: Entry, cursor: str | None = "cursor-1") -> Look:
    return Look(full=True, entries=entries, cursor=cursor, read=len(entries))


def delta(*entries: Entry, gone: Sequence[str] = (), changed: Sequence[str] = ()) -> Look:
    touched = frozenset([*changed, *gone, *(each.ref for each in entries)])
    return Look(False, entries, "cursor-2", len(entries), frozenset(gone), touched)


def write(
    store: Store, place: int, look: Look, *, when: datetime = NOW, begun_at: PlaceRow | None = None, to: int = 0
) -> Written | None:
    """Write a look that began now (or when the place stood as in begun_at)."""
    with store.write() as connection:
        at = begun_at or place_row(connection, place)
        return presence.write_look(
            connection, SEALER, at, look, uid=f"look-{at.uid}-{at.version}", when=when, searched_to=to
        )


def strict(**changes: object) -> Policy:
    """The policy with some of it changed."""
    return replace(POLICY, **changes)  # type: ignore[arg-type]
