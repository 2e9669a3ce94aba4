"""What Prometheus is told at `/metrics`: what the tables hold, to a token of its own, and the same whatever is held."""

from __future__ import annotations

import re
import shutil
import subprocess
from datetime import timedelta

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_prometheus
from sqlalchemy import func, select

from server.core.model import FindingKind
from server.core.reports.metrics import METRICS, MetricKind, in_tens
from server.store.database import StoreProblem, StoreUnavailableError
from server.store.schema import base
from server.store.schema.running import work_count
from server.work.admin import access, log_checkpoints
from server.work.removal import plan
from server.work.reports.metrics import KEPT, KeptMetrics
from tests.conftest import part_missing
from tests.web.conftest import Browser
from tests.web.test_silence import hold_case, pair_that_goes, twins
from tests.web.town import Town

__all__ = ["twins"]
OPENMETRICS = "application/openmetrics-text; version=1.0.0"
TIMED = {"closeout_collecting_seconds"}
"""What no two scrapes share."""


def scrape(town: Town, app=None, accept: str = "") -> str:
    """What a program with a token for it is told."""
    with town.store.write() as connection:
        connection.execute(base.api_token.delete().where(base.api_token.c.name == "scrape"))
    token = access.make_token(town.context, "scrape", [access.Scope.METRICS], days=30)
    answer = Browser(app or town.make_app()).get(
        "/metrics", headers={"Authorization": f"Bearer {token}", "Accept": accept}
    )
    assert answer.status_code == 200
    return answer.text


def values(text: str) -> dict[tuple[str, ...], float]:
    """Every value by the name of its metric and its labels, as Prometheus' own parser reads them."""
    return {
        (sample.name, *(sample.labels[label] for label in sorted(sample.labels))): sample.value
        for family in read_prometheus(text)
        for sample in family.samples
        if sample.name not in TIMED
    }


def counted(town: Town, column, *where) -> dict[str, int]:
    with town.store.read() as connection:
        return dict(connection.execute(select(column, func.count()).where(*where).group_by(column)).all())


def test_the_scrape_is_what_the_tables_hold(town):
    town.clock.now += timedelta(hours=2)
    told = values(scrape(town))
    states = counted(town, base.orders.c.state)
    kinds = counted(town, base.finding.c.kind, base.finding.c.closed_at.is_(None))
    with town.store.read() as connection:
        size = connection.execute(select(func.count()).select_from(base.log_entry)).scalar_one()
        proven = connection.execute(
            select(func.count()).select_from(base.orders).where(base.orders.c.settled_at.is_not(None))
        ).scalar_one()
        places = connection.execute(select(func.count()).select_from(base.place)).scalar_one()
    shown = {state: in_tens(states.get(state, 0)) for state in ("waiting", "ready", "calling", "checking", "person")}
    assert {key[1]: value for key, value in told.items() if key[0] == "closeout_orders"} == shown
    assert shown["waiting"] > 0
    assert shown["person"] > 0
    assert {key[1]: value for key, value in told.items() if key[0] == "closeout_findings"} == {
        kind: kinds.get(kind, 0) for kind in FindingKind
    }
    assert told["closeout_log_entries",] == size
    assert told["closeout_log_signed_entries",] == log_checkpoints.newest_checkpoint(town.context).size
    assert told["closeout_proofs_total", "carddav"] == proven > 0
    assert told["closeout_places",] == places
    assert told["closeout_register_age_seconds", "case-system"] == 7200
    assert told["closeout_engine_last_sign_age_seconds",] == 7200
    assert told["closeout_removing_refused",] == 0


def test_what_stores_answered_is_counted_as_the_log_has_it(town):
    told = values(scrape(town))
    receipts: dict[str, int] = {}
    with town.store.read() as connection:
        lines = connection.execute(select(base.log_entry.c.canonical)).scalars().all()
    for line in lines:
        kind = re.search(rb'"kind":"(\w+)"', line)[1]
        outcome = re.search(rb'"outcome":"(\w+)"', line)
        if kind == b"receipt" and outcome[1] != b"deferred":
            fault = re.search(rb'"fault":"(\w+)"', line)
            name = (fault or outcome)[1].decode()
            receipts[name] = receipts.get(name, 0) + 1
    # Labels stand in the order of their names: the answer, then the vendor.
    assert {key[1]: value for key, value in told.items() if key[0] == "closeout_order_answers_total"} == receipts
    assert receipts


def test_what_is_not_known_has_no_value(empty_town):
    told = values(scrape(empty_town))
    assert [
        key for key in told if key[0] in ("closeout_register_age_seconds", "closeout_last_pass_timestamp_seconds")
    ] == []
    assert ("closeout_engine_last_sign_age_seconds",) not in told
    assert told["closeout_oldest_due_order_age_seconds",] == 0


@pytest.mark.parametrize(("accept", "read"), [("", read_prometheus), (OPENMETRICS, read_openmetrics)])
def test_each_reader_has_its_own_form_with_every_metric_of_the_table(town, accept, read):
    families = {family.name: family for family in read(scrape(town, accept=accept))}
    # In both forms a counter's family goes without the ending of its values.
    table = {each.name.removesuffix("_total"): each for each in METRICS}
    assert list(families) == list(table)
    for name, family in families.items():
        assert family.type == table[name].kind.value
        assert family.documentation == table[name].says
        assert all(set(sample.labels) == set(table[name].labels) for sample in family.samples)
    assert all(each.name.endswith("_total") == (each.kind is MetricKind.COUNTER) for each in METRICS)


def test_promtool_finds_nothing_to_say(town):
    promtool = shutil.which("promtool") or part_missing("no promtool on this machine (Debian: prometheus)")
    said = subprocess.run(
        [promtool, "check", "metrics"], input=scrape(town), text=True, capture_output=True, check=False
    )
    assert (said.returncode, said.stderr) == (0, "")


def test_a_token_for_one_thing_opens_no_other(town, stranger):
    ours = access.make_token(town.context, "prometheus", [access.Scope.METRICS], days=30)
    other = access.make_token(town.context, "monitoring", [access.Scope.STATUS], days=30)
    both = access.make_token(town.context, "all", [access.Scope.METRICS, access.Scope.STATUS], days=30)

    def asked(path: str, token: str) -> int:
        return stranger.get(path, headers={"Authorization": f"Bearer {token}"}).status_code

    assert [(asked("/metrics", each), asked("/api/status", each)) for each in (ours, other, both)] == [
        (200, 401),
        (401, 200),
        (200, 200),
    ]
    assert stranger.get("/metrics").status_code == 401


def test_nobody_who_is_signed_in_reads_them_without_a_token(enter):
    for role in ("it_administrator", "privacy_officer"):
        assert enter(access.Role(role)).get("/metrics").status_code == 401


def test_a_scrape_is_the_same_with_a_hold_and_with_an_ordinary_postponement(twins):
    held, benign, _ = twins()
    assert values(scrape(held)) == values(scrape(benign))


def test_setting_a_hold_changes_no_value_but_the_size_of_the_log(town):
    app = town.make_app()
    before = values(scrape(town, app))
    hold_case(town, pair_that_goes(town))
    after = values(scrape(town, app))
    moved = {key for key in before | after if before.get(key) != after.get(key)}
    assert moved <= {("closeout_log_entries",), ("closeout_log_unsigned_age_seconds",)}


def test_a_pass_that_only_postpones_again_is_not_counted(town):
    plan.make_plan(town.context)
    before = values(scrape(town))
    town.clock.now += timedelta(minutes=1)
    with town.store.write() as connection:
        connection.execute(base.pair.update().where(base.pair.c.decision == "defer").values(due_at=town.clock.now))
    plan.make_plan(town.context)
    after = values(scrape(town))
    assert {key: after[key] for key in after if "pass" in key[0]} == {
        key: before[key] for key in before if "pass" in key[0]
    }


def test_no_identifier_case_worker_or_address_is_in_a_scrape(town):
    text = scrape(town).lower()
    with town.store.read() as connection:
        names = [
            *connection.execute(select(base.worker.c.ref)).scalars(),
            *connection.execute(select(base.cases.c.number)).scalars(),
            *connection.execute(select(base.place.c.address)).scalars(),
            *connection.execute(select(base.place.c.uid)).scalars(),
            *connection.execute(select(base.device.c.ref)).scalars(),
            *(token.hex() for token in connection.execute(select(base.identifier.c.token)).scalars()),
        ]
    assert len(names) > 50
    assert [name for name in names if name.lower() in text] == []
    assert "hold" not in text.replace("threshold", "")


def test_what_is_kept_is_told_until_it_is_read_again(town):
    app = town.make_app()
    kept = app.extensions[KEPT]
    kept.renew()
    with town.store.write() as connection:
        connection.execute(work_count.update().values(count=work_count.c.count + 1))
    before = values(scrape(town, app))
    kept.renew()
    assert values(scrape(town, app)) != before


def test_what_cannot_be_read_again_is_told_no_more(town):
    def make_context():
        if broken:
            raise StoreUnavailableError(StoreProblem.UNREACHABLE)
        return town.context

    broken = False
    kept = KeptMetrics(make_context)
    kept.renew()
    broken = True
    assert kept.read()
    with pytest.raises(StoreUnavailableError):
        kept.renew()
    with pytest.raises(StoreUnavailableError):
        kept.read()
