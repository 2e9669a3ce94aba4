"""The incident of DOMAIN 1 in invented data: what two people see of one worker, and what the same look costs of others.

Thirty-seven clients, most after closure, some in monitoring, some a colleague's. A smaller organisation than the real
one (a tenth of its workers), so that this runs in seconds; each worker has as many cases.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from server.core.channels import ContactFact, Ground
from server.core.model import Role
from server.sources.case_file import open_export
from server.sources.invented import invent, write_export
from server.sources.invented.usage import invent_usage, write_bill, write_contact_moments
from server.sources.mapping import load_mapping
from server.sources.usage_mapping import load_usage_mapping
from server.store import organisation as store_organisation
from server.store.database import Store
from server.work import evidence, intake, setup
from server.work.context import Context
from tests.work.desk import catalogue, rules
from tests.work.world import KEYS, POLICY, Clock

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


@pytest.mark.timeout(240)
def test_the_pattern_of_one_worker_is_there_to_see_and_the_price_of_looking_is_told(tmp_path: Path):
    invented = invent("incident", seed=3, now=NOW, factor=0.1)
    store = Store(f"sqlite:///{tmp_path / 'closeout.db'}")
    context = Context(store, Clock(NOW), KEYS, POLICY, {}, {}, tmp_path / "heads.txt")
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
    mapping = load_mapping("generic-en")
    exported = write_export(invented, tmp_path, "generic-en")
    assert intake.take_in(context, open_export(exported, mapping), confirmed=True).outcome is intake.Outcome.APPLIED
    calls = invent_usage(invented)
    consented = rules(consent="C-1")
    for file, name in (
        (write_bill(invented, calls, tmp_path), "invented-telecom-bill"),
        (write_contact_moments(calls, tmp_path), "contact-moments"),
    ):
        taken = evidence.take_in_usage(context, [file], load_usage_mapping(name), catalogue(), consented)
        assert (taken.outcome, taken.fault_count, taken.unattributable) == (evidence.UsageOutcome.APPLIED, 0, 0)

    found = evidence.contact_facts(
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
    ((planted, _), *_) = invented.planted
    of_worker: dict[str, list[ContactFact]] = {worker.ref: [] for worker in invented.workers}
    for fact in found.facts:
        of_worker[ids[fact.worker]].append(fact)
    theirs = of_worker.pop(planted)
    cases = {fact.case for fact in theirs}
    outgoing = sum(fact.outgoing for fact in theirs)
    others = {worker: len({fact.case for fact in facts}) for worker, facts in of_worker.items()}
    others_outgoing = max(sum(fact.outgoing for fact in facts) for facts in of_worker.values())
    price = (
        f"{len(invented.planted)} clients planted; cases with contacts without a known reason: {len(cases)} of the "
        f"worker and {sum(others.values())} of {len(others)} other workers together, {max(others.values())} at most"
    )
    grounds = {fact.ground for fact in theirs}
    assert len(cases) >= 0.8 * len(invented.planted), price
    assert {Ground.AFTER_CLOSURE, Ground.MONITORING_OUTSIDE} <= grounds, price
    assert any(not fact.was_assigned for fact in theirs), price
    assert outgoing > 3 * others_outgoing, price
    assert max(others.values()) < len(cases) / 2, price
    assert sum(others.values()) / len(others) < 12, price
    print(price)  # noqa: T201  the number the README tells
    store.close()
