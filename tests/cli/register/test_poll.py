"""A Zaken API asked at the command: connected as for usage, and told in words a person can act on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from server.core.model import ContactClass, Phase
from server.sources.mapping import load_mapping
from server.sources.rows import CaseRow, ContactRow
from server.sources.writing import write_rows
from tests.cli.shell import Shell
from tests.vendors.serving import served
from tests.vendors.zaken import ZAKEN, CasesService

NUMBER = "240117"


def test_a_case_that_ended_there_is_closed_here_and_what_is_not_connected_is_said(shell: Shell):
    mapping = load_mapping("generic-en")
    rows = [
        CaseRow(0, NUMBER, Phase.INVESTIGATION),
        ContactRow(0, NUMBER, "A", ContactClass.CLIENT, "06-12345601"),
    ]
    now = datetime.now(UTC)
    files = write_rows(rows, mapping, shell.folder, now - timedelta(minutes=1))
    shell.must("cases", "import", *map(str, files), "--mapping", "generic-en")
    ask = ("cases", "poll", "zaken", "--system", mapping.system, "--end-status-confirms")
    status, told = shell.say(*ask)
    assert (status, told["key"]) == (1, "no_zaken")
    service = CasesService()
    (shell.folder / "zaken.key").write_text(service.secret)
    with served(service) as address:
        service.host = address
        service.open(NUMBER)
        service.close(NUMBER, (now - timedelta(days=3)).date().isoformat())
        put = ("connection", "put", "zaken", "--vendor", "zgw-klantcontact", "--url", address + ZAKEN)
        shell.must(*put, "--login", service.client, "--secret-file", str(shell.folder / "zaken.key"))
        told = shell.must(*ask)
        assert (told["key"], told["lines"]) == (
            "polled",
            ["Cases there: 1. Known here: 1.", "Newly closed: 1. Reopened: 0."],
        )
        service.secret = "another-secret-of-some-length-that-is-not-known"
        status, told = shell.say(*ask)
    assert (status, told["key"]) == (1, "poll_failed")
