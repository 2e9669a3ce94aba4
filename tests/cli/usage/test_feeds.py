"""Feeds that are asked for, at the command line: from a connection with a token in a file to sums and a report."""

from __future__ import annotations

import json
from datetime import datetime, timedelta

from server.core.days import AMSTERDAM
from tests.cli.shell import Shell
from tests.vendors.graph import App
from tests.vendors.klant import BASE, Klant
from tests.vendors.reports import ReportsCloud, Use
from tests.vendors.serving import served

LAST_MONTH = (datetime.now(AMSTERDAM).date().replace(day=1) - timedelta(days=1)).replace(day=3)
MONTH = ("--period", f"{LAST_MONTH:%Y-%m}")


def test_contact_moments_are_pulled_from_a_connection_whose_token_is_in_a_file(shell: Shell):
    service = Klant()
    token = shell.folder / "token"
    token.write_text(service.token + "\n")
    for n in range(1, 8):
        service.add(f"{LAST_MONTH}T12:00:00Z", "WhatsApp" if n < 3 else "telefonisch", [f"worker-{n}"])
    service.add(f"{LAST_MONTH}T12:00:00Z", done=False)
    with served(service) as address:
        put = ("connection", "put", "klant", "--vendor", "open-klant", "--url", address + BASE)
        shell.must(*put, "--secret-file", str(token))
        told = shell.must("usage", "pull", "klant")
        assert told["key"] == "usage_applied"
        assert "Left out, as nobody was reached, or nobody called: 1." in told["lines"]
        assert shell.must("usage", "pull", "klant")["key"] == "usage_known"
        (run,) = shell.must("usage", "list")["sections"][0]["rows"]
        assert (run["feed"], run["rows"], run["last"]) == ("open-klant", 0, datetime.now(AMSTERDAM).date().isoformat())
        token.write_text("another")
        status, told = shell.say("usage", "pull", "klant")
        assert (status, told["key"]) == (1, "pull_failed")
        assert "another" not in json.dumps(told)
    shell.must("--as", "privacy_officer", "report", "channels", "--out", str(shell.folder / "reports"))
    assert shell.say("usage", "pull", "nothing")[1]["key"] == "no_feed"


def test_contact_moments_that_were_saved_as_json_are_imported_and_the_file_is_deleted_when_asked(shell: Shell):
    service = Klant()
    service.add(f"{LAST_MONTH}T12:00:00Z")
    file = shell.folder / "saved.json"
    file.write_text(json.dumps(service.export()))
    told = shell.must("usage", "import", str(file), "--mapping", "open-klant", *MONTH, "--destroy")
    assert (told["key"], file.exists()) == ("usage_applied", False)


def test_teams_is_asked_by_a_connection_with_its_tenant_and_says_how_late_and_how_concealed_it_is(shell: Shell):
    today = datetime.now(AMSTERDAM).date()
    cloud = ReportsCloud(today)
    cloud.concealed = True
    cloud.uses = [Use("b-1", today - timedelta(days=3), messages=4)]
    secret = shell.folder / "secret"
    secret.write_text("service-secret")
    with served(cloud) as url, served(cloud.warehouse) as elsewhere:
        cloud.warehouse.address = elsewhere
        cloud.add_tenant("tenant-1", App("client-1", "service-secret"))
        put = ("connection", "put", "teams", "--vendor", "teams-activity", "--url", f"{url}/v1.0")
        shell.must(*put, "--login", "client-1", "--secret-file", str(secret), "--option", "tenant=tenant-1",
                   "--option", f"authority={url}")  # fmt: skip
        told = shell.must("usage", "pull", "teams")
    assert told["key"] == "usage_applied"
    late, hidden = told["lines"][-2:]
    assert late.startswith(("It is 2 days behind", "It is 3 days behind")), "it may be past midnight in Amsterdam"
    assert hidden.startswith("The service conceals whose accounts these are.")
    assert "Not attributable: 1." in " ".join(told["lines"])
