"""A small organisation for tests of evidence: three workers with a phone each, a register, feeds as files."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select

from server.core.model import ContactClass, GateScope, Phase
from server.core.usage.channel_catalogue import Catalogue, check_catalogue
from server.core.usage.declaration_text import check_text
from server.core.usage.evidence_rules import EvidenceRules, check_evidence
from server.sources.case_file import open_export
from server.sources.file_period import Days
from server.sources.mapping import load_mapping
from server.sources.rows import AssignmentRow, CaseRow, ContactRow, MomentRow
from server.sources.usage_mapping import load_usage_mapping
from server.sources.writing import write_rows
from server.store.admin import organisation
from server.store.database import Store
from server.store.schema.usage import client_contact, usage_day, usage_kind, usage_month
from server.store.usage.sums import read_runs
from server.work.admin import setup
from server.work.context import Context
from server.work.register import intake
from server.work.usage import feeds
from server.work.usage.feeds import UsageTaken
from tests.gates import whole_gate
from tests.store.fixtures import lay_tables
from tests.work.world import KEYS, POLICY, Clock

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
TODAY = NOW.date()
POLICIES = Path(__file__).parents[2] / "agent_policies"
CLIENT, FORMER, COLLEAGUE, PROFESSIONAL, STRANGER = (
    "06-12345601",
    "06-12345602",
    "06-55550001",
    "020-1230001",
    "06-43210001",
)


def catalogue() -> Catalogue:
    found = check_catalogue((POLICIES / "channels" / "veilig-thuis.yaml").read_text("utf-8"), "x.yaml").catalogue
    assert found is not None
    return found


def rules(*, consent: str | None = None) -> EvidenceRules:
    texts = [check_text(file.read_text("utf-8"), file.name).text for file in (POLICIES / "declarations").glob("*/*.md")]
    found = check_evidence(
        (POLICIES / "evidence" / "veilig-thuis.yaml").read_text("utf-8"), "x.yaml", [each for each in texts if each]
    ).rules
    assert found is not None
    return replace(found, channels=replace(found.channels, consent=consent))


@dataclass
class Office:
    """The organisation with its clock."""

    context: Context
    clock: Clock
    folder: Path

    def bill(self, *rows: str, name: str = "bill.csv") -> Path:
        """An itemised bill: device;day;number;direction;seconds."""
        file = self.folder / name
        file.write_text("Toestel;Datum en tijd;Ander nummer;Richting;Duur in seconden\n" + "\n".join(rows) + "\n")
        return file

    def moments(self, *rows: str, name: str = "moments.csv", header: str = "") -> Path:
        """Contact moments: worker;day;channel;class;case;direction."""
        file = self.folder / name
        head = header or "Medewerker;Datum;Kanaal;Soort betrokkene;Zaaknummer;Richting"
        file.write_text(head + "\n" + "\n".join(rows) + "\n")
        return file

    def take_in(
        self,
        *files: Path,
        mapping: str = "invented-telecom-bill",
        partial: bool = False,
        consent: str | None = None,
        period: Days | None = None,
        sure: bool = True,
        confirm: str = "",
        **how: Any,
    ) -> UsageTaken:
        """Take files in. period: unless said, from the first to the last day in them. sure: a yes to what is asked."""
        chosen = load_usage_mapping(mapping)
        how |= {"partial": partial, "period": period or days_of(*files)}

        def take(word: str) -> UsageTaken:
            given = rules(consent=consent)
            return feeds.take_in_usage(self.context, files, chosen, catalogue(), given, confirmed=word, **how)

        taken = take(confirm)
        return take(taken.confirm) if sure and taken.confirm else taken

    def sums(self) -> list[tuple[str, str, str, str, str, int]]:
        """Daily sums as (day, quantity, counterparty, use, channel, amount)."""
        query = (
            select(usage_day.c.day, usage_kind, usage_day.c.amount)
            .join(usage_kind, usage_kind.c.id == usage_day.c.kind_id)
            .order_by(usage_day.c.day, usage_kind.c.quantity, usage_kind.c.counterparty, usage_day.c.amount)
        )
        with self.context.store.read() as connection:
            return [
                (str(date.fromordinal(r.day)), r.quantity, r.counterparty, r.use, r.channel, r.amount)
                for r in connection.execute(query)
            ]

    def runs(self) -> set[tuple[str, date | None, date | None]]:
        """Of each file in use which digest it has and of which days it tells."""
        with self.context.store.read() as connection:
            return {(run.digest, run.first, run.last) for run in read_runs(connection) if not run.withdrawn}

    def everything(self) -> dict[str, list[tuple[object, ...]]]:
        """The rows of every table of usage; with which file they came is left out."""
        with self.context.store.read() as connection:
            return {
                table.name: sorted(
                    tuple(row)
                    for row in connection.execute(select(*(each for each in table.c if each.name != "run_id")))
                )
                for table in (usage_day, usage_month, client_contact)
            }


def days_of(*files: Path, today: date = TODAY) -> Days | None:
    """From the first to the last day that is written in some files and has come."""
    texts = [file.read_text("utf-8", errors="replace") for file in files if file.exists()]
    days = [date.fromisoformat(each) for text in texts for each in re.findall(r"20\d\d-\d\d-\d\d", text)]
    come = [day for day in days if day <= today]
    return (min(come), max(come)) if come else None


def open_office(url: str, folder: Path, *, demo: bool = True, workers: int = 3) -> Office:
    lay_tables(url)
    store = Store(url)
    clock = Clock(NOW)
    context = Context(
        store=store,
        clock=clock,
        keys=KEYS,
        policy=POLICY,
        stores={},
        witnesses={},
        checkpoint_file=folder / "heads.txt",
    )
    setup.found(context, "Invented organisation", demo=demo)
    with store.write() as connection:
        employer = organisation.employer_named(connection, "Invented employer")
        to = organisation.put_connection(
            connection,
            {"name": "books", "vendor": "memory", "base_url": "http://127.0.0.1/", "login": "", "secret_file": "",
             "demo": demo},
        )  # fmt: skip
        for n in range(1, workers + 1):
            number = organisation.put_worker(connection, f"worker-{n}", employer, f"team-{1 if n % 2 else 2}")
            organisation.put_place(
                connection, uid=f"place-{n}", connection_id=to, worker_id=number, address=f"book-{n}",
                devices={f"device-{n}": f"phone-{n}"},
            )  # fmt: skip
    take_in_register(context, folder)
    return Office(context, clock, folder)


def take_in_register(context: Context, folder: Path) -> None:
    """One open case, one closed sixty days ago, one in monitoring; a colleague and a professional."""
    ago = NOW - timedelta(days=200)
    closed = NOW - timedelta(days=60)
    rows = [
        CaseRow(2, "111111", Phase.INVESTIGATION, ago.date(), None, recorded=True),
        CaseRow(3, "222222", Phase.CLOSED, ago.date(), closed, recorded=True),
        ContactRow(2, "111111", "A", ContactClass.CLIENT, CLIENT),
        ContactRow(3, "222222", "A", ContactClass.CLIENT, FORMER),
        ContactRow(4, None, None, ContactClass.COLLEAGUE, COLLEAGUE),
        ContactRow(5, None, None, ContactClass.PROFESSIONAL, PROFESSIONAL),
        AssignmentRow(2, "111111", "worker-1", "case worker", ago, None),
        AssignmentRow(3, "222222", "worker-1", "case worker", ago, closed),
        MomentRow(2, "222222", "worker-1", (closed - timedelta(days=30)).date()),
    ]
    where = folder / "register"
    where.mkdir(exist_ok=True)
    mapping = load_mapping("generic-en")
    taken = intake.take_in(context, open_export(write_rows(rows, mapping, where, NOW), mapping), confirmed=True)
    assert taken.outcome is intake.IntakeOutcome.APPLIED, taken


def open_gate(context: Context, scope: GateScope, employer: str = "Invented employer") -> None:
    until = (NOW + timedelta(days=300)).date()
    setup.record_gate(context, whole_gate(employer, until, until, scope), "it_administrator")
