"""What benchmarks stand on: databases at full durability, an invented organisation, a vendor that answers at once.

Nothing is measured here but time itself; what is made is made once in a process and gone with it.
"""

from __future__ import annotations

import atexit
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import Table

from mdm_adapters.port import (
    Capability,
    CapabilityAnswer,
    ContactStore,
    Cut,
    Entry,
    Field,
    FieldKind,
    Look,
    Match,
    Outcome,
    Place,
    Receipt,
    Shape,
    Trial,
    no,
)
from mdm_adapters.registry import KINDS
from server.app import SHIPPED_POLICY, check_policy
from server.core.identity.tokens import Tokeniser
from server.core.policy.model import Policy
from server.sources.case_file import open_export
from server.sources.invented import Organisation, invent, write_export
from server.sources.mapping import load_mapping
from server.store.database import Store
from server.store.seal import Sealer
from server.work.admin import setup
from server.work.context import Context, Keys
from server.work.register import intake
from server.work.removal import sync
from tests.parts import PartMissingError
from tests.parts.postgres import Postgres, postgres_server

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
SEED = 1
MAPPING = "generic-en"
ROUNDS = 3
"""Every figure is the best of so many runs: what disturbs a run on a shared machine only ever makes it slower."""
KEYS = Keys(Tokeniser(b"t" * 32), Sealer(b"s" * 32), Ed25519PrivateKey.from_private_bytes(b"k" * 32))
_stack = ExitStack()
_numbers = count(1)
atexit.register(_stack.close)


@dataclass(slots=True)
class Spent:
    """Seconds on the wall's clock, and of processor time in this process (all its threads)."""

    wall: float = 0.0
    cpu: float = 0.0


@contextmanager
def spending() -> Iterator[Spent]:
    """What the block cost, once it has ended."""
    spent = Spent()
    wall, cpu = time.perf_counter(), time.process_time()
    try:
        yield spent
    finally:
        spent.wall, spent.cpu = time.perf_counter() - wall, time.process_time() - cpu


def best(rounds: Sequence[Spent]) -> Spent:
    """The least of each."""
    return Spent(min(each.wall for each in rounds), min(each.cpu for each in rounds))


@cache
def workspace() -> Path:
    """A folder that is gone when the process ends."""
    return Path(_stack.enter_context(tempfile.TemporaryDirectory(prefix="closeout-bench-")))


# --- databases


@cache
def durable_postgres() -> Postgres | None:
    """A PostgreSQL of our own with fsync on, or None where there is none."""
    try:
        return _stack.enter_context(postgres_server(durable=True))
    except PartMissingError:
        return None


def kinds() -> Iterator[str]:
    """The databases that can be had here."""
    yield "sqlite"
    if durable_postgres() is not None:
        yield "postgresql"


def empty_database(kind: str) -> str:
    """URL of a fresh database without tables."""
    server = durable_postgres()
    if kind == "postgresql" and server is not None:
        return server.fresh_database()
    return f"sqlite:///{workspace() / f'bench-{next(_numbers)}.db'}"


def copy_database(url: str) -> str:
    """URL of a copy; nobody may be connected to the first one."""
    server = durable_postgres()
    if not url.startswith("sqlite") and server is not None:
        return server.fresh_database(template=url.rpartition("?")[0].rpartition("/")[2])
    copy = empty_database("sqlite")
    shutil.copy(url.removeprefix("sqlite:///"), copy.removeprefix("sqlite:///"))
    return copy


def drop_database(url: str) -> None:
    """Make room again."""
    server = durable_postgres()
    if not url.startswith("sqlite") and server is not None:
        server.drop_database(url)
    else:
        Path(url.removeprefix("sqlite:///")).unlink(missing_ok=True)


@contextmanager
def copied(url: str, **how: Any) -> Iterator[Context]:
    """A context on a copy that is dropped afterwards; `how` as in `context_on`."""
    copy = copy_database(url)
    context = context_on(copy, **how)
    try:
        yield context
    finally:
        context.store.close()
        drop_database(copy)


def insert_bare(store: Store, rows: Mapping[Table, Sequence[Sequence[Any]]]) -> Spent:
    """The peer of all that writes rows: the driver's own `executemany` in one transaction, its values made before."""
    mark = "?" if store.is_sqlite else "%s"
    statements = []
    for table, found in rows.items():
        names = [column.name for column in table.columns]
        text = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({', '.join([mark] * len(names))})"
        makers = [column.type.dialect_impl(store.engine.dialect) for column in table.columns]
        binds = [each.bind_processor(store.engine.dialect) for each in makers]
        statements.append(
            (text, [[v if bind is None else bind(v) for v, bind in zip(row, binds, strict=True)] for row in found])
        )
    with spending() as spent, store.write() as connection:
        raw: Any = connection.connection.driver_connection
        for text, values in statements:
            raw.cursor().executemany(text, values)
    return spent


# --- a vendor


class InstantStore(ContactStore):
    """A vendor that answers at once: books of fields already read, and a removal takes the entry out. No network.

    books: address -> ref -> the fields of a card.
    """

    def __init__(self, books: Mapping[str, Mapping[str, Sequence[Field]]]) -> None:
        self.books = {address: dict(cards) for address, cards in books.items()}

    def capabilities(self) -> Mapping[Capability, CapabilityAnswer]:
        return dict.fromkeys(Capability, no("It only answers quickly."))

    def _look(self, place: Place, match: Match, cursor: str | None, mark: str) -> Look:
        cards = self.books[place.address]
        return Look(True, self._judged(cards, match), None, len(cards))

    def _look_up(self, place: Place, refs: Sequence[str], match: Match, mark: str) -> Sequence[Entry]:
        cards = self.books[place.address]
        return self._judged({ref: cards[ref] for ref in refs if ref in cards}, match)

    def _judged(self, cards: Mapping[str, Sequence[Field]], match: Match) -> tuple[Entry, ...]:
        entries = []
        for (ref, fields), readings in zip(cards.items(), match(list(cards.values())), strict=True):
            tokens = frozenset(token for reading in readings for token in reading.tokens)
            if tokens:
                private = any(reading.other for reading in readings)
                shape = Shape.UNCLEAR if len(fields) == 1 and private else Shape.MIXED if private else Shape.WHOLE
                entries.append(Entry(ref, "1", shape, tokens))
        return tuple(entries)

    def _remove(self, place: Place, cuts: Sequence[Cut], match: Match) -> Sequence[Receipt]:
        cards = self.books[place.address]
        return [Receipt(Outcome.ALREADY_GONE if cards.pop(cut.ref, None) is None else Outcome.REMOVED) for cut in cuts]

    def _check(self, place: Place) -> Sequence[Trial]:
        return ()


def books_of(organisation: Organisation) -> Mapping[str, Mapping[str, Sequence[Field]]]:
    """An organisation's books as `InstantStore` has them."""
    return {
        f"/{worker.ref}/": {
            f"{number}.vcf": [
                Field(FieldKind.EMAIL if "@" in each else FieldKind.PHONE, each) for each in card.identifiers
            ]
            for number, card in enumerate(organisation.cards(worker.ref))
        }
        for worker in organisation.workers
    }


# --- an installation


def shipped_policy(*, limits: bool = True) -> Policy:
    """The policy that is shipped. limits: without, no plan waits for release."""
    document = check_policy(SHIPPED_POLICY).document
    assert document is not None
    return document.policy if limits else replace(document.policy, max_removals=10**9, max_share=1.0)


def context_on(
    url: str,
    *,
    vendor: ContactStore | None = None,
    policy: Policy | None = None,
    now: Callable[[], datetime] = lambda: NOW,
) -> Context:
    """What acts need, on the database of this URL."""
    return Context(
        store=Store(url),
        clock=now,
        keys=KEYS,
        policy=policy or shipped_policy(),
        stores={"books": vendor} if vendor else {},
        witnesses={},
        checkpoint_file=workspace() / "checkpoints.txt",
    )


def install(context: Context, organisation: Organisation) -> None:
    """Tables, and a place with a phone for every worker; nothing is known of cases yet."""
    context.store.migrate()
    setup.found(context, organisation.name, demo=True)
    setup.put_connection(
        context,
        name="books",
        vendor="carddav",
        base_url="http://127.0.0.1:1/",
        login="service",
        secret_file="",
        kinds=KINDS,
    )
    rows = [
        f"{device.worker};Invented employer;Invented team;books;/{device.worker}/;{device.ref}"
        for device in organisation.devices
    ]
    setup.import_places(context, "\n".join(["worker;employer;team;connection;address;devices", *rows]))


@cache
def vtaa(factor: float = 1.0) -> Organisation:
    """The organisation of DOMAIN 17, whole or a part of it."""
    return invent("vtaa", seed=SEED, now=NOW, factor=factor)


@cache
def exported(factor: float = 1.0) -> Sequence[Path]:
    """Its register as files."""
    folder = workspace() / f"export-{factor}"
    folder.mkdir()
    return write_export(vtaa(factor), folder, MAPPING)


@cache
def looked_at(kind: str) -> str:
    """URL of a database in which the whole of `vtaa` is installed, imported and looked at; nothing is decided yet.

    Copy it; leave it as it is.
    """
    url = empty_database(kind)
    context = context_on(url, vendor=InstantStore(books_of(vtaa())))
    install(context, vtaa())
    taken = intake.take_in(context, open_export(exported(), load_mapping(MAPPING)))
    assert taken.outcome is intake.IntakeOutcome.APPLIED
    sync.look_at_all(context)
    context.store.close()
    return url
