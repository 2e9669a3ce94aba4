"""Alerts and dashboard name metrics that there are, in queries that Prometheus reads; each alert has its page."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path

import promql_parser
import pytest
from ruamel.yaml import YAML

from server.core.reports.metrics import METRICS
from server.work.reports.health import Part
from tests.conftest import part_missing

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = DEPLOY / "prometheus" / "closeout.rules.yml"
RUNBOOK = (DEPLOY / "RUNBOOK.md").read_text("utf-8")
NAMES = {each.name for each in METRICS}
BY_NAME = {each.name: each for each in METRICS}
OTHERS = {"CloseoutHeartbeatMissed"}
"""What somebody else than Prometheus tells."""


def alerts() -> list[dict]:
    [group] = YAML(typ="safe").load(RULES.read_text("utf-8"))["groups"]
    return group["rules"]


def panels() -> list[dict]:
    return json.loads((DEPLOY / "grafana" / "closeout.json").read_text("utf-8"))["panels"]


QUERIES = {
    **{each["alert"]: [each["expr"]] for each in alerts()},
    **{each["title"]: [target["expr"] for target in each["targets"]] for each in panels()},
}


def selectors(node: object) -> list[promql_parser.VectorSelector]:
    """Every selector of a query, however deep it stands."""
    if isinstance(node, promql_parser.VectorSelector):
        return [node]
    parts = [getattr(node, name, None) for name in ("expr", "lhs", "rhs", "vector_selector")]
    parts += list(getattr(node, "args", None) or [])
    return [found for part in parts if part is not None for found in selectors(part)]


@pytest.mark.parametrize("title", QUERIES)
def test_a_query_is_read_and_asks_for_metrics_and_labels_that_there_are(title):
    for query in QUERIES[title]:
        found = selectors(promql_parser.parse(query))
        assert found
        for each in found:
            asked = {each.name} if each.name else set(re.findall(r"closeout_\w+", query))
            assert asked <= NAMES
            labels = {match.name for match in each.matchers.matchers} - {"__name__"}
            assert all(labels <= set(BY_NAME[name].labels) for name in asked)


def test_parts_that_an_alert_names_are_parts_that_are_looked_at():
    named = {part for each in alerts() for part in re.findall(r'part=~?"([^"]*)"', each["expr"])}
    assert {word for each in named for word in each.split("|")} <= {part.value for part in Part}


def test_every_part_of_the_doctor_has_an_alert():
    told = " ".join(each["expr"] for each in alerts())
    by_a_metric_of_its_own = {Part.PLACES, Part.ENGINE, Part.PLANS, Part.OVERDUE, Part.PAUSE}
    assert {part for part in Part if not re.search(rf'["|]{part.value}["|]', told)} == by_a_metric_of_its_own


def test_every_metric_is_shown_on_the_dashboard():
    shown = {
        name for each in panels() for target in each["targets"] for name in re.findall(r"closeout_\w+", target["expr"])
    }
    assert shown == NAMES


def test_every_alert_has_its_heading_in_the_runbook_and_every_heading_its_alert():
    names = [each["alert"] for each in alerts()]
    assert re.findall(r"^## (\w+)$", RUNBOOK, re.MULTILINE) == [*names, *OTHERS]
    assert [each["annotations"]["runbook"] for each in alerts()] == [f"RUNBOOK.md#{name.lower()}" for name in names]
    assert {each["labels"]["severity"] for each in alerts()} == {"page", "ticket"}


def test_prometheus_takes_the_rules_and_they_fire_when_they_should(tmp_path):
    promtool = shutil.which("promtool") or part_missing("no promtool on this machine (Debian: prometheus)")
    told = (Path(__file__).parent / "alerts.test.yml").read_text("utf-8").replace("RULES", str(RULES))
    (tmp_path / "alerts.yml").write_text(told)
    checked = subprocess.run([promtool, "check", "rules", RULES], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stderr) == (0, "")
    fired = subprocess.run(
        [promtool, "test", "rules", tmp_path / "alerts.yml"], capture_output=True, text=True, check=False
    )
    assert fired.returncode == 0, fired.stderr + fired.stdout


def test_the_scrape_of_the_manual_is_one_that_prometheus_reads(tmp_path):
    promtool = shutil.which("promtool") or part_missing("no promtool on this machine (Debian: prometheus)")
    token = tmp_path / "token"
    token.write_text("closeout_x")
    told = (DEPLOY / "prometheus" / "prometheus.yml").read_text("utf-8")
    (tmp_path / RULES.name).write_bytes(RULES.read_bytes())
    (tmp_path / "prometheus.yml").write_text(told.replace("/etc/prometheus/closeout.token", str(token)))
    checked = subprocess.run(
        [promtool, "check", "config", tmp_path / "prometheus.yml"], capture_output=True, text=True, check=False
    )
    assert checked.returncode == 0, checked.stderr
