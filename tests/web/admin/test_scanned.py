"""Where a scanner is set, no page reads a file before the scanner had its say."""

from __future__ import annotations

import io

import pytest

from server.core.log.entries import EntryKind, read_entry
from server.core.model import Role
from server.store import log
from server.work.admin import access
from server.work.admin.scanning import Scanner, ScanVerdict
from tests.web.conftest import Browser
from tests.web.town import URL

LIST = b"address,worker\nbook-1,worker-01\n"


class Said(Scanner):
    """A scanner whose word is known; it remembers what it was shown."""

    def __init__(self, verdict: ScanVerdict) -> None:
        object.__setattr__(self, "verdict", verdict)
        object.__setattr__(self, "shown", [])

    def scan(self, content: bytes) -> ScanVerdict:
        self.shown.append(content)
        return self.verdict


@pytest.mark.parametrize(
    ("verdict", "status", "says"),
    [
        (ScanVerdict.MALWARE, 422, "the scanner found malware in it"),
        (ScanVerdict.UNKNOWN, 503, "the malware scanner does not answer"),
    ],
)
def test_a_file_that_is_not_clean_is_read_by_nobody(town, verdict, status, says):
    scanner = Said(verdict)
    answer = _send(town, scanner)
    assert (answer.status_code, says in answer.text, scanner.shown) == (status, True, [LIST])
    with town.store.read() as connection:
        *_, (_, text, _) = log.entries(connection)
    entry = read_entry(bytes(text))
    assert (entry.kind, dict(entry.body)) == (
        EntryKind.REFUSED,
        {"what": f"file_{verdict}", "actor_role": "it_administrator"},
    )


def test_a_clean_file_is_read_as_it_was_sent(town):
    scanner = Said(ScanVerdict.CLEAN)
    with_it, without = _send(town, scanner), _send(town, None)
    assert scanner.shown == [LIST]
    assert (with_it.status_code, without.status_code) == (400, 400)
    assert "malware" not in with_it.text


def _send(town, scanner):
    browser = Browser(town.make_app(scanner=scanner))
    browser.sign_in_as(town, access.demo_account(town.context, Role.IT_ADMINISTRATOR))
    form = {"csrf_token": browser.token("/places"), "file": (io.BytesIO(LIST), "places.csv")}
    headers = {"Sec-Fetch-Site": "same-origin"}
    return browser.client.post("/places", data=form, content_type="multipart/form-data", base_url=URL, headers=headers)
