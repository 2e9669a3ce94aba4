"""The invented organisation `tiny` after two weeks of work, behind the pages; the vendor is in memory."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

from argon2 import PasswordHasher
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Flask
from sqlalchemy import select

from mdm_adapters.port import Denied, DeviceFetch, Fault, SyncWitness
from server import app as root
from server.core.identity.tokens import Tokeniser
from server.core.model import Role, Tier
from server.core.policy.document import PolicyDocument
from server.core.policy.load import check
from server.core.policy.model import ConfirmedBy, Policy, TierLimit
from server.core.usage.channel_catalogue import Catalogue
from server.core.usage.evidence_rules import EvidenceRules
from server.core.usage.model import Confidence, Direction, Quantity
from server.settings import read_settings
from server.sources.case_file import open_export
from server.sources.invented import Organisation, invent, write_export
from server.sources.invented.usage import invent_usage, write_bill, write_contact_moments
from server.sources.mapping import load_mapping
from server.sources.usage_mapping import load_usage_mapping
from server.store.admin.accounts import AccountRow
from server.store.database import Store
from server.store.schema import base, usage
from server.store.seal import Sealer
from server.store.usage import subjects
from server.web.config import Site
from server.web.factory import create_app
from server.work.admin import access, log_checkpoints, setup
from server.work.context import Context, Keys
from server.work.register import intake
from server.work.removal import engine, plan, verify
from server.work.removal.policy_changes import PolicyShelf
from server.work.removal.sync import look_at_all
from server.work.usage import declarations, feeds
from tests.quick import PAGES
from tests.store.fixtures import lay_tables
from tests.vendors.memory import MemoryBook, MemoryStore
from tests.work.desk import days_of

NOW = datetime(2026, 3, 17, 10, 30, tzinfo=UTC)
KEYS = Keys(Tokeniser(b"t" * 32), Sealer(b"s" * 32), Ed25519PrivateKey.from_private_bytes(b"k" * 32))
POLICY = Policy(
    planned_months=(3, 12),
    version="veilig-thuis-2026-1",
    grace_days=14,
    staleness_hours=24 * 30,
    monitoring_window_days=14,
    require_recorded=True,
    former_number_days=365,
    tombstone_days=365,
    max_removals=10_000,
    max_share=1.0,
    max_closures_factor=10.0,
    case_numbers=(r"\b[0-9]{6}\b",),
    deviation_tiers=(
        TierLimit(Tier.SELF, 28, partner_required=False),
        TierLimit(Tier.CONSULT, 91, partner_required=True),
        TierLimit(Tier.BOARD, 365, partner_required=True),
    ),
    closure_confirmed_by=ConfirmedBy.WORK_SUPERVISOR,
)
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
"""argon2id with hardly any work: for tests alone."""
PASSWORD = "an invented long password"
URL = "http://localhost"
BOOKS = ("books", "books-2")


POLICIES = Path(__file__).parents[2] / "agent_policies"


SHIPPED = read_settings({}, home=POLICIES / "no such installation")
"""Settings of an installation that has no files of its own."""


@cache
def evidence_rules() -> EvidenceRules:
    """The shipped rules about evidence."""
    return root.read_evidence(SHIPPED)


@cache
def checked_policy(text: str) -> PolicyDocument:
    """A sound policy from its text."""
    document = check(text, "policy.yaml").document
    assert document is not None
    return document


@cache
def channel_catalogue() -> Catalogue:
    """The shipped catalogue of channels."""
    return root.read_catalogue(SHIPPED)


class Clock:
    """Stands still until it is moved."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def pass_(self, **time: float) -> None:
        self.now += timedelta(**time)


class Fetches(SyncWitness):
    """Says which devices fetched after the look they name."""

    def __init__(self) -> None:
        self.seen: list[DeviceFetch] = []

    def read(self, cursor: str | None) -> tuple[Sequence[DeviceFetch], str]:
        done = int(cursor or 0)
        return self.seen[done:], str(len(self.seen))


@dataclass
class Town:
    """An installation with people at work; `site` and `app` are its pages."""

    folder: Path
    url: str
    clock: Clock
    vendors: dict[str, MemoryStore]
    policy: Policy = POLICY
    consent: str | None = None
    """Where the consent to looking at contacts by name is kept; the shipped rules name none."""
    smallest_group: int | None = None
    """About how many people a figure is at the least; None: as the shipped rules say."""
    store: Store = field(init=False)

    def __post_init__(self) -> None:
        self.store = Store(self.url)

    @property
    def context(self) -> Context:
        return Context(
            store=self.store,
            clock=self.clock,
            keys=KEYS,
            policy=self.policy,
            stores=self.vendors,
            witnesses={},
            checkpoint_file=self.folder / "checkpoints.txt",
            evidence=self.evidence_rules,
            catalogue=channel_catalogue,
        )

    def evidence_rules(self) -> EvidenceRules:
        """The shipped rules about evidence, and the consent of this town."""
        rules = evidence_rules()
        smallest = self.smallest_group or rules.smallest_group
        return replace(rules, smallest_group=smallest, channels=replace(rules.channels, consent=self.consent))

    def make_app(self, **changes: Any) -> Flask:
        """The pages of this town; changes: to its site."""
        values: dict[str, Any] = {
            "url": URL,
            "secret": b"f" * 32,
            "picker": False,
            "kinds": root.KINDS,
            "secrets": self.folder / "secrets",
            "policies": self.shelf,
            "language": "en",
            "hasher": QUICK,
            "sign_in_rate": "1000 per minute",
            "sign_in_rate_name": "1000 per minute",
            "costly_rate": "100000 per minute",
        }
        app = create_app(Site(**(values | changes)), lambda: self.context)
        app.jinja_env.bytecode_cache = PAGES
        return app

    @property
    def shelf(self) -> PolicyShelf:
        """Where its policy lies."""
        return PolicyShelf(self.policy_in_force, self.policy_text, self.put_policy)

    def policy_text(self) -> tuple[str, str]:
        """The policy file: the town's own, else the one that is shipped."""
        own = self.folder / "policy.yaml"
        file = own if own.exists() else POLICIES / "veilig-thuis.yaml"
        return file.read_text("utf-8"), file.name

    def policy_in_force(self) -> PolicyDocument:
        """It, read and checked."""
        return checked_policy(self.policy_text()[0])

    def put_policy(self, text: str) -> None:
        """Put another in its place."""
        (self.folder / "policy.yaml").write_text(text, "utf-8")

    def close(self) -> None:
        self.store.close()


def found_town(folder: Path, url: str, *, demo: bool = True) -> Town:
    """An installation without anything in it."""
    folder.mkdir(parents=True, exist_ok=True)
    lay_tables(url)
    town = Town(folder, url, Clock(NOW - timedelta(days=14)), {})
    setup.found(town.context, "Invented organisation tiny", demo=demo)
    log_checkpoints.write_checkpoint(town.context)
    return town


def build_town(folder: Path, url: str) -> Town:
    """Two weeks of the organisation: the backlog goes, more follows, a store refuses three, and one plan waits."""
    organisation = invent("tiny", seed=1, now=NOW - timedelta(days=14))
    town = found_town(folder, url)
    _connect(town, organisation)
    witness = Fetches()
    context = replace(town.context, witnesses={"books": witness, "books-2": witness})
    _take_in(town, organisation, folder)
    engine.run_once(context, full=True, at_once=1)
    verify.verify(context)
    _let_phones_fetch(town, organisation, witness)
    town.clock.pass_(minutes=20)
    verify.hear_witnesses(context)
    for day in (12, 13, 14):
        town.clock.now = NOW - timedelta(days=14 - day)
        _take_in(town, organisation.seen_at(town.clock()), folder)
        look_at_all(context, full=True)
        plan.make_plan(replace(context, policy=_careful() if day == 14 else POLICY), full=True)
        if day > 12:
            _refuse_once(town)
        engine.drain(context, at_once=1)
        verify.verify(context)
    _let_people_sign(town, organisation, folder)
    log_checkpoints.write_checkpoint(context)
    return town


def _let_people_sign(town: Town, organisation: Organisation, folder: Path) -> None:
    """Who works where signed for the first phones, some long ago; the operator's bill of five months is taken in."""
    rules, catalogue = evidence_rules(), channel_catalogue()
    calls = invent_usage(organisation, days=150)
    for name, file in (
        ("invented-telecom-bill", write_bill(organisation, calls, folder)),
        ("contact-moments", write_contact_moments(calls, folder)),
    ):
        taken = feeds.take_in_usage(
            town.context,
            [file],
            load_usage_mapping(name),
            catalogue,
            rules,
            period=days_of(file, today=date(2030, 1, 1)),
        )
        assert taken.rows, taken
    lines = ["device,worker,text,signed_on,countersigned_on,countersigned_by,held_from,loan_agreement"]
    for nth, device in enumerate(organisation.devices[:5]):
        counter = "2026-01-12,head of unit 1" if nth % 2 == 0 else ","
        lines.append(f"{device.ref},{device.worker},gebruiksverklaring-1,2026-01-12,{counter},2026-01-05,loan {nth}")
    declarations.import_list(town.context, rules, Role.PRIVACY_OFFICER, "\n".join(lines))
    declarations.list_declarations(town.context, rules)
    declarations.contest(
        town.context, Role.WORKER, organisation.devices[0].ref, Quantity.CALLS, "Calls for a colleague."
    )


def _careful() -> Policy:
    """The same policy, by which a plan of more than five removals waits."""
    return replace(POLICY, max_removals=5)


def _refuse_once(town: Town) -> None:
    """Whatever is asked of any store next, it knows the login and says no."""
    for vendor in town.vendors.values():
        vendor.fail_before.append(Denied(Fault.FORBIDDEN, status=403))


def _let_phones_fetch(town: Town, organisation: Organisation, witness: Fetches) -> None:
    """What phones do at their next sync, seen by the store; the silent ones do not."""
    for device in organisation.devices:
        if not device.silent:
            with town.store.read() as connection:
                found = connection.execute(
                    select(base.look.c.uid)
                    .join(base.place, base.place.c.id == base.look.c.place_id)
                    .where(base.place.c.address == device.worker)
                    .order_by(base.look.c.at.desc(), base.look.c.version.desc())
                ).first()
            if found is not None:
                witness.seen.append(DeviceFetch(device.ref, device.worker, found.uid))


def known_account(town: Town, role: Role, worker: str, *, nth: int = 1) -> AccountRow:
    """The stand-in for a role, of whom it is known which worker they are."""
    name = access.demo_account(town.context, role, nth=nth).name
    access.link_account(town.context, str(name), worker)
    return access.demo_account(town.context, role, nth=nth)


def tell_of_a_contact(town: Town, worker: str, case: int, day: date) -> None:
    """As if a feed had told that a worker called a client of that case, in a town with consent."""
    with town.store.write() as connection:
        feed, run = connection.execute(select(usage.usage_run.c.feed_id, usage.usage_run.c.id).limit(1)).one()
        account = subjects.subjects(connection, "account", day, "observation")[worker]
        connection.execute(
            usage.client_contact.insert().values(
                subject_id=account.id,
                case_id=case,
                day=day.toordinal(),
                feed_id=feed,
                run_id=run,
                channel="",
                direction=Direction.OUT.value,
                confidence=Confidence.MEASURED.value,
                count=2,
            )
        )


def figures_of(town: Town) -> list[int]:
    """What the overview must show, counted row by row: removed, under way, overdue, stuck."""
    with town.store.read() as connection:
        orders = connection.execute(select(base.orders)).all()
    still = [each for each in orders if each.state not in ("done", "stopped")]
    return [
        sum(each.state == "done" for each in orders),
        sum(each.state in ("waiting", "ready", "calling", "checking") for each in still),
        sum(town.clock.now - each.planned_at >= timedelta(days=3) for each in still),
        sum(each.state == "person" or each.fault == "forbidden" for each in still),
    ]


def copy_town(town: Town, folder: Path) -> Town:
    """The same town again, in a folder of its own: on SQLite."""
    folder.mkdir(parents=True, exist_ok=True)
    source = str(town.store.engine.url.database)
    town.store.close()
    shutil.copy(source, folder / "closeout.db")
    if (town.folder / "checkpoints.txt").exists():
        shutil.copy(town.folder / "checkpoints.txt", folder / "checkpoints.txt")
    vendors = {name: _copy_vendor(vendor) for name, vendor in town.vendors.items()}
    return Town(folder, f"sqlite:///{folder / 'closeout.db'}", Clock(town.clock.now), vendors)


def _copy_vendor(vendor: MemoryStore) -> MemoryStore:
    made = MemoryStore(vendor.books)
    for address, book in vendor.books.items():
        made.books[address].cards = dict(book.cards)
        made.books[address].touched = list(book.touched)
    return made


def _connect(town: Town, organisation: Organisation) -> None:
    """Three workers' books at one store, two at another."""
    lines = ["worker;employer;team;connection;address;devices;logins"]
    for name in BOOKS:
        setup.put_connection(
            town.context,
            name=name,
            vendor="carddav",
            base_url="http://127.0.0.1:5232/",
            login="service",
            secret_file="",
            kinds=root.KINDS,
        )
        town.vendors[name] = MemoryStore()
    for nth, worker in enumerate(organisation.workers):
        name = BOOKS[nth >= 3]
        phones = " ".join(each.ref for each in organisation.devices if each.worker == worker.ref)
        lines.append(f"{worker.ref};Employer 1;team {nth % 2 + 1};{name};{worker.ref};{phones};{phones}")
        town.vendors[name].books[worker.ref] = _book(organisation.books[worker.ref])
    setup.import_places(town.context, "\n".join(lines))


def _book(cards: Sequence[bytes]) -> MemoryBook:
    book = MemoryBook()
    for nth, body in enumerate(cards):
        book.put(f"card-{nth}.vcf", body)
    return book


def _take_in(town: Town, organisation: Organisation, folder: Path) -> None:
    files = write_export(organisation, folder, "generic-en")
    taken = intake.take_in(town.context, open_export(files, load_mapping("generic-en")), confirmed=True)
    assert taken.applied is not None, taken
