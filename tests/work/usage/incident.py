"""The incident of DOMAIN 1 laid out in invented data, and the look of two people at it; no assertion is made here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from server.core.model import Role
from server.core.usage.channels import ContactFact, Ground
from server.sources.case_file import open_export
from server.sources.invented import invent, write_export
from server.sources.invented.usage import invent_usage, write_bill, write_contact_moments
from server.sources.mapping import load_mapping
from server.sources.usage_mapping import load_usage_mapping
from server.store.admin import organisation as store_organisation
from server.store.database import Store
from server.work.admin import setup
from server.work.context import Context
from server.work.register import intake
from server.work.usage import feeds
from tests.work.desk import catalogue, days_of, rules
from tests.work.world import KEYS, POLICY, Clock

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Pattern:
    """What the look came to. planted: clients of the incident. theirs: facts about its worker. others: of each other
    worker, those with none included. rows: of the feeds taken in.
    """

    planted: int
    theirs: Sequence[ContactFact]
    others: Mapping[str, Sequence[ContactFact]]
    rows: int

    def price(self) -> dict[str, object]:
        """Findings about the one worker, and what the same look says about all the others, none of whom did anything
        but their work.
        """
        cases = {worker: len({fact.case for fact in facts}) for worker, facts in self.others.items()}
        outgoing = sorted((sum(fact.outgoing for fact in facts) for facts in self.others.values()), reverse=True)
        own = sum(fact.outgoing for fact in self.theirs)
        return {
            "clients_planted": self.planted,
            "cases_of_the_worker": len({fact.case for fact in self.theirs}),
            "outgoing_of_the_worker": own,
            "other_workers": len(cases),
            "others_with_any_case": sum(count > 0 for count in cases.values()),
            "cases_of_the_others_together": sum(cases.values()),
            "cases_of_another_at_most": max(cases.values()),
            "cases_of_another_on_average": round(sum(cases.values()) / len(cases), 1),
            "outgoing_of_another_at_most": outgoing[0],
            "others_with_half_as_many_outgoing": sum(each * 2 >= own for each in outgoing),
            "cases_of_the_others_by_ground": dict(
                sorted(Counter(fact.ground.value for facts in self.others.values() for fact in facts).items())
            ),
        }

    def grounds(self) -> frozenset[Ground]:
        """Every ground among the facts about the one worker."""
        return frozenset(fact.ground for fact in self.theirs)


def look_at_the_incident(folder: Path, factor: float) -> Pattern:
    """Invent the organisation (130 workers at factor 1; each has as many cases at any), take its register and feeds in,
    and look at three months with two people.
    """
    invented = invent("incident", seed=3, now=NOW, factor=factor)
    store = Store(f"sqlite:///{folder / 'closeout.db'}")
    context = Context(store, Clock(NOW), KEYS, POLICY, {}, {}, folder / "heads.txt")
    setup.found(context, "Invented organisation", demo=True)
    with store.write() as connection:
        employer = store_organisation.employer_named(connection, "Invented employer")
        to = store_organisation.put_connection(
            connection,
            {"name": "b", "vendor": "memory", "base_url": "http://127.0.0.1/", "login": "", "secret_file": "",
             "demo": True},
        )  # fmt: skip
        ids = {}
        for worker in invented.workers:
            number = store_organisation.put_worker(connection, worker.ref, employer, "team-1")
            ids[number] = worker.ref
            phones = {each.ref: "" for each in invented.devices if each.worker == worker.ref}
            store_organisation.put_place(
                connection, uid=worker.ref, connection_id=to, worker_id=number, address=worker.ref, devices=phones
            )
    exported = write_export(invented, folder, "generic-en")
    applied = intake.take_in(context, open_export(exported, load_mapping("generic-en")), confirmed=True)
    assert applied.outcome is intake.IntakeOutcome.APPLIED
    calls = invent_usage(invented)
    consented = rules(consent="C-1")
    rows = 0
    for file, name in (
        (write_bill(invented, calls, folder), "invented-telecom-bill"),
        (write_contact_moments(calls, folder), "contact-moments"),
    ):
        taken = feeds.take_in_usage(
            context,
            [file],
            load_usage_mapping(name),
            catalogue(),
            consented,
            period=days_of(file, today=context.today()),
        )
        assert (taken.outcome, taken.fault_count, taken.unattributable) == (feeds.UsageOutcome.APPLIED, 0, 0)
        rows += taken.rows
    found = feeds.contact_facts(
        context,
        consented,
        asked_by="account-1",
        asked_as=Role.PRIVACY_OFFICER,
        seconded_by="account-2",
        seconded_as=Role.INDEPENDENT_OFFICER,
        reason="inquiry 1",
        first=(NOW - timedelta(days=90)).date(),
        last=NOW.date(),
    )
    store.close()
    ((planted, _), *_) = invented.planted
    of_worker: dict[str, list[ContactFact]] = {worker.ref: [] for worker in invented.workers}
    for fact in found.facts:
        of_worker[ids[fact.worker]].append(fact)
    theirs = of_worker.pop(planted)
    return Pattern(len(invented.planted), theirs, of_worker, rows)
