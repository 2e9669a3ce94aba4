"""Planted identifiers come out nowhere: not in answers, errors, database, log, heads, reports or file names.

The identifiers stand where a real one would: in the register, in cards, in names of card files, in rows with faults.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from server.cli import run_command
from server.core.model import CLEARED_FOR_HOLDS, ContactClass, Phase, Role
from server.sources.mapping import load_mapping
from server.sources.rows import AssignmentRow, CaseRow, ContactRow
from server.sources.writing import write_rows
from server.work.reports.catalogue import REPORTS
from tests.parts.dav import DavServer
from tests.parts.radicale import Right, radicale_server

pytestmark = [pytest.mark.parts, pytest.mark.integration]

CANARIES = ("612987651", "612987652", "612987653", "canary-address", "CANARY-NAME", "CANARY-NOTE", "canary-file")
SECRETS = ("canary-password",)
NOW = datetime.now(UTC).replace(second=0, microsecond=0)


def card(uid: str, *lines: str) -> str:
    return "\r\n".join(["BEGIN:VCARD", "VERSION:3.0", f"UID:{uid}", "FN:CANARY-NAME", *lines, "END:VCARD", ""])


CARDS = {
    "canary-file-0612987651.vcf": card("one", "TEL:06-12987651"),
    "canary-file-asked.vcf": card("eight", "TEL:06-12987651", "NOTE:CANARY-NOTE"),
    "canary-file-mixed.vcf": card("two", "TEL:+31 6 12987652", "TEL:+31 6 50005001", "EMAIL:private@home.example"),
    "canary-file-note.vcf": card("three", "TEL:+31 6 50005002", "NOTE:CANARY-NOTE call 06 12 98 76 53"),
    "canary-file-mail.vcf": card("four", "EMAIL:Canary-Address@Clients.Example"),
    "canary-file-case.vcf": card("five", "NOTE:Zaak 123456 CANARY-NOTE"),
    "organisation.vcf": card("six", "TEL:0800-2000"),
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[DavServer]:
    with radicale_server(
        tmp_path / "radicale", logins={"service": SECRETS[0]}, rights=[Right("service", write=True)]
    ) as server:
        client = server.client()
        client.make_book("service/book")
        for name, text in CARDS.items():
            client.put("service/book", name, text)
        yield server


def register(folder: Path) -> list[Path]:
    closed = NOW - timedelta(days=400)
    rows = [
        CaseRow(2, "123456", Phase.CLOSED, closed.date() - timedelta(days=90), closed, recorded=True),
        AssignmentRow(2, "123456", "worker-01", "handler", closed - timedelta(days=80), closed),
        *(
            ContactRow(2 + n, "123456", "A", ContactClass.CLIENT, value)
            for n, value in enumerate(("06-12987651", "06-12987652", "06-12987653", "canary-address@clients.example"))
        ),
    ]
    return write_rows(rows, load_mapping("generic-en"), folder, NOW)


def test_planted_identifiers_come_out_nowhere(
    server: DavServer, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    home = tmp_path / "installation"
    environ = {"CLOSEOUT_HOME": str(home)}
    secret = tmp_path / "password-file"
    secret.write_text(SECRETS[0])
    places = tmp_path / "places.csv"
    places.write_text(
        f"worker;employer;connection;address\nworker-01;Employer;books;{server.book_url('service/book')}\n"
    )
    (tmp_path / "export").mkdir()
    export = register(tmp_path / "export")
    statuses: list[tuple[tuple[str, ...], int]] = []

    def say(*arguments: str) -> int:
        statuses.append((arguments, run_command(arguments, environ)))
        return statuses[-1][1]

    say("init", "Invented organisation", "--demo")
    say(
        *("connection", "put", "books", "--vendor", "carddav", "--url", server.url),
        *("--login", "service", "--secret-file", str(secret)),
    )
    say("place", "import", str(places))
    say("cases", "import", *map(str, export), "--mapping", "generic-en")
    say("look")
    for role in Role:
        say("--as", str(role), "plan")
        say("--json", "--as", str(role), "finding", "list")
    say("run")
    said = capfd.readouterr()
    for plan in _waiting_plans(environ, capfd):
        say("release", plan)
    assert say("run") == 0
    assert say("verify") == 0
    left = server.client().cards("service/book")
    assert "canary-file-0612987651.vcf" not in left
    assert "canary-file-asked.vcf" in left
    assert "12987652" not in left["canary-file-mixed.vcf"]
    assert "50005001" in left["canary-file-mixed.vcf"]
    assert "canary-file-note.vcf" in left
    for role in (Role.IT_ADMINISTRATOR, Role.PRIVACY_OFFICER):
        say("--as", str(role), "report", "removals", "--out", str(home / "reports"))
    forms = ("--format", "json", "--format", "csv", "--until", f"{NOW:%Y-%m-%d}", "--out", str(home / "reports"))
    for key, kind in REPORTS.items():
        assert say("--as", str(min(kind.roles - CLEARED_FOR_HOLDS)), "report", key, *forms) == 0, key
    _spoil(export, tmp_path)
    say("cases", "import", *map(str, export), "--mapping", "generic-en")
    say("--as", "investigator", "hold", "set", "--worker", "worker-01", "--reason", "call 06-12987651")
    say("--as", "privacy_officer", "deviation", "add",
        "--case", "123456", "--worker", "06-12987652", "--tier", "self", "--reason", "x",
        "--decided-by", "y", "--until", "2099-01-01")  # fmt: skip
    _plant_unreadable(server)
    say("look", "--full")
    secret.write_text("canary-password-2")
    say("look")
    secret.write_text(SECRETS[0])
    server.client().request("DELETE", "/service/book/")
    say("look", "--full")
    server.stop()
    say("run")
    say("doctor")
    say("log", "verify")

    captured = capfd.readouterr()
    written = {
        "standard output": (said.out + captured.out).encode(),
        "standard error": (said.err + captured.err).encode(),
    }
    written |= {str(file.relative_to(home)): file.read_bytes() for file in home.rglob("*") if file.is_file()}
    written |= {"file names": "\n".join(str(path.relative_to(home)) for path in home.rglob("*")).encode()}
    found = {
        (where, canary)
        for where, content in written.items()
        for canary in (*CANARIES, *SECRETS)
        if canary.lower() in content.decode("utf-8", "replace").lower()
    }
    assert found == set()
    assert sum(status == 0 for _, status in statuses) > len(statuses) / 2, statuses


def _waiting_plans(environ: dict[str, str], capfd: pytest.CaptureFixture[str]) -> list[str]:
    """Plans above a limit of the policy, which wait for a person."""
    assert run_command(["--json", "release"], environ) == 0
    return [row["plan"] for row in json.loads(capfd.readouterr().out)["sections"][0]["rows"]]


def _spoil(export: list[Path], folder: Path) -> None:
    """Faults in rows that hold identifiers: what is said of them must not repeat a cell."""
    for file in export:
        text = file.read_text(encoding="utf-8-sig")
        file.write_text(
            text.replace("06-12987651", "CANARY-NAME without number").replace("closed", "canary-file phase")
        )


def _plant_unreadable(server: DavServer) -> None:
    """A card as a broken device would leave it: Latin-1 in a UTF-8 card, no end, far too long."""
    client = server.client()
    client.put("service/book", "canary-file-broken.vcf", card("seven", "NOTE:" + "CANARY-NOTE " * 200_000))
