"""A small organisation whose vendor is in memory and whose clock is moved by hand; no test lives here."""

from __future__ import annotations

import copy
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy import select

from mdm_adapters.port import Cut, Match, Place, Put, PutReceipt, Receipt, Token
from mdm_adapters.registry import KINDS
from server.core.hold_record import Hold
from server.core.identity.reading import registered
from server.core.identity.tokens import Tokeniser
from server.core.log.entries import EntryKind, LogEntry, read_entry
from server.core.model import ContactClass, Disposition, Need, Phase, Role, State, Tier
from server.core.policy.model import Policy, TierLimit
from server.core.reports.document import Report, canonical
from server.core.reports.tally import Tally
from server.core.text import Period
from server.sources.case_file import open_export
from server.sources.mapping import CaseMapping, load_mapping
from server.sources.rows import AssignmentRow, CaseRow, ContactRow, Mode, MomentRow, Row
from server.sources.writing import write_rows
from server.store import findings, hold_list, log
from server.store.database import Store
from server.store.findings import Chosen, FindingRow
from server.store.removal import orders
from server.store.schema import base
from server.store.seal import Sealer
from server.work.admin import log_checkpoints, setup
from server.work.context import Context, Keys
from server.work.register import intake
from server.work.register.intake import Intake
from server.work.removal import deviations_and_holds, engine, findings_desk, verify
from server.work.removal import plan as planning
from server.work.removal.engine import Drained
from server.work.removal.findings_desk import AtDesk
from server.work.removal.plan import Pass
from server.work.removal.sync import PlaceRead, look_at_all
from server.work.removal.verify import Verified
from server.work.reports import counted, removal_report
from tests.store.fixtures import Databases
from tests.vendors.members import card, tel
from tests.vendors.memory import MemoryBook, MemoryStore

NOW = datetime(2025, 3, 4, 12, 0, tzinfo=UTC)
KEYS = Keys(Tokeniser(b"t" * 32), Sealer(b"s" * 32), Ed25519PrivateKey.from_private_bytes(b"k" * 32))
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
    case_numbers=(r"\b[0-9]{6}\b",),
    deviation_tiers=(TierLimit(Tier.CONSULT, 90, partner_required=False),),
)
NUMBERS = tuple(f"06-12345{n}" for n in range(601, 660))
"""Visibly patterned numbers of clients."""


def days(count: float) -> timedelta:
    return timedelta(days=count)


def token_of(number: str) -> Token:
    """The token of one identifier in any spelling."""
    (found,) = registered(number)
    return KEYS.tokeniser.token(found)


class Clock:
    """Stands still until it is moved."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, time: timedelta) -> None:
        self.now += time


class Vendor(MemoryStore):
    """A vendor in memory; `meanwhile` holds what happens, each once, as a cut arrives there and before it is made;
    `after_put`, what happens once a contact was put there.
    """

    def __init__(self, books: Sequence[str], **options: Any) -> None:
        super().__init__(books, **options)
        self.meanwhile: deque[Callable[[], object]] = deque()
        self.after_put: deque[Callable[[], object]] = deque()

    def _remove(self, place: Place, cuts: Sequence[Cut], match: Match) -> Sequence[Receipt]:
        if self.meanwhile:
            self.meanwhile.popleft()()
        return super()._remove(place, cuts, match)

    def _put(self, place: Place, put: Put, match: Match) -> PutReceipt:
        receipt = super()._put(place, put, match)
        if self.after_put:
            self.after_put.popleft()()
        return receipt

    def removals(self) -> int:
        """How many calls there were to remove something."""
        return sum(verb == "remove" for verb, _ in self.calls)


class YesVendor(Vendor):
    """Accepts every removal and removes nothing."""

    def _remove(self, place: Place, cuts: Sequence[Cut], match: Match) -> Sequence[Receipt]:
        before = copy.deepcopy(self.books)
        receipts = super()._remove(place, cuts, match)
        self.books = before
        return receipts


class KeepingVendor(Vendor):
    """Removes so that a copy is kept which can come back, and says so."""

    def _remove(self, place: Place, cuts: Sequence[Cut], match: Match) -> Sequence[Receipt]:
        return [replace(receipt, recoverable=True) for receipt in super()._remove(place, cuts, match)]


@dataclass(frozen=True)
class Told:
    """A case as the case system tells it; spells: (worker, from, until)."""

    number: str
    clients: tuple[str, ...] = ()
    workers: tuple[str, ...] = ("worker-1",)
    phase: Phase = Phase.INVESTIGATION
    closed_at: datetime | None = None
    recorded: bool | None = True
    linked: bool = True
    contact_class: ContactClass = ContactClass.CLIENT
    spells: tuple[tuple[str, datetime, datetime | None], ...] = ()
    moments: tuple[tuple[str, date], ...] = ()
    transferred_on: date | None = None
    monitoring_from: date | None = None

    def rows(self) -> Iterator[Row]:
        yield CaseRow(
            0, self.number, self.phase, date(2024, 1, 9), self.closed_at, self.recorded,
            transferred_on=self.transferred_on, monitoring_from=self.monitoring_from,
        )  # fmt: skip
        for letter, number in zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", self.clients, strict=False):
            yield ContactRow(0, self.number, letter, self.contact_class, number, None, self.linked)
        for worker in self.workers:
            yield AssignmentRow(0, self.number, worker, "case worker", datetime(2024, 1, 9, 8, tzinfo=UTC))
        for worker, since, until in self.spells:
            yield AssignmentRow(0, self.number, worker, "case worker", since, until)
        for worker, day in self.moments:
            yield MomentRow(0, self.number, worker, day)


def closed(number: str, *clients: str, ago: float = 60, **facts: Any) -> Told:
    """Finally closed that many days before NOW."""
    return Told(number, clients, phase=Phase.CLOSED, closed_at=NOW - days(ago), **facts)


@cache
def mapping(mode: Mode) -> CaseMapping:
    return load_mapping("generic-en").model_copy(update={"mode": mode})


class World:
    """worker-1, worker-2 and so on, each with a book at the vendor that one device reads; and all that acts need."""

    def __init__(
        self,
        store: Store,
        folder: Path,
        *,
        workers: int = 2,
        vendor: Vendor | None = None,
        demo: bool = True,
        policy: Policy = POLICY,
        founded: bool = False,
    ) -> None:
        """founded: the store holds such a world already."""
        self.folder, self.clock = folder, Clock()
        self.vendor = vendor or Vendor([f"book-{n}" for n in range(1, workers + 1)])
        self.told: dict[str, Told] = {}
        self.directory: tuple[ContactRow, ...] = ()
        self.context = Context(
            store=store,
            clock=self.clock,
            keys=KEYS,
            policy=policy,
            stores={"books": self.vendor},
            witnesses={},
            checkpoint_file=folder / "checkpoints.txt",
            lease=timedelta(seconds=120),
            engine="engine-1",
        )
        if founded:
            log_checkpoints.write_checkpoint(self.context, because=log_checkpoints.Because.INSTALLED)
        else:
            self._found(workers, demo=demo)

    def _found(self, workers: int, *, demo: bool) -> None:
        setup.found(self.context, "Organisation 1", demo=demo)
        setup.put_connection(
            self.context,
            name="books",
            vendor="memory",
            base_url="http://127.0.0.1/",
            login="service",
            secret_file="",
            kinds={"memory": replace(KINDS["carddav"], name="memory")},
        )
        rows = [f"worker-{n};Employer {n};team-1;books;book-{n};device-{n};phone-{n}\n" for n in range(1, workers + 1)]
        setup.import_places(self.context, "worker;employer;team;connection;address;devices;logins\n" + "".join(rows))

    # --- what happens around us ---------------------------------------------------------------------------------

    def book(self, worker: int = 1) -> MemoryBook:
        return self.vendor.books[f"book-{worker}"]

    def put(self, *numbers: str, worker: int = 1, ref: str = "", name: str = "") -> str:
        """A card with these numbers in a worker's book; returns its handle."""
        nth = len(self.book(worker).touched)
        ref = ref or f"card-{nth}.vcf"
        self.book(worker).put(ref, card(nth, *tel(*numbers), name=name))
        return ref

    def tell(self, *told: Told, mode: Mode = Mode.FULL, **how: bool) -> Intake:
        """The case system tells of these cases (in a full export: also of all it told of before), as of now."""
        self.told |= {each.number: each for each in told}
        cases = self.told.values() if mode is Mode.FULL else told
        return self.take_in([row for each in cases for row in each.rows()], mode=mode, **how)

    def take_in(
        self, rows: Sequence[Row], *, mode: Mode = Mode.FULL, as_of: datetime | None = None, **how: bool
    ) -> Intake:
        """An export with these rows is taken in."""
        chosen = mapping(mode)
        paths = write_rows([*rows, *self.directory], chosen, self.folder, self.clock.now)
        return intake.take_in(self.context, open_export(paths, chosen, as_of=as_of or self.clock.now), **how)

    def pass_(self, time: timedelta) -> None:
        """Time goes by, and the register is read again as it is."""
        self.clock.pass_(time)
        self.tell()

    # --- what is done -------------------------------------------------------------------------------------------

    def look(self, *, full: bool = False) -> Sequence[PlaceRead]:
        return look_at_all(self.context, full=full)

    def plan(self, *, full: bool = False) -> Pass:
        return planning.make_plan(self.context, full=full)

    def drain(self) -> Drained:
        return engine.drain(self.context, at_once=1)

    def verify(self) -> Verified:
        return verify.verify(self.context)

    def run(self) -> Drained:
        """A whole round: look, decide, carry out, look again."""
        done = engine.run_once(self.context, full=False, at_once=1).drained
        self.verify()
        return done

    def change(self, **policy: Any) -> None:
        """Another policy comes into force."""
        self.context = replace(self.context, policy=replace(self.context.policy, **policy))

    def hold(self, *, worker: str | None = None, case: str | None = None) -> str:
        """Set a hold at once, nobody waits."""
        return deviations_and_holds.set_hold(
            self.context,
            Role.INDEPENDENT_OFFICER,
            worker=worker,
            case=case,
            reason="invented reason",
            wait=lambda: False,
        ).uid

    def release(self, uid: str) -> None:
        """End a hold, as two people do."""
        for role in (Role.INDEPENDENT_OFFICER, Role.INVESTIGATOR):
            deviations_and_holds.release_hold(self.context, role, uid)

    def holds(self) -> Sequence[Hold]:
        """All holds as they lie sealed."""
        with self.context.store.read() as connection:
            found = hold_list.read(connection, KEYS.sealer)
        assert found is not None
        return found

    # --- what there is ------------------------------------------------------------------------------------------

    def rows(self, table: Any) -> Sequence[Any]:
        with self.context.store.read() as connection:
            return connection.execute(select(table).order_by(*table.primary_key)).all()

    def states(self) -> dict[State, int]:
        with self.context.store.read() as connection:
            return dict(orders.counts_by_state(connection))

    def order(self) -> Any:
        """The only order."""
        (row,) = self.rows(base.orders)
        return row

    def findings(self) -> list[str]:
        """Kinds of the open findings."""
        with self.context.store.read() as connection:
            return [row.kind.value for row in findings.read_findings(connection)]

    def conclude(self, uid: str, ends: Disposition, reason: str, *, by: Role = Role.PRIVACY_OFFICER) -> FindingRow:
        """Close a finding with what a person concluded."""
        (row,) = findings_desk.conclude(self.context, AtDesk(by), Chosen(uids=[uid]), ends, reason)
        return row

    def log(self) -> list[LogEntry]:
        with self.context.store.read() as connection:
            return [read_entry(text) for _, text, _ in log.entries(connection)]

    def logged(self, kind: EntryKind) -> list[Mapping[str, Any]]:
        """What entries of one kind said."""
        return [entry.body for entry in self.log() if entry.kind is kind]

    def proofs(self) -> list[str]:
        """Orders of which the log says that they are proven."""
        return [str(body["order"]) for body in self.logged(EntryKind.PROOF) if body.get("level") == "store_removed"]

    def report(self, role: Role = Role.PRIVACY_OFFICER) -> Report:
        today = self.context.today()
        return removal_report.removals(self.context, role, today - days(30), today)

    def figures(self) -> dict[str, Any]:
        return {figure.key: figure.value for figure in self.report().figures}

    def twin(self, databases: Databases, folder: Path) -> World:
        """Another world, the same to the last row and card, that goes its own way from here."""
        return self.continued(databases.copy(self.context.store), folder)

    def continued(self, store: Store, folder: Path) -> World:
        """This world from now on, on a store that holds the same rows; this one stays as it is."""
        other = copy.copy(self)
        other.folder, other.clock = folder, Clock(self.clock.now)
        other.told = dict(self.told)
        other.vendor = copy.copy(self.vendor)
        other.vendor.books = copy.deepcopy(self.vendor.books)
        other.vendor.calls, other.vendor.marks = list(self.vendor.calls), list(self.vendor.marks)
        other.vendor.fail_before, other.vendor.fail_after = deque(), deque()
        other.vendor.hidden, other.vendor.meanwhile = set(self.vendor.hidden), deque()
        other.context = replace(
            self.context,
            store=store,
            clock=other.clock,
            stores={"books": other.vendor},
            checkpoint_file=folder / "checkpoints.txt",
        )
        return other


def _counted(world: World) -> Tally:
    """All that reports count, but what is counted from the day of closure: worlds may differ in that, openly."""
    today = world.context.today()
    tally = counted.tally_of(world.context, Period(today - days(30), today))
    return replace(tally, took=(), undated=0)


def public(need: Need) -> tuple[object, ...]:
    """All of a need that anybody without clearance may see."""
    return need.decision, need.reason, need.policy, need.case


def visible(world: World, role: Role) -> dict[str, Any]:
    """All that this role can be shown: report, dry run, findings, waiting plans and counts."""
    passed = planning.rehearse(world.context, role)
    with world.context.store.read() as connection:
        waiting = orders.waiting_plans(connection)
    return {
        "items": [(item.id, item.worker, item.place, item.case, *public(item.need)) for item in passed.items],
        "decided": dict(passed.decided),
        "digest": passed.digest,
        "held_back": passed.held_back,
        "findings": [
            (row.kind, row.subject, row.worker, row.case, row.place, row.opened_at, row.disposition)
            for row in findings_desk.list_findings(world.context, role)
        ],
        "waiting": [(plan.made_at, plan.policy, plan.digest, plan.removals, plan.held_back) for plan in waiting],
        "states": world.states(),
        "report": canonical(world.report(role)).decode(),
        "counted": _counted(world),
    }


def open_lines(world: World) -> list[tuple[object, ...]]:
    """The log's entries but for restricted ones, with the random ids numbered in order of appearance."""
    names: dict[str, str] = {}

    def named(field: str, value: object) -> object:
        if field in ("plan", "look", "finding", "deviation") and isinstance(value, str):
            return names.setdefault(value, f"{field} {len(names)}")
        return value

    return [
        (entry.at, entry.kind, tuple((name, named(name, value)) for name, value in sorted(entry.body.items())))
        for entry in world.log()
        if entry.kind is not EntryKind.RESTRICTED
    ]


def without_digits(text: str) -> str:
    """Only what is not a digit: for looking whether a number is anywhere in a text."""
    return re.sub(r"\D", "", text)
