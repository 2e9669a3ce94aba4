"""A Zaken API asked at the command: connected as for usage, and told in words a person can act on."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from server.core.model import ContactClass, Phase
from server.sources.mapping import load_mapping
from server.sources.rows import CaseRow, ContactRow
from server.sources.writing import write_rows
from tests.cli.shell import Shell
from tests.vendors.notificaties import API, NotificationService
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


def test_a_service_is_subscribed_to_seen_and_ended_and_the_doctor_says_what_is_wrong(shell: Shell) -> None:
    (shell.folder / "zaken.key").write_text("a-secret-that-is-shared-with-the-api")
    service = NotificationService(lambda _, headers, __: 204 if "Authorization" in headers else 403)

    def doctor() -> str | None:
        _, told = shell.say("doctor")
        rows = {row["what"]: row["remedy"] for row in told["sections"][0]["rows"]}
        found: str | None = rows.get("Notifications of cases: zaken", "-")
        return found

    with served(service) as address:
        service.host = address
        put = ("connection", "put", "zaken", "--vendor", "zgw-klantcontact", "--url", address + ZAKEN)
        signs = (*put, "--login", service.client, "--secret-file", str(shell.folder / "zaken.key"))
        shell.must(*signs)
        assert doctor() == "-"
        assert shell.say("cases", "subscribe", "zaken")[1]["key"] == "no_service"
        shell.must(*signs, "--option", "case_system=zaaksysteem", "--option", f"notifications_url={address}{API}")
        assert str(doctor()).startswith("Nothing is subscribed to")
        assert shell.say("cases", "subscribe", "zaken", "--show")[1]["key"] == "not_made"
        assert shell.must("cases", "subscribe", "zaken")["key"] == "subscribed"
        assert (shell.must("cases", "subscribe", "zaken", "--show")["key"], doctor()) == ("watched", None)
        (made,) = service.subscriptions.values()
        assert made["kanalen"] == [{"naam": "zaken", "filters": {}}]
        status, told = shell.say("connection", "remove", "zaken")
        assert (status, told["key"]) == (1, "in_use")
        service.subscriptions.clear()
        assert str(doctor()).startswith("The service knows this subscription no more")
        assert shell.must("cases", "subscribe", "zaken", "--end")["key"] == "unsubscribed"
        shell.must("connection", "remove", "zaken")
