"""What the manual of the API shows works as it stands there: examples with curl, a body, and the client in Python."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from werkzeug.serving import make_server

from server.cli.commands import COMMANDS
from server.client import ANY, Assignment, Case, CaseContact, Client, MonitoringContact, ProblemError
from server.work.admin import access
from server.work.admin.access import Scope
from tests.parts.process import free_port

MANUAL = (Path(__file__).parents[3] / "deploy" / "API.md").read_text("utf-8")
EXAMPLES = re.findall(r"^```sh\n(.*?)^```$", MANUAL, re.MULTILINE | re.DOTALL)
BODY = json.loads(re.search(r"^```json\n(.*?)^```$", MANUAL, re.MULTILINE | re.DOTALL)[1])


@dataclass(frozen=True)
class CaseSystem:
    """Somewhere else, with the address of the pages and a token."""

    url: str
    token: str
    folder: Path

    def shell(self, script: str, **variables: str) -> subprocess.CompletedProcess[str]:
        (self.folder / "closeout.curl").write_text(f'header = "Authorization: Bearer {self.token}"\n')
        environ = {"PATH": "/usr/bin:/bin", "CLOSEOUT": self.url, **variables}
        return subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=environ,
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )

    @property
    def client(self) -> Client:
        return Client(self.url, self.token)


@pytest.fixture
def elsewhere(town, tmp_path) -> Iterator[CaseSystem]:
    port = free_port()
    url = f"http://localhost:{port}"
    server = make_server("127.0.0.1", port, town.make_app(url=url), threaded=False)
    runner = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    runner.start()
    token = access.make_token(town.context, "shown", list(Scope), days=9, case_system="zaaksysteem", owner="ict")
    try:
        yield CaseSystem(url, token, tmp_path)
    finally:
        server.shutdown()
        runner.join()
        server.server_close()


@pytest.mark.skipif(shutil.which("curl") is None, reason="no curl on this machine")
def test_the_three_examples_with_curl_do_what_the_manual_says(elsewhere):
    nightly, button, monitoring = EXAMPLES
    first = BODY | {"phase": "investigation", "closure_confirmed": None}
    (elsewhere.folder / "batch.json").write_text(json.dumps({"items": [{"if_match": "*", "case": first}]}))
    sent = elsewhere.shell(nightly)
    assert (sent.returncode, json.loads(sent.stdout)["changed"]) == (0, 1), sent.stderr
    (elsewhere.folder / "case.json").write_text(json.dumps(BODY))
    closed = elsewhere.shell(button, number=BODY["number"])
    answers = [json.loads(each) for each in re.findall(r"\{.*?\}(?=\{\"case\"|$)", closed.stdout)]
    assert (closed.returncode, len(answers)) == (0, 2), closed
    assert [answers[0]["state"], answers[0]["changed"], answers[1]["proven"]] == ["applied", 1, []]
    seen = elsewhere.shell(monitoring)
    status = elsewhere.client.status()
    assert seen.returncode == (0 if status["overdue"] == 0 and status["engine"]["age"] < 3600 else 2)
    assert seen.stdout == (
        f"overdue orders: {status['overdue']}, seconds since the engine's last sign: {status['engine']['age']}\n"
    )


def test_the_client_says_all_that_a_body_can_and_reads_all_that_is_answered(elsewhere):
    client = elsewhere.client
    case = Case(
        BODY["number"],
        "monitoring",
        [CaseContact("client", ["06 12345601"], person="A", former_since="2026-01-02", linked=False)],
        [Assignment("worker-01", "2026-01-09", "2026-02-09", "case worker")],
        [MonitoringContact("worker-01", "2026-05-05")],
        opened_on="2026-01-09",
        recorded=True,
        transferred_on="2026-01-10",
        monitoring_from="2026-01-11",
        plan_counts_from="2026-01-12",
    )
    new = client.find(case.number)
    pushed = client.push(case)
    assert (new.etag, pushed.items[0].case) == (None, new.case)
    assert client.find(case.number) == pushed.items[0]
    assert client.change(pushed.change.change) == pushed.change
    assert client.push(case, if_match=pushed.items[0].etag).change.changed == 0
    assert client.push_many([(case, ANY)]).items == pushed.items
    found = client.outcome(new.case)
    assert found.proven == ()
    assert client.outcome(new.case, known=found, wait=1) is found
    assert client.outcome(new.case, known=replace(found, etag='"other"')) == found
    with pytest.raises(ProblemError) as refused:
        client.push(case)
    assert (refused.value.status, refused.value.code, list(refused.value.pointers)) == (428, "condition_needed", ["#"])
    with pytest.raises(ProblemError) as refused:
        client.push(Case("240118", "closed", [CaseContact("client", ["x"])], []))
    assert [each["pointer"] for each in refused.value.errors] == ["#/contacts/0/values/0"]
    with pytest.raises(ProblemError) as refused:
        Client(elsewhere.url, "closeout_none").status()
    assert refused.value.status == 401


def test_the_manual_names_commands_that_there_are():
    named = {
        tuple(each.split()) for each in re.findall(r"closeout ((?:token|cases) [a-z]+)", MANUAL.replace("\n", " "))
    }
    assert named == {
        *(("token", "add"), ("token", "list"), ("token", "end")),
        *(("cases", "confirm"), ("cases", "poll"), ("cases", "subscribe")),
    }
    assert all(name in COMMANDS[group].commands for group, name in named)


def test_requests_is_all_that_the_client_asks_for():
    folder = Path(__file__).parents[3] / "server" / "client"
    imported = {
        found
        for file in folder.glob("*.py")
        for found in re.findall(r"^(?:from|import) (\S+)", file.read_text("utf-8"), re.MULTILINE)
    }
    assert imported == {
        "__future__",
        "collections.abc",
        "dataclasses",
        "typing",
        "uuid",
        "requests",
        "server.client.client",
    }
