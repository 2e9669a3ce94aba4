"""`closeout metrics`: what monitoring is told, printed or put into a file for an exporter on the machine."""

from __future__ import annotations

from prometheus_client.parser import text_string_to_metric_families

from server.cli import run_command
from server.core.reports.metrics import METRICS
from tests.cli.shell import Shell
from tests.vendors.serving import served


def names_in(text: str) -> list[str]:
    return [family.name for family in text_string_to_metric_families(text)]


ALL = [each.name.removesuffix("_total") for each in METRICS]


def test_they_are_printed_as_prometheus_reads_them(shell: Shell, capsys):
    assert run_command(["metrics"], shell.environ) == 0
    assert names_in(capsys.readouterr().out) == ALL


def test_for_programs_that_read_our_json_they_are_a_table(shell: Shell):
    told = shell.must("metrics")
    assert told["key"] == "metrics"
    rows = {(row["metric"], row["labels"]): row["value"] for row in told["sections"][0]["rows"]}
    assert rows["closeout_places", ""] == "7"
    assert rows["closeout_orders", "ready"] == "0"


def test_a_file_is_whole_and_can_be_read_by_the_exporter(shell: Shell):
    file = shell.folder / "closeout.prom"
    file.write_text("closeout_old 1\n")
    assert shell.must("metrics", "--file", str(file))["key"] == "metrics_written"
    assert names_in(file.read_text()) == ALL
    assert file.stat().st_mode & 0o777 == 0o644
    assert [each.name for each in shell.folder.iterdir() if each.name.startswith("closeout.prom")] == ["closeout.prom"]


def test_the_doctor_asks_the_watcher_and_says_when_it_does_not_answer(shell: Shell):
    def told() -> dict[str, str]:
        rows = shell.say("doctor")[1]["sections"][0]["rows"]
        return {row["what"]: row["well"]["code"] for row in rows if row["what"] == "Heartbeat"}

    def watcher(_environ, start):
        start("200 OK", [])
        return [b""]

    assert told() == {}
    with served(watcher) as url:
        shell.environ["CLOSEOUT_HEARTBEAT_URL"] = f"{url}/ping/invented"
        assert told() == {"Heartbeat": "yes"}
    shell.environ["CLOSEOUT_HEARTBEAT_URL"] = "http://watcher.example/ping"
    assert told() == {"Heartbeat": "no"}
